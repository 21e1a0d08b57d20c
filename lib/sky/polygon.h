/* polygon -- what is inside a polygon of great circles.
 *
 * Layer: sky; used by region. The smaller side is inside, edges belong; where edges cross, parity decides.
 * Thread rule: immutable once made.
 */
#ifndef CAT_SKY_POLYGON_H
#define CAT_SKY_POLYGON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct cat_polygon {
	int64_t n;             /* vertices; edge i runs from vertex i to the next */
	double (*vertex)[3];   /* unit vectors */
	double (*normal)[3];   /* of edge i's great circle, to its left */
	double reference[2][3]; /* far from all edges and not opposite to each other */
	bool inside[2];         /* is the reference? */
	/* A cap that holds the polygon; 180 when it does not fit into a hemisphere. */
	double cap_ra_deg, cap_dec_deg, cap_radius_deg;
};

/* Takes N positions; a repeated one counts once. Fewer than three different ones, or neighbours opposite on the
 * sphere: CAT_E_USAGE. */
CAT_MUST_USE int cat_polygon_init(struct cat_polygon *p, const double *ra_deg, const double *dec_deg, int64_t n,
                                  struct cat_error *err);
void cat_polygon_fini(struct cat_polygon *p);
bool cat_polygon_contains(const struct cat_polygon *p, double ra_deg, double dec_deg);
/* Distance of a unit vector to the nearest edge. */
double cat_polygon_edge_distance_deg(const struct cat_polygon *p, const double v[3]);

#endif
