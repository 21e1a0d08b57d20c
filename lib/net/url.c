#include "net/url.h"

#include <string.h>
#include <strings.h>

#include "base/alloc.h"

static const char *const schemes[] = {"https://", "http://", "s3://", "gs://", "hf://"};

static const char *scheme_of(const char *s)
{
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
		if (strncasecmp(s, schemes[i], strlen(schemes[i])) == 0)
			return schemes[i];
	return NULL;
}

bool cat_url_is(const char *s)
{
	return scheme_of(s) != NULL;
}

bool cat_url_like(const char *s)
{
	const size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");

	return n > 0 && strncmp(s + n, "://", 3) == 0;
}

bool cat_url_is_loopback(const char *host)
{
	static const char local[] = "localhost";
	const size_t n = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":"), k = sizeof local - 1;

	if (host[0] == '[')
		return strncmp(host, "[::1]", 5) == 0 && (host[5] == '\0' || host[5] == ':');
	if (n >= k && strncasecmp(host + n - k, local, k) == 0)
		return n == k || host[n - k - 1] == '.';
	return strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == n;
}

void cat_url_encode(struct cat_text *out, const char *s, size_t n, bool keep_slash)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < n; i++) {
		const unsigned char c = (unsigned char)s[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    (c && strchr("-._~", c)) || (keep_slash && c == '/')) {
			cat_text_addc(out, (char)c);
		} else {
			cat_text_addc(out, '%');
			cat_text_addc(out, hex[c >> 4]);
			cat_text_addc(out, hex[c & 15]);
		}
	}
}

/* The user's own encoding stays; what cannot stand in a request line is encoded. */
static char *wire(const char *s, size_t n, struct cat_error *err)
{
	struct cat_text t = {.max = 1 << 16};

	for (size_t i = 0; i < n; i++) {
		const unsigned char c = (unsigned char)s[i];

		if (c <= ' ' || c >= 0x7f || strchr("\"<>\\^`{|}", c))
			cat_url_encode(&t, s + i, 1, false);
		else
			cat_text_addc(&t, (char)c);
	}
	if (cat_text_check(&t, err) != CAT_OK) {
		cat_text_fini(&t);
		return NULL;
	}
	return t.s ? t.s : cat_strdup("");
}

static int parse_web(const char *s, struct cat_url *u, struct cat_error *err)
{
	const char *const rest = s + (u->tls ? 8 : 7);
	const size_t nhost = strcspn(rest, "/?#"), npath = strcspn(rest + nhost, "?#");
	const char *const path = rest + nhost, *const query = path + npath;

	if (memchr(rest, '@', nhost)) {
		cat_fail(err, CAT_E_USAGE, "an address with a user or password in it: others could read it");
		return cat_hint(err, "~/.netrc, or --bearer-file FILE");
	}
	if (nhost == 0 || strspn(rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]") < nhost)
		return cat_fail(err, CAT_E_USAGE, "no host in '%.*s'", (int)strcspn(s, "?"), s);
	u->host = cat_strndup(rest, nhost);
	u->path = npath ? wire(path, npath, err) : cat_strdup("/");
	if (*query == '?')
		u->query = wire(query + 1, strcspn(query + 1, "#"), err);
	return u->host && u->path && (u->query || *query != '?') ? CAT_OK : cat_fail_mem(err, strlen(s));
}

/* hf://datasets/owner/name[@revision]/path: what huggingface.co serves of it. */
static int parse_hf(const char *s, struct cat_url *u, struct cat_error *err)
{
	const char *const kind = s + 5, *const owner = strchr(kind, '/');
	const char *const name = owner ? strchr(owner + 1, '/') : NULL;
	const size_t nname = name ? strcspn(name + 1, "@/") : 0;
	const char *const at = name ? name + 1 + nname : NULL;
	const char *const path = at ? strchr(at, '/') : NULL;
	struct cat_text t = {.max = 1 << 16};

	if (nname == 0 || strncmp(kind, "datasets/", 9) != 0)
		return cat_fail(err, CAT_E_USAGE, "'%s' is not of the form hf://datasets/OWNER/NAME/PATH", s);
	cat_text_addc(&t, '/');
	cat_url_encode(&t, kind, (size_t)(at - kind), true);
	cat_text_add(&t, "/resolve/");
	if (*at == '@')
		cat_url_encode(&t, at + 1, strcspn(at + 1, "/"), false);
	else
		cat_text_add(&t, "main");
	if (path)
		cat_url_encode(&t, path, strlen(path), true);
	u->tls = true;
	u->host = cat_strdup("huggingface.co");
	if (cat_text_check(&t, err) != CAT_OK || !u->host) {
		cat_text_fini(&t);
		return cat_fail_mem(err, strlen(s));
	}
	u->path = t.s;
	return CAT_OK;
}

static int parse_s3(const char *s, struct cat_url *u, struct cat_error *err)
{
	const char *const bucket = s + 5;
	const size_t n = strcspn(bucket, "/");

	u->is_s3 = true;
	if (n == 0 || strspn(bucket, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:") < n)
		return cat_fail(err, CAT_E_USAGE, "no bucket in '%s'", s);
	if (memchr(bucket, ':', n))
		return cat_fail(err, CAT_E_UNSUPPORTED, "access points (ARNs) are not supported; name the bucket");
	if (n > 6 && memcmp(bucket + n - 6, "--x-s3", 6) == 0)
		return cat_fail(err, CAT_E_UNSUPPORTED, "directory buckets (S3 Express) are not supported");
	u->bucket = cat_strndup(bucket, n);
	u->key = cat_strdup(bucket + n + (bucket[n] == '/'));
	return u->bucket && u->key ? CAT_OK : cat_fail_mem(err, strlen(s));
}

int cat_url_parse(const char *s, struct cat_url *out, struct cat_error *err)
{
	const char *const scheme = scheme_of(s);
	int rc;

	*out = (struct cat_url){0};
	if (!scheme)
		return cat_fail(err, CAT_E_USAGE, "'%.*s' is not a scheme that is read here: https, http, s3, gs, hf",
		                (int)strcspn(s, ":"), s);
	out->tls = strcmp(scheme, "https://") == 0;
	out->is_gs = strcmp(scheme, "gs://") == 0;
	if (strcmp(scheme, "s3://") == 0 || out->is_gs)
		rc = parse_s3(s, out, err);
	else if (strcmp(scheme, "hf://") == 0)
		rc = parse_hf(s, out, err);
	else
		rc = parse_web(s, out, err);
	if (rc != CAT_OK)
		cat_url_fini(out);
	return rc;
}

void cat_url_fini(struct cat_url *u)
{
	cat_free(u->host);
	cat_free(u->bucket);
	cat_free(u->key);
	cat_free(u->path);
	cat_free(u->query);
	*u = (struct cat_url){0};
}

char *cat_url_join(const char *folder, const char *name)
{
	const bool web = strncasecmp(folder, "http", 4) == 0 && cat_url_is(folder);
	const size_t n = web ? strcspn(folder, "?") : strlen(folder), k = strlen(name), rest = strlen(folder) - n;
	const bool slash = n > 0 && folder[n - 1] != '/';
	char *path = cat_malloc(n + slash + k + rest + 1);

	if (!path)
		return NULL;
	memcpy(path, folder, n);
	if (slash)
		path[n] = '/';
	memcpy(path + n + slash, name, k);
	memcpy(path + n + slash + k, folder + n, rest + 1);
	return path;
}
