#include "exec/op_select.h"

#include "base/alloc.h"
#include "columnar/kernels.h"

struct select_source {
	struct cat_source base;
	struct cat_source *in;
	const struct cat_select *list;
	const struct cat_expr *where;
};

/* Rows IDX of the columns that LIST needs (NULL: all of them); the others become NULL. */
static int take_needed(const struct cat_batch *b, const struct cat_select *list, const int32_t *idx, int64_t n,
		       struct cat_batch **out, struct cat_error *err)
{
	bool *used;
	struct cat_batch *t;
	int rc;

	if (!list)
		return cat_take_batch(b, idx, n, out, err);
	used = cat_calloc((size_t)b->ncols, sizeof *used);
	if (!used)
		return cat_fail_mem(err, (size_t)b->ncols);
	cat_select_columns(list, used);
	rc = cat_batch_new(b->schema, n, &t, err);
	if (rc == CAT_OK) {
		for (int i = 0; rc == CAT_OK && i < b->ncols; i++)
			if (used[i])
				rc = cat_take(b->cols[i], idx, n, &t->cols[i], err);
		if (rc == CAT_OK)
			*out = t;
		else
			cat_batch_unref(t);
	}
	cat_free(used);
	return rc;
}

/* The rows of B where WHERE is true; *OUT NULL when there are none. */
static int filter(const struct cat_batch *b, const struct cat_select *list, const struct cat_expr *where,
		  struct cat_batch **out, struct cat_error *err)
{
	struct cat_column *mask;
	struct cat_buf *buf;
	int64_t n = 0;
	int rc;

	*out = NULL;
	CAT_TRY(cat_expr_eval_where(where, b, &mask, err));
	rc = cat_buf_new((size_t)b->nrows * sizeof(int32_t), &buf, err);
	if (rc == CAT_OK) {
		int32_t *idx = (int32_t *)(void *)buf->data;

		n = cat_mask_indices(mask, idx);
		if (n == b->nrows)
			rc = cat_batch_slice(b, 0, n, out, err);
		else if (n > 0)
			rc = take_needed(b, list, idx, n, out, err);
		cat_buf_unref(buf);
	}
	cat_column_unref(mask);
	return rc;
}

int cat_select_batch(const struct cat_batch *b, const struct cat_select *list, const struct cat_expr *where,
		     struct cat_batch **out, struct cat_error *err)
{
	struct cat_batch *kept = NULL;
	int rc;

	*out = NULL;
	if (where) {
		CAT_TRY(filter(b, list, where, &kept, err));
		if (!kept || !list) {
			*out = kept;
			return CAT_OK;
		}
	}
	if (b->nrows == 0)
		return CAT_OK;
	if (list)
		rc = cat_select_eval(list, kept ? kept : b, out, err);
	else
		rc = cat_batch_slice(b, 0, b->nrows, out, err);
	cat_batch_unref(kept);
	return rc;
}

static int select_next(struct cat_source *src, struct cat_batch **out, struct cat_error *err)
{
	struct select_source *s = (struct select_source *)src;

	for (;;) {
		struct cat_batch *b;
		int rc;

		*out = NULL;
		CAT_TRY(s->in->ops->next(s->in, &b, err));
		if (!b)
			return CAT_OK;
		rc = cat_select_batch(b, s->list, s->where, out, err);
		cat_batch_unref(b);
		if (rc != CAT_OK || *out)
			return rc;
	}
}

static void select_close(struct cat_source *src)
{
	struct select_source *s = (struct select_source *)src;

	cat_source_close(s->in);
	cat_schema_unref(src->schema);
	cat_free(s);
}

static const struct cat_source_ops select_ops = {select_next, select_close};

int cat_select_open(struct cat_source *in, const struct cat_select *list, const struct cat_expr *where,
		    struct cat_source **out, struct cat_error *err)
{
	struct select_source *s = cat_calloc(1, sizeof *s);

	if (!s) {
		cat_source_close(in);
		return cat_fail_mem(err, sizeof *s);
	}
	s->base.ops = &select_ops;
	s->base.schema = cat_schema_ref(list ? cat_select_schema(list) : in->schema);
	s->in = in;
	s->list = list;
	s->where = where;
	*out = &s->base;
	return CAT_OK;
}
