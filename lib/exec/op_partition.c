#include "exec/op_partition.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "columnar/kernels.h"
#include "dataset/hats_place.h"
#include "dataset/hats_write.h"
#include "dataset/position.h"
#include "dataset/properties.h"
#include "exec/runs.h"
#include "exec/write.h"
#include "sky/cover.h"
#include "sky/healpix.h"

#define HPX "_healpix_29"
#define SKYMAP_ORDER 8 /* at most */
#define CHUNK_MAX 200000 /* rows of a leaf in memory at a time; more gains nothing */

struct plan {
	struct cat_hats_part *parts;
	size_t n, cap;
};

/* The work as a whole. */
struct partition {
	const struct cat_partition_options *o;
	struct cat_pool *pool;
	struct cat_partition_result *result;
	struct cat_hats_place *place;
	struct cat_schema *schema; /* of the leaves */
	int *cols;                 /* columns of the source, without an old index */
	struct cat_runs *runs;
	int64_t *counts; /* rows per cell of SKYMAP_ORDER */
};

/* One partition being written. */
struct leaf {
	struct cat_runs *runs;
	struct cat_hats_writer *writer;
	struct cat_hats_part part;
	int64_t chunk_rows; /* rows in memory at a time */
	double margin_deg;  /* of a margin cache: the rows around the part instead of those in it; 0: the catalogue */
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

static int put_batch(struct partition *p, struct cat_batch *b, struct cat_error *err)
{
	double *ra = cat_malloc((size_t)b->nrows * 2 * sizeof *ra), *dec = ra + b->nrows;
	int64_t *hpx = cat_malloc((size_t)b->nrows * 2 * sizeof *hpx), nbad = 0;
	int rc = ra && hpx ? CAT_OK : cat_fail_mem(err, (size_t)b->nrows * 2 * sizeof *hpx);

	if (rc == CAT_OK) {
		rc = cat_position_values(b, p->o->ra, p->o->dec, ra, dec, err);
	}
	if (rc == CAT_OK) {
		cat_hpx29_from_deg_n(ra, dec, b->nrows, hpx);
		for (int64_t i = 0; i < b->nrows; i++) {
			if (hpx[i] < 0)
				nbad++;
			else
				p->counts[cat_hpx_parent29(SKYMAP_ORDER, hpx[i])]++;
		}
		if (nbad && !p->o->drop_bad)
			rc = bad_position(b, hpx, p->result->rows + p->result->bad_rows, err);
	}
	if (rc == CAT_OK && nbad) {
		struct cat_batch *good, *bad;

		rc = part_bad(b, hpx, &good, &bad, hpx + b->nrows, err);
		if (rc == CAT_OK) {
			rc = put_rows(p->runs, p->schema, p->cols, good, hpx + b->nrows, err);
			cat_batch_unref(good);
			if (rc == CAT_OK && p->o->bad)
				rc = p->o->bad->ops->put(p->o->bad, bad, err);
			else
				cat_batch_unref(bad);
		}
	} else if (rc == CAT_OK) {
		rc = put_rows(p->runs, p->schema, p->cols, b, hpx, err);
	}
	p->result->rows += b->nrows - nbad;
	p->result->bad_rows += nbad;
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

static int put_rows_out(struct leaf *l, struct cat_writer *w, struct cat_batch *rows, struct cat_error *err)
{
	l->rows += rows->nrows;
	CAT_TRY(l->encoder->ops->put(l->encoder, rows, err));
	return pull_all(w, l->encoder, false, &l->bytes, err);
}

/* The part's own rows, some at a time. */
static int put_part(struct leaf *l, struct cat_writer *w, struct cat_error *err)
{
	int64_t lo, hi;

	cat_hats_range(&l->part, &lo, &hi);
	while (lo < hi) {
		struct cat_batch *rows;
		int64_t end;

		CAT_TRY(cat_runs_split(l->runs, lo, hi, l->chunk_rows, &end, err));
		CAT_TRY(cat_runs_read(l->runs, lo, end, &rows, NULL, err));
		CAT_TRY(put_rows_out(l, w, rows, err));
		lo = end;
	}
	return CAT_OK;
}

/* The rows around the part, sorted. */
static int margin_rows(struct leaf *l, struct cat_batch **out, struct cat_error *err)
{
	struct cat_cover rim = {0};
	struct cat_runs_range *ranges;
	int rc;

	CAT_TRY(cat_cover_rim(l->part.order, l->part.npix, l->margin_deg, &rim, err));
	ranges = cat_malloc((size_t)rim.n * sizeof *ranges);
	rc = ranges ? CAT_OK : cat_fail_mem(err, (size_t)rim.n * sizeof *ranges);
	for (int64_t i = 0; rc == CAT_OK && i < rim.n; i++)
		ranges[i] = (struct cat_runs_range){rim.at[i].lo, rim.at[i].hi};
	if (rc == CAT_OK)
		rc = cat_runs_read_ranges(l->runs, ranges, rim.n, -1, out, NULL, err);
	cat_free(ranges);
	cat_cover_fini(&rim);
	return rc;
}

/* MARGIN NULL: the part's own rows. It is taken over. */
static int write_leaf(struct leaf *l, struct cat_writer *w, struct cat_batch *margin, struct cat_error *err)
{
	struct cat_encoder *e = l->encoder;
	struct cat_buf *b;
	int rc = e->ops->head(e, &b, err);

	if (rc == CAT_OK)
		rc = append_buf(w, b, &l->bytes, err);
	if (rc != CAT_OK)
		cat_batch_unref(margin);
	else
		rc = margin ? put_rows_out(l, w, margin, err) : put_part(l, w, err);
	CAT_TRY(rc);
	CAT_TRY(pull_all(w, e, true, &l->bytes, err));
	CAT_TRY(e->ops->tail(e, l->bytes, &b, err));
	CAT_TRY(append_buf(w, b, &l->bytes, err));
	return w->ops->commit(w, err);
}

static int run_leaf(void *arg, struct cat_error *err)
{
	struct leaf *l = arg;
	struct cat_batch *margin = NULL;
	struct cat_writer *w;
	int rc = l->margin_deg > 0 ? margin_rows(l, &margin, err) : CAT_OK;

	/* A part without a row around it has no leaf. */
	if (rc != CAT_OK || (margin && margin->nrows == 0)) {
		cat_batch_unref(margin);
		return rc;
	}
	rc = cat_hats_leaf_open(l->writer, &l->part, &l->encoder, &w, err);
	if (rc != CAT_OK) {
		cat_batch_unref(margin);
		return rc;
	}
	rc = write_leaf(l, w, margin, err);
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
	rc = l->encoder ? cat_hats_leaf_done(w, &l->part, l->encoder, l->rows, l->bytes, err) : CAT_OK;
	result->bytes += l->bytes;
	result->nparts += l->margin_deg == 0;
	free_leaf(l);
	return rc;
}

static int write_leaves(struct partition *p, const struct plan *plan, double margin_deg, struct cat_hats_writer *w,
                        struct cat_ordered *q, struct cat_error *err)
{
	const int64_t chunk = p->o->memory_bytes / 8 / cat_pool_jobs(p->pool) / cat_runs_row_bytes(p->runs);
	bool any = true;

	for (size_t i = 0; i < plan->n; i++) {
		struct leaf *l = cat_calloc(1, sizeof *l);

		if (!l)
			return cat_fail_mem(err, sizeof *l);
		*l = (struct leaf){.runs = p->runs, .writer = w, .part = plan->parts[i], .margin_deg = margin_deg,
		                   .chunk_rows = chunk < 1 ? 1 : chunk > CHUNK_MAX ? CHUNK_MAX : chunk};
		if (cat_ordered_full(q)) {
			const int rc = finish_leaf(q, w, p->result, &any, err);

			if (rc != CAT_OK) {
				cat_free(l);
				return rc;
			}
		}
		cat_ordered_submit(q, l);
	}
	while (any)
		CAT_TRY(finish_leaf(q, w, p->result, &any, err));
	return CAT_OK;
}

/* Counts of SKYMAP_ORDER summed to ORDER, in place. */
static void coarsen(int64_t *counts, int order)
{
	const int64_t cells = cat_hpx_cells(order), each = INT64_C(1) << 2 * (SKYMAP_ORDER - order);

	for (int64_t i = 0; i < cells && each > 1; i++) {
		int64_t sum = 0;

		for (int64_t k = 0; k < each; k++)
			sum += counts[i * each + k];
		counts[i] = sum;
	}
}

static int open_stats(struct cat_hats_writer *w, struct cat_error *err)
{
	struct cat_encoder *encoder;
	struct cat_writer *file;
	struct cat_sink *sink;

	CAT_TRY(cat_hats_stats_open(w, &encoder, &file, err));
	CAT_TRY(cat_write_open(encoder, file, NULL, &sink, err));
	cat_hats_stats_to(w, sink);
	return CAT_OK;
}

/* The catalogue (MARGIN_ARCSEC 0) or a margin cache, in FOLDER. */
static int write_catalogue(struct partition *p, const struct plan *plan, const char *folder, const char *name,
                           double margin_arcsec, struct cat_error *err)
{
	struct cat_hats_write_options o = {.level = p->o->level, .ra = p->o->ra_name, .dec = p->o->dec_name,
	                                   .created = p->o->created};
	struct cat_hats_writer *w = NULL;
	struct cat_ordered *q = NULL;
	int rc;

	if (margin_arcsec > 0) {
		o.primary = p->place->name;
		o.margin_arcsec = margin_arcsec;
	} else {
		int deepest = 0;

		for (size_t i = 0; i < plan->n; i++)
			deepest = plan->parts[i].order > deepest ? plan->parts[i].order : deepest;
		o.skymap_order = deepest + 2 < SKYMAP_ORDER ? deepest + 2 : SKYMAP_ORDER;
		o.skymap = p->counts;
		coarsen(p->counts, o.skymap_order);
	}
	rc = cat_hats_writer_new(folder, name, p->place->path, p->schema, &o, &w, err);
	if (rc == CAT_OK)
		rc = open_stats(w, err);
	if (rc == CAT_OK)
		rc = cat_ordered_new(p->pool, cat_pool_jobs(p->pool), run_leaf, free_leaf, &q, err);
	if (rc == CAT_OK)
		rc = write_leaves(p, plan, margin_arcsec / 3600, w, q, err);
	cat_ordered_free(q);
	if (rc == CAT_OK)
		rc = cat_hats_writer_finish(w, err);
	cat_hats_writer_free(w);
	return rc;
}

/* NAME_10arcs, as others call them. */
static void margin_name(const struct partition *p, double arcsec, char *out, size_t size)
{
	snprintf(out, size, "%.200s_%garcs", p->place->name, arcsec);
}

static int write_collection(const struct partition *p, struct cat_error *err)
{
	struct cat_kv kv = {0};
	struct cat_text margins = {.max = 1 << 20}, text = {.max = 1 << 20};
	char name[256], first[256];
	int rc = cat_kv_set(&kv, "obs_collection", p->place->name, err);

	for (int i = 0; i < p->o->nmargins; i++) {
		margin_name(p, p->o->margins_arcsec[i], name, sizeof name);
		cat_text_addf(&margins, "%s%s", i ? " " : "", name);
	}
	margin_name(p, p->o->margins_arcsec[0], first, sizeof first);
	if (rc == CAT_OK)
		rc = cat_kv_set(&kv, "hats_primary_table_url", p->place->name, err);
	if (rc == CAT_OK)
		rc = cat_kv_set(&kv, "all_margins", margins.s, err);
	if (rc == CAT_OK)
		rc = cat_kv_set(&kv, "default_margin", first, err);
	if (rc == CAT_OK)
		rc = cat_kv_set(&kv, "hats_builder", "catpipe v" CAT_VERSION, err);
	if (rc == CAT_OK && p->o->created)
		rc = cat_kv_set(&kv, "hats_creation_date", p->o->created, err);
	if (rc == CAT_OK)
		rc = cat_kv_set(&kv, "hats_version", "v1.0", err);
	cat_properties_text("#HATS Collection", &kv, &text);
	if (rc == CAT_OK)
		rc = cat_text_check(&text, err);
	if (rc == CAT_OK)
		rc = cat_hats_file(p->place->hidden, "collection.properties", p->place->path, text.s, text.len, err);
	cat_text_fini(&margins);
	cat_text_fini(&text);
	cat_kv_fini(&kv);
	return rc;
}

/* A folder of its own inside of the collection. */
static int write_member(struct partition *p, const struct plan *plan, const char *name, double margin_arcsec,
                        struct cat_error *err)
{
	char *folder = cat_hats_path(p->place->hidden, name);
	int rc;

	if (!folder)
		return cat_fail_mem(err, strlen(name));
	rc = write_catalogue(p, plan, folder, name, margin_arcsec, err);
	cat_free(folder);
	return rc;
}

static int write_all(struct partition *p, struct cat_error *err)
{
	struct plan plan = {0};
	int rc = CAT_OK;

	for (int i = 0; rc == CAT_OK && i < 12; i++)
		rc = split_cell(p->runs, 0, i, p->o->rows, &plan, err);
	if (rc == CAT_OK && p->o->nmargins == 0)
		rc = write_catalogue(p, &plan, p->place->hidden, p->place->name, 0, err);
	else if (rc == CAT_OK)
		rc = write_member(p, &plan, p->place->name, 0, err);
	for (int i = 0; rc == CAT_OK && i < p->o->nmargins; i++) {
		char name[256];

		margin_name(p, p->o->margins_arcsec[i], name, sizeof name);
		rc = write_member(p, &plan, name, p->o->margins_arcsec[i], err);
	}
	if (rc == CAT_OK && p->o->nmargins)
		rc = write_collection(p, err);
	cat_free(plan.parts);
	return rc;
}

static int read_all(struct partition *p, struct cat_source *source, struct cat_error *err)
{
	for (;;) {
		struct cat_batch *b;
		int rc;

		CAT_TRY(source->ops->next(source, &b, err));
		if (!b)
			return cat_runs_finish(p->runs, err);
		rc = put_batch(p, b, err);
		cat_batch_unref(b);
		CAT_TRY(rc);
	}
}

int cat_partition(struct cat_source *source, const char *path, const struct cat_partition_options *o,
                  struct cat_pool *pool, struct cat_partition_result *result, struct cat_error *err)
{
	struct partition p = {.o = o, .pool = pool, .result = result};
	int rc;

	memset(result, 0, sizeof *result);
	/* A place that cannot be written to is told before hours of reading. */
	CAT_TRY(cat_hats_place_open(path, o->overwrite, &p.place, err));
	rc = leaf_schema(source->schema, o, &p.schema, &p.cols, err);
	if (rc == CAT_OK && !(p.counts = cat_calloc((size_t)cat_hpx_cells(SKYMAP_ORDER), sizeof *p.counts)))
		rc = cat_fail_mem(err, (size_t)cat_hpx_cells(SKYMAP_ORDER) * sizeof *p.counts);
	if (rc == CAT_OK)
		rc = cat_runs_new(p.schema, o->temp_dir, o->memory_bytes / 8 * 3, &p.runs, err);
	if (rc == CAT_OK)
		rc = read_all(&p, source, err);
	if (rc == CAT_OK)
		rc = write_all(&p, err);
	if (rc == CAT_OK)
		rc = cat_hats_place_publish(p.place, err);
	cat_hats_place_free(p.place);
	cat_runs_free(p.runs);
	cat_schema_unref(p.schema);
	cat_free(p.counts);
	cat_free(p.cols);
	return rc;
}
