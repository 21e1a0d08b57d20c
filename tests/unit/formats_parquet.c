#include "unit.h"

#include <math.h>
#include <stdio.h>

#include "feeds.h"
#include "parquet_table.h"

static void everything_comes_back(void **state)
{
	static const struct table_shape shapes[] = {
		{1, 0, 1000000}, {2, 30, 5}, {3, 100, 5}, {4, 60, 100000}, {5, 2, 1}};
	static const int64_t rows[] = {0, 1, 7, 8, 9, 64, 65, 300};
	struct cat_schema *s = table_schema();

	(void)state;
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
			struct cat_batch *t = table_batch(s, rows[k], &shapes[i]);

			for (int v = 0; v < 4; v++) {
				const struct cat_parquet_write_options o = {.row_group_rows = v == 0   ? 50
				                                                              : v == 1 ? 64
				                                                                       : 0,
				                                            .plain = v == 2,
				                                            .level = v == 3 ? -1 : 0};
				struct cat_error err = {0};
				struct cat_buf *bytes;
				int64_t n;

				assert_cat_ok(table_write(t, 31, &o, &bytes, &err), err);
				assert_cat_ok(table_read(bytes, t, &n, &err), err);
				assert_int_equal(n, rows[k]);
				cat_buf_unref(bytes);
			}
			cat_batch_unref(t);
		}
	}
	cat_schema_unref(s);
}

static void bytes_do_not_depend_on_batches(void **state)
{
	const struct table_shape shape = {9, 20, 40};
	const struct cat_parquet_write_options o = {.row_group_rows = 100};
	struct cat_schema *s = table_schema();
	struct cat_batch *t = table_batch(s, 450, &shape);
	struct cat_buf *first = NULL;

	(void)state;
	for (int64_t step = 450; step > 0; step = step * 2 / 3) {
		struct cat_error err = {0};
		struct cat_buf *bytes;

		assert_cat_ok(table_write(t, step, &o, &bytes, &err), err);
		if (!first)
			first = cat_buf_ref(bytes);
		assert_int_equal(bytes->size, first->size);
		assert_memory_equal(bytes->data, first->data, first->size);
		cat_buf_unref(bytes);
	}
	cat_buf_unref(first);
	cat_batch_unref(t);
	cat_schema_unref(s);
}

/* 40,000 rows in one group: a sorted index, a double, a text, a list, a light curve whose parts differ in size. */
static struct cat_batch *sorted_table(void)
{
	struct cat_schema *s;
	struct cat_batch *t;
	struct cat_error err;
	const int64_t n = 40000;

	assert_cat_ok(cat_schema_new(5, &s, &err), err);
	table_field(&s->fields[0], "_healpix_29", CAT_T_I64);
	table_field(&s->fields[1], "ra", CAT_T_F64);
	table_field(&s->fields[2], "name", CAT_T_UTF8);
	table_parent(&s->fields[3], "mjd", CAT_T_LIST, CAT_T_F64);
	table_field(&s->fields[4], "lc", CAT_T_STRUCT);
	assert_cat_ok(cat_field_children(&s->fields[4], 3, &err), err);
	table_parent(&s->fields[4].children[0], "name", CAT_T_LIST, CAT_T_UTF8);
	table_field(&s->fields[4].children[1], "n", CAT_T_I16);
	table_parent(&s->fields[4].children[2], "mag", CAT_T_LIST, CAT_T_F32);
	t = table_batch(s, n, &(struct table_shape){7, 10, 100000});
	cat_column_unref(t->cols[0]);
	assert_cat_ok(cat_column_new(&s->fields[0].type, n, 0, &t->cols[0], &err), err);
	assert_cat_ok(cat_buf_new((size_t)n * 8, &t->cols[0]->data, &err), err);
	for (int64_t i = 0; i < n; i++)
		((int64_t *)(void *)t->cols[0]->data->data)[i] = 1000 + i * 7;
	cat_schema_unref(s);
	return t;
}

static void ranges_read_only_their_pages(void **state)
{
	static const int64_t ranges[][2] = {{0, 40000},     {0, 1},     {39999, 40000},
	                                    {16383, 16385}, {5, 30000}, {20000, 20000}};
	const int cols[] = {0, 1, 2, 3, 4};
	struct cat_batch *t = sorted_table(), *b;
	struct unit_counting *c;
	struct cat_parquet_file *f;
	struct cat_error err = {0};
	struct cat_buf *bytes;
	int64_t whole;

	(void)state;
	assert_cat_ok(table_write(t, 1000, NULL, &bytes, &err), err);
	assert_cat_ok(unit_counting(bytes, &c, &err), err);
	assert_cat_ok(cat_parquet_open(&c->base, NULL, &f, &err), err);
	assert_int_equal(c->requests, 1);
	whole = cat_parquet_group_bytes(f, 0, NULL, 0);
	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
		c->bytes = c->requests = 0;
		assert_cat_ok(cat_parquet_decode(f, 0, cols, 5, ranges[i][0], ranges[i][1], &b, &err), err);
		table_assert_same(t, ranges[i][0], b);
		cat_batch_unref(b);
		assert_int_equal(c->requests, 1); /* the index came with the footer */
		if (ranges[i][1] - ranges[i][0] < 3)
			assert_true(c->bytes < whole * 3 / 4);
	}
	c->bytes = 0;
	assert_cat_ok(cat_parquet_decode(f, 0, NULL, 0, 0, 40000, &b, &err), err);
	assert_int_equal(b->nrows, 40000);
	assert_int_equal(b->ncols, 0);
	assert_int_equal(c->bytes, 0);
	cat_batch_unref(b);
	cat_parquet_close(f);
	cat_reader_close(&c->base);
	cat_buf_unref(bytes);
	cat_batch_unref(t);
}

static void pages_tell_their_bounds(void **state)
{
	struct cat_batch *t = sorted_table();
	const struct cat_parquet_write_options o = {.row_group_rows = 40000, .sort_column = "_healpix_29"};
	struct cat_part_list l;
	struct cat_range_stats st;
	struct cat_parquet_file *f;
	struct cat_reader *r;
	struct cat_error err = {0};
	struct cat_buf *bytes;

	(void)state;
	assert_cat_ok(table_write(t, 9999, &o, &bytes, &err), err);
	assert_cat_ok(cat_reader_memory(bytes, "memory", &r, &err), err);
	assert_cat_ok(cat_parquet_open(r, NULL, &f, &err), err);
	cat_parquet_stats(f, 0, 0, &st);
	assert_true(st.known && st.exact && st.is_int && st.nulls == 0);
	assert_int_equal(st.min_i64, 1000);
	assert_int_equal(st.max_i64, 1000 + 39999 * 7);
	cat_parquet_stats(f, 0, 1, &st);
	assert_true(st.known && st.may_be_nan && !st.is_int && st.nulls == cat_column_null_count(t->cols[1]));
	cat_parquet_stats(f, 0, 2, &st);
	assert_true(st.known && st.is_text);
	cat_parquet_stats(f, 0, 3, &st);
	assert_true(!st.known && st.nulls == -1);
	for (int col = 0; col < 3; col++) {
		int64_t row = 0;

		assert_cat_ok(cat_parquet_page_stats(f, 0, col, &l, &err), err);
		assert_true(l.n >= 2);
		for (int i = 0; i < l.n; i++) {
			const struct cat_range_stats *p = &l.parts[i].stats;

			assert_int_equal(l.parts[i].row_begin, row);
			assert_true(p->known);
			for (; row < l.parts[i].row_end; row++) {
				int32_t n;
				const char *text;

				if (!cat_column_valid(t->cols[col], row))
					continue;
				if (col == 0) {
					assert_in_range(cat_column_i64(t->cols[0], row), p->min_i64, p->max_i64);
				} else if (col == 1) {
					const double v = cat_column_f64(t->cols[1], row);

					assert_true(isnan(v) || (v >= p->min_f64 && v <= p->max_f64));
				} else {
					text = cat_column_text(t->cols[2], row, &n);
					assert_true(memcmp(text, p->min_text,
					                   (size_t)n < p->min_len ? (size_t)n : p->min_len) >= 0);
					assert_true(memcmp(text, p->max_text,
					                   (size_t)n < p->max_len ? (size_t)n : p->max_len) <= 0);
				}
			}
		}
		assert_int_equal(row, 40000);
		cat_part_list_fini(&l);
	}
	assert_cat_ok(cat_parquet_page_stats(f, 0, 3, &l, &err), err);
	assert_int_equal(l.n, 0);
	cat_part_list_fini(&l);
	cat_parquet_close(f);
	cat_reader_close(r);
	cat_buf_unref(bytes);
	cat_batch_unref(t);
}

/* A small part of a sorted column: its pages are found, and nothing else is read. */
static void works_narrow_to_pages(void **state)
{
	const int cols[] = {0, 1};
	struct cat_batch *t = sorted_table(), *b;
	struct unit_counting *c;
	struct cat_part_list l;
	struct cat_error err = {0};
	struct cat_buf *bytes;
	struct cat_feed *f;
	struct cat_work *w;
	int64_t whole, begin = -1, end = -1;

	(void)state;
	assert_cat_ok(
		table_write(t, 40000, &(struct cat_parquet_write_options){.row_group_rows = 40000}, &bytes, &err),
		err);
	assert_cat_ok(unit_counting(bytes, &c, &err), err);
	assert_cat_ok(cat_parquet_feed(&c->base, NULL, &f, &err), err);
	assert_cat_ok(f->ops->next(f, &w, &err), err);
	assert_cat_ok(w->ops->parts(w, 0, &l, &err), err);
	assert_int_equal(l.n, 3);
	for (int i = 0; i < l.n; i++) {
		if (l.parts[i].stats.max_i64 < 200000 || l.parts[i].stats.min_i64 > 200100)
			continue;
		begin = begin < 0 ? l.parts[i].row_begin : begin;
		end = l.parts[i].row_end;
	}
	assert_true(begin >= 0 && end - begin == 16384);
	whole = w->bytes;
	assert_cat_ok(w->ops->narrow(w, &(struct cat_stretch){begin, end}, 1, &err), err);
	assert_true(w->nrows == end - begin && w->bytes < whole);
	c->bytes = 0;
	assert_cat_ok(w->ops->decode(w, cols, 2, &b, &err), err);
	assert_int_equal(b->nrows, end - begin);
	for (int64_t i = 0; i < b->nrows; i++)
		assert_true(table_same(t->cols[0], begin + i, b->cols[0], i) &&
		            table_same(t->cols[1], begin + i, b->cols[1], i));
	assert_true(c->bytes < cat_parquet_group_bytes(cat_parquet_feed_file(f), 0, cols, 2) / 2);
	cat_batch_unref(b);
	cat_part_list_fini(&l);
	cat_work_free(w);
	cat_feed_close(f);
	cat_buf_unref(bytes);
	cat_batch_unref(t);
}

/* Long texts are cut in statistics, and their bounds still hold. */
static void long_texts_keep_valid_bounds(void **state)
{
	char low[100], high[100], top[100];
	struct cat_schema *s;
	struct cat_builder c;
	struct cat_batch *b;
	struct cat_error err = {0};

	(void)state;
	memset(low, 'a', sizeof low);
	memset(high, 'y', sizeof high);
	memset(top, '~', sizeof top);
	assert_cat_ok(cat_schema_new(1, &s, &err), err);
	table_field(&s->fields[0], "t", CAT_T_UTF8);
	for (int with_top = 0; with_top < 2; with_top++) {
		struct cat_parquet_file *f;
		struct cat_range_stats st;
		struct cat_reader *r;
		struct cat_buf *bytes;

		assert_cat_ok(cat_builder_init(&c, &s->fields[0], &err), err);
		for (int i = 0; i < 9; i++)
			assert_cat_ok(cat_builder_text(&c,
			                               i % 3 == 0                ? low
			                               : i % 3 == 1 || !with_top ? high
			                                                         : top,
			                               100, &err),
			              err);
		assert_cat_ok(cat_batch_new(s, 9, &b, &err), err);
		assert_cat_ok(cat_builder_finish(&c, &b->cols[0], &err), err);
		cat_builder_fini(&c);
		assert_cat_ok(table_write(b, 9, NULL, &bytes, &err), err);
		assert_cat_ok(cat_reader_memory(bytes, "memory", &r, &err), err);
		assert_cat_ok(cat_parquet_open(r, NULL, &f, &err), err);
		cat_parquet_stats(f, 0, 0, &st);
		assert_int_equal(st.known, !with_top); /* nothing of 64 bytes is above the tildes */
		if (st.known) {
			assert_true(st.min_len == 64 && memcmp(st.min_text, low, 64) == 0);
			assert_true(memcmp(st.max_text, high, st.max_len) > 0);
			assert_false(st.exact);
		}
		cat_parquet_close(f);
		cat_reader_close(r);
		cat_buf_unref(bytes);
		cat_batch_unref(b);
	}
	cat_schema_unref(s);
}

static void large_groups_are_cut_at_pages(void **state)
{
	const struct table_shape shape = {11, 5, 50};
	const struct cat_parquet_write_options o = {.row_group_rows = 300000};
	struct cat_schema *s;
	struct cat_batch *t;
	struct cat_feed *f;
	struct cat_reader *r;
	struct cat_work *w;
	struct cat_error err = {0};
	struct cat_buf *bytes;
	int64_t n, works = 0, total = 0;

	(void)state;
	assert_cat_ok(cat_schema_new(2, &s, &err), err);
	table_field(&s->fields[0], "i", CAT_T_I32);
	table_field(&s->fields[1], "t", CAT_T_UTF8);
	t = table_batch(s, 300000, &shape);
	assert_cat_ok(table_write(t, 100000, &o, &bytes, &err), err);
	assert_cat_ok(table_read(bytes, t, &n, &err), err);
	assert_int_equal(n, 300000);
	assert_cat_ok(cat_reader_memory(bytes, "memory", &r, &err), err);
	assert_cat_ok(cat_parquet_feed(r, NULL, &f, &err), err);
	assert_true(f->sharded && f->nrows == 300000);
	for (;;) {
		struct cat_range_stats st;

		assert_cat_ok(f->ops->next(f, &w, &err), err);
		if (!w)
			break;
		works++;
		total += w->nrows;
		w->ops->stats(w, 0, &st);
		assert_true(st.known && !st.exact && st.nulls == -1);
		cat_work_free(w);
	}
	assert_int_equal(works, 3);
	assert_int_equal(total, 300000);
	cat_feed_close(f);
	cat_buf_unref(bytes);
	cat_batch_unref(t);
	cat_schema_unref(s);
}

/* The row groups of T, however it is batched, have WANT[0..n) rows; 0 ends them. */
static void assert_groups(const struct cat_batch *t, const int64_t *want)
{
	const int64_t steps[] = {t->nrows, 7, 1};
	struct cat_buf *first = NULL;

	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		struct cat_parquet_file *f;
		struct cat_reader *r;
		struct cat_error err = {0};
		struct cat_buf *bytes;
		int64_t n;

		assert_cat_ok(table_write(t, steps[i], NULL, &bytes, &err), err);
		if (first) {
			assert_int_equal(bytes->size, first->size);
			assert_memory_equal(bytes->data, first->data, first->size);
			cat_buf_unref(bytes);
			continue;
		}
		first = bytes;
		assert_cat_ok(table_read(bytes, t, &n, &err), err);
		assert_int_equal(n, t->nrows);
		assert_cat_ok(cat_reader_memory(bytes, "memory", &r, &err), err);
		assert_cat_ok(cat_parquet_open(r, NULL, &f, &err), err);
		for (int g = 0; g < cat_parquet_ngroups(f); g++)
			assert_int_equal(cat_parquet_group_rows(f, g), want[g]);
		assert_int_equal(want[cat_parquet_ngroups(f)], 0);
		cat_parquet_close(f);
		cat_reader_close(r);
	}
	cat_buf_unref(first);
}

static void long_rows_end_a_group(void **state)
{
	enum { ROWS = 150 };
	const int64_t wide[] = {32, 8, 0};
	struct cat_builder id, text;
	struct cat_error err = {0};
	struct cat_schema *s;
	struct cat_batch *t;
	int64_t want[ROWS] = {0}, bytes = 0;
	char *long_text = calloc(1, 600000);
	int groups = 0;

	(void)state;
	assert_non_null(long_text);
	assert_cat_ok(cat_schema_new(2, &s, &err), err);
	table_field(&s->fields[0], "i", CAT_T_I64);
	table_field(&s->fields[1], "t", CAT_T_UTF8);
	assert_cat_ok(cat_builder_init(&id, &s->fields[0], &err), err);
	assert_cat_ok(cat_builder_init(&text, &s->fields[1], &err), err);
	for (int64_t i = 0; i < ROWS; i++) {
		const size_t len = (size_t)(i * 7919 % 600000);

		memset(long_text, 'a' + (int)(i % 26), len);
		assert_cat_ok(cat_builder_fixed(&id, &i, &err), err);
		assert_cat_ok(i % 5 ? cat_builder_text(&text, long_text, len, &err) : cat_builder_null(&text, &err), err);
		bytes += 4 + (i % 5 ? (int64_t)len : 0);
		want[groups]++;
		if (bytes >= CAT_PARQUET_LONGER_BYTES) {
			bytes = 0;
			groups++;
		}
	}
	assert_int_equal(groups, 2);
	assert_cat_ok(cat_batch_new(s, ROWS, &t, &err), err);
	assert_cat_ok(cat_builder_finish(&id, &t->cols[0], &err), err);
	assert_cat_ok(cat_builder_finish(&text, &t->cols[1], &err), err);
	assert_groups(t, want);
	cat_builder_fini(&id);
	cat_builder_fini(&text);
	cat_batch_unref(t);
	cat_schema_unref(s);
	free(long_text);

	assert_cat_ok(cat_schema_new(1, &s, &err), err);
	table_field(&s->fields[0], "b", CAT_T_FIXED_BINARY);
	s->fields[0].type.width = 1 << 20;
	assert_cat_ok(cat_batch_new(s, 40, &t, &err), err);
	assert_cat_ok(cat_column_new(&s->fields[0].type, 40, 0, &t->cols[0], &err), err);
	assert_cat_ok(cat_buf_zeroed((size_t)40 << 20, &t->cols[0]->data, &err), err);
	assert_groups(t, wide);
	cat_batch_unref(t);
	cat_schema_unref(s);
}

static void metadata_files_gather_leaves(void **state)
{
	const int cols[] = {0};
	struct cat_schema *s = table_schema();
	struct cat_batch *t = table_batch(s, 120, &(struct table_shape){3, 10, 30}), *b;
	struct cat_parquet_meta *m;
	struct cat_parquet_file *f;
	struct cat_encoder *e;
	struct cat_reader *r;
	struct cat_out *o;
	struct cat_error err = {0};
	struct cat_buf *footer, *bytes;

	(void)state;
	assert_cat_ok(cat_parquet_encoder(s, &(struct cat_parquet_write_options){.row_group_rows = 50}, &e, &err),
	              err);
	assert_cat_ok(e->ops->put(e, cat_batch_ref(t), &err), err);
	for (int64_t at = 4;;) {
		assert_cat_ok(e->ops->pull(e, true, &o, &err), err);
		if (!o)
			break;
		assert_cat_ok(o->ops->encode(o, &err), err);
		assert_cat_ok(e->ops->placed(e, o, at, &err), err);
		for (size_t i = 0; i < o->nbufs; i++)
			at += (int64_t)o->bufs[i]->size;
		cat_out_free(o);
	}
	assert_cat_ok(e->ops->tail(e, 100000, &bytes, &err), err);
	cat_buf_unref(bytes);
	footer = cat_parquet_encoder_footer(e);
	assert_cat_ok(cat_parquet_meta_new(s, &m, &err), err);
	for (int leaves = 0; leaves < 3; leaves++) {
		assert_cat_ok(cat_parquet_meta_bytes(m, &bytes, &err), err);
		assert_cat_ok(cat_reader_memory(bytes, "_metadata", &r, &err), err);
		assert_cat_ok(cat_parquet_open(r, NULL, &f, &err), err);
		assert_int_equal(cat_parquet_ngroups(f), leaves * 3);
		assert_int_equal(cat_parquet_nrows(f), leaves * 120);
		assert_int_equal(cat_parquet_schema(f)->nfields, s->nfields);
		if (leaves)
			assert_int_equal(cat_parquet_decode(f, 0, cols, 1, 0, 50, &b, &err), CAT_E_DATA);
		cat_parquet_close(f);
		cat_reader_close(r);
		cat_buf_unref(bytes);
		assert_cat_ok(cat_parquet_meta_append(m, footer, "Norder=1/Dir=0/Npix=44.parquet", &err), err);
	}
	footer->size -= 1; /* a footer without its end leaves the rest as it was */
	assert_int_equal(cat_parquet_meta_append(m, footer, "x.parquet", &err), CAT_E_DATA);
	footer->size += 1;
	assert_cat_ok(cat_parquet_meta_append(m, footer, "y.parquet", &err), err);
	cat_parquet_meta_free(m);
	cat_buf_unref(footer);
	cat_encoder_close(e);
	cat_batch_unref(t);
	cat_schema_unref(s);
}

/* What Parquet's own types do not tell comes back by the Arrow schema beside them. */
static void the_arrow_schema_comes_back(void **state)
{
	struct cat_parquet_file *f;
	struct cat_reader *r;
	struct cat_schema *s;
	struct cat_batch *t;
	struct cat_error err = {0};
	struct cat_buf *bytes;
	int64_t n;

	(void)state;
	assert_cat_ok(cat_schema_new(4, &s, &err), err);
	table_field(&s->fields[0], "ra", CAT_T_F64);
	assert_cat_ok(cat_kv_set(&s->fields[0].meta, CAT_META_UNIT, "deg", &err), err);
	table_field(&s->fields[1], "t", CAT_T_TIMESTAMP);
	s->fields[1].type.unit = CAT_UNIT_NS;
	s->fields[1].zone = cat_strdup("Europe/Berlin");
	table_field(&s->fields[2], "exposure", CAT_T_DURATION);
	s->fields[2].type.unit = CAT_UNIT_MS;
	table_parent(&s->fields[3], "cov", CAT_T_FIXED_LIST, CAT_T_F32);
	s->fields[3].type.width = 3;
	assert_cat_ok(cat_kv_set(&s->meta, "origin", "test", &err), err);
	for (int nulls = 0; nulls < 60; nulls += 20) {
		struct cat_builder b;
		uint64_t x = 5;

		t = table_batch(s, 200, &(struct table_shape){4, nulls, 100});
		cat_column_unref(t->cols[3]);
		assert_cat_ok(cat_builder_init(&b, &s->fields[3], &err), err);
		for (int i = 0; i < 200; i++) {
			if (table_next(&x) % 100 < (uint64_t)nulls) {
				assert_cat_ok(cat_builder_null(&b, &err), err);
				continue;
			}
			for (int k = 0; k < 3; k++)
				table_value(&b.children[0], &(struct table_shape){4, nulls, 100}, &x, true);
			assert_cat_ok(cat_builder_group_end(&b, &err), err);
		}
		assert_cat_ok(cat_builder_finish(&b, &t->cols[3], &err), err);
		cat_builder_fini(&b);
		assert_cat_ok(table_write(t, 200, &(struct cat_parquet_write_options){.row_group_rows = 70},
		                          &bytes, &err),
		              err);
		assert_cat_ok(table_read(bytes, t, &n, &err), err);
		assert_int_equal(n, 200);
		assert_cat_ok(cat_reader_memory(bytes, "memory", &r, &err), err);
		assert_cat_ok(cat_parquet_open(r, NULL, &f, &err), err);
		assert_string_equal(cat_kv_get(&cat_parquet_schema(f)->fields[0].meta, CAT_META_UNIT), "deg");
		assert_string_equal(cat_kv_get(&cat_parquet_schema(f)->meta, "origin"), "test");
		cat_parquet_close(f);
		cat_reader_close(r);
		cat_buf_unref(bytes);
		cat_batch_unref(t);
	}
	cat_schema_unref(s);
}

static void what_parquet_has_not_is_refused(void **state)
{
	struct cat_schema *s;
	struct cat_encoder *e;
	struct cat_error err = {0};

	(void)state;
	assert_cat_ok(cat_schema_new(1, &s, &err), err);
	table_field(&s->fields[0], "empty", CAT_T_STRUCT);
	assert_int_equal(cat_parquet_encoder(s, NULL, &e, &err), CAT_E_UNSUPPORTED);
	s->fields[0].type.id = CAT_T_I32;
	assert_int_equal(
		cat_parquet_encoder(s, &(struct cat_parquet_write_options){.sort_column = "ra"}, &e, &err),
		CAT_E_USAGE);
	cat_schema_unref(s);
}

/* The n-th allocation fails, for each n until none is left to fail. */
static void every_allocation_may_fail(void **state)
{
	struct cat_schema *s = table_schema();
	struct cat_batch *t = table_batch(s, 40, &(struct table_shape){5, 20, 6});
	const struct cat_parquet_write_options o = {.row_group_rows = 25, .sort_column = "_healpix_29"};
	struct cat_buf *bytes = NULL;
	struct cat_error err = {0};
	int64_t n;
	int rc;

	(void)state;
	for (int64_t i = 1;; i++) {
		const int64_t live = cat_alloc_live();

		cat_alloc_fail_after(i);
		rc = table_write(t, 15, &o, &bytes, &err);
		cat_alloc_fail_after(0);
		if (rc == CAT_OK)
			break;
		assert_int_equal(rc, CAT_E_SYSTEM);
		assert_int_equal(cat_alloc_live(), live);
	}
	for (int64_t i = 1;; i++) {
		const int64_t live = cat_alloc_live();

		cat_alloc_fail_after(i);
		rc = table_read(bytes, NULL, &n, &err);
		cat_alloc_fail_after(0);
		if (rc == CAT_OK)
			break;
		assert_int_equal(rc, CAT_E_SYSTEM);
		assert_int_equal(cat_alloc_live(), live);
	}
	cat_buf_unref(bytes);
	cat_batch_unref(t);
	cat_schema_unref(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(everything_comes_back),
		UNIT_TEST(bytes_do_not_depend_on_batches),
		UNIT_TEST(ranges_read_only_their_pages),
		UNIT_TEST(pages_tell_their_bounds),
		UNIT_TEST(works_narrow_to_pages),
		UNIT_TEST(long_texts_keep_valid_bounds),
		UNIT_TEST(large_groups_are_cut_at_pages),
		UNIT_TEST(long_rows_end_a_group),
		UNIT_TEST(metadata_files_gather_leaves),
		UNIT_TEST(the_arrow_schema_comes_back),
		UNIT_TEST(what_parquet_has_not_is_refused),
		UNIT_TEST(every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
