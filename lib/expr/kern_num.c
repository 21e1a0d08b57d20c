#include <math.h>
#include <string.h>

#include "expr/func.h"
#include "expr/node.h"

/* Loops over two operands, either of which may be one value for all rows. X and Y are the values. */
#define LOOP2(TX, TY, TO, EXPR)                                                                                   \
	do {                                                                                                      \
		const TX *xs_ = CAT_VALUES(a[0].c, TX);                                                           \
		const TY *ys_ = CAT_VALUES(a[1].c, TY);                                                           \
		TO *to_ = (TO *)(void *)out->c->data->data;                                                       \
		if (a[1].one) {                                                                                   \
			const TY y = ys_[0];                                                                      \
			for (int64_t i = 0; i < n; i++) {                                                         \
				const TX x = xs_[a[0].one ? 0 : i];                                               \
				to_[i] = (EXPR);                                                                  \
			}                                                                                         \
		} else if (a[0].one) {                                                                            \
			const TX x = xs_[0];                                                                      \
			for (int64_t i = 0; i < n; i++) {                                                         \
				const TY y = ys_[i];                                                              \
				to_[i] = (EXPR);                                                                  \
			}                                                                                         \
		} else {                                                                                          \
			for (int64_t i = 0; i < n; i++) {                                                         \
				const TX x = xs_[i];                                                              \
				const TY y = ys_[i];                                                              \
				to_[i] = (EXPR);                                                                  \
			}                                                                                         \
		}                                                                                                 \
	} while (0)

#define LOOP1(TX, TO, EXPR)                                                                                       \
	do {                                                                                                      \
		const TX *xs_ = CAT_VALUES(a[0].c, TX);                                                           \
		TO *to_ = (TO *)(void *)out->c->data->data;                                                       \
		for (int64_t i = 0; i < n; i++) {                                                                 \
			const TX x = xs_[i];                                                                      \
			to_[i] = (EXPR);                                                                          \
		}                                                                                                 \
	} while (0)

/* A result of the node's class, valid where all operands are. */
static int begin(const struct cat_node *nd, const struct cat_vec *a, int na, int64_t n, struct cat_vec *out,
		 struct cat_error *err)
{
	CAT_TRY(cat_vec_fixed(cat_cls_type(nd->ty.cls, nd->ty.unit), n, out, err));
	return cat_vec_valid_and(a, na, n, out->c, err);
}

static enum cat_op op_of(const struct cat_node *nd)
{
	return nd->op == CAT_OP_CALL ? (enum cat_op)nd->func->code : nd->op;
}

/* --- + - * / % --- */

/* Rows where the divisor is zero become null. */
static int null_zero_divisors(const struct cat_vec *y, int64_t n, struct cat_vec *out, struct cat_error *err)
{
	const bool f32 = y->c->type.id == CAT_T_F32, f64 = y->c->type.id == CAT_T_F64;

	if (y->one && cat_column_f64(y->c, 0) != 0)
		return CAT_OK;
	for (int64_t i = 0; i < n; i++) {
		const bool zero = f64   ? CAT_AT(*y, double, i) == 0
				  : f32 ? CAT_AT(*y, float, i) == 0
					: CAT_AT(*y, int64_t, i) == 0;

		if (zero)
			CAT_TRY(cat_vec_set_null(out->c, i, err));
	}
	cat_vec_settle(out->c);
	return CAT_OK;
}

static int64_t remainder_i64(int64_t x, int64_t y)
{
	return y == 0 || y == -1 ? 0 : x % y;
}

static bool overflows(enum cat_op op, int64_t x, int64_t y)
{
	int64_t r;

	return op == CAT_OP_ADD   ? __builtin_add_overflow(x, y, &r)
	       : op == CAT_OP_SUB ? __builtin_sub_overflow(x, y, &r)
				  : __builtin_mul_overflow(x, y, &r);
}

/* The quick loop wrapped around somewhere: was that a row that counts? */
static int check_overflow(struct cat_eval *ev, enum cat_op op, const struct cat_vec *a, int64_t n,
			  const struct cat_vec *out, struct cat_error *err)
{
	static const char *const sign[] = {[CAT_OP_ADD] = "+", [CAT_OP_SUB] = "-", [CAT_OP_MUL] = "*"};

	for (int64_t i = 0; i < n; i++) {
		const int64_t x = CAT_AT(a[0], int64_t, i), y = CAT_AT(a[1], int64_t, i);

		if (overflows(op, x, y) && cat_column_valid(out->c, i) && cat_eval_active(ev, i))
			return cat_eval_fail(ev, i, err, "%lld %s %lld overflows int64", (long long)x, sign[op],
					     (long long)y);
	}
	return CAT_OK;
}

static int arith_i64(struct cat_eval *ev, enum cat_op op, struct cat_vec *a, int64_t n, struct cat_vec *out,
		     struct cat_error *err)
{
	int64_t wrapped = 0;

	switch ((int)op) {
	case CAT_OP_ADD:
		LOOP2(int64_t, int64_t, int64_t, (int64_t)((uint64_t)x + (uint64_t)y));
		for (int64_t i = 0; i < n; i++) {
			const int64_t r = ((const int64_t *)(const void *)out->c->data->data)[i];

			wrapped |= (CAT_AT(a[0], int64_t, i) ^ r) & (CAT_AT(a[1], int64_t, i) ^ r);
		}
		break;
	case CAT_OP_SUB:
		LOOP2(int64_t, int64_t, int64_t, (int64_t)((uint64_t)x - (uint64_t)y));
		for (int64_t i = 0; i < n; i++) {
			const int64_t r = ((const int64_t *)(const void *)out->c->data->data)[i];
			const int64_t x = CAT_AT(a[0], int64_t, i);

			wrapped |= (x ^ CAT_AT(a[1], int64_t, i)) & (x ^ r);
		}
		break;
	case CAT_OP_MUL:
		LOOP2(int64_t, int64_t, int64_t, (int64_t)((uint64_t)x * (uint64_t)y));
		wrapped = -1;
		break;
	default:
		LOOP2(int64_t, int64_t, int64_t, remainder_i64(x, y));
		return null_zero_divisors(&a[1], n, out, err);
	}
	return wrapped < 0 ? check_overflow(ev, op, a, n, out, err) : CAT_OK;
}

#define ARITH_FLOAT(T, REM)                                                                                       \
	switch ((int)op) {                                                                                        \
	case CAT_OP_ADD:                                                                                          \
		LOOP2(T, T, T, x + y);                                                                            \
		break;                                                                                            \
	case CAT_OP_SUB:                                                                                          \
		LOOP2(T, T, T, x - y);                                                                            \
		break;                                                                                            \
	case CAT_OP_MUL:                                                                                          \
		LOOP2(T, T, T, x *y);                                                                             \
		break;                                                                                            \
	case CAT_OP_DIV:                                                                                          \
		LOOP2(T, T, T, x / y);                                                                            \
		return null_zero_divisors(&a[1], n, out, err);                                                    \
	default:                                                                                                  \
		LOOP2(T, T, T, REM(x, y));                                                                        \
		return null_zero_divisors(&a[1], n, out, err);                                                    \
	}

int cat_kernel_arith(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
		     struct cat_vec *out, struct cat_error *err)
{
	const enum cat_op op = op_of(nd);

	CAT_TRY(begin(nd, a, 2, n, out, err));
	if (nd->ty.cls == CAT_CLS_I64)
		return arith_i64(ev, op, a, n, out, err);
	if (nd->ty.cls == CAT_CLS_F32)
		ARITH_FLOAT(float, fmodf)
	else
		ARITH_FLOAT(double, fmod)
	return CAT_OK;
}

int cat_kernel_neg(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
		   struct cat_vec *out, struct cat_error *err)
{
	CAT_TRY(begin(nd, a, 1, n, out, err));
	if (nd->ty.cls == CAT_CLS_F32) {
		LOOP1(float, float, -x);
	} else if (nd->ty.cls == CAT_CLS_F64) {
		LOOP1(double, double, -x);
	} else {
		LOOP1(int64_t, int64_t, (int64_t)(0 - (uint64_t)x));
		for (int64_t i = 0; i < n; i++)
			if (CAT_AT(a[0], int64_t, i) == INT64_MIN && cat_column_valid(out->c, i) &&
			    cat_eval_active(ev, i))
				return cat_eval_fail(ev, i, err, "-(%lld) overflows int64", (long long)INT64_MIN);
	}
	return CAT_OK;
}

/* --- bits --- */

int cat_kernel_bitnot(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
		      struct cat_vec *out, struct cat_error *err)
{
	(void)ev;
	CAT_TRY(begin(nd, a, 1, n, out, err));
	LOOP1(uint64_t, uint64_t, ~x);
	return CAT_OK;
}

/* Shifts by less than 0 or more than 63 move every bit out. */
static uint64_t shift_left(uint64_t x, uint64_t by)
{
	return by < 64 ? x << by : 0;
}

static int64_t shift_right(int64_t x, uint64_t by)
{
	return by < 64 ? x >> by : x < 0 ? -1 : 0;
}

static uint64_t shift_right_u(uint64_t x, uint64_t by)
{
	return by < 64 ? x >> by : 0;
}

int cat_kernel_bits(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
		    struct cat_vec *out, struct cat_error *err)
{
	(void)ev;
	CAT_TRY(begin(nd, a, 2, n, out, err));
	switch ((int)nd->op) {
	case CAT_OP_BITAND:
		LOOP2(uint64_t, uint64_t, uint64_t, x & y);
		break;
	case CAT_OP_BITOR:
		LOOP2(uint64_t, uint64_t, uint64_t, x | y);
		break;
	case CAT_OP_BITXOR:
		LOOP2(uint64_t, uint64_t, uint64_t, x ^ y);
		break;
	case CAT_OP_SHL:
		LOOP2(uint64_t, uint64_t, uint64_t, shift_left(x, y));
		break;
	default:
		if (nd->ty.cls == CAT_CLS_U64)
			LOOP2(uint64_t, uint64_t, uint64_t, shift_right_u(x, y));
		else
			LOOP2(int64_t, uint64_t, int64_t, shift_right(x, y));
	}
	return CAT_OK;
}

/* --- functions of one and two numbers --- */

#define MATH1(X)                                                                                                  \
	X(SQRT, sqrt(x))                                                                                          \
	X(CBRT, cbrt(x)) X(EXP, exp(x)) X(LOG, log(x)) X(LOG10, log10(x)) X(LOG2, log2(x)) X(SIN, sin(x))         \
		X(COS, cos(x)) X(TAN, tan(x)) X(COT, 1 / tan(x)) X(ASIN, asin(x)) X(ACOS, acos(x))                \
			X(ATAN, atan(x)) X(SINH, sinh(x)) X(COSH, cosh(x)) X(TANH, tanh(x))                       \
				X(DEGREES, x *(180 / M_PI)) X(RADIANS, x *(M_PI / 180))

int cat_kernel_math1(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
		     struct cat_vec *out, struct cat_error *err)
{
	(void)ev;
	CAT_TRY(begin(nd, a, 1, n, out, err));
	switch (nd->func->code) {
#define X(name, value)                                                                                            \
	case CAT_F_##name:                                                                                        \
		LOOP1(double, double, value);                                                                     \
		break;
		MATH1(X)
#undef X
	}
	return CAT_OK;
}

int cat_kernel_math2(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
		     struct cat_vec *out, struct cat_error *err)
{
	(void)ev;
	CAT_TRY(begin(nd, a, 2, n, out, err));
	switch (nd->func->code) {
	case CAT_F_ATAN2:
		LOOP2(double, double, double, atan2(x, y));
		break;
	case CAT_F_POWER:
		/* What most powers are, rounded at least as well as pow would. */
		if (a[1].one && CAT_AT(a[1], double, 0) == 2)
			LOOP1(double, double, x *x);
		else
			LOOP2(double, double, double, pow(x, y));
		break;
	default:
		LOOP2(double, double, double, hypot(x, y));
	}
	return CAT_OK;
}

int cat_kernel_pi(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
		  struct cat_vec *out, struct cat_error *err)
{
	(void)ev, (void)a;
	CAT_TRY(begin(nd, NULL, 0, n, out, err));
	for (int64_t i = 0; i < n; i++)
		((double *)(void *)out->c->data->data)[i] = M_PI;
	return CAT_OK;
}

/* --- functions that keep the type --- */

#define SAME_FLOAT(T, ABS, CEIL, FLOOR)                                                                           \
	switch (nd->func->code) {                                                                                 \
	case CAT_F_ABS:                                                                                           \
		LOOP1(T, T, ABS(x));                                                                              \
		break;                                                                                            \
	case CAT_F_CEIL:                                                                                          \
		LOOP1(T, T, CEIL(x));                                                                             \
		break;                                                                                            \
	case CAT_F_FLOOR:                                                                                         \
		LOOP1(T, T, FLOOR(x));                                                                            \
		break;                                                                                            \
	default:                                                                                                  \
		LOOP1(T, T, x > 0 ? (T)1 : x < 0 ? (T)-1 : x);                                                    \
	}

int cat_kernel_same1(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
		     struct cat_vec *out, struct cat_error *err)
{
	CAT_TRY(begin(nd, a, 1, n, out, err));
	if (nd->ty.cls == CAT_CLS_F32) {
		SAME_FLOAT(float, fabsf, ceilf, floorf)
	} else if (nd->ty.cls == CAT_CLS_F64) {
		SAME_FLOAT(double, fabs, ceil, floor)
	} else if (nd->func->code == CAT_F_SIGN) {
		LOOP1(int64_t, int64_t, (x > 0) - (x < 0));
	} else if (nd->func->code == CAT_F_ABS) {
		LOOP1(int64_t, int64_t, x < 0 ? (int64_t)(0 - (uint64_t)x) : x);
		for (int64_t i = 0; i < n; i++)
			if (CAT_AT(a[0], int64_t, i) == INT64_MIN && cat_column_valid(out->c, i) &&
			    cat_eval_active(ev, i))
				return cat_eval_fail(ev, i, err, "ABS(%lld) overflows int64",
						     (long long)INT64_MIN);
	} else {
		LOOP1(int64_t, int64_t, x);
	}
	return CAT_OK;
}

static double round_places(double x, int64_t places, bool trunc_only)
{
	double p, r;

	if (places == 0)
		return trunc_only ? trunc(x) : round(x);
	/* Beyond these no digit of a double is left to round, or all are. */
	if (places > 308 || places < -308)
		return places > 0 ? x : 0 * x;
	p = pow(10, (double)(places < 0 ? -places : places));
	r = places > 0 ? x * p : x / p;
	if (!isfinite(r))
		return x;
	r = trunc_only ? trunc(r) : round(r);
	return places > 0 ? r / p : r * p;
}

/* False when the result does not fit. */
static bool round_int(int64_t x, int64_t places, bool trunc_only, int64_t *out)
{
	int64_t p = 1, rest;

	*out = places >= 0 ? x : 0;
	if (places >= 0 || places < -19)
		return true;
	if (places == -19)
		return trunc_only || (x < 5000000000000000000 && x > -5000000000000000000);
	for (; places < 0; places++)
		p *= 10;
	rest = x % p;
	*out = x - rest;
	if (trunc_only || (rest < p - rest && -rest < p + rest))
		return true;
	return !__builtin_add_overflow(*out, rest > 0 ? p : -p, out);
}

int cat_kernel_round(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
		     struct cat_vec *out, struct cat_error *err)
{
	const bool cut = nd->func->code == CAT_F_TRUNC;

	CAT_TRY(begin(nd, a, nd->nuse, n, out, err));
	for (int64_t i = 0; i < n; i++) {
		const int64_t places = nd->nuse > 1 ? CAT_AT(a[1], int64_t, i) : 0;
		void *to = out->c->data->data;

		if (nd->ty.cls == CAT_CLS_F32)
			((float *)to)[i] = (float)round_places((double)CAT_AT(a[0], float, i), places, cut);
		else if (nd->ty.cls == CAT_CLS_F64)
			((double *)to)[i] = round_places(CAT_AT(a[0], double, i), places, cut);
		else if (!round_int(CAT_AT(a[0], int64_t, i), places, cut, (int64_t *)to + i) &&
			 cat_column_valid(out->c, i) && cat_eval_active(ev, i))
			return cat_eval_fail(ev, i, err, "ROUND(%lld, %lld) overflows int64",
					     (long long)CAT_AT(a[0], int64_t, i), (long long)places);
	}
	return CAT_OK;
}
