/* verify -- checks of catalogues, collections and files, leaf by leaf on all workers.
 *
 * Layer: exec.
 */
#ifndef CAT_EXEC_VERIFY_H
#define CAT_EXEC_VERIFY_H

#include "dataset/verify.h"
#include "exec/pool.h"

struct cat_verify_run {
	bool full;
	int64_t max_per_kind;
	const char *temp_dir;
	int64_t memory_bytes; /* of row groups under way; one that needs more is looked at alone */
	/* One thing that was checked: a catalogue, a margin cache, an index, a file. KIND says which; the findings are the
	 * caller's to read until it returns. */
	int (*done)(void *arg, const char *name, const char *kind, const struct cat_findings *found,
	            const struct cat_verify_totals *totals, struct cat_error *err);
	void *arg;
};
/* Checks what PATH is: of a collection the catalogue, then its margins and indexes. Fails when it cannot be read at
 * all; what is found is DONE's. The same findings in the same order whatever the number of workers. */
CAT_MUST_USE int cat_verify(const char *path, const struct cat_verify_run *run, struct cat_pool *pool,
                            struct cat_error *err);

#endif
