/* bind -- how names and types are resolved: what the files of bind share. Only lib/expr includes it.
 *
 * Layer: expr.
 */
#ifndef CAT_EXPR_BIND_H
#define CAT_EXPR_BIND_H

#include "expr/node.h"

#define CAT_BIND_FAIL(nd, ...) cat_expr_fail(err, CAT_E_USAGE, e->text, (nd)->pos, (nd)->len, __VA_ARGS__)

static inline void cat_bind_want(struct cat_expr *e, const struct cat_node *nd, int k, enum cat_cls cls)
{
	e->args[nd->use0 + k].want = cls;
}
static inline bool cat_cls_is_int(enum cat_cls c)
{
	return c == CAT_CLS_I64 || c == CAT_CLS_U64;
}
static inline bool cat_cls_is_number(enum cat_cls c)
{
	return c >= CAT_CLS_I64 && c <= CAT_CLS_F64;
}
/* NULL may stand for anything. */
static inline bool cat_cls_may_be(enum cat_cls have, bool ok)
{
	return ok || have == CAT_CLS_NULL;
}
/* What an argument is, in words. */
static inline const char *cat_ty_name(const struct cat_node *nd)
{
	return nd->ty.list ? "a list" : cat_cls_name(nd->ty.cls);
}

/* The set of arguments K0, K0+STEP, ... before END, and EXTRA when that is not 0. */
struct cat_span {
	int k0, end, step, extra;
};
/* What there is among the arguments of a span. */
struct cat_mix {
	bool bools, ints, u64, f32, f64, f64_column, text, text_column, time, other, strict_u64;
	enum cat_unit unit;
};
struct cat_mix cat_mix_of(const struct cat_expr *e, const struct cat_node *nd, struct cat_span s);
/* Wishes for arguments that are compared with each other: each pair of classes is one that cat_compare knows. */
CAT_MUST_USE int cat_want_comparable(struct cat_expr *e, struct cat_node *nd, struct cat_span s,
				     struct cat_error *err);
/* One class for arguments that become one value (CASE, COALESCE, LEAST); it is the node's. */
CAT_MUST_USE int cat_want_same(struct cat_expr *e, struct cat_node *nd, struct cat_span s, struct cat_error *err);
/* Argument K is a condition. */
CAT_MUST_USE int cat_want_bool(struct cat_expr *e, const struct cat_node *nd, int k, struct cat_error *err);
/* Argument K is a number, or an integer. */
CAT_MUST_USE int cat_need_number(const struct cat_expr *e, const struct cat_node *nd, int k, bool whole,
				 struct cat_error *err);
/* ADQL's CONTAINS gives 1 or 0 and is taken as a condition. */
bool cat_is_contains(const struct cat_node *nd);
/* Types of + - * / %. */
CAT_MUST_USE int cat_bind_arith(struct cat_expr *e, struct cat_node *nd, enum cat_op op, struct cat_error *err);
/* A function by name: bind_call.c. */
CAT_MUST_USE int cat_bind_call(struct cat_expr *e, struct cat_node *nd, struct cat_error *err);

#endif
