#include "formats/textout.h"

#include "base/alloc.h"

/* Of text from one batch. */
#define MAX_TEXT ((size_t)1 << 36)

struct text_piece {
	struct cat_out base;
	const struct cat_textout *encoder;
	struct cat_batch *batch;
	struct cat_buf *buf; /* what base.bufs points to */
};

/* The text as a buffer; ends T. */
static int to_buf(struct cat_text *t, struct cat_buf **out, struct cat_error *err)
{
	int rc = cat_text_check(t, err);

	if (rc == CAT_OK)
		rc = cat_buf_copy(t->s, t->len, out, err);
	cat_text_fini(t);
	return rc;
}

static int piece_encode(struct cat_out *base, struct cat_error *err)
{
	struct text_piece *p = (struct text_piece *)base;
	struct cat_text t = {.max = MAX_TEXT};

	p->encoder->ops->rows(p->encoder, p->batch, &t);
	CAT_TRY(to_buf(&t, &p->buf, err));
	base->bufs = &p->buf;
	base->nbufs = 1;
	return CAT_OK;
}

static void piece_free(struct cat_out *base)
{
	struct text_piece *p = (struct text_piece *)base;

	cat_buf_unref(p->buf);
	cat_batch_unref(p->batch);
	cat_free(p);
}

static const struct cat_out_ops piece_ops = {piece_encode, piece_free};

static int textout_put(struct cat_encoder *base, struct cat_batch *b, struct cat_error *err)
{
	struct cat_textout *e = (struct cat_textout *)base;

	return cat_encoder_hold(&e->next, e->schema, b, err);
}

static int textout_pull(struct cat_encoder *base, bool last, struct cat_out **out, struct cat_error *err)
{
	struct cat_textout *e = (struct cat_textout *)base;
	struct text_piece *p;

	(void)last;
	*out = NULL;
	if (!e->next)
		return CAT_OK;
	p = cat_calloc(1, sizeof *p);
	if (!p)
		return cat_fail_mem(err, sizeof *p);
	p->base.ops = &piece_ops;
	p->encoder = e;
	p->batch = e->next;
	e->next = NULL;
	*out = &p->base;
	return CAT_OK;
}

static int textout_placed(struct cat_encoder *base, struct cat_out *o, int64_t off_bytes, struct cat_error *err)
{
	(void)base, (void)o, (void)off_bytes, (void)err;
	return CAT_OK;
}

static int textout_head(struct cat_encoder *base, struct cat_buf **out, struct cat_error *err)
{
	struct cat_textout *e = (struct cat_textout *)base;
	struct cat_text t = {.max = MAX_TEXT};

	if (e->ops->head)
		e->ops->head(e, &t);
	return to_buf(&t, out, err);
}

static int textout_tail(struct cat_encoder *base, int64_t size_bytes, struct cat_buf **out, struct cat_error *err)
{
	(void)base, (void)size_bytes;
	return cat_buf_new(0, out, err);
}

static void textout_close(struct cat_encoder *base)
{
	struct cat_textout *e = (struct cat_textout *)base;

	cat_batch_unref(e->next);
	cat_schema_unref(e->schema);
	cat_free(e);
}

static const struct cat_encoder_ops textout_ops = {
	.put = textout_put,
	.pull = textout_pull,
	.placed = textout_placed,
	.head = textout_head,
	.tail = textout_tail,
	.close = textout_close,
};

int cat_textout_new(struct cat_schema *s, const struct cat_textout_ops *ops, char delimiter,
                    struct cat_encoder **out, struct cat_error *err)
{
	struct cat_textout *e = cat_calloc(1, sizeof *e);

	if (!e)
		return cat_fail_mem(err, sizeof *e);
	e->base.ops = &textout_ops;
	e->ops = ops;
	e->schema = cat_schema_ref(s);
	e->delimiter = delimiter;
	*out = &e->base;
	return CAT_OK;
}
