/* random -- random numbers that are a function of (seed, row, counter): any row can be made alone.
 *
 * Layer: synth. Thread rule: a stream belongs to one thread.
 */
#ifndef CAT_SYNTH_RANDOM_H
#define CAT_SYNTH_RANDOM_H

#include <stdint.h>

/* The finaliser of SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators",
 * OOPSLA, figure 16) over a counter that steps by the golden ratio. */
static inline uint64_t cat_synth_mix(uint64_t z)
{
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}
#define CAT_SYNTH_GOLDEN UINT64_C(0x9e3779b97f4a7c15)

/* The numbers of one row and one purpose. */
struct cat_synth_stream {
	uint64_t at;
};
static inline struct cat_synth_stream cat_synth_stream(uint64_t seed, uint64_t purpose, uint64_t row)
{
	const uint64_t key = cat_synth_mix(cat_synth_mix(seed + CAT_SYNTH_GOLDEN) + purpose * CAT_SYNTH_GOLDEN);

	return (struct cat_synth_stream){cat_synth_mix(key ^ cat_synth_mix(row + CAT_SYNTH_GOLDEN))};
}
static inline uint64_t cat_synth_u64(struct cat_synth_stream *s)
{
	return cat_synth_mix(s->at += CAT_SYNTH_GOLDEN);
}
/* In (0, 1), never the ends: 2^52 values. */
static inline double cat_synth_unit(struct cat_synth_stream *s)
{
	return ((double)(cat_synth_u64(s) >> 12) + 0.5) * 0x1p-52;
}
static inline double cat_synth_between(struct cat_synth_stream *s, double lo, double hi)
{
	return lo + (hi - lo) * cat_synth_unit(s);
}
/* Standard normal. */
double cat_synth_normal(struct cat_synth_stream *s);

#endif
