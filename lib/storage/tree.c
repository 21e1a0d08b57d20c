#include "storage/tree.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/alloc.h"
#include "net/s3.h"
#include "net/url.h"

struct walk {
	int (*each)(void *arg, const struct cat_tree_entry *e, struct cat_error *err);
	void *arg;
	bool flat;
	size_t strip; /* bytes of a key in front of the names given out */
	bool any;
};

/* --- here --- */

static int not_dots(const struct dirent *e)
{
	return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
}

/* By bytes, whatever the locale; a folder counts with its slash, as in the names of what is in it. */
struct child {
	char *name;
	struct stat st;
};

static int by_bytes(const void *a, const void *b)
{
	const struct child *x = a, *y = b;
	size_t i = 0;
	unsigned char cx, cy;

	while (x->name[i] && x->name[i] == y->name[i])
		i++;
	cx = (unsigned char)(x->name[i] ? x->name[i] : S_ISDIR(x->st.st_mode) ? '/' : 0);
	cy = (unsigned char)(y->name[i] ? y->name[i] : S_ISDIR(y->st.st_mode) ? '/' : 0);
	return cx < cy ? -1 : cx > cy;
}

/* The folders that one is in: links may lead back up, and would be followed for ever. */
struct above {
	const struct above *up;
	dev_t dev;
	ino_t ino;
};

static bool leads_back(const struct above *a, const struct stat *st)
{
	for (; a; a = a->up)
		if (a->dev == st->st_dev && a->ino == st->st_ino)
			return true;
	return false;
}

static int walk_folder(struct walk *w, const char *folder, const char *prefix, const struct above *here,
                       struct cat_error *err);

static int walk_child(struct walk *w, const char *folder, const char *prefix, const struct child *c,
                      const struct above *here, struct cat_error *err)
{
	const bool is_folder = S_ISDIR(c->st.st_mode);
	char *name = prefix[0] ? cat_url_join(prefix, c->name) : cat_strdup(c->name), modified[32];
	const time_t when = c->st.st_mtime;
	struct tm tm;
	int rc = CAT_OK;

	if (!name)
		return cat_fail_mem(err, strlen(c->name));
	gmtime_r(&when, &tm);
	strftime(modified, sizeof modified, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (w->flat || !is_folder) {
		rc = w->each(w->arg,
		             &(struct cat_tree_entry){.name = name, .is_folder = is_folder,
		                                      .is_other = !is_folder && !S_ISREG(c->st.st_mode),
		                                      .size = is_folder ? 0 : (int64_t)c->st.st_size, .etag = "",
		                                      .modified = modified},
		             err);
	} else if (is_folder && !leads_back(here, &c->st)) {
		const struct above deeper = {.up = here, .dev = c->st.st_dev, .ino = c->st.st_ino};
		char *inner = cat_url_join(folder, c->name);

		rc = inner ? walk_folder(w, inner, name, &deeper, err) : cat_fail_mem(err, strlen(folder));
		cat_free(inner);
	}
	cat_free(name);
	return rc;
}

static int walk_folder(struct walk *w, const char *folder, const char *prefix, const struct above *here,
                       struct cat_error *err)
{
	struct dirent **found;
	struct child *v;
	const int n = scandir(folder, &found, not_dots, NULL);
	int rc = CAT_OK, kept = 0;

	if (n < 0)
		return cat_fail_sys(err, errno == EACCES ? CAT_E_DENIED : CAT_E_NOINPUT, errno, "%s", folder);
	v = cat_calloc((size_t)n + 1, sizeof *v);
	for (int i = 0; i < n; i++) {
		char *path = v ? cat_url_join(folder, found[i]->d_name) : NULL;

		/* What vanished in the meantime is not there; a link that leads nowhere is. */
		if (path && (stat(path, &v[kept].st) == 0 || lstat(path, &v[kept].st) == 0))
			v[kept++].name = cat_strdup(found[i]->d_name);
		if (!path || (kept && !v[kept - 1].name)) {
			rc = cat_fail_mem(err, strlen(folder));
			kept -= kept && !v[kept - 1].name;
		}
		cat_free(path);
		free(found[i]);
	}
	free(found);
	if (kept)
		qsort(v, (size_t)kept, sizeof *v, by_bytes);
	for (int i = 0; i < kept; i++) {
		if (rc == CAT_OK)
			rc = walk_child(w, folder, prefix, &v[i], here, err);
		cat_free(v[i].name);
	}
	cat_free(v);
	return rc;
}

/* --- in an object store --- */

static int each_key(void *arg, const struct cat_s3_entry *e, struct cat_error *err)
{
	struct walk *w = arg;
	const char *name = strlen(e->key) >= w->strip ? e->key + w->strip : "";
	char *bare;
	size_t n = strlen(name);
	int rc;

	/* A key that is the folder itself: what some tools leave to mark it. */
	w->any = true;
	if (n == 0 || (!e->is_prefix && name[n - 1] == '/'))
		return CAT_OK;
	if (!e->is_prefix)
		return w->each(w->arg,
		               &(struct cat_tree_entry){.name = name, .size = e->size, .etag = e->etag,
		                                        .modified = e->modified},
		               err);
	bare = cat_strndup(name, name[n - 1] == '/' ? n - 1 : n);
	if (!bare)
		return cat_fail_mem(err, n);
	rc = w->each(w->arg, &(struct cat_tree_entry){.name = bare, .is_folder = true, .etag = "", .modified = ""}, err);
	cat_free(bare);
	return rc;
}

static int walk_store(struct walk *w, struct cat_url *url, const char *folder, struct cat_error *err)
{
	size_t n = strlen(url->key);

	if (n > 0 && url->key[n - 1] != '/') {
		char *with = cat_url_join(url->key, "");

		if (!with)
			return cat_fail_mem(err, n);
		cat_free(url->key);
		url->key = with;
		n = strlen(with);
	}
	w->strip = n;
	CAT_TRY(cat_s3_list(url, folder, w->flat, each_key, w, err));
	return w->any || n == 0 ? CAT_OK : cat_fail(err, CAT_E_NOINPUT, "%s: there is nothing", folder);
}

int cat_tree_each(const char *folder, bool flat,
                  int (*each)(void *arg, const struct cat_tree_entry *e, struct cat_error *err), void *arg,
                  struct cat_error *err)
{
	struct walk w = {.each = each, .arg = arg, .flat = flat};
	struct cat_url url;
	int rc;

	if (!cat_url_is(folder)) {
		struct stat st = {0};
		struct above top;

		(void)!stat(folder, &st); /* where that fails, reading it does too */
		top = (struct above){.dev = st.st_dev, .ino = st.st_ino};
		return walk_folder(&w, folder, "", &top, err);
	}
	CAT_TRY(cat_url_parse(folder, &url, err));
	rc = url.is_s3 ? walk_store(&w, &url, folder, err)
	               : cat_fail(err, CAT_E_UNSUPPORTED, "%s: a web server does not say which files it has", folder);
	cat_url_fini(&url);
	return rc;
}
