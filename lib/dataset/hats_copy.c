#include "dataset/hats_copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "dataset/hats_feed.h"
#include "dataset/hats_place.h"
#include "dataset/properties.h"
#include "formats/parquet.h"
#include "net/url.h"
#include "storage/tree.h"

#define SEPARATORS " ,;\t\r\n"
#define LEFT_OUT "catpipe_indexes_left_out" /* in collection.properties: what all_indexes said */

/* --- members --- */

static int add_member(struct cat_hats_copy *c, struct cat_hats *h, const char *name, size_t n,
                      struct cat_hats_copy_member **out, struct cat_error *err)
{
	struct cat_hats_copy_member *more = cat_realloc(c->members, (size_t)c->nmembers + 1, sizeof *more), *m;

	if (!more) {
		cat_hats_free(h);
		return cat_fail_mem(err, sizeof *more);
	}
	c->members = more;
	m = &more[c->nmembers++];
	*m = (struct cat_hats_copy_member){.hats = h, .name = name ? cat_strndup(name, n) : NULL};
	m->parts = cat_calloc((size_t)h->nparts + 1, sizeof *m->parts);
	if (!m->parts || (name && !m->name))
		return cat_fail_mem(err, (size_t)h->nparts * sizeof *m->parts);
	*out = m;
	return CAT_OK;
}

static void choose(struct cat_hats_copy_member *m, const struct cat_hats_want *want)
{
	for (int i = 0; i < m->hats->nparts; i++) {
		int64_t lo, hi;

		cat_hats_range(&m->hats->parts[i], &lo, &hi);
		if (!want || !want->keep || want->keep(want->arg, lo, hi))
			m->parts[m->nparts++] = i;
	}
}

/* Of a margin cache: the partitions of the catalogue's that were chosen. */
static void choose_like(struct cat_hats_copy_member *m, const struct cat_hats_copy_member *main)
{
	int k = 0;

	/* Both in the order of the sky. */
	for (int i = 0; i < m->hats->nparts; i++) {
		const struct cat_hats_part *p = &m->hats->parts[i];
		int64_t lo, hi, at, end;

		cat_hats_range(p, &lo, &hi);
		for (; k < main->nparts; k++) {
			cat_hats_range(&main->hats->parts[main->parts[k]], &at, &end);
			if (at >= lo)
				break;
		}
		if (k < main->nparts && main->hats->parts[main->parts[k]].order == p->order &&
		    main->hats->parts[main->parts[k]].npix == p->npix)
			m->parts[m->nparts++] = i;
	}
}

static int open_margin(struct cat_hats_copy *c, const char *name, size_t n, bool all, struct cat_error *err)
{
	struct cat_hats_copy_member *m;
	struct cat_hats *h;
	char *folder = cat_strndup(name, n), *path = folder ? cat_url_join(c->root, folder) : NULL;
	int rc = CAT_OK;

	if (!path)
		rc = cat_fail_mem(err, n);
	else if (strchr(folder, '/') || strcmp(folder, "..") == 0)
		rc = cat_fail(err, CAT_E_DATA, "%s: the margin cache '%s' lies outside the collection", c->root, folder);
	if (rc == CAT_OK)
		rc = cat_hats_open(path, NULL, &h, err);
	/* The collection is there; that a part of it is missing is its fault. */
	if (rc == CAT_E_NOINPUT)
		rc = (int)(err->code = CAT_E_DATA);
	if (rc == CAT_OK)
		rc = add_member(c, h, name, n, &m, err);
	if (rc == CAT_OK && all)
		choose(m, NULL);
	else if (rc == CAT_OK)
		choose_like(m, &c->members[0]);
	cat_free(folder);
	cat_free(path);
	return rc;
}

static int open_members(struct cat_hats_copy *c, const char *address, const struct cat_hats_want *want,
                        struct cat_error *err)
{
	struct cat_hats_copy_member *m;
	struct cat_hats *h;
	const char *primary, *list;

	CAT_TRY(cat_hats_open(address, NULL, &h, err));
	c->root = cat_strdup(h->above ? h->above : h->root);
	primary = cat_kv_get(&h->collection, "hats_primary_table_url");
	CAT_TRY(add_member(c, h, h->above ? primary : NULL, h->above ? strcspn(primary, "/") : 0, &m, err));
	choose(m, want);
	/* A copy without them would look like an empty catalogue. */
	if (h->nparts == 0 && h->nrows > 0)
		return cat_fail(err, CAT_E_UNSUPPORTED, "%s: its %lld rows lie in no partitions: %s", h->given,
		                (long long)h->nrows, want ? "it has no part in a region" : "which files they are in is not told");
	if (!c->root)
		return cat_fail_mem(err, strlen(address));
	c->all = !want;
	list = cat_kv_get(&h->collection, "all_indexes");
	c->without_indexes = list && list[strspn(list, SEPARATORS)];
	list = cat_kv_get(&h->collection, "all_margins");
	for (const char *at = list ? list + strspn(list, SEPARATORS) : ""; *at; at += strspn(at, SEPARATORS)) {
		const size_t n = strcspn(at, SEPARATORS);

		CAT_TRY(open_margin(c, at, n, c->all, err));
		at += n;
	}
	return CAT_OK;
}

int cat_hats_copy_open(const char *address, const struct cat_hats_want *want, struct cat_hats_copy **out,
                       struct cat_error *err)
{
	struct cat_hats_copy *c = cat_calloc(1, sizeof *c);
	int rc = c ? open_members(c, address, want, err) : cat_fail_mem(err, sizeof *c);

	if (rc != CAT_OK) {
		cat_hats_copy_free(c);
		return rc;
	}
	*out = c;
	return CAT_OK;
}

void cat_hats_copy_free(struct cat_hats_copy *c)
{
	if (!c)
		return;
	for (int i = 0; i < c->nmembers; i++) {
		cat_hats_free(c->members[i].hats);
		cat_free(c->members[i].name);
		cat_free(c->members[i].parts);
	}
	cat_free(c->members);
	cat_free(c->root);
	cat_free(c);
}

/* --- files --- */

struct giving {
	int (*each)(void *arg, const char *name, bool optional, struct cat_error *err);
	void *arg;
	const char *member, *folder; /* of the partition that is a folder */
};

static int give(const struct giving *g, const char *name, bool optional, struct cat_error *err)
{
	char *whole = g->member ? cat_hats_path(g->member, name) : cat_strdup(name);
	int rc = whole ? g->each(g->arg, whole, optional, err) : cat_fail_mem(err, strlen(name));

	cat_free(whole);
	return rc;
}

static int give_in_folder(void *arg, const char *file, struct cat_error *err)
{
	const struct giving *g = arg;
	char *name = cat_hats_path(g->folder, file);
	int rc = name ? give(g, name, false, err) : cat_fail_mem(err, strlen(file));

	cat_free(name);
	return rc;
}

/* "dataset/Norder=1/Dir=0/Npix=44.parquet": where a partition lies, seen from its catalogue. */
static const char *within(const struct cat_hats *h, const char *path)
{
	path += strcspn(h->root, "?");
	return path + (*path == '/');
}

static int give_part(struct giving *g, struct cat_hats *h, const struct cat_hats_part *p, struct cat_error *err)
{
	char *path = cat_hats_leaf(h, p), *name;
	int rc;

	if (!path)
		return cat_fail_mem(err, 160);
	name = cat_strndup(within(h, path), strcspn(within(h, path), "?"));
	if (!name)
		rc = cat_fail_mem(err, 160);
	else if (!h->folders)
		rc = give(g, name, false, err);
	else {
		g->folder = name;
		rc = cat_hats_each_file(h, path, give_in_folder, g, err);
	}
	cat_free(name);
	cat_free(path);
	return rc;
}

/* What a whole catalogue may have beside its partitions. */
static int give_metadata(const struct giving *g, const struct cat_hats *h, struct cat_error *err)
{
	static const char *const names[] = {
		"hats.properties", "properties", "partition_info.csv", "dataset/_metadata", "skymap.fits", "point_map.fits",
		"per_partition_statistics.parquet", "data_thumbnail.parquet"};
	const char *orders = cat_kv_get(&h->properties, "hats_skymap_alt_orders");
	char name[64];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		CAT_TRY(give(g, names[i], true, err));
	for (const char *at = orders ? orders + strspn(orders, SEPARATORS) : ""; *at; at += strspn(at, SEPARATORS)) {
		snprintf(name, sizeof name, "skymap.%.*s.fits", (int)strspn(at, "0123456789"), at);
		CAT_TRY(give(g, name, true, err));
		at += strcspn(at, SEPARATORS);
	}
	return CAT_OK;
}

int cat_hats_copy_each(const struct cat_hats_copy *c,
                       int (*each)(void *arg, const char *name, bool optional, struct cat_error *err), void *arg,
                       struct cat_error *err)
{
	for (int i = 0; i < c->nmembers; i++) {
		const struct cat_hats_copy_member *m = &c->members[i];
		struct giving g = {.each = each, .arg = arg, .member = m->name};

		for (int k = 0; k < m->nparts; k++)
			CAT_TRY(give_part(&g, m->hats, &m->hats->parts[m->parts[k]], err));
		CAT_TRY(give(&g, "dataset/_common_metadata", true, err));
		if (c->all)
			CAT_TRY(give_metadata(&g, m->hats, err));
	}
	return c->members[0].name && !c->without_indexes ? each(arg, "collection.properties", false, err) : CAT_OK;
}

/* --- what describes a part --- */

struct describing {
	const struct cat_hats_copy_member *m;
	char *folder; /* of the catalogue, here */
	const char *shown;
	struct cat_parquet_meta *meta;
	struct cat_text info;
	int64_t rows, bytes, max_rows, part_rows;
	int deepest;
	double fraction;
	const char *part; /* where the files that are looked at lie, seen from "dataset" */
};

/* Writes FOLDER/NAME, also over what an earlier try left. */
static int put_file(const char *folder, const char *name, const char *shown, const void *data, size_t len,
                    struct cat_error *err)
{
	char *path = cat_hats_path(folder, name);

	if (!path)
		return cat_fail_mem(err, strlen(folder));
	unlink(path);
	cat_free(path);
	return cat_hats_file(folder, name, shown, data, len, err);
}

/* Notes the row groups of one file. */
static int note_file(struct describing *d, const char *name, struct cat_error *err)
{
	char *path = cat_hats_path(d->folder, name);
	struct cat_parquet_file *f = NULL;
	struct cat_buf *footer = NULL;
	struct cat_reader *r = NULL;
	int rc = path ? cat_open(path, CAT_OPEN_TAIL, &r, err) : cat_fail_mem(err, strlen(name));

	if (rc == CAT_OK)
		rc = cat_parquet_open(r, NULL, &f, err);
	if (rc == CAT_OK) {
		footer = cat_parquet_footer(f);
		d->part_rows += cat_parquet_nrows(f);
		d->bytes += r->size;
		if (!d->meta)
			rc = cat_parquet_meta_like(footer, &d->meta, err);
		if (rc == CAT_OK)
			rc = cat_parquet_meta_append(d->meta, footer, name + strlen("dataset/"), err);
	}
	cat_buf_unref(footer);
	cat_parquet_close(f);
	cat_reader_close(r);
	cat_free(path);
	return rc == CAT_OK ? rc : cat_wrap(err, "%s/%s", d->m->hats->root, name);
}

static int note_in_folder(void *arg, const struct cat_tree_entry *e, struct cat_error *err)
{
	struct describing *d = arg;
	char *name = cat_hats_path(d->part, e->name);
	int rc = name ? note_file(d, name, err) : cat_fail_mem(err, strlen(e->name));

	cat_free(name);
	return rc;
}

static int note_part(struct describing *d, const struct cat_hats_part *p, struct cat_error *err)
{
	const struct cat_hats *h = d->m->hats;
	char *path = cat_hats_leaf(h, p), *name = NULL, *here = NULL;
	int rc = CAT_OK;

	if (path)
		name = cat_strndup(within(h, path), strcspn(within(h, path), "?"));
	if (name)
		here = cat_hats_path(d->folder, name);
	d->part_rows = 0;
	d->part = name;
	if (!here)
		rc = cat_fail_mem(err, 160);
	else if (h->folders)
		rc = cat_tree_each(here, true, note_in_folder, d, err);
	else
		rc = note_file(d, name, err);
	cat_text_addf(&d->info, "%d,%lld\n", p->order, (long long)p->npix);
	d->rows += d->part_rows;
	d->max_rows = d->part_rows > d->max_rows ? d->part_rows : d->max_rows;
	d->deepest = p->order > d->deepest ? p->order : d->deepest;
	d->fraction += 1 / (12.0 * (double)(INT64_C(1) << 2 * p->order));
	cat_free(path);
	cat_free(name);
	cat_free(here);
	return rc;
}

static int set_number(struct cat_kv *kv, const char *key, int64_t v, bool always, struct cat_error *err)
{
	char text[CAT_NUMBER_MAX];

	if (!always && !cat_kv_get(kv, key))
		return CAT_OK;
	cat_format_i64(v, text);
	return cat_kv_set(kv, key, text, err);
}

/* The catalogue's own properties with the numbers of the part. */
static int put_properties(const struct describing *d, struct cat_error *err)
{
	struct cat_text text = {.max = 1 << 24};
	struct cat_kv kv = {0};
	char fraction[32], part[64];
	int rc = cat_kv_copy(&kv, &d->m->hats->properties, err);

	snprintf(fraction, sizeof fraction, "%.5f", d->fraction);
	if (rc == CAT_OK)
		rc = set_number(&kv, "hats_nrows", d->rows, true, err);
	if (rc == CAT_OK)
		rc = set_number(&kv, "hats_max_rows", d->max_rows, false, err);
	if (rc == CAT_OK)
		rc = set_number(&kv, "hats_estsize", (d->bytes + 1023) / 1024, false, err);
	if (rc == CAT_OK)
		rc = set_number(&kv, "hats_order", d->deepest, false, err);
	if (rc == CAT_OK && cat_kv_get(&kv, "moc_sky_fraction"))
		rc = cat_kv_set(&kv, "moc_sky_fraction", fraction, err);
	snprintf(part, sizeof part, "%d of %d partitions", d->m->nparts, d->m->hats->nparts);
	if (rc == CAT_OK && d->m->nparts < d->m->hats->nparts)
		rc = cat_kv_set(&kv, CAT_HATS_PART_KEY, part, err);
	if (rc == CAT_OK)
		rc = cat_kv_set(&kv, "hats_skymap_order", NULL, err);
	if (rc == CAT_OK)
		rc = cat_kv_set(&kv, "hats_skymap_alt_orders", NULL, err);
	cat_properties_text("#HATS catalog", &kv, &text);
	if (rc == CAT_OK)
		rc = cat_text_check(&text, err);
	if (rc == CAT_OK)
		rc = put_file(d->folder, "hats.properties", d->shown, text.s, text.len, err);
	if (rc == CAT_OK)
		rc = put_file(d->folder, "properties", d->shown, text.s, text.len, err);
	cat_text_fini(&text);
	cat_kv_fini(&kv);
	return rc;
}

/* dataset/_metadata of what came; without any file _common_metadata, whose like it is, says all. */
static int put_metadata(const struct describing *d, struct cat_error *err)
{
	struct cat_buf *b = NULL;
	int rc;

	if (!d->meta)
		return CAT_OK;
	rc = cat_parquet_meta_bytes(d->meta, &b, err);
	if (rc == CAT_OK)
		rc = put_file(d->folder, "dataset/_metadata", d->shown, b->data, b->size, err);
	cat_buf_unref(b);
	return rc;
}

/* A catalogue that had none of its own: of the schema that was found otherwise. */
static int put_common(const struct describing *d, struct cat_error *err)
{
	char *path = cat_hats_path(d->folder, "dataset/_common_metadata");
	struct cat_parquet_meta *m = NULL;
	struct cat_buf *b = NULL;
	const bool there = path && access(path, F_OK) == 0;
	int rc = path ? CAT_OK : cat_fail_mem(err, strlen(d->folder));

	cat_free(path);
	if (rc != CAT_OK || there)
		return rc;
	rc = cat_parquet_meta_new(d->m->hats->schema, &m, err);
	if (rc == CAT_OK)
		rc = cat_parquet_meta_bytes(m, &b, err);
	if (rc == CAT_OK)
		rc = put_file(d->folder, "dataset/_common_metadata", d->shown, b->data, b->size, err);
	cat_buf_unref(b);
	cat_parquet_meta_free(m);
	return rc;
}

static int describe(const struct cat_hats_copy_member *m, const char *folder, const char *shown, int64_t *rows,
                    struct cat_error *err)
{
	struct describing d = {.m = m, .shown = shown, .info.max = (size_t)1 << 30};
	char *dataset;
	int rc;

	d.folder = m->name ? cat_hats_path(folder, m->name) : cat_strdup(folder);
	dataset = d.folder ? cat_hats_path(d.folder, "dataset") : NULL;
	rc = dataset ? cat_hats_mkdir(d.folder, shown, err) : cat_fail_mem(err, strlen(folder));
	if (rc == CAT_OK)
		rc = cat_hats_mkdir(dataset, shown, err);
	cat_text_add(&d.info, "Norder,Npix\n");
	for (int i = 0; rc == CAT_OK && i < m->nparts; i++)
		rc = note_part(&d, &m->hats->parts[m->parts[i]], err);
	if (rc == CAT_OK)
		rc = cat_text_check(&d.info, err);
	if (rc == CAT_OK)
		rc = put_file(d.folder, "partition_info.csv", shown, d.info.s, d.info.len, err);
	if (rc == CAT_OK)
		rc = put_metadata(&d, err);
	if (rc == CAT_OK)
		rc = put_common(&d, err);
	if (rc == CAT_OK)
		rc = put_properties(&d, err);
	*rows = d.rows;
	cat_parquet_meta_free(d.meta);
	cat_text_fini(&d.info);
	cat_free(dataset);
	cat_free(d.folder);
	return rc;
}

/* collection.properties, without the indexes that did not come. */
static int put_collection(const struct cat_hats_copy *c, const char *folder, const char *shown, struct cat_error *err)
{
	struct cat_text text = {.max = 1 << 24};
	struct cat_kv kv = {0};
	int rc;

	if (!c->without_indexes)
		return CAT_OK;
	rc = cat_kv_copy(&kv, &c->members[0].hats->collection, err);
	/* Who has the copy alone shall know that there are some. */
	if (rc == CAT_OK)
		rc = cat_kv_set(&kv, LEFT_OUT, cat_kv_get(&kv, "all_indexes"), err);
	if (rc == CAT_OK)
		rc = cat_kv_set(&kv, "all_indexes", NULL, err);
	if (rc == CAT_OK)
		rc = cat_kv_set(&kv, "default_index", NULL, err);
	cat_properties_text("#HATS Collection", &kv, &text);
	if (rc == CAT_OK)
		rc = cat_text_check(&text, err);
	if (rc == CAT_OK)
		rc = put_file(folder, "collection.properties", shown, text.s, text.len, err);
	cat_text_fini(&text);
	cat_kv_fini(&kv);
	return rc;
}

int cat_hats_copy_finish(const struct cat_hats_copy *c, const char *folder, const char *shown, int64_t *rows,
                         struct cat_error *err)
{
	*rows = c->members[0].hats->nrows;
	for (int i = 0; !c->all && i < c->nmembers; i++) {
		int64_t n;

		CAT_TRY(describe(&c->members[i], folder, shown, &n, err));
		if (i == 0)
			*rows = n;
	}
	return put_collection(c, folder, shown, err);
}
