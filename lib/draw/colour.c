#include "draw/colour.h"

#include <math.h>

/* One channel of linear light as an sRGB byte: IEC 61966-2-1. */
static uint32_t srgb(double v)
{
	v = v <= 0 ? 0 : v >= 1 ? 1 : v;
	v = v <= 0.0031308 ? 12.92 * v : 1.055 * pow(v, 1 / 2.4) - 0.055;
	return (uint32_t)(v * 255 + 0.5);
}

/* A path through the Oklab space (Ottosson 2020, "A perceptual color space for image processing"), in which equal
 * steps look equal: straight up in lightness, hue from violet over blue and green to yellow. */
uint32_t cat_colour_scale(double t)
{
	const double L = 0.26 + 0.66 * t, hue = (305 - 200 * t) * M_PI / 180;
	const double chroma = 0.105 + 0.12 * t * (1 - t) * (1 - t) + 0.055 * t * t;
	const double a = chroma * cos(hue), b = chroma * sin(hue);
	const double l = pow(L + 0.3963377774 * a + 0.2158037573 * b, 3);
	const double m = pow(L - 0.1055613458 * a - 0.0638541728 * b, 3);
	const double s = pow(L - 0.0894841775 * a - 1.2914855480 * b, 3);

	return srgb(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s) << 16 |
	       srgb(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s) << 8 |
	       srgb(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s);
}
