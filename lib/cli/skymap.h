/* skymap -- rows per cell of the sky, collected for a picture.
 *
 * Layer: cli.
 */
#ifndef CAT_CLI_SKYMAP_H
#define CAT_CLI_SKYMAP_H

#include "cli/io.h"
#include "draw/picture.h"

struct cat_skymap {
	int64_t *counts;
	double *points; /* ra, dec of the first CAT_SKYMAP_POINTS */
	int64_t rows;
};
/* While there are no more rows than this a picture may show each. */
#define CAT_SKYMAP_POINTS 5000

/* Counts the operands' rows by place, in cells that suit a picture: FINE for a file, else for characters. Makes P show
 * them, as points too when FINE and they are few; *OUT owns what P shows, until cat_skymap_fini. */
CAT_MUST_USE int cat_skymap_collect(const struct cat_io *io, bool fine, char *const *operands, int n,
                                    struct cat_skymap *out, struct cat_picture *p, struct cat_error *err);
void cat_skymap_fini(struct cat_skymap *m);

#endif
