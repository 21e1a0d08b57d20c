#include "unit.h"

#include <stdio.h>

#include "feeds.h"
#include "formats/csv.h"
#include "formats/fits.h"
#include "formats/jsonl.h"
#include "storage/local.h"
#include "storage/scratch.h"

/* --- files made by hand --- */

struct file {
	uint8_t *data;
	size_t size;
};

static void add(struct file *f, const void *p, size_t n)
{
	f->data = realloc(f->data, f->size + n);
	assert_non_null(f->data);
	memcpy(f->data + f->size, p, n);
	f->size += n;
}

static void add_card(struct file *f, const char *text)
{
	char card[81];

	snprintf(card, sizeof card, "%-80s", text);
	add(f, card, 80);
}

static void pad(struct file *f, char with)
{
	while (f->size % 2880)
		add(f, &with, 1);
}

static void add_cards(struct file *f, const char *const *cards)
{
	for (; *cards; cards++)
		add_card(f, *cards);
	add_card(f, "END");
	pad(f, ' ');
}

static const char *const primary[] = {"SIMPLE  =                    T", "BITPIX  =                    8",
                                      "NAXIS   =                    0", NULL};

/* A table of ROWS rows of WIDTH bytes with N columns, whose cards are CARDS; DATA is rows and heap. */
static struct file table(const char *type, int width, int rows, int n, const char *const *cards, const void *data,
                         size_t size)
{
	struct file f = {0};
	char card[81];

	add_cards(&f, primary);
	snprintf(card, sizeof card, "XTENSION= '%s'", type);
	add_card(&f, card);
	add_card(&f, "BITPIX  =                    8");
	add_card(&f, "NAXIS   =                    2");
	snprintf(card, sizeof card, "NAXIS1  = %d", width);
	add_card(&f, card);
	snprintf(card, sizeof card, "NAXIS2  = %d", rows);
	add_card(&f, card);
	snprintf(card, sizeof card, "PCOUNT  = %d", (int)size - width * rows);
	add_card(&f, card);
	add_card(&f, "GCOUNT  =                    1");
	snprintf(card, sizeof card, "TFIELDS = %d", n);
	add_card(&f, card);
	add_cards(&f, cards);
	add(&f, data, size);
	pad(&f, 0);
	return f;
}

/* --- through feed and encoder --- */

enum how { BY_RANGES, BY_PIPE };

static int open_fits(const struct file *f, const char *hdu, enum how how, struct cat_feed **out, struct cat_error *err)
{
	const struct cat_fits_options o = {.hdu = hdu, .spool = cat_local_spool, .temp_dir = "/tmp"};
	struct cat_reader *r = NULL;
	struct cat_buf *b;
	int rc;

	CAT_TRY(cat_buf_copy(f->data, f->size, &b, err));
	rc = how == BY_PIPE ? unit_dribble(b, &r, err) : cat_reader_memory(b, "test", &r, err);
	cat_buf_unref(b);
	return rc == CAT_OK ? cat_fits_feed(r, &o, out, err) : rc;
}

static int to_jsonl(struct cat_schema *s, const void *arg, struct cat_encoder **out, struct cat_error *err)
{
	(void)arg;
	return cat_jsonl_encoder(s, out, err);
}

static void keep_note(const void *arg, const char *text)
{
	char *notes = *(char *const *)arg;

	strcat(strcat(notes, text), "\n");
}

static int to_fits(struct cat_schema *s, const void *arg, struct cat_encoder **out, struct cat_error *err)
{
	const struct cat_fits_write_options o = {
		.scratch = cat_scratch_new, .temp_dir = "/tmp", .note = arg ? keep_note : NULL, .note_arg = arg};

	return cat_fits_encoder(s, &o, out, err);
}

static void expect(const struct file *f, const char *want)
{
	for (enum how how = BY_RANGES; how <= BY_PIPE; how++) {
		struct cat_error err = {0};
		struct cat_feed *feed;
		struct cat_buf *out;

		assert_cat_ok(open_fits(f, NULL, how, &feed, &err), err);
		assert_cat_ok(unit_recode(feed, to_jsonl, NULL, &out, &err), err);
		if (out->size != strlen(want) || memcmp(out->data, want, out->size) != 0)
			fail_msg("%.*s", (int)out->size, (char *)out->data);
		cat_buf_unref(out);
	}
}

/* Written again and read back it is AGAIN. */
static void expect_again(const struct file *f, const char *want, const char *again)
{
	struct cat_error err = {0};
	struct cat_feed *feed;
	struct cat_buf *out;

	expect(f, want);
	assert_cat_ok(open_fits(f, NULL, BY_RANGES, &feed, &err), err);
	assert_cat_ok(unit_recode(feed, to_fits, NULL, &out, &err), err);
	assert_int_equal(out->size % 2880, 0);
	expect(&(struct file){out->data, out->size}, again);
	cat_buf_unref(out);
}

static void expect_error(const struct file *f, const char *hdu, int code, const char *cause)
{
	for (enum how how = BY_RANGES; how <= BY_PIPE; how++) {
		struct cat_error err = {0};
		struct cat_feed *feed;
		struct cat_buf *out = NULL;
		int rc = open_fits(f, hdu, how, &feed, &err);

		if (rc == CAT_OK)
			rc = unit_recode(feed, to_jsonl, NULL, &out, &err);
		cat_buf_unref(out);
		assert_int_equal(rc, code);
		if (!strstr(err.cause, cause))
			fail_msg("'%s' does not say '%s'", err.cause, cause);
	}
}

/* --- reading --- */

static void every_form(void **state)
{
	static const char *const cards[] = {
		"TTYPE1  = 'l'", "TFORM1  = 'L'",  "TTYPE2  = 'x'", "TFORM2  = '10X'", "TFORM3  = 'B'", "TFORM4  = '2I'",
		"TFORM5  = 'J'", "TFORM6  = '1K'", "TFORM7  = 'E'", "TFORM8  = 'D'",   "TFORM9  = 'C'", "TFORM10 = '5A'",
		"TFORM11 = '0J'", "TFORM12 = '6A'", "TDIM12  = '(2,3)'", NULL};
	static const uint8_t row[] = {'T', 0xa5, 0xc0, 200, 0xff, 0xfe, 1, 2, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0,
	                              0x3f, 0xc0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0x3f, 0x80, 0, 0, 0x40, 0, 0, 0,
	                              'a', 'b', ' ', 0, 'x', 'a', 'b', 'c', 'd', ' ', ' '};
	struct file f = table("BINTABLE", sizeof row, 1, 12, cards, row, sizeof row);

	(void)state;
	expect(&f, "{\"l\":true,\"x\":[true,false,true,false,false,true,false,true,true,true],\"col3\":200,"
	           "\"col4\":[-2,258],\"col5\":-2147483647,\"col6\":256,\"col7\":1.5,\"col8\":-2.0,"
	           "\"col9\":[1.0,2.0],\"col10\":\"ab\",\"col11\":null,\"col12\":[\"ab\",\"cd\",null]}\n");
	free(f.data);
}

static void nulls_scales_and_unsigned(void **state)
{
	static const char *const cards[] = {
		"TTYPE1  = 'i'", "TFORM1  = 'I'", "TNULL1  = -99",      "TTYPE2  = 'u'", "TFORM2  = 'I'", "TZERO2  = 32768",
		"TNULL2  = 7",   "TTYPE3  = 'b'", "TFORM3  = 'B'",      "TZERO3  = -128", "TTYPE4  = 's'", "TFORM4  = 'I'",
		"TSCAL4  = 5.0D-1", "TZERO4  = 10", "TNULL4  = 4",      "TTYPE5  = 'k'", "TFORM5  = 'K'",
		"TZERO5  = 9223372036854775808", "TTYPE6  = 'v'", "TFORM6  = '2B'", "TNULL6  = 3", "TTYPE7  = 'f'",
		"TFORM7  = 'E'", "TTYPE8  = 't'", "TFORM8  = '2A'", "TTYPE9  = 'l'", "TFORM9  = 'L'", NULL};
	static const uint8_t rows[] = {0xff, 0x9d, 0x80, 1, 0x81, 0, 2, 0x7f, 255, 255, 255, 255, 255, 255, 255, 3, 4,
	                               0x7f, 0xc0, 0, 0, ' ', ' ', 0,
	                               0, 5, 0, 7, 0x7f, 0, 4, 0x80, 0, 0, 0, 0, 0, 0, 1, 1, 3,
	                               0x3f, 0x80, 0, 0, ' ', 'q', 'F'};
	struct file f = table("BINTABLE", sizeof rows / 2, 2, 9, cards, rows, sizeof rows);

#define ROW1 "{\"i\":null,\"u\":1,\"b\":1,\"s\":11.0,\"k\":18446744073709551615,\"v\":[null,4],\"f\":\"NaN\"," \
	"\"t\":null,\"l\":null}\n{\"i\":5,\"u\":null,\"b\":-1,\"s\":"
#define ROW2 ",\"k\":1,\"v\":[1,null],\"f\":1.0,\"t\":\" q\",\"l\":false}\n"

	(void)state;
	expect_again(&f, ROW1 "null" ROW2, ROW1 "\"NaN\"" ROW2);
	free(f.data);
}

static void variable_arrays(void **state)
{
	static const char *const cards[] = {"TTYPE1  = 'a'", "TFORM1  = 'PI(3)'", "TTYPE2  = 's'", "TFORM2  = 'QA'",
	                                    "TTYPE3  = 'x'", "TFORM3  = '1PX(9)'", "TTYPE4  = 'z'", "TFORM4  = '0PD'",
	                                    NULL};
	static const uint8_t data[] = {
		0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 7,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 7,
		'h', 'e', 'y', 0, 5, 0, 6, 0xff, 0x80};
	static const char rows[] =
		"{\"a\":[5,6],\"s\":\"hey\",\"x\":[true,true,true,true,true,true,true,true,true],\"z\":[]}\n"
		"{\"a\":[],\"s\":null,\"x\":[true],\"z\":[]}\n";
	struct file f = table("BINTABLE", 32, 2, 4, cards, data, sizeof data);

	(void)state;
	expect_again(&f, rows, rows);
	/* An array that ends behind the heap. */
	f.data[f.size - 2880 + 3] = 4;
	expect_error(&f, NULL, CAT_E_DATA, "of the heap, which has 9");
	free(f.data);
}

static void ascii_tables(void **state)
{
	static const char *const cards[] = {
		"TTYPE1  = 'n'", "TFORM1  = 'I4'", "TBCOL1  = 1", "TNULL1  = '*'", "TTYPE2  = 'f'", "TFORM2  = 'F6.2'",
		"TBCOL2  = 6",   "TTYPE3  = 'd'",  "TFORM3  = 'D8.1'", "TBCOL3  = 12", "TTYPE4  = 't'", "TFORM4  = 'A3'",
		"TBCOL4  = 21",  NULL};
	static const char rows[] = "  42    1.5 1.5D+02  ab   *    125    -1e3 c d";
	struct file f = table("TABLE", 23, 2, 4, cards, rows, 46);

	(void)state;
	expect(&f, "{\"n\":42,\"f\":1.5,\"d\":150.0,\"t\":\" ab\"}\n{\"n\":null,\"f\":1.25,\"d\":-1000.0,\"t\":\"c d\"}\n");
	f.data[f.size - 2880 + 1] = 'x';
	expect_error(&f, NULL, CAT_E_DATA, "'x42' is no number");
	free(f.data);
}

static void text_and_words(void **state)
{
	static const char *const cards[] = {
		"TTYPE1  = 'it''s a long name that goes on and on until the card is full&'",
		"CONTINUE  ' and more' / comment", "TFORM1  = '4A      '", "TUNIT1  = 'mag'", "TUCD1   = 'phot.mag'",
		"HIERARCH ESO x = 1", "COMMENT = 'no value'", "TTYPE2  = 'b' / what it is", "TFORM2  = 'A'",
		"TTYPE3  = 'b'", "TFORM3  = 'A'", NULL};
	static const char row[] = "\xc5k\xe4 12";
	static const char rows[] = "{\"it's a long name that goes on and on until the card is full and more\":"
	                           "\"\xc3\x85k\xc3\xa4\",\"b\":\"1\",\"b_2\":\"2\"}\n";
	struct file f = table("BINTABLE", 6, 1, 3, cards, row, 6);
	struct cat_error err = {0};
	struct cat_feed *feed;

	(void)state;
	expect_again(&f, rows, rows);
	assert_cat_ok(open_fits(&f, NULL, BY_RANGES, &feed, &err), err);
	assert_string_equal(cat_kv_get(&feed->schema->fields[0].meta, CAT_META_UNIT), "mag");
	assert_string_equal(cat_kv_get(&feed->schema->fields[0].meta, CAT_META_UCD), "phot.mag");
	assert_string_equal(cat_kv_get(&feed->schema->fields[1].meta, CAT_META_DESCRIPTION), "what it is");
	cat_feed_close(feed);
	free(f.data);
}

static void choosing_the_table(void **state)
{
	static const char *const image[] = {"XTENSION= 'IMAGE'", "BITPIX  = -32", "NAXIS   = 1", "NAXIS1  = 800",
	                                    "EXTNAME = 'PIC'", NULL};
	static const char *const cards[] = {"EXTNAME = 'EVENTS'", "TTYPE1  = 'a'", "TFORM1  = 'B'", NULL};
	struct file t = table("BINTABLE", 1, 1, 1, cards, "\7", 1), f = {0};
	static const uint8_t pixels[3200];

	(void)state;
	add_cards(&f, primary);
	expect_error(&f, NULL, CAT_E_DATA, "no table in it: 1 HDU, all images");
	add_cards(&f, image);
	add(&f, pixels, sizeof pixels);
	pad(&f, 0);
	expect_error(&f, NULL, CAT_E_DATA, "no table in it: 2 HDUs, all images");
	add(&f, t.data + 2880, t.size - 2880);
	expect(&f, "{\"a\":7}\n");
	expect_error(&f, "pic", CAT_E_DATA, "it is no table but an image");
	expect_error(&f, "evnts", CAT_E_USAGE, "nearest: EVENTS");
	expect_error(&f, "7", CAT_E_USAGE, "no HDU '7' among the 3");
	free(f.data);
	free(t.data);
}

static void headers_that_lie(void **state)
{
	static const struct {
		const char *card, *cause;
		int code;
	} lies[] = {{"TFORM1  = '3J'", "the columns have 12 bytes, NAXIS1 says 4", CAT_E_DATA},
	            {"TFORM1  = '9999999999999999999J'", "TFORM", CAT_E_DATA},
	            {"TFORM1  = 'Y'", "TFORM 'Y' is none", CAT_E_DATA},
	            {"NAXIS2  = 9223372036854775807", "impossible", CAT_E_DATA},
	            {"NAXIS2  = 1000000", "truncated: 720 of 1000000 rows", CAT_E_DATA},
	            {"PCOUNT  = -1", "impossible", CAT_E_DATA},
	            {"GCOUNT  = 2", "GCOUNT 2", CAT_E_DATA},
	            {"TFIELDS = 1000", "TFIELDS 1000", CAT_E_DATA},
	            {"THEAP   = 1", "THEAP 1 lies outside", CAT_E_DATA},
	            {"TSCAL1  = 'x'", "TSCAL1 is no number", CAT_E_DATA},
	            {"ZTABLE  = T", "compressed table", CAT_E_DATA}};
	static const uint8_t row[4];

	(void)state;
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		const char *const cards[] = {"TFORM1  = 'J'", "ZFORM1  = 'J'", lies[i].card, NULL};
		struct file f = table("BINTABLE", 4, 1, 1, cards, row, sizeof row);

		expect_error(&f, NULL, lies[i].code, lies[i].cause);
		free(f.data);
	}
}

static void cut_anywhere(void **state)
{
	static const char *const cards[] = {"TFORM1  = 'J'", NULL};
	static const uint8_t rows[6000];
	struct file f = table("BINTABLE", 4, 1500, 1, cards, rows, sizeof rows);
	const size_t whole = 2 * 2880 + sizeof rows;

	(void)state;
	for (size_t n = 1; n < whole; n += n % 2880 == 0 || n % 2880 == 2879 ? 1 : 719) {
		const struct file part = {f.data, n};
		char cause[64] = "";

		if (n >= 2 * 2880)
			snprintf(cause, sizeof cause, "truncated: %zu of 1500 rows", (n - 2 * 2880) / 4);
		expect_error(&part, NULL, CAT_E_DATA, cause);
	}
	free(f.data);
}

/* --- writing --- */

static bool has_bytes(const struct cat_buf *b, const char *text)
{
	const size_t n = strlen(text);

	for (size_t i = 0; i + n <= b->size; i++)
		if (memcmp(b->data + i, text, n) == 0)
			return true;
	return false;
}

static int text_to_fits(const char *text, char **notes, struct cat_buf **out, struct cat_error *err)
{
	struct cat_reader *r = NULL;
	struct cat_feed *feed;
	struct cat_buf *b;
	int rc;

	CAT_TRY(cat_buf_copy(text, strlen(text), &b, err));
	rc = cat_reader_memory(b, "test", &r, err);
	cat_buf_unref(b);
	CAT_TRY(rc);
	CAT_TRY(cat_csv_feed(r, NULL, &feed, err));
	return unit_recode(feed, to_fits, notes, out, err);
}

static void text_to_file(void **state)
{
	char space[1000] = "", *notes = space;
	struct cat_error err = {0};
	struct cat_buf *out;

	(void)state;
	assert_cat_ok(text_to_fits("i,f,s,b\n1,0.5,x,true\n,,,\n-3,NaN,\"\",false\n9,1e300,longer,true\n", &notes,
	                           &out, &err),
	              err);
	expect(&(struct file){out->data, out->size},
	       "{\"i\":1,\"f\":0.5,\"s\":\"x\",\"b\":true}\n{\"i\":null,\"f\":\"NaN\",\"s\":null,\"b\":null}\n"
	       "{\"i\":-3,\"f\":\"NaN\",\"s\":null,\"b\":false}\n{\"i\":9,\"f\":1e+300,\"s\":\"longer\",\"b\":true}\n");
	assert_string_equal(space, "f: NULL is NaN in FITS\ns: empty text is NULL in FITS\n");
	assert_true(has_bytes(out, "'6A      '"));
	assert_true(has_bytes(out, "TNULL1  = -9223372036854775808"));
	cat_buf_unref(out);
	/* Without NULL the smallest value is a value. */
	assert_cat_ok(text_to_fits("i\n-9223372036854775808\n5\n", NULL, &out, &err), err);
	expect(&(struct file){out->data, out->size}, "{\"i\":-9223372036854775808}\n{\"i\":5}\n");
	cat_buf_unref(out);
	assert_int_equal(text_to_fits("i,j\n-9223372036854775808,1\n,2\n", NULL, &out, &err), CAT_E_DATA);
	assert_non_null(strstr(err.cause, "column i: the value that would stand for NULL"));
}

/* The value that stands for NULL is kept, so that it does not meet another. */
static void null_value_is_kept(void **state)
{
	static const char *const cards[] = {"TTYPE1  = 'i'", "TFORM1  = 'I'", "TNULL1  = 1",
	                                    "TTYPE2  = 'u'", "TFORM2  = 'I'", "TZERO2  = 32768", "TNULL2  = 1", NULL};
	static const uint8_t rows[] = {0, 1, 0, 1, 0x80, 0, 0x7f, 0xff};
	static const char want[] = "{\"i\":null,\"u\":null}\n{\"i\":-32768,\"u\":65535}\n";
	struct file f = table("BINTABLE", 4, 2, 2, cards, rows, sizeof rows);

	(void)state;
	expect_again(&f, want, want);
	free(f.data);
}

static void wide_text(void **state)
{
	struct cat_error err = {0};
	struct cat_buf *out = NULL;
	char *text = malloc(80000);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', 80000);
	memcpy(text, "s\n", 2);
	text[79998] = '\n';
	text[79999] = '\0';
	assert_int_equal(text_to_fits(text, NULL, &out, &err), CAT_E_UNSUPPORTED);
	assert_non_null(strstr(err.cause, "column s: text of 79996 bytes"));
	free(text);
}

/* --- the shared files --- */

static int read_file(const char *name, struct file *f)
{
	char path[512];
	FILE *in;
	uint8_t block[4096];
	size_t n;

	snprintf(path, sizeof path, "%s/fits/%s", unit_data(), name);
	in = fopen(path, "rb");
	if (!in)
		return -1;
	while ((n = fread(block, 1, sizeof block, in)) > 0)
		add(f, block, n);
	fclose(in);
	return 0;
}

/* Compressed tables hold what the plain ones do. */
static void compressed_tables(void **state)
{
	static const char *const names[] = {"small_sky.fits", "tess_gam02_10rows.fits"};

	(void)state;
	if (!unit_data())
		skip();
	for (int i = 0; i < 2; i++) {
		struct file plain = {0}, packed = {0};
		struct cat_error err = {0};
		struct cat_feed *feed;
		struct cat_buf *want;
		char name[64], *text;

		snprintf(name, sizeof name, "%s.fz", names[i]);
		if (read_file(names[i], &plain) != 0 || read_file(name, &packed) != 0)
			skip();
		assert_cat_ok(open_fits(&plain, NULL, BY_RANGES, &feed, &err), err);
		assert_cat_ok(unit_recode(feed, to_jsonl, NULL, &want, &err), err);
		text = strndup((char *)want->data, want->size);
		expect(&packed, text);
		free(text);
		cat_buf_unref(want);
		free(plain.data);
		free(packed.data);
	}
}

/* --- memory runs out --- */

static void allocations_of_tiles_may_fail(void **state)
{
	struct file f = {0};

	(void)state;
	if (!unit_data() || read_file("small_sky.fits.fz", &f) != 0)
		skip();
	for (int64_t n = 1;; n++) {
		struct cat_error err = {0};
		struct cat_feed *feed;
		struct cat_buf *out = NULL;
		int rc;

		cat_alloc_fail_after(n);
		rc = open_fits(&f, NULL, BY_RANGES, &feed, &err);
		if (rc == CAT_OK)
			rc = unit_recode(feed, to_jsonl, NULL, &out, &err);
		cat_alloc_fail_after(0);
		cat_buf_unref(out);
		if (rc == CAT_OK)
			break;
		assert_int_equal(rc, CAT_E_SYSTEM);
	}
	free(f.data);
}

static void every_allocation_may_fail(void **state)
{
	static const char *const cards[] = {"TTYPE1  = 'a'", "TFORM1  = 'PI(3)'", "TTYPE2  = 's'", "TFORM2  = '3A'",
	                                    "TUNIT2  = 'm'", "TTYPE3  = 'v'", "TFORM3  = '2C'", "TTYPE4  = 'l'",
	                                    "TFORM4  = 'L'", "TTYPE5  = 'i'", "TFORM5  = 'I'", "TNULL5  = 0",
	                                    "TTYPE6  = 'c'", "TFORM6  = 'I'", "TSCAL6  = 2", NULL};
	static const uint8_t data[] = {0, 0, 0, 1, 0, 0, 0, 0, 'a', 'b', 'c', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	                               0, 0, 0, 0, 5, 0, 6};
	struct file f = table("BINTABLE", 32, 1, 6, cards, data, sizeof data);

	(void)state;
	for (int way = 0; way < 3; way++)
		/* A pipe of single bytes allocates for each. */
		for (int64_t n = 1;; n += way == 2 ? 211 : 1) {
			struct cat_error err = {0};
			struct cat_feed *feed;
			struct cat_buf *out = NULL;
			int rc;

			cat_alloc_fail_after(n);
			rc = open_fits(&f, NULL, way == 2 ? BY_PIPE : BY_RANGES, &feed, &err);
			if (rc == CAT_OK)
				rc = unit_recode(feed, way ? to_fits : to_jsonl, NULL, &out, &err);
			cat_alloc_fail_after(0);
			cat_buf_unref(out);
			if (rc == CAT_OK)
				break;
			assert_int_equal(rc, CAT_E_SYSTEM);
			assert_true(n < 50000);
		}
	free(f.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(every_form),         UNIT_TEST(nulls_scales_and_unsigned), UNIT_TEST(variable_arrays),
		UNIT_TEST(ascii_tables),       UNIT_TEST(text_and_words),            UNIT_TEST(choosing_the_table),
		UNIT_TEST(headers_that_lie),   UNIT_TEST(cut_anywhere),              UNIT_TEST(text_to_file),
		UNIT_TEST(null_value_is_kept), UNIT_TEST(wide_text),                 UNIT_TEST(compressed_tables),
		UNIT_TEST(every_allocation_may_fail), UNIT_TEST(allocations_of_tiles_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
