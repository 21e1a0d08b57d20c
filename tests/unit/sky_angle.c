#include "unit.h"

#include <math.h>

#include "sky/angle.h"

struct reading {
	const char *text;
	double want; /* NAN: must be refused */
};

static void check(const struct reading *r, size_t n, int (*parse)(const char *, size_t, double *, struct cat_error *))
{
	for (size_t i = 0; i < n; i++) {
		struct cat_error err;
		double v = -1;
		const int rc = parse(r[i].text, strlen(r[i].text), &v, &err);

		if (isnan(r[i].want)) {
			if (rc != CAT_E_USAGE || !strstr(err.cause, r[i].text))
				fail_msg("'%s' gave %d, %.17g", r[i].text, rc, v);
		} else if (rc != CAT_OK || fabs(v - r[i].want) > 1e-13 || signbit(v) != signbit(r[i].want)) {
			fail_msg("'%s' gave %d, %.17g", r[i].text, rc, v);
		}
	}
}

static void right_ascensions(void **state)
{
	static const struct reading ras[] = {
		{"83.633", 83.633}, {"05h34m31.9s", 83.63291666666667}, {"05:34:31.9", 83.63291666666667},
		{"5h34m", 83.5}, {"5h", 75}, {"5.5h", 82.5}, {"83d38m0s", 83.63333333333333}, {"83.5deg", 83.5},
		{" 10 ", 10}, {"-10", -10}, {"400", 400}, {"0:0:0", 0}, {"5h 34m 31.9s", 83.63291666666667},
		{"12:30", 187.5}, {"24:00:00", NAN}, {"05:60:00", NAN}, {"05:34:60", NAN}, {"5:", NAN}, {":5", NAN},
		{"5:3:2:1", NAN}, {"5h34", NAN}, {"nan", NAN}, {"inf", NAN}, {"5.5h30m", NAN}, {"5m30s", NAN},
		{"0x10", NAN}, {"1e400", NAN}, {"-05:00:00", NAN}, {"5h34m31.9sx", NAN}, {"1e2", 100},
		{"05:3.4.5", NAN}, {"M31", NAN},
	};

	(void)state;
	check(ras, sizeof ras / sizeof *ras, cat_angle_ra);
}

static void declinations(void **state)
{
	static const struct reading decs[] = {
		{"+22d00m52s", 22.014444444444443}, {"-00:30:15", -0.50416666666666667}, {"-0d00m01s", -1 / 3600.0},
		{"+22:00:52", 22.014444444444443}, {"22", 22}, {"90", 90}, {"-90:00:00", -90}, {"22d", 22},
		{"-0.0", -0.0}, {"22d00'52\"", 22.014444444444443}, {"45:30.5", 45.508333333333333}, {"90.001", NAN},
		{"-90:00:01", NAN}, {"5h", NAN}, {"nan", NAN}, {"--5", NAN}, {"+-5", NAN}, {"5d70m", NAN}, {"d", NAN},
	};

	(void)state;
	check(decs, sizeof decs / sizeof *decs, cat_angle_dec);
}

static int in_degrees(const char *s, size_t n, double *v, struct cat_error *err)
{
	return cat_angle_radius(s, n, CAT_ANGLE_DEG, v, err);
}

static void radii(void **state)
{
	static const struct reading deg[] = {
		{"0.5", 0.5}, {"30arcmin", 0.5}, {"1800 arcsec", 0.5}, {"1.8e6mas", 0.5}, {"0.5deg", 0.5}, {"30'", 0.5},
		{"1800\"", 0.5}, {"0", 0}, {"180", 180}, {"180.0001", NAN}, {"-1", NAN}, {"1rad", NAN}, {"arcsec", NAN},
		{"nan", NAN}, {"inf", NAN}, {"1 2", NAN}, {"1arcsecs", NAN},
	};
	static const struct reading arcsec[] = {
		{"1", 1}, {"1.5", 1.5}, {"1500mas", 1.5}, {"1.5arcsec", 1.5}, {"2arcmin", 120}, {"1deg", 3600},
		{"648000", 648000}, {"648001", NAN}, {"-0.1", NAN}, {"1.1 \"", 1.1},
	};

	(void)state;
	check(deg, sizeof deg / sizeof *deg, in_degrees);
	check(arcsec, sizeof arcsec / sizeof *arcsec, cat_angle_radius_arcsec);
}

static void empty_texts_are_refused(void **state)
{
	struct cat_error err;
	double v;

	(void)state;
	assert_int_equal(cat_angle_ra("", 0, &v, &err), CAT_E_USAGE);
	assert_int_equal(cat_angle_dec("   ", 3, &v, &err), CAT_E_USAGE);
	assert_int_equal(cat_angle_radius_arcsec("", 0, &v, &err), CAT_E_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {UNIT_TEST(right_ascensions), UNIT_TEST(declinations), UNIT_TEST(radii),
	                                   UNIT_TEST(empty_texts_are_refused)};

	return cmocka_run_group_tests_name("sky_angle", tests, NULL, NULL);
}
