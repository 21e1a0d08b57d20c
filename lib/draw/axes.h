/* axes -- ranges and round numbers for pictures and histograms.
 *
 * Layer: draw. Thread rule: pure functions.
 */
#ifndef CAT_DRAW_AXES_H
#define CAT_DRAW_AXES_H

#include <stdbool.h>
#include <stddef.h>

struct cat_axis {
	double min, max; /* min < max */
	const char *label;
	bool flip; /* drawn from max to min: magnitudes */
};

/* The largest round step (1, 2 or 5 times a power of ten) of which at most MAX_TICKS fit into the axis, and
 * the first multiple of it inside. Returns how many ticks there are. */
int cat_axis_ticks(double min, double max, int max_ticks, double *first, double *step);
/* A tick's number in as few characters as tell it from its neighbours. */
void cat_axis_number(double v, double step, char *out, size_t size);

#endif
