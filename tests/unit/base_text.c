#include "unit.h"

#include <math.h>
#include <stdio.h>

#include "base/text.h"

static void floats_read_back(void **state)
{
	static const struct {
		double v;
		const char *text;
	} exact[] = {{0.1, "0.1"}, {1.0, "1.0"}, {-0.0, "-0.0"}, {1e300, "1e+300"}, {56.75, "56.75"}, {NAN, "NaN"},
	             {2e-5, "2e-05"}, {123456789.0, "123456789.0"}};
	uint64_t x = 88172645463325252u;
	char out[CAT_NUMBER_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof exact / sizeof *exact; i++) {
		assert_int_equal(cat_format_f64(exact[i].v, out), strlen(exact[i].text));
		assert_string_equal(out, exact[i].text);
	}
	for (int i = 0; i < 20000; i++) {
		double v, back;
		float f, fback;
		uint32_t lo;

		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		memcpy(&v, &x, 8);
		lo = (uint32_t)x;
		memcpy(&f, &lo, 4);
		if (isfinite(v)) {
			assert_true(cat_parse_f64(out, cat_format_f64(v, out), &back));
			assert_memory_equal(&v, &back, 8);
		}
		if (isfinite(f)) {
			assert_true(cat_parse_f32(out, cat_format_f32(f, out), &fback));
			assert_memory_equal(&f, &fback, 4);
		}
	}
}

/* The shortest text by printf and strtod, which is slow and surely right. */
static int digits_needed(double v, bool narrow)
{
	char text[64];

	for (int n = 1; n <= 17; n++) {
		snprintf(text, sizeof text, "%.*e", n - 1, v);
		if (narrow ? strtof(text, NULL) == (float)v : strtod(text, NULL) == v)
			return n;
	}
	return 18;
}

static int digits_in(const char *s)
{
	int n = 0, zeros = 0;

	for (; *s && *s != 'e'; s++) {
		if (*s < '0' || *s > '9' || (n == 0 && *s == '0'))
			continue;
		n++;
		zeros = *s == '0' ? zeros + 1 : 0;
	}
	return n - zeros;
}

/* Random bits, round decimals, subnormals and powers of two in turn. */
static double sample(uint64_t x, int i)
{
	uint64_t bits = x;
	double v;

	if (i % 4 == 1)
		return (double)(int64_t)(x % 2000000000) / 1e6;
	if (i % 16 == 2)
		bits &= UINT64_C(0x800fffffffffffff);
	if (i % 16 == 6)
		bits &= UINT64_C(0xfff0000000000000);
	memcpy(&v, &bits, 8);
	return v;
}

static void floats_are_shortest(void **state)
{
	uint64_t x = 88172645463325252u;
	char out[CAT_NUMBER_MAX];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		double v;
		float f;
		uint32_t lo;

		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		v = sample(x, i);
		lo = (uint32_t)x;
		memcpy(&f, &lo, 4);
		if (isfinite(v) && v != 0) {
			cat_format_f64(v, out);
			assert_true(strtod(out, NULL) == v);
			/* At powers of two the nearest of a length may fail where another of it does not. */
			assert_true(digits_in(out) <= digits_needed(v, false));
		}
		if (isfinite(f) && f != 0) {
			cat_format_f32(f, out);
			assert_true(strtof(out, NULL) == f);
			assert_true(digits_in(out) <= digits_needed((double)f, true));
		}
	}
}

static void parse_like_strtod(const char *text)
{
	const size_t n = strlen(text);
	char padded[128] = {0};
	double v, want = strtod(text, NULL);
	float f, wantf = strtof(text, NULL);

	memcpy(padded, text, n);
	assert_true(cat_parse_f64(text, n, &v) && memcmp(&v, &want, 8) == 0);
	assert_true(cat_parse_f64_padded(padded, n, &v) && memcmp(&v, &want, 8) == 0);
	assert_true(cat_parse_f32(text, n, &f) && memcmp(&f, &wantf, 4) == 0);
	assert_true(cat_parse_f32_padded(padded, n, &f) && memcmp(&f, &wantf, 4) == 0);
}

static void floats_are_read_as_strtod_does(void **state)
{
	static const char *const hard[] = {
		"0", "-0", "0.0", "1.", ".5", "-.5e1", "123456789012345678", "1234567890123456789", "12345678901234567890",
		"0.000000000000000000000000000000123456789", "9007199254740993", "9007199254740992.5", "1e23", "8.5e22",
		"2.2250738585072014e-308", "2.2250738585072011e-308", "4.9e-324", "2.4703282292062327e-324",
		"1.7976931348623157e308", "1.7976931348623159e308", "1e400", "1e-400", "0e999", "7.038531e-26",
		"16777217", "16777217.0000001", "1.00000017881393432617187499", "1.00000017881393432617187500",
		"1.00000017881393432617187501", "99999999.99999999", "12345678.12345678", "-1.5E+3"};
	uint64_t x = 88172645463325252u;

	(void)state;
	for (size_t i = 0; i < sizeof hard / sizeof *hard; i++)
		parse_like_strtod(hard[i]);
	for (int i = 0; i < 20000; i++) {
		char text[64];
		double v;

		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		v = sample(x, i);
		if (!isfinite(v))
			continue;
		/* Digits around the halfway points are where rounding goes wrong. */
		snprintf(text, sizeof text, "%.*Lg", (int)(x % 25) + 1, ((long double)v + nextafter(v, INFINITY)) / 2);
		parse_like_strtod(text);
		snprintf(text, sizeof text, "%.*f", (int)(x % 9), (double)(int64_t)(x >> 30) / 1e4);
		parse_like_strtod(text);
	}
}

static void what_is_no_number(void **state)
{
	static const char *const bad[] = {"", "-", "+", ".", "-.", "1e", "1e+", "1.2.3", "1,5", " 1", "1 ", "0x10", "--1",
	                                  "+-1", "1-", "e5", "infinit", "nanx", "1.5e5.5"};
	char padded[64];
	double v;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		/* What follows in memory is a digit: it must not be taken in. */
		memset(padded, '7', sizeof padded);
		memcpy(padded, bad[i], strlen(bad[i]));
		assert_false(cat_parse_f64(bad[i], strlen(bad[i]), &v));
		assert_false(cat_parse_f64_padded(padded, strlen(bad[i]), &v));
	}
	memset(padded, '7', sizeof padded);
	padded[0] = '1';
	assert_true(cat_parse_f64_padded(padded, 1, &v) && v == 1.0);
}

static void integers_are_strict(void **state)
{
	int64_t v;
	uint64_t u;
	double d;

	(void)state;
	assert_true(cat_parse_i64("-9223372036854775808", 20, &v) && v == INT64_MIN);
	assert_false(cat_parse_i64("9223372036854775808", 19, &v));
	assert_false(cat_parse_i64("", 0, &v));
	assert_false(cat_parse_i64("1 ", 2, &v));
	assert_false(cat_parse_i64("--1", 3, &v));
	assert_false(cat_parse_i64("+", 1, &v));
	assert_true(cat_parse_i64("0000000000000000000000000042", 28, &v) && v == 42);
	assert_true(cat_parse_u64("18446744073709551615", 20, &u) && u == UINT64_MAX);
	assert_false(cat_parse_u64("18446744073709551616", 20, &u));
	assert_false(cat_parse_u64("123456789012345678901", 21, &u));
	assert_false(cat_parse_u64("1234567x", 8, &u));
	assert_false(cat_parse_f64("0x10", 4, &d));
	assert_false(cat_parse_f64("1e", 2, &d));
	assert_true(cat_parse_bytes("256M", &v) && v == 256 << 20);
	assert_true(cat_parse_bytes("2GiB", &v) && v == INT64_C(2) << 30);
	assert_false(cat_parse_bytes("2X", &v));
}

static void near_names(void **state)
{
	struct cat_nearest n = {.want = "ra_deg"};

	(void)state;
	cat_nearest_offer(&n, "source_id");
	cat_nearest_offer(&n, "ra");
	cat_nearest_offer(&n, "dec");
	assert_string_equal(n.name, "ra");
}

static void utf8(void **state)
{
	size_t bad = 99;

	(void)state;
	assert_true(cat_utf8_valid("abcdefgh\xc3\xa9tude", 14, NULL));
	assert_false(cat_utf8_valid("ab\xc0\xaf", 4, &bad));
	assert_int_equal(bad, 2);
	assert_false(cat_utf8_valid("\xed\xa0\x80", 3, NULL));
	assert_false(cat_utf8_valid("\xe2\x82", 2, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {UNIT_TEST(floats_read_back),
	                                   UNIT_TEST(floats_are_shortest),
	                                   UNIT_TEST(floats_are_read_as_strtod_does),
	                                   UNIT_TEST(what_is_no_number),
	                                   UNIT_TEST(integers_are_strict),
	                                   UNIT_TEST(near_names),
	                                   UNIT_TEST(utf8)};

	return cmocka_run_group_tests_name("base_text", tests, NULL, NULL);
}
