#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "columnar/builder.h"
#include "expr/node.h"

/* One value on its way from one type to another. */
struct value {
	enum cat_cls cls; /* BOOL, I64, U64, F64, TEXT, TIME */
	int64_t i64;
	double f64;
	const char *s;
	int32_t len;
	enum cat_unit unit;
	bool date, f32;
};

static struct value read_value(const struct cat_column *c, int64_t i)
{
	struct value v = {.cls = cat_cls_of(&c->type)};

	switch ((int)v.cls) {
	case CAT_CLS_TEXT:
		v.s = cat_column_text(c, i, &v.len);
		break;
	case CAT_CLS_F32:
	case CAT_CLS_F64:
		v.f32 = v.cls == CAT_CLS_F32;
		v.cls = CAT_CLS_F64;
		v.f64 = cat_column_f64(c, i);
		break;
	case CAT_CLS_TIME:
		v.date = c->type.id == CAT_T_DATE32;
		v.unit = v.date ? CAT_UNIT_S : c->type.id == CAT_T_DATE64 ? CAT_UNIT_MS : c->type.unit;
		v.i64 = cat_column_i64(c, i);
		if (v.date)
			v.i64 *= 86400;
		break;
	default:
		v.i64 = cat_column_i64(c, i);
	}
	return v;
}

/* Blanks around a number in text are no fault: fixed-width tables are full of them. */
static void trim(struct value *v)
{
	while (v->len > 0 && v->s[v->len - 1] == ' ')
		v->len--;
	while (v->len > 0 && *v->s == ' ') {
		v->s++;
		v->len--;
	}
}

static bool to_integer(const struct value *v, cat_i128 *out)
{
	int64_t i;
	uint64_t u;
	double r;

	switch ((int)v->cls) {
	case CAT_CLS_TEXT:
		if (cat_parse_i64(v->s, (size_t)v->len, &i))
			*out = i;
		else if (cat_parse_u64(v->s, (size_t)v->len, &u))
			*out = u;
		else
			return false;
		return true;
	case CAT_CLS_F64:
		r = rint(v->f64);
		if (!(r >= -9223372036854775808.0 && r < 18446744073709551616.0))
			return false;
		*out = (cat_i128)r;
		return true;
	case CAT_CLS_U64:
		*out = (uint64_t)v->i64;
		return true;
	default:
		*out = v->i64;
		return true;
	}
}

static bool put_integer(const struct value *v, enum cat_type_id to, void *out)
{
	static const struct {
		int64_t min;
		uint64_t max;
	} range[] = {
		[CAT_T_I8] = {INT8_MIN, INT8_MAX},    [CAT_T_U8] = {0, UINT8_MAX},
		[CAT_T_I16] = {INT16_MIN, INT16_MAX}, [CAT_T_U16] = {0, UINT16_MAX},
		[CAT_T_I32] = {INT32_MIN, INT32_MAX}, [CAT_T_U32] = {0, UINT32_MAX},
		[CAT_T_I64] = {INT64_MIN, INT64_MAX}, [CAT_T_U64] = {0, UINT64_MAX},
	};
	cat_i128 wide;
	uint64_t low;

	if (!to_integer(v, &wide) || wide < range[to].min || wide > (cat_i128)range[to].max)
		return false;
	low = (uint64_t)wide;
	memcpy(out, &low, 8); /* little-endian: the low bytes are the narrower value */
	return true;
}

static bool put_float(const struct value *v, enum cat_type_id to, void *out)
{
	double d = v->cls == CAT_CLS_F64   ? v->f64
		   : v->cls == CAT_CLS_U64 ? (double)(uint64_t)v->i64
					   : (double)v->i64;
	float f;

	if (to == CAT_T_F64) {
		if (v->cls == CAT_CLS_TEXT && !cat_parse_f64(v->s, (size_t)v->len, &d))
			return false;
		memcpy(out, &d, 8);
		return true;
	}
	if (v->cls == CAT_CLS_TEXT) {
		if (!cat_parse_f32(v->s, (size_t)v->len, &f))
			return false;
	} else {
		f = v->cls == CAT_CLS_I64 ? (float)v->i64 : (float)d;
		if (isinf(f) && !isinf(d))
			return false;
	}
	memcpy(out, &f, 4);
	return true;
}

static bool to_bool(const struct value *v, bool *out)
{
	static const char *const yes[] = {"true", "t", "yes", "1"}, *const no[] = {"false", "f", "no", "0"};

	if (v->cls != CAT_CLS_TEXT) {
		*out = v->cls == CAT_CLS_F64 ? v->f64 != 0 : v->i64 != 0;
		return v->cls != CAT_CLS_F64 || !isnan(v->f64);
	}
	for (size_t k = 0; k < 4; k++) {
		*out = (size_t)v->len == strlen(yes[k]) && strncasecmp(v->s, yes[k], (size_t)v->len) == 0;
		if (*out || ((size_t)v->len == strlen(no[k]) && strncasecmp(v->s, no[k], (size_t)v->len) == 0))
			return true;
	}
	return false;
}

static bool put_time(const struct value *v, const struct cat_type *to, void *out)
{
	const bool date = to->id == CAT_T_DATE32;
	const int64_t per = cat_when_per_second(date ? CAT_UNIT_S : to->unit);
	int64_t t = v->i64, have;
	int32_t days;

	if (v->cls == CAT_CLS_TEXT) {
		if (!cat_when_parse(v->s, (size_t)v->len, date ? CAT_UNIT_S : to->unit, &t, NULL))
			return false;
	} else {
		have = cat_when_per_second(v->unit);
		if (have > per)
			t = t / (have / per) - (t % (have / per) < 0);
		else if (__builtin_mul_overflow(t, per / have, &t))
			return false;
	}
	if (!date) {
		memcpy(out, &t, 8);
		return true;
	}
	t = t / 86400 - (t % 86400 < 0);
	if (t < INT32_MIN || t > INT32_MAX)
		return false;
	days = (int32_t)t;
	memcpy(out, &days, 4);
	return true;
}

/* Text of a value that is none; OUT holds 64 bytes. */
static size_t format_value(const struct value *v, char *out)
{
	switch ((int)v->cls) {
	case CAT_CLS_BOOL:
		strcpy(out, v->i64 ? "true" : "false");
		return strlen(out);
	case CAT_CLS_F64:
		return v->f32 ? cat_format_f32((float)v->f64, out) : cat_format_f64(v->f64, out);
	case CAT_CLS_U64:
		return cat_format_u64((uint64_t)v->i64, out);
	case CAT_CLS_TIME:
		return cat_when_format(v->i64, v->unit, v->date, out);
	default:
		return cat_format_i64(v->i64, out);
	}
}

static int cast_failed(const struct cat_eval *ev, const struct cat_node *nd, const struct value *v, int64_t i,
		       struct cat_error *err)
{
	const struct cat_field f = {.type = nd->cast};
	struct cat_text name = {.max = 256};
	char text[64];
	int rc;

	cat_type_text(&f, &name);
	if (v->cls == CAT_CLS_TEXT)
		rc = cat_eval_fail(ev, i, err, "'%.*s' is no %s; TRY_CAST gives NULL",
				   v->len > 80 ? 80 : (int)v->len, v->s, name.s ? name.s : "value of that type");
	else
		rc = cat_eval_fail(ev, i, err, "%.*s is no %s; TRY_CAST gives NULL", (int)format_value(v, text),
				   text, name.s ? name.s : "value of that type");
	cat_text_fini(&name);
	return rc;
}

/* One row into the builder; *OK false: it cannot be cast. */
static int cast_row(const struct cat_type *to, struct value *v, struct cat_builder *b, bool *ok,
		    struct cat_error *err)
{
	char room[64];
	bool flag = false;

	*ok = true;
	if (to->id == CAT_T_UTF8) {
		if (v->cls == CAT_CLS_TEXT)
			return cat_builder_text(b, v->s, (size_t)v->len, err);
		return cat_builder_text(b, room, format_value(v, room), err);
	}
	if (v->cls == CAT_CLS_TEXT)
		trim(v);
	if (to->id == CAT_T_BOOL) {
		*ok = to_bool(v, &flag);
		return *ok ? cat_builder_bool(b, flag, err) : CAT_OK;
	}
	*ok = cat_type_is_int(to->id)      ? put_integer(v, to->id, room)
	      : cat_type_is_number(to->id) ? put_float(v, to->id, room)
					   : put_time(v, to, room);
	return *ok ? cat_builder_fixed(b, room, err) : CAT_OK;
}

static int cast_rows(struct cat_eval *ev, const struct cat_node *nd, const struct cat_column *c, int64_t n,
		     struct cat_builder *b, struct cat_error *err)
{
	CAT_TRY(cat_builder_reserve(b, n, err));
	for (int64_t i = 0; i < n; i++) {
		struct value v;
		bool ok;

		if (!cat_column_valid(c, i)) {
			CAT_TRY(cat_builder_null(b, err));
			continue;
		}
		v = read_value(c, i);
		CAT_TRY(cast_row(&nd->cast, &v, b, &ok, err));
		if (ok)
			continue;
		if (nd->op != CAT_OP_TRY_CAST && cat_eval_active(ev, i))
			return cast_failed(ev, nd, &v, i, err);
		CAT_TRY(cat_builder_null(b, err));
	}
	return CAT_OK;
}

int cat_kernel_cast(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
		    struct cat_vec *out, struct cat_error *err)
{
	const struct cat_field f = {.type = nd->cast};
	struct cat_vec from = {.c = cat_column_ref(a[0].c)};
	struct cat_builder b;
	int rc = CAT_OK;

	if (from.c->type.id == nd->cast.id &&
	    (nd->cast.id != CAT_T_TIMESTAMP || from.c->type.unit == nd->cast.unit)) {
		*out = from;
		return CAT_OK;
	}
	if (from.c->type.id == CAT_T_DECIMAL128)
		rc = cat_vec_coerce(ev, &from, CAT_CLS_F64, CAT_UNIT_S, err);
	if (rc == CAT_OK)
		rc = cat_builder_init(&b, &f, err);
	if (rc == CAT_OK) {
		rc = cast_rows(ev, nd, from.c, n, &b, err);
		if (rc == CAT_OK)
			rc = cat_builder_finish(&b, &out->c, err);
		cat_builder_fini(&b);
	}
	cat_vec_drop(&from);
	return rc;
}
