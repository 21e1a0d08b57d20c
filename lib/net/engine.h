/* engine -- what net takes from libcurl and OpenSSL, which are opened when a URL is first met.
 *
 * Layer: net. A few threads of the engine drive the transfers, each of them one at a time; they block every signal but
 * those of a crash, so that a peer that hangs up is an error there and never ends the process.
 */
#ifndef CAT_NET_ENGINE_H
#define CAT_NET_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/backend.h"

/* What stopped an exchange before its reply was whole. */
enum cat_trouble {
	CAT_TROUBLE_NONE,
	CAT_TROUBLE_RESOLVE, /* no such host, or its name cannot be looked up */
	CAT_TROUBLE_CONNECT, /* refused, unreachable */
	CAT_TROUBLE_TLS,     /* the peer's certificate or its TLS is not to be trusted */
	CAT_TROUBLE_STALL,   /* no bytes for too long, or no answer in time */
	CAT_TROUBLE_CUT,     /* the connection ended before the reply did */
	CAT_TROUBLE_STOPPED, /* by on_body or cancel */
	CAT_TROUBLE_OTHER
};

/* One HTTP exchange. The caller's; all it points at stays as it is until on_done was called. */
struct cat_exchange {
	const char *method;
	const char *url;                  /* as it goes on the wire, encoded; no user, no password */
	const char *const *headers;       /* "Name: value", ended by NULL */
	const void *body;                 /* sent whole, with its length; NULL: there is none */
	size_t body_len;
	const char *ca_file;              /* certificates to trust instead of the system's; NULL: those */
	bool netrc;                       /* user and password from ~/.netrc, when it has them for the host */
	bool no_proxy;                    /* link-local services */
	int connect_timeout_ms;
	int answer_timeout_ms;            /* of the whole exchange; 0: as long as bytes come */
	int stall_timeout_ms;
	/* On one of the engine's threads; short. A line of the reply's head, without its end. */
	void (*on_header)(void *arg, const char *line, size_t n);
	/* False stops the exchange. */
	bool (*on_body)(void *arg, const void *data, size_t n);
	void (*on_done)(void *arg, enum cat_trouble trouble, int status, const char *message);
	void *arg;
	void *handle; /* the engine's */
	int lane;
};

struct cat_net_engine {
	struct cat_backend backend;
	/* NULL, or why transfers cannot be made. CONNECTIONS: at most so many to one host. Once per process. */
	const char *(*start)(int connections);
	/* Any thread. False when memory is out; then on_done is not called. */
	bool (*begin)(struct cat_exchange *x);
	/* Asks for its end: on_done follows unless it was called already. Any thread. */
	void (*cancel)(struct cat_exchange *x);
	void (*sha256)(const void *data, size_t n, uint8_t out[32]);
	void (*hmac_sha256)(const void *key, size_t nkey, const void *data, size_t n, uint8_t out[32]);
	void (*md5)(const void *data, size_t n, uint8_t out[16]);
	/* Of bytes that come one after the other: SHA-256, or MD5; NULL when memory is out. The end frees it. */
	void *(*digest_begin)(bool sha256);
	void (*digest_add)(void *digest, const void *data, size_t n);
	void (*digest_end)(void *digest, uint8_t out[32]);
};

/* The engine's table, its transfers not started. Any thread. CAT_E_CONFIG when it is not installed. */
CAT_MUST_USE int cat_net_engine(const struct cat_net_engine **out, struct cat_error *err);

#endif
