#include "unit.h"

#include "columnar/gather.h"
#include "columnar/kernels.h"

static uint64_t rng;

static int64_t below(int64_t n)
{
	rng ^= rng << 13, rng ^= rng >> 7, rng ^= rng << 17;
	return (int64_t)(rng >> 11) % n;
}

/* --- columns of any type --- */

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

/* --- what is gathered is what was there --- */

#define PARTS 7
#define ROWS 300
static struct cat_place at[ROWS];

/* Slices of up to 100 rows, some without nulls. */
static void make_parts(const struct cat_field *f, int nparts, enum holes holes, struct cat_column **parts)
{
	for (int p = 0; p < nparts; p++) {
		const int64_t n = 1 + below(100), off = below(70);
		struct cat_column *whole = random_column(f, n + off + below(9), below(3) ? holes : NONE);
		struct cat_error err;

		assert_cat_ok(cat_column_slice(whole, off, n, &parts[p], &err), err);
		cat_column_unref(whole);
	}
}

static void check(const struct cat_field *f, int nparts, enum holes holes, bool outer)
{
	const struct cat_column *parts[PARTS];
	struct cat_column *own[PARTS], *got, *taken;
	struct cat_error err;
	int32_t idx[ROWS];
	const int64_t n = below(4) ? 1 + below(ROWS) : 64 * below(4);
	int64_t nulls = 0;

	make_parts(f, nparts, holes, own);
	for (int p = 0; p < nparts; p++)
		parts[p] = own[p];
	for (int64_t i = 0; i < n; i++) {
		at[i].part = outer && below(5) == 0 ? -1 : (int32_t)below(nparts);
		at[i].row = at[i].part < 0 ? (int32_t)below(1000) : (int32_t)below(parts[at[i].part]->length);
		idx[i] = at[i].part < 0 ? -1 - (int32_t)below(9) : at[i].row;
	}
	assert_cat_ok(cat_gather(parts, (size_t)nparts, at, n, &got, &err), err);
	assert_int_equal(got->length, n);
	for (int64_t i = 0; i < n; i++) {
		const bool none = at[i].part < 0;

		nulls += none || !cat_column_valid(parts[at[i].part], at[i].row);
		if (!same_row(got, i, parts[none ? 0 : at[i].part], none ? -1 : at[i].row))
			fail_msg("type %d, %d parts: row %d is not row %d of part %d", f->type.id, nparts, (int)i, at[i].row,
			         at[i].part);
	}
	assert_int_equal(got->null_count, nulls);
	assert_true(f->type.id == CAT_T_NULL || (got->validity != NULL) == (nulls > 0));
	if (nparts == 1) {
		assert_cat_ok(cat_take(parts[0], idx, n, &taken, &err), err);
		assert_int_equal(taken->null_count, nulls);
		for (int64_t i = 0; i < n; i++)
			assert_true(same_row(taken, i, got, i));
		cat_column_unref(taken);
	}
	cat_column_unref(got);
	for (int p = 0; p < nparts; p++)
		cat_column_unref(own[p]);
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

static void every_type_row_by_row(void **state)
{
	(void)state;
	rng = 20260717;
	for (int id = CAT_T_NULL; id < CAT_T_COUNT; id++) {
		struct cat_field f = {0};

		make_field(&f, (enum cat_type_id)id);
		for (int round = 0; round < 40; round++)
			check(&f, round % 2 ? 1 : 2 + (int)below(PARTS - 1), (enum holes)(round % 3), round % 5 == 0);
		cat_field_fini(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {UNIT_TEST(every_type_row_by_row)};

	return cmocka_run_group_tests_name("columnar_gather", tests, NULL, NULL);
}
