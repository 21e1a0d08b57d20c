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
/* The pages that an offset index names; one that does not fit the chunk and the group is as if not there (*N is
 * 0). */
CAT_MUST_USE int cat_pq_pages_of(const struct cat_parquet_file *f, int group, const struct cat_pq_chunk *c,
                                 const struct cat_buf *bytes, struct cat_pq_location **out, size_t *n,
                                 struct cat_error *err);
/* Bounds of a leaf from MIN and MAX, of the deprecated kind or not; fills everything but nulls. */
void cat_pq_bounds(const struct cat_parquet_file *f, int leaf, const struct cat_field *field, struct cat_span min,
                   struct cat_span max, bool old, struct cat_range_stats *out);

#endif
