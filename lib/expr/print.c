#include "expr/node.h"

static void print(const struct cat_expr *e, int i, struct cat_text *out);

static void print_arg(const struct cat_expr *e, const struct cat_node *nd, int k, struct cat_text *out)
{
	print(e, e->args[nd->arg0 + k].node, out);
}

static void print_list(const struct cat_expr *e, const struct cat_node *nd, int from, struct cat_text *out)
{
	cat_text_addc(out, '(');
	for (int k = from; k < nd->nargs; k++) {
		if (k > from)
			cat_text_add(out, ", ");
		print_arg(e, nd, k, out);
	}
	cat_text_addc(out, ')');
}

static void print_literal(const struct cat_node *nd, struct cat_text *out)
{
	char number[CAT_NUMBER_MAX];

	switch ((int)nd->lit) {
	case CAT_CLS_NULL:
		cat_text_add(out, "NULL");
		break;
	case CAT_CLS_BOOL:
		cat_text_add(out, nd->i64 ? "TRUE" : "FALSE");
		break;
	case CAT_CLS_TEXT:
		cat_text_addc(out, '\'');
		for (const char *s = nd->str; *s; s++) {
			if (*s == '\'')
				cat_text_addc(out, '\'');
			cat_text_addc(out, *s);
		}
		cat_text_addc(out, '\'');
		break;
	default:
		if (nd->lit == CAT_CLS_F64 && nd->f64 - nd->f64 != 0)
			cat_text_add(out, nd->f64 > 0 ? "1e999" : "-1e999");
		else
			cat_text_addn(out, number,
				      nd->lit == CAT_CLS_F64   ? cat_format_f64(nd->f64, number)
				      : nd->lit == CAT_CLS_U64 ? cat_format_u64((uint64_t)nd->i64, number)
							       : cat_format_i64(nd->i64, number));
	}
}

static void print_case(const struct cat_expr *e, const struct cat_node *nd, struct cat_text *out)
{
	const int pairs = nd->nargs - nd->has_else - nd->simple;

	cat_text_add(out, "CASE");
	if (nd->simple) {
		cat_text_addc(out, ' ');
		print_arg(e, nd, nd->nargs - 1, out);
	}
	for (int k = 0; k < pairs; k += 2) {
		cat_text_add(out, " WHEN ");
		print_arg(e, nd, k, out);
		cat_text_add(out, " THEN ");
		print_arg(e, nd, k + 1, out);
	}
	if (nd->has_else) {
		cat_text_add(out, " ELSE ");
		print_arg(e, nd, pairs, out);
	}
	cat_text_add(out, " END");
}

static void print_cast(const struct cat_expr *e, const struct cat_node *nd, struct cat_text *out)
{
	const struct cat_field f = {.type = nd->cast};

	cat_text_add(out, nd->op == CAT_OP_CAST ? "CAST(" : "TRY_CAST(");
	print_arg(e, nd, 0, out);
	cat_text_add(out, " AS ");
	if (nd->cast.id == CAT_T_TIMESTAMP)
		cat_text_add(out, "timestamp");
	else
		cat_type_text(&f, out);
	cat_text_addc(out, ')');
}

/* Operators between operands, always in brackets below the top: nobody has to know how tightly they bind. */
static void print_operator(const struct cat_expr *e, const struct cat_node *nd, struct cat_text *out)
{
	static const char *const infix[] = {
		[CAT_OP_ADD] = "+",       [CAT_OP_SUB] = "-",
		[CAT_OP_MUL] = "*",       [CAT_OP_DIV] = "/",
		[CAT_OP_REM] = "%",       [CAT_OP_BITAND] = "&",
		[CAT_OP_BITOR] = "|",     [CAT_OP_BITXOR] = "^",
		[CAT_OP_SHL] = "<<",      [CAT_OP_SHR] = ">>",
		[CAT_OP_CONCAT] = "||",   [CAT_OP_EQ] = "=",
		[CAT_OP_NE] = "<>",       [CAT_OP_LT] = "<",
		[CAT_OP_LE] = "<=",       [CAT_OP_GT] = ">",
		[CAT_OP_GE] = ">=",       [CAT_OP_AND] = "AND",
		[CAT_OP_OR] = "OR",       [CAT_OP_LIKE] = "LIKE",
		[CAT_OP_ILIKE] = "ILIKE", [CAT_OP_BETWEEN] = "BETWEEN",
		[CAT_OP_IN] = "IN",
	};

	print_arg(e, nd, 0, out);
	if (nd->negated)
		cat_text_add(out, " NOT");
	cat_text_addf(out, " %s ", infix[nd->op]);
	if (nd->op == CAT_OP_IN) {
		print_list(e, nd, 1, out);
		return;
	}
	print_arg(e, nd, 1, out);
	for (int k = 2; k < nd->nargs; k++) {
		cat_text_addf(out, " %s ",
			      nd->op == CAT_OP_BETWEEN                          ? "AND"
			      : nd->op == CAT_OP_LIKE || nd->op == CAT_OP_ILIKE ? "ESCAPE"
										: infix[nd->op]);
		print_arg(e, nd, k, out);
	}
}

static bool stands_alone(const struct cat_node *nd)
{
	return nd->op == CAT_OP_LITERAL || nd->op == CAT_OP_NAME || nd->op == CAT_OP_FIELD ||
	       nd->op == CAT_OP_INDEX || nd->op == CAT_OP_CASE || nd->op == CAT_OP_CAST ||
	       nd->op == CAT_OP_TRY_CAST || nd->op == CAT_OP_CALL;
}

static void print_plain(const struct cat_expr *e, const struct cat_node *nd, struct cat_text *out)
{
	switch ((int)nd->op) {
	case CAT_OP_LITERAL:
		print_literal(nd, out);
		break;
	case CAT_OP_NAME:
		cat_lex_quote(nd->str, out);
		break;
	case CAT_OP_FIELD:
		/* A number would swallow the dot. */
		if (cat_expr_arg(e, nd, 0)->op == CAT_OP_LITERAL)
			cat_text_addc(out, '(');
		print_arg(e, nd, 0, out);
		cat_text_add(out, cat_expr_arg(e, nd, 0)->op == CAT_OP_LITERAL ? ")." : ".");
		cat_lex_quote(nd->str, out);
		break;
	case CAT_OP_INDEX:
		print_arg(e, nd, 0, out);
		cat_text_addc(out, '[');
		print_arg(e, nd, 1, out);
		cat_text_addc(out, ']');
		break;
	case CAT_OP_CALL:
		for (const char *s = nd->str; *s; s++)
			cat_text_addc(out, *s >= 'A' && *s <= 'Z' ? (char)(*s + 32) : *s);
		print_list(e, nd, 0, out);
		break;
	case CAT_OP_CASE:
		print_case(e, nd, out);
		break;
	case CAT_OP_CAST:
	case CAT_OP_TRY_CAST:
		print_cast(e, nd, out);
		break;
	case CAT_OP_NEG:
	case CAT_OP_BITNOT:
	case CAT_OP_NOT:
		/* The brackets keep a minus from becoming part of a number. */
		cat_text_add(out, nd->op == CAT_OP_NEG ? "-(" : nd->op == CAT_OP_NOT ? "NOT " : "~");
		print_arg(e, nd, 0, out);
		if (nd->op == CAT_OP_NEG)
			cat_text_addc(out, ')');
		break;
	case CAT_OP_IS_NULL:
	case CAT_OP_IS_TRUE:
	case CAT_OP_IS_FALSE:
		print_arg(e, nd, 0, out);
		cat_text_addf(out, " IS %s%s", nd->negated ? "NOT " : "",
			      nd->op == CAT_OP_IS_NULL   ? "NULL"
			      : nd->op == CAT_OP_IS_TRUE ? "TRUE"
							 : "FALSE");
		break;
	default:
		print_operator(e, nd, out);
	}
}

static void print(const struct cat_expr *e, int i, struct cat_text *out)
{
	const struct cat_node *nd = &e->nodes[i];
	const bool bare = stands_alone(nd) || i == e->root;

	if (!bare)
		cat_text_addc(out, '(');
	print_plain(e, nd, out);
	if (!bare)
		cat_text_addc(out, ')');
}

void cat_expr_text(const struct cat_expr *e, struct cat_text *out)
{
	print(e, e->root, out);
}
