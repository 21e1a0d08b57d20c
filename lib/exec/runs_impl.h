/* runs_impl -- what runs.c, which makes runs, and runs_read.c, which reads them, share. Layer: exec. */
#ifndef CAT_EXEC_RUNS_IMPL_H
#define CAT_EXEC_RUNS_IMPL_H

#include "exec/rowcode.h"
#include "exec/rowheap.h"
#include "exec/runs.h"

/* Rows of one block on disk at most, fewer where they are long; one key in so many stays in memory. A part of the sky
 * takes a few rows of every run, and each of them costs a block. */
#define BLOCK 1024

/* Rows of a run on disk, up to those of the next block. */
struct cat_runs_block {
	int64_t key; /* of its first row */
	int64_t row; /* its first */
	int64_t off; /* where that is in the file */
};

/* One sorted run: in memory, or as rows on disk with its keys in a second file. All runs share the two files, so that
 * there may be more of them than a process may have files open. */
struct cat_run {
	int64_t nrows;
	const uint8_t **rows;  /* NULL when on disk */
	int64_t *keys;         /* NULL when on disk */
	struct cat_rowheap heap; /* where the rows are */
	int64_t bytes;         /* of the rows */
	int64_t keys_off;      /* where they are in the file of keys */
	struct cat_runs_block *blocks;  /* one more at the end, of no rows */
	size_t nblocks, cap_blocks;
};

struct cat_runs {
	struct cat_rowcode *code;
	struct cat_schema *schema;
	char *temp_dir;
	int64_t memory_bytes;
	int64_t nrows;
	/* what was put since the last run */
	struct cat_rowheap heap;
	const uint8_t **rows;
	int64_t *keys;
	int64_t nheld, cap_held;
	int64_t held_bytes; /* of the rows */
	int64_t all_bytes;  /* of all rows that were put */
	struct cat_run *runs;
	size_t nruns, cap_runs;
	int fd, keys_fd; /* rows; keys; -1 until a run is on disk */
	int64_t end, keys_end;
	bool spilled;
};

/* Room for N rows and their keys in two lists, each of which has room for *CAP. */
CAT_MUST_USE int cat_runs_room(const uint8_t ***rows, int64_t **keys, int64_t *cap, int64_t n, struct cat_error *err);
/* Puts N rows and their keys into the order of the keys. */
CAT_MUST_USE int cat_runs_sort(const uint8_t **rows, int64_t *keys, int64_t n, struct cat_error *err);

#endif
