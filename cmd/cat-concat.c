/* cat-concat -- tables one after the other as one. */
#include "cli/filter.h"

static const struct cat_io defaults = CAT_IO_DEFAULTS;

static int run(void *settings, int argc, char **argv, struct cat_error *err)
{
	return cat_filter_run(settings, NULL, NULL, NULL, NULL, argv, argc, err);
}

static const struct cat_cmd command = {
	.name = "cat-concat",
	.brief = "tables one after the other as one",
	.operands = "[INPUT...]",
	.max_operands = -1,
	.opts = cat_io_opts,
	.examples = "cat-concat stars.csv stars.csv -o twice.parquet\n"
	            "cat-concat part-0.arrows part-1.arrows | cat-head\n",
	.next = "catpipe(7) for shards",
	.run = run,
	.defaults = &defaults,
	.settings_size = sizeof defaults,
	.prepare = cat_io_prepare,
};
CAT_MAIN(command)
