#include "unit.h"

#include <math.h>
#include <stdio.h>

#include "dataset/position.h"
#include "exec/op_group.h"
#include "exec/scan.h"
#include "expr/expr.h"
#include "expr/select.h"
#include "feeds.h"
#include "parquet_table.h"
#include "sky/healpix.h"

enum { ROWS = 5000, HPX = 0, RA, DEC, ID, X, LONG, SHORT, LIST, GROUP, NCOLS };

static uint64_t random_bits = 1;

static int64_t up_to(int64_t n)
{
	return (int64_t)(table_next(&random_bits) % (uint64_t)n);
}

/* --- a table in the order of its index, whose columns mostly ascend with it --- */

struct place {
	int64_t cell;
	double ra, dec;
};

static int by_cell(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return (x->cell > y->cell) - (x->cell < y->cell);
}

static void put(struct cat_builder *b, int col, int64_t i, const struct place *p, bool index_nulls)
{
	const struct table_shape shape = {1, 20, 100};
	const bool nan = (i >= 2000 && i < 2300) || up_to(20) == 0;
	const double x = nan ? NAN : (double)(i / 50) + (double)up_to(3) / 4;
	const int32_t id = (int32_t)(i / 10);
	struct cat_error err;
	char text[100];

	if ((col == HPX && index_nulls && i % 900 == 5 /* as below */) || (col == X && ((i / 300 % 2 && up_to(10) == 0) || i / 500 == 2)) ||
	    (col == ID && i / 200 == 7)) {
		assert_cat_ok(cat_builder_null(b, &err), err);
	} else if (col == LONG || col == SHORT) { /* bounds of the long ones are cut where all are equal */
		memset(text, 'a', 70);
		snprintf(text + (col == LONG ? 70 : 0), 20, "row%05d", (int)i);
		assert_cat_ok(cat_builder_text(b, text, strlen(text), &err), err);
	} else if (col >= LIST) {
		table_value(b, &shape, &random_bits, true);
	} else {
		assert_cat_ok(cat_builder_fixed(b,
		                                col == HPX   ? (const void *)&p->cell
		                                : col == RA  ? (const void *)&p->ra
		                                : col == DEC ? (const void *)&p->dec
		                                : col == ID  ? (const void *)&id
		                                             : (const void *)&x,
		                                &err),
		              err);
	}
}

static struct cat_batch *sky_table(bool index_nulls)
{
	static struct place places[ROWS];
	struct cat_schema *s;
	struct cat_batch *t;
	struct cat_error err;

	for (int64_t i = 0; i < ROWS; i++) {
		places[i].ra = (double)up_to(10000000) / 1e6 + 355;
		places[i].ra -= places[i].ra >= 360 ? 360 : 0;
		places[i].dec = (double)up_to(10000000) / 1e6 - 5;
		cat_hpx29_from_deg_n(&places[i].ra, &places[i].dec, 1, &places[i].cell);
	}
	qsort(places, ROWS, sizeof *places, by_cell);
	for (int64_t i = 5; index_nulls && i < ROWS; i += 900) /* far from their neighbours: only the index could tell */
		places[i].ra = places[i].dec = 0.01;
	assert_cat_ok(cat_schema_new(NCOLS, &s, &err), err);
	table_field(&s->fields[HPX], "_healpix_29", CAT_T_I64);
	table_field(&s->fields[RA], "ra", CAT_T_F64);
	table_field(&s->fields[DEC], "dec", CAT_T_F64);
	table_field(&s->fields[ID], "id", CAT_T_I32);
	table_field(&s->fields[X], "x", CAT_T_F64);
	table_field(&s->fields[LONG], "long", CAT_T_UTF8);
	table_field(&s->fields[SHORT], "short", CAT_T_UTF8);
	table_parent(&s->fields[LIST], "list", CAT_T_LIST, CAT_T_F64);
	table_field(&s->fields[GROUP], "lc", CAT_T_STRUCT);
	assert_cat_ok(cat_field_children(&s->fields[GROUP], 2, &err), err);
	table_parent(&s->fields[GROUP].children[0], "band", CAT_T_LIST, CAT_T_UTF8);
	table_parent(&s->fields[GROUP].children[1], "mag", CAT_T_LIST, CAT_T_F32);
	assert_cat_ok(cat_batch_new(s, ROWS, &t, &err), err);
	for (int c = 0; c < NCOLS; c++) {
		struct cat_builder b;

		assert_cat_ok(cat_builder_init(&b, &s->fields[c], &err), err);
		for (int64_t i = 0; i < ROWS; i++)
			put(&b, c, i, &places[i], index_nulls);
		assert_cat_ok(cat_builder_finish(&b, &t->cols[c], &err), err);
		cat_builder_fini(&b);
	}
	cat_schema_unref(s);
	return t;
}

/* --- scans against brute force --- */

static struct cat_region *cone(const char *text)
{
	struct cat_region *r;
	struct cat_error err = {0};

	assert_cat_ok(cat_region_new(&r, &err), err);
	assert_cat_ok(cat_region_add_cone(r, text, &err), err);
	return r;
}

/* Rows of T that are wanted, looked at one and all. */
static int64_t brute(const struct cat_batch *t, const char *where, const char *region, int32_t *idx)
{
	static double pos[2 * ROWS];
	static uint8_t in[ROWS];
	struct cat_error err = {0};
	int64_t n = ROWS, kept = 0;

	for (int32_t i = 0; i < ROWS; i++)
		idx[i] = i;
	if (where) {
		struct cat_column *mask;
		struct cat_expr *e;

		assert_cat_ok(cat_expr_parse(where, &e, &err), err);
		assert_cat_ok(cat_expr_bind_where(e, t->schema, &err), err);
		assert_cat_ok(cat_expr_eval_where(e, t, &mask, &err), err);
		n = cat_mask_indices(mask, idx);
		cat_column_unref(mask);
		cat_expr_free(e);
	}
	if (!region)
		return n;
	assert_cat_ok(cat_position_values(t, RA, DEC, pos, pos + ROWS, &err), err);
	{
		struct cat_region *r = cone(region);

		cat_region_contains_n(r, pos, pos + ROWS, ROWS, in);
		cat_region_free(r);
	}
	for (int64_t i = 0; i < n; i++)
		if (in[idx[i]])
			idx[kept++] = idx[i];
	return kept;
}

/* Scans BYTES and compares with rows IDX[0..n) of T; what was read beyond the footer goes to *BYTES_READ and
 * *REQUESTS. */
static void scan(struct cat_buf *bytes, const struct cat_batch *t, const char *where, const char *region, int64_t limit,
                 int jobs, const int32_t *idx, int64_t n, int64_t *bytes_read, int64_t *requests)
{
	struct cat_scan_options o = {.where = where, .limit = limit, .memory_bytes = INT64_MAX};
	struct unit_counting *c;
	struct cat_pool *pool;
	struct cat_source *s;
	struct cat_feed *f;
	struct cat_error err = {0};
	int64_t at = 0;

	assert_cat_ok(cat_pool_new(jobs, &pool, &err), err);
	assert_cat_ok(unit_counting(bytes, &c, &err), err);
	assert_cat_ok(cat_parquet_feed(&c->base, NULL, &f, &err), err);
	c->bytes = c->requests = 0;
	if (region)
		assert_cat_ok(cat_scan_region_new(cone(region), &o.region, &err), err);
	assert_cat_ok(cat_scan_open(f, &o, pool, &s, &err), err);
	for (;;) {
		struct cat_batch *b;

		assert_cat_ok(s->ops->next(s, &b, &err), err);
		if (!b)
			break;
		assert_true(at + b->nrows <= n);
		for (int k = 0; k < NCOLS; k++)
			for (int64_t i = 0; i < b->nrows; i++)
				if (!table_same(t->cols[k], idx[at + i], b->cols[k], i))
					fail_msg("%s %s: column %d, row %d", where ? where : "", region ? region : "",
					         k, (int)idx[at + i]);
		at += b->nrows;
		cat_batch_unref(b);
	}
	if (at != n)
		fail_msg("%s %s: %lld rows, not %lld", where ? where : "", region ? region : "", (long long)at,
		         (long long)n);
	*bytes_read = c->bytes;
	*requests = c->requests;
	cat_source_close(s);
	cat_pool_free(pool);
}

#define A70 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
static const char *const conditions[] = {
	"id = 77",
	"id < 3 OR id BETWEEN 200 AND 201 OR id > 497",
	"id IS NULL",
	"id IS NOT NULL AND id < 145 AND id > 135",
	"NOT (id < 480)",
	"id IN (3, 140, 499)",
	"x < 2",
	"x BETWEEN 19.9 AND 40.1",
	"NOT (x < 98)",
	"x IS NULL",
	"x IS NULL AND id < 20",
	"ISNAN(x)",
	"x = 7 OR x = 39",
	"x <> 7 AND id < 10",
	"long = '" A70 "row01234'",
	"long > '" A70 "row04990'",
	"long <= '" A70 "row00010'",
	"long < '" A70 "'",
	"short LIKE 'row0123%'",
	"short IN ('row00005', 'row04321')",
	"short > 'row04999'",
	"id < 5 OR list_length(list) = 3",
	"CONTAINS(POINT(ra, dec), CIRCLE(0, 1, 0.3))",
	"dec > 4.9",
	"ra < 0.05 OR ra > 359.95",
	"id = -1",
};
static const char *const cones[] = {"0,0,0.2deg", "359.9,1,300arcsec", "4,4.9,0.5deg", "1.5,-2,5arcsec", "90,0,1deg"};

static void every_scan_equals_brute_force(void **state)
{
	static int32_t idx[ROWS];

	(void)state;
	for (int nulls = 0; nulls < 2; nulls++) {
		struct cat_batch *t = sky_table(nulls);

		for (int v = 0; v < 4; v++) {
			const struct cat_parquet_write_options o = {.page_bytes = v == 3 ? 0 : 100 << 2 * v,
			                                            .row_group_rows = v % 2 ? ROWS : 777,
			                                            .sort_column = "_healpix_29"};
			struct cat_error err = {0};
			struct cat_buf *bytes;
			int64_t read, requests;

			assert_cat_ok(table_write(t, 999, &o, &bytes, &err), err);
			for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++) {
				const int64_t n = brute(t, conditions[i], NULL, idx);

				scan(bytes, t, conditions[i], NULL, -1, v + 1, idx, n, &read, &requests);
			}
			for (size_t i = 0; i < sizeof cones / sizeof *cones; i++) {
				int64_t n = brute(t, NULL, cones[i], idx);

				scan(bytes, t, NULL, cones[i], -1, v + 1, idx, n, &read, &requests);
				n = brute(t, conditions[6 + i], cones[i], idx);
				scan(bytes, t, conditions[6 + i], cones[i], -1, 1, idx, n, &read, &requests);
			}
			for (int64_t limit = 0; limit <= ROWS; limit = limit * 3 + 1) {
				brute(t, NULL, NULL, idx);
				scan(bytes, t, NULL, NULL, limit, v + 1, idx, limit, &read, &requests);
			}
			cat_buf_unref(bytes);
		}
		cat_batch_unref(t);
	}
}

/* A small cone, a rare condition, a few rows from the front: one request beyond the footer's, of few pages; two when
 * the page indexes are too long to come with the footer. */
static void little_is_read_of(const struct cat_batch *t, int64_t page_bytes, int64_t want_requests, int64_t part)
{
	static const char *const rare = "id = 250 OR id = 3", *const none = "id < 20 AND short > 'row02'";
	const struct cat_parquet_write_options o = {.page_bytes = page_bytes, .row_group_rows = ROWS};
	static int32_t idx[ROWS];
	struct cat_error err = {0};
	struct cat_buf *bytes;
	int64_t all, read, requests, n;
	char text[64];

	assert_cat_ok(table_write(t, ROWS, &o, &bytes, &err), err);
	brute(t, NULL, NULL, idx);
	scan(bytes, t, NULL, NULL, -1, 1, idx, ROWS, &all, &requests);
	assert_int_equal(requests, 1);
	for (int64_t row = 17; row < ROWS; row += 1234) {
		snprintf(text, sizeof text, "%.9f,%.9f,5arcsec", cat_column_f64(t->cols[RA], row),
		         cat_column_f64(t->cols[DEC], row));
		n = brute(t, NULL, text, idx);
		assert_true(n >= 1);
		scan(bytes, t, NULL, text, -1, 1, idx, n, &read, &requests);
		assert_int_equal(requests, want_requests);
		assert_true(read < all / part);
	}
	n = brute(t, rare, NULL, idx);
	scan(bytes, t, rare, NULL, -1, 1, idx, n, &read, &requests);
	assert_int_equal(requests, want_requests);
	assert_true(read < 2 * all / part);
	n = brute(t, none, NULL, idx);
	scan(bytes, t, none, NULL, -1, 1, idx, n, &read, &requests);
	assert_int_equal(requests, want_requests - 1);
	brute(t, NULL, NULL, idx);
	scan(bytes, t, NULL, NULL, 20, 1, idx, 20, &read, &requests);
	assert_true(requests <= want_requests);
	assert_true(read < all / part);
	cat_buf_unref(bytes);
}

static void little_is_read(void **state)
{
	struct cat_batch *t = sky_table(false);

	(void)state;
	little_is_read_of(t, 800, 2, 2);
	little_is_read_of(t, 4000, 1, 4);
	cat_batch_unref(t);
}

/* --- any stretches of any piece --- */

static int random_stretches(int64_t nrows, struct cat_stretch *s)
{
	int n = 0;

	for (int64_t at = up_to(nrows); at < nrows && n < 6; n++) {
		s[n].begin = at;
		s[n].end = at + 1 + up_to(up_to(2) ? 5 : nrows);
		s[n].end = s[n].end < nrows ? s[n].end : nrows;
		at = s[n].end + up_to(up_to(2) ? 5 : nrows);
	}
	return n;
}

static void stretches_are_slices(void **state)
{
	struct cat_schema *schema = table_schema();
	struct cat_error err = {0};

	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct cat_batch *t = table_batch(schema, 2000, &(struct table_shape){seed, (int)seed % 3 * 20, 50});
		const struct cat_parquet_write_options o = {.page_bytes = 64 + up_to(2000),
		                                            .row_group_rows = 300 + up_to(2000)};
		struct cat_buf *bytes;
		struct cat_reader *r;
		struct cat_feed *f;
		struct cat_work *w;

		assert_cat_ok(table_write(t, 400, &o, &bytes, &err), err);
		assert_cat_ok(cat_reader_memory(bytes, "memory", &r, &err), err);
		assert_cat_ok(cat_parquet_feed(r, NULL, &f, &err), err);
		for (int64_t at = 0;;) {
			struct cat_stretch s[6];
			struct cat_batch *b;
			int cols[64], fetched[64], n = 0, nfetched = 0, nspans;
			int64_t nrows, row = 0;

			assert_cat_ok(f->ops->next(f, &w, &err), err);
			if (!w)
				break;
			for (int i = 0; i < schema->nfields; i++) {
				if (up_to(3) == 0)
					cols[n++] = i;
				if (up_to(3) != 0)
					fetched[nfetched++] = i;
			}
			nrows = w->nrows;
			nspans = random_stretches(nrows, s);
			assert_cat_ok(w->ops->narrow(w, s, nspans, &err), err);
			if (up_to(2))
				assert_cat_ok(w->ops->fetch(w, fetched, nfetched, 1 << up_to(20), NULL, &err), err);
			assert_cat_ok(w->ops->decode(w, cols, n, &b, &err), err);
			assert_true(b->ncols == n && b->nrows == w->nrows);
			for (int k = 0; k < nspans; k++)
				for (int64_t i = s[k].begin; i < s[k].end; i++, row++)
					for (int c = 0; c < n; c++)
						assert_true(table_same(t->cols[cols[c]], at + i, b->cols[c], row));
			assert_int_equal(row, b->nrows);
			cat_batch_unref(b);
			cat_work_free(w);
			at += nrows;
		}
		cat_feed_close(f);
		cat_buf_unref(bytes);
		cat_batch_unref(t);
	}
	cat_schema_unref(schema);
}

/* --- parts of structs --- */

static int bind_aggs(void *arg, struct cat_schema *schema, bool *used, struct cat_error *err)
{
	CAT_TRY(cat_aggs_bind(arg, schema, err));
	cat_aggs_columns(arg, used);
	return CAT_OK;
}

static void children_of_aggs(void *arg, int col, int n, bool *used)
{
	cat_aggs_children(arg, col, n, used);
}

/* The one row that the aggregates in TEXT are of the file in BYTES; *BYTES_READ tells what that took. */
static struct cat_batch *aggregate(struct cat_buf *bytes, const char *text, const char *where, bool children,
                                   int64_t *bytes_read)
{
	struct cat_consumer consumer = {.bind = bind_aggs, .children = children ? children_of_aggs : NULL};
	const struct cat_scan_options so = {.where = where, .limit = -1, .memory_bytes = INT64_MAX, .consumer = &consumer};
	struct cat_error err = {0};
	struct unit_counting *c;
	struct cat_source *in, *out;
	struct cat_aggs *aggs;
	struct cat_batch *row, *end;
	struct cat_pool *pool;
	struct cat_feed *f;

	assert_cat_ok(cat_aggs_parse(text, &aggs, &err), err);
	consumer.arg = aggs;
	assert_cat_ok(unit_counting(bytes, &c, &err), err);
	assert_cat_ok(cat_parquet_feed(&c->base, NULL, &f, &err), err);
	assert_cat_ok(cat_pool_new(2, &pool, &err), err);
	c->bytes = 0;
	assert_cat_ok(cat_scan_open(f, &so, pool, &in, &err), err);
	assert_cat_ok(cat_group_open(in, aggs, &out, &err), err);
	assert_cat_ok(out->ops->next(out, &row, &err), err);
	assert_cat_ok(out->ops->next(out, &end, &err), err);
	assert_null(end);
	*bytes_read = c->bytes;
	cat_source_close(out);
	cat_aggs_free(aggs);
	cat_pool_free(pool);
	return row;
}

static void aggregates_read_the_children_they_name(void **state)
{
	static const struct {
		const char *text, *where;
		bool fewer;
	} cases[] = {
		{"sum(list_count(lc.mag)) AS a", NULL, true},
		{"sum(list_count(lc.mag)) AS a, max(list_count(lc.mjd)) AS b", NULL, false},
		{"min(\"group\".value) AS a, count(*)", NULL, true},
		{"min(\"group\".value) AS a", "\"group\".key > 0", false},
		{"sum(list_count(lc.mag)) AS a", "list_count(lc.mjd) > 2", false},
		{"sum(list_count(groups.value)) AS a, count(lc) AS b", NULL, true},
		{"count(lc) AS a, sum(list_count(lc.mag)) AS b", NULL, false},
	};
	struct cat_schema *schema = table_schema();
	struct cat_error err = {0};

	(void)state;
	for (size_t v = 0; v < sizeof cases / sizeof *cases; v++) {
		struct cat_batch *t = table_batch(schema, 1500, &(struct table_shape){v + 1, 10, 50}), *whole, *parts;
		const struct cat_parquet_write_options o = {.page_bytes = 500, .row_group_rows = 600};
		int64_t whole_bytes, parts_bytes;
		struct cat_buf *bytes;

		assert_cat_ok(table_write(t, 1500, &o, &bytes, &err), err);
		whole = aggregate(bytes, cases[v].text, cases[v].where, false, &whole_bytes);
		parts = aggregate(bytes, cases[v].text, cases[v].where, true, &parts_bytes);
		assert_int_equal(whole->nrows, 1);
		table_assert_same(whole, 0, parts);
		if (cases[v].fewer)
			assert_true(parts_bytes < whole_bytes);
		else
			assert_int_equal(parts_bytes, whole_bytes);
		cat_batch_unref(whole);
		cat_batch_unref(parts);
		cat_buf_unref(bytes);
		cat_batch_unref(t);
	}
	cat_schema_unref(schema);
}

static void only_the_children_asked_for(void **state)
{
	static const char *const lists[] = {
		"lc.mag AS a",
		"\"group\".value AS a",
		"groups.key AS a, groups.value AS b",
		"groups.value AS a, c10",
		"list_count(lc.mjd) AS a, lc.mag AS b, \"group\".key AS c",
		"lc IS NULL AS a, lc.mag AS b",
		"lc.mag AS a, lc",
		"COALESCE(\"group\".value, 'x') AS a, *",
	};
	static const bool fewer[] = {true, true, false, true, true, false, false, false};
	struct cat_schema *schema = table_schema();
	struct cat_error err = {0};

	(void)state;
	for (int v = 0; v < 12; v++) {
		const size_t list = (size_t)v % (sizeof lists / sizeof *lists);
		const char *where = v % 3 == 2 ? "\"group\".key > 0" : NULL;
		struct cat_batch *t = table_batch(schema, 1500, &(struct table_shape){(uint64_t)v + 1, v % 3 * 20, 50});
		const struct cat_parquet_write_options o = {.page_bytes = 500, .row_group_rows = 600};
		const struct cat_scan_options so = {.columns = lists[list], .where = where, .limit = -1,
		                                    .memory_bytes = INT64_MAX};
		struct cat_batch *rows = cat_batch_ref(t), *wanted;
		struct unit_counting *c;
		struct cat_select *select;
		struct cat_pool *pool;
		struct cat_source *s;
		struct cat_buf *bytes;
		struct cat_feed *f;
		int64_t at = 0, whole = 0;

		if (where) {
			int32_t *idx = cat_malloc(1500 * sizeof *idx);
			struct cat_column *mask;
			struct cat_expr *e;

			assert_cat_ok(cat_expr_parse(where, &e, &err), err);
			assert_cat_ok(cat_expr_bind_where(e, schema, &err), err);
			assert_cat_ok(cat_expr_eval_where(e, t, &mask, &err), err);
			cat_batch_unref(rows);
			assert_cat_ok(cat_take_batch(t, idx, cat_mask_indices(mask, idx), &rows, &err), err);
			cat_column_unref(mask);
			cat_expr_free(e);
			cat_free(idx);
		}
		assert_cat_ok(cat_select_parse(lists[list], &select, &err), err);
		assert_cat_ok(cat_select_bind(select, schema, &err), err);
		assert_cat_ok(cat_select_eval(select, rows, &wanted, &err), err);
		assert_cat_ok(table_write(t, 1500, &o, &bytes, &err), err);
		assert_cat_ok(unit_counting(bytes, &c, &err), err);
		assert_cat_ok(cat_parquet_feed(&c->base, NULL, &f, &err), err);
		for (int g = 0; g < 3; g++) {
			bool used[64] = {false};
			int cols[64], n = 0;

			cat_select_columns(select, used);
			for (int i = 0; i < schema->nfields; i++)
				if (used[i])
					cols[n++] = i;
			whole += cat_parquet_group_bytes(cat_parquet_feed_file(f), g, cols, n);
		}
		assert_cat_ok(cat_pool_new(1 + v % 2, &pool, &err), err);
		c->bytes = 0;
		assert_cat_ok(cat_scan_open(f, &so, pool, &s, &err), err);
		for (;;) {
			struct cat_batch *b;

			assert_cat_ok(s->ops->next(s, &b, &err), err);
			if (!b)
				break;
			table_assert_same(wanted, at, b);
			at += b->nrows;
			cat_batch_unref(b);
		}
		assert_int_equal(at, wanted->nrows);
		if (!where)
			assert_true(fewer[list] ? c->bytes < whole : c->bytes == whole);
		cat_source_close(s);
		cat_pool_free(pool);
		cat_select_free(select);
		cat_buf_unref(bytes);
		cat_batch_unref(wanted);
		cat_batch_unref(rows);
		cat_batch_unref(t);
	}
	cat_schema_unref(schema);
}

static void every_allocation_may_fail(void **state)
{
	const struct cat_parquet_write_options o = {.page_bytes = 800, .row_group_rows = 2000};
	struct cat_batch *t = sky_table(false);
	struct cat_error err = {0};
	struct cat_buf *bytes;

	(void)state;
	assert_cat_ok(table_write(t, ROWS, &o, &bytes, &err), err);
	for (int64_t n = 1;; n++) {
		struct cat_scan_options so = {.where = "id = 250 OR id = 3", .limit = -1, .memory_bytes = INT64_MAX};
		struct cat_source *s = NULL;
		struct cat_pool *pool = NULL;
		struct cat_reader *r;
		struct cat_feed *f;
		int rc;

		cat_alloc_fail_after(n);
		rc = cat_pool_new(1, &pool, &err);
		if (rc == CAT_OK)
			rc = cat_reader_memory(bytes, "memory", &r, &err);
		if (rc == CAT_OK)
			rc = cat_parquet_feed(r, NULL, &f, &err);
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
	const struct CMUnitTest tests[] = {UNIT_TEST(every_scan_equals_brute_force), UNIT_TEST(little_is_read),
	                                   UNIT_TEST(stretches_are_slices),
	                                   UNIT_TEST(only_the_children_asked_for), UNIT_TEST(aggregates_read_the_children_they_name), UNIT_TEST(every_allocation_may_fail)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
