/* cat-plot -- pictures of tables: histograms, densities, maps of the sky; on the terminal or as files. */
#include <stdlib.h>
#include <string.h>

#include "cli/histogram.h"
#include "cli/picture.h"
#include "cli/skymap.h"

struct settings {
	struct cat_io io;
	struct cat_axes axes;
	bool sky, flip_x, flip_y, ascii;
	int64_t width, height;
	struct cat_picture_output picture;
};
static const struct settings defaults = {.io = CAT_IO_DEFAULTS};

static const struct cat_opt opts[] = {
	{.name = "Axes", .group = cat_axes_opts, .off = offsetof(struct settings, axes)},
	{.name = "sky", .type = CAT_OPT_FLAG, .off = offsetof(struct settings, sky), .help = "a map of the sky"},
	{.name = "flip-x", .type = CAT_OPT_FLAG, .off = offsetof(struct settings, flip_x), .help = "x grows to the left",
	 .rare = true},
	{.name = "flip-y", .type = CAT_OPT_FLAG, .off = offsetof(struct settings, flip_y),
	 .help = "y grows downward: magnitudes"},
	{.name = "Picture", .group = cat_picture_opts, .off = offsetof(struct settings, picture)},
	{.name = "ascii", .type = CAT_OPT_FLAG, .off = offsetof(struct settings, ascii), .help = "draw without UTF-8",
	 .rare = true},
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
	int width, height;

	cat_io_prepare(&s->io);
	/* Only a locale that says it is something else gets ASCII: an empty one is common in containers. */
	s->ascii = lang && *lang && strcmp(lang, "C") != 0 && strcmp(lang, "POSIX") != 0 && !strstr(lang, "UTF-8") &&
	           !strstr(lang, "utf8");
	cat_io_terminal(&width, &height);
	/* Room for the prompt and for the lines that stand around a picture. */
	s->width = width < 20 ? 20 : width > 400 ? 400 : width;
	s->height = height < 11 ? 4 : height > 400 ? 400 : height - 7;
}

static int draw_axes(const struct settings *s, const struct cat_picture_target *t, const struct cat_term *term,
                     char **argv, int argc, struct cat_error *err)
{
	char labels[2][CAT_AXIS_LABEL];
	struct cat_picture p = {.title = s->picture.title};
	struct cat_hist h;
	int nx, ny, rc;

	if (t->format >= 0) {
		/* Cells of five pixels. */
		nx = t->width / 5 - 30;
		ny = t->height / 5 - 20;
	} else {
		cat_term_grid(term, &nx, &ny);
	}
	nx = s->axes.y ? nx : t->format >= 0 ? 50 : term->height - 2;
	CAT_TRY(cat_axes_collect(&s->axes, nx, ny, s->axes.y != NULL, &s->io, argv, argc, &h, labels, err));
	p.kind = s->axes.y ? CAT_PICTURE_DENSITY : CAT_PICTURE_BARS;
	p.x = (struct cat_axis){h.x.min, h.x.max, labels[0], s->flip_x};
	p.y = (struct cat_axis){h.y.min, h.y.max, labels[1], s->flip_y};
	p.counts = h.counts;
	p.nx = h.x.bins;
	p.ny = h.y.bins;
	p.points = h.points;
	p.npoints = h.points ? h.rows : 0;
	p.rows = h.rows;
	rc = cat_picture_write(t, term, &p, err);
	cat_hist_fini(&h);
	return rc;
}

static int run(void *settings, int argc, char **argv, struct cat_error *err)
{
	const struct settings *s = settings;
	const struct cat_term term = {.width = (int)s->width, .height = (int)s->height, .ascii = s->ascii};
	struct cat_picture p = {.title = s->picture.title};
	struct cat_skymap map;
	struct cat_picture_target t;
	int rc;

	CAT_TRY(cat_picture_target(&s->picture, s->sky ? 1200 : 1000, s->sky ? 680 : 700, &t, err));
	if (!s->sky)
		return draw_axes(s, &t, &term, argv, argc, err);
	CAT_TRY(cat_skymap_collect(&s->io, t.format >= 0, argv, argc, &map, &p, err));
	rc = cat_picture_write(&t, &term, &p, err);
	cat_skymap_fini(&map);
	return rc;
}

static const struct cat_cmd command = {
	.name = "cat-plot",
	.brief = "draw a table: histogram, density, map of the sky",
	.operands = "[INPUT...]",
	.max_operands = -1,
	.opts = opts,
	.examples = "cat-plot -x vmag stars.csv\n"
	            "cat-plot -x 'bmag - vmag' -y vmag --flip-y stars.csv -o hr.png\n"
	            "cat-plot --sky stars.csv\n",
	.next = "cat-hist(1)",
	.run = run,
	.defaults = &defaults,
	.settings_size = sizeof defaults,
	.prepare = prepare,
};
CAT_MAIN(command)
