#define _GNU_SOURCE
#include "base/limits.h"

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* First line of a small file; false when it cannot be read. */
static bool first_line(const char *path, char *out, size_t size)
{
	FILE *f = fopen(path, "re");
	bool ok;

	if (!f)
		return false;
	ok = fgets(out, (int)size, f) != NULL;
	fclose(f);
	return ok;
}

/* This process's path in the hierarchy of CONTROLLER (v1), or of the unified one ("", v2). */
static bool cgroup_path(const char *controller, char *out, size_t size)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	char line[1024];
	bool found = false;

	if (!f)
		return false;
	while (!found && fgets(line, sizeof line, f)) {
		char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;
		const size_t want = strlen(controller);

		if (!path)
			continue;
		*path++ = '\0';
		names++;
		path[strcspn(path, "\n")] = '\0';
		if (want == 0)
			found = *names == '\0';
		else
			for (char *word = strtok_r(names, ",", &names); word && !found;
			     word = strtok_r(NULL, ",", &names))
				found = strcmp(word, controller) == 0;
		if (found)
			snprintf(out, size, "%s", strcmp(path, "/") == 0 ? "" : path);
	}
	fclose(f);
	return found;
}

/* Calls TRY on FILE in every folder from ROOT + PATH up to ROOT. */
static void each_level(const char *root, char *path, const char *file, void (*try)(const char *, void *), void *arg)
{
	char name[2048];

	for (;;) {
		char *slash;

		snprintf(name, sizeof name, "%s%s/%s", root, path, file);
		try(name, arg);
		if (!*path)
			return;
		slash = strrchr(path, '/');
		if (!slash)
			return;
		*slash = '\0';
	}
}

static void try_memory(const char *file, void *arg)
{
	int64_t *least = arg;
	char line[64];
	long long v;

	if (first_line(file, line, sizeof line) && (v = strtoll(line, NULL, 10)) > 0 && v < *least)
		*least = v;
}

static void try_quota_v2(const char *file, void *arg)
{
	double *least = arg;
	char line[64];
	long long quota, period;

	if (first_line(file, line, sizeof line) && sscanf(line, "%lld %lld", &quota, &period) == 2 && quota > 0 &&
	    period > 0 && (double)quota / (double)period < *least)
		*least = (double)quota / (double)period;
}

static void try_quota_v1(const char *file, void *arg)
{
	double *least = arg;
	char line[64], other[2048];
	long long quota, period;
	const size_t stem = strlen(file) - strlen("quota_us");

	snprintf(other, sizeof other, "%.*speriod_us", (int)stem, file);
	if (first_line(file, line, sizeof line) && (quota = strtoll(line, NULL, 10)) > 0 &&
	    first_line(other, line, sizeof line) && (period = strtoll(line, NULL, 10)) > 0 &&
	    (double)quota / (double)period < *least)
		*least = (double)quota / (double)period;
}

struct cat_limit cat_limit_cpus(void)
{
	struct cat_limit l = {sysconf(_SC_NPROCESSORS_ONLN), "machine"};
	double quota = 1e9;
	char path[1024];
	int64_t whole;
#ifdef __linux__
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) < l.value) {
		l.value = CPU_COUNT(&set);
		l.from = "affinity";
	}
#endif
	if (cgroup_path("", path, sizeof path))
		each_level("/sys/fs/cgroup", path, "cpu.max", try_quota_v2, &quota);
	if (cgroup_path("cpu", path, sizeof path))
		each_level("/sys/fs/cgroup/cpu", path, "cpu.cfs_quota_us", try_quota_v1, &quota);
	whole = (int64_t)quota + ((double)(int64_t)quota < quota);
	if (whole < l.value) {
		l.value = whole;
		l.from = "cgroup";
	}
	if (l.value < 1)
		l.value = 1;
	return l;
}

struct cat_limit cat_limit_memory(void)
{
	struct cat_limit l = {(int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE), "machine"};
	int64_t least = INT64_MAX;
	char path[1024];

	if (cgroup_path("", path, sizeof path))
		each_level("/sys/fs/cgroup", path, "memory.max", try_memory, &least);
	if (cgroup_path("memory", path, sizeof path))
		each_level("/sys/fs/cgroup/memory", path, "memory.limit_in_bytes", try_memory, &least);
	if (least < l.value) {
		l.value = least;
		l.from = "cgroup";
	}
	return l;
}

int64_t cat_peak_rss(void)
{
	struct rusage u;

	return getrusage(RUSAGE_SELF, &u) == 0 ? (int64_t)u.ru_maxrss * 1024 : 0;
}
