/* cat-get -- a catalogue, or the part of it in a region, into a place here. */
#include "cli/get.h"

static const struct cat_get_settings defaults = {.res = CAT_RESOURCE_DEFAULTS, .rows = CAT_ROWS_DEFAULTS};

#define AT(f) .off = offsetof(struct cat_get_settings, f)

static const struct cat_opt opts[] = {
	{.name = "Region", .group = cat_region_opts, AT(rows)},
	{.name = "plan", .type = CAT_OPT_FLAG, AT(plan), .help = "say what would be fetched and what it costs"},
	{.name = "overwrite", .type = CAT_OPT_FLAG, AT(overwrite), .help = "replace a catalogue that is there"},
	{.name = "json", .type = CAT_OPT_FLAG, AT(json), .help = "report as JSON"},
	{.name = "no-verify", .type = CAT_OPT_FLAG, AT(no_verify), .help = "do not compare checksums", .rare = true},
	{.name = "Resources", .group = cat_resource_opts, AT(res)},
	{0},
};

static void prepare(void *settings)
{
	cat_resources_prepare(&((struct cat_get_settings *)settings)->res);
}

static int run(void *settings, int argc, char **argv, struct cat_error *err)
{
	(void)argc;
	return cat_get_command(settings, argv[0], argv[1], err);
}

static const struct cat_cmd command = {
	.name = "cat-get",
	.brief = "fetch a catalogue, or the part of it in a region",
	.operands = "SRC DST",
	.min_operands = 2,
	.max_operands = 2,
	.opts = opts,
	.examples = "cat-get stars.csv copy.csv\n"
	            "cat-get --plan stars.csv copy.csv\n",
	.next = "cat-upload(1), cat-scan(1), catpipe(7)",
	.run = run,
	.defaults = &defaults,
	.settings_size = sizeof defaults,
	.prepare = prepare,
};
CAT_MAIN(command)
