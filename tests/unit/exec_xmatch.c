#include "unit.h"

#include <math.h>
#include <stdio.h>

#include "columnar/builder.h"
#include "dataset/position.h"
#include "exec/op_xmatch.h"
#include "sky/sphere.h"

/* --- a source of rows made here: id, ra, dec, a list and a text --- */

struct rows {
	struct cat_source base;
	const double (*at)[2];
	int64_t n, done, step;
	int64_t first_id;
};

static void add_field(struct cat_schema *s, int i, const char *name, enum cat_type_id id, const char *ucd)
{
	struct cat_error err;

	assert_cat_ok(cat_field_init(&s->fields[i], name, id, &err), err);
	s->fields[i].nullable = true;
	if (ucd)
		assert_cat_ok(cat_kv_set(&s->fields[i].meta, CAT_META_UCD, ucd, &err), err);
}

static struct cat_schema *rows_schema(void)
{
	struct cat_schema *s;
	struct cat_error err;

	assert_cat_ok(cat_schema_new(6, &s, &err), err);
	add_field(s, 0, "id", CAT_T_I64, "meta.id;meta.main");
	add_field(s, 1, "ra", CAT_T_F64, "pos.eq.ra;meta.main");
	add_field(s, 2, "dec", CAT_T_F64, "pos.eq.dec;meta.main");
	add_field(s, 3, "mags", CAT_T_LIST, NULL);
	assert_cat_ok(cat_field_children(&s->fields[3], 1, &err), err);
	assert_cat_ok(cat_field_init(&s->fields[3].children[0], "item", CAT_T_F32, &err), err);
	add_field(s, 4, "name", CAT_T_UTF8, NULL);
	add_field(s, 5, "_healpix_29", CAT_T_I64, NULL);
	return s;
}

#define TRY_BUILD(x)               \
	do {                       \
		if (rc == CAT_OK)  \
			rc = (x);  \
	} while (0)

static int build_row(struct cat_builder *b, int64_t id, const double at[2], struct cat_error *err)
{
	char name[24];
	int rc = cat_builder_fixed(&b[0], &id, err);

	for (int k = 0; k < 2; k++)
		TRY_BUILD(isnan(at[k]) ? cat_builder_null(&b[1 + k], err) : cat_builder_fixed(&b[1 + k], &at[k], err));
	for (int64_t k = 0; k < id % 3; k++) {
		const float mag = (float)id + (float)k;

		TRY_BUILD(cat_builder_fixed(&b[3].children[0], &mag, err));
	}
	TRY_BUILD(cat_builder_list_end(&b[3], err));
	snprintf(name, sizeof name, "n%lld", (long long)id);
	TRY_BUILD(cat_builder_text(&b[4], name, strlen(name), err));
	TRY_BUILD(cat_builder_fixed(&b[5], &id, err));
	return rc;
}

static int rows_next(struct cat_source *s, struct cat_batch **out, struct cat_error *err)
{
	struct rows *r = (struct rows *)s;
	const int64_t n = r->n - r->done < r->step ? r->n - r->done : r->step;
	struct cat_builder b[6];
	struct cat_batch *batch = NULL;
	int made = 0, rc = CAT_OK;

	*out = NULL;
	if (n == 0)
		return CAT_OK;
	for (; rc == CAT_OK && made < 6; made += rc == CAT_OK)
		rc = cat_builder_init(&b[made], &s->schema->fields[made], err);
	for (int64_t i = 0; rc == CAT_OK && i < n; i++)
		rc = build_row(b, r->first_id + r->done + i, r->at[r->done + i], err);
	TRY_BUILD(cat_batch_new(s->schema, n, &batch, err));
	for (int k = 0; k < 6; k++)
		TRY_BUILD(cat_builder_finish(&b[k], &batch->cols[k], err));
	for (int k = 0; k < made; k++)
		cat_builder_fini(&b[k]);
	if (rc != CAT_OK) {
		cat_batch_unref(batch);
		return rc;
	}
	r->done += n;
	*out = batch;
	return CAT_OK;
}

static void rows_close(struct cat_source *s)
{
	cat_schema_unref(s->schema);
	free(s);
}

static const struct cat_source_ops rows_ops = {rows_next, rows_close};

/* The test's own memory, so that failing allocations only strike what is tested. */
static struct cat_source *source(struct cat_schema *schema, const double (*at)[2], int64_t n, int64_t step,
                                 int64_t first_id)
{
	struct rows *r = calloc(1, sizeof *r);

	assert_non_null(r);
	*r = (struct rows){.base = {&rows_ops, cat_schema_ref(schema)}, .at = at, .n = n, .step = step, .first_id = first_id};
	return &r->base;
}

/* --- results as text: "id1-id2 " a row, 0 for nulls --- */

static char text[1 << 16];

static int drain(struct cat_source *s, struct cat_error *err)
{
	const int id2 = cat_schema_find(s->schema, "id_2"), dist = s->schema->nfields - 1;
	size_t len = 0;

	text[0] = '\0';
	for (;;) {
		struct cat_batch *b;

		CAT_TRY(s->ops->next(s, &b, err));
		if (!b)
			return CAT_OK;
		for (int64_t i = 0; i < b->nrows; i++) {
			const long long id = CAT_VALUES(b->cols[0], int64_t)[i];
			const bool partner = id2 >= 0 && cat_column_valid(b->cols[id2], i);
			const long long id_2 = partner ? CAT_VALUES(b->cols[id2], int64_t)[i] : 0;

			len += (size_t)snprintf(text + len, sizeof text - len, "%lld-%lld ", id, id_2);
			if (id2 < 0)
				continue;
			assert_int_equal(cat_column_valid(b->cols[dist], i), partner);
			if (partner) {
				int32_t n;
				const char *name = cat_column_text(b->cols[cat_schema_find(s->schema, "name_2")], i, &n);
				char want[24];

				snprintf(want, sizeof want, "n%lld", id_2);
				assert_int_equal(n, strlen(want));
				assert_memory_equal(name, want, (size_t)n);
			}
		}
		cat_batch_unref(b);
	}
}

static int match(const double (*l)[2], int64_t nl, const double (*r)[2], int64_t nr, int64_t step,
                 const struct cat_xmatch_options *o, struct cat_schema *schema, struct cat_error *err)
{
	struct cat_source *out;
	int rc = cat_xmatch_open(source(schema, l, nl, step, 1), source(schema, r, nr, step, 101), o, &out, err);

	if (rc == CAT_OK) {
		rc = drain(out, err);
		cat_source_close(out);
	}
	return rc;
}

#define ARCSEC (1 / 3600.0)
static const double left_sky[][2] = {
	{10, 0}, {10, 0.8 * ARCSEC}, {20, 0}, {NAN, 0}, {359.9999, 5}, {30, 90}, {20, 95},
};
static const double right_sky[][2] = {
	{10, 0.3 * ARCSEC}, {10, 0.3 * ARCSEC}, {10, 1.1 * ARCSEC}, {0.00001, 5}, {40, 40}, {200, 90}, {10, NAN},
};

static void finds_and_joins(void **state)
{
	static const struct {
		enum cat_find find;
		enum cat_join join;
		int k;
		const char *want;
	} cases[] = {
		{CAT_FIND_BEST, CAT_JOIN_INNER, 0, "1-101 2-103 5-104 6-106 "},
		{CAT_FIND_BEST, CAT_JOIN_LEFT, 0, "1-101 2-103 3-0 4-0 5-104 6-106 7-0 "},
		{CAT_FIND_BEST, CAT_JOIN_ANTI, 0, "3-0 4-0 7-0 "},
		{CAT_FIND_ALL, CAT_JOIN_INNER, 0, "1-101 1-102 2-103 2-101 2-102 5-104 6-106 "},
		{CAT_FIND_ALL, CAT_JOIN_LEFT, 0, "1-101 1-102 2-103 2-101 2-102 3-0 4-0 5-104 6-106 7-0 "},
		{CAT_FIND_K, CAT_JOIN_INNER, 2, "1-101 1-102 2-103 2-101 5-104 6-106 "},
		{CAT_FIND_K, CAT_JOIN_ANTI, 2, "3-0 4-0 7-0 "},
		{CAT_FIND_BEST2, CAT_JOIN_INNER, 0, "1-101 1-102 2-103 5-104 6-106 "},
		{CAT_FIND_BEST2, CAT_JOIN_LEFT, 0, "1-101 1-102 2-103 3-0 4-0 5-104 6-106 7-0 "},
		{CAT_FIND_BEST2, CAT_JOIN_ANTI, 0, "3-0 4-0 7-0 "},
		{CAT_FIND_MUTUAL, CAT_JOIN_INNER, 0, "1-101 2-103 5-104 6-106 "},
	};
	struct cat_schema *schema = rows_schema();

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		for (int64_t step = 1; step <= 10; step += 3) {
			const struct cat_xmatch_options o = {.radius_arcsec = 1, .find = cases[i].find,
			                                     .k = cases[i].k, .join = cases[i].join, .ra1 = 1, .dec1 = 2,
			                                     .ra2 = 1, .dec2 = 2};
			struct cat_error err;

			assert_cat_ok(match(left_sky, 7, right_sky, 7, step, &o, schema, &err), err);
			if (strcmp(text, cases[i].want) != 0)
				fail_msg("case %d, %d rows a batch: %s", (int)i, (int)step, text);
		}
	}
	cat_schema_unref(schema);
}

static void names_and_metadata(void **state)
{
	struct cat_schema *l = rows_schema(), *r = rows_schema(), *s;
	struct cat_error err;
	int *cols, n;

	(void)state;
	assert_cat_ok(cat_field_rename(&l->fields[3], "_dist_arcsec", &err), err);
	assert_cat_ok(cat_field_rename(&l->fields[4], "DEC_2", &err), err);
	assert_cat_ok(cat_kv_set(&r->fields[4].meta, CAT_META_UCD, "meta.main", &err), err);
	assert_cat_ok(cat_xmatch_schema(l, r, NULL, &s, &cols, &n, &err), err);
	assert_int_equal(n, 5);
	assert_int_equal(s->nfields, 12);
	assert_string_equal(s->fields[5].name, "_healpix_29");
	assert_string_equal(s->fields[6].name, "id_2");
	assert_string_equal(s->fields[7].name, "ra_2");
	assert_string_equal(s->fields[8].name, "dec_3");
	assert_string_equal(s->fields[9].name, "mags");
	assert_string_equal(s->fields[10].name, "name");
	assert_string_equal(s->fields[11].name, "_dist_arcsec_2");
	assert_string_equal(cat_kv_get(&s->fields[1].meta, CAT_META_UCD), "pos.eq.ra;meta.main");
	assert_string_equal(cat_kv_get(&s->fields[7].meta, CAT_META_UCD), "pos.eq.ra");
	assert_string_equal(cat_kv_get(&s->fields[6].meta, CAT_META_UCD), "meta.id");
	assert_null(cat_kv_get(&s->fields[10].meta, CAT_META_UCD));
	assert_string_equal(cat_kv_get(&s->fields[11].meta, CAT_META_UNIT), "arcsec");
	cat_free(cols);
	cat_schema_unref(s);
	assert_cat_ok(cat_xmatch_schema(l, r, "_b", &s, &cols, &n, &err), err);
	assert_string_equal(s->fields[8].name, "dec_b");
	cat_free(cols);
	cat_schema_unref(s);
	cat_schema_unref(l);
	cat_schema_unref(r);
}

static void nothing_on_one_side(void **state)
{
	const struct cat_xmatch_options o = {.radius_arcsec = 1, .join = CAT_JOIN_LEFT, .ra1 = 1, .dec1 = 2, .ra2 = 1,
	                                     .dec2 = 2};
	struct cat_xmatch_options mutual = o;
	struct cat_schema *schema = rows_schema();
	struct cat_error err;

	(void)state;
	mutual.find = CAT_FIND_MUTUAL;
	assert_cat_ok(match(left_sky, 7, right_sky, 0, 2, &o, schema, &err), err);
	assert_string_equal(text, "1-0 2-0 3-0 4-0 5-0 6-0 7-0 ");
	assert_cat_ok(match(left_sky, 0, right_sky, 7, 2, &o, schema, &err), err);
	assert_string_equal(text, "");
	assert_cat_ok(match(left_sky, 7, right_sky, 0, 2, &mutual, schema, &err), err);
	assert_string_equal(text, "1-0 2-0 3-0 4-0 5-0 6-0 7-0 ");
	cat_schema_unref(schema);
}

static void wrong_options(void **state)
{
	struct cat_xmatch_options o = {.radius_arcsec = -1, .ra1 = 1, .dec1 = 2, .ra2 = 1, .dec2 = 2};
	struct cat_schema *schema = rows_schema();
	struct cat_error err;

	(void)state;
	assert_int_equal(match(left_sky, 7, right_sky, 7, 2, &o, schema, &err), CAT_E_USAGE);
	o.radius_arcsec = 1;
	o.find = CAT_FIND_K;
	assert_int_equal(match(left_sky, 7, right_sky, 7, 2, &o, schema, &err), CAT_E_USAGE);
	o.find = CAT_FIND_BEST;
	o.ra2 = 99;
	assert_int_equal(match(left_sky, 7, right_sky, 7, 2, &o, schema, &err), CAT_E_USAGE);
	cat_schema_unref(schema);
}

/* More rows than one piece or one batch of output holds, against brute force; batch sizes do not show. */
static void many_rows(void **state)
{
	enum { N = 3000 };
	static double l[N][2], r[N][2];
	static char want[sizeof text];
	struct cat_schema *schema = rows_schema();
	struct cat_xmatch_options o = {.radius_arcsec = 300, .join = CAT_JOIN_LEFT, .ra1 = 1, .dec1 = 2, .ra2 = 1, .dec2 = 2};
	struct cat_error err;
	uint64_t x = 9;
	size_t len = 0;

	(void)state;
	for (int i = 0; i < N; i++) {
		for (int k = 0; k < 4; k++) {
			double *to = k < 2 ? &l[i][k & 1] : &r[i][k & 1];

			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			*to = (double)(x >> 40) * 0x1p-24 * 3 + (k & 1 ? 87 : 359);
		}
	}
	for (int i = 0; i < N; i++) {
		double best = 300 * ARCSEC;
		int at = -1;

		for (int j = 0; j < N; j++) {
			const double sep = cat_sky_separation_deg(l[i][0], l[i][1], r[j][0], r[j][1]);

			if (sep < best || (sep == best && at < 0)) {
				best = sep;
				at = j;
			}
		}
		len += (size_t)snprintf(want + len, sizeof want - len, "%d-%d ", i + 1, at < 0 ? 0 : 101 + at);
	}
	for (int64_t step = 7; step <= N; step *= 21) {
		assert_cat_ok(match((const double(*)[2])l, N, (const double(*)[2])r, N, step, &o, schema, &err), err);
		assert_string_equal(text, want);
	}
	cat_schema_unref(schema);
}

static void every_allocation_may_fail(void **state)
{
	struct cat_schema *schema = rows_schema();

	(void)state;
	for (int find = 0; find < 3; find += 2) {
		for (int64_t n = 1;; n++) {
			const struct cat_xmatch_options o = {.radius_arcsec = 1, .find = (enum cat_find)find,
			                                     .join = CAT_JOIN_LEFT, .ra1 = 1, .dec1 = 2, .ra2 = 1, .dec2 = 2};
			struct cat_error err;
			int rc;

			cat_alloc_fail_after(n);
			rc = match(left_sky, 7, right_sky, 7, 3, &o, schema, &err);
			if (unit_all_tried(rc))
				break;
		}
	}
	cat_schema_unref(schema);
}

static void position_columns(void **state)
{
	struct cat_schema *s = rows_schema();
	struct cat_error err;
	char which[64];
	int ra, dec;

	(void)state;
	assert_cat_ok(cat_position_columns(s, NULL, NULL, &ra, &dec, which, sizeof which, &err), err);
	assert_int_equal(ra, 1);
	assert_int_equal(dec, 2);
	assert_string_equal(which, "ra, dec by UCD");
	assert_cat_ok(cat_position_columns(s, "id", "DEC", &ra, &dec, which, sizeof which, &err), err);
	assert_int_equal(ra, 0);
	assert_int_equal(cat_position_columns(s, "id", NULL, &ra, &dec, which, sizeof which, &err), CAT_E_USAGE);
	assert_int_equal(cat_position_columns(s, "raa", "dec", &ra, &dec, which, sizeof which, &err), CAT_E_USAGE);
	assert_cat_ok(cat_position_columns(s, "name", "dec", &ra, &dec, which, sizeof which, &err), err);
	s->fields[ra].type.id = CAT_T_BOOL;
	assert_int_equal(cat_position_columns(s, "name", "dec", &ra, &dec, which, sizeof which, &err), CAT_E_USAGE);
	s->fields[ra].type.id = CAT_T_UTF8;
	assert_cat_ok(cat_kv_set(&s->fields[0].meta, CAT_META_UCD, "POS.EQ.RA;meta.main", &err), err);
	assert_int_equal(cat_position_columns(s, NULL, NULL, &ra, &dec, which, sizeof which, &err), CAT_E_USAGE);
	assert_cat_ok(cat_kv_set(&s->fields[0].meta, CAT_META_UCD, NULL, &err), err);
	assert_cat_ok(cat_kv_set(&s->fields[1].meta, CAT_META_UCD, "pos.eq.ra", &err), err);
	assert_cat_ok(cat_position_columns(s, NULL, NULL, &ra, &dec, which, sizeof which, &err), err);
	assert_string_equal(which, "ra, dec by name");
	assert_cat_ok(cat_field_rename(&s->fields[1], "RAJ2000", &err), err);
	assert_cat_ok(cat_field_rename(&s->fields[2], "dej2000", &err), err);
	assert_cat_ok(cat_position_columns(s, NULL, NULL, &ra, &dec, which, sizeof which, &err), err);
	assert_cat_ok(cat_kv_set(&s->fields[1].meta, CAT_META_UNIT, "rad", &err), err);
	assert_int_equal(cat_position_columns(s, NULL, NULL, &ra, &dec, which, sizeof which, &err), CAT_E_UNSUPPORTED);
	assert_cat_ok(cat_field_rename(&s->fields[2], "b", &err), err);
	assert_cat_ok(cat_kv_set(&s->fields[2].meta, CAT_META_UCD, NULL, &err), err);
	assert_int_equal(cat_position_columns(s, NULL, NULL, &ra, &dec, which, sizeof which, &err), CAT_E_USAGE);
	cat_schema_unref(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(finds_and_joins), UNIT_TEST(names_and_metadata), UNIT_TEST(nothing_on_one_side),
		UNIT_TEST(wrong_options),   UNIT_TEST(many_rows),          UNIT_TEST(every_allocation_may_fail),
		UNIT_TEST(position_columns),
	};

	return cmocka_run_group_tests_name("exec_xmatch", tests, NULL, NULL);
}
