#include <math.h>

#include "expr/node.h"
#include "sky/sphere.h"

static double at(const struct cat_vec *v, int64_t i)
{
	return CAT_AT(*v, double, i);
}

int cat_kernel_distance(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
			struct cat_vec *out, struct cat_error *err)
{
	(void)ev, (void)nd;
	CAT_TRY(cat_vec_fixed(cat_cls_type(CAT_CLS_F64, CAT_UNIT_S), n, out, err));
	for (int64_t i = 0; i < n; i++) {
		const double ra1 = at(&a[0], i), dec1 = at(&a[1], i), ra2 = at(&a[2], i), dec2 = at(&a[3], i);
		const bool ok = cat_sky_valid(ra1, dec1) && cat_sky_valid(ra2, dec2);

		((double *)(void *)out->c->data->data)[i] = ok ? cat_sky_separation_deg(ra1, dec1, ra2, dec2) : NAN;
	}
	return cat_vec_valid_and(a, 4, n, out->c, err);
}

/* Arguments: ra, dec, the shape's ra, dec, and its radius, or width and height. */
typedef bool inside_fn(const struct cat_vec *a, int64_t i);

/* The declinations alone, with a margin for the formula's rounding: most rows are decided by them. */
static bool in_band(const struct cat_vec *a, int64_t i)
{
	return fabs(at(&a[1], i) - at(&a[3], i)) <= at(&a[4], i) + 1e-9;
}

static bool in_circle(const struct cat_vec *a, int64_t i)
{
	return in_band(a, i) &&
	       cat_sky_separation_deg(at(&a[0], i), at(&a[1], i), at(&a[2], i), at(&a[3], i)) <= at(&a[4], i);
}

static bool in_box(const struct cat_vec *a, int64_t i)
{
	const double dra = cat_sky_normal_ra(at(&a[0], i) - at(&a[2], i) + 180) - 180;

	return fabs(dra) <= at(&a[4], i) / 2 && fabs(at(&a[1], i) - at(&a[3], i)) <= at(&a[5], i) / 2;
}

static bool is_inside(const struct cat_vec *a, int na, int64_t i, inside_fn *inside)
{
	return cat_vec_all_valid(a, na, i) && cat_sky_valid(at(&a[0], i), at(&a[1], i)) &&
	       cat_sky_valid(at(&a[2], i), at(&a[3], i)) && inside(a, i);
}

static int contains(const struct cat_vec *a, int na, int64_t n, inside_fn *inside, struct cat_vec *out,
		    struct cat_error *err)
{
	CAT_TRY(cat_vec_fixed(cat_cls_type(CAT_CLS_I64, CAT_UNIT_S), n, out, err));
	for (int64_t i = 0; i < n; i++)
		((int64_t *)(void *)out->c->data->data)[i] = is_inside(a, na, i, inside);
	return CAT_OK;
}

/* One circle for all rows: a quick pass over the declinations, then the formula for the few that are left. */
static int contains_in_one_circle(const struct cat_vec *a, int64_t n, struct cat_vec *out, struct cat_error *err)
{
	const double *dec = CAT_VALUES(a[1].c, double);
	const double c_dec = at(&a[3], 0), r = at(&a[4], 0) + 1e-9;
	int64_t *to;

	CAT_TRY(cat_vec_fixed(cat_cls_type(CAT_CLS_I64, CAT_UNIT_S), n, out, err));
	to = (int64_t *)(void *)out->c->data->data;
	for (int64_t i = 0; i < n; i++)
		to[i] = fabs(dec[i] - c_dec) <= r;
	for (int64_t i = 0; i < n; i++)
		if (to[i])
			to[i] = is_inside(a, 5, i, in_circle);
	return CAT_OK;
}

int cat_kernel_circle(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
		      struct cat_vec *out, struct cat_error *err)
{
	(void)ev, (void)nd;
	if (!a[1].one && a[3].one && a[4].one)
		return contains_in_one_circle(a, n, out, err);
	return contains(a, 5, n, in_circle, out, err);
}

int cat_kernel_box(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
		   struct cat_vec *out, struct cat_error *err)
{
	(void)ev, (void)nd;
	return contains(a, 6, n, in_box, out, err);
}
