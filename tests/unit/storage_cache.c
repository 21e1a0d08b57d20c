/* What is kept comes back or does not, but is never another's and never damaged. */
#include "unit.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "storage/cache.h"

static char folder[64];

static int begin(void **state)
{
	snprintf(folder, sizeof folder, "/tmp/catpipe-cache-XXXXXX");
	return mkdtemp(folder) ? unit_before(state) : -1;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
	(void)st;
	(void)flag;
	(void)f;
	return remove(path);
}

static int end(void **state)
{
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return unit_after(state);
}

static void put(const char *name, const char *version, int64_t at, const char *text)
{
	struct cat_cache_key key;

	assert_true(cat_cache_key(&key, name, "me", version, at, at + (int64_t)strlen(text)));
	cat_cache_put(&key, text, strlen(text));
}

static bool has(const char *name, const char *who, const char *version, int64_t at, const char *text)
{
	struct cat_cache_key key;
	struct cat_buf *b;
	bool same;

	assert_true(cat_cache_key(&key, name, who, version, at, at + (int64_t)strlen(text)));
	cat_cache_get(&key, &b);
	if (!b)
		return false;
	same = b->size == strlen(text) && memcmp(b->data, text, b->size) == 0;
	cat_buf_unref(b);
	assert_true(same);
	return true;
}

static void keys_tell_apart(void **state)
{
	(void)state;
	cat_cache_configure(folder, 1 << 20);
	put("s3://a/x", "\"1\"", 0, "hello");
	assert_true(has("s3://a/x", "me", "\"1\"", 0, "hello"));
	assert_false(has("s3://a/y", "me", "\"1\"", 0, "hello"));
	assert_false(has("s3://a/x", "you", "\"1\"", 0, "hello"));
	assert_false(has("s3://a/x", "me", "\"2\"", 0, "hello"));
	assert_false(has("s3://a/x", "me", "\"1\"", 1, "hello"));
	cat_cache_configure(folder, 0);
	assert_false(has("s3://a/x", "me", "\"1\"", 0, "hello"));
}

/* Calls F on each kept file. */
static void (*each)(const char *path);
static int visit(const char *path, const struct stat *st, int flag, struct FTW *f)
{
	(void)f;
	if (flag == FTW_F && st->st_size > 0)
		each(path);
	return 0;
}

static void damage(const char *path)
{
	const int fd = open(path, O_RDWR);
	char c;

	assert_int_equal(pread(fd, &c, 1, 26), 1);
	c ^= 1;
	assert_int_equal(pwrite(fd, &c, 1, 26), 1);
	close(fd);
}

static void cut(const char *path)
{
	assert_int_equal(truncate(path, 25), 0);
}

static void only_the_owner(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 077, 0);
}

static void damaged_is_not_there(void **state)
{
	void (*const ways[])(const char *) = {damage, cut};

	(void)state;
	cat_cache_configure(folder, 1 << 20);
	for (int i = 0; i < 2; i++) {
		put("n", "v", i, "some bytes");
		each = only_the_owner;
		nftw(folder, visit, 8, FTW_PHYS);
		each = ways[i];
		nftw(folder, visit, 8, FTW_PHYS);
		assert_false(has("n", "me", "v", i, "some bytes"));
	}
}

static int64_t bytes_kept;
static void add_size(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	bytes_kept += (int64_t)st.st_size;
}

static void stays_small(void **state)
{
	char text[4001];

	(void)state;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	cat_cache_configure(folder, 1 << 20);
	/* Each process may write a quarter: several of them, at once. */
	for (int p = 0; p < 12; p++)
		if (fork() == 0) {
			for (int i = 0; i < 100; i++)
				put("n", "v", p * 1000000 + i * 5000, text);
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	/* Whoever came while another was at it left it to that one; who writes a twentieth after that looks itself. */
	if (fork() == 0) {
		for (int i = 0; i < 20; i++)
			put("last", "v", i * 5000, text);
		_exit(0);
	}
	wait(NULL);
	bytes_kept = 0;
	each = add_size;
	nftw(folder, visit, 8, FTW_PHYS);
	assert_true(bytes_kept > (1 << 18));
	assert_true(bytes_kept <= (1 << 20) / 10 * 11); /* and what was written since it was looked at */
}

static void nowhere_to_write(void **state)
{
	(void)state;
	cat_cache_configure("/proc/no/such/folder", 1 << 20);
	put("n", "v", 0, "x");
	assert_false(has("n", "me", "v", 0, "x"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(keys_tell_apart, begin, end),
		cmocka_unit_test_setup_teardown(damaged_is_not_there, begin, end),
		cmocka_unit_test_setup_teardown(stays_small, begin, end),
		cmocka_unit_test_setup_teardown(nowhere_to_write, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
