/* op_group -- aggregates of a whole table: one row.
 *
 * Layer: exec.
 */
#ifndef CAT_EXEC_OP_GROUP_H
#define CAT_EXEC_OP_GROUP_H

#include "columnar/pump.h"
#include "expr/aggregate.h"

/* One row of LIST, bound to IN's schema and outliving the source, over all rows of IN, also when there are
 * none. Takes over IN, also on failure. Thread rule: as for any source, one thread. */
CAT_MUST_USE int cat_group_open(struct cat_source *in, const struct cat_aggs *list, struct cat_source **out,
				struct cat_error *err);

#endif
