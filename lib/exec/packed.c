#include "exec/packed.h"

#include "base/alloc.h"
#include "exec/rowcode.h"
#include "exec/rowheap.h"

/* Chunks of a size that fits where batches were. */
#define CHUNK_BITS 14
#define CHUNK_ROWS (INT64_C(1) << CHUNK_BITS)

struct cat_packed {
	bool *has; /* of each column: it is packed */
	int *cols; /* those that are */
	int ncols;
	struct cat_schema *schema; /* of them */
	struct cat_rowcode *code;
	size_t row_bytes;
	uint8_t *null_row;
	uint8_t **chunk;
	size_t nchunks, cap_chunks;
	int64_t nrows;
};

static int add_null_row(struct cat_packed *p, struct cat_error *err)
{
	struct cat_batch *b;
	int rc = CAT_OK;

	p->null_row = cat_malloc(p->row_bytes + CAT_ROWHEAP_SLACK);
	if (!p->null_row)
		return cat_fail_mem(err, p->row_bytes);
	CAT_TRY(cat_batch_new(p->schema, 1, &b, err));
	for (int k = 0; rc == CAT_OK && k < p->ncols; k++)
		rc = cat_column_nulls(&p->schema->fields[k], 1, &b->cols[k], err);
	if (rc == CAT_OK)
		cat_rowcode_write(p->code, b, 0, 1, &p->null_row);
	cat_batch_unref(b);
	return rc;
}

static int set_up(struct cat_packed *p, const struct cat_batch *like, struct cat_error *err)
{
	p->has = cat_calloc((size_t)like->ncols, sizeof *p->has);
	p->cols = cat_calloc((size_t)like->ncols, sizeof *p->cols);
	if (!p->has || !p->cols)
		return cat_fail_mem(err, (size_t)like->ncols * sizeof *p->cols);
	for (int k = 0; k < like->ncols; k++)
		if (like->cols[k] && cat_type_bytes(&like->schema->fields[k].type)) {
			p->has[k] = true;
			p->cols[p->ncols++] = k;
		}
	CAT_TRY(cat_schema_project(like->schema, p->cols, p->ncols, &p->schema, err));
	CAT_TRY(cat_rowcode_new(p->schema, &p->code, err));
	p->row_bytes = cat_rowcode_even(p->code);
	return add_null_row(p, err);
}

int cat_packed_new(const struct cat_batch *like, struct cat_packed **out, struct cat_error *err)
{
	struct cat_packed *p = cat_calloc(1, sizeof *p);
	int rc;

	if (!p)
		return cat_fail_mem(err, sizeof *p);
	rc = set_up(p, like, err);
	if (rc != CAT_OK) {
		cat_packed_free(p);
		return rc;
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
	cat_free(p->null_row);
	cat_rowcode_free(p->code);
	cat_schema_unref(p->schema);
	cat_free(p->cols);
	cat_free(p->has);
	cat_free(p);
}

bool cat_packed_has(const struct cat_packed *p, int col)
{
	return p && p->has[col];
}

/* --- adding --- */

static int add_chunk(struct cat_packed *p, struct cat_error *err)
{
	const size_t bytes = (size_t)CHUNK_ROWS * p->row_bytes + CAT_ROWHEAP_SLACK;
	uint8_t *chunk;

	if (cat_grow(&p->chunk, &p->cap_chunks, p->nchunks, sizeof *p->chunk) != 0)
		return cat_fail_mem(err, p->cap_chunks * sizeof *p->chunk);
	chunk = cat_aligned(64, bytes);
	if (!chunk)
		return cat_fail_mem(err, bytes);
	p->chunk[p->nchunks++] = chunk;
	return CAT_OK;
}

/* The rows of B, which has just the columns that are packed. */
static int add_rows(struct cat_packed *p, const struct cat_batch *b, struct cat_error *err)
{
	uint8_t *to[CAT_ROWCODE_BLOCK];

	for (int64_t i = 0, n; i < b->nrows; i += n) {
		const int64_t in_chunk = p->nrows & (CHUNK_ROWS - 1);

		n = b->nrows - i < CAT_ROWCODE_BLOCK ? b->nrows - i : CAT_ROWCODE_BLOCK;
		n = n < CHUNK_ROWS - in_chunk ? n : CHUNK_ROWS - in_chunk;
		if (in_chunk == 0)
			CAT_TRY(add_chunk(p, err));
		for (int64_t k = 0; k < n; k++)
			to[k] = p->chunk[p->nchunks - 1] + (size_t)(in_chunk + k) * p->row_bytes;
		cat_rowcode_write(p->code, b, i, n, to);
		p->nrows += n;
	}
	return CAT_OK;
}

int cat_packed_add(struct cat_packed *p, struct cat_batch **b, struct cat_error *err)
{
	struct cat_batch *packed, *rest;
	int rc;

	CAT_TRY(cat_batch_project(*b, p->schema, p->cols, p->ncols, &packed, err));
	rc = add_rows(p, packed, err);
	cat_batch_unref(packed);
	CAT_TRY(rc);
	CAT_TRY(cat_batch_new((*b)->schema, (*b)->nrows, &rest, err));
	for (int k = 0; k < rest->ncols; k++)
		if (!p->has[k])
			rest->cols[k] = cat_column_ref((*b)->cols[k]);
	cat_batch_unref(*b);
	*b = rest;
	return CAT_OK;
}

/* --- gathering --- */

static const uint8_t *row_at(const struct cat_packed *p, int64_t row)
{
	return row < 0 ? p->null_row
	               : p->chunk[row >> CHUNK_BITS] + (size_t)(row & (CHUNK_ROWS - 1)) * p->row_bytes;
}

int cat_packed_gather(const struct cat_packed *p, const int64_t *rows, int64_t n, struct cat_column **cols,
                      struct cat_error *err)
{
	const uint8_t **at = cat_malloc((size_t)n * sizeof *at);
	struct cat_batch *b;
	int rc;

	if (!at)
		return cat_fail_mem(err, (size_t)n * sizeof *at);
	for (int64_t i = 0; i < n; i++)
		at[i] = row_at(p, rows[i]);
	rc = cat_rowcode_read(p->code, at, n, &b, err);
	cat_free(at);
	CAT_TRY(rc);
	for (int k = 0; k < p->ncols; k++)
		cols[p->cols[k]] = cat_column_ref(b->cols[k]);
	cat_batch_unref(b);
	return CAT_OK;
}
