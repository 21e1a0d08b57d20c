#include "sky/sphere.h"

#include <math.h>

double cat_sky_separation_deg(double ra1_deg, double dec1_deg, double ra2_deg, double dec2_deg)
{
	const double d1 = dec1_deg * CAT_DEG_RAD, d2 = dec2_deg * CAT_DEG_RAD;
	const double sd = sin((d2 - d1) / 2), sr = sin((ra2_deg - ra1_deg) * CAT_DEG_RAD / 2);
	const double h = sd * sd + cos(d1) * cos(d2) * sr * sr;
	double dr, x, y, z;

	if (h < 0.25)
		return 2 * asin(sqrt(h)) * CAT_RAD_DEG;
	dr = (ra2_deg - ra1_deg) * CAT_DEG_RAD;
	x = cos(d2) * sin(dr);
	y = cos(d1) * sin(d2) - sin(d1) * cos(d2) * cos(dr);
	z = sin(d1) * sin(d2) + cos(d1) * cos(d2) * cos(dr);
	return atan2(hypot(x, y), z) * CAT_RAD_DEG;
}

double cat_sky_normal_ra(double ra_deg)
{
	double r;

	if (ra_deg >= 0 && ra_deg < 360)
		return ra_deg;
	r = fmod(ra_deg, 360);
	if (r < 0)
		r += 360;
	return r < 360 ? r : 0;
}

bool cat_sky_valid(double ra_deg, double dec_deg)
{
	return isfinite(ra_deg) && dec_deg >= -90 && dec_deg <= 90;
}

void cat_sky_vector(double ra_deg, double dec_deg, double v[3])
{
	const double c = cos(dec_deg * CAT_DEG_RAD);

	v[0] = c * cos(ra_deg * CAT_DEG_RAD);
	v[1] = c * sin(ra_deg * CAT_DEG_RAD);
	v[2] = sin(dec_deg * CAT_DEG_RAD);
}
