#include "exec/op_xmatch.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "columnar/gather.h"
#include "dataset/position.h"
#include "exec/packed.h"
#include "sky/match.h"
#include "sky/sphere.h"

/* LEFT is matched a piece at a time: the more rows, the faster, but pieces are bounded in rows, bytes and pairs.
 * They begin small, so that the first rows come soon. */
#define PIECE_ROWS_FIRST 8192
#define PIECE_ROWS_MAX (1 << 20)
#define PIECE_BYTES_MAX (INT64_C(128) << 20)
/* Joined rows are given out few at a time when they are long. */
#define CHUNK_BYTES (INT64_C(4) << 20)
#define PIECE_PAIRS (INT64_C(4) << 20)
/* A RIGHT beyond any cache is packed by rows. */
#define PACK_BYTES (INT64_C(64) << 20)

/* Rows in memory and the positions of all of them. */
struct table {
	struct cat_stack rows;
	double *ra_deg, *dec_deg;
	int64_t cap_rows;
};

struct xmatch {
	struct cat_source base;
	struct cat_source *left;
	struct cat_xmatch_options options;
	int *right_cols;
	int n_right;
	struct table right;
	struct cat_packed *packed; /* columns of RIGHT that its batches no longer have; NULL: none */
	struct cat_match_index *index; /* of RIGHT; NULL for best2 and mutual */
	struct table piece;            /* of LEFT: what is being given out */
	int64_t right_bytes, piece_bytes;
	struct cat_batch *rest;        /* of LEFT's last batch, for the next piece */
	struct cat_pairs pairs;        /* of the piece */
	int64_t piece_rows;            /* how many the next piece may have */
	int64_t row, pair;             /* how far the piece was given out */
	bool group_done;               /* a pair of this row was given out */
	bool end;
};

/* --- tables --- */

static void table_forget_positions(struct table *t)
{
	cat_free(t->ra_deg);
	cat_free(t->dec_deg);
	t->ra_deg = t->dec_deg = NULL;
	t->cap_rows = 0;
}

static void table_fini(struct table *t)
{
	cat_stack_fini(&t->rows);
	table_forget_positions(t);
}

/* A separation that equals the radius counts, and rounding must not take it away: 0 to 0.5 degrees is 1800". */
static double radius_deg(const struct cat_xmatch_options *o)
{
	return fmin(180, o->radius_arcsec / 3600 * (1 + 8 * DBL_EPSILON));
}

static int table_room(struct table *t, int64_t rows, struct cat_error *err)
{
	const int64_t want = t->rows.nrows + rows, cap = 2 * t->cap_rows > want ? 2 * t->cap_rows : want;
	double **const columns[] = {&t->ra_deg, &t->dec_deg};

	if (want <= t->cap_rows)
		return CAT_OK;

	for (size_t i = 0; i < 2; i++) {
		double *grown = cat_realloc(*columns[i], (size_t)cap, sizeof *grown);

		if (!grown)
			return cat_fail_mem(err, (size_t)cap * sizeof *grown);
		*columns[i] = grown;
	}
	t->cap_rows = cap;
	return CAT_OK;
}

/* Takes the positions of POSITIONS' rows and, over, one reference to KEEP, the same rows with the columns to
 * keep. */
static int table_add(struct table *t, const struct cat_batch *positions, int ra, int dec, struct cat_batch *keep,
                     struct cat_error *err)
{
	const int64_t at = t->rows.nrows;
	int rc = table_room(t, positions->nrows, err);

	if (rc == CAT_OK)
		rc = cat_position_values(positions, ra, dec, t->ra_deg + at, t->dec_deg + at, err);
	if (rc == CAT_OK)
		return cat_stack_add(&t->rows, keep, err);
	cat_batch_unref(keep);
	return rc;
}

/* --- reading --- */

/* Is column COL of the result asked for? */
static bool is_given(const struct xmatch *x, int col)
{
	return !x->options.given || x->options.given[col];
}

/* One batch of RIGHT, of which KEPT's columns stay, as far as they are asked for. */
static int add_right(struct xmatch *x, const struct cat_batch *b, struct cat_schema *kept, struct cat_error *err)
{
	struct cat_stack *rows = &x->right.rows;
	struct cat_batch *keep;
	int rc = CAT_OK;

	CAT_TRY(cat_batch_new(kept, b->nrows, &keep, err));
	for (int i = 0; i < x->n_right; i++)
		if (is_given(x, x->left->schema->nfields + i))
			keep->cols[i] = cat_column_ref(b->cols[x->right_cols[i]]);
	x->right_bytes += cat_batch_bytes(keep);
	if (x->right_bytes > PACK_BYTES && !x->packed) {
		rc = cat_packed_new(keep, &x->packed, err);
		for (size_t i = 0; rc == CAT_OK && i < rows->n; i++)
			rc = cat_packed_add(x->packed, &rows->batch[i], err);
	}
	if (rc == CAT_OK && x->packed)
		rc = cat_packed_add(x->packed, &keep, err);
	if (rc != CAT_OK) {
		cat_batch_unref(keep);
		return rc;
	}
	return table_add(&x->right, b, x->options.ra2, x->options.dec2, keep, err);
}

static int read_right(struct xmatch *x, struct cat_source *right, struct cat_error *err)
{
	struct cat_schema *kept;
	int rc;

	CAT_TRY(table_room(&x->right, x->options.right_rows, err));
	CAT_TRY(cat_schema_project(right->schema, x->right_cols, x->n_right, &kept, err));
	do {
		struct cat_batch *b = NULL;

		rc = right->ops->next(right, &b, err);
		if (rc != CAT_OK || !b)
			break;
		if (b->nrows)
			rc = add_right(x, b, kept, err);
		cat_batch_unref(b);
	} while (rc == CAT_OK);
	cat_schema_unref(kept);
	return rc;
}

/* The next rows of LEFT, at most MAX; *OUT NULL at the end. */
static int next_left(struct xmatch *x, int64_t max, struct cat_batch **out, struct cat_error *err)
{
	struct cat_batch *b = x->rest;

	x->rest = NULL;
	while (!b) {
		CAT_TRY(x->left->ops->next(x->left, &b, err));
		if (!b) {
			*out = NULL;
			return CAT_OK;
		}
		if (b->nrows == 0) {
			cat_batch_unref(b);
			b = NULL;
		}
	}
	if (b->nrows > max) {
		int rc = cat_batch_slice(b, max, b->nrows - max, &x->rest, err);

		if (rc == CAT_OK)
			rc = cat_batch_slice(b, 0, max, out, err);
		cat_batch_unref(b);
		return rc;
	}
	*out = b;
	return CAT_OK;
}

/* One batch of LEFT, of which those columns stay that are asked for. */
static int add_left(struct xmatch *x, const struct cat_batch *b, struct cat_error *err)
{
	struct cat_batch *keep;

	CAT_TRY(cat_batch_new(x->left->schema, b->nrows, &keep, err));
	for (int i = 0; i < b->ncols; i++)
		if (is_given(x, i))
			keep->cols[i] = cat_column_ref(b->cols[i]);
	x->piece_bytes += cat_batch_bytes(keep);
	return table_add(&x->piece, b, x->options.ra1, x->options.dec1, keep, err);
}

/* Fills the piece with up to MAX_ROWS rows of LEFT or MAX_BYTES. */
static int read_piece(struct xmatch *x, int64_t max_rows, int64_t max_bytes, struct cat_error *err)
{
	cat_stack_clear(&x->piece.rows);
	x->piece_bytes = 0;
	x->row = x->pair = 0;
	x->group_done = false;
	while (x->piece.rows.nrows < max_rows && x->piece_bytes < max_bytes) {
		struct cat_batch *b;
		int rc;

		CAT_TRY(next_left(x, max_rows - x->piece.rows.nrows, &b, err));
		if (!b) {
			x->end = true;
			break;
		}
		rc = add_left(x, b, err);
		cat_batch_unref(b);
		CAT_TRY(rc);
	}
	return CAT_OK;
}

static int next_piece(struct xmatch *x, struct cat_error *err)
{
	const struct cat_xmatch_options *o = &x->options;
	const int64_t k = o->find == CAT_FIND_ALL ? CAT_MATCH_ALL : o->find == CAT_FIND_K ? o->k : 1;
	int64_t per_row;

	if (!x->index) {
		const struct table *l = &x->piece, *r = &x->right;
		const struct cat_positions there = {r->ra_deg, r->dec_deg, r->rows.nrows};

		CAT_TRY(read_piece(x, INT64_MAX, INT64_MAX, err));
		return cat_match_back(&(struct cat_positions){l->ra_deg, l->dec_deg, l->rows.nrows}, &there,
		                      radius_deg(o), o->find == CAT_FIND_MUTUAL, &x->pairs, err);
	}
	CAT_TRY(read_piece(x, x->piece_rows, PIECE_BYTES_MAX, err));
	CAT_TRY(cat_match_query(x->index, x->piece.ra_deg, x->piece.dec_deg, x->piece.rows.nrows, k, &x->pairs, err));
	if (x->piece.rows.nrows == 0)
		return CAT_OK;
	per_row = x->pairs.n / x->piece.rows.nrows + 1;
	x->piece_rows = 4 * x->piece.rows.nrows;
	if (x->piece_rows > PIECE_PAIRS / per_row)
		x->piece_rows = PIECE_PAIRS / per_row + 1;
	if (x->piece_rows > PIECE_ROWS_MAX)
		x->piece_rows = PIECE_ROWS_MAX;
	return CAT_OK;
}

/* --- giving out --- */

/* Rows of the result, as row numbers of the piece and of RIGHT (-1: none). */
struct chunk {
	int64_t *left, *right;
	struct cat_place *place; /* room for what gathering needs */
	double *sep_arcsec;
	int64_t n, max, room;
};

static void chunk_put(struct chunk *c, int64_t left, const struct cat_pair *p)
{
	c->left[c->n] = left;
	c->right[c->n] = p ? (int64_t)p->right : -1;
	c->sep_arcsec[c->n++] = p ? p->sep_deg * 3600 : NAN;
}

/* How many joined rows of mean length are given out together. */
static int64_t rows_at_once(const struct xmatch *x, int64_t room)
{
	const int64_t left = x->piece.rows.nrows, right = x->right.rows.nrows;
	const int64_t bytes = (left ? x->piece_bytes / left : 0) + (right ? x->right_bytes / right : 0) + 1;
	const int64_t fits = CHUNK_BYTES / bytes;

	return fits < 1 ? 1 : fits < room ? fits : room;
}

/* Walks the piece and its pairs side by side, as far as the chunk has room. */
static void fill_chunk(struct xmatch *x, struct chunk *c)
{
	const enum cat_join join = x->options.join;

	c->max = rows_at_once(x, c->room);
	while (x->row < x->piece.rows.nrows && c->n < c->max) {
		if (x->pair < x->pairs.n && x->pairs.at[x->pair].left == x->row) {
			if (join != CAT_JOIN_ANTI)
				chunk_put(c, x->row, &x->pairs.at[x->pair]);
			x->pair++;
			x->group_done = true;
			continue;
		}
		if (!x->group_done && join != CAT_JOIN_INNER)
			chunk_put(c, x->row, NULL);
		x->group_done = false;
		x->row++;
	}
}

static int distance_column(const struct cat_field *f, const struct chunk *c, struct cat_column **out,
                           struct cat_error *err)
{
	struct cat_column *d;
	int rc;

	CAT_TRY(cat_column_new(&f->type, c->n, 0, &d, err));
	d->null_count = 0;
	rc = cat_buf_copy(c->sep_arcsec, (size_t)c->n * sizeof *c->sep_arcsec, &d->data, err);
	for (int64_t i = 0; rc == CAT_OK && i < c->n; i++)
		d->null_count += c->right[i] < 0;
	if (rc == CAT_OK && d->null_count)
		rc = cat_buf_zeroed((size_t)(c->n + 7) / 8, &d->validity, err);
	for (int64_t i = 0; rc == CAT_OK && d->validity && i < c->n; i++)
		if (c->right[i] >= 0)
			cat_bit_set(d->validity->data, i);
	if (rc != CAT_OK) {
		cat_column_unref(d);
		return rc;
	}
	*out = d;
	return CAT_OK;
}

static bool has_columns(const struct cat_batch *b)
{
	for (int i = 0; i < b->ncols; i++)
		if (b->cols[i])
			return true;
	return false;
}

/* Rows ROWS of a stack, as many as the chunk has. */
static int gather(const struct cat_stack *s, struct cat_schema *schema, const int64_t *rows, const struct chunk *c,
                  struct cat_batch **out, struct cat_error *err)
{
	if (!has_columns(s->batch[0]))
		return cat_batch_new(schema, c->n, out, err);
	for (int64_t i = 0; i < c->n; i++)
		c->place[i] = rows[i] < 0 ? (struct cat_place){-1, 0} : cat_stack_place(s, rows[i]);
	return cat_gather_batches(s->batch, s->n, schema, c->place, c->n, out, err);
}

/* Columns of nulls where RIGHT has no row at all. */
static int right_rows(const struct xmatch *x, const struct chunk *c, struct cat_column **cols,
                      struct cat_error *err)
{
	const struct cat_field *f = x->base.schema->fields + x->left->schema->nfields;
	const struct cat_stack *rows = &x->right.rows;
	struct cat_batch *b;

	if (rows->n == 0) {
		for (int i = 0; i < x->n_right; i++)
			if (is_given(x, x->left->schema->nfields + i))
				CAT_TRY(cat_column_nulls(&f[i], c->n, &cols[i], err));
		return CAT_OK;
	}
	if (x->packed)
		CAT_TRY(cat_packed_gather(x->packed, c->right, c->n, cols, err));
	CAT_TRY(gather(rows, rows->batch[0]->schema, c->right, c, &b, err));
	for (int i = 0; i < x->n_right; i++)
		if (!cat_packed_has(x->packed, i))
			cols[i] = cat_column_ref(b->cols[i]);
	cat_batch_unref(b);
	return CAT_OK;
}

static int join_columns(const struct xmatch *x, const struct chunk *c, const struct cat_batch *left,
                        struct cat_batch *out, struct cat_error *err)
{
	for (int i = 0; i < left->ncols; i++)
		out->cols[i] = cat_column_ref(left->cols[i]);
	CAT_TRY(right_rows(x, c, out->cols + left->ncols, err));
	if (!is_given(x, out->ncols - 1))
		return CAT_OK;
	return distance_column(&x->base.schema->fields[out->ncols - 1], c, &out->cols[out->ncols - 1], err);
}

static int chunk_batch(const struct xmatch *x, const struct chunk *c, struct cat_batch **out,
                       struct cat_error *err)
{
	struct cat_batch *left, *joined;
	int rc;

	CAT_TRY(gather(&x->piece.rows, x->left->schema, c->left, c, &left, err));
	if (x->options.join == CAT_JOIN_ANTI) {
		*out = left;
		return CAT_OK;
	}
	rc = cat_batch_new(x->base.schema, c->n, &joined, err);
	if (rc == CAT_OK) {
		rc = join_columns(x, c, left, joined, err);
		if (rc == CAT_OK)
			*out = joined;
		else
			cat_batch_unref(joined);
	}
	cat_batch_unref(left);
	return rc;
}

static int xmatch_next(struct cat_source *s, struct cat_batch **out, struct cat_error *err)
{
	struct xmatch *x = (struct xmatch *)s;
	const int64_t max = cat_batch_rows(s->schema);
	struct chunk c = {.room = max};
	int rc = CAT_OK;

	*out = NULL;
	c.left = cat_malloc((size_t)max * sizeof *c.left);
	c.place = cat_malloc((size_t)max * sizeof *c.place);
	c.right = cat_malloc((size_t)max * sizeof *c.right);
	c.sep_arcsec = cat_malloc((size_t)max * sizeof *c.sep_arcsec);
	if (!c.left || !c.right || !c.place || !c.sep_arcsec)
		rc = cat_fail_mem(err, (size_t)max * sizeof *c.left);
	while (rc == CAT_OK && c.n == 0) {
		fill_chunk(x, &c);
		if (c.n)
			rc = chunk_batch(x, &c, out, err);
		else if (x->end)
			break;
		else
			rc = next_piece(x, err);
	}
	cat_free(c.left);
	cat_free(c.place);
	cat_free(c.right);
	cat_free(c.sep_arcsec);
	return rc;
}

static void xmatch_close(struct cat_source *s)
{
	struct xmatch *x = (struct xmatch *)s;

	cat_source_close(x->left);
	cat_schema_unref(s->schema);
	cat_free(x->right_cols);
	table_fini(&x->right);
	cat_packed_free(x->packed);
	table_fini(&x->piece);
	cat_batch_unref(x->rest);
	cat_match_index_free(x->index);
	cat_pairs_fini(&x->pairs);
	cat_free(x);
}

static const struct cat_source_ops xmatch_ops = {xmatch_next, xmatch_close};

/* Where every pair is wanted, a row has as many as rows of RIGHT fall into its circle; crowding is allowed for. */
static int64_t first_piece_rows(const struct xmatch *x)
{
	/* Where all is in memory nobody waits for the first rows. */
	const int64_t usual = x->options.right_rows ? PIECE_ROWS_MAX : PIECE_ROWS_FIRST;
	const double half = sin(x->options.radius_arcsec / 3600 * 0.5 * CAT_DEG_RAD);
	const double rows = PIECE_PAIRS / (1 + 64 * (double)x->right.rows.nrows * half * half);

	if (x->options.find != CAT_FIND_ALL || rows >= (double)usual)
		return usual;
	return rows < 1 ? 1 : (int64_t)rows;
}

static int check_position(const struct cat_schema *s, int col, struct cat_error *err)
{
	if (col < 0 || col >= s->nfields ||
	    (!cat_type_is_number(s->fields[col].type.id) && s->fields[col].type.id != CAT_T_UTF8))
		return cat_fail(err, CAT_E_USAGE, "a position needs two columns of numbers or text");
	return CAT_OK;
}

static int check_options(const struct xmatch *x, const struct cat_schema *right, struct cat_error *err)
{
	const struct cat_xmatch_options *o = &x->options;

	CAT_TRY(check_position(x->left->schema, o->ra1, err));
	CAT_TRY(check_position(x->left->schema, o->dec1, err));
	CAT_TRY(check_position(right, o->ra2, err));
	CAT_TRY(check_position(right, o->dec2, err));
	if (!(o->radius_arcsec >= 0 && o->radius_arcsec <= 180 * 3600.0))
		return cat_fail(err, CAT_E_USAGE, "a match radius must be from 0 to 180 degrees");
	if (o->find == CAT_FIND_K && o->k < 1)
		return cat_fail(err, CAT_E_USAGE, "at least one partner must be asked for");
	return CAT_OK;
}

static int open_match(struct xmatch *x, struct cat_source *right, struct cat_error *err)
{
	const struct cat_xmatch_options *o = &x->options;

	CAT_TRY(check_options(x, right->schema, err));
	if (o->join == CAT_JOIN_ANTI) {
		/* Of RIGHT only the positions count. */
		x->base.schema = cat_schema_ref(x->left->schema);
		x->right_cols = cat_calloc(1, sizeof *x->right_cols);
		if (!x->right_cols)
			return cat_fail_mem(err, sizeof *x->right_cols);
	} else if (o->schema) {
		x->base.schema = cat_schema_ref(o->schema);
		x->right_cols = cat_malloc((size_t)o->n_right * sizeof *x->right_cols);
		if (!x->right_cols)
			return cat_fail_mem(err, (size_t)o->n_right * sizeof *x->right_cols);
		memcpy(x->right_cols, o->right_cols, (size_t)o->n_right * sizeof *x->right_cols);
		x->n_right = o->n_right;
	} else {
		CAT_TRY(cat_xmatch_schema(x->left->schema, right->schema, o->suffix, &x->base.schema,
		                          &x->right_cols, &x->n_right, err));
	}
	CAT_TRY(read_right(x, right, err));
	x->piece_rows = first_piece_rows(x);
	if (o->find == CAT_FIND_BEST2 || o->find == CAT_FIND_MUTUAL)
		return CAT_OK;
	x->right.cap_rows = 0;
	return cat_match_index_take(&x->right.ra_deg, &x->right.dec_deg, x->right.rows.nrows, radius_deg(o), &x->index,
	                            err);
}

int cat_xmatch_open(struct cat_source *left, struct cat_source *right, const struct cat_xmatch_options *options,
                    struct cat_source **out, struct cat_error *err)
{
	struct xmatch *x = cat_calloc(1, sizeof *x);
	int rc;

	if (!x) {
		cat_source_close(left);
		cat_source_close(right);
		return cat_fail_mem(err, sizeof *x);
	}
	x->base.ops = &xmatch_ops;
	x->left = left;
	x->options = *options;
	rc = open_match(x, right, err);
	cat_source_close(right);
	x->options.suffix = NULL;
	if (rc != CAT_OK) {
		xmatch_close(&x->base);
		return rc;
	}
	*out = &x->base;
	return CAT_OK;
}
