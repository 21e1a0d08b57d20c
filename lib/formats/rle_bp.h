/* rle_bp -- Parquet's hybrid of run lengths and bit packing, and plain bit packing under it.
 *
 * Layer: formats. Source: parquet-format Encodings.md, "Run Length Encoding / Bit-Packing Hybrid".
 * Input must be readable for 64 bytes behind its end (every cat_buf is), so that words can be loaded whole.
 * Thread rule: one decoder belongs to one thread.
 */
#ifndef CAT_FORMATS_RLE_BP_H
#define CAT_FORMATS_RLE_BP_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

/* Eight bytes as a number. */
static inline uint64_t cat_bits_load(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return v;
}
/* N values of WIDTH bits (0 to 32), LSB first, from bit FIRST x WIDTH of P on. */
void cat_bits_unpack(const uint8_t *p, int64_t first, int width, uint32_t *out, int64_t n);
/* Bits needed for values up to MAX. */
static inline int cat_bits_width(uint64_t max)
{
	return max ? 64 - __builtin_clzll(max) : 0;
}

struct cat_rle {
	const uint8_t *p;
	const uint8_t *end;
	int width;
	uint32_t value;  /* of the current run */
	int64_t run;     /* values left in it */
	int64_t packed;  /* values left in the current packed stretch */
	int64_t at;      /* values taken from it; it begins at base */
	const uint8_t *base;
};
/* P[0,n) holds values of WIDTH bits, 0 to 32. */
void cat_rle_init(struct cat_rle *r, const uint8_t *p, size_t n, int width);
/* Exactly N values; false when the data is malformed or ends early. */
CAT_MUST_USE bool cat_rle_u32(struct cat_rle *r, uint32_t *out, int64_t n);
/* The same for widths up to 8. */
CAT_MUST_USE bool cat_rle_u8(struct cat_rle *r, uint8_t *out, int64_t n);
/* How many of the N bits of BITS from bit AT on are set. */
int64_t cat_bits_count(const uint8_t *bits, int64_t at, int64_t n);
/* Width 1: N bits to BITS from bit AT on; *ONES is how many are set. */
CAT_MUST_USE bool cat_rle_bits(struct cat_rle *r, uint8_t *bits, int64_t at, int64_t n, int64_t *ones);
/* The next N values are one run of VALUE (an early no is possible); nothing is consumed. */
bool cat_rle_all(const struct cat_rle *r, uint32_t value, int64_t n);

/* Appends V[0,n) of WIDTH bits (1 to 32). */
void cat_rle_put(struct cat_text *out, const uint32_t *v, int64_t n, int width);
/* The same of N bits of width 1, BITS from bit AT on; 8 bytes behind them can be read. */
void cat_rle_put_bits(struct cat_text *out, const uint8_t *bits, int64_t at, int64_t n);
/* Appends one run. */
void cat_rle_put_run(struct cat_text *out, uint32_t value, int64_t n, int width);

#endif
