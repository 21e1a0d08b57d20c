/* A margin cache against its primary: every row around a partition, and no other. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "dataset/verify_parts.h"
#include "sky/healpix.h"
#include "sky/sphere.h"

/* Points on the circle about a row by which it is judged whether a partition is near. */
#define CIRCLE 64

struct cells {
	int64_t *at;
	size_t n, cap;
};

static int by_value(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static bool touches_rim(void *arg, int64_t lo, int64_t hi)
{
	return cat_cover_overlaps(arg, lo, hi);
}

/* Whether bounds of the index allow for a row of the rim. */
static bool may_have(const struct cat_cover *rim, const struct cat_range_stats *s)
{
	return !s->known || !s->is_int || cat_cover_overlaps(rim, s->min_i64, s->max_i64 + 1);
}

/* Leaves the pages that may have rows of the rim; *NONE: no page has. */
static int narrow(struct cat_work *w, int hpx, const struct cat_cover *rim, bool *none, struct cat_error *err)
{
	struct cat_part_list parts = {0};
	struct cat_stretch *spans;
	int n = 0, rc;

	*none = false;
	if (!w->ops->parts || !w->ops->narrow)
		return CAT_OK;
	CAT_TRY(w->ops->parts(w, hpx, &parts, err));
	spans = cat_calloc((size_t)parts.n + 1, sizeof *spans);
	rc = spans ? CAT_OK : cat_fail_mem(err, (size_t)parts.n * sizeof *spans);
	for (int i = 0; rc == CAT_OK && i < parts.n; i++) {
		const struct cat_part_stats *p = &parts.parts[i];

		if (!may_have(rim, &p->stats))
			continue;
		if (n && spans[n - 1].end == p->row_begin)
			spans[n - 1].end = p->row_end;
		else
			spans[n++] = (struct cat_stretch){p->row_begin, p->row_end};
	}
	*none = parts.n > 0 && n == 0;
	if (rc == CAT_OK && n)
		rc = w->ops->narrow(w, spans, n, err);
	cat_free(spans);
	cat_part_list_fini(&parts);
	return rc;
}

static int take_work(struct cat_work *w, int hpx, const struct cat_rim *rim, struct cells *out,
                     struct cat_error *err)
{
	struct cat_range_stats s = {0};
	struct cat_batch *b;
	bool none = false;
	int rc = CAT_OK;

	if (w->ops->stats)
		w->ops->stats(w, hpx, &s);
	if (!may_have(&rim->cover, &s))
		return CAT_OK;
	CAT_TRY(narrow(w, hpx, &rim->cover, &none, err));
	if (none)
		return CAT_OK;
	CAT_TRY(w->ops->decode(w, &hpx, 1, &b, err));
	for (int64_t i = 0; rc == CAT_OK && i < b->nrows; i++) {
		const int64_t cell = cat_column_valid(b->cols[0], i) ? CAT_VALUES(b->cols[0], int64_t)[i] : -1;

		if (cell < 0 || !cat_rim_has(rim, cell))
			continue;
		if (cat_grow(&out->at, &out->cap, out->n, sizeof *out->at) != 0)
			rc = cat_fail_mem(err, out->cap * sizeof *out->at);
		else
			out->at[out->n++] = cell;
	}
	cat_batch_unref(b);
	return rc;
}

/* The cells of all of the primary's rows in the rim, sorted. */
static int primary_cells(struct cat_hats *h, struct cat_rim *rim, struct cells *out, struct cat_error *err)
{
	struct cat_hats_want want = {.keep = touches_rim, .arg = &rim->cover};
	struct cat_feed *feed;
	int rc;

	CAT_TRY(cat_hats_feed(cat_hats_ref(h), &want, &feed, err));
	for (rc = CAT_OK; rc == CAT_OK;) {
		struct cat_work *w;

		rc = feed->ops->next(feed, &w, err);
		if (rc != CAT_OK || !w)
			break;
		rc = take_work(w, h->hpx, rim, out, err);
		cat_work_free(w);
	}
	cat_feed_close(feed);
	if (rc == CAT_OK && out->n)
		qsort(out->at, out->n, sizeof *out->at, by_value);
	return rc;
}

/* Whether a position of partition P lies within RADIUS_DEG of CELL29, by points on the circle about it. */
static bool is_near(int64_t cell29, double radius_deg, const struct cat_hats_part *p)
{
	double ra, dec;

	cat_hpx_center(29, cell29, &ra, &dec);
	for (int i = 0; i < CIRCLE; i++) {
		const double turn = 2 * M_PI * i / CIRCLE, r = radius_deg * CAT_DEG_RAD * 0.9999, d = dec * CAT_DEG_RAD;
		const double sine = sin(d) * cos(r) + cos(d) * sin(r) * cos(turn);
		const double step = atan2(sin(turn) * sin(r) * cos(d), cos(r) - sin(d) * sine);

		if (cat_hpx_from_deg(p->order, ra + step / CAT_DEG_RAD, asin(sine) / CAT_DEG_RAD) == p->npix)
			return true;
	}
	return false;
}

static void show_row(char *out, size_t size, int64_t cell29)
{
	double ra, dec;

	cat_hpx_center(29, cell29, &ra, &dec);
	snprintf(out, size, "a row at %.7f, %.7f", ra, dec);
}

/* Whether the primary is a part of a catalogue, and CELL29 lies where that part has nothing: the margins of its
 * partitions have rows there too. */
static bool beyond_part(const struct cat_hats *h, int64_t cell29)
{
	int a = 0, b = h->nparts;
	int64_t lo, hi;

	if (!cat_kv_get(&h->properties, CAT_HATS_PART_KEY))
		return false;
	while (a < b) {
		const int mid = a + (b - a) / 2;

		cat_hats_range(&h->parts[mid], &lo, &hi);
		if (hi <= cell29)
			a = mid + 1;
		else
			b = mid;
	}
	if (a == h->nparts)
		return true;
	cat_hats_range(&h->parts[a], &lo, &hi);
	return cell29 < lo;
}

/* Others may leave out what is in a neighbouring cell, but not within the radius: only that is demanded of them. */
static void compare(struct cat_verify_leaf *l, const struct cells *is, const struct cells *should, const char *where)
{
	const struct cat_verify *v = l->v;
	const struct cat_hats_part *p = &v->parts[l->item->part];
	size_t i = 0, k = 0;
	char row[80];

	while (i < is->n || k < should->n) {
		const int64_t a = i < is->n ? is->at[i] : INT64_MAX, b = k < should->n ? should->at[k] : INT64_MAX;

		if (a == b) {
			i++;
			k++;
		} else if (a < b) {
			show_row(row, sizeof row, a);
			if (!cat_rim_has(&l->rim, a) || !beyond_part(v->primary, a))
				cat_found(&l->found, CAT_FOUND_MARGIN_EXTRA, where, "%s %s", row,
				          cat_rim_has(&l->rim, a) ? "that the primary has not"
				                                    : "that is not next to the partition");
			i++;
		} else {
			show_row(row, sizeof row, b);
			if (v->is_ours || is_near(b, v->margin_deg, p))
				cat_found(&l->found, CAT_FOUND_MARGIN_MISSING, where, "%s is missing", row);
			k++;
		}
	}
}

int cat_verify_margin(struct cat_verify_leaf *l, struct cat_error *err)
{
	struct cat_verify *v = l->v;
	const struct cat_hats_part *p = &v->parts[l->item->part];
	struct cells should = {0};
	const struct cells is = {.at = l->margin, .n = l->nmargin};
	char where[64];
	int rc;

	if (!v->primary || v->primary->hpx < 0 || v->primary->hpx_order != 29 || !(v->margin_deg > 0))
		return CAT_OK;
	snprintf(where, sizeof where, "Norder=%d, Npix=%lld", p->order, (long long)p->npix);
	rc = cat_cover_rim(p->order, p->npix, v->margin_deg, &l->rim, err);
	if (rc == CAT_OK)
		rc = primary_cells(v->primary, &l->rim, &should, err);
	if (rc == CAT_OK) {
		if (is.n)
			qsort(is.at, is.n, sizeof *is.at, by_value);
		compare(l, &is, &should, l->item->name ? l->item->name : where);
	} else if (rc == CAT_E_DATA || rc == CAT_E_UNSUPPORTED) {
		/* What is wrong with the primary is told where that is checked. */
		cat_found(&l->found, CAT_FOUND_NOTE, where, "not held against the primary: %s", err->cause);
		rc = (int)(err->code = CAT_OK);
	}
	cat_free(should.at);
	return rc;
}
