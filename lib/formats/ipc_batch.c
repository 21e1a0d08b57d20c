#include "formats/ipc_body.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "columnar/kernels.h"

int64_t cat_ipc_batch_rows(const struct cat_fb_table *batch)
{
	return cat_fb_int(batch, 0, 8, 0);
}

struct cat_ipc_dicts *cat_ipc_dicts_ref(struct cat_ipc_dicts *d)
{
	if (d)
		atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
	return d;
}

void cat_ipc_dicts_unref(struct cat_ipc_dicts *d)
{
	if (!d || atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (int i = 0; i < d->n; i++)
		cat_column_unref(d->items[i].values);
	cat_free(d);
}

static int read_validity(struct cat_ipc_walk *w, int64_t nulls, struct cat_column *c, struct cat_error *err)
{
	const size_t need = (size_t)(c->length + 7) / 8;

	CAT_TRY(cat_ipc_walk_buffer(w, 0, need, 1, &c->validity, err));
	if (c->validity->size == 0 && nulls > 0)
		return cat_fail(err, CAT_E_DATA, "%lld nulls but no validity bits", (long long)nulls);
	if (c->validity->size > 0 && c->validity->size < need)
		return cat_fail(err, CAT_E_DATA, "validity of %zu bytes where %zu are needed", c->validity->size, need);
	c->null_count = nulls == 0 || c->validity->size == 0 ? 0 : -1;
	c->null_count = cat_column_null_count(c);
	if (c->null_count == 0) {
		cat_buf_unref(c->validity);
		c->validity = NULL;
	}
	return CAT_OK;
}

static float half_to_float(uint16_t h)
{
	const uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 1023;
	uint32_t bits = sign | (exponent + 112) << 23 | fraction << 13;
	float f;

	if (exponent == 0) {
		f = (float)fraction * 0x1p-24f;
		return sign ? -f : f;
	}
	if (exponent == 31)
		bits = sign | 0x7f800000 | fraction << 13;
	memcpy(&f, &bits, 4);
	return f;
}

static int read_fixed(struct cat_ipc_walk *w, const struct cat_ipc_node *node, struct cat_column *c,
                      struct cat_error *err)
{
	const int width = cat_type_bytes(&c->type);
	size_t need = (size_t)c->length * (size_t)width;
	struct cat_buf *half;
	int rc;

	if (c->type.id == CAT_T_BOOL || c->type.id == CAT_T_FIXED_BINARY) {
		if (c->type.id == CAT_T_BOOL)
			need = (size_t)(c->length + 7) / 8;
		return cat_ipc_walk_buffer(w, need, need, 1, &c->data, err);
	}
	if (node->layout != CAT_IPC_L_HALF)
		return cat_ipc_walk_buffer(w, need, need, width, &c->data, err);
	CAT_TRY(cat_ipc_walk_buffer(w, need / 2, need / 2, 2, &half, err));
	rc = cat_buf_new(need, &c->data, err);
	for (int64_t i = 0; rc == CAT_OK && i < c->length; i++)
		((float *)(void *)c->data->data)[i] = half_to_float(((const uint16_t *)(const void *)half->data)[i]);
	cat_buf_unref(half);
	return rc;
}

static bool offsets_rise32(const int32_t *o, int64_t n)
{
	unsigned falls = 0;

	for (int64_t i = 0; i < n; i++)
		falls |= o[i + 1] < o[i];
	return !falls && o[0] >= 0;
}

/* LARGE offsets to 32-bit ones that begin at 0; *FIRST is where they began. */
static int narrow_offsets(struct cat_buf *wide, int64_t n, struct cat_column *c, int64_t *first,
                          struct cat_error *err)
{
	const int64_t *o = (const int64_t *)(const void *)wide->data;
	int32_t *to;

	for (int64_t i = 0; i < n; i++)
		if (o[i + 1] < o[i])
			return cat_fail(err, CAT_E_DATA, "offsets fall at row %lld", (long long)i);
	if (o[0] < 0)
		return cat_fail(err, CAT_E_DATA, "a negative offset");
	if (o[n] - o[0] > INT32_MAX)
		return cat_fail(err, CAT_E_UNSUPPORTED, "more than 2 GiB of text or 2^31 list elements in one batch");
	CAT_TRY(cat_buf_new(((size_t)n + 1) * sizeof(int32_t), &c->offsets, err));
	to = (int32_t *)(void *)c->offsets->data;
	for (int64_t i = 0; i <= n; i++)
		to[i] = (int32_t)(o[i] - o[0]);
	*first = o[0];
	return CAT_OK;
}

/* Offsets of text and lists. *FIRST: where row 0 begins in the data or child as they came; the column's own
 * offsets count from there when they were 64-bit. */
static int read_offsets(struct cat_ipc_walk *w, const struct cat_ipc_node *node, struct cat_column *c,
                        int64_t *first, struct cat_error *err)
{
	const bool large = node->layout == CAT_IPC_L_LARGE_TEXT || node->layout == CAT_IPC_L_LARGE_LIST;
	const size_t width = large ? 8 : 4, need = c->length ? ((size_t)c->length + 1) * width : 0;
	struct cat_buf *wide;
	int rc;

	*first = 0;
	if (c->length == 0) {
		CAT_TRY(cat_ipc_walk_buffer(w, 0, width, 1, &wide, err));
		cat_buf_unref(wide);
		return cat_buf_zeroed(sizeof(int32_t), &c->offsets, err);
	}
	if (!large) {
		CAT_TRY(cat_ipc_walk_buffer(w, need, need, 4, &c->offsets, err));
		if (!offsets_rise32((const int32_t *)(const void *)c->offsets->data, c->length))
			return cat_fail(err, CAT_E_DATA, "offsets fall or are negative");
		return CAT_OK;
	}
	CAT_TRY(cat_ipc_walk_buffer(w, need, need, 8, &wide, err));
	rc = narrow_offsets(wide, c->length, c, first, err);
	cat_buf_unref(wide);
	return rc;
}

/* Text that is not UTF-8 is an error, but under nulls anything may stand. */
static int check_utf8(const struct cat_column *c, struct cat_error *err)
{
	const int32_t *o = cat_column_offsets(c);
	const uint8_t *text = c->data->data;
	bool split = false;

	if (c->type.id != CAT_T_UTF8)
		return CAT_OK;
	if (cat_utf8_valid(text + o[0], (size_t)(o[c->length] - o[0]), NULL)) {
		/* All valid together; each is valid if none begins inside a character. */
		for (int64_t i = 0; i < c->length; i++)
			split |= o[i] < o[c->length] && (text[o[i]] & 0xc0) == 0x80;
		if (!split)
			return CAT_OK;
	}
	for (int64_t i = 0; i < c->length; i++)
		if (cat_column_valid(c, i) && !cat_utf8_valid(text + o[i], (size_t)(o[i + 1] - o[i]), NULL))
			return cat_fail(err, CAT_E_DATA, "text of row %lld is not valid UTF-8", (long long)i);
	return CAT_OK;
}

static int read_text(struct cat_ipc_walk *w, const struct cat_ipc_node *node, struct cat_column *c,
                     struct cat_error *err)
{
	const int32_t *o;
	int64_t first;

	CAT_TRY(read_offsets(w, node, c, &first, err));
	CAT_TRY(cat_ipc_walk_buffer(w, 0, 0, 1, &c->data, err));
	o = cat_column_offsets(c);
	if ((uint64_t)first + (uint64_t)o[c->length] > c->data->size)
		return cat_fail(err, CAT_E_DATA, "offsets beyond the %zu bytes of text", c->data->size);
	if (first) {
		struct cat_buf *all = c->data;
		int rc;

		c->data = NULL;
		rc = cat_buf_slice(all, (size_t)first, (size_t)o[c->length], &c->data, err);
		cat_buf_unref(all);
		CAT_TRY(rc);
	}
	return check_utf8(c, err);
}

/* A view: length, then the text itself, or four bytes of it, buffer number and offset. */
struct view {
	int32_t length;
	uint8_t text[4];
	int32_t buffer, off;
};

static int view_text(const struct view *v, struct cat_buf *const *bufs, int64_t nbufs, const uint8_t **out,
                     struct cat_error *err)
{
	if (v->length >= 0 && v->length <= 12) {
		*out = v->text;
		return CAT_OK;
	}
	if (v->length < 0 || v->buffer < 0 || v->buffer >= nbufs || v->off < 0 ||
	    (uint64_t)v->off + (uint64_t)v->length > bufs[v->buffer]->size)
		return cat_fail(err, CAT_E_DATA, "a view beyond its buffers");
	*out = bufs[v->buffer]->data + v->off;
	return CAT_OK;
}

static int gather_views(struct cat_column *c, const struct view *views, struct cat_buf *const *bufs,
                        int64_t nbufs, struct cat_error *err)
{
	int64_t total = 0;
	const uint8_t *text;
	int32_t *o;

	CAT_TRY(cat_buf_new(((size_t)c->length + 1) * sizeof(int32_t), &c->offsets, err));
	o = (int32_t *)(void *)c->offsets->data;
	o[0] = 0;
	for (int64_t i = 0; i < c->length; i++) {
		if (cat_column_valid(c, i)) {
			CAT_TRY(view_text(&views[i], bufs, nbufs, &text, err));
			total += views[i].length;
		}
		if (total > INT32_MAX)
			return cat_fail(err, CAT_E_UNSUPPORTED, "more than 2 GiB of text in one column of one batch");
		o[i + 1] = (int32_t)total;
	}
	CAT_TRY(cat_buf_new((size_t)total, &c->data, err));
	for (int64_t i = 0; i < c->length; i++)
		if (o[i + 1] > o[i]) {
			CAT_TRY(view_text(&views[i], bufs, nbufs, &text, err));
			memcpy(c->data->data + o[i], text, (size_t)(o[i + 1] - o[i]));
		}
	return check_utf8(c, err);
}

static void swap_views(struct cat_buf *b, int64_t n)
{
	for (int64_t i = 0; i < n; i++) {
		uint8_t *p = b->data + 16 * i;
		int32_t length;

		cat_ipc_swap(p, 1, 4);
		memcpy(&length, p, 4);
		if (length > 12)
			cat_ipc_swap(p + 8, 2, 4);
	}
}

static int read_views(struct cat_ipc_walk *w, struct cat_column *c, struct cat_error *err)
{
	const size_t need = 16 * (size_t)c->length;
	struct cat_buf *raw, *views = NULL, **bufs;
	int64_t nbufs, got = 0;
	int rc;

	CAT_TRY(cat_ipc_walk_buffer(w, need, need, 1, &raw, err));
	rc = cat_ipc_walk_views(w, &nbufs, err);
	if (rc == CAT_OK && w->in->plan->big_endian)
		rc = cat_buf_copy(raw->data, need, &views, err);
	else if (rc == CAT_OK)
		views = cat_buf_ref(raw);
	cat_buf_unref(raw);
	CAT_TRY(rc);
	if (w->in->plan->big_endian)
		swap_views(views, c->length);
	bufs = cat_calloc((size_t)nbufs, sizeof(struct cat_buf *));
	if (!bufs)
		rc = cat_fail_mem(err, (size_t)nbufs * sizeof *bufs);
	for (; rc == CAT_OK && got < nbufs; got++) {
		rc = cat_ipc_walk_buffer(w, 0, 0, 1, &bufs[got], err);
		if (rc != CAT_OK)
			break;
	}
	if (rc == CAT_OK)
		rc = gather_views(c, (const struct view *)(const void *)views->data, bufs, nbufs, err);
	while (got > 0)
		cat_buf_unref(bufs[--got]);
	cat_free(bufs);
	cat_buf_unref(views);
	return rc;
}

static int read_column(struct cat_ipc_walk *w, const struct cat_ipc_node *node, bool values,
                       struct cat_column **out, struct cat_error *err);

static int read_list(struct cat_ipc_walk *w, const struct cat_ipc_node *node, struct cat_column *c,
                     struct cat_error *err)
{
	struct cat_column *child;
	int64_t first, last;
	int rc = CAT_OK;

	CAT_TRY(read_offsets(w, node, c, &first, err));
	CAT_TRY(read_column(w, &node->children[0], false, &child, err));
	last = first + cat_column_offsets(c)[c->length];
	if (last > child->length)
		rc = cat_fail(err, CAT_E_DATA, "offsets beyond the %lld list elements", (long long)child->length);
	else if (first)
		rc = cat_column_slice(child, first, last - first, &c->children[0], err);
	else
		c->children[0] = cat_column_ref(child);
	cat_column_unref(child);
	return rc;
}

static int read_group(struct cat_ipc_walk *w, const struct cat_ipc_node *node, struct cat_column *c,
                      struct cat_error *err)
{
	const int64_t want = c->length * (c->type.id == CAT_T_FIXED_LIST ? c->type.width : 1);

	for (int i = 0; i < node->nchildren; i++) {
		CAT_TRY(read_column(w, &node->children[i], false, &c->children[i], err));
		if (c->children[i]->length != want)
			return cat_fail(err, CAT_E_DATA, "a child of %lld elements where %lld are needed",
			                (long long)c->children[i]->length, (long long)want);
	}
	return CAT_OK;
}

static int read_body(struct cat_ipc_walk *w, const struct cat_ipc_node *node, int64_t nulls, struct cat_column *c,
                     struct cat_error *err)
{
	if (node->layout == CAT_IPC_L_NULL) {
		c->null_count = c->length;
		return CAT_OK;
	}
	CAT_TRY(read_validity(w, nulls, c, err));
	switch (node->layout) {
	case CAT_IPC_L_TEXT:
	case CAT_IPC_L_LARGE_TEXT:
		return read_text(w, node, c, err);
	case CAT_IPC_L_VIEW:
		return read_views(w, c, err);
	case CAT_IPC_L_LIST:
	case CAT_IPC_L_LARGE_LIST:
		return read_list(w, node, c, err);
	case CAT_IPC_L_GROUP:
		return read_group(w, node, c, err);
	case CAT_IPC_L_NULL:
	case CAT_IPC_L_FIXED:
	case CAT_IPC_L_HALF:
	default:
		return read_fixed(w, node, c, err);
	}
}

#define INDICES(T)                                                                    \
	for (int64_t i = 0; i < n; i++) {                                             \
		const T v = ((const T *)(const void *)from->data->data)[i];           \
		to[i] = (uint64_t)v >= (uint64_t)limit ? -1 : (int32_t)v; /* negative: huge */ \
	}

/* Index values as rows of the dictionary; -1 for null. */
static int index_rows(const struct cat_column *from, const struct cat_ipc_node *node, int64_t limit, int32_t *to,
                      struct cat_error *err)
{
	const int64_t n = from->length;

	switch (node->index_bytes * 2 + node->index_signed) {
	case 2:
		INDICES(uint8_t)
		break;
	case 3:
		INDICES(int8_t)
		break;
	case 4:
		INDICES(uint16_t)
		break;
	case 5:
		INDICES(int16_t)
		break;
	case 8:
		INDICES(uint32_t)
		break;
	case 9:
		INDICES(int32_t)
		break;
	case 16:
		INDICES(uint64_t)
		break;
	default:
		INDICES(int64_t)
		break;
	}
	for (int64_t i = 0; i < n; i++) {
		if (!cat_column_valid(from, i))
			to[i] = -1;
		else if (to[i] < 0)
			return cat_fail(err, CAT_E_DATA, "dictionary index of row %lld beyond the dictionary's %lld values",
			                (long long)i, (long long)limit);
	}
	return CAT_OK;
}

/* Elements per value of fixed-size lists, down to the innermost. */
static int64_t fixed_elements(const struct cat_field *f)
{
	int64_t most = 1;

	for (int i = 0; i < f->nchildren; i++) {
		const int64_t below = fixed_elements(&f->children[i]);

		most = below > most ? below : most;
	}
	if (f->type.id == CAT_T_FIXED_LIST && f->type.width > 1)
		most = most > INT32_MAX / f->type.width ? INT32_MAX : most * f->type.width;
	return most;
}

/* One id may serve several fields; hostile ones differ in type. */
static bool fits(const struct cat_column *c, const struct cat_field *f)
{
	bool same = c->type.id == f->type.id && c->type.unit == f->type.unit && c->type.width == f->type.width &&
	            c->type.precision == f->type.precision && c->type.scale == f->type.scale &&
	            c->nchildren == f->nchildren;

	for (int i = 0; same && i < f->nchildren; i++)
		same = fits(c->children[i], &f->children[i]);
	return same;
}

static int read_indices(struct cat_ipc_walk *w, const struct cat_ipc_node *node, int64_t nulls,
                        struct cat_column *index, struct cat_column **out, struct cat_error *err)
{
	const size_t need = (size_t)index->length * (size_t)node->index_bytes;
	const struct cat_column *values = NULL;
	int32_t *rows;
	int rc;

	if (index->length > INT32_MAX / fixed_elements(node->field))
		return cat_fail(err, CAT_E_UNSUPPORTED, "more than 2^31 list elements in one batch");
	CAT_TRY(read_validity(w, nulls, index, err));
	CAT_TRY(cat_ipc_walk_buffer(w, need, need, node->index_bytes, &index->data, err));
	for (int i = 0; w->in->dicts && i < w->in->dicts->n; i++)
		if (w->in->dicts->items[i].id == node->dictionary_id)
			values = w->in->dicts->items[i].values;
	if (!values) {
		/* A column without a value may come without its dictionary. */
		if (cat_column_null_count(index) < index->length)
			return cat_fail(err, CAT_E_DATA, "dictionary %lld was not sent", (long long)node->dictionary_id);
		return cat_column_nulls(node->field, index->length, out, err);
	}
	if (!fits(values, node->field))
		return cat_fail(err, CAT_E_DATA, "dictionary %lld is of another type", (long long)node->dictionary_id);
	rows = cat_malloc((size_t)index->length * sizeof *rows);
	if (!rows)
		return cat_fail_mem(err, (size_t)index->length * sizeof *rows);
	rc = index_rows(index, node, values->length, rows, err);
	if (rc == CAT_OK)
		rc = cat_take(values, rows, index->length, out, err);
	cat_free(rows);
	return rc;
}

/* Rows of such a column cost the sender nothing: how many there are is limited. */
#define MAX_FREE_ROWS (1 << 24)

static bool is_free(const struct cat_field *f)
{
	return f->type.id == CAT_T_NULL || (f->type.id == CAT_T_STRUCT && f->nchildren == 0) ||
	       ((f->type.id == CAT_T_FIXED_LIST || f->type.id == CAT_T_FIXED_BINARY) && f->type.width == 0);
}

/* VALUES: a dictionary's own values are read, not indices into it. */
static int read_column(struct cat_ipc_walk *w, const struct cat_ipc_node *node, bool values,
                       struct cat_column **out, struct cat_error *err)
{
	const bool indices = node->dictionary && !values;
	struct cat_column *c;
	int64_t length, nulls;
	int rc;

	CAT_TRY(cat_ipc_walk_node(w, &length, &nulls, err));
	if (length > MAX_FREE_ROWS && is_free(node->field) && !indices)
		return cat_fail(err, CAT_E_UNSUPPORTED, "%lld rows of a type without content", (long long)length);
	CAT_TRY(cat_column_new(&node->field->type, length, indices ? 0 : node->nchildren, &c, err));
	rc = indices ? read_indices(w, node, nulls, c, out, err) : read_body(w, node, nulls, c, err);
	if (rc == CAT_OK && !indices)
		*out = cat_column_ref(c);
	cat_column_unref(c);
	return rc;
}

/* Moves past one column; its buffers lie in [*FROM, *TO) of the body. */
static int skip_column(struct cat_ipc_walk *w, const struct cat_ipc_node *node, int64_t *from, int64_t *to,
                       struct cat_error *err)
{
	static const int buffers[] = {
		[CAT_IPC_L_NULL] = 0, [CAT_IPC_L_FIXED] = 2,      [CAT_IPC_L_HALF] = 2,
		[CAT_IPC_L_TEXT] = 3, [CAT_IPC_L_LARGE_TEXT] = 3, [CAT_IPC_L_VIEW] = 2,
		[CAT_IPC_L_LIST] = 2, [CAT_IPC_L_LARGE_LIST] = 2, [CAT_IPC_L_GROUP] = 1,
	};
	int64_t length, nulls, views = 0, n = node->dictionary ? 2 : buffers[node->layout];

	CAT_TRY(cat_ipc_walk_node(w, &length, &nulls, err));
	if (node->layout == CAT_IPC_L_VIEW && !node->dictionary)
		CAT_TRY(cat_ipc_walk_views(w, &views, err));
	for (n += views; n > 0; n--) {
		int64_t off, len;

		CAT_TRY(cat_ipc_walk_place(w, &off, &len, err));
		if (len && off < *from)
			*from = off;
		if (len && off + len > *to)
			*to = off + len;
	}
	for (int i = 0; i < node->nchildren && !node->dictionary; i++)
		CAT_TRY(skip_column(w, &node->children[i], from, to, err));
	return CAT_OK;
}

static int read_columns(struct cat_ipc_walk *w, const int *cols, int n, struct cat_batch *b, struct cat_error *err)
{
	const struct cat_ipc_plan *plan = w->in->plan;
	int k = 0;

	for (int i = 0; i < plan->schema->nfields; i++) {
		int64_t from = INT64_MAX, to = 0;
		int rc;

		if (k < n && cols[k] == i) {
			rc = read_column(w, &plan->nodes[i], false, &b->cols[k], err);
			if (rc == CAT_OK && b->cols[k]->length != b->nrows)
				rc = cat_fail(err, CAT_E_DATA, "%lld rows in a batch of %lld", (long long)b->cols[k]->length,
				              (long long)b->nrows);
			k++;
		} else {
			rc = skip_column(w, &plan->nodes[i], &from, &to, err);
		}
		if (rc != CAT_OK)
			return cat_wrap(err, "column %s", plan->schema->fields[i].name);
	}
	return cat_ipc_walk_end(w, err);
}

int cat_ipc_decode_batch(const struct cat_ipc_decode *in, const int *cols, int n, struct cat_schema *schema,
                         struct cat_batch **out, struct cat_error *err)
{
	const int64_t nrows = cat_ipc_batch_rows(in->batch);
	struct cat_ipc_walk w;
	struct cat_batch *b;
	int rc;

	if (nrows < 0 || nrows > INT32_MAX)
		return cat_fail(err, CAT_E_DATA, "a record batch of %lld rows", (long long)nrows);
	CAT_TRY(cat_ipc_walk_init(&w, in, err));
	CAT_TRY(cat_batch_new(schema, nrows, &b, err));
	rc = read_columns(&w, cols, n, b, err);
	cat_ipc_walk_fini(&w);
	if (rc != CAT_OK) {
		cat_batch_unref(b);
		return rc;
	}
	*out = b;
	return CAT_OK;
}

int cat_ipc_decode_values(const struct cat_ipc_decode *in, const struct cat_ipc_node *node,
                          struct cat_column **out, struct cat_error *err)
{
	struct cat_ipc_walk w;
	int rc;

	CAT_TRY(cat_ipc_walk_init(&w, in, err));
	rc = read_column(&w, node, true, out, err);
	if (rc == CAT_OK) {
		rc = cat_ipc_walk_end(&w, err);
		if (rc != CAT_OK)
			cat_column_unref(*out);
	}
	cat_ipc_walk_fini(&w);
	return rc;
}

static int by_offset(const void *a, const void *b)
{
	const struct cat_range *x = a, *y = b;

	return (x->off_bytes > y->off_bytes) - (x->off_bytes < y->off_bytes);
}

int cat_ipc_decode_ranges(const struct cat_ipc_decode *in, const int *cols, int n, struct cat_range *out,
                          int *nout, struct cat_error *err)
{
	struct cat_ipc_walk w;
	int k = 0, found = 0, merged = 0;

	CAT_TRY(cat_ipc_walk_init(&w, in, err));
	for (int i = 0; i < in->plan->schema->nfields; i++) {
		int64_t from = INT64_MAX, to = 0;

		CAT_TRY(skip_column(&w, &in->plan->nodes[i], &from, &to, err));
		if (k >= n || cols[k] != i)
			continue;
		k++;
		if (to > from)
			out[found++] = (struct cat_range){from, (size_t)(to - from)};
	}
	qsort(out, (size_t)found, sizeof *out, by_offset);
	for (int i = 0; i < found; i++) {
		struct cat_range *last = &out[merged - 1];

		/* Padding between neighbours is at most 64 bytes. */
		if (merged && out[i].off_bytes <= last->off_bytes + (int64_t)last->len + 64) {
			const int64_t end = out[i].off_bytes + (int64_t)out[i].len;

			if (end > last->off_bytes + (int64_t)last->len)
				last->len = (size_t)(end - last->off_bytes);
		} else {
			out[merged++] = out[i];
		}
	}
	*nout = merged;
	return CAT_OK;
}
