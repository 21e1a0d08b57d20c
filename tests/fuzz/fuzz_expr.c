/* fuzz_expr -- any bytes as an expression: parse, bind to a fixed schema, evaluate over a few rows, print and
 * parse again. Nothing may crash or run long; what parses must print to something that parses. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "columnar/builder.h"
#include "expr/aggregate.h"
#include "expr/expr.h"
#include "expr/select.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NCOLS = 7, NROWS = 9 };
static const struct {
	const char *name;
	enum cat_type_id id;
} cols[NCOLS] = {{"i", CAT_T_I64},  {"u", CAT_T_U64},  {"f", CAT_T_F32},      {"d", CAT_T_F64},
		 {"s", CAT_T_UTF8}, {"b", CAT_T_BOOL}, {"t", CAT_T_TIMESTAMP}};

#define MUST(x)                                                                                                   \
	do {                                                                                                      \
		if ((x) != CAT_OK)                                                                                \
			abort();                                                                                  \
	} while (0)

static void put(struct cat_builder *b, int row)
{
	static const uint64_t bits[NROWS] = {
		0,  1, UINT64_MAX, INT64_MAX, (uint64_t)INT64_MAX + 1, 0x7ff8000000000000, 0x4049000000000000,
		64, 10};
	static const char *const words[NROWS] = {"",   "a",     "abc%_",    "\xc3\xa9", "2020-01-01",
						 "12", "1e999", "\xff\x80", "x'y"};
	struct cat_error err;

	if (row == 4)
		MUST(cat_builder_null(b, &err));
	else if (b->type.id == CAT_T_UTF8)
		MUST(cat_builder_text(b, words[row], strlen(words[row]), &err));
	else if (b->type.id == CAT_T_BOOL)
		MUST(cat_builder_bool(b, row & 1, &err));
	else
		MUST(cat_builder_fixed(b, (const uint8_t *)&bits[row] + (b->width == 4 ? 4 : 0), &err));
}

static struct cat_batch *table(void)
{
	struct cat_error err;
	struct cat_schema *s;
	struct cat_batch *t;
	struct cat_builder b;

	MUST(cat_schema_new(NCOLS + 1, &s, &err));
	for (int i = 0; i < NCOLS; i++)
		MUST(cat_field_init(&s->fields[i], cols[i].name, cols[i].id, &err));
	MUST(cat_field_init(&s->fields[NCOLS], "l", CAT_T_LIST, &err));
	MUST(cat_field_children(&s->fields[NCOLS], 1, &err));
	MUST(cat_field_init(&s->fields[NCOLS].children[0], "item", CAT_T_F64, &err));
	MUST(cat_batch_new(s, NROWS, &t, &err));
	for (int i = 0; i <= NCOLS; i++) {
		MUST(cat_builder_init(&b, &s->fields[i], &err));
		for (int r = 0; r < NROWS; r++) {
			if (i < NCOLS) {
				put(&b, r);
				continue;
			}
			for (int k = 0; k < r % 4; k++)
				put(&b.children[0], (r + k) % NROWS);
			MUST(r == 3 ? cat_builder_null(&b, &err) : cat_builder_list_end(&b, &err));
		}
		MUST(cat_builder_finish(&b, &t->cols[i], &err));
		cat_builder_fini(&b);
	}
	cat_schema_unref(s);
	return t;
}

static void try_expression(const char *text, const struct cat_batch *t)
{
	struct cat_text one = {.max = 1 << 24};
	struct cat_error err;
	struct cat_expr *e;
	struct cat_column *c;

	if (cat_expr_parse(text, &e, &err) != CAT_OK)
		return;
	cat_expr_text(e, &one);
	if (cat_expr_bind(e, t->schema, &err) == CAT_OK && cat_expr_eval(e, t, &c, &err) == CAT_OK) {
		if (c->length != t->nrows)
			abort();
		cat_column_unref(c);
	}
	cat_expr_free(e);
	/* Brackets that printing adds may nest deeper than what is allowed. */
	if (one.s && cat_expr_parse(one.s, &e, &err) == CAT_OK)
		cat_expr_free(e);
	else if (one.s && !strstr(err.cause, "too deeply"))
		abort();
	cat_text_fini(&one);
}

static void try_lists(const char *text, const struct cat_batch *t)
{
	struct cat_error err;
	struct cat_select *s;
	struct cat_aggs *a;
	struct cat_aggs_state *st;
	struct cat_batch *b;

	if (cat_select_parse(text, &s, &err) == CAT_OK) {
		if (cat_select_bind(s, t->schema, &err) == CAT_OK && cat_select_eval(s, t, &b, &err) == CAT_OK)
			cat_batch_unref(b);
		cat_select_free(s);
	}
	if (cat_aggs_parse(text, &a, &err) == CAT_OK) {
		if (cat_aggs_bind(a, t->schema, &err) == CAT_OK && cat_aggs_state_new(a, &st, &err) == CAT_OK) {
			if (cat_aggs_update(st, t, &err) == CAT_OK && cat_aggs_finish(st, &b, &err) == CAT_OK)
				cat_batch_unref(b);
			cat_aggs_state_free(st);
		}
		cat_aggs_free(a);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cat_batch *t;
	char *text = cat_strndup((const char *)data, size);

	if (!text)
		return 0;
	if (!t)
		t = table();
	try_expression(text, t);
	try_lists(text, t);
	cat_free(text);
	return 0;
}
