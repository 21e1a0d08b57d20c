#include "synth/light.h"

#include <math.h>
#include <stdbool.h>

#include "base/alloc.h"

/* Kinds of stars: absolute magnitude and colour with their scatters, and how many there are in a kpc^3 at the
 * Sun: in the young disc, in the old populations. The main sequence in steps of 0.1 in B - V is as measured
 * from nearby stars with parallaxes; the numbers are fitted to counts by magnitude, latitude and colour. */
struct star_kind {
	double M, M_sd, bv, bv_sd;
	double young, thin, old;
	enum cat_synth_kind kind;
};
#define MS(M, bv, young, thin, old) {M, 0.4, bv, 0.029, young, thin, old, CAT_SYNTH_DWARF}
static const struct star_kind kinds[] = {
	{-1.2, 1.0, -0.10, 0.08, 1.46e4, 0, 0, CAT_SYNTH_DWARF},
	MS(1.20, 0.05, 1.31e5, 0, 0),
	MS(1.50, 0.15, 1.79e5, 0, 0),
	MS(1.90, 0.25, 2.72e5, 0, 0),
	MS(2.30, 0.35, 1.55e5, 3.10e5, 0),
	MS(2.80, 0.45, 5.14e5, 5.04e5, 0),
	MS(3.45, 0.55, 0, 3.88e5, 1.94e5),
	MS(4.00, 0.65, 0, 4.07e5, 3.88e5),
	MS(4.90, 0.75, 0, 4.85e5, 4.85e5),
	MS(5.65, 0.85, 0, 4.85e5, 4.85e5),
	MS(6.00, 0.95, 0, 5.82e5, 5.82e5),
	MS(6.60, 1.05, 0, 1.07e6, 1.07e6),
	MS(7.20, 1.15, 0, 1.15e6, 1.15e6),
	MS(7.75, 1.25, 0, 1.20e6, 1.20e6),
	MS(8.30, 1.35, 0, 1.30e6, 1.30e6),
	MS(8.90, 1.45, 0, 1.50e6, 1.50e6),
	{10.2, 0.8, 1.52, 0.05, 0, 4.50e6, 4.50e6, CAT_SYNTH_DWARF},
	{12.0, 1.2, 1.62, 0.07, 0, 1.70e7, 1.70e7, CAT_SYNTH_DWARF},
	{0.8, 0.5, 1.03, 0.09, 1.80e5, 5.90e4, 4.00e4, CAT_SYNTH_GIANT},
	{-0.4, 0.6, 1.45, 0.12, 1.94e4, 1.94e4, 1.16e4, CAT_SYNTH_GIANT},
	{0.9, 0.6, 0.80, 0.10, 4.00e4, 0.90e4, 0, CAT_SYNTH_GIANT},
	{2.7, 0.6, 0.88, 0.10, 0, 4.07e4, 4.07e4, CAT_SYNTH_GIANT},
	{12.0, 1.0, 0.10, 0.15, 0, 3.10e7, 3.10e7, CAT_SYNTH_WHITE_DWARF},
};
#define NKINDS ((int)(sizeof kinds / sizeof *kinds))
/* One main-sequence star in ten has a companion that makes it brighter, by up to twice its light. */
#define DOUBLES 0.1
#define DOUBLES_MAG 0.75

#define M_FIRST (-6.0)
#define M_STEP 0.05
#define NSTEPS 460 /* to M = 17: fainter than all */

struct cat_light {
	double brighter[NSTEPS + 1];     /* than M_FIRST + i M_STEP */
	float upto[NSTEPS][NKINDS];      /* share in step i of kinds 0 to k */
};

/* Stars of a kind brighter than M, per star of the kind. */
static double share_brighter(const struct star_kind *k, double M)
{
	double single = 0.5 * erfc((k->M - M) / (k->M_sd * M_SQRT2)), sum = 0;

	if (k->kind != CAT_SYNTH_DWARF)
		return single;
	for (int i = 0; i < 5; i++)
		sum += 0.5 * erfc((k->M - DOUBLES_MAG * (i + 0.5) / 5 - M) / (k->M_sd * M_SQRT2));
	return (1 - DOUBLES) * single + DOUBLES * sum / 5;
}

static double number(const struct star_kind *k, enum cat_synth_population p)
{
	return p == CAT_SYNTH_YOUNG ? k->young : p == CAT_SYNTH_THIN ? k->thin : k->old;
}

int cat_light_new(enum cat_synth_population p, struct cat_light **out, struct cat_error *err)
{
	struct cat_light *t = cat_calloc(1, sizeof *t);
	double before[NKINDS] = {0};

	if (!t)
		return cat_fail_mem(err, sizeof *t);
	for (int i = 0; i <= NSTEPS; i++) {
		double in_step = 0, now[NKINDS];

		for (int k = 0; k < NKINDS; k++) {
			now[k] = number(&kinds[k], p) * share_brighter(&kinds[k], M_FIRST + i * M_STEP);
			t->brighter[i] += now[k];
			if (i > 0)
				t->upto[i - 1][k] = (float)(in_step += now[k] - before[k]);
			before[k] = now[k];
		}
		/* Nothing at all is brighter than the table's beginning. */
		for (int k = 0; i > 0 && k < NKINDS; k++)
			t->upto[i - 1][k] = in_step > 0 ? (float)((double)t->upto[i - 1][k] / in_step) : 1;
	}
	for (int i = NSTEPS; i >= 0; i--)
		t->brighter[i] -= t->brighter[0];
	*out = t;
	return CAT_OK;
}

void cat_light_free(struct cat_light *t)
{
	cat_free(t);
}

double cat_light_brighter(const struct cat_light *t, double M)
{
	const double at = (M - M_FIRST) / M_STEP;
	int i;

	if (at <= 0)
		return 0;
	if (at >= NSTEPS)
		return t->brighter[NSTEPS];
	i = (int)at;
	return t->brighter[i] + (at - i) * (t->brighter[i + 1] - t->brighter[i]);
}

void cat_light_draw(const struct cat_light *t, double room, double limit_mag, struct cat_synth_stream *s,
                    struct cat_synth_star *out)
{
	const double want = cat_synth_unit(s) * cat_light_brighter(t, room), u = cat_synth_unit(s);
	int lo = 0, hi = NSTEPS, k = 0;
	double M;

	/* brighter[lo] <= want < brighter[hi] */
	while (hi - lo > 1) {
		const int mid = (lo + hi) / 2;

		if (t->brighter[mid] <= want)
			lo = mid;
		else
			hi = mid;
	}
	M = M_FIRST + M_STEP * (lo + (want - t->brighter[lo]) / (t->brighter[hi] - t->brighter[lo]));
	while (k < NKINDS - 1 && u >= (double)t->upto[lo][k])
		k++;
	out->kind = kinds[k].kind;
	out->vmag = limit_mag - (room - M);
	out->bv += kinds[k].bv + kinds[k].bv_sd * cat_synth_normal(s);
}
