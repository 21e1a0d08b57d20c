#include "unit.h"

#include <math.h>

#include "columnar/builder.h"
#include "expr/expr.h"

/* --- a small table: every row a different trouble --- */

static const struct {
	const char *name;
	enum cat_type_id id;
} columns[] = {{"id", CAT_T_I64},  {"n", CAT_T_I16},       {"u", CAT_T_U64},   {"r", CAT_T_F32},
	       {"g", CAT_T_F32},   {"ra", CAT_T_F64},      {"dec", CAT_T_F64}, {"name", CAT_T_UTF8},
	       {"ok", CAT_T_BOOL}, {"at", CAT_T_TIMESTAMP}};
enum { NCOLS = sizeof columns / sizeof *columns, NROWS = 5 };
/* "-" is NULL. */
static const char *const rows[NROWS][NCOLS] = {
	{"1", "10", "1", "18.1", "18.6", "10", "-20", "Vega", "t", "2020-01-01T00:00:00.500000"},
	{"2", "-3", "18446744073709551615", "NaN", "17.0", "350", "45", "it's", "f", "1969-12-31T23:59:59.999999"},
	{"-", "-", "-", "-", "-", "-", "-", "-", "-", "-"},
	{"9223372036854775807", "0", "5", "17.25", "-", "0", "90", "\xc3\xa9toile", "t", "2020-01-02"},
	{"-7", "7", "0", "-", "NaN", "NaN", "0", "", "-", "2016-12-31T12:00:00"},
};

static struct cat_schema *table_schema(void)
{
	struct cat_error err;
	struct cat_schema *s;
	struct cat_field *lc;

	assert_cat_ok(cat_schema_new(NCOLS + 3, &s, &err), err);
	for (int i = 0; i < NCOLS; i++) {
		assert_cat_ok(cat_field_init(&s->fields[i], columns[i].name, columns[i].id, &err), err);
		s->fields[i].nullable = true;
		s->fields[i].type.unit = CAT_UNIT_US;
	}
	assert_cat_ok(cat_kv_set(&s->fields[5].meta, CAT_META_UNIT, "deg", &err), err);
	lc = &s->fields[NCOLS];
	assert_cat_ok(cat_field_init(lc, "lc", CAT_T_STRUCT, &err), err);
	assert_cat_ok(cat_field_children(lc, 2, &err), err);
	for (int k = 0; k < 2; k++) {
		assert_cat_ok(cat_field_init(&lc->children[k], k ? "band" : "mag", CAT_T_LIST, &err), err);
		assert_cat_ok(cat_field_children(&lc->children[k], 1, &err), err);
		assert_cat_ok(
			cat_field_init(&lc->children[k].children[0], "item", k ? CAT_T_UTF8 : CAT_T_F32, &err),
			err);
	}
	lc = &s->fields[NCOLS + 1];
	assert_cat_ok(cat_field_init(lc, "obs", CAT_T_LIST, &err), err);
	assert_cat_ok(cat_field_children(lc, 1, &err), err);
	assert_cat_ok(cat_field_init(&lc->children[0], "item", CAT_T_STRUCT, &err), err);
	assert_cat_ok(cat_field_children(&lc->children[0], 1, &err), err);
	assert_cat_ok(cat_field_init(&lc->children[0].children[0], "t", CAT_T_I32, &err), err);
	lc = &s->fields[NCOLS + 2];
	assert_cat_ok(cat_field_init(lc, "pair", CAT_T_FIXED_LIST, &err), err);
	lc->type.width = 2;
	assert_cat_ok(cat_field_children(lc, 1, &err), err);
	assert_cat_ok(cat_field_init(&lc->children[0], "item", CAT_T_F64, &err), err);
	return s;
}

static void put_cell(struct cat_builder *b, const char *cell)
{
	struct cat_error err;

	if (strcmp(cell, "-") == 0) {
		assert_cat_ok(cat_builder_null(b, &err), err);
		return;
	}
	if (b->type.id == CAT_T_UTF8) {
		assert_cat_ok(cat_builder_text(b, cell, strlen(cell), &err), err);
	} else if (b->type.id == CAT_T_BOOL) {
		assert_cat_ok(cat_builder_bool(b, *cell == 't', &err), err);
	} else if (b->type.id == CAT_T_F32) {
		const float f = strtof(cell, NULL);

		assert_cat_ok(cat_builder_fixed(b, &f, &err), err);
	} else if (b->type.id == CAT_T_F64) {
		const double d = strtod(cell, NULL);

		assert_cat_ok(cat_builder_fixed(b, &d, &err), err);
	} else if (b->type.id == CAT_T_TIMESTAMP) {
		/* Microseconds, computed elsewhere (GNU date). */
		static const struct {
			const char *text;
			int64_t us;
		} known[] = {{"2020-01-01T00:00:00.500000", 1577836800500000},
			     {"1969-12-31T23:59:59.999999", -1},
			     {"2020-01-02", 1577923200000000},
			     {"2016-12-31T12:00:00", 1483185600000000}};

		for (size_t k = 0; k < 4; k++)
			if (strcmp(known[k].text, cell) == 0)
				assert_cat_ok(cat_builder_fixed(b, &known[k].us, &err), err);
	} else {
		const uint64_t v = *cell == '-' ? (uint64_t)strtoll(cell, NULL, 10) : strtoull(cell, NULL, 10);

		assert_cat_ok(cat_builder_fixed(b, &v, &err), err);
	}
}

/* Row i has i elements; the third row's struct is null. */
static struct cat_column *light_curves(const struct cat_field *f)
{
	static const char *const bands[] = {"g", "r", "r", "g"};
	struct cat_builder b;
	struct cat_column *c;
	struct cat_error err;

	assert_cat_ok(cat_builder_init(&b, f, &err), err);
	for (int i = 0; i < NROWS; i++) {
		if (i == 2) {
			assert_cat_ok(cat_builder_null(&b, &err), err);
			continue;
		}
		for (int k = 0; k < i; k++) {
			const float mag = k == 2 ? NAN : 20.0f - (float)(i * k);

			assert_cat_ok(cat_builder_fixed(&b.children[0].children[0], &mag, &err), err);
			assert_cat_ok(cat_builder_text(&b.children[1].children[0], bands[k], 1, &err), err);
		}
		assert_cat_ok(cat_builder_list_end(&b.children[0], &err), err);
		assert_cat_ok(cat_builder_list_end(&b.children[1], &err), err);
		assert_cat_ok(cat_builder_group_end(&b, &err), err);
	}
	assert_cat_ok(cat_builder_finish(&b, &c, &err), err);
	cat_builder_fini(&b);
	return c;
}

static struct cat_column *observations(const struct cat_field *f)
{
	struct cat_builder b;
	struct cat_column *c;
	struct cat_error err;

	assert_cat_ok(cat_builder_init(&b, f, &err), err);
	for (int32_t i = 0; i < NROWS; i++) {
		for (int32_t k = 0; k < 2; k++) {
			const int32_t t = 10 * i + k;

			if (k == 1 && i == 1) {
				assert_cat_ok(cat_builder_null(&b.children[0], &err), err);
				continue;
			}
			assert_cat_ok(cat_builder_fixed(&b.children[0].children[0], &t, &err), err);
			assert_cat_ok(cat_builder_group_end(&b.children[0], &err), err);
		}
		assert_cat_ok(cat_builder_list_end(&b, &err), err);
	}
	assert_cat_ok(cat_builder_finish(&b, &c, &err), err);
	cat_builder_fini(&b);
	return c;
}

/* Two numbers a row; the second row is null. */
static struct cat_column *pairs(const struct cat_field *f)
{
	struct cat_builder b;
	struct cat_column *c;
	struct cat_error err;

	assert_cat_ok(cat_builder_init(&b, f, &err), err);
	for (int i = 0; i < NROWS; i++) {
		if (i == 1) {
			assert_cat_ok(cat_builder_null(&b, &err), err);
			continue;
		}
		for (int k = 0; k < 2; k++) {
			const double v = i + k / 2.0;

			assert_cat_ok(cat_builder_fixed(&b.children[0], &v, &err), err);
		}
		assert_cat_ok(cat_builder_group_end(&b, &err), err);
	}
	assert_cat_ok(cat_builder_finish(&b, &c, &err), err);
	cat_builder_fini(&b);
	return c;
}

static struct cat_batch *table(void)
{
	struct cat_schema *s = table_schema();
	struct cat_error err;
	struct cat_batch *t;

	assert_cat_ok(cat_batch_new(s, NROWS, &t, &err), err);
	for (int i = 0; i < NCOLS; i++) {
		struct cat_builder b;

		assert_cat_ok(cat_builder_init(&b, &s->fields[i], &err), err);
		for (int k = 0; k < NROWS; k++)
			put_cell(&b, rows[k][i]);
		assert_cat_ok(cat_builder_finish(&b, &t->cols[i], &err), err);
		cat_builder_fini(&b);
	}
	t->cols[NCOLS] = light_curves(&s->fields[NCOLS]);
	t->cols[NCOLS + 1] = observations(&s->fields[NCOLS + 1]);
	t->cols[NCOLS + 2] = pairs(&s->fields[NCOLS + 2]);
	cat_schema_unref(s);
	return t;
}

/* --- answers as text: values with spaces between them, "-" for NULL --- */

static void show(const struct cat_column *c, int64_t i, struct cat_text *out)
{
	char number[CAT_NUMBER_MAX];
	int32_t n;
	const char *s;

	if (!cat_column_valid(c, i)) {
		cat_text_addc(out, '-');
		return;
	}
	switch ((int)c->type.id) {
	case CAT_T_LIST:
		cat_text_addc(out, '[');
		for (int32_t k = cat_column_offsets(c)[i]; k < cat_column_offsets(c)[i + 1]; k++) {
			if (k > cat_column_offsets(c)[i])
				cat_text_addc(out, ',');
			show(c->children[0], k, out);
		}
		cat_text_addc(out, ']');
		break;
	case CAT_T_BOOL:
		cat_text_addc(out, cat_column_bool(c, i) ? 't' : 'f');
		break;
	case CAT_T_UTF8:
		s = cat_column_text(c, i, &n);
		cat_text_addf(out, "'%.*s'", (int)n, s);
		break;
	case CAT_T_F32:
		cat_text_addn(out, number, cat_format_f32(CAT_VALUES(c, float)[i], number));
		break;
	case CAT_T_F64:
		cat_text_addn(out, number, cat_format_f64(CAT_VALUES(c, double)[i], number));
		break;
	case CAT_T_U64:
		cat_text_addn(out, number, cat_format_u64(CAT_VALUES(c, uint64_t)[i], number));
		break;
	default:
		cat_text_addn(out, number, cat_format_i64(cat_column_i64(c, i), number));
	}
}

static int answer(const struct cat_batch *t, const char *text, struct cat_text *out, struct cat_error *err)
{
	struct cat_expr *e;
	struct cat_column *c;
	struct cat_field f;
	int rc;

	CAT_TRY(cat_expr_parse(text, &e, err));
	rc = cat_expr_bind(e, t->schema, err);
	if (rc == CAT_OK)
		rc = cat_expr_eval(e, t, &c, err);
	if (rc == CAT_OK) {
		assert_int_equal(c->length, t->nrows);
		for (int64_t i = 0; i < c->length; i++) {
			if (i)
				cat_text_addc(out, ' ');
			show(c, i, out);
		}
		rc = cat_expr_field(e, &f, err);
		if (rc == CAT_OK) {
			assert_int_equal(f.type.id, c->type.id);
			cat_field_fini(&f);
		}
		cat_column_unref(c);
	}
	cat_expr_free(e);
	return rc;
}

struct expect {
	const char *text, *answer;
};

/* The answer row by row, from slices: columns then begin somewhere inside their buffers. */
static void answer_by_rows(const struct cat_batch *t, const char *text, struct cat_text *out)
{
	struct cat_error err;
	struct cat_batch *row;

	for (int64_t i = 0; i < t->nrows; i++) {
		assert_cat_ok(cat_batch_slice(t, i, 1, &row, &err), err);
		if (i)
			cat_text_addc(out, ' ');
		assert_cat_ok(answer(row, text, out, &err), err);
		cat_batch_unref(row);
	}
	assert_cat_ok(cat_batch_slice(t, 1, 0, &row, &err), err);
	assert_cat_ok(answer(row, text, out, &err), err);
	cat_batch_unref(row);
}

static void check(const struct expect *x, size_t n)
{
	struct cat_batch *t = table();

	for (size_t i = 0; i < n; i++) {
		struct cat_text out = {.max = 4096}, rowwise = {.max = 4096};
		struct cat_error err;

		if (answer(t, x[i].text, &out, &err) != CAT_OK)
			fail_msg("%s: %s\n%s", x[i].text, err.cause, err.detail);
		if (strcmp(out.s, x[i].answer) != 0)
			fail_msg("%s\n  gives  %s\n  wanted %s", x[i].text, out.s, x[i].answer);
		answer_by_rows(t, x[i].text, &rowwise);
		assert_string_equal(rowwise.s, out.s);
		cat_text_fini(&out);
		cat_text_fini(&rowwise);
	}
	cat_batch_unref(t);
}
#define CHECK(...)                                                                                                \
	do {                                                                                                      \
		static const struct expect x[] = {__VA_ARGS__};                                                   \
		(void)state;                                                                                      \
		check(x, sizeof x / sizeof *x);                                                                   \
	} while (0)

static void arithmetic(void **state)
{
	CHECK({"1 + 2 * 3", "7 7 7 7 7"}, {"n + 1", "11 -2 - 1 8"}, {"n / 2", "5.0 -1.5 - 0.0 3.5"},
	      {"1 / n", "0.1 -0.3333333333333333 - - 0.14285714285714285"}, {"n % 0", "- - - - -"},
	      {"g - r", "0.5 NaN - - -"}, {"r * 2", "36.2 NaN - 34.5 -"},
	      {"ra + r", "28.100000381469727 NaN - 17.25 -"}, {"-n", "-10 3 - 0 -7"}, {"- -n", "10 -3 - 0 7"},
	      {"n & 6", "2 4 - 0 6"}, {"n << 2", "40 -12 - 0 28"}, {"n >> 1", "5 -2 - 0 3"},
	      {"u >> 60", "0 15 - 0 0"}, {"~n", "-11 2 - -1 -8"}, {"n ^ 1", "11 -4 - 1 6"},
	      {"-9223372036854775808", "-9223372036854775808 -9223372036854775808 -9223372036854775808 "
				       "-9223372036854775808 -9223372036854775808"},
	      {"abs(n)", "10 3 - 0 7"}, {"round(2.5)", "3.0 3.0 3.0 3.0 3.0"},
	      {"round(g, 0)", "19.0 17.0 - - NaN"}, {"round(n, -1)", "10 0 - 0 10"},
	      {"truncate(-2.7)", "-2.0 -2.0 -2.0 -2.0 -2.0"}, {"power(2, n)", "1024.0 0.125 - 1.0 128.0"},
	      {"mod(n, 4)", "2 -3 - 0 3"}, {"sign(n)", "1 -1 - 0 1"}, {"floor(g)", "18.0 17.0 - - NaN"},
	      {"least(n, 5)", "5 -3 5 0 5"}, {"greatest(g, r)", "18.6 17.0 - 17.25 NaN"},
	      {"0xff", "255 255 255 255 255"}, {"sqrt(n)", "3.1622776601683795 NaN - 0.0 2.6457513110645907"});
}

static void comparisons(void **state)
{
	CHECK({"r < 18.1", "f - - t -"}, {"r < 18.11", "t - - t -"}, {"r = 17.25", "f - - t -"},
	      {"NOT r < 18.11", "f - - f -"}, {"u > 1", "f t - t f"}, {"u > -1", "t t - t t"},
	      {"-1 < u", "t t - t t"}, {"u >= n", "f t - t f"}, {"n <= u", "f t - t f"},
	      {"id = 9223372036854775807", "f f - t f"}, {"18.1 > r", "f - - t -"}, {"name = 'Vega'", "t f - f f"},
	      {"name >= 'it'", "f t - t f"}, {"ok", "t f - t -"}, {"ok = 1", "t f - t -"},
	      {"ok = TRUE", "t f - t -"}, {"n BETWEEN 0 AND 7", "f f - t t"},
	      {"n NOT BETWEEN 0 AND 7", "t t - f f"}, {"r BETWEEN g AND 20", "f - - - -"},
	      {"n IN (7, 10)", "t f - f t"}, {"n NOT IN (7, NULL)", "- - - - f"}, {"n IN (7, id)", "f f - f t"},
	      {"name IN ('Vega', 'x', '')", "t f - f t"}, {"r IN (17.25)", "f - - t -"},
	      {"n IN (0.0, 7.5)", "f f - t f"}, {"u IN (5, 18446744073709551615)", "f t - t f"},
	      {"r IS NULL", "f t t f t"}, {"r IS NOT NULL", "t f f t f"}, {"isnan(r)", "f t - f -"},
	      {"NULL = 1", "- - - - -"}, {"NULL IS NULL", "t t t t t"},
	      {"at < '2020-01-01 00:00:00.6'", "t t - f t"}, {"at >= DATE '2020-01-02'", "f f - t f"},
	      {"at = '2020-01-02T00:00:00.000000001'", "f f - f f"}, {"at < TIMESTAMP '1970-01-01'", "f t - f f"},
	      {"at IN ('2020-01-02', '2016-12-31 12:00')", "f f - t t"},
	      {"at BETWEEN '2017-01-01' AND DATE '2020-01-02'", "t f - t f"},
	      {"coalesce(at, DATE '1970-01-02') = '1970-01-02'", "f f t f f"},
	      {"greatest(at, '2020-01-01') > '2020-01-01'", "t f f t f"},
	      {"u BETWEEN -1 AND 5", "t f - t t"},
	      {"u IN (1, -1)", "t f - f f"},
	      {"u = n", "f f - f f"},
	      {"id < 1e18", "t t - f t"});
}

static void logic(void **state)
{
	CHECK({"ok AND n > 0", "t f - f -"}, {"ok OR n > 0", "t f - t t"}, {"NOT ok", "f t - f -"},
	      {"ok IS TRUE", "t f f t f"}, {"ok IS NOT FALSE", "t f t t t"}, {"NULL AND ok", "- f - - -"},
	      {"NULL OR ok", "t - - t -"}, {"n <> 0 AND 10 / n > 1", "f f - f t"},
	      {"CASE WHEN n > 5 THEN 'big' WHEN n > 0 THEN 'small' ELSE 'no' END", "'big' 'no' 'no' 'no' 'big'"},
	      {"CASE n WHEN 0 THEN 1 WHEN 7 THEN 2.5 END", "- - - 1.0 2.5"},
	      {"CASE WHEN id < 100 THEN id * id END", "1 4 - - 49"}, {"id > 100 OR id * id < 5", "t t - t f"},
	      {"coalesce(r, g, -1)", "18.1 17.0 -1.0 17.25 -1.0"}, {"if(ok, n, -n)", "10 3 - 0 -7"},
	      {"nullif(n, 7)", "10 -3 - 0 -"}, {"ok AND ok AND n = 10", "t f - f f"});
}

static void text(void **state)
{
	CHECK({"upper(name)", "'VEGA' 'IT'S' - '\xc3\xa9TOILE' ''"}, {"length(name)", "4 4 - 6 0"},
	      {"substring(name, 2, 2)", "'eg' 't'' - 'to' ''"},
	      {"substring(name, 0, 2)", "'V' 'i' - '\xc3\xa9' ''"},
	      {"name || '!'", "'Vega!' 'it's!' - '\xc3\xa9toile!' '!'"},
	      {"concat(name, n)", "'Vega10' 'it's-3' '' '\xc3\xa9toile0' '7'"},
	      {"replace(name, 'e', 'EE')", "'VEEga' 'it's' - '\xc3\xa9toilEE' ''"},
	      {"trim('  a b ')", "'a b' 'a b' 'a b' 'a b' 'a b'"}, {"name LIKE 'V%a'", "t f - f f"},
	      {"name LIKE '_toile'", "f f - t f"}, {"name ILIKE 'vEGA'", "t f - f f"},
	      {"name NOT LIKE '%t%'", "t f - f t"}, {"'50%' LIKE '50!%' ESCAPE '!'", "t t t t t"},
	      {"'507' LIKE '50!%' ESCAPE '!'", "f f f f f"}, {"starts_with(name, 'Ve')", "t f - f f"},
	      {"ends_with(name, 'e')", "f f - t f"}, {"name = 'it''s'", "f t - f f"});
}

static void casts(void **state)
{
	CHECK({"CAST(n AS double)", "10.0 -3.0 - 0.0 7.0"}, {"CAST('2.5' AS double)", "2.5 2.5 2.5 2.5 2.5"},
	      {"CAST(2.5 AS int)", "2 2 2 2 2"}, {"TRY_CAST(name AS int)", "- - - - -"},
	      {"TRY_CAST(id AS tinyint)", "1 2 - - -7"}, {"CAST(n AS varchar)", "'10' '-3' - '0' '7'"},
	      {"CAST(r AS string)", "'18.1' 'NaN' - '17.25' -"},
	      {"CAST(at AS string)",
	       "'2020-01-01T00:00:00.500000' '1969-12-31T23:59:59.999999' - '2020-01-02T00:00:00' "
	       "'2016-12-31T12:00:00'"},
	      {"CAST(CAST(at AS date) AS string)", "'2020-01-01' '1969-12-31' - '2020-01-02' '2016-12-31'"},
	      {"CAST(ok AS int)", "1 0 - 1 -"}, {"CAST(n AS boolean)", "t t - f t"},
	      {"CAST(' 12 ' AS bigint)", "12 12 12 12 12"});
}

static void positions(void **state)
{
	CHECK({"CONTAINS(POINT(ra, dec), CIRCLE(10, -20, 1)) = 1", "t f f f f"},
	      {"CONTAINS(POINT('ICRS', ra, dec), CIRCLE(POINT(100, 89.5), 0.5))", "0 0 0 1 0"},
	      {"CONTAINS(POINT(ra, dec), BOX(0, 45, 20, 2))", "0 1 0 0 0"},
	      {"DISTANCE(ra, dec, 10, -20)", "0.0 67.50850804376182 - 110.00000000000001 NaN"},
	      {"DISTANCE(POINT(ra, dec), POINT(10, -20)) < 1", "t f - f -"});
}

static void lists(void **state)
{
	CHECK({"lc.mag", "[] [20.0] - [20.0,17.0,NaN] [20.0,16.0,NaN,8.0]"},
	      {"lc.mag + 1", "[] [21.0] - [21.0,18.0,NaN] [21.0,17.0,NaN,9.0]"},
	      {"min(lc.mag)", "- 20.0 - 17.0 8.0"}, {"max(lc.mag)", "- 20.0 - 20.0 20.0"},
	      {"median(lc.mag)", "- 20.0 - 18.5 16.0"}, {"count(lc.mag)", "0 1 - 2 3"},
	      {"array_length(lc.mag)", "0 1 - 3 4"}, {"mean(lc.mag)", "- 20.0 - 18.5 14.666666666666666"},
	      {"count_if(lc.mag < 18)", "0 0 - 1 2"}, {"count_if(lc.band = 'r' AND lc.mag < 18)", "0 0 - 1 1"},
	      {"lc.mag[1]", "- 20.0 - 20.0 20.0"}, {"lc.mag[-1]", "- 20.0 - NaN 8.0"},
	      {"lc.mag - n", "[] [23.0] - [20.0,17.0,NaN] [13.0,9.0,NaN,1.0]"},
	      {"obs.t", "[0,1] [10,-] [20,21] [30,31] [40,41]"}, {"sum(obs.t * 2)", "2 20 82 122 162"},
	      {"lc.mag > 17 AND lc.band = 'g'", "[] [t] - [t,f,f] [t,f,f,f]"},
	      {"LC.Mag IS NULL", "[] [f] - [f,f,t] [f,f,t,f]"}, {"obs[1].t", "0 10 20 30 40"},
	      {"pair * 2 + n", "[10.0,11.0] - [-,-] [6.0,7.0] [15.0,16.0]"},
	      {"max(pair) - pair[1]", "0.5 - 0.5 0.5 0.5"},
	      {"array_length(pair)", "2 - 2 2 2"},
	      {"pair > 2", "[f,f] - [f,t] [t,t] [t,t]"},
	      {"upper(lc.band)", "[] ['G'] - ['G','R','R'] ['G','R','R','G']"},
	      {"TRY_CAST(lc.mag AS int)", "[] [20] - [20,17,-] [20,16,-,8]"},
	      {"lc.band IN ('r', 'x')", "[] [f] - [f,t,t] [f,t,t,f]"},
	      {"count_if(lc.mag BETWEEN 10 AND n)", "0 0 - 0 0"},
	      {"list_length(obs)", "2 2 2 2 2"});
}

struct refusal {
	const char *text;
	enum cat_code code;
	const char *words;
	const char *under; /* what the carets stand under; NULL: not checked */
};

static void caret_text(const char *detail, char *out)
{
	const char *carets = strchr(detail, '\n');
	const char *first = carets ? strchr(carets, '^') : NULL;

	*out = '\0';
	if (!first)
		return;
	strcpy(out, detail + (first - carets - 1));
	out[strspn(first, "^")] = '\0';
}

static void refusals(void **state)
{
	static const struct refusal x[] = {
		{"rr < 3 AND idd = 1", CAT_E_USAGE, "no column 'rr'; nearest: r", "rr"},
		{"n < 3 AND sqrtt(n) = 1", CAT_E_USAGE, "no function 'sqrtt'; nearest: SQRT", "sqrtt"},
		{"1 +", CAT_E_USAGE, "ends too early", NULL},
		{"(n", CAT_E_USAGE, "')' expected", NULL},
		{"n n", CAT_E_USAGE, "does not go on", "n"},
		{"'abc", CAT_E_USAGE, "never ends", NULL},
		{"name < 3", CAT_E_USAGE, "text and integer do not go together", NULL},
		{"1 < n < 5", CAT_E_USAGE, "BETWEEN", NULL},
		{"n AND ok", CAT_E_USAGE, "a condition is needed", "n"},
		{"id + 1", CAT_E_DATA, "9223372036854775807 + 1 overflows int64 (row 4", "id + 1"},
		{"id * 3", CAT_E_DATA, "overflows", NULL},
		{"u + 1", CAT_E_DATA, "beyond int64", NULL},
		{"CAST(name AS int)", CAT_E_DATA, "'Vega' is no int32", NULL},
		{"CAST(n AS tinyint) + CAST(1e300 AS float)", CAT_E_DATA, "is no float", NULL},
		{"rand()", CAT_E_UNSUPPORTED, "RAND", NULL},
		{"CONTAINS(POINT(ra,dec), POLYGON(1,2,3,4,5,6)) = 1", CAT_E_UNSUPPORTED, "POLYGON", NULL},
		{"POINT(ra, dec)", CAT_E_USAGE, "CONTAINS", NULL},
		{"min(n)", CAT_E_USAGE, "aggregate", NULL},
		{"lc.magg", CAT_E_USAGE, "no field 'magg'; nearest: mag", NULL},
		{"sqrt(n, 2)", CAT_E_USAGE, "takes 1 argument", NULL},
		{"lc.mag + lc.mag[1] + obs.t", CAT_E_DATA, "do not go together", NULL},
		{"CASE WHEN lc.mag > 1 THEN 1 END", CAT_E_USAGE, "lists", NULL},
		{"", CAT_E_USAGE, "empty", NULL},
		{"select", CAT_E_USAGE, "no column", NULL},
		{"order by", CAT_E_USAGE, "go on", NULL},
		{"3abc", CAT_E_USAGE, "number runs", NULL},
		{"CONTAINS(POINT('GALACTIC', ra, dec), CIRCLE(1,2,3))", CAT_E_UNSUPPORTED, "GALACTIC", NULL},
	};
	struct cat_batch *t = table();

	(void)state;
	for (size_t i = 0; i < sizeof x / sizeof *x; i++) {
		struct cat_text out = {.max = 4096};
		struct cat_error err = {.code = CAT_OK};
		char under[512];
		const int rc = answer(t, x[i].text, &out, &err);

		if (rc != (int)x[i].code || !strstr(err.cause, x[i].words))
			fail_msg("%s: %d %s\n%s (%s)", x[i].text, rc, err.cause, err.detail, out.s ? out.s : "");
		caret_text(err.detail, under);
		if (x[i].under && strcmp(under, x[i].under) != 0)
			fail_msg("%s: carets under '%s'\n%s", x[i].text, under, err.detail);
		cat_text_fini(&out);
	}
	cat_batch_unref(t);
}

static void deep_nesting_is_refused(void **state)
{
	struct cat_error err;
	struct cat_expr *e;
	char *s = cat_malloc(200001);

	(void)state;
	memset(s, '(', 200000);
	s[200000] = '\0';
	assert_int_equal(cat_expr_parse(s, &e, &err), CAT_E_USAGE);
	for (int i = 0; i < 200000; i += 2)
		memcpy(s + i, "1+", 2);
	assert_int_equal(cat_expr_parse(s, &e, &err), CAT_E_USAGE);
	for (int i = 0; i < 200000; i++)
		s[i] = "NOT "[i % 4];
	assert_int_equal(cat_expr_parse(s, &e, &err), CAT_E_USAGE);
	cat_free(s);
}

static void long_chains_work(void **state)
{
	struct cat_batch *t = table();
	struct cat_text sum = {.max = 1 << 20}, any = {.max = 1 << 20}, out = {.max = 4096};
	struct cat_error err;

	(void)state;
	cat_text_add(&sum, "n");
	cat_text_add(&any, "n = 10");
	for (int i = 1; i < 900; i++)
		cat_text_add(&sum, " + n");
	for (int i = 0; i < 20000; i++)
		cat_text_addf(&any, " OR n = %d", i + 100);
	assert_cat_ok(answer(t, sum.s, &out, &err), err);
	assert_string_equal(out.s, "9000 -2700 - 0 6300");
	cat_text_fini(&out);
	assert_cat_ok(answer(t, any.s, &out, &err), err);
	assert_string_equal(out.s, "t f - f f");
	cat_text_fini(&out);
	cat_text_fini(&sum);
	cat_text_fini(&any);
	cat_batch_unref(t);
}

static void metadata_of_bare_columns(void **state)
{
	struct cat_batch *t = table();
	struct cat_error err;
	struct cat_field f;
	struct cat_expr *e;
	bool used[NCOLS + 3] = {false};

	(void)state;
	assert_cat_ok(cat_expr_parse("RA", &e, &err), err);
	assert_cat_ok(cat_expr_bind(e, t->schema, &err), err);
	assert_int_equal(cat_expr_column(e), 5);
	assert_cat_ok(cat_expr_field(e, &f, &err), err);
	assert_string_equal(f.name, "ra");
	assert_string_equal(cat_kv_get(&f.meta, CAT_META_UNIT), "deg");
	cat_field_fini(&f);
	cat_expr_free(e);
	assert_cat_ok(cat_expr_parse("sqrt(g) + lc.mag[1]", &e, &err), err);
	assert_cat_ok(cat_expr_bind(e, t->schema, &err), err);
	cat_expr_columns(e, used);
	for (int i = 0; i < NCOLS + 3; i++)
		assert_int_equal(used[i], i == 4 || i == NCOLS);
	cat_expr_free(e);
	cat_batch_unref(t);
}

static void text_reads_back(void **state)
{
	static const char *const x[] = {"a+b*c",
					"not a and b or c is not null",
					"x in (1,2,'a''b')",
					"case when a then b else c end",
					"case x when 1 then 2 end",
					"cast(\"a b\" as double)",
					"-(-5)",
					"- x",
					"lc.\"Mag x\"[2]",
					"a between 1 and 2 and c",
					"a not like 'x%' escape '!'",
					"Sqrt(1e300*2.5)",
					"(a-b)-c",
					"a-(b-c)",
					"~a & 3 | 4 ^ 5 << 1",
					"18446744073709551615",
					"timestamp '2020-01-01'",
					"1e999",
					"\"select\"",
					"\"end\" + 1",
					"a || b",
					"a == b",
					"try_cast(a as date)"};
	struct cat_error err;

	(void)state;
	for (size_t i = 0; i < sizeof x / sizeof *x; i++) {
		struct cat_text one = {.max = 4096}, two = {.max = 4096};
		struct cat_expr *e;

		assert_cat_ok(cat_expr_parse(x[i], &e, &err), err);
		cat_expr_text(e, &one);
		cat_expr_free(e);
		assert_cat_ok(cat_expr_parse(one.s, &e, &err), err);
		cat_expr_text(e, &two);
		cat_expr_free(e);
		assert_string_equal(one.s, two.s);
		cat_text_fini(&one);
		cat_text_fini(&two);
	}
}

static void every_allocation_may_fail(void **state)
{
	static const char *const x[] = {
		"CASE WHEN n > 5 THEN upper(name) ELSE 'x' || n END",
		"count_if(lc.band = 'r' AND lc.mag + n < 18)",
		"name IN ('b', 'a', 'c') OR r BETWEEN g AND 20 OR coalesce(g, r) < 3",
		"sum(obs.t) + median(lc.mag)",
		"CONTAINS(POINT(ra, dec), CIRCLE(10, -20, 1)) = 1 AND nullif(n, 7) = least(n, 5)",
		"CAST(CAST(n AS string) AS int)"};
	struct cat_batch *t = table();

	(void)state;
	for (size_t i = 0; i < sizeof x / sizeof *x; i++) {
		int rc = CAT_E_SYSTEM;

		for (int64_t n = 1; rc != CAT_OK; n++) {
			struct cat_text out = {.max = 4096};
			struct cat_error err;

			cat_alloc_fail_after(n);
			rc = answer(t, x[i], &out, &err);
			cat_alloc_fail_after(0);
			cat_text_fini(&out);
			if (rc != CAT_OK)
				assert_int_equal(rc, CAT_E_SYSTEM);
			else if (cat_alloc_faulted())
				rc = CAT_E_SYSTEM; /* only the test's own text failed */
			assert_true(n < 10000);
		}
	}
	cat_batch_unref(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {UNIT_TEST(arithmetic),
					   UNIT_TEST(comparisons),
					   UNIT_TEST(logic),
					   UNIT_TEST(text),
					   UNIT_TEST(casts),
					   UNIT_TEST(positions),
					   UNIT_TEST(lists),
					   UNIT_TEST(refusals),
					   UNIT_TEST(deep_nesting_is_refused),
					   UNIT_TEST(long_chains_work),
		UNIT_TEST(metadata_of_bare_columns),
					   UNIT_TEST(text_reads_back),
					   UNIT_TEST(every_allocation_may_fail)};

	return cmocka_run_group_tests_name("expr_eval", tests, NULL, NULL);
}
