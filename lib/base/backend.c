#include "base/backend.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* lib/catpipe beside the folder of the running program; false where the system does not tell. */
static bool beside_program(char *out, size_t size)
{
	const ssize_t n = readlink("/proc/self/exe", out, size - 1);
	const char *const rest = "/lib/catpipe";

	if (n <= 0)
		return false;
	out[n] = '\0';
	for (int up = 0; up < 2; up++) {
		char *slash = strrchr(out, '/');

		if (!slash)
			return false;
		*slash = '\0';
	}
	if (strlen(out) + strlen(rest) + 1 > size)
		return false;
	memcpy(out + strlen(out), rest, strlen(rest) + 1);
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

	if (beside_program(beside, sizeof beside)) {
		snprintf(path, sizeof path, "%s/%s.so", beside, name);
		if (access(path, F_OK) == 0)
			return open_object(path, name, table, err);
	}
	snprintf(path, sizeof path, "%s/%s.so", CAT_LIBDIR "/catpipe", name);
	if (access(path, F_OK) == 0)
		return open_object(path, name, table, err);
	return cat_fail(err, CAT_E_CONFIG, "what catpipe needs for %s is not installed: there is no %s", name, path);
}
