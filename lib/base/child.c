#define _GNU_SOURCE
#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"

extern char **environ;

static int start(char *const *argv, int out, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, defaults;
	int rc;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, out, 1);
	posix_spawnattr_init(&attr);
	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	rc = posix_spawnp(pid, argv[0], &files, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return rc;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Reads until the other end is closed. */
static int collect(int fd, const char *name, size_t max, int64_t until, struct cat_buf **out, struct cat_error *err)
{
	int rc = cat_buf_new(0, out, err);

	while (rc == CAT_OK) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		const int64_t left = until - now_ms();
		char data[4096];
		ssize_t n;

		if (left <= 0)
			return cat_fail(err, CAT_E_CONFIG, "%s does not answer", name);
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = read(fd, data, sizeof data);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? cat_fail_sys(err, CAT_E_SYSTEM, errno, "%s", name) : CAT_OK;
		if ((*out)->size + (size_t)n > max)
			return cat_fail(err, CAT_E_CONFIG, "%s writes more than %zu bytes", name, max);
		rc = cat_buf_resize(out, (*out)->size + (size_t)n, err);
		if (rc == CAT_OK)
			memcpy((*out)->data + (*out)->size - n, data, (size_t)n);
	}
	return rc;
}

/* Until UNTIL; false: it still runs. One that has closed its output ends at once, most of the time. */
static bool ended(pid_t pid, int64_t until, int *status)
{
	for (int64_t pause_ms = 1;; pause_ms = pause_ms < 100 ? 2 * pause_ms : 100) {
		const pid_t got = waitpid(pid, status, WNOHANG);
		const struct timespec t = {0, (long)pause_ms * 1000000};

		if (got == pid || (got < 0 && errno != EINTR))
			return true;
		if (now_ms() >= until)
			return false;
		nanosleep(&t, NULL);
	}
}

int cat_child_output(char *const *argv, size_t max, int timeout_ms, struct cat_buf **out, struct cat_error *err)
{
	const int64_t until = now_ms() + timeout_ms;
	int fd[2], rc, status = 0;
	pid_t pid;

	*out = NULL;
	if (pipe2(fd, O_CLOEXEC) != 0)
		return cat_fail_sys(err, CAT_E_SYSTEM, errno, "%s", argv[0]);
	rc = start(argv, fd[1], &pid);
	close(fd[1]);
	if (rc != 0) {
		close(fd[0]);
		return cat_fail_sys(err, CAT_E_CONFIG, rc, "%s cannot be started", argv[0]);
	}
	rc = collect(fd[0], argv[0], max, until, out, err);
	close(fd[0]);
	if (rc != CAT_OK || !ended(pid, until, &status)) {
		kill(pid, SIGKILL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		if (rc == CAT_OK)
			rc = cat_fail(err, CAT_E_CONFIG, "%s does not end", argv[0]);
	}
	if (rc == CAT_OK && WIFSIGNALED(status))
		rc = cat_fail(err, CAT_E_CONFIG, "%s was ended by signal %d", argv[0], WTERMSIG(status));
	else if (rc == CAT_OK && WEXITSTATUS(status) != 0)
		rc = cat_fail(err, CAT_E_CONFIG, "%s failed with status %d", argv[0], WEXITSTATUS(status));
	if (rc != CAT_OK) {
		cat_buf_unref(*out);
		*out = NULL;
	}
	return rc;
}

/* One word from *LINE to TO; false at the end of the line. */
static bool word(const char **line, char **to, bool *open)
{
	const char *s = *line + strspn(*line, " \t\r\n");
	char quote = '\0';

	if (!*s)
		return false;
	for (; *s && (quote || !strchr(" \t\r\n", *s)); s++) {
		if (quote && *s == quote)
			quote = '\0';
		else if (!quote && (*s == '\'' || *s == '"'))
			quote = *s;
		else if (*s == '\\' && s[1] && (quote == '\0' || (quote == '"' && strchr("\"\\$`", s[1]))))
			*(*to)++ = *++s;
		else
			*(*to)++ = *s;
	}
	*(*to)++ = '\0';
	*open = quote != '\0';
	*line = s;
	return true;
}

int cat_child_words(const char *line, char ***out, struct cat_error *err)
{
	const size_t n = strlen(line), most = n / 2 + 2;
	char **v = cat_malloc(most * sizeof(char *) + n + most);
	char *text = (char *)(v + most);
	bool open = false;
	size_t k = 0;

	if (!v)
		return cat_fail_mem(err, n);
	for (char *begin = text; !open && word(&line, &text, &open); begin = text)
		v[k++] = begin;
	v[k] = NULL;
	if (open || k == 0) {
		cat_free(v);
		return cat_fail(err, CAT_E_CONFIG, open ? "a quote that is not closed" : "no command");
	}
	*out = v;
	return CAT_OK;
}
