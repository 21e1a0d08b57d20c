#include "exec/publish.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "exec/lanes.h"
#include "storage/content.h"
#include "storage/tree.h"

#define PER_JOB 4 /* requests under way for each processor: most of the time is spent waiting */

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* What a reader looks at first is sent last. */
static int rank_of(const char *name)
{
	static const struct {
		const char *name;
		int rank;
	} table[] = {{"partition_info.csv", 1}, {"_metadata", 1},      {"_common_metadata", 1},
	             {"hats.properties", 2},    {"properties", 2},     {"catalog_info.json", 2},
	             {"collection.properties", 3}};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (strcmp(last_part(name), table[i].name) == 0)
			return table[i].rank;
	return 0;
}
#define RANKS 4

/* --- what is here --- */

struct collecting {
	struct cat_publish *p;
	size_t cap;
	const char *folder;
};

static int add_item(struct collecting *c, const char *path, const char *name, int64_t size, struct cat_error *err)
{
	struct cat_publish_item *it;

	if (cat_grow(&c->p->items, &c->cap, c->p->n, sizeof *c->p->items) != 0)
		return cat_fail_mem(err, c->cap * sizeof *c->p->items);
	it = &c->p->items[c->p->n++];
	*it = (struct cat_publish_item){.size = size, .rank = rank_of(name)};
	it->name = cat_strdup(name);
	it->path = path ? cat_strdup(path) : NULL;
	return it->name && (it->path || !path) ? CAT_OK : cat_fail_mem(err, strlen(name));
}

/* What programs of ours are just writing. */
static bool is_unfinished(const char *name)
{
	for (const char *at = name; at; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL)
		if (*at == '.' && strstr(at, ".catpipe-") && strcspn(at, "/") > (size_t)(strstr(at, ".catpipe-") - at))
			return true;
	return false;
}

static int found_file(void *arg, const struct cat_tree_entry *e, struct cat_error *err)
{
	struct collecting *c = arg;
	char *path;
	int rc;

	if (is_unfinished(e->name))
		return CAT_OK;
	/* Left out in silence it would be missed by readers only. */
	if (e->is_other)
		return cat_fail(err, CAT_E_NOINPUT, "%s/%s: a pipe, a device or a link that leads nowhere cannot be sent",
		                c->folder, e->name);
	path = cat_url_join(c->folder, e->name);
	if (!path)
		return cat_fail_mem(err, strlen(e->name));
	rc = add_item(c, path, e->name, e->size, err);
	cat_free(path);
	return rc;
}

static int by_name(const void *a, const void *b)
{
	const struct cat_publish_item *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int collect(struct collecting *c, char *const *sources, int n, struct cat_error *err)
{
	for (int i = 0; i < n; i++) {
		struct stat st;

		if (cat_url_is(sources[i])) {
			cat_fail(err, CAT_E_USAGE, "%s: what is sent must be here", sources[i]);
			return cat_hint(err, "cat-get %s DIR", sources[i]);
		}
		if (stat(sources[i], &st) != 0)
			return cat_fail_sys(err, errno == EACCES ? CAT_E_DENIED : CAT_E_NOINPUT, errno, "%s", sources[i]);
		c->folder = sources[i];
		if (S_ISDIR(st.st_mode))
			CAT_TRY(cat_tree_each(sources[i], false, found_file, c, err));
		else if (S_ISREG(st.st_mode))
			CAT_TRY(add_item(c, sources[i], last_part(sources[i]), (int64_t)st.st_size, err));
		else
			return cat_fail(err, CAT_E_USAGE, "%s is neither a file nor a folder; a pipe is sent as -", sources[i]);
	}
	if (c->p->n)
		qsort(c->p->items, c->p->n, sizeof *c->p->items, by_name);
	for (size_t i = 1; i < c->p->n; i++)
		if (strcmp(c->p->items[i].name, c->p->items[i - 1].name) == 0)
			return cat_fail(err, CAT_E_USAGE, "%s and %s would be one object", c->p->items[i - 1].path,
			                c->p->items[i].path);
	return CAT_OK;
}

/* --- what is there --- */

struct looking {
	struct collecting *c;
	size_t nhere; /* items that are here */
	const struct cat_publish_options *o;
};

static int by_key(const void *key, const void *item)
{
	return strcmp(key, ((const struct cat_publish_item *)item)->name);
}

static int found_object(void *arg, const struct cat_tree_entry *e, struct cat_error *err)
{
	struct looking *l = arg;
	struct cat_publish *p = l->c->p;
	struct cat_publish_item *it = l->nhere ? bsearch(e->name, p->items, l->nhere, sizeof *p->items, by_key) : NULL;

	p->listed++;
	p->live |= rank_of(e->name) >= 2;
	p->released |= strcmp(e->name, "latest") == 0;
	if (it) {
		/* Of another size it cannot be the same; else its content will tell. */
		it->fate = it->size == e->size ? CAT_PUBLISH_SAME : CAT_PUBLISH_REPLACE;
		it->etag = cat_strdup(e->etag);
		return it->etag ? CAT_OK : cat_fail_mem(err, strlen(e->etag));
	}
	if (l->o->release)
		return cat_fail(err, CAT_E_CREATE, "%s holds %s, which is not to be released", p->target, e->name);
	/* Releases are nobody's to remove by the way. */
	if (!l->o->remove || strncmp(e->name, "releases/", 9) == 0 || strcmp(e->name, "latest") == 0)
		return CAT_OK;
	CAT_TRY(add_item(l->c, NULL, e->name, e->size, err));
	p->items[p->n - 1].fate = CAT_PUBLISH_DELETE;
	return CAT_OK;
}

static int address_of(const struct cat_publish *p, const struct cat_publish_item *it, char **address,
                      struct cat_url *url, struct cat_error *err)
{
	*url = (struct cat_url){0};
	*address = cat_url_join(p->target, it->name);
	if (!*address)
		return cat_fail_mem(err, strlen(it->name));
	return cat_url_parse(*address, url, err);
}

/* One object: it is asked after by itself, its neighbours are nobody's business. */
static int look_at_one(struct cat_publish *p, struct cat_error *err)
{
	struct cat_publish_item *it = &p->items[0];
	struct cat_s3_info info;
	struct cat_url url;
	char *address;
	int rc = address_of(p, it, &address, &url, err);

	if (rc == CAT_OK)
		rc = cat_s3_head(&url, address, &info, err);
	if (rc == CAT_OK) {
		p->listed = 1;
		it->fate = it->size == info.size ? CAT_PUBLISH_SAME : CAT_PUBLISH_REPLACE;
		it->etag = cat_strdup(info.etag);
	} else if (rc == CAT_E_NOINPUT) {
		rc = (int)(err->code = CAT_OK);
	}
	cat_url_fini(&url);
	cat_free(address);
	return rc;
}

static int look(struct collecting *c, bool one, const struct cat_publish_options *o, struct cat_error *err)
{
	struct looking l = {.c = c, .nhere = c->p->n, .o = o};
	int rc;

	if (one)
		return look_at_one(c->p, err);
	rc = cat_tree_each(c->p->target, false, found_object, &l, err);
	/* A folder of which nothing is there yet; but a bucket must be there. */
	if (rc == CAT_E_NOINPUT && err->sys != 404)
		rc = (int)(err->code = CAT_OK);
	return rc;
}

/* --- comparing --- */

/* What the threads of one step share. */
struct shared {
	struct cat_publish *p;
	const struct cat_publish_options *o;
	struct cat_lanes *lanes;
	struct cat_upload upload;
	int step, parts;
	_Atomic int64_t sent_bytes;
};

static bool to_be_compared(void *arg, size_t i)
{
	return ((struct shared *)arg)->p->items[i].fate == CAT_PUBLISH_SAME;
}

/* Whether IT is what is there: by its ETag, else by the SHA-256 that the server may keep. */
static int is_same(const struct cat_publish *p, const struct cat_publish_item *it, bool *same, struct cat_error *err)
{
	struct cat_content told = {.size = it->size, .etag = it->etag};
	struct cat_s3_info info;
	enum cat_same answer;
	struct cat_url url;
	char *address;
	int rc;

	CAT_TRY(cat_content_compare(it->path, &told, cat_content_part(it->size), &answer, err));
	*same = answer == CAT_SAME_YES;
	if (answer != CAT_SAME_UNKNOWN)
		return CAT_OK;
	rc = address_of(p, it, &address, &url, err);
	if (rc == CAT_OK)
		rc = cat_s3_head(&url, address, &info, err);
	if (rc == CAT_OK && info.sha256[0]) {
		told = (struct cat_content){.size = info.size, .sha256 = info.sha256};
		rc = cat_content_compare(it->path, &told, cat_content_part(it->size), &answer, err);
		*same = answer == CAT_SAME_YES;
	}
	cat_url_fini(&url);
	cat_free(address);
	return rc;
}

static int compare(void *arg, size_t i, struct cat_error *err)
{
	struct shared *s = arg;
	struct cat_publish_item *it = &s->p->items[i];
	bool same;

	if (atomic_load(s->lanes->stop))
		return cat_fail(err, CAT_E_TEMP, "%s: stopped", it->path);
	CAT_TRY(is_same(s->p, it, &same, err));
	if (!same)
		it->fate = CAT_PUBLISH_REPLACE;
	return CAT_OK;
}

/* --- the plan --- */

/* The folder that receives the files, and of a single one the name it gets. */
static int set_target(struct cat_publish *p, const char *address, bool one, struct cat_error *err)
{
	const char *slash = one ? strrchr(address, '/') : NULL;
	char *name;

	p->target = slash ? cat_strndup(address, (size_t)(slash - address)) : cat_strdup(address);
	if (!p->target)
		return cat_fail_mem(err, strlen(address));
	if (!slash)
		return CAT_OK;
	name = cat_strdup(slash + 1);
	if (!name)
		return cat_fail_mem(err, strlen(slash));
	cat_free(p->items[0].name);
	p->items[0].name = name;
	return CAT_OK;
}

static int check_plan(const struct cat_publish *p, const struct cat_publish_options *o, struct cat_error *err)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct cat_publish_item *it = &p->items[i];

		if (it->fate == CAT_PUBLISH_REPLACE && o->upload.how.create)
			return cat_fail(err, CAT_E_CREATE, "%s/%s is there, with other content", p->target, it->name);
		if (p->released && it->path && it->rank >= 2 && !strchr(it->name, '/')) {
			cat_fail(err, CAT_E_CREATE, "%s has releases: a catalogue in their place would hide them", p->target);
			return cat_hint(err, "--release NAME");
		}
	}
	return CAT_OK;
}

static int plan(struct collecting *c, char *const *sources, int n, const char *address,
                const struct cat_publish_options *o, struct cat_error *err)
{
	struct cat_publish *p = c->p;
	struct shared s = {.p = p, .o = o};
	struct cat_lanes lanes = {.wanted = to_be_compared, .run = compare, .arg = &s};
	struct stat st;
	bool one;

	s.lanes = &lanes;
	CAT_TRY(collect(c, sources, n, err));
	one = n == 1 && !o->release && stat(sources[0], &st) == 0 && S_ISREG(st.st_mode) && last_part(address)[0] &&
	      strchr(address + 5, '/');
	if (o->remove && (p->n == 0 || one))
		return cat_fail(err, CAT_E_USAGE,
		                p->n ? "--delete goes with folders" : "there is nothing to send: --delete would remove everything");
	if (p->n == 0)
		return cat_fail(err, CAT_E_NOINPUT, "there is nothing to send");
	CAT_TRY(set_target(p, address, one, err));
	if (!o->blind) {
		CAT_TRY(look(c, one, o, err));
		CAT_TRY(cat_lanes_run(&lanes, o->jobs, p->n, err));
	}
	for (size_t i = 0; i < p->n; i++) {
		p->files[p->items[i].fate]++;
		p->bytes[p->items[i].fate] += p->items[i].size;
	}
	return check_plan(p, o, err);
}

int cat_publish_plan(char *const *sources, int n, const char *address, const struct cat_publish_options *o,
                     struct cat_publish **out, struct cat_error *err)
{
	struct cat_publish *p = cat_calloc(1, sizeof *p);
	struct collecting c = {.p = p};
	int rc = p ? plan(&c, sources, n, address, o, err) : cat_fail_mem(err, sizeof *p);

	if (rc != CAT_OK) {
		cat_publish_free(p);
		return rc;
	}
	*out = p;
	return CAT_OK;
}

void cat_publish_free(struct cat_publish *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++) {
		cat_free(p->items[i].path);
		cat_free(p->items[i].name);
		cat_free(p->items[i].etag);
	}
	cat_free(p->items);
	cat_free(p->target);
	cat_free(p);
}

/* --- doing it --- */

static bool is_large(const struct cat_publish_item *it)
{
	return it->size > cat_content_part(0);
}

/* A step is twice the rank, and one for large files. */
static bool of_step(const struct cat_publish_item *it, int step)
{
	return (it->fate == CAT_PUBLISH_SEND || it->fate == CAT_PUBLISH_REPLACE) && it->rank == step / 2 &&
	       is_large(it) == (step % 2 != 0);
}

static bool to_be_sent(void *arg, size_t i)
{
	const struct shared *s = arg;

	return of_step(&s->p->items[i], s->step);
}

/* Another client that makes the same release may have been faster with a file: then its ETag is R's. */
static bool is_there_already(const struct cat_publish *p, const struct cat_publish_item *it, const struct cat_url *url,
                             const char *address, struct cat_upload_result *r)
{
	struct cat_publish_item found = *it;
	struct cat_error unused = {0};
	struct cat_s3_info info;
	bool same = false;

	if (cat_s3_head(url, address, &info, &unused) != CAT_OK || info.size != it->size)
		return false;
	found.etag = info.etag;
	memcpy(r->etag, info.etag, sizeof r->etag);
	return is_same(p, &found, &same, &unused) == CAT_OK && same;
}

static int send(void *arg, size_t i, struct cat_error *err)
{
	struct shared *s = arg;
	struct cat_publish_item *it = &s->p->items[i];
	struct cat_upload_result r = {0};
	struct cat_url url;
	char *address;
	int rc = address_of(s->p, it, &address, &url, err);

	if (rc == CAT_OK)
		rc = cat_upload_file(&s->upload, it->path, &url, address, s->parts, &r, err);
	if (rc == CAT_E_CREATE && s->o->release && is_there_already(s->p, it, &url, address, &r))
		rc = (int)(err->code = CAT_OK);
	if (rc == CAT_OK) {
		atomic_fetch_add(&s->sent_bytes, r.sent_bytes);
		cat_free(it->etag);
		it->etag = cat_strdup(r.etag);
		if (!it->etag)
			rc = cat_fail_mem(err, sizeof r.etag);
	}
	cat_url_fini(&url);
	cat_free(address);
	return rc;
}

/* How many files of a step go at a time, and how many parts each may hold. */
static int lanes_of(struct shared *s, int *lanes, struct cat_error *err)
{
	/* A quarter is lost between buffers. */
	const int64_t most = (int64_t)s->o->jobs * PER_JOB, memory = s->o->memory_bytes / 4 * 3;
	int64_t n = 0, largest = 0, part, fit;

	for (size_t i = 0; i < s->p->n; i++)
		if (of_step(&s->p->items[i], s->step)) {
			n++;
			largest = s->p->items[i].size > largest ? s->p->items[i].size : largest;
		}
	part = cat_content_part(largest);
	fit = memory / part;
	if (fit < 2 && s->step % 2)
		return cat_fail(err, CAT_E_USAGE, "a memory of %lldM is too small for parts of %lldM",
		                (long long)(s->o->memory_bytes >> 20), (long long)(part >> 20));
	*lanes = (int)(n < most ? n : most);
	if (s->step % 2)
		fit /= 2;
	if (*lanes > fit)
		*lanes = fit < 1 ? 1 : (int)fit;
	s->parts = *lanes ? (int)(memory / part / *lanes) : 2;
	s->parts = s->parts < 2 ? 2 : s->parts > 9 ? 9 : s->parts;
	return CAT_OK;
}

static int delete_all(struct cat_publish *p, struct cat_error *err)
{
	char **keys = cat_calloc((size_t)p->files[CAT_PUBLISH_DELETE] + 1, sizeof(char *));
	struct cat_url url = {0};
	size_t n = 0;
	int rc = keys ? cat_url_parse(p->target, &url, err) : cat_fail_mem(err, p->n * sizeof(char *));

	/* Below the target, whatever a listing says: a key begins with the folder's, and its slash. */
	for (size_t i = 0; rc == CAT_OK && i < p->n; i++) {
		if (p->items[i].fate != CAT_PUBLISH_DELETE)
			continue;
		keys[n] = url.key[0] ? cat_url_join(url.key, p->items[i].name) : cat_strdup(p->items[i].name);
		if (!keys[n++])
			rc = cat_fail_mem(err, strlen(p->items[i].name));
	}
	if (rc == CAT_OK && n)
		rc = cat_s3_delete(&url, p->target, keys, n, err);
	for (size_t i = 0; i < n; i++)
		cat_free(keys[i]);
	cat_free(keys);
	cat_url_fini(&url);
	return rc;
}

int cat_publish_run(struct cat_publish *p, const struct cat_publish_options *o, struct cat_error *err)
{
	struct shared s = {.p = p, .o = o, .upload = o->upload};
	int rc = CAT_OK;

	s.upload.how.create |= o->release != NULL;
	for (s.step = 0; rc == CAT_OK && s.step < 2 * RANKS; s.step++) {
		struct cat_lanes lanes = {.wanted = to_be_sent, .run = send, .arg = &s};
		int n;

		s.upload.stop = &lanes.stopping;
		rc = lanes_of(&s, &n, err);
		if (rc == CAT_OK && n)
			rc = cat_lanes_run(&lanes, n, p->n, err);
	}
	p->sent_bytes = atomic_load(&s.sent_bytes);
	return rc == CAT_OK ? delete_all(p, err) : rc;
}
