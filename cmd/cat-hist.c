/* cat-hist -- counts in bins, along one axis or two. */
#include <unistd.h>

#include "cli/filter.h"
#include "cli/histogram.h"
#include "draw/term.h"

struct settings {
	struct cat_io io;
	struct cat_axes axes;
};
static const struct settings defaults = {.io = CAT_IO_DEFAULTS};

static const struct cat_opt opts[] = {
	{.name = "Axes", .group = cat_axes_opts, .off = offsetof(struct settings, axes)},
	{.group = cat_io_opts, .off = offsetof(struct settings, io)},
	{0},
};

/* One batch as a source. */
struct one {
	struct cat_source base;
	struct cat_batch *batch;
};

static int one_next(struct cat_source *s, struct cat_batch **out, struct cat_error *err)
{
	struct one *o = (struct one *)s;

	(void)err;
	*out = o->batch;
	o->batch = NULL;
	return CAT_OK;
}

static void one_close(struct cat_source *s)
{
	cat_batch_unref(((struct one *)s)->batch);
}

static int write_rows(const struct settings *s, const struct cat_hist *h, struct cat_error *err)
{
	static const struct cat_source_ops ops = {one_next, one_close};
	const char *extra[] = {"-x", s->axes.x, "-y", s->axes.y, NULL};
	struct one o = {.base = {.ops = &ops}};
	struct cat_pool *pool;
	int rc;

	CAT_TRY(cat_pool_new(1, &pool, err));
	rc = cat_hist_rows(h, cat_axes_name(s->axes.x, "x"), s->axes.y ? cat_axes_name(s->axes.y, "y") : NULL, &o.batch,
	                   err);
	if (rc == CAT_OK) {
		struct cat_schema *schema = cat_schema_ref(o.batch->schema);

		o.base.schema = schema;
		rc = cat_filter_write(&s->io, NULL, "cat-hist", extra, &o.base, pool, err);
		cat_schema_unref(schema);
	}
	cat_pool_free(pool);
	return rc;
}

static int run(void *settings, int argc, char **argv, struct cat_error *err)
{
	const struct settings *s = settings;
	const struct cat_term term = {.width = 80};
	struct cat_text out = {.max = 1 << 24};
	struct cat_hist h;
	int rc;

	CAT_TRY(cat_io_check(&s->io.output, err));
	CAT_TRY(cat_axes_collect(&s->axes, 20, 20, false, &s->io, argv, argc, &h, err));
	if (!s->io.output.output && !s->io.output.format && !s->axes.y && isatty(1)) {
		const struct cat_axis x = {h.x.min, h.x.max, s->axes.x, false};

		cat_term_bars(&term, &x, h.counts, h.x.bins, &out);
		rc = cat_print(&out, err);
		cat_text_fini(&out);
	} else {
		rc = write_rows(s, &h, err);
	}
	cat_hist_fini(&h);
	return rc;
}

static const struct cat_cmd command = {
	.name = "cat-hist",
	.brief = "count rows in bins, along one axis or two",
	.operands = "-x EXPR [INPUT...]",
	.max_operands = -1,
	.opts = opts,
	.examples = "cat-hist -x vmag stars.csv\n"
	            "cat-hist -x 'bmag - vmag' -y vmag -b 40,30 stars.csv -o hr.csv\n",
	.next = "cat-plot(1)",
	.run = run,
	.defaults = &defaults,
	.settings_size = sizeof defaults,
	.prepare = cat_io_prepare,
};
CAT_MAIN(command)
