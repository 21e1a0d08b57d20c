#include "unit.h"

#include "base/alloc.h"
#include "columns.h"
#include "exec/packed.h"

/* More than two chunks of rows, in batches that end inside of them. */
#define PARTS 9
#define PART_ROWS 4500
#define ASKED 1000

/* A column of each type, those of fixed width twice. */
static struct cat_schema *every_type(void)
{
	struct cat_error err;
	struct cat_schema *s;

	assert_cat_ok(cat_schema_new(2 * CAT_T_COUNT, &s, &err), err);
	for (int k = 0; k < s->nfields; k++)
		make_field(&s->fields[k], (enum cat_type_id)(k % CAT_T_COUNT));
	return s;
}

static bool is_fixed(const struct cat_schema *s, int k)
{
	return cat_type_bytes(&s->fields[k].type) > 0;
}

/* A slice of N random rows, each fifth column being absent. */
static struct cat_batch *random_batch(struct cat_schema *s, int64_t n, enum holes holes)
{
	const int64_t off = below(70), all = n + off + below(9);
	struct cat_batch *b;
	struct cat_error err;

	assert_cat_ok(cat_batch_new(s, n, &b, &err), err);
	for (int k = 0; k < s->nfields; k++) {
		struct cat_column *whole;

		if (k % 5 == 4)
			continue;
		whole = random_column(&s->fields[k], all, holes);
		assert_cat_ok(cat_column_slice(whole, off, n, &b->cols[k], &err), err);
		cat_column_unref(whole);
	}
	return b;
}

/* The rows asked for are those of the batches that were added, and nothing else was touched. */
static void check_gather(const struct cat_packed *p, struct cat_batch *const *part, bool nulls)
{
	const struct cat_schema *s = part[0]->schema;
	const int64_t n = below(3) ? 1 + below(ASKED) : 64 * (1 + below(3));
	struct cat_column **cols = cat_calloc((size_t)s->nfields, sizeof *cols);
	int64_t rows[ASKED];
	struct cat_error err;

	for (int64_t i = 0; i < n; i++)
		rows[i] = nulls && below(7) == 0 ? -1 : below(PARTS * PART_ROWS);
	assert_cat_ok(cat_packed_gather(p, rows, n, cols, &err), err);
	for (int k = 0; k < s->nfields; k++) {
		int64_t missing = 0;

		assert_int_equal(cols[k] != NULL, cat_packed_has(p, k));
		for (int64_t i = 0; cols[k] && i < n; i++) {
			const struct cat_column *want = part[rows[i] < 0 ? 0 : rows[i] / PART_ROWS]->cols[k];
			const int64_t row = rows[i] < 0 ? -1 : rows[i] % PART_ROWS;

			missing += row < 0 || !cat_column_valid(want, row);
			if (!same_row(cols[k], i, want, row))
				fail_msg("column %d: row %d is not row %d", k, (int)i, (int)rows[i]);
		}
		if (cols[k]) {
			assert_int_equal(cols[k]->length, n);
			assert_int_equal(cat_column_null_count(cols[k]), missing);
			assert_int_equal(cols[k]->validity != NULL, missing > 0);
		}
		cat_column_unref(cols[k]);
	}
	cat_free(cols);
}

static void rows_come_back(void **state)
{
	(void)state;
	rng = 20261124;
	for (int round = 0; round < 6; round++) {
		struct cat_schema *s = every_type();
		struct cat_batch *part[PARTS];
		struct cat_packed *p = NULL;
		struct cat_error err;

		for (int i = 0; i < PARTS; i++) {
			struct cat_batch *rest;

			part[i] = random_batch(s, PART_ROWS, below(3) ? (enum holes)(round % 3) : NONE);
			rest = cat_batch_ref(part[i]);
			if (!p)
				assert_cat_ok(cat_packed_new(rest, &p, &err), err);
			assert_cat_ok(cat_packed_add(p, &rest, &err), err);
			assert_int_equal(rest->nrows, PART_ROWS);
			for (int k = 0; k < s->nfields; k++) {
				assert_int_equal(cat_packed_has(p, k), part[i]->cols[k] && is_fixed(s, k));
				assert_ptr_equal(rest->cols[k], cat_packed_has(p, k) ? NULL : part[i]->cols[k]);
			}
			cat_batch_unref(rest);
		}
		for (int i = 0; i < 4; i++)
			check_gather(p, part, i & 1);
		for (int i = 0; i < PARTS; i++)
			cat_batch_unref(part[i]);
		cat_packed_free(p);
		cat_schema_unref(s);
	}
}

/* Rows of which nothing is packed. */
static void packs_nothing(void **state)
{
	const int64_t rows[] = {1, -1, 0};
	struct cat_column *cols[2] = {NULL};
	struct cat_schema *s;
	struct cat_batch *b;
	struct cat_packed *p;
	struct cat_error err;

	(void)state;
	rng = 3;
	assert_false(cat_packed_has(NULL, 0));
	assert_cat_ok(cat_schema_new(2, &s, &err), err);
	make_field(&s->fields[0], CAT_T_UTF8);
	make_field(&s->fields[1], CAT_T_BOOL);
	b = random_batch(s, 2, FEW);
	assert_cat_ok(cat_packed_new(b, &p, &err), err);
	assert_cat_ok(cat_packed_add(p, &b, &err), err);
	assert_cat_ok(cat_packed_gather(p, rows, 3, cols, &err), err);
	for (int k = 0; k < 2; k++) {
		assert_false(cat_packed_has(p, k));
		assert_non_null(b->cols[k]);
		assert_null(cols[k]);
	}
	cat_packed_free(p);
	cat_batch_unref(b);
	cat_schema_unref(s);
}

/* Without memory it fails, and leaves nothing behind. */
static void survives_want_of_memory(void **state)
{
	(void)state;
	rng = 7;
	for (int64_t n = 1;; n++) {
		struct cat_schema *s = every_type();
		struct cat_batch *b = random_batch(s, 70, FEW);
		struct cat_column **cols = cat_calloc((size_t)s->nfields, sizeof *cols);
		struct cat_packed *p = NULL;
		struct cat_error err = {0};
		const int64_t rows[] = {69, -1};
		int rc, faulted;

		cat_alloc_fail_after(n);
		rc = cat_packed_new(b, &p, &err);
		if (rc == CAT_OK)
			rc = cat_packed_add(p, &b, &err);
		if (rc == CAT_OK)
			rc = cat_packed_gather(p, rows, 2, cols, &err);
		faulted = cat_alloc_faulted();
		cat_alloc_fail_after(0);
		assert_true(rc == CAT_OK ? !faulted : err.code == CAT_E_SYSTEM);
		for (int k = 0; k < s->nfields; k++)
			cat_column_unref(cols[k]);
		cat_free(cols);
		cat_packed_free(p);
		cat_batch_unref(b);
		cat_schema_unref(s);
		if (!faulted)
			break;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {UNIT_TEST(rows_come_back), UNIT_TEST(packs_nothing),
	                                   UNIT_TEST(survives_want_of_memory)};

	return cmocka_run_group_tests_name("exec_packed", tests, NULL, NULL);
}
