/* cache -- bytes of objects far away, kept on this machine's disk for the next time.
 *
 * Layer: storage. A folder of files, one for each range of one version of one object as one reader may see it; any
 * number of processes use it at once. It never changes an answer: what is not there, damaged or cannot be written is
 * asked for again. Bounded: the oldest go first.
 * Thread rule: configure before the first use; the rest from any thread.
 */
#ifndef CAT_STORAGE_CACHE_H
#define CAT_STORAGE_CACHE_H

#include <stdbool.h>

#include "base/buf.h"

/* DIR (the caller's, for the life of the process) is made when first needed, for its owner only. MAX_BYTES 0: nothing
 * is kept. */
void cat_cache_configure(const char *dir, int64_t max_bytes);
bool cat_cache_on(void);

/* What a range is known by: 64 hexadecimal digits of everything that tells it from others. */
struct cat_cache_key {
	char hex[65];
};
/* NAME: the object; WHO asks; VERSION: its ETag, or a word for what is said of all versions. False when keys cannot be
 * made here. */
bool cat_cache_key(struct cat_cache_key *key, const char *name, const char *who, const char *version, int64_t begin,
                   int64_t end);
/* *OUT NULL: it is not there. */
void cat_cache_get(const struct cat_cache_key *key, struct cat_buf **out);
void cat_cache_put(const struct cat_cache_key *key, const void *data, size_t n);

#endif
