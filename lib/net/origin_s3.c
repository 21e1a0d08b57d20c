/* Buckets: addressed by path or by host, signed, and looked for where they really are. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/alloc.h"
#include "net/creds.h"
#include "net/origin.h"
#include "net/settings.h"
#include "net/sigv4.h"

#define REGION "abcdefghijklmnopqrstuvwxyz0123456789-"
#define MAX_MOVES 3
#define MAX_RENEWALS 2

static bool aws(const struct cat_origin *o)
{
	return !o->host;
}

int cat_origin_s3_init(struct cat_origin *o, const struct cat_url *url, struct cat_error *err)
{
	const struct cat_net_settings *set = cat_net_settings();
	const char *endpoint = set->endpoint ? set->endpoint : url->is_gs ? NULL : cat_creds_endpoint();
	const char *region = set->region ? set->region : cat_creds_region();
	const char *how = set->addressing ? set->addressing : "auto";

	if (!endpoint && url->is_gs)
		endpoint = "https://storage.googleapis.com";
	o->tls = true;
	o->bucket = cat_strdup(url->bucket);
	if (endpoint) {
		const bool plain = strncasecmp(endpoint, "http://", 7) == 0;
		const char *const host = strncasecmp(endpoint, "https://", 8) == 0 ? endpoint + 8 : endpoint + 7;

		if (memchr(host, '@', strcspn(host, "/")))
			return cat_fail(err, CAT_E_CONFIG, "an endpoint with a user or password in it");
		if (!plain && host != endpoint + 8)
			return cat_fail(err, CAT_E_CONFIG, "the endpoint '%s' begins with neither https:// nor http://",
			                endpoint);
		o->tls = !plain;
		o->host = cat_strndup(host, strcspn(host, "/"));
		if (host[strcspn(host, "/")] && host[strcspn(host, "/") + 1])
			return cat_fail(err, CAT_E_UNSUPPORTED, "an endpoint with a path: '%s'", endpoint);
	}
	if (!o->bucket || (endpoint && !o->host))
		return cat_fail_mem(err, 64);
	region = region ? region : url->is_gs ? "auto" : "us-east-1";
	/* It becomes part of a host's name and of a header. */
	if (strlen(region) >= sizeof o->region || region[strspn(region, REGION)])
		return cat_fail(err, CAT_E_CONFIG, "no region: '%s'", region);
	snprintf(o->region, sizeof o->region, "%s", region);
	/* A certificate's wildcard stands for one label. */
	o->virtual_host = o->bucket[0] && (strcmp(how, "virtual") == 0 ||
	                                   (strcmp(how, "auto") == 0 && aws(o) && !strchr(o->bucket, '.')));
	return CAT_OK;
}

/* Host and path of the request, as on the wire. */
static void address(const struct cat_origin *o, const struct cat_call *c, struct cat_text *host, struct cat_text *path)
{
	if (o->virtual_host)
		cat_text_addf(host, "%s.", o->bucket);
	if (aws(o))
		cat_text_addf(host, "s3.%s.amazonaws.com%s", o->region, strncmp(o->region, "cn-", 3) == 0 ? ".cn" : "");
	else
		cat_text_add(host, o->host);
	if (!o->virtual_host && o->bucket[0])
		cat_text_addf(path, "/%s", o->bucket);
	cat_text_add(path, c->path ? c->path : "/");
}

static int sign(struct cat_origin *o, struct cat_call *c, const struct cat_net_engine *e, const char *host,
                const char *path, struct cat_text *headers, struct cat_error *err)
{
	struct cat_call_state *s = c->state;
	struct cat_text all = {.max = 1 << 16}, line = {.max = 1 << 16};
	const char *v[CAT_CALL_HEADERS + 8];
	char when[17];
	int n = 0, rc;
	/* Over TLS the body is safe on its way, and its checksum goes with it in a header of its own. */
	const char *const hash = o->tls && c->body && !cat_net_settings()->no_checksums ? CAT_PAYLOAD_UNSIGNED
	                                                                                 : cat_call_payload_hash(c, e);

	cat_creds_unref(s->creds);
	s->creds = NULL;
	CAT_TRY(cat_creds_get(&s->creds, err));
	cat_sigv4_time((int64_t)time(NULL) + o->clock_offset_s, when);
	cat_text_addf(headers, "x-amz-date: %s\nx-amz-content-sha256: %s\n", when, hash);
	if (s->creds->token)
		cat_text_addf(headers, "x-amz-security-token: %s\n", s->creds->token);
	cat_text_addf(&all, "%sHost: %s\n", headers->s ? headers->s : "", host);
	rc = cat_text_check(&all, err);
	for (char *at = rc == CAT_OK ? all.s : NULL; at && *at && n + 1 < (int)(sizeof v / sizeof *v);) {
		char *end = strchr(at, '\n');

		*end = '\0';
		v[n++] = at;
		at = end + 1;
	}
	v[n] = NULL;
	if (rc == CAT_OK)
		rc = cat_sigv4_authorization(e,
		                             &(struct cat_sigv4){.method = c->method, .path = path, .query = c->query,
		                                                 .headers = v, .payload_hash = hash, .region = o->region,
		                                                 .service = "s3", .access_key = s->creds->access_key,
		                                                 .secret_key = s->creds->secret_key, .time = when},
		                             &line, err);
	if (rc == CAT_OK)
		cat_text_addf(headers, "Authorization: %s\n", line.s);
	memset(all.s ? all.s : when, 0, all.len);
	cat_text_fini(&all);
	cat_text_fini(&line);
	return rc;
}

static int s3_prepare(struct cat_origin *o, struct cat_call *c, const struct cat_net_engine *e, struct cat_text *url,
                      struct cat_text *headers, struct cat_error *err)
{
	struct cat_text host = {.max = 1 << 12}, path = {.max = 1 << 16};
	int rc;

	if (cat_net_settings()->requester_pays)
		cat_text_add(headers, "x-amz-request-payer: requester\n");
	pthread_mutex_lock(&o->lock);
	address(o, c, &host, &path);
	rc = cat_text_check(&host, err);
	if (rc == CAT_OK)
		rc = cat_text_check(&path, err);
	if (rc == CAT_OK)
		cat_text_addf(url, "http%s://%s%s%s%s", o->tls ? "s" : "", host.s, path.s, c->query ? "?" : "",
		              c->query ? c->query : "");
	if (rc == CAT_OK && !cat_net_settings()->anonymous)
		rc = sign(o, c, e, host.s, path.s, headers, err);
	pthread_mutex_unlock(&o->lock);
	cat_text_fini(&host);
	cat_text_fini(&path);
	return rc;
}

int cat_origin_s3_link(struct cat_origin *o, const struct cat_call *c, int64_t expires_s, struct cat_text *out,
                       struct cat_error *err)
{
	struct cat_text host = {.max = 1 << 12}, path = {.max = 1 << 16}, header = {.max = 1 << 13}, query = {.max = 1 << 16};
	const char *v[2] = {NULL, NULL};
	const struct cat_net_engine *e;
	struct cat_creds *creds = NULL;
	char when[17];
	int rc = cat_net_engine(&e, err);

	if (rc == CAT_OK)
		rc = cat_creds_get(&creds, err);
	pthread_mutex_lock(&o->lock);
	address(o, c, &host, &path);
	cat_text_addf(&header, "Host: %s", host.s ? host.s : "");
	cat_sigv4_time((int64_t)time(NULL) + o->clock_offset_s, when);
	if (rc == CAT_OK)
		rc = cat_text_check(&header, err);
	if (rc == CAT_OK)
		rc = cat_text_check(&path, err);
	v[0] = header.s;
	if (rc == CAT_OK)
		rc = cat_sigv4_presign(e,
		                       &(struct cat_sigv4){.method = "GET", .path = path.s, .headers = v,
		                                           .payload_hash = CAT_PAYLOAD_UNSIGNED, .region = o->region,
		                                           .service = "s3", .access_key = creds->access_key,
		                                           .secret_key = creds->secret_key, .time = when},
		                       creds->token, expires_s, &query, err);
	if (rc == CAT_OK)
		cat_text_addf(out, "http%s://%s%s?%s", o->tls ? "s" : "", host.s, path.s, query.s);
	pthread_mutex_unlock(&o->lock);
	cat_creds_unref(creds);
	cat_text_fini(&host);
	cat_text_fini(&path);
	cat_text_fini(&header);
	cat_text_fini(&query);
	return rc == CAT_OK ? cat_text_check(out, err) : rc;
}

/* --- refusals --- */

/* The bucket is elsewhere: the next try goes there. */
static bool move(struct cat_origin *o, struct cat_call *c, const struct cat_buf *doc)
{
	char *region = c->reply.region ? cat_strdup(c->reply.region) : cat_xml_find(doc, "Region");
	bool moved = false;

	pthread_mutex_lock(&o->lock);
	if (region && *region && strlen(region) < sizeof o->region && !region[strspn(region, REGION)]) {
		/* Another call may have found it out before this one. */
		moved = strcmp(region, o->region) != 0 ? o->moved++ < MAX_MOVES : c->tries <= MAX_MOVES;
		if (moved)
			snprintf(o->region, sizeof o->region, "%s", region);
	}
	pthread_mutex_unlock(&o->lock);
	cat_free(region);
	return moved;
}

static bool set_clock(struct cat_origin *o, struct cat_call *c)
{
	if (!c->reply.date_s || c->state->clock_set)
		return false;
	c->state->clock_set = true;
	pthread_mutex_lock(&o->lock);
	o->clock_offset_s = c->reply.date_s - (int64_t)time(NULL);
	pthread_mutex_unlock(&o->lock);
	return true;
}

static enum cat_verdict denied(struct cat_call *c, struct cat_error *err, const char *text)
{
	const bool anonymous = cat_net_settings()->anonymous;
	char why[400];

	snprintf(why, sizeof why, "denied%s%s%s", text[0] ? ": " : "", text,
	         strcmp(c->code, "AccessDenied") == 0 || !c->code[0]
	                 ? " (or no such object, where the keys may not list the bucket)"
	                 : "");
	cat_call_fail(c, CAT_E_DENIED, err, why);
	cat_hint(err, anonymous ? "without --no-sign" : "aws configure list, or --no-sign for public data");
	return CAT_VERDICT_FAIL;
}

static enum cat_verdict by_status(struct cat_call *c, struct cat_error *err, const char *text)
{
	const int status = c->reply.status;
	char why[400];

	snprintf(why, sizeof why, "the server answers %d%s%s%s%s", status, c->code[0] ? " " : "", c->code,
	         text[0] ? ": " : "", text);
	if (status == 401 || status == 403)
		return denied(c, err, text[0] ? text : c->code);
	if (status == 404) {
		cat_call_fail(c, CAT_E_NOINPUT, err,
		              strcmp(c->code, "NoSuchBucket") == 0 ? "no such bucket" : "no such object");
		return CAT_VERDICT_FAIL;
	}
	if (status == 412) {
		cat_call_fail(c, c->if_match ? CAT_E_DATA : CAT_E_CREATE, err,
		              c->if_match ? "changed while it was read" : "it is there already");
		return CAT_VERDICT_FAIL;
	}
	if (status == 416) {
		cat_call_fail(c, CAT_E_DATA, err, "shorter than its own index says (416)");
		return CAT_VERDICT_FAIL;
	}
	if (status == 409 || status == 429 || status == 503 || status == 408) {
		cat_call_fail(c, CAT_E_TEMP, err, why);
		return CAT_VERDICT_LATER;
	}
	if (status == 500 || status == 502 || status == 504) {
		cat_call_fail(c, CAT_E_UNAVAIL, err, why);
		return CAT_VERDICT_LATER;
	}
	cat_call_fail(c, status == 501 ? CAT_E_UNSUPPORTED : CAT_E_PROTOCOL, err, why);
	return CAT_VERDICT_FAIL;
}

static bool is(const struct cat_call *c, const char *code)
{
	return strcmp(c->code, code) == 0;
}

/* The keys were good once. Refusals of HEAD have no document, and no name then. */
static bool out_of_date(const struct cat_call *c, const struct cat_buf *doc)
{
	const struct cat_creds *keys = c->state->creds;

	return keys && (is(c, "ExpiredToken") || is(c, "ExpiredTokenException") || is(c, "TokenRefreshRequired") ||
	                (!doc && c->reply.status == 400 && keys->token));
}

/* Whether a 400 may be about a token that is no token of this server: radosgw says InvalidArgument then. What is asked
 * for is ours, and has no arguments that could be wrong; what is to be stored may have some of the user's. */
static bool is_of_token(struct cat_origin *o, const struct cat_call *c, const struct cat_buf *doc)
{
	return c->reply.status == 400 && c->state->creds && c->state->creds->token &&
	       (!doc || (is(c, "InvalidArgument") && (strcmp(c->method, "GET") == 0 || !atomic_load(&o->accepted))));
}

static enum cat_verdict s3_judge(struct cat_origin *o, struct cat_call *c, struct cat_buf *doc, struct cat_error *err)
{
	const int status = c->reply.status;
	char *code = cat_xml_find(doc, "Code"), *text = cat_xml_find(doc, "Message");
	enum cat_verdict v;

	snprintf(c->code, sizeof c->code, "%s", code ? code : "");
	if ((status == 301 || status == 302 || status == 307 || status == 400) &&
	    (status != 400 || is(c, "AuthorizationHeaderMalformed") || is(c, "IllegalLocationConstraintException") || (!doc && c->reply.region)) &&
	    move(o, c, doc)) {
		v = CAT_VERDICT_NOW;
	} else if (is(c, "RequestTimeTooSkewed") && set_clock(o, c)) {
		v = CAT_VERDICT_NOW;
	} else if (out_of_date(c, doc) && c->state->renewals++ < MAX_RENEWALS && cat_creds_expired(c->state->creds)) {
		v = CAT_VERDICT_NOW;
	} else if (is(c, "RequestTimeTooSkewed")) {
		cat_call_fail(c, CAT_E_DENIED, err, "this machine's clock differs too much from the server's");
		v = CAT_VERDICT_FAIL;
	} else if (is(c, "ExpiredToken")) {
		cat_call_fail(c, CAT_E_DENIED, err, "the session token has expired");
		v = CAT_VERDICT_FAIL;
	} else if (is(c, "InvalidToken") || is(c, "InvalidClientTokenId") || is(c, "InvalidAccessKeyId")) {
		/* Not every server says 403 here. */
		v = denied(c, err, text ? text : c->code);
	} else if (is_of_token(o, c, doc)) {
		v = denied(c, err, "the server refuses the request, perhaps for its session token (400)");
	} else if (is(c, "InvalidObjectState")) {
		cat_call_fail(c, CAT_E_UNSUPPORTED, err, "archived: it has to be restored first");
		v = CAT_VERDICT_FAIL;
	} else if (is(c, "RequestTimeout") || is(c, "SlowDown") || is(c, "InternalError")) {
		cat_call_fail(c, is(c, "InternalError") ? CAT_E_UNAVAIL : CAT_E_TEMP, err, c->code);
		v = CAT_VERDICT_LATER;
	} else if (is(c, "QuotaExceeded") || is(c, "XMinioAdminBucketQuotaExceeded") || is(c, "XMinioStorageFull") ||
	           status == 507) {
		cat_call_fail(c, CAT_E_IO, err, "the store, or what may be stored there, is full");
		v = CAT_VERDICT_FAIL;
	} else if (is(c, "XAdminUserNotFound")) {
		/* versitygw's way to say InvalidAccessKeyId. */
		v = denied(c, err, "no such access key");
	} else {
		v = by_status(c, err, text ? text : "");
	}
	cat_free(code);
	cat_free(text);
	return v;
}

const struct cat_origin_ops cat_origin_s3 = {s3_prepare, s3_judge};
