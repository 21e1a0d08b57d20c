#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "columnar/builder.h"
#include "columnar/kernels.h"
#include "expr/func.h"
#include "expr/node.h"

#define FAIL(nd, ...) cat_expr_fail(err, CAT_E_USAGE, e->text, (nd)->pos, (nd)->len, __VA_ARGS__)

static struct cat_node *use(struct cat_expr *e, const struct cat_node *nd, int k)
{
	return &e->nodes[e->args[nd->use0 + k].node];
}

static void want(struct cat_expr *e, const struct cat_node *nd, int k, enum cat_cls cls)
{
	e->args[nd->use0 + k].want = cls;
}

static bool is_int(enum cat_cls c)
{
	return c == CAT_CLS_I64 || c == CAT_CLS_U64;
}

static bool is_number(enum cat_cls c)
{
	return c >= CAT_CLS_I64 && c <= CAT_CLS_F64;
}

static bool may_be(enum cat_cls have, bool ok)
{
	return ok || have == CAT_CLS_NULL;
}

/* What an argument is, in words. */
static const char *ty_name(const struct cat_node *nd)
{
	return nd->ty.list ? "a list" : cat_cls_name(nd->ty.cls);
}

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
	const struct cat_node *of = use(e, nd, 0);
	const struct cat_field *f = of->ty.field;
	struct cat_nearest near = {.want = nd->str};

	if (nd->col >= 0) {
		nd->ty = ty_of_field(&e->schema->fields[nd->col]);
		return CAT_OK;
	}
	if (of->ty.cls != CAT_CLS_STRUCT || !f)
		return FAIL(nd, "'%s' is asked of something that has no fields", nd->str);
	if (of->ty.list && !of->ty.wrap)
		f = &f->children[0];
	nd->child = find_child(f, nd->str);
	if (nd->child == -2)
		return FAIL(nd, "field '%s' is ambiguous: several names differ only in case", nd->str);
	if (nd->child < 0) {
		for (int i = 0; i < f->nchildren; i++)
			cat_nearest_offer(&near, f->children[i].name);
		return FAIL(nd, "no field '%s'%s%s", nd->str, near.name ? "; nearest: " : "", near.name ? near.name : "");
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

/* --- classes that several arguments share --- */

/* The set of arguments K0, K0+STEP, ... before END, and EXTRA when that is not 0. */
struct span {
	int k0, end, step, extra;
};

static int span_next(struct span s, int k)
{
	if (k != s.extra || k == 0) {
		if (k + s.step < s.end)
			return k + s.step;
		if (s.extra)
			return s.extra;
	}
	return -1;
}
#define EACH(k, s) (int k = (s).k0; k >= 0; k = span_next(s, k))

static bool non_negative(const struct cat_node *nd)
{
	return nd->value && nd->ty.cls == CAT_CLS_I64 &&
	       (!cat_column_valid(nd->value, 0) || cat_column_i64(nd->value, 0) >= 0);
}

/* What there is among the arguments of a span. */
struct mix {
	bool bools, ints, u64, f32, f64, f64_column, text, text_column, time, other, strict_u64;
	enum cat_unit unit;
};

static struct mix mix_of(struct cat_expr *e, const struct cat_node *nd, struct span s)
{
	struct mix m = {.strict_u64 = true};

	for EACH(k, s) {
		const struct cat_node *a = use(e, nd, k);

		m.bools |= a->ty.cls == CAT_CLS_BOOL;
		m.ints |= is_int(a->ty.cls);
		m.u64 |= a->ty.cls == CAT_CLS_U64;
		m.strict_u64 &= a->ty.cls == CAT_CLS_U64 || a->ty.cls == CAT_CLS_NULL || non_negative(a);
		m.f32 |= a->ty.cls == CAT_CLS_F32;
		m.f64 |= a->ty.cls == CAT_CLS_F64;
		m.f64_column |= a->ty.cls == CAT_CLS_F64 && !a->constant;
		m.text |= a->ty.cls == CAT_CLS_TEXT;
		m.text_column |= a->ty.cls == CAT_CLS_TEXT && !a->constant;
		m.other |= a->ty.cls > CAT_CLS_TIME;
		if (a->ty.cls == CAT_CLS_TIME) {
			m.unit = m.time && m.unit > a->ty.unit ? m.unit : a->ty.unit;
			m.time = true;
		}
	}
	return m;
}

/* A constant time as text may be finer than the column's unit. */
static void refine_unit(struct cat_expr *e, const struct cat_node *nd, struct span s, enum cat_unit *unit)
{
	for EACH(k, s) {
		const struct cat_node *a = use(e, nd, k);
		enum cat_unit need;
		int digits = 0;
		int64_t v;
		int32_t n;
		const char *t;

		if (a->ty.cls != CAT_CLS_TEXT || !a->value || !cat_column_valid(a->value, 0))
			continue;
		t = cat_column_text(a->value, 0, &n);
		if (!cat_when_parse(t, (size_t)n, CAT_UNIT_S, &v, &digits))
			continue;
		need = digits > 6 ? CAT_UNIT_NS : digits > 3 ? CAT_UNIT_US : digits > 0 ? CAT_UNIT_MS : CAT_UNIT_S;
		if (need > *unit)
			*unit = need;
	}
}

static int no_mix(struct cat_expr *e, const struct cat_node *nd, struct span s, struct cat_error *err)
{
	const struct cat_node *a = use(e, nd, s.k0), *b = a;

	for EACH(k, s) {
		b = use(e, nd, k);
		if (b->ty.cls != a->ty.cls && !(is_number(b->ty.cls) && is_number(a->ty.cls)) && b->ty.cls != CAT_CLS_NULL)
			break;
	}
	if (a->ty.cls == CAT_CLS_BOOL && is_number(b->ty.cls))
		return FAIL(nd, "boolean and number do not go together; for a range write x BETWEEN 1 AND 5");
	return FAIL(nd, "%s and %s do not go together here; CAST one of them", cat_cls_name(a->ty.cls),
	            cat_cls_name(b->ty.cls));
}

/* Wishes for arguments that are compared with each other: each class pair is one that cat_compare knows. */
static int want_comparable(struct cat_expr *e, struct cat_node *nd, struct span s, struct cat_error *err)
{
	const struct mix m = mix_of(e, nd, s);
	const bool numbers = m.ints || m.f32 || m.f64;

	if (m.other || m.bools + numbers + (m.text || m.time) > 1 || (m.time && m.text_column))
		return no_mix(e, nd, s, err);
	nd->unit = m.unit;
	if (m.time)
		refine_unit(e, nd, s, &nd->unit);
	for EACH(k, s) {
		enum cat_cls cls = use(e, nd, k)->ty.cls;

		if (m.time)
			cls = CAT_CLS_TIME;
		else if (m.text)
			cls = CAT_CLS_TEXT;
		else if (m.f32 || m.f64)
			cls = cls == CAT_CLS_F32 ? CAT_CLS_F32 : CAT_CLS_F64;
		else if (m.u64)
			cls = m.strict_u64 ? CAT_CLS_U64 : cls == CAT_CLS_U64 ? CAT_CLS_U64 : CAT_CLS_I64;
		else
			cls = CAT_CLS_I64;
		want(e, nd, k, cls);
	}
	return CAT_OK;
}

/* One class for arguments that become one value (CASE, COALESCE, LEAST); it is the node's. */
static int want_same(struct cat_expr *e, struct cat_node *nd, struct span s, struct cat_error *err)
{
	const struct mix m = mix_of(e, nd, s);
	const bool numbers = m.ints || m.f32 || m.f64;
	enum cat_cls cls;

	if (m.other || m.bools + numbers + (m.text || m.time) > 1 || (m.time && m.text_column))
		return no_mix(e, nd, s, err);
	nd->ty.unit = nd->unit = m.unit;
	if (m.time)
		refine_unit(e, nd, s, &nd->unit);
	nd->ty.unit = nd->unit;
	if (m.time)
		cls = CAT_CLS_TIME;
	else if (m.text)
		cls = CAT_CLS_TEXT;
	else if (m.bools)
		cls = CAT_CLS_BOOL;
	else if (m.f64_column || (m.f64 && !m.f32))
		cls = CAT_CLS_F64;
	else if (m.f32)
		cls = CAT_CLS_F32;
	else
		cls = m.u64 && m.strict_u64 ? CAT_CLS_U64 : m.ints ? CAT_CLS_I64 : CAT_CLS_NULL;
	nd->ty.cls = cls;
	for EACH(k, s)
		want(e, nd, k, cls);
	return CAT_OK;
}

static bool is_contains(const struct cat_node *nd)
{
	return nd->op == CAT_OP_CALL && nd->func && nd->func->code == CAT_F_CONTAINS;
}

static int want_bool(struct cat_expr *e, const struct cat_node *nd, int k, struct cat_error *err)
{
	const struct cat_node *a = use(e, nd, k);

	if (!may_be(a->ty.cls, a->ty.cls == CAT_CLS_BOOL) && !is_contains(a))
		return FAIL(a, "a condition is needed here, this is %s; compare it with something", ty_name(a));
	want(e, nd, k, CAT_CLS_BOOL);
	return CAT_OK;
}

/* --- operators --- */

static int need_number(struct cat_expr *e, const struct cat_node *nd, int k, bool whole, struct cat_error *err)
{
	const struct cat_node *a = use(e, nd, k);

	if (!may_be(a->ty.cls, whole ? is_int(a->ty.cls) : is_number(a->ty.cls)))
		return FAIL(a, "%s is needed here, this is %s", whole ? "an integer" : "a number", cat_cls_name(a->ty.cls));
	return CAT_OK;
}

static int bind_arith(struct cat_expr *e, struct cat_node *nd, enum cat_op op, struct cat_error *err)
{
	struct mix m = mix_of(e, nd, (struct span){0, 2, 1, 0});
	enum cat_cls cls = CAT_CLS_I64;

	for (int k = 0; k < 2; k++)
		CAT_TRY(need_number(e, nd, k, false, err));
	if (m.f64_column || (m.f64 && !m.f32) || (op == CAT_OP_DIV && !m.f32))
		cls = CAT_CLS_F64;
	else if (m.f32)
		cls = CAT_CLS_F32;
	want(e, nd, 0, cls);
	want(e, nd, 1, cls);
	nd->ty.cls = cls;
	nd->kernel = cat_kernel_arith;
	return CAT_OK;
}

static int bind_bits(struct cat_expr *e, struct cat_node *nd, struct cat_error *err)
{
	enum cat_cls cls = use(e, nd, 0)->ty.cls;

	for (int k = 0; k < nd->nuse; k++)
		CAT_TRY(need_number(e, nd, k, true, err));
	if (nd->nuse == 2 && use(e, nd, 1)->ty.cls == CAT_CLS_U64)
		cls = CAT_CLS_U64;
	if (cls == CAT_CLS_NULL)
		cls = CAT_CLS_I64;
	for (int k = 0; k < nd->nuse; k++)
		want(e, nd, k, cls);
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
	const struct cat_node *a = use(e, nd, 0), *b = use(e, nd, 1);

	nd->ty.cls = CAT_CLS_BOOL;
	nd->kernel = cat_kernel_compare;
	/* FITS keeps logical columns, and people write flag = 1. */
	if ((nd->op == CAT_OP_EQ || nd->op == CAT_OP_NE) &&
	    ((a->ty.cls == CAT_CLS_BOOL && zero_or_one(b)) || (b->ty.cls == CAT_CLS_BOOL && zero_or_one(a)))) {
		want(e, nd, 0, CAT_CLS_I64);
		want(e, nd, 1, CAT_CLS_I64);
		return CAT_OK;
	}
	return want_comparable(e, nd, (struct span){0, 2, 1, 0}, err);
}

static int bind_like(struct cat_expr *e, struct cat_node *nd, struct cat_error *err)
{
	for (int k = 0; k < nd->nuse; k++) {
		const struct cat_node *a = use(e, nd, k);

		if (!may_be(a->ty.cls, a->ty.cls == CAT_CLS_TEXT))
			return FAIL(a, "LIKE needs text, this is %s", cat_cls_name(a->ty.cls));
		want(e, nd, k, CAT_CLS_TEXT);
	}
	if (nd->nuse == 3) {
		const struct cat_column *c = use(e, nd, 2)->value;
		int32_t n = 0;

		if (c && c->type.id == CAT_T_UTF8)
			cat_column_text(c, 0, &n);
		if (n != 1)
			return FAIL(use(e, nd, 2), "ESCAPE needs one character");
	}
	nd->ty.cls = CAT_CLS_BOOL;
	nd->kernel = cat_kernel_like;
	return CAT_OK;
}


static int bind_case(struct cat_expr *e, struct cat_node *nd, struct cat_error *err)
{
	const int pairs = nd->nuse - nd->has_else - nd->simple;

	if (nd->simple)
		CAT_TRY(want_comparable(e, nd, (struct span){0, pairs, 2, nd->nuse - 1}, err));
	for (int k = 0; k < pairs && !nd->simple; k += 2)
		CAT_TRY(want_bool(e, nd, k, err));
	return want_same(e, nd, (struct span){1, pairs, 2, nd->has_else ? pairs : 0}, err);
}

static int bind_cast(struct cat_expr *e, struct cat_node *nd, struct cat_error *err)
{
	const struct cat_node *a = use(e, nd, 0);
	const enum cat_cls from = a->ty.cls, to = cat_cls_of(&nd->cast);
	const bool times = from == CAT_CLS_TIME || to == CAT_CLS_TIME;

	if (from >= CAT_CLS_OTHER || (times && from != to && !may_be(from, from == CAT_CLS_TEXT || to == CAT_CLS_TEXT)))
		return FAIL(nd, "%s cannot be cast to %s", cat_cls_name(from), cat_cls_name(to));
	want(e, nd, 0, CAT_CLS_ANY);
	nd->ty.cls = to;
	nd->ty.unit = nd->cast.id == CAT_T_DATE32 ? CAT_UNIT_S : nd->cast.unit;
	nd->kernel = cat_kernel_cast;
	return CAT_OK;
}

static int bind_index(struct cat_expr *e, struct cat_node *nd, struct cat_error *err)
{
	const struct cat_node *a = use(e, nd, 0);

	if (!a->ty.list)
		return FAIL(nd, "only lists have elements, this is %s", ty_name(a));
	if (a->ty.field && !a->ty.wrap)
		nd->ty = ty_of_field(&a->ty.field->children[0]);
	else if (a->ty.field)
		nd->ty = ty_of_field(a->ty.field);
	else
		nd->ty = (struct cat_ty){.cls = a->ty.cls, .unit = a->ty.unit};
	CAT_TRY(need_number(e, nd, 1, true, err));
	want(e, nd, 0, CAT_CLS_ANY);
	want(e, nd, 1, CAT_CLS_I64);
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
		struct cat_vec v = {.c = cat_column_ref(use(e, nd, k)->value), .one = true};

		rc = cat_vec_coerce(&ev, &v, cls, nd->unit, err);
		if (rc == CAT_OK && (!cat_column_valid(v.c, 0) || (cls == CAT_CLS_F64 && isnan(cat_column_f64(v.c, 0)))))
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

	CAT_TRY(want_comparable(e, nd, (struct span){0, nd->nuse, 1, 0}, err));
	nd->ty.cls = CAT_CLS_BOOL;
	nd->kernel = cat_kernel_in;
	cls = e->args[nd->use0].want;
	if (cls == CAT_CLS_F32)
		cls = CAT_CLS_F64;
	for (int k = 1; k < nd->nuse; k++) {
		const enum cat_cls w = e->args[nd->use0 + k].want;

		constants &= use(e, nd, k)->value != NULL;
		same &= w == cls || (cls == CAT_CLS_F64 && w == CAT_CLS_F32);
	}
	if (!constants || !same || cls == CAT_CLS_U64)
		return CAT_OK;
	want(e, nd, 0, cls);
	return gather_set(e, nd, cls, err);
}

/* --- calls --- */

static int bind_signature(struct cat_expr *e, struct cat_node *nd, struct cat_error *err)
{
	const char *sig = nd->func->args;
	const char *opt = strchr(sig, '?');
	const size_t len = strlen(sig) - (opt != NULL), least = opt ? (size_t)(opt - sig) : len - (strchr(sig, '*') != NULL);
	char kind = 'a';

	if ((size_t)nd->nuse < least || (!strchr(sig, '*') && (size_t)nd->nuse > len))
		return FAIL(nd, "%s takes %s%zu argument%s", nd->func->name, opt || strchr(sig, '*') ? "at least " : "", least,
		            least == 1 ? "" : "s");
	for (int k = 0; k < nd->nuse; k++) {
		const struct cat_node *a = use(e, nd, k);
		const enum cat_cls cls = a->ty.cls;

		if (*sig == '?')
			sig++;
		if (*sig && *sig != '*')
			kind = *sig++;
		if ((kind == 'n' || kind == 's') && !may_be(cls, is_number(cls)))
			return FAIL(a, "%s needs a number, this is %s", nd->func->name, cat_cls_name(cls));
		if (kind == 'i' && !may_be(cls, is_int(cls)))
			return FAIL(a, "%s needs an integer, this is %s", nd->func->name, cat_cls_name(cls));
		if (kind == 't' && !may_be(cls, cls == CAT_CLS_TEXT))
			return FAIL(a, "%s needs text, this is %s", nd->func->name, cat_cls_name(cls));
		if ((kind == 'T' || kind == 'a') && cls >= CAT_CLS_OTHER)
			return FAIL(a, "%s cannot take %s", nd->func->name, cat_cls_name(cls));
		if ((kind == 'l' || kind == 'B') && !a->ty.list)
			return FAIL(nd, "%s over a table is an aggregate and belongs in an aggregate list (cat-group -a); as a "
			            "function of one row it needs a list, this is %s", nd->func->name, ty_name(a));
		if (kind == 'B' && cls != CAT_CLS_BOOL)
			return FAIL(a, "%s needs a condition on the elements, this is a list of %s", nd->func->name,
			            cat_cls_name(cls));
		want(e, nd, k, kind == 'n' ? CAT_CLS_F64 : kind == 'i' ? CAT_CLS_I64 : kind == 't' || kind == 'T' ? CAT_CLS_TEXT
		     : kind == 's' && is_int(cls) ? CAT_CLS_I64 : kind == 's' && cls == CAT_CLS_NULL ? CAT_CLS_F64
		     : kind == 's' ? cls : CAT_CLS_ANY);
	}
	return CAT_OK;
}

static int bind_list_function(struct cat_expr *e, struct cat_node *nd, struct cat_error *err)
{
	const enum cat_cls elem = use(e, nd, 0)->ty.cls;
	const bool plain = nd->func->code == CAT_F_COUNT || nd->func->code == CAT_F_LENGTH ||
	                   nd->func->code == CAT_F_COUNT_IF;
	enum cat_cls cls = elem == CAT_CLS_F32 || elem == CAT_CLS_U64 ? elem : is_int(elem) ? CAT_CLS_I64 : CAT_CLS_F64;

	if (plain) {
		nd->ty.cls = CAT_CLS_I64;
		return CAT_OK;
	}
	if (!is_number(elem))
		return FAIL(nd, "%s needs a list of numbers, this is a list of %s", nd->func->name, cat_cls_name(elem));
	if (nd->func->gives == 'q')
		cls = is_int(elem) ? CAT_CLS_I64 : CAT_CLS_F64;
	else if (nd->func->gives == 'd')
		cls = CAT_CLS_F64;
	want(e, nd, 0, cls);
	nd->ty.cls = cls;
	return CAT_OK;
}

static int append_use(struct cat_expr *e, struct cat_node *nd, int node, struct cat_error *err)
{
	if (cat_grow(&e->args, &e->cap_args, e->nargs, sizeof *e->args) != 0)
		return cat_fail_mem(err, e->nargs * sizeof *e->args);
	e->args[e->nargs++] = (struct cat_arg){.node = node, .want = CAT_CLS_F64};
	nd->nuse++;
	return CAT_OK;
}

/* The numbers of a shape: its arguments without the coordinate system, POINTs replaced by theirs. */
static int append_shape(struct cat_expr *e, struct cat_node *nd, const struct cat_node *shape, struct cat_error *err)
{
	for (int k = 0; k < shape->nargs; k++) {
		const int i = e->args[shape->arg0 + k].node;
		const struct cat_node *a = &e->nodes[i];

		if (k == 0 && shape->op == CAT_OP_CALL && a->op == CAT_OP_LITERAL && a->lit == CAT_CLS_TEXT) {
			if (a->str[0] && strncasecmp(a->str, "ICRS", 4) != 0)
				return cat_expr_fail(err, CAT_E_UNSUPPORTED, e->text, a->pos, a->len,
				                     "coordinate system '%s': only ICRS is supported", a->str);
			continue;
		}
		if (a->ty.cls == CAT_CLS_SHAPE) {
			if (a->func->code != CAT_F_POINT)
				return FAIL(a, "%s cannot stand here; a POINT or numbers are needed", a->func->name);
			CAT_TRY(append_shape(e, nd, a, err));
			continue;
		}
		if (!may_be(a->ty.cls, is_number(a->ty.cls)))
			return FAIL(a, "a number of degrees is needed here, this is %s", cat_cls_name(a->ty.cls));
		CAT_TRY(append_use(e, nd, i, err));
	}
	return CAT_OK;
}

static int bind_contains(struct cat_expr *e, struct cat_node *nd, struct cat_error *err)
{
	const struct cat_node *p = nd->nargs == 2 ? use(e, nd, 0) : NULL, *s = p ? use(e, nd, 1) : NULL;

	if (!p || p->ty.cls != CAT_CLS_SHAPE || p->func->code != CAT_F_POINT || s->ty.cls != CAT_CLS_SHAPE ||
	    s->func->code == CAT_F_POINT)
		return FAIL(nd, "CONTAINS needs a POINT and a CIRCLE or BOX, in this order");
	nd->use0 = (int)e->nargs;
	nd->nuse = 0;
	CAT_TRY(append_shape(e, nd, p, err));
	CAT_TRY(append_shape(e, nd, s, err));
	nd->kernel = s->func->code == CAT_F_CIRCLE ? cat_kernel_circle : cat_kernel_box;
	nd->ty.cls = CAT_CLS_I64;
	return CAT_OK;
}

/* POINT, CIRCLE and BOX have no value of their own: here only their numbers are counted. */
static int bind_shape(struct cat_expr *e, struct cat_node *nd, int numbers, struct cat_error *err)
{
	const int use0 = nd->use0, nuse = nd->nuse;
	const size_t nargs = e->nargs;
	int have;

	nd->use0 = (int)e->nargs;
	nd->nuse = 0;
	CAT_TRY(append_shape(e, nd, nd, err));
	have = nd->nuse;
	nd->use0 = use0;
	nd->nuse = nuse;
	e->nargs = nargs;
	if (have != numbers)
		return FAIL(nd, "%s takes %d numbers, here are %d", nd->func->name, numbers, have);
	nd->ty.cls = CAT_CLS_SHAPE;
	return CAT_OK;
}

static int bind_position(struct cat_expr *e, struct cat_node *nd, struct cat_error *err)
{
	switch (nd->func->code) {
	case CAT_F_POINT:
		return bind_shape(e, nd, 2, err);
	case CAT_F_CIRCLE:
		return bind_shape(e, nd, 3, err);
	case CAT_F_BOX:
		return bind_shape(e, nd, 4, err);
	case CAT_F_CONTAINS:
		return bind_contains(e, nd, err);
	case CAT_F_DISTANCE:
		nd->use0 = (int)e->nargs;
		nd->nuse = 0;
		CAT_TRY(append_shape(e, nd, nd, err));
		if (nd->nuse != 4)
			return FAIL(nd, "DISTANCE takes two POINTs or four numbers");
		nd->kernel = cat_kernel_distance;
		nd->ty.cls = CAT_CLS_F64;
		return CAT_OK;
	default:
		return cat_expr_fail(err, CAT_E_UNSUPPORTED, e->text, nd->pos, nd->len, "%s is not supported%s",
		                     nd->func->name,
		                     nd->func->code == CAT_F_RAND ? ": results must not depend on chance" : " in expressions");
	}
}

static int unknown_function(struct cat_expr *e, const struct cat_node *nd, struct cat_error *err)
{
	struct cat_nearest near = {.want = nd->str};

	for (size_t i = 0; cat_func_row(i); i++)
		cat_nearest_offer(&near, cat_func_row(i)->name);
	return cat_expr_fail(err, CAT_E_USAGE, e->text, nd->pos, (int)strlen(nd->str), "no function '%s'%s%s", nd->str,
	                     near.name ? "; nearest: " : "", near.name ? near.name : "");
}

static int bind_call(struct cat_expr *e, struct cat_node *nd, struct cat_error *err)
{
	nd->func = cat_func_find(nd->str);
	if (!nd->func)
		return unknown_function(e, nd, err);
	nd->kernel = nd->func->kernel;
	if (nd->func->gives == 'p')
		return bind_position(e, nd, err);
	CAT_TRY(bind_signature(e, nd, err));
	switch (nd->func->gives) {
	case 's':
		nd->ty.cls = e->args[nd->use0].want;
		return CAT_OK;
	case 'm':
		return bind_arith(e, nd, CAT_OP_REM, err);
	case 'c':
		if (nd->func->code == CAT_F_IF) {
			CAT_TRY(want_bool(e, nd, 0, err));
			return want_same(e, nd, (struct span){1, 3, 1, 0}, err);
		}
		return want_same(e, nd, (struct span){0, nd->nuse, 1, 0}, err);
	case 'e':
	case 'q':
		return bind_list_function(e, nd, err);
	case 't':
		nd->ty.cls = CAT_CLS_TEXT;
		return CAT_OK;
	case 'b':
		nd->ty.cls = CAT_CLS_BOOL;
		return CAT_OK;
	case 'i':
		nd->ty.cls = CAT_CLS_I64;
		return CAT_OK;
	default:
		nd->ty.cls = CAT_CLS_F64;
		return nd->kernel == cat_kernel_list ? bind_list_function(e, nd, err) : CAT_OK;
	}
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
		CAT_TRY(need_number(e, nd, 0, false, err));
		nd->ty.cls = is_int(use(e, nd, 0)->ty.cls) ? CAT_CLS_I64
		             : use(e, nd, 0)->ty.cls == CAT_CLS_F32 ? CAT_CLS_F32 : CAT_CLS_F64;
		want(e, nd, 0, nd->ty.cls);
		nd->kernel = cat_kernel_neg;
		return CAT_OK;
	case CAT_OP_ADD:
	case CAT_OP_SUB:
	case CAT_OP_MUL:
	case CAT_OP_DIV:
	case CAT_OP_REM:
		return bind_arith(e, nd, nd->op, err);
	case CAT_OP_BITNOT:
	case CAT_OP_BITAND:
	case CAT_OP_BITOR:
	case CAT_OP_BITXOR:
	case CAT_OP_SHL:
	case CAT_OP_SHR:
		return bind_bits(e, nd, err);
	case CAT_OP_CONCAT:
		for (int k = 0; k < 2; k++) {
			if (use(e, nd, k)->ty.cls >= CAT_CLS_OTHER)
				return FAIL(nd, "|| cannot take %s", cat_cls_name(use(e, nd, k)->ty.cls));
			want(e, nd, k, CAT_CLS_TEXT);
		}
		nd->ty.cls = CAT_CLS_TEXT;
		nd->kernel = cat_kernel_concat;
		return CAT_OK;
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
			CAT_TRY(want_bool(e, nd, k, err));
		nd->ty.cls = CAT_CLS_BOOL;
		nd->kernel = nd->op == CAT_OP_NOT ? cat_kernel_not
		             : nd->op == CAT_OP_AND || nd->op == CAT_OP_OR ? cat_kernel_logic : cat_kernel_is_bool;
		return CAT_OK;
	case CAT_OP_IN:
		return bind_in(e, nd, err);
	case CAT_OP_BETWEEN:
		nd->ty.cls = CAT_CLS_BOOL;
		nd->kernel = cat_kernel_between;
		return want_comparable(e, nd, (struct span){0, 3, 1, 0}, err);
	case CAT_OP_IS_NULL:
		want(e, nd, 0, CAT_CLS_ANY);
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
		return bind_call(e, nd, err);
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
		const struct cat_node *a = use(e, nd, k);

		nd->constant &= a->constant;
		list |= a->ty.list;
		if (a->ty.cls == CAT_CLS_SHAPE && nd->ty.cls != CAT_CLS_SHAPE)
			return FAIL(a, "%s belongs into CONTAINS or DISTANCE", a->func->name);
	}
	if (list && lifts(nd)) {
		nd->lift = nd->ty.list = true;
	} else if (list && nd->op != CAT_OP_FIELD && nd->op != CAT_OP_NAME && nd->ty.cls != CAT_CLS_SHAPE &&
	           nd->kernel != cat_kernel_list && nd->kernel != cat_kernel_index) {
		return FAIL(nd, "this does not work on lists, only on one value a row");
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
		return FAIL(root, "%s belongs into CONTAINS or DISTANCE", root->func->name);
	return CAT_OK;
}

int cat_expr_bind_where(struct cat_expr *e, struct cat_schema *s, struct cat_error *err)
{
	const struct cat_node *root = &e->nodes[e->root];

	CAT_TRY(cat_expr_bind(e, s, err));
	if (root->ty.list)
		return FAIL(root, "a condition gives one answer a row, this gives a list; count_if(...) > 0 asks for any");
	if (!may_be(root->ty.cls, root->ty.cls == CAT_CLS_BOOL) && !is_contains(root))
		return FAIL(root, "a condition is needed here, this is %s; compare it with something", ty_name(root));
	return CAT_OK;
}

void cat_expr_columns(const struct cat_expr *e, bool *used)
{
	for (size_t i = 0; i < e->nnodes; i++)
		if (!e->nodes[i].skipped && e->nodes[i].col >= 0)
			used[e->nodes[i].col] = true;
}

int cat_expr_column(const struct cat_expr *e)
{
	return e->nodes[e->root].col;
}

int cat_expr_field(const struct cat_expr *e, struct cat_field *out, struct cat_error *err)
{
	const struct cat_node *nd = &e->nodes[e->root];
	const struct cat_ty *t = &nd->ty;
	struct cat_type type = nd->op == CAT_OP_CAST || nd->op == CAT_OP_TRY_CAST ? nd->cast : cat_cls_type(t->cls, t->unit);
	int rc;

	if (t->field && !t->wrap) {
		CAT_TRY(cat_field_copy(out, t->field, err));
		out->nullable |= nd->op != CAT_OP_NAME; /* what it is a field of may be null */
		return CAT_OK;
	}
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
