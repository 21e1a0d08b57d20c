/* A catalogue as a sky table: partitions are its tiles; what lies around one is found by the index of each leaf,
 * and where no row of a piece is wanted nothing but that index is decoded. */
#include <string.h>

#include "base/alloc.h"
#include "columnar/kernels.h"
#include "dataset/properties.h"
#include "exec/scan.h"
#include "exec/skytable.h"
#include "sky/healpix.h"

#define ROWS_UNKNOWN 1000000 /* in a partition whose catalogue does not say */

struct hats_table {
	struct cat_skytable base;
	struct cat_hats *hats;
	int64_t max_rows; /* in a partition, as its properties say */
};

void cat_skytable_close(struct cat_skytable *t)
{
	if (t)
		t->ops->close(t);
}

static bool keep(void *arg, int64_t lo, int64_t hi)
{
	return cat_cover_overlaps(arg, lo, hi);
}

static int bind(void *arg, struct cat_schema *schema, bool *used, struct cat_error *err)
{
	const struct hats_table *t = arg;

	(void)err;
	memcpy(used, t->base.used, (size_t)schema->nfields * sizeof *used);
	return CAT_OK;
}

/* All rows of a source as one batch. */
static int read_all(struct cat_source *s, struct cat_batch **out, struct cat_error *err)
{
	struct cat_batch **parts = NULL;
	size_t n = 0, cap = 0;
	int rc = CAT_OK;

	while (rc == CAT_OK) {
		struct cat_batch *b;

		rc = s->ops->next(s, &b, err);
		if (rc != CAT_OK || !b)
			break;
		if (cat_grow(&parts, &cap, n, sizeof(struct cat_batch *)) != 0) {
			cat_batch_unref(b);
			rc = cat_fail_mem(err, cap * sizeof(struct cat_batch *));
		} else {
			parts[n++] = b;
		}
	}
	if (rc == CAT_OK)
		rc = n ? cat_concat_batches(parts, (int)n, out, err) : cat_batch_empty(s->schema, out, err);
	for (size_t i = 0; i < n; i++)
		cat_batch_unref(parts[i]);
	cat_free(parts);
	return rc;
}

static int scan_rows(struct hats_table *t, const struct cat_hats_want *want, const struct cat_cover *cells,
                     struct cat_batch **out, struct cat_error *err)
{
	const struct cat_consumer consumer = {bind, t};
	const struct cat_scan_options o = {.limit = -1, .cells = cells, .whole = true, .consumer = &consumer,
	                                   .memory_bytes = INT64_MAX};
	struct cat_feed *feed;
	struct cat_source *s = NULL;
	struct cat_pool *pool = NULL;
	int rc = cat_pool_new(1, &pool, err);

	if (rc == CAT_OK)
		rc = cat_hats_feed(cat_hats_ref(t->hats), want, &feed, err);
	if (rc == CAT_OK)
		rc = cat_scan_open(feed, &o, pool, &s, err);
	if (rc == CAT_OK)
		rc = read_all(s, out, err);
	cat_source_close(s);
	cat_pool_free(pool);
	return rc;
}

/* First partition that ends behind CELL. */
static int part_behind(const struct cat_hats *h, int64_t cell)
{
	int a = 0, b = h->nparts;

	while (a < b) {
		const int mid = a + (b - a) / 2;
		int64_t lo, hi;

		cat_hats_range(&h->parts[mid], &lo, &hi);
		if (hi <= cell)
			a = mid + 1;
		else
			b = mid;
	}
	return a;
}

static int hats_read(struct cat_skytable *table, const struct cat_cover *cells, struct cat_batch **out,
                     struct cat_error *err)
{
	struct hats_table *t = (struct hats_table *)table;
	union {
		const struct cat_cover *in;
		void *out;
	} arg = {cells};
	struct cat_hats_want want = {.keep = keep, .arg = arg.out};

	if (cells->n == 0)
		return cat_batch_empty(table->schema, out, err);
	want.begin = part_behind(t->hats, cells->at[0].lo);
	want.end = part_behind(t->hats, cells->at[cells->n - 1].hi - 1) + 1;
	want.end = want.end < t->hats->nparts ? want.end : t->hats->nparts;
	if (want.begin >= want.end)
		return cat_batch_empty(table->schema, out, err);
	return scan_rows(t, &want, cells, out, err);
}

static int hats_read_tile(struct cat_skytable *table, const struct cat_tile *tile, struct cat_batch **out,
                          struct cat_error *err)
{
	struct hats_table *t = (struct hats_table *)table;
	const struct cat_hats_want want = {.begin = tile->begin, .end = tile->end};
	struct cat_cover cells = {0};
	int rc;

	if (tile->whole)
		return scan_rows(t, &want, NULL, out, err);
	CAT_TRY(cat_cover_add(&cells, tile->lo, tile->hi, true, err));
	rc = scan_rows(t, &want, &cells, out, err);
	cat_cover_fini(&cells);
	return rc;
}

struct tile_list {
	struct cat_tile *v;
	size_t n, cap;
};

static int add_tile(struct tile_list *l, const struct cat_tile *tile, struct cat_error *err)
{
	if (cat_grow(&l->v, &l->cap, l->n, sizeof *l->v) != 0)
		return cat_fail_mem(err, l->cap * sizeof *l->v);
	l->v[l->n++] = *tile;
	return CAT_OK;
}

/* A partition cut where its row groups begin, so that each tile has about MAX_ROWS rows however dense it is there;
 * what its index does not tell stays together. */
static int cut_partition(struct hats_table *t, int part, int64_t max_rows, struct tile_list *l, struct cat_error *err)
{
	const struct cat_hats_want want = {.begin = part, .end = part + 1};
	struct cat_tile tile = {.begin = part, .end = part + 1};
	struct cat_feed *feed;
	int64_t rows = 0, hi;
	int rc;

	cat_hats_range(&t->hats->parts[part], &tile.lo, &hi);
	CAT_TRY(cat_hats_feed(cat_hats_ref(t->hats), &want, &feed, err));
	do {
		struct cat_range_stats hpx = {0};
		struct cat_work *w;

		rc = feed->ops->next(feed, &w, err);
		if (rc != CAT_OK || !w)
			break;
		if (t->hats->hpx >= 0 && t->hats->hpx_order == 29 && w->ops->stats)
			w->ops->stats(w, t->hats->hpx, &hpx);
		if (rows > 0 && rows + w->nrows > max_rows && hpx.known && hpx.is_int && hpx.min_i64 > tile.lo &&
		    hpx.min_i64 < hi) {
			tile.hi = hpx.min_i64;
			rc = add_tile(l, &tile, err);
			tile.lo = tile.hi;
			rows = 0;
		}
		rows += w->nrows;
		cat_work_free(w);
	} while (rc == CAT_OK);
	cat_feed_close(feed);
	tile.hi = hi;
	return rc == CAT_OK ? add_tile(l, &tile, err) : rc;
}

static int add_tiles(struct hats_table *t, int64_t max_rows, struct tile_list *l, struct cat_error *err)
{
	const struct cat_hats *h = t->hats;
	const int64_t fit = t->max_rows > 0 ? max_rows / t->max_rows : 1;
	/* Small partitions go together; large ones are cut. */
	const int together = fit < 1 ? 1 : fit < 1000 ? (int)fit : 1000;

	for (int i = 0; i < h->nparts; i += together) {
		const int end = i + together < h->nparts ? i + together : h->nparts;
		struct cat_tile tile = {.begin = i, .end = end, .whole = true};
		int64_t unused;

		if (fit < 1) {
			CAT_TRY(cut_partition(t, i, max_rows, l, err));
			continue;
		}
		cat_hats_range(&h->parts[i], &tile.lo, &unused);
		cat_hats_range(&h->parts[end - 1], &unused, &tile.hi);
		CAT_TRY(add_tile(l, &tile, err));
	}
	return CAT_OK;
}

static int hats_tiles(struct cat_skytable *table, int64_t max_rows, struct cat_tile **out, size_t *n,
                      struct cat_error *err)
{
	struct tile_list l = {0};
	const int rc = add_tiles((struct hats_table *)table, max_rows, &l, err);

	if (rc != CAT_OK) {
		cat_free(l.v);
		return rc;
	}
	*out = l.v;
	*n = l.n;
	return CAT_OK;
}

static void hats_close(struct cat_skytable *table)
{
	struct hats_table *t = (struct hats_table *)table;

	cat_schema_unref(table->schema);
	cat_hats_free(t->hats);
	cat_free(t->base.used);
	cat_free(t);
}

static const struct cat_skytable_ops hats_ops = {hats_tiles, hats_read_tile, hats_read, hats_close};

int cat_skytable_hats(struct cat_hats *h, const bool *used, struct cat_skytable **out, struct cat_error *err)
{
	struct hats_table *t = cat_calloc(1, sizeof *t);
	const size_t n = (size_t)h->schema->nfields;
	int rc = CAT_OK;

	if (t)
		t->base.used = cat_malloc(n * sizeof *t->base.used);
	if (!t || !t->base.used) {
		cat_free(t);
		cat_hats_free(h);
		return cat_fail_mem(err, sizeof *t);
	}
	memcpy(t->base.used, used, n * sizeof *used);
	t->hats = h;
	t->base.ops = &hats_ops;
	t->base.schema = cat_schema_ref(h->schema);
	t->base.ra = h->ra;
	t->base.dec = h->dec;
	t->base.row = -1;
	t->base.in_order = true;
	t->base.row_bytes = INT64_C(1 << 19) / cat_batch_rows(h->schema);
	rc = cat_properties_int(&h->properties, "hats_max_rows", ROWS_UNKNOWN, &t->max_rows, err);
	if (rc != CAT_OK) {
		hats_close(&t->base);
		return rc;
	}
	*out = &t->base;
	return CAT_OK;
}
