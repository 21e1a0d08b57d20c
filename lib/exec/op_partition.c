#include "exec/op_partition.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "columnar/kernels.h"
#include "dataset/hats_place.h"
#include "dataset/position.h"
#include "dataset/properties.h"
#include "exec/leaves.h"
#include "exec/write.h"
#include "sky/healpix.h"

#define HPX "_healpix_29"
#define SKYMAP_ORDER 8 /* at most */
#define SAMPLE_ROWS 16384 /* of each cell of order 0 */

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
	struct cat_leaf_list parts;
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
static int split_cell(struct cat_runs *runs, int order, int64_t npix, int64_t rows,
                      struct cat_leaf_list *parts, struct cat_error *err)
{
	const struct cat_hats_part p = {order, npix};
	int64_t lo, hi, n;

	cat_hats_range(&p, &lo, &hi);
	CAT_TRY(cat_runs_count(runs, lo, hi, &n, err));
	if (n == 0)
		return CAT_OK;
	if (n > rows && order < 29) {
		for (int k = 0; k < 4; k++)
			CAT_TRY(split_cell(runs, order + 1, npix * 4 + k, rows, parts, err));
		return CAT_OK;
	}
	return cat_leaf_list_add(parts, &p, err);
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

/* A leaf that will be larger by half than is allowed need not be tried. */
#define HOPELESS 1.5

/* The cells that hold no more rows than are allowed and, by a sample, few enough bytes. */
static int plan_parts(struct partition *p, const struct cat_leaves *l, struct cat_error *err)
{
	int64_t rows = p->o->rows;
	double each, most;

	if (l->max_bytes < INT64_MAX) {
		CAT_TRY(cat_leaves_measure(l, SAMPLE_ROWS, &each, err));
		most = HOPELESS * (double)l->max_bytes / each;
		rows = most < 1 ? 1 : most < (double)rows ? (int64_t)most : rows;
	}
	for (int i = 0; i < 12; i++)
		CAT_TRY(split_cell(p->runs, 0, i, rows, &p->parts, err));
	return CAT_OK;
}

/* The map goes a little deeper than the deepest partition. */
static void make_skymap(struct partition *p, struct cat_hats_writer *w)
{
	int deepest = 0, order;

	for (size_t i = 0; i < p->parts.n; i++)
		deepest = p->parts.at[i].order > deepest ? p->parts.at[i].order : deepest;
	order = deepest + 2 < SKYMAP_ORDER ? deepest + 2 : SKYMAP_ORDER;
	coarsen(p->counts, order);
	cat_hats_skymap(w, p->counts, order);
}

/* The catalogue, whose partitions P has then, or a margin cache of them. */
static int write_leaves(struct partition *p, struct cat_hats_writer *w, double margin_arcsec, struct cat_error *err)
{
	const struct cat_leaves l = {.runs = p->runs, .writer = w, .pool = p->pool,
	                             .memory_bytes = p->o->memory_bytes / 8, .margin_deg = margin_arcsec / 3600,
	                             .max_bytes = margin_arcsec > 0 ? INT64_MAX : p->o->bytes};
	struct cat_leaf_list done = {0};
	int64_t bytes = 0;
	int rc = margin_arcsec > 0 ? CAT_OK : plan_parts(p, &l, err);

	if (rc == CAT_OK)
		rc = cat_leaves_write(&l, &p->parts, &done, &bytes, err);
	p->result->bytes += bytes;
	if (rc != CAT_OK || margin_arcsec > 0) {
		cat_free(done.at);
		return rc;
	}
	cat_free(p->parts.at);
	p->parts = done;
	p->result->nparts = (int)done.n;
	make_skymap(p, w);
	return CAT_OK;
}

/* The catalogue (MARGIN_ARCSEC 0), first, or a margin cache of it, in FOLDER. */
static int write_catalogue(struct partition *p, const char *folder, const char *name, double margin_arcsec,
                           struct cat_error *err)
{
	const struct cat_hats_write_options o = {.level = p->o->level, .ra = p->o->ra_name, .dec = p->o->dec_name,
	                                         .created = p->o->created, .margin_arcsec = margin_arcsec,
	                                         .primary = margin_arcsec > 0 ? p->place->name : NULL};
	struct cat_hats_writer *w = NULL;
	int rc = cat_hats_writer_new(folder, name, p->place->path, p->schema, &o, &w, err);

	if (rc == CAT_OK)
		rc = open_stats(w, err);
	if (rc == CAT_OK)
		rc = write_leaves(p, w, margin_arcsec, err);
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
static int write_member(struct partition *p, const char *name, double margin_arcsec, struct cat_error *err)
{
	char *folder = cat_hats_path(p->place->hidden, name);
	int rc;

	if (!folder)
		return cat_fail_mem(err, strlen(name));
	rc = write_catalogue(p, folder, name, margin_arcsec, err);
	cat_free(folder);
	return rc;
}

static int write_all(struct partition *p, struct cat_error *err)
{
	int rc = p->o->nmargins ? write_member(p, p->place->name, 0, err)
	                        : write_catalogue(p, p->place->hidden, p->place->name, 0, err);

	for (int i = 0; rc == CAT_OK && i < p->o->nmargins; i++) {
		char name[256];

		margin_name(p, p->o->margins_arcsec[i], name, sizeof name);
		rc = write_member(p, name, p->o->margins_arcsec[i], err);
	}
	if (rc == CAT_OK && p->o->nmargins)
		rc = write_collection(p, err);
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
	cat_free(p.parts.at);
	cat_free(p.cols);
	return rc;
}
