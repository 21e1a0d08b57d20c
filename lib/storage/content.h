/* content -- whether a file holds what an object store says of an object.
 *
 * Layer: storage. Stores keep the MD5 of what was sent whole (as its ETag), of what was sent in parts the MD5 of the
 * parts' MD5s; where they are asked to, SHA-256 or a CRC in the same two ways (but the CRC of the whole may be kept of
 * parts too). Encrypted objects have ETags that say nothing.
 * Thread rule: any thread.
 */
#ifndef CAT_STORAGE_CONTENT_H
#define CAT_STORAGE_CONTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/crc.h"
#include "base/error.h"

struct cat_content {
	int64_t size;
	const char *etag;   /* quotes and all; NULL or "" when not told */
	const char *sha256; /* base64, "...-N" of parts; NULL or "" when not told */
	const char *crc;    /* the same of a CRC, which counts when there is no SHA-256 */
	enum cat_crc crc_kind;
	int64_t part_bytes; /* of each of the parts but the last; 0: not told */
};
enum cat_same {
	CAT_SAME_YES,
	CAT_SAME_NO,
	CAT_SAME_UNKNOWN /* nothing that was told settles it */
};
/* Reads the file at PATH where its size alone does not decide. PART_BYTES: how we would cut it. */
CAT_MUST_USE int cat_content_compare(const char *path, const struct cat_content *told, int64_t part_bytes,
                                     enum cat_same *out, struct cat_error *err);
/* Bytes of each part but the last of an object of SIZE bytes: 8 MiB, more where 10,000 of them would not do. */
int64_t cat_content_part(int64_t size);

/* The same of bytes as they go by, from the first on. TOLD: a SHA-256, or with KIND a CRC, in base64, "...-N" when it is
 * one of parts of PART_BYTES. */
struct cat_content_check;
CAT_MUST_USE int cat_content_check_new(const char *told, enum cat_crc kind, int64_t part_bytes,
                                       struct cat_content_check **out, struct cat_error *err);
CAT_MUST_USE int cat_content_check_add(struct cat_content_check *c, const void *data, size_t n, struct cat_error *err);
/* Bytes of each part but the last, where the digest is one of parts; else 0. */
int64_t cat_content_check_cut(const struct cat_content_check *c);
/* The next part, whose SHA-256 is known: instead of its bytes. For checks that are no CRC. */
void cat_content_check_part(struct cat_content_check *c, const uint8_t sha256[32]);
/* Whether they have it; frees C. */
CAT_MUST_USE int cat_content_check_end(struct cat_content_check *c, bool *same, struct cat_error *err);
void cat_content_check_free(struct cat_content_check *c); /* accepts NULL */

#endif
