/* creds -- the keys that requests to S3 are signed with, found the way Amazon's own tools find them.
 *
 * Layer: net. The only part of the library that reads the environment: AWS_*. Order: --profile, environment, web
 * identity, the shared files (static keys, credential_process, assumed roles), container, instance metadata. Keys
 * that expire are fetched anew in time. Secrets never appear in messages.
 * Thread rule: any thread; the chain is walked once, others wait.
 */
#ifndef CAT_NET_CREDS_H
#define CAT_NET_CREDS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct cat_creds {
	atomic_int refs;
	char *access_key;
	char *secret_key;
	char *token;       /* of temporary keys, or NULL */
	int64_t expires_s; /* since 1970; 0: never */
};
/* One reference for the caller. CAT_E_DENIED when none are found, saying what was tried. */
CAT_MUST_USE int cat_creds_get(struct cat_creds **out, struct cat_error *err);
/* The server says that C is out of date: the next get fetches new ones, if C came from where there are new ones.
 * False when there is nothing new to be had. */
bool cat_creds_expired(const struct cat_creds *c);
void cat_creds_unref(struct cat_creds *c); /* accepts NULL */

/* Region and endpoint as environment and profile say; NULL when they say nothing. Good for the process's life. */
const char *cat_creds_region(void);
const char *cat_creds_endpoint(void);

#endif
