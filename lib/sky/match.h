/* match -- which positions of two lists lie within a radius of each other.
 *
 * Layer: sky. Knows positions and row numbers, nothing of columns. A pair counts when its
 * cat_sky_separation_deg is at most the radius, so that answers depend on the positions alone; among equal
 * separations the earlier right row comes first. Positions that are not finite or beyond the poles match
 * nothing; ra is taken modulo 360; any radius up to 180 degrees, poles and 0h included.
 * Thread rule: an index is immutable once made; any number of threads may query it.
 */
#ifndef CAT_SKY_MATCH_H
#define CAT_SKY_MATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct cat_match_index;

/* Copies the positions of the right list (about 22 bytes each, 20 more while it runs). Radius in [0, 180],
 * else CAT_E_USAGE; at most 2^32 - 2 rows, else CAT_E_UNSUPPORTED. */
CAT_MUST_USE int cat_match_index_new(const double *ra_deg, const double *dec_deg, int64_t n, double radius_deg,
                                     struct cat_match_index **out, struct cat_error *err);
/* The same of lists that are the caller's to give: each is freed, and NULL, as soon as it was copied; on failure what
 * is left stays the caller's. */
CAT_MUST_USE int cat_match_index_take(double **ra_deg, double **dec_deg, int64_t n, double radius_deg,
                                      struct cat_match_index **out, struct cat_error *err);
void cat_match_index_free(struct cat_match_index *ix); /* accepts NULL */
/* Memory held. */
size_t cat_match_index_bytes(const struct cat_match_index *ix);

struct cat_pair {
	double sep_deg;
	uint32_t left;
	uint32_t right;
};
/* Zero-initialise; reused from query to query. */
struct cat_pairs {
	struct cat_pair *at;
	int64_t n;
	int64_t cap;
};
void cat_pairs_fini(struct cat_pairs *p);

#define CAT_MATCH_ALL 0
/* The K nearest right rows within the radius of each of N left positions (K >= 1), or all of them
 * (CAT_MATCH_ALL): in left order, by separation and right row inside it. Replaces what OUT held; on failure
 * OUT is empty. Fastest where rows that follow each other lie near each other, as in a catalogue, or else with a
 * million rows at a time: it then sweeps the sky once. N < 2^32. */
CAT_MUST_USE int cat_match_query(const struct cat_match_index *ix, const double *ra_deg, const double *dec_deg,
                                 int64_t n, int64_t k, struct cat_pairs *out, struct cat_error *err);

/* Turned round: for each right position its nearest left one, the earlier left row among equals; with MUTUAL only
 * where that one's nearest right position is the same. In left order, by separation and right row inside it. */
struct cat_positions {
	const double *ra_deg, *dec_deg;
	int64_t n;
};
CAT_MUST_USE int cat_match_back(const struct cat_positions *left, const struct cat_positions *right,
                                double radius_deg, bool mutual, struct cat_pairs *out, struct cat_error *err);

#endif
