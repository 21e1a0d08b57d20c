/* Keys out of files, programs and answers; each test has a HOME of its own. */
#include "unit.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "net/creds_sources.h"
#include "net/settings.h"

static char home[] = "/tmp/net_creds.XXXXXX";

static void put(const char *name, const char *text)
{
	char path[200];
	FILE *f;

	snprintf(path, sizeof path, "%s/.aws/%s", home, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	chmod(path, 0700);
}

static void take_away(const char *name)
{
	char path[200];

	snprintf(path, sizeof path, "%s/.aws/%s", home, name);
	unlink(path);
}

static int of_profile(const char *profile, struct cat_creds **out, struct cat_error *err)
{
	struct cat_aws_file f = {0};
	int rc = cat_creds_files(&f, err);

	*out = NULL;
	if (rc == CAT_OK)
		rc = cat_creds_from_profile(&f, profile, out, err);
	cat_aws_fini(&f);
	return rc;
}

static void check_profile(const char *profile, const char *key, const char *secret, const char *token)
{
	struct cat_error err = {0};
	struct cat_creds *c;

	assert_cat_ok(of_profile(profile, &c, &err), err);
	assert_non_null(c);
	assert_string_equal(c->access_key, key);
	assert_string_equal(c->secret_key, secret);
	if (token)
		assert_string_equal(c->token, token);
	else
		assert_null(c->token);
	cat_creds_unref(c);
}

/* SAYS in the message, and nothing that is secret. */
static void check_refused(const char *profile, int code, const char *says)
{
	struct cat_error err = {0};
	struct cat_creds *c;
	char text[2000];

	assert_int_equal(of_profile(profile, &c, &err), code);
	cat_error_text(&err, text, sizeof text);
	if (!strstr(text, says))
		fail_msg("'%s' without '%s'", text, says);
	assert_null(strstr(text, "SECRET"));
}

static void static_keys(void **state)
{
	struct cat_error err = {0};
	struct cat_creds *c;

	(void)state;
	put("credentials",
	    "# first\n; second\n\n[default]\r\naws_access_key_id=one\r\naws_secret_access_key = SECRET1/+=  ; the end\r\n"
	    "[ two ]\n  aws_access_key_id = old\nAWS_ACCESS_KEY_ID = two\n\taws_secret_access_key = SECRET2\naws_session_token = t\n"
	    "[half]\naws_access_key_id = half\n");
	put("config",
	    "[default]\naws_session_token = of-another\n[profile two]\naws_access_key_id = no\naws_secret_access_key = no\n"
	    "[profile three]\ns3 =\n  aws_access_key_id = nested\nregion = eu-west-1\naws_access_key_id = three\n"
	    "aws_secret_access_key = SECRET3\n[profile \"with blanks\"]\naws_access_key_id = b\naws_secret_access_key = SECRET4\n"
	    "[profile half]\naws_secret_access_key = SECRET5\n");
	check_profile("default", "one", "SECRET1/+=", NULL);
	check_profile("two", "two", "SECRET2", "t");
	check_profile("three", "three", "SECRET3", NULL);
	check_profile("with blanks", "b", "SECRET4", NULL);
	assert_cat_ok(of_profile("half", &c, &err), err); /* a half in each file is no pair */
	assert_null(c);
	assert_cat_ok(of_profile("none", &c, &err), err);
	assert_null(c);
	take_away("credentials");
	take_away("config");
	assert_cat_ok(of_profile("default", &c, &err), err);
	assert_null(c);
	setenv("AWS_CONFIG_FILE", "/dev/null", 1);
	assert_cat_ok(of_profile("default", &c, &err), err);
	assert_null(c);
	setenv("AWS_CONFIG_FILE", home, 1); /* a folder */
	check_refused("default", CAT_E_CONFIG, home);
	unsetenv("AWS_CONFIG_FILE");
}

static void programs(void **state)
{
	struct cat_error err = {0};
	struct cat_creds *c;
	char config[400];

	(void)state;
	put("keys", "#!/bin/sh\necho \"{\\\"Version\\\": 1, \\\"AccessKeyId\\\": \\\"$1\\\", \\\"SecretAccessKey\\\": \\\"SECRET\\\","
	            "\\\"SessionToken\\\": \\\"$2\\\", \\\"Expiration\\\": \\\"2100-01-02T03:04:05Z\\\"}\"\n");
	put("bad", "#!/bin/sh\necho SECRET\n");
	put("break", "#!/bin/sh\nprintf '%s' '{\"AccessKeyId\": \"a\\nX: y\", \"SecretAccessKey\": \"SECRET\"}'\n");
	snprintf(config, sizeof config,
	         "[default]\ncredential_process = '%s/.aws/keys' \"a b\" 'tok  en'\n[profile bad]\ncredential_process = %s/.aws/bad\n"
	         "[profile break]\ncredential_process = %s/.aws/break\n[profile quote]\ncredential_process = 'x\n", home, home, home);
	put("config", config);
	check_profile("default", "a b", "SECRET", "tok  en");
	assert_cat_ok(of_profile("default", &c, &err), err);
	assert_int_equal(c->expires_s, 4102542245);
	cat_creds_unref(c);
	check_refused("bad", CAT_E_CONFIG, "credential_process");
	check_refused("break", CAT_E_CONFIG, "line break");
	check_refused("quote", CAT_E_CONFIG, "quote");
	take_away("config");
}

static void what_is_refused(void **state)
{
	(void)state;
	put("config", "[profile sso]\nsso_session = s\n[profile old]\nsso_start_url = https://x\n"
	              "[profile on_sso]\nrole_arn = r\nsource_profile = sso\n"
	              "[profile a]\nrole_arn = r\nsource_profile = b\n[profile b]\nrole_arn = r\nsource_profile = a\n"
	              "[profile nobody]\nrole_arn = r\nsource_profile = none\n[profile alone]\nrole_arn = r\n"
	              "[profile source]\nrole_arn = r\ncredential_source = Elsewhere\n"
	              "[profile environment]\nrole_arn = r\ncredential_source = Environment\n"
	              "[profile token]\nrole_arn = r\nweb_identity_token_file = /nowhere\n");
	check_refused("sso", CAT_E_UNSUPPORTED, "export-credentials");
	check_refused("old", CAT_E_UNSUPPORTED, "SSO");
	check_refused("on_sso", CAT_E_UNSUPPORTED, "SSO");
	check_refused("a", CAT_E_CONFIG, "circles");
	check_refused("nobody", CAT_E_CONFIG, "no keys");
	check_refused("alone", CAT_E_CONFIG, "no keys");
	check_refused("source", CAT_E_CONFIG, "Elsewhere");
	check_refused("environment", CAT_E_CONFIG, "no keys");
	check_refused("token", CAT_E_CONFIG, "no token");
	take_away("config");
}

static void answers(void **state)
{
	static const char whole[] = "{\"AccessKeyId\": \"a\", \"SecretAccessKey\": \"b\", \"Token\": \"c\", \"Expiration\": "
				    "\"2026-11-24T12:00:00.25Z\"}";
	static const char *const bad[] = {"", "{", "[]", "null", "{\"AccessKeyId\": \"a\"}", "{\"AccessKeyId\": 1, \"SecretAccessKey\": 2}",
	                                  "{\"AccessKeyId\": \"a\\r\", \"SecretAccessKey\": \"SECRET\"}"};
	struct cat_error err = {0};
	struct cat_creds *c;

	(void)state;
	assert_cat_ok(cat_creds_json(whole, strlen(whole), "Token", &c, &err), err);
	assert_string_equal(c->token, "c");
	assert_int_equal(c->expires_s, 1795521600);
	cat_creds_unref(c);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(cat_creds_json(bad[i], strlen(bad[i]), "Token", &c, &err), CAT_E_CONFIG);
		assert_null(strstr(err.cause, "SECRET"));
	}
}

/* The program appends a line each time it is asked, and gives keys that end LIFE seconds from now. */
static void put_program(const char *life)
{
	char text[600];

	snprintf(text, sizeof text,
	         "#!/bin/sh\necho >>'%s/.aws/asked'\n[ ! -e '%s/.aws/broken' ] || exit 1\n"
	         "echo '{\"AccessKeyId\": \"k\", \"SecretAccessKey\": \"SECRET\",' "
	         "'\"Expiration\": \"'$(date -u -d '%s' +%%FT%%TZ)'\"}'\n", home, home, life);
	put("keys", text);
	snprintf(text, sizeof text, "[default]\ncredential_process = '%s/.aws/keys'\n", home);
	put("config", text);
}

static int asked(void)
{
	char path[200];
	struct stat st;

	snprintf(path, sizeof path, "%s/.aws/asked", home);
	return stat(path, &st) == 0 ? (int)st.st_size : 0;
}

static void get(void)
{
	struct cat_error err = {0};
	struct cat_creds *c;

	assert_cat_ok(cat_creds_get(&c, &err), err);
	assert_string_equal(c->access_key, "k");
	cat_creds_unref(c);
}

/* The process has one set of keys: these steps follow each other. */
static void renewal(void **state)
{
	struct cat_error err = {0};
	struct cat_creds *c;

	(void)state;
	put_program("+2 seconds");
	get();
	get();
	assert_int_equal(asked(), 1); /* not for each request, however short their life */
	put_program("+1 hour");
	sleep(3);
	get(); /* they have ended */
	get();
	assert_int_equal(asked(), 2);
	assert_cat_ok(cat_creds_get(&c, &err), err);
	assert_true(cat_creds_expired(c)); /* says a server, before their time */
	get();
	assert_int_equal(asked(), 3);
	/* Whoever still has the former ones is not a reason to ask again. */
	assert_true(cat_creds_expired(c));
	get();
	assert_int_equal(asked(), 3);
	cat_creds_unref(c);
	/* Refused, and no new ones to be had: an error, and none of it secret. */
	assert_cat_ok(cat_creds_get(&c, &err), err);
	put("broken", "");
	assert_true(cat_creds_expired(c));
	cat_creds_unref(c);
	assert_int_equal(cat_creds_get(&c, &err), CAT_E_CONFIG);
	assert_null(strstr(err.cause, "SECRET"));
	take_away("broken");
	get();
	assert_int_equal(asked(), 5);
}

static int set_up(void **state)
{
	static const char *const variables[] = {"AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	                                        "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE",
	                                        "AWS_ROLE_ARN", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
	                                        "AWS_CONTAINER_CREDENTIALS_FULL_URI"};
	char path[200];

	(void)state;
	for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
		unsetenv(variables[i]);
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	if (!mkdtemp(home))
		return -1;
	snprintf(path, sizeof path, "%s/.aws", home);
	setenv("HOME", home, 1);
	return mkdir(path, 0700);
}

static int drop(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static int tear_down(void **state)
{
	(void)state;
	return nftw(home, drop, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {UNIT_TEST(static_keys), UNIT_TEST(programs), UNIT_TEST(what_is_refused), UNIT_TEST(answers),
	                                   cmocka_unit_test(renewal)};

	return cmocka_run_group_tests_name("net_creds", tests, set_up, tear_down);
}
