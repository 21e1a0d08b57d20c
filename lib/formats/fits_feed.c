/* A table of a FITS file as a row of independent pieces of work: blocks of rows, or tiles. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "formats/fits.h"
#include "formats/fits_decode.h"
#include "formats/fits_header.h"
#include "formats/fits_tiles.h"

#define WORK_BYTES ((int64_t)1 << 20)
#define WORK_ROWS 131072
/* What is believed of a row's length before its bytes have come through a pipe. */
#define STEP_BYTES ((size_t)4 << 20)

struct feed {
	struct cat_feed base;
	struct cat_fits_stream stream;
	struct cat_fits_table table;
	int64_t data_off;  /* the first row */
	int64_t row;       /* where the next piece begins */
	int64_t work_rows;
	bool cut;          /* the file ends before the table does */
};
struct work {
	struct cat_work base;
	const struct feed *feed;
	int64_t row;
	int64_t tile;
	struct cat_buf *bytes; /* rows, or the tile's descriptors; NULL: not read yet */
	char where[64];
};

/* --- decoding, on any thread --- */

static int decode_rows(const struct work *w, int col, struct cat_column **out, struct cat_error *err)
{
	const struct cat_fits_table *t = &w->feed->table;
	const struct cat_fits_column *c = &t->cols[col];
	const struct cat_fits_cells cells = {
		.data = w->bytes->data + c->off_bytes,
		.stride = t->row_bytes,
		.nrows = w->base.nrows,
		.heap = w->feed->stream.reader,
		.heap_off = w->feed->data_off + t->heap_off,
		.heap_bytes = t->heap_bytes,
	};

	return (t->ascii ? cat_fits_decode_ascii : cat_fits_decode)(c, &t->schema->fields[col], &cells, out, err);
}

static int decode_tile(const struct work *w, int col, struct cat_column **out, struct cat_error *err)
{
	const struct cat_fits_table *t = &w->feed->table;
	const struct cat_fits_column *c = &t->cols[col];
	struct cat_fits_cells cells = {.stride = c->bytes, .nrows = w->base.nrows};
	struct cat_buf *packed, *plain;
	int64_t n, off;
	int rc;

	if (c->bytes == 0)
		return cat_fits_decode(c, &t->schema->fields[col], &cells, out, err);
	CAT_TRY(cat_fits_descriptor(w->bytes->data + c->tile_off_bytes, c->tile_array, 8, t->heap_bytes, &n, &off, err));
	CAT_TRY(cat_read_range(w->feed->stream.reader, w->feed->data_off + t->heap_off + off, (size_t)n, &packed, err));
	rc = cat_fits_untile(c, packed->data, (size_t)n, cells.nrows, &plain, err);
	cat_buf_unref(packed);
	CAT_TRY(rc);
	cells.data = plain->data;
	rc = cat_fits_decode(c, &t->schema->fields[col], &cells, out, err);
	cat_buf_unref(plain);
	return rc;
}

static int work_decode(struct cat_work *work, const int *cols, int n, struct cat_batch **out, struct cat_error *err)
{
	struct work *w = (struct work *)work;
	const struct cat_fits_table *t = &w->feed->table;
	const int64_t stored = t->tiled ? w->tile : w->row, rows = t->tiled ? 1 : work->nrows;
	struct cat_schema *schema;
	int rc;

	*out = NULL;
	if (!w->bytes && n > 0)
		CAT_TRY(cat_read_range(w->feed->stream.reader, w->feed->data_off + stored * t->row_bytes,
		                       (size_t)(rows * t->row_bytes), &w->bytes, err));
	CAT_TRY(cat_schema_project(t->schema, cols, n, &schema, err));
	rc = cat_batch_new(schema, work->nrows, out, err);
	cat_schema_unref(schema);
	for (int i = 0; rc == CAT_OK && i < n; i++) {
		rc = (t->tiled ? decode_tile : decode_rows)(w, cols[i], &(*out)->cols[i], err);
		if (rc != CAT_OK)
			cat_wrap(err, "column %s", t->schema->fields[cols[i]].name);
	}
	if (rc != CAT_OK) {
		cat_batch_unref(*out);
		*out = NULL;
	}
	return rc;
}

static void work_free(struct cat_work *work)
{
	struct work *w = (struct work *)work;

	cat_buf_unref(w->bytes);
	cat_free(w);
}

static const struct cat_work_ops work_ops = {.decode = work_decode, .free = work_free};

/* --- pieces, in order --- */

/* Up to LEN bytes of a pipe; less at its end. */
static int read_pipe(struct cat_reader *r, size_t len, struct cat_buf **out, struct cat_error *err)
{
	size_t got = 0;
	int rc = cat_buf_new(len < STEP_BYTES ? len : STEP_BYTES, out, err);

	while (rc == CAT_OK && got < len) {
		struct cat_buf *b;

		rc = r->ops->next(r, len - got, &b, err);
		if (rc != CAT_OK || !b)
			break;
		if (b->size > (*out)->size - got)
			rc = cat_buf_resize(out, got + b->size, err);
		if (rc == CAT_OK)
			memcpy((*out)->data + got, b->data, b->size);
		got += b->size;
		cat_buf_unref(b);
	}
	if (rc != CAT_OK) {
		cat_buf_unref(*out);
		*out = NULL;
		return rc;
	}
	(*out)->size = got;
	return CAT_OK;
}

static int truncated(const struct feed *f, struct cat_error *err)
{
	return cat_fail(err, CAT_E_DATA, "truncated: %lld of %lld rows are there", (long long)f->row,
	                (long long)f->table.nrows);
}

/* Rows of the next piece that the file has. */
static int64_t rows_there(const struct feed *f)
{
	const struct cat_fits_table *t = &f->table;
	const int64_t left = t->nrows - f->row, want = left < f->work_rows ? left : f->work_rows;
	const int64_t there = (f->stream.reader->size - f->data_off) / (t->row_bytes ? t->row_bytes : 1) - f->row;

	return there < want ? there : want;
}

/* The bytes of a piece of a pipe, and how many rows are in them. */
static int next_of_pipe(struct feed *f, struct work *w, struct cat_error *err)
{
	const struct cat_fits_table *t = &f->table;
	const int64_t left = t->nrows - f->row, want = left < f->work_rows ? left : f->work_rows;

	CAT_TRY(read_pipe(f->stream.reader, (size_t)(want * t->row_bytes), &w->bytes, err));
	w->base.nrows = (int64_t)w->bytes->size / t->row_bytes;
	f->cut |= w->base.nrows < want;
	return w->base.nrows > 0 ? CAT_OK : truncated(f, err);
}

static int fill_work(struct feed *f, struct work *w, struct cat_error *err)
{
	const struct cat_fits_table *t = &f->table;

	w->row = f->row;
	w->base.ops = &work_ops;
	w->feed = f;
	if (t->tiled) {
		w->tile = f->row / t->tile_rows;
		w->base.nrows = t->nrows - f->row < t->tile_rows ? t->nrows - f->row : t->tile_rows;
	} else if (f->stream.reader->size < 0) {
		CAT_TRY(next_of_pipe(f, w, err));
	} else {
		w->base.nrows = rows_there(f);
		if (w->base.nrows <= 0)
			return truncated(f, err);
	}
	w->base.bytes = t->tiled ? t->heap_bytes / t->stored_rows : w->base.nrows * t->row_bytes;
	f->row += w->base.nrows;
	snprintf(w->where, sizeof w->where, "rows %lld to %lld", (long long)w->row + 1, (long long)f->row);
	w->base.where = w->where;
	return CAT_OK;
}

static int feed_next(struct cat_feed *feed, struct cat_work **out, struct cat_error *err)
{
	struct feed *f = (struct feed *)feed;
	struct work *w;
	bool at_end;
	int rc;

	*out = NULL;
	if (f->cut)
		return truncated(f, err);
	/* A pipe is read to its end: its writer would die of what follows the table. */
	if (f->row == f->table.nrows)
		return f->stream.reader->size < 0 ? cat_fits_skip(&f->stream, INT64_MAX, &at_end, err) : CAT_OK;
	w = cat_calloc(1, sizeof *w);
	if (!w)
		return cat_fail_mem(err, sizeof *w);
	rc = fill_work(f, w, err);
	if (rc != CAT_OK) {
		work_free(&w->base);
		return rc;
	}
	*out = &w->base;
	return CAT_OK;
}

static void feed_close(struct cat_feed *feed)
{
	struct feed *f = (struct feed *)feed;

	cat_fits_table_fini(&f->table);
	cat_reader_close(f->stream.reader);
	cat_free(f);
}

static const struct cat_feed_ops feed_ops = {feed_next, feed_close};

/* Makes bytes behind the rows reachable. */
static int reach_behind(struct feed *f, const struct cat_fits_options *o, struct cat_error *err)
{
	struct cat_reader *r = f->stream.reader;

	if (!f->table.behind || r->size >= 0)
		return CAT_OK;
	if (!o || !o->spool)
		return cat_fail(err, CAT_E_UNSUPPORTED, "variable arrays or a compressed table from a pipe");
	f->stream.reader = NULL;
	CAT_TRY(o->spool(r, o->temp_dir, &f->stream.reader, err));
	/* What is left of the pipe begins with the rows. */
	f->data_off = 0;
	return CAT_OK;
}

/* Rows of a piece: near WORK_BYTES with their arrays. */
static int64_t rows_per_work(const struct cat_fits_table *t)
{
	const int64_t row = t->row_bytes + (t->nrows ? t->heap_bytes / t->nrows : 0), n = WORK_BYTES / (row ? row : 1);

	return n < 1 ? 1 : n > WORK_ROWS ? WORK_ROWS : n;
}

int cat_fits_feed(struct cat_reader *r, const struct cat_fits_options *o, struct cat_feed **out,
                  struct cat_error *err)
{
	struct feed *f = cat_calloc(1, sizeof *f);
	int rc;

	if (!f) {
		cat_reader_close(r);
		return cat_fail_mem(err, sizeof *f);
	}
	f->base.ops = &feed_ops;
	f->stream.reader = r;
	rc = cat_fits_find(&f->stream, o ? o->hdu : NULL, &f->table, err);
	f->data_off = f->stream.pos;
	if (rc == CAT_OK)
		rc = reach_behind(f, o, err);
	if (rc != CAT_OK) {
		feed_close(&f->base);
		return rc;
	}
	f->base.schema = f->table.schema;
	f->base.nrows = f->table.nrows;
	f->base.sharded = f->stream.reader->size >= 0;
	f->work_rows = rows_per_work(&f->table);
	*out = &f->base;
	return CAT_OK;
}
