/* coverage -- what of the sky a catalogue covers, and what else its collection has.
 *
 * Layer: dataset.
 */
#ifndef CAT_DATASET_COVERAGE_H
#define CAT_DATASET_COVERAGE_H

#include "dataset/hats.h"
#include "sky/moc.h"

#define CAT_SKY_SQUARE_DEG 41252.961249419271

/* The partitions' cells; OUT, empty before, is a finished map. */
CAT_MUST_USE int cat_hats_partitions_moc(const struct cat_hats *h, struct cat_moc *out, struct cat_error *err);
/* The cells that have rows by skymap.fits, read once from front to back; where there is none, the partitions. */
CAT_MUST_USE int cat_hats_coverage(const struct cat_hats *h, struct cat_moc *out, struct cat_error *err);

/* Margins and indexes that a collection names; none of a catalogue that stands alone. */
struct cat_hats_members {
	int n;
	size_t cap;
	struct cat_hats_member {
		bool is_margin;
		char *folder;
		char *column;  /* of an index */
		double arcsec; /* of a margin; -1: it does not say */
	} *at;
};
/* Reads the margins' properties, all at once. OUT is zero before, and the caller's to free also on failure. */
CAT_MUST_USE int cat_hats_members(const struct cat_hats *h, struct cat_hats_members *out, struct cat_error *err);
void cat_hats_members_fini(struct cat_hats_members *m);

#endif
