#include "sky/polygon.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "sky/sphere.h"

/* Nearer to an edge than this (in radians; 0.0002 microarcsec) is on it: the rounding of unit vectors. */
#define ON_EDGE 1e-15

static double dot(const double a[3], const double b[3])
{
	return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void cross(const double a[3], const double b[3], double out[3])
{
	out[0] = a[1] * b[2] - a[2] * b[1];
	out[1] = a[2] * b[0] - a[0] * b[2];
	out[2] = a[0] * b[1] - a[1] * b[0];
}

static double norm(const double a[3])
{
	return sqrt(dot(a, a));
}

/* The difference and the sum of two unit vectors give their angle to rounding at any distance. */
static double angle_rad(const double a[3], const double b[3])
{
	const double minus[3] = {a[0] - b[0], a[1] - b[1], a[2] - b[2]},
	             plus[3] = {a[0] + b[0], a[1] + b[1], a[2] + b[2]};

	return 2 * atan2(norm(minus), norm(plus));
}

/* From V to the arc from A to B with unit normal N, in radians. */
static double arc_distance(const double v[3], const double a[3], const double b[3], const double n[3])
{
	double along_a[3], along_b[3], to_a, to_b;

	cross(n, a, along_a);
	cross(n, b, along_b);
	if (dot(v, along_a) >= 0 && dot(v, along_b) <= 0 && fabs(dot(v, n)) < 1)
		return asin(fabs(dot(v, n)));
	to_a = angle_rad(v, a);
	to_b = angle_rad(v, b);
	return to_a < to_b ? to_a : to_b;
}

static const double *next_vertex(const struct cat_polygon *p, int64_t i)
{
	return p->vertex[i + 1 < p->n ? i + 1 : 0];
}

double cat_polygon_edge_distance_deg(const struct cat_polygon *p, const double v[3])
{
	double least = 10;

	for (int64_t i = 0; i < p->n; i++) {
		/* The great circle is never farther than the arc. */
		const double d = fabs(dot(v, p->normal[i])) < least
		                         ? arc_distance(v, p->vertex[i], next_vertex(p, i), p->normal[i])
		                         : least;

		if (d < least)
			least = d;
	}
	return least * CAT_RAD_DEG;
}

/* Is V on the other side than reference K? The arc between them is crossed an odd number of times. Points exactly
 * on a great circle count as left of it, the same for both edges at a vertex. */
static bool crossed_odd(const struct cat_polygon *p, const double v[3], const double ref[3])
{
	double m[3];
	bool odd = false;

	cross(v, ref, m);
	for (int64_t i = 0; i < p->n; i++) {
		const bool left = dot(v, p->normal[i]) >= 0;

		if (left != (dot(ref, p->normal[i]) >= 0)) {
			const bool a = dot(m, p->vertex[i]) >= 0, b = dot(m, next_vertex(p, i)) >= 0;

			odd ^= a != b && a != left;
		}
	}
	return odd;
}

static bool on_edge(const struct cat_polygon *p, const double v[3])
{
	for (int64_t i = 0; i < p->n; i++)
		if (fabs(dot(v, p->normal[i])) <= ON_EDGE &&
		    arc_distance(v, p->vertex[i], next_vertex(p, i), p->normal[i]) <= ON_EDGE)
			return true;
	return false;
}

static bool inside(const struct cat_polygon *p, const double v[3])
{
	const int k = dot(v, p->reference[0]) < -0.99;

	return crossed_odd(p, v, p->reference[k]) != p->inside[k];
}

bool cat_polygon_contains(const struct cat_polygon *p, double ra_deg, double dec_deg)
{
	double v[3];

	if (fabs(dec_deg - p->cap_dec_deg) > p->cap_radius_deg)
		return false;
	cat_sky_vector(ra_deg, dec_deg, v);
	return inside(p, v) || on_edge(p, v);
}

/* Point I of N spread evenly over the sphere: Fibonacci's spiral. */
static void spread(int64_t i, int64_t n, double v[3])
{
	const double z = 1 - (2 * (double)i + 1) / (double)n, turn = 2.39996322972865332 * (double)i,
	             s = sqrt(1 - z * z);

	v[0] = s * cos(turn);
	v[1] = s * sin(turn);
	v[2] = z;
}

/* A polygon within a hemisphere: what is opposite to its middle is outside. */
static bool fits_a_cap(struct cat_polygon *p)
{
	double mid[3] = {0}, side[3], radius = 0, length;

	for (int64_t i = 0; i < p->n; i++)
		for (int k = 0; k < 3; k++)
			mid[k] += p->vertex[i][k];
	length = norm(mid);
	if (length < 1e-6 * (double)p->n)
		return false;
	for (int k = 0; k < 3; k++)
		mid[k] /= length;
	for (int64_t i = 0; i < p->n; i++)
		radius = fmax(radius, angle_rad(mid, p->vertex[i]) * CAT_RAD_DEG);
	if (radius > 85)
		return false;
	p->cap_ra_deg = cat_sky_normal_ra(atan2(mid[1], mid[0]) * CAT_RAD_DEG);
	p->cap_dec_deg = atan2(mid[2], hypot(mid[0], mid[1])) * CAT_RAD_DEG;
	p->cap_radius_deg = radius + 1e-9;
	/* The other reference is 0.7 radians from the first, so still outside. */
	cross(mid, fabs(mid[2]) < 0.5 ? (const double[3]){0, 0, 1} : (const double[3]){1, 0, 0}, side);
	length = norm(side);
	for (int k = 0; k < 3; k++) {
		p->reference[0][k] = -mid[k];
		p->reference[1][k] = -mid[k] * cos(0.7) + side[k] / length * sin(0.7);
	}
	p->inside[0] = p->inside[1] = false;
	return true;
}

/* Any other polygon: references as far from the edges as may be, and the smaller side by counting points. */
static void weigh_sides(struct cat_polygon *p)
{
	const int64_t tries = 256, points = 400000 / p->n < 1000    ? 1000
	                                    : 400000 / p->n > 20000 ? 20000
	                                                            : 400000 / p->n;
	double far[2] = {-1, -1}, v[3];
	int64_t odd = 0;

	p->cap_ra_deg = p->cap_dec_deg = 0;
	p->cap_radius_deg = 180;
	for (int k = 0; k < 2; k++) {
		for (int64_t i = 0; i < tries; i++) {
			double d;

			spread(i, tries, v);
			if (k == 1 && fabs(dot(v, p->reference[0])) > 0.9)
				continue;
			d = cat_polygon_edge_distance_deg(p, v);
			if (d > far[k]) {
				far[k] = d;
				memcpy(p->reference[k], v, sizeof v);
			}
		}
	}
	p->inside[0] = false;
	p->inside[1] = inside(p, p->reference[1]);
	for (int64_t i = 0; i < points; i++) {
		spread(i, points, v);
		odd += inside(p, v);
	}
	if (2 * odd > points) {
		p->inside[0] = !p->inside[0];
		p->inside[1] = !p->inside[1];
	}
}

static int add_vertices(struct cat_polygon *p, const double *ra_deg, const double *dec_deg, int64_t n,
                        struct cat_error *err)
{
	for (int64_t i = 0; i < n; i++) {
		double *v = p->vertex[p->n];

		cat_sky_vector(ra_deg[i], dec_deg[i], v);
		if (p->n && angle_rad(v, p->vertex[p->n - 1]) < ON_EDGE)
			continue;
		p->n++;
	}
	/* Closed polygons repeat the first vertex at the end. */
	while (p->n > 1 && angle_rad(p->vertex[0], p->vertex[p->n - 1]) < ON_EDGE)
		p->n--;
	if (p->n < 3)
		return cat_fail(err, CAT_E_USAGE, "a polygon needs three different vertices");
	for (int64_t i = 0; i < p->n; i++) {
		const double *a = p->vertex[i], *b = next_vertex(p, i);
		const double sum[3] = {a[0] + b[0], a[1] + b[1], a[2] + b[2]},
		             diff[3] = {b[0] - a[0], b[1] - a[1], b[2] - a[2]};
		double length;

		/* a x b, without losing digits when they are close. */
		cross(sum, diff, p->normal[i]);
		length = norm(p->normal[i]);
		if (length < 1e-15 && dot(a, b) < 0)
			return cat_fail(err, CAT_E_USAGE,
			                "neighbouring vertices of a polygon are opposite on the sphere");
		for (int k = 0; k < 3; k++)
			p->normal[i][k] /= length;
	}
	return CAT_OK;
}

int cat_polygon_init(struct cat_polygon *p, const double *ra_deg, const double *dec_deg, int64_t n,
                     struct cat_error *err)
{
	int rc;

	memset(p, 0, sizeof *p);
	p->vertex = cat_calloc((size_t)n, sizeof *p->vertex);
	p->normal = cat_calloc((size_t)n, sizeof *p->normal);
	rc = p->vertex && p->normal ? add_vertices(p, ra_deg, dec_deg, n, err)
	                            : cat_fail_mem(err, (size_t)n * sizeof *p->vertex);
	if (rc != CAT_OK) {
		cat_polygon_fini(p);
		return rc;
	}
	if (!fits_a_cap(p))
		weigh_sides(p);
	return CAT_OK;
}

void cat_polygon_fini(struct cat_polygon *p)
{
	cat_free(p->vertex);
	cat_free(p->normal);
	memset(p, 0, sizeof *p);
}
