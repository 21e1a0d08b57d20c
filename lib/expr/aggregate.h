/* aggregate -- aggregate lists: count(*), count(x), sum, min, max, mean (avg), var, var_pop, stddev, stddev_pop,
 * count_if, over columns or expressions.
 *
 * Layer: expr. NULL and NaN are skipped; nothing counted gives NULL, but 0 for counts. Without AS an aggregate
 * of one column is named function_column (`mean_r`), count(*) is `count`; any other needs AS. Sums of
 * integers are int64 (overflow is CAT_E_DATA), of floats float64. Sums, means and variances are exact sums
 * rounded once (columnar/exactsum.h), and of equal extremes -0.0 is the smaller: however rows are split over
 * states, merging gives the same bits.
 * Thread rule: a bound list may be shared; a state belongs to one thread at a time.
 */
#ifndef CAT_EXPR_AGGREGATE_H
#define CAT_EXPR_AGGREGATE_H

#include "expr/expr.h"

struct cat_aggs;
struct cat_aggs_state;

/* Errors carry the line and a caret in err->detail. */
CAT_MUST_USE int cat_aggs_parse(const char *text, struct cat_aggs **out, struct cat_error *err);
void cat_aggs_free(struct cat_aggs *a);
/* Against the input's schema, of which a reference is kept. May be called again. */
CAT_MUST_USE int cat_aggs_bind(struct cat_aggs *a, struct cat_schema *in, struct cat_error *err);
/* One field per aggregate; units are kept where the aggregate has its argument's. Owned by A. */
struct cat_schema *cat_aggs_schema(const struct cat_aggs *a);
void cat_aggs_columns(const struct cat_aggs *a, bool *used);
/* The same for the N children of column COL, a struct or list of structs. */
void cat_aggs_children(const struct cat_aggs *a, int col, int n, bool *used);
/* Canonical spelling, appended. */
void cat_aggs_text(const struct cat_aggs *a, struct cat_text *out);

/* A state that has seen nothing; A must outlive it. */
CAT_MUST_USE int cat_aggs_state_new(const struct cat_aggs *a, struct cat_aggs_state **out, struct cat_error *err);
void cat_aggs_state_free(struct cat_aggs_state *s);
/* Rows of B, whose schema is the bound one; columns that are not needed may be NULL. */
CAT_MUST_USE int cat_aggs_update(struct cat_aggs_state *s, const struct cat_batch *b, struct cat_error *err);
/* What OTHER has seen, of the same list, is added to S. */
CAT_MUST_USE int cat_aggs_merge(struct cat_aggs_state *s, const struct cat_aggs_state *other,
				struct cat_error *err);
/* One row under cat_aggs_schema. The state stays. */
CAT_MUST_USE int cat_aggs_finish(const struct cat_aggs_state *s, struct cat_batch **out, struct cat_error *err);

#endif
