#include "exec/runs_impl.h"

#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "columnar/kernels.h"
#include "columnar/pump.h"
#include "exec/keysort.h"
#include "formats/ipc.h"
#include "storage/local.h"

/* Blocks on disk have about so many bytes. */
#define BLOCK_BYTES (INT64_C(1) << 18)
/* Blocks gathered at a time on their way to disk. */
#define GATHER_BLOCKS 16
/* What sorting takes for a row: two words, or its place, its key in order and where it came from. */
#define SORT_BYTES 28

int cat_runs_new(struct cat_schema *schema, const char *temp_dir, int64_t memory_bytes, struct cat_runs **out,
                 struct cat_error *err)
{
	struct cat_runs *r = cat_calloc(1, sizeof *r);
	int rc;

	if (!r)
		return cat_fail_mem(err, sizeof *r);
	r->fd = r->keys_fd = -1;
	rc = cat_ipc_schema_encode(schema, &r->schema_message, err);
	if (rc == CAT_OK && !(r->temp_dir = cat_strdup(temp_dir)))
		rc = cat_fail_mem(err, strlen(temp_dir));
	if (rc != CAT_OK) {
		cat_runs_free(r);
		return rc;
	}
	r->schema = cat_schema_ref(schema);
	r->memory_bytes = memory_bytes;
	*out = r;
	return CAT_OK;
}

static void run_fini(struct run *u)
{
	cat_batch_unref(u->rows);
	cat_free(u->keys);
	cat_free(u->sample);
	cat_free(u->offs);
}

static void drop_held(struct cat_runs *r)
{
	cat_stack_clear(&r->held);
	r->held_bytes = 0;
}

void cat_runs_free(struct cat_runs *r)
{
	if (!r)
		return;
	cat_stack_fini(&r->held);
	cat_free(r->keys);
	for (size_t i = 0; i < r->nruns; i++)
		run_fini(&r->runs[i]);
	cat_free(r->runs);
	if (r->fd >= 0)
		close(r->fd);
	if (r->keys_fd >= 0)
		close(r->keys_fd);
	cat_buf_unref(r->schema_message);
	cat_schema_unref(r->schema);
	cat_free(r->temp_dir);
	cat_free(r);
}

int64_t cat_runs_rows(const struct cat_runs *r)
{
	return r->nrows;
}

int64_t cat_runs_row_bytes(const struct cat_runs *r)
{
	return r->nrows ? r->all_bytes / r->nrows + 1 : 1;
}

bool cat_runs_spilled(const struct cat_runs *r)
{
	return r->spilled;
}

/* --- making a run --- */

/* All that is held as one batch in the order of PLACE, column by column so that only one column is there twice at a
 * time. */
static int gather_held(struct cat_runs *r, const struct cat_place *place, struct cat_batch **out, struct cat_error *err)
{
	const struct cat_stack *held = &r->held;
	const struct cat_column **parts = cat_calloc(held->n, sizeof(const struct cat_column *));
	struct cat_batch *b = NULL;
	int rc = parts ? cat_batch_new(r->schema, held->nrows, &b, err) : cat_fail_mem(err, held->n * sizeof *parts);

	for (int k = 0; rc == CAT_OK && k < r->schema->nfields; k++) {
		for (size_t i = 0; i < held->n; i++)
			parts[i] = held->batch[i]->cols[k];
		rc = cat_gather(parts, held->n, place, held->nrows, &b->cols[k], err);
		for (size_t i = 0; rc == CAT_OK && i < held->n; i++) {
			/* The batches are ours alone when nobody else holds them: give the column back at once. */
			if (atomic_load(&held->batch[i]->refs) == 1) {
				cat_column_unref(held->batch[i]->cols[k]);
				held->batch[i]->cols[k] = NULL;
			}
		}
	}
	cat_free(parts);
	if (rc != CAT_OK) {
		cat_batch_unref(b);
		return rc;
	}
	*out = b;
	return CAT_OK;
}

static int write_block(struct cat_runs *r, struct cat_encoder *e, struct cat_batch *block, struct cat_error *err)
{
	struct cat_out *o = NULL;
	int rc = e->ops->put(e, block, err);

	if (rc == CAT_OK)
		rc = e->ops->pull(e, false, &o, err);
	if (rc == CAT_OK && !o)
		rc = cat_fail(err, CAT_E_BUG, "a block without bytes");
	if (rc == CAT_OK)
		rc = o->ops->encode(o, err);
	if (rc == CAT_OK)
		rc = e->ops->placed(e, o, r->end, err);
	for (size_t i = 0; rc == CAT_OK && i < o->nbufs; i++) {
		rc = cat_write_all(r->fd, o->bufs[i]->data, o->bufs[i]->size, r->temp_dir, err);
		r->end += (int64_t)o->bufs[i]->size;
	}
	cat_out_free(o);
	return rc;
}

/* Begins the run's place on disk. */
static int open_spill(struct cat_runs *r, struct run *u, struct cat_encoder **e, struct cat_error *err)
{
	const int64_t fits = BLOCK_BYTES / cat_runs_row_bytes(r);
	int rc = r->fd < 0 ? cat_local_temp(r->temp_dir, &r->fd, err) : CAT_OK;

	*e = NULL;
	if (!r->block)
		r->block = fits < 1 ? 1 : fits < BLOCK ? fits : BLOCK;
	if (rc == CAT_OK && r->keys_fd < 0)
		rc = cat_local_temp(r->temp_dir, &r->keys_fd, err);
	if (rc == CAT_OK)
		rc = cat_ipc_encoder(r->schema, CAT_IPC_STREAM, CAT_IPC_NONE, e, err);
	u->nblocks = (u->nrows + r->block - 1) / r->block;
	u->sample = cat_malloc((size_t)u->nblocks * sizeof *u->sample);
	u->offs = cat_malloc((size_t)(u->nblocks + 1) * sizeof *u->offs);
	if (rc == CAT_OK && (!u->sample || !u->offs))
		rc = cat_fail_mem(err, (size_t)u->nblocks * sizeof *u->offs);
	return rc;
}

/* ROWS are those of the run from row FROM on, which begins a block. */
static int write_rows(struct cat_runs *r, struct run *u, struct cat_encoder *e, const struct cat_batch *rows,
                      int64_t from, struct cat_error *err)
{
	for (int64_t at = 0; at < rows->nrows; at += r->block) {
		const int64_t n = rows->nrows - at < r->block ? rows->nrows - at : r->block, i = (from + at) / r->block;
		struct cat_batch *block;

		u->sample[i] = u->keys[from + at];
		u->offs[i] = r->end;
		CAT_TRY(cat_batch_slice(rows, at, n, &block, err));
		CAT_TRY(write_block(r, e, block, err));
	}
	return CAT_OK;
}

/* All rows are written: the keys follow, and what was in memory goes. */
static int close_spill(struct cat_runs *r, struct run *u, struct cat_error *err)
{
	u->offs[u->nblocks] = r->end;
	u->keys_off = r->keys_end;
	r->keys_end += u->nrows * (int64_t)sizeof *u->keys;
	CAT_TRY(cat_write_all(r->keys_fd, u->keys, (size_t)u->nrows * sizeof *u->keys, r->temp_dir, err));
	cat_batch_unref(u->rows);
	u->rows = NULL;
	cat_free(u->keys);
	u->keys = NULL;
	r->spilled = true;
	return CAT_OK;
}

static int spill_rows(struct cat_runs *r, struct run *u, struct cat_error *err)
{
	struct cat_encoder *e;
	int rc = open_spill(r, u, &e, err);

	if (rc == CAT_OK)
		rc = write_rows(r, u, e, u->rows, 0, err);
	if (rc == CAT_OK)
		rc = close_spill(r, u, err);
	cat_encoder_close(e);
	return rc;
}

/* What is held goes to disk in the order of PLACE, a few blocks at a time: it is never there twice. */
static int spill_held(struct cat_runs *r, struct run *u, const struct cat_place *place, struct cat_error *err)
{
	struct cat_encoder *e;
	int rc = open_spill(r, u, &e, err);

	for (int64_t at = 0; rc == CAT_OK && at < u->nrows; at += GATHER_BLOCKS * r->block) {
		const int64_t most = GATHER_BLOCKS * r->block, n = u->nrows - at < most ? u->nrows - at : most;
		struct cat_batch *rows;

		rc = cat_gather_batches(r->held.batch, r->held.n, r->schema, place + at, n, &rows, err);
		if (rc == CAT_OK) {
			rc = write_rows(r, u, e, rows, at, err);
			cat_batch_unref(rows);
		}
	}
	if (rc == CAT_OK)
		rc = close_spill(r, u, err);
	cat_encoder_close(e);
	return rc;
}

int cat_runs_sort_stack(const struct cat_stack *s, int64_t *keys, struct cat_place **out, struct cat_error *err)
{
	const int64_t n = s->nrows;
	int32_t *order = cat_malloc((size_t)n * sizeof *order);
	struct cat_place *place = cat_malloc((size_t)n * sizeof *place);
	int64_t *sorted = cat_malloc((size_t)n * sizeof *sorted);
	int rc = order && place && sorted ? cat_keysort(keys, n, order, err)
	                                  : cat_fail_mem(err, (size_t)n * sizeof *place);

	for (int64_t i = 0; rc == CAT_OK && i < n; i++) {
		place[i] = cat_stack_place(s, order[i]);
		sorted[i] = keys[order[i]];
	}
	if (rc == CAT_OK && n)
		memcpy(keys, sorted, (size_t)n * sizeof *keys);
	cat_free(order);
	cat_free(sorted);
	if (rc != CAT_OK) {
		cat_free(place);
		return rc;
	}
	*out = place;
	return CAT_OK;
}

/* Turns what was put since the last run into a run, on disk when SPILL. */
static int make_run(struct cat_runs *r, bool spill, struct cat_error *err)
{
	const int64_t n = r->held.nrows;
	struct cat_place *place = NULL;
	struct run *u;
	int rc;

	if (n == 0)
		return CAT_OK;
	if (cat_grow(&r->runs, &r->cap_runs, r->nruns, sizeof *r->runs) != 0)
		return cat_fail_mem(err, r->cap_runs * sizeof *r->runs);
	u = &r->runs[r->nruns++];
	memset(u, 0, sizeof *u);
	u->nrows = n;
	rc = cat_runs_sort_stack(&r->held, r->keys, &place, err);
	if (rc == CAT_OK && !(u->keys = cat_malloc((size_t)n * sizeof *u->keys)))
		rc = cat_fail_mem(err, (size_t)n * sizeof *u->keys);
	if (rc == CAT_OK) {
		memcpy(u->keys, r->keys, (size_t)n * sizeof *u->keys);
		rc = spill ? spill_held(r, u, place, err) : gather_held(r, place, &u->rows, err);
	}
	cat_free(place);
	drop_held(r);
	return rc;
}

/* Sends every run that is still in memory to disk. */
static int spill_all(struct cat_runs *r, struct cat_error *err)
{
	for (size_t i = 0; i < r->nruns; i++)
		if (r->runs[i].rows)
			CAT_TRY(spill_rows(r, &r->runs[i], err));
	return CAT_OK;
}

/* Row bytes in memory, and what sorting those that are held will take. */
static int64_t in_memory(const struct cat_runs *r)
{
	int64_t bytes = r->held_bytes + r->held.nrows * SORT_BYTES;

	for (size_t i = 0; i < r->nruns; i++)
		if (r->runs[i].rows)
			bytes += cat_batch_bytes(r->runs[i].rows) + r->runs[i].nrows * 8;
	return bytes;
}

/* Takes over B and puts its rows, in order of their keys, behind those that are held: so a run reads every batch from
 * beginning to end, which is what a cache is good at. There is room for the keys. */
static int hold_sorted(struct cat_runs *r, struct cat_batch *b, const int64_t *keys, struct cat_error *err)
{
	int64_t *to = r->keys + r->held.nrows, i = 1;
	struct cat_batch *sorted = NULL;
	int32_t *order;
	int rc;

	while (i < b->nrows && keys[i - 1] <= keys[i])
		i++;
	if (i == b->nrows) {
		memcpy(to, keys, (size_t)b->nrows * sizeof *keys);
		return cat_stack_add(&r->held, b, err);
	}
	order = cat_malloc((size_t)b->nrows * sizeof *order);
	rc = order ? cat_keysort(keys, b->nrows, order, err) : cat_fail_mem(err, (size_t)b->nrows * sizeof *order);
	if (rc == CAT_OK)
		rc = cat_take_batch(b, order, b->nrows, &sorted, err);
	for (i = 0; rc == CAT_OK && i < b->nrows; i++)
		to[i] = keys[order[i]];
	cat_free(order);
	cat_batch_unref(b);
	return rc == CAT_OK ? cat_stack_add(&r->held, sorted, err) : rc;
}

int cat_runs_put(struct cat_runs *r, struct cat_batch *b, const int64_t *keys, struct cat_error *err)
{
	const int64_t bytes = cat_batch_bytes(b) + b->nrows * (int64_t)sizeof *keys;
	int64_t at;
	int rc = CAT_OK;

	if (b->nrows == 0) {
		cat_batch_unref(b);
		return CAT_OK;
	}
	if (in_memory(r) + bytes > r->memory_bytes && (r->held.nrows || r->nruns)) {
		rc = make_run(r, true, err);
		if (rc == CAT_OK)
			rc = spill_all(r, err);
	} else if (r->held.nrows + b->nrows > CAT_KEYSORT_MAX) {
		rc = make_run(r, false, err);
	}
	at = r->held.nrows;
	if (rc == CAT_OK && at + b->nrows > r->cap_keys) {
		const int64_t want = r->cap_keys * 2 > at + b->nrows ? r->cap_keys * 2 : at + b->nrows;
		int64_t *grown = cat_realloc(r->keys, (size_t)want, sizeof *grown);

		if (grown)
			r->keys = grown, r->cap_keys = want;
		else
			rc = cat_fail_mem(err, (size_t)want * sizeof *grown);
	}
	if (rc != CAT_OK) {
		cat_batch_unref(b);
		return rc;
	}
	r->nrows += b->nrows;
	r->held_bytes += bytes;
	r->all_bytes += bytes;
	return hold_sorted(r, b, keys, err);
}

int cat_runs_finish(struct cat_runs *r, struct cat_error *err)
{
	/* What was spilled once will be read piece by piece: half of the memory, at least, is for the pieces then. */
	const bool spill = r->spilled || in_memory(r) > r->memory_bytes / 2;

	CAT_TRY(make_run(r, spill, err));
	if (spill)
		CAT_TRY(spill_all(r, err));
	cat_free(r->keys);
	r->keys = NULL;
	r->cap_keys = 0;
	r->finished = true;
	return CAT_OK;
}
