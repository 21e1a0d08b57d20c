#include "unit.h"

#include <stdio.h>

#include "sky/healpix.h"
#include "sky/moc.h"
#include "sky/sphere.h"

static uint8_t bytes[1 << 16];

static size_t golden(const char *name)
{
	char path[64];
	FILE *f;
	size_t n;

	snprintf(path, sizeof path, "tests/golden/moc/%s", name);
	f = fopen(path, "rb");
	if (!f)
		fail_msg("%s is missing; run from the top of the tree", path);
	n = fread(bytes, 1, sizeof bytes, f);
	fclose(f);
	return n;
}

static void same_map(const struct cat_moc *a, const struct cat_moc *b)
{
	assert_int_equal(a->n, b->n);
	assert_int_equal(a->order, b->order);
	for (int64_t i = 0; i < a->n; i++) {
		assert_int_equal(a->at[i].lo, b->at[i].lo);
		assert_int_equal(a->at[i].hi, b->at[i].hi);
	}
}

static void all_forms_are_read_and_written_back(void **state)
{
	static const char *const names[] = {"range.fits", "nuniq.fits", "cone.json", "cone.txt"};
	struct cat_moc first = {0};
	struct cat_error err;

	(void)state;
	assert_cat_ok(cat_moc_read(bytes, golden(names[0]), &first, &err), err);
	assert_int_equal(first.order, 8);
	assert_int_equal(first.n, 16);
	for (size_t i = 0; i < 4; i++) {
		struct cat_moc m = {0};

		assert_cat_ok(cat_moc_read(bytes, golden(names[i]), &m, &err), err);
		same_map(&first, &m);
		cat_moc_fini(&m);
	}
	for (int format = 0; format < 4; format++) {
		struct cat_text out = {.max = 1 << 20};
		struct cat_moc back = {0};

		assert_cat_ok(cat_moc_write(&first, (enum cat_moc_format)format, &out, &err), err);
		assert_cat_ok(cat_moc_read(out.s, out.len, &back, &err), err);
		same_map(&first, &back);
		if (format == CAT_MOC_ASCII)
			assert_memory_equal(out.s, "6/19861 19863 7/79443 79449 79451 79476-79477 79618", 51);
		cat_moc_fini(&back);
		cat_text_fini(&out);
	}
	cat_moc_fini(&first);
}

static struct cat_moc map(const char *ascii)
{
	struct cat_moc m = {0};
	struct cat_error err;

	assert_cat_ok(cat_moc_read(ascii, strlen(ascii), &m, &err), err);
	return m;
}

static void sets(void **state)
{
	struct cat_moc a = map("0/0 1/8-9,12 # a comment\n3/"), b = map("1/0 8,\r\n 10/"), u = {0}, x = {0};
	struct cat_error err;

	(void)state;
	assert_int_equal(a.order, 3);
	assert_int_equal(a.n, 3);
	assert_true(cat_moc_contains(&a, 0));
	assert_true(cat_moc_contains(&a, cat_hpx_first29(0, 1) - 1));
	assert_false(cat_moc_contains(&a, cat_hpx_first29(0, 1)));
	assert_true(cat_moc_overlaps(&a, cat_hpx_first29(0, 1) - 1, cat_hpx_first29(0, 1)));
	assert_false(cat_moc_overlaps(&a, cat_hpx_first29(0, 1), cat_hpx_first29(0, 2)));
	assert_false(cat_moc_covers(&a, cat_hpx_first29(0, 2), cat_hpx_first29(0, 3)));
	assert_true(cat_moc_covers(&a, cat_hpx_first29(1, 8), cat_hpx_first29(1, 10)));
	assert_cat_ok(cat_moc_union(&a, &b, &u, &err), err);
	same_map(&u, &(struct cat_moc){.at = a.at, .n = a.n, .order = 10});
	assert_cat_ok(cat_moc_intersect(&a, &b, &x, &err), err);
	same_map(&x, &b);
	assert_true(cat_moc_fraction(&x) == 2 / 48.0);
	cat_moc_fini(&a);
	cat_moc_fini(&b);
	cat_moc_fini(&u);
	cat_moc_fini(&x);
}

static void empty_and_full_maps(void **state)
{
	static const char *const texts[] = {"5/", "0/0-11"};
	struct cat_error err;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct cat_moc m = map(texts[i]);

		assert_int_equal(cat_moc_contains(&m, 0), i == 1);
		for (int format = 0; format < 4; format++) {
			struct cat_text out = {.max = 1 << 20};
			struct cat_moc back = {0};

			assert_cat_ok(cat_moc_write(&m, (enum cat_moc_format)format, &out, &err), err);
			assert_cat_ok(cat_moc_read(out.s, out.len, &back, &err), err);
			same_map(&m, &back);
			cat_moc_fini(&back);
			cat_text_fini(&out);
		}
		cat_moc_fini(&m);
	}
}

static void refusals(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *says;
	} bad[] = {
		{"", CAT_E_DATA, "empty"},         {" \n", CAT_E_DATA, "empty"},
		{"30/1", CAT_E_DATA, "order 30"},  {"0/12", CAT_E_DATA, "no cells 12-12"},
		{"1/5-3", CAT_E_DATA, "5-3"},      {"5", CAT_E_DATA, "ORDER/CELL"},
		{"1/5-", CAT_E_DATA, "without"},   {"1/5x", CAT_E_DATA, "not a coverage map"},
		{"1/\nhello", CAT_E_DATA, "line 2"}, {"t61/1 s29/1", CAT_E_UNSUPPORTED, "time"},
		{"1/99999999999999999999", CAT_E_DATA, "not a coverage map"},
		{"{\"1\": [48]}", CAT_E_DATA, "48"}, {"{\"1\": [-1]}", CAT_E_DATA, "cell 0"},
		{"{\"x\": [1]}", CAT_E_DATA, "'x'"}, {"{\"1\": 5}", CAT_E_DATA, "'1'"},
		{"{\"30\": []}", CAT_E_DATA, "30"},  {"[1]", CAT_E_DATA, "object"},
		{"{\"1\": [1", CAT_E_DATA, "line 1"}, {"SIMPLE  =", CAT_E_DATA, "END"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct cat_moc m = {0};
		struct cat_error err;
		const int rc = cat_moc_read(bad[i].text, strlen(bad[i].text), &m, &err);

		if (rc != bad[i].code || (!strstr(err.cause, bad[i].says) && !strstr(err.where, bad[i].says)))
			fail_msg("'%s' gave %d: %s: %s", bad[i].text, rc, err.where, err.cause);
		assert_null(m.at);
	}
}

/* Every cut of the file, and every byte of the headers that matters, changed. */
static void damaged_fits(void **state)
{
	static uint8_t copy[1 << 16];
	const size_t n = golden("nuniq.fits");
	struct cat_error err;

	(void)state;
	for (size_t cut = 0; cut < n; cut++) {
		struct cat_moc m = {0};
		uint8_t *exact = cat_malloc(cut);
		int rc;

		memcpy(exact, bytes, cut);
		rc = cat_moc_read(exact, cut, &m, &err);
		/* The padding at the end is not missed. */
		assert_true(rc == CAT_E_DATA || (rc == CAT_OK && cut >= 2 * 2880 + 26 * 8));
		cat_moc_fini(&m);
		cat_free(exact);
	}
	for (size_t at = 2880; at < 2880 + 20 * 80; at++) {
		struct cat_moc m = {0};

		memcpy(copy, bytes, n);
		copy[at] ^= 0x15;
		if (cat_moc_read(copy, n, &m, &err) != CAT_OK)
			assert_null(m.at);
		cat_moc_fini(&m);
	}
}

static void every_allocation_may_fail(void **state)
{
	const size_t n = golden("range.fits");

	(void)state;
	for (int64_t k = 1;; k++) {
		struct cat_moc m = {0};
		struct cat_text out = {.max = 1 << 20};
		struct cat_error err;
		int rc;

		cat_alloc_fail_after(k);
		rc = cat_moc_read(bytes, n, &m, &err);
		if (rc == CAT_OK)
			rc = cat_moc_write(&m, CAT_MOC_FITS, &out, &err);
		cat_moc_fini(&m);
		cat_text_fini(&out);
		if (unit_all_tried(rc))
			break;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(all_forms_are_read_and_written_back), UNIT_TEST(sets),         UNIT_TEST(empty_and_full_maps),
		UNIT_TEST(refusals),                            UNIT_TEST(damaged_fits), UNIT_TEST(every_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("sky_moc", tests, NULL, NULL);
}
