#include "dataset/hats_write.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "dataset/properties.h"
#include "formats/parquet.h"
#include "storage/hidden.h"
#include "storage/local.h"

struct cat_hats_writer {
	char *path;   /* the final folder */
	char *hidden; /* where everything is until commit */
	int lock;     /* says that somebody works there */
	char *name;   /* last part of the path */
	bool published;
	struct cat_schema *schema;
	struct cat_hats_write_options o;
	struct cat_parquet_meta *meta;
	struct cat_text info; /* partition_info.csv */
	int64_t nrows, bytes, max_rows;
	int deepest;
	double fraction; /* of the sky */
	int nparts;
};

/* FOLDER/NAME, owned by the caller; NULL when memory is out. */
static char *path_in(const char *folder, const char *name)
{
	const size_t n = strlen(folder) + strlen(name) + 2;
	char *path = cat_malloc(n);

	if (path)
		snprintf(path, n, "%s/%s", folder, name);
	return path;
}

/* --- beginning --- */

/* PATH may be used: absent, an empty folder, or a catalogue that is to be replaced. */
static int check_place(const char *path, bool overwrite, struct cat_error *err)
{
	struct stat st;
	DIR *d;
	const struct dirent *e;
	bool empty = true;

	if (stat(path, &st) != 0)
		return errno == ENOENT ? CAT_OK : cat_fail_sys(err, CAT_E_CREATE, errno, "%s", path);
	if (!S_ISDIR(st.st_mode))
		return cat_fail(err, CAT_E_CREATE, "%s is there and is no folder", path);
	d = opendir(path);
	if (!d)
		return cat_fail_sys(err, CAT_E_CREATE, errno, "%s", path);
	while (empty && (e = readdir(d)) != NULL)
		empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
	closedir(d);
	if (empty || (overwrite && cat_hats_is(path)))
		return CAT_OK;
	if (!cat_hats_is(path))
		return cat_fail(err, CAT_E_CREATE, "%s is a folder that is not empty and no catalogue", path);
	cat_fail(err, CAT_E_CREATE, "%s is a catalogue already", path);
	return cat_hint(err, "--overwrite");
}

/* NAME is for messages: that of the final folder. */
static int make_folder(const char *path, const char *name, struct cat_error *err)
{
	if (mkdir(path, 0777) != 0 && errno != EEXIST)
		return cat_fail_sys(err, CAT_E_CREATE, errno, "cannot create %s", name);
	return CAT_OK;
}

static int make_hidden(struct cat_hats_writer *h, struct cat_error *err)
{
	char *dataset;
	int rc;

	CAT_TRY(cat_hidden_create(h->path, &h->hidden, &h->lock, err));
	dataset = path_in(h->hidden, "dataset");
	if (!dataset)
		return cat_fail_mem(err, strlen(h->hidden));
	rc = make_folder(dataset, h->path, err);
	cat_free(dataset);
	return rc;
}

int cat_hats_writer_new(const char *path, struct cat_schema *schema, const struct cat_hats_write_options *o,
                        struct cat_hats_writer **out, struct cat_error *err)
{
	struct cat_hats_writer *h = cat_calloc(1, sizeof *h);
	size_t n = strlen(path);
	const char *slash;
	int rc;

	if (!h)
		return cat_fail_mem(err, sizeof *h);
	while (n > 1 && path[n - 1] == '/')
		n--;
	h->lock = -1;
	h->path = cat_strndup(path, n);
	slash = h->path ? strrchr(h->path, '/') : NULL;
	h->name = h->path ? cat_strdup(slash ? slash + 1 : h->path) : NULL;
	h->schema = cat_schema_ref(schema);
	h->o = *o;
	h->info.max = (size_t)1 << 30;
	cat_text_add(&h->info, "Norder,Npix\n");
	rc = h->name ? check_place(h->path, o->overwrite, err) : cat_fail_mem(err, n);
	if (rc == CAT_OK)
		rc = cat_parquet_meta_new(schema, &h->meta, err);
	if (rc == CAT_OK)
		rc = make_hidden(h, err);
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
	if (h->hidden && !h->published)
		cat_local_remove_tree(h->hidden);
	if (h->lock >= 0)
		close(h->lock);
	cat_parquet_meta_free(h->meta);
	cat_schema_unref(h->schema);
	cat_text_fini(&h->info);
	cat_free(h->path);
	cat_free(h->hidden);
	cat_free(h->name);
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
	path = path_in(h->hidden, name);
	if (!path)
		return cat_fail_mem(err, strlen(h->hidden));
	/* Norder=k, then Dir=d; another thread may make them at the same time. */
	for (int level = 0; level < 2; level++) {
		slash = strrchr(path, '/');
		if (level == 0)
			while (*--slash != '/')
				;
		*slash = '\0';
		rc = make_folder(path, h->path, err);
		*slash = '/';
		if (rc != CAT_OK) {
			cat_free(path);
			return rc;
		}
	}
	rc = cat_parquet_encoder(h->schema, &options, e, err);
	if (rc == CAT_OK) {
		rc = cat_local_create_part(path, h->path, w, err);
		if (rc != CAT_OK) {
			cat_encoder_close(*e);
			*e = NULL;
		}
	}
	cat_free(path);
	return rc;
}

int cat_hats_leaf_done(struct cat_hats_writer *h, const struct cat_hats_part *p, struct cat_encoder *e, int64_t rows,
                       int64_t bytes, struct cat_error *err)
{
	struct cat_buf *footer = cat_parquet_encoder_footer(e);
	char name[128];
	int rc;

	leaf_name(p, name, sizeof name);
	rc = cat_parquet_meta_append(h->meta, footer, name, err);
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

/* --- commit --- */

static int write_file(struct cat_hats_writer *h, const char *name, const void *data, size_t len,
                      struct cat_error *err)
{
	char *path = path_in(h->hidden, name);
	struct cat_writer *w;
	int rc;

	if (!path)
		return cat_fail_mem(err, strlen(h->hidden));
	rc = cat_local_create_part(path, h->path, &w, err);
	cat_free(path);
	CAT_TRY(rc);
	rc = cat_write_bytes(w, data, len, err);
	if (rc == CAT_OK)
		rc = w->ops->commit(w, err);
	cat_writer_close(w);
	return rc;
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
	CAT_TRY(cat_kv_set(kv, "dataproduct_type", "object", err));
	CAT_TRY(set_int(kv, "hats_nrows", h->nrows, err));
	CAT_TRY(cat_kv_set(kv, "hats_col_ra", h->o.ra, err));
	CAT_TRY(cat_kv_set(kv, "hats_col_dec", h->o.dec, err));
	CAT_TRY(cat_kv_set(kv, "hats_col_healpix", "_healpix_29", err));
	CAT_TRY(cat_kv_set(kv, "hats_col_healpix_order", "29", err));
	CAT_TRY(cat_kv_set(kv, "hats_npix_suffix", ".parquet", err));
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

static int write_properties(struct cat_hats_writer *h, struct cat_error *err)
{
	struct cat_kv kv = {0};
	struct cat_text text = {.max = 1 << 20};
	int rc = fill_properties(h, &kv, err);

	cat_properties_text("#HATS catalog", &kv, &text);
	if (rc == CAT_OK)
		rc = cat_text_check(&text, err);
	if (rc == CAT_OK)
		rc = write_file(h, "hats.properties", text.s, text.len, err);
	if (rc == CAT_OK)
		rc = write_file(h, "properties", text.s, text.len, err);
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
		rc = write_file(h, "dataset/_common_metadata", b->data, b->size, err);
	cat_buf_unref(b);
	b = NULL;
	if (rc == CAT_OK)
		rc = cat_parquet_meta_bytes(h->meta, &b, err);
	if (rc == CAT_OK)
		rc = write_file(h, "dataset/_metadata", b->data, b->size, err);
	cat_buf_unref(b);
	return rc;
}

int cat_hats_commit(struct cat_hats_writer *h, struct cat_error *err)
{
	CAT_TRY(write_file(h, "partition_info.csv", h->info.s, h->info.len, err));
	CAT_TRY(write_parquet_metadata(h, err));
	CAT_TRY(write_properties(h, err));
	CAT_TRY(cat_local_publish(h->hidden, h->path, h->o.overwrite, err));
	h->published = true;
	return CAT_OK;
}
