#include <math.h>
#include <string.h>

#include "columnar/builder.h"
#include "columnar/exactsum.h"
#include "columnar/kernels.h"
#include "expr/func.h"
#include "expr/node.h"

int cat_kernel_index(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
		     struct cat_vec *out, struct cat_error *err)
{
	struct cat_buf *buf;
	int32_t *idx;
	int rc;

	(void)ev, (void)nd;
	CAT_TRY(cat_buf_new((size_t)n * sizeof *idx, &buf, err));
	idx = (int32_t *)(void *)buf->data;
	for (int64_t i = 0; i < n; i++) {
		int64_t from, to, k;

		idx[i] = -1;
		if (!cat_vec_valid(&a[0], i) || !cat_vec_valid(&a[1], i))
			continue;
		cat_list_bounds(a[0].c, i, &from, &to);
		k = CAT_AT(a[1], int64_t, i);
		if (k >= 1 && k <= to - from)
			idx[i] = (int32_t)(from + k - 1);
		else if (k <= -1 && k >= from - to)
			idx[i] = (int32_t)(to + k);
	}
	rc = cat_take(a[0].c->children[0], idx, n, &out->c, err);
	cat_buf_unref(buf);
	return rc;
}

/* --- aggregates of one list --- */

static bool counts(const struct cat_column *c, int64_t i)
{
	if (!cat_column_valid(c, i))
		return false;
	return c->type.id == CAT_T_F64   ? !isnan(CAT_VALUES(c, double)[i])
	       : c->type.id == CAT_T_F32 ? !isnan(CAT_VALUES(c, float)[i])
					 : true;
}

static int64_t count_row(int code, const struct cat_column *c, int64_t from, int64_t to)
{
	int64_t n = 0;

	if (code == CAT_F_LENGTH)
		return to - from;
	for (int64_t i = from; i < to; i++)
		n += code == CAT_F_COUNT ? counts(c, i) : cat_column_valid(c, i) && cat_column_bool(c, i);
	return n;
}

/* Where the smallest or largest element stands; -1 when there is none. */
static int64_t extreme_row(bool largest, const struct cat_column *c, int64_t from, int64_t to)
{
	int64_t best = -1;

	for (int64_t i = from; i < to; i++) {
		bool less, more;

		if (!counts(c, i))
			continue;
		if (best < 0) {
			best = i;
			continue;
		}
		if (c->type.id == CAT_T_I64) {
			less = CAT_VALUES(c, int64_t)[i] < CAT_VALUES(c, int64_t)[best];
			more = CAT_VALUES(c, int64_t)[i] > CAT_VALUES(c, int64_t)[best];
		} else if (c->type.id == CAT_T_U64) {
			less = CAT_VALUES(c, uint64_t)[i] < CAT_VALUES(c, uint64_t)[best];
			more = CAT_VALUES(c, uint64_t)[i] > CAT_VALUES(c, uint64_t)[best];
		} else {
			less = cat_column_f64(c, i) < cat_column_f64(c, best);
			more = cat_column_f64(c, i) > cat_column_f64(c, best);
		}
		if (largest ? more : less)
			best = i;
	}
	return best;
}

/* The K-th smallest of V[0..n) moves to V[k], smaller ones before it. */
static void select_kth(double *v, int64_t n, int64_t k)
{
	int64_t lo = 0, hi = n - 1;

	while (lo < hi) {
		const double pivot = v[lo + (hi - lo) / 2];
		int64_t i = lo, j = hi;

		while (i <= j) {
			while (v[i] < pivot)
				i++;
			while (v[j] > pivot)
				j--;
			if (i <= j) {
				const double t = v[i];

				v[i++] = v[j];
				v[j--] = t;
			}
		}
		if (k <= j)
			hi = j;
		else if (k >= i)
			lo = i;
		else
			return;
	}
}

static double median(double *v, int64_t n)
{
	double low;

	select_kth(v, n, n / 2);
	if (n % 2)
		return v[n / 2];
	low = v[0];
	for (int64_t i = 1; i < n / 2; i++)
		low = v[i] > low ? v[i] : low;
	return low / 2 + v[n / 2] / 2;
}

/* Sum, mean or median of the float64 elements that count; false when there are none. */
static bool float_row(int code, const struct cat_column *c, int64_t from, int64_t to, double *scratch, double *out)
{
	struct cat_exactsum sum;
	int64_t n = 0;

	for (int64_t i = from; i < to; i++)
		if (counts(c, i))
			scratch[n++] = CAT_VALUES(c, double)[i];
	if (n == 0)
		return false;
	if (code == CAT_F_MEDIAN) {
		*out = median(scratch, n);
		return true;
	}
	cat_exactsum_init(&sum);
	cat_exactsum_add_array(&sum, scratch, n);
	*out = code == CAT_F_SUM ? cat_exactsum_value(&sum) : cat_exactsum_mean(&sum, n);
	return true;
}

static int sum_i64_row(const struct cat_eval *ev, int64_t row, const struct cat_column *c, int64_t from,
		       int64_t to, bool *any, int64_t *out, struct cat_error *err)
{
	cat_i128 sum = 0;

	*any = false;
	for (int64_t i = from; i < to; i++)
		if (cat_column_valid(c, i)) {
			*any = true;
			sum += CAT_VALUES(c, int64_t)[i];
		}
	*out = (int64_t)sum;
	if (*any && (sum > INT64_MAX || sum < INT64_MIN) && cat_eval_active(ev, row))
		return cat_eval_fail(ev, row, err, "the sum of a list overflows int64");
	return CAT_OK;
}

struct list_job {
	const struct cat_column *list, *child;
	double *scratch;
	int code;
};

static int list_row(struct cat_eval *ev, const struct list_job *j, int64_t i, struct cat_builder *b,
		    struct cat_error *err)
{
	int64_t from, to, v;
	bool any = true;
	double d;

	if (!cat_column_valid(j->list, i))
		return cat_builder_null(b, err);
	cat_list_bounds(j->list, i, &from, &to);
	if (j->code == CAT_F_MIN || j->code == CAT_F_MAX) {
		v = extreme_row(j->code == CAT_F_MAX, j->child, from, to);
		return v < 0 ? cat_builder_null(b, err) : cat_builder_row(b, j->child, v, err);
	}
	if (j->code == CAT_F_COUNT || j->code == CAT_F_COUNT_IF || j->code == CAT_F_LENGTH) {
		v = count_row(j->code, j->child, from, to);
		return cat_builder_fixed(b, &v, err);
	}
	if (b->type.id == CAT_T_F64) {
		any = float_row(j->code, j->child, from, to, j->scratch, &d);
		return any ? cat_builder_fixed(b, &d, err) : cat_builder_null(b, err);
	}
	CAT_TRY(sum_i64_row(ev, i, j->child, from, to, &any, &v, err));
	return any ? cat_builder_fixed(b, &v, err) : cat_builder_null(b, err);
}

static int list_rows(struct cat_eval *ev, const struct list_job *j, const struct cat_node *nd, int64_t n,
		     struct cat_vec *out, struct cat_error *err)
{
	const struct cat_field f = {.type = cat_cls_type(nd->ty.cls, CAT_UNIT_S)};
	struct cat_builder b;
	int rc;

	CAT_TRY(cat_builder_init(&b, &f, err));
	rc = cat_builder_reserve(&b, n, err);
	for (int64_t i = 0; rc == CAT_OK && i < n; i++)
		rc = list_row(ev, j, i, &b, err);
	if (rc == CAT_OK)
		rc = cat_builder_finish(&b, &out->c, err);
	cat_builder_fini(&b);
	return rc;
}

int cat_kernel_list(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
		    struct cat_vec *out, struct cat_error *err)
{
	struct cat_eval inner = {.e = ev->e, .lifted = true};
	struct cat_vec child = {.c = cat_column_ref(a[0].c->children[0])};
	struct list_job j = {.list = a[0].c, .code = nd->func->code};
	struct cat_buf *scratch = NULL;
	int64_t longest = 0;
	int rc = cat_vec_coerce(&inner, &child, ev->e->args[nd->use0].want, CAT_UNIT_S, err);

	for (int64_t i = 0; i < n; i++) {
		int64_t from, to;

		cat_list_bounds(a[0].c, i, &from, &to);
		longest = to - from > longest ? to - from : longest;
	}
	if (rc == CAT_OK)
		rc = cat_buf_new((size_t)longest * sizeof(double), &scratch, err);
	if (rc == CAT_OK) {
		j.child = child.c;
		j.scratch = (double *)(void *)scratch->data;
		rc = list_rows(ev, &j, nd, n, out, err);
	}
	cat_buf_unref(scratch);
	cat_vec_drop(&child);
	return rc;
}
