#include "exec/scan_filter.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "expr/prune.h"

/* --- judging by bounds --- */

static double bound(const struct cat_range_stats *s, bool max)
{
	if (!s->known || s->is_text)
		return NAN;
	if (s->is_int)
		return (double)(max ? s->max_i64 : s->min_i64);
	return max ? s->max_f64 : s->min_f64;
}

/* None of the rows lies in COVER by its index. An index with nulls in it says nothing of those rows. */
static bool outside_cover(const struct cat_cover *cover, int hpx, cat_stats_fn *stats, void *arg)
{
	struct cat_range_stats s = {0};

	if (hpx < 0)
		return false;
	stats(arg, hpx, &s);
	return s.known && s.is_int && s.nulls == 0 && !cat_cover_overlaps(cover, s.min_i64, s.max_i64 + 1);
}

static bool outside_box(const struct cat_scan_filter *f, cat_stats_fn *stats, void *arg)
{
	struct cat_range_stats ra = {0}, dec = {0};

	stats(arg, f->ra, &ra);
	stats(arg, f->dec, &dec);
	return !cat_region_box_overlaps(&f->region->box, bound(&ra, false), bound(&ra, true), bound(&dec, false),
	                                bound(&dec, true));
}

static bool never(const struct cat_scan_filter *f, cat_stats_fn *stats, void *arg)
{
	if (f->region && (outside_cover(&f->region->cover, f->hpx, stats, arg) || outside_box(f, stats, arg)))
		return true;
	if (f->cells && outside_cover(f->cells, f->hpx, stats, arg))
		return true;
	return f->where && cat_expr_prune(f->where, stats, NULL, arg) == CAT_PRUNE_NEVER;
}

static void work_stats(void *arg, int col, struct cat_range_stats *out)
{
	struct cat_work *w = arg;

	memset(out, 0, sizeof *out);
	if (w->ops->stats)
		w->ops->stats(w, col, out);
}

static bool work_lacks(void *arg, int col, const struct cat_constant *v)
{
	struct cat_work *w = arg;

	return w->ops->lacks(w, col, v);
}

bool cat_scan_filter_never(const struct cat_scan_filter *f, struct cat_work *w)
{
	return w->nrows == 0 || (w->ops->stats && never(f, work_stats, w));
}

/* --- parts --- */

/* A piece seen between two neighbouring bounds of its columns' parts. */
struct view {
	struct cat_work *work;
	int ncols;
	struct cat_part_list *lists; /* per column; n is 0 where nothing is known */
	int *at;                     /* the part that the view is in */
};

static void view_stats(void *arg, int col, struct cat_range_stats *out)
{
	const struct view *v = arg;

	if (!v->lists[col].n) {
		work_stats(v->work, col, out);
		return;
	}
	*out = v->lists[col].parts[v->at[col]].stats;
	out->exact = false;
	if (out->nulls > 0) /* they may be in the rest of the part */
		out->nulls = -1;
}

static void fini(struct view *v)
{
	for (int i = 0; v->lists && i < v->ncols; i++)
		cat_part_list_fini(&v->lists[i]);
	cat_free(v->lists);
	cat_free(v->at);
}

/* Parts that follow one another from the first row to the last. */
static bool complete(const struct cat_part_list *l, int64_t nrows)
{
	int64_t row = 0;

	for (int i = 0; i < l->n; i++) {
		if (l->parts[i].row_begin != row || l->parts[i].row_end <= row)
			return false;
		row = l->parts[i].row_end;
	}
	return row == nrows;
}

/* The parts of the columns that the conditions look at. */
static int read_parts(const struct cat_scan_filter *f, struct view *v, struct cat_error *err)
{
	bool *used = cat_calloc((size_t)v->ncols, sizeof *used);
	int rc = CAT_OK;

	v->lists = cat_calloc((size_t)v->ncols, sizeof *v->lists);
	v->at = cat_calloc((size_t)v->ncols, sizeof *v->at);
	if (!used || !v->lists || !v->at) {
		cat_free(used);
		return cat_fail_mem(err, (size_t)v->ncols * sizeof *v->lists);
	}
	if (f->where)
		cat_expr_columns(f->where, used);
	if (f->region)
		used[f->ra] = used[f->dec] = true;
	if ((f->region || f->cells) && f->hpx >= 0)
		used[f->hpx] = true;
	for (int i = 0; rc == CAT_OK && i < v->ncols; i++) {
		if (used[i])
			rc = v->work->ops->parts(v->work, i, &v->lists[i], err);
		if (rc == CAT_OK && !complete(&v->lists[i], v->work->nrows))
			cat_part_list_fini(&v->lists[i]);
	}
	cat_free(used);
	return rc;
}

/* Where the view from row ROW on ends: at the first end of a part that is in it. */
static int64_t view_from(struct view *v, int64_t row)
{
	int64_t end = v->work->nrows;

	for (int i = 0; i < v->ncols; i++) {
		const struct cat_part_list *l = &v->lists[i];

		if (!l->n)
			continue;
		if (l->parts[v->at[i]].row_end <= row)
			v->at[i]++;
		if (l->parts[v->at[i]].row_end < end)
			end = l->parts[v->at[i]].row_end;
	}
	return end;
}

/* What lies between two stretches is read too when that is little: each stretch is decoded by itself. */
#define MOST_STRETCHES 16

static int stretches(const struct cat_scan_filter *f, struct view *v, struct cat_stretch *out)
{
	const int64_t nrows = v->work->nrows;
	int n = 0;

	for (int64_t row = 0, end; row < nrows; row = end) {
		end = view_from(v, row);
		if (never(f, view_stats, v))
			continue;
		if (n && row - out[n - 1].end <= nrows / MOST_STRETCHES)
			out[n - 1].end = end;
		else
			out[n++] = (struct cat_stretch){row, end};
	}
	return n;
}

int cat_scan_filter_narrow(const struct cat_scan_filter *f, struct cat_work *w, int ncols, bool *none,
                           struct cat_error *err)
{
	struct cat_stretch s[MOST_STRETCHES + 1];
	struct view v = {.work = w, .ncols = ncols};
	int rc, n;

	*none = f->where && w->ops->lacks && cat_expr_prune(f->where, work_stats, work_lacks, w) == CAT_PRUNE_NEVER;
	if (*none || !w->ops->parts || !w->ops->narrow || w->nrows <= 0)
		return CAT_OK;
	rc = read_parts(f, &v, err);
	if (rc == CAT_OK) {
		n = stretches(f, &v, s);
		*none = n == 0;
		if (n > 0 && (n > 1 || s[0].begin > 0 || s[0].end < w->nrows))
			rc = w->ops->narrow(w, s, n, err);
	}
	fini(&v);
	return rc;
}
