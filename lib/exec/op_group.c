#include "exec/op_group.h"

#include "base/alloc.h"

struct group_source {
	struct cat_source base;
	struct cat_source *in;
	struct cat_aggs_state *state;
	bool done;
};

static int group_next(struct cat_source *src, struct cat_batch **out, struct cat_error *err)
{
	struct group_source *g = (struct group_source *)src;

	*out = NULL;
	if (g->done)
		return CAT_OK;
	g->done = true;
	for (;;) {
		struct cat_batch *b;
		int rc;

		CAT_TRY(g->in->ops->next(g->in, &b, err));
		if (!b)
			return cat_aggs_finish(g->state, out, err);
		rc = cat_aggs_update(g->state, b, err);
		cat_batch_unref(b);
		CAT_TRY(rc);
	}
}

static void group_close(struct cat_source *src)
{
	struct group_source *g = (struct group_source *)src;

	cat_source_close(g->in);
	cat_aggs_state_free(g->state);
	cat_schema_unref(src->schema);
	cat_free(g);
}

static const struct cat_source_ops group_ops = {group_next, group_close};

int cat_group_open(struct cat_source *in, const struct cat_aggs *list, struct cat_source **out,
		   struct cat_error *err)
{
	struct group_source *g = cat_calloc(1, sizeof *g);
	int rc = g ? cat_aggs_state_new(list, &g->state, err) : cat_fail_mem(err, sizeof *g);

	if (rc != CAT_OK) {
		cat_source_close(in);
		cat_free(g);
		return rc;
	}
	g->base.ops = &group_ops;
	g->base.schema = cat_schema_ref(cat_aggs_schema(list));
	g->in = in;
	*out = &g->base;
	return CAT_OK;
}
