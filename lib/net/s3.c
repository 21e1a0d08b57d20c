#include "net/s3.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/origin.h"
#include "net/settings.h"
#include "net/sigv4.h"

/* --- listing --- */

struct listing {
	int (*each)(void *arg, const struct cat_s3_entry *e, struct cat_error *err);
	void *arg;
	struct cat_error *err;
	int rc;
	struct cat_text text;              /* of the element being read */
	struct cat_text key, etag, modified, next;
	int64_t size;
	bool in_contents, in_prefixes, truncated;
};

/* Keys come percent-encoded (encoding-type=url), with + as itself. */
static void decode(struct cat_text *out, const char *s)
{
	out->len = 0;
	for (; s && *s; s++) {
		unsigned v;

		if (*s == '%' && sscanf(s + 1, "%2x", &v) == 1 && strlen(s) >= 3) {
			cat_text_addc(out, (char)v);
			s += 2;
		} else {
			cat_text_addc(out, *s == '+' ? ' ' : *s);
		}
	}
	if (out->len == 0)
		cat_text_addn(out, "", 0);
}

static void on_begin(void *arg, const char *name)
{
	struct listing *l = arg;

	l->text.len = 0;
	if (l->text.s)
		l->text.s[0] = '\0';
	if (strcmp(name, "Contents") == 0) {
		l->in_contents = true;
		l->size = -1;
		l->etag.len = l->modified.len = l->key.len = 0;
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
		decode(&l->key, text);
	else if (l->in_contents && strcmp(name, "ETag") == 0)
		copy(&l->etag, &l->text);
	else if (l->in_contents && strcmp(name, "LastModified") == 0)
		copy(&l->modified, &l->text);
	else if (l->in_contents && strcmp(name, "Size") == 0 && !cat_parse_i64(text, strlen(text), &l->size))
		l->size = -1;
	else if (l->in_prefixes && strcmp(name, "Prefix") == 0)
		decode(&l->key, text);
	if (strcmp(name, "Contents") == 0 || strcmp(name, "CommonPrefixes") == 0) {
		give(l, l->in_prefixes);
		l->in_contents = l->in_prefixes = false;
	}
	l->text.len = 0;
}

static int list_page(struct listing *l, const struct cat_url *prefix, const char *name, bool flat,
                     struct cat_error *err)
{
	const struct cat_xml_events events = {on_begin, on_text, on_end, l};
	const struct cat_net_engine *e;
	struct cat_call c;
	struct cat_origin *o;
	int rc;

	CAT_TRY(cat_net_engine(&e, err));
	CAT_TRY(cat_origin_of(prefix, &o, err));
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
	l->truncated = false;
	l->next.len = 0;
	if (rc == CAT_OK && (!c.into || !e->xml((const char *)c.into->data, c.into->size, &events)))
		rc = cat_fail(err, CAT_E_PROTOCOL, "%s: the list of its objects is no XML", name);
	if (rc == CAT_OK && l->truncated && l->next.len == 0)
		rc = cat_fail(err, CAT_E_PROTOCOL, "%s: the list of its objects breaks off", name);
	cat_call_fini(&c);
	return rc == CAT_OK ? l->rc : rc;
}

int cat_s3_list(const struct cat_url *prefix, const char *name, bool flat,
                int (*each)(void *arg, const struct cat_s3_entry *e, struct cat_error *err), void *arg,
                struct cat_error *err)
{
	struct listing l = {.each = each, .arg = arg, .err = err, .text.max = 1 << 20, .key.max = 1 << 16,
	                    .etag.max = 1 << 16, .modified.max = 1 << 16, .next.max = 1 << 20};
	int rc;

	do
		rc = list_page(&l, prefix, name, flat, err);
	while (rc == CAT_OK && l.truncated);
	cat_text_fini(&l.text);
	cat_text_fini(&l.key);
	cat_text_fini(&l.etag);
	cat_text_fini(&l.modified);
	cat_text_fini(&l.next);
	return rc;
}

/* --- writing --- */

static int put_headers(struct cat_call *c, const struct cat_s3_put *how, struct cat_error *err)
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

static int condition(struct cat_call *c, const struct cat_s3_put *how, struct cat_error *err)
{
	if (how->create)
		CAT_TRY(cat_call_header(c, err, "If-None-Match: *"));
	if (how->replace_etag)
		CAT_TRY(cat_call_header(c, err, "If-Match: %s", how->replace_etag));
	return CAT_OK;
}

/* The body's SHA-256 as the server shall check and keep it. OUT (45 bytes) receives it in base64. */
static int add_checksum(struct cat_call *c, char *out, struct cat_error *err)
{
	const struct cat_net_engine *e;
	uint8_t digest[32];

	out[0] = '\0';
	if (cat_net_settings()->no_checksums)
		return CAT_OK;
	CAT_TRY(cat_net_engine(&e, err));
	e->sha256(c->body->data, c->body->size, digest);
	cat_base64(digest, 32, out);
	return cat_call_header(c, err, "x-amz-checksum-sha256: %s", out);
}

/* What the condition of a write says, in the words of who asked for it. */
static int conditional(int rc, const struct cat_call *c, const struct cat_s3_put *how, struct cat_error *err)
{
	if (c->reply.status == 412 && how->replace_etag)
		return cat_fail(err, CAT_E_TEMP, "%s: somebody else has changed it in the meantime", c->name);
	return rc;
}

int cat_s3_put(const struct cat_url *url, const char *name, struct cat_buf *body, const struct cat_s3_put *how,
               char **etag, struct cat_error *err)
{
	struct cat_call c;
	char sum[48];
	int rc = cat_call_for(&c, "PUT", url, name, err);

	c.body = cat_buf_ref(body);
	if (rc == CAT_OK)
		rc = put_headers(&c, how, err);
	if (rc == CAT_OK)
		rc = condition(&c, how, err);
	if (rc == CAT_OK)
		rc = add_checksum(&c, sum, err);
	if (rc == CAT_OK)
		rc = cat_call_run(&c, err);
	/* A first try that was done without our hearing of it makes the second one fail: then it is there. */
	if (rc == CAT_E_CREATE && c.tries > 1) {
		struct cat_s3_info info;
		struct cat_error unused = {0};

		if (cat_s3_head(url, name, &info, &unused) == CAT_OK && info.size == (int64_t)body->size &&
		    strcmp(info.sha256, sum) == 0 && sum[0])
			rc = (int)(err->code = CAT_OK);
	}
	rc = conditional(rc, &c, how, err);
	if (rc == CAT_OK && etag)
		*etag = cat_strdup(c.reply.etag ? c.reply.etag : "");
	cat_call_fini(&c);
	return rc;
}

/* --- in parts --- */

struct part {
	char etag[128];
	char sum[48];
	int64_t size;
};
struct sending {
	struct cat_call call;
	int number; /* 0: free */
	char sum[48];
};
struct cat_s3_upload {
	struct cat_url url;
	char *name;
	char *id;
	struct cat_s3_put how;
	struct part *parts; /* by number - 1 */
	int nparts, cap;
	struct sending *sending;
	int width, at; /* places of sending; the next one to use */
	bool committed, kept;
	struct cat_s3_upload *next;
};

static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;
static struct cat_s3_upload *open_uploads;

static int copy_url(const struct cat_url *from, struct cat_url *to, struct cat_error *err)
{
	*to = (struct cat_url){.is_s3 = true, .is_gs = from->is_gs, .bucket = cat_strdup(from->bucket),
	                       .key = cat_strdup(from->key)};
	return to->bucket && to->key ? CAT_OK : cat_fail_mem(err, 64);
}

static int new_upload(const struct cat_url *url, const char *name, const struct cat_s3_put *how, int width,
                      struct cat_s3_upload **out, struct cat_error *err)
{
	struct cat_s3_upload *u;

	if (!url->is_s3)
		return cat_fail(err, CAT_E_UNSUPPORTED, "%s: only object stores are written to", name);
	u = cat_calloc(1, sizeof *u);
	if (!u)
		return cat_fail_mem(err, sizeof *u);
	u->how = *how;
	u->width = width;
	u->name = cat_strdup(name);
	u->sending = cat_calloc((size_t)width, sizeof *u->sending);
	*out = u;
	CAT_TRY(copy_url(url, &u->url, err));
	return u->name && u->sending ? CAT_OK : cat_fail_mem(err, 64);
}

/* --- a process that is told to end takes its uploads back first --- */

static int told[2] = {-1, -1};

static void on_signal(int sig)
{
	const char c = (char)sig;

	(void)!write(told[1], &c, 1);
}

static void *wait_for_signal(void *arg)
{
	char sig;

	(void)arg;
	while (read(told[0], &sig, 1) != 1)
		;
	/* However the server is doing: nobody waits long for a process to end. */
	alarm(10);
	cat_s3_abort_all();
	signal(sig, SIG_DFL);
	kill(getpid(), sig);
	return NULL;
}

static void watch_signals(void)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
	const struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	pthread_t thread;

	if (pipe(told) != 0 || pthread_create(&thread, NULL, wait_for_signal, NULL) != 0)
		return;
	pthread_detach(thread);
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		struct sigaction old;

		/* Who has it ignored (nohup) keeps it so. */
		if (sigaction(ends[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
			sigaction(ends[i], &act, NULL);
	}
}

static void register_upload(struct cat_s3_upload *u)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, watch_signals);
	pthread_mutex_lock(&open_lock);
	u->next = open_uploads;
	open_uploads = u;
	pthread_mutex_unlock(&open_lock);
}

static void unregister(struct cat_s3_upload *u)
{
	pthread_mutex_lock(&open_lock);
	for (struct cat_s3_upload **p = &open_uploads; *p; p = &(*p)->next)
		if (*p == u) {
			*p = u->next;
			break;
		}
	pthread_mutex_unlock(&open_lock);
}

int cat_s3_upload_open(const struct cat_url *url, const char *name, const struct cat_s3_put *how, int width,
                       struct cat_s3_upload **out, struct cat_error *err)
{
	struct cat_s3_upload *u = NULL;
	struct cat_call c = {0};
	int rc = new_upload(url, name, how, width, &u, err);

	if (rc == CAT_OK)
		rc = cat_call_for(&c, "POST", url, u->name, err);
	if (rc == CAT_OK)
		rc = cat_call_query(&c, "uploads", NULL, err);
	if (rc == CAT_OK)
		rc = put_headers(&c, how, err);
	if (rc == CAT_OK && !cat_net_settings()->no_checksums)
		rc = cat_call_header(&c, err, "x-amz-checksum-algorithm: SHA256");
	if (rc == CAT_OK)
		rc = cat_call_run(&c, err);
	if (rc == CAT_OK) {
		u->id = cat_xml_find(c.into, "UploadId");
		if (!u->id)
			rc = cat_fail(err, CAT_E_PROTOCOL, "%s: the server gives no upload id", name);
	}
	cat_call_fini(&c);
	if (rc != CAT_OK) {
		if (u)
			u->kept = true;
		cat_s3_upload_close(u);
		return rc;
	}
	register_upload(u);
	*out = u;
	return CAT_OK;
}

const char *cat_s3_upload_id(const struct cat_s3_upload *u)
{
	return u->id;
}

static int note_part(struct cat_s3_upload *u, int number, const char *etag, const char *sum, int64_t size,
                     struct cat_error *err)
{
	if (number < 1 || number > 10000)
		return cat_fail(err, CAT_E_BUG, "part %d", number);
	if (number > u->cap) {
		const int cap = number > 2 * u->cap ? number : 2 * u->cap;
		struct part *more = cat_realloc(u->parts, (size_t)cap, sizeof *more);

		if (!more)
			return cat_fail_mem(err, (size_t)cap * sizeof *more);
		memset(more + u->cap, 0, (size_t)(cap - u->cap) * sizeof *more);
		u->parts = more;
		u->cap = cap;
	}
	snprintf(u->parts[number - 1].etag, sizeof u->parts->etag, "%s", etag ? etag : "");
	snprintf(u->parts[number - 1].sum, sizeof u->parts->sum, "%s", sum ? sum : "");
	u->parts[number - 1].size = size;
	u->nparts = number > u->nparts ? number : u->nparts;
	return CAT_OK;
}

/* The parts that the server has, page by page. */
struct parts_page {
	struct cat_s3_upload *u;
	struct cat_error *err;
	struct cat_text text;
	char etag[128], sum[48];
	int64_t number, size, next;
	bool truncated;
	int rc;
};

static void parts_begin(void *arg, const char *name)
{
	struct parts_page *p = arg;

	p->text.len = 0;
	if (strcmp(name, "Part") == 0) {
		p->etag[0] = p->sum[0] = '\0';
		p->number = p->size = 0;
	}
}

static void parts_text(void *arg, const char *s, size_t n)
{
	cat_text_addn(&((struct parts_page *)arg)->text, s, n);
}

static void parts_end(void *arg, const char *name)
{
	struct parts_page *p = arg;
	const char *const text = p->text.len ? p->text.s : "";

	if (strcmp(name, "PartNumber") == 0)
		(void)cat_parse_i64(text, strlen(text), &p->number);
	else if (strcmp(name, "Size") == 0)
		(void)cat_parse_i64(text, strlen(text), &p->size);
	else if (strcmp(name, "ETag") == 0)
		snprintf(p->etag, sizeof p->etag, "%s", text);
	else if (strcmp(name, "ChecksumSHA256") == 0)
		snprintf(p->sum, sizeof p->sum, "%s", text);
	else if (strcmp(name, "NextPartNumberMarker") == 0)
		(void)cat_parse_i64(text, strlen(text), &p->next);
	else if (strcmp(name, "IsTruncated") == 0)
		p->truncated = strcmp(text, "true") == 0;
	else if (strcmp(name, "Part") == 0 && p->rc == CAT_OK && p->number >= 1 && p->number <= 10000)
		p->rc = note_part(p->u, (int)p->number, p->etag, p->sum, p->size, p->err);
	p->text.len = 0;
}

static int list_parts(struct cat_s3_upload *u, struct cat_error *err)
{
	struct parts_page p = {.u = u, .err = err, .text.max = 1 << 16};
	const struct cat_xml_events events = {parts_begin, parts_text, parts_end, &p};
	const struct cat_net_engine *e;
	int rc = cat_net_engine(&e, err);

	do {
		struct cat_call c = {0};
		char marker[24];

		snprintf(marker, sizeof marker, "%lld", (long long)p.next);
		p.truncated = false;
		if (rc == CAT_OK)
			rc = cat_call_for(&c, "GET", &u->url, u->name, err);
		if (rc == CAT_OK)
			rc = cat_call_query(&c, "uploadId", u->id, err);
		if (rc == CAT_OK && p.next)
			rc = cat_call_query(&c, "part-number-marker", marker, err);
		if (rc == CAT_OK)
			rc = cat_call_run(&c, err);
		if (rc == CAT_OK && (!c.into || !e->xml((const char *)c.into->data, c.into->size, &events)))
			rc = cat_fail(err, CAT_E_PROTOCOL, "%s: the list of its parts is no XML", u->name);
		cat_call_fini(&c);
		if (rc == CAT_OK)
			rc = p.rc;
	} while (rc == CAT_OK && p.truncated);
	cat_text_fini(&p.text);
	return rc;
}

int cat_s3_upload_resume(const struct cat_url *url, const char *name, const char *id, const struct cat_s3_put *how,
                         int width, struct cat_s3_upload **out, struct cat_error *err)
{
	struct cat_s3_upload *u = NULL;
	int rc = new_upload(url, name, how, width, &u, err);

	if (rc == CAT_OK) {
		u->id = cat_strdup(id);
		rc = u->id ? list_parts(u, err) : cat_fail_mem(err, strlen(id));
	}
	if (rc != CAT_OK) {
		if (u)
			u->kept = true;
		cat_s3_upload_close(u);
		return rc;
	}
	register_upload(u);
	*out = u;
	return CAT_OK;
}

bool cat_s3_upload_done(const struct cat_s3_upload *u, int number, const struct cat_buf *body)
{
	const struct part *p = number <= u->nparts ? &u->parts[number - 1] : NULL;
	const struct cat_net_engine *e;
	struct cat_error err;
	uint8_t digest[32];
	char text[80];

	if (!p || !p->etag[0] || p->size != (int64_t)body->size || cat_net_engine(&e, &err) != CAT_OK)
		return false;
	if (p->sum[0]) {
		e->sha256(body->data, body->size, digest);
		cat_base64(digest, 32, text);
		return strcmp(text, p->sum) == 0;
	}
	e->md5(body->data, body->size, digest);
	cat_hex(digest, 16, text);
	return strncmp(p->etag[0] == '"' ? p->etag + 1 : p->etag, text, 32) == 0;
}

/* Waits for the part in a place and frees the place. */
static int settle(struct cat_s3_upload *u, struct sending *s, struct cat_error *err)
{
	int rc;

	if (!s->number)
		return CAT_OK;
	rc = cat_call_finish(&s->call, err);
	if (rc == CAT_OK && !s->call.reply.etag)
		rc = cat_fail(err, CAT_E_PROTOCOL, "%s: the server gives no ETag for part %d", u->name, s->number);
	if (rc == CAT_OK)
		rc = note_part(u, s->number, s->call.reply.etag, s->sum, (int64_t)s->call.body->size, err);
	cat_call_fini(&s->call);
	s->number = 0;
	return rc;
}

int cat_s3_upload_part(struct cat_s3_upload *u, int number, struct cat_buf *body, struct cat_error *err)
{
	struct sending *s = &u->sending[u->at];
	char text[24];

	CAT_TRY(settle(u, s, err));
	CAT_TRY(cat_call_for(&s->call, "PUT", &u->url, u->name, err));
	s->number = number;
	u->at = (u->at + 1) % u->width;
	s->call.body = cat_buf_ref(body);
	snprintf(text, sizeof text, "%d", number);
	CAT_TRY(cat_call_query(&s->call, "partNumber", text, err));
	CAT_TRY(cat_call_query(&s->call, "uploadId", u->id, err));
	CAT_TRY(add_checksum(&s->call, s->sum, err));
	return cat_call_start(&s->call, err);
}

static int complete_body(const struct cat_s3_upload *u, struct cat_buf **out, struct cat_error *err)
{
	struct cat_text t = {.max = (size_t)8 << 20};
	int rc = CAT_OK;

	cat_text_add(&t, "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
	for (int i = 0; rc == CAT_OK && i < u->nparts; i++) {
		const struct part *p = &u->parts[i];

		if (!p->etag[0])
			rc = cat_fail(err, CAT_E_BUG, "part %d was not sent", i + 1);
		cat_text_addf(&t, "<Part>");
		if (p->sum[0])
			cat_text_addf(&t, "<ChecksumSHA256>%s</ChecksumSHA256>", p->sum);
		cat_text_addf(&t, "<ETag>%s</ETag><PartNumber>%d</PartNumber></Part>", p->etag, i + 1);
	}
	cat_text_add(&t, "</CompleteMultipartUpload>");
	if (rc == CAT_OK)
		rc = cat_text_check(&t, err);
	if (rc == CAT_OK)
		rc = cat_buf_copy(t.s, t.len, out, err);
	cat_text_fini(&t);
	return rc;
}

int cat_s3_upload_commit(struct cat_s3_upload *u, char **etag, struct cat_error *err)
{
	struct cat_call c = {0};
	int rc = CAT_OK;

	for (int i = 0; rc == CAT_OK && i < u->width; i++)
		rc = settle(u, &u->sending[(u->at + i) % u->width], err);
	CAT_TRY(rc);
	rc = cat_call_for(&c, "POST", &u->url, u->name, err);
	if (rc == CAT_OK)
		rc = cat_call_query(&c, "uploadId", u->id, err);
	if (rc == CAT_OK)
		rc = condition(&c, &u->how, err);
	if (rc == CAT_OK)
		rc = complete_body(u, &c.body, err);
	if (rc == CAT_OK)
		rc = cat_call_run(&c, err);
	/* An earlier try may have been done without our hearing of it. */
	if (rc == CAT_E_NOINPUT && c.tries > 1) {
		struct cat_s3_info info;

		if (cat_s3_head(&u->url, u->name, &info, err) == CAT_OK)
			rc = (int)(err->code = CAT_OK);
	} else if (rc == CAT_OK) {
		/* 200 may be said before it is known how it ends. */
		char *code = cat_xml_find(c.into, "Code"), *tag = cat_xml_find(c.into, "ETag");

		if (code || !tag)
			rc = cat_fail(err, CAT_E_TEMP, "%s: the server could not put the parts together%s%s", u->name,
			              code ? ": " : "", code ? code : "");
		if (rc == CAT_OK && etag) {
			*etag = tag;
			tag = NULL;
		}
		cat_free(code);
		cat_free(tag);
	}
	rc = conditional(rc, &c, &u->how, err);
	cat_call_fini(&c);
	u->committed = rc == CAT_OK;
	return rc;
}

void cat_s3_upload_keep(struct cat_s3_upload *u)
{
	struct cat_error unused = {0};

	for (int i = 0; i < u->width; i++)
		if (settle(u, &u->sending[i], &unused) != CAT_OK)
			continue;
	u->kept = true;
}

static void take_back(const struct cat_s3_upload *u)
{
	struct cat_error unused = {0};
	struct cat_call c;

	if (cat_call_for(&c, "DELETE", &u->url, u->name, &unused) == CAT_OK &&
	    cat_call_query(&c, "uploadId", u->id, &unused) == CAT_OK && cat_call_run(&c, &unused) != CAT_OK)
		unused.code = CAT_OK; /* nothing more can be done about it */
	cat_call_fini(&c);
}

void cat_s3_upload_close(struct cat_s3_upload *u)
{
	if (!u)
		return;
	unregister(u);
	for (int i = 0; u->sending && i < u->width; i++)
		cat_call_fini(&u->sending[i].call);
	if (u->id && !u->committed && !u->kept)
		take_back(u);
	cat_url_fini(&u->url);
	cat_free(u->name);
	cat_free(u->id);
	cat_free(u->parts);
	cat_free(u->sending);
	cat_free(u);
}

void cat_s3_abort_all(void)
{
	pthread_mutex_lock(&open_lock);
	for (const struct cat_s3_upload *u = open_uploads; u; u = u->next)
		if (u->id && !u->committed && !u->kept)
			take_back(u);
	pthread_mutex_unlock(&open_lock);
}

/* --- the rest --- */

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
	}
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
	uint8_t digest[16];
	char sum[32], sha[48], *code = NULL;
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
		rc = add_checksum(&c, sha, err);
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
