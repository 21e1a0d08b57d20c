#include "dataset/hats_place.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "dataset/hats.h"
#include "storage/hidden.h"
#include "storage/local.h"

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
	if (mkdir(path, 0777) != 0 && errno != EEXIST)
		return cat_fail_sys(err, CAT_E_CREATE, errno, "cannot create %s", shown);
	return CAT_OK;
}

int cat_hats_file(const char *folder, const char *name, const char *shown, const void *data, size_t len,
                  struct cat_error *err)
{
	char *path = cat_hats_path(folder, name);
	struct cat_writer *w;
	int rc;

	if (!path)
		return cat_fail_mem(err, strlen(folder));
	rc = cat_local_create_part(path, shown, &w, err);
	cat_free(path);
	CAT_TRY(rc);
	rc = cat_write_bytes(w, data, len, err);
	if (rc == CAT_OK)
		rc = w->ops->commit(w, err);
	cat_writer_close(w);
	return rc;
}

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
	rc = p->name ? check_place(p->path, overwrite, err) : cat_fail_mem(err, n);
	if (rc == CAT_OK)
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
	CAT_TRY(cat_local_publish(p->hidden, p->path, p->overwrite, err));
	p->published = true;
	return CAT_OK;
}

void cat_hats_place_free(struct cat_hats_place *p)
{
	if (!p)
		return;
	if (p->hidden && !p->published)
		cat_local_remove_tree(p->hidden);
	if (p->lock >= 0)
		close(p->lock);
	cat_free(p->path);
	cat_free(p->name);
	cat_free(p->hidden);
	cat_free(p);
}
