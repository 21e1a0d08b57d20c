#include "formats/isotime.h"

#include <stdio.h>

#define DAYS_400_YEARS 146097
/* From 0000-03-01 to 1970-01-01. */
#define DAYS_TO_1970 719468

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static int64_t floor_mod(int64_t a, int64_t b)
{
	const int64_t rest = a % b;

	return rest < 0 ? rest + b : rest;
}

/* Counted from March on, months have a regular pattern and the leap day comes last. */
static void civil(int64_t days, int64_t *year, int *month, int *day)
{
	const int64_t shifted = days + DAYS_TO_1970, era = floor_div(shifted, DAYS_400_YEARS);
	const int in_era = (int)(shifted - era * DAYS_400_YEARS);
	const int y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	const int in_year = in_era - (365 * y + y / 4 - y / 100);
	const int m = (5 * in_year + 2) / 153;

	*day = in_year - (153 * m + 2) / 5 + 1;
	*month = m < 10 ? m + 3 : m - 9;
	*year = era * 400 + y + (*month <= 2);
}

size_t cat_iso_date(int64_t days, char *out)
{
	int64_t year;
	int month, day;

	civil(days, &year, &month, &day);
	return (size_t)snprintf(out, CAT_ISO_MAX, year >= 0 && year <= 9999 ? "%04lld-%02d-%02d" : "%+05lld-%02d-%02d",
	                        (long long)year, month, day);
}

size_t cat_iso_time(int64_t v, enum cat_unit unit, char *out)
{
	static const int64_t scale[] = {1, 1000, 1000000, 1000000000};
	const int64_t s = floor_div(v, scale[unit]);
	int n = snprintf(out, CAT_ISO_MAX, "%02lld:%02lld:%02lld", (long long)(s / 3600), (long long)(s / 60 % 60),
	                 (long long)(s % 60));

	if (unit != CAT_UNIT_S)
		n += snprintf(out + n, (size_t)(CAT_ISO_MAX - n), ".%0*lld", 3 * (int)unit,
		              (long long)floor_mod(v, scale[unit]));
	return (size_t)n;
}

size_t cat_iso_timestamp(int64_t v, enum cat_unit unit, bool zoned, char *out)
{
	static const int64_t per_day[] = {86400, 86400000, INT64_C(86400000000), INT64_C(86400000000000)};
	const int64_t days = floor_div(v, per_day[unit]);
	size_t n = cat_iso_date(days, out);
	char time[CAT_ISO_MAX];

	cat_iso_time(floor_mod(v, per_day[unit]), unit, time);
	return n + (size_t)snprintf(out + n, CAT_ISO_MAX - n, "T%s%s", time, zoned ? "Z" : "");
}

bool cat_iso_parse_date(const char *s, size_t n, int32_t *days)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int part[3] = {0, 0, 0}, k = 0, leap, y, m;

	if (n != 10 || s[4] != '-' || s[7] != '-')
		return false;
	for (size_t i = 0; i < n; i++) {
		if (i == 4 || i == 7) {
			k++;
			continue;
		}
		if (s[i] < '0' || s[i] > '9')
			return false;
		part[k] = part[k] * 10 + (s[i] - '0');
	}
	leap = part[0] % 4 == 0 && (part[0] % 100 != 0 || part[0] % 400 == 0);
	if (part[1] < 1 || part[1] > 12 || part[2] < 1 || part[2] > lengths[part[1] - 1] + (leap && part[1] == 2))
		return false;
	y = part[0] - (part[1] <= 2) + 400;
	m = part[1] > 2 ? part[1] - 3 : part[1] + 9;
	/* One era on, so that nothing is negative. */
	*days = y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + part[2] - 1 - DAYS_TO_1970 - DAYS_400_YEARS;
	return true;
}
