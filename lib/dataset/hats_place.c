#include "dataset/hats_place.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "dataset/hats.h"
#include "net/s3.h"
#include "storage/create.h"
#include "storage/hidden.h"
#include "storage/local.h"
#include "storage/open.h"
#include "storage/tree.h"

char *cat_hats_path(const char *folder, const char *name)
{
	const size_t n = strlen(folder) + strlen(name) + 2;
	char *path = cat_malloc(n);

	if (path)
		snprintf(path, n, "%s/%s", folder, name);
	return path;
}

int cat_hats_mkdir(const char *path, const char *shown, struct cat_error *err)
{
	/* Object stores have none. */
	if (cat_open_is_remote(path))
		return CAT_OK;
	if (mkdir(path, 0777) != 0 && errno != EEXIST)
		return cat_fail_sys(err, CAT_E_CREATE, errno, "cannot create %s", shown);
	return CAT_OK;
}

void cat_hats_rmdir(const char *path)
{
	if (!cat_open_is_remote(path))
		(void)rmdir(path);
}

int cat_hats_create(const char *path, const char *shown, struct cat_writer **out, struct cat_error *err)
{
	/* Many leaves are written at a time: each gets by with one part under way. */
	return cat_open_is_remote(path) ? cat_create_object(path, 1, false, out, err)
	                                : cat_local_create_part(path, shown, out, err);
}

int cat_hats_file(const char *folder, const char *name, const char *shown, const void *data, size_t len,
                  struct cat_error *err)
{
	char *path = cat_hats_path(folder, name);
	struct cat_writer *w;
	int rc;

	if (!path)
		return cat_fail_mem(err, strlen(folder));
	rc = cat_hats_create(path, shown, &w, err);
	cat_free(path);
	CAT_TRY(rc);
	rc = cat_write_bytes(w, data, len, err);
	if (rc == CAT_OK)
		rc = w->ops->commit(w, err);
	cat_writer_close(w);
	return rc;
}

int cat_hats_place_check(const char *path, bool overwrite, struct cat_error *err)
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

/* --- in an object store: no folder can be hidden there, but what has no properties is no catalogue --- */

struct store {
	char **keys; /* seen from the folder */
	size_t n, cap;
	bool is_catalogue, foreign; /* it describes itself; it holds what no catalogue holds */
};

static int see_file(void *arg, const struct cat_tree_entry *e, struct cat_error *err)
{
	static const char *const ends[] = {".parquet", "properties", "partition_info.csv", "_metadata", "skymap.fits",
	                                   "point_map.fits", "_partition_statistics.parquet"};
	struct store *s = arg;
	const size_t n = strlen(e->name);
	bool known = false;

	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		known |= n >= strlen(ends[i]) && strcmp(e->name + n - strlen(ends[i]), ends[i]) == 0;
	s->foreign |= !known;
	s->is_catalogue |= strcmp(e->name, "hats.properties") == 0 || strcmp(e->name, "properties") == 0 ||
	                   strcmp(e->name, "collection.properties") == 0;
	if (cat_grow(&s->keys, &s->cap, s->n, sizeof(char *)) != 0 || !(s->keys[s->n] = cat_strdup(e->name)))
		return cat_fail_mem(err, n);
	s->n++;
	return CAT_OK;
}

static void store_fini(struct store *s)
{
	for (size_t i = 0; i < s->n; i++)
		cat_free(s->keys[i]);
	cat_free(s->keys);
}

static bool is_description(const char *key)
{
	const size_t n = strlen(key);

	return n >= 10 && strcmp(key + n - 10, "properties") == 0;
}

/* Removes what was seen below PATH; what makes it a catalogue first, so that it is none from then on. */
static int clear_store(const char *path, const struct store *s, struct cat_error *err)
{
	char **keys = cat_calloc(s->n ? s->n : 1, sizeof(char *));
	struct cat_url url = {0};
	size_t n = 0, first = 0;
	int rc = keys ? cat_url_parse(path, &url, err) : cat_fail_mem(err, s->n * sizeof(char *));

	for (int pass = 0; rc == CAT_OK && pass < 2; pass++) {
		for (size_t i = 0; i < s->n && rc == CAT_OK; i++) {
			if (is_description(s->keys[i]) != (pass == 0))
				continue;
			keys[n] = cat_url_join(url.key, s->keys[i]);
			if (!keys[n])
				rc = cat_fail_mem(err, strlen(s->keys[i]));
			n += rc == CAT_OK;
		}
		if (rc == CAT_OK && n > first)
			rc = cat_s3_delete(&url, path, keys + first, n - first, err);
		first = n;
	}
	for (size_t i = 0; i < n; i++)
		cat_free(keys[i]);
	cat_free(keys);
	cat_url_fini(&url);
	return rc;
}

static int open_store(struct cat_hats_place *p, struct cat_error *err)
{
	struct store s = {0};
	int rc = cat_tree_each(p->path, false, see_file, &s, err);

	if (rc == CAT_E_NOINPUT && s.n == 0 && err->sys != 404)
		rc = (int)(err->code = CAT_OK);
	if (rc == CAT_OK && s.n && !p->overwrite) {
		cat_fail(err, CAT_E_CREATE, s.is_catalogue ? "%s is a catalogue already" : "%s is not empty", p->path);
		rc = s.foreign && !s.is_catalogue ? (int)err->code : cat_hint(err, "--overwrite");
	} else if (rc == CAT_OK && s.n && s.foreign && !s.is_catalogue) {
		rc = cat_fail(err, CAT_E_CREATE, "%s is not empty and no catalogue", p->path);
	}
	if (rc == CAT_OK)
		rc = clear_store(p->path, &s, err);
	store_fini(&s);
	if (rc == CAT_OK && !(p->hidden = cat_strdup(p->path)))
		rc = cat_fail_mem(err, strlen(p->path));
	return rc;
}

static void abandon_store(const struct cat_hats_place *p)
{
	struct cat_error unused = {0};
	struct store s = {0};

	if (cat_tree_each(p->path, false, see_file, &s, &unused) == CAT_OK && clear_store(p->path, &s, &unused) != CAT_OK)
		unused.code = CAT_OK; /* what stays has no properties: nobody takes it for a catalogue */
	store_fini(&s);
}

int cat_hats_place_open(const char *path, bool overwrite, struct cat_hats_place **out, struct cat_error *err)
{
	struct cat_hats_place *p = cat_calloc(1, sizeof *p);
	size_t n = strlen(path);
	const char *slash;
	int rc;

	if (!p)
		return cat_fail_mem(err, sizeof *p);
	while (n > 1 && path[n - 1] == '/')
		n--;
	p->lock = -1;
	p->overwrite = overwrite;
	p->path = cat_strndup(path, n);
	slash = p->path ? strrchr(p->path, '/') : NULL;
	p->name = p->path ? cat_strdup(slash ? slash + 1 : p->path) : NULL;
	p->remote = cat_open_is_remote(path);
	rc = p->name ? CAT_OK : cat_fail_mem(err, n);
	if (rc == CAT_OK && !p->remote)
		rc = cat_hats_place_check(p->path, overwrite, err);
	if (rc == CAT_OK && p->remote)
		rc = open_store(p, err);
	else if (rc == CAT_OK)
		rc = cat_hidden_create(p->path, &p->hidden, &p->lock, err);
	if (rc != CAT_OK) {
		cat_hats_place_free(p);
		return rc;
	}
	*out = p;
	return CAT_OK;
}

int cat_hats_place_publish(struct cat_hats_place *p, struct cat_error *err)
{
	if (!p->remote)
		CAT_TRY(cat_local_publish(p->hidden, p->path, p->overwrite, err));
	p->published = true;
	return CAT_OK;
}

void cat_hats_place_free(struct cat_hats_place *p)
{
	if (!p)
		return;
	if (p->hidden && !p->published && p->remote)
		abandon_store(p);
	else if (p->hidden && !p->published)
		cat_local_remove_tree(p->hidden);
	if (p->lock >= 0)
		close(p->lock);
	cat_free(p->path);
	cat_free(p->name);
	cat_free(p->hidden);
	cat_free(p);
}
