#include "exec/packed.h"

#include <string.h>

#include "base/alloc.h"

/* Chunks of a size that fits where batches were. */
#define CHUNK_BITS 14
#define CHUNK_ROWS (INT64_C(1) << CHUNK_BITS)
/* Rows handled at a time: a word of validity bits, and few enough to stay in the first cache. */
#define BLOCK 64

struct field {
	struct cat_type type;
	int width, at; /* bytes; where in the row */
};
struct cat_packed {
	int ncols; /* of the schema */
	struct field *fields;  /* of each column; width 0: it is not packed */
	size_t row_bytes, valid_at; /* a bit for each column from there on */
	uint8_t *null_row;
	uint8_t **chunk;
	size_t nchunks, cap_chunks;
	int64_t nrows;
};

int cat_packed_new(const struct cat_batch *like, struct cat_packed **out, struct cat_error *err)
{
	struct cat_packed *p = cat_calloc(1, sizeof *p);
	int at = 0;

	if (!p)
		return cat_fail_mem(err, sizeof *p);
	p->ncols = like->ncols;
	p->fields = cat_calloc((size_t)p->ncols, sizeof *p->fields);
	for (int k = 0; p->fields && k < p->ncols; k++) {
		const struct cat_type *type = &like->schema->fields[k].type;
		const int width = like->cols[k] ? cat_type_bytes(type) : 0;

		p->fields[k] = (struct field){*type, width, at};
		at += width;
	}
	p->valid_at = (size_t)at;
	p->row_bytes = p->valid_at + (size_t)(p->ncols + 7) / 8;
	p->null_row = cat_calloc(1, p->row_bytes);
	if (!p->fields || !p->null_row) {
		cat_packed_free(p);
		return cat_fail_mem(err, (size_t)like->ncols * sizeof *p->fields);
	}
	*out = p;
	return CAT_OK;
}

void cat_packed_free(struct cat_packed *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->nchunks; i++)
		cat_free(p->chunk[i]);
	cat_free(p->chunk);
	cat_free(p->fields);
	cat_free(p->null_row);
	cat_free(p);
}

bool cat_packed_has(const struct cat_packed *p, int col)
{
	return p && p->fields[col].width > 0;
}

/* --- adding --- */

#define SPREAD(T)                                                                 \
	for (int64_t i = 0; i < n; i++)                                           \
	memcpy(to + (size_t)i * step, from + (size_t)i * sizeof(T), sizeof(T))

/* N values of WIDTH bytes, one every STEP bytes. */
static void spread(uint8_t *to, size_t step, const uint8_t *from, int width, int64_t n)
{
	switch (width) {
	case 4:
		SPREAD(uint32_t);
		break;
	case 8:
		SPREAD(uint64_t);
		break;
	default:
		for (int64_t i = 0; i < n; i++)
			memcpy(to + (size_t)i * step, from + i * width, (size_t)width);
	}
}

/* N rows of B from FROM on to the rows at TO. */
static void add_rows(const struct cat_packed *p, const struct cat_batch *b, int64_t from, int64_t n, uint8_t *to)
{
	uint8_t *valid = to + p->valid_at;

	for (int64_t i = 0; i < n; i++)
		memset(valid + (size_t)i * p->row_bytes, 0xff, p->row_bytes - p->valid_at);
	for (int k = 0; k < p->ncols; k++) {
		const struct cat_column *c = b->cols[k];
		const struct field *f = &p->fields[k];

		if (!f->width)
			continue;
		spread(to + f->at, p->row_bytes, c->data->data + (c->offset + from) * f->width, f->width, n);
		for (int64_t i = 0; c->validity && i < n; i++) {
			const unsigned bit = !cat_bit_get(c->validity->data, c->offset + from + i);

			valid[(size_t)i * p->row_bytes + (size_t)(k >> 3)] ^= (uint8_t)(bit << (k & 7));
		}
	}
}

int cat_packed_add(struct cat_packed *p, struct cat_batch **b, struct cat_error *err)
{
	struct cat_batch *rest;

	for (int64_t i = 0; i < (*b)->nrows;) {
		const int64_t in_chunk = p->nrows & (CHUNK_ROWS - 1);
		int64_t n = (*b)->nrows - i < CHUNK_ROWS - in_chunk ? (*b)->nrows - i : CHUNK_ROWS - in_chunk;

		if (in_chunk == 0) {
			uint8_t *chunk;

			if (cat_grow(&p->chunk, &p->cap_chunks, p->nchunks, sizeof *p->chunk) != 0)
				return cat_fail_mem(err, p->cap_chunks * sizeof *p->chunk);
			chunk = cat_aligned(64, (size_t)CHUNK_ROWS * p->row_bytes);
			if (!chunk)
				return cat_fail_mem(err, (size_t)CHUNK_ROWS * p->row_bytes);
			p->chunk[p->nchunks++] = chunk;
		}
		n = n < BLOCK ? n : BLOCK;
		add_rows(p, *b, i, n, p->chunk[p->nchunks - 1] + (size_t)in_chunk * p->row_bytes);
		p->nrows += n;
		i += n;
	}
	CAT_TRY(cat_batch_new((*b)->schema, (*b)->nrows, &rest, err));
	for (int k = 0; k < p->ncols; k++)
		if (!p->fields[k].width)
			rest->cols[k] = cat_column_ref((*b)->cols[k]);
	cat_batch_unref(*b);
	*b = rest;
	return CAT_OK;
}

/* --- gathering --- */

#define COLLECT(T)                                                                \
	for (int64_t i = 0; i < n; i++)                                           \
	memcpy(to + (size_t)i * sizeof(T), row[i] + at, sizeof(T))

static void collect(uint8_t *to, const uint8_t *const *row, int at, int width, int64_t n)
{
	switch (width) {
	case 4:
		COLLECT(uint32_t);
		break;
	case 8:
		COLLECT(uint64_t);
		break;
	default:
		for (int64_t i = 0; i < n; i++)
			memcpy(to + i * width, row[i] + at, (size_t)width);
	}
}

static const uint8_t *row_at(const struct cat_packed *p, int64_t row)
{
	return row < 0 ? p->null_row
	               : p->chunk[row >> CHUNK_BITS] + (size_t)(row & (CHUNK_ROWS - 1)) * p->row_bytes;
}

/* Rows I to I + N of the result. */
static void collect_block(const struct cat_packed *p, const uint8_t *const *row, int64_t i, int64_t n,
                          struct cat_column **cols)
{
	for (int k = 0; k < p->ncols; k++) {
		const struct field *f = &p->fields[k];
		const size_t byte = p->valid_at + (size_t)(k >> 3);
		uint64_t valid = 0;

		if (!f->width)
			continue;
		collect(cols[k]->data->data + i * f->width, row, f->at, f->width, n);
		for (int64_t r = 0; r < n; r++)
			valid |= (uint64_t)(row[r][byte] >> (k & 7) & 1) << r;
		memcpy(cols[k]->validity->data + (i >> 3), &valid, sizeof valid);
		cols[k]->null_count += n - __builtin_popcountll(valid);
	}
}

/* Asks for N rows at ROWS, of which AT receives the places. */
static void find_block(const struct cat_packed *p, const int64_t *rows, int64_t n, const uint8_t **at)
{
	for (int64_t i = 0; i < n; i++) {
		at[i] = row_at(p, rows[i]);
		for (size_t b = 0; b < p->row_bytes; b += 64)
			__builtin_prefetch(at[i] + b);
		__builtin_prefetch(at[i] + p->row_bytes - 1);
	}
}

int cat_packed_gather(const struct cat_packed *p, const int64_t *rows, int64_t n, struct cat_column **cols,
                      struct cat_error *err)
{
	const uint8_t *at[2][BLOCK];

	for (int k = 0; k < p->ncols; k++) {
		const struct field *f = &p->fields[k];

		if (!f->width)
			continue;
		CAT_TRY(cat_column_new(&f->type, n, 0, &cols[k], err));
		cols[k]->null_count = 0;
		CAT_TRY(cat_buf_new((size_t)(n * f->width), &cols[k]->data, err));
		CAT_TRY(cat_buf_zeroed((size_t)(n + 7) / 8, &cols[k]->validity, err));
	}
	find_block(p, rows, n < BLOCK ? n : BLOCK, at[0]);
	for (int64_t i = 0; i < n; i += BLOCK) {
		const int64_t next = n - i - BLOCK;

		if (next > 0)
			find_block(p, rows + i + BLOCK, next < BLOCK ? next : BLOCK, at[(i / BLOCK + 1) & 1]);
		collect_block(p, at[(i / BLOCK) & 1], i, n - i < BLOCK ? n - i : BLOCK, cols);
	}
	for (int k = 0; k < p->ncols; k++)
		if (p->fields[k].width && cols[k]->null_count == 0) {
			cat_buf_unref(cols[k]->validity);
			cols[k]->validity = NULL;
		}
	return CAT_OK;
}
