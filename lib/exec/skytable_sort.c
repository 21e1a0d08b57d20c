/* Any table as a sky table: its rows in runs sorted by cell. */
#include <string.h>

#include "base/alloc.h"
#include "dataset/position.h"
#include "exec/runs.h"
#include "exec/skytable.h"
#include "sky/healpix.h"

#define ROW "catpipe:row"

struct sort_table {
	struct cat_skytable base;
	struct cat_schema *stored; /* the columns that are used, and the row number last */
	int *cols;                 /* where each stored column stands in base.schema */
	struct cat_runs *runs;
};

/* --- filling --- */

static int make_schemas(struct sort_table *t, const struct cat_schema *in, const bool *used, struct cat_error *err)
{
	struct cat_schema *s;
	int n = 0, rc;

	t->cols = cat_malloc((size_t)(in->nfields + 1) * sizeof *t->cols);
	t->base.used = cat_malloc((size_t)(in->nfields + 1) * sizeof *t->base.used);
	if (!t->cols || !t->base.used)
		return cat_fail_mem(err, (size_t)in->nfields * sizeof *t->cols);
	CAT_TRY(cat_schema_new(in->nfields + 1, &s, err));
	t->base.schema = s;
	rc = cat_kv_copy(&s->meta, &in->meta, err);
	for (int i = 0; rc == CAT_OK && i < in->nfields; i++) {
		rc = cat_field_copy(&s->fields[i], &in->fields[i], err);
		t->base.used[i] = used[i];
		if (used[i])
			t->cols[n++] = i;
	}
	t->base.used[in->nfields] = true;
	if (rc == CAT_OK)
		rc = cat_field_init(&s->fields[in->nfields], ROW, CAT_T_I64, err);
	CAT_TRY(rc);
	t->cols[n++] = in->nfields;
	t->base.row = in->nfields;
	return cat_schema_project(s, t->cols, n, &t->stored, err);
}

static int number_column(const struct cat_type *type, int64_t first, int64_t n, struct cat_column **out,
                         struct cat_error *err)
{
	struct cat_column *c;
	int rc;

	CAT_TRY(cat_column_new(type, n, 0, &c, err));
	rc = cat_buf_new((size_t)n * sizeof(int64_t), &c->data, err);
	if (rc != CAT_OK) {
		cat_column_unref(c);
		return rc;
	}
	for (int64_t i = 0; i < n; i++)
		((int64_t *)(void *)c->data->data)[i] = first + i;
	*out = c;
	return CAT_OK;
}

static int put_batch(struct sort_table *t, const struct cat_batch *b, int64_t *last, struct cat_error *err)
{
	const int64_t n = b->nrows;
	double *ra = cat_malloc((size_t)n * 2 * sizeof *ra);
	int64_t *cells = cat_malloc((size_t)n * sizeof *cells);
	struct cat_batch *kept = NULL;
	int rc = ra && cells ? cat_batch_new(t->stored, n, &kept, err) : cat_fail_mem(err, (size_t)n * 2 * sizeof *ra);

	if (rc == CAT_OK) {
		rc = cat_position_values(b, t->base.ra, t->base.dec, ra, ra + n, err);
	}
	if (rc == CAT_OK) {
		cat_hpx29_from_deg_n(ra, ra + n, n, cells);
		for (int64_t i = 0; i < n; i++) {
			t->base.in_order &= cells[i] >= *last;
			*last = cells[i];
		}
		for (int i = 0; i + 1 < kept->ncols; i++)
			kept->cols[i] = cat_column_ref(b->cols[t->cols[i]]);
		rc = number_column(&t->stored->fields[kept->ncols - 1].type, cat_runs_rows(t->runs), n,
		                   &kept->cols[kept->ncols - 1], err);
	}
	if (rc == CAT_OK) {
		rc = cat_runs_put(t->runs, kept, cells, err);
		kept = NULL;
	}
	cat_batch_unref(kept);
	cat_free(ra);
	cat_free(cells);
	return rc;
}

/* --- reading --- */

/* The stored rows of some ranges in the table's order and under its schema. */
static int read_ranges(struct sort_table *t, const struct cat_runs_range *ranges, int64_t n, struct cat_stack *rows,
                       struct cat_error *err)
{
	const int by = t->base.in_order ? -1 : t->stored->nfields - 1;
	struct cat_batch *b, *full = NULL;
	int rc = CAT_OK;

	CAT_TRY(cat_runs_read_ranges(t->runs, ranges, n, by, &b, NULL, err));
	if (b->nrows)
		rc = cat_batch_new(t->base.schema, b->nrows, &full, err);
	for (int i = 0; rc == CAT_OK && full && i < b->ncols; i++)
		full->cols[t->cols[i]] = cat_column_ref(b->cols[i]);
	cat_batch_unref(b);
	return rc == CAT_OK && full ? cat_stack_add(rows, full, err) : rc;
}

static int sort_read_tile(struct cat_skytable *table, const struct cat_tile *tile, struct cat_stack *rows,
                          struct cat_error *err)
{
	return read_ranges((struct sort_table *)table, &(struct cat_runs_range){tile->lo, tile->hi}, 1, rows, err);
}

static int sort_read(struct cat_skytable *table, const struct cat_cover *cells, struct cat_stack *rows,
                     struct cat_error *err)
{
	struct cat_runs_range *ranges = cat_malloc((size_t)cells->n * sizeof *ranges);
	int rc;

	if (!ranges)
		return cat_fail_mem(err, (size_t)cells->n * sizeof *ranges);
	for (int64_t i = 0; i < cells->n; i++)
		ranges[i] = (struct cat_runs_range){cells->at[i].lo, cells->at[i].hi};
	rc = read_ranges((struct sort_table *)table, ranges, cells->n, rows, err);
	cat_free(ranges);
	return rc;
}

static int sort_tiles(struct cat_skytable *table, int64_t max_rows, struct cat_tile **out, size_t *n,
                      struct cat_error *err)
{
	struct sort_table *t = (struct sort_table *)table;
	/* Rows without a position come first, in a tile of their own. */
	int64_t lo = -1, hi = 0;
	size_t cap = 0;

	*out = NULL;
	*n = 0;
	while (lo < CAT_HPX29_CELLS) {
		if (lo >= 0)
			CAT_TRY(cat_runs_split(t->runs, lo, CAT_HPX29_CELLS, max_rows, INT64_MAX, &hi, err));
		if (cat_grow(out, &cap, *n, sizeof **out) != 0) {
			cat_free(*out);
			return cat_fail_mem(err, cap * sizeof **out);
		}
		(*out)[(*n)++] = (struct cat_tile){.lo = lo, .hi = hi};
		lo = hi;
	}
	return CAT_OK;
}

static void sort_close(struct cat_skytable *table)
{
	struct sort_table *t = (struct sort_table *)table;

	cat_runs_free(t->runs);
	cat_schema_unref(t->stored);
	cat_schema_unref(table->schema);
	cat_free(t->cols);
	cat_free(table->used);
	cat_free(t);
}

static const struct cat_skytable_ops sort_ops = {sort_tiles, sort_read_tile, sort_read, sort_close};

static int fill(struct sort_table *t, struct cat_source *source, struct cat_error *err)
{
	int64_t last = -1;

	for (;;) {
		struct cat_batch *b;
		int rc;

		CAT_TRY(source->ops->next(source, &b, err));
		if (!b)
			return cat_runs_finish(t->runs, err);
		rc = put_batch(t, b, &last, err);
		cat_batch_unref(b);
		CAT_TRY(rc);
	}
}

int cat_skytable_sort(struct cat_source *source, int ra, int dec, const bool *used, const char *temp_dir,
                      int64_t memory_bytes, struct cat_skytable **out, struct cat_error *err)
{
	struct sort_table *t = cat_calloc(1, sizeof *t);
	int rc;

	if (!t)
		return cat_fail_mem(err, sizeof *t);
	t->base.ops = &sort_ops;
	t->base.ra = ra;
	t->base.dec = dec;
	t->base.in_order = true;
	rc = make_schemas(t, source->schema, used, err);
	if (rc == CAT_OK)
		rc = cat_runs_new(t->stored, temp_dir, 2 * memory_bytes, &t->runs, err);
	if (rc == CAT_OK)
		rc = fill(t, source, err);
	if (rc != CAT_OK) {
		sort_close(&t->base);
		return rc;
	}
	t->base.nrows = cat_runs_rows(t->runs);
	t->base.row_bytes = cat_runs_row_bytes(t->runs);
	*out = &t->base;
	return CAT_OK;
}
