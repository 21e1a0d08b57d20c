/* A Parquet file held against itself: pages against checksums and indexes, one footer against another. */
#include <libdeflate.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "formats/parquet_file.h"

typedef void say_fn(void *arg, enum cat_parquet_fault fault, const char *text);

const char *cat_parquet_group_path(const struct cat_parquet_file *f, int group, size_t *len)
{
	const struct cat_span path = f->tree.nleaves ? cat_pq_chunk_of(f, group, 0)->path : (struct cat_span){0};

	*len = path.n;
	return path.n ? (const char *)path.p : NULL;
}

int cat_parquet_sort_column(const struct cat_parquet_file *f, int group)
{
	const struct cat_pq_group *g = &f->footer.groups[group];

	if (g->sort_leaf < 0 || g->sort_down)
		return -1;
	for (int i = 0; i < f->tree.schema->nfields; i++)
		if (f->tree.nodes[i].kind == CAT_PQ_NODE_LEAF && f->tree.nodes[i].leaf == g->sort_leaf)
			return i;
	return -1;
}

int cat_parquet_column_leaves(const struct cat_parquet_file *f, int col, int *first)
{
	*first = f->tree.nodes[col].leaf;
	return f->tree.nodes[col].nleaves;
}

/* Decoded, with what decoding needs beside that. */
static int64_t column_bytes(const struct cat_parquet_file *f, int group, int col)
{
	const struct cat_pq_node *n = &f->tree.nodes[col];
	double bytes = 0;

	for (int k = 0; k < n->nleaves; k++)
		bytes += 2 * cat_pq_leaf_bytes(f, group, n->leaf + k);
	return bytes < (double)(INT64_MAX / 4) ? (int64_t)bytes : INT64_MAX / 4;
}

int64_t cat_parquet_check_bytes(const struct cat_parquet_file *f, int group, int col, int64_t max_bytes)
{
	const int64_t stored = cat_parquet_group_bytes(f, group, &col, 1), decoded = column_bytes(f, group, col);

	return (stored < max_bytes ? stored : max_bytes) + (decoded < max_bytes ? decoded : max_bytes);
}

/* --- two footers --- */

static bool same_span(struct cat_span a, struct cat_span b)
{
	return a.n == b.n && (!a.p) == (!b.p) && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static const char *chunk_differs(const struct cat_pq_chunk *a, const struct cat_pq_chunk *b)
{
	if (a->nvalues != b->nvalues)
		return "numbers of values";
	if (a->size != b->size || a->raw_size != b->raw_size || a->codec != b->codec)
		return "sizes";
	if (a->data_off != b->data_off || a->dict_off != b->dict_off)
		return "places of pages";
	if (!same_span(a->stats.min, b->stats.min) || !same_span(a->stats.max, b->stats.max) ||
	    !same_span(a->stats.min_old, b->stats.min_old) || !same_span(a->stats.max_old, b->stats.max_old) ||
	    a->stats.null_count != b->stats.null_count)
		return "statistics";
	return NULL;
}

bool cat_parquet_same_group(const struct cat_parquet_file *a, int group_a, const struct cat_parquet_file *b,
                            int group_b, char *why, size_t size)
{
	const int64_t rows_a = cat_parquet_group_rows(a, group_a), rows_b = cat_parquet_group_rows(b, group_b);

	if (a->tree.nleaves != b->tree.nleaves) {
		snprintf(why, size, "%d and %d columns", a->tree.nleaves, b->tree.nleaves);
		return false;
	}
	if (rows_a != rows_b) {
		snprintf(why, size, "%lld and %lld rows", (long long)rows_a, (long long)rows_b);
		return false;
	}
	for (int i = 0; i < a->tree.nleaves; i++) {
		const char *what = chunk_differs(cat_pq_chunk_of(a, group_a, i), cat_pq_chunk_of(b, group_b, i));
		const struct cat_span name = a->tree.leaves[i].name;

		if (what) {
			snprintf(why, size, "column %.*s: the %s differ", (int)(name.n < 100 ? name.n : 100),
			         (const char *)name.p, what);
			return false;
		}
	}
	return true;
}

/* --- pages --- */

/* What is known of a chunk's pages beforehand. */
struct known {
	bool has_offsets, has_bounds;
	struct cat_pq_location *pages;
	struct cat_pq_bound *bounds;
	size_t npages, nbounds;
};

static void known_fini(struct known *k)
{
	cat_free(k->pages);
	cat_free(k->bounds);
}

/* An index that cannot be read is told of and counts as absent. */
static int read_index(const struct cat_parquet_file *f, const struct cat_pq_chunk *c, bool bounds, struct known *k,
                      say_fn *say, void *arg, struct cat_error *err)
{
	const int64_t len = bounds ? c->column_index_len : c->offset_index_len;
	const char *const what = bounds ? "column index" : "offset index";
	struct cat_range range;
	struct cat_buf *b;
	char text[160];
	int rc;

	if (len == 0)
		return CAT_OK;
	if (!(bounds ? cat_pq_column_range(f, c, &range) : cat_pq_offset_range(f, c, &range))) {
		snprintf(text, sizeof text, "the %s lies outside the file", what);
		say(arg, CAT_PARQUET_INDEX, text);
		return CAT_OK;
	}
	CAT_TRY(cat_pq_read_ranges(f, &range, 1, &b, err));
	rc = bounds ? cat_pq_column_index(b, &k->bounds, &k->nbounds, err)
	            : cat_pq_offset_index(b, &k->pages, &k->npages, err);
	cat_buf_unref(b);
	if (rc == CAT_E_DATA) {
		snprintf(text, sizeof text, "the %s is corrupt", what);
		say(arg, CAT_PARQUET_INDEX, text);
		return err->code = CAT_OK;
	}
	if (rc == CAT_OK)
		*(bounds ? &k->has_bounds : &k->has_offsets) = true;
	return rc;
}

/* Where a walk over a chunk's pages has come to. */
struct walk {
	const struct cat_parquet_file *f;
	const struct cat_pq_leaf *leaf;
	const struct cat_pq_chunk *chunk;
	const struct known *known;
	say_fn *say;
	void *arg;
	int64_t values, rows; /* before the page */
	size_t page;          /* data pages before it */
	bool crc, places;     /* all fine so far */
};

static void look_at_page(struct walk *w, const struct cat_pq_page *page, int64_t off, int64_t size)
{
	const struct known *k = w->known;
	const bool is_data = page->h.type != CAT_PQ_DICTIONARY;
	char text[200];

	if (page->h.has_crc && libdeflate_crc32(0, page->body, (size_t)page->h.size) != page->h.crc) {
		snprintf(text, sizeof text, "%s %zu: its checksum is wrong", is_data ? "page" : "dictionary before page",
		         w->page);
		w->say(w->arg, CAT_PARQUET_CRC, text);
		w->crc = false;
	}
	if (!is_data)
		return;
	if (k->has_offsets && w->places && w->page < k->npages) {
		const struct cat_pq_location *l = &k->pages[w->page];
		/* Rows of repeated values are counted in the second version's headers only. */
		const bool counted = w->leaf->max_rep == 0 && l->first_row != w->values;

		w->places = l->off == off && l->size == size && !counted;
		if (!w->places) {
			snprintf(text, sizeof text,
			         "page %zu is at byte %lld, %lld long; the offset index says %lld, %lld long, from row %lld",
			         w->page, (long long)off, (long long)size, (long long)l->off, (long long)l->size,
			         (long long)l->first_row);
			w->say(w->arg, CAT_PARQUET_INDEX, text);
		}
	}
	w->values += page->h.nvalues;
	w->page++;
}

/* The pages in BYTES, which begin at byte OFF of the file; *USED is how many bytes were walked over. Where more FOLLOWS, a
 * page that is not all there is left to the next time. */
static int walk_pages(struct walk *w, struct cat_span bytes, int64_t off, bool follows, size_t *used,
                      struct cat_error *err)
{
	struct cat_pq_pages p = {.leaf = w->leaf, .codec = w->chunk->codec, .p = bytes.p, .end = bytes.p + bytes.n};

	*used = 0;
	while (w->values < w->chunk->nvalues && p.p < p.end) {
		const uint8_t *const at = p.p;
		struct cat_pq_page page;
		bool found;

		if (cat_pq_page_next(&p, &page, &found, err) != CAT_OK) {
			if (follows)
				err->code = CAT_OK;
			return (int)err->code;
		}
		if (found)
			look_at_page(w, &page, off + (at - bytes.p), p.p - at);
		*used = (size_t)(p.p - bytes.p);
	}
	return CAT_OK;
}

/* A chunk of which no more than WINDOW_BYTES are to be in memory, unless a page has more. */
static int walk_windows(struct walk *w, int64_t window_bytes, struct cat_error *err)
{
	int64_t off = cat_pq_chunk_begin(w->chunk);
	const int64_t end = off + w->chunk->size;

	while (w->values < w->chunk->nvalues && off < end) {
		const int64_t n = window_bytes < end - off ? window_bytes : end - off;
		const struct cat_range r = {off, (size_t)n};
		struct cat_buf *b;
		size_t used;
		int rc;

		CAT_TRY(cat_pq_read_ranges(w->f, &r, 1, &b, err));
		rc = walk_pages(w, (struct cat_span){b->data, b->size}, off, off + n < end, &used, err);
		cat_buf_unref(b);
		CAT_TRY(rc);
		off += (int64_t)used;
		if (!used)
			window_bytes *= 2;
	}
	return CAT_OK;
}

static void compare_counts(const struct walk *w)
{
	char text[160];

	if (w->known->has_offsets && w->places && w->page != w->known->npages) {
		snprintf(text, sizeof text, "%zu pages; the offset index has %zu", w->page, w->known->npages);
		w->say(w->arg, CAT_PARQUET_INDEX, text);
	}
	if (w->known->has_bounds && w->page != w->known->nbounds) {
		snprintf(text, sizeof text, "%zu pages; the column index has %zu", w->page, w->known->nbounds);
		w->say(w->arg, CAT_PARQUET_INDEX, text);
	}
}

/* R has all of the column's chunks; NULL: they are too long for that. */
static int check_leaf(const struct cat_parquet_file *f, const struct cat_pq_check *how, int leaf,
                      struct cat_pq_read *r, bool *crc, struct cat_error *err)
{
	const struct cat_pq_chunk *c = cat_pq_chunk_of(f, how->group, leaf);
	struct known known = {0};
	struct walk w = {.f = f, .leaf = &f->tree.leaves[leaf], .chunk = c, .known = &known, .say = how->say,
	                 .arg = how->arg, .crc = true, .places = true};
	struct cat_span bytes;
	size_t used;
	int rc = read_index(f, c, false, &known, how->say, how->arg, err);

	if (rc == CAT_OK)
		rc = read_index(f, c, true, &known, how->say, how->arg, err);
	if (rc == CAT_OK && r)
		rc = cat_pq_read_chunk(r, leaf, &bytes, err);
	if (rc == CAT_OK)
		rc = r ? walk_pages(&w, bytes, cat_pq_chunk_begin(c), false, &used, err) : walk_windows(&w, how->max_bytes, err);
	if (rc == CAT_OK)
		compare_counts(&w);
	*crc &= w.crc;
	known_fini(&known);
	return rc;
}

static int give_rows(const struct cat_pq_check *c, struct cat_pq_read *r, int64_t begin, int64_t max_text_bytes,
                     bool *given, struct cat_error *err)
{
	struct cat_batch *b;
	int rc;

	CAT_TRY(cat_pq_read_decode(r, &c->col, 1, max_text_bytes, &b, err));
	*given = b;
	rc = b ? c->each(c->arg, b->cols[0], begin, err) : CAT_OK;
	cat_batch_unref(b);
	return rc;
}

/* The rows some at a time. */
static int give_parts(const struct cat_parquet_file *f, const struct cat_pq_check *c, struct cat_error *err)
{
	const int64_t nrows = f->footer.groups[c->group].nrows;
	const int64_t parts = column_bytes(f, c->group, c->col) / c->max_bytes + 1;
	int64_t step = parts < nrows ? (nrows + parts - 1) / parts : 1, done;
	struct cat_pq_index ix = {0};
	int rc = cat_pq_has_pages(f, c->group) ? CAT_OK : cat_pq_walked_new(f, c->group, &ix.walked, err);

	for (int64_t at = 0; rc == CAT_OK && at < nrows; at += done) {
		struct cat_stretch rows = {at, at + (step < nrows - at ? step : nrows - at)};
		struct cat_pq_read *r;
		bool given = false;

		done = 0;
		rc = cat_pq_read_open(f, c->group, &ix, &rows, 1, &c->col, 1, NULL, INT64_MAX, NULL, &r, err);
		if (rc == CAT_OK)
			rc = give_rows(c, r, at, rows.end - rows.begin > 1 ? c->max_bytes : 0, &given, err);
		cat_pq_read_free(r);
		if (given)
			done = rows.end - rows.begin;
		else
			step = (rows.end - rows.begin + 1) / 2;
	}
	cat_pq_index_fini(&ix);
	return rc;
}

static int chunks_are_inside(const struct cat_parquet_file *f, int group, const struct cat_pq_node *node,
                             struct cat_error *err)
{
	for (int k = 0; k < node->nleaves; k++) {
		const struct cat_pq_chunk *c = cat_pq_chunk_of(f, group, node->leaf + k);

		if (c->path.n || c->size > f->reader->size || cat_pq_chunk_begin(c) > f->reader->size - c->size)
			return cat_fail(err, CAT_E_DATA, "a column chunk of %lld bytes lies outside the file",
			                (long long)c->size);
	}
	return CAT_OK;
}

int cat_parquet_check_column(const struct cat_parquet_file *f, const struct cat_pq_check *c, bool *crc,
                             struct cat_error *err)
{
	const struct cat_pq_node *node = &f->tree.nodes[c->col];
	const struct cat_stretch all = {0, f->footer.groups[c->group].nrows};
	const bool at_once = column_bytes(f, c->group, c->col) <= c->max_bytes || all.end < 2;
	struct cat_pq_index ix = {0};
	struct cat_pq_read *r = NULL;
	bool given = false;
	int rc = at_once ? cat_pq_read_open(f, c->group, &ix, &all, 1, &c->col, 1, NULL, INT64_MAX, NULL, &r, err)
	                 : chunks_are_inside(f, c->group, node, err);

	*crc = true;
	for (int k = 0; rc == CAT_OK && k < node->nleaves; k++)
		rc = check_leaf(f, c, node->leaf + k, r, crc, err);
	if (rc == CAT_OK && *crc && at_once)
		rc = give_rows(c, r, 0, all.end < 2 ? 0 : c->max_bytes, &given, err);
	cat_pq_read_free(r);
	cat_pq_index_fini(&ix);
	return rc == CAT_OK && *crc && !given ? give_parts(f, c, err) : rc;
}
