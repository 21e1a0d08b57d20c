/* keep -- small facts that were asked for far away, remembered on this machine's disk by kind and key.
 *
 * Layer: storage. A folder for each kind, a file for each key, written whole or not at all; any number of processes use
 * it at once. Losing it costs another question, never an answer.
 * Thread rule: configure before the first use; the rest from any thread.
 */
#ifndef CAT_STORAGE_KEEP_H
#define CAT_STORAGE_KEEP_H

#include "base/buf.h"

/* DIR (the caller's, for the life of the process) is made when first needed, for its owner only. NULL: nothing is
 * kept, and what was kept is not looked at. */
void cat_keep_configure(const char *dir);
/* What was kept under KIND (a word) and KEY (one line), and how many seconds ago; *OUT NULL: nothing. */
void cat_keep_get(const char *kind, const char *key, struct cat_buf **out, int64_t *age_s);
void cat_keep_put(const char *kind, const char *key, const void *data, size_t n);

#endif
