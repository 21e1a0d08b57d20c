/* Addresses: what is taken, what is refused, what goes on the wire. */
#include "unit.h"

#include "net/url.h"

static void parse(const char *text, struct cat_url *u)
{
	struct cat_error err = {0};

	assert_cat_ok(cat_url_parse(text, u, &err), err);
}

static void web(void **state)
{
	struct cat_url u;

	(void)state;
	parse("HTTPS://Data.example.org:8443/a%20b/c d/\xc3\xa9?x=1&sig=a/b c#part", &u);
	assert_true(u.tls && !u.is_s3);
	assert_string_equal(u.host, "Data.example.org:8443");
	assert_string_equal(u.path, "/a%20b/c%20d/%C3%A9");
	assert_string_equal(u.query, "x=1&sig=a/b%20c");
	cat_url_fini(&u);
	parse("http://[::1]:80", &u);
	assert_false(u.tls);
	assert_string_equal(u.host, "[::1]:80");
	assert_string_equal(u.path, "/");
	assert_null(u.query);
	cat_url_fini(&u);
	parse("http://h?q", &u);
	assert_string_equal(u.path, "/");
	assert_string_equal(u.query, "q");
	cat_url_fini(&u);
}

static void buckets(void **state)
{
	struct cat_url u;

	(void)state;
	parse("s3://my.bucket/dir/Norder=1/x?#%41", &u);
	assert_true(u.is_s3 && !u.is_gs);
	assert_string_equal(u.bucket, "my.bucket");
	assert_string_equal(u.key, "dir/Norder=1/x?#%41");
	cat_url_fini(&u);
	parse("gs://b", &u);
	assert_true(u.is_s3 && u.is_gs);
	assert_string_equal(u.key, "");
	cat_url_fini(&u);
	parse("hf://datasets/UniverseTBD/gaia@refs/x y.parquet", &u);
	assert_true(u.tls && !u.is_s3);
	assert_string_equal(u.host, "huggingface.co");
	assert_string_equal(u.path, "/datasets/UniverseTBD/gaia/resolve/refs/x%20y.parquet");
	cat_url_fini(&u);
	parse("hf://datasets/o/n", &u);
	assert_string_equal(u.path, "/datasets/o/n/resolve/main");
	cat_url_fini(&u);
}

static void refused(void **state)
{
	static const struct {
		const char *text;
		int code;
	} cases[] = {{"https://user:secret@host/x", CAT_E_USAGE},
	             {"https://token@host/x", CAT_E_USAGE},
	             {"https:///x?secret", CAT_E_USAGE},
	             {"https://ho st/secret", CAT_E_USAGE},
	             {"https://host\r\nX: secret/", CAT_E_USAGE},
	             {"ftp://host/secret", CAT_E_USAGE},
	             {"s3://", CAT_E_USAGE},
	             {"s3:///key", CAT_E_USAGE},
	             {"s3://buck et/key", CAT_E_USAGE},
	             {"s3://arn:aws:s3:us-west-2:123456789012:accesspoint/x", CAT_E_UNSUPPORTED},
	             {"s3://stars--usw2-az1--x-s3/key", CAT_E_UNSUPPORTED},
	             {"hf://models/o/n/x", CAT_E_USAGE},
	             {"hf://datasets/o", CAT_E_USAGE}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct cat_error err = {0};
		struct cat_url u;

		assert_int_equal(cat_url_parse(cases[i].text, &u, &err), cases[i].code);
		if (strchr(cases[i].text, '@') || strchr(cases[i].text, '?'))
			assert_null(strstr(err.cause, "secret"));
	}
}

static void this_machine(void **state)
{
	static const char *const yes[] = {"127.0.0.1", "127.0.0.1:80", "127.1.2.3", "localhost", "LOCALHOST:1",
	                                  "s3.localhost:9000", "[::1]", "[::1]:80"};
	static const char *const no[] = {"127.0.0.1.example.org", "localhost.example.org", "notlocalhost", "10.0.0.1", "[::1].x",
	                                 "[::2]", "127.evil", "1127.0.0.1", ""};

	(void)state;
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		assert_true(cat_url_is_loopback(yes[i]));
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		assert_false(cat_url_is_loopback(no[i]));
}

static void joined(void **state)
{
	static const char *const cases[][3] = {{"https://h/cat?sig=1", "a/b", "https://h/cat/a/b?sig=1"},
	                                       {"https://h/cat/", "a", "https://h/cat/a"},
	                                       {"s3://b/cat?x", "a", "s3://b/cat?x/a"},
	                                       {"folder", "a", "folder/a"}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *got = cat_url_join(cases[i][0], cases[i][1]);

		assert_string_equal(got, cases[i][2]);
		cat_free(got);
	}
}

static void encoded(void **state)
{
	struct cat_text t = {.max = 100};

	(void)state;
	cat_url_encode(&t, "a-._~/=+ \xff", 10, true);
	assert_string_equal(t.s, "a-._~/%3D%2B%20%FF");
	t.len = 0;
	cat_url_encode(&t, "a/\0b", 4, false);
	assert_string_equal(t.s, "a%2F%00b");
	cat_text_fini(&t);
}

static void memory_runs_out(void **state)
{
	(void)state;
	for (int64_t n = 1;; n++) {
		struct cat_error err = {0};
		struct cat_url u;
		int rc;

		cat_alloc_fail_after(n);
		rc = cat_url_parse("https://host/a b?c", &u, &err);
		if (rc == CAT_OK)
			cat_url_fini(&u);
		if (unit_all_tried(rc))
			break;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {UNIT_TEST(web),     UNIT_TEST(buckets), UNIT_TEST(refused), UNIT_TEST(this_machine),
	                                   UNIT_TEST(joined), UNIT_TEST(encoded), UNIT_TEST(memory_runs_out)};

	return cmocka_run_group_tests_name("net_url", tests, NULL, NULL);
}
