/* Where the pages of a column chunk are, found by going from header to header. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "formats/parquet_file.h"
#include "formats/rle_bp.h"

/* So much is read for a header, more when it is longer, and at once where an answer takes long. */
#define NEAR_BYTES ((size_t)4 << 10)
#define FAR_BYTES ((size_t)4 << 20)
#define HEADER_MAX ((size_t)1 << 20)
/* Levels that take almost no bytes are an attack beyond so many. */
#define LEVELS_MAX(bytes) ((1 << 24) + (int64_t)(bytes)*8192)

struct table {
	bool done;
	size_t n, cap;
	struct cat_pq_location *pages;
};
struct cat_pq_walked {
	const struct cat_parquet_file *f;
	int group;
	atomic_int refs;
	pthread_mutex_t lock; /* of the tables that are not done */
	struct table *tables; /* per leaf */
};
struct walk {
	struct cat_pq_walked *of;
	const struct cat_pq_leaf *leaf;
	const struct cat_pq_chunk *chunk;
	int64_t end;        /* of the chunk */
	struct cat_buf *window;
	int64_t window_off; /* of the file */
	struct cat_pq_scratch *scratch;
};

int cat_pq_walked_new(const struct cat_parquet_file *f, int group, struct cat_pq_walked **out, struct cat_error *err)
{
	struct cat_pq_walked *w = cat_calloc(1, sizeof *w);

	if (w)
		w->tables = cat_calloc((size_t)f->tree.nleaves, sizeof *w->tables);
	if (!w || !w->tables || pthread_mutex_init(&w->lock, NULL) != 0) {
		if (w)
			cat_free(w->tables);
		cat_free(w);
		return cat_fail_mem(err, sizeof *w);
	}
	w->f = f;
	w->group = group;
	atomic_init(&w->refs, 1);
	*out = w;
	return CAT_OK;
}

struct cat_pq_walked *cat_pq_walked_ref(struct cat_pq_walked *w)
{
	if (w)
		atomic_fetch_add_explicit(&w->refs, 1, memory_order_relaxed);
	return w;
}

void cat_pq_walked_unref(struct cat_pq_walked *w)
{
	if (!w || atomic_fetch_sub_explicit(&w->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (int i = 0; i < w->f->tree.nleaves; i++)
		cat_free(w->tables[i].pages);
	cat_free(w->tables);
	pthread_mutex_destroy(&w->lock);
	cat_free(w);
}

/* At least the chunk's bytes [AT, AT + LEN) into the window, and more when that costs little. */
static int look(struct walk *k, int64_t at, size_t len, struct cat_error *err)
{
	const size_t usual = k->of->f->reader->far ? FAR_BYTES : NEAR_BYTES;
	struct cat_range r = {at, len > usual ? len : usual};

	if (k->window && at >= k->window_off && len <= k->window->size &&
	    at - k->window_off <= (int64_t)(k->window->size - len))
		return CAT_OK;
	if ((int64_t)r.len > k->end - at)
		r.len = (size_t)(k->end - at);
	cat_buf_unref(k->window);
	k->window = NULL;
	k->window_off = at;
	return cat_pq_read_ranges(k->of->f, &r, 1, &k->window, err);
}

/* The header at AT; *USED is 0 when there is none. */
static int read_header(struct walk *k, int64_t at, struct cat_pq_page_header *h, size_t *used, struct cat_error *err)
{
	for (size_t len = 64;; len *= 8) {
		const uint8_t *end;

		len = (int64_t)len < k->end - at ? len : (size_t)(k->end - at);
		CAT_TRY(look(k, at, len, err));
		end = k->window->data + k->window->size;
		*used = 0;
		if (cat_pq_page_header(k->window->data + (at - k->window_off), end, h, used) && h->has_body_header &&
		    h->nvalues >= 0 && h->size <= k->end - at - (int64_t)*used)
			return CAT_OK;
		*used = 0;
		if (len >= HEADER_MAX || (int64_t)len == k->end - at)
			return CAT_OK;
	}
}

/* Of the page at AT, USED bytes of header included, by its repetition levels: how many rows begin in it, and whether it
 * goes on with a row of the page before. */
static int count_rows(struct walk *k, int64_t at, const struct cat_pq_page_header *h, size_t used, int64_t *rows,
                      bool *goes_on, struct cat_error *err)
{
	struct cat_pq_pages pages = {.leaf = k->leaf, .codec = k->chunk->codec, .scratch = k->scratch};
	struct cat_pq_page page;
	struct cat_rle rle;
	uint8_t *levels;
	bool found, fine;

	if (h->nvalues > LEVELS_MAX(h->size))
		return cat_fail(err, CAT_E_UNSUPPORTED, "%lld values in a page of %lld bytes", (long long)h->nvalues,
		                (long long)h->size);
	CAT_TRY(look(k, at, used + (size_t)h->size, err));
	pages.p = k->window->data + (at - k->window_off);
	pages.end = pages.p + used + h->size;
	CAT_TRY(cat_pq_page_next(&pages, &page, &found, err));
	CAT_TRY(cat_pq_page_open(&pages, &page, &k->scratch->page, 0, err));
	levels = cat_malloc((size_t)h->nvalues);
	if (!levels)
		return cat_fail_mem(err, (size_t)h->nvalues);
	cat_rle_init(&rle, page.rep.p, page.rep.n, cat_bits_width((uint64_t)k->leaf->max_rep));
	fine = cat_rle_u8(&rle, levels, h->nvalues);
	*rows = 0;
	for (int64_t i = 0; fine && i < h->nvalues; i++)
		*rows += levels[i] == 0;
	*goes_on = fine && h->nvalues > 0 && levels[0] != 0;
	cat_free(levels);
	return fine ? CAT_OK : cat_fail(err, CAT_E_DATA, "malformed levels");
}

static int add_page(struct table *t, const struct cat_pq_location *page, bool goes_on, struct cat_error *err)
{
	struct cat_pq_location *to;

	if (t->n && (goes_on || page->first_row == t->pages[t->n - 1].first_row)) {
		to = &t->pages[t->n - 1];
		to->size = page->off + page->size - to->off;
		return CAT_OK;
	}
	to = cat_pq_grow(&t->pages, &t->cap, &t->n, sizeof *to);
	if (!to)
		return cat_fail_mem(err, sizeof *to);
	*to = *page;
	return CAT_OK;
}

static int walk_chunk(struct walk *k, struct table *t, struct cat_error *err)
{
	const int64_t nrows = k->of->f->footer.groups[k->of->group].nrows;
	struct cat_pq_location page = {.off = cat_pq_chunk_begin(k->chunk)};
	int64_t values = 0;

	while (values < k->chunk->nvalues && page.off < k->end) {
		struct cat_pq_page_header h;
		size_t used;
		int64_t rows;
		bool goes_on = false;

		CAT_TRY(read_header(k, page.off, &h, &used, err));
		if (used == 0)
			break;
		page.size = (int64_t)used + h.size;
		if (h.type == CAT_PQ_DATA || h.type == CAT_PQ_DATA_V2) {
			rows = k->leaf->max_rep == 0 ? h.nvalues : h.nrows;
			/* The newer kind of page begins with a row. */
			if (k->leaf->max_rep && h.type == CAT_PQ_DATA)
				CAT_TRY(count_rows(k, page.off, &h, used, &rows, &goes_on, err));
			if (rows < 0 || rows > nrows - page.first_row)
				break;
			CAT_TRY(add_page(t, &page, goes_on, err));
			page.first_row += rows;
			values += h.nvalues;
		}
		page.off += page.size;
	}
	if (values < k->chunk->nvalues || page.first_row != nrows)
		t->n = 0;
	return CAT_OK;
}

static int fill(struct cat_pq_walked *w, int leaf, struct cat_error *err)
{
	struct cat_parquet_file *f = (struct cat_parquet_file *)(uintptr_t)w->f; /* only the idle scratch changes */
	struct walk k = {.of = w, .leaf = &f->tree.leaves[leaf], .chunk = cat_pq_chunk_of(f, w->group, leaf)};
	struct table *t = &w->tables[leaf];
	const int64_t begin = cat_pq_chunk_begin(k.chunk);
	int rc;

	if (k.chunk->size > f->reader->size || begin > f->reader->size - k.chunk->size)
		return CAT_OK;
	k.end = begin + k.chunk->size;
	CAT_TRY(cat_pq_scratch_take(&f->idle, &k.scratch, err));
	rc = walk_chunk(&k, t, err);
	if (rc != CAT_OK)
		t->n = 0;
	cat_pq_scratch_give(&f->idle, k.scratch);
	cat_buf_unref(k.window);
	if (rc == CAT_E_DATA || rc == CAT_E_UNSUPPORTED)
		rc = (int)(err->code = CAT_OK);
	return rc;
}

int cat_pq_walked_pages(struct cat_pq_walked *w, int leaf, const struct cat_pq_location **out, size_t *n,
                        struct cat_error *err)
{
	struct table *t = &w->tables[leaf];
	int rc = CAT_OK;

	pthread_mutex_lock(&w->lock);
	if (!t->done)
		rc = fill(w, leaf, err);
	t->done = rc == CAT_OK;
	*out = t->pages;
	*n = t->n;
	pthread_mutex_unlock(&w->lock);
	return rc;
}
