/* Some columns and rows of a row group: finding their pages, reading them in one request, decoding. */
#include <string.h>

#include "base/alloc.h"
#include "columnar/kernels.h"
#include "formats/parquet_file.h"

/* Old parquet-mr counts a chunk too short by as much when it has a dictionary. */
#define CHUNK_SLACK 100
/* So many rows of a column are not kept for the sake of fewer than half of them. */
#define COPY_ROWS 65536
/* Chunks up to that size are read whole, whatever is wanted of them, when no index says where the pages are. */
#define WHOLE_BYTES (256 << 10)

/* Where one span's rows of a leaf are: LEN bytes from OFF on of a range. */
struct cut {
	int range;
	size_t off, len;
	int64_t first_row, nvalues; /* as in struct cat_pq_input */
};
/* What is read of one leaf. */
struct piece {
	const struct cat_pq_chunk *chunk;
	int leaf;
	int dict_range; /* the dictionary when it is apart from the pages; -1: it is not */
	struct cut *cuts; /* one per span */
};
struct cat_pq_read {
	struct cat_parquet_file *f;
	int group;
	int nspans;
	struct cat_stretch *spans;
	int64_t nrows; /* in all of them */
	int64_t max_text_bytes; /* of all columns decoded at once; 0: no bound */
	int64_t text_bytes;     /* ... and so many there are */
	int npieces;
	struct piece *pieces; /* ascending by leaf */
	struct cut *cuts;
	size_t nranges;
	struct cat_range *ranges; /* at most one per piece and one per cut */
	struct cat_buf **bufs;
	struct cat_ticket *ticket; /* of what was asked for and has not been waited for */
};

/* --- finding the pages --- */

static int add_range(struct cat_pq_read *j, int64_t off, int64_t len)
{
	j->ranges[j->nranges] = (struct cat_range){off, (size_t)len};
	return (int)j->nranges++;
}

/* All of a chunk, once for all spans. */
static int whole_chunk(struct cat_pq_read *j, struct piece *p, struct cat_error *err)
{
	const struct cat_pq_chunk *c = p->chunk;
	const int64_t begin = cat_pq_chunk_begin(c), size = j->f->reader->size;
	int64_t len = c->size;
	int range;

	if (len > size - 8 || begin > size - 8 - len)
		return cat_fail(err, CAT_E_DATA, "a column chunk of %lld bytes lies outside the file",
		                (long long)len);
	if (strncmp(j->f->created_by, "parquet-mr", 10) == 0)
		len += size - 8 - begin - len < CHUNK_SLACK ? size - 8 - begin - len : CHUNK_SLACK;
	range = add_range(j, begin, len);
	for (int i = 0; i < j->nspans; i++)
		p->cuts[i] = (struct cut){range, 0, (size_t)len, 0, c->nvalues};
	return CAT_OK;
}

/* Only the pages that hold the rows; neighbours in one range. */
static void some_pages(struct cat_pq_read *j, struct piece *p, const struct cat_pq_location *pages, size_t n)
{
	const int64_t begin = cat_pq_chunk_begin(p->chunk);
	size_t first = 0, last = 0;
	int range = -1;

	if (pages[0].off > begin)
		p->dict_range = add_range(j, begin, pages[0].off - begin);
	for (int i = 0; i < j->nspans; i++) {
		const size_t before = last;
		int64_t end;

		while (first + 1 < n && pages[first + 1].first_row <= j->spans[i].begin)
			first++;
		last = first;
		while (last + 1 < n && pages[last + 1].first_row < j->spans[i].end)
			last++;
		end = pages[last].off + pages[last].size;
		if (range < 0 || first > before + 1)
			range = add_range(j, pages[first].off, 0);
		j->ranges[range].len = (size_t)(end - j->ranges[range].off_bytes);
		p->cuts[i] = (struct cut){range, (size_t)(pages[first].off - j->ranges[range].off_bytes),
		                          (size_t)(end - pages[first].off), pages[first].first_row, -1};
	}
}

/* As some_pages, by what a walk over the chunk has found. */
static int walked_pages(struct cat_pq_read *j, struct piece *p, struct cat_pq_walked *walked, struct cat_error *err)
{
	const struct cat_pq_location *pages;
	size_t n;

	CAT_TRY(cat_pq_walked_pages(walked, p->leaf, &pages, &n, err));
	if (n == 0)
		return whole_chunk(j, p, err);
	some_pages(j, p, pages, n);
	return CAT_OK;
}

/* The offset indexes of all pieces that have one, in the order of pieces; NULL for the others. */
static int read_indexes(struct cat_pq_read *j, struct cat_pq_index *ix, struct cat_buf **index, struct cat_error *err)
{
	struct cat_range *ranges = cat_calloc((size_t)j->npieces, sizeof *ranges);
	size_t n = 0;
	int rc;

	if (!ranges)
		return cat_fail_mem(err, (size_t)j->npieces * sizeof *ranges);
	for (int i = 0; i < j->npieces; i++)
		n += cat_pq_offset_range(j->f, j->pieces[i].chunk, &ranges[n]);
	rc = n ? cat_pq_index_read(j->f, j->group, ix, ranges, n, index, err) : CAT_OK;
	for (int i = j->npieces - 1; rc == CAT_OK && i >= 0; i--) {
		struct cat_buf *own = NULL;

		if (cat_pq_offset_range(j->f, j->pieces[i].chunk, &ranges[0])) {
			own = index[--n];
			index[n] = NULL;
		}
		index[i] = own;
	}
	cat_free(ranges);
	return rc;
}

/* A chunk's part of the rows wanted, where nobody is to look how its pages lie. */
static void share_of_chunk(struct cat_pq_read *j, const struct piece *p)
{
	const double part = (double)j->nrows / (double)j->f->footer.groups[j->group].nrows;

	(void)add_range(j, cat_pq_chunk_begin(p->chunk), (int64_t)((double)p->chunk->size * part));
}

/* Decides what to read of each piece; only roughly when it is GUESSED. */
static int plan_ranges(struct cat_pq_read *j, struct cat_pq_index *ix, bool guessed, struct cat_error *err)
{
	const bool part = j->nrows < j->f->footer.groups[j->group].nrows;
	struct cat_buf **index = cat_calloc((size_t)j->npieces, sizeof(struct cat_buf *));
	int rc = CAT_OK;

	if (!index)
		return cat_fail_mem(err, (size_t)j->npieces * sizeof *index);
	if (part)
		rc = read_indexes(j, ix, index, err);
	for (int i = 0; rc == CAT_OK && i < j->npieces; i++) {
		struct piece *p = &j->pieces[i];
		const bool may_walk = part && ix->walked &&
		                      (p->chunk->size > WHOLE_BYTES || j->f->tree.leaves[p->leaf].max_rep > 0);
		struct cat_pq_location *pages = NULL;
		size_t n = 0;

		if (index[i])
			rc = cat_pq_pages_of(j->f, j->group, p->chunk, index[i], &pages, &n, err);
		if (rc == CAT_OK && n)
			some_pages(j, p, pages, n);
		else if (rc == CAT_OK && may_walk && guessed)
			share_of_chunk(j, p);
		else if (rc == CAT_OK)
			rc = may_walk ? walked_pages(j, p, ix->walked, err) : whole_chunk(j, p, err);
		cat_free(pages);
	}
	for (int i = 0; i < j->npieces; i++)
		cat_buf_unref(index[i]);
	cat_free(index);
	return rc;
}

static int make_pieces(struct cat_pq_read *j, const int *cols, int n, const bool *skip, struct cat_error *err)
{
	const struct cat_pq_tree *t = &j->f->tree;
	const int64_t nrows = j->f->footer.groups[j->group].nrows;
	size_t count = 0, cuts;

	for (int i = 0; i < n; i++)
		count += (size_t)t->nodes[cols[i]].nleaves;
	cuts = count * (size_t)j->nspans;
	j->pieces = cat_calloc(count, sizeof *j->pieces);
	j->cuts = cat_calloc(cuts, sizeof *j->cuts);
	j->ranges = cat_calloc(count + cuts, sizeof *j->ranges);
	j->bufs = cat_calloc(count + cuts, sizeof(struct cat_buf *));
	if (!j->pieces || !j->cuts || !j->ranges || !j->bufs)
		return cat_fail_mem(err, (count + cuts) * sizeof *j->pieces);
	for (int i = 0; i < n; i++) {
		for (int k = 0; k < t->nodes[cols[i]].nleaves; k++) {
			struct piece *p = &j->pieces[j->npieces];

			p->leaf = t->nodes[cols[i]].leaf + k;
			if (skip && skip[p->leaf])
				continue;
			p->cuts = j->cuts + (size_t)j->npieces++ * (size_t)j->nspans;
			p->chunk = cat_pq_chunk_of(j->f, j->group, p->leaf);
			p->dict_range = -1;
			if (p->chunk->path.n)
				return cat_fail(err, CAT_E_DATA,
				                "this is a metadata file: its rows are in other files");
			if (t->leaves[p->leaf].max_rep == 0 && p->chunk->nvalues != nrows)
				return cat_fail(err, CAT_E_DATA, "column %s has %lld values in %lld rows",
				                t->schema->fields[cols[i]].name, (long long)p->chunk->nvalues,
				                (long long)nrows);
		}
	}
	return CAT_OK;
}

/* --- reading --- */

/* Asks for the pages unless they are more than MAX_BYTES; *DONE says whether. Chunks lie side by side: more bytes than
 * the file has are a footer's lie that would fill the memory. */
static int ask_pages(struct cat_pq_read *j, int64_t max_bytes, struct cat_price *price, bool *done,
                     struct cat_error *err)
{
	struct cat_reader *r = j->f->reader;
	uint64_t sum = 0;

	for (size_t i = 0; i < j->nranges; i++)
		sum += j->ranges[i].len;
	*done = sum <= (uint64_t)max_bytes;
	if (*done && sum > (uint64_t)r->size + CHUNK_SLACK * j->nranges)
		return cat_fail(err, CAT_E_DATA, "column chunks overlap: %llu bytes in a file of %lld",
		                (unsigned long long)sum, (long long)r->size);
	if (*done && price) {
		cat_reader_price(r, j->ranges, j->nranges, price);
		return CAT_OK;
	}
	return *done && j->nranges ? r->ops->submit(r, j->ranges, j->nranges, &j->ticket, err) : CAT_OK;
}

static int wait_pages(struct cat_pq_read *j, struct cat_error *err)
{
	struct cat_ticket *t = j->ticket;
	int rc;

	j->ticket = NULL;
	rc = t ? j->f->reader->ops->wait(t, j->bufs, err) : CAT_OK;
	if (rc != CAT_OK)
		memset(j->bufs, 0, j->nranges * sizeof(struct cat_buf *));
	return rc;
}

int cat_pq_read_open(const struct cat_parquet_file *f, int group, struct cat_pq_index *ix, const struct cat_stretch *spans,
                     int n, const int *cols, int ncols, const bool *skip, int64_t max_bytes,
                     struct cat_price *price, struct cat_pq_read **out, struct cat_error *err)
{
	struct cat_pq_read *j = cat_calloc(1, sizeof *j);
	bool done = false;
	int rc;

	*out = NULL;
	if (j)
		j->spans = cat_calloc((size_t)n, sizeof *spans);
	if (!j || !j->spans) {
		cat_free(j);
		return cat_fail_mem(err, sizeof *j + (size_t)n * sizeof *spans);
	}
	/* Only the idle scratch changes, atomically. */
	j->f = (struct cat_parquet_file *)(uintptr_t)f;
	j->group = group;
	j->nspans = n;
	for (int i = 0; i < n; i++) {
		j->spans[i] = spans[i];
		j->nrows += spans[i].end - spans[i].begin;
	}
	rc = make_pieces(j, cols, ncols, skip, err);
	if (rc == CAT_OK)
		rc = plan_ranges(j, ix, price, err);
	if (rc == CAT_OK)
		rc = ask_pages(j, max_bytes, price, &done, err);
	if (rc != CAT_OK || !done || price) {
		cat_pq_read_free(j);
		return rc;
	}
	*out = j;
	return CAT_OK;
}

void cat_pq_read_free(struct cat_pq_read *j)
{
	if (!j)
		return;
	cat_ticket_drop(j->ticket);
	for (size_t i = 0; j->bufs && i < j->nranges; i++)
		cat_buf_unref(j->bufs[i]);
	cat_free(j->bufs);
	cat_free(j->ranges);
	cat_free(j->cuts);
	cat_free(j->pieces);
	cat_free(j->spans);
	cat_free(j);
}

/* --- decoding --- */

static struct cat_pq_input input_of(const struct cat_pq_read *j, const struct piece *p, int span)
{
	const struct cut *c = &p->cuts[span];
	struct cat_pq_input in = {.codec = p->chunk->codec,
	                          .check_crc = !j->f->options.skip_crc,
	                          .pages = {j->bufs[c->range]->data + c->off, c->len},
	                          .first_row = c->first_row,
	                          .nvalues = c->nvalues,
	                          .row_begin = j->spans[span].begin,
	                          .row_end = j->spans[span].end};

	if (j->max_text_bytes)
		in.max_text_bytes = j->text_bytes < j->max_text_bytes ? (size_t)(j->max_text_bytes - j->text_bytes) : 1;
	if (p->dict_range >= 0)
		in.dict = (struct cat_span){j->bufs[p->dict_range]->data, j->bufs[p->dict_range]->size};
	return in;
}

/* Whether P is a piece of NODE, whose pieces stand together. */
static bool is_of(const struct cat_pq_read *j, const struct piece *p, const struct cat_pq_node *node)
{
	return p < j->pieces + j->npieces && p->leaf < node->leaf + node->nleaves;
}

/* Rows [FROM, FROM + N) of C: shared with it, unless they are few of very many. */
static int some_rows(struct cat_column *c, int64_t from, int64_t n, struct cat_column **out, struct cat_error *err)
{
	int32_t *idx;
	int rc;

	if (c->length < COPY_ROWS || n > c->length / 2)
		return cat_column_slice(c, from, n, out, err);
	idx = cat_malloc((size_t)n * sizeof *idx);
	if (!idx)
		return cat_fail_mem(err, (size_t)n * sizeof *idx);
	for (int64_t i = 0; i < n; i++)
		idx[i] = (int32_t)(from + i);
	rc = cat_take(c, idx, n, out, err);
	cat_free(idx);
	return rc;
}

/* One span of column COL, whose first piece is P. *OUT is NULL when it has more texts than allowed. */
static int decode_span(struct cat_pq_read *j, int col, const struct piece *p, int span,
                       struct cat_pq_scratch *scratch, struct cat_column **out, struct cat_error *err)
{
	const struct cat_pq_tree *t = &j->f->tree;
	const struct cat_pq_node *node = &t->nodes[col];
	const int64_t begin = j->spans[span].begin, n = j->spans[span].end - begin;
	const int first = is_of(j, p, node) ? p->leaf - node->leaf : 0;
	struct cat_pq_data *d = cat_calloc((size_t)node->nleaves, sizeof *d);
	struct cat_column *c = NULL;
	int64_t first_row = begin;
	bool beyond = false;
	int rc = CAT_OK;

	*out = NULL;
	if (!d)
		return cat_fail_mem(err, (size_t)node->nleaves * sizeof *d);
	for (; rc == CAT_OK && !beyond && is_of(j, p, node); p++) {
		const struct cat_pq_input in = input_of(j, p, span);
		const int i = p->leaf - node->leaf;

		rc = cat_pq_decode_leaf(&t->leaves[p->leaf], &in, node->kind == CAT_PQ_NODE_LEAF, scratch, &d[i],
		                        err);
		beyond = d[i].text.beyond;
		j->text_bytes += (int64_t)d[i].text.len;
		if (rc == CAT_OK && !beyond && (d[i].first_row != d[first].first_row || d[i].nrows != d[first].nrows))
			rc = cat_fail(err, CAT_E_DATA, "its parts differ in their number of rows");
	}
	if (node->nleaves)
		first_row = d[first].first_row;
	if (rc == CAT_OK && !beyond)
		rc = cat_pq_assemble(&t->schema->fields[col], node, d, &c, err);
	if (c && node->nleaves == 0)
		c->length = n;
	if (c && (first_row != begin || c->length != n))
		rc = some_rows(c, begin - first_row, n, out, err);
	else if (c)
		*out = cat_column_ref(c);
	cat_column_unref(c);
	for (int i = 0; i < node->nleaves; i++)
		cat_pq_data_fini(&d[i]);
	cat_free(d);
	return rc;
}

/* *OUT is NULL when it has more texts than allowed. */
static int decode_column(struct cat_pq_read *j, int col, const struct piece *p, struct cat_pq_scratch *scratch,
                         struct cat_column **out, struct cat_error *err)
{
	struct cat_column **parts;
	int rc = CAT_OK, n = 0;

	if (j->nspans == 1)
		return decode_span(j, col, p, 0, scratch, out, err);
	parts = cat_calloc((size_t)j->nspans, sizeof(struct cat_column *));
	if (!parts)
		return cat_fail_mem(err, (size_t)j->nspans * sizeof *parts);
	*out = NULL;
	while (rc == CAT_OK && n < j->nspans && (n == 0 || parts[n - 1])) {
		rc = decode_span(j, col, p, n, scratch, &parts[n], err);
		n++;
	}
	if (rc == CAT_OK && parts[n - 1])
		rc = cat_concat(parts, n, out, err);
	for (int i = 0; i < n; i++)
		cat_column_unref(parts[i]);
	cat_free(parts);
	return rc;
}

static const struct piece *piece_of(const struct cat_pq_read *j, int leaf)
{
	int at = 0;

	while (at < j->npieces && j->pieces[at].leaf < leaf)
		at++;
	return j->pieces + at;
}

int cat_pq_read_chunk(struct cat_pq_read *j, int leaf, struct cat_span *out, struct cat_error *err)
{
	const struct piece *p = piece_of(j, leaf);

	CAT_TRY(wait_pages(j, err));
	out->p = j->bufs[p->cuts[0].range]->data + p->cuts[0].off;
	out->n = p->cuts[0].len;
	return CAT_OK;
}

bool cat_pq_read_has(const struct cat_pq_read *j, const int *cols, int n)
{
	for (int i = 0; i < n; i++) {
		const struct cat_pq_node *node = &j->f->tree.nodes[cols[i]];
		const struct piece *p = piece_of(j, node->leaf);

		if (node->nleaves && !is_of(j, p, node))
			return false;
	}
	return true;
}

/* The schema of columns COLS: the file's own when these are all. */
static int project(const struct cat_parquet_file *f, const int *cols, int n, struct cat_schema **out,
                   struct cat_error *err)
{
	const int none = 0;
	bool all = n == f->tree.schema->nfields;

	for (int i = 0; i < n && all; i++)
		all = cols[i] == i;
	if (!all)
		return cat_schema_project(f->tree.schema, n ? cols : &none, n, out, err);
	*out = cat_schema_ref(f->tree.schema);
	return CAT_OK;
}

int cat_pq_read_decode(struct cat_pq_read *j, const int *cols, int n, int64_t max_text_bytes, struct cat_batch **out,
                       struct cat_error *err)
{
	struct cat_pq_scratch *scratch;
	struct cat_schema *schema;
	struct cat_batch *b = NULL;
	bool beyond = false;
	int rc;

	*out = NULL;
	j->max_text_bytes = max_text_bytes;
	j->text_bytes = 0;
	CAT_TRY(wait_pages(j, err));
	CAT_TRY(project(j->f, cols, n, &schema, err));
	rc = cat_batch_new(schema, j->nrows, &b, err);
	cat_schema_unref(schema);
	if (rc == CAT_OK)
		rc = cat_pq_scratch_take(&j->f->idle, &scratch, err);
	if (rc != CAT_OK) {
		cat_batch_unref(b);
		return rc;
	}
	for (int i = 0; rc == CAT_OK && !beyond && i < n; i++) {
		rc = decode_column(j, cols[i], piece_of(j, j->f->tree.nodes[cols[i]].leaf), scratch, &b->cols[i],
		                   err);
		beyond = !b->cols[i];
		if (rc != CAT_OK)
			cat_wrap(err, "column %s", j->f->tree.schema->fields[cols[i]].name);
	}
	cat_pq_scratch_give(&j->f->idle, scratch);
	if (rc != CAT_OK || beyond)
		cat_batch_unref(b);
	else
		*out = b;
	return rc;
}

int cat_parquet_decode(const struct cat_parquet_file *f, int group, const int *cols, int n, int64_t row_begin,
                       int64_t row_end, struct cat_batch **out, struct cat_error *err)
{
	const struct cat_stretch rows = {row_begin, row_end};
	struct cat_pq_index ix = {0};
	struct cat_pq_read *r = NULL;
	int rc;

	if (group < 0 || (size_t)group >= f->footer.ngroups || row_begin < 0 || row_begin > row_end ||
	    row_end > f->footer.groups[group].nrows)
		return cat_fail(err, CAT_E_BUG, "rows beyond the row group");
	rc = cat_pq_read_open(f, group, &ix, &rows, 1, cols, n, NULL, INT64_MAX, NULL, &r, err);
	if (rc == CAT_OK)
		rc = cat_pq_read_decode(r, cols, n, 0, out, err);
	cat_pq_read_free(r);
	cat_pq_index_fini(&ix);
	return rc;
}
