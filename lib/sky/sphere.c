#include "sky/sphere.h"

/* sin(x) and asin(x) for |x| < 0.01 to a unit in the last place: the first terms of their series. */
static inline double tiny_sin(double x)
{
	const double s = x * x;

	return x * (1 + s * (-1.0 / 6 + s * (1.0 / 120 + s * (-1.0 / 5040))));
}

static inline double tiny_asin(double x)
{
	const double s = x * x;

	return x * (1 + s * (1.0 / 6 + s * (3.0 / 40 + s * (15.0 / 336 + s * (105.0 / 3456)))));
}

double cat_sky_separation_deg(double ra1_deg, double dec1_deg, double ra2_deg, double dec2_deg)
{
	double dra = fabs(cat_sky_normal_ra(ra2_deg) - cat_sky_normal_ra(ra1_deg));
	double d1, d2, cc, sd, sr, ss, cr, h;

	if (dra > 180)
		dra = 360 - dra;
	if (dra < 1 && fabs(dec2_deg - dec1_deg) < 1) {
		/* The usual case of a match; cos d1 cos d2 = cos^2 mid - sin^2 half saves a cosine. */
		const double mid = cos((dec1_deg + dec2_deg) * (CAT_DEG_RAD / 2));

		sd = tiny_sin((dec2_deg - dec1_deg) * (CAT_DEG_RAD / 2));
		sr = tiny_sin(dra * (CAT_DEG_RAD / 2));
		h = sd * sd + (mid * mid - sd * sd) * sr * sr;
		return 2 * tiny_asin(sqrt(h)) * CAT_RAD_DEG;
	}
	d1 = dec1_deg * CAT_DEG_RAD;
	d2 = dec2_deg * CAT_DEG_RAD;
	cc = cos(d1) * cos(d2);
	sd = sin((d2 - d1) / 2);
	sr = sin(dra * (CAT_DEG_RAD / 2));
	ss = sin((d1 + d2) / 2);
	cr = cos(dra * (CAT_DEG_RAD / 2));
	return 2 * atan2(sqrt(sd * sd + cc * sr * sr), sqrt(ss * ss + cc * cr * cr)) * CAT_RAD_DEG;
}

double cat_sky_fold_ra(double ra_deg)
{
	double r = fmod(ra_deg, 360);

	if (r < 0)
		r += 360;
	return r < 360 ? r : 0;
}

void cat_sky_vector(double ra_deg, double dec_deg, double v[3])
{
	const double c = cos(dec_deg * CAT_DEG_RAD);

	v[0] = c * cos(ra_deg * CAT_DEG_RAD);
	v[1] = c * sin(ra_deg * CAT_DEG_RAD);
	v[2] = sin(dec_deg * CAT_DEG_RAD);
}
