/* cat-write -- writes a table in another format. */
#include "cli/filter.h"

static const struct cat_io defaults = CAT_IO_DEFAULTS;

static int run(void *settings, int argc, char **argv, struct cat_error *err)
{
	/* No entry in the history: changing the format changes no row. */
	return cat_filter_run(settings, NULL, NULL, NULL, NULL, argv, argc, err);
}

static const struct cat_cmd command = {
	.name = "cat-write",
	.brief = "write a table as Parquet, CSV, Arrow or JSON lines",
	.operands = "[INPUT...]",
	.max_operands = -1,
	.opts = cat_io_opts,
	.examples = "cat-write stars.csv -o stars.parquet\n"
	            "cat-scan stars.csv | cat-write -f jsonl\n"
	            "cat-write stars.csv -f arrows --codec zstd | cat-head\n",
	.next = "cat-partition(1), catpipe(7)",
	.run = run,
	.defaults = &defaults,
	.settings_size = sizeof defaults,
	.prepare = cat_io_prepare,
};
CAT_MAIN(command)
