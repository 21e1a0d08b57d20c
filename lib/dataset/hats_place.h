/* hats_place -- where a catalogue or a collection appears: a hidden folder that becomes the final one.
 *
 * Layer: dataset. Everything is written below the hidden folder, which appears by one rename. In an object store it is
 * written where it will be, its description last: until that is there, it is no catalogue.
 */
#ifndef CAT_DATASET_HATS_PLACE_H
#define CAT_DATASET_HATS_PLACE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

struct cat_hats_place {
	char *path;   /* the final folder */
	char *name;   /* its last part */
	char *hidden; /* where everything is until it is published */
	int lock;     /* says that somebody works there */
	bool overwrite;
	bool remote;  /* in an object store */
	bool published;
};
/* PATH must not exist, or be empty, or be a catalogue and OVERWRITE set: else CAT_E_CREATE. In an object store what
 * is overwritten goes at once. */
CAT_MUST_USE int cat_hats_place_open(const char *path, bool overwrite, struct cat_hats_place **out,
                                     struct cat_error *err);
/* Whether the folder PATH, here, may be written: see above. */
CAT_MUST_USE int cat_hats_place_check(const char *path, bool overwrite, struct cat_error *err);
/* Makes it visible, in one step. */
CAT_MUST_USE int cat_hats_place_publish(struct cat_hats_place *p, struct cat_error *err);
/* What was not published is removed. Accepts NULL. */
void cat_hats_place_free(struct cat_hats_place *p);

/* FOLDER/NAME, owned by the caller; NULL when memory is out. */
char *cat_hats_path(const char *folder, const char *name);
/* A folder that may be there already. SHOWN is for messages: the final folder. */
CAT_MUST_USE int cat_hats_mkdir(const char *path, const char *shown, struct cat_error *err);
/* Removes a folder that is empty; others stay. */
void cat_hats_rmdir(const char *path);
/* A file below the hidden folder. */
CAT_MUST_USE int cat_hats_create(const char *path, const char *shown, struct cat_writer **out, struct cat_error *err);
/* A small file below FOLDER. */
CAT_MUST_USE int cat_hats_file(const char *folder, const char *name, const char *shown, const void *data, size_t len,
                               struct cat_error *err);

#endif
