/* url -- addresses: https://host/path?query, s3://bucket/key, gs://bucket/key, hf://datasets/owner/name/path.
 *
 * Layer: net. A key of s3:// and gs:// is the text behind the bucket as it is, nothing in it is an escape; a web
 * address is taken as the user wrote it, but for characters that no address may hold, which are encoded.
 */
#ifndef CAT_NET_URL_H
#define CAT_NET_URL_H

#include <stdbool.h>

#include "base/text.h"

struct cat_url {
	bool is_s3;   /* by the interface of S3: s3:// and gs:// */
	bool is_gs;
	bool tls;     /* web */
	char *host;   /* web: with its port where that is not the scheme's */
	char *bucket; /* S3 */
	char *key;    /* S3: without the slash in front */
	char *path;   /* web: as on the wire, from the slash on */
	char *query;  /* web: as on the wire, without the question mark; NULL: none */
};
/* Whether S begins with a scheme that is read here, "s3://" or such. */
bool cat_url_is(const char *s);
/* Whether S has any scheme at all: "ftp://...". */
bool cat_url_like(const char *s);
/* Whether HOST, with or without a port, is this very machine by its name or number: nothing leaves it. */
bool cat_url_is_loopback(const char *host);
/* CAT_E_USAGE when it is none, or holds a password. */
CAT_MUST_USE int cat_url_parse(const char *s, struct cat_url *out, struct cat_error *err);
void cat_url_fini(struct cat_url *u);

/* Percent-encodes all but A-Z a-z 0-9 - . _ ~ (and / when KEEP_SLASH), upper case: SigV4's rule, which every server
 * takes. */
void cat_url_encode(struct cat_text *out, const char *s, size_t n, bool keep_slash);
/* NAME below FOLDER, both paths or addresses; FOLDER's query stays behind. The caller frees it; NULL when memory
 * is out. */
char *cat_url_join(const char *folder, const char *name);

#endif
