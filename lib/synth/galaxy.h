/* galaxy -- a model of the stars that a survey down to some magnitude sees, and stars drawn from it.
 *
 * Layer: synth. Five populations of stars in the Galaxy, each a density in space times a list of kinds of stars;
 * open clusters; the two Magellanic Clouds; dust near the plane. Every star is drawn by rejection from a table of
 * cells of the sky times shells of distance, so that positions, magnitudes and colours belong together and are
 * limited by apparent magnitude. Numbers per volume were fitted to star counts (tests/unit/synth_galaxy.c).
 * Kiloparsecs, magnitudes in Johnson V, km/s. Vectors point from the Sun to the centre of the Galaxy, along its
 * rotation, to its north pole. Thread rule: a made model is only read, by any thread.
 */
#ifndef CAT_SYNTH_GALAXY_H
#define CAT_SYNTH_GALAXY_H

#include "base/error.h"
#include "synth/random.h"

enum cat_synth_population {
	CAT_SYNTH_YOUNG, /* thin disc, 100 pc */
	CAT_SYNTH_THIN,
	CAT_SYNTH_THICK,
	CAT_SYNTH_HALO,
	CAT_SYNTH_BULGE,
	CAT_SYNTH_FIELD, /* how many of the above */
	CAT_SYNTH_CLUSTER = CAT_SYNTH_FIELD,
	CAT_SYNTH_CLOUD
};
enum cat_synth_kind { CAT_SYNTH_DWARF, CAT_SYNTH_GIANT, CAT_SYNTH_WHITE_DWARF };

/* A star as the model has it, without errors of measurement. */
struct cat_synth_star {
	double pos[3]; /* kpc from the Sun */
	double vel[3]; /* km/s relative to the Sun */
	double vmag;
	double bv;     /* B - V, reddened */
	enum cat_synth_kind kind;
	enum cat_synth_population population;
};
struct cat_galaxy;
/* Stars of V < LIMIT_MAG (from 5 to 25); clusters depend on SEED, the rest does not. */
CAT_MUST_USE int cat_galaxy_new(double limit_mag, uint64_t seed, struct cat_galaxy **out, struct cat_error *err);
void cat_galaxy_free(struct cat_galaxy *g); /* accepts NULL */
/* One star; gives how many were drawn and rejected on the way, itself included. */
int cat_galaxy_star(const struct cat_galaxy *g, struct cat_synth_stream *s, struct cat_synth_star *out);
/* The whole sky's stars times the mean number of draws a star needs. */
double cat_galaxy_weight(const struct cat_galaxy *g);

#endif
