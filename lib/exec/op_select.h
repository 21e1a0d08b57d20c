/* op_select -- rows that fulfil a condition, columns of a select list.
 *
 * Layer: exec.
 */
#ifndef CAT_EXEC_OP_SELECT_H
#define CAT_EXEC_OP_SELECT_H

#include "columnar/pump.h"
#include "expr/select.h"

/* Rows of IN where WHERE (NULL: all rows) is true, as LIST (NULL: all columns) says; both are bound to IN's
 * schema and must outlive the source. Takes over IN, also on failure. Batches without a row are left out.
 * Thread rule: as for any source, one thread. */
CAT_MUST_USE int cat_select_open(struct cat_source *in, const struct cat_select *list,
				 const struct cat_expr *where, struct cat_source **out, struct cat_error *err);
/* The same for one batch, on any thread: *OUT is NULL when no row is left. */
CAT_MUST_USE int cat_select_batch(const struct cat_batch *b, const struct cat_select *list,
				  const struct cat_expr *where, struct cat_batch **out, struct cat_error *err);

#endif
