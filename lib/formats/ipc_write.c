#include "formats/ipc_wire.h"

#include <lz4frame.h>
#include <string.h>
#include <zstd.h>

#include "base/alloc.h"
#include "columnar/kernels.h"

#define ALIGN 64
/* Smaller buffers are gathered: one append of many tiny pieces costs more than copying them. */
#define SMALL (16 << 10)
#define ZSTD_LEVEL 1

struct node {
	int64_t length, nulls;
};
struct place {
	int64_t off_bytes, len;
};

/* A record batch on its way out. base.bufs[0] is the message's head, then come the body's pieces. */
struct ipc_out {
	struct cat_out base;
	struct cat_schema *schema; /* as it was written */
	struct cat_batch *batch;
	enum cat_ipc_codec codec;
	ZSTD_CCtx *zstd;
	size_t bufs_cap;
	struct cat_buf *small; /* bytes gathered for the next piece */
	struct node *nodes;
	size_t nnodes, nodes_cap;
	struct place *places;
	size_t nplaces, places_cap;
	int64_t body_bytes;
};

/* --- the body --- */

static int add_piece(struct ipc_out *o, struct cat_buf *b, struct cat_error *err)
{
	if (cat_grow(&o->base.bufs, &o->bufs_cap, o->base.nbufs, sizeof *o->base.bufs) != 0) {
		cat_buf_unref(b);
		return cat_fail_mem(err, sizeof *o->base.bufs);
	}
	o->base.bufs[o->base.nbufs++] = b;
	return CAT_OK;
}

static int flush_small(struct ipc_out *o, struct cat_error *err)
{
	struct cat_buf *b = o->small;

	o->small = NULL;
	return b ? add_piece(o, b, err) : CAT_OK;
}

static int gather(struct ipc_out *o, const void *data, size_t size, struct cat_error *err)
{
	const size_t have = o->small ? o->small->size : 0;

	CAT_TRY(cat_buf_resize(&o->small, have + size, err));
	if (data && size)
		memcpy(o->small->data + have, data, size);
	else if (size)
		memset(o->small->data + have, 0, size);
	return CAT_OK;
}

/* Bytes [off, off+size) of B go into the body, padded. */
static int add_bytes(struct ipc_out *o, struct cat_buf *b, size_t off, size_t size, struct cat_error *err)
{
	const size_t pad = (ALIGN - size % ALIGN) % ALIGN;
	struct cat_buf *slice;

	if (size < SMALL) {
		CAT_TRY(gather(o, b->data + off, size, err));
	} else {
		CAT_TRY(flush_small(o, err));
		CAT_TRY(cat_buf_slice(b, off, size, &slice, err));
		CAT_TRY(add_piece(o, slice, err));
	}
	o->body_bytes += (int64_t)(size + pad);
	return pad ? gather(o, NULL, pad, err) : CAT_OK;
}

/* An int64 with the plain size, then one frame; -1 and the plain bytes where a frame saves less than 5 %. */
static int deflate(struct ipc_out *o, const uint8_t *data, size_t size, struct cat_buf **out,
                   struct cat_error *err)
{
	const bool zstd = o->codec == CAT_IPC_ZSTD;
	const size_t most = zstd ? ZSTD_compressBound(size) : LZ4F_compressFrameBound(size, NULL);
	int64_t plain = (int64_t)size;
	size_t n;

	if (zstd && !o->zstd && !(o->zstd = ZSTD_createCCtx()))
		return cat_fail_mem(err, 0);
	CAT_TRY(cat_buf_new(8 + most, out, err));
	n = zstd ? ZSTD_compressCCtx(o->zstd, (*out)->data + 8, most, data, size, ZSTD_LEVEL)
	         : LZ4F_compressFrame((*out)->data + 8, most, data, size, NULL);
	if ((zstd ? ZSTD_isError(n) : LZ4F_isError(n)) || n > size - size / 20) {
		plain = -1;
		n = size;
		memcpy((*out)->data + 8, data, size);
	}
	memcpy((*out)->data, &plain, 8);
	(*out)->size = 8 + n;
	return CAT_OK;
}

static int add_buffer(struct ipc_out *o, struct cat_buf *b, size_t off, size_t size, struct cat_error *err)
{
	struct place *p;
	struct cat_buf *packed;
	int rc;

	if (cat_grow(&o->places, &o->places_cap, o->nplaces, sizeof *o->places) != 0)
		return cat_fail_mem(err, sizeof *o->places);
	p = &o->places[o->nplaces++];
	*p = (struct place){o->body_bytes, (int64_t)size};
	if (size == 0)
		return CAT_OK;
	if (o->codec == CAT_IPC_NONE)
		return add_bytes(o, b, off, size, err);
	CAT_TRY(deflate(o, b->data + off, size, &packed, err));
	p->len = (int64_t)packed->size;
	rc = add_bytes(o, packed, 0, packed->size, err);
	cat_buf_unref(packed);
	return rc;
}

/* Takes over B. */
static int add_own(struct ipc_out *o, struct cat_buf *b, struct cat_error *err)
{
	const int rc = add_buffer(o, b, 0, b->size, err);

	cat_buf_unref(b);
	return rc;
}

/* N bits of B from bit FROM on, those after them zero; with MASK, those that MASK has zero too. */
static int add_bits(struct ipc_out *o, const struct cat_buf *b, const struct cat_buf *mask, int64_t from,
                    int64_t n, struct cat_error *err)
{
	struct cat_buf *bits, *keep;
	const size_t bytes = (size_t)(n + 7) / 8;
	int rc;

	CAT_TRY(cat_buf_zeroed(bytes, &bits, err));
	cat_bits_copy(bits->data, 0, b->data, from, n);
	if (mask) {
		rc = cat_buf_zeroed(bytes, &keep, err);
		if (rc != CAT_OK) {
			cat_buf_unref(bits);
			return rc;
		}
		cat_bits_copy(keep->data, 0, mask->data, from, n);
		for (size_t i = 0; i < bytes; i++)
			bits->data[i] &= keep->data[i];
		cat_buf_unref(keep);
	}
	return add_own(o, bits, err);
}

/* --- columns --- */

static int add_fixed(struct ipc_out *o, const struct cat_column *c, struct cat_error *err)
{
	const size_t width = (size_t)cat_type_bytes(&c->type), size = (size_t)c->length * width;
	struct cat_buf *clean;

	if (cat_column_null_count(c) == 0)
		return add_buffer(o, c->data, (size_t)c->offset * width, size, err);
	CAT_TRY(cat_buf_copy(c->data->data + (size_t)c->offset * width, size, &clean, err));
	for (int64_t i = 0; i < c->length; i++)
		if (!cat_column_valid(c, i))
			memset(clean->data + (size_t)i * width, 0, width);
	return add_own(o, clean, err);
}

static int add_offsets(struct ipc_out *o, const struct cat_field *f, const struct cat_column *c, struct cat_error *err)
{
	const int32_t *from = cat_column_offsets(c);
	const size_t size = ((size_t)c->length + 1) * sizeof *from;
	struct cat_buf *based;

	if (f->large) {
		CAT_TRY(cat_buf_new(2 * size, &based, err));
		for (int64_t i = 0; i <= c->length; i++)
			((int64_t *)(void *)based->data)[i] = from[i] - from[0];
		return add_own(o, based, err);
	}
	if (from[0] == 0)
		return add_buffer(o, c->offsets, (size_t)c->offset * sizeof *from, size, err);
	CAT_TRY(cat_buf_new(size, &based, err));
	for (int64_t i = 0; i <= c->length; i++)
		((int32_t *)(void *)based->data)[i] = from[i] - from[0];
	return add_own(o, based, err);
}

static int add_column(struct ipc_out *o, const struct cat_field *f, const struct cat_column *c, struct cat_error *err);

static int add_body(struct ipc_out *o, const struct cat_field *f, const struct cat_column *c, struct cat_error *err)
{
	const int32_t *offsets = c->offsets ? cat_column_offsets(c) : NULL;
	struct cat_column *child;
	int rc;

	if (c->type.id == CAT_T_BOOL)
		return add_bits(o, c->data, c->validity, c->offset, c->length, err);
	if (!offsets && c->nchildren == 0)
		return c->type.id == CAT_T_STRUCT ? CAT_OK : add_fixed(o, c, err);
	if (offsets)
		CAT_TRY(add_offsets(o, f, c, err));
	if (cat_type_is_text(c->type.id))
		return add_buffer(o, c->data, (size_t)offsets[0], (size_t)(offsets[c->length] - offsets[0]), err);
	if (offsets) {
		CAT_TRY(cat_column_slice(c->children[0], offsets[0], offsets[c->length] - offsets[0], &child, err));
		rc = add_column(o, &f->children[0], child, err);
		cat_column_unref(child);
		return rc;
	}
	for (int i = 0; i < c->nchildren; i++)
		CAT_TRY(add_column(o, &f->children[i], c->children[i], err));
	return CAT_OK;
}

/* Whether something stands under C's nulls that zeroing values does not reach: text, list elements, children. */
static bool needs_cleaning(const struct cat_column *c)
{
	if (!c->validity || cat_column_null_count(c) == 0)
		return false;
	if (!c->offsets)
		return c->nchildren > 0;
	for (int64_t i = 0; i < c->length; i++)
		if (!cat_column_valid(c, i) && cat_column_offsets(c)[i + 1] != cat_column_offsets(c)[i])
			return true;
	return false;
}

static int clean(const struct cat_column *c, struct cat_column **out, struct cat_error *err)
{
	int32_t *rows = cat_malloc((size_t)c->length * sizeof *rows);
	int rc;

	if (!rows)
		return cat_fail_mem(err, (size_t)c->length * sizeof *rows);
	for (int64_t i = 0; i < c->length; i++)
		rows[i] = cat_column_valid(c, i) ? (int32_t)i : -1;
	rc = cat_take(c, rows, c->length, out, err);
	cat_free(rows);
	return rc;
}

/* F is what the schema has C as. */
static int add_column(struct ipc_out *o, const struct cat_field *f, const struct cat_column *c, struct cat_error *err)
{
	const int64_t nulls = cat_column_null_count(c);
	struct cat_column *cleaned = NULL;
	int rc = CAT_OK;

	if (cat_grow(&o->nodes, &o->nodes_cap, o->nnodes, sizeof *o->nodes) != 0)
		return cat_fail_mem(err, sizeof *o->nodes);
	o->nodes[o->nnodes++] = (struct node){c->length, nulls};
	if (c->type.id == CAT_T_NULL)
		return CAT_OK;
	if (needs_cleaning(c)) {
		CAT_TRY(clean(c, &cleaned, err));
		c = cleaned;
	}
	if (nulls)
		rc = add_bits(o, c->validity, NULL, c->offset, c->length, err);
	else
		rc = add_buffer(o, NULL, 0, 0, err);
	if (rc == CAT_OK)
		rc = add_body(o, f, c, err);
	cat_column_unref(cleaned);
	return rc;
}

/* --- one piece --- */

static int build_head(struct ipc_out *o, struct cat_buf **out, struct cat_error *err)
{
	struct cat_fbw w = {0};
	size_t nodes, buffers, compression = 0, header;

	nodes = cat_fbw_structs(&w, o->nodes, o->nnodes, sizeof *o->nodes);
	buffers = cat_fbw_structs(&w, o->places, o->nplaces, sizeof *o->places);
	if (o->codec != CAT_IPC_NONE) {
		cat_fbw_begin(&w);
		cat_fbw_int(&w, 0, 1, o->codec == CAT_IPC_ZSTD);
		compression = cat_fbw_end(&w);
	}
	cat_fbw_begin(&w);
	cat_fbw_int(&w, 0, 8, o->batch->nrows);
	cat_fbw_ref(&w, 1, nodes);
	cat_fbw_ref(&w, 2, buffers);
	cat_fbw_ref(&w, 3, compression);
	header = cat_fbw_end(&w);
	return cat_ipc_message_build(&w, CAT_IPC_H_BATCH, header, o->body_bytes, 0, out, err);
}

static int out_encode(struct cat_out *base, struct cat_error *err)
{
	struct ipc_out *o = (struct ipc_out *)base;

	CAT_TRY(add_piece(o, NULL, err));
	for (int i = 0; i < o->batch->ncols; i++)
		if (add_column(o, &o->schema->fields[i], o->batch->cols[i], err) != CAT_OK)
			return cat_wrap(err, "column %s", o->schema->fields[i].name);
	CAT_TRY(flush_small(o, err));
	return build_head(o, &base->bufs[0], err);
}

static void out_free(struct cat_out *base)
{
	struct ipc_out *o = (struct ipc_out *)base;

	for (size_t i = 0; i < base->nbufs; i++)
		cat_buf_unref(base->bufs[i]);
	cat_free(base->bufs);
	cat_buf_unref(o->small);
	cat_free(o->nodes);
	cat_free(o->places);
	ZSTD_freeCCtx(o->zstd);
	cat_batch_unref(o->batch);
	cat_schema_unref(o->schema);
	cat_free(o);
}

static const struct cat_out_ops out_ops = {out_encode, out_free};

/* --- the encoder --- */

/* Block of File.fbs. */
struct block {
	int64_t off_bytes;
	int32_t meta_len, zero;
	int64_t body_bytes;
};

struct ipc_encoder {
	struct cat_encoder base;
	struct cat_schema *schema;
	enum cat_ipc_form form;
	enum cat_ipc_codec codec;
	struct cat_batch *next; /* put, not yet pulled */
	struct block *blocks;
	size_t nblocks, blocks_cap;
};

static const char magic[8] = "ARROW1\0";
static const uint32_t eos[2] = {UINT32_MAX, 0};

static int encoder_put(struct cat_encoder *base, struct cat_batch *b, struct cat_error *err)
{
	struct ipc_encoder *e = (struct ipc_encoder *)base;

	return cat_encoder_hold(&e->next, e->schema, b, err);
}

static int encoder_pull(struct cat_encoder *base, bool last, struct cat_out **out, struct cat_error *err)
{
	struct ipc_encoder *e = (struct ipc_encoder *)base;
	struct ipc_out *o;

	(void)last;
	*out = NULL;
	if (!e->next)
		return CAT_OK;
	o = cat_calloc(1, sizeof *o);
	if (!o)
		return cat_fail_mem(err, sizeof *o);
	o->base.ops = &out_ops;
	o->codec = e->codec;
	o->schema = cat_schema_ref(e->schema);
	o->batch = e->next;
	e->next = NULL;
	*out = &o->base;
	return CAT_OK;
}

static int encoder_placed(struct cat_encoder *base, struct cat_out *out, int64_t off_bytes, struct cat_error *err)
{
	struct ipc_encoder *e = (struct ipc_encoder *)base;
	const struct ipc_out *o = (const struct ipc_out *)out;

	if (e->form == CAT_IPC_STREAM)
		return CAT_OK;
	if (cat_grow(&e->blocks, &e->blocks_cap, e->nblocks, sizeof *e->blocks) != 0)
		return cat_fail_mem(err, sizeof *e->blocks);
	e->blocks[e->nblocks++] = (struct block){off_bytes, (int32_t)out->bufs[0]->size, 0, o->body_bytes};
	return CAT_OK;
}

static int encoder_head(struct cat_encoder *base, struct cat_buf **out, struct cat_error *err)
{
	struct ipc_encoder *e = (struct ipc_encoder *)base;
	struct cat_fbw w = {0};
	struct cat_buf *message;
	size_t header;
	int rc;

	if (e->form == CAT_IPC_STREAM)
		return cat_ipc_schema_encode(e->schema, out, err);
	header = cat_ipc_schema_build(&w, e->schema);
	CAT_TRY(cat_ipc_message_build(&w, CAT_IPC_H_SCHEMA, header, 0, sizeof magic, &message, err));
	rc = cat_buf_new(sizeof magic + message->size, out, err);
	if (rc == CAT_OK) {
		memcpy((*out)->data, magic, sizeof magic);
		memcpy((*out)->data + sizeof magic, message->data, message->size);
	}
	cat_buf_unref(message);
	return rc;
}

/* End marker, footer, its length, magic. */
static int file_tail(struct ipc_encoder *e, struct cat_fbw *w, struct cat_buf **out, struct cat_error *err)
{
	const uint8_t *meta;
	size_t n, blocks, none, schema;
	uint32_t len;

	schema = cat_ipc_schema_build(w, e->schema);
	blocks = cat_fbw_structs(w, e->blocks, e->nblocks, sizeof *e->blocks);
	none = cat_fbw_structs(w, NULL, 0, sizeof *e->blocks);
	cat_fbw_begin(w);
	cat_fbw_ref(w, 1, schema);
	cat_fbw_ref(w, 2, none);
	cat_fbw_ref(w, 3, blocks);
	cat_fbw_int(w, 0, 2, 4);
	CAT_TRY(cat_fbw_finish(w, cat_fbw_end(w), &meta, &n, err));
	CAT_TRY(cat_buf_new(sizeof eos + n + 4 + 6, out, err));
	len = (uint32_t)n;
	memcpy((*out)->data, eos, sizeof eos);
	memcpy((*out)->data + sizeof eos, meta, n);
	memcpy((*out)->data + sizeof eos + n, &len, 4);
	memcpy((*out)->data + sizeof eos + n + 4, magic, 6);
	return CAT_OK;
}

static int encoder_tail(struct cat_encoder *base, int64_t size_bytes, struct cat_buf **out, struct cat_error *err)
{
	struct ipc_encoder *e = (struct ipc_encoder *)base;
	struct cat_fbw w = {0};
	int rc;

	(void)size_bytes;
	if (e->form == CAT_IPC_STREAM)
		return cat_buf_copy(eos, sizeof eos, out, err);
	rc = file_tail(e, &w, out, err);
	cat_fbw_fini(&w);
	return rc;
}

static void encoder_close(struct cat_encoder *base)
{
	struct ipc_encoder *e = (struct ipc_encoder *)base;

	cat_batch_unref(e->next);
	cat_schema_unref(e->schema);
	cat_free(e->blocks);
	cat_free(e);
}

static const struct cat_encoder_ops encoder_ops = {
	.put = encoder_put,
	.pull = encoder_pull,
	.placed = encoder_placed,
	.head = encoder_head,
	.tail = encoder_tail,
	.close = encoder_close,
};

int cat_ipc_encoder(struct cat_schema *s, enum cat_ipc_form form, enum cat_ipc_codec codec,
                    struct cat_encoder **out, struct cat_error *err)
{
	struct ipc_encoder *e = cat_calloc(1, sizeof *e);

	if (!e)
		return cat_fail_mem(err, sizeof *e);
	e->base.ops = &encoder_ops;
	e->schema = cat_schema_ref(s);
	e->form = form;
	e->codec = codec;
	*out = &e->base;
	return CAT_OK;
}
