#include "exec/runs_impl.h"

#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "exec/keysort.h"
#include "storage/local.h"

/* Blocks on disk have so many bytes at most, but for a row that has more. */
#define BLOCK_BYTES (INT64_C(1) << 18)
/* What is written at a time. */
#define WRITE_BYTES ((size_t)1 << 18)
/* What a row takes beside its bytes: where it is, and its key; and what sorting takes: its place, two words. */
#define ROW_BYTES 16
#define SORT_BYTES 20
/* A run begins to be made of so many bytes, which a cache holds while they are sorted, and of a sixteenth of all rows
 * that were put, which keeps runs few however many rows come. */
#define RUN_BYTES (INT64_C(8) << 20)
#define RUN_SHARE 16
/* Rows fetched ahead: they lie anywhere. */
#define AHEAD 16

int cat_runs_new(struct cat_schema *schema, const char *temp_dir, int64_t memory_bytes, struct cat_runs **out,
                 struct cat_error *err)
{
	struct cat_runs *r = cat_calloc(1, sizeof *r);
	int rc;

	if (!r)
		return cat_fail_mem(err, sizeof *r);
	r->fd = r->keys_fd = -1;
	rc = cat_rowcode_new(schema, &r->code, err);
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

/* What a run has in memory. */
static void drop_rows(struct cat_run *u)
{
	cat_rowheap_fini(&u->heap);
	cat_free(u->rows);
	u->rows = NULL;
	cat_free(u->keys);
	u->keys = NULL;
}

/* Room for rows that come. */
static void drop_held(struct cat_runs *r)
{
	cat_rowheap_fini(&r->heap);
	cat_free(r->rows);
	r->rows = NULL;
	cat_free(r->keys);
	r->keys = NULL;
	r->nheld = r->cap_held = 0;
}

void cat_runs_free(struct cat_runs *r)
{
	if (!r)
		return;
	drop_held(r);
	for (size_t i = 0; i < r->nruns; i++) {
		drop_rows(&r->runs[i]);
		cat_free(r->runs[i].blocks);
	}
	cat_free(r->runs);
	if (r->fd >= 0)
		close(r->fd);
	if (r->keys_fd >= 0)
		close(r->keys_fd);
	cat_rowcode_free(r->code);
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
	return r->nrows ? r->all_bytes / r->nrows + ROW_BYTES : 1;
}

bool cat_runs_spilled(const struct cat_runs *r)
{
	return r->spilled;
}

/* --- making a run --- */

int cat_runs_sort(const uint8_t **rows, int64_t *keys, int64_t n, struct cat_error *err)
{
	int32_t *order = cat_malloc((size_t)n * sizeof *order);
	int64_t *other = NULL;
	int rc = order ? cat_keysort(keys, n, order, err) : cat_fail_mem(err, (size_t)n * sizeof *order);

	if (rc == CAT_OK && !(other = cat_malloc((size_t)n * sizeof *other)))
		rc = cat_fail_mem(err, (size_t)n * sizeof *other);
	if (rc == CAT_OK && n) {
		const uint8_t **moved = (const uint8_t **)(void *)other;

		for (int64_t i = 0; i < n; i++)
			other[i] = keys[order[i]];
		memcpy(keys, other, (size_t)n * sizeof *keys);
		for (int64_t i = 0; i < n; i++)
			moved[i] = rows[order[i]];
		memcpy(rows, moved, (size_t)n * sizeof *rows);
	}
	cat_free(order);
	cat_free(other);
	return rc;
}

/* Rows on their way to disk. */
struct spill {
	struct cat_runs *r;
	struct cat_run *u;
	uint8_t *buf;
	size_t n;
};

static int flush(struct spill *s, struct cat_error *err)
{
	const size_t n = s->n;

	s->n = 0;
	return cat_write_all(s->r->fd, s->buf, n, s->r->temp_dir, err);
}

static int begin_block(struct cat_run *u, int64_t row, int64_t key, int64_t off, struct cat_error *err)
{
	if (cat_grow(&u->blocks, &u->cap_blocks, u->nblocks, sizeof *u->blocks) != 0)
		return cat_fail_mem(err, u->cap_blocks * sizeof *u->blocks);
	u->blocks[u->nblocks++] = (struct cat_runs_block){key, row, off};
	return CAT_OK;
}

static int spill_row(struct spill *s, const uint8_t *row, size_t size, struct cat_error *err)
{
	if (s->n + size > WRITE_BYTES)
		CAT_TRY(flush(s, err));
	if (size > WRITE_BYTES)
		return cat_write_all(s->r->fd, row, size, s->r->temp_dir, err);
	memcpy(s->buf + s->n, row, size);
	s->n += size;
	return CAT_OK;
}

static int spill_rows(struct spill *s, struct cat_error *err)
{
	struct cat_runs *r = s->r;
	struct cat_run *u = s->u;
	struct cat_runs_block b = {0};

	for (int64_t i = 0; i < u->nrows; i++) {
		const size_t size = cat_rowcode_size(r->code, u->rows[i]);

		if (i + AHEAD < u->nrows) {
			__builtin_prefetch(u->rows[i + AHEAD]);
			__builtin_prefetch(u->rows[i + AHEAD] + 63);
		}
		if (i == 0 || i - b.row == BLOCK || r->end + (int64_t)size - b.off > BLOCK_BYTES) {
			b = (struct cat_runs_block){u->keys[i], i, r->end};
			CAT_TRY(begin_block(u, i, b.key, b.off, err));
		}
		CAT_TRY(spill_row(s, u->rows[i], size, err));
		r->end += (int64_t)size;
	}
	CAT_TRY(flush(s, err));
	CAT_TRY(begin_block(u, u->nrows, INT64_MAX, r->end, err));
	u->nblocks--;
	u->keys_off = r->keys_end;
	r->keys_end += u->nrows * (int64_t)sizeof *u->keys;
	return cat_write_all(r->keys_fd, u->keys, (size_t)u->nrows * sizeof *u->keys, r->temp_dir, err);
}

/* Writes the rows of a run; they stay in memory too. */
static int spill(struct cat_runs *r, struct cat_run *u, struct cat_error *err)
{
	struct spill s = {.r = r, .u = u, .buf = cat_malloc(WRITE_BYTES)};
	int rc = s.buf ? CAT_OK : cat_fail_mem(err, WRITE_BYTES);

	if (rc == CAT_OK && r->fd < 0)
		rc = cat_local_temp(r->temp_dir, &r->fd, err);
	if (rc == CAT_OK && r->keys_fd < 0)
		rc = cat_local_temp(r->temp_dir, &r->keys_fd, err);
	if (rc == CAT_OK)
		rc = spill_rows(&s, err);
	cat_free(s.buf);
	r->spilled = true;
	return rc;
}

/* Turns what was put since the last run into a run, on disk when TO_DISK: then its memory is for the rows that come. */
static int make_run(struct cat_runs *r, bool to_disk, struct cat_error *err)
{
	struct cat_run *u;
	int rc;

	if (r->nheld == 0)
		return CAT_OK;
	if (cat_grow(&r->runs, &r->cap_runs, r->nruns, sizeof *r->runs) != 0)
		return cat_fail_mem(err, r->cap_runs * sizeof *r->runs);
	CAT_TRY(cat_runs_sort(r->rows, r->keys, r->nheld, err));
	u = &r->runs[r->nruns++];
	*u = (struct cat_run){.nrows = r->nheld, .rows = r->rows, .keys = r->keys, .heap = r->heap, .bytes = r->held_bytes};
	r->held_bytes = 0;
	r->nheld = 0;
	if (to_disk) {
		rc = spill(r, u, err);
		u->rows = NULL;
		u->keys = NULL;
		memset(&u->heap, 0, sizeof u->heap);
		cat_rowheap_clear(&r->heap);
		return rc;
	}
	memset(&r->heap, 0, sizeof r->heap);
	r->rows = NULL;
	r->keys = NULL;
	r->cap_held = 0;
	return CAT_OK;
}

/* Sends every run that is still in memory to disk. */
static int spill_all(struct cat_runs *r, struct cat_error *err)
{
	for (size_t i = 0; i < r->nruns; i++)
		if (r->runs[i].rows) {
			CAT_TRY(spill(r, &r->runs[i], err));
			drop_rows(&r->runs[i]);
		}
	return CAT_OK;
}

/* Rows in memory, and what sorting those that are held will take. */
static int64_t in_memory(const struct cat_runs *r)
{
	int64_t bytes = r->held_bytes + r->nheld * (ROW_BYTES + SORT_BYTES);

	for (size_t i = 0; i < r->nruns; i++)
		if (r->runs[i].rows)
			bytes += r->runs[i].bytes + r->runs[i].nrows * ROW_BYTES;
	return bytes;
}

/* Are the held rows enough of a run? */
static bool run_is_full(const struct cat_runs *r)
{
	return r->held_bytes > RUN_BYTES && r->held_bytes > r->all_bytes / RUN_SHARE;
}

int cat_runs_room(const uint8_t ***rows, int64_t **keys, int64_t *cap, int64_t n, struct cat_error *err)
{
	const int64_t want = *cap * 2 > n ? *cap * 2 : n;
	const uint8_t **more_rows;
	int64_t *more_keys;

	if (n <= *cap)
		return CAT_OK;
	more_rows = cat_realloc(*rows, (size_t)want, sizeof(const uint8_t *));
	if (more_rows)
		*rows = more_rows;
	more_keys = more_rows ? cat_realloc(*keys, (size_t)want, sizeof *more_keys) : NULL;
	if (!more_keys)
		return cat_fail_mem(err, (size_t)want * sizeof *more_keys);
	*keys = more_keys;
	*cap = want;
	return CAT_OK;
}

static int hold(struct cat_runs *r, const struct cat_batch *b, const int64_t *keys, struct cat_error *err)
{
	size_t bytes[CAT_ROWCODE_BLOCK];
	uint8_t *to[CAT_ROWCODE_BLOCK];

	CAT_TRY(cat_runs_room(&r->rows, &r->keys, &r->cap_held, r->nheld + b->nrows, err));
	for (int64_t at = 0; at < b->nrows; at += CAT_ROWCODE_BLOCK) {
		const int64_t n = b->nrows - at < CAT_ROWCODE_BLOCK ? b->nrows - at : CAT_ROWCODE_BLOCK;

		CAT_TRY(cat_rowcode_sizes(r->code, b, at, n, bytes, err));
		for (int64_t i = 0; i < n; i++) {
			CAT_TRY(cat_rowheap_room(&r->heap, bytes[i], &to[i], err));
			r->held_bytes += (int64_t)bytes[i];
			r->all_bytes += (int64_t)bytes[i];
			r->rows[r->nheld + i] = to[i];
			r->keys[r->nheld + i] = keys[at + i];
		}
		cat_rowcode_write(r->code, b, at, n, to);
		r->nheld += n;
		r->nrows += n;
	}
	return CAT_OK;
}

static int put(struct cat_runs *r, const struct cat_batch *b, const int64_t *keys, struct cat_error *err)
{
	const int64_t bytes = cat_batch_bytes(b) + b->nrows * ROW_BYTES;

	if (in_memory(r) + bytes > r->memory_bytes && (r->nheld || r->nruns)) {
		CAT_TRY(make_run(r, true, err));
		CAT_TRY(spill_all(r, err));
	} else if (run_is_full(r) || r->nheld + b->nrows > CAT_KEYSORT_MAX) {
		CAT_TRY(make_run(r, r->spilled, err));
	}
	return hold(r, b, keys, err);
}

int cat_runs_put(struct cat_runs *r, struct cat_batch *b, const int64_t *keys, struct cat_error *err)
{
	const int rc = put(r, b, keys, err);

	cat_batch_unref(b);
	return rc;
}

int cat_runs_finish(struct cat_runs *r, struct cat_error *err)
{
	/* What was spilled once will be read piece by piece: half of the memory, at least, is for the pieces then. */
	const bool to_disk = r->spilled || in_memory(r) > r->memory_bytes / 2;

	CAT_TRY(make_run(r, to_disk, err));
	if (to_disk)
		CAT_TRY(spill_all(r, err));
	drop_held(r);
	return CAT_OK;
}
