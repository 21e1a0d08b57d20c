#include "columnar/gather.h"

#include <string.h>

#include "base/alloc.h"

/* How far ahead rows are fetched when they lie anywhere. */
#define AHEAD 16
/* What a processor fetches by itself; told by so many rows. */
#define NEAR_ROWS 64
#define SAMPLES 64

/* What is read of the parts, side by side. */
struct from {
	const struct cat_column *const *cols;
	size_t n;
	const uint8_t **values; /* of each part's row 0 */
	bool far;               /* rows lie anywhere: they are worth fetching ahead */
};

/* Told by some of the rows. */
static bool are_far(size_t nparts, const struct cat_place *at, int64_t n)
{
	const int64_t step = n / SAMPLES + 1;
	int64_t seen = 0, far = 0;

	for (int64_t i = 0; nparts > 1 && i + 1 < n; i += step) {
		seen++;
		far += at[i].part != at[i + 1].part || at[i + 1].row < at[i].row || at[i + 1].row > at[i].row + NEAR_ROWS;
	}
	return 4 * far > seen;
}

/* Rows looked at together: they mostly are of one part. */
#define BLOCK 64

static inline bool one_part(const struct cat_place *at)
{
	int32_t differ = at[0].part < 0;

	for (int k = 1; k < BLOCK; k++)
		differ |= at[k].part ^ at[0].part;
	return differ == 0;
}

#define VALUE(T, p) ((p).part < 0 ? (T)0 : ((const T *)(const void *)v[(p).part])[(p).row])
#define GATHER(T)                                                                                   \
	do {                                                                                        \
		T *to = (T *)(void *)t->data->data;                                                 \
		int64_t i = 0;                                                                      \
		for (; f->far && i + AHEAD < n; i++) {                                              \
			if (at[i + AHEAD].part >= 0)                                                \
				__builtin_prefetch((const T *)(const void *)v[at[i + AHEAD].part] + \
				                   at[i + AHEAD].row);                              \
			to[i] = VALUE(T, at[i]);                                                    \
		}                                                                                   \
		for (; i + BLOCK <= n; i += BLOCK) {                                                \
			const T *from;                                                              \
			if (!one_part(at + i)) {                                                    \
				for (int64_t k = i; k < i + BLOCK; k++)                             \
					to[k] = VALUE(T, at[k]);                                    \
				continue;                                                           \
			}                                                                           \
			from = (const T *)(const void *)v[at[i].part];                              \
			for (int64_t k = i; k < i + BLOCK; k++)                                     \
				to[k] = from[at[k].row];                                            \
		}                                                                                   \
		for (; i < n; i++)                                                                  \
			to[i] = VALUE(T, at[i]);                                                    \
	} while (0)

static void gather_fixed(const struct from *f, const struct cat_place *at, int64_t n, struct cat_column *t, int width)
{
	const uint8_t **v = f->values;

	for (size_t p = 0; p < f->n; p++)
		v[p] = f->cols[p]->data->data + f->cols[p]->offset * width;
	switch (width) {
	case 1:
		GATHER(uint8_t);
		break;
	case 2:
		GATHER(uint16_t);
		break;
	case 4:
		GATHER(uint32_t);
		break;
	case 8:
		GATHER(uint64_t);
		break;
	default:
		for (int64_t i = 0; i < n; i++) {
			uint8_t *to = t->data->data + i * width;

			if (at[i].part < 0)
				memset(to, 0, (size_t)width);
			else
				memcpy(to, v[at[i].part] + at[i].row * width, (size_t)width);
		}
	}
}

/* Bits of rows AT[0..n), those of parts without any being set; TO has whole words. Not fetched ahead: bits are few
 * enough to be near. */
static void gather_bits(const struct from *f, const struct cat_place *at, int64_t n, uint8_t *to)
{
	for (int64_t i = 0; i < n; i += BLOCK) {
		const int64_t m = n - i < BLOCK ? n - i : BLOCK;
		const bool one = m == BLOCK && one_part(at + i);
		const uint8_t *from = one ? f->values[at[i].part] : NULL;
		const int64_t off = one ? f->cols[at[i].part]->offset : 0;
		uint64_t word = one && !from ? ~UINT64_C(0) : 0;

		for (int64_t k = 0; from && k < m; k++) {
			const int64_t bit = off + at[i + k].row;

			word |= (uint64_t)(from[bit >> 3] >> (bit & 7) & 1) << k;
		}
		for (int64_t k = 0; !one && k < m; k++) {
			const struct cat_place p = at[i + k];
			const uint8_t *bits = p.part < 0 ? NULL : f->values[p.part];
			const uint64_t bit = bits ? cat_bit_get(bits, f->cols[p.part]->offset + p.row) : p.part >= 0;

			word |= bit << k;
		}
		memcpy(to + (i >> 3), &word, sizeof word);
	}
}

static int gather_validity(const struct from *f, const struct cat_place *at, int64_t n, struct cat_column *t,
                           struct cat_error *err)
{
	bool any = false;
	int64_t valid = 0;

	t->null_count = n;
	if (t->type.id == CAT_T_NULL)
		return CAT_OK;
	for (size_t p = 0; p < f->n; p++) {
		const struct cat_column *c = f->cols[p];

		f->values[p] = c->validity && c->null_count != 0 ? c->validity->data : NULL;
		any |= f->values[p] != NULL;
	}
	for (int64_t i = 0; !any && i < n; i++)
		any = at[i].part < 0;
	t->null_count = 0;
	if (!any)
		return CAT_OK;
	CAT_TRY(cat_buf_new((size_t)(n + 7) / 8, &t->validity, err));
	gather_bits(f, at, n, t->validity->data);
	for (int64_t i = 0; i < (n + 7) / 8; i++)
		valid += __builtin_popcount(t->validity->data[i]);
	t->null_count = n - valid;
	if (t->null_count == 0) {
		cat_buf_unref(t->validity);
		t->validity = NULL;
	}
	return CAT_OK;
}

static int gather_offsets(const struct from *f, const struct cat_place *at, int64_t n, struct cat_column *t,
                          struct cat_error *err)
{
	int64_t total = 0;
	int32_t *to;

	CAT_TRY(cat_buf_new(((size_t)n + 1) * sizeof *to, &t->offsets, err));
	to = (int32_t *)(void *)t->offsets->data;
	to[0] = 0;
	for (int64_t i = 0; i < n; i++) {
		if (at[i].part >= 0 && cat_column_valid(f->cols[at[i].part], at[i].row)) {
			const int32_t *o = cat_column_offsets(f->cols[at[i].part]) + at[i].row;

			total += o[1] - o[0];
		}
		if (total > INT32_MAX)
			return cat_fail(err, CAT_E_UNSUPPORTED, "more than 2 GiB of text or list elements in one batch");
		to[i + 1] = (int32_t)total;
	}
	return CAT_OK;
}

static int gather_text(const struct from *f, const struct cat_place *at, int64_t n, struct cat_column *t,
                       struct cat_error *err)
{
	const int32_t *to;

	CAT_TRY(gather_offsets(f, at, n, t, err));
	to = (const int32_t *)(const void *)t->offsets->data;
	CAT_TRY(cat_buf_new((size_t)to[n], &t->data, err));
	for (int64_t i = 0; i < n; i++) {
		const int32_t len = to[i + 1] - to[i];

		if (len > 0) {
			const struct cat_column *c = f->cols[at[i].part];

			memcpy(t->data->data + to[i], c->data->data + cat_column_offsets(c)[at[i].row], (size_t)len);
		}
	}
	return CAT_OK;
}

/* Child K of all parts. */
static int gather_child(const struct from *f, int k, const struct cat_place *at, int64_t n, struct cat_column *t,
                        struct cat_error *err)
{
	const struct cat_column **child = cat_malloc(f->n * sizeof(const struct cat_column *));
	int rc;

	if (!child)
		return cat_fail_mem(err, f->n * sizeof *child);
	for (size_t p = 0; p < f->n; p++)
		child[p] = f->cols[p]->children[k];
	rc = cat_gather(child, f->n, at, n, &t->children[k], err);
	cat_free(child);
	return rc;
}

static int gather_list(const struct from *f, const struct cat_place *at, int64_t n, struct cat_column *t,
                       struct cat_error *err)
{
	const int32_t *to;
	struct cat_place *child;
	int rc;

	CAT_TRY(gather_offsets(f, at, n, t, err));
	to = (const int32_t *)(const void *)t->offsets->data;
	child = cat_malloc((size_t)to[n] * sizeof *child);
	if (!child)
		return cat_fail_mem(err, (size_t)to[n] * sizeof *child);
	for (int64_t i = 0; i < n; i++)
		for (int32_t k = to[i]; k < to[i + 1]; k++)
			child[k] = (struct cat_place){
				at[i].part, cat_column_offsets(f->cols[at[i].part])[at[i].row] + (k - to[i])};
	rc = gather_child(f, 0, child, to[n], t, err);
	cat_free(child);
	return rc;
}

static int gather_group(const struct from *f, const struct cat_place *at, int64_t n, struct cat_column *t,
                        struct cat_error *err)
{
	const int32_t width = t->type.id == CAT_T_FIXED_LIST ? t->type.width : 1;
	struct cat_place *wide = NULL;
	int rc = CAT_OK;

	/* A struct's children start where it starts; those of a slice were sliced with it. */
	if (width != 1) {
		wide = cat_malloc((size_t)n * (size_t)width * sizeof *wide);
		if (!wide)
			return cat_fail_mem(err, (size_t)n * (size_t)width * sizeof *wide);
		for (int64_t i = 0; i < n; i++)
			for (int32_t k = 0; k < width; k++)
				wide[i * width + k] = (struct cat_place){at[i].part, at[i].row * width + k};
	}
	for (int k = 0; rc == CAT_OK && k < t->nchildren; k++)
		rc = gather_child(f, k, wide ? wide : at, n * width, t, err);
	cat_free(wide);
	return rc;
}

static int gather_body(const struct from *f, const struct cat_place *at, int64_t n, struct cat_column *t,
                       struct cat_error *err)
{
	const int width = cat_type_bytes(&t->type);

	CAT_TRY(gather_validity(f, at, n, t, err));
	if (t->type.id == CAT_T_BOOL) {
		CAT_TRY(cat_buf_new((size_t)(n + 7) / 8, &t->data, err));
		for (size_t p = 0; p < f->n; p++)
			f->values[p] = f->cols[p]->data->data;
		gather_bits(f, at, n, t->data->data);
	} else if (width) {
		CAT_TRY(cat_buf_new((size_t)n * (size_t)width, &t->data, err));
		gather_fixed(f, at, n, t, width);
	} else if (cat_type_is_text(t->type.id)) {
		return gather_text(f, at, n, t, err);
	} else if (cat_type_is_list(t->type.id)) {
		return gather_list(f, at, n, t, err);
	} else {
		return gather_group(f, at, n, t, err);
	}
	return CAT_OK;
}

int cat_gather(const struct cat_column *const *parts, size_t nparts, const struct cat_place *at, int64_t n,
               struct cat_column **out, struct cat_error *err)
{
	struct from f = {parts, nparts, cat_malloc(nparts * sizeof *f.values), are_far(nparts, at, n)};
	struct cat_column *t = NULL;
	int rc = f.values ? cat_column_new(&parts[0]->type, n, parts[0]->nchildren, &t, err)
	                  : cat_fail_mem(err, nparts * sizeof *f.values);

	if (rc == CAT_OK)
		rc = gather_body(&f, at, n, t, err);
	cat_free(f.values);
	if (rc != CAT_OK) {
		cat_column_unref(t);
		return rc;
	}
	*out = t;
	return CAT_OK;
}

int cat_gather_batches(struct cat_batch *const *parts, size_t nparts, struct cat_schema *schema,
                       const struct cat_place *at, int64_t n, struct cat_batch **out, struct cat_error *err)
{
	const struct cat_column **cols = cat_malloc(nparts * sizeof(const struct cat_column *));
	struct cat_batch *t = NULL;
	int rc = cols ? cat_batch_new(schema, n, &t, err) : cat_fail_mem(err, nparts * sizeof *cols);

	for (int k = 0; rc == CAT_OK && k < t->ncols; k++) {
		for (size_t p = 0; p < nparts; p++)
			cols[p] = parts[p]->cols[k];
		if (cols[0])
			rc = cat_gather(cols, nparts, at, n, &t->cols[k], err);
	}
	cat_free(cols);
	if (rc != CAT_OK) {
		cat_batch_unref(t);
		return rc;
	}
	*out = t;
	return CAT_OK;
}

/* --- stacks --- */

int cat_stack_add(struct cat_stack *s, struct cat_batch *b, struct cat_error *err)
{
	size_t at = (size_t)((s->nrows + 1023) >> 10);
	const size_t end = (size_t)((s->nrows + b->nrows + 1023) >> 10);

	if (cat_grow(&s->batch, &s->cap, s->n, sizeof(struct cat_batch *)) != 0 ||
	    cat_grow(&s->first, &s->cap_first, s->n, sizeof *s->first) != 0) {
		cat_batch_unref(b);
		return cat_fail_mem(err, s->cap * sizeof *s->first);
	}
	for (; at < end; at++) {
		if (cat_grow(&s->near, &s->cap_near, at, sizeof *s->near) != 0) {
			cat_batch_unref(b);
			return cat_fail_mem(err, s->cap_near * sizeof *s->near);
		}
		s->near[at] = (int32_t)s->n;
	}
	s->batch[s->n] = b;
	s->first[s->n++] = s->nrows;
	s->nrows += b->nrows;
	return CAT_OK;
}

void cat_stack_clear(struct cat_stack *s)
{
	for (size_t i = 0; i < s->n; i++)
		cat_batch_unref(s->batch[i]);
	s->n = 0;
	s->nrows = 0;
}

void cat_stack_fini(struct cat_stack *s)
{
	cat_stack_clear(s);
	cat_free(s->batch);
	cat_free(s->first);
	cat_free(s->near);
	memset(s, 0, sizeof *s);
}
