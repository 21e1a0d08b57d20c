/* fits_columns -- the keywords of columns, and the types they make.
 *
 * Layer: formats, private to fits_*.c.
 */
#ifndef CAT_FORMATS_FITS_COLUMNS_H
#define CAT_FORMATS_FITS_COLUMNS_H

#include "formats/fits_card.h"
#include "formats/fits_header.h"

/* Fills schema, columns, heap and tiles of T, whose kind, row_bytes, stored_rows, heap_off (the end of the rows)
 * and heap_bytes (PCOUNT) are set. Every column lies inside the row. */
CAT_MUST_USE int cat_fits_columns(struct cat_fits_cards cards, int n, struct cat_fits_table *t,
                                  struct cat_error *err);

#endif
