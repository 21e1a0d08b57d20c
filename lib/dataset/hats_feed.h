/* hats_feed -- what opening a catalogue and reading its partitions share. Private to dataset.
 *
 * Layer: dataset.
 */
#ifndef CAT_DATASET_HATS_FEED_H
#define CAT_DATASET_HATS_FEED_H

#include "dataset/hats.h"

/* Columns that only repeat a partition's name, ended by NULL. */
extern const char *const cat_hats_hidden[];
/* A file of a partition; *NAME is for messages and lives as long as *OUT. BARE as of struct cat_parquet_options: who
 * has the catalogue's schema needs no more. */
CAT_MUST_USE int cat_hats_open_file(const char *path, bool bare, struct cat_feed **out, const char **name,
                                    struct cat_error *err);
/* Calls EACH on the names of the files in the folder PATH, a partition of H: those that lie there, or on a web server
 * those that dataset/_metadata names, which is read once. CAT_E_UNSUPPORTED where there is none; CAT_E_NOINPUT when
 * there is no such folder; what EACH fails with ends it. Any thread. */
CAT_MUST_USE int cat_hats_each_file(struct cat_hats *h, const char *path,
                                    int (*each)(void *arg, const char *name, struct cat_error *err), void *arg,
                                    struct cat_error *err);
void cat_hats_names_fini(struct cat_hats_names *names);

#endif
