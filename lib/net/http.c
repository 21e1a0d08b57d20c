#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/alloc.h"
#include "net/creds.h"
#include "net/origin.h"
#include "net/reply.h"
#include "net/settings.h"
#include "net/sigv4.h"

#define MAX_REFUSAL ((size_t)64 << 10)
#define PAUSE_MS 100      /* before the second try; doubles */
#define MAX_PAUSE_MS 15000
#define MAX_WAIT_MS (3 * 60 * 1000) /* over all tries of a call */
#define MAX_AT_WEB_HOST 8 /* requests at a time */

/* --- the engine and the origins of this process --- */

static pthread_mutex_t process = PTHREAD_MUTEX_INITIALIZER;
static const struct cat_net_engine *running;
static struct cat_origin *origins;

static int engine_running(const struct cat_net_engine **out, struct cat_error *err)
{
	const char *why = NULL;
	int rc = CAT_OK;

	pthread_mutex_lock(&process);
	if (!running) {
		const struct cat_net_engine *e;

		rc = cat_net_engine(&e, err);
		if (rc == CAT_OK)
			why = e->start(cat_net_settings()->connections);
		if (rc == CAT_OK && !why)
			running = e;
	}
	*out = running;
	pthread_mutex_unlock(&process);
	return why ? cat_fail(err, CAT_E_SYSTEM, "no network: %s", why) : rc;
}

static bool is_origin(const struct cat_origin *o, const struct cat_url *u)
{
	if (u->is_s3)
		return o->bucket && strcmp(o->bucket, u->bucket) == 0 && o->is_gs == u->is_gs;
	return !o->bucket && o->tls == u->tls && strcasecmp(o->host, u->host) == 0;
}

/* Whoever gives their data away over the web is not pressed as a store that is paid for each request may be. */
static int most_at_once(const struct cat_url *u)
{
	const int asked = cat_net_settings()->connections;

	return u->is_s3 || cat_url_is_loopback(u->host) || asked < MAX_AT_WEB_HOST ? asked : MAX_AT_WEB_HOST;
}

static int new_origin(const struct cat_url *u, struct cat_origin **out, struct cat_error *err)
{
	struct cat_origin *o = cat_calloc(1, sizeof *o);
	int rc = CAT_OK;

	if (!o)
		return cat_fail_mem(err, sizeof *o);
	pthread_mutex_init(&o->lock, NULL);
	cat_pace_init(&o->pace, most_at_once(u));
	o->tls = u->tls;
	o->is_gs = u->is_gs;
	if (u->is_s3) {
		o->ops = &cat_origin_s3;
		rc = cat_origin_s3_init(o, u, err);
	} else {
		o->ops = &cat_origin_web;
		o->host = cat_strdup(u->host);
		rc = o->host ? CAT_OK : cat_fail_mem(err, 64);
	}
	if (rc != CAT_OK) {
		cat_free(o->host);
		cat_free(o->bucket);
		cat_free(o);
		return rc;
	}
	*out = o;
	return CAT_OK;
}

int cat_origin_of(const struct cat_url *url, struct cat_origin **out, struct cat_error *err)
{
	struct cat_origin *o;
	int rc = CAT_OK;

	pthread_mutex_lock(&process);
	for (o = origins; o && !is_origin(o, url); o = o->next)
		;
	if (!o) {
		rc = new_origin(url, &o, err);
		if (rc == CAT_OK) {
			o->next = origins;
			origins = o;
		}
	}
	pthread_mutex_unlock(&process);
	*out = o;
	return rc;
}

/* --- filling in --- */

void cat_call_init(struct cat_call *c, const char *method, struct cat_origin *o, const char *name)
{
	*c = (struct cat_call){.method = method, .origin = o, .name = name, .max_reply = (size_t)16 << 20};
}

int cat_call_for(struct cat_call *c, const char *method, const struct cat_url *url, const char *name,
                 struct cat_error *err)
{
	struct cat_text path = {.max = 1 << 16};
	struct cat_origin *o;

	*c = (struct cat_call){0};
	CAT_TRY(cat_origin_of(url, &o, err));
	cat_call_init(c, method, o, name);
	if (url->is_s3) {
		cat_text_addc(&path, '/');
		cat_url_encode(&path, url->key, strlen(url->key), true);
		CAT_TRY(cat_text_check(&path, err));
		c->path = path.s;
	} else {
		c->path = cat_strdup(url->path);
		c->query = url->query ? cat_strdup(url->query) : NULL;
	}
	return c->path && (c->query || !url->query) ? CAT_OK : cat_fail_mem(err, 64);
}

int cat_call_header(struct cat_call *c, struct cat_error *err, const char *fmt, ...)
{
	struct cat_text t = {.max = 1 << 14};
	char line[16384];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof line)
		return cat_fail(err, CAT_E_CONFIG, "a header too long to be sent");
	if (c->nheaders == CAT_CALL_HEADERS)
		return cat_fail(err, CAT_E_BUG, "too many headers");
	for (const char *s = line; *s; s++)
		if (*s == '\n' || *s == '\r')
			return cat_fail(err, CAT_E_USAGE, "a line break in '%.40s'", line);
	cat_text_add(&t, line);
	CAT_TRY(cat_text_check(&t, err));
	c->headers[c->nheaders++] = t.s;
	return CAT_OK;
}

int cat_call_query(struct cat_call *c, const char *name, const char *value, struct cat_error *err)
{
	struct cat_text t = {.max = 1 << 16};

	if (c->query)
		cat_text_addf(&t, "%s&", c->query);
	cat_url_encode(&t, name, strlen(name), false);
	cat_text_addc(&t, '=');
	if (value)
		cat_url_encode(&t, value, strlen(value), false);
	CAT_TRY(cat_text_check(&t, err));
	cat_free(c->query);
	c->query = t.s;
	return CAT_OK;
}

const char *cat_call_payload_hash(struct cat_call *c, const struct cat_net_engine *e)
{
	if (!c->body_sha256[0]) {
		uint8_t digest[32];

		e->sha256(c->body ? (const void *)c->body->data : "", c->body ? c->body->size : 0, digest);
		cat_hex(digest, 32, c->body_sha256);
	}
	return c->body_sha256;
}

/* --- on the engine's thread --- */

/* A reply of this status answers the range that was asked, or the whole that was; false: it cannot be used. */
static bool fits(struct cat_call *c)
{
	struct cat_call_state *s = c->state;
	const struct cat_reply *r = &c->reply;
	const bool ranged = c->range_begin != 0 || c->range_end != 0;

	if (!ranged || r->status != 206) {
		s->whole = ranged && r->status == 200;
		/* What earlier tries got of a range belongs to it, and a whole begins at its beginning. */
		return !s->whole || s->got_before == 0;
	}
	if (c->range_begin < 0)
		return r->range_begin >= 0 && r->range_end == r->range_total;
	return r->range_begin == s->begin && r->range_end <= s->end;
}

static void on_header(void *arg, const char *line, size_t n)
{
	struct cat_call *c = arg;

	cat_reply_line(&c->reply, line, n);
}

static bool grow_into(struct cat_call *c, const void *data, size_t n, struct cat_error *err)
{
	const struct cat_reply *r = &c->reply;
	const size_t have = c->into ? c->into->size : 0;

	/* As long as the reply says, at once: then nothing is moved when more comes. */
	if (!c->into && r->length > 0 && (uint64_t)r->length <= c->max_reply) {
		if (cat_buf_new((size_t)r->length, &c->into, err) != CAT_OK)
			return false;
		c->into->size = 0;
	}
	if (c->into && c->into->size + n <= c->into->capacity)
		c->into->size += n;
	else if (cat_buf_resize(&c->into, have + n, err) != CAT_OK)
		return false;
	memcpy(c->into->data + have, data, n);
	return true;
}

static bool on_body(void *arg, const void *data, size_t n)
{
	struct cat_call *c = arg;
	struct cat_call_state *s = c->state;
	struct cat_error err;

	cat_net_count(0, 0, (int64_t)n, 0);
	if (c->reply.status >= 300) {
		const size_t have = s->refusal ? s->refusal->size : 0, take = n < MAX_REFUSAL - have ? n : MAX_REFUSAL - have;

		if (take && cat_buf_resize(&s->refusal, have + take, &err) == CAT_OK)
			memcpy(s->refusal->data + have, data, take);
		return take == n; /* what is behind that says nothing more */
	}
	if (c->reply.encoded || !fits(c))
		return false;
	if (s->whole && ((uint64_t)s->got + n > c->max_whole ||
	                 (c->reply.length >= 0 && (uint64_t)c->reply.length > c->max_whole))) {
		c->stopped = true;
		return false;
	}
	/* By what the reply says of itself, else by what has come of it. */
	if (!c->sink && !s->whole &&
	    ((uint64_t)s->got + n > c->max_reply ||
	     (c->reply.length >= 0 && (uint64_t)(s->got_before + c->reply.length) > c->max_reply))) {
		c->too_long = true;
		return false;
	}
	if (c->sink)
		s->sink_failed = !c->sink(c->sink_arg, data, n);
	else
		s->no_memory = !grow_into(c, data, n, &err);
	s->got += (int64_t)n;
	return !s->sink_failed && !s->no_memory;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Who waits for C goes on, and C may be gone. */
static void end(struct cat_call *c, enum cat_trouble trouble, const char *message)
{
	struct cat_call_state *s = c->state;

	pthread_mutex_lock(&s->lock);
	s->trouble = trouble;
	c->took_ms = now_ms() - s->began_ms;
	snprintf(s->message, sizeof s->message, "%s", message);
	s->ended = true;
	pthread_cond_signal(&s->done);
	pthread_mutex_unlock(&s->lock);
}

static void on_done(void *arg, enum cat_trouble trouble, int status, const char *message)
{
	struct cat_call *c = arg, *next;
	struct cat_pace *const pace = &c->origin->pace;

	if (trouble == CAT_TROUBLE_NONE || status)
		c->reply.status = status;
	pthread_mutex_lock(&pace->lock);
	cat_pace_done(pace, c, c->reply.status, now_ms());
	while ((next = cat_pace_next(pace)) != NULL)
		if (!running->begin(&next->state->x)) {
			cat_pace_done(pace, next, 0, now_ms());
			end(next, CAT_TROUBLE_OTHER, "out of memory");
		}
	pthread_mutex_unlock(&pace->lock);
	end(c, trouble, message);
}

/* --- one try --- */

/* Another server may have the same, and this one has yet to show that it is there. */
static bool is_hasty(const struct cat_call *c)
{
	return c->hasty || (cat_net_is_impatient() && !atomic_load(&c->origin->answered));
}

static int begin_try(struct cat_call *c, struct cat_error *err)
{
	const struct cat_net_settings *set = cat_net_settings();
	struct cat_call_state *s = c->state;
	const struct cat_net_engine *e;
	int n = 0;

	if (set->offline)
		return cat_fail(err, CAT_E_UNAVAIL, "--offline: nothing is asked of the network");
	CAT_TRY(engine_running(&e, err));
	s->url.len = s->lines.len = 0;
	cat_reply_fini(&c->reply);
	cat_buf_unref(s->refusal);
	s->refusal = NULL;
	/* Only a range whose begin is known goes on where it broke off, and only if it is sure to be the same object's. */
	if (s->got > 0 && (s->whole || c->range_begin < 0 || c->range_end == 0 || !c->if_match)) {
		s->got = 0;
		if (c->into)
			c->into->size = 0;
		if (c->sink && !c->sink(c->sink_arg, NULL, 0))
			return cat_call_fail(c, CAT_E_IO, err, "what came cannot be written");
	}
	s->whole = false;
	s->got_before = s->got;
	for (int i = 0; i < c->nheaders; i++)
		cat_text_addf(&s->lines, "%s\n", c->headers[i]);
	if (c->range_begin < 0) {
		cat_text_addf(&s->lines, "Range: bytes=%lld\n", (long long)c->range_begin);
	} else if (c->range_end > 0) {
		s->begin = c->range_begin + s->got;
		s->end = c->range_end;
		cat_text_addf(&s->lines, "Range: bytes=%lld-%lld\n", (long long)s->begin, (long long)s->end - 1);
	}
	if (c->if_match)
		cat_text_addf(&s->lines, "If-Match: %s\n", c->if_match);
	CAT_TRY(c->origin->ops->prepare(c->origin, c, e, &s->url, &s->lines, err));
	if (s->redirect) {
		s->url.len = 0;
		cat_text_add(&s->url, s->redirect);
	}
	CAT_TRY(cat_text_check(&s->url, err));
	cat_text_addc(&s->lines, '\0');
	CAT_TRY(cat_text_check(&s->lines, err));
	/* The last line end of each becomes its terminator. */
	for (char *at = s->lines.s; *at;) {
		char *end = strchr(at, '\n');

		if (n + 1 == (int)(sizeof s->list / sizeof *s->list))
			return cat_fail(err, CAT_E_BUG, "too many headers");
		s->list[n++] = at;
		*end = '\0';
		at = end + 1;
	}
	s->list[n] = NULL;
	s->x = (struct cat_exchange){
		.method = c->method, .url = s->url.s, .headers = s->list,
		.body = c->body ? c->body->data : NULL, .body_len = c->body ? c->body->size : 0,
		.ca_file = set->ca_file, .netrc = !c->origin->bucket && !set->bearer_file && !c->bare, .no_proxy = c->link_local,
		.connect_timeout_ms = c->link_local ? 1000 : is_hasty(c) ? 3000 : 10000,
		.answer_timeout_ms = c->link_local || c->hasty ? 5000 : 0,
		.stall_timeout_ms = set->stall_timeout_ms,
		.on_header = on_header, .on_body = on_body, .on_done = on_done, .arg = c};
	s->ended = false;
	s->begun = true;
	s->began_ms = now_ms();
	c->tries++;
	cat_net_count(1, c->tries > 1, 0, c->body ? (int64_t)c->body->size : 0);
	pthread_mutex_lock(&c->origin->pace.lock);
	if (cat_pace_enter(&c->origin->pace, c, c->urgent)) {
		s->begun = e->begin(&s->x);
		if (!s->begun)
			cat_pace_done(&c->origin->pace, c, 0, now_ms());
	}
	pthread_mutex_unlock(&c->origin->pace.lock);
	return s->begun ? CAT_OK : cat_fail_mem(err, s->lines.len);
}

static void wait_done(struct cat_call *c)
{
	struct cat_call_state *s = c->state;

	pthread_mutex_lock(&s->lock);
	while (s->begun && !s->ended)
		pthread_cond_wait(&s->done, &s->lock);
	s->begun = false;
	pthread_mutex_unlock(&s->lock);
}

/* --- what came of it --- */

int cat_call_fail(struct cat_call *c, enum cat_code code, struct cat_error *err, const char *why)
{
	/* A query may hold a signature. */
	cat_fail(err, code, "%.*s: %s", (int)strcspn(c->name, "?"), c->name, why);
	err->sys = c->reply.status;
	return (int)err->code;
}

static enum cat_verdict judge_trouble(struct cat_call *c, struct cat_error *err)
{
	const struct cat_call_state *s = c->state;
	enum cat_code code = CAT_E_UNAVAIL;

	switch (s->trouble) {
	case CAT_TROUBLE_TLS:
		cat_call_fail(c, CAT_E_PROTOCOL, err, s->message);
		cat_hint(err, "--ca-file FILE");
		return CAT_VERDICT_FAIL;
	case CAT_TROUBLE_STALL:
		code = CAT_E_TEMP;
		break;
	case CAT_TROUBLE_CUT:
		code = CAT_E_PROTOCOL;
		break;
	case CAT_TROUBLE_OTHER:
		cat_call_fail(c, CAT_E_PROTOCOL, err, s->message);
		return CAT_VERDICT_FAIL;
	case CAT_TROUBLE_NONE:
	case CAT_TROUBLE_RESOLVE:
	case CAT_TROUBLE_CONNECT:
	case CAT_TROUBLE_STOPPED:
		break;
	}
	cat_call_fail(c, code, err, s->message);
	/* Sent, perhaps done, and no answer: a second time might be one too many. */
	return c->once && s->trouble != CAT_TROUBLE_CONNECT && s->trouble != CAT_TROUBLE_RESOLVE ? CAT_VERDICT_FAIL
	                                                                                           : CAT_VERDICT_LATER;
}

/* Why a reply was not taken in. */
static enum cat_verdict judge_stopped(struct cat_call *c, struct cat_error *err)
{
	const struct cat_call_state *s = c->state;
	char why[200];

	if (s->no_memory) {
		cat_fail_mem(err, (size_t)(s->got > 0 ? s->got : 0));
		return CAT_VERDICT_FAIL;
	}
	if (s->sink_failed) {
		cat_call_fail(c, CAT_E_IO, err, "what came cannot be written");
		return CAT_VERDICT_FAIL;
	}
	if (c->reply.encoded) {
		cat_call_fail(c, CAT_E_UNSUPPORTED, err, "the server sends it compressed on the way (Content-Encoding)");
		return CAT_VERDICT_FAIL;
	}
	if (c->stopped) {
		cat_call_fail(c, CAT_E_UNSUPPORTED, err, "the server sends the whole instead of the bytes asked for");
		return CAT_VERDICT_FAIL;
	}
	if (c->reply.status == 206 && c->reply.range_begin < 0) {
		cat_call_fail(c, CAT_E_PROTOCOL, err, "the server does not say which bytes it sends");
		return CAT_VERDICT_LATER;
	}
	if (!fits(c)) {
		snprintf(why, sizeof why, "the server sends bytes %lld to %lld where %lld to %lld were asked for",
		         (long long)c->reply.range_begin, (long long)c->reply.range_end, (long long)s->begin,
		         (long long)s->end);
		cat_call_fail(c, CAT_E_PROTOCOL, err, why);
		return CAT_VERDICT_LATER;
	}
	snprintf(why, sizeof why, "the reply is longer than the %zu bytes allowed here", c->max_reply);
	cat_call_fail(c, CAT_E_PROTOCOL, err, why);
	return CAT_VERDICT_FAIL;
}

/* A success of whose body something is missing. */
static bool cut_short(const struct cat_call *c)
{
	const struct cat_call_state *s = c->state;
	const struct cat_reply *r = &c->reply;

	if (strcmp(c->method, "GET") != 0 || s->whole || r->status != 206)
		return false;
	if (c->range_begin < 0)
		return s->got != r->range_end - r->range_begin;
	/* An object that ends inside the range was asked for in good faith; beyond that nothing is missing. */
	return s->got != (r->range_total >= 0 && r->range_total < c->range_end ? r->range_total : c->range_end) -
	                         c->range_begin;
}

/* A body that ends when the connection does cannot be told from one that was cut. */
static bool unframed(const struct cat_call *c)
{
	return !c->ends_itself && strcmp(c->method, "GET") == 0 && c->reply.status == 200 && c->reply.length < 0 && !c->reply.chunked &&
	       ((struct cat_call_state *)c->state)->got > 0;
}

static enum cat_verdict judge(struct cat_call *c, struct cat_error *err)
{
	struct cat_call_state *s = c->state;
	const int status = c->reply.status;

	if (status >= 200 && status < 500 && status != 408 && status != 429)
		atomic_store(&c->origin->answered, true);
	if ((status >= 200 && status < 300) || status == 404)
		atomic_store(&c->origin->accepted, true);
	if (s->trouble == CAT_TROUBLE_STOPPED && status < 300)
		return judge_stopped(c, err);
	if (s->trouble != CAT_TROUBLE_NONE && s->trouble != CAT_TROUBLE_STOPPED)
		return judge_trouble(c, err);
	if (status >= 200 && status < 300) {
		if (unframed(c)) {
			cat_call_fail(c, CAT_E_PROTOCOL, err, "the server does not say where the reply ends");
			return CAT_VERDICT_FAIL;
		}
		if (!cut_short(c) && fits(c)) {
			err->code = CAT_OK;
			return CAT_VERDICT_FAIL;
		}
		cat_call_fail(c, CAT_E_PROTOCOL, err, "the reply is shorter than its range");
		return CAT_VERDICT_LATER;
	}
	return c->origin->ops->judge(c->origin, c, s->refusal, err);
}

/* --- trying again --- */

/* Anything between nothing and the bound, so that many who were refused together do not come back together. */
static int64_t pause_ms(const struct cat_call *c)
{
	static _Atomic unsigned seed = 1;
	int64_t bound = PAUSE_MS;

	if (c->reply.retry_after_ms >= 0)
		return c->reply.retry_after_ms;
	for (int i = 1; i < c->tries && bound < MAX_PAUSE_MS; i++)
		bound *= 2;
	seed = seed * 1664525U + 1013904223U + (unsigned)now_ms();
	return bound / 4 + (int64_t)(seed >> 8) % bound;
}

static void sleep_ms(int64_t ms)
{
	struct timespec t = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};

	while (nanosleep(&t, &t) != 0 && errno == EINTR)
		;
}

static int most_tries(const struct cat_call *c)
{
	return c->link_local || is_hasty(c) ? 1 : cat_net_settings()->tries;
}

int cat_call_start(struct cat_call *c, struct cat_error *err)
{
	struct cat_call_state *s = cat_calloc(1, sizeof *s);

	if (!s)
		return cat_fail_mem(err, sizeof *s);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->done, NULL);
	s->url.max = s->lines.max = 1 << 16;
	c->state = s;
	cat_reply_fini(&c->reply);
	return begin_try(c, err);
}

int cat_call_finish(struct cat_call *c, struct cat_error *err)
{
	const int64_t until_ms = now_ms() + MAX_WAIT_MS;
	int mended = 0;

	for (;;) {
		enum cat_verdict v;
		int64_t pause = 0;

		wait_done(c);
		v = judge(c, err);
		/* Each mending is counted where it is made; the bound is for servers that lead in circles. */
		if (v == CAT_VERDICT_FAIL || (v == CAT_VERDICT_NOW && ++mended > 8))
			return (int)err->code;
		if (v == CAT_VERDICT_LATER) {
			pause = pause_ms(c);
			if (c->tries - mended >= most_tries(c) || now_ms() + pause > until_ms) {
				char times[32];

				snprintf(times, sizeof times, "%d tries", c->tries);
				return c->tries > 1 ? cat_wrap(err, "%s", times) : (int)err->code;
			}
			sleep_ms(pause);
		}
		err->code = CAT_OK;
		CAT_TRY(begin_try(c, err));
	}
}

int cat_call_run(struct cat_call *c, struct cat_error *err)
{
	CAT_TRY(cat_call_start(c, err));
	return cat_call_finish(c, err);
}

void cat_call_fini(struct cat_call *c)
{
	struct cat_call_state *s = c->state;

	if (s) {
		pthread_mutex_lock(&c->origin->pace.lock);
		if (cat_pace_leave(&c->origin->pace, c))
			s->begun = false;
		pthread_mutex_unlock(&c->origin->pace.lock);
		if (s->begun)
			running->cancel(&s->x);
		wait_done(c);
		cat_text_fini(&s->url);
		cat_text_fini(&s->lines);
		cat_buf_unref(s->refusal);
		cat_free(s->redirect);
		cat_creds_unref(s->creds);
		pthread_mutex_destroy(&s->lock);
		pthread_cond_destroy(&s->done);
		cat_free(s);
	}
	for (int i = 0; i < c->nheaders; i++)
		cat_free(c->headers[i]);
	cat_free(c->path);
	cat_free(c->query);
	cat_free(c->if_match);
	cat_buf_unref(c->body);
	cat_buf_unref(c->into);
	cat_reply_fini(&c->reply);
	*c = (struct cat_call){0};
}
