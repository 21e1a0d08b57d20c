#include "unit.h"

#include <math.h>

#include "columnar/builder.h"
#include "exec/op_group.h"
#include "exec/op_select.h"

/* --- a source of NBATCHES batches of ROWS rows: id counts on, r is id / 8 with gaps, name is text --- */

enum { ROWS = 1000 };
struct numbers {
	struct cat_source base;
	int64_t next, end;
};

static int numbers_next(struct cat_source *s, struct cat_batch **out, struct cat_error *err)
{
	struct numbers *n = (struct numbers *)s;
	struct cat_builder b[3];
	struct cat_batch *batch = NULL;
	int rc = CAT_OK;

	*out = NULL;
	if (n->next >= n->end)
		return CAT_OK;
	memset(b, 0, sizeof b);
	for (int c = 0; rc == CAT_OK && c < 3; c++)
		rc = cat_builder_init(&b[c], &s->schema->fields[c], err);
	for (int64_t i = n->next; rc == CAT_OK && i < n->next + ROWS; i++) {
		const float r = i % 7 == 0 ? NAN : (float)i / 8;
		const char name[2] = {(char)('a' + i % 26), '\0'};

		rc = cat_builder_fixed(&b[0], &i, err);
		if (rc == CAT_OK)
			rc = i % 5 == 0 ? cat_builder_null(&b[1], err) : cat_builder_fixed(&b[1], &r, err);
		if (rc == CAT_OK)
			rc = i % 3 == 0 ? cat_builder_null(&b[2], err) : cat_builder_text(&b[2], name, 1, err);
	}
	if (rc == CAT_OK)
		rc = cat_batch_new(s->schema, ROWS, &batch, err);
	for (int c = 0; rc == CAT_OK && c < 3; c++)
		rc = cat_builder_finish(&b[c], &batch->cols[c], err);
	for (int c = 0; c < 3; c++)
		cat_builder_fini(&b[c]);
	n->next += ROWS;
	if (rc == CAT_OK)
		*out = batch;
	else
		cat_batch_unref(batch);
	return rc;
}

static void numbers_close(struct cat_source *s)
{
	cat_schema_unref(s->schema);
	cat_free(s);
}

static const struct cat_source_ops numbers_ops = {numbers_next, numbers_close};

static int numbers_open(int nbatches, struct cat_source **out, struct cat_error *err)
{
	static const enum cat_type_id ids[] = {CAT_T_I64, CAT_T_F32, CAT_T_UTF8};
	static const char *const names[] = {"id", "r", "name"};
	struct numbers *n = cat_calloc(1, sizeof *n);
	int rc;

	if (!n)
		return cat_fail_mem(err, sizeof *n);
	n->base.ops = &numbers_ops;
	n->end = (int64_t)nbatches * ROWS;
	rc = cat_schema_new(3, &n->base.schema, err);
	for (int i = 0; rc == CAT_OK && i < 3; i++) {
		rc = cat_field_init(&n->base.schema->fields[i], names[i], ids[i], err);
		n->base.schema->fields[i].nullable = true;
	}
	if (rc == CAT_OK)
		rc = cat_kv_set(&n->base.schema->fields[1].meta, CAT_META_UNIT, "mag", err);
	if (rc == CAT_OK)
		rc = cat_kv_set(&n->base.schema->meta, "catalogue", "test", err);
	if (rc != CAT_OK) {
		numbers_close(&n->base);
		return rc;
	}
	*out = &n->base;
	return CAT_OK;
}

/* --- select --- */

struct job {
	struct cat_select *list;
	struct cat_expr *where;
	struct cat_aggs *aggs;
	struct cat_source *out;
};

static void job_fini(struct job *j)
{
	cat_source_close(j->out);
	cat_select_free(j->list);
	cat_expr_free(j->where);
	cat_aggs_free(j->aggs);
	memset(j, 0, sizeof *j);
}

/* Any of the three texts may be NULL; an aggregate list comes after the others. */
static int job_open(struct job *j, int nbatches, const char *list, const char *where, const char *aggs,
		    struct cat_error *err)
{
	memset(j, 0, sizeof *j);
	CAT_TRY(numbers_open(nbatches, &j->out, err));
	if (list) {
		CAT_TRY(cat_select_parse(list, &j->list, err));
		CAT_TRY(cat_select_bind(j->list, j->out->schema, err));
	}
	if (where) {
		CAT_TRY(cat_expr_parse(where, &j->where, err));
		CAT_TRY(cat_expr_bind_where(j->where, j->out->schema, err));
	}
	if (list || where) {
		struct cat_source *in = j->out;

		j->out = NULL;
		CAT_TRY(cat_select_open(in, j->list, j->where, &j->out, err));
	}
	if (aggs) {
		struct cat_source *in = j->out;

		CAT_TRY(cat_aggs_parse(aggs, &j->aggs, err));
		CAT_TRY(cat_aggs_bind(j->aggs, in->schema, err));
		j->out = NULL;
		CAT_TRY(cat_group_open(in, j->aggs, &j->out, err));
	}
	return CAT_OK;
}

static void rows_that_fulfil_it(void **state)
{
	struct job j;
	struct cat_error err;
	struct cat_batch *b;
	int64_t rows = 0;

	(void)state;
	assert_cat_ok(job_open(&j, 3, "R, id * 2 AS twice, name AS \"the name\"", "id % 10 = 3 AND id < 1500",
			       NULL, &err),
		      err);
	assert_int_equal(j.out->schema->nfields, 3);
	assert_string_equal(j.out->schema->fields[0].name, "r");
	assert_string_equal(cat_kv_get(&j.out->schema->fields[0].meta, CAT_META_UNIT), "mag");
	assert_string_equal(cat_kv_get(&j.out->schema->meta, "catalogue"), "test");
	assert_string_equal(j.out->schema->fields[2].name, "the name");
	for (;;) {
		assert_cat_ok(j.out->ops->next(j.out, &b, &err), err);
		if (!b)
			break;
		for (int64_t i = 0; i < b->nrows; i++)
			assert_int_equal(cat_column_i64(b->cols[1], i), 2 * (10 * (rows + i) + 3));
		rows += b->nrows;
		cat_batch_unref(b);
	}
	assert_int_equal(rows, 150);
	job_fini(&j);
}

static void bare_columns_pass_by_reference(void **state)
{
	struct cat_error err;
	struct cat_source *in;
	struct cat_batch *b, *out;
	struct cat_select *s;
	struct cat_text text = {.max = 1000};

	(void)state;
	assert_cat_ok(numbers_open(1, &in, &err), err);
	assert_cat_ok(in->ops->next(in, &b, &err), err);
	assert_cat_ok(cat_select_parse("* except (R), -r AS s", &s, &err), err);
	assert_cat_ok(cat_select_bind(s, in->schema, &err), err);
	assert_cat_ok(cat_select_eval(s, b, &out, &err), err);
	assert_int_equal(out->ncols, 3);
	assert_ptr_equal(out->cols[0], b->cols[0]);
	assert_ptr_equal(out->cols[1], b->cols[2]);
	cat_select_text(s, &text);
	assert_string_equal(text.s, "* EXCEPT (R), -(r) AS s");
	cat_text_fini(&text);
	cat_batch_unref(out);
	cat_batch_unref(b);
	cat_select_free(s);
	cat_source_close(in);
}

static void wrong_lists(void **state)
{
	static const struct {
		const char *list, *aggs, *words;
	} x[] = {{"id + 1", NULL, "AS name"},
		 {"id, r AS id", NULL, "two columns would be named 'id'"},
		 {"*, id", NULL, "two columns"},
		 {"idd", NULL, "nearest: id"},
		 {"* EXCEPT (idd)", NULL, "nearest: id"},
		 {"id r", NULL, "AS expected"},
		 {"", NULL, "too early"},
		 {"id,", NULL, "too early"},
		 {NULL, "sum(name)", "cannot take text"},
		 {NULL, "sum(r + 1)", "AS name"},
		 {NULL, "summ(r)", "nearest: sum"},
		 {NULL, "sum(*)", "only count"},
		 {NULL, "count(*), count(*)", "two columns"},
		 {NULL, "sum(r) / 2 AS x", "stands alone"},
		 {NULL, "median(r)", "not supported"},
		 {NULL, "r", "no aggregate"}};

	(void)state;
	for (size_t i = 0; i < sizeof x / sizeof *x; i++) {
		struct job j;
		struct cat_error err;

		if (job_open(&j, 1, x[i].list, NULL, x[i].aggs, &err) == CAT_OK ||
		    !strstr(err.cause, x[i].words) || !err.detail[0])
			fail_msg("%s%s: %s\n%s", x[i].list ? x[i].list : "", x[i].aggs ? x[i].aggs : "", err.cause,
				 err.detail);
		job_fini(&j);
	}
}

/* --- group --- */

static void one_row_of_aggregates(void **state)
{
	static const char list[] = "count(*), count(r), count(name), sum(id), min(r), max(r), mean(r), AVG(id), "
				   "min(name), max(name), "
				   "var(r), stddev_pop(r), count_if(id < 10) AS few, sum(r * 2) AS s2";
	static const char *const names[] = {"count", "count_r",      "count_name", "sum_id",   "min_r",
					    "max_r", "mean_r",       "avg_id",     "min_name", "max_name",
					    "var_r", "stddev_pop_r", "few",        "s2"};
	double sum = 0, squares = 0;
	struct job j;
	struct cat_error err;
	struct cat_batch *b;
	int64_t n = 0, names_n = 0;
	int32_t len;

	(void)state;
	/* Sums of eighths are exact in a double here. */
	for (int64_t i = 0; i < 3000; i++) {
		names_n += i % 3 != 0;
		if (i % 7 == 0 || i % 5 == 0)
			continue;
		n++;
		sum += (double)i / 8;
		squares += (double)i / 8 * (double)i / 8;
	}
	assert_cat_ok(job_open(&j, 3, NULL, NULL, list, &err), err);
	assert_cat_ok(j.out->ops->next(j.out, &b, &err), err);
	assert_int_equal(b->nrows, 1);
	for (int i = 0; i < 14; i++)
		assert_string_equal(b->schema->fields[i].name, names[i]);
	assert_int_equal(cat_column_i64(b->cols[0], 0), 3000);
	assert_int_equal(cat_column_i64(b->cols[1], 0), n);
	assert_int_equal(cat_column_i64(b->cols[2], 0), names_n);
	assert_int_equal(cat_column_i64(b->cols[3], 0), 2999 * 3000 / 2);
	assert_int_equal(b->cols[4]->type.id, CAT_T_F32);
	assert_true(cat_column_f64(b->cols[4], 0) == 0.125);
	assert_true(cat_column_f64(b->cols[5], 0) == 2999 / 8.0);
	assert_true(cat_column_f64(b->cols[6], 0) == sum / (double)n);
	assert_string_equal(cat_kv_get(&b->schema->fields[6].meta, CAT_META_UNIT), "mag");
	assert_true(cat_column_f64(b->cols[7], 0) == 1499.5);
	assert_int_equal(*cat_column_text(b->cols[8], 0, &len), 'a');
	assert_int_equal(*cat_column_text(b->cols[9], 0, &len), 'z');
	assert_true(fabs(cat_column_f64(b->cols[10], 0) * (double)(n - 1) - (squares - sum * sum / (double)n)) <
		    1e-3);
	assert_true(fabs(pow(cat_column_f64(b->cols[11], 0), 2) * (double)n - (squares - sum * sum / (double)n)) <
		    1e-3);
	assert_int_equal(cat_column_i64(b->cols[12], 0), 10);
	assert_true(cat_column_f64(b->cols[13], 0) == 2 * sum);
	cat_batch_unref(b);
	assert_cat_ok(j.out->ops->next(j.out, &b, &err), err);
	assert_null(b);
	job_fini(&j);
}

static void nothing_gives_counts_and_nulls(void **state)
{
	struct job j;
	struct cat_error err;
	struct cat_batch *b;

	(void)state;
	assert_cat_ok(job_open(&j, 2, NULL, "id < 0",
			       "count(*), count(r), sum(id), sum(r), min(name), mean(r), var(r)", &err),
		      err);
	assert_cat_ok(j.out->ops->next(j.out, &b, &err), err);
	assert_int_equal(cat_column_i64(b->cols[0], 0), 0);
	assert_int_equal(cat_column_i64(b->cols[1], 0), 0);
	for (int i = 2; i < 7; i++)
		assert_false(cat_column_valid(b->cols[i], 0));
	cat_batch_unref(b);
	job_fini(&j);
}

static void sums_may_overflow(void **state)
{
	struct job j;
	struct cat_error err;
	struct cat_batch *b;

	(void)state;
	assert_cat_ok(job_open(&j, 1, NULL, NULL, "sum(id + 9223372036854770000) AS s", &err), err);
	assert_int_equal(j.out->ops->next(j.out, &b, &err), CAT_E_DATA);
	job_fini(&j);
}

/* Merged states give the bits of one state. */
static void states_merge(void **state)
{
	static const char list[] =
		"sum(x) AS a, mean(x) AS b, var(x) AS c, min(x) AS d, max(s) AS e, sum(id) AS f";
	struct cat_error err;
	struct cat_source *in;
	struct cat_select *sel;
	struct cat_aggs *aggs;
	struct cat_aggs_state *one, *part[2];
	struct cat_batch *r[2];

	(void)state;
	assert_cat_ok(numbers_open(8, &in, &err), err);
	assert_cat_ok(cat_select_parse("id, sin(id * id) * exp(id % 50) AS x, concat(name, id) AS s", &sel, &err),
		      err);
	assert_cat_ok(cat_select_bind(sel, in->schema, &err), err);
	assert_cat_ok(cat_aggs_parse(list, &aggs, &err), err);
	assert_cat_ok(cat_aggs_bind(aggs, cat_select_schema(sel), &err), err);
	assert_cat_ok(cat_aggs_state_new(aggs, &one, &err), err);
	for (int i = 0; i < 2; i++)
		assert_cat_ok(cat_aggs_state_new(aggs, &part[i], &err), err);
	for (int i = 0;; i++) {
		struct cat_batch *b, *c;

		assert_cat_ok(in->ops->next(in, &b, &err), err);
		if (!b)
			break;
		assert_cat_ok(cat_select_eval(sel, b, &c, &err), err);
		assert_cat_ok(cat_aggs_update(one, c, &err), err);
		assert_cat_ok(cat_aggs_update(part[i * 7 % 3 == 1], c, &err), err);
		cat_batch_unref(b);
		cat_batch_unref(c);
	}
	assert_cat_ok(cat_aggs_merge(part[1], part[0], &err), err);
	assert_cat_ok(cat_aggs_finish(one, &r[0], &err), err);
	assert_cat_ok(cat_aggs_finish(part[1], &r[1], &err), err);
	for (int i = 0; i < 6; i++)
		assert_memory_equal(r[0]->cols[i]->data->data, r[1]->cols[i]->data->data, i == 4 ? 5 : 8);
	for (int i = 0; i < 2; i++) {
		cat_batch_unref(r[i]);
		cat_aggs_state_free(part[i]);
	}
	cat_aggs_state_free(one);
	cat_aggs_free(aggs);
	cat_select_free(sel);
	cat_source_close(in);
}

static int run_all(struct job *j, struct cat_error *err)
{
	CAT_TRY(job_open(j, 2, "id, r, upper(name) AS u, * EXCEPT (id, r)", "r > 20 AND name <> 'c'",
			 "count(*), sum(r), min(u), var(id), max(name)", err));
	for (;;) {
		struct cat_batch *b;

		CAT_TRY(j->out->ops->next(j->out, &b, err));
		if (!b)
			return CAT_OK;
		cat_batch_unref(b);
	}
}

static void every_allocation_may_fail(void **state)
{
	int rc = CAT_E_SYSTEM;

	(void)state;
	for (int64_t n = 1; rc != CAT_OK; n++) {
		struct cat_error err;
		struct job j;

		cat_alloc_fail_after(n);
		rc = run_all(&j, &err);
		cat_alloc_fail_after(0);
		job_fini(&j);
		if (rc != CAT_OK)
			assert_int_equal(rc, CAT_E_SYSTEM);
		assert_true(n < 20000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {UNIT_TEST(rows_that_fulfil_it),
					   UNIT_TEST(bare_columns_pass_by_reference),
					   UNIT_TEST(wrong_lists),
					   UNIT_TEST(one_row_of_aggregates),
					   UNIT_TEST(nothing_gives_counts_and_nulls),
					   UNIT_TEST(sums_may_overflow),
					   UNIT_TEST(states_merge),
					   UNIT_TEST(every_allocation_may_fail)};

	return cmocka_run_group_tests_name("exec_select", tests, NULL, NULL);
}
