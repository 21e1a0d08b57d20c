/* s3_put -- what objects sent whole and objects sent in parts have in common.
 *
 * Layer: net. Private to net.
 */
#ifndef CAT_NET_S3_PUT_H
#define CAT_NET_S3_PUT_H

#include "net/s3.h"

/* How the object is to be stored, as headers. */
CAT_MUST_USE int cat_s3_put_headers(struct cat_call *c, const struct cat_s3_put *how, struct cat_error *err);
/* On what condition. BARE: the ETag without its quotes, as some servers want it. */
CAT_MUST_USE int cat_s3_put_condition(struct cat_call *c, const struct cat_s3_put *how, bool bare,
                                      struct cat_error *err);
/* The body's SHA-256, for the server to check and keep; nothing where servers refuse it. OUT receives it. */
CAT_MUST_USE int cat_s3_put_checksum(struct cat_call *c, uint8_t out[32], struct cat_error *err);
/* RC, the outcome of C, in the words of who set the condition. *BARE is set, once, when the server refused although
 * the object is still the one that was named: then C is worth another try with the bare ETag. */
CAT_MUST_USE int cat_s3_put_outcome(int rc, const struct cat_call *c, const struct cat_url *url,
                                    const struct cat_s3_put *how, bool *bare, struct cat_error *err);

#endif
