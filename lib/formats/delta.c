#include "formats/delta.h"

#include <string.h>

#include "formats/rle_bp.h"
#include "formats/varint.h"

#define BLOCK 128
#define MINI 32
#define BLOCK_MAX (1 << 20)

/* K differences of WIDTH bits at P, MIN more each, added up from LAST; gives the last sum. */
static inline uint64_t add_up(const uint8_t *p, int width, uint64_t min, uint64_t last, uint64_t *out, int64_t k)
{
	const uint64_t mask = width == 64 ? ~UINT64_C(0) : (UINT64_C(1) << width) - 1;

	if (width == 0) {
		for (int64_t i = 0; i < k; i++)
			out[i] = last += min;
		return last;
	}
	for (int64_t i = 0; i < k; i++) {
		const int64_t bit = i * width;
		const int shift = (int)(bit & 7);
		uint64_t v = cat_bits_load(p + (bit >> 3)) >> shift;

		if (width > 56 && shift)
			v |= (uint64_t)p[(bit >> 3) + 8] << (64 - shift);
		out[i] = last += (v & mask) + min;
	}
	return last;
}

struct header {
	uint64_t block, mini, last;
};

static bool read_header(const uint8_t **p, const uint8_t *end, int64_t n, struct header *h)
{
	uint64_t minis, count;

	if (!cat_varint_get(p, end, &h->block) || !cat_varint_get(p, end, &minis) ||
	    !cat_varint_get(p, end, &count) || !cat_varint_get(p, end, &h->last))
		return false;
	if (h->block == 0 || h->block > BLOCK_MAX || h->block % 128 || minis == 0 || minis > h->block / 32 ||
	    h->block % minis || (h->block / minis) % 32 || count != (uint64_t)n)
		return false;
	h->mini = h->block / minis;
	h->last = (uint64_t)cat_unzigzag(h->last);
	return true;
}

/* Values go to OUT64, or their low halves to OUT32. */
static bool decode(const uint8_t **p, const uint8_t *end, int64_t *out64, int32_t *out32, int64_t n)
{
	struct header h;
	uint64_t part[MINI], min;
	int64_t done = 1;

	if (!read_header(p, end, n, &h))
		return false;
	if (n == 0)
		return true;
	if (out64)
		out64[0] = (int64_t)h.last;
	else
		out32[0] = (int32_t)h.last;
	while (done < n) {
		const uint8_t *widths;

		if (!cat_varint_get(p, end, &min) || (uint64_t)(end - *p) < h.block / h.mini)
			return false;
		min = (uint64_t)cat_unzigzag(min);
		widths = *p;
		*p += h.block / h.mini;
		for (uint64_t m = 0; m < h.block / h.mini && done < n; m++) {
			const int width = widths[m];
			const uint64_t full = h.mini / 8 * (uint64_t)width, have = (uint64_t)(end - *p);
			const int64_t want = n - done < (int64_t)h.mini ? n - done : (int64_t)h.mini;

			/* The last miniblock may lack its unused end. */
			if (width > (out64 ? 64 : 32) || have < ((uint64_t)want * (uint64_t)width + 7) / 8)
				return false;
			for (int64_t i = 0; i < want; i += MINI) {
				const int64_t k = want - i < MINI ? want - i : MINI;
				const uint8_t *at = *p + i / 8 * width;

				if (out64) {
					h.last = add_up(at, width, min, h.last,
					                (uint64_t *)(void *)(out64 + done + i), k);
				} else {
					h.last = add_up(at, width, min, h.last, part, k);
					for (int64_t j = 0; j < k; j++)
						out32[done + i + j] = (int32_t)part[j];
				}
			}
			done += want;
			*p += full < have ? full : have;
		}
	}
	return true;
}

bool cat_delta_i64(const uint8_t **p, const uint8_t *end, int64_t *out, int64_t n)
{
	return decode(p, end, out, NULL, n);
}

bool cat_delta_i32(const uint8_t **p, const uint8_t *end, int32_t *out, int64_t n)
{
	return decode(p, end, NULL, out, n);
}

/* --- writing --- */

/* 32 values of WIDTH bits; TO has room for four times WIDTH bytes and eight more. */
static void pack_mini(const uint64_t *v, int width, uint8_t *to)
{
	uint64_t acc = 0;
	int bits = 0;

	for (int i = 0; i < MINI; i++) {
		acc |= v[i] << bits;
		if (bits + width >= 64) {
			memcpy(to, &acc, 8);
			to += 8;
			acc = bits ? v[i] >> (64 - bits) : 0;
			bits += width - 64;
			if (bits == 0)
				acc = 0;
		} else {
			bits += width;
		}
	}
	if (bits)
		memcpy(to, &acc, 8);
}

/* One block: K deltas (at most 128), the rest is filled up with the smallest. */
static void put_block(struct cat_text *out, const int64_t *delta, int64_t k)
{
	uint64_t v[BLOCK];
	int64_t min = delta[0];
	uint8_t *to;
	char widths[BLOCK / MINI];
	size_t bytes = 0;

	for (int64_t i = 1; i < k; i++)
		min = delta[i] < min ? delta[i] : min;
	for (int64_t i = 0; i < k; i++)
		v[i] = (uint64_t)delta[i] - (uint64_t)min;
	for (int64_t i = k; i < BLOCK; i++)
		v[i] = 0;
	for (int m = 0; m < BLOCK / MINI; m++) {
		uint64_t all = 0;

		for (int i = 0; i < MINI; i++)
			all |= v[m * MINI + i];
		widths[m] = (char)cat_bits_width(all);
		bytes += (size_t)widths[m] * (MINI / 8);
	}
	cat_varint_put(out, cat_zigzag(min));
	cat_text_addn(out, widths, sizeof widths);
	to = (uint8_t *)cat_text_room(out, bytes + 8);
	if (!to)
		return;
	for (int m = 0; m < BLOCK / MINI && m * MINI < k; m++) {
		pack_mini(v + m * MINI, widths[m], to);
		to += widths[m] * (MINI / 8);
		out->len += (size_t)widths[m] * (MINI / 8);
	}
}

static void put_header(struct cat_text *out, int64_t n, int64_t first)
{
	cat_varint_put(out, BLOCK);
	cat_varint_put(out, BLOCK / MINI);
	cat_varint_put(out, (uint64_t)n);
	cat_varint_put(out, cat_zigzag(first));
}

/* Differences wrap in the type's own width, so that they never need more bits than it has. */
#define PUT(T, U)                                                                      \
	do {                                                                           \
		int64_t delta[BLOCK];                                                  \
		put_header(out, n, n ? (int64_t)v[0] : 0);                             \
		for (int64_t i = 1; i < n; i += BLOCK) {                               \
			const int64_t k = n - i < BLOCK ? n - i : BLOCK;               \
			for (int64_t j = 0; j < k; j++)                                \
				delta[j] = (T)((U)v[i + j] - (U)v[i + j - 1]);         \
			put_block(out, delta, k);                                      \
		}                                                                      \
	} while (0)

void cat_delta_put_i64(struct cat_text *out, const int64_t *v, int64_t n)
{
	PUT(int64_t, uint64_t);
}

void cat_delta_put_i32(struct cat_text *out, const int32_t *v, int64_t n)
{
	PUT(int32_t, uint32_t);
}

/* --- byte streams --- */

/* The streams are told apart by constants, so that the compiler turns the loop into shuffles. */
static void read4(const uint8_t *s, uint8_t *flat, int64_t n)
{
	for (int64_t i = 0; i < n; i++) {
		const uint32_t v = (uint32_t)s[i] | (uint32_t)s[n + i] << 8 | (uint32_t)s[2 * n + i] << 16 |
		                   (uint32_t)s[3 * n + i] << 24;

		memcpy(flat + 4 * i, &v, sizeof v);
	}
}

static void read8(const uint8_t *s, uint8_t *flat, int64_t n)
{
	for (int64_t i = 0; i < n; i++) {
		const uint32_t lo = (uint32_t)s[i] | (uint32_t)s[n + i] << 8 | (uint32_t)s[2 * n + i] << 16 |
		                    (uint32_t)s[3 * n + i] << 24;
		const uint32_t hi = (uint32_t)s[4 * n + i] | (uint32_t)s[5 * n + i] << 8 |
		                    (uint32_t)s[6 * n + i] << 16 | (uint32_t)s[7 * n + i] << 24;
		const uint64_t v = (uint64_t)hi << 32 | lo;

		memcpy(flat + 8 * i, &v, sizeof v);
	}
}

void cat_split_read(const uint8_t *split, uint8_t *flat, int64_t n, int width)
{
	if (width == 4) {
		read4(split, flat, n);
	} else if (width == 8) {
		read8(split, flat, n);
	} else {
		for (int k = 0; k < width; k++)
			for (int64_t i = 0; i < n; i++)
				flat[i * width + k] = split[k * n + i];
	}
}

/* Likewise: each value is loaded whole, and its bytes go to the streams by narrowing many at once. */
static void write4(const uint8_t *restrict flat, uint8_t *restrict s, int64_t n)
{
	for (int64_t i = 0; i < n; i++) {
		uint32_t v;

		memcpy(&v, flat + 4 * i, sizeof v);
		for (int k = 0; k < 4; k++)
			s[k * n + i] = (uint8_t)(v >> 8 * k);
	}
}

static void write8(const uint8_t *restrict flat, uint8_t *restrict s, int64_t n)
{
	for (int64_t i = 0; i < n; i++) {
		uint64_t v;

		memcpy(&v, flat + 8 * i, sizeof v);
		for (int k = 0; k < 8; k++)
			s[k * n + i] = (uint8_t)(v >> 8 * k);
	}
}

void cat_split_write(const uint8_t *flat, uint8_t *split, int64_t n, int width)
{
	if (width == 4) {
		write4(flat, split, n);
	} else if (width == 8) {
		write8(flat, split, n);
	} else {
		for (int k = 0; k < width; k++)
			for (int64_t i = 0; i < n; i++)
				split[k * n + i] = flat[i * width + k];
	}
}
