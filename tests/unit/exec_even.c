#include "unit.h"

#include "columnar/builder.h"
#include "columnar/kernels.h"
#include "exec/even.h"

static struct cat_schema *schema(void)
{
	struct cat_error err = {0};
	struct cat_schema *s;

	assert_cat_ok(cat_schema_new(1, &s, &err), err);
	assert_cat_ok(cat_field_init(&s->fields[0], "n", CAT_T_I64, &err), err);
	return s;
}

/* Rows FIRST, FIRST + 1, ...; without rows: without columns too. */
static struct cat_batch *numbers(struct cat_schema *s, int64_t first, int64_t n)
{
	struct cat_error err = {0};
	struct cat_builder builder;
	struct cat_batch *b;

	assert_cat_ok(cat_batch_new(s, n, &b, &err), err);
	if (n == 0)
		return b;
	assert_cat_ok(cat_builder_init(&builder, &s->fields[0], &err), err);
	for (int64_t i = first; i < first + n; i++)
		assert_cat_ok(cat_builder_fixed(&builder, &i, &err), err);
	assert_cat_ok(cat_builder_finish(&builder, &b->cols[0], &err), err);
	cat_builder_fini(&builder);
	return b;
}

static int read_all(struct cat_source *s, int64_t size, int64_t *rows, struct cat_error *err)
{
	bool last = false;

	for (*rows = 0;;) {
		struct cat_batch *b;

		CAT_TRY(s->ops->next(s, &b, err));
		if (!b)
			return CAT_OK;
		assert_false(last);
		assert_true(b->nrows > 0 && b->nrows <= size);
		last = b->nrows < size;
		for (int64_t i = 0; i < b->nrows; i++)
			assert_int_equal(CAT_VALUES(b->cols[0], int64_t)[i], (*rows)++);
		cat_batch_unref(b);
	}
}

/* Pieces of all sizes; every allocation is refused once. */
static void evens_out(void **state)
{
	struct cat_schema *s = schema();
	const int64_t size = cat_batch_rows(s), sizes[] = {0, 1, size, 0, size - 1, 3 * size + 5, 7, size / 2, 2 * size, 0};
	enum { N = 10 };
	bool faulted = true;

	(void)state;
	for (int64_t n = 1; faulted; n++) {
		struct cat_error err = {0};
		struct cat_batch *b[N];
		struct cat_source *inner, *even = NULL;
		int64_t total = 0, rows = 0;
		int rc;

		for (int i = 0; i < N; i++) {
			b[i] = numbers(s, total, sizes[i]);
			total += sizes[i];
		}
		assert_cat_ok(cat_source_of(s, b, N, NULL, &inner, &err), err);
		cat_alloc_fail_after(n);
		rc = cat_even_open(inner, &even, &err);
		if (rc == CAT_OK)
			rc = read_all(even, size, &rows, &err);
		faulted = cat_alloc_faulted();
		cat_alloc_fail_after(0);
		if (rc == CAT_OK)
			assert_int_equal(rows, total);
		else
			assert_int_equal(err.code, CAT_E_SYSTEM);
		cat_source_close(even);
	}
	cat_schema_unref(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {UNIT_TEST(evens_out)};

	return cmocka_run_group_tests_name("exec_even", tests, NULL, NULL);
}
