/* prune -- whether a piece of a table can hold rows that a condition wants, from its statistics alone.
 *
 * Layer: expr. Thread rule: a bound expression may be asked from several threads at once.
 */
#ifndef CAT_EXPR_PRUNE_H
#define CAT_EXPR_PRUNE_H

#include "columnar/pump.h"
#include "expr/expr.h"

enum cat_prune {
	CAT_PRUNE_NEVER, /* surely no row fulfils it: the piece need not be read */
	CAT_PRUNE_MAYBE,
	CAT_PRUNE_ALWAYS, /* surely every row does: the condition need not be evaluated */
};
/* What is known of column COL of the schema that the expression is bound to; zeroed when nothing is. */
typedef void cat_stats_fn(void *arg, int col, struct cat_range_stats *out);
/* Whether surely no value of column COL is V. */
typedef bool cat_lacks_fn(void *arg, int col, const struct cat_constant *v);
/* WHERE is bound by cat_expr_bind_where. Sound under NULL and NaN; understands comparisons of columns with
 * constants, BETWEEN, IN, IS NULL, LIKE 'prefix%', AND, OR, NOT and CONTAINS in a constant CIRCLE by its
 * declinations. LACKS is asked for values that the bounds allow; NULL: nobody knows. */
enum cat_prune cat_expr_prune(const struct cat_expr *where, cat_stats_fn *stats, cat_lacks_fn *lacks, void *arg);

#endif
