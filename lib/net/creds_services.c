/* Keys that a service gives out: STS, the container's agent, the machine's metadata. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/creds_sources.h"
#include "net/engine.h"
#include "net/http.h"
#include "net/sigv4.h"

#define SECRETS_REPLY ((size_t)64 << 10)

/* The one line that a file of a secret holds. */
static int read_secret(const char *path, char *out, size_t size, struct cat_error *err)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t n = fd < 0 ? -1 : read(fd, out, size - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0 || (size_t)n == size - 1)
		return cat_fail(err, CAT_E_CONFIG, "%s holds no token", path);
	out[n] = '\0';
	out[strcspn(out, "\r\n")] = '\0';
	return CAT_OK;
}

/* Sends C, which goes to URL. */
static int ask(struct cat_call *c, struct cat_error *err)
{
	c->bare = true;
	c->max_reply = SECRETS_REPLY;
	CAT_TRY(cat_call_run(c, err));
	return c->into ? CAT_OK : cat_fail(err, CAT_E_PROTOCOL, "%s: an empty answer", c->name);
}

static int call_url(struct cat_call *c, const char *method, const char *address, struct cat_error *err)
{
	struct cat_url url;
	int rc;

	CAT_TRY(cat_url_parse(address, &url, err));
	rc = cat_call_for(c, method, &url, address, err);
	cat_url_fini(&url);
	return rc;
}

/* --- STS --- */

static void sts_address(const char *region, char *out, size_t size)
{
	const char *given = cat_creds_env("AWS_ENDPOINT_URL_STS");

	given = given ? given : cat_creds_env("AWS_ENDPOINT_URL");
	if (given)
		snprintf(out, size, "%s%s", given, given[strlen(given) - 1] == '/' ? "" : "/");
	else
		snprintf(out, size, "https://sts.%s.amazonaws.com%s/", region, strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
}

static void parameter(struct cat_text *t, const char *name, const char *value)
{
	cat_text_addf(t, "%s%s=", t->len ? "&" : "", name);
	cat_url_encode(t, value, strlen(value), false);
}

static int sts_keys(const struct cat_call *c, struct cat_creds **out, struct cat_error *err)
{
	char *key = cat_xml_find(c->into, "AccessKeyId"), *secret = cat_xml_find(c->into, "SecretAccessKey");
	char *token = cat_xml_find(c->into, "SessionToken"), *expires = cat_xml_find(c->into, "Expiration");

	if (cat_creds_of_answer(key, secret, token, expires, out, err) == CAT_OK)
		return CAT_OK;
	return cat_wrap(err, "%s", c->name);
}

/* POSTs the form BODY to STS; signed by BASE when that is given. */
static int sts(const struct cat_text *body, struct cat_creds *base, const char *region, struct cat_creds **out,
               struct cat_error *err)
{
	char address[512], when[17], hex[65];
	const struct cat_net_engine *e;
	struct cat_text line = {.max = 1 << 16};
	struct cat_call c = {0};
	uint8_t digest[32];
	int rc;

	region = region ? region : "us-east-1";
	sts_address(region, address, sizeof address);
	CAT_TRY(cat_net_engine(&e, err));
	rc = call_url(&c, "POST", address, err);
	if (rc == CAT_OK)
		rc = cat_buf_copy(body->s, body->len, &c.body, err);
	if (rc == CAT_OK)
		rc = cat_call_header(&c, err, "content-type: application/x-www-form-urlencoded");
	if (rc == CAT_OK && base) {
		char host[256];
		const char *signed_headers[8] = {"content-type: application/x-www-form-urlencoded"};
		char date[64], token[8192];
		int n = 1;

		cat_sigv4_time((int64_t)time(NULL), when);
		e->sha256(body->s, body->len, digest);
		cat_hex(digest, 32, hex);
		snprintf(host, sizeof host, "Host: %.*s", (int)strcspn(strstr(address, "://") + 3, "/"),
		         strstr(address, "://") + 3);
		snprintf(date, sizeof date, "x-amz-date: %s", when);
		signed_headers[n++] = host;
		signed_headers[n++] = date;
		rc = cat_call_header(&c, err, "%s", date);
		if (rc == CAT_OK && base->token) {
			snprintf(token, sizeof token, "x-amz-security-token: %s", base->token);
			signed_headers[n++] = token;
			rc = cat_call_header(&c, err, "%s", token);
		}
		signed_headers[n] = NULL;
		if (rc == CAT_OK)
			rc = cat_sigv4_authorization(e,
			                             &(struct cat_sigv4){.method = "POST", .path = "/",
			                                                 .headers = signed_headers, .payload_hash = hex,
			                                                 .region = region, .service = "sts",
			                                                 .access_key = base->access_key,
			                                                 .secret_key = base->secret_key, .time = when,
			                                                 .normalize = true},
			                             &line, err);
		if (rc == CAT_OK)
			rc = cat_call_header(&c, err, "Authorization: %s", line.s);
	}
	if (rc == CAT_OK)
		rc = ask(&c, err);
	if (rc == CAT_E_NOINPUT)
		rc = (int)(err->code = CAT_E_DENIED); /* no such role */
	if (rc == CAT_OK)
		rc = sts_keys(&c, out, err);
	cat_text_fini(&line);
	cat_call_fini(&c);
	return rc;
}

int cat_creds_web_identity(const char *token_file, const char *role, const char *session, const char *region,
                           struct cat_creds **out, struct cat_error *err)
{
	struct cat_text body = {.max = 1 << 16};
	char token[16384];
	int rc = read_secret(token_file, token, sizeof token, err);

	parameter(&body, "Action", "AssumeRoleWithWebIdentity");
	parameter(&body, "Version", "2011-06-15");
	parameter(&body, "RoleArn", role);
	parameter(&body, "RoleSessionName", session ? session : "catpipe");
	if (rc == CAT_OK)
		parameter(&body, "WebIdentityToken", token);
	if (rc == CAT_OK)
		rc = cat_text_check(&body, err);
	if (rc == CAT_OK)
		rc = sts(&body, NULL, region, out, err);
	memset(token, 0, sizeof token);
	cat_text_fini(&body);
	return rc == CAT_OK ? rc : cat_wrap(err, "web identity");
}

int cat_creds_assume(struct cat_creds *base, const char *role, const char *session, const char *external_id,
                     const char *region, struct cat_creds **out, struct cat_error *err)
{
	struct cat_text body = {.max = 1 << 16};
	int rc;

	parameter(&body, "Action", "AssumeRole");
	parameter(&body, "Version", "2011-06-15");
	parameter(&body, "RoleArn", role);
	parameter(&body, "RoleSessionName", session ? session : "catpipe");
	if (external_id)
		parameter(&body, "ExternalId", external_id);
	rc = cat_text_check(&body, err);
	if (rc == CAT_OK)
		rc = sts(&body, base, region, out, err);
	cat_text_fini(&body);
	return rc == CAT_OK ? rc : cat_wrap(err, "role %s", role);
}

/* --- container --- */

/* Keys go over TLS, or to agents on this very machine. */
static bool may_ask(const char *address)
{
	static const char *const agents[] = {"169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"};
	char host[256];

	if (strncasecmp(address, "https://", 8) == 0)
		return true;
	if (strncasecmp(address, "http://", 7) != 0)
		return false;
	snprintf(host, sizeof host, "%.*s", (int)strcspn(address + 7, "/?#"), address + 7);
	if (cat_url_is_loopback(host))
		return true;
	host[host[0] == '[' ? strcspn(host, "]") + (strchr(host, ']') != NULL) : strcspn(host, ":")] = '\0';
	for (size_t i = 0; i < sizeof agents / sizeof *agents; i++)
		if (strcmp(host, agents[i]) == 0)
			return true;
	return false;
}

int cat_creds_container(struct cat_creds **out, struct cat_error *err)
{
	const char *relative = cat_creds_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *full = cat_creds_env("AWS_CONTAINER_CREDENTIALS_FULL_URI");
	const char *token_file = cat_creds_env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	const char *token = cat_creds_env("AWS_CONTAINER_AUTHORIZATION_TOKEN");
	struct cat_call c = {0};
	char address[2048], secret[16384] = "";
	int rc = CAT_OK;

	*out = NULL;
	if (!relative && !full)
		return CAT_OK;
	snprintf(address, sizeof address, "%s%s", relative ? "http://169.254.170.2" : "", relative ? relative : full);
	if (!may_ask(address))
		return cat_fail(err, CAT_E_CONFIG, "AWS_CONTAINER_CREDENTIALS_FULL_URI: neither https:// nor on this machine");
	if (token_file)
		rc = read_secret(token_file, secret, sizeof secret, err);
	else if (token)
		snprintf(secret, sizeof secret, "%s", token);
	if (rc == CAT_OK)
		rc = call_url(&c, "GET", address, err);
	c.link_local = strncasecmp(address, "http://", 7) == 0;
	if (rc == CAT_OK && secret[0])
		rc = cat_call_header(&c, err, "Authorization: %s", secret);
	if (rc == CAT_OK)
		rc = ask(&c, err);
	if (rc == CAT_OK)
		rc = cat_creds_json((const char *)c.into->data, c.into->size, "Token", out, err);
	memset(secret, 0, sizeof secret);
	cat_call_fini(&c);
	return rc == CAT_OK ? rc : cat_wrap(err, "the container's keys");
}

/* --- machine --- */

static int metadata(const char *base, const char *method, const char *path, const char *header, char *out, size_t size,
                    struct cat_error *err)
{
	struct cat_call c = {0};
	char address[512];
	int rc;

	snprintf(address, sizeof address, "%s%slatest/%s", base, base[strlen(base) - 1] == '/' ? "" : "/", path);
	rc = call_url(&c, method, address, err);
	c.link_local = true;
	if (rc == CAT_OK)
		rc = cat_call_header(&c, err, "%s", header);
	if (rc == CAT_OK)
		rc = ask(&c, err);
	if (rc == CAT_OK && c.into->size >= size)
		rc = cat_fail(err, CAT_E_PROTOCOL, "%s: too long an answer", c.name);
	if (rc == CAT_OK) {
		memcpy(out, c.into->data, c.into->size);
		out[c.into->size] = '\0';
	}
	cat_call_fini(&c);
	return rc;
}

int cat_creds_instance(struct cat_creds **out, struct cat_error *err)
{
	const char *off = cat_creds_env("AWS_EC2_METADATA_DISABLED");
	const char *base = cat_creds_env("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	char token[1024], header[1200], role[256], path[400], keys[16384];
	int rc;

	*out = NULL;
	if (off && strcasecmp(off, "true") == 0)
		return CAT_OK;
	base = base ? base : "http://169.254.169.254";
	if (metadata(base, "PUT", "api/token", "x-aws-ec2-metadata-token-ttl-seconds: 21600", token, sizeof token, err) !=
	    CAT_OK) {
		/* No such service: no such machine. */
		err->code = CAT_OK;
		return CAT_OK;
	}
	token[strcspn(token, "\r\n")] = '\0';
	snprintf(header, sizeof header, "x-aws-ec2-metadata-token: %s", token);
	rc = metadata(base, "GET", "meta-data/iam/security-credentials/", header, role, sizeof role, err);
	if (rc == CAT_E_NOINPUT) {
		err->code = CAT_OK;
		return CAT_OK;
	}
	CAT_TRY(rc);
	role[strcspn(role, "\r\n")] = '\0';
	snprintf(path, sizeof path, "meta-data/iam/security-credentials/%s", role);
	rc = metadata(base, "GET", path, header, keys, sizeof keys, err);
	if (rc == CAT_OK)
		rc = cat_creds_json(keys, strlen(keys), "Token", out, err);
	memset(keys, 0, sizeof keys);
	return rc == CAT_OK ? rc : cat_wrap(err, "the machine's keys");
}
