/* inflate -- readers and writers of compressed bytes: gzip (RFC 1952) and Zstandard (RFC 8878).
 *
 * Layer: storage. They stand on another reader or writer and own it.
 */
#ifndef CAT_STORAGE_INFLATE_H
#define CAT_STORAGE_INFLATE_H

#include "base/bytes.h"

/* By the first bytes of INNER: a reader in order (size -1) of what gzip members or zstd frames hold, one after
 * the other, or INNER itself when it is neither. Takes over INNER, also on failure. Truncated or damaged input
 * is CAT_E_DATA, when it is met. */
CAT_MUST_USE int cat_reader_inflate(struct cat_reader *inner, struct cat_reader **out, struct cat_error *err);

enum cat_deflate { CAT_DEFLATE_GZIP, CAT_DEFLATE_ZSTD };
/* What is appended goes into INNER as one member or frame, complete with commit, which commits INNER too. Equal
 * bytes give equal bytes: no time, no name. Takes over INNER, also on failure. */
CAT_MUST_USE int cat_writer_deflate(struct cat_writer *inner, enum cat_deflate how, struct cat_writer **out,
                                    struct cat_error *err);

#endif
