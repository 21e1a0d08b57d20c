#include "unit.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "parquet_table.h"

static struct cat_buf *read_file(const char *path)
{
	struct cat_buf *b;
	struct cat_error err;
	struct stat st;
	FILE *f = fopen(path, "rb");

	assert_non_null(f);
	assert_int_equal(fstat(fileno(f), &st), 0);
	assert_cat_ok(cat_buf_new((size_t)st.st_size, &b, &err), err);
	assert_int_equal(fread(b->data, 1, b->size, f), b->size);
	fclose(f);
	return b;
}

/* The status of reading all of a file; ERR says why. */
static int read_status(const char *path, struct cat_error *err)
{
	struct cat_buf *b = read_file(path);
	int64_t n;
	const int rc = table_read(b, NULL, &n, err);

	cat_buf_unref(b);
	return rc;
}

/* Rows in the middle of each row group, decoded alone, are those of the whole group. */
static void assert_parts_agree(const char *path)
{
	struct cat_buf *bytes = read_file(path);
	struct cat_parquet_file *f;
	struct cat_reader *r;
	struct cat_error err = {0};
	int cols[2000], n;

	assert_cat_ok(cat_reader_memory(bytes, path, &r, &err), err);
	assert_cat_ok(cat_parquet_open(r, NULL, &f, &err), err);
	n = cat_parquet_schema(f)->nfields;
	for (int c = 0; c < n && c < 2000; c++)
		cols[c] = c;
	for (int g = 0; g < cat_parquet_ngroups(f) && g < 3; g++) {
		const int64_t rows = cat_parquet_group_rows(f, g);
		struct cat_batch *whole, *part;

		assert_cat_ok(cat_parquet_decode(f, g, cols, n, 0, rows, &whole, &err), err);
		assert_cat_ok(cat_parquet_decode(f, g, cols, n, rows / 3, rows - rows / 4, &part, &err), err);
		table_assert_same(whole, rows / 3, part);
		cat_batch_unref(whole);
		cat_batch_unref(part);
	}
	cat_parquet_close(f);
	cat_reader_close(r);
	cat_buf_unref(bytes);
}

static bool ends_in(const char *name, const char *tail)
{
	const size_t n = strlen(name), k = strlen(tail);

	return n >= k && strcmp(name + n - k, tail) == 0;
}

/* Reads every Parquet file below PATH; those whose name or folder is in REFUSED must fail, the others must not.
 * Gives the number of files. */
static int read_folder(const char *path, const char *const *refused)
{
	DIR *d = opendir(path);
	struct dirent *e;
	int n = 0;

	if (!d)
		return 0;
	while ((e = readdir(d))) {
		char name[1024];
		struct cat_error err = {0};
		struct stat st;
		bool bad = false;

		snprintf(name, sizeof name, "%s/%s", path, e->d_name);
		if (e->d_name[0] == '.' || stat(name, &st) != 0)
			continue;
		if (S_ISDIR(st.st_mode)) {
			n += read_folder(name, refused);
			continue;
		}
		if (!ends_in(name, ".parquet") && !ends_in(name, ".parq") && !ends_in(name, ".encrypted"))
			continue;
		for (const char *const *r = refused; *r; r++)
			bad |= strstr(name, *r) != NULL;
		if (bad)
			assert_int_not_equal(read_status(name, &err), CAT_OK);
		else if (read_status(name, &err) != CAT_OK)
			fail_msg("%s: %s: %s", name, err.where, err.cause);
		else
			assert_parts_agree(name);
		n++;
	}
	closedir(d);
	return n;
}

static void files_of_all_writers_open(void **state)
{
	static const char *const folders[] = {"parquet-testing", "parquet-wild", "producers", "hats", "hats-0.11"};
	static const char *const refused[] = {
		"/bad/", ".encrypted", "corrupt-checksum", "/encryption/", "invalid_utf8_d", "broken/broken_int.",
		"broken/broken_smallint", "broken/broken_date", "broken/afl", "broken/internal_6165",
		"neg_compressed_bytes", NULL};
	int n = 0;

	(void)state;
	if (!unit_data())
		skip();
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		char path[1024];

		snprintf(path, sizeof path, "%s/%s", unit_data(), folders[i]);
		n += read_folder(path, refused);
	}
	if (n == 0)
		skip();
	assert_true(n > 300);
}

static void encrypted_files_are_refused_by_name(void **state)
{
	static const char *const names[] = {"encrypt_columns_and_footer", "encrypt_columns_plaintext_footer"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		char path[1024];
		struct cat_error err = {0};
		struct stat st;

		snprintf(path, sizeof path, "%s/parquet-testing/%s.parquet.encrypted",
		         unit_data() ? unit_data() : "", names[i]);
		if (stat(path, &st) != 0)
			skip();
		assert_int_equal(read_status(path, &err), CAT_E_UNSUPPORTED);
		assert_non_null(strstr(err.cause, "encrypted"));
	}
}

/* Row I of C as the truth files write it: numbers, quoted texts, nothing for null. */
static void cell(const struct cat_column *c, int64_t i, char *out, size_t size)
{
	int32_t n;

	out[0] = '\0';
	if (!cat_column_valid(c, i))
		return;
	if (cat_type_is_text(c->type.id)) {
		const char *s = cat_column_text(c, i, &n);

		snprintf(out, size, "%.*s", (int)n, s);
	} else {
		snprintf(out, size, "%lld", (long long)cat_column_i64(c, i));
	}
}

/* The next field of a line of a truth file, without its quotes. */
static char *field(char **line)
{
	char *s = *line, *end;

	if (*s == '"') {
		end = strchr(++s, '"');
		assert_non_null(end);
		*end++ = '\0';
	} else {
		end = s + strcspn(s, ",\n");
	}
	*line = *end == ',' ? end + 1 : end;
	*end = '\0';
	return s;
}

/* Every cell of a file against the text that came with it. */
static void assert_truth(const char *name)
{
	char path[1024], line[65536], have[1024];
	struct cat_error err = {0};
	struct cat_source *s;
	struct cat_reader *r;
	struct cat_batch *b;
	struct cat_feed *f;
	struct cat_buf *bytes;
	FILE *truth;

	snprintf(path, sizeof path, "%s/parquet-testing/%s_expect.csv", unit_data() ? unit_data() : "", name);
	truth = fopen(path, "r");
	if (!truth)
		skip();
	snprintf(path, sizeof path, "%s/parquet-testing/%s.parquet", unit_data(), name);
	bytes = read_file(path);
	assert_cat_ok(cat_reader_memory(bytes, name, &r, &err), err);
	assert_cat_ok(cat_parquet_feed(r, NULL, &f, &err), err);
	assert_cat_ok(cat_feed_source(f, &s, &err), err);
	assert_non_null(fgets(line, sizeof line, truth));
	for (;;) {
		assert_cat_ok(s->ops->next(s, &b, &err), err);
		if (!b)
			break;
		for (int64_t i = 0; i < b->nrows; i++) {
			char *at = line;

			assert_non_null(fgets(line, sizeof line, truth));
			for (int c = 0; c < b->ncols; c++) {
				cell(b->cols[c], i, have, sizeof have);
				assert_string_equal(have, field(&at));
			}
		}
		cat_batch_unref(b);
	}
	assert_null(fgets(line, sizeof line, truth));
	fclose(truth);
	cat_source_close(s);
	cat_buf_unref(bytes);
}

static void deltas_are_the_truth(void **state)
{
	(void)state;
	assert_truth("delta_binary_packed");
}

static void delta_texts_are_the_truth(void **state)
{
	(void)state;
	assert_truth("delta_encoding_required_column");
}

/* A file with all types, small enough to be broken in every place. */
static struct cat_buf *small_file(bool plain, int level)
{
	const struct cat_parquet_write_options o = {.row_group_rows = 20, .plain = plain, .level = level};
	struct cat_schema *s = table_schema();
	struct cat_batch *t = table_batch(s, 30, &(struct table_shape){8, 25, 7});
	struct cat_error err = {0};
	struct cat_buf *b;

	assert_cat_ok(table_write(t, 30, &o, &b, &err), err);
	cat_batch_unref(t);
	cat_schema_unref(s);
	return b;
}

static void cut_files_are_errors(void **state)
{
	struct cat_buf *whole = small_file(false, 0);

	(void)state;
	for (size_t n = 0; n < whole->size; n += n < 64 || whole->size - n < 200 ? 1 : 37) {
		struct cat_error err = {0};
		struct cat_buf *b;
		int64_t rows;

		assert_cat_ok(cat_buf_copy(whole->data, n, &b, &err), err);
		assert_int_equal(table_read(b, NULL, &rows, &err), CAT_E_DATA);
		cat_buf_unref(b);
	}
	cat_buf_unref(whole);
}

/* With checksums a changed page byte is an error; without them anything may come out, but nothing may break. */
static void changed_bytes_do_no_harm(void **state)
{
	uint64_t x = 99;

	(void)state;
	for (int v = 0; v < 2; v++) {
		struct cat_buf *whole = small_file(v == 0, -1), *b;

		for (int i = 0; i < 1500; i++) {
			struct cat_error err = {0};
			struct cat_reader *r;
			struct cat_source *s;
			struct cat_batch *rows;
			struct cat_feed *f;

			assert_cat_ok(cat_buf_copy(whole->data, whole->size, &b, &err), err);
			for (uint64_t k = 0; k < 1 + table_next(&x) % 3; k++)
				b->data[table_next(&x) % b->size] = (uint8_t)table_next(&x);
			assert_cat_ok(cat_reader_memory(b, "changed", &r, &err), err);
			if (cat_parquet_feed(r, &(struct cat_parquet_options){.skip_crc = true}, &f, &err) ==
			    CAT_OK) {
				assert_cat_ok(cat_feed_source(f, &s, &err), err);
				while (s->ops->next(s, &rows, &err) == CAT_OK && rows)
					cat_batch_unref(rows);
				cat_source_close(s);
			}
			cat_buf_unref(b);
		}
		cat_buf_unref(whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(files_of_all_writers_open),
		UNIT_TEST(encrypted_files_are_refused_by_name),
		UNIT_TEST(deltas_are_the_truth),
		UNIT_TEST(delta_texts_are_the_truth),
		UNIT_TEST(cut_files_are_errors),
		UNIT_TEST(changed_bytes_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
