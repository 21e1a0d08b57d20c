/* One file of rows: schema, footer, statistics, pages, and what its rows say. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "dataset/table.h"
#include "dataset/verify_parts.h"
#include "formats/colmeta.h"
#include "net/url.h"
#include "storage/checksum.h"
#include "storage/open.h"

/* --- schema --- */

/* What pandas says of its index has row numbers in it. HATS puts the VOTable that describes the columns into
 * _common_metadata only. */
static bool may_differ(const char *key, bool in_common, const char *other)
{
	return strcmp(key, "pandas") == 0 ||
	       (in_common && !other && (strcmp(key, CAT_COLMETA_VERSION) == 0 || strcmp(key, CAT_COLMETA_CONTENT) == 0));
}

static bool same_meta(const struct cat_kv *is, const struct cat_kv *should)
{
	for (int k = 0; k < 2; k++) {
		const struct cat_kv *a = k ? should : is, *b = k ? is : should;

		for (int i = 0; i < a->n; i++) {
			const char *other = cat_kv_get(b, a->items[i].key);

			if (!may_differ(a->items[i].key, k, other) && (!other || strcmp(other, a->items[i].value) != 0))
				return false;
		}
	}
	return true;
}

static void field_differs(const struct cat_field *is, const struct cat_field *should, const char *where,
                          struct cat_findings *found)
{
	struct cat_text a = {.max = 1 << 16}, b = {.max = 1 << 16};

	if (strcmp(is->name, should->name) != 0) {
		cat_found(found, CAT_FOUND_SCHEMA, where, "column '%s' stands where _common_metadata has '%s'", is->name,
		          should->name);
	} else if (!cat_field_same_type(is, should)) {
		cat_type_text(is, &a);
		cat_type_text(should, &b);
		cat_found(found, CAT_FOUND_SCHEMA, where, "column %s is %s, in _common_metadata %s", is->name,
		          a.s ? a.s : "?", b.s ? b.s : "?");
	} else if (!same_meta(&is->meta, &should->meta)) {
		cat_found(found, CAT_FOUND_SCHEMA, where, "column %s: its metadata are not those of _common_metadata", is->name);
	}
	cat_text_fini(&a);
	cat_text_fini(&b);
}

void cat_verify_schema(const struct cat_schema *is, const struct cat_schema *should, const char *where,
                       struct cat_findings *found)
{
	bool named = false;

	for (int i = 0; i < should->nfields; i++)
		if (cat_schema_find(is, should->fields[i].name) == -1) {
			cat_found(found, CAT_FOUND_SCHEMA, where, "column %s is missing", should->fields[i].name);
			named = true;
		}
	for (int i = 0; i < is->nfields; i++)
		if (cat_schema_find(should, is->fields[i].name) == -1) {
			cat_found(found, CAT_FOUND_SCHEMA, where, "column %s is not in _common_metadata", is->fields[i].name);
			named = true;
		}
	if (named)
		return;
	for (int i = 0; i < is->nfields && i < should->nfields; i++)
		field_differs(&is->fields[i], &should->fields[i], where, found);
	if (!same_meta(&is->meta, &should->meta))
		cat_found(found, CAT_FOUND_SCHEMA, where, "its metadata are not those of _common_metadata");
}

/* --- statistics --- */

/* A column of a row group, and what has been seen of it. */
struct group {
	struct cat_verify_leaf *l;
	const struct cat_parquet_file *f;
	const char *where; /* of the file */
	int index, col;
	const char *name;  /* of the column */
	bool sorted;       /* the rows are said to be in its order */
	double last;       /* of it */
	struct cat_part_list pages; /* of a column without children */
	int nextents;               /* one per page, else one per leaf */
	struct cat_extent *extents;
	struct cat_column *kept;    /* all of it, of a column that places the rows */
	bool keep;
};

static void say(void *arg, enum cat_parquet_fault fault, const char *text)
{
	const struct group *g = arg;

	cat_found(&g->l->found, fault == CAT_PARQUET_CRC ? CAT_FOUND_PAGE_CRC : CAT_FOUND_PAGE_INDEX, g->where,
	          "row group %d: column %s: %s", g->index, g->name, text);
}

static void check_chunk(const struct group *g, int leaf, struct cat_extent *e)
{
	struct cat_parquet_chunk_stats c;
	char why[300];

	cat_parquet_chunk(g->f, g->index, leaf, &c);
	e->entries = c.entries;
	if (cat_extent_differs(e, &c.stats, why, sizeof why))
		cat_found(&g->l->found, CAT_FOUND_STATISTICS, g->where, "row group %d: column %s: %s", g->index, g->name, why);
}

static bool is_nested(const struct group *g)
{
	return cat_type_is_nested(cat_parquet_schema(g->f)->fields[g->col].type.id);
}

static int begin_column(struct group *g, struct cat_error *err)
{
	int first;

	g->last = -INFINITY;
	g->nextents = cat_parquet_column_leaves(g->f, g->col, &first);
	if (!is_nested(g)) {
		CAT_TRY(cat_parquet_page_stats(g->f, g->index, g->col, &g->pages, err));
		g->nextents = g->pages.n ? g->pages.n : 1;
	}
	g->extents = cat_calloc((size_t)g->nextents, sizeof *g->extents);
	return g->extents ? CAT_OK : cat_fail_mem(err, (size_t)g->nextents * sizeof *g->extents);
}

static void end_column(struct group *g)
{
	for (int i = 0; g->extents && i < g->nextents; i++)
		cat_extent_fini(&g->extents[i]);
	cat_free(g->extents);
	cat_part_list_fini(&g->pages);
	cat_column_unref(g->kept);
	g->extents = NULL;
	g->pages = (struct cat_part_list){0};
	g->kept = NULL;
}

/* A column that the rows are said to be in order of. */
static void check_sorted(struct group *g, const struct cat_column *c, int64_t row)
{
	if (!cat_type_is_number(c->type.id))
		return;
	for (int64_t i = 0; i < c->length; i++) {
		const double v = cat_column_valid(c, i) ? cat_column_f64(c, i) : g->last;

		if (v < g->last)
			cat_found(&g->l->found, CAT_FOUND_ORDER, g->where, "row group %d, row %lld: %s is less than in the row before",
			          g->index, (long long)(row + i), g->name);
		g->last = v > g->last ? v : g->last;
	}
}

/* Rows of the column from ROW on, which go afterwards. */
static int see_rows(void *arg, struct cat_column *c, int64_t row, struct cat_error *err)
{
	struct group *g = arg;

	if (is_nested(g)) {
		if (cat_extent_leaves(g->extents, g->nextents, c) != g->nextents)
			g->nextents = 0;
	} else if (g->pages.n == 0) {
		cat_extent_add(&g->extents[0], c, 0, c->length);
	}
	for (int i = 0; i < g->pages.n; i++) {
		const struct cat_part_stats *p = &g->pages.parts[i];
		const int64_t begin = p->row_begin > row ? p->row_begin - row : 0;
		const int64_t end = p->row_end - row < c->length ? p->row_end - row : c->length;

		if (begin < end)
			cat_extent_add(&g->extents[i], c, begin, end);
	}
	for (int i = 0; i < g->nextents; i++)
		CAT_TRY(cat_extent_own(&g->extents[i], err));
	if (g->sorted)
		check_sorted(g, c, row);
	if (g->keep)
		g->kept = cat_column_ref(c);
	return CAT_OK;
}

/* What was said of the column against what was seen. */
static void check_statistics(struct group *g)
{
	struct cat_extent all = {0};
	char why[300];
	int first;

	cat_parquet_column_leaves(g->f, g->col, &first);
	if (is_nested(g)) {
		for (int i = 0; i < g->nextents; i++)
			check_chunk(g, first + i, &g->extents[i]);
		return;
	}
	for (int i = 0; i < g->nextents; i++) {
		if (g->pages.n && cat_extent_differs(&g->extents[i], &g->pages.parts[i].stats, why, sizeof why))
			cat_found(&g->l->found, CAT_FOUND_PAGE_INDEX, g->where, "row group %d: column %s: page %d: %s", g->index,
			          g->name, i, why);
		cat_extent_join(&all, &g->extents[i]);
	}
	check_chunk(g, first, &all);
}

/* --- row groups --- */

/* The columns that rows are placed by, in a file. */
struct keys {
	int hpx, ra, dec;
};

static struct keys find_keys(const struct cat_verify *v, const struct cat_schema *s)
{
	const struct cat_hats *h = v->hats;
	struct keys k = {-1, -1, -1};

	if (!h) {
		k = (struct keys){cat_schema_find(s, "_healpix_29"), cat_schema_find(s, "ra"), cat_schema_find(s, "dec")};
	} else {
		k.hpx = h->hpx >= 0 ? cat_schema_find(s, h->schema->fields[h->hpx].name) : -1;
		k.ra = h->ra >= 0 ? cat_schema_find(s, h->schema->fields[h->ra].name) : -1;
		k.dec = h->dec >= 0 ? cat_schema_find(s, h->schema->fields[h->dec].name) : -1;
	}
	if (v->is_index || (k.hpx >= 0 && s->fields[k.hpx].type.id != CAT_T_I64))
		k = (struct keys){-1, -1, -1};
	return k;
}

static int check_column(struct group *g, const struct keys *keys, struct cat_column **kept, struct cat_error *err)
{
	struct cat_pq_check check = {.group = g->index, .col = g->col, .say = say, .each = see_rows, .arg = g};
	int first, rc;
	bool crc = false;

	g->name = cat_parquet_schema(g->f)->fields[g->col].name;
	g->keep = g->col == keys->hpx || g->col == keys->ra || g->col == keys->dec;
	g->sorted = g->col != keys->hpx && g->col == cat_parquet_sort_column(g->f, g->index);
	check.max_bytes = g->keep ? INT64_MAX : g->l->v->o.part_bytes;
	if (cat_parquet_column_leaves(g->f, g->col, &first) == 0)
		return CAT_OK;
	rc = begin_column(g, err);
	if (rc == CAT_OK)
		rc = cat_parquet_check_column(g->f, &check, &crc, err);
	if (rc == CAT_OK && crc)
		check_statistics(g);
	g->l->incomplete |= g->keep && !g->kept;
	if (g->kept)
		kept[g->col == keys->hpx ? 0 : g->col == keys->ra ? 1 : 2] = cat_column_ref(g->kept);
	end_column(g);
	if (cat_is_fault(rc)) {
		cat_found(&g->l->found, CAT_FOUND_UNREADABLE, g->where, "row group %d: column %s: %s", g->index, g->name,
		          err->cause);
		rc = (int)(err->code = CAT_OK);
	}
	return rc;
}

static int check_group(struct cat_verify_leaf *l, const struct cat_parquet_file *f, int index, const char *where,
                       int64_t before, struct cat_error *err)
{
	const struct cat_verify_options *o = &l->v->o;
	const struct keys keys = find_keys(l->v, cat_parquet_schema(f));
	struct group g = {.l = l, .f = f, .where = where, .index = index};
	struct cat_column *kept[3] = {NULL};
	int64_t need = 0;
	int rc = CAT_OK;

	for (int c = 0; c < cat_parquet_schema(f)->nfields; c++) {
		const int64_t one = cat_parquet_check_bytes(f, index, c, o->part_bytes);

		need = one > need ? one : need;
	}
	need = need > INT64_MAX / 2 ? need : need + 64 * cat_parquet_group_rows(f, index);
	if (o->reserve)
		o->reserve(o->arg, need);
	for (g.col = 0; rc == CAT_OK && g.col < cat_parquet_schema(f)->nfields; g.col++)
		rc = check_column(&g, &keys, kept, err);
	/* Margin caches of others are not sorted, nor are catalogues with an index of their own, unless they say so. */
	l->ordered = keys.hpx >= 0 && (cat_parquet_sort_column(f, index) == keys.hpx ||
	                               (l->v->hats && !l->v->is_margin && l->v->hats->hpx_order == 29));
	if (rc == CAT_OK)
		rc = cat_verify_rows(l, kept[0], kept[1], kept[2], before, where, err);
	for (int k = 0; k < 3; k++)
		cat_column_unref(kept[k]);
	if (o->release)
		o->release(o->arg, need);
	return rc;
}

/* Without looking at rows: do the bounds of the spatial index allow for the partition and the order? */
static void check_bounds(struct cat_verify_leaf *l, const struct cat_parquet_file *f, const char *where)
{
	const struct cat_verify *v = l->v;
	const struct keys keys = find_keys(v, cat_parquet_schema(f));
	int64_t lo, hi, last = INT64_MIN;
	int shift;

	if (keys.hpx < 0 || !v->hats || l->item->part < 0 || v->is_margin)
		return;
	shift = 2 * (29 - v->hats->hpx_order);
	cat_hats_range(&v->parts[l->item->part], &lo, &hi);
	for (int g = 0; g < cat_parquet_ngroups(f); g++) {
		struct cat_range_stats s;

		cat_parquet_stats(f, g, keys.hpx, &s);
		if (!s.known || !s.is_int)
			continue;
		if (s.min_i64 < lo >> shift || s.max_i64 >= ((hi - 1) >> shift) + 1)
			cat_found(&l->found, CAT_FOUND_MEMBERSHIP, where, "row group %d: its spatial index goes beyond the partition",
			          g);
		if (s.min_i64 < last)
			cat_found(&l->found, CAT_FOUND_ORDER, where, "row group %d begins before the one in front of it ends", g);
		last = s.max_i64;
	}
}

/* Bounds of the indexed column of an index catalogue, whose files follow one another. */
static void index_bounds(struct cat_verify_leaf *l, const struct cat_parquet_file *f)
{
	const char *name = cat_kv_get(&l->v->hats->properties, "hats_index_column");
	const int col = name ? cat_schema_find(cat_parquet_schema(f), name) : -1, n = cat_parquet_ngroups(f);
	struct cat_range_stats first, last;

	if (col < 0 || n == 0)
		return;
	cat_parquet_stats(f, 0, col, &first);
	cat_parquet_stats(f, n - 1, col, &last);
	if (!first.known || !last.known || first.is_text)
		return;
	l->index_first = first.is_int ? (double)first.min_i64 : first.min_f64;
	l->index_last = last.is_int ? (double)last.max_i64 : last.max_f64;
}

static int check_parquet(struct cat_verify_leaf *l, const struct cat_parquet_file *f, const char *where,
                         struct cat_error *err)
{
	struct cat_verify *v = l->v;
	int64_t before = 0;

	l->rows = cat_parquet_nrows(f);
	l->footer = cat_parquet_footer(f);
	l->schema = cat_schema_ref(cat_parquet_schema(f));
	if (v->common)
		cat_verify_schema(l->schema, cat_parquet_schema(v->common), where, &l->found);
	if (v->hats)
		cat_meta_compare(&v->meta, where, f, &l->found);
	if (v->is_index)
		index_bounds(l, f);
	if (!v->o.full)
		check_bounds(l, f, where);
	for (int g = 0; v->o.full && g < cat_parquet_ngroups(f); g++) {
		CAT_TRY(check_group(l, f, g, where, before, err));
		before += cat_parquet_group_rows(f, g);
	}
	return CAT_OK;
}

/* --- files --- */

/* The file whole, when it lies in an object store, is not too large and can be held against a checksum. */
static int open_whole(struct cat_verify_leaf *l, char *path, const char *where, struct cat_reader **out,
                      struct cat_error *err)
{
	enum cat_checksum is;
	struct cat_buf *b = NULL;
	bool denied = false;
	int rc = cat_open_fetch(&path, 1, (size_t)l->v->o.whole_bytes, &b, &denied, err);

	if (rc == CAT_OK && !b)
		return cat_fail(err, denied ? CAT_E_DENIED : CAT_E_NOINPUT, "%s is not there", path);
	if (rc == CAT_OK)
		rc = cat_checksum_check(path, b, &is, err);
	if (rc == CAT_OK && is == CAT_CHECKSUM_WRONG)
		cat_found(&l->found, CAT_FOUND_CHECKSUM, where, "it is not what its store says it is");
	if (rc == CAT_OK)
		rc = cat_reader_memory(b, where, out, err);
	cat_buf_unref(b);
	return rc;
}

static int64_t listed_size(const struct cat_verify *v, const char *name)
{
	size_t lo = 0, hi = v->nfiles;

	while (lo < hi) {
		const size_t mid = lo + (hi - lo) / 2;
		const int order = strcmp(name, v->files[mid].name);

		if (order == 0)
			return v->files[mid].size;
		if (order > 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return -1;
}

static int check_file(struct cat_verify_leaf *l, char *path, const char *where, int64_t size, struct cat_error *err)
{
	const struct cat_verify_options *o = &l->v->o;
	const struct cat_parquet_options skip = {.skip_crc = true, .bare = true};
	const bool whole = o->full && size >= 0 && size <= o->whole_bytes && cat_open_is_remote(path);
	struct cat_parquet_file *f = NULL;
	struct cat_reader *r = NULL;
	int rc;

	if (whole && o->reserve)
		o->reserve(o->arg, size);
	rc = whole ? open_whole(l, path, where, &r, err) : cat_open(path, CAT_OPEN_TAIL, &r, err);
	if (rc == CAT_OK) {
		l->bytes = r->size;
		rc = cat_parquet_open(r, &skip, &f, err);
	}
	if (rc == CAT_OK)
		rc = check_parquet(l, f, where, err);
	cat_parquet_close(f);
	cat_reader_close(r);
	if (whole && o->release)
		o->release(o->arg, size);
	return rc;
}

int cat_verify_leaf_run(struct cat_verify_leaf *l, struct cat_error *err)
{
	const char *name = l->item->name;
	int rc = CAT_OK;

	if (name && !l->item->missing) {
		char *path = cat_url_join(l->v->root, name);

		rc = path ? check_file(l, path, name, listed_size(l->v, name), err) : cat_fail_mem(err, strlen(name));
		cat_free(path);
		l->unreadable = rc != CAT_OK;
		if (rc == CAT_E_NOINPUT)
			cat_found(&l->found, CAT_FOUND_LEAF_MISSING, name, "the partition is listed, its file is not there");
		else if (cat_is_fault(rc))
			cat_found(&l->found, CAT_FOUND_UNREADABLE, name, "%s", err->cause);
		if (rc == CAT_E_NOINPUT || cat_is_fault(rc))
			rc = (int)(err->code = CAT_OK);
	}
	if (rc == CAT_OK && l->v->is_margin && l->v->o.full && l->item->alone && !l->item->missing && !l->unreadable &&
	    !l->incomplete)
		rc = cat_verify_margin(l, err);
	return rc;
}

/* --- files that are no part of a catalogue --- */

static int read_all(const char *path, const struct cat_verify_options *o, struct cat_verify_leaf *l,
                    struct cat_error *err)
{
	const struct cat_open_options open = {.temp_dir = o->temp_dir};
	struct cat_source *source = NULL;
	struct cat_feed *feed;
	int rc;

	CAT_TRY(cat_table_open(path, &open, &feed, err));
	l->bytes = feed->bytes;
	rc = cat_feed_source(feed, &source, err);
	while (rc == CAT_OK && o->full) {
		struct cat_batch *b;

		rc = source->ops->next(source, &b, err);
		if (rc != CAT_OK || !b)
			break;
		l->rows += b->nrows;
		cat_batch_unref(b);
	}
	cat_source_close(source);
	return rc;
}

static bool is_parquet(const char *path, bool *yes, struct cat_error *err, int *rc)
{
	struct cat_reader *r;
	struct cat_buf *head;

	*rc = cat_open(path, CAT_OPEN_HEAD, &r, err);
	if (*rc != CAT_OK)
		return false;
	*rc = r->ops->peek(r, 4, &head, err);
	if (*rc == CAT_OK) {
		*yes = head->size == 4 && memcmp(head->data, "PAR1", 4) == 0 && r->size >= 0;
		cat_buf_unref(head);
	}
	cat_reader_close(r);
	return *rc == CAT_OK;
}

int cat_verify_file(const char *path, const struct cat_verify_options *o, struct cat_findings *found,
                    struct cat_verify_totals *totals, struct cat_error *err)
{
	const struct cat_verify_item item = {.part = -1, .alone = true};
	struct cat_verify v = {.o = *o, .map_order = -1};
	struct cat_verify_leaf l = {.v = &v, .item = &item, .last = -1, .found.max_per_kind = o->max_per_kind};
	bool parquet = false;
	char *copy;
	int rc;

	if (!is_parquet(path, &parquet, err, &rc))
		return rc;
	totals->leaves++;
	copy = cat_strdup(path);
	if (!copy)
		return cat_fail_mem(err, strlen(path));
	rc = parquet ? check_file(&l, copy, "", -1, err) : read_all(path, o, &l, err);
	/* The file is there: that it is damaged is the answer, wherever the damage is. */
	if (rc == CAT_E_DATA) {
		cat_found(&l.found, CAT_FOUND_UNREADABLE, "", "%s", err->cause);
		rc = (int)(err->code = CAT_OK);
	}
	cat_free(copy);
	totals->rows += l.rows;
	totals->bytes += l.bytes;
	cat_findings_move(found, &l.found);
	cat_findings_fini(&l.found);
	cat_buf_unref(l.footer);
	cat_schema_unref(l.schema);
	cat_free(l.cells);
	return rc;
}
