/* Batches to one binary table.
 *
 * Rows of numbers go straight out and only the head is patched. How wide text is, and where the arrays behind the
 * rows begin, is known when all rows are: tables with text or lists are encoded into a scratch file, each piece with
 * the width of its own text, and then put out a second time as they are to be. */
#include "formats/fits_write.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "formats/fits.h"
#include "formats/fits_header.h"

/* Rows of a piece that is put out twice: the second time its text may be much wider. */
#define HELD_ROWS 2048

/* A piece in the scratch file. */
struct held {
	int64_t nrows;
	int64_t off_bytes; /* of its rows; its arrays follow them */
	int64_t row_bytes, heap_bytes;
	int64_t heap_begin; /* in the heap of the table */
	int64_t *widths;    /* of its cells' text, one per column */
};
struct encoder {
	struct cat_encoder base;
	struct cat_schema *schema;
	struct cat_fits_write_options options;
	struct cat_fits_wcol *cols;
	bool holds;
	struct cat_batch *next; /* put, given out in pieces from row POS on */
	int64_t pos;
	int64_t nrows;
	size_t head_bytes;
	struct cat_writer *scratch;
	struct cat_reader *back;
	int64_t scratch_bytes;
	struct held *held;
	size_t nheld, cap_held;
	int64_t heap_bytes;
	size_t pulled;         /* pieces with rows */
	size_t again, arrays;  /* pieces given out the second time: their rows, their arrays */
	int64_t row_bytes;     /* at the end */
	char array;            /* P or Q, at the end */
};
enum step { FIRST, AGAIN, ARRAYS };
struct piece {
	struct cat_out base;
	struct encoder *encoder;
	enum step step;
	size_t index; /* of the piece in HELD: again, arrays */
	struct cat_batch *batch;
	struct held held;
	struct cat_fits_seen *seen;
	struct cat_buf *bufs[2]; /* rows, arrays */
};

/* --- one piece, on any thread --- */

/* The arrays of all list columns, row by row; descriptors go into the rows. */
static int encode_arrays(struct piece *p, uint8_t *rows, struct cat_error *err)
{
	const struct encoder *e = p->encoder;
	const int n = e->schema->nfields;
	int64_t at = 0, cell;

	for (int pass = 0; pass < 2; pass++) {
		at = 0;
		for (int64_t i = 0; i < p->batch->nrows; i++) {
			cell = i * p->held.row_bytes;
			for (int k = 0; k < n; cell += cat_fits_cell_bytes(&e->cols[k], p->held.widths[k]), k++) {
				const struct cat_column *col = p->batch->cols[k];
				int64_t place[2] = {0, at};

				if (!e->cols[k].list)
					continue;
				if (cat_column_valid(col, i))
					place[0] = cat_column_offsets(col)[i + 1] - cat_column_offsets(col)[i];
				else
					p->seen[k].null = true;
				if (pass && place[0])
					CAT_TRY(cat_fits_put_list(&e->cols[k], col, cat_column_offsets(col)[i], place[0],
					                          p->bufs[1]->data + at, &p->seen[k], err));
				memcpy(rows + cell, place, sizeof place);
				at += place[0] * e->cols[k].width;
			}
		}
		if (pass == 0)
			CAT_TRY(cat_buf_new((size_t)at, &p->bufs[1], err));
	}
	p->held.heap_bytes = at;
	return CAT_OK;
}

static int piece_encode(struct cat_out *out, struct cat_error *err)
{
	struct piece *p = (struct piece *)out;
	const struct encoder *e = p->encoder;
	bool lists = false;
	int64_t at = 0;

	if (p->step != FIRST)
		return CAT_OK;
	if (p->held.row_bytes > 0 && p->batch->nrows > INT64_MAX / p->held.row_bytes)
		return cat_fail_mem(err, SIZE_MAX);
	CAT_TRY(cat_buf_new((size_t)(p->batch->nrows * p->held.row_bytes), &p->bufs[0], err));
	for (int k = 0; k < e->schema->nfields; k++) {
		lists |= e->cols[k].list;
		if (!e->cols[k].list)
			CAT_TRY(cat_fits_put_cells(&e->cols[k], p->held.widths[k], p->batch->cols[k],
			                           p->bufs[0]->data + at, p->held.row_bytes, &p->seen[k], err));
		at += cat_fits_cell_bytes(&e->cols[k], p->held.widths[k]);
	}
	if (lists)
		CAT_TRY(encode_arrays(p, p->bufs[0]->data, err));
	out->bufs = p->bufs;
	out->nbufs = 1 + (p->bufs[1] != NULL);
	return CAT_OK;
}

static void piece_free(struct cat_out *out)
{
	struct piece *p = (struct piece *)out;

	cat_batch_unref(p->batch);
	cat_buf_unref(p->bufs[0]);
	cat_buf_unref(p->bufs[1]);
	cat_free(p->held.widths);
	cat_free(p->seen);
	cat_free(p);
}

static const struct cat_out_ops piece_ops = {piece_encode, piece_free};

/* --- pieces, in order --- */

static int encoder_put(struct cat_encoder *base, struct cat_batch *b, struct cat_error *err)
{
	struct encoder *e = (struct encoder *)base;

	e->pos = 0;
	return cat_encoder_hold(&e->next, e->schema, b, err);
}

/* Widths of the piece's text, which also widen the column's. */
static int measure(struct encoder *e, struct piece *p, struct cat_error *err)
{
	for (int k = 0; k < e->schema->nfields; k++) {
		struct cat_fits_wcol *c = &e->cols[k];

		p->held.widths[k] = cat_fits_open_width(c) ? cat_fits_text_width(c, p->batch->cols[k]) : c->width;
		if (p->held.widths[k] > CAT_FITS_MAX_TEXT)
			return cat_fail(err, CAT_E_UNSUPPORTED, "column %s: text of %lld bytes; FITS rows hold %d",
			                c->field->name, (long long)p->held.widths[k], CAT_FITS_MAX_TEXT);
		/* Other threads encode by the widths of numbers: those are not touched. */
		if (p->held.widths[k] > c->width)
			c->width = p->held.widths[k];
		p->held.row_bytes += cat_fits_cell_bytes(c, p->held.widths[k]);
	}
	return CAT_OK;
}

static int cut_piece(struct encoder *e, struct piece *p, struct cat_error *err)
{
	const int64_t left = e->next->nrows - e->pos, n = e->holds && left > HELD_ROWS ? HELD_ROWS : left;
	const size_t cols = (size_t)e->schema->nfields;

	p->held.widths = cat_calloc(cols, sizeof *p->held.widths);
	p->seen = cat_calloc(cols, sizeof *p->seen);
	if (!p->held.widths || !p->seen)
		return cat_fail_mem(err, cols * sizeof *p->held.widths);
	CAT_TRY(cat_batch_slice(e->next, e->pos, n, &p->batch, err));
	p->held.nrows = n;
	e->pos += n;
	e->nrows += n;
	e->pulled++;
	if (e->pos == e->next->nrows) {
		cat_batch_unref(e->next);
		e->next = NULL;
	}
	return measure(e, p, err);
}

static int encoder_pull(struct cat_encoder *base, bool last, struct cat_out **out, struct cat_error *err)
{
	struct encoder *e = (struct encoder *)base;
	struct piece *p;
	int rc = CAT_OK;

	*out = NULL;
	if (!e->next && (!last || !e->holds || e->arrays == e->pulled))
		return CAT_OK;
	p = cat_calloc(1, sizeof *p);
	if (!p)
		return cat_fail_mem(err, sizeof *p);
	p->base.ops = &piece_ops;
	p->encoder = e;
	if (e->next) {
		rc = cut_piece(e, p, err);
	} else {
		p->step = e->again < e->pulled ? AGAIN : ARRAYS;
		p->index = p->step == AGAIN ? e->again++ : e->arrays++;
	}
	if (rc != CAT_OK) {
		piece_free(&p->base);
		return rc;
	}
	*out = &p->base;
	return CAT_OK;
}

/* --- putting in place --- */

static void remember(struct encoder *e, const struct piece *p)
{
	for (int k = 0; k < e->schema->nfields; k++) {
		e->cols[k].has_null |= p->seen[k].null;
		e->cols[k].has_twin |= p->seen[k].twin;
		e->cols[k].has_empty |= p->seen[k].empty;
		e->cols[k].has_foreign |= p->seen[k].foreign;
	}
}

/* The longest list so far, for TFORM. */
static void remember_lists(struct encoder *e, const struct piece *p)
{
	for (int k = 0; k < e->schema->nfields; k++)
		for (int64_t i = 0; e->cols[k].list && i < p->batch->nrows; i++) {
			const int32_t *o = cat_column_offsets(p->batch->cols[k]) + i;

			if (cat_column_valid(p->batch->cols[k], i) && o[1] - o[0] > e->cols[k].longest)
				e->cols[k].longest = o[1] - o[0];
		}
}

/* The piece's bytes into the scratch file. */
static int hold(struct encoder *e, struct piece *p, struct cat_error *err)
{
	struct held *h;

	if (cat_grow(&e->held, &e->cap_held, e->nheld, sizeof *e->held) != 0)
		return cat_fail_mem(err, (e->nheld + 1) * sizeof *e->held);
	CAT_TRY(e->scratch->ops->append(e->scratch, p->base.bufs, p->base.nbufs, err));
	h = &e->held[e->nheld++];
	*h = p->held;
	p->held.widths = NULL;
	h->off_bytes = e->scratch_bytes;
	h->heap_begin = e->heap_bytes;
	e->heap_bytes += h->heap_bytes;
	e->scratch_bytes += h->nrows * h->row_bytes + h->heap_bytes;
	p->base.nbufs = 0;
	remember_lists(e, p);
	return CAT_OK;
}

static void put_big(uint8_t *dst, int64_t v, int width)
{
	for (int i = 0; i < width; i++)
		dst[i] = (uint8_t)((uint64_t)v >> 8 * (width - 1 - i));
}

/* One column of a piece from its own layout to that of the table. */
static void lay_out(const struct encoder *e, const struct held *h, int k, const uint8_t *src, uint8_t *dst)
{
	const struct cat_fits_wcol *c = &e->cols[k];
	const int64_t from = h->widths[k], to = c->width;
	const int half = e->array == 'P' ? 4 : 8;

	for (int64_t i = 0; i < h->nrows; i++, src += h->row_bytes, dst += e->row_bytes) {
		if (c->list) {
			int64_t place[2];

			memcpy(place, src, sizeof place);
			put_big(dst, place[0], half);
			put_big(dst + half, place[0] ? h->heap_begin + place[1] : 0, half);
		} else if (from == to) {
			memcpy(dst, src, (size_t)(c->repeat * to));
		} else {
			for (int64_t r = 0; r < c->repeat; r++) {
				memcpy(dst + r * to, src + r * from, (size_t)from);
				memset(dst + r * to + from, ' ', (size_t)(to - from));
			}
		}
	}
}

static void decide_layout(struct encoder *e)
{
	e->array = e->heap_bytes > INT32_MAX ? 'Q' : 'P';
	e->row_bytes = 0;
	for (int k = 0; k < e->schema->nfields; k++)
		e->row_bytes += e->cols[k].list ? e->array == 'P' ? 8 : 16 : cat_fits_cell_bytes(&e->cols[k], e->cols[k].width);
}

static int put_again(struct encoder *e, struct piece *p, struct cat_error *err)
{
	const struct held *h = &e->held[p->index];
	int64_t from = 0, to = 0;
	struct cat_buf *b;
	int rc;

	CAT_TRY(cat_read_range(e->back, h->off_bytes, (size_t)(h->nrows * h->row_bytes), &b, err));
	rc = cat_buf_new((size_t)(h->nrows * e->row_bytes), &p->bufs[0], err);
	for (int k = 0; rc == CAT_OK && k < e->schema->nfields; k++) {
		lay_out(e, h, k, b->data + from, p->bufs[0]->data + to);
		from += cat_fits_cell_bytes(&e->cols[k], h->widths[k]);
		to += e->cols[k].list ? e->array == 'P' ? 8 : 16 : cat_fits_cell_bytes(&e->cols[k], e->cols[k].width);
	}
	cat_buf_unref(b);
	p->base.bufs = p->bufs;
	p->base.nbufs = rc == CAT_OK;
	return rc;
}

static int encoder_placed(struct cat_encoder *base, struct cat_out *out, int64_t off_bytes, struct cat_error *err)
{
	struct encoder *e = (struct encoder *)base;
	struct piece *p = (struct piece *)out;
	const struct held *h;

	(void)off_bytes;
	if (p->step == FIRST) {
		remember(e, p);
		return e->holds ? hold(e, p, err) : CAT_OK;
	}
	/* All pieces have been placed for the first time. */
	decide_layout(e);
	if (p->step == AGAIN)
		return put_again(e, p, err);
	h = &e->held[p->index];
	if (h->heap_bytes == 0)
		return CAT_OK;
	CAT_TRY(cat_read_range(e->back, h->off_bytes + h->nrows * h->row_bytes, (size_t)h->heap_bytes, &p->bufs[0], err));
	p->base.bufs = p->bufs;
	p->base.nbufs = 1;
	return CAT_OK;
}

/* --- around the rows --- */

static int make_head(struct encoder *e, size_t size, struct cat_buf **out, struct cat_error *err)
{
	decide_layout(e);
	return cat_fits_head_new(&(struct cat_fits_head){.schema = e->schema, .cols = e->cols, .nrows = e->nrows,
	                                                 .heap_bytes = e->heap_bytes, .array = e->array, .size = size},
	                         out, err);
}

static int encoder_head(struct cat_encoder *base, struct cat_buf **out, struct cat_error *err)
{
	struct encoder *e = (struct encoder *)base;

	CAT_TRY(make_head(e, 0, out, err));
	e->head_bytes = (*out)->size;
	return CAT_OK;
}

/* Zeros to the end of the block (section 7.3.3). */
static int encoder_tail(struct cat_encoder *base, int64_t size_bytes, struct cat_buf **out, struct cat_error *err)
{
	(void)base;
	return cat_buf_zeroed((size_t)((CAT_FITS_BLOCK - size_bytes % CAT_FITS_BLOCK) % CAT_FITS_BLOCK), out, err);
}

static void tell(const struct encoder *e, const struct cat_fits_wcol *c, const char *text)
{
	char line[256];

	snprintf(line, sizeof line, "%.120s: %s", c->field->name, text);
	if (e->options.note)
		e->options.note(e->options.note_arg, line);
}

/* What cannot be told apart in the file is said, or, of integers, refused. */
static int check_column(const struct encoder *e, const struct cat_fits_wcol *c, struct cat_error *err)
{
	const bool text = c->kind == CAT_FITS_TEXT;

	if (c->integer && c->has_null && c->has_twin)
		return cat_fail(err, CAT_E_DATA,
		                "column %s: the value that would stand for NULL (TNULL) is among the values; CAST it to a "
		                "wider type",
		                c->field->name);
	if (c->kind == CAT_FITS_NUMBER && !c->integer && c->has_null)
		tell(e, c, "NULL is NaN in FITS");
	if (text && c->has_empty)
		tell(e, c, "empty text is NULL in FITS");
	if (text && c->has_foreign)
		tell(e, c, "text beyond ASCII, written as UTF-8, is not defined in FITS");
	if (c->list && c->has_null)
		tell(e, c, "lists that are NULL are empty in FITS");
	return CAT_OK;
}

static int encoder_patch(struct cat_encoder *base, struct cat_buf **out, struct cat_error *err)
{
	struct encoder *e = (struct encoder *)base;

	for (int k = 0; k < e->schema->nfields; k++)
		CAT_TRY(check_column(e, &e->cols[k], err));
	return make_head(e, e->head_bytes, out, err);
}

static void encoder_close(struct cat_encoder *base)
{
	struct encoder *e = (struct encoder *)base;

	for (size_t i = 0; i < e->nheld; i++)
		cat_free(e->held[i].widths);
	cat_free(e->held);
	cat_free(e->cols);
	cat_batch_unref(e->next);
	cat_writer_close(e->scratch);
	cat_reader_close(e->back);
	cat_schema_unref(e->schema);
	cat_free(e);
}

static const struct cat_encoder_ops encoder_ops = {encoder_put,  encoder_pull,  encoder_placed, encoder_head,
                                                   encoder_tail, encoder_patch, encoder_close};

static int plan(struct encoder *e, struct cat_error *err)
{
	if (e->schema->nfields > 999)
		return cat_fail(err, CAT_E_UNSUPPORTED, "%d columns; FITS has room for 999", e->schema->nfields);
	e->cols = cat_calloc((size_t)e->schema->nfields, sizeof *e->cols);
	if (!e->cols)
		return cat_fail_mem(err, (size_t)e->schema->nfields * sizeof *e->cols);
	for (int k = 0; k < e->schema->nfields; k++) {
		CAT_TRY(cat_fits_plan(&e->schema->fields[k], &e->cols[k], err));
		e->holds |= e->cols[k].list || cat_fits_open_width(&e->cols[k]);
	}
	return e->holds ? e->options.scratch(e->options.temp_dir, &e->scratch, &e->back, err) : CAT_OK;
}

int cat_fits_encoder(struct cat_schema *s, const struct cat_fits_write_options *o, struct cat_encoder **out,
                     struct cat_error *err)
{
	struct encoder *e = cat_calloc(1, sizeof *e);
	int rc;

	if (!e)
		return cat_fail_mem(err, sizeof *e);
	e->base.ops = &encoder_ops;
	e->schema = cat_schema_ref(s);
	e->options = *o;
	e->array = 'P';
	rc = plan(e, err);
	if (rc != CAT_OK) {
		encoder_close(&e->base);
		return rc;
	}
	*out = &e->base;
	return CAT_OK;
}
