#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <cairo.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "draw/canvas.h"

/* Symbols of this object stay inside, but for the table: memory is the C library's and no error is filled here. */
struct cat_canvas {
	cairo_surface_t *surface;
	cairo_t *cr;
	enum cat_canvas_format format;
	bool (*write)(void *arg, const void *data, size_t n);
	void *arg;
};

static cairo_status_t on_write(void *closure, const unsigned char *data, unsigned n)
{
	struct cat_canvas *c = closure;

	return c->write(c->arg, data, n) ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

static const char *finish(struct cat_canvas *c)
{
	cairo_status_t status = cairo_status(c->cr);

	cairo_destroy(c->cr);
	if (status == CAIRO_STATUS_SUCCESS && c->format == CAT_CANVAS_PNG)
		status = cairo_surface_write_to_png_stream(c->surface, on_write, c);
	cairo_surface_finish(c->surface);
	if (status == CAIRO_STATUS_SUCCESS)
		status = cairo_surface_status(c->surface);
	cairo_surface_destroy(c->surface);
	free(c);
	return status == CAIRO_STATUS_SUCCESS ? NULL : cairo_status_to_string(status);
}

static struct cat_canvas *open_canvas(enum cat_canvas_format format, int width, int height,
                                      bool (*write)(void *arg, const void *data, size_t n), void *arg)
{
	struct cat_canvas *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->format = format;
	c->write = write;
	c->arg = arg;
	switch (format) {
	case CAT_CANVAS_PNG:
		c->surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
		break;
	case CAT_CANVAS_SVG:
		c->surface = cairo_svg_surface_create_for_stream(on_write, c, width, height);
		cairo_svg_surface_set_document_unit(c->surface, CAIRO_SVG_UNIT_PX);
		break;
	case CAT_CANVAS_PDF:
		c->surface = cairo_pdf_surface_create_for_stream(on_write, c, width * 0.75, height * 0.75);
		/* The same picture is the same bytes: the time of writing stays out. */
		cairo_pdf_surface_set_metadata(c->surface, CAIRO_PDF_METADATA_CREATE_DATE, "");
		break;
	}
	c->cr = cairo_create(c->surface);
	if (format == CAT_CANVAS_PDF)
		cairo_scale(c->cr, 0.75, 0.75);
	cairo_set_source_rgb(c->cr, 1, 1, 1);
	cairo_paint(c->cr);
	return c;
}

static void color(struct cat_canvas *c, uint32_t rgb, double alpha)
{
	cairo_set_source_rgba(c->cr, (rgb >> 16 & 255) / 255.0, (rgb >> 8 & 255) / 255.0, (rgb & 255) / 255.0, alpha);
}

static void rect(struct cat_canvas *c, double x, double y, double w, double h)
{
	cairo_rectangle(c->cr, x, y, w, h);
	cairo_fill(c->cr);
}

static void line(struct cat_canvas *c, const double *xy, int n, double width)
{
	/* Text leaves a current point behind. */
	cairo_new_path(c->cr);
	for (int i = 0; i < n; i++)
		cairo_line_to(c->cr, xy[2 * i], xy[2 * i + 1]);
	cairo_set_line_width(c->cr, width);
	cairo_stroke(c->cr);
}

static void dots(struct cat_canvas *c, const double *xy, int64_t n, double radius)
{
	for (int64_t i = 0; i < n; i++) {
		cairo_new_sub_path(c->cr);
		cairo_arc(c->cr, xy[2 * i], xy[2 * i + 1], radius, 0, 2 * M_PI);
		cairo_fill(c->cr);
	}
}

static void set_font(struct cat_canvas *c, double size, bool bold)
{
	cairo_select_font_face(c->cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
	                       bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
	cairo_set_font_size(c->cr, size);
}

static double text_width(struct cat_canvas *c, double size, bool bold, const char *s)
{
	cairo_text_extents_t e;

	set_font(c, size, bold);
	cairo_text_extents(c->cr, s, &e);
	return e.x_advance;
}

static void text(struct cat_canvas *c, double x, double y, double at_x, double at_y, int turn, double size, bool bold,
                 const char *s)
{
	const double width = text_width(c, size, bold, s), height = 0.73 * size; /* of capitals and digits */

	cairo_save(c->cr);
	cairo_translate(c->cr, x, y);
	cairo_rotate(c->cr, -turn * M_PI / 2);
	cairo_move_to(c->cr, -at_x * width, (1 - at_y) * height);
	cairo_show_text(c->cr, s);
	cairo_restore(c->cr);
}

static void image(struct cat_canvas *c, double x, double y, double w, double h, const uint32_t *pixels, int nx, int ny)
{
	cairo_surface_t *s = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, nx, ny);

	cairo_surface_flush(s);
	if (cairo_surface_status(s) == CAIRO_STATUS_SUCCESS) {
		unsigned char *to = cairo_image_surface_get_data(s);

		for (int i = 0; i < ny; i++) {
			uint32_t *row = (uint32_t *)(void *)(to + (size_t)i * (size_t)cairo_image_surface_get_stride(s));

			for (int k = 0; k < nx; k++)
				row[k] = pixels[(size_t)i * (size_t)nx + (size_t)k] >> 24 ?
				         pixels[(size_t)i * (size_t)nx + (size_t)k] : 0;
		}
		cairo_surface_mark_dirty(s);
	}
	cairo_save(c->cr);
	cairo_translate(c->cr, x, y);
	cairo_scale(c->cr, w / nx, h / ny);
	/* A surface in error puts the context into error, which finish tells. */
	cairo_set_source_surface(c->cr, s, 0, 0);
	cairo_pattern_set_filter(cairo_get_source(c->cr), CAIRO_FILTER_NEAREST);
	cairo_paint(c->cr);
	cairo_restore(c->cr);
	cairo_surface_destroy(s);
}

extern const struct cat_draw_backend cat_backend_table;
CAT_BACKEND_EXPORT const struct cat_draw_backend cat_backend_table = {
	.backend = {CAT_VERSION},
	.open = open_canvas,
	.color = color,
	.rect = rect,
	.line = line,
	.dots = dots,
	.text = text,
	.text_width = text_width,
	.image = image,
	.finish = finish,
};
