#include "unit.h"

#include "columnar/builder.h"
#include "formats/isotime.h"
#include "formats/jsontext.h"

/* One value of F, made by ADD (NULL: a null), as JSON. */
static void expect(struct cat_field *f, int (*add)(struct cat_builder *, struct cat_error *), const char *want)
{
	struct cat_text text = {.max = 1000};
	struct cat_error err = {0};
	struct cat_builder b;
	struct cat_column *c;

	assert_cat_ok(cat_builder_init(&b, f, &err), err);
	assert_cat_ok(add ? add(&b, &err) : cat_builder_null(&b, &err), err);
	assert_cat_ok(cat_builder_finish(&b, &c, &err), err);
	cat_jsontext(f, c, 0, &text);
	assert_cat_ok(cat_text_check(&text, &err), err);
	assert_string_equal(text.s, want);
	cat_text_fini(&text);
	cat_column_unref(c);
	cat_builder_fini(&b);
	cat_field_fini(f);
}

static struct cat_field field(enum cat_type_id id)
{
	struct cat_error err = {0};
	struct cat_field f;

	assert_cat_ok(cat_field_init(&f, "f", id, &err), err);
	return f;
}

static int add_text(struct cat_builder *b, struct cat_error *err)
{
	return cat_builder_text(b, "a\"\\\n\t\x01\xc3\xa9", 8, err);
}

static int add_bytes(struct cat_builder *b, struct cat_error *err)
{
	return cat_builder_text(b, "\0\xff\x10z", 4, err);
}

static int add_fixed_bytes(struct cat_builder *b, struct cat_error *err)
{
	return cat_builder_fixed(b, "abc", err);
}

/* -12345 as a 128-bit integer. */
static int add_decimal(struct cat_builder *b, struct cat_error *err)
{
	static const int64_t v[2] = {-12345, -1};

	return cat_builder_fixed(b, v, err);
}

static int add_small_decimal(struct cat_builder *b, struct cat_error *err)
{
	static const int64_t v[2] = {7, 0};

	return cat_builder_fixed(b, v, err);
}

/* The key "k", the value NULL; then "l", 1.5. */
static int add_map(struct cat_builder *b, struct cat_error *err)
{
	struct cat_builder *entry = &b->children[0];
	const double v = 1.5;

	CAT_TRY(cat_builder_text(&entry->children[0], "k", 1, err));
	CAT_TRY(cat_builder_null(&entry->children[1], err));
	CAT_TRY(cat_builder_group_end(entry, err));
	CAT_TRY(cat_builder_text(&entry->children[0], "l", 1, err));
	CAT_TRY(cat_builder_fixed(&entry->children[1], &v, err));
	CAT_TRY(cat_builder_group_end(entry, err));
	return cat_builder_list_end(b, err);
}

static void text_and_bytes(void **state)
{
	struct cat_field f = field(CAT_T_UTF8);

	(void)state;
	expect(&f, add_text, "\"a\\\"\\\\\\n\\t\\u0001\xc3\xa9\"");
	f = field(CAT_T_BINARY);
	expect(&f, add_bytes, "\"AP8Qeg==\"");
	f = field(CAT_T_FIXED_BINARY);
	f.type.width = 3;
	expect(&f, add_fixed_bytes, "\"YWJj\"");
	f = field(CAT_T_UTF8);
	expect(&f, NULL, "null");
	f = field(CAT_T_NULL);
	expect(&f, NULL, "null");
}

static void decimals(void **state)
{
	static const struct {
		int scale;
		const char *big, *small;
	} cases[] = {{0, "-12345", "7"}, {2, "-123.45", "0.07"}, {5, "-0.12345", "0.00007"}, {-2, "-1234500", "700"}};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct cat_field f = field(CAT_T_DECIMAL128);

		f.type.precision = 38;
		f.type.scale = cases[i].scale;
		expect(&f, add_decimal, cases[i].big);
		f = field(CAT_T_DECIMAL128);
		f.type.scale = cases[i].scale;
		expect(&f, add_small_decimal, cases[i].small);
	}
}

static void maps(void **state)
{
	struct cat_field f = field(CAT_T_MAP);
	struct cat_error err = {0};

	(void)state;
	assert_cat_ok(cat_field_children(&f, 1, &err), err);
	assert_cat_ok(cat_field_init(&f.children[0], "entries", CAT_T_STRUCT, &err), err);
	assert_cat_ok(cat_field_children(&f.children[0], 2, &err), err);
	assert_cat_ok(cat_field_init(&f.children[0].children[0], "key", CAT_T_UTF8, &err), err);
	assert_cat_ok(cat_field_init(&f.children[0].children[1], "value", CAT_T_F64, &err), err);
	expect(&f, add_map, "[{\"key\":\"k\",\"value\":null},{\"key\":\"l\",\"value\":1.5}]");
}

static void dates_and_times(void **state)
{
	char out[CAT_ISO_MAX];
	int32_t days;

	(void)state;
	assert_int_equal(cat_iso_date(0, out), 10);
	assert_string_equal(out, "1970-01-01");
	cat_iso_date(-1, out);
	assert_string_equal(out, "1969-12-31");
	cat_iso_date(11016, out);
	assert_string_equal(out, "2000-02-29");
	cat_iso_date(-719529, out);
	assert_string_equal(out, "-0001-12-31");
	cat_iso_date(2932897, out);
	assert_string_equal(out, "+10000-01-01");
	cat_iso_timestamp(-1, CAT_UNIT_NS, true, out);
	assert_string_equal(out, "1969-12-31T23:59:59.999999999Z");
	cat_iso_timestamp(INT64_MIN, CAT_UNIT_NS, false, out);
	assert_string_equal(out, "1677-09-21T00:12:43.145224192");
	cat_iso_timestamp(1732436700, CAT_UNIT_S, false, out);
	assert_string_equal(out, "2024-11-24T08:25:00");
	cat_iso_time(86399999, CAT_UNIT_MS, out);
	assert_string_equal(out, "23:59:59.999");
	/* Years 0 to 9999. */
	for (int32_t d = -719528; d < 2932897; d += 311) {
		assert_true(cat_iso_parse_date(out, cat_iso_date(d, out), &days));
		assert_int_equal(days, d);
	}
	assert_false(cat_iso_parse_date("1900-02-29", 10, &days));
	assert_false(cat_iso_parse_date("2000-13-01", 10, &days));
	assert_false(cat_iso_parse_date("2000-00-10", 10, &days));
	assert_false(cat_iso_parse_date("2000-1-01", 9, &days));
	assert_false(cat_iso_parse_date("20-0-01-01", 10, &days));
}

int main(void)
{
	const struct CMUnitTest tests[] = {UNIT_TEST(text_and_bytes), UNIT_TEST(decimals), UNIT_TEST(maps),
	                                   UNIT_TEST(dates_and_times)};

	return cmocka_run_group_tests_name("formats_jsontext", tests, NULL, NULL);
}
