/* packed -- rows in memory, the columns of fixed width side by side, so that a row is found in one place.
 *
 * Layer: exec. For tables far larger than a cache, whose rows are wanted in any order: column by column each value
 * would be waited for. The rows are those of rowcode. Thread rule: one thread adds; afterwards any may gather.
 */
#ifndef CAT_EXEC_PACKED_H
#define CAT_EXEC_PACKED_H

#include "columnar/batch.h"

struct cat_packed;

/* For rows like those of LIKE: of its schema, with the same columns there. */
CAT_MUST_USE int cat_packed_new(const struct cat_batch *like, struct cat_packed **out, struct cat_error *err);
void cat_packed_free(struct cat_packed *p); /* accepts NULL */
/* Appends the rows of B, and puts what is not packed, a batch of the same schema whose other columns are NULL, in its
 * place. After a failure B is as it was, and P fit to be freed only. */
CAT_MUST_USE int cat_packed_add(struct cat_packed *p, struct cat_batch **b, struct cat_error *err);
/* Whether column COL is packed; NULL packs none. */
bool cat_packed_has(const struct cat_packed *p, int col);
/* The packed columns of rows ROWS[0..n), -1 being a row of nulls, to their places in COLS, which are the caller's; the
 * others stay, and all do after a failure. */
CAT_MUST_USE int cat_packed_gather(const struct cat_packed *p, const int64_t *rows, int64_t n, struct cat_column **cols,
                                   struct cat_error *err);

#endif
