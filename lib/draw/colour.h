/* colour -- a scale of colours for numbers, readable by the colour-blind and in grey.
 *
 * Layer: draw. Thread rule: pure function.
 */
#ifndef CAT_DRAW_COLOUR_H
#define CAT_DRAW_COLOUR_H

#include <stdint.h>

/* The colour 0xRRGGBB of T from 0 (dark violet) to 1 (light yellow): lightness grows evenly. */
uint32_t cat_colour_scale(double t);

#endif
