/* scan_impl -- what the parts of a scan share.
 *
 * Layer: exec. Private to scan.c and scan_piece.c.
 */
#ifndef CAT_EXEC_SCAN_IMPL_H
#define CAT_EXEC_SCAN_IMPL_H

#include "exec/scan_filter.h"
#include "expr/select.h"

/* Halving as often leaves one row of any piece. */
#define CAT_SCAN_REDO_MAX 64

struct cat_scan_partial {
	int col;
	bool *used; /* per child */
};
/* Of a piece that was cut, or all of it. What is given out does not depend on where. */
struct cat_scan_part {
	struct cat_work *work;
	int64_t piece; /* counted */
	bool more;     /* others follow */
};
struct cat_scan {
	struct cat_source base;
	struct cat_feed *feed;
	struct cat_pool *pool;
	struct cat_ordered *queue;
	struct cat_select *select;
	struct cat_expr *where;
	struct cat_scan_region *region;
	struct cat_scan_filter filter; /* where, region and cells, by columns of the feed */
	int *first_cols;  /* what the filters need, ascending */
	int nfirst;
	int *then_cols; /* what the output needs beyond that */
	int nthen;
	int *all_cols; /* both, ascending */
	int npartial;
	struct cat_scan_partial *partial; /* columns of which only some children are looked at */
	int64_t left;      /* rows still wanted; -1: all */
	int64_t unplanned; /* of these, not yet in a piece; kept when there is no filter */
	int64_t memory_bytes, piece_bytes; /* to hold; of one piece, decoded: larger ones are cut where they can be */
	struct cat_scan_part rest; /* of the piece that was cut last */
	struct cat_scan_part redo[CAT_SCAN_REDO_MAX]; /* of pieces that were larger than was known; the last one comes next */
	int nredo;
	int64_t piece;    /* that was begun last */
	int64_t fits; /* rows that a piece may have by what was learnt from those; 0: nothing was */
	char *name;
	int ahead, max_ahead; /* pieces in flight: now, at most */
	int in_flight;
	bool ended;
	struct cat_batch *current; /* being given out in slices */
	int64_t pos, slice_rows;
	int64_t current_piece;
	bool more;               /* parts of its piece follow */
	struct cat_batch *begun; /* the last rows of a part, which with the next part's make a batch; NULL: none */
	int64_t begun_piece;
};
struct cat_scan_job {
	struct cat_scan *scan;
	struct cat_scan_part part;
	struct cat_batch *result; /* NULL: no row survived */
	int64_t nrows; /* before any were ruled out */
	bool beyond;   /* it is larger than was known: not done */
};

/* --- scan_piece.c: one part; on any thread --- */

/* How many bytes that may turn out not to be needed are worth a round trip. */
int64_t cat_scan_fetch_bytes(const struct cat_scan *s);
/* What is far away is asked for before its turn to be decoded comes. *NONE: no row of it is wanted. */
CAT_MUST_USE int cat_scan_send_for(const struct cat_scan *s, struct cat_work *w, bool *none, struct cat_error *err);
/* For a queue of the pool: a struct cat_scan_job is decoded, filtered and selected; is freed. */
CAT_MUST_USE int cat_scan_job_run(void *job, struct cat_error *err);
void cat_scan_job_free(void *job);

#endif
