#include "unit.h"

#include <stdio.h>

#include "columnar/builder.h"
#include "exec/keysort.h"
#include "exec/runs.h"

static uint64_t seed = 88172645463325252u;

static uint64_t rnd(void)
{
	seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
	return seed;
}

static void sorts_stably(void **state)
{
	/* Wide keys, narrow ones, few different ones, all the same, extremes. */
	static const uint64_t masks[] = {UINT64_MAX, 0xfff, 3, 0, UINT64_C(0xff00000000000001)};
	struct cat_error err = {0};
	enum { N = 5000 };
	int64_t keys[N];
	int32_t order[N];

	(void)state;
	for (size_t m = 0; m < sizeof masks / sizeof *masks; m++)
		for (int n = 0; n <= N; n = n * 3 + 1) {
			for (int i = 0; i < n; i++)
				keys[i] = (int64_t)(rnd() & masks[m]);
			assert_cat_ok(cat_keysort(keys, n, order, &err), err);
			for (int i = 1; i < n; i++) {
				assert_true(keys[order[i - 1]] <= keys[order[i]]);
				if (keys[order[i - 1]] == keys[order[i]])
					assert_true(order[i - 1] < order[i]);
			}
		}
}

static struct cat_schema *schema(void)
{
	struct cat_error err = {0};
	struct cat_schema *s;

	assert_cat_ok(cat_schema_new(2, &s, &err), err);
	assert_cat_ok(cat_field_init(&s->fields[0], "serial", CAT_T_I64, &err), err);
	assert_cat_ok(cat_field_init(&s->fields[1], "name", CAT_T_UTF8, &err), err);
	return s;
}

/* N rows whose key is random in [0, span) and whose columns tell key and serial number. */
static void fill(struct cat_runs *r, struct cat_schema *s, int64_t n, uint64_t span)
{
	struct cat_error err = {0};

	for (int64_t at = 0; at < n;) {
		const int64_t m = n - at < 700 ? n - at : 700;
		struct cat_builder serial, name;
		struct cat_batch *b;
		int64_t keys[700];

		assert_cat_ok(cat_builder_init(&serial, &s->fields[0], &err), err);
		assert_cat_ok(cat_builder_init(&name, &s->fields[1], &err), err);
		for (int64_t i = 0; i < m; i++) {
			char text[32];
			const int64_t v = at + i;

			keys[i] = (int64_t)(rnd() % span);
			snprintf(text, sizeof text, "%lld", (long long)keys[i]);
			assert_cat_ok(cat_builder_fixed(&serial, &v, &err), err);
			if (keys[i] % 11 == 0)
				assert_cat_ok(cat_builder_null(&name, &err), err);
			else
				assert_cat_ok(cat_builder_text(&name, text, strlen(text), &err), err);
		}
		assert_cat_ok(cat_batch_new(s, m, &b, &err), err);
		assert_cat_ok(cat_builder_finish(&serial, &b->cols[0], &err), err);
		assert_cat_ok(cat_builder_finish(&name, &b->cols[1], &err), err);
		cat_builder_fini(&serial);
		cat_builder_fini(&name);
		assert_cat_ok(cat_runs_put(r, b, keys, &err), err);
		at += m;
	}
	assert_cat_ok(cat_runs_finish(r, &err), err);
}

static void read_back(int64_t n, uint64_t span, int64_t memory, bool spills)
{
	struct cat_error err = {0};
	struct cat_schema *s = schema();
	struct cat_runs *r;
	int64_t seen = 0, lo = 0, last_key = -1, last_serial = -1;

	assert_cat_ok(cat_runs_new(s, "/tmp", memory, &r, &err), err);
	fill(r, s, n, span);
	assert_int_equal(cat_runs_rows(r), n);
	assert_int_equal(cat_runs_spilled(r), spills);
	while (lo < (int64_t)span) {
		struct cat_batch *b;
		int64_t hi, count, *keys;

		assert_cat_ok(cat_runs_split(r, lo, (int64_t)span, 1000, INT64_MAX, &hi, &err), err);
		assert_true(hi > lo);
		assert_cat_ok(cat_runs_count(r, lo, hi, &count, &err), err);
		assert_cat_ok(cat_runs_read(r, lo, hi, &b, &keys, &err), err);
		assert_int_equal(b->nrows, count);
		for (int64_t i = 0; i < b->nrows; i++) {
			const int64_t serial = CAT_VALUES(b->cols[0], int64_t)[i];
			int32_t len;
			char text[32];

			assert_true(keys[i] >= lo && keys[i] < hi && keys[i] >= last_key);
			if (keys[i] == last_key)
				assert_true(serial > last_serial);
			assert_int_equal(cat_column_valid(b->cols[1], i), keys[i] % 11 != 0);
			if (keys[i] % 11) {
				const char *t = cat_column_text(b->cols[1], i, &len);

				snprintf(text, sizeof text, "%lld", (long long)keys[i]);
				assert_int_equal(len, strlen(text));
				assert_memory_equal(t, text, strlen(text));
			}
			last_key = keys[i];
			last_serial = serial;
		}
		seen += b->nrows;
		cat_batch_unref(b);
		cat_free(keys);
		lo = hi;
	}
	assert_int_equal(seen, n);
	cat_runs_free(r);
	cat_schema_unref(s);
}

static void keeps_rows_in_memory(void **state)
{
	(void)state;
	read_back(0, 100, 1 << 30, false);
	read_back(1, 100, 1 << 30, false);
	read_back(30000, 1000000, 1 << 30, false);
	read_back(5000, 3, 1 << 30, false);
}

static void spills_to_disk(void **state)
{
	(void)state;
	read_back(30000, 1000000, 200000, true);
	read_back(30000, 5, 200000, true);
}

static void survives_want_of_memory(void **state)
{
	(void)state;
	for (int64_t n = 1;; n++) {
		struct cat_error err = {0};
		struct cat_schema *s = schema();
		struct cat_runs *r = NULL;
		struct cat_column *c0, *c1;
		struct cat_batch *b, *out = NULL;
		int64_t keys[3] = {5, 4, 3};
		int rc, faulted;

		assert_cat_ok(cat_column_nulls(&s->fields[0], 3, &c0, &err), err);
		assert_cat_ok(cat_column_nulls(&s->fields[1], 3, &c1, &err), err);
		assert_cat_ok(cat_batch_new(s, 3, &b, &err), err);
		b->cols[0] = c0;
		b->cols[1] = c1;
		cat_alloc_fail_after(n);
		rc = cat_runs_new(s, "/tmp", 1, &r, &err);
		if (rc == CAT_OK)
			rc = cat_runs_put(r, cat_batch_ref(b), keys, &err);
		if (rc == CAT_OK)
			rc = cat_runs_put(r, cat_batch_ref(b), keys, &err);
		if (rc == CAT_OK)
			rc = cat_runs_finish(r, &err);
		if (rc == CAT_OK)
			rc = cat_runs_read(r, 0, 10, &out, NULL, &err);
		faulted = cat_alloc_faulted();
		cat_alloc_fail_after(0);
		if (rc == CAT_OK)
			assert_int_equal(out->nrows, 6);
		else
			assert_int_equal(err.code, CAT_E_SYSTEM);
		cat_batch_unref(out);
		cat_batch_unref(b);
		cat_runs_free(r);
		cat_schema_unref(s);
		if (!faulted)
			break;
	}
}

/* Pieces of so many bytes, though the rows of a few keys are a thousand times those of the others. */
static void splits_by_bytes(void **state)
{
	static const int64_t memory[] = {INT64_C(1) << 30, 4000000};
	enum { N = 6000, SPAN = 3000, LONG_KEYS = 60, LONG_BYTES = 60000, MOST = 1 << 20 };
	char *text = calloc(1, LONG_BYTES);

	(void)state;
	assert_non_null(text);
	for (size_t m = 0; m < 2; m++) {
		struct cat_error err = {0};
		struct cat_schema *s = schema();
		struct cat_runs *r;
		int64_t rows = 0, pieces = 0, lo = 0, hi;

		assert_cat_ok(cat_runs_new(s, "/tmp", memory[m], &r, &err), err);
		for (int64_t i = 0; i < N; i++) {
			struct cat_builder serial, name;
			struct cat_batch *b;
			const int64_t key = (int64_t)(rnd() % SPAN);

			assert_cat_ok(cat_builder_init(&serial, &s->fields[0], &err), err);
			assert_cat_ok(cat_builder_init(&name, &s->fields[1], &err), err);
			assert_cat_ok(cat_builder_fixed(&serial, &i, &err), err);
			assert_cat_ok(cat_builder_text(&name, text, key < LONG_KEYS ? LONG_BYTES : 60, &err), err);
			assert_cat_ok(cat_batch_new(s, 1, &b, &err), err);
			assert_cat_ok(cat_builder_finish(&serial, &b->cols[0], &err), err);
			assert_cat_ok(cat_builder_finish(&name, &b->cols[1], &err), err);
			cat_builder_fini(&serial);
			cat_builder_fini(&name);
			assert_cat_ok(cat_runs_put(r, b, &key, &err), err);
		}
		assert_cat_ok(cat_runs_finish(r, &err), err);
		assert_int_equal(cat_runs_spilled(r), m == 1);
		for (; lo < SPAN; lo = hi, pieces++) {
			struct cat_batch *b;

			assert_cat_ok(cat_runs_split(r, lo, SPAN, INT64_MAX, MOST, &hi, &err), err);
			assert_true(hi > lo);
			assert_cat_ok(cat_runs_read(r, lo, hi, &b, NULL, &err), err);
			/* What is in memory as a whole is told by its mean. */
			if (m == 1 && hi - lo > 1)
				assert_true(cat_batch_bytes(b) < 2 * MOST);
			rows += b->nrows;
			cat_batch_unref(b);
		}
		assert_int_equal(rows, N);
		assert_in_range(pieces, 4, 60);
		cat_runs_free(r);
		cat_schema_unref(s);
	}
	free(text);
}

/* Many ranges at once are what each of them is alone, from memory and from disk. */
static void reads_ranges(void **state)
{
	static const int64_t memory[] = {INT64_C(1) << 30, 60000};
	enum { SPAN = 9000, N = 60 };

	(void)state;
	for (size_t m = 0; m < 2; m++) {
		struct cat_error err = {0};
		struct cat_schema *s = schema();
		struct cat_runs_range ranges[N];
		struct cat_runs *r;
		struct cat_batch *all;
		int64_t at = 0, *keys, n = 0;

		assert_cat_ok(cat_runs_new(s, "/tmp", memory[m], &r, &err), err);
		fill(r, s, 20000, SPAN);
		assert_int_equal(cat_runs_spilled(r), m == 1);
		for (int i = 0; i < N; i++) { /* empty ones, ones that touch, one that is long */
			ranges[i].lo = at + (int64_t)(rnd() % 3 * (rnd() % 100));
			ranges[i].hi = ranges[i].lo + (i == 20 ? 3000 : (int64_t)(rnd() % 20));
			at = ranges[i].hi;
		}
		assert_cat_ok(cat_runs_read_ranges(r, ranges, N, -1, &all, &keys, &err), err);
		for (int i = 0; i < N; i++) {
			struct cat_batch *one;

			assert_cat_ok(cat_runs_read(r, ranges[i].lo, ranges[i].hi, &one, NULL, &err), err);
			for (int64_t k = 0; k < one->nrows; k++, n++) {
				assert_true(n < all->nrows && keys[n] >= ranges[i].lo && keys[n] < ranges[i].hi);
				assert_int_equal(CAT_VALUES(one->cols[0], int64_t)[k], CAT_VALUES(all->cols[0], int64_t)[n]);
			}
			cat_batch_unref(one);
		}
		assert_int_equal(n, all->nrows);
		cat_batch_unref(all);
		cat_free(keys);
		cat_runs_free(r);
		cat_schema_unref(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {UNIT_TEST(sorts_stably), UNIT_TEST(keeps_rows_in_memory),
	                                   UNIT_TEST(spills_to_disk), UNIT_TEST(reads_ranges), UNIT_TEST(splits_by_bytes),
	                                   UNIT_TEST(survives_want_of_memory)};

	return cmocka_run_group_tests_name("exec_runs", tests, NULL, NULL);
}
