/* cat-ls -- what lies where, here and in object stores. */
#include "cli/ls.h"

struct settings {
	struct cat_ls_settings ls;
	struct cat_resources res;
};
static const struct settings defaults = {.res = CAT_RESOURCE_DEFAULTS};

static const struct cat_opt opts[] = {
	{.name = "long", .letter = 'l', .type = CAT_OPT_FLAG, .off = offsetof(struct settings, ls.details),
	 .help = "sizes and times too"},
	{.name = "recursive", .letter = 'R', .type = CAT_OPT_FLAG, .off = offsetof(struct settings, ls.recursive),
	 .help = "what is in folders too"},
	{.name = "json", .type = CAT_OPT_FLAG, .off = offsetof(struct settings, ls.json), .help = "JSON"},
	{.name = "link", .type = CAT_OPT_STRING, .off = offsetof(struct settings, ls.link), .arg = "DURATION",
	 .help = "a link to an object, good for 12h, 7d"},
	{.name = "Resources", .group = cat_resource_opts, .off = offsetof(struct settings, res)},
	{0},
};

static void prepare(void *settings)
{
	cat_resources_prepare(&((struct settings *)settings)->res);
}

static int run(void *settings, int argc, char **argv, struct cat_error *err)
{
	return cat_ls(&((const struct settings *)settings)->ls, argv, argc, err);
}

static const struct cat_cmd command = {
	.name = "cat-ls",
	.brief = "list buckets, folders, and catalogues in them",
	.operands = "[PATH|URL...]",
	.max_operands = -1,
	.opts = opts,
	.examples = "cat-ls\n"
	            "cat-ls -l stars.csv\n"
	            "cat-ls -R --json .\n",
	.next = "cat-info, cat-verify(1)",
	.run = run,
	.defaults = &defaults,
	.settings_size = sizeof defaults,
	.prepare = prepare,
};
CAT_MAIN(command)
