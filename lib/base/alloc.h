/* alloc -- every allocation of the library, overflow-checked.
 *
 * Layer: base. Functions return NULL when memory is out; the caller reports it with cat_fail_mem.
 * Test builds (-DCAT_FAULT) count live blocks and can fail the n-th allocation.
 * Thread rule: any thread.
 */
#ifndef CAT_BASE_ALLOC_H
#define CAT_BASE_ALLOC_H

#include <stddef.h>
#include <stdint.h>

void *cat_malloc(size_t size) __attribute__((malloc, alloc_size(1)));
/* COUNT x SIZE bytes, zeroed. */
void *cat_calloc(size_t count, size_t size) __attribute__((malloc, alloc_size(1, 2)));
/* COUNT x SIZE bytes; on failure the old block stays valid. */
void *cat_realloc(void *ptr, size_t count, size_t size) __attribute__((alloc_size(2, 3)));
/* ALIGN is a power of two; freed by cat_free. */
void *cat_aligned(size_t align, size_t size) __attribute__((malloc, alloc_size(2)));
void cat_free(void *ptr);
char *cat_strdup(const char *s);
/* The first N bytes of S as a terminated string. */
char *cat_strndup(const char *s, size_t n);

/* Makes room for one more element: doubles *CAP of *ARRAY (elements of SIZE bytes) when LEN has reached
 * it. Returns 0, or -1 when memory is out (*ARRAY unchanged). */
int cat_grow(void *array, size_t *cap, size_t len, size_t size);

/* Fault injection; without CAT_FAULT they do nothing and return 0.
 * After N more successful allocations one fails (0: never). */
void cat_alloc_fail_after(int64_t n);
int64_t cat_alloc_live(void);
int cat_alloc_faulted(void);

#endif
