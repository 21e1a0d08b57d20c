#include "exec/op_xmatch_tiled.h"

#include <string.h>

#include "base/alloc.h"
#include "columnar/kernels.h"
#include "dataset/position.h"
#include "exec/runs.h"
#include "sky/cover.h"
#include "sky/healpix.h"

#define MINE "catpipe:mine"
#define TILE_ROWS_MAX (INT64_C(1) << 20)
#define TILE_ROWS_MIN 4096
#define TILE_BYTES_MIN (INT64_C(4) << 20) /* fewer rows when they are long */
#define TILE_ROWS_USUAL 50000 /* a row group */
#define BATCH_BYTES_MAX (INT64_C(16) << 20) /* of joined rows, usually */
/* Up to so many rows of LEFT are surrounded one by one, where RIGHT has more than SPARSE times as many there or its
 * rows are long. */
#define SPARSE_ROWS 50000
#define SPARSE 2
#define LONG_BYTES 1024

struct tiled {
	struct cat_source base;
	struct cat_skytable *left, *right;
	struct cat_xmatch_options o;
	bool rivals; /* best2 and mutual: LEFT's rows around the tile count too */
	struct cat_schema *flagged; /* LEFT's schema with MINE, when there are rivals */
	struct cat_schema *right_schema; /* RIGHT's without its row numbers */
	bool *given; /* columns of a joined batch that are there */
	struct cat_schema *joined; /* of joined batches, and which columns of RIGHT are in it; anti: NULL */
	int *right_cols;
	int *keep; /* columns of a joined batch that are given out; -1: not there */
	int row;   /* column of LEFT's row number in a joined batch; -1: none */
	struct cat_ordered *queue;
	struct cat_tile *tiles;
	size_t ntiles, submitted;
	struct cat_cover border; /* what lies around tiles */
	/* being given out */
	struct job *job;
	size_t at;
	/* rows that have to be sorted back into LEFT's order */
	struct cat_runs *back;
	struct cat_schema *stored;
	int *stored_cols;
	const char *temp_dir;
	int64_t memory_bytes;
	int64_t out_bytes; /* joined rows of a tile that may wait to be given out */
	int64_t next_row, end_row;
	struct cat_batch *sorted; /* being given out in slices */
	int64_t sorted_at;
};
struct job {
	struct tiled *t;
	struct cat_tile tile;
	struct cat_batch **out; /* joined rows, as the match gave them */
	size_t n, cap;
	struct cat_source *rest; /* what the match has still to give, where that could be much; NULL: nothing */
};

/* --- one tile; on any thread --- */

static int cells_of(const struct cat_skytable *t, const struct cat_batch *b, int64_t *cells, struct cat_error *err)
{
	const int64_t n = b->nrows;
	double *ra = cat_malloc((size_t)n * 2 * sizeof *ra);
	int rc = ra ? cat_position_values(b, t->ra, t->dec, ra, ra + n, err) : cat_fail_mem(err, (size_t)n * 2 * sizeof *ra);

	if (rc == CAT_OK)
		cat_hpx29_from_deg_n(ra, ra + n, n, cells);
	cat_free(ra);
	return rc;
}

/* B, which is taken over, with a column that says which rows are the tile's own. */
static int flag_mine(const struct tiled *t, const struct cat_tile *tile, struct cat_batch *b, struct cat_batch **out,
                     struct cat_error *err)
{
	struct cat_batch *f = NULL;
	struct cat_column *mine = NULL;
	int64_t *cells = cat_malloc((size_t)b->nrows * sizeof *cells);
	int rc = cells ? cells_of(t->left, b, cells, err) : cat_fail_mem(err, (size_t)b->nrows * sizeof *cells);

	if (rc == CAT_OK)
		rc = cat_batch_new(t->flagged, b->nrows, &f, err);
	if (rc == CAT_OK)
		rc = cat_column_new(&t->flagged->fields[b->ncols].type, b->nrows, 0, &mine, err);
	if (rc == CAT_OK) {
		f->cols[b->ncols] = mine;
		rc = cat_buf_zeroed((size_t)(b->nrows + 7) / 8, &mine->data, err);
	}
	for (int64_t i = 0; rc == CAT_OK && i < b->nrows; i++)
		if (cells[i] >= tile->lo && cells[i] < tile->hi)
			cat_bit_set(mine->data->data, i);
	for (int i = 0; rc == CAT_OK && i < b->ncols; i++)
		f->cols[i] = cat_column_ref(b->cols[i]);
	cat_batch_unref(b);
	cat_free(cells);
	if (rc != CAT_OK)
		cat_batch_unref(f);
	else
		*out = f;
	return rc;
}

static int read_left(const struct tiled *t, const struct cat_tile *tile, struct cat_stack *rows, struct cat_error *err)
{
	struct cat_cover around = {0};
	int rc;

	if (!t->rivals || tile->lo < 0) {
		CAT_TRY(t->left->ops->read_tile(t->left, tile, rows, err));
	} else {
		CAT_TRY(cat_cover_around(tile->lo, tile->hi, 2 * t->o.radius_arcsec / 3600, &around, err));
		rc = t->left->ops->read(t->left, &around, rows, err);
		cat_cover_fini(&around);
		CAT_TRY(rc);
	}
	for (size_t i = 0; t->rivals && i < rows->n; i++) {
		struct cat_batch *b = rows->batch[i];

		rows->batch[i] = NULL;
		CAT_TRY(flag_mine(t, tile, b, &rows->batch[i], err));
	}
	return CAT_OK;
}

/* What lies around LEFT's rows, one by one. */
static int surround(const struct tiled *t, const struct cat_stack *left, struct cat_cover *cover, struct cat_error *err)
{
	int64_t *cells = cat_malloc((size_t)left->nrows * sizeof *cells);
	int rc = cells ? CAT_OK : cat_fail_mem(err, (size_t)left->nrows * sizeof *cells);

	for (size_t i = 0; rc == CAT_OK && i < left->n; i++)
		rc = cells_of(t->left, left->batch[i], cells + left->first[i], err);
	if (rc == CAT_OK)
		rc = cat_cover_near(cells, left->nrows, t->o.radius_arcsec / 3600, cover, err);
	cat_free(cells);
	return rc;
}

/* Are LEFT's rows of the tile so few that what lies around them is much less than all of RIGHT's there? */
static bool is_sparse(const struct tiled *t, const struct cat_tile *tile, int64_t rows)
{
	if (t->rivals || rows > SPARSE_ROWS)
		return false;
	return t->right->nrows < 0 || tile->lo < 0 || t->right->row_bytes >= LONG_BYTES ||
	       (double)t->right->nrows * (double)(tile->hi - tile->lo) / CAT_HPX29_CELLS > SPARSE * (double)rows;
}

/* RIGHT's rows that LEFT's rows of the tile can meet. */
static int read_right(const struct tiled *t, const struct cat_tile *tile, const struct cat_stack *left,
                      struct cat_stack *rows, struct cat_error *err)
{
	struct cat_cover cover = {0};
	int rc = CAT_OK;

	if (is_sparse(t, tile, left->nrows))
		rc = surround(t, left, &cover, err);
	else if (tile->lo >= 0)
		rc = cat_cover_around(tile->lo, tile->hi, t->o.radius_arcsec / 3600, &cover, err);
	if (rc == CAT_OK)
		rc = t->right->ops->read(t->right, &cover, rows, err);
	cat_cover_fini(&cover);
	for (size_t i = 0; rc == CAT_OK && i < rows->n; i++) {
		struct cat_batch *r;

		rc = cat_batch_new(t->right_schema, rows->batch[i]->nrows, &r, err);
		if (rc != CAT_OK)
			break;
		for (int k = 0; k < r->ncols; k++)
			r->cols[k] = cat_column_ref(rows->batch[i]->cols[k]);
		cat_batch_unref(rows->batch[i]);
		rows->batch[i] = r;
	}
	return rc;
}

/* The rows of B, which is taken over, whose LEFT row is the tile's own. */
static int drop_rivals(const struct tiled *t, struct cat_batch *b, struct cat_batch **out, struct cat_error *err)
{
	int32_t *idx = cat_malloc((size_t)b->nrows * sizeof *idx);
	int rc;

	if (!idx) {
		rc = cat_fail_mem(err, (size_t)b->nrows * sizeof *idx);
	} else {
		const int64_t n = cat_mask_indices(b->cols[t->flagged->nfields - 1], idx);

		rc = cat_take_batch(b, idx, n, out, err);
	}
	cat_free(idx);
	cat_batch_unref(b);
	return rc;
}

/* The next rows that the match of a tile gives; *OUT NULL at the end. */
static int next_of(const struct tiled *t, struct cat_source *joined, struct cat_batch **out, struct cat_error *err)
{
	struct cat_batch *b;

	CAT_TRY(joined->ops->next(joined, &b, err));
	*out = b;
	return b && t->rivals ? drop_rivals(t, b, out, err) : CAT_OK;
}

/* As much of the rows as there is room for; *ENDED says whether that was all. */
static int collect(struct job *j, struct cat_source *joined, bool *ended, struct cat_error *err)
{
	*ended = false;
	for (int64_t bytes = 0; bytes < j->t->out_bytes;) {
		struct cat_batch *b;

		CAT_TRY(next_of(j->t, joined, &b, err));
		*ended = !b;
		if (!b)
			return CAT_OK;
		bytes += cat_batch_bytes(b);
		if (cat_grow(&j->out, &j->cap, j->n, sizeof(struct cat_batch *)) != 0) {
			cat_batch_unref(b);
			return cat_fail_mem(err, j->cap * sizeof(struct cat_batch *));
		}
		j->out[j->n++] = b;
	}
	return CAT_OK;
}

/* The rows of a stack, which they leave, as a source. */
static int source_of(struct cat_schema *schema, struct cat_stack *rows, struct cat_source **out, struct cat_error *err)
{
	const size_t n = rows->n;

	rows->n = 0;
	return cat_source_of(schema, rows->batch, n, NULL, out, err);
}

static int run_tile(void *arg, struct cat_error *err)
{
	struct job *j = arg;
	struct tiled *t = j->t;
	struct cat_stack left = {0}, right = {0};
	struct cat_source *l = NULL, *r = NULL, *joined = NULL;
	struct cat_xmatch_options o = t->o;
	bool ended = true;
	int rc = read_left(t, &j->tile, &left, err);

	if (rc == CAT_OK && left.nrows > 0) {
		rc = read_right(t, &j->tile, &left, &right, err);
		o.right_rows = right.nrows;
		if (rc == CAT_OK)
			rc = source_of(t->rivals ? t->flagged : t->left->schema, &left, &l, err);
		if (rc == CAT_OK)
			rc = source_of(t->right_schema, &right, &r, err);
		if (rc == CAT_OK)
			rc = cat_xmatch_open(l, r, &o, &joined, err);
		else
			cat_source_close(l);
		if (rc == CAT_OK)
			rc = collect(j, joined, &ended, err);
		if (rc == CAT_OK && !ended)
			j->rest = joined;
		else
			cat_source_close(joined);
	}
	cat_stack_fini(&left);
	cat_stack_fini(&right);
	return rc;
}

static void free_job(void *arg)
{
	struct job *j = arg;

	if (!j)
		return;
	for (size_t i = 0; i < j->n; i++)
		cat_batch_unref(j->out[i]);
	cat_source_close(j->rest);
	cat_free(j->out);
	cat_free(j);
}

/* --- giving out --- */

/* A joined batch, which is taken over, as the source gives it out. */
static int finish_batch(const struct tiled *t, struct cat_batch *b, struct cat_batch **out, struct cat_error *err)
{
	const int rc = cat_batch_new(t->base.schema, b->nrows, out, err);

	for (int i = 0; rc == CAT_OK && i < t->base.schema->nfields; i++)
		if (t->keep[i] >= 0)
			(*out)->cols[i] = cat_column_ref(b->cols[t->keep[i]]);
	cat_batch_unref(b);
	return rc;
}

static int submit(struct tiled *t, struct cat_error *err)
{
	while (t->submitted < t->ntiles && !cat_ordered_full(t->queue)) {
		struct job *j = cat_calloc(1, sizeof *j);

		if (!j)
			return cat_fail_mem(err, sizeof *j);
		j->t = t;
		j->tile = t->tiles[t->submitted++];
		cat_ordered_submit(t->queue, j);
	}
	return CAT_OK;
}

/* The next joined batch in sky order; *OUT NULL at the end. */
static int next_joined(struct tiled *t, struct cat_batch **out, struct cat_error *err)
{
	*out = NULL;
	for (;;) {
		void *arg;

		while (t->job && t->at < t->job->n) {
			struct cat_batch *b = t->job->out[t->at];

			t->job->out[t->at++] = NULL;
			if (b->nrows) {
				*out = b;
				return CAT_OK;
			}
			cat_batch_unref(b);
		}
		while (t->job && t->job->rest) {
			struct cat_batch *b;

			CAT_TRY(next_of(t, t->job->rest, &b, err));
			if (b && b->nrows) {
				*out = b;
				return CAT_OK;
			}
			if (!b)
				break;
			cat_batch_unref(b);
		}
		free_job(t->job);
		t->job = NULL;
		t->at = 0;
		CAT_TRY(submit(t, err));
		CAT_TRY(cat_ordered_take(t->queue, &arg, err));
		t->job = arg;
		if (!t->job)
			return CAT_OK;
	}
}

/* All joined rows into runs by LEFT's row number. Only columns that are there are stored. */
static int sort_back(struct tiled *t, struct cat_error *err)
{
	CAT_TRY(cat_runs_new(t->stored, t->temp_dir, t->memory_bytes, &t->back, err));
	for (;;) {
		struct cat_batch *b, *kept;
		const int64_t *rows;
		int rc;

		CAT_TRY(next_joined(t, &b, err));
		if (!b)
			return cat_runs_finish(t->back, err);
		rows = CAT_VALUES(b->cols[t->row], int64_t);
		for (int64_t i = 0; i < b->nrows; i++)
			t->end_row = rows[i] >= t->end_row ? rows[i] + 1 : t->end_row;
		rc = cat_batch_project(b, t->stored, t->stored_cols, t->stored->nfields, &kept, err);
		if (rc == CAT_OK)
			rc = cat_runs_put(t->back, kept, rows, err);
		cat_batch_unref(b);
		CAT_TRY(rc);
	}
}

/* The next rows in LEFT's order, as many as memory allows: each run on disk then gives many rows at a time. */
static int read_sorted(struct tiled *t, struct cat_batch **out, struct cat_error *err)
{
	const int64_t fits = t->memory_bytes / 4 / cat_runs_row_bytes(t->back), usual = cat_batch_rows(t->base.schema);
	const int64_t least = fits < usual ? fits + 1 : usual, rows = fits / least * least;
	struct cat_batch *b;
	int64_t hi;
	int rc;

	CAT_TRY(cat_runs_split(t->back, t->next_row, t->end_row, rows < least ? least : rows, INT64_MAX, &hi, err));
	CAT_TRY(cat_runs_read(t->back, t->next_row, hi, &b, NULL, err));
	t->next_row = hi;
	rc = cat_batch_new(t->base.schema, b->nrows, out, err);
	for (int k = 0; rc == CAT_OK && b->nrows && k < t->stored->nfields; k++)
		for (int i = 0; i < t->base.schema->nfields; i++)
			if (t->keep[i] == t->stored_cols[k])
				(*out)->cols[i] = cat_column_ref(b->cols[k]);
	cat_batch_unref(b);
	return rc;
}

static int next_sorted(struct tiled *t, struct cat_batch **out, struct cat_error *err)
{
	int64_t n = cat_batch_rows(t->base.schema);

	if (!t->back)
		CAT_TRY(sort_back(t, err));
	*out = NULL;
	while (!t->sorted || t->sorted_at == t->sorted->nrows) {
		cat_batch_unref(t->sorted);
		t->sorted = NULL;
		t->sorted_at = 0;
		if (t->next_row >= t->end_row)
			return CAT_OK;
		CAT_TRY(read_sorted(t, &t->sorted, err));
	}
	n = n < t->sorted->nrows - t->sorted_at ? n : t->sorted->nrows - t->sorted_at;
	CAT_TRY(cat_batch_slice(t->sorted, t->sorted_at, n, out, err));
	t->sorted_at += n;
	return CAT_OK;
}

static int tiled_next(struct cat_source *s, struct cat_batch **out, struct cat_error *err)
{
	struct tiled *t = (struct tiled *)s;
	struct cat_batch *b;

	if (t->row >= 0)
		return next_sorted(t, out, err);
	CAT_TRY(next_joined(t, &b, err));
	*out = NULL;
	return b ? finish_batch(t, b, out, err) : CAT_OK;
}

static void tiled_close(struct cat_source *s)
{
	struct tiled *t = (struct tiled *)s;

	cat_ordered_free(t->queue);
	free_job(t->job);
	cat_runs_free(t->back);
	cat_batch_unref(t->sorted);
	cat_skytable_close(t->left);
	cat_skytable_close(t->right);
	cat_schema_unref(t->flagged);
	cat_schema_unref(t->right_schema);
	cat_schema_unref(t->stored);
	cat_schema_unref(s->schema);
	cat_schema_unref(t->joined);
	cat_free(t->right_cols);
	cat_free(t->given);
	cat_free(t->keep);
	cat_free(t->stored_cols);
	cat_free(t->tiles);
	cat_cover_fini(&t->border);
	cat_free(t);
}

static const struct cat_source_ops tiled_ops = {tiled_next, tiled_close};

/* --- opening --- */

static int flagged_schema(const struct cat_schema *left, struct cat_schema **out, struct cat_error *err)
{
	struct cat_schema *s;
	int rc;

	CAT_TRY(cat_schema_new(left->nfields + 1, &s, err));
	rc = cat_kv_copy(&s->meta, &left->meta, err);
	for (int i = 0; rc == CAT_OK && i < left->nfields; i++)
		rc = cat_field_copy(&s->fields[i], &left->fields[i], err);
	if (rc == CAT_OK)
		rc = cat_field_init(&s->fields[left->nfields], MINE, CAT_T_BOOL, err);
	if (rc != CAT_OK) {
		cat_schema_unref(s);
		return rc;
	}
	*out = s;
	return CAT_OK;
}

/* What is given out of a joined batch: LEFT's own columns, RIGHT's, the distance, as far as they are used and asked
 * for. */
static int plan_columns(struct tiled *t, const struct cat_schema *matched, struct cat_error *err)
{
	const int own = t->left->row >= 0 ? t->left->row : t->left->schema->nfields;
	struct cat_schema *joined = NULL;
	int *right_cols = NULL, *all = NULL, n_right = 0, n = 0, stored = 0, rc;

	if (t->o.join == CAT_JOIN_ANTI)
		rc = cat_schema_project(matched, NULL, 0, &joined, err);
	else
		rc = cat_xmatch_schema(matched, t->right_schema, t->o.suffix, &joined, &right_cols, &n_right, err);
	if (rc == CAT_OK) {
		all = cat_malloc((size_t)joined->nfields * sizeof *all);
		t->given = cat_malloc((size_t)joined->nfields * sizeof *t->given);
		t->keep = cat_malloc((size_t)joined->nfields * sizeof *t->keep);
		t->stored_cols = cat_malloc((size_t)(joined->nfields + 1) * sizeof *t->stored_cols);
		if (!all || !t->given || !t->keep || !t->stored_cols)
			rc = cat_fail_mem(err, (size_t)joined->nfields * sizeof *all);
	}
	for (int i = 0; rc == CAT_OK && i < joined->nfields; i++) {
		const int r = i - matched->nfields;
		const bool extra = i >= own && i < matched->nfields;
		const bool used = i < own ? t->left->used[i] : r >= 0 && r < n_right ? t->right->used[right_cols[r]] : true;

		t->given[i] = extra || (used && (!t->o.given || t->o.given[n]));
		if (extra)
			continue;
		t->keep[n] = t->given[i] ? i : -1;
		all[n++] = i;
		if (t->given[i])
			t->stored_cols[stored++] = i;
	}
	if (rc == CAT_OK)
		rc = cat_schema_project(joined, all, n, &t->base.schema, err);
	if (rc == CAT_OK)
		rc = cat_schema_project(joined, t->stored_cols, stored, &t->stored, err);
	t->o.given = t->given;
	t->o.schema = t->joined = right_cols ? cat_schema_ref(joined) : NULL;
	t->o.right_cols = t->right_cols = right_cols;
	t->o.n_right = n_right;
	cat_schema_unref(joined);
	cat_free(all);
	return rc;
}

/* RIGHT is told what several tiles read of it, unless that is too long a list for the memory. */
static int find_border(struct tiled *t, int64_t memory_bytes, struct cat_error *err)
{
	const int64_t most = memory_bytes / 64 / (int64_t)sizeof *t->border.at;

	for (size_t i = 0; i < t->ntiles; i++) {
		const struct cat_tile *tile = &t->tiles[i];
		struct cat_cover around = {0};
		int rc = CAT_OK;

		if (tile->lo < 0)
			continue;
		CAT_TRY(cat_cover_around(tile->lo, tile->hi, t->o.radius_arcsec / 3600, &around, err));
		for (int64_t k = 0; rc == CAT_OK && k < around.n; k++) {
			const struct cat_cover_range *r = &around.at[k];

			/* The tile itself may be part of a longer range. */
			if (r->lo < tile->lo)
				rc = cat_cover_add(&t->border, r->lo, r->hi < tile->lo ? r->hi : tile->lo, true, err);
			if (rc == CAT_OK && r->hi > tile->hi)
				rc = cat_cover_add(&t->border, r->lo > tile->hi ? r->lo : tile->hi, r->hi, true, err);
		}
		cat_cover_fini(&around);
		CAT_TRY(rc);
		if (t->border.n > most) {
			cat_cover_fini(&t->border);
			return CAT_OK;
		}
	}
	cat_cover_finish(&t->border);
	t->right->border = &t->border;
	t->right->border_bytes = memory_bytes / 16;
	return CAT_OK;
}

/* How many rows of LEFT a tile has, and how many tiles are worked on at once: fewer when memory is short. */
static int64_t size_tiles(struct tiled *t, int jobs, int64_t memory_bytes, int *at_once)
{
	const int64_t both = t->left->row_bytes + t->right->row_bytes;
	/* Both sides, the joined rows, and what matching takes. */
	const int64_t row_bytes = 3 * both + 128;
	const int64_t least = TILE_BYTES_MIN / row_bytes < TILE_ROWS_MIN ? TILE_BYTES_MIN / row_bytes + 1 : TILE_ROWS_MIN;
	/* What is being written: batches and their bytes, two for each processor. */
	const int64_t batch = cat_batch_rows(t->base.schema), fits = BATCH_BYTES_MAX / both,
	              leaving = (batch < fits ? batch : fits + 1) * both * 2 * (jobs > 1 ? 2 * jobs : 1);
	int64_t rows, n;

	memory_bytes -= leaving < memory_bytes / 2 ? leaving : memory_bytes / 2;
	n = memory_bytes / 3 / (TILE_ROWS_USUAL * row_bytes);
	n = n < 1 ? 1 : n > jobs ? jobs : n;
	rows = memory_bytes / 3 / n / row_bytes;
	rows = rows < least ? least : rows > TILE_ROWS_MAX ? TILE_ROWS_MAX : rows;
	t->out_bytes = memory_bytes / 16 / n;
	t->left->piece_bytes = t->right->piece_bytes = memory_bytes / 6 / n;
	if (t->o.tile_rows > 0) {
		rows = t->o.tile_rows;
		t->out_bytes = t->left->piece_bytes = t->right->piece_bytes = rows * both;
	}
	*at_once = (int)n;
	return rows;
}

static int plan(struct tiled *t, struct cat_pool *p, int64_t memory_bytes, struct cat_error *err)
{
	int *cols, rc, at_once = 1;
	int64_t rows = 0;

	if (!(t->o.radius_arcsec >= 0 && t->o.radius_arcsec <= 180 * 3600.0))
		return cat_fail(err, CAT_E_USAGE, "a match radius must be from 0 to 180 degrees");
	t->o.ra1 = t->left->ra, t->o.dec1 = t->left->dec;
	t->o.ra2 = t->right->ra, t->o.dec2 = t->right->dec;
	t->rivals = t->o.find == CAT_FIND_BEST2 || t->o.find == CAT_FIND_MUTUAL;
	t->row = t->left->in_order ? -1 : t->left->row;
	cols = cat_malloc((size_t)t->right->schema->nfields * sizeof *cols);
	if (!cols)
		return cat_fail_mem(err, (size_t)t->right->schema->nfields * sizeof *cols);
	for (int i = 0; i < t->right->schema->nfields; i++)
		cols[i] = i;
	rc = cat_schema_project(t->right->schema, cols, t->right->schema->nfields - (t->right->row >= 0),
	                        &t->right_schema, err);
	cat_free(cols);
	if (rc == CAT_OK && t->rivals)
		rc = flagged_schema(t->left->schema, &t->flagged, err);
	if (rc == CAT_OK)
		rc = plan_columns(t, t->rivals ? t->flagged : t->left->schema, err);
	if (rc == CAT_OK)
		rows = size_tiles(t, cat_pool_jobs(p), memory_bytes, &at_once);
	if (rc == CAT_OK)
		rc = t->left->ops->tiles(t->left, rows, &t->tiles, &t->ntiles, err);
	if (rc == CAT_OK)
		rc = find_border(t, memory_bytes, err);
	if (rc == CAT_OK)
		rc = cat_ordered_new(p, at_once, run_tile, free_job, &t->queue, err);
	return rc;
}

int cat_xmatch_tiled(struct cat_skytable *left, struct cat_skytable *right, const struct cat_xmatch_options *o,
                     int64_t memory_bytes, const char *temp_dir, struct cat_pool *p, struct cat_source **out,
                     struct cat_error *err)
{
	struct tiled *t = cat_calloc(1, sizeof *t);
	int rc;

	if (!t) {
		cat_skytable_close(left);
		cat_skytable_close(right);
		return cat_fail_mem(err, sizeof *t);
	}
	t->base.ops = &tiled_ops;
	t->left = left;
	t->right = right;
	t->o = *o;
	t->temp_dir = temp_dir;
	t->memory_bytes = memory_bytes / 4;
	t->row = -1;
	rc = plan(t, p, memory_bytes, err);
	if (rc != CAT_OK) {
		tiled_close(&t->base);
		return rc;
	}
	*out = &t->base;
	return CAT_OK;
}
