#include "storage/inflate.h"

#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/alloc.h"

#define CHUNK ((size_t)256 << 10)
/* 15: the largest window; 16: with gzip's header and checksum. */
#define GZIP_WINDOW (15 + 16)
#define GZIP_LEVEL 6
#define GZIP_MEMORY 8
#define ZSTD_LEVEL 3

/* --- reading --- */

struct inflater {
	struct cat_reader base;
	struct cat_reader *inner;
	ZSTD_DCtx *zstd; /* NULL: gzip */
	z_stream gzip;
	bool gzip_ready;
	struct cat_buf *in; /* compressed bytes, from in_at on still to be used */
	size_t in_at;
	bool in_end;
	bool inside; /* a member or frame is begun and not ended */
	struct cat_buf *ahead; /* inflated bytes, from ahead_at on still to be given out */
	size_t ahead_at;
};

/* More compressed bytes, when there are none. */
static int feed(struct inflater *f, struct cat_error *err)
{
	if (f->in_end || (f->in && f->in_at < f->in->size))
		return CAT_OK;
	cat_buf_unref(f->in);
	f->in = NULL;
	f->in_at = 0;
	CAT_TRY(f->inner->ops->next(f->inner, CHUNK, &f->in, err));
	f->in_end = !f->in;
	return CAT_OK;
}

static int truncated(struct cat_error *err)
{
	return cat_fail(err, CAT_E_DATA, "truncated: the compressed data ends early");
}

static int step_zstd(struct inflater *f, uint8_t *to, size_t n, size_t *made, struct cat_error *err)
{
	ZSTD_inBuffer in = {f->in ? f->in->data + f->in_at : NULL, f->in ? f->in->size - f->in_at : 0, 0};
	ZSTD_outBuffer out = {to, n, 0};
	size_t left;

	*made = 0;
	if (f->in_end && !f->inside)
		return CAT_OK;
	left = ZSTD_decompressStream(f->zstd, &out, &in);
	if (ZSTD_isError(left))
		return cat_fail(err, CAT_E_DATA, "zstd: %s", ZSTD_getErrorName(left));
	f->in_at += in.pos;
	*made = out.pos;
	f->inside = left != 0;
	if (f->in_end && f->inside && out.pos == 0)
		return truncated(err);
	return CAT_OK;
}

/* Between members: another one, zero bytes as padding, or nothing may follow. */
static int next_member(struct inflater *f, struct cat_error *err)
{
	while (f->in && f->in_at < f->in->size && f->in->data[f->in_at] == 0)
		f->in_at++;
	if (!f->in || f->in_at == f->in->size)
		return CAT_OK;
	if (f->in->data[f->in_at] != 0x1f)
		return cat_fail(err, CAT_E_DATA, "data after the end of the gzip stream");
	inflateReset(&f->gzip);
	f->inside = true;
	return CAT_OK;
}

static int step_gzip(struct inflater *f, uint8_t *to, size_t n, size_t *made, struct cat_error *err)
{
	int rc;

	*made = 0;
	if (!f->inside)
		CAT_TRY(next_member(f, err));
	if (!f->inside)
		return CAT_OK;
	if (f->in_end)
		return truncated(err);
	f->gzip.next_in = f->in->data + f->in_at;
	f->gzip.avail_in = (uInt)(f->in->size - f->in_at);
	f->gzip.next_out = to;
	f->gzip.avail_out = (uInt)n;
	rc = inflate(&f->gzip, Z_NO_FLUSH);
	if (rc == Z_MEM_ERROR)
		return cat_fail_mem(err, n);
	if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
		return cat_fail(err, CAT_E_DATA, "gzip: %s", f->gzip.msg ? f->gzip.msg : "damaged data");
	f->in_at = f->in->size - f->gzip.avail_in;
	*made = n - f->gzip.avail_out;
	f->inside = rc != Z_STREAM_END;
	return CAT_OK;
}

/* At most N inflated bytes; *MADE 0 at the end. */
static int inflate_some(struct inflater *f, uint8_t *to, size_t n, size_t *made, struct cat_error *err)
{
	do {
		CAT_TRY(feed(f, err));
		CAT_TRY(f->zstd ? step_zstd(f, to, n, made, err) : step_gzip(f, to, n, made, err));
	} while (*made == 0 && !(f->in_end && !f->inside));
	return CAT_OK;
}

/* At least WANT inflated bytes ahead, or all there are. */
static int look_ahead(struct inflater *f, size_t want, struct cat_error *err)
{
	size_t have = f->ahead ? f->ahead->size - f->ahead_at : 0, made = 1;
	struct cat_buf *b = NULL;
	int rc;

	if (have >= want)
		return CAT_OK;
	rc = cat_buf_new(want > CHUNK ? want : CHUNK, &b, err);
	if (rc == CAT_OK && have)
		memcpy(b->data, f->ahead->data + f->ahead_at, have);
	for (; rc == CAT_OK && have < want && made; have += made)
		rc = inflate_some(f, b->data + have, b->capacity - have, &made, err);
	if (rc == CAT_OK)
		rc = cat_buf_resize(&b, have, err);
	if (rc != CAT_OK) {
		cat_buf_unref(b);
		return rc;
	}
	cat_buf_unref(f->ahead);
	f->ahead = b;
	f->ahead_at = 0;
	return CAT_OK;
}

static int inflater_peek(struct cat_reader *r, size_t max, struct cat_buf **out, struct cat_error *err)
{
	struct inflater *f = (struct inflater *)r;
	size_t have;

	CAT_TRY(look_ahead(f, max, err));
	have = f->ahead ? f->ahead->size - f->ahead_at : 0;
	if (!have)
		return cat_buf_new(0, out, err);
	return cat_buf_slice(f->ahead, f->ahead_at, have < max ? have : max, out, err);
}

static int inflater_next(struct cat_reader *r, size_t max, struct cat_buf **out, struct cat_error *err)
{
	struct inflater *f = (struct inflater *)r;
	size_t have;

	*out = NULL;
	CAT_TRY(look_ahead(f, 1, err));
	have = f->ahead->size - f->ahead_at;
	if (!have)
		return CAT_OK;
	CAT_TRY(cat_buf_slice(f->ahead, f->ahead_at, have < max ? have : max, out, err));
	f->ahead_at += (*out)->size;
	return CAT_OK;
}

static int inflater_submit(struct cat_reader *r, const struct cat_range *ranges, size_t n, struct cat_ticket **out,
                           struct cat_error *err)
{
	(void)r, (void)ranges, (void)n, (void)out;
	return cat_fail(err, CAT_E_BUG, "compressed input cannot be sought");
}

static int inflater_wait(struct cat_ticket *t, struct cat_buf **out, struct cat_error *err)
{
	(void)t, (void)out;
	return cat_fail(err, CAT_E_BUG, "compressed input cannot be sought");
}

static void inflater_close(struct cat_reader *r)
{
	struct inflater *f = (struct inflater *)r;

	if (f->gzip_ready)
		inflateEnd(&f->gzip);
	ZSTD_freeDCtx(f->zstd);
	cat_buf_unref(f->in);
	cat_buf_unref(f->ahead);
	cat_reader_close(f->inner);
	cat_free(f);
}

static const struct cat_reader_ops inflater_ops = {.submit = inflater_submit, .wait = inflater_wait, .next = inflater_next, .peek = inflater_peek, .close = inflater_close};

static int inflater_new(struct cat_reader *inner, bool zstd, struct cat_reader **out, struct cat_error *err)
{
	struct inflater *f = cat_calloc(1, sizeof *f);

	if (!f) {
		cat_reader_close(inner);
		return cat_fail_mem(err, sizeof *f);
	}
	f->base.ops = &inflater_ops;
	f->base.size = -1;
	f->base.name = inner->name;
	f->inner = inner;
	f->inside = true;
	if (zstd)
		f->zstd = ZSTD_createDCtx();
	else
		f->gzip_ready = inflateInit2(&f->gzip, GZIP_WINDOW) == Z_OK;
	if (!f->zstd && !f->gzip_ready) {
		inflater_close(&f->base);
		return cat_fail_mem(err, 0);
	}
	*out = &f->base;
	return CAT_OK;
}

int cat_reader_inflate(struct cat_reader *inner, struct cat_reader **out, struct cat_error *err)
{
	static const uint8_t gzip[] = {0x1f, 0x8b}, zstd[] = {0x28, 0xb5, 0x2f, 0xfd};
	struct cat_buf *b;
	int kind, rc = inner->ops->peek(inner, 4, &b, err);

	if (rc != CAT_OK) {
		cat_reader_close(inner);
		return rc;
	}
	kind = b->size >= 4 && memcmp(b->data, zstd, 4) == 0 ? 2 : b->size >= 2 && memcmp(b->data, gzip, 2) == 0;
	cat_buf_unref(b);
	if (kind)
		return inflater_new(inner, kind == 2, out, err);
	*out = inner;
	return CAT_OK;
}

/* --- writing --- */

struct deflater {
	struct cat_writer base;
	struct cat_writer *inner;
	ZSTD_CCtx *zstd; /* NULL: gzip */
	z_stream gzip;
	bool gzip_ready;
};

/* Compresses N bytes at P, or ends the stream when LAST, into TO. *DONE: nothing is left to be written. */
static int deflate_some(struct deflater *d, const uint8_t **p, size_t *n, bool last, struct cat_buf *to,
                        bool *done, struct cat_error *err)
{
	if (d->zstd) {
		ZSTD_inBuffer in = {*p, *n, 0};
		ZSTD_outBuffer out = {to->data, to->size, 0};
		const size_t left = ZSTD_compressStream2(d->zstd, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);

		if (ZSTD_isError(left))
			return cat_fail(err, CAT_E_SYSTEM, "zstd: %s", ZSTD_getErrorName(left));
		*p += in.pos;
		*n -= in.pos;
		to->size = out.pos;
		*done = last ? left == 0 : *n == 0;
	} else {
		const size_t most = *n < (1u << 30) ? *n : 1u << 30;
		int rc;

		/* zlib's interface lacks a const. */
		memcpy(&d->gzip.next_in, p, sizeof d->gzip.next_in);
		d->gzip.avail_in = (uInt)most;
		d->gzip.next_out = to->data;
		d->gzip.avail_out = (uInt)to->size;
		rc = deflate(&d->gzip, last ? Z_FINISH : Z_NO_FLUSH);
		if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
			return cat_fail(err, CAT_E_SYSTEM, "gzip: %s", d->gzip.msg ? d->gzip.msg : "cannot compress");
		*p += most - d->gzip.avail_in;
		*n -= most - d->gzip.avail_in;
		to->size -= d->gzip.avail_out;
		*done = last ? rc == Z_STREAM_END : *n == 0;
	}
	return CAT_OK;
}

static int deflate_all(struct deflater *d, const uint8_t *p, size_t n, bool last, struct cat_error *err)
{
	bool done = !last && n == 0;

	while (!done) {
		struct cat_buf *to;
		int rc;

		CAT_TRY(cat_buf_new(CHUNK, &to, err));
		rc = deflate_some(d, &p, &n, last, to, &done, err);
		if (rc == CAT_OK && to->size)
			rc = d->inner->ops->append(d->inner, &to, 1, err);
		cat_buf_unref(to);
		CAT_TRY(rc);
	}
	return CAT_OK;
}

static int deflater_append(struct cat_writer *w, struct cat_buf *const *bufs, size_t n, struct cat_error *err)
{
	for (size_t i = 0; i < n; i++)
		CAT_TRY(deflate_all((struct deflater *)w, bufs[i]->data, bufs[i]->size, false, err));
	return CAT_OK;
}

static int deflater_patch(struct cat_writer *w, int64_t off_bytes, const void *data, size_t len,
                          struct cat_error *err)
{
	(void)w, (void)off_bytes, (void)data, (void)len;
	return cat_fail(err, CAT_E_BUG, "compressed output cannot be patched");
}

static int deflater_commit(struct cat_writer *w, struct cat_error *err)
{
	struct deflater *d = (struct deflater *)w;
	static const uint8_t nothing;

	CAT_TRY(deflate_all(d, &nothing, 0, true, err));
	return d->inner->ops->commit(d->inner, err);
}

static void deflater_close(struct cat_writer *w)
{
	struct deflater *d = (struct deflater *)w;

	if (d->gzip_ready)
		deflateEnd(&d->gzip);
	ZSTD_freeCCtx(d->zstd);
	cat_writer_close(d->inner);
	cat_free(d);
}

static const struct cat_writer_ops deflater_ops = {deflater_append, deflater_patch, deflater_commit,
                                                   deflater_close};

int cat_writer_deflate(struct cat_writer *inner, enum cat_deflate how, struct cat_writer **out,
                       struct cat_error *err)
{
	struct deflater *d = cat_calloc(1, sizeof *d);

	if (!d) {
		cat_writer_close(inner);
		return cat_fail_mem(err, sizeof *d);
	}
	d->base.ops = &deflater_ops;
	d->base.name = inner->name;
	d->inner = inner;
	if (how == CAT_DEFLATE_ZSTD) {
		d->zstd = ZSTD_createCCtx();
		if (d->zstd)
			(void)ZSTD_CCtx_setParameter(d->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
		if (d->zstd)
			(void)ZSTD_CCtx_setParameter(d->zstd, ZSTD_c_checksumFlag, 1);
	} else {
		d->gzip_ready = deflateInit2(&d->gzip, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
		                             Z_DEFAULT_STRATEGY) == Z_OK;
	}
	if (!d->zstd && !d->gzip_ready) {
		deflater_close(&d->base);
		return cat_fail_mem(err, 0);
	}
	*out = &d->base;
	return CAT_OK;
}
