#include "storage/upload.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "net/engine.h"
#include "net/sigv4.h"
#include "storage/content.h"
#include "storage/journal.h"
#include "storage/local.h"

#define CHUNK ((size_t)256 << 10) /* of reading */

struct job {
	const struct cat_upload *u;
	const char *path, *address;
	const struct cat_url *url;
	int parts;
	struct stat st;
	struct cat_reader *reader;
	struct cat_upload_result *out;
};

static bool stopped(const struct job *j)
{
	return j->u->stop && atomic_load(j->u->stop);
}

static void tell(const struct job *j, int64_t bytes)
{
	if (j->u->progress)
		j->u->progress(j->u->progress_arg, bytes);
}

/* --- verifying --- */

static int verify(const struct job *j, const char *sha256, const char *md5, struct cat_error *err)
{
	struct cat_s3_info info;

	if (!j->u->verify && j->out->etag[0])
		return CAT_OK;
	CAT_TRY(cat_s3_head(j->url, j->address, &info, err));
	/* Some servers do not name what they put together. */
	if (!j->out->etag[0])
		snprintf(j->out->etag, sizeof j->out->etag, "%s", info.etag);
	if (info.size != (int64_t)j->st.st_size)
		return cat_fail(err, CAT_E_PROTOCOL, "%s: the server has %lld bytes of it, not the %lld that were sent",
		                j->address, (long long)info.size, (long long)j->st.st_size);
	if (!cat_s3_same_etag(info.etag, j->out->etag))
		return cat_fail(err, CAT_E_TEMP, "%s: somebody else has changed it in the meantime", j->address);
	if (sha256[0] && info.sha256[0] && strcmp(sha256, info.sha256) != 0)
		return cat_fail(err, CAT_E_PROTOCOL, "%s: the server's SHA-256 is another than that of what was sent",
		                j->address);
	/* An ETag that is no MD5 says nothing: the object is encrypted. */
	if (md5[0] && !info.sha256[0] && !j->u->how.sse && !cat_s3_same_etag(md5, info.etag) &&
	    strspn(info.etag + (info.etag[0] == '"'), "0123456789abcdef") == 32)
		return cat_fail(err, CAT_E_PROTOCOL, "%s: the server's MD5 is another than that of what was sent",
		                j->address);
	return CAT_OK;
}

static void keep_etag(const struct job *j, char *etag)
{
	snprintf(j->out->etag, sizeof j->out->etag, "%s", etag ? etag : "");
	cat_free(etag);
}

/* --- whole --- */

static int send_whole(const struct job *j, struct cat_error *err)
{
	struct cat_s3_put how = j->u->how;
	const struct cat_net_engine *e;
	char sha256[48], md5[40], *etag = NULL;
	struct cat_buf *body;
	uint8_t digest[32];
	int rc;

	CAT_TRY(cat_net_engine(&e, err));
	CAT_TRY(cat_read_range(j->reader, 0, (size_t)j->st.st_size, &body, err));
	rc = cat_s3_put(j->url, j->address, body, &how, &etag, err);
	if (rc == CAT_E_UNSUPPORTED && how.create && j->u->unsafe) {
		how.create = false;
		rc = cat_s3_put(j->url, j->address, body, &how, &etag, err);
	}
	keep_etag(j, etag);
	e->sha256(body->data, body->size, digest);
	cat_base64(digest, 32, sha256);
	e->md5(body->data, body->size, digest);
	cat_hex(digest, 16, md5);
	cat_buf_unref(body);
	CAT_TRY(rc);
	j->out->sent_bytes = (int64_t)j->st.st_size;
	tell(j, (int64_t)j->st.st_size);
	return verify(j, sha256, md5, err);
}

/* --- in parts --- */

struct note {
	char id[1024], how[65];
	long long size, mtime_s, mtime_ns;
};

static bool read_note(const struct cat_journal *journal, struct note *n)
{
	char text[1400];

	cat_journal_read(journal, text, sizeof text);
	n->how[0] = '\0';
	return sscanf(text, "upload %1023s %lld %lld.%lld %64s\n", n->id, &n->size, &n->mtime_s, &n->mtime_ns, n->how) >= 4;
}

static void write_note(const struct cat_journal *journal, const struct job *j, const char *id, const char *how)
{
	char text[1400];

	snprintf(text, sizeof text, "upload %s %lld %lld.%09ld %s\n", id, (long long)j->st.st_size,
	         (long long)j->st.st_mtim.tv_sec, j->st.st_mtim.tv_nsec, how);
	cat_journal_write(journal, text);
}

/* What tells two ways of storing apart: the server was told the one when the upload began, and keeps to it. */
static int digest_of(const struct cat_s3_put *how, char out[65], struct cat_error *err)
{
	const char *const all[] = {how->content_type, how->storage_class, how->sse, how->kms_key, how->acl, how->tags};
	const struct cat_net_engine *e;
	uint8_t digest[32];
	void *d;

	CAT_TRY(cat_net_engine(&e, err));
	d = e->digest_begin(true);
	if (!d)
		return cat_fail_mem(err, 64);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		e->digest_add(d, all[i] ? all[i] : "", all[i] ? strlen(all[i]) + 1 : 1);
	e->digest_end(d, digest);
	cat_hex(digest, 32, out);
	return CAT_OK;
}

/* Takes up what an earlier process left of this file, or begins. What was left of another version, or was to be stored
 * in another way, is taken back. */
static int open_upload(const struct job *j, const struct cat_journal *journal, struct cat_s3_upload **out,
                       bool *resumed, struct cat_error *err)
{
	const int width = j->parts > 1 ? j->parts - 1 : 1;
	char how[65];
	struct note n;

	*resumed = false;
	CAT_TRY(digest_of(&j->u->how, how, err));
	if (read_note(journal, &n)) {
		const int rc = cat_s3_upload_resume(j->url, j->address, n.id, &j->u->how, width, out, err);

		*resumed = rc == CAT_OK && strcmp(n.how, how) == 0 && n.size == (long long)j->st.st_size &&
		           n.mtime_s == (long long)j->st.st_mtim.tv_sec && n.mtime_ns == j->st.st_mtim.tv_nsec;
		if (*resumed)
			return CAT_OK;
		if (rc == CAT_OK)
			cat_s3_upload_close(*out);
		else if (rc == CAT_E_UNAVAIL || rc == CAT_E_TEMP || rc == CAT_E_SYSTEM)
			return rc;
		/* It is no longer there, or its parts may not be listed. */
		err->code = CAT_OK;
	}
	CAT_TRY(cat_s3_upload_open(j->url, j->address, &j->u->how, width, out, err));
	write_note(journal, j, cat_s3_upload_id(*out), how);
	return CAT_OK;
}

/* The buffers of the parts under way, used again and again: that keeps the heap in one piece. */
struct buffers {
	struct cat_buf *v[16];
	int n;
};

/* One that no part under way holds: there is one more than there can be parts under way. */
static int free_buffer(struct buffers *b, size_t size, struct cat_buf **out, struct cat_error *err)
{
	for (int i = 0; i < b->n; i++)
		if (atomic_load(&b->v[i]->refs) == 1) {
			*out = b->v[i];
			return CAT_OK;
		}
	if (b->n == (int)(sizeof b->v / sizeof *b->v))
		return cat_fail(err, CAT_E_BUG, "more parts under way than buffers");
	CAT_TRY(cat_buf_new(size, &b->v[b->n], err));
	*out = b->v[b->n++];
	return CAT_OK;
}

static int read_part(const struct job *j, int64_t at, size_t len, struct cat_buf *to, struct cat_error *err)
{
	to->size = len;
	for (size_t got = 0; got < len;) {
		const size_t take = len - got < CHUNK ? len - got : CHUNK;
		struct cat_buf *b;

		CAT_TRY(cat_read_range(j->reader, at + (int64_t)got, take, &b, err));
		memcpy(to->data + got, b->data, take);
		cat_buf_unref(b);
		got += take;
	}
	return CAT_OK;
}

static int send_part(const struct job *j, struct cat_s3_upload *up, bool resumed, int number, struct cat_buf *body,
                     struct cat_error *err)
{
	if (!resumed || !cat_s3_upload_done(up, number, body)) {
		CAT_TRY(cat_s3_upload_part(up, number, body, err));
		j->out->sent_bytes += (int64_t)body->size;
	}
	tell(j, (int64_t)body->size);
	return CAT_OK;
}

static int send_parts(const struct job *j, struct cat_s3_upload *up, bool resumed, struct cat_error *err)
{
	const int64_t size = (int64_t)j->st.st_size, part = cat_content_part(size);
	struct buffers buffers = {.n = 0};
	int number = 1, rc = CAT_OK;

	for (int64_t at = 0; rc == CAT_OK && at < size; at += part, number++) {
		const size_t len = (size_t)(size - at < part ? size - at : part);
		struct cat_buf *b = NULL;

		if (stopped(j))
			rc = cat_fail(err, CAT_E_TEMP, "%s: stopped on the way", j->address);
		if (rc == CAT_OK)
			rc = free_buffer(&buffers, (size_t)part, &b, err);
		if (rc == CAT_OK)
			rc = read_part(j, at, len, b, err);
		if (rc == CAT_OK)
			rc = send_part(j, up, resumed, number, b, err);
	}
	for (int i = 0; i < buffers.n; i++)
		cat_buf_unref(buffers.v[i]);
	return rc;
}

/* Some servers do not look at the condition of an upload in parts. */
static int check_condition(const struct job *j, struct cat_error *err)
{
	const char *const replaced = j->u->how.replace_etag;
	struct cat_s3_info info;
	int rc;

	if (!j->u->how.create && !replaced)
		return CAT_OK;
	rc = cat_s3_head(j->url, j->address, &info, err);
	if (rc == CAT_OK && j->u->how.create)
		return cat_fail(err, CAT_E_CREATE, "%s: it is there already", j->address);
	if (replaced && ((rc == CAT_OK && !cat_s3_same_etag(info.etag, replaced)) || rc == CAT_E_NOINPUT)) {
		cat_fail(err, CAT_E_TEMP, "%s: somebody else has changed it in the meantime", j->address);
		err->sys = 412;
		return (int)err->code;
	}
	err->code = CAT_OK;
	return rc == CAT_E_NOINPUT || rc == CAT_E_DENIED ? CAT_OK : (int)(err->code = (enum cat_code)rc);
}

/* What the next try may go on with; but one whose condition was refused would be refused again. */
static bool is_worth_keeping(int rc, const struct cat_error *err)
{
	return (rc == CAT_E_UNAVAIL || rc == CAT_E_TEMP || rc == CAT_E_PROTOCOL || rc == CAT_E_SYSTEM) && err->sys != 412;
}

/* *SPOILT: what an earlier process left cannot be put together any more. */
static int try_in_parts(const struct job *j, const struct cat_journal *journal, struct cat_s3_sums *sums, bool *spoilt,
                        struct cat_error *err)
{
	struct cat_s3_upload *up = NULL;
	char *etag = NULL;
	bool resumed;
	int rc;

	*spoilt = false;
	CAT_TRY(open_upload(j, journal, &up, &resumed, err));
	rc = send_parts(j, up, resumed, err);
	if (rc == CAT_OK)
		rc = check_condition(j, err);
	if (rc == CAT_OK)
		rc = cat_s3_upload_commit(up, &etag, err);
	keep_etag(j, etag);
	/* By the HTTP status: parts or all of it were removed, by somebody else or while a process was ending. */
	if (rc != CAT_OK && rc != CAT_E_CREATE && (err->sys == 400 || err->sys == 404)) {
		*spoilt = resumed;
		err->code = (enum cat_code)(rc = CAT_E_TEMP);
	} else if (is_worth_keeping(rc, err) && journal->fd >= 0) {
		cat_s3_upload_keep(up);
	}
	if (rc == CAT_OK)
		rc = cat_s3_upload_sums(up, sums, err);
	cat_s3_upload_close(up);
	return rc;
}

static int send_in_parts(const struct job *j, struct cat_error *err)
{
	struct cat_journal journal;
	struct cat_s3_sums sums;
	bool spoilt;
	int rc;

	cat_journal_open(&journal, j->u->journal_folder, j->address);
	rc = try_in_parts(j, &journal, &sums, &spoilt, err);
	if (spoilt) {
		cat_journal_write(&journal, "");
		err->code = CAT_OK;
		rc = try_in_parts(j, &journal, &sums, &spoilt, err);
	}
	cat_journal_close(&journal, !is_worth_keeping(rc, err));
	CAT_TRY(rc);
	return verify(j, sums.sha256, sums.md5, err);
}

int cat_upload_file(const struct cat_upload *u, const char *path, const struct cat_url *url, const char *address,
                    int parts, struct cat_upload_result *out, struct cat_error *err)
{
	struct job j = {.u = u, .path = path, .url = url, .address = address, .parts = parts, .out = out};
	int rc;

	*out = (struct cat_upload_result){0};
	if (stopped(&j))
		return cat_fail(err, CAT_E_TEMP, "%s: stopped before", address);
	CAT_TRY(cat_local_open(path, &j.reader, err));
	if (stat(path, &j.st) != 0)
		rc = cat_fail_sys(err, CAT_E_NOINPUT, errno, "%s", path);
	else if (j.reader->size < 0 || j.reader->size != (int64_t)j.st.st_size)
		rc = cat_fail(err, CAT_E_DATA, "%s changed while it was read, or is no regular file", path);
	else if (j.reader->size > cat_content_part(0))
		rc = send_in_parts(&j, err);
	else
		rc = send_whole(&j, err);
	cat_reader_close(j.reader);
	return rc;
}
