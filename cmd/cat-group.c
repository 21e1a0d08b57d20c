/* cat-group -- aggregates of a table. */
#include "cli/filter.h"
#include "exec/op_group.h"
#include "exec/scan.h"

struct settings {
	struct cat_io io;
	const char *aggregates;
};
static const struct settings defaults = {.io = CAT_IO_DEFAULTS};

static const struct cat_opt opts[] = {
	{.name = "agg", .letter = 'a', .type = CAT_OPT_STRING, .off = offsetof(struct settings, aggregates), .arg = "LIST",
	 .help = "count(*), sum(x), min, max, mean, var..."},
	{.group = cat_io_opts, .off = offsetof(struct settings, io)},
	{0},
};

static int bind(void *arg, struct cat_schema *schema, bool *used, struct cat_error *err)
{
	CAT_TRY(cat_aggs_bind(arg, schema, err));
	cat_aggs_columns(arg, used);
	return CAT_OK;
}

static void children(void *arg, int col, int n, bool *used)
{
	cat_aggs_children(arg, col, n, used);
}

static int run(void *settings, int argc, char **argv, struct cat_error *err)
{
	const struct settings *s = settings;
	const char *extra[] = {"-a", s->aggregates, NULL};
	struct cat_source *in = NULL, *out = NULL;
	struct cat_aggs *list = NULL;
	struct cat_pool *pool = NULL;
	struct cat_consumer consumer = {.bind = bind, .children = children};
	int rc;

	if (!s->aggregates) {
		cat_fail(err, CAT_E_USAGE, "-a LIST is missing");
		return cat_hint(err, "cat-group --help");
	}
	rc = cat_io_check(&s->io.output, err);
	if (rc == CAT_OK)
		rc = cat_aggs_parse(s->aggregates, &list, err);
	if (rc == CAT_OK)
		rc = cat_pool_new((int)s->io.res.jobs, &pool, err);
	consumer.arg = list;
	if (rc == CAT_OK)
		rc = cat_io_source_for(&s->io.input, &s->io.rows, &s->io.res, &consumer, argv, argc, pool, &in, err);
	if (rc == CAT_OK)
		rc = cat_group_open(in, list, &out, err);
	if (rc == CAT_OK)
		rc = cat_filter_write(&s->io, NULL, "cat-group", extra, out, pool, err);
	cat_aggs_free(list);
	cat_pool_free(pool);
	return rc;
}

static const struct cat_cmd command = {
	.name = "cat-group",
	.brief = "aggregates of a table: one row",
	.operands = "-a LIST [INPUT...]",
	.max_operands = -1,
	.opts = opts,
	.examples = "cat-group -a 'count(*), mean(vmag)' stars.csv\n"
	            "cat-group -a 'max(bmag - vmag) AS reddest' -w 'vmag < 3' stars.csv\n",
	.next = "cat-hist(1), catpipe(7)",
	.run = run,
	.defaults = &defaults,
	.settings_size = sizeof defaults,
	.prepare = cat_io_prepare,
};
CAT_MAIN(command)
