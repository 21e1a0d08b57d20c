/* hats_stats -- per_partition_statistics.parquet: what a catalogue's leaves hold, a row for each row group.
 *
 * Layer: dataset, inside of the HATS writer. Columns: Norder, Npix, row_group_index (over all of the catalogue), then
 * for each leaf column PATH::min_value, ::max_value, ::null_count, ::row_count, ::disk_bytes, ::memory_bytes, as
 * hats-import names them.
 */
#ifndef CAT_DATASET_HATS_STATS_H
#define CAT_DATASET_HATS_STATS_H

#include "columnar/batch.h"
#include "dataset/hats.h"

/* The columns for leaves of SCHEMA as they are stored; one reference for the caller. */
CAT_MUST_USE int cat_hats_stats_schema(const struct cat_schema *schema, struct cat_schema **out,
                                       struct cat_error *err);
/* The rows of one leaf by its Parquet FOOTER; FIRST_GROUP is how many row groups came before. */
CAT_MUST_USE int cat_hats_stats_rows(struct cat_schema *stats, const struct cat_hats_part *p, struct cat_buf *footer,
                                     int64_t first_group, struct cat_batch **out, struct cat_error *err);

#endif
