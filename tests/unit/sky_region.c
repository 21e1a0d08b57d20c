#include "unit.h"

#include <math.h>
#include <stdio.h>

#include "sky/healpix.h"
#include "sky/polygon.h"
#include "sky/region.h"
#include "sky/sphere.h"

static uint64_t rng = 4711;

static double uniform(double lo, double hi)
{
	rng ^= rng << 13, rng ^= rng >> 7, rng ^= rng << 17;
	return lo + (hi - lo) * ((double)(rng >> 11) * 0x1p-53);
}

/* A region from words like "cone 1,2,3; box 1,2,3,4". */
static struct cat_region *region(const char *spec)
{
	struct cat_region *r;
	struct cat_error err;
	char copy[512], *save = NULL;

	assert_cat_ok(cat_region_new(&r, &err), err);
	snprintf(copy, sizeof copy, "%s", spec);
	for (char *s = strtok_r(copy, ";", &save); s; s = strtok_r(NULL, ";", &save)) {
		char *arg = strchr(s += strspn(s, " "), ' ');

		*arg++ = '\0';
		if (strcmp(s, "cone") == 0)
			assert_cat_ok(cat_region_add_cone(r, arg, &err), err);
		else if (strcmp(s, "box") == 0)
			assert_cat_ok(cat_region_add_box(r, arg, &err), err);
		else if (strcmp(s, "polygon") == 0)
			assert_cat_ok(cat_region_add_polygon(r, arg, &err), err);
		else
			assert_cat_ok(cat_region_add_moc(r, arg, strlen(arg), &err), err);
	}
	return r;
}

static bool has(const char *spec, double ra, double dec)
{
	struct cat_region *r = region(spec);
	uint8_t in = 9;

	cat_region_contains_n(r, &ra, &dec, 1, &in);
	cat_region_free(r);
	return in == 1;
}

static void edges_belong(void **state)
{
	static const struct {
		const char *spec;
		double ra, dec;
		bool in;
	} cases[] = {
		{"cone 10,20,1", 10, 21, true},         {"cone 10,20,1", 10, 21.0000001, false},
		{"cone 10,20,1", 10, 19, true},         {"cone 0,0,1", 359, 0, true},
		{"cone 0,0,180", 180, 0, true},         {"cone 10,20,0", 10, 20, true},
		{"cone 10,20,0", 370, 20, true},        {"cone 10,89.5,1", 190, 89.5, true},
		{"cone 10,20,30arcmin", 10, 20.5, true}, {"cone 00h40m,+20d,3600arcsec", 10, 21, true},
		{"cone 0,90,90", 77, 0, true},          {"cone 0,90,90", 77, -1e-9, false},
		{"box 350,10,-5,5", 0, 0, true},        {"box 350,10,-5,5", 350, 5, true},
		{"box 350,10,-5,5", 10, -5, true},      {"box 350,10,-5,5", 180, 0, false},
		{"box 10,350,-5,5", 180, 0, true},      {"box 10,350,-5,5", 0, 0, false},
		{"box 0,360,1,2", 123, 1.5, true},      {"box -180,180,1,2", 123, 1.5, true},
		{"box 10,20,80,90", 200, 90, true},     {"box 10,20,80,90", 200, 89.9, false},
		{"box 10,10,0,0", 10, 0, true},         {"box 10,20,0,5", -345, 3, true},
		{"polygon 0,0,10,0,10,10,0,10", 5, 0, true},    {"polygon 0,0,10,0,10,10,0,10", 10, 5, true},
		{"polygon 0,0,10,0,10,10,0,10", 10, 10, true},  {"polygon 0,0,10,0,10,10,0,10", 5, 5, true},
		{"polygon 0,0,10,0,10,10,0,10", 5, 10.01, true}, /* great circles bulge to the pole */
		{"polygon 0,0,10,0,10,10,0,10", 5, 10.05, false}, {"polygon 0,0,10,0,10,10,0,10", 185, -5, false},
		{"polygon 0,10,10,10,10,0,0,0", 5, 5, true},    /* either sense of turning */
		{"polygon 350,-5,10,-5,10,5,350,5,350,-5", 0, 0, true},
		{"polygon 0,60,90,60,180,60,270,60", 45, 90, true}, {"polygon 0,60,90,60,180,60,270,60", 45, -90, false},
		{"polygon 0,0,10,0,10,10,5,2,0,10", 5, 5, false}, {"polygon 0,0,10,0,10,10,5,2,0,10", 5, 1, true},
		{"moc 0/4", 0, 0, true},                {"moc 0/4", 180, 0, false},
		{"cone 10,20,1; cone 50,20,1", 50, 20, true}, {"cone 10,20,1; box 0,360,20.5,30", 10, 20, false},
		{"cone 10,20,1; box 0,360,20.5,30", 10, 20.7, true},
		{"cone 10,20,1; moc 0/0-11; polygon 9,20,11,20,10,22", 10, 20.5, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (has(cases[i].spec, cases[i].ra, cases[i].dec) != cases[i].in)
			fail_msg("%s: %g %g", cases[i].spec, cases[i].ra, cases[i].dec);
}

static void odd_positions_lie_nowhere(void **state)
{
	(void)state;
	assert_false(has("cone 0,0,180", NAN, 0));
	assert_false(has("box 0,360,-90,90", 0, NAN));
	assert_false(has("moc 0/0-11", 0, 90.001));
	assert_false(has("polygon 0,0,10,0,0,10", INFINITY, 0));
	assert_true(has("", 5, 5));
	assert_false(has("", 5, 95));
}

static const char *const specs[] = {
	"cone 10,20,5", "cone 0,90,0.3", "cone 359.9,-89,3", "cone 100,0,89", "cone 200,-40,120", "cone 30,41.81,1arcsec",
	"box 350,10,-5,40", "box 10,350,80,90", "box 0,360,-90,-60", "box 44,46,-90,90", "box 10,10,5,5",
	"polygon 0,0,10,0,10,10,5,2,0,10", "polygon 0,60,90,70,180,60,270,65", "polygon 45,-80,135,-70,200,-88",
	"polygon 0,-30,120,-30,240,-30,240,30,120,20,0,30", "polygon 0,0,1,1,0,1,1,0", "moc 3/5-9,77,400 7/1000",
	"cone 10,20,5; box 350,12,18,40; moc 1/0-30", "cone 10,20,5; cone 14,22,5; polygon 0,0,60,0,60,60,0,60",
};

/* Positions near the region and all over the sky. */
static void draw(const struct cat_cover *c, double *ra, double *dec)
{
	if (c->n && uniform(0, 1) < 0.7) {
		const int64_t i = (int64_t)uniform(0, (double)c->n);
		const struct cat_cover_range r = c->at[i < c->n ? i : 0];

		cat_hpx_center(29, r.lo + (int64_t)(uniform(0, 1) * (double)(r.hi - r.lo - 1)), ra, dec);
		*ra += uniform(-0.01, 0.01);
		*dec = fmax(-90, fmin(90, *dec + uniform(-0.01, 0.01)));
	} else {
		*ra = uniform(0, 360);
		*dec = asin(uniform(-1, 1)) * CAT_RAD_DEG;
	}
}

static void covers_hold_their_regions(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof specs / sizeof *specs; k++) {
		for (int order = 0; order <= 12; order += 4) {
			struct cat_region *r = region(specs[k]);
			struct cat_region_box box;
			struct cat_cover c = {0};
			struct cat_error err;

			assert_cat_ok(cat_region_cover(r, order, 300, &c, &err), err);
			cat_region_bounds(r, &box);
			for (int i = 0; i < 1500; i++) {
				double ra, dec;
				uint8_t in, inside = 0;
				int64_t cell;

				draw(&c, &ra, &dec);
				cell = cat_hpx_from_deg(29, ra, dec);
				cat_region_contains_n(r, &ra, &dec, 1, &in);
				for (int64_t m = 0; m < c.n; m++)
					inside |= cell >= c.at[m].lo && cell < c.at[m].hi && c.at[m].inside;
				if (in && (!cat_cover_overlaps(&c, cell, cell + 1) || !cat_region_overlaps(r, cell, cell + 1) ||
				           !cat_region_box_overlaps(&box, ra, ra, dec, dec)))
					fail_msg("%s, order %d: %.17g %.17g is missed", specs[k], order, ra, dec);
				if (inside && !in)
					fail_msg("%s, order %d: %.17g %.17g is not inside", specs[k], order, ra, dec);
			}
			for (int64_t m = 1; m < c.n; m++)
				assert_true(c.at[m].lo >= c.at[m - 1].hi && c.at[m].lo < c.at[m].hi);
			cat_cover_fini(&c);
			cat_region_free(r);
		}
	}
}

/* The overshoot is small, and a small region costs few cells. */
static void covers_are_close(void **state)
{
	struct cat_region *r = region("cone 10,20,1");
	const double area = (1 - cos(1 * CAT_DEG_RAD)) / 2;
	struct cat_cover c = {0};
	struct cat_error err;
	double all = 0, inside = 0;

	(void)state;
	assert_cat_ok(cat_region_cover(r, 11, 10000, &c, &err), err);
	for (int64_t i = 0; i < c.n; i++) {
		const double part = (double)(c.at[i].hi - c.at[i].lo) / (double)CAT_HPX29_CELLS;

		all += part;
		inside += c.at[i].inside ? part : 0;
	}
	assert_true(all > area && all < 1.1 * area);
	assert_true(inside < area && inside > 0.9 * area);
	assert_false(cat_region_overlaps(r, cat_hpx_first29(5, 0), cat_hpx_first29(5, 100)));
	assert_true(cat_region_overlaps(r, 0, CAT_HPX29_CELLS));
	cat_cover_fini(&c);
	cat_region_free(r);
}

/* Inside by the sum of the angles that the edges take up, seen from the point: sound within a hemisphere. */
static bool by_angles(const double *ra, const double *dec, int n, double pra, double pdec)
{
	double sum = 0;

	for (int i = 0; i < n; i++) {
		double az[2];

		for (int k = 0; k < 2; k++) {
			const int j = (i + k) % n;
			const double d = (ra[j] - pra) * CAT_DEG_RAD, d1 = pdec * CAT_DEG_RAD, d2 = dec[j] * CAT_DEG_RAD;

			az[k] = atan2(sin(d) * cos(d2), cos(d1) * sin(d2) - sin(d1) * cos(d2) * cos(d));
		}
		sum += remainder(az[1] - az[0], 6.283185307179586);
	}
	return fabs(sum) > 3;
}

static void polygons_agree_with_angles(void **state)
{
	(void)state;
	for (int round = 0; round < 300; round++) {
		const int n = 3 + (int)uniform(0, 9);
		const double size = pow(10, uniform(-4, 1.5)), ra0 = uniform(0, 360), dec0 = asin(uniform(-1, 1)) * CAT_RAD_DEG;
		double ra[12], dec[12];
		struct cat_polygon p;
		struct cat_error err;

		/* A star: rays in order around a middle, of any length. */
		for (int i = 0; i < n; i++) {
			const double t = 6.283185307179586 * ((double)i + uniform(0.1, 0.9)) / n, s = size * uniform(0.2, 1);
			const double d = dec0 * CAT_DEG_RAD, sr = s * CAT_DEG_RAD;
			const double z = sin(d) * cos(sr) + cos(d) * sin(sr) * cos(t);

			dec[i] = asin(z) * CAT_RAD_DEG;
			ra[i] = ra0 + atan2(sin(t) * sin(sr) * cos(d), cos(sr) - sin(d) * z) * CAT_RAD_DEG;
		}
		assert_cat_ok(cat_polygon_init(&p, ra, dec, n, &err), err);
		for (int i = 0; i < 200; i++) {
			const double pdec = fmin(90, fmax(-90, dec0 + uniform(-size, size)));
			const double pra = ra0 + uniform(-size, size) / fmax(0.02, cos(dec0 * CAT_DEG_RAD));

			if (cat_sky_separation_deg(ra0, dec0, pra, pdec) < 40 &&
			    cat_polygon_contains(&p, pra, pdec) != by_angles(ra, dec, n, pra, pdec))
				fail_msg("round %d, %d vertices: %.17g %.17g", round, n, pra, pdec);
		}
		cat_polygon_fini(&p);
	}
}

static void bounds_cross_0h(void **state)
{
	struct cat_region *r = region("cone 359,0,2; cone 3,1,1");
	struct cat_region_box b;

	(void)state;
	cat_region_bounds(r, &b);
	assert_true(b.ra_bounded && !b.empty);
	assert_true(fabs(b.ra_deg[0] - 357) < 1e-6 && fabs(b.ra_deg[1] - 364) < 1e-3);
	assert_true(cat_region_box_overlaps(&b, -2, -1, 0, 0));
	assert_true(cat_region_box_overlaps(&b, 0, 360, 0, 0));
	assert_true(cat_region_box_overlaps(&b, NAN, NAN, NAN, NAN));
	assert_false(cat_region_box_overlaps(&b, 10, 20, 0, 0));
	assert_false(cat_region_box_overlaps(&b, 0, 1, 3, 4));
	cat_region_free(r);
	r = region("cone 10,0,1; box 20,30,-5,5");
	cat_region_bounds(r, &b);
	assert_true(b.empty);
	cat_region_free(r);
}

static void wrong_texts_are_refused(void **state)
{
	static const struct {
		const char *spec;
		int code;
	} bad[] = {
		{"c1,2", CAT_E_USAGE}, {"c", CAT_E_USAGE}, {"cM31,1", CAT_E_UNSUPPORTED}, {"c1,2,3,4", CAT_E_USAGE},
		{"c1,95,3", CAT_E_USAGE}, {"c1,2,181", CAT_E_USAGE}, {"c1,2,-1", CAT_E_USAGE}, {"c,,", CAT_E_USAGE},
		{"cnan,0,1", CAT_E_USAGE}, {"b1,2,3", CAT_E_USAGE}, {"b1,2,4,3", CAT_E_USAGE}, {"b1,2,-91,3", CAT_E_USAGE},
		{"p1,2,3,4", CAT_E_USAGE}, {"p1,2,3,4,5", CAT_E_USAGE}, {"p1,2,1,2,1,2", CAT_E_USAGE},
		{"p0,0,180,0,90,90", CAT_E_USAGE}, {"p0,0,1,0,1,x", CAT_E_USAGE}, {"m5/99999999", CAT_E_DATA},
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		const char *text = bad[i].spec + 1;
		struct cat_region *r;
		struct cat_error err = {0};
		int rc;

		assert_cat_ok(cat_region_new(&r, &err), err);
		rc = bad[i].spec[0] == 'c'   ? cat_region_add_cone(r, text, &err)
		     : bad[i].spec[0] == 'b' ? cat_region_add_box(r, text, &err)
		     : bad[i].spec[0] == 'p' ? cat_region_add_polygon(r, text, &err)
		                             : cat_region_add_moc(r, text, strlen(text), &err);
		if (rc != bad[i].code)
			fail_msg("%s gave %d: %s", bad[i].spec, rc, err.cause);
		assert_true(cat_region_is_all(r));
		cat_region_free(r);
	}
}

static void every_allocation_may_fail(void **state)
{
	(void)state;
	for (int64_t n = 1;; n++) {
		struct cat_region *r = NULL;
		struct cat_cover c = {0};
		struct cat_error err;
		int rc;

		cat_alloc_fail_after(n);
		rc = cat_region_new(&r, &err);
		if (rc == CAT_OK)
			rc = cat_region_add_cone(r, "1,2,3", &err);
		if (rc == CAT_OK)
			rc = cat_region_add_box(r, "0,10,-5,5", &err);
		if (rc == CAT_OK)
			rc = cat_region_add_polygon(r, "0,0,10,0,10,10", &err);
		if (rc == CAT_OK)
			rc = cat_region_add_moc(r, "0/0-11", 6, &err);
		if (rc == CAT_OK)
			rc = cat_region_cover(r, 6, 100, &c, &err);
		cat_cover_fini(&c);
		cat_region_free(r);
		if (unit_all_tried(rc))
			break;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(edges_belong),          UNIT_TEST(odd_positions_lie_nowhere),
		UNIT_TEST(covers_are_close),      UNIT_TEST(covers_hold_their_regions),
		UNIT_TEST(bounds_cross_0h),       UNIT_TEST(polygons_agree_with_angles),
		UNIT_TEST(wrong_texts_are_refused), UNIT_TEST(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("sky_region", tests, NULL, NULL);
}
