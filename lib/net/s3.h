/* s3 -- what S3 can do beside giving bytes: list, put, put in parts, delete, ask after.
 *
 * Layer: net. Source: Amazon S3 API reference. Every object sent carries its SHA-256, which the server checks.
 * Thread rule: any thread; an upload belongs to one thread at a time.
 */
#ifndef CAT_NET_S3_H
#define CAT_NET_S3_H

#include "net/http.h"

/* --- listing --- */

struct cat_s3_entry {
	const char *key;   /* of an object; or of all that begins so, up to a slash */
	bool is_prefix;
	int64_t size;
	const char *etag;  /* quotes included; "" when not told */
	const char *modified; /* "2024-01-31T12:00:00.000Z"; "" when not told */
};
/* Calls EACH on what begins with PREFIX->key in the order of its bytes, all of it or (FLAT) up to the next slash
 * only; until it fails. */
CAT_MUST_USE int cat_s3_list(const struct cat_url *prefix, const char *name, bool flat,
                             int (*each)(void *arg, const struct cat_s3_entry *e, struct cat_error *err), void *arg,
                             struct cat_error *err);

/* The entries of one page of a list, as the server sends it. CAT_E_PROTOCOL when it is none. */
CAT_MUST_USE int cat_s3_read_page(const struct cat_buf *page,
                                  int (*each)(void *arg, const struct cat_s3_entry *e, struct cat_error *err),
                                  void *arg, struct cat_error *err);
/* Calls EACH on the buckets that the keys may see, in the order of their names' bytes; GS: at Google. Its key is the
 * bucket's name, modified when it was made. */
CAT_MUST_USE int cat_s3_buckets(bool gs, int (*each)(void *arg, const struct cat_s3_entry *e, struct cat_error *err),
                                void *arg, struct cat_error *err);

/* --- writing --- */

/* Zero-initialised: plain objects that replace what is there. */
struct cat_s3_put {
	bool create;              /* CAT_E_CREATE when there is one already */
	const char *replace_etag; /* CAT_E_TEMP (sys: 412, or 404) unless it is this version that is replaced */
	const char *content_type, *storage_class, *sse, *kms_key, *acl, *tags; /* as S3 calls them; NULL: its defaults */
};
/* A whole object. *ETAG (may be NULL) is the caller's. */
CAT_MUST_USE int cat_s3_put(const struct cat_url *url, const char *name, struct cat_buf *body,
                            const struct cat_s3_put *how, char **etag, struct cat_error *err);

/* An object in parts: nothing is seen of it before commit. */
struct cat_s3_upload;
/* PARTS: at most so many on their way at once. */
CAT_MUST_USE int cat_s3_upload_open(const struct cat_url *url, const char *name, const struct cat_s3_put *how,
                                    int parts, struct cat_s3_upload **out, struct cat_error *err);
/* Its id, by which it can be taken up again; the upload's. */
const char *cat_s3_upload_id(const struct cat_s3_upload *u);
/* Takes up the upload ID again: parts sent before are known by done. */
CAT_MUST_USE int cat_s3_upload_resume(const struct cat_url *url, const char *name, const char *id,
                                      const struct cat_s3_put *how, int parts, struct cat_s3_upload **out,
                                      struct cat_error *err);
/* Whether part NUMBER (from 1) of SIZE bytes is with the server already, with the content of BODY (its SHA-256,
 * or its MD5 where the server keeps none). */
bool cat_s3_upload_done(struct cat_s3_upload *u, int number, const struct cat_buf *body);
/* Sends part NUMBER; takes a reference to BODY. Waits when too many are on their way. Parts but the last are of 5 MiB
 * at least, numbers up to 10,000. */
CAT_MUST_USE int cat_s3_upload_part(struct cat_s3_upload *u, int number, struct cat_buf *body, struct cat_error *err);
/* Waits for all parts and makes the object visible. */
CAT_MUST_USE int cat_s3_upload_commit(struct cat_s3_upload *u, char **etag, struct cat_error *err);
/* What the server should say of an upload that was committed, as far as that is known: its SHA-256 of SHA-256s and its
 * MD5 of MD5s, "...-N" with N parts; else "". */
struct cat_s3_sums {
	char sha256[64]; /* base64 */
	char md5[48];    /* hexadecimal, as ETags are */
};
CAT_MUST_USE int cat_s3_upload_sums(const struct cat_s3_upload *u, struct cat_s3_sums *out, struct cat_error *err);
/* Waits for the parts on their way and leaves the upload to be taken up again. */
void cat_s3_upload_keep(struct cat_s3_upload *u);
/* Frees U; an upload that was not committed is taken back, parts and all. Accepts NULL. */
void cat_s3_upload_close(struct cat_s3_upload *u);

/* --- the rest --- */

struct cat_s3_info {
	int64_t size;
	char etag[256];   /* quotes included */
	char sha256[96];  /* base64, of the whole object ("...-N": of parts); "" when not told */
	char crc[24];     /* the same of another kind, which clients other than ours send */
	enum cat_crc crc_kind;
};
/* CAT_E_NOINPUT when there is none. */
CAT_MUST_USE int cat_s3_head(const struct cat_url *url, const char *name, struct cat_s3_info *out,
                             struct cat_error *err);
/* Bytes of the first part of an object that came in parts; of the whole where the server knows no parts; 0: it does not
 * tell. */
int64_t cat_s3_part_bytes(const struct cat_url *url, const char *name);
/* A small whole object and its ETag, both the caller's. CAT_E_NOINPUT when there is none. */
CAT_MUST_USE int cat_s3_get(const struct cat_url *url, const char *name, size_t max, struct cat_buf **out,
                            char **etag, struct cat_error *err);
/* Whether two ETags name one version; some servers leave their quotes away. */
bool cat_s3_same_etag(const char *a, const char *b);
/* Appends an address that whoever has it may fetch the object by, for EXPIRES_S (1 to 604,800) seconds. CAT_E_NOINPUT
 * when there is no such object. */
CAT_MUST_USE int cat_s3_link(const struct cat_url *url, const char *name, int64_t expires_s, struct cat_text *out,
                             struct cat_error *err);
/* Deletes keys of URL's bucket; those that are not there are no fault. */
CAT_MUST_USE int cat_s3_delete(const struct cat_url *url, const char *name, char *const *keys, size_t n,
                               struct cat_error *err);

/* Takes back every upload that this process has open; for whoever ends the process early. Any thread. */
void cat_s3_abort_all(void);

#endif
