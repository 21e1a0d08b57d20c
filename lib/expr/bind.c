#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "columnar/builder.h"
#include "columnar/kernels.h"
#include "expr/bind.h"

/* --- columns and fields --- */

static struct cat_ty ty_of_field(const struct cat_field *f)
{
	struct cat_ty t = {.cls = cat_cls_of(&f->type), .field = f, .unit = f->type.unit};

	if (f->type.id == CAT_T_LIST || f->type.id == CAT_T_FIXED_LIST) {
		const struct cat_type *elem = &f->children[0].type;

		t.list = true;
		t.cls = cat_cls_of(elem);
		t.unit = elem->unit;
		f = &f->children[0];
	}
	if (f->type.id == CAT_T_DATE32)
		t.unit = CAT_UNIT_S;
	if (f->type.id == CAT_T_DATE64)
		t.unit = CAT_UNIT_MS;
	return t;
}

static int bind_name(struct cat_expr *e, struct cat_node *nd, struct cat_error *err)
{
	if (cat_schema_need(e->schema, nd->str, &nd->col, err) != CAT_OK)
		return cat_expr_point(err, e->text, nd->pos, nd->len);
	nd->ty = ty_of_field(&e->schema->fields[nd->col]);
	return CAT_OK;
}

static int find_child(const struct cat_field *f, const char *name)
{
	int found = -1;

	for (int i = 0; i < f->nchildren; i++)
		if (strcmp(f->children[i].name, name) == 0)
			return i;
	for (int i = 0; i < f->nchildren; i++)
		if (cat_equal_nocase(f->children[i].name, name))
			found = found == -1 ? i : -2;
	return found;
}

static int bind_field(struct cat_expr *e, struct cat_node *nd, struct cat_error *err)
{
	const struct cat_node *of = cat_expr_use(e, nd, 0);
	const struct cat_field *f = of->ty.field;
	struct cat_nearest near = {.want = nd->str};

	if (nd->col >= 0) {
		nd->ty = ty_of_field(&e->schema->fields[nd->col]);
		return CAT_OK;
	}
	if (of->ty.cls != CAT_CLS_STRUCT || !f)
		return CAT_BIND_FAIL(nd, "'%s' is asked of something that has no fields", nd->str);
	if (of->ty.list && !of->ty.wrap)
		f = &f->children[0];
	nd->child = find_child(f, nd->str);
	if (nd->child == -2)
		return CAT_BIND_FAIL(nd, "field '%s' is ambiguous: several names differ only in case", nd->str);
	if (nd->child < 0) {
		for (int i = 0; i < f->nchildren; i++)
			cat_nearest_offer(&near, f->children[i].name);
		return CAT_BIND_FAIL(nd, "no field '%s'%s%s", nd->str, near.name ? "; nearest: " : "",
				     near.name ? near.name : "");
	}
	nd->ty = ty_of_field(&f->children[nd->child]);
	if (of->ty.list) {
		if (nd->ty.list)
			nd->ty.cls = CAT_CLS_OTHER;
		nd->ty.list = nd->ty.wrap = true;
	}
	return CAT_OK;
}

/* "a.b.c" may be the name of one column: from the outermost field inwards, so that the longest name wins. */
static int find_dotted(struct cat_expr *e, struct cat_error *err)
{
	for (size_t i = e->nnodes; i-- > 0;) {
		struct cat_node *nd = &e->nodes[i], *bottom = nd;
		const struct cat_node *chain[16];
		struct cat_text name = {.max = 4096};
		int n = 0, col;

		while (bottom->op == CAT_OP_FIELD && n < 16) {
			chain[n++] = bottom;
			bottom = &e->nodes[e->args[bottom->arg0].node];
		}
		if (nd->skipped || n == 0 || bottom->op != CAT_OP_NAME)
			continue;
		cat_text_add(&name, bottom->str);
		for (int k = n; k-- > 0;) {
			cat_text_addc(&name, '.');
			cat_text_add(&name, chain[k]->str);
		}
		if (cat_text_check(&name, err) != CAT_OK) {
			cat_text_fini(&name);
			return (int)err->code;
		}
		col = cat_schema_find(e->schema, name.s);
		cat_text_fini(&name);
		if (col < 0)
			continue;
		nd->col = col;
		for (struct cat_node *k = nd; k->op == CAT_OP_FIELD;) {
			k = &e->nodes[e->args[k->arg0].node];
			k->skipped = true;
		}
	}
	return CAT_OK;
}

/* --- operators --- */

int cat_bind_arith(struct cat_expr *e, struct cat_node *nd, enum cat_op op, struct cat_error *err)
{
	struct cat_mix m = cat_mix_of(e, nd, (struct cat_span){0, 2, 1, 0});
	enum cat_cls cls = CAT_CLS_I64;

	for (int k = 0; k < 2; k++)
		CAT_TRY(cat_need_number(e, nd, k, false, err));
	if (m.f64_column || (m.f64 && !m.f32) || (op == CAT_OP_DIV && !m.f32))
		cls = CAT_CLS_F64;
	else if (m.f32)
		cls = CAT_CLS_F32;
	cat_bind_want(e, nd, 0, cls);
	cat_bind_want(e, nd, 1, cls);
	nd->ty.cls = cls;
	nd->kernel = cat_kernel_arith;
	return CAT_OK;
}

static int bind_bits(struct cat_expr *e, struct cat_node *nd, struct cat_error *err)
{
	enum cat_cls cls = cat_expr_use(e, nd, 0)->ty.cls;

	for (int k = 0; k < nd->nuse; k++)
		CAT_TRY(cat_need_number(e, nd, k, true, err));
	if (nd->nuse == 2 && cat_expr_use(e, nd, 1)->ty.cls == CAT_CLS_U64)
		cls = CAT_CLS_U64;
	if (cls == CAT_CLS_NULL)
		cls = CAT_CLS_I64;
	for (int k = 0; k < nd->nuse; k++)
		cat_bind_want(e, nd, k, cls);
	nd->ty.cls = cls;
	nd->kernel = nd->op == CAT_OP_BITNOT ? cat_kernel_bitnot : cat_kernel_bits;
	return CAT_OK;
}

static bool zero_or_one(const struct cat_node *nd)
{
	return nd->value && nd->ty.cls == CAT_CLS_I64 && cat_column_valid(nd->value, 0) &&
	       (cat_column_i64(nd->value, 0) == 0 || cat_column_i64(nd->value, 0) == 1);
}

static int bind_compare(struct cat_expr *e, struct cat_node *nd, struct cat_error *err)
{
	const struct cat_node *a = cat_expr_use(e, nd, 0), *b = cat_expr_use(e, nd, 1);

	nd->ty.cls = CAT_CLS_BOOL;
	nd->kernel = cat_kernel_compare;
	/* FITS keeps logical columns, and people write flag = 1. */
	if ((nd->op == CAT_OP_EQ || nd->op == CAT_OP_NE) &&
	    ((a->ty.cls == CAT_CLS_BOOL && zero_or_one(b)) || (b->ty.cls == CAT_CLS_BOOL && zero_or_one(a)))) {
		cat_bind_want(e, nd, 0, CAT_CLS_I64);
		cat_bind_want(e, nd, 1, CAT_CLS_I64);
		return CAT_OK;
	}
	return cat_want_comparable(e, nd, (struct cat_span){0, 2, 1, 0}, err);
}

static int bind_like(struct cat_expr *e, struct cat_node *nd, struct cat_error *err)
{
	for (int k = 0; k < nd->nuse; k++) {
		const struct cat_node *a = cat_expr_use(e, nd, k);

		if (!cat_cls_may_be(a->ty.cls, a->ty.cls == CAT_CLS_TEXT))
			return CAT_BIND_FAIL(a, "LIKE needs text, this is %s", cat_cls_name(a->ty.cls));
		cat_bind_want(e, nd, k, CAT_CLS_TEXT);
	}
	if (nd->nuse == 3) {
		const struct cat_column *c = cat_expr_use(e, nd, 2)->value;
		int32_t n = 0;

		if (c && c->type.id == CAT_T_UTF8)
			cat_column_text(c, 0, &n);
		if (n != 1)
			return CAT_BIND_FAIL(cat_expr_use(e, nd, 2), "ESCAPE needs one character");
	}
	nd->ty.cls = CAT_CLS_BOOL;
	nd->kernel = cat_kernel_like;
	return CAT_OK;
}

static int bind_case(struct cat_expr *e, struct cat_node *nd, struct cat_error *err)
{
	const int pairs = nd->nuse - nd->has_else - nd->simple;

	if (nd->simple)
		CAT_TRY(cat_want_comparable(e, nd, (struct cat_span){0, pairs, 2, nd->nuse - 1}, err));
	for (int k = 0; k < pairs && !nd->simple; k += 2)
		CAT_TRY(cat_want_bool(e, nd, k, err));
	return cat_want_same(e, nd, (struct cat_span){1, pairs, 2, nd->has_else ? pairs : 0}, err);
}

static int bind_cast(struct cat_expr *e, struct cat_node *nd, struct cat_error *err)
{
	const struct cat_node *a = cat_expr_use(e, nd, 0);
	const enum cat_cls from = a->ty.cls, to = cat_cls_of(&nd->cast);
	const bool times = from == CAT_CLS_TIME || to == CAT_CLS_TIME;

	if (from >= CAT_CLS_OTHER ||
	    (times && from != to && !cat_cls_may_be(from, from == CAT_CLS_TEXT || to == CAT_CLS_TEXT)))
		return CAT_BIND_FAIL(nd, "%s cannot be cast to %s", cat_cls_name(from), cat_cls_name(to));
	cat_bind_want(e, nd, 0, CAT_CLS_ANY);
	nd->ty.cls = to;
	nd->ty.unit = nd->cast.id == CAT_T_DATE32 ? CAT_UNIT_S : nd->cast.unit;
	nd->kernel = cat_kernel_cast;
	return CAT_OK;
}

static int bind_index(struct cat_expr *e, struct cat_node *nd, struct cat_error *err)
{
	const struct cat_node *a = cat_expr_use(e, nd, 0);

	if (!a->ty.list)
		return CAT_BIND_FAIL(nd, "only lists have elements, this is %s", cat_ty_name(a));
	if (a->ty.field && !a->ty.wrap)
		nd->ty = ty_of_field(&a->ty.field->children[0]);
	else if (a->ty.field)
		nd->ty = ty_of_field(a->ty.field);
	else
		nd->ty = (struct cat_ty){.cls = a->ty.cls, .unit = a->ty.unit};
	CAT_TRY(cat_need_number(e, nd, 1, true, err));
	cat_bind_want(e, nd, 0, CAT_CLS_ANY);
	cat_bind_want(e, nd, 1, CAT_CLS_I64);
	nd->kernel = cat_kernel_index;
	return CAT_OK;
}

/* --- IN: constants are sorted once --- */

static int compare_i64(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int compare_f64(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts what is in SET (no nulls). Text by insertion into an index would do for few; shell sort for many. */
static int sort_set(struct cat_column **set, struct cat_error *err)
{
	struct cat_column *c = *set, *sorted;
	struct cat_buf *buf;
	int32_t *idx;
	int rc;

	if (c->type.id == CAT_T_I64 || c->type.id == CAT_T_TIMESTAMP) {
		qsort(c->data->data, (size_t)c->length, 8, compare_i64);
		return CAT_OK;
	}
	if (c->type.id == CAT_T_F64) {
		qsort(c->data->data, (size_t)c->length, 8, compare_f64);
		return CAT_OK;
	}
	CAT_TRY(cat_buf_new((size_t)c->length * sizeof *idx, &buf, err));
	idx = (int32_t *)(void *)buf->data;
	for (int32_t i = 0; i < c->length; i++)
		idx[i] = i;
	for (int64_t gap = c->length / 2; gap > 0; gap = gap == 2 ? 1 : gap * 5 / 11) {
		for (int64_t i = gap; i < c->length; i++) {
			const int32_t x = idx[i];
			int64_t k = i;
			int32_t nx, np;
			const char *sx = cat_column_text(c, x, &nx), *sp;

			for (; k >= gap; k -= gap) {
				sp = cat_column_text(c, idx[k - gap], &np);
				if (cat_text_order(sp, (size_t)np, sx, (size_t)nx) <= 0)
					break;
				idx[k] = idx[k - gap];
			}
			idx[k] = x;
		}
	}
	rc = cat_take(c, idx, c->length, &sorted, err);
	cat_buf_unref(buf);
	CAT_TRY(rc);
	cat_column_unref(c);
	*set = sorted;
	return CAT_OK;
}

/* The constants of the list, coerced, without NULL and NaN, which match nothing. */
static int gather_set(struct cat_expr *e, struct cat_node *nd, enum cat_cls cls, struct cat_error *err)
{
	struct cat_eval ev = {.e = e, .n = 1};
	const struct cat_field f = {.type = cat_cls_type(cls, nd->unit)};
	struct cat_builder b;
	int rc = cat_builder_init(&b, &f, err);

	nd->set_null = false;
	for (int k = 1; rc == CAT_OK && k < nd->nuse; k++) {
		struct cat_vec v = {.c = cat_column_ref(cat_expr_use(e, nd, k)->value), .one = true};

		rc = cat_vec_coerce(&ev, &v, cls, nd->unit, err);
		if (rc == CAT_OK &&
		    (!cat_column_valid(v.c, 0) || (cls == CAT_CLS_F64 && isnan(cat_column_f64(v.c, 0)))))
			nd->set_null = true;
		else if (rc == CAT_OK)
			rc = cat_builder_row(&b, v.c, 0, err);
		cat_vec_drop(&v);
	}
	if (rc == CAT_OK)
		rc = cat_builder_finish(&b, &nd->set, err);
	cat_builder_fini(&b);
	return rc == CAT_OK ? sort_set(&nd->set, err) : rc;
}

static int bind_in(struct cat_expr *e, struct cat_node *nd, struct cat_error *err)
{
	bool constants = true, same = true;
	enum cat_cls cls;

	CAT_TRY(cat_want_comparable(e, nd, (struct cat_span){0, nd->nuse, 1, 0}, err));
	nd->ty.cls = CAT_CLS_BOOL;
	nd->kernel = cat_kernel_in;
	cls = e->args[nd->use0].want;
	if (cls == CAT_CLS_F32)
		cls = CAT_CLS_F64;
	for (int k = 1; k < nd->nuse; k++) {
		const enum cat_cls w = e->args[nd->use0 + k].want;

		constants &= cat_expr_use(e, nd, k)->value != NULL;
		same &= w == cls || (cls == CAT_CLS_F64 && w == CAT_CLS_F32);
	}
	if (!constants || !same || cls == CAT_CLS_U64)
		return CAT_OK;
	cat_bind_want(e, nd, 0, cls);
	return gather_set(e, nd, cls, err);
}

/* --- nodes --- */

static int bind_literal(struct cat_node *nd, struct cat_error *err)
{
	const struct cat_type type = cat_cls_type(nd->lit, CAT_UNIT_S);
	const struct cat_field f = {.type = type};
	struct cat_builder b;
	int rc;

	nd->ty.cls = nd->lit;
	CAT_TRY(cat_builder_init(&b, &f, err));
	if (nd->lit == CAT_CLS_NULL)
		rc = cat_builder_null(&b, err);
	else if (nd->lit == CAT_CLS_TEXT)
		rc = cat_builder_text(&b, nd->str, strlen(nd->str), err);
	else if (nd->lit == CAT_CLS_BOOL)
		rc = cat_builder_bool(&b, nd->i64 != 0, err);
	else
		rc = cat_builder_fixed(&b, nd->lit == CAT_CLS_F64 ? (const void *)&nd->f64 : &nd->i64, err);
	if (rc == CAT_OK)
		rc = cat_builder_finish(&b, &nd->value, err);
	cat_builder_fini(&b);
	return rc;
}

static int bind_neg(struct cat_expr *e, struct cat_node *nd, struct cat_error *err)
{
	const enum cat_cls cls = cat_expr_use(e, nd, 0)->ty.cls;

	CAT_TRY(cat_need_number(e, nd, 0, false, err));
	nd->ty.cls = cat_cls_is_int(cls) ? CAT_CLS_I64 : cls == CAT_CLS_F32 ? CAT_CLS_F32 : CAT_CLS_F64;
	cat_bind_want(e, nd, 0, nd->ty.cls);
	nd->kernel = cat_kernel_neg;
	return CAT_OK;
}

static int bind_concat(struct cat_expr *e, struct cat_node *nd, struct cat_error *err)
{
	for (int k = 0; k < 2; k++) {
		const struct cat_node *a = cat_expr_use(e, nd, k);

		if (a->ty.cls >= CAT_CLS_OTHER)
			return CAT_BIND_FAIL(nd, "|| cannot take %s", cat_cls_name(a->ty.cls));
		cat_bind_want(e, nd, k, CAT_CLS_TEXT);
	}
	nd->ty.cls = CAT_CLS_TEXT;
	nd->kernel = cat_kernel_concat;
	return CAT_OK;
}

static int bind_op(struct cat_expr *e, struct cat_node *nd, struct cat_error *err)
{
	switch (nd->op) {
	case CAT_OP_LITERAL:
		return bind_literal(nd, err);
	case CAT_OP_NAME:
		return bind_name(e, nd, err);
	case CAT_OP_FIELD:
		return bind_field(e, nd, err);
	case CAT_OP_INDEX:
		return bind_index(e, nd, err);
	case CAT_OP_NEG:
		return bind_neg(e, nd, err);
	case CAT_OP_ADD:
	case CAT_OP_SUB:
	case CAT_OP_MUL:
	case CAT_OP_DIV:
	case CAT_OP_REM:
		return cat_bind_arith(e, nd, nd->op, err);
	case CAT_OP_BITNOT:
	case CAT_OP_BITAND:
	case CAT_OP_BITOR:
	case CAT_OP_BITXOR:
	case CAT_OP_SHL:
	case CAT_OP_SHR:
		return bind_bits(e, nd, err);
	case CAT_OP_CONCAT:
		return bind_concat(e, nd, err);
	case CAT_OP_EQ:
	case CAT_OP_NE:
	case CAT_OP_LT:
	case CAT_OP_LE:
	case CAT_OP_GT:
	case CAT_OP_GE:
		return bind_compare(e, nd, err);
	case CAT_OP_AND:
	case CAT_OP_OR:
	case CAT_OP_NOT:
	case CAT_OP_IS_TRUE:
	case CAT_OP_IS_FALSE:
		for (int k = 0; k < nd->nuse; k++)
			CAT_TRY(cat_want_bool(e, nd, k, err));
		nd->ty.cls = CAT_CLS_BOOL;
		nd->kernel = nd->op == CAT_OP_NOT                          ? cat_kernel_not
			     : nd->op == CAT_OP_AND || nd->op == CAT_OP_OR ? cat_kernel_logic
									   : cat_kernel_is_bool;
		return CAT_OK;
	case CAT_OP_IN:
		return bind_in(e, nd, err);
	case CAT_OP_BETWEEN:
		nd->ty.cls = CAT_CLS_BOOL;
		nd->kernel = cat_kernel_between;
		return cat_want_comparable(e, nd, (struct cat_span){0, 3, 1, 0}, err);
	case CAT_OP_IS_NULL:
		cat_bind_want(e, nd, 0, CAT_CLS_ANY);
		nd->ty.cls = CAT_CLS_BOOL;
		nd->kernel = cat_kernel_is_null;
		return CAT_OK;
	case CAT_OP_LIKE:
	case CAT_OP_ILIKE:
		return bind_like(e, nd, err);
	case CAT_OP_CASE:
		return bind_case(e, nd, err);
	case CAT_OP_CAST:
	case CAT_OP_TRY_CAST:
		return bind_cast(e, nd, err);
	case CAT_OP_CALL:
		return cat_bind_call(e, nd, err);
	}
	return CAT_OK;
}

/* Whether the node's kernel works on the elements of lists; the others take lists whole or not at all. */
static bool lifts(const struct cat_node *nd)
{
	return nd->kernel && nd->kernel != cat_kernel_list && nd->kernel != cat_kernel_index;
}

static int bind_node(struct cat_expr *e, struct cat_node *nd, struct cat_error *err)
{
	bool list = false;

	nd->use0 = nd->arg0;
	nd->nuse = nd->nargs;
	CAT_TRY(bind_op(e, nd, err));
	nd->constant = nd->op != CAT_OP_NAME && nd->col < 0;
	for (int k = 0; k < nd->nuse; k++) {
		const struct cat_node *a = cat_expr_use(e, nd, k);

		nd->constant &= a->constant;
		list |= a->ty.list;
		if (a->ty.cls == CAT_CLS_SHAPE && nd->ty.cls != CAT_CLS_SHAPE)
			return CAT_BIND_FAIL(a, "%s belongs into CONTAINS or DISTANCE", a->func->name);
	}
	if (list && lifts(nd)) {
		nd->lift = nd->ty.list = true;
	} else if (list && nd->op != CAT_OP_FIELD && nd->op != CAT_OP_NAME && nd->ty.cls != CAT_CLS_SHAPE &&
		   nd->kernel != cat_kernel_list && nd->kernel != cat_kernel_index) {
		return CAT_BIND_FAIL(nd, "this does not work on lists, only on one value a row");
	}
	if (nd->constant && !nd->value && nd->ty.cls != CAT_CLS_SHAPE) {
		struct cat_eval ev = {.e = e, .n = 1};
		struct cat_vec v;

		CAT_TRY(cat_eval_node(&ev, nd, &v, err));
		nd->value = v.c;
	}
	return CAT_OK;
}

static void unbind(struct cat_expr *e)
{
	for (size_t i = 0; i < e->nnodes; i++) {
		struct cat_node *nd = &e->nodes[i];

		cat_column_unref(nd->value);
		cat_column_unref(nd->set);
		nd->value = nd->set = NULL;
		nd->col = -1;
		nd->skipped = nd->lift = nd->constant = false;
		nd->kernel = NULL;
		nd->func = NULL;
		nd->ty = (struct cat_ty){.cls = CAT_CLS_NULL};
	}
	e->nargs = e->nparsed;
}

int cat_expr_bind(struct cat_expr *e, struct cat_schema *s, struct cat_error *err)
{
	const struct cat_node *root = &e->nodes[e->root];

	unbind(e);
	cat_schema_ref(s);
	cat_schema_unref(e->schema);
	e->schema = s;
	CAT_TRY(find_dotted(e, err));
	/* Children stand before their parents. */
	for (size_t i = 0; i < e->nnodes; i++)
		if (!e->nodes[i].skipped)
			CAT_TRY(bind_node(e, &e->nodes[i], err));
	if (root->ty.cls == CAT_CLS_SHAPE)
		return CAT_BIND_FAIL(root, "%s belongs into CONTAINS or DISTANCE", root->func->name);
	return CAT_OK;
}

int cat_expr_bind_where(struct cat_expr *e, struct cat_schema *s, struct cat_error *err)
{
	const struct cat_node *root = &e->nodes[e->root];

	CAT_TRY(cat_expr_bind(e, s, err));
	if (root->ty.list)
		return CAT_BIND_FAIL(
			root,
			"a condition gives one answer a row, this gives a list; count_if(...) > 0 asks for any");
	if (!cat_cls_may_be(root->ty.cls, root->ty.cls == CAT_CLS_BOOL) && !cat_is_contains(root))
		return CAT_BIND_FAIL(root, "a condition is needed here, this is %s; compare it with something",
				     cat_ty_name(root));
	return CAT_OK;
}

void cat_expr_columns(const struct cat_expr *e, bool *used)
{
	for (size_t i = 0; i < e->nnodes; i++)
		if (!e->nodes[i].skipped && e->nodes[i].col >= 0)
			used[e->nodes[i].col] = true;
}

/* Marks what node PARENT reads of argument K when that is column COL: one child or, if it is no field, all N. */
static void read_children(const struct cat_expr *e, const struct cat_node *parent, int k, int col, int n, bool *used)
{
	if (cat_expr_use(e, parent, k)->col != col)
		return;
	if (parent->op == CAT_OP_FIELD)
		used[parent->child] = true;
	else
		memset(used, true, (size_t)n * sizeof *used);
}

void cat_expr_children(const struct cat_expr *e, int col, int n, bool *used)
{
	if (e->nodes[e->root].col == col)
		memset(used, true, (size_t)n * sizeof *used);
	for (size_t i = 0; i < e->nnodes; i++)
		for (int k = 0; !e->nodes[i].skipped && e->nodes[i].col < 0 && k < e->nodes[i].nuse; k++)
			read_children(e, &e->nodes[i], k, col, n, used);
}

int cat_expr_column(const struct cat_expr *e)
{
	return e->nodes[e->root].col;
}

int cat_expr_field(const struct cat_expr *e, struct cat_field *out, struct cat_error *err)
{
	const struct cat_node *nd = &e->nodes[e->root];
	const struct cat_ty *t = &nd->ty;
	struct cat_type type = {.id = CAT_T_NULL};
	int rc;

	if (t->field && !t->wrap) {
		CAT_TRY(cat_field_copy(out, t->field, err));
		out->nullable |= nd->op != CAT_OP_NAME; /* what it is a field of may be null */
		return CAT_OK;
	}
	if (!t->field)
		type = nd->op == CAT_OP_CAST || nd->op == CAT_OP_TRY_CAST ? nd->cast : cat_cls_type(t->cls, t->unit);
	CAT_TRY(cat_field_init(out, t->field ? t->field->name : "", t->list ? CAT_T_LIST : type.id, err));
	out->nullable = true;
	if (!t->list) {
		out->type = type;
		return CAT_OK;
	}
	rc = cat_field_children(out, 1, err);
	if (rc == CAT_OK)
		rc = t->field ? cat_field_copy(&out->children[0], t->field, err)
			      : cat_field_init(&out->children[0], "item", type.id, err);
	if (rc == CAT_OK && t->field)
		rc = cat_kv_copy(&out->meta, &t->field->meta, err);
	if (rc == CAT_OK && t->field)
		rc = cat_field_rename(&out->children[0], "item", err);
	if (rc == CAT_OK && !t->field)
		out->children[0].type = type;
	out->children[0].nullable = true;
	if (rc != CAT_OK)
		cat_field_fini(out);
	return rc;
}
