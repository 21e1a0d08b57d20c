/* cat-head -- passes on the first rows of a table. */
#include "cli/filter.h"

static const struct cat_io defaults = CAT_IO_DEFAULTS;

static int run(void *settings, int argc, char **argv, struct cat_error *err)
{
	struct cat_io *io = settings;

	if (io->rows.limit < 0)
		io->rows.limit = 10;
	return cat_filter_run(io, "cat-head", NULL, NULL, NULL, argv, argc, err);
}

static const struct cat_cmd command = {
	.name = "cat-head",
	.brief = "pass on the first rows of a table (10, or -n ROWS)",
	.operands = "[INPUT...]",
	.max_operands = -1,
	.opts = cat_io_opts,
	.examples = "cat-head stars.csv\n"
	            "cat-scan stars.csv | cat-head -n 100 -o first.csv\n",
	.next = "cat-sample(1), catpipe(7)",
	.run = run,
	.defaults = &defaults,
	.settings_size = sizeof defaults,
	.prepare = cat_io_prepare,
};
CAT_MAIN(command)
