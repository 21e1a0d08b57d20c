/* hats_feed -- what opening a catalogue and reading its partitions share. Private to dataset.
 *
 * Layer: dataset.
 */
#ifndef CAT_DATASET_HATS_FEED_H
#define CAT_DATASET_HATS_FEED_H

#include "dataset/hats.h"

/* Columns that only repeat a partition's name, ended by NULL. */
extern const char *const cat_hats_hidden[];
/* A file of a partition; *NAME is for messages and lives as long as *OUT. BARE as of struct cat_parquet_options: who has
 * the catalogue's schema needs no more. */
CAT_MUST_USE int cat_hats_open_file(const char *path, bool bare, struct cat_feed **out, const char **name,
                                    struct cat_error *err);

#endif
