/* create -- a path or an address to be written, whichever it is.
 *
 * Layer: storage. Nothing is seen of it before commit. Objects are sent in parts, several at a time, so that what is
 * written is never held whole.
 */
#ifndef CAT_STORAGE_CREATE_H
#define CAT_STORAGE_CREATE_H

#include "base/bytes.h"

/* How objects are stored: as S3 calls these; NULL: the bucket's defaults. Set once before anything is created. */
struct cat_create_options {
	const char *content_type, *storage_class, *sse, *kms_key, *acl, *tags;
};
void cat_create_configure(const struct cat_create_options *o);

/* A file or object that replaces NAME at commit. */
CAT_MUST_USE int cat_create(const char *name, struct cat_writer **out, struct cat_error *err);
/* N bytes as the file or object NAME, replacing what is there; whole or not at all. */
CAT_MUST_USE int cat_create_whole(const char *name, const void *data, size_t n, struct cat_error *err);
/* The same as cat_create for an object, at most PARTS of it on their way at once; NAME is an address. CREATE: CAT_E_CREATE at commit
 * when there is one already. */
CAT_MUST_USE int cat_create_object(const char *name, int parts, bool create, struct cat_writer **out,
                                   struct cat_error *err);

#endif
