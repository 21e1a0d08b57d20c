#include "cli/ls.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/alloc.h"
#include "base/json.h"
#include "dataset/properties.h"
#include "dataset/registry.h"
#include "dataset/table.h"
#include "net/s3.h"
#include "storage/open.h"
#include "storage/release.h"
#include "storage/tree.h"

/* Folders that are asked at once whether they are catalogues. */
#define BATCH 32
#define MAX_LIST ((size_t)1 << 30)
#define LINK_MAX_S 604800

struct entry {
	char *name; /* as shown */
	char *path; /* of a folder: where it is */
	bool is_folder;
	int64_t size; /* -1: not told */
	char modified[40];
	char etag[128];
};
struct ls {
	const struct cat_ls_settings *s;
	bool any; /* of JSON's array */
};
/* One folder being listed. */
struct listing {
	struct ls *ls;
	const char *folder; /* where it is */
	const char *shown;  /* in front of its entries' names */
	struct entry batch[BATCH];
	int n;
	const struct listing *up; /* the folder that this one was found in */
	struct stat st;           /* what it is, when it is here */
};
/* What a catalogue says of itself. */
struct facts {
	char kind[64];
	int64_t rows, bytes, partitions; /* -1: not told */
	int margins, indexes;
	bool collection;
	char release[CAT_RELEASE_NAME]; /* that readers get; "": the folder is the catalogue itself */
};

/* --- printing --- */

static int print_json(struct ls *ls, struct cat_json *j, struct cat_error *err)
{
	struct cat_text t = {.max = 1 << 24};
	int rc;

	cat_text_add(&t, ls->any ? ",\n" : "[\n");
	ls->any = true;
	rc = cat_json_dump(j, &t, err);
	if (rc == CAT_OK && t.len && t.s[t.len - 1] == '\n')
		t.s[--t.len] = '\0';
	if (rc == CAT_OK)
		rc = cat_print(&t, err);
	cat_text_fini(&t);
	return rc;
}

static struct cat_json *entry_json(const struct entry *e, const char *kind, const struct facts *f)
{
	struct cat_json *j = cat_json_object();

	cat_json_str(j, "name", e->name);
	cat_json_str(j, "kind", kind);
	if (f) {
		const struct {
			const char *key;
			int64_t value;
		} numbers[] = {{"rows", f->rows}, {"partitions", f->partitions}, {"bytes", f->bytes}};

		for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
			if (numbers[i].value >= 0)
				cat_json_int(j, numbers[i].key, numbers[i].value);
		if (f->collection) {
			cat_json_int(j, "margins", f->margins);
			cat_json_int(j, "indexes", f->indexes);
		}
		if (f->release[0])
			cat_json_str(j, "release", f->release);
	} else if (!e->is_folder && e->size >= 0) {
		cat_json_int(j, "bytes", e->size);
	}
	if (e->modified[0])
		cat_json_str(j, "modified", e->modified);
	if (e->etag[0])
		cat_json_str(j, "etag", e->etag);
	return j;
}

static void facts_text(const struct facts *f, struct cat_text *t)
{
	cat_text_addf(t, "  %s%s%s", f->collection ? "collection" : "", f->collection && f->kind[0] ? ", " : "", f->kind);
	if (f->rows >= 0)
		cat_text_addf(t, ", %lld rows", (long long)f->rows);
	if (f->partitions >= 0)
		cat_text_addf(t, ", %lld partition%s", (long long)f->partitions, f->partitions == 1 ? "" : "s");
	if (f->bytes >= 0)
		cat_text_addf(t, ", %lld bytes", (long long)f->bytes);
	if (f->margins)
		cat_text_addf(t, ", %d margin%s", f->margins, f->margins == 1 ? "" : "s");
	if (f->indexes)
		cat_text_addf(t, ", %d index%s", f->indexes, f->indexes == 1 ? "" : "es");
	if (f->release[0])
		cat_text_addf(t, ", release %s", f->release);
}

/* FACTS NULL: no catalogue. */
static int print_entry(struct ls *ls, const struct entry *e, const char *kind, const struct facts *f,
                       struct cat_error *err)
{
	struct cat_text t = {.max = 1 << 24};
	char size[CAT_NUMBER_MAX] = "-";
	int rc;

	if (ls->s->json)
		return print_json(ls, entry_json(e, kind, f), err);
	if (!e->is_folder && e->size >= 0)
		cat_format_i64(e->size, size);
	else if (f && f->bytes >= 0)
		cat_format_i64(f->bytes, size);
	if (ls->s->details)
		cat_text_addf(&t, "%14s  %-20s  ", size, e->modified[0] ? e->modified : "-");
	cat_text_add(&t, e->name);
	if (t.s)
		cat_neutralise(t.s);
	if (e->is_folder && t.len && t.s[t.len - 1] != '/')
		cat_text_addc(&t, '/');
	if (f)
		facts_text(f, &t);
	cat_text_addc(&t, '\n');
	rc = cat_print(&t, err);
	cat_text_fini(&t);
	return rc;
}

/* --- catalogues --- */

static int words(const char *s)
{
	int n = 0;

	while (s && *s) {
		const size_t k = strcspn(s, " ,;\t\n");

		n += k > 0;
		s += k + (s[k] != '\0');
	}
	return n;
}

static int64_t whole(const struct cat_kv *kv, const char *key)
{
	const char *text = cat_kv_get(kv, key);
	int64_t v;

	return text && cat_parse_i64(text, strlen(text), &v) && v >= 0 ? v : -1;
}

/* Lines behind the header. */
static int64_t count_lines(const struct cat_buf *b)
{
	int64_t n = 0;

	for (size_t i = 0; i < b->size; i++)
		n += b->data[i] == '\n';
	n += b->size && b->data[b->size - 1] != '\n';
	return n > 0 ? n - 1 : 0;
}

static int read_kv(const struct cat_buf *b, struct cat_kv *kv, struct cat_error *err)
{
	const int rc = cat_properties_parse((const char *)b->data, b->size, kv, err);

	if (rc != CAT_OK && rc != CAT_E_DATA)
		cat_kv_fini(kv);
	return rc == CAT_E_DATA ? (int)(err->code = CAT_OK) : rc;
}

static int catalogue_facts(const struct cat_buf *properties, const struct cat_buf *info, struct facts *f,
                           struct cat_error *err)
{
	struct cat_kv kv = {0};
	const char *kind;

	if (info)
		f->partitions = count_lines(info);
	CAT_TRY(read_kv(properties, &kv, err));
	kind = cat_kv_get(&kv, "dataproduct_type");
	snprintf(f->kind, sizeof f->kind, "%s", kind ? kind : "catalogue");
	f->rows = whole(&kv, "hats_nrows");
	f->bytes = whole(&kv, "hats_estsize");
	f->bytes = f->bytes > 0 && f->bytes < INT64_MAX / 1024 ? f->bytes * 1024 : -1;
	cat_kv_fini(&kv);
	return CAT_OK;
}

static const char *const describing[] = {"hats.properties", "properties", "partition_info.csv", "collection.properties",
                                         "latest"};
#define NDESCRIBING 5

/* What describes the N folders, all asked for at once: OUT has NDESCRIBING places for each. */
static int fetch(char *const *folders, int n, struct cat_buf **out, struct cat_error *err)
{
	char *names[BATCH * NDESCRIBING] = {NULL};
	bool denied;
	int rc = CAT_OK;

	for (int i = 0; i < n * NDESCRIBING; i++)
		if (!(names[i] = cat_url_join(folders[i / NDESCRIBING], describing[i % NDESCRIBING])))
			rc = cat_fail_mem(err, 64);
	if (rc == CAT_OK)
		rc = cat_open_fetch(names, n * NDESCRIBING, MAX_LIST, out, &denied, err);
	for (int i = 0; i < n * NDESCRIBING; i++)
		cat_free(names[i]);
	/* Folders that must not be read are folders. */
	return rc == CAT_E_DENIED ? (int)(err->code = CAT_OK) : rc;
}

/* *IS says whether it is a catalogue. */
static int describe(const char *folder, struct cat_buf *const *b, struct facts *f, bool *is, struct cat_error *err)
{
	struct cat_kv kv = {0};
	struct cat_buf *inner[NDESCRIBING] = {NULL};
	const char *primary;
	char *path;
	int rc;

	*f = (struct facts){.rows = -1, .bytes = -1, .partitions = -1};
	*is = b[0] || b[3] || (b[1] && b[2]);
	if (!*is)
		return CAT_OK;
	if (!b[3])
		return catalogue_facts(b[0] ? b[0] : b[1], b[2], f, err);
	f->collection = true;
	CAT_TRY(read_kv(b[3], &kv, err));
	f->margins = words(cat_kv_get(&kv, "all_margins"));
	f->indexes = words(cat_kv_get(&kv, "all_indexes")) / 2;
	primary = cat_kv_get(&kv, "hats_primary_table_url");
	path = primary ? cat_url_join(folder, primary) : NULL;
	rc = path ? fetch(&path, 1, inner, err) : primary ? cat_fail_mem(err, strlen(primary)) : CAT_OK;
	if (rc == CAT_OK && (inner[0] || inner[1]))
		rc = catalogue_facts(inner[0] ? inner[0] : inner[1], inner[2], f, err);
	for (int i = 0; i < NDESCRIBING; i++)
		cat_buf_unref(inner[i]);
	cat_free(path);
	cat_kv_fini(&kv);
	return rc;
}

/* The same, or of the release that readers of FOLDER get. */
static int describe_latest(const char *folder, struct cat_buf *const *b, struct facts *f, bool *is,
                           struct cat_error *err)
{
	struct cat_buf *inner[NDESCRIBING] = {NULL};
	char name[CAT_RELEASE_NAME], *path;
	int rc = describe(folder, b, f, is, err);

	if (rc != CAT_OK || *is || !b[4] || !cat_release_of(b[4], name))
		return rc;
	path = cat_release_folder(folder, name);
	rc = path ? fetch(&path, 1, inner, err) : cat_fail_mem(err, strlen(folder));
	if (rc == CAT_OK)
		rc = describe(path, inner, f, is, err);
	if (*is)
		memcpy(f->release, name, sizeof name);
	for (int i = 0; i < NDESCRIBING; i++)
		cat_buf_unref(inner[i]);
	cat_free(path);
	return rc;
}

/* --- folders --- */

static int list_folder(struct ls *ls, const char *folder, const char *shown, const struct listing *up,
                       struct cat_error *err);

static void entry_fini(struct entry *e)
{
	cat_free(e->name);
	cat_free(e->path);
	memset(e, 0, sizeof *e);
}

/* Whether PATH is, by a link, one of the folders that it lies in. */
static bool leads_back(const struct listing *l, const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return false;
	for (; l; l = l->up)
		if (l->st.st_dev == st.st_dev && l->st.st_ino == st.st_ino)
			return true;
	return false;
}

static int print_batch(struct listing *l, struct cat_buf *const *found, struct cat_error *err)
{
	int k = 0;

	for (int i = 0; i < l->n; i++) {
		const struct entry *e = &l->batch[i];
		struct facts f;
		bool is = false;

		/* With -R each of the releases is listed. */
		if (e->is_folder)
			CAT_TRY((l->ls->s->recursive ? describe : describe_latest)(e->path, found + NDESCRIBING * k++, &f, &is, err));
		if (is)
			CAT_TRY(print_entry(l->ls, e, f.collection ? "collection" : f.kind, &f, err));
		else if (e->is_folder && l->ls->s->recursive && !leads_back(l, e->path))
			CAT_TRY(list_folder(l->ls, e->path, e->name, l, err));
		else
			CAT_TRY(print_entry(l->ls, e, e->is_folder ? "folder" : "file", NULL, err));
	}
	return CAT_OK;
}

static int flush(struct listing *l, struct cat_error *err)
{
	struct cat_buf *found[BATCH * NDESCRIBING] = {NULL};
	char *folders[BATCH];
	int n = 0, rc = CAT_OK;

	for (int i = 0; i < l->n; i++)
		if (l->batch[i].is_folder)
			folders[n++] = l->batch[i].path;
	if (n)
		rc = fetch(folders, n, found, err);
	if (rc == CAT_OK)
		rc = print_batch(l, found, err);
	for (int i = 0; i < n * NDESCRIBING; i++)
		cat_buf_unref(found[i]);
	for (int i = 0; i < l->n; i++)
		entry_fini(&l->batch[i]);
	l->n = 0;
	return rc;
}

static int add_entry(void *arg, const struct cat_tree_entry *t, struct cat_error *err)
{
	struct listing *l = arg;
	struct entry *e = &l->batch[l->n];

	e->name = l->shown[0] ? cat_url_join(l->shown, t->name) : cat_strdup(t->name);
	e->path = cat_url_join(l->folder, t->name);
	l->n++;
	if (!e->name || !e->path)
		return cat_fail_mem(err, strlen(t->name));
	e->is_folder = t->is_folder;
	e->size = t->size;
	snprintf(e->modified, sizeof e->modified, "%s", t->modified);
	snprintf(e->etag, sizeof e->etag, "%s", t->etag);
	return l->n == BATCH ? flush(l, err) : CAT_OK;
}

static int list_folder(struct ls *ls, const char *folder, const char *shown, const struct listing *up,
                       struct cat_error *err)
{
	struct listing *l = cat_calloc(1, sizeof *l);
	int rc;

	if (!l)
		return cat_fail_mem(err, sizeof *l);
	l->ls = ls;
	l->folder = folder;
	l->shown = shown;
	l->up = up;
	(void)!stat(folder, &l->st); /* an address is none */
	rc = cat_tree_each(folder, true, add_entry, l, err);
	if (rc == CAT_OK)
		rc = flush(l, err);
	for (int i = 0; i < l->n; i++)
		entry_fini(&l->batch[i]);
	cat_free(l);
	return rc;
}

/* All files of a catalogue that was named itself. */
static int each_file(void *arg, const struct cat_tree_entry *t, struct cat_error *err)
{
	struct ls *ls = arg;
	struct entry e = {.size = t->size};

	e.name = cat_strdup(t->name);
	if (!e.name)
		return cat_fail_mem(err, strlen(t->name));
	snprintf(e.modified, sizeof e.modified, "%s", t->modified);
	snprintf(e.etag, sizeof e.etag, "%s", t->etag);
	CAT_TRY(print_entry(ls, &e, "file", NULL, err));
	entry_fini(&e);
	return CAT_OK;
}

/* --- operands --- */

static int each_bucket(void *arg, const struct cat_s3_entry *b, struct cat_error *err)
{
	struct ls *ls = arg;
	struct entry e = {.is_folder = true, .size = -1, .name = cat_strdup(b->key)};
	int rc;

	if (!e.name)
		return cat_fail_mem(err, strlen(b->key));
	snprintf(e.modified, sizeof e.modified, "%s", b->modified);
	rc = print_entry(ls, &e, "bucket", NULL, err);
	entry_fini(&e);
	return rc;
}

/* A single file or object; *IS false when there is none. */
static int list_file(struct ls *ls, const char *operand, bool *is, struct cat_error *err)
{
	struct entry e = {.size = -1};
	int rc = CAT_OK;

	*is = false;
	if (cat_open_is_remote(operand)) {
		struct cat_reader *r;

		rc = cat_open(operand, CAT_OPEN_TAIL, &r, err);
		if (rc == CAT_E_NOINPUT)
			return (int)(err->code = CAT_OK);
		CAT_TRY(rc);
		e.size = r->size;
		cat_reader_close(r);
	} else {
		struct stat st;
		struct tm tm;

		if (stat(operand, &st) != 0 || S_ISDIR(st.st_mode))
			return CAT_OK;
		e.size = (int64_t)st.st_size;
		gmtime_r(&st.st_mtime, &tm);
		strftime(e.modified, sizeof e.modified, "%Y-%m-%dT%H:%M:%SZ", &tm);
	}
	*is = true;
	e.name = cat_strdup(operand);
	rc = e.name ? print_entry(ls, &e, "file", NULL, err) : cat_fail_mem(err, strlen(operand));
	entry_fini(&e);
	return rc;
}

/* A catalogue that was named: one line, or with -R its files. */
static int list_catalogue(struct ls *ls, char *operand, bool *is, struct cat_error *err)
{
	struct cat_buf *found[NDESCRIBING] = {NULL};
	struct entry e = {.is_folder = true, .size = -1};
	struct facts f;
	int rc = fetch(&operand, 1, found, err);

	*is = false;
	if (rc == CAT_OK)
		rc = describe(operand, found, &f, is, err);
	for (int i = 0; i < NDESCRIBING; i++)
		cat_buf_unref(found[i]);
	if (rc != CAT_OK || !*is)
		return rc;
	if (ls->s->recursive)
		return cat_tree_each(operand, false, each_file, ls, err);
	e.name = cat_strdup(operand);
	rc = e.name ? print_entry(ls, &e, f.collection ? "collection" : f.kind, &f, err) : cat_fail_mem(err, 64);
	entry_fini(&e);
	return rc;
}

static int list_address(struct ls *ls, char *operand, struct cat_error *err)
{
	const bool gs = strcmp(operand, "gs://") == 0;
	struct cat_error first;
	bool is = false;
	int rc;

	if (gs || strcmp(operand, "s3://") == 0)
		return cat_s3_buckets(gs, each_bucket, ls, err);
	if (!cat_open_is_remote(operand))
		CAT_TRY(list_file(ls, operand, &is, err));
	if (!is)
		CAT_TRY(list_catalogue(ls, operand, &is, err));
	if (is)
		return CAT_OK;
	rc = list_folder(ls, operand, "", NULL, err);
	if (rc != CAT_E_NOINPUT || !cat_open_is_remote(operand))
		return rc;
	/* Not the beginning of any key: perhaps a key. */
	first = *err;
	CAT_TRY(list_file(ls, operand, &is, err));
	if (is)
		return CAT_OK;
	*err = first;
	return rc;
}

static int list_named(void *arg, const char *address, const struct cat_named *t, struct cat_error *err)
{
	char *copy;
	int rc;

	CAT_TRY(cat_table_check(t, address, err));
	copy = cat_strdup(address);
	rc = copy ? list_address(arg, copy, err) : cat_fail_mem(err, strlen(address));
	cat_free(copy);
	return rc;
}

/* "1h", "30m", "7d", "90s" or seconds. */
static int parse_duration(const char *s, int64_t *out, struct cat_error *err)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	size_t n = strlen(s);
	int64_t each = 1;

	for (size_t i = 0; n > 1 && i < sizeof units / sizeof *units; i++)
		if (s[n - 1] == units[i].unit) {
			each = units[i].seconds;
			n--;
			break;
		}
	if (!cat_parse_i64(s, n, out) || *out < 1 || *out > LINK_MAX_S / each)
		return cat_fail(err, CAT_E_USAGE, "--link takes a duration of 1s to 7d (90s, 30m, 12h, 7d); not '%s'", s);
	*out *= each;
	return CAT_OK;
}

static int print_link(struct ls *ls, const char *operand, int64_t seconds, struct cat_error *err)
{
	struct cat_text link = {.max = 1 << 20};
	struct cat_url url;
	int rc;

	if (!cat_open_is_remote(operand))
		return cat_fail(err, CAT_E_USAGE, "%s: links lead to objects in a store, s3://BUCKET/KEY", operand);
	CAT_TRY(cat_url_parse(operand, &url, err));
	rc = url.is_s3 ? cat_s3_link(&url, operand, seconds, &link, err)
	               : cat_fail(err, CAT_E_USAGE, "%s is a link already", operand);
	cat_url_fini(&url);
	if (rc == CAT_OK && ls->s->json) {
		struct cat_json *j = cat_json_object();

		cat_json_str(j, "name", operand);
		cat_json_str(j, "link", link.s);
		cat_json_int(j, "seconds", seconds);
		rc = print_json(ls, j, err);
	} else if (rc == CAT_OK) {
		cat_text_addc(&link, '\n');
		rc = cat_print(&link, err);
	}
	cat_text_fini(&link);
	return rc;
}

int cat_ls(const struct cat_ls_settings *s, char *const *operands, int n, struct cat_error *err)
{
	struct ls ls = {.s = s};
	struct cat_text end = {.max = 16};
	char here[] = ".";
	int64_t seconds = 0;
	int rc = CAT_OK;

	if (s->link)
		CAT_TRY(parse_duration(s->link, &seconds, err));
	if (s->link && n == 0)
		return cat_fail(err, CAT_E_USAGE, "--link wants an object, s3://BUCKET/KEY");
	for (int i = 0; rc == CAT_OK && i < (n ? n : 1); i++)
		rc = s->link ? print_link(&ls, operands[i], seconds, err)
		             : cat_registry_open(n ? operands[i] : here, list_named, &ls, err);
	if (rc != CAT_OK || !s->json)
		return rc;
	cat_text_add(&end, ls.any ? "\n]\n" : "[]\n");
	rc = cat_print(&end, err);
	cat_text_fini(&end);
	return rc;
}
