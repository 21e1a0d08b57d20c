/* chart -- pictures laid out on a canvas, as PNG, SVG or PDF.
 *
 * Layer: draw.
 */
#ifndef CAT_DRAW_CHART_H
#define CAT_DRAW_CHART_H

#include "base/bytes.h"
#include "draw/canvas.h"
#include "draw/picture.h"

/* The name of a format behind the last point of PATH or alone ("png", "x.svg", "a/b.PDF"); -1: none of them. */
int cat_chart_format(const char *path);
/* Draws P in WIDTH x HEIGHT pixels and appends the file's bytes to W, which stays the caller's and is not
 * committed. The same picture gives the same bytes on the same machine (fonts differ between machines). */
CAT_MUST_USE int cat_chart_write(const struct cat_picture *p, enum cat_canvas_format format, int width, int height,
                                 struct cat_writer *w, struct cat_error *err);

#endif
