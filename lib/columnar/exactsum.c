#include "columnar/exactsum.h"

#include <math.h>
#include <string.h>

#include "base/simd.h"

__extension__ typedef unsigned __int128 u128;

enum { NAN_SEEN = 1, INF_SEEN = 2, MINUS_INF_SEEN = 4 };
/* A limb takes this many additions of less than 2^32 in size before carries must move. */
#define MAX_PENDING (1 << 29)
#define BASE_EXP (-1074)

void cat_exactsum_init(struct cat_exactsum *s)
{
	memset(s, 0, sizeof *s);
}

/* Moves carries up: afterwards every limb but the last is in [0, 2^32). */
static void carry(struct cat_exactsum *s)
{
	int64_t c = 0;

	for (int i = 0; i < CAT_EXACTSUM_LIMBS - 1; i++) {
		const int64_t v = s->limb[i] + c;

		s->limb[i] = v & 0xffffffff;
		c = v >> 32;
	}
	s->limb[CAT_EXACTSUM_LIMBS - 1] += c;
	s->pending = 0;
}

static inline void make_room(struct cat_exactsum *s)
{
	if (++s->pending >= MAX_PENDING)
		carry(s);
}

static void add_special(struct cat_exactsum *s, double v)
{
	s->special |= isnan(v) ? NAN_SEEN : v > 0 ? INF_SEEN : MINUS_INF_SEEN;
}

void cat_exactsum_add(struct cat_exactsum *s, double v)
{
	uint64_t bits, m;
	int64_t sign;
	int e, at;
	u128 wide;

	memcpy(&bits, &v, 8);
	e = (int)(bits >> 52) & 0x7ff;
	m = bits & ((UINT64_C(1) << 52) - 1);
	if (e == 0x7ff) {
		add_special(s, v);
		return;
	}
	/* Subnormals have the exponent of the smallest normal numbers. */
	if (e)
		m |= UINT64_C(1) << 52;
	else
		e = 1;
	make_room(s);
	sign = (int64_t)bits >> 63;
	at = (e - 1) >> 5;
	wide = (u128)m << ((e - 1) & 31);
	s->limb[at] += ((int64_t)(uint32_t)wide ^ sign) - sign;
	s->limb[at + 1] += ((int64_t)(uint32_t)(wide >> 32) ^ sign) - sign;
	s->limb[at + 2] += ((int64_t)(wide >> 64) ^ sign) - sign;
}

void cat_exactsum_add_i64(struct cat_exactsum *s, int64_t v)
{
	/* Both halves are exact doubles. */
	const int64_t low = v & 0xffffffff;

	cat_exactsum_add(s, (double)low);
	cat_exactsum_add(s, (double)(v - low));
}

/* --- arrays: error-free extraction in blocks (Rump, Ogita & Oishi, SIAM J. Sci. Comput. 31 (2008)) --- */

/* Sums of 2^11 parts that are multiples of one unit and smaller than 2^40 units are exact in a double: 12
 * bits of the 53 are head-room. */
#define BLOCK 2048
#define HEAD_BITS 12
/* A block that did not fit says that its neighbours will not: so many are added one by one. */
#define PAUSE 15

static inline uint64_t bits_of(double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof bits);
	return bits;
}

/* The largest exponent as it is stored: 0x7ff when a value is not finite. Integers, for those compilers may add
 * and compare in any order. */
CAT_CLONES
static int top_exponent(const double *v, int n)
{
	int32_t top = 0;

	for (int i = 0; i < n; i++) {
		const int32_t a = (int32_t)(bits_of(v[i]) >> 32 & 0x7fffffff);

		top = top > a ? top : a;
	}
	return top >> 20;
}

struct parts {
	uint64_t high, middle; /* sums of the bits of what is cut off above split points, modulo 2^64 */
	uint64_t low;          /* which bits of the rests are set in any */
};

/* Cuts every value at two places into a high, a middle and a low part. A split point is so much larger than what
 * is added to it that the sum stays in its binade: there bits count units of the last place. */
CAT_CLONES
static void extract(const double *v, int n, double at_high, double at_middle, struct parts *out)
{
	uint64_t high = 0, middle = 0, low = 0;

	for (int i = 0; i < n; i++) {
		const double t = v[i] + at_high, r = v[i] - (t - at_high), u = r + at_middle;

		high += bits_of(t);
		middle += bits_of(u);
		low |= bits_of(r - (u - at_middle));
	}
	*out = (struct parts){high, middle, low};
}

static bool all_zero(const double *v, int n)
{
	uint64_t any = 0;

	for (int i = 0; i < n; i++)
		any |= bits_of(v[i]);
	return any << 1 == 0;
}

/* Adds the units of N parts, whose bits add up to SUM, above AT = 1.5 * 2^E. */
static void add_units(struct cat_exactsum *s, uint64_t sum, int n, double at, int e)
{
	cat_exactsum_add(s, ldexp((double)(int64_t)(sum - (uint64_t)n * bits_of(at)), e - 52));
}

/* False when the block reaches too far from its largest value, or to where split points are no normal
 * numbers: then nothing was added. */
static bool add_block(struct cat_exactsum *s, const double *v, int n)
{
	const int top = top_exponent(v, n), e = top - 1022; /* all are smaller than 2^e */
	const int e_high = e + HEAD_BITS, e_middle = e_high + HEAD_BITS - 53;
	struct parts p;

	if (top == 0)
		return all_zero(v, n);
	if (e > 990 || e < -900)
		return false;
	/* High parts are multiples of 2^(e_high - 52), what is left is at most half of that. */
	extract(v, n, ldexp(1.5, e_high), ldexp(1.5, e_middle), &p);
	if (p.low << 1)
		return false;
	add_units(s, p.high, n, ldexp(1.5, e_high), e_high);
	add_units(s, p.middle, n, ldexp(1.5, e_middle), e_middle);
	return true;
}

void cat_exactsum_add_array(struct cat_exactsum *s, const double *v, int64_t n)
{
	int pause = n < 16;

	for (int64_t i = 0; i < n; i += BLOCK) {
		const int k = n - i < BLOCK ? (int)(n - i) : BLOCK;

		if (pause > 0)
			pause--;
		else if (add_block(s, v + i, k))
			continue;
		else
			pause = PAUSE;
		for (int j = 0; j < k; j++)
			cat_exactsum_add(s, v[i + j]);
	}
}

void cat_exactsum_merge(struct cat_exactsum *s, const struct cat_exactsum *other)
{
	struct cat_exactsum o = *other;

	carry(s);
	carry(&o);
	for (int i = 0; i < CAT_EXACTSUM_LIMBS; i++)
		s->limb[i] += o.limb[i];
	carry(s);
	s->special |= o.special;
}

/* --- rounding --- */

/* A magnitude of N limbs of 32 bits; the least bit of the first is 2^exp. */
#define BIG_LIMBS (2 * CAT_EXACTSUM_LIMBS + 8)
struct big {
	uint32_t limb[BIG_LIMBS];
	int n, exp;
	bool negative, sticky; /* sticky: something below the last bit is not zero */
};

static void big_of(const struct cat_exactsum *s, struct big *b)
{
	struct cat_exactsum t = *s;
	int64_t top;
	uint64_t up = 1;

	memset(b, 0, sizeof *b);
	carry(&t);
	top = t.limb[CAT_EXACTSUM_LIMBS - 1];
	b->negative = top < 0;
	b->n = CAT_EXACTSUM_LIMBS + 1;
	b->exp = BASE_EXP;
	for (int i = 0; i < CAT_EXACTSUM_LIMBS + 1; i++) {
		uint32_t v = i < CAT_EXACTSUM_LIMBS - 1    ? (uint32_t)t.limb[i]
			     : i == CAT_EXACTSUM_LIMBS - 1 ? (uint32_t)top
							   : (uint32_t)(top >> 32);

		if (b->negative) {
			up += (uint32_t)~v;
			v = (uint32_t)up;
			up >>= 32;
		}
		b->limb[i] = v;
	}
}

/* Divides in place; the remainder goes into sticky. D > 0. */
static void big_divide(struct big *b, uint64_t d)
{
	uint64_t rest = 0;

	for (int i = b->n - 1; i >= 0; i--) {
		const u128 v = (u128)rest << 32 | b->limb[i];

		b->limb[i] = (uint32_t)(v / d);
		rest = (uint64_t)(v % d);
	}
	b->sticky |= rest != 0;
}

static bool big_bit(const struct big *b, int64_t i)
{
	return i >= 0 && (b->limb[i / 32] >> (i % 32) & 1);
}

/* To the nearest double, ties to even; subnormal results are rounded at their own last bit. */
static double big_round(const struct big *b)
{
	int64_t top = -1, low;
	uint64_t m = 0;
	bool half, rest;
	double v;

	for (int i = b->n - 1; i >= 0 && top < 0; i--)
		if (b->limb[i])
			top = 32 * (int64_t)i + 31 - __builtin_clz(b->limb[i]);
	if (top < 0)
		return 0; /* less than the least bit that is kept: no double is that small but zero */
	low = top - 52;
	if (low + b->exp < BASE_EXP)
		low = BASE_EXP - b->exp;
	for (int64_t i = top; i >= low; i--)
		m = m << 1 | big_bit(b, i);
	half = low > 0 && big_bit(b, low - 1);
	rest = b->sticky;
	for (int64_t i = low - 2; i >= 0 && !rest; i--)
		rest = big_bit(b, i);
	if (half && (rest || (m & 1)))
		m++;
	v = ldexp((double)m, (int)(low + b->exp));
	return b->negative ? -v : v;
}

static double special_value(uint8_t special)
{
	if ((special & NAN_SEEN) || (special & (INF_SEEN | MINUS_INF_SEEN)) == (INF_SEEN | MINUS_INF_SEEN))
		return NAN;
	return special & INF_SEEN ? INFINITY : -INFINITY;
}

double cat_exactsum_value(const struct cat_exactsum *s)
{
	struct big b;

	if (s->special)
		return special_value(s->special);
	big_of(s, &b);
	return big_round(&b);
}

/* Shifts up by LIMBS limbs, so that a division leaves its bits there. */
static void big_shift(struct big *b, int limbs)
{
	memmove(b->limb + limbs, b->limb, (size_t)b->n * sizeof *b->limb);
	memset(b->limb, 0, (size_t)limbs * sizeof *b->limb);
	b->n += limbs;
	b->exp -= 32 * limbs;
}

double cat_exactsum_mean(const struct cat_exactsum *s, int64_t n)
{
	struct big b;

	if (s->special)
		return special_value(s->special);
	big_of(s, &b);
	/* Four more limbs: a quotient has 53 bits and a half even when sum and N are small. */
	big_shift(&b, 4);
	big_divide(&b, (uint64_t)n);
	return big_round(&b);
}

/* --- saved form --- */

size_t cat_exactsum_save(const struct cat_exactsum *s, uint8_t *out)
{
	struct big b;
	int first = 0, n;

	big_of(s, &b);
	n = b.n;
	while (n > 0 && b.limb[n - 1] == 0)
		n--;
	while (first < n && b.limb[first] == 0)
		first++;
	out[0] = (uint8_t)(s->special | (b.negative ? 8 : 0));
	out[1] = (uint8_t)first;
	out[2] = (uint8_t)(n - first);
	out[3] = 0;
	for (int i = first; i < n; i++)
		for (int k = 0; k < 4; k++)
			out[4 + 4 * (i - first) + k] = (uint8_t)(b.limb[i] >> (8 * k));
	return 4 + 4 * (size_t)(n - first);
}

bool cat_exactsum_load(struct cat_exactsum *s, const uint8_t *in, size_t size)
{
	int first, n;

	cat_exactsum_init(s);
	if (size < 4 || in[0] > 15 || in[3] != 0)
		return false;
	first = in[1];
	n = in[2];
	if (first + n > CAT_EXACTSUM_LIMBS || size != 4 + 4 * (size_t)n)
		return false;
	for (int i = 0; i < n; i++) {
		const uint8_t *p = in + 4 + 4 * i;
		const int64_t v = (int64_t)((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
					    (uint32_t)p[3] << 24);

		s->limb[first + i] = in[0] & 8 ? -v : v;
	}
	s->special = in[0] & 7;
	s->pending = 1;
	return true;
}

/* --- moments --- */

void cat_exactmoments_init(struct cat_exactmoments *m)
{
	memset(m, 0, sizeof *m);
}

/* x * x as a rounded product and its exact error (T. J. Dekker, Numer. Math. 18 (1971)). */
static inline void square(double x, double *hi, double *lo)
{
	const double t = x * 134217729.0, a = t - (t - x), b = x - a, p = x * x;

	*hi = p;
	*lo = p < INFINITY ? ((a * a - p) + 2 * (a * b)) + b * b : 0;
}

void cat_exactmoments_add_array(struct cat_exactmoments *m, const double *v, int64_t n)
{
	double hi[BLOCK], lo[BLOCK];

	cat_exactsum_add_array(&m->sum, v, n);
	m->n += n;
	for (int64_t i = 0; i < n; i += BLOCK) {
		const int k = n - i < BLOCK ? (int)(n - i) : BLOCK;

		for (int j = 0; j < k; j++)
			square(v[i + j], &hi[j], &lo[j]);
		cat_exactsum_add_array(&m->squares, hi, k);
		cat_exactsum_add_array(&m->squares, lo, k);
	}
}

void cat_exactmoments_merge(struct cat_exactmoments *m, const struct cat_exactmoments *other)
{
	cat_exactsum_merge(&m->sum, &other->sum);
	cat_exactsum_merge(&m->squares, &other->squares);
	m->n += other->n;
}

/* TO = N * squares - sum^2, brought to the exponent of the square of a sum; not negative but for dropped bits. */
static void spread(const struct cat_exactmoments *m, struct big *to)
{
	struct big sum, sq;
	uint32_t *t = to->limb;
	const int shift_bits = -BASE_EXP; /* squares' last bit is this far above that of sum^2 */
	uint64_t scaled[CAT_EXACTSUM_LIMBS + 4] = {0}, up = 0;
	u128 acc = 0;
	int64_t borrow = 0;

	big_of(&m->sum, &sum);
	big_of(&m->squares, &sq);
	memset(to, 0, sizeof *to);
	to->n = BIG_LIMBS;
	to->exp = 2 * BASE_EXP;
	/* n * squares, 32 bits a slot. */
	for (int i = 0; i < sq.n + 2; i++) {
		acc += (u128)(i < sq.n ? sq.limb[i] : 0) * (uint64_t)m->n;
		scaled[i] = (uint32_t)acc;
		acc >>= 32;
	}
	for (int i = 0; i < sq.n + 3; i++) {
		up |= scaled[i] << (shift_bits % 32);
		t[i + shift_bits / 32] = (uint32_t)up;
		up >>= 32;
	}
	/* minus sum^2, one row of the product at a time */
	for (int i = 0; i < sum.n; i++) {
		uint64_t over = 0;

		borrow = 0;
		for (int j = 0; i + j < BIG_LIMBS; j++) {
			const uint64_t p = over + (uint64_t)sum.limb[i] * (j < sum.n ? sum.limb[j] : 0);
			const int64_t d = (int64_t)t[i + j] - (int64_t)(uint32_t)p + borrow;

			over = p >> 32;
			t[i + j] = (uint32_t)d;
			borrow = d >> 32;
		}
		to->negative |= borrow < 0;
	}
}

double cat_exactmoments_variance(const struct cat_exactmoments *m, int ddof)
{
	struct big b;

	if (m->n <= ddof || m->sum.special || m->squares.special)
		return m->n > ddof && !m->sum.special && (m->squares.special & NAN_SEEN) == 0 ? INFINITY : NAN;
	spread(m, &b);
	if (b.negative)
		return 0;
	big_divide(&b, (uint64_t)m->n);
	big_divide(&b, (uint64_t)(m->n - ddof));
	return big_round(&b);
}
