#include "expr/select.h"

#include <string.h>

#include "base/alloc.h"
#include "expr/node.h"

/* As written: a star with its exceptions, or an expression and perhaps a name. */
struct item {
	struct cat_expr *expr; /* NULL: a star */
	char *name;            /* AS */
	char **except;
	size_t nexcept, cap_except;
	int pos, len;
};
/* As bound: a column of the input, or an expression. */
struct output {
	const struct cat_expr *expr; /* NULL: column COL */
	int col;
};
struct cat_select {
	char *text;
	struct item *items;
	size_t nitems, cap_items;
	struct output *outputs;
	size_t noutputs, cap_outputs;
	struct cat_schema *schema;
};

#define FAIL(pos, len, ...) cat_expr_fail(err, CAT_E_USAGE, s->text, pos, len, __VA_ARGS__)

void cat_select_free(struct cat_select *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->nitems; i++) {
		struct item *it = &s->items[i];

		cat_expr_free(it->expr);
		cat_free(it->name);
		for (size_t k = 0; k < it->nexcept; k++)
			cat_free(it->except[k]);
		cat_free(it->except);
	}
	cat_free(s->items);
	cat_free(s->outputs);
	cat_free(s->text);
	cat_schema_unref(s->schema);
	cat_free(s);
}

static int parse_except(struct cat_lexer *lx, struct item *it, struct cat_error *err)
{
	CAT_TRY(cat_lex_next(lx, err));
	CAT_TRY(cat_lex_take(lx, "(", err));
	for (;;) {
		if (lx->tok != CAT_TOK_NAME && lx->tok != CAT_TOK_QUOTED)
			return cat_expr_fail(err, CAT_E_USAGE, lx->text, lx->pos, lx->len,
					     "the name of a column expected");
		if (cat_grow(&it->except, &it->cap_except, it->nexcept, sizeof *it->except) != 0)
			return cat_fail_mem(err, it->nexcept * sizeof *it->except);
		CAT_TRY(cat_lex_string(lx, &it->except[it->nexcept], err));
		it->nexcept++;
		CAT_TRY(cat_lex_next(lx, err));
		if (!cat_lex_is_symbol(lx, ","))
			return cat_lex_take(lx, ")", err);
		CAT_TRY(cat_lex_next(lx, err));
	}
}

int cat_select_parse_as(struct cat_lexer *lx, char **name, struct cat_error *err)
{
	*name = NULL;
	if (!cat_lex_is_word(lx, "AS"))
		return CAT_OK;
	CAT_TRY(cat_lex_next(lx, err));
	if (lx->tok != CAT_TOK_NAME && lx->tok != CAT_TOK_QUOTED)
		return cat_expr_fail(err, CAT_E_USAGE, lx->text, lx->pos, lx->len, "a name expected after AS");
	CAT_TRY(cat_lex_string(lx, name, err));
	return cat_lex_next(lx, err);
}

static bool names_itself(const struct cat_expr *e)
{
	const enum cat_op op = e->nodes[e->root].op;

	return op == CAT_OP_NAME || op == CAT_OP_FIELD;
}

static int parse_item(struct cat_select *s, struct cat_lexer *lx, struct cat_error *err)
{
	struct item *it;

	if (cat_grow(&s->items, &s->cap_items, s->nitems, sizeof *s->items) != 0)
		return cat_fail_mem(err, s->nitems * sizeof *s->items);
	it = &s->items[s->nitems++];
	memset(it, 0, sizeof *it);
	it->pos = lx->pos;
	if (cat_lex_is_symbol(lx, "*")) {
		it->len = 1;
		CAT_TRY(cat_lex_next(lx, err));
		return cat_lex_is_word(lx, "EXCEPT") ? parse_except(lx, it, err) : CAT_OK;
	}
	CAT_TRY(cat_expr_parse_at(lx, &it->expr, err));
	it->len = it->expr->nodes[it->expr->root].len;
	CAT_TRY(cat_select_parse_as(lx, &it->name, err));
	if (!it->name && !names_itself(it->expr))
		return FAIL(it->pos, it->len, "a computed column needs a name: ... AS name");
	return CAT_OK;
}

static int parse_items(struct cat_select *s, struct cat_error *err)
{
	struct cat_lexer lx;

	CAT_TRY(cat_lex_begin(&lx, s->text, err));
	for (;;) {
		CAT_TRY(parse_item(s, &lx, err));
		if (lx.tok == CAT_TOK_END)
			return CAT_OK;
		if (!cat_lex_is_symbol(&lx, ","))
			return FAIL(lx.pos, lx.len, "',' or AS expected before '%.*s'", lx.len, lx.text + lx.pos);
		CAT_TRY(cat_lex_next(&lx, err));
	}
}

int cat_select_parse(const char *text, struct cat_select **out, struct cat_error *err)
{
	struct cat_select *s = cat_calloc(1, sizeof *s);
	int rc;

	if (s)
		s->text = cat_strdup(text);
	if (!s || !s->text)
		rc = cat_fail_mem(err, sizeof *s);
	else
		rc = parse_items(s, err);
	if (rc != CAT_OK) {
		cat_select_free(s);
		return rc;
	}
	*out = s;
	return CAT_OK;
}

/* --- bind --- */

static int add_output(struct cat_select *s, const struct cat_expr *e, int col, struct cat_error *err)
{
	if (cat_grow(&s->outputs, &s->cap_outputs, s->noutputs, sizeof *s->outputs) != 0)
		return cat_fail_mem(err, s->noutputs * sizeof *s->outputs);
	s->outputs[s->noutputs++] = (struct output){.expr = e, .col = col};
	return CAT_OK;
}

static int bind_star(struct cat_select *s, const struct item *it, const struct cat_schema *in,
		     struct cat_error *err)
{
	bool *skip = cat_calloc((size_t)in->nfields, sizeof *skip);
	int rc = skip ? CAT_OK : cat_fail_mem(err, sizeof *skip);

	for (size_t k = 0; rc == CAT_OK && k < it->nexcept; k++) {
		int col;

		rc = cat_schema_need(in, it->except[k], &col, err);
		if (rc == CAT_OK)
			skip[col] = true;
		else
			cat_expr_point(err, s->text, it->pos, it->len);
	}
	for (int i = 0; rc == CAT_OK && i < in->nfields; i++)
		if (!skip[i])
			rc = add_output(s, NULL, i, err);
	cat_free(skip);
	return rc;
}

/* A field of the output schema, from the item that O comes from. */
static int output_field(const struct output *o, const struct item *it, const struct cat_schema *in,
			struct cat_field *f, struct cat_error *err)
{
	int rc;

	if (!o->expr)
		return cat_field_copy(f, &in->fields[o->col], err);
	CAT_TRY(cat_expr_field(o->expr, f, err));
	rc = it->name ? cat_field_rename(f, it->name, err) : CAT_OK;
	if (rc != CAT_OK)
		cat_field_fini(f);
	return rc;
}

static int check_names(const struct cat_select *s, const struct item *it, const struct cat_schema *out, int upto,
		       struct cat_error *err)
{
	for (int i = 0; i < upto; i++)
		if (strcmp(out->fields[i].name, out->fields[upto].name) == 0)
			return FAIL(it->pos, it->len, "two columns would be named '%s'; rename one with AS",
				    out->fields[upto].name);
	return CAT_OK;
}

int cat_select_bind(struct cat_select *s, struct cat_schema *in, struct cat_error *err)
{
	size_t *first, n = 0;
	int rc = CAT_OK;

	s->noutputs = 0;
	cat_schema_unref(s->schema);
	s->schema = NULL;
	first = cat_calloc(s->nitems + 1, sizeof *first);
	if (!first)
		return cat_fail_mem(err, sizeof *first);
	for (size_t i = 0; rc == CAT_OK && i < s->nitems; i++) {
		struct item *it = &s->items[i];

		if (!it->expr) {
			rc = bind_star(s, it, in, err);
		} else {
			rc = cat_expr_bind(it->expr, in, err);
			if (rc == CAT_OK)
				rc = add_output(s, it->expr, cat_expr_column(it->expr), err);
		}
		first[i + 1] = s->noutputs;
	}
	if (rc == CAT_OK)
		rc = cat_schema_new((int)s->noutputs, &s->schema, err);
	if (rc == CAT_OK)
		rc = cat_kv_copy(&s->schema->meta, &in->meta, err);
	for (size_t i = 0; rc == CAT_OK && i < s->noutputs; i++) {
		while (i >= first[n + 1])
			n++;
		rc = output_field(&s->outputs[i], &s->items[n], in, &s->schema->fields[i], err);
		if (rc == CAT_OK)
			rc = check_names(s, &s->items[n], s->schema, (int)i, err);
	}
	cat_free(first);
	return rc;
}

struct cat_schema *cat_select_schema(const struct cat_select *s)
{
	return s->schema;
}

void cat_select_columns(const struct cat_select *s, bool *used)
{
	for (size_t i = 0; i < s->noutputs; i++) {
		if (s->outputs[i].expr)
			cat_expr_columns(s->outputs[i].expr, used);
		else
			used[s->outputs[i].col] = true;
	}
}

void cat_select_children(const struct cat_select *s, int col, int n, bool *used)
{
	for (size_t i = 0; i < s->noutputs; i++) {
		if (s->outputs[i].expr)
			cat_expr_children(s->outputs[i].expr, col, n, used);
		else if (s->outputs[i].col == col)
			memset(used, true, (size_t)n * sizeof *used);
	}
}

int cat_select_eval(const struct cat_select *s, const struct cat_batch *b, struct cat_batch **out,
		    struct cat_error *err)
{
	struct cat_batch *r;
	int rc = CAT_OK;

	CAT_TRY(cat_batch_new(s->schema, b->nrows, &r, err));
	for (size_t i = 0; rc == CAT_OK && i < s->noutputs; i++) {
		if (s->outputs[i].col >= 0)
			r->cols[i] = cat_column_ref(b->cols[s->outputs[i].col]);
		else
			rc = cat_expr_eval(s->outputs[i].expr, b, &r->cols[i], err);
	}
	if (rc != CAT_OK) {
		cat_batch_unref(r);
		return rc;
	}
	*out = r;
	return CAT_OK;
}

void cat_select_text(const struct cat_select *s, struct cat_text *out)
{
	for (size_t i = 0; i < s->nitems; i++) {
		const struct item *it = &s->items[i];

		if (i)
			cat_text_add(out, ", ");
		if (it->expr)
			cat_expr_text(it->expr, out);
		else
			cat_text_addc(out, '*');
		for (size_t k = 0; k < it->nexcept; k++) {
			cat_text_add(out, k ? ", " : " EXCEPT (");
			cat_lex_quote(it->except[k], out);
		}
		if (it->nexcept)
			cat_text_addc(out, ')');
		if (it->name) {
			cat_text_add(out, " AS ");
			cat_lex_quote(it->name, out);
		}
	}
}
