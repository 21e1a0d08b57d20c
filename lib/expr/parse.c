#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "expr/node.h"

/* Nesting of brackets and prefixes, which recurse here; and depth of the tree, over which bind and eval do. */
#define MAX_NESTING 200
#define MAX_DEPTH 1000

struct parser {
	struct cat_lexer *lx;
	struct cat_expr *e;
	int nesting;
	int *stack; /* finished nodes that wait for their parent */
	size_t nstack, cap_stack;
};

static int parse_prec(struct parser *p, int min, int *out, struct cat_error *err);

#define FAIL(...) cat_expr_fail(err, CAT_E_USAGE, p->lx->text, p->lx->pos, p->lx->len, __VA_ARGS__)

static int next(struct parser *p, struct cat_error *err)
{
	return cat_lex_next(p->lx, err);
}

static int need_word(struct parser *p, const char *word, struct cat_error *err)
{
	if (!cat_lex_is_word(p->lx, word))
		return FAIL("%s expected", word);
	return next(p, err);
}

static int push(struct parser *p, int node, struct cat_error *err)
{
	if (cat_grow(&p->stack, &p->cap_stack, p->nstack, sizeof *p->stack) != 0)
		return cat_fail_mem(err, p->nstack * sizeof *p->stack);
	p->stack[p->nstack++] = node;
	return CAT_OK;
}

/* A node over what the stack holds above BASE, which is taken off. POS is where its text begins. */
static int make(struct parser *p, enum cat_op op, int pos, size_t base, int *out, struct cat_error *err)
{
	struct cat_expr *e = p->e;
	struct cat_node *nd;
	int depth = 1;

	if (cat_grow(&e->nodes, &e->cap_nodes, e->nnodes, sizeof *e->nodes) != 0)
		return cat_fail_mem(err, e->nnodes * sizeof *e->nodes);
	for (size_t i = base; i < p->nstack; i++) {
		if (cat_grow(&e->args, &e->cap_args, e->nargs, sizeof *e->args) != 0)
			return cat_fail_mem(err, e->nargs * sizeof *e->args);
		e->args[e->nargs++] = (struct cat_arg){.node = p->stack[i]};
		if (e->nodes[p->stack[i]].depth >= depth)
			depth = e->nodes[p->stack[i]].depth + 1;
	}
	if (depth > MAX_DEPTH)
		return FAIL("expression nested too deeply");
	nd = &e->nodes[e->nnodes];
	memset(nd, 0, sizeof *nd);
	nd->op = op;
	nd->pos = pos;
	nd->len = p->lx->pos > pos ? p->lx->pos - pos : 1;
	while (nd->len > 1 && p->lx->text[nd->pos + nd->len - 1] == ' ')
		nd->len--;
	nd->depth = depth;
	nd->nargs = (int)(p->nstack - base);
	nd->arg0 = (int)e->nargs - nd->nargs;
	nd->col = -1;
	p->nstack = base;
	*out = (int)e->nnodes++;
	return CAT_OK;
}

/* --- constants --- */

static int parse_number(struct parser *p, bool minus, int pos, int *out, struct cat_error *err)
{
	const char *s = p->lx->text + p->lx->pos;
	const size_t n = (size_t)p->lx->len;
	struct cat_node lit = {.lit = CAT_CLS_F64};
	uint64_t u = 0;
	bool whole = cat_parse_u64(s, n, &u);

	if (n > 1 && (s[1] == 'x' || s[1] == 'X')) {
		char *end;

		errno = 0;
		u = strtoull(s + 2, &end, 16);
		whole = n > 2 && n <= 18 && errno == 0;
		if (!whole)
			return FAIL("not a hexadecimal number of at most 64 bits");
	}
	if (whole && (u <= INT64_MAX || (minus && u == (uint64_t)INT64_MAX + 1))) {
		lit.lit = CAT_CLS_I64;
		lit.i64 = (int64_t)(minus ? 0 - u : u);
	} else if (whole && !minus) {
		lit.lit = CAT_CLS_U64;
		lit.i64 = (int64_t)u;
	} else if (!cat_parse_f64(s, n, &lit.f64)) {
		return FAIL("not a number");
	} else if (minus) {
		lit.f64 = -lit.f64;
	}
	CAT_TRY(next(p, err));
	CAT_TRY(make(p, CAT_OP_LITERAL, pos, p->nstack, out, err));
	p->e->nodes[*out].lit = lit.lit;
	p->e->nodes[*out].i64 = lit.i64;
	p->e->nodes[*out].f64 = lit.f64;
	return CAT_OK;
}

static int parse_string(struct parser *p, int *out, struct cat_error *err)
{
	const int pos = p->lx->pos;
	char *s;
	int rc;

	CAT_TRY(cat_lex_string(p->lx, &s, err));
	rc = next(p, err);
	if (rc == CAT_OK)
		rc = make(p, CAT_OP_LITERAL, pos, p->nstack, out, err);
	if (rc != CAT_OK) {
		cat_free(s);
		return rc;
	}
	p->e->nodes[*out].lit = CAT_CLS_TEXT;
	p->e->nodes[*out].str = s;
	return CAT_OK;
}

static int parse_word_literal(struct parser *p, enum cat_cls lit, bool value, int *out, struct cat_error *err)
{
	const int pos = p->lx->pos;

	CAT_TRY(next(p, err));
	CAT_TRY(make(p, CAT_OP_LITERAL, pos, p->nstack, out, err));
	p->e->nodes[*out].lit = lit;
	p->e->nodes[*out].i64 = value;
	return CAT_OK;
}

/* --- names, calls, CASE, CAST --- */

static int make_named(struct parser *p, enum cat_op op, int pos, size_t base, char *str, int *out,
		      struct cat_error *err)
{
	int rc = make(p, op, pos, base, out, err);

	if (rc != CAT_OK)
		cat_free(str);
	else
		p->e->nodes[*out].str = str;
	return rc;
}

/* Expressions with commas between them onto the stack, up to ')'. */
static int parse_list(struct parser *p, struct cat_error *err)
{
	for (;;) {
		int node;

		CAT_TRY(parse_prec(p, 1, &node, err));
		CAT_TRY(push(p, node, err));
		if (!cat_lex_is_symbol(p->lx, ","))
			return cat_lex_take(p->lx, ")", err);
		CAT_TRY(next(p, err));
	}
}

static int call_args(struct parser *p, struct cat_error *err)
{
	CAT_TRY(next(p, err));
	if (cat_lex_is_symbol(p->lx, "*"))
		return FAIL("only the aggregate count(*) takes '*', and aggregates of a table belong in an "
			    "aggregate list");
	return cat_lex_is_symbol(p->lx, ")") ? next(p, err) : parse_list(p, err);
}

/* The type of a CAST, by name. */
static int parse_type(struct parser *p, struct cat_type *t, struct cat_error *err)
{
	char *name;
	int rc = CAT_OK;

	if (p->lx->tok != CAT_TOK_NAME)
		return FAIL("the name of a type expected");
	CAT_TRY(cat_lex_string(p->lx, &name, err));
	memset(t, 0, sizeof *t);
	if (cat_equal_nocase(name, "timestamp")) {
		t->id = CAT_T_TIMESTAMP;
		t->unit = CAT_UNIT_US;
	} else if (cat_equal_nocase(name, "date")) {
		t->id = CAT_T_DATE32;
	} else if (!cat_type_parse(name, &t->id) || t->id == CAT_T_BINARY) {
		rc = FAIL("no type '%s' to cast to; try int64, float64, string, boolean, timestamp", name);
	}
	cat_free(name);
	CAT_TRY(rc);
	CAT_TRY(next(p, err));
	return cat_lex_is_word(p->lx, "PRECISION") && t->id == CAT_T_F64 ? next(p, err) : CAT_OK;
}

static int parse_cast(struct parser *p, enum cat_op op, int *out, struct cat_error *err)
{
	const int pos = p->lx->pos;
	const size_t base = p->nstack;
	struct cat_type type;
	int node;

	CAT_TRY(next(p, err));
	CAT_TRY(cat_lex_take(p->lx, "(", err));
	CAT_TRY(parse_prec(p, 1, &node, err));
	CAT_TRY(need_word(p, "AS", err));
	CAT_TRY(parse_type(p, &type, err));
	CAT_TRY(cat_lex_take(p->lx, ")", err));
	CAT_TRY(push(p, node, err));
	CAT_TRY(make(p, op, pos, base, out, err));
	p->e->nodes[*out].cast = type;
	return CAT_OK;
}

static int parse_case(struct parser *p, int *out, struct cat_error *err)
{
	const int pos = p->lx->pos;
	const size_t base = p->nstack;
	bool simple = false, has_else = false, any = false;
	int node, of = 0;

	CAT_TRY(next(p, err));
	if (!cat_lex_is_word(p->lx, "WHEN")) {
		simple = true;
		CAT_TRY(parse_prec(p, 1, &of, err));
	}
	while (cat_lex_is_word(p->lx, "WHEN")) {
		any = true;
		CAT_TRY(next(p, err));
		CAT_TRY(parse_prec(p, 1, &node, err));
		CAT_TRY(push(p, node, err));
		CAT_TRY(need_word(p, "THEN", err));
		CAT_TRY(parse_prec(p, 1, &node, err));
		CAT_TRY(push(p, node, err));
	}
	if (!any)
		return FAIL("WHEN expected");
	if (cat_lex_is_word(p->lx, "ELSE")) {
		has_else = true;
		CAT_TRY(next(p, err));
		CAT_TRY(parse_prec(p, 1, &node, err));
		CAT_TRY(push(p, node, err));
	}
	CAT_TRY(need_word(p, "END", err));
	if (simple)
		CAT_TRY(push(p, of, err));
	CAT_TRY(make(p, CAT_OP_CASE, pos, base, out, err));
	p->e->nodes[*out].simple = simple;
	p->e->nodes[*out].has_else = has_else;
	return CAT_OK;
}

/* DATE '...' and TIMESTAMP '...': a cast of the text. */
static int parse_typed_literal(struct parser *p, int pos, const char *type, int *out, struct cat_error *err)
{
	const size_t base = p->nstack;
	int node;

	CAT_TRY(parse_string(p, &node, err));
	CAT_TRY(push(p, node, err));
	CAT_TRY(make(p, CAT_OP_CAST, pos, base, out, err));
	p->e->nodes[*out].cast.id = cat_equal_nocase(type, "date") ? CAT_T_DATE32 : CAT_T_TIMESTAMP;
	p->e->nodes[*out].cast.unit = CAT_UNIT_US;
	return CAT_OK;
}

static int parse_name(struct parser *p, int *out, struct cat_error *err)
{
	const int pos = p->lx->pos;
	const size_t base = p->nstack;
	const bool bare = p->lx->tok == CAT_TOK_NAME;
	char *name;
	int rc;

	if (bare && cat_lex_reserved(p->lx->text + pos, p->lx->len))
		return FAIL("'%.*s' is a word of the language here; a column of that name needs \"%.*s\"",
			    p->lx->len, p->lx->text + pos, p->lx->len, p->lx->text + pos);
	CAT_TRY(cat_lex_string(p->lx, &name, err));
	rc = next(p, err);
	if (rc == CAT_OK && bare && p->lx->tok == CAT_TOK_STRING &&
	    (cat_equal_nocase(name, "date") || cat_equal_nocase(name, "timestamp"))) {
		rc = parse_typed_literal(p, pos, name, out, err);
		cat_free(name);
		return rc;
	}
	if (rc == CAT_OK && bare && cat_lex_is_symbol(p->lx, "(")) {
		rc = call_args(p, err);
		if (rc == CAT_OK)
			return make_named(p, CAT_OP_CALL, pos, base, name, out, err);
	}
	if (rc != CAT_OK) {
		cat_free(name);
		return rc;
	}
	return make_named(p, CAT_OP_NAME, pos, base, name, out, err);
}

static int parse_primary(struct parser *p, int *out, struct cat_error *err)
{
	const struct cat_lexer *lx = p->lx;

	if (lx->tok == CAT_TOK_NUMBER)
		return parse_number(p, false, lx->pos, out, err);
	if (lx->tok == CAT_TOK_STRING)
		return parse_string(p, out, err);
	if (cat_lex_is_symbol(lx, "(")) {
		CAT_TRY(next(p, err));
		CAT_TRY(parse_prec(p, 1, out, err));
		return cat_lex_take(p->lx, ")", err);
	}
	if (cat_lex_is_word(lx, "NULL"))
		return parse_word_literal(p, CAT_CLS_NULL, false, out, err);
	if (cat_lex_is_word(lx, "TRUE") || cat_lex_is_word(lx, "FALSE"))
		return parse_word_literal(p, CAT_CLS_BOOL, cat_lex_is_word(lx, "TRUE"), out, err);
	if (cat_lex_is_word(lx, "CASE"))
		return parse_case(p, out, err);
	if (cat_lex_is_word(lx, "CAST") || cat_lex_is_word(lx, "TRY_CAST"))
		return parse_cast(p, cat_lex_is_word(lx, "CAST") ? CAT_OP_CAST : CAT_OP_TRY_CAST, out, err);
	if (lx->tok == CAT_TOK_NAME || lx->tok == CAT_TOK_QUOTED)
		return parse_name(p, out, err);
	return lx->tok == CAT_TOK_END ? FAIL("the expression ends too early")
				      : FAIL("a value expected before '%.*s'", lx->len, lx->text + lx->pos);
}

/* x.name and x[i]. */
static int parse_postfix(struct parser *p, int *out, struct cat_error *err)
{
	const int pos = p->lx->pos;
	const size_t base = p->nstack;

	CAT_TRY(parse_primary(p, out, err));
	for (;;) {
		char *name;
		int node;

		if (cat_lex_is_symbol(p->lx, ".")) {
			CAT_TRY(next(p, err));
			if (p->lx->tok != CAT_TOK_NAME && p->lx->tok != CAT_TOK_QUOTED)
				return FAIL("the name of a field expected after '.'");
			CAT_TRY(push(p, *out, err));
			CAT_TRY(cat_lex_string(p->lx, &name, err));
			if (next(p, err) != CAT_OK) {
				cat_free(name);
				return (int)err->code;
			}
			CAT_TRY(make_named(p, CAT_OP_FIELD, pos, base, name, out, err));
		} else if (cat_lex_is_symbol(p->lx, "[")) {
			CAT_TRY(next(p, err));
			CAT_TRY(push(p, *out, err));
			CAT_TRY(parse_prec(p, 1, &node, err));
			CAT_TRY(cat_lex_take(p->lx, "]", err));
			CAT_TRY(push(p, node, err));
			CAT_TRY(make(p, CAT_OP_INDEX, pos, base, out, err));
		} else {
			return CAT_OK;
		}
	}
}

/* --- operators --- */

enum { P_OR = 1, P_AND, P_NOT, P_COMPARE, P_BITOR, P_BITXOR, P_BITAND, P_SHIFT, P_CONCAT, P_ADD, P_MUL, P_UNARY };

static const struct binary {
	const char *symbol;
	enum cat_op op;
	int prec;
} binaries[] = {
	{"=", CAT_OP_EQ, P_COMPARE},    {"==", CAT_OP_EQ, P_COMPARE},    {"<>", CAT_OP_NE, P_COMPARE},
	{"!=", CAT_OP_NE, P_COMPARE},   {"<", CAT_OP_LT, P_COMPARE},     {"<=", CAT_OP_LE, P_COMPARE},
	{">", CAT_OP_GT, P_COMPARE},    {">=", CAT_OP_GE, P_COMPARE},    {"|", CAT_OP_BITOR, P_BITOR},
	{"^", CAT_OP_BITXOR, P_BITXOR}, {"&", CAT_OP_BITAND, P_BITAND},  {"<<", CAT_OP_SHL, P_SHIFT},
	{">>", CAT_OP_SHR, P_SHIFT},    {"||", CAT_OP_CONCAT, P_CONCAT}, {"+", CAT_OP_ADD, P_ADD},
	{"-", CAT_OP_SUB, P_ADD},       {"*", CAT_OP_MUL, P_MUL},        {"/", CAT_OP_DIV, P_MUL},
	{"%", CAT_OP_REM, P_MUL},
};

static const struct binary *binary_here(const struct parser *p)
{
	for (size_t i = 0; i < sizeof binaries / sizeof *binaries; i++)
		if (cat_lex_is_symbol(p->lx, binaries[i].symbol))
			return &binaries[i];
	return NULL;
}

static int parse_prefix(struct parser *p, int *out, struct cat_error *err)
{
	const int pos = p->lx->pos;
	const size_t base = p->nstack;
	enum cat_op op = CAT_OP_NEG;
	int node, rc;

	if (cat_lex_is_word(p->lx, "NOT"))
		op = CAT_OP_NOT;
	else if (cat_lex_is_symbol(p->lx, "~"))
		op = CAT_OP_BITNOT;
	else if (!cat_lex_is_symbol(p->lx, "-") && !cat_lex_is_symbol(p->lx, "+"))
		return parse_postfix(p, out, err);
	else if (cat_lex_is_symbol(p->lx, "+"))
		op = CAT_OP_LITERAL; /* a sign that does nothing */
	CAT_TRY(next(p, err));
	if (op == CAT_OP_NEG && p->lx->tok == CAT_TOK_NUMBER)
		return parse_number(p, true, pos, out, err);
	if (++p->nesting > MAX_NESTING)
		return FAIL("expression nested too deeply");
	rc = parse_prec(p, op == CAT_OP_NOT ? P_NOT : P_UNARY, &node, err);
	p->nesting--;
	CAT_TRY(rc);
	if (op == CAT_OP_LITERAL) {
		*out = node;
		return CAT_OK;
	}
	CAT_TRY(push(p, node, err));
	return make(p, op, pos, base, out, err);
}

/* IS [NOT] NULL, TRUE, FALSE. */
static int parse_is(struct parser *p, int pos, int left, int *out, struct cat_error *err)
{
	const size_t base = p->nstack;
	enum cat_op op = CAT_OP_IS_NULL;
	bool negated;

	CAT_TRY(next(p, err));
	negated = cat_lex_is_word(p->lx, "NOT");
	if (negated)
		CAT_TRY(next(p, err));
	if (cat_lex_is_word(p->lx, "TRUE"))
		op = CAT_OP_IS_TRUE;
	else if (cat_lex_is_word(p->lx, "FALSE"))
		op = CAT_OP_IS_FALSE;
	else if (!cat_lex_is_word(p->lx, "NULL"))
		return FAIL("NULL, TRUE or FALSE expected after IS");
	CAT_TRY(next(p, err));
	CAT_TRY(push(p, left, err));
	CAT_TRY(make(p, op, pos, base, out, err));
	p->e->nodes[*out].negated = negated;
	return CAT_OK;
}

/* [NOT] IN, BETWEEN, LIKE, ILIKE; the token at hand is the word after NOT. */
static int parse_predicate(struct parser *p, int pos, int left, bool negated, int *out, struct cat_error *err)
{
	const size_t base = p->nstack;
	enum cat_op op;
	int node;

	CAT_TRY(push(p, left, err));
	if (cat_lex_is_word(p->lx, "IN")) {
		op = CAT_OP_IN;
		CAT_TRY(next(p, err));
		CAT_TRY(cat_lex_take(p->lx, "(", err));
		CAT_TRY(parse_list(p, err));
	} else if (cat_lex_is_word(p->lx, "BETWEEN")) {
		op = CAT_OP_BETWEEN;
		CAT_TRY(next(p, err));
		CAT_TRY(parse_prec(p, P_BITOR, &node, err));
		CAT_TRY(push(p, node, err));
		CAT_TRY(need_word(p, "AND", err));
		CAT_TRY(parse_prec(p, P_BITOR, &node, err));
		CAT_TRY(push(p, node, err));
	} else if (cat_lex_is_word(p->lx, "LIKE") || cat_lex_is_word(p->lx, "ILIKE")) {
		op = cat_lex_is_word(p->lx, "LIKE") ? CAT_OP_LIKE : CAT_OP_ILIKE;
		CAT_TRY(next(p, err));
		CAT_TRY(parse_prec(p, P_BITOR, &node, err));
		CAT_TRY(push(p, node, err));
		if (cat_lex_is_word(p->lx, "ESCAPE")) {
			CAT_TRY(next(p, err));
			CAT_TRY(parse_prec(p, P_BITOR, &node, err));
			CAT_TRY(push(p, node, err));
		}
	} else {
		return FAIL("IN, BETWEEN, LIKE or ILIKE expected after NOT");
	}
	CAT_TRY(make(p, op, pos, base, out, err));
	p->e->nodes[*out].negated = negated;
	return CAT_OK;
}

static bool predicate_here(const struct parser *p)
{
	return cat_lex_is_word(p->lx, "NOT") || cat_lex_is_word(p->lx, "IN") ||
	       cat_lex_is_word(p->lx, "BETWEEN") || cat_lex_is_word(p->lx, "LIKE") ||
	       cat_lex_is_word(p->lx, "ILIKE");
}

/* AND and OR of any number of operands are one node each: long lists of conditions stay shallow. */
static int parse_logic(struct parser *p, int pos, int prec, int *out, struct cat_error *err)
{
	const size_t base = p->nstack;
	const char *word = prec == P_OR ? "OR" : "AND";

	CAT_TRY(push(p, *out, err));
	while (cat_lex_is_word(p->lx, word)) {
		int node;

		CAT_TRY(next(p, err));
		CAT_TRY(parse_prec(p, prec + 1, &node, err));
		CAT_TRY(push(p, node, err));
	}
	return make(p, prec == P_OR ? CAT_OP_OR : CAT_OP_AND, pos, base, out, err);
}

/* One step of the loop of parse_prec; *MORE false: the token at hand does not go on with this expression. */
static int parse_infix(struct parser *p, int min, int pos, int *out, bool *more, struct cat_error *err)
{
	const struct binary *b = binary_here(p);
	const size_t base = p->nstack;

	*more = true;
	if (b && b->prec >= min) {
		int right;

		CAT_TRY(push(p, *out, err));
		CAT_TRY(next(p, err));
		CAT_TRY(parse_prec(p, b->prec + 1, &right, err));
		CAT_TRY(push(p, right, err));
		return make(p, b->op, pos, base, out, err);
	}
	if (min <= P_COMPARE && cat_lex_is_word(p->lx, "IS"))
		return parse_is(p, pos, *out, out, err);
	if (min <= P_COMPARE && predicate_here(p)) {
		const bool negated = cat_lex_is_word(p->lx, "NOT");

		if (negated)
			CAT_TRY(next(p, err));
		return parse_predicate(p, pos, *out, negated, out, err);
	}
	if (min <= P_AND && cat_lex_is_word(p->lx, "AND"))
		return parse_logic(p, pos, P_AND, out, err);
	if (min <= P_OR && cat_lex_is_word(p->lx, "OR"))
		return parse_logic(p, pos, P_OR, out, err);
	*more = false;
	return CAT_OK;
}

/* An expression of operators that bind at least as tightly as MIN. */
static int parse_prec(struct parser *p, int min, int *out, struct cat_error *err)
{
	const int pos = p->lx->pos;
	bool more = true;
	int rc;

	if (++p->nesting > MAX_NESTING)
		return FAIL("expression nested too deeply");
	rc = parse_prefix(p, out, err);
	while (rc == CAT_OK && more)
		rc = parse_infix(p, min, pos, out, &more, err);
	p->nesting--;
	return rc;
}

int cat_expr_parse_at(struct cat_lexer *lx, struct cat_expr **out, struct cat_error *err)
{
	struct parser p = {.lx = lx};
	struct cat_expr *e = cat_calloc(1, sizeof *e);
	int rc = CAT_OK;

	if (e)
		e->text = cat_strdup(lx->text);
	if (!e || !e->text)
		rc = cat_fail_mem(err, sizeof *e);
	p.e = e;
	if (rc == CAT_OK)
		rc = parse_prec(&p, 1, &e->root, err);
	if (rc == CAT_OK)
		e->nparsed = e->nargs;
	cat_free(p.stack);
	if (rc != CAT_OK) {
		cat_expr_free(e);
		return rc;
	}
	*out = e;
	return CAT_OK;
}

int cat_expr_parse(const char *text, struct cat_expr **out, struct cat_error *err)
{
	struct cat_lexer lx;
	struct cat_expr *e;
	int rc;

	CAT_TRY(cat_lex_begin(&lx, text, err));
	if (lx.tok == CAT_TOK_END)
		return cat_expr_fail(err, CAT_E_USAGE, text, 0, 0, "an empty expression");
	CAT_TRY(cat_expr_parse_at(&lx, &e, err));
	rc = CAT_OK;
	if (lx.tok != CAT_TOK_END)
		rc = cat_expr_fail(err, CAT_E_USAGE, text, lx.pos, lx.len,
				   "'%.*s' does not go on with the expression", lx.len, text + lx.pos);
	if (rc != CAT_OK) {
		cat_expr_free(e);
		return rc;
	}
	*out = e;
	return CAT_OK;
}

void cat_expr_free(struct cat_expr *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->nnodes; i++) {
		cat_free(e->nodes[i].str);
		cat_column_unref(e->nodes[i].value);
		cat_column_unref(e->nodes[i].set);
	}
	cat_free(e->nodes);
	cat_free(e->args);
	cat_free(e->text);
	cat_schema_unref(e->schema);
	cat_free(e);
}
