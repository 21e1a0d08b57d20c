#include "dataset/hats.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "dataset/position.h"
#include "dataset/properties.h"
#include "dataset/several.h"
#include "formats/parquet.h"
#include "storage/local.h"

#define MAX_PROPERTIES ((size_t)16 << 20)
#define MAX_PARTITION_INFO ((size_t)1 << 30)

static char *join(const char *folder, const char *name)
{
	const size_t n = strlen(folder);
	char *path = cat_malloc(n + strlen(name) + 2);

	if (path)
		sprintf(path, "%s%s%s", folder, n && folder[n - 1] == '/' ? "" : "/", name);
	return path;
}

static bool is_file(const char *folder, const char *name)
{
	char *path = join(folder, name);
	struct stat st;
	const bool yes = path && stat(path, &st) == 0 && S_ISREG(st.st_mode);

	cat_free(path);
	return yes;
}

bool cat_hats_is(const char *path)
{
	return is_file(path, "hats.properties") || is_file(path, "properties") ||
	       is_file(path, "collection.properties");
}

/* The bytes of FOLDER/NAME, at most MAX of them. */
static int slurp(const char *folder, const char *name, size_t max, struct cat_buf **out, struct cat_error *err)
{
	char *path = join(folder, name);
	struct cat_reader *r;
	int rc;

	if (!path)
		return cat_fail_mem(err, strlen(folder));
	rc = cat_local_open(path, &r, err);
	cat_free(path);
	CAT_TRY(rc);
	rc = cat_read_all(r, max, out, err);
	cat_reader_close(r);
	return rc;
}

static int read_properties(const char *folder, const char *name, struct cat_kv *kv, struct cat_error *err)
{
	struct cat_buf *b;
	int rc;

	CAT_TRY(slurp(folder, name, MAX_PROPERTIES, &b, err));
	rc = cat_properties_parse((const char *)b->data, b->size, kv, err);
	cat_buf_unref(b);
	return rc == CAT_OK ? rc : cat_wrap(err, "%s/%s", folder, name);
}

/* --- partitions --- */

static int add_part(struct cat_hats *h, size_t *cap, int64_t order, int64_t npix, struct cat_error *err)
{
	if (order < 0 || order > 29 || npix < 0 || npix >= (INT64_C(12) << 2 * order))
		return cat_fail(err, CAT_E_DATA, "no such partition: Norder=%lld, Npix=%lld", (long long)order,
		                (long long)npix);
	if (cat_grow(&h->parts, cap, (size_t)h->nparts, sizeof *h->parts) != 0)
		return cat_fail_mem(err, *cap * sizeof *h->parts);
	h->parts[h->nparts++] = (struct cat_hats_part){(int)order, npix};
	return CAT_OK;
}

/* partition_info.csv: a header naming Norder and Npix, other columns ignored. */
static int parse_info(struct cat_hats *h, const char *s, size_t n, struct cat_error *err)
{
	size_t cap = 0, at = 0;
	int order_field = -1, npix_field = -1;

	for (int line = 1; at < n; line++) {
		const char *end = memchr(s + at, '\n', n - at);
		const size_t len = end ? (size_t)(end - (s + at)) : n - at;
		int64_t order = -1, npix = -1;
		size_t from = 0;

		for (int field = 0; from <= len; field++) {
			const char *comma = memchr(s + at + from, ',', len - from);
			size_t k = comma ? (size_t)(comma - (s + at + from)) : len - from;
			const char *text = s + at + from;

			from += k + 1;
			while (k > 0 && (text[k - 1] == '\r' || text[k - 1] == ' '))
				k--;
			if (line == 1 && k == 6 && strncasecmp(text, "Norder", 6) == 0)
				order_field = field;
			else if (line == 1 && k == 4 && strncasecmp(text, "Npix", 4) == 0)
				npix_field = field;
			else if (line > 1 && ((field == order_field && !cat_parse_i64(text, k, &order)) ||
			                      (field == npix_field && !cat_parse_i64(text, k, &npix))))
				return cat_fail(err, CAT_E_DATA, "line %d is no partition", line);
		}
		if (line == 1 && (order_field < 0 || npix_field < 0))
			return cat_fail(err, CAT_E_DATA, "the header names no Norder and Npix");
		if (line > 1 && len > 0 && !(len == 1 && s[at] == '\r'))
			CAT_TRY(add_part(h, &cap, order, npix, err));
		at += len + 1;
	}
	return CAT_OK;
}

/* "Key=123..." in a name: the number; -1 when it is none. */
static int64_t key_number(const char *name, const char *key)
{
	const size_t n = strlen(key);
	int64_t v;
	size_t digits;

	if (strncasecmp(name, key, n) != 0 || name[n] != '=')
		return -1;
	digits = strspn(name + n + 1, "0123456789");
	return cat_parse_i64(name + n + 1, digits, &v) ? v : -1;
}

/* Finds partitions by the names of files: for catalogues without partition_info.csv. */
static int list_parts(struct cat_hats *h, const char *folder, int64_t order, int depth, size_t *cap,
                      struct cat_error *err)
{
	static const char *const keys[] = {"Norder", "Dir", "Npix"};
	DIR *d = opendir(folder);
	struct dirent *e;
	int rc = CAT_OK;

	if (!d)
		return CAT_OK;
	while (rc == CAT_OK && (e = readdir(d)) != NULL) {
		const int64_t v = key_number(e->d_name, keys[depth]);

		if (v < 0)
			continue;
		if (depth == 2) {
			rc = add_part(h, cap, order, v, err);
		} else {
			char *sub = join(folder, e->d_name);

			rc = sub ? list_parts(h, sub, depth == 0 ? v : order, depth + 1, cap, err)
			         : cat_fail_mem(err, strlen(folder));
			cat_free(sub);
		}
	}
	closedir(d);
	return rc;
}

void cat_hats_range(const struct cat_hats_part *p, int64_t *lo, int64_t *hi)
{
	const int shift = 2 * (29 - p->order);

	*lo = p->npix << shift;
	*hi = (p->npix + 1) << shift;
}

static int by_sky(const void *a, const void *b)
{
	int64_t la, ha, lb, hb;

	cat_hats_range(a, &la, &ha);
	cat_hats_range(b, &lb, &hb);
	return la < lb ? -1 : la > lb ? 1 : ha > hb ? -1 : ha < hb;
}

static int read_parts(struct cat_hats *h, struct cat_error *err)
{
	int rc;

	if (is_file(h->root, "partition_info.csv")) {
		struct cat_buf *b;

		CAT_TRY(slurp(h->root, "partition_info.csv", MAX_PARTITION_INFO, &b, err));
		rc = parse_info(h, (const char *)b->data, b->size, err);
		cat_buf_unref(b);
		if (rc != CAT_OK)
			return cat_wrap(err, "%s/partition_info.csv", h->root);
	} else {
		char *dataset = join(h->root, "dataset");
		size_t cap = 0;

		if (!dataset)
			return cat_fail_mem(err, strlen(h->root));
		rc = list_parts(h, dataset, 0, 0, &cap, err);
		cat_free(dataset);
		CAT_TRY(rc);
	}
	qsort(h->parts, (size_t)h->nparts, sizeof *h->parts, by_sky);
	for (int i = 1; i < h->nparts; i++) {
		int64_t lo, hi, next, end;

		cat_hats_range(&h->parts[i - 1], &lo, &hi);
		cat_hats_range(&h->parts[i], &next, &end);
		if (next < hi)
			return cat_fail(err, CAT_E_DATA, "%s: partitions Norder=%d, Npix=%lld and Norder=%d, Npix=%lld overlap",
			                h->root, h->parts[i - 1].order, (long long)h->parts[i - 1].npix, h->parts[i].order,
			                (long long)h->parts[i].npix);
	}
	return CAT_OK;
}

char *cat_hats_leaf(const struct cat_hats *h, const struct cat_hats_part *p)
{
	char name[160];

	snprintf(name, sizeof name, "dataset/Norder=%d/Dir=%lld/Npix=%lld%.60s", p->order,
	         (long long)(p->npix / 10000 * 10000), (long long)p->npix, h->folders ? "" : h->suffix);
	return join(h->root, name);
}

/* --- schema --- */

static int parquet_schema(const char *path, struct cat_schema **out, struct cat_error *err)
{
	struct cat_reader *r;
	struct cat_feed *f;

	CAT_TRY(cat_local_open(path, &r, err));
	if (cat_parquet_feed(r, NULL, &f, err) != CAT_OK)
		return cat_wrap(err, "%s", path);
	*out = cat_schema_ref(f->schema);
	cat_feed_close(f);
	return CAT_OK;
}

static const char *const hidden[] = {"Norder", "Dir", "Npix", NULL};

/* Without the columns that only repeat a partition's name. */
static int drop_hidden(struct cat_schema **s, struct cat_error *err)
{
	int *keep = cat_malloc((size_t)(*s)->nfields * sizeof *keep), n = 0, rc;
	struct cat_schema *kept;

	if (!keep)
		return cat_fail_mem(err, (size_t)(*s)->nfields * sizeof *keep);
	for (int i = 0; i < (*s)->nfields; i++) {
		bool is_hidden = false;

		for (int k = 0; hidden[k]; k++)
			is_hidden |= strcmp((*s)->fields[i].name, hidden[k]) == 0;
		if (!is_hidden)
			keep[n++] = i;
	}
	rc = cat_schema_project(*s, keep, n, &kept, err);
	cat_free(keep);
	CAT_TRY(rc);
	cat_schema_unref(*s);
	*s = kept;
	return CAT_OK;
}

static int read_schema(struct cat_hats *h, struct cat_error *err)
{
	static const char *const names[] = {"dataset/_common_metadata", "dataset/_metadata"};
	char *path = NULL;
	int rc;

	for (size_t i = 0; i < 2 && !path; i++)
		if (is_file(h->root, names[i]))
			path = join(h->root, names[i]);
	if (!path && h->nparts > 0 && !h->folders)
		path = cat_hats_leaf(h, &h->parts[0]);
	if (!path)
		return cat_fail(err, CAT_E_DATA, "%s: no _common_metadata, no _metadata, no partition", h->root);
	rc = parquet_schema(path, &h->schema, err);
	cat_free(path);
	CAT_TRY(rc);
	return drop_hidden(&h->schema, err);
}

static int column_of(const struct cat_hats *h, const char *key, const char *fallback)
{
	const char *name = cat_kv_get(&h->properties, key);

	return cat_schema_find(h->schema, name ? name : fallback);
}

/* Which columns hold position and spatial index; and UCDs for those that have none, so that every program
 * finds the positions by them. */
static int find_columns(struct cat_hats *h, struct cat_error *err)
{
	int64_t order;

	h->ra = column_of(h, "hats_col_ra", "ra");
	h->dec = column_of(h, "hats_col_dec", "dec");
	h->hpx = column_of(h, "hats_col_healpix", "_healpix_29");
	CAT_TRY(cat_properties_int(&h->properties, "hats_col_healpix_order", 29, &order, err));
	h->hpx_order = (int)order;
	if (order < 0 || order > 29 || (h->hpx >= 0 && h->schema->fields[h->hpx].type.id != CAT_T_I64))
		h->hpx = -1;
	return h->ra >= 0 && h->dec >= 0 ? cat_position_mark(h->schema, h->ra, h->dec, err) : CAT_OK;
}

/* --- opening --- */

static int enter_collection(struct cat_hats *h, struct cat_error *err)
{
	const char *primary;
	char *inner;

	CAT_TRY(read_properties(h->root, "collection.properties", &h->collection, err));
	primary = cat_kv_get(&h->collection, "hats_primary_table_url");
	if (!primary || !*primary)
		return cat_fail(err, CAT_E_DATA, "%s/collection.properties names no hats_primary_table_url", h->root);
	if (primary[0] == '/' || strstr(primary, "..") || strstr(primary, "://"))
		return cat_fail(err, CAT_E_DATA, "%s: the primary catalogue '%s' lies outside the collection", h->root,
		                primary);
	inner = join(h->root, primary);
	if (!inner)
		return cat_fail_mem(err, strlen(h->root));
	cat_free(h->root);
	h->root = inner;
	return CAT_OK;
}

/* An association may have no rows of its own: it must not pass for an empty catalogue. */
static int refuse_leafless(const struct cat_hats *h, struct cat_error *err)
{
	const char *type = cat_kv_get(&h->properties, "dataproduct_type");
	const char *leaves = cat_kv_get(&h->properties, "hats_assn_leaf_files");

	if (type && leaves && strcasecmp(type, "association") == 0 && strcasecmp(leaves, "false") == 0)
		return cat_fail(err, CAT_E_UNSUPPORTED, "%s: an association without rows of its own", h->root);
	return CAT_OK;
}

static int open_body(struct cat_hats *h, struct cat_error *err)
{
	const char *suffix, *name;

	if (is_file(h->root, "collection.properties"))
		CAT_TRY(enter_collection(h, err));
	name = is_file(h->root, "hats.properties") ? "hats.properties" : "properties";
	CAT_TRY(read_properties(h->root, name, &h->properties, err));
	CAT_TRY(refuse_leafless(h, err));
	suffix = cat_kv_get(&h->properties, "hats_npix_suffix");
	h->folders = suffix && strcmp(suffix, "/") == 0;
	h->suffix = cat_strdup(suffix && *suffix ? suffix : ".parquet");
	if (!h->suffix)
		return cat_fail_mem(err, 8);
	if (!h->folders && strchr(h->suffix, '/'))
		return cat_fail(err, CAT_E_DATA, "%s: hats_npix_suffix '%s'", h->root, h->suffix);
	CAT_TRY(cat_properties_int(&h->properties, "hats_nrows", -1, &h->nrows, err));
	CAT_TRY(read_parts(h, err));
	CAT_TRY(read_schema(h, err));
	return find_columns(h, err);
}

int cat_hats_open(const char *path, struct cat_hats **out, struct cat_error *err)
{
	struct cat_hats *h = cat_calloc(1, sizeof *h);
	size_t n = strlen(path);
	int rc;

	if (!h)
		return cat_fail_mem(err, sizeof *h);
	while (n > 1 && path[n - 1] == '/')
		n--;
	atomic_init(&h->refs, 1);
	h->ra = h->dec = h->hpx = -1;
	h->root = cat_strndup(path, n);
	h->given = cat_strndup(path, n);
	rc = h->root && h->given ? open_body(h, err) : cat_fail_mem(err, n);
	/* The catalogue is there; that a part of it is missing is its fault. */
	if (rc == CAT_E_NOINPUT && cat_hats_is(path))
		err->code = CAT_E_DATA;
	if (rc != CAT_OK) {
		cat_hats_free(h);
		return (int)err->code;
	}
	*out = h;
	return CAT_OK;
}

struct cat_hats *cat_hats_ref(struct cat_hats *h)
{
	atomic_fetch_add(&h->refs, 1);
	return h;
}

void cat_hats_free(struct cat_hats *h)
{
	if (!h || atomic_fetch_sub(&h->refs, 1) != 1)
		return;
	cat_free(h->root);
	cat_free(h->given);
	cat_free(h->suffix);
	cat_free(h->parts);
	cat_kv_fini(&h->properties);
	cat_kv_fini(&h->collection);
	cat_schema_unref(h->schema);
	cat_free(h);
}

/* --- the feed --- */

struct leaves {
	struct cat_hats *hats;
	struct cat_hats_want want;
};

static void leaves_free(void *arg)
{
	struct leaves *l = arg;

	cat_hats_free(l->hats);
	cat_free(l);
}

static int open_file(const char *path, struct cat_feed **out, const char **name, struct cat_error *err)
{
	struct cat_reader *r;

	CAT_TRY(cat_local_open(path, &r, err));
	*name = r->name;
	if (cat_parquet_feed(r, NULL, out, err) != CAT_OK)
		return cat_wrap(err, "%s", path);
	return CAT_OK;
}

/* A partition that is a folder: its files by name, read as one. */
struct files {
	struct dirent **v;
	int n;
	char *folder;
};

static void files_free(void *arg)
{
	struct files *f = arg;

	for (int i = 0; i < f->n; i++)
		free(f->v[i]);
	free(f->v);
	cat_free(f->folder);
	cat_free(f);
}

static int is_leaf_file(const struct dirent *e)
{
	return e->d_name[0] != '.' && e->d_name[0] != '_';
}

static int open_in_folder(void *arg, int i, struct cat_feed **out, const char **name, struct cat_error *err)
{
	const struct files *f = arg;
	char *path = join(f->folder, f->v[i]->d_name);
	int rc;

	if (!path)
		return cat_fail_mem(err, strlen(f->folder));
	rc = open_file(path, out, name, err);
	cat_free(path);
	return rc;
}

static int open_folder(struct cat_hats *h, const char *path, struct cat_feed **out, struct cat_error *err)
{
	struct files *f = cat_calloc(1, sizeof *f);

	if (!f)
		return cat_fail_mem(err, sizeof *f);
	f->folder = cat_strdup(path);
	f->n = scandir(path, &f->v, is_leaf_file, alphasort);
	if (!f->folder || f->n <= 0) {
		f->n = f->n < 0 ? 0 : f->n;
		files_free(f);
		return cat_fail(err, CAT_E_DATA, "%s: the partition is missing or empty", path);
	}
	return cat_several_feed(h->schema,
	                        &(struct cat_several){.n = f->n, .open = open_in_folder, .free_arg = files_free,
	                                              .arg = f, .extra = hidden, .nrows = -1, .sharded = true},
	                        out, err);
}

static int open_leaf(void *arg, int i, struct cat_feed **out, const char **name, struct cat_error *err)
{
	struct leaves *l = arg;
	const struct cat_hats_part *p = &l->hats->parts[l->want.begin + i];
	int64_t lo, hi;
	char *path;
	int rc;

	*out = NULL;
	*name = NULL;
	cat_hats_range(p, &lo, &hi);
	if (l->want.keep && !l->want.keep(l->want.arg, lo, hi))
		return CAT_OK;
	path = cat_hats_leaf(l->hats, p);
	if (!path)
		return cat_fail_mem(err, 160);
	rc = l->hats->folders ? open_folder(l->hats, path, out, err) : open_file(path, out, name, err);
	if (rc == CAT_E_NOINPUT)
		err->code = CAT_E_DATA; /* the catalogue is there; that a partition is missing is its fault */
	cat_free(path);
	return rc == CAT_OK ? rc : (int)err->code;
}

int cat_hats_feed(struct cat_hats *h, const struct cat_hats_want *want, struct cat_feed **out, struct cat_error *err)
{
	struct leaves *l = cat_calloc(1, sizeof *l);
	struct cat_several sev = {.n = h->nparts, .open = open_leaf, .free_arg = leaves_free, .arg = l, .extra = hidden,
	                          .nrows = h->nrows, .sharded = true};

	if (!l) {
		cat_hats_free(h);
		return cat_fail_mem(err, sizeof *l);
	}
	/* Rows that are there but in no partition must not look like no rows. */
	if (h->nparts == 0 && h->nrows > 0) {
		const char *type = cat_kv_get(&h->properties, "dataproduct_type");

		cat_fail(err, CAT_E_UNSUPPORTED, "%s: its %lld rows (%s) lie in no partitions, which cannot be read yet",
		         h->given, (long long)h->nrows, type ? type : "of no type");
		if (type && strcasecmp(type, "index") == 0)
			cat_hint(err, "cat-scan DIR/dataset/index/*.parquet");
		cat_hats_free(h);
		cat_free(l);
		return (int)err->code;
	}
	l->hats = h;
	if (want)
		l->want = *want;
	sev.n = (l->want.end ? l->want.end : h->nparts) - l->want.begin;
	if (sev.n < h->nparts)
		sev.nrows = -1;
	return cat_several_feed(h->schema, &sev, out, err);
}
