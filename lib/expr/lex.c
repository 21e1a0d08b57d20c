#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "expr/node.h"

#define MAX_TEXT (1 << 20)

static bool name_start(char c)
{
	return isalpha((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool name_more(char c)
{
	return name_start(c) || (c >= '0' && c <= '9') || c == '$';
}

/* Length of the number at S: decimal with point and exponent, or 0x. */
static int number_len(const char *s)
{
	int i = 0;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		for (i = 2; isxdigit((unsigned char)s[i]); i++)
			;
		return i;
	}
	while (isdigit((unsigned char)s[i]))
		i++;
	if (s[i] == '.')
		for (i++; isdigit((unsigned char)s[i]); i++)
			;
	if (s[i] == 'e' || s[i] == 'E') {
		int k = i + 1 + (s[i + 1] == '+' || s[i + 1] == '-');

		if (isdigit((unsigned char)s[k]))
			for (i = k; isdigit((unsigned char)s[i]); i++)
				;
	}
	return i;
}

/* Length of a quoted token including its quotes, a doubled quote standing for one; 0 when it never ends. */
static int quoted_len(const char *s)
{
	for (int i = 1; s[i]; i++) {
		if (s[i] != s[0])
			continue;
		if (s[i + 1] != s[0])
			return i + 1;
		i++;
	}
	return 0;
}

static int skip_blanks(const char *text, int at)
{
	for (;;) {
		while (isspace((unsigned char)text[at]))
			at++;
		if (text[at] != '-' || text[at + 1] != '-')
			return at;
		while (text[at] && text[at] != '\n')
			at++;
	}
}

int cat_lex_next(struct cat_lexer *lx, struct cat_error *err)
{
	static const char *const two[] = {"<>", "!=", "<=", ">=", "<<", ">>", "||", "=="};
	const char *s;

	lx->pos = skip_blanks(lx->text, lx->next);
	s = lx->text + lx->pos;
	lx->tok = CAT_TOK_SYMBOL;
	lx->len = 1;
	if (!*s) {
		lx->tok = CAT_TOK_END;
		lx->len = 0;
	} else if (name_start(*s)) {
		lx->tok = CAT_TOK_NAME;
		while (name_more(s[lx->len]))
			lx->len++;
	} else if (isdigit((unsigned char)*s) || (*s == '.' && isdigit((unsigned char)s[1]))) {
		lx->tok = CAT_TOK_NUMBER;
		lx->len = number_len(s);
		if (name_more(s[lx->len]))
			return cat_expr_fail(
				err, CAT_E_USAGE, lx->text, lx->pos, lx->len + 1,
				"a number runs into a name; names that begin with a digit need \"...\"");
	} else if (*s == '\'' || *s == '"') {
		lx->tok = *s == '"' ? CAT_TOK_QUOTED : CAT_TOK_STRING;
		lx->len = quoted_len(s);
		if (lx->len == 0)
			return cat_expr_fail(err, CAT_E_USAGE, lx->text, lx->pos, 1, "a quote that never ends");
	} else {
		for (size_t i = 0; i < sizeof two / sizeof *two; i++)
			if (s[0] == two[i][0] && s[1] == two[i][1])
				lx->len = 2;
		if (lx->len == 1 && !strchr("+-*/%()[],.<>=&|^~", *s))
			return cat_expr_fail(err, CAT_E_USAGE, lx->text, lx->pos, 1, "unexpected '%c'", *s);
	}
	lx->next = lx->pos + lx->len;
	return CAT_OK;
}

int cat_lex_begin(struct cat_lexer *lx, const char *text, struct cat_error *err)
{
	const size_t n = strlen(text);
	size_t bad;

	*lx = (struct cat_lexer){.text = text};
	if (n > MAX_TEXT)
		return cat_fail(err, CAT_E_USAGE, "expression longer than %d bytes", MAX_TEXT);
	if (!cat_utf8_valid(text, n, &bad))
		return cat_expr_fail(err, CAT_E_USAGE, text, (int)bad, 1, "an expression must be UTF-8 text");
	return cat_lex_next(lx, err);
}

bool cat_lex_is_symbol(const struct cat_lexer *lx, const char *s)
{
	return lx->tok == CAT_TOK_SYMBOL && (size_t)lx->len == strlen(s) &&
	       strncmp(lx->text + lx->pos, s, (size_t)lx->len) == 0;
}

static bool same_word(const char *s, int len, const char *word)
{
	return (size_t)len == strlen(word) && strncasecmp(s, word, (size_t)len) == 0;
}

bool cat_lex_is_word(const struct cat_lexer *lx, const char *word)
{
	return lx->tok == CAT_TOK_NAME && same_word(lx->text + lx->pos, lx->len, word);
}

int cat_lex_take(struct cat_lexer *lx, const char *symbol, struct cat_error *err)
{
	if (!cat_lex_is_symbol(lx, symbol))
		return cat_expr_fail(err, CAT_E_USAGE, lx->text, lx->pos, lx->len, "'%s' expected", symbol);
	return cat_lex_next(lx, err);
}

int cat_lex_string(const struct cat_lexer *lx, char **out, struct cat_error *err)
{
	const char *s = lx->text + lx->pos;
	char *copy = cat_strndup(s, (size_t)lx->len);
	int n = 0;

	if (!copy)
		return cat_fail_mem(err, (size_t)lx->len);
	if (lx->tok != CAT_TOK_NAME) {
		for (int i = 1; i < lx->len - 1; i++) {
			copy[n++] = s[i];
			i += s[i] == s[0];
		}
		copy[n] = '\0';
	}
	*out = copy;
	return CAT_OK;
}

bool cat_lex_reserved(const char *s, int len)
{
	static const char *const words[] = {"AND",    "OR",       "NOT",    "IN",      "BETWEEN", "IS",
					    "NULL",   "LIKE",     "CASE",   "WHEN",    "THEN",    "ELSE",
					    "END",    "TRUE",     "FALSE",  "AS",      "CAST",    "ILIKE",
					    "ESCAPE", "TRY_CAST", "EXCEPT", "DISTINCT"};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (same_word(s, len, words[i]))
			return true;
	return false;
}

void cat_lex_quote(const char *name, struct cat_text *out)
{
	size_t n = 0;

	if (name_start(name[0]))
		while (name_more(name[n]))
			n++;
	if (n && !name[n] && !cat_lex_reserved(name, (int)n)) {
		cat_text_add(out, name);
		return;
	}
	cat_text_addc(out, '"');
	for (; *name; name++) {
		if (*name == '"')
			cat_text_addc(out, '"');
		cat_text_addc(out, *name);
	}
	cat_text_addc(out, '"');
}

int cat_expr_point(struct cat_error *err, const char *text, int pos, int len)
{
	enum { BEFORE = 90, AFTER = 60 };
	const size_t size = strlen(text);
	size_t from = pos > BEFORE ? (size_t)pos - BEFORE : 0, to = (size_t)pos + AFTER, at = 0, used = 0;
	char line[BEFORE + AFTER + 8], caret[sizeof line];

	/* Lack of memory is no fault of the expression. */
	if (err->detail[0] || err->code == CAT_E_SYSTEM)
		return (int)err->code;
	if (to > size)
		to = size;
	while (from > 0 && from < size && ((unsigned char)text[from] & 0xc0) == 0x80)
		from++;
	for (int k = 0; k < 3 && to < size && ((unsigned char)text[to] & 0xc0) == 0x80; k++)
		to++;
	for (size_t i = from; i < to; i++) {
		const unsigned char c = (unsigned char)text[i];

		line[at++] = c < 0x20 || c == 0x7f ? ' ' : (char)c;
		if ((c & 0xc0) == 0x80)
			continue;
		if (i < (size_t)pos)
			caret[used++] = ' ';
		else if (i < (size_t)pos + (len > 1 ? (size_t)len : 1))
			caret[used++] = '^';
	}
	if ((size_t)pos >= to)
		caret[used++] = '^';
	line[at] = caret[used] = '\0';
	snprintf(err->detail, sizeof err->detail, "  %s\n  %s", line, caret);
	return (int)err->code;
}

int cat_expr_fail(struct cat_error *err, enum cat_code code, const char *text, int pos, int len, const char *fmt,
		  ...)
{
	va_list ap;

	va_start(ap, fmt);
	cat_vfail(err, code, fmt, ap);
	va_end(ap);
	return cat_expr_point(err, text, pos, len);
}
