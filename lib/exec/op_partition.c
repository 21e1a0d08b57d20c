#include "exec/op_partition.h"

#include <string.h>

#include "base/alloc.h"
#include "columnar/kernels.h"
#include "columnar/position.h"
#include "exec/runs.h"
#include "sky/healpix.h"

#define HPX "_healpix_29"
#define CHUNK_MAX 200000 /* rows of a leaf in memory at a time; more gains nothing */

struct plan {
	struct cat_hats_part *parts;
	size_t n, cap;
};

/* One partition being written. */
struct leaf {
	struct cat_runs *runs;
	struct cat_hats_writer *writer;
	struct cat_hats_part part;
	int64_t chunk_rows; /* rows in memory at a time */
	struct cat_encoder *encoder;
	int64_t rows, bytes;
};

/* --- reading the source into runs --- */

/* _healpix_29, then the source's columns; one of that name is computed anew. The columns of positions are marked
 * as such, as they will be when the catalogue is read: so a catalogue made from it is the same. */
static int leaf_schema(const struct cat_schema *in, const struct cat_partition_options *o, struct cat_schema **out,
                       int **cols, struct cat_error *err)
{
	struct cat_schema *s;
	int n = 0, ra = 0, dec = 0, rc;

	*cols = cat_malloc((size_t)(in->nfields + 1) * sizeof **cols);
	if (!*cols)
		return cat_fail_mem(err, (size_t)in->nfields * sizeof **cols);
	for (int i = 0; i < in->nfields; i++)
		if (strcmp(in->fields[i].name, HPX) != 0)
			(*cols)[n++] = i;
	CAT_TRY(cat_schema_new(n + 1, &s, err));
	rc = cat_kv_copy(&s->meta, &in->meta, err);
	if (rc == CAT_OK)
		rc = cat_field_init(&s->fields[0], HPX, CAT_T_I64, err);
	for (int i = 0; rc == CAT_OK && i < n; i++) {
		rc = cat_field_copy(&s->fields[i + 1], &in->fields[(*cols)[i]], err);
		ra = (*cols)[i] == o->ra ? i + 1 : ra;
		dec = (*cols)[i] == o->dec ? i + 1 : dec;
	}
	if (rc == CAT_OK)
		rc = cat_position_mark(s, ra, dec, err);
	if (rc != CAT_OK) {
		cat_schema_unref(s);
		return rc;
	}
	*out = s;
	return CAT_OK;
}

/* Splits B into rows with a position and rows without. *GOOD may be B itself. */
static int part_bad(struct cat_batch *b, const int64_t *hpx, struct cat_batch **good, struct cat_batch **bad,
                    int64_t *good_hpx, struct cat_error *err)
{
	int32_t *idx = cat_malloc((size_t)b->nrows * sizeof *idx);
	int64_t n = 0, m = 0;
	int rc;

	if (!idx)
		return cat_fail_mem(err, (size_t)b->nrows * sizeof *idx);
	for (int64_t i = 0; i < b->nrows; i++)
		if (hpx[i] < 0)
			idx[m++] = (int32_t)i;
	rc = cat_take_batch(b, idx, m, bad, err);
	for (int64_t i = 0; i < b->nrows; i++)
		if (hpx[i] >= 0) {
			idx[n] = (int32_t)i;
			good_hpx[n++] = hpx[i];
		}
	if (rc == CAT_OK && (rc = cat_take_batch(b, idx, n, good, err)) != CAT_OK)
		cat_batch_unref(*bad);
	cat_free(idx);
	return rc;
}

static int put_rows(struct cat_runs *runs, struct cat_schema *schema, const int *cols, struct cat_batch *b,
                    const int64_t *hpx, struct cat_error *err)
{
	struct cat_batch *out;
	struct cat_column *c;
	int rc;

	CAT_TRY(cat_batch_new(schema, b->nrows, &out, err));
	rc = cat_column_new(&schema->fields[0].type, b->nrows, 0, &c, err);
	if (rc == CAT_OK) {
		out->cols[0] = c;
		rc = cat_buf_copy(hpx, (size_t)b->nrows * sizeof *hpx, &c->data, err);
	}
	if (rc != CAT_OK) {
		cat_batch_unref(out);
		return rc;
	}
	for (int i = 1; i < schema->nfields; i++)
		out->cols[i] = cat_column_ref(b->cols[cols[i - 1]]);
	return cat_runs_put(runs, out, hpx, err);
}

static int bad_position(const struct cat_batch *b, const int64_t *hpx, int64_t before, struct cat_error *err)
{
	int64_t i = 0;

	while (i < b->nrows && hpx[i] >= 0)
		i++;
	cat_fail(err, CAT_E_DATA, "row %lld has no valid position (NULL, NaN or beyond the poles)",
	         (long long)(before + i + 1));
	return cat_hint(err, "--bad-coord drop, --bad-coord file:PATH");
}

static int put_batch(struct cat_runs *runs, struct cat_schema *schema, const int *cols, struct cat_batch *b,
                     const struct cat_partition_options *o, struct cat_partition_result *result,
                     struct cat_error *err)
{
	double *ra = cat_malloc((size_t)b->nrows * 2 * sizeof *ra), *dec = ra + b->nrows;
	int64_t *hpx = cat_malloc((size_t)b->nrows * 2 * sizeof *hpx), nbad = 0;
	int rc = ra && hpx ? CAT_OK : cat_fail_mem(err, (size_t)b->nrows * 2 * sizeof *hpx);

	if (rc == CAT_OK) {
		cat_position_values(b, o->ra, o->dec, ra, dec);
		cat_hpx29_from_deg_n(ra, dec, b->nrows, hpx);
		for (int64_t i = 0; i < b->nrows; i++)
			nbad += hpx[i] < 0;
		if (nbad && !o->drop_bad)
			rc = bad_position(b, hpx, result->rows + result->bad_rows, err);
	}
	if (rc == CAT_OK && nbad) {
		struct cat_batch *good, *bad;

		rc = part_bad(b, hpx, &good, &bad, hpx + b->nrows, err);
		if (rc == CAT_OK) {
			rc = put_rows(runs, schema, cols, good, hpx + b->nrows, err);
			cat_batch_unref(good);
			if (rc == CAT_OK && o->bad)
				rc = o->bad->ops->put(o->bad, bad, err);
			else
				cat_batch_unref(bad);
		}
	} else if (rc == CAT_OK) {
		rc = put_rows(runs, schema, cols, b, hpx, err);
	}
	result->rows += b->nrows - nbad;
	result->bad_rows += nbad;
	cat_free(ra);
	cat_free(hpx);
	return rc;
}

/* --- planning --- */

/* Top-down: a cell that holds more than ROWS is split into its four children. */
static int split_cell(struct cat_runs *runs, int order, int64_t npix, int64_t rows, struct plan *plan,
                      struct cat_error *err)
{
	const struct cat_hats_part p = {order, npix};
	int64_t lo, hi, n;

	cat_hats_range(&p, &lo, &hi);
	CAT_TRY(cat_runs_count(runs, lo, hi, &n, err));
	if (n == 0)
		return CAT_OK;
	if (n > rows && order < 29) {
		for (int k = 0; k < 4; k++)
			CAT_TRY(split_cell(runs, order + 1, npix * 4 + k, rows, plan, err));
		return CAT_OK;
	}
	if (cat_grow(&plan->parts, &plan->cap, plan->n, sizeof *plan->parts) != 0)
		return cat_fail_mem(err, plan->cap * sizeof *plan->parts);
	plan->parts[plan->n++] = p;
	return CAT_OK;
}

/* --- writing --- */

static int append_out(struct cat_writer *w, struct cat_encoder *e, struct cat_out *o, int64_t *off,
                      struct cat_error *err)
{
	int rc = o->ops->encode(o, err);

	if (rc == CAT_OK)
		rc = e->ops->placed(e, o, *off, err);
	if (rc == CAT_OK)
		rc = w->ops->append(w, o->bufs, o->nbufs, err);
	for (size_t i = 0; rc == CAT_OK && i < o->nbufs; i++)
		*off += (int64_t)o->bufs[i]->size;
	cat_out_free(o);
	return rc;
}

static int pull_all(struct cat_writer *w, struct cat_encoder *e, bool last, int64_t *off, struct cat_error *err)
{
	for (;;) {
		struct cat_out *o;

		CAT_TRY(e->ops->pull(e, last, &o, err));
		if (!o)
			return CAT_OK;
		CAT_TRY(append_out(w, e, o, off, err));
	}
}

static int append_buf(struct cat_writer *w, struct cat_buf *b, int64_t *off, struct cat_error *err)
{
	const int rc = w->ops->append(w, &b, 1, err);

	*off += (int64_t)b->size;
	cat_buf_unref(b);
	return rc;
}

static int write_leaf(struct leaf *l, struct cat_writer *w, struct cat_error *err)
{
	struct cat_encoder *e = l->encoder;
	struct cat_buf *b;
	int64_t lo, hi;

	cat_hats_range(&l->part, &lo, &hi);
	CAT_TRY(e->ops->head(e, &b, err));
	CAT_TRY(append_buf(w, b, &l->bytes, err));
	while (lo < hi) {
		struct cat_batch *rows;
		int64_t end;

		CAT_TRY(cat_runs_split(l->runs, lo, hi, l->chunk_rows, &end, err));
		CAT_TRY(cat_runs_read(l->runs, lo, end, &rows, NULL, err));
		l->rows += rows->nrows;
		CAT_TRY(e->ops->put(e, rows, err));
		CAT_TRY(pull_all(w, e, false, &l->bytes, err));
		lo = end;
	}
	CAT_TRY(pull_all(w, e, true, &l->bytes, err));
	CAT_TRY(e->ops->tail(e, l->bytes, &b, err));
	CAT_TRY(append_buf(w, b, &l->bytes, err));
	return w->ops->commit(w, err);
}

static int run_leaf(void *arg, struct cat_error *err)
{
	struct leaf *l = arg;
	struct cat_writer *w;
	int rc = cat_hats_leaf_open(l->writer, &l->part, &l->encoder, &w, err);

	if (rc != CAT_OK)
		return rc;
	rc = write_leaf(l, w, err);
	cat_writer_close(w);
	if (rc != CAT_OK)
		cat_wrap(err, "Norder=%d, Npix=%lld", l->part.order, (long long)l->part.npix);
	return rc;
}

static void free_leaf(void *arg)
{
	struct leaf *l = arg;

	cat_encoder_close(l->encoder);
	cat_free(l);
}

static int finish_leaf(struct cat_ordered *q, struct cat_hats_writer *w, struct cat_partition_result *result,
                       bool *any, struct cat_error *err)
{
	struct leaf *l;
	void *arg;
	int rc;

	CAT_TRY(cat_ordered_take(q, &arg, err));
	l = arg;
	*any = l != NULL;
	if (!l)
		return CAT_OK;
	rc = cat_hats_leaf_done(w, &l->part, l->encoder, l->rows, l->bytes, err);
	result->bytes += l->bytes;
	result->nparts++;
	free_leaf(l);
	return rc;
}

static int write_leaves(struct cat_runs *runs, const struct plan *plan, int64_t chunk_rows,
                        struct cat_hats_writer *w, struct cat_ordered *q, struct cat_partition_result *result,
                        struct cat_error *err)
{
	bool any = true;

	for (size_t i = 0; i < plan->n; i++) {
		struct leaf *l = cat_calloc(1, sizeof *l);

		if (!l)
			return cat_fail_mem(err, sizeof *l);
		*l = (struct leaf){.runs = runs, .writer = w, .part = plan->parts[i], .chunk_rows = chunk_rows};
		if (cat_ordered_full(q)) {
			const int rc = finish_leaf(q, w, result, &any, err);

			if (rc != CAT_OK) {
				cat_free(l);
				return rc;
			}
		}
		cat_ordered_submit(q, l);
	}
	while (any)
		CAT_TRY(finish_leaf(q, w, result, &any, err));
	return CAT_OK;
}

static int write_catalogue(struct cat_runs *runs, const char *path, struct cat_schema *schema,
                           const struct cat_partition_options *o, struct cat_pool *pool,
                           struct cat_partition_result *result, struct cat_error *err)
{
	const int jobs = cat_pool_jobs(pool);
	struct cat_hats_writer *w = NULL;
	struct cat_ordered *q = NULL;
	struct plan plan = {0};
	int rc = cat_hats_writer_new(path, schema, &o->write, &w, err);
	int64_t chunk = o->memory_bytes / 8 / jobs / cat_runs_row_bytes(runs);

	for (int i = 0; rc == CAT_OK && i < 12; i++)
		rc = split_cell(runs, 0, i, o->rows, &plan, err);
	if (chunk > CHUNK_MAX)
		chunk = CHUNK_MAX;
	if (rc == CAT_OK)
		rc = cat_ordered_new(pool, jobs, run_leaf, free_leaf, &q, err);
	if (rc == CAT_OK)
		rc = write_leaves(runs, &plan, chunk < 1000 ? 1000 : chunk, w, q, result, err);
	cat_ordered_free(q);
	if (rc == CAT_OK)
		rc = cat_hats_commit(w, err);
	cat_hats_writer_free(w);
	cat_free(plan.parts);
	return rc;
}

int cat_partition(struct cat_source *source, const char *path, const struct cat_partition_options *o,
                  struct cat_pool *pool, struct cat_partition_result *result, struct cat_error *err)
{
	struct cat_schema *schema = NULL;
	struct cat_runs *runs = NULL;
	int *cols = NULL;
	int rc = leaf_schema(source->schema, o, &schema, &cols, err);

	memset(result, 0, sizeof *result);
	if (rc == CAT_OK)
		rc = cat_runs_new(schema, o->temp_dir, o->memory_bytes / 4, &runs, err);
	while (rc == CAT_OK) {
		struct cat_batch *b;

		rc = source->ops->next(source, &b, err);
		if (rc != CAT_OK || !b)
			break;
		rc = put_batch(runs, schema, cols, b, o, result, err);
		cat_batch_unref(b);
	}
	if (rc == CAT_OK)
		rc = cat_runs_finish(runs, err);
	if (rc == CAT_OK)
		rc = write_catalogue(runs, path, schema, o, pool, result, err);
	cat_runs_free(runs);
	cat_schema_unref(schema);
	cat_free(cols);
	return rc;
}
