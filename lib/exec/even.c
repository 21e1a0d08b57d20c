#include "exec/even.h"

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

/* How many rows the next batch has: it depends on the rows alone. */
static int64_t cut(const struct even *e, const struct cat_batch *b)
{
	int64_t most = e->size < b->nrows ? e->size : b->nrows, least = 1;

	if (text_of(b, most) <= TEXT_BYTES)
		return most;
	while (most - least > 1) {
		const int64_t mid = least + (most - least) / 2;

		if (text_of(b, mid) <= TEXT_BYTES)
			least = mid;
		else
			most = mid;
	}
	return least;
}

static void drop(struct even *e)
{
	for (size_t i = 0; i < e->n; i++)
		cat_batch_unref(e->held[i]);
	e->n = 0;
	e->nrows = 0;
	e->text_bytes = 0;
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

/* The first rows of what is held; the others stay. */
static int give(struct even *e, struct cat_batch **out, struct cat_error *err)
{
	struct cat_batch *all, *rest;
	int64_t n;
	int rc;

	CAT_TRY(cat_concat_batches(e->held, (int)e->n, &all, err));
	drop(e);
	n = cut(e, all);
	if (all->nrows == n) {
		*out = all;
		return CAT_OK;
	}
	rc = cat_batch_slice(all, n, all->nrows - n, &rest, err);
	if (rc == CAT_OK)
		rc = hold(e, rest, err);
	if (rc == CAT_OK)
		rc = cat_batch_slice(all, 0, n, out, err);
	cat_batch_unref(all);
	return rc;
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

	drop(e);
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
