/* hidden -- the folder in which a folder grows until it is complete.
 *
 * Layer: storage. A process that works on one holds a lock on it; the lock ends with the process, however that
 * ends, and tells what was left behind from what is being written, on whatever machine.
 */
#ifndef CAT_STORAGE_HIDDEN_H
#define CAT_STORAGE_HIDDEN_H

#include "base/error.h"

/* A new folder beside PATH, ".NAME.catpipe-PID", whose name the caller frees; *LOCK, to be closed at the end,
 * keeps others from it. Folders of PATH that nobody holds are removed before. */
CAT_MUST_USE int cat_hidden_create(const char *path, char **folder, int *lock, struct cat_error *err);
/* The one folder beside PATH, ".NAME.catpipe-get", in which a copy grows over several tries: the one that an earlier
 * process left, or a new one. CAT_E_TEMP while another process works on it. Nobody sweeps it away. */
CAT_MUST_USE int cat_hidden_resume(const char *path, char **folder, int *lock, struct cat_error *err);

#endif
