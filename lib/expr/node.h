/* node -- inside of expressions: tokens, tree, vectors, kernels. Only lib/expr includes it.
 *
 * Layer: expr. The tree lives in one array, children in a pool of argument slots, so that a tree is freed
 * as one and never recursed over to be freed. Depth is capped where nodes are made.
 */
#ifndef CAT_EXPR_NODE_H
#define CAT_EXPR_NODE_H

#include <string.h>

#include "expr/expr.h"

__extension__ typedef __int128 cat_i128;
__extension__ typedef unsigned __int128 cat_u128;

/* --- tokens --- */

enum cat_tok { CAT_TOK_END, CAT_TOK_NAME, CAT_TOK_QUOTED, CAT_TOK_NUMBER, CAT_TOK_STRING, CAT_TOK_SYMBOL };
/* The token at hand, and where the next one begins. Positions are bytes of TEXT. */
struct cat_lexer {
	const char *text;
	enum cat_tok tok;
	int pos, len; /* of the token */
	int next;
};
/* Goes to the first token of TEXT, which must be UTF-8 of at most 1 MiB and outlive the lexer. */
CAT_MUST_USE int cat_lex_begin(struct cat_lexer *lx, const char *text, struct cat_error *err);
/* Moves on to the next token. */
CAT_MUST_USE int cat_lex_next(struct cat_lexer *lx, struct cat_error *err);
bool cat_lex_is_symbol(const struct cat_lexer *lx, const char *s);
/* A bare name equal to WORD (upper case) without case. */
bool cat_lex_is_word(const struct cat_lexer *lx, const char *word);
/* Takes the symbol or fails naming it. */
CAT_MUST_USE int cat_lex_take(struct cat_lexer *lx, const char *symbol, struct cat_error *err);
/* The name or string token unquoted, as a new string. */
CAT_MUST_USE int cat_lex_string(const struct cat_lexer *lx, char **out, struct cat_error *err);
/* Whether a bare name is a word of the grammar and needs quotes as a column. */
bool cat_lex_reserved(const char *s, int len);
/* Name to TEXT, quoted when it must be. */
void cat_lex_quote(const char *name, struct cat_text *out);
/* CAT_E_USAGE with a caret under LEN bytes at POS of TEXT in the detail. */
CAT_PRINTF(6, 7)
int cat_expr_fail(struct cat_error *err, enum cat_code code, const char *text, int pos, int len, const char *fmt,
		  ...);
/* Puts the caret under an error that is there already. Returns err->code. */
int cat_expr_point(struct cat_error *err, const char *text, int pos, int len);

/* --- types of values --- */

enum cat_cls {
	CAT_CLS_NULL, /* the constant NULL: fits everywhere */
	CAT_CLS_BOOL,
	CAT_CLS_I64,
	CAT_CLS_U64,
	CAT_CLS_F32,
	CAT_CLS_F64,
	CAT_CLS_TEXT,
	CAT_CLS_TIME,  /* timestamp or date: int64 in a unit once coerced */
	CAT_CLS_OTHER, /* passed through, IS NULL */
	CAT_CLS_STRUCT,
	CAT_CLS_SHAPE, /* POINT, CIRCLE, BOX: only arguments of region functions */
	CAT_CLS_ANY,   /* as a wish: leave as it is */
};
struct cat_ty {
	enum cat_cls cls; /* of the elements when it is a list */
	bool list;
	enum cat_unit unit;            /* TIME: of the values; dates count as seconds */
	const struct cat_field *field; /* a column's or nested field's own, else NULL */
	bool wrap;                     /* it is a list of that field: a field of a list of structs */
};

/* --- tree --- */

enum cat_op {
	CAT_OP_LITERAL,
	CAT_OP_NAME,
	CAT_OP_FIELD,
	CAT_OP_INDEX,
	CAT_OP_NEG,
	CAT_OP_BITNOT,
	CAT_OP_ADD,
	CAT_OP_SUB,
	CAT_OP_MUL,
	CAT_OP_DIV,
	CAT_OP_REM,
	CAT_OP_BITAND,
	CAT_OP_BITOR,
	CAT_OP_BITXOR,
	CAT_OP_SHL,
	CAT_OP_SHR,
	CAT_OP_CONCAT,
	CAT_OP_EQ,
	CAT_OP_NE,
	CAT_OP_LT,
	CAT_OP_LE,
	CAT_OP_GT,
	CAT_OP_GE,
	CAT_OP_AND,
	CAT_OP_OR,
	CAT_OP_NOT,
	CAT_OP_IN,
	CAT_OP_BETWEEN,
	CAT_OP_IS_NULL,
	CAT_OP_IS_TRUE,
	CAT_OP_IS_FALSE,
	CAT_OP_LIKE,
	CAT_OP_ILIKE,
	CAT_OP_CASE,
	CAT_OP_CAST,
	CAT_OP_TRY_CAST,
	CAT_OP_CALL
};

/* A column of values, or one value that stands for every row. */
struct cat_vec {
	struct cat_column *c;
	bool one;
};
struct cat_eval;
struct cat_node;
/* Coerced arguments in, one new column out: OUT->c has N rows, or one when OUT->one. */
typedef int cat_kernel(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
		       struct cat_vec *out, struct cat_error *err);

/* One row of the function table. */
struct cat_func {
	const char *name; /* upper case */
	/* A letter per argument: n number as float64, s number as it is, i integer, t text, T anything made text,
	 * a any value, l list, B list of booleans; '*' repeats the one before, '?' begins the optional ones. */
	const char *args;
	/* d float64, s the first argument's class, m what arithmetic gives, c what all arguments fit into,
	 * i integer, t text, b boolean, e a list's element, q a sum of elements, p bind_call.c knows the shape. */
	char gives;
	int code; /* which of the kernel's functions */
	cat_kernel *kernel;
};
const struct cat_func *cat_func_find(const char *name);
/* Row I of the table, NULL past the end. */
const struct cat_func *cat_func_row(size_t i);

struct cat_arg {
	int node;
	enum cat_cls want; /* what the kernel is given */
};
struct cat_node {
	enum cat_op op;
	int pos, len; /* in the text */
	int depth;
	int arg0, nargs;
	bool negated;  /* NOT IN, NOT LIKE, IS NOT NULL */
	bool simple;   /* CASE x WHEN value: x is the last argument */
	bool has_else; /* CASE: follows the pairs of condition and result */
	bool skipped;  /* part of a dotted name that is one column: never evaluated */
	char *str;     /* name, field, text literal, function or type name */
	struct cat_type cast;
	/* literal */
	enum cat_cls lit;
	int64_t i64;
	double f64;
	/* set by bind */
	struct cat_ty ty;
	int col;        /* NAME, FIELD of a dotted name: column of the schema; else -1 */
	int child;      /* FIELD: which child */
	bool constant;  /* reads no column */
	int use0, nuse; /* arguments as evaluated: the parsed ones, or shapes taken apart */
	bool lift;      /* an argument is a list: the kernel sees its elements */
	const struct cat_func *func;
	cat_kernel *kernel;
	enum cat_unit unit;       /* in which TIME arguments are coerced */
	struct cat_column *value; /* of a constant, one row */
	struct cat_column *set;   /* IN: sorted constants, coerced, without nulls */
	bool set_null;            /* IN: a NULL is among them */
};
struct cat_expr {
	char *text; /* the whole text it was cut from, for carets */
	struct cat_node *nodes;
	size_t nnodes, cap_nodes;
	struct cat_arg *args;
	size_t nargs, cap_args;
	size_t nparsed; /* of the arguments: bind appends its own */
	int root;
	struct cat_schema *schema; /* bound to */
};
static inline const struct cat_node *cat_expr_arg(const struct cat_expr *e, const struct cat_node *nd, int k)
{
	return &e->nodes[e->args[nd->arg0 + k].node];
}
static inline const struct cat_node *cat_expr_use(const struct cat_expr *e, const struct cat_node *nd, int k)
{
	return &e->nodes[e->args[nd->use0 + k].node];
}
/* [AS name]; *NAME stays NULL when there is none. */
CAT_MUST_USE int cat_select_parse_as(struct cat_lexer *lx, char **name, struct cat_error *err);
/* One expression from the lexer's place to the first token that cannot belong to it. */
CAT_MUST_USE int cat_expr_parse_at(struct cat_lexer *lx, struct cat_expr **out, struct cat_error *err);

/* --- evaluation --- */

struct cat_eval {
	const struct cat_expr *e;
	const struct cat_batch *b; /* NULL while constants are folded */
	int64_t n;
	const uint8_t *active; /* rows whose failure counts; NULL: all */
	bool lifted;           /* rows are elements of lists */
};
/* The node over all rows of ev->b. */
CAT_MUST_USE int cat_eval_node(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *out,
			       struct cat_error *err);
/* The node with arguments that are there already: coerced and lifted over lists. Takes over A's columns. */
CAT_MUST_USE int cat_eval_apply(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int na,
				struct cat_vec *out, struct cat_error *err);
static inline bool cat_eval_active(const struct cat_eval *ev, int64_t i)
{
	return !ev->active || cat_bit_get(ev->active, i);
}

/* vectors (vec.c) */
static inline void cat_vec_drop(struct cat_vec *v)
{
	cat_column_unref(v->c);
	v->c = NULL;
}
enum cat_cls cat_cls_of(const struct cat_type *t);
struct cat_type cat_cls_type(enum cat_cls cls, enum cat_unit unit);
const char *cat_cls_name(enum cat_cls cls);
/* Row I of a DECIMAL128 column, unscaled. */
cat_i128 cat_decimal_at(const struct cat_column *c, int64_t i);
/* N uninitialised values of a fixed-width type or bits (zeroed), no validity. */
CAT_MUST_USE int cat_vec_fixed(struct cat_type type, int64_t n, struct cat_vec *out, struct cat_error *err);
/* One null that stands for every row. */
CAT_MUST_USE int cat_vec_null(struct cat_type type, struct cat_vec *out, struct cat_error *err);
/* Changes V to the class; UNIT matters for TIME. */
CAT_MUST_USE int cat_vec_coerce(struct cat_eval *ev, struct cat_vec *v, enum cat_cls cls, enum cat_unit unit,
				struct cat_error *err);
/* OUT's validity: rows where every one of A is valid. */
CAT_MUST_USE int cat_vec_valid_and(const struct cat_vec *a, int na, int64_t n, struct cat_column *out,
				   struct cat_error *err);
/* Clears row I's bit, making the bitmap when there is none. */
CAT_MUST_USE int cat_vec_set_null(struct cat_column *c, int64_t i, struct cat_error *err);
/* Drops the bitmap when nothing is null, else counts. */
void cat_vec_settle(struct cat_column *c);
/* A single value as N rows. */
CAT_MUST_USE int cat_vec_spread(struct cat_vec *v, int64_t n, struct cat_error *err);
/* Row i of the result is row i of branch WHICH[i] (< 0: null). All branches have one type. */
CAT_MUST_USE int cat_vec_choose(struct cat_vec *branch, int nb, const int32_t *which, int64_t n,
				struct cat_vec *out, struct cat_error *err);
/* Row i of a fixed column that may be single. */
#define CAT_AT(v, T, i) (CAT_VALUES((v).c, T)[(v).one ? 0 : (i)])
static inline bool cat_vec_valid(const struct cat_vec *v, int64_t i)
{
	return cat_column_valid(v->c, v->one ? 0 : i);
}
static inline bool cat_vec_all_valid(const struct cat_vec *a, int na, int64_t i)
{
	for (int k = 0; k < na; k++)
		if (!cat_vec_valid(&a[k], i))
			return false;
	return true;
}
/* Elements of row I of a list column: [*FROM, *TO) of its child. */
static inline void cat_list_bounds(const struct cat_column *c, int64_t i, int64_t *from, int64_t *to)
{
	if (c->type.id == CAT_T_FIXED_LIST) {
		*from = i * c->type.width;
		*to = *from + c->type.width;
	} else {
		*from = cat_column_offsets(c)[i];
		*to = cat_column_offsets(c)[i + 1];
	}
}
static inline const char *cat_vec_text(const struct cat_vec *v, int64_t i, int32_t *len)
{
	return cat_column_text(v->c, v->one ? 0 : i, len);
}
/* "row 7" or "element 7" and so on for messages. */
CAT_PRINTF(4, 5)
int cat_eval_fail(const struct cat_eval *ev, int64_t i, struct cat_error *err, const char *fmt, ...);

/* times (when.c) */
/* Days since 1970-01-01 of a date in the proleptic Gregorian calendar. */
int64_t cat_when_days(int64_t y, int m, int d);
/* ISO 8601 date, or date and time, UTC: microseconds and so on in UNIT. DIGITS: of the fraction, may be NULL. */
bool cat_when_parse(const char *s, size_t n, enum cat_unit unit, int64_t *out, int *digits);
/* ISO text of VALUE in UNIT; DATE_ONLY leaves out the time. OUT holds 64 bytes. Returns the length. */
size_t cat_when_format(int64_t value, enum cat_unit unit, bool date_only, char *out);
int64_t cat_when_per_second(enum cat_unit unit);

/* casts (cast.c) */
cat_kernel cat_kernel_cast;

/* kernels; which ones a node gets is bind.c's and func.c's business */
cat_kernel cat_kernel_neg, cat_kernel_bitnot, cat_kernel_arith, cat_kernel_bits, cat_kernel_compare,
	cat_kernel_logic, cat_kernel_not, cat_kernel_is_null, cat_kernel_is_bool, cat_kernel_between,
	cat_kernel_in, cat_kernel_isnan, cat_kernel_math1, cat_kernel_math2, cat_kernel_same1, cat_kernel_round,
	cat_kernel_extreme, cat_kernel_nullif, cat_kernel_concat, cat_kernel_like, cat_kernel_case_text,
	cat_kernel_length, cat_kernel_substring, cat_kernel_trim, cat_kernel_replace, cat_kernel_starts,
	cat_kernel_distance, cat_kernel_circle, cat_kernel_box, cat_kernel_list, cat_kernel_index, cat_kernel_pi;
/* x OP y is y OP' x. */
static inline enum cat_op cat_op_mirrored(enum cat_op op)
{
	return op == CAT_OP_LT   ? CAT_OP_GT
	       : op == CAT_OP_LE ? CAT_OP_GE
	       : op == CAT_OP_GT ? CAT_OP_LT
	       : op == CAT_OP_GE ? CAT_OP_LE
				 : op;
}
/* Comparison OP of two coerced vectors of N rows: a BOOL column, unknown where NULL or NaN. */
CAT_MUST_USE int cat_compare(enum cat_op op, const struct cat_vec *a, const struct cat_vec *b, int64_t n,
			     struct cat_vec *out, struct cat_error *err);
/* LIKE of one text. ESCAPE < 0: none. */
bool cat_like_match(const char *s, size_t n, const char *pat, size_t npat, int escape, bool nocase);
/* A text that others may begin with. */
struct cat_probe {
	uint64_t word, mask; /* its first eight bytes */
	const char *s;
	int32_t len;
};
static inline void cat_probe_init(struct cat_probe *p, const char *s, int32_t len)
{
	*p = (struct cat_probe){.s = s, .len = len};
	memcpy(&p->word, s, len < 8 ? (size_t)len : 8);
	memset(&p->mask, 0xff, len < 8 ? (size_t)len : 8);
}
/* Whether the N bytes at S begin with it. Eight bytes are read at S even when N is less: only for text in
 * padded buffers. */
static inline bool cat_probe_starts(const struct cat_probe *p, const char *s, int32_t n)
{
	uint64_t w;
	bool hit;

	memcpy(&w, s, 8);
	hit = (n >= p->len) & ((w & p->mask) == p->word);
	if (p->len <= 8)
		return hit;
	return hit && memcmp(s + 8, p->s + 8, (size_t)p->len - 8) == 0;
}
/* -1, 0, 1 by bytes. */
int cat_text_order(const char *a, size_t na, const char *b, size_t nb);

#endif
