/* picture -- where a picture goes: a file in some format and size, or text on standard output.
 *
 * Layer: cli.
 */
#ifndef CAT_CLI_PICTURE_H
#define CAT_CLI_PICTURE_H

#include "cli/opt.h"
#include "draw/picture.h"
#include "draw/term.h"

struct cat_picture_output {
	const char *title, *output, *format, *size;
};
extern const struct cat_opt cat_picture_opts[];

/* What the options come to. */
struct cat_picture_target {
	const char *path; /* NULL: standard output */
	int format;       /* enum cat_canvas_format; -1: text */
	int width, height; /* pixels */
};
/* An unknown suffix or size is CAT_E_USAGE. WIDTH and HEIGHT are taken when --size says nothing. */
CAT_MUST_USE int cat_picture_target(const struct cat_picture_output *o, int width, int height,
                                    struct cat_picture_target *t, struct cat_error *err);
/* The picture as a file that appears whole, or as text of TERM's size. */
CAT_MUST_USE int cat_picture_write(const struct cat_picture_target *t, const struct cat_term *term,
                                   const struct cat_picture *p, struct cat_error *err);

#endif
