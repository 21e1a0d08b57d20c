/* buf -- reference-counted bytes, 64-byte aligned, immutable once shared.
 *
 * Layer: base. A buffer is written by the one who made it until it is first shared; from then on nobody
 * writes. 64 readable bytes follow the last one, so vector code may read past the end.
 * Thread rule: ref and unref from any thread.
 */
#ifndef CAT_BASE_BUF_H
#define CAT_BASE_BUF_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct cat_buf {
	uint8_t *data;
	size_t size;
	size_t capacity;
	struct cat_buf *parent; /* whose bytes these are, when this is a slice */
	atomic_int refs;
};

/* A new buffer of SIZE bytes, content undefined (the padding after it is zero). Caller owns one reference. */
CAT_MUST_USE int cat_buf_new(size_t size, struct cat_buf **out, struct cat_error *err);
CAT_MUST_USE int cat_buf_zeroed(size_t size, struct cat_buf **out, struct cat_error *err);
CAT_MUST_USE int cat_buf_copy(const void *data, size_t size, struct cat_buf **out, struct cat_error *err);
/* Bytes [off, off+size) of B, sharing them; holds a reference to B. The range must lie inside. */
CAT_MUST_USE int cat_buf_slice(struct cat_buf *b, size_t off, size_t size, struct cat_buf **out,
                               struct cat_error *err);
/* Grows an unshared buffer to SIZE bytes, keeping what is there; capacity at least doubles. On failure
 * *B stays as it was. *B may be NULL: a new one is made. */
CAT_MUST_USE int cat_buf_resize(struct cat_buf **b, size_t size, struct cat_error *err);
struct cat_buf *cat_buf_ref(struct cat_buf *b); /* accepts NULL */
void cat_buf_unref(struct cat_buf *b);          /* accepts NULL */

/* Bytes held by all live buffers of the process. */
int64_t cat_buf_live_bytes(void);

#endif
