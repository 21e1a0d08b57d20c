/* write -- the parallel sink: pieces are encoded on the pool, their bytes appended in order.
 *
 * Layer: exec. The same bytes for any number of threads: what is cut where is the encoder's decision alone.
 */
#ifndef CAT_EXEC_WRITE_H
#define CAT_EXEC_WRITE_H

#include "columnar/pump.h"
#include "exec/pool.h"

/* Takes over E and W, also on failure; P outlives the sink; NULL: pieces are encoded in
 * the caller's thread. */
CAT_MUST_USE int cat_write_open(struct cat_encoder *e, struct cat_writer *w, struct cat_pool *p,
                                struct cat_sink **out, struct cat_error *err);
/* Of a sink made by cat_write_open: a piece waits for those before it while the buffers of the process hold more than
 * half of MEMORY_BYTES. Without it only the pool bounds how many are under way. */
void cat_write_limit(struct cat_sink *s, int64_t memory_bytes);

#endif
