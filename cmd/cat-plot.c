/* cat-plot -- pictures of tables: histograms, densities, maps of the sky. */
#include <stdlib.h>
#include <string.h>

#include "cli/histogram.h"
#include "cli/skymap.h"
#include "draw/term.h"

struct settings {
	struct cat_io io;
	struct cat_axes axes;
	bool sky, flip_x, flip_y, ascii;
	int64_t width, height;
};
static const struct settings defaults = {.io = CAT_IO_DEFAULTS, .width = 80, .height = 24};

static const struct cat_opt opts[] = {
	{.name = "Axes", .group = cat_axes_opts, .off = offsetof(struct settings, axes)},
	{.name = "sky", .type = CAT_OPT_FLAG, .off = offsetof(struct settings, sky), .help = "a map of the sky"},
	{.name = "flip-x", .type = CAT_OPT_FLAG, .off = offsetof(struct settings, flip_x), .help = "x grows to the left"},
	{.name = "flip-y", .type = CAT_OPT_FLAG, .off = offsetof(struct settings, flip_y),
	 .help = "y grows downward: magnitudes"},
	{.name = "ascii", .type = CAT_OPT_FLAG, .off = offsetof(struct settings, ascii), .help = "draw without UTF-8"},
	{.name = "width", .type = CAT_OPT_INT, .off = offsetof(struct settings, width), .arg = "N",
	 .help = "characters", .min = 20, .max = 400, .rare = true},
	{.name = "height", .type = CAT_OPT_INT, .off = offsetof(struct settings, height), .arg = "N",
	 .help = "lines", .min = 4, .max = 400, .rare = true},
	{.name = "Rows and columns", .group = cat_rows_opts, .off = offsetof(struct settings, io.rows)},
	{.name = "Input", .group = cat_input_opts, .off = offsetof(struct settings, io.input)},
	{.name = "Resources", .group = cat_resource_opts, .off = offsetof(struct settings, io.res)},
	{0},
};

static void prepare(void *settings)
{
	struct settings *s = settings;
	const char *lang = getenv("LC_ALL") && *getenv("LC_ALL")     ? getenv("LC_ALL")
	                   : getenv("LC_CTYPE") && *getenv("LC_CTYPE") ? getenv("LC_CTYPE")
	                                                               : getenv("LANG");

	cat_io_prepare(&s->io);
	/* Only a locale that says it is something else gets ASCII: an empty one is common in containers. */
	s->ascii = lang && *lang && strcmp(lang, "C") != 0 && strcmp(lang, "POSIX") != 0 && !strstr(lang, "UTF-8") &&
	           !strstr(lang, "utf8");
}

static int draw_axes(const struct settings *s, const struct cat_term *term, char **argv, int argc,
                     struct cat_text *out, struct cat_error *err)
{
	struct cat_hist h;
	int nx, ny;

	cat_term_grid(term, &nx, &ny);
	CAT_TRY(cat_axes_collect(&s->axes, s->axes.y ? nx : 20, ny, s->axes.y != NULL, &s->io, argv, argc, &h, err));
	if (s->axes.y) {
		const struct cat_axis x = {h.x.min, h.x.max, s->axes.x, s->flip_x};
		const struct cat_axis y = {h.y.min, h.y.max, s->axes.y, s->flip_y};

		cat_term_density(term, &x, &y, h.counts, h.x.bins, h.y.bins, out);
	} else {
		const struct cat_axis x = {h.x.min, h.x.max, s->axes.x, false};

		cat_term_bars(term, &x, h.counts, h.x.bins, out);
	}
	cat_text_addf(out, "%lld rows\n", (long long)h.rows);
	cat_hist_fini(&h);
	return CAT_OK;
}

static int run(void *settings, int argc, char **argv, struct cat_error *err)
{
	const struct settings *s = settings;
	const struct cat_term term = {.width = (int)s->width, .height = (int)s->height, .ascii = s->ascii};
	struct cat_text out = {.max = 1 << 24};
	int rc = s->sky ? cat_skymap_draw(&s->io, &term, argv, argc, &out, err)
	                : draw_axes(s, &term, argv, argc, &out, err);

	if (rc == CAT_OK)
		rc = cat_print(&out, err);
	cat_text_fini(&out);
	return rc;
}

static const struct cat_cmd command = {
	.name = "cat-plot",
	.brief = "draw a table: histogram, density, map of the sky",
	.operands = "[INPUT...]",
	.max_operands = -1,
	.opts = opts,
	.examples = "cat-plot -x vmag stars.csv\n"
	            "cat-plot -x 'bmag - vmag' -y vmag --flip-y stars.csv\n"
	            "cat-plot --sky stars.csv\n",
	.next = "cat-hist(1)",
	.run = run,
	.defaults = &defaults,
	.settings_size = sizeof defaults,
	.prepare = prepare,
};
CAT_MAIN(command)
