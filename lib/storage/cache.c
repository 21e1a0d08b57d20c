#define _GNU_SOURCE
#include "storage/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "base/alloc.h"
#include "net/engine.h"
#include "net/sigv4.h"
#include "storage/local.h"

#define MAGIC "catpipe1"
#define OLD_S 3600 /* how stale the time of last use may get */

static const char *dir;
static int64_t max_bytes;
static atomic_llong written; /* by this process */

void cat_cache_configure(const char *d, int64_t most)
{
	dir = d;
	max_bytes = most;
}

bool cat_cache_on(void)
{
	return dir && max_bytes > 0;
}

bool cat_cache_key(struct cat_cache_key *key, const char *name, const char *who, const char *version, int64_t begin,
                   int64_t end)
{
	struct cat_text t = {.max = 1 << 17};
	const struct cat_net_engine *e;
	struct cat_error unused;
	uint8_t digest[32];
	bool made;

	cat_text_addf(&t, "%s\n%s\n%s\n%lld\n%lld", name, who, version, (long long)begin, (long long)end);
	made = !t.failed && cat_net_engine(&e, &unused) == CAT_OK;
	if (made) {
		e->sha256(t.s, t.len, digest);
		cat_hex(digest, 32, key->hex);
	}
	cat_text_fini(&t);
	return made;
}

/* In front of the bytes of each file. */
struct head {
	char magic[8];
	uint32_t crc;
	uint32_t crc_of_name; /* a file that was renamed is not what its name says */
	uint64_t len;
};

static uint32_t crc(const void *data, size_t n)
{
	return (uint32_t)crc32_z(0, data, n);
}

static bool path_of(const struct cat_cache_key *key, char *out, size_t size)
{
	return (size_t)snprintf(out, size, "%s/%.2s/%s", dir, key->hex, key->hex + 2) < size;
}

static struct head head_of(const struct cat_cache_key *key, const void *data, size_t n)
{
	struct head h = {.crc = crc(data, n), .crc_of_name = crc(key->hex, 64), .len = n};

	memcpy(h.magic, MAGIC, sizeof h.magic);
	return h;
}

/* --- reading --- */

static bool read_all(int fd, void *to, size_t n)
{
	size_t got = 0;

	while (got < n) {
		const ssize_t k = read(fd, (char *)to + got, n - got);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return false;
		got += (size_t)k;
	}
	return true;
}

void cat_cache_get(const struct cat_cache_key *key, struct cat_buf **out)
{
	struct cat_error unused;
	struct cat_buf *b = NULL;
	struct head h, wanted;
	struct stat st;
	char path[4096];
	int fd;

	*out = NULL;
	if (!cat_cache_on() || !path_of(key, path, sizeof path))
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() && read_all(fd, &h, sizeof h) &&
	    (uint64_t)st.st_size == sizeof h + h.len && cat_buf_new((size_t)h.len, &b, &unused) == CAT_OK &&
	    read_all(fd, b->data, b->size)) {
		wanted = head_of(key, b->data, b->size);
		if (memcmp(&h, &wanted, sizeof h) == 0) {
			*out = b;
			b = NULL;
		}
		/* The time of last use, which decides who goes first; not exact, so that reading seldom writes. */
		if (*out && time(NULL) - st.st_mtime > OLD_S)
			(void)futimens(fd, NULL);
	}
	cat_buf_unref(b);
	close(fd);
}

/* --- writing --- */

struct entry {
	char name[72]; /* "ab/cdef..." */
	time_t used;
	int64_t bytes;
};
struct entries {
	struct entry *v;
	size_t n, cap;
	int64_t bytes;
};

static void add_entry(struct entries *e, const char *sub, const char *name)
{
	char path[4096];
	struct stat st;

	if ((size_t)snprintf(path, sizeof path, "%s/%s/%s", dir, sub, name) >= sizeof path || lstat(path, &st) != 0 ||
	    !S_ISREG(st.st_mode))
		return;
	/* Somebody was ended while writing it. */
	if (name[0] == '.' && time(NULL) - st.st_mtime > OLD_S)
		(void)unlink(path);
	if (name[0] == '.' || cat_grow(&e->v, &e->cap, e->n, sizeof *e->v) != 0)
		return;
	snprintf(e->v[e->n].name, sizeof e->v->name, "%.2s/%.68s", sub, name);
	e->v[e->n].used = st.st_mtime;
	e->v[e->n++].bytes = (int64_t)st.st_size;
	e->bytes += (int64_t)st.st_size;
}

static void list_all(struct entries *e)
{
	DIR *d = opendir(dir);
	const struct dirent *sub, *file;

	while (d && (sub = readdir(d)) != NULL) {
		char path[4096];
		DIR *s;

		if (strlen(sub->d_name) != 2 || sub->d_name[0] == '.' ||
		    (size_t)snprintf(path, sizeof path, "%s/%s", dir, sub->d_name) >= sizeof path)
			continue;
		s = opendir(path);
		while (s && (file = readdir(s)) != NULL)
			add_entry(e, sub->d_name, file->d_name);
		if (s)
			closedir(s);
	}
	if (d)
		closedir(d);
}

static int by_use(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return x->used < y->used ? -1 : x->used > y->used;
}

/* Back to nine tenths of what is allowed. Who finds another process at it leaves it to that one. */
static void evict(void)
{
	struct entries e = {0};
	char path[4096];
	int lock;

	if ((size_t)snprintf(path, sizeof path, "%s/lock", dir) >= sizeof path)
		return;
	lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock < 0)
		return;
	if (flock(lock, LOCK_EX | LOCK_NB) == 0) {
		bool over;

		list_all(&e);
		over = e.bytes > max_bytes;
		if (over)
			qsort(e.v, e.n, sizeof *e.v, by_use);
		for (size_t i = 0; over && i < e.n && e.bytes > max_bytes / 10 * 9; i++) {
			if ((size_t)snprintf(path, sizeof path, "%s/%s", dir, e.v[i].name) < sizeof path &&
			    unlink(path) == 0)
				e.bytes -= e.v[i].bytes;
		}
		cat_free(e.v);
	}
	close(lock);
}

void cat_cache_put(const struct cat_cache_key *key, const void *data, size_t n)
{
	const struct head h = head_of(key, data, n);
	struct cat_error unused;
	char path[4096], temp[4096 + 32], sub[4096];
	int64_t before;
	bool fine;
	int fd;

	/* One process may not push everybody else's out. */
	if (!cat_cache_on() || atomic_load(&written) + (int64_t)n > max_bytes / 4 || !path_of(key, path, sizeof path) ||
	    (size_t)snprintf(sub, sizeof sub, "%s/%.2s", dir, key->hex) >= sizeof sub || !cat_local_make_folder(sub))
		return;
	snprintf(temp, sizeof temp, "%s/.%s.XXXXXX", sub, key->hex + 50);
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0)
		return;
	fine = cat_write_all(fd, &h, sizeof h, temp, &unused) == CAT_OK &&
	       cat_write_all(fd, data, n, temp, &unused) == CAT_OK;
	fine = close(fd) == 0 && fine && rename(temp, path) == 0;
	if (!fine)
		(void)unlink(temp);
	before = atomic_fetch_add(&written, (int64_t)(sizeof h + n));
	/* Counting all takes a while: at the first one, and after each twentieth of what is allowed. */
	if (before == 0 || before / (max_bytes / 20 + 1) != (before + (int64_t)n) / (max_bytes / 20 + 1))
		evict();
}
