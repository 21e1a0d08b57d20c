#include "unit.h"

#include <math.h>

#include "sky/sphere.h"

/* The same by long double vectors: the angle between a and b from |a - b| and |a + b|. */
static long double by_vectors(double ra1, double dec1, double ra2, double dec2)
{
	const long double k = 0.0174532925199432957692369076848861271L;
	const long double a[3] = {cosl(dec1 * k) * cosl(ra1 * k), cosl(dec1 * k) * sinl(ra1 * k), sinl(dec1 * k)};
	const long double b[3] = {cosl(dec2 * k) * cosl(ra2 * k), cosl(dec2 * k) * sinl(ra2 * k), sinl(dec2 * k)};
	long double minus = 0, plus = 0;

	for (int i = 0; i < 3; i++) {
		minus += (a[i] - b[i]) * (a[i] - b[i]);
		plus += (a[i] + b[i]) * (a[i] + b[i]);
	}
	return 2 * atan2l(sqrtl(minus), sqrtl(plus)) / k;
}

static double uniform(uint64_t *x)
{
	*x ^= *x << 13, *x ^= *x >> 7, *x ^= *x << 17;
	return (double)(*x >> 11) * 0x1p-53;
}

static void separations_are_exact(void **state)
{
	uint64_t x = 1234567;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		const double scale = pow(10, -11 * uniform(&x) + 2.2);
		const double ra = 360 * uniform(&x), dec = 180 * uniform(&x) - 90;
		const double ra2 = ra + scale * (uniform(&x) - 0.5);
		const double dec2 = fmax(-90, fmin(90, dec + scale * (uniform(&x) - 0.5)));
		const long double want = by_vectors(ra, dec, ra2, dec2);
		const double got = cat_sky_separation_deg(ra, dec, ra2, dec2);

		assert_true(fabsl(got - want) <= 1e-14L * want + 1.5e-14L * 8);
		assert_true(got == cat_sky_separation_deg(ra2, dec2, ra, dec));
	}
}

static void separations_of_note(void **state)
{
	(void)state;
	assert_true(cat_sky_separation_deg(10, 20, 10, 20) == 0);
	assert_true(cat_sky_separation_deg(0, 20, 360, 20) == 0);
	assert_true(cat_sky_separation_deg(359.5, 0, 0.5, 0) == 1);
	assert_true(cat_sky_separation_deg(0, 0, 180, 0) == 180);
	assert_true(cat_sky_separation_deg(0, 90, 123, -90) == 180);
	assert_true(cat_sky_separation_deg(0, 90, 123, 90) < 1e-13);
	assert_true(fabs(cat_sky_separation_deg(0, 89, 180, 89) - 2) < 1e-13);
}

static void ra_is_folded(void **state)
{
	(void)state;
	assert_true(cat_sky_normal_ra(-10) == 350);
	assert_true(cat_sky_normal_ra(360) == 0);
	assert_true(cat_sky_normal_ra(-1e-300) < 360);
	assert_true(cat_sky_normal_ra(725) == 5);
	assert_false(cat_sky_valid(NAN, 0));
	assert_false(cat_sky_valid(0, 90.0001));
	assert_true(cat_sky_valid(1e9, -90));
}

int main(void)
{
	const struct CMUnitTest tests[] = {UNIT_TEST(separations_are_exact), UNIT_TEST(separations_of_note),
	                                   UNIT_TEST(ra_is_folded)};

	return cmocka_run_group_tests_name("sky_sphere", tests, NULL, NULL);
}
