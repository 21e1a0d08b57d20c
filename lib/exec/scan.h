/* scan -- a table as a stream of the rows and columns that are wanted, read and decoded in parallel.
 *
 * Layer: exec. Pieces that metadata shows to hold no wanted row are not read; columns that only surviving
 * rows need are decoded after the filter. The order of rows is the table's.
 */
#ifndef CAT_EXEC_SCAN_H
#define CAT_EXEC_SCAN_H

#include "base/bytes.h"
#include "columnar/pump.h"
#include "exec/pool.h"
#include "sky/region.h"

/* A region and the cells that hold it: made once, before the table is opened, so that partitions can be
 * left out by it. */
struct cat_scan_region {
	struct cat_region *region;
	struct cat_cover cover;
	struct cat_region_box box;
};
/* Takes over REGION, also on failure. */
CAT_MUST_USE int cat_scan_region_new(struct cat_region *region, struct cat_scan_region **out, struct cat_error *err);
void cat_scan_region_free(struct cat_scan_region *r); /* accepts NULL */
/* For struct cat_hats_want: ARG is the region. */
bool cat_scan_region_keep(void *arg, int64_t lo, int64_t hi);

/* Who reads the rows, when it does not need all columns: BIND is told the schema of the rows that will come,
 * binds to it and sets USED[i] for the columns it reads; the others may then come as NULL. */
struct cat_consumer {
	CAT_MUST_USE int (*bind)(void *arg, struct cat_schema *schema, bool *used, struct cat_error *err);
	/* Then: sets USED[i] for those of the N children of column COL, a struct or list of structs, that it reads; the
	 * others may come as nulls. NULL: it reads all. */
	void (*children)(void *arg, int col, int n, bool *used);
	void *arg;
};
struct cat_scan_options {
	const struct cat_consumer *consumer; /* NULL: all columns are read */
	const char *name;    /* of the only input, for messages; outlives the source. NULL: they name it themselves */
	const char *columns; /* SQL select list, or NULL: all */
	const char *where;   /* predicate, or NULL */
	int64_t limit;       /* -1: all rows */
	const char *ra, *dec; /* names of the position columns, or NULL: found by the rules */
	struct cat_scan_region *region; /* taken over; NULL: the whole sky */
	const struct cat_cover *cells; /* only rows in these cells, by _healpix_29 or position; NULL: all. Outlives the source */
	bool whole;          /* pieces are given out as they are, not cut into batches of a size for pipes */
	int64_t memory_bytes; /* what the process may hold; bounds how far reading runs ahead */
};

/* Takes over FEED and the region, also on failure; P outlives the source. */
CAT_MUST_USE int cat_scan_open(struct cat_feed *feed, const struct cat_scan_options *o, struct cat_pool *p,
                               struct cat_source **out, struct cat_error *err);

/* What a scan would read. */
struct cat_scan_costs {
	int64_t seen, pieces; /* row groups and the like: looked at, and to be read; parts that were left out unopened
	                       * were not looked at */
	int64_t rows;         /* in those, or in the pages of them that may hold wanted rows */
	struct cat_price surely;
	struct cat_price perhaps; /* columns that are read only where a row survives the conditions */
};
/* Takes over FEED and o->region, also on failure. Reads metadata only. */
CAT_MUST_USE int cat_scan_price(struct cat_feed *feed, const struct cat_scan_options *o, struct cat_pool *p,
                                struct cat_scan_costs *out, struct cat_error *err);

#endif
