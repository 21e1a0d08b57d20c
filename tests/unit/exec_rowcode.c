#include "unit.h"

#include "base/alloc.h"
#include "columns.h"
#include "exec/rowcode.h"
#include "exec/rowheap.h"

#define PARTS 5
#define MOST 700

/* A column of each type, those of texts twice, so that bits of validity fill more than a byte. */
static struct cat_schema *every_type(void)
{
	struct cat_error err;
	struct cat_schema *s;

	assert_cat_ok(cat_schema_new(CAT_T_COUNT + 1, &s, &err), err);
	for (int id = 0; id < CAT_T_COUNT; id++)
		make_field(&s->fields[id], (enum cat_type_id)id);
	make_field(&s->fields[CAT_T_COUNT], CAT_T_UTF8);
	return s;
}

static struct cat_schema *one_type(enum cat_type_id id)
{
	struct cat_error err;
	struct cat_schema *s;

	assert_cat_ok(cat_schema_new(1, &s, &err), err);
	make_field(&s->fields[0], id);
	return s;
}

/* A slice of random rows. */
static struct cat_batch *random_batch(struct cat_schema *s, enum holes holes)
{
	const int64_t n = 1 + below(MOST / PARTS), off = below(70), all = n + off + below(9);
	struct cat_batch *whole, *b;
	struct cat_error err;

	assert_cat_ok(cat_batch_new(s, all, &whole, &err), err);
	for (int k = 0; k < s->nfields; k++)
		whole->cols[k] = random_column(&s->fields[k], all, holes);
	assert_cat_ok(cat_batch_slice(whole, off, n, &b, &err), err);
	cat_batch_unref(whole);
	return b;
}

/* The rows of PARTS batches, of which AT receives the places. */
struct rows {
	struct cat_batch *part[PARTS];
	struct cat_rowheap heap;
	const uint8_t *at[MOST];
	int part_of[MOST];
	int64_t row_of[MOST];
	int64_t n;
};

static void write_rows(struct cat_rowcode *c, struct rows *r)
{
	struct cat_error err;

	for (int p = 0; p < PARTS; p++)
		for (int64_t i = 0; i < r->part[p]->nrows; i += CAT_ROWCODE_BLOCK) {
			const int64_t left = r->part[p]->nrows - i, n = left < CAT_ROWCODE_BLOCK ? left : CAT_ROWCODE_BLOCK;
			size_t bytes[CAT_ROWCODE_BLOCK];
			uint8_t *to[CAT_ROWCODE_BLOCK];

			assert_cat_ok(cat_rowcode_sizes(c, r->part[p], i, n, bytes, &err), err);
			for (int64_t k = 0; k < n; k++) {
				assert_cat_ok(cat_rowheap_room(&r->heap, bytes[k], &to[k], &err), err);
				r->at[r->n] = to[k];
				r->part_of[r->n] = p;
				r->row_of[r->n++] = i + k;
			}
			cat_rowcode_write(c, r->part[p], i, n, to);
			for (int64_t k = 0; k < n; k++)
				assert_int_equal(cat_rowcode_size(c, to[k]), bytes[k]);
		}
}

static void check(struct cat_schema *s, enum holes holes)
{
	static struct rows r;
	const uint8_t *rows[MOST];
	int64_t from[MOST];
	struct cat_rowcode *c;
	struct cat_batch *got;
	struct cat_error err;
	int64_t n;

	memset(&r, 0, sizeof r);
	for (int p = 0; p < PARTS; p++)
		r.part[p] = random_batch(s, below(3) ? holes : NONE);
	assert_cat_ok(cat_rowcode_new(s, &c, &err), err);
	write_rows(c, &r);
	n = below(3) ? 1 + below(MOST) : 64 * (1 + below(3));
	for (int64_t i = 0; i < n; i++) {
		from[i] = below(r.n);
		rows[i] = r.at[from[i]];
	}
	assert_cat_ok(cat_rowcode_read(c, rows, n, &got, &err), err);
	assert_int_equal(got->nrows, n);
	for (int k = 0; k < s->nfields; k++) {
		int64_t nulls = 0;

		assert_int_equal(got->cols[k]->length, n);
		for (int64_t i = 0; i < n; i++) {
			const struct cat_column *want = r.part[r.part_of[from[i]]]->cols[k];

			nulls += !cat_column_valid(want, r.row_of[from[i]]);
			if (!same_row(got->cols[k], i, want, r.row_of[from[i]]))
				fail_msg("column %d: row %d is not row %d", k, (int)i, (int)from[i]);
		}
		assert_int_equal(cat_column_null_count(got->cols[k]), nulls);
		assert_true(s->fields[k].type.id == CAT_T_NULL || (got->cols[k]->validity != NULL) == (nulls > 0));
	}
	cat_batch_unref(got);
	cat_rowcode_free(c);
	cat_rowheap_fini(&r.heap);
	for (int p = 0; p < PARTS; p++)
		cat_batch_unref(r.part[p]);
}

static void rows_come_back(void **state)
{
	(void)state;
	rng = 20260719;
	for (int id = CAT_T_NULL; id <= CAT_T_COUNT; id++) {
		struct cat_schema *s = id < CAT_T_COUNT ? one_type((enum cat_type_id)id) : every_type();

		for (int round = 0; round < 12; round++)
			check(s, (enum holes)(round % 3));
		cat_schema_unref(s);
	}
}

/* Without memory it fails, and leaves nothing behind. */
static void survives_want_of_memory(void **state)
{
	(void)state;
	rng = 7;
	for (int64_t n = 1;; n++) {
		struct cat_schema *s = every_type();
		struct cat_batch *b = random_batch(s, FEW), *got = NULL;
		struct cat_rowheap heap = {0};
		struct cat_rowcode *c = NULL;
		struct cat_error err = {0};
		const uint8_t *rows[1];
		uint8_t *to;
		size_t bytes;
		int rc, faulted;

		cat_alloc_fail_after(n);
		rc = cat_rowcode_new(s, &c, &err);
		if (rc == CAT_OK)
			rc = cat_rowcode_sizes(c, b, 0, 1, &bytes, &err);
		if (rc == CAT_OK)
			rc = cat_rowheap_room(&heap, bytes, &to, &err);
		if (rc == CAT_OK) {
			cat_rowcode_write(c, b, 0, 1, &to);
			rows[0] = to;
			rc = cat_rowcode_read(c, rows, 1, &got, &err);
		}
		faulted = cat_alloc_faulted();
		cat_alloc_fail_after(0);
		assert_true(rc == CAT_OK ? !faulted : err.code == CAT_E_SYSTEM);
		cat_batch_unref(got);
		cat_rowcode_free(c);
		cat_rowheap_fini(&heap);
		cat_batch_unref(b);
		cat_schema_unref(s);
		if (!faulted)
			break;
	}
}

/* Rows of any size lie where they were put, also when the heap is filled again. */
static void heap_keeps_rows(void **state)
{
	static const size_t sizes[] = {1, 60, 4000, 200000, 3000000};
	struct cat_rowheap heap = {0};
	struct cat_error err;
	uint8_t *at[200];

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < 200; i++) {
			const size_t size = sizes[i % (round ? 4 : 5)];

			assert_cat_ok(cat_rowheap_room(&heap, size, &at[i], &err), err);
			memset(at[i], (int)i, size + CAT_ROWHEAP_SLACK);
			at[i][0] = (uint8_t)(i + 1);
		}
		for (size_t i = 0; i < 200; i++) {
			const size_t size = sizes[i % (round ? 4 : 5)];

			assert_int_equal(at[i][0], (uint8_t)(i + 1));
			assert_int_equal(at[i][size - 1], size == 1 ? (uint8_t)(i + 1) : (uint8_t)i);
		}
		cat_rowheap_clear(&heap);
	}
	cat_rowheap_fini(&heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {UNIT_TEST(rows_come_back), UNIT_TEST(survives_want_of_memory),
	                                   UNIT_TEST(heap_keeps_rows)};

	return cmocka_run_group_tests_name("exec_rowcode", tests, NULL, NULL);
}
