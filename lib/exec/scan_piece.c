/* One part of a table: decoded, filtered, selected. */
#include "base/alloc.h"
#include "columnar/kernels.h"
#include "dataset/position.h"
#include "exec/scan_impl.h"
#include "sky/healpix.h"

/* What a round trip costs is worth so many bytes that may turn out not to be needed. */
#define FETCH_BYTES ((int64_t)1 << 20)
/* More of them where single cells are sought in many pieces: most that are looked at have one. */
#define FETCH_BYTES_CELLS ((int64_t)2 << 20)

/* Decodes COLS into the places they have in FULL, a batch of the feed's schema; j->beyond is set when that was too
 * much. */
static int decode_into(struct cat_scan_job *j, const int *cols, int n, struct cat_batch **full, struct cat_error *err)
{
	struct cat_batch *b;
	int rc;

	CAT_TRY(j->part.work->ops->decode(j->part.work, cols, n, &b, err));
	j->beyond = !b;
	if (!b)
		return CAT_OK;
	rc = *full ? CAT_OK : cat_batch_new(j->scan->feed->schema, b->nrows, full, err);
	for (int i = 0; rc == CAT_OK && i < n; i++)
		if (!(*full)->cols[cols[i]])
			(*full)->cols[cols[i]] = cat_column_ref(b->cols[i]);
	cat_batch_unref(b);
	return rc;
}

static int where_rows(const struct cat_scan *s, const struct cat_batch *full, int32_t *idx, int64_t *n,
                      struct cat_error *err)
{
	struct cat_column *mask;

	CAT_TRY(cat_expr_eval_where(s->where, full, &mask, err));
	*n = cat_mask_indices(mask, idx);
	cat_column_unref(mask);
	return CAT_OK;
}

/* Keeps those of the N rows in IDX that lie in the region. */
static int region_rows(const struct cat_scan *s, const struct cat_batch *full, int32_t *idx, int64_t *n,
                       struct cat_error *err)
{
	const int64_t nrows = full->nrows;
	double *ra = cat_malloc((size_t)nrows * 2 * sizeof *ra), *dec = ra + nrows;
	uint8_t *in = cat_malloc((size_t)nrows);
	int64_t kept = 0;
	int rc = CAT_OK;

	if (!ra || !in)
		rc = cat_fail_mem(err, (size_t)nrows * 2 * sizeof *ra);
	else
		rc = cat_position_values(full, s->filter.ra, s->filter.dec, ra, dec, err);
	if (rc == CAT_OK) {
		cat_region_contains_n(s->region->region, ra, dec, nrows, in);
		for (int64_t i = 0; i < *n; i++)
			if (in[idx[i]])
				idx[kept++] = idx[i];
		*n = kept;
	}
	cat_free(ra);
	cat_free(in);
	return rc;
}

/* The cells of the rows: by the index where there is one without nulls, else by position. *OWN is to be freed. */
static int row_cells(struct cat_scan_job *j, struct cat_batch *full, const int64_t **cells, int64_t **own,
                     struct cat_error *err)
{
	const struct cat_scan *s = j->scan;
	const int64_t n = full->nrows;
	double *ra;
	int rc;

	*own = NULL;
	if (s->filter.hpx >= 0 && cat_column_null_count(full->cols[s->filter.hpx]) == 0) {
		*cells = CAT_VALUES(full->cols[s->filter.hpx], int64_t);
		return CAT_OK;
	}
	for (int k = 0; k < 2; k++) {
		const int col = k ? s->filter.dec : s->filter.ra;

		if (!full->cols[col])
			CAT_TRY(decode_into(j, &col, 1, &full, err));
		if (j->beyond)
			return CAT_OK;
	}
	ra = cat_malloc((size_t)n * 2 * sizeof *ra);
	*own = cat_malloc((size_t)n * sizeof **own);
	if (!ra || !*own) {
		cat_free(ra);
		return cat_fail_mem(err, (size_t)n * 2 * sizeof *ra);
	}
	rc = cat_position_values(full, s->filter.ra, s->filter.dec, ra, ra + n, err);
	if (rc == CAT_OK)
		cat_hpx29_from_deg_n(ra, ra + n, n, *own);
	cat_free(ra);
	*cells = *own;
	return rc;
}

/* Keeps those of the N rows in IDX whose cell is wanted. */
static int cell_rows(struct cat_scan_job *j, struct cat_batch *full, int32_t *idx, int64_t *n, struct cat_error *err)
{
	const int64_t *cells;
	int64_t *own;
	const int rc = row_cells(j, full, &cells, &own, err);

	if (rc == CAT_OK && !j->beyond)
		*n = cat_cover_filter(j->scan->filter.cells, cells, idx, *n, idx);
	cat_free(own);
	return rc;
}

/* Decodes what the filters need, then the rest if any row survives. *FULL NULL: none did. */
static int filtered(struct cat_scan_job *j, struct cat_batch **full, struct cat_error *err)
{
	const struct cat_scan *s = j->scan;
	int32_t *idx;
	int64_t n;
	int rc;

	CAT_TRY(decode_into(j, s->first_cols, s->nfirst, full, err));
	if (j->beyond)
		return CAT_OK;
	n = (*full)->nrows;
	idx = cat_malloc((size_t)n * sizeof *idx);
	if (!idx)
		return cat_fail_mem(err, (size_t)n * sizeof *idx);
	for (int64_t i = 0; i < n; i++)
		idx[i] = (int32_t)i;
	rc = s->where ? where_rows(s, *full, idx, &n, err) : CAT_OK;
	if (rc == CAT_OK && n && s->region)
		rc = region_rows(s, *full, idx, &n, err);
	if (rc == CAT_OK && n && s->filter.cells)
		rc = cell_rows(j, *full, idx, &n, err);
	if (rc == CAT_OK && n == 0) {
		cat_batch_unref(*full);
		*full = NULL;
	} else if (rc == CAT_OK && !j->beyond) {
		if (s->nthen)
			rc = decode_into(j, s->then_cols, s->nthen, full, err);
		if (rc == CAT_OK && !j->beyond && n < (*full)->nrows) {
			struct cat_batch *all = *full;

			*full = NULL;
			rc = cat_take_batch(all, idx, n, full, err);
			cat_batch_unref(all);
		}
	}
	cat_free(idx);
	return rc;
}

int64_t cat_scan_fetch_bytes(const struct cat_scan *s)
{
	return s->filter.cells ? FETCH_BYTES_CELLS : FETCH_BYTES;
}

/* Only the pages that may hold wanted rows; all columns of few pages are asked for at once. *NONE: there are none. */
static int narrow(const struct cat_scan *s, struct cat_work *w, bool *none, struct cat_error *err)
{
	const int64_t nrows = w->nrows;

	CAT_TRY(cat_scan_filter_narrow(&s->filter, w, s->feed->schema->nfields, none, err));
	if (!*none && w->ops->fetch && (w->nrows < nrows || w->bytes <= cat_scan_fetch_bytes(s)))
		CAT_TRY(w->ops->fetch(w, s->all_cols, s->nfirst + s->nthen, cat_scan_fetch_bytes(s), NULL, err));
	return CAT_OK;
}

/* What is far away is asked for before its turn to be decoded comes. */
int cat_scan_send_for(const struct cat_scan *s, struct cat_work *w, bool *none, struct cat_error *err)
{
	const bool filters = s->nfirst || s->where;

	*none = false;
	if (filters)
		CAT_TRY(narrow(s, w, none, err));
	if (*none || !w->ops->fetch)
		return CAT_OK;
	/* Large pieces: at least what decides whether the rest is needed. Does nothing when more was asked for. */
	return w->ops->fetch(w, filters ? s->first_cols : s->all_cols, filters ? s->nfirst : s->nthen, INT64_MAX, NULL, err);
}

int cat_scan_job_run(void *arg, struct cat_error *err)
{
	struct cat_scan_job *j = arg;
	const struct cat_scan *s = j->scan;
	struct cat_batch *full = NULL;
	const bool filters = s->nfirst || s->where;
	bool none = false;
	int rc = filters && !s->feed->far ? narrow(s, j->part.work, &none, err) : CAT_OK;

	if (rc == CAT_OK && !none)
		rc = filters ? filtered(j, &full, err) : decode_into(j, s->then_cols, s->nthen, &full, err);
	if (rc == CAT_OK && full && !j->beyond && s->select)
		rc = cat_select_eval(s->select, full, &j->result, err);
	else if (rc == CAT_OK && !j->beyond)
		j->result = cat_batch_ref(full);
	cat_batch_unref(full);
	if (rc != CAT_OK && j->part.work->where)
		cat_wrap(err, "%s", j->part.work->where);
	if (rc != CAT_OK || !j->beyond) {
		cat_work_free(j->part.work);
		j->part.work = NULL;
	}
	return rc;
}

void cat_scan_job_free(void *arg)
{
	struct cat_scan_job *j = arg;

	cat_work_free(j->part.work);
	cat_batch_unref(j->result);
	cat_free(j);
}
