/* cat-upload -- catalogues, files and streams into an object store. */
#include "cli/upload.h"

static const struct cat_upload_settings defaults = {.res = CAT_RESOURCE_DEFAULTS};

#define AT(f) .off = offsetof(struct cat_upload_settings, f)

static const struct cat_opt opts[] = {
	{.name = "plan", .type = CAT_OPT_FLAG, AT(plan), .help = "say what would be done and what it costs"},
	{.name = "delete", .type = CAT_OPT_FLAG, AT(remove), .help = "remove there what SRC does not have"},
	{.name = "release", .type = CAT_OPT_STRING, AT(release), .arg = "NAME",
	 .help = "as release NAME: readers get all of it, or none"},
	{.name = "rollback", .type = CAT_OPT_STRING, AT(rollback), .arg = "NAME",
	 .help = "readers get release NAME again"},
	{.name = "create", .type = CAT_OPT_FLAG, AT(create), .help = "replace nothing that is there"},
	{.name = "json", .type = CAT_OPT_FLAG, AT(json), .help = "report as JSON"},
	{.name = "if-match", .type = CAT_OPT_STRING, AT(if_match), .arg = "ETAG",
	 .help = "replace this version of an object, no other", .rare = true},
	{.name = "no-verify", .type = CAT_OPT_FLAG, AT(no_verify), .help = "do not ask after what was sent",
	 .rare = true},
	{.name = "unsafe", .type = CAT_OPT_FLAG, AT(unsafe),
	 .help = "release on servers without conditional writes", .rare = true},
	{.name = "How objects are stored", .group = cat_storing_opts, AT(storing)},
	{.name = "Resources", .group = cat_resource_opts, AT(res)},
	{0},
};

static void prepare(void *settings)
{
	cat_resources_prepare(&((struct cat_upload_settings *)settings)->res);
}

static int run(void *settings, int argc, char **argv, struct cat_error *err)
{
	return cat_upload_command(settings, argc, argv, err);
}

static const struct cat_cmd command = {
	.name = "cat-upload",
	.brief = "publish catalogues, files and streams to S3",
	.operands = "SRC... DST",
	.min_operands = 1,
	.max_operands = -1,
	.opts = opts,
	.examples = "cat-upload --plan --offline stars.csv s3://bucket/stars.csv\n"
	            "cat-upload --plan --offline --release 2026-11 stars.csv s3://bucket/stars\n",
	.next = "cat-get(1), catpipe(7)",
	.run = run,
	.defaults = &defaults,
	.settings_size = sizeof defaults,
	.prepare = prepare,
};
CAT_MAIN(command)
