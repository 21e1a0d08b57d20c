/* parquet_file -- an open Parquet file, for the sources that make it up.
 *
 * Layer: formats, inside Parquet.
 */
#ifndef CAT_FORMATS_PARQUET_FILE_H
#define CAT_FORMATS_PARQUET_FILE_H

#include "formats/parquet.h"
#include "formats/parquet_decode.h"

struct cat_parquet_file {
	struct cat_reader *reader;
	struct cat_parquet_options options;
	struct cat_pq_footer footer;
	struct cat_pq_tree tree;
	int64_t nrows;
	struct cat_buf *tail; /* the file's last bytes when they begin before the footer; NULL: they do not */
	char *created_by;
	struct cat_pq_idle idle;
};
static inline const struct cat_pq_chunk *cat_pq_chunk_of(const struct cat_parquet_file *f, int group, int leaf)
{
	return &f->footer.chunks[f->footer.groups[group].chunk0 + (size_t)leaf];
}
/* N ranges at once; on failure all of OUT is NULL. */
CAT_MUST_USE int cat_pq_read_ranges(const struct cat_parquet_file *f, const struct cat_range *ranges, size_t n,
                                    struct cat_buf **out, struct cat_error *err);
/* Where a chunk's offset index and column index are; false when it has none inside the file. */
bool cat_pq_offset_range(const struct cat_parquet_file *f, const struct cat_pq_chunk *c, struct cat_range *range);
bool cat_pq_column_range(const struct cat_parquet_file *f, const struct cat_pq_chunk *c, struct cat_range *range);
/* Whether every leaf of the group has an offset index. */
bool cat_pq_has_pages(const struct cat_parquet_file *f, int group);
/* What a leaf of GROUP takes decoded; less than that where nothing is told of texts in a dictionary. */
double cat_pq_leaf_bytes(const struct cat_parquet_file *f, int group, int leaf);
/* Where the chunk's bytes begin: the dictionary, when the footer tells of it, comes first. */
int64_t cat_pq_chunk_begin(const struct cat_pq_chunk *c);
/* Page indexes of one group that were read. Zero-initialised: none yet. One thread at a time. */
struct cat_pq_walked;
struct cat_pq_index {
	bool loaded;
	int64_t off_bytes[2];
	struct cat_buf *bytes[2];
	struct cat_pq_walked *walked; /* for chunks without an index; NULL: these are read whole */
};
void cat_pq_index_fini(struct cat_pq_index *ix);
/* All that FROM knows of the same group; INTO is zero-initialised. */
void cat_pq_index_share(const struct cat_pq_index *from, struct cat_pq_index *into);
/* N ranges of GROUP's page indexes: from the file's tail or IX, else all of the group's are read into IX at once. On
 * failure all of OUT is NULL. */
CAT_MUST_USE int cat_pq_index_read(const struct cat_parquet_file *f, int group, struct cat_pq_index *ix,
                                   const struct cat_range *ranges, size_t n, struct cat_buf **out,
                                   struct cat_error *err);
/* The pages that an offset index names; one that does not fit the chunk and the group is as if not there (*N is
 * 0). */
CAT_MUST_USE int cat_pq_pages_of(const struct cat_parquet_file *f, int group, const struct cat_pq_chunk *c,
                                 const struct cat_buf *bytes, struct cat_pq_location **out, size_t *n,
                                 struct cat_error *err);
/* parquet_walk.c: where the pages are of a group's chunks that have no offset index, found by going from page to page when
 * it is first asked for. Any thread. The file outlives it. */
CAT_MUST_USE int cat_pq_walked_new(const struct cat_parquet_file *f, int group, struct cat_pq_walked **out,
                                   struct cat_error *err);
struct cat_pq_walked *cat_pq_walked_ref(struct cat_pq_walked *w); /* accepts NULL */
void cat_pq_walked_unref(struct cat_pq_walked *w);                /* accepts NULL */
/* They belong to W and each begins with a row; *N is 0 where the chunk cannot be followed: who decodes it will say why. */
CAT_MUST_USE int cat_pq_walked_pages(struct cat_pq_walked *w, int leaf, const struct cat_pq_location **out, size_t *n,
                                     struct cat_error *err);
/* Bounds of a leaf from MIN and MAX, of the deprecated kind or not; fills everything but nulls. */
void cat_pq_bounds(const struct cat_parquet_file *f, int leaf, struct cat_span min, struct cat_span max, bool old,
                   struct cat_range_stats *out);
/* As cat_parquet_page_stats, by way of IX. */
CAT_MUST_USE int cat_pq_page_stats(const struct cat_parquet_file *f, int group, struct cat_pq_index *ix, int col,
                                   struct cat_part_list *out, struct cat_error *err);

/* parquet_bloom.c: the Bloom filter that was read last of one group. Zero-initialised: none yet. One thread at a
 * time. */
struct cat_pq_bloom {
	bool loaded;
	int leaf;
	struct cat_buf *bits; /* NULL: there is none that can be used */
};
void cat_pq_bloom_fini(struct cat_pq_bloom *b);
/* Whether the filter of column COL in GROUP has not V: then surely no value is V. */
bool cat_pq_bloom_lacks(const struct cat_parquet_file *f, int group, struct cat_pq_bloom *b, int col,
                        const struct cat_constant *v);
uint64_t cat_pq_xxh64(const void *data, size_t n);

/* parquet_read.c: the bytes of some columns and rows of a group, asked for and not yet decoded. One thread at a time. */
struct cat_pq_read;
/* Rows of N SPANS (ascending, disjoint) of GROUP, columns COLS[0..ncols) ascending, in one request but for page
 * indexes: of chunks with an offset index only the pages that hold the rows. Leaves with SKIP set (NULL: none; not all
 * of a column) are left out: they decode as nulls. *OUT is NULL when that is more than
 * MAX_BYTES (and nothing was asked for); also with PRICE given, which then receives what it would cost. */
CAT_MUST_USE int cat_pq_read_open(const struct cat_parquet_file *f, int group, struct cat_pq_index *ix,
                                  const struct cat_stretch *spans, int n, const int *cols, int ncols,
                                  const bool *skip, int64_t max_bytes, struct cat_price *price,
                                  struct cat_pq_read **out, struct cat_error *err);
/* The bytes of LEAF's chunk as they stand in the file, when the read is of all rows; they live as long as the read. */
CAT_MUST_USE int cat_pq_read_chunk(struct cat_pq_read *r, int leaf, struct cat_span *out, struct cat_error *err);
bool cat_pq_read_has(const struct cat_pq_read *r, const int *cols, int n);
/* Columns COLS (some of those it was opened with, ascending) of its rows, when they have come; may be called again.
 * *OUT is NULL when their texts take more than MAX_TEXT_BYTES (0: no bound). */
CAT_MUST_USE int cat_pq_read_decode(struct cat_pq_read *r, const int *cols, int n, int64_t max_text_bytes,
                                    struct cat_batch **out, struct cat_error *err);
void cat_pq_read_free(struct cat_pq_read *r); /* accepts NULL */

#endif
