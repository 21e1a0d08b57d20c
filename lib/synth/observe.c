#include "synth/observe.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define ARCSEC (M_PI / 180 / 3600)
#define MAS (ARCSEC / 1000)
/* km/s in mas/yr at 1 kpc, and in kpc/yr. */
#define KMS_MAS_YR (1 / 4.740470464)
#define KMS_KPC_YR (KMS_MAS_YR * MAS)

#define PARALLAX_ERROR_MAS 0.02
/* The second survey's error of place along each axis: a floor, and what grows towards the faint end. */
#define SECOND_FLOOR_ARCSEC 0.09
#define SECOND_FAINT_ARCSEC 0.3
#define SECOND_MAG_ERROR 0.02
#define SECOND_SEEN 0.978
#define SECOND_SPURIOUS 0.01
#define SECOND_MERGES_ARCSEC 1.0
/* Of the odd stars so many are companions of the star before. */
#define COMPANIONS 0.04

/* What the random numbers of a star are for. */
enum purpose { STAR = 16, COMPANION, FIRST, SECOND };

/* From galactic to equatorial axes: the transpose of the matrix of ESA 1997, The Hipparcos and Tycho
 * Catalogues, ESA SP-1200, vol. 1, eq. 1.5.11. */
static void to_icrs(const double g[3], double e[3])
{
	e[0] = -0.0548755604 * g[0] + 0.4941094279 * g[1] - 0.8676661490 * g[2];
	e[1] = -0.8734370902 * g[0] - 0.4448296300 * g[1] - 0.1980763734 * g[2];
	e[2] = -0.4838350155 * g[0] + 0.7469822445 * g[1] + 0.4559837762 * g[2];
}

static double length(const double v[3])
{
	return sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
}

/* --- true stars --- */

/* Whether star I is a companion of the one before it. */
static bool companion(const struct cat_sky_options *o, int64_t i, struct cat_synth_stream *s)
{
	if (i % 2 == 0)
		return false;
	*s = cat_synth_stream(o->seed, COMPANION, (uint64_t)i);
	return cat_synth_unit(s) < COMPANIONS;
}

/* Turns a star into its companion: 0.3 to 10 arcsec away, up to four magnitudes fainter. */
static void make_companion(double limit_mag, struct cat_synth_stream *s, struct cat_synth_star *star)
{
	const double d = length(star->pos), apart = d * ARCSEC * pow(10, cat_synth_between(s, -0.5, 1));
	const double fainter = cat_synth_unit(s) * fmin(4, limit_mag - star->vmag);
	double v[3], norm;

	for (int k = 0; k < 3; k++)
		v[k] = cat_synth_normal(s);
	norm = length(v);
	for (int k = 0; k < 3; k++)
		star->pos[k] += apart * v[k] / norm;
	star->vmag += fainter;
	star->bv += 0.1 * fainter * cat_synth_unit(s);
	star->kind = CAT_SYNTH_DWARF;
}

void cat_sky_true_star(const struct cat_galaxy *g, const struct cat_sky_options *o, int64_t i,
                       struct cat_synth_star *out)
{
	struct cat_synth_stream pair, s;
	const bool second = companion(o, i, &pair);

	s = cat_synth_stream(o->seed, STAR, (uint64_t)(second ? i - 1 : i));
	cat_galaxy_star(g, &s, out);
	if (second)
		make_companion(o->depth_mag, &pair, out);
}

/* --- rows --- */

static double rounded(double v, double per_unit)
{
	return round(v * per_unit) / per_unit;
}

static float rounded_mag(double v)
{
	return (float)rounded(v, 1e4);
}

/* Rounding to a nanodegree keeps text short, and hides what libraries of mathematics differ by. */
static void set_place(const double v[3], struct cat_sky_row *row)
{
	const double ra = atan2(v[1], v[0]) * 180 / M_PI;

	row->ra_deg = rounded(ra < 0 ? ra + 360 : ra, 1e9);
	if (row->ra_deg >= 360)
		row->ra_deg = 0;
	row->dec_deg = rounded(atan2(v[2], sqrt(v[0] * v[0] + v[1] * v[1])) * 180 / M_PI, 1e9);
}

static void set_colours(double vmag, double bv, struct cat_sky_row *row)
{
	row->vmag = rounded_mag(vmag);
	row->bmag = rounded_mag(vmag + bv);
	row->bv = rounded_mag(bv);
}

/* Place at the epoch, along a straight line in space; equatorial, kpc. */
static void at_epoch(const struct cat_sky_options *o, const struct cat_synth_star *star, double v[3])
{
	double moved[3];

	for (int k = 0; k < 3; k++)
		moved[k] = star->pos[k] + star->vel[k] * KMS_KPC_YR * (o->epoch_yr - CAT_SKY_EPOCH);
	to_icrs(moved, v);
}

/* East and north at a place. */
static void axes(const double v[3], double east[3], double north[3])
{
	const double d = length(v), xy = sqrt(v[0] * v[0] + v[1] * v[1]);
	const double c = xy > 0 ? v[0] / xy : 1, s = xy > 0 ? v[1] / xy : 0;

	east[0] = -s, east[1] = c, east[2] = 0;
	north[0] = -v[2] / d * c, north[1] = -v[2] / d * s, north[2] = xy / d;
}

static double dot(const double a[3], const double b[3])
{
	return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static void observe_first(const struct cat_sky_options *o, int64_t i, const struct cat_synth_star *star,
                          struct cat_sky_row *row)
{
	struct cat_synth_stream s = cat_synth_stream(o->seed, FIRST, (uint64_t)i);
	double v[3], vel[3], east[3], north[3], d;

	at_epoch(o, star, v);
	to_icrs(star->vel, vel);
	axes(v, east, north);
	d = length(v);
	*row = (struct cat_sky_row){.id = i, .true_id = i, .kind = (uint8_t)star->kind,
	                            .population = (uint8_t)star->population};
	set_place(v, row);
	row->parallax_mas = rounded(1 / d + PARALLAX_ERROR_MAS * cat_synth_normal(&s), 1e4);
	row->pmra_mas_yr = rounded(dot(vel, east) * KMS_MAS_YR / d, 1e4);
	row->pmdec_mas_yr = rounded(dot(vel, north) * KMS_MAS_YR / d, 1e4);
	row->rv_kms = (float)rounded(dot(vel, v) / d, 1e2);
	set_colours(star->vmag, star->bv, row);
}

/* Moves V by so many arcseconds east and north. */
static void shift(double v[3], double east_arcsec, double north_arcsec)
{
	double east[3], north[3];
	const double d = length(v);

	axes(v, east, north);
	for (int k = 0; k < 3; k++)
		v[k] += d * ARCSEC * (east_arcsec * east[k] + north_arcsec * north[k]);
}

/* Places a companion that the second survey cannot tell apart at the middle of the light. */
static bool merge(const struct cat_galaxy *g, const struct cat_sky_options *o, int64_t i, double v[3], double *vmag)
{
	struct cat_synth_stream s;
	struct cat_synth_star other;
	double w[3], apart[3], light, share;

	if (!companion(o, i + 1, &s))
		return false;
	cat_sky_true_star(g, o, i + 1, &other);
	at_epoch(o, &other, w);
	for (int k = 0; k < 3; k++)
		apart[k] = w[k] / length(w) - v[k] / length(v);
	if (length(apart) >= SECOND_MERGES_ARCSEC * ARCSEC)
		return false;
	light = 1 + pow(10, -0.4 * (other.vmag - *vmag));
	share = 1 - 1 / light;
	for (int k = 0; k < 3; k++)
		v[k] += share * (w[k] - v[k]);
	*vmag -= 2.5 * log10(light);
	return true;
}

/* A false detection: somewhere near, at the faint end. */
static void make_spurious(const struct cat_sky_options *o, int64_t i, double v[3], struct cat_synth_stream *s,
                          struct cat_sky_row *row)
{
	*row = (struct cat_sky_row){.id = 2 * i + 1, .true_id = -1};
	shift(v, 60 * cat_synth_normal(s), 60 * cat_synth_normal(s));
	set_place(v, row);
	set_colours(o->depth_mag - 2 * cat_synth_unit(s), 0.7 + 0.3 * cat_synth_normal(s), row);
	row->pos_err_arcsec = (float)rounded(SECOND_FLOOR_ARCSEC + SECOND_FAINT_ARCSEC, 1e4);
}

static int observe_second(const struct cat_galaxy *g, const struct cat_sky_options *o, int64_t i,
                          const struct cat_synth_star *star, struct cat_sky_row *rows)
{
	struct cat_synth_stream s = cat_synth_stream(o->seed, SECOND, (uint64_t)i);
	const bool seen = cat_synth_unit(&s) < SECOND_SEEN, spurious = cat_synth_unit(&s) < SECOND_SPURIOUS;
	double v[3], primary[3], vmag = star->vmag, error;
	struct cat_synth_star before;
	struct cat_synth_stream pair;
	bool merged = false;
	int n = 0;

	at_epoch(o, star, v);
	if (companion(o, i, &pair)) {
		cat_sky_true_star(g, o, i - 1, &before);
		at_epoch(o, &before, primary);
		merged = merge(g, o, i - 1, primary, &before.vmag);
	} else {
		merge(g, o, i, v, &vmag);
	}
	if (seen && !merged) {
		error = SECOND_FLOOR_ARCSEC + SECOND_FAINT_ARCSEC * pow(10, 0.2 * (vmag - o->depth_mag));
		rows[n] = (struct cat_sky_row){.id = 2 * i, .true_id = i};
		shift(v, error * cat_synth_normal(&s), error * cat_synth_normal(&s));
		set_place(v, &rows[n]);
		set_colours(vmag + SECOND_MAG_ERROR * cat_synth_normal(&s),
		            star->bv + SECOND_MAG_ERROR * M_SQRT2 * cat_synth_normal(&s), &rows[n]);
		rows[n++].pos_err_arcsec = (float)rounded(error, 1e4);
	}
	if (spurious)
		make_spurious(o, i, v, &s, &rows[n++]);
	return n;
}

int cat_sky_observe(const struct cat_galaxy *g, const struct cat_sky_options *o, int64_t i,
                    struct cat_sky_row rows[2])
{
	struct cat_synth_star star;

	cat_sky_true_star(g, o, i, &star);
	if (o->survey == CAT_SKY_SECOND)
		return observe_second(g, o, i, &star, rows);
	observe_first(o, i, &star, rows);
	return 1;
}
