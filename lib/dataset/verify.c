#include "dataset/verify.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "dataset/properties.h"
#include "dataset/verify_parts.h"
#include "net/url.h"
#include "storage/open.h"

/* Partitions that are asked for in vain before the others are given up, where each costs a request. */
#define ABSENT 100

/* --- opening --- */

static bool is_type(const struct cat_hats *h, const char *type)
{
	const char *is = cat_kv_get(&h->properties, "dataproduct_type");

	return is && strcasecmp(is, type) == 0;
}

static int open_common(struct cat_verify *v, const char *dataset, struct cat_error *err)
{
	const struct cat_parquet_options bare = {.bare = true};
	char *path = cat_url_join(dataset, "_common_metadata");
	int rc = path ? cat_open(path, CAT_OPEN_TAIL, &v->common_reader, err) : cat_fail_mem(err, strlen(dataset));

	cat_free(path);
	if (rc == CAT_OK)
		rc = cat_parquet_open(v->common_reader, &bare, &v->common, err);
	if (cat_is_fault(rc))
		cat_found(&v->found, CAT_FOUND_UNREADABLE, "dataset/_common_metadata", "%s", err->cause);
	if (cat_is_fault(rc) || rc == CAT_E_NOINPUT)
		rc = (int)(err->code = CAT_OK);
	return rc;
}

static int open_metadata(struct cat_verify *v, struct cat_error *err)
{
	char *dataset = cat_url_join(v->root, "dataset");
	int rc = dataset ? open_common(v, dataset, err) : cat_fail_mem(err, strlen(v->root));

	if (rc == CAT_OK)
		rc = cat_meta_open(dataset, "_metadata", &v->found, &v->meta, err);
	cat_free(dataset);
	if (rc == CAT_OK && v->common && v->meta.file)
		cat_verify_schema(cat_parquet_schema(v->meta.file), cat_parquet_schema(v->common), "dataset/_metadata", &v->found);
	if (rc == CAT_OK && !v->is_index)
		rc = cat_stats_open(v->root, v->o.whole_bytes, &v->found, &v->stats, err);
	return rc;
}

static int open_map(struct cat_verify *v, const char *name, struct cat_error *err)
{
	const char *said = cat_kv_get(&v->hats->properties, "hats_skymap_order");
	struct cat_map *m;

	CAT_TRY(cat_map_open(v->root, name, &v->found, &m, err));
	if (!m)
		return CAT_OK;
	if (said && strcmp(name, "skymap.fits") == 0 && strtol(said, NULL, 10) != cat_map_order(m))
		cat_found(&v->found, CAT_FOUND_PROPERTIES, "hats.properties", "hats_skymap_order=%s, but skymap.fits is of order %d",
		          said, cat_map_order(m));
	if (cat_grow(&v->maps, &v->cap_maps, v->nmaps, sizeof(struct cat_map *)) != 0) {
		cat_map_free(m);
		return cat_fail_mem(err, sizeof(struct cat_map *));
	}
	v->maps[v->nmaps++] = m;
	v->map_order = cat_map_order(m) > v->map_order ? cat_map_order(m) : v->map_order;
	return CAT_OK;
}

static int open_maps(struct cat_verify *v, struct cat_error *err)
{
	if (v->is_index || v->is_margin)
		return CAT_OK;
	if (!v->listed) {
		CAT_TRY(open_map(v, "skymap.fits", err));
		return open_map(v, "point_map.fits", err);
	}
	for (size_t i = 0; i < v->nfiles; i++) {
		const char *name = v->files[i].name;
		const size_t n = strlen(name);

		if ((strncmp(name, "skymap.", 7) == 0 && n > 5 && strcmp(name + n - 5, ".fits") == 0) ||
		    strcmp(name, "point_map.fits") == 0)
			CAT_TRY(open_map(v, name, err));
	}
	return CAT_OK;
}

/* Both names of the properties must say the same. */
static int compare_names(struct cat_verify *v, struct cat_error *err)
{
	char *paths[2] = {cat_url_join(v->root, "hats.properties"), cat_url_join(v->root, "properties")};
	struct cat_buf *b[2] = {NULL, NULL};
	struct cat_kv kv[2] = {{0}, {0}};
	bool denied, same = true;
	int rc = paths[0] && paths[1] ? cat_open_fetch(paths, 2, (size_t)16 << 20, b, &denied, err)
	                              : cat_fail_mem(err, strlen(v->root));

	for (int i = 0; rc == CAT_OK && b[0] && b[1] && i < 2; i++)
		rc = cat_properties_parse((const char *)b[i]->data, b[i]->size, &kv[i], err);
	for (int k = 0; rc == CAT_OK && k < 2; k++)
		for (int i = 0; i < kv[k].n; i++) {
			const char *other = cat_kv_get(&kv[1 - k], kv[k].items[i].key);

			same &= other && strcmp(other, kv[k].items[i].value) == 0;
		}
	if (!same || rc == CAT_E_DATA)
		cat_found(&v->found, CAT_FOUND_PROPERTIES, "properties", "it does not say what hats.properties says");
	if (rc == CAT_E_DATA)
		rc = (int)(err->code = CAT_OK);
	for (int i = 0; i < 2; i++) {
		cat_kv_fini(&kv[i]);
		cat_buf_unref(b[i]);
		cat_free(paths[i]);
	}
	return rc;
}

static void settle_margin(struct cat_verify *v)
{
	const char *threshold = cat_kv_get(&v->hats->properties, "hats_margin_threshold");
	double arcsec;

	if (threshold && cat_parse_f64(threshold, strlen(threshold), &arcsec))
		v->margin_deg = arcsec / 3600;
	if (v->o.full && !v->primary)
		cat_found(&v->found, CAT_FOUND_NOTE, "", "the primary catalogue is not at hand: rows are not held against it");
	else if (v->o.full && (v->primary->hpx < 0 || v->primary->hpx_order != 29))
		cat_found(&v->found, CAT_FOUND_NOTE, "", "the primary has no index of order 29: rows are not held against it");
}

static int open_all(struct cat_verify *v, const char *path, struct cat_error *err)
{
	const char *builder;

	CAT_TRY(cat_hats_open(path, NULL, &v->hats, err));
	v->root = cat_strdup(v->hats->root);
	if (!v->root)
		return cat_fail_mem(err, strlen(path));
	v->is_margin = is_type(v->hats, "margin");
	v->is_index = is_type(v->hats, "index");
	builder = cat_kv_get(&v->hats->properties, "hats_builder");
	v->is_ours = builder && strncmp(builder, "catpipe ", 8) == 0;
	if (!v->hats->in_order)
		cat_found(&v->found, CAT_FOUND_PARTITIONS, "partition_info.csv", "partitions are not in depth-first order");
	if (v->is_margin)
		settle_margin(v);
	CAT_TRY(cat_verify_list(v, err));
	CAT_TRY(open_metadata(v, err));
	CAT_TRY(open_maps(v, err));
	CAT_TRY(compare_names(v, err));
	cat_verify_properties(v);
	return CAT_OK;
}

int cat_verify_open(const char *path, struct cat_hats *primary, const struct cat_verify_options *o,
                    struct cat_verify **out, struct cat_error *err)
{
	struct cat_verify *v = cat_calloc(1, sizeof *v);
	int rc;

	if (!v)
		return cat_fail_mem(err, sizeof *v);
	v->o = *o;
	v->primary = primary;
	v->map_order = v->last_part = -1;
	v->index_last = -INFINITY;
	v->found.max_per_kind = o->max_per_kind;
	rc = open_all(v, path, err);
	if (rc != CAT_OK) {
		cat_verify_free(v);
		return rc;
	}
	*out = v;
	return CAT_OK;
}

void cat_verify_free(struct cat_verify *v)
{
	if (!v)
		return;
	for (size_t i = 0; i < v->nmaps; i++)
		cat_map_free(v->maps[i]);
	for (size_t i = 0; i < v->nfiles; i++)
		cat_free(v->files[i].name);
	for (int i = 0; i < v->nitems; i++)
		cat_free(v->items[i].name);
	cat_free(v->maps);
	cat_free(v->files);
	cat_free(v->items);
	cat_free(v->parts);
	cat_stats_fini(&v->stats);
	cat_meta_fini(&v->meta);
	cat_parquet_close(v->common);
	cat_reader_close(v->common_reader);
	cat_findings_fini(&v->found);
	cat_hats_free(v->hats);
	cat_free(v->root);
	cat_free(v);
}

struct cat_hats *cat_verify_hats(struct cat_verify *v)
{
	return v->hats;
}

/* --- leaves --- */

int cat_verify_nleaves(const struct cat_verify *v)
{
	return v->nitems;
}

int cat_verify_leaf_new(struct cat_verify *v, int i, struct cat_verify_leaf **out, struct cat_error *err)
{
	struct cat_verify_leaf *l = cat_calloc(1, sizeof *l);

	if (!l)
		return cat_fail_mem(err, sizeof *l);
	l->v = v;
	l->item = &v->items[i];
	l->last = -1;
	l->index_first = l->index_last = NAN;
	l->found.max_per_kind = v->o.max_per_kind;
	*out = l;
	return CAT_OK;
}

void cat_verify_leaf_free(struct cat_verify_leaf *l)
{
	if (!l)
		return;
	cat_findings_fini(&l->found);
	cat_buf_unref(l->footer);
	cat_schema_unref(l->schema);
	cat_cover_fini(&l->rim.cover);
	cat_free(l->cells);
	cat_free(l->margin);
	cat_free(l);
}

static int by_cell(const void *a, const void *b)
{
	const struct cat_verify_cell *x = a, *y = b;

	return (x->cell > y->cell) - (x->cell < y->cell);
}

static int take_map(struct cat_verify *v, struct cat_verify_leaf *l, struct cat_map *m, struct cat_error *err)
{
	const bool known = !l->item->missing && !l->unreadable && !l->incomplete;
	int64_t lo, hi;

	cat_hats_range(&v->parts[l->item->part], &lo, &hi);
	if (!known || !v->o.full || !l->item->alone)
		return cat_map_rows(m, lo, hi, known ? l->rows : -1, &v->found, err);
	for (size_t i = 0; i < l->ncells; i++) {
		const int shift = 2 * (29 - v->map_order);

		CAT_TRY(cat_map_rows(m, l->cells[i].cell << shift, (l->cells[i].cell + 1) << shift, l->cells[i].n, &v->found,
		                     err));
	}
	return CAT_OK;
}

static int take_maps(struct cat_verify *v, struct cat_verify_leaf *l, struct cat_error *err)
{
	if (l->item->part < 0 || v->nmaps == 0)
		return CAT_OK;
	if (l->ncells)
		qsort(l->cells, l->ncells, sizeof *l->cells, by_cell);
	/* Rows that are out of place were told of; a map has no room for them. */
	if (l->found.counts[CAT_FOUND_MEMBERSHIP] || l->found.counts[CAT_FOUND_POSITION] || l->found.counts[CAT_FOUND_HEALPIX])
		l->incomplete = true;
	for (size_t i = 0; i < v->nmaps; i++) {
		const int rc = take_map(v, l, v->maps[i], err);

		if (cat_is_fault(rc)) {
			cat_found(&v->found, CAT_FOUND_UNREADABLE, "skymap.fits", "%s", err->cause);
			cat_map_free(v->maps[i]);
			v->maps[i--] = v->maps[--v->nmaps];
			err->code = CAT_OK;
		} else if (rc != CAT_OK) {
			return rc;
		}
	}
	return CAT_OK;
}

static void count(struct cat_verify *v, const struct cat_verify_leaf *l)
{
	const int part = l->item->part;

	v->totals.leaves++;
	v->totals.rows += l->rows;
	v->totals.bytes += l->bytes;
	v->unreadable |= l->unreadable;
	if (part < 0)
		return;
	if (part != v->last_part) {
		v->part_rows = 0;
		v->last_part = part;
		v->data_parts++;
		v->fraction += 1 / (12.0 * (double)(INT64_C(1) << 2 * v->parts[part].order));
		v->deepest = v->parts[part].order > v->deepest ? v->parts[part].order : v->deepest;
	}
	v->part_rows += l->rows;
	v->max_rows = v->part_rows > v->max_rows ? v->part_rows : v->max_rows;
}

static void take_index(struct cat_verify *v, const struct cat_verify_leaf *l)
{
	if (isnan(l->index_first))
		return;
	if (l->index_first < v->index_last)
		cat_found(&v->found, CAT_FOUND_ORDER, l->item->name, "it begins before the file in front of it ends");
	v->index_last = l->index_last;
}

static int take(struct cat_verify *v, struct cat_verify_leaf *l, struct cat_error *err)
{
	const struct cat_verify_item *item = l->item;
	struct cat_meta_entry *e = NULL;

	if (item->name)
		e = cat_meta_find(&v->meta, strncmp(item->name, "dataset/", 8) == 0 ? item->name + 8 : item->name);
	if (e)
		e->used = true;
	if (item->name && !item->missing)
		count(v, l);
	CAT_TRY(take_maps(v, l, err));
	/* Of a partition of several files its rows are of all of them: others do not say in which order. */
	if (item->part >= 0 && item->name)
		CAT_TRY(cat_stats_compare(&v->stats, &v->parts[item->part], l->schema, item->alone ? l->footer : NULL, v->is_ours,
		                          &v->found, err));
	if (v->is_index)
		take_index(v, l);
	cat_findings_move(&v->found, &l->found);
	return CAT_OK;
}

int cat_verify_take(struct cat_verify *v, struct cat_verify_leaf *l, struct cat_error *err)
{
	const int rc = take(v, l, err);

	cat_verify_leaf_free(l);
	return rc;
}

bool cat_verify_enough(struct cat_verify *v, int left)
{
	const int64_t most = v->o.max_per_kind > ABSENT ? v->o.max_per_kind : ABSENT;

	if (v->listed || left == 0 || v->found.counts[CAT_FOUND_LEAF_MISSING] < most)
		return false;
	cat_found(&v->found, CAT_FOUND_NOTE, "", "%d further partitions were not asked for: so many are not there", left);
	/* Nothing is known of what was left out, nor can the whole be counted. */
	for (size_t i = 0; i < v->nmaps; i++)
		cat_map_free(v->maps[i]);
	v->nmaps = 0;
	cat_stats_fini(&v->stats);
	return true;
}

int cat_verify_finish(struct cat_verify *v, struct cat_findings *findings, struct cat_verify_totals *totals,
                      struct cat_error *err)
{
	char where[300];

	for (size_t i = 0; i < v->nmaps; i++) {
		const int rc = cat_map_end(v->maps[i], &v->found, err);

		if (rc != CAT_OK && !cat_is_fault(rc))
			return rc;
		if (rc != CAT_OK)
			cat_found(&v->found, CAT_FOUND_UNREADABLE, "skymap.fits", "%s", err->cause);
		err->code = CAT_OK;
	}
	cat_stats_end(&v->stats, &v->found);
	for (size_t i = 0; i < v->meta.n && v->listed; i++) {
		const struct cat_meta_entry *e = &v->meta.entries[i];

		snprintf(where, sizeof where, "dataset/%.*s", (int)(e->len < 280 ? e->len : 280), e->path);
		if (!e->used)
			cat_found(&v->found, CAT_FOUND_METADATA, where, "_metadata tells of it, the catalogue has no such leaf");
	}
	cat_verify_facts(v);
	cat_findings_move(findings, &v->found);
	*totals = v->totals;
	return cat_findings_check(findings, err);
}
