/* sphere -- the few formulas on the unit sphere that everything else stands on.
 *
 * Layer: sky. Angles in degrees, ICRS. Thread rule: pure functions.
 */
#ifndef CAT_SKY_SPHERE_H
#define CAT_SKY_SPHERE_H

#include <float.h>
#include <math.h>
#include <stdbool.h>

#define CAT_DEG_RAD 0.017453292519943295769
#define CAT_RAD_DEG 57.295779513082320877

/* Angular separation in degrees: haversines of the separation (Snyder, Map Projections, USGS PP 1395, eq. 5-3a)
 * and of that to the antipode, so that it is exact to rounding from 0 to 180. The same to the last bit with the
 * two positions exchanged and for any ra that is the same modulo 360. */
double cat_sky_separation_deg(double ra1_deg, double dec1_deg, double ra2_deg, double dec2_deg);
/* ra modulo 360 into [0, 360), for any finite ra. */
double cat_sky_fold_ra(double ra_deg);
static inline double cat_sky_normal_ra(double ra_deg)
{
	return ra_deg >= 0 && ra_deg < 360 ? ra_deg : cat_sky_fold_ra(ra_deg);
}
/* Finite and not beyond the poles. */
static inline bool cat_sky_valid(double ra_deg, double dec_deg)
{
	return fabs(ra_deg) <= DBL_MAX && fabs(dec_deg) <= 90;
}
/* Unit vector of a position. */
void cat_sky_vector(double ra_deg, double dec_deg, double v[3]);

#endif
