/* fits_card -- one header card after the other.
 *
 * Layer: formats, private to fits_*.c. Source: FITS standard 4.0, sections 4.1 and 4.2 (values, CONTINUE).
 */
#ifndef CAT_FORMATS_FITS_CARD_H
#define CAT_FORMATS_FITS_CARD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

struct cat_fits_cards {
	const char *s;
	size_t n; /* cards */
	size_t at;
};
struct cat_fits_card {
	char key[9];
	bool is_text;         /* a value in quotes: TEXT */
	struct cat_text text; /* reused; freed by the caller at the end */
	char raw[72];         /* any other value, as it is written; "" when there is none */
	const char *comment;  /* into the cards, not terminated */
	size_t ncomment;
};
/* The next card; false behind the last. Keywords without a value (COMMENT, HIERARCH) have an empty one. */
bool cat_fits_card_next(struct cat_fits_cards *c, struct cat_fits_card *card);
/* The value as a number; false when it is none. */
bool cat_fits_card_i64(const struct cat_fits_card *card, int64_t *out);
bool cat_fits_card_f64(const struct cat_fits_card *card, double *out);
/* A Fortran number, whose exponent may be written with D. */
bool cat_fits_number(const char *s, size_t n, double *out);

#endif
