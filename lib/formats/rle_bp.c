#include "formats/rle_bp.h"

#include <string.h>

#include "base/simd.h"
#include "columnar/batch.h"
#include "columnar/kernels.h"
#include "formats/varint.h"

/* With WIDTH known to the compiler eight values are eight shifts. */
static inline void unpack_width(const uint8_t *p, int width, uint32_t *out, int64_t n)
{
	const uint64_t mask = (UINT64_C(1) << width) - 1;
	int64_t i = 0;

	for (; i + 8 <= n; i += 8, p += width)
		for (int k = 0; k < 8; k++)
			out[i + k] = (uint32_t)(cat_bits_load(p + (k * width >> 3)) >> (k * width & 7) & mask);
	for (int k = 0; i < n; i++, k++)
		out[i] = (uint32_t)(cat_bits_load(p + (k * width >> 3)) >> (k * width & 7) & mask);
}

#define W(w)                                        \
	case w:                                     \
		unpack_width(p, w, out, n);         \
		break;
#define W8(w) W(w) W(w + 1) W(w + 2) W(w + 3) W(w + 4) W(w + 5) W(w + 6) W(w + 7)

static void unpack_aligned(const uint8_t *p, int width, uint32_t *out, int64_t n)
{
	switch (width) {
		W8(1) W8(9) W8(17) W8(25)
	default:
		memset(out, 0, (size_t)n * sizeof *out);
	}
}

void cat_bits_unpack(const uint8_t *p, int64_t first, int width, uint32_t *out, int64_t n)
{
	const uint64_t mask = (UINT64_C(1) << width) - 1;

	for (; n > 0 && (first & 7); first++, n--) {
		const int64_t bit = first * width;

		*out++ = (uint32_t)(cat_bits_load(p + (bit >> 3)) >> (bit & 7) & mask);
	}
	unpack_aligned(p + (first >> 3) * width, width, out, n);
}

void cat_rle_init(struct cat_rle *r, const uint8_t *p, size_t n, int width)
{
	memset(r, 0, sizeof *r);
	r->p = p;
	r->end = p + n;
	r->width = width;
}

/* Reads the header of the next run; false when there is none or it is wrong. */
static bool next_run(struct cat_rle *r)
{
	uint64_t h, count;

	if (!cat_varint_get(&r->p, r->end, &h) || h > UINT32_MAX)
		return false;
	count = h >> 1;
	if (count == 0)
		return false;
	if (h & 1) {
		const uint64_t have = (uint64_t)(r->end - r->p);
		uint64_t bytes = count * (uint64_t)r->width;

		count *= 8;
		if (bytes > have) { /* the last group may be cut short */
			bytes = have;
			count = have * 8 / (uint64_t)r->width;
			if (count == 0)
				return false;
		}
		r->packed = (int64_t)count;
		r->base = r->p;
		r->at = 0;
		r->p += bytes;
	} else {
		const size_t bytes = (size_t)(r->width + 7) / 8;

		if ((size_t)(r->end - r->p) < bytes)
			return false;
		r->value = 0;
		for (size_t i = 0; i < bytes; i++)
			r->value |= (uint32_t)r->p[i] << (8 * i);
		if (r->width < 32 && r->value >> r->width)
			return false;
		r->p += bytes;
		r->run = (int64_t)count;
	}
	return true;
}

/* How many of the next N values are of one kind (a run, or packed bits); 0 when the data is malformed or ends. */
static int64_t stretch(struct cat_rle *r, int64_t n)
{
	int64_t have;

	if (r->run == 0 && r->packed == 0 && !next_run(r))
		return 0;
	have = r->run ? r->run : r->packed;
	return have < n ? have : n;
}

static void advance(struct cat_rle *r, int64_t k)
{
	if (r->run) {
		r->run -= k;
	} else {
		r->packed -= k;
		r->at += k;
	}
}

bool cat_rle_u32(struct cat_rle *r, uint32_t *out, int64_t n)
{
	int64_t k;

	for (; n > 0 && (k = stretch(r, n)) > 0; out += k, n -= k) {
		if (!r->run)
			cat_bits_unpack(r->base, r->at, r->width, out, k);
		for (int64_t i = 0; r->run && i < k; i++)
			out[i] = r->value;
		advance(r, k);
	}
	return n == 0;
}

bool cat_rle_u8(struct cat_rle *r, uint8_t *out, int64_t n)
{
	uint32_t block[256];
	int64_t k;

	for (; n > 0 && (k = stretch(r, n)) > 0; out += k, n -= k) {
		if (r->run) {
			memset(out, (int)r->value, (size_t)k);
		} else {
			k = k < 256 ? k : 256;
			cat_bits_unpack(r->base, r->at, r->width, block, k);
			for (int64_t i = 0; i < k; i++)
				out[i] = (uint8_t)block[i];
		}
		advance(r, k);
	}
	return n == 0;
}

CAT_CLONES int64_t cat_bits_count(const uint8_t *bits, int64_t at, int64_t n)
{
	int64_t ones = 0;

	for (; n > 0 && (at & 7); at++, n--)
		ones += cat_bit_get(bits, at);
	for (; n >= 64; at += 64, n -= 64)
		ones += __builtin_popcountll(cat_bits_load(bits + (at >> 3)));
	for (; n > 0; at++, n--)
		ones += cat_bit_get(bits, at);
	return ones;
}

static void fill_bits(uint8_t *bits, int64_t at, int64_t n, bool one)
{
	for (; n > 0 && (at & 7); at++, n--)
		bits[at >> 3] = (uint8_t)((bits[at >> 3] & ~(1u << (at & 7))) | ((unsigned)one << (at & 7)));
	memset(bits + (at >> 3), one ? 0xff : 0, (size_t)(n >> 3));
	at += n & ~(int64_t)7;
	for (n &= 7; n > 0; at++, n--)
		bits[at >> 3] = (uint8_t)((bits[at >> 3] & ~(1u << (at & 7))) | ((unsigned)one << (at & 7)));
}

bool cat_rle_bits(struct cat_rle *r, uint8_t *bits, int64_t at, int64_t n, int64_t *ones)
{
	int64_t k;

	*ones = 0;
	for (; n > 0 && (k = stretch(r, n)) > 0; at += k, n -= k) {
		if (r->run)
			fill_bits(bits, at, k, r->value != 0);
		else
			cat_bits_copy(bits, at, r->base, r->at, k);
		*ones += r->run ? (r->value ? k : 0) : cat_bits_count(bits, at, k);
		advance(r, k);
	}
	return n == 0;
}

bool cat_rle_all(const struct cat_rle *r, uint32_t value, int64_t n)
{
	struct cat_rle peek = *r;

	if (peek.run == 0 && peek.packed == 0 && !next_run(&peek))
		return false;
	return peek.run >= n && peek.value == value;
}

/* --- writing --- */

void cat_rle_put_run(struct cat_text *out, uint32_t value, int64_t n, int width)
{
	char bytes[4];

	for (int i = 0; i < 4; i++)
		bytes[i] = (char)(value >> (8 * i));
	cat_varint_put(out, (uint64_t)n << 1);
	cat_text_addn(out, bytes, (size_t)(width + 7) / 8);
}

/* The header of N packed values, and room for them in whole groups of eight, all zeros; NULL: there is none, or none
 * is needed. */
static uint8_t *packed_room(struct cat_text *out, int64_t n, int width)
{
	const int64_t groups = (n + 7) / 8;
	char *to;

	if (n == 0)
		return NULL;
	cat_varint_put(out, (uint64_t)groups << 1 | 1);
	to = cat_text_room(out, (size_t)(groups * width));
	if (!to)
		return NULL;
	memset(to, 0, (size_t)(groups * width));
	out->len += (size_t)(groups * width);
	return (uint8_t *)to;
}

static void put_packed(struct cat_text *out, const uint32_t *v, int64_t n, int width)
{
	uint8_t *to = packed_room(out, n, width);
	uint64_t acc = 0;
	int bits = 0;

	for (int64_t i = 0; to && i < n; i++) {
		acc |= (uint64_t)v[i] << bits;
		for (bits += width; bits >= 8; bits -= 8, acc >>= 8)
			*to++ = (uint8_t)acc;
	}
	if (to && bits)
		*to = (uint8_t)acc;
}

void cat_rle_put(struct cat_text *out, const uint32_t *v, int64_t n, int width)
{
	int64_t from = 0, i = 0;

	while (i < n) {
		int64_t run = 1;

		while (i + run < n && v[i + run] == v[i])
			run++;
		if (run >= 8) {
			put_packed(out, v + from, i - from, width);
			cat_rle_put_run(out, v[i], run, width);
			i += run;
			from = i;
		} else {
			i = n - i < 8 ? n : i + 8;
		}
	}
	put_packed(out, v + from, n - from, width);
}

/* How many of the N bits from bit AT on are like the first. */
static int64_t run_of_bits(const uint8_t *bits, int64_t at, int64_t n)
{
	int64_t run = 0;

	/* A word at any bit holds 57 at least, and one above them stops the count. */
	while (run < n) {
		const int64_t i = at + run;
		const uint64_t word = cat_bits_load(bits + (i >> 3)) >> (i & 7);
		const uint64_t first = cat_bit_get(bits, at) ? ~UINT64_C(0) : 0;
		const int same = __builtin_ctzll((word ^ first) | UINT64_C(1) << 57);

		run += same;
		if (same < 57)
			break;
	}
	return run < n ? run : n;
}

static void put_packed_bits(struct cat_text *out, const uint8_t *bits, int64_t at, int64_t n)
{
	uint8_t *to = packed_room(out, n, 1);

	if (to)
		cat_bits_copy(to, 0, bits, at, n);
}

void cat_rle_put_bits(struct cat_text *out, const uint8_t *bits, int64_t at, int64_t n)
{
	int64_t from = 0, i = 0;

	while (i < n) {
		const int64_t run = run_of_bits(bits, at + i, n - i);

		if (run >= 8) {
			put_packed_bits(out, bits, at + from, i - from);
			cat_rle_put_run(out, cat_bit_get(bits, at + i), run, 1);
			i += run;
			from = i;
		} else {
			i = n - i < 8 ? n : i + 8;
		}
	}
	put_packed_bits(out, bits, at + from, n - from);
}
