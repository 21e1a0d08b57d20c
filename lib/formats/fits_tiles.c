#include "formats/fits_tiles.h"

#include <string.h>

#include "formats/codec.h"

/* Nothing unpacks to more than this many times its size: DEFLATE's limit is 1032, Rice's 205. */
#define RATIO 1100
#define SMALL ((size_t)64 << 10)

/* --- Rice: differences in blocks of 32 (section 10.4.1, with the parameters of CFITSIO's tables) --- */

#define RICE_BLOCK 32

struct bits {
	const uint8_t *p, *end;
	uint64_t word; /* the last HAVE bits of it are to come */
	int have;
	bool over;
};

static void fill(struct bits *b, int n)
{
	while (b->have < n) {
		b->over |= b->p == b->end;
		b->word = b->word << 8 | (b->p < b->end ? *b->p++ : 0);
		b->have += 8;
	}
}

static uint32_t take(struct bits *b, int n)
{
	fill(b, n);
	b->have -= n;
	return (uint32_t)(b->word >> b->have & ((UINT64_C(1) << n) - 1));
}

/* Zeros in front of the next one, which is taken too. */
static uint32_t take_zeros(struct bits *b)
{
	uint32_t n = 0;

	while (take(b, 1) == 0 && !b->over)
		n++;
	return n;
}

static uint32_t take_difference(struct bits *b, int split, int split_max, int width_bits)
{
	uint32_t d;

	if (split == split_max) {
		d = take(b, width_bits);
	} else {
		d = take_zeros(b) << split;
		d |= split ? take(b, split) : 0;
	}
	return d & 1 ? ~(d >> 1) : d >> 1;
}

static void put_number(uint8_t *dst, uint32_t v, int width)
{
	for (int i = 0; i < width; i++)
		dst[i] = (uint8_t)(v >> 8 * (width - 1 - i));
}

static bool unrice(const uint8_t *src, size_t n, uint8_t *dst, size_t count, int width)
{
	const int split_bits = width == 1 ? 3 : width == 2 ? 4 : 5, split_max = width == 1 ? 6 : width == 2 ? 14 : 25;
	struct bits b = {.p = src, .end = src + n};
	uint32_t last = take(&b, 8 * width);

	for (size_t i = 0; i < count && !b.over; i += RICE_BLOCK) {
		const size_t end = count - i < RICE_BLOCK ? count : i + RICE_BLOCK;
		const int split = (int)take(&b, split_bits) - 1;

		for (size_t k = i; k < end && !b.over; k++) {
			/* No split: all differences of the block are 0. */
			if (split >= 0)
				last += take_difference(&b, split, split_max, 8 * width);
			put_number(dst + k * (size_t)width, last, width);
		}
	}
	return !b.over;
}

/* --- --- */

/* The first bytes of all values, then the second ones, ...: back to values. */
static void unshuffle(const uint8_t *src, uint8_t *dst, size_t count, size_t width)
{
	for (size_t k = 0; k < width; k++)
		for (size_t i = 0; i < count; i++)
			dst[i * width + k] = src[k * count + i];
}

static int unzip(const struct cat_fits_column *c, const uint8_t *src, size_t n, struct cat_buf **buf,
                 struct cat_error *err)
{
	const size_t width = strchr("IJKED", c->form) ? (size_t)c->width : 1;
	struct cat_codec codec = {0};
	struct cat_buf *values;
	int rc = cat_codec_decompress(&codec, CAT_CODEC_GZIP, src, n, (*buf)->data, (*buf)->size, err);

	cat_codec_fini(&codec);
	if (rc != CAT_OK || c->codec == CAT_FITS_GZIP_1 || width == 1)
		return rc;
	CAT_TRY(cat_buf_new((*buf)->size, &values, err));
	unshuffle((*buf)->data, values->data, values->size / width, width);
	cat_buf_unref(*buf);
	*buf = values;
	return CAT_OK;
}

int cat_fits_untile(const struct cat_fits_column *c, const uint8_t *src, size_t n, int64_t nrows,
                    struct cat_buf **out, struct cat_error *err)
{
	struct cat_buf *b;
	int64_t size;
	int rc = CAT_OK;

	*out = NULL;
	if (__builtin_mul_overflow(nrows, c->bytes, &size) || (uint64_t)size > INT32_MAX ||
	    (size_t)size / RATIO > n + SMALL / RATIO)
		return cat_fail(err, CAT_E_DATA, "%zu compressed bytes for %lld rows of %lld", n, (long long)nrows,
		                (long long)c->bytes);
	CAT_TRY(cat_buf_new((size_t)size, &b, err));
	if (c->codec == CAT_FITS_NOCOMPRESS && n == b->size)
		memcpy(b->data, src, n);
	else if (c->codec == CAT_FITS_NOCOMPRESS)
		rc = cat_fail(err, CAT_E_DATA, "%zu bytes for %lld rows of %lld", n, (long long)nrows, (long long)c->bytes);
	else if (c->codec != CAT_FITS_RICE_1)
		rc = unzip(c, src, n, &b, err);
	else if (!unrice(src, n, b->data, b->size / (size_t)c->width, (int)c->width))
		rc = cat_fail(err, CAT_E_DATA, "Rice-compressed numbers that end early");
	if (rc != CAT_OK) {
		cat_buf_unref(b);
		return rc;
	}
	*out = b;
	return CAT_OK;
}
