/* op_hist -- counts of values in equal bins, along one axis or two.
 *
 * Layer: exec. A range that is not given is taken from the values, which are kept for that: in memory, beyond
 * that on disk. Null, NaN and infinite values, and values outside of a given range, are left out and counted.
 */
#ifndef CAT_EXEC_OP_HIST_H
#define CAT_EXEC_OP_HIST_H

#include "columnar/pump.h"

struct cat_hist_axis {
	double min, max;
	bool given;  /* min and max are the user's; else found and rounded */
	int bins;    /* wanted; the rounding may change it */
	bool exact;  /* keep to bins and to the range of the values as they are */
};
/* Pairs of values are kept as they are while there are no more rows than this. */
#define CAT_HIST_POINTS 5000
struct cat_hist {
	struct cat_hist_axis x, y; /* as they came out; y.bins 0: one axis */
	int64_t *counts;           /* x.bins, or y.bins rows of x.bins */
	int64_t rows;              /* counted */
	int64_t left_out;
	double *points; /* of two axes: x, y of every row counted; NULL when they are more than CAT_HIST_POINTS */
};
/* Counts the first column of SOURCE by X and, when Y is not NULL, the second by Y. SOURCE stays the caller's.
 * MEMORY_BYTES may be held before spilling under TEMP_DIR. Free with cat_hist_fini. */
CAT_MUST_USE int cat_hist_collect(struct cat_source *source, const struct cat_hist_axis *x,
                                  const struct cat_hist_axis *y, const char *temp_dir, int64_t memory_bytes,
                                  struct cat_hist *out, struct cat_error *err);
void cat_hist_fini(struct cat_hist *h);
/* The bins as rows: XNAME_min, XNAME_max (YNAME_min, YNAME_max), count. */
CAT_MUST_USE int cat_hist_rows(const struct cat_hist *h, const char *xname, const char *yname,
                               struct cat_batch **out, struct cat_error *err);

#endif
