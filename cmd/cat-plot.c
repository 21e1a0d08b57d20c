/* cat-plot -- pictures of tables: histograms, densities, maps of the sky; on the terminal or as files. */
#include <stdlib.h>
#include <string.h>

#include "cli/histogram.h"
#include "cli/skymap.h"
#include "draw/chart.h"
#include "draw/term.h"
#include "storage/local.h"

struct settings {
	struct cat_io io;
	struct cat_axes axes;
	bool sky, flip_x, flip_y, ascii;
	int64_t width, height;
	const char *title, *output, *format, *size;
};
static const struct settings defaults = {.io = CAT_IO_DEFAULTS};
static const char *const formats[] = {"png", "svg", "pdf", NULL};

static const struct cat_opt opts[] = {
	{.name = "Axes", .group = cat_axes_opts, .off = offsetof(struct settings, axes)},
	{.name = "sky", .type = CAT_OPT_FLAG, .off = offsetof(struct settings, sky), .help = "a map of the sky"},
	{.name = "flip-x", .type = CAT_OPT_FLAG, .off = offsetof(struct settings, flip_x), .help = "x grows to the left",
	 .rare = true},
	{.name = "flip-y", .type = CAT_OPT_FLAG, .off = offsetof(struct settings, flip_y),
	 .help = "y grows downward: magnitudes"},
	{.name = "output", .letter = 'o', .type = CAT_OPT_STRING, .off = offsetof(struct settings, output), .arg = "FILE",
	 .help = "draw FILE.png, .svg or .pdf"},
	{.name = "title", .type = CAT_OPT_STRING, .off = offsetof(struct settings, title), .arg = "TEXT",
	 .help = "above the picture", .rare = true},
	{.name = "size", .type = CAT_OPT_STRING, .off = offsetof(struct settings, size), .arg = "WxH",
	 .help = "pixels of a file", .preset = "1000x700"},
	{.name = "format", .letter = 'f', .type = CAT_OPT_ENUM, .off = offsetof(struct settings, format), .arg = "FORMAT",
	 .help = "png, svg or pdf, on standard output too", .choices = formats, .rare = true},
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

/* Where the picture goes as a file. */
struct target {
	int format; /* enum cat_canvas_format; -1: the terminal */
	int64_t width, height;
};

static int find_target(const struct settings *s, struct target *t, struct cat_error *err)
{
	const char *x = s->size ? strchr(s->size, 'x') : NULL;

	*t = (struct target){-1, s->sky ? 1200 : 1000, s->sky ? 680 : 700};
	if (s->format)
		t->format = cat_chart_format(s->format);
	else if (s->output)
		t->format = cat_chart_format(s->output);
	if (s->output && t->format < 0) {
		cat_fail(err, CAT_E_USAGE, "%s: the suffix names no format of a picture: .png .svg .pdf", s->output);
		return cat_hint(err, "-f FORMAT");
	}
	if (s->size && (!x || !cat_parse_i64(s->size, (size_t)(x - s->size), &t->width) ||
	                !cat_parse_i64(x + 1, strlen(x + 1), &t->height) || t->width < 200 || t->height < 150 ||
	                t->width > 10000 || t->height > 10000))
		return cat_fail(err, CAT_E_USAGE, "--size takes WxH from 200x150 to 10000x10000; not '%s'", s->size);
	return CAT_OK;
}

static int write_file(const struct settings *s, const struct target *t, const struct cat_picture *p,
                      struct cat_error *err)
{
	struct cat_writer *w;
	int rc;

	if (!s->output || strcmp(s->output, "-") == 0)
		CAT_TRY(cat_local_create_fd(1, "standard output", &w, err));
	else
		CAT_TRY(cat_local_create(s->output, &w, err));
	rc = cat_chart_write(p, (enum cat_canvas_format)t->format, (int)t->width, (int)t->height, w, err);
	if (rc == CAT_OK)
		rc = w->ops->commit(w, err);
	cat_writer_close(w);
	return rc;
}

static int show(const struct settings *s, const struct target *t, const struct cat_term *term,
                const struct cat_picture *p, struct cat_error *err)
{
	struct cat_text out = {.max = 1 << 24};
	int rc;

	if (t->format >= 0)
		return write_file(s, t, p, err);
	cat_term_picture(term, p, &out);
	rc = cat_print(&out, err);
	cat_text_fini(&out);
	return rc;
}

static int draw_axes(const struct settings *s, const struct target *t, const struct cat_term *term, char **argv,
                     int argc, struct cat_error *err)
{
	char labels[2][CAT_AXIS_LABEL];
	struct cat_picture p = {.title = s->title};
	struct cat_hist h;
	int nx, ny, rc;

	if (t->format >= 0) {
		/* Cells of five pixels. */
		nx = (int)t->width / 5 - 30;
		ny = (int)t->height / 5 - 20;
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
	rc = show(s, t, term, &p, err);
	cat_hist_fini(&h);
	return rc;
}

static int run(void *settings, int argc, char **argv, struct cat_error *err)
{
	const struct settings *s = settings;
	const struct cat_term term = {.width = (int)s->width, .height = (int)s->height, .ascii = s->ascii};
	struct cat_picture p = {.title = s->title};
	struct cat_skymap map;
	struct target t;
	int rc;

	CAT_TRY(find_target(s, &t, err));
	if (!s->sky)
		return draw_axes(s, &t, &term, argv, argc, err);
	CAT_TRY(cat_skymap_collect(&s->io, t.format >= 0, argv, argc, &map, &p, err));
	rc = show(s, &t, &term, &p, err);
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
