#include <math.h>
#include <string.h>

#include "base/simd.h"
#include "expr/func.h"
#include "expr/node.h"

/* --- comparisons: bytes first, which vectorise, then eight bytes to eight bits --- */

/* Bits of eight bytes that are 0 or 1, the first byte lowest. */
static inline uint64_t pack8(const uint8_t *m)
{
	uint64_t w;

	memcpy(&w, m, 8);
	return w * UINT64_C(0x0102040810204080) >> 56;
}

static inline uint64_t pack64(const uint8_t *m)
{
	uint64_t w = 0;

	for (int k = 0; k < 8; k++)
		w |= pack8(m + 8 * k) << (8 * k);
	return w;
}

/* What a comparison loop fills: bits of the answer, and bits of the rows that are no NaN. */
struct answer {
	uint64_t *yes, *real;
	bool any_nan;
};

/* One block of up to 64 rows at I: R[] says which rows answer yes, Q[] which are real. */
#define COMPARE_LOOP(TX, TY, C, OP, XI, YI)                                                                       \
	for (int64_t i = 0; i < n; i += 64) {                                                                     \
		const int64_t m = n - i < 64 ? n - i : 64;                                                        \
		uint8_t r[64] = {0}, q[64];                                                                       \
		memset(q, 1, sizeof q);                                                                           \
		if (m == 64) {                                                                                    \
			for (int k = 0; k < 64; k++) {                                                            \
				const C x = (C)(XI), y = (C)(YI);                                                 \
				r[k] = (x OP y);                                                                  \
				q[k] = (x == x) & (y == y);                                                       \
			}                                                                                         \
		} else {                                                                                          \
			for (int k = 0; k < m; k++) {                                                             \
				const C x = (C)(XI), y = (C)(YI);                                                 \
				r[k] = (x OP y);                                                                  \
				q[k] = (x == x) & (y == y);                                                       \
			}                                                                                         \
		}                                                                                                 \
		to->yes[i / 64] = pack64(r);                                                                      \
		to->real[i / 64] = pack64(q);                                                                     \
		to->any_nan |= to->real[i / 64] != ~UINT64_C(0);                                                  \
	}

#define COMPARE_OP(TX, TY, C, OP)                                                                                 \
	do {                                                                                                      \
		const TX *xs = CAT_VALUES(a->c, TX);                                                              \
		const TY *ys = CAT_VALUES(b->c, TY);                                                              \
		if (b->one) {                                                                                     \
			const TY c = ys[0];                                                                       \
			COMPARE_LOOP(TX, TY, C, OP, xs[i + k], c)                                                 \
		} else {                                                                                          \
			COMPARE_LOOP(TX, TY, C, OP, xs[i + k], ys[i + k])                                         \
		}                                                                                                 \
	} while (0)

/* A function per pair of classes: x OP y for the four operators that the others are made of. */
#define COMPARE_PAIR(name, TX, TY, C)                                                                             \
	CAT_CLONES                                                                                                \
	static void name(enum cat_op op, const struct cat_vec *a, const struct cat_vec *b, int64_t n,             \
			 struct answer *to)                                                                       \
	{                                                                                                         \
		if (op == CAT_OP_EQ)                                                                              \
			COMPARE_OP(TX, TY, C, ==);                                                                \
		else if (op == CAT_OP_NE)                                                                         \
			COMPARE_OP(TX, TY, C, !=);                                                                \
		else if (op == CAT_OP_LT)                                                                         \
			COMPARE_OP(TX, TY, C, <);                                                                 \
		else if (op == CAT_OP_LE)                                                                         \
			COMPARE_OP(TX, TY, C, <=);                                                                \
		else if (op == CAT_OP_GT)                                                                         \
			COMPARE_OP(TX, TY, C, >);                                                                 \
		else                                                                                              \
			COMPARE_OP(TX, TY, C, >=);                                                                \
	}

COMPARE_PAIR(compare_i64, int64_t, int64_t, int64_t)
COMPARE_PAIR(compare_u64, uint64_t, uint64_t, uint64_t)
COMPARE_PAIR(compare_iu64, int64_t, uint64_t, cat_i128)
COMPARE_PAIR(compare_f64, double, double, double)
COMPARE_PAIR(compare_f32, float, float, float)
COMPARE_PAIR(compare_f32_f64, float, double, double)

int cat_text_order(const char *a, size_t na, const char *b, size_t nb)
{
	const size_t n = na < nb ? na : nb;
	const int c = n ? memcmp(a, b, n) : 0;

	return c ? c : (na > nb) - (na < nb);
}

static bool order_is(enum cat_op op, int c)
{
	switch ((int)op) {
	case CAT_OP_EQ:
		return c == 0;
	case CAT_OP_NE:
		return c != 0;
	case CAT_OP_LT:
		return c < 0;
	case CAT_OP_LE:
		return c <= 0;
	case CAT_OP_GT:
		return c > 0;
	default:
		return c >= 0;
	}
}

/* Equality with one text: its first eight bytes at once, without a branch per row. Buffers are padded. */
static void equal_text(const struct cat_vec *a, const struct cat_vec *b, int64_t n, struct answer *to)
{
	const int32_t *o = cat_column_offsets(a->c);
	const char *data = (const char *)a->c->data->data;
	struct cat_probe p;
	int32_t len;
	const char *s = cat_column_text(b->c, 0, &len);

	cat_probe_init(&p, s, len);
	for (int64_t i = 0; i < n; i += 64) {
		const int64_t m = n - i < 64 ? n - i : 64;
		uint64_t yes = 0;

		for (int64_t k = 0; k < m; k++) {
			const int32_t have = o[i + k + 1] - o[i + k];

			yes |= (uint64_t)((have == len) & cat_probe_starts(&p, data + o[i + k], have)) << k;
		}
		to->yes[i / 64] = yes;
	}
}

static void compare_text(enum cat_op op, const struct cat_vec *a, const struct cat_vec *b, int64_t n,
			 struct answer *to)
{
	const bool equality = op == CAT_OP_EQ || op == CAT_OP_NE;

	if (equality && b->one && !a->one) {
		equal_text(a, b, n, to);
		for (size_t w = 0; op == CAT_OP_NE && w < (size_t)(n + 63) / 64; w++)
			to->yes[w] = ~to->yes[w];
		return;
	}
	memset(to->yes, 0, (size_t)(n + 63) / 64 * 8);
	for (int64_t i = 0; i < n; i++) {
		int32_t na, nb;
		const char *x = cat_vec_text(a, i, &na), *y = cat_vec_text(b, i, &nb);
		const int c = equality && na != nb ? 1 : cat_text_order(x, (size_t)na, y, (size_t)nb);

		to->yes[i / 64] |= (uint64_t)order_is(op, c) << (i & 63);
	}
}

static void compare_any(enum cat_op op, const struct cat_vec *a, const struct cat_vec *b, int64_t n,
			struct answer *to)
{
	if (cat_type_is_text(a->c->type.id))
		compare_text(op, a, b, n, to);
	else if (a->c->type.id == CAT_T_F64)
		compare_f64(op, a, b, n, to);
	else if (a->c->type.id == CAT_T_F32)
		(b->c->type.id == CAT_T_F32 ? compare_f32 : compare_f32_f64)(op, a, b, n, to);
	else if (a->c->type.id == CAT_T_U64)
		compare_u64(op, a, b, n, to);
	else
		(b->c->type.id == CAT_T_U64 ? compare_iu64 : compare_i64)(op, a, b, n, to);
}

/* Fills OUT's bits; the loops want the kinds of a pair in one order and a single value on the right. */
static int compare_into(enum cat_op op, const struct cat_vec *a, const struct cat_vec *b, int64_t n,
			struct answer *to, struct cat_error *err)
{
	const enum cat_type_id x = a->c->type.id, y = b->c->type.id;
	const bool turn = (x == CAT_T_U64 && y == CAT_T_I64) || (x == CAT_T_F64 && y == CAT_T_F32);
	const bool pair = turn || (x == CAT_T_I64 && y == CAT_T_U64) || (x == CAT_T_F32 && y == CAT_T_F64);
	struct cat_vec left;
	int rc;

	if (turn || (!pair && a->one && !b->one)) {
		const struct cat_vec *t = a;

		a = b;
		b = t;
		op = cat_op_mirrored(op);
	}
	if (!a->one || b->one) {
		compare_any(op, a, b, n, to);
		return CAT_OK;
	}
	left = (struct cat_vec){.c = cat_column_ref(a->c), .one = true};
	rc = cat_vec_spread(&left, n, err);
	if (rc == CAT_OK)
		compare_any(op, &left, b, n, to);
	cat_vec_drop(&left);
	return rc;
}

int cat_compare(enum cat_op op, const struct cat_vec *a, const struct cat_vec *b, int64_t n, struct cat_vec *out,
		struct cat_error *err)
{
	const struct cat_vec both[2] = {*a, *b};
	struct answer to = {.any_nan = false};
	struct cat_buf *real;
	int rc;

	CAT_TRY(cat_vec_fixed(cat_cls_type(CAT_CLS_BOOL, CAT_UNIT_S), n, out, err));
	if (a->c->type.id == CAT_T_NULL || b->c->type.id == CAT_T_NULL)
		return cat_vec_valid_and(both, 2, n, out->c, err);
	CAT_TRY(cat_buf_zeroed((size_t)(n + 63) / 64 * 8, &real, err));
	to.yes = (uint64_t *)(void *)out->c->data->data;
	to.real = (uint64_t *)(void *)real->data;
	rc = compare_into(op, a, b, n, &to, err);
	if (rc == CAT_OK && to.any_nan) {
		out->c->validity = real;
		real = NULL;
		/* Both bitmaps are at offset 0: what follows ANDs the operands' into it. */
	}
	cat_buf_unref(real);
	return rc == CAT_OK ? cat_vec_valid_and(both, 2, n, out->c, err) : rc;
}

int cat_kernel_compare(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
		       struct cat_vec *out, struct cat_error *err)
{
	(void)ev;
	return cat_compare(nd->op, &a[0], &a[1], n, out, err);
}

/* --- three-valued logic on whole words --- */

/* Word W of the rows where V is surely true and surely false. */
static void truth(const struct cat_vec *v, size_t w, uint64_t *yes, uint64_t *no)
{
	uint64_t data = 0, valid = ~UINT64_C(0);

	if (v->one) {
		data = cat_column_bool(v->c, 0) ? valid : 0;
		valid = cat_column_valid(v->c, 0) ? valid : 0;
	} else {
		memcpy(&data, v->c->data->data + w * 8, 8);
		if (v->c->validity)
			memcpy(&valid, v->c->validity->data + w * 8, 8);
	}
	*yes = data & valid;
	*no = ~data & valid;
}

static int new_bool(int64_t n, struct cat_vec *out, struct cat_error *err)
{
	CAT_TRY(cat_vec_fixed(cat_cls_type(CAT_CLS_BOOL, CAT_UNIT_S), n, out, err));
	return cat_buf_zeroed((size_t)(n + 63) / 64 * 8, &out->c->validity, err);
}

/* OP is AND or OR over NA coerced booleans. */
static int combine(enum cat_op op, const struct cat_vec *a, int na, int64_t n, struct cat_vec *out,
		   struct cat_error *err)
{
	CAT_TRY(new_bool(n, out, err));
	for (size_t w = 0; w < (size_t)(n + 63) / 64; w++) {
		uint64_t yes, no, y, f, *data = (uint64_t *)(void *)out->c->data->data + w;

		truth(&a[0], w, &yes, &no);
		for (int k = 1; k < na; k++) {
			truth(&a[k], w, &y, &f);
			yes = op == CAT_OP_AND ? yes & y : yes | y;
			no = op == CAT_OP_AND ? no | f : no & f;
		}
		*data = yes;
		((uint64_t *)(void *)out->c->validity->data)[w] = yes | no;
	}
	cat_vec_settle(out->c);
	return CAT_OK;
}

int cat_kernel_logic(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
		     struct cat_vec *out, struct cat_error *err)
{
	(void)ev;
	return combine(nd->op, a, nd->nuse, n, out, err);
}

/* Turns true into false; unknown stays. */
static void negate(struct cat_vec *v, int64_t n)
{
	uint64_t *data = (uint64_t *)(void *)v->c->data->data;

	for (size_t w = 0; w < (size_t)(n + 63) / 64; w++)
		data[w] = ~data[w];
}

int cat_kernel_not(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
		   struct cat_vec *out, struct cat_error *err)
{
	(void)ev, (void)nd;
	CAT_TRY(combine(CAT_OP_AND, a, 1, n, out, err));
	negate(out, n);
	return CAT_OK;
}

int cat_kernel_is_bool(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
		       struct cat_vec *out, struct cat_error *err)
{
	uint64_t *data;

	(void)ev;
	CAT_TRY(cat_vec_fixed(cat_cls_type(CAT_CLS_BOOL, CAT_UNIT_S), n, out, err));
	data = (uint64_t *)(void *)out->c->data->data;
	for (size_t w = 0; w < (size_t)(n + 63) / 64; w++) {
		uint64_t yes, no;

		truth(&a[0], w, &yes, &no);
		data[w] = nd->op == CAT_OP_IS_TRUE ? yes : no;
	}
	if (nd->negated)
		negate(out, n);
	return CAT_OK;
}

static bool is_nan(const struct cat_column *c, int64_t i)
{
	return c->type.id == CAT_T_F64   ? isnan(CAT_VALUES(c, double)[i])
	       : c->type.id == CAT_T_F32 ? isnan(CAT_VALUES(c, float)[i])
					 : false;
}

int cat_kernel_is_null(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
		       struct cat_vec *out, struct cat_error *err)
{
	const struct cat_column *c = a[0].c;
	uint8_t *bits;

	(void)ev;
	CAT_TRY(cat_vec_fixed(cat_cls_type(CAT_CLS_BOOL, CAT_UNIT_S), n, out, err));
	bits = out->c->data->data;
	if (c->validity || c->type.id == CAT_T_NULL || c->type.id == CAT_T_F32 || c->type.id == CAT_T_F64)
		for (int64_t i = 0; i < n; i++)
			bits[i >> 3] |= (uint8_t)((unsigned)(!cat_column_valid(c, i) || is_nan(c, i)) << (i & 7));
	if (nd->negated)
		negate(out, n);
	return CAT_OK;
}

int cat_kernel_isnan(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
		     struct cat_vec *out, struct cat_error *err)
{
	(void)ev, (void)nd;
	CAT_TRY(cat_vec_fixed(cat_cls_type(CAT_CLS_BOOL, CAT_UNIT_S), n, out, err));
	for (int64_t i = 0; i < n; i++)
		if (is_nan(a[0].c, i))
			cat_bit_set(out->c->data->data, i);
	return cat_vec_valid_and(a, 1, n, out->c, err);
}

/* A single answer stands for N rows where the other operand has N. */
static int64_t rows_of(const struct cat_vec *a, const struct cat_vec *b, int64_t n)
{
	return a->one && b->one ? 1 : n;
}

int cat_kernel_between(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
		       struct cat_vec *out, struct cat_error *err)
{
	struct cat_vec part[2] = {{.c = NULL}, {.c = NULL}};
	int rc = CAT_OK;

	(void)ev;
	for (int k = 0; rc == CAT_OK && k < 2; k++) {
		rc = cat_compare(k ? CAT_OP_LE : CAT_OP_GE, &a[0], &a[k + 1], rows_of(&a[0], &a[k + 1], n),
				 &part[k], err);
		part[k].one = a[0].one && a[k + 1].one;
	}
	if (rc == CAT_OK)
		rc = combine(CAT_OP_AND, part, 2, n, out, err);
	if (rc == CAT_OK && nd->negated)
		negate(out, n);
	cat_vec_drop(&part[0]);
	cat_vec_drop(&part[1]);
	return rc;
}

/* --- IN --- */

/* Halves the sorted set without a branch that depends on the data. */
#define SET_HAS(name, T)                                                                                          \
	static bool name(const struct cat_column *set, T x)                                                       \
	{                                                                                                         \
		const T *v = CAT_VALUES(set, T);                                                                  \
		int64_t lo = 0, n = set->length;                                                                  \
		for (; n > 1; n -= n / 2)                                                                         \
			lo += v[lo + n / 2 - 1] < x ? n / 2 : 0;                                                  \
		return n == 1 && v[lo] == x;                                                                      \
	}
SET_HAS(set_has_i64, int64_t)
SET_HAS(set_has_f64, double)

static bool set_has_text(const struct cat_column *set, const char *s, int32_t len)
{
	int64_t lo = 0, hi = set->length;

	while (lo < hi) {
		const int64_t mid = lo + (hi - lo) / 2;
		int32_t n;
		const char *t = cat_column_text(set, mid, &n);
		const int c = cat_text_order(s, (size_t)len, t, (size_t)n);

		if (c == 0)
			return true;
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return false;
}

static bool set_has(const struct cat_column *set, const struct cat_column *x, int64_t i)
{
	if (set->type.id == CAT_T_UTF8) {
		int32_t n;
		const char *s = cat_column_text(x, i, &n);

		return set_has_text(set, s, n);
	}
	return set->type.id == CAT_T_F64 ? set_has_f64(set, CAT_VALUES(x, double)[i])
					 : set_has_i64(set, CAT_VALUES(x, int64_t)[i]);
}

/* A row that matches nothing is unknown when a NULL is among the constants. */
static int in_set(const struct cat_node *nd, const struct cat_column *x, int64_t n, struct cat_vec *out,
		  struct cat_error *err)
{
	CAT_TRY(new_bool(n, out, err));
	for (int64_t i = 0; i < n; i++) {
		const bool known = cat_column_valid(x, i) && !is_nan(x, i);
		const bool yes = known && set_has(nd->set, x, i);

		if (yes)
			cat_bit_set(out->c->data->data, i);
		if (yes || (known && !nd->set_null))
			cat_bit_set(out->c->validity->data, i);
	}
	cat_vec_settle(out->c);
	return CAT_OK;
}

int cat_kernel_in(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
		  struct cat_vec *out, struct cat_error *err)
{
	struct cat_vec acc = {.c = NULL};
	int rc = CAT_OK;

	(void)ev;
	if (nd->set) {
		rc = in_set(nd, a[0].c, n, out, err);
	} else {
		for (int k = 1; rc == CAT_OK && k < nd->nuse; k++) {
			struct cat_vec part[2] = {acc, {.c = NULL}}, both = {.c = NULL};

			part[1].one = a[0].one && a[k].one;
			rc = cat_compare(CAT_OP_EQ, &a[0], &a[k], rows_of(&a[0], &a[k], n), &part[1], err);
			part[1].one = a[0].one && a[k].one;
			if (rc == CAT_OK)
				rc = combine(CAT_OP_OR, acc.c ? part : part + 1, acc.c ? 2 : 1, n, &both, err);
			cat_vec_drop(&part[1]);
			cat_vec_drop(&acc);
			acc = both;
		}
		*out = acc;
	}
	if (rc == CAT_OK && nd->negated)
		negate(out, n);
	return rc;
}

/* --- LEAST, GREATEST, NULLIF --- */

/* WHICH[i] is 1 where Y takes over from X: it is better, or X is NULL or NaN. */
static int better(enum cat_op op, const struct cat_vec *x, const struct cat_vec *y, int64_t n, int32_t *which,
		  struct cat_error *err)
{
	struct cat_vec t = {.c = NULL};

	if (cat_compare(op, y, x, n, &t, err) != CAT_OK) {
		cat_vec_drop(&t);
		return (int)err->code;
	}
	for (int64_t i = 0; i < n; i++) {
		const int64_t ix = x->one ? 0 : i, iy = y->one ? 0 : i;
		const bool bad_x = !cat_column_valid(x->c, ix) || is_nan(x->c, ix);
		const bool bad_y = !cat_column_valid(y->c, iy) || is_nan(y->c, iy);

		which[i] = bad_y ? 0 : bad_x || (cat_column_valid(t.c, i) && cat_column_bool(t.c, i));
	}
	cat_vec_drop(&t);
	return CAT_OK;
}

int cat_kernel_extreme(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
		       struct cat_vec *out, struct cat_error *err)
{
	struct cat_vec acc = {.c = cat_column_ref(a[0].c), .one = a[0].one};
	struct cat_buf *which;
	int rc = cat_buf_new((size_t)n * sizeof(int32_t), &which, err);

	(void)ev;
	if (rc != CAT_OK) {
		cat_vec_drop(&acc);
		return rc;
	}
	for (int k = 1; rc == CAT_OK && k < nd->nuse; k++) {
		struct cat_vec pair[2] = {acc, a[k]}, next = {.c = NULL};
		int32_t *w = (int32_t *)(void *)which->data;

		if (acc.c->type.id == CAT_T_NULL)
			break;
		rc = better((enum cat_op)nd->func->code, &pair[0], &pair[1], n, w, err);
		if (rc == CAT_OK)
			rc = cat_vec_choose(pair, 2, w, n, &next, err);
		cat_vec_drop(&acc);
		acc = next;
	}
	cat_buf_unref(which);
	if (rc == CAT_OK && acc.one && n != 1)
		rc = cat_vec_spread(&acc, n, err);
	*out = acc;
	return rc;
}

int cat_kernel_nullif(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
		      struct cat_vec *out, struct cat_error *err)
{
	struct cat_vec same = {.c = NULL};
	struct cat_buf *which = NULL;
	int rc = cat_compare(CAT_OP_EQ, &a[0], &a[1], n, &same, err);

	(void)ev, (void)nd;
	if (rc == CAT_OK)
		rc = cat_buf_new((size_t)n * sizeof(int32_t), &which, err);
	for (int64_t i = 0; rc == CAT_OK && i < n; i++)
		((int32_t *)(void *)which->data)[i] =
			cat_column_valid(same.c, i) && cat_column_bool(same.c, i) ? -1 : 0;
	if (rc == CAT_OK)
		rc = cat_vec_choose(a, 1, (const int32_t *)(const void *)which->data, n, out, err);
	cat_buf_unref(which);
	cat_vec_drop(&same);
	return rc;
}
