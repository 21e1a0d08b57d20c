/* expr -- expressions over the columns of a batch: text to tree, tree to types, types to whole-column kernels.
 *
 * Layer: expr. The language is SQL's; functions mean what ADQL 2.1 (IVOA Recommendation) says where it has
 * them. What users meet:
 * - Names: exact, else a unique match without case; "..." quotes; lc.mag descends into structs and lists of
 *   structs. 'text', 12, 0xff, 1.5e3, TRUE, FALSE, NULL, DATE '...', TIMESTAMP '...' are constants.
 * - Integers compute as int64; overflow is CAT_E_DATA. float32 with float32, an integer or a constant stays
 *   float32; with a float64 column it is float64. `/` is real division (float32 by float32 stays float32),
 *   x/0 and MOD(x, 0) are NULL. Mathematical functions give float64; outside their domain they give NaN or
 *   infinity as IEEE 754 does. ABS, CEILING, FLOOR, ROUND, TRUNCATE and SIGN keep the type.
 * - A float32 column compares with the float64 value of what is stored, so r < 18.1 means the decimal 18.1;
 *   integers compare by value, whatever their sign and width; an integer and a float meet as float64. With NULL or NaN they are unknown (three-valued logic). IS NULL is true of both;
 *   COALESCE, LEAST, GREATEST and aggregates skip both; ISNAN is true of NaN only.
 * - CAST of a float to an integer rounds half to even; a failing CAST is CAT_E_DATA, TRY_CAST gives NULL.
 *   Rows that a CASE, IF, COALESCE or AND does not reach cannot fail.
 * - Text is UTF-8: lengths and positions count characters; UPPER, LOWER and ILIKE fold ASCII letters only.
 *   CONCAT skips NULL, `||` does not. & | ^ ~ << >> are bit operators.
 * - Positions: degrees ICRS. CONTAINS gives 1 or 0 and may stand as a condition; a position that is NULL, NaN
 *   or beyond the poles lies in no region. BOX is a range of coordinates around its centre.
 * - Operators and functions of one row's values work element by element on lists of equal length, scalars
 *   being repeated; min, max, sum, mean, median, count, count_if over a list give one value a row and are
 *   also called list_min ... list_count_if. x[1] is the first element.
 * Thread rule: parse and bind belong to one thread; a bound expression may be evaluated by several at once.
 */
#ifndef CAT_EXPR_EXPR_H
#define CAT_EXPR_EXPR_H

#include <stdbool.h>

#include "columnar/batch.h"

struct cat_expr;

/* Text to tree. CAT_E_USAGE for what is no expression, with the line and a caret in err->detail. */
CAT_MUST_USE int cat_expr_parse(const char *text, struct cat_expr **out, struct cat_error *err);
void cat_expr_free(struct cat_expr *e);

/* Resolves names in S and types every node; keeps a reference to S. May be called again with another schema.
 * Unknown columns, functions and wrong types are CAT_E_USAGE with the nearest name; features that are
 * refused by name are CAT_E_UNSUPPORTED. After a failure only bind and free may be called. */
CAT_MUST_USE int cat_expr_bind(struct cat_expr *e, struct cat_schema *s, struct cat_error *err);
/* The same, and the result must be a condition: boolean, or a bare CONTAINS. */
CAT_MUST_USE int cat_expr_bind_where(struct cat_expr *e, struct cat_schema *s, struct cat_error *err);

/* Sets USED[i] for every column of the bound schema that is read; the others stay as they are. */
void cat_expr_columns(const struct cat_expr *e, bool *used);
/* The same for the N children of column COL, a struct or list of structs. */
void cat_expr_children(const struct cat_expr *e, int col, int n, bool *used);
/* Index of the column that the bound expression is, when it is nothing but a top-level column; else -1. */
int cat_expr_column(const struct cat_expr *e);
/* What the bound expression gives: name and metadata when it is a bare column or a field of one, else an
 * unnamed nullable field. The caller finishes OUT. */
CAT_MUST_USE int cat_expr_field(const struct cat_expr *e, struct cat_field *out, struct cat_error *err);

/* One value per row of B, whose schema is the bound one (columns that cat_expr_columns does not name may be
 * NULL). The caller owns *OUT. CAT_E_DATA for overflow and failing CASTs, naming row and value. */
CAT_MUST_USE int cat_expr_eval(const struct cat_expr *e, const struct cat_batch *b, struct cat_column **out,
			       struct cat_error *err);

/* The same for an expression that cat_expr_bind_where took: *OUT is a BOOL column, unknown where null. */
CAT_MUST_USE int cat_expr_eval_where(const struct cat_expr *e, const struct cat_batch *b, struct cat_column **out,
				     struct cat_error *err);

/* The expression in one canonical spelling, appended: parses back to the same tree. */
void cat_expr_text(const struct cat_expr *e, struct cat_text *out);

#endif
