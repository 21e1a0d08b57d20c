/* cover -- sets of HEALPix cells as ranges of order 29.
 *
 * Layer: sky. Zero-initialise; a finished cover is sorted and disjoint. Thread rule: one thread builds, any
 * number may ask.
 */
#ifndef CAT_SKY_COVER_H
#define CAT_SKY_COVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct cat_cover_range {
	int64_t lo, hi; /* [lo, hi) of order 29 */
	bool inside;    /* every position in them belongs to what is covered */
};
struct cat_cover {
	struct cat_cover_range *at;
	int64_t n;
	int64_t cap;
};
void cat_cover_fini(struct cat_cover *c);
CAT_MUST_USE int cat_cover_add(struct cat_cover *c, int64_t lo, int64_t hi, bool inside, struct cat_error *err);
/* Sorts, and joins what touches or overlaps; overlapping ranges of which not both are inside are not inside. */
void cat_cover_finish(struct cat_cover *c);

/* Index of the first range that ends behind CELL29; c->n when none does. */
int64_t cat_cover_behind(const struct cat_cover *c, int64_t cell29);
/* Has the cover a cell in [LO, HI)? */
bool cat_cover_overlaps(const struct cat_cover *c, int64_t lo, int64_t hi);
/* Whether the cover has CELL29; [*LO, *HI) receives the range, or the gap between ranges, that it is in: cells in
 * there need not ask again. */
bool cat_cover_find(const struct cat_cover *c, int64_t cell29, int64_t *lo, int64_t *hi);
/* The cells of CELLS29 at IDX[0..n) (NULL: all N) that the cover has, as indices into CELLS29; KEPT may be IDX.
 * Returns how many. Fast for cells that come in some order. */
int64_t cat_cover_filter(const struct cat_cover *c, const int64_t *cells29, const int32_t *idx, int64_t n,
                         int32_t *kept);
bool cat_cover_has(const struct cat_cover *c, int64_t cell29);

/* Zero-initialised COVER becomes [LO, HI) and all cells that hold a position within RADIUS_DEG of one in it, and
 * little else: the rim is made of cells of about a hundredth of its length. */
CAT_MUST_USE int cat_cover_around(int64_t lo, int64_t hi, double radius_deg, struct cat_cover *cover,
                                  struct cat_error *err);
/* HATS's margin of a cell: the cells of the margin order outside that neighbour it by an edge or corner. Those of
 * narrow margins are too many to be listed: COVER then has larger cells that hold them, some ten thousand at most. */
struct cat_rim {
	struct cat_cover cover;
	int fine;       /* the margin order then, else -1 */
	int64_t lo, hi; /* the cell, as cells of order 29 */
};
/* RIM is zero-initialised; free with cat_cover_fini of its cover. */
CAT_MUST_USE int cat_cover_rim(int order, int64_t cell, double radius_deg, struct cat_rim *rim,
                               struct cat_error *err);
/* Whether CELL29 is in the margin. */
bool cat_rim_has(const struct cat_rim *rim, int64_t cell29);
/* All cells within RADIUS_DEG of N positions, given as order-29 cells (negative ones are left out). */
CAT_MUST_USE int cat_cover_near(const int64_t *cells29, int64_t n, double radius_deg, struct cat_cover *cover,
                                struct cat_error *err);

#endif
