/* Objects in parts: begun, sent, taken up again, put together, taken back. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/xml.h"
#include "net/origin.h"
#include "net/s3_put.h"
#include "net/settings.h"
#include "net/sigv4.h"

struct part {
	char etag[128];
	char sum[48]; /* its SHA-256, in base64, where the server keeps it */
	int64_t size;
	bool has_sha256, has_md5; /* of what we have sent or compared ourselves */
	uint8_t sha256[32], md5[16];
};
struct sending {
	struct cat_call call;
	int number; /* 0: free */
	uint8_t sha256[32];
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
	bool opened; /* the server has said whether there is one */
	struct cat_s3_upload *next;
};

static pthread_mutex_t open_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
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
	pthread_cond_broadcast(&opened);
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
		rc = cat_s3_put_headers(&c, how, err);
	if (rc == CAT_OK && !cat_net_settings()->no_checksums)
		rc = cat_call_header(&c, err, "x-amz-checksum-algorithm: SHA256");
	/* From before it is asked for: whoever ends the process waits for the answer, and takes it back. */
	if (rc == CAT_OK) {
		register_upload(u);
		rc = cat_call_run(&c, err);
	}
	if (rc == CAT_OK) {
		pthread_mutex_lock(&open_lock);
		u->id = cat_xml_find(c.into, "UploadId");
		u->opened = true;
		pthread_cond_broadcast(&opened);
		pthread_mutex_unlock(&open_lock);
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
	u->parts[number - 1].has_sha256 = u->parts[number - 1].has_md5 = false;
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

static void parts_begin(void *arg, const char *name, const char *const *attributes)
{
	struct parts_page *p = arg;

	(void)attributes;
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
	int rc = CAT_OK;

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
		if (rc == CAT_OK) {
			rc = c.into ? cat_xml_parse((const char *)c.into->data, c.into->size, &events, err) : CAT_E_DATA;
			if (rc == CAT_E_DATA)
				rc = cat_fail(err, CAT_E_PROTOCOL, "%s: the list of its parts is no XML", u->name);
		}
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
		u->opened = true;
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

bool cat_s3_upload_done(struct cat_s3_upload *u, int number, const struct cat_buf *body)
{
	struct part *p = number <= u->nparts ? &u->parts[number - 1] : NULL;
	const struct cat_net_engine *e;
	struct cat_error err;
	char text[80];

	if (!p || !p->etag[0] || p->size != (int64_t)body->size || cat_net_engine(&e, &err) != CAT_OK)
		return false;
	if (p->sum[0]) {
		e->sha256(body->data, body->size, p->sha256);
		cat_base64(p->sha256, 32, text);
		return p->has_sha256 = strcmp(text, p->sum) == 0;
	}
	e->md5(body->data, body->size, p->md5);
	cat_hex(p->md5, 16, text);
	return p->has_md5 = strncmp(p->etag[0] == '"' ? p->etag + 1 : p->etag, text, 32) == 0;
}

/* The digest by which the whole can be checked: the one that the server keeps. */
static int note_digest(struct part *p, const struct sending *s, struct cat_error *err)
{
	const struct cat_net_engine *e;

	if (s->call.reply.upload_checksum && !cat_net_settings()->no_checksums) {
		memcpy(p->sha256, s->sha256, sizeof p->sha256);
		p->has_sha256 = true;
		return CAT_OK;
	}
	CAT_TRY(cat_net_engine(&e, err));
	e->md5(s->call.body->data, s->call.body->size, p->md5);
	p->has_md5 = true;
	return CAT_OK;
}

/* Waits for the part in a place and frees the place. */
static int settle(struct cat_s3_upload *u, struct sending *s, struct cat_error *err)
{
	char sum[48] = "";
	int rc;

	if (!s->number)
		return CAT_OK;
	rc = cat_call_finish(&s->call, err);
	if (rc == CAT_OK && !s->call.reply.etag)
		rc = cat_fail(err, CAT_E_PROTOCOL, "%s: the server gives no ETag for part %d", u->name, s->number);
	if (rc == CAT_OK && !cat_net_settings()->no_checksums)
		cat_base64(s->sha256, 32, sum);
	if (rc == CAT_OK)
		rc = note_part(u, s->number, s->call.reply.etag, sum, (int64_t)s->call.body->size, err);
	if (rc == CAT_OK)
		rc = note_digest(&u->parts[s->number - 1], s, err);
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
	CAT_TRY(cat_s3_put_checksum(&s->call, s->sha256, err));
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

static int commit_once(struct cat_s3_upload *u, bool *bare, char **etag, struct cat_error *err)
{
	struct cat_call c = {0};
	int rc = cat_call_for(&c, "POST", &u->url, u->name, err);

	if (rc == CAT_OK)
		rc = cat_call_query(&c, "uploadId", u->id, err);
	if (rc == CAT_OK)
		rc = cat_s3_put_condition(&c, &u->how, *bare, err);
	if (rc == CAT_OK)
		rc = complete_body(u, &c.body, err);
	if (rc == CAT_OK)
		rc = cat_call_run(&c, err);
	/* An earlier try may have been done without our hearing of it. */
	if (rc == CAT_E_NOINPUT && c.tries > 1) {
		struct cat_s3_info info;

		int64_t size = 0;

		for (int i = 0; i < u->nparts; i++)
			size += u->parts[i].size;
		if (cat_s3_head(&u->url, u->name, &info, err) == CAT_OK && info.size == size)
			rc = (int)(err->code = CAT_OK);
		else
			rc = cat_fail(err, CAT_E_TEMP, "%s: the upload is gone from the server", u->name);
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
	if (rc != CAT_OK)
		rc = cat_s3_put_outcome(rc, &c, &u->url, &u->how, bare, err);
	else
		*bare = false;
	cat_call_fini(&c);
	return rc;
}

int cat_s3_upload_commit(struct cat_s3_upload *u, char **etag, struct cat_error *err)
{
	bool bare = false;
	int rc = CAT_OK;

	for (int i = 0; rc == CAT_OK && i < u->width; i++)
		rc = settle(u, &u->sending[(u->at + i) % u->width], err);
	CAT_TRY(rc);
	rc = commit_once(u, &bare, etag, err);
	if (bare) {
		err->code = CAT_OK;
		rc = commit_once(u, &bare, etag, err);
	}
	u->committed = rc == CAT_OK;
	return rc;
}

int cat_s3_upload_sums(const struct cat_s3_upload *u, struct cat_s3_sums *out, struct cat_error *err)
{
	const struct cat_net_engine *e;
	bool sha256 = u->nparts > 0, md5 = u->nparts > 0;
	uint8_t *all = cat_malloc((size_t)u->nparts * 32 + 1), digest[32];
	size_t n;

	*out = (struct cat_s3_sums){.sha256 = ""};
	if (!all)
		return cat_fail_mem(err, (size_t)u->nparts * 32);
	if (cat_net_engine(&e, err) != CAT_OK) {
		cat_free(all);
		return (int)err->code;
	}
	for (int i = 0; i < u->nparts; i++) {
		sha256 &= u->parts[i].has_sha256;
		md5 &= u->parts[i].has_md5;
	}
	for (int i = 0; i < u->nparts; i++)
		memcpy(all + i * (sha256 ? 32 : 16), sha256 ? u->parts[i].sha256 : u->parts[i].md5, sha256 ? 32 : 16);
	if (sha256) {
		e->sha256(all, (size_t)u->nparts * 32, digest);
		cat_base64(digest, 32, out->sha256);
		n = strlen(out->sha256);
		snprintf(out->sha256 + n, sizeof out->sha256 - n, "-%d", u->nparts);
	} else if (md5) {
		e->md5(all, (size_t)u->nparts * 16, digest);
		cat_hex(digest, 16, out->md5);
		n = strlen(out->md5);
		snprintf(out->md5 + n, sizeof out->md5 - n, "-%d", u->nparts);
	}
	cat_free(all);
	return CAT_OK;
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

	const bool made = cat_call_for(&c, "DELETE", &u->url, u->name, &unused) == CAT_OK;

	c.urgent = true;
	if (made && cat_call_query(&c, "uploadId", u->id, &unused) == CAT_OK && cat_call_run(&c, &unused) != CAT_OK)
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
	for (const struct cat_s3_upload *u = open_uploads; u;)
		if (u->opened) {
			u = u->next;
		} else {
			pthread_cond_wait(&opened, &open_lock);
			u = open_uploads;
		}
	for (const struct cat_s3_upload *u = open_uploads; u; u = u->next)
		if (u->id && !u->committed && !u->kept)
			take_back(u);
	pthread_mutex_unlock(&open_lock);
}
