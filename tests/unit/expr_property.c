/* Random typed expressions: the vector kernels against an interpreter of one row that shares nothing with
 * them, and pruning against what the rows then answer. */
#include "unit.h"

#include <math.h>
#include <stdio.h>

#include "columnar/builder.h"
#include "expr/expr.h"
#include "expr/prune.h"

enum kind { INT, FLT, TXT, BOO };
struct val {
	enum kind kind;
	bool null;
	int64_t i; /* INT, BOO */
	double d;
	char s[256];
};
struct tree {
	enum kind kind;
	char op; /* one letter; see eval */
	int cmp; /* comparison: 0..5 */
	int col;
	struct val lit;
	struct tree *a, *b, *c;
};

enum { ROWS = 200, COLS = 9 };
static const struct {
	const char *name;
	enum cat_type_id id;
	enum kind kind;
} cols[COLS] = {{"i", CAT_T_I64, INT},  {"j", CAT_T_I16, INT},  {"k", CAT_T_U8, INT},
		{"x", CAT_T_F64, FLT},  {"y", CAT_T_F64, FLT},  {"s", CAT_T_UTF8, TXT},
		{"t", CAT_T_UTF8, TXT}, {"b", CAT_T_BOOL, BOO}, {"p", CAT_T_BOOL, BOO}};
static const char *const cmps[] = {"=", "<>", "<", "<=", ">", ">="};
static struct val cells[COLS][ROWS];
static struct tree pool[400];
static int used;
static uint64_t seed;

static unsigned rnd(unsigned n)
{
	seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
	return (unsigned)(seed >> 33) % n;
}

static struct val random_value(enum kind k, bool small)
{
	static const char *const words[] = {"",     "a",  "ab", "abc", "b", "Ba", "a%c", "\xc3\xa9t\xc3\xa9",
					    "abab", "x_y"};
	struct val v = {.kind = k};

	v.i = k == BOO ? (int64_t)rnd(2) : small ? (int64_t)rnd(10) : (int64_t)rnd(40) - 20;
	v.d = rnd(8) == 0 ? 0.0 : ((double)rnd(4000) - 2000) / 16;
	strcpy(v.s, words[rnd(10)]);
	return v;
}

/* --- trees --- */

static struct tree *grow(enum kind k, int depth);

static struct tree *leaf(enum kind k)
{
	struct tree *t = &pool[used++];
	int at = (int)rnd(COLS);

	memset(t, 0, sizeof *t);
	t->kind = k;
	t->op = 'l';
	t->lit = random_value(k, false);
	t->lit.null = rnd(12) == 0;
	if (rnd(4) == 0)
		return t;
	while (cols[at].kind != k)
		at = (at + 1) % COLS;
	t->op = 'c';
	t->col = at;
	return t;
}

static struct tree *node(enum kind k, char op, struct tree *a, struct tree *b, struct tree *c)
{
	struct tree *t = &pool[used++];

	memset(t, 0, sizeof *t);
	t->kind = k;
	t->op = op;
	t->a = a;
	t->b = b;
	t->c = c;
	return t;
}

static struct tree *grow_bool(int d)
{
	static const char ops[] = "AONZBEILT===";
	const char op = ops[rnd(sizeof ops - 1)];
	const enum kind k = (enum kind)rnd(3);
	struct tree *t;

	switch (op) {
	case 'A':
	case 'O':
		return node(BOO, op, grow(BOO, d), grow(BOO, d), NULL);
	case 'N':
	case 'T':
		return node(BOO, op, grow(BOO, d), NULL, NULL);
	case 'Z':
		return node(BOO, op, grow(k, d), NULL, NULL);
	case 'B':
	case 'E':
		return node(BOO, op, grow(k, d), grow(k, d), grow(k, d));
	case 'I':
		return node(BOO, op, grow(k, d), leaf(k), leaf(k));
	case 'L':
		t = node(BOO, op, grow(TXT, d), NULL, NULL);
		t->cmp = (int)rnd(8);
		return t;
	default:
		t = node(BOO, '=', grow(k, d), grow(k == FLT && rnd(2) ? INT : k, d), NULL);
		t->cmp = (int)rnd(6);
		return t;
	}
}

static struct tree *grow(enum kind k, int depth)
{
	static const char ints[] = "+-%aC?ngkm&|", floats[] = "+-*/aC?ngkm", texts[] = "uC?sjg";
	char op;

	if (depth <= 0 || rnd(6) == 0)
		return leaf(k);
	if (k == BOO)
		return grow_bool(depth - 1);
	op = k == INT   ? ints[rnd(sizeof ints - 1)]
	     : k == FLT ? floats[rnd(sizeof floats - 1)]
			: texts[rnd(sizeof texts - 1)];
	switch (op) {
	case 'C':
		return node(k, op, grow(BOO, depth - 1), grow(k, depth - 1), grow(k, depth - 1));
	case 'a':
	case 'n':
	case 'u':
	case 's':
		return node(k, op, grow(k, depth - 1), NULL, NULL);
	case 'm':
		return k == INT ? node(k, 'L', grow(TXT, depth - 1), NULL, NULL)
				: node(k, '+', grow(INT, depth - 1), grow(FLT, depth - 1), NULL);
	default:
		return node(k, op, grow(k, depth - 1), grow(k, depth - 1), NULL);
	}
}

static const char *const patterns[] = {"a%", "%b", "_b%", "%", "", "a!%c", "%\xc3\xa9", "__"};

static void print(const struct tree *t, struct cat_text *out)
{
	char number[CAT_NUMBER_MAX];
#define P(fmt) cat_text_add(out, fmt)
#define T(x) print(x, out)
	switch (t->op) {
	case 'c':
		P(cols[t->col].name);
		return;
	case 'l':
		if (t->lit.null)
			P(t->kind == TXT   ? "CAST(NULL AS string)"
			  : t->kind == FLT ? "CAST(NULL AS double)"
			  : t->kind == INT ? "CAST(NULL AS bigint)"
					   : "NULL");
		else if (t->kind == TXT)
			cat_text_addf(out, "'%s'", t->lit.s);
		else if (t->kind == BOO)
			P(t->lit.i ? "TRUE" : "FALSE");
		else
			cat_text_addn(out, number,
				      t->kind == INT ? cat_format_i64(t->lit.i, number)
						     : cat_format_f64(t->lit.d, number));
		return;
	case '+':
	case '-':
	case '*':
	case '/':
	case '%':
	case '&':
	case '|':
		P("("), T(t->a), cat_text_addf(out, " %c ", t->op), T(t->b), P(")");
		return;
	case '=':
		P("("), T(t->a), cat_text_addf(out, " %s ", cmps[t->cmp]), T(t->b), P(")");
		return;
	case 'A':
		P("("), T(t->a), P(" AND "), T(t->b), P(")");
		return;
	case 'O':
		P("("), T(t->a), P(" OR "), T(t->b), P(")");
		return;
	case 'j':
		P("("), T(t->a), P(" || "), T(t->b), P(")");
		return;
	case 'N':
		P("(NOT "), T(t->a), P(")");
		return;
	case 'T':
		P("("), T(t->a), P(" IS TRUE)");
		return;
	case 'Z':
		P("("), T(t->a), P(" IS NULL)");
		return;
	case 'B':
		P("("), T(t->a), P(" BETWEEN "), T(t->b), P(" AND "), T(t->c), P(")");
		return;
	case 'E':
		P("(CASE "), T(t->a), P(" WHEN "), T(t->b), P(" THEN TRUE WHEN "), T(t->c), P(" THEN FALSE END)");
		return;
	case 'I':
		P("("), T(t->a), P(" IN ("), T(t->b), P(", "), T(t->c), P("))");
		return;
	case 'L':
		if (t->kind == INT)
			P("length("), T(t->a), P(")");
		else
			P("("), T(t->a), cat_text_addf(out, " LIKE '%s' ESCAPE '!')", patterns[t->cmp]);
		return;
	case 'a':
		P("abs("), T(t->a), P(")");
		return;
	case 'n':
		P("(- "), T(t->a), P(")");
		return;
	case 'u':
		P("upper("), T(t->a), P(")");
		return;
	case 's':
		P("substring("), T(t->a), P(", 2, 2)");
		return;
	case 'C':
		P("CASE WHEN "), T(t->a), P(" THEN "), T(t->b), P(" ELSE "), T(t->c), P(" END");
		return;
	case '?':
		P("coalesce("), T(t->a), P(", "), T(t->b), P(")");
		return;
	case 'g':
		P("greatest("), T(t->a), P(", "), T(t->b), P(")");
		return;
	default:
		P("least("), T(t->a), P(", "), T(t->b), P(")");
		return;
	}
}

/* --- the interpreter --- */

/* -1, 0, 1, or 2: unknown. */
static int order(const struct val *a, const struct val *b)
{
	const double x = a->kind == FLT ? a->d : (double)a->i, y = b->kind == FLT ? b->d : (double)b->i;

	if (a->null || b->null || (a->kind == FLT && isnan(a->d)) || (b->kind == FLT && isnan(b->d)))
		return 2;
	if (a->kind == TXT)
		return strcmp(a->s, b->s) < 0 ? -1 : strcmp(a->s, b->s) > 0;
	return x < y ? -1 : x > y;
}

static bool like(const char *s, const char *p)
{
	if (!*p)
		return !*s;
	if (*p == '%')
		return like(s, p + 1) || (*s && like(s + 1, p));
	if (*p == '_') {
		if (!*s)
			return false;
		for (s++; ((unsigned char)*s & 0xc0) == 0x80; s++)
			;
		return like(s, p + 1);
	}
	if (*p == '!')
		p++;
	return *s == *p && like(s + 1, p + 1);
}

static bool missing(const struct val *v)
{
	return v->null || (v->kind == FLT && isnan(v->d));
}

static int truth(const struct val *v) /* 0, 1, 2 unknown */
{
	return v->null ? 2 : v->i != 0;
}

static struct val eval(const struct tree *t, int row);

static void eval_number(const struct tree *t, struct val a, struct val b, struct val *v)
{
	const double x = a.kind == FLT ? a.d : (double)a.i, y = b.d;

	v->null = a.null || b.null || ((t->op == '/' || t->op == '%') && (t->kind == FLT ? y == 0 : b.i == 0));
	if (v->null)
		return;
	if (t->kind == FLT) {
		v->d = t->op == '+' ? x + y : t->op == '-' ? x - y : t->op == '*' ? x * y : x / y;
		return;
	}
	v->i = t->op == '+'   ? a.i + b.i
	       : t->op == '-' ? a.i - b.i
	       : t->op == '%' ? a.i % b.i
	       : t->op == '&' ? (a.i & b.i)
			      : (a.i | b.i);
}

static struct val eval_bool(const struct tree *t, int row, struct val a)
{
	struct val v = {.kind = BOO}, b = {.null = true}, c = b;
	int x, y;

	if (t->b)
		b = eval(t->b, row);
	if (t->c)
		c = eval(t->c, row);
	switch (t->op) {
	case 'A':
	case 'O':
		x = truth(&a), y = truth(&b);
		if (t->op == 'A')
			v.i = x && y, v.null = x && y && (x == 2 || y == 2);
		else
			v.i = x == 1 || y == 1, v.null = x != 1 && y != 1 && (x == 2 || y == 2);
		break;
	case 'N':
		v.null = a.null, v.i = !a.i;
		break;
	case 'T':
		v.i = truth(&a) == 1;
		break;
	case 'Z':
		v.i = missing(&a);
		break;
	case 'B':
		x = order(&a, &b), y = order(&a, &c);
		v.i = x != -1 && y != 1;
		v.null = v.i && (x == 2 || y == 2);
		break;
	case 'E':
		x = order(&a, &b) == 0, y = order(&a, &c) == 0;
		v.i = x, v.null = !x && !y;
		break;
	case 'I':
		x = order(&a, &b), y = order(&a, &c);
		v.i = x == 0 || y == 0;
		v.null = !v.i && (x == 2 || y == 2);
		break;
	case 'L':
		v.null = a.null, v.i = like(a.s, patterns[t->cmp]);
		break;
	default:
		x = order(&a, &b);
		v.null = x == 2;
		v.i = t->cmp == 0   ? x == 0
		      : t->cmp == 1 ? x != 0
		      : t->cmp == 2 ? x < 0
		      : t->cmp == 3 ? x <= 0
		      : t->cmp == 4 ? x > 0
				    : x >= 0;
	}
	return v;
}

static void substring2(const char *s, char *out)
{
	int at = 0;

	for (; *s; s++) {
		at += ((unsigned char)*s & 0xc0) != 0x80;
		if (at == 2 || at == 3)
			*out++ = *s;
	}
	*out = '\0';
}

static struct val eval(const struct tree *t, int row)
{
	struct val v = {.kind = t->kind}, a, b;
	int o;

	if (t->op == 'c')
		return cells[t->col][row];
	if (t->op == 'l')
		return t->lit;
	a = eval(t->a, row);
	if (t->op == 'C')
		return eval(truth(&a) == 1 ? t->b : t->c, row);
	if (t->kind == BOO)
		return eval_bool(t, row, a);
	b = t->b ? eval(t->b, row) : a;
	switch (t->op) {
	case '?':
		return missing(&a) ? b : a;
	case 'g':
	case 'k':
		if (missing(&a) || missing(&b))
			return missing(&b) ? a : b;
		o = order(&a, &b);
		return (t->op == 'g' ? o < 0 : o > 0) ? b : a;
	case 'a':
	case 'n':
		v.null = a.null;
		v.i = t->op == 'a' && a.i > 0 ? a.i : -a.i;
		v.d = t->op == 'a' ? fabs(a.d) : -a.d;
		return v;
	case 'L':
		v.null = a.null;
		for (const char *s = a.s; *s; s++)
			v.i += ((unsigned char)*s & 0xc0) != 0x80;
		return v;
	case 'u':
	case 's':
	case 'j':
		v.null = a.null || b.null;
		if (t->op == 's')
			substring2(a.s, v.s);
		else
			snprintf(v.s, sizeof v.s, "%s%s", a.s, t->op == 'j' ? b.s : "");
		for (char *s = v.s; *s && t->op == 'u'; s++)
			*s = *s >= 'a' && *s <= 'z' ? (char)(*s - 32) : *s;
		return v;
	default:
		eval_number(t, a, b, &v);
		return v;
	}
}

/* --- the table, its statistics, the comparison --- */

static struct cat_batch *table(void)
{
	struct cat_error err;
	struct cat_schema *s;
	struct cat_batch *t, *slice;

	assert_cat_ok(cat_schema_new(COLS, &s, &err), err);
	for (int c = 0; c < COLS; c++)
		assert_cat_ok(cat_field_init(&s->fields[c], cols[c].name, cols[c].id, &err), err);
	/* Three rows more in front, so that every column has an offset. */
	assert_cat_ok(cat_batch_new(s, ROWS + 3, &t, &err), err);
	for (int c = 0; c < COLS; c++) {
		struct cat_builder b;
		const unsigned nulls = rnd(3);

		assert_cat_ok(cat_builder_init(&b, &s->fields[c], &err), err);
		for (int r = -3; r < ROWS; r++) {
			struct val v = random_value(cols[c].kind, cols[c].id == CAT_T_U8);
			int rc;

			v.null = nulls && rnd(5) == 0;
			if (v.kind == FLT && nulls != 1 && rnd(6) == 0)
				v.d = NAN;
			if (r >= 0)
				cells[c][r] = v;
			rc = v.null          ? cat_builder_null(&b, &err)
			     : v.kind == TXT ? cat_builder_text(&b, v.s, strlen(v.s), &err)
			     : v.kind == BOO ? cat_builder_bool(&b, v.i != 0, &err)
					     : cat_builder_fixed(&b, v.kind == FLT ? (void *)&v.d : &v.i, &err);
			assert_int_equal(rc, CAT_OK);
		}
		assert_cat_ok(cat_builder_finish(&b, &t->cols[c], &err), err);
		cat_builder_fini(&b);
	}
	assert_cat_ok(cat_batch_slice(t, 3, ROWS, &slice, &err), err);
	cat_batch_unref(t);
	cat_schema_unref(s);
	return slice;
}

/* Statistics of the first rows of a column: few rows make narrow bounds. */
static int stats_rows;

static void stats(void *arg, int c, struct cat_range_stats *out)
{
	struct val *lo = NULL, *hi = NULL;

	(void)arg;
	out->is_text = cols[c].kind == TXT;
	out->is_int = cols[c].kind == INT || cols[c].kind == BOO;
	for (int r = 0; r < stats_rows; r++) {
		struct val *v = &cells[c][r];

		out->nulls += v->null;
		out->may_be_nan |= v->kind == FLT && !v->null && isnan(v->d);
		if (missing(v))
			continue;
		out->known = true;
		lo = !lo || order(v, lo) < 0 ? v : lo;
		hi = !hi || order(v, hi) > 0 ? v : hi;
	}
	if (!lo)
		return;
	out->min_i64 = lo->i, out->max_i64 = hi->i;
	out->min_f64 = lo->d, out->max_f64 = hi->d;
	out->min_text = lo->s, out->max_text = hi->s;
	out->min_len = strlen(lo->s), out->max_len = strlen(hi->s);
}

static bool same(const struct val *v, const struct cat_column *c, int64_t i)
{
	int32_t n;
	const char *s;

	if (v->null || !cat_column_valid(c, i))
		return v->null == !cat_column_valid(c, i);
	if (v->kind == TXT) {
		s = cat_column_text(c, i, &n);
		return (size_t)n == strlen(v->s) && memcmp(s, v->s, (size_t)n) == 0;
	}
	if (v->kind == FLT)
		return (isnan(v->d) && isnan(CAT_VALUES(c, double)[i])) || v->d == CAT_VALUES(c, double)[i];
	return v->i == cat_column_i64(c, i);
}

static void compare(const struct tree *t, const char *text, const struct cat_batch *b, const struct cat_expr *e)
{
	struct cat_error err;
	struct cat_column *c;

	assert_cat_ok(cat_expr_eval(e, b, &c, &err), err);
	for (int r = 0; r < ROWS; r++) {
		const struct val v = eval(t, r);

		if (!same(&v, c, r))
			fail_msg("row %d of %s: interpreter null %d int %lld float %g text %s; kernel null %d %g",
				 r, text, v.null, (long long)v.i, v.d, v.s, !cat_column_valid(c, r),
				 c->type.id == CAT_T_UTF8 ? 0 : cat_column_f64(c, r));
	}
	cat_column_unref(c);
	if (t->kind != BOO)
		return;
	for (stats_rows = 1; stats_rows < 9; stats_rows += 1 + (int)rnd(3)) {
		const enum cat_prune p = cat_expr_prune(e, stats, NULL, NULL);

		for (int r = 0; r < stats_rows; r++) {
			const struct val v = eval(t, r);
			const bool yes = !v.null && v.i;

			if ((p == CAT_PRUNE_NEVER && yes) || (p == CAT_PRUNE_ALWAYS && !yes))
				fail_msg("%s: pruning says %d, row %d says %d", text, p, r, yes);
		}
	}
}

static void kernels_agree_with_an_interpreter(void **state)
{
	(void)state;
	seed = UINT64_C(0x9e3779b97f4a7c15);
	for (int round = 0; round < 40; round++) {
		struct cat_batch *b = table();

		for (int k = 0; k < 120; k++) {
			struct cat_text text = {.max = 1 << 16};
			struct cat_error err;
			struct cat_expr *e;
			struct tree *t;

			used = 0;
			t = grow((enum kind)rnd(4), 1 + (int)rnd(4));
			print(t, &text);
			if (cat_expr_parse(text.s, &e, &err) != CAT_OK ||
			    cat_expr_bind(e, b->schema, &err) != CAT_OK)
				fail_msg("%s: %s\n%s", text.s, err.cause, err.detail);
			compare(t, text.s, b, e);
			cat_expr_free(e);
			cat_text_fini(&text);
		}
		cat_batch_unref(b);
	}
}

/* How sharp pruning is, on bounds 10..20 without nulls and on others that have some. */
struct fixed_stats {
	int64_t nulls;
	bool nan;
};

static void ten_to_twenty(void *arg, int c, struct cat_range_stats *out)
{
	const struct fixed_stats *f = arg;

	out->known = true;
	out->nulls = f->nulls;
	out->may_be_nan = f->nan;
	out->is_text = cols[c].kind == TXT;
	out->is_int = cols[c].kind == INT;
	out->min_i64 = 10, out->max_i64 = 20;
	out->min_f64 = 10, out->max_f64 = 20;
	out->min_text = "carina", out->max_text = "lyra";
	out->min_len = 6, out->max_len = 4;
}

/* What is known of rows for which an expression may hold, without nulls in any column and with some. */
struct pruned {
	const char *text;
	enum cat_prune clean, nulls;
};

static void assert_pruned(const struct pruned *x, size_t n, cat_lacks_fn *lacks)
{
	struct cat_batch *b = table();

	for (size_t i = 0; i < n; i++) {
		struct fixed_stats clean = {0, false}, dirty = {3, true};
		enum cat_prune without, with;
		struct cat_error err;
		struct cat_expr *e;

		assert_cat_ok(cat_expr_parse(x[i].text, &e, &err), err);
		assert_cat_ok(cat_expr_bind_where(e, b->schema, &err), err);
		without = cat_expr_prune(e, ten_to_twenty, lacks, &clean);
		with = cat_expr_prune(e, ten_to_twenty, lacks, &dirty);
		if (without != x[i].clean || with != x[i].nulls)
			fail_msg("%s: %d, with nulls %d", x[i].text, without, with);
		cat_expr_free(e);
	}
	cat_batch_unref(b);
}

static void pruning_is_sharp(void **state)
{
	static const struct pruned x[] = {
		{"i > 20", CAT_PRUNE_NEVER, CAT_PRUNE_NEVER},
		{"i > 9", CAT_PRUNE_ALWAYS, CAT_PRUNE_MAYBE},
		{"i = 15", CAT_PRUNE_MAYBE, CAT_PRUNE_MAYBE},
		{"i = 21", CAT_PRUNE_NEVER, CAT_PRUNE_NEVER},
		{"9 >= x", CAT_PRUNE_NEVER, CAT_PRUNE_NEVER},
		{"NOT x > 9", CAT_PRUNE_NEVER, CAT_PRUNE_NEVER},
		{"NOT x < 9", CAT_PRUNE_ALWAYS, CAT_PRUNE_MAYBE},
		{"x BETWEEN 30 AND 40", CAT_PRUNE_NEVER, CAT_PRUNE_NEVER},
		{"x NOT BETWEEN 0 AND 40", CAT_PRUNE_NEVER, CAT_PRUNE_NEVER},
		{"x IN (1, 2, 30)", CAT_PRUNE_NEVER, CAT_PRUNE_NEVER},
		{"x IN (1, 12)", CAT_PRUNE_MAYBE, CAT_PRUNE_MAYBE},
		{"x IS NULL", CAT_PRUNE_NEVER, CAT_PRUNE_MAYBE},
		{"x IS NOT NULL", CAT_PRUNE_ALWAYS, CAT_PRUNE_MAYBE},
		{"s LIKE 'z%'", CAT_PRUNE_NEVER, CAT_PRUNE_NEVER},
		{"s LIKE 'b%'", CAT_PRUNE_NEVER, CAT_PRUNE_NEVER},
		{"s LIKE 'd%'", CAT_PRUNE_MAYBE, CAT_PRUNE_MAYBE},
		{"s LIKE '%d'", CAT_PRUNE_MAYBE, CAT_PRUNE_MAYBE},
		{"s = 'vega'", CAT_PRUNE_NEVER, CAT_PRUNE_NEVER},
		{"i > 20 AND y = 1 / x", CAT_PRUNE_NEVER, CAT_PRUNE_NEVER},
		{"i > 20 OR x < 10", CAT_PRUNE_NEVER, CAT_PRUNE_NEVER},
		{"i > 20 OR x <= 20", CAT_PRUNE_ALWAYS, CAT_PRUNE_MAYBE},
		{"TRUE", CAT_PRUNE_ALWAYS, CAT_PRUNE_ALWAYS},
		{"x = NULL", CAT_PRUNE_NEVER, CAT_PRUNE_NEVER},
		{"i < 9.5", CAT_PRUNE_NEVER, CAT_PRUNE_NEVER},
		{"CONTAINS(POINT(x, y), CIRCLE(15, 25, 2)) = 1", CAT_PRUNE_NEVER, CAT_PRUNE_NEVER},
		{"CONTAINS(POINT(x, y), CIRCLE(15, 25, 6))", CAT_PRUNE_MAYBE, CAT_PRUNE_MAYBE},
		{"x + 1 > 100", CAT_PRUNE_MAYBE, CAT_PRUNE_MAYBE}};

	(void)state;
	assert_pruned(x, sizeof x / sizeof *x, NULL);
}

/* No value is 15, and no text is "hydra". */
static bool without_some(void *arg, int c, const struct cat_constant *v)
{
	(void)arg;
	if (v->is_text != (cols[c].kind == TXT))
		fail_msg("column %s is asked for a constant of another kind", cols[c].name);
	if (v->is_text)
		return v->len == 5 && memcmp(v->s, "hydra", 5) == 0;
	return v->is_int ? v->i64 == 15 : v->f64 == 15;
}

static void what_is_lacking_is_pruned(void **state)
{
	static const struct pruned x[] = {
		{"i = 15", CAT_PRUNE_NEVER, CAT_PRUNE_NEVER},
		{"15 = i", CAT_PRUNE_NEVER, CAT_PRUNE_NEVER},
		{"i = 16", CAT_PRUNE_MAYBE, CAT_PRUNE_MAYBE},
		{"x = 15", CAT_PRUNE_NEVER, CAT_PRUNE_NEVER},
		{"s = 'hydra'", CAT_PRUNE_NEVER, CAT_PRUNE_NEVER},
		{"s = 'indus'", CAT_PRUNE_MAYBE, CAT_PRUNE_MAYBE},
		{"i <> 15", CAT_PRUNE_ALWAYS, CAT_PRUNE_MAYBE},
		{"NOT i = 15", CAT_PRUNE_ALWAYS, CAT_PRUNE_MAYBE},
		{"NOT i <> 15", CAT_PRUNE_NEVER, CAT_PRUNE_NEVER},
		{"i IN (15, 30)", CAT_PRUNE_NEVER, CAT_PRUNE_NEVER},
		{"i IN (15, 16)", CAT_PRUNE_MAYBE, CAT_PRUNE_MAYBE},
		{"i NOT IN (15, 30)", CAT_PRUNE_ALWAYS, CAT_PRUNE_MAYBE},
		{"i = 15 OR s = 'hydra'", CAT_PRUNE_NEVER, CAT_PRUNE_NEVER},
		{"i = 15 OR s = 'indus'", CAT_PRUNE_MAYBE, CAT_PRUNE_MAYBE},
		{"i = 15 AND s = 'indus'", CAT_PRUNE_NEVER, CAT_PRUNE_NEVER},
		{"i >= 15", CAT_PRUNE_MAYBE, CAT_PRUNE_MAYBE},
		{"i <= 15", CAT_PRUNE_MAYBE, CAT_PRUNE_MAYBE},
		{"i BETWEEN 15 AND 15", CAT_PRUNE_MAYBE, CAT_PRUNE_MAYBE},
		{"s LIKE 'hydra%'", CAT_PRUNE_MAYBE, CAT_PRUNE_MAYBE},
		{"i + 1 = 15", CAT_PRUNE_MAYBE, CAT_PRUNE_MAYBE}};

	(void)state;
	assert_pruned(x, sizeof x / sizeof *x, without_some);
}

int main(void)
{
	const struct CMUnitTest tests[] = {UNIT_TEST(kernels_agree_with_an_interpreter),
					   UNIT_TEST(pruning_is_sharp), UNIT_TEST(what_is_lacking_is_pruned)};

	return cmocka_run_group_tests_name("expr_property", tests, NULL, NULL);
}
