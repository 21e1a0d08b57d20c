/* cat-tables -- names of tables: lists them, describes them, changes your own, searches the Virtual Observatory. */
#include "cli/tables.h"

static const struct cat_tables_settings defaults = {.res = CAT_RESOURCE_DEFAULTS};

#define AT(f) .off = offsetof(struct cat_tables_settings, f)

static const struct cat_opt opts[] = {
	{.name = "json", .type = CAT_OPT_FLAG, AT(json), .help = "JSON"},
	{.name = "title", .type = CAT_OPT_STRING, AT(title), .arg = "TEXT", .help = "add: what it is, in a line"},
	{.name = "release", .type = CAT_OPT_STRING, AT(release), .arg = "NAME",
	 .help = "add: this release of cat-upload"},
	{.name = "pin", .type = CAT_OPT_FLAG, AT(pin), .help = "add: the version that is there now, no other"},
	{.name = "replace", .type = CAT_OPT_FLAG, AT(replace), .help = "add: in place of what has the name"},
	{.name = "Resources", .group = cat_resource_opts, AT(res)},
	{0},
};

static void prepare(void *settings)
{
	cat_resources_prepare(&((struct cat_tables_settings *)settings)->res);
}

static int run(void *settings, int argc, char **argv, struct cat_error *err)
{
	return cat_tables_run(settings, argv, argc, err);
}

static const struct cat_cmd command = {
	.name = "cat-tables",
	.brief = "names of tables: list, add, rename, remove, describe, search",
	.operands = "[list|add|rename|remove|describe|search WORD...]",
	.max_operands = -1,
	.opts = opts,
	.examples = "cat-tables\n"
	            "cat-tables describe --offline gaia_dr3\n"
	            "cat-tables add --replace stars stars.csv && cat-scan stars\n"
	            "cat-tables rename stars bright && cat-tables remove bright\n",
	.next = "cat-scan(1), catpipe(7)",
	.run = run,
	.defaults = &defaults,
	.settings_size = sizeof defaults,
	.prepare = prepare,
};
CAT_MAIN(command)
