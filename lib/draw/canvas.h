/* canvas -- what a picture is drawn with: lines, areas, text, in pixels from the upper left corner.
 *
 * Layer: draw. Implemented by backend_cairo.c, a shared object of its own (base/backend.h), so that programs link
 * no cairo. Colours are 0xRRGGBB. Failures stick and are told by finish. Thread rule: a canvas belongs to one thread.
 */
#ifndef CAT_DRAW_CANVAS_H
#define CAT_DRAW_CANVAS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/backend.h"

enum cat_canvas_format { CAT_CANVAS_PNG, CAT_CANVAS_SVG, CAT_CANVAS_PDF };

struct cat_canvas;
struct cat_draw_backend {
	struct cat_backend backend;
	/* A white canvas of WIDTH x HEIGHT pixels (in a PDF: of 1/96 inch). WRITE takes the file's bytes, some during
	 * drawing, the last in finish; gives false to end it. NULL: out of memory. */
	struct cat_canvas *(*open)(enum cat_canvas_format format, int width, int height,
	                           bool (*write)(void *arg, const void *data, size_t n), void *arg);
	void (*color)(struct cat_canvas *, uint32_t rgb, double alpha);
	void (*rect)(struct cat_canvas *, double x, double y, double w, double h);
	/* Through N points given as x, y, x, y; a single line of WIDTH pixels. */
	void (*line)(struct cat_canvas *, const double *xy, int n, double width);
	/* Filled circles around N points. */
	void (*dots)(struct cat_canvas *, const double *xy, int64_t n, double radius);
	/* One line of text of SIZE pixels whose point (AT_X, AT_Y) is at X, Y: 0 is left or top, 1 right or bottom.
	 * TURN quarter turns counterclockwise. */
	void (*text)(struct cat_canvas *, double x, double y, double at_x, double at_y, int turn, double size,
	             bool bold, const char *s);
	double (*text_width)(struct cat_canvas *, double size, bool bold, const char *s);
	/* NX x NY pixels 0xAARRGGBB (not premultiplied: A is 0 or 255), row by row, at X, Y in the size W x H. */
	void (*image)(struct cat_canvas *, double x, double y, double w, double h, const uint32_t *pixels, int nx,
	              int ny);
	/* Ends the file and frees the canvas. NULL, or what went wrong. */
	const char *(*finish)(struct cat_canvas *);
};

#endif
