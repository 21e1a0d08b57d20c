/* kernels -- whole-column operations: gather, concatenate.
 *
 * Layer: columnar. Results own new buffers; inputs are never changed.
 * Thread rule: pure functions, any thread.
 */
#ifndef CAT_COLUMNAR_KERNELS_H
#define CAT_COLUMNAR_KERNELS_H

#include "columnar/batch.h"

/* Rows IDX[0..n) of C in that order; a negative index gives a null. Indices may repeat. */
CAT_MUST_USE int cat_take(const struct cat_column *c, const int32_t *idx, int64_t n, struct cat_column **out,
                          struct cat_error *err);
/* Of all columns that are there. */
CAT_MUST_USE int cat_take_batch(const struct cat_batch *b, const int32_t *idx, int64_t n, struct cat_batch **out,
                                struct cat_error *err);
/* N columns of one type, one after the other. More than 2 GiB of text or 2^31 list elements is
 * CAT_E_UNSUPPORTED. N >= 1; a single column is passed through by reference. */
CAT_MUST_USE int cat_concat(struct cat_column *const *cols, int n, struct cat_column **out, struct cat_error *err);
/* N batches of equal schema, with the same columns there. */
CAT_MUST_USE int cat_concat_batches(struct cat_batch *const *batches, int n, struct cat_batch **out,
                                    struct cat_error *err);
/* Indices of the rows where the BOOL column MASK is true (null counts as false); IDX has room for all rows.
 * Returns how many. */
int64_t cat_mask_indices(const struct cat_column *mask, int32_t *idx);
/* N bits from SRC at bit FROM to DST at bit TO; bits of DST outside stay. */
void cat_bits_copy(uint8_t *dst, int64_t to, const uint8_t *src, int64_t from, int64_t n);

#endif
