/* codec -- page compression of Parquet.
 *
 * Layer: formats. Sizes are known beforehand: decompression gives exactly the bytes declared or fails.
 * Source: parquet-format Compression.md.
 * Thread rule: a codec (reusable contexts) belongs to one thread at a time.
 */
#ifndef CAT_FORMATS_CODEC_H
#define CAT_FORMATS_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum cat_codec_id {
	CAT_CODEC_NONE,
	CAT_CODEC_SNAPPY,
	CAT_CODEC_GZIP,
	CAT_CODEC_LZO,
	CAT_CODEC_BROTLI,
	CAT_CODEC_LZ4, /* deprecated: Hadoop's framing, or a raw block, or an LZ4 frame */
	CAT_CODEC_ZSTD,
	CAT_CODEC_LZ4_RAW
};

struct cat_codec {
	void *zstd_in;  /* ZSTD_DCtx */
	void *zstd_out; /* ZSTD_CCtx */
	void *inflate;  /* libdeflate_decompressor */
};
void cat_codec_fini(struct cat_codec *c); /* zero-initialised is valid */

/* "zstd", ... or NULL when there is no such codec. */
const char *cat_codec_name(int id);
/* SRC[0,n) to exactly SIZE bytes at DST. CAT_E_DATA when they do not come out, CAT_E_UNSUPPORTED for LZO and
 * codecs without a name. */
CAT_MUST_USE int cat_codec_decompress(struct cat_codec *c, int id, const void *src, size_t n, void *dst,
                                      size_t size, struct cat_error *err);
/* Bytes that cat_codec_zstd may need for SIZE bytes. */
size_t cat_codec_zstd_bound(size_t size);
/* One zstd frame of LEVEL; *OUT is how many of CAP bytes were used. */
CAT_MUST_USE int cat_codec_zstd(struct cat_codec *c, int level, const void *src, size_t n, void *dst, size_t cap,
                                size_t *out, struct cat_error *err);

#endif
