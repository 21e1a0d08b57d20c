#include "storage/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/s3.h"
#include "storage/content.h"
#include "storage/local.h"
#include "storage/object.h"

#define MAX_PIECES 16

void cat_fetch_version(const char *etag, const char *modified, char out[CAT_FETCH_VERSION])
{
	snprintf(out, CAT_FETCH_VERSION, "%s", etag && *etag ? etag : modified ? modified : "");
	for (char *s = out; *s; s++)
		if (*s <= ' ')
			*s = '_';
}

/* What R reads: an object by what its server says, a file by when it was written. */
static void version_of(const struct cat_reader *r, const char *source, char out[CAT_FETCH_VERSION])
{
	struct stat st;

	if (cat_url_is(source))
		cat_fetch_version(cat_object_version(r), NULL, out);
	else if (stat(source, &st) == 0)
		snprintf(out, CAT_FETCH_VERSION, "%lld.%09ld", (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	else
		out[0] = '\0';
}

static int64_t size_here(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? (int64_t)st.st_size : -1;
}

/* --- copying --- */

struct copying {
	const struct cat_fetch *f;
	struct cat_reader *r;
	const char *part;
	int fd;
	int64_t asked, written; /* up to where */
	struct cat_ticket *under_way[MAX_PIECES];
	int n;
	int64_t *got_bytes;
	struct cat_content_check *check; /* NULL: afterwards, or not at all */
};

static int ask(struct copying *c, struct cat_error *err)
{
	const int most = c->f->pieces < 1 ? 1 : c->f->pieces < MAX_PIECES ? c->f->pieces : MAX_PIECES;

	while (c->n < most && c->asked < c->r->size) {
		const int64_t left = c->r->size - c->asked;
		const struct cat_range range = {c->asked, (size_t)(left < CAT_FETCH_PIECE ? left : CAT_FETCH_PIECE)};

		CAT_TRY(c->r->ops->submit(c->r, &range, 1, &c->under_way[c->n], err));
		c->n++;
		c->asked += (int64_t)range.len;
	}
	return CAT_OK;
}

static int copy(struct copying *c, struct cat_error *err)
{
	CAT_TRY(ask(c, err));
	while (c->n > 0) {
		struct cat_ticket *t = c->under_way[0];
		struct cat_buf *b = NULL;
		int rc;

		c->n--;
		memmove(c->under_way, c->under_way + 1, (size_t)c->n * sizeof(struct cat_ticket *));
		CAT_TRY(c->r->ops->wait(t, &b, err));
		rc = c->f->stop && atomic_load(c->f->stop) ? cat_fail(err, CAT_E_TEMP, "%s: stopped on the way", c->r->name)
		                                           : ask(c, err);
		if (rc == CAT_OK)
			rc = cat_write_all(c->fd, b->data, b->size, c->part, err);
		if (rc == CAT_OK && c->check)
			rc = cat_content_check_add(c->check, b->data, b->size, err);
		if (rc == CAT_OK)
			cat_local_write_behind(c->fd, c->written, (int64_t)b->size);
		c->written += (int64_t)b->size;
		if (rc == CAT_OK && c->f->progress)
			c->f->progress(c->f->progress_arg, (int64_t)b->size);
		*c->got_bytes += rc == CAT_OK ? (int64_t)b->size : 0;
		cat_buf_unref(b);
		CAT_TRY(rc);
	}
	return CAT_OK;
}

/* Waits for what is under way after a failure: a reader must outlive its tickets. */
static void drain(struct copying *c)
{
	for (int i = 0; i < c->n; i++) {
		struct cat_error unused = {0};
		struct cat_buf *b = NULL;

		if (c->r->ops->wait(c->under_way[i], &b, &unused) == CAT_OK)
			cat_buf_unref(b);
	}
	c->n = 0;
}

/* From byte FROM on into PART, which becomes PATH. CHECK: what sees the bytes go by, or NULL. */
static int copy_from(const struct cat_fetch *f, struct cat_reader *r, int64_t from, const char *part, const char *path,
                     struct cat_content_check *check, int64_t *got, struct cat_error *err)
{
	struct copying c = {.f = f, .r = r, .part = part, .asked = from, .written = from, .got_bytes = got,
	                    .check = check};
	int rc = CAT_OK;

	c.fd = open(part, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (c.fd < 0)
		return cat_fail_sys(err, CAT_E_CREATE, errno, "cannot create %s", path);
	if (ftruncate(c.fd, (off_t)from) != 0 || lseek(c.fd, (off_t)from, SEEK_SET) < 0)
		rc = cat_fail_sys(err, CAT_E_IO, errno, "cannot write %s", path);
	if (rc == CAT_OK)
		rc = copy(&c, err);
	drain(&c);
	/* What will be noted as being here must be: also after the machine has lost its power. */
	if (rc == CAT_OK && fdatasync(c.fd) != 0)
		rc = cat_fail_sys(err, CAT_E_IO, errno, "cannot write %s", path);
	close(c.fd);
	if (rc == CAT_OK && rename(part, path) != 0)
		rc = cat_fail_sys(err, CAT_E_IO, errno, "cannot create %s", path);
	return rc;
}

/* --- verifying --- */

#define LARGE ((int64_t)16 << 20)

static int verify(const char *source, const char *path, const struct cat_fetch_state *s, struct cat_error *err)
{
	struct cat_content told = {.size = s->size, .etag = s->version};
	struct cat_s3_info info;
	enum cat_same same;
	struct cat_url url;
	int rc = cat_url_parse(source, &url, err);

	if (rc == CAT_OK && url.is_s3) {
		same = CAT_SAME_UNKNOWN;
		/* Of a small file its MD5 is had at once, of a large one the SHA-256, which processors are made for, costs less
		 * than the MD5; where none is kept, or an ETag is no MD5, there is the other. */
		if (s->size < LARGE)
			rc = cat_content_compare(path, &told, cat_content_part(s->size), &same, err);
		if (rc == CAT_OK && same == CAT_SAME_UNKNOWN)
			rc = cat_s3_head(&url, source, &info, err);
		if (rc == CAT_OK && same == CAT_SAME_UNKNOWN && info.sha256[0] && cat_s3_same_etag(info.etag, s->version)) {
			told.sha256 = info.sha256;
			rc = cat_content_compare(path, &told, cat_content_part(s->size), &same, err);
		} else if (rc == CAT_OK && same == CAT_SAME_UNKNOWN && s->size >= LARGE) {
			rc = cat_content_compare(path, &told, cat_content_part(s->size), &same, err);
		}
		if (rc == CAT_OK && same == CAT_SAME_NO)
			rc = cat_fail(err, CAT_E_PROTOCOL, "%s: what came has another checksum than the server's", source);
	}
	cat_url_fini(&url);
	return rc;
}

/* What the bytes of a large object are held against as they come, if the server keeps a SHA-256 of it. */
static int check_on_the_way(const char *source, const struct cat_fetch_state *s, struct cat_content_check **out,
                            struct cat_error *err)
{
	struct cat_s3_info info;
	struct cat_url url;
	int rc;

	if (!cat_url_is(source))
		return CAT_OK;
	CAT_TRY(cat_url_parse(source, &url, err));
	rc = url.is_s3 ? cat_s3_head(&url, source, &info, err) : CAT_OK;
	if (rc == CAT_OK && url.is_s3 && info.sha256[0] && cat_s3_same_etag(info.etag, s->version))
		rc = cat_content_check_new(info.sha256, cat_content_part(s->size), out, err);
	cat_url_fini(&url);
	return rc;
}

/* --- one file --- */

static int fetch_opened(const struct cat_fetch *f, struct cat_reader *r, const char *source, const char *path,
                        struct cat_fetch_state *s, struct cat_error *err)
{
	char version[CAT_FETCH_VERSION], *part = cat_malloc(strlen(path) + 6);
	bool same;
	struct cat_content_check *check = NULL;
	bool verified = false;
	int64_t from = 0;
	int rc = CAT_OK;

	if (!part)
		return cat_fail_mem(err, strlen(path));
	sprintf(part, "%s.part", path);
	version_of(r, source, version);
	same = version[0] && s->size == r->size && strcmp(s->version, version) == 0;
	if (same && s->whole && size_here(path) == r->size) {
		cat_free(part);
		return CAT_OK;
	}
	/* Pieces were written in order: all of them but perhaps the last are whole. */
	if (same && !s->whole && size_here(part) > 0)
		from = size_here(part) / CAT_FETCH_PIECE * CAT_FETCH_PIECE;
	s->size = r->size;
	s->whole = false;
	memcpy(s->version, version, sizeof s->version);
	if (from == 0 && f->begun)
		rc = f->begun(f->begun_arg, s->size, version, err);
	if (rc == CAT_OK && from > 0 && f->progress)
		f->progress(f->progress_arg, from);
	if (rc == CAT_OK && f->verify && from == 0 && s->size >= LARGE)
		rc = check_on_the_way(source, s, &check, err);
	if (rc == CAT_OK)
		rc = copy_from(f, r, from, part, path, check, &s->got_bytes, err);
	if (rc == CAT_OK && check) {
		rc = cat_content_check_end(check, &verified, err);
		check = NULL;
	}
	cat_content_check_free(check);
	/* A digest of parts that were cut in another way is no sign of a fault: the file is looked at again. */
	if (rc == CAT_OK && f->verify && !verified && cat_url_is(source)) {
		rc = verify(source, path, s, err);
		if (rc == CAT_E_PROTOCOL)
			unlink(path);
	}
	s->whole = rc == CAT_OK;
	cat_free(part);
	return rc;
}

int cat_fetch_file(const struct cat_fetch *f, const char *source, const char *path, struct cat_fetch_state *state,
                   struct cat_error *err)
{
	struct cat_reader *r;
	int rc;

	state->got_bytes = 0;
	state->missing = false;
	if (f->stop && atomic_load(f->stop))
		return cat_fail(err, CAT_E_TEMP, "%s: stopped before", source);
	rc = cat_open(source, CAT_OPEN_HEAD, &r, err);
	if (rc == CAT_E_NOINPUT) {
		state->missing = true;
		err->code = CAT_OK;
		return CAT_OK;
	}
	CAT_TRY(rc);
	rc = r->size < 0 ? cat_fail(err, CAT_E_USAGE, "%s is no regular file", source)
	                 : fetch_opened(f, r, source, path, state, err);
	cat_reader_close(r);
	return rc;
}
