#include "expr/prune.h"

#include <math.h>
#include <string.h>

#include "expr/func.h"
#include "expr/node.h"

/* The answers that rows of the piece may give. */
enum { TRUE_ = 1, FALSE_ = 2, UNKNOWN = 4, ANY = TRUE_ | FALSE_ | UNKNOWN };

struct asker {
	const struct cat_expr *e;
	cat_stats_fn *stats;
	cat_lacks_fn *lacks;
	void *arg;
};


static int swap_truth(int a)
{
	return (a & TRUE_ ? FALSE_ : 0) | (a & FALSE_ ? TRUE_ : 0) | (a & UNKNOWN);
}

/* What AND may give when one side may give A and the other B, row by row in any combination. */
static int both(int a, int b)
{
	int r = 0;

	if ((a & TRUE_) && (b & TRUE_))
		r |= TRUE_;
	if ((a | b) & FALSE_)
		r |= FALSE_;
	if (((a & UNKNOWN) && (b & (TRUE_ | UNKNOWN))) || ((b & UNKNOWN) && (a & (TRUE_ | UNKNOWN))))
		r |= UNKNOWN;
	return r;
}

static int compare_bounds(const struct cat_constant *a, const struct cat_constant *b)
{
	double x, y;

	if (a->is_text)
		return cat_text_order(a->s, a->len, b->s, b->len);
	if (a->is_int && b->is_int)
		return (a->i64 > b->i64) - (a->i64 < b->i64);
	/* As the kernels do: an integer meets a float as float64, which keeps the order. */
	x = a->is_int ? (double)a->i64 : a->f64;
	y = b->is_int ? (double)b->i64 : b->f64;
	return (x > y) - (x < y);
}

/* The constant that node ND is, in the class in which it is compared; false when it is none or NULL. */
static bool constant_bound(const struct asker *q, const struct cat_node *parent, int k, struct cat_constant *out,
			   bool *null)
{
	const struct cat_node *nd = cat_expr_use(q->e, parent, k);
	const struct cat_column *c = nd->value;
	int32_t n;

	memset(out, 0, sizeof *out);
	*null = false;
	if (!c)
		return false;
	if (!cat_column_valid(c, 0)) {
		*null = true;
		return true;
	}
	switch ((int)nd->ty.cls) {
	case CAT_CLS_TEXT:
		out->is_text = true;
		out->s = cat_column_text(c, 0, &n);
		out->len = (size_t)n;
		return true;
	case CAT_CLS_I64:
		out->is_int = true;
		out->i64 = cat_column_i64(c, 0);
		return true;
	case CAT_CLS_F32:
	case CAT_CLS_F64:
		out->f64 = cat_column_f64(c, 0);
		*null = isnan(out->f64);
		return true;
	default:
		return false;
	}
}

/* Statistics of a top-level column whose values are compared as they are; false when there are none. Times
 * are given in the unit of the comparison. */
static bool column_stats(const struct asker *q, const struct cat_node *nd, struct cat_range_stats *st)
{
	memset(st, 0, sizeof *st);
	/* Bounds of decimals may be of the unscaled integers. */
	if (nd->col < 0 || nd->ty.list || nd->ty.field->type.id == CAT_T_DECIMAL128)
		return false;
	q->stats(q->arg, nd->col, st);
	return true;
}

static void bounds_of(const struct cat_range_stats *st, struct cat_constant *min, struct cat_constant *max)
{
	*min = (struct cat_constant){.is_text = st->is_text,
			      .is_int = st->is_int,
			      .i64 = st->min_i64,
			      .f64 = st->min_f64,
			      .s = st->min_text,
			      .len = st->min_len};
	*max = (struct cat_constant){.is_text = st->is_text,
			      .is_int = st->is_int,
			      .i64 = st->max_i64,
			      .f64 = st->max_f64,
			      .s = st->max_text,
			      .len = st->max_len};
}

static int may_be_unknown(const struct cat_range_stats *st)
{
	return st->nulls != 0 || st->may_be_nan ? UNKNOWN : 0;
}

/* column OP value, from the column's bounds. */
static int judge(enum cat_op op, const struct cat_range_stats *st, const struct cat_constant *v)
{
	struct cat_constant min, max;
	int lo, hi, r = may_be_unknown(st);

	bounds_of(st, &min, &max);
	if (min.is_text != v->is_text)
		return ANY;
	lo = compare_bounds(&min, v);
	hi = compare_bounds(&max, v);
	switch ((int)op) {
	case CAT_OP_EQ:
	case CAT_OP_NE:
		r |= lo <= 0 && hi >= 0 ? TRUE_ : 0;
		r |= lo == 0 && hi == 0 ? 0 : FALSE_;
		if (op == CAT_OP_NE)
			r = swap_truth(r);
		break;
	case CAT_OP_LT:
		r |= (lo < 0 ? TRUE_ : 0) | (hi >= 0 ? FALSE_ : 0);
		break;
	case CAT_OP_LE:
		r |= (lo <= 0 ? TRUE_ : 0) | (hi > 0 ? FALSE_ : 0);
		break;
	case CAT_OP_GT:
		r |= (hi > 0 ? TRUE_ : 0) | (lo <= 0 ? FALSE_ : 0);
		break;
	default:
		r |= (hi >= 0 ? TRUE_ : 0) | (lo < 0 ? FALSE_ : 0);
	}
	return r;
}

/* Argument A of ND compared with its argument B. */
static int compare_args(const struct asker *q, const struct cat_node *nd, enum cat_op op, int a, int b)
{
	struct cat_range_stats st;
	struct cat_constant v;
	bool null;
	int r, equal;

	if (cat_expr_use(q->e, nd, a)->value) {
		const int t = a;

		a = b;
		b = t;
		op = cat_op_mirrored(op);
	}
	/* Times as text, and integers beyond int64, are compared as something else than they look. */
	if (cat_expr_use(q->e, nd, a)->ty.cls >= CAT_CLS_TIME ||
	    cat_expr_use(q->e, nd, a)->ty.cls == CAT_CLS_U64 || !constant_bound(q, nd, b, &v, &null))
		return ANY;
	if (null)
		return UNKNOWN;
	/* Among floats integers are compared as float64, rounding included: so must their bounds be. */
	if (v.is_int && q->e->args[nd->use0 + a].want == CAT_CLS_F64) {
		v.is_int = false;
		v.f64 = (double)v.i64;
	}
	if (!column_stats(q, cat_expr_use(q->e, nd, a), &st))
		return ANY;
	r = st.known ? judge(op, &st, &v) : ANY;
	equal = op == CAT_OP_EQ ? TRUE_ : op == CAT_OP_NE ? FALSE_ : 0;
	if ((r & equal) && q->lacks && q->lacks(q->arg, cat_expr_use(q->e, nd, a)->col, &v))
		r &= ~equal;
	return r;
}

static int judge_in(const struct asker *q, const struct cat_node *nd)
{
	int r = FALSE_;

	for (int k = 1; k < nd->nuse; k++)
		r = swap_truth(both(swap_truth(r), swap_truth(compare_args(q, nd, CAT_OP_EQ, 0, k))));
	return r;
}

static int judge_is_null(const struct asker *q, const struct cat_node *nd)
{
	struct cat_range_stats st;

	if (!column_stats(q, cat_expr_use(q->e, nd, 0), &st) || !st.known)
		return TRUE_ | FALSE_;
	return FALSE_ | (may_be_unknown(&st) ? TRUE_ : 0);
}

/* Rows that match begin with the pattern's fixed beginning P: they lie from P to P with its last byte raised. */
static int judge_like(const struct asker *q, const struct cat_node *nd)
{
	const struct cat_node *pat = cat_expr_use(q->e, nd, 1);
	struct cat_constant low, min, max;
	struct cat_range_stats st;
	bool null;

	if (nd->op != CAT_OP_LIKE || nd->nuse != 2 || !constant_bound(q, nd, 1, &low, &null) || null ||
	    !low.is_text || pat->ty.cls != CAT_CLS_TEXT || !column_stats(q, cat_expr_use(q->e, nd, 0), &st) ||
	    !st.known || !st.is_text)
		return ANY;
	for (size_t i = 0; i < low.len; i++)
		if (low.s[i] == '%' || low.s[i] == '_')
			low.len = i;
	bounds_of(&st, &min, &max);
	/* All below the beginning, or all above every text with it. */
	if (compare_bounds(&max, &low) < 0 ||
	    (compare_bounds(&min, &low) > 0 && (min.len < low.len || memcmp(min.s, low.s, low.len) != 0)))
		return FALSE_ | may_be_unknown(&st);
	return ANY;
}

/* Arguments of a circle: ra, dec, its ra, dec and radius. Only declinations are looked at. */
static int judge_circle(const struct asker *q, const struct cat_node *nd)
{
	struct cat_range_stats st;
	struct cat_constant dec, r;
	bool null_dec, null_r;
	double lo, hi;

	if (nd->kernel != cat_kernel_circle || !constant_bound(q, nd, 3, &dec, &null_dec) ||
	    !constant_bound(q, nd, 4, &r, &null_r) || dec.is_text || r.is_text)
		return TRUE_ | FALSE_;
	if (null_dec || null_r)
		return FALSE_;
	if (!column_stats(q, cat_expr_use(q->e, nd, 1), &st) || !st.known || st.is_text)
		return TRUE_ | FALSE_;
	lo = (dec.is_int ? (double)dec.i64 : dec.f64) - (r.is_int ? (double)r.i64 : r.f64) - 1e-9;
	hi = (dec.is_int ? (double)dec.i64 : dec.f64) + (r.is_int ? (double)r.i64 : r.f64) + 1e-9;
	if ((st.is_int ? (double)st.max_i64 : st.max_f64) < lo ||
	    (st.is_int ? (double)st.min_i64 : st.min_f64) > hi)
		return FALSE_;
	return TRUE_ | FALSE_;
}

static int judge_node(const struct asker *q, const struct cat_node *nd);

/* CONTAINS(...) = 1 and its relatives. */
static int judge_contains(const struct asker *q, const struct cat_node *nd)
{
	const struct cat_node *a = cat_expr_use(q->e, nd, 0), *b = cat_expr_use(q->e, nd, 1);
	const struct cat_node *call = a->kernel == cat_kernel_circle ? a : b, *other = call == a ? b : a;
	int r;

	if (call->kernel != cat_kernel_circle || !other->value || other->ty.cls != CAT_CLS_I64 ||
	    !cat_column_valid(other->value, 0))
		return -1;
	r = judge_circle(q, call);
	if (cat_column_i64(other->value, 0) == 0)
		r = swap_truth(r);
	else if (cat_column_i64(other->value, 0) != 1)
		return -1;
	return nd->op == CAT_OP_EQ ? r : swap_truth(r);
}

static int judge_constant(const struct cat_node *nd)
{
	if (nd->value->type.id == CAT_T_NULL || !cat_column_valid(nd->value, 0))
		return UNKNOWN;
	return cat_column_i64(nd->value, 0) ? TRUE_ : FALSE_;
}

static int judge_logic(const struct asker *q, const struct cat_node *nd)
{
	const bool is_or = nd->op == CAT_OP_OR;
	int r = TRUE_;

	for (int k = 0; k < nd->nuse; k++) {
		const int a = judge_node(q, cat_expr_use(q->e, nd, k));

		r = both(r, is_or ? swap_truth(a) : a);
	}
	return is_or ? swap_truth(r) : r;
}

static int judge_node(const struct asker *q, const struct cat_node *nd)
{
	int r;

	if (nd->value)
		return judge_constant(nd);
	if (nd->lift)
		return ANY;
	switch ((int)nd->op) {
	case CAT_OP_AND:
	case CAT_OP_OR:
		return judge_logic(q, nd);
	case CAT_OP_NOT:
		return swap_truth(judge_node(q, cat_expr_use(q->e, nd, 0)));
	case CAT_OP_EQ:
	case CAT_OP_NE:
		r = judge_contains(q, nd);
		if (r >= 0)
			return r;
		return compare_args(q, nd, nd->op, 0, 1);
	case CAT_OP_LT:
	case CAT_OP_LE:
	case CAT_OP_GT:
	case CAT_OP_GE:
		return compare_args(q, nd, nd->op, 0, 1);
	case CAT_OP_BETWEEN:
		r = both(compare_args(q, nd, CAT_OP_GE, 0, 1), compare_args(q, nd, CAT_OP_LE, 0, 2));
		break;
	case CAT_OP_IN:
		r = judge_in(q, nd);
		break;
	case CAT_OP_IS_NULL:
		r = judge_is_null(q, nd);
		break;
	case CAT_OP_LIKE:
		r = judge_like(q, nd);
		break;
	default:
		return nd->kernel == cat_kernel_circle ? judge_circle(q, nd) : ANY;
	}
	return nd->negated ? swap_truth(r) : r;
}

enum cat_prune cat_expr_prune(const struct cat_expr *where, cat_stats_fn *stats, cat_lacks_fn *lacks, void *arg)
{
	const struct asker q = {.e = where, .stats = stats, .lacks = lacks, .arg = arg};
	const int r = judge_node(&q, &where->nodes[where->root]);

	return !(r & TRUE_) ? CAT_PRUNE_NEVER : r == TRUE_ ? CAT_PRUNE_ALWAYS : CAT_PRUNE_MAYBE;
}
