/* skytable -- a table whose rows can be asked for by their place on the sky, part by part.
 *
 * Layer: exec. Either a catalogue, read where it lies, or any other table, whose rows were sorted by cell first:
 * in memory while they fit, on disk beyond. Rows without a valid position have the cell -1.
 * Thread rule: read and read_tile from any thread.
 */
#ifndef CAT_EXEC_SKYTABLE_H
#define CAT_EXEC_SKYTABLE_H

#include "columnar/gather.h"
#include "columnar/pump.h"
#include "dataset/hats.h"
#include "exec/pool.h"
#include "sky/cover.h"

/* A part of a table: cells [lo, hi) of order 29. */
struct cat_tile {
	int64_t lo, hi;
	int begin, end; /* partitions that make it up, of a catalogue */
	bool whole;     /* all of their rows belong to it */
};
struct cat_skytable;
struct cat_skytable_ops {
	/* Tiles of about MAX_ROWS rows of ROW_BYTES at most, fewer where they are longer, that together hold every row
	 * once, in sky order; the caller frees them with cat_free. */
	CAT_MUST_USE int (*tiles)(struct cat_skytable *, int64_t max_rows, struct cat_tile **out, size_t *n,
	                          struct cat_error *);
	/* Adds the rows of one tile, or of the cells of a cover, in the table's own order; no batch without rows. */
	CAT_MUST_USE int (*read_tile)(struct cat_skytable *, const struct cat_tile *, struct cat_stack *rows,
	                              struct cat_error *);
	CAT_MUST_USE int (*read)(struct cat_skytable *, const struct cat_cover *cells, struct cat_stack *rows,
	                         struct cat_error *);
	void (*close)(struct cat_skytable *);
};
struct cat_skytable {
	const struct cat_skytable_ops *ops;
	struct cat_schema *schema; /* of the rows read; columns that nobody uses are NULL in batches */
	int ra, dec;
	int row; /* the last column, which numbers the rows in the table's own order; -1: there is none, and the
	          * table's order is that of its tiles */
	bool in_order; /* the table's order is that of its tiles */
	int64_t nrows;     /* -1: not known */
	int64_t row_bytes; /* about what a row takes in memory; not less than most rows do */
	bool *used;        /* which columns come; the others are NULL */
	/* Set by who reads, before the first read: cells that are read several times (not owned; NULL: none), and how
	 * many bytes of rows in them may be kept. */
	const struct cat_cover *border;
	int64_t border_bytes;
	int64_t piece_bytes; /* set there too: no more is decoded at a time, where that can be had; 0: no matter */
};
void cat_skytable_close(struct cat_skytable *t); /* accepts NULL */

/* A catalogue; H is taken over, also on failure. USED: columns that are needed, positions among them. */
CAT_MUST_USE int cat_skytable_hats(struct cat_hats *h, const bool *used, struct cat_skytable **out,
                                   struct cat_error *err);
/* Any other table: reads SOURCE, which stays the caller's, to its end. A column of row numbers ("catpipe:row")
 * is added. Of its rows MEMORY_BYTES stay in memory, twice that while it is read. */
CAT_MUST_USE int cat_skytable_sort(struct cat_source *source, int ra, int dec, const bool *used,
                                   const char *temp_dir, int64_t memory_bytes, struct cat_skytable **out,
                                   struct cat_error *err);

#endif
