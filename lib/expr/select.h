/* select -- SQL select lists: which columns leave a program, and what is computed on the way.
 *
 * Layer: expr. `ra, dec`, `*`, `* EXCEPT (a, b)`, `g - r AS colour`, `lc.mag` (named mag). A computed item
 * without AS and a name that comes twice are CAT_E_USAGE.
 * Thread rule: parse and bind belong to one thread; a bound list may be evaluated by several at once.
 */
#ifndef CAT_EXPR_SELECT_H
#define CAT_EXPR_SELECT_H

#include "expr/expr.h"

struct cat_select;

/* Errors carry the line and a caret in err->detail. */
CAT_MUST_USE int cat_select_parse(const char *text, struct cat_select **out, struct cat_error *err);
void cat_select_free(struct cat_select *s);
/* Against the input's schema, of which a reference is kept. May be called again. */
CAT_MUST_USE int cat_select_bind(struct cat_select *s, struct cat_schema *in, struct cat_error *err);
/* What a bound list gives: names, types, the metadata of bare columns and of the schema. Owned by S. */
struct cat_schema *cat_select_schema(const struct cat_select *s);
/* Sets USED[i] for every input column that is needed; the others stay as they are. */
void cat_select_columns(const struct cat_select *s, bool *used);
/* The same for the N children of input column COL, a struct or list of structs. */
void cat_select_children(const struct cat_select *s, int col, int n, bool *used);
/* B under the output schema; bare columns are passed by reference. Input columns that are not needed may be
 * NULL. */
CAT_MUST_USE int cat_select_eval(const struct cat_select *s, const struct cat_batch *b, struct cat_batch **out,
				 struct cat_error *err);
/* Canonical spelling, appended. */
void cat_select_text(const struct cat_select *s, struct cat_text *out);

#endif
