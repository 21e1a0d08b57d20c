#include "columnar/builder.h"

#include <string.h>

#include "base/alloc.h"

int cat_builder_init(struct cat_builder *b, const struct cat_field *f, struct cat_error *err)
{
	memset(b, 0, sizeof *b);
	b->type = f->type;
	b->width = cat_type_bytes(&f->type);
	if (f->nchildren) {
		b->children = cat_calloc((size_t)f->nchildren, sizeof *b->children);
		if (!b->children)
			return cat_fail_mem(err, sizeof *b->children);
	}
	for (int i = 0; i < f->nchildren; i++, b->nchildren++) {
		int rc = cat_builder_init(&b->children[i], &f->children[i], err);

		if (rc != CAT_OK) {
			cat_builder_fini(b);
			return rc;
		}
	}
	return CAT_OK;
}

void cat_builder_fini(struct cat_builder *b)
{
	cat_buf_unref(b->validity);
	cat_buf_unref(b->data);
	cat_buf_unref(b->offsets);
	for (int i = 0; i < b->nchildren; i++)
		cat_builder_fini(&b->children[i]);
	cat_free(b->children);
	memset(b, 0, sizeof *b);
}

static bool has_offsets(const struct cat_builder *b)
{
	return cat_type_is_text(b->type.id) || cat_type_is_list(b->type.id);
}

/* Grows to SIZE bytes and zeroes what is new. */
static int grow_zeroed(struct cat_buf **buf, size_t size, struct cat_error *err)
{
	const size_t have = *buf ? (*buf)->size : 0;

	CAT_TRY(cat_buf_resize(buf, size, err));
	if (size > have)
		memset((*buf)->data + have, 0, size - have);
	return CAT_OK;
}

int cat_builder_reserve(struct cat_builder *b, int64_t n, struct cat_error *err)
{
	size_t rows;

	if (b->length + n <= b->capacity)
		return CAT_OK;
	rows = (size_t)(b->capacity * 2 > b->length + n ? b->capacity * 2 : b->length + n);
	if (rows < 64)
		rows = 64;
	if (b->width)
		CAT_TRY(cat_buf_resize(&b->data, rows * (size_t)b->width, err));
	if (b->type.id == CAT_T_BOOL)
		CAT_TRY(grow_zeroed(&b->data, (rows + 7) / 8, err));
	if (b->validity)
		CAT_TRY(grow_zeroed(&b->validity, (rows + 7) / 8, err));
	if (has_offsets(b)) {
		const bool first = !b->offsets;

		CAT_TRY(cat_buf_resize(&b->offsets, (rows + 1) * sizeof(int32_t), err));
		if (first)
			memset(b->offsets->data, 0, sizeof(int32_t));
	}
	b->capacity = (int64_t)rows;
	return CAT_OK;
}

/* The row at b->length is there; its validity bit is set when bits are kept. */
static inline void count_row(struct cat_builder *b)
{
	if (b->validity)
		cat_bit_set(b->validity->data, b->length);
	b->length++;
}

static int32_t *offset_slot(struct cat_builder *b)
{
	return (int32_t *)(void *)b->offsets->data + b->length + 1;
}

/* The row at b->length, for which there is room, is null. */
static int count_null(struct cat_builder *b, struct cat_error *err)
{
	if (!b->validity && b->type.id != CAT_T_NULL) {
		CAT_TRY(grow_zeroed(&b->validity, (size_t)(b->capacity + 7) / 8, err));
		memset(b->validity->data, 0xff, (size_t)b->length / 8);
		for (int64_t i = b->length & ~(int64_t)7; i < b->length; i++)
			cat_bit_set(b->validity->data, i);
	}
	b->length++;
	b->null_count++;
	return CAT_OK;
}

int cat_builder_null(struct cat_builder *b, struct cat_error *err)
{
	CAT_TRY(cat_builder_reserve(b, 1, err));
	if (b->width)
		memset(b->data->data + b->length * b->width, 0, (size_t)b->width);
	if (has_offsets(b))
		*offset_slot(b) = offset_slot(b)[-1];
	for (int i = 0; i < b->nchildren && !has_offsets(b); i++)
		for (int k = 0; k < (b->type.id == CAT_T_FIXED_LIST ? b->type.width : 1); k++)
			CAT_TRY(cat_builder_null(&b->children[i], err));
	return count_null(b, err);
}

int cat_builder_fixed(struct cat_builder *b, const void *value, struct cat_error *err)
{
	CAT_TRY(cat_builder_reserve(b, 1, err));
	memcpy(b->data->data + b->length * b->width, value, (size_t)b->width);
	count_row(b);
	return CAT_OK;
}

int cat_builder_fixed_n(struct cat_builder *b, const void *values, int64_t n, struct cat_error *err)
{
	CAT_TRY(cat_builder_reserve(b, n, err));
	memcpy(b->data->data + b->length * b->width, values, (size_t)n * (size_t)b->width);
	for (int64_t i = 0; b->validity && i < n; i++)
		cat_bit_set(b->validity->data, b->length + i);
	b->length += n;
	return CAT_OK;
}

int cat_builder_bool(struct cat_builder *b, bool value, struct cat_error *err)
{
	CAT_TRY(cat_builder_reserve(b, 1, err));
	if (value)
		cat_bit_set(b->data->data, b->length);
	count_row(b);
	return CAT_OK;
}

int cat_builder_text(struct cat_builder *b, const void *s, size_t n, struct cat_error *err)
{
	size_t have;

	CAT_TRY(cat_builder_reserve(b, 1, err));
	have = (size_t)offset_slot(b)[-1];
	if (n > (size_t)INT32_MAX - have)
		return cat_fail(err, CAT_E_UNSUPPORTED, "more than 2 GiB of text in one column of one batch");
	CAT_TRY(cat_buf_resize(&b->data, have + n, err));
	if (n)
		memcpy(b->data->data + have, s, n);
	*offset_slot(b) = (int32_t)(have + n);
	count_row(b);
	return CAT_OK;
}

int cat_builder_list_end(struct cat_builder *b, struct cat_error *err)
{
	CAT_TRY(cat_builder_reserve(b, 1, err));
	if (b->children[0].length > INT32_MAX)
		return cat_fail(err, CAT_E_UNSUPPORTED, "more than 2^31 list elements in one batch");
	*offset_slot(b) = (int32_t)b->children[0].length;
	count_row(b);
	return CAT_OK;
}

int cat_builder_group_end(struct cat_builder *b, struct cat_error *err)
{
	CAT_TRY(cat_builder_reserve(b, 1, err));
	count_row(b);
	return CAT_OK;
}

int cat_builder_group_null(struct cat_builder *b, struct cat_error *err)
{
	CAT_TRY(cat_builder_reserve(b, 1, err));
	return count_null(b, err);
}

int cat_builder_row(struct cat_builder *b, const struct cat_column *c, int64_t i, struct cat_error *err)
{
	int64_t from = i, to = i + 1;

	if (!cat_column_valid(c, i))
		return cat_builder_null(b, err);
	if (b->type.id == CAT_T_BOOL)
		return cat_builder_bool(b, cat_column_bool(c, i), err);
	if (b->width)
		return cat_builder_fixed(b, c->data->data + (c->offset + i) * b->width, err);
	if (cat_type_is_text(b->type.id)) {
		int32_t n;
		const char *s = cat_column_text(c, i, &n);

		return cat_builder_text(b, s, (size_t)n, err);
	}
	if (cat_type_is_list(b->type.id)) {
		from = cat_column_offsets(c)[i];
		to = cat_column_offsets(c)[i + 1];
	} else if (b->type.id == CAT_T_FIXED_LIST) {
		from = i * b->type.width;
		to = from + b->type.width;
	}
	for (int k = 0; k < b->nchildren; k++)
		for (int64_t r = from; r < to; r++)
			CAT_TRY(cat_builder_row(&b->children[k], c->children[k], r, err));
	return cat_type_is_list(b->type.id) ? cat_builder_list_end(b, err) : cat_builder_group_end(b, err);
}

int cat_builder_finish(struct cat_builder *b, struct cat_column **out, struct cat_error *err)
{
	struct cat_column *c;
	const size_t n = (size_t)b->length;
	int rc = cat_builder_reserve(b, 0, err);

	if (rc == CAT_OK && b->capacity == 0)
		rc = cat_builder_reserve(b, 1, err);
	if (rc == CAT_OK && cat_type_is_text(b->type.id) && !b->data)
		rc = cat_buf_new(0, &b->data, err);
	if (rc != CAT_OK)
		return rc;
	CAT_TRY(cat_column_new(&b->type, b->length, b->nchildren, &c, err));
	for (int i = 0; i < b->nchildren; i++) {
		rc = cat_builder_finish(&b->children[i], &c->children[i], err);
		if (rc != CAT_OK) {
			cat_column_unref(c);
			return rc;
		}
	}
	if (b->width)
		b->data->size = n * (size_t)b->width;
	if (b->type.id == CAT_T_BOOL)
		b->data->size = (n + 7) / 8;
	if (b->validity)
		b->validity->size = (n + 7) / 8;
	if (b->offsets)
		b->offsets->size = (n + 1) * sizeof(int32_t);
	c->null_count = b->null_count;
	c->validity = b->validity;
	c->data = b->data;
	c->offsets = b->offsets;
	b->validity = b->data = b->offsets = NULL;
	b->length = b->null_count = b->capacity = 0;
	*out = c;
	return CAT_OK;
}
