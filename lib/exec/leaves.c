#include "exec/leaves.h"

#include "base/alloc.h"
#include "columnar/kernels.h"
#include "formats/parquet.h"
#include "sky/cover.h"

/* Rows of a leaf in memory at a time, beside those of a row group that waits; more gains nothing. */
#define CHUNK_MAX 200000
#define CHUNK_BYTES (INT64_C(4) << 20)

int cat_leaf_list_add(struct cat_leaf_list *l, const struct cat_hats_part *part, struct cat_error *err)
{
	if (cat_grow(&l->at, &l->cap, l->n, sizeof *l->at) != 0)
		return cat_fail_mem(err, l->cap * sizeof *l->at);
	l->at[l->n++] = *part;
	return CAT_OK;
}

/* One leaf being written. */
struct leaf {
	const struct cat_leaves *of;
	struct cat_hats_part part;
	struct cat_encoder *encoder; /* NULL: it has no rows, or was not kept */
	int64_t max_rows;            /* a sample: no more are written, and nothing is kept; 0: all */
	int64_t rows, bytes;
	bool cut;                    /* it was not kept: there are PARTS in its place */
	struct leaf *parts, *next;   /* the first of them; the next one beside this */
};

/* --- one leaf --- */

static int append_out(struct cat_writer *w, struct cat_encoder *e, struct cat_out *o, int64_t *off,
                      struct cat_error *err)
{
	int rc = o->ops->encode(o, err);

	if (rc == CAT_OK)
		rc = e->ops->placed(e, o, *off, err);
	if (rc == CAT_OK)
		rc = w->ops->append(w, o->bufs, o->nbufs, err);
	for (size_t i = 0; rc == CAT_OK && i < o->nbufs; i++)
		*off += (int64_t)o->bufs[i]->size;
	cat_out_free(o);
	return rc;
}

static int pull_all(struct cat_writer *w, struct cat_encoder *e, bool last, int64_t *off, struct cat_error *err)
{
	for (;;) {
		struct cat_out *o;

		CAT_TRY(e->ops->pull(e, last, &o, err));
		if (!o)
			return CAT_OK;
		CAT_TRY(append_out(w, e, o, off, err));
	}
}

static int append_buf(struct cat_writer *w, struct cat_buf *b, int64_t *off, struct cat_error *err)
{
	const int rc = w->ops->append(w, &b, 1, err);

	*off += (int64_t)b->size;
	cat_buf_unref(b);
	return rc;
}

static int put_rows_out(struct leaf *l, struct cat_writer *w, struct cat_batch *rows, struct cat_error *err)
{
	l->rows += rows->nrows;
	CAT_TRY(l->encoder->ops->put(l->encoder, rows, err));
	return pull_all(w, l->encoder, false, &l->bytes, err);
}

/* It need not be written to its end. */
static bool is_too_large(const struct leaf *l)
{
	if (l->max_rows)
		return l->rows >= l->max_rows;
	return l->of->margin_deg == 0 && l->bytes > l->of->max_bytes && l->rows > 1 && l->part.order < 29;
}

/* The part's own rows, some at a time. */
static int put_part(struct leaf *l, struct cat_writer *w, struct cat_error *err)
{
	const int64_t share = l->of->memory_bytes / cat_pool_jobs(l->of->pool);
	const int64_t fit_bytes = share < CHUNK_BYTES ? share : CHUNK_BYTES;
	int64_t lo, hi;

	cat_hats_range(&l->part, &lo, &hi);
	while (lo < hi && !is_too_large(l)) {
		/* A sample ends with the same row however much fits. */
		const int64_t most = l->max_rows ? l->max_rows - l->rows : CHUNK_MAX;
		struct cat_batch *rows;
		int64_t end;

		CAT_TRY(cat_runs_split(l->of->runs, lo, hi, most < CHUNK_MAX ? most : CHUNK_MAX, fit_bytes, &end, err));
		CAT_TRY(cat_runs_read(l->of->runs, lo, end, &rows, NULL, err));
		CAT_TRY(put_rows_out(l, w, rows, err));
		lo = end;
	}
	return CAT_OK;
}

/* Leaves those of the rows, with keys KEYS, that are in the rim. */
static int keep_rim(const struct cat_rim *rim, const int64_t *keys, struct cat_batch **rows, struct cat_error *err)
{
	int32_t *idx = cat_malloc((size_t)(*rows)->nrows * sizeof *idx);
	struct cat_batch *kept = NULL;
	int64_t n = 0;
	int rc = idx ? CAT_OK : cat_fail_mem(err, (size_t)(*rows)->nrows * sizeof *idx);

	for (int64_t i = 0; rc == CAT_OK && i < (*rows)->nrows; i++)
		if (cat_rim_has(rim, keys[i]))
			idx[n++] = (int32_t)i;
	if (rc == CAT_OK)
		rc = cat_take_batch(*rows, idx, n, &kept, err);
	cat_free(idx);
	cat_batch_unref(*rows);
	*rows = kept;
	return rc;
}

/* The rows around the part, sorted. */
static int margin_rows(struct leaf *l, struct cat_batch **out, struct cat_error *err)
{
	struct cat_rim rim = {0};
	struct cat_runs_range *ranges;
	int64_t *keys = NULL;
	int rc;

	CAT_TRY(cat_cover_rim(l->part.order, l->part.npix, l->of->margin_deg, &rim, err));
	ranges = cat_malloc((size_t)rim.cover.n * sizeof *ranges);
	rc = ranges ? CAT_OK : cat_fail_mem(err, (size_t)rim.cover.n * sizeof *ranges);
	for (int64_t i = 0; rc == CAT_OK && i < rim.cover.n; i++)
		ranges[i] = (struct cat_runs_range){rim.cover.at[i].lo, rim.cover.at[i].hi};
	if (rc == CAT_OK)
		rc = cat_runs_read_ranges(l->of->runs, ranges, rim.cover.n, -1, out, rim.fine < 0 ? NULL : &keys, err);
	if (rc == CAT_OK && rim.fine >= 0 && (*out)->nrows > 0)
		rc = keep_rim(&rim, keys, out, err);
	cat_free(keys);
	cat_free(ranges);
	cat_cover_fini(&rim.cover);
	return rc;
}

/* MARGIN NULL: the part's own rows. It is taken over. What is too large is not committed. */
static int write_leaf(struct leaf *l, struct cat_writer *w, struct cat_batch *margin, struct cat_error *err)
{
	struct cat_encoder *e = l->encoder;
	struct cat_buf *b;
	int rc = e->ops->head(e, &b, err);

	if (rc == CAT_OK)
		rc = append_buf(w, b, &l->bytes, err);
	if (rc != CAT_OK)
		cat_batch_unref(margin);
	else
		rc = margin ? put_rows_out(l, w, margin, err) : put_part(l, w, err);
	CAT_TRY(rc);
	CAT_TRY(pull_all(w, e, true, &l->bytes, err));
	if (!is_too_large(l)) {
		CAT_TRY(e->ops->tail(e, l->bytes, &b, err));
		CAT_TRY(append_buf(w, b, &l->bytes, err));
	}
	l->cut = l->max_rows || is_too_large(l);
	return l->cut ? CAT_OK : w->ops->commit(w, err);
}

static void free_leaf(void *arg)
{
	struct leaf *l = arg;

	while (l) {
		struct leaf *next = l->next;

		free_leaf(l->parts);
		cat_encoder_close(l->encoder);
		cat_free(l);
		l = next;
	}
}

static int new_leaf(const struct cat_leaves *of, const struct cat_hats_part *part, struct leaf **out,
                    struct cat_error *err)
{
	*out = cat_calloc(1, sizeof **out);
	if (!*out)
		return cat_fail_mem(err, sizeof **out);
	(*out)->of = of;
	(*out)->part = *part;
	return CAT_OK;
}

static int try_leaf(struct leaf *l, struct cat_error *err)
{
	struct cat_batch *margin = NULL;
	struct cat_writer *w;
	int rc = l->of->margin_deg > 0 ? margin_rows(l, &margin, err) : CAT_OK;

	/* A part without a row around it has no leaf. */
	if (rc != CAT_OK || (margin && margin->nrows == 0)) {
		cat_batch_unref(margin);
		return rc;
	}
	rc = cat_hats_leaf_open(l->of->writer, &l->part, &l->encoder, &w, err);
	if (rc != CAT_OK) {
		cat_batch_unref(margin);
		return rc;
	}
	rc = write_leaf(l, w, margin, err);
	cat_writer_close(w);
	if (rc != CAT_OK)
		return cat_wrap(err, "Norder=%d, Npix=%lld", l->part.order, (long long)l->part.npix);
	if (l->cut) {
		cat_encoder_close(l->encoder);
		l->encoder = NULL;
	}
	return CAT_OK;
}

static int run_leaf(void *arg, struct cat_error *err);

/* The quarters of a leaf that is too large, as far as they hold rows, each written as the leaf would have been. */
static int run_parts(struct leaf *l, struct cat_error *err)
{
	struct leaf **end = &l->parts;
	int64_t lo, hi, rows, n;

	cat_hats_range(&l->part, &lo, &hi);
	CAT_TRY(cat_runs_count(l->of->runs, lo, hi, &rows, err));
	for (int k = 0; k < 4; k++) {
		const struct cat_hats_part part = {l->part.order + 1, l->part.npix * 4 + k};

		cat_hats_range(&part, &lo, &hi);
		CAT_TRY(cat_runs_count(l->of->runs, lo, hi, &n, err));
		if (n == 0)
			continue;
		CAT_TRY(new_leaf(l->of, &part, end, err));
		/* What holds all the rows is as large as they were. */
		(*end)->cut = n == rows && part.order < 29;
		CAT_TRY((*end)->cut ? run_parts(*end, err) : run_leaf(*end, err));
		end = &(*end)->next;
	}
	return CAT_OK;
}

static int run_leaf(void *arg, struct cat_error *err)
{
	struct leaf *l = arg;

	CAT_TRY(try_leaf(l, err));
	return l->cut ? run_parts(l, err) : CAT_OK;
}

/* --- all of them --- */

/* What was written, and what was cut. */
struct outcome {
	struct cat_leaf_list *done, cut;
	int64_t *bytes;
};

static int note_leaf(const struct leaf *l, struct outcome *to, struct cat_error *err)
{
	if (l->cut) {
		CAT_TRY(cat_leaf_list_add(&to->cut, &l->part, err));
		for (const struct leaf *part = l->parts; part; part = part->next)
			CAT_TRY(note_leaf(part, to, err));
		return CAT_OK;
	}
	if (!l->encoder)
		return CAT_OK;
	*to->bytes += l->bytes;
	if (l->of->margin_deg == 0)
		CAT_TRY(cat_leaf_list_add(to->done, &l->part, err));
	return cat_hats_leaf_done(l->of->writer, &l->part, l->encoder, l->rows, l->bytes, err);
}

static int finish_leaf(struct cat_ordered *q, struct outcome *to, bool *any, struct cat_error *err)
{
	void *arg;
	int rc;

	CAT_TRY(cat_ordered_take(q, &arg, err));
	*any = arg != NULL;
	if (!arg)
		return CAT_OK;
	rc = note_leaf(arg, to, err);
	free_leaf(arg);
	return rc;
}

static int write_leaves(const struct cat_leaves *l, const struct cat_leaf_list *parts, struct cat_ordered *q,
                        struct outcome *to, struct cat_error *err)
{
	bool any = true;

	for (size_t i = 0; i < parts->n; i++) {
		struct leaf *leaf;

		if (cat_ordered_full(q))
			CAT_TRY(finish_leaf(q, to, &any, err));
		CAT_TRY(new_leaf(l, &parts->at[i], &leaf, err));
		cat_ordered_submit(q, leaf);
	}
	while (any)
		CAT_TRY(finish_leaf(q, to, &any, err));
	return CAT_OK;
}

/* How many leaves are written at a time: a row group waits in each, for which half of all memory is, of which that of
 * rows is an eighth. */
static int at_once(const struct cat_leaves *l)
{
	const int64_t rows = CAT_PARQUET_GROUP_ROWS * cat_runs_row_bytes(l->runs);
	const int64_t group = rows < CAT_PARQUET_GROUP_BYTES ? rows : CAT_PARQUET_GROUP_BYTES;
	const int64_t fit = 4 * l->memory_bytes / group, jobs = cat_pool_jobs(l->pool);

	return (int)(fit < 1 ? 1 : fit < jobs ? fit : jobs);
}

int cat_leaves_write(const struct cat_leaves *l, const struct cat_leaf_list *parts, struct cat_leaf_list *done,
                     int64_t *bytes, struct cat_error *err)
{
	struct outcome to = {.done = done, .bytes = bytes};
	struct cat_ordered *q = NULL;
	int rc = cat_ordered_new(l->pool, at_once(l), run_leaf, free_leaf, &q, err);

	*bytes = 0;
	if (rc == CAT_OK)
		rc = write_leaves(l, parts, q, &to, err);
	cat_ordered_free(q);
	for (size_t i = 0; rc == CAT_OK && i < to.cut.n; i++)
		cat_hats_leaf_dropped(l->writer, &to.cut.at[i]);
	cat_free(to.cut.at);
	return rc;
}

int cat_leaves_measure(const struct cat_leaves *l, int64_t rows, double *bytes_per_row, struct cat_error *err)
{
	int64_t nrows = 0, bytes = 0;

	for (int k = 0; k < 12; k++) {
		const struct cat_hats_part part = {0, k};
		struct leaf sample = {.of = l, .part = part, .max_rows = rows};

		CAT_TRY(try_leaf(&sample, err));
		cat_hats_leaf_dropped(l->writer, &part);
		nrows += sample.rows;
		bytes += sample.rows ? sample.bytes : 0;
	}
	*bytes_per_row = nrows && bytes > nrows ? (double)bytes / (double)nrows : 1;
	return CAT_OK;
}
