#include "sky/match_impl.h"

#include <string.h>

#include "base/alloc.h"

#define NO_ROW UINT32_MAX
/* Below this many left rows it does not pay to sort them. */
#define SORT_MIN 512
/* Left rows queried at a time. */
#define BLOCK 64
/* Left rows sorted at a time. */
#define TILE (1 << 20)

/* --- pairs --- */

void cat_pairs_fini(struct cat_pairs *p)
{
	cat_free(p->at);
	memset(p, 0, sizeof *p);
}

int cat_pairs_room(struct cat_pairs *p, int64_t n, struct cat_error *err)
{
	int64_t cap = p->cap ? 2 * p->cap : 1024;
	struct cat_pair *at;

	if (p->n + n <= p->cap)
		return CAT_OK;
	cap = cap < p->n + n ? p->n + n : cap;
	at = cat_realloc(p->at, (size_t)cap, sizeof *at);
	if (!at)
		return cat_fail_mem(err, (size_t)cap * sizeof *at);
	p->at = at;
	p->cap = cap;
	return CAT_OK;
}

/* Lets the pair at ROOT sink to its place in a heap whose farthest pair is on top. */
static void sink(struct cat_pair *heap, int64_t root, int64_t n)
{
	const struct cat_pair p = heap[root];

	for (int64_t child; (child = 2 * root + 1) < n; root = child) {
		if (child + 1 < n && cat_pair_nearer(&heap[child], &heap[child + 1]))
			child++;
		if (!cat_pair_nearer(&p, &heap[child]))
			break;
		heap[root] = heap[child];
	}
	heap[root] = p;
}

void cat_pairs_sort(struct cat_pair *p, int64_t n)
{
	for (int64_t i = n / 2 - 1; i >= 0; i--)
		sink(p, i, n);
	for (int64_t i = n - 1; i > 0; i--) {
		const struct cat_pair last = p[i];

		p[i] = p[0];
		p[0] = last;
		sink(p, 0, i);
	}
}

/* Puts pairs from FROM on, which were found row by row in any order of their N rows, the first being row FIRST,
 * into left order. */
static int left_order(struct cat_pairs *p, int64_t from, int64_t first, int64_t n, struct cat_error *err)
{
	const int64_t m = p->n - from;
	struct cat_pair *found = cat_malloc((size_t)m * sizeof *found), *to = p->at + from;
	int64_t *at = cat_calloc((size_t)n, sizeof *at), sum = 0;

	if (!found || !at) {
		cat_free(found);
		cat_free(at);
		return cat_fail_mem(err, (size_t)m * sizeof *found);
	}
	for (int64_t i = 0; i < m; i++) {
		found[i] = to[i];
		at[found[i].left - first]++;
	}
	for (int64_t i = 0; i < n; i++) {
		const int64_t count = at[i];

		at[i] = sum;
		sum += count;
	}
	for (int64_t i = 0; i < m; i++)
		to[at[found[i].left - first]++] = found[i];
	cat_free(found);
	cat_free(at);
	return CAT_OK;
}

/* Queries a block of rows. Everything that is read out of order is asked for before it is needed, for the
 * whole block at once, so that the waits overlap. */
static int query_block(const struct cat_match_index *ix, const double *ra_deg, const double *dec_deg,
                       int64_t first, const uint64_t *order, int64_t n, int row_bits, int64_t k,
                       struct cat_pairs *out, struct cat_error *err)
{
	double ra[BLOCK], dec[BLOCK];
	uint32_t row[BLOCK];

	for (int64_t i = 0; i < n; i++) {
		row[i] = (uint32_t)(first + (int64_t)(order[i] & ((UINT64_C(1) << row_bits) - 1)));
		__builtin_prefetch(&ix->start[order[i] >> row_bits]);
		ra[i] = ra_deg[row[i]];
		dec[i] = dec_deg[row[i]];
	}
	for (int64_t i = 0; i < n; i++) {
		const uint32_t at = ix->start[order[i] >> row_bits];

		__builtin_prefetch(&ix->ra_deg[at]);
		__builtin_prefetch(&ix->dec_deg[at]);
		__builtin_prefetch(&ix->row[at]);
	}
	for (int64_t i = 0; i < n; i++)
		CAT_TRY(cat_match_row(ix, ra[i], dec[i], row[i], k, out, err));
	return CAT_OK;
}

/* Rows [FIRST, FIRST + N), in the order of the sky. */
static int query_sorted(const struct cat_match_index *ix, const double *ra_deg, const double *dec_deg,
                        int64_t first, int64_t n, int64_t k, struct cat_pairs *out, struct cat_error *err)
{
	const int row_bits = cat_match_bits((uint64_t)n);
	const int64_t before = out->n;
	uint64_t *order;
	int64_t m;
	int rc = cat_match_sorted_rows(ix, ra_deg + first, dec_deg + first, n, ix->cell_shift, &order, &m, err);

	if (rc != CAT_OK)
		return rc;
	for (int64_t i = 0; rc == CAT_OK && i < m; i += BLOCK)
		rc = query_block(ix, ra_deg, dec_deg, first, order + i, m - i < BLOCK ? m - i : BLOCK, row_bits, k,
		                 out, err);
	cat_free(order);
	return rc == CAT_OK ? left_order(out, before, first, n, err) : rc;
}

int cat_match_query(const struct cat_match_index *ix, const double *ra_deg, const double *dec_deg, int64_t n,
                    int64_t k, struct cat_pairs *out, struct cat_error *err)
{
	int rc = CAT_OK;

	out->n = 0;
	if (n >= UINT32_MAX)
		return cat_fail(err, CAT_E_UNSUPPORTED, "more than %u rows in one piece of a match",
		                UINT32_MAX - 1);
	for (int64_t at = 0; rc == CAT_OK && at < n; at += TILE) {
		const int64_t m = n - at < TILE ? n - at : TILE;

		rc = m < SORT_MIN || cat_match_coherent(ix, ra_deg + at, dec_deg + at, m)
		             ? cat_match_rows(ix, ra_deg, dec_deg, at, m, k, out, err)
		             : query_sorted(ix, ra_deg, dec_deg, at, m, k, out, err);
	}
	if (rc != CAT_OK)
		out->n = 0;
	return rc;
}

/* --- the other way round --- */

/* Sets NEAREST[i] to the partner of each left position I, or NO_ROW. */
static int nearest_rows(const struct cat_positions *left, const struct cat_positions *right, double radius_deg,
                        uint32_t *nearest, struct cat_pairs *p, struct cat_error *err)
{
	struct cat_match_index *ix;
	int rc;

	CAT_TRY(cat_match_index_new(right->ra_deg, right->dec_deg, right->n, radius_deg, &ix, err));
	rc = cat_match_query(ix, left->ra_deg, left->dec_deg, left->n, 1, p, err);
	cat_match_index_free(ix);
	CAT_TRY(rc);
	for (int64_t i = 0; i < left->n; i++)
		nearest[i] = NO_ROW;
	for (int64_t i = 0; i < p->n; i++)
		nearest[p->at[i].left] = p->at[i].right;
	return CAT_OK;
}

/* Keeps the pairs of right rows that are their left row's nearest. */
static int keep_mutual(const struct cat_positions *left, const struct cat_positions *right, double radius_deg,
                       struct cat_pairs *out, struct cat_error *err)
{
	uint32_t *nearest = cat_malloc((size_t)left->n * sizeof *nearest);
	struct cat_pairs there = {0};
	int64_t n = 0;
	int rc = nearest ? nearest_rows(left, right, radius_deg, nearest, &there, err)
	                 : cat_fail_mem(err, (size_t)left->n * sizeof *nearest);

	for (int64_t i = 0; rc == CAT_OK && i < out->n; i++)
		if (nearest[out->at[i].left] == out->at[i].right)
			out->at[n++] = out->at[i];
	out->n = n;
	cat_pairs_fini(&there);
	cat_free(nearest);
	return rc;
}

int cat_match_back(const struct cat_positions *left, const struct cat_positions *right, double radius_deg,
                   bool mutual, struct cat_pairs *out, struct cat_error *err)
{
	struct cat_match_index *ix;
	int rc;

	out->n = 0;
	if (right->n >= UINT32_MAX)
		return cat_fail(err, CAT_E_UNSUPPORTED, "more than %u rows on the right of a match",
		                UINT32_MAX - 1);
	CAT_TRY(cat_match_index_new(left->ra_deg, left->dec_deg, left->n, radius_deg, &ix, err));
	rc = cat_match_query(ix, right->ra_deg, right->dec_deg, right->n, 1, out, err);
	cat_match_index_free(ix);
	for (int64_t i = 0; rc == CAT_OK && i < out->n; i++) {
		const uint32_t was_left = out->at[i].left;

		out->at[i].left = out->at[i].right;
		out->at[i].right = was_left;
	}
	if (rc == CAT_OK && mutual)
		rc = keep_mutual(left, right, radius_deg, out, err);
	if (rc == CAT_OK)
		rc = left_order(out, 0, 0, left->n, err);
	for (int64_t from = 0, to; rc == CAT_OK && from < out->n; from = to) {
		for (to = from + 1; to < out->n && out->at[to].left == out->at[from].left; to++)
			;
		cat_pairs_sort(out->at + from, to - from);
	}
	if (rc != CAT_OK)
		out->n = 0;
	return rc;
}
