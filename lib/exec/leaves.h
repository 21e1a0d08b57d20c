/* leaves -- the leaves of a HATS catalogue, or of a margin cache of it, written in parallel from rows in order.
 *
 * Layer: exec. Thread rule: one call at a time for a writer; the pool's threads do the work.
 */
#ifndef CAT_EXEC_LEAVES_H
#define CAT_EXEC_LEAVES_H

#include "dataset/hats_write.h"
#include "exec/pool.h"
#include "exec/runs.h"

/* Partitions in depth-first order; zero-initialise, and free AT. */
struct cat_leaf_list {
	struct cat_hats_part *at;
	size_t n, cap;
};
CAT_MUST_USE int cat_leaf_list_add(struct cat_leaf_list *l, const struct cat_hats_part *part, struct cat_error *err);

struct cat_leaves {
	struct cat_runs *runs; /* finished; keys are cells of order 29 */
	struct cat_hats_writer *writer;
	struct cat_pool *pool;
	int64_t memory_bytes; /* for rows, of all leaves that are under way together */
	double margin_deg;    /* of a margin cache: the rows around each part, not those in it; 0: the catalogue */
	/* A leaf of the catalogue that is larger is cut into its quarters, and so on; one row, or a cell of order 29,
	 * may be larger. INT64_MAX: none is cut. */
	int64_t max_bytes;
};
/* Writes a leaf for each of PARTS that has rows. DONE receives the parts of the catalogue that were written (nothing
 * for a margin cache), BYTES what all leaves take. */
CAT_MUST_USE int cat_leaves_write(const struct cat_leaves *l, const struct cat_leaf_list *parts,
                                  struct cat_leaf_list *done, int64_t *bytes, struct cat_error *err);
/* Bytes that a row takes in a leaf, by the first ROWS of each of the twelve cells of order 0; nothing of that stays.
 * At least 1. */
CAT_MUST_USE int cat_leaves_measure(const struct cat_leaves *l, int64_t rows, double *bytes_per_row,
                                    struct cat_error *err);

#endif
