#include "unit.h"

#include <math.h>

#include "sky/cover.h"
#include "sky/healpix.h"
#include "sky/sphere.h"

static uint64_t seed = 88172645463325252u;

static double rnd(void)
{
	seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
	return (double)(seed >> 11) / 9007199254740992.0;
}

static void ranges_are_joined(void **state)
{
	struct cat_error err = {0};
	struct cat_cover c = {0};

	(void)state;
	assert_cat_ok(cat_cover_add(&c, 10, 20, true, &err), err);
	assert_cat_ok(cat_cover_add(&c, 5, 12, false, &err), err);
	assert_cat_ok(cat_cover_add(&c, 20, 30, false, &err), err);
	assert_cat_ok(cat_cover_add(&c, 40, 50, true, &err), err);
	assert_cat_ok(cat_cover_add(&c, 42, 44, true, &err), err);
	cat_cover_finish(&c);
	assert_int_equal(c.n, 2);
	assert_int_equal(c.at[0].lo, 5);
	assert_int_equal(c.at[0].hi, 30);
	assert_false(c.at[0].inside);
	assert_int_equal(c.at[1].hi, 50);
	assert_true(c.at[1].inside);
	assert_true(cat_cover_has(&c, 29));
	assert_false(cat_cover_has(&c, 30));
	assert_true(cat_cover_overlaps(&c, 30, 41));
	assert_false(cat_cover_overlaps(&c, 30, 40));
	cat_cover_fini(&c);
}

/* A position within the radius of one in the range lies in the cover; and the cover is not much larger. */
static void surroundings_are_complete(void **state)
{
	static const double radii[] = {1e-7, 1.0 / 3600, 0.01, 0.3, 2, 20, 100};
	struct cat_error err = {0};

	(void)state;
	for (int order = 0; order <= 12; order += 2)
		for (size_t r = 0; r < sizeof radii / sizeof *radii; r++)
			for (int try = 0; try < 12; try++) {
				/* Corners of the sky where cells shear: poles and the places where three base cells meet. */
				const double ra = try < 4 ? 360 * rnd() : 90 * (try % 4) + (rnd() - 0.5) * 0.01;
				const double dec = try < 4   ? asin(2 * rnd() - 1) * CAT_RAD_DEG
				                   : try < 8 ? (try & 1 ? 89.9999 : -89.9999) * (1 - rnd() * 1e-3)
				                             : (try & 1 ? 41.8103 : -41.8103) + (rnd() - 0.5) * 0.01;
				const int64_t cell = cat_hpx_from_deg(order, ra, dec);
				const int64_t lo = cat_hpx_first29(order, cell);
				const int64_t hi = cat_hpx_first29(order, cell + 1 < cat_hpx_cells(order) && try % 3 == 0
				                                                  ? cell + 2
				                                                  : cell + 1);
				struct cat_cover c = {0};

				assert_cat_ok(cat_cover_around(lo, hi, radii[r], &c, &err), err);
				for (int k = 0; k < 200; k++) {
					double a, d, step = radii[r] * (k % 2 ? 0.9999 : rnd()), angle = 2 * M_PI * rnd();
					double nd, na;

					cat_hpx_center(CAT_HPX_ORDER_MAX, lo + (int64_t)(rnd() * (double)(hi - lo - 1)), &a, &d);
					nd = asin(sin(d * CAT_DEG_RAD) * cos(step * CAT_DEG_RAD) +
					          cos(d * CAT_DEG_RAD) * sin(step * CAT_DEG_RAD) * cos(angle));
					na = a + atan2(sin(angle) * sin(step * CAT_DEG_RAD) * cos(d * CAT_DEG_RAD),
					               cos(step * CAT_DEG_RAD) - sin(d * CAT_DEG_RAD) * sin(nd)) *
					                 CAT_RAD_DEG;
					assert_true(cat_cover_has(&c, cat_hpx_from_deg(29, na, nd * CAT_RAD_DEG)));
				}
				cat_cover_fini(&c);
			}
}

static void surroundings_are_narrow(void **state)
{
	struct cat_error err = {0};
	struct cat_cover c = {0};
	int64_t cells = 0;

	(void)state;
	assert_cat_ok(cat_cover_around(cat_hpx_first29(3, 100), cat_hpx_first29(3, 101), 1.0 / 3600, &c, &err), err);
	for (int64_t i = 0; i < c.n; i++)
		cells += c.at[i].hi - c.at[i].lo;
	assert_true((double)cells < 1.05 * (double)cat_hpx_first29(3, 1));
	cat_cover_fini(&c);
}

/* A margin of a thousandth of an arcsecond about a base cell has half a billion cells: they are not listed, yet what
 * is within the radius belongs to it and what is a few radii away does not. */
static void narrow_margins_are_not_listed(void **state)
{
	static const double radii[] = {0.001, 0.1, 3};
	struct cat_error err = {0};

	(void)state;
	for (int try = 0; try < 600; try++) {
		const int order = try % 5;
		const double radius = radii[try % 3] / 3600;
		const int64_t cell = (int64_t)(rnd() * (double)cat_hpx_cells(order));
		double a, d;
		struct cat_rim rim = {0};
		int hits = 0;

		assert_cat_ok(cat_cover_rim(order, cell, radius, &rim, &err), err);
		assert_true(rim.cover.n < 50000);
		/* From a point inside towards one outside, to the edge by halving; then on by parts of the radius. */
		cat_hpx_center(order, cell, &a, &d);
		for (int k = 0; k < 20; k++) {
			const double ea = a + (rnd() - 0.5) * 60, ed = d + (rnd() - 0.5) * 60;
			const double length = hypot((ea - a) * cos(d * CAT_DEG_RAD), ed - d);
			double in = 0, out = 1;

			if (fabs(ed) > 85 || cat_hpx_from_deg(order, ea, ed) == cell)
				continue;
			for (int i = 0; i < 60; i++) {
				const double mid = (in + out) / 2;

				*(cat_hpx_from_deg(order, a + (ea - a) * mid, d + (ed - d) * mid) == cell ? &in : &out) = mid;
			}
			for (int i = 0; i < 4; i++) {
				const double t = out + (i < 2 ? 0.3 * (i + 1) : 60.0 * i) * radius / length * (i < 2 ? 0.5 : 1);
				const double pa = a + (ea - a) * t, pd = d + (ed - d) * t;

				if (cat_hpx_from_deg(order, pa, pd) == cell || t > 1)
					continue;
				if (i < 2)
					assert_true(cat_rim_has(&rim, cat_hpx_from_deg(29, pa, pd)));
				hits += i >= 2 && cat_rim_has(&rim, cat_hpx_from_deg(29, pa, pd));
			}
			assert_false(cat_rim_has(&rim, cat_hpx_from_deg(29, a + (ea - a) * in, d + (ed - d) * in)));
		}
		assert_true(hits <= 4); /* but along an edge */
		cat_cover_fini(&rim.cover);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {UNIT_TEST(ranges_are_joined), UNIT_TEST(surroundings_are_complete),
	                                   UNIT_TEST(surroundings_are_narrow),
	                                   UNIT_TEST(narrow_margins_are_not_listed)};

	return cmocka_run_group_tests_name("sky_cover", tests, NULL, NULL);
}
