/* tree -- what lies below a folder, here or in an object store.
 *
 * Layer: storage.
 */
#ifndef CAT_STORAGE_TREE_H
#define CAT_STORAGE_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct cat_tree_entry {
	const char *name;  /* seen from the folder: "Norder=0/Dir=0/Npix=4.parquet"; of a folder without a slash behind */
	bool is_folder;    /* told only when FLAT */
	bool is_other;     /* neither: a pipe, a device, a link that leads nowhere */
	int64_t size;
	const char *etag;     /* object stores; else "" */
	const char *modified; /* "2024-01-31T12:00:00Z"; "" when not told */
};
/* Calls EACH on the files below FOLDER in the order of their names' bytes; FLAT: on files and folders right below it.
 * Links are followed, but not into a folder that they lie in. Stops with EACH's failure. CAT_E_NOINPUT when there is no such folder (an object store's: when it is empty);
 * CAT_E_UNSUPPORTED for web servers, which tell nobody what they have. */
CAT_MUST_USE int cat_tree_each(const char *folder, bool flat,
                               int (*each)(void *arg, const struct cat_tree_entry *e, struct cat_error *err),
                               void *arg, struct cat_error *err);

#endif
