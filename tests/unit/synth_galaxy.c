#include "unit.h"

#include <math.h>

#include "synth/galaxy.h"

/* What the model is held to: stars of the real sky, all to within 30 per cent. */
#define NEAR(got, want) near_(got, want, #got)

static void near_(double got, double want, const char *what)
{
	if (!(got > 0.7 * want && got < 1.3 * want))
		fail_msg("%s is %g, to be %g", what, got, want);
}

struct counts {
	double brighter[60]; /* than 0.5 i mag, of the whole sky */
	double zones[5];     /* per square degree, by galactic latitude */
	double colours[40];  /* shares in steps of 0.1 from B - V = -0.5 */
	double populations[CAT_SYNTH_CLOUD + 1], kinds[3];
};
static const double zone_edges[] = {0, 5, 15, 30, 60, 90};

static struct counts count(double limit_mag, int n)
{
	struct cat_error err = {0};
	struct cat_galaxy *g;
	struct counts c = {0};
	double draws = 0, sky;

	assert_cat_ok(cat_galaxy_new(limit_mag, 1, &g, &err), err);
	for (int i = 0; i < n; i++) {
		struct cat_synth_stream s = cat_synth_stream(1, 99, (uint64_t)i);
		struct cat_synth_star star;
		double d, b;
		int k = 0;

		draws += cat_galaxy_star(g, &s, &star);
		assert_true(star.vmag < limit_mag + 1e-9);
		d = sqrt(star.pos[0] * star.pos[0] + star.pos[1] * star.pos[1] + star.pos[2] * star.pos[2]);
		b = fabs(asin(star.pos[2] / d)) * 180 / M_PI;
		while (k < 4 && b >= zone_edges[k + 1])
			k++;
		c.zones[k]++;
		for (int m = (int)fmax(0, ceil(star.vmag * 2)); m < 60; m++)
			c.brighter[m]++;
		if (star.bv > -0.5 && star.bv < 3.5)
			c.colours[(int)((star.bv + 0.5) * 10)] += 1.0 / n;
		c.populations[star.population] += 1.0 / n;
		c.kinds[star.kind] += 1.0 / n;
	}
	/* A star of the sky is so many draws of the table's weight. */
	sky = cat_galaxy_weight(g) / draws;
	for (int m = 0; m < 60; m++)
		c.brighter[m] *= sky;
	for (int k = 0; k < 5; k++)
		c.zones[k] *= sky / (4 * M_PI * (sin(zone_edges[k + 1] * M_PI / 180) - sin(zone_edges[k] * M_PI / 180)) *
		                     pow(180 / M_PI, 2));
	cat_galaxy_free(g);
	return c;
}

static void bright_stars(void **state)
{
	const struct counts c = count(10.5, 150000);

	(void)state;
	NEAR(c.brighter[12], 5.0e3);
	NEAR(c.brighter[14], 15.5e3);
	NEAR(c.brighter[16], 45.9e3);
	NEAR(c.brighter[18], 132e3);
	NEAR(c.brighter[20], 362e3);
	NEAR(c.brighter[21], 593e3);
	NEAR(c.zones[0], 29.9);
	NEAR(c.zones[1], 22.7);
	NEAR(c.zones[2], 15.3);
	NEAR(c.zones[3], 9.6);
	NEAR(c.zones[4], 7.0);
}

static void faint_stars(void **state)
{
	const struct counts c = count(16.5, 150000);

	(void)state;
	NEAR(c.brighter[24] - c.brighter[21], 1.7e6);
	NEAR(c.brighter[27] - c.brighter[24], 7.1e6);
	NEAR(c.brighter[30] - c.brighter[27], 24.7e6);
	NEAR(c.brighter[33] - c.brighter[30], 50.8e6);
}

static void colours(void **state)
{
	const struct counts c = count(9, 100000);
	const double blue = c.colours[9], red = c.colours[15], valley = (c.colours[12] + c.colours[13]) / 2;

	(void)state;
	/* Peaks at 0.45 and 1.05, a valley between them at 0.75 to 0.85. */
	for (int k = 5; k < 13; k++)
		assert_true(c.colours[k] <= blue);
	for (int k = 12; k < 25; k++)
		assert_true(c.colours[k] <= red);
	assert_true(valley < 0.4 * fmin(blue, red));
	assert_true(valley > 0.1 * fmax(blue, red));
}

static void deep_survey(void **state)
{
	const struct counts c = count(20, 60000);

	(void)state;
	NEAR(c.kinds[CAT_SYNTH_DWARF], 0.85);
	NEAR(c.kinds[CAT_SYNTH_GIANT], 0.14);
	NEAR(c.kinds[CAT_SYNTH_WHITE_DWARF], 0.01);
	NEAR(c.populations[CAT_SYNTH_BULGE], 0.10);
	assert_true(c.populations[CAT_SYNTH_CLOUD] > 0.001);
	assert_true(c.populations[CAT_SYNTH_CLUSTER] > 0);
}

static void normal_numbers(void **state)
{
	struct cat_synth_stream s = cat_synth_stream(3, 4, 5);
	enum { N = 200000 };
	double sum = 0, squares = 0, fourth = 0;
	int beyond = 0;

	(void)state;
	for (int i = 0; i < N; i++) {
		const double v = cat_synth_normal(&s);

		sum += v;
		squares += v * v;
		fourth += v * v * v * v;
		beyond += fabs(v) > 1.959964;
	}
	assert_true(fabs(sum / N) < 0.01);
	assert_true(fabs(squares / N - 1) < 0.02);
	assert_true(fabs(fourth / N - 3) < 0.12);
	assert_true(fabs(beyond / (double)N - 0.05) < 0.003);
}

int main(void)
{
	const struct CMUnitTest tests[] = {UNIT_TEST(bright_stars), UNIT_TEST(faint_stars), UNIT_TEST(colours),
	                                   UNIT_TEST(deep_survey), UNIT_TEST(normal_numbers)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
