/* The rows of a catalogue's partitions. */
#include "dataset/hats_feed.h"

#include <string.h>

#include "base/alloc.h"
#include "dataset/several.h"
#include "formats/parquet.h"
#include "net/url.h"

/* Partitions that will be wanted soon are opened ahead: far away it takes a while. */
#define OPEN_AHEAD 32

struct ahead {
	int part;
	struct cat_opening *opening;
};
struct leaves {
	struct cat_hats *hats;
	struct cat_hats_want want;
	struct ahead ahead[OPEN_AHEAD];
	int nahead, next; /* how many are under way, and which partition was looked at last */
};

static void leaves_free(void *arg)
{
	struct leaves *l = arg;

	for (int i = 0; i < l->nahead; i++)
		cat_open_cancel(l->ahead[i].opening);
	cat_hats_free(l->hats);
	cat_free(l);
}

/* A partition that is a folder: its files by name, read as one. */
struct files {
	char **v;
	size_t n, cap;
	char *folder;
};

static void files_free(void *arg)
{
	struct files *f = arg;

	for (size_t i = 0; i < f->n; i++)
		cat_free(f->v[i]);
	cat_free(f->v);
	cat_free(f->folder);
	cat_free(f);
}

static int add_file(void *arg, const char *name, struct cat_error *err)
{
	struct files *f = arg;

	if (cat_grow(&f->v, &f->cap, f->n, sizeof(char *)) != 0 || !(f->v[f->n] = cat_strdup(name)))
		return cat_fail_mem(err, strlen(name));
	f->n++;
	return CAT_OK;
}

static int open_in_folder(void *arg, int i, struct cat_feed **out, const char **name, struct cat_error *err)
{
	const struct files *f = arg;
	char *path = cat_url_join(f->folder, f->v[i]);
	int rc;

	if (!path)
		return cat_fail_mem(err, strlen(f->folder));
	rc = cat_hats_open_file(path, true, out, name, err);
	cat_free(path);
	return rc;
}

static int open_folder(struct cat_hats *h, const char *path, struct cat_feed **out, struct cat_error *err)
{
	struct files *f = cat_calloc(1, sizeof *f);
	int rc;

	if (!f)
		return cat_fail_mem(err, sizeof *f);
	f->folder = cat_strdup(path);
	rc = f->folder ? cat_hats_each_file(h, path, add_file, f, err) : cat_fail_mem(err, strlen(path));
	if (rc == CAT_E_NOINPUT || (rc == CAT_OK && f->n == 0))
		rc = cat_fail(err, CAT_E_DATA, "%s: the partition is missing or empty", path);
	if (rc != CAT_OK) {
		files_free(f);
		return rc;
	}
	return cat_several_feed(h->schema,
	                        &(struct cat_several){.n = (int)f->n, .open = open_in_folder, .free_arg = files_free,
	                                              .arg = f, .extra = cat_hats_hidden, .nrows = -1, .sharded = true},
	                        out, err);
}

static bool wanted(const struct leaves *l, int part)
{
	int64_t lo, hi;

	cat_hats_range(&l->hats->parts[part], &lo, &hi);
	return !l->want.keep || l->want.keep(l->want.arg, lo, hi);
}

static int open_ahead(struct leaves *l, int part, struct cat_error *err)
{
	const int end = l->want.end ? l->want.end : l->hats->nparts;

	if (!cat_open_is_remote(l->hats->root) || l->hats->folders)
		return CAT_OK;
	if (l->next < part)
		l->next = part;
	for (; l->nahead < OPEN_AHEAD && l->next < end; l->next++) {
		struct ahead *a = &l->ahead[l->nahead];
		char *path;
		int rc;

		if (!wanted(l, l->next))
			continue;
		a->part = l->next;
		a->opening = l->next == l->hats->first_part ? atomic_exchange(&l->hats->first, NULL) : NULL;
		if (!a->opening) {
			path = cat_hats_leaf(l->hats, &l->hats->parts[l->next]);
			if (!path)
				return cat_fail_mem(err, 160);
			rc = cat_open_begin(path, CAT_OPEN_TAIL, &a->opening, err);
			cat_free(path);
			CAT_TRY(rc);
		}
		l->nahead++;
	}
	return CAT_OK;
}

/* Opens a partition that is a file, from what was begun ahead when it was. */
static int open_file_leaf(struct leaves *l, int part, const char *path, struct cat_feed **out, const char **name,
                          struct cat_error *err)
{
	const struct cat_parquet_options bare = {.bare = true};
	struct cat_opening *opening;
	struct cat_reader *r;

	CAT_TRY(open_ahead(l, part, err));
	if (l->nahead == 0 || l->ahead[0].part != part)
		return cat_hats_open_file(path, true, out, name, err);
	opening = l->ahead[0].opening;
	l->nahead--;
	memmove(l->ahead, l->ahead + 1, (size_t)l->nahead * sizeof *l->ahead);
	CAT_TRY(cat_open_finish(opening, &r, err));
	*name = r->name;
	if (cat_parquet_feed(r, &bare, out, err) != CAT_OK)
		return cat_wrap(err, "%s", path);
	return CAT_OK;
}

static int open_leaf(void *arg, int i, struct cat_feed **out, const char **name, struct cat_error *err)
{
	struct leaves *l = arg;
	const int part = l->want.begin + i;
	char *path;
	int rc;

	*out = NULL;
	*name = NULL;
	if (!wanted(l, part))
		return CAT_OK;
	path = cat_hats_leaf(l->hats, &l->hats->parts[part]);
	if (!path)
		return cat_fail_mem(err, 160);
	rc = l->hats->folders ? open_folder(l->hats, path, out, err) : open_file_leaf(l, part, path, out, name, err);
	if (rc == CAT_E_NOINPUT)
		err->code = CAT_E_DATA; /* the catalogue is there; that a partition is missing is its fault */
	cat_free(path);
	return rc == CAT_OK ? rc : (int)err->code;
}

int cat_hats_feed(struct cat_hats *h, const struct cat_hats_want *want, struct cat_feed **out, struct cat_error *err)
{
	struct leaves *l = cat_calloc(1, sizeof *l);
	struct cat_several sev = {.n = h->nparts, .open = open_leaf, .free_arg = leaves_free, .arg = l, .extra = cat_hats_hidden,
	                          .nrows = h->nrows, .sharded = true};

	if (!l) {
		cat_hats_free(h);
		return cat_fail_mem(err, sizeof *l);
	}
	/* Rows that are there but in no partition must not look like no rows. */
	if (h->nparts == 0 && h->nrows > 0) {
		const char *type = cat_kv_get(&h->properties, "dataproduct_type");

		cat_fail(err, CAT_E_UNSUPPORTED, "%s: its %lld rows (%s) lie in no partitions, which cannot be read yet",
		         h->given, (long long)h->nrows, type ? type : "of no type");
		if (type && strcasecmp(type, "index") == 0)
			cat_hint(err, "cat-scan DIR/dataset/index/*.parquet");
		cat_hats_free(h);
		cat_free(l);
		return (int)err->code;
	}
	l->hats = h;
	if (want)
		l->want = *want;
	sev.far = cat_open_is_remote(h->root);
	sev.bytes = h->bytes;
	sev.note = h->note;
	sev.n = (l->want.end ? l->want.end : h->nparts) - l->want.begin;
	if (sev.n < h->nparts)
		sev.nrows = -1;
	return cat_several_feed(h->schema, &sev, out, err);
}
