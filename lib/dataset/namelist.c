#include "dataset/namelist.h"

#include <ctype.h>
#include <string.h>

#include "base/alloc.h"
#include "base/yaml.h"
#include "net/url.h"
#include "storage/release.h"

#define MAX_NAME 100

bool cat_named_valid(const char *name)
{
	const size_t n = strlen(name);

	if (n == 0 || n > MAX_NAME || !isalnum((unsigned char)name[0]))
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-") == n;
}

static void free_strings(char **v, int n)
{
	for (int i = 0; i < n; i++)
		cat_free(v[i]);
	cat_free(v);
}

void cat_namelist_fini(struct cat_namelist *l)
{
	for (size_t i = 0; i < l->n; i++) {
		cat_free(l->v[i].name);
		free_strings(l->v[i].urls, l->v[i].nurls);
		cat_kv_fini(&l->v[i].facts);
	}
	cat_free(l->v);
	free_strings(l->lists, l->nlists);
	cat_free(l->where);
	*l = (struct cat_namelist){0};
}

const struct cat_named *cat_namelist_get(const struct cat_namelist *l, const char *name)
{
	const struct cat_named *like = NULL;
	int nlike = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(l->v[i].name, name) == 0)
			return &l->v[i];
		if (cat_equal_nocase(l->v[i].name, name)) {
			like = &l->v[i];
			nlike++;
		}
	}
	return nlike == 1 ? like : NULL;
}

/* --- reading --- */

static int wrong(const struct cat_yaml *y, struct cat_error *err, const char *why)
{
	return cat_fail(err, CAT_E_CONFIG, "line %d: %s%s%s", y->line, y->key ? y->key : "", y->key ? ": " : "", why);
}

/* An address as it stands; a path seen from the folder of the list WHERE. */
static char *absolute(const char *where, const char *path)
{
	const char *slash = strrchr(where, '/');
	struct cat_text t = {.max = 1 << 16};

	if (cat_url_like(path) || path[0] == '/' || !slash)
		return cat_strdup(path);
	cat_text_addf(&t, "%.*s/%s", (int)(slash - where), where, path);
	return t.s;
}

static int add_string(const struct cat_yaml *y, const char *where, bool remote, char ***v, int *n,
                      struct cat_error *err)
{
	char **grown, *s;

	if (y->kind != CAT_YAML_SCALAR || y->is_null || !*y->text)
		return wrong(y, err, "an address is wanted here");
	if (remote && !cat_url_is(y->text))
		return wrong(y, err, "a list that comes over the network may name addresses only");
	s = absolute(where, y->text);
	grown = s ? cat_realloc(*v, (size_t)*n + 1, sizeof *grown) : NULL;
	if (!grown) {
		cat_free(s);
		return cat_fail_mem(err, sizeof *grown);
	}
	*v = grown;
	grown[(*n)++] = s;
	return CAT_OK;
}

/* One address, or a list of them. */
static int add_strings(const struct cat_yaml *y, const char *where, bool remote, char ***v, int *n,
                       struct cat_error *err)
{
	if (y->kind == CAT_YAML_SCALAR)
		return y->is_null ? CAT_OK : add_string(y, where, remote, v, n, err);
	if (y->kind != CAT_YAML_LIST)
		return wrong(y, err, "an address or a list of them is wanted here");
	for (y = y->child; y; y = y->next)
		CAT_TRY(add_string(y, where, remote, v, n, err));
	return CAT_OK;
}

static int read_table(const struct cat_yaml *y, const struct cat_namelist *l, bool remote, struct cat_named *t,
                      struct cat_error *err)
{
	if (!cat_named_valid(y->key))
		return wrong(y, err, "a name has letters, digits and . _ + -, a letter or digit first");
	t->name = cat_strdup(y->key);
	if (!t->name)
		return cat_fail_mem(err, strlen(y->key));
	t->line = y->line;
	t->list = l;
	if (y->kind != CAT_YAML_MAP)
		return add_strings(y, l->where, remote, &t->urls, &t->nurls, err);
	for (y = y->child; y; y = y->next) {
		if (strcmp(y->key, "url") == 0 || strcmp(y->key, "urls") == 0)
			CAT_TRY(add_strings(y, l->where, remote, &t->urls, &t->nurls, err));
		else if (y->kind != CAT_YAML_SCALAR)
			return wrong(y, err, "one line of text is wanted here");
		else if (!y->is_null)
			CAT_TRY(cat_kv_set(&t->facts, y->key, y->text, err));
		if (strcmp(y->key, "release") == 0 && !y->is_null && cat_release_check_name(y->text, err) != CAT_OK)
			return wrong(y, err, "this is no name of a release");
	}
	return CAT_OK;
}

static int read_tables(const struct cat_yaml *y, bool remote, struct cat_namelist *l, struct cat_error *err)
{
	size_t cap = 0;

	for (y = y->child; y; y = y->next) {
		if (cat_grow(&l->v, &cap, l->n, sizeof *l->v) != 0)
			return cat_fail_mem(err, sizeof *l->v);
		l->v[l->n] = (struct cat_named){0};
		l->n++;
		CAT_TRY(read_table(y, l, remote, &l->v[l->n - 1], err));
	}
	return CAT_OK;
}

static int read_root(const struct cat_yaml *y, bool remote, struct cat_namelist *l, struct cat_error *err)
{
	if (y->kind != CAT_YAML_MAP)
		return wrong(y, err, "'tables:' is wanted here");
	for (y = y->child; y; y = y->next) {
		if (strcmp(y->key, "lists") == 0)
			CAT_TRY(add_strings(y, l->where, remote, &l->lists, &l->nlists, err));
		else if (strcmp(y->key, "tables") != 0)
			return wrong(y, err, "only 'tables' and 'lists' stand here");
		else if (y->kind == CAT_YAML_MAP)
			CAT_TRY(read_tables(y, remote, l, err));
		else if (y->kind != CAT_YAML_SCALAR || !y->is_null)
			return wrong(y, err, "names with their addresses are wanted here");
	}
	return CAT_OK;
}

int cat_namelist_parse(const char *text, size_t n, const char *where, bool remote, struct cat_namelist *out,
                       struct cat_error *err)
{
	struct cat_yaml *y;
	int rc;

	*out = (struct cat_namelist){0};
	out->where = cat_strdup(where);
	if (!out->where)
		return cat_fail_mem(err, strlen(where));
	CAT_TRY(cat_yaml_parse(text, n, &y, err));
	rc = y ? read_root(y, remote, out, err) : CAT_OK;
	cat_yaml_free(y);
	return rc;
}

/* --- edits --- */

/* The end of the line on which byte AT lies, its newline included. */
static size_t line_end(const char *text, size_t n, size_t at)
{
	while (at < n && text[at] != '\n')
		at++;
	return at < n ? at + 1 : n;
}

static size_t line_begin(const char *text, size_t at)
{
	while (at > 0 && text[at - 1] != '\n')
		at--;
	return at;
}

static int by_hand(const struct cat_yaml *y, struct cat_error *err)
{
	return wrong(y, err, "written in braces, or with something else on its line: edit the file by hand");
}

/* The lines of a member, its key to its value's end, with nothing but blanks and a comment beside them. */
static int lines_of(const char *text, size_t n, const struct cat_yaml *y, size_t *begin, size_t *end,
                    struct cat_error *err)
{
	size_t last = y->end > y->key_end ? y->end : y->key_end;

	/* Text in a block (|, >) ends with the newline of its last line, or behind empty ones. */
	while (last > y->key_end && (text[last - 1] == '\n' || text[last - 1] == '\r'))
		last--;
	*begin = line_begin(text, y->key_begin);
	*end = line_end(text, n, last);
	for (size_t i = *begin; i < y->key_begin; i++)
		if (text[i] != ' ')
			return by_hand(y, err);
	for (size_t i = last; i < *end && text[i] != '#'; i++)
		if (!strchr(" \t\r\n:", text[i]))
			return by_hand(y, err);
	return CAT_OK;
}

/* As one word of YAML, in quotes where that is needed. */
static void add_scalar(struct cat_text *out, const char *s)
{
	if (*s && isalnum((unsigned char)*s) && strlen(s) == strspn(s, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./_+-") && strcmp(s, "null") != 0) {
		cat_text_add(out, s);
		return;
	}
	cat_text_addc(out, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			cat_text_addf(out, "\\%c", *s);
		else if ((unsigned char)*s < 0x20 || *s == 0x7f)
			cat_text_addf(out, "\\x%02x", (unsigned)*s);
		else
			cat_text_addc(out, *s);
	}
	cat_text_addc(out, '"');
}

static void add_table(struct cat_text *out, const struct cat_named *t, int indent)
{
	cat_text_addf(out, "%*s%s:\n", indent, "", t->name);
	if (t->nurls == 1) {
		cat_text_addf(out, "%*surl: ", indent + 2, "");
		add_scalar(out, t->urls[0]);
		cat_text_addc(out, '\n');
	} else {
		cat_text_addf(out, "%*surls:\n", indent + 2, "");
		for (int i = 0; i < t->nurls; i++) {
			cat_text_addf(out, "%*s- ", indent + 4, "");
			add_scalar(out, t->urls[i]);
			cat_text_addc(out, '\n');
		}
	}
	for (int i = 0; i < t->facts.n; i++) {
		cat_text_addf(out, "%*s%s: ", indent + 2, "", t->facts.items[i].key);
		add_scalar(out, t->facts.items[i].value);
		cat_text_addc(out, '\n');
	}
}

/* The document and its map of tables (NULL: there is none), which must be one in lines. The caller frees *DOC. */
static int find_tables(const char *text, size_t n, struct cat_yaml **doc, const struct cat_yaml **tables,
                       struct cat_error *err)
{
	CAT_TRY(cat_yaml_parse(text, n, doc, err));
	*tables = cat_yaml_get(*doc, "tables");
	if ((*doc && ((*doc)->kind != CAT_YAML_MAP || (*doc)->flow)) || (*tables && (*tables)->flow)) {
		by_hand(*tables ? *tables : *doc, err);
		cat_yaml_free(*doc);
		return CAT_E_CONFIG;
	}
	return CAT_OK;
}

/* Where a further table goes, and how far its name stands from the left. */
static int place_for(const char *text, size_t n, const struct cat_yaml *tables, size_t *at, int *indent,
                     struct cat_error *err)
{
	const struct cat_yaml *last = tables->child;
	size_t begin;

	*indent = 2;
	if (!last)
		return lines_of(text, n, tables, &begin, at, err);
	while (last->next)
		last = last->next;
	CAT_TRY(lines_of(text, n, last, &begin, at, err));
	*indent = (int)(last->key_begin - begin);
	return CAT_OK;
}

static bool same_table(const struct cat_named *a, const struct cat_named *b)
{
	bool same = strcmp(a->name, b->name) == 0 && a->nurls == b->nurls && a->facts.n == b->facts.n;

	for (int i = 0; same && i < a->nurls; i++)
		same = strcmp(a->urls[i], b->urls[i]) == 0;
	for (int i = 0; same && i < a->facts.n; i++)
		same = strcmp(a->facts.items[i].key, b->facts.items[i].key) == 0 &&
		       strcmp(a->facts.items[i].value, b->facts.items[i].value) == 0;
	return same;
}

/* Whether B is A without GONE and with CAME, either of which may be NULL. */
static bool only_changed(const struct cat_namelist *a, const struct cat_namelist *b, const char *gone, const char *came)
{
	size_t i = 0, k = 0;
	bool seen = !came;

	for (;;) {
		if (i < a->n && gone && strcmp(a->v[i].name, gone) == 0)
			i++;
		else if (k < b->n && came && strcmp(b->v[k].name, came) == 0)
			seen = true, k++;
		else if (i < a->n && k < b->n && same_table(&a->v[i], &b->v[k]))
			i++, k++;
		else
			return seen && i == a->n && k == b->n && a->nlists == b->nlists;
	}
}

/* What was written is read back before anybody relies on it: there is more in YAML than edits by lines know of. */
static int verify(const char *text, size_t n, const char *gone, const char *came, const struct cat_text *out,
                  struct cat_error *err)
{
	struct cat_namelist a, b = {0};
	struct cat_error unused = {0};
	int rc;

	CAT_TRY(cat_text_check(out, err));
	rc = cat_namelist_parse(text, n, "before", false, &a, err);
	if (rc == CAT_OK) {
		rc = cat_namelist_parse(out->s ? out->s : "", out->len, "before", false, &b, &unused);
		if (rc != CAT_E_SYSTEM && (rc != CAT_OK || !only_changed(&a, &b, gone, came)))
			rc = cat_fail(err, CAT_E_CONFIG, "written in a way that cannot be edited by lines: edit the file by hand");
		else if (rc == CAT_E_SYSTEM)
			*err = unused;
	}
	cat_namelist_fini(&a);
	cat_namelist_fini(&b);
	return rc;
}

int cat_namelist_add(const char *text, size_t n, const struct cat_named *t, struct cat_text *out,
                     struct cat_error *err)
{
	const struct cat_yaml *tables;
	struct cat_yaml *doc;
	int indent = 2, rc = CAT_OK;
	size_t at = n;

	CAT_TRY(find_tables(text, n, &doc, &tables, err));
	if (tables)
		rc = place_for(text, n, tables, &at, &indent, err);
	cat_yaml_free(doc);
	CAT_TRY(rc);
	cat_text_addn(out, text, at);
	if (at > 0 && text[at - 1] != '\n')
		cat_text_addc(out, '\n');
	if (!tables)
		cat_text_add(out, "tables:\n");
	add_table(out, t, indent);
	cat_text_addn(out, text + at, n - at);
	return verify(text, n, NULL, t->name, out, err);
}

/* Calls EDIT with the member NAME of the tables; TO is its new name, NULL: none. */
static int edit_table(const char *text, size_t n, const char *name,
                      int (*edit)(const char *text, size_t n, const struct cat_yaml *y, const char *to,
                                  struct cat_text *out, struct cat_error *err),
                      const char *to, struct cat_text *out, struct cat_error *err)
{
	const struct cat_yaml *tables, *y;
	struct cat_yaml *doc;
	int rc;

	CAT_TRY(find_tables(text, n, &doc, &tables, err));
	y = cat_yaml_get(tables, name);
	rc = y ? edit(text, n, y, to, out, err) : cat_fail(err, CAT_E_NOINPUT, "no table '%s' in it", name);
	cat_yaml_free(doc);
	return rc == CAT_OK ? verify(text, n, name, to, out, err) : rc;
}

static int rename_edit(const char *text, size_t n, const struct cat_yaml *y, const char *to, struct cat_text *out,
                       struct cat_error *err)
{
	(void)err;
	cat_text_addn(out, text, y->key_begin);
	cat_text_add(out, to);
	cat_text_addn(out, text + y->key_end, n - y->key_end);
	return CAT_OK;
}

int cat_namelist_rename(const char *text, size_t n, const char *name, const char *to, struct cat_text *out,
                        struct cat_error *err)
{
	return edit_table(text, n, name, rename_edit, to, out, err);
}

static int remove_edit(const char *text, size_t n, const struct cat_yaml *y, const char *to, struct cat_text *out,
                       struct cat_error *err)
{
	size_t begin, end;

	(void)to;
	CAT_TRY(lines_of(text, n, y, &begin, &end, err));
	cat_text_addn(out, text, begin);
	cat_text_addn(out, text + end, n - end);
	return CAT_OK;
}

int cat_namelist_remove(const char *text, size_t n, const char *name, struct cat_text *out, struct cat_error *err)
{
	return edit_table(text, n, name, remove_edit, NULL, out, err);
}
