#include "sky/healpix.h"

#include <math.h>
#include <string.h>

#include "sky/sphere.h"

#define NSIDE29 0x1p29
#define MASK29 ((UINT64_C(1) << 29) - 1)
#define INV_HALFPI 0.63661977236758134308
#define TWOPI 6.28318530717958647693
#define SQRT6 2.4494897427831780982
/* Where sin(dec) is 2/3: the equatorial and the polar formula agree there. */
#define POLAR_DEG 41.810314895778598
/* Beyond this the polar formula loses digits in z and takes sin(theta) instead: only the exact path does. */
#define KERNEL_DEC_MAX 89.4
/* Coordinates (in cells of order 29) nearer to an integer than this may round to either side; healpy's own
 * rounding error is below 1e-5 where the kernel is used. */
#define KERNEL_EDGE 2e-5
#define KERNEL_UNSURE (-2)

/* --- bits --- */

/* Bit i moves to bit 2i. */
static inline uint64_t spread(uint64_t v)
{
	v = (v | v << 16) & UINT64_C(0x0000ffff0000ffff);
	v = (v | v << 8) & UINT64_C(0x00ff00ff00ff00ff);
	v = (v | v << 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	v = (v | v << 2) & UINT64_C(0x3333333333333333);
	return (v | v << 1) & UINT64_C(0x5555555555555555);
}

static inline uint64_t squeeze(uint64_t v)
{
	v &= UINT64_C(0x5555555555555555);
	v = (v | v >> 1) & UINT64_C(0x3333333333333333);
	v = (v | v >> 2) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	v = (v | v >> 4) & UINT64_C(0x00ff00ff00ff00ff);
	v = (v | v >> 8) & UINT64_C(0x0000ffff0000ffff);
	return (v | v >> 16) & UINT64_C(0xffffffff);
}

struct xyf {
	int64_t x, y;
	int face;
};

static struct xyf split(int order, int64_t cell)
{
	const uint64_t low = (uint64_t)cell & ((UINT64_C(1) << 2 * order) - 1);

	return (struct xyf){(int64_t)squeeze(low), (int64_t)squeeze(low >> 1), (int)(cell >> 2 * order)};
}

static int64_t join(int order, uint64_t x, uint64_t y, uint64_t face)
{
	return (int64_t)(face << 2 * order | spread(x) | spread(y) << 1);
}

/* --- positions to cells --- */

/* Of the base cells that the two edge lines ascending (in units of base cells: UP) and descending (DOWN) leave
 * in the equatorial zone, the one between them: appendix A of the paper, without branches. */
static inline uint64_t equatorial_face(uint64_t up, uint64_t down)
{
	const uint64_t d = up + 1 - down;

	return ((up - (d >> 1)) & 3) + 4 * d;
}

/* Quarter turns in [0, 4): the circle is folded in radians, as healpy does. */
static double quarter_turns(double ra_deg)
{
	double phi = ra_deg * CAT_DEG_RAD, t;

	if (phi < 0 || phi >= TWOPI) {
		phi = fmod(phi, TWOPI);
		if (phi < 0)
			phi += TWOPI;
		if (phi >= TWOPI)
			phi = 0;
	}
	t = phi * INV_HALFPI;
	return t < 4 ? t : fmod(t, 4);
}

/* The formula with healpy's roundings. */
static int64_t from_deg_exact(double ra_deg, double dec_deg)
{
	double theta, z, za, t, ring, quarter;
	int64_t p, m;

	if (!cat_sky_valid(ra_deg, dec_deg))
		return -1;
	theta = 1.57079632679489661923 - dec_deg * CAT_DEG_RAD;
	if (theta < 0)
		theta = 0;
	z = cos(theta);
	za = fabs(z);
	t = quarter_turns(ra_deg);
	if (za <= 2.0 / 3.0) {
		const double a = NSIDE29 * (0.5 + t), b = NSIDE29 * (z * 0.75);

		p = (int64_t)(a - b);
		m = (int64_t)(a + b);
		return join(29, (uint64_t)m & MASK29, MASK29 - ((uint64_t)p & MASK29),
		            equatorial_face((uint64_t)p >> 29, (uint64_t)m >> 29));
	}
	quarter = floor(t);
	if (za >= 0.99 && (theta < 0.01 || theta > 3.14159 - 0.01))
		ring = NSIDE29 * sin(theta) / sqrt((1.0 + za) / 3.0);
	else
		ring = NSIDE29 * sqrt(3 * (1 - za));
	p = (int64_t)((t - quarter) * ring);
	m = (int64_t)((1.0 - (t - quarter)) * ring);
	if (p > (int64_t)MASK29)
		p = (int64_t)MASK29;
	if (m > (int64_t)MASK29)
		m = (int64_t)MASK29;
	if (z >= 0)
		return join(29, MASK29 - (uint64_t)m, MASK29 - (uint64_t)p, (uint64_t)quarter);
	return join(29, (uint64_t)p, (uint64_t)m, (uint64_t)quarter + 8);
}

int64_t cat_hpx_from_deg(int order, double ra_deg, double dec_deg)
{
	/* nside is a power of two: coarser cells have the same roundings, shifted. */
	const int64_t c = from_deg_exact(ra_deg, dec_deg);

	return c < 0 ? c : cat_hpx_parent29(order, c);
}

/* sin(x) for |x| < 0.75 to a unit in the last place: Taylor to x^15. */
static inline double short_sin(double x)
{
	const double s = x * x;
	double sum = -1.0 / 1307674368000;

	sum = sum * s + 1.0 / 6227020800;
	sum = sum * s - 1.0 / 39916800;
	sum = sum * s + 1.0 / 362880;
	sum = sum * s - 1.0 / 5040;
	sum = sum * s + 1.0 / 120;
	sum = sum * s - 1.0 / 6;
	return x * (1 + sum * s);
}

/* floor(x) for 0 <= x < 2^51 as an integer, without a conversion that older vector units lack; *GAP is the
 * distance to the nearest integer. */
static inline uint64_t floor_bits(double x, double *gap)
{
	const double near = (x + 0x1p52) - 0x1p52;
	const double down = near - (near > x ? 1.0 : 0.0) + 0x1p52;
	uint64_t bits;

	*gap = fabs(x - near);
	memcpy(&bits, &down, sizeof bits);
	return bits & ((UINT64_C(1) << 52) - 1);
}

/* Written so that compilers turn it into vector code: no branch, no call. Rows that could round to either side
 * of an edge, and odd ones, are left to the formula. */
static inline __attribute__((always_inline)) void kernel(const double *restrict ra_deg,
                                                         const double *restrict dec_deg, int64_t n,
                                                         int64_t *restrict out)
{
	for (int64_t i = 0; i < n; i++) {
		const double dec = dec_deg[i], a = fabs(dec), t = ra_deg[i] * CAT_DEG_RAD * INV_HALFPI;
		const bool equator = a < POLAR_DEG;
		const double s = short_sin(equator ? dec * CAT_DEG_RAD : (90 - a) * (CAT_DEG_RAD / 2));
		const double up = NSIDE29 * (0.5 + t), tilt = NSIDE29 * (s * 0.75), ring = NSIDE29 * (s * SQRT6);
		const double quarter = (t >= 1 ? 1.0 : 0.0) + (t >= 2 ? 1.0 : 0.0) + (t >= 3 ? 1.0 : 0.0);
		const double part = t - quarter;
		double gp, gm, gq;
		const uint64_t p = floor_bits(equator ? up - tilt : part * ring, &gp);
		const uint64_t m = floor_bits(equator ? up + tilt : (1 - part) * ring, &gm);
		const uint64_t q = floor_bits(quarter, &gq);
		const uint64_t flip = dec < 0 ? 0 : MASK29;
		const uint64_t x = equator ? m & MASK29 : (dec < 0 ? p : m) ^ flip;
		const uint64_t y = equator ? ~p & MASK29 : (dec < 0 ? m : p) ^ flip;
		const uint64_t polar_face = dec < 0 ? q + 8 : q;
		const uint64_t face = equator ? equatorial_face(p >> 29, m >> 29) : polar_face;
		const bool sure =
			(gp > KERNEL_EDGE) & (gm > KERNEL_EDGE) & (a <= KERNEL_DEC_MAX) & (t >= 0) & (t < 4);
		const uint64_t cell = face << 58 | spread(x) | spread(y) << 1;

		out[i] = sure ? (int64_t)cell : KERNEL_UNSURE;
	}
}

static void kernel_plain(const double *ra_deg, const double *dec_deg, int64_t n, int64_t *out)
{
	kernel(ra_deg, dec_deg, n, out);
}

#if defined __x86_64__ && defined __GNUC__
__attribute__((target("avx2,bmi,bmi2"))) static void kernel_avx2(const double *ra_deg, const double *dec_deg,
                                                                 int64_t n, int64_t *out)
{
	kernel(ra_deg, dec_deg, n, out);
}

#if defined __clang__
#define AVX512 "avx512f,avx512vl,avx512dq,avx512bw"
#else
#define AVX512 "avx512f,avx512vl,avx512dq,avx512bw,prefer-vector-width=512"
#endif
__attribute__((target(AVX512))) static void kernel_avx512(const double *ra_deg, const double *dec_deg, int64_t n,
                                                          int64_t *out)
{
	kernel(ra_deg, dec_deg, n, out);
}
#endif

typedef void (*kernel_fn)(const double *, const double *, int64_t, int64_t *);

/* Variant V when this processor runs it, else NULL. */
static kernel_fn variant(int v)
{
	if (v == 0)
		return kernel_plain;
#if defined __x86_64__ && defined __GNUC__
	if (v == 1 && __builtin_cpu_supports("avx2"))
		return kernel_avx2;
	if (v == 2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
	    __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
		return kernel_avx512;
#endif
	return NULL;
}

static void run(kernel_fn fn, const double *ra_deg, const double *dec_deg, int64_t n, int64_t *out)
{
	const int64_t block = 1024;

	for (int64_t at = 0; at < n; at += block) {
		const int64_t m = n - at < block ? n - at : block;
		int64_t unsure = 0;

		fn(ra_deg + at, dec_deg + at, m, out + at);
		for (int64_t i = 0; i < m; i++)
			unsure += out[at + i] == KERNEL_UNSURE;
		for (int64_t i = 0; unsure && i < m; i++) {
			if (out[at + i] == KERNEL_UNSURE) {
				out[at + i] = from_deg_exact(ra_deg[at + i], dec_deg[at + i]);
				unsure--;
			}
		}
	}
}

void cat_hpx29_from_deg_n(const double *ra_deg, const double *dec_deg, int64_t n, int64_t *out)
{
	kernel_fn fn = variant(2);

	if (!fn)
		fn = variant(1);
	run(fn ? fn : variant(0), ra_deg, dec_deg, n, out);
}

bool cat_hpx29_variant(int v, const double *ra_deg, const double *dec_deg, int64_t n, int64_t *out)
{
	const kernel_fn fn = variant(v);

	if (fn)
		run(fn, ra_deg, dec_deg, n, out);
	return fn != NULL;
}

/* --- cells to positions --- */

/* Position of (x, y), each in [0, 1], of a base cell. RA is not folded into [0, 360): it runs continuously
 * over the base cell. */
static void place(int face, double x, double y, double *ra_deg, double *dec_deg)
{
	const int row = face / 4, col = face % 4;
	const double h = x + y - 1; /* height above the base cell's middle, in half diagonals */
	const double mid = row == 1 ? 90.0 * col : 90.0 * col + 45;
	double width = 1; /* of the base cell's columns there, shrinking to the pole */

	if (row == 0 && h > 0)
		width = (1 - x) + (1 - y);
	else if (row == 2 && h < 0)
		width = x + y;
	if (width < 1) {
		*dec_deg = 90 - 2 * asin(width / SQRT6) * CAT_RAD_DEG;
		if (row == 2)
			*dec_deg = -*dec_deg;
	} else {
		*dec_deg = asin(2.0 / 3.0 * (h + (1 - row))) * CAT_RAD_DEG;
	}
	*ra_deg = mid + (width > 0 ? 45 * (x - y) / width : 0);
}

void cat_hpx_center(int order, int64_t cell, double *ra_deg, double *dec_deg)
{
	const struct xyf c = split(order, cell);
	const double n = (double)(INT64_C(1) << order);

	place(c.face, ((double)c.x + 0.5) / n, ((double)c.y + 0.5) / n, ra_deg, dec_deg);
	*ra_deg = cat_sky_normal_ra(*ra_deg);
}

static void corners(int order, int64_t cell, double ra_deg[4], double dec_deg[4])
{
	static const int dx[4] = {0, 1, 1, 0}, dy[4] = {0, 0, 1, 1};
	const struct xyf c = split(order, cell);
	const double n = (double)(INT64_C(1) << order);

	for (int k = 0; k < 4; k++)
		place(c.face, (double)(c.x + dx[k]) / n, (double)(c.y + dy[k]) / n, &ra_deg[k], &dec_deg[k]);
}

void cat_hpx_corners(int order, int64_t cell, double ra_deg[4], double dec_deg[4])
{
	corners(order, cell, ra_deg, dec_deg);
	for (int k = 0; k < 4; k++)
		ra_deg[k] = cat_sky_normal_ra(ra_deg[k]);
}

void cat_hpx_bounds(int order, int64_t cell, double ra_deg[2], double dec_deg[2])
{
	double ra[4], dec[4];

	/* dec depends on x + y alone, and ra grows with x and falls with y everywhere in a base cell. */
	corners(order, cell, ra, dec);
	ra_deg[0] = ra[3];
	ra_deg[1] = ra[1];
	dec_deg[0] = dec[0];
	dec_deg[1] = dec[2];
}

/* The cell that (x, y) of a base cell means when it lies one step outside, or -1. Which base cell lies where
 * follows from their places: 0-3 around the north pole, 4-7 on the equator half a cell to the west of those,
 * 8-11 around the south pole below 0-3. */
static int64_t across(int order, int face, int64_t x, int64_t y)
{
	const int64_t n = INT64_C(1) << order, last = n - 1;
	const int sx = x < 0 ? -1 : x > last, sy = y < 0 ? -1 : y > last;
	const int row = face / 4, col = face % 4, east = (col + 1) & 3, west = (col + 3) & 3;
	int64_t u = x & last, v = y & last; /* where both faces have their axes the same way */
	int to;

	if (sx == 0 && sy == 0)
		return join(order, (uint64_t)x, (uint64_t)y, (uint64_t)face);
	if (row == 1) {
		if (sx == sy)
			return -1;
		to = sx * sy < 0 ? 4 + (sx > 0 ? east : west)
		     : sx > 0    ? col
		     : sy > 0    ? west
		     : sx < 0    ? 8 + west
		                 : 8 + col;
	} else if (sx * sy < 0) {
		return -1;
	} else if (sx + sy == (row == 0 ? -2 : 2)) {
		to = row == 0 ? 8 + col : col;
	} else if (sx + sy == (row == 0 ? -1 : 1)) {
		to = 4 + (row == 0 ? (sy ? east : col) : (sx ? east : col));
	} else {
		/* Over one of the two sides that meet at the pole, or over the pole: the axes swap. */
		const int64_t edge = row == 0 ? last : 0;
		const bool eastward = row == 0 ? sx != 0 : sy != 0;

		to = row * 4 + (sx && sy ? (col + 2) & 3 : eastward ? east : west);
		u = sx && sy ? edge : sx ? y : edge;
		v = sx && sy ? edge : sx ? edge : x;
	}
	return join(order, (uint64_t)u, (uint64_t)v, (uint64_t)to);
}

void cat_hpx_neighbours(int order, int64_t cell, int64_t out[8])
{
	static const int dx[8] = {-1, -1, 0, 1, 1, 1, 0, -1}, dy[8] = {0, 1, 1, 1, 0, -1, -1, -1};
	const struct xyf c = split(order, cell);

	for (int k = 0; k < 8; k++)
		out[k] = across(order, c.face, c.x + dx[k], c.y + dy[k]);
}

double cat_hpx_radius_deg(int order)
{
	/* The longest half diagonal: in a northern base cell's western corner cell on the polar circle. */
	const double n = (double)(INT64_C(1) << order), w = 1 - 1 / n;
	const double dec = 90 - 2 * asin(w / SQRT6) * CAT_RAD_DEG;

	return cat_sky_separation_deg(0, dec, 45 / n, POLAR_DEG) * (1 + 1e-6);
}
