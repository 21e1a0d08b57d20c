#include "net/s3.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "net/origin.h"
#include "net/s3_put.h"
#include "net/settings.h"
#include "net/sigv4.h"

/* --- writing --- */

int cat_s3_put_headers(struct cat_call *c, const struct cat_s3_put *how, struct cat_error *err)
{
	if (how->content_type)
		CAT_TRY(cat_call_header(c, err, "content-type: %s", how->content_type));
	if (how->storage_class)
		CAT_TRY(cat_call_header(c, err, "x-amz-storage-class: %s", how->storage_class));
	if (how->sse)
		CAT_TRY(cat_call_header(c, err, "x-amz-server-side-encryption: %s", how->sse));
	if (how->kms_key)
		CAT_TRY(cat_call_header(c, err, "x-amz-server-side-encryption-aws-kms-key-id: %s", how->kms_key));
	if (how->acl)
		CAT_TRY(cat_call_header(c, err, "x-amz-acl: %s", how->acl));
	if (how->tags)
		CAT_TRY(cat_call_header(c, err, "x-amz-tagging: %s", how->tags));
	return CAT_OK;
}

/* An ETag without its quotes. */
static const char *bare_tag(const char *etag, size_t *n)
{
	*n = strlen(etag);
	if (*n >= 2 && etag[0] == '"' && etag[*n - 1] == '"') {
		*n -= 2;
		return etag + 1;
	}
	return etag;
}

int cat_s3_put_condition(struct cat_call *c, const struct cat_s3_put *how, bool bare, struct cat_error *err)
{
	if (how->create)
		CAT_TRY(cat_call_header(c, err, "If-None-Match: *"));
	if (how->replace_etag) {
		size_t n;
		const char *tag = bare_tag(how->replace_etag, &n);

		CAT_TRY(cat_call_header(c, err, bare ? "If-Match: %.*s" : "If-Match: \"%.*s\"", (int)n, tag));
	}
	return CAT_OK;
}

int cat_s3_put_checksum(struct cat_call *c, uint8_t out[32], struct cat_error *err)
{
	const struct cat_net_engine *e;
	char text[48];

	if (cat_net_settings()->no_checksums)
		return CAT_OK;
	CAT_TRY(cat_net_engine(&e, err));
	e->sha256(c->body->data, c->body->size, out);
	cat_hex(out, 32, c->body_sha256);
	cat_base64(out, 32, text);
	return cat_call_header(c, err, "x-amz-checksum-sha256: %s", text);
}

bool cat_s3_same_etag(const char *a, const char *b)
{
	size_t na, nb;

	a = bare_tag(a, &na);
	b = bare_tag(b, &nb);
	return na == nb && na > 0 && strncmp(a, b, na) == 0;
}

int cat_s3_put_outcome(int rc, const struct cat_call *c, const struct cat_url *url, const struct cat_s3_put *how,
                       bool *bare, struct cat_error *err)
{
	const bool again = !*bare;
	struct cat_error unused = {0};
	struct cat_s3_info info;

	*bare = false;
	if (!how->replace_etag || (c->reply.status != 412 && c->reply.status != 404))
		return rc;
	if (again && c->reply.status == 412 && cat_s3_head(url, c->name, &info, &unused) == CAT_OK &&
	    cat_s3_same_etag(info.etag, how->replace_etag))
		*bare = true;
	cat_fail(err, CAT_E_TEMP, "%s: somebody else has changed it in the meantime", c->name);
	err->sys = c->reply.status;
	return (int)err->code;
}

static int put_once(const struct cat_url *url, const char *name, struct cat_buf *body, const struct cat_s3_put *how,
                    bool *bare, char **etag, struct cat_error *err)
{
	struct cat_call c;
	uint8_t digest[32] = {0};
	int rc = cat_call_for(&c, "PUT", url, name, err);

	c.body = cat_buf_ref(body);
	if (rc == CAT_OK)
		rc = cat_s3_put_headers(&c, how, err);
	if (rc == CAT_OK)
		rc = cat_s3_put_condition(&c, how, *bare, err);
	if (rc == CAT_OK)
		rc = cat_s3_put_checksum(&c, digest, err);
	if (rc == CAT_OK)
		rc = cat_call_run(&c, err);
	/* A first try that was done without our hearing of it makes the second one fail: then it is there. */
	if (rc == CAT_E_CREATE && c.tries > 1) {
		struct cat_s3_info info;
		struct cat_error unused = {0};
		char sum[48];

		cat_base64(digest, 32, sum);
		if (cat_s3_head(url, name, &info, &unused) == CAT_OK && info.size == (int64_t)body->size &&
		    strcmp(info.sha256, sum) == 0)
			rc = (int)(err->code = CAT_OK);
	}
	rc = cat_s3_put_outcome(rc, &c, url, how, bare, err);
	if (rc == CAT_OK && etag)
		*etag = cat_strdup(c.reply.etag ? c.reply.etag : "");
	cat_call_fini(&c);
	return rc;
}

int cat_s3_put(const struct cat_url *url, const char *name, struct cat_buf *body, const struct cat_s3_put *how,
               char **etag, struct cat_error *err)
{
	bool bare = false;
	const int rc = put_once(url, name, body, how, &bare, etag, err);

	if (!bare)
		return rc;
	err->code = CAT_OK;
	return put_once(url, name, body, how, &bare, etag, err);
}

/* --- the rest --- */

/* Not every server marks a CRC of its parts' CRCs by their number. */
static bool crc_is_clear(const struct cat_reply *r, const char *etag)
{
	return r->crc && (strchr(r->crc, '-') || r->crc_full || (!r->crc_composite && !strchr(etag, '-')));
}

int cat_s3_head(const struct cat_url *url, const char *name, struct cat_s3_info *out, struct cat_error *err)
{
	struct cat_call c;
	int rc = cat_call_for(&c, "HEAD", url, name, err);

	if (rc == CAT_OK && !cat_net_settings()->no_checksums)
		rc = cat_call_header(&c, err, "x-amz-checksum-mode: ENABLED");
	if (rc == CAT_OK)
		rc = cat_call_run(&c, err);
	if (rc == CAT_OK) {
		out->size = c.reply.length;
		snprintf(out->etag, sizeof out->etag, "%s", c.reply.etag ? c.reply.etag : "");
		snprintf(out->sha256, sizeof out->sha256, "%s", c.reply.upload_checksum ? c.reply.upload_checksum : "");
		out->crc_kind = c.reply.crc_kind;
		out->crc[0] = '\0';
		if (crc_is_clear(&c.reply, out->etag))
			snprintf(out->crc, sizeof out->crc, "%s", c.reply.crc);
	}
	cat_call_fini(&c);
	return rc;
}

int64_t cat_s3_part_bytes(const struct cat_url *url, const char *name)
{
	struct cat_error unused = {0};
	struct cat_call c;
	int64_t bytes = 0;

	if (cat_call_for(&c, "HEAD", url, name, &unused) == CAT_OK &&
	    cat_call_query(&c, "partNumber", "1", &unused) == CAT_OK && cat_call_run(&c, &unused) == CAT_OK)
		bytes = c.reply.length;
	cat_call_fini(&c);
	return bytes > 0 ? bytes : 0;
}

int cat_s3_get(const struct cat_url *url, const char *name, size_t max, struct cat_buf **out, char **etag,
               struct cat_error *err)
{
	struct cat_call c;
	int rc = cat_call_for(&c, "GET", url, name, err);

	c.max_reply = max;
	if (rc == CAT_OK)
		rc = cat_call_run(&c, err);
	if (rc == CAT_OK && !c.into)
		rc = cat_buf_new(0, &c.into, err);
	if (rc == CAT_OK && !(*etag = cat_strdup(c.reply.etag ? c.reply.etag : "")))
		rc = cat_fail_mem(err, 64);
	if (rc == CAT_OK)
		*out = cat_buf_ref(c.into);
	cat_call_fini(&c);
	return rc;
}

int cat_s3_link(const struct cat_url *url, const char *name, int64_t expires_s, struct cat_text *out,
                struct cat_error *err)
{
	struct cat_s3_info info;
	struct cat_call c;
	int rc;

	/* Asked for first: a link to nothing helps nobody, and the answer tells where the bucket is. */
	CAT_TRY(cat_s3_head(url, name, &info, err));
	rc = cat_call_for(&c, "GET", url, name, err);
	if (rc == CAT_OK)
		rc = cat_origin_s3_link(c.origin, &c, expires_s, out, err);
	cat_call_fini(&c);
	return rc;
}

static void add_escaped(struct cat_text *t, const char *s)
{
	for (; *s; s++) {
		if (*s == '&' || *s == '<' || *s == '>' || (unsigned char)*s < ' ')
			cat_text_addf(t, "&#%d;", *s);
		else
			cat_text_addc(t, *s);
	}
}

static int delete_some(const struct cat_url *url, const char *name, char *const *keys, size_t n,
                       struct cat_error *err)
{
	struct cat_text t = {.max = (size_t)4 << 20};
	const struct cat_net_engine *e;
	struct cat_origin *o;
	struct cat_call c;
	uint8_t digest[16], sha[32];
	char sum[32], *code = NULL;
	int rc;

	CAT_TRY(cat_net_engine(&e, err));
	CAT_TRY(cat_origin_of(url, &o, err));
	cat_call_init(&c, "POST", o, name);
	cat_text_add(&t, "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>");
	for (size_t i = 0; i < n; i++) {
		cat_text_add(&t, "<Object><Key>");
		add_escaped(&t, keys[i]);
		cat_text_add(&t, "</Key></Object>");
	}
	cat_text_add(&t, "</Delete>");
	rc = cat_text_check(&t, err);
	if (rc == CAT_OK)
		rc = cat_buf_copy(t.s, t.len, &c.body, err);
	if (rc == CAT_OK) {
		e->md5(t.s, t.len, digest);
		cat_base64(digest, 16, sum);
		rc = cat_call_query(&c, "delete", NULL, err);
	}
	if (rc == CAT_OK)
		rc = cat_call_header(&c, err, "content-md5: %s", sum);
	if (rc == CAT_OK)
		rc = cat_s3_put_checksum(&c, sha, err);
	if (rc == CAT_OK)
		rc = cat_call_run(&c, err);
	if (rc == CAT_OK)
		code = cat_xml_find(c.into, "Code");
	if (code)
		rc = cat_fail(err, strcmp(code, "AccessDenied") == 0 ? CAT_E_DENIED : CAT_E_UNAVAIL,
		              "%s: not everything could be deleted: %s", name, code);
	cat_free(code);
	cat_text_fini(&t);
	cat_call_fini(&c);
	return rc;
}

int cat_s3_delete(const struct cat_url *url, const char *name, char *const *keys, size_t n, struct cat_error *err)
{
	for (size_t i = 0; i < n; i += 1000)
		CAT_TRY(delete_some(url, name, keys + i, n - i < 1000 ? n - i : 1000, err));
	return CAT_OK;
}
