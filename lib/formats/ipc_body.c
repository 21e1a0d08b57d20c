#include "formats/ipc_body.h"

#include <lz4frame.h>
#include <string.h>
#include <zstd.h>

#include "base/alloc.h"

/* No buffer inflates to more than this, nor by more than this factor. */
#define MAX_INFLATED (1 << 30)
#define MAX_RATIO 4096
#define RATIO_SLACK (64 << 10)

int cat_ipc_walk_init(struct cat_ipc_walk *w, const struct cat_ipc_decode *in, struct cat_error *err)
{
	const struct cat_fb_table *batch = in->batch;
	struct cat_fb_table compression;

	memset(w, 0, sizeof *w);
	w->in = in;
	w->codec = -1;
	cat_fb_vec(batch, 1, 16, &w->nodes);
	cat_fb_vec(batch, 2, 16, &w->buffers);
	cat_fb_vec(batch, 4, 8, &w->variadic);
	if (cat_fb_sub(batch, 3, &compression)) {
		w->codec = (int)cat_fb_int(&compression, 0, 1, 0);
		if (w->codec != 0 && w->codec != 1)
			return cat_fail(err, CAT_E_UNSUPPORTED, "body compression codec %d is not supported", w->codec);
		if (cat_fb_int(&compression, 1, 1, 0) != 0)
			return cat_fail(err, CAT_E_UNSUPPORTED, "body compression method other than by buffer");
	}
	if (batch->fb->bad)
		return cat_fail(err, CAT_E_DATA, "%s", batch->fb->bad);
	return CAT_OK;
}

void cat_ipc_walk_fini(struct cat_ipc_walk *w)
{
	ZSTD_freeDCtx(w->zstd);
	if (w->lz4)
		LZ4F_freeDecompressionContext(w->lz4);
}

int cat_ipc_walk_node(struct cat_ipc_walk *w, int64_t *length, int64_t *nulls, struct cat_error *err)
{
	if (w->node >= w->nodes.count)
		return cat_fail(err, CAT_E_DATA, "the batch describes fewer columns than the schema");
	*length = cat_fb_vec_i64(&w->nodes, w->node, 16, 0);
	*nulls = cat_fb_vec_i64(&w->nodes, w->node, 16, 8);
	w->node++;
	if (*length < 0 || *length > INT32_MAX)
		return cat_fail(err, CAT_E_DATA, "impossible length %lld", (long long)*length);
	if (*nulls < -1 || *nulls > *length)
		return cat_fail(err, CAT_E_DATA, "impossible null count %lld", (long long)*nulls);
	return CAT_OK;
}

int cat_ipc_walk_views(struct cat_ipc_walk *w, int64_t *n, struct cat_error *err)
{
	if (w->view >= w->variadic.count)
		return cat_fail(err, CAT_E_DATA, "the batch has fewer view buffer counts than view columns");
	*n = cat_fb_vec_i64(&w->variadic, w->view++, 8, 0);
	if (*n < 0 || (uint64_t)*n > w->buffers.count - w->buffer)
		return cat_fail(err, CAT_E_DATA, "impossible number of view buffers %lld", (long long)*n);
	return CAT_OK;
}

int cat_ipc_walk_place(struct cat_ipc_walk *w, int64_t *off_bytes, int64_t *len, struct cat_error *err)
{
	if (w->buffer >= w->buffers.count)
		return cat_fail(err, CAT_E_DATA, "the batch has fewer buffers than its columns need");
	*off_bytes = cat_fb_vec_i64(&w->buffers, w->buffer, 16, 0);
	*len = cat_fb_vec_i64(&w->buffers, w->buffer, 16, 8);
	w->buffer++;
	if (*off_bytes < 0 || *len < 0 || *len > w->in->body_bytes || *off_bytes > w->in->body_bytes - *len)
		return cat_fail(err, CAT_E_DATA, "a buffer beyond the message body");
	return CAT_OK;
}

/* The piece that holds [off, off+len); callers read ranges that contain every buffer they walk over. */
static const struct cat_ipc_piece *find_piece(const struct cat_ipc_body *body, int64_t off, int64_t len)
{
	int lo = 0, hi = body->n;

	while (hi - lo > 1) {
		const int mid = lo + (hi - lo) / 2;

		if (body->pieces[mid].off_bytes <= off)
			lo = mid;
		else
			hi = mid;
	}
	if (lo < body->n && body->pieces[lo].off_bytes <= off &&
	    off + len <= body->pieces[lo].off_bytes + (int64_t)body->pieces[lo].buf->size)
		return &body->pieces[lo];
	return NULL;
}

static int inflate_zstd(struct cat_ipc_walk *w, const uint8_t *src, size_t n, struct cat_buf *to,
                        struct cat_error *err)
{
	const size_t frame = ZSTD_findFrameCompressedSize(src, n);
	size_t got;

	if (!w->zstd && !(w->zstd = ZSTD_createDCtx()))
		return cat_fail_mem(err, 0);
	/* What follows the frame is padding. */
	got = ZSTD_isError(frame) ? frame : ZSTD_decompressDCtx(w->zstd, to->data, to->size, src, frame);
	if (ZSTD_isError(got))
		return cat_fail(err, CAT_E_DATA, "zstd: %s", ZSTD_getErrorName(got));
	if (got != to->size)
		return cat_fail(err, CAT_E_DATA, "zstd: %zu bytes where %zu were declared", got, to->size);
	return CAT_OK;
}

static int inflate_lz4(struct cat_ipc_walk *w, const uint8_t *src, size_t n, struct cat_buf *to,
                       struct cat_error *err)
{
	LZ4F_dctx *ctx = w->lz4;
	size_t in = 0, out = 0, hint = 1;

	if (!ctx) {
		if (LZ4F_isError(LZ4F_createDecompressionContext(&ctx, LZ4F_VERSION)))
			return cat_fail_mem(err, 0);
		w->lz4 = ctx;
	}
	LZ4F_resetDecompressionContext(ctx);
	while (hint) {
		size_t nout = to->size - out, nin = n - in;

		hint = LZ4F_decompress(ctx, to->data + out, &nout, src + in, &nin, NULL);
		if (LZ4F_isError(hint))
			return cat_fail(err, CAT_E_DATA, "lz4: %s", LZ4F_getErrorName(hint));
		in += nin;
		out += nout;
		if (hint && nin == 0 && nout == 0)
			return cat_fail(err, CAT_E_DATA, "lz4: truncated, or more than the %zu bytes declared", to->size);
	}
	if (out != to->size)
		return cat_fail(err, CAT_E_DATA, "lz4: %zu bytes where %zu were declared", out, to->size);
	return CAT_OK;
}

/* RAW is a compressed buffer: an int64 with the inflated size, then one frame. */
static int inflate(struct cat_ipc_walk *w, struct cat_buf *raw, size_t need, struct cat_buf **out,
                   struct cat_error *err)
{
	int64_t size;
	int rc;

	if (raw->size < 8)
		return cat_fail(err, CAT_E_DATA, "a compressed buffer of %zu bytes", raw->size);
	memcpy(&size, raw->data, 8);
	if (size == -1)
		return cat_buf_slice(raw, 8, raw->size - 8, out, err);
	if (size < 0 || size > MAX_INFLATED || (uint64_t)size > (uint64_t)raw->size * MAX_RATIO + RATIO_SLACK ||
	    (need && (uint64_t)size > (uint64_t)need * 2 + RATIO_SLACK))
		return cat_fail(err, CAT_E_DATA, "a buffer of %zu bytes says it inflates to %lld", raw->size,
		                (long long)size);
	CAT_TRY(cat_buf_new((size_t)size, out, err));
	rc = w->codec == 1 ? inflate_zstd(w, raw->data + 8, raw->size - 8, *out, err)
	                   : inflate_lz4(w, raw->data + 8, raw->size - 8, *out, err);
	if (rc != CAT_OK)
		cat_buf_unref(*out);
	return rc;
}

void cat_ipc_swap(uint8_t *p, size_t n, int width)
{
	for (; n > 0; n--, p += width)
		for (int i = 0; i < width / 2; i++) {
			const uint8_t t = p[i];

			p[i] = p[width - 1 - i];
			p[width - 1 - i] = t;
		}
}

int cat_ipc_walk_buffer(struct cat_ipc_walk *w, size_t min, size_t need, int width, struct cat_buf **out,
                        struct cat_error *err)
{
	const struct cat_ipc_piece *piece;
	const bool swap = width > 1 && w->in->plan->big_endian;
	int64_t off, len;
	struct cat_buf *b;
	int rc;

	CAT_TRY(cat_ipc_walk_place(w, &off, &len, err));
	piece = len ? find_piece(w->in->body, off, len) : NULL;
	if (len && !piece)
		return cat_fail(err, CAT_E_DATA, "a buffer beyond the message body");
	rc = len ? cat_buf_slice(piece->buf, (size_t)(off - piece->off_bytes), (size_t)len, &b, err)
	         : cat_buf_new(0, &b, err);
	if (rc == CAT_OK && len && w->codec >= 0) {
		struct cat_buf *raw = b;

		rc = inflate(w, raw, need, &b, err);
		cat_buf_unref(raw);
	}
	if (rc != CAT_OK)
		return rc;
	if (b->size < min) {
		rc = cat_fail(err, CAT_E_DATA, "a buffer of %zu bytes where at least %zu are needed", b->size, min);
	} else if (swap || ((uintptr_t)b->data & 7)) {
		struct cat_buf *from = b;

		rc = cat_buf_copy(from->data, from->size, &b, err);
		cat_buf_unref(from);
		if (rc != CAT_OK)
			return rc;
		if (swap)
			cat_ipc_swap(b->data, b->size / (size_t)width, width);
	}
	if (rc != CAT_OK) {
		cat_buf_unref(b);
		return rc;
	}
	*out = b;
	return CAT_OK;
}

int cat_ipc_walk_end(const struct cat_ipc_walk *w, struct cat_error *err)
{
	if (w->node != w->nodes.count || w->buffer != w->buffers.count || w->view != w->variadic.count)
		return cat_fail(err, CAT_E_DATA, "the batch describes more columns or buffers than the schema has");
	return CAT_OK;
}
