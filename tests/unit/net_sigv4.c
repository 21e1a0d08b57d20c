/* Signatures against Amazon's published vectors: five documented ones below, the suites where the data is there. */
#include "unit.h"

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>

#include "net/sigv4.h"

#define MAX_HEADERS 32

static const struct cat_net_engine *engine(void)
{
	const struct cat_net_engine *e = NULL;
	struct cat_error err = {0};

	assert_cat_ok(cat_net_engine(&e, &err), err);
	return e;
}

/* --- the examples of "Authenticating Requests: Using the Authorization Header" and "Query Parameters" --- */

#define KEY "AKIAIOSFODNN7EXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define HOST "Host: examplebucket.s3.amazonaws.com"
#define DATE "x-amz-date: 20130524T000000Z"
#define EMPTY "x-amz-content-sha256: " CAT_SHA256_EMPTY

static void check_documented(const char *method, const char *path, const char *query, const char *const *headers,
                             const char *payload_hash, const char *signature)
{
	const struct cat_sigv4 s = {.method = method, .path = path, .query = query, .headers = headers,
	                            .payload_hash = payload_hash, .region = "us-east-1", .service = "s3",
	                            .access_key = KEY, .secret_key = SECRET, .time = "20130524T000000Z"};
	struct cat_text out = {.max = 4096};
	struct cat_error err = {0};

	assert_cat_ok(cat_sigv4_authorization(engine(), &s, &out, &err), err);
	assert_string_equal(strstr(out.s, "Signature=") + 10, signature);
	cat_text_fini(&out);
}

static void documented(void **state)
{
	static const char put_hash[] = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
	const char *get[] = {HOST, "Range: bytes=0-9", EMPTY, DATE, NULL};
	const char *put[] = {HOST, "Date: Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class: REDUCED_REDUNDANCY", DATE,
	                     "x-amz-content-sha256: 44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
	                     NULL};
	const char *plain[] = {HOST, EMPTY, DATE, NULL};

	(void)state;
	check_documented("GET", "/test.txt", NULL, get, CAT_SHA256_EMPTY,
	                 "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
	check_documented("PUT", "/test%24file.text", NULL, put, put_hash,
	                 "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
	check_documented("GET", "/", "lifecycle", plain, CAT_SHA256_EMPTY,
	                 "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
	check_documented("GET", "/", "max-keys=2&prefix=J", plain, CAT_SHA256_EMPTY,
	                 "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

static void documented_link(void **state)
{
	const char *headers[] = {HOST, NULL};
	const struct cat_sigv4 s = {.method = "GET", .path = "/test.txt", .headers = headers,
	                            .payload_hash = CAT_PAYLOAD_UNSIGNED, .region = "us-east-1", .service = "s3",
	                            .access_key = KEY, .secret_key = SECRET, .time = "20130524T000000Z"};
	struct cat_text out = {.max = 4096};
	struct cat_error err = {0};

	(void)state;
	assert_cat_ok(cat_sigv4_presign(engine(), &s, NULL, 86400, &out, &err), err);
	assert_string_equal(strstr(out.s, "X-Amz-Signature=") + 16,
	                    "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
	cat_text_fini(&out);
}

/* --- s3/s3-vectors.json --- */

static const char *member(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

struct request {
	char lines[MAX_HEADERS][4096];
	const char *headers[MAX_HEADERS + 1];
	int n;
};

static void add(struct request *r, const char *name, const char *value)
{
	assert_true(r->n < MAX_HEADERS);
	snprintf(r->lines[r->n], sizeof r->lines[0], "%s: %s", name, value);
	r->headers[r->n] = r->lines[r->n];
	r->headers[++r->n] = NULL;
}

static void check_vector(const json_t *v)
{
	static struct request r;
	const char *url = member(v, "url"), *rest = strstr(url, "://") + 3, *token = member(v, "session_token");
	const bool link = json_is_integer(json_object_get(v, "presign_expires"));
	const size_t nhost = strcspn(rest, "/?"), npath = strcspn(rest + nhost, "?");
	char host[256], path[1024], hash[65] = CAT_PAYLOAD_UNSIGNED;
	struct cat_text canonical = {.max = 1 << 16}, names = {.max = 1 << 16}, out = {.max = 1 << 16};
	struct cat_error err = {0};
	struct cat_sigv4 s;
	const char *key;
	json_t *value;

	r.n = 0;
	snprintf(host, sizeof host, "%.*s", (int)nhost, rest);
	snprintf(path, sizeof path, "%.*s", (int)npath, rest + nhost);
	add(&r, "Host", host);
	json_object_foreach (json_object_get(v, "headers"), key, value)
		add(&r, key, json_string_value(value));
	if (!link && !json_is_true(json_object_get(v, "unsigned_payload"))) {
		uint8_t digest[32];

		engine()->sha256(member(v, "body"), strlen(member(v, "body")), digest);
		cat_hex(digest, 32, hash);
	}
	if (!link) {
		add(&r, "x-amz-date", member(v, "timestamp"));
		add(&r, "x-amz-content-sha256", hash);
		if (token)
			add(&r, "x-amz-security-token", token);
	}
	s = (struct cat_sigv4){.method = member(v, "method"), .path = path[0] ? path : "/",
	                       .query = rest[nhost + npath] ? rest + nhost + npath + 1 : NULL, .headers = r.headers,
	                       .payload_hash = hash, .region = member(v, "region"), .service = member(v, "service"),
	                       .access_key = member(v, "access_key"), .secret_key = member(v, "secret_key"),
	                       .time = member(v, "timestamp")};
	if (link) {
		const char *wanted = strstr(member(v, "signed_url"), "X-Amz-Signature=");

		assert_cat_ok(cat_sigv4_presign(engine(), &s, token, json_integer_value(json_object_get(v, "presign_expires")),
		                                &out, &err), err);
		assert_int_equal(strncmp(strstr(out.s, "X-Amz-Signature="), wanted, 80), 0);
	} else {
		assert_cat_ok(cat_sigv4_canonical(&s, &canonical, &names, &err), err);
		assert_string_equal(canonical.s, member(v, "canonical_request"));
		assert_cat_ok(cat_sigv4_authorization(engine(), &s, &out, &err), err);
		assert_string_equal(out.s, member(v, "authorization"));
	}
	cat_text_fini(&canonical);
	cat_text_fini(&names);
	cat_text_fini(&out);
}

static void vectors(void **state)
{
	char path[1024];
	json_t *all;

	(void)state;
	if (!unit_data())
		skip();
	snprintf(path, sizeof path, "%s/sigv4/s3/s3-vectors.json", unit_data());
	all = json_load_file(path, 0, NULL);
	assert_non_null(all);
	assert_int_equal(json_array_size(all), 15);
	for (size_t i = 0; i < json_array_size(all); i++)
		check_vector(json_array_get(all, i));
	json_decref(all);
}

/* --- aws-suite --- */

/* The text of FOLDER/NAME, without a newline at its end. */
static char *text_of(const char *folder, const char *name)
{
	char path[1200];
	char *s = calloc(1, 1 << 16);
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	f = fopen(path, "rb");
	assert_non_null(f);
	s[fread(s, 1, (1 << 16) - 1, f)] = '\0';
	fclose(f);
	return s;
}

/* Method, path and query of the request line, headers and body behind it. */
struct case_ {
	char *text, *method, *path, *query;
	const char *body;
	struct request r;
	char time[17], hash[65];
};

static void parse_case(struct case_ *c, const char *folder, const json_t *context)
{
	char *line, *end, *space;
	const char *stamp = member(context, "timestamp");
	uint8_t digest[32];

	memset(c, 0, sizeof *c);
	c->text = text_of(folder, "request.txt");
	c->method = c->text;
	space = strchr(c->text, ' ');
	*space = '\0';
	c->path = space + 1;
	end = strchr(c->path, '\n');
	*end = '\0';
	line = end + 1;
	*strrchr(c->path, ' ') = '\0';
	c->query = strchr(c->path, '?');
	if (c->query)
		*c->query++ = '\0';
	while (*line && *line != '\n') {
		char *colon = strchr(line, ':');

		end = strchr(line, '\n');
		if (end)
			*end = '\0';
		*colon = '\0';
		add(&c->r, line, colon + 1);
		line = end ? end + 1 : line + strlen(line) + 1;
		if (!end)
			break;
	}
	c->body = *line == '\n' ? line + 1 : "";
	engine()->sha256(c->body, strlen(c->body), digest);
	cat_hex(digest, 32, c->hash);
	snprintf(c->time, sizeof c->time, "%.4s%.2s%.2sT%.2s%.2s%.2sZ", stamp, stamp + 5, stamp + 8, stamp + 11, stamp + 14,
	         stamp + 17);
}

static void check_case(const char *folder)
{
	static struct case_ c;
	char *wanted = text_of(folder, "header-canonical-request.txt"), *signature = text_of(folder, "header-signature.txt");
	char *link = text_of(folder, "query-signature.txt"), *text = text_of(folder, "context.json");
	json_t *context = json_loads(text, 0, NULL), *keys = json_object_get(context, "credentials");
	const bool sign_body = json_is_true(json_object_get(context, "sign_body"));
	const bool omit = json_is_true(json_object_get(context, "omit_session_token"));
	const char *token = omit ? NULL : member(keys, "token");
	struct cat_text canonical = {.max = 1 << 16}, names = {.max = 1 << 16}, out = {.max = 1 << 16};
	struct cat_error err = {0};
	struct cat_sigv4 s;

	parse_case(&c, folder, context);
	s = (struct cat_sigv4){.method = c.method, .path = c.path, .query = c.query, .headers = c.r.headers,
	                       .payload_hash = c.hash, .region = member(context, "region"),
	                       .service = member(context, "service"), .access_key = member(keys, "access_key_id"),
	                       .secret_key = member(keys, "secret_access_key"), .time = c.time,
	                       .normalize = json_is_true(json_object_get(context, "normalize"))};
	assert_cat_ok(cat_sigv4_presign(engine(), &s, token,
	                                json_integer_value(json_object_get(context, "expiration_in_seconds")), &out, &err),
	              err);
	assert_string_equal(strstr(out.s, "X-Amz-Signature=") + 16, link);
	out.len = 0;
	add(&c.r, "X-Amz-Date", c.time);
	if (sign_body)
		add(&c.r, "x-amz-content-sha256", c.hash);
	if (token)
		add(&c.r, "X-Amz-Security-Token", token);
	assert_cat_ok(cat_sigv4_canonical(&s, &canonical, &names, &err), err);
	assert_string_equal(canonical.s, wanted);
	assert_cat_ok(cat_sigv4_authorization(engine(), &s, &out, &err), err);
	assert_string_equal(strstr(out.s, "Signature=") + 10, signature);
	cat_text_fini(&canonical);
	cat_text_fini(&names);
	cat_text_fini(&out);
	json_decref(context);
	free(c.text);
	free(wanted);
	free(signature);
	free(link);
	free(text);
}

static void suite(void **state)
{
	char path[1024], folder[1400];
	struct dirent *e;
	int n = 0;
	DIR *d;

	(void)state;
	if (!unit_data())
		skip();
	snprintf(path, sizeof path, "%s/sigv4/aws-suite", unit_data());
	d = opendir(path);
	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(folder, sizeof folder, "%s/%s", path, e->d_name);
		print_message("# %s\n", e->d_name);
		check_case(folder);
		n++;
	}
	closedir(d);
	assert_int_equal(n, 19);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(documented),
		UNIT_TEST(documented_link),
		UNIT_TEST(vectors),
		UNIT_TEST(suite),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
