#define _GNU_SOURCE
#include "storage/local.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/alloc.h"

#define CHUNK ((size_t)1 << 20)

/* --- reading --- */

struct local_reader {
	struct cat_reader base;
	int fd;
	int64_t pos;           /* where next stands, for regular files */
	struct cat_buf *ahead; /* what peek took from a pipe and next has not given yet */
	size_t ahead_pos;
	struct stat opened; /* what the file was */
	char *name;
};

static int read_failed(struct local_reader *l, struct cat_error *err)
{
	return cat_fail_sys(err, CAT_E_IO, errno, "cannot read %s", l->name);
}

/* The same inode, size and time as when it was opened: every range of one file comes from one version. */
static int check_unchanged(struct local_reader *l, struct cat_error *err)
{
	struct stat now;

	if (fstat(l->fd, &now) != 0)
		return read_failed(l, err);
	if (now.st_size != l->opened.st_size || now.st_mtim.tv_sec != l->opened.st_mtim.tv_sec ||
	    now.st_mtim.tv_nsec != l->opened.st_mtim.tv_nsec)
		return cat_fail(err, CAT_E_DATA, "%s changed while it was read", l->name);
	return CAT_OK;
}

static int pread_exact(struct local_reader *l, int64_t off_bytes, uint8_t *to, size_t len, struct cat_error *err)
{
	size_t got = 0;

	while (got < len) {
		const ssize_t n = pread(l->fd, to + got, len - got, (off_t)off_bytes + (off_t)got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return read_failed(l, err);
		if (n == 0) {
			CAT_TRY(check_unchanged(l, err));
			return cat_fail(err, CAT_E_DATA, "%s: truncated: bytes %lld to %lld of %lld", l->name,
			                (long long)off_bytes, (long long)off_bytes + (long long)len,
			                (long long)l->base.size);
		}
		got += (size_t)n;
	}
	return CAT_OK;
}

static int local_submit(struct cat_reader *r, const struct cat_range *ranges, size_t n, struct cat_ticket **out,
                        struct cat_error *err)
{
	return r->size < 0 ? cat_fail(err, CAT_E_BUG, "ranges of a pipe") : cat_ranges_submit(r, ranges, n, out, err);
}

static int local_wait(struct cat_ticket *ticket, struct cat_buf **out, struct cat_error *err)
{
	struct cat_range_ticket *t = (struct cat_range_ticket *)ticket;
	struct local_reader *l = (struct local_reader *)ticket->reader;
	int rc = CAT_OK;
	size_t done = 0;

	while (rc == CAT_OK && done < t->n) {
		const struct cat_range r = t->ranges[done];

		/* Checked before the allocation: a length from a hostile footer must not become memory. */
		if (r.off_bytes < 0 || r.off_bytes > l->base.size || (int64_t)r.len < 0 ||
		    (int64_t)r.len > l->base.size - r.off_bytes) {
			rc = cat_fail(err, CAT_E_DATA, "%s: bytes %lld to %lld lie beyond the end at %lld", l->name,
			              (long long)r.off_bytes, (long long)r.off_bytes + (long long)r.len,
			              (long long)l->base.size);
			break;
		}
		rc = cat_buf_new(r.len, &out[done], err);
		if (rc != CAT_OK)
			break;
		done++;
		rc = pread_exact(l, r.off_bytes, out[done - 1]->data, r.len, err);
	}
	if (rc == CAT_OK)
		rc = check_unchanged(l, err);
	if (rc != CAT_OK)
		while (done > 0)
			cat_buf_unref(out[--done]);
	cat_free(t);
	return rc;
}

/* One read(2) into a new buffer of at most MAX bytes; *OUT NULL at the end. */
static int read_some(struct local_reader *l, size_t max, struct cat_buf **out, struct cat_error *err)
{
	struct cat_buf *b;
	ssize_t n;

	*out = NULL;
	CAT_TRY(cat_buf_new(max < CHUNK ? max : CHUNK, &b, err));
	do
		n = read(l->fd, b->data, b->size);
	while (n < 0 && errno == EINTR);
	if (n <= 0) {
		cat_buf_unref(b);
		return n < 0 ? read_failed(l, err) : CAT_OK;
	}
	b->size = (size_t)n;
	*out = b;
	return CAT_OK;
}

static int local_next(struct cat_reader *r, size_t max, struct cat_buf **out, struct cat_error *err)
{
	struct local_reader *l = (struct local_reader *)r;
	int64_t left;

	*out = NULL;
	if (r->size >= 0) {
		left = r->size - l->pos;
		if (max > CHUNK)
			max = CHUNK;
		if ((int64_t)max > left)
			max = (size_t)left;
		if (max == 0)
			return check_unchanged(l, err);
		CAT_TRY(cat_read_range(r, l->pos, max, out, err));
		l->pos += (int64_t)max;
		return CAT_OK;
	}
	if (l->ahead && l->ahead_pos < l->ahead->size) {
		const size_t have = l->ahead->size - l->ahead_pos;

		CAT_TRY(cat_buf_slice(l->ahead, l->ahead_pos, max < have ? max : have, out, err));
		l->ahead_pos += (*out)->size;
		return CAT_OK;
	}
	cat_buf_unref(l->ahead);
	l->ahead = NULL;
	l->ahead_pos = 0;
	return read_some(l, max, out, err);
}

static int local_peek(struct cat_reader *r, size_t max, struct cat_buf **out, struct cat_error *err)
{
	struct local_reader *l = (struct local_reader *)r;
	size_t have;

	if (r->size >= 0) {
		const int64_t left = r->size - l->pos;

		return cat_read_range(r, l->pos, (int64_t)max < left ? max : (size_t)left, out, err);
	}
	if (l->ahead_pos) {
		struct cat_buf *rest;

		CAT_TRY(cat_buf_copy(l->ahead->data + l->ahead_pos, l->ahead->size - l->ahead_pos, &rest, err));
		cat_buf_unref(l->ahead);
		l->ahead = rest;
		l->ahead_pos = 0;
	}
	if (!l->ahead)
		CAT_TRY(cat_buf_new(0, &l->ahead, err));
	while ((have = l->ahead->size) < max) {
		struct cat_buf *more;
		int rc;

		CAT_TRY(read_some(l, max - have, &more, err));
		if (!more)
			break;
		rc = cat_buf_resize(&l->ahead, have + more->size, err);
		if (rc == CAT_OK)
			memcpy(l->ahead->data + have, more->data, more->size);
		cat_buf_unref(more);
		CAT_TRY(rc);
	}
	return cat_buf_copy(l->ahead->data, l->ahead->size < max ? l->ahead->size : max, out, err);
}

static void local_close(struct cat_reader *r)
{
	struct local_reader *l = (struct local_reader *)r;

	if (l->fd > 2)
		close(l->fd);
	cat_buf_unref(l->ahead);
	cat_free(l->name);
	cat_free(l);
}

static const struct cat_reader_ops local_reader_ops = {.submit = local_submit, .wait = local_wait, .next = local_next, .peek = local_peek, .close = local_close};

int cat_local_open_fd(int fd, const char *name, struct cat_reader **out, struct cat_error *err)
{
	struct local_reader *l = cat_calloc(1, sizeof *l);
	char byte;

	if (l)
		l->name = cat_strdup(name);
	if (!l || !l->name) {
		cat_free(l);
		return cat_fail_mem(err, sizeof *l);
	}
	l->fd = fd;
	l->base.ops = &local_reader_ops;
	l->base.name = l->name;
	l->base.size = -1;
	if (fstat(fd, &l->opened) != 0) {
		cat_fail_sys(err, CAT_E_NOINPUT, errno, "%s", name);
		cat_free(l->name);
		cat_free(l);
		return (int)err->code;
	}
	/* A regular file at its beginning; one that was read before is a stream like any other. /proc's files
	 * say they are regular and empty, and are not. */
	if (S_ISREG(l->opened.st_mode) && (l->opened.st_size > 0 || pread(fd, &byte, 1, 0) == 0) &&
	    lseek(fd, 0, SEEK_CUR) == 0)
		l->base.size = l->opened.st_size;
#ifdef F_SETPIPE_SZ
	if (S_ISFIFO(l->opened.st_mode))
		(void)fcntl(fd, F_SETPIPE_SZ, 1 << 20);
#endif
	*out = &l->base;
	return CAT_OK;
}

int cat_local_open(const char *path, struct cat_reader **out, struct cat_error *err)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int rc;

	if (fd < 0)
		return cat_fail_sys(err, errno == EACCES || errno == EPERM ? CAT_E_DENIED : CAT_E_NOINPUT, errno, "%s",
		                    path);
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		close(fd);
		return cat_fail(err, CAT_E_NOINPUT, "%s is a folder, not a file", path);
	}
	rc = cat_local_open_fd(fd, path, out, err);
	if (rc != CAT_OK)
		close(fd);
	return rc;
}

int cat_local_temp(const char *dir, int *fd, struct cat_error *err)
{
	char name[4096];

#ifdef O_TMPFILE
	*fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (*fd >= 0)
		return CAT_OK;
#endif
	if ((size_t)snprintf(name, sizeof name, "%s/catpipe-XXXXXX", dir) >= sizeof name)
		return cat_fail(err, CAT_E_CREATE, "the name of the temporary folder is too long");
	*fd = mkostemp(name, O_CLOEXEC);
	if (*fd < 0)
		return cat_fail_sys(err, CAT_E_CREATE, errno, "cannot create a temporary file in %s", dir);
	unlink(name);
	return CAT_OK;
}

void cat_local_write_behind(int fd, int64_t off_bytes, int64_t len)
{
#ifdef SYNC_FILE_RANGE_WRITE
	(void)sync_file_range(fd, (off_t)off_bytes, (off_t)len, SYNC_FILE_RANGE_WRITE);
#else
	(void)fd;
	(void)off_bytes;
	(void)len;
#endif
}

int cat_local_spool(struct cat_reader *r, const char *temp_dir, struct cat_reader **out, struct cat_error *err)
{
	int fd = -1, rc;

	if (r->size >= 0) {
		*out = r;
		return CAT_OK;
	}
	rc = cat_local_temp(temp_dir, &fd, err);
	while (rc == CAT_OK) {
		struct cat_buf *b;

		rc = r->ops->next(r, CHUNK, &b, err);
		if (rc != CAT_OK || !b)
			break;
		rc = cat_write_all(fd, b->data, b->size, temp_dir, err);
		cat_buf_unref(b);
	}
	if (rc == CAT_OK && lseek(fd, 0, SEEK_SET) != 0)
		rc = cat_fail_sys(err, CAT_E_IO, errno, "cannot rewind a temporary file in %s", temp_dir);
	if (rc == CAT_OK)
		rc = cat_local_open_fd(fd, r->name, out, err);
	if (rc != CAT_OK && fd >= 0)
		close(fd);
	cat_reader_close(r);
	return rc;
}

/* --- writing --- */

struct local_writer {
	struct cat_writer base;
	int fd;
	bool whole;    /* a regular file that appears at commit */
	bool part;     /* a file of a folder that appears later: temp is its name */
	char *path;    /* its final name, or a name for messages */
	char *temp;    /* its name until then; NULL while it has none */
	char *folder;
};

int cat_write_all(int fd, const void *data, size_t len, const char *name, struct cat_error *err)
{
	const uint8_t *p = data;

	while (len > 0) {
		const ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cat_fail_sys(err, CAT_E_IO, errno, "cannot write %s", name);
		p += n;
		len -= (size_t)n;
	}
	return CAT_OK;
}

bool cat_local_write_at(int fd, const void *data, size_t len, int64_t off)
{
	const uint8_t *p = data;

	while (len > 0) {
		const ssize_t n = pwrite(fd, p, len, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		p += n;
		off += n;
		len -= (size_t)n;
	}
	return true;
}

static int local_append(struct cat_writer *w, struct cat_buf *const *bufs, size_t n, struct cat_error *err)
{
	struct local_writer *l = (struct local_writer *)w;

	while (n > 0) {
		struct iovec iov[64];
		size_t k = 0, done = 0;
		ssize_t wrote;

		for (; k < n && k < 64; k++) {
			iov[k].iov_base = bufs[k]->data;
			iov[k].iov_len = bufs[k]->size;
		}
		do
			wrote = writev(l->fd, iov, (int)k);
		while (wrote < 0 && errno == EINTR);
		if (wrote < 0)
			return cat_fail_sys(err, CAT_E_IO, errno, "cannot write %s", l->path);
		/* Whole buffers first; the one that was cut is finished by plain writes. */
		while (done < k && (size_t)wrote >= bufs[done]->size)
			wrote -= (ssize_t)bufs[done++]->size;
		if (done < k && wrote > 0) {
			CAT_TRY(cat_write_all(l->fd, bufs[done]->data + wrote, bufs[done]->size - (size_t)wrote,
			                      l->path, err));
			done++;
		}
		bufs += done;
		n -= done;
	}
	return CAT_OK;
}

static int local_patch(struct cat_writer *w, int64_t off_bytes, const void *data, size_t len, struct cat_error *err)
{
	struct local_writer *l = (struct local_writer *)w;
	const uint8_t *p = data;

	while (len > 0) {
		const ssize_t n = pwrite(l->fd, p, len, (off_t)off_bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cat_fail_sys(err, CAT_E_IO, errno, "cannot write %s", l->path);
		p += n;
		off_bytes += n;
		len -= (size_t)n;
	}
	return CAT_OK;
}

static int unused_name(const struct local_writer *l, char *out, size_t size, struct cat_error *err)
{
	static unsigned serial;

	if ((size_t)snprintf(out, size, "%s/.catpipe-%ld-%u", l->folder, (long)getpid(), serial++) >= size)
		return cat_fail(err, CAT_E_CREATE, "%s: the name is too long", l->path);
	return CAT_OK;
}

/* Gives the nameless file a name: straight its own when that is free, else a temporary one that rename then
 * puts in place of the old file. */
static int link_in(struct local_writer *l, struct cat_error *err)
{
	char proc[64], name[4096];

	if (l->temp)
		return CAT_OK;
	snprintf(proc, sizeof proc, "/proc/self/fd/%d", l->fd);
	if (linkat(AT_FDCWD, proc, AT_FDCWD, l->path, AT_SYMLINK_FOLLOW) == 0)
		return CAT_OK;
	for (int tries = 0; errno == EEXIST && tries < 100; tries++) {
		CAT_TRY(unused_name(l, name, sizeof name, err));
		if (linkat(AT_FDCWD, proc, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0) {
			l->temp = cat_strdup(name);
			if (l->temp)
				return CAT_OK;
			unlink(name);
			return cat_fail_mem(err, strlen(name));
		}
	}
	return cat_fail_sys(err, CAT_E_CREATE, errno, "cannot create %s", l->path);
}

static int local_commit(struct cat_writer *w, struct cat_error *err)
{
	struct local_writer *l = (struct local_writer *)w;

	if (l->part) {
		cat_free(l->temp);
		l->temp = NULL;
	}
	if (!l->whole)
		return CAT_OK;
	if (fsync(l->fd) != 0)
		return cat_fail_sys(err, CAT_E_IO, errno, "cannot write %s", l->path);
	CAT_TRY(link_in(l, err));
	if (l->temp) {
		if (rename(l->temp, l->path) != 0)
			return cat_fail_sys(err, CAT_E_CREATE, errno, "cannot create %s", l->path);
		cat_free(l->temp);
		l->temp = NULL;
	}
	return CAT_OK;
}

static void local_writer_close(struct cat_writer *w)
{
	struct local_writer *l = (struct local_writer *)w;

	if (l->temp)
		unlink(l->temp);
	if (l->fd > 2)
		close(l->fd);
	cat_free(l->temp);
	cat_free(l->folder);
	cat_free(l->path);
	cat_free(l);
}

static const struct cat_writer_ops local_writer_ops = {local_append, local_patch, local_commit, local_writer_close};

static struct local_writer *writer_new(const char *path)
{
	struct local_writer *l = cat_calloc(1, sizeof *l);
	const char *slash = strrchr(path, '/');

	if (!l)
		return NULL;
	l->base.ops = &local_writer_ops;
	l->fd = -1;
	l->path = cat_strdup(path);
	l->folder = !slash ? cat_strdup(".") : slash == path ? cat_strdup("/") : cat_strndup(path, (size_t)(slash - path));
	if (!l->path || !l->folder) {
		local_writer_close(&l->base);
		return NULL;
	}
	l->base.name = l->path;
	return l;
}

int cat_local_create_fd(int fd, const char *name, struct cat_writer **out, struct cat_error *err)
{
	struct local_writer *l = writer_new(name);

	if (!l)
		return cat_fail_mem(err, sizeof *l);
	l->fd = fd;
#ifdef F_SETPIPE_SZ
	(void)fcntl(fd, F_SETPIPE_SZ, 1 << 20);
#endif
	*out = &l->base;
	return CAT_OK;
}

/* The file's permissions: what it had when it is replaced, else what the mask leaves of 0666. */
static mode_t wanted_mode(const char *path)
{
	struct stat st;
	const mode_t mask = umask(0);

	umask(mask);
	return stat(path, &st) == 0 ? st.st_mode & 07777 : 0666 & ~mask;
}

static int open_nameless(struct local_writer *l, struct cat_error *err)
{
	char name[4096];

#ifdef O_TMPFILE
	l->fd = open(l->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
#endif
	if (l->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT || errno == EINVAL)) {
		CAT_TRY(unused_name(l, name, sizeof name, err));
		l->fd = open(name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
		if (l->fd >= 0 && !(l->temp = cat_strdup(name)))
			return cat_fail_mem(err, strlen(name));
	}
	if (l->fd < 0)
		return cat_fail_sys(err, CAT_E_CREATE, errno, "cannot create %s", l->path);
	return CAT_OK;
}

int cat_local_create_part(const char *path, const char *name, struct cat_writer **out, struct cat_error *err)
{
	struct local_writer *l = writer_new(name);

	if (!l)
		return cat_fail_mem(err, sizeof *l);
	l->base.can_patch = true;
	l->part = true;
	l->temp = cat_strdup(path);
	l->fd = l->temp ? open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0666) : -1;
	if (l->fd < 0) {
		const int rc = l->temp ? cat_fail_sys(err, CAT_E_CREATE, errno, "cannot create %s", name)
		                       : cat_fail_mem(err, strlen(path));

		cat_free(l->temp);
		l->temp = NULL;
		local_writer_close(&l->base);
		return rc;
	}
	*out = &l->base;
	return CAT_OK;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)where;
	(void)!(type == FTW_DP ? rmdir(path) : unlink(path));
	return 0;
}

void cat_local_remove_tree(const char *folder)
{
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int sync_folder(const char *path, const char *name, bool whole_system, struct cat_error *err)
{
	const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = CAT_OK;

	if (fd < 0)
		return cat_fail_sys(err, CAT_E_IO, errno, "cannot open %s", name);
#ifdef __linux__
	if ((whole_system ? syncfs(fd) : fsync(fd)) != 0)
		rc = cat_fail_sys(err, CAT_E_IO, errno, "cannot write %s", name);
#else
	if (whole_system)
		sync();
	else if (fsync(fd) != 0)
		rc = cat_fail_sys(err, CAT_E_IO, errno, "cannot write %s", name);
#endif
	close(fd);
	return rc;
}

int cat_local_publish(const char *folder, const char *path, bool replace, struct cat_error *err)
{
	char above[4096];
	const char *slash = strrchr(path, '/');
	struct stat st;

	if ((size_t)snprintf(above, sizeof above, "%.*s", slash ? (int)(slash - path + 1) : 1, slash ? path : ".") >=
	    sizeof above)
		return cat_fail(err, CAT_E_CREATE, "%s: the name is too long", path);
	CAT_TRY(sync_folder(folder, path, true, err));
	if (replace && stat(path, &st) == 0) {
#ifdef RENAME_EXCHANGE
		if (renameat2(AT_FDCWD, folder, AT_FDCWD, path, RENAME_EXCHANGE) == 0) {
			cat_local_remove_tree(folder);
			return sync_folder(above, path, false, err);
		}
#endif
		cat_local_remove_tree(path);
	}
	if (rename(folder, path) != 0)
		return cat_fail_sys(err, CAT_E_CREATE, errno, "cannot create %s", path);
	return sync_folder(above, path, false, err);
}

int cat_local_create(const char *path, struct cat_writer **out, struct cat_error *err)
{
	struct local_writer *l;
	struct stat st;
	char *real = NULL;
	int rc = CAT_OK;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return cat_fail(err, CAT_E_CREATE, "%s is a folder", path);
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		const int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);

		if (fd < 0)
			return cat_fail_sys(err, CAT_E_CREATE, errno, "%s", path);
		rc = cat_local_create_fd(fd, path, out, err);
		if (rc != CAT_OK)
			close(fd);
		return rc;
	}
	/* What a symbolic link points at is replaced, not the link. */
	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		real = realpath(path, NULL);
	l = writer_new(real ? real : path);
	free(real);
	if (!l)
		return cat_fail_mem(err, sizeof *l);
	l->whole = true;
	l->base.can_patch = true;
	rc = open_nameless(l, err);
	if (rc == CAT_OK && fchmod(l->fd, wanted_mode(l->path)) != 0)
		rc = cat_fail_sys(err, CAT_E_CREATE, errno, "cannot set the permissions of %s", l->path);
	if (rc != CAT_OK) {
		local_writer_close(&l->base);
		return rc;
	}
	*out = &l->base;
	return CAT_OK;
}

bool cat_local_make_folder(const char *path)
{
	char part[4096];
	const size_t n = strlen(path);

	if (n >= sizeof part)
		return false;
	for (size_t i = 1; i <= n; i++)
		if (path[i] == '/' || path[i] == '\0') {
			memcpy(part, path, i);
			part[i] = '\0';
			if (mkdir(part, 0700) != 0 && errno != EEXIST)
				return false;
		}
	return true;
}
