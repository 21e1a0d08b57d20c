/* angle -- angles and radii as people type them, in degrees.
 *
 * Layer: sky. Numbers are decimal, never dependent on the locale. Every refusal is CAT_E_USAGE and names the text.
 * Thread rule: pure functions, any thread.
 */
#ifndef CAT_SKY_ANGLE_H
#define CAT_SKY_ANGLE_H

#include <stddef.h>

#include "base/error.h"

enum cat_angle_unit { CAT_ANGLE_DEG, CAT_ANGLE_ARCMIN, CAT_ANGLE_ARCSEC, CAT_ANGLE_MAS };

/* Right ascension: degrees ("83.633", "83.633deg"), or hours, minutes and seconds: "05h34m31.9s", "5h34m",
 * "05:34:31.9"; "83d38m0s" is degrees. Degrees are taken as they are, of any size; hours must be below 24. */
CAT_MUST_USE int cat_angle_ra(const char *s, size_t n, double *ra_deg, struct cat_error *err);
/* Declination: degrees, or degrees, minutes and seconds: "+22d00m52s", "-00:30:15", "22d", with "'" and '"' for
 * m and s as well. From -90 to 90. */
CAT_MUST_USE int cat_angle_dec(const char *s, size_t n, double *dec_deg, struct cat_error *err);
/* A radius: a number, then deg, arcmin, arcsec, mas or one of ' " when it is not in the DEFAULT unit; blanks may
 * stand between. From 0 to 180 degrees. */
CAT_MUST_USE int cat_angle_radius(const char *s, size_t n, enum cat_angle_unit unit, double *radius_deg,
                                  struct cat_error *err);
/* The same for a match radius or a margin, in arcsec (and arcsec unless it says): 1.5 stays exactly 1.5. */
CAT_MUST_USE int cat_angle_radius_arcsec(const char *s, size_t n, double *radius_arcsec, struct cat_error *err);

#endif
