#include "exec/even.h"

#include <string.h>

#include "base/alloc.h"
#include "columnar/kernels.h"

/* Text in a batch, at most, but for a row that has more alone. */
#define TEXT_BYTES (INT64_C(8) << 20)

struct even {
	struct cat_source base;
	struct cat_source *inner;
	struct cat_batch **held; /* what was read and not yet given out, NROWS in all */
	size_t n, cap;
	int64_t nrows, size;
	int64_t text_bytes; /* of what is held */
};

/* Bytes of text in the first N rows. */
static int64_t text_of(const struct cat_batch *b, int64_t n)
{
	int64_t bytes = 0;

	for (int i = 0; i < b->ncols; i++)
		if (b->cols[i] && cat_type_is_text(b->cols[i]->type.id) && b->cols[i]->offsets)
			bytes += cat_column_offsets(b->cols[i])[n] - cat_column_offsets(b->cols[i])[0];
	return bytes;
}

/* How many rows of B still fit where MOST_ROWS and MOST_BYTES of text do; of the FIRST one at least. */
static int64_t cut(const struct cat_batch *b, int64_t most_rows, int64_t most_bytes, bool first)
{
	int64_t most = most_rows < b->nrows ? most_rows : b->nrows, least = first;

	if (text_of(b, most) <= most_bytes)
		return most;
	while (most - least > 1) {
		const int64_t mid = least + (most - least) / 2;

		if (text_of(b, mid) <= most_bytes)
			least = mid;
		else
			most = mid;
	}
	return least;
}

/* Takes over B. */
static int hold(struct even *e, struct cat_batch *b, struct cat_error *err)
{
	if (b->nrows == 0) {
		cat_batch_unref(b);
		return CAT_OK;
	}
	if (cat_grow(&e->held, &e->cap, e->n, sizeof(struct cat_batch *)) != 0) {
		cat_batch_unref(b);
		return cat_fail_mem(err, e->cap * sizeof(struct cat_batch *));
	}
	e->held[e->n++] = b;
	e->nrows += b->nrows;
	e->text_bytes += text_of(b, b->nrows);
	return CAT_OK;
}

/* Splits the batch held at AT, its first N rows becoming a batch of their own. */
static int split(struct even *e, size_t at, int64_t n, struct cat_error *err)
{
	struct cat_batch *b = e->held[at], *rest;

	if (cat_grow(&e->held, &e->cap, e->n, sizeof(struct cat_batch *)) != 0)
		return cat_fail_mem(err, e->cap * sizeof(struct cat_batch *));
	CAT_TRY(cat_batch_slice(b, n, b->nrows - n, &rest, err));
	memmove(e->held + at + 1, e->held + at, (e->n - at) * sizeof(struct cat_batch *));
	e->n++;
	e->held[at + 1] = rest;
	CAT_TRY(cat_batch_slice(b, 0, n, &e->held[at], err));
	cat_batch_unref(b);
	return CAT_OK;
}

/* The first rows of what is held, as many as depend on the rows alone; the others stay, and are not copied. */
static int give(struct even *e, struct cat_batch **out, struct cat_error *err)
{
	int64_t rows = 0, bytes = 0;
	size_t n = 0;

	for (; n < e->n; n++) {
		const struct cat_batch *b = e->held[n];
		const int64_t fit = cut(b, e->size - rows, TEXT_BYTES - bytes, rows == 0);

		if (fit == 0)
			break;
		if (fit < b->nrows)
			CAT_TRY(split(e, n, fit, err));
		b = e->held[n];
		rows += fit;
		bytes += text_of(b, fit);
	}
	CAT_TRY(cat_concat_batches(e->held, (int)n, out, err));
	for (size_t i = 0; i < n; i++)
		cat_batch_unref(e->held[i]);
	e->n -= n;
	memmove(e->held, e->held + n, e->n * sizeof(struct cat_batch *));
	e->nrows -= rows;
	e->text_bytes -= bytes;
	return CAT_OK;
}

static int even_next(struct cat_source *s, struct cat_batch **out, struct cat_error *err)
{
	struct even *e = (struct even *)s;

	*out = NULL;
	while (e->nrows < e->size && e->text_bytes <= TEXT_BYTES) {
		struct cat_batch *b;

		CAT_TRY(e->inner->ops->next(e->inner, &b, err));
		if (!b)
			break;
		CAT_TRY(hold(e, b, err));
	}
	return e->n ? give(e, out, err) : CAT_OK;
}

static void even_close(struct cat_source *s)
{
	struct even *e = (struct even *)s;

	for (size_t i = 0; i < e->n; i++)
		cat_batch_unref(e->held[i]);
	cat_free(e->held);
	cat_source_close(e->inner);
	cat_schema_unref(s->schema);
	cat_free(e);
}

static const struct cat_source_ops even_ops = {even_next, even_close};

int cat_even_open(struct cat_source *inner, struct cat_source **out, struct cat_error *err)
{
	struct even *e = cat_calloc(1, sizeof *e);

	if (!e) {
		cat_source_close(inner);
		return cat_fail_mem(err, sizeof *e);
	}
	e->base.ops = &even_ops;
	e->base.schema = cat_schema_ref(inner->schema);
	e->inner = inner;
	e->size = cat_batch_rows(inner->schema);
	*out = &e->base;
	return CAT_OK;
}
