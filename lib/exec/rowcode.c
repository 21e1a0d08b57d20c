#include "exec/rowcode_impl.h"

#include "base/alloc.h"
#include "columnar/kernels.h"

/* --- layout --- */

static struct cat_rowcode_field lay_out(const struct cat_type *type)
{
	const int width = cat_type_bytes(type);

	if (width)
		return (struct cat_rowcode_field){.kind = CAT_ROWCODE_FIXED, .width = width};
	if (type->id == CAT_T_NULL)
		return (struct cat_rowcode_field){.kind = CAT_ROWCODE_NONE};
	if (type->id == CAT_T_BOOL)
		return (struct cat_rowcode_field){.kind = CAT_ROWCODE_BOOL, .width = 1};
	return (struct cat_rowcode_field){.kind = cat_type_is_text(type->id) ? CAT_ROWCODE_TEXT : CAT_ROWCODE_NESTED,
	                                  .width = (int)sizeof(uint32_t)};
}

int cat_rowcode_new(struct cat_schema *schema, struct cat_rowcode **out, struct cat_error *err)
{
	struct cat_rowcode *c = cat_calloc(1, sizeof *c);
	const size_t n = (size_t)schema->nfields;

	if (!c)
		return cat_fail_mem(err, sizeof *c);
	c->schema = cat_schema_ref(schema);
	c->nfields = schema->nfields;
	c->fields = cat_calloc(n, sizeof *c->fields);
	c->longer = cat_calloc(n, sizeof *c->longer);
	if (!c->fields || !c->longer) {
		cat_rowcode_free(c);
		return cat_fail_mem(err, n * sizeof *c->fields);
	}
	for (int k = 0; k < c->nfields; k++) {
		struct cat_rowcode_field *f = &c->fields[k];

		*f = lay_out(&schema->fields[k].type);
		f->at = c->valid_at;
		c->valid_at += (size_t)f->width;
		f->before = c->nlonger ? c->longer[c->nlonger - 1] : -1;
		if (f->kind >= CAT_ROWCODE_TEXT)
			c->longer[c->nlonger++] = k;
	}
	c->valid_bytes = (n + 7) / 8;
	c->head = c->valid_at + c->valid_bytes;
	*out = c;
	return CAT_OK;
}

void cat_rowcode_free(struct cat_rowcode *c)
{
	if (!c)
		return;
	cat_schema_unref(c->schema);
	cat_free(c->fields);
	cat_free(c->longer);
	cat_free(c);
}

size_t cat_rowcode_even(const struct cat_rowcode *c)
{
	return c->nlonger ? 0 : c->head;
}

size_t cat_rowcode_size(const struct cat_rowcode *c, const uint8_t *row)
{
	return c->nlonger ? cat_rowcode_end(c, row, c->longer[c->nlonger - 1]) : c->head;
}

int64_t cat_rowcode_i64(const struct cat_rowcode *c, const uint8_t *row, int col)
{
	int64_t v;

	memcpy(&v, row + c->fields[col].at, sizeof v);
	return v;
}

/* --- runs of values --- */

static bool has_nulls(const struct cat_column *c)
{
	return c->validity && c->null_count != 0;
}

static size_t run_bytes(const struct cat_column *c, int64_t from, int64_t n)
{
	const size_t bits = (size_t)(n + 7) / 8, width = (size_t)cat_type_bytes(&c->type);
	size_t bytes = 1 + (has_nulls(c) ? bits : 0);

	if (n == 0 || c->type.id == CAT_T_NULL)
		return 0;
	if (c->type.id == CAT_T_BOOL)
		return bytes + bits;
	if (width)
		return bytes + (size_t)n * width;
	if (c->offsets) {
		const int32_t *o = cat_column_offsets(c) + from;

		for (int64_t i = 0; i < n; i++)
			if (cat_column_valid(c, from + i))
				bytes += sizeof(uint32_t) + (c->nchildren ? run_bytes(c->children[0], o[i], o[i + 1] - o[i])
				                                          : (size_t)(o[i + 1] - o[i]));
		return bytes;
	}
	if (c->type.id == CAT_T_FIXED_LIST)
		from *= c->type.width, n *= c->type.width;
	for (int k = 0; k < c->nchildren; k++)
		bytes += run_bytes(c->children[k], from, n);
	return bytes;
}

static uint8_t *put_bits(const uint8_t *bits, int64_t from, int64_t n, uint8_t *to)
{
	to[(n - 1) / 8] = 0;
	cat_bits_copy(to, 0, bits, from, n);
	return to + (n + 7) / 8;
}

/* Returns its end. */
static uint8_t *put_run(const struct cat_column *c, int64_t from, int64_t n, uint8_t *to)
{
	const size_t width = (size_t)cat_type_bytes(&c->type);

	if (n == 0 || c->type.id == CAT_T_NULL)
		return to;
	*to++ = has_nulls(c);
	if (has_nulls(c))
		to = put_bits(c->validity->data, c->offset + from, n, to);
	if (c->type.id == CAT_T_BOOL)
		return put_bits(c->data->data, c->offset + from, n, to);
	if (width) {
		memcpy(to, c->data->data + (size_t)(c->offset + from) * width, (size_t)n * width);
		return to + (size_t)n * width;
	}
	if (c->offsets) {
		const int32_t *o = cat_column_offsets(c) + from;

		for (int64_t i = 0; i < n; i++) {
			const uint32_t len = (uint32_t)(o[i + 1] - o[i]);

			if (!cat_column_valid(c, from + i))
				continue;
			memcpy(to, &len, sizeof len);
			to += sizeof len;
			if (c->nchildren) {
				to = put_run(c->children[0], o[i], len, to);
			} else if (len) {
				memcpy(to, c->data->data + o[i], len);
				to += len;
			}
		}
		return to;
	}
	if (c->type.id == CAT_T_FIXED_LIST)
		from *= c->type.width, n *= c->type.width;
	for (int k = 0; k < c->nchildren; k++)
		to = put_run(c->children[k], from, n, to);
	return to;
}

/* --- rows --- */

static void add_texts(const struct cat_column *c, int64_t from, int64_t n, size_t *bytes)
{
	const int32_t *o = cat_column_offsets(c) + from;

	if (!has_nulls(c))
		for (int64_t i = 0; i < n; i++)
			bytes[i] += (size_t)(o[i + 1] - o[i]);
	else
		for (int64_t i = 0; i < n; i++)
			bytes[i] += cat_column_valid(c, from + i) ? (size_t)(o[i + 1] - o[i]) : 0;
}

int cat_rowcode_sizes(const struct cat_rowcode *c, const struct cat_batch *b, int64_t from, int64_t n, size_t *bytes,
                      struct cat_error *err)
{
	for (int64_t i = 0; i < n; i++)
		bytes[i] = c->head;
	for (int k = 0; k < c->nlonger; k++) {
		const struct cat_column *col = b->cols[c->longer[k]];

		if (c->fields[c->longer[k]].kind == CAT_ROWCODE_TEXT)
			add_texts(col, from, n, bytes);
		else
			for (int64_t i = 0; i < n; i++)
				bytes[i] += run_bytes(col, from + i, 1);
	}
	for (int64_t i = 0; i < n; i++)
		if (bytes[i] > UINT32_MAX)
			return cat_fail(err, CAT_E_UNSUPPORTED, "a row of more than 4 GiB");
	return CAT_OK;
}

/* Row I of C at END of the row at TO; returns its end. */
static size_t put_text(const struct cat_column *c, int64_t i, uint8_t *to, size_t end)
{
	const int32_t *o = cat_column_offsets(c) + i;
	const size_t len = (size_t)(o[1] - o[0]);

	if (!cat_column_valid(c, i) || len == 0)
		return end;
	if (len <= CAT_ROWCODE_SHORT)
		memcpy(to + end, c->data->data + o[0], CAT_ROWCODE_SHORT);
	else
		memcpy(to + end, c->data->data + o[0], len);
	return end + len;
}

static void write_longer(const struct cat_rowcode *c, const struct cat_batch *b, int64_t row, uint8_t *to)
{
	size_t end = c->head;

	for (int k = 0; k < c->nlonger; k++) {
		const struct cat_rowcode_field *f = &c->fields[c->longer[k]];
		const struct cat_column *col = b->cols[c->longer[k]];
		uint32_t stored;

		if (f->kind == CAT_ROWCODE_TEXT)
			end = put_text(col, row, to, end);
		else
			end = (size_t)(put_run(col, row, 1, to + end) - to);
		stored = (uint32_t)end;
		memcpy(to + f->at, &stored, sizeof stored);
	}
}

#define SPREAD(T)                               \
	for (int64_t i = 0; i < n; i++)         \
	memcpy(to[i] + at, from + (size_t)i * sizeof(T), sizeof(T))

/* N values of WIDTH bytes to place AT of each row. */
static void spread(uint8_t *const *to, size_t at, const uint8_t *from, int width, int64_t n)
{
	switch (width) {
	case 1:
		SPREAD(uint8_t);
		break;
	case 2:
		SPREAD(uint16_t);
		break;
	case 4:
		SPREAD(uint32_t);
		break;
	case 8:
		SPREAD(uint64_t);
		break;
	default:
		for (int64_t i = 0; i < n; i++)
			memcpy(to[i] + at, from + i * width, (size_t)width);
	}
}

/* The lowest N <= 64 bits. */
static uint64_t bits(int64_t n)
{
	return n < 64 ? (UINT64_C(1) << n) - 1 : ~UINT64_C(0);
}

/* N <= 64 bits from AT on, those behind them 0; eight bytes behind the last one may be read. */
static uint64_t bits_at(const uint8_t *from, int64_t at, int64_t n)
{
	const int shift = (int)(at & 7);
	uint64_t word;

	memcpy(&word, from + (at >> 3), sizeof word);
	if (shift)
		word = word >> shift | (uint64_t)from[(at >> 3) + 8] << (64 - shift);
	return word & bits(n);
}

/* Column K, whose nulls the rows are told of. */
static void write_nulls(struct cat_rowcode *c, int k, const struct cat_column *col, int64_t from, int64_t n,
                        uint8_t *const *to)
{
	const size_t byte = c->valid_at + (size_t)(k >> 3);
	uint64_t nulls = ~bits_at(col->validity->data, col->offset + from, n) & bits(n);

	c->fields[k].nulls |= nulls != 0;
	for (; nulls; nulls &= nulls - 1)
		to[__builtin_ctzll(nulls)][byte] ^= (uint8_t)(1u << (k & 7));
}

void cat_rowcode_write(struct cat_rowcode *c, const struct cat_batch *b, int64_t from, int64_t n, uint8_t *const *to)
{
	for (int64_t i = 0; i < n; i++) {
		if (c->nlonger)
			write_longer(c, b, from + i, to[i]);
		memset(to[i] + c->valid_at, 0xff, c->valid_bytes);
	}
	for (int k = 0; k < c->nfields; k++) {
		const struct cat_rowcode_field *f = &c->fields[k];
		const struct cat_column *col = b->cols[k];

		if (f->kind == CAT_ROWCODE_FIXED)
			spread(to, f->at, col->data->data + (col->offset + from) * f->width, f->width, n);
		else if (f->kind == CAT_ROWCODE_BOOL)
			for (int64_t i = 0; i < n; i++)
				to[i][f->at] = cat_column_bool(col, from + i);
		if (has_nulls(col) && f->kind != CAT_ROWCODE_NESTED)
			write_nulls(c, k, col, from, n, to);
	}
}
