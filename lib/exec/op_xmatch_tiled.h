/* op_xmatch_tiled -- the match of two tables part by part: memory for a few parts, exact across their borders.
 *
 * Layer: exec. Each tile of LEFT meets the rows of RIGHT in the tile and around it, so that no margin cache is
 * needed; for best2 and mutual also its rivals, the rows of LEFT around those.
 */
#ifndef CAT_EXEC_OP_XMATCH_TILED_H
#define CAT_EXEC_OP_XMATCH_TILED_H

#include "exec/op_xmatch.h"
#include "exec/skytable.h"

/* Takes over both tables, also on failure; their position columns count, not those of O, whose suffix and GIVEN last as
 * long as the source. Rows come in LEFT's order; columns that a table does not give are NULL. MEMORY_BYTES bounds what
 * is in memory; rows that come in another order than LEFT's are sorted back, beyond that under TEMP_DIR. P outlives the
 * source. */
CAT_MUST_USE int cat_xmatch_tiled(struct cat_skytable *left, struct cat_skytable *right,
                                  const struct cat_xmatch_options *o, int64_t memory_bytes, const char *temp_dir,
                                  struct cat_pool *p, struct cat_source **out, struct cat_error *err);

#endif
