/* region -- parts of the sky: cones, boxes, polygons and coverage maps, as options give them.
 *
 * Layer: sky. Degrees, ICRS. Edges belong; what is added of one kind is OR, different kinds are AND. A position
 * that is not finite or beyond the poles lies in no region. Polygons are bounded by great circles and mean the
 * smaller side; where edges cross, what is inside is decided by their parity.
 * Thread rule: one thread builds; any number may ask.
 */
#ifndef CAT_SKY_REGION_H
#define CAT_SKY_REGION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "sky/cover.h"
#include "sky/moc.h"

struct cat_region;

/* An empty region, which is the whole sky until something is added. */
CAT_MUST_USE int cat_region_new(struct cat_region **out, struct cat_error *err);
void cat_region_free(struct cat_region *r); /* accepts NULL */

/* "RA,DEC,R", "RA1,RA2,DEC1,DEC2" and "RA,DEC,RA,DEC,...": angles as angle.h reads them. A text that is wrong is
 * CAT_E_USAGE and adds nothing; a cone around a name is CAT_E_UNSUPPORTED. */
CAT_MUST_USE int cat_region_add_cone(struct cat_region *r, const char *text, struct cat_error *err);
CAT_MUST_USE int cat_region_add_box(struct cat_region *r, const char *text, struct cat_error *err);
CAT_MUST_USE int cat_region_add_polygon(struct cat_region *r, const char *text, struct cat_error *err);
/* The bytes of a coverage map file in any of its forms. */
CAT_MUST_USE int cat_region_add_moc(struct cat_region *r, const void *data, size_t size, struct cat_error *err);
/* Is it the whole sky? */
bool cat_region_is_all(const struct cat_region *r);

/* IN[i] becomes 1 or 0. */
void cat_region_contains_n(const struct cat_region *r, const double *ra_deg, const double *dec_deg, int64_t n,
                           uint8_t *in);

/* Zero-initialised COVER becomes cells of at most ORDER that together hold all of the region and little else. They
 * are refined from the whole sky down to ORDER, but not further once there are about MAX_CELLS of them at the edge. */
CAT_MUST_USE int cat_region_cover(const struct cat_region *r, int order, int64_t max_cells, struct cat_cover *cover,
                                  struct cat_error *err);
/* May the region have a position in order-29 cells [LO, HI)? Never false when it has one. Coarser than a cover, for
 * a few ranges, where that is not worth making. */
bool cat_region_overlaps(const struct cat_region *r, int64_t lo, int64_t hi);

/* Bounds on ra and dec for pruning by statistics: every position of the region has dec in [DEC[0], DEC[1]] and,
 * when it is true that ra is bounded, ra (modulo 360) in the arc from RA[0] in [0, 360) eastward to RA[1], which
 * may be beyond 360. */
struct cat_region_box {
	double dec_deg[2];
	double ra_deg[2];
	bool ra_bounded;
	bool empty; /* the region holds nothing */
};
void cat_region_bounds(const struct cat_region *r, struct cat_region_box *out);
/* May a row whose ra lies in [RA_MIN, RA_MAX] and dec in [DEC_MIN, DEC_MAX] belong? NANs stand for unknown
 * bounds. */
bool cat_region_box_overlaps(const struct cat_region_box *b, double ra_min, double ra_max, double dec_min,
                             double dec_max);

#endif
