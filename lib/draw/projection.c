#include "draw/projection.h"

#include <math.h>

bool cat_hammer_inverse(double px, double py, double *ra_deg, double *dec_deg)
{
	const double x = px * 2 * M_SQRT2, y = py * M_SQRT2;
	const double z2 = 1 - x * x / 16 - y * y / 4;
	double z;

	if (px * px + py * py > 1)
		return false;
	z = sqrt(z2);
	*dec_deg = asin(fmin(1, fmax(-1, z * y))) * 180 / M_PI;
	*ra_deg = fmod(720 - 2 * atan2(z * x, 2 * (2 * z2 - 1)) * 180 / M_PI, 360);
	return true;
}

void cat_hammer(double ra_deg, double dec_deg, double *px, double *py)
{
	/* East of the middle is left: -180 and 180 stay apart. */
	const double east = ra_deg > 180 ? ra_deg - 360 : ra_deg;
	const double half = -east * M_PI / 360, dec = dec_deg * M_PI / 180;
	const double z = sqrt(1 + cos(dec) * cos(half));

	*px = cos(dec) * sin(half) / z;
	*py = sin(dec) / z;
}
