/* observe -- stars of the model as rows of a survey.
 *
 * Layer: synth. Thread rule: pure functions, any thread.
 */
#ifndef CAT_SYNTH_OBSERVE_H
#define CAT_SYNTH_OBSERVE_H

#include "synth/galaxy.h"
#include "synth/sky.h"

/* Of the first survey all but pos_err; of the second id to dec, vmag to pos_err, true_id. */
struct cat_sky_row {
	int64_t id, true_id; /* true_id -1: no star */
	double ra_deg, dec_deg;
	double parallax_mas, pmra_mas_yr, pmdec_mas_yr;
	float rv_kms;
	float vmag, bmag, bv;
	float pos_err_arcsec;
	uint8_t kind, population;
};
/* Star I of the sky. */
void cat_sky_true_star(const struct cat_galaxy *g, const struct cat_sky_options *o, int64_t i,
                       struct cat_synth_star *out);
/* The rows that star I gives in O's survey, none to two; ROWS has room for them. Returns how many. */
int cat_sky_observe(const struct cat_galaxy *g, const struct cat_sky_options *o, int64_t i,
                    struct cat_sky_row rows[2]);

#endif
