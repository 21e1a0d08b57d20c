/* sky -- catalogues of the model's stars, as two surveys see them, as a feed.
 *
 * Layer: synth. Row i of a sky depends on its options and i alone: any slice can be made by anybody, and all
 * slices one after the other are the whole.
 */
#ifndef CAT_SYNTH_SKY_H
#define CAT_SYNTH_SKY_H

#include "columnar/pump.h"

enum cat_sky_survey {
	CAT_SKY_FIRST, /* exact places at the epoch, parallaxes, motions, magnitudes */
	CAT_SKY_SECOND /* the same stars, seen worse: no parallaxes, errors of place, some missing, some false */
};
struct cat_sky_options {
	uint64_t seed;
	double depth_mag; /* V of the faintest star */
	double epoch_yr;  /* of the places */
	enum cat_sky_survey survey;
	int64_t begin, end; /* stars of the sky; the second survey has a row for most of them */
};
#define CAT_SKY_DEPTH_MIN 5.0
#define CAT_SKY_DEPTH_MAX 25.0
/* The epoch at which the model's stars have the places they are drawn at. */
#define CAT_SKY_EPOCH 2016.0
/* The second survey's usual epoch. */
#define CAT_SKY_SECOND_EPOCH 2000.0

CAT_MUST_USE int cat_sky_feed(const struct cat_sky_options *o, struct cat_feed **out, struct cat_error *err);

#endif
