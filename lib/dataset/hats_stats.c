#include "dataset/hats_stats.h"

#include <string.h>

#include "base/alloc.h"
#include "columnar/builder.h"
#include "formats/parquet.h"

#define OWN 3      /* Norder, Npix, row_group_index */
#define PER_LEAF 6 /* bounds, then counts */

/* Value by value: a leaf has few rows of many columns, which would be much more than they hold as columns. */
struct cat_hats_stats {
	struct cat_schema *schema;
	struct cat_builder *cols;
	int64_t ngroups; /* so far */
};

/* Others call a list by its column. */
static void cut_suffix(char *name)
{
	static const char suffix[] = ".list.element";
	const size_t n = strlen(name), k = sizeof suffix - 1;

	if (n > k && strcmp(name + n - k, suffix) == 0)
		name[n - k] = '\0';
}

static int leaf_fields(const struct cat_parquet_file *f, int leaf, struct cat_field *to, struct cat_error *err)
{
	static const char *const kinds[PER_LEAF] = {"min_value", "max_value",  "null_count",
	                                            "row_count", "disk_bytes", "memory_bytes"};
	struct cat_text name = {.max = 1 << 20};
	struct cat_field field;
	int rc;

	CAT_TRY(cat_parquet_leaf(f, leaf, &field, err));
	cut_suffix(field.name);
	rc = CAT_OK;
	for (int k = 0; rc == CAT_OK && k < PER_LEAF; k++) {
		name.len = 0;
		cat_text_addf(&name, "%s::%s", field.name, kinds[k]);
		rc = cat_text_check(&name, err);
		if (rc == CAT_OK && k < 2) {
			rc = cat_field_copy(&to[k], &field, err);
			if (rc == CAT_OK)
				rc = cat_field_rename(&to[k], name.s, err);
		} else if (rc == CAT_OK) {
			rc = cat_field_init(&to[k], name.s, CAT_T_I64, err);
			to[k].nullable = true;
		}
	}
	cat_field_fini(&field);
	cat_text_fini(&name);
	return rc;
}

/* The footer of a file of SCHEMA without rows. */
static int empty_file(const struct cat_schema *schema, struct cat_parquet_file **out, struct cat_error *err)
{
	struct cat_buf *tail = NULL, *footer;
	struct cat_encoder *e;
	int rc;

	CAT_TRY(cat_parquet_encoder(schema, NULL, &e, err));
	rc = e->ops->tail(e, 4, &tail, err);
	cat_buf_unref(tail);
	if (rc == CAT_OK) {
		footer = cat_parquet_encoder_footer(e);
		rc = cat_parquet_open_footer(footer, out, err);
		cat_buf_unref(footer);
	}
	cat_encoder_close(e);
	return rc;
}

static int stats_schema(const struct cat_schema *schema, struct cat_schema **out, struct cat_error *err)
{
	static const char *const names[OWN] = {"Norder", "Npix", "row_group_index"};
	struct cat_parquet_file *f;
	struct cat_schema *s = NULL;
	int rc;

	CAT_TRY(empty_file(schema, &f, err));
	rc = cat_schema_new(OWN + PER_LEAF * cat_parquet_nleaves(f), &s, err);
	for (int i = 0; rc == CAT_OK && i < OWN; i++)
		rc = cat_field_init(&s->fields[i], names[i], CAT_T_I64, err);
	for (int i = 0; rc == CAT_OK && i < cat_parquet_nleaves(f); i++)
		rc = leaf_fields(f, i, &s->fields[OWN + PER_LEAF * i], err);
	cat_parquet_close(f);
	if (rc != CAT_OK) {
		cat_schema_unref(s);
		return rc;
	}
	*out = s;
	return CAT_OK;
}

/* The lower or upper bound. */
static int put_bound(struct cat_builder *b, const struct cat_range_stats *s, bool max, struct cat_error *err)
{
	const double f64 = max ? s->max_f64 : s->min_f64;
	const float f32 = (float)f64;
	const int64_t i64 = max ? s->max_i64 : s->min_i64;

	if (!s->known || b->type.id == CAT_T_NULL)
		return cat_builder_null(b, err);
	if (s->is_text)
		return max ? cat_builder_text(b, s->max_text, s->max_len, err)
		           : cat_builder_text(b, s->min_text, s->min_len, err);
	if (b->type.id == CAT_T_BOOL)
		return cat_builder_bool(b, i64, err);
	if (b->type.id == CAT_T_F32)
		return cat_builder_fixed(b, &f32, err);
	/* Narrow integers are the low bytes, this being a little-endian machine. */
	return cat_builder_fixed(b, s->is_int ? (const void *)&i64 : (const void *)&f64, err);
}

static int put_count(struct cat_builder *b, int64_t n, struct cat_error *err)
{
	return n < 0 ? cat_builder_null(b, err) : cat_builder_fixed(b, &n, err);
}

static int put_leaf(struct cat_builder *b, const struct cat_parquet_file *f, int group, int leaf,
                    struct cat_error *err)
{
	struct cat_parquet_chunk_stats c;

	cat_parquet_chunk(f, group, leaf, &c);
	CAT_TRY(put_bound(&b[0], &c.stats, false, err));
	CAT_TRY(put_bound(&b[1], &c.stats, true, err));
	CAT_TRY(put_count(&b[2], c.stats.nulls, err));
	CAT_TRY(put_count(&b[3], c.entries, err));
	CAT_TRY(put_count(&b[4], c.disk_bytes, err));
	return put_count(&b[5], c.memory_bytes, err);
}

static int put_rows(struct cat_builder *b, const struct cat_parquet_file *f, const struct cat_hats_part *p,
                    int64_t first_group, struct cat_error *err)
{
	for (int g = 0; g < cat_parquet_ngroups(f); g++) {
		CAT_TRY(put_count(&b[0], p->order, err));
		CAT_TRY(put_count(&b[1], p->npix, err));
		CAT_TRY(put_count(&b[2], first_group + g, err));
		for (int i = 0; i < cat_parquet_nleaves(f); i++)
			CAT_TRY(put_leaf(&b[OWN + PER_LEAF * i], f, g, i, err));
	}
	return CAT_OK;
}

int cat_hats_stats_new(const struct cat_schema *schema, struct cat_hats_stats **out, struct cat_error *err)
{
	struct cat_hats_stats *s = cat_calloc(1, sizeof *s);
	int rc;

	if (!s)
		return cat_fail_mem(err, sizeof *s);
	rc = stats_schema(schema, &s->schema, err);
	if (rc == CAT_OK) {
		s->cols = cat_calloc((size_t)s->schema->nfields, sizeof *s->cols);
		if (!s->cols)
			rc = cat_fail_mem(err, (size_t)s->schema->nfields * sizeof *s->cols);
	}
	for (int i = 0; rc == CAT_OK && i < s->schema->nfields; i++)
		rc = cat_builder_init(&s->cols[i], &s->schema->fields[i], err);
	if (rc != CAT_OK) {
		cat_hats_stats_free(s);
		return rc;
	}
	*out = s;
	return CAT_OK;
}

void cat_hats_stats_free(struct cat_hats_stats *s)
{
	if (!s)
		return;
	for (int i = 0; s->cols && i < s->schema->nfields; i++)
		cat_builder_fini(&s->cols[i]);
	cat_free(s->cols);
	cat_schema_unref(s->schema);
	cat_free(s);
}

struct cat_schema *cat_hats_stats_schema(const struct cat_hats_stats *s)
{
	return s->schema;
}

int cat_hats_stats_add(struct cat_hats_stats *s, const struct cat_hats_part *p, struct cat_buf *footer,
                       struct cat_error *err)
{
	struct cat_parquet_file *f;
	int rc;

	CAT_TRY(cat_parquet_open_footer(footer, &f, err));
	if (s->schema->nfields != OWN + PER_LEAF * cat_parquet_nleaves(f))
		rc = cat_fail(err, CAT_E_BUG, "a leaf with other columns than the catalogue");
	else
		rc = put_rows(s->cols, f, p, s->ngroups, err);
	s->ngroups += cat_parquet_ngroups(f);
	cat_parquet_close(f);
	return rc;
}

int64_t cat_hats_stats_rows(const struct cat_hats_stats *s)
{
	return s->cols[0].length;
}

int cat_hats_stats_take(struct cat_hats_stats *s, struct cat_batch **out, struct cat_error *err)
{
	struct cat_batch *b;
	int rc = CAT_OK;

	CAT_TRY(cat_batch_new(s->schema, cat_hats_stats_rows(s), &b, err));
	for (int i = 0; rc == CAT_OK && i < s->schema->nfields; i++)
		rc = cat_builder_finish(&s->cols[i], &b->cols[i], err);
	if (rc != CAT_OK) {
		cat_batch_unref(b);
		return rc;
	}
	*out = b;
	return CAT_OK;
}
