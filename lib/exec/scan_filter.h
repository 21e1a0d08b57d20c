/* scan_filter -- which pieces of a table, and which rows of a piece, can hold what a scan wants, by metadata alone.
 *
 * Layer: exec. Thread rule: immutable; may be asked from several threads at once.
 */
#ifndef CAT_EXEC_SCAN_FILTER_H
#define CAT_EXEC_SCAN_FILTER_H

#include "exec/scan.h"
#include "expr/expr.h"

/* Conditions that a row must fulfil, all of them; what it points at must outlive it. */
struct cat_scan_filter {
	const struct cat_expr *where; /* bound; NULL: none. So for the next two */
	const struct cat_scan_region *region;
	const struct cat_cover *cells;
	int ra, dec, hpx; /* columns of the table; -1: none */
};
/* Surely no row of W is wanted. */
bool cat_scan_filter_never(const struct cat_scan_filter *f, struct cat_work *w);
/* Narrows W, a piece of a table of NCOLS columns, to the parts that may hold wanted rows, by the bounds of its parts
 * (pages) and by what it surely lacks, which may have to be read. *NONE: there are no such rows, and W is as it was. */
CAT_MUST_USE int cat_scan_filter_narrow(const struct cat_scan_filter *f, struct cat_work *w, int ncols, bool *none,
                                        struct cat_error *err);

#endif
