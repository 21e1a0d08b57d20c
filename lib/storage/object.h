/* object -- files behind https:// and s3://, read by ranges.
 *
 * Layer: storage. The first request tells size and version and brings the first or last bytes; from then on every
 * range comes from that version. Ranges that lie close together are asked for at once, long ones in pieces side by
 * side. What can only be had whole (servers without ranges or lengths) is kept in memory while small, else in an
 * unnamed temporary file.
 * Thread rule: as for any reader; opening from any thread.
 */
#ifndef CAT_STORAGE_OBJECT_H
#define CAT_STORAGE_OBJECT_H

#include "base/bytes.h"
#include "storage/open.h"

struct cat_object_opening;
/* Sends the first request. NAME is kept for messages. */
CAT_MUST_USE int cat_object_begin(const char *name, enum cat_open_where where, struct cat_object_opening **out,
                                  struct cat_error *err);
/* Waits for its reply; frees O, also on failure. */
CAT_MUST_USE int cat_object_finish(struct cat_object_opening *o, struct cat_reader **out, struct cat_error *err);
void cat_object_cancel(struct cat_object_opening *o); /* accepts NULL */

/* What tells the version that R, an object's reader, reads: its ETag, else its Last-Modified; NULL when the server tells
 * neither or R is another reader. */
const char *cat_object_version(const struct cat_reader *r);

/* What becomes of a range beside, or instead of, being given out. */
struct cat_object_into {
	int fd;           /* its bytes are written here as they come, at the places that they have in the object */
	bool keep;        /* wait gives them out too */
	bool digest;      /* their SHA-256 is wanted */
	bool direct;      /* set by submit; false: none of this is done, they are given out only */
	uint8_t sha256[32]; /* after wait */
};
/* As submit of any reader R, of one range, with INTO, which stays as it is until wait; direct with readers of objects
 * alone. Without keep wait gives NULL. What a failure leaves in the file is of no use. */
CAT_MUST_USE int cat_object_submit_into(struct cat_reader *r, const struct cat_range *range,
                                        struct cat_object_into *into, struct cat_ticket **out, struct cat_error *err);

/* N whole objects of at most MAX[i] bytes (else CAT_E_DATA), asked for side by side. OUT[i] NULL: there is none (or,
 * where the keys may not list the bucket, it may not be read: then *DENIED is set). Keys that are wrong themselves:
 * CAT_E_DENIED. */
CAT_MUST_USE int cat_object_fetch(char *const *names, const size_t *max, int n, struct cat_buf **out, bool *denied,
                                  struct cat_error *err);

#endif
