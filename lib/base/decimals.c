#include "base/decimals.h"

#include <string.h>

#include "base/text.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define WIDE 1
#include <immintrin.h>
#else
#define WIDE 0
#endif

#define PORTABLE(name, type, parse)                                                                        \
	uint64_t name(const char *s, const uint32_t *from, const uint32_t *len, int n, type *out)          \
	{                                                                                                  \
		uint64_t read = 0;                                                                         \
                                                                                                           \
		for (int i = 0; i < n; i++) {                                                              \
			out[i] = 0;                                                                        \
			read |= (uint64_t)(len[i] && parse(s + from[i], len[i], &out[i])) << i;            \
		}                                                                                          \
		return read;                                                                               \
	}
PORTABLE(cat_decimals_f64_portable, double, cat_parse_f64_padded)
PORTABLE(cat_decimals_f32_portable, float, cat_parse_f32_padded)
PORTABLE(cat_decimals_i64_portable, int64_t, cat_parse_i64)

#if WIDE
#define TARGET __attribute__((target("avx2,popcnt")))

static bool is_wide(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt");
}

/* What stands in the texts: (-1)^negative x (upper x 10^8 + lower) x 10^-behind, if it was read. */
struct scanned {
	int32_t upper[CAT_DECIMALS_MAX], lower[CAT_DECIMALS_MAX];
	int32_t behind[CAT_DECIMALS_MAX];
	uint16_t negative[CAT_DECIMALS_MAX]; /* bit 0 */
	uint16_t fits[CAT_DECIMALS_MAX];     /* 0xffff: read */
};

TARGET static inline __m256i pair(const char *a, const char *b)
{
	return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)a)),
	                               _mm_loadu_si128((const __m128i *)(const void *)b), 1);
}

/* Texts I and I + 1, of K bytes each in each byte of their halves, 18 of those that are too long: the point out
 * (where there may be one: POINTS), 16 digits to the right, then neighbours added up four times. Nothing is branched
 * on, for empty fields come in no order that could be learnt. */
TARGET __attribute__((always_inline)) static inline void scan_pair(const char *a, const char *b, __m256i k, int i,
                                                                   bool points, struct scanned *out)
{
	const __m256i places = _mm256_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4,
	                                        5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	const __m256i front = _mm256_setr_epi32(0xff, 0, 0, 0, 0xff, 0, 0, 0), none = _mm256_setzero_si256();
	const __m256i first = pair(a, b), inside = _mm256_cmpgt_epi8(k, places);
	__m256i minus, point = none, digits, x = first, to, fits;
	uint32_t behind, bits;

	minus = _mm256_and_si256(_mm256_cmpeq_epi8(first, _mm256_set1_epi8('-')), _mm256_and_si256(inside, front));
	if (points) {
		/* From the point on, all bytes, of which those behind it come from one further on. */
		point = _mm256_and_si256(_mm256_cmpeq_epi8(first, _mm256_set1_epi8('.')), inside);
		point = _mm256_or_si256(point, _mm256_slli_si256(point, 1));
		point = _mm256_or_si256(point, _mm256_slli_si256(point, 2));
		point = _mm256_or_si256(point, _mm256_slli_si256(point, 4));
		point = _mm256_or_si256(point, _mm256_slli_si256(point, 8));
		x = _mm256_blendv_epi8(first, pair(a + 1, b + 1), point);
	}
	/* A sign is a zero in front. */
	x = _mm256_andnot_si256(minus, _mm256_sub_epi8(x, _mm256_set1_epi8('0')));
	digits = _mm256_add_epi8(k, _mm256_shuffle_epi8(point, _mm256_set1_epi8(15)));
	/* Negative places give zeros. */
	to = _mm256_add_epi8(_mm256_sub_epi8(places, _mm256_set1_epi8(16)), digits);
	x = _mm256_shuffle_epi8(x, to);
	behind = (uint32_t)_mm256_movemask_epi8(_mm256_shuffle_epi8(point, to));
	/* Digits are 0 to 9, and at least 1 and at most 16 without the sign. */
	digits = _mm256_add_epi8(digits, _mm256_shuffle_epi8(minus, none));
	fits = _mm256_cmpeq_epi8(_mm256_subs_epu8(x, _mm256_set1_epi8(9)), none);
	fits = _mm256_and_si256(fits, _mm256_cmpgt_epi8(digits, none));
	fits = _mm256_andnot_si256(_mm256_cmpgt_epi8(to, places), fits);
	bits = (uint32_t)_mm256_movemask_epi8(fits);
	memcpy(&out->fits[i], &bits, sizeof bits);
	bits = (uint32_t)_mm256_movemask_epi8(minus);
	memcpy(&out->negative[i], &bits, sizeof bits);
	out->behind[i] = __builtin_popcount(behind & 0xffff);
	out->behind[i + 1] = __builtin_popcount(behind >> 16);
	x = _mm256_maddubs_epi16(x, _mm256_set1_epi16(1 << 8 | 10));
	x = _mm256_madd_epi16(x, _mm256_set1_epi32(1 << 16 | 100));
	x = _mm256_madd_epi16(_mm256_packus_epi32(x, x), _mm256_set1_epi32(1 << 16 | 10000));
	out->upper[i] = _mm256_extract_epi32(x, 0);
	out->lower[i] = _mm256_extract_epi32(x, 1);
	out->upper[i + 1] = _mm256_extract_epi32(x, 4);
	out->lower[i + 1] = _mm256_extract_epi32(x, 5);
}

/* Gives bit i set where text i was read. */
TARGET __attribute__((always_inline)) static inline uint64_t scan(const char *s, const uint32_t *from,
                                                                  const uint32_t *len, int n, bool points,
                                                                  struct scanned *out)
{
	const __m256i halves = _mm256_setr_epi64x(0, 0, 0x0101010101010101, 0x0101010101010101);
	uint8_t bytes[CAT_DECIMALS_MAX] = {0};
	uint64_t read = 0;

	for (int i = 0; i < n; i++)
		bytes[i] = (uint8_t)(len[i] < 18 ? len[i] : 18);
	for (int i = 0; i < n; i += 2) {
		const int other = i + (i + 1 < n);
		int16_t two;

		memcpy(&two, bytes + i, sizeof two);
		scan_pair(s + from[i], s + from[other], _mm256_shuffle_epi8(_mm256_set1_epi16(two), halves), i, points,
		          out);
	}
	for (int i = 0; i < n; i++)
		read |= (uint64_t)(out->fits[i] == 0xffff) << i;
	return read;
}

/* What is small enough is exact, as its power of ten is, and their quotient is rounded once. The others take longer
 * numbers. */
#define WIDE_LOOP(type, word, sign, inexact, finish)                                                        \
	struct scanned t;                                                                                   \
	uint64_t read = scan(s, from, len, n, true, &t);                                                    \
	uint8_t large[CAT_DECIMALS_MAX], any = 0;                                                           \
                                                                                                            \
	for (int i = 0; i < n; i++) {                                                                       \
		const double w = (double)t.upper[i] * 1e8 + (double)t.lower[i];                             \
		const type v = (type)w / power[t.behind[i]];                                                \
		word bits;                                                                                  \
                                                                                                            \
		memcpy(&bits, &v, sizeof bits);                                                             \
		bits |= (word)t.negative[i] << sign;                                                        \
		memcpy(&out[i], &bits, sizeof bits);                                                        \
		large[i] = (inexact) & (t.fits[i] == 0xffff);                                               \
		any |= large[i];                                                                            \
	}                                                                                                   \
	for (int i = 0; any && i < n; i++)                                                                  \
		if (large[i] && !finish(t.negative[i], (uint64_t)t.upper[i] * 100000000 + (uint64_t)t.lower[i], \
		                        -t.behind[i], s + from[i], len[i], &out[i]))                        \
			read &= ~(UINT64_C(1) << i);                                                        \
	return read

TARGET static uint64_t wide_f64(const char *s, const uint32_t *from, const uint32_t *len, int n, double *out)
{
	static const double power[17] = {1e0, 1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7, 1e8,
	                                 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16};

	WIDE_LOOP(double, uint64_t, 63, w >= 0x1p53, cat_decimal_f64);
}

TARGET static uint64_t wide_f32(const char *s, const uint32_t *from, const uint32_t *len, int n, float *out)
{
	static const float power[17] = {1e0f, 1e1f, 1e2f, 1e3f, 1e4f, 1e5f, 1e6f, 1e7f, 1e8f,
	                                1e9f, 1e10f, 1,   1,    1,    1,    1,    1};

	WIDE_LOOP(float, uint32_t, 31, (w > 0x1p24) | (t.behind[i] > 10), cat_decimal_f32);
}

TARGET static uint64_t wide_i64(const char *s, const uint32_t *from, const uint32_t *len, int n, int64_t *out)
{
	struct scanned t;
	const uint64_t read = scan(s, from, len, n, false, &t);

	for (int i = 0; i < n; i++) {
		const int64_t w = (int64_t)t.upper[i] * 100000000 + t.lower[i], sign = -(int64_t)(t.negative[i] & 1);

		out[i] = t.fits[i] == 0xffff ? (w ^ sign) - sign : 0;
	}
	return read;
}

uint64_t cat_decimals_f64(const char *s, const uint32_t *from, const uint32_t *len, int n, double *out)
{
	return is_wide() ? wide_f64(s, from, len, n, out) : cat_decimals_f64_portable(s, from, len, n, out);
}

uint64_t cat_decimals_f32(const char *s, const uint32_t *from, const uint32_t *len, int n, float *out)
{
	return is_wide() ? wide_f32(s, from, len, n, out) : cat_decimals_f32_portable(s, from, len, n, out);
}

uint64_t cat_decimals_i64(const char *s, const uint32_t *from, const uint32_t *len, int n, int64_t *out)
{
	return is_wide() ? wide_i64(s, from, len, n, out) : cat_decimals_i64_portable(s, from, len, n, out);
}
#else
uint64_t cat_decimals_f64(const char *s, const uint32_t *from, const uint32_t *len, int n, double *out)
{
	return cat_decimals_f64_portable(s, from, len, n, out);
}

uint64_t cat_decimals_f32(const char *s, const uint32_t *from, const uint32_t *len, int n, float *out)
{
	return cat_decimals_f32_portable(s, from, len, n, out);
}

uint64_t cat_decimals_i64(const char *s, const uint32_t *from, const uint32_t *len, int n, int64_t *out)
{
	return cat_decimals_i64_portable(s, from, len, n, out);
}
#endif
