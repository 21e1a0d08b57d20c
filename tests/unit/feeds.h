/* feeds -- for unit tests of formats: bytes in one format through feed and encoder into another. */
#ifndef CAT_TESTS_FEEDS_H
#define CAT_TESTS_FEEDS_H

#include "base/alloc.h"
#include "columnar/pump.h"
#include "exec/write.h"

/* A pipe that gives one byte at a time. */
struct unit_dribble {
	struct cat_reader base;
	struct cat_reader *inner;
};
static inline int unit_dribble_next(struct cat_reader *r, size_t max, struct cat_buf **out, struct cat_error *err)
{
	struct cat_reader *inner = ((struct unit_dribble *)r)->inner;

	return inner->ops->next(inner, max < 1 ? max : 1, out, err);
}
static inline int unit_dribble_peek(struct cat_reader *r, size_t max, struct cat_buf **out, struct cat_error *err)
{
	struct cat_reader *inner = ((struct unit_dribble *)r)->inner;

	return inner->ops->peek(inner, max, out, err);
}
static inline void unit_dribble_close(struct cat_reader *r)
{
	cat_reader_close(((struct unit_dribble *)r)->inner);
	cat_free(r);
}
/* The bytes of B through such a pipe. */
static inline int unit_dribble(struct cat_buf *b, struct cat_reader **out, struct cat_error *err)
{
	static const struct cat_reader_ops ops = {
		.next = unit_dribble_next, .peek = unit_dribble_peek, .close = unit_dribble_close};
	struct unit_dribble *d = cat_calloc(1, sizeof *d);
	int rc;

	if (!d)
		return cat_fail_mem(err, sizeof *d);
	rc = cat_reader_memory(b, "pipe", &d->inner, err);
	if (rc != CAT_OK) {
		cat_free(d);
		return rc;
	}
	d->base.ops = &ops;
	d->base.size = -1;
	d->base.name = "pipe";
	*out = &d->base;
	return CAT_OK;
}

/* A reader that counts what is asked of it. */
struct unit_counting {
	struct cat_reader base;
	struct cat_reader *inner;
	int64_t bytes, requests;
};
static inline int unit_counting_submit(struct cat_reader *r, const struct cat_range *ranges, size_t n,
                                       struct cat_ticket **out, struct cat_error *err)
{
	struct unit_counting *c = (struct unit_counting *)r;

	c->requests++;
	for (size_t i = 0; i < n; i++)
		c->bytes += (int64_t)ranges[i].len;
	return c->inner->ops->submit(c->inner, ranges, n, out, err);
}
/* The ticket is the inner reader's. */
static inline int unit_counting_wait(struct cat_ticket *t, struct cat_buf **out, struct cat_error *err)
{
	return t->reader->ops->wait(t, out, err);
}
static inline void unit_counting_close(struct cat_reader *r)
{
	cat_reader_close(((struct unit_counting *)r)->inner);
	cat_free(r);
}
static inline int unit_counting(struct cat_buf *b, struct unit_counting **out, struct cat_error *err)
{
	static const struct cat_reader_ops ops = {
		.submit = unit_counting_submit, .wait = unit_counting_wait, .close = unit_counting_close};
	struct unit_counting *c = cat_calloc(1, sizeof *c);
	int rc;

	if (!c)
		return cat_fail_mem(err, sizeof *c);
	rc = cat_reader_memory(b, "memory", &c->inner, err);
	if (rc != CAT_OK) {
		cat_free(c);
		return rc;
	}
	c->base.ops = &ops;
	c->base.size = c->inner->size;
	c->base.name = "memory";
	*out = c;
	return CAT_OK;
}

/* Makes the encoder for what a feed gives; ARG is the test's own. */
typedef int unit_encoder_fn(struct cat_schema *s, const void *arg, struct cat_encoder **out, struct cat_error *err);

/* An encoder (taken over) as a sink into *OUT, which is NULL until it is committed. */
static inline int unit_sink(struct cat_encoder *e, struct cat_buf **out, struct cat_sink **sink,
                            struct cat_error *err)
{
	struct cat_writer *w;
	int rc = cat_writer_memory(out, &w, err);

	if (rc != CAT_OK) {
		cat_encoder_close(e);
		return rc;
	}
	return cat_write_open(e, w, NULL, sink, err);
}

/* Everything FEED gives, encoded; takes over FEED. */
static inline int unit_recode(struct cat_feed *feed, unit_encoder_fn *make, const void *arg, struct cat_buf **out,
                              struct cat_error *err)
{
	struct cat_source *source;
	struct cat_encoder *encoder;
	struct cat_sink *sink;
	int rc = cat_feed_source(feed, &source, err);

	*out = NULL;
	if (rc != CAT_OK)
		return rc;
	rc = make(source->schema, arg, &encoder, err);
	if (rc == CAT_OK)
		rc = unit_sink(encoder, out, &sink, err);
	if (rc == CAT_OK) {
		rc = cat_pump(source, sink, err);
		cat_sink_close(sink);
	}
	cat_source_close(source);
	return rc;
}

#endif
