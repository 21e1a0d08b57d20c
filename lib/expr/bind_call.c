#include <string.h>

#include "base/alloc.h"
#include "expr/bind.h"
#include "expr/func.h"

static int bind_signature(struct cat_expr *e, struct cat_node *nd, struct cat_error *err)
{
	const char *sig = nd->func->args;
	const char *opt = strchr(sig, '?');
	const size_t len = strlen(sig) - (opt != NULL),
		     least = opt ? (size_t)(opt - sig) : len - (strchr(sig, '*') != NULL);
	char kind = 'a';

	if ((size_t)nd->nuse < least || (!strchr(sig, '*') && (size_t)nd->nuse > len))
		return CAT_BIND_FAIL(nd, "%s takes %s%zu argument%s", nd->func->name,
				     opt || strchr(sig, '*') ? "at least " : "", least, least == 1 ? "" : "s");
	for (int k = 0; k < nd->nuse; k++) {
		const struct cat_node *a = cat_expr_use(e, nd, k);
		const enum cat_cls cls = a->ty.cls;

		if (*sig == '?')
			sig++;
		if (*sig && *sig != '*')
			kind = *sig++;
		if ((kind == 'n' || kind == 's') && !cat_cls_may_be(cls, cat_cls_is_number(cls)))
			return CAT_BIND_FAIL(a, "%s needs a number, this is %s", nd->func->name,
					     cat_cls_name(cls));
		if (kind == 'i' && !cat_cls_may_be(cls, cat_cls_is_int(cls)))
			return CAT_BIND_FAIL(a, "%s needs an integer, this is %s", nd->func->name,
					     cat_cls_name(cls));
		if (kind == 't' && !cat_cls_may_be(cls, cls == CAT_CLS_TEXT))
			return CAT_BIND_FAIL(a, "%s needs text, this is %s", nd->func->name, cat_cls_name(cls));
		if ((kind == 'T' || kind == 'a') && cls >= CAT_CLS_OTHER)
			return CAT_BIND_FAIL(a, "%s cannot take %s", nd->func->name, cat_cls_name(cls));
		if ((kind == 'l' || kind == 'B') && !a->ty.list)
			return CAT_BIND_FAIL(nd,
					     "%s over a table is an aggregate and belongs in an aggregate list "
					     "(cat-group -a); as a "
					     "function of one row it needs a list, this is %s",
					     nd->func->name, cat_ty_name(a));
		if (kind == 'B' && cls != CAT_CLS_BOOL)
			return CAT_BIND_FAIL(a, "%s needs a condition on the elements, this is a list of %s",
					     nd->func->name, cat_cls_name(cls));
		cat_bind_want(e, nd, k,
			      kind == 'n'                          ? CAT_CLS_F64
			      : kind == 'i'                        ? CAT_CLS_I64
			      : kind == 't' || kind == 'T'         ? CAT_CLS_TEXT
			      : kind == 's' && cat_cls_is_int(cls) ? CAT_CLS_I64
			      : kind == 's' && cls == CAT_CLS_NULL ? CAT_CLS_F64
			      : kind == 's'                        ? cls
								   : CAT_CLS_ANY);
	}
	return CAT_OK;
}

static int bind_list_function(struct cat_expr *e, struct cat_node *nd, struct cat_error *err)
{
	const enum cat_cls elem = cat_expr_use(e, nd, 0)->ty.cls;
	const bool plain = nd->func->code == CAT_F_COUNT || nd->func->code == CAT_F_LENGTH ||
			   nd->func->code == CAT_F_COUNT_IF;
	enum cat_cls cls = elem == CAT_CLS_F32 || elem == CAT_CLS_U64 ? elem
			   : cat_cls_is_int(elem)                     ? CAT_CLS_I64
								      : CAT_CLS_F64;

	if (plain) {
		nd->ty.cls = CAT_CLS_I64;
		return CAT_OK;
	}
	if (!cat_cls_is_number(elem))
		return CAT_BIND_FAIL(nd, "%s needs a list of numbers, this is a list of %s", nd->func->name,
				     cat_cls_name(elem));
	if (nd->func->gives == 'q')
		cls = cat_cls_is_int(elem) ? CAT_CLS_I64 : CAT_CLS_F64;
	else if (nd->func->gives == 'd')
		cls = CAT_CLS_F64;
	cat_bind_want(e, nd, 0, cls);
	nd->ty.cls = cls;
	return CAT_OK;
}

static int append_use(struct cat_expr *e, struct cat_node *nd, int node, struct cat_error *err)
{
	if (cat_grow(&e->args, &e->cap_args, e->nargs, sizeof *e->args) != 0)
		return cat_fail_mem(err, e->nargs * sizeof *e->args);
	e->args[e->nargs++] = (struct cat_arg){.node = node, .want = CAT_CLS_F64};
	nd->nuse++;
	return CAT_OK;
}

/* The numbers of a shape: its arguments without the coordinate system, POINTs replaced by theirs. */
static int append_shape(struct cat_expr *e, struct cat_node *nd, const struct cat_node *shape,
			struct cat_error *err)
{
	for (int k = 0; k < shape->nargs; k++) {
		const int i = e->args[shape->arg0 + k].node;
		const struct cat_node *a = &e->nodes[i];

		if (k == 0 && shape->op == CAT_OP_CALL && a->op == CAT_OP_LITERAL && a->lit == CAT_CLS_TEXT) {
			if (a->str[0] && strncasecmp(a->str, "ICRS", 4) != 0)
				return cat_expr_fail(err, CAT_E_UNSUPPORTED, e->text, a->pos, a->len,
						     "coordinate system '%s': only ICRS is supported", a->str);
			continue;
		}
		if (a->ty.cls == CAT_CLS_SHAPE) {
			if (a->func->code != CAT_F_POINT)
				return CAT_BIND_FAIL(a, "%s cannot stand here; a POINT or numbers are needed",
						     a->func->name);
			CAT_TRY(append_shape(e, nd, a, err));
			continue;
		}
		if (!cat_cls_may_be(a->ty.cls, cat_cls_is_number(a->ty.cls)))
			return CAT_BIND_FAIL(a, "a number of degrees is needed here, this is %s",
					     cat_cls_name(a->ty.cls));
		CAT_TRY(append_use(e, nd, i, err));
	}
	return CAT_OK;
}

static int bind_contains(struct cat_expr *e, struct cat_node *nd, struct cat_error *err)
{
	const struct cat_node *p = nd->nargs == 2 ? cat_expr_use(e, nd, 0) : NULL,
			      *s = p ? cat_expr_use(e, nd, 1) : NULL;

	if (!p || p->ty.cls != CAT_CLS_SHAPE || p->func->code != CAT_F_POINT || s->ty.cls != CAT_CLS_SHAPE ||
	    s->func->code == CAT_F_POINT)
		return CAT_BIND_FAIL(nd, "CONTAINS needs a POINT and a CIRCLE or BOX, in this order");
	nd->use0 = (int)e->nargs;
	nd->nuse = 0;
	CAT_TRY(append_shape(e, nd, p, err));
	CAT_TRY(append_shape(e, nd, s, err));
	nd->kernel = s->func->code == CAT_F_CIRCLE ? cat_kernel_circle : cat_kernel_box;
	nd->ty.cls = CAT_CLS_I64;
	return CAT_OK;
}

/* POINT, CIRCLE and BOX have no value of their own: here only their numbers are counted. */
static int bind_shape(struct cat_expr *e, struct cat_node *nd, int numbers, struct cat_error *err)
{
	const int use0 = nd->use0, nuse = nd->nuse;
	const size_t nargs = e->nargs;
	int have;

	nd->use0 = (int)e->nargs;
	nd->nuse = 0;
	CAT_TRY(append_shape(e, nd, nd, err));
	have = nd->nuse;
	nd->use0 = use0;
	nd->nuse = nuse;
	e->nargs = nargs;
	if (have != numbers)
		return CAT_BIND_FAIL(nd, "%s takes %d numbers, here are %d", nd->func->name, numbers, have);
	nd->ty.cls = CAT_CLS_SHAPE;
	return CAT_OK;
}

static int bind_position(struct cat_expr *e, struct cat_node *nd, struct cat_error *err)
{
	switch (nd->func->code) {
	case CAT_F_POINT:
		return bind_shape(e, nd, 2, err);
	case CAT_F_CIRCLE:
		return bind_shape(e, nd, 3, err);
	case CAT_F_BOX:
		return bind_shape(e, nd, 4, err);
	case CAT_F_CONTAINS:
		return bind_contains(e, nd, err);
	case CAT_F_DISTANCE:
		nd->use0 = (int)e->nargs;
		nd->nuse = 0;
		CAT_TRY(append_shape(e, nd, nd, err));
		if (nd->nuse != 4)
			return CAT_BIND_FAIL(nd, "DISTANCE takes two POINTs or four numbers");
		nd->kernel = cat_kernel_distance;
		nd->ty.cls = CAT_CLS_F64;
		return CAT_OK;
	default:
		return cat_expr_fail(
			err, CAT_E_UNSUPPORTED, e->text, nd->pos, nd->len, "%s is not supported%s", nd->func->name,
			nd->func->code == CAT_F_RAND ? ": results must not depend on chance" : " in expressions");
	}
}

static int unknown_function(struct cat_expr *e, const struct cat_node *nd, struct cat_error *err)
{
	struct cat_nearest near = {.want = nd->str};

	for (size_t i = 0; cat_func_row(i); i++)
		cat_nearest_offer(&near, cat_func_row(i)->name);
	return cat_expr_fail(err, CAT_E_USAGE, e->text, nd->pos, (int)strlen(nd->str), "no function '%s'%s%s",
			     nd->str, near.name ? "; nearest: " : "", near.name ? near.name : "");
}

int cat_bind_call(struct cat_expr *e, struct cat_node *nd, struct cat_error *err)
{
	nd->func = cat_func_find(nd->str);
	if (!nd->func)
		return unknown_function(e, nd, err);
	nd->kernel = nd->func->kernel;
	if (nd->func->gives == 'p')
		return bind_position(e, nd, err);
	CAT_TRY(bind_signature(e, nd, err));
	switch (nd->func->gives) {
	case 's':
		nd->ty.cls = e->args[nd->use0].want;
		return CAT_OK;
	case 'm':
		return cat_bind_arith(e, nd, CAT_OP_REM, err);
	case 'c':
		if (nd->func->code == CAT_F_IF) {
			CAT_TRY(cat_want_bool(e, nd, 0, err));
			return cat_want_same(e, nd, (struct cat_span){1, 3, 1, 0}, err);
		}
		return cat_want_same(e, nd, (struct cat_span){0, nd->nuse, 1, 0}, err);
	case 'e':
	case 'q':
		return bind_list_function(e, nd, err);
	case 't':
		nd->ty.cls = CAT_CLS_TEXT;
		return CAT_OK;
	case 'b':
		nd->ty.cls = CAT_CLS_BOOL;
		return CAT_OK;
	case 'i':
		nd->ty.cls = CAT_CLS_I64;
		return CAT_OK;
	default:
		nd->ty.cls = CAT_CLS_F64;
		return nd->kernel == cat_kernel_list ? bind_list_function(e, nd, err) : CAT_OK;
	}
}
