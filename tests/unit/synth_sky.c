#include "unit.h"

#include <math.h>

#include "sky/healpix.h"
#include "sky/sphere.h"
#include "synth/observe.h"
#include "synth/sky.h"

static const struct cat_sky_options first = {.seed = 7, .depth_mag = 16, .epoch_yr = CAT_SKY_EPOCH, .end = 20000};

static struct cat_batch *rows_of(struct cat_sky_options o, int64_t begin, int64_t end)
{
	struct cat_error err = {0};
	struct cat_feed *feed;
	struct cat_source *s;
	struct cat_batch *b;

	/* At most a piece: one batch. */
	assert_true(end - begin <= 8192);
	o.begin = begin;
	o.end = end;
	assert_cat_ok(cat_sky_feed(&o, &feed, &err), err);
	assert_cat_ok(cat_feed_source(feed, &s, &err), err);
	assert_cat_ok(s->ops->next(s, &b, &err), err);
	cat_source_close(s);
	return b;
}

static double f64(const struct cat_batch *b, const char *name, int64_t i)
{
	return cat_column_f64(b->cols[cat_schema_find(b->schema, name)], i);
}

static int64_t i64(const struct cat_batch *b, const char *name, int64_t i)
{
	const struct cat_column *c = b->cols[cat_schema_find(b->schema, name)];

	return cat_column_valid(c, i) ? cat_column_i64(c, i) : -1;
}

/* Any slice of a sky has the rows of the whole. */
static void slices_agree(void **state)
{
	struct cat_sky_options o = first;

	(void)state;
	for (int survey = 0; survey < 2; survey++) {
		struct cat_batch *whole, *part;
		int64_t at = 0;

		o.survey = survey ? CAT_SKY_SECOND : CAT_SKY_FIRST;
		whole = rows_of(o, 0, 3000);
		/* Odd beginnings too: a companion is made without its star being in the slice. */
		part = rows_of(o, 1001, 2000);
		while (i64(whole, "id", at) != i64(part, "id", 0))
			at++;
		for (int64_t i = 0; i < part->nrows; i++) {
			assert_true(i64(whole, "id", at + i) == i64(part, "id", i));
			assert_true(f64(whole, "ra", at + i) == f64(part, "ra", i));
			assert_true(f64(whole, "dec", at + i) == f64(part, "dec", i));
			assert_true(f64(whole, "vmag", at + i) == f64(part, "vmag", i));
		}
		cat_batch_unref(whole);
		cat_batch_unref(part);
	}
}

static void whole_sky_is_there(void **state)
{
	const struct cat_sky_options o = {.seed = 1, .depth_mag = 9, .epoch_yr = 2016};
	int64_t cells[192] = {0};
	bool east = false, west = false;

	(void)state;
	for (int64_t at = 0; at < 32768; at += 8192) {
		struct cat_batch *b = rows_of(o, at, at + 8192);

		for (int64_t i = 0; i < b->nrows; i++) {
			const double ra = f64(b, "ra", i), dec = f64(b, "dec", i);

			assert_true(ra >= 0 && ra < 360 && fabs(dec) <= 90);
			cells[cat_hpx_from_deg(2, ra, dec)]++;
			east |= ra < 0.2;
			west |= ra > 359.8;
		}
		cat_batch_unref(b);
	}
	assert_true(east && west);
	/* Also those around the poles. */
	for (int c = 0; c < 192; c++)
		assert_true(cells[c] > 20);
}

/* The second survey finds the stars where their motions have brought them. */
static void second_survey_is_the_same_sky(void **state)
{
	struct cat_sky_options o = first;
	struct cat_batch *a, *b;
	int64_t seen = 0, spurious = 0;
	double sum = 0;

	(void)state;
	a = rows_of(o, 0, 8192);
	o.survey = CAT_SKY_SECOND;
	o.epoch_yr = CAT_SKY_SECOND_EPOCH;
	b = rows_of(o, 0, 8192);
	for (int64_t i = 0; i < b->nrows; i++) {
		const int64_t id = i64(b, "true_id", i);
		double years, dec, ra, apart;

		if (id < 0) {
			spurious++;
			continue;
		}
		assert_true(i64(a, "id", id) == id);
		seen++;
		years = CAT_SKY_SECOND_EPOCH - CAT_SKY_EPOCH;
		dec = f64(a, "dec", id) + years * f64(a, "pmdec", id) / 3.6e6;
		ra = f64(a, "ra", id) + years * f64(a, "pmra", id) / 3.6e6 / cos(dec * CAT_DEG_RAD);
		apart = cat_sky_separation_deg(ra, dec, f64(b, "ra", i), f64(b, "dec", i)) * 3600;
		/* Merged companions move the light by less than an arcsecond. */
		assert_true(apart < 5.5 * f64(b, "pos_err", i) + 0.5);
		sum += apart / f64(b, "pos_err", i);
		assert_true(f64(b, "pos_err", i) >= 0.09 && f64(b, "pos_err", i) <= 0.3901);
	}
	/* The mean of a Rayleigh distribution. */
	assert_true(fabs(sum / (double)seen - sqrt(M_PI / 2)) < 0.05);
	assert_true(fabs((double)seen / 8192 - 0.978 * 0.993) < 0.008);
	assert_true(fabs((double)spurious / 8192 - 0.01) < 0.004);
	cat_batch_unref(a);
	cat_batch_unref(b);
}

static void companions_are_near(void **state)
{
	struct cat_batch *b = rows_of(first, 0, 8192);
	int pairs = 0, close = 0;

	(void)state;
	for (int64_t i = 0; i + 1 < b->nrows; i += 2) {
		const double apart = 3600 * cat_sky_separation_deg(f64(b, "ra", i), f64(b, "dec", i), f64(b, "ra", i + 1),
		                                                   f64(b, "dec", i + 1));

		pairs += apart < 10.01;
		close += apart < 1;
		assert_true(apart >= 10.01 || f64(b, "vmag", i + 1) >= f64(b, "vmag", i));
	}
	assert_true(fabs(pairs / 4096.0 - 0.04) < 0.01);
	assert_true(close > 30);
	cat_batch_unref(b);
}

static void positions_are_marked(void **state)
{
	struct cat_batch *b = rows_of(first, 0, 0 + 1);
	const struct cat_field *ra = &b->schema->fields[cat_schema_find(b->schema, "ra")];

	(void)state;
	assert_string_equal(cat_kv_get(&ra->meta, CAT_META_UCD), "pos.eq.ra;meta.main");
	assert_string_equal(cat_kv_get(&ra->meta, CAT_META_UNIT), "deg");
	assert_string_equal(cat_kv_get(&ra->meta, CAT_META_DESCRIPTION), "right ascension, ICRS, epoch 2016");
	cat_batch_unref(b);
}

static void survives_lack_of_memory(void **state)
{
	struct cat_sky_options o = first;
	int failures = 0;

	(void)state;
	o.end = 10;
	o.depth_mag = 5;
	/* Growing strides: every try that gets far makes the whole table again. */
	for (int64_t n = 1;; n += 1 + n / 6) {
		struct cat_error err = {0};
		struct cat_feed *feed = NULL;
		struct cat_source *s = NULL;
		struct cat_batch *b = NULL;
		int rc;

		cat_alloc_fail_after(n);
		rc = cat_sky_feed(&o, &feed, &err);
		if (rc == CAT_OK)
			rc = cat_feed_source(feed, &s, &err);
		if (rc == CAT_OK)
			rc = s->ops->next(s, &b, &err);
		cat_alloc_fail_after(0);
		cat_batch_unref(b);
		cat_source_close(s);
		if (rc == CAT_OK)
			break;
		failures++;
		assert_int_equal(rc, CAT_E_SYSTEM);
	}
	assert_true(failures > 10 || cat_alloc_faulted() == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(slices_agree),        UNIT_TEST(whole_sky_is_there),   UNIT_TEST(second_survey_is_the_same_sky),
		UNIT_TEST(companions_are_near), UNIT_TEST(positions_are_marked), UNIT_TEST(survives_lack_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
