/* Maps of counts, read once from front to back beside the rows, which come in the same order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "dataset/verify_parts.h"
#include "formats/fits.h"
#include "net/url.h"
#include "storage/inflate.h"
#include "storage/open.h"

#define HEAD ((size_t)8640)
#define COUNT_MAX 9e15 /* rows in a cell: integers that float64 holds */

struct cat_map {
	char *name;
	struct cat_source *source;
	struct cat_batch *batch;
	const struct cat_column *pixels, *values; /* of the batch; PIXELS NULL: all cells, one after the other */
	int64_t at, length; /* in the batch */
	int64_t before;     /* cells in earlier batches */
	int order;
	bool ended;
	int64_t cell, count; /* the next cell that has rows */
	int64_t lo, hi, rows; /* what came and was not compared yet; hi 0: nothing */
	bool unknown;         /* how many rows that really is */
};

int cat_map_order(const struct cat_map *m)
{
	return m->order;
}

void cat_map_free(struct cat_map *m)
{
	if (!m)
		return;
	cat_batch_unref(m->batch);
	cat_source_close(m->source);
	cat_free(m->name);
	cat_free(m);
}

/* --- reading --- */

/* The number of card KEY in the first blocks of the file; -1: there is none. */
static int64_t card_number(const struct cat_buf *b, const char *key)
{
	const size_t n = strlen(key);

	for (size_t at = 0; at + 80 <= b->size; at += 80) {
		const char *card = (const char *)b->data + at;
		char value[72];

		if (memcmp(card, key, n) != 0 || (card[n] != ' ' && card[n] != '='))
			continue;
		memcpy(value, card + 10, 70);
		value[70] = '\0';
		return strtoll(value, NULL, 10);
	}
	return -1;
}

static bool says_ring(const struct cat_buf *b)
{
	char card[81] = "";

	for (size_t at = 0; at + 80 <= b->size; at += 80) {
		memcpy(card, b->data + at, 80);
		if (strncmp(card, "ORDERING", 8) == 0)
			return strstr(card + 8, "RING") != NULL;
	}
	return false;
}

static int order_of_cells(int64_t cells)
{
	for (int k = 0; k <= 29; k++)
		if (INT64_C(12) << 2 * k == cells)
			return k;
	return -1;
}

/* Whether the columns are counts, or cells and counts. */
static bool are_counts(const struct cat_schema *s)
{
	const struct cat_field *f = &s->fields[s->nfields - 1];

	if (s->nfields == 1 && f->type.id == CAT_T_FIXED_LIST)
		f = f->children;
	return cat_type_is_number(f->type.id) && (s->nfields == 1 || cat_type_is_int(s->fields[0].type.id));
}

/* Whether the source is a map at all. */
static int settle(struct cat_map *m, const struct cat_buf *head, int64_t nrows, struct cat_findings *found)
{
	const struct cat_schema *s = m->source->schema;
	const int64_t nside = card_number(head, "NSIDE"), order = card_number(head, "ORDER");

	if (says_ring(head)) {
		cat_found(found, CAT_FOUND_NOTE, m->name, "a map in RING order is not checked");
		return false;
	}
	m->order = order >= 0 && order <= 29              ? (int)order
	           : nside > 0 && nside <= INT64_C(1) << 29 ? order_of_cells(12 * nside * nside)
	                                                    : -1;
	if (s->nfields == 1 && m->order < 0)
		m->order = order_of_cells(nrows);
	if (m->order < 0 || s->nfields > 2 || s->nfields < 1 || !are_counts(s)) {
		cat_found(found, CAT_FOUND_SKYMAP, m->name, "no map of HEALPix cells");
		return false;
	}
	return true;
}

/* The next batch that has cells. */
static int refill(struct cat_map *m, struct cat_error *err)
{
	m->before += m->length;
	m->at = m->length = 0;
	while (m->at == m->length && !m->ended) {
		cat_batch_unref(m->batch);
		m->batch = NULL;
		CAT_TRY(m->source->ops->next(m->source, &m->batch, err));
		if (!m->batch) {
			m->ended = true;
			return CAT_OK;
		}
		m->pixels = m->batch->ncols > 1 ? m->batch->cols[0] : NULL;
		m->values = m->batch->cols[m->batch->ncols - 1];
		m->length = m->batch->nrows;
		if (!m->pixels && m->values->type.id == CAT_T_FIXED_LIST) {
			m->length = m->batch->nrows * m->values->type.width;
			m->values = m->values->children[0];
		}
	}
	return CAT_OK;
}

/* To the next cell that has rows; count is 0 at the end. */
static int advance(struct cat_map *m, struct cat_error *err)
{
	m->count = 0;
	while (!m->ended && m->count == 0) {
		double count;

		if (m->at == m->length)
			CAT_TRY(refill(m, err));
		if (m->ended)
			break;
		m->cell = !m->pixels                            ? m->before + m->at
		          : cat_column_valid(m->pixels, m->at) ? cat_column_i64(m->pixels, m->at)
		                                               : -1;
		/* Cells without a value have none, or what healpy calls UNSEEN. */
		count = cat_column_valid(m->values, m->at) ? cat_column_f64(m->values, m->at) : 0;
		count = count < -1e30 ? 0 : count;
		m->at++;
		if (m->cell < 0 || m->cell >= INT64_C(12) << 2 * m->order)
			return cat_fail(err, CAT_E_DATA, "cell %lld is none of order %d", (long long)m->cell, m->order);
		if (!(count >= 0 && count <= COUNT_MAX))
			return cat_fail(err, CAT_E_DATA, "%g rows in cell %lld", count, (long long)m->cell);
		m->count = (int64_t)count;
	}
	return CAT_OK;
}

int cat_map_open(const char *root, const char *name, struct cat_findings *found, struct cat_map **out,
                 struct cat_error *err)
{
	struct cat_map *m = cat_calloc(1, sizeof *m);
	char *path = cat_url_join(root, name);
	struct cat_reader *inner, *r = NULL;
	struct cat_buf *head = NULL;
	struct cat_feed *feed = NULL;
	int rc = m && path && (m->name = cat_strdup(name)) ? CAT_OK : cat_fail_mem(err, sizeof *m);
	bool fine = false;
	int64_t nrows = 0;

	*out = NULL;
	if (rc == CAT_OK)
		rc = cat_open(path, CAT_OPEN_HEAD, &inner, err);
	cat_free(path);
	if (rc == CAT_OK)
		rc = cat_reader_inflate(inner, &r, err);
	if (rc == CAT_OK)
		rc = r->ops->peek(r, HEAD, &head, err);
	if (rc == CAT_OK)
		rc = cat_fits_feed(r, NULL, &feed, err);
	else
		cat_reader_close(r);
	if (rc == CAT_OK) {
		nrows = feed->nrows;
		rc = cat_feed_source(feed, &m->source, err);
	}
	if (rc == CAT_OK)
		fine = settle(m, head, nrows, found);
	if (rc == CAT_OK && fine)
		rc = advance(m, err);
	cat_buf_unref(head);
	if (rc == CAT_OK && fine) {
		*out = m;
		return CAT_OK;
	}
	cat_map_free(m);
	if (rc == CAT_E_DATA || rc == CAT_E_UNSUPPORTED)
		cat_found(found, CAT_FOUND_UNREADABLE, name, "%s", err->cause);
	if (rc == CAT_E_DATA || rc == CAT_E_UNSUPPORTED || rc == CAT_E_NOINPUT)
		rc = (int)(err->code = CAT_OK);
	return rc;
}

int cat_map_next(struct cat_map *m, int64_t *cell, int64_t *count, struct cat_error *err)
{
	*cell = m->cell;
	*count = m->count;
	return m->count ? advance(m, err) : CAT_OK;
}

/* --- comparing --- */

static void differs(const struct cat_map *m, int64_t lo, int64_t map, int64_t data, struct cat_findings *found)
{
	cat_found(found, CAT_FOUND_SKYMAP, m->name, "%lld rows from cell %lld of order %d on, the map says %lld",
	          (long long)data, (long long)(lo >> 2 * (29 - m->order)), m->order, (long long)map);
}

/* What is told of [lo, hi) against the map. */
static int compare(struct cat_map *m, struct cat_findings *found, struct cat_error *err)
{
	const int shift = 2 * (29 - m->order);
	int64_t sum = 0;

	while (m->count && m->cell << shift < m->lo) {
		differs(m, m->cell << shift, m->count, 0, found);
		CAT_TRY(advance(m, err));
	}
	while (m->count && m->cell << shift < m->hi) {
		if (__builtin_add_overflow(sum, m->count, &sum))
			sum = INT64_MAX;
		CAT_TRY(advance(m, err));
	}
	if (sum != m->rows && !m->unknown)
		differs(m, m->lo, sum, m->rows, found);
	m->hi = 0;
	return CAT_OK;
}

int cat_map_rows(struct cat_map *m, int64_t lo, int64_t hi, int64_t n, struct cat_findings *found,
                 struct cat_error *err)
{
	const int64_t one = INT64_C(1) << 2 * (29 - m->order);

	if (hi - lo < one) {
		lo = lo / one * one;
		hi = lo + one;
	}
	if (m->hi && (m->lo != lo || m->hi != hi))
		CAT_TRY(compare(m, found, err));
	if (!m->hi) {
		m->lo = lo;
		m->hi = hi;
		m->rows = 0;
		m->unknown = false;
	}
	m->unknown |= n < 0;
	m->rows += n;
	return CAT_OK;
}

int cat_map_end(struct cat_map *m, struct cat_findings *found, struct cat_error *err)
{
	if (m->hi)
		CAT_TRY(compare(m, found, err));
	while (m->count) {
		differs(m, m->cell << 2 * (29 - m->order), m->count, 0, found);
		CAT_TRY(advance(m, err));
	}
	return CAT_OK;
}
