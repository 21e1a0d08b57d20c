/* Least and greatest values, as statistics and column indexes hold them (parquet.thrift, ColumnOrder). */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "formats/parquet_write.h"

static void set(struct cat_pq_bounds *b, const void *min, const void *max, size_t n)
{
	b->known = b->min_exact = b->max_exact = true;
	b->nmin = b->nmax = n;
	memcpy(b->min, min, n);
	memcpy(b->max, max, n);
}

/* Four at a time, so that one comparison need not wait for the last. */
#define LEAST(T, first_lo, first_hi, finish)                                        \
	do {                                                                        \
		const T *v = values;                                                \
		T lo[4], hi[4];                                                     \
		int64_t i = 0;                                                      \
		for (int k = 0; k < 4; k++)                                         \
			lo[k] = (first_lo), hi[k] = (first_hi);                     \
		for (; i + 4 <= n; i += 4) {                                        \
			for (int k = 0; k < 4; k++) {                               \
				lo[k] = v[i + k] < lo[k] ? v[i + k] : lo[k];        \
				hi[k] = v[i + k] > hi[k] ? v[i + k] : hi[k];        \
			}                                                           \
		}                                                                   \
		for (; i < n; i++) {                                                \
			lo[0] = v[i] < lo[0] ? v[i] : lo[0];                        \
			hi[0] = v[i] > hi[0] ? v[i] : hi[0];                        \
		}                                                                   \
		for (int k = 1; k < 4; k++) {                                       \
			lo[0] = lo[k] < lo[0] ? lo[k] : lo[0];                      \
			hi[0] = hi[k] > hi[0] ? hi[k] : hi[0];                      \
		}                                                                   \
		finish;                                                             \
		if (lo[0] <= hi[0])                                                 \
			set(out, &lo[0], &hi[0], sizeof lo[0]);                     \
	} while (0)
#define LEAST_INT(T) LEAST(T, v[0], v[0], (void)0)
/* A comparison with NaN is false, so NaNs pass by. A zero bound takes the sign that keeps both zeros inside. */
#define LEAST_FLOAT(T)                                                              \
	LEAST(T, (T)INFINITY, (T)-INFINITY, lo[0] = lo[0] == 0 ? (T)-0.0 : lo[0];   \
	      hi[0] = hi[0] == 0 ? (T)0.0 : hi[0])

static int compare_bytes(const uint8_t *a, size_t na, const uint8_t *b, size_t nb)
{
	const size_t n = na < nb ? na : nb;
	const int order = n ? memcmp(a, b, n) : 0;

	return order ? order : (na > nb) - (na < nb);
}

static int compare_decimal(const uint8_t *a, const uint8_t *b)
{
	if ((a[0] ^ b[0]) & 0x80)
		return a[0] & 0x80 ? -1 : 1;
	return memcmp(a, b, 16);
}

/* Texts longer than a bound holds: the least is cut, the greatest cut and raised where ASCII allows it. */
static bool set_text(struct cat_pq_bounds *b, struct cat_span min, struct cat_span max)
{
	size_t n = max.n;

	b->min_exact = min.n <= CAT_PQ_BOUND;
	b->max_exact = max.n <= CAT_PQ_BOUND;
	b->nmin = b->min_exact ? min.n : CAT_PQ_BOUND;
	while (!b->min_exact && b->nmin > 0 && (min.p[b->nmin] & 0xc0) == 0x80)
		b->nmin--; /* not inside a UTF-8 character */
	if (!b->max_exact) {
		n = CAT_PQ_BOUND;
		while (n > 0 && max.p[n - 1] >= 0x7e)
			n--;
		if (n == 0)
			return false;
	}
	if (b->nmin)
		memcpy(b->min, min.p, b->nmin);
	if (n)
		memcpy(b->max, max.p, n);
	if (!b->max_exact)
		b->max[n - 1]++;
	b->nmax = n;
	return b->known = true;
}

/* The first eight bytes as a number that sorts as they do. Values lie in buffers that may be read past the end. */
static uint64_t prefix(struct cat_span s)
{
	uint64_t w = 0;

	if (s.n == 0)
		return 0;
	memcpy(&w, s.p, 8);
	if (s.n < 8)
		w &= (UINT64_C(1) << (8 * s.n)) - 1;
	return __builtin_bswap64(w);
}

static void least_bytes(const struct cat_pq_wleaf *l, const void *values, int64_t n, struct cat_pq_bounds *out)
{
	const struct cat_span *texts = values;
	const uint8_t *fixed = values;
	struct cat_span lo = {0}, hi = {0};
	uint64_t lo_key = 0, hi_key = 0;

	for (int64_t i = 0; i < n; i++) {
		const struct cat_span v =
			l->width ? (struct cat_span){fixed + i * l->width, (size_t)l->width} : texts[i];
		const uint64_t key = prefix(v);

		if (i == 0 || key < lo_key || (key == lo_key && compare_bytes(v.p, v.n, lo.p, lo.n) < 0)) {
			lo = v;
			lo_key = key;
		}
		if (i == 0 || key > hi_key || (key == hi_key && compare_bytes(v.p, v.n, hi.p, hi.n) > 0)) {
			hi = v;
			hi_key = key;
		}
	}
	out->lost = !set_text(out, lo, hi);
}

static void least_decimal(const uint8_t *v, int64_t n, struct cat_pq_bounds *out)
{
	const uint8_t *lo = v, *hi = v;

	for (int64_t i = 1; i < n; i++) {
		lo = compare_decimal(v + 16 * i, lo) < 0 ? v + 16 * i : lo;
		hi = compare_decimal(v + 16 * i, hi) > 0 ? v + 16 * i : hi;
	}
	set(out, lo, hi, 16);
}

void cat_pq_bounds_of(const struct cat_pq_wleaf *l, const void *values, int64_t n, struct cat_pq_bounds *out)
{
	out->known = out->lost = false;
	if (n == 0)
		return;
	switch (l->order) {
	case CAT_PQ_O_NONE:
		break;
	case CAT_PQ_O_BOOL:
		LEAST_INT(uint8_t);
		break;
	case CAT_PQ_O_I32:
		LEAST_INT(int32_t);
		break;
	case CAT_PQ_O_U32:
		LEAST_INT(uint32_t);
		break;
	case CAT_PQ_O_I64:
		LEAST_INT(int64_t);
		break;
	case CAT_PQ_O_U64:
		LEAST_INT(uint64_t);
		break;
	case CAT_PQ_O_F32:
		LEAST_FLOAT(float);
		break;
	case CAT_PQ_O_F64:
		LEAST_FLOAT(double);
		break;
	case CAT_PQ_O_BYTES:
		least_bytes(l, values, n, out);
		break;
	case CAT_PQ_O_DECIMAL:
		least_decimal(values, n, out);
		break;
	}
}

#define ORDER(T)                                   \
	do {                                       \
		T x, y;                            \
		memcpy(&x, a, sizeof x);           \
		memcpy(&y, b, sizeof y);           \
		return (x > y) - (x < y);          \
	} while (0)

static int compare(const struct cat_pq_wleaf *l, const uint8_t *a, size_t na, const uint8_t *b, size_t nb)
{
	switch (l->order) {
	case CAT_PQ_O_BOOL:
		ORDER(uint8_t);
	case CAT_PQ_O_I32:
		ORDER(int32_t);
	case CAT_PQ_O_U32:
		ORDER(uint32_t);
	case CAT_PQ_O_I64:
		ORDER(int64_t);
	case CAT_PQ_O_U64:
		ORDER(uint64_t);
	case CAT_PQ_O_F32:
		ORDER(float);
	case CAT_PQ_O_F64:
		ORDER(double);
	case CAT_PQ_O_DECIMAL:
		return compare_decimal(a, b);
	case CAT_PQ_O_NONE:
	case CAT_PQ_O_BYTES:
		break;
	}
	return compare_bytes(a, na, b, nb);
}

void cat_pq_bounds_join(const struct cat_pq_wleaf *l, struct cat_pq_bounds *a, const struct cat_pq_bounds *b)
{
	if (a->lost || b->lost) {
		a->known = false;
		a->lost = true;
		return;
	}
	if (!b->known)
		return;
	if (!a->known) {
		*a = *b;
		return;
	}
	if (compare(l, b->min, b->nmin, a->min, a->nmin) < 0) {
		memcpy(a->min, b->min, b->nmin);
		a->nmin = b->nmin;
		a->min_exact = b->min_exact;
	}
	if (compare(l, b->max, b->nmax, a->max, a->nmax) > 0) {
		memcpy(a->max, b->max, b->nmax);
		a->nmax = b->nmax;
		a->max_exact = b->max_exact;
	}
}

/* Orders that the deprecated fields share with the new ones. */
static bool has_old_order(enum cat_pq_order o)
{
	return o == CAT_PQ_O_BOOL || o == CAT_PQ_O_I32 || o == CAT_PQ_O_I64 || o == CAT_PQ_O_F32 ||
	       o == CAT_PQ_O_F64;
}

/* Statistics: 1 max, 2 min, 3 null_count, 5 max_value, 6 min_value, 7/8 exact. */
void cat_pq_bounds_put(const struct cat_pq_wleaf *l, const struct cat_pq_bounds *b, int64_t nulls,
                       struct cat_thrift_out *o, int id)
{
	const int16_t outer = cat_thrift_begin(o, id);

	if (b->known && has_old_order(l->order)) {
		cat_thrift_put_binary(o, 1, b->max, b->nmax);
		cat_thrift_put_binary(o, 2, b->min, b->nmin);
	}
	cat_thrift_put_int(o, 3, CAT_THRIFT_I64, nulls);
	if (b->known) {
		cat_thrift_put_binary(o, 5, b->max, b->nmax);
		cat_thrift_put_binary(o, 6, b->min, b->nmin);
		cat_thrift_put_bool(o, 7, b->max_exact);
		cat_thrift_put_bool(o, 8, b->min_exact);
	}
	cat_thrift_end(o, outer);
}

/* 0 unordered, 1 ascending, 2 descending, over the pages that have bounds. */
static int boundary_order(const struct cat_pq_wleaf *l, const struct cat_pq_bounds *p, size_t n)
{
	const struct cat_pq_bounds *last = NULL;
	bool up = true, down = true;

	for (size_t i = 0; i < n; i++) {
		if (!p[i].known)
			continue;
		if (last) {
			const int min = compare(l, p[i].min, p[i].nmin, last->min, last->nmin);
			const int max = compare(l, p[i].max, p[i].nmax, last->max, last->nmax);

			up = up && min >= 0 && max >= 0;
			down = down && min <= 0 && max <= 0;
		}
		last = &p[i];
	}
	return up ? 1 : down ? 2 : 0;
}

/* ColumnIndex: 1 null_pages, 2 min_values, 3 max_values, 4 boundary_order, 5 null_counts. */
void cat_pq_column_index_put(const struct cat_pq_wleaf *l, const struct cat_pq_bounds *pages, const int64_t *nulls,
                             const int64_t *entries, size_t n, struct cat_text *out)
{
	struct cat_thrift_out o = {.to = out};
	int16_t outer;

	for (size_t i = 0; i < n; i++)
		if (!pages[i].known && nulls[i] < entries[i])
			return;
	outer = cat_thrift_begin(&o, 0);
	cat_thrift_put_list(&o, 1, CAT_THRIFT_TRUE, n);
	for (size_t i = 0; i < n; i++)
		cat_text_addc(out, pages[i].known ? CAT_THRIFT_FALSE : CAT_THRIFT_TRUE);
	cat_thrift_put_list(&o, 2, CAT_THRIFT_BINARY, n);
	for (size_t i = 0; i < n; i++)
		cat_thrift_item_binary(&o, pages[i].min, pages[i].known ? pages[i].nmin : 0);
	cat_thrift_put_list(&o, 3, CAT_THRIFT_BINARY, n);
	for (size_t i = 0; i < n; i++)
		cat_thrift_item_binary(&o, pages[i].max, pages[i].known ? pages[i].nmax : 0);
	cat_thrift_put_int(&o, 4, CAT_THRIFT_I32, boundary_order(l, pages, n));
	cat_thrift_put_list(&o, 5, CAT_THRIFT_I64, n);
	for (size_t i = 0; i < n; i++)
		cat_thrift_item_int(&o, nulls[i]);
	cat_thrift_end(&o, outer);
}
