#include "sky/match_impl.h"

/* The largest ra below 360. */
#define RA_LAST 359.99999999999994

/* One left position and what is looked for around it. */
struct probe {
	double ra_deg; /* in [0, 360) */
	double dec_deg;
	double bound_deg; /* shrinks to the nearest so far when only that is wanted */
	double reach_deg;
	uint32_t left;
	bool nearest;
	struct cat_pair best; /* of a nearest probe; right is meaningless while sep_deg is infinite */
};

/* Tests rows [LO, HI). */
static inline int test_rows(const struct cat_match_index *ix, int64_t lo, int64_t hi, struct probe *p,
                            struct cat_pairs *out, struct cat_error *err)
{
	for (int64_t i = lo; i < hi; i++) {
		const double dra = fabs(ix->ra_deg[i] - p->ra_deg), ddec = fabs(ix->dec_deg[i] - p->dec_deg);
		struct cat_pair pair;

		if (ddec > p->bound_deg + CAT_MATCH_SLACK_DEG || (dra > p->reach_deg && dra < 360 - p->reach_deg))
			continue;
		pair.sep_deg = cat_sky_separation_deg(p->ra_deg, p->dec_deg, ix->ra_deg[i], ix->dec_deg[i]);
		if (pair.sep_deg > p->bound_deg)
			continue;
		pair.left = p->left;
		pair.right = ix->row[i];
		if (p->nearest) {
			if (cat_pair_nearer(&pair, &p->best)) {
				p->best = pair;
				p->bound_deg = pair.sep_deg;
			}
			continue;
		}
		CAT_TRY(cat_pairs_room(out, 1, err));
		out->at[out->n++] = pair;
	}
	return CAT_OK;
}

/* Rows of zone Z with turned ra in [LO, HI], both in [0, 360). */
static inline int test_window(const struct cat_match_index *ix, int64_t z, double lo_deg, double hi_deg,
                              struct probe *p, struct cat_pairs *out, struct cat_error *err)
{
	int64_t from, to;

	cat_match_window(ix, z, cat_match_quantum(ix, lo_deg), cat_match_quantum(ix, hi_deg), &from, &to);
	return test_rows(ix, from, to, p, out, err);
}

/* Everything within p->bound_deg. */
static inline int test_zones(const struct cat_match_index *ix, struct probe *p, struct cat_pairs *out,
                             struct cat_error *err)
{
	const double bound = p->bound_deg + CAT_MATCH_SLACK_DEG, ra = cat_match_turned(ix, p->ra_deg), lo = ra - p->reach_deg,
	             hi = ra + p->reach_deg;
	const int64_t first = cat_match_zone(ix, p->dec_deg - bound), last = cat_match_zone(ix, p->dec_deg + bound);
	const bool wraps = lo < 0 || hi >= 360;
	const double wrapped_lo = lo < 0 ? fmin(lo + 360, RA_LAST) : lo, wrapped_hi = hi >= 360 ? hi - 360 : hi;
	/* Two windows must not share a cell: its rows would be tested twice. */
	const bool whole = p->reach_deg >= 180 || (wraps && cat_match_quantum(ix, wrapped_hi) >> ix->cell_shift >=
	                                                            cat_match_quantum(ix, wrapped_lo) >> ix->cell_shift);

	for (int64_t z = first; z <= last; z++) {
		if (whole) {
			CAT_TRY(test_window(ix, z, 0, RA_LAST, p, out, err));
		} else if (wraps) {
			CAT_TRY(test_window(ix, z, 0, wrapped_hi, p, out, err));
			CAT_TRY(test_window(ix, z, wrapped_lo, RA_LAST, p, out, err));
		} else {
			CAT_TRY(test_window(ix, z, lo, hi, p, out, err));
		}
	}
	return CAT_OK;
}

/* A radius that holds about K rows, from how full the position's own cell is. */
static double first_bound(const struct cat_match_index *ix, const struct probe *p, int64_t k)
{
	const int64_t cell = (int64_t)(cat_match_key(ix, p->ra_deg, p->dec_deg) >> ix->cell_shift);
	const double rows = (double)(ix->start[cell + 1] - ix->start[cell]);
	const double area = ix->cell_width_deg * cos(p->dec_deg * CAT_DEG_RAD) / ix->zones_per_deg;

	return sqrt((double)k * fmax(area, 1e-12) / fmax(rows, 1));
}

int cat_match_row(const struct cat_match_index *ix, double ra_deg, double dec_deg, uint32_t left, int64_t k,
                  struct cat_pairs *out, struct cat_error *err)
{
	const double r = ix->radius_deg;
	const int64_t before = out->n;
	struct probe p = {
		.ra_deg = cat_sky_normal_ra(ra_deg), .dec_deg = dec_deg, .left = left, .nearest = k == 1};
	const bool outside = dec_deg < ix->dec0_deg || dec_deg > ix->dec1_deg;
	double bound = r;

	if (outside && (dec_deg < ix->dec0_deg - r - CAT_MATCH_SLACK_DEG || dec_deg > ix->dec1_deg + r + CAT_MATCH_SLACK_DEG))
		return CAT_OK;
	if (cat_match_from_below(ix, k))
		bound = fmin(r, first_bound(ix, &p, k));
	for (;;) {
		out->n = before;
		p.best.sep_deg = INFINITY;
		p.bound_deg = bound;
		p.reach_deg = bound == r && !outside ? ix->reach_deg[cat_match_zone(ix, dec_deg)] : cat_match_reach(bound, dec_deg);
		CAT_TRY(test_zones(ix, &p, out, err));
		if (bound == r || (p.nearest ? p.best.sep_deg < INFINITY : out->n - before >= k))
			break;
		bound = fmin(r, 4 * bound);
	}
	if (!p.nearest) {
		if (out->n - before > 1)
			cat_pairs_sort(out->at + before, out->n - before);
		if (k != CAT_MATCH_ALL && out->n - before > k)
			out->n = before + k;
	} else if (p.best.sep_deg < INFINITY) {
		CAT_TRY(cat_pairs_room(out, 1, err));
		out->at[out->n++] = p.best;
	}
	return CAT_OK;
}

