#include "unit.h"

#include <math.h>
#include <stdio.h>

#include "sky/healpix.h"
#include "sky/match.h"
#include "sky/sphere.h"

struct sky {
	int64_t n;
	double ra[4096], dec[4096];
};
static struct sky left, right;
static uint64_t rng;

static double uniform(double lo, double hi)
{
	rng ^= rng << 13, rng ^= rng >> 7, rng ^= rng << 17;
	return lo + (hi - lo) * ((double)(rng >> 11) * 0x1p-53);
}

enum scene { WHOLE, NORTH, SOUTH, SEAM, CLUSTERS, SAME, GRID, POLE_POINTS, ODD, SCENES };
static const char *const scene_name[] = {"whole sky", "north pole",  "south pole",  "0h",           "clusters",
                                         "one place", "whole degrees", "the poles", "odd positions"};

/* N positions of a scene; SCALE is the size of its structure in degrees. */
static void draw(struct sky *s, enum scene scene, int64_t n, double scale)
{
	s->n = n;
	for (int64_t i = 0; i < n; i++) {
		double ra = uniform(0, 360), dec = asin(uniform(-1, 1)) * CAT_RAD_DEG;

		if (scene == NORTH || scene == SOUTH) {
			dec = 90 - scale * sqrt(uniform(0, 1));
			dec = scene == NORTH ? fmax(dec, -90) : -fmax(dec, -90);
		} else if (scene == SEAM) {
			ra = cat_sky_normal_ra(uniform(-scale, scale));
			dec = fmin(90, fmax(-90, uniform(-scale, scale) + 60));
		} else if (scene == CLUSTERS) {
			ra = 40 * floor(uniform(0, 9)) + uniform(-scale, scale);
			dec = fmin(90, fmax(-90, -85 + uniform(-scale, scale)));
		} else if (scene == SAME) {
			ra = 123.25, dec = -45.5;
		} else if (scene == GRID) {
			ra = floor(uniform(0, 361)), dec = floor(uniform(-90, 91));
		} else if (scene == POLE_POINTS) {
			dec = uniform(0, 1) < 0.5 ? 90 : -90;
		} else if (scene == ODD) {
			const double which = uniform(0, 6);

			ra = which < 1 ? NAN : which < 2 ? uniform(-720, 0) : which < 3 ? 360 : which < 4 ? 1080 : ra;
			dec = which > 5 ? 90.001 : which > 4 ? (double)NAN : uniform(-scale, scale);
		}
		s->ra[i] = ra;
		s->dec[i] = dec;
	}
}

static struct cat_pair brute[4096];

static int by_nearness(const void *a, const void *b)
{
	const struct cat_pair *p = a, *q = b;

	if (p->sep_deg != q->sep_deg)
		return p->sep_deg < q->sep_deg ? -1 : 1;
	return p->right < q->right ? -1 : p->right > q->right;
}

/* What the K nearest of left row I must be, by trying them all. */
static int64_t by_force(int64_t i, double radius, int64_t k)
{
	int64_t n = 0;

	if (!cat_sky_valid(left.ra[i], left.dec[i]))
		return 0;
	for (int64_t j = 0; j < right.n; j++) {
		if (!cat_sky_valid(right.ra[j], right.dec[j]))
			continue;
		brute[n].sep_deg = cat_sky_separation_deg(left.ra[i], left.dec[i], right.ra[j], right.dec[j]);
		brute[n].left = (uint32_t)i;
		brute[n].right = (uint32_t)j;
		n += brute[n].sep_deg <= radius;
	}
	qsort(brute, (size_t)n, sizeof *brute, by_nearness);
	return k != CAT_MATCH_ALL && n > k ? k : n;
}

static void compare(const char *what, double radius, int64_t k)
{
	struct cat_match_index *ix;
	struct cat_pairs p = {0};
	struct cat_error err;
	int64_t at = 0;

	assert_cat_ok(cat_match_index_new(right.ra, right.dec, right.n, radius, &ix, &err), err);
	assert_cat_ok(cat_match_query(ix, left.ra, left.dec, left.n, k, &p, &err), err);
	for (int64_t i = 0; i < left.n; i++) {
		const int64_t n = by_force(i, radius, k);

		for (int64_t m = 0; m < n; m++, at++)
			if (at >= p.n || p.at[at].left != brute[m].left || p.at[at].right != brute[m].right ||
			    p.at[at].sep_deg != brute[m].sep_deg)
				fail_msg("%s: radius %g, k %d: left row %d (%.17g %.17g): partner %d of %d is wrong", what,
				         radius, (int)k, (int)i, left.ra[i], left.dec[i], (int)m, (int)n);
	}
	assert_int_equal(at, p.n);
	cat_pairs_fini(&p);
	cat_match_index_free(ix);
}

static void agrees_with_brute_force(void **state)
{
	static const double radii[] = {0, 1.0 / 3.6e6, 1.0 / 3600, 0.01, 1, 15, 90, 179, 180};
	static const int64_t ks[] = {1, CAT_MATCH_ALL, 2, 7};

	(void)state;
	rng = 20260101;
	for (int scene = 0; scene < SCENES; scene++) {
		for (size_t r = 0; r < sizeof radii / sizeof *radii; r++) {
			/* Structure of the radius' own size, so that about half of the near pairs count. */
			const double scale = fmin(90, fmax(radii[r] * 4, 1e-7));
			const int64_t k = ks[(size_t)(scene + (int)r) % 4];

			draw(&right, (enum scene)scene, 200, scale);
			draw(&left, (enum scene)scene, 120, scale);
			compare(scene_name[scene], radii[r], k);
			compare(scene_name[scene], radii[r], CAT_MATCH_ALL);
		}
	}
}

/* Enough rows for sorted queries, several zones and cells. */
static void agrees_when_sorted(void **state)
{
	(void)state;
	rng = 77;
	for (int scene = 0; scene < SCENES; scene += scene == SAME ? 2 : 1) {
		draw(&right, (enum scene)scene, 2000, 3);
		draw(&left, (enum scene)scene, 700, 3);
		compare(scene_name[scene], 0.3, 1);
		compare(scene_name[scene], 2.0, 3);
		compare(scene_name[scene], 0.2, CAT_MATCH_ALL);
		compare(scene_name[scene], 180, 1);
	}
}

struct placed {
	int64_t cell;
	double ra, dec;
};

static int by_cell(const void *a, const void *b)
{
	const struct placed *p = a, *q = b;

	return (p->cell > q->cell) - (p->cell < q->cell);
}

/* Into the order of a catalogue; rows without a position first. */
static void sort_by_cell(struct sky *s)
{
	static struct placed at[4096];
	static int64_t cell[4096];

	cat_hpx29_from_deg_n(s->ra, s->dec, s->n, cell);
	for (int64_t i = 0; i < s->n; i++)
		at[i] = (struct placed){cell[i], s->ra[i], s->dec[i]};
	qsort(at, (size_t)s->n, sizeof at[0], by_cell);
	for (int64_t i = 0; i < s->n; i++)
		s->ra[i] = at[i].ra, s->dec[i] = at[i].dec;
}

/* The first N rows at one place, SCALE degrees wide. */
static void crowd(struct sky *s, int64_t n, double ra, double dec, double scale)
{
	for (int64_t i = 0; i < n && i < s->n; i++) {
		s->ra[i] = ra + uniform(-scale, scale);
		s->dec[i] = fmin(90, fmax(-90, dec + uniform(-scale, scale)));
	}
}

/* Rows that come place by place, as in a catalogue: evenly, in crowds that fill a cell, and a crowd too large for one. */
static void agrees_place_by_place(void **state)
{
	static const int64_t crowds[] = {0, 40, 400, 3000};
	static const double radii[] = {1e-6, 1e-3, 0.02, 0.3};

	(void)state;
	rng = 99;
	for (int scene = 0; scene < SCENES; scene += scene == CLUSTERS ? 2 : 1)
		for (size_t c = 0; c < sizeof crowds / sizeof *crowds; c++) {
			const double radius = radii[(c + (size_t)scene) % 4], scale = c % 2 ? radius * 30 : 4;

			draw(&right, (enum scene)scene, 3500, scale);
			draw(&left, (enum scene)scene, 300, scale);
			crowd(&right, crowds[c], 10, scene % 2 ? 60 : 0.1, 20 * radius);
			crowd(&left, crowds[c] / 10, 10, scene % 2 ? 60 : 0.1, 20 * radius);
			/* Some are the same. */
			for (int64_t i = 0; i < 50; i++)
				left.ra[i] = right.ra[i], left.dec[i] = right.dec[i];
			sort_by_cell(&right);
			sort_by_cell(&left);
			compare(scene_name[scene], radius, CAT_MATCH_ALL);
			compare(scene_name[scene], radius, c % 2 ? 1 : 3);
		}
}

/* Both ways round, with ties: whole degrees and one place. */
static void backward_and_mutual(void **state)
{
	static const enum scene scenes[] = {GRID, SAME, CLUSTERS, SEAM, NORTH};
	static uint32_t nearest_left[2048], nearest_right[2048];

	(void)state;
	rng = 31;
	for (size_t s = 0; s < 2 * sizeof scenes / sizeof *scenes; s++) {
		const bool mutual = s & 1;
		struct cat_pairs p = {0};
		struct cat_error err;
		int64_t pairs = 0;

		draw(&right, scenes[s / 2], 300, 2);
		draw(&left, scenes[s / 2], 250, 2);
		for (int64_t i = 0; i < left.n; i++)
			nearest_right[i] = by_force(i, 1.0, 1) ? brute[0].right : UINT32_MAX;
		for (int64_t j = 0; j < right.n; j++) {
			double best = INFINITY;

			nearest_left[j] = UINT32_MAX;
			for (int64_t i = 0; i < left.n; i++) {
				const double sep = cat_sky_separation_deg(left.ra[i], left.dec[i], right.ra[j], right.dec[j]);

				if (sep <= 1.0 && sep < best) {
					best = sep;
					nearest_left[j] = (uint32_t)i;
				}
			}
			pairs += nearest_left[j] != UINT32_MAX && (!mutual || nearest_right[nearest_left[j]] == j);
		}
		assert_cat_ok(cat_match_back(&(struct cat_positions){left.ra, left.dec, left.n},
		                             &(struct cat_positions){right.ra, right.dec, right.n}, 1.0, mutual, &p, &err),
		              err);
		assert_int_equal(p.n, pairs);
		for (int64_t i = 0; i < p.n; i++) {
			assert_int_equal(nearest_left[p.at[i].right], p.at[i].left);
			assert_true(!mutual || nearest_right[p.at[i].left] == p.at[i].right);
			if (i && p.at[i].left == p.at[i - 1].left)
				assert_true(p.at[i].sep_deg > p.at[i - 1].sep_deg ||
				            (p.at[i].sep_deg == p.at[i - 1].sep_deg && p.at[i].right > p.at[i - 1].right));
			else
				assert_true(!i || p.at[i].left > p.at[i - 1].left);
		}
		cat_pairs_fini(&p);
	}
}

/* The mistakes of matchers that only know a flat sky. */
static void known_mistakes(void **state)
{
	static const struct {
		double ra1, dec1, ra2, dec2, radius_arcsec;
		int pairs;
	} cases[] = {
		{10, 80, 10.0 + 5.0 / 3600, 80, 1, 1},             /* a window of ra that grows to the pole */
		{10, 0, 10.0 + 1.5 / 3600, 0, 1, 0},
		{359.99999, 10, 0.00001, 10, 0.1, 1},              /* across 0h */
		{0, 89.9999, 180, 89.9999, 0.8, 1},                /* across the pole */
		{0, 89.9999, 180, 89.9999, 0.7, 0},
		{50, 20, 50, 20.0 + 30.0 / 3600, 30.5, 1},         /* across zones, beyond 10 arcsec */
		{-0.5, -10, 359.5, -10, 0, 1},                     /* ra modulo 360 */
		{10, 20, 10, 20, 0, 1},                            /* separation <= radius */
	};
	struct cat_error err;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct cat_match_index *ix;
		struct cat_pairs p = {0};

		assert_cat_ok(cat_match_index_new(&cases[i].ra2, &cases[i].dec2, 1, cases[i].radius_arcsec / 3600, &ix,
		                                  &err), err);
		assert_cat_ok(cat_match_query(ix, &cases[i].ra1, &cases[i].dec1, 1, CAT_MATCH_ALL, &p, &err), err);
		if (p.n != cases[i].pairs)
			fail_msg("case %d", (int)i);
		cat_pairs_fini(&p);
		cat_match_index_free(ix);
	}
}

/* Ids and positions of a CSV file that begins with id,ra,dec. */
static void read_csv(const char *name, struct sky *s, int *id)
{
	char path[512], line[256];
	FILE *f;

	snprintf(path, sizeof path, "%s/hats/%s", unit_data(), name);
	f = fopen(path, "r");
	if (!f)
		skip();
	s->n = 0;
	while (s->n < 2048 && fgets(line, sizeof line, f))
		if (sscanf(line, "%d,%lf,%lf", &id[s->n], &s->ra[s->n], &s->dec[s->n]) == 3)
			s->n++;
	fclose(f);
}

/* LSDB's nearest partners within 36 and 18 arcsec: id, partner, distance in degrees. */
static void agrees_with_lsdb(void **state)
{
	static const char *const files[] = {"xmatch_correct.csv", "xmatch_correct_0_005.csv"};
	static int left_id[2048], right_id[2048];

	(void)state;
	if (!unit_data())
		skip();
	read_csv("import-input/small_sky.csv", &left, left_id);
	read_csv("xmatch/small_sky_xmatch.csv", &right, right_id);
	for (size_t k = 0; k < 2; k++) {
		struct cat_match_index *ix;
		struct cat_pairs p = {0};
		struct cat_error err;
		char path[512], line[256];
		int64_t seen = 0;
		FILE *f;

		assert_cat_ok(cat_match_index_new(right.ra, right.dec, right.n, k ? 0.005 : 0.01, &ix, &err), err);
		assert_cat_ok(cat_match_query(ix, left.ra, left.dec, left.n, 1, &p, &err), err);
		snprintf(path, sizeof path, "%s/hats/xmatch/expected/%s", unit_data(), files[k]);
		f = fopen(path, "r");
		assert_non_null(f);
		while (fgets(line, sizeof line, f)) {
			int row, id1;
			double id2, dist;

			if (sscanf(line, "%d,%d,%lf,%lf", &row, &id1, &id2, &dist) != 4)
				continue;
			for (int64_t i = 0; i < p.n; i++)
				if (left_id[p.at[i].left] == id1 && right_id[p.at[i].right] == (int)id2 &&
				    fabs(p.at[i].sep_deg - dist) < 1e-12)
					seen++;
		}
		fclose(f);
		assert_true(seen > 10);
		assert_int_equal(seen, p.n);
		cat_pairs_fini(&p);
		cat_match_index_free(ix);
	}
}

static void refusals(void **state)
{
	struct cat_match_index *ix = NULL;
	struct cat_pairs p = {0};
	struct cat_error err;
	const double bad = NAN;

	(void)state;
	assert_int_equal(cat_match_index_new(&bad, &bad, 1, -1, &ix, &err), CAT_E_USAGE);
	assert_int_equal(cat_match_index_new(&bad, &bad, 1, NAN, &ix, &err), CAT_E_USAGE);
	assert_int_equal(cat_match_index_new(&bad, &bad, 1, 181, &ix, &err), CAT_E_USAGE);
	assert_cat_ok(cat_match_index_new(&bad, &bad, 1, 1, &ix, &err), err);
	assert_cat_ok(cat_match_query(ix, &bad, &bad, 1, 1, &p, &err), err);
	assert_int_equal(p.n, 0);
	cat_match_index_free(ix);
	assert_cat_ok(cat_match_index_new(NULL, NULL, 0, 1, &ix, &err), err);
	draw(&left, WHOLE, 600, 1);
	assert_cat_ok(cat_match_query(ix, left.ra, left.dec, 600, CAT_MATCH_ALL, &p, &err), err);
	assert_cat_ok(cat_match_query(ix, left.ra, left.dec, 0, 3, &p, &err), err);
	assert_int_equal(p.n, 0);
	cat_match_index_free(ix);
	cat_match_index_free(NULL);
	cat_pairs_fini(&p);
}

static void allocations_may_fail(bool by_place)
{
	struct cat_error err;

	rng = 5;
	draw(&right, WHOLE, 1500, 1);
	draw(&left, WHOLE, 600, 1);
	if (by_place) {
		sort_by_cell(&right);
		sort_by_cell(&left);
	}
	for (int64_t n = 1;; n++) {
		struct cat_match_index *ix = NULL;
		struct cat_pairs p = {0};
		int rc;

		cat_alloc_fail_after(n);
		rc = cat_match_index_new(right.ra, right.dec, right.n, 20, &ix, &err);
		if (rc == CAT_OK)
			rc = cat_match_query(ix, left.ra, left.dec, left.n, CAT_MATCH_ALL, &p, &err);
		cat_match_index_free(ix);
		cat_pairs_fini(&p);
		if (unit_all_tried(rc))
			break;
	}
}

static void every_allocation_may_fail(void **state)
{
	(void)state;
	allocations_may_fail(false);
	allocations_may_fail(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(agrees_with_brute_force), UNIT_TEST(agrees_when_sorted), UNIT_TEST(known_mistakes),
		UNIT_TEST(agrees_place_by_place),   UNIT_TEST(backward_and_mutual),
		UNIT_TEST(agrees_with_lsdb),
		UNIT_TEST(refusals),                UNIT_TEST(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("sky_match", tests, NULL, NULL);
}
