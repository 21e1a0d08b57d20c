#include "synth/galaxy.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "synth/light.h"

#define SUN_R 8.2  /* kpc from the centre */
#define SUN_Z 0.02 /* above the plane */
#define DUST_Z 0.1 /* the layer's half thickness */
#define DUST_MAG_KPC 0.7
#define ROTATION_KMS 230.0
static const double sun_kms[3] = {11.1, 12.2, 7.2};

/* Of each population: dispersions of velocity along the three axes, and how much slower it rotates. */
static const struct {
	double kms[3];
	double lag_kms;
} motion[] = {
	[CAT_SYNTH_YOUNG] = {{20, 12, 8}, 2},    [CAT_SYNTH_THIN] = {{35, 25, 18}, 12},
	[CAT_SYNTH_THICK] = {{65, 45, 40}, 45},  [CAT_SYNTH_HALO] = {{150, 110, 95}, 210},
	[CAT_SYNTH_BULGE] = {{110, 110, 100}, 150},
};

/* Cells in galactic longitude are equal; in latitude they are narrow where the disc is thin. */
#define NL 36
static const double b_edges_deg[] = {0, 0.25, 0.5, 0.8, 1.2, 1.7, 2.4, 3.3, 4.5, 6, 8, 11, 15, 21, 30, 45, 65, 90};
#define NB ((int)(sizeof b_edges_deg / sizeof *b_edges_deg) - 1)
/* Shells in distance modulus; the first begins at the Sun. */
#define SHELL_MAG 0.3
#define MU_FIRST (-4.0)
#define NSHELLS 80 /* to 100 kpc */

#define NCLUSTERS 120
#define NGROUPS (NCLUSTERS + 2)

/* A cluster or cloud: stars around a place, moving together. */
struct group {
	double pos[3];
	double vel[3]; /* relative to the Sun */
	double size_kpc;
	double spread_kms;
	double stars; /* in volumes of a kpc^3 at the Sun */
	enum cat_synth_population population, like; /* what it is; whose kinds of stars it has */
	double dust_mag;
};
/* Where a draw begins: a cell and shell of one population, or a group. Small, because there are many and they are
 * met at random. */
struct entry {
	uint8_t population; /* or CAT_SYNTH_FIELD: group SHELL */
	uint8_t il, ib, shell;
	float top; /* no product of density and number of kinds is above it here */
	/* Walker's alias method: the entry is kept below KEEP, else replaced. */
	float keep;
	uint32_t alias;
};
struct cat_galaxy {
	double limit_mag;
	struct cat_light *light[CAT_SYNTH_FIELD];
	struct group groups[NGROUPS];
	double sinb[2 * NB + 1];    /* edges of the cells, south to north */
	double d3[NSHELLS + 1];     /* of the shells, kpc^3 */
	struct entry *entries;
	double *weights;
	size_t n, cap, weights_cap;
	double total;
};

/* --- densities --- */

/* Stars per kpc^3, 1 at the Sun for the discs. All fall with R and with |z|, which the bounds rely on. */
static double density(enum cat_synth_population p, double R, double z)
{
	const double disc_r = (R - SUN_R) / 2.6;

	z = fabs(z);
	switch ((int)p) {
	case CAT_SYNTH_YOUNG:
		return exp(-disc_r - z / 0.10);
	case CAT_SYNTH_THIN:
		return exp(-disc_r - z / 0.30);
	case CAT_SYNTH_THICK:
		return 0.1 * exp(-disc_r - z / 0.90);
	case CAT_SYNTH_HALO:
		/* Flattened to 0.7; softened so that the centre is no cusp. */
		return 0.005 * pow((R * R + z * z / 0.49 + 1) / (SUN_R * SUN_R), -1.375);
	default:
		return 19 * exp(-0.5 * (R * R / 1.44 + z * z / 0.25));
	}
}

/* Magnitudes of extinction along D kpc: the way inside of the layer of dust. */
static double dust(double d, double sinb)
{
	const double room = sinb > 0 ? DUST_Z - SUN_Z : DUST_Z + SUN_Z, s = fabs(sinb);

	return DUST_MAG_KPC * (d * s > room ? room / s : d);
}

static double radius2(double s, double cosl)
{
	return SUN_R * SUN_R + s * s - 2 * SUN_R * s * cosl;
}

/* Smallest R over a range of distances in the plane and longitudes. */
static double least_radius(double s0, double s1, double l0, double l1)
{
	const double cosl = l0 <= 0 && l1 >= 0 ? 1 : fmax(cos(l0), cos(l1));
	const double s = fmin(s1, fmax(s0, SUN_R * cosl));

	return sqrt(fmax(0, radius2(s, cosl)));
}

/* --- the table of cells --- */

static int add_entry(struct cat_galaxy *g, const struct entry *e, double weight, struct cat_error *err)
{
	if (!(weight > 0))
		return CAT_OK;
	if (cat_grow(&g->entries, &g->cap, g->n, sizeof *g->entries) != 0 ||
	    cat_grow(&g->weights, &g->weights_cap, g->n, sizeof *g->weights) != 0)
		return cat_fail_mem(err, g->cap * sizeof *g->entries);
	g->entries[g->n] = *e;
	g->weights[g->n++] = weight;
	g->total += weight;
	return CAT_OK;
}

static double modulus(double d_kpc)
{
	return 5 * log10(d_kpc) + 10;
}

/* Longitudes around the centre at 0, so that a cell holds 0 or does not. */
static double l_edge(int il)
{
	return (il - NL / 2) * 2 * M_PI / NL;
}

/* One cell of the sky and shell: an entry for each population that has something there. */
static int add_cell(struct cat_galaxy *g, int il, int ib, int shell, struct cat_error *err)
{
	const double l[2] = {l_edge(il), l_edge(il + 1)}, *sinb = g->sinb + ib;
	const double d[2] = {cbrt(g->d3[shell]), cbrt(g->d3[shell + 1])};
	const double cos0 = sqrt(1 - sinb[0] * sinb[0]), cos1 = sqrt(1 - sinb[1] * sinb[1]);
	const double R = least_radius(d[0] * fmin(cos0, cos1), d[1] * fmax(cos0, cos1), l[0], l[1]);
	const double za = SUN_Z + (sinb[0] < 0 ? d[1] : d[0]) * sinb[0];
	const double zb = SUN_Z + (sinb[1] < 0 ? d[0] : d[1]) * sinb[1];
	const double z = za <= 0 && zb >= 0 ? 0 : fmin(fabs(za), fabs(zb));
	const double steep = fmax(fabs(sinb[0]), fabs(sinb[1])) * (sinb[1] <= 0 ? -1 : 1);
	const double near = d[0] > 0 ? modulus(d[0]) + dust(d[0], steep) : -100;
	const double volume = (l[1] - l[0]) * (sinb[1] - sinb[0]) * (g->d3[shell + 1] - g->d3[shell]) / 3;

	for (int p = 0; p < CAT_SYNTH_FIELD; p++) {
		const double top = density((enum cat_synth_population)p, R, z) *
		                   cat_light_brighter(g->light[p], g->limit_mag - near);
		const struct entry e = {.population = (uint8_t)p, .il = (uint8_t)il, .ib = (uint8_t)ib,
		                        .shell = (uint8_t)shell, .top = (float)(top * 1.00001)};

		/* What would be less than a thousandth of a star is left out. */
		if (top * volume > 1e-3)
			CAT_TRY(add_entry(g, &e, top * volume, err));
	}
	return CAT_OK;
}

static int add_field(struct cat_galaxy *g, struct cat_error *err)
{
	for (int ib = 0; ib <= 2 * NB; ib++)
		g->sinb[ib] = sin(b_edges_deg[abs(ib - NB)] * M_PI / 180) * (ib < NB ? -1 : 1);
	for (int k = 0; k <= NSHELLS; k++)
		g->d3[k] = k == 0 ? 0 : pow(10, 3 * ((MU_FIRST + (k - 1) * SHELL_MAG) / 5 - 2));
	for (int il = 0; il < NL; il++)
		for (int ib = 0; ib < 2 * NB; ib++)
			for (int k = 0; k < NSHELLS; k++)
				CAT_TRY(add_cell(g, il, ib, k, err));
	return CAT_OK;
}

/* --- groups --- */

static void place(struct group *g, double l_deg, double b_deg, double d_kpc)
{
	const double l = l_deg * M_PI / 180, b = b_deg * M_PI / 180;

	g->pos[0] = d_kpc * cos(b) * cos(l);
	g->pos[1] = d_kpc * cos(b) * sin(l);
	g->pos[2] = d_kpc * sin(b);
	g->dust_mag = dust(d_kpc, sin(b));
}

/* Velocity relative to the Sun of what moves on a circle at POS, LAG_KMS slower than the disc. */
static void circle(const double pos[3], double lag_kms, double vel[3])
{
	const double x = SUN_R - pos[0], y = pos[1], R = sqrt(x * x + y * y) + 1e-9, v = ROTATION_KMS - lag_kms;

	/* At the Sun (x = R, y = 0) rotation points along the second axis. */
	vel[0] = v * y / R - sun_kms[0];
	vel[1] = v * x / R - ROTATION_KMS - sun_kms[1];
	vel[2] = -sun_kms[2];
}

static void make_cluster(struct group *c, struct cat_synth_stream *s)
{
	const double l = cat_synth_between(s, 0, 360), d = pow(10, cat_synth_between(s, -1, 0.5));
	const double b = asin(fmin(1, fmax(-1, (0.06 * cat_synth_normal(s) - SUN_Z) / d))) * 180 / M_PI;

	*c = (struct group){.population = CAT_SYNTH_CLUSTER, .like = CAT_SYNTH_THIN, .spread_kms = 1};
	place(c, l, b, d);
	/* Two to five parsecs, seen as 0.05 to 1 degree. */
	c->size_kpc = cat_synth_between(s, 0.002, 0.005);
	c->size_kpc = fmin(d * 1.0, fmax(d * 0.05, c->size_kpc * 180 / M_PI)) * M_PI / 180;
	c->stars = pow(10, cat_synth_between(s, -5, -3.7));
	circle(c->pos, motion[CAT_SYNTH_YOUNG].lag_kms, c->vel);
	for (int k = 0; k < 3; k++)
		c->vel[k] += motion[CAT_SYNTH_YOUNG].kms[k] * cat_synth_normal(s);
}

/* Places, distances and sizes of the Clouds, and their motions over the sky (van der Marel and Sahlmann 2016,
 * ApJ 832, L23), turned into velocities. */
static void make_clouds(struct group *g)
{
	g[0] = (struct group){.population = CAT_SYNTH_CLOUD, .like = CAT_SYNTH_THICK, .spread_kms = 30,
	                      .size_kpc = 1.7, .stars = 60, .vel = {-57, -226, 221}};
	place(&g[0], 280.47, -32.89, 50);
	g[1] = (struct group){.population = CAT_SYNTH_CLOUD, .like = CAT_SYNTH_THICK, .spread_kms = 25,
	                      .size_kpc = 1.0, .stars = 14, .vel = {19, -153, 153}};
	place(&g[1], 302.80, -44.30, 62);
	for (int i = 0; i < 2; i++) {
		g[i].vel[0] -= sun_kms[0];
		g[i].vel[1] -= ROTATION_KMS + sun_kms[1];
		g[i].vel[2] -= sun_kms[2];
	}
}

static double length(const double v[3])
{
	return sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
}

static int add_groups(struct cat_galaxy *g, uint64_t seed, struct cat_error *err)
{
	struct cat_synth_stream s = cat_synth_stream(seed, 1, 0);

	for (int i = 0; i < NCLUSTERS; i++)
		make_cluster(&g->groups[i], &s);
	make_clouds(g->groups + NCLUSTERS);
	for (int i = 0; i < NGROUPS; i++) {
		const struct group *c = &g->groups[i];
		/* Nothing is drawn farther out than four times the size. */
		const double near = fmax(length(c->pos) - 4 * c->size_kpc, 1e-3);
		const double top = cat_light_brighter(g->light[c->like], g->limit_mag - modulus(near) - c->dust_mag);
		const struct entry e = {.population = CAT_SYNTH_FIELD, .shell = (uint8_t)i,
		                        .top = (float)(top * 1.00001)};

		CAT_TRY(add_entry(g, &e, c->stars * top, err));
	}
	return CAT_OK;
}

/* --- choosing an entry --- */

/* Vose 1991, "A linear algorithm for generating random numbers with a given distribution", IEEE TSE 17, 972. */
static int make_alias(struct cat_galaxy *g, struct cat_error *err)
{
	uint32_t *stack = cat_malloc(g->n * sizeof *stack);
	size_t small = 0, large = g->n;

	if (!stack)
		return cat_fail_mem(err, g->n * sizeof *stack);
	/* Those below the mean from the left of the stack, the others from the right. */
	for (size_t i = 0; i < g->n; i++) {
		g->weights[i] *= (double)g->n / g->total;
		g->entries[i].alias = (uint32_t)i;
		g->entries[i].keep = 1;
		stack[g->weights[i] < 1 ? small++ : --large] = (uint32_t)i;
	}
	while (small > 0 && large < g->n) {
		const uint32_t a = stack[--small], b = stack[large];

		g->entries[a].keep = (float)g->weights[a];
		g->entries[a].alias = b;
		g->weights[b] -= 1 - g->weights[a];
		if (g->weights[b] < 1) {
			large++;
			stack[small++] = b;
		}
	}
	cat_free(stack);
	return CAT_OK;
}

int cat_galaxy_new(double limit_mag, uint64_t seed, struct cat_galaxy **out, struct cat_error *err)
{
	struct cat_galaxy *g = cat_calloc(1, sizeof *g);
	int rc = CAT_OK;

	if (!g)
		return cat_fail_mem(err, sizeof *g);
	g->limit_mag = limit_mag;
	for (int p = 0; rc == CAT_OK && p < CAT_SYNTH_FIELD; p++)
		rc = cat_light_new((enum cat_synth_population)p, &g->light[p], err);
	if (rc == CAT_OK)
		rc = add_field(g, err);
	if (rc == CAT_OK)
		rc = add_groups(g, seed, err);
	if (rc == CAT_OK)
		rc = make_alias(g, err);
	cat_free(g->weights);
	g->weights = NULL;
	if (rc != CAT_OK) {
		cat_galaxy_free(g);
		return rc;
	}
	*out = g;
	return CAT_OK;
}

void cat_galaxy_free(struct cat_galaxy *g)
{
	if (!g)
		return;
	for (int p = 0; p < CAT_SYNTH_FIELD; p++)
		cat_light_free(g->light[p]);
	cat_free(g->entries);
	cat_free(g->weights);
	cat_free(g);
}

double cat_galaxy_weight(const struct cat_galaxy *g)
{
	return g->total;
}

/* --- drawing --- */

/* A place in the entry's cell; false: rejected. *ROOM is how bright in M a star must be to be seen. */
static bool draw_field(const struct cat_galaxy *g, const struct entry *e, struct cat_synth_stream *s,
                       struct cat_synth_star *out, double *room)
{
	const double l = cat_synth_between(s, l_edge(e->il), l_edge(e->il + 1));
	const double sinb = cat_synth_between(s, g->sinb[e->ib], g->sinb[e->ib + 1]);
	const double d = cbrt(cat_synth_between(s, g->d3[e->shell], g->d3[e->shell + 1]));
	const double cosl = cos(l), cosb = sqrt(1 - sinb * sinb), in_plane = d * cosb;
	const double A = dust(d, sinb);
	double here;

	*room = g->limit_mag - modulus(d) - A;
	here = density((enum cat_synth_population)e->population, sqrt(fmax(0, radius2(in_plane, cosl))),
	               SUN_Z + d * sinb) *
	       cat_light_brighter(g->light[e->population], *room);
	if (cat_synth_unit(s) * (double)e->top > here)
		return false;
	out->population = (enum cat_synth_population)e->population;
	out->pos[0] = in_plane * cosl;
	out->pos[1] = in_plane * sin(l);
	out->pos[2] = d * sinb;
	out->bv = A / 3;
	return true;
}

static bool draw_group(const struct cat_galaxy *g, const struct entry *e, struct cat_synth_stream *s,
                       struct cat_synth_star *out, double *room)
{
	const struct group *c = &g->groups[e->shell];

	for (int k = 0; k < 3; k++)
		out->pos[k] = c->pos[k] + c->size_kpc * fmin(2.3, fmax(-2.3, cat_synth_normal(s)));
	*room = g->limit_mag - modulus(length(out->pos)) - c->dust_mag;
	if (cat_synth_unit(s) * (double)e->top > cat_light_brighter(g->light[c->like], *room))
		return false;
	out->population = c->population;
	out->bv = c->dust_mag / 3;
	return true;
}

static void move(const struct cat_galaxy *g, const struct entry *e, struct cat_synth_stream *s,
                 struct cat_synth_star *out)
{
	if (e->population >= CAT_SYNTH_FIELD) {
		const struct group *c = &g->groups[e->shell];

		for (int k = 0; k < 3; k++)
			out->vel[k] = c->vel[k] + c->spread_kms * cat_synth_normal(s);
		return;
	}
	circle(out->pos, motion[e->population].lag_kms, out->vel);
	for (int k = 0; k < 3; k++)
		out->vel[k] += motion[e->population].kms[k] * cat_synth_normal(s);
}

int cat_galaxy_star(const struct cat_galaxy *g, struct cat_synth_stream *s, struct cat_synth_star *out)
{
	const struct entry *e;
	double room;
	int draws = 0;
	bool seen;

	do {
		const double at = cat_synth_unit(s) * (double)g->n;
		const size_t i = (size_t)at;

		e = &g->entries[i];
		if (at - (double)i >= (double)e->keep)
			e = &g->entries[e->alias];
		seen = e->population < CAT_SYNTH_FIELD ? draw_field(g, e, s, out, &room)
		                                       : draw_group(g, e, s, out, &room);
		draws++;
	} while (!seen);
	/* room - M is how far below the limit the star comes out. */
	cat_light_draw(g->light[e->population < CAT_SYNTH_FIELD ? (int)e->population
	                                                        : (int)g->groups[e->shell].like],
	               room, g->limit_mag, s, out);
	move(g, e, s, out);
	return draws;
}
