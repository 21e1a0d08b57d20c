/* What the values of a column really are, beside what statistics say of them. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "dataset/verify_parts.h"

static int compare_text(const char *a, size_t na, const char *b, size_t nb)
{
	const size_t n = na < nb ? na : nb;
	const int order = n ? memcmp(a, b, n) : 0;

	return order ? order : (na > nb) - (na < nb);
}

static bool has_int_bounds(enum cat_type_id id)
{
	return id == CAT_T_BOOL || cat_type_is_int(id) || id == CAT_T_DATE32 || id == CAT_T_DATE64 ||
	       (id >= CAT_T_TIME32 && id <= CAT_T_DURATION);
}

static void add_int(struct cat_extent *e, int64_t v)
{
	const bool first = e->kind == CAT_EXTENT_NONE;

	e->lo_i64 = first || v < e->lo_i64 ? v : e->lo_i64;
	e->hi_i64 = first || v > e->hi_i64 ? v : e->hi_i64;
	e->kind = CAT_EXTENT_INT;
}

static void add_real(struct cat_extent *e, double v)
{
	const bool first = e->kind == CAT_EXTENT_NONE;

	if (isnan(v))
		return;
	e->lo_f64 = first || v < e->lo_f64 ? v : e->lo_f64;
	e->hi_f64 = first || v > e->hi_f64 ? v : e->hi_f64;
	e->kind = CAT_EXTENT_REAL;
}

static void add_text(struct cat_extent *e, const char *s, size_t n)
{
	const bool first = e->kind == CAT_EXTENT_NONE;

	if (first || compare_text(s, n, e->lo_text, e->lo_len) < 0) {
		e->lo_text = s;
		e->lo_len = n;
	}
	if (first || compare_text(s, n, e->hi_text, e->hi_len) > 0) {
		e->hi_text = s;
		e->hi_len = n;
	}
	e->kind = CAT_EXTENT_TEXT;
}

static int own_text(char **own, const char **text, size_t n, struct cat_error *err)
{
	char *copy;

	if (!*text || *text == *own)
		return CAT_OK;
	copy = cat_malloc(n ? n : 1);
	if (!copy)
		return cat_fail_mem(err, n);
	memcpy(copy, *text, n);
	cat_free(*own);
	*own = copy;
	*text = copy;
	return CAT_OK;
}

int cat_extent_own(struct cat_extent *e, struct cat_error *err)
{
	if (e->kind != CAT_EXTENT_TEXT)
		return CAT_OK;
	CAT_TRY(own_text(&e->own_lo, &e->lo_text, e->lo_len, err));
	return own_text(&e->own_hi, &e->hi_text, e->hi_len, err);
}

void cat_extent_fini(struct cat_extent *e)
{
	cat_free(e->own_lo);
	cat_free(e->own_hi);
}

#define ADD_EACH(add, value)                              \
	do {                                              \
		for (int64_t i = begin; i < end; i++)     \
			if (all || cat_column_valid(c, i)) { \
				e->values++;              \
				add(e, value);            \
			}                                 \
	} while (0)

void cat_extent_add(struct cat_extent *e, const struct cat_column *c, int64_t begin, int64_t end)
{
	const bool all = !c->validity && c->type.id != CAT_T_NULL;

	e->entries += end - begin;
	if (c->type.id == CAT_T_F64) {
		const double *v = CAT_VALUES(c, double);

		ADD_EACH(add_real, v[i]);
	} else if (c->type.id == CAT_T_F32) {
		const float *v = CAT_VALUES(c, float);

		ADD_EACH(add_real, (double)v[i]);
	} else if (c->type.id == CAT_T_I64) {
		const int64_t *v = CAT_VALUES(c, int64_t);

		ADD_EACH(add_int, v[i]);
	} else if (has_int_bounds(c->type.id)) {
		ADD_EACH(add_int, cat_column_i64(c, i));
	} else if (cat_type_is_text(c->type.id)) {
		for (int64_t i = begin; i < end; i++) {
			int32_t n;
			const char *s;

			if (!all && !cat_column_valid(c, i))
				continue;
			s = cat_column_text(c, i, &n);
			e->values++;
			add_text(e, s, (size_t)n);
		}
	} else {
		for (int64_t i = begin; i < end; i++)
			e->values += all || cat_column_valid(c, i);
	}
}

void cat_extent_join(struct cat_extent *e, const struct cat_extent *more)
{
	e->entries += more->entries;
	e->values += more->values;
	if (more->kind == CAT_EXTENT_INT) {
		add_int(e, more->lo_i64);
		add_int(e, more->hi_i64);
	} else if (more->kind == CAT_EXTENT_REAL) {
		add_real(e, more->lo_f64);
		add_real(e, more->hi_f64);
	} else if (more->kind == CAT_EXTENT_TEXT) {
		add_text(e, more->lo_text, more->lo_len);
		add_text(e, more->hi_text, more->hi_len);
	}
}

/* Children of what is null are null or not there, but for the places that fixed lists keep. */
static int add_leaves(struct cat_extent *e, int n, const struct cat_column *c, int64_t begin, int64_t end, int at)
{
	const int first = at;

	if (!cat_type_is_nested(c->type.id)) {
		if (at < n)
			cat_extent_add(&e[at], c, begin, end);
		return at + 1;
	}
	if (c->type.id == CAT_T_FIXED_LIST) {
		for (int64_t i = begin; i < end; i++)
			if (cat_column_valid(c, i))
				at = add_leaves(e, n, c->children[0], (c->offset + i) * c->type.width,
				                (c->offset + i + 1) * c->type.width, first);
		return at > first ? at : add_leaves(e, n, c->children[0], 0, 0, first);
	}
	if (cat_type_is_list(c->type.id)) {
		const int32_t *o = cat_column_offsets(c);

		return add_leaves(e, n, c->children[0], o[begin], o[end], first);
	}
	for (int k = 0; k < c->nchildren; k++)
		at = add_leaves(e, n, c->children[k], begin, end, at);
	return at;
}

int cat_extent_leaves(struct cat_extent *e, int n, const struct cat_column *c)
{
	return add_leaves(e, n, c, 0, c->length, 0);
}

/* --- against statistics --- */

static void show_text(char *out, size_t size, const char *s, size_t n)
{
	snprintf(out, size, "'%.*s'%s", (int)(n < 40 ? n : 40), s, n > 40 ? "..." : "");
}

static bool text_differs(const struct cat_extent *e, const struct cat_range_stats *s, char *why, size_t size)
{
	const bool low = compare_text(e->lo_text, e->lo_len, s->min_text, s->min_len) < 0;
	char is[80], said[80];

	if (!low && compare_text(e->hi_text, e->hi_len, s->max_text, s->max_len) <= 0)
		return false;
	show_text(is, sizeof is, low ? e->lo_text : e->hi_text, low ? e->lo_len : e->hi_len);
	show_text(said, sizeof said, low ? s->min_text : s->max_text, low ? s->min_len : s->max_len);
	snprintf(why, size, "the %s is %s, not %s", low ? "least" : "greatest", is, said);
	return true;
}

static bool bounds_differ(const struct cat_extent *e, const struct cat_range_stats *s, char *why, size_t size)
{
	if (!s->known || e->kind == CAT_EXTENT_NONE)
		return false;
	if (s->is_text)
		return e->kind == CAT_EXTENT_TEXT && text_differs(e, s, why, size);
	if (s->is_int && e->kind == CAT_EXTENT_INT) {
		const bool low = s->exact ? e->lo_i64 != s->min_i64 : e->lo_i64 < s->min_i64;
		const bool high = s->exact ? e->hi_i64 != s->max_i64 : e->hi_i64 > s->max_i64;

		if (low || high)
			snprintf(why, size, "the %s is %lld, not %lld", low ? "least" : "greatest",
			         (long long)(low ? e->lo_i64 : e->hi_i64), (long long)(low ? s->min_i64 : s->max_i64));
		return low || high;
	}
	if (!s->is_int && e->kind == CAT_EXTENT_REAL) {
		const bool low = s->exact ? e->lo_f64 != s->min_f64 : e->lo_f64 < s->min_f64;
		const bool high = s->exact ? e->hi_f64 != s->max_f64 : e->hi_f64 > s->max_f64;

		if (low || high)
			snprintf(why, size, "the %s is %.17g, not %.17g", low ? "least" : "greatest",
			         low ? e->lo_f64 : e->hi_f64, low ? s->min_f64 : s->max_f64);
		return low || high;
	}
	return false;
}

bool cat_extent_differs(const struct cat_extent *e, const struct cat_range_stats *s, char *why, size_t size)
{
	const int64_t nulls = e->entries - e->values;

	if (s->nulls >= 0 && s->nulls != nulls) {
		snprintf(why, size, "%lld nulls, not %lld", (long long)nulls, (long long)s->nulls);
		return true;
	}
	return bounds_differ(e, s, why, size);
}

bool cat_value_same(const struct cat_column *a, int64_t i, const struct cat_column *b, int64_t j)
{
	const bool valid = cat_column_valid(a, i);
	const int width = cat_type_bytes(&a->type);

	if (valid != cat_column_valid(b, j) || !valid)
		return valid == cat_column_valid(b, j);
	if (cat_type_is_text(a->type.id)) {
		int32_t na, nb;
		const char *x = cat_column_text(a, i, &na), *y = cat_column_text(b, j, &nb);

		return na == nb && (na == 0 || memcmp(x, y, (size_t)na) == 0);
	}
	if (a->type.id == CAT_T_F64 || a->type.id == CAT_T_F32)
		return cat_column_f64(a, i) == cat_column_f64(b, j) ||
		       (isnan(cat_column_f64(a, i)) && isnan(cat_column_f64(b, j)));
	if (a->type.id == CAT_T_BOOL)
		return cat_column_bool(a, i) == cat_column_bool(b, j);
	return width == 0 || memcmp(a->data->data + (a->offset + i) * width, b->data->data + (b->offset + j) * width,
	                            (size_t)width) == 0;
}
