/* hats_copy -- a copy of a catalogue or a collection, or of the partitions of it that a region touches.
 *
 * Layer: dataset. Says which files there are to copy; when they are here, writes what describes a part: the list of
 * partitions, the row groups of all leaves, the properties with the numbers of what came. What summarises the whole
 * (sky maps, statistics, thumbnails) is not part of a part, nor are indexes, which point into all of it: the copy of a
 * collection says which were left out (catpipe_indexes_left_out).
 */
#ifndef CAT_DATASET_HATS_COPY_H
#define CAT_DATASET_HATS_COPY_H

#include "dataset/hats.h"

struct cat_hats_copy_member {
	struct cat_hats *hats;
	char *name; /* its folder in the collection; NULL: it stands alone */
	int nparts;
	int *parts; /* of hats->parts, those that are copied */
};
struct cat_hats_copy {
	char *root; /* of the collection or catalogue; a release's own folder */
	int nmembers;
	struct cat_hats_copy_member *members; /* the catalogue, then its margin caches */
	bool all;             /* every partition: files are as they are */
	bool without_indexes; /* the collection has some, which do not come */
};
/* WANT: which partitions, as in cat_hats_open; NULL: all. */
CAT_MUST_USE int cat_hats_copy_open(const char *address, const struct cat_hats_want *want, struct cat_hats_copy **out,
                                    struct cat_error *err);
/* Calls EACH on the files to be copied, NAME seen from the root; OPTIONAL ones may not be there. CAT_E_UNSUPPORTED when
 * partitions are folders and the server does not list them. */
CAT_MUST_USE int cat_hats_copy_each(const struct cat_hats_copy *c,
                                    int (*each)(void *arg, const char *name, bool optional, struct cat_error *err),
                                    void *arg, struct cat_error *err);
/* Writes what describes the files that were copied to FOLDER; SHOWN is its final name. *ROWS receives the catalogue's. */
CAT_MUST_USE int cat_hats_copy_finish(const struct cat_hats_copy *c, const char *folder, const char *shown,
                                      int64_t *rows, struct cat_error *err);
void cat_hats_copy_free(struct cat_hats_copy *c); /* accepts NULL */

#endif
