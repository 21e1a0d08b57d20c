#include "exec/runs.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "columnar/gather.h"
#include "columnar/kernels.h"
#include "columnar/pump.h"
#include "exec/keysort.h"
#include "formats/ipc.h"
#include "storage/local.h"

/* Rows of one record batch on disk, fewer where they are long; one key in so many stays in memory. A part of the sky
 * takes a few rows of every run, and each of them costs a block. */
#define BLOCK 1024
#define BLOCK_BYTES (INT64_C(1) << 18)
/* Blocks gathered at a time on their way to disk. */
#define GATHER_BLOCKS 16
/* What sorting takes for a row: two words, or its place, its key in order and where it came from. */
#define SORT_BYTES 28

/* One sorted run: in memory, or as record batches on disk with its keys in a second file. All runs share the two
 * files, so that there may be more of them than a process may have files open. */
struct run {
	int64_t nrows;
	struct cat_batch *rows; /* NULL when on disk */
	int64_t *keys;          /* NULL when on disk */
	int64_t keys_off;       /* where they are in the file of keys */
	int64_t *sample;        /* the first of each block */
	int64_t *offs;          /* where each block's message begins; one more at the end */
	int64_t nblocks;
};

struct cat_runs {
	struct cat_schema *schema;
	struct cat_buf *schema_message; /* in front of a block it makes a stream */
	char *temp_dir;
	int64_t memory_bytes;
	int64_t nrows;
	/* what was put since the last run */
	struct cat_stack held;
	int64_t *keys;
	int64_t cap_keys;
	int64_t held_bytes;
	int64_t all_bytes; /* of all rows that were put */
	struct run *runs;
	size_t nruns, cap_runs;
	int64_t block;   /* rows of one, settled by the first run on disk */
	int fd, keys_fd; /* record batches; keys; -1 until a run is on disk */
	int64_t end, keys_end;
	bool spilled;
	bool finished;
};

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
	struct cat_column **parts = cat_calloc(held->n, sizeof(struct cat_column *));
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

/* Where the rows of a stack stand in the order of KEYS; the keys themselves are put into that order. */
static int sort_stack(const struct cat_stack *s, int64_t *keys, struct cat_place **out, struct cat_error *err)
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
	rc = sort_stack(&r->held, r->keys, &place, err);
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

/* --- reading --- */

static int64_t lower_bound(const int64_t *keys, int64_t n, int64_t key)
{
	int64_t at = 0;

	while (n > 0) {
		const int64_t half = n / 2;

		if (keys[at + half] < key)
			at += half + 1, n -= half + 1;
		else
			n = half;
	}
	return at;
}

static int pread_all(struct cat_runs *r, int fd, void *to, size_t len, int64_t off, struct cat_error *err)
{
	uint8_t *p = to;

	while (len > 0) {
		const ssize_t n = pread(fd, p, len, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return cat_fail_sys(err, CAT_E_IO, n < 0 ? errno : EIO, "cannot read back from %s", r->temp_dir);
		p += n;
		off += n;
		len -= (size_t)n;
	}
	return CAT_OK;
}

/* The keys of one block that is on disk. */
struct key_block {
	int64_t block; /* -1: none */
	int64_t n;
	int64_t keys[BLOCK];
};

static int read_keys(struct cat_runs *r, const struct run *u, int64_t block, struct key_block *k,
                     struct cat_error *err)
{
	if (k->block == block)
		return CAT_OK;
	k->block = -1;
	k->n = u->nrows - block * r->block < r->block ? u->nrows - block * r->block : r->block;
	CAT_TRY(pread_all(r, r->keys_fd, k->keys, (size_t)k->n * sizeof *k->keys,
	                  u->keys_off + block * r->block * (int64_t)sizeof *k->keys, err));
	k->block = block;
	return CAT_OK;
}

/* First row of the run whose key is not below KEY; K is the block of keys that was looked at last. */
static int find(struct cat_runs *r, const struct run *u, int64_t key, struct key_block *k, int64_t *row,
                struct cat_error *err)
{
	int64_t block;

	if (u->keys) {
		*row = lower_bound(u->keys, u->nrows, key);
		return CAT_OK;
	}
	/* The last block whose first key is below KEY is the one that holds the place. */
	block = lower_bound(u->sample, u->nblocks, key) - 1;
	if (block < 0) {
		*row = 0;
		return CAT_OK;
	}
	CAT_TRY(read_keys(r, u, block, k, err));
	*row = block * r->block + lower_bound(k->keys, k->n, key);
	return CAT_OK;
}

int cat_runs_count(struct cat_runs *r, int64_t lo, int64_t hi, int64_t *n, struct cat_error *err)
{
	*n = 0;
	for (size_t i = 0; i < r->nruns; i++) {
		struct key_block k = {.block = -1};
		int64_t from, to;

		CAT_TRY(find(r, &r->runs[i], lo, &k, &from, err));
		CAT_TRY(find(r, &r->runs[i], hi, &k, &to, err));
		*n += to > from ? to - from : 0;
	}
	return CAT_OK;
}

/* How many rows have keys below KEY, as far as what is in memory tells: from *LEAST to *MOST. */
static void estimate_below(const struct cat_runs *r, int64_t key, int64_t *least, int64_t *most)
{
	*least = *most = 0;
	for (size_t i = 0; i < r->nruns; i++) {
		const struct run *u = &r->runs[i];

		if (u->keys) {
			const int64_t row = lower_bound(u->keys, u->nrows, key);

			*least += row;
			*most += row;
		} else {
			const int64_t blocks = lower_bound(u->sample, u->nblocks, key);

			*least += blocks > 0 ? (blocks - 1) * r->block + 1 : 0;
			*most += blocks < u->nblocks ? blocks * r->block : u->nrows;
		}
	}
}

/* K: a block of keys for each run, so that a search that narrows reads each of them once. */
static int count_below(struct cat_runs *r, int64_t key, struct key_block *k, int64_t *n, struct cat_error *err)
{
	*n = 0;
	for (size_t i = 0; i < r->nruns; i++) {
		int64_t row;

		CAT_TRY(find(r, &r->runs[i], key, &k[i], &row, err));
		*n += row;
	}
	return CAT_OK;
}

static int split(struct cat_runs *r, int64_t lo, int64_t hi, int64_t max, struct key_block *k, int64_t *hi2,
                 struct cat_error *err)
{
	int64_t good = lo, bad = hi, before, n;

	CAT_TRY(count_below(r, lo, k, &before, err));
	CAT_TRY(count_below(r, hi, k, &n, err));
	if (n - before <= max) {
		*hi2 = hi;
		return CAT_OK;
	}
	while (bad - good > 1) {
		const int64_t mid = good + (bad - good) / 2;
		int64_t most;

		estimate_below(r, mid, &n, &most);
		if (n - before <= max && most - before > max)
			CAT_TRY(count_below(r, mid, k, &n, err));
		if (n - before <= max)
			good = mid;
		else
			bad = mid;
	}
	*hi2 = good > lo ? good : lo + 1;
	return CAT_OK;
}

int cat_runs_split(struct cat_runs *r, int64_t lo, int64_t hi, int64_t max, int64_t *hi2, struct cat_error *err)
{
	struct key_block *k = cat_malloc(r->nruns * sizeof *k);
	int rc;

	if (!k)
		return cat_fail_mem(err, r->nruns * sizeof *k);
	for (size_t i = 0; i < r->nruns; i++)
		k[i].block = -1;
	rc = split(r, lo, hi, max, k, hi2, err);
	cat_free(k);
	return rc;
}

static int read_block(struct cat_runs *r, const struct run *u, int64_t i, struct cat_batch **out,
                      struct cat_error *err)
{
	const size_t head = r->schema_message->size, len = (size_t)(u->offs[i + 1] - u->offs[i]);
	static const uint8_t eos[8] = {0xff, 0xff, 0xff, 0xff};
	struct cat_buf *b;
	struct cat_reader *reader = NULL;
	struct cat_feed *feed = NULL;
	struct cat_source *s = NULL;
	int rc = cat_buf_new(head + len + sizeof eos, &b, err);

	*out = NULL;
	if (rc != CAT_OK)
		return rc;
	memcpy(b->data, r->schema_message->data, head);
	memcpy(b->data + head + len, eos, sizeof eos);
	rc = pread_all(r, r->fd, b->data + head, len, u->offs[i], err);
	if (rc == CAT_OK)
		rc = cat_reader_memory(b, r->temp_dir, &reader, err);
	cat_buf_unref(b);
	if (rc == CAT_OK)
		rc = cat_ipc_feed(reader, NULL, &feed, err);
	if (rc == CAT_OK)
		rc = cat_feed_source(feed, &s, err);
	if (rc == CAT_OK)
		rc = s->ops->next(s, out, err);
	if (rc == CAT_OK && !*out)
		rc = cat_fail(err, CAT_E_BUG, "a block without rows");
	cat_source_close(s);
	return rc;
}

/* Parts being collected: rows and, run after run, their keys. */
struct parts {
	struct cat_stack rows;
	int64_t *keys;
	int64_t cap_keys;
};

/* Rows IDX[0..n) of B, whose keys are KEYS. PINS: a slice would keep all of B in memory for it alone. */
static int add_part(struct parts *p, struct cat_batch *b, const int64_t *keys, const int32_t *idx, int64_t n,
                    bool pins, struct cat_error *err)
{
	const bool together = idx[n - 1] - idx[0] == n - 1 && (!pins || 2 * n > b->nrows);
	const int64_t before = p->rows.nrows;
	size_t cap = (size_t)p->cap_keys;
	struct cat_batch *part;

	if (before + n > CAT_KEYSORT_MAX)
		return cat_fail(err, CAT_E_SYSTEM, "more than %lld rows at one place cannot be sorted at once",
		                (long long)CAT_KEYSORT_MAX);
	while (cap < (size_t)(before + n))
		if (cat_grow(&p->keys, &cap, cap, sizeof *p->keys) != 0)
			return cat_fail_mem(err, 2 * cap * sizeof *p->keys);
	p->cap_keys = (int64_t)cap;
	CAT_TRY(together ? cat_batch_slice(b, idx[0], n, &part, err) : cat_take_batch(b, idx, n, &part, err));
	CAT_TRY(cat_stack_add(&p->rows, part, err));
	for (int64_t i = 0; i < n; i++)
		p->keys[before + i] = keys[idx[i]];
	return CAT_OK;
}

/* How many of KEYS lie in the ranges from *AT on, and which: IDX receives them unless it is NULL. *AT moves to the
 * first range that may go on behind the last key. */
static int64_t select_rows(const int64_t *keys, int64_t n, const struct cat_runs_range *ranges, int64_t nranges,
                           int64_t *at, int32_t *idx)
{
	int64_t found = 0, row = 0;

	for (; *at < nranges && row < n; ++*at) {
		int64_t end;

		row += lower_bound(keys + row, n - row, ranges[*at].lo);
		end = row + lower_bound(keys + row, n - row, ranges[*at].hi);
		for (; idx && row < end; row++)
			idx[found++] = (int32_t)row;
		if (!idx)
			found += end - row;
		row = end;
		if (row == n)
			break;
	}
	return found;
}

static int collect_memory(const struct run *u, const struct cat_runs_range *ranges, int64_t nranges,
                          struct parts *p, struct cat_error *err)
{
	int64_t at = 0, n = select_rows(u->keys, u->nrows, ranges, nranges, &at, NULL);
	int32_t *idx;
	int rc;

	if (n == 0)
		return CAT_OK;
	idx = cat_malloc((size_t)n * sizeof *idx);
	if (!idx)
		return cat_fail_mem(err, (size_t)n * sizeof *idx);
	at = 0;
	n = select_rows(u->keys, u->nrows, ranges, nranges, &at, idx);
	rc = add_part(p, u->rows, u->keys, idx, n, false, err);
	cat_free(idx);
	return rc;
}

/* Each block that has a key in some range is read once. */
static int collect_disk(struct cat_runs *r, const struct run *u, const struct cat_runs_range *ranges,
                        int64_t nranges, struct parts *p, struct cat_error *err)
{
	struct key_block k = {.block = -1};
	int32_t idx[BLOCK];
	int64_t at = 0, i = 0;

	while (at < nranges) {
		const int64_t holds = lower_bound(u->sample, u->nblocks, ranges[at].lo) - 1;
		struct cat_batch *b;
		int64_t n;
		int rc;

		i = holds > i ? holds : i;
		if (i >= u->nblocks)
			break;
		if (u->sample[i] >= ranges[at].hi) {
			at++;
			continue;
		}
		CAT_TRY(read_keys(r, u, i, &k, err));
		n = select_rows(k.keys, k.n, ranges, nranges, &at, idx);
		if (n) {
			CAT_TRY(read_block(r, u, i, &b, err));
			rc = add_part(p, b, k.keys, idx, n, true, err);
			cat_batch_unref(b);
			CAT_TRY(rc);
		}
		i++;
	}
	return CAT_OK;
}

/* The values of column COL instead of the keys. */
static void take_as_keys(struct parts *p, int col)
{
	for (size_t i = 0; i < p->rows.n; i++)
		memcpy(p->keys + p->rows.first[i], CAT_VALUES(p->rows.batch[i]->cols[col], int64_t),
		       (size_t)p->rows.batch[i]->nrows * sizeof *p->keys);
}

/* The parts as one batch; SORTED: they are in order as they stand. */
static int join_parts(struct cat_runs *r, struct parts *p, bool sorted, struct cat_batch **out, struct cat_error *err)
{
	struct cat_place *place;
	struct cat_batch *all;
	int rc;

	if (p->rows.n == 0)
		return cat_batch_empty(r->schema, out, err);
	if (!sorted) {
		CAT_TRY(sort_stack(&p->rows, p->keys, &place, err));
		rc = cat_gather_batches(p->rows.batch, p->rows.n, r->schema, place, p->rows.nrows, out, err);
		cat_free(place);
		return rc;
	}
	CAT_TRY(cat_concat_batches(p->rows.batch, (int)p->rows.n, &all, err));
	/* What came from disk carries a schema of its own. */
	rc = cat_batch_new(r->schema, all->nrows, out, err);
	for (int k = 0; rc == CAT_OK && k < all->ncols; k++)
		(*out)->cols[k] = cat_column_ref(all->cols[k]);
	cat_batch_unref(all);
	return rc;
}

int cat_runs_read_ranges(struct cat_runs *r, const struct cat_runs_range *ranges, int64_t nranges, int by,
                         struct cat_batch **out, int64_t **keys, struct cat_error *err)
{
	struct parts p = {0};
	int rc = CAT_OK, used = 0;

	for (size_t i = 0; rc == CAT_OK && i < r->nruns; i++) {
		const struct run *u = &r->runs[i];
		const int64_t before = p.rows.nrows;

		rc = u->rows ? collect_memory(u, ranges, nranges, &p, err) : collect_disk(r, u, ranges, nranges, &p, err);
		used += p.rows.nrows > before;
	}
	if (rc == CAT_OK && by >= 0)
		take_as_keys(&p, by);
	if (rc == CAT_OK)
		rc = join_parts(r, &p, by < 0 && used <= 1, out, err);
	cat_stack_fini(&p.rows);
	if (rc == CAT_OK && keys)
		*keys = p.keys;
	else
		cat_free(p.keys);
	return rc;
}

int cat_runs_read(struct cat_runs *r, int64_t lo, int64_t hi, struct cat_batch **out, int64_t **keys,
                  struct cat_error *err)
{
	return cat_runs_read_ranges(r, &(struct cat_runs_range){lo, hi}, 1, -1, out, keys, err);
}
