/* light -- how bright and of what colour the stars of a population are.
 *
 * Layer: synth. A population's kinds of stars are tabulated by absolute magnitude: how many are brighter than
 * some M, and which kinds they are. Thread rule: a made table is only read, by any thread.
 */
#ifndef CAT_SYNTH_LIGHT_H
#define CAT_SYNTH_LIGHT_H

#include "synth/galaxy.h"

struct cat_light;
CAT_MUST_USE int cat_light_new(enum cat_synth_population p, struct cat_light **out, struct cat_error *err);
void cat_light_free(struct cat_light *t); /* accepts NULL */
/* Stars brighter than absolute magnitude M in a kpc^3 of density 1. */
double cat_light_brighter(const struct cat_light *t, double M);
/* Draws one of those brighter than ROOM: sets kind and vmag (which is LIMIT_MAG where M is ROOM), and adds its
 * colour to bv, which holds the reddening. */
void cat_light_draw(const struct cat_light *t, double room, double limit_mag, struct cat_synth_stream *s,
                    struct cat_synth_star *out);

#endif
