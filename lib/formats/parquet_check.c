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

int64_t cat_parquet_check_bytes(const struct cat_parquet_file *f, int group, int col)
{
	const struct cat_pq_node *n = &f->tree.nodes[col];
	int64_t bytes = 0;

	for (int k = 0; k < n->nleaves; k++) {
		const struct cat_pq_chunk *c = cat_pq_chunk_of(f, group, n->leaf + k);
		int64_t one = c->nvalues > INT64_MAX / 32 ? INT64_MAX / 2 : c->nvalues * 16;

		if (c->size > 0 && c->size < INT64_MAX / 8)
			one += c->size;
		if (c->raw_size > 0 && c->raw_size < INT64_MAX / 8)
			one += 2 * c->raw_size;
		bytes = one > INT64_MAX - bytes ? INT64_MAX : bytes + one;
	}
	return bytes;
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

static int walk_pages(struct walk *w, struct cat_span bytes, struct cat_error *err)
{
	struct cat_pq_pages p = {.leaf = w->leaf, .codec = w->chunk->codec, .p = bytes.p, .end = bytes.p + bytes.n};
	const int64_t begin = cat_pq_chunk_begin(w->chunk);
	char text[160];

	while (w->values < w->chunk->nvalues && p.p < p.end) {
		const uint8_t *const at = p.p;
		struct cat_pq_page page;
		bool found;

		CAT_TRY(cat_pq_page_next(&p, &page, &found, err));
		if (found)
			look_at_page(w, &page, begin + (at - bytes.p), p.p - at);
	}
	if (w->known->has_offsets && w->places && w->page != w->known->npages) {
		snprintf(text, sizeof text, "%zu pages; the offset index has %zu", w->page, w->known->npages);
		w->say(w->arg, CAT_PARQUET_INDEX, text);
	}
	if (w->known->has_bounds && w->page != w->known->nbounds) {
		snprintf(text, sizeof text, "%zu pages; the column index has %zu", w->page, w->known->nbounds);
		w->say(w->arg, CAT_PARQUET_INDEX, text);
	}
	return CAT_OK;
}

static int check_leaf(const struct cat_parquet_file *f, int group, int leaf, struct cat_pq_read *r, say_fn *say,
                      void *arg, bool *crc, struct cat_error *err)
{
	const struct cat_pq_chunk *c = cat_pq_chunk_of(f, group, leaf);
	struct known known = {0};
	struct walk w = {.f = f, .leaf = &f->tree.leaves[leaf], .chunk = c, .known = &known, .say = say, .arg = arg,
	                 .crc = true, .places = true};
	struct cat_span bytes;
	int rc = read_index(f, c, false, &known, say, arg, err);

	if (rc == CAT_OK)
		rc = read_index(f, c, true, &known, say, arg, err);
	if (rc == CAT_OK)
		rc = cat_pq_read_chunk(r, leaf, &bytes, err);
	if (rc == CAT_OK)
		rc = walk_pages(&w, bytes, err);
	*crc &= w.crc;
	known_fini(&known);
	return rc;
}

int cat_parquet_check_column(const struct cat_parquet_file *f, int group, int col,
                             void (*say)(void *arg, enum cat_parquet_fault fault, const char *text), void *arg,
                             struct cat_column **out, struct cat_error *err)
{
	const struct cat_pq_node *node = &f->tree.nodes[col];
	const struct cat_stretch all = {0, f->footer.groups[group].nrows};
	struct cat_pq_index ix = {0};
	struct cat_pq_read *r = NULL;
	struct cat_batch *b = NULL;
	bool crc = true;
	int rc = cat_pq_read_open(f, group, &ix, &all, 1, &col, 1, NULL, INT64_MAX, NULL, &r, err);

	*out = NULL;
	for (int k = 0; rc == CAT_OK && k < node->nleaves; k++)
		rc = check_leaf(f, group, node->leaf + k, r, say, arg, &crc, err);
	if (rc == CAT_OK && crc)
		rc = cat_pq_read_decode(r, &col, 1, 0, &b, err);
	if (b)
		*out = cat_column_ref(b->cols[0]);
	cat_batch_unref(b);
	cat_pq_read_free(r);
	cat_pq_index_fini(&ix);
	return rc;
}
