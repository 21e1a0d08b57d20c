#include "exec/even.h"

#include <string.h>

#include "base/alloc.h"
#include "columnar/kernels.h"

struct even {
	struct cat_source base;
	struct cat_source *inner;
	struct cat_batch **held; /* what was read and not yet given out, NROWS in all */
	size_t n, cap;
	int64_t nrows, size;
	int64_t bytes; /* what it weighs */
};

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
	e->bytes += cat_batch_weight(b, 0, b->nrows);
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
		const int64_t most = e->size - rows < b->nrows ? e->size - rows : b->nrows;
		int64_t fit = cat_batch_fit(b, 0, most, CAT_BATCH_WEIGHT - bytes);

		if (fit == 0 && rows > 0)
			break;
		fit = fit ? fit : 1;
		if (fit < b->nrows)
			CAT_TRY(split(e, n, fit, err));
		b = e->held[n];
		rows += fit;
		bytes += cat_batch_weight(b, 0, fit);
	}
	CAT_TRY(cat_concat_batches(e->held, (int)n, out, err));
	for (size_t i = 0; i < n; i++)
		cat_batch_unref(e->held[i]);
	e->n -= n;
	memmove(e->held, e->held + n, e->n * sizeof(struct cat_batch *));
	e->nrows -= rows;
	e->bytes -= bytes;
	return CAT_OK;
}

static int even_next(struct cat_source *s, struct cat_batch **out, struct cat_error *err)
{
	struct even *e = (struct even *)s;

	*out = NULL;
	while (e->nrows < e->size && e->bytes <= CAT_BATCH_WEIGHT) {
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
