#include "formats/ipc_wire.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "columnar/kernels.h"
#include "formats/colmeta.h"

#define MAGIC "ARROW1"
#define MAGIC_LEN 6
/* Memory for a body grows with what has arrived, from this size on. */
#define FIRST_READ ((size_t)16 << 20)

struct ipc_feed {
	struct cat_feed base;
	struct cat_reader *reader;
	struct cat_ipc_plan plan;
	char *note; /* of base */
	struct cat_ipc_dicts *dicts;
	bool allow_no_eos;
	bool file_in_order; /* a file read as a stream: a footer follows the end marker */
	bool done;
	int64_t batches; /* given out so far */
	struct cat_buf *footer; /* a file's, and its record batch blocks; NULL: a stream */
	struct cat_fb footer_fb;
	struct cat_fb_vector blocks;
};

/* A message as it was read: metadata and body. */
struct message {
	struct cat_buf *meta, *body;
	struct cat_ipc_message m;
};

struct ipc_work {
	struct cat_work base;
	struct ipc_feed *feed;
	struct cat_ipc_dicts *dicts;
	struct message message; /* buffers NULL in a file: read when decoded */
	int64_t off_bytes;
	size_t meta_len;
	int64_t body_bytes;
	char where[40];
};

static void message_fini(struct message *m)
{
	cat_buf_unref(m->meta);
	cat_buf_unref(m->body);
}

/* --- dictionaries --- */

/* D with VALUES (taken over, also on failure) under ID; a delta goes behind what is there. */
static int dicts_with(struct cat_ipc_dicts *d, int64_t id, struct cat_column *values, bool delta,
                      struct cat_ipc_dicts **out, struct cat_error *err)
{
	const int n = d ? d->n : 0;
	struct cat_ipc_dicts *t;
	int at = 0, rc = CAT_OK;

	while (at < n && d->items[at].id != id)
		at++;
	if (delta && at < n) {
		struct cat_column *both[2] = {d->items[at].values, values}, *all;

		rc = cat_concat(both, 2, &all, err);
		cat_column_unref(values);
		CAT_TRY(rc);
		values = all;
	}
	t = cat_calloc(1, sizeof *t + (size_t)(n + 1) * sizeof t->items[0]);
	if (!t) {
		cat_column_unref(values);
		return cat_fail_mem(err, sizeof *t);
	}
	atomic_init(&t->refs, 1);
	t->n = at < n ? n : n + 1;
	for (int i = 0; i < n; i++)
		if (i != at)
			t->items[i] = (struct cat_ipc_dict){d->items[i].id, cat_column_ref(d->items[i].values)};
	t->items[at] = (struct cat_ipc_dict){id, values};
	*out = t;
	return CAT_OK;
}

static int take_dictionary(struct ipc_feed *f, const struct message *m, struct cat_error *err)
{
	struct cat_ipc_piece piece = {0, m->body};
	const struct cat_ipc_body body = {1, &piece};
	struct cat_fb_table batch;
	struct cat_ipc_decode in = {&f->plan, &batch, m->m.body_bytes, &body, f->dicts};
	const int64_t id = cat_fb_int(&m->m.header, 0, 8, 0);
	const struct cat_ipc_node *node = cat_ipc_plan_dictionary(&f->plan, id);
	struct cat_ipc_dicts *with;
	struct cat_column *values;
	int rc;

	if (!node)
		return cat_fail(err, CAT_E_DATA, "dictionary %lld belongs to no column", (long long)id);
	if (!cat_fb_sub(&m->m.header, 1, &batch))
		return cat_fail(err, CAT_E_DATA, "dictionary %lld has no values", (long long)id);
	rc = cat_ipc_decode_values(&in, node, &values, err);
	if (rc == CAT_OK)
		rc = dicts_with(f->dicts, id, values, cat_fb_bool(&m->m.header, 2), &with, err);
	if (rc != CAT_OK)
		return cat_wrap(err, "dictionary %lld", (long long)id);
	cat_ipc_dicts_unref(f->dicts);
	f->dicts = with;
	return CAT_OK;
}

/* --- reading a stream --- */

/* LEN bytes in order; memory is taken as they arrive. */
static int read_bytes(struct cat_reader *r, int64_t len, struct cat_buf **out, struct cat_error *err)
{
	struct cat_buf *b = NULL;
	size_t have = 0;
	int rc = CAT_OK;

	if (r->size >= 0 && len > r->size)
		return cat_fail(err, CAT_E_DATA, "truncated: a message of %lld bytes in an input of %lld", (long long)len,
		                (long long)r->size);
	do {
		const size_t left = (size_t)len - have, most = have < FIRST_READ ? FIRST_READ : have;
		const size_t step = left < most ? left : most;

		rc = cat_buf_resize(&b, have + step, err);
		if (rc == CAT_OK)
			rc = cat_read_exact(r, b->data + have, step, NULL, err);
		have += step;
	} while (rc == CAT_OK && have < (size_t)len);
	if (rc != CAT_OK) {
		cat_buf_unref(b);
		return rc;
	}
	*out = b;
	return CAT_OK;
}

/* The metadata length of the next message; 0: the end marker; *AT_END: not one byte was left. */
static int read_prefix(struct cat_reader *r, uint32_t *len, bool *at_end, struct cat_error *err)
{
	CAT_TRY(cat_read_exact(r, len, 4, at_end, err));
	if (!*at_end && *len == UINT32_MAX)
		CAT_TRY(cat_read_exact(r, len, 4, NULL, err));
	if (!*at_end && *len > CAT_IPC_MAX_METADATA)
		return cat_fail(err, CAT_E_DATA, "not an Arrow message, or metadata of %lu bytes", (unsigned long)*len);
	return CAT_OK;
}

/* *END: the end marker or, if *AT_END, the end of the bytes came instead. */
static int read_message(struct cat_reader *r, struct message *out, bool *end, bool *at_end, struct cat_error *err)
{
	uint32_t len = 0;
	int rc;

	memset(out, 0, sizeof *out);
	*end = *at_end = false;
	CAT_TRY(read_prefix(r, &len, at_end, err));
	*end = *at_end || len == 0;
	if (*end)
		return CAT_OK;
	CAT_TRY(read_bytes(r, len, &out->meta, err));
	rc = cat_ipc_message_parse(out->meta->data, out->meta->size, &out->m, err);
	if (rc == CAT_OK)
		rc = read_bytes(r, out->m.body_bytes, &out->body, err);
	if (rc != CAT_OK) {
		message_fini(out);
		memset(out, 0, sizeof *out);
	}
	return rc;
}

/* Behind the end marker nothing may follow; in a file read in order, a footer does. */
static int check_end(struct ipc_feed *f, bool at_end, struct cat_error *err)
{
	struct cat_buf *rest;
	int rc = CAT_OK;

	f->done = true;
	if (at_end && f->file_in_order)
		return cat_fail(err, CAT_E_DATA, "truncated: an Arrow file without its footer");
	if (at_end)
		return f->allow_no_eos ? CAT_OK
		                       : cat_fail(err, CAT_E_DATA,
		                                  "truncated: the stream ends without its end marker");
	if (f->file_in_order) {
		CAT_TRY(cat_read_all(f->reader, CAT_IPC_MAX_METADATA, &rest, err));
		if (rest->size < MAGIC_LEN || memcmp(rest->data + rest->size - MAGIC_LEN, MAGIC, MAGIC_LEN) != 0)
			rc = cat_fail(err, CAT_E_DATA, "truncated: an Arrow file without its footer");
		cat_buf_unref(rest);
		return rc;
	}
	CAT_TRY(f->reader->ops->next(f->reader, 1, &rest, err));
	if (rest) {
		cat_buf_unref(rest);
		return cat_fail(err, CAT_E_DATA, "data after end of stream");
	}
	return CAT_OK;
}

/* --- reading a file --- */

/* Metadata of the message at a block of the footer. */
static int read_block(struct cat_reader *r, int64_t off, size_t meta_len, int64_t body_bytes, struct message *out,
                      struct cat_error *err)
{
	struct cat_buf *all;
	uint32_t word[2];
	size_t skip = 4;
	int rc;

	memset(out, 0, sizeof *out);
	CAT_TRY(cat_read_range(r, off, meta_len, &all, err));
	memcpy(word, all->data, 8);
	if (word[0] == UINT32_MAX)
		skip = 8;
	if (word[skip / 4 - 1] > meta_len - skip)
		rc = cat_fail(err, CAT_E_DATA, "message metadata longer than the footer says");
	else
		rc = cat_buf_slice(all, skip, word[skip / 4 - 1], &out->meta, err);
	cat_buf_unref(all);
	CAT_TRY(rc);
	rc = cat_ipc_message_parse(out->meta->data, out->meta->size, &out->m, err);
	if (rc == CAT_OK && out->m.body_bytes > body_bytes)
		rc = cat_fail(err, CAT_E_DATA, "message body longer than the footer says");
	if (rc != CAT_OK)
		message_fini(out);
	return rc;
}

/* Block I of V: 24 bytes, offset, metadata length, body length. */
static int block_at(const struct ipc_feed *f, const struct cat_fb_vector *v, size_t i, int64_t *off,
                    size_t *meta_len, int64_t *body_bytes, struct cat_error *err)
{
	const int64_t size = f->reader->size;
	const int32_t len = (int32_t)cat_fb_vec_i64(v, i, 24, 8);

	*off = cat_fb_vec_i64(v, i, 24, 0);
	*body_bytes = cat_fb_vec_i64(v, i, 24, 16);
	if (len < 8 || *off < 0 || *off > size - len || *body_bytes < 0 || *body_bytes > size - len - *off)
		return cat_fail(err, CAT_E_DATA, "a block of the footer lies beyond the file");
	*meta_len = (size_t)len;
	return CAT_OK;
}

static int read_dictionaries(struct ipc_feed *f, const struct cat_fb_vector *v, struct cat_error *err)
{
	for (size_t i = 0; i < v->count; i++) {
		struct message m;
		int64_t off, body_bytes;
		size_t meta_len;
		int rc;

		CAT_TRY(block_at(f, v, i, &off, &meta_len, &body_bytes, err));
		CAT_TRY(read_block(f->reader, off, meta_len, body_bytes, &m, err));
		rc = m.m.type == CAT_IPC_H_DICTIONARY
		             ? cat_read_range(f->reader, off + (int64_t)meta_len, (size_t)m.m.body_bytes, &m.body, err)
		             : cat_fail(err, CAT_E_DATA, "the footer's dictionary block holds something else");
		if (rc == CAT_OK)
			rc = take_dictionary(f, &m, err);
		message_fini(&m);
		CAT_TRY(rc);
	}
	return CAT_OK;
}

/* The footer: schema, dictionaries, where the batches are (File.fbs). */
static int open_file(struct ipc_feed *f, struct cat_error *err)
{
	const int64_t size = f->reader->size, tail = 4 + MAGIC_LEN;
	struct cat_fb_table footer, schema;
	struct cat_fb_vector dictionaries;
	struct cat_buf *b;
	uint32_t len;
	bool whole;

	if (size < 8 + tail)
		return cat_fail(err, CAT_E_DATA, "truncated: an Arrow file of %lld bytes", (long long)size);
	CAT_TRY(cat_read_range(f->reader, size - tail, (size_t)tail, &b, err));
	memcpy(&len, b->data, 4);
	whole = memcmp(b->data + 4, MAGIC, MAGIC_LEN) == 0;
	cat_buf_unref(b);
	if (!whole || len > CAT_IPC_MAX_METADATA || (int64_t)len > size - 8 - tail)
		return cat_fail(err, CAT_E_DATA, "truncated: an Arrow file without its footer");
	CAT_TRY(cat_read_range(f->reader, size - tail - (int64_t)len, len, &f->footer, err));
	f->footer_fb = (struct cat_fb){.p = f->footer->data, .n = f->footer->size};
	if (!cat_fb_root(&f->footer_fb, &footer) || !cat_fb_sub(&footer, 1, &schema))
		return cat_fail(err, CAT_E_DATA, "%s", f->footer_fb.bad ? f->footer_fb.bad : "footer without a schema");
	CAT_TRY(cat_ipc_plan_init(&schema, &f->plan, err));
	cat_fb_vec(&footer, 2, 24, &dictionaries);
	cat_fb_vec(&footer, 3, 24, &f->blocks);
	if (f->footer_fb.bad)
		return cat_fail(err, CAT_E_DATA, "%s", f->footer_fb.bad);
	f->base.sharded = true;
	return read_dictionaries(f, &dictionaries, err);
}

/* --- works --- */

/* Of a file's batch: just the bytes that the columns need. */
static int read_pieces(struct ipc_work *w, struct cat_ipc_decode *in, const int *cols, int n,
                       struct cat_ipc_body *body, struct cat_error *err)
{
	struct cat_range *ranges = cat_calloc((size_t)n, sizeof *ranges);
	struct cat_buf **bufs = cat_calloc((size_t)n, sizeof(struct cat_buf *));
	struct cat_reader *r = w->feed->reader;
	struct cat_ticket *ticket;
	int count = 0, rc;

	body->n = 0;
	body->pieces = cat_calloc((size_t)n, sizeof *body->pieces);
	rc = ranges && bufs && body->pieces ? cat_ipc_decode_ranges(in, cols, n, ranges, &count, err)
	                                    : cat_fail_mem(err, (size_t)n * sizeof *ranges);
	for (int i = 0; i < count; i++) {
		body->pieces[i].off_bytes = ranges[i].off_bytes;
		ranges[i].off_bytes += w->off_bytes + (int64_t)w->meta_len;
	}
	if (rc == CAT_OK && count) {
		rc = r->ops->submit(r, ranges, (size_t)count, &ticket, err);
		if (rc == CAT_OK)
			rc = r->ops->wait(ticket, bufs, err);
	}
	if (rc == CAT_OK) {
		for (int i = 0; i < count; i++)
			body->pieces[i].buf = bufs[i];
		body->n = count;
	} else {
		cat_free(body->pieces);
	}
	cat_free(ranges);
	cat_free(bufs);
	return rc;
}

static int decode_file(struct ipc_work *w, const int *cols, int n, struct cat_schema *schema,
                       struct cat_batch **out, struct cat_error *err)
{
	struct cat_ipc_body body;
	struct message m;
	struct cat_ipc_decode in = {&w->feed->plan, &m.m.header, 0, &body, w->dicts};
	int rc;

	CAT_TRY(read_block(w->feed->reader, w->off_bytes, w->meta_len, w->body_bytes, &m, err));
	in.body_bytes = m.m.body_bytes;
	rc = m.m.type == CAT_IPC_H_BATCH ? read_pieces(w, &in, cols, n, &body, err)
	                                 : cat_fail(err, CAT_E_DATA, "the footer's block holds no record batch");
	if (rc == CAT_OK) {
		rc = cat_ipc_decode_batch(&in, cols, n, schema, out, err);
		for (int i = 0; i < body.n; i++)
			cat_buf_unref(body.pieces[i].buf);
		cat_free(body.pieces);
	}
	message_fini(&m);
	return rc;
}

static int work_decode(struct cat_work *work, const int *cols, int n, struct cat_batch **out,
                       struct cat_error *err)
{
	struct ipc_work *w = (struct ipc_work *)work;
	struct cat_schema *whole = w->feed->plan.schema, *schema;
	struct cat_ipc_piece piece = {0, w->message.body};
	const struct cat_ipc_body body = {1, &piece};
	struct cat_fb fb = w->message.m.fb;
	struct cat_fb_table header = w->message.m.header;
	const struct cat_ipc_decode in = {&w->feed->plan, &header, w->message.m.body_bytes, &body, w->dicts};
	bool all = n == whole->nfields;
	int rc;

	header.fb = &fb;
	for (int i = 0; all && i < n; i++)
		all = cols[i] == i;
	if (all)
		schema = cat_schema_ref(whole);
	else
		CAT_TRY(cat_schema_project(whole, cols, n, &schema, err));
	rc = w->message.meta ? cat_ipc_decode_batch(&in, cols, n, schema, out, err)
	                     : decode_file(w, cols, n, schema, out, err);
	cat_schema_unref(schema);
	return rc;
}

static void work_free(struct cat_work *work)
{
	struct ipc_work *w = (struct ipc_work *)work;

	message_fini(&w->message);
	cat_ipc_dicts_unref(w->dicts);
	cat_free(w);
}

static const struct cat_work_ops work_ops = {.decode = work_decode, .free = work_free};

static int work_new(struct ipc_feed *f, struct ipc_work **out, struct cat_error *err)
{
	struct ipc_work *w = cat_calloc(1, sizeof *w);

	if (!w)
		return cat_fail_mem(err, sizeof *w);
	w->base.ops = &work_ops;
	w->base.nrows = -1;
	w->base.where = w->where;
	w->feed = f;
	w->dicts = cat_ipc_dicts_ref(f->dicts);
	snprintf(w->where, sizeof w->where, "record batch %lld", (long long)f->batches++);
	*out = w;
	return CAT_OK;
}

/* --- the feed --- */

static int next_of_file(struct ipc_feed *f, struct cat_work **out, struct cat_error *err)
{
	struct ipc_work *w;
	int64_t off, body_bytes;
	size_t meta_len;

	if ((uint64_t)f->batches == f->blocks.count)
		return CAT_OK;
	CAT_TRY(block_at(f, &f->blocks, (size_t)f->batches, &off, &meta_len, &body_bytes, err));
	CAT_TRY(work_new(f, &w, err));
	w->off_bytes = off;
	w->meta_len = meta_len;
	w->body_bytes = body_bytes;
	w->base.bytes = body_bytes;
	*out = &w->base;
	return CAT_OK;
}

/* Takes over M. *OUT stays NULL when it was a dictionary. */
static int take_message(struct ipc_feed *f, struct message *m, struct cat_work **out, struct cat_error *err)
{
	struct ipc_work *w;
	int rc = CAT_OK;

	switch (m->m.type) {
	case CAT_IPC_H_DICTIONARY:
		rc = take_dictionary(f, m, err);
		break;
	case CAT_IPC_H_BATCH:
		rc = work_new(f, &w, err);
		if (rc != CAT_OK)
			break;
		w->message = *m;
		w->base.nrows = cat_ipc_batch_rows(&m->m.header);
		w->base.bytes = m->m.body_bytes;
		*out = &w->base;
		return CAT_OK;
	case CAT_IPC_H_SCHEMA:
		rc = cat_fail(err, CAT_E_DATA, "a second schema in one stream");
		break;
	default:
		rc = cat_fail(err, CAT_E_UNSUPPORTED, "Arrow message type %lld (a tensor) is not supported",
		              (long long)m->m.type);
		break;
	}
	message_fini(m);
	return rc;
}

static int feed_next(struct cat_feed *feed, struct cat_work **out, struct cat_error *err)
{
	struct ipc_feed *f = (struct ipc_feed *)feed;

	*out = NULL;
	if (f->footer)
		return next_of_file(f, out, err);
	while (!f->done && !*out) {
		struct message m;
		bool end, at_end;
		int rc = read_message(f->reader, &m, &end, &at_end, err);

		if (rc == CAT_OK)
			rc = end ? check_end(f, at_end, err) : take_message(f, &m, out, err);
		if (rc != CAT_OK)
			return cat_wrap(err, "after %lld record batches", (long long)f->batches);
	}
	return CAT_OK;
}

static void feed_close(struct cat_feed *feed)
{
	struct ipc_feed *f = (struct ipc_feed *)feed;

	cat_ipc_dicts_unref(f->dicts);
	cat_buf_unref(f->footer);
	cat_ipc_plan_fini(&f->plan);
	cat_reader_close(f->reader);
	cat_free(f->note);
	cat_free(f);
}

static const struct cat_feed_ops feed_ops = {feed_next, feed_close};

/* Whether nothing follows where reading failed. */
static bool is_cut(struct cat_reader *r)
{
	struct cat_error ignored = {0};
	struct cat_buf *more = NULL;
	const bool cut = r->ops->next(r, 1, &more, &ignored) == CAT_OK && !more;

	cat_buf_unref(more);
	return cut;
}

static int open_stream(struct ipc_feed *f, struct cat_error *err)
{
	struct message m;
	bool end, at_end;
	int rc;

	rc = read_message(f->reader, &m, &end, &at_end, err);
	if (rc == CAT_OK && end)
		rc = cat_fail(err, CAT_E_DATA, "%s", at_end ? "truncated: a stream without its schema"
		                                            : "a stream without a schema");
	else if (rc == CAT_OK && m.m.type != CAT_IPC_H_SCHEMA)
		rc = cat_fail(err, CAT_E_DATA, "the first message is not a schema");
	/* Polars and Arrow JavaScript leave a file's stream part without one that can be read. */
	if (rc == CAT_E_DATA && f->file_in_order && !is_cut(f->reader))
		rc = cat_fail(err, CAT_E_UNSUPPORTED,
		              "an Arrow file without a schema message in front cannot be read from a pipe");
	if (rc == CAT_OK)
		rc = cat_ipc_plan_init(&m.m.header, &f->plan, err);
	message_fini(&m);
	return rc;
}

static int open_any(struct ipc_feed *f, struct cat_error *err)
{
	struct cat_reader *r = f->reader;
	char magic[8] = {0}, skip[8];
	struct cat_buf *b;

	if (r->size >= 8)
		CAT_TRY(cat_read_range(r, 0, 8, &b, err));
	else
		CAT_TRY(r->ops->peek(r, 8, &b, err));
	memcpy(magic, b->data, b->size < 8 ? b->size : 8);
	cat_buf_unref(b);
	if (memcmp(magic, "FEA1", 4) == 0)
		return cat_fail(err, CAT_E_UNSUPPORTED, "Feather version 1 is not supported");
	if (memcmp(magic, MAGIC, MAGIC_LEN) == 0) {
		if (r->size >= 0)
			return open_file(f, err);
		f->file_in_order = true;
		CAT_TRY(cat_read_exact(r, skip, 8, NULL, err));
	}
	return open_stream(f, err);
}

int cat_ipc_feed(struct cat_reader *r, const struct cat_ipc_options *o, struct cat_feed **out,
                 struct cat_error *err)
{
	struct ipc_feed *f = cat_calloc(1, sizeof *f);
	int rc;

	if (!f) {
		cat_reader_close(r);
		return cat_fail_mem(err, sizeof *f);
	}
	f->base.ops = &feed_ops;
	f->base.nrows = -1;
	f->reader = r;
	f->allow_no_eos = o && o->allow_no_eos;
	rc = open_any(f, err);
	if (rc == CAT_OK)
		rc = cat_colmeta_take(f->plan.schema, &f->note, err);
	if (rc != CAT_OK) {
		feed_close(&f->base);
		return rc;
	}
	f->base.schema = f->plan.schema;
	f->base.note = f->note;
	*out = &f->base;
	return CAT_OK;
}
