#include "base/bytes.h"

#include <string.h>

#include "base/alloc.h"

int cat_read_range(struct cat_reader *r, int64_t off_bytes, size_t len, struct cat_buf **out, struct cat_error *err)
{
	const struct cat_range range = {off_bytes, len};
	struct cat_ticket *t;

	CAT_TRY(r->ops->submit(r, &range, 1, &t, err));
	return r->ops->wait(t, out, err);
}

int cat_read_exact(struct cat_reader *r, void *data, size_t len, bool *at_end, struct cat_error *err)
{
	uint8_t *p = data;
	size_t got = 0;

	if (at_end)
		*at_end = false;
	while (got < len) {
		struct cat_buf *b;

		CAT_TRY(r->ops->next(r, len - got, &b, err));
		if (!b) {
			if (got == 0 && at_end) {
				*at_end = true;
				return CAT_OK;
			}
			return cat_fail(err, CAT_E_DATA, "truncated: %zu bytes where %zu were expected", got, len);
		}
		memcpy(p + got, b->data, b->size);
		got += b->size;
		cat_buf_unref(b);
	}
	return CAT_OK;
}

int cat_read_all(struct cat_reader *r, size_t max, struct cat_buf **out, struct cat_error *err)
{
	struct cat_buf *all = NULL;
	int rc = cat_buf_new(0, &all, err);

	while (rc == CAT_OK) {
		struct cat_buf *b = NULL;
		const size_t have = all->size;

		rc = r->ops->next(r, (size_t)1 << 20, &b, err);
		if (rc != CAT_OK || !b)
			break;
		if (b->size > max - have)
			rc = cat_fail(err, CAT_E_DATA, "larger than the %zu bytes allowed here", max);
		else
			rc = cat_buf_resize(&all, have + b->size, err);
		if (rc == CAT_OK)
			memcpy(all->data + have, b->data, b->size);
		cat_buf_unref(b);
	}
	if (rc != CAT_OK) {
		cat_buf_unref(all);
		return rc;
	}
	*out = all;
	return CAT_OK;
}

void cat_reader_close(struct cat_reader *r)
{
	if (r)
		r->ops->close(r);
}

void cat_ticket_drop(struct cat_ticket *t)
{
	if (t && t->reader->ops->drop)
		t->reader->ops->drop(t);
	else
		cat_free(t);
}

void cat_reader_price(struct cat_reader *r, const struct cat_range *ranges, size_t n, struct cat_price *price)
{
	if (r->ops->price) {
		r->ops->price(r, ranges, n, price);
		return;
	}
	price->requests += (int64_t)n;
	for (size_t i = 0; i < n; i++)
		price->bytes += (int64_t)ranges[i].len;
}

int cat_ranges_submit(struct cat_reader *r, const struct cat_range *ranges, size_t n, struct cat_ticket **out,
                      struct cat_error *err)
{
	struct cat_range_ticket *t = cat_malloc(sizeof *t + n * sizeof *ranges);

	if (!t)
		return cat_fail_mem(err, n * sizeof *ranges);
	t->base.reader = r;
	t->n = n;
	memcpy(t->ranges, ranges, n * sizeof *ranges);
	*out = &t->base;
	return CAT_OK;
}

/* --- memory reader --- */

struct memory_reader {
	struct cat_reader base;
	struct cat_buf *all;
	size_t pos;
	char *name;
};

static int memory_wait(struct cat_ticket *ticket, struct cat_buf **out, struct cat_error *err)
{
	struct cat_range_ticket *t = (struct cat_range_ticket *)ticket;
	struct memory_reader *m = (struct memory_reader *)ticket->reader;
	int rc = CAT_OK;
	size_t i = 0;

	for (; rc == CAT_OK && i < t->n; i++) {
		const struct cat_range r = t->ranges[i];

		if (r.off_bytes < 0 || (uint64_t)r.off_bytes > m->all->size ||
		    r.len > m->all->size - (size_t)r.off_bytes)
			rc = cat_fail(err, CAT_E_DATA, "truncated: bytes %lld to %lld of %zu", (long long)r.off_bytes,
			              (long long)r.off_bytes + (long long)r.len, m->all->size);
		else
			rc = cat_buf_slice(m->all, (size_t)r.off_bytes, r.len, &out[i], err);
	}
	if (rc != CAT_OK)
		for (i--; i > 0; i--)
			cat_buf_unref(out[i - 1]);
	cat_free(t);
	return rc;
}

static int memory_look(struct memory_reader *m, size_t max, struct cat_buf **out, struct cat_error *err)
{
	const size_t left = m->all->size - m->pos;

	return cat_buf_slice(m->all, m->pos, max < left ? max : left, out, err);
}

static int memory_next(struct cat_reader *r, size_t max, struct cat_buf **out, struct cat_error *err)
{
	struct memory_reader *m = (struct memory_reader *)r;

	*out = NULL;
	if (m->pos == m->all->size)
		return CAT_OK;
	CAT_TRY(memory_look(m, max, out, err));
	m->pos += (*out)->size;
	return CAT_OK;
}

static int memory_peek(struct cat_reader *r, size_t max, struct cat_buf **out, struct cat_error *err)
{
	return memory_look((struct memory_reader *)r, max, out, err);
}

static void memory_close(struct cat_reader *r)
{
	struct memory_reader *m = (struct memory_reader *)r;

	cat_buf_unref(m->all);
	cat_free(m->name);
	cat_free(m);
}

static const struct cat_reader_ops memory_reader_ops = {.submit = cat_ranges_submit, .wait = memory_wait, .next = memory_next, .peek = memory_peek, .close = memory_close};

int cat_reader_memory(struct cat_buf *b, const char *name, struct cat_reader **out, struct cat_error *err)
{
	struct memory_reader *m = cat_calloc(1, sizeof *m);

	if (m)
		m->name = cat_strdup(name);
	if (!m || !m->name) {
		cat_free(m);
		return cat_fail_mem(err, sizeof *m);
	}
	m->base.ops = &memory_reader_ops;
	m->base.size = (int64_t)b->size;
	m->base.name = m->name;
	m->all = cat_buf_ref(b);
	*out = &m->base;
	return CAT_OK;
}

/* --- writers --- */

int cat_write_bytes(struct cat_writer *w, const void *data, size_t len, struct cat_error *err)
{
	struct cat_buf *b;
	int rc;

	CAT_TRY(cat_buf_copy(data, len, &b, err));
	rc = w->ops->append(w, &b, 1, err);
	cat_buf_unref(b);
	return rc;
}

void cat_writer_close(struct cat_writer *w)
{
	if (w)
		w->ops->close(w);
}

struct memory_writer {
	struct cat_writer base;
	struct cat_buf *all;
	struct cat_buf **result;
};

static int memory_append(struct cat_writer *w, struct cat_buf *const *bufs, size_t n, struct cat_error *err)
{
	struct memory_writer *m = (struct memory_writer *)w;

	for (size_t i = 0; i < n; i++) {
		const size_t have = m->all->size;

		CAT_TRY(cat_buf_resize(&m->all, have + bufs[i]->size, err));
		memcpy(m->all->data + have, bufs[i]->data, bufs[i]->size);
	}
	return CAT_OK;
}

static int memory_patch(struct cat_writer *w, int64_t off_bytes, const void *data, size_t len, struct cat_error *err)
{
	struct memory_writer *m = (struct memory_writer *)w;

	if (off_bytes < 0 || (uint64_t)off_bytes > m->all->size || len > m->all->size - (size_t)off_bytes)
		return cat_fail(err, CAT_E_BUG, "patch beyond what was written");
	memcpy(m->all->data + off_bytes, data, len);
	return CAT_OK;
}

static int memory_commit(struct cat_writer *w, struct cat_error *err)
{
	struct memory_writer *m = (struct memory_writer *)w;

	(void)err;
	*m->result = m->all;
	m->all = NULL;
	return CAT_OK;
}

static void memory_writer_close(struct cat_writer *w)
{
	struct memory_writer *m = (struct memory_writer *)w;

	cat_buf_unref(m->all);
	cat_free(m);
}

static const struct cat_writer_ops memory_writer_ops = {memory_append, memory_patch, memory_commit,
                                                        memory_writer_close};

int cat_writer_memory(struct cat_buf **out, struct cat_writer **w, struct cat_error *err)
{
	struct memory_writer *m = cat_calloc(1, sizeof *m);
	int rc;

	if (!m)
		return cat_fail_mem(err, sizeof *m);
	rc = cat_buf_new(0, &m->all, err);
	if (rc != CAT_OK) {
		cat_free(m);
		return rc;
	}
	m->base.ops = &memory_writer_ops;
	m->base.name = "memory";
	m->base.can_patch = true;
	m->result = out;
	*out = NULL;
	*w = &m->base;
	return CAT_OK;
}
