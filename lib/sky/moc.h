/* moc -- coverage maps: sets of HEALPix cells as sorted ranges of order-29 cells.
 *
 * Layer: sky. Source: IVOA MOC 2.0, space dimension, ICRS: sections 4.2 (ASCII), 4.3 (FITS), and JSON of MOC 1.1.
 * A finished map's ranges are sorted, disjoint and not adjacent.
 * Thread rule: one thread writes; any number may read a finished map.
 */
#ifndef CAT_SKY_MOC_H
#define CAT_SKY_MOC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/text.h"

struct cat_cells {
	int64_t lo, hi; /* [lo, hi) of order 29 */
};
/* Zero-initialised it is the empty map. */
struct cat_moc {
	struct cat_cells *at;
	int64_t n;
	int64_t cap;
	int order; /* how fine it is: no coarser than its cells need */
};
void cat_moc_fini(struct cat_moc *m);

/* Adds order-29 cells [LO, HI), in any order and overlapping; cat_moc_finish puts things right, also the map's
 * order. */
CAT_MUST_USE int cat_moc_add(struct cat_moc *m, int64_t lo, int64_t hi, struct cat_error *err);
void cat_moc_finish(struct cat_moc *m);

/* On finished maps. */
bool cat_moc_contains(const struct cat_moc *m, int64_t cell29);
/* Has it any cell of [LO, HI)? */
bool cat_moc_overlaps(const struct cat_moc *m, int64_t lo, int64_t hi);
/* Has it all of them? */
bool cat_moc_covers(const struct cat_moc *m, int64_t lo, int64_t hi);
/* OUT, empty before, becomes a finished map; on failure it stays empty. */
CAT_MUST_USE int cat_moc_union(const struct cat_moc *a, const struct cat_moc *b, struct cat_moc *out,
                               struct cat_error *err);
CAT_MUST_USE int cat_moc_intersect(const struct cat_moc *a, const struct cat_moc *b, struct cat_moc *out,
                                   struct cat_error *err);
/* Part of the sphere, 0 to 1. */
double cat_moc_fraction(const struct cat_moc *m);

enum cat_moc_format { CAT_MOC_FITS, CAT_MOC_FITS_RANGE, CAT_MOC_ASCII, CAT_MOC_JSON };
/* Reads any of the forms, told apart by their first bytes, into OUT, empty before. Not a map: CAT_E_DATA; maps of
 * time or in other coordinates: CAT_E_UNSUPPORTED. On failure OUT stays empty. */
CAT_MUST_USE int cat_moc_read(const void *data, size_t size, struct cat_moc *out, struct cat_error *err);
/* Appends the map: CAT_MOC_FITS lists cells (NUNIQ), which readers of every version understand. */
CAT_MUST_USE int cat_moc_write(const struct cat_moc *m, enum cat_moc_format format, struct cat_text *out,
                               struct cat_error *err);

/* For the writers: calls FN for each of the fewest cells that make up the map, coarse orders first. */
typedef void (*cat_moc_cell_fn)(void *arg, int order, int64_t cell);
CAT_MUST_USE int cat_moc_each_cell(const struct cat_moc *m, cat_moc_cell_fn fn, void *arg, struct cat_error *err);
/* The FITS forms (moc_fits.c), called by read and write. */
CAT_MUST_USE int cat_moc_read_fits(const uint8_t *data, size_t size, struct cat_moc *out, struct cat_error *err);
CAT_MUST_USE int cat_moc_write_fits(const struct cat_moc *m, bool ranges, struct cat_text *out,
                                    struct cat_error *err);
/* Adds cells FIRST to LAST of an order as read from outside: what there cannot be is CAT_E_DATA. */
CAT_MUST_USE int cat_moc_add_cell(struct cat_moc *m, uint64_t order, uint64_t first, uint64_t last,
                                  struct cat_error *err);

#endif
