#include "exec/write.h"

#include "base/alloc.h"

struct write_sink {
	struct cat_sink base;
	struct cat_encoder *encoder;
	struct cat_writer *writer;
	struct cat_pool *own; /* when the caller has none */
	struct cat_ordered *queue;
	int64_t off_bytes;
	int64_t memory_bytes;
	bool begun;
};

static int run_encode(void *arg, struct cat_error *err)
{
	struct cat_out *o = arg;

	return o->ops->encode(o, err);
}

static void free_out(void *arg)
{
	cat_out_free(arg);
}

static int append(struct write_sink *s, struct cat_buf *const *bufs, size_t n, struct cat_error *err)
{
	CAT_TRY(s->writer->ops->append(s->writer, bufs, n, err));
	for (size_t i = 0; i < n; i++)
		s->off_bytes += (int64_t)bufs[i]->size;
	return CAT_OK;
}

static int append_one(struct write_sink *s, struct cat_buf *b, struct cat_error *err)
{
	const int rc = append(s, &b, 1, err);

	cat_buf_unref(b);
	return rc;
}

static int begin(struct write_sink *s, struct cat_error *err)
{
	struct cat_buf *head;

	if (s->begun)
		return CAT_OK;
	s->begun = true;
	CAT_TRY(s->encoder->ops->head(s->encoder, &head, err));
	return append_one(s, head, err);
}

/* Appends the oldest piece; *ANY says whether there was one. */
static int flush_one(struct write_sink *s, bool *any, struct cat_error *err)
{
	struct cat_out *o;
	void *arg;
	int rc;

	CAT_TRY(cat_ordered_take(s->queue, &arg, err));
	o = arg;
	*any = o != NULL;
	if (!o)
		return CAT_OK;
	rc = s->encoder->ops->placed(s->encoder, o, s->off_bytes, err);
	if (rc == CAT_OK)
		rc = append(s, o->bufs, o->nbufs, err);
	cat_out_free(o);
	return rc;
}

static int drain(struct write_sink *s, bool last, struct cat_error *err)
{
	for (;;) {
		struct cat_out *o;
		bool any;

		if (cat_ordered_full(s->queue) ||
		    (!cat_ordered_empty(s->queue) && cat_buf_live_bytes() > s->memory_bytes / 2))
			CAT_TRY(flush_one(s, &any, err));
		CAT_TRY(s->encoder->ops->pull(s->encoder, last, &o, err));
		if (!o)
			return CAT_OK;
		cat_ordered_submit(s->queue, o);
	}
}

static int write_put(struct cat_sink *sink, struct cat_batch *b, struct cat_error *err)
{
	struct write_sink *s = (struct write_sink *)sink;
	const int rc = begin(s, err);

	if (rc != CAT_OK) {
		cat_batch_unref(b);
		return rc;
	}
	CAT_TRY(s->encoder->ops->put(s->encoder, b, err));
	return drain(s, false, err);
}

static int write_commit(struct cat_sink *sink, struct cat_error *err)
{
	struct write_sink *s = (struct write_sink *)sink;
	struct cat_buf *b;
	bool any = true;
	int rc;

	CAT_TRY(begin(s, err));
	CAT_TRY(drain(s, true, err));
	while (any)
		CAT_TRY(flush_one(s, &any, err));
	CAT_TRY(s->encoder->ops->tail(s->encoder, s->off_bytes, &b, err));
	CAT_TRY(append_one(s, b, err));
	if (s->encoder->ops->patch) {
		CAT_TRY(s->encoder->ops->patch(s->encoder, &b, err));
		rc = s->writer->ops->patch(s->writer, 0, b->data, b->size, err);
		cat_buf_unref(b);
		CAT_TRY(rc);
	}
	return s->writer->ops->commit(s->writer, err);
}

static void write_close(struct cat_sink *sink)
{
	struct write_sink *s = (struct write_sink *)sink;

	cat_ordered_free(s->queue);
	cat_pool_free(s->own);
	cat_encoder_close(s->encoder);
	cat_writer_close(s->writer);
	cat_free(s);
}

static const struct cat_sink_ops write_ops = {write_put, write_commit, write_close};

int cat_write_open(struct cat_encoder *e, struct cat_writer *w, struct cat_pool *p, struct cat_sink **out,
                   struct cat_error *err)
{
	struct write_sink *s = cat_calloc(1, sizeof *s);
	int rc = CAT_OK, jobs;

	if (!s) {
		cat_encoder_close(e);
		cat_writer_close(w);
		return cat_fail_mem(err, sizeof *s);
	}
	s->base.ops = &write_ops;
	s->encoder = e;
	s->writer = w;
	s->memory_bytes = INT64_MAX;
	if (!p)
		rc = cat_pool_new(1, &s->own, err);
	if (rc == CAT_OK) {
		p = p ? p : s->own;
		jobs = cat_pool_jobs(p);
		rc = cat_ordered_new(p, jobs == 1 ? 1 : 2 * jobs, run_encode, free_out, &s->queue, err);
	}
	if (rc != CAT_OK) {
		write_close(&s->base);
		return rc;
	}
	*out = &s->base;
	return CAT_OK;
}

void cat_write_limit(struct cat_sink *s, int64_t memory_bytes)
{
	((struct write_sink *)s)->memory_bytes = memory_bytes;
}
