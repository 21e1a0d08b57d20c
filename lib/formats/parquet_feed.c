/* A Parquet file as a row of independent pieces of work. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "formats/parquet_file.h"

/* Larger groups are cut where pages can be found. */
#define WORK_ROWS 131072

struct feed {
	struct cat_feed base;
	struct cat_reader *reader;
	struct cat_parquet_file *file;
	int group;
	int64_t row; /* of the group: where the next work begins */
};
struct work {
	struct cat_work base;
	struct cat_parquet_file *file;
	int group;
	int64_t row_begin, row_end;
	int nspans;
	struct cat_stretch *spans; /* of the group, once narrowed; NULL: all from row_begin to row_end */
	bool *skip; /* leaves that nobody looks at; NULL: there are none */
	struct cat_pq_index index;
	struct cat_pq_bloom bloom;
	struct cat_pq_read *held; /* what was fetched */
	char where[64];
};

static int read_open(struct work *w, const int *cols, int n, int64_t max_bytes, struct cat_price *price,
                     struct cat_pq_read **out, struct cat_error *err)
{
	const struct cat_stretch all = {w->row_begin, w->row_end};

	return cat_pq_read_open(w->file, w->group, &w->index, w->spans ? w->spans : &all, w->spans ? w->nspans : 1,
	                        cols, n, w->skip, max_bytes, price, out, err);
}

static int work_decode(struct cat_work *work, const int *cols, int n, struct cat_batch **out,
                       struct cat_error *err)
{
	struct work *w = (struct work *)work;
	struct cat_pq_read *r;
	int rc;

	if (w->held && cat_pq_read_has(w->held, cols, n))
		return cat_pq_read_decode(w->held, cols, n, work->max_text_bytes, out, err);
	CAT_TRY(read_open(w, cols, n, INT64_MAX, NULL, &r, err));
	rc = cat_pq_read_decode(r, cols, n, work->max_text_bytes, out, err);
	cat_pq_read_free(r);
	return rc;
}

static void work_stats(struct cat_work *work, int col, struct cat_range_stats *out)
{
	struct work *w = (struct work *)work;
	const int64_t group_rows = cat_parquet_group_rows(w->file, w->group), rows = work->nrows;

	cat_parquet_stats(w->file, w->group, col, out);
	if (rows == group_rows)
		return;
	out->exact = false;
	if (out->nulls == group_rows)
		out->nulls = rows;
	else if (out->nulls > 0)
		out->nulls = -1;
}

static void work_free(struct cat_work *work)
{
	struct work *w = (struct work *)work;

	cat_pq_read_free(w->held);
	cat_pq_index_fini(&w->index);
	cat_pq_bloom_fini(&w->bloom);
	cat_free(w->spans);
	cat_free(w->skip);
	cat_free(w);
}

static int work_parts(struct cat_work *work, int col, struct cat_part_list *out, struct cat_error *err)
{
	struct work *w = (struct work *)work;
	int n = 0;

	CAT_TRY(cat_pq_page_stats(w->file, w->group, &w->index, col, out, err));
	for (int i = 0; i < out->n; i++) {
		struct cat_part_stats p = out->parts[i];

		p.row_begin = p.row_begin > w->row_begin ? p.row_begin - w->row_begin : 0;
		p.row_end = (p.row_end < w->row_end ? p.row_end : w->row_end) - w->row_begin;
		if (p.row_begin < p.row_end)
			out->parts[n++] = p;
	}
	out->n = n;
	return CAT_OK;
}

static int work_narrow(struct cat_work *work, const struct cat_stretch *spans, int n, struct cat_error *err)
{
	struct work *w = (struct work *)work;
	int64_t nrows = 0;

	cat_pq_read_free(w->held);
	w->held = NULL;
	cat_free(w->spans);
	w->spans = cat_calloc((size_t)n, sizeof *spans);
	if (!w->spans)
		return cat_fail_mem(err, (size_t)n * sizeof *spans);
	for (int i = 0; i < n; i++) {
		w->spans[i] = (struct cat_stretch){w->row_begin + spans[i].begin, w->row_begin + spans[i].end};
		nrows += spans[i].end - spans[i].begin;
	}
	w->nspans = n;
	work->bytes = (int64_t)((double)work->bytes * (double)nrows / (double)work->nrows);
	work->nrows = nrows;
	return CAT_OK;
}

static int work_fetch(struct cat_work *work, const int *cols, int n, int64_t max_bytes, struct cat_price *price,
                      struct cat_error *err)
{
	struct work *w = (struct work *)work;
	struct cat_pq_read *none;

	if (price)
		return read_open(w, cols, n, max_bytes, price, &none, err);

	if (w->held && cat_pq_read_has(w->held, cols, n))
		return CAT_OK;
	cat_pq_read_free(w->held);
	w->held = NULL;
	return read_open(w, cols, n, max_bytes, NULL, &w->held, err);
}

static int work_only(struct cat_work *work, int col, const bool *used, struct cat_error *err)
{
	struct work *w = (struct work *)work;
	const struct cat_pq_tree *t = &w->file->tree;
	const struct cat_pq_node *n = &t->nodes[col];

	if (n->kind == CAT_PQ_NODE_LIST)
		n = &n->children[0];
	if (n->kind != CAT_PQ_NODE_STRUCT)
		return CAT_OK;
	if (!w->skip)
		w->skip = cat_calloc((size_t)t->nleaves, sizeof *w->skip);
	if (!w->skip)
		return cat_fail_mem(err, (size_t)t->nleaves);
	for (int i = 0; i < n->nchildren; i++)
		for (int k = 0; k < n->children[i].nleaves; k++)
			w->skip[n->children[i].leaf + k] = !used[i];
	for (int i = 0; i < n->nleaves; i++)
		if (!w->skip[n->leaf + i])
			return CAT_OK;
	/* Only empty groups are used: one leaf must tell of the rows. */
	w->skip[n->leaf] = false;
	return CAT_OK;
}

static bool work_lacks(struct cat_work *work, int col, const struct cat_constant *v)
{
	struct work *w = (struct work *)work;

	return cat_pq_bloom_lacks(w->file, w->group, &w->bloom, col, v);
}

static int64_t work_size(const struct cat_work *work, const int *cols, int n)
{
	const struct work *w = (const struct work *)work;
	const struct cat_pq_tree *t = &w->file->tree;
	const int64_t rows = cat_parquet_group_rows(w->file, w->group);
	const double part = rows > 0 ? (double)(w->row_end - w->row_begin) / (double)rows : 0;
	double bytes = 0;

	for (int i = 0; i < n; i++) {
		for (int k = 0; k < t->nodes[cols[i]].nleaves; k++) {
			const int leaf = t->nodes[cols[i]].leaf + k;

			if (!w->skip || !w->skip[leaf])
				bytes += cat_pq_leaf_bytes(w->file, w->group, leaf);
		}
	}
	return bytes * part < (double)(INT64_MAX / 2) ? (int64_t)(bytes * part) : INT64_MAX / 2;
}

static const struct cat_work_ops work_ops;

/* Rows [BEGIN, END) of GROUP. */
static void set_rows(struct work *w, int group, int64_t begin, int64_t end)
{
	const int64_t all = cat_parquet_group_rows(w->file, group);

	w->group = group;
	w->row_begin = begin;
	w->row_end = end;
	w->base.ops = &work_ops;
	w->base.nrows = end - begin;
	w->base.bytes = (int64_t)((double)cat_parquet_group_bytes(w->file, group, NULL, 0) * (double)w->base.nrows /
	                          (double)all);
	snprintf(w->where, sizeof w->where, "row group %d", group);
	w->base.where = w->where;
}

static int rest_of(struct work *w, int64_t row_begin, struct cat_work **out, struct cat_error *err)
{
	const size_t nleaves = (size_t)w->file->tree.nleaves;
	struct work *rest;

	if (!w->index.walked && !cat_pq_has_pages(w->file, w->group))
		CAT_TRY(cat_pq_walked_new(w->file, w->group, &w->index.walked, err));
	rest = cat_calloc(1, sizeof *rest);
	if (rest && w->skip)
		rest->skip = cat_malloc(nleaves * sizeof *rest->skip);
	if (!rest || (w->skip && !rest->skip)) {
		cat_free(rest);
		return cat_fail_mem(err, sizeof *rest);
	}
	if (w->skip)
		memcpy(rest->skip, w->skip, nleaves * sizeof *rest->skip);
	rest->file = w->file;
	cat_pq_index_share(&w->index, &rest->index);
	set_rows(rest, w->group, row_begin, w->row_end);
	*out = &rest->base;
	return CAT_OK;
}

static int work_cut(struct cat_work *work, int64_t rows, struct cat_work **rest, struct cat_error *err)
{
	struct work *w = (struct work *)work;

	if (rest)
		CAT_TRY(rest_of(w, w->row_begin + rows, rest, err));
	cat_pq_read_free(w->held);
	w->held = NULL;
	cat_free(w->spans);
	w->spans = NULL;
	set_rows(w, w->group, w->row_begin, w->row_begin + rows);
	return CAT_OK;
}

static const struct cat_work_ops work_ops = {work_decode, work_stats, work_free, work_parts, work_narrow,
                                             work_fetch, work_only, work_lacks, work_size, work_cut};

static int feed_next(struct cat_feed *feed, struct cat_work **out, struct cat_error *err)
{
	struct feed *f = (struct feed *)feed;
	int64_t rows, end;
	struct work *w;

	*out = NULL;
	while (f->group < cat_parquet_ngroups(f->file) && cat_parquet_group_rows(f->file, f->group) == 0)
		f->group++;
	if (f->group == cat_parquet_ngroups(f->file))
		return CAT_OK;
	w = cat_calloc(1, sizeof *w);
	if (!w)
		return cat_fail_mem(err, sizeof *w);
	rows = cat_parquet_group_rows(f->file, f->group);
	end = rows;
	if (rows > WORK_ROWS && rows - f->row > WORK_ROWS && cat_pq_has_pages(f->file, f->group))
		end = f->row + WORK_ROWS;
	w->file = f->file;
	set_rows(w, f->group, f->row, end);
	f->row = end;
	if (end == rows) {
		f->row = 0;
		f->group++;
	}
	*out = &w->base;
	return CAT_OK;
}

static void feed_close(struct cat_feed *feed)
{
	struct feed *f = (struct feed *)feed;

	cat_parquet_close(f->file);
	cat_reader_close(f->reader);
	cat_free(f);
}

static const struct cat_feed_ops feed_ops = {feed_next, feed_close};

int cat_parquet_feed(struct cat_reader *r, const struct cat_parquet_options *o, struct cat_feed **out,
                     struct cat_error *err)
{
	struct feed *f = cat_calloc(1, sizeof *f);
	int rc = f ? cat_parquet_open(r, o, &f->file, err) : cat_fail_mem(err, sizeof *f);

	if (rc != CAT_OK) {
		cat_free(f);
		cat_reader_close(r);
		return rc;
	}
	f->base.ops = &feed_ops;
	f->base.schema = f->file->tree.schema;
	f->base.note = f->file->tree.note;
	f->base.nrows = f->file->nrows;
	f->base.sharded = true;
	f->base.far = r->far;
	f->base.bytes = r->size > 0 ? r->size : 0;
	f->reader = r;
	*out = &f->base;
	return CAT_OK;
}

struct cat_parquet_file *cat_parquet_feed_file(struct cat_feed *f)
{
	return ((struct feed *)f)->file;
}
