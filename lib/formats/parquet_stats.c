/* What metadata may be believed of a column's values (parquet-format parquet.thrift, Statistics and ColumnOrder).
 */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "formats/parquet_file.h"

#define PATH_DEPTH 64

/* Signed order, whatever the writer's age. */
static bool is_signed_int(const struct cat_pq_leaf *l)
{
	return (l->type == CAT_PQ_INT32 || l->type == CAT_PQ_INT64) && l->logical.id != CAT_PQ_L_DECIMAL &&
	       !(l->logical.id == CAT_PQ_L_INTEGER && !l->logical.is_signed);
}

/* Whether bounds of this kind may be used for the leaf at all. */
static bool trusted(const struct cat_parquet_file *f, int leaf, bool old)
{
	const struct cat_pq_leaf *l = &f->tree.leaves[leaf];
	const uint8_t order = (size_t)leaf < f->footer.norders ? f->footer.orders[leaf] : 0;

	if (old)
		return is_signed_int(l) || l->type == CAT_PQ_BOOLEAN || l->type == CAT_PQ_FLOAT ||
		       l->type == CAT_PQ_DOUBLE;
	return order == 1 || order == 2 || is_signed_int(l);
}

static bool int_bound(const struct cat_pq_leaf *l, struct cat_span s, int64_t *out)
{
	const bool is_unsigned = l->logical.id == CAT_PQ_L_INTEGER && !l->logical.is_signed;

	if (l->type == CAT_PQ_BOOLEAN && s.n == 1) {
		*out = s.p[0] & 1;
		return true;
	}
	if (l->type == CAT_PQ_INT32 && s.n == 4) {
		int32_t v;

		memcpy(&v, s.p, 4);
		*out = is_unsigned ? (int64_t)(uint32_t)v : v;
		return true;
	}
	if (l->type == CAT_PQ_INT64 && s.n == 8) {
		memcpy(out, s.p, 8);
		return !is_unsigned || *out >= 0; /* larger ones do not fit the answer */
	}
	return false;
}

static bool float_bound(const struct cat_pq_leaf *l, struct cat_span s, double *out)
{
	if (l->type == CAT_PQ_FLOAT && s.n == 4) {
		float v;

		memcpy(&v, s.p, 4);
		*out = v;
	} else if (l->type == CAT_PQ_DOUBLE && s.n == 8) {
		memcpy(out, s.p, 8);
	} else {
		return false;
	}
	return !isnan(*out);
}

void cat_pq_bounds(const struct cat_parquet_file *f, int leaf, struct cat_span min, struct cat_span max, bool old,
                   struct cat_range_stats *out)
{
	const struct cat_pq_leaf *l = &f->tree.leaves[leaf];

	out->may_be_nan = l->type == CAT_PQ_FLOAT || l->type == CAT_PQ_DOUBLE || l->conv == CAT_PQ_HALF;
	if (!min.p || !max.p || !trusted(f, leaf, old) || l->conv == CAT_PQ_DEC32 || l->conv == CAT_PQ_DEC64)
		return;
	if (l->conv == CAT_PQ_TEXT) {
		const size_t n = min.n < max.n ? min.n : max.n;
		const int order = memcmp(min.p, max.p, n);

		out->known = order < 0 || (order == 0 && min.n <= max.n);
		out->is_text = true;
		out->min_text = (const char *)min.p;
		out->max_text = (const char *)max.p;
		out->min_len = min.n;
		out->max_len = max.n;
	} else if (l->type == CAT_PQ_FLOAT || l->type == CAT_PQ_DOUBLE) {
		if (!float_bound(l, min, &out->min_f64) || !float_bound(l, max, &out->max_f64))
			return;
		/* The two zeros are one value that writers order as they like. */
		out->min_f64 = out->min_f64 == 0 ? -0.0 : out->min_f64;
		out->max_f64 = out->max_f64 == 0 ? 0.0 : out->max_f64;
		out->known = out->min_f64 <= out->max_f64;
	} else if (l->conv != CAT_PQ_ALL_NULL) {
		out->is_int = true;
		out->known = int_bound(l, min, &out->min_i64) && int_bound(l, max, &out->max_i64) &&
		             out->min_i64 <= out->max_i64;
	}
}

/* Of a chunk of N entries. */
static void chunk_stats(const struct cat_parquet_file *f, int group, int leaf, int64_t n, struct cat_range_stats *out)
{
	const struct cat_pq_chunk *c = cat_pq_chunk_of(f, group, leaf);

	memset(out, 0, sizeof *out);
	out->nulls = c->stats.null_count >= 0 && c->stats.null_count <= n ? c->stats.null_count : -1;
	cat_pq_bounds(f, leaf, c->stats.min, c->stats.max, false, out);
	out->exact = out->known && c->stats.min_exact && c->stats.max_exact && !out->is_text;
	if (!out->known)
		cat_pq_bounds(f, leaf, c->stats.min_old, c->stats.max_old, true, out);
}

void cat_parquet_stats(const struct cat_parquet_file *f, int group, int col, struct cat_range_stats *out)
{
	const struct cat_pq_node *n = &f->tree.nodes[col];

	memset(out, 0, sizeof *out);
	out->nulls = -1;
	if (n->kind == CAT_PQ_NODE_LEAF)
		chunk_stats(f, group, n->leaf, f->footer.groups[group].nrows, out);
}

int cat_parquet_nleaves(const struct cat_parquet_file *f)
{
	return f->tree.nleaves;
}

/* Appends the names from below the root to leaf LEAF; elements stand in depth-first order, each with the number of its
 * children. */
static void leaf_path(const struct cat_pq_footer *t, int leaf, struct cat_text *out)
{
	struct {
		const struct cat_pq_element *e;
		int left;
	} up[PATH_DEPTH];
	int depth = 0, at = 0;
	bool found = false;

	for (size_t i = 0; i < t->nelements && depth < PATH_DEPTH; i++) {
		const struct cat_pq_element *e = &t->elements[i];

		up[depth].e = e;
		up[depth].left = e->nchildren;
		/* What has a type is a leaf, whatever it says of children. */
		if (e->type < 0 && e->nchildren > 0) {
			depth++;
			continue;
		}
		found = e->type >= 0 && at++ == leaf;
		if (found)
			break;
		while (depth > 0 && --up[depth - 1].left == 0)
			depth--;
	}
	for (int i = 1; found && i <= depth; i++)
		cat_text_addf(out, "%s%.*s", i > 1 ? "." : "", (int)up[i].e->name.n, (const char *)up[i].e->name.p);
}

int cat_parquet_leaf(const struct cat_parquet_file *f, int leaf, struct cat_field *out, struct cat_error *err)
{
	const struct cat_pq_leaf *l = &f->tree.leaves[leaf];
	struct cat_text path = {.max = 1 << 20};
	int rc;

	leaf_path(&f->footer, leaf, &path);
	rc = cat_text_check(&path, err);
	if (rc == CAT_OK)
		rc = cat_field_init(out, path.s ? path.s : "", l->out.id, err);
	cat_text_fini(&path);
	CAT_TRY(rc);
	out->type = l->out;
	out->nullable = true;
	if (l->out.id != CAT_T_TIMESTAMP || !l->logical.utc)
		return CAT_OK;
	out->zone = cat_strdup("UTC");
	if (out->zone)
		return CAT_OK;
	cat_field_fini(out);
	return cat_fail_mem(err, 4);
}

void cat_parquet_chunk(const struct cat_parquet_file *f, int group, int leaf, struct cat_parquet_chunk_stats *out)
{
	const struct cat_pq_chunk *c = cat_pq_chunk_of(f, group, leaf);

	chunk_stats(f, group, leaf, c->nvalues, &out->stats);
	out->entries = c->nvalues;
	out->disk_bytes = c->size;
	out->memory_bytes = c->raw_size;
}

static int page_list(const struct cat_parquet_file *f, int group, int col, struct cat_buf *bufs[2],
                     struct cat_part_list *out, struct cat_error *err)
{
	const int leaf = f->tree.nodes[col].leaf;
	struct cat_pq_location *pages;
	struct cat_pq_bound *bounds = NULL;
	size_t n, nbounds = 0;
	int rc;

	CAT_TRY(cat_pq_pages_of(f, group, cat_pq_chunk_of(f, group, leaf), bufs[0], &pages, &n, err));
	rc = cat_pq_column_index(bufs[1], &bounds, &nbounds, err);
	if (rc == CAT_E_DATA) /* an index that lies is as good as none */
		rc = CAT_OK;
	if (rc == CAT_OK && n > 0 && nbounds == n && n <= INT32_MAX) {
		out->parts = cat_calloc(n, sizeof *out->parts);
		if (!out->parts)
			rc = cat_fail_mem(err, n * sizeof *out->parts);
		else
			out->n = (int)n;
	}
	for (int i = 0; i < out->n; i++) {
		struct cat_part_stats *p = &out->parts[i];

		p->row_begin = pages[i].first_row;
		p->row_end = i + 1 < out->n ? pages[i + 1].first_row : f->footer.groups[group].nrows;
		p->stats.nulls = bounds[i].is_null ? p->row_end - p->row_begin : bounds[i].nulls;
		if (!bounds[i].is_null)
			cat_pq_bounds(f, leaf, bounds[i].min, bounds[i].max, false, &p->stats);
	}
	cat_free(pages);
	cat_free(bounds);
	return rc;
}

int cat_pq_page_stats(const struct cat_parquet_file *f, int group, struct cat_pq_index *ix, int col,
                      struct cat_part_list *out, struct cat_error *err)
{
	const struct cat_pq_node *node = &f->tree.nodes[col];
	struct cat_buf *bufs[2] = {NULL, NULL};
	struct cat_range ranges[2];
	int rc;

	memset(out, 0, sizeof *out);
	if (node->kind != CAT_PQ_NODE_LEAF ||
	    !cat_pq_offset_range(f, cat_pq_chunk_of(f, group, node->leaf), &ranges[0]) ||
	    !cat_pq_column_range(f, cat_pq_chunk_of(f, group, node->leaf), &ranges[1]))
		return CAT_OK;
	CAT_TRY(cat_pq_index_read(f, group, ix, ranges, 2, bufs, err));
	rc = page_list(f, group, col, bufs, out, err);
	cat_buf_unref(bufs[0]);
	out->bytes = bufs[1];
	if (rc != CAT_OK)
		cat_part_list_fini(out);
	return rc;
}

int cat_parquet_page_stats(const struct cat_parquet_file *f, int group, int col, struct cat_part_list *out,
                           struct cat_error *err)
{
	struct cat_pq_index ix = {0};
	const int rc = cat_pq_page_stats(f, group, &ix, col, out, err);

	cat_pq_index_fini(&ix);
	return rc;
}
