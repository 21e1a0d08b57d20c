#include "dataset/hats_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "dataset/hats_place.h"
#include "dataset/hats_stats.h"
#include "dataset/properties.h"
#include "formats/parquet.h"

#define STATS_BYTES ((int64_t)4 << 20)

struct cat_hats_writer {
	char *folder; /* where it is written */
	char *name;   /* of the catalogue */
	char *shown;  /* the final folder, for messages */
	struct cat_schema *schema;
	struct cat_hats_write_options o;
	struct cat_parquet_meta *meta;
	struct cat_text info; /* partition_info.csv */
	struct cat_hats_stats *stats; /* what is to go into per_partition_statistics.parquet, */
	struct cat_sink *stats_to;    /* and that; NULL: it is not wanted */
	int64_t stats_rows;           /* of a row group of it */
	const int64_t *skymap;        /* rows per cell of skymap_order; NULL: no map */
	int skymap_order;
	int64_t nrows, bytes, max_rows;
	int deepest;
	double fraction; /* of the sky */
	int nparts;
};

/* --- beginning --- */

static int make_folders(struct cat_hats_writer *h, struct cat_error *err)
{
	char *dataset;
	int rc = cat_hats_mkdir(h->folder, h->shown, err);

	CAT_TRY(rc);
	dataset = cat_hats_path(h->folder, "dataset");
	if (!dataset)
		return cat_fail_mem(err, strlen(h->folder));
	rc = cat_hats_mkdir(dataset, h->shown, err);
	cat_free(dataset);
	return rc;
}

const char *cat_hats_date(const char *epoch, char out[CAT_HATS_DATE])
{
	const time_t t = epoch ? (time_t)strtoll(epoch, NULL, 10) : 0;
	struct tm tm;

	if (!epoch || !gmtime_r(&t, &tm))
		return NULL;
	strftime(out, CAT_HATS_DATE, "%Y-%m-%dT%H:%MUTC", &tm);
	return out;
}

int cat_hats_writer_new(const char *folder, const char *name, const char *shown, struct cat_schema *schema,
                        const struct cat_hats_write_options *o, struct cat_hats_writer **out, struct cat_error *err)
{
	struct cat_hats_writer *h = cat_calloc(1, sizeof *h);
	int rc;

	if (!h)
		return cat_fail_mem(err, sizeof *h);
	h->folder = cat_strdup(folder);
	h->name = cat_strdup(name);
	h->shown = cat_strdup(shown);
	h->schema = cat_schema_ref(schema);
	h->o = *o;
	h->info.max = (size_t)1 << 30;
	cat_text_add(&h->info, "Norder,Npix\n");
	rc = h->folder && h->name && h->shown ? make_folders(h, err) : cat_fail_mem(err, strlen(folder));
	if (rc == CAT_OK)
		rc = cat_parquet_meta_new(schema, &h->meta, err);
	if (rc != CAT_OK) {
		cat_hats_writer_free(h);
		return rc;
	}
	*out = h;
	return CAT_OK;
}

void cat_hats_writer_free(struct cat_hats_writer *h)
{
	if (!h)
		return;
	cat_parquet_meta_free(h->meta);
	cat_sink_close(h->stats_to);
	cat_hats_stats_free(h->stats);
	cat_schema_unref(h->schema);
	cat_text_fini(&h->info);
	cat_free(h->folder);
	cat_free(h->name);
	cat_free(h->shown);
	cat_free(h);
}

/* --- leaves --- */

static void leaf_name(const struct cat_hats_part *p, char *out, size_t size)
{
	snprintf(out, size, "Norder=%d/Dir=%lld/Npix=%lld.parquet", p->order, (long long)(p->npix / 10000 * 10000),
	         (long long)p->npix);
}

int cat_hats_leaf_open(struct cat_hats_writer *h, const struct cat_hats_part *p, struct cat_encoder **e,
                       struct cat_writer **w, struct cat_error *err)
{
	const struct cat_parquet_write_options options = {.level = (int)h->o.level, .sort_column = "_healpix_29"};
	char name[160] = "dataset/", *path, *slash;
	int rc;

	leaf_name(p, name + strlen(name), sizeof name - strlen(name));
	path = cat_hats_path(h->folder, name);
	if (!path)
		return cat_fail_mem(err, strlen(h->folder));
	/* Norder=k, then Dir=d; another thread may make them at the same time. */
	for (int level = 0; level < 2; level++) {
		slash = strrchr(path, '/');
		if (level == 0)
			while (*--slash != '/')
				;
		*slash = '\0';
		rc = cat_hats_mkdir(path, h->shown, err);
		*slash = '/';
		if (rc != CAT_OK) {
			cat_free(path);
			return rc;
		}
	}
	rc = cat_parquet_encoder(h->schema, &options, e, err);
	if (rc == CAT_OK) {
		rc = cat_hats_create(path, h->shown, w, err);
		if (rc != CAT_OK) {
			cat_encoder_close(*e);
			*e = NULL;
		}
	}
	cat_free(path);
	return rc;
}

void cat_hats_leaf_dropped(struct cat_hats_writer *h, const struct cat_hats_part *p)
{
	char name[160] = "dataset/", *path;

	leaf_name(p, name + strlen(name), sizeof name - strlen(name));
	path = cat_hats_path(h->folder, name);
	/* Dir=d, then Norder=k. */
	for (int level = 0; path && level < 2; level++) {
		*strrchr(path, '/') = '\0';
		cat_hats_rmdir(path);
	}
	cat_free(path);
}

void cat_hats_skymap(struct cat_hats_writer *h, const int64_t *rows, int order)
{
	h->skymap = rows;
	h->skymap_order = order;
}

int cat_hats_stats_open(struct cat_hats_writer *h, struct cat_encoder **e, struct cat_writer **w,
                        struct cat_error *err)
{
	struct cat_parquet_write_options o = {.level = (int)h->o.level};
	char *path;
	int rc;

	CAT_TRY(cat_hats_stats_new(h->schema, &h->stats, err));
	/* Rows are wide: a row group waits for so many bytes at most. */
	h->stats_rows = STATS_BYTES / (8 * cat_hats_stats_schema(h->stats)->nfields) + 1;
	o.row_group_rows = h->stats_rows;
	CAT_TRY(cat_parquet_encoder(cat_hats_stats_schema(h->stats), &o, e, err));
	path = cat_hats_path(h->folder, "per_partition_statistics.parquet");
	rc = path ? cat_hats_create(path, h->shown, w, err) : cat_fail_mem(err, strlen(h->folder));
	cat_free(path);
	if (rc != CAT_OK)
		cat_encoder_close(*e);
	return rc;
}

void cat_hats_stats_to(struct cat_hats_writer *h, struct cat_sink *sink)
{
	h->stats_to = sink;
}

static int flush_stats(struct cat_hats_writer *h, struct cat_error *err)
{
	struct cat_batch *rows;

	CAT_TRY(cat_hats_stats_take(h->stats, &rows, err));
	return h->stats_to->ops->put(h->stats_to, rows, err);
}

static int note_stats(struct cat_hats_writer *h, const struct cat_hats_part *p, struct cat_buf *footer,
                      struct cat_error *err)
{
	CAT_TRY(cat_hats_stats_add(h->stats, p, footer, err));
	return cat_hats_stats_rows(h->stats) < h->stats_rows ? CAT_OK : flush_stats(h, err);
}

int cat_hats_leaf_done(struct cat_hats_writer *h, const struct cat_hats_part *p, struct cat_encoder *e, int64_t rows,
                       int64_t bytes, struct cat_error *err)
{
	struct cat_buf *footer = cat_parquet_encoder_footer(e);
	char name[128];
	int rc;

	leaf_name(p, name, sizeof name);
	rc = cat_parquet_meta_append(h->meta, footer, name, err);
	if (rc == CAT_OK && h->stats_to)
		rc = note_stats(h, p, footer, err);
	cat_buf_unref(footer);
	cat_text_addf(&h->info, "%d,%lld\n", p->order, (long long)p->npix);
	h->nrows += rows;
	h->bytes += bytes;
	h->max_rows = rows > h->max_rows ? rows : h->max_rows;
	h->deepest = p->order > h->deepest ? p->order : h->deepest;
	h->fraction += 1 / (12.0 * (double)(INT64_C(1) << 2 * p->order));
	h->nparts++;
	return rc == CAT_OK ? cat_text_check(&h->info, err) : rc;
}

/* --- metadata --- */

static int put_file(struct cat_hats_writer *h, const char *name, const void *data, size_t len, struct cat_error *err)
{
	return cat_hats_file(h->folder, name, h->shown, data, len, err);
}

static int set_int(struct cat_kv *kv, const char *key, int64_t v, struct cat_error *err)
{
	char text[CAT_NUMBER_MAX];

	cat_format_i64(v, text);
	return cat_kv_set(kv, key, text, err);
}

static int fill_properties(const struct cat_hats_writer *h, struct cat_kv *kv, struct cat_error *err)
{
	char fraction[32];

	snprintf(fraction, sizeof fraction, "%.5f", h->fraction);
	CAT_TRY(cat_kv_set(kv, "obs_collection", h->name, err));
	CAT_TRY(cat_kv_set(kv, "dataproduct_type", h->o.primary ? "margin" : "object", err));
	CAT_TRY(set_int(kv, "hats_nrows", h->nrows, err));
	CAT_TRY(cat_kv_set(kv, "hats_col_ra", h->o.ra, err));
	CAT_TRY(cat_kv_set(kv, "hats_col_dec", h->o.dec, err));
	CAT_TRY(cat_kv_set(kv, "hats_col_healpix", "_healpix_29", err));
	CAT_TRY(cat_kv_set(kv, "hats_col_healpix_order", "29", err));
	if (h->o.primary) {
		char threshold[CAT_NUMBER_MAX];

		cat_format_f64(h->o.margin_arcsec, threshold);
		CAT_TRY(cat_kv_set(kv, "hats_primary_table_url", h->o.primary, err));
		CAT_TRY(cat_kv_set(kv, "hats_margin_threshold", threshold, err));
	}
	CAT_TRY(cat_kv_set(kv, "hats_npix_suffix", ".parquet", err));
	if (h->skymap)
		CAT_TRY(set_int(kv, "hats_skymap_order", h->skymap_order, err));
	CAT_TRY(set_int(kv, "hats_max_rows", h->max_rows, err));
	CAT_TRY(set_int(kv, "hats_estsize", (h->bytes + 1023) / 1024, err));
	CAT_TRY(cat_kv_set(kv, "moc_sky_fraction", fraction, err));
	CAT_TRY(cat_kv_set(kv, "hats_builder", "catpipe v" CAT_VERSION, err));
	if (h->o.created)
		CAT_TRY(cat_kv_set(kv, "hats_creation_date", h->o.created, err));
	CAT_TRY(cat_kv_set(kv, "hats_release_date", "2025-08-22", err));
	CAT_TRY(cat_kv_set(kv, "hats_version", "v1.0", err));
	return set_int(kv, "hats_order", h->deepest, err);
}

/* One card of 80 characters. */
CAT_PRINTF(2, 3) static void card(struct cat_text *t, const char *fmt, ...)
{
	char line[81];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	cat_text_addn(t, line, (size_t)n);
	for (; n < 80; n++)
		cat_text_addc(t, ' ');
}

static void fill_block(struct cat_text *t, char with)
{
	/* Without memory it grows no more. */
	while (t->len % 2880 && !t->failed)
		cat_text_addc(t, with);
}

/* skymap.fits: rows per cell, one row of the table per cell. The order of the first cards is what LSDB's reader
 * goes by. */
static int write_skymap(struct cat_hats_writer *h, struct cat_error *err)
{
	const int64_t cells = INT64_C(12) << 2 * h->skymap_order;
	struct cat_text t = {.max = (size_t)1 << 30};
	int rc;

	card(&t, "SIMPLE  = %20s", "T");
	card(&t, "BITPIX  = %20d", 8);
	card(&t, "NAXIS   = %20d", 0);
	card(&t, "EXTEND  = %20s", "T");
	card(&t, "END");
	fill_block(&t, ' ');
	card(&t, "XTENSION= 'BINTABLE'");
	card(&t, "BITPIX  = %20d", 8);
	card(&t, "NAXIS   = %20d", 2);
	card(&t, "NAXIS1  = %20d", 8);
	card(&t, "NAXIS2  = %20lld", (long long)cells);
	card(&t, "PCOUNT  = %20d", 0);
	card(&t, "GCOUNT  = %20d", 1);
	card(&t, "TFIELDS = %20d", 1);
	card(&t, "TTYPE1  = 'VALUE   '");
	card(&t, "TFORM1  = 'K       '");
	card(&t, "PIXTYPE = 'HEALPIX '");
	card(&t, "ORDERING= 'NESTED  '");
	card(&t, "COORDSYS= 'C       '");
	card(&t, "NSIDE   = %20lld", 1LL << h->skymap_order);
	card(&t, "INDXSCHM= 'IMPLICIT'");
	card(&t, "FIRSTPIX= %20d", 0);
	card(&t, "LASTPIX = %20lld", (long long)cells - 1);
	card(&t, "OBJECT  = 'FULLSKY '");
	card(&t, "END");
	fill_block(&t, ' ');
	for (int64_t i = 0; i < cells; i++) {
		const uint64_t big = __builtin_bswap64((uint64_t)h->skymap[i]);

		cat_text_addn(&t, (const char *)&big, sizeof big);
	}
	fill_block(&t, '\0');
	rc = cat_text_check(&t, err);
	if (rc == CAT_OK)
		rc = put_file(h, "skymap.fits", t.s, t.len, err);
	cat_text_fini(&t);
	return rc;
}

static int write_properties(struct cat_hats_writer *h, struct cat_error *err)
{
	struct cat_kv kv = {0};
	struct cat_text text = {.max = 1 << 20};
	int rc = fill_properties(h, &kv, err);

	cat_properties_text("#HATS catalog", &kv, &text);
	if (rc == CAT_OK)
		rc = cat_text_check(&text, err);
	if (rc == CAT_OK)
		rc = put_file(h, "hats.properties", text.s, text.len, err);
	if (rc == CAT_OK)
		rc = put_file(h, "properties", text.s, text.len, err);
	cat_text_fini(&text);
	cat_kv_fini(&kv);
	return rc;
}

static int write_parquet_metadata(struct cat_hats_writer *h, struct cat_error *err)
{
	struct cat_parquet_meta *common;
	struct cat_buf *b = NULL;
	int rc;

	CAT_TRY(cat_parquet_meta_new(h->schema, &common, err));
	rc = cat_parquet_meta_bytes(common, &b, err);
	cat_parquet_meta_free(common);
	if (rc == CAT_OK)
		rc = put_file(h, "dataset/_common_metadata", b->data, b->size, err);
	cat_buf_unref(b);
	b = NULL;
	if (rc == CAT_OK)
		rc = cat_parquet_meta_bytes(h->meta, &b, err);
	if (rc == CAT_OK)
		rc = put_file(h, "dataset/_metadata", b->data, b->size, err);
	cat_buf_unref(b);
	return rc;
}

int cat_hats_writer_finish(struct cat_hats_writer *h, struct cat_error *err)
{
	CAT_TRY(put_file(h, "partition_info.csv", h->info.s, h->info.len, err));
	CAT_TRY(write_parquet_metadata(h, err));
	if (h->stats_to) {
		if (cat_hats_stats_rows(h->stats) > 0)
			CAT_TRY(flush_stats(h, err));
		CAT_TRY(h->stats_to->ops->commit(h->stats_to, err));
	}
	if (h->skymap)
		CAT_TRY(write_skymap(h, err));
	return write_properties(h, err);
}

int64_t cat_hats_writer_bytes(const struct cat_hats_writer *h)
{
	return h->bytes;
}
