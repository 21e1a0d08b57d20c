#include "exec/runs_impl.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "columnar/kernels.h"
#include "columnar/pump.h"
#include "exec/keysort.h"
#include "formats/ipc.h"

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
		CAT_TRY(cat_runs_sort_stack(&p->rows, p->keys, &place, err));
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
