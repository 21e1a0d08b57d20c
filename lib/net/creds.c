#include "net/creds.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "net/settings.h"

void cat_creds_unref(struct cat_creds *c)
{
	if (!c || atomic_fetch_sub(&c->refs, 1) != 1)
		return;
	cat_free(c->access_key);
	cat_free(c->secret_key);
	cat_free(c->token);
	cat_free(c);
}

static const char *environment(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

int cat_creds_get(struct cat_creds **out, struct cat_error *err)
{
	const char *key = environment("AWS_ACCESS_KEY_ID"), *secret = environment("AWS_SECRET_ACCESS_KEY");
	const char *token = environment("AWS_SESSION_TOKEN");
	struct cat_creds *c;

	if (!key || !secret)
		return cat_fail(err, CAT_E_DENIED, "no keys for S3 were found: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
	c = cat_calloc(1, sizeof *c);
	if (!c)
		return cat_fail_mem(err, sizeof *c);
	atomic_init(&c->refs, 1);
	c->access_key = cat_strdup(key);
	c->secret_key = cat_strdup(secret);
	c->token = token ? cat_strdup(token) : NULL;
	*out = c;
	return CAT_OK;
}

bool cat_creds_expired(const struct cat_creds *c)
{
	(void)c;
	return false;
}

const char *cat_creds_region(void)
{
	const char *v = environment("AWS_REGION");

	return v ? v : environment("AWS_DEFAULT_REGION");
}

const char *cat_creds_endpoint(void)
{
	const char *v = environment("AWS_ENDPOINT_URL_S3");

	return v ? v : environment("AWS_ENDPOINT_URL");
}
