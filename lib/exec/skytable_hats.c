/* A catalogue as a sky table: partitions are its tiles; what lies around one is found by the index of each leaf,
 * and where no row of a piece is wanted nothing but that index is decoded. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "columnar/gather.h"
#include "columnar/kernels.h"
#include "dataset/properties.h"
#include "exec/scan.h"
#include "exec/skytable.h"
#include "sky/healpix.h"
#include "storage/open.h"

#define ROWS_UNKNOWN 1000000 /* in a partition whose catalogue does not say */

#define CACHED 1024 /* pieces, at most */
#define FAR_LANES 8 /* threads on pieces that are far away, which mostly wait */

#define SAMPLES 64 /* partitions that are asked how long rows are */
/* Rows between two that are wanted come along when they are no more than this. */
#define BETWEEN_BYTES (INT64_C(64) << 10)

/* The rows of a piece that lie on the border between tiles: those beside it need not decode all of it again. */
struct cached {
	int part;
	int64_t piece;
	struct cat_batch *rows; /* NULL: free */
	int64_t bytes;
	uint64_t used; /* when */
};
struct hats_table {
	struct cat_skytable base;
	struct cat_hats *hats;
	int64_t max_rows; /* in a partition, as its properties say */
	int *cols;        /* what is decoded where cells are looked for: columns that are used, and the index */
	int ncols, hpx;   /* HPX: the index among them; -1: the catalogue has none */
	pthread_mutex_t lock; /* over the cache */
	struct cached cache[CACHED];
	int64_t cached_bytes;
	uint64_t now;
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

static int scan_rows(struct hats_table *t, const struct cat_hats_want *want, const struct cat_cover *cells,
                     struct cat_stack *rows, struct cat_error *err)
{
	const struct cat_consumer consumer = {.bind = bind, .arg = t};
	const struct cat_scan_options o = {.limit = -1, .cells = cells, .whole = true, .consumer = &consumer,
	                                   .memory_bytes = INT64_MAX};
	struct cat_feed *feed;
	struct cat_source *s = NULL;
	struct cat_pool *pool = NULL;
	int rc = cat_pool_new(cat_open_is_remote(t->hats->root) ? FAR_LANES : 1, &pool, err);

	if (rc == CAT_OK)
		rc = cat_hats_feed(cat_hats_ref(t->hats), want, &feed, err);
	if (rc == CAT_OK)
		rc = cat_scan_open(feed, &o, pool, &s, err);
	while (rc == CAT_OK) {
		struct cat_batch *b;

		rc = s->ops->next(s, &b, err);
		if (rc != CAT_OK || !b)
			break;
		if (b->nrows)
			rc = cat_stack_add(rows, b, err);
		else
			cat_batch_unref(b);
	}
	cat_source_close(s);
	cat_pool_free(pool);
	return rc;
}

/* --- pieces of which some rows are wanted --- */

static struct cat_batch *cache_find(struct hats_table *t, int part, int64_t piece)
{
	struct cat_batch *found = NULL;

	pthread_mutex_lock(&t->lock);
	for (int i = 0; i < CACHED; i++)
		if (t->cache[i].rows && t->cache[i].part == part && t->cache[i].piece == piece) {
			t->cache[i].used = ++t->now;
			found = cat_batch_ref(t->cache[i].rows);
			break;
		}
	pthread_mutex_unlock(&t->lock);
	return found;
}

static void cache_drop(struct hats_table *t, struct cached *c)
{
	t->cached_bytes -= c->bytes;
	cat_batch_unref(c->rows);
	c->rows = NULL;
}

/* Keeps ROWS in place of those that were not asked for the longest. */
static void cache_put(struct hats_table *t, int part, int64_t piece, struct cat_batch *rows)
{
	const int64_t bytes = cat_batch_bytes(rows);
	struct cached *room = NULL;

	if (bytes > t->base.border_bytes)
		return;
	pthread_mutex_lock(&t->lock);
	while (!room || t->cached_bytes + bytes > t->base.border_bytes) {
		struct cached *oldest = NULL;

		for (int i = 0; i < CACHED; i++) {
			struct cached *c = &t->cache[i];

			if (!c->rows)
				room = c;
			else if (!oldest || c->used < oldest->used)
				oldest = c;
		}
		if (oldest && (!room || t->cached_bytes + bytes > t->base.border_bytes))
			cache_drop(t, oldest);
	}
	*room = (struct cached){part, piece, cat_batch_ref(rows), bytes, ++t->now};
	t->cached_bytes += bytes;
	pthread_mutex_unlock(&t->lock);
}

/* Rows of B in CELLS; *OUT NULL when there are none. */
static int pick_rows(const struct hats_table *t, struct cat_batch *b, const struct cat_cover *cells,
                     struct cat_batch **out, struct cat_error *err)
{
	int32_t *idx = cat_malloc((size_t)b->nrows * sizeof *idx);
	int64_t n;
	int rc = CAT_OK;

	*out = NULL;
	if (!idx)
		return cat_fail_mem(err, (size_t)b->nrows * sizeof *idx);
	n = cat_cover_filter(cells, CAT_VALUES(b->cols[t->hpx], int64_t), NULL, b->nrows, idx);
	if (n == b->nrows)
		*out = cat_batch_ref(b);
	else if (n)
		rc = cat_take_batch(b, idx, n, out, err);
	cat_free(idx);
	return rc;
}

/* Is all of CELLS between LEAST and MOST on the border? */
static bool on_border(const struct hats_table *t, const struct cat_cover *cells, int64_t least, int64_t most)
{
	for (int64_t i = cat_cover_behind(cells, least); i < cells->n && cells->at[i].lo <= most; i++) {
		int64_t lo, hi;

		if (!cat_cover_find(t->base.border, cells->at[i].lo, &lo, &hi) || cells->at[i].hi > hi)
			return false;
	}
	return true;
}

/* All rows of a piece, or those on the border when that is enough: LEAST to MOST are its cells. */
static int decode_piece(struct hats_table *t, struct cat_work *w, int part, int64_t piece, const struct cat_cover *cells,
                        const struct cat_range_stats *hpx, struct cat_batch **out, struct cat_error *err)
{
	const bool kept = t->base.border && hpx->known && hpx->is_int && hpx->nulls == 0;
	struct cat_batch *border;
	int rc;

	if (kept && on_border(t, cells, hpx->min_i64, hpx->max_i64) && (*out = cache_find(t, part, piece)))
		return CAT_OK;
	rc = w->ops->decode(w, t->cols, t->ncols, out, err);
	if (rc == CAT_OK && kept) {
		rc = pick_rows(t, *out, t->base.border, &border, err);
		if (rc == CAT_OK && border)
			cache_put(t, part, piece, border);
		if (rc == CAT_OK)
			cat_batch_unref(border);
		else
			cat_batch_unref(*out);
	}
	return rc == CAT_OK || !w->where ? rc : cat_wrap(err, "%s", w->where);
}

/* Adds the decoded columns B, which is taken over, under the table's schema. */
static int add_rows(const struct hats_table *t, struct cat_batch *b, struct cat_stack *rows, struct cat_error *err)
{
	struct cat_batch *full = NULL;
	const int rc = cat_batch_new(t->base.schema, b->nrows, &full, err);

	for (int k = 0; rc == CAT_OK && k < t->ncols; k++)
		if (t->base.used[t->cols[k]])
			full->cols[t->cols[k]] = cat_column_ref(b->cols[k]);
	cat_batch_unref(b);
	return rc == CAT_OK ? cat_stack_add(rows, full, err) : rc;
}

/* --- pieces too large to be decoded at once: their index first, then few rows at a time --- */

/* Adds the first of the N rows IDX of a piece, all within its piece_bytes that fit; *DONE is how many. */
static int read_some(struct hats_table *t, struct cat_work *w, const int32_t *idx, int64_t n, int64_t row_bytes,
                     struct cat_stack *rows, int64_t *done, struct cat_error *err)
{
	const int64_t fits = t->base.piece_bytes / row_bytes, most = fits < 1 ? 1 : fits < n ? fits : n;
	struct cat_stretch *spans = cat_malloc((size_t)most * sizeof *spans);
	int32_t *at = cat_malloc((size_t)most * sizeof *at);
	struct cat_batch *b = NULL, *some = NULL;
	int64_t all = 0, i;
	int nspans = 0, rc;

	if (!spans || !at) {
		cat_free(spans);
		cat_free(at);
		return cat_fail_mem(err, (size_t)most * sizeof *spans);
	}
	for (i = 0; i < most; i++) {
		const int64_t between = nspans ? idx[i] - spans[nspans - 1].end : INT64_MAX;
		const bool near = between <= BETWEEN_BYTES / row_bytes;

		if (i && all + (near ? between : 0) >= most)
			break;
		if (!near)
			spans[nspans++].begin = idx[i];
		spans[nspans - 1].end = idx[i] + 1;
		all += 1 + (near ? between : 0);
		at[i] = (int32_t)(all - 1);
	}
	*done = i;
	rc = w->ops->narrow(w, spans, nspans, err);
	if (rc == CAT_OK)
		rc = w->ops->decode(w, t->cols, t->ncols, &b, err);
	if (rc == CAT_OK && i < all)
		rc = cat_take_batch(b, at, i, &some, err);
	if (rc == CAT_OK)
		rc = add_rows(t, some ? some : cat_batch_ref(b), rows, err);
	cat_batch_unref(b);
	cat_free(spans);
	cat_free(at);
	return rc;
}

static int read_large(struct hats_table *t, struct cat_work *w, int64_t row_bytes, const struct cat_cover *cells,
                      struct cat_stack *rows, bool *otherwise, struct cat_error *err)
{
	int32_t *idx = cat_malloc((size_t)w->nrows * sizeof *idx);
	int64_t n = 0, done;
	struct cat_batch *b;
	int rc = idx ? w->ops->decode(w, &t->cols[t->hpx], 1, &b, err) : cat_fail_mem(err, (size_t)w->nrows * sizeof *idx);

	if (rc == CAT_OK) {
		*otherwise = cat_column_null_count(b->cols[0]) > 0;
		if (!*otherwise)
			n = cat_cover_filter(cells, CAT_VALUES(b->cols[0], int64_t), NULL, b->nrows, idx);
		cat_batch_unref(b);
	}
	for (int64_t i = 0; rc == CAT_OK && i < n; i += done)
		rc = read_some(t, w, idx + i, n - i, row_bytes, rows, &done, err);
	cat_free(idx);
	return rc == CAT_OK || !w->where ? rc : cat_wrap(err, "%s", w->where);
}

/* One piece. *OTHERWISE is set when its index cannot be relied on. */
static int read_piece(struct hats_table *t, struct cat_work *w, int part, int64_t piece, const struct cat_cover *cells,
                      struct cat_stack *rows, bool *otherwise, struct cat_error *err)
{
	struct cat_range_stats hpx = {0};
	struct cat_batch *b, *some;
	int64_t bytes;
	int rc;

	if (w->nrows == 0)
		return CAT_OK;
	if (w->ops->stats)
		w->ops->stats(w, t->cols[t->hpx], &hpx);
	if (hpx.known && hpx.is_int && hpx.nulls == 0 && !cat_cover_overlaps(cells, hpx.min_i64, hpx.max_i64 + 1))
		return CAT_OK;
	if (t->base.piece_bytes > 0 && w->ops->size && w->ops->narrow &&
	    (bytes = w->ops->size(w, t->cols, t->ncols)) > t->base.piece_bytes)
		return read_large(t, w, bytes / w->nrows + 1, cells, rows, otherwise, err);
	CAT_TRY(decode_piece(t, w, part, piece, cells, &hpx, &b, err));
	*otherwise = cat_column_null_count(b->cols[t->hpx]) > 0;
	rc = *otherwise ? CAT_OK : pick_rows(t, b, cells, &some, err);
	cat_batch_unref(b);
	return rc == CAT_OK && !*otherwise && some ? add_rows(t, some, rows, err) : rc;
}

static int read_part(struct hats_table *t, int part, const struct cat_cover *cells, struct cat_stack *rows,
                     bool *otherwise, struct cat_error *err)
{
	const struct cat_hats_want want = {.begin = part, .end = part + 1};
	struct cat_feed *feed;
	int64_t lo, hi;
	int rc;

	cat_hats_range(&t->hats->parts[part], &lo, &hi);
	if (!cat_cover_overlaps(cells, lo, hi))
		return CAT_OK;
	CAT_TRY(cat_hats_feed(cat_hats_ref(t->hats), &want, &feed, err));
	for (int64_t piece = 0;; piece++) {
		struct cat_work *w;

		rc = feed->ops->next(feed, &w, err);
		if (rc != CAT_OK || !w)
			break;
		rc = read_piece(t, w, part, piece, cells, rows, otherwise, err);
		cat_work_free(w);
		if (rc != CAT_OK || *otherwise)
			break;
	}
	cat_feed_close(feed);
	return rc;
}

/* The rows of partitions [BEGIN, END) that lie in CELLS. */
static int read_cells(struct hats_table *t, int begin, int end, const struct cat_cover *cells, struct cat_stack *rows,
                      struct cat_error *err)
{
	union {
		const struct cat_cover *in;
		void *out;
	} arg = {cells};
	const struct cat_hats_want want = {.keep = keep, .arg = arg.out, .begin = begin, .end = end};
	/* A scan asks for many pieces at a time, which is worth more where they are far away. */
	bool otherwise = t->hpx < 0 || cat_open_is_remote(t->hats->root);

	for (int p = begin; !otherwise && p < end; p++)
		CAT_TRY(read_part(t, p, cells, rows, &otherwise, err));
	if (!otherwise)
		return CAT_OK;
	cat_stack_clear(rows);
	return scan_rows(t, &want, cells, rows, err);
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

static int hats_read(struct cat_skytable *table, const struct cat_cover *cells, struct cat_stack *rows,
                     struct cat_error *err)
{
	struct hats_table *t = (struct hats_table *)table;
	int begin, end;

	if (cells->n == 0)
		return CAT_OK;
	begin = part_behind(t->hats, cells->at[0].lo);
	end = part_behind(t->hats, cells->at[cells->n - 1].hi - 1) + 1;
	return read_cells(t, begin, end < t->hats->nparts ? end : t->hats->nparts, cells, rows, err);
}

static int hats_read_tile(struct cat_skytable *table, const struct cat_tile *tile, struct cat_stack *rows,
                          struct cat_error *err)
{
	struct hats_table *t = (struct hats_table *)table;
	const struct cat_hats_want want = {.begin = tile->begin, .end = tile->end};
	struct cat_cover cells = {0};
	int rc;

	if (tile->whole)
		return scan_rows(t, &want, NULL, rows, err);
	CAT_TRY(cat_cover_add(&cells, tile->lo, tile->hi, true, err));
	rc = read_cells(t, tile->begin, tile->end, &cells, rows, err);
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

static int by_cell(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Cuts TILE, which ends at HI, wherever W has MOST rows more; TILE becomes what is left of it. */
static int cut_work(const struct hats_table *t, struct cat_work *w, int64_t most, int64_t hi, struct cat_tile *tile,
                    struct tile_list *l, struct cat_error *err)
{
	struct cat_batch *b;
	int64_t *cells;
	int rc;

	CAT_TRY(w->ops->decode(w, &t->cols[t->hpx], 1, &b, err));
	cells = cat_malloc((size_t)b->nrows * sizeof *cells);
	rc = cells ? CAT_OK : cat_fail_mem(err, (size_t)b->nrows * sizeof *cells);
	if (rc == CAT_OK && cat_column_null_count(b->cols[0]) == 0) {
		memcpy(cells, CAT_VALUES(b->cols[0], int64_t), (size_t)b->nrows * sizeof *cells);
		qsort(cells, (size_t)b->nrows, sizeof *cells, by_cell);
		for (int64_t i = most; rc == CAT_OK && i < b->nrows; i += most) {
			if (cells[i] <= tile->lo || cells[i] >= hi)
				continue;
			tile->hi = cells[i];
			rc = add_tile(l, tile, err);
			tile->lo = cells[i];
		}
	}
	cat_free(cells);
	cat_batch_unref(b);
	return rc;
}

/* A partition cut where its row groups begin, so that each tile has about MAX_ROWS rows however dense it is there, or
 * as many bytes; inside of row groups that have more than twice that; what its index does not tell stays together. */
static int cut_partition(struct hats_table *t, int part, int64_t max_rows, struct tile_list *l, struct cat_error *err)
{
	const struct cat_hats_want want = {.begin = part, .end = part + 1};
	const int64_t max_bytes = max_rows * t->base.row_bytes;
	struct cat_tile tile = {.begin = part, .end = part + 1};
	struct cat_feed *feed;
	int64_t rows = 0, bytes = 0, hi;
	int rc;

	cat_hats_range(&t->hats->parts[part], &tile.lo, &hi);
	CAT_TRY(cat_hats_feed(cat_hats_ref(t->hats), &want, &feed, err));
	do {
		struct cat_range_stats hpx = {0};
		struct cat_work *w;
		int64_t more = 0;

		rc = feed->ops->next(feed, &w, err);
		if (rc != CAT_OK || !w)
			break;
		if (w->ops->size)
			more = w->ops->size(w, t->cols, t->ncols);
		if (t->hats->hpx >= 0 && t->hats->hpx_order == 29 && w->ops->stats)
			w->ops->stats(w, t->hats->hpx, &hpx);
		if (rows > 0 && (rows + w->nrows > max_rows || more > max_bytes - bytes) && hpx.known && hpx.is_int &&
		    hpx.min_i64 > tile.lo && hpx.min_i64 < hi) {
			tile.hi = hpx.min_i64;
			rc = add_tile(l, &tile, err);
			tile.lo = tile.hi;
			rows = bytes = 0;
		}
		rows += w->nrows;
		bytes += more;
		if (rc == CAT_OK && t->hpx >= 0 && w->nrows > 0 && more / 2 > max_bytes) {
			const int64_t most = max_bytes / (more / w->nrows + 1);

			rc = cut_work(t, w, most < 1 ? 1 : most, hi, &tile, l, err);
		}
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

	for (int i = 0; i < CACHED; i++)
		cat_batch_unref(t->cache[i].rows);
	pthread_mutex_destroy(&t->lock);
	cat_schema_unref(table->schema);
	cat_hats_free(t->hats);
	cat_free(t->cols);
	cat_free(t->base.used);
	cat_free(t);
}

/* How long the rows of partition PART are, as its first row group tells. */
static int ask_row_bytes(struct hats_table *t, int part, int64_t *bytes, struct cat_error *err)
{
	const struct cat_hats_want want = {.begin = part, .end = part + 1};
	struct cat_feed *feed;
	struct cat_work *w;
	int rc;

	CAT_TRY(cat_hats_feed(cat_hats_ref(t->hats), &want, &feed, err));
	rc = feed->ops->next(feed, &w, err);
	if (rc == CAT_OK && w) {
		*bytes = w->ops->size && w->nrows > 0 ? w->ops->size(w, t->cols, t->ncols) / w->nrows : 0;
		cat_work_free(w);
	}
	cat_feed_close(feed);
	return rc;
}

/* By the columns that are used, or by what the catalogue takes on disk, should that be more; where texts or lists are
 * among them, by some of its partitions, unless they are far away. */
static int guess_row_bytes(struct hats_table *t, struct cat_error *err)
{
	const struct cat_schema *s = t->hats->schema;
	const int samples = t->hats->nparts < SAMPLES ? t->hats->nparts : SAMPLES;
	int64_t bytes = 8, all = 8, kib;
	bool varies = false;

	for (int i = 0; i < s->nfields; i++) {
		const int width = cat_type_bytes(&s->fields[i].type), guess = width ? width + 1 : 24;

		all += guess;
		bytes += t->base.used[i] ? guess : 0;
		varies |= t->base.used[i] && !width && s->fields[i].type.id != CAT_T_BOOL;
	}
	CAT_TRY(cat_properties_int(&t->hats->properties, "hats_estsize", 0, &kib, err));
	if (t->hats->nrows > 0 && kib > 0 && kib < INT64_MAX >> 11 && kib * 1024 / t->hats->nrows > all)
		bytes += kib * 1024 / t->hats->nrows - all;
	for (int k = 0; varies && !cat_open_is_remote(t->hats->root) && k < samples; k++) {
		int64_t asked = 0;

		CAT_TRY(ask_row_bytes(t, (int)((int64_t)t->hats->nparts * k / samples), &asked, err));
		bytes = asked > bytes ? asked : bytes;
	}
	t->base.row_bytes = bytes;
	return CAT_OK;
}

static const struct cat_skytable_ops hats_ops = {hats_tiles, hats_read_tile, hats_read, hats_close};

int cat_skytable_hats(struct cat_hats *h, const bool *used, struct cat_skytable **out, struct cat_error *err)
{
	struct hats_table *t = cat_calloc(1, sizeof *t);
	const size_t n = (size_t)h->schema->nfields;
	int rc = CAT_OK;

	if (t) {
		t->base.used = cat_malloc(n * sizeof *t->base.used);
		t->cols = cat_malloc(n * sizeof *t->cols);
	}
	if (!t || !t->base.used || !t->cols) {
		if (t) {
			cat_free(t->base.used);
			cat_free(t->cols);
		}
		cat_free(t);
		cat_hats_free(h);
		return cat_fail_mem(err, sizeof *t);
	}
	memcpy(t->base.used, used, n * sizeof *used);
	pthread_mutex_init(&t->lock, NULL);
	t->hpx = -1;
	for (size_t i = 0; i < n; i++) {
		const bool index = (int)i == h->hpx && h->hpx_order == 29 && h->schema->fields[i].type.id == CAT_T_I64;

		if (index)
			t->hpx = t->ncols;
		if (used[i] || index)
			t->cols[t->ncols++] = (int)i;
	}
	t->hats = h;
	t->base.ops = &hats_ops;
	t->base.schema = cat_schema_ref(h->schema);
	t->base.ra = h->ra;
	t->base.dec = h->dec;
	t->base.row = -1;
	t->base.nrows = h->nrows;
	t->base.in_order = true;
	rc = guess_row_bytes(t, err);
	if (rc == CAT_OK)
		rc = cat_properties_int(&h->properties, "hats_max_rows", ROWS_UNKNOWN, &t->max_rows, err);
	if (rc != CAT_OK) {
		hats_close(&t->base);
		return rc;
	}
	*out = &t->base;
	return CAT_OK;
}
