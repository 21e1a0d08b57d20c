/* term -- pictures as text: bars, densities, maps of the sky.
 *
 * Layer: draw. Lines of at most WIDTH characters are appended to OUT; ascii draws without UTF-8.
 * Thread rule: pure functions.
 */
#ifndef CAT_DRAW_TERM_H
#define CAT_DRAW_TERM_H

#include <stdint.h>

#include "base/text.h"
#include "draw/axes.h"

struct cat_term {
	int width;  /* characters */
	int height; /* lines of the picture itself */
	bool ascii;
};
/* N counts between x->min and x->max as horizontal bars, one line each. */
void cat_term_bars(const struct cat_term *t, const struct cat_axis *x, const int64_t *counts, int n,
                   struct cat_text *out);
/* Columns and lines of the grid that a density picture of this size wants. */
void cat_term_grid(const struct cat_term *t, int *nx, int *ny);
/* Counts of a grid of NX x NY cells, row by row from y->min, as shades, darker where more. */
void cat_term_density(const struct cat_term *t, const struct cat_axis *x, const struct cat_axis *y,
                      const int64_t *counts, int nx, int ny, struct cat_text *out);
/* VALUES of the 12 x 4^ORDER nested HEALPix cells as a map of the whole sky in Hammer-Aitoff projection
 * (Snyder, USGS PP 1395, p. 160), ra 0 in the middle, growing to the left; cells of 0 are blank. CELL gives
 * the cell of a position. */
void cat_term_sky(const struct cat_term *t, const double *values, int64_t (*cell)(double ra_deg, double dec_deg),
                  struct cat_text *out);

#endif
