/* checksum -- whether an object is what its store says of it.
 *
 * Layer: storage.
 */
#ifndef CAT_STORAGE_CHECKSUM_H
#define CAT_STORAGE_CHECKSUM_H

#include "base/buf.h"

enum cat_checksum { CAT_CHECKSUM_NONE, CAT_CHECKSUM_RIGHT, CAT_CHECKSUM_WRONG };
/* Holds the whole of the object NAME against the SHA-256 that its store keeps, or its ETag where that is an MD5, or a CRC.
 * NONE: the store keeps none of the whole (objects sent in parts), or NAME is not in an object store. */
CAT_MUST_USE int cat_checksum_check(const char *name, const struct cat_buf *whole, enum cat_checksum *out,
                                    struct cat_error *err);

#endif
