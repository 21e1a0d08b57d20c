#include "formats/colmeta.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/yaml.h"
#include "formats/votable_fields.h"

/* Of one column in YAML, and of the path to a part of a nested one. */
#define ITEM_MAX ((size_t)1 << 20)
#define PATH_BYTES ((size_t)1 << 16)

/* --- finding by name --- */

/* Fields in the order of their names, of equal ones the first. */
struct index {
	struct cat_votable_field *fields;
	size_t n;
	const struct cat_votable_field **by_name;
};

static int compare(const void *a, const void *b)
{
	const struct cat_votable_field *x = *(const struct cat_votable_field *const *)a;
	const struct cat_votable_field *y = *(const struct cat_votable_field *const *)b;
	const int names = strcmp(x->name, y->name);

	return names ? names : (x > y) - (x < y);
}

static void index_fini(struct index *ix)
{
	cat_votable_free(ix->fields, ix->n);
	cat_free(ix->by_name);
}

/* After the fields are there; those without a name count by place only. */
static int index_sort(struct index *ix, size_t *named, struct cat_error *err)
{
	ix->by_name = cat_calloc(ix->n, sizeof *ix->by_name);
	if (!ix->by_name)
		return cat_fail_mem(err, ix->n * sizeof *ix->by_name);
	*named = 0;
	for (size_t i = 0; i < ix->n; i++)
		if (ix->fields[i].name)
			ix->by_name[(*named)++] = &ix->fields[i];
	qsort(ix->by_name, *named, sizeof *ix->by_name, compare);
	return CAT_OK;
}

static const struct cat_votable_field *find(const struct index *ix, size_t named, const char *name)
{
	size_t lo = 0, hi = named;

	while (lo < hi) {
		const size_t mid = lo + (hi - lo) / 2;

		if (strcmp(ix->by_name[mid]->name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < named && strcmp(ix->by_name[lo]->name, name) == 0 ? ix->by_name[lo] : NULL;
}

/* --- giving it to columns --- */

static int give(const struct cat_votable_field *from, struct cat_field *to, struct cat_error *err)
{
	for (int k = 0; from && k < CAT_VOTABLE_WORDS; k++)
		if (from->words[k] && !cat_kv_get(&to->meta, cat_votable_key(k)))
			CAT_TRY(cat_kv_set(&to->meta, cat_votable_key(k), from->words[k], err));
	return CAT_OK;
}

/* The parts of column F, whose path is in PATH, by names like "lc.mag". */
static int give_parts(const struct index *ix, size_t named, struct cat_field *f, struct cat_text *path,
                      struct cat_error *err)
{
	const size_t len = path->len;

	while (cat_type_is_list(f->type.id) && f->type.id != CAT_T_MAP)
		f = &f->children[0];
	for (int i = 0; f->type.id == CAT_T_STRUCT && i < f->nchildren; i++) {
		if (len + strlen(f->children[i].name) > PATH_BYTES)
			continue; /* nobody's name */
		path->len = len;
		cat_text_addc(path, '.');
		cat_text_add(path, f->children[i].name);
		CAT_TRY(cat_text_check(path, err));
		CAT_TRY(give(find(ix, named, path->s), &f->children[i], err));
		CAT_TRY(give_parts(ix, named, &f->children[i], path, err));
	}
	return CAT_OK;
}

/* The field of column I: the one in its place if that has its name, else the first of its name. */
static const struct cat_votable_field *by_name(const struct index *ix, size_t named, const struct cat_schema *s, int i)
{
	const char *name = s->fields[i].name;

	if ((size_t)i < ix->n && ix->fields[i].name && strcmp(ix->fields[i].name, name) == 0)
		return &ix->fields[i];
	return find(ix, named, name);
}

/* By name; then, if there are as many fields as columns, by place where both a column and a field are left. */
static int give_columns(const struct index *ix, size_t named, struct cat_schema *s, struct cat_error *err)
{
	bool *used = cat_calloc(ix->n, sizeof *used);
	int rc = used ? CAT_OK : cat_fail_mem(err, ix->n);

	for (int i = 0; rc == CAT_OK && i < s->nfields; i++) {
		const struct cat_votable_field *from = by_name(ix, named, s, i);

		if (from)
			used[from - ix->fields] = true;
		rc = give(from, &s->fields[i], err);
	}
	for (int i = 0; rc == CAT_OK && ix->n == (size_t)s->nfields && i < s->nfields; i++)
		if (!used[i] && !by_name(ix, named, s, i))
			rc = give(&ix->fields[i], &s->fields[i], err);
	cat_free(used);
	return rc;
}

static int give_all(const struct index *ix, size_t named, struct cat_schema *s, struct cat_error *err)
{
	struct cat_text path = {.max = 2 * PATH_BYTES};
	int rc = give_columns(ix, named, s, err);

	for (int i = 0; rc == CAT_OK && i < s->nfields; i++) {
		if (!cat_type_is_nested(s->fields[i].type.id) || strlen(s->fields[i].name) > PATH_BYTES)
			continue;
		path.len = 0;
		cat_text_add(&path, s->fields[i].name);
		rc = cat_text_check(&path, err);
		if (rc == CAT_OK)
			rc = give_parts(ix, named, &s->fields[i], &path, err);
	}
	cat_text_fini(&path);
	return rc;
}

/* --- astropy --- */

static int copy(const struct cat_yaml *y, char **out, struct cat_error *err)
{
	if (!y || y->kind != CAT_YAML_SCALAR || y->is_null || !y->text[0] || *out)
		return CAT_OK;
	*out = cat_strdup(y->text);
	return *out ? CAT_OK : cat_fail_mem(err, strlen(y->text));
}

static int copy_words(const struct cat_yaml *y, struct cat_votable_field *f, struct cat_error *err)
{
	for (int k = 0; k < CAT_VOTABLE_WORDS; k++)
		CAT_TRY(copy(cat_yaml_get(y, cat_votable_key(k)), &f->words[k], err));
	return CAT_OK;
}

/* TEXT[0,N): "- {name: ra, unit: deg, ...}", or the same in lines. With HAS_META it is what stands below "meta:", a
 * list of maps, where tables that came from a VOTable have their UCDs. */
static int read_column(const char *text, size_t n, bool has_meta, struct cat_votable_field *f, struct cat_error *err)
{
	struct cat_yaml *y;
	struct cat_error odd;
	int rc;

	if (n > ITEM_MAX)
		return CAT_OK;
	rc = cat_yaml_parse(text, n, &y, &odd);
	if (rc != CAT_OK)
		return rc == CAT_E_SYSTEM ? cat_fail_mem(err, n) : CAT_OK;
	if (y && y->kind == CAT_YAML_LIST && has_meta) {
		for (const struct cat_yaml *c = y->child; rc == CAT_OK && c; c = c->next)
			rc = copy_words(c, f, err);
	} else if (y && y->kind == CAT_YAML_LIST && y->child) {
		rc = copy(cat_yaml_get(y->child, "name"), &f->name, err);
		if (rc == CAT_OK)
			rc = copy_words(y->child, f, err);
	}
	cat_yaml_free(y);
	return rc;
}

static const char *next_line(const char *s)
{
	const char *end = strchr(s, '\n');

	return end ? end + 1 : s + strlen(s);
}

/* The lines of one column begin with "- " and go on indented; *END is where the next one begins. */
static int read_item(const char *item, const char **end, struct cat_votable_field *f, struct cat_error *err)
{
	static const char meta[] = "  meta:";
	const char *own = NULL, *below = NULL, *at = next_line(item);

	for (; *at == ' '; at = next_line(at))
		if (!own && strncmp(at, meta, sizeof meta - 1) == 0) {
			own = at;
			below = next_line(at);
		}
	*end = at;
	CAT_TRY(read_column(item, (size_t)((own ? own : at) - item), false, f, err));
	return below && below < at ? read_column(below, (size_t)(at - below), true, f, err) : CAT_OK;
}

/* The list under "datatype:"; each column is read by itself, so that one that is odd (YAML's tags) is left out
 * alone. */
static int read_astropy(const char *text, struct index *ix, struct cat_error *err)
{
	static const char head[] = "datatype:\n";
	size_t cap = 0;
	const char *at = strstr(text, head);

	while (at && at > text && at[-1] != '\n')
		at = strstr(at + 1, head);
	at = at ? at + sizeof head - 1 : "";
	while (at[0] == '-' && at[1] == ' ') {
		if (cat_grow(&ix->fields, &cap, ix->n, sizeof *ix->fields) != 0)
			return cat_fail_mem(err, sizeof *ix->fields);
		memset(&ix->fields[ix->n++], 0, sizeof *ix->fields);
		CAT_TRY(read_item(at, &at, &ix->fields[ix->n - 1], err));
	}
	return CAT_OK;
}

/* --- the whole --- */

static int take_votable(struct cat_schema *s, const char *text, char **note, struct cat_error *err)
{
	struct index ix = {0};
	struct cat_error odd;
	size_t named;
	int rc = cat_votable_read(text, strlen(text), &ix.fields, &ix.n, &odd);

	if (rc == CAT_OK) {
		rc = index_sort(&ix, &named, err);
		if (rc == CAT_OK)
			rc = give_all(&ix, named, s, err);
		index_fini(&ix);
	} else if (rc == CAT_E_SYSTEM) {
		rc = cat_fail_mem(err, strlen(text));
	} else {
		struct cat_text t = {.max = 1 << 10};

		cat_text_addf(&t, "what " CAT_COLMETA_CONTENT " says of columns is passed over: %s", odd.cause);
		rc = cat_text_check(&t, err);
		*note = t.s;
	}
	return rc;
}

static int take_astropy(struct cat_schema *s, const char *text, struct cat_error *err)
{
	struct index ix = {0};
	size_t named;
	int rc = read_astropy(text, &ix, err);

	if (rc == CAT_OK)
		rc = index_sort(&ix, &named, err);
	for (int i = 0; rc == CAT_OK && i < s->nfields; i++)
		rc = give(find(&ix, named, s->fields[i].name), &s->fields[i], err);
	index_fini(&ix);
	return rc;
}

static int drop_votable(struct cat_schema *s, struct cat_error *err)
{
	CAT_TRY(cat_kv_set(&s->meta, CAT_COLMETA_CONTENT, NULL, err));
	return cat_kv_set(&s->meta, CAT_COLMETA_VERSION, NULL, err);
}

int cat_colmeta_take(struct cat_schema *s, char **note, struct cat_error *err)
{
	const char *votable = cat_kv_get(&s->meta, CAT_COLMETA_CONTENT);
	const char *astropy = cat_kv_get(&s->meta, CAT_COLMETA_ASTROPY);

	*note = NULL;
	if (votable)
		CAT_TRY(take_votable(s, votable, note, err));
	if (astropy)
		CAT_TRY(take_astropy(s, astropy, err));
	return drop_votable(s, err);
}

static bool same_words(const struct cat_votable_field *a, const struct cat_field *b)
{
	static const int told[] = {CAT_VOTABLE_UNIT, CAT_VOTABLE_DESCRIPTION};

	for (size_t k = 0; k < sizeof told / sizeof *told; k++) {
		const char *x = a->words[told[k]], *y = cat_kv_get(&b->meta, cat_votable_key(told[k]));

		if (strcmp(x ? x : "", y ? y : "") != 0)
			return false;
	}
	return true;
}

/* Whether astropy's YAML in TEXT names the columns of S and says of them what they say. */
static int astropy_holds(const struct cat_schema *s, const char *text, bool *holds, struct cat_error *err)
{
	struct index ix = {0};
	size_t named;
	int rc = read_astropy(text, &ix, err);

	if (rc == CAT_OK)
		rc = index_sort(&ix, &named, err);
	*holds = ix.n == (size_t)s->nfields;
	for (int i = 0; rc == CAT_OK && i < s->nfields && *holds; i++) {
		const struct cat_votable_field *f = find(&ix, named, s->fields[i].name);

		*holds = f && same_words(f, &s->fields[i]);
	}
	index_fini(&ix);
	return rc;
}

int cat_colmeta_settle(struct cat_schema *s, struct cat_error *err)
{
	const char *astropy = cat_kv_get(&s->meta, CAT_COLMETA_ASTROPY);
	bool holds = true;

	if (astropy)
		CAT_TRY(astropy_holds(s, astropy, &holds, err));
	if (!holds)
		CAT_TRY(cat_kv_set(&s->meta, CAT_COLMETA_ASTROPY, NULL, err));
	return drop_votable(s, err);
}
