#include "unit.h"

#include <stdio.h>

#include "base/xml.h"
#include "columnar/builder.h"
#include "formats/colmeta.h"
#include "formats/votable_fields.h"
#include "parquet_table.h"

/* --- XML --- */

static void count_begin(void *arg, const char *name, const char *const *attributes)
{
	(void)name, (void)attributes;
	++*(int *)arg;
}

static void count_text(void *arg, const char *s, size_t n)
{
	(void)arg, (void)s, (void)n;
}

static void count_end(void *arg, const char *name)
{
	(void)arg, (void)name;
}

static int elements(const char *text, int *n)
{
	const struct cat_xml_events events = {count_begin, count_text, count_end, n};
	struct cat_error err;

	*n = 0;
	return cat_xml_parse(text, strlen(text), &events, &err);
}

static void xml_from_anywhere(void **state)
{
	struct cat_text deep = {.max = 1 << 20};
	int n;

	(void)state;
	assert_int_equal(elements("<a xmlns:x='u'><x:b/>t&amp;<!-- c --><c d='1'/></a>", &n), CAT_OK);
	assert_int_equal(n, 3);
	assert_int_equal(elements("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", &n), CAT_OK);
	assert_int_equal(elements("", &n), CAT_E_DATA);
	assert_int_equal(elements("<a><b></a>", &n), CAT_E_DATA);
	assert_int_equal(elements("<a/><a/>", &n), CAT_E_DATA);
	assert_int_equal(elements("<a>\x01</a>", &n), CAT_E_DATA);
	assert_int_equal(elements("<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", &n), CAT_E_DATA);
	assert_int_equal(elements("<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>", &n), CAT_E_DATA);
	assert_int_equal(n, 0);
	for (int i = 0; i < 64; i++)
		cat_text_add(&deep, "<a>");
	for (int i = 0; i < 64; i++)
		cat_text_add(&deep, "</a>");
	assert_int_equal(elements(deep.s, &n), CAT_OK);
	deep.len = 0;
	for (int i = 0; i < 100000; i++)
		cat_text_add(&deep, "<a>");
	assert_int_equal(elements(deep.s, &n), CAT_E_DATA);
	assert_int_equal(n, 64);
	cat_text_fini(&deep);
}

/* --- columns --- */

static const char *said(const struct cat_field *f, const char *key)
{
	const char *v = cat_kv_get(&f->meta, key);

	return v ? v : "";
}

static void say(struct cat_field *f, const char *key, const char *value)
{
	struct cat_error err;

	assert_cat_ok(cat_kv_set(&f->meta, key, value, &err), err);
}

/* ra, dec, n: int64, and lc, a struct of lists mjd and mag; a table that says nothing but PAIRS, ended by NULL. */
static struct cat_schema *columns(const char *const *pairs)
{
	struct cat_schema *s;
	struct cat_error err;

	assert_cat_ok(cat_schema_new(4, &s, &err), err);
	table_field(&s->fields[0], "ra", CAT_T_F64);
	table_field(&s->fields[1], "dec", CAT_T_F64);
	table_field(&s->fields[2], "n", CAT_T_I64);
	table_field(&s->fields[3], "lc", CAT_T_STRUCT);
	assert_cat_ok(cat_field_children(&s->fields[3], 2, &err), err);
	table_parent(&s->fields[3].children[0], "mjd", CAT_T_LIST, CAT_T_F64);
	table_parent(&s->fields[3].children[1], "mag", CAT_T_LIST, CAT_T_F32);
	for (; *pairs; pairs += 2)
		assert_cat_ok(cat_kv_set(&s->meta, pairs[0], pairs[1], &err), err);
	return s;
}

static struct cat_schema *taken(const char *key, const char *value, char **note)
{
	struct cat_schema *s = columns((const char *[]){CAT_COLMETA_VERSION, "1.0", "other", "x", key, value, NULL});
	struct cat_error err;

	assert_cat_ok(cat_colmeta_take(s, note, &err), err);
	assert_null(cat_kv_get(&s->meta, CAT_COLMETA_VERSION));
	assert_null(cat_kv_get(&s->meta, CAT_COLMETA_CONTENT));
	assert_string_equal(cat_kv_get(&s->meta, "other"), "x");
	return s;
}

static struct cat_schema *of_votable(const char *fields)
{
	struct cat_text t = {.max = 1 << 20};
	struct cat_schema *s;
	char *note;

	cat_text_addf(&t, "<?xml version='1.0'?><v:VOTABLE version='1.4' xmlns:v='http://www.ivoa.net/xml/VOTable/v1.3'>"
	                  "<v:RESOURCE><INFO name='x' value='y'/><v:TABLE><DESCRIPTION>of the table</DESCRIPTION>%s</v:TABLE>"
	                  "<TABLE><FIELD name='n' unit='other table'/></TABLE></v:RESOURCE></v:VOTABLE>", fields);
	s = taken(CAT_COLMETA_CONTENT, t.s, &note);
	assert_null(note);
	cat_text_fini(&t);
	return s;
}

static void fields_by_name_and_by_place(void **state)
{
	struct cat_schema *s;

	(void)state;
	/* By name, in any order, parts of nested columns behind the columns as HATS has them. */
	s = of_votable("<FIELD name='dec' unit='deg'><DESCRIPTION>\n  north\n  of   it </DESCRIPTION><VALUES><OPTION/></VALUES></FIELD>"
	               "<v:FIELD name='ra' unit=' rad ' ucd='pos.eq.ra;meta.main' utype='u' xtype='x'/>"
	               "<FIELD name='lc.mag' unit='mag'/><FIELD name='nobody' unit='m'/><FIELD name='lc.mjd' unit='d'/>"
	               "<FIELD name='dec' unit='second'/>"
	               "<GROUP name='lc'><DESCRIPTION>nested</DESCRIPTION><PARAM name='n' unit='param'><DESCRIPTION>no</DESCRIPTION>"
	               "</PARAM><FIELD name='n' unit='in a group'/></GROUP>");
	assert_string_equal(said(&s->fields[0], "unit"), "rad");
	assert_string_equal(said(&s->fields[0], "ucd"), "pos.eq.ra;meta.main");
	assert_string_equal(said(&s->fields[0], "utype"), "u");
	assert_string_equal(said(&s->fields[0], "xtype"), "x");
	assert_string_equal(said(&s->fields[1], "unit"), "deg");
	assert_string_equal(said(&s->fields[1], "description"), "north of it");
	assert_int_equal(s->fields[2].meta.n, 0);
	assert_int_equal(s->fields[3].meta.n, 0);
	assert_string_equal(said(&s->fields[3].children[0], "unit"), "d");
	assert_string_equal(said(&s->fields[3].children[1], "unit"), "mag");
	cat_schema_unref(s);
	/* As many as columns: those whose name is nobody's are taken by their place, but none twice. */
	s = of_votable("<FIELD name='R.A.' unit='deg'/><FIELD unit='rad'/><FIELD name='lc' unit='a'/><FIELD name='x' unit='b'/>");
	assert_string_equal(said(&s->fields[0], "unit"), "deg");
	assert_string_equal(said(&s->fields[1], "unit"), "rad");
	assert_string_equal(said(&s->fields[2], "unit"), "");
	assert_string_equal(said(&s->fields[3], "unit"), "a");
	cat_schema_unref(s);
	/* Not as many: by name only. */
	s = of_votable("<FIELD name='R.A.' unit='deg'/><FIELD name='dec' unit='deg'/>");
	assert_string_equal(said(&s->fields[0], "unit"), "");
	assert_string_equal(said(&s->fields[1], "unit"), "deg");
	cat_schema_unref(s);
}

static void what_comes_first_wins(void **state)
{
	const char *const pairs[] = {CAT_COLMETA_CONTENT,
	                             "<VOTABLE><RESOURCE><TABLE><FIELD name='ra' unit='deg' ucd='pos.eq.ra'/></TABLE></RESOURCE></VOTABLE>",
	                             CAT_COLMETA_ASTROPY,
	                             "datatype:\n- {name: ra, unit: rad, description: east}\n- {name: dec, unit: rad}\n", NULL};
	struct cat_schema *s = columns(pairs);
	struct cat_error err;
	char *note;

	(void)state;
	say(&s->fields[0], "ucd", "of the field");
	assert_cat_ok(cat_colmeta_take(s, &note, &err), err);
	assert_null(note);
	assert_string_equal(said(&s->fields[0], "ucd"), "of the field");
	assert_string_equal(said(&s->fields[0], "unit"), "deg");
	assert_string_equal(said(&s->fields[0], "description"), "east");
	assert_string_equal(said(&s->fields[1], "unit"), "rad");
	cat_schema_unref(s);
}

static void odd_documents_change_nothing(void **state)
{
	static const char *const odd[] = {
		"", "no XML", "<VOTABLE><RESOURCE><TABLE><FIELD name='ra' unit='deg'/>", "<html><TABLE><FIELD name='ra' unit='deg'/></TABLE></html>",
		"<VOTABLE/>",
		"<!DOCTYPE VOTABLE [<!ENTITY a 'deg'>]><VOTABLE><RESOURCE><TABLE><FIELD name='ra' unit='&a;'/></TABLE></RESOURCE></VOTABLE>"};
	char *note;

	(void)state;
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		struct cat_schema *s = taken(CAT_COLMETA_CONTENT, odd[i], &note);

		assert_non_null(note);
		assert_non_null(strstr(note, CAT_COLMETA_CONTENT));
		for (int k = 0; k < s->nfields; k++)
			assert_int_equal(s->fields[k].meta.n, 0);
		cat_free(note);
		cat_schema_unref(s);
	}
}

/* As astropy 8 writes it. */
static const char yaml[] = "datatype:\n"
                           "- {name: ra, unit: deg, datatype: float64, description: 'east: of\n    \"it\" # yes'}\n"
                           "- {name: dec, datatype: float64}\n"
                           "- name: n\n  unit: ''\n  datatype: int64\n  meta: !!omap\n  - {ucd: meta.number}\n  - {x: !odd 1}\n"
                           "- {name: lc, unit: !astropy.units.Unit {unit: deg}, datatype: string, subtype: json}\n"
                           "meta: !!omap\n- {name: dec, unit: not a column}\n";

static void astropy(void **state)
{
	char *note;
	struct cat_schema *s = taken(CAT_COLMETA_ASTROPY, yaml, &note);

	(void)state;
	assert_null(note);
	assert_string_equal(said(&s->fields[0], "unit"), "deg");
	assert_string_equal(said(&s->fields[0], "description"), "east: of \"it\" # yes");
	assert_int_equal(s->fields[1].meta.n, 0);
	assert_int_equal(s->fields[2].meta.n, 0); /* YAML's tags are not read, here beside the UCD */
	assert_int_equal(s->fields[3].meta.n, 0);
	assert_string_equal(cat_kv_get(&s->meta, CAT_COLMETA_ASTROPY), yaml);
	cat_schema_unref(s);
	s = taken(CAT_COLMETA_ASTROPY, "datatype:\n- name: n\n  meta: !!omap\n  - {ucd: meta.number}\n  - {y: 1}\n", &note);
	assert_string_equal(said(&s->fields[2], "ucd"), "meta.number");
	cat_schema_unref(s);
}

/* Whether YAML stays beside the columns of S. */
static bool stays(struct cat_schema *s, const char *text)
{
	struct cat_error err;
	const char *left;

	assert_cat_ok(cat_kv_set(&s->meta, CAT_COLMETA_ASTROPY, text, &err), err);
	assert_cat_ok(cat_kv_set(&s->meta, CAT_COLMETA_CONTENT, "<VOTABLE/>", &err), err);
	assert_cat_ok(cat_colmeta_settle(s, &err), err);
	assert_null(cat_kv_get(&s->meta, CAT_COLMETA_CONTENT));
	assert_string_equal(cat_kv_get(&s->meta, "other"), "x");
	left = cat_kv_get(&s->meta, CAT_COLMETA_ASTROPY);
	assert_true(!left || strcmp(left, text) == 0);
	return left != NULL;
}

static void what_still_holds(void **state)
{
	static const char one[] = "datatype:\n- {name: dec, datatype: float64}\n- {name: ra, unit: deg, description: east}\n"
	                          "- {name: n, datatype: int64}\n- {name: lc, datatype: string}\nmeta: {a: 1}\n";
	char *note;
	struct cat_schema *s = taken(CAT_COLMETA_ASTROPY, one, &note);
	struct cat_error err;

	(void)state;
	assert_true(stays(s, one));
	assert_false(stays(s, "datatype:\n"));
	assert_false(stays(s, yaml));
	say(&s->fields[1], "unit", "deg");
	assert_false(stays(s, one));
	say(&s->fields[1], "unit", NULL);
	assert_true(stays(s, one));
	assert_cat_ok(cat_field_rename(&s->fields[1], "declination", &err), err);
	assert_false(stays(s, one));
	cat_schema_unref(s);
}

/* --- writing --- */

static void types_as_votable_has_them(void **state)
{
	static const struct {
		enum cat_type_id id;
		const char *type;
	} plain[] = {{CAT_T_BOOL, "boolean"}, {CAT_T_I8, "short"}, {CAT_T_U8, "unsignedByte"}, {CAT_T_I16, "short"},
	             {CAT_T_U16, "int"}, {CAT_T_I32, "int"}, {CAT_T_U32, "long"}, {CAT_T_I64, "long"},
	             {CAT_T_U64, "char\" arraysize=\"*"}, {CAT_T_F32, "float"}, {CAT_T_F64, "double"},
	             {CAT_T_UTF8, "char\" arraysize=\"*"}, {CAT_T_BINARY, "unsignedByte\" arraysize=\"*"},
	             {CAT_T_FIXED_BINARY, "unsignedByte\" arraysize=\"5"}, {CAT_T_TIMESTAMP, "char\" arraysize=\"*"},
	             {CAT_T_DECIMAL128, "char\" arraysize=\"*"}, {CAT_T_NULL, "char\" arraysize=\"*"}};
	enum { N = sizeof plain / sizeof *plain };
	struct cat_schema *s;
	struct cat_error err;
	struct cat_text t = {.max = 1 << 20};
	struct cat_field *f;
	char want[100];

	(void)state;
	assert_cat_ok(cat_schema_new(N + 6, &s, &err), err);
	for (int i = 0; i < N; i++) {
		snprintf(want, sizeof want, "c%d", i);
		table_field(&s->fields[i], want, plain[i].id);
		if (plain[i].id == CAT_T_FIXED_BINARY)
			s->fields[i].type.width = 5;
	}
	f = &s->fields[N];
	table_parent(f++, "list", CAT_T_LIST, CAT_T_I16);
	table_parent(f, "fixed", CAT_T_FIXED_LIST, CAT_T_F32);
	f++->type.width = 3;
	for (int i = 0; i < 3; i++, f++) { /* a list of threes, threes of lists, fours of threes */
		table_parent(f, i == 0 ? "l3" : i == 1 ? "3l" : "43", i == 0 ? CAT_T_LIST : CAT_T_FIXED_LIST, CAT_T_NULL);
		f->type.width = i == 2 ? 4 : 3;
		cat_field_fini(&f->children[0]);
		table_parent(&f->children[0], "item", i == 1 ? CAT_T_LIST : CAT_T_FIXED_LIST, CAT_T_F64);
		f->children[0].type.width = 3;
	}
	table_parent(f, "texts", CAT_T_LIST, CAT_T_UTF8);
	cat_votable_put(s, &t);
	assert_cat_ok(cat_text_check(&t, &err), err);
	for (int i = 0; i < N; i++) {
		snprintf(want, sizeof want, "<FIELD name=\"c%d\" datatype=\"%s\"/>", i, plain[i].type);
		assert_non_null(strstr(t.s, want));
	}
	assert_non_null(strstr(t.s, "name=\"list\" datatype=\"short\" arraysize=\"*\"/>"));
	assert_non_null(strstr(t.s, "name=\"fixed\" datatype=\"float\" arraysize=\"3\"/>"));
	assert_non_null(strstr(t.s, "name=\"l3\" datatype=\"double\" arraysize=\"3x*\"/>"));
	assert_non_null(strstr(t.s, "name=\"3l\" datatype=\"char\" arraysize=\"*\"/>"));
	assert_non_null(strstr(t.s, "name=\"43\" datatype=\"double\" arraysize=\"3x4\"/>"));
	assert_non_null(strstr(t.s, "name=\"texts\" datatype=\"char\" arraysize=\"*\"/>"));
	assert_false(cat_votable_described(s));
	cat_text_fini(&t);
	cat_schema_unref(s);
}

static void what_is_written_is_read(void **state)
{
	struct cat_schema *s = columns((const char *[]){NULL}), *again;
	struct cat_votable_field *fields;
	struct cat_text t = {.max = 1 << 20};
	struct cat_error err;
	char *note;
	size_t n;

	(void)state;
	say(&s->fields[0], "unit", "mag/\"arcsec\"<2> & 'x'");
	say(&s->fields[0], "description", "]]> <b>\n\ttwo  lines</b> \xc3\xa9 \xf0\x9f\x94\xad");
	say(&s->fields[1], "ucd", "a\x01\xef\xbf\xbe\xef\xbf\xbf" "b");
	say(&s->fields[2], "unit", "not \xff UTF-8");
	say(&s->fields[3].children[0], "unit", "d");
	assert_cat_ok(cat_field_rename(&s->fields[2], " <n> & \"o\"\n\t", &err), err);
	assert_true(cat_votable_described(s));
	cat_votable_put(s, &t);
	assert_cat_ok(cat_text_check(&t, &err), err);
	assert_cat_ok(cat_votable_read(t.s, t.len, &fields, &n, &err), err);
	assert_int_equal(n, 4);
	assert_string_equal(fields[0].words[CAT_VOTABLE_UNIT], "mag/\"arcsec\"<2> & 'x'");
	assert_string_equal(fields[0].words[CAT_VOTABLE_DESCRIPTION], "]]> <b> two lines</b> \xc3\xa9 \xf0\x9f\x94\xad");
	assert_string_equal(fields[1].words[CAT_VOTABLE_UCD], "a b");
	assert_string_equal(fields[2].name, " <n> & \"o\"\n\t");
	assert_null(fields[2].words[CAT_VOTABLE_UNIT]);
	cat_votable_free(fields, n);
	again = taken(CAT_COLMETA_CONTENT, t.s, &note);
	assert_null(note);
	assert_string_equal(said(&again->fields[0], "unit"), "mag/\"arcsec\"<2> & 'x'");
	cat_schema_unref(again);
	cat_text_fini(&t);
	cat_schema_unref(s);
}

static void long_texts_are_cut_between_characters(void **state)
{
	struct cat_text t = {.max = 1 << 20};
	struct cat_votable_field *fields;
	struct cat_error err;
	size_t n, bad;

	(void)state;
	cat_text_add(&t, "<VOTABLE><RESOURCE><TABLE><FIELD name='x'><DESCRIPTION>x");
	for (int i = 0; i < 40000; i++)
		cat_text_add(&t, "\xc3\xa9");
	cat_text_add(&t, "</DESCRIPTION></FIELD></TABLE></RESOURCE></VOTABLE>");
	assert_cat_ok(cat_votable_read(t.s, t.len, &fields, &n, &err), err);
	assert_int_equal(strlen(fields[0].words[CAT_VOTABLE_DESCRIPTION]), 65535);
	assert_true(cat_utf8_valid(fields[0].words[CAT_VOTABLE_DESCRIPTION], 65535, &bad));
	cat_votable_free(fields, n);
	cat_text_fini(&t);
}

/* --- in Parquet --- */

static struct cat_buf *parquet_of(const struct cat_schema *s)
{
	struct cat_parquet_meta *m;
	struct cat_error err;
	struct cat_buf *b;

	assert_cat_ok(cat_parquet_meta_new(s, &m, &err), err);
	assert_cat_ok(cat_parquet_meta_bytes(m, &b, &err), err);
	cat_parquet_meta_free(m);
	return b;
}

static struct cat_schema *schema_of(struct cat_buf *b, bool bare)
{
	struct cat_parquet_file *f;
	struct cat_reader *r;
	struct cat_schema *s;
	struct cat_error err;

	assert_cat_ok(cat_reader_memory(b, "x", &r, &err), err);
	assert_cat_ok(cat_parquet_open(r, &(struct cat_parquet_options){.bare = bare}, &f, &err), err);
	s = cat_schema_ref(cat_parquet_schema(f));
	cat_parquet_close(f);
	cat_reader_close(r);
	return s;
}

static void footers(void **state)
{
	const char *const pairs[] = {CAT_COLMETA_CONTENT, "<old/>", CAT_COLMETA_ASTROPY, yaml, "a", "b", NULL};
	struct cat_schema *s = columns(pairs), *got;
	struct cat_buf *b;

	(void)state;
	b = parquet_of(s);
	got = schema_of(b, true);
	assert_int_equal(got->meta.n, 1);
	assert_string_equal(cat_kv_get(&got->meta, "a"), "b");
	cat_schema_unref(got);
	cat_buf_unref(b);
	say(&s->fields[1], "unit", "deg");
	b = parquet_of(s);
	got = schema_of(b, true);
	assert_int_equal(got->meta.n, 3);
	assert_string_equal(cat_kv_get(&got->meta, CAT_COLMETA_VERSION), "1.0");
	assert_non_null(strstr(cat_kv_get(&got->meta, CAT_COLMETA_CONTENT), "<FIELD name=\"dec\" datatype=\"double\" unit=\"deg\"/>"));
	cat_schema_unref(got);
	got = schema_of(b, false);
	assert_int_equal(got->meta.n, 1);
	assert_string_equal(said(&got->fields[1], "unit"), "deg");
	cat_schema_unref(got);
	cat_buf_unref(b);
	cat_schema_unref(s);
}

/* Every allocation on the way fails once. */
static void without_memory(void **state)
{
	const char *const pairs[] = {
		CAT_COLMETA_CONTENT,
		"<VOTABLE><RESOURCE><TABLE><FIELD name='ra' unit='deg'><DESCRIPTION>x y</DESCRIPTION></FIELD></TABLE></RESOURCE></VOTABLE>",
		CAT_COLMETA_ASTROPY, yaml, NULL};

	(void)state;
	for (int64_t n = 1;; n++) {
		struct cat_schema *s = columns(pairs);
		struct cat_error err;
		char *note;
		int rc;

		cat_alloc_fail_after(n);
		rc = cat_colmeta_take(s, &note, &err);
		cat_free(note);
		cat_schema_unref(s);
		if (unit_all_tried(rc))
			break;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(xml_from_anywhere),
		UNIT_TEST(fields_by_name_and_by_place),
		UNIT_TEST(what_comes_first_wins),
		UNIT_TEST(odd_documents_change_nothing),
		UNIT_TEST(astropy),
		UNIT_TEST(what_still_holds),
		UNIT_TEST(types_as_votable_has_them),
		UNIT_TEST(what_is_written_is_read),
		UNIT_TEST(long_texts_are_cut_between_characters),
		UNIT_TEST(footers),
		UNIT_TEST(without_memory),
	};

	return cmocka_run_group_tests_name("formats_colmeta", tests, NULL, NULL);
}
