#include "sky/angle.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/text.h"

/* The text for a message: printable and short. */
#define SHOWN(s, n) (int)((n) < 60 ? (n) : 60), (s)

static void trim(const char **s, size_t *n)
{
	while (*n && ((*s)[0] == ' ' || (*s)[0] == '\t'))
		(*s)++, (*n)--;
	while (*n && ((*s)[*n - 1] == ' ' || (*s)[*n - 1] == '\t'))
		(*n)--;
}

/* The digits (and, with POINT, the fraction) at *S as a number; moves behind them. */
static bool plain_number(const char **s, const char *end, bool point, double *out)
{
	const char *p = *s;

	while (p < end && ((*p >= '0' && *p <= '9') || (point && *p == '.')))
		p++;
	if (p == *s || !cat_parse_f64(*s, (size_t)(p - *s), out))
		return false;
	*s = p;
	return true;
}

/* Is the character at *S the mark that ends part K (0 hours or degrees, 1 minutes, 2 seconds)? LETTER is what
 * part 0 ends with. Moves behind it. */
static bool mark(const char **s, const char *end, int k, char letter)
{
	const char c = *s < end ? **s : '\0';

	if ((k == 0 && (c == letter || c == letter - 'a' + 'A')) ||
	    (k == 1 && (c == 'm' || c == 'M' || c == '\'')) || (k == 2 && (c == 's' || c == 'S' || c == '"'))) {
		(*s)++;
		return true;
	}
	return false;
}

/* "D:M:S", "D:M", or with LETTER "DhMmSs" with parts left out from the right; blanks may follow a mark. The
 * value is in units of the first part and not negative. False when the text is not of that form. */
static bool sexagesimal(const char *s, const char *end, char letter, double *out)
{
	static const double scale[3] = {1, 60, 3600};
	double sum = 0, part;
	int k = 0;

	for (; k < 3 && s < end; k++) {
		const char *before = s;

		if (!plain_number(&s, end, true, &part))
			return false;
		/* Only the last part may have a fraction; minutes and seconds are below 60. */
		if ((k > 0 && part >= 60) || (memchr(before, '.', (size_t)(s - before)) && s < end && end - s > 1))
			return false;
		sum += part / scale[k];
		if (letter) {
			if (!mark(&s, end, k, letter))
				return false;
			while (s < end && *s == ' ')
				s++;
		} else if (s < end) {
			if (*s != ':' || k == 2 || s + 1 == end)
				return false;
			s++;
		}
	}
	*out = sum;
	return s == end && k > (letter ? 0 : 1);
}

static bool has(const char *s, size_t n, char c)
{
	return memchr(s, c, n) || memchr(s, c - 'a' + 'A', n);
}

/* Degrees with "deg" behind them or nothing. */
static bool degrees(const char *s, size_t n, double *out)
{
	if (n > 3 && (s[n - 1] == 'g' || s[n - 1] == 'G') && has(s + n - 3, 1, 'd') && has(s + n - 2, 1, 'e')) {
		n -= 3;
		trim(&s, &n);
	}
	return cat_parse_f64(s, n, out) && isfinite(*out);
}

/* An angle in degrees; colons count hours when HOURS is given. *IS_HOURS tells which it was. */
static bool angle(const char *s, size_t n, bool hours, double *out, bool *is_hours)
{
	const char *body = s, *end = s + n;
	bool negative;

	*is_hours = false;
	if (degrees(s, n, out))
		return true;
	negative = n && *s == '-';
	if (n && (*s == '-' || *s == '+'))
		body++;
	if (memchr(s, ':', n)) {
		if (!sexagesimal(body, end, 0, out))
			return false;
		*is_hours = hours;
	} else if (has(s, n, 'h')) {
		if (!hours || !sexagesimal(body, end, 'h', out))
			return false;
		*is_hours = true;
	} else if (!sexagesimal(body, end, 'd', out)) {
		return false;
	}
	/* Applied last: -00:30 is below zero. */
	if (negative)
		*out = -*out;
	return true;
}

int cat_angle_ra(const char *s, size_t n, double *ra_deg, struct cat_error *err)
{
	bool is_hours;
	double v;

	trim(&s, &n);
	if (!angle(s, n, true, &v, &is_hours))
		return cat_fail(err, CAT_E_USAGE,
		                "'%.*s' is not a right ascension: 83.63, 05h34m31.9s or 05:34:31.9", SHOWN(s, n));
	if (is_hours && !(v >= 0 && v < 24))
		return cat_fail(err, CAT_E_USAGE, "right ascension '%.*s': hours are from 0 to 24", SHOWN(s, n));
	*ra_deg = is_hours ? v * 15 : v;
	return CAT_OK;
}

int cat_angle_dec(const char *s, size_t n, double *dec_deg, struct cat_error *err)
{
	bool is_hours;
	double v;

	trim(&s, &n);
	if (!angle(s, n, false, &v, &is_hours))
		return cat_fail(err, CAT_E_USAGE, "'%.*s' is not a declination: 22.01, +22d00m52s or +22:00:52",
		                SHOWN(s, n));
	if (fabs(v) > 90)
		return cat_fail(err, CAT_E_USAGE, "declination '%.*s' is beyond the pole", SHOWN(s, n));
	*dec_deg = v;
	return CAT_OK;
}

/* Splits off the unit; what is left of *N is the number. Arcseconds per unit. */
static double split_unit(const char *s, size_t *n, enum cat_angle_unit unit)
{
	static const struct {
		const char *name;
		double arcsec;
	} units[] = {
		{"deg", 3600}, {"arcmin", 60}, {"arcsec", 1}, {"mas", 1e-3}, {"'", 60}, {"\"", 1},
	};

	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		const size_t len = strlen(units[i].name);

		if (*n > len && memcmp(s + *n - len, units[i].name, len) == 0) {
			*n -= len;
			trim(&s, n);
			return units[i].arcsec;
		}
	}
	return units[unit].arcsec;
}

/* V units of ARCSEC each; mas divide, so that 1500mas is 1.5 to the last bit. */
static double to_arcsec(double v, double arcsec)
{
	return arcsec < 1 ? v / 1000 : v * arcsec;
}

static int radius(const char *s, size_t n, enum cat_angle_unit unit, double *v, double *arcsec,
                  struct cat_error *err)
{
	size_t digits;

	trim(&s, &n);
	digits = n;
	*arcsec = split_unit(s, &digits, unit);
	if (!cat_parse_f64(s, digits, v) || isnan(*v))
		return cat_fail(err, CAT_E_USAGE,
		                "'%.*s' is not a radius: a number, then deg, arcmin, arcsec or mas", SHOWN(s, n));
	if (!(*v >= 0 && to_arcsec(*v, *arcsec) <= 180 * 3600.0))
		return cat_fail(err, CAT_E_USAGE, "radius '%.*s' is not from 0 to 180 degrees", SHOWN(s, n));
	return CAT_OK;
}

int cat_angle_radius(const char *s, size_t n, enum cat_angle_unit unit, double *radius_deg, struct cat_error *err)
{
	double v, arcsec;

	CAT_TRY(radius(s, n, unit, &v, &arcsec, err));
	*radius_deg = arcsec == 3600 ? v : to_arcsec(v, arcsec) / 3600;
	return CAT_OK;
}

int cat_angle_radius_arcsec(const char *s, size_t n, double *radius_arcsec, struct cat_error *err)
{
	double v, arcsec;

	CAT_TRY(radius(s, n, CAT_ANGLE_ARCSEC, &v, &arcsec, err));
	*radius_arcsec = to_arcsec(v, arcsec);
	return CAT_OK;
}
