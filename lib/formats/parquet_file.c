#include "formats/parquet_file.h"

#include <string.h>

#include "base/alloc.h"

#define TAIL ((size_t)64 << 10)
#define FOOTER_MAX ((uint32_t)1 << 30)
/* Old parquet-mr counts a chunk too short by as much when it has a dictionary. */
#define CHUNK_SLACK 100

/* --- opening --- */

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The footer's bytes: one read of the file's end, one more when it is longer than that. */
static int read_footer(struct cat_reader *r, struct cat_buf **out, struct cat_error *err)
{
	const size_t have = r->size < (int64_t)TAIL ? (size_t)r->size : TAIL;
	struct cat_buf *tail;
	uint32_t len;
	int rc;

	CAT_TRY(cat_read_range(r, r->size - (int64_t)have, have, &tail, err));
	len = le32(tail->data + have - 8);
	if (memcmp(tail->data + have - 4, "PARE", 4) == 0)
		rc = cat_fail(err, CAT_E_UNSUPPORTED, "encrypted Parquet files are not supported");
	else if (memcmp(tail->data + have - 4, "PAR1", 4) != 0)
		rc = cat_fail(err, CAT_E_DATA, "not a Parquet file, or cut short: it does not end in PAR1");
	else if (len > FOOTER_MAX || (int64_t)len > r->size - 12)
		rc = cat_fail(err, CAT_E_DATA, "corrupt Parquet file: a footer of %u bytes in a file of %lld",
		              (unsigned)len, (long long)r->size);
	else if (len <= have - 8)
		rc = cat_buf_slice(tail, have - 8 - len, len, out, err);
	else
		rc = cat_read_range(r, r->size - 8 - (int64_t)len, len, out, err);
	cat_buf_unref(tail);
	return rc;
}

/* Each row group has every column, none of them encrypted or of another type. */
static int check_groups(struct cat_parquet_file *f, struct cat_error *err)
{
	const struct cat_pq_footer *t = &f->footer;

	for (size_t g = 0; g < t->ngroups; g++) {
		if (t->groups[g].nchunks != (size_t)f->tree.nleaves)
			return cat_fail(err, CAT_E_DATA, "row group %zu has %zu columns, the schema %d", g,
			                t->groups[g].nchunks, f->tree.nleaves);
		if (__builtin_add_overflow(f->nrows, t->groups[g].nrows, &f->nrows))
			return cat_fail(err, CAT_E_DATA, "corrupt Parquet footer: row counts overflow");
		for (int i = 0; i < f->tree.nleaves; i++) {
			const struct cat_pq_chunk *c = cat_pq_chunk_of(f, (int)g, i);
			const struct cat_span name = f->tree.leaves[i].name;

			if (c->encrypted)
				return cat_fail(err, CAT_E_UNSUPPORTED,
				                "column %.*s is encrypted, which is not supported",
				                (int)(name.n < 200 ? name.n : 200), (const char *)name.p);
			if (c->type != (int)f->tree.leaves[i].type)
				return cat_fail(err, CAT_E_DATA,
				                "column %.*s of row group %zu has another type than the schema",
				                (int)(name.n < 200 ? name.n : 200), (const char *)name.p, g);
		}
	}
	return CAT_OK;
}

static int open_file(struct cat_parquet_file *f, struct cat_error *err)
{
	struct cat_buf *bytes;
	int rc;

	if (f->reader->size < 12)
		return f->reader->size < 0
		               ? cat_fail(err, CAT_E_UNSUPPORTED, "Parquet cannot be read from a pipe")
		               : cat_fail(err, CAT_E_DATA, "not a Parquet file: too short");
	CAT_TRY(read_footer(f->reader, &bytes, err));
	rc = cat_pq_footer_parse(bytes, &f->footer, err);
	cat_buf_unref(bytes);
	CAT_TRY(rc);
	if (f->footer.encrypted)
		return cat_fail(err, CAT_E_UNSUPPORTED, "encrypted Parquet files are not supported");
	if (f->footer.ngroups > INT32_MAX)
		return cat_fail(err, CAT_E_UNSUPPORTED, "more than 2^31 row groups");
	CAT_TRY(cat_pq_tree_build(&f->footer, f->options.binary_as_text, &f->tree, err));
	CAT_TRY(check_groups(f, err));
	f->created_by = cat_strndup(f->footer.created_by.p ? (const char *)f->footer.created_by.p : "",
	                            f->footer.created_by.n);
	return f->created_by ? CAT_OK : cat_fail_mem(err, f->footer.created_by.n);
}

int cat_parquet_open(struct cat_reader *r, const struct cat_parquet_options *o, struct cat_parquet_file **out,
                     struct cat_error *err)
{
	struct cat_parquet_file *f = cat_calloc(1, sizeof *f);
	int rc;

	if (!f)
		return cat_fail_mem(err, sizeof *f);
	f->reader = r;
	if (o)
		f->options = *o;
	rc = open_file(f, err);
	if (rc != CAT_OK) {
		cat_parquet_close(f);
		return rc;
	}
	*out = f;
	return CAT_OK;
}

void cat_parquet_close(struct cat_parquet_file *f)
{
	if (!f)
		return;
	cat_pq_idle_fini(&f->idle);
	cat_pq_tree_fini(&f->tree);
	cat_pq_footer_fini(&f->footer);
	cat_free(f->created_by);
	cat_free(f);
}

struct cat_schema *cat_parquet_schema(const struct cat_parquet_file *f)
{
	return f->tree.schema;
}

int cat_parquet_ngroups(const struct cat_parquet_file *f)
{
	return (int)f->footer.ngroups;
}

int64_t cat_parquet_nrows(const struct cat_parquet_file *f)
{
	return f->nrows;
}

int64_t cat_parquet_group_rows(const struct cat_parquet_file *f, int group)
{
	return f->footer.groups[group].nrows;
}

int64_t cat_parquet_group_bytes(const struct cat_parquet_file *f, int group, const int *cols, int n)
{
	int64_t bytes = 0;

	if (!cols)
		n = f->tree.schema->nfields;
	for (int i = 0; i < n; i++) {
		const struct cat_pq_node *node = &f->tree.nodes[cols ? cols[i] : i];

		for (int k = 0; k < node->nleaves; k++)
			if (__builtin_add_overflow(bytes, cat_pq_chunk_of(f, group, node->leaf + k)->size, &bytes))
				return INT64_MAX;
	}
	return bytes;
}

const char *cat_parquet_created_by(const struct cat_parquet_file *f)
{
	return f->created_by;
}

struct cat_buf *cat_parquet_footer(const struct cat_parquet_file *f)
{
	return cat_buf_ref(f->footer.bytes);
}

int cat_pq_read_ranges(const struct cat_parquet_file *f, const struct cat_range *ranges, size_t n,
                       struct cat_buf **out, struct cat_error *err)
{
	struct cat_ticket *t;
	int rc = f->reader->ops->submit(f->reader, ranges, n, &t, err);

	if (rc == CAT_OK)
		rc = f->reader->ops->wait(t, out, err);
	if (rc != CAT_OK)
		memset(out, 0, n * sizeof(struct cat_buf *));
	return rc;
}

/* --- page indexes --- */

static bool index_range(const struct cat_parquet_file *f, int64_t off, int64_t len, struct cat_range *range)
{
	if (len <= 0 || len > FOOTER_MAX || off <= 0 || off > f->reader->size || len > f->reader->size - off)
		return false;
	*range = (struct cat_range){off, (size_t)len};
	return true;
}

bool cat_pq_offset_range(const struct cat_parquet_file *f, const struct cat_pq_chunk *c, struct cat_range *range)
{
	return index_range(f, c->offset_index_off, c->offset_index_len, range);
}

bool cat_pq_column_range(const struct cat_parquet_file *f, const struct cat_pq_chunk *c, struct cat_range *range)
{
	return index_range(f, c->column_index_off, c->column_index_len, range);
}

/* Where the chunk's bytes begin: the dictionary, when the footer tells of it, comes first. */
static int64_t chunk_begin(const struct cat_pq_chunk *c)
{
	return c->dict_off > 0 && c->dict_off < c->data_off ? c->dict_off : c->data_off;
}

int cat_pq_pages_of(const struct cat_parquet_file *f, int group, const struct cat_pq_chunk *c,
                    const struct cat_buf *bytes, struct cat_pq_location **out, size_t *n, struct cat_error *err)
{
	const int rc = cat_pq_offset_index(bytes, out, n, err);

	if (rc == CAT_OK && *n > 0 && (*out)[0].off >= chunk_begin(c) &&
	    (*out)[*n - 1].off + (*out)[*n - 1].size <= chunk_begin(c) + c->size &&
	    (*out)[*n - 1].first_row < f->footer.groups[group].nrows)
		return CAT_OK;
	if (rc == CAT_OK)
		cat_free(*out);
	*out = NULL;
	*n = 0;
	return rc == CAT_E_SYSTEM ? rc : CAT_OK; /* an index that lies is as good as none */
}

/* --- decoding --- */

/* What is read of one leaf: the dictionary apart from the pages, or both in one range. */
struct piece {
	const struct cat_pq_chunk *chunk;
	int leaf;
	struct cat_pq_input in;
	struct cat_range index;
	int range, dict_range; /* of the job's ranges; -1 none */
};
struct job {
	struct cat_parquet_file *f;
	int group;
	int64_t row_begin, row_end;
	int npieces;
	struct piece *pieces;
	size_t nranges;
	struct cat_range *ranges; /* two per piece at most */
	struct cat_buf **bufs;
};

/* Chunks lie side by side: more bytes than the file has are a footer's lie that would fill the memory. */
static int check_ranges(const struct job *j, struct cat_error *err)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < j->nranges; i++)
		sum += j->ranges[i].len;
	if (sum > (uint64_t)j->f->reader->size + CHUNK_SLACK * j->nranges)
		return cat_fail(err, CAT_E_DATA, "column chunks overlap: %llu bytes in a file of %lld",
		                (unsigned long long)sum, (long long)j->f->reader->size);
	return CAT_OK;
}

static int read_ranges(struct job *j, struct cat_error *err)
{
	int rc = check_ranges(j, err);

	if (rc == CAT_OK && j->nranges)
		rc = cat_pq_read_ranges(j->f, j->ranges, j->nranges, j->bufs, err);
	if (rc != CAT_OK)
		j->nranges = 0;
	return rc;
}

static void drop_bufs(struct job *j)
{
	for (size_t i = 0; i < j->nranges; i++) {
		cat_buf_unref(j->bufs[i]);
		j->bufs[i] = NULL;
	}
	j->nranges = 0;
}

static int add_range(struct job *j, int64_t off, int64_t len)
{
	j->ranges[j->nranges] = (struct cat_range){off, (size_t)len};
	return (int)j->nranges++;
}

/* All of a chunk. */
static int whole_chunk(struct job *j, struct piece *p, struct cat_error *err)
{
	const struct cat_pq_chunk *c = p->chunk;
	const int64_t begin = chunk_begin(c), size = j->f->reader->size;
	int64_t len = c->size;

	if (len > size - 8 || begin > size - 8 - len)
		return cat_fail(err, CAT_E_DATA, "a column chunk of %lld bytes lies outside the file",
		                (long long)len);
	if (strncmp(j->f->created_by, "parquet-mr", 10) == 0)
		len += size - 8 - begin - len < CHUNK_SLACK ? size - 8 - begin - len : CHUNK_SLACK;
	p->in.nvalues = c->nvalues;
	p->range = add_range(j, begin, len);
	return CAT_OK;
}

/* Only the pages that hold the rows, by the offset index. */
static void some_pages(struct job *j, struct piece *p, const struct cat_pq_location *pages, size_t n)
{
	const int64_t begin = chunk_begin(p->chunk);
	size_t first = 0, last;

	while (first + 1 < n && pages[first + 1].first_row <= j->row_begin)
		first++;
	last = first;
	while (last + 1 < n && pages[last + 1].first_row < j->row_end)
		last++;
	p->in.first_row = pages[first].first_row;
	p->in.nvalues = -1;
	if (pages[0].off > begin)
		p->dict_range = add_range(j, begin, pages[0].off - begin);
	p->range = add_range(j, pages[first].off, pages[last].off + pages[last].size - pages[first].off);
}

/* Reads the offset indexes of all pieces that have one; the buffers stand in j->bufs as p->range says. */
static int read_indexes(struct job *j, struct cat_error *err)
{
	for (int i = 0; i < j->npieces; i++) {
		struct piece *p = &j->pieces[i];

		p->range = p->index.len ? add_range(j, p->index.off_bytes, (int64_t)p->index.len) : -1;
	}
	return read_ranges(j, err);
}

/* Decides what to read of each piece. */
static int plan_ranges(struct job *j, struct cat_error *err)
{
	struct cat_buf **index = NULL;
	const size_t nindex = j->nranges;
	int rc = CAT_OK;

	if (nindex) {
		index = cat_calloc(nindex, sizeof(struct cat_buf *));
		if (!index)
			return cat_fail_mem(err, nindex * sizeof *index);
		memcpy(index, j->bufs, nindex * sizeof(struct cat_buf *));
		memset(j->bufs, 0, nindex * sizeof(struct cat_buf *));
		j->nranges = 0;
	}
	for (int i = 0; rc == CAT_OK && i < j->npieces; i++) {
		struct piece *p = &j->pieces[i];
		struct cat_pq_location *pages = NULL;
		size_t n = 0;

		if (p->range >= 0)
			rc = cat_pq_pages_of(j->f, j->group, p->chunk, index[p->range], &pages, &n, err);
		p->dict_range = p->range = -1;
		if (rc == CAT_OK && n)
			some_pages(j, p, pages, n);
		else if (rc == CAT_OK)
			rc = whole_chunk(j, p, err);
		cat_free(pages);
	}
	for (size_t i = 0; i < nindex; i++)
		cat_buf_unref(index[i]);
	cat_free(index);
	return rc;
}

static struct cat_span span_of(const struct job *j, int range)
{
	return range < 0 ? (struct cat_span){0} : (struct cat_span){j->bufs[range]->data, j->bufs[range]->size};
}

/* Decodes column COL, whose first piece is P. */
static int decode_column(struct job *j, int col, struct piece *p, struct cat_pq_scratch *scratch,
                         struct cat_column **out, struct cat_error *err)
{
	const struct cat_pq_tree *t = &j->f->tree;
	const struct cat_pq_node *node = &t->nodes[col];
	const int64_t n = j->row_end - j->row_begin;
	struct cat_pq_data *d = cat_calloc((size_t)node->nleaves, sizeof *d);
	struct cat_column *c = NULL;
	int64_t first_row = j->row_begin;
	int rc = CAT_OK;

	if (!d)
		return cat_fail_mem(err, (size_t)node->nleaves * sizeof *d);
	for (int i = 0; rc == CAT_OK && i < node->nleaves; i++) {
		p[i].in.pages = span_of(j, p[i].range);
		p[i].in.dict = span_of(j, p[i].dict_range);
		rc = cat_pq_decode_leaf(&t->leaves[p[i].leaf], &p[i].in, node->kind == CAT_PQ_NODE_LEAF, scratch,
		                        &d[i], err);
		if (rc == CAT_OK && (d[i].first_row != d[0].first_row || d[i].nrows != d[0].nrows))
			rc = cat_fail(err, CAT_E_DATA, "its parts differ in their number of rows");
	}
	if (node->nleaves)
		first_row = d[0].first_row;
	if (rc == CAT_OK)
		rc = cat_pq_assemble(&t->schema->fields[col], node, d, &c, err);
	if (rc == CAT_OK && node->nleaves == 0)
		c->length = n;
	if (rc == CAT_OK && (first_row != j->row_begin || c->length != n))
		rc = cat_column_slice(c, j->row_begin - first_row, n, out, err);
	else if (rc == CAT_OK)
		*out = cat_column_ref(c);
	cat_column_unref(c);
	for (int i = 0; i < node->nleaves; i++)
		cat_pq_data_fini(&d[i]);
	cat_free(d);
	return rc;
}

static int make_pieces(struct job *j, const int *cols, int n, struct cat_error *err)
{
	const struct cat_pq_tree *t = &j->f->tree;
	const bool part = j->row_begin > 0 || j->row_end < j->f->footer.groups[j->group].nrows;
	size_t count = 0;

	for (int i = 0; i < n; i++)
		count += (size_t)t->nodes[cols[i]].nleaves;
	j->pieces = cat_calloc(count, sizeof *j->pieces);
	j->ranges = cat_calloc(count, 2 * sizeof *j->ranges);
	j->bufs = cat_calloc(count, 2 * sizeof(struct cat_buf *));
	if (!j->pieces || !j->ranges || !j->bufs)
		return cat_fail_mem(err, count * sizeof *j->pieces);
	for (int i = 0; i < n; i++) {
		for (int k = 0; k < t->nodes[cols[i]].nleaves; k++) {
			struct piece *p = &j->pieces[j->npieces++];

			p->leaf = t->nodes[cols[i]].leaf + k;
			p->chunk = cat_pq_chunk_of(j->f, j->group, p->leaf);
			p->range = p->dict_range = -1;
			p->in = (struct cat_pq_input){.codec = p->chunk->codec,
			                              .check_crc = !j->f->options.skip_crc,
			                              .row_begin = j->row_begin,
			                              .row_end = j->row_end};
			if (p->chunk->has_path)
				return cat_fail(err, CAT_E_DATA,
				                "this is a metadata file: its rows are in other files");
			if (t->leaves[p->leaf].max_rep == 0 &&
			    p->chunk->nvalues != j->f->footer.groups[j->group].nrows)
				return cat_fail(err, CAT_E_DATA, "column %s has %lld values in %lld rows",
				                t->schema->fields[cols[i]].name, (long long)p->chunk->nvalues,
				                (long long)j->f->footer.groups[j->group].nrows);
			if (part)
				(void)cat_pq_offset_range(j->f, p->chunk, &p->index);
		}
	}
	return CAT_OK;
}

static int decode_columns(struct job *j, const int *cols, int n, struct cat_batch *b, struct cat_error *err)
{
	struct cat_pq_scratch *scratch;
	struct piece *p = j->pieces;
	int rc = CAT_OK;

	CAT_TRY(cat_pq_scratch_take(&j->f->idle, &scratch, err));
	for (int i = 0; rc == CAT_OK && i < n; i++) {
		rc = decode_column(j, cols[i], p, scratch, &b->cols[i], err);
		if (rc != CAT_OK)
			cat_wrap(err, "column %s", j->f->tree.schema->fields[cols[i]].name);
		p += j->f->tree.nodes[cols[i]].nleaves;
	}
	cat_pq_scratch_give(&j->f->idle, scratch);
	return rc;
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

int cat_parquet_decode(const struct cat_parquet_file *f, int group, const int *cols, int n, int64_t row_begin,
                       int64_t row_end, struct cat_batch **out, struct cat_error *err)
{
	/* Only the idle scratch changes, atomically. */
	struct job j = {.f = (struct cat_parquet_file *)(uintptr_t)f, .group = group, .row_begin = row_begin,
	                .row_end = row_end};
	struct cat_schema *schema = NULL;
	struct cat_batch *b = NULL;
	int rc;

	if (group < 0 || (size_t)group >= f->footer.ngroups || row_begin < 0 || row_begin > row_end ||
	    row_end > f->footer.groups[group].nrows)
		return cat_fail(err, CAT_E_BUG, "rows beyond the row group");
	rc = project(f, cols, n, &schema, err);
	if (rc == CAT_OK)
		rc = cat_batch_new(schema, row_end - row_begin, &b, err);
	cat_schema_unref(schema);
	if (rc == CAT_OK)
		rc = make_pieces(&j, cols, n, err);
	if (rc == CAT_OK)
		rc = read_indexes(&j, err);
	if (rc == CAT_OK)
		rc = plan_ranges(&j, err);
	if (rc == CAT_OK)
		rc = read_ranges(&j, err);
	if (rc == CAT_OK)
		rc = decode_columns(&j, cols, n, b, err);
	if (j.bufs)
		drop_bufs(&j);
	cat_free(j.bufs);
	cat_free(j.ranges);
	cat_free(j.pieces);
	if (rc != CAT_OK) {
		cat_batch_unref(b);
		return rc;
	}
	*out = b;
	return CAT_OK;
}
