#include "formats/csv_lines.h"

#include <string.h>

#include "base/alloc.h"
#include "base/decimals.h"
#include "formats/isotime.h"

static int misfit(const struct cat_csv_rows *r, int64_t row, int col, const struct cat_field *f,
                  struct cat_csv_origin o, struct cat_error *err)
{
	const struct cat_csv_field field = cat_csv_field(r, row, col);
	const unsigned seen = cat_csv_look(field, 0);
	const bool wider = cat_type_is_int(f->type.id) && !(seen & (CAT_CSV_TEXT | CAT_CSV_BOOL));
	const char *better = !wider                       ? "string"
	                     : seen & CAT_CSV_FLOAT       ? "float64"
	                     : seen & CAT_CSV_BEYOND_I64  ? "uint64"
	                                                  : "int64";
	struct cat_text type = {.max = 64};
	char place[40];

	cat_csv_place(r->s, cat_csv_begin(r, row, 0), o, place);
	cat_type_text(f, &type);
	cat_fail(err, CAT_E_DATA, "%s: column '%s': '%.*s' is not %s (--types %s:%s reads it)", place, f->name,
	         (int)(field.n < 40 ? field.n : 40), field.s, type.s ? type.s : "", f->name, better);
	cat_text_fini(&type);
	return CAT_E_DATA;
}

/* Rows FROM + i are null for each bit i of MASK; FROM is a multiple of 64. Validity bits appear with the first
 * null. */
static int set_nulls(struct cat_column *c, int64_t from, uint64_t mask, struct cat_error *err)
{
	uint64_t bits;

	if (!c->validity) {
		CAT_TRY(cat_buf_new((size_t)(c->length + 7) / 8, &c->validity, err));
		memset(c->validity->data, 0xff, c->validity->size);
		if (c->length & 7)
			c->validity->data[c->length >> 3] = (uint8_t)((1u << (c->length & 7)) - 1);
	}
	/* The last word may reach into the padding. */
	memcpy(&bits, c->validity->data + (from >> 3), sizeof bits);
	bits &= ~mask;
	memcpy(c->validity->data + (from >> 3), &bits, sizeof bits);
	c->null_count += __builtin_popcountll(mask);
	return CAT_OK;
}

static int set_null(struct cat_column *c, int64_t row, struct cat_error *err)
{
	return set_nulls(c, row & ~(int64_t)63, UINT64_C(1) << (row & 63), err);
}

static bool parse_bool(const char *s, size_t n, bool *v)
{
	*v = n == 4;
	return cat_csv_is_bool(s, n);
}

/* One loop per type: PARSE reads F into V. What it does not take as it stands may still be a number between
 * blanks, or NULL. */
#define DECODE(V, PARSE, STORE)                                                                      \
	for (int64_t i = 0; i < r->nrows; i++) {                                                     \
		struct cat_csv_field x = cat_csv_field(r, i, col);                                   \
		V v = 0;                                                                             \
		bool ok = PARSE;                                                                     \
		if (__builtin_expect(!ok, 0)) {                                                      \
			x = cat_csv_trim(x);                                                         \
			v = 0;                                                                       \
			if (cat_csv_is_null(x, false))                                               \
				CAT_TRY(set_null(c, i, err));                                        \
			else if (!(PARSE))                                                           \
				return misfit(r, i, col, f, o, err);                                 \
		}                                                                                    \
		STORE;                                                                               \
	}

static int decode_dates(const struct cat_csv_rows *r, int col, const struct cat_field *f, struct cat_csv_origin o,
                        struct cat_column *c, struct cat_error *err)
{
	int32_t *days = (int32_t *)(void *)c->data->data;

	DECODE(int32_t, cat_iso_parse_date(x.s, x.n, &v), days[i] = v)
	return CAT_OK;
}

static int decode_bools(const struct cat_csv_rows *r, int col, const struct cat_field *f, struct cat_csv_origin o,
                        struct cat_column *c, struct cat_error *err)
{
	DECODE(bool, parse_bool(x.s, x.n, &v), if (v) cat_bit_set(c->data->data, i))
	return CAT_OK;
}

/* --- integers --- */

/* What the type holds, as far as int64 goes. */
static void limits(enum cat_type_id id, int64_t *min, int64_t *max)
{
	const int bits = 8 * (int)cat_type_bytes(&(struct cat_type){.id = id});
	const bool is_signed = id == CAT_T_I8 || id == CAT_T_I16 || id == CAT_T_I32 || id == CAT_T_I64;

	*max = bits == 64 ? INT64_MAX : (INT64_C(1) << (bits - is_signed)) - 1;
	*min = is_signed ? -*max - 1 : 0;
}

/* V[0..n) to rows from ROW on. */
static void store_integers(struct cat_column *c, int64_t row, const int64_t *v, int n)
{
	void *to = c->data->data + row * cat_type_bytes(&c->type);

	switch (cat_type_bytes(&c->type)) {
	case 1:
		for (int i = 0; i < n; i++)
			((uint8_t *)to)[i] = (uint8_t)v[i];
		break;
	case 2:
		for (int i = 0; i < n; i++)
			((uint16_t *)to)[i] = (uint16_t)v[i];
		break;
	case 4:
		for (int i = 0; i < n; i++)
			((uint32_t *)to)[i] = (uint32_t)v[i];
		break;
	default:
		memcpy(to, v, (size_t)n * sizeof *v);
	}
}

/* An integer that is not plain digits: between blanks or quotes, signed by a plus, long, or NULL. */
static int other_integer(const struct cat_csv_rows *r, int64_t row, int col, const struct cat_field *f,
                         struct cat_csv_origin o, struct cat_column *c, struct cat_error *err)
{
	const struct cat_csv_field x = cat_csv_trim(cat_csv_field(r, row, col));
	int64_t v = 0, min, max;
	uint64_t u;

	limits(f->type.id, &min, &max);
	if (cat_csv_is_null(x, false))
		CAT_TRY(set_null(c, row, err));
	else if (f->type.id == CAT_T_U64 && cat_parse_u64(x.s, x.n, &u))
		v = (int64_t)u;
	else if (!cat_parse_i64(x.s, x.n, &v) || v < min || v > max)
		return misfit(r, row, col, f, o, err);
	store_integers(c, row, &v, 1);
	return CAT_OK;
}

static int decode_integers(const struct cat_csv_rows *r, int col, const struct cat_field *f, struct cat_csv_origin o,
                           struct cat_column *c, struct cat_error *err)
{
	uint32_t from[CAT_DECIMALS_MAX], len[CAT_DECIMALS_MAX];
	int64_t v[CAT_DECIMALS_MAX], min, max;

	limits(f->type.id, &min, &max);
	for (int64_t row = 0; row < r->nrows; row += CAT_DECIMALS_MAX) {
		const int n = r->nrows - row < CAT_DECIMALS_MAX ? (int)(r->nrows - row) : CAT_DECIMALS_MAX;
		const uint64_t empty = cat_csv_fields(r, row, n, col, from, len);
		uint64_t rest = ~UINT64_C(0) >> (64 - n) & ~empty;

		rest &= ~cat_decimals_i64(r->s, from, len, n, v);
		for (int i = 0; i < n; i++)
			rest |= (uint64_t)(v[i] < min || v[i] > max) << i;
		store_integers(c, row, v, n);
		if (empty)
			CAT_TRY(set_nulls(c, row, empty, err));
		for (; rest; rest &= rest - 1)
			CAT_TRY(other_integer(r, row + __builtin_ctzll(rest), col, f, o, c, err));
	}
	return CAT_OK;
}

/* --- floats --- */

/* A float that is not plain digits: between blanks or quotes, with an exponent, a word, or NULL. */
static int other_float(const struct cat_csv_rows *r, int64_t row, int col, const struct cat_field *f,
                       struct cat_csv_origin o, struct cat_column *c, struct cat_error *err)
{
	const struct cat_csv_field x = cat_csv_trim(cat_csv_field(r, row, col));
	double wide = 0;
	float narrow = 0;

	if (cat_csv_is_null(x, false))
		CAT_TRY(set_null(c, row, err));
	else if (f->type.id == CAT_T_F64 ? !cat_parse_f64_padded(x.s, x.n, &wide) : !cat_parse_f32_padded(x.s, x.n, &narrow))
		return misfit(r, row, col, f, o, err);
	if (f->type.id == CAT_T_F64)
		((double *)(void *)c->data->data)[row] = wide;
	else
		((float *)(void *)c->data->data)[row] = narrow;
	return CAT_OK;
}

static int decode_floats(const struct cat_csv_rows *r, int col, const struct cat_field *f, struct cat_csv_origin o,
                         struct cat_column *c, struct cat_error *err)
{
	uint32_t from[CAT_DECIMALS_MAX], len[CAT_DECIMALS_MAX];

	for (int64_t row = 0; row < r->nrows; row += CAT_DECIMALS_MAX) {
		const int n = r->nrows - row < CAT_DECIMALS_MAX ? (int)(r->nrows - row) : CAT_DECIMALS_MAX;
		uint64_t empty, rest;

		empty = cat_csv_fields(r, row, n, col, from, len);
		rest = ~UINT64_C(0) >> (64 - n) & ~empty;
		if (f->type.id == CAT_T_F64)
			rest &= ~cat_decimals_f64(r->s, from, len, n, (double *)(void *)c->data->data + row);
		else
			rest &= ~cat_decimals_f32(r->s, from, len, n, (float *)(void *)c->data->data + row);
		if (empty)
			CAT_TRY(set_nulls(c, row, empty, err));
		for (; rest; rest &= rest - 1)
			CAT_TRY(other_float(r, row + __builtin_ctzll(rest), col, f, o, c, err));
	}
	return CAT_OK;
}

/* --- text --- */

static int decode_text(const struct cat_csv_rows *r, int col, const struct cat_field *f, struct cat_csv_origin o,
                       struct cat_column *c, struct cat_error *err)
{
	size_t total = 0, at = 0;
	int32_t *offsets;
	char *to;

	for (int64_t i = 0; i < r->nrows; i++)
		total += cat_csv_begin(r, i, col + 1) - 1 - cat_csv_begin(r, i, col);
	CAT_TRY(cat_buf_new(((size_t)r->nrows + 1) * sizeof *offsets, &c->offsets, err));
	CAT_TRY(cat_buf_new(total, &c->data, err));
	offsets = (int32_t *)(void *)c->offsets->data;
	offsets[0] = 0;
	to = (char *)c->data->data;
	for (int64_t i = 0; i < r->nrows; i++) {
		const struct cat_csv_field x = cat_csv_field(r, i, col);

		if (cat_csv_is_null(x, true))
			CAT_TRY(set_null(c, i, err));
		else if (!x.quoted && x.n <= 16)
			memcpy(to + at, x.s, 16), at += x.n; /* both sides are padded */
		else
			at += cat_csv_unquote(x, to + at);
		offsets[i + 1] = (int32_t)at;
	}
	CAT_TRY(cat_buf_resize(&c->data, at, err));
	if (cat_utf8_valid(to, at, NULL))
		return CAT_OK;
	for (int64_t i = 0; i < r->nrows; i++)
		if (!cat_utf8_valid(to + offsets[i], (size_t)(offsets[i + 1] - offsets[i]), NULL)) {
			char place[40];

			cat_csv_place(r->s, cat_csv_begin(r, i, 0), o, place);
			return cat_fail(err, CAT_E_DATA, "%s: column '%s': not valid UTF-8", place, f->name);
		}
	return cat_fail(err, CAT_E_DATA, "column '%s': not valid UTF-8", f->name);
}

typedef int decode_fn(const struct cat_csv_rows *r, int col, const struct cat_field *f, struct cat_csv_origin o,
                      struct cat_column *c, struct cat_error *err);

int cat_csv_decode(const struct cat_csv_rows *r, int col, const struct cat_field *f, struct cat_csv_origin o,
                   struct cat_column **out, struct cat_error *err)
{
	const size_t n = (size_t)r->nrows;
	struct cat_column *c;
	decode_fn *decode = decode_integers;
	int rc = CAT_OK;

	CAT_TRY(cat_column_new(&f->type, r->nrows, 0, &c, err));
	if (f->type.id == CAT_T_UTF8)
		decode = decode_text;
	else if (f->type.id == CAT_T_F32 || f->type.id == CAT_T_F64)
		decode = decode_floats;
	else if (f->type.id == CAT_T_BOOL)
		decode = decode_bools;
	else if (f->type.id == CAT_T_DATE32)
		decode = decode_dates;
	if (f->type.id == CAT_T_BOOL)
		rc = cat_buf_zeroed((n + 7) / 8, &c->data, err);
	else if (f->type.id != CAT_T_UTF8)
		rc = cat_buf_new(n * (size_t)cat_type_bytes(&f->type), &c->data, err);
	if (rc == CAT_OK)
		rc = decode(r, col, f, o, c, err);
	if (rc != CAT_OK) {
		cat_column_unref(c);
		return rc;
	}
	*out = c;
	return CAT_OK;
}
