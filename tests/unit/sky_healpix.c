#include "unit.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "sky/healpix.h"
#include "sky/sphere.h"

#define GOLDEN "tests/golden/healpix.txt"
#define MAX_POINTS 8192

static double golden_ra[MAX_POINTS], golden_dec[MAX_POINTS];
static int64_t golden_cell[MAX_POINTS], got[MAX_POINTS];

static int64_t read_points(void)
{
	FILE *f = fopen(GOLDEN, "r");
	char line[256];
	int64_t n = 0;

	if (!f)
		fail_msg("%s is missing; run from the top of the tree", GOLDEN);
	while (n < MAX_POINTS && fgets(line, sizeof line, f))
		if (sscanf(line, "p %lf %lf %" SCNd64, &golden_ra[n], &golden_dec[n], &golden_cell[n]) == 3)
			n++;
	fclose(f);
	assert_true(n > 1000);
	return n;
}

/* The reference holds poles, 0h, borders and corners of base cells. */
static void cells_are_healpys(void **state)
{
	const int64_t n = read_points();

	(void)state;
	for (int64_t i = 0; i < n; i++)
		for (int order = 0; order <= 29; order++)
			assert_int_equal(cat_hpx_from_deg(order, golden_ra[i], golden_dec[i]),
			                 cat_hpx_parent29(order, golden_cell[i]));
	cat_hpx29_from_deg_n(golden_ra, golden_dec, n, got);
	assert_memory_equal(got, golden_cell, (size_t)n * sizeof *got);
}

static void every_variant_agrees(void **state)
{
	const int64_t n = read_points();
	int64_t from = 0;

	(void)state;
	for (int v = 0; v < 8; v++) {
		memset(got, 0, sizeof got);
		/* An odd start and length: vector kernels have tails. */
		if (cat_hpx29_variant(v, golden_ra + 1, golden_dec + 1, n - 3, got))
			assert_memory_equal(got, golden_cell + 1, (size_t)(n - 3) * sizeof *got);
		from += cat_hpx29_variant(v, golden_ra, golden_dec, 0, got);
	}
	assert_true(from >= 1);
}

static void every_variant_agrees_on_random_rows(void **state)
{
	static double ra[MAX_POINTS], dec[MAX_POINTS];
	uint64_t x = 0x9e3779b97f4a7c15u;

	(void)state;
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < MAX_POINTS; i++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			ra[i] = (double)(x >> 11) * 0x1p-53 * 360;
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			dec[i] = asin(2 * ((double)(x >> 11) * 0x1p-53) - 1) * CAT_RAD_DEG;
		}
		for (int v = 0; v < 3; v++) {
			if (!cat_hpx29_variant(v, ra, dec, MAX_POINTS, got))
				continue;
			for (int i = 0; i < MAX_POINTS; i++)
				assert_int_equal(got[i], cat_hpx_from_deg(29, ra[i], dec[i]));
		}
	}
}

static void odd_positions_have_no_cell(void **state)
{
	const double ra[] = {NAN, INFINITY, 10, 10, 10, -INFINITY, 1e300, 10}, dec[] = {0, 0, NAN, 90.0000001, -91, 0, 0, 90};
	int64_t cell[8];

	(void)state;
	for (int v = 0; v < 3; v++) {
		if (!cat_hpx29_variant(v, ra, dec, 8, cell))
			continue;
		for (int i = 0; i < 6; i++)
			assert_int_equal(cell[i], -1);
		assert_true(cell[6] >= 0 && cell[6] < CAT_HPX29_CELLS);
		assert_true(cell[7] >= 0);
	}
}

static void centres_and_neighbours_are_healpys(void **state)
{
	FILE *f = fopen(GOLDEN, "r");
	char line[512];
	int seen = 0;

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof line, f)) {
		int order, at;
		int64_t cell, near[8];
		double ra, dec, r, d;
		const char *p = line;

		if (sscanf(p, "c %d %" SCNd64 " %lf %lf%n", &order, &cell, &ra, &dec, &at) != 4)
			continue;
		cat_hpx_center(order, cell, &r, &d);
		assert_true(cat_sky_separation_deg(ra, dec, r, d) < 2e-13);
		cat_hpx_neighbours(order, cell, near);
		for (int k = 0; k < 8; k++) {
			int64_t want;

			p += at;
			assert_int_equal(sscanf(p, " %" SCNd64 "%n", &want, &at), 1);
			assert_int_equal(near[k], want);
		}
		seen++;
	}
	fclose(f);
	assert_true(seen > 100);
}

static void points_lie_in_their_cells_bounds(void **state)
{
	const int64_t n = read_points();

	(void)state;
	for (int64_t i = 0; i < n; i++) {
		for (int order = 0; order <= 29; order += 4) {
			const int64_t cell = cat_hpx_parent29(order, golden_cell[i]);
			double ra[2], dec[2], r, d;

			cat_hpx_bounds(order, cell, ra, dec);
			assert_true(golden_dec[i] >= dec[0] - 1e-9 && golden_dec[i] <= dec[1] + 1e-9);
			if (fabs(golden_dec[i]) < 89.999)
				assert_true(cat_sky_normal_ra(golden_ra[i] - ra[0] + 1e-6) <= ra[1] - ra[0] + 2e-6);
			cat_hpx_center(order, cell, &r, &d);
			assert_true(cat_sky_separation_deg(golden_ra[i], golden_dec[i], r, d) <=
			            cat_hpx_radius_deg(order) + 1e-13);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(cells_are_healpys),          UNIT_TEST(every_variant_agrees),
		UNIT_TEST(odd_positions_have_no_cell), UNIT_TEST(centres_and_neighbours_are_healpys),
		UNIT_TEST(points_lie_in_their_cells_bounds), UNIT_TEST(every_variant_agrees_on_random_rows),
	};

	return cmocka_run_group_tests_name("sky_healpix", tests, NULL, NULL);
}
