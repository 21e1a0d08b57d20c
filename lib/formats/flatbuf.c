#include "formats/flatbuf.h"

#include <string.h>

#include "base/alloc.h"

#define MAX_TABLES 1000000

/* --- reading --- */

static bool fault(struct cat_fb *fb, const char *what)
{
	if (!fb->bad)
		fb->bad = what;
	return false;
}

static bool inside(const struct cat_fb *fb, size_t pos, size_t size)
{
	return pos <= fb->n && size <= fb->n - pos;
}

static uint32_t load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

static uint16_t load16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, 2);
	return v;
}

static bool enter(struct cat_fb *fb, size_t pos, struct cat_fb_table *out)
{
	int64_t vtable;

	if (++fb->tables > MAX_TABLES)
		return fault(fb, "metadata has too many tables");
	if (!inside(fb, pos, 4))
		return fault(fb, "metadata table beyond the block");
	vtable = (int64_t)pos - (int32_t)load32(fb->p + pos);
	if (vtable < 0 || !inside(fb, (size_t)vtable, 4))
		return fault(fb, "metadata vtable beyond the block");
	out->fb = fb;
	out->pos = pos;
	out->vtable = (size_t)vtable;
	out->vtable_bytes = load16(fb->p + vtable);
	out->table_bytes = load16(fb->p + vtable + 2);
	if (out->vtable_bytes < 4 || !inside(fb, out->vtable, out->vtable_bytes) || out->table_bytes < 4 ||
	    !inside(fb, pos, out->table_bytes))
		return fault(fb, "metadata table beyond the block");
	return true;
}

bool cat_fb_root(struct cat_fb *fb, struct cat_fb_table *out)
{
	if (fb->n < 8)
		return fault(fb, "metadata block too short");
	return enter(fb, load32(fb->p), out);
}

/* Position of slot's value of SIZE bytes, or 0 when absent or faulty. */
static size_t value_at(const struct cat_fb_table *t, int slot, size_t size)
{
	const size_t entry = 4 + 2 * (size_t)slot;
	size_t off;

	if (entry + 2 > t->vtable_bytes)
		return 0;
	off = load16(t->fb->p + t->vtable + entry);
	if (off == 0)
		return 0;
	if (off + size > t->table_bytes) {
		fault(t->fb, "metadata field beyond its table");
		return 0;
	}
	return t->pos + off;
}

int64_t cat_fb_int(const struct cat_fb_table *t, int slot, int width, int64_t fallback)
{
	const size_t at = value_at(t, slot, (size_t)width);
	uint64_t v = 0;

	if (!at)
		return fallback;
	memcpy(&v, t->fb->p + at, (size_t)width);
	return (int64_t)(v << (64 - 8 * width)) >> (64 - 8 * width);
}

bool cat_fb_bool(const struct cat_fb_table *t, int slot)
{
	return cat_fb_int(t, slot, 1, 0) != 0;
}

/* Follows the offset that stands at AT. */
static bool follow(struct cat_fb *fb, size_t at, size_t *out)
{
	const size_t to = at + load32(fb->p + at);

	if (!inside(fb, to, 4))
		return fault(fb, "metadata offset beyond the block");
	*out = to;
	return true;
}

bool cat_fb_sub(const struct cat_fb_table *t, int slot, struct cat_fb_table *out)
{
	const size_t at = value_at(t, slot, 4);
	size_t to;

	return at && follow(t->fb, at, &to) && enter(t->fb, to, out);
}

bool cat_fb_vec(const struct cat_fb_table *t, int slot, size_t size, struct cat_fb_vector *out)
{
	const size_t at = value_at(t, slot, 4);
	size_t to;

	out->fb = t->fb;
	out->pos = out->count = 0;
	if (!at || !follow(t->fb, at, &to))
		return false;
	if (load32(t->fb->p + to) > (t->fb->n - to - 4) / size)
		return fault(t->fb, "metadata vector beyond the block");
	out->pos = to + 4;
	out->count = load32(t->fb->p + to);
	return true;
}

bool cat_fb_vec_table(const struct cat_fb_vector *v, size_t i, struct cat_fb_table *out)
{
	size_t to;

	return follow(v->fb, v->pos + 4 * i, &to) && enter(v->fb, to, out);
}

int64_t cat_fb_vec_i64(const struct cat_fb_vector *v, size_t i, size_t size, size_t off)
{
	int64_t value;

	memcpy(&value, v->fb->p + v->pos + i * size + off, 8);
	return value;
}

const char *cat_fb_str(const struct cat_fb_table *t, int slot, size_t *n)
{
	struct cat_fb_vector v;

	*n = 0;
	if (!cat_fb_vec(t, slot, 1, &v))
		return NULL;
	*n = v.count;
	return (const char *)t->fb->p + v.pos;
}

/* --- building --- */

void cat_fbw_fini(struct cat_fbw *w)
{
	cat_free(w->buf);
	memset(w, 0, sizeof *w);
}

/* N zeroed bytes in front of what is there; NULL when N is 0 or memory is out. */
static uint8_t *front(struct cat_fbw *w, size_t n)
{
	if (w->failed || n == 0)
		return NULL;
	if (w->len + n > w->cap) {
		const size_t cap = (w->cap + n) * 2 < 1024 ? 1024 : (w->cap + n) * 2;
		uint8_t *buf = cat_malloc(cap);

		if (!buf) {
			w->failed = true;
			return NULL;
		}
		if (w->len)
			memcpy(buf + cap - w->len, w->buf + w->cap - w->len, w->len);
		cat_free(w->buf);
		w->buf = buf;
		w->cap = cap;
	}
	w->len += n;
	memset(w->buf + w->cap - w->len, 0, n);
	return w->buf + w->cap - w->len;
}

/* Pads so that after MORE bytes the length is a multiple of TO. */
static void align(struct cat_fbw *w, size_t to, size_t more)
{
	front(w, (to - (w->len + more) % to) % to);
}

static void push_int(struct cat_fbw *w, int width, int64_t v)
{
	uint8_t *p = front(w, (size_t)width);

	if (p)
		memcpy(p, &v, (size_t)width);
}

/* An offset to REF from where it will stand. */
static void push_ref(struct cat_fbw *w, size_t ref)
{
	push_int(w, 4, (int64_t)(w->len + 4 - ref));
}

size_t cat_fbw_str(struct cat_fbw *w, const char *s, size_t n)
{
	uint8_t *p;

	align(w, 4, n + 1);
	p = front(w, n + 1);
	if (p)
		memcpy(p, s, n);
	push_int(w, 4, (int64_t)n);
	return w->len;
}

size_t cat_fbw_refs(struct cat_fbw *w, const size_t *refs, size_t n)
{
	align(w, 4, 4 * n);
	for (size_t i = n; i > 0; i--)
		push_ref(w, refs[i - 1]);
	push_int(w, 4, (int64_t)n);
	return w->len;
}

size_t cat_fbw_structs(struct cat_fbw *w, const void *data, size_t n, size_t size)
{
	uint8_t *p;

	align(w, 8, n * size);
	p = front(w, n * size);
	if (p)
		memcpy(p, data, n * size);
	push_int(w, 4, (int64_t)n);
	return w->len;
}

void cat_fbw_begin(struct cat_fbw *w)
{
	memset(w->slots, 0, sizeof w->slots);
	w->table_from = w->len;
}

void cat_fbw_int(struct cat_fbw *w, int slot, int width, int64_t v)
{
	align(w, (size_t)width, (size_t)width);
	push_int(w, width, v);
	w->slots[slot] = w->len;
}

void cat_fbw_ref(struct cat_fbw *w, int slot, size_t ref)
{
	if (!ref)
		return;
	align(w, 4, 4);
	push_ref(w, ref);
	w->slots[slot] = w->len;
}

size_t cat_fbw_end(struct cat_fbw *w)
{
	size_t n = CAT_FB_SLOTS, table;

	align(w, 4, 4);
	push_int(w, 4, 0);
	table = w->len;
	while (n > 0 && w->slots[n - 1] == 0)
		n--;
	for (size_t i = n; i > 0; i--)
		push_int(w, 2, w->slots[i - 1] ? (int64_t)(table - w->slots[i - 1]) : 0);
	push_int(w, 2, (int64_t)(table - w->table_from));
	push_int(w, 2, (int64_t)(4 + 2 * n));
	if (!w->failed) {
		/* The vtable stands in front of its table. */
		const int32_t back = (int32_t)(w->len - table);

		memcpy(w->buf + w->cap - table, &back, 4);
	}
	return table;
}

int cat_fbw_finish(struct cat_fbw *w, size_t root, const uint8_t **out, size_t *n, struct cat_error *err)
{
	align(w, 8, 4);
	push_ref(w, root);
	if (w->failed)
		return cat_fail_mem(err, w->cap * 2);
	*out = w->buf + w->cap - w->len;
	*n = w->len;
	return CAT_OK;
}
