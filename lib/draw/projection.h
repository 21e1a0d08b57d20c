/* projection -- the whole sky on a plane: Hammer-Aitoff (Snyder, USGS PP 1395, p. 160), seen from inside.
 *
 * Layer: draw. Picture coordinates go from -1 to 1, x to the right and y up; ra 0 is in the middle and grows to
 * the left. Thread rule: pure functions.
 */
#ifndef CAT_DRAW_PROJECTION_H
#define CAT_DRAW_PROJECTION_H

#include <stdbool.h>

/* False outside of the sky's ellipse. */
bool cat_hammer_inverse(double px, double py, double *ra_deg, double *dec_deg);
void cat_hammer(double ra_deg, double dec_deg, double *px, double *py);

#endif
