#include "unit.h"

#include <dirent.h>
#include <stdio.h>

#include "columnar/builder.h"
#include "feeds.h"
#include "formats/ipc.h"

struct target {
	enum cat_ipc_form form;
	enum cat_ipc_codec codec;
};

static int make_encoder(struct cat_schema *s, const void *arg, struct cat_encoder **out, struct cat_error *err)
{
	const struct target *t = arg;

	return cat_ipc_encoder(s, t->form, t->codec, out, err);
}

/* Everything a feed gives as Arrow again; takes over FEED. */
static int as_stream(struct cat_feed *feed, enum cat_ipc_form form, enum cat_ipc_codec codec, struct cat_buf **out,
                     struct cat_error *err)
{
	const struct target t = {form, codec};

	return unit_recode(feed, make_encoder, &t, out, err);
}

static int decode(struct cat_buf *bytes, bool pipe, bool no_eos, struct cat_feed **out, struct cat_error *err)
{
	const struct cat_ipc_options o = {.allow_no_eos = no_eos};
	struct cat_reader *r;

	CAT_TRY(pipe ? unit_dribble(bytes, &r, err) : cat_reader_memory(bytes, "test", &r, err));
	return cat_ipc_feed(r, &o, out, err);
}

static int recode(struct cat_buf *bytes, bool pipe, enum cat_ipc_form form, enum cat_ipc_codec codec,
                  struct cat_buf **out, struct cat_error *err)
{
	struct cat_feed *feed;
	int rc = decode(bytes, pipe, false, &feed, err);

	return rc == CAT_OK ? as_stream(feed, form, codec, out, err) : rc;
}

static void assert_same(const struct cat_buf *a, const struct cat_buf *b)
{
	assert_int_equal(a->size, b->size);
	assert_memory_equal(a->data, b->data, a->size);
}

/* --- a batch with something of everything --- */

static int make_schema(struct cat_schema **out, struct cat_error *err)
{
	static const enum cat_type_id plain[] = {CAT_T_I64,  CAT_T_F32,    CAT_T_BOOL, CAT_T_UTF8,  CAT_T_FIXED_BINARY,
	                                         CAT_T_LIST, CAT_T_STRUCT, CAT_T_FIXED_LIST, CAT_T_TIMESTAMP};
	struct cat_schema *s;
	char name[8] = "c0";

	CAT_TRY(cat_schema_new(9, &s, err));
	*out = s;
	for (int i = 0; i < 9; i++) {
		name[1] = (char)('0' + i);
		CAT_TRY(cat_field_init(&s->fields[i], name, plain[i], err));
		if (i >= 5 && i <= 7) {
			CAT_TRY(cat_field_children(&s->fields[i], 1, err));
			CAT_TRY(cat_field_init(&s->fields[i].children[0], "item", i == 6 ? CAT_T_UTF8 : CAT_T_F64, err));
		}
	}
	s->fields[5].large = s->fields[6].children[0].large = true;
	s->fields[4].type.width = 3;
	s->fields[7].type.width = 2;
	s->fields[8].type.unit = CAT_UNIT_US;
	s->fields[8].zone = cat_strdup("UTC");
	if (!s->fields[8].zone)
		return cat_fail_mem(err, 4);
	CAT_TRY(cat_kv_set(&s->fields[1].meta, CAT_META_UNIT, "mag", err));
	return cat_kv_set(&s->meta, "catpipe.history", "[]", err);
}

static int add_value(struct cat_builder *b, int i, struct cat_error *err)
{
	const int64_t wide = i * INT64_C(1234567890123);
	const float f = (float)i / 3;
	const double d = i / 7.0;

	switch ((int)b->type.id) {
	case CAT_T_BOOL:
		return cat_builder_bool(b, i & 1, err);
	case CAT_T_UTF8:
		return cat_builder_text(b, "caf\xc3\xa9 au lait", (size_t)(i % 3 ? 5 : 13), err);
	case CAT_T_F32:
		return cat_builder_fixed(b, &f, err);
	case CAT_T_F64:
		return cat_builder_fixed(b, &d, err);
	case CAT_T_LIST:
		for (int k = 0; k < i % 4; k++)
			CAT_TRY(add_value(&b->children[0], i + k, err));
		return cat_builder_list_end(b, err);
	case CAT_T_STRUCT:
	case CAT_T_FIXED_LIST:
		for (int k = 0; k < (b->type.id == CAT_T_STRUCT ? 1 : 2); k++)
			CAT_TRY(add_value(&b->children[0], i + k, err));
		return cat_builder_group_end(b, err);
	default:
		return cat_builder_fixed(b, &wide, err);
	}
}

/* N rows from row FROM on; a null every few rows. */
static int make_batch(struct cat_schema *s, int from, int n, struct cat_batch **out, struct cat_error *err)
{
	int rc;

	CAT_TRY(cat_batch_new(s, n, out, err));
	for (int c = 0; c < s->nfields; c++) {
		struct cat_builder b;

		CAT_TRY(cat_builder_init(&b, &s->fields[c], err));
		rc = CAT_OK;
		for (int i = from; rc == CAT_OK && i < from + n; i++)
			rc = (i + c) % 5 == 0 ? cat_builder_null(&b, err) : add_value(&b, i, err);
		if (rc == CAT_OK)
			rc = cat_builder_finish(&b, &(*out)->cols[c], err);
		cat_builder_fini(&b);
		if (rc != CAT_OK)
			return rc;
	}
	return CAT_OK;
}

/* Batches as one stream; takes over none. */
static int encode(struct cat_schema *s, struct cat_batch *const *batches, int n, enum cat_ipc_form form,
                  struct cat_buf **out, struct cat_error *err)
{
	struct cat_encoder *e;
	struct cat_sink *sink;
	int rc = cat_ipc_encoder(s, form, CAT_IPC_NONE, &e, err);

	*out = NULL;
	if (rc == CAT_OK)
		rc = unit_sink(e, out, &sink, err);
	if (rc != CAT_OK)
		return rc;
	for (int i = 0; rc == CAT_OK && i < n; i++)
		rc = sink->ops->put(sink, cat_batch_ref(batches[i]), err);
	if (rc == CAT_OK)
		rc = sink->ops->commit(sink, err);
	cat_sink_close(sink);
	return rc;
}

/* Two batches of the test table as a stream or file. */
static int sample(enum cat_ipc_form form, struct cat_buf **out, struct cat_error *err)
{
	struct cat_schema *s = NULL;
	struct cat_batch *b[2] = {NULL, NULL};
	int rc = make_schema(&s, err);

	*out = NULL;
	if (rc == CAT_OK)
		rc = make_batch(s, 0, 100, &b[0], err);
	if (rc == CAT_OK)
		rc = make_batch(s, 100, 37, &b[1], err);
	if (rc == CAT_OK)
		rc = encode(s, b, 2, form, out, err);
	cat_batch_unref(b[0]);
	cat_batch_unref(b[1]);
	cat_schema_unref(s);
	return rc;
}

static void every_form_gives_the_same_rows(void **state)
{
	struct cat_error err = {0};
	struct cat_buf *plain, *again, *coded;

	(void)state;
	assert_cat_ok(sample(CAT_IPC_STREAM, &plain, &err), err);
	for (int i = 0; i < 12; i++) {
		const enum cat_ipc_form form = i & 1 ? CAT_IPC_FILE : CAT_IPC_STREAM;
		const bool pipe = i & 2;

		assert_cat_ok(recode(plain, pipe, form, (enum cat_ipc_codec)(i / 4), &coded, &err), err);
		assert_cat_ok(recode(coded, pipe, CAT_IPC_STREAM, CAT_IPC_NONE, &again, &err), err);
		assert_same(plain, again);
		cat_buf_unref(coded);
		cat_buf_unref(again);
	}
	cat_buf_unref(plain);
}

static void slices_are_written_as_if_built_so(void **state)
{
	struct cat_error err = {0};
	struct cat_schema *s;
	struct cat_batch *whole, *part, *built;
	struct cat_buf *a, *b;

	(void)state;
	assert_cat_ok(make_schema(&s, &err), err);
	assert_cat_ok(make_batch(s, 0, 100, &whole, &err), err);
	assert_cat_ok(cat_batch_slice(whole, 13, 41, &part, &err), err);
	assert_cat_ok(make_batch(s, 13, 41, &built, &err), err);
	assert_cat_ok(encode(s, &part, 1, CAT_IPC_STREAM, &a, &err), err);
	assert_cat_ok(encode(s, &built, 1, CAT_IPC_STREAM, &b, &err), err);
	assert_same(a, b);
	cat_buf_unref(a);
	cat_buf_unref(b);
	cat_batch_unref(whole);
	cat_batch_unref(part);
	cat_batch_unref(built);
	cat_schema_unref(s);
}

static void what_lies_under_nulls_is_not_written(void **state)
{
	struct cat_error err = {0};
	struct cat_schema *s;
	struct cat_batch *b;
	struct cat_buf *a, *z;
	const uint8_t bits = 0x05;

	(void)state;
	assert_cat_ok(cat_schema_new(1, &s, &err), err);
	assert_cat_ok(cat_field_init(&s->fields[0], "s", CAT_T_UTF8, &err), err);
	assert_cat_ok(make_batch(s, 1, 3, &b, &err), err);
	assert_cat_ok(cat_buf_copy(&bits, 1, &b->cols[0]->validity, &err), err);
	b->cols[0]->null_count = 1;
	assert_cat_ok(encode(s, &b, 1, CAT_IPC_STREAM, &a, &err), err);
	memset(b->cols[0]->data->data + 5, 'x', 5);
	assert_cat_ok(encode(s, &b, 1, CAT_IPC_STREAM, &z, &err), err);
	assert_same(a, z);
	cat_batch_unref(b);
	cat_buf_unref(a);
	cat_buf_unref(z);
	cat_schema_unref(s);
}

static void a_cut_stream_is_an_error(void **state)
{
	struct cat_error err = {0};
	struct cat_buf *whole, *cut, *out, *more;

	(void)state;
	assert_cat_ok(sample(CAT_IPC_STREAM, &whole, &err), err);
	for (size_t n = 0; n < whole->size; n += n < 1200 || n > whole->size - 300 ? 1 : 97) {
		assert_cat_ok(cat_buf_slice(whole, 0, n, &cut, &err), err);
		assert_int_equal(recode(cut, n & 1, CAT_IPC_STREAM, CAT_IPC_NONE, &out, &err), CAT_E_DATA);
		cat_buf_unref(cut);
	}
	assert_cat_ok(cat_buf_new(whole->size + 1, &more, &err), err);
	memcpy(more->data, whole->data, whole->size);
	more->data[whole->size] = 0;
	assert_int_equal(recode(more, false, CAT_IPC_STREAM, CAT_IPC_NONE, &out, &err), CAT_E_DATA);
	assert_non_null(strstr(err.cause, "data after end of stream"));
	cat_buf_unref(more);
	cat_buf_unref(whole);
}

static void the_end_marker_may_be_waived(void **state)
{
	struct cat_error err = {0};
	struct cat_buf *whole, *cut, *out;
	struct cat_feed *feed;

	(void)state;
	assert_cat_ok(sample(CAT_IPC_STREAM, &whole, &err), err);
	assert_cat_ok(cat_buf_slice(whole, 0, whole->size - 8, &cut, &err), err);
	assert_cat_ok(decode(cut, true, true, &feed, &err), err);
	assert_cat_ok(as_stream(feed, CAT_IPC_STREAM, CAT_IPC_NONE, &out, &err), err);
	assert_same(whole, out);
	cat_buf_unref(out);
	cat_buf_unref(cut);
	cat_buf_unref(whole);
}

static void columns_are_read_alone(void **state)
{
	static const int cols[] = {3, 5};
	struct cat_error err = {0};
	struct cat_buf *file;
	struct cat_feed *feed;
	struct cat_work *w;
	struct cat_batch *part, *none;
	int32_t n;

	(void)state;
	assert_cat_ok(sample(CAT_IPC_FILE, &file, &err), err);
	assert_cat_ok(decode(file, false, false, &feed, &err), err);
	assert_true(feed->sharded);
	assert_cat_ok(feed->ops->next(feed, &w, &err), err);
	assert_cat_ok(w->ops->decode(w, cols, 2, &part, &err), err);
	assert_cat_ok(w->ops->decode(w, NULL, 0, &none, &err), err);
	assert_int_equal(part->ncols, 2);
	assert_string_equal(part->schema->fields[1].name, "c5");
	assert_memory_equal(cat_column_text(part->cols[0], 3, &n), "caf\xc3\xa9 au", 8);
	assert_int_equal(n, 13);
	assert_int_equal(none->nrows, 100);
	cat_batch_unref(part);
	cat_batch_unref(none);
	cat_work_free(w);
	cat_feed_close(feed);
	cat_buf_unref(file);
}

static void schemas_alone(void **state)
{
	struct cat_error err = {0};
	struct cat_schema *s, *back;
	struct cat_buf *b;

	(void)state;
	assert_cat_ok(make_schema(&s, &err), err);
	assert_cat_ok(cat_ipc_schema_encode(s, &b, &err), err);
	assert_int_equal(b->size % 64, 0);
	assert_cat_ok(cat_ipc_schema_decode(b->data, b->size, &back, &err), err);
	assert_int_equal(back->nfields, s->nfields);
	for (int i = 0; i < s->nfields; i++) {
		assert_true(cat_field_same_type(&s->fields[i], &back->fields[i]));
		assert_string_equal(s->fields[i].name, back->fields[i].name);
		assert_int_equal(back->fields[i].large, i == 5);
		assert_true(i != 6 || back->fields[i].children[0].large);
	}
	assert_string_equal(cat_kv_get(&back->fields[1].meta, CAT_META_UNIT), "mag");
	assert_string_equal(cat_kv_get(&back->meta, "catpipe.history"), "[]");
	for (size_t n = 0; n < b->size - 8; n += 3)
		assert_int_equal(cat_ipc_schema_decode(b->data, n, &back, &err), CAT_E_DATA);
	cat_schema_unref(back);
	cat_schema_unref(s);
	cat_buf_unref(b);
}

static void memory_may_run_out_anywhere(void **state)
{
	struct cat_error err = {0};
	int rc = CAT_E_SYSTEM;

	(void)state;
	for (int64_t n = 1; rc != CAT_OK; n++) {
		struct cat_buf *stream = NULL, *out = NULL;
		const int64_t live = cat_alloc_live();

		cat_alloc_fail_after(n);
		rc = sample(n & 1 ? CAT_IPC_STREAM : CAT_IPC_FILE, &stream, &err);
		if (rc == CAT_OK)
			rc = recode(stream, false, CAT_IPC_FILE, (enum cat_ipc_codec)(n % 3), &out, &err);
		if (!cat_alloc_faulted())
			assert_cat_ok(rc, err);
		else
			assert_int_equal(rc, CAT_E_SYSTEM);
		cat_alloc_fail_after(0);
		cat_buf_unref(stream);
		cat_buf_unref(out);
		assert_int_equal(cat_alloc_live(), live);
	}
}

/* --- files of other writers --- */

static struct cat_buf *slurp(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct cat_error err = {0};
	struct cat_buf *b = NULL;
	long n;

	assert_non_null(f);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	n = ftell(f);
	rewind(f);
	assert_cat_ok(cat_buf_new((size_t)n, &b, &err), err);
	assert_int_equal(fread(b->data, 1, (size_t)n, f), n);
	fclose(f);
	return b;
}

static bool ends_with(const char *s, const char *end)
{
	return strlen(s) >= strlen(end) && strcmp(s + strlen(s) - strlen(end), end) == 0;
}

/* A case's stream and file, alone or through a pipe, give the same rows; or all are refused by name. */
static void check_case(const char *dir, const char *name)
{
	static const char *const refused[] = {"generated_union",    "generated_decimal256", "generated_decimal32",
	                                      "generated_interval", "generated_list_view"};
	struct cat_error err = {0};
	struct cat_buf *first = NULL;
	bool expect_refusal = false;

	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		expect_refusal |= strcmp(name, refused[i]) == 0;
	for (int i = 0; i < 4; i++) {
		char path[600];
		struct cat_buf *bytes, *out = NULL;
		int rc;

		snprintf(path, sizeof path, "%s/%s.%s", dir, name, i & 1 ? "arrow_file" : "stream");
		bytes = slurp(path);
		rc = recode(bytes, i & 2, CAT_IPC_STREAM, CAT_IPC_NONE, &out, &err);
		cat_buf_unref(bytes);
		if (expect_refusal) {
			assert_int_equal(rc, CAT_E_UNSUPPORTED);
			continue;
		}
		if (rc != CAT_OK)
			fail_msg("%s: %s: %s", path, err.where, err.cause);
		if (!first) {
			first = out;
			continue;
		}
		assert_same(first, out);
		cat_buf_unref(out);
	}
	cat_buf_unref(first);
}

static void golden_files(void **state)
{
	static const char *const dirs[] = {"0.14.1", "0.17.1", "1.0.0-bigendian", "2.0.0-compression", "cpp-21.0.0"};
	int cases = 0;

	(void)state;
	if (!unit_data())
		skip();
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
		char dir[500];
		struct dirent *e;
		DIR *d;

		snprintf(dir, sizeof dir, "%s/arrow-ipc/%s", unit_data(), dirs[i]);
		d = opendir(dir);
		if (!d)
			skip();
		while ((e = readdir(d)))
			if (ends_with(e->d_name, ".stream")) {
				char name[200];

				snprintf(name, sizeof name, "%.*s", (int)strlen(e->d_name) - 7, e->d_name);
				check_case(dir, name);
				cases++;
			}
		closedir(d);
	}
	assert_true(cases > 30);
}

static void feather_of_r_and_polars(void **state)
{
	static const char *const files[] = {"feather-r/data-arrow_1.0.1_lz4.feather",
	                                    "feather-r/data-arrow_1.0.1_uncompressed.feather",
	                                    "feather-r/data-arrow_2.0.0_zstd.feather", "polars/foods1.ipc"};
	struct cat_error err = {0};

	(void)state;
	if (!unit_data())
		skip();
	for (size_t i = 0; i < 4; i++) {
		struct cat_buf *bytes, *out;
		char path[500];

		snprintf(path, sizeof path, "%s/arrow-ipc/%s", unit_data(), files[i]);
		bytes = slurp(path);
		assert_cat_ok(recode(bytes, false, CAT_IPC_STREAM, CAT_IPC_NONE, &out, &err), err);
		cat_buf_unref(bytes);
		cat_buf_unref(out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(every_form_gives_the_same_rows),
		UNIT_TEST(slices_are_written_as_if_built_so),
		UNIT_TEST(what_lies_under_nulls_is_not_written),
		UNIT_TEST(a_cut_stream_is_an_error),
		UNIT_TEST(the_end_marker_may_be_waived),
		UNIT_TEST(columns_are_read_alone),
		UNIT_TEST(schemas_alone),
		UNIT_TEST(memory_may_run_out_anywhere),
		UNIT_TEST(golden_files),
		UNIT_TEST(feather_of_r_and_polars),
	};

	return cmocka_run_group_tests_name("formats_ipc", tests, NULL, NULL);
}
