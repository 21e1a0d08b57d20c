#include "storage/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "storage/local.h"

#define COPY ((size_t)1 << 20)

/* --- a file that is written and read --- */

struct scratch_reader {
	struct cat_reader base;
	int fd;
};

static int read_back(struct scratch_reader *s, const struct cat_range *r, struct cat_buf **out, struct cat_error *err)
{
	size_t got = 0;

	CAT_TRY(cat_buf_new(r->len, out, err));
	while (got < r->len) {
		const ssize_t n = pread(s->fd, (*out)->data + got, r->len - got, (off_t)(r->off_bytes + (int64_t)got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			cat_buf_unref(*out);
			return n < 0 ? cat_fail_sys(err, CAT_E_IO, errno, "cannot read %s", s->base.name)
			             : cat_fail(err, CAT_E_IO, "%s has lost bytes", s->base.name);
		}
		got += (size_t)n;
	}
	return CAT_OK;
}

static int scratch_wait(struct cat_ticket *ticket, struct cat_buf **out, struct cat_error *err)
{
	struct cat_range_ticket *t = (struct cat_range_ticket *)ticket;
	int rc = CAT_OK;
	size_t i = 0;

	for (; rc == CAT_OK && i < t->n; i++)
		rc = read_back((struct scratch_reader *)t->base.reader, &t->ranges[i], &out[i], err);
	if (rc != CAT_OK)
		for (i--; i > 0; i--)
			cat_buf_unref(out[i - 1]);
	cat_free(t);
	return rc;
}

static void scratch_close(struct cat_reader *r)
{
	close(((struct scratch_reader *)r)->fd);
	cat_free(r);
}

static const struct cat_reader_ops reader_ops = {.submit = cat_ranges_submit, .wait = scratch_wait, .close = scratch_close};

int cat_scratch_new(const char *dir, struct cat_writer **w, struct cat_reader **r, struct cat_error *err)
{
	struct scratch_reader *s;
	struct cat_writer *file;
	int fd, rc;

	CAT_TRY(cat_local_temp(dir, &fd, err));
	rc = cat_local_create_fd(fd, "a temporary file", &file, err);
	if (rc != CAT_OK) {
		close(fd);
		return rc;
	}
	file->can_patch = true;
	s = cat_calloc(1, sizeof *s);
	if (s)
		s->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (!s || s->fd < 0) {
		rc = s ? cat_fail_sys(err, CAT_E_SYSTEM, errno, "cannot keep a temporary file open")
		       : cat_fail_mem(err, sizeof *s);
		cat_free(s);
		cat_writer_close(file);
		return rc;
	}
	s->base = (struct cat_reader){.ops = &reader_ops, .size = -1, .name = "a temporary file"};
	*w = file;
	*r = &s->base;
	return CAT_OK;
}

/* --- a pipe that is written at the end --- */

struct spool {
	struct cat_writer base;
	struct cat_writer *inner;
	struct cat_writer *file;
	struct cat_reader *back;
	int64_t size;
};

static int spool_append(struct cat_writer *w, struct cat_buf *const *bufs, size_t n, struct cat_error *err)
{
	struct spool *s = (struct spool *)w;

	for (size_t i = 0; i < n; i++)
		s->size += (int64_t)bufs[i]->size;
	return s->file->ops->append(s->file, bufs, n, err);
}

static int spool_patch(struct cat_writer *w, int64_t off_bytes, const void *data, size_t len, struct cat_error *err)
{
	struct spool *s = (struct spool *)w;

	return s->file->ops->patch(s->file, off_bytes, data, len, err);
}

static int spool_commit(struct cat_writer *w, struct cat_error *err)
{
	struct spool *s = (struct spool *)w;

	for (int64_t at = 0; at < s->size;) {
		const int64_t left = s->size - at;
		struct cat_buf *b;
		int rc;

		CAT_TRY(cat_read_range(s->back, at, left < (int64_t)COPY ? (size_t)left : COPY, &b, err));
		at += (int64_t)b->size;
		rc = s->inner->ops->append(s->inner, &b, 1, err);
		cat_buf_unref(b);
		CAT_TRY(rc);
	}
	return s->inner->ops->commit(s->inner, err);
}

static void spool_close(struct cat_writer *w)
{
	struct spool *s = (struct spool *)w;

	cat_writer_close(s->inner);
	cat_writer_close(s->file);
	cat_reader_close(s->back);
	cat_free(s);
}

static const struct cat_writer_ops spool_ops = {spool_append, spool_patch, spool_commit, spool_close};

int cat_writer_spool(struct cat_writer *w, const char *dir, struct cat_writer **out, struct cat_error *err)
{
	struct spool *s;
	int rc;

	if (w->can_patch) {
		*out = w;
		return CAT_OK;
	}
	s = cat_calloc(1, sizeof *s);
	rc = s ? cat_scratch_new(dir, &s->file, &s->back, err) : cat_fail_mem(err, sizeof *s);
	if (rc != CAT_OK) {
		cat_free(s);
		cat_writer_close(w);
		return rc;
	}
	s->base = (struct cat_writer){&spool_ops, w->name, true};
	s->inner = w;
	*out = &s->base;
	return CAT_OK;
}
