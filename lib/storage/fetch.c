#include "storage/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/s3.h"
#include "storage/content.h"
#include "storage/local.h"
#include "storage/object.h"

#define MAX_PIECES 16
#define LONGEST (4 * CAT_FETCH_PIECE) /* piece: more is lost with a process that is killed, or held in memory */
#define NOTE_S 2 /* so many seconds of work are lost with a process that is killed */

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
	struct under_way {
		struct cat_ticket *ticket;
		struct cat_object_into into;
		int64_t len;
	} under_way[MAX_PIECES]; /* N from FIRST on, round and round */
	int first, n;
	int64_t noted, noted_s; /* up to where, and when, it was noted what is here */
	int64_t *got_bytes;
	struct cat_content_check *check; /* NULL: afterwards, or not at all */
};

static int ask(struct copying *c, struct cat_error *err)
{
	const int most = c->f->pieces < 1 ? 1 : c->f->pieces < MAX_PIECES ? c->f->pieces : MAX_PIECES;
	const int64_t cut = c->check && cat_content_check_cut(c->check) <= LONGEST ? cat_content_check_cut(c->check) : 0;
	const int64_t piece = cut ? cut : CAT_FETCH_PIECE;

	while (c->n < most && c->asked < c->r->size) {
		struct under_way *u = &c->under_way[(c->first + c->n) % MAX_PIECES];
		const int64_t left = c->r->size - c->asked;
		const struct cat_range range = {c->asked, (size_t)(left < piece ? left : piece)};

		/* Parts have digests of their own; those of the whole are made in order. */
		u->into = (struct cat_object_into){.fd = c->fd, .keep = c->check && !cut, .digest = cut > 0};
		u->len = (int64_t)range.len;
		CAT_TRY(cat_object_submit_into(c->r, &range, &u->into, &u->ticket, err));
		c->n++;
		c->asked += u->len;
	}
	return CAT_OK;
}

static int64_t now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec;
}

/* What is noted as being here must be: also after the machine has lost its power. */
static int note(struct copying *c, struct cat_error *err)
{
	c->noted_s = now_s();
	if (!c->f->reached || c->written == c->noted)
		return CAT_OK;
	if (fdatasync(c->fd) != 0)
		return cat_fail_sys(err, CAT_E_IO, errno, "cannot write %s", c->part);
	c->noted = c->written;
	return c->f->reached(c->f->begun_arg, c->written, err);
}

/* A piece that came is in the file and in the digest. */
static int store(struct copying *c, const struct under_way *u, const struct cat_buf *b, struct cat_error *err)
{
	if (!u->into.direct && !cat_local_write_at(c->fd, b->data, b->size, c->written))
		return cat_fail_sys(err, CAT_E_IO, errno, "cannot write %s", c->part);
	if (c->check && u->into.direct && u->into.digest)
		cat_content_check_part(c->check, u->into.sha256);
	else if (c->check)
		CAT_TRY(cat_content_check_add(c->check, b->data, b->size, err));
	cat_local_write_behind(c->fd, c->written, u->len);
	c->written += u->len;
	*c->got_bytes += u->len;
	if (c->f->progress)
		c->f->progress(c->f->progress_arg, u->len);
	return CAT_OK;
}

/* The next piece in order. */
static int take(struct copying *c, struct cat_error *err)
{
	const struct under_way *u = &c->under_way[c->first];
	struct under_way got;
	struct cat_buf *b = NULL;
	int rc = c->r->ops->wait(u->ticket, &b, err);

	got = *u;
	c->n--;
	c->first = (c->first + 1) % MAX_PIECES;
	CAT_TRY(rc);
	rc = c->f->stop && atomic_load(c->f->stop) ? cat_fail(err, CAT_E_TEMP, "%s: stopped on the way", c->r->name)
	                                           : ask(c, err);
	if (rc == CAT_OK)
		rc = store(c, &got, b, err);
	cat_buf_unref(b);
	return rc;
}

static int copy(struct copying *c, struct cat_error *err)
{
	c->noted_s = now_s();
	CAT_TRY(ask(c, err));
	while (c->n > 0) {
		CAT_TRY(take(c, err));
		if (now_s() - c->noted_s >= NOTE_S && c->n > 0)
			CAT_TRY(note(c, err));
	}
	return CAT_OK;
}

/* Waits for what is under way after a failure: a reader must outlive its tickets. */
static void drain(struct copying *c)
{
	for (int i = 0; i < c->n; i++) {
		struct cat_error unused = {0};
		struct cat_buf *b = NULL;

		if (c->r->ops->wait(c->under_way[(c->first + i) % MAX_PIECES].ticket, &b, &unused) == CAT_OK)
			cat_buf_unref(b);
	}
	c->n = 0;
}

/* What came of a copy that has failed stays, as far as it goes without gaps. */
static void leave(struct copying *c)
{
	struct cat_error unused;

	if (ftruncate(c->fd, (off_t)c->written) == 0)
		(void)!note(c, &unused);
}

/* From byte FROM on into PART, which becomes PATH. CHECK: what sees the bytes go by, or NULL. */
static int copy_from(const struct cat_fetch *f, struct cat_reader *r, int64_t from, const char *part, const char *path,
                     struct cat_content_check *check, int64_t *got, struct cat_error *err)
{
	struct copying c = {.f = f, .r = r, .part = part, .asked = from, .written = from, .noted = from, .got_bytes = got,
	                    .check = check};
	int rc = CAT_OK;

	c.fd = open(part, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (c.fd < 0)
		return cat_fail_sys(err, CAT_E_CREATE, errno, "cannot create %s", path);
	if (ftruncate(c.fd, (off_t)from) != 0)
		rc = cat_fail_sys(err, CAT_E_IO, errno, "cannot write %s", path);
	if (rc == CAT_OK)
		rc = copy(&c, err);
	drain(&c);
	if (rc == CAT_OK && fdatasync(c.fd) != 0)
		rc = cat_fail_sys(err, CAT_E_IO, errno, "cannot write %s", path);
	if (rc != CAT_OK)
		leave(&c);
	close(c.fd);
	if (rc == CAT_OK && rename(part, path) != 0)
		rc = cat_fail_sys(err, CAT_E_IO, errno, "cannot create %s", path);
	return rc;
}

/* --- verifying --- */

#define LARGE ((int64_t)16 << 20)

/* What the store of the object at URL keeps: *SAME stays UNKNOWN when that settles nothing. */
static int verify_object(const struct cat_url *url, const char *source, const char *path,
                         const struct cat_fetch_state *s, enum cat_same *same, struct cat_error *err)
{
	const int64_t part = cat_content_part(s->size);
	struct cat_content told = {.size = s->size, .etag = s->version};
	struct cat_s3_info info;

	/* Of a small file its MD5 is had at once, of a large one the SHA-256, which processors are made for, or a CRC costs
	 * less than the MD5; where none is kept, or an ETag is no MD5, there is the other. */
	if (s->size < LARGE)
		CAT_TRY(cat_content_compare(path, &told, part, same, err));
	if (*same != CAT_SAME_UNKNOWN)
		return CAT_OK;
	CAT_TRY(cat_s3_head(url, source, &info, err));
	if ((info.sha256[0] || info.crc[0]) && cat_s3_same_etag(info.etag, s->version)) {
		told.sha256 = info.sha256;
		told.crc = info.crc;
		told.crc_kind = info.crc_kind;
		/* Of parts the digest alone does not say how they were cut. */
		if (strchr(info.sha256[0] ? info.sha256 : info.crc, '-'))
			told.part_bytes = cat_s3_part_bytes(url, source);
		CAT_TRY(cat_content_compare(path, &told, part, same, err));
		told.sha256 = told.crc = NULL;
	}
	if (*same != CAT_SAME_UNKNOWN)
		return CAT_OK;
	if (!told.part_bytes && strchr(s->version, '-'))
		told.part_bytes = cat_s3_part_bytes(url, source);
	return s->size >= LARGE || told.part_bytes ? cat_content_compare(path, &told, part, same, err) : CAT_OK;
}

/* *KNOWN: the store keeps something to compare with; a web server does not. */
static int verify(const char *source, const char *path, const struct cat_fetch_state *s, bool *known,
                  struct cat_error *err)
{
	enum cat_same same = CAT_SAME_UNKNOWN;
	struct cat_url url;
	int rc = cat_url_parse(source, &url, err);

	*known = true;
	if (rc == CAT_OK && url.is_s3) {
		rc = verify_object(&url, source, path, s, &same, err);
		*known = same != CAT_SAME_UNKNOWN;
		if (rc == CAT_OK && same == CAT_SAME_NO)
			rc = cat_fail(err, CAT_E_PROTOCOL, "%s: what came has another checksum than the server's", source);
	}
	cat_url_fini(&url);
	return rc;
}

/* What the bytes of a large object are held against as they come, if the server keeps a SHA-256 of it, or a CRC of the
 * whole. */
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
	if (rc == CAT_OK && url.is_s3 && cat_s3_same_etag(info.etag, s->version)) {
		if (info.sha256[0])
			rc = cat_content_check_new(info.sha256, CAT_CRC_NONE, cat_content_part(s->size), out, err);
		else if (info.crc[0] && !strchr(info.crc, '-'))
			rc = cat_content_check_new(info.crc, info.crc_kind, 0, out, err);
	}
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
	/* Pieces may have been written in any order: those that were noted are whole. */
	if (same && !s->whole && s->reached > 0 && size_here(part) >= s->reached)
		from = s->reached / CAT_FETCH_PIECE * CAT_FETCH_PIECE;
	s->size = r->size;
	s->whole = false;
	s->reached = from;
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
		bool known;

		rc = verify(source, path, s, &known, err);
		s->unverified = rc == CAT_OK && !known;
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
	state->missing = state->unverified = false;
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
