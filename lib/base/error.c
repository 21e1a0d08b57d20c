#include "base/error.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct cat_status table[] = {
#define X(name, status, retry_class, words) {CAT_E_##name, CAT_RETRY_##retry_class, words},
	CAT_ERRORS(X)
#undef X
};

const struct cat_status *cat_status_row(size_t i)
{
	return i < sizeof table / sizeof *table ? &table[i] : NULL;
}

static void neutralise(char *s, bool keep_newline)
{
	for (; *s; s++) {
		const unsigned char c = (unsigned char)*s;

		if ((c < 0x20 && !(keep_newline && c == '\n')) || c == 0x7f)
			*s = '?';
		else if (c == 0xc2 && (unsigned char)s[1] >= 0x80 && (unsigned char)s[1] < 0xa0)
			s[0] = s[1] = '?'; /* U+0080 to U+009F: to some terminals as good as ESC [ */
	}
}

void cat_neutralise(char *s)
{
	neutralise(s, false);
}

/* In S, which begins behind the :// of an address. */
static void hide_user(char *s)
{
	const size_t n = strcspn(s, "/? \n'\"");
	char *at = NULL;

	for (size_t i = 0; i < n; i++)
		if (s[i] == '@')
			at = s + i;
	if (at && at - s > 3) {
		memcpy(s, "...", 3);
		memmove(s + 3, at, strlen(at) + 1);
	} else if (at) {
		memset(s, '.', (size_t)(at - s));
	}
}

void cat_hide_secrets(char *s)
{
	for (char *at = s; (at = strstr(at, "http")) != NULL;) {
		char *begin = at + 4 + (at[4] == 's'), *end;

		at = begin;
		if (strncmp(begin, "://", 3) != 0)
			continue;
		hide_user(begin + 3);
		at += strcspn(begin, "? \n'\"");
		if (*at != '?')
			continue;
		for (end = ++at; *end && !strchr(" \n'\"", *end) && strncmp(end, ": ", 2) != 0; end++)
			;
		if (end - at >= 3) {
			memcpy(at, "...", 3);
			memmove(at + 3, end, strlen(end) + 1);
		}
	}
}

int cat_vfail(struct cat_error *err, enum cat_code code, const char *fmt, va_list ap)
{
	err->code = code;
	err->sys = 0;
	err->where[0] = '\0';
	err->detail[0] = '\0';
	err->hint[0] = '\0';
	vsnprintf(err->cause, sizeof err->cause, fmt, ap);
	neutralise(err->cause, false);
	cat_hide_secrets(err->cause);
	return (int)code;
}

int cat_fail(struct cat_error *err, enum cat_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	cat_vfail(err, code, fmt, ap);
	va_end(ap);
	return (int)code;
}

int cat_fail_sys(struct cat_error *err, enum cat_code code, int sys, const char *fmt, ...)
{
	va_list ap;
	char reason[128];
	size_t used;

	/* Whatever was being done: it is the process that lacks something. */
	if (sys == EMFILE || sys == ENFILE || sys == ENOMEM)
		code = CAT_E_SYSTEM;
	va_start(ap, fmt);
	cat_vfail(err, code, fmt, ap);
	va_end(ap);
	err->sys = sys;
	if (strerror_r(sys, reason, sizeof reason) != 0)
		snprintf(reason, sizeof reason, "error %d", sys);
	used = strlen(err->cause);
	snprintf(err->cause + used, sizeof err->cause - used, ": %s", reason);
	return (int)code;
}

int cat_fail_mem(struct cat_error *err, size_t size)
{
	return cat_fail(err, CAT_E_SYSTEM, "out of memory (asked for %zu bytes)", size);
}

int cat_wrap(struct cat_error *err, const char *fmt, ...)
{
	va_list ap;
	char front[sizeof err->where];
	char both[2 * sizeof err->where];
	size_t len;
	const size_t cap = sizeof err->where - 1;

	va_start(ap, fmt);
	vsnprintf(front, sizeof front, fmt, ap);
	va_end(ap);
	neutralise(front, false);
	cat_hide_secrets(front);
	snprintf(both, sizeof both, "%s%s%s", front, err->where[0] ? ": " : "", err->where);
	len = strlen(both);
	if (len <= cap) {
		memcpy(err->where, both, len + 1);
	} else {
		/* Both ends matter: the outermost name and the innermost place. */
		const size_t head = (cap - 3) / 2, tail = cap - 3 - head;

		memcpy(err->where, both, head);
		memcpy(err->where + head, "...", 3);
		memcpy(err->where + head + 3, both + len - tail, tail + 1);
	}
	return (int)err->code;
}

int cat_hint(struct cat_error *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->hint, sizeof err->hint, fmt, ap);
	va_end(ap);
	neutralise(err->hint, false);
	cat_hide_secrets(err->hint);
	return (int)err->code;
}

void cat_error_text(const struct cat_error *err, char *out, size_t size)
{
	snprintf(out, size, "%s%s%s%s%s%s%s", err->where, err->where[0] ? ": " : "", err->cause,
	         err->hint[0] ? ". See: " : "", err->hint, err->detail[0] ? "\n" : "", err->detail);
	neutralise(out, true);
}
