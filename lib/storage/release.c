#include "storage/release.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "net/s3.h"
#include "storage/open.h"
#include "storage/tree.h"

#define MAX_MANIFEST ((size_t)1 << 30)
#define MAX_LATEST 4096
#define MOVES 50 /* how often others may be faster */

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

static bool name_ok(const char *name)
{
	static const char end[] = ".manifest";
	const size_t n = strlen(name);
	size_t good = 0;

	while (name[good] && (strchr(letters, name[good]) || strchr("._+-", name[good])))
		good++;
	return n > 0 && n < CAT_RELEASE_NAME && good == n && strchr(letters, name[0]) &&
	       (n < sizeof end || strcmp(name + n - (sizeof end - 1), end) != 0);
}

int cat_release_check_name(const char *name, struct cat_error *err)
{
	if (name_ok(name))
		return CAT_OK;
	return cat_fail(err, CAT_E_USAGE,
	                "'%s' cannot be a release: letters, digits and . _ + - (a letter or digit first, at most %d)", name,
	                CAT_RELEASE_NAME - 1);
}

static char *below(const char *folder, const char *name, const char *end)
{
	char text[CAT_RELEASE_NAME + 32];

	snprintf(text, sizeof text, "releases/%s%s", name, end);
	return cat_url_join(folder, text);
}

char *cat_release_folder(const char *folder, const char *name)
{
	return below(folder, name, "");
}

bool cat_release_of(const struct cat_buf *latest, char out[CAT_RELEASE_NAME])
{
	size_t n = latest->size;

	while (n > 0 && strchr(" \t\r\n", latest->data[n - 1]) && latest->data[n - 1])
		n--;
	if (n == 0 || n >= CAT_RELEASE_NAME)
		return false;
	memcpy(out, latest->data, n);
	out[n] = '\0';
	return strlen(out) == n && name_ok(out);
}

int cat_release_check_folder(const char *folder, struct cat_error *err)
{
	static const char *const names[] = {"hats.properties", "properties", "collection.properties"};
	struct cat_buf *found[3] = {NULL};
	char *paths[3];
	bool denied, catalogue = false;
	int rc = CAT_OK;

	for (int i = 0; i < 3; i++)
		if (!(paths[i] = cat_url_join(folder, names[i])))
			rc = cat_fail_mem(err, strlen(folder));
	if (rc == CAT_OK)
		rc = cat_open_fetch(paths, 3, (size_t)1 << 24, found, &denied, err);
	for (int i = 0; i < 3; i++) {
		catalogue |= found[i] != NULL;
		cat_buf_unref(found[i]);
		cat_free(paths[i]);
	}
	if (rc == CAT_OK && catalogue)
		rc = cat_fail(err, CAT_E_CREATE, "%s is a catalogue itself: readers would get that, not its releases", folder);
	return rc;
}

/* --- objects of a release's folder --- */

struct object {
	struct cat_url url;
	char *address;
};

static int object_at(char *address, struct object *out, struct cat_error *err)
{
	*out = (struct object){.address = address};
	if (!address)
		return cat_fail_mem(err, 64);
	CAT_TRY(cat_url_parse(address, &out->url, err));
	return out->url.is_s3 ? CAT_OK
	                      : cat_fail(err, CAT_E_UNSUPPORTED, "%s: only object stores have releases", address);
}

static void object_fini(struct object *o)
{
	cat_url_fini(&o->url);
	cat_free(o->address);
}

/* *OUT NULL: there is none. */
static int get(const struct object *o, size_t max, struct cat_buf **out, char **etag, struct cat_error *err)
{
	const int rc = cat_s3_get(&o->url, o->address, max, out, etag, err);

	if (rc != CAT_E_NOINPUT)
		return rc;
	*out = NULL;
	err->code = CAT_OK;
	return CAT_OK;
}

/* --- manifests --- */

void cat_release_line(struct cat_text *manifest, const char *name, int64_t size, const char *etag)
{
	size_t n = strlen(etag);

	if (n >= 2 && etag[0] == '"' && etag[n - 1] == '"') {
		etag++;
		n -= 2;
	}
	cat_text_addf(manifest, "%lld %.*s %s\n", (long long)size, n ? (int)n : 1, n ? etag : "-", name);
}

static int add_entry(void *arg, const struct cat_tree_entry *e, struct cat_error *err)
{
	cat_release_line(arg, e->name, e->size, e->etag);
	return cat_text_check(arg, err);
}

/* What a manifest of what is there now would say. */
static int survey(const char *folder, const char *name, struct cat_text *out, struct cat_error *err)
{
	char *path = below(folder, name, "");
	const int rc = path ? cat_tree_each(path, false, add_entry, out, err) : cat_fail_mem(err, 64);

	cat_free(path);
	if (rc == CAT_E_NOINPUT)
		err->code = CAT_OK;
	return (int)err->code;
}

/* *OUT NULL: there is none. */
static int read_manifest(const char *folder, const char *name, struct object *o, struct cat_buf **out,
                         struct cat_error *err)
{
	char *etag = NULL;
	int rc = object_at(below(folder, name, ".manifest"), o, err);

	*out = NULL;
	if (rc == CAT_OK)
		rc = get(o, MAX_MANIFEST, out, &etag, err);
	cat_free(etag);
	return rc;
}

static bool is(const struct cat_buf *b, const struct cat_text *t)
{
	return b->size == t->len && (t->len == 0 || memcmp(b->data, t->s, t->len) == 0);
}

int cat_release_is_whole(const char *folder, const char *name, bool *out, struct cat_error *err)
{
	struct cat_buf *b;
	struct object o;
	const int rc = read_manifest(folder, name, &o, &b, err);

	*out = b != NULL;
	cat_buf_unref(b);
	object_fini(&o);
	return rc;
}

/* Two writes that a server must refuse, of what is there anyway: who does them would also let one client undo what
 * another has just done. */
static int probe(const struct object *o, struct cat_buf *same, struct cat_error *err)
{
	static const struct cat_s3_put refused[] = {
		{.create = true}, {.replace_etag = "\"00000000000000000000000000000000\""}};

	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		const int rc = cat_s3_put(&o->url, o->address, same, &refused[i], NULL, err);

		if (rc == CAT_OK) {
			cat_fail(err, CAT_E_UNSUPPORTED,
			         "%s: the server does not heed conditions of a write: two releases at a time could lose one",
			         o->address);
			return cat_hint(err, "--unsafe");
		}
		if (err->sys != 412 && err->sys != 404)
			return rc == CAT_E_UNSUPPORTED ? cat_hint(err, "--unsafe") : rc;
		err->code = CAT_OK;
	}
	return CAT_OK;
}

/* Creates the manifest, or finds the same one. */
static int put_manifest(const struct object *o, struct cat_buf *body, const struct cat_text *text, bool unsafe,
                        struct cat_error *err)
{
	struct cat_buf *there = NULL;
	char *etag = NULL;
	int rc = cat_s3_put(&o->url, o->address, body, &(struct cat_s3_put){.create = true}, NULL, err);

	if (rc == CAT_E_UNSUPPORTED && unsafe)
		rc = cat_s3_put(&o->url, o->address, body, &(struct cat_s3_put){.create = false}, NULL, err);
	else if (rc == CAT_E_UNSUPPORTED)
		rc = cat_hint(err, "--unsafe");
	if (rc != CAT_E_CREATE)
		return rc;
	rc = get(o, MAX_MANIFEST, &there, &etag, err);
	if (rc == CAT_OK && (!there || !is(there, text)))
		rc = cat_fail(err, CAT_E_CREATE, "%s: another release of this name is there", o->address);
	cat_buf_unref(there);
	cat_free(etag);
	return rc;
}

int cat_release_seal(const char *folder, const char *name, const struct cat_text *manifest, bool unsafe,
                     struct cat_error *err)
{
	struct cat_text found = {.max = MAX_MANIFEST};
	struct cat_buf *body = NULL;
	struct object o = {.address = NULL};
	int rc = survey(folder, name, &found, err);

	if (rc == CAT_OK)
		rc = object_at(below(folder, name, ".manifest"), &o, err);
	if (rc == CAT_OK && (found.len != manifest->len || (found.len && memcmp(found.s, manifest->s, found.len) != 0)))
		rc = cat_fail(err, CAT_E_CREATE, "%s/releases/%s holds something else than what was sent", folder, name);
	if (rc == CAT_OK)
		rc = cat_buf_copy(manifest->s ? manifest->s : "", manifest->len, &body, err);
	if (rc == CAT_OK)
		rc = put_manifest(&o, body, manifest, unsafe, err);
	if (rc == CAT_OK && !unsafe)
		rc = probe(&o, body, err);
	cat_buf_unref(body);
	cat_text_fini(&found);
	object_fini(&o);
	return rc;
}

/* The name behind the second blank of the first line in which two manifests differ. */
static int differs(const char *address, const char *was, size_t nwas, const char *now, size_t nnow,
                   struct cat_error *err)
{
	size_t at = 0, begin = 0;
	const char *line, *blank;

	for (; at < nwas && at < nnow && was[at] == now[at]; at++)
		if (was[at] == '\n')
			begin = at + 1;
	line = begin < nwas ? was + begin : "";
	blank = *line ? strchr(line, ' ') : NULL;
	blank = blank ? strchr(blank + 1, ' ') : NULL;
	if (!blank)
		return cat_fail(err, CAT_E_DATA, "%s: more is there than its manifest says", address);
	return cat_fail(err, CAT_E_DATA, "%s: not as it was released: %.*s", address, (int)strcspn(blank + 1, "\n"),
	                blank + 1);
}

int cat_release_verify(const char *folder, const char *name, struct cat_error *err)
{
	struct cat_text now = {.max = MAX_MANIFEST}, was = {.max = MAX_MANIFEST};
	struct cat_buf *b = NULL;
	struct object o;
	int rc = read_manifest(folder, name, &o, &b, err);

	if (rc == CAT_OK && !b)
		rc = cat_fail(err, CAT_E_NOINPUT, "%s has no release '%s', or not all of it", folder, name);
	if (rc == CAT_OK)
		rc = survey(folder, name, &now, err);
	if (rc == CAT_OK) {
		cat_text_addn(&was, (const char *)b->data, b->size);
		rc = cat_text_check(&was, err);
	}
	if (rc == CAT_OK && !is(b, &now))
		rc = differs(o.address, was.s ? was.s : "", was.len, now.s ? now.s : "", now.len, err);
	cat_buf_unref(b);
	cat_text_fini(&was);
	cat_text_fini(&now);
	object_fini(&o);
	return rc;
}

/* --- latest --- */

int cat_release_latest(const char *folder, char out[CAT_RELEASE_NAME], struct cat_error *err)
{
	struct cat_buf *b = NULL;
	struct object o;
	char *etag = NULL;
	int rc = object_at(cat_url_join(folder, "latest"), &o, err);

	out[0] = '\0';
	if (rc == CAT_OK)
		rc = get(&o, MAX_LATEST, &b, &etag, err);
	if (rc == CAT_OK && b && !cat_release_of(b, out))
		rc = cat_fail(err, CAT_E_DATA, "%s names no release", o.address);
	cat_buf_unref(b);
	cat_free(etag);
	object_fini(&o);
	return rc;
}

/* One step: *DONE false when somebody else was faster. */
static int step(const struct object *o, const char *name, bool unsafe, char *previous, bool *done,
                struct cat_error *err)
{
	struct cat_s3_put how = {.content_type = "text/plain"};
	struct cat_buf *b = NULL, *body = NULL;
	char *etag = NULL, text[CAT_RELEASE_NAME + 1];
	int rc = get(o, MAX_LATEST, &b, &etag, err);

	*done = false;
	previous[0] = '\0';
	if (rc == CAT_OK && b && !cat_release_of(b, previous))
		rc = cat_fail(err, CAT_E_DATA, "%s is there and names no release", o->address);
	*done = rc == CAT_OK && strcmp(previous, name) == 0;
	if (rc == CAT_OK && !*done) {
		snprintf(text, sizeof text, "%s\n", name);
		how.create = !b;
		how.replace_etag = b ? etag : NULL;
		rc = cat_buf_copy(text, strlen(text), &body, err);
		if (rc == CAT_OK)
			rc = cat_s3_put(&o->url, o->address, body, &how, NULL, err);
		if (rc == CAT_E_UNSUPPORTED && unsafe) {
			how.create = false;
			how.replace_etag = NULL;
			rc = cat_s3_put(&o->url, o->address, body, &how, NULL, err);
		}
		*done = rc == CAT_OK;
		if ((rc == CAT_E_CREATE || rc == CAT_E_TEMP) && (err->sys == 412 || err->sys == 404))
			rc = (int)(err->code = CAT_OK);
	}
	cat_buf_unref(b);
	cat_buf_unref(body);
	cat_free(etag);
	return rc;
}

int cat_release_move(const char *folder, const char *name, bool unsafe, char previous[CAT_RELEASE_NAME],
                     struct cat_error *err)
{
	struct object o;
	bool done = false;
	int rc = object_at(cat_url_join(folder, "latest"), &o, err);

	for (int i = 0; rc == CAT_OK && !done && i < MOVES; i++)
		rc = step(&o, name, unsafe, previous, &done, err);
	if (rc == CAT_OK && !done)
		rc = cat_fail(err, CAT_E_TEMP, "%s: others change it all the time", o.address);
	object_fini(&o);
	return rc;
}
