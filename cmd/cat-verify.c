/* cat-verify -- is a catalogue or a file whole, and true to what it says of itself? */
#include "cli/verify.h"

struct settings {
	struct cat_verify_settings verify;
	struct cat_resources res;
};
static const struct settings defaults = {.verify = {.level = "full", .findings = 20}, .res = CAT_RESOURCE_DEFAULTS};

static const char *const levels[] = {"quick", "full", NULL};

static const struct cat_opt opts[] = {
	{.name = "level", .type = CAT_OPT_ENUM, .off = offsetof(struct settings, verify.level), .arg = "LEVEL",
	 .help = "quick: metadata only; full: every row", .choices = levels},
	{.name = "findings", .type = CAT_OPT_INT, .off = offsetof(struct settings, verify.findings), .arg = "N",
	 .help = "so many of each kind in full", .min = 1, .max = 1000000},
	{.name = "json", .type = CAT_OPT_FLAG, .off = offsetof(struct settings, verify.json), .help = "JSON"},
	{.name = "Resources", .group = cat_resource_opts, .off = offsetof(struct settings, res)},
	{0},
};

static void prepare(void *settings)
{
	struct settings *s = settings;

	cat_resources_prepare(&s->res);
	/* What lies there now is what counts, not what lay there when it was read last. */
	s->res.net.cache_bytes = 0;
}

static int run(void *settings, int argc, char **argv, struct cat_error *err)
{
	const struct settings *s = settings;

	return cat_verify_report(&s->verify, &s->res, argv, argc, err);
}

static const struct cat_cmd command = {
	.name = "cat-verify",
	.brief = "is a catalogue whole and true to itself?",
	.operands = "CATALOGUE|FILE...",
	.min_operands = 1,
	.max_operands = -1,
	.opts = opts,
	.examples = "cat-verify stars\n"
	            "cat-verify --level quick --json stars\n"
	            "cat-verify stars.csv\n",
	.next = "cat-info, cat-ls(1)",
	.run = run,
	.defaults = &defaults,
	.settings_size = sizeof defaults,
	.prepare = prepare,
};
CAT_MAIN(command)
