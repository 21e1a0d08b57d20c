/* scratch -- bytes that are kept in a temporary file for a while.
 *
 * Layer: storage. The files have no name; they go when they are closed.
 */
#ifndef CAT_STORAGE_SCRATCH_H
#define CAT_STORAGE_SCRATCH_H

#include "base/bytes.h"

/* A temporary file under DIR: ranges of what was appended to *W can be read from *R (whose size stays unknown).
 * The caller closes both, in any order. */
CAT_MUST_USE int cat_scratch_new(const char *dir, struct cat_writer **w, struct cat_reader **r,
                                 struct cat_error *err);
/* W as a writer that can patch: everything is kept in a temporary file under DIR until commit, which copies it.
 * Takes over W, also on failure; one that can patch is passed through. */
CAT_MUST_USE int cat_writer_spool(struct cat_writer *w, const char *dir, struct cat_writer **out,
                                  struct cat_error *err);

#endif
