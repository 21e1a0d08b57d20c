/* match_impl -- what the parts of match share: the index and how a position is found in it.
 *
 * Layer: sky. Only for match*.c.
 */
#ifndef CAT_SKY_MATCH_IMPL_H
#define CAT_SKY_MATCH_IMPL_H

#include <math.h>

#include "sky/match.h"
#include "sky/sphere.h"

/* The index: declination zones over the box that holds all rows, inside each the rows ordered by ra. A row's key
 * is its zone and its quantised ra; rows are sorted by key, and a directory gives where each cell (the key without
 * its last bits) starts. A query reads the few cells that its window of ra covers, in the few zones that the radius
 * reaches. */
struct cat_match_index {
	double radius_deg;
	/* The box, so that the directory is as fine for a part of the sky as for the whole. Where the rows lie about
	 * 0h, ra counts from 180 degrees there. */
	double dec0_deg, dec1_deg, ra0_deg, turn_deg;
	double zones_per_deg;
	double quanta_per_deg;
	double spacing_deg; /* of rows spread evenly over the box */
	double cell_width_deg; /* in ra */
	bool coherent;         /* rows come place by place */
	int64_t n;
	int64_t zones;
	int quantum_bits; /* of the key, below the zone */
	int cell_shift;   /* key to cell */
	double *ra_deg;   /* in [0, 360) */
	double *dec_deg;
	uint32_t *row;
	uint32_t *start;  /* of each cell; two more at the end */
	double *reach_deg; /* by the zone of the left position: half the window of ra for the whole radius */
};

/* Slack for the rounding of window edges; what is inside is decided by the separation. */
#define CAT_MATCH_SLACK_DEG 1e-9

static inline int64_t cat_match_zone(const struct cat_match_index *ix, double dec_deg)
{
	const int64_t z = (int64_t)((dec_deg - ix->dec0_deg) * ix->zones_per_deg);

	return z < 0 ? 0 : z < ix->zones ? z : ix->zones - 1;
}

/* The ra of the box for one in [0, 360): also in [0, 360). */
static inline double cat_match_turned(const struct cat_match_index *ix, double ra_deg)
{
	const double t = ra_deg + ix->turn_deg;

	return t < 360 ? t : t - 360;
}

/* Of a turned ra; outside of the box its first or last. */
static inline uint64_t cat_match_quantum(const struct cat_match_index *ix, double turned_deg)
{
	const double q = (turned_deg - ix->ra0_deg) * ix->quanta_per_deg;
	const uint64_t last = (UINT64_C(1) << ix->quantum_bits) - 1;

	/* Signed: the conversion to unsigned branches. */
	return q < 0 ? 0 : q < (double)last ? (uint64_t)(int64_t)q : last;
}

static inline uint64_t cat_match_key(const struct cat_match_index *ix, double ra_deg, double dec_deg)
{
	return (uint64_t)cat_match_zone(ix, dec_deg) << ix->quantum_bits |
	       cat_match_quantum(ix, cat_match_turned(ix, cat_sky_normal_ra(ra_deg)));
}

static inline int cat_match_bits(uint64_t values)
{
	return values > 1 ? 64 - __builtin_clzll(values - 1) : 0;
}

/* First of rows [LO, HI), all of one zone, whose quantum is at least Q. */
static inline int64_t cat_match_lower_bound(const struct cat_match_index *ix, int64_t lo, int64_t hi, uint64_t q)
{
	int64_t n = hi - lo;

	while (n > 0) {
		const int64_t half = (n + 1) / 2;

		lo += cat_match_quantum(ix, cat_match_turned(ix, ix->ra_deg[lo + half - 1])) < q ? half : 0;
		n -= half;
	}
	return lo;
}

/* Cells of more rows have them ordered by quantum. */
#define CAT_MATCH_CROWD 32
/* Rows [*FROM, *TO) of zone Z that may have quanta in [LO, HI]. */
static inline void cat_match_window(const struct cat_match_index *ix, int64_t z, uint64_t lo, uint64_t hi, int64_t *from,
                                    int64_t *to)
{
	const uint64_t zone = (uint64_t)z << ix->quantum_bits;
	const uint32_t *first = &ix->start[(zone | lo) >> ix->cell_shift],
	               *last = &ix->start[(zone | hi) >> ix->cell_shift];

	*from = first[0];
	*to = last[1];
	if (first[1] - first[0] > CAT_MATCH_CROWD)
		*from = cat_match_lower_bound(ix, first[0], first[1], lo);
	if (last[1] - last[0] > CAT_MATCH_CROWD)
		*to = cat_match_lower_bound(ix, last[0], last[1], hi + 1);
}

/* A radius that holds many rows is approached from below when only the nearest are wanted. */
static inline bool cat_match_from_below(const struct cat_match_index *ix, int64_t k)
{
	return k != CAT_MATCH_ALL && ix->radius_deg > ix->spacing_deg / 4;
}

/* Half of the window of ra that holds every point within R of a point at DEC; 180: all the way round. */
double cat_match_reach(double r_deg, double dec_deg);
/* Valid rows in key order: words of (key without its last SHIFT bits, row), the row in the last cat_match_bits(N)
 * bits. *COUNT is how many; the caller frees *OUT. Rows with equal words keep their order. */
CAT_MUST_USE int cat_match_sorted_rows(const struct cat_match_index *ix, const double *ra_deg, const double *dec_deg,
                                       int64_t n, int shift, uint64_t **out, int64_t *count, struct cat_error *err);

/* Do rows that follow each other lie within a few rows of the index? */
bool cat_match_coherent(const struct cat_match_index *ix, const double *ra_deg, const double *dec_deg, int64_t n);

/* Appends the pairs of one valid left row, nearest first. */
CAT_MUST_USE int cat_match_row(const struct cat_match_index *ix, double ra_deg, double dec_deg, uint32_t left, int64_t k,
                               struct cat_pairs *out, struct cat_error *err);
/* Appends the pairs of rows [FIRST, FIRST + N), which need not be valid, in their order: fast when rows that follow
 * each other lie near each other. */
CAT_MUST_USE int cat_match_rows(const struct cat_match_index *ix, const double *ra_deg, const double *dec_deg,
                                int64_t first, int64_t n, int64_t k, struct cat_pairs *out, struct cat_error *err);

/* Room for at least N pairs more. */
CAT_MUST_USE int cat_pairs_room(struct cat_pairs *p, int64_t n, struct cat_error *err);
/* Nearest first; the earlier right row first among equals. */
void cat_pairs_sort(struct cat_pair *p, int64_t n);
static inline bool cat_pair_nearer(const struct cat_pair *a, const struct cat_pair *b)
{
	return a->sep_deg < b->sep_deg || (a->sep_deg == b->sep_deg && a->right < b->right);
}

#endif
