#include "formats/parquet_file.h"

#include <string.h>

#include "base/alloc.h"

#define TAIL ((size_t)64 << 10)
#define FOOTER_MAX ((uint32_t)1 << 30)

/* --- opening --- */

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The footer's bytes: one read of the file's end, one more when it is longer than that. What came with it from
 * before the footer, where page indexes stand, is kept. */
static int read_footer(struct cat_parquet_file *f, struct cat_buf **out, struct cat_error *err)
{
	struct cat_reader *r = f->reader;
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
	if (rc == CAT_OK && len < have - 8)
		f->tail = cat_buf_ref(tail);
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

static int open_footer(struct cat_parquet_file *f, struct cat_buf *bytes, struct cat_error *err)
{
	CAT_TRY(cat_pq_footer_parse(bytes, &f->footer, err));
	if (f->footer.encrypted)
		return cat_fail(err, CAT_E_UNSUPPORTED, "encrypted Parquet files are not supported");
	if (f->footer.ngroups > INT32_MAX)
		return cat_fail(err, CAT_E_UNSUPPORTED, "more than 2^31 row groups");
	CAT_TRY(cat_pq_tree_build(&f->footer, &f->options, &f->tree, err));
	CAT_TRY(check_groups(f, err));
	f->created_by = cat_strndup(f->footer.created_by.p ? (const char *)f->footer.created_by.p : "",
	                            f->footer.created_by.n);
	return f->created_by ? CAT_OK : cat_fail_mem(err, f->footer.created_by.n);
}

static int open_file(struct cat_parquet_file *f, struct cat_error *err)
{
	struct cat_buf *bytes;
	int rc;

	if (f->reader->size < 12)
		return f->reader->size < 0
		               ? cat_fail(err, CAT_E_UNSUPPORTED, "Parquet cannot be read from a pipe")
		               : cat_fail(err, CAT_E_DATA, "not a Parquet file: too short");
	CAT_TRY(read_footer(f, &bytes, err));
	rc = open_footer(f, bytes, err);
	cat_buf_unref(bytes);
	return rc;
}

int cat_parquet_open_footer(struct cat_buf *footer, struct cat_parquet_file **out, struct cat_error *err)
{
	struct cat_parquet_file *f = cat_calloc(1, sizeof *f);
	int rc = f ? open_footer(f, footer, err) : cat_fail_mem(err, sizeof *f);

	if (rc != CAT_OK) {
		cat_parquet_close(f);
		return rc;
	}
	*out = f;
	return CAT_OK;
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
	cat_buf_unref(f->tail);
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

bool cat_pq_has_pages(const struct cat_parquet_file *f, int group)
{
	struct cat_range range;

	for (int i = 0; i < f->tree.nleaves; i++)
		if (!cat_pq_offset_range(f, cat_pq_chunk_of(f, group, i), &range))
			return false;
	return true;
}

double cat_pq_leaf_bytes(const struct cat_parquet_file *f, int group, int leaf)
{
	const struct cat_pq_leaf *l = &f->tree.leaves[leaf];
	const struct cat_pq_chunk *c = cat_pq_chunk_of(f, group, leaf);
	const bool nested = l->max_rep > 0 || l->max_def > 1;
	const int width = l->out.id == CAT_T_BOOL ? 1 : cat_type_bytes(&l->out);
	double bytes = (double)c->nvalues * (width ? width : (int)sizeof(int32_t));

	if (!width && c->text_bytes > 0)
		bytes += (double)c->text_bytes;
	else if (!width && bytes < (double)c->raw_size)
		bytes = (double)c->raw_size;
	/* Two levels a byte each. */
	return bytes + (nested ? 2 * (double)c->nvalues : 0);
}

int64_t cat_pq_chunk_begin(const struct cat_pq_chunk *c)
{
	return c->dict_off > 0 && c->dict_off < c->data_off ? c->dict_off : c->data_off;
}

/* What [off, off + len) has of BYTES, which stand at BYTES_OFF of the file; *OUT stays NULL when that is not all. */
static int slice_of(struct cat_buf *bytes, int64_t bytes_off, const struct cat_range *r, struct cat_buf **out,
                    struct cat_error *err)
{
	if (!bytes || r->off_bytes < bytes_off || r->len > bytes->size ||
	    r->off_bytes - bytes_off > (int64_t)(bytes->size - r->len))
		return CAT_OK;
	return cat_buf_slice(bytes, (size_t)(r->off_bytes - bytes_off), r->len, out, err);
}

/* The column indexes of a group stand together, as its offset indexes do: both in one request, unless what lies
 * between them is much more than they are. */
static int load_index(const struct cat_parquet_file *f, int group, struct cat_pq_index *ix, struct cat_error *err)
{
	struct cat_range hulls[2] = {{0}};
	size_t sums[2] = {0}, n = 0;

	ix->loaded = true;
	for (int i = 0; i < f->tree.nleaves; i++)
		for (int k = 0; k < 2; k++) {
			const struct cat_pq_chunk *c = cat_pq_chunk_of(f, group, i);
			struct cat_range r, *h = &hulls[k];
			int64_t end;

			if (!(k ? cat_pq_column_range(f, c, &r) : cat_pq_offset_range(f, c, &r)))
				continue;
			end = r.off_bytes + (int64_t)r.len;
			if (sums[k] && end < h->off_bytes + (int64_t)h->len)
				end = h->off_bytes + (int64_t)h->len;
			if (!sums[k] || r.off_bytes < h->off_bytes)
				h->off_bytes = r.off_bytes;
			h->len = (size_t)(end - h->off_bytes);
			sums[k] += r.len;
		}
	for (int k = 0; k < 2; k++)
		if (sums[k] && hulls[k].len <= 2 * sums[k] + 4096) {
			hulls[n] = hulls[k];
			ix->off_bytes[n++] = hulls[k].off_bytes;
		}
	return n ? cat_pq_read_ranges(f, hulls, n, ix->bytes, err) : CAT_OK;
}

void cat_pq_index_fini(struct cat_pq_index *ix)
{
	cat_buf_unref(ix->bytes[0]);
	cat_buf_unref(ix->bytes[1]);
	cat_pq_walked_unref(ix->walked);
	memset(ix, 0, sizeof *ix);
}

void cat_pq_index_share(const struct cat_pq_index *from, struct cat_pq_index *into)
{
	*into = *from;
	for (int i = 0; i < 2; i++)
		into->bytes[i] = cat_buf_ref(from->bytes[i]);
	into->walked = cat_pq_walked_ref(from->walked);
}

/* From what was read before, as far as it is there. *LEFT counts the others. */
static int index_slices(const struct cat_parquet_file *f, const struct cat_pq_index *ix, const struct cat_range *ranges,
                        size_t n, struct cat_buf **out, size_t *left, struct cat_error *err)
{
	*left = 0;
	for (size_t i = 0; i < n; i++) {
		if (!out[i] && f->tail)
			CAT_TRY(slice_of(f->tail, f->reader->size - (int64_t)f->tail->size, &ranges[i], &out[i], err));
		for (int k = 0; k < 2; k++)
			if (!out[i])
				CAT_TRY(slice_of(ix->bytes[k], ix->off_bytes[k], &ranges[i], &out[i], err));
		*left += !out[i];
	}
	return CAT_OK;
}

int cat_pq_index_read(const struct cat_parquet_file *f, int group, struct cat_pq_index *ix,
                      const struct cat_range *ranges, size_t n, struct cat_buf **out, struct cat_error *err)
{
	size_t left;
	int rc;

	memset(out, 0, n * sizeof(struct cat_buf *));
	rc = index_slices(f, ix, ranges, n, out, &left, err);
	if (rc == CAT_OK && left && !ix->loaded) {
		rc = load_index(f, group, ix, err);
		if (rc == CAT_OK)
			rc = index_slices(f, ix, ranges, n, out, &left, err);
	}
	for (size_t i = 0; rc == CAT_OK && left && i < n; i++)
		if (!out[i])
			rc = cat_pq_read_ranges(f, &ranges[i], 1, &out[i], err);
	for (size_t i = 0; rc != CAT_OK && i < n; i++) {
		cat_buf_unref(out[i]);
		out[i] = NULL;
	}
	return rc;
}

int cat_pq_pages_of(const struct cat_parquet_file *f, int group, const struct cat_pq_chunk *c,
                    const struct cat_buf *bytes, struct cat_pq_location **out, size_t *n, struct cat_error *err)
{
	const int rc = cat_pq_offset_index(bytes, out, n, err);

	if (rc == CAT_OK && *n > 0 && (*out)[0].off >= cat_pq_chunk_begin(c) &&
	    (*out)[*n - 1].off + (*out)[*n - 1].size <= cat_pq_chunk_begin(c) + c->size &&
	    (*out)[*n - 1].first_row < f->footer.groups[group].nrows)
		return CAT_OK;
	if (rc == CAT_OK)
		cat_free(*out);
	*out = NULL;
	*n = 0;
	return rc == CAT_E_SYSTEM ? rc : CAT_OK; /* an index that lies is as good as none */
}
