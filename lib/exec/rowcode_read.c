#include "base/alloc.h"
#include "columnar/builder.h"
#include "exec/rowcode_impl.h"

#define BLOCK CAT_ROWCODE_BLOCK
/* Rows that are longer a processor fetches by itself once it has begun. */
#define FETCH_BYTES 512

struct reader {
	const struct cat_rowcode *c;
	int64_t n;
	struct cat_batch *b;
	struct cat_builder *nested; /* of each field */
	size_t *used;               /* bytes of its texts */
};

/* --- runs of values --- */

static int get_run(struct cat_builder *b, const uint8_t **at, int64_t n, struct cat_error *err);

static int get_value(struct cat_builder *b, const uint8_t **at, struct cat_error *err)
{
	uint32_t len;

	if (b->width) {
		CAT_TRY(cat_builder_fixed(b, *at, err));
		*at += b->width;
		return CAT_OK;
	}
	memcpy(&len, *at, sizeof len);
	*at += sizeof len;
	if (!cat_type_is_list(b->type.id)) {
		CAT_TRY(cat_builder_text(b, *at, len, err));
		*at += len;
		return CAT_OK;
	}
	CAT_TRY(get_run(&b->children[0], at, len, err));
	return cat_builder_list_end(b, err);
}

/* The run of N values at *AT, which moves to its end. */
static int get_run(struct cat_builder *b, const uint8_t **at, int64_t n, struct cat_error *err)
{
	const bool group = b->type.id == CAT_T_STRUCT || b->type.id == CAT_T_FIXED_LIST;
	const uint8_t *valid = NULL, *bits = NULL;

	if (n == 0)
		return CAT_OK;
	if (b->type.id != CAT_T_NULL && *(*at)++) {
		valid = *at;
		*at += (n + 7) / 8;
	}
	if (b->type.id == CAT_T_BOOL) {
		bits = *at;
		*at += (n + 7) / 8;
	} else if (b->width && !valid) {
		CAT_TRY(cat_builder_fixed_n(b, *at, n, err));
		*at += n * b->width;
		return CAT_OK;
	}
	for (int k = 0; group && k < b->nchildren; k++)
		CAT_TRY(get_run(&b->children[k], at, b->type.id == CAT_T_FIXED_LIST ? n * b->type.width : n, err));
	for (int64_t i = 0; i < n; i++) {
		const bool null = b->type.id == CAT_T_NULL || (valid && !cat_bit_get(valid, i));

		if (group)
			CAT_TRY(null ? cat_builder_group_null(b, err) : cat_builder_group_end(b, err));
		else if (null)
			CAT_TRY(cat_builder_null(b, err));
		else
			CAT_TRY(bits ? cat_builder_bool(b, cat_bit_get(bits, i), err) : get_value(b, at, err));
		/* Null values of fixed width have their bytes too. */
		if (null && b->width)
			*at += b->width;
	}
	return CAT_OK;
}

/* --- columns --- */

#define COLLECT(T)                              \
	for (int64_t i = 0; i < n; i++)         \
	memcpy(to + (size_t)i * sizeof(T), row[i] + at, sizeof(T))

static void collect(uint8_t *to, const uint8_t *const *row, size_t at, int width, int64_t n)
{
	switch (width) {
	case 1:
		COLLECT(uint8_t);
		break;
	case 2:
		COLLECT(uint16_t);
		break;
	case 4:
		COLLECT(uint32_t);
		break;
	case 8:
		COLLECT(uint64_t);
		break;
	default:
		for (int64_t i = 0; i < n; i++)
			memcpy(to + i * width, row[i] + at, (size_t)width);
	}
}

/* Byte AT of each row as a bit. */
static void collect_bools(uint8_t *to, const uint8_t *const *row, size_t at, int64_t n)
{
	uint64_t word = 0;

	for (int64_t i = 0; i < n; i++)
		word |= (uint64_t)row[i][at] << i;
	memcpy(to, &word, sizeof word);
}

/* Room for the texts of N rows more, BYTES of them; DONE rows are there. */
static int text_room(const struct reader *r, struct cat_column *c, int64_t done, int64_t n, size_t used, size_t bytes,
                     struct cat_error *err)
{
	const size_t have = c->data ? c->data->size : 0, need = used + bytes;
	size_t want;

	if (need > INT32_MAX)
		return cat_fail(err, CAT_E_UNSUPPORTED, "more than 2 GiB of text or list elements in one batch");
	if (c->data && need <= have)
		return CAT_OK;
	/* As much as the rows that are known tell, so that it rarely moves. */
	want = (size_t)((double)need / (double)(done + n) * (double)r->n * 1.1);
	return cat_buf_resize(&c->data, want > need ? want : need, err);
}

static int collect_texts(struct reader *r, int k, const uint8_t *const *row, int64_t from, int64_t n,
                         struct cat_error *err)
{
	struct cat_column *c = r->b->cols[k];
	int32_t *end = (int32_t *)(void *)c->offsets->data + from + 1;
	size_t used = r->used[k], bytes = 0;

	for (int64_t i = 0; i < n; i++)
		bytes += cat_rowcode_end(r->c, row[i], k) - cat_rowcode_begin(r->c, row[i], k);
	CAT_TRY(text_room(r, c, from, n, used, bytes, err));
	for (int64_t i = 0; i < n; i++) {
		const size_t begin = cat_rowcode_begin(r->c, row[i], k), len = cat_rowcode_end(r->c, row[i], k) - begin;

		memcpy(c->data->data + used, row[i] + begin, len <= CAT_ROWCODE_SHORT ? CAT_ROWCODE_SHORT : len);
		used += len;
		end[i] = (int32_t)used;
	}
	r->used[k] = used;
	return CAT_OK;
}

/* Bit I of byte K of X becomes bit K of byte I. */
static uint64_t transpose(uint64_t x)
{
	uint64_t t = (x ^ x >> 7) & UINT64_C(0x00aa00aa00aa00aa);

	x ^= t ^ t << 7;
	t = (x ^ x >> 14) & UINT64_C(0x0000cccc0000cccc);
	x ^= t ^ t << 14;
	t = (x ^ x >> 28) & UINT64_C(0x00000000f0f0f0f0);
	return x ^ t ^ t << 28;
}

/* Validity of the columns that share byte BYTE of it, at row FROM of the result. */
static void collect_validity(struct reader *r, size_t byte, const uint8_t *const *row, int64_t from, int64_t n)
{
	const int first = (int)byte * 8, left = r->c->nfields - first, fields = left < 8 ? left : 8;
	uint8_t bytes[BLOCK] = {0}, valid[8][8];

	for (int64_t i = 0; i < n; i++)
		bytes[i] = row[i][r->c->valid_at + byte];
	for (int g = 0; g < 8; g++) {
		uint64_t x;

		memcpy(&x, bytes + 8 * g, sizeof x);
		x = transpose(x);
		for (int k = 0; k < 8; k++)
			valid[k][g] = (uint8_t)(x >> 8 * k);
	}
	for (int k = 0; k < fields; k++) {
		struct cat_column *c = r->b->cols[first + k];
		uint64_t word;

		if (!r->c->fields[first + k].nulls)
			continue;
		memcpy(&word, valid[k], sizeof word);
		memcpy(c->validity->data + (from >> 3), &word, sizeof word);
		c->null_count += n - __builtin_popcountll(word);
	}
}

static bool byte_has_nulls(const struct cat_rowcode *c, size_t byte)
{
	bool any = false;

	for (int k = (int)byte * 8; k < c->nfields && k < (int)byte * 8 + 8; k++)
		any |= c->fields[k].nulls;
	return any;
}

/* Rows FROM to FROM + N of the result. */
static int collect_block(struct reader *r, const uint8_t *const *row, int64_t from, int64_t n, struct cat_error *err)
{
	const struct cat_rowcode *c = r->c;

	for (int k = 0; k < c->nfields; k++) {
		const struct cat_rowcode_field *f = &c->fields[k];
		struct cat_column *col = r->b->cols[k];

		switch (f->kind) {
		case CAT_ROWCODE_NONE:
			break;
		case CAT_ROWCODE_FIXED:
			collect(col->data->data + from * f->width, row, f->at, f->width, n);
			break;
		case CAT_ROWCODE_BOOL:
			collect_bools(col->data->data + (from >> 3), row, f->at, n);
			break;
		case CAT_ROWCODE_TEXT:
			CAT_TRY(collect_texts(r, k, row, from, n, err));
			break;
		case CAT_ROWCODE_NESTED:
			for (int64_t i = 0; i < n; i++) {
				const uint8_t *at = row[i] + cat_rowcode_begin(c, row[i], k);

				CAT_TRY(get_run(&r->nested[k], &at, 1, err));
			}
			break;
		}
	}
	for (size_t byte = 0; byte < c->valid_bytes; byte++)
		if (byte_has_nulls(c, byte))
			collect_validity(r, byte, row, from, n);
	return CAT_OK;
}

static void fetch_block(const struct cat_rowcode *c, const uint8_t *const *row, int64_t n)
{
	const size_t bytes = c->head < FETCH_BYTES ? c->head : FETCH_BYTES;

	for (int64_t i = 0; i < n; i++) {
		for (size_t b = 0; b < bytes; b += 64)
			__builtin_prefetch(row[i] + b);
		__builtin_prefetch(row[i] + bytes - 1);
	}
}

/* Column K without its values. */
static int begin_column(struct reader *r, int k, struct cat_error *err)
{
	const struct cat_rowcode_field *f = &r->c->fields[k];
	const struct cat_field *field = &r->c->schema->fields[k];
	const size_t n = (size_t)r->n;
	struct cat_column *c;

	if (f->kind == CAT_ROWCODE_NONE)
		return cat_column_nulls(field, r->n, &r->b->cols[k], err);
	if (f->kind == CAT_ROWCODE_NESTED)
		return cat_builder_init(&r->nested[k], field, err);
	CAT_TRY(cat_column_new(&field->type, r->n, 0, &c, err));
	r->b->cols[k] = c;
	c->null_count = 0;
	if (f->nulls)
		CAT_TRY(cat_buf_new((n + 7) / 8, &c->validity, err));
	if (f->kind != CAT_ROWCODE_TEXT)
		return cat_buf_new(f->kind == CAT_ROWCODE_BOOL ? (n + 7) / 8 : n * (size_t)f->width, &c->data, err);
	CAT_TRY(cat_buf_new((n + 1) * sizeof(int32_t), &c->offsets, err));
	memset(c->offsets->data, 0, sizeof(int32_t));
	return CAT_OK;
}

static int end_column(struct reader *r, int k, struct cat_error *err)
{
	struct cat_column *c = r->b->cols[k];

	if (r->c->fields[k].kind == CAT_ROWCODE_NESTED)
		return cat_builder_finish(&r->nested[k], &r->b->cols[k], err);
	if (r->c->fields[k].kind == CAT_ROWCODE_TEXT)
		return cat_buf_resize(&c->data, r->used[k], err);
	return CAT_OK;
}

static void drop_full_validity(struct cat_column *c)
{
	if (c->validity && c->null_count == 0) {
		cat_buf_unref(c->validity);
		c->validity = NULL;
	}
}

static int read_rows(struct reader *r, const uint8_t *const *rows, struct cat_error *err)
{
	for (int k = 0; k < r->c->nfields; k++)
		CAT_TRY(begin_column(r, k, err));
	fetch_block(r->c, rows, r->n < BLOCK ? r->n : BLOCK);
	for (int64_t i = 0; i < r->n; i += BLOCK) {
		const int64_t next = r->n - i - BLOCK;

		if (next > 0)
			fetch_block(r->c, rows + i + BLOCK, next < BLOCK ? next : BLOCK);
		CAT_TRY(collect_block(r, rows + i, i, r->n - i < BLOCK ? r->n - i : BLOCK, err));
	}
	for (int k = 0; k < r->c->nfields; k++) {
		CAT_TRY(end_column(r, k, err));
		drop_full_validity(r->b->cols[k]);
	}
	return CAT_OK;
}

int cat_rowcode_read(const struct cat_rowcode *c, const uint8_t *const *rows, int64_t n, struct cat_batch **out,
                     struct cat_error *err)
{
	struct reader r = {.c = c, .n = n};
	const size_t fields = (size_t)c->nfields;
	int rc = cat_batch_new(c->schema, n, &r.b, err);

	CAT_TRY(rc);
	r.nested = cat_calloc(fields, sizeof *r.nested);
	r.used = cat_calloc(fields, sizeof *r.used);
	rc = r.nested && r.used ? read_rows(&r, rows, err) : cat_fail_mem(err, fields * sizeof *r.nested);
	for (size_t k = 0; r.nested && k < fields; k++)
		cat_builder_fini(&r.nested[k]);
	cat_free(r.nested);
	cat_free(r.used);
	if (rc != CAT_OK) {
		cat_batch_unref(r.b);
		return rc;
	}
	*out = r.b;
	return CAT_OK;
}
