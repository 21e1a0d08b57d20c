/* position -- which columns of a table are its positions, and their values.
 *
 * Layer: dataset. Degrees, ICRS. Thread rule: pure functions, any thread.
 */
#ifndef CAT_DATASET_POSITION_H
#define CAT_DATASET_POSITION_H

#include "columnar/batch.h"

/* The columns called RA_NAME and DEC_NAME (both or neither NULL); else those whose UCDs are pos.eq.ra;meta.main
 * and pos.eq.dec;meta.main, of which there may be one each; else the first pair of a list of usual names. Writes
 * how they were found to WHICH, for people ("ra, dec by UCD"). None, an unknown name, a column that is not of
 * numbers, or several by UCD: CAT_E_USAGE; a unit other than degrees: CAT_E_UNSUPPORTED. */
CAT_MUST_USE int cat_position_columns(const struct cat_schema *s, const char *ra_name, const char *dec_name,
                                      int *ra, int *dec, char *which, size_t which_size, struct cat_error *err);
/* Both columns of a batch as doubles, nulls as NaN; the arrays have room for its rows. Text is read as angles are
 * everywhere (sky/angle.h); what is none is CAT_E_DATA. */
CAT_MUST_USE int cat_position_values(const struct cat_batch *b, int ra, int dec, double *ra_deg, double *dec_deg,
                                     struct cat_error *err);
/* Columns RA and DEC get the UCDs of main positions, unless one of them has a UCD already. The schema must not be
 * shared yet. */
CAT_MUST_USE int cat_position_mark(struct cat_schema *s, int ra, int dec, struct cat_error *err);

#endif
