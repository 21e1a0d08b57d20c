/* op_xmatch -- joins two tables by position on the sky.
 *
 * Layer: exec. RIGHT is read into memory; LEFT streams, in order, except for CAT_FIND_BEST2 and CAT_FIND_MUTUAL,
 * which need all of its positions before the first row can be given out and keep its batches.
 * Thread rule: a source belongs to one thread.
 */
#ifndef CAT_EXEC_OP_XMATCH_H
#define CAT_EXEC_OP_XMATCH_H

#include "columnar/pump.h"

enum cat_find {
	CAT_FIND_BEST,   /* for each LEFT row its nearest RIGHT row */
	CAT_FIND_BEST2,  /* for each RIGHT row its nearest LEFT row */
	CAT_FIND_MUTUAL, /* each is the other's nearest */
	CAT_FIND_ALL,
	CAT_FIND_K,      /* for each LEFT row its k nearest */
};
enum cat_join {
	CAT_JOIN_INNER,
	CAT_JOIN_LEFT, /* LEFT rows without a partner too, with nulls */
	CAT_JOIN_ANTI, /* only those, and only LEFT's columns */
};
struct cat_xmatch_options {
	double radius_arcsec; /* separation <= radius counts */
	enum cat_find find;
	int k;
	enum cat_join join;
	const char *suffix; /* of RIGHT names that LEFT has too; NULL: "_2" */
	int64_t right_rows; /* both sides are in memory already, and RIGHT has so many rows; 0: not known */
	int64_t tile_rows; /* part by part: rows of LEFT at a time; 0: as memory allows */
	int ra1, dec1, ra2, dec2; /* columns of numbers, in degrees */
	/* Which columns of the result are asked for, the others being NULL in its batches; it stays the caller's and
	 * must last as long as the source. NULL: all. */
	const bool *given;
	/* What cat_xmatch_schema made of both schemas and the suffix, where many tables are matched; NULL: it is asked. */
	struct cat_schema *schema;
	const int *right_cols;
	int n_right;
};

/* Takes over both sources, whether or not it succeeds. Rows come in LEFT's order, inside it by separation, then in
 * RIGHT's order. LEFT's names stay; of RIGHT, _healpix_29 is dropped, names that LEFT has too get the suffix, UCDs
 * lose meta.main. The last column is _dist_arcsec. A wrong radius, k or column is CAT_E_USAGE. */
CAT_MUST_USE int cat_xmatch_open(struct cat_source *left, struct cat_source *right,
                                 const struct cat_xmatch_options *options, struct cat_source **out,
                                 struct cat_error *err);

/* The schema of the result for schemas LEFT and RIGHT. *RIGHT_COLS (freed by cat_free) are the columns of RIGHT in
 * it, *N_RIGHT how many. Not for CAT_JOIN_ANTI. */
CAT_MUST_USE int cat_xmatch_schema(const struct cat_schema *left, const struct cat_schema *right,
                                   const char *suffix, struct cat_schema **out, int **right_cols, int *n_right,
                                   struct cat_error *err);

#endif
