#include "base/buf.h"

#include <string.h>

#include "base/alloc.h"

#define PADDING 64

static atomic_int_fast64_t live_bytes;

int64_t cat_buf_live_bytes(void)
{
	return atomic_load_explicit(&live_bytes, memory_order_relaxed);
}

static int reserve(size_t size, struct cat_buf **out, struct cat_error *err)
{
	struct cat_buf *b;
	size_t total;

	if (__builtin_add_overflow(size, PADDING, &total))
		return cat_fail_mem(err, size);
	b = cat_malloc(sizeof *b);
	if (!b)
		return cat_fail_mem(err, sizeof *b);
	b->data = cat_aligned(64, total);
	if (!b->data) {
		cat_free(b);
		return cat_fail_mem(err, size);
	}
	b->size = size;
	b->capacity = size;
	b->parent = NULL;
	atomic_init(&b->refs, 1);
	memset(b->data + size, 0, PADDING);
	atomic_fetch_add_explicit(&live_bytes, (int64_t)size, memory_order_relaxed);
	*out = b;
	return CAT_OK;
}

int cat_buf_new(size_t size, struct cat_buf **out, struct cat_error *err)
{
	return reserve(size, out, err);
}

int cat_buf_zeroed(size_t size, struct cat_buf **out, struct cat_error *err)
{
	CAT_TRY(reserve(size, out, err));
	memset((*out)->data, 0, size);
	return CAT_OK;
}

int cat_buf_copy(const void *data, size_t size, struct cat_buf **out, struct cat_error *err)
{
	CAT_TRY(reserve(size, out, err));
	if (size)
		memcpy((*out)->data, data, size);
	return CAT_OK;
}

int cat_buf_slice(struct cat_buf *b, size_t off, size_t size, struct cat_buf **out, struct cat_error *err)
{
	struct cat_buf *s;

	if (off > b->size || size > b->size - off)
		return cat_fail(err, CAT_E_BUG, "slice beyond the buffer");
	s = cat_malloc(sizeof *s);
	if (!s)
		return cat_fail_mem(err, sizeof *s);
	s->data = b->data + off;
	s->size = size;
	s->capacity = 0;
	s->parent = cat_buf_ref(b);
	atomic_init(&s->refs, 1);
	*out = s;
	return CAT_OK;
}

int cat_buf_resize(struct cat_buf **b, size_t size, struct cat_error *err)
{
	struct cat_buf *bigger;
	size_t want;

	if (!*b)
		return reserve(size, b, err);
	if (size > (*b)->capacity) {
		want = (*b)->capacity > SIZE_MAX / 2 ? size : (*b)->capacity * 2;
		CAT_TRY(reserve(want > size ? want : size, &bigger, err));
		memcpy(bigger->data, (*b)->data, (*b)->size);
		cat_buf_unref(*b);
		*b = bigger;
	}
	(*b)->size = size;
	memset((*b)->data + size, 0, PADDING);
	return CAT_OK;
}

struct cat_buf *cat_buf_ref(struct cat_buf *b)
{
	if (b)
		atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
	return b;
}

void cat_buf_unref(struct cat_buf *b)
{
	if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (b->parent) {
		cat_buf_unref(b->parent);
	} else {
		atomic_fetch_sub_explicit(&live_bytes, (int64_t)b->capacity, memory_order_relaxed);
		cat_free(b->data);
	}
	cat_free(b);
}
