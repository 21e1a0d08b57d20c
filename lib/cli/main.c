#define _GNU_SOURCE
#include "cli/main.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/backend.h"
#include "base/limits.h"
#include "dataset/sesame.h"
#include "dataset/vo.h"

static const char *program = "catpipe";

static const char *const progress_words[] = {"auto", "on", "off", NULL};

const struct cat_opt cat_resource_opts[] = {
	{.name = "jobs", .letter = 'j', .type = CAT_OPT_INT, .off = offsetof(struct cat_resources, jobs), .arg = "N",
	 .help = "work with N processors", .min = 1, .max = 1024},
	{.name = "memory", .letter = 'm', .type = CAT_OPT_BYTES, .off = offsetof(struct cat_resources, memory_bytes),
	 .arg = "SIZE", .help = "stay below SIZE of memory", .min = 1},
	{.name = "temp-dir", .letter = 'T', .type = CAT_OPT_STRING, .off = offsetof(struct cat_resources, temp_dir),
	 .arg = "DIR", .help = "spill into DIR", .rare = true},
	{.name = "quiet", .letter = 'q', .type = CAT_OPT_FLAG, .off = offsetof(struct cat_resources, quiet),
	 .help = "no warnings, no progress", .rare = true},
	{.name = "verbose", .letter = 'v', .type = CAT_OPT_COUNT, .off = offsetof(struct cat_resources, verbose),
	 .help = "say what is done", .rare = true},
	{.name = "progress", .type = CAT_OPT_ENUM, .off = offsetof(struct cat_resources, progress), .arg = "WHEN",
	 .help = "auto, on or off", .choices = progress_words, .rare = true},
	{.name = "Network", .group = cat_network_opts, .off = offsetof(struct cat_resources, net)},
	{0},
};

/* What a process takes however small its budget is: code, stacks and allocator, and per processor the pieces
 * it decodes and encodes. Measured with rows of about 50 bytes: 20 MiB with -j1, 47 with -j2, 164 with -j8. */
#define FIXED_BYTES ((int64_t)12 << 20)
#define JOB_BYTES ((int64_t)20 << 20)
#define MORE_JOBS_BYTES ((int64_t)48 << 20) /* a further job has pieces waiting on both sides of it */
#define LARGE_PART 32
#define LARGE_MOST ((int64_t)32 << 20) /* what glibc's malloc knows how to hand back */
#define MMAP_MAX 65536
#define LEAST_BUDGET ((int64_t)28 << 20)
#define LEAST_MEMORY (FIXED_BYTES + JOB_BYTES + LEAST_BUDGET)

/* --- settings: environment, user's file, site's file, machine --- */

/* The value of KEY in a file of "key = value" lines. */
static bool from_file(const char *path, const char *key, char *value, size_t size)
{
	FILE *f = fopen(path, "re");
	char line[1024];
	bool found = false;

	if (!f)
		return false;
	while (!found && fgets(line, sizeof line, f)) {
		char *at = line + strspn(line, " \t");
		const size_t n = strlen(key);

		if (strncmp(at, key, n) != 0)
			continue;
		at += n;
		at += strspn(at, " \t");
		if (*at != '=')
			continue;
		at += 1 + strspn(at + 1, " \t");
		at[strcspn(at, "\r\n")] = '\0';
		snprintf(value, size, "%s", at);
		found = true;
	}
	fclose(f);
	return found;
}

static const char *from_environment(const char *key, char *value, size_t size)
{
	static const struct {
		const char *key;
		const char *names[3];
	} table[] = {
		{"jobs", {"CATPIPE_JOBS", "SLURM_CPUS_PER_TASK", NULL}},
		{"memory", {"CATPIPE_MEMORY", NULL, NULL}},
		{"temp-dir", {"CATPIPE_TEMP_DIR", "TMPDIR", NULL}},
		{"cache", {"CATPIPE_CACHE", NULL, NULL}},
		{"tables", {"CATPIPE_TABLES", NULL, NULL}},
		{"registry", {"CATPIPE_REGISTRY", NULL, NULL}},
		{"sesame", {"CATPIPE_SESAME", NULL, NULL}},
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		for (int k = 0; strcmp(table[i].key, key) == 0 && table[i].names[k]; k++) {
			const char *v = getenv(table[i].names[k]);

			if (v && *v) {
				snprintf(value, size, "%s", v);
				return table[i].names[k];
			}
		}
	return NULL;
}

const char *cat_setting(const char *key, char *value, size_t size)
{
	const char *home = getenv("HOME"), *from = from_environment(key, value, size);
	struct cat_limit limit;
	char path[1024];

	if (from)
		return from;
	snprintf(path, sizeof path, "%s/.config/catpipe/config", home ? home : "");
	if (home && from_file(path, key, value, size))
		return "~/.config/catpipe/config";
	if (from_file("/etc/catpipe/config", key, value, size))
		return "/etc/catpipe/config";
	if (strcmp(key, "jobs") == 0) {
		limit = cat_limit_cpus();
		snprintf(value, size, "%lld", (long long)limit.value);
		return limit.from;
	}
	if (strcmp(key, "memory") == 0) {
		limit = cat_limit_memory();
		if (limit.value / 4 < LEAST_MEMORY)
			limit.value = 4 * LEAST_MEMORY;
		snprintf(value, size, "%lldM", (long long)(limit.value / 4 >> 20));
		return limit.from;
	}
	if (strcmp(key, "temp-dir") == 0) {
		snprintf(value, size, "/tmp");
		return "default";
	}
	if (strcmp(key, "tables") == 0) {
		if (!cat_beside_program("share/catpipe/tables.yaml", path, sizeof path) || access(path, R_OK) != 0)
			snprintf(path, sizeof path, "%s", CAT_DATADIR "/tables.yaml");
		snprintf(value, size, "%s%s:/etc/catpipe/tables.yaml:%s", home ? home : "",
		         home ? "/.config/catpipe/tables.yaml" : "", path);
		return "default";
	}
	if (strcmp(key, "registry") == 0 || strcmp(key, "sesame") == 0) {
		snprintf(value, size, "%s", key[0] == 'r' ? CAT_VO_REGISTRY : CAT_SESAME);
		return "default";
	}
	home = getenv("XDG_CACHE_HOME") ? getenv("XDG_CACHE_HOME") : home;
	snprintf(value, size, "%s%s/catpipe", home ? home : "/tmp", getenv("XDG_CACHE_HOME") ? "" : "/.cache");
	return "default";
}

static struct cat_resources *resources;

/* What a process of so many jobs takes beside the rows it is told to hold. */
static int64_t fixed_bytes(int64_t jobs)
{
	return FIXED_BYTES + JOB_BYTES + (jobs - 1) * MORE_JOBS_BYTES;
}

/* Where memory is short, buffers of BYTES and more go back to the system: the holes they leave are too large a part of
 * it. */
static void return_large(int64_t bytes)
{
#ifdef __GLIBC__
	if (bytes >= LARGE_MOST)
		return;
	mallopt(M_MMAP_THRESHOLD, (int)bytes);
	mallopt(M_MMAP_MAX, MMAP_MAX);
#else
	(void)bytes;
#endif
}

/* From -m, the peak of the process, to the budget of what it holds. Fewer processors work when memory is short:
 * output does not depend on them. */
static int settle(struct cat_resources *r, struct cat_error *err)
{
	if (r->memory_bytes < LEAST_MEMORY)
		return cat_fail(err, CAT_E_USAGE, "a memory of %lldM is too small: %lldM at least (-m %lldM)",
		                (long long)(r->memory_bytes >> 20), (long long)(LEAST_MEMORY >> 20),
		                (long long)(LEAST_MEMORY >> 20));
	while (r->jobs > 1 && r->memory_bytes < fixed_bytes(r->jobs) + LEAST_BUDGET)
		r->jobs--;
	r->memory_bytes -= fixed_bytes(r->jobs);
	return_large(r->memory_bytes / LARGE_PART);
	return CAT_OK;
}

void cat_resources_prepare(struct cat_resources *r)
{
	static char temp_dir[1024];
	char value[1024];

	resources = r;
	cat_setting("jobs", value, sizeof value);
	if (!cat_parse_i64(value, strlen(value), &r->jobs) || r->jobs < 1)
		r->jobs = cat_limit_cpus().value;
	cat_setting("memory", value, sizeof value);
	if (!cat_parse_bytes(value, &r->memory_bytes) || r->memory_bytes < 1)
		r->memory_bytes = cat_limit_memory().value / 4;
	cat_setting("temp-dir", temp_dir, sizeof temp_dir);
	r->temp_dir = temp_dir;
}

/* --- talk --- */

CAT_PRINTF(1, 0) static void say(const char *fmt, va_list ap)
{
	char line[1400];
	size_t n = (size_t)snprintf(line, sizeof line, "%s: ", program);

	vsnprintf(line + n, sizeof line - n - 1, fmt, ap);
	for (char *c = line; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	n = strlen(line);
	line[n++] = '\n';
	(void)!write(2, line, n);
}

void cat_note(const struct cat_resources *r, const char *fmt, ...)
{
	va_list ap;

	if (r->verbose < 1 || r->quiet)
		return;
	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

void cat_warn(const struct cat_resources *r, const char *fmt, ...)
{
	va_list ap;

	if (r->quiet)
		return;
	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

int cat_print(const struct cat_text *t, struct cat_error *err)
{
	const char *p = t->s;
	size_t left = t->len;

	CAT_TRY(cat_text_check(t, err));
	while (left > 0) {
		const ssize_t n = write(1, p, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cat_fail_sys(err, CAT_E_IO, errno, "cannot write standard output");
		p += n;
		left -= (size_t)n;
	}
	return CAT_OK;
}

static void report(const struct cat_error *err)
{
	char text[sizeof *err + 64], line[sizeof text + 64];
	size_t n;

	cat_error_text(err, text, sizeof text);
	n = (size_t)snprintf(line, sizeof line, "%s: %s\n", program, text);
	(void)!write(2, line, n < sizeof line ? n : sizeof line - 1);
}

/* --- the process --- */

static void start(const char *name)
{
	struct rlimit files;

	program = name;
	/* A missing standard stream must not become the first file opened. Missing output is opened so that
	 * writing to it fails instead of vanishing. */
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			(void)!open("/dev/null", fd == 1 ? O_RDONLY : O_RDWR);
	/* Parents leave it ignored: Python for one. */
	signal(SIGPIPE, SIG_DFL);
	/* Sorting on disk keeps every run open; the soft limit is there for programs that use select. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
#ifdef __GLIBC__
	/* Buffers come and go with every batch. Memory that was given back to the system would have to be cleared page by
	 * page each time it comes again, which costs more than the work itself. */
	mallopt(M_MMAP_MAX, 0);
	mallopt(M_TRIM_THRESHOLD, INT_MAX);
	mallopt(M_ARENA_MAX, 1);
#endif
}

int cat_main(const struct cat_cmd *cmd, int argc, char **argv)
{
	struct cat_error err = {0};
	char summary[200];
	void *settings;
	bool done = false;
	int n = 0, rc;

	start(cmd->name);
#ifdef CAT_FAULT
	/* Test builds: the N-th allocation of the process fails. */
	if (getenv("CATPIPE_FAULT_ALLOC"))
		cat_alloc_fail_after(atoll(getenv("CATPIPE_FAULT_ALLOC")));
#endif
	settings = cat_malloc(cmd->settings_size);
	if (!settings) {
		cat_fail_mem(&err, cmd->settings_size);
		report(&err);
		return (int)err.code;
	}
	memcpy(settings, cmd->defaults, cmd->settings_size);
	if (cmd->prepare)
		cmd->prepare(settings);
	rc = cat_opt_parse(cmd, settings, argc, argv, &n, &done, &err);
	if (rc == CAT_OK && !done && resources)
		rc = settle(resources, &err);
	if (rc == CAT_OK && !done && resources)
		cat_network_configure(&resources->net, resources->temp_dir, resources->memory_bytes);
	if (rc == CAT_OK && !done)
		rc = cmd->run(settings, n, argv + 1, &err);
	if (resources && !done && cat_network_summary(summary, sizeof summary))
		cat_note(resources, "network: %s", summary);
	if (rc != CAT_OK && (rc != CAT_E_NO || err.cause[0]))
		report(&err);
	cat_opt_fini(cmd, settings);
	cat_free(settings);
	return rc;
}
