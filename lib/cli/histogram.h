/* histogram -- what cat-hist and cat-plot have in common: options for two axes, and their collecting.
 *
 * Layer: cli.
 */
#ifndef CAT_CLI_HISTOGRAM_H
#define CAT_CLI_HISTOGRAM_H

#include "cli/io.h"
#include "exec/op_hist.h"

struct cat_axes {
	const char *x, *y;
	const char *bins;
	const char *xrange, *yrange;
};
extern const struct cat_opt cat_axes_opts[];

#define CAT_AXIS_LABEL 256
/* Reads the operands and counts. NX and NY are the bins when --bins says nothing; EXACT keeps to them. LABELS
 * receives what stands along x and y: the expression and its unit. */
CAT_MUST_USE int cat_axes_collect(const struct cat_axes *a, int nx, int ny, bool exact, const struct cat_io *io,
                                  char *const *operands, int n, struct cat_hist *out,
                                  char labels[2][CAT_AXIS_LABEL], struct cat_error *err);
/* A name for a column made of an axis' expression: itself when it is one, else FALLBACK. */
const char *cat_axes_name(const char *expression, const char *fallback);

#endif
