#include "sky/cover.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/simd.h"
#include "sky/healpix.h"
#include "sky/sphere.h"

#define NEAR_ORDER 14 /* cells around single positions: 13 arcsec wide, finer gains nothing */
#define RIM_ORDERS 7 /* rim cells are so many orders smaller than the cell they surround */
#define LIST_ORDERS 10 /* cells that are smaller than that are too many to be listed: 4 * 2^orders of them */

void cat_cover_fini(struct cat_cover *c)
{
	cat_free(c->at);
	memset(c, 0, sizeof *c);
}

int cat_cover_add(struct cat_cover *c, int64_t lo, int64_t hi, bool inside, struct cat_error *err)
{
	size_t cap = (size_t)c->cap;

	if (cat_grow(&c->at, &cap, (size_t)c->n, sizeof *c->at) != 0)
		return cat_fail_mem(err, 2 * cap * sizeof *c->at);
	c->cap = (int64_t)cap;
	c->at[c->n++] = (struct cat_cover_range){lo, hi, inside};
	return CAT_OK;
}

static int by_start(const void *a, const void *b)
{
	const struct cat_cover_range *p = a, *q = b;

	return p->lo < q->lo ? -1 : p->lo > q->lo;
}

void cat_cover_finish(struct cat_cover *c)
{
	int64_t n = 0;

	if (c->n == 0)
		return;
	qsort(c->at, (size_t)c->n, sizeof *c->at, by_start);
	for (int64_t i = 1; i < c->n; i++) {
		struct cat_cover_range *last = &c->at[n];

		if (c->at[i].lo < last->hi) {
			last->hi = c->at[i].hi > last->hi ? c->at[i].hi : last->hi;
			last->inside &= c->at[i].inside;
		} else if (c->at[i].lo == last->hi && c->at[i].inside == last->inside) {
			last->hi = c->at[i].hi;
		} else {
			c->at[++n] = c->at[i];
		}
	}
	c->n = n + 1;
}

int64_t cat_cover_behind(const struct cat_cover *c, int64_t cell29)
{
	int64_t a = 0, b = c->n;

	while (a < b) {
		const int64_t mid = a + (b - a) / 2;

		if (c->at[mid].hi <= cell29)
			a = mid + 1;
		else
			b = mid;
	}
	return a;
}

bool cat_cover_overlaps(const struct cat_cover *c, int64_t lo, int64_t hi)
{
	const int64_t i = cat_cover_behind(c, lo);

	return lo < hi && i < c->n && c->at[i].lo < hi;
}

bool cat_cover_find(const struct cat_cover *c, int64_t cell29, int64_t *lo, int64_t *hi)
{
	const int64_t i = cat_cover_behind(c, cell29);
	const bool has = i < c->n && c->at[i].lo <= cell29;

	*lo = has ? c->at[i].lo : i > 0 ? c->at[i - 1].hi : INT64_MIN;
	*hi = has ? c->at[i].hi : i < c->n ? c->at[i].lo : INT64_MAX;
	return has;
}

#define BLOCK 64

/* Do all BLOCK cells lie in [lo, hi)? */
CAT_CLONES static bool all_between(const int64_t *cells29, int64_t lo, int64_t hi)
{
	int64_t out = 0;

	for (int i = 0; i < BLOCK; i++)
		out |= (cells29[i] < lo) | (cells29[i] >= hi);
	return !out;
}

int64_t cat_cover_filter(const struct cat_cover *c, const int64_t *cells29, const int32_t *idx, int64_t n,
                         int32_t *kept)
{
	int64_t lo = 0, hi = 0, m = 0;
	bool has = false;

	for (int64_t i = 0; i < n; i++) {
		const int32_t at = idx ? idx[i] : (int32_t)i;

		/* Rows in order mostly lie where the last one did. */
		if (!idx && (i & (BLOCK - 1)) == 0 && i + BLOCK <= n && all_between(cells29 + i, lo, hi)) {
			for (int k = 0; has && k < BLOCK; k++)
				kept[m++] = (int32_t)(i + k);
			i += BLOCK - 1;
			continue;
		}
		if (cells29[at] < lo || cells29[at] >= hi)
			has = cat_cover_find(c, cells29[at], &lo, &hi);
		kept[m] = at;
		m += has;
	}
	return m;
}

bool cat_cover_has(const struct cat_cover *c, int64_t cell29)
{
	return cat_cover_overlaps(c, cell29, cell29 + 1);
}

/* --- surroundings --- */

/* The deepest order whose cells are so wide that whatever lies within the radius of a cell lies in it or in one
 * of its neighbours; -1: none is. Cells shear towards the poles: the margin of 1.6 is the one of HATS's margin
 * caches. */
static int order_of_radius(double radius_deg)
{
	const double width = sqrt(M_PI / 3), radius = radius_deg * CAT_DEG_RAD * 1.6;
	int order = -1;

	while (order < CAT_HPX_ORDER_MAX && width / (double)(INT64_C(1) << (order + 1)) >= radius)
		order++;
	return order;
}

static int add_neighbours(int order, int64_t cell, struct cat_cover *cover, struct cat_error *err)
{
	int64_t near[8];

	cat_hpx_neighbours(order, cell, near);
	for (int i = 0; i < 8; i++)
		if (near[i] >= 0)
			CAT_TRY(cat_cover_add(cover, cat_hpx_first29(order, near[i]), cat_hpx_first29(order, near[i] + 1),
			                      false, err));
	return CAT_OK;
}

/* Bits of V at every other place. */
static int64_t spread(int64_t v)
{
	int64_t out = 0;

	for (int i = 0; v >> i; i++)
		out |= (v >> i & 1) << 2 * i;
	return out;
}

/* The neighbours of all cells of order RIM along the edge of CELL of ORDER. */
static int add_rim(int order, int64_t cell, int rim, struct cat_cover *cover, struct cat_error *err)
{
	const int64_t side = INT64_C(1) << (rim - order), first = cell << 2 * (rim - order);

	for (int64_t i = 0; i < side; i++) {
		CAT_TRY(add_neighbours(rim, first + spread(i), cover, err));
		CAT_TRY(add_neighbours(rim, first + (spread(i) << 1), cover, err));
		CAT_TRY(add_neighbours(rim, first + spread(i) + (spread(side - 1) << 1), cover, err));
		CAT_TRY(add_neighbours(rim, first + spread(side - 1) + (spread(i) << 1), cover, err));
	}
	return CAT_OK;
}

static int around_cell(int order, int64_t cell, int max_order, struct cat_cover *cover, struct cat_error *err)
{
	if (order >= max_order) {
		const int64_t parent = cell >> 2 * (order - max_order);

		CAT_TRY(cat_cover_add(cover, cat_hpx_first29(max_order, parent), cat_hpx_first29(max_order, parent + 1),
		                      false, err));
		return add_neighbours(max_order, parent, cover, err);
	}
	return add_rim(order, cell, max_order < order + RIM_ORDERS ? max_order : order + RIM_ORDERS, cover, err);
}

static int around_body(int64_t lo, int64_t hi, int max_order, struct cat_cover *cover, struct cat_error *err)
{
	CAT_TRY(cat_cover_add(cover, lo, hi, false, err));
	/* The largest aligned cells that make up the range. */
	while (lo < hi) {
		int order = CAT_HPX_ORDER_MAX;

		while (order > 0 && lo % cat_hpx_first29(order - 1, 1) == 0 && cat_hpx_first29(order - 1, 1) <= hi - lo)
			order--;
		CAT_TRY(around_cell(order, cat_hpx_parent29(order, lo), max_order, cover, err));
		lo += cat_hpx_first29(order, 1);
	}
	return CAT_OK;
}

int cat_cover_around(int64_t lo, int64_t hi, double radius_deg, struct cat_cover *cover, struct cat_error *err)
{
	const int max_order = order_of_radius(radius_deg);
	int rc;

	if (max_order < 0)
		return cat_cover_add(cover, 0, CAT_HPX29_CELLS, false, err);
	rc = around_body(lo, hi, max_order, cover, err);
	if (rc != CAT_OK)
		cat_cover_fini(cover);
	else
		cat_cover_finish(cover);
	return rc;
}

/* Takes [LO, HI) out of a finished cover. */
static int remove_range(struct cat_cover *c, int64_t lo, int64_t hi, struct cat_error *err)
{
	struct cat_cover rest = {0};
	int rc = CAT_OK;

	for (int64_t i = 0; rc == CAT_OK && i < c->n; i++) {
		const struct cat_cover_range r = c->at[i];

		if (r.lo < lo)
			rc = cat_cover_add(&rest, r.lo, r.hi < lo ? r.hi : lo, r.inside, err);
		if (rc == CAT_OK && r.hi > hi)
			rc = cat_cover_add(&rest, r.lo > hi ? r.lo : hi, r.hi, r.inside, err);
	}
	cat_cover_fini(c);
	*c = rest;
	return rc;
}

int cat_cover_rim(int order, int64_t cell, double radius_deg, struct cat_rim *rim, struct cat_error *err)
{
	const int max_order = order_of_radius(radius_deg), most = order + LIST_ORDERS;
	struct cat_cover *cover = &rim->cover;
	int rc;

	rim->fine = max_order > most ? max_order : -1;
	rim->lo = cat_hpx_first29(order, cell);
	rim->hi = cat_hpx_first29(order, cell + 1);
	if (max_order < 0)
		rc = cat_cover_add(cover, 0, CAT_HPX29_CELLS, false, err);
	else if (max_order <= order)
		rc = around_cell(order, cell, max_order, cover, err);
	else
		rc = add_rim(order, cell, max_order < most ? max_order : most, cover, err);
	if (rc == CAT_OK) {
		cat_cover_finish(cover);
		rc = remove_range(cover, rim->lo, rim->hi, err);
	}
	if (rc != CAT_OK)
		cat_cover_fini(cover);
	return rc;
}

bool cat_rim_has(const struct cat_rim *rim, int64_t cell29)
{
	int64_t near[8];

	if (!cat_cover_has(&rim->cover, cell29))
		return false;
	if (rim->fine < 0)
		return true;
	cat_hpx_neighbours(rim->fine, cat_hpx_parent29(rim->fine, cell29), near);
	for (int i = 0; i < 8; i++) {
		const int64_t first = near[i] < 0 ? -1 : cat_hpx_first29(rim->fine, near[i]);

		if (first >= rim->lo && first < rim->hi)
			return true;
	}
	return false;
}

int cat_cover_near(const int64_t *cells29, int64_t n, double radius_deg, struct cat_cover *cover,
                   struct cat_error *err)
{
	const int fits = order_of_radius(radius_deg), order = fits < NEAR_ORDER ? fits : NEAR_ORDER;
	int64_t last = -1;
	int rc = CAT_OK;

	if (order < 0)
		return cat_cover_add(cover, 0, CAT_HPX29_CELLS, false, err);
	for (int64_t i = 0; rc == CAT_OK && i < n; i++) {
		const int64_t cell = cells29[i] < 0 ? -1 : cat_hpx_parent29(order, cells29[i]);

		if (cell < 0 || cell == last)
			continue;
		last = cell;
		rc = cat_cover_add(cover, cat_hpx_first29(order, cell), cat_hpx_first29(order, cell + 1), false, err);
		if (rc == CAT_OK)
			rc = add_neighbours(order, cell, cover, err);
	}
	if (rc != CAT_OK)
		cat_cover_fini(cover);
	else
		cat_cover_finish(cover);
	return rc;
}
