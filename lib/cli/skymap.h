/* skymap -- rows per cell of the sky, drawn.
 *
 * Layer: cli.
 */
#ifndef CAT_CLI_SKYMAP_H
#define CAT_CLI_SKYMAP_H

#include "cli/io.h"
#include "draw/term.h"

/* Counts the operands' rows by place and appends a map of them to OUT. */
CAT_MUST_USE int cat_skymap_draw(const struct cat_io *io, const struct cat_term *term, char *const *operands, int n,
                                 struct cat_text *out, struct cat_error *err);

#endif
