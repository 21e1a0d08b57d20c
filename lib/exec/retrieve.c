#include "exec/retrieve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "dataset/hats_copy.h"
#include "dataset/hats_place.h"
#include "exec/lanes.h"
#include "net/url.h"
#include "storage/hidden.h"
#include "storage/local.h"
#include "storage/release.h"
#include "storage/tree.h"

#define PER_JOB 4 /* files under way for each processor: most of the time is spent waiting */

struct item {
	char *name;
	bool optional;
	struct cat_fetch_state told; /* of the source: size and version, when a listing tells them */
	struct cat_fetch_state here;
	bool kept;
};
struct retrieving {
	const struct cat_retrieve_options *o;
	struct cat_fetch fetch;
	char *root;   /* of the source */
	char *hidden; /* H/list says what is here, H/copy is where it grows */
	char *folder; /* H/copy */
	int lock;     /* on H */
	char *shown;  /* where it will be */
	bool one;     /* a single file: ROOT is it */
	struct item *items;
	size_t n, cap;
	int list;     /* descriptor of the list of what is here */
	struct cat_hats_copy *copy; /* when it is described anew, or known by its partitions only */
};

/* --- what there is to get --- */

static int add_item(struct retrieving *r, const char *name, bool optional, int64_t size, const char *version,
                    struct cat_error *err)
{
	struct item *it;

	/* Names come from others: none leads out of the folder. */
	if (name[0] == '/' || strcmp(name, "..") == 0 || strncmp(name, "../", 3) == 0 || strstr(name, "/../") ||
	    (strlen(name) > 2 && strcmp(name + strlen(name) - 3, "/..") == 0))
		return cat_fail(err, CAT_E_DATA, "%s: a name that leads elsewhere: %s", r->root, name);
	if (cat_grow(&r->items, &r->cap, r->n, sizeof *r->items) != 0)
		return cat_fail_mem(err, r->cap * sizeof *r->items);
	it = &r->items[r->n];
	*it = (struct item){.optional = optional, .told.size = size, .here.size = -1};
	snprintf(it->told.version, sizeof it->told.version, "%s", version);
	it->name = cat_strdup(name);
	if (!it->name)
		return cat_fail_mem(err, strlen(name));
	r->n++;
	return CAT_OK;
}

static int add_entry(void *arg, const struct cat_tree_entry *e, struct cat_error *err)
{
	char version[CAT_FETCH_VERSION];

	/* What programs of ours are just writing. */
	if (strstr(e->name, ".catpipe-"))
		return CAT_OK;
	if (e->is_other)
		return cat_fail(err, CAT_E_NOINPUT, "%s/%s: a pipe, a device or a link that leads nowhere cannot be copied",
		                ((const struct retrieving *)arg)->root, e->name);
	cat_fetch_version(e->etag, NULL, version);
	return add_item(arg, e->name, false, e->size, version, err);
}

static int add_named(void *arg, const char *name, bool optional, struct cat_error *err)
{
	return add_item(arg, name, optional, -1, "", err);
}

/* The release that readers get, when ROOT has releases and is no catalogue itself. */
static int enter_release(struct retrieving *r, struct cat_error *err)
{
	static const char *const names[] = {"hats.properties", "properties", "collection.properties", "latest"};
	struct cat_buf *found[4] = {NULL};
	char *paths[4] = {NULL}, release[CAT_RELEASE_NAME], *inner = NULL;
	bool denied;
	int rc = CAT_OK;

	for (int i = 0; i < 4; i++)
		if (!(paths[i] = cat_url_join(r->root, names[i])))
			rc = cat_fail_mem(err, strlen(r->root));
	if (rc == CAT_OK)
		rc = cat_open_fetch(paths, 4, (size_t)1 << 24, found, &denied, err);
	if (rc == CAT_OK && !found[0] && !found[1] && !found[2] && found[3] && cat_release_of(found[3], release)) {
		inner = cat_release_folder(r->root, release);
		if (inner) {
			cat_free(r->root);
			r->root = inner;
		} else {
			rc = cat_fail_mem(err, strlen(r->root));
		}
	}
	for (int i = 0; i < 4; i++) {
		cat_buf_unref(found[i]);
		cat_free(paths[i]);
	}
	return rc;
}

static int use_root(struct retrieving *r, const char *root, struct cat_error *err)
{
	size_t n = strlen(root);

	while (n > 1 && root[n - 1] == '/')
		n--;
	cat_free(r->root);
	r->root = cat_strndup(root, n);
	return r->root ? CAT_OK : cat_fail_mem(err, n);
}

/* By its partitions: a part of a catalogue, or one on a web server. */
static int by_partitions(struct retrieving *r, const char *source, struct cat_error *err)
{
	CAT_TRY(cat_hats_copy_open(source, r->o->want, &r->copy, err));
	CAT_TRY(use_root(r, r->copy->root, err));
	return cat_hats_copy_each(r->copy, add_named, r, err);
}

static int by_listing(struct retrieving *r, const char *source, struct cat_error *err)
{
	CAT_TRY(use_root(r, source, err));
	CAT_TRY(enter_release(r, err));
	return cat_tree_each(r->root, false, add_entry, r, err);
}

static int one_file(struct retrieving *r, const char *source, const char *name, struct cat_error *err)
{
	r->one = true;
	r->root = cat_strdup(source);
	return r->root ? add_item(r, name, false, -1, "", err) : cat_fail_mem(err, strlen(source));
}

/* Whether SOURCE is a file: here; in an object store, when there is an object of just that name. */
static int is_file(const char *source, bool *out, struct cat_error *err)
{
	const size_t n = strlen(source);
	struct cat_reader *reader;
	struct cat_url url;
	struct stat st;
	int rc;

	*out = false;
	if (!cat_open_is_remote(source)) {
		if (stat(source, &st) != 0)
			return cat_fail_sys(err, errno == EACCES ? CAT_E_DENIED : CAT_E_NOINPUT, errno, "%s", source);
		*out = !S_ISDIR(st.st_mode);
		return CAT_OK;
	}
	CAT_TRY(cat_url_parse(source, &url, err));
	rc = url.is_s3 && !url.key[0];
	cat_url_fini(&url);
	if (rc || source[n - 1] == '/')
		return CAT_OK;
	rc = cat_open(source, CAT_OPEN_HEAD, &reader, err);
	if (rc == CAT_OK)
		cat_reader_close(reader);
	*out = rc == CAT_OK;
	if (rc == CAT_E_NOINPUT)
		rc = (int)(err->code = CAT_OK);
	return rc;
}

/* A web server may answer anything under the name of a folder: it is a catalogue when it describes itself. */
static int web(struct retrieving *r, const char *source, const char *name, struct cat_error *err)
{
	const int rc = by_partitions(r, source, err);

	if (rc != CAT_E_NOINPUT || r->copy)
		return rc;
	err->code = CAT_OK;
	cat_free(r->root);
	return one_file(r, source, name, err);
}

static int survey(struct retrieving *r, const char *source, const char *name, struct cat_error *err)
{
	struct cat_url url = {0};
	bool file = false, is_web;

	if (cat_open_is_remote(source))
		CAT_TRY(cat_url_parse(source, &url, err));
	is_web = cat_open_is_remote(source) && !url.is_s3;
	cat_url_fini(&url);
	if (is_web && !r->o->want)
		return web(r, source, name, err);
	if (r->o->want)
		return by_partitions(r, source, err);
	CAT_TRY(is_file(source, &file, err));
	return file ? one_file(r, source, name, err) : by_listing(r, source, err);
}

/* --- what is here --- */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct item *)a)->name, ((const struct item *)b)->name);
}

static int by_key(const void *key, const void *item)
{
	return strcmp(key, ((const struct item *)item)->name);
}

/* "begun SIZE VERSION NAME" or "whole ..."; "reach BYTES ...": so many of it are here. */
static void read_line(struct retrieving *r, char *line)
{
	const bool whole = strncmp(line, "whole ", 6) == 0, reached = strncmp(line, "reach ", 6) == 0;
	char *number = line + 6, *version = strchr(line + 6, ' '), *name = version ? strchr(version + 1, ' ') : NULL;
	struct item *it;
	int64_t n;

	if (!name || (!whole && !reached && strncmp(line, "begun ", 6) != 0))
		return;
	*version++ = '\0';
	*name++ = '\0';
	it = r->n ? bsearch(name, r->items, r->n, sizeof *r->items, by_key) : NULL;
	if (!it || !cat_parse_i64(number, strlen(number), &n))
		return;
	if (reached) {
		it->here.reached = n;
		return;
	}
	it->here.size = n;
	it->here.reached = 0;
	it->here.whole = whole;
	snprintf(it->here.version, sizeof it->here.version, "%s", strcmp(version, "-") == 0 ? "" : version);
}

static int heading(const struct retrieving *r, struct cat_text *out, struct cat_error *err)
{
	cat_text_addf(out, "from %s %s\n", r->root, r->o->what ? r->o->what : "");
	return cat_text_check(out, err);
}

/* Another copy had begun to grow there, or none. */
static int begin_anew(struct retrieving *r, const char *path, const struct cat_text *head, struct cat_error *err)
{
	cat_local_remove_tree(r->folder);
	r->list = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
	if (r->list < 0)
		return cat_fail_sys(err, CAT_E_CREATE, errno, "cannot create %s", r->shown);
	return cat_write_all(r->list, head->s, head->len, r->shown, err);
}

static int read_list(struct retrieving *r, struct cat_error *err)
{
	struct cat_text head = {.max = 1 << 20};
	char *path = cat_hats_path(r->hidden, "list"), *line = NULL;
	size_t room = 0;
	FILE *f = path ? fopen(path, "re") : NULL;
	bool same;
	int rc = path ? heading(r, &head, err) : cat_fail_mem(err, strlen(r->hidden));

	same = rc == CAT_OK && f && getline(&line, &room, f) > 0 && strcmp(line, head.s) == 0;
	while (same && getline(&line, &room, f) > 0) {
		/* The last line of a process that was killed may be cut. */
		if (!strchr(line, '\n'))
			break;
		line[strcspn(line, "\n")] = '\0';
		read_line(r, line);
	}
	if (f)
		fclose(f);
	free(line);
	if (same) {
		r->list = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
		if (r->list < 0)
			rc = cat_fail_sys(err, CAT_E_CREATE, errno, "%s", r->shown);
	} else if (rc == CAT_OK) {
		rc = begin_anew(r, path, &head, err);
	}
	if (rc == CAT_OK)
		rc = cat_hats_mkdir(r->folder, r->shown, err);
	cat_text_fini(&head);
	cat_free(path);
	return rc;
}

/* One write, so that lines of several threads do not mix. */
static int note(const struct retrieving *r, const char *word, const struct item *it, int64_t size, const char *version,
                struct cat_error *err)
{
	struct cat_text line = {.max = 1 << 16};
	int rc;

	cat_text_addf(&line, "%s %lld %s %s\n", word, (long long)size, *version ? version : "-", it->name);
	rc = cat_text_check(&line, err);
	if (rc == CAT_OK)
		rc = cat_write_all(r->list, line.s, line.len, r->shown, err);
	cat_text_fini(&line);
	return rc;
}

/* --- getting it --- */

static int make_parents(const struct retrieving *r, char *path, struct cat_error *err)
{
	for (char *s = strchr(path + strlen(r->folder) + 1, '/'); s; s = strchr(s + 1, '/')) {
		int rc;

		*s = '\0';
		rc = cat_hats_mkdir(path, r->shown, err);
		*s = '/';
		CAT_TRY(rc);
	}
	return CAT_OK;
}

struct begun {
	const struct retrieving *r;
	const struct item *it;
};

static int on_begun(void *arg, int64_t size, const char *version, struct cat_error *err)
{
	const struct begun *b = arg;

	return note(b->r, "begun", b->it, size, version, err);
}

static int on_reached(void *arg, int64_t bytes, struct cat_error *err)
{
	const struct begun *b = arg;

	return note(b->r, "reach", b->it, bytes, b->it->here.version, err);
}

/* It is here in the version that the listing tells: nothing has to be asked. */
static bool is_here(const struct item *it, const char *path)
{
	struct stat st;

	return it->here.whole && it->told.version[0] && it->told.size == it->here.size &&
	       strcmp(it->told.version, it->here.version) == 0 && stat(path, &st) == 0 &&
	       (int64_t)st.st_size == it->here.size;
}

static int get_to(struct retrieving *r, struct item *it, const char *source, char *path, struct cat_error *err)
{
	struct begun begun = {r, it};
	struct cat_fetch f = r->fetch;
	const bool was_whole = it->here.whole;
	int rc;

	f.begun = on_begun;
	f.reached = on_reached;
	f.begun_arg = &begun;
	if (is_here(it, path)) {
		it->kept = true;
		if (f.progress)
			f.progress(f.progress_arg, it->here.size);
		return CAT_OK;
	}
	CAT_TRY(make_parents(r, path, err));
	rc = cat_fetch_file(&f, source, path, &it->here, err);
	/* Gone on the way: a fault of the whole that it belongs to. */
	if (rc == CAT_E_NOINPUT && !r->one)
		rc = (int)(err->code = CAT_E_DATA);
	CAT_TRY(rc);
	if (it->here.missing && !it->optional)
		return cat_fail(err, r->one ? CAT_E_NOINPUT : CAT_E_DATA, "%s is missing", source);
	if (it->here.missing)
		return CAT_OK;
	it->kept = was_whole && it->here.got_bytes == 0 && it->here.size > 0;
	return it->kept ? CAT_OK : note(r, "whole", it, it->here.size, it->here.version, err);
}

static int get(void *arg, size_t i, struct cat_error *err)
{
	struct retrieving *r = arg;
	struct item *it = &r->items[i];
	char *source = r->one ? cat_strdup(r->root) : cat_url_join(r->root, it->name);
	char *path = cat_hats_path(r->folder, it->name);
	int rc = source && path ? get_to(r, it, source, path, err) : cat_fail_mem(err, strlen(it->name));

	cat_free(source);
	cat_free(path);
	return rc;
}

static int get_all(struct retrieving *r, struct cat_error *err)
{
	struct cat_lanes lanes = {.run = get, .arg = r};
	/* Pieces come and go in any order, and the heap between them cannot all be used: three times their size. */
	const int64_t pieces = r->o->memory_bytes / (3 * CAT_FETCH_PIECE), most = (int64_t)r->o->jobs * PER_JOB;
	int64_t n = (int64_t)r->n < most ? (int64_t)r->n : most, known = 0;

	n = n > pieces / 2 ? pieces / 2 : n;
	n = n < 1 ? 1 : n;
	r->fetch.pieces = (int)(pieces / n < 1 ? 1 : pieces / n < 8 ? pieces / n : 8);
	r->fetch.stop = &lanes.stopping;
	for (size_t i = 0; i < r->n && known >= 0; i++)
		known = r->items[i].told.size < 0 ? -1 : known + r->items[i].told.size;
	if (r->o->begin)
		r->o->begin(r->o->begin_arg, known < 0 ? 0 : known);
	return cat_lanes_run(&lanes, (int)n, r->n, err);
}

/* --- the place --- */

static void sum_up(const struct retrieving *r, struct cat_retrieve_result *out)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct item *it = &r->items[i];

		if (it->here.missing)
			continue;
		out->files++;
		out->kept_files += it->kept;
		out->bytes += it->here.size;
		out->unverified_files += it->here.unverified;
		out->got_bytes += it->here.got_bytes;
	}
	out->without_indexes = r->copy && r->copy->without_indexes;
}

/* Files of a source that has changed between two tries. */
static int remove_stray(void *arg, const struct cat_tree_entry *e, struct cat_error *err)
{
	struct retrieving *r = arg;
	char *path;

	if (r->n && bsearch(e->name, r->items, r->n, sizeof *r->items, by_key))
		return CAT_OK;
	path = cat_hats_path(r->folder, e->name);
	if (!path)
		return cat_fail_mem(err, strlen(e->name));
	unlink(path);
	cat_free(path);
	return CAT_OK;
}

static int fill(struct retrieving *r, struct cat_retrieve_result *out, struct cat_error *err)
{
	if (r->n)
		qsort(r->items, r->n, sizeof *r->items, by_name);
	CAT_TRY(read_list(r, err));
	CAT_TRY(get_all(r, err));
	CAT_TRY(cat_tree_each(r->folder, false, remove_stray, r, err));
	sum_up(r, out);
	return r->copy ? cat_hats_copy_finish(r->copy, r->folder, r->shown, &out->rows, err) : CAT_OK;
}

static int publish(struct retrieving *r, struct cat_error *err)
{
	char *path;
	int rc = CAT_OK;

	if (!r->one)
		return cat_local_publish(r->folder, r->shown, r->o->overwrite, err);
	path = cat_hats_path(r->folder, r->items[0].name);
	if (!path)
		return cat_fail_mem(err, strlen(r->folder));
	if (rename(path, r->shown) != 0)
		rc = cat_fail_sys(err, CAT_E_CREATE, errno, "cannot create %s", r->shown);
	cat_free(path);
	return rc;
}

/* Where a folder is to be, without slashes at its end; or a file, which may be named by its folder. */
static int set_place(struct retrieving *r, const char *place, struct cat_error *err)
{
	size_t n = strlen(place);
	struct stat st;

	if (r->one && (place[n - 1] == '/' || (stat(place, &st) == 0 && S_ISDIR(st.st_mode)))) {
		r->shown = cat_url_join(place, r->items[0].name);
	} else {
		while (n > 1 && place[n - 1] == '/')
			n--;
		r->shown = cat_strndup(place, n);
	}
	if (!r->shown)
		return cat_fail_mem(err, n);
	if (r->one && stat(r->shown, &st) == 0 && !S_ISREG(st.st_mode))
		return cat_fail(err, CAT_E_CREATE, "%s is there and is no file", r->shown);
	return r->one ? CAT_OK : cat_hats_place_check(r->shown, r->o->overwrite, err);
}

/* --- only told --- */

static int note_size(void *arg, const struct cat_tree_entry *e, struct cat_error *err)
{
	struct retrieving *r = arg;
	struct item *it = bsearch(e->name, r->items, r->n, sizeof *r->items, by_key);

	(void)err;
	if (it) {
		it->told.size = e->size;
		it->optional = false;
	}
	return CAT_OK;
}

/* Of files that were named by partitions, where they can be listed; of a lone one by asking. */
static int find_sizes(struct retrieving *r, struct cat_error *err)
{
	struct cat_reader *reader;
	int rc;

	if (r->one) {
		CAT_TRY(cat_open(r->root, CAT_OPEN_HEAD, &reader, err));
		r->items[0].told.size = reader->size;
		cat_reader_close(reader);
		return CAT_OK;
	}
	if (!r->copy || r->n == 0)
		return CAT_OK;
	rc = cat_tree_each(r->root, false, note_size, r, err);
	if (rc == CAT_E_UNSUPPORTED || rc == CAT_E_DENIED)
		return (int)(err->code = CAT_OK);
	/* What it may have and was not found is not there. */
	for (size_t i = 0; rc == CAT_OK && i < r->n; i++)
		if (r->items[i].optional) {
			cat_free(r->items[i].name);
			memmove(&r->items[i], &r->items[i + 1], (r->n - i - 1) * sizeof *r->items);
			r->n--;
			i--;
		}
	return rc;
}

static int tell(struct retrieving *r, struct cat_retrieve_result *out, struct cat_error *err)
{
	if (r->n)
		qsort(r->items, r->n, sizeof *r->items, by_name);
	CAT_TRY(find_sizes(r, err));
	for (size_t i = 0; i < r->n; i++) {
		const struct item *it = &r->items[i];

		CAT_TRY(r->o->plan(r->o->plan_arg,
		                   &(struct cat_retrieve_file){it->name, it->told.size, it->optional}, err));
		out->files++;
		out->bytes += it->told.size > 0 ? it->told.size : 0;
	}
	out->without_indexes = r->copy && r->copy->without_indexes;
	return CAT_OK;
}

/* --- all of it --- */

static int do_it(struct retrieving *r, struct cat_retrieve_result *out, struct cat_error *err)
{
	CAT_TRY(cat_hidden_resume(r->shown, &r->hidden, &r->lock, err));
	r->folder = cat_hats_path(r->hidden, "copy");
	if (!r->folder)
		return cat_fail_mem(err, strlen(r->hidden));
	CAT_TRY(fill(r, out, err));
	return publish(r, err);
}

static int retrieve(struct retrieving *r, const char *source, const char *place, struct cat_retrieve_result *out,
                    struct cat_error *err)
{
	const size_t n = strcspn(source, "?");
	const char *name = source + n;
	char *base;
	int rc;

	while (name > source && name[-1] != '/')
		name--;
	base = cat_strndup(name, (size_t)(source + n - name));
	rc = base ? survey(r, source, *base ? base : "file", err) : cat_fail_mem(err, n);

	cat_free(base);
	if (rc == CAT_OK)
		rc = set_place(r, place, err);
	if (rc == CAT_OK)
		rc = r->o->plan ? tell(r, out, err) : do_it(r, out, err);
	/* What is not there will not be there next time; everything else is worth another try. */
	if (r->hidden && (rc == CAT_OK || rc == CAT_E_NOINPUT))
		cat_local_remove_tree(r->hidden);
	return rc;
}

int cat_retrieve(const char *source, const char *place, const struct cat_retrieve_options *o,
                 struct cat_retrieve_result *out, struct cat_error *err)
{
	struct retrieving r = {.o = o, .fetch = o->fetch, .lock = -1, .list = -1};
	int rc;

	*out = (struct cat_retrieve_result){.rows = -1};
	rc = retrieve(&r, source, place, out, err);
	for (size_t i = 0; i < r.n; i++)
		cat_free(r.items[i].name);
	cat_free(r.items);
	cat_hats_copy_free(r.copy);
	if (r.list >= 0)
		close(r.list);
	if (r.lock >= 0)
		close(r.lock);
	cat_free(r.root);
	cat_free(r.folder);
	cat_free(r.hidden);
	cat_free(r.shown);
	return rc;
}
