#include "unit.h"

#include <math.h>

#include "columnar/exactsum.h"

static uint64_t seed;

static uint64_t rnd(void)
{
	seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
	return seed;
}

/* Any finite double, all exponents alike. */
static double any_double(void)
{
	uint64_t bits;
	double v;

	do {
		bits = rnd();
		memcpy(&v, &bits, 8);
	} while (!isfinite(v));
	return v;
}

static double sum_of(const double *v, int64_t n)
{
	struct cat_exactsum s;

	cat_exactsum_init(&s);
	cat_exactsum_add_array(&s, v, n);
	return cat_exactsum_value(&s);
}

/* Answers of Python's math.fsum (and of exact fractions for the mean) to the same numbers. */
static void known_sums(void **state)
{
	double v[5000];
	struct cat_exactsum s;

	(void)state;
	assert_true(sum_of((double[]){1e100, 1, -1e100}, 3) == 1);
	assert_true(sum_of((double[]){1e16, 1, 1}, 3) == 10000000000000002.0);
	assert_true(sum_of((double[]){1, 0x1p-53, 0x1p-106}, 3) == 1 + 0x1p-52);
	assert_true(sum_of((double[]){1, 0x1p-53}, 2) == 1);
	assert_true(sum_of((double[]){1 + 0x1p-52, 0x1p-53}, 2) == 1 + 0x1p-51);
	assert_true(sum_of((double[]){5e-324, 5e-324, -1e-320}, 3) == 1e-323 - 1e-320);
	assert_true(sum_of((double[]){1.7976931348623157e308, 1.7976931348623157e308, -1.7976931348623157e308},
			   3) == 1.7976931348623157e308);
	assert_true(isinf(sum_of((double[]){1.7976931348623157e308, 1.7976931348623157e308}, 2)));
	for (int i = 0; i < 5000; i++)
		v[i] = 0.1;
	assert_true(sum_of(v, 5000) == 500.0);
	for (int i = 0; i < 5000; i++)
		v[i] = (i % 2 ? 1 : -1) * (1.0 / (i + 1));
	assert_true(sum_of(v, 5000) == -0.6930471905599451);
	cat_exactsum_init(&s);
	cat_exactsum_add_array(&s, v, 5000);
	assert_true(cat_exactsum_mean(&s, 5000) == -0.00013860943811198902);
}

static void any_split_gives_the_same_bits(void **state)
{
	enum { N = 6000 };
	static double v[N];

	(void)state;
	seed = 88172645463325252u;
	for (int round = 0; round < 20; round++) {
		struct cat_exactmoments whole, part[3], back[3];
		double a, b;

		for (int i = 0; i < N; i++) {
			v[i] = round % 4 == 0   ? any_double()
			       : round % 4 == 1 ? (double)(rnd() >> 40) * 1e-5
						: ldexp((double)(int64_t)rnd(), round - 70);
			if (round % 4 == 3 && i >= N / 2)
				v[i] = -v[i - N / 2];
		}
		cat_exactmoments_init(&whole);
		cat_exactmoments_add_array(&whole, v, N);
		for (int k = 0; k < 3; k++)
			cat_exactmoments_init(&part[k]);
		for (int i = 0; i < N;) {
			const int n = 1 + (int)(rnd() % 3000);

			cat_exactmoments_add_array(&part[rnd() % 3], v + i, i + n < N ? n : N - i);
			i += n;
		}
		for (int k = 0; k < 3; k++) {
			uint8_t bytes[2][CAT_EXACTSUM_BYTES];
			size_t n = cat_exactsum_save(&part[k].sum, bytes[0]);

			back[k] = part[k];
			assert_true(n <= CAT_EXACTSUM_BYTES && cat_exactsum_load(&back[k].sum, bytes[0], n));
			assert_int_equal(cat_exactsum_save(&back[k].sum, bytes[1]), n);
			assert_memory_equal(bytes[0], bytes[1], n);
			assert_false(cat_exactsum_load(&back[k].sum, bytes[0], n - 1));
			assert_true(cat_exactsum_load(&back[k].sum, bytes[0], n));
		}
		cat_exactmoments_merge(&back[2], &back[0]);
		cat_exactmoments_merge(&back[2], &back[1]);
		a = cat_exactsum_value(&whole.sum), b = cat_exactsum_value(&back[2].sum);
		assert_memory_equal(&a, &b, 8);
		if (round % 4 == 3)
			assert_true(a == 0 && !signbit(a));
		a = cat_exactmoments_variance(&whole, 1), b = cat_exactmoments_variance(&back[2], 1);
		assert_memory_equal(&a, &b, 8);
	}
}

/* Arrays are summed in blocks of 2048: the same as one by one, at the edges of what fits a block. */
static void blocks_are_exact(void **state)
{
	enum { N = 2 * 2048 + 3 };
	static const int exponents[] = {-1074, -1022, -902, -901, -900, -899, -60, 0, 53, 989, 990, 991, 1012};
	static double v[N];

	(void)state;
	seed = 42;
	for (size_t k = 0; k < sizeof exponents / sizeof *exponents; k++) {
		for (int kind = 0; kind < 6; kind++) {
			const double top = ldexp(1, exponents[k]), under = nextafter(top, 0);
			uint8_t a[CAT_EXACTSUM_BYTES], b[CAT_EXACTSUM_BYTES];
			struct cat_exactsum one, all;
			size_t n;

			for (int i = 0; i < N; i++)
				v[i] = kind == 0   ? under
				       : kind == 1 ? -under
				       : kind == 2 ? (i % 3 ? under : -top)
				       : kind == 3 ? ldexp((double)(int64_t)rnd(), exponents[k] - 63 - i % 30)
				       : kind == 4 ? (i % 700 ? -0.0 : i < 2048 ? 0 : top)
						   : (i % 2 ? top : ldexp(under, -26 - i % 4));
			cat_exactsum_init(&one);
			for (int i = 0; i < N; i++)
				cat_exactsum_add(&one, v[i]);
			cat_exactsum_init(&all);
			cat_exactsum_add_array(&all, v, N);
			n = cat_exactsum_save(&one, a);
			assert_int_equal(cat_exactsum_save(&all, b), n);
			assert_memory_equal(a, b, n);
		}
	}
}

static void specials(void **state)
{
	struct cat_exactsum s;

	(void)state;
	assert_true(sum_of((double[]){1, INFINITY, 2}, 3) == INFINITY);
	assert_true(isnan(sum_of((double[]){INFINITY, 1, -INFINITY}, 3)));
	assert_true(isnan(sum_of((double[]){NAN, 1}, 2)));
	assert_true(sum_of(NULL, 0) == 0);
	assert_false(signbit(sum_of((double[]){-0.0}, 1)));
	cat_exactsum_init(&s);
	cat_exactsum_add_i64(&s, INT64_MIN);
	cat_exactsum_add_i64(&s, INT64_MAX);
	cat_exactsum_add_i64(&s, 3);
	assert_true(cat_exactsum_value(&s) == 2);
}

static void variances(void **state)
{
	struct cat_exactmoments m;
	double v[1000];

	(void)state;
	cat_exactmoments_init(&m);
	assert_true(isnan(cat_exactmoments_variance(&m, 0)));
	cat_exactmoments_add_array(&m, (double[]){4}, 1);
	assert_true(isnan(cat_exactmoments_variance(&m, 1)) && cat_exactmoments_variance(&m, 0) == 0);
	cat_exactmoments_add_array(&m, (double[]){7, 13, 16}, 3);
	assert_true(cat_exactmoments_variance(&m, 1) == 30 && cat_exactmoments_variance(&m, 0) == 22.5);
	/* A large offset changes nothing. */
	cat_exactmoments_init(&m);
	cat_exactmoments_add_array(&m, (double[]){1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16}, 4);
	assert_true(cat_exactmoments_variance(&m, 1) == 30);
	cat_exactmoments_init(&m);
	for (int i = 0; i < 1000; i++)
		v[i] = 0.1;
	cat_exactmoments_add_array(&m, v, 1000);
	assert_true(cat_exactmoments_variance(&m, 1) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {UNIT_TEST(known_sums), UNIT_TEST(any_split_gives_the_same_bits),
					   UNIT_TEST(blocks_are_exact), UNIT_TEST(specials), UNIT_TEST(variances)};

	return cmocka_run_group_tests_name("columnar_exactsum", tests, NULL, NULL);
}
