#include "dataset/hats_feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "dataset/position.h"
#include "dataset/properties.h"
#include "formats/parquet.h"
#include "net/url.h"
#include "storage/open.h"
#include "storage/tree.h"

#define MAX_PROPERTIES ((size_t)16 << 20)
#define MAX_FILE ((size_t)1 << 30)

/* Files of FOLDER, all asked for at once. OUT[i] NULL: it is not there. What is longer than such files are is not
 * read. */
static int fetch(const char *folder, const char *const *names, int n, struct cat_buf **out, bool *denied,
                 struct cat_error *err)
{
	char *paths[4] = {NULL};
	size_t max[4];
	int rc = CAT_OK;

	for (int i = 0; i < n; i++) {
		max[i] = strstr(names[i], "properties") || strcmp(names[i], "latest") == 0 ? MAX_PROPERTIES : MAX_FILE;
		if (!(paths[i] = cat_url_join(folder, names[i])))
			rc = cat_fail_mem(err, strlen(folder));
	}
	if (rc == CAT_OK)
		rc = cat_open_fetch_each(paths, max, n, out, denied, err);
	for (int i = 0; i < n; i++)
		cat_free(paths[i]);
	return rc;
}

static int parse_properties(const char *folder, const char *name, const struct cat_buf *b, struct cat_kv *kv,
                            struct cat_error *err)
{
	if (cat_properties_parse((const char *)b->data, b->size, kv, err) != CAT_OK)
		return cat_wrap(err, "%s/%s", folder, name);
	return CAT_OK;
}

static bool is_file(const char *folder, const char *name)
{
	char *path = cat_url_join(folder, name);
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

struct found {
	struct cat_hats *h;
	size_t cap;
	int64_t order, npix; /* of the last one: a folder's files are one partition */
};

/* "Norder=3/Dir=0/Npix=44.parquet", or a file in the folder "Npix=44". */
static int found_file(void *arg, const struct cat_tree_entry *e, struct cat_error *err)
{
	struct found *f = arg;
	const char *const dir = strchr(e->name, '/'), *const pix = dir ? strchr(dir + 1, '/') : NULL;
	const int64_t order = key_number(e->name, "Norder");
	const int64_t npix = pix && key_number(dir + 1, "Dir") >= 0 ? key_number(pix + 1, "Npix") : -1;

	if (order < 0 || npix < 0 || (order == f->order && npix == f->npix))
		return CAT_OK;
	f->order = order;
	f->npix = npix;
	return add_part(f->h, &f->cap, order, npix, err);
}

/* Finds partitions by the names of files: for catalogues without partition_info.csv. */
static int list_parts(struct cat_hats *h, struct cat_error *err)
{
	struct found f = {.h = h, .order = -1, .npix = -1};
	char *dataset = cat_url_join(h->root, "dataset");
	int rc;

	if (!dataset)
		return cat_fail_mem(err, strlen(h->root));
	rc = cat_tree_each(dataset, false, found_file, &f, err);
	cat_free(dataset);
	if (rc == CAT_E_NOINPUT)
		rc = (int)(err->code = CAT_OK);
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

/* INFO: partition_info.csv, or NULL when there is none. */
static int read_parts(struct cat_hats *h, const struct cat_buf *info, struct cat_error *err)
{
	if (info && parse_info(h, (const char *)info->data, info->size, err) != CAT_OK)
		return cat_wrap(err, "%s/partition_info.csv", h->root);
	if (!info)
		CAT_TRY(list_parts(h, err));
	h->in_order = true;
	for (int i = 1; i < h->nparts; i++)
		h->in_order &= !info || by_sky(&h->parts[i - 1], &h->parts[i]) <= 0;
	if (h->nparts)
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
	return cat_url_join(h->root, name);
}

/* --- schema --- */

const char *const cat_hats_hidden[] = {"Norder", "Dir", "Npix", NULL};

/* Without the columns that only repeat a partition's name. */
static int drop_hidden(struct cat_schema **s, struct cat_error *err)
{
	int *keep = cat_malloc((size_t)(*s)->nfields * sizeof *keep), n = 0, rc;
	struct cat_schema *kept;

	if (!keep)
		return cat_fail_mem(err, (size_t)(*s)->nfields * sizeof *keep);
	for (int i = 0; i < (*s)->nfields; i++) {
		bool is_hidden = false;

		for (int k = 0; cat_hats_hidden[k]; k++)
			is_hidden |= strcmp((*s)->fields[i].name, cat_hats_hidden[k]) == 0;
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

int cat_hats_open_file(const char *path, bool bare, struct cat_feed **out, const char **name, struct cat_error *err)
{
	const struct cat_parquet_options o = {.bare = bare};
	struct cat_reader *r;

	CAT_TRY(cat_open(path, CAT_OPEN_TAIL, &r, err));
	*name = r->name;
	if (cat_parquet_feed(r, &o, out, err) != CAT_OK)
		return cat_wrap(err, "%s", path);
	return CAT_OK;
}

/* Sends for the first partition that will be read, while something else is waited for. */
static int begin_first(struct cat_hats *h, const struct cat_hats_want *want, struct cat_error *err)
{
	for (int i = want ? want->begin : 0; i < h->nparts && !h->folders; i++) {
		struct cat_opening *o;
		int64_t lo, hi;
		char *path;
		int rc;

		cat_hats_range(&h->parts[i], &lo, &hi);
		if (want && want->keep && !want->keep(want->arg, lo, hi))
			continue;
		path = cat_hats_leaf(h, &h->parts[i]);
		if (!path)
			return cat_fail_mem(err, 160);
		rc = cat_open_begin(path, CAT_OPEN_TAIL, &o, err);
		cat_free(path);
		CAT_TRY(rc);
		h->first_part = i;
		atomic_store(&h->first, o);
		break;
	}
	return CAT_OK;
}

/* Closes F, whose schema the catalogue has. */
static int take_schema(struct cat_hats *h, struct cat_feed *f, struct cat_error *err)
{
	int rc = CAT_OK;

	h->schema = cat_schema_ref(f->schema);
	if (f->note && !(h->note = cat_strdup(f->note)))
		rc = cat_fail_mem(err, strlen(f->note));
	cat_feed_close(f);
	return rc;
}

/* The schema that the file NAME of the catalogue tells, if it is there. */
static int metadata_schema(struct cat_hats *h, const char *name, struct cat_error *err)
{
	struct cat_buf *found;
	struct cat_reader *r;
	struct cat_feed *f;
	bool denied;
	int rc;

	CAT_TRY(fetch(h->root, &name, 1, &found, &denied, err));
	if (!found)
		return CAT_OK;
	rc = cat_reader_memory(found, name, &r, err);
	cat_buf_unref(found);
	if (rc == CAT_OK)
		rc = cat_parquet_feed(r, NULL, &f, err);
	if (rc != CAT_OK)
		return cat_wrap(err, "%s/%s", h->root, name);
	return take_schema(h, f, err);
}

/* Of a catalogue whose schema no file of its own tells: a partition's. */
static int leaf_schema(struct cat_hats *h, struct cat_error *err)
{
	const char *name;
	struct cat_feed *f;
	char *path;
	int rc;

	if (h->folders || h->nparts == 0)
		return CAT_OK;
	path = cat_hats_leaf(h, &h->parts[0]);
	if (!path)
		return cat_fail_mem(err, 160);
	rc = cat_hats_open_file(path, false, &f, &name, err);
	cat_free(path);
	return rc == CAT_OK ? take_schema(h, f, err) : rc;
}

static int read_schema(struct cat_hats *h, const struct cat_hats_want *want, struct cat_error *err)
{
	if (want && cat_open_is_remote(h->root))
		CAT_TRY(begin_first(h, want, err));
	CAT_TRY(metadata_schema(h, "dataset/_common_metadata", err));
	if (!h->schema)
		CAT_TRY(leaf_schema(h, err));
	if (!h->schema)
		CAT_TRY(metadata_schema(h, "dataset/_metadata", err));
	if (!h->schema)
		return cat_fail(err, CAT_E_DATA, "%s: no _common_metadata, no _metadata, no partition", h->root);
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

static int enter_collection(struct cat_hats *h, const struct cat_buf *properties, struct cat_error *err)
{
	const char *primary;
	char *inner;

	CAT_TRY(parse_properties(h->root, "collection.properties", properties, &h->collection, err));
	primary = cat_kv_get(&h->collection, "hats_primary_table_url");
	if (!primary || !*primary)
		return cat_fail(err, CAT_E_DATA, "%s/collection.properties names no hats_primary_table_url", h->root);
	if (primary[0] == '/' || strstr(primary, "..") || strstr(primary, "://"))
		return cat_fail(err, CAT_E_DATA, "%s: the primary catalogue '%s' lies outside the collection", h->root,
		                primary);
	inner = cat_url_join(h->root, primary);
	if (!inner)
		return cat_fail_mem(err, strlen(h->root));
	h->above = h->root;
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

/* What a catalogue says of itself, asked for at once: the old name of its properties, and which release readers
 * get, only when it has no other. */
struct facts {
	struct cat_buf *v[4]; /* partition_info.csv, hats.properties, collection.properties, latest */
	bool old;             /* v[1] is called "properties" */
	bool denied;
};

static void facts_fini(struct facts *f)
{
	for (int i = 0; i < 4; i++) {
		cat_buf_unref(f->v[i]);
		f->v[i] = NULL;
	}
}

static int ask(const char *root, bool inner, struct facts *f, struct cat_error *err)
{
	static const char *const names[] = {"partition_info.csv", "hats.properties", "collection.properties"},
	                        *const old[] = {"properties", "latest"};
	struct cat_buf *found[2] = {NULL};
	bool denied = false;

	facts_fini(f);
	CAT_TRY(fetch(root, names, inner ? 2 : 3, f->v, &f->denied, err));
	f->old = !f->v[1] && !f->v[2];
	if (f->old)
		CAT_TRY(fetch(root, old, inner ? 1 : 2, found, &denied, err));
	if (f->old)
		f->v[1] = found[0];
	f->v[3] = found[1];
	f->denied |= denied;
	return CAT_OK;
}

/* An address with releases: the one that is the latest now, for as long as this catalogue is open. */
static int enter_release(struct cat_hats *h, struct facts *f, struct cat_error *err)
{
	char name[CAT_RELEASE_NAME], *inner;

	if (f->v[1] || f->v[2] || !f->v[3] || !cat_release_of(f->v[3], name))
		return CAT_OK;
	inner = cat_release_folder(h->root, name);
	if (!inner)
		return cat_fail_mem(err, strlen(h->root));
	cat_free(h->root);
	h->root = inner;
	memcpy(h->release, name, sizeof name);
	return ask(h->root, false, f, err);
}

static int open_facts(struct cat_hats *h, struct facts *f, const struct cat_hats_want *want, struct cat_error *err)
{
	const char *suffix;

	CAT_TRY(ask(h->root, false, f, err));
	CAT_TRY(enter_release(h, f, err));
	if (!f->v[1] && !f->v[2]) {
		cat_fail(err, f->denied ? CAT_E_DENIED : CAT_E_NOINPUT, "%s%s", h->root,
		         f->denied ? " is no catalogue, or one that may not be read"
		                   : " is a folder, but no catalogue: no hats.properties in it");
		/* That says what is denied. */
		return f->denied && cat_open_is_remote(h->root) ? cat_hint(err, "cat-ls %s", h->root) : (int)err->code;
	}
	if (f->v[2]) {
		CAT_TRY(enter_collection(h, f->v[2], err));
		CAT_TRY(ask(h->root, true, f, err));
	}
	h->is_there = true;
	if (!f->v[1])
		return cat_fail(err, f->denied ? CAT_E_DENIED : CAT_E_NOINPUT, "%s: no hats.properties", h->root);
	CAT_TRY(parse_properties(h->root, f->old ? "properties" : "hats.properties", f->v[1], &h->properties, err));
	CAT_TRY(refuse_leafless(h, err));
	suffix = cat_kv_get(&h->properties, "hats_npix_suffix");
	h->folders = suffix && strcmp(suffix, "/") == 0;
	h->suffix = cat_strdup(suffix && *suffix ? suffix : ".parquet");
	if (!h->suffix)
		return cat_fail_mem(err, 8);
	if (!h->folders && strchr(h->suffix, '/'))
		return cat_fail(err, CAT_E_DATA, "%s: hats_npix_suffix '%s'", h->root, h->suffix);
	CAT_TRY(cat_properties_int(&h->properties, "hats_nrows", -1, &h->nrows, err));
	CAT_TRY(cat_properties_int(&h->properties, "hats_estsize", 0, &h->bytes, err));
	h->bytes = h->bytes > 0 && h->bytes < INT64_MAX / 1024 ? h->bytes * 1024 : 0;
	CAT_TRY(read_parts(h, f->v[0], err));
	CAT_TRY(read_schema(h, want, err));
	return find_columns(h, err);
}

int cat_hats_open(const char *path, const struct cat_hats_want *want, struct cat_hats **out, struct cat_error *err)
{
	struct cat_hats *h = cat_calloc(1, sizeof *h);
	struct facts facts = {{NULL}, false, false};
	size_t n = strlen(path);
	int rc;

	if (!h)
		return cat_fail_mem(err, sizeof *h);
	while (n > 1 && path[n - 1] == '/')
		n--;
	atomic_init(&h->refs, 1);
	atomic_init(&h->first, NULL);
	pthread_mutex_init(&h->names_lock, NULL);
	h->ra = h->dec = h->hpx = -1;
	h->root = cat_strndup(path, n);
	h->given = cat_strndup(path, n);
	rc = h->root && h->given ? open_facts(h, &facts, want, err) : cat_fail_mem(err, n);
	facts_fini(&facts);
	/* The catalogue is there; that a part of it is missing is its fault. */
	if (rc == CAT_E_NOINPUT && h->is_there)
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
	cat_open_cancel(atomic_load(&h->first));
	cat_hats_names_fini(&h->names);
	pthread_mutex_destroy(&h->names_lock);
	cat_free(h->root);
	cat_free(h->above);
	cat_free(h->given);
	cat_free(h->suffix);
	cat_free(h->parts);
	cat_kv_fini(&h->properties);
	cat_kv_fini(&h->collection);
	cat_schema_unref(h->schema);
	cat_free(h->note);
	cat_free(h);
}
