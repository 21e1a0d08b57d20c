/* Other programs: their words, what they write, how they may fail. */
#include "unit.h"

#include <stdio.h>
#include <time.h>

#include "base/child.h"

static void words_of(const char *line, const char *const *wanted)
{
	struct cat_error err = {0};
	char **v;
	size_t n = 0;

	assert_cat_ok(cat_child_words(line, &v, &err), err);
	for (; v[n] && wanted[n]; n++)
		assert_string_equal(v[n], wanted[n]);
	assert_null(v[n]);
	assert_null(wanted[n]);
	cat_free(v);
}

static void words(void **state)
{
	struct cat_error err = {0};
	char **v;

	(void)state;
	words_of("a", (const char *const[]){"a", NULL});
	words_of("  a\tb  ", (const char *const[]){"a", "b", NULL});
	words_of("'/opt/my tool' --x=\"a 'b' \\\"c\\\"\" '' d\\ e", (const char *const[]){"/opt/my tool", "--x=a 'b' \"c\"", "", "d e", NULL});
	words_of("a'b'\"c\"d", (const char *const[]){"abcd", NULL});
	words_of("$HOME `id` $(id) ; > *", (const char *const[]){"$HOME", "`id`", "$(id)", ";", ">", "*", NULL});
	words_of("\"\\x\" '\\' \\", (const char *const[]){"\\x", "\\", "\\", NULL});
	assert_int_equal(cat_child_words("", &v, &err), CAT_E_CONFIG);
	assert_int_equal(cat_child_words("  \t", &v, &err), CAT_E_CONFIG);
	assert_int_equal(cat_child_words("a 'b", &v, &err), CAT_E_CONFIG);
	assert_int_equal(cat_child_words("a \"b", &v, &err), CAT_E_CONFIG);
}

static int run(const char *script, size_t max, int timeout_ms, struct cat_buf **out, struct cat_error *err)
{
	char sh[] = "sh", c[] = "-c", text[400];
	char *argv[] = {sh, c, text, NULL};

	snprintf(text, sizeof text, "%s", script);
	return cat_child_output(argv, max, timeout_ms, out, err);
}

static void output(void **state)
{
	struct cat_error err = {0};
	struct cat_buf *b;

	(void)state;
	assert_cat_ok(run("printf hello; cat", 100, 10000, &b, &err), err); /* nothing to read */
	assert_int_equal(b->size, 5);
	assert_memory_equal(b->data, "hello", 5);
	cat_buf_unref(b);
	assert_cat_ok(run("exit 0", 100, 10000, &b, &err), err);
	assert_int_equal(b->size, 0);
	cat_buf_unref(b);
	assert_cat_ok(run("head -c 100000 /dev/zero", 100000, 10000, &b, &err), err);
	assert_int_equal(b->size, 100000);
	cat_buf_unref(b);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void failures(void **state)
{
	static const struct {
		const char *script, *says;
	} cases[] = {{"echo secret; exit 3", "status 3"},
	             {"kill -9 $$", "signal 9"},
	             {"cat /dev/zero", "more than"},
	             {"sleep 60", "does not answer"},
	             {"exec >&-; sleep 60", "does not end"}};
	char nowhere[] = "/nowhere/at/all";
	char *argv[] = {nowhere, NULL};
	struct cat_error err = {0};
	struct cat_buf *b;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const int64_t begin = now_ms();

		assert_int_equal(run(cases[i].script, 1000, 300, &b, &err), CAT_E_CONFIG);
		assert_null(b);
		assert_non_null(strstr(err.cause, cases[i].says));
		assert_null(strstr(err.cause, "secret"));
		assert_true(now_ms() - begin < 20000);
	}
	assert_int_equal(cat_child_output(argv, 100, 1000, &b, &err), CAT_E_CONFIG);
	assert_non_null(strstr(err.cause, "cannot be started"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {UNIT_TEST(words), UNIT_TEST(output), UNIT_TEST(failures)};

	return cmocka_run_group_tests_name("base_child", tests, NULL, NULL);
}
