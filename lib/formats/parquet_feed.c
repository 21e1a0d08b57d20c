/* A Parquet file as a row of independent pieces of work. */
#include <stdio.h>

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
	char where[64];
};

static int work_decode(struct cat_work *work, const int *cols, int n, struct cat_batch **out,
                       struct cat_error *err)
{
	struct work *w = (struct work *)work;

	return cat_parquet_decode(w->file, w->group, cols, n, w->row_begin, w->row_end, out, err);
}

static void work_stats(struct cat_work *work, int col, struct cat_range_stats *out)
{
	struct work *w = (struct work *)work;
	const int64_t group_rows = cat_parquet_group_rows(w->file, w->group), rows = w->row_end - w->row_begin;

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
	cat_free(work);
}

static const struct cat_work_ops work_ops = {work_decode, work_stats, work_free};

int cat_parquet_work_pages(struct cat_work *work, int col, struct cat_parquet_page_list *out,
                           struct cat_error *err)
{
	struct work *w = (struct work *)work;
	int n = 0;

	*out = (struct cat_parquet_page_list){0};
	if (work->ops != &work_ops)
		return CAT_OK;
	CAT_TRY(cat_parquet_page_stats(w->file, w->group, col, out, err));
	for (int i = 0; i < out->n; i++) {
		struct cat_parquet_page_stats p = out->pages[i];

		p.row_begin = p.row_begin > w->row_begin ? p.row_begin - w->row_begin : 0;
		p.row_end = (p.row_end < w->row_end ? p.row_end : w->row_end) - w->row_begin;
		if (p.row_begin < p.row_end)
			out->pages[n++] = p;
	}
	out->n = n;
	return CAT_OK;
}

void cat_parquet_work_narrow(struct cat_work *work, int64_t row_begin, int64_t row_end)
{
	struct work *w = (struct work *)work;

	work->bytes = (int64_t)((double)work->bytes * (double)(row_end - row_begin) / (double)work->nrows);
	w->row_end = w->row_begin + row_end;
	w->row_begin += row_begin;
	work->nrows = row_end - row_begin;
}

/* Whether every leaf of the group has an offset index. */
static bool has_pages(const struct cat_parquet_file *f, int group)
{
	struct cat_range range;

	for (int i = 0; i < f->tree.nleaves; i++)
		if (!cat_pq_offset_range(f, cat_pq_chunk_of(f, group, i), &range))
			return false;
	return true;
}

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
	if (rows > WORK_ROWS && rows - f->row > WORK_ROWS && has_pages(f->file, f->group))
		end = f->row + WORK_ROWS;
	w->file = f->file;
	w->group = f->group;
	w->row_begin = f->row;
	w->row_end = end;
	snprintf(w->where, sizeof w->where, "row group %d", f->group);
	w->base.ops = &work_ops;
	w->base.nrows = end - f->row;
	w->base.bytes = (int64_t)((double)cat_parquet_group_bytes(f->file, f->group, NULL, 0) *
	                          (double)w->base.nrows / (double)rows);
	w->base.where = w->where;
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
	f->base.nrows = f->file->nrows;
	f->base.sharded = true;
	f->reader = r;
	*out = &f->base;
	return CAT_OK;
}

struct cat_parquet_file *cat_parquet_feed_file(struct cat_feed *f)
{
	return ((struct feed *)f)->file;
}
