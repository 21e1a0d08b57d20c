/* decimals -- many short decimal texts to numbers at once.
 *
 * Layer: base. Every value is the one that strtod, strtof and strtoll give. Numbers of another form (exponents,
 * blanks, words, more than 17 bytes) are not for here: cat_parse_f64 reads them one by one.
 * Thread rule: pure functions, any thread.
 */
#ifndef CAT_BASE_DECIMALS_H
#define CAT_BASE_DECIMALS_H

#include <stdint.h>

#define CAT_DECIMALS_MAX 64
/* Text i of N, at most CAT_DECIMALS_MAX, is S[from[i], from[i] + len[i]); 18 bytes can be read from from[i] on,
 * whatever len[i] is. Gives bit i set where it was read: then OUT[i] is its value; of an empty text it is 0. A minus
 * or none, then at most 16 digits, with a point among or around them or none (never for integers), is read; other
 * numbers may be. */
uint64_t cat_decimals_f64(const char *s, const uint32_t *from, const uint32_t *len, int n, double *out);
uint64_t cat_decimals_f32(const char *s, const uint32_t *from, const uint32_t *len, int n, float *out);
uint64_t cat_decimals_i64(const char *s, const uint32_t *from, const uint32_t *len, int n, int64_t *out);
/* The same without the processor's wide instructions: for processors that have none, and for tests. */
uint64_t cat_decimals_f64_portable(const char *s, const uint32_t *from, const uint32_t *len, int n, double *out);
uint64_t cat_decimals_f32_portable(const char *s, const uint32_t *from, const uint32_t *len, int n, float *out);
uint64_t cat_decimals_i64_portable(const char *s, const uint32_t *from, const uint32_t *len, int n, int64_t *out);

#endif
