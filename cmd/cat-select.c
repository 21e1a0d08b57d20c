/* cat-select -- keeps, drops, renames and computes columns; filters rows. */
#include "cli/filter.h"

static const struct cat_io defaults = CAT_IO_DEFAULTS;

static int run(void *settings, int argc, char **argv, struct cat_error *err)
{
	return cat_filter_run(settings, "cat-select", NULL, NULL, NULL, argv, argc, err);
}

static const struct cat_cmd command = {
	.name = "cat-select",
	.brief = "choose, rename and compute columns, filter rows",
	.operands = "[INPUT...]",
	.max_operands = -1,
	.opts = cat_io_opts,
	.examples = "cat-select -c '*, bmag - vmag AS bv' -w 'bmag - vmag < 0.3' stars.csv\n"
	            "cat-select -c '* EXCEPT (name)' stars.csv -f csv\n"
	            "cat-scan stars.csv | cat-select -w 'vmag BETWEEN 5 AND 6' -o mid.parquet\n",
	.next = "catpipe(7) for expressions",
	.run = run,
	.defaults = &defaults,
	.settings_size = sizeof defaults,
	.prepare = cat_io_prepare,
};
CAT_MAIN(command)
