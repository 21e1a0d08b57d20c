/* Every row of a leaf: is its index that of its position, does it come in order, does it belong there. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "dataset/verify_parts.h"
#include "sky/healpix.h"
#include "sky/sphere.h"

/* Rounding in the last places of a position may move it over the edge of a cell of 0.4 milliarcseconds. */
#define EDGE_DEG 1e-11
/* Positions of 32 bits were rounded after the index was made. */
#define FLOAT_DEG 1e-4

struct rows {
	struct cat_verify_leaf *l;
	const struct cat_column *hpx;
	int64_t n, before;
	int shift;               /* from order 29 to the index's */
	double *ra, *dec;        /* NULL: no positions */
	int64_t *cells;          /* of the positions; -1: none */
	bool coarse;             /* positions of 32 bits */
	int64_t lo, hi;          /* of the partition */
	const char *where;
};

static int read_positions(struct rows *r, const struct cat_column *ra, const struct cat_column *dec,
                          struct cat_error *err)
{
	if (!ra || !dec || !cat_type_is_number(ra->type.id) || !cat_type_is_number(dec->type.id))
		return CAT_OK;
	r->ra = cat_malloc((size_t)r->n * 2 * sizeof *r->ra);
	r->cells = cat_malloc((size_t)r->n * sizeof *r->cells);
	if (!r->ra || !r->cells)
		return cat_fail_mem(err, (size_t)r->n * 2 * sizeof *r->ra);
	r->dec = r->ra + r->n;
	for (int64_t i = 0; i < r->n; i++) {
		const bool valid = cat_column_valid(ra, i) && cat_column_valid(dec, i);

		r->ra[i] = valid ? cat_column_f64(ra, i) : NAN;
		r->dec[i] = valid ? cat_column_f64(dec, i) : NAN;
	}
	r->coarse = ra->type.id == CAT_T_F32 || dec->type.id == CAT_T_F32;
	cat_hpx29_from_deg_n(r->ra, r->dec, r->n, r->cells);
	return CAT_OK;
}

/* Whether row I, whose index is SAID, lies so near the edge of a cell that both are right. */
static bool at_edge(const struct rows *r, int64_t i, int64_t said)
{
	const int order = 29 - r->shift / 2;
	const double cosine = cos(r->dec[i] * CAT_DEG_RAD), step = EDGE_DEG / (cosine > 1e-6 ? cosine : 1e-6);
	double ra, dec;

	if (said < 0 || said >= cat_hpx_cells(order))
		return false;
	if (r->coarse) {
		cat_hpx_center(order, said, &ra, &dec);
		return fabs(dec - r->dec[i]) < FLOAT_DEG + cat_hpx_radius_deg(order) &&
		       fabs(remainder(ra - r->ra[i], 360)) * cosine < FLOAT_DEG + cat_hpx_radius_deg(order);
	}
	for (int k = 0; k < 9; k++) {
		dec = r->dec[i] + (k / 3 - 1) * EDGE_DEG;
		dec = dec > 90 ? 90 : dec < -90 ? -90 : dec;
		if (cat_hpx_from_deg(order, r->ra[i] + (k % 3 - 1) * step, dec) == said)
			return true;
	}
	return false;
}

static int note_cell(struct cat_verify_leaf *l, int64_t cell29, struct cat_error *err)
{
	const struct cat_verify *v = l->v;

	if (v->is_margin) {
		if (cat_grow(&l->margin, &l->cap_margin, l->nmargin, sizeof *l->margin) != 0)
			return cat_fail_mem(err, l->cap_margin * sizeof *l->margin);
		l->margin[l->nmargin++] = cell29;
	} else if (v->map_order >= 0 && l->item->alone) {
		const int64_t cell = cat_hpx_parent29(v->map_order, cell29);

		if (l->ncells && l->cells[l->ncells - 1].cell == cell) {
			l->cells[l->ncells - 1].n++;
			return CAT_OK;
		}
		if (cat_grow(&l->cells, &l->cap_cells, l->ncells, sizeof *l->cells) != 0)
			return cat_fail_mem(err, l->cap_cells * sizeof *l->cells);
		l->cells[l->ncells++] = (struct cat_verify_cell){cell, 1};
	}
	return CAT_OK;
}

static int check_row(struct rows *r, int64_t i, struct cat_error *err)
{
	struct cat_verify_leaf *l = r->l;
	const long long row = (long long)(r->before + i);
	int64_t at = r->cells ? r->cells[i] : -1;

	if (r->cells && at < 0)
		cat_found(&l->found, CAT_FOUND_POSITION, r->where, "row %lld has no valid position", row);
	if (r->hpx && !cat_column_valid(r->hpx, i)) {
		cat_found(&l->found, CAT_FOUND_HEALPIX, r->where, "row %lld has no spatial index", row);
	} else if (r->hpx) {
		const int64_t said = CAT_VALUES(r->hpx, int64_t)[i];

		if (at >= 0 && said != at >> r->shift && !at_edge(r, i, said))
			cat_found(&l->found, CAT_FOUND_HEALPIX, r->where, "row %lld: the index is %lld, its position's %lld", row,
			          (long long)said, (long long)(at >> r->shift));
		if (said < l->last && l->ordered)
			cat_found(&l->found, CAT_FOUND_ORDER, r->where, "row %lld has a lesser index than the row before it", row);
		l->last = said;
		if (r->shift == 0 || at < 0)
			at = said >= 0 && said < cat_hpx_cells(29 - r->shift / 2) ? said << r->shift : -1;
	}
	if (at < 0)
		return CAT_OK;
	if (l->v->is_margin && (at >= r->lo && at < r->hi))
		cat_found(&l->found, CAT_FOUND_MARGIN_EXTRA, r->where, "row %lld lies in the partition itself", row);
	else if (!l->v->is_margin && l->item->part >= 0 && (at < r->lo || at >= r->hi))
		cat_found(&l->found, CAT_FOUND_MEMBERSHIP, r->where, "row %lld belongs to another partition", row);
	return note_cell(l, at, err);
}

int cat_verify_rows(struct cat_verify_leaf *l, const struct cat_column *hpx, const struct cat_column *ra,
                    const struct cat_column *dec, int64_t before, const char *where, struct cat_error *err)
{
	const struct cat_column *any = hpx ? hpx : ra && dec ? ra : NULL;
	const struct cat_hats *h = l->v ? l->v->hats : NULL;
	struct rows r = {.l = l, .hpx = hpx && hpx->type.id == CAT_T_I64 ? hpx : NULL, .n = any ? any->length : 0,
	                 .before = before, .shift = h ? 2 * (29 - h->hpx_order) : 0, .where = where};
	int rc = any ? read_positions(&r, ra, dec, err) : CAT_OK;

	if (l->v && l->item->part >= 0)
		cat_hats_range(&l->v->parts[l->item->part], &r.lo, &r.hi);
	for (int64_t i = 0; rc == CAT_OK && i < r.n; i++)
		rc = check_row(&r, i, err);
	cat_free(r.ra);
	cat_free(r.cells);
	return rc;
}
