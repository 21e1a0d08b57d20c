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

static int write_rows(const struct settings *s, const struct cat_hist *h, struct cat_error *err)
{
	const char *extra[] = {"-x", s->axes.x, "-y", s->axes.y, NULL};
	struct cat_source *rows;
	struct cat_batch *b;
	struct cat_pool *pool;
	int rc;

	CAT_TRY(cat_pool_new(1, &pool, err));
	rc = cat_hist_rows(h, cat_axes_name(s->axes.x, "x"), s->axes.y ? cat_axes_name(s->axes.y, "y") : NULL, &b, err);
	if (rc == CAT_OK)
		rc = cat_source_of(b->schema, &b, 1, NULL, &rows, err);
	if (rc == CAT_OK)
		rc = cat_filter_write(&s->io, NULL, "cat-hist", extra, rows, pool, err);
	cat_pool_free(pool);
	return rc;
}

static int run(void *settings, int argc, char **argv, struct cat_error *err)
{
	const struct settings *s = settings;
	char labels[2][CAT_AXIS_LABEL];
	struct cat_text out = {.max = 1 << 24};
	struct cat_term term = {0};
	struct cat_hist h;
	int rc;

	CAT_TRY(cat_io_check(&s->io.output, err));
	CAT_TRY(cat_axes_collect(&s->axes, 20, 20, false, &s->io, argv, argc, &h, labels, err));
	if (!s->io.output.output && !s->io.output.format && !s->axes.y && isatty(1)) {
		const struct cat_picture p = {.kind = CAT_PICTURE_BARS, .x = {h.x.min, h.x.max, labels[0], false},
		                              .counts = h.counts, .nx = h.x.bins, .rows = h.rows};

		cat_io_terminal(&term.width, &term.height);
		cat_term_picture(&term, &p, &out);
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
