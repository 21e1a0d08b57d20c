/* verify -- a catalogue held against itself: files, metadata, statistics, every row.
 *
 * Layer: dataset. Opening reads what the catalogue says of itself; each leaf is then checked alone (on any thread) and
 * handed in, in order, by one thread, which sees what concerns several leaves: counts, maps, _metadata.
 */
#ifndef CAT_DATASET_VERIFY_H
#define CAT_DATASET_VERIFY_H

#include "dataset/findings.h"
#include "dataset/hats.h"

struct cat_verify_options {
	bool full; /* every row; else metadata and footers only */
	int64_t max_per_kind;
	const char *temp_dir; /* where a lone file that cannot be sought is spooled */
	int64_t whole_bytes; /* objects up to so large are fetched whole and held against their checksums */
	int64_t part_bytes;  /* columns of row groups that take more are looked at in parts */
	/* Waits until so many bytes of memory may be used; gives them back. Any thread. */
	void (*reserve)(void *arg, int64_t bytes);
	void (*release)(void *arg, int64_t bytes);
	void *arg;
};
/* What was looked at. */
struct cat_verify_totals {
	int64_t leaves, rows, bytes;
};

/* --- a catalogue --- */

struct cat_verify;
/* Opens the catalogue at PATH. PRIMARY: of a margin cache the catalogue it belongs to, else NULL; it must outlive the
 * check. Fails when there is no catalogue, or one that cannot be read at all. */
CAT_MUST_USE int cat_verify_open(const char *path, struct cat_hats *primary, const struct cat_verify_options *o,
                                 struct cat_verify **out, struct cat_error *err);
void cat_verify_free(struct cat_verify *v); /* accepts NULL */
struct cat_hats *cat_verify_hats(struct cat_verify *v); /* the check's */

/* Leaves to be checked, of a margin cache also those that it has not. */
int cat_verify_nleaves(const struct cat_verify *v);
struct cat_verify_leaf;
CAT_MUST_USE int cat_verify_leaf_new(struct cat_verify *v, int i, struct cat_verify_leaf **out,
                                     struct cat_error *err);
/* Any thread. Fails for reasons that say nothing of the leaf: memory, a network that is down. */
CAT_MUST_USE int cat_verify_leaf_run(struct cat_verify_leaf *l, struct cat_error *err);
/* In the order of leaves, one thread. Takes over L, also on failure. */
CAT_MUST_USE int cat_verify_take(struct cat_verify *v, struct cat_verify_leaf *l, struct cat_error *err);
void cat_verify_leaf_free(struct cat_verify_leaf *l); /* accepts NULL */
/* After a take: so many leaves of a catalogue whose files cannot be listed were asked for in vain that the others, LEFT
 * of them, are better not asked for. True: no more leaf is to be taken; the findings say so. */
bool cat_verify_enough(struct cat_verify *v, int left);
/* After the last leaf: FINDINGS receives all there are, TOTALS what was looked at. */
CAT_MUST_USE int cat_verify_finish(struct cat_verify *v, struct cat_findings *findings,
                                   struct cat_verify_totals *totals, struct cat_error *err);

/* --- others --- */

/* What a collection at PATH names: MEMBER is called on each catalogue, MARGIN or INDEX set as it is named. */
CAT_MUST_USE int cat_verify_collection(const struct cat_hats *h, struct cat_findings *findings,
                                       int (*member)(void *arg, const char *folder, struct cat_error *err),
                                       void *arg, struct cat_error *err);
/* One file of any format: Parquet as a leaf, others are read to their end. It fails when there is none, or none of a
 * format that is read. */
CAT_MUST_USE int cat_verify_file(const char *path, const struct cat_verify_options *o, struct cat_findings *findings,
                                 struct cat_verify_totals *totals, struct cat_error *err);

#endif
