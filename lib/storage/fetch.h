/* fetch -- one file or object into a file here, byte for byte, in pieces, taken up where an earlier try broke off.
 *
 * Layer: storage. Until it is whole it is called NAME.part. What was done of which version is told by the caller, who
 * keeps it between tries.
 * Thread rule: any number at once, each by one thread.
 */
#ifndef CAT_STORAGE_FETCH_H
#define CAT_STORAGE_FETCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define CAT_FETCH_VERSION 300 /* bytes of a version's text: no blanks in it */

struct cat_fetch {
	int pieces; /* at most so many on their way for one file */
	bool verify; /* compare with the checksum that an object store keeps */
	const atomic_bool *stop; /* break off: CAT_E_TEMP */
	void (*progress)(void *arg, int64_t bytes); /* any thread; may be NULL */
	void *progress_arg;
	/* Told when the version is known and before anything is written; may be NULL. */
	int (*begun)(void *arg, int64_t size, const char *version, struct cat_error *err);
	/* Told from time to time, and when it breaks off, up to where the file has come and is safe; may be NULL. */
	int (*reached)(void *arg, int64_t bytes, struct cat_error *err);
	void *begun_arg; /* of both */
};
struct cat_fetch_state {
	int64_t size;   /* -1: not known */
	char version[CAT_FETCH_VERSION]; /* "": not known; of what is here, in part or whole */
	bool whole;     /* it is here */
	int64_t reached; /* else: so many bytes of it */
	bool missing;   /* there is no such source */
	bool unverified; /* it came from an object store that keeps nothing to compare it with; set by this call */
	int64_t got_bytes; /* by this call */
};
#define CAT_FETCH_PIECE ((int64_t)4 << 20)

/* The version of an entry of a tree: its ETag, else when it was modified. */
void cat_fetch_version(const char *etag, const char *modified, char out[CAT_FETCH_VERSION]);
/* SOURCE, a path or an address, to PATH. STATE says what is here from an earlier try, and in the end what is here. A
 * source that is not there is CAT_OK with state->missing. */
CAT_MUST_USE int cat_fetch_file(const struct cat_fetch *f, const char *source, const char *path,
                                struct cat_fetch_state *state, struct cat_error *err);

#endif
