#include "exec/even.h"

#include "base/alloc.h"
#include "columnar/kernels.h"

struct even {
	struct cat_source base;
	struct cat_source *inner;
	struct cat_batch **held; /* what was read and not yet given out, NROWS in all */
	size_t n, cap;
	int64_t nrows, size;
};

static void drop(struct even *e)
{
	for (size_t i = 0; i < e->n; i++)
		cat_batch_unref(e->held[i]);
	e->n = 0;
	e->nrows = 0;
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
	return CAT_OK;
}

/* The first SIZE rows of what is held; the others stay. */
static int give(struct even *e, struct cat_batch **out, struct cat_error *err)
{
	struct cat_batch *all, *rest;
	int rc;

	CAT_TRY(cat_concat_batches(e->held, (int)e->n, &all, err));
	drop(e);
	if (all->nrows <= e->size) {
		*out = all;
		return CAT_OK;
	}
	rc = cat_batch_slice(all, e->size, all->nrows - e->size, &rest, err);
	if (rc == CAT_OK)
		rc = hold(e, rest, err);
	if (rc == CAT_OK)
		rc = cat_batch_slice(all, 0, e->size, out, err);
	cat_batch_unref(all);
	return rc;
}

static int even_next(struct cat_source *s, struct cat_batch **out, struct cat_error *err)
{
	struct even *e = (struct even *)s;

	*out = NULL;
	while (e->nrows < e->size) {
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
