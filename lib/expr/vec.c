#include <stdio.h>
#include <string.h>

#include "columnar/kernels.h"
#include "expr/node.h"

enum cat_cls cat_cls_of(const struct cat_type *t)
{
	switch ((int)t->id) {
	case CAT_T_NULL:
		return CAT_CLS_NULL;
	case CAT_T_BOOL:
		return CAT_CLS_BOOL;
	case CAT_T_U64:
		return CAT_CLS_U64;
	case CAT_T_F32:
		return CAT_CLS_F32;
	case CAT_T_F64:
	case CAT_T_DECIMAL128:
		return CAT_CLS_F64;
	case CAT_T_UTF8:
	case CAT_T_BINARY:
		return CAT_CLS_TEXT;
	case CAT_T_DATE32:
	case CAT_T_DATE64:
	case CAT_T_TIMESTAMP:
		return CAT_CLS_TIME;
	case CAT_T_STRUCT:
		return CAT_CLS_STRUCT;
	default:
		return cat_type_is_int(t->id) ? CAT_CLS_I64 : CAT_CLS_OTHER;
	}
}

struct cat_type cat_cls_type(enum cat_cls cls, enum cat_unit unit)
{
	static const enum cat_type_id ids[] = {
		[CAT_CLS_NULL] = CAT_T_NULL, [CAT_CLS_BOOL] = CAT_T_BOOL,      [CAT_CLS_I64] = CAT_T_I64,
		[CAT_CLS_U64] = CAT_T_U64,   [CAT_CLS_F32] = CAT_T_F32,        [CAT_CLS_F64] = CAT_T_F64,
		[CAT_CLS_TEXT] = CAT_T_UTF8, [CAT_CLS_TIME] = CAT_T_TIMESTAMP,
	};
	struct cat_type t = {.id = ids[cls], .unit = unit};

	return t;
}

const char *cat_cls_name(enum cat_cls cls)
{
	static const char *const names[] = {"NULL", "boolean",   "integer", "integer",     "number", "number",
					    "text", "timestamp", "binary",  "a structure", "shape",  "any"};

	return names[cls];
}

int cat_eval_fail(const struct cat_eval *ev, int64_t i, struct cat_error *err, const char *fmt, ...)
{
	va_list ap;
	size_t used;

	va_start(ap, fmt);
	cat_vfail(err, CAT_E_DATA, fmt, ap);
	va_end(ap);
	used = strlen(err->cause);
	if (ev->b && !ev->lifted)
		snprintf(err->cause + used, sizeof err->cause - used, " (row %lld of the batch)",
			 (long long)i + 1);
	return CAT_E_DATA;
}

int cat_vec_fixed(struct cat_type type, int64_t n, struct cat_vec *out, struct cat_error *err)
{
	const int width = cat_type_bytes(&type);
	int rc;

	CAT_TRY(cat_column_new(&type, n, 0, &out->c, err));
	rc = width ? cat_buf_new((size_t)n * (size_t)width, &out->c->data, err)
		   : cat_buf_zeroed((size_t)(n + 63) / 64 * 8, &out->c->data, err);
	if (rc != CAT_OK)
		cat_vec_drop(out);
	return rc;
}

int cat_vec_null(struct cat_type type, struct cat_vec *out, struct cat_error *err)
{
	struct cat_field f = {.type = type};

	out->one = true;
	return cat_column_nulls(&f, 1, &out->c, err);
}

static int valid_bits(const struct cat_column *c, int64_t n, struct cat_buf **out, struct cat_error *err)
{
	CAT_TRY(cat_buf_zeroed((size_t)(n + 63) / 64 * 8, out, err));
	if (c->validity)
		cat_bits_copy((*out)->data, 0, c->validity->data, c->offset, n);
	else if (c->type.id != CAT_T_NULL)
		memset((*out)->data, 0xff, (size_t)(n + 63) / 64 * 8);
	return CAT_OK;
}

int cat_vec_valid_and(const struct cat_vec *a, int na, int64_t n, struct cat_column *out, struct cat_error *err)
{
	for (int k = 0; k < na; k++) {
		const struct cat_column *c = a[k].c;
		struct cat_buf *bits;

		if (cat_column_null_count(c) == 0)
			continue;
		if (a[k].one && n != 1) {
			/* One null for every row. */
			cat_buf_unref(out->validity);
			out->validity = NULL;
			CAT_TRY(cat_buf_zeroed((size_t)(n + 63) / 64 * 8, &out->validity, err));
			break;
		}
		if (!out->validity) {
			CAT_TRY(valid_bits(c, n, &out->validity, err));
			continue;
		}
		CAT_TRY(valid_bits(c, n, &bits, err));
		for (size_t i = 0; i < bits->size; i++)
			out->validity->data[i] &= bits->data[i];
		cat_buf_unref(bits);
	}
	cat_vec_settle(out);
	return CAT_OK;
}

int cat_vec_set_null(struct cat_column *c, int64_t i, struct cat_error *err)
{
	if (!c->validity) {
		struct cat_buf *bits;

		CAT_TRY(valid_bits(c, c->length, &bits, err));
		c->validity = bits;
	}
	c->validity->data[i >> 3] &= (uint8_t) ~(1u << (i & 7));
	c->null_count = -1;
	return CAT_OK;
}

void cat_vec_settle(struct cat_column *c)
{
	c->null_count = c->validity ? -1 : c->type.id == CAT_T_NULL ? c->length : 0;
	c->null_count = cat_column_null_count(c);
	if (c->null_count == 0) {
		cat_buf_unref(c->validity);
		c->validity = NULL;
	}
}

int cat_vec_spread(struct cat_vec *v, int64_t n, struct cat_error *err)
{
	struct cat_buf *zeros = NULL;
	struct cat_column *c;
	int rc;

	if (!v->one)
		return CAT_OK;
	CAT_TRY(cat_buf_zeroed((size_t)n * sizeof(int32_t), &zeros, err));
	rc = cat_take(v->c, (const int32_t *)(const void *)zeros->data, n, &c, err);
	cat_buf_unref(zeros);
	CAT_TRY(rc);
	cat_column_unref(v->c);
	v->c = c;
	v->one = false;
	return CAT_OK;
}

int cat_vec_choose(struct cat_vec *branch, int nb, const int32_t *which, int64_t n, struct cat_vec *out,
		   struct cat_error *err)
{
	struct cat_buf *bufs[2] = {NULL, NULL};
	struct cat_column *all = NULL, **cols;
	int64_t *base, at = 0;
	int32_t *idx;
	int rc = cat_buf_new((size_t)nb * (sizeof *cols + sizeof *base), &bufs[0], err);

	if (rc == CAT_OK)
		rc = cat_buf_new((size_t)n * sizeof *idx, &bufs[1], err);
	if (rc != CAT_OK) {
		cat_buf_unref(bufs[0]);
		return rc;
	}
	cols = (struct cat_column **)(void *)bufs[0]->data;
	base = (int64_t *)(void *)(cols + nb);
	idx = (int32_t *)(void *)bufs[1]->data;
	for (int k = 0; k < nb; k++) {
		cols[k] = branch[k].c;
		base[k] = at;
		at += branch[k].c->length;
	}
	for (int64_t i = 0; i < n; i++)
		idx[i] = which[i] < 0 ? -1 : (int32_t)(base[which[i]] + (branch[which[i]].one ? 0 : i));
	if (at > INT32_MAX)
		rc = cat_fail(err, CAT_E_UNSUPPORTED, "more than 2^31 rows in one batch");
	if (rc == CAT_OK)
		rc = cat_concat(cols, nb, &all, err);
	if (rc == CAT_OK)
		rc = cat_take(all, idx, n, &out->c, err);
	out->one = false;
	cat_column_unref(all);
	cat_buf_unref(bufs[0]);
	cat_buf_unref(bufs[1]);
	return rc;
}

/* --- coercion --- */

#define CONVERT(FROM, TO)                                                                                         \
	do {                                                                                                      \
		const FROM *from_ = CAT_VALUES(c, FROM);                                                          \
		TO *to_ = (TO *)(void *)r.c->data->data;                                                          \
		for (int64_t i = 0; i < n; i++)                                                                   \
			to_[i] = (TO)from_[i];                                                                    \
	} while (0)

static int to_i64(struct cat_eval *ev, const struct cat_column *c, struct cat_vec r, struct cat_error *err)
{
	const int64_t n = c->length;

	switch ((int)c->type.id) {
	case CAT_T_I8:
		CONVERT(int8_t, int64_t);
		break;
	case CAT_T_U8:
		CONVERT(uint8_t, int64_t);
		break;
	case CAT_T_I16:
		CONVERT(int16_t, int64_t);
		break;
	case CAT_T_U16:
		CONVERT(uint16_t, int64_t);
		break;
	case CAT_T_I32:
		CONVERT(int32_t, int64_t);
		break;
	case CAT_T_U32:
		CONVERT(uint32_t, int64_t);
		break;
	case CAT_T_BOOL:
		for (int64_t i = 0; i < n; i++)
			((int64_t *)(void *)r.c->data->data)[i] = cat_column_bool(c, i);
		break;
	case CAT_T_I64:
		CONVERT(int64_t, int64_t);
		break;
	default:
		CONVERT(uint64_t, int64_t);
		for (int64_t i = 0; i < n; i++)
			if (CAT_VALUES(c, uint64_t)[i] > INT64_MAX && cat_column_valid(c, i) &&
			    cat_eval_active(ev, i))
				return cat_eval_fail(ev, i, err, "%llu is beyond int64, in which integers compute",
						     (unsigned long long)CAT_VALUES(c, uint64_t)[i]);
	}
	return CAT_OK;
}

cat_i128 cat_decimal_at(const struct cat_column *c, int64_t i)
{
	cat_i128 v;

	memcpy(&v, c->data->data + (c->offset + i) * 16, 16);
	return v;
}

static double decimal_value(const struct cat_column *c, int64_t i)
{
	double scale = 1;

	for (int k = 0; k < c->type.scale && k < 38; k++)
		scale *= 10;
	for (int k = 0; k > c->type.scale && k > -38; k--)
		scale /= 10;
	return (double)cat_decimal_at(c, i) / scale;
}

static void to_f64(const struct cat_column *c, struct cat_vec r)
{
	const int64_t n = c->length;

	switch ((int)c->type.id) {
	case CAT_T_F32:
		CONVERT(float, double);
		break;
	case CAT_T_I64:
		CONVERT(int64_t, double);
		break;
	case CAT_T_I32:
		CONVERT(int32_t, double);
		break;
	case CAT_T_I16:
		CONVERT(int16_t, double);
		break;
	case CAT_T_DECIMAL128:
		for (int64_t i = 0; i < n; i++)
			((double *)(void *)r.c->data->data)[i] = decimal_value(c, i);
		break;
	default:
		for (int64_t i = 0; i < n; i++)
			((double *)(void *)r.c->data->data)[i] = cat_column_f64(c, i);
	}
}

static void to_f32(const struct cat_column *c, struct cat_vec r)
{
	const int64_t n = c->length;

	if (c->type.id == CAT_T_F64)
		CONVERT(double, float);
	else if (c->type.id == CAT_T_I64)
		CONVERT(int64_t, float);
	else
		for (int64_t i = 0; i < n; i++)
			((float *)(void *)r.c->data->data)[i] = (float)cat_column_f64(c, i);
}

/* Values of dates and timestamps scaled to UNIT, saturating: order is kept. Text is read as ISO 8601. */
static int to_time(struct cat_eval *ev, const struct cat_column *c, struct cat_vec r, enum cat_unit unit,
		   struct cat_error *err)
{
	int64_t *to = (int64_t *)(void *)r.c->data->data;
	const int64_t per = cat_when_per_second(unit);
	int64_t have = 1, scale = per;

	if (c->type.id == CAT_T_TIMESTAMP || c->type.id == CAT_T_DATE64)
		have = cat_when_per_second(c->type.id == CAT_T_DATE64 ? CAT_UNIT_MS : c->type.unit);
	if (c->type.id == CAT_T_DATE32)
		scale = 86400 * per;
	for (int64_t i = 0; i < c->length; i++) {
		to[i] = 0;
		if (!cat_column_valid(c, i))
			continue;
		if (cat_type_is_text(c->type.id)) {
			int32_t n;
			const char *s = cat_column_text(c, i, &n);

			if (!cat_when_parse(s, (size_t)n, unit, &to[i], NULL) && cat_eval_active(ev, i))
				return cat_eval_fail(ev, i, err, "'%.*s' is not an ISO 8601 date or time", (int)n,
						     s);
		} else {
			const int64_t v = cat_column_i64(c, i);

			/* Bind asks for a unit that is no coarser than the column's. */
			if (__builtin_mul_overflow(v, scale / have, &to[i]))
				to[i] = v < 0 ? INT64_MIN : INT64_MAX;
		}
	}
	return CAT_OK;
}

static int to_text(struct cat_eval *ev, struct cat_column *c, struct cat_vec *r, struct cat_error *err)
{
	const struct cat_node nd = {.op = CAT_OP_CAST, .cast = {.id = CAT_T_UTF8}};
	struct cat_vec a = {.c = c};

	return cat_kernel_cast(ev, &nd, &a, c->length, r, err);
}

/* Bits at offset 0, so that logic works on whole words. */
static void to_bool(const struct cat_column *c, struct cat_vec r)
{
	if (c->type.id == CAT_T_BOOL) {
		cat_bits_copy(r.c->data->data, 0, c->data->data, c->offset, c->length);
		return;
	}
	for (int64_t i = 0; i < c->length; i++)
		if (cat_column_f64(c, i) != 0)
			cat_bit_set(r.c->data->data, i);
}

static bool fits_already(const struct cat_column *c, enum cat_cls cls, enum cat_unit unit)
{
	if (cls == CAT_CLS_ANY || cls == CAT_CLS_OTHER || cls == CAT_CLS_STRUCT)
		return true;
	if (cls == CAT_CLS_TEXT)
		return cat_type_is_text(c->type.id);
	if (cls == CAT_CLS_TIME)
		return c->type.id == CAT_T_TIMESTAMP && c->type.unit == unit;
	return c->type.id == cat_cls_type(cls, unit).id && (cls != CAT_CLS_BOOL || c->offset == 0);
}

int cat_vec_coerce(struct cat_eval *ev, struct cat_vec *v, enum cat_cls cls, enum cat_unit unit,
		   struct cat_error *err)
{
	struct cat_column *c = v->c;
	struct cat_vec r = {.one = v->one};
	int rc = CAT_OK;

	if (fits_already(c, cls, unit))
		return CAT_OK;
	if (c->type.id == CAT_T_NULL) {
		CAT_TRY(cat_vec_null(cat_cls_type(cls, unit), &r, err));
		cat_vec_drop(v);
		*v = r;
		return CAT_OK;
	}
	if (cls == CAT_CLS_TEXT) {
		rc = to_text(ev, c, &r, err);
	} else {
		CAT_TRY(cat_vec_fixed(cat_cls_type(cls, unit), c->length, &r, err));
		if (cls == CAT_CLS_I64 || cls == CAT_CLS_U64)
			rc = to_i64(ev, c, r, err);
		else if (cls == CAT_CLS_F64)
			to_f64(c, r);
		else if (cls == CAT_CLS_F32)
			to_f32(c, r);
		else if (cls == CAT_CLS_TIME)
			rc = to_time(ev, c, r, unit, err);
		else
			to_bool(c, r);
		if (rc == CAT_OK) {
			const struct cat_vec one = {.c = c};

			rc = cat_vec_valid_and(&one, 1, c->length, r.c, err);
		}
	}
	r.one = v->one;
	if (rc != CAT_OK) {
		cat_vec_drop(&r);
		return rc;
	}
	cat_vec_drop(v);
	*v = r;
	return CAT_OK;
}
