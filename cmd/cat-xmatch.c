/* cat-xmatch -- joins two tables by position on the sky. */
#include <stdlib.h>
#include <string.h>

#include "cli/filter.h"
#include "cli/xmatch.h"
#include "sky/angle.h"

struct settings {
	struct cat_io io;
	const char *radius, *find, *join, *suffix;
	const char *ra1, *dec1, *ra2, *dec2;
};
static const struct settings defaults = {.io = CAT_IO_DEFAULTS, .find = "best", .join = "inner"};

static const char *const joins[] = {"inner",      "left",      "anti",      "1and2=inner",
                                    "all1=left", "1not2=anti", NULL};

#define AT(f) .off = offsetof(struct settings, f)
static const struct cat_opt opts[] = {
	{.name = "radius", .letter = 'r', .type = CAT_OPT_STRING, AT(radius), .arg = "R",
	 .help = "largest separation, arcsec unless it says"},
	{.name = "find", .type = CAT_OPT_STRING, AT(find), .arg = "WHICH",
	 .help = "best (STILTS best1) best2 mutual all or K"},
	{.name = "join", .type = CAT_OPT_ENUM, AT(join), .arg = "KIND", .help = "inner, left or anti",
	 .choices = joins},
	{.name = "suffix", .type = CAT_OPT_STRING, AT(suffix), .arg = "TEXT", .help = "of RIGHT's names that clash",
	 .preset = "_2", .rare = true},
	{.name = "ra1", .type = CAT_OPT_STRING, AT(ra1), .arg = "NAME", .help = "position in LEFT", .rare = true},
	{.name = "dec1", .type = CAT_OPT_STRING, AT(dec1), .arg = "NAME", .help = "position in LEFT", .rare = true},
	{.name = "ra2", .type = CAT_OPT_STRING, AT(ra2), .arg = "NAME", .help = "position in RIGHT", .rare = true},
	{.name = "dec2", .type = CAT_OPT_STRING, AT(dec2), .arg = "NAME", .help = "position in RIGHT", .rare = true},
	{.name = "columns", .letter = 'c', .type = CAT_OPT_STRING, AT(io.rows.columns), .arg = "LIST",
	 .help = "columns of the joined row"},
	{.name = "where", .letter = 'w', .type = CAT_OPT_STRING, AT(io.rows.where), .arg = "EXPR",
	 .help = "condition on the joined row"},
	{.name = "limit", .letter = 'n', .type = CAT_OPT_INT, AT(io.rows.limit), .arg = "ROWS",
	 .help = "stop after ROWS joined rows", .min = 0, .max = INT64_MAX},
	{.name = "shard", .type = CAT_OPT_STRING, AT(io.rows.shard), .arg = "K/N", .help = "part K of N of LEFT",
	 .rare = true},
	{.name = "Input", .group = cat_input_opts, AT(io.input)},
	{.name = "Output", .group = cat_output_opts, AT(io.output)},
	{.name = "Resources", .group = cat_resource_opts, AT(io.res)},
	{0},
};

static int parse_find(const struct settings *s, struct cat_xmatch_options *o, struct cat_error *err)
{
	static const struct {
		const char *word;
		enum cat_find find;
	} words[] = {{"best", CAT_FIND_BEST}, {"best1", CAT_FIND_BEST}, {"best2", CAT_FIND_BEST2},
	             {"mutual", CAT_FIND_MUTUAL}, {"all", CAT_FIND_ALL}};
	int64_t k;

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(s->find, words[i].word) == 0) {
			o->find = words[i].find;
			return CAT_OK;
		}
	if (!cat_parse_i64(s->find, strlen(s->find), &k) || k < 1 || k > 1000000)
		return cat_fail(err, CAT_E_USAGE, "--find takes best, best2, mutual, all or a number of neighbours; not '%s'",
		                s->find);
	o->find = CAT_FIND_K;
	o->k = (int)k;
	return CAT_OK;
}

static int parse_options(const struct settings *s, struct cat_xmatch_options *o, struct cat_error *err)
{
	if (!s->radius) {
		cat_fail(err, CAT_E_USAGE, "-r RADIUS is missing");
		return cat_hint(err, "cat-xmatch --help");
	}
	CAT_TRY(cat_angle_radius_arcsec(s->radius, strlen(s->radius), &o->radius_arcsec, err));
	o->join = strcmp(s->join, "left") == 0 ? CAT_JOIN_LEFT : strcmp(s->join, "anti") == 0 ? CAT_JOIN_ANTI
	                                                                                        : CAT_JOIN_INNER;
	o->suffix = s->suffix;
	return parse_find(s, o, err);
}

static int run(void *settings, int argc, char **argv, struct cat_error *err)
{
	const struct settings *s = settings;
	const char *extra[] = {"-r",    s->radius, "--find", s->find, "--join", s->join, "--suffix", s->suffix,
	                       "--ra1", s->ra1,    "--dec1", s->dec1, "--ra2",  s->ra2,  "--dec2",   s->dec2, NULL};
	const struct cat_xmatch_input in = {
		.input = &s->io.input, .res = &s->io.res, .left = argc == 2 ? argv[0] : NULL, .right = argv[argc - 1],
		.shard = s->io.rows.shard, .ra1 = s->ra1, .dec1 = s->dec1, .ra2 = s->ra2, .dec2 = s->dec2,
		.columns = s->io.rows.columns, .where = s->io.rows.where};
	struct cat_xmatch_options o = {0};
	struct cat_source *out = NULL;
	struct cat_pool *pool = NULL;
	int rc = parse_options(s, &o, err);

	if (rc == CAT_OK)
		rc = cat_io_check(&s->io.output, err);
	if (rc == CAT_OK)
		rc = cat_pool_new((int)s->io.res.jobs, &pool, err);
	if (rc == CAT_OK)
		rc = cat_xmatch_input_open(&in, &o, pool, &out, err);
	if (rc == CAT_OK)
		rc = cat_filter_write(&s->io, &s->io.rows, "cat-xmatch", extra, out, pool, err);
	cat_pool_free(pool);
	return rc;
}

static const struct cat_cmd command = {
	.name = "cat-xmatch",
	.brief = "join two tables by position on the sky",
	.operands = "[LEFT] RIGHT",
	.min_operands = 1,
	.max_operands = 2,
	.opts = opts,
	.examples = "cat-xmatch -r 2 stars.csv stars.csv -o both.parquet\n"
	            "cat-scan stars.csv -w 'vmag < 3' | cat-xmatch -r 10 stars.csv\n"
	            "cat-xmatch -r 0.5deg --find all --join left stars.csv stars.csv\n",
	.next = "cat-partition(1), catpipe(7)",
	.run = run,
	.defaults = &defaults,
	.settings_size = sizeof defaults,
	.prepare = cat_io_prepare,
};
CAT_MAIN(command)
