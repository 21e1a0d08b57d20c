/* varint -- numbers of seven bits a byte, least significant first, and zigzag signs, as Thrift and Parquet use
 * them.
 *
 * Layer: formats. Source: Apache Thrift, "Thrift Compact protocol encoding"; parquet-format Encodings.md
 * (ULEB128).
 */
#ifndef CAT_FORMATS_VARINT_H
#define CAT_FORMATS_VARINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/* Moves *P behind the number; false when END comes first or it has more than 64 bits. */
static inline bool cat_varint_get(const uint8_t **p, const uint8_t *end, uint64_t *v)
{
	*v = 0;
	for (int shift = 0; shift < 64 && *p < end; shift += 7) {
		const uint8_t b = *(*p)++;

		*v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return true;
	}
	return false;
}

static inline void cat_varint_put(struct cat_text *to, uint64_t v)
{
	char out[10];
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		out[n++] = (char)(v | 0x80);
	out[n++] = (char)v;
	cat_text_addn(to, out, n);
}

static inline uint64_t cat_zigzag(int64_t v)
{
	return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

static inline int64_t cat_unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1 ^ -(v & 1));
}

#endif
