/* keysort -- the order of many int64 keys, stable, without moving rows.
 *
 * Layer: exec. Thread rule: pure function.
 */
#ifndef CAT_EXEC_KEYSORT_H
#define CAT_EXEC_KEYSORT_H

#include <stdint.h>

#include "base/error.h"

/* Rows in one sort at most: a row number must fit beside the key's upper bits in one word. */
#define CAT_KEYSORT_MAX ((int64_t)1 << 24)

/* ORDER[0..n) receives the indices of KEYS in ascending order, equal keys in theirs. N <= CAT_KEYSORT_MAX. */
CAT_MUST_USE int cat_keysort(const int64_t *keys, int64_t n, int32_t *order, struct cat_error *err);

#endif
