/* text -- growing strings, numbers to and from text, names that nearly match.
 *
 * Layer: base. Numbers never depend on the locale.
 * Thread rule: a struct cat_text belongs to one thread.
 */
#ifndef CAT_BASE_TEXT_H
#define CAT_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* A growing string. Failures stick: append freely, then ask cat_text_check once. Zero-initialise with a
 * maximum: struct cat_text t = {.max = 1 << 20}; free with cat_text_fini. */
struct cat_text {
	char *s; /* terminated; NULL while nothing was appended */
	size_t len;
	size_t cap;
	size_t max;
	bool failed;
};
void cat_text_add(struct cat_text *t, const char *s);
void cat_text_addn(struct cat_text *t, const char *s, size_t n);
void cat_text_addc(struct cat_text *t, char c);
CAT_PRINTF(2, 3) void cat_text_addf(struct cat_text *t, const char *fmt, ...);
/* Room for N more bytes to be written at t->s + t->len by the caller, who then adds to t->len; NULL when
 * that fails. */
char *cat_text_room(struct cat_text *t, size_t n);
CAT_MUST_USE int cat_text_check(const struct cat_text *t, struct cat_error *err);
void cat_text_fini(struct cat_text *t);

/* The shortest text that reads back to the same value, always with a point or an exponent; "NaN", "inf",
 * "-inf". OUT holds at least CAT_NUMBER_MAX bytes. Returns the length; terminated. */
#define CAT_NUMBER_MAX 40
size_t cat_format_f64(double v, char *out);
size_t cat_format_f32(float v, char *out);
size_t cat_format_i64(int64_t v, char *out);
size_t cat_format_u64(uint64_t v, char *out);

/* Strict: the whole of S[0,N) is one number, no blanks around it. False otherwise or out of range. */
bool cat_parse_i64(const char *s, size_t n, int64_t *out);
bool cat_parse_u64(const char *s, size_t n, uint64_t *out);
/* Decimal, exponent, "NaN" and "inf" in any case, correctly rounded; no hexadecimal. */
bool cat_parse_f64(const char *s, size_t n, double *out);
bool cat_parse_f32(const char *s, size_t n, float *out);
/* The same, faster, where 17 bytes from S on can be read whatever N is. */
bool cat_parse_f64_padded(const char *s, size_t n, double *out);
bool cat_parse_f32_padded(const char *s, size_t n, float *out);
/* (-1)^NEGATIVE x W x 10^Q, correctly rounded. It stands in S[0,N), which is read again where 128 bits do not
 * decide. */
bool cat_decimal_f64(bool negative, uint64_t w, int q, const char *s, size_t n, double *out);
bool cat_decimal_f32(bool negative, uint64_t w, int q, const char *s, size_t n, float *out);
/* "256M", "2GiB", "64k", "100": powers of 1024. */
bool cat_parse_bytes(const char *s, int64_t *out);

/* Valid UTF-8 (no surrogates, no overlong forms); *BAD is where it stops being so. */
bool cat_utf8_valid(const void *s, size_t n, size_t *bad);
/* Edit distance without case, capped at 255. */
int cat_name_distance(const char *a, const char *b);
/* Picks the nearest of candidates offered one by one: best.name is NULL when none was near enough. */
struct cat_nearest {
	const char *want;
	const char *name;
	int distance;
};
void cat_nearest_offer(struct cat_nearest *n, const char *candidate);
bool cat_equal_nocase(const char *a, const char *b);

#endif
