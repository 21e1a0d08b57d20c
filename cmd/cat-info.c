/* cat-info -- what a table is: columns, units, rows, partitions, from metadata only. */
#include "cli/info.h"
#include "cli/io.h"

struct settings {
	struct cat_input input;
	struct cat_resources res;
	bool json;
	bool show_settings;
	const char *moc;
};
static const struct settings defaults = {.input = CAT_INPUT_DEFAULTS, .res = CAT_RESOURCE_DEFAULTS};

static const struct cat_opt opts[] = {
	{.name = "json", .type = CAT_OPT_FLAG, .off = offsetof(struct settings, json), .help = "JSON"},
	{.name = "settings", .type = CAT_OPT_FLAG, .off = offsetof(struct settings, show_settings),
	 .help = "the settings that hold, and where they come from"},
	{.name = "moc", .type = CAT_OPT_STRING, .off = offsetof(struct settings, moc), .arg = "FILE",
	 .help = "write a catalogue's coverage: .fits, .txt, .json"},
	{.name = "Input", .group = cat_input_opts, .off = offsetof(struct settings, input)},
	{.name = "Resources", .group = cat_resource_opts, .off = offsetof(struct settings, res)},
	{0},
};

static void prepare(void *settings)
{
	cat_resources_prepare(&((struct settings *)settings)->res);
}

static int run(void *settings, int argc, char **argv, struct cat_error *err)
{
	const struct settings *s = settings;
	struct cat_text out = {.max = (size_t)1 << 28};
	int rc = CAT_OK;

	if (s->moc)
		rc = argc == 1 ? cat_info_moc(argv[0], s->moc, err)
		               : cat_fail(err, CAT_E_USAGE, "--moc wants one catalogue");
	if (s->show_settings && rc == CAT_OK)
		rc = cat_info_settings(s->json, &out, err);
	else if (argc == 0 && rc == CAT_OK)
		rc = cat_info_table(NULL, &s->input, &s->res, s->json, &out, err);
	for (int i = 0; rc == CAT_OK && i < argc && !s->show_settings; i++)
		rc = cat_info_table(argv[i], &s->input, &s->res, s->json, &out, err);
	if (rc == CAT_OK)
		rc = cat_print(&out, err);
	cat_text_fini(&out);
	return rc;
}

static const struct cat_cmd command = {
	.name = "cat-info",
	.brief = "what a table is: columns, rows, size, coverage",
	.operands = "[INPUT...]",
	.max_operands = -1,
	.opts = opts,
	.examples = "cat-info stars.csv\n"
	            "cat-info --json stars.csv\n"
	            "cat-info --settings\n",
	.next = "cat-scan(1), catpipe(7)",
	.run = run,
	.defaults = &defaults,
	.settings_size = sizeof defaults,
	.prepare = prepare,
};
CAT_MAIN(command)
