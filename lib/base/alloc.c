#include "base/alloc.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#ifdef CAT_FAULT
static atomic_int_fast64_t countdown;
static atomic_int_fast64_t live;
static atomic_int faulted;

static int refuse(void)
{
	if (atomic_load(&countdown) > 0 && atomic_fetch_sub(&countdown, 1) == 1) {
		atomic_store(&faulted, 1);
		return 1;
	}
	return 0;
}

static void *counted(void *p)
{
	if (p)
		atomic_fetch_add(&live, 1);
	return p;
}

void cat_alloc_fail_after(int64_t n)
{
	atomic_store(&countdown, n);
	atomic_store(&faulted, 0);
}

int64_t cat_alloc_live(void)
{
	return atomic_load(&live);
}

int cat_alloc_faulted(void)
{
	return atomic_load(&faulted);
}
#else
#define refuse() 0
#define counted(p) (p)

void cat_alloc_fail_after(int64_t n)
{
	(void)n;
}

int64_t cat_alloc_live(void)
{
	return 0;
}

int cat_alloc_faulted(void)
{
	return 0;
}
#endif

void *cat_malloc(size_t size)
{
	return refuse() ? NULL : counted(malloc(size ? size : 1));
}

void *cat_calloc(size_t count, size_t size)
{
	return refuse() ? NULL : counted(calloc(count ? count : 1, size ? size : 1));
}

void *cat_realloc(void *ptr, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total) || refuse())
		return NULL;
	if (!ptr)
		return counted(malloc(total ? total : 1));
	return realloc(ptr, total ? total : 1);
}

void *cat_aligned(size_t align, size_t size)
{
	void *p = NULL;

	if (refuse() || posix_memalign(&p, align, size ? size : 1) != 0)
		return NULL;
	return counted(p);
}

void cat_free(void *ptr)
{
#ifdef CAT_FAULT
	if (ptr)
		atomic_fetch_sub(&live, 1);
#endif
	free(ptr);
}

char *cat_strndup(const char *s, size_t n)
{
	char *copy = cat_malloc(n + 1);

	if (copy) {
		memcpy(copy, s, n);
		copy[n] = '\0';
	}
	return copy;
}

char *cat_strdup(const char *s)
{
	return cat_strndup(s, strlen(s));
}

int cat_grow(void *array, size_t *cap, size_t len, size_t size)
{
	void *old, *grown;
	size_t want;

	if (len < *cap)
		return 0;
	want = *cap < 8 ? 8 : *cap * 2;
	memcpy(&old, array, sizeof old);
	grown = cat_realloc(old, want, size);
	if (!grown)
		return -1;
	memcpy(array, &grown, sizeof grown);
	*cap = want;
	return 0;
}
