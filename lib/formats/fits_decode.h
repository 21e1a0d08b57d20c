/* fits_decode -- cells of FITS tables to columns.
 *
 * Layer: formats, private to fits_*.c. Thread rule: any thread.
 */
#ifndef CAT_FORMATS_FITS_DECODE_H
#define CAT_FORMATS_FITS_DECODE_H

#include "columnar/batch.h"
#include "formats/fits_header.h"

/* Cells of one column: that of row i begins at DATA + i x STRIDE. */
struct cat_fits_cells {
	const uint8_t *data;
	int64_t stride;
	int64_t nrows;
	struct cat_reader *heap; /* of variable arrays */
	int64_t heap_off;        /* in the reader */
	int64_t heap_bytes;
};
/* F is the column's field. */
CAT_MUST_USE int cat_fits_decode(const struct cat_fits_column *c, const struct cat_field *f,
                                 const struct cat_fits_cells *cells, struct cat_column **out, struct cat_error *err);
/* The same for a column of an ASCII table. */
CAT_MUST_USE int cat_fits_decode_ascii(const struct cat_fits_column *c, const struct cat_field *f,
                                       const struct cat_fits_cells *cells, struct cat_column **out,
                                       struct cat_error *err);
/* One array descriptor, P or Q, as count and heap offset; CAT_E_DATA when its BYTES(count) do not lie in the heap:
 * the caller gives BITS per element. */
CAT_MUST_USE int cat_fits_descriptor(const uint8_t *p, char array, int64_t bits, int64_t heap_bytes, int64_t *count,
                                     int64_t *off_bytes, struct cat_error *err);
/* Text without what FITS pads it with: the bytes in front of a NUL and of trailing blanks. */
size_t cat_fits_text_len(const uint8_t *s, size_t n);

static inline uint16_t cat_fits_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}
static inline uint32_t cat_fits_get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline uint64_t cat_fits_get64(const uint8_t *p)
{
	return (uint64_t)cat_fits_get32(p) << 32 | cat_fits_get32(p + 4);
}

#endif
