/* columns -- columns of any type with random values, and whether two rows are the same.
 *
 * Include behind unit.h.
 */
#ifndef CAT_TESTS_COLUMNS_H
#define CAT_TESTS_COLUMNS_H

#include "columnar/batch.h"

static uint64_t rng;

static int64_t below(int64_t n)
{
	rng ^= rng << 13, rng ^= rng >> 7, rng ^= rng << 17;
	return (int64_t)(rng >> 11) % n;
}

/* How many nulls a column has. */
enum holes { NONE, FEW, ALL };

static struct cat_buf *random_bits(int64_t n, enum holes holes)
{
	struct cat_error err;
	struct cat_buf *b;

	assert_cat_ok(cat_buf_zeroed((size_t)(n + 7) / 8, &b, &err), err);
	for (int64_t i = 0; i < n; i++)
		if (holes == NONE ? true : holes == FEW && below(4) > 0)
			cat_bit_set(b->data, i);
	return b;
}

static struct cat_buf *random_bytes(int64_t n)
{
	struct cat_error err;
	struct cat_buf *b;

	assert_cat_ok(cat_buf_new((size_t)n, &b, &err), err);
	for (int64_t i = 0; i < n; i++)
		b->data[i] = (uint8_t)below(256);
	return b;
}

static struct cat_buf *random_offsets(int64_t n, int64_t *total)
{
	struct cat_error err;
	struct cat_buf *b;
	int32_t *o;

	assert_cat_ok(cat_buf_new(((size_t)n + 1) * sizeof *o, &b, &err), err);
	o = (int32_t *)(void *)b->data;
	o[0] = (int32_t)below(3);
	for (int64_t i = 0; i < n; i++)
		o[i + 1] = o[i] + (int32_t)(below(3) ? below(9) : 0);
	*total = o[n];
	return b;
}

/* N random rows of F's type; HOLES also of the children. */
static struct cat_column *random_column(const struct cat_field *f, int64_t n, enum holes holes)
{
	const enum cat_type_id id = f->type.id;
	struct cat_error err;
	struct cat_column *c;
	int64_t child = n;

	assert_cat_ok(cat_column_new(&f->type, n, f->nchildren, &c, &err), err);
	c->null_count = id == CAT_T_NULL ? n : holes == NONE ? 0 : -1;
	if (holes != NONE && id != CAT_T_NULL)
		c->validity = random_bits(n, holes);
	if (cat_type_is_text(id) || cat_type_is_list(id))
		c->offsets = random_offsets(n, &child);
	if (id == CAT_T_BOOL)
		c->data = random_bits(n, FEW);
	else if (cat_type_is_text(id))
		c->data = random_bytes(child);
	else if (cat_type_bytes(&f->type))
		c->data = random_bytes(n * cat_type_bytes(&f->type));
	if (id == CAT_T_FIXED_LIST)
		child = n * f->type.width;
	for (int k = 0; k < f->nchildren; k++)
		c->children[k] = random_column(&f->children[k], child, holes);
	return c;
}

/* Is row I of A what row J of B is? J -1: is it null? */
static bool same_row(const struct cat_column *a, int64_t i, const struct cat_column *b, int64_t j)
{
	const enum cat_type_id id = a->type.id;
	const int width = cat_type_bytes(&a->type);
	int64_t from_a = i, from_b = j, n = 1;

	if (j < 0 || !cat_column_valid(b, j))
		return !cat_column_valid(a, i);
	if (!cat_column_valid(a, i))
		return false;
	if (id == CAT_T_BOOL)
		return cat_column_bool(a, i) == cat_column_bool(b, j);
	if (width)
		return memcmp(a->data->data + (a->offset + i) * width, b->data->data + (b->offset + j) * width,
		              (size_t)width) == 0;
	if (a->offsets) {
		const int32_t *o = cat_column_offsets(a) + i, *p = cat_column_offsets(b) + j;

		if (o[1] - o[0] != p[1] - p[0])
			return false;
		from_a = o[0], from_b = p[0], n = o[1] - o[0];
	} else if (id == CAT_T_FIXED_LIST) {
		n = a->type.width;
		from_a = i * n, from_b = j * n;
	}
	if (cat_type_is_text(id))
		return memcmp(a->data->data + from_a, b->data->data + from_b, (size_t)n) == 0;
	for (int k = 0; k < a->nchildren; k++)
		for (int64_t m = 0; m < n; m++)
			if (!same_row(a->children[k], from_a + m, b->children[k], from_b + m))
				return false;
	return true;
}

/* A field of a type; nested ones hold what ID's children are made of here. */
static void make_field(struct cat_field *f, enum cat_type_id id)
{
	struct cat_error err;

	assert_cat_ok(cat_field_init(f, "x", id, &err), err);
	if (id == CAT_T_FIXED_BINARY)
		f->type.width = 5;
	if (id == CAT_T_LIST || id == CAT_T_FIXED_LIST || id == CAT_T_MAP || id == CAT_T_STRUCT)
		assert_cat_ok(cat_field_children(f, id == CAT_T_STRUCT ? 3 : 1, &err), err);
	if (id == CAT_T_LIST) {
		make_field(&f->children[0], CAT_T_UTF8);
	} else if (id == CAT_T_FIXED_LIST) {
		f->type.width = 3;
		make_field(&f->children[0], CAT_T_LIST);
	} else if (id == CAT_T_STRUCT) {
		make_field(&f->children[0], CAT_T_F32);
		make_field(&f->children[1], CAT_T_LIST);
		make_field(&f->children[2], CAT_T_BOOL);
	} else if (id == CAT_T_MAP) {
		make_field(&f->children[0], CAT_T_STRUCT);
	}
}

#endif
