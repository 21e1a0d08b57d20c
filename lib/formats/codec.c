#include "formats/codec.h"

#include <brotli/decode.h>
#include <libdeflate.h>
#include <limits.h>
#include <lz4.h>
#include <lz4frame.h>
#include <snappy-c.h>
#include <stdbool.h>
#include <string.h>
#include <zstd.h>

static const char *const names[] = {
	[CAT_CODEC_NONE] = "none",     [CAT_CODEC_SNAPPY] = "snappy",   [CAT_CODEC_GZIP] = "gzip",
	[CAT_CODEC_LZO] = "lzo",       [CAT_CODEC_BROTLI] = "brotli",   [CAT_CODEC_LZ4] = "lz4",
	[CAT_CODEC_ZSTD] = "zstd",     [CAT_CODEC_LZ4_RAW] = "lz4_raw",
};

const char *cat_codec_name(int id)
{
	return id >= 0 && (size_t)id < sizeof names / sizeof *names ? names[id] : NULL;
}

void cat_codec_fini(struct cat_codec *c)
{
	ZSTD_freeDCtx(c->zstd_in);
	ZSTD_freeCCtx(c->zstd_out);
	if (c->inflate)
		libdeflate_free_decompressor(c->inflate);
	memset(c, 0, sizeof *c);
}

static bool from_snappy(const uint8_t *src, size_t n, uint8_t *dst, size_t size)
{
	size_t have;

	if (snappy_uncompressed_length((const char *)src, n, &have) != SNAPPY_OK || have != size)
		return false;
	return snappy_uncompress((const char *)src, n, (char *)dst, &have) == SNAPPY_OK && have == size;
}

/* gzip members one after the other, or one zlib stream. */
static bool from_gzip(struct libdeflate_decompressor *d, const uint8_t *src, size_t n, uint8_t *dst, size_t size)
{
	size_t got = 0;

	if (n >= 2 && src[0] != 0x1f && (src[0] & 0x0f) == 8)
		return libdeflate_zlib_decompress(d, src, n, dst, size, NULL) == LIBDEFLATE_SUCCESS;
	while (n > 0) {
		size_t used, out;

		if (libdeflate_gzip_decompress_ex(d, src, n, dst + got, size - got, &used, &out) !=
		    LIBDEFLATE_SUCCESS)
			return false;
		src += used;
		n -= used;
		got += out;
	}
	return got == size;
}

static bool lz4_block(const uint8_t *src, size_t n, uint8_t *dst, size_t size)
{
	return n <= INT_MAX && size <= INT_MAX &&
	       LZ4_decompress_safe((const char *)src, (char *)dst, (int)n, (int)size) == (int)size;
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Blocks each behind two big-endian sizes, raw and compressed, that add up exactly. */
static bool lz4_hadoop(const uint8_t *src, size_t n, uint8_t *dst, size_t size)
{
	size_t got = 0;

	while (n >= 8) {
		const size_t raw = be32(src), packed = be32(src + 4);

		if (packed > n - 8 || raw > size - got || !lz4_block(src + 8, packed, dst + got, raw))
			return false;
		src += 8 + packed;
		n -= 8 + packed;
		got += raw;
	}
	return n == 0 && got == size;
}

static bool lz4_frame(const uint8_t *src, size_t n, uint8_t *dst, size_t size)
{
	LZ4F_dctx *d;
	size_t used = n, out = size, rest;

	if (LZ4F_isError(LZ4F_createDecompressionContext(&d, LZ4F_VERSION)))
		return false;
	rest = LZ4F_decompress(d, dst, &out, src, &used, NULL);
	LZ4F_freeDecompressionContext(d);
	return rest == 0 && out == size && used == n;
}

static bool from_brotli(const uint8_t *src, size_t n, uint8_t *dst, size_t size)
{
	size_t out = size;

	return BrotliDecoderDecompress(n, src, &out, dst) == BROTLI_DECODER_RESULT_SUCCESS && out == size;
}

int cat_codec_decompress(struct cat_codec *c, int id, const void *src, size_t n, void *dst, size_t size,
                         struct cat_error *err)
{
	bool ok = false;

	switch (id) {
	case CAT_CODEC_NONE:
		ok = n == size;
		if (ok && n)
			memcpy(dst, src, n);
		break;
	case CAT_CODEC_SNAPPY:
		ok = from_snappy(src, n, dst, size);
		break;
	case CAT_CODEC_GZIP:
		if (!c->inflate && !(c->inflate = libdeflate_alloc_decompressor()))
			return cat_fail_mem(err, size);
		ok = from_gzip(c->inflate, src, n, dst, size);
		break;
	case CAT_CODEC_BROTLI:
		ok = from_brotli(src, n, dst, size);
		break;
	case CAT_CODEC_LZ4:
		ok = lz4_hadoop(src, n, dst, size) || lz4_block(src, n, dst, size) || lz4_frame(src, n, dst, size);
		break;
	case CAT_CODEC_ZSTD:
		if (!c->zstd_in && !(c->zstd_in = ZSTD_createDCtx()))
			return cat_fail_mem(err, size);
		ok = ZSTD_decompressDCtx(c->zstd_in, dst, size, src, n) == size;
		break;
	case CAT_CODEC_LZ4_RAW:
		ok = lz4_block(src, n, dst, size);
		break;
	default:
		return cat_fail(err, CAT_E_UNSUPPORTED, "compression codec %d (%s) is not supported", id,
		                cat_codec_name(id) ? cat_codec_name(id) : "unknown");
	}
	if (!ok)
		return cat_fail(err, CAT_E_DATA, "corrupt %s page: %zu bytes do not decompress to %zu",
		                cat_codec_name(id), n, size);
	return CAT_OK;
}

size_t cat_codec_zstd_bound(size_t size)
{
	return ZSTD_compressBound(size);
}

int cat_codec_zstd(struct cat_codec *c, int level, const void *src, size_t n, void *dst, size_t cap, size_t *out,
                   struct cat_error *err)
{
	size_t used;

	if (!c->zstd_out && !(c->zstd_out = ZSTD_createCCtx()))
		return cat_fail_mem(err, n);
	used = ZSTD_compressCCtx(c->zstd_out, dst, cap, src, n, level);
	if (ZSTD_isError(used))
		return cat_fail(err, CAT_E_SYSTEM, "zstd: %s", ZSTD_getErrorName(used));
	*out = used;
	return CAT_OK;
}
