#include "sky/match.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
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
	int64_t n;
	int64_t zones;
	int quantum_bits; /* of the key, below the zone */
	int cell_shift;   /* key to cell */
	double *ra_deg;   /* in [0, 360) */
	double *dec_deg;
	uint32_t *row;
	uint32_t *start;  /* of each cell; one more at the end */
	double *reach_deg; /* by the zone of the left position: half the window of ra for the whole radius */
};

/* Slack for the rounding of window edges; what is inside is decided by the separation. */
#define SLACK_DEG 1e-9
/* The largest ra below 360. */
#define RA_LAST 359.99999999999994
#define NO_ROW UINT32_MAX
#define RADIX_BITS 10
#define RADIX_MASK ((1u << RADIX_BITS) - 1)
#define RADIX_PASSES 4
/* Below this many left rows it does not pay to sort them. */
#define SORT_MIN 512
/* Left rows queried at a time. */
#define BLOCK 64
/* How far ahead rows are fetched that are read out of order. */
#define AHEAD 16
/* Left rows sorted at a time. */
#define TILE (1 << 20)

static int64_t zone_of(const struct cat_match_index *ix, double dec_deg)
{
	const int64_t z = (int64_t)((dec_deg - ix->dec0_deg) * ix->zones_per_deg);

	return z < 0 ? 0 : z < ix->zones ? z : ix->zones - 1;
}

/* The ra of the box for one in [0, 360): also in [0, 360). */
static double turned(const struct cat_match_index *ix, double ra_deg)
{
	const double t = ra_deg + ix->turn_deg;

	return t < 360 ? t : t - 360;
}

/* Of a turned ra; outside of the box its first or last. */
static uint64_t quantum_of(const struct cat_match_index *ix, double turned_deg)
{
	const double q = (turned_deg - ix->ra0_deg) * ix->quanta_per_deg;
	const uint64_t last = (UINT64_C(1) << ix->quantum_bits) - 1;

	return q < 0 ? 0 : q < (double)last ? (uint64_t)q : last;
}

static uint64_t key_of(const struct cat_match_index *ix, double ra_deg, double dec_deg)
{
	return (uint64_t)zone_of(ix, dec_deg) << ix->quantum_bits |
	       quantum_of(ix, turned(ix, cat_sky_normal_ra(ra_deg)));
}

static int bits_for(uint64_t values)
{
	return values > 1 ? 64 - __builtin_clzll(values - 1) : 0;
}

/* Half of the window of ra that holds every point within R of a point at DEC; 180: all the way round. */
static double reach(double r_deg, double dec_deg)
{
	const double pole = fabs(dec_deg) + r_deg;

	if (pole >= 90 - SLACK_DEG)
		return 180;
	return asin(sin(r_deg * CAT_DEG_RAD) / cos(dec_deg * CAT_DEG_RAD)) * CAT_RAD_DEG * (1 + 1e-12) + SLACK_DEG;
}

/* --- sorting rows by key: key and row number share one word, so that eight bytes move and not sixteen --- */

struct histograms {
	int64_t at[RADIX_PASSES][1 << RADIX_BITS];
};

/* Sorts A by the digits above its last FROM bits, which H has counted, keeping the order of equals; TMP is as
 * long as A. The result is in A. */
static void radix_sort(uint64_t **a, uint64_t **tmp, int64_t n, int from, int passes, struct histograms *h)
{
	for (int pass = 0; pass < passes; pass++) {
		const int bit = from + pass * RADIX_BITS;
		const uint64_t *src = *a;
		uint64_t *dst = *tmp;
		int64_t *at = h->at[pass], sum = 0;

		for (int64_t d = 0; d < 1 << RADIX_BITS; d++) {
			const int64_t count = at[d];

			at[d] = sum;
			sum += count;
		}
		for (int64_t i = 0; i < n; i++)
			dst[at[src[i] >> bit & RADIX_MASK]++] = src[i];
		*tmp = *a;
		*a = dst;
	}
}

/* Valid rows in key order: words of (key without its last SHIFT bits, row). *COUNT is how many; the caller
 * frees *OUT. Rows with equal words keep their order. */
static int sorted_rows(const struct cat_match_index *ix, const double *ra_deg, const double *dec_deg, int64_t n,
                       int shift, uint64_t **out, int64_t *count, struct cat_error *err)
{
	const int row_bits = bits_for((uint64_t)n),
	          key_bits = ix->quantum_bits + bits_for((uint64_t)ix->zones) - shift;
	const int passes = (key_bits + RADIX_BITS - 1) / RADIX_BITS;
	uint64_t *a = cat_malloc((size_t)n * sizeof *a), *tmp = cat_malloc((size_t)n * sizeof *tmp);
	struct histograms *h = cat_calloc(1, sizeof *h);
	int64_t m = 0;

	if (!a || !tmp || !h) {
		cat_free(a);
		cat_free(tmp);
		cat_free(h);
		return cat_fail_mem(err, (size_t)n * sizeof *a);
	}
	for (int64_t i = 0; i < n; i++) {
		uint64_t key;

		if (!cat_sky_valid(ra_deg[i], dec_deg[i]))
			continue;
		key = key_of(ix, ra_deg[i], dec_deg[i]) >> shift;
		a[m++] = key << row_bits | (uint64_t)i;
		for (int pass = 0; pass < passes; pass++)
			h->at[pass][key >> (pass * RADIX_BITS) & RADIX_MASK]++;
	}
	radix_sort(&a, &tmp, m, row_bits, passes, h);
	cat_free(tmp);
	cat_free(h);
	*out = a;
	*count = m;
	return CAT_OK;
}

/* --- making the index --- */

/* The box that holds all valid rows. */
static void find_box(struct cat_match_index *ix, const double *ra_deg, const double *dec_deg, int64_t n,
                     double *width_deg, double *height_deg)
{
	/* ra from 0 and from 180 degrees on: the narrower of both. */
	double lo[2] = {360, 360}, hi[2] = {0, 0}, south = 90, north = -90;
	int k;

	for (int64_t i = 0; i < n; i++) {
		double ra, turn;

		if (!cat_sky_valid(ra_deg[i], dec_deg[i]))
			continue;
		ra = cat_sky_normal_ra(ra_deg[i]);
		turn = ra < 180 ? ra + 180 : ra - 180;
		lo[0] = ra < lo[0] ? ra : lo[0];
		hi[0] = ra > hi[0] ? ra : hi[0];
		lo[1] = turn < lo[1] ? turn : lo[1];
		hi[1] = turn > hi[1] ? turn : hi[1];
		south = dec_deg[i] < south ? dec_deg[i] : south;
		north = dec_deg[i] > north ? dec_deg[i] : north;
	}
	k = hi[1] - lo[1] < hi[0] - lo[0];
	ix->turn_deg = k ? 180 : 0;
	ix->ra0_deg = lo[k];
	ix->dec0_deg = fmin(south, north);
	ix->dec1_deg = fmax(south, north);
	/* Never nothing: quanta are a part of it. */
	*width_deg = fmax(hi[k] - lo[k], 1e-6);
	*height_deg = fmax(north - south, 1e-6);
}

/* Zones of some forty radii, so that most rows look into one zone only, but no more than two rows apart, and
 * no more zones than rows; cells of about two rows, ordered inside a little further for where rows crowd. With
 * at most 2^32 rows a key has at most 32 + 8 bits and, where the row number beside it leaves fewer, at least the
 * bits of its cell. */
static void lay_out(struct cat_match_index *ix, const double *ra_deg, const double *dec_deg, int64_t n)
{
	const double rows = n > 1 ? (double)n : 1;
	double height, box_width, box_height, area;
	int cell_bits = 0, zone_bits, bits;

	find_box(ix, ra_deg, dec_deg, n, &box_width, &box_height);
	area = box_width * CAT_RAD_DEG *
	       fmax(sin(ix->dec1_deg * CAT_DEG_RAD) - sin(ix->dec0_deg * CAT_DEG_RAD), 1e-12);
	ix->spacing_deg = sqrt(area / rows);
	height = fmin(fmax(40 * ix->radius_deg, 2 * box_height / rows), 2 * ix->spacing_deg);
	ix->zones = height >= box_height ? 1 : (int64_t)fmin(box_height / height + 1, rows);
	ix->zones_per_deg = (double)ix->zones / box_height;
	while ((double)(ix->zones << (cell_bits + 2)) <= rows)
		cell_bits++;
	zone_bits = bits_for((uint64_t)ix->zones);
	/* Whole digits of the sort. */
	bits = (zone_bits + cell_bits + 8 + RADIX_BITS - 1) / RADIX_BITS * RADIX_BITS;
	if (bits > 64 - bits_for((uint64_t)rows))
		bits = 64 - bits_for((uint64_t)rows);
	ix->quantum_bits = bits - zone_bits;
	ix->cell_shift = ix->quantum_bits - cell_bits;
	ix->cell_width_deg = box_width / (double)(INT64_C(1) << cell_bits);
	ix->quanta_per_deg = (double)(INT64_C(1) << ix->quantum_bits) / box_width;
}

static size_t cells_of(const struct cat_match_index *ix)
{
	return (size_t)(ix->zones << (ix->quantum_bits - ix->cell_shift));
}

/* Values of the rows in ORDER's order. */
static void in_order(double *to, const double *from, const uint64_t *order, int64_t n, uint64_t row_mask)
{
	for (int64_t i = 0; i < n; i++) {
		if (i + AHEAD < n)
			__builtin_prefetch(&from[order[i + AHEAD] & row_mask]);
		to[i] = from[order[i] & row_mask];
	}
}

/* Where each cell starts, and how far a row of each zone looks. */
static void fill_directory(struct cat_match_index *ix)
{
	const int64_t cells = (int64_t)cells_of(ix);
	int64_t next = 0;

	for (int64_t i = 0; i < ix->n; i++) {
		const int64_t cell = (int64_t)(key_of(ix, ix->ra_deg[i], ix->dec_deg[i]) >> ix->cell_shift);

		while (next <= cell)
			ix->start[next++] = (uint32_t)i;
	}
	while (next <= cells)
		ix->start[next++] = (uint32_t)ix->n;
	for (int64_t z = 0; z < ix->zones; z++) {
		const double low = ix->dec0_deg + (double)z / ix->zones_per_deg,
		             high = ix->dec0_deg + (double)(z + 1) / ix->zones_per_deg;

		ix->reach_deg[z] = reach(ix->radius_deg, fmin(90, fmax(fabs(low), fabs(high)) + SLACK_DEG));
	}
}

/* A list that is the caller's to give is freed as soon as it was copied. */
struct list {
	const double *values;
	double **own; /* NULL: it stays */
};

static int copy_list(const struct cat_match_index *ix, struct list *l, const uint64_t *order, uint64_t row_mask,
                     double **to, struct cat_error *err)
{
	*to = cat_malloc((size_t)ix->n * sizeof **to);
	if (!*to)
		return cat_fail_mem(err, (size_t)ix->n * sizeof **to);
	in_order(*to, l->values, order, ix->n, row_mask);
	if (l->own) {
		cat_free(*l->own);
		*l->own = NULL;
	}
	return CAT_OK;
}

static int build(struct cat_match_index *ix, struct list *ra, struct list *dec, int64_t n, struct cat_error *err)
{
	const uint64_t row_mask = (UINT64_C(1) << bits_for((uint64_t)n)) - 1;
	uint64_t *order;
	int rc;

	lay_out(ix, ra->values, dec->values, n);
	CAT_TRY(sorted_rows(ix, ra->values, dec->values, n, 0, &order, &ix->n, err));
	rc = copy_list(ix, ra, order, row_mask, &ix->ra_deg, err);
	if (rc == CAT_OK)
		rc = copy_list(ix, dec, order, row_mask, &ix->dec_deg, err);
	ix->row = cat_malloc((size_t)ix->n * sizeof *ix->row);
	ix->start = cat_malloc((cells_of(ix) + 1) * sizeof *ix->start);
	ix->reach_deg = cat_malloc((size_t)ix->zones * sizeof *ix->reach_deg);
	if (rc == CAT_OK && (!ix->row || !ix->start || !ix->reach_deg))
		rc = cat_fail_mem(err, (size_t)n * 20);
	for (int64_t i = 0; rc == CAT_OK && i < ix->n; i++) {
		ix->row[i] = (uint32_t)(order[i] & row_mask);
		ix->ra_deg[i] = cat_sky_normal_ra(ix->ra_deg[i]);
	}
	cat_free(order);
	if (rc == CAT_OK)
		fill_directory(ix);
	return rc;
}

static int new_index(struct list *ra, struct list *dec, int64_t n, double radius_deg, struct cat_match_index **out,
                     struct cat_error *err)
{
	struct cat_match_index *ix;
	int rc;

	if (!(radius_deg >= 0 && radius_deg <= 180))
		return cat_fail(err, CAT_E_USAGE, "a match radius must be from 0 to 180 degrees");
	if (n >= UINT32_MAX)
		return cat_fail(err, CAT_E_UNSUPPORTED, "more than %u rows on the right of a match",
		                UINT32_MAX - 1);
	ix = cat_calloc(1, sizeof *ix);
	if (!ix)
		return cat_fail_mem(err, sizeof *ix);
	ix->radius_deg = radius_deg;
	rc = build(ix, ra, dec, n, err);
	if (rc != CAT_OK) {
		cat_match_index_free(ix);
		return rc;
	}
	*out = ix;
	return CAT_OK;
}

int cat_match_index_new(const double *ra_deg, const double *dec_deg, int64_t n, double radius_deg,
                        struct cat_match_index **out, struct cat_error *err)
{
	return new_index(&(struct list){ra_deg, NULL}, &(struct list){dec_deg, NULL}, n, radius_deg, out, err);
}

int cat_match_index_take(double **ra_deg, double **dec_deg, int64_t n, double radius_deg,
                         struct cat_match_index **out, struct cat_error *err)
{
	return new_index(&(struct list){*ra_deg, ra_deg}, &(struct list){*dec_deg, dec_deg}, n, radius_deg, out, err);
}

void cat_match_index_free(struct cat_match_index *ix)
{
	if (!ix)
		return;
	cat_free(ix->ra_deg);
	cat_free(ix->dec_deg);
	cat_free(ix->row);
	cat_free(ix->start);
	cat_free(ix->reach_deg);
	cat_free(ix);
}

size_t cat_match_index_bytes(const struct cat_match_index *ix)
{
	return sizeof *ix + (size_t)ix->n * 20 + (cells_of(ix) + 1) * sizeof *ix->start +
	       (size_t)ix->zones * sizeof *ix->reach_deg;
}

/* --- pairs --- */

void cat_pairs_fini(struct cat_pairs *p)
{
	cat_free(p->at);
	memset(p, 0, sizeof *p);
}

static int pairs_room(struct cat_pairs *p, struct cat_error *err)
{
	const int64_t cap = p->cap ? 2 * p->cap : 1024;
	struct cat_pair *at = cat_realloc(p->at, (size_t)cap, sizeof *at);

	if (!at)
		return cat_fail_mem(err, (size_t)cap * sizeof *at);
	p->at = at;
	p->cap = cap;
	return CAT_OK;
}

static inline bool nearer(const struct cat_pair *a, const struct cat_pair *b)
{
	return a->sep_deg < b->sep_deg || (a->sep_deg == b->sep_deg && a->right < b->right);
}

/* Lets the pair at ROOT sink to its place in a heap whose farthest pair is on top. */
static void sink(struct cat_pair *heap, int64_t root, int64_t n)
{
	const struct cat_pair p = heap[root];

	for (int64_t child; (child = 2 * root + 1) < n; root = child) {
		if (child + 1 < n && nearer(&heap[child], &heap[child + 1]))
			child++;
		if (!nearer(&p, &heap[child]))
			break;
		heap[root] = heap[child];
	}
	heap[root] = p;
}

/* Nearest first. */
static void sort_pairs(struct cat_pair *p, int64_t n)
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

/* --- queries --- */

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

/* First of rows [LO, HI), all of one zone, whose quantum is at least Q. */
static int64_t lower_bound(const struct cat_match_index *ix, int64_t lo, int64_t hi, uint64_t q)
{
	while (lo < hi) {
		const int64_t mid = lo + (hi - lo) / 2;

		if (quantum_of(ix, turned(ix, ix->ra_deg[mid])) < q)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Tests rows [LO, HI). */
static inline int test_rows(const struct cat_match_index *ix, int64_t lo, int64_t hi, struct probe *p,
                            struct cat_pairs *out, struct cat_error *err)
{
	for (int64_t i = lo; i < hi; i++) {
		const double dra = fabs(ix->ra_deg[i] - p->ra_deg), ddec = fabs(ix->dec_deg[i] - p->dec_deg);
		struct cat_pair pair;

		if (ddec > p->bound_deg + SLACK_DEG || (dra > p->reach_deg && dra < 360 - p->reach_deg))
			continue;
		pair.sep_deg = cat_sky_separation_deg(p->ra_deg, p->dec_deg, ix->ra_deg[i], ix->dec_deg[i]);
		if (pair.sep_deg > p->bound_deg)
			continue;
		pair.left = p->left;
		pair.right = ix->row[i];
		if (p->nearest) {
			if (nearer(&pair, &p->best)) {
				p->best = pair;
				p->bound_deg = pair.sep_deg;
			}
			continue;
		}
		if (out->n == out->cap)
			CAT_TRY(pairs_room(out, err));
		out->at[out->n++] = pair;
	}
	return CAT_OK;
}

/* Rows of zone Z with turned ra in [LO, HI], both in [0, 360). */
static inline int test_window(const struct cat_match_index *ix, int64_t z, double lo_deg, double hi_deg,
                              struct probe *p, struct cat_pairs *out, struct cat_error *err)
{
	const uint64_t zone = (uint64_t)z << ix->quantum_bits, lo = quantum_of(ix, lo_deg),
	               hi = quantum_of(ix, hi_deg);
	int64_t from = ix->start[(zone | lo) >> ix->cell_shift],
		to = ix->start[((zone | hi) >> ix->cell_shift) + 1];

	if (to - from > 16) {
		from = lower_bound(ix, from, to, lo);
		to = lower_bound(ix, from, to, hi + 1);
	}
	return test_rows(ix, from, to, p, out, err);
}

/* Everything within p->bound_deg. */
static inline int test_zones(const struct cat_match_index *ix, struct probe *p, struct cat_pairs *out,
                             struct cat_error *err)
{
	const double bound = p->bound_deg + SLACK_DEG, ra = turned(ix, p->ra_deg), lo = ra - p->reach_deg,
	             hi = ra + p->reach_deg;
	const int64_t first = zone_of(ix, p->dec_deg - bound), last = zone_of(ix, p->dec_deg + bound);
	const bool wraps = lo < 0 || hi >= 360;
	const double wrapped_lo = lo < 0 ? fmin(lo + 360, RA_LAST) : lo, wrapped_hi = hi >= 360 ? hi - 360 : hi;
	/* Two windows must not share a cell: its rows would be tested twice. */
	const bool whole = p->reach_deg >= 180 || (wraps && quantum_of(ix, wrapped_hi) >> ix->cell_shift >=
	                                                            quantum_of(ix, wrapped_lo) >> ix->cell_shift);

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
	const int64_t cell = (int64_t)(key_of(ix, p->ra_deg, p->dec_deg) >> ix->cell_shift);
	const double rows = (double)(ix->start[cell + 1] - ix->start[cell]);
	const double area = ix->cell_width_deg * cos(p->dec_deg * CAT_DEG_RAD) / ix->zones_per_deg;

	return sqrt((double)k * fmax(area, 1e-12) / fmax(rows, 1));
}

/* Appends the pairs of one left row. */
static int query_row(const struct cat_match_index *ix, double ra_deg, double dec_deg, uint32_t left, int64_t k,
                     struct cat_pairs *out, struct cat_error *err)
{
	const double r = ix->radius_deg;
	const int64_t before = out->n;
	struct probe p = {
		.ra_deg = cat_sky_normal_ra(ra_deg), .dec_deg = dec_deg, .left = left, .nearest = k == 1};
	const bool outside = dec_deg < ix->dec0_deg || dec_deg > ix->dec1_deg;
	double bound = r;

	if (outside && (dec_deg < ix->dec0_deg - r - SLACK_DEG || dec_deg > ix->dec1_deg + r + SLACK_DEG))
		return CAT_OK;
	/* A radius that holds many rows is approached from below when only the nearest are wanted. */
	if (k != CAT_MATCH_ALL && r > ix->spacing_deg / 4)
		bound = fmin(r, first_bound(ix, &p, k));
	for (;;) {
		out->n = before;
		p.best.sep_deg = INFINITY;
		p.bound_deg = bound;
		p.reach_deg = bound == r && !outside ? ix->reach_deg[zone_of(ix, dec_deg)] : reach(bound, dec_deg);
		CAT_TRY(test_zones(ix, &p, out, err));
		if (bound == r || (p.nearest ? p.best.sep_deg < INFINITY : out->n - before >= k))
			break;
		bound = fmin(r, 4 * bound);
	}
	if (!p.nearest) {
		if (out->n - before > 1)
			sort_pairs(out->at + before, out->n - before);
		if (k != CAT_MATCH_ALL && out->n - before > k)
			out->n = before + k;
	} else if (p.best.sep_deg < INFINITY) {
		if (out->n == out->cap)
			CAT_TRY(pairs_room(out, err));
		out->at[out->n++] = p.best;
	}
	return CAT_OK;
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
		CAT_TRY(query_row(ix, ra[i], dec[i], row[i], k, out, err));
	return CAT_OK;
}

/* Rows [FIRST, FIRST + N), in the order of the sky. */
static int query_sorted(const struct cat_match_index *ix, const double *ra_deg, const double *dec_deg,
                        int64_t first, int64_t n, int64_t k, struct cat_pairs *out, struct cat_error *err)
{
	const int row_bits = bits_for((uint64_t)n);
	const int64_t before = out->n;
	uint64_t *order;
	int64_t m;
	int rc = sorted_rows(ix, ra_deg + first, dec_deg + first, n, ix->cell_shift, &order, &m, err);

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
	if (n >= SORT_MIN) {
		for (int64_t at = 0; rc == CAT_OK && at < n; at += TILE)
			rc = query_sorted(ix, ra_deg, dec_deg, at, n - at < TILE ? n - at : TILE, k, out, err);
	} else {
		for (int64_t i = 0; rc == CAT_OK && i < n; i++)
			if (cat_sky_valid(ra_deg[i], dec_deg[i]))
				rc = query_row(ix, ra_deg[i], dec_deg[i], (uint32_t)i, k, out, err);
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
		sort_pairs(out->at + from, to - from);
	}
	if (rc != CAT_OK)
		out->n = 0;
	return rc;
}
