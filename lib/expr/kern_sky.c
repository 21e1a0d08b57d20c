#include <math.h>

#include "expr/node.h"
#include "sky/sphere.h"

static double at(const struct cat_vec *v, int64_t i)
{
	return CAT_AT(*v, double, i);
}

static bool all_valid(const struct cat_vec *a, int na, int64_t i)
{
	for (int k = 0; k < na; k++)
		if (!cat_vec_valid(&a[k], i))
			return false;
	return true;
}

int cat_kernel_distance(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
                        struct cat_vec *out, struct cat_error *err)
{
	(void)ev, (void)nd;
	CAT_TRY(cat_vec_fixed(cat_cls_type(CAT_CLS_F64, CAT_UNIT_S), n, out, err));
	for (int64_t i = 0; i < n; i++) {
		const double dec1 = at(&a[1], i), dec2 = at(&a[3], i);
		const bool ok = fabs(dec1) <= 90 && fabs(dec2) <= 90;

		((double *)(void *)out->c->data->data)[i] =
			ok ? cat_sky_separation_deg(at(&a[0], i), dec1, at(&a[2], i), dec2) : NAN;
	}
	return cat_vec_valid_and(a, 4, n, out->c, err);
}

/* Arguments: ra, dec, the shape's ra, dec, and its radius, or width and height. */
typedef bool inside_fn(const struct cat_vec *a, int64_t i);

static bool in_circle(const struct cat_vec *a, int64_t i)
{
	const double dec = at(&a[1], i), c_dec = at(&a[3], i), r = at(&a[4], i);

	/* Most rows are too far north or south for the formula to be asked; a margin covers its rounding. */
	if (!(fabs(dec - c_dec) <= r + 1e-9))
		return false;
	return cat_sky_separation_deg(at(&a[0], i), dec, at(&a[2], i), c_dec) <= r;
}

static bool in_box(const struct cat_vec *a, int64_t i)
{
	const double dra = cat_sky_normal_ra(at(&a[0], i) - at(&a[2], i) + 180) - 180;

	return fabs(dra) <= at(&a[4], i) / 2 && fabs(at(&a[1], i) - at(&a[3], i)) <= at(&a[5], i) / 2;
}

static int contains(const struct cat_vec *a, int na, int64_t n, inside_fn *inside, struct cat_vec *out,
                    struct cat_error *err)
{
	CAT_TRY(cat_vec_fixed(cat_cls_type(CAT_CLS_I64, CAT_UNIT_S), n, out, err));
	for (int64_t i = 0; i < n; i++)
		((int64_t *)(void *)out->c->data->data)[i] =
			all_valid(a, na, i) && cat_sky_valid(at(&a[0], i), at(&a[1], i)) &&
			cat_sky_valid(at(&a[2], i), at(&a[3], i)) && inside(a, i);
	return CAT_OK;
}

int cat_kernel_circle(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
                      struct cat_vec *out, struct cat_error *err)
{
	(void)ev;
	if (nd->nuse != 5)
		return cat_fail(err, CAT_E_BUG, "a circle of %d numbers", nd->nuse);
	return contains(a, 5, n, in_circle, out, err);
}

int cat_kernel_box(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n, struct cat_vec *out,
                   struct cat_error *err)
{
	(void)ev;
	if (nd->nuse != 6)
		return cat_fail(err, CAT_E_BUG, "a box of %d numbers", nd->nuse);
	return contains(a, 6, n, in_box, out, err);
}
