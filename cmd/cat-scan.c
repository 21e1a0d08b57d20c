/* cat-scan -- opens a table by path, address or name and streams its rows. */
#include "cli/filter.h"

struct settings {
	struct cat_io io; /* first: cat_io_prepare expects it there */
	bool explain, json;
};
static const struct settings defaults = {.io = CAT_IO_DEFAULTS};

static const struct cat_opt opts[] = {
	{.name = "explain", .type = CAT_OPT_FLAG, .off = offsetof(struct settings, explain),
	 .help = "say what would be read, read metadata only", .rare = true},
	{.name = "json", .type = CAT_OPT_FLAG, .off = offsetof(struct settings, json), .help = "... as JSON",
	 .rare = true},
	{.name = "Table", .group = cat_io_opts, .off = offsetof(struct settings, io)},
	{0},
};

static int run(void *settings, int argc, char **argv, struct cat_error *err)
{
	const struct settings *s = settings;

	if (s->explain)
		return cat_io_explain(&s->io, s->json, argv, argc, err);
	return cat_filter_run(&s->io, "cat-scan", NULL, NULL, NULL, argv, argc, err);
}

static const struct cat_cmd command = {
	.name = "cat-scan",
	.brief = "stream rows of a file or catalogue",
	.operands = "[INPUT...]",
	.max_operands = -1,
	.opts = opts,
	.examples = "cat-scan stars.csv\n"
	            "cat-scan stars.csv -c 'ra, dec, vmag' -w 'vmag < 6' -o bright.parquet\n"
	            "cat-scan stars.csv --cone 56.75,24.12,2deg | cat-head -n 5\n",
	.next = "cat-info, cat-xmatch(1), catpipe(7)",
	.run = run,
	.defaults = &defaults,
	.settings_size = sizeof defaults,
	.prepare = cat_io_prepare,
};
CAT_MAIN(command)
