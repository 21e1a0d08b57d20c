/* error -- one error type for every layer; its codes are the programs' exit statuses.
 *
 * Layer: base. An error is owned by the caller, usually on the stack; filling it never allocates.
 * Thread rule: one error belongs to one thread at a time.
 */
#ifndef CAT_BASE_ERROR_H
#define CAT_BASE_ERROR_H

#include <stdarg.h>
#include <stddef.h>

#define CAT_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define CAT_MUST_USE __attribute__((warn_unused_result))

/* Whether the same command may succeed later, and where. */
enum cat_retry { CAT_RETRY_NEVER, CAT_RETRY_SAME, CAT_RETRY_ELSEWHERE };

/* The one table: code, exit status, retry class, what every man page says. */
#define CAT_ERRORS(X)                                                                                \
	X(OK, 0, NEVER, "done")                                                                      \
	X(NO, 1, NEVER, "a plain no: a check found a difference, a status question was answered no") \
	X(USAGE, 64, NEVER, "command line, column, function or expression wrong")                    \
	X(DATA, 65, NEVER, "input corrupt, truncated or contradictory")                              \
	X(NOINPUT, 66, NEVER, "no such input, file or registered name")                              \
	X(UNAVAIL, 69, SAME, "remote service unavailable")                                           \
	X(BUG, 70, ELSEWHERE, "a bug in this program")                                               \
	X(SYSTEM, 71, ELSEWHERE, "memory or another system resource exhausted")                      \
	X(CREATE, 73, ELSEWHERE, "output exists or cannot be created")                               \
	X(IO, 74, ELSEWHERE, "input-output error or disk full")                                      \
	X(TEMP, 75, SAME, "temporary: quota, throttled, lock held, timed out")                       \
	X(PROTOCOL, 76, NEVER, "peer broke the protocol")                                            \
	X(DENIED, 77, NEVER, "denied or bad credentials")                                            \
	X(CONFIG, 78, NEVER, "configuration wrong")                                                  \
	X(UNSUPPORTED, 79, NEVER, "feature of the format or server not supported")

enum cat_code {
#define X(name, status, retry, text) CAT_E_##name = status,
	CAT_ERRORS(X)
#undef X
};
#define CAT_OK CAT_E_OK

struct cat_error {
	enum cat_code code;
	int sys;          /* errno, HTTP status or a library's code; 0 when none */
	char cause[512];  /* what went wrong, said once, where it was seen */
	char where[496];  /* "gaia/Npix=44.parquet: row group 3: column ra", outermost first */
	char detail[512]; /* further lines: the expression with a caret under the fault; usually empty */
	char hint[160];   /* the next command to type, "cat-info gaia"; usually empty */
};

/* Returns X's code at once unless it is CAT_OK. */
#define CAT_TRY(x)                             \
	do {                                   \
		int cat_try_rc_ = (x);         \
		if (cat_try_rc_ != CAT_OK)     \
			return cat_try_rc_;    \
	} while (0)

/* Fills the error and returns its code. Control characters in the text are neutralised, the queries of web addresses
 * left out: they may hold secrets. The same goes for cat_wrap. */
CAT_PRINTF(3, 4) int cat_fail(struct cat_error *err, enum cat_code code, const char *fmt, ...);
CAT_PRINTF(3, 0) int cat_vfail(struct cat_error *err, enum cat_code code, const char *fmt, va_list ap);

/* The same with ": " and strerror(sys) behind the text. Where a process lacks memory or descriptors the code is
 * CAT_E_SYSTEM instead. */
CAT_PRINTF(4, 5) int cat_fail_sys(struct cat_error *err, enum cat_code code, int sys, const char *fmt, ...);

/* Out of memory while asking for SIZE bytes. Returns CAT_E_SYSTEM. */
int cat_fail_mem(struct cat_error *err, size_t size);

/* Puts context in front of what is there ("row group 3"), shortened in the middle when it does not fit;
 * returns err->code. */
CAT_PRINTF(2, 3) int cat_wrap(struct cat_error *err, const char *fmt, ...);

/* Sets the next command to type. Returns err->code. */
CAT_PRINTF(2, 3) int cat_hint(struct cat_error *err, const char *fmt, ...);

/* Text from files and peers must not command a terminal: control characters of S, those of two bytes in UTF-8 too, become
 * question marks, in place. All that is said through cat_error has this done to it. */
void cat_neutralise(char *s);

/* What stands behind the question mark of a web address may be a signature or a token, and before its @ a password: they
 * are for nobody's log. In every such address in S they become "...", in place; never longer. Done to errors too. */
void cat_hide_secrets(char *s);

/* "where: cause. See: hint" and the detail lines, without a newline at the end, always terminated. */
void cat_error_text(const struct cat_error *err, char *out, size_t size);

/* Rows of the table, for help, manual pages and retry policies; NULL past the end. */
struct cat_status {
	enum cat_code code;
	enum cat_retry retry;
	const char *text;
};
const struct cat_status *cat_status_row(size_t i);

#endif
