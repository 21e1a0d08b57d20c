/* Lists of tables: what YAML means, edits that leave the rest alone; names of objects; answers of services. */
#include "unit.h"

#include <stdio.h>

#include "base/yaml.h"
#include "dataset/namelist.h"
#include "dataset/sesame.h"
#include "dataset/vo.h"
#include "storage/keep.h"

static int parse(const char *text, struct cat_yaml **y, struct cat_error *err)
{
	return cat_yaml_parse(text, strlen(text), y, err);
}

static void places_are_bytes(void **state)
{
	static const char text[] = "# \xc3\xa9\xe2\x82\xac\nk\xc3\xa9y: \"v\xc3\xa9\" # c\nlist:\n  - {a: 1}\n  # after\nlast: x\n";
	const struct cat_yaml *key, *list;
	struct cat_error err = {0};
	struct cat_yaml *y;

	(void)state;
	assert_cat_ok(parse(text, &y, &err), err);
	key = cat_yaml_get(y, "k\xc3\xa9y");
	assert_non_null(key);
	assert_memory_equal(text + key->key_begin, "k\xc3\xa9y", key->key_end - key->key_begin);
	assert_memory_equal(text + key->begin, "\"v\xc3\xa9\"", key->end - key->begin);
	assert_int_equal(key->line, 2);
	list = cat_yaml_get(y, "list");
	assert_int_equal(list->kind, CAT_YAML_LIST);
	assert_false(list->flow);
	assert_true(list->child->flow);
	/* Not where the comment behind it ends. */
	assert_ptr_equal(text + list->end, strstr(text, "}") + 1);
	assert_string_equal(cat_yaml_get(y, "last")->text, "x");
	assert_null(cat_yaml_get(list, "a"));
	cat_yaml_free(y);
}

static void what_yaml_is_refused(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {{"a: &x 1\nb: *x\n", "line 1"}, {"a: !!str 1\n", "tags"}, {"a: 1\nb: 2\na: 3\n", "line 3: 'a' is there twice"},
	           {"[a]: 1\n", "a key must be a word"}, {"a: 1\n---\nb: 2\n", "second document"}, {"a: [1\n", "line"},
	           {"a\t: \xff\n", "UTF-8"}, {"\xef\xbb\xbf" "a: 1\n", "byte order mark"}, {"a: \"\\0\"\n", "zero byte"},
	           {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", "too many levels"}};
	struct cat_error err = {0};
	struct cat_yaml *y;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(parse(bad[i].text, &y, &err), CAT_E_CONFIG);
		if (!strstr(err.cause, bad[i].says))
			fail_msg("'%s' instead of '%s'", err.cause, bad[i].says);
		assert_null(y);
	}
	assert_cat_ok(parse("# nothing\n", &y, &err), err);
	assert_null(y);
}

static const char sample[] = "# mine\n"
                             "lists: https://example.org/l.yaml\n"
                             "tables:\n"
                             "    # the best\n"
                             "    gaia:  # third\n"
                             "        urls: [s3://b/gaia, https://x/gaia]\n"
                             "        title: \"Gaia: it\"\n"
                             "        rows: 5 # about\n"
                             "\n"
                             "    'short': rel/path\n"
                             "    # the end\n"
                             "other: &no\n";

static void lists_are_read(void **state)
{
	struct cat_namelist l;
	struct cat_error err = {0};
	const struct cat_named *t;
	const size_t n = (size_t)(strstr(sample, "other:") - sample);

	(void)state;
	assert_cat_ok(cat_namelist_parse(sample, n, "/etc/l.yaml", false, &l, &err), err);
	assert_int_equal(l.n, 2);
	assert_int_equal(l.nlists, 1);
	t = cat_namelist_get(&l, "GAIA");
	assert_non_null(t);
	assert_int_equal(t->nurls, 2);
	assert_string_equal(t->urls[1], "https://x/gaia");
	assert_string_equal(cat_kv_get(&t->facts, "title"), "Gaia: it");
	assert_int_equal(t->line, 5);
	assert_string_equal(cat_namelist_get(&l, "short")->urls[0], "/etc/rel/path");
	assert_null(cat_namelist_get(&l, "shor"));
	cat_namelist_fini(&l);
	/* Over the network: no paths. */
	assert_int_equal(cat_namelist_parse(sample, n, "https://e/l.yaml", true, &l, &err), CAT_E_CONFIG);
	assert_non_null(strstr(err.cause, "addresses only"));
	cat_namelist_fini(&l);
	assert_int_equal(cat_namelist_parse("tables: {a/b: c}", 16, "x", false, &l, &err), CAT_E_CONFIG);
	cat_namelist_fini(&l);
	/* Two that differ in case only are told apart by it. */
	assert_cat_ok(cat_namelist_parse("tables: {ab: x, AB: y}", 22, "l", false, &l, &err), err);
	assert_string_equal(cat_namelist_get(&l, "AB")->urls[0], "y");
	assert_null(cat_namelist_get(&l, "Ab"));
	cat_namelist_fini(&l);
}

enum { ADD, RENAME, REMOVE };

/* The text after an edit; NULL when it is refused. */
static char *edited(int what, const char *text, const char *name, const char *to)
{
	char *urls[] = {(char[]){"s3://b/x y"}, (char[]){"/p"}};
	struct cat_named t = {.name = cat_strdup(name), .urls = urls, .nurls = 2};
	struct cat_text out = {.max = 1 << 16};
	struct cat_error err = {0};
	const size_t n = strlen(text);
	int rc;

	assert_cat_ok(cat_kv_set(&t.facts, "title", "a \"b\" \\ \x01", &err), err);
	rc = what == ADD      ? cat_namelist_add(text, n, &t, &out, &err)
	     : what == RENAME ? cat_namelist_rename(text, n, name, to, &out, &err)
	                      : cat_namelist_remove(text, n, name, &out, &err);
	cat_kv_fini(&t.facts);
	cat_free(t.name);
	cat_text_addc(&out, '\0');
	if (rc == CAT_OK)
		return out.s;
	assert_true(rc == CAT_E_CONFIG || rc == CAT_E_NOINPUT);
	cat_text_fini(&out);
	return NULL;
}

static void check_edit(int what, const char *text, const char *name, const char *to, const char *wanted)
{
	char *got = edited(what, text, name, to);

	if (!wanted)
		assert_null(got);
	else
		assert_string_equal(got, wanted);
	cat_free(got);
}

#define ADDED(i) i "new:\n" i "  urls:\n" i "    - \"s3://b/x y\"\n" i "    - \"/p\"\n" i "  title: \"a \\\"b\\\" \\\\ \\x01\"\n"

static void edits_touch_their_lines_only(void **state)
{
	(void)state;
	check_edit(ADD, "", "new", NULL, "tables:\n" ADDED("  "));
	check_edit(ADD, "# only", "new", NULL, "# only\ntables:\n" ADDED("  "));
	check_edit(ADD, "tables:\n", "new", NULL, "tables:\n" ADDED("  "));
	check_edit(ADD, "tables: # none yet\nlists: [a]\n", "new", NULL, "tables: # none yet\n" ADDED("  ") "lists: [a]\n");
	check_edit(ADD, "tables:\n a: x # c\n # d\nlists: [a]\n", "new", NULL, "tables:\n a: x # c\n" ADDED(" ") " # d\nlists: [a]\n");
	check_edit(ADD, "tables:\n  a: |\n    https://x\n\n# e", "new", NULL, "tables:\n  a: |\n    https://x\n" ADDED("  ") "\n# e");
	check_edit(RENAME, "tables:\n  'a': x # a\n  b: a\n", "a", "c", "tables:\n  c: x # a\n  b: a\n");
	check_edit(REMOVE, "tables:\n  # of a\n  a:\n    url: x # y\n    title: t\n  # of b\n  b: y\n", "a", NULL,
	           "tables:\n  # of a\n  # of b\n  b: y\n");
	check_edit(REMOVE, "tables:\n  a:\n  - x\n  - y\n# end\n", "a", NULL, "tables:\n# end\n");
	check_edit(REMOVE, "tables:\r\n  a: x\r\n  b: y\r\n", "a", NULL, "tables:\r\n  b: y\r\n");
	check_edit(REMOVE, "tables:\n  a: x\n", "A", NULL, NULL);
}

static void what_cannot_be_edited_is_left_alone(void **state)
{
	(void)state;
	check_edit(ADD, "tables: {a: x}\n", "new", NULL, NULL);
	check_edit(REMOVE, "tables: {a: x, b: y}\n", "a", NULL, NULL);
	check_edit(REMOVE, "{tables: {a: x}}\n", "a", NULL, NULL);
	check_edit(REMOVE, "tables:\n  ? a\n  : x\n", "a", NULL, NULL);
	check_edit(ADD, "tables:\n  a: x\n...\n", "new", NULL, "tables:\n  a: x\n" ADDED("  ") "...\n");
	check_edit(ADD, "lists: [a]\n...\n", "new", NULL, NULL);
	check_edit(ADD, "tables:\n  a/b: x\n", "new", NULL, NULL);
}

/* --- names of objects --- */

static void positions_are_never_names(void **state)
{
	static const char *const names[] = {"M45", "m 45", "NGC 1275", "47 Tuc", "3C 273", "PSR B1919+21", "1E 0657-56", "HD 1", "LMC",
	                                    "2MASS J05350478-0520579", "\xce\xb1 Cen", "d", " Vega ", "hd 1"};
	static const char *const positions[] = {"", "45", "-12.5", "+1e5", "1E5", "NaN", "inf", "05h34m31.9s", "5h34m", "05:34:31.9",
	                                        "05 34 31.9 +22 00 52", "+22d00m52s", "83.633deg", "22d", "12 d 30 m", "-", ".5",
	                                        "05h34m31.9s +22d00m52s", "12h 61m"};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!cat_sesame_is_name(names[i], strlen(names[i])))
			fail_msg("'%s' is a name", names[i]);
	for (size_t i = 0; i < sizeof positions / sizeof *positions; i++)
		if (cat_sesame_is_name(positions[i], strlen(positions[i])))
			fail_msg("'%s' is no name", positions[i]);
}

static int read_sesame(const char *text, double *ra, double *dec, struct cat_error *err)
{
	struct cat_buf *b;
	int rc;

	assert_cat_ok(cat_buf_copy(text, strlen(text), &b, err), *err);
	rc = cat_sesame_read(b, ra, dec, err);
	cat_buf_unref(b);
	return rc;
}

#define R(ra, dec) "<Resolver name=\"S\"><jradeg>" ra "</jradeg><jdedeg>" dec "</jdedeg></Resolver>"

static void answers_of_sesame(void **state)
{
	struct cat_error err = {0};
	double ra, dec;

	(void)state;
	assert_cat_ok(read_sesame("<?xml version=\"1.0\"?><Sesame><Target><Resolver><INFO>nothing</INFO></Resolver>"
	                          R("56.601", "+24.114") R("1", "2") "</Target></Sesame>", &ra, &dec, &err), err);
	assert_true(ra == 56.601 && dec == 24.114);
	assert_cat_ok(read_sesame("<Sesame>" R(" 0\n", "-90 ") "</Sesame>", &ra, &dec, &err), err);
	assert_true(ra == 0 && dec == -90);
	assert_int_equal(read_sesame("<Sesame><Target><INFO>Nothing found</INFO></Target></Sesame>", &ra, &dec, &err), CAT_E_NOINPUT);
	/* Halves of two resolvers are no position. */
	assert_int_equal(read_sesame("<Sesame><Resolver><jradeg>1</jradeg></Resolver><Resolver><jdedeg>2</jdedeg></Resolver></Sesame>",
	                             &ra, &dec, &err), CAT_E_NOINPUT);
	assert_int_equal(read_sesame("<Sesame>" R("361", "0") "</Sesame>", &ra, &dec, &err), CAT_E_PROTOCOL);
	assert_int_equal(read_sesame("<Sesame>" R("10", "90.1") "</Sesame>", &ra, &dec, &err), CAT_E_PROTOCOL);
	assert_int_equal(read_sesame("<Sesame>" R("10x", "1") "</Sesame>", &ra, &dec, &err), CAT_E_PROTOCOL);
	assert_int_equal(read_sesame("<Sesame>" R("10", "1"), &ra, &dec, &err), CAT_E_PROTOCOL);
	assert_int_equal(read_sesame("<html>" R("10", "1") "</html>", &ra, &dec, &err), CAT_E_PROTOCOL);
	assert_int_equal(read_sesame("", &ra, &dec, &err), CAT_E_PROTOCOL);
}

/* --- the registry's --- */

static int count(void *arg, const struct cat_vo_service *s, struct cat_error *err)
{
	(void)err;
	++*(int *)arg;
	assert_string_equal(s->id, "ivo://x/y");
	assert_string_equal(s->title, "A & B");
	assert_string_equal(s->name, "");
	return CAT_OK;
}

static int read_vo(const char *rows, int *n, struct cat_error *err)
{
	struct cat_text t = {.max = 1 << 16};
	struct cat_buf *b;
	int rc;

	cat_text_addf(&t, "<v:VOTABLE xmlns:v=\"u\"><v:RESOURCE>%s</v:RESOURCE></v:VOTABLE>", rows);
	assert_cat_ok(cat_buf_copy(t.s, t.len, &b, err), *err);
	cat_text_fini(&t);
	*n = 0;
	rc = cat_vo_read(b, count, n, err);
	cat_buf_unref(b);
	return rc;
}

#define ROW "<TR><TD>ivo://x/y</TD><TD/><TD> A\n&amp; B </TD><TD>k</TD><TD>http://u</TD></TR>"

static void answers_of_the_registry(void **state)
{
	struct cat_error err = {0};
	int n;

	(void)state;
	assert_cat_ok(read_vo("<INFO>OK</INFO><TABLE><DATA><TABLEDATA>" ROW ROW "</TABLEDATA></DATA></TABLE>", &n, &err), err);
	assert_int_equal(n, 2);
	assert_cat_ok(read_vo("<TABLE><DATA><TABLEDATA/></DATA></TABLE>", &n, &err), err);
	assert_int_equal(n, 0);
	assert_int_equal(read_vo("<INFO>no such column: x</INFO>", &n, &err), CAT_E_PROTOCOL);
	assert_non_null(strstr(err.cause, "no such column"));
	assert_int_equal(read_vo("<TABLE><DATA><BINARY><STREAM>AAAA</STREAM></BINARY></DATA></TABLE>", &n, &err), CAT_E_UNSUPPORTED);
	assert_int_equal(read_vo("<TABLEDATA><TR><TD>1</TD></TR></TABLEDATA>", &n, &err), CAT_E_PROTOCOL);
	assert_int_equal(read_vo("<TABLEDATA><TR><TD>1</TD><TD/><TD/><TD/><TD/><TD/></TR></TABLEDATA>", &n, &err), CAT_E_PROTOCOL);
}

/* --- what is kept --- */

static void what_is_kept_comes_back(void **state)
{
	char folder[] = "/tmp/catpipe-keep-XXXXXX", path[128];
	struct cat_buf *b;
	int64_t age_s = -1;

	(void)state;
	assert_non_null(mkdtemp(folder));
	cat_keep_configure(folder);
	cat_keep_get("k", "key", &b, &age_s);
	assert_null(b);
	cat_keep_put("k", "key", "value", 5);
	cat_keep_put("k", "key 2", "", 0);
	cat_keep_put("k", "a\nb", "x", 1);
	cat_keep_get("k", "key", &b, &age_s);
	assert_non_null(b);
	assert_int_equal(b->size, 5);
	assert_memory_equal(b->data, "value", 5);
	assert_in_range(age_s, 0, 60);
	cat_buf_unref(b);
	cat_keep_get("k", "key 2", &b, &age_s);
	assert_non_null(b);
	assert_int_equal(b->size, 0);
	cat_buf_unref(b);
	cat_keep_get("k", "ke", &b, &age_s);
	assert_null(b);
	cat_keep_get("k", "a\nb", &b, &age_s);
	assert_null(b);
	cat_keep_get("other", "key", &b, &age_s);
	assert_null(b);
	cat_keep_configure(NULL);
	cat_keep_get("k", "key", &b, &age_s);
	assert_null(b);
	snprintf(path, sizeof path, "rm -r %s", folder);
	assert_int_equal(system(path), 0);
}

static void any_allocation_may_fail(void **state)
{
	(void)state;
	for (int64_t n = 1;; n++) {
		const size_t len = (size_t)(strstr(sample, "other:") - sample);
		struct cat_text out = {.max = 1 << 16};
		struct cat_namelist l;
		struct cat_error err = {0};
		int rc;

		cat_alloc_fail_after(n);
		rc = cat_namelist_parse(sample, len, "/l", false, &l, &err);
		cat_namelist_fini(&l);
		if (rc == CAT_OK)
			rc = cat_namelist_remove(sample, len, "gaia", &out, &err);
		cat_text_fini(&out);
		if (unit_all_tried(rc))
			break;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(places_are_bytes),
		UNIT_TEST(what_yaml_is_refused),
		UNIT_TEST(lists_are_read),
		UNIT_TEST(edits_touch_their_lines_only),
		UNIT_TEST(what_cannot_be_edited_is_left_alone),
		UNIT_TEST(positions_are_never_names),
		UNIT_TEST(answers_of_sesame),
		UNIT_TEST(answers_of_the_registry),
		UNIT_TEST(what_is_kept_comes_back),
		UNIT_TEST(any_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("dataset names", tests, NULL, NULL);
}
