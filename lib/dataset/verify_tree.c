/* Which files a catalogue has, which it should have, and which of them are leaves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "dataset/verify_parts.h"
#include "net/url.h"
#include "storage/tree.h"

static int add_file(void *arg, const struct cat_tree_entry *e, struct cat_error *err)
{
	struct cat_verify *v = arg;
	char *name;

	if (cat_grow(&v->files, &v->cap_files, v->nfiles, sizeof *v->files) != 0 || !(name = cat_strdup(e->name)))
		return cat_fail_mem(err, v->cap_files * sizeof *v->files);
	v->files[v->nfiles++] = (struct cat_verify_file){.name = name, .size = e->size};
	return CAT_OK;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct cat_verify_file *)a)->name, ((const struct cat_verify_file *)b)->name);
}

/* Index of the first file whose name is not less than NAME. */
static size_t find_file(const struct cat_verify *v, const char *name)
{
	size_t lo = 0, hi = v->nfiles;

	while (lo < hi) {
		const size_t mid = lo + (hi - lo) / 2;

		if (strcmp(v->files[mid].name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int add_item(struct cat_verify *v, int part, const char *name, bool alone, bool missing, struct cat_error *err)
{
	char *copy = name ? cat_strdup(name) : NULL;

	if ((name && !copy) || cat_grow(&v->items, &v->cap_items, (size_t)v->nitems, sizeof *v->items) != 0) {
		cat_free(copy);
		return cat_fail_mem(err, v->cap_items * sizeof *v->items);
	}
	v->items[v->nitems++] = (struct cat_verify_item){.part = part, .name = copy, .alone = alone, .missing = missing};
	return CAT_OK;
}

/* --- leaves --- */

static void leaf_name(const struct cat_verify *v, const struct cat_hats_part *p, char *out, size_t size)
{
	snprintf(out, size, "dataset/Norder=%d/Dir=%lld/Npix=%lld%.60s", p->order, (long long)(p->npix / 10000 * 10000),
	         (long long)p->npix, v->hats->folders ? "/" : v->hats->suffix);
}

static int folder_leaves(struct cat_verify *v, int part, const char *name, bool *any, struct cat_error *err)
{
	const size_t n = strlen(name), first = find_file(v, name);
	size_t end = first, kept = 0;

	while (end < v->nfiles && strncmp(v->files[end].name, name, n) == 0)
		end++;
	for (size_t i = first; i < end; i++)
		kept += v->files[i].name[n] != '.' && v->files[i].name[n] != '_';
	for (size_t i = first; i < end; i++) {
		v->files[i].used = true;
		if (v->files[i].name[n] != '.' && v->files[i].name[n] != '_')
			CAT_TRY(add_item(v, part, v->files[i].name, kept == 1, false, err));
	}
	*any = kept > 0;
	return CAT_OK;
}

static bool has_part(const struct cat_hats *h, const struct cat_hats_part *p)
{
	int lo = 0, hi = h->nparts;
	int64_t at, end;

	cat_hats_range(p, &at, &end);
	while (lo < hi) {
		const int mid = lo + (hi - lo) / 2;
		int64_t a, b;

		cat_hats_range(&h->parts[mid], &a, &b);
		if (a == at && b == end)
			return true;
		if (a < at || (a == at && b > end))
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

/* Of a margin cache the primary's partitions count too: without a leaf there must be no row around them. */
static int add_parts(struct cat_verify *v, struct cat_error *err)
{
	const struct cat_hats *h[2] = {v->hats, v->is_margin ? v->primary : NULL};
	int at[2] = {0, 0};

	for (;;) {
		int k = -1;
		int64_t least = INT64_MAX;

		for (int i = 0; i < 2; i++) {
			int64_t lo, hi;

			if (!h[i] || at[i] == h[i]->nparts)
				continue;
			cat_hats_range(&h[i]->parts[at[i]], &lo, &hi);
			if (lo < least) {
				least = lo;
				k = i;
			}
		}
		if (k < 0)
			return CAT_OK;
		if (k == 0 || !has_part(v->hats, &h[1]->parts[at[1]])) {
			if (cat_grow(&v->parts, &v->cap_parts, (size_t)v->nparts, sizeof *v->parts) != 0)
				return cat_fail_mem(err, v->cap_parts * sizeof *v->parts);
			v->parts[v->nparts++] = h[k]->parts[at[k]];
		}
		at[k]++;
	}
}

static int part_leaf(struct cat_verify *v, int i, struct cat_error *err)
{
	const bool named = has_part(v->hats, &v->parts[i]);
	char name[160];
	bool any = false;

	leaf_name(v, &v->parts[i], name, sizeof name);
	if (!named)
		return add_item(v, i, NULL, true, false, err);
	if (v->hats->folders && v->listed)
		CAT_TRY(folder_leaves(v, i, name, &any, err));
	else if (v->hats->folders)
		any = true;
	else if (!v->listed)
		any = true;
	else {
		const size_t k = find_file(v, name);

		any = k < v->nfiles && strcmp(v->files[k].name, name) == 0;
		if (any)
			v->files[k].used = true;
	}
	if (!any)
		cat_found(&v->found, CAT_FOUND_LEAF_MISSING, name, "the partition is listed, its %s is not there",
		          v->hats->folders ? "folder" : "file");
	if (!any || !v->hats->folders)
		CAT_TRY(add_item(v, i, name, true, !any, err));
	return CAT_OK;
}

/* dataset/index/part.N.parquet, by N. */
struct part_file {
	size_t file;
	int64_t number;
};

static int by_number(const void *a, const void *b)
{
	const struct part_file *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

static int index_leaves(struct cat_verify *v, struct cat_error *err)
{
	struct part_file *parts = cat_calloc(v->nfiles + 1, sizeof *parts);
	size_t n = 0;
	int rc = CAT_OK;

	if (!parts)
		return cat_fail_mem(err, v->nfiles * sizeof *parts);
	for (size_t i = 0; i < v->nfiles; i++) {
		const char *name = v->files[i].name;
		const size_t k = strlen(name);

		if (strncmp(name, "dataset/index/", 14) != 0 || k < 8 || strcmp(name + k - 8, ".parquet") != 0)
			continue;
		name += 14 + strcspn(name + 14, "0123456789");
		parts[n++] = (struct part_file){i, strtoll(name, NULL, 10)};
		v->files[i].used = true;
	}
	qsort(parts, n, sizeof *parts, by_number);
	for (size_t i = 0; rc == CAT_OK && i < n; i++)
		rc = add_item(v, -1, v->files[parts[i].file].name, true, false, err);
	cat_free(parts);
	return rc;
}

/* --- the rest --- */

static bool has_file(const struct cat_verify *v, const char *name)
{
	const size_t i = find_file(v, name);

	return i < v->nfiles && strcmp(v->files[i].name, name) == 0;
}

/* Files that a catalogue may have beside its leaves. */
static bool is_known(const char *name)
{
	static const char *const known[] = {
		"hats.properties", "properties", "partition_info.csv", "dataset/_common_metadata", "dataset/_metadata",
		"skymap.fits", "point_map.fits", "per_partition_statistics.parquet", "data_thumbnail.parquet",
		"dataset/data_thumbnail.parquet", "README.md", "README", "index.html", "summary.html", "catalog_info.json",
		"provenance_info.json", "partition_join_info.csv", "dataset/partition_info.csv", "hipscat_properties"};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(name, known[i]) == 0)
			return true;
	return strncmp(name, "skymap.", 7) == 0 && !strchr(name, '/');
}

static bool looks_like_leaf(const char *name)
{
	const char *npix = strstr(name, "/Npix=");

	return strncmp(name, "dataset/Norder=", 15) == 0 && npix && strstr(name, "/Dir=") && strstr(name, "/Dir=") < npix;
}

static void check_others(struct cat_verify *v)
{
	for (size_t i = 0; i < v->nfiles; i++) {
		const struct cat_verify_file *f = &v->files[i];

		if (f->used || is_known(f->name))
			continue;
		if (looks_like_leaf(f->name))
			cat_found(&v->found, CAT_FOUND_LEAF_FOREIGN, f->name, "no partition that the catalogue lists");
		else if (strncmp(f->name, "dataset/", 8) == 0)
			cat_found(&v->found, CAT_FOUND_FILE_FOREIGN, f->name, "no file of this layout");
		else
			cat_found(&v->found, CAT_FOUND_NOTE, f->name, "no file of this layout, which readers pass over");
	}
}

static void check_demanded(struct cat_verify *v)
{
	if (!has_file(v, "hats.properties"))
		cat_found(&v->found, CAT_FOUND_FILE_MISSING, "hats.properties", "readers of today look for it");
	if (!has_file(v, "properties"))
		cat_found(&v->found, CAT_FOUND_NOTE, "properties", "not there: older readers look for it");
	if (!v->is_index && !has_file(v, "partition_info.csv"))
		cat_found(&v->found, CAT_FOUND_FILE_MISSING, "partition_info.csv", "readers must list all files instead");
	if (!has_file(v, "dataset/_common_metadata"))
		cat_found(&v->found, CAT_FOUND_FILE_MISSING, "dataset/_common_metadata", "the schema is told nowhere else");
	if (v->is_index && !has_file(v, "dataset/_metadata"))
		cat_found(&v->found, CAT_FOUND_FILE_MISSING, "dataset/_metadata", "an index is looked up by it");
}

int cat_verify_list(struct cat_verify *v, struct cat_error *err)
{
	int rc = cat_tree_each(v->root, false, add_file, v, err);

	v->listed = rc == CAT_OK;
	if (rc == CAT_E_UNSUPPORTED || rc == CAT_E_DENIED) {
		cat_found(&v->found, CAT_FOUND_NOTE, "", "its files cannot be listed here: only those it names are looked at");
		rc = (int)(err->code = CAT_OK);
	}
	CAT_TRY(rc);
	if (v->nfiles)
		qsort(v->files, v->nfiles, sizeof *v->files, by_name);
	CAT_TRY(v->is_index ? index_leaves(v, err) : add_parts(v, err));
	for (int i = 0; i < v->nparts; i++)
		CAT_TRY(part_leaf(v, i, err));
	if (!v->listed && v->hats->folders)
		cat_found(&v->found, CAT_FOUND_NOTE, "", "partitions are folders that cannot be listed: rows are not looked at");
	if (v->listed) {
		check_demanded(v);
		check_others(v);
	}
	return CAT_OK;
}
