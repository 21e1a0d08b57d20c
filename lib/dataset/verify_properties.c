/* What a catalogue's properties say, against what is there. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "dataset/properties.h"
#include "dataset/verify_parts.h"
#include "net/url.h"
#include "storage/open.h"

#define FILE_NAME "hats.properties"

static const char *get(const struct cat_verify *v, const char *key)
{
	return cat_kv_get(&v->hats->properties, key);
}

static void need(struct cat_verify *v, const char *key)
{
	const char *value = get(v, key);

	if (!value || !*value)
		cat_found(&v->found, CAT_FOUND_PROPERTIES, FILE_NAME, "%s is missing", key);
}

static void need_column(struct cat_verify *v, const char *key)
{
	const char *value = get(v, key);

	if (value && *value && cat_schema_find(v->hats->schema, value) < 0)
		cat_found(&v->found, CAT_FOUND_PROPERTIES, FILE_NAME, "%s=%s: there is no such column", key, value);
}

/* Lists are split at blanks, commas and semicolons. */
static void need_columns(struct cat_verify *v, const char *key)
{
	const char *s = get(v, key);

	while (s && *s) {
		const size_t n = strcspn(s, " ,;\n\t");
		char name[256];

		snprintf(name, sizeof name, "%.*s", (int)(n < 255 ? n : 255), s);
		if (n && cat_schema_find(v->hats->schema, name) < 0)
			cat_found(&v->found, CAT_FOUND_PROPERTIES, FILE_NAME, "%s names %s: there is no such column", key, name);
		s += n + (s[n] != '\0');
	}
}

void cat_verify_properties(struct cat_verify *v)
{
	static const char *const types[] = {"object", "source", "margin", "index", "association", "map", "extension"};
	const char *type = get(v, "dataproduct_type");
	bool known = false;

	need(v, "obs_collection");
	need(v, "dataproduct_type");
	need(v, "hats_nrows");
	for (size_t i = 0; type && i < sizeof types / sizeof *types; i++)
		known |= strcmp(type, types[i]) == 0;
	if (type && !known)
		cat_found(&v->found, CAT_FOUND_PROPERTIES, FILE_NAME, "dataproduct_type=%s: there is no such type", type);
	if (type && (strcmp(type, "object") == 0 || strcmp(type, "source") == 0)) {
		need(v, "hats_col_ra");
		need(v, "hats_col_dec");
	}
	if (v->is_margin) {
		need(v, "hats_primary_table_url");
		need(v, "hats_margin_threshold");
	}
	if (v->is_index) {
		need(v, "hats_primary_table_url");
		need(v, "hats_index_column");
		need_column(v, "hats_index_column");
		return;
	}
	need_column(v, "hats_col_ra");
	need_column(v, "hats_col_dec");
	need_columns(v, "hats_cols_default");
	need_columns(v, "hats_cols_sort");
	/* The only one that may be missing: catalogues without an index column say its name all the same. */
	if (get(v, "hats_col_healpix") && cat_schema_find(v->hats->schema, get(v, "hats_col_healpix")) < 0)
		cat_found(&v->found, CAT_FOUND_NOTE, FILE_NAME, "no column %s: rows are found by position only",
		          get(v, "hats_col_healpix"));
}

/* --- numbers --- */

static bool number(struct cat_verify *v, const char *key, double *out)
{
	const char *text = get(v, key);

	if (!text || !*text)
		return false;
	if (cat_parse_f64(text, strlen(text), out))
		return true;
	cat_found(&v->found, CAT_FOUND_PROPERTIES, FILE_NAME, "%s=%s is no number", key, text);
	return false;
}

static void equals(struct cat_verify *v, const char *key, int64_t is)
{
	double said;

	if (number(v, key, &said) && said != (double)is)
		cat_found(&v->found, CAT_FOUND_PROPERTIES, FILE_NAME, "%s=%s, but it is %lld", key, get(v, key), (long long)is);
}

void cat_verify_facts(struct cat_verify *v)
{
	double said;

	/* Of leaves that are not known nothing follows. */
	if (v->found.counts[CAT_FOUND_LEAF_MISSING] || v->unreadable || (!v->listed && (v->is_index || v->hats->folders)))
		return;
	equals(v, "hats_nrows", v->totals.rows);
	if (v->is_index)
		return;
	if (v->data_parts)
		equals(v, "hats_order", v->deepest);
	if (number(v, "hats_max_rows", &said) && (v->is_ours ? said != (double)v->max_rows : said < (double)v->max_rows))
		cat_found(&v->found, CAT_FOUND_PROPERTIES, FILE_NAME, "hats_max_rows=%s, but a partition has %lld",
		          get(v, "hats_max_rows"), (long long)v->max_rows);
	/* Others count files beside the leaves. */
	if (v->is_ours)
		equals(v, "hats_estsize", (v->totals.bytes + 1023) / 1024);
	if (number(v, "moc_sky_fraction", &said) && fabs(said - v->fraction) > 1.1e-5)
		cat_found(&v->found, CAT_FOUND_PROPERTIES, FILE_NAME, "moc_sky_fraction=%s, but the partitions are %.5f",
		          get(v, "moc_sky_fraction"), v->fraction);
}

/* --- collections --- */

/* The next word of a list. */
static size_t next_word(const char **s)
{
	*s += strspn(*s, " ,;\t\n");
	return strcspn(*s, " ,;\t\n");
}

static int visit(const struct cat_hats *h, const char *name, size_t n, const char *key, struct cat_findings *found,
                 int (*member)(void *arg, const char *folder, struct cat_error *err), void *arg, struct cat_error *err)
{
	char *bare = cat_strndup(name, n), *folder = bare ? cat_url_join(h->above, bare) : NULL;
	int rc;

	if (!folder) {
		cat_free(bare);
		return cat_fail_mem(err, n);
	}
	rc = member(arg, folder, err);
	if (rc == CAT_E_NOINPUT || rc == CAT_E_DATA || rc == CAT_E_UNSUPPORTED) {
		cat_found(found, CAT_FOUND_COLLECTION, "collection.properties", "%s names %s: %s", key, bare, err->cause);
		rc = (int)(err->code = CAT_OK);
	}
	cat_free(bare);
	cat_free(folder);
	return rc;
}

/* Whether LIST, of words of which each STEP-th counts, has WORD. */
static bool lists(const char *list, int step, const char *word)
{
	int at = 0;

	while (list && *list) {
		const size_t n = next_word(&list);

		if (n && at++ % step == 0 && strlen(word) == n && strncmp(list, word, n) == 0)
			return true;
		list += n;
	}
	return false;
}

int cat_verify_collection(const struct cat_hats *h, struct cat_findings *found,
                          int (*member)(void *arg, const char *folder, struct cat_error *err), void *arg,
                          struct cat_error *err)
{
	static const char *const keys[] = {"all_margins", "all_indexes"}, *const defaults[] = {"default_margin", "default_index"};

	for (int k = 0; k < 2; k++) {
		const char *s = cat_kv_get(&h->collection, keys[k]), *chosen = cat_kv_get(&h->collection, defaults[k]);

		if (chosen && *chosen && !lists(s, k + 1, chosen))
			cat_found(found, CAT_FOUND_COLLECTION, "collection.properties", "%s=%s is not in %s", defaults[k], chosen,
			          keys[k]);
		for (int i = 0; s && *s; i++) {
			const size_t n = next_word(&s);

			/* Indexes are pairs: the column, then the folder. */
			if (n && (k == 0 || i % 2 == 1))
				CAT_TRY(visit(h, s, n, keys[k], found, member, arg, err));
			s += n;
		}
	}
	return CAT_OK;
}
