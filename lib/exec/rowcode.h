/* rowcode -- rows of any types as bytes, and back: to sort, spill and gather them one row at a time.
 *
 * Layer: exec. A row is its values of fixed width side by side, where each longer one ends, a bit per column that says
 * whether it has a value, then the longer ones: so a table far larger than a cache gives any of its rows from one or
 * two places in memory. The bytes are for the process that made them. Behind a row that is written or read there are
 * CAT_ROWHEAP_SLACK bytes of memory.
 * Thread rule: one thread writes; afterwards any may read.
 */
#ifndef CAT_EXEC_ROWCODE_H
#define CAT_EXEC_ROWCODE_H

#include "columnar/batch.h"

/* Rows handled at a time: a word of validity bits, and few enough to stay in the first cache. */
#define CAT_ROWCODE_BLOCK 64

struct cat_rowcode;

/* Takes a reference to SCHEMA. */
CAT_MUST_USE int cat_rowcode_new(struct cat_schema *schema, struct cat_rowcode **out, struct cat_error *err);
void cat_rowcode_free(struct cat_rowcode *c); /* accepts NULL */
/* Bytes that all rows have; 0: they differ. */
size_t cat_rowcode_even(const struct cat_rowcode *c);
/* Bytes of a row that was written. */
size_t cat_rowcode_size(const struct cat_rowcode *c, const uint8_t *row);
/* BYTES[0..n) that rows [from, from+n) of B will have. N <= CAT_ROWCODE_BLOCK; B has all columns. A row of more than
 * 4 GiB is CAT_E_UNSUPPORTED. */
CAT_MUST_USE int cat_rowcode_sizes(const struct cat_rowcode *c, const struct cat_batch *b, int64_t from, int64_t n,
                                   size_t *bytes, struct cat_error *err);
/* Writes them to TO[0..n), in that order if they lie one behind the other. */
void cat_rowcode_write(struct cat_rowcode *c, const struct cat_batch *b, int64_t from, int64_t n, uint8_t *const *to);
/* Column COL of a row, int64 without nulls. */
int64_t cat_rowcode_i64(const struct cat_rowcode *c, const uint8_t *row, int col);
/* ROWS[0..n) as a batch. More than 2 GiB of text or 2^31 list elements in a column is CAT_E_UNSUPPORTED. */
CAT_MUST_USE int cat_rowcode_read(const struct cat_rowcode *c, const uint8_t *const *rows, int64_t n,
                                  struct cat_batch **out, struct cat_error *err);

#endif
