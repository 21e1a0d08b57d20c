/* origin -- what http knows of a server: how its requests are addressed and signed, what its refusals mean.
 *
 * Layer: net. Private to net. Origins are made once and live as long as the process.
 */
#ifndef CAT_NET_ORIGIN_H
#define CAT_NET_ORIGIN_H

#include <pthread.h>
#include <stdatomic.h>

#include "net/engine.h"
#include "net/http.h"
#include "net/pace.h"

/* What to do with a reply that is no success. */
enum cat_verdict {
	CAT_VERDICT_FAIL,  /* err says why */
	CAT_VERDICT_LATER, /* try again after a pause; err says why, should it not help */
	CAT_VERDICT_NOW    /* try again: what was wrong is mended */
};
struct cat_origin_ops {
	/* Appends what only this try has: signature, token; each header ends with a newline. URL receives the whole
	 * address. */
	CAT_MUST_USE int (*prepare)(struct cat_origin *, struct cat_call *, const struct cat_net_engine *,
	                            struct cat_text *url, struct cat_text *headers, struct cat_error *);
	/* DOC: the body of the refusal, or NULL. */
	enum cat_verdict (*judge)(struct cat_origin *, struct cat_call *, struct cat_buf *doc, struct cat_error *);
};
struct cat_origin {
	const struct cat_origin_ops *ops;
	struct cat_origin *next;
	struct cat_pace pace;
	atomic_bool answered; /* something that is no trouble of its own */
	atomic_bool accepted; /* a request, and its keys with it, whatever it found */
	pthread_mutex_t lock; /* of what follows */
	bool tls;
	char *host;   /* web: as in the address; S3: of the endpoint, without the bucket */
	char *bucket; /* S3 */
	bool is_gs;
	bool virtual_host;
	char region[64];
	int64_t clock_offset_s; /* the server's clock less ours */
	int moved;              /* how often it was told to be elsewhere */
};
extern const struct cat_origin_ops cat_origin_web, cat_origin_s3;
/* Fills in a new origin of a bucket. */
CAT_MUST_USE int cat_origin_s3_init(struct cat_origin *o, const struct cat_url *url, struct cat_error *err);
/* Appends an address by which anybody may fetch what C is about, for EXPIRES_S seconds. */
CAT_MUST_USE int cat_origin_s3_link(struct cat_origin *o, const struct cat_call *c, int64_t expires_s,
                                    struct cat_text *out, struct cat_error *err);

struct cat_call_state {
	struct cat_exchange x;
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool begun, ended;
	int64_t began_ms;
	enum cat_trouble trouble;
	char message[256];
	bool waits;                      /* for its turn: pace */
	struct cat_call *behind;         /* ... the next one that does */
	unsigned epoch;
	struct cat_text url, lines;      /* of this try */
	char *redirect;                  /* web: where the answer is, when not at URL */
	int redirects, renewals;         /* how often it was sent elsewhere; how often its keys were out of date */
	bool clock_set;                  /* it was refused for the time of day once */
	const char *list[CAT_CALL_HEADERS + 16];
	struct cat_buf *refusal;         /* body of a status from 300 on, its first 64 KiB */
	int64_t got;                     /* bytes of the range that came, over all tries */
	int64_t got_before;              /* ... before this one */
	int64_t begin, end;              /* what this try asked for, of ranges from a known begin */
	bool whole;                      /* a whole object comes instead of the range */
	bool no_memory, sink_failed;
	struct cat_creds *creds;         /* that signed this try */
};

/* The body's digest, hexadecimal, made once a call. */
const char *cat_call_payload_hash(struct cat_call *c, const struct cat_net_engine *e);
/* What c->name and its server are called in messages: without a query, which may hold secrets. */
int cat_call_fail(struct cat_call *c, enum cat_code code, struct cat_error *err, const char *why);

#endif
