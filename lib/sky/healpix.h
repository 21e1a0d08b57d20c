/* healpix -- cells of the sphere: HEALPix, nested scheme, orders 0 to 29.
 *
 * Layer: sky. Source: Gorski et al. 2005, ApJ 622, 759 (sections 4 and 5 and appendix); what it leaves open,
 * the rounding at cell edges, is healpy's. Degrees, ICRS. Inside a base cell x grows to the north-east and y to
 * the north-west; the southern corner is (0, 0).
 * Thread rule: pure functions, any thread.
 */
#ifndef CAT_SKY_HEALPIX_H
#define CAT_SKY_HEALPIX_H

#include <stdbool.h>
#include <stdint.h>

#define CAT_HPX_ORDER_MAX 29
/* Cells of order 29 on the whole sphere. */
#define CAT_HPX29_CELLS (INT64_C(12) << 58)

/* Cells of an order. */
static inline int64_t cat_hpx_cells(int order)
{
	return INT64_C(12) << 2 * order;
}
/* First order-29 cell of CELL; that of CELL + 1 is one past its last. */
static inline int64_t cat_hpx_first29(int order, int64_t cell)
{
	return cell << 2 * (CAT_HPX_ORDER_MAX - order);
}
/* The cell of an order that an order-29 cell lies in. */
static inline int64_t cat_hpx_parent29(int order, int64_t cell29)
{
	return cell29 >> 2 * (CAT_HPX_ORDER_MAX - order);
}

/* Cell of a position; ra of any size. -1 for a position that is not finite or beyond the poles. */
int64_t cat_hpx_from_deg(int order, double ra_deg, double dec_deg);
/* Order-29 cells of N positions, the same values as cat_hpx_from_deg. OUT has room for N. */
void cat_hpx29_from_deg_n(const double *ra_deg, const double *dec_deg, int64_t n, int64_t *out);
/* The same by one of the builds of the kernel for different processors, 0 being the plainest; for tests and
 * benchmarks. False when this processor cannot run it or there is no such variant. */
bool cat_hpx29_variant(int variant, const double *ra_deg, const double *dec_deg, int64_t n, int64_t *out);

/* Centre of a cell. CELL must be in [0, cat_hpx_cells(order)), here and below. */
void cat_hpx_center(int order, int64_t cell, double *ra_deg, double *dec_deg);
/* Its corners: south, east, north, west. At a pole ra is that of the base cell's middle. */
void cat_hpx_corners(int order, int64_t cell, double ra_deg[4], double dec_deg[4]);
/* The smallest ranges of dec and ra that hold the cell, to rounding: ra from RA[0] eastward to RA[1], which may
 * be beyond 360 or (with RA[0]) negative. */
void cat_hpx_bounds(int order, int64_t cell, double ra_deg[2], double dec_deg[2]);
/* Neighbours in the order SW, W, NW, N, NE, E, SE, S; -1 where three base cells meet and there is none. */
void cat_hpx_neighbours(int order, int64_t cell, int64_t out[8]);
/* No point of any cell of the order is farther from the cell's centre. */
double cat_hpx_radius_deg(int order);

#endif
