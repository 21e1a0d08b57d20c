/* Left rows in their own order, as those of a catalogue come: no sort, and what nearly all of them need is done for
 * many at a time. */
#include "sky/match_impl.h"

/* Left rows whose windows are found together, so that the waits for what they read overlap. */
#define BLOCK 128
/* A window of more rows is searched from its row alone. */
#define WINDOW_MAX 48
/* Candidates whose separations are taken together. */
#define CANDIDATES 512

/* What one left row must look at: rows [FROM, TO) of the index. */
struct window {
	double ra_deg, dec_deg, reach_deg;
	uint32_t left, from, to; /* TO below FROM: the row goes its own way */
};
/* A row of the index inside the window. */
struct candidate {
	double ra_deg, dec_deg;
	uint32_t left, at;
};
struct rows {
	const struct cat_match_index *ix;
	int64_t k;
	struct cat_pairs *out;
	struct window window[2 * BLOCK];
	int64_t nwindows;
	struct candidate candidate[CANDIDATES];
	int64_t ncandidates;
};

/* Adds what a row must look at: at most one run of cells in each of two zones, or it goes its own way. */
static inline void add_window(struct rows *r, double ra_deg, double dec_deg, uint32_t left)
{
	const struct cat_match_index *ix = r->ix;
	const double bound = ix->radius_deg + CAT_MATCH_SLACK_DEG, turned = cat_match_turned(ix, ra_deg);
	const int64_t first = cat_match_zone(ix, dec_deg - bound), last = cat_match_zone(ix, dec_deg + bound);
	const double reach_first = ix->reach_deg[first], reach_last = ix->reach_deg[last];
	const double reach = reach_first > reach_last ? reach_first : reach_last;
	const struct window own_way = {ra_deg, dec_deg, reach, left, 1, 0};

	if (last - first > 1 || turned < reach || turned + reach >= 360 || dec_deg < ix->dec0_deg ||
	    dec_deg > ix->dec1_deg) {
		r->window[r->nwindows++] = own_way;
		return;
	}
	for (int64_t z = first; z <= last; z++) {
		int64_t from, to;

		cat_match_window(ix, z, cat_match_quantum(ix, turned - reach), cat_match_quantum(ix, turned + reach), &from,
		                 &to);
		if (to - from > WINDOW_MAX) {
			r->nwindows -= z > first;
			r->window[r->nwindows++] = own_way;
			return;
		}
		__builtin_prefetch(&ix->ra_deg[from]);
		__builtin_prefetch(&ix->dec_deg[from]);
		r->window[r->nwindows++] =
			(struct window){ra_deg, dec_deg, reach, left, (uint32_t)from, (uint32_t)to};
	}
}

/* Pairs of one row from FROM on: nearest first, at most K. */
static void finish_row(struct rows *r, int64_t from)
{
	struct cat_pairs *out = r->out;

	if (out->n - from > 1)
		cat_pairs_sort(out->at + from, out->n - from);
	if (r->k != CAT_MATCH_ALL && out->n - from > r->k)
		out->n = from + r->k;
}

/* Candidates within the radius become pairs. All of a row's are there. */
static int take_candidates(struct rows *r, struct cat_error *err)
{
	const struct cat_match_index *ix = r->ix;
	struct cat_pairs *out = r->out;
	double sep_deg[CANDIDATES];
	int64_t from = out->n;

	CAT_TRY(cat_pairs_room(out, r->ncandidates, err));
	for (int64_t i = 0; i < r->ncandidates; i++) {
		const struct candidate *c = &r->candidate[i];

		sep_deg[i] = cat_sky_separation_deg(c->ra_deg, c->dec_deg, ix->ra_deg[c->at], ix->dec_deg[c->at]);
	}
	for (int64_t i = 0; i < r->ncandidates; i++) {
		const struct candidate *c = &r->candidate[i];

		if (i && c->left != c[-1].left) {
			finish_row(r, from);
			from = out->n;
		}
		out->at[out->n] = (struct cat_pair){sep_deg[i], c->left, ix->row[c->at]};
		out->n += sep_deg[i] <= ix->radius_deg;
	}
	finish_row(r, from);
	r->ncandidates = 0;
	return CAT_OK;
}

static int search_windows(struct rows *r, struct cat_error *err)
{
	const struct cat_match_index *ix = r->ix;
	const double bound = ix->radius_deg + CAT_MATCH_SLACK_DEG;

	for (int64_t i = 0; i < r->nwindows; i++) {
		const struct window *w = &r->window[i];

		/* A row has at most two windows. */
		if (r->ncandidates > CANDIDATES - 2 * WINDOW_MAX && (i == 0 || w->left != w[-1].left))
			CAT_TRY(take_candidates(r, err));
		if (w->to < w->from) {
			CAT_TRY(take_candidates(r, err));
			CAT_TRY(cat_match_row(ix, w->ra_deg, w->dec_deg, w->left, r->k, r->out, err));
			continue;
		}
		for (uint32_t at = w->from; at < w->to; at++) {
			const double dra = fabs(ix->ra_deg[at] - w->ra_deg), ddec = fabs(ix->dec_deg[at] - w->dec_deg);

			r->candidate[r->ncandidates] = (struct candidate){w->ra_deg, w->dec_deg, w->left, at};
			r->ncandidates += (ddec <= bound) & ((dra <= w->reach_deg) | (dra >= 360 - w->reach_deg));
		}
	}
	r->nwindows = 0;
	return take_candidates(r, err);
}

int cat_match_rows(const struct cat_match_index *ix, const double *ra_deg, const double *dec_deg, int64_t first,
                   int64_t n, int64_t k, struct cat_pairs *out, struct cat_error *err)
{
	const bool alone = cat_match_from_below(ix, k);
	struct rows r = {.ix = ix, .k = k, .out = out};

	for (int64_t i = first; i < first + n; i++) {
		if (!cat_sky_valid(ra_deg[i], dec_deg[i]))
			continue;
		if (alone) {
			CAT_TRY(cat_match_row(ix, ra_deg[i], dec_deg[i], (uint32_t)i, k, out, err));
			continue;
		}
		add_window(&r, cat_sky_normal_ra(ra_deg[i]), dec_deg[i], (uint32_t)i);
		if (r.nwindows > 2 * BLOCK - 2)
			CAT_TRY(search_windows(&r, err));
	}
	return search_windows(&r, err);
}
