#include "columnar/batch.h"

#include <string.h>

#include "base/alloc.h"

int cat_column_new(const struct cat_type *type, int64_t length, int nchildren, struct cat_column **out,
                   struct cat_error *err)
{
	struct cat_column *c = cat_calloc(1, sizeof *c);

	if (c && nchildren)
		c->children = cat_calloc((size_t)nchildren, sizeof(struct cat_column *));
	if (!c || (nchildren && !c->children)) {
		cat_free(c);
		return cat_fail_mem(err, sizeof *c);
	}
	atomic_init(&c->refs, 1);
	c->type = *type;
	c->length = length;
	c->nchildren = nchildren;
	*out = c;
	return CAT_OK;
}

static int nulls_body(const struct cat_field *f, struct cat_column *c, struct cat_error *err)
{
	const size_t n = (size_t)c->length;
	const int width = cat_type_bytes(&f->type);

	c->null_count = c->length;
	if (f->type.id == CAT_T_NULL)
		return CAT_OK;
	CAT_TRY(cat_buf_zeroed((n + 7) / 8, &c->validity, err));
	if (f->type.id == CAT_T_BOOL || width)
		CAT_TRY(cat_buf_zeroed(width ? n * (size_t)width : (n + 7) / 8, &c->data, err));
	if (cat_type_is_text(f->type.id) || cat_type_is_list(f->type.id))
		CAT_TRY(cat_buf_zeroed((n + 1) * sizeof(int32_t), &c->offsets, err));
	if (cat_type_is_text(f->type.id))
		CAT_TRY(cat_buf_new(0, &c->data, err));
	for (int i = 0; i < f->nchildren; i++) {
		const int64_t len = cat_type_is_list(f->type.id)         ? 0
		                    : f->type.id == CAT_T_FIXED_LIST ? c->length * f->type.width
		                                                     : c->length;

		CAT_TRY(cat_column_nulls(&f->children[i], len, &c->children[i], err));
	}
	return CAT_OK;
}

int cat_column_nulls(const struct cat_field *f, int64_t length, struct cat_column **out, struct cat_error *err)
{
	struct cat_column *c;
	int rc;

	CAT_TRY(cat_column_new(&f->type, length, f->nchildren, &c, err));
	rc = nulls_body(f, c, err);
	if (rc != CAT_OK) {
		cat_column_unref(c);
		return rc;
	}
	*out = c;
	return CAT_OK;
}

int cat_column_slice(const struct cat_column *c, int64_t off, int64_t n, struct cat_column **out,
                     struct cat_error *err)
{
	struct cat_column *s;
	int rc = CAT_OK;

	CAT_TRY(cat_column_new(&c->type, n, c->nchildren, &s, err));
	s->offset = c->offset + off;
	s->null_count = c->null_count == 0 || c->null_count == c->length ? (c->null_count ? n : 0) : -1;
	s->validity = cat_buf_ref(c->validity);
	s->offsets = cat_buf_ref(c->offsets);
	s->data = cat_buf_ref(c->data);
	for (int i = 0; rc == CAT_OK && i < c->nchildren; i++) {
		if (cat_type_is_list(c->type.id))
			s->children[i] = cat_column_ref(c->children[i]);
		else if (c->type.id == CAT_T_FIXED_LIST)
			rc = cat_column_slice(c->children[i], off * c->type.width, n * c->type.width, &s->children[i],
			                      err);
		else
			rc = cat_column_slice(c->children[i], off, n, &s->children[i], err);
	}
	if (rc != CAT_OK) {
		cat_column_unref(s);
		return rc;
	}
	*out = s;
	return CAT_OK;
}

struct cat_column *cat_column_ref(struct cat_column *c)
{
	if (c)
		atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void cat_column_unref(struct cat_column *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	cat_buf_unref(c->validity);
	cat_buf_unref(c->offsets);
	cat_buf_unref(c->data);
	for (int i = 0; i < c->nchildren; i++)
		cat_column_unref(c->children[i]);
	cat_free(c->children);
	cat_free(c);
}

/* Of valid rows. */
static int64_t nested_weight(const struct cat_column *c, int64_t off, int64_t n)
{
	int64_t bytes = 0;

	if (c->offsets) {
		const int32_t *o = cat_column_offsets(c) + off;
		const int64_t inside = o[n] - o[0];

		return c->nchildren ? cat_column_weight(c->children[0], o[0], inside) : inside;
	}
	if (c->type.id == CAT_T_FIXED_LIST)
		off *= c->type.width, n *= c->type.width;
	for (int k = 0; k < c->nchildren; k++)
		bytes += cat_column_weight(c->children[k], off, n);
	return bytes;
}

int64_t cat_column_weight(const struct cat_column *c, int64_t off, int64_t n)
{
	const int width = cat_type_bytes(&c->type);
	int64_t bytes = c->offsets ? n * (int64_t)sizeof(int32_t) : 0;

	if (n == 0 || c->type.id == CAT_T_NULL)
		return 0;
	if (width || c->type.id == CAT_T_BOOL)
		return n * (width ? width : 1);
	if (!c->validity || c->null_count == 0)
		return bytes + nested_weight(c, off, n);
	if (cat_type_is_text(c->type.id)) {
		const int32_t *o = cat_column_offsets(c) + off;

		for (int64_t i = 0; i < n; i++)
			bytes += (o[i + 1] - o[i]) & -(int)cat_bit_get(c->validity->data, c->offset + off + i);
		return bytes;
	}
	for (int64_t i = off; i < off + n; i++)
		bytes += cat_column_valid(c, i) ? nested_weight(c, i, 1) : 0;
	return bytes;
}

int64_t cat_column_null_count(const struct cat_column *c)
{
	int64_t valid = 0, i = 0;
	const uint8_t *bits;

	if (c->null_count >= 0)
		return c->null_count;
	if (!c->validity)
		return c->type.id == CAT_T_NULL ? c->length : 0;
	bits = c->validity->data;
	for (; i < c->length && ((c->offset + i) & 7); i++)
		valid += cat_bit_get(bits, c->offset + i);
	for (; c->length - i >= 64; i += 64) {
		uint64_t word;

		memcpy(&word, bits + ((c->offset + i) >> 3), 8);
		valid += __builtin_popcountll(word);
	}
	for (; i < c->length; i++)
		valid += cat_bit_get(bits, c->offset + i);
	return c->length - valid;
}

int64_t cat_column_bytes(const struct cat_column *c)
{
	const int width = cat_type_bytes(&c->type);
	int64_t bytes = c->validity ? (c->length + 7) / 8 : 0;

	if (c->type.id == CAT_T_BOOL)
		bytes += (c->length + 7) / 8;
	bytes += c->length * width;
	if (c->offsets) {
		const int32_t *o = cat_column_offsets(c);

		bytes += c->length * 4;
		if (cat_type_is_text(c->type.id))
			bytes += o[c->length] - o[0];
		else if (c->children[0]->length)
			bytes += (int64_t)((double)cat_column_bytes(c->children[0]) * (o[c->length] - o[0]) /
			                   (double)c->children[0]->length);
	} else {
		for (int i = 0; i < c->nchildren; i++)
			bytes += cat_column_bytes(c->children[i]);
	}
	return bytes;
}

#define AS(T) ((double)CAT_VALUES(c, T)[i])
double cat_column_f64(const struct cat_column *c, int64_t i)
{
	switch ((int)c->type.id) {
	case CAT_T_BOOL:
		return cat_column_bool(c, i);
	case CAT_T_F32:
		return AS(float);
	case CAT_T_F64:
		return AS(double);
	case CAT_T_U64:
		return AS(uint64_t);
	default:
		return (double)cat_column_i64(c, i);
	}
}

int64_t cat_column_i64(const struct cat_column *c, int64_t i)
{
	switch ((int)c->type.id) {
	case CAT_T_BOOL:
		return cat_column_bool(c, i);
	case CAT_T_I8:
		return CAT_VALUES(c, int8_t)[i];
	case CAT_T_U8:
		return CAT_VALUES(c, uint8_t)[i];
	case CAT_T_I16:
		return CAT_VALUES(c, int16_t)[i];
	case CAT_T_U16:
		return CAT_VALUES(c, uint16_t)[i];
	case CAT_T_I32:
	case CAT_T_DATE32:
	case CAT_T_TIME32:
		return CAT_VALUES(c, int32_t)[i];
	case CAT_T_U32:
		return CAT_VALUES(c, uint32_t)[i];
	case CAT_T_U64:
		return (int64_t)CAT_VALUES(c, uint64_t)[i];
	case CAT_T_F32:
		return (int64_t)CAT_VALUES(c, float)[i];
	case CAT_T_F64:
		return (int64_t)CAT_VALUES(c, double)[i];
	default:
		return CAT_VALUES(c, int64_t)[i];
	}
}

int cat_batch_new(struct cat_schema *schema, int64_t nrows, struct cat_batch **out, struct cat_error *err)
{
	struct cat_batch *b = cat_calloc(1, sizeof *b);

	if (b)
		b->cols = cat_calloc((size_t)schema->nfields, sizeof(struct cat_column *));
	if (!b || !b->cols) {
		cat_free(b);
		return cat_fail_mem(err, sizeof *b);
	}
	atomic_init(&b->refs, 1);
	b->schema = cat_schema_ref(schema);
	b->nrows = nrows;
	b->ncols = schema->nfields;
	*out = b;
	return CAT_OK;
}

int cat_batch_empty(struct cat_schema *schema, struct cat_batch **out, struct cat_error *err)
{
	struct cat_batch *b;
	int rc = CAT_OK;

	CAT_TRY(cat_batch_new(schema, 0, &b, err));
	for (int i = 0; rc == CAT_OK && i < b->ncols; i++)
		rc = cat_column_nulls(&schema->fields[i], 0, &b->cols[i], err);
	if (rc != CAT_OK) {
		cat_batch_unref(b);
		return rc;
	}
	*out = b;
	return CAT_OK;
}

int cat_batch_slice(const struct cat_batch *b, int64_t off, int64_t n, struct cat_batch **out, struct cat_error *err)
{
	struct cat_batch *s;

	CAT_TRY(cat_batch_new(b->schema, n, &s, err));
	for (int i = 0; i < b->ncols; i++) {
		int rc = b->cols[i] ? cat_column_slice(b->cols[i], off, n, &s->cols[i], err) : CAT_OK;

		if (rc != CAT_OK) {
			cat_batch_unref(s);
			return rc;
		}
	}
	*out = s;
	return CAT_OK;
}

int cat_batch_project(const struct cat_batch *b, struct cat_schema *schema, const int *cols, int n,
                      struct cat_batch **out, struct cat_error *err)
{
	struct cat_batch *p;

	CAT_TRY(cat_batch_new(schema, b->nrows, &p, err));
	for (int i = 0; i < n; i++)
		p->cols[i] = cat_column_ref(b->cols[cols[i]]);
	*out = p;
	return CAT_OK;
}

struct cat_batch *cat_batch_ref(struct cat_batch *b)
{
	if (b)
		atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
	return b;
}

void cat_batch_unref(struct cat_batch *b)
{
	if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (int i = 0; i < b->ncols; i++)
		cat_column_unref(b->cols[i]);
	cat_free(b->cols);
	cat_schema_unref(b->schema);
	cat_free(b);
}

int64_t cat_batch_bytes(const struct cat_batch *b)
{
	int64_t bytes = 0;

	for (int i = 0; i < b->ncols; i++)
		bytes += b->cols[i] ? cat_column_bytes(b->cols[i]) : 0;
	return bytes;
}

static int64_t row_bytes(const struct cat_field *f)
{
	const int width = cat_type_bytes(&f->type);
	int64_t bytes = width ? width : 1;

	if (cat_type_is_text(f->type.id))
		bytes = 16;
	for (int i = 0; i < f->nchildren; i++)
		bytes += row_bytes(&f->children[i]) *
		         (cat_type_is_list(f->type.id) ? 32 : f->type.id == CAT_T_FIXED_LIST ? f->type.width : 1);
	return bytes;
}

int64_t cat_batch_rows(const struct cat_schema *s)
{
	int64_t bytes = 1, rows = 65536;

	for (int i = 0; i < s->nfields; i++)
		bytes += row_bytes(&s->fields[i]);
	while (rows > 256 && rows * bytes > (1 << 19))
		rows /= 2;
	return rows;
}

int64_t cat_batch_weight(const struct cat_batch *b, int64_t off, int64_t n)
{
	int64_t bytes = 0;

	for (int i = 0; i < b->ncols; i++)
		if (b->cols[i])
			bytes += cat_column_weight(b->cols[i], off, n);
	return bytes;
}

int64_t cat_batch_fit(const struct cat_batch *b, int64_t off, int64_t n, int64_t most_bytes)
{
	int64_t fits = 0, more = n + 1;

	if (cat_batch_weight(b, off, n) <= most_bytes)
		return n;
	while (more - fits > 1) {
		const int64_t mid = fits + (more - fits) / 2;

		if (cat_batch_weight(b, off, mid) <= most_bytes)
			fits = mid;
		else
			more = mid;
	}
	return fits;
}
