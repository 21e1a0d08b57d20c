/* What there is in an object store: keys of a bucket, buckets of an account. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/xml.h"
#include "net/s3.h"

struct listing {
	int (*each)(void *arg, const struct cat_s3_entry *e, struct cat_error *err);
	void *arg;
	struct cat_error *err;
	int rc;
	struct cat_text text;              /* of the element being read */
	struct cat_text key, etag, modified, next;
	struct cat_text token; /* of a list of buckets: where it goes on */
	int64_t size;
	bool in_contents, in_prefixes, in_buckets, truncated;
	bool encoded; /* keys are as in a URL's query; servers may not do that although they are asked to */
};

static void take_key(struct listing *l, const char *s)
{
	struct cat_text *out = &l->key;

	out->len = 0;
	for (; *s; s++) {
		unsigned v;

		if (!l->encoded) {
			cat_text_addc(out, *s);
		} else if (*s == '%' && isxdigit((unsigned char)s[1]) && isxdigit((unsigned char)s[2]) &&
		           sscanf(s + 1, "%2x", &v) == 1 && v != 0) {
			cat_text_addc(out, (char)v);
			s += 2;
		} else {
			cat_text_addc(out, *s == '+' ? ' ' : *s);
		}
	}
	if (out->len == 0)
		cat_text_addn(out, "", 0);
}

static void on_begin(void *arg, const char *name, const char *const *attributes)
{
	struct listing *l = arg;

	(void)attributes;
	l->text.len = 0;
	if (l->text.s)
		l->text.s[0] = '\0';
	if (strcmp(name, "Contents") == 0) {
		l->in_contents = true;
		l->size = -1;
		l->etag.len = l->modified.len = l->key.len = 0;
	} else if (strcmp(name, "Bucket") == 0) {
		l->in_buckets = true;
		l->key.len = l->modified.len = 0;
	} else if (strcmp(name, "CommonPrefixes") == 0) {
		l->in_prefixes = true;
		l->key.len = 0;
	}
}

static void on_text(void *arg, const char *s, size_t n)
{
	struct listing *l = arg;

	cat_text_addn(&l->text, s, n);
}

static void give(struct listing *l, bool is_prefix)
{
	const struct cat_s3_entry e = {.key = l->key.len ? l->key.s : "", .is_prefix = is_prefix, .size = l->size,
	                               .etag = l->etag.len ? l->etag.s : "",
	                               .modified = l->modified.len ? l->modified.s : ""};

	if (l->rc == CAT_OK && l->key.len)
		l->rc = l->each(l->arg, &e, l->err);
}

static void copy(struct cat_text *to, const struct cat_text *from)
{
	to->len = 0;
	cat_text_addn(to, from->s ? from->s : "", from->len);
}

static void on_end(void *arg, const char *name)
{
	struct listing *l = arg;
	const char *const text = l->text.len ? l->text.s : "";

	if (strcmp(name, "IsTruncated") == 0)
		l->truncated = strcmp(text, "true") == 0;
	else if (strcmp(name, "NextContinuationToken") == 0)
		copy(&l->next, &l->text);
	else if (l->in_contents && strcmp(name, "Key") == 0)
		take_key(l, text);
	else if (l->in_contents && strcmp(name, "ETag") == 0)
		copy(&l->etag, &l->text);
	else if (l->in_contents && strcmp(name, "LastModified") == 0)
		copy(&l->modified, &l->text);
	else if (l->in_contents && strcmp(name, "Size") == 0 && (!cat_parse_i64(text, strlen(text), &l->size) || l->size < 0))
		l->size = -1;
	else if (l->in_prefixes && strcmp(name, "Prefix") == 0)
		take_key(l, text);
	else if (l->in_buckets && strcmp(name, "Name") == 0)
		copy(&l->key, &l->text);
	else if (l->in_buckets && strcmp(name, "CreationDate") == 0)
		copy(&l->modified, &l->text);
	else if (strcmp(name, "ContinuationToken") == 0)
		copy(&l->token, &l->text);
	if (strcmp(name, "Bucket") == 0) {
		give(l, false);
		l->in_buckets = false;
	}
	if (strcmp(name, "Contents") == 0 || strcmp(name, "CommonPrefixes") == 0) {
		give(l, l->in_prefixes);
		l->in_contents = l->in_prefixes = false;
	}
	l->text.len = 0;
}

static int read_page(struct listing *l, const struct cat_buf *page, const char *name, struct cat_error *err)
{
	const struct cat_xml_events events = {on_begin, on_text, on_end, l};
	char *encoding = cat_xml_find(page, "EncodingType");
	int rc;

	l->encoded = encoding && strcmp(encoding, "url") == 0;
	cat_free(encoding);
	l->truncated = false;
	l->next.len = 0;
	rc = page ? cat_xml_parse((const char *)page->data, page->size, &events, err) : CAT_E_DATA;
	if (rc == CAT_E_DATA)
		return cat_fail(err, CAT_E_PROTOCOL, "%s: the list of its objects is no XML", name);
	CAT_TRY(rc);
	if (l->text.failed || l->key.failed || l->etag.failed || l->modified.failed || l->next.failed)
		return cat_fail(err, CAT_E_PROTOCOL, "%s: too long a name in the list of its objects", name);
	if (l->truncated && l->next.len == 0)
		return cat_fail(err, CAT_E_PROTOCOL, "%s: the list of its objects breaks off", name);
	return CAT_OK;
}

static int list_page(struct listing *l, const struct cat_url *prefix, const char *name, bool flat,
                     struct cat_error *err)
{
	struct cat_call c;
	struct cat_origin *o;
	char *asked;
	int rc;

	CAT_TRY(cat_origin_of(prefix, &o, err));
	asked = l->next.len ? cat_strdup(l->next.s) : NULL;
	cat_call_init(&c, "GET", o, name);
	c.max_reply = (size_t)64 << 20;
	rc = cat_call_query(&c, "list-type", "2", err);
	if (rc == CAT_OK && flat)
		rc = cat_call_query(&c, "delimiter", "/", err);
	if (rc == CAT_OK)
		rc = cat_call_query(&c, "encoding-type", "url", err);
	if (rc == CAT_OK)
		rc = cat_call_query(&c, "prefix", prefix->key, err);
	if (rc == CAT_OK && l->next.len)
		rc = cat_call_query(&c, "continuation-token", l->next.s, err);
	if (rc == CAT_OK)
		rc = cat_call_run(&c, err);
	if (rc == CAT_OK)
		rc = read_page(l, c.into, name, err);
	if (rc == CAT_OK && l->truncated && asked && strcmp(asked, l->next.s) == 0)
		rc = cat_fail(err, CAT_E_PROTOCOL, "%s: the list of its objects leads in circles", name);
	cat_free(asked);
	cat_call_fini(&c);
	return rc == CAT_OK ? l->rc : rc;
}

static void listing_fini(struct listing *l)
{
	cat_text_fini(&l->text);
	cat_text_fini(&l->key);
	cat_text_fini(&l->etag);
	cat_text_fini(&l->modified);
	cat_text_fini(&l->next);
	cat_text_fini(&l->token);
}

#define LISTING(each_entry, its_arg, its_err)                                                                         \
	{.each = (each_entry), .arg = (its_arg), .err = (its_err), .text.max = 1 << 20, .key.max = 1 << 16,           \
	 .etag.max = 1 << 16, .modified.max = 1 << 16, .next.max = 1 << 20, .token.max = 1 << 20}

int cat_s3_read_page(const struct cat_buf *page,
                     int (*each)(void *arg, const struct cat_s3_entry *e, struct cat_error *err), void *arg,
                     struct cat_error *err)
{
	struct listing l = LISTING(each, arg, err);
	int rc = read_page(&l, page, "a page", err);

	if (rc == CAT_OK)
		rc = l.rc;
	listing_fini(&l);
	return rc;
}

int cat_s3_list(const struct cat_url *prefix, const char *name, bool flat,
                int (*each)(void *arg, const struct cat_s3_entry *e, struct cat_error *err), void *arg,
                struct cat_error *err)
{
	struct listing l = LISTING(each, arg, err);
	int rc;

	do
		rc = list_page(&l, prefix, name, flat, err);
	while (rc == CAT_OK && l.truncated);
	listing_fini(&l);
	return rc;
}

/* Buckets of an account: in the order of their names already, in pages when there are very many. */
static int bucket_page(struct listing *l, const struct cat_url *root, struct cat_error *err)
{
	const char *const name = root->is_gs ? "gs://" : "s3://";
	char *asked = l->token.len ? cat_strdup(l->token.s) : NULL;
	struct cat_call c;
	int rc = cat_call_for(&c, "GET", root, name, err);

	c.max_reply = (size_t)64 << 20;
	if (rc == CAT_OK && asked)
		rc = cat_call_query(&c, "continuation-token", asked, err);
	l->token.len = 0;
	if (rc == CAT_OK)
		rc = cat_call_run(&c, err);
	if (rc == CAT_OK)
		rc = read_page(l, c.into, name, err);
	if (rc == CAT_OK && l->token.len && asked && strcmp(asked, l->token.s) == 0)
		rc = cat_fail(err, CAT_E_PROTOCOL, "%s: the list of buckets leads in circles", name);
	cat_free(asked);
	cat_call_fini(&c);
	return rc == CAT_OK ? l->rc : rc;
}

int cat_s3_buckets(bool gs, int (*each)(void *arg, const struct cat_s3_entry *e, struct cat_error *err), void *arg,
                   struct cat_error *err)
{
	char empty[] = "";
	const struct cat_url root = {.is_s3 = true, .is_gs = gs, .bucket = empty, .key = empty};
	struct listing l = LISTING(each, arg, err);
	int rc;

	l.size = -1;
	do
		rc = bucket_page(&l, &root, err);
	while (rc == CAT_OK && l.token.len);
	listing_fini(&l);
	return rc;
}
