/* sigv4 -- signatures of requests to S3 and to other services of that kind.
 *
 * Layer: net. Source: Amazon's "Signature Version 4 signing process" and its variant for S3 (path encoded once and
 * never normalised). Any thread.
 */
#ifndef CAT_NET_SIGV4_H
#define CAT_NET_SIGV4_H

#include <stdbool.h>

#include "base/text.h"
#include "net/engine.h"

#define CAT_SHA256_EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define CAT_PAYLOAD_UNSIGNED "UNSIGNED-PAYLOAD"

struct cat_sigv4 {
	const char *method;
	const char *path;           /* as on the wire, encoded */
	const char *query;          /* as on the wire, in any order; NULL: none */
	const char *const *headers; /* "Name: value", ended by NULL: all of them are signed, Host among them */
	const char *payload_hash;   /* hexadecimal, or CAT_PAYLOAD_UNSIGNED */
	const char *region, *service;
	const char *access_key, *secret_key;
	const char *time;           /* "20130524T000000Z" */
	bool normalize;             /* not S3: dot segments and double slashes go, then the path is encoded again */
};
/* The canonical request, for tests, and the names that were signed ("host;x-amz-date"). */
CAT_MUST_USE int cat_sigv4_canonical(const struct cat_sigv4 *s, struct cat_text *canonical, struct cat_text *names,
                                     struct cat_error *err);
/* The value of the Authorization header. */
CAT_MUST_USE int cat_sigv4_authorization(const struct cat_net_engine *e, const struct cat_sigv4 *s,
                                         struct cat_text *out, struct cat_error *err);
/* The whole query of a link good for EXPIRES_S seconds (1 to 604,800), S's own query included. TOKEN: of temporary
 * keys, or NULL. */
CAT_MUST_USE int cat_sigv4_presign(const struct cat_net_engine *e, const struct cat_sigv4 *s, const char *token,
                                   int64_t expires_s, struct cat_text *out, struct cat_error *err);

/* "20130524T000000Z" of so many seconds since 1970. */
void cat_sigv4_time(int64_t unix_s, char out[17]);
void cat_hex(const uint8_t *data, size_t n, char *out); /* 2 N + 1 bytes */
void cat_base64(const uint8_t *data, size_t n, char *out); /* 4 bytes for 3, and 1 */

#endif
