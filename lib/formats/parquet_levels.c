/* Arrow columns to level entries (parquet-format README.md, "Nested Encoding"). */
#include <string.h>

#include "base/alloc.h"
#include "formats/parquet_write.h"

/* Entries on their way down: ROWS are rows of COLUMN, -1 where the entry has ended higher up. */
struct front {
	int64_t n;
	int32_t *rows;
	uint32_t *def, *rep;
	const struct cat_column *column;
};

static void front_fini(struct front *f)
{
	cat_free(f->rows);
	cat_free(f->def);
	cat_free(f->rep);
}

static int front_new(int64_t n, struct front *f, struct cat_error *err)
{
	if (n > INT32_MAX)
		return cat_fail(err, CAT_E_UNSUPPORTED, "more than 2^31 list elements in one row group");
	f->n = n;
	f->rows = cat_malloc((size_t)n * sizeof *f->rows);
	f->def = cat_malloc((size_t)n * sizeof *f->def);
	f->rep = cat_malloc((size_t)n * sizeof *f->rep);
	if (f->rows && f->def && f->rep)
		return CAT_OK;
	front_fini(f);
	return cat_fail_mem(err, (size_t)n * sizeof *f->rows);
}

/* Entries end where the column is null. REQUIRED: it must not be. */
static int end_at_nulls(struct front *f, bool required, const struct cat_field *field, struct cat_error *err)
{
	for (int64_t i = 0; i < f->n; i++) {
		if (f->rows[i] < 0)
			continue;
		if (cat_column_valid(f->column, f->rows[i])) {
			f->def[i] += !required;
		} else {
			if (required)
				return cat_fail(err, CAT_E_DATA, "a null %s: keys of maps may not be null",
				                field->name);
			f->rows[i] = -1;
		}
	}
	return CAT_OK;
}

/* Where the elements of row I begin, and how many there are. */
static int64_t elements(const struct cat_column *c, int64_t i, int64_t *count)
{
	if (c->type.id == CAT_T_FIXED_LIST) {
		*count = c->type.width;
		return i * c->type.width;
	}
	*count = cat_column_offsets(c)[i + 1] - cat_column_offsets(c)[i];
	return cat_column_offsets(c)[i];
}

/* Entries become one for each element of their list; empty lists end here. */
static int into_list(struct front *f, uint32_t rep, struct cat_error *err)
{
	struct front in = {0};
	int64_t total = 0, at = 0, count;

	for (int64_t i = 0; i < f->n; i++) {
		count = 0;
		if (f->rows[i] >= 0)
			(void)elements(f->column, f->rows[i], &count);
		total += count > 1 ? count : 1;
	}
	CAT_TRY(front_new(total, &in, err));
	for (int64_t i = 0; i < f->n; i++) {
		int64_t first = 0;

		count = 0;
		if (f->rows[i] >= 0)
			first = elements(f->column, f->rows[i], &count);
		in.rows[at] = count ? (int32_t)first : -1;
		in.def[at] = f->def[i] + (count > 0);
		in.rep[at++] = f->rep[i];
		for (int64_t k = 1; k < count; k++, at++) {
			in.rows[at] = (int32_t)(first + k);
			in.def[at] = f->def[i] + 1;
			in.rep[at] = rep;
		}
	}
	in.column = f->column->children[0];
	front_fini(f);
	*f = in;
	return CAT_OK;
}

static int descend(const struct cat_pq_wleaf *l, struct front *f, struct cat_error *err)
{
	uint32_t rep = 0;

	for (int i = 0; i < l->npath; i++) {
		const struct cat_field *field = l->path[i], *up = i ? l->path[i - 1] : NULL;
		const bool is_pair = up && up->type.id == CAT_T_MAP;
		const bool is_key = i >= 2 && l->path[i - 2]->type.id == CAT_T_MAP && l->child[i] == 0;

		if (up && up->type.id == CAT_T_STRUCT)
			f->column = f->column->children[l->child[i]];
		if (!is_pair)
			CAT_TRY(end_at_nulls(f, is_key, field, err));
		if (field->type.id == CAT_T_STRUCT)
			continue;
		if (cat_type_is_nested(field->type.id))
			CAT_TRY(into_list(f, ++rep, err));
	}
	return CAT_OK;
}

/* The rows that have values, out of the entries that go on to the leaf. */
static void keep_values(const struct front *f, struct cat_pq_entries *e)
{
	int64_t k = 0;

	for (int64_t i = 0; i < f->n; i++) {
		f->rows[k] = f->rows[i];
		k += f->rows[i] >= 0;
	}
	e->nvalues = k;
}

/* Values that stand together, as those of lists mostly do, need no list of rows. */
static int rows_that_follow(struct cat_pq_entries *e, struct cat_error *err)
{
	const int64_t n = e->nvalues;
	bool follow = n > 0;

	for (int64_t k = 0; follow && k < n; k++)
		follow = e->rows[k] == e->rows[0] + k;
	if (!follow)
		return CAT_OK;
	CAT_TRY(cat_column_slice(e->column, e->rows[0], n, &e->own, err));
	e->column = e->own;
	cat_free(e->rows);
	e->rows = NULL;
	return CAT_OK;
}

/* A column that is no part of another: one entry a row. */
static int flat_entries(const struct cat_column *c, struct cat_pq_entries *e, struct cat_error *err)
{
	const uint8_t *valid = c->validity->data;
	int64_t k = 0;

	if (c->length > INT32_MAX)
		return cat_fail(err, CAT_E_UNSUPPORTED, "more than 2^31 rows in one row group");
	/* One more row, so that nulls at the end may be written, too. */
	e->rows = cat_malloc((size_t)(c->length + 1) * sizeof *e->rows);
	if (!e->rows)
		return cat_fail_mem(err, (size_t)c->length * sizeof *e->rows);
	e->valid = valid;
	e->valid_at = c->offset;
	for (int64_t i = 0; i < c->length; i += CAT_BITS_WORD) {
		const int64_t n = c->length - i < CAT_BITS_WORD ? c->length - i : CAT_BITS_WORD;
		const uint64_t word = cat_bits_word(valid, c->offset + i);

		for (int64_t j = 0; j < n; j++) {
			e->rows[k] = (int32_t)(i + j);
			k += (int64_t)(word >> j & 1);
		}
	}
	e->nvalues = k;
	return CAT_OK;
}

int cat_pq_entries_make(const struct cat_pq_wleaf *l, const struct cat_column *c, struct cat_pq_entries *e,
                        struct cat_error *err)
{
	struct front f = {0};
	int rc;

	memset(e, 0, sizeof *e);
	e->n = e->nvalues = c->length;
	e->column = c;
	if (l->npath == 1 && l->conv != CAT_PQ_W_NULL)
		return cat_column_null_count(c) ? flat_entries(c, e, err) : CAT_OK;
	CAT_TRY(front_new(c->length, &f, err));
	for (int64_t i = 0; i < c->length; i++)
		f.rows[i] = (int32_t)i;
	memset(f.def, 0, (size_t)c->length * sizeof *f.def);
	memset(f.rep, 0, (size_t)c->length * sizeof *f.rep);
	f.column = c;
	rc = descend(l, &f, err);
	if (rc != CAT_OK) {
		front_fini(&f);
		return rc;
	}
	keep_values(&f, e);
	e->n = f.n;
	e->rows = f.rows;
	e->def = f.def;
	e->rep = f.rep;
	e->column = f.column;
	return rows_that_follow(e, err);
}

void cat_pq_entries_fini(struct cat_pq_entries *e)
{
	cat_free(e->rows);
	cat_free(e->def);
	cat_free(e->rep);
	cat_column_unref(e->own);
	memset(e, 0, sizeof *e);
}
