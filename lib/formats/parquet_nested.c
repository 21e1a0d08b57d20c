/* Levels and values to Arrow columns (parquet-format README.md, "Nested Encoding"). */
#include <string.h>

#include "base/alloc.h"
#include "columnar/kernels.h"
#include "formats/parquet_decode.h"

/* From the last slot down, so that nothing is overwritten before it has moved; until those that are left are all
 * values. Without a branch: there is a value at K, be it another's. */
#define SPREAD(T)                                                                \
	do {                                                                     \
		T *v = (T *)(void *)values + at;                                 \
		for (int64_t m; n > k; n -= m) {                                 \
			m = n < CAT_BITS_WORD ? n : CAT_BITS_WORD;               \
			const uint64_t word = cat_bits_word(validity, at + n - m); \
			for (int64_t i = m - 1; i >= 0; i--) {                   \
				const uint64_t valid = word >> i & 1;            \
				k -= (int64_t)valid;                             \
				v[n - m + i] = (T)(v[k] & (0 - valid));          \
			}                                                        \
		}                                                                \
	} while (0)

static void spread(uint8_t *values, int width, const uint8_t *validity, int64_t at, int64_t n, int64_t k)
{
	switch (width) {
	case 1:
		SPREAD(uint8_t);
		break;
	case 2:
		SPREAD(uint16_t);
		break;
	case 4:
		SPREAD(uint32_t);
		break;
	case 8:
		SPREAD(uint64_t);
		break;
	default:
		for (int64_t i = n - 1; i >= 0; i--) {
			uint8_t *to = values + (at + i) * width;

			if (cat_bit_get(validity, at + i))
				memmove(to, values + (at + --k) * width, (size_t)width);
			else
				memset(to, 0, (size_t)width);
		}
	}
}

static void spread_text(int32_t *offsets, const uint8_t *validity, int64_t at, int64_t n, int64_t k)
{
	for (int64_t i = n - 1; i >= 0; i--) {
		offsets[at + i + 1] = offsets[at + k];
		k -= cat_bit_get(validity, at + i);
	}
}

int cat_pq_spread(struct cat_pq_data *d, const uint8_t *validity, int64_t at, int64_t n, int64_t k,
                  struct cat_error *err)
{
	const bool first = !d->text.offsets;

	if (d->width) {
		CAT_TRY(cat_buf_resize(&d->values, (size_t)(at + n) * (size_t)d->width, err));
		spread(d->values->data, d->width, validity, at, n, k);
	} else {
		CAT_TRY(cat_buf_resize(&d->text.offsets, (size_t)(at + n + 1) * sizeof(int32_t), err));
		if (first)
			memset(d->text.offsets->data, 0, sizeof(int32_t));
		spread_text((int32_t *)(void *)d->text.offsets->data, validity, at, n, k);
		d->text.n = at + n;
	}
	d->nvalues = at + n;
	return CAT_OK;
}

/* What holds around a field: a slot is an entry with rep <= R and def >= D. */
struct around {
	int r, d;
};

static int assemble(const struct cat_field *f, const struct cat_pq_node *n, struct cat_pq_data *d0,
                    struct cat_pq_data *d, struct around at, struct cat_column **out, struct cat_error *err);

static int bits_of(int64_t n, struct cat_buf **b, struct cat_error *err)
{
	return cat_buf_zeroed((size_t)(n + 7) / 8, b, err);
}

/* The first leaf of N that was decoded; NULL: none of them. D is of its first one. */
static struct cat_pq_data *decoded(const struct cat_pq_node *n, struct cat_pq_data *d)
{
	for (int i = 0; i < n->nleaves; i++)
		if (d[i].leaf)
			return &d[i];
	return NULL;
}

/* Validity of a field from leaf L: one bit for each slot, set where def >= VALID. Counts slots and nulls. */
static int validity(const struct cat_pq_data *l, struct around at, int valid, struct cat_buf **bits,
                    int64_t *slots, int64_t *nulls, struct cat_error *err)
{
	const uint8_t *def = l->def->data, *rep = l->rep->data;
	int64_t n = 0, set = 0;
	uint8_t *to;

	CAT_TRY(bits_of(l->nslots, bits, err));
	to = (*bits)->data;
	for (int64_t i = 0; i < l->nslots; i++) {
		const bool slot = rep[i] <= at.r && def[i] >= at.d, ok = slot && def[i] >= valid;

		to[n >> 3] |= (uint8_t)((unsigned)ok << (n & 7));
		set += ok;
		n += slot;
	}
	(*bits)->size = (size_t)(n + 7) / 8;
	*slots = n;
	*nulls = n - set;
	return CAT_OK;
}

/* Booleans a byte each to bits. */
static int pack_bools(struct cat_buf *bytes, int64_t n, struct cat_buf **out, struct cat_error *err)
{
	CAT_TRY(bits_of(n, out, err));
	for (int64_t i = 0; i < n; i++)
		(*out)->data[i >> 3] |= (uint8_t)((bytes->data[i] & 1u) << (i & 7));
	return CAT_OK;
}

/* Hands the values of D, which stand at their slots, to C. */
static int leaf_buffers(struct cat_pq_data *d, struct cat_column *c, struct cat_error *err)
{
	const size_t n = (size_t)c->length;

	if (d->leaf->conv == CAT_PQ_ALL_NULL) {
		c->null_count = c->length;
		cat_buf_unref(c->validity);
		c->validity = NULL;
		return CAT_OK;
	}
	if (d->width == 0) {
		CAT_TRY(cat_buf_resize(&d->text.offsets, (n + 1) * sizeof(int32_t), err));
		if (d->text.n == 0)
			memset(d->text.offsets->data, 0, sizeof(int32_t));
		CAT_TRY(cat_buf_resize(&d->text.bytes, d->text.len, err));
		c->offsets = d->text.offsets;
		c->data = d->text.bytes;
		d->text.offsets = d->text.bytes = NULL;
		return CAT_OK;
	}
	CAT_TRY(cat_buf_resize(&d->values, n * (size_t)d->width, err));
	if (d->leaf->conv == CAT_PQ_BITS)
		return pack_bools(d->values, c->length, &c->data, err);
	c->data = d->values;
	d->values = NULL;
	return CAT_OK;
}

static int leaf_column(const struct cat_field *f, struct cat_pq_data *d, struct around at, struct cat_column *c,
                       struct cat_error *err)
{
	int64_t values;

	if (d->bare) {
		c->length = d->nslots;
		c->null_count = d->nulls;
		if (d->nulls)
			c->validity = cat_buf_ref(d->validity);
		return leaf_buffers(d, c, err);
	}
	CAT_TRY(validity(d, at, d->leaf->max_def, &c->validity, &c->length, &c->null_count, err));
	values = c->length - c->null_count;
	if (d->leaf->conv != CAT_PQ_ALL_NULL && d->nvalues != values)
		return cat_fail(err, CAT_E_DATA, "values and levels of column %s disagree", f->name);
	if (c->null_count && d->leaf->conv != CAT_PQ_ALL_NULL) {
		CAT_TRY(cat_pq_spread(d, c->validity->data, 0, c->length, values, err));
	} else if (c->null_count == 0) {
		cat_buf_unref(c->validity);
		c->validity = NULL;
	}
	return leaf_buffers(d, c, err);
}

static int struct_column(const struct cat_field *f, const struct cat_pq_node *n, struct cat_pq_data *d0,
                         struct cat_pq_data *d, struct around at, struct cat_column *c, struct cat_error *err)
{
	if (n->nleaves == 0) { /* an empty group: nothing is stored of it */
		c->length = d0 ? d0->nrows : 0;
		c->null_count = 0;
		return CAT_OK;
	}
	CAT_TRY(validity(decoded(n, d), at, n->def_valid, &c->validity, &c->length, &c->null_count, err));
	for (int i = 0; i < n->nchildren; i++) {
		const struct cat_pq_node *child = &n->children[i];
		struct cat_buf *bits;
		int64_t slots, nulls;
		bool same;

		if (child->nleaves == 0 && at.r > 0)
			return cat_fail(err, CAT_E_UNSUPPORTED, "an empty group in a list");
		if (child->nleaves && !decoded(child, d + (child->leaf - n->leaf))) {
			CAT_TRY(cat_column_nulls(&f->children[i], c->length, &c->children[i], err));
			continue;
		}
		if (child->nleaves) {
			CAT_TRY(validity(decoded(child, d + (child->leaf - n->leaf)), at, n->def_valid, &bits,
			                 &slots, &nulls, err));
			same = slots == c->length &&
			       memcmp(bits->data, c->validity->data, (size_t)(slots + 7) / 8) == 0;
			cat_buf_unref(bits);
			if (!same)
				return cat_fail(err, CAT_E_DATA, "the columns of group %s disagree about its rows",
				                f->name);
		}
		CAT_TRY(assemble(&f->children[i], child, d0, d + (child->leaf - n->leaf), at, &c->children[i],
		                 err));
		if (c->children[i]->length != c->length)
			return cat_fail(err, CAT_E_DATA, "the columns of group %s differ in length", f->name);
	}
	if (c->null_count == 0) {
		cat_buf_unref(c->validity);
		c->validity = NULL;
	}
	return CAT_OK;
}

/* Offsets of a list's slots from leaf L, whose elements begin at REP and DEF. */
static int list_offsets(const struct cat_pq_data *l, struct around at, const struct cat_pq_node *n,
                        struct cat_column *c, struct cat_error *err)
{
	const uint8_t *def = l->def->data, *rep = l->rep->data;
	int32_t *o, count = 0;
	int64_t slot = 0;

	CAT_TRY(cat_buf_new((size_t)(c->length + 1) * sizeof *o, &c->offsets, err));
	o = (int32_t *)(void *)c->offsets->data;
	for (int64_t i = 0; i < l->nslots; i++) {
		if (rep[i] <= at.r && def[i] >= at.d)
			o[slot++] = count;
		count += rep[i] <= n->rep && def[i] >= n->def_element;
	}
	o[slot] = count;
	return CAT_OK;
}

/* A list whose rows all have the width that its type says. */
static int fixed_list(const struct cat_field *f, struct cat_column *c, struct cat_error *err)
{
	const int32_t *o = (const int32_t *)(const void *)c->offsets->data, width = f->type.width;
	struct cat_column *child = NULL;
	int32_t *idx = NULL;
	int rc = CAT_OK;

	for (int64_t i = 0; i < c->length; i++)
		if (cat_column_valid(c, i) && o[i + 1] - o[i] != width)
			return cat_fail(err, CAT_E_DATA, "a list of %d elements where all have %d",
			                (int)(o[i + 1] - o[i]), (int)width);
	if (c->length > INT32_MAX / width)
		return cat_fail(err, CAT_E_UNSUPPORTED, "more than 2^31 list elements in one batch");
	if (o[c->length] != c->length * width) {
		idx = cat_malloc((size_t)c->length * (size_t)width * sizeof *idx);
		if (!idx)
			return cat_fail_mem(err, (size_t)c->length * (size_t)width * sizeof *idx);
		for (int64_t i = 0; i < c->length; i++)
			for (int32_t k = 0; k < width; k++)
				idx[i * width + k] = cat_column_valid(c, i) ? o[i] + k : -1;
		rc = cat_take(c->children[0], idx, c->length * width, &child, err);
		cat_free(idx);
		if (rc != CAT_OK)
			return rc;
		cat_column_unref(c->children[0]);
		c->children[0] = child;
	}
	cat_buf_unref(c->offsets);
	c->offsets = NULL;
	return CAT_OK;
}

static int list_column(const struct cat_field *f, const struct cat_pq_node *n, struct cat_pq_data *d0,
                       struct cat_pq_data *d, struct around at, struct cat_column *c, struct cat_error *err)
{
	const struct around in = {n->rep, n->def_element};

	CAT_TRY(validity(decoded(n, d), at, n->def_valid, &c->validity, &c->length, &c->null_count, err));
	CAT_TRY(list_offsets(decoded(n, d), at, n, c, err));
	if (c->null_count == 0) {
		cat_buf_unref(c->validity);
		c->validity = NULL;
	}
	CAT_TRY(assemble(&f->children[0], &n->children[0], d0, d, in, &c->children[0], err));
	if (c->children[0]->length != ((const int32_t *)(const void *)c->offsets->data)[c->length])
		return cat_fail(err, CAT_E_DATA, "the elements of list %s differ in number", f->name);
	return f->type.id == CAT_T_FIXED_LIST ? fixed_list(f, c, err) : CAT_OK;
}

/* D0 is any leaf of the whole column, D the first one below F. */
static int assemble(const struct cat_field *f, const struct cat_pq_node *n, struct cat_pq_data *d0,
                    struct cat_pq_data *d, struct around at, struct cat_column **out, struct cat_error *err)
{
	struct cat_column *c;
	int rc;

	CAT_TRY(cat_column_new(&f->type, 0, f->nchildren, &c, err));
	if (n->kind == CAT_PQ_NODE_LEAF)
		rc = leaf_column(f, d, at, c, err);
	else if (n->kind == CAT_PQ_NODE_STRUCT)
		rc = struct_column(f, n, d0, d, at, c, err);
	else
		rc = list_column(f, n, d0, d, at, c, err);
	if (rc != CAT_OK) {
		cat_column_unref(c);
		return rc;
	}
	*out = c;
	return CAT_OK;
}

int cat_pq_assemble(const struct cat_field *f, const struct cat_pq_node *n, struct cat_pq_data *d,
                    struct cat_column **out, struct cat_error *err)
{
	return assemble(f, n, decoded(n, d), d, (struct around){0, 0}, out, err);
}
