#include "columnar/pump.h"

#include "base/alloc.h"

void cat_source_close(struct cat_source *s)
{
	if (s)
		s->ops->close(s);
}

void cat_sink_close(struct cat_sink *s)
{
	if (s)
		s->ops->close(s);
}

void cat_feed_close(struct cat_feed *f)
{
	if (f)
		f->ops->close(f);
}

void cat_work_free(struct cat_work *w)
{
	if (w)
		w->ops->free(w);
}

void cat_part_list_fini(struct cat_part_list *l)
{
	cat_free(l->parts);
	cat_buf_unref(l->bytes);
	*l = (struct cat_part_list){0};
}

void cat_encoder_close(struct cat_encoder *e)
{
	if (e)
		e->ops->close(e);
}

void cat_out_free(struct cat_out *o)
{
	if (o)
		o->ops->free(o);
}

int cat_pump(struct cat_source *s, struct cat_sink *d, struct cat_error *err)
{
	for (;;) {
		struct cat_batch *b;

		CAT_TRY(s->ops->next(s, &b, err));
		if (!b)
			return d->ops->commit(d, err);
		CAT_TRY(d->ops->put(d, b, err));
	}
}

/* --- batches in memory as a source --- */

struct list_source {
	struct cat_source base;
	struct cat_source *inner;
	size_t n, at;
	struct cat_batch *batches[];
};

static int list_next(struct cat_source *s, struct cat_batch **out, struct cat_error *err)
{
	struct list_source *l = (struct list_source *)s;

	*out = NULL;
	if (l->at < l->n) {
		*out = l->batches[l->at];
		l->batches[l->at++] = NULL;
		return CAT_OK;
	}
	return l->inner ? l->inner->ops->next(l->inner, out, err) : CAT_OK;
}

static void list_close(struct cat_source *s)
{
	struct list_source *l = (struct list_source *)s;

	for (; l->at < l->n; l->at++)
		cat_batch_unref(l->batches[l->at]);
	cat_source_close(l->inner);
	cat_schema_unref(s->schema);
	cat_free(l);
}

static const struct cat_source_ops list_ops = {list_next, list_close};

int cat_source_of(struct cat_schema *schema, struct cat_batch *const *batches, size_t n, struct cat_source *inner,
                  struct cat_source **out, struct cat_error *err)
{
	struct list_source *l = cat_calloc(1, sizeof *l + n * sizeof *batches);

	if (!l) {
		for (size_t i = 0; i < n; i++)
			cat_batch_unref(batches[i]);
		cat_source_close(inner);
		return cat_fail_mem(err, n * sizeof *batches);
	}
	l->base.ops = &list_ops;
	l->base.schema = cat_schema_ref(schema);
	l->inner = inner;
	l->n = n;
	for (size_t i = 0; i < n; i++)
		l->batches[i] = batches[i];
	*out = &l->base;
	return CAT_OK;
}

/* --- a feed as a source --- */

struct feed_source {
	struct cat_source base;
	struct cat_feed *feed;
	int *all;
};

static int feed_source_next(struct cat_source *s, struct cat_batch **out, struct cat_error *err)
{
	struct feed_source *f = (struct feed_source *)s;
	struct cat_work *w;
	int rc;

	*out = NULL;
	CAT_TRY(f->feed->ops->next(f->feed, &w, err));
	if (!w)
		return CAT_OK;
	rc = w->ops->decode(w, f->all, s->schema->nfields, out, err);
	if (rc != CAT_OK && w->where)
		cat_wrap(err, "%s", w->where);
	cat_work_free(w);
	return rc;
}

static void feed_source_close(struct cat_source *s)
{
	struct feed_source *f = (struct feed_source *)s;

	cat_feed_close(f->feed);
	cat_schema_unref(s->schema);
	cat_free(f->all);
	cat_free(f);
}

static const struct cat_source_ops feed_source_ops = {feed_source_next, feed_source_close};

int cat_feed_source(struct cat_feed *feed, struct cat_source **out, struct cat_error *err)
{
	struct feed_source *f = cat_calloc(1, sizeof *f);
	int *all = cat_calloc((size_t)feed->schema->nfields, sizeof *all);

	if (!f || !all) {
		cat_free(f);
		cat_free(all);
		cat_feed_close(feed);
		return cat_fail_mem(err, sizeof *f);
	}
	for (int i = 0; i < feed->schema->nfields; i++)
		all[i] = i;
	f->base.ops = &feed_source_ops;
	f->base.schema = cat_schema_ref(feed->schema);
	f->feed = feed;
	f->all = all;
	*out = &f->base;
	return CAT_OK;
}

/* --- encoders --- */

int cat_encoder_hold(struct cat_batch **held, const struct cat_schema *schema, struct cat_batch *b,
                     struct cat_error *err)
{
	if (b->nrows == 0) {
		cat_batch_unref(b);
		return CAT_OK;
	}
	if (*held || b->ncols != schema->nfields) {
		cat_batch_unref(b);
		return cat_fail(err, CAT_E_BUG, "a batch that does not fit the encoder");
	}
	*held = b;
	return CAT_OK;
}
