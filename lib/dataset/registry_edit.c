/* Changes of the user's own list of tables. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "dataset/registry.h"
#include "storage/create.h"
#include "storage/local.h"
#include "storage/open.h"

#define MAX_LIST ((size_t)64 << 20)
#define WAIT_MS 10000
#define LOOK_MS 20

struct edit {
	const char *name, *to;
	const struct cat_named *t;
	bool replace;
};

static int lock(const char *path, int *fd, struct cat_error *err)
{
	const struct timespec pause = {0, LOOK_MS * 1000000L};
	char name[4096];

	if ((size_t)snprintf(name, sizeof name, "%s.lock", path) >= sizeof name)
		return cat_fail(err, CAT_E_CONFIG, "%s: the name is too long", path);
	*fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (*fd < 0)
		return cat_fail_sys(err, CAT_E_CREATE, errno, "cannot create %s", name);
	for (int ms = 0; flock(*fd, LOCK_EX | LOCK_NB) != 0; ms += LOOK_MS) {
		if (errno != EWOULDBLOCK && errno != EINTR) {
			cat_fail_sys(err, CAT_E_IO, errno, "cannot lock %s", name);
			close(*fd);
			return (int)err->code;
		}
		if (ms >= WAIT_MS) {
			close(*fd);
			return cat_fail(err, CAT_E_TEMP, "another process holds %s", name);
		}
		nanosleep(&pause, NULL);
	}
	return CAT_OK;
}

/* The list's text, changed by EDIT, in its place. */
static int edit_locked(const char *path,
                       int (*edit)(const struct edit *e, const char *text, size_t n, struct cat_text *out,
                                   struct cat_error *err),
                       const struct edit *e, struct cat_error *err)
{
	struct cat_text out = {.max = MAX_LIST};
	char *name = (char[4096]){0};
	struct cat_buf *b;
	bool denied;
	int rc;

	snprintf(name, 4096, "%s", path);
	CAT_TRY(cat_open_fetch(&name, 1, MAX_LIST, &b, &denied, err));
	rc = edit(e, b ? (const char *)b->data : "", b ? b->size : 0, &out, err);
	cat_buf_unref(b);
	if (rc == CAT_OK)
		rc = cat_create_whole(path, out.s ? out.s : "", out.len, err);
	cat_text_fini(&out);
	return rc;
}

static int edit_own(int (*edit)(const struct edit *e, const char *text, size_t n, struct cat_text *out,
                                struct cat_error *err),
                    const struct edit *e, struct cat_error *err)
{
	const char *path = cat_registry_own();
	const char *slash = strrchr(path, '/');
	char folder[4096];
	int fd, rc;

	if (!*path)
		return cat_fail(err, CAT_E_CONFIG, "there is no list of your own to change: set HOME or CATPIPE_TABLES");
	snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 0, path);
	if (folder[0] && !cat_local_make_folder(folder))
		return cat_fail_sys(err, CAT_E_CREATE, errno, "cannot create %s", folder);
	CAT_TRY(lock(path, &fd, err));
	rc = edit_locked(path, edit, e, err);
	close(fd);
	cat_registry_reset();
	return rc == CAT_OK || strstr(err->cause, path) ? rc : cat_wrap(err, "%s", path);
}

/* *HAS: whether TEXT has a table called exactly NAME. */
static int look(const char *text, size_t n, const char *name, bool *has, struct cat_error *err)
{
	struct cat_namelist l;
	int rc = cat_namelist_parse(text, n, cat_registry_own(), false, &l, err);

	*has = false;
	for (size_t i = 0; rc == CAT_OK && i < l.n; i++)
		*has |= strcmp(l.v[i].name, name) == 0;
	cat_namelist_fini(&l);
	return rc;
}

static int add(const struct edit *e, const char *text, size_t n, struct cat_text *out, struct cat_error *err)
{
	struct cat_text without = {.max = MAX_LIST};
	bool has;
	int rc;

	CAT_TRY(look(text, n, e->t->name, &has, err));
	if (has && !e->replace) {
		cat_fail(err, CAT_E_CREATE, "it has a table '%s'", e->t->name);
		return cat_hint(err, "cat-tables add --replace %s ...", e->t->name);
	}
	if (!has)
		return cat_namelist_add(text, n, e->t, out, err);
	rc = cat_namelist_remove(text, n, e->t->name, &without, err);
	if (rc == CAT_OK)
		rc = cat_namelist_add(without.s ? without.s : "", without.len, e->t, out, err);
	cat_text_fini(&without);
	return rc;
}

int cat_registry_add(const struct cat_named *t, bool replace, struct cat_error *err)
{
	return edit_own(add, &(struct edit){.t = t, .replace = replace}, err);
}

static int give_name(const struct edit *e, const char *text, size_t n, struct cat_text *out, struct cat_error *err)
{
	bool has;

	CAT_TRY(look(text, n, e->to, &has, err));
	return has ? cat_fail(err, CAT_E_CREATE, "it has a table '%s'", e->to)
	           : cat_namelist_rename(text, n, e->name, e->to, out, err);
}

int cat_registry_rename(const char *name, const char *to, struct cat_error *err)
{
	return edit_own(give_name, &(struct edit){.name = name, .to = to}, err);
}

static int take_out(const struct edit *e, const char *text, size_t n, struct cat_text *out, struct cat_error *err)
{
	return cat_namelist_remove(text, n, e->name, out, err);
}

int cat_registry_remove(const char *name, struct cat_error *err)
{
	return edit_own(take_out, &(struct edit){.name = name}, err);
}
