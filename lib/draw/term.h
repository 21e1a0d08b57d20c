/* term -- pictures as text: bars, densities, maps of the sky.
 *
 * Layer: draw. Lines of at most WIDTH characters are appended to OUT; ascii draws without UTF-8.
 * Thread rule: pure functions.
 */
#ifndef CAT_DRAW_TERM_H
#define CAT_DRAW_TERM_H

#include <stdint.h>

#include "base/text.h"
#include "draw/picture.h"

struct cat_term {
	int width;  /* characters */
	int height; /* lines of the picture itself */
	bool ascii;
};
/* Columns and lines of the grid that a density picture of this size wants. */
void cat_term_grid(const struct cat_term *t, int *nx, int *ny);
/* Bars: one line each, horizontal. A density: shades, darker where more. A sky: the same, in Hammer-Aitoff
 * projection. Below it stand how many rows there are and what the shades mean. */
void cat_term_picture(const struct cat_term *t, const struct cat_picture *p, struct cat_text *out);

#endif
