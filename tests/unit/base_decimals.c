#include "unit.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/decimals.h"

typedef uint64_t read_f64(const char *, const uint32_t *, const uint32_t *, int, double *);
typedef uint64_t read_f32(const char *, const uint32_t *, const uint32_t *, int, float *);
typedef uint64_t read_i64(const char *, const uint32_t *, const uint32_t *, int, int64_t *);
static read_f64 *const f64s[] = {cat_decimals_f64, cat_decimals_f64_portable};
static read_f32 *const f32s[] = {cat_decimals_f32, cat_decimals_f32_portable};
static read_i64 *const i64s[] = {cat_decimals_i64, cat_decimals_i64_portable};

static uint64_t seed = 88172645463325252u;

static uint64_t rnd(void)
{
	seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
	return seed;
}

/* A text as it may stand in a cell; *PLAIN: one that must be read. */
static size_t make(char *out, bool *plain)
{
	static const char *const odd[] = {"",      "-",    ".",    "-.",     "1e5",   "nan",  "+1",     " 1",   "1 ",
	                                  "--1",   "1.2.3", "..",  "1-",     "STAR",  "inf",  "-inf",   "NULL", "0x10",
	                                  "\"1\"", "1,",   "1/2",  "1:2",    "-e5",   "1.5e", "123-45", "12a",  "\x80",
	                                  "1\xff", "-0",   "-0.0", "0000.0", "00001", "5.",   ".5",     "-.5",  "-5."};
	size_t n = 0, digits, at;
	const uint64_t kind = rnd() % 8;

	*plain = false;
	if (kind == 0) {
		const char *word = odd[rnd() % (sizeof odd / sizeof *odd)];

		strcpy(out, word);
		return strlen(word);
	}
	if (kind == 1)
		return (size_t)snprintf(out, 40, "%.*g", (int)(rnd() % 20), ldexp((double)rnd(), -(int)(rnd() % 90)));
	digits = 1 + rnd() % (kind == 2 ? 22 : kind == 3 ? 16 : 9);
	at = rnd() % (digits + 2); /* digits + 1: no point */
	if (rnd() % 2)
		out[n++] = '-';
	for (size_t i = 0; i < digits; i++) {
		if (i == at)
			out[n++] = '.';
		out[n++] = (char)('0' + (kind == 4 ? 9 : rnd() % 10));
	}
	if (at == digits)
		out[n++] = '.';
	*plain = digits <= 16 && n <= 16;
	return n;
}

/* As strtod reads the whole text. */
static bool expect(const char *text, double *wide, float *narrow)
{
	char *end, *end32;

	*wide = strtod(text, &end);
	*narrow = strtof(text, &end32);
	return *text && strpbrk(text, " xX") == NULL && *end == '\0' && *end32 == '\0';
}

/* As strtoll reads the whole text. */
static bool expect_integer(const char *text, int64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoll(text, &end, 10);
	return *text && *text != ' ' && *end == '\0' && errno == 0;
}

static void same_as_strtod(void **state)
{
	enum { ROUNDS = 20000, N = CAT_DECIMALS_MAX };
	const char delimiters[] = ",-.;5\n";

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		const int n = 1 + (int)(rnd() % N);
		const char delimiter = delimiters[rnd() % (sizeof delimiters - 1)];
		uint32_t from[N], len[N];
		uint64_t plain = 0;
		char texts[N][48], all[N * 48], *s;
		size_t size = 0, room;

		for (int i = 0; i < n; i++) {
			bool must;

			len[i] = (uint32_t)make(texts[i], &must);
			texts[i][len[i]] = '\0';
			from[i] = (uint32_t)size;
			memcpy(all + size, texts[i], len[i]);
			all[size + len[i]] = delimiter;
			size += len[i] + 1;
			plain |= (uint64_t)must << i;
		}
		/* Just what may be read, and not one byte more. */
		room = from[n - 1] + (len[n - 1] > 18 ? len[n - 1] : 18);
		s = malloc(room);
		memset(s, delimiter, room);
		memcpy(s, all, size < room ? size : room);
		for (int v = 0; v < 2; v++) {
			double wide[N + 1], want64;
			float narrow[N + 1], want32;
			int64_t whole[N + 1], want;
			uint64_t got64, got32, got;

			wide[n] = narrow[n] = 42;
			whole[n] = 42;
			got = i64s[v](s, from, len, n, whole);
			got64 = f64s[v](s, from, len, n, wide);
			got32 = f32s[v](s, from, len, n, narrow);
			assert_true(wide[n] == 42 && narrow[n] == 42 && whole[n] == 42);
			assert_true(n == 64 || got >> n == 0);
			assert_true((got64 & plain) == plain && (got32 & plain) == plain);
			assert_true(n == 64 || (got64 >> n == 0 && got32 >> n == 0));
			for (int i = 0; i < n; i++) {
				const bool number = expect(texts[i], &want64, &want32);

				assert_true(number || !((got64 | got32) >> i & 1));
				if (got64 >> i & 1 && !isnan(want64))
					assert_memory_equal(&wide[i], &want64, sizeof want64);
				if (got32 >> i & 1 && !isnan(want32))
					assert_memory_equal(&narrow[i], &want32, sizeof want32);
				if (len[i] == 0)
					assert_true(wide[i] == 0 && narrow[i] == 0 && !signbit(wide[i]) && whole[i] == 0);
				if (expect_integer(texts[i], &want))
					assert_true(got >> i & 1 ? whole[i] == want
					                         : !(plain >> i & 1) || strpbrk(texts[i], "."));
				else
					assert_false(got >> i & 1);
			}
		}
		free(s);
	}
}

/* Around 2^53 and 2^24, where the quotient is no longer exact, with points at every place. */
static void edges(void **state)
{
	static const uint64_t middle[] = {UINT64_C(1) << 53, UINT64_C(1) << 24, UINT64_C(9999999999999990),
	                                  UINT64_C(1) << 52, UINT64_C(100000000)};
	uint32_t from = 0, len;
	char text[48], s[64];

	(void)state;
	for (size_t k = 0; k < sizeof middle / sizeof *middle; k++)
		for (uint64_t w = middle[k] - 9; w <= middle[k] + 9; w++)
			for (int at = 0; at <= 16; at++) {
				double wide, want64;
				float narrow, want32;

				len = (uint32_t)snprintf(text, sizeof text, "%llu", (unsigned long long)w);
				if (at < (int)len) {
					memmove(text + at + 1, text + at, len - (uint32_t)at + 1);
					text[at] = '.';
					len++;
				}
				memset(s, ',', sizeof s);
				memcpy(s, text, len);
				assert_true(expect(text, &want64, &want32));
				for (int v = 0; v < 2; v++) {
					assert_int_equal(f64s[v](s, &from, &len, 1, &wide), 1);
					assert_int_equal(f32s[v](s, &from, &len, 1, &narrow), 1);
					assert_memory_equal(&wide, &want64, sizeof wide);
					assert_memory_equal(&narrow, &want32, sizeof narrow);
				}
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {UNIT_TEST(same_as_strtod), UNIT_TEST(edges)};

	return cmocka_run_group_tests_name("base_decimals", tests, NULL, NULL);
}
