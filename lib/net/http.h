/* http -- requests and their replies: begun at once, many at a time, tried again while that may help.
 *
 * Layer: net. A call is made by a server (an "origin": a web host, or a bucket), filled in, started, finished.
 * Trying again happens in the thread that finishes it: with growing pauses, as long as Retry-After says, from the
 * byte where a reply broke off, and always of the same version of the object.
 * Thread rule: a call belongs to one thread at a time; any number of calls at once.
 */
#ifndef CAT_NET_HTTP_H
#define CAT_NET_HTTP_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/crc.h"
#include "base/text.h"
#include "net/url.h"

#define CAT_CALL_HEADERS 24

struct cat_origin;
/* The server that URL lives on, the same one for all addresses there; good for the process's life. */
CAT_MUST_USE int cat_origin_of(const struct cat_url *url, struct cat_origin **out, struct cat_error *err);

/* What a reply's head says. */
struct cat_reply {
	int status;
	int64_t length;      /* Content-Length; -1: not said */
	int64_t range_begin, range_end, range_total; /* Content-Range: [begin, end) of total; -1: not said */
	bool chunked;
	bool takes_ranges;   /* Accept-Ranges: bytes */
	bool encoded;        /* Content-Encoding other than identity */
	char *etag;          /* as it stands, quotes included; NULL: none */
	char *modified;      /* Last-Modified */
	char *location;
	char *region;        /* x-amz-bucket-region */
	char *upload_checksum; /* x-amz-checksum-sha256 */
	char *crc;           /* the longest of x-amz-checksum-crc64nvme, -crc32c, -crc32 */
	enum cat_crc crc_kind;
	bool crc_composite, crc_full; /* x-amz-checksum-type: of parts' checksums, of the bytes */
	char *archived;      /* x-amz-storage-class */
	int64_t retry_after_ms; /* -1: not said */
	int64_t date_s;      /* Date, seconds since 1970; 0: not said */
};

struct cat_call {
	/* --- what is asked; set before start --- */
	const char *method;
	struct cat_origin *origin;
	const char *name;   /* for messages: the address as the user gave it. The caller's */
	char *path, *query; /* as on the wire; owned by the call */
	char *headers[CAT_CALL_HEADERS]; /* beyond those that origins add; owned */
	int nheaders;
	struct cat_buf *body; /* a reference; NULL: none */
	char body_sha256[65]; /* hexadecimal, where it is known already */
	int64_t range_begin, range_end; /* bytes [begin, end); begin < 0: the last -begin bytes; both 0: no range */
	char *if_match;     /* ETag that the object must have; owned */
	size_t max_reply;   /* more than that is refused: replies that a range was asked of are as long as that */
	size_t max_whole;   /* of a whole object that came instead of a range: more is stopped, and told by reply.status */
	bool once;          /* what it does cannot be done twice: only failures to connect are tried again */
	bool bare;          /* goes as it is: no token, no netrc; for services that give out keys */
	bool link_local;    /* ... of this machine: no proxy, answers at once or never */
	bool urgent;        /* begins at once, however many are under way */
	bool ends_itself;   /* who asks can tell whether the body is whole, where the server does not */
	bool hasty;         /* asked once, for a few seconds: nothing hangs on the answer */
	/* Where the body goes instead of INTO; on the engine's thread. DATA NULL: it comes again from its beginning.
	 * False ends the call with CAT_E_IO. */
	bool (*sink)(void *arg, const void *data, size_t n);
	void *sink_arg;

	/* --- what came; after finish --- */
	struct cat_reply reply;
	struct cat_buf *into; /* the body, of statuses below 300 */
	bool stopped;         /* a whole object was too large (max_whole) */
	bool too_long;        /* it was longer than max_reply: hardly more than its head was read */
	char code[64];        /* of an error document: "NoSuchKey" */
	int tries;
	int64_t took_ms;      /* the last of them, from its beginning to its end */

	struct cat_call_state *state; /* the module's */
};

void cat_call_init(struct cat_call *c, const char *method, struct cat_origin *o, const char *name);
/* The same for the object at URL. */
CAT_MUST_USE int cat_call_for(struct cat_call *c, const char *method, const struct cat_url *url, const char *name,
                              struct cat_error *err);
CAT_PRINTF(3, 4) CAT_MUST_USE int cat_call_header(struct cat_call *c, struct cat_error *err, const char *fmt, ...);
/* NAME=VALUE, encoded, to the query; VALUE NULL: the name alone. */
CAT_MUST_USE int cat_call_query(struct cat_call *c, const char *name, const char *value, struct cat_error *err);
/* Begins; what it points at stays until finish or fini. */
CAT_MUST_USE int cat_call_start(struct cat_call *c, struct cat_error *err);
/* Waits for the reply. CAT_OK for statuses 200 to 299; else the code that fits: CAT_E_NOINPUT (404), CAT_E_DENIED (401,
 * 403), CAT_E_DATA (412: changed), CAT_E_TEMP (429, 503, no answer in time), CAT_E_UNAVAIL, CAT_E_PROTOCOL. */
CAT_MUST_USE int cat_call_finish(struct cat_call *c, struct cat_error *err);
CAT_MUST_USE int cat_call_run(struct cat_call *c, struct cat_error *err); /* start and finish */
void cat_call_fini(struct cat_call *c); /* ends it if it is under way */

/* The text of element NAME anywhere in an XML document; the caller frees it. NULL: not there. */
char *cat_xml_find(const struct cat_buf *doc, const char *name);

#endif
