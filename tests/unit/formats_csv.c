#include "unit.h"

#include <stdio.h>

#include "feeds.h"
#include "formats/csv.h"
#include "formats/jsonl.h"

enum form { CSV, TSV, JSONL };

static int make_encoder(struct cat_schema *s, const void *arg, struct cat_encoder **out, struct cat_error *err)
{
	const enum form form = *(const enum form *)arg;
	const struct cat_csv_write_options o = {.delimiter = form == TSV ? '\t' : 0};

	return form == JSONL ? cat_jsonl_encoder(s, out, err) : cat_csv_encoder(s, &o, out, err);
}

static int open_text(const char *text, size_t n, const struct cat_csv_options *o, struct cat_feed **out,
                     struct cat_error *err)
{
	struct cat_reader *r = NULL;
	struct cat_buf *b;
	int rc;

	CAT_TRY(cat_buf_copy(text, n, &b, err));
	rc = cat_reader_memory(b, "test", &r, err);
	cat_buf_unref(b);
	return rc == CAT_OK ? cat_csv_feed(r, o, out, err) : rc;
}

static int convert(const char *text, const struct cat_csv_options *o, enum form form, struct cat_buf **out,
                   struct cat_error *err)
{
	struct cat_feed *feed;

	CAT_TRY(open_text(text, strlen(text), o, &feed, err));
	return unit_recode(feed, make_encoder, &form, out, err);
}

/* TEXT read and written again as FORM is WANT, whatever the size of blocks. */
static void expect(const char *text, enum form form, const char *want)
{
	static const size_t blocks[] = {0, 1, 7, 30};

	for (size_t i = 0; i < 4; i++) {
		const struct cat_csv_options o = {.block_bytes = blocks[i]};
		struct cat_error err = {0};
		struct cat_buf *out;

		assert_cat_ok(convert(text, &o, form, &out, &err), err);
		assert_int_equal(out->size, strlen(want));
		assert_memory_equal(out->data, want, out->size);
		cat_buf_unref(out);
	}
}

static void expect_error(const char *text, const struct cat_csv_options *o, int code, const char *cause)
{
	struct cat_error err = {0};
	struct cat_buf *out = NULL;
	const int rc = convert(text, o, CSV, &out, &err);

	cat_buf_unref(out);
	assert_int_equal(rc, code);
	if (!strstr(err.cause, cause))
		fail_msg("'%s' does not say '%s'", err.cause, cause);
}

static void nulls_and_nan(void **state)
{
	(void)state;
	expect("a,s\n1.5,x\n,\nnull,null\nNULL,NULL\n\\N,\\N\nNaN,\"\"\n\"null\",\"null\"\n", CSV,
	       "a,s\n1.5,x\n,\n,\n,\n,\nNaN,\"\"\n,\"null\"\n");
	expect("a\n1\n\\N\n\n\"\"\n", CSV, "a\n1\n\\N\n\\N\n");
	expect("s\nx\n\\N\n\"\"\n", CSV, "s\nx\n\\N\n\"\"\n");
	expect("f,g\nNaN,inf\n-inf,\n", JSONL, "{\"f\":\"NaN\",\"g\":\"inf\"}\n{\"f\":\"-inf\",\"g\":null}\n");
}

static void quotes_lines_and_marks(void **state)
{
	(void)state;
	expect("\xef\xbb\xbf# c\r\n#\r\n\r\na,\"b \"\"x\"\"\"\r\n1,\"u,\"\"v\"\"\r\nw\"\r\n\r\n2,5\" pipe\r\n3, y ",
	       CSV,
	       "a,\"b \"\"x\"\"\"\n1,\"u,\"\"v\"\"\r\nw\"\n2,\"5\"\" pipe\"\n3,\" y \"\n");
	expect("a;b\n1;2\n", CSV, "a;b\n1;2\n");
	expect("a,b", CSV, "a,b\n");
	expect("a\n#1\n", CSV, "a\n\"#1\"\n");
	expect("a\tb\n1\t2\n", TSV, "\"a\tb\"\n\"1\t2\"\n");
	expect("a,b\n1,\"x\ty\"\n", TSV, "a\tb\n1\t\"x\ty\"\n");
}

static void types_from_values(void **state)
{
	struct cat_error err = {0};
	struct cat_feed *feed;
	static const char text[] = "i,u,f,big,b,s,n,mixed,neg,blank\n"
	                           "-1,18446744073709551615,1,99999999999999999999,true,x,,true,-9223372036854775808, 7 \n"
	                           "+2,3,2.5,1,FALSE,2,,1,9223372036854775808,8\n";
	static const enum cat_type_id want[] = {CAT_T_I64,  CAT_T_U64,  CAT_T_F64,  CAT_T_F64, CAT_T_BOOL,
	                                        CAT_T_UTF8, CAT_T_UTF8, CAT_T_UTF8, CAT_T_F64, CAT_T_I64};

	(void)state;
	assert_cat_ok(open_text(text, sizeof text - 1, NULL, &feed, &err), err);
	for (int i = 0; i < 10; i++)
		assert_int_equal(feed->schema->fields[i].type.id, want[i]);
	assert_int_equal(cat_csv_feed_body(feed), 32);
	cat_feed_close(feed);
}

/* A column of integers whose last value, far beyond the sample, is LAST. */
static char *long_text(const char *last)
{
	const size_t rows = 1400000;
	char *text = malloc(rows * 8 + 100), *p = text;

	assert_non_null(text);
	p += sprintf(p, "n\n");
	for (size_t i = 0; i < rows; i++) {
		memcpy(p, "1234567\n", 8);
		p += 8;
	}
	sprintf(p, "%s\n", last);
	return text;
}

static void a_late_misfit(void **state)
{
	char *text = long_text("1.5");
	const struct cat_csv_options full = {.full_infer = true};
	struct cat_error err = {0};
	struct cat_feed *feed;

	(void)state;
	expect_error(text, NULL, CAT_E_DATA, "line 1400002: column 'n': '1.5' is not int64 (--types n:float64 reads it)");
	assert_cat_ok(open_text(text, strlen(text), &full, &feed, &err), err);
	assert_int_equal(feed->schema->fields[0].type.id, CAT_T_F64);
	cat_feed_close(feed);
	free(text);
}

static void forced_types(void **state)
{
	static const struct cat_csv_forced forced[] = {
		{"F", CAT_T_F32}, {"d", CAT_T_DATE32}, {"i", CAT_T_I8}, {"s", CAT_T_UTF8}, {"b", CAT_T_BOOL}};
	static const struct cat_csv_forced unknown = {"zz", CAT_T_I64}, nested = {"f", CAT_T_LIST};
	struct cat_csv_options o = {.nforced = 5, .forced = forced};
	struct cat_error err = {0};
	struct cat_buf *out;

	(void)state;
	assert_cat_ok(convert("f,d,i,s,b\n1.00000017881393432617187501,2024-02-29,-128,007,True\n,1600-12-31,,null,FALSE\n", &o,
	                      CSV, &out, &err), err);
	assert_memory_equal(out->data, "f,d,i,s,b\n1.0000002,2024-02-29,-128,007,true\n,1600-12-31,,,false\n", out->size);
	cat_buf_unref(out);
	expect_error("f,d,i,s,b\n1,2024-02-30,1,x,true\n", &o, CAT_E_DATA,
	             "line 2: column 'd': '2024-02-30' is not date");
	expect_error("b\ntrue\n1\n", &(struct cat_csv_options){.nforced = 1, .forced = &forced[4]}, CAT_E_DATA,
	             "'1' is not bool");
	expect_error("f,d,i,s,b\n1,2024-02-01,128,x,true\n", &o, CAT_E_DATA, "'128' is not int8 (--types i:int64");
	o = (struct cat_csv_options){.nforced = 1, .forced = &unknown};
	expect_error("f\n1\n", &o, CAT_E_USAGE, "no column 'zz'");
	o.forced = &nested;
	expect_error("f\n1\n", &o, CAT_E_USAGE, "cannot be read as this type");
}

/* The least and the greatest of every kind of integer, written in every way that is allowed, and what is one beyond. */
static void forced_integers(void **state)
{
	static const struct {
		enum cat_type_id id;
		const char *least, *most, *below, *above;
	} kinds[] = {
		{CAT_T_I8, "-128", "127", "-129", "128"},
		{CAT_T_U8, "0", "255", "-1", "256"},
		{CAT_T_I16, "-32768", "32767", "-32769", "32768"},
		{CAT_T_U16, "0", "65535", "-1", "65536"},
		{CAT_T_I32, "-2147483648", "2147483647", "-2147483649", "2147483648"},
		{CAT_T_U32, "0", "4294967295", "-1", "4294967296"},
		{CAT_T_I64, "-9223372036854775808", "9223372036854775807", "-9223372036854775809", "9223372036854775808"},
		{CAT_T_U64, "0", "18446744073709551615", "-1", "18446744073709551616"},
	};

	(void)state;
	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
		const struct cat_csv_forced forced = {"i", kinds[k].id};
		const struct cat_csv_options o = {.nforced = 1, .forced = &forced};
		char text[400], want[200];
		struct cat_error err = {0};
		struct cat_buf *out;

		snprintf(text, sizeof text, "i,t\n%s,a\n%s,b\n,c\nnull,d\n\"7\",e\n\"0008\",f\n+9,g\n -0,h\n", kinds[k].least,
		         kinds[k].most);
		snprintf(want, sizeof want, "i,t\n%s,a\n%s,b\n,c\n,d\n7,e\n8,f\n9,g\n0,h\n", kinds[k].least, kinds[k].most);
		assert_cat_ok(convert(text, &o, CSV, &out, &err), err);
		assert_int_equal(out->size, strlen(want));
		assert_memory_equal(out->data, want, out->size);
		cat_buf_unref(out);
		for (int i = 0; i < 2; i++) {
			snprintf(text, sizeof text, "i\n1\n%s\n", i ? kinds[k].above : kinds[k].below);
			expect_error(text, &o, CAT_E_DATA, "line 3: column 'i'");
		}
		expect_error("i\n1.0\n", &o, CAT_E_DATA, "'1.0' is not");
	}
}

static void what_is_no_csv(void **state)
{
	(void)state;
	expect_error("", NULL, CAT_E_DATA, "empty input");
	expect_error("# only\n", NULL, CAT_E_DATA, "no header");
	expect_error("a,b\n1,2\n\n3\n", NULL, CAT_E_DATA, "line 4: 1 field where the header has 2");
	expect_error("#\na,b\n1,2,3\n", NULL, CAT_E_DATA, "line 3: 3 fields where the header has 2");
	expect_error("a,b\n1,\"x\n\"\n2,\"x\"y\n", NULL, CAT_E_DATA, "line 4: text after a closing quote");
	expect_error("a,b\n1,2\n3,\"x\n", NULL, CAT_E_DATA, "line 3: a quote that is never closed");
	expect_error("a,b\n1,\xff\n", NULL, CAT_E_DATA, "line 2: column 'b': not valid UTF-8");
	expect_error("a\rb\r", NULL, CAT_E_UNSUPPORTED, "carriage return alone");
	expect_error("a,\"b\n", NULL, CAT_E_DATA, "header");
	expect_error("a\"\n", &(struct cat_csv_options){.delimiter = '"'}, CAT_E_USAGE, "delimiter");
}

static void nul_bytes_are_refused(void **state)
{
	struct cat_error err = {0};
	struct cat_feed *feed;

	(void)state;
	assert_int_equal(open_text("a\n1\n\0\n", 7, NULL, &feed, &err), CAT_E_DATA);
	assert_non_null(strstr(err.cause, "line 3: a NUL byte"));
}

/* All ways to cut the text at one place give the same rows as the whole. */
static void shards_are_the_whole(void **state)
{
	static const char text[] = "# c\na,s\n1,\"x,y\"\n22,z\n\n333,\"\"\n4,q";
	const int64_t size = sizeof text - 1;
	struct cat_error err = {0};
	struct cat_buf *whole, *part[2];

	(void)state;
	assert_cat_ok(convert(text, NULL, CSV, &whole, &err), err);
	for (int64_t at = 1; at < size; at++) {
		char joined[200];

		for (int k = 0; k < 2; k++) {
			const struct cat_csv_options o = {
				.range_begin = k ? at : 0, .range_end = k ? size : at, .block_bytes = (size_t)(at % 9)};

			assert_cat_ok(convert(text, &o, CSV, &part[k], &err), err);
		}
		snprintf(joined, sizeof joined, "%.*s%.*s", (int)part[0]->size, (char *)part[0]->data,
		         (int)part[1]->size - 4, (char *)part[1]->data + 4);
		assert_int_equal(strlen(joined), whole->size);
		assert_memory_equal(joined, whole->data, whole->size);
		cat_buf_unref(part[0]);
		cat_buf_unref(part[1]);
	}
	cat_buf_unref(whole);
}

/* Where a line break stands inside quotes one of the shards must say so. */
static void shards_of_broken_lines_are_refused(void **state)
{
	static const char text[] = "a,s\n1,x\n2,\"y\ny\"\n3,z\n";
	const int64_t size = sizeof text - 1;

	(void)state;
	for (int64_t at = 5; at < size; at++) {
		int refused = 0;

		for (int k = 0; k < 2; k++) {
			const struct cat_csv_options o = {.range_begin = k ? at : 0, .range_end = k ? size : at};
			struct cat_error err = {0};
			struct cat_buf *out = NULL;
			const int rc = convert(text, &o, CSV, &out, &err);

			refused += rc != CAT_OK;
			cat_buf_unref(out);
		}
		assert_true(refused >= 1);
	}
}

static void several_files_have_common_types(void **state)
{
	static const char *const a = "id,x,t\n1,1,\n", *const b = "x,t,id\n1.5,word,2\n",
	                        *const ids = "id,x,t\n9007199254740993,1,\n", *const fractions = "id,x,t\n0.5,1,\n",
	                        *const words = "id,x,t\nword,1,\n", *const others = "id,x,y\n1,1,1\n";
	const char *const second[] = {b, words, others};
	struct cat_error err = {0};
	struct cat_csv_types types;
	struct cat_feed *feed;

	(void)state;
	for (int i = 0; i < 3; i++) {
		int rc;

		assert_cat_ok(open_text(a, strlen(a), NULL, &feed, &err), err);
		assert_cat_ok(cat_csv_types_copy(&types, cat_csv_feed_types(feed), &err), err);
		cat_feed_close(feed);
		assert_cat_ok(open_text(second[i], strlen(second[i]), NULL, &feed, &err), err);
		rc = cat_csv_types_merge(&types, cat_csv_feed_types(feed), &err);
		cat_feed_close(feed);
		assert_int_equal(rc, i ? CAT_E_DATA : CAT_OK);
		if (rc == CAT_OK) {
			const struct cat_csv_options o = {.types = &types};

			assert_cat_ok(open_text(b, strlen(b), &o, &feed, &err), err);
			assert_int_equal(feed->schema->fields[0].type.id, CAT_T_F64);
			assert_int_equal(feed->schema->fields[1].type.id, CAT_T_UTF8);
			assert_int_equal(feed->schema->fields[2].type.id, CAT_T_I64);
			cat_feed_close(feed);
		}
		cat_csv_types_fini(&types);
	}
	/* Integers beyond 2^53 would lose digits among fractions. */
	assert_cat_ok(open_text(ids, strlen(ids), NULL, &feed, &err), err);
	assert_cat_ok(cat_csv_types_copy(&types, cat_csv_feed_types(feed), &err), err);
	cat_feed_close(feed);
	assert_cat_ok(open_text(fractions, strlen(fractions), NULL, &feed, &err), err);
	assert_int_equal(cat_csv_types_merge(&types, cat_csv_feed_types(feed), &err), CAT_E_DATA);
	assert_non_null(strstr(err.cause, "'id'"));
	cat_feed_close(feed);
	cat_csv_types_fini(&types);
}

static void a_pipe_that_dribbles(void **state)
{
	const struct cat_csv_options full = {.full_infer = true};
	const enum form csv = CSV;
	struct cat_error err = {0};
	struct cat_reader *r;
	struct cat_feed *feed;
	struct cat_buf *b, *out;

	(void)state;
	assert_cat_ok(cat_buf_copy("a,b\n1,2\n3,4\n", 12, &b, &err), err);
	assert_cat_ok(unit_dribble(b, &r, &err), err);
	assert_cat_ok(cat_csv_feed(r, NULL, &feed, &err), err);
	assert_cat_ok(unit_recode(feed, make_encoder, &csv, &out, &err), err);
	assert_memory_equal(out->data, b->data, 12);
	cat_buf_unref(out);
	assert_cat_ok(unit_dribble(b, &r, &err), err);
	assert_int_equal(cat_csv_feed(r, &full, &feed, &err), CAT_E_USAGE);
	cat_buf_unref(b);
}

static void some_columns_and_none(void **state)
{
	static const int cols[] = {1};
	struct cat_error err = {0};
	struct cat_feed *feed;
	struct cat_work *w;
	struct cat_batch *b;

	(void)state;
	assert_cat_ok(open_text("a,b,c\n1,x,2\n3,y,4\n", 18, NULL, &feed, &err), err);
	assert_cat_ok(feed->ops->next(feed, &w, &err), err);
	assert_cat_ok(w->ops->decode(w, cols, 1, &b, &err), err);
	assert_string_equal(b->schema->fields[0].name, "b");
	cat_batch_unref(b);
	assert_cat_ok(w->ops->decode(w, NULL, 0, &b, &err), err);
	assert_int_equal(b->nrows, 2);
	assert_int_equal(b->ncols, 0);
	cat_batch_unref(b);
	cat_work_free(w);
	cat_feed_close(feed);
}

static void memory_may_run_out_anywhere(void **state)
{
	static const char text[] = "a,b,c\n1,\"x\"\"\",2.5\n,y,NaN\n3,z,\n";
	struct cat_error err = {0};
	int rc = CAT_E_SYSTEM;

	(void)state;
	for (int64_t n = 1; rc != CAT_OK; n++) {
		const struct cat_csv_options o = {.block_bytes = 20, .full_infer = n & 1};
		struct cat_buf *out = NULL;

		cat_alloc_fail_after(n);
		rc = convert(text, &o, n & 2 ? CSV : JSONL, &out, &err);
		assert_int_equal(rc, cat_alloc_faulted() ? CAT_E_SYSTEM : CAT_OK);
		cat_alloc_fail_after(0);
		cat_buf_unref(out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(nulls_and_nan),
		UNIT_TEST(quotes_lines_and_marks),
		UNIT_TEST(types_from_values),
		UNIT_TEST(a_late_misfit),
		UNIT_TEST(forced_types),
		UNIT_TEST(forced_integers),
		UNIT_TEST(what_is_no_csv),
		UNIT_TEST(nul_bytes_are_refused),
		UNIT_TEST(shards_are_the_whole),
		UNIT_TEST(shards_of_broken_lines_are_refused),
		UNIT_TEST(several_files_have_common_types),
		UNIT_TEST(a_pipe_that_dribbles),
		UNIT_TEST(some_columns_and_none),
		UNIT_TEST(memory_may_run_out_anywhere),
	};

	return cmocka_run_group_tests_name("formats_csv", tests, NULL, NULL);
}
