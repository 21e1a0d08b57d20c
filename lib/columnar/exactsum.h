/* exactsum -- sums of float64 without any rounding until the end, so that every split of the rows, in every
 * order, gives the same bits.
 *
 * Layer: columnar. The accumulator is one long fixed-point number that reaches from below the smallest
 * subnormal to above the largest double, in limbs of 32 bits with room for carries (the idea: Kulisch &
 * Miranker, SIAM Review 28 (1986); small superaccumulators: R. M. Neal, arXiv:1505.05571). Infinities and NaN
 * are kept apart and follow IEEE 754: inf + -inf is NaN. A sum that is exactly zero is +0.0.
 * Thread rule: one accumulator belongs to one thread at a time.
 */
#ifndef CAT_COLUMNAR_EXACTSUM_H
#define CAT_COLUMNAR_EXACTSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bits 2^-1074 to 2^(32 * 69 - 1074): 2^60 summands of the largest double fit. */
#define CAT_EXACTSUM_LIMBS 69
struct cat_exactsum {
	int64_t limb[CAT_EXACTSUM_LIMBS]; /* value: sum of limb[i] * 2^(32 i - 1074) */
	int32_t pending;                  /* additions since carries were last moved */
	uint8_t special;                  /* bits: 1 NaN, 2 +inf, 4 -inf was added */
};
/* Sum and sum of squares, for variances. A square's bits below 2^-1074 are dropped, value by value. */
struct cat_exactmoments {
	struct cat_exactsum sum, squares;
	int64_t n;
};

void cat_exactsum_init(struct cat_exactsum *s);
void cat_exactsum_add(struct cat_exactsum *s, double v);
void cat_exactsum_add_i64(struct cat_exactsum *s, int64_t v);
void cat_exactsum_add_array(struct cat_exactsum *s, const double *v, int64_t n);
void cat_exactsum_merge(struct cat_exactsum *s, const struct cat_exactsum *other);
/* The sum, correctly rounded to nearest, ties to even. */
double cat_exactsum_value(const struct cat_exactsum *s);
/* The sum divided by N > 0, rounded once. */
double cat_exactsum_mean(const struct cat_exactsum *s, int64_t n);

/* Bytes of a saved sum at most. */
#define CAT_EXACTSUM_BYTES (4 + 4 * (CAT_EXACTSUM_LIMBS + 2))
/* A portable form, little-endian: flags, first limb, count, limbs. Equal sums give equal bytes. Returns the
 * length. */
size_t cat_exactsum_save(const struct cat_exactsum *s, uint8_t *out);
/* False when the bytes are no saved sum. */
bool cat_exactsum_load(struct cat_exactsum *s, const uint8_t *in, size_t size);

void cat_exactmoments_init(struct cat_exactmoments *m);
void cat_exactmoments_add_array(struct cat_exactmoments *m, const double *v, int64_t n);
void cat_exactmoments_merge(struct cat_exactmoments *m, const struct cat_exactmoments *other);
/* Sum of squared deviations from the mean divided by N - DDOF (0: population, 1: sample), computed exactly and
 * rounded once; NaN when N <= DDOF or something infinite was added. */
double cat_exactmoments_variance(const struct cat_exactmoments *m, int ddof);

#endif
