/* object_impl -- the reader of an object, which is opened in one file and read in another. Private to storage.
 *
 * Layer: storage.
 */
#ifndef CAT_STORAGE_OBJECT_IMPL_H
#define CAT_STORAGE_OBJECT_IMPL_H

#include "base/bytes.h"
#include "net/url.h"

#define CAT_OBJECT_AHEAD 4 /* chunks under way where it is read in order */

struct cat_object {
	struct cat_reader base;
	struct cat_url url;
	char *name;
	char *etag;              /* of the version that is read; NULL: the server tells none */
	char *modified;
	struct cat_buf *kept;    /* what the first request brought, and where it stands */
	int64_t kept_begin;
	char *who;               /* asks; NULL: nothing is kept for the next time */
	struct cat_reader *whole; /* instead of everything below: a copy */
	int64_t pos;             /* where next stands */
	size_t chunk;            /* of the next request ahead */
	struct cat_ticket *ahead[CAT_OBJECT_AHEAD];
	size_t ahead_len[CAT_OBJECT_AHEAD];
	int nahead;
	int64_t ahead_end;       /* up to where chunks were asked for */
	struct cat_buf *rest;    /* of a chunk that was not given out whole */
};
/* object.c: what reads a struct cat_object, whose members that opening knows nothing of are zero but CHUNK. */
extern const struct cat_reader_ops cat_object_ops;

#endif
