/* runs_impl -- what runs.c, which makes runs, and runs_read.c, which reads them, share. Layer: exec. */
#ifndef CAT_EXEC_RUNS_IMPL_H
#define CAT_EXEC_RUNS_IMPL_H

#include "columnar/gather.h"
#include "exec/runs.h"

/* Rows of one record batch on disk, fewer where they are long; one key in so many stays in memory. A part of the sky
 * takes a few rows of every run, and each of them costs a block. */
#define BLOCK 1024

/* One sorted run: in memory, or as record batches on disk with its keys in a second file. All runs share the two
 * files, so that there may be more of them than a process may have files open. */
struct run {
	int64_t nrows;
	struct cat_batch *rows; /* NULL when on disk */
	int64_t *keys;          /* NULL when on disk */
	int64_t keys_off;       /* where they are in the file of keys */
	int64_t *sample;        /* the first of each block */
	int64_t *offs;          /* where each block's message begins; one more at the end */
	int64_t nblocks;
};

struct cat_runs {
	struct cat_schema *schema;
	struct cat_buf *schema_message; /* in front of a block it makes a stream */
	char *temp_dir;
	int64_t memory_bytes;
	int64_t nrows;
	/* what was put since the last run */
	struct cat_stack held;
	int64_t *keys;
	int64_t cap_keys;
	int64_t held_bytes;
	int64_t all_bytes; /* of all rows that were put */
	struct run *runs;
	size_t nruns, cap_runs;
	int64_t block;   /* rows of one, settled by the first run on disk */
	int fd, keys_fd; /* record batches; keys; -1 until a run is on disk */
	int64_t end, keys_end;
	bool spilled;
	bool finished;
};

/* Where the rows of a stack stand in the order of KEYS (freed by cat_free); the keys themselves are put into that
 * order. */
CAT_MUST_USE int cat_runs_sort_stack(const struct cat_stack *s, int64_t *keys, struct cat_place **out,
                                     struct cat_error *err);

#endif
