/* Numbers to and from text: the declarations stand in text.h.
 *
 * Reading: a decimal of up to 19 digits is w x 10^q; the product of w with a 128-bit approximation of 10^q from
 * below, and with the next one, bracket the value, and where both round alike that is the answer (after D.
 * Lemire, "Number parsing at a gigabyte per second", 2021). Otherwise strtod decides.
 * Writing: the shortest decimal inside the rounding interval, after R. Giulietti, "The Schubfach way to render
 * doubles", 2020.
 */
#include <ctype.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

__extension__ typedef unsigned __int128 u128;

/* --- powers of ten --- */

#define POW_MIN (-342)
#define POW_MAX 324
/* The top 128 bits of 10^q, the first of them set, the rest cut off. */
static u128 powers[POW_MAX - POW_MIN + 1];
static pthread_once_t powers_once = PTHREAD_ONCE_INIT;

/* floor(log2(10^q)) for |q| <= 350. */
static int log2_pow10(int q)
{
	return (q * 217706) >> 16;
}

#define LIMBS 32 /* of 32 bits, the lowest first */

static u128 top_bits(const uint32_t *limbs)
{
	int n = LIMBS, shift;
	u128 v = 0;

	while (limbs[n - 1] == 0)
		n--;
	for (int i = n - 1; i >= n - 4; i--)
		v = v << 32 | (i >= 0 ? limbs[i] : 0);
	shift = __builtin_clz(limbs[n - 1]);
	return shift && n > 4 ? v << shift | limbs[n - 5] >> (32 - shift) : v << shift;
}

/* 5^q has the bits of 10^q. Up by multiplying; down from 2^1023 by dividing, where cutting off at each step
 * gives the same as cutting off once. */
static void make_powers(void)
{
	uint32_t limbs[LIMBS] = {1};

	for (int q = 0; q <= POW_MAX; q++) {
		uint64_t carry = 0;

		powers[q - POW_MIN] = top_bits(limbs);
		for (int i = 0; i < LIMBS; i++) {
			carry += (uint64_t)limbs[i] * 5;
			limbs[i] = (uint32_t)carry;
			carry >>= 32;
		}
	}
	memset(limbs, 0, sizeof limbs);
	limbs[LIMBS - 1] = UINT32_C(1) << 31;
	for (int q = -1; q >= POW_MIN; q--) {
		uint64_t rest = 0;

		for (int i = LIMBS - 1; i >= 0; i--) {
			rest = rest << 32 | limbs[i];
			limbs[i] = (uint32_t)(rest / 5);
			rest %= 5;
		}
		powers[q - POW_MIN] = top_bits(limbs);
	}
}

/* --- reading --- */

/* X holds eight characters, the first in its lowest byte. */
static inline bool eight_digits(uint64_t x, uint64_t *v)
{
	const uint64_t upper = UINT64_C(0xf0f0f0f0f0f0f0f0);

	/* Each byte is 0x30 to 0x3f, and still is with 6 added. */
	if (((x & upper) | ((x + UINT64_C(0x0606060606060606)) & upper) >> 4) != UINT64_C(0x3333333333333333))
		return false;
	/* Pairs, then fours, then all eight: each step weighs the lower-addressed half with a power of ten. */
	x = (x & UINT64_C(0x0f0f0f0f0f0f0f0f)) * (256 * 10 + 1) >> 8;
	x = (x & UINT64_C(0x00ff00ff00ff00ff)) * (65536 * 100 + 1) >> 16;
	x = (x & UINT64_C(0x0000ffff0000ffff)) * ((UINT64_C(10000) << 32) + 1) >> 32;
	*v = x;
	return true;
}

/* Digits from S on into *W, which wraps when there are too many. Returns where they end. */
static const char *digits(const char *s, const char *end, uint64_t *w)
{
	while (end - s >= 8) {
		uint64_t x, v;

		memcpy(&x, s, 8);
		if (!eight_digits(x, &v))
			break;
		*w = *w * 100000000 + v;
		s += 8;
	}
	for (; s < end && (unsigned char)(*s - '0') < 10; s++)
		*w = *w * 10 + (unsigned char)(*s - '0');
	return s;
}

bool cat_parse_u64(const char *s, size_t n, uint64_t *out)
{
	const char *end = s + n, *first, *last;
	uint64_t v = 0;

	if (n > 0 && *s == '+')
		s++;
	first = s;
	while (end - s > 1 && *s == '0')
		s++;
	if (end - s > 20)
		return false;
	last = end - s == 20 ? end - 1 : end;
	if (first == end || digits(s, last, &v) != last)
		return false;
	if (last != end) {
		const unsigned d = (unsigned char)(*last - '0');

		if (d > 9 || __builtin_mul_overflow(v, 10u, &v) || __builtin_add_overflow(v, d, &v))
			return false;
	}
	*out = v;
	return true;
}

bool cat_parse_i64(const char *s, size_t n, int64_t *out)
{
	uint64_t v;

	if (n > 0 && s[0] == '-') {
		if (n < 2 || s[1] == '+' || !cat_parse_u64(s + 1, n - 1, &v) || v > (uint64_t)INT64_MAX + 1)
			return false;
		*out = (int64_t)(0 - v);
		return true;
	}
	if (!cat_parse_u64(s, n, &v) || v > INT64_MAX)
		return false;
	*out = (int64_t)v;
	return true;
}

/* A decimal as it stands: (-1)^negative x w x 10^q. */
struct decimal {
	bool negative;
	bool cut; /* more digits than w holds */
	uint64_t w;
	int q;
};

static const char *exponent(const char *s, const char *end, int *q)
{
	bool negative = false;
	const char *first;
	int e = 0;

	if (s < end && (*s == '-' || *s == '+'))
		negative = *s++ == '-';
	first = s;
	for (; s < end && (unsigned char)(*s - '0') < 10; s++)
		e = e < 100000 ? e * 10 + (*s - '0') : e;
	*q += negative ? -e : e;
	return s == first ? NULL : s;
}

static bool scan(const char *s, size_t n, struct decimal *d)
{
	const char *end = s + n, *first, *point = NULL;

	*d = (struct decimal){0};
	if (n > 0 && (*s == '-' || *s == '+'))
		d->negative = *s++ == '-';
	first = s;
	s = digits(s, end, &d->w);
	if (s < end && *s == '.') {
		point = s++;
		s = digits(s, end, &d->w);
		d->q = (int)(point + 1 - s);
	}
	if (s - first == (point != NULL))
		return false;
	if (s - first - (point != NULL) > 19) {
		/* Zeros in front are no digits. */
		while (first < s && (*first == '0' || *first == '.'))
			first++;
		d->cut = s - first - (point && point > first) > 19;
	}
	if (s < end && (*s | 32) == 'e') {
		s = exponent(s + 1, end, &d->q);
		if (!s)
			return false;
	}
	return s == end;
}

/* N digits at S, at most 8, of which 8 bytes can be read. */
static inline bool few_digits(const char *s, size_t n, uint64_t *v)
{
	const unsigned half = 4 * (unsigned)(8 - n);
	uint64_t x;

	/* To the end of eight bytes, zeros in front; shifts by 64 in two halves, which C wants. */
	memcpy(&x, s, 8);
	x = x << half << half | UINT64_C(0x3030303030303030) >> 4 * n >> 4 * n;
	return eight_digits(x, v);
}

/* The same without loops, for at most 8 digits on either side of the point and no exponent; 17 bytes can be
 * read. */
static inline bool scan_short(const char *s, size_t n, struct decimal *d)
{
	static const uint32_t power[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
	const unsigned minus = (((unsigned)(unsigned char)*s ^ '-') - 1) >> 31;
	uint64_t x, dots, whole, part;
	size_t at = 8, behind = 0;

	s += minus;
	n -= minus;
	memcpy(&x, s, 8);
	x ^= UINT64_C(0x2e2e2e2e2e2e2e2e);
	dots = (x - UINT64_C(0x0101010101010101)) & ~x & UINT64_C(0x8080808080808080);
	if (dots)
		at = (size_t)__builtin_ctzll(dots) >> 3;
	if (at < n)
		behind = n - at - 1;
	else
		at = n;
	if (n < 2 || n - 1 > 16 || at > 7 || behind > 8)
		return false;
	if (!few_digits(s, at, &whole) || !few_digits(s + at + 1, behind, &part))
		return false;
	*d = (struct decimal){.negative = minus, .w = whole * power[behind] + part, .q = -(int)behind};
	return true;
}

/* W x 10^Q, W not 0, as a float of BITS significand bits and least exponent EMIN; false where the bracket does
 * not decide. The significand has its leading bit, the value is *MANTISSA x 2^*EXP. */
static bool scale(uint64_t w, int q, int bits, uint64_t *mantissa, int *exp)
{
	const int zeros = __builtin_clzll(w);
	u128 power, high, low;
	uint64_t top, half, rest, below;
	int drop;

	if (q < POW_MIN || q > POW_MAX - 16)
		return false;
	pthread_once(&powers_once, make_powers);
	power = powers[q - POW_MIN];
	w <<= zeros;
	/* 192 bits: high holds the upper 128, low the lower 64. */
	low = (u128)w * (uint64_t)power;
	high = (u128)w * (uint64_t)(power >> 64) + (low >> 64);
	top = (uint64_t)(high >> 64);
	below = (uint64_t)high;
	drop = 63 - bits + (int)(top >> 63);
	half = UINT64_C(1) << (drop - 1);
	rest = top & (half * 2 - 1);
	/* The true product is less than w above this one: would that carry decide otherwise? */
	if (below == UINT64_MAX && (uint64_t)low + w < w && ((rest + 1) & (half - 1)) == 0)
		return false;
	if (below == 0 && (uint64_t)low == 0 && rest == half)
		return false;
	*mantissa = (top >> drop) + (rest >= half);
	*exp = 64 + drop + 64 + log2_pow10(q) - 127 - zeros;
	if (*mantissa >> bits) {
		*mantissa >>= 1;
		++*exp;
	}
	return true;
}

/* Copies into a terminated buffer what strtod may see: decimal digits, or one of the words. */
static bool number_text(const char *s, size_t n, char *copy, size_t cap)
{
	bool digit = false;
	size_t i = 0;

	if (n == 0 || n >= cap)
		return false;
	if (s[0] == '+' || s[0] == '-')
		i = 1;
	memcpy(copy, s, n);
	copy[n] = '\0';
	if (i < n && isalpha((unsigned char)s[i]))
		return strcasecmp(copy + i, "nan") == 0 || strcasecmp(copy + i, "inf") == 0 ||
		       strcasecmp(copy + i, "infinity") == 0;
	for (; i < n; i++) {
		if (s[i] >= '0' && s[i] <= '9')
			digit = true;
		else if (!strchr(".eE+-", s[i]) || s[i] == '\0')
			return false;
	}
	return digit;
}

/* Where both w and the power are exact, one operation rounds once. */
static inline bool exact_f64(const struct decimal *d, double *out)
{
	static const double exact[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
	                               1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
	uint64_t word;
	double v;

	if (d->w > UINT64_C(1) << 53 || d->q < -22 || d->q > 22)
		return false;
	v = d->q < 0 ? (double)d->w / exact[-d->q] : (double)d->w * exact[d->q];
	/* Signs come in no order that a branch could learn. */
	memcpy(&word, &v, sizeof word);
	word |= (uint64_t)d->negative << 63;
	memcpy(out, &word, sizeof word);
	return true;
}

/* By the decimal D of the N bytes at S; COMPLETE: D is right. */
static bool finish_f64(const struct decimal *d, bool complete, const char *s, size_t n, double *out)
{
	char copy[400], *end;
	uint64_t m;
	int e;

	if (complete && exact_f64(d, out))
		return true;
	if (complete && d->w && scale(d->w, d->q, 53, &m, &e) && e >= -1074 && e <= 971) {
		const uint64_t word = (uint64_t)d->negative << 63 | (uint64_t)(e + 1075) << 52 |
		                      (m & ((UINT64_C(1) << 52) - 1));

		memcpy(out, &word, sizeof word);
		return true;
	}
	if (!number_text(s, n, copy, sizeof copy))
		return false;
	*out = strtod(copy, &end);
	return *end == '\0';
}

bool cat_parse_f64(const char *s, size_t n, double *out)
{
	struct decimal d;
	const bool complete = scan(s, n, &d) && !d.cut;

	return finish_f64(&d, complete, s, n, out);
}

bool cat_parse_f64_padded(const char *s, size_t n, double *out)
{
	struct decimal d;

	if (!scan_short(s, n, &d))
		return cat_parse_f64(s, n, out);
	return exact_f64(&d, out) || finish_f64(&d, true, s, n, out);
}

static inline bool finish_f32(const struct decimal *d, bool complete, const char *s, size_t n, float *out)
{
	static const float exact[] = {1e0f, 1e1f, 1e2f, 1e3f, 1e4f, 1e5f, 1e6f, 1e7f, 1e8f, 1e9f, 1e10f};
	char copy[400], *end;
	uint64_t m;
	int e;

	if (complete) {
		if (d->w <= 1 << 24 && d->q >= -10 && d->q <= 10) {
			const float v = d->q < 0 ? (float)d->w / exact[-d->q] : (float)d->w * exact[d->q];

			*out = d->negative ? -v : v;
			return true;
		}
		if (d->w && scale(d->w, d->q, 24, &m, &e) && e >= -149 && e <= 104) {
			const uint32_t word = (uint32_t)d->negative << 31 | (uint32_t)(e + 150) << 23 |
			                      (uint32_t)(m & ((1 << 23) - 1));

			memcpy(out, &word, sizeof word);
			return true;
		}
	}
	if (!number_text(s, n, copy, sizeof copy))
		return false;
	*out = strtof(copy, &end);
	return *end == '\0';
}

bool cat_parse_f32(const char *s, size_t n, float *out)
{
	struct decimal d;
	const bool complete = scan(s, n, &d) && !d.cut;

	return finish_f32(&d, complete, s, n, out);
}

bool cat_parse_f32_padded(const char *s, size_t n, float *out)
{
	struct decimal d;

	return scan_short(s, n, &d) ? finish_f32(&d, true, s, n, out) : cat_parse_f32(s, n, out);
}

bool cat_decimal_f64(bool negative, uint64_t w, int q, const char *s, size_t n, double *out)
{
	const struct decimal d = {.negative = negative, .w = w, .q = q};

	return finish_f64(&d, true, s, n, out);
}

bool cat_decimal_f32(bool negative, uint64_t w, int q, const char *s, size_t n, float *out)
{
	const struct decimal d = {.negative = negative, .w = w, .q = q};

	return finish_f32(&d, true, s, n, out);
}

/* --- writing --- */

size_t cat_format_u64(uint64_t v, char *out)
{
	static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
				    "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
				    "8081828384858687888990919293949596979899";
	char back[24];
	char *p = back + sizeof back;
	size_t n;

	for (; v >= 100; v /= 100)
		memcpy(p -= 2, pairs + 2 * (v % 100), 2);
	if (v >= 10)
		memcpy(p -= 2, pairs + 2 * v, 2);
	else
		*--p = (char)('0' + v);
	n = (size_t)(back + sizeof back - p);
	memcpy(out, p, n);
	out[n] = '\0';
	return n;
}

size_t cat_format_i64(int64_t v, char *out)
{
	if (v >= 0)
		return cat_format_u64((uint64_t)v, out);
	out[0] = '-';
	return 1 + cat_format_u64(0 - (uint64_t)v, out + 1);
}

/* floor(g x c / 2^127), with the lowest bit set when something was cut off that matters (Giulietti 9.9). */
static uint64_t round_to_odd(u128 g, uint64_t c)
{
	const u128 low = (u128)(uint64_t)g * c, high = (u128)(uint64_t)(g >> 64) * c + (low >> 64);
	/* g x c has its binary point 127 bits up: 63 of them lie in high. */
	const uint64_t whole = (uint64_t)(high >> 63), part = (uint64_t)high & (UINT64_MAX >> 1);

	return whole | (part != 0);
}

/* The shortest decimal that rounds to C x 2^Q, the nearest one of that length; ASYMMETRIC: the gap below is
 * half of the one above. Returns the digits, *K their exponent. */
static uint64_t shortest(uint64_t c, int q, bool asymmetric, int *k)
{
	const uint64_t odd = c & 1, center = c << 2, left = center - (asymmetric ? 1 : 2), right = center + 2;
	uint64_t at, from, to, s, tens;
	bool below, above;
	u128 g;
	int h;

	/* floor(log10(2^q)), or of 3/4 of it. */
	*k = (int)(((int64_t)q * 1262611 - (asymmetric ? 524031 : 0)) >> 22);
	pthread_once(&powers_once, make_powers);
	g = (powers[-*k - POW_MIN] >> 2) + 1;
	h = q + log2_pow10(-*k) + 2;
	at = round_to_odd(g, center << h);
	from = round_to_odd(g, left << h);
	to = round_to_odd(g, right << h);
	s = at >> 2;
	if (s >= 10) {
		tens = s / 10 * 10;
		below = from + odd <= tens << 2;
		above = ((tens + 10) << 2) + odd <= to;
		if (below != above)
			return below ? tens : tens + 10;
	}
	below = from + odd <= s << 2;
	above = ((s + 1) << 2) + odd <= to;
	if (below != above)
		return below ? s : s + 1;
	/* Both or neither: the nearer, at a tie the even one. */
	return at < (s << 2) + 2 || (at == (s << 2) + 2 && (s & 1) == 0) ? s : s + 1;
}

/* V without the zeros at its end, which go into *K. Constant divisors, so that nothing is divided. */
static uint64_t without_zeros(uint64_t v, int *k)
{
	if (v == 0)
		return 0;
	while (v % 100000000 == 0) {
		v /= 100000000;
		*k += 8;
	}
	if (v % 10000 == 0) {
		v /= 10000;
		*k += 4;
	}
	if (v % 100 == 0) {
		v /= 100;
		*k += 2;
	}
	if (v % 10 == 0) {
		v /= 10;
		*k += 1;
	}
	return v;
}

/* printf's %g with as many digits as there are, at least P, but for the point that is always there. */
static size_t layout(bool negative, uint64_t v, int k, int p, char *out)
{
	char text[24], *o = out;
	int n, e;

	v = without_zeros(v, &k);
	n = (int)cat_format_u64(v, text);
	e = n - 1 + k;
	if (negative)
		*o++ = '-';
	if (e < -4 || e >= (n > p ? n : p)) {
		*o++ = text[0];
		if (n > 1) {
			*o++ = '.';
			memcpy(o, text + 1, (size_t)n - 1);
			o += n - 1;
		}
		*o++ = 'e';
		*o++ = e < 0 ? '-' : '+';
		e = e < 0 ? -e : e;
		if (e < 10)
			*o++ = '0';
		o += cat_format_u64((uint64_t)e, o);
	} else if (e < 0) {
		memcpy(o, "0.0000", (size_t)(1 - e));
		o += 1 - e;
		memcpy(o, text, (size_t)n);
		o += n;
	} else {
		const int whole = n < e + 1 ? n : e + 1;

		memcpy(o, text, (size_t)whole);
		o += whole;
		for (int i = whole; i < e + 1; i++)
			*o++ = '0';
		*o++ = '.';
		if (n > whole)
			memcpy(o, text + whole, (size_t)(n - whole));
		else
			*o = '0';
		o += n > whole ? n - whole : 1;
	}
	*o = '\0';
	return (size_t)(o - out);
}

static size_t special(double v, char *out)
{
	const char *word = isnan(v) ? "NaN" : v > 0 ? "inf" : "-inf";

	strcpy(out, word);
	return strlen(word);
}

size_t cat_format_f64(double v, char *out)
{
	uint64_t word, c, digits_of;
	int e, k = 0;

	if (!isfinite(v))
		return special(v, out);
	memcpy(&word, &v, sizeof word);
	e = (int)(word >> 52 & 0x7ff);
	c = word & ((UINT64_C(1) << 52) - 1);
	if (e)
		c |= UINT64_C(1) << 52;
	digits_of = c ? shortest(c, (e ? e : 1) - 1075, c == UINT64_C(1) << 52 && e > 1, &k) : 0;
	return layout(word >> 63, digits_of, k, 15, out);
}

size_t cat_format_f32(float v, char *out)
{
	uint32_t word, c;
	uint64_t digits_of;
	int e, k = 0;

	if (!isfinite(v))
		return special((double)v, out);
	memcpy(&word, &v, sizeof word);
	e = (int)(word >> 23 & 0xff);
	c = word & ((1 << 23) - 1);
	if (e)
		c |= 1 << 23;
	digits_of = c ? shortest(c, (e ? e : 1) - 150, c == 1 << 23 && e > 1, &k) : 0;
	return layout(word >> 31, digits_of, k, 6, out);
}
