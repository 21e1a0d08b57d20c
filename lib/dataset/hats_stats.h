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

struct cat_hats_stats;
/* For leaves of SCHEMA as they are stored. */
CAT_MUST_USE int cat_hats_stats_new(const struct cat_schema *schema, struct cat_hats_stats **out,
                                    struct cat_error *err);
void cat_hats_stats_free(struct cat_hats_stats *s); /* accepts NULL */
struct cat_schema *cat_hats_stats_schema(const struct cat_hats_stats *s); /* its own */
/* Adds the rows of one leaf by its Parquet FOOTER; in the order of leaves. */
CAT_MUST_USE int cat_hats_stats_add(struct cat_hats_stats *s, const struct cat_hats_part *p, struct cat_buf *footer,
                                    struct cat_error *err);
int64_t cat_hats_stats_rows(const struct cat_hats_stats *s); /* added and not taken */
/* Hands them over; one reference for the caller. */
CAT_MUST_USE int cat_hats_stats_take(struct cat_hats_stats *s, struct cat_batch **out, struct cat_error *err);

#endif
