/* Web servers: bearer tokens, redirects, plain refusals. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/origin.h"
#include "net/settings.h"

#define MAX_REDIRECTS 5

/* The token, read anew each time: whoever renews it replaces the file. */
static int add_bearer(struct cat_text *headers, const char *path, struct cat_error *err)
{
	char token[8192];
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t n = fd < 0 ? -1 : read(fd, token, sizeof token - 1);
	const int sys = errno;
	size_t len;

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return cat_fail_sys(err, CAT_E_CONFIG, sys, "the token file %s", path);
	token[n] = '\0';
	len = strcspn(token, " \t\r\n");
	if (len == 0 || len == sizeof token - 1)
		return cat_fail(err, CAT_E_CONFIG, "the token file %s holds no token", path);
	cat_text_addf(headers, "Authorization: Bearer %.*s\n", (int)len, token);
	memset(token, 0, sizeof token);
	return CAT_OK;
}

/* "https://host/..." and "https://host": the length of what says whom is asked. */
static size_t authority(const char *url)
{
	const char *const rest = strstr(url, "://");

	return rest ? (size_t)(rest + 3 - url) + strcspn(rest + 3, "/?#") : 0;
}

static int web_prepare(struct cat_origin *o, struct cat_call *c, const struct cat_net_engine *e, struct cat_text *url,
                       struct cat_text *headers, struct cat_error *err)
{
	const struct cat_net_settings *set = cat_net_settings();
	const char *const moved = c->state->redirect;

	(void)e;
	cat_text_addf(url, "http%s://%s%s", o->tls ? "s" : "", o->host, c->path);
	if (c->query)
		cat_text_addf(url, "?%s", c->query);
	CAT_TRY(cat_text_check(url, err));
	/* The token is for whom the user named, over TLS or to this machine. */
	if (set->bearer_file && !c->bare && (o->tls || cat_url_is_loopback(o->host)) &&
	    (!moved || (authority(moved) == authority(url->s) && strncasecmp(moved, url->s, authority(moved)) == 0)))
		return add_bearer(headers, set->bearer_file, err);
	return CAT_OK;
}

/* The address that LOCATION means, seen from URL; NULL when it must not be followed: from TLS into the open, or with a
 * user in it. */
static char *resolve(const char *url, const char *location)
{
	const bool tls = strncasecmp(url, "https://", 8) == 0;
	struct cat_text t = {.max = 1 << 16};
	size_t n;

	if (strncasecmp(location, "https://", 8) == 0 || (!tls && strncasecmp(location, "http://", 7) == 0))
		return memchr(location, '@', authority(location)) ? NULL : cat_strdup(location);
	if (cat_url_like(location))
		return NULL;
	n = authority(url);
	if (strncmp(location, "//", 2) == 0) {
		if (memchr(location, '@', 2 + strcspn(location + 2, "/?#")))
			return NULL;
		n = tls ? 6 : 5;
	} else if (location[0] == '?') {
		n += strcspn(url + n, "?#");
	} else if (location[0] != '/') {
		size_t path = strcspn(url + n, "?#");

		while (path > 0 && url[n + path - 1] != '/')
			path--;
		n += path;
	}
	cat_text_addn(&t, url, n);
	cat_text_add(&t, location);
	if (t.failed) {
		cat_text_fini(&t);
		return NULL;
	}
	return t.s;
}

static enum cat_verdict follow(struct cat_call *c, struct cat_error *err)
{
	struct cat_call_state *s = c->state;
	char *to;

	if (s->redirects++ == MAX_REDIRECTS) {
		cat_call_fail(c, CAT_E_PROTOCOL, err, "redirected in circles");
		return CAT_VERDICT_FAIL;
	}
	to = c->reply.location ? resolve(s->url.s, c->reply.location) : NULL;
	if (!to) {
		cat_call_fail(c, CAT_E_PROTOCOL, err, "redirected to where it must not go");
		return CAT_VERDICT_FAIL;
	}
	cat_free(s->redirect);
	s->redirect = to;
	return CAT_VERDICT_NOW;
}

/* Services that give out keys say why they do not. */
static enum cat_verdict refused(struct cat_call *c, const struct cat_buf *doc, struct cat_error *err)
{
	char *code = cat_xml_find(doc, "Code");
	char why[160];

	snprintf(c->code, sizeof c->code, "%s", code ? code : "");
	snprintf(why, sizeof why, "the service answers %d%s%s", c->reply.status, c->code[0] ? " " : "", c->code);
	cat_free(code);
	if (c->reply.status == 429 || c->reply.status == 408 || strcmp(c->code, "Throttling") == 0) {
		cat_call_fail(c, CAT_E_TEMP, err, why);
		return CAT_VERDICT_LATER;
	}
	cat_call_fail(c, c->reply.status == 404 ? CAT_E_NOINPUT : CAT_E_DENIED, err, why);
	return CAT_VERDICT_FAIL;
}

static enum cat_verdict web_judge(struct cat_origin *o, struct cat_call *c, struct cat_buf *doc, struct cat_error *err)
{
	const int status = c->reply.status;
	char why[64];

	(void)o;
	if (c->bare && status >= 400 && status < 500)
		return refused(c, doc, err);
	snprintf(why, sizeof why, "the server answers %d", status);
	switch (status) {
	case 301:
	case 302:
	case 303:
	case 307:
	case 308:
		return follow(c, err);
	case 401:
	case 403:
		cat_call_fail(c, CAT_E_DENIED, err, status == 401 ? "the server wants to know who asks (401)" : "denied (403)");
		if (status == 401)
			cat_hint(err, "~/.netrc, or --bearer-file FILE");
		return CAT_VERDICT_FAIL;
	case 404:
	case 410:
		cat_call_fail(c, CAT_E_NOINPUT, err, "no such file there (404)");
		return CAT_VERDICT_FAIL;
	case 412:
		cat_call_fail(c, CAT_E_DATA, err, "changed while it was read");
		return CAT_VERDICT_FAIL;
	case 416:
		cat_call_fail(c, CAT_E_DATA, err, "shorter than its own index says (416)");
		return CAT_VERDICT_FAIL;
	case 408:
	case 425:
	case 429:
	case 503:
		cat_call_fail(c, CAT_E_TEMP, err, status == 429 ? "too many requests, says the server (429)" : why);
		return CAT_VERDICT_LATER;
	case 500:
	case 502:
	case 504:
		cat_call_fail(c, CAT_E_UNAVAIL, err, why);
		return CAT_VERDICT_LATER;
	default:
		cat_call_fail(c, CAT_E_PROTOCOL, err, why);
		return CAT_VERDICT_FAIL;
	}
}

const struct cat_origin_ops cat_origin_web = {web_prepare, web_judge};
