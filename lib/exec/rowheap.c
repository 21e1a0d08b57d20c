#include "exec/rowheap.h"

#include <string.h>

#include "base/alloc.h"

#define CHUNK_BYTES ((size_t)1 << 18)
/* A row of more gets memory of its own. */
#define LARGE_BYTES (CHUNK_BYTES / 8)

static int add_chunk(uint8_t ***list, size_t *n, size_t *cap, size_t size, struct cat_error *err)
{
	uint8_t *p;

	if (cat_grow(list, cap, *n, sizeof(uint8_t *)) != 0)
		return cat_fail_mem(err, *cap * sizeof(uint8_t *));
	p = cat_aligned(64, size + CAT_ROWHEAP_SLACK);
	if (!p)
		return cat_fail_mem(err, size);
	(*list)[(*n)++] = p;
	return CAT_OK;
}

int cat_rowheap_more(struct cat_rowheap *h, size_t size, uint8_t **out, struct cat_error *err)
{
	if (size > LARGE_BYTES) {
		CAT_TRY(add_chunk(&h->large, &h->nlarge, &h->cap_large, size, err));
		*out = h->large[h->nlarge - 1];
		return CAT_OK;
	}
	if (h->used == h->n)
		CAT_TRY(add_chunk(&h->chunk, &h->n, &h->cap, CHUNK_BYTES, err));
	*out = h->chunk[h->used++];
	h->at = *out + size;
	h->end = *out + CHUNK_BYTES;
	return CAT_OK;
}

void cat_rowheap_clear(struct cat_rowheap *h)
{
	for (size_t i = 0; i < h->nlarge; i++)
		cat_free(h->large[i]);
	h->nlarge = 0;
	h->used = 0;
	h->at = h->end = NULL;
}

void cat_rowheap_fini(struct cat_rowheap *h)
{
	cat_rowheap_clear(h);
	for (size_t i = 0; i < h->n; i++)
		cat_free(h->chunk[i]);
	cat_free(h->chunk);
	cat_free(h->large);
	memset(h, 0, sizeof *h);
}
