#include "expr/aggregate.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/simd.h"
#include "columnar/builder.h"
#include "columnar/exactsum.h"
#include "columnar/kernels.h"
#include "expr/node.h"

enum kind { COUNT, COUNT_IF, SUM, MIN, MAX, MEAN, VAR, VAR_POP, STDDEV, STDDEV_POP };
static const struct {
	const char *name; /* lower case: it begins the column's name */
	enum kind kind;
} functions[] = {
	{"count", COUNT},
	{"count_if", COUNT_IF},
	{"sum", SUM},
	{"min", MIN},
	{"max", MAX},
	{"mean", MEAN},
	{"avg", MEAN},
	{"var", VAR},
	{"variance", VAR},
	{"var_samp", VAR},
	{"var_pop", VAR_POP},
	{"stddev", STDDEV},
	{"std", STDDEV},
	{"stddev_samp", STDDEV},
	{"stddev_pop", STDDEV_POP},
};

struct agg {
	const char *function;
	enum kind kind;
	struct cat_expr *expr; /* NULL: count(*) */
	char *name;            /* AS, or made at bind */
	bool named;
	enum cat_cls cls; /* of the argument */
	int pos, len;
};
struct cat_aggs {
	char *text;
	struct agg *list;
	size_t n, cap;
	struct cat_schema *in, *schema;
};

/* What one aggregate has seen. Only sums of floats are large, so they are made when they are needed. */
struct seen {
	int64_t n;
	cat_i128 whole; /* sum of integers */
	struct cat_exactmoments *m;
	struct cat_column *best; /* one row: the extreme so far; NULL: none */
};
struct cat_aggs_state {
	const struct cat_aggs *aggs;
	struct seen *seen;
};

#define FAIL(pos, len, ...) cat_expr_fail(err, CAT_E_USAGE, a->text, pos, len, __VA_ARGS__)

void cat_aggs_free(struct cat_aggs *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->n; i++) {
		cat_expr_free(a->list[i].expr);
		cat_free(a->list[i].name);
	}
	cat_free(a->list);
	cat_free(a->text);
	cat_schema_unref(a->in);
	cat_schema_unref(a->schema);
	cat_free(a);
}

/* --- parse --- */

static int find_function(struct cat_aggs *a, const struct cat_lexer *lx, struct agg *g, struct cat_error *err)
{
	struct cat_nearest near = {.want = NULL};
	char *name;
	int rc;

	if (lx->tok != CAT_TOK_NAME)
		return FAIL(lx->pos, lx->len, "an aggregate expected: count(*), mean(x), ...");
	CAT_TRY(cat_lex_string(lx, &name, err));
	near.want = name;
	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
		cat_nearest_offer(&near, functions[i].name);
		if (cat_equal_nocase(name, functions[i].name)) {
			g->function = functions[i].name;
			g->kind = functions[i].kind;
		}
	}
	rc = CAT_OK;
	if (!g->function && cat_equal_nocase(name, "median"))
		rc = cat_expr_fail(err, CAT_E_UNSUPPORTED, a->text, lx->pos, lx->len,
				   "the median of a table is not supported");
	else if (!g->function)
		rc = FAIL(lx->pos, lx->len, "no aggregate '%s'%s%s", name, near.name ? "; nearest: " : "",
			  near.name ? near.name : "");
	cat_free(name);
	return rc;
}

static int parse_agg(struct cat_aggs *a, struct cat_lexer *lx, struct cat_error *err)
{
	struct agg *g;

	if (cat_grow(&a->list, &a->cap, a->n, sizeof *a->list) != 0)
		return cat_fail_mem(err, a->n * sizeof *a->list);
	g = &a->list[a->n++];
	memset(g, 0, sizeof *g);
	g->pos = lx->pos;
	CAT_TRY(find_function(a, lx, g, err));
	CAT_TRY(cat_lex_next(lx, err));
	CAT_TRY(cat_lex_take(lx, "(", err));
	if (cat_lex_is_word(lx, "DISTINCT"))
		return cat_expr_fail(err, CAT_E_UNSUPPORTED, a->text, lx->pos, lx->len,
				     "DISTINCT is not supported");
	if (cat_lex_is_symbol(lx, "*")) {
		if (g->kind != COUNT)
			return FAIL(lx->pos, lx->len, "only count takes '*'");
		CAT_TRY(cat_lex_next(lx, err));
	} else {
		CAT_TRY(cat_expr_parse_at(lx, &g->expr, err));
	}
	g->len = lx->pos + 1 - g->pos;
	CAT_TRY(cat_lex_take(lx, ")", err));
	CAT_TRY(cat_select_parse_as(lx, &g->name, err));
	g->named = g->name != NULL;
	if (!g->named && g->expr && g->expr->nodes[g->expr->root].op != CAT_OP_NAME)
		return FAIL(g->pos, g->len, "an aggregate of an expression needs a name: ... AS name");
	return CAT_OK;
}

static int parse_list(struct cat_aggs *a, struct cat_error *err)
{
	struct cat_lexer lx;

	CAT_TRY(cat_lex_begin(&lx, a->text, err));
	for (;;) {
		CAT_TRY(parse_agg(a, &lx, err));
		if (lx.tok == CAT_TOK_END)
			return CAT_OK;
		if (!cat_lex_is_symbol(&lx, ","))
			return FAIL(
				lx.pos, lx.len,
				"',' or AS expected: an aggregate stands alone, compute with it in a next step");
		CAT_TRY(cat_lex_next(&lx, err));
	}
}

int cat_aggs_parse(const char *text, struct cat_aggs **out, struct cat_error *err)
{
	struct cat_aggs *a = cat_calloc(1, sizeof *a);
	int rc;

	if (a)
		a->text = cat_strdup(text);
	if (!a || !a->text)
		rc = cat_fail_mem(err, sizeof *a);
	else
		rc = parse_list(a, err);
	if (rc != CAT_OK) {
		cat_aggs_free(a);
		return rc;
	}
	*out = a;
	return CAT_OK;
}

/* --- bind --- */

static bool is_number(enum cat_cls c)
{
	return c >= CAT_CLS_I64 && c <= CAT_CLS_F64;
}

static int check_argument(const struct cat_aggs *a, struct agg *g, struct cat_error *err)
{
	const struct cat_ty *t = &g->expr->nodes[g->expr->root].ty;
	bool ok = is_number(t->cls) || t->cls == CAT_CLS_NULL;

	g->cls = t->cls;
	if (t->list)
		return FAIL(g->pos, g->len, "%s over a table needs one value a row; list_%s gives one for a list",
			    g->function, g->function);
	if (g->kind == COUNT)
		ok = true;
	else if (g->kind == MIN || g->kind == MAX)
		ok = ok || t->cls == CAT_CLS_TEXT || t->cls == CAT_CLS_TIME || t->cls == CAT_CLS_BOOL;
	if (!ok)
		return FAIL(g->pos, g->len, "%s cannot take %s", g->function, cat_cls_name(t->cls));
	return CAT_OK;
}

static int make_name(struct agg *g, const struct cat_field *arg, struct cat_error *err)
{
	struct cat_text t = {.max = 4096};

	if (g->named)
		return CAT_OK;
	cat_free(g->name);
	g->name = NULL;
	cat_text_add(&t, g->function);
	if (arg) {
		cat_text_addc(&t, '_');
		cat_text_add(&t, arg->name);
	}
	if (cat_text_check(&t, err) != CAT_OK) {
		cat_text_fini(&t);
		return (int)err->code;
	}
	g->name = t.s;
	return CAT_OK;
}

/* The output's field over ARG, the argument's (NULL: count(*)). */
static int result_field(const struct agg *g, const struct cat_field *arg, struct cat_field *f,
			struct cat_error *err)
{
	const bool counts = g->kind == COUNT || g->kind == COUNT_IF;
	const bool whole = g->kind == SUM && (g->cls == CAT_CLS_I64 || g->cls == CAT_CLS_U64);
	const char *unit = arg ? cat_kv_get(&arg->meta, CAT_META_UNIT) : NULL;
	int rc;

	if (g->kind == MIN || g->kind == MAX) {
		CAT_TRY(cat_field_copy(f, arg, err));
		f->nullable = true;
		rc = cat_field_rename(f, g->name, err);
	} else {
		CAT_TRY(cat_field_init(f, g->name, counts || whole ? CAT_T_I64 : CAT_T_F64, err));
		f->nullable = !counts;
		rc = unit && !counts && g->kind != VAR && g->kind != VAR_POP
			     ? cat_kv_set(&f->meta, CAT_META_UNIT, unit, err)
			     : CAT_OK;
	}
	if (rc != CAT_OK)
		cat_field_fini(f);
	return rc;
}

static int bind_agg(struct cat_aggs *a, size_t i, struct cat_error *err)
{
	struct agg *g = &a->list[i];
	struct cat_field arg;
	int rc;

	if (!g->expr) {
		CAT_TRY(make_name(g, NULL, err));
		return result_field(g, NULL, &a->schema->fields[i], err);
	}
	if (g->kind == COUNT_IF) {
		CAT_TRY(cat_expr_bind_where(g->expr, a->in, err));
	} else {
		CAT_TRY(cat_expr_bind(g->expr, a->in, err));
		CAT_TRY(check_argument(a, g, err));
	}
	CAT_TRY(cat_expr_field(g->expr, &arg, err));
	rc = make_name(g, &arg, err);
	if (rc == CAT_OK)
		rc = result_field(g, &arg, &a->schema->fields[i], err);
	cat_field_fini(&arg);
	return rc;
}

int cat_aggs_bind(struct cat_aggs *a, struct cat_schema *in, struct cat_error *err)
{
	cat_schema_ref(in);
	cat_schema_unref(a->in);
	a->in = in;
	cat_schema_unref(a->schema);
	a->schema = NULL;
	CAT_TRY(cat_schema_new((int)a->n, &a->schema, err));
	CAT_TRY(cat_kv_copy(&a->schema->meta, &in->meta, err));
	for (size_t i = 0; i < a->n; i++) {
		CAT_TRY(bind_agg(a, i, err));
		for (size_t k = 0; k < i; k++)
			if (strcmp(a->list[k].name, a->list[i].name) == 0)
				return FAIL(a->list[i].pos, a->list[i].len,
					    "two columns would be named '%s'; rename one with AS",
					    a->list[i].name);
	}
	return CAT_OK;
}

struct cat_schema *cat_aggs_schema(const struct cat_aggs *a)
{
	return a->schema;
}

void cat_aggs_columns(const struct cat_aggs *a, bool *used)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->list[i].expr)
			cat_expr_columns(a->list[i].expr, used);
}

void cat_aggs_children(const struct cat_aggs *a, int col, int n, bool *used)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->list[i].expr)
			cat_expr_children(a->list[i].expr, col, n, used);
}

void cat_aggs_text(const struct cat_aggs *a, struct cat_text *out)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct agg *g = &a->list[i];

		cat_text_addf(out, "%s%s(", i ? ", " : "", g->function);
		if (g->expr)
			cat_expr_text(g->expr, out);
		else
			cat_text_addc(out, '*');
		cat_text_addc(out, ')');
		if (g->named) {
			cat_text_add(out, " AS ");
			cat_lex_quote(g->name, out);
		}
	}
}

/* --- states --- */

static bool needs_moments(const struct agg *g)
{
	const bool whole = g->cls == CAT_CLS_I64 || g->cls == CAT_CLS_U64;

	return g->kind >= VAR || ((g->kind == SUM || g->kind == MEAN) && !whole);
}

int cat_aggs_state_new(const struct cat_aggs *a, struct cat_aggs_state **out, struct cat_error *err)
{
	struct cat_aggs_state *s = cat_calloc(1, sizeof *s);

	if (!s)
		return cat_fail_mem(err, sizeof *s);
	s->aggs = a;
	s->seen = cat_calloc(a->n, sizeof *s->seen);
	for (size_t i = 0; s->seen && i < a->n; i++) {
		if (!needs_moments(&a->list[i]))
			continue;
		s->seen[i].m = cat_malloc(sizeof *s->seen[i].m);
		if (!s->seen[i].m) {
			cat_aggs_state_free(s);
			return cat_fail_mem(err, sizeof *s->seen[i].m);
		}
		cat_exactmoments_init(s->seen[i].m);
	}
	if (!s->seen) {
		cat_free(s);
		return cat_fail_mem(err, a->n * sizeof *s->seen);
	}
	*out = s;
	return CAT_OK;
}

void cat_aggs_state_free(struct cat_aggs_state *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->aggs->n; i++) {
		cat_free(s->seen[i].m);
		cat_column_unref(s->seen[i].best);
	}
	cat_free(s->seen);
	cat_free(s);
}

/* --- update --- */

static bool is_float(const struct cat_column *c)
{
	return c->type.id == CAT_T_F32 || c->type.id == CAT_T_F64;
}

static int64_t count_present(const struct cat_column *c)
{
	int64_t n = c->length - cat_column_null_count(c);

	if (c->type.id == CAT_T_F64)
		for (int64_t i = 0; i < c->length; i++)
			n -= isnan(CAT_VALUES(c, double)[i]) && cat_column_valid(c, i);
	if (c->type.id == CAT_T_F32)
		for (int64_t i = 0; i < c->length; i++)
			n -= isnan(CAT_VALUES(c, float)[i]) && cat_column_valid(c, i);
	return n;
}

/* Values [from, from+n) that are neither NULL nor NaN, to OUT. */
static int64_t compact(const struct cat_column *c, int64_t from, int64_t n, double *out)
{
	int64_t k = 0;

	if (c->type.id == CAT_T_F32) {
		for (int64_t i = from; i < from + n; i++) {
			const double v = (double)CAT_VALUES(c, float)[i];

			out[k] = v;
			k += (v == v) & (!c->validity || cat_column_valid(c, i));
		}
		return k;
	}
	for (int64_t i = from; i < from + n; i++) {
		const double v = CAT_VALUES(c, double)[i];

		out[k] = v;
		k += (v == v) & (!c->validity || cat_column_valid(c, i));
	}
	return k;
}

CAT_CLONES static bool any_nan(const double *v, int64_t n)
{
	int64_t found = 0;

	for (int64_t i = 0; i < n; i++)
		found |= v[i] != v[i];
	return found != 0;
}

/* Floats into the moments, in blocks that stay in cache. */
static void update_floats(struct seen *s, const struct cat_column *c, bool squares)
{
	enum { ROWS = 2048 };
	const double *all = c->type.id == CAT_T_F64 && !c->validity ? CAT_VALUES(c, double) : NULL;
	double dense[ROWS];

	for (int64_t i = 0; i < c->length; i += ROWS) {
		int64_t n = c->length - i < ROWS ? c->length - i : ROWS;
		const double *v = dense;

		if (all && !any_nan(all + i, n))
			v = all + i;
		else
			n = compact(c, i, n, dense);
		s->n += n;
		if (squares)
			cat_exactmoments_add_array(s->m, v, n);
		else
			cat_exactsum_add_array(&s->m->sum, v, n);
	}
}

static void update_whole(struct seen *s, const struct cat_column *c)
{
	const bool u64 = c->type.id == CAT_T_U64;

	if (c->type.id == CAT_T_I64 && cat_column_null_count(c) == 0) {
		const int64_t *v = CAT_VALUES(c, int64_t);

		for (int64_t i = 0; i < c->length; i++)
			s->whole += v[i];
		s->n += c->length;
		return;
	}
	for (int64_t i = 0; i < c->length; i++) {
		if (!cat_column_valid(c, i))
			continue;
		s->n++;
		s->whole += u64 ? (cat_i128)CAT_VALUES(c, uint64_t)[i] : (cat_i128)cat_column_i64(c, i);
	}
}

/* Compares row I of A with row K of B, of one type: -0.0 below 0.0. */
static int order(const struct cat_column *a, int64_t i, const struct cat_column *b, int64_t k)
{
	if (cat_type_is_text(a->type.id)) {
		int32_t na, nb;
		const char *x = cat_column_text(a, i, &na), *y = cat_column_text(b, k, &nb);

		return cat_text_order(x, (size_t)na, y, (size_t)nb);
	}
	if (is_float(a)) {
		const double x = cat_column_f64(a, i), y = cat_column_f64(b, k);

		return x < y ? -1 : x > y ? 1 : (signbit(y) != 0) - (signbit(x) != 0);
	}
	if (a->type.id == CAT_T_DECIMAL128) {
		const cat_i128 x = cat_decimal_at(a, i), y = cat_decimal_at(b, k);

		return (x > y) - (x < y);
	}
	if (a->type.id == CAT_T_U64) {
		const uint64_t x = CAT_VALUES(a, uint64_t)[i], y = CAT_VALUES(b, uint64_t)[k];

		return (x > y) - (x < y);
	}
	return (cat_column_i64(a, i) > cat_column_i64(b, k)) - (cat_column_i64(a, i) < cat_column_i64(b, k));
}

/* Where the extreme of a float column may stand: a quick pass finds the value, order() settles the rest. */
#define EXTREME(T, OP)                                                                                            \
	for (int64_t i = 0; i < c->length; i++) {                                                                 \
		const T v = CAT_VALUES(c, T)[i];                                                                  \
		if (!(best >= 0 && CAT_VALUES(c, T)[best] OP v) && v == v && cat_column_valid(c, i) &&            \
		    (best < 0 || sign * order(c, i, c, best) < 0))                                                \
			best = i;                                                                                 \
	}

static int64_t extreme(const struct cat_column *c, int sign)
{
	int64_t best = -1;

	if (c->type.id == CAT_T_F64 && sign > 0) {
		EXTREME(double, <)
	} else if (c->type.id == CAT_T_F64) {
		EXTREME(double, >)
	} else if (c->type.id == CAT_T_F32 && sign > 0) {
		EXTREME(float, <)
	} else if (c->type.id == CAT_T_F32) {
		EXTREME(float, >)
	} else {
		for (int64_t i = 0; i < c->length; i++)
			if (cat_column_valid(c, i) && (best < 0 || sign * order(c, i, c, best) < 0))
				best = i;
	}
	return best;
}

/* Row I of C takes over when it is better than what S has. A copy, so that no batch is kept alive. */
static int offer(struct seen *s, const struct cat_column *c, int64_t i, int sign, struct cat_error *err)
{
	const int32_t idx = (int32_t)i;
	struct cat_column *one;

	if (s->best && sign * order(c, i, s->best, 0) >= 0)
		return CAT_OK;
	CAT_TRY(cat_take(c, &idx, 1, &one, err));
	cat_column_unref(s->best);
	s->best = one;
	return CAT_OK;
}

static int update_one(const struct agg *g, struct seen *s, const struct cat_column *c, struct cat_error *err)
{
	const int sign = g->kind == MIN ? 1 : -1;
	int64_t at;

	if (g->kind == COUNT) {
		s->n += count_present(c);
	} else if (g->kind == COUNT_IF) {
		for (int64_t i = 0; i < c->length; i++)
			s->n += cat_column_valid(c, i) && cat_column_i64(c, i);
	} else if (g->kind == MIN || g->kind == MAX) {
		at = extreme(c, sign);
		return at < 0 ? CAT_OK : offer(s, c, at, sign, err);
	} else if (!s->m) {
		update_whole(s, c);
	} else {
		update_floats(s, c, g->kind >= VAR);
	}
	return CAT_OK;
}

int cat_aggs_update(struct cat_aggs_state *st, const struct cat_batch *b, struct cat_error *err)
{
	for (size_t i = 0; i < st->aggs->n; i++) {
		const struct agg *g = &st->aggs->list[i];
		struct cat_eval ev = {.e = g->expr, .b = b, .n = b->nrows};
		struct cat_vec v = {.c = NULL};
		int rc;

		if (!g->expr) {
			st->seen[i].n += b->nrows;
			continue;
		}
		CAT_TRY(cat_expr_eval(g->expr, b, &v.c, err));
		rc = CAT_OK;
		if (st->seen[i].m && !is_float(v.c))
			rc = cat_vec_coerce(&ev, &v, CAT_CLS_F64, CAT_UNIT_S, err);
		if (rc == CAT_OK)
			rc = update_one(g, &st->seen[i], v.c, err);
		cat_vec_drop(&v);
		CAT_TRY(rc);
	}
	return CAT_OK;
}

int cat_aggs_merge(struct cat_aggs_state *s, const struct cat_aggs_state *other, struct cat_error *err)
{
	for (size_t i = 0; i < s->aggs->n; i++) {
		struct seen *a = &s->seen[i];
		const struct seen *b = &other->seen[i];

		a->n += b->n;
		a->whole += b->whole;
		if (a->m)
			cat_exactmoments_merge(a->m, b->m);
		if (b->best)
			CAT_TRY(offer(a, b->best, 0, s->aggs->list[i].kind == MIN ? 1 : -1, err));
	}
	return CAT_OK;
}

/* --- finish --- */

static double mean_of_whole(cat_i128 sum, int64_t n)
{
	struct cat_exactsum s;
	const bool minus = sum < 0;
	cat_u128 size = minus ? 0 - (cat_u128)sum : (cat_u128)sum;

	cat_exactsum_init(&s);
	for (int k = 0; size; k++, size >>= 32) {
		const double part = ldexp((double)(uint32_t)size, 32 * k);

		cat_exactsum_add(&s, minus ? -part : part);
	}
	return cat_exactsum_mean(&s, n);
}

static double float_result(const struct agg *g, const struct seen *s)
{
	const int ddof = g->kind == VAR || g->kind == STDDEV;

	if (g->kind == SUM)
		return cat_exactsum_value(&s->m->sum);
	if (g->kind == MEAN)
		return s->m ? cat_exactsum_mean(&s->m->sum, s->n) : mean_of_whole(s->whole, s->n);
	if (g->kind == VAR || g->kind == VAR_POP)
		return cat_exactmoments_variance(s->m, ddof);
	return sqrt(cat_exactmoments_variance(s->m, ddof));
}

static int finish_one(const struct agg *g, const struct seen *s, const struct cat_field *f,
		      struct cat_column **out, struct cat_error *err)
{
	const bool counts = g->kind == COUNT || g->kind == COUNT_IF;
	const bool sample = g->kind == VAR || g->kind == STDDEV;
	struct cat_builder b;
	double d;
	int64_t v = s->n;
	int rc;

	if ((g->kind == MIN || g->kind == MAX) && s->best) {
		*out = cat_column_ref(s->best);
		return CAT_OK;
	}
	if (g->kind == MIN || g->kind == MAX || (!counts && s->n <= sample))
		return cat_column_nulls(f, 1, out, err);
	if (g->kind == SUM && !s->m) {
		if (s->whole > INT64_MAX || s->whole < INT64_MIN)
			return cat_fail(err, CAT_E_DATA,
					"%s overflows int64; sum(CAST(... AS double)) gives a float64", g->name);
		v = (int64_t)s->whole;
	}
	CAT_TRY(cat_builder_init(&b, f, err));
	if (f->type.id == CAT_T_F64) {
		d = float_result(g, s);
		rc = cat_builder_fixed(&b, &d, err);
	} else {
		rc = cat_builder_fixed(&b, &v, err);
	}
	if (rc == CAT_OK)
		rc = cat_builder_finish(&b, out, err);
	cat_builder_fini(&b);
	return rc;
}

int cat_aggs_finish(const struct cat_aggs_state *s, struct cat_batch **out, struct cat_error *err)
{
	const struct cat_aggs *a = s->aggs;
	struct cat_batch *b;

	CAT_TRY(cat_batch_new(a->schema, 1, &b, err));
	for (size_t i = 0; i < a->n; i++) {
		const int rc = finish_one(&a->list[i], &s->seen[i], &a->schema->fields[i], &b->cols[i], err);

		if (rc != CAT_OK) {
			cat_batch_unref(b);
			return rc;
		}
	}
	*out = b;
	return CAT_OK;
}
