#include "storage/journal.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/creds.h"
#include "net/engine.h"
#include "net/settings.h"
#include "net/sigv4.h"

/* Folders down to the last slash of PATH, for the user alone. */
static void make_folders(char *path)
{
	for (char *s = strchr(path + 1, '/'); s; s = strchr(s + 1, '/')) {
		*s = '\0';
		(void)!mkdir(path, 0700);
		*s = '/';
	}
}

static bool is_there(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

void cat_journal_open(struct cat_journal *j, const char *folder, const char *address)
{
	const char *endpoint = cat_net_settings()->endpoint ? cat_net_settings()->endpoint : cat_creds_endpoint();
	const struct cat_net_engine *e;
	struct cat_error unused = {0};
	uint8_t digest[32];
	char key[4096], name[65];

	j->fd = -1;
	if (!folder || cat_net_engine(&e, &unused) != CAT_OK)
		return;
	snprintf(key, sizeof key, "%s\n%s", endpoint ? endpoint : "", address);
	e->sha256(key, strlen(key), digest);
	cat_hex(digest, 16, name);
	if ((size_t)snprintf(j->path, sizeof j->path, "%s/%s", folder, name) >= sizeof j->path)
		return;
	make_folders(j->path);
	for (int tries = 0; tries < 10 && j->fd < 0; tries++) {
		j->fd = open(j->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (j->fd < 0)
			return;
		if (flock(j->fd, LOCK_EX | LOCK_NB) == 0 && is_there(j->fd, j->path))
			return;
		/* Held by another, or removed by one that has just finished: then the next try makes a new one. */
		close(j->fd);
		j->fd = -1;
	}
}

void cat_journal_read(const struct cat_journal *j, char *text, size_t size)
{
	const ssize_t n = j->fd >= 0 ? pread(j->fd, text, size - 1, 0) : 0;

	text[n > 0 ? n : 0] = '\0';
}

void cat_journal_write(const struct cat_journal *j, const char *text)
{
	if (j->fd >= 0 && ftruncate(j->fd, 0) == 0)
		(void)!pwrite(j->fd, text, strlen(text), 0);
}

void cat_journal_close(struct cat_journal *j, bool forget)
{
	if (j->fd < 0)
		return;
	if (forget)
		unlink(j->path);
	close(j->fd);
	j->fd = -1;
}
