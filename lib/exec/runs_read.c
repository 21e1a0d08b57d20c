#include "exec/runs_impl.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "exec/keysort.h"

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

/* How many blocks begin with a key below KEY. */
static int64_t blocks_below(const struct cat_run *u, int64_t key)
{
	int64_t at = 0, n = (int64_t)u->nblocks;

	while (n > 0) {
		const int64_t half = n / 2;

		if (u->blocks[at + half].key < key)
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

static int read_keys(struct cat_runs *r, const struct cat_run *u, int64_t block, struct key_block *k,
                     struct cat_error *err)
{
	const struct cat_runs_block *b = &u->blocks[block];

	if (k->block == block)
		return CAT_OK;
	k->block = -1;
	k->n = b[1].row - b->row;
	CAT_TRY(pread_all(r, r->keys_fd, k->keys, (size_t)k->n * sizeof *k->keys,
	                  u->keys_off + b->row * (int64_t)sizeof *k->keys, err));
	k->block = block;
	return CAT_OK;
}

/* Rows below some key, and about how many bytes they have. */
struct below {
	int64_t rows, bytes;
};

/* Of one run; K is the block of keys that was looked at last. */
static int find(struct cat_runs *r, const struct cat_run *u, int64_t key, struct key_block *k, struct below *out,
                struct cat_error *err)
{
	const struct cat_runs_block *b;
	int64_t block, rows;

	if (u->keys) {
		out->rows = lower_bound(u->keys, u->nrows, key);
		out->bytes = (int64_t)((double)u->bytes * (double)out->rows / (double)u->nrows);
		return CAT_OK;
	}
	/* The last block whose first key is below KEY is the one that holds the place. */
	block = blocks_below(u, key) - 1;
	*out = (struct below){0, 0};
	if (block < 0)
		return CAT_OK;
	b = &u->blocks[block];
	CAT_TRY(read_keys(r, u, block, k, err));
	rows = lower_bound(k->keys, k->n, key);
	out->rows = b->row + rows;
	out->bytes = b->off - u->blocks[0].off + (b[1].off - b->off) * rows / k->n;
	return CAT_OK;
}

int cat_runs_count(struct cat_runs *r, int64_t lo, int64_t hi, int64_t *n, struct cat_error *err)
{
	*n = 0;
	for (size_t i = 0; i < r->nruns; i++) {
		struct key_block k;
		struct below from, to;

		k.block = -1;
		CAT_TRY(find(r, &r->runs[i], lo, &k, &from, err));
		CAT_TRY(find(r, &r->runs[i], hi, &k, &to, err));
		*n += to.rows > from.rows ? to.rows - from.rows : 0;
	}
	return CAT_OK;
}

/* --- ends of ranges --- */

/* What is looked for: an end below which there are so many rows and bytes at most. K: a block of keys for each run, so
 * that a search that narrows reads each of them once. */
struct search {
	struct cat_runs *r;
	struct below most;
	struct key_block *k;
};

static bool fits(const struct search *s, const struct below *b)
{
	return b->rows <= s->most.rows && b->bytes <= s->most.bytes;
}

/* Rows with keys below KEY, as far as what is in memory tells. */
static void estimate_below(const struct cat_runs *r, int64_t key, struct below *least, struct below *most)
{
	*least = *most = (struct below){0, 0};
	for (size_t i = 0; i < r->nruns; i++) {
		const struct cat_run *u = &r->runs[i];
		const int64_t blocks = u->keys ? 0 : blocks_below(u, key);

		if (u->keys) {
			const int64_t row = lower_bound(u->keys, u->nrows, key);
			const int64_t bytes = (int64_t)((double)u->bytes * (double)row / (double)u->nrows);

			least->rows += row, least->bytes += bytes;
			most->rows += row, most->bytes += bytes;
		} else if (blocks > 0) {
			const struct cat_runs_block *b = &u->blocks[blocks - 1];

			least->rows += b->row + 1, least->bytes += b->off - u->blocks[0].off;
			most->rows += b[1].row, most->bytes += b[1].off - u->blocks[0].off;
		}
	}
}

static int count_below(struct search *s, int64_t key, struct below *out, struct cat_error *err)
{
	*out = (struct below){0, 0};
	for (size_t i = 0; i < s->r->nruns; i++) {
		struct below one;

		CAT_TRY(find(s->r, &s->r->runs[i], key, &s->k[i], &one, err));
		out->rows += one.rows;
		out->bytes += one.bytes;
	}
	return CAT_OK;
}

static int search(struct search *s, int64_t lo, int64_t hi, int64_t *hi2, struct cat_error *err)
{
	int64_t good = lo, bad = hi;
	struct below b, most;

	CAT_TRY(count_below(s, lo, &b, err));
	if (__builtin_add_overflow(s->most.rows, b.rows, &s->most.rows))
		s->most.rows = INT64_MAX;
	if (__builtin_add_overflow(s->most.bytes, b.bytes, &s->most.bytes))
		s->most.bytes = INT64_MAX;
	CAT_TRY(count_below(s, hi, &b, err));
	if (fits(s, &b)) {
		*hi2 = hi;
		return CAT_OK;
	}
	while (bad - good > 1) {
		const int64_t mid = good + (bad - good) / 2;

		estimate_below(s->r, mid, &b, &most);
		if (fits(s, &b) && !fits(s, &most))
			CAT_TRY(count_below(s, mid, &b, err));
		if (fits(s, &b))
			good = mid;
		else
			bad = mid;
	}
	*hi2 = good > lo ? good : lo + 1;
	return CAT_OK;
}

int cat_runs_split(struct cat_runs *r, int64_t lo, int64_t hi, int64_t max_rows, int64_t max_bytes, int64_t *hi2,
                   struct cat_error *err)
{
	struct search s = {.r = r, .most = {max_rows, max_bytes}, .k = cat_malloc(r->nruns * sizeof *s.k)};
	int rc;

	if (!s.k)
		return cat_fail_mem(err, r->nruns * sizeof *s.k);
	for (size_t i = 0; i < r->nruns; i++)
		s.k[i].block = -1;
	rc = search(&s, lo, hi, hi2, err);
	cat_free(s.k);
	return rc;
}

/* --- reading --- */

/* Rows being collected and, run after run, their keys. */
struct parts {
	const uint8_t **rows;
	int64_t *keys;
	int64_t n, cap;
	struct cat_rowheap heap; /* of those that were on disk */
	uint8_t *scratch;        /* a block of which not all is wanted */
	size_t cap_scratch;
};

static void parts_fini(struct parts *p)
{
	cat_free(p->rows);
	cat_free(p->keys);
	cat_free(p->scratch);
	cat_rowheap_fini(&p->heap);
}

/* Room for N rows more. */
static int part_room(struct parts *p, int64_t n, struct cat_error *err)
{
	if (p->n + n > CAT_KEYSORT_MAX)
		return cat_fail(err, CAT_E_SYSTEM, "more than %lld rows at one place cannot be sorted at once",
		                (long long)CAT_KEYSORT_MAX);
	return cat_runs_room(&p->rows, &p->keys, &p->cap, p->n + n, err);
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

static int collect_memory(const struct cat_run *u, const struct cat_runs_range *ranges, int64_t nranges,
                          struct parts *p, struct cat_error *err)
{
	int64_t at = 0, n = select_rows(u->keys, u->nrows, ranges, nranges, &at, NULL);
	int32_t *idx;

	if (n == 0)
		return CAT_OK;
	CAT_TRY(part_room(p, n, err));
	idx = cat_malloc((size_t)n * sizeof *idx);
	if (!idx)
		return cat_fail_mem(err, (size_t)n * sizeof *idx);
	at = 0;
	n = select_rows(u->keys, u->nrows, ranges, nranges, &at, idx);
	for (int64_t i = 0; i < n; i++, p->n++) {
		p->rows[p->n] = u->rows[idx[i]];
		p->keys[p->n] = u->keys[idx[i]];
	}
	cat_free(idx);
	return CAT_OK;
}

static int scratch_room(struct parts *p, size_t size, uint8_t **out, struct cat_error *err)
{
	if (size > p->cap_scratch) {
		cat_free(p->scratch);
		p->cap_scratch = 0;
		p->scratch = cat_malloc(size + CAT_ROWHEAP_SLACK);
		if (!p->scratch)
			return cat_fail_mem(err, size);
		p->cap_scratch = size;
	}
	*out = p->scratch;
	return CAT_OK;
}

/* Rows IDX[0..n) of block B, whose keys are KEYS. */
static int add_block(struct cat_runs *r, const struct cat_runs_block *b, const int64_t *keys, const int32_t *idx, int64_t n,
                     struct parts *p, struct cat_error *err)
{
	const size_t even = cat_rowcode_even(r->code);
	/* Where a row is can be told when all are of one size. */
	const int64_t from = even ? idx[0] : 0, to = even ? idx[n - 1] + 1 : b[1].row - b->row;
	const int64_t off = b->off + from * (int64_t)even;
	const size_t bytes = even ? (size_t)(to - from) * even : (size_t)(b[1].off - b->off);
	const bool all = n == to - from;
	uint8_t *at;

	CAT_TRY(part_room(p, n, err));
	CAT_TRY(all ? cat_rowheap_room(&p->heap, bytes, &at, err) : scratch_room(p, bytes, &at, err));
	CAT_TRY(pread_all(r, r->fd, at, bytes, off, err));
	for (int64_t row = from, i = 0; i < n; row++) {
		const size_t size = cat_rowcode_size(r->code, at);

		if (idx[i] == row) {
			uint8_t *copy = at;

			if (!all) {
				CAT_TRY(cat_rowheap_room(&p->heap, size, &copy, err));
				memcpy(copy, at, size);
			}
			p->rows[p->n] = copy;
			p->keys[p->n++] = keys[row];
			i++;
		}
		at += size;
	}
	return CAT_OK;
}

/* Each block that has a key in some range is read once. */
static int collect_disk(struct cat_runs *r, const struct cat_run *u, const struct cat_runs_range *ranges,
                        int64_t nranges, struct parts *p, struct cat_error *err)
{
	struct key_block k;
	int32_t idx[BLOCK];
	int64_t at = 0, i = 0;

	k.block = -1;
	while (at < nranges) {
		const int64_t holds = blocks_below(u, ranges[at].lo) - 1;
		int64_t n;

		i = holds > i ? holds : i;
		if (i >= (int64_t)u->nblocks)
			break;
		if (u->blocks[i].key >= ranges[at].hi) {
			at++;
			continue;
		}
		CAT_TRY(read_keys(r, u, i, &k, err));
		n = select_rows(k.keys, k.n, ranges, nranges, &at, idx);
		if (n)
			CAT_TRY(add_block(r, &u->blocks[i], k.keys, idx, n, p, err));
		i++;
	}
	return CAT_OK;
}

/* The rows in order as one batch; SORTED: they are in order as they stand. */
static int join_parts(struct cat_runs *r, struct parts *p, bool sorted, struct cat_batch **out, struct cat_error *err)
{
	if (p->n == 0)
		return cat_batch_empty(r->schema, out, err);
	if (!sorted)
		CAT_TRY(cat_runs_sort(p->rows, p->keys, p->n, err));
	return cat_rowcode_read(r->code, p->rows, p->n, out, err);
}

int cat_runs_read_ranges(struct cat_runs *r, const struct cat_runs_range *ranges, int64_t nranges, int by,
                         struct cat_batch **out, int64_t **keys, struct cat_error *err)
{
	struct parts p = {0};
	int rc = CAT_OK, used = 0;

	for (size_t i = 0; rc == CAT_OK && i < r->nruns; i++) {
		const struct cat_run *u = &r->runs[i];
		const int64_t before = p.n;

		rc = u->rows ? collect_memory(u, ranges, nranges, &p, err) : collect_disk(r, u, ranges, nranges, &p, err);
		used += p.n > before;
	}
	for (int64_t i = 0; rc == CAT_OK && by >= 0 && i < p.n; i++)
		p.keys[i] = cat_rowcode_i64(r->code, p.rows[i], by);
	if (rc == CAT_OK)
		rc = join_parts(r, &p, by < 0 && used <= 1, out, err);
	if (rc == CAT_OK && keys) {
		*keys = p.keys;
		p.keys = NULL;
	}
	parts_fini(&p);
	return rc;
}

int cat_runs_read(struct cat_runs *r, int64_t lo, int64_t hi, struct cat_batch **out, int64_t **keys,
                  struct cat_error *err)
{
	return cat_runs_read_ranges(r, &(struct cat_runs_range){lo, hi}, 1, -1, out, keys, err);
}
