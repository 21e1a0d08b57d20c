#include "columnar/kernels.h"

#include <string.h>

#include "base/alloc.h"
#include "columnar/gather.h"

void cat_bits_copy(uint8_t *dst, int64_t to, const uint8_t *src, int64_t from, int64_t n)
{
	while (n > 0 && (to & 7)) {
		const uint8_t bit = (uint8_t)(1u << (to & 7));

		dst[to >> 3] = (uint8_t)(cat_bit_get(src, from) ? dst[to >> 3] | bit : dst[to >> 3] & ~bit);
		to++, from++, n--;
	}
	if ((from & 7) == 0) {
		memcpy(dst + (to >> 3), src + (from >> 3), (size_t)(n >> 3));
	} else {
		const int shift = (int)(from & 7);
		const uint8_t *s = src + (from >> 3);
		uint8_t *d = dst + (to >> 3);

		for (int64_t i = 0; i < n >> 3; i++)
			d[i] = (uint8_t)(s[i] >> shift | s[i + 1] << (8 - shift));
	}
	to += n & ~(int64_t)7;
	from += n & ~(int64_t)7;
	for (n &= 7; n > 0; n--, to++, from++) {
		const uint8_t bit = (uint8_t)(1u << (to & 7));

		dst[to >> 3] = (uint8_t)(cat_bit_get(src, from) ? dst[to >> 3] | bit : dst[to >> 3] & ~bit);
	}
}

/* --- take --- */

/* IDX as places in a single part; the caller frees *OUT. */
static int places_of(const int32_t *idx, int64_t n, struct cat_place **out, struct cat_error *err)
{
	*out = cat_malloc((size_t)n * sizeof **out);
	if (!*out)
		return cat_fail_mem(err, (size_t)n * sizeof **out);
	for (int64_t i = 0; i < n; i++)
		(*out)[i] = (struct cat_place){idx[i] < 0 ? -1 : 0, idx[i]};
	return CAT_OK;
}

int cat_take(const struct cat_column *c, const int32_t *idx, int64_t n, struct cat_column **out, struct cat_error *err)
{
	struct cat_place *at;
	int rc;

	CAT_TRY(places_of(idx, n, &at, err));
	rc = cat_gather(&c, 1, at, n, out, err);
	cat_free(at);
	return rc;
}

int cat_take_batch(const struct cat_batch *b, const int32_t *idx, int64_t n, struct cat_batch **out,
                   struct cat_error *err)
{
	struct cat_batch *t = NULL;
	struct cat_place *at;
	int rc;

	CAT_TRY(places_of(idx, n, &at, err));
	rc = cat_batch_new(b->schema, n, &t, err);
	for (int i = 0; rc == CAT_OK && i < b->ncols; i++) {
		const struct cat_column *c = b->cols[i];

		if (c)
			rc = cat_gather(&c, 1, at, n, &t->cols[i], err);
	}
	cat_free(at);
	if (rc != CAT_OK) {
		cat_batch_unref(t);
		return rc;
	}
	*out = t;
	return CAT_OK;
}

int64_t cat_mask_indices(const struct cat_column *mask, int32_t *idx)
{
	int64_t n = 0;

	for (int64_t i = 0; i < mask->length; i += CAT_BITS_WORD) {
		const int64_t left = mask->length - i, at = mask->offset + i;
		uint64_t word = cat_bits_word(mask->data->data, at);

		if (mask->validity)
			word &= cat_bits_word(mask->validity->data, at);
		word &= (UINT64_C(1) << (left < CAT_BITS_WORD ? left : CAT_BITS_WORD)) - 1;
		for (; word; word &= word - 1)
			idx[n++] = (int32_t)(i + __builtin_ctzll(word));
	}
	return n;
}

/* --- concat --- */

static int concat_validity(struct cat_column *const *cols, int n, struct cat_column *t, struct cat_error *err)
{
	int64_t at = 0, nulls = 0;

	for (int i = 0; i < n; i++)
		nulls += cat_column_null_count(cols[i]);
	t->null_count = nulls;
	if (nulls == 0 || t->type.id == CAT_T_NULL)
		return CAT_OK;
	CAT_TRY(cat_buf_zeroed((size_t)(t->length + 7) / 8, &t->validity, err));
	for (int i = 0; i < n; at += cols[i]->length, i++) {
		if (cols[i]->validity)
			cat_bits_copy(t->validity->data, at, cols[i]->validity->data, cols[i]->offset, cols[i]->length);
		else
			for (int64_t k = 0; k < cols[i]->length; k++)
				cat_bit_set(t->validity->data, at + k);
	}
	return CAT_OK;
}

static int concat_offsets(struct cat_column *const *cols, int n, struct cat_column *t, struct cat_error *err)
{
	int32_t *to;
	int64_t total = 0, at = 0;

	CAT_TRY(cat_buf_new((size_t)(t->length + 1) * sizeof *to, &t->offsets, err));
	to = (int32_t *)(void *)t->offsets->data;
	to[0] = 0;
	for (int i = 0; i < n; at += cols[i]->length, i++) {
		const int32_t *o = cat_column_offsets(cols[i]);

		if (total + o[cols[i]->length] - o[0] > INT32_MAX)
			return cat_fail(err, CAT_E_UNSUPPORTED, "more than 2 GiB of text or list elements in one batch");
		for (int64_t k = 0; k < cols[i]->length; k++)
			to[at + k + 1] = (int32_t)(total + o[k + 1] - o[0]);
		total += o[cols[i]->length] - o[0];
	}
	return CAT_OK;
}

static int concat_children(struct cat_column *const *cols, int n, struct cat_column *t, struct cat_error *err)
{
	struct cat_column **parts = cat_calloc((size_t)n, sizeof(struct cat_column *));
	int rc = CAT_OK;

	if (!parts)
		return cat_fail_mem(err, (size_t)n * sizeof *parts);
	for (int k = 0; rc == CAT_OK && k < t->nchildren; k++) {
		for (int i = 0; rc == CAT_OK && i < n; i++) {
			if (cat_type_is_list(t->type.id)) {
				const int32_t *o = cat_column_offsets(cols[i]);

				rc = cat_column_slice(cols[i]->children[k], o[0], o[cols[i]->length] - o[0], &parts[i],
				                      err);
			} else {
				parts[i] = cat_column_ref(cols[i]->children[k]);
			}
		}
		if (rc == CAT_OK)
			rc = cat_concat(parts, n, &t->children[k], err);
		for (int i = 0; i < n; i++) {
			cat_column_unref(parts[i]);
			parts[i] = NULL;
		}
	}
	cat_free(parts);
	return rc;
}

static int concat_body(struct cat_column *const *cols, int n, struct cat_column *t, struct cat_error *err)
{
	const int width = cat_type_bytes(&t->type);
	int64_t at = 0;

	CAT_TRY(concat_validity(cols, n, t, err));
	if (cols[0]->offsets)
		CAT_TRY(concat_offsets(cols, n, t, err));
	if (t->type.id == CAT_T_BOOL) {
		CAT_TRY(cat_buf_zeroed((size_t)(t->length + 7) / 8, &t->data, err));
		for (int i = 0; i < n; at += cols[i]->length, i++)
			cat_bits_copy(t->data->data, at, cols[i]->data->data, cols[i]->offset, cols[i]->length);
	} else if (width) {
		CAT_TRY(cat_buf_new((size_t)t->length * (size_t)width, &t->data, err));
		for (int i = 0; i < n; at += cols[i]->length, i++)
			memcpy(t->data->data + at * width, cols[i]->data->data + cols[i]->offset * width,
			       (size_t)(cols[i]->length * width));
	} else if (cat_type_is_text(t->type.id)) {
		CAT_TRY(cat_buf_new((size_t)((const int32_t *)(const void *)t->offsets->data)[t->length], &t->data, err));
		for (int i = 0; i < n; i++) {
			const int32_t *o = cat_column_offsets(cols[i]);
			const size_t bytes = (size_t)(o[cols[i]->length] - o[0]);

			if (bytes)
				memcpy(t->data->data + at, cols[i]->data->data + o[0], bytes);
			at += (int64_t)bytes;
		}
	} else if (t->nchildren) {
		return concat_children(cols, n, t, err);
	}
	return CAT_OK;
}

int cat_concat(struct cat_column *const *cols, int n, struct cat_column **out, struct cat_error *err)
{
	struct cat_column *t;
	int64_t length = 0;
	int rc;

	if (n == 1) {
		*out = cat_column_ref(cols[0]);
		return CAT_OK;
	}
	for (int i = 0; i < n; i++)
		length += cols[i]->length;
	CAT_TRY(cat_column_new(&cols[0]->type, length, cols[0]->nchildren, &t, err));
	rc = concat_body(cols, n, t, err);
	if (rc != CAT_OK) {
		cat_column_unref(t);
		return rc;
	}
	*out = t;
	return CAT_OK;
}

int cat_concat_batches(struct cat_batch *const *batches, int n, struct cat_batch **out, struct cat_error *err)
{
	struct cat_column **parts;
	struct cat_batch *t;
	int64_t nrows = 0;
	int rc = CAT_OK;

	if (n == 1) {
		*out = cat_batch_ref(batches[0]);
		return CAT_OK;
	}
	for (int i = 0; i < n; i++)
		nrows += batches[i]->nrows;
	parts = cat_calloc((size_t)n, sizeof(struct cat_column *));
	if (!parts)
		return cat_fail_mem(err, (size_t)n * sizeof *parts);
	rc = cat_batch_new(batches[0]->schema, nrows, &t, err);
	if (rc == CAT_OK) {
		for (int k = 0; rc == CAT_OK && k < t->ncols; k++) {
			for (int i = 0; i < n; i++)
				parts[i] = batches[i]->cols[k];
			rc = parts[0] ? cat_concat(parts, n, &t->cols[k], err) : CAT_OK;
		}
		if (rc == CAT_OK)
			*out = t;
		else
			cat_batch_unref(t);
	}
	cat_free(parts);
	return rc;
}
