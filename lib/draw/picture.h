/* picture -- what is to be seen, for any renderer: the terminal (term.h) and files (chart.h).
 *
 * Layer: draw. A picture owns nothing.
 */
#ifndef CAT_DRAW_PICTURE_H
#define CAT_DRAW_PICTURE_H

#include <stdint.h>

#include "draw/axes.h"

enum cat_picture_kind {
	CAT_PICTURE_BARS,    /* nx counts along x */
	CAT_PICTURE_DENSITY, /* nx x ny counts, row by row from y.min */
	CAT_PICTURE_SKY      /* counts per cell of the sky */
};
struct cat_picture {
	enum cat_picture_kind kind;
	const char *title; /* NULL or empty: none */
	struct cat_axis x, y;
	const int64_t *counts;
	int nx, ny;
	/* Of a sky: counts[CELL(ra, dec)]. */
	int64_t (*cell)(double ra_deg, double dec_deg);
	/* When they are few: the rows themselves as x, y or ra, dec; else NULL. */
	const double *points;
	int64_t npoints;
	int64_t rows; /* that are in it */
};

#endif
