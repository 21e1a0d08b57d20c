#include "formats/csv.h"

#include <string.h>

#include "base/alloc.h"

enum cat_type_id cat_csv_type(unsigned seen)
{
	if (seen == 0 || (seen & CAT_CSV_TEXT) || ((seen & CAT_CSV_BOOL) && seen != CAT_CSV_BOOL))
		return CAT_T_UTF8;
	if (seen == CAT_CSV_BOOL)
		return CAT_T_BOOL;
	if ((seen & CAT_CSV_FLOAT) || ((seen & CAT_CSV_NEGATIVE) && (seen & CAT_CSV_BEYOND_I64)))
		return CAT_T_F64;
	return seen & CAT_CSV_BEYOND_I64 ? CAT_T_U64 : CAT_T_I64;
}

void cat_csv_types_fini(struct cat_csv_types *t)
{
	for (int i = 0; i < t->n; i++)
		cat_free(t->cols[i].name);
	cat_free(t->cols);
	memset(t, 0, sizeof *t);
}

int cat_csv_types_copy(struct cat_csv_types *dst, const struct cat_csv_types *src, struct cat_error *err)
{
	memset(dst, 0, sizeof *dst);
	dst->cols = cat_calloc((size_t)src->n, sizeof *dst->cols);
	if (!dst->cols)
		return cat_fail_mem(err, (size_t)src->n * sizeof *dst->cols);
	for (; dst->n < src->n; dst->n++) {
		dst->cols[dst->n].seen = src->cols[dst->n].seen;
		dst->cols[dst->n].name = cat_strdup(src->cols[dst->n].name);
		if (!dst->cols[dst->n].name) {
			cat_csv_types_fini(dst);
			return cat_fail_mem(err, strlen(src->cols[dst->n].name));
		}
	}
	return CAT_OK;
}

/* Whether values of A alone lose digits in the type that A and B together need. */
static bool loses(unsigned a, unsigned b)
{
	return (a & CAT_CSV_BEYOND_F64) && cat_csv_type(a) != CAT_T_F64 && cat_csv_type(a | b) == CAT_T_F64;
}

static int merge_column(struct cat_csv_column *into, unsigned seen, struct cat_error *err)
{
	const unsigned both = into->seen | seen;
	const enum cat_type_id a = cat_csv_type(into->seen), b = cat_csv_type(seen);

	if (into->seen && seen && a != b && !(cat_type_is_number(a) && cat_type_is_number(b)))
		return cat_fail(err, CAT_E_DATA, "column '%s' holds values of different kinds in different inputs",
		                into->name);
	if (loses(into->seen, seen) || loses(seen, into->seen))
		return cat_fail(err, CAT_E_DATA,
		                "column '%s' holds integers beyond 2^53 in one input and fractions, or integers of the "
		                "other sign, in another",
		                into->name);
	into->seen = both;
	return CAT_OK;
}

int cat_csv_types_merge(struct cat_csv_types *into, const struct cat_csv_types *from, struct cat_error *err)
{
	if (into->n != from->n)
		return cat_fail(err, CAT_E_DATA, "%d columns where the first input has %d", from->n, into->n);
	for (int i = 0; i < from->n; i++) {
		int k = i;

		if (strcmp(into->cols[k].name, from->cols[i].name) != 0)
			for (k = 0; k < into->n && strcmp(into->cols[k].name, from->cols[i].name) != 0; k++)
				;
		if (k == into->n)
			return cat_fail(err, CAT_E_DATA, "column '%s' is not in the first input", from->cols[i].name);
		CAT_TRY(merge_column(&into->cols[k], from->cols[i].seen, err));
	}
	return CAT_OK;
}
