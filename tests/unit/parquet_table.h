/* parquet_table -- random tables of every type for the Parquet tests, and their comparison.
 *
 * Include behind unit.h. Values depend on the seed alone.
 */
#ifndef CAT_TESTS_PARQUET_TABLE_H
#define CAT_TESTS_PARQUET_TABLE_H

#include "columnar/builder.h"
#include "columnar/kernels.h"
#include "exec/write.h"
#include "formats/parquet.h"

struct table_shape {
	uint64_t seed;
	int null_percent;
	int distinct; /* texts and integers come from so many values */
};

static uint64_t table_next(uint64_t *x)
{
	*x ^= *x << 13, *x ^= *x >> 7, *x ^= *x << 17;
	return *x;
}

static inline void table_field(struct cat_field *f, const char *name, enum cat_type_id id)
{
	struct cat_error err;

	assert_cat_ok(cat_field_init(f, name, id, &err), err);
	f->nullable = true;
}

/* A field with one child of type CHILD. */
static inline void table_parent(struct cat_field *f, const char *name, enum cat_type_id id, enum cat_type_id child)
{
	struct cat_error err;

	table_field(f, name, id);
	assert_cat_ok(cat_field_children(f, 1, &err), err);
	table_field(&f->children[0], "element", child);
}

static inline void table_pair(struct cat_field *f, const char *name, enum cat_type_id a, enum cat_type_id b)
{
	struct cat_error err;

	table_field(f, name, CAT_T_STRUCT);
	assert_cat_ok(cat_field_children(f, 2, &err), err);
	table_field(&f->children[0], "key", a);
	table_field(&f->children[1], "value", b);
}

/* Every plain type, then nested ones of several kinds. */
static inline struct cat_schema *table_schema(void)
{
	static const enum cat_type_id plain[] = {
		CAT_T_BOOL,       CAT_T_I8,           CAT_T_U8,     CAT_T_I16,    CAT_T_U16,    CAT_T_I32,
		CAT_T_U32,        CAT_T_I64,          CAT_T_U64,    CAT_T_F32,    CAT_T_F64,    CAT_T_UTF8,
		CAT_T_BINARY,     CAT_T_FIXED_BINARY, CAT_T_DATE32, CAT_T_TIME32, CAT_T_TIME64, CAT_T_TIMESTAMP,
		CAT_T_DECIMAL128, CAT_T_NULL,         CAT_T_I64};
	enum { NPLAIN = sizeof plain / sizeof *plain };
	struct cat_schema *s;
	struct cat_error err;
	struct cat_field *f;

	assert_cat_ok(cat_schema_new(NPLAIN + 6, &s, &err), err);
	f = s->fields;
	for (int i = 0; i < NPLAIN; i++, f++) {
		char name[8];

		snprintf(name, sizeof name, "c%d", i);
		table_field(f, i == NPLAIN - 1 ? "_healpix_29" : name, plain[i]);
		if (plain[i] == CAT_T_FIXED_BINARY)
			f->type.width = 5;
		if (plain[i] == CAT_T_TIME32)
			f->type.unit = CAT_UNIT_MS;
		if (plain[i] == CAT_T_TIME64 || plain[i] == CAT_T_TIMESTAMP)
			f->type.unit = CAT_UNIT_US;
		if (plain[i] == CAT_T_DECIMAL128)
			f->type.precision = 30, f->type.scale = 4;
	}
	table_parent(f++, "list", CAT_T_LIST, CAT_T_F64);
	table_parent(f, "lists", CAT_T_LIST, CAT_T_NULL);
	cat_field_fini(&f->children[0]);
	table_parent(&f->children[0], "element", CAT_T_LIST, CAT_T_UTF8);
	f++;
	table_pair(f++, "group", CAT_T_I32, CAT_T_UTF8);
	table_parent(f, "groups", CAT_T_LIST, CAT_T_NULL);
	cat_field_fini(&f->children[0]);
	table_pair(&f->children[0], "element", CAT_T_F32, CAT_T_BOOL);
	f++;
	table_field(f, "lc", CAT_T_STRUCT); /* light curves: a struct of lists */
	assert_cat_ok(cat_field_children(f, 2, &err), err);
	table_parent(&f->children[0], "mjd", CAT_T_LIST, CAT_T_F64);
	table_parent(&f->children[1], "mag", CAT_T_LIST, CAT_T_F32);
	f++;
	table_field(f, "map", CAT_T_MAP);
	assert_cat_ok(cat_field_children(f, 1, &err), err);
	table_pair(&f->children[0], "key_value", CAT_T_UTF8, CAT_T_I64);
	return s;
}

static inline void table_value(struct cat_builder *b, const struct table_shape *shape, uint64_t *x,
                               bool may_be_null)
{
	struct cat_error err;
	uint64_t bits = table_next(x), few = bits % (uint64_t)shape->distinct;
	uint8_t wide[16] = {0};
	char text[32];

	if (b->type.id == CAT_T_NULL || (may_be_null && (int)(bits >> 32) % 100 < shape->null_percent)) {
		if ((b->type.id == CAT_T_NULL || (bits >> 40) % 100 < (uint64_t)shape->null_percent)) {
			assert_cat_ok(cat_builder_null(b, &err), err);
			return;
		}
	}
	if (b->type.id == CAT_T_BOOL) {
		assert_cat_ok(cat_builder_bool(b, bits & 1, &err), err);
	} else if (cat_type_is_text(b->type.id)) {
		snprintf(text, sizeof text, "t%llu%s", (unsigned long long)few,
		         few % 5 == 0 ? "\xc3\xa9 und l\xc3\xa4nger" : "");
		assert_cat_ok(cat_builder_text(b, text, few == 1 ? 0 : strlen(text), &err), err);
	} else if (b->width) {
		few *= UINT64_C(0x9e3779b97f4a7c15);
		if (b->type.id == CAT_T_F64) {
			double d = few % 7 ? (double)(int64_t)few / 3e9 : 0.0 / 0.0;

			memcpy(wide, &d, 8);
		} else if (b->type.id == CAT_T_F32) {
			float d = (float)(int64_t)few / 3e9f;

			memcpy(wide, &d, 4);
		} else {
			memcpy(wide, &few, 8);
			memset(wide + 8, few & 1 ? 0xff : 0, 4);
			memset(wide + 12, few & 1 ? 0xff : 0, 4);
		}
		assert_cat_ok(cat_builder_fixed(b, wide, &err), err);
	} else if (cat_type_is_list(b->type.id)) {
		const int n = (int)(table_next(x) % 4);

		for (int i = 0; i < n; i++)
			table_value(&b->children[0], shape, x, b->type.id != CAT_T_MAP);
		assert_cat_ok(cat_builder_list_end(b, &err), err);
	} else {
		for (int i = 0; i < b->nchildren; i++) /* keys of maps are first */
			table_value(&b->children[i], shape, x, may_be_null || i > 0);
		assert_cat_ok(cat_builder_group_end(b, &err), err);
	}
}

static inline struct cat_batch *table_batch(struct cat_schema *s, int64_t nrows, const struct table_shape *shape)
{
	struct cat_batch *b;
	struct cat_error err;

	assert_cat_ok(cat_batch_new(s, nrows, &b, &err), err);
	for (int i = 0; i < s->nfields; i++) {
		uint64_t x = shape->seed * 2654435761u + (uint64_t)i + 1;
		struct cat_builder c;

		assert_cat_ok(cat_builder_init(&c, &s->fields[i], &err), err);
		for (int64_t r = 0; r < nrows; r++)
			table_value(&c, shape, &x, true);
		assert_cat_ok(cat_builder_finish(&c, &b->cols[i], &err), err);
		cat_builder_fini(&c);
	}
	return b;
}

/* Row I of A equals row K of B, bit by bit. */
static inline bool table_same(const struct cat_column *a, int64_t i, const struct cat_column *b, int64_t k)
{
	const int width = cat_type_bytes(&a->type);
	int64_t fa = i, fb = k, n = 1;

	if (cat_column_valid(a, i) != cat_column_valid(b, k))
		return false;
	if (!cat_column_valid(a, i))
		return true;
	if (a->type.id == CAT_T_BOOL)
		return cat_column_bool(a, i) == cat_column_bool(b, k);
	if (width)
		return memcmp(a->data->data + (a->offset + i) * width, b->data->data + (b->offset + k) * width,
		              (size_t)width) == 0;
	if (cat_type_is_text(a->type.id)) {
		int32_t na, nb;
		const char *ta = cat_column_text(a, i, &na), *tb = cat_column_text(b, k, &nb);

		return na == nb && memcmp(ta, tb, (size_t)na) == 0;
	}
	if (cat_type_is_list(a->type.id)) {
		fa = cat_column_offsets(a)[i];
		fb = cat_column_offsets(b)[k];
		n = cat_column_offsets(a)[i + 1] - fa;
		if (cat_column_offsets(b)[k + 1] - fb != n)
			return false;
	}
	if (a->type.id == CAT_T_FIXED_LIST) {
		n = a->type.width;
		fa = i * n;
		fb = k * n;
	}
	for (int c = 0; c < a->nchildren; c++)
		for (int64_t r = 0; r < n; r++)
			if (!table_same(a->children[c], fa + r, b->children[c], fb + r))
				return false;
	return true;
}

/* Rows of B are rows [from, ...) of A. */
static inline void table_assert_same(const struct cat_batch *a, int64_t from, const struct cat_batch *b)
{
	assert_int_equal(a->ncols, b->ncols);
	for (int c = 0; c < a->ncols; c++) {
		assert_int_equal(b->cols[c]->length, b->nrows);
		assert_true(cat_field_same_type(&a->schema->fields[c], &b->schema->fields[c]));
		for (int64_t r = 0; r < b->nrows; r++)
			if (!table_same(a->cols[c], from + r, b->cols[c], r))
				fail_msg("column %s, row %lld", a->schema->fields[c].name, (long long)(from + r));
	}
}

/* The Parquet bytes of T, put in batches of STEP rows. */
static inline int table_write(const struct cat_batch *t, int64_t step, const struct cat_parquet_write_options *o,
                              struct cat_buf **out, struct cat_error *err)
{
	struct cat_encoder *e;
	struct cat_writer *w;
	struct cat_sink *sink;
	int rc;

	CAT_TRY(cat_parquet_encoder(t->schema, o, &e, err));
	rc = cat_writer_memory(out, &w, err);
	if (rc != CAT_OK) {
		cat_encoder_close(e);
		return rc;
	}
	CAT_TRY(cat_write_open(e, w, NULL, &sink, err));
	for (int64_t at = 0; rc == CAT_OK && at < t->nrows; at += step) {
		struct cat_batch *b;

		rc = cat_batch_slice(t, at, step < t->nrows - at ? step : t->nrows - at, &b, err);
		if (rc == CAT_OK)
			rc = sink->ops->put(sink, b, err);
	}
	if (rc == CAT_OK)
		rc = sink->ops->commit(sink, err);
	cat_sink_close(sink);
	if (rc != CAT_OK) {
		cat_buf_unref(*out);
		*out = NULL;
	}
	return rc;
}

/* Reads every row of BYTES; each batch is compared with T when that is given. */
static inline int table_read(struct cat_buf *bytes, const struct cat_batch *t, int64_t *nrows,
                             struct cat_error *err)
{
	struct cat_reader *r;
	struct cat_feed *f;
	struct cat_source *s;
	int rc;

	*nrows = 0;
	CAT_TRY(cat_reader_memory(bytes, "memory", &r, err));
	CAT_TRY(cat_parquet_feed(r, NULL, &f, err));
	CAT_TRY(cat_feed_source(f, &s, err));
	for (;;) {
		struct cat_batch *b;

		rc = s->ops->next(s, &b, err);
		if (rc != CAT_OK || !b)
			break;
		if (t)
			table_assert_same(t, *nrows, b);
		*nrows += b->nrows;
		cat_batch_unref(b);
	}
	cat_source_close(s);
	return rc;
}

#endif
