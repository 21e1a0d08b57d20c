/* rowheap -- memory for rows of any size, given one after the other and taken back all at once.
 *
 * Layer: exec. Zero-initialise. Thread rule: belongs to one thread; what was given may be read by any.
 */
#ifndef CAT_EXEC_ROWHEAP_H
#define CAT_EXEC_ROWHEAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* What lies behind every row and may be read, or overwritten before the next row is written. */
#define CAT_ROWHEAP_SLACK 64

struct cat_rowheap {
	uint8_t *at, *end; /* what is free of the chunk that is being filled */
	uint8_t **chunk;   /* all of one size */
	size_t used, n, cap;
	uint8_t **large; /* rows that would waste a chunk */
	size_t nlarge, cap_large;
};

/* Out of line: when the chunk is full. */
CAT_MUST_USE int cat_rowheap_more(struct cat_rowheap *h, size_t size, uint8_t **out, struct cat_error *err);
/* SIZE bytes that stay where they are until the heap is emptied. Not aligned. */
CAT_MUST_USE static inline int cat_rowheap_room(struct cat_rowheap *h, size_t size, uint8_t **out,
                                                struct cat_error *err)
{
	if ((size_t)(h->end - h->at) < size)
		return cat_rowheap_more(h, size, out, err);
	*out = h->at;
	h->at += size;
	return CAT_OK;
}
/* Without rows again; most of its memory stays for those that come. */
void cat_rowheap_clear(struct cat_rowheap *h);
void cat_rowheap_fini(struct cat_rowheap *h);

#endif
