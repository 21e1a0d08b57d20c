#include "storage/hidden.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "storage/local.h"

#define TRIES 100

/* An open descriptor of FOLDER with the lock, or -1 with errno: EWOULDBLOCK when somebody has it. Where folders
 * cannot be locked *UNLOCKABLE is set. */
static int hold(const char *folder, bool *unlockable)
{
	const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int failed;

	*unlockable = false;
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	failed = errno;
	*unlockable = failed != EWOULDBLOCK;
	close(fd);
	errno = failed;
	return -1;
}

/* Removes folders of ABOVE whose names begin with STEM and that nobody holds. Best effort: it is only tidying. */
static void sweep(const char *above, const char *stem)
{
	DIR *d = opendir(*above ? above : ".");
	const struct dirent *e;

	while (d && (e = readdir(d)) != NULL) {
		const char *rest = e->d_name + strlen(stem);
		char path[4096];
		bool unlockable;
		int fd;

		if (strncmp(e->d_name, stem, strlen(stem)) != 0 || !*rest || rest[strspn(rest, "0123456789-")] ||
		    (size_t)snprintf(path, sizeof path, "%s%s", above, e->d_name) >= sizeof path)
			continue;
		fd = hold(path, &unlockable);
		if (fd < 0)
			continue;
		cat_local_remove_tree(path);
		close(fd);
	}
	if (d)
		closedir(d);
}

/* Whether FD is still what FOLDER names: a sweep may have been faster than the lock. */
static bool is_there(int fd, const char *folder)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(folder, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

int cat_hidden_create(const char *path, char **folder, int *lock, struct cat_error *err)
{
	const char *slash = strrchr(path, '/');
	char above[4096], stem[4096], name[sizeof above + sizeof stem + 64];

	*folder = NULL;
	*lock = -1;
	snprintf(above, sizeof above, "%.*s", slash ? (int)(slash - path + 1) : 0, path);
	if ((size_t)snprintf(stem, sizeof stem, ".%s.catpipe-", slash ? slash + 1 : path) >= sizeof stem ||
	    strlen(path) >= sizeof above)
		return cat_fail(err, CAT_E_CREATE, "%s: the name is too long", path);
	sweep(above, stem);
	for (int i = 0; i < TRIES; i++) {
		bool unlockable;

		snprintf(name, sizeof name, i ? "%s%s%ld-%d" : "%s%s%ld", above, stem, (long)getpid(), i);
		if (mkdir(name, 0777) != 0) {
			if (errno == EEXIST)
				continue;
			return cat_fail_sys(err, CAT_E_CREATE, errno, "cannot create %s", path);
		}
		*lock = hold(name, &unlockable);
		if (unlockable || (*lock >= 0 && is_there(*lock, name))) {
			*folder = cat_strdup(name);
			if (*folder)
				return CAT_OK;
			rmdir(name);
			return cat_fail_mem(err, strlen(name));
		}
		if (*lock < 0 && errno != EWOULDBLOCK && errno != ENOENT) {
			cat_fail_sys(err, CAT_E_CREATE, errno, "cannot create %s", path);
			rmdir(name);
			return (int)err->code;
		}
		if (*lock >= 0)
			close(*lock);
		*lock = -1;
	}
	return cat_fail(err, CAT_E_CREATE, "cannot create %s: no name is free beside it", path);
}

int cat_hidden_resume(const char *path, char **folder, int *lock, struct cat_error *err)
{
	const char *slash = strrchr(path, '/');
	bool unlockable;
	char name[4096];

	*folder = NULL;
	*lock = -1;
	if ((size_t)snprintf(name, sizeof name, "%.*s.%s.catpipe-get", slash ? (int)(slash - path + 1) : 0, path,
	                     slash ? slash + 1 : path) >= sizeof name)
		return cat_fail(err, CAT_E_CREATE, "%s: the name is too long", path);
	for (int i = 0; i < TRIES; i++) {
		if (mkdir(name, 0777) != 0 && errno != EEXIST)
			return cat_fail_sys(err, CAT_E_CREATE, errno, "cannot create %s", path);
		*lock = hold(name, &unlockable);
		if (*lock < 0 && errno == EWOULDBLOCK)
			return cat_fail(err, CAT_E_TEMP, "%s: another process is just fetching it", path);
		if (*lock < 0 && !unlockable && errno != ENOENT)
			return cat_fail_sys(err, CAT_E_CREATE, errno, "cannot create %s", path);
		if (unlockable || (*lock >= 0 && is_there(*lock, name))) {
			*folder = cat_strdup(name);
			return *folder ? CAT_OK : cat_fail_mem(err, strlen(name));
		}
		/* It has just been published or removed. */
		if (*lock >= 0)
			close(*lock);
		*lock = -1;
	}
	return cat_fail(err, CAT_E_TEMP, "%s: other processes come and go", path);
}
