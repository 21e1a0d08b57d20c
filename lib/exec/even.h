/* even -- the same rows in batches of one size, so that what is written of them does not depend on how they came.
 *
 * Layer: exec. How many rows a batch has follows from the schema, and from the rows where they weigh more than
 * CAT_BATCH_WEIGHT; the last is smaller.
 */
#ifndef CAT_EXEC_EVEN_H
#define CAT_EXEC_EVEN_H

#include "columnar/pump.h"

/* Takes over INNER, also on failure. */
CAT_MUST_USE int cat_even_open(struct cat_source *inner, struct cat_source **out, struct cat_error *err);

#endif
