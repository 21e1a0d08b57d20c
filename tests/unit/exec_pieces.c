/* Row groups that are larger than memory allows are read in parts, and nobody sees where they were cut. */
#include "unit.h"

#include <stdio.h>

#include "columnar/builder.h"
#include "columnar/kernels.h"
#include "exec/scan.h"
#include "feeds.h"
#include "formats/parquet_file.h"
#include "parquet_table.h"

enum { ROWS = 12000, ID = 0, TEXT, LIST, LC, NCOLS, TEXTS = 7 };

static char words[TEXTS][4001];

/* Texts that a dictionary holds and texts that none does, lists, a light curve. */
static struct cat_batch *wide_table(void)
{
	static const int64_t lengths[TEXTS] = {4000, 0, 3, 700, 2500, 1, 3999};
	const struct table_shape shape = {5, 15, 100};
	uint64_t random = 3;
	struct cat_schema *s;
	struct cat_batch *t;
	struct cat_error err;

	for (int k = 0; k < TEXTS; k++)
		for (int64_t i = 0; i < lengths[k]; i++)
			words[k][i] = (char)('a' + (i * 7 + k) % 26);
	assert_cat_ok(cat_schema_new(NCOLS, &s, &err), err);
	table_field(&s->fields[ID], "id", CAT_T_I64);
	table_field(&s->fields[TEXT], "text", CAT_T_UTF8);
	table_parent(&s->fields[LIST], "list", CAT_T_LIST, CAT_T_F64);
	table_field(&s->fields[LC], "lc", CAT_T_STRUCT);
	assert_cat_ok(cat_field_children(&s->fields[LC], 2, &err), err);
	table_parent(&s->fields[LC].children[0], "band", CAT_T_LIST, CAT_T_UTF8);
	table_parent(&s->fields[LC].children[1], "mag", CAT_T_LIST, CAT_T_F32);
	assert_cat_ok(cat_batch_new(s, ROWS, &t, &err), err);
	for (int c = 0; c < NCOLS; c++) {
		struct cat_builder b;

		assert_cat_ok(cat_builder_init(&b, &s->fields[c], &err), err);
		for (int64_t i = 0; i < ROWS; i++) {
			const char *word = words[table_next(&random) % TEXTS];

			if (c == ID)
				assert_cat_ok(cat_builder_fixed(&b, &i, &err), err);
			else if (c == TEXT && i % 11 == 3)
				assert_cat_ok(cat_builder_null(&b, &err), err);
			else if (c == TEXT)
				assert_cat_ok(cat_builder_text(&b, word, strlen(word), &err), err);
			else
				table_value(&b, &shape, &random, true);
		}
		assert_cat_ok(cat_builder_finish(&b, &t->cols[c], &err), err);
		cat_builder_fini(&b);
	}
	cat_schema_unref(s);
	return t;
}

/* How much a file tells of itself. */
enum told { ALL, NO_TEXT_BYTES, NO_INDEX, NEITHER, NTOLD };

static int try_feed(struct cat_buf *bytes, enum told told, struct cat_feed **out, struct cat_error *err)
{
	struct cat_parquet_file *file;
	struct cat_reader *r;

	CAT_TRY(cat_reader_memory(bytes, "wide", &r, err));
	CAT_TRY(cat_parquet_feed(r, NULL, out, err));
	file = cat_parquet_feed_file(*out);
	for (size_t i = 0; i < file->footer.nchunks; i++) {
		if (told & NO_TEXT_BYTES)
			file->footer.chunks[i].text_bytes = -1;
		if (told & NO_INDEX)
			file->footer.chunks[i].offset_index_len = file->footer.chunks[i].column_index_len = 0;
	}
	return CAT_OK;
}

static struct cat_feed *open_feed(struct cat_buf *bytes, enum told told)
{
	struct cat_feed *f;
	struct cat_error err;

	assert_cat_ok(try_feed(bytes, told, &f, &err), err);
	return f;
}

static struct cat_work *first_work(struct cat_feed *f)
{
	struct cat_work *w;
	struct cat_error err;

	assert_cat_ok(f->ops->next(f, &w, &err), err);
	assert_non_null(w);
	return w;
}

static void parts_make_up_the_piece(void **state)
{
	static const int64_t steps[] = {1, 17, 1000, 4999};
	const int cols[NCOLS] = {ID, TEXT, LIST, LC};
	struct cat_batch *t = wide_table(), *b;

	(void)state;
	for (int plain = 0; plain < 2; plain++) {
		const struct cat_parquet_write_options o = {.plain = plain, .page_bytes = 20000};
		struct cat_error err = {0};
		struct cat_buf *bytes;

		assert_cat_ok(table_write(t, 999, &o, &bytes, &err), err);
		for (int told = 0; told < NTOLD; told++) {
			for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
				struct cat_feed *f = open_feed(bytes, told);
				struct cat_work *w = first_work(f), *rest;
				int64_t at = 0;

				for (int cuts = 0; w->nrows > steps[i] && cuts < 20; cuts++) {
					const int64_t both = w->nrows;

					assert_cat_ok(w->ops->cut(w, steps[i], &rest, &err), err);
					assert_int_equal(w->nrows, steps[i]);
					assert_int_equal(rest->nrows, both - steps[i]);
					assert_cat_ok(w->ops->decode(w, cols, NCOLS, &b, &err), err);
					assert_int_equal(b->nrows, steps[i]);
					table_assert_same(t, at, b);
					at += b->nrows;
					cat_batch_unref(b);
					cat_work_free(w);
					w = rest;
				}
				assert_cat_ok(w->ops->decode(w, cols, NCOLS, &b, &err), err);
				table_assert_same(t, at, b);
				cat_batch_unref(b);
				cat_work_free(w);
				cat_feed_close(f);
			}
		}
		cat_buf_unref(bytes);
	}
	cat_batch_unref(t);
}

static void texts_have_a_bound(void **state)
{
	const int cols[NCOLS] = {ID, TEXT, LIST, LC};
	struct cat_batch *t = wide_table(), *b;

	(void)state;
	for (int plain = 0; plain < 2; plain++) {
		const struct cat_parquet_write_options o = {.plain = plain};
		struct cat_error err = {0};
		struct cat_buf *bytes;
		struct cat_feed *f;
		struct cat_work *w;

		assert_cat_ok(table_write(t, 999, &o, &bytes, &err), err);
		f = open_feed(bytes, NEITHER);
		w = first_work(f);
		w->max_text_bytes = 1 << 20;
		assert_cat_ok(w->ops->decode(w, cols, NCOLS, &b, &err), err);
		assert_null(b);
		assert_cat_ok(w->ops->decode(w, cols, 1, &b, &err), err);
		assert_non_null(b);
		cat_batch_unref(b);
		assert_cat_ok(w->ops->cut(w, 100, NULL, &err), err);
		assert_cat_ok(w->ops->decode(w, cols, NCOLS, &b, &err), err);
		assert_non_null(b);
		table_assert_same(t, 0, b);
		cat_batch_unref(b);
		cat_work_free(w);
		cat_feed_close(f);
		cat_buf_unref(bytes);
	}
	cat_batch_unref(t);
}

/* The batches of a scan; what the process held beside them, at most, goes to *PEAK_BYTES. */
static size_t scan(struct cat_buf *bytes, enum told told, const char *where, int64_t limit, int jobs,
                   int64_t memory_bytes, struct cat_batch **out, size_t max, int64_t *peak_bytes)
{
	const struct cat_scan_options o = {.where = where, .limit = limit, .memory_bytes = memory_bytes};
	const int64_t before = cat_buf_live_bytes();
	struct cat_error err = {0};
	struct cat_pool *pool;
	struct cat_source *s;
	int64_t given = 0;
	size_t n = 0;

	*peak_bytes = 0;
	assert_cat_ok(cat_pool_new(jobs, &pool, &err), err);
	assert_cat_ok(cat_scan_open(open_feed(bytes, told), &o, pool, &s, &err), err);
	for (;;) {
		struct cat_batch *b;
		int32_t idx[ROWS];

		assert_cat_ok(s->ops->next(s, &b, &err), err);
		if (!b)
			break;
		if (cat_buf_live_bytes() - before - given > *peak_bytes)
			*peak_bytes = cat_buf_live_bytes() - before - given;
		assert_true(n < max);
		for (int32_t i = 0; i < b->nrows; i++)
			idx[i] = i;
		/* A copy: what B shares is the scan's. */
		assert_cat_ok(cat_take_batch(b, idx, b->nrows, &out[n], &err), err);
		cat_batch_unref(b);
		given = cat_buf_live_bytes() - before;
		n++;
	}
	cat_source_close(s);
	cat_pool_free(pool);
	return n;
}

static void nobody_sees_the_cuts(void **state)
{
	static const char *const conditions[] = {NULL, "id % 3 = 0", "id < 10 OR id > 11990", "text IS NULL", "id = -1"};
	static const int64_t limits[] = {-1, 1, 2500, 7001};
	enum { MAX = 400 };
	static struct cat_batch *whole[MAX], *parts[MAX];
	const struct cat_parquet_write_options o = {.row_group_rows = ROWS};
	struct cat_batch *t = wide_table();
	struct cat_error err = {0};
	struct cat_buf *bytes;
	int64_t peak;

	(void)state;
	assert_cat_ok(table_write(t, 999, &o, &bytes, &err), err);
	for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++) {
		for (size_t k = 0; k < sizeof limits / sizeof *limits; k++) {
			const size_t n = scan(bytes, ALL, conditions[i], limits[k], 1, INT64_MAX, whole, MAX, &peak);

			if (!conditions[i] && limits[k] < 0)
				assert_true(peak > 12 << 20);
			for (int told = 0; told < NTOLD; told++) {
				const int jobs = told % 2 ? 3 : 1;

				assert_int_equal(scan(bytes, told, conditions[i], limits[k], jobs, jobs * (8 << 20), parts, MAX,
				                      &peak),
				                 n);
				assert_true(peak < 12 << 20);
				for (size_t at = 0; at < n; at++) {
					assert_int_equal(parts[at]->nrows, whole[at]->nrows);
					table_assert_same(whole[at], 0, parts[at]);
					cat_batch_unref(parts[at]);
				}
			}
			for (size_t at = 0; at < n; at++)
				cat_batch_unref(whole[at]);
		}
	}
	cat_buf_unref(bytes);
	cat_batch_unref(t);
}

static void every_allocation_may_fail(void **state)
{
	const struct cat_parquet_write_options o = {.row_group_rows = ROWS};
	const struct cat_scan_options so = {.where = "id % 2 = 0", .limit = 1500, .memory_bytes = 8 << 20};
	struct cat_batch *t = wide_table();
	struct cat_error err = {0};
	struct cat_buf *bytes;

	(void)state;
	assert_cat_ok(table_write(t, ROWS, &o, &bytes, &err), err);
	for (int64_t n = 1;; n += 1 + n / 64) {
		struct cat_source *s = NULL;
		struct cat_pool *pool = NULL;
		struct cat_feed *f;
		int rc;

		cat_alloc_fail_after(n);
		rc = cat_pool_new(1, &pool, &err);
		if (rc == CAT_OK)
			rc = try_feed(bytes, NEITHER, &f, &err);
		if (rc == CAT_OK)
			rc = cat_scan_open(f, &so, pool, &s, &err);
		for (struct cat_batch *b = NULL; rc == CAT_OK; cat_batch_unref(b)) {
			rc = s->ops->next(s, &b, &err);
			if (rc != CAT_OK || !b)
				break;
		}
		cat_source_close(s);
		cat_pool_free(pool);
		if (unit_all_tried(rc))
			break;
	}
	cat_buf_unref(bytes);
	cat_batch_unref(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {UNIT_TEST(parts_make_up_the_piece), UNIT_TEST(texts_have_a_bound),
	                                   UNIT_TEST(nobody_sees_the_cuts), UNIT_TEST(every_allocation_may_fail)};

	return cmocka_run_group_tests_name("exec_pieces", tests, NULL, NULL);
}
