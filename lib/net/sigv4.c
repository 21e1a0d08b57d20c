#include "net/sigv4.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/alloc.h"
#include "net/url.h"

void cat_hex(const uint8_t *data, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[data[i] >> 4];
		out[2 * i + 1] = digits[data[i] & 15];
	}
	out[2 * n] = '\0';
}

void cat_base64(const uint8_t *data, size_t n, char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (; n > 0; data += n < 3 ? n : 3, n -= n < 3 ? n : 3) {
		const unsigned v = (unsigned)data[0] << 16 | (n > 1 ? (unsigned)data[1] << 8 : 0) | (n > 2 ? data[2] : 0);

		*out++ = digits[v >> 18];
		*out++ = digits[v >> 12 & 63];
		*out++ = n > 1 ? digits[v >> 6 & 63] : '=';
		*out++ = n > 2 ? digits[v & 63] : '=';
	}
	*out = '\0';
}

void cat_sigv4_time(int64_t unix_s, char out[17])
{
	const time_t t = (time_t)unix_s;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, 17, "%Y%m%dT%H%M%SZ", &tm);
}

/* --- query --- */

struct pair {
	char *name, *value; /* encoded */
};

static int by_name(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	const int order = strcmp(x->name, y->name);

	return order ? order : strcmp(x->value, y->value);
}

/* What is encoded stays so; what is not, and should be, gets it. */
static char *encode_again(const char *s, size_t n)
{
	struct cat_text t = {.max = 1 << 20};

	for (size_t i = 0; i < n; i++)
		if (s[i] == '%' && i + 2 < n + 0 && strspn(s + i + 1, "0123456789abcdefABCDEF") >= 2)
			cat_text_addc(&t, '%');
		else
			cat_url_encode(&t, s + i, 1, false);
	if (t.failed) {
		cat_text_fini(&t);
		return NULL;
	}
	return t.s ? t.s : cat_strdup("");
}

/* Pairs sorted by name and value, each with its equals sign. */
static int add_query(struct cat_text *out, const char *query, struct cat_error *err)
{
	struct pair *v = NULL;
	size_t n = 0, cap = 0;
	bool failed = false;

	for (const char *at = query; at && *at && !failed;) {
		const size_t len = strcspn(at, "&"), name = strcspn(at, "=&");

		failed = cat_grow(&v, &cap, n, sizeof *v) != 0;
		if (!failed && len > 0) {
			v[n].name = encode_again(at, name);
			v[n].value = name < len ? encode_again(at + name + 1, len - name - 1) : cat_strdup("");
			failed = !v[n].name || !v[n].value;
			n++;
		}
		at += len + (at[len] == '&');
	}
	if (n)
		qsort(v, n, sizeof *v, by_name);
	for (size_t i = 0; i < n; i++) {
		if (!failed)
			cat_text_addf(out, "%s%s=%s", i ? "&" : "", v[i].name, v[i].value);
		cat_free(v[i].name);
		cat_free(v[i].value);
	}
	cat_free(v);
	return failed ? cat_fail_mem(err, cap * sizeof *v) : CAT_OK;
}

/* --- headers --- */

/* Names before their colons, without case. */
static int by_header(const void *a, const void *b)
{
	const char *const x = *(const char *const *)a, *const y = *(const char *const *)b;
	const size_t nx = strcspn(x, ":"), ny = strcspn(y, ":");
	const int order = strncasecmp(x, y, nx < ny ? nx : ny);

	return order ? order : nx < ny ? -1 : nx > ny;
}

/* Trimmed, inner blanks to one. */
static void add_value(struct cat_text *out, const char *s)
{
	const char *at = s + strspn(s, " \t");

	while (*at) {
		const size_t n = strcspn(at, " \t");
		const char *next = at + n + strspn(at + n, " \t");

		cat_text_addn(out, at, n);
		if (*next)
			cat_text_addc(out, ' ');
		at = next;
	}
}

static void add_lower(struct cat_text *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		cat_text_addc(out, s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] | 0x20) : s[i]);
}

static int add_headers(struct cat_text *out, struct cat_text *names, const char *const *headers,
                       struct cat_error *err)
{
	const char **v;
	size_t n = 0, name = 0;

	while (headers[n])
		n++;
	v = cat_malloc((n + 1) * sizeof(const char *));
	if (!v)
		return cat_fail_mem(err, n * sizeof(const char *));
	/* A name that comes again keeps the order of its values: insertion sort is stable. */
	for (size_t i = 0; i < n; i++) {
		size_t k = i;

		for (; k > 0 && by_header(&v[k - 1], &headers[i]) > 0; k--)
			v[k] = v[k - 1];
		v[k] = headers[i];
	}
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && by_header(&v[i - 1], &v[i]) == 0) {
			cat_text_addc(out, ',');
		} else {
			name = strcspn(v[i], ":");
			if (i > 0)
				cat_text_addc(out, '\n');
			add_lower(out, v[i], name);
			cat_text_addc(out, ':');
			if (i > 0)
				cat_text_addc(names, ';');
			add_lower(names, v[i], name);
		}
		name = strcspn(v[i], ":");
		add_value(out, v[i] + name + (v[i][name] == ':'));
	}
	cat_text_addc(out, '\n');
	cat_free(v);
	return CAT_OK;
}

/* --- path --- */

/* Without empty and dot segments. */
static void add_normal_path(struct cat_text *out, const char *path)
{
	struct cat_text t = {.max = 1 << 16};

	for (const char *at = path; *at;) {
		const size_t slash = strspn(at, "/"), n = strcspn(at + slash, "/");
		const char *segment = at + slash;

		if (n == 2 && memcmp(segment, "..", 2) == 0) {
			while (t.len > 0 && t.s[--t.len] != '/')
				;
		} else if (n > 0 && !(n == 1 && segment[0] == '.')) {
			cat_text_addc(&t, '/');
			cat_text_addn(&t, segment, n);
		}
		at = segment + n;
	}
	if (t.len == 0 || (path[0] && path[strlen(path) - 1] == '/'))
		cat_text_addc(&t, '/');
	cat_url_encode(out, t.s, t.len, true);
	out->failed |= t.failed;
	cat_text_fini(&t);
}

int cat_sigv4_canonical(const struct cat_sigv4 *s, struct cat_text *canonical, struct cat_text *names,
                        struct cat_error *err)
{
	cat_text_addf(canonical, "%s\n", s->method);
	if (s->normalize)
		add_normal_path(canonical, s->path);
	else
		cat_text_add(canonical, s->path);
	cat_text_addc(canonical, '\n');
	CAT_TRY(add_query(canonical, s->query, err));
	cat_text_addc(canonical, '\n');
	CAT_TRY(add_headers(canonical, names, s->headers, err));
	cat_text_addf(canonical, "\n%s\n%s", names->s ? names->s : "", s->payload_hash);
	CAT_TRY(cat_text_check(names, err));
	return cat_text_check(canonical, err);
}

static void signature(const struct cat_net_engine *e, const struct cat_sigv4 *s, const struct cat_text *canonical,
                      char out[65])
{
	char text[512];
	uint8_t key[32], digest[32];
	char hex[65];
	struct cat_text first = {.max = 1 << 16};

	e->sha256(canonical->s, canonical->len, digest);
	cat_hex(digest, 32, hex);
	snprintf(text, sizeof text, "AWS4-HMAC-SHA256\n%s\n%.8s/%s/%s/aws4_request\n%s", s->time, s->time, s->region,
	         s->service, hex);
	cat_text_addf(&first, "AWS4%s", s->secret_key);
	e->hmac_sha256(first.s ? first.s : "", first.len, s->time, 8, key);
	memset(first.s ? first.s : hex, 0, first.len);
	cat_text_fini(&first);
	e->hmac_sha256(key, 32, s->region, strlen(s->region), key);
	e->hmac_sha256(key, 32, s->service, strlen(s->service), key);
	e->hmac_sha256(key, 32, "aws4_request", 12, key);
	e->hmac_sha256(key, 32, text, strlen(text), digest);
	memset(key, 0, sizeof key);
	cat_hex(digest, 32, out);
}

int cat_sigv4_authorization(const struct cat_net_engine *e, const struct cat_sigv4 *s, struct cat_text *out,
                            struct cat_error *err)
{
	struct cat_text canonical = {.max = 1 << 20}, names = {.max = 1 << 16};
	char hex[65];
	int rc = cat_sigv4_canonical(s, &canonical, &names, err);

	if (rc == CAT_OK) {
		signature(e, s, &canonical, hex);
		cat_text_addf(out, "AWS4-HMAC-SHA256 Credential=%s/%.8s/%s/%s/aws4_request, SignedHeaders=%s, Signature=%s",
		              s->access_key, s->time, s->region, s->service, names.s, hex);
		rc = cat_text_check(out, err);
	}
	cat_text_fini(&canonical);
	cat_text_fini(&names);
	return rc;
}

int cat_sigv4_presign(const struct cat_net_engine *e, const struct cat_sigv4 *s, const char *token,
                      int64_t expires_s, struct cat_text *out, struct cat_error *err)
{
	struct cat_text canonical = {.max = 1 << 20}, names = {.max = 1 << 16}, scope = {.max = 1 << 10};
	struct cat_sigv4 with = *s;
	char hex[65];
	int rc;

	/* The names that will be signed stand in the query that is signed. */
	rc = cat_sigv4_canonical(s, &canonical, &names, err);
	cat_text_addf(&scope, "%s/%.8s/%s/%s/aws4_request", s->access_key, s->time, s->region, s->service);
	if (rc == CAT_OK)
		rc = cat_text_check(&scope, err);
	if (rc == CAT_OK) {
		if (s->query && *s->query)
			cat_text_addf(out, "%s&", s->query);
		cat_text_add(out, "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=");
		cat_url_encode(out, scope.s, scope.len, false);
		cat_text_addf(out, "&X-Amz-Date=%s&X-Amz-Expires=%lld", s->time, (long long)expires_s);
		if (token) {
			cat_text_add(out, "&X-Amz-Security-Token=");
			cat_url_encode(out, token, strlen(token), false);
		}
		cat_text_add(out, "&X-Amz-SignedHeaders=");
		cat_url_encode(out, names.s, names.len, false);
		rc = cat_text_check(out, err);
	}
	if (rc == CAT_OK) {
		with.query = out->s;
		canonical.len = names.len = 0;
		rc = cat_sigv4_canonical(&with, &canonical, &names, err);
	}
	if (rc == CAT_OK) {
		signature(e, s, &canonical, hex);
		cat_text_addf(out, "&X-Amz-Signature=%s", hex);
		rc = cat_text_check(out, err);
	}
	cat_text_fini(&canonical);
	cat_text_fini(&names);
	cat_text_fini(&scope);
	return rc;
}
