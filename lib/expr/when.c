#include <stdio.h>
#include <string.h>

#include "expr/node.h"

int64_t cat_when_per_second(enum cat_unit unit)
{
	static const int64_t per[] = {1, 1000, 1000000, 1000000000};

	return per[unit];
}

/* Counting years from March puts the leap day at their end: days before month M are (153 M + 2) / 5. */
int64_t cat_when_days(int64_t y, int m, int d)
{
	const int64_t year = y - (m <= 2), era = (year >= 0 ? year : year - 399) / 400, of_era = year - era * 400;
	const int64_t of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void civil(int64_t days, int64_t *y, int *m, int *d)
{
	const int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
	const int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	const int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;

	*d = (int)(doy - (153 * mp + 2) / 5 + 1);
	*m = (int)(mp < 10 ? mp + 3 : mp - 9);
	*y = yoe + era * 400 + (*m <= 2);
}

/* N digits at *S as a number; false when there are fewer. */
static bool digits(const char **s, const char *end, int n, int *out)
{
	*out = 0;
	for (int i = 0; i < n; i++, (*s)++) {
		if (*s >= end || **s < '0' || **s > '9')
			return false;
		*out = *out * 10 + (**s - '0');
	}
	return true;
}

static bool symbol(const char **s, const char *end, char c)
{
	if (*s >= end || **s != c)
		return false;
	(*s)++;
	return true;
}

static int month_days(int y, int m)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[m - 1] + (m == 2 && ((y % 4 == 0 && y % 100 != 0) || y % 400 == 0));
}

bool cat_when_parse(const char *s, size_t n, enum cat_unit unit, int64_t *out, int *ndigits)
{
	const char *end = s + n;
	int y, mon, d, h = 0, min = 0, sec = 0, nfrac = 0;
	int64_t frac = 0, v;

	if (!digits(&s, end, 4, &y) || !symbol(&s, end, '-') || !digits(&s, end, 2, &mon) ||
	    !symbol(&s, end, '-') || !digits(&s, end, 2, &d) || mon < 1 || mon > 12 || d < 1 ||
	    d > month_days(y, mon))
		return false;
	if (s < end) {
		if (*s != 'T' && *s != ' ')
			return false;
		s++;
		if (!digits(&s, end, 2, &h) || !symbol(&s, end, ':') || !digits(&s, end, 2, &min) || h > 23 ||
		    min > 59)
			return false;
		if (symbol(&s, end, ':') && (!digits(&s, end, 2, &sec) || sec > 59))
			return false;
		if (symbol(&s, end, '.'))
			for (; s < end && *s >= '0' && *s <= '9' && nfrac < 9; s++, nfrac++)
				frac = frac * 10 + (*s - '0');
		symbol(&s, end, 'Z');
	}
	if (s != end)
		return false;
	if (ndigits)
		*ndigits = nfrac;
	for (; nfrac < 9; nfrac++)
		frac *= 10;
	v = cat_when_days(y, mon, d) * 86400 + h * 3600 + min * 60 + sec;
	return !__builtin_mul_overflow(v, cat_when_per_second(unit), &v) &&
	       !__builtin_add_overflow(v, frac / (1000000000 / cat_when_per_second(unit)), out);
}

size_t cat_when_format(int64_t value, enum cat_unit unit, bool date_only, char *out)
{
	static const int places[] = {0, 3, 6, 9};
	const int64_t per = cat_when_per_second(unit), day = 86400 * per;
	int64_t rest = value % day, days = value / day, y, sec;
	int m, d, n;

	if (rest < 0) {
		rest += day;
		days--;
	}
	civil(days, &y, &m, &d);
	n = snprintf(out, 64, "%04lld-%02d-%02d", (long long)y, m, d);
	if (date_only)
		return (size_t)n;
	sec = rest / per;
	n += snprintf(out + n, 64 - (size_t)n, "T%02d:%02d:%02d", (int)(sec / 3600), (int)(sec / 60 % 60),
		      (int)(sec % 60));
	if (rest % per)
		n += snprintf(out + n, 64 - (size_t)n, ".%0*lld", places[unit], (long long)(rest % per));
	return (size_t)n;
}
