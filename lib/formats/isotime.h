/* isotime -- dates and times as ISO 8601 text.
 *
 * Layer: formats. The calendar is the proleptic Gregorian one; days and times count from 1970-01-01 UTC,
 * without leap seconds. Thread rule: pure functions, any thread.
 */
#ifndef CAT_FORMATS_ISOTIME_H
#define CAT_FORMATS_ISOTIME_H

#include "columnar/schema.h"

#define CAT_ISO_MAX 64
/* "2026-11-24"; years beyond 4 digits get a sign. OUT holds CAT_ISO_MAX. Returns the length; terminated. */
size_t cat_iso_date(int64_t days, char *out);
/* "08:25:00.000123", with the digits of UNIT. */
size_t cat_iso_time(int64_t v, enum cat_unit unit, char *out);
/* "2026-11-24T08:25:00.000123", with the digits of UNIT, and Z when ZONED. */
size_t cat_iso_timestamp(int64_t v, enum cat_unit unit, bool zoned, char *out);
/* "2026-11-24" to days; false when it is no date. */
bool cat_iso_parse_date(const char *s, size_t n, int32_t *days);

#endif
