/* cat-gen -- a synthetic sky, any slice of it independently. */
#include <math.h>
#include <string.h>

#include "cli/filter.h"
#include "synth/sky.h"

struct settings {
	struct cat_io io;
	int64_t seed;
	double depth, epoch;
	const char *survey;
};
static const struct settings defaults = {
	.io = {.rows = {.limit = 100000}, .output = CAT_OUTPUT_DEFAULTS, .res = CAT_RESOURCE_DEFAULTS},
	.seed = 1,
	.depth = 20,
	.epoch = NAN,
	.survey = "first",
};
static const char *const surveys[] = {"first", "second", NULL};

static const struct cat_opt opts[] = {
	{.name = "seed", .type = CAT_OPT_INT, .off = offsetof(struct settings, seed), .arg = "N",
	 .help = "another sky for each N", .min = 0, .max = INT64_MAX},
	{.name = "depth", .type = CAT_OPT_REAL, .off = offsetof(struct settings, depth), .arg = "MAG",
	 .help = "V of the faintest star", .preset = "20"},
	{.name = "survey", .type = CAT_OPT_ENUM, .off = offsetof(struct settings, survey), .arg = "WHICH",
	 .help = "first, or second: the same stars, seen worse", .choices = surveys},
	{.name = "epoch", .type = CAT_OPT_REAL, .off = offsetof(struct settings, epoch), .arg = "YEAR",
	 .help = "of the places", .preset = "2016.0, second survey 2000.0"},
	{.name = "Rows and columns", .group = cat_rows_opts, .off = offsetof(struct settings, io.rows)},
	{.name = "Output", .group = cat_output_opts, .off = offsetof(struct settings, io.output)},
	{.name = "Resources", .group = cat_resource_opts, .off = offsetof(struct settings, io.res)},
	{0},
};

/* The part K of N of ROWS stars, between even ones: a companion stays with its star. */
static int64_t cut(int64_t rows, int64_t k, int64_t n)
{
	return k == n ? rows : (int64_t)((long double)rows * (long double)k / (long double)n) & ~INT64_C(1);
}

static int open_sky(const struct settings *s, struct cat_feed **out, struct cat_error *err)
{
	const bool second = strcmp(s->survey, "second") == 0;
	struct cat_sky_options o = {
		.seed = (uint64_t)s->seed,
		.depth_mag = s->depth,
		.epoch_yr = !isnan(s->epoch) ? s->epoch : second ? CAT_SKY_SECOND_EPOCH : CAT_SKY_EPOCH,
		.survey = second ? CAT_SKY_SECOND : CAT_SKY_FIRST,
	};
	int64_t k = 0, n = 1;

	if (!(s->depth >= CAT_SKY_DEPTH_MIN && s->depth <= CAT_SKY_DEPTH_MAX))
		return cat_fail(err, CAT_E_USAGE, "--depth is from %g to %g mag", CAT_SKY_DEPTH_MIN, CAT_SKY_DEPTH_MAX);
	if (!(fabs(o.epoch_yr - CAT_SKY_EPOCH) <= 10000))
		return cat_fail(err, CAT_E_USAGE, "--epoch is a year within 10000 of %g", CAT_SKY_EPOCH);
	CAT_TRY(cat_io_shard(s->io.rows.shard, &k, &n, err));
	o.begin = cut(s->io.rows.limit, k, n);
	o.end = cut(s->io.rows.limit, k + 1, n);
	return cat_sky_feed(&o, out, err);
}

static int run(void *settings, int argc, char **argv, struct cat_error *err)
{
	const struct settings *s = settings;
	struct cat_rows rows = s->io.rows;
	struct cat_pool *pool = NULL;
	struct cat_source *source = NULL;
	struct cat_feed *feed;
	char seed[CAT_NUMBER_MAX], depth[CAT_NUMBER_MAX], epoch[CAT_NUMBER_MAX];
	const char *extra[] = {"--seed",  seed,  "--depth", depth, "--survey", s->survey,
	                       "--epoch", isnan(s->epoch) ? NULL : epoch, NULL};
	int rc = cat_io_check(&s->io.output, err);

	(void)argc, (void)argv;
	cat_format_i64(s->seed, seed);
	cat_format_f64(s->depth, depth);
	cat_format_f64(s->epoch, epoch);
	/* The rows are those of the sky, of which the other options keep some. */
	rows.limit = -1;
	if (rc == CAT_OK)
		rc = cat_pool_new((int)s->io.res.jobs, &pool, err);
	if (rc == CAT_OK)
		rc = open_sky(s, &feed, err);
	if (rc == CAT_OK)
		rc = cat_io_source_of(feed, &rows, &s->io.res, pool, &source, err);
	if (rc == CAT_OK)
		rc = cat_filter_write(&s->io, &rows, "cat-gen", extra, source, pool, err);
	cat_pool_free(pool);
	return rc;
}

static const struct cat_cmd command = {
	.name = "cat-gen",
	.brief = "make a synthetic sky of -n stars, or any slice of it",
	.operands = "",
	.opts = opts,
	.examples = "cat-gen -n 100000 -o sky.parquet\n"
	            "cat-gen -n 100000 --survey second -o again.parquet\n"
	            "cat-gen -n 100000 --shard 7/10 --depth 12 | cat-plot --sky\n",
	.next = "cat-partition(1), cat-xmatch(1)",
	.run = run,
	.defaults = &defaults,
	.settings_size = sizeof defaults,
	.prepare = cat_io_prepare,
};
CAT_MAIN(command)
