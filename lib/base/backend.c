#include "base/backend.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool cat_beside_program(const char *rest, char *out, size_t size)
{
	const ssize_t n = readlink("/proc/self/exe", out, size - 1);

	if (n <= 0)
		return false;
	out[n] = '\0';
	for (int up = 0; up < 2; up++) {
		char *slash = strrchr(out, '/');

		if (!slash)
			return false;
		*slash = '\0';
	}
	if (strlen(out) + strlen(rest) + 2 > size)
		return false;
	strcat(out, "/");
	strcat(out, rest);
	return true;
}

/* dlopen counts its callers, so opening twice is the same as once; nothing is ever closed. */
static int open_object(const char *path, const char *name, const void **table, struct cat_error *err)
{
	void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct cat_backend *t = object ? dlsym(object, "cat_backend_table") : NULL;

	if (!t)
		return cat_fail(err, CAT_E_CONFIG, "what catpipe needs for %s cannot be opened: %s", name, dlerror());
	if (strcmp(t->version, CAT_VERSION) != 0)
		return cat_fail(err, CAT_E_CONFIG, "%s is of version %s, this program of %s", path, t->version,
		                CAT_VERSION);
	*table = t;
	return CAT_OK;
}

int cat_backend_open(const char *name, const void **table, struct cat_error *err)
{
	char beside[PATH_MAX - 64], path[PATH_MAX];

	if (cat_beside_program("lib/catpipe", beside, sizeof beside)) {
		snprintf(path, sizeof path, "%s/%s.so", beside, name);
		if (access(path, F_OK) == 0)
			return open_object(path, name, table, err);
	}
	snprintf(path, sizeof path, "%s/%s.so", CAT_LIBDIR "/catpipe", name);
	if (access(path, F_OK) == 0)
		return open_object(path, name, table, err);
	return cat_fail(err, CAT_E_CONFIG, "what catpipe needs for %s is not installed: there is no %s", name, path);
}
