/* delta -- DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY and DELTA_BYTE_ARRAY of Parquet, and BYTE_STREAM_SPLIT.
 *
 * Layer: formats. Source: parquet-format Encodings.md. Input must be readable for 64 bytes behind its end
 * (every cat_buf is).
 * Thread rule: pure functions, any thread.
 */
#ifndef CAT_FORMATS_DELTA_H
#define CAT_FORMATS_DELTA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/* Exactly N values from *P on, which moves behind them; false when malformed, cut short or not N values. */
CAT_MUST_USE bool cat_delta_i64(const uint8_t **p, const uint8_t *end, int64_t *out, int64_t n);
CAT_MUST_USE bool cat_delta_i32(const uint8_t **p, const uint8_t *end, int32_t *out, int64_t n);
/* Appends N values in blocks of 128. */
void cat_delta_put_i64(struct cat_text *out, const int64_t *v, int64_t n);
void cat_delta_put_i32(struct cat_text *out, const int32_t *v, int64_t n);

/* N values of WIDTH bytes between value order (FLAT) and stream order (SPLIT). */
void cat_split_read(const uint8_t *split, uint8_t *flat, int64_t n, int width);
void cat_split_write(const uint8_t *flat, uint8_t *split, int64_t n, int width);

#endif
