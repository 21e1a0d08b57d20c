#include "expr/bind.h"
#include "expr/func.h"

/* --- classes that several arguments share --- */

static int span_next(struct cat_span s, int k)
{
	if (k != s.extra || k == 0) {
		if (k + s.step < s.end)
			return k + s.step;
		if (s.extra)
			return s.extra;
	}
	return -1;
}
#define EACH(k, s) for (int k = (s).k0; k >= 0; k = span_next(s, k))

static bool non_negative(const struct cat_node *nd)
{
	return nd->value && nd->ty.cls == CAT_CLS_I64 &&
	       (!cat_column_valid(nd->value, 0) || cat_column_i64(nd->value, 0) >= 0);
}

struct cat_mix cat_mix_of(const struct cat_expr *e, const struct cat_node *nd, struct cat_span s)
{
	struct cat_mix m = {.strict_u64 = true};

	EACH(k, s) {
		const struct cat_node *a = cat_expr_use(e, nd, k);

		m.bools |= a->ty.cls == CAT_CLS_BOOL;
		m.ints |= cat_cls_is_int(a->ty.cls);
		m.u64 |= a->ty.cls == CAT_CLS_U64;
		m.strict_u64 &= a->ty.cls == CAT_CLS_U64 || a->ty.cls == CAT_CLS_NULL || non_negative(a);
		m.f32 |= a->ty.cls == CAT_CLS_F32;
		m.f64 |= a->ty.cls == CAT_CLS_F64;
		m.f64_column |= a->ty.cls == CAT_CLS_F64 && !a->constant;
		m.text |= a->ty.cls == CAT_CLS_TEXT;
		m.text_column |= a->ty.cls == CAT_CLS_TEXT && !a->constant;
		m.other |= a->ty.cls > CAT_CLS_TIME;
		if (a->ty.cls == CAT_CLS_TIME) {
			m.unit = m.time && m.unit > a->ty.unit ? m.unit : a->ty.unit;
			m.time = true;
		}
	}
	return m;
}

/* A constant time as text may be finer than the column's unit. */
static void refine_unit(struct cat_expr *e, const struct cat_node *nd, struct cat_span s, enum cat_unit *unit)
{
	EACH(k, s) {
		const struct cat_node *a = cat_expr_use(e, nd, k);
		enum cat_unit need;
		int digits = 0;
		int64_t v;
		int32_t n;
		const char *t;

		if (a->ty.cls != CAT_CLS_TEXT || !a->value || !cat_column_valid(a->value, 0))
			continue;
		t = cat_column_text(a->value, 0, &n);
		if (!cat_when_parse(t, (size_t)n, CAT_UNIT_S, &v, &digits))
			continue;
		need = digits > 6 ? CAT_UNIT_NS : digits > 3 ? CAT_UNIT_US : digits > 0 ? CAT_UNIT_MS : CAT_UNIT_S;
		if (need > *unit)
			*unit = need;
	}
}

static int no_mix(struct cat_expr *e, const struct cat_node *nd, struct cat_span s, struct cat_error *err)
{
	const struct cat_node *a = cat_expr_use(e, nd, s.k0), *b = a;

	EACH(k, s) {
		b = cat_expr_use(e, nd, k);
		if (b->ty.cls != a->ty.cls && !(cat_cls_is_number(b->ty.cls) && cat_cls_is_number(a->ty.cls)) &&
		    b->ty.cls != CAT_CLS_NULL)
			break;
	}
	if (a->ty.cls == CAT_CLS_BOOL && cat_cls_is_number(b->ty.cls))
		return CAT_BIND_FAIL(nd,
				     "boolean and number do not go together; for a range write x BETWEEN 1 AND 5");
	return CAT_BIND_FAIL(nd, "%s and %s do not go together here; CAST one of them", cat_cls_name(a->ty.cls),
			     cat_cls_name(b->ty.cls));
}

int cat_want_comparable(struct cat_expr *e, struct cat_node *nd, struct cat_span s, struct cat_error *err)
{
	const struct cat_mix m = cat_mix_of(e, nd, s);
	const bool numbers = m.ints || m.f32 || m.f64;

	if (m.other || m.bools + numbers + (m.text || m.time) > 1 || (m.time && m.text_column))
		return no_mix(e, nd, s, err);
	nd->unit = m.unit;
	if (m.time)
		refine_unit(e, nd, s, &nd->unit);
	EACH(k, s) {
		enum cat_cls cls = cat_expr_use(e, nd, k)->ty.cls;

		if (m.time)
			cls = CAT_CLS_TIME;
		else if (m.text)
			cls = CAT_CLS_TEXT;
		else if (m.f32 || m.f64)
			cls = cls == CAT_CLS_F32 ? CAT_CLS_F32 : CAT_CLS_F64;
		else if (m.u64)
			cls = m.strict_u64 ? CAT_CLS_U64 : cls == CAT_CLS_U64 ? CAT_CLS_U64 : CAT_CLS_I64;
		else
			cls = CAT_CLS_I64;
		cat_bind_want(e, nd, k, cls);
	}
	return CAT_OK;
}

int cat_want_same(struct cat_expr *e, struct cat_node *nd, struct cat_span s, struct cat_error *err)
{
	const struct cat_mix m = cat_mix_of(e, nd, s);
	const bool numbers = m.ints || m.f32 || m.f64;
	enum cat_cls cls;

	if (m.other || m.bools + numbers + (m.text || m.time) > 1 || (m.time && m.text_column))
		return no_mix(e, nd, s, err);
	nd->ty.unit = nd->unit = m.unit;
	if (m.time)
		refine_unit(e, nd, s, &nd->unit);
	nd->ty.unit = nd->unit;
	if (m.time)
		cls = CAT_CLS_TIME;
	else if (m.text)
		cls = CAT_CLS_TEXT;
	else if (m.bools)
		cls = CAT_CLS_BOOL;
	else if (m.f64_column || (m.f64 && !m.f32))
		cls = CAT_CLS_F64;
	else if (m.f32)
		cls = CAT_CLS_F32;
	else
		cls = m.u64 && m.strict_u64 ? CAT_CLS_U64 : m.ints ? CAT_CLS_I64 : CAT_CLS_NULL;
	nd->ty.cls = cls;
	EACH(k, s)
		cat_bind_want(e, nd, k, cls);
	return CAT_OK;
}

bool cat_is_contains(const struct cat_node *nd)
{
	return nd->op == CAT_OP_CALL && nd->func && nd->func->code == CAT_F_CONTAINS;
}

int cat_want_bool(struct cat_expr *e, const struct cat_node *nd, int k, struct cat_error *err)
{
	const struct cat_node *a = cat_expr_use(e, nd, k);

	if (!cat_cls_may_be(a->ty.cls, a->ty.cls == CAT_CLS_BOOL) && !cat_is_contains(a))
		return CAT_BIND_FAIL(a, "a condition is needed here, this is %s; compare it with something",
				     cat_ty_name(a));
	cat_bind_want(e, nd, k, CAT_CLS_BOOL);
	return CAT_OK;
}

int cat_need_number(const struct cat_expr *e, const struct cat_node *nd, int k, bool whole, struct cat_error *err)
{
	const struct cat_node *a = cat_expr_use(e, nd, k);

	if (!cat_cls_may_be(a->ty.cls, whole ? cat_cls_is_int(a->ty.cls) : cat_cls_is_number(a->ty.cls)))
		return CAT_BIND_FAIL(a, "%s is needed here, this is %s", whole ? "an integer" : "a number",
				     cat_cls_name(a->ty.cls));
	return CAT_OK;
}
