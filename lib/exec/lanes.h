/* lanes -- the same thing done to many, several at a time, until one fails.
 *
 * Layer: exec. For work that mostly waits: each lane is a thread of its own.
 */
#ifndef CAT_EXEC_LANES_H
#define CAT_EXEC_LANES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct cat_lanes {
	bool (*wanted)(void *arg, size_t i); /* NULL: all; on the caller's thread, as soon as there is room */
	int (*run)(void *arg, size_t i, struct cat_error *err); /* on any thread */
	void *arg;
	const atomic_bool *stop; /* set when something has failed: RUN may look at it and give up */
	/* the module's */
	atomic_bool stopping, failed;
	struct cat_error err;
};
/* Runs things 0 to N-1, LANES at a time. What failed first is the failure; what is under way then is waited for. */
CAT_MUST_USE int cat_lanes_run(struct cat_lanes *l, int lanes, size_t n, struct cat_error *err);

#endif
