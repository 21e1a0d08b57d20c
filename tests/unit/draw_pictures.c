#include "unit.h"

#include <math.h>

#include "draw/chart.h"
#include "draw/colour.h"
#include "draw/projection.h"
#include "draw/term.h"
#include "sky/healpix.h"

/* Fontconfig keeps what it has read until the process ends. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libfontconfig\n";
}

static void ticks_are_round(void **state)
{
	static const struct {
		double min, max;
		int most;
		double first, step;
		int n;
	} want[] = {
		{0, 10, 5, 0, 2, 6},          {0, 1, 6, 0, 0.2, 6},         {-1.3, 2.7, 8, -1, 0.5, 8},
		{1e9, 1e9 + 7, 7, 1e9, 1, 8}, {0.013, 0.027, 3, 0.015, 0.005, 3}, {-5, -1, 4, -5, 1, 5},
	};
	char number[32];

	(void)state;
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		double first, step;

		assert_int_equal(cat_axis_ticks(want[i].min, want[i].max, want[i].most, &first, &step), want[i].n);
		assert_true(fabs(step / want[i].step - 1) < 1e-12);
		assert_true(fabs(first - want[i].first) < 1e-9 * fmax(1, fabs(first)));
	}
	cat_axis_number(0.15000000000000002, 0.05, number, sizeof number);
	assert_string_equal(number, "0.15");
	cat_axis_number(-1e-17, 0.5, number, sizeof number);
	assert_string_equal(number, "0.0");
	cat_axis_number(1500, 500, number, sizeof number);
	assert_string_equal(number, "1500");
}

static void hammer_there_and_back(void **state)
{
	double px, py;

	(void)state;
	for (double ra = 0; ra < 360; ra += 7.3)
		for (double dec = -89; dec < 90; dec += 4.7) {
			double ra2, dec2;

			cat_hammer(ra, dec, &px, &py);
			assert_true(cat_hammer_inverse(px, py, &ra2, &dec2));
			assert_true(fabs(remainder(ra - ra2, 360)) < 1e-8 && fabs(dec - dec2) < 1e-8);
		}
	assert_false(cat_hammer_inverse(0.8, 0.7, &px, &py));
	/* ra grows to the left, the north is up. */
	cat_hammer(10, 45, &px, &py);
	assert_true(px < 0 && py > 0);
}

static double grey(uint32_t rgb)
{
	return 0.2126 * pow((rgb >> 16) / 255.0, 2.2) + 0.7152 * pow((rgb >> 8 & 255) / 255.0, 2.2) +
	       0.0722 * pow((rgb & 255) / 255.0, 2.2);
}

/* Without colours the scale can be read as well. */
static void colours_grow_lighter(void **state)
{
	(void)state;
	for (int i = 1; i <= 64; i++)
		assert_true(grey(cat_colour_scale(i / 64.0)) > grey(cat_colour_scale((i - 1) / 64.0)));
	assert_true(grey(cat_colour_scale(0)) < 0.05 && grey(cat_colour_scale(1)) > 0.7);
}

static int64_t cell(double ra_deg, double dec_deg)
{
	return cat_hpx_from_deg(1, ra_deg, dec_deg);
}

static const int64_t bars[] = {1, 4, 0, 2};
static const int64_t grid[] = {0, 1, 2, 3, 9, 0};
static const double points[] = {0.5, 0.5, 1.5, 1.5};
static int64_t sky[48] = {[3] = 5, [20] = 1, [47] = 9};
static const struct cat_picture pictures[] = {
	{.kind = CAT_PICTURE_BARS, .x = {0, 2, "mag", false}, .counts = bars, .nx = 4, .rows = 7, .title = "T"},
	{.kind = CAT_PICTURE_DENSITY, .x = {0, 3, "a [mag]", false}, .y = {0, 2, "b", true}, .counts = grid, .nx = 3,
	 .ny = 2, .rows = 15},
	{.kind = CAT_PICTURE_DENSITY, .x = {0, 3, "a", true}, .y = {0, 2, "b", false}, .counts = grid, .nx = 3, .ny = 2,
	 .rows = 2, .points = points, .npoints = 2},
	{.kind = CAT_PICTURE_SKY, .counts = sky, .cell = cell, .rows = 15},
	{.kind = CAT_PICTURE_SKY, .counts = sky, .cell = cell, .rows = 2, .points = points, .npoints = 2},
};
#define NPICTURES ((int)(sizeof pictures / sizeof *pictures))

static void bars_as_text(void **state)
{
	const struct cat_term t = {.width = 16, .height = 4}, ascii = {.width = 16, .height = 4, .ascii = true};
	struct cat_text out = {.max = 1 << 16};

	(void)state;
	cat_term_picture(&t, &pictures[0], &out);
	assert_string_equal(out.s, "T\nmag\n0.0 1 ██▎\n0.5 4 █████████\n1.0 0\n1.5 2 ████▌\n7 rows\n");
	out.len = 0;
	cat_term_picture(&ascii, &pictures[0], &out);
	assert_string_equal(out.s, "T\nmag\n0.0 1 ##\n0.5 4 #########\n1.0 0\n1.5 2 ####\n7 rows\n");
	cat_text_fini(&out);
}

/* Characters, not bytes. */
static int width(const char *line, const char *end)
{
	int n = 0;

	for (; line < end; line++)
		n += ((unsigned char)*line & 0xc0) != 0x80;
	return n;
}

static void text_keeps_its_width(void **state)
{
	const struct cat_term t = {.width = 70, .height = 12};

	(void)state;
	for (int i = 0; i < NPICTURES; i++) {
		struct cat_text out = {.max = 1 << 16};
		struct cat_error err = {0};
		const char *end;

		cat_term_picture(&t, &pictures[i], &out);
		assert_cat_ok(cat_text_check(&out, &err), err);
		for (const char *line = out.s; *line; line = end + 1) {
			end = strchr(line, '\n');
			assert_true(width(line, end) <= 70);
			assert_true(end == line || end[-1] != ' ');
		}
		cat_text_fini(&out);
	}
}

static struct cat_buf *file_of(const struct cat_picture *p, enum cat_canvas_format format)
{
	struct cat_error err = {0};
	struct cat_buf *b = NULL;
	struct cat_writer *w;

	assert_cat_ok(cat_writer_memory(&b, &w, &err), err);
	assert_cat_ok(cat_chart_write(p, format, 400, 300, w, &err), err);
	assert_cat_ok(w->ops->commit(w, &err), err);
	cat_writer_close(w);
	return b;
}

static void files_are_what_they_say(void **state)
{
	static const char *const begins[] = {"\x89PNG\r\n\x1a\n", "<?xml", "%PDF-1."};

	(void)state;
	for (int i = 0; i < NPICTURES; i++)
		for (int f = 0; f < 3; f++) {
			struct cat_buf *a = file_of(&pictures[i], (enum cat_canvas_format)f);
			struct cat_buf *b = file_of(&pictures[i], (enum cat_canvas_format)f);

			assert_true(a->size > 500);
			assert_memory_equal(a->data, begins[f], strlen(begins[f]));
			/* SVG numbers its parts through the whole process: tests/cli/plot.bats compares files. */
			if (f != CAT_CANVAS_SVG) {
				assert_true(a->size == b->size);
				assert_memory_equal(a->data, b->data, a->size);
			}
			cat_buf_unref(a);
			cat_buf_unref(b);
		}
	assert_int_equal(cat_chart_format("a/b.x.PnG"), CAT_CANVAS_PNG);
	assert_int_equal(cat_chart_format("pdf"), CAT_CANVAS_PDF);
	assert_int_equal(cat_chart_format("b.jpg"), -1);
}

static void survives_lack_of_memory(void **state)
{
	(void)state;
	for (int i = 0; i < NPICTURES; i++)
		for (int64_t n = 1;; n++) {
			struct cat_error err = {0};
			struct cat_buf *b = NULL;
			struct cat_writer *w = NULL;
			int rc;

			cat_alloc_fail_after(n);
			rc = cat_writer_memory(&b, &w, &err);
			if (rc == CAT_OK)
				rc = cat_chart_write(&pictures[i], CAT_CANVAS_PNG, 200, 150, w, &err);
			if (rc == CAT_OK)
				rc = w->ops->commit(w, &err);
			cat_alloc_fail_after(0);
			cat_writer_close(w);
			cat_buf_unref(b);
			if (rc == CAT_OK)
				break;
			assert_int_equal(rc, CAT_E_SYSTEM);
		}
}

static void backends_that_are_not_there(void **state)
{
	struct cat_error err = {0};
	const void *table;

	(void)state;
	assert_int_equal(cat_backend_open("no-such-thing", &table, &err), CAT_E_CONFIG);
	assert_non_null(strstr(err.cause, "no-such-thing.so"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(ticks_are_round),         UNIT_TEST(hammer_there_and_back), UNIT_TEST(colours_grow_lighter),
		UNIT_TEST(bars_as_text),            UNIT_TEST(text_keeps_its_width),  UNIT_TEST(files_are_what_they_say),
		UNIT_TEST(survives_lack_of_memory), UNIT_TEST(backends_that_are_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
