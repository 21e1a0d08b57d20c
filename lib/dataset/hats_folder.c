/* Partitions that are folders: which files they have. A web server does not say; _metadata, which names each leaf,
 * does. */
#include "dataset/hats_feed.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "formats/parquet.h"
#include "net/url.h"
#include "storage/tree.h"

struct listing {
	int (*each)(void *arg, const char *name, struct cat_error *err);
	void *arg;
};

/* What is hidden is no leaf. */
static bool is_leaf(const char *name)
{
	return name[0] && name[0] != '.' && name[0] != '_';
}

static int give_entry(void *arg, const struct cat_tree_entry *e, struct cat_error *err)
{
	const struct listing *l = arg;

	return e->is_folder || !is_leaf(e->name) ? CAT_OK : l->each(l->arg, e->name, err);
}

/* --- by _metadata --- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The files of all row groups, each once, in the order of their bytes. */
static int read_names(struct cat_hats_names *names, const struct cat_parquet_file *f, struct cat_error *err)
{
	size_t kept = 0;

	for (int g = 0; g < cat_parquet_ngroups(f); g++) {
		size_t len;
		const char *path = cat_parquet_group_path(f, g, &len);
		const char *last = names->n ? names->v[names->n - 1] : "";

		if (!path || (strlen(last) == len && memcmp(last, path, len) == 0))
			continue;
		if (cat_grow(&names->v, &names->cap, names->n, sizeof(char *)) != 0 ||
		    !(names->v[names->n] = cat_strndup(path, len)))
			return cat_fail_mem(err, len);
		names->n++;
	}
	if (names->n)
		qsort(names->v, names->n, sizeof(char *), by_name);
	for (size_t i = 0; i < names->n; i++)
		if (kept && strcmp(names->v[kept - 1], names->v[i]) == 0)
			cat_free(names->v[i]);
		else
			names->v[kept++] = names->v[i];
	names->n = kept;
	return CAT_OK;
}

static int load_names(struct cat_hats *h, struct cat_error *err)
{
	char *path = cat_url_join(h->root, "dataset/_metadata");
	struct cat_parquet_file *f = NULL;
	struct cat_reader *r = NULL;
	int rc = path ? cat_open(path, CAT_OPEN_TAIL, &r, err) : cat_fail_mem(err, strlen(h->root));

	if (rc == CAT_OK)
		rc = cat_parquet_open(r, NULL, &f, err);
	if (rc == CAT_OK)
		rc = read_names(&h->names, f, err);
	cat_parquet_close(f);
	cat_reader_close(r);
	if (rc == CAT_E_NOINPUT) {
		rc = cat_fail(err, CAT_E_UNSUPPORTED,
		              "%s: its partitions are folders, and a web server does not say what is in them, nor is "
		              "there a dataset/_metadata that does",
		              h->given);
		cat_hint(err, "an s3:// address of the same catalogue");
	} else if (rc != CAT_OK) {
		cat_wrap(err, "%s", path ? path : h->root);
	}
	cat_free(path);
	return rc;
}

void cat_hats_names_fini(struct cat_hats_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		cat_free(names->v[i]);
	cat_free(names->v);
	*names = (struct cat_hats_names){0};
}

/* First name that is not less than PREFIX. */
static size_t find(const struct cat_hats_names *names, const char *prefix)
{
	size_t lo = 0, hi = names->n;

	while (lo < hi) {
		const size_t mid = lo + (hi - lo) / 2;

		if (strcmp(names->v[mid], prefix) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int each_named(struct cat_hats *h, const char *path, const struct listing *l, struct cat_error *err)
{
	char *dataset = cat_url_join(h->root, "dataset"), *prefix = NULL;
	const size_t skip = dataset ? strcspn(dataset, "?") + 1 : 0;
	int rc = CAT_OK;

	pthread_mutex_lock(&h->names_lock);
	if (!h->names.n)
		rc = load_names(h, err);
	pthread_mutex_unlock(&h->names_lock);
	if (rc == CAT_OK && dataset && strlen(path) > skip)
		prefix = cat_strndup(path + skip, strcspn(path + skip, "?"));
	if (rc == CAT_OK && !prefix)
		rc = cat_fail_mem(err, strlen(path));
	if (rc == CAT_OK) {
		const size_t n = strlen(prefix);

		for (size_t i = find(&h->names, prefix); rc == CAT_OK && i < h->names.n; i++) {
			const char *name = h->names.v[i];

			if (strncmp(name, prefix, n) != 0)
				break;
			if (name[n] == '/' && is_leaf(name + n + 1) && !strchr(name + n + 1, '/'))
				rc = l->each(l->arg, name + n + 1, err);
		}
	}
	cat_free(dataset);
	cat_free(prefix);
	return rc;
}

int cat_hats_each_file(struct cat_hats *h, const char *path,
                       int (*each)(void *arg, const char *name, struct cat_error *err), void *arg,
                       struct cat_error *err)
{
	struct listing l = {each, arg};
	const int rc = cat_tree_each(path, true, give_entry, &l, err);

	if (rc != CAT_E_UNSUPPORTED)
		return rc;
	*err = (struct cat_error){0};
	return each_named(h, path, &l, err);
}
