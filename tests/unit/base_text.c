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

static void integers_are_strict(void **state)
{
	int64_t v;
	double d;

	(void)state;
	assert_true(cat_parse_i64("-9223372036854775808", 20, &v) && v == INT64_MIN);
	assert_false(cat_parse_i64("9223372036854775808", 19, &v));
	assert_false(cat_parse_i64("", 0, &v));
	assert_false(cat_parse_i64("1 ", 2, &v));
	assert_false(cat_parse_i64("--1", 3, &v));
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
	const struct CMUnitTest tests[] = {UNIT_TEST(floats_read_back), UNIT_TEST(integers_are_strict),
	                                   UNIT_TEST(near_names), UNIT_TEST(utf8)};

	return cmocka_run_group_tests_name("base_text", tests, NULL, NULL);
}
