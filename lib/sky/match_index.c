#include "sky/match_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define RADIX_BITS 10
#define RADIX_MASK ((1u << RADIX_BITS) - 1)
#define RADIX_PASSES 4
/* How far ahead rows are fetched that are read out of order. */
#define AHEAD 16
/* Rows so many rows apart are still near each other; so many are looked at. */
#define NEAR_ROWS 8
#define SAMPLES 1024
/* Of more rows cells could not be numbered in 32 bits. */
#define COHERENT_MAX (INT64_C(1) << 30)
/* More rows in a cell are not sorted one cell at a time. */
#define CELL_ROWS_MAX 1024
#define NO_CELL UINT32_MAX

double cat_match_reach(double r_deg, double dec_deg)
{
	const double pole = fabs(dec_deg) + r_deg;

	if (pole >= 90 - CAT_MATCH_SLACK_DEG)
		return 180;
	return asin(sin(r_deg * CAT_DEG_RAD) / cos(dec_deg * CAT_DEG_RAD)) * CAT_RAD_DEG * (1 + 1e-12) + CAT_MATCH_SLACK_DEG;
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

int cat_match_sorted_rows(const struct cat_match_index *ix, const double *ra_deg, const double *dec_deg, int64_t n,
                          int shift, uint64_t **out, int64_t *count, struct cat_error *err)
{
	const int row_bits = cat_match_bits((uint64_t)n),
	          key_bits = ix->quantum_bits + cat_match_bits((uint64_t)ix->zones) - shift;
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
		key = cat_match_key(ix, ra_deg[i], dec_deg[i]) >> shift;
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

/* ra from 0 and from 180 degrees on, and dec. */
struct box {
	double lo[2], hi[2], south, north;
};

static void widen(struct box *b, double ra_deg, double dec_deg)
{
	double ra, turn;

	if (!cat_sky_valid(ra_deg, dec_deg))
		return;
	ra = cat_sky_normal_ra(ra_deg);
	turn = ra < 180 ? ra + 180 : ra - 180;
	b->lo[0] = ra < b->lo[0] ? ra : b->lo[0];
	b->hi[0] = ra > b->hi[0] ? ra : b->hi[0];
	b->lo[1] = turn < b->lo[1] ? turn : b->lo[1];
	b->hi[1] = turn > b->hi[1] ? turn : b->hi[1];
	b->south = dec_deg < b->south ? dec_deg : b->south;
	b->north = dec_deg > b->north ? dec_deg : b->north;
}

/* Side by side, so that one comparison need not wait for the last. */
#define LANES 4
#define BOX_ROWS 256

/* Widens [*LO, *HI] by BOX_ROWS values; false when one of them is not finite. */
static bool widen_range(const double *v, double *lo, double *hi)
{
	double least[LANES], most[LANES], nothing[LANES] = {0};
	bool finite = true;

	for (int k = 0; k < LANES; k++)
		least[k] = most[k] = v[k];
	for (int i = 0; i < BOX_ROWS; i += LANES) {
		for (int k = 0; k < LANES; k++) {
			least[k] = v[i + k] < least[k] ? v[i + k] : least[k];
			most[k] = v[i + k] > most[k] ? v[i + k] : most[k];
			nothing[k] += v[i + k] * 0;
		}
	}
	for (int k = 0; k < LANES; k++) {
		*lo = least[k] < *lo ? least[k] : *lo;
		*hi = most[k] > *hi ? most[k] : *hi;
		finite &= nothing[k] == 0;
	}
	return finite;
}

/* BOX_ROWS rows, as most are: false when one of them is not valid or its ra not in [0, 360). */
static bool widen_usual(struct box *b, const double *ra_deg, const double *dec_deg)
{
	double turn[BOX_ROWS];
	struct box with = *b;

	for (int i = 0; i < BOX_ROWS; i++)
		turn[i] = ra_deg[i] + (ra_deg[i] < 180 ? 180 : -180);
	if (!widen_range(ra_deg, &with.lo[0], &with.hi[0]) || !widen_range(dec_deg, &with.south, &with.north) ||
	    !widen_range(turn, &with.lo[1], &with.hi[1]))
		return false;
	if (with.lo[0] < 0 || with.hi[0] >= 360 || with.south < -90 || with.north > 90)
		return false;
	*b = with;
	return true;
}

/* The box that holds all valid rows. */
static void find_box(struct cat_match_index *ix, const double *ra_deg, const double *dec_deg, int64_t n,
                     double *width_deg, double *height_deg)
{
	struct box b = {{360, 360}, {0, 0}, 90, -90};
	int k;

	for (int64_t i = 0; i < n; i += BOX_ROWS) {
		const int64_t m = n - i < BOX_ROWS ? n - i : BOX_ROWS;

		if (m == BOX_ROWS && widen_usual(&b, ra_deg + i, dec_deg + i))
			continue;
		for (int64_t j = i; j < i + m; j++)
			widen(&b, ra_deg[j], dec_deg[j]);
	}
	/* The narrower of both. */
	k = b.hi[1] - b.lo[1] < b.hi[0] - b.lo[0];
	ix->turn_deg = k ? 180 : 0;
	ix->ra0_deg = b.lo[k];
	ix->dec0_deg = fmin(b.south, b.north);
	ix->dec1_deg = fmax(b.south, b.north);
	/* Never nothing: quanta are a part of it. */
	*width_deg = fmax(b.hi[k] - b.lo[k], 1e-6);
	*height_deg = fmax(b.north - b.south, 1e-6);
}

/* Zones of some forty radii, so that most rows look into one zone only, but no more than two rows apart, and
 * no more zones than rows; cells of about two rows, ordered inside a little further for where rows crowd. With
 * at most 2^32 rows a key has at most 32 + 8 bits and, where the row number beside it leaves fewer, at least the
 * bits of its cell. Of rows that come place by place the zones are as high as rows are apart and the cells half as
 * full: those that are read one after the other then share lines of the cache. */
static void lay_out(struct cat_match_index *ix, const double *ra_deg, const double *dec_deg, int64_t n)
{
	const double rows = n > 1 ? (double)n : 1;
	double height, box_width, box_height, area;
	int cell_bits = 0, zone_bits, bits;

	find_box(ix, ra_deg, dec_deg, n, &box_width, &box_height);
	area = box_width * CAT_RAD_DEG *
	       fmax(sin(ix->dec1_deg * CAT_DEG_RAD) - sin(ix->dec0_deg * CAT_DEG_RAD), 1e-12);
	ix->spacing_deg = sqrt(area / rows);
	ix->coherent = n < COHERENT_MAX && cat_match_coherent(ix, ra_deg, dec_deg, n);
	height = fmin(fmax(40 * ix->radius_deg, ix->coherent ? ix->spacing_deg : 2 * box_height / rows),
	              2 * ix->spacing_deg);
	ix->zones = height >= box_height ? 1 : (int64_t)fmin(box_height / height + 1, rows);
	ix->zones_per_deg = (double)ix->zones / box_height;
	while ((double)(ix->zones << (cell_bits + (ix->coherent ? 0 : 2))) <= rows)
		cell_bits++;
	zone_bits = cat_match_bits((uint64_t)ix->zones);
	/* Whole digits of the sort. */
	bits = (zone_bits + cell_bits + 8 + RADIX_BITS - 1) / RADIX_BITS * RADIX_BITS;
	if (bits > 64 - cat_match_bits((uint64_t)rows))
		bits = 64 - cat_match_bits((uint64_t)rows);
	ix->quantum_bits = bits - zone_bits;
	ix->cell_shift = ix->quantum_bits - cell_bits;
	ix->cell_width_deg = box_width / (double)(INT64_C(1) << cell_bits);
	ix->quanta_per_deg = (double)(INT64_C(1) << ix->quantum_bits) / box_width;
}

static size_t cells_of(const struct cat_match_index *ix)
{
	return (size_t)(ix->zones << (ix->quantum_bits - ix->cell_shift));
}

/* Do rows that follow each other lie within a few rows of the index? Told by some of them. */
bool cat_match_coherent(const struct cat_match_index *ix, const double *ra_deg, const double *dec_deg, int64_t n)
{
	const double near_deg = NEAR_ROWS * ix->spacing_deg;
	const int64_t step = n / SAMPLES + 1;
	int64_t seen = 0, near = 0;

	for (int64_t i = 0; i + 1 < n; i += step) {
		seen++;
		near += fabs(dec_deg[i + 1] - dec_deg[i]) <= near_deg &&
		        fabs(ra_deg[i + 1] - ra_deg[i]) * cos(dec_deg[i] * CAT_DEG_RAD) <= near_deg;
	}
	return 4 * near >= 3 * seen;
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

/* Where each cell starts. */
static void fill_directory(struct cat_match_index *ix, const uint64_t *order, int row_bits)
{
	const int64_t cells = (int64_t)cells_of(ix);
	int64_t next = 0;

	for (int64_t i = 0; i < ix->n; i++) {
		const int64_t cell = (int64_t)(order[i] >> (row_bits + ix->cell_shift));

		while (next <= cell)
			ix->start[next++] = (uint32_t)i;
	}
	while (next <= cells)
		ix->start[next++] = (uint32_t)ix->n;
}

/* How far a row of each zone looks. */
static void fill_reach(struct cat_match_index *ix)
{
	for (int64_t z = 0; z < ix->zones; z++) {
		const double low = ix->dec0_deg + (double)z / ix->zones_per_deg,
		             high = ix->dec0_deg + (double)(z + 1) / ix->zones_per_deg;

		ix->reach_deg[z] =
			cat_match_reach(ix->radius_deg, fmin(90, fmax(fabs(low), fabs(high)) + CAT_MATCH_SLACK_DEG));
	}
}

/* A list that is the caller's to give is freed as soon as it was copied. */
struct list {
	const double *values;
	double **own; /* NULL: it stays */
};

static void give_back(struct list *l)
{
	if (!l->own)
		return;
	cat_free(*l->own);
	*l->own = NULL;
}

static int copy_list(const struct cat_match_index *ix, struct list *l, const uint64_t *order, uint64_t row_mask,
                     double **to, struct cat_error *err)
{
	*to = cat_malloc((size_t)ix->n * sizeof **to);
	if (!*to)
		return cat_fail_mem(err, (size_t)ix->n * sizeof **to);
	in_order(*to, l->values, order, ix->n, row_mask);
	give_back(l);
	return CAT_OK;
}

/* By sorting all keys. */
static int build_sorted(struct cat_match_index *ix, struct list *ra, struct list *dec, int64_t n, struct cat_error *err)
{
	const int row_bits = cat_match_bits((uint64_t)n);
	const uint64_t row_mask = (UINT64_C(1) << row_bits) - 1;
	uint64_t *order;
	int rc;

	CAT_TRY(cat_match_sorted_rows(ix, ra->values, dec->values, n, 0, &order, &ix->n, err));
	rc = copy_list(ix, ra, order, row_mask, &ix->ra_deg, err);
	if (rc == CAT_OK)
		rc = copy_list(ix, dec, order, row_mask, &ix->dec_deg, err);
	ix->row = cat_malloc((size_t)ix->n * sizeof *ix->row);
	if (rc == CAT_OK && !ix->row)
		rc = cat_fail_mem(err, (size_t)ix->n * sizeof *ix->row);
	if (rc == CAT_OK) {
		for (int64_t i = 0; i < ix->n; i++) {
			ix->row[i] = (uint32_t)(order[i] & row_mask);
			ix->ra_deg[i] = cat_sky_normal_ra(ix->ra_deg[i]);
		}
		fill_directory(ix, order, row_bits);
	}
	cat_free(order);
	return rc;
}

/* --- of rows that come place by place: counted, and put where they belong, which is never far --- */

/* The cell of each row, or NO_CELL; START[c + 2] becomes how many cell C has. *MOST is the largest of them. */
static void count_cells(struct cat_match_index *ix, const double *ra_deg, const double *dec_deg, int64_t n,
                        uint32_t *cell, uint32_t *most)
{
	*most = 0;
	for (int64_t i = 0; i < n; i++) {
		uint32_t count;

		cell[i] = NO_CELL;
		if (!cat_sky_valid(ra_deg[i], dec_deg[i]))
			continue;
		cell[i] = (uint32_t)(cat_match_key(ix, ra_deg[i], dec_deg[i]) >> ix->cell_shift);
		count = ++ix->start[cell[i] + 2];
		*most = count > *most ? count : *most;
	}
}

static int by_word(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Sorts rows [FROM, FROM + N) of one cell by their quanta. */
static void sort_cell(struct cat_match_index *ix, int64_t from, int64_t n)
{
	double *ra = ix->ra_deg + from, *dec = ix->dec_deg + from, ra2[CELL_ROWS_MAX], dec2[CELL_ROWS_MAX];
	uint32_t *row = ix->row + from, row2[CELL_ROWS_MAX];
	uint64_t word[CELL_ROWS_MAX];

	for (int64_t i = 0; i < n; i++)
		word[i] = cat_match_quantum(ix, cat_match_turned(ix, ra[i])) << 10 | (uint64_t)i;
	qsort(word, (size_t)n, sizeof *word, by_word);
	for (int64_t i = 0; i < n; i++) {
		const uint64_t at = word[i] & (CELL_ROWS_MAX - 1);

		ra2[i] = ra[at];
		dec2[i] = dec[at];
		row2[i] = row[at];
	}
	memcpy(ra, ra2, (size_t)n * sizeof *ra);
	memcpy(dec, dec2, (size_t)n * sizeof *dec);
	memcpy(row, row2, (size_t)n * sizeof *row);
}

static void put_rows(struct cat_match_index *ix, const double *ra_deg, const double *dec_deg, int64_t n,
                     const uint32_t *cell)
{
	const int64_t cells = (int64_t)cells_of(ix);

	for (int64_t c = 0; c < cells; c++)
		ix->start[c + 2] += ix->start[c + 1];
	for (int64_t i = 0; i < n; i++) {
		uint32_t at;

		if (cell[i] == NO_CELL)
			continue;
		at = ix->start[cell[i] + 1]++;
		ix->ra_deg[at] = cat_sky_normal_ra(ra_deg[i]);
		ix->dec_deg[at] = dec_deg[i];
		ix->row[at] = (uint32_t)i;
	}
	for (int64_t c = 0; c < cells; c++)
		if (ix->start[c + 1] - ix->start[c] > CAT_MATCH_CROWD)
			sort_cell(ix, ix->start[c], ix->start[c + 1] - ix->start[c]);
}

/* *DONE stays false where rows crowd so that they are better sorted. */
static int build_coherent(struct cat_match_index *ix, struct list *ra, struct list *dec, int64_t n, bool *done,
                          struct cat_error *err)
{
	uint32_t *cell = cat_malloc((size_t)n * sizeof *cell), most;
	int rc = CAT_OK;

	if (!cell)
		return cat_fail_mem(err, (size_t)n * sizeof *cell);
	memset(ix->start, 0, (cells_of(ix) + 2) * sizeof *ix->start);
	count_cells(ix, ra->values, dec->values, n, cell, &most);
	*done = most <= CELL_ROWS_MAX;
	if (*done) {
		ix->ra_deg = cat_malloc((size_t)n * sizeof *ix->ra_deg);
		ix->dec_deg = cat_malloc((size_t)n * sizeof *ix->dec_deg);
		ix->row = cat_malloc((size_t)n * sizeof *ix->row);
		if (!ix->ra_deg || !ix->dec_deg || !ix->row)
			rc = cat_fail_mem(err, (size_t)n * 20);
	}
	if (*done && rc == CAT_OK) {
		put_rows(ix, ra->values, dec->values, n, cell);
		ix->n = ix->start[cells_of(ix)];
		give_back(ra);
		give_back(dec);
	}
	cat_free(cell);
	return rc;
}

static int build(struct cat_match_index *ix, struct list *ra, struct list *dec, int64_t n, struct cat_error *err)
{
	bool done = false;

	lay_out(ix, ra->values, dec->values, n);
	ix->start = cat_malloc((cells_of(ix) + 2) * sizeof *ix->start);
	ix->reach_deg = cat_malloc((size_t)ix->zones * sizeof *ix->reach_deg);
	if (!ix->start || !ix->reach_deg)
		return cat_fail_mem(err, (cells_of(ix) + 2) * sizeof *ix->start);
	fill_reach(ix);
	if (ix->coherent)
		CAT_TRY(build_coherent(ix, ra, dec, n, &done, err));
	return done ? CAT_OK : build_sorted(ix, ra, dec, n, err);
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
	return sizeof *ix + (size_t)ix->n * 20 + (cells_of(ix) + 2) * sizeof *ix->start +
	       (size_t)ix->zones * sizeof *ix->reach_deg;
}

