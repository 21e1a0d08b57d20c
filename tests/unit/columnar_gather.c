#include "unit.h"

#include "columnar/gather.h"
#include "columnar/kernels.h"
#include "columns.h"

/* --- what is gathered is what was there --- */

#define PARTS 7
#define ROWS 300
static struct cat_place at[ROWS];

/* Slices of up to 100 rows, some without nulls. */
static void make_parts(const struct cat_field *f, int nparts, enum holes holes, struct cat_column **parts)
{
	for (int p = 0; p < nparts; p++) {
		const int64_t n = 1 + below(100), off = below(70);
		struct cat_column *whole = random_column(f, n + off + below(9), below(3) ? holes : NONE);
		struct cat_error err;

		assert_cat_ok(cat_column_slice(whole, off, n, &parts[p], &err), err);
		cat_column_unref(whole);
	}
}

static void check(const struct cat_field *f, int nparts, enum holes holes, bool outer)
{
	const struct cat_column *parts[PARTS];
	struct cat_column *own[PARTS], *got, *taken;
	struct cat_error err;
	int32_t idx[ROWS];
	const int64_t n = below(4) ? 1 + below(ROWS) : 64 * below(4);
	int64_t nulls = 0;

	make_parts(f, nparts, holes, own);
	for (int p = 0; p < nparts; p++)
		parts[p] = own[p];
	for (int64_t i = 0; i < n; i++) {
		at[i].part = outer && below(5) == 0 ? -1 : (int32_t)below(nparts);
		at[i].row = at[i].part < 0 ? (int32_t)below(1000) : (int32_t)below(parts[at[i].part]->length);
		idx[i] = at[i].part < 0 ? -1 - (int32_t)below(9) : at[i].row;
	}
	assert_cat_ok(cat_gather(parts, (size_t)nparts, at, n, &got, &err), err);
	assert_int_equal(got->length, n);
	for (int64_t i = 0; i < n; i++) {
		const bool none = at[i].part < 0;

		nulls += none || !cat_column_valid(parts[at[i].part], at[i].row);
		if (!same_row(got, i, parts[none ? 0 : at[i].part], none ? -1 : at[i].row))
			fail_msg("type %d, %d parts: row %d is not row %d of part %d", f->type.id, nparts, (int)i, at[i].row,
			         at[i].part);
	}
	assert_int_equal(got->null_count, nulls);
	assert_true(f->type.id == CAT_T_NULL || (got->validity != NULL) == (nulls > 0));
	if (nparts == 1) {
		assert_cat_ok(cat_take(parts[0], idx, n, &taken, &err), err);
		assert_int_equal(taken->null_count, nulls);
		for (int64_t i = 0; i < n; i++)
			assert_true(same_row(taken, i, got, i));
		cat_column_unref(taken);
	}
	cat_column_unref(got);
	for (int p = 0; p < nparts; p++)
		cat_column_unref(own[p]);
}

static void every_type_row_by_row(void **state)
{
	(void)state;
	rng = 20260717;
	for (int id = CAT_T_NULL; id < CAT_T_COUNT; id++) {
		struct cat_field f = {0};

		make_field(&f, (enum cat_type_id)id);
		for (int round = 0; round < 40; round++)
			check(&f, round % 2 ? 1 : 2 + (int)below(PARTS - 1), (enum holes)(round % 3), round % 5 == 0);
		cat_field_fini(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {UNIT_TEST(every_type_row_by_row)};

	return cmocka_run_group_tests_name("columnar_gather", tests, NULL, NULL);
}
