/* fits_tiles -- the columns of tile-compressed tables (FITS standard 4.0, section 10.3).
 *
 * Layer: formats, private to fits_*.c. Thread rule: any thread.
 */
#ifndef CAT_FORMATS_FITS_TILES_H
#define CAT_FORMATS_FITS_TILES_H

#include "base/buf.h"
#include "formats/fits_header.h"

/* NROWS cells of column C, one after the other as they stood in the rows. */
CAT_MUST_USE int cat_fits_untile(const struct cat_fits_column *c, const uint8_t *src, size_t n, int64_t nrows,
                                 struct cat_buf **out, struct cat_error *err);

#endif
