#include "draw/chart.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "draw/colour.h"
#include "draw/projection.h"

#define INK 0x333333
#define FAINT 0x767676
#define GRID 0xe4e4e4
#define FILL 0x3b6ea8
#define NOTHING 0xdedede /* of the sky */

#define TICK 5.0
#define SMALL 12.0
#define LABEL 13.5
#define TITLE 16.0
#define MARGIN 14.0

static const char *const formats[] = {[CAT_CANVAS_PNG] = "png", [CAT_CANVAS_SVG] = "svg", [CAT_CANVAS_PDF] = "pdf"};

int cat_chart_format(const char *path)
{
	const char *point = strrchr(path, '.');

	for (int i = 0; i < (int)(sizeof formats / sizeof *formats); i++)
		if (cat_equal_nocase(point ? point + 1 : path, formats[i]))
			return i;
	return -1;
}

/* A picture on its way: the canvas and the rectangle of the plot itself. */
struct chart {
	const struct cat_picture *p;
	const struct cat_draw_backend *d;
	struct cat_canvas *c;
	double width, height;
	double x0, y0, x1, y1; /* y0 above y1 */
};

/* --- axes --- */

/* Numbers with a minus sign of their width instead of a hyphen. */
static void axis_number(double v, double step, char *out, size_t size)
{
	char plain[32];

	cat_axis_number(v, step, plain, sizeof plain);
	snprintf(out, size, "%s%s", plain[0] == '-' ? "\xe2\x88\x92" : "", plain[0] == '-' ? plain + 1 : plain);
}

static double x_at(const struct chart *h, double v)
{
	const struct cat_axis *a = &h->p->x;
	const double part = (v - a->min) / (a->max - a->min);

	return h->x0 + (a->flip ? 1 - part : part) * (h->x1 - h->x0);
}

static double y_at(const struct chart *h, const struct cat_axis *a, double v)
{
	const double part = (v - a->min) / (a->max - a->min);

	return h->y0 + (a->flip ? part : 1 - part) * (h->y1 - h->y0);
}

static void straight(const struct chart *h, double xa, double ya, double xb, double yb, double width)
{
	const double xy[] = {xa, ya, xb, yb};

	h->d->line(h->c, xy, 2, width);
}

/* Lines of one pixel are sharp in the middle of it. */
static double crisp(double v)
{
	return floor(v) + 0.5;
}

static void draw_x_axis(const struct chart *h, bool grid)
{
	const struct cat_axis *a = &h->p->x;
	double first, step;
	const int n = cat_axis_ticks(a->min, a->max, (int)fmax(2, (h->x1 - h->x0) / 90), &first, &step);
	char number[40];

	for (int i = 0; i < n; i++) {
		const double x = crisp(x_at(h, first + i * step));

		if (grid) {
			h->d->color(h->c, GRID, 1);
			straight(h, x, h->y0, x, h->y1, 1);
		}
		h->d->color(h->c, INK, 1);
		straight(h, x, h->y1, x, h->y1 + TICK, 1);
		axis_number(first + i * step, step, number, sizeof number);
		h->d->text(h->c, x, h->y1 + TICK + 4, 0.5, 0, 0, SMALL, false, number);
	}
	h->d->color(h->c, INK, 1);
	h->d->text(h->c, (h->x0 + h->x1) / 2, h->height - MARGIN, 0.5, 1, 0, LABEL, false, a->label);
}

static int y_ticks(const struct chart *h, const struct cat_axis *a, double *first, double *step)
{
	return cat_axis_ticks(a->min, a->max, (int)fmax(2, (h->y1 - h->y0) / 55), first, step);
}

static void draw_y_axis(const struct chart *h, const struct cat_axis *a, bool grid)
{
	double first, step;
	const int n = y_ticks(h, a, &first, &step);
	char number[40];

	for (int i = 0; i < n; i++) {
		const double y = crisp(y_at(h, a, first + i * step));

		if (grid) {
			h->d->color(h->c, GRID, 1);
			straight(h, h->x0, y, h->x1, y, 1);
		}
		h->d->color(h->c, INK, 1);
		straight(h, h->x0 - TICK, y, h->x0, y, 1);
		axis_number(first + i * step, step, number, sizeof number);
		h->d->text(h->c, h->x0 - TICK - 4, y, 1, 0.5, 0, SMALL, false, number);
	}
	h->d->color(h->c, INK, 1);
	h->d->text(h->c, MARGIN, (h->y0 + h->y1) / 2, 0.5, 0, 1, LABEL, false, a->label);
}

static void draw_frame(const struct chart *h, bool whole)
{
	const double x0 = crisp(h->x0), x1 = crisp(h->x1), y0 = crisp(h->y0), y1 = crisp(h->y1);
	const double corner[] = {x0, y0, x0, y1, x1, y1, x1, y0, x0, y0};

	h->d->color(h->c, INK, 1);
	h->d->line(h->c, corner, whole ? 5 : 3, 1);
}

/* The widest number that y will have, so that labels stand beside them. */
static double y_numbers_width(const struct chart *h, const struct cat_axis *a)
{
	double first, step, most = 0;
	const int n = y_ticks(h, a, &first, &step);
	char number[40];

	for (int i = 0; i < n; i++) {
		axis_number(first + i * step, step, number, sizeof number);
		most = fmax(most, h->d->text_width(h->c, SMALL, false, number));
	}
	return most;
}

static bool has_title(const struct chart *h)
{
	return h->p->title && *h->p->title;
}

/* Whole pixels, so that cells and pixels of a PNG agree. */
static void place_plot(struct chart *h, const struct cat_axis *y, double right)
{
	h->y0 = has_title(h) ? MARGIN + TITLE + 14 : MARGIN + 6;
	h->y1 = floor(h->height - MARGIN - LABEL - 14 - SMALL - TICK - 4);
	h->x0 = ceil(MARGIN + LABEL + 12 + y_numbers_width(h, y) + TICK + 4);
	h->x1 = floor(h->width - right);
}

static void draw_words(const struct chart *h)
{
	char rows[64], digits[CAT_NUMBER_MAX], *to = rows;
	const size_t n = cat_format_i64(h->p->rows, digits);

	for (size_t i = 0; i < n; i++) {
		if (i > 0 && (n - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	snprintf(to, sizeof rows - (size_t)(to - rows), " row%s", h->p->rows == 1 ? "" : "s");
	h->d->color(h->c, FAINT, 1);
	h->d->text(h->c, h->width - MARGIN, h->height - MARGIN, 1, 1, 0, SMALL, false, rows);
	if (has_title(h)) {
		h->d->color(h->c, INK, 1);
		h->d->text(h->c, h->p->kind == CAT_PICTURE_SKY ? h->width / 2 : h->x0, MARGIN,
		           h->p->kind == CAT_PICTURE_SKY ? 0.5 : 0, 0, 0, TITLE, true, h->p->title);
	}
}

/* --- bars --- */

static void draw_bars(struct chart *h)
{
	const struct cat_picture *p = h->p;
	struct cat_axis y = {.min = 0, .max = 1, .label = "rows"};
	double first, step;

	for (int i = 0; i < p->nx; i++)
		y.max = fmax(y.max, (double)p->counts[i]);
	/* Up to a round number, so that the highest bar stays below a line. */
	cat_axis_ticks(y.min, y.max, 5, &first, &step);
	y.max = ceil(y.max / step - 1e-9) * step;
	place_plot(h, &y, MARGIN + 24);
	draw_y_axis(h, &y, true);
	h->d->color(h->c, FILL, 1);
	for (int i = 0; i < p->nx; i++) {
		const double w = (p->x.max - p->x.min) / p->nx;
		const double a = x_at(h, p->x.min + i * w), b = x_at(h, p->x.min + (i + 1) * w);
		const double gap = fabs(b - a) > 6 ? 1 : 0, top = y_at(h, &y, (double)p->counts[i]);

		if (p->counts[i] > 0)
			h->d->rect(h->c, fmin(a, b) + gap / 2, fmin(top, h->y1 - 1), fabs(b - a) - gap,
			           fmax(1, h->y1 - top));
	}
	draw_x_axis(h, false);
	draw_frame(h, false);
}

/* --- numbers as colours --- */

/* Logarithmic from 1 to MOST: sparse outskirts and dense middles both show. */
static double share(double v, double most)
{
	return most > 1 ? log(fmax(v, 1)) / log(most) : 1;
}

static uint32_t cell_colour(double v, double most)
{
	return 0xff000000 | cat_colour_scale(share(v, most));
}

static void draw_scale(const struct chart *h, double most)
{
	const double x = h->x1 + 22, w = 13, top = h->y0, bottom = h->y1;
	uint32_t strip[256];
	char number[40];
	double last = INFINITY;

	for (int i = 0; i < 256; i++)
		strip[i] = 0xff000000 | cat_colour_scale(1 - i / 255.0);
	h->d->image(h->c, x, top, w, bottom - top, strip, 1, 256);
	h->d->color(h->c, INK, 1);
	for (double power = 1; power <= most; power *= 10)
		for (int m = 1; m <= 5; m += m == 1 ? 1 : 3) {
			const double v = power * m, y = bottom - share(v, most) * (bottom - top);

			if (v > most || (m > 1 && most > 1000) || last - y < SMALL + 4)
				continue;
			last = y;
			cat_axis_number(v, 1, number, sizeof number);
			straight(h, x + w, crisp(y), x + w + 4, crisp(y), 1);
			h->d->text(h->c, x + w + 8, y, 0, 0.5, 0, SMALL, false, number);
		}
	h->d->text(h->c, h->width - MARGIN, (top + bottom) / 2, 0.5, 1, 1, SMALL, false, "rows per cell");
}

static double scale_width(const struct chart *h, double most)
{
	char number[40];

	cat_axis_number(most, 1, number, sizeof number);
	return 22 + 13 + 8 + h->d->text_width(h->c, SMALL, false, number) + 10 + SMALL + MARGIN;
}

static double most_of(const struct cat_picture *p)
{
	int64_t most = 1;

	for (int64_t i = 0; i < (int64_t)p->nx * p->ny; i++)
		most = p->counts[i] > most ? p->counts[i] : most;
	return (double)most;
}

static int draw_cells(const struct chart *h, double most, struct cat_error *err)
{
	const struct cat_picture *p = h->p;
	const int w = (int)(h->x1 - h->x0), n = (int)(h->y1 - h->y0);
	uint32_t *pixels = cat_calloc((size_t)w * (size_t)n, sizeof *pixels);

	if (!pixels)
		return cat_fail_mem(err, (size_t)w * (size_t)n * sizeof *pixels);
	for (int i = 0; i < n; i++)
		for (int k = 0; k < w; k++) {
			const int row = (int)((double)(p->y.flip ? i : n - 1 - i) / n * p->ny);
			const int col = (int)((double)(p->x.flip ? w - 1 - k : k) / w * p->nx);
			const int64_t v = p->counts[(int64_t)row * p->nx + col];

			if (v > 0)
				pixels[(size_t)i * (size_t)w + (size_t)k] = cell_colour((double)v, most);
		}
	h->d->image(h->c, h->x0, h->y0, w, n, pixels, w, n);
	cat_free(pixels);
	return CAT_OK;
}

static int draw_dots(const struct chart *h, struct cat_error *err)
{
	const struct cat_picture *p = h->p;
	double *xy = cat_calloc((size_t)p->npoints * 2 + 1, sizeof *xy);

	if (!xy)
		return cat_fail_mem(err, (size_t)p->npoints * 2 * sizeof *xy);
	for (int64_t i = 0; i < p->npoints; i++) {
		xy[2 * i] = x_at(h, p->points[2 * i]);
		xy[2 * i + 1] = y_at(h, &p->y, p->points[2 * i + 1]);
	}
	h->d->color(h->c, FILL, p->npoints > 500 ? 0.55 : 0.8);
	h->d->dots(h->c, xy, p->npoints, p->npoints > 500 ? 1.6 : 2.6);
	cat_free(xy);
	return CAT_OK;
}

static int draw_density(struct chart *h, struct cat_error *err)
{
	const double most = most_of(h->p);

	place_plot(h, &h->p->y, h->p->points ? MARGIN + 24 : scale_width(h, most));
	draw_y_axis(h, &h->p->y, h->p->points != NULL);
	draw_x_axis(h, h->p->points != NULL);
	if (h->p->points) {
		CAT_TRY(draw_dots(h, err));
	} else {
		CAT_TRY(draw_cells(h, most, err));
		draw_scale(h, most);
	}
	draw_frame(h, true);
	return CAT_OK;
}

/* --- sky --- */

static void sky_point(const struct chart *h, double ra, double dec, double *xy)
{
	double px, py;

	cat_hammer(ra, dec, &px, &py);
	xy[0] = (h->x0 + h->x1) / 2 + px * (h->x1 - h->x0) / 2;
	xy[1] = (h->y0 + h->y1) / 2 - py * (h->y1 - h->y0) / 2;
}

/* The largest ellipse of two to one that fits. */
static void place_sky(struct chart *h, double right)
{
	const double top = has_title(h) ? MARGIN + TITLE + 16 : MARGIN + 8;
	const double w = h->width - MARGIN - 30 - right, n = h->height - top - MARGIN - SMALL - 24;
	const double half = floor(fmin(w / 2, n) / 2);

	h->x0 = floor(MARGIN + 30 + (w - 4 * half) / 2);
	h->y0 = floor(top + (n - 2 * half) / 2);
	h->x1 = h->x0 + 4 * half;
	h->y1 = h->y0 + 2 * half;
}

static int draw_sky_cells(const struct chart *h, double *most, struct cat_error *err)
{
	const struct cat_picture *p = h->p;
	const int w = (int)(h->x1 - h->x0), n = (int)(h->y1 - h->y0);
	float *values = cat_malloc((size_t)w * (size_t)n * sizeof *values);
	uint32_t *pixels = cat_calloc((size_t)w * (size_t)n, sizeof *pixels);

	if (!pixels || !values) {
		cat_free(values);
		cat_free(pixels);
		return cat_fail_mem(err, (size_t)w * (size_t)n * (sizeof *pixels + sizeof *values));
	}
	*most = 1;
	for (int i = 0; i < w * n; i++) {
		double ra, dec;
		const bool inside = cat_hammer_inverse(2 * (i % w + 0.5) / w - 1, 1 - 2 * (i / w + 0.5) / n, &ra, &dec);

		values[i] = inside ? (float)p->counts[p->cell(ra, dec)] : -1;
		*most = fmax(*most, (double)values[i]);
	}
	for (int i = 0; i < w * n; i++)
		if (values[i] >= 0)
			pixels[i] = values[i] == 0 || p->points ? 0xff000000 | (p->points ? 0xffffff : NOTHING)
			                                        : cell_colour((double)values[i], *most);
	h->d->image(h->c, h->x0, h->y0, w, n, pixels, w, n);
	cat_free(values);
	cat_free(pixels);
	return CAT_OK;
}

/* A line along ra or dec, as many short ones. */
static void draw_arc(const struct chart *h, double ra0, double ra1, double dec0, double dec1, double width)
{
	enum { STEPS = 90 };
	double xy[2 * (STEPS + 1)];

	for (int i = 0; i <= STEPS; i++)
		sky_point(h, ra0 + (ra1 - ra0) * i / STEPS, dec0 + (dec1 - dec0) * i / STEPS, xy + 2 * i);
	h->d->line(h->c, xy, STEPS + 1, width);
}

/* ra 180 is the edge on either side: just beyond it is the other one. */
#define EDGE 180.0000001

static void draw_graticule(const struct chart *h)
{
	char number[16];
	double xy[2];

	h->d->color(h->c, h->p->points ? 0xc4c4c4 : 0x9a9a9a, h->p->points ? 1 : 0.55);
	for (int dec = -60; dec <= 60; dec += 30) {
		draw_arc(h, 0, 180, dec, dec, 0.7);
		draw_arc(h, EDGE, 360, dec, dec, 0.7);
	}
	for (int ra = 0; ra < 360; ra += 30)
		if (ra != 180)
			draw_arc(h, ra, ra, -90, 90, 0.7);
	h->d->color(h->c, INK, 1);
	draw_arc(h, 180, 180, -90, 90, 1);
	draw_arc(h, EDGE, EDGE, -90, 90, 1);
	for (int dec = -60; dec <= 60; dec += 30) {
		sky_point(h, 180, dec, xy);
		snprintf(number, sizeof number, "%s%d\xc2\xb0", dec < 0 ? "\xe2\x88\x92" : dec > 0 ? "+" : "", abs(dec));
		h->d->text(h->c, xy[0] - 6, xy[1] - dec * 0.06, 1, 0.5, 0, SMALL, false, number);
	}
	/* Along the equator, white-edged by a pale ground so that they can be read on any colour. */
	for (int ra = 60; ra < 360; ra += 60) {
		double w;

		if (ra == 180)
			continue;
		sky_point(h, ra, 0, xy);
		snprintf(number, sizeof number, "%d\xc2\xb0", ra);
		w = h->d->text_width(h->c, SMALL - 1, false, number);
		h->d->color(h->c, 0xffffff, 0.75);
		h->d->rect(h->c, xy[0] - w / 2 - 2, xy[1] + 4, w + 4, SMALL + 1);
		h->d->color(h->c, INK, 1);
		h->d->text(h->c, xy[0], xy[1] + 6, 0.5, 0, 0, SMALL - 1, false, number);
	}
	h->d->text(h->c, MARGIN, h->height - MARGIN, 0, 1, 0, SMALL, false,
	           "Hammer projection, equatorial; ra 0\xc2\xb0 in the middle, growing to the left");
}

static int draw_sky(struct chart *h, struct cat_error *err)
{
	const struct cat_picture *p = h->p;
	double most, *xy;

	place_sky(h, p->points ? MARGIN + 30 : scale_width(h, 1e3));
	CAT_TRY(draw_sky_cells(h, &most, err));
	draw_graticule(h);
	if (!p->points) {
		draw_scale(h, most);
		return CAT_OK;
	}
	xy = cat_calloc((size_t)p->npoints * 2 + 1, sizeof *xy);
	if (!xy)
		return cat_fail_mem(err, (size_t)p->npoints * 2 * sizeof *xy);
	for (int64_t i = 0; i < p->npoints; i++)
		sky_point(h, p->points[2 * i], p->points[2 * i + 1], xy + 2 * i);
	h->d->color(h->c, FILL, p->npoints > 500 ? 0.55 : 0.85);
	h->d->dots(h->c, xy, p->npoints, p->npoints > 500 ? 1.6 : 2.6);
	cat_free(xy);
	return CAT_OK;
}

/* --- the file --- */

struct output {
	struct cat_writer *w;
	struct cat_error *err;
	int rc;
};

static bool on_bytes(void *arg, const void *data, size_t n)
{
	struct output *o = arg;

	if (o->rc == CAT_OK)
		o->rc = cat_write_bytes(o->w, data, n, o->err);
	return o->rc == CAT_OK;
}

int cat_chart_write(const struct cat_picture *p, enum cat_canvas_format format, int width, int height,
                    struct cat_writer *w, struct cat_error *err)
{
	struct cat_error writing = {0};
	struct output out = {.w = w, .err = &writing, .rc = CAT_OK};
	struct chart h = {.p = p, .width = width, .height = height};
	const void *table;
	const char *failed;
	int rc = CAT_OK;

	CAT_TRY(cat_backend_open("cairo", &table, err));
	h.d = table;
	h.c = h.d->open(format, width, height, on_bytes, &out);
	if (!h.c)
		return cat_fail_mem(err, sizeof h);
	if (p->kind == CAT_PICTURE_BARS)
		draw_bars(&h);
	else if (p->kind == CAT_PICTURE_DENSITY)
		rc = draw_density(&h, err);
	else
		rc = draw_sky(&h, err);
	draw_words(&h);
	failed = h.d->finish(h.c);
	if (rc != CAT_OK)
		return rc;
	if (out.rc != CAT_OK) {
		*err = writing;
		return out.rc;
	}
	return failed ? cat_fail(err, CAT_E_SYSTEM, "cannot draw: %s", failed) : CAT_OK;
}
