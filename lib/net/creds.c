#include "net/creds.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/alloc.h"
#include "net/creds_sources.h"
#include "net/reply.h"
#include "net/settings.h"

#define RENEW_S (15 * 60) /* before they expire; of short-lived ones, in the last quarter of their life */
#define AGAIN_S 10        /* between attempts, while the old ones still serve */

static struct {
	pthread_mutex_t lock;
	struct cat_creds *current;
	bool stale; /* a server has refused them as expired */
	int64_t asked_s; /* when they were asked for last */
	int64_t early_s; /* so long before they expire they are renewed */
} process = {.lock = PTHREAD_MUTEX_INITIALIZER};

void cat_creds_unref(struct cat_creds *c)
{
	if (!c || atomic_fetch_sub(&c->refs, 1) != 1)
		return;
	if (c->secret_key)
		memset(c->secret_key, 0, strlen(c->secret_key));
	cat_free(c->access_key);
	cat_free(c->secret_key);
	cat_free(c->token);
	cat_free(c);
}

const char *cat_creds_env(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

int cat_creds_new(const char *access_key, const char *secret_key, const char *token, int64_t expires_s,
                  struct cat_creds **out, struct cat_error *err)
{
	struct cat_creds *c = cat_calloc(1, sizeof *c);

	if (!c)
		return cat_fail_mem(err, sizeof *c);
	atomic_init(&c->refs, 1);
	c->access_key = cat_strdup(access_key);
	c->secret_key = cat_strdup(secret_key);
	c->token = token ? cat_strdup(token) : NULL;
	c->expires_s = expires_s;
	if (!c->access_key || !c->secret_key || (token && !c->token)) {
		cat_creds_unref(c);
		return cat_fail_mem(err, 64);
	}
	/* They go into header lines. */
	if (strpbrk(access_key, "\r\n") || (token && strpbrk(token, "\r\n"))) {
		cat_creds_unref(c);
		return cat_fail(err, CAT_E_CONFIG, "a line break in a key");
	}
	*out = c;
	return CAT_OK;
}

int cat_creds_of_answer(char *access_key, char *secret_key, char *token, char *expires, struct cat_creds **out,
                        struct cat_error *err)
{
	const int rc = access_key && secret_key
	                       ? cat_creds_new(access_key, secret_key, token, cat_reply_time_s(expires), out, err)
	                       : cat_fail(err, CAT_E_CONFIG, "no AccessKeyId and SecretAccessKey in the answer");

	if (secret_key)
		memset(secret_key, 0, strlen(secret_key));
	cat_free(access_key);
	cat_free(secret_key);
	cat_free(token);
	cat_free(expires);
	return rc;
}

int cat_creds_from_environment(struct cat_creds **out, struct cat_error *err)
{
	const char *key = cat_creds_env("AWS_ACCESS_KEY_ID"), *secret = cat_creds_env("AWS_SECRET_ACCESS_KEY");

	*out = NULL;
	if (!key && !secret)
		return CAT_OK;
	if (!key || !secret)
		return cat_fail(err, CAT_E_CONFIG, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: only one of the two is set");
	return cat_creds_new(key, secret, cat_creds_env("AWS_SESSION_TOKEN"), 0, out, err);
}

/* NULL: none is named. */
static const char *profile_named(void)
{
	const char *asked = cat_net_settings()->profile, *v = asked ? asked : cat_creds_env("AWS_PROFILE");

	return v ? v : cat_creds_env("AWS_DEFAULT_PROFILE");
}

static int walk_chain(struct cat_creds **out, struct cat_error *err)
{
	const char *asked = cat_net_settings()->profile, *profile = profile_named();
	const char *token_file = cat_creds_env("AWS_WEB_IDENTITY_TOKEN_FILE"), *role = cat_creds_env("AWS_ROLE_ARN");
	struct cat_aws_file files = {0};
	int rc = CAT_OK;

	*out = NULL;
	if (!asked)
		rc = cat_creds_from_environment(out, err);
	if (rc == CAT_OK && !*out && !asked && token_file && role)
		rc = cat_creds_web_identity(token_file, role, cat_creds_env("AWS_ROLE_SESSION_NAME"), cat_creds_region(), out,
		                            err);
	if (rc == CAT_OK && !*out)
		rc = cat_creds_files(&files, err);
	if (rc == CAT_OK && !*out)
		rc = cat_creds_from_profile(&files, profile ? profile : "default", out, err);
	if (rc == CAT_OK && !*out && profile)
		rc = cat_fail(err, CAT_E_CONFIG, "profile '%s' has no keys in ~/.aws/config and ~/.aws/credentials", profile);
	if (rc == CAT_OK && !*out)
		rc = cat_creds_container(out, err);
	if (rc == CAT_OK && !*out)
		rc = cat_creds_instance(out, err);
	if (rc == CAT_OK && !*out) {
		rc = cat_fail(err, CAT_E_DENIED, "no keys for S3 were found: tried AWS_ACCESS_KEY_ID, "
		              "AWS_WEB_IDENTITY_TOKEN_FILE, ~/.aws/credentials, ~/.aws/config, the container's and the "
		              "machine's");
		cat_hint(err, "--no-sign for public data");
	}
	cat_aws_fini(&files);
	return rc;
}

static int64_t left_s(const struct cat_creds *c)
{
	return c->expires_s ? c->expires_s - (int64_t)time(NULL) : INT64_MAX;
}

static bool should_ask(void)
{
	const int64_t left = process.current ? left_s(process.current) : 0;

	return left <= 0 || process.stale ||
	       (left < process.early_s && (int64_t)time(NULL) - process.asked_s >= AGAIN_S);
}

int cat_creds_get(struct cat_creds **out, struct cat_error *err)
{
	int rc = CAT_OK;

	pthread_mutex_lock(&process.lock);
	if (should_ask()) {
		struct cat_creds *fresh;

		rc = walk_chain(&fresh, err);
		process.asked_s = (int64_t)time(NULL);
		if (rc == CAT_OK) {
			const int64_t quarter = left_s(fresh) / 4;

			cat_creds_unref(process.current);
			process.current = fresh;
			process.stale = false;
			process.early_s = quarter < RENEW_S ? quarter : RENEW_S;
		} else if (process.current && !process.stale && left_s(process.current) > 0) {
			/* The old ones still serve; a later request asks again. */
			rc = (int)(err->code = CAT_OK);
		}
	}
	if (rc == CAT_OK) {
		*out = process.current;
		atomic_fetch_add(&process.current->refs, 1);
	}
	pthread_mutex_unlock(&process.lock);
	return rc;
}

bool cat_creds_expired(const struct cat_creds *c)
{
	bool hope;

	pthread_mutex_lock(&process.lock);
	/* Others may have renewed them already; what never expires by itself comes from where nothing is new. */
	hope = c != process.current || c->expires_s > 0;
	process.stale |= c == process.current && hope;
	pthread_mutex_unlock(&process.lock);
	return hope;
}

/* --- region and endpoint --- */

static pthread_once_t places_once = PTHREAD_ONCE_INIT;
static char *profile_region, *profile_endpoint;

static void read_places(void)
{
	const char *profile = profile_named(), *region, *endpoint, *services;
	struct cat_aws_file f = {0};
	struct cat_error unused;

	profile = profile ? profile : "default";
	if (cat_creds_files(&f, &unused) == CAT_OK) {
		region = cat_creds_profile_get(&f, profile, "region");
		services = cat_creds_profile_get(&f, profile, "services");
		endpoint = NULL;
		if (services) {
			struct cat_text section = {.max = 1 << 12};

			cat_text_addf(&section, "config services %s", services);
			endpoint = section.s ? cat_aws_get(&f, section.s, "s3.endpoint_url") : NULL;
			cat_text_fini(&section);
		}
		if (!endpoint)
			endpoint = cat_creds_profile_get(&f, profile, "endpoint_url");
		profile_region = region ? cat_strdup(region) : NULL;
		profile_endpoint = endpoint ? cat_strdup(endpoint) : NULL;
	}
	cat_aws_fini(&f);
}

const char *cat_creds_region(void)
{
	const char *v = cat_creds_env("AWS_REGION");

	v = v ? v : cat_creds_env("AWS_DEFAULT_REGION");
	if (v)
		return v;
	pthread_once(&places_once, read_places);
	return profile_region;
}

const char *cat_creds_endpoint(void)
{
	const char *v = cat_creds_env("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");

	if (v && strcasecmp(v, "true") == 0)
		return NULL;
	v = cat_creds_env("AWS_ENDPOINT_URL_S3");
	v = v ? v : cat_creds_env("AWS_ENDPOINT_URL");
	if (v)
		return v;
	pthread_once(&places_once, read_places);
	return profile_endpoint;
}
