#include <string.h>

#include "base/alloc.h"
#include "columnar/kernels.h"
#include "expr/func.h"
#include "expr/node.h"

/* --- lists: the kernel sees the elements --- */

static bool is_list(const struct cat_column *c)
{
	return c->type.id == CAT_T_LIST || c->type.id == CAT_T_FIXED_LIST;
}

/* Elements of a row that may be null: then there are none. */
static void elements(const struct cat_column *c, int64_t i, int64_t *from, int64_t *to)
{
	*from = *to = 0;
	if (cat_column_valid(c, i))
		cat_list_bounds(c, i, from, to);
}

/* What the lists of one node have in common: offsets from zero, and rows where any of them is null. */
struct shape {
	struct cat_column *list; /* the result, child missing */
	const int32_t *offsets;
	int64_t n, total;
	struct cat_buf *idx; /* scratch for gathering elements */
	struct cat_buf *active;
};

static void shape_fini(struct shape *s)
{
	cat_column_unref(s->list);
	cat_buf_unref(s->idx);
	cat_buf_unref(s->active);
}

static int shape_lengths(struct cat_eval *ev, const struct cat_vec *a, int na, struct shape *s,
			 struct cat_error *err)
{
	int32_t *off = (int32_t *)(void *)s->list->offsets->data;
	int64_t total = 0;

	off[0] = 0;
	for (int64_t i = 0; i < s->n; i++) {
		int64_t len = -1;

		for (int k = 0; k < na && cat_column_valid(s->list, i); k++) {
			int64_t from, to;

			if (!is_list(a[k].c))
				continue;
			elements(a[k].c, i, &from, &to);
			if (len >= 0 && to - from != len) {
				if (cat_eval_active(ev, i))
					return cat_eval_fail(ev, i, err,
							     "lists of %lld and %lld elements do not go together",
							     (long long)len, (long long)(to - from));
				to = from + (to - from < len ? to - from : len);
			}
			len = to - from;
		}
		total += len > 0 ? len : 0;
		if (total > INT32_MAX)
			return cat_fail(err, CAT_E_UNSUPPORTED, "more than 2^31 list elements in one batch");
		off[i + 1] = (int32_t)total;
	}
	s->offsets = off;
	s->total = total;
	return CAT_OK;
}

static int shape_of(struct cat_eval *ev, const struct cat_vec *a, int na, int64_t n, struct shape *s,
		    struct cat_error *err)
{
	const struct cat_type list = {.id = CAT_T_LIST};

	s->n = n;
	CAT_TRY(cat_column_new(&list, n, 1, &s->list, err));
	for (int k = 0; k < na; k++)
		if (is_list(a[k].c))
			CAT_TRY(cat_vec_valid_and(&a[k], 1, n, s->list, err));
	CAT_TRY(cat_buf_new(((size_t)n + 1) * sizeof(int32_t), &s->list->offsets, err));
	CAT_TRY(shape_lengths(ev, a, na, s, err));
	CAT_TRY(cat_buf_new((size_t)s->total * sizeof(int32_t), &s->idx, err));
	if (!ev->active)
		return CAT_OK;
	CAT_TRY(cat_buf_zeroed((size_t)s->total / 8 + 1, &s->active, err));
	for (int64_t i = 0; i < n; i++)
		for (int32_t k = s->offsets[i]; k < s->offsets[i + 1] && cat_eval_active(ev, i); k++)
			cat_bit_set(s->active->data, k);
	return CAT_OK;
}

/* The elements of a list, or a row's value repeated for each of its elements. */
static int flatten(const struct shape *s, struct cat_vec *v, struct cat_error *err)
{
	int32_t *idx = (int32_t *)(void *)s->idx->data;
	const bool list = is_list(v->c);
	struct cat_column *flat;

	if (v->one)
		return CAT_OK;
	for (int64_t i = 0; i < s->n; i++) {
		int64_t from = i, to;

		if (list)
			elements(v->c, i, &from, &to);
		for (int32_t k = s->offsets[i]; k < s->offsets[i + 1]; k++)
			idx[k] = (int32_t)(list ? from++ : i);
	}
	CAT_TRY(cat_take(list ? v->c->children[0] : v->c, idx, s->total, &flat, err));
	cat_column_unref(v->c);
	v->c = flat;
	return CAT_OK;
}

static int run_kernel(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int na, int64_t n,
		      struct cat_vec *out, struct cat_error *err)
{
	const struct cat_arg *want = &ev->e->args[nd->use0];
	bool one = true;
	int rc;

	for (int k = 0; k < na; k++) {
		if (!is_list(a[k].c))
			CAT_TRY(cat_vec_coerce(ev, &a[k], want[k].want, nd->unit, err));
		one &= a[k].one;
	}
	memset(out, 0, sizeof *out);
	rc = nd->kernel(ev, nd, a, one ? 1 : n, out, err);
	if (rc != CAT_OK) {
		cat_vec_drop(out);
		return rc;
	}
	out->one = one;
	return CAT_OK;
}

static int run_lifted(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int na,
		      struct cat_vec *out, struct cat_error *err)
{
	struct cat_eval inner = *ev;
	struct shape s = {.n = 0};
	struct cat_vec flat = {.c = NULL};
	int rc = shape_of(ev, a, na, ev->n, &s, err);

	for (int k = 0; rc == CAT_OK && k < na; k++)
		rc = flatten(&s, &a[k], err);
	inner.n = s.total;
	inner.active = s.active ? s.active->data : NULL;
	inner.lifted = true;
	if (rc == CAT_OK)
		rc = run_kernel(&inner, nd, a, na, s.total, &flat, err);
	if (rc == CAT_OK)
		rc = cat_vec_spread(&flat, s.total, err);
	if (rc == CAT_OK) {
		s.list->children[0] = flat.c;
		out->c = s.list;
		out->one = false;
		s.list = NULL;
		flat.c = NULL;
	}
	cat_vec_drop(&flat);
	shape_fini(&s);
	return rc;
}

int cat_eval_apply(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int na, struct cat_vec *out,
		   struct cat_error *err)
{
	int rc = nd->lift ? run_lifted(ev, nd, a, na, out, err) : run_kernel(ev, nd, a, na, ev->n, out, err);

	for (int k = 0; k < na; k++)
		cat_vec_drop(&a[k]);
	if (rc != CAT_OK)
		return cat_expr_point(err, ev->e->text, nd->pos, nd->len);
	return CAT_OK;
}

/* --- fields --- */

/* Child K of a struct column, null where the struct is. */
static int struct_child(const struct cat_column *c, int k, struct cat_column **out, struct cat_error *err)
{
	struct cat_buf *buf;
	int32_t *idx;
	int rc;

	if (cat_column_null_count(c) == 0) {
		*out = cat_column_ref(c->children[k]);
		return CAT_OK;
	}
	CAT_TRY(cat_buf_new((size_t)c->length * sizeof *idx, &buf, err));
	idx = (int32_t *)(void *)buf->data;
	for (int64_t i = 0; i < c->length; i++)
		idx[i] = cat_column_valid(c, i) ? (int32_t)i : -1;
	rc = cat_take(c->children[k], idx, c->length, out, err);
	cat_buf_unref(buf);
	return rc;
}

/* A list of structs to the list of one field. */
static int list_child(struct cat_column *c, int k, struct cat_column **out, struct cat_error *err)
{
	const struct cat_type list = {.id = CAT_T_LIST};
	struct cat_column *r;
	int rc = CAT_OK;

	CAT_TRY(cat_column_new(&list, c->length, 1, &r, err));
	r->null_count = c->null_count;
	if (c->type.id == CAT_T_LIST) {
		r->offset = c->offset;
		r->validity = cat_buf_ref(c->validity);
		r->offsets = cat_buf_ref(c->offsets);
	} else {
		const struct cat_vec v = {.c = c};

		rc = cat_buf_new(((size_t)c->length + 1) * sizeof(int32_t), &r->offsets, err);
		for (int64_t i = 0; rc == CAT_OK && i <= c->length; i++)
			((int32_t *)(void *)r->offsets->data)[i] = (int32_t)(i * c->type.width);
		if (rc == CAT_OK)
			rc = cat_vec_valid_and(&v, 1, c->length, r, err);
	}
	if (rc == CAT_OK)
		rc = struct_child(c->children[0], k, &r->children[0], err);
	if (rc != CAT_OK) {
		cat_column_unref(r);
		return rc;
	}
	*out = r;
	return CAT_OK;
}

static int eval_field(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *out, struct cat_error *err)
{
	struct cat_vec of;
	int rc;

	CAT_TRY(cat_eval_node(ev, cat_expr_use(ev->e, nd, 0), &of, err));
	out->one = of.one;
	rc = is_list(of.c) ? list_child(of.c, nd->child, &out->c, err)
			   : struct_child(of.c, nd->child, &out->c, err);
	cat_vec_drop(&of);
	return rc;
}

/* --- operators that do not look at every row: AND, OR, CASE, IF, COALESCE --- */

/* Words of a bitmap of N rows. */
static size_t words(int64_t n)
{
	return (size_t)(n + 63) / 64;
}

static int new_words(int64_t n, const uint8_t *from, struct cat_buf **out, struct cat_error *err)
{
	CAT_TRY(cat_buf_zeroed(words(n) * 8, out, err));
	if (from)
		memcpy((*out)->data, from, (size_t)(n + 7) / 8);
	else
		memset((*out)->data, 0xff, (*out)->size);
	return CAT_OK;
}

/* Word W of the rows where a coerced boolean is true (false when WHAT is false). */
static uint64_t truth_word(const struct cat_vec *v, size_t w, bool what)
{
	uint64_t data, valid = ~UINT64_C(0);

	if (v->one)
		return cat_column_valid(v->c, 0) && cat_column_bool(v->c, 0) == what ? ~UINT64_C(0) : 0;
	memcpy(&data, v->c->data->data + w * 8, 8);
	if (v->c->validity)
		memcpy(&valid, v->c->validity->data + w * 8, 8);
	return (what ? data : ~data) & valid;
}

/* Rows that a side has decided are no longer the others' business: they cannot fail there. */
static int eval_logic(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *out, struct cat_error *err)
{
	const bool settles = nd->op == CAT_OP_OR; /* true settles OR, false settles AND */
	struct cat_vec *a = cat_calloc((size_t)nd->nuse, sizeof *a);
	struct cat_eval inner = *ev;
	struct cat_buf *todo = NULL;
	int rc = CAT_OK, done = 0;

	if (!a)
		return cat_fail_mem(err, sizeof *a);
	for (; rc == CAT_OK && done < nd->nuse; done++) {
		rc = cat_eval_node(&inner, cat_expr_use(ev->e, nd, done), &a[done], err);
		if (rc == CAT_OK)
			rc = cat_vec_coerce(&inner, &a[done], CAT_CLS_BOOL, nd->unit, err);
		if (rc == CAT_OK && !todo && done + 1 < nd->nuse)
			rc = new_words(ev->n, ev->active, &todo, err);
		for (size_t w = 0; rc == CAT_OK && done + 1 < nd->nuse && w < words(ev->n); w++)
			((uint64_t *)(void *)todo->data)[w] &= ~truth_word(&a[done], w, settles);
		inner.active = todo ? todo->data : NULL;
	}
	if (rc == CAT_OK) {
		rc = cat_eval_apply(ev, nd, a, nd->nuse, out, err);
	} else {
		for (int k = 0; k < done; k++)
			cat_vec_drop(&a[k]);
	}
	cat_buf_unref(todo);
	cat_free(a);
	return rc;
}

/* A choice under way: which branch each row takes, and the rows that wait. */
struct choice {
	const struct cat_node *nd;
	struct cat_vec *branch;
	int nb;
	struct cat_buf *which, *todo, *hit;
	struct cat_vec of; /* x of CASE x */
};

/* Argument K for the rows in BITS, as class CLS. */
static int eval_arg(struct cat_eval *ev, const struct cat_node *nd, int k, const struct cat_buf *bits,
		    enum cat_cls cls, enum cat_unit unit, struct cat_vec *out, struct cat_error *err)
{
	struct cat_eval inner = *ev;

	inner.active = bits->data;
	CAT_TRY(cat_eval_node(&inner, cat_expr_use(ev->e, nd, k), out, err));
	if (cat_vec_coerce(&inner, out, cls, unit, err) != CAT_OK) {
		cat_vec_drop(out);
		return cat_expr_point(err, ev->e->text, nd->pos, nd->len);
	}
	return CAT_OK;
}

/* The rows in ch->hit leave those that wait and take branch ch->nb, which argument K gives. */
static int take_branch(struct cat_eval *ev, struct choice *ch, int k, struct cat_error *err)
{
	const uint64_t *hit = (const uint64_t *)(const void *)ch->hit->data;
	uint64_t *todo = (uint64_t *)(void *)ch->todo->data;
	int32_t *which = (int32_t *)(void *)ch->which->data;
	bool any = false;

	for (size_t w = 0; w < words(ev->n); w++) {
		todo[w] &= ~hit[w];
		for (uint64_t bits = hit[w]; bits; bits &= bits - 1) {
			const int64_t i = (int64_t)w * 64 + __builtin_ctzll(bits);

			if (i < ev->n) {
				which[i] = ch->nb;
				any = true;
			}
		}
	}
	if (any)
		CAT_TRY(eval_arg(ev, ch->nd, k, ch->hit, ch->nd->ty.cls, ch->nd->ty.unit, &ch->branch[ch->nb],
				 err));
	else
		CAT_TRY(cat_vec_null(cat_cls_type(ch->nd->ty.cls, ch->nd->ty.unit), &ch->branch[ch->nb], err));
	ch->nb++;
	return CAT_OK;
}

/* Condition K, and branch K+1 for the rows where it is true. */
static int choose_when(struct cat_eval *ev, struct choice *ch, int k, struct cat_error *err)
{
	const struct cat_node *nd = ch->nd;
	uint64_t *hit = (uint64_t *)(void *)ch->hit->data;
	const uint64_t *todo = (const uint64_t *)(const void *)ch->todo->data;
	struct cat_vec cond;

	if (nd->op == CAT_OP_CASE && nd->simple) {
		const enum cat_cls cls = ev->e->args[nd->use0 + k].want;
		struct cat_vec value;
		int rc;

		CAT_TRY(eval_arg(ev, nd, k, ch->todo, cls, nd->unit, &value, err));
		memset(&cond, 0, sizeof cond);
		rc = cat_compare(CAT_OP_EQ, &ch->of, &value, ch->of.one && value.one ? 1 : ev->n, &cond, err);
		cond.one = ch->of.one && value.one;
		cat_vec_drop(&value);
		CAT_TRY(rc);
	} else {
		CAT_TRY(eval_arg(ev, nd, k, ch->todo, CAT_CLS_BOOL, CAT_UNIT_S, &cond, err));
	}
	for (size_t w = 0; w < words(ev->n); w++)
		hit[w] = todo[w] & truth_word(&cond, w, true);
	cat_vec_drop(&cond);
	return take_branch(ev, ch, k + 1, err);
}

/* Rows of a vector that are neither NULL nor NaN. */
static void present_bits(const struct cat_vec *v, int64_t n, const struct cat_buf *todo, struct cat_buf *hit)
{
	memset(hit->data, 0, hit->size);
	for (int64_t i = 0; i < n; i++) {
		const int64_t at = v->one ? 0 : i;
		bool ok = cat_column_valid(v->c, at);

		if (ok && (v->c->type.id == CAT_T_F64 || v->c->type.id == CAT_T_F32)) {
			const double x = cat_column_f64(v->c, at);

			ok = x == x;
		}
		if (ok && cat_bit_get(todo->data, i))
			cat_bit_set(hit->data, i);
	}
}

static int choose_coalesce(struct cat_eval *ev, struct choice *ch, struct cat_error *err)
{
	const struct cat_node *nd = ch->nd;

	for (int k = 0; k < nd->nuse; k++) {
		struct cat_vec *v = &ch->branch[ch->nb];
		int32_t *which = (int32_t *)(void *)ch->which->data;

		CAT_TRY(eval_arg(ev, nd, k, ch->todo, nd->ty.cls, nd->ty.unit, v, err));
		if (k == nd->nuse - 1)
			memcpy(ch->hit->data, ch->todo->data, ch->hit->size);
		else
			present_bits(v, ev->n, ch->todo, ch->hit);
		for (int64_t i = 0; i < ev->n; i++)
			if (cat_bit_get(ch->hit->data, i))
				which[i] = ch->nb;
		for (size_t i = 0; i < ch->todo->size; i++)
			ch->todo->data[i] &= (uint8_t)~ch->hit->data[i];
		ch->nb++;
	}
	return CAT_OK;
}

static int choose_all(struct cat_eval *ev, struct choice *ch, struct cat_error *err)
{
	const struct cat_node *nd = ch->nd;
	const bool call = nd->op == CAT_OP_CALL;
	const int pairs = call ? 2 : nd->nuse - nd->has_else - nd->simple;

	CAT_TRY(new_words(ev->n, ev->active, &ch->todo, err));
	CAT_TRY(new_words(ev->n, NULL, &ch->hit, err));
	CAT_TRY(cat_buf_new((size_t)ev->n * sizeof(int32_t), &ch->which, err));
	memset(ch->which->data, 0xff, ch->which->size);
	if (call && nd->func->code == CAT_F_COALESCE)
		return choose_coalesce(ev, ch, err);
	if (nd->simple)
		CAT_TRY(eval_arg(ev, nd, nd->nuse - 1, ch->todo, ev->e->args[nd->use0 + nd->nuse - 1].want,
				 nd->unit, &ch->of, err));
	for (int k = 0; k < pairs; k += 2)
		CAT_TRY(choose_when(ev, ch, k, err));
	if (call || nd->has_else) {
		memcpy(ch->hit->data, ch->todo->data, ch->hit->size);
		CAT_TRY(take_branch(ev, ch, pairs, err));
	}
	return CAT_OK;
}

static int eval_choice(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *out, struct cat_error *err)
{
	struct choice ch = {.nd = nd};
	int rc;

	ch.branch = cat_calloc((size_t)nd->nuse + 1, sizeof *ch.branch);
	if (!ch.branch)
		return cat_fail_mem(err, sizeof *ch.branch);
	rc = choose_all(ev, &ch, err);
	if (rc == CAT_OK)
		rc = cat_vec_choose(ch.branch, ch.nb, (const int32_t *)(const void *)ch.which->data, ev->n, out,
				    err);
	out->one = false;
	for (int k = 0; k <= nd->nuse; k++)
		cat_vec_drop(&ch.branch[k]);
	cat_vec_drop(&ch.of);
	cat_buf_unref(ch.todo);
	cat_buf_unref(ch.hit);
	cat_buf_unref(ch.which);
	cat_free(ch.branch);
	return rc;
}

/* --- nodes --- */

static int eval_args(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *out, struct cat_error *err)
{
	enum { FEW = 6 };
	struct cat_vec few[FEW] = {{.c = NULL}}, *a = few;
	int rc = CAT_OK, done = 0;

	if (nd->nuse > FEW) {
		a = cat_calloc((size_t)nd->nuse, sizeof *a);
		if (!a)
			return cat_fail_mem(err, sizeof *a);
	}
	while (rc == CAT_OK && done < nd->nuse) {
		rc = cat_eval_node(ev, cat_expr_use(ev->e, nd, done), &a[done], err);
		done += rc == CAT_OK;
	}
	if (rc == CAT_OK)
		rc = cat_eval_apply(ev, nd, a, nd->nuse, out, err);
	else
		for (int k = 0; k < done; k++)
			cat_vec_drop(&a[k]);
	if (a != few)
		cat_free(a);
	return rc;
}

int cat_eval_node(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *out, struct cat_error *err)
{
	memset(out, 0, sizeof *out);
	if (nd->value) {
		out->c = cat_column_ref(nd->value);
		out->one = true;
		return CAT_OK;
	}
	if (nd->col >= 0) {
		out->c = cat_column_ref(ev->b->cols[nd->col]);
		return CAT_OK;
	}
	if (nd->op == CAT_OP_FIELD)
		return eval_field(ev, nd, out, err);
	if ((nd->op == CAT_OP_AND || nd->op == CAT_OP_OR) && !nd->lift)
		return eval_logic(ev, nd, out, err);
	return nd->kernel ? eval_args(ev, nd, out, err) : eval_choice(ev, nd, out, err);
}

static int eval_root(const struct cat_expr *e, const struct cat_batch *b, enum cat_cls cls,
		     struct cat_column **out, struct cat_error *err)
{
	struct cat_eval ev = {.e = e, .b = b, .n = b->nrows};
	struct cat_vec v;
	int rc;

	CAT_TRY(cat_eval_node(&ev, &e->nodes[e->root], &v, err));
	rc = cat_vec_coerce(&ev, &v, cls, CAT_UNIT_S, err);
	if (rc == CAT_OK)
		rc = cat_vec_spread(&v, b->nrows, err);
	if (rc != CAT_OK) {
		cat_vec_drop(&v);
		return rc;
	}
	*out = v.c;
	return CAT_OK;
}

int cat_expr_eval(const struct cat_expr *e, const struct cat_batch *b, struct cat_column **out,
		  struct cat_error *err)
{
	return eval_root(e, b, CAT_CLS_ANY, out, err);
}

int cat_expr_eval_where(const struct cat_expr *e, const struct cat_batch *b, struct cat_column **out,
			struct cat_error *err)
{
	return eval_root(e, b, CAT_CLS_BOOL, out, err);
}
