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

/* --- an encoder as a sink --- */

struct encoder_sink {
	struct cat_sink base;
	struct cat_encoder *encoder;
	struct cat_writer *writer;
	int64_t off_bytes;
	bool begun;
};

static int append(struct encoder_sink *s, struct cat_buf *const *bufs, size_t n, struct cat_error *err)
{
	CAT_TRY(s->writer->ops->append(s->writer, bufs, n, err));
	for (size_t i = 0; i < n; i++)
		s->off_bytes += (int64_t)bufs[i]->size;
	return CAT_OK;
}

static int begin(struct encoder_sink *s, struct cat_error *err)
{
	struct cat_buf *head;
	int rc;

	if (s->begun)
		return CAT_OK;
	s->begun = true;
	CAT_TRY(s->encoder->ops->head(s->encoder, &head, err));
	rc = append(s, &head, 1, err);
	cat_buf_unref(head);
	return rc;
}

static int drain(struct encoder_sink *s, bool last, struct cat_error *err)
{
	for (;;) {
		struct cat_out *o;
		int rc;

		CAT_TRY(s->encoder->ops->pull(s->encoder, last, &o, err));
		if (!o)
			return CAT_OK;
		rc = o->ops->encode(o, err);
		if (rc == CAT_OK)
			rc = s->encoder->ops->placed(s->encoder, o, s->off_bytes, err);
		if (rc == CAT_OK)
			rc = append(s, o->bufs, o->nbufs, err);
		cat_out_free(o);
		CAT_TRY(rc);
	}
}

static int encoder_sink_put(struct cat_sink *sink, struct cat_batch *b, struct cat_error *err)
{
	struct encoder_sink *s = (struct encoder_sink *)sink;
	int rc = begin(s, err);

	if (rc != CAT_OK) {
		cat_batch_unref(b);
		return rc;
	}
	CAT_TRY(s->encoder->ops->put(s->encoder, b, err));
	return drain(s, false, err);
}

static int encoder_sink_commit(struct cat_sink *sink, struct cat_error *err)
{
	struct encoder_sink *s = (struct encoder_sink *)sink;
	struct cat_buf *b;
	int rc;

	CAT_TRY(begin(s, err));
	CAT_TRY(drain(s, true, err));
	CAT_TRY(s->encoder->ops->tail(s->encoder, s->off_bytes, &b, err));
	rc = append(s, &b, 1, err);
	cat_buf_unref(b);
	CAT_TRY(rc);
	if (s->encoder->ops->patch) {
		CAT_TRY(s->encoder->ops->patch(s->encoder, &b, err));
		rc = s->writer->ops->patch(s->writer, 0, b->data, b->size, err);
		cat_buf_unref(b);
		CAT_TRY(rc);
	}
	return s->writer->ops->commit(s->writer, err);
}

static void encoder_sink_close(struct cat_sink *sink)
{
	struct encoder_sink *s = (struct encoder_sink *)sink;

	cat_encoder_close(s->encoder);
	cat_writer_close(s->writer);
	cat_free(s);
}

static const struct cat_sink_ops encoder_sink_ops = {encoder_sink_put, encoder_sink_commit, encoder_sink_close};

int cat_encoder_sink(struct cat_encoder *e, struct cat_writer *w, struct cat_sink **out, struct cat_error *err)
{
	struct encoder_sink *s = cat_calloc(1, sizeof *s);

	if (!s) {
		cat_encoder_close(e);
		cat_writer_close(w);
		return cat_fail_mem(err, sizeof *s);
	}
	s->base.ops = &encoder_sink_ops;
	s->encoder = e;
	s->writer = w;
	*out = &s->base;
	return CAT_OK;
}
