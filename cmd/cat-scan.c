/* cat-scan -- opens a table by path and streams its rows. */
#include "cli/filter.h"

static const struct cat_io defaults = CAT_IO_DEFAULTS;

static int run(void *settings, int argc, char **argv, struct cat_error *err)
{
	return cat_filter_run(settings, "cat-scan", NULL, NULL, NULL, argv, argc, err);
}

static const struct cat_cmd command = {
	.name = "cat-scan",
	.brief = "stream rows of a file or catalogue",
	.operands = "[INPUT...]",
	.max_operands = -1,
	.opts = cat_io_opts,
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
