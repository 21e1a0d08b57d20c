#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "exec/op_xmatch.h"

#define DEFAULT_SUFFIX "_2"
#define HEALPIX_COLUMN "_healpix_29"
#define DISTANCE_COLUMN "_dist_arcsec"
#define NAME_MAX_BYTES 4096

static bool has_name(const struct cat_field *fields, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (fields[i].name && cat_equal_nocase(fields[i].name, name))
			return true;
	return false;
}

/* NAME with the suffix; when that is taken as well, with its number counted up ("_2", "_3") or one added ("_b",
 * "_b2"). The name is free in all of OUT's first N fields and in RIGHT. */
static int free_name(const struct cat_schema *out, int n, const struct cat_schema *right, const char *name,
                     const char *suffix, char *text, struct cat_error *err)
{
	size_t stem = strlen(suffix);
	int number = 1;

	if (stem > 1 && suffix[stem - 1] == '2') {
		stem--;
		number = 2;
	}
	for (;; number++) {
		const int len =
			number == 1 ? snprintf(text, NAME_MAX_BYTES, "%s%s", name, suffix)
		                    : snprintf(text, NAME_MAX_BYTES, "%s%.*s%d", name, (int)stem, suffix, number);

		if (len < 0 || len >= NAME_MAX_BYTES)
			return cat_fail(err, CAT_E_USAGE, "the name of column '%.60s...' is too long", name);
		if (!has_name(out->fields, n, text) && !(right && has_name(right->fields, right->nfields, text)))
			return CAT_OK;
	}
}

/* Takes the word meta.main out of a UCD: only one table of the two can have the main columns. */
static int demote(struct cat_field *f, struct cat_error *err)
{
	const char *ucd = cat_kv_get(&f->meta, CAT_META_UCD);
	struct cat_text rest = {.max = 1 << 16};
	bool found = false;
	int rc = CAT_OK;

	if (!ucd)
		return CAT_OK;
	for (const char *s = ucd;;) {
		const size_t n = strcspn(s, ";");

		if (n == 9 && strncasecmp(s, "meta.main", n) == 0) {
			found = true;
		} else {
			cat_text_add(&rest, rest.len ? ";" : "");
			cat_text_addn(&rest, s, n);
		}
		if (!s[n])
			break;
		s += n + 1;
	}
	if (found) {
		rc = cat_text_check(&rest, err);
		if (rc == CAT_OK)
			rc = cat_kv_set(&f->meta, CAT_META_UCD, rest.len ? rest.s : NULL, err);
	}
	cat_text_fini(&rest);
	return rc;
}

/* Field AT of OUT from a field of RIGHT; the N fields before LEFT's end are LEFT's. */
static int add_right(struct cat_schema *out, int at, int nleft, const struct cat_schema *right, int col,
                     const char *suffix, struct cat_error *err)
{
	struct cat_field *f = &out->fields[at];
	char name[NAME_MAX_BYTES];

	CAT_TRY(cat_field_copy(f, &right->fields[col], err));
	f->nullable = true;
	CAT_TRY(demote(f, err));
	if (!has_name(out->fields, nleft, right->fields[col].name))
		return CAT_OK;
	CAT_TRY(free_name(out, at, right, right->fields[col].name, suffix, name, err));
	return cat_field_rename(f, name, err);
}

static int add_distance(struct cat_schema *out, int at, struct cat_error *err)
{
	char name[NAME_MAX_BYTES] = DISTANCE_COLUMN;
	struct cat_field *f = &out->fields[at];

	if (has_name(out->fields, at, name))
		CAT_TRY(free_name(out, at, NULL, DISTANCE_COLUMN, DEFAULT_SUFFIX, name, err));
	CAT_TRY(cat_field_init(f, name, CAT_T_F64, err));
	f->nullable = true;
	CAT_TRY(cat_kv_set(&f->meta, CAT_META_UNIT, "arcsec", err));
	CAT_TRY(cat_kv_set(&f->meta, CAT_META_UCD, "pos.angDistance", err));
	return cat_kv_set(&f->meta, CAT_META_DESCRIPTION, "separation of the two positions", err);
}

static int fill(struct cat_schema *out, const struct cat_schema *left, const struct cat_schema *right,
                const int *right_cols, int n, const char *suffix, struct cat_error *err)
{
	CAT_TRY(cat_kv_copy(&out->meta, &left->meta, err));
	for (int i = 0; i < left->nfields; i++)
		CAT_TRY(cat_field_copy(&out->fields[i], &left->fields[i], err));
	for (int i = 0; i < n; i++)
		CAT_TRY(add_right(out, left->nfields + i, left->nfields, right, right_cols[i], suffix, err));
	return add_distance(out, left->nfields + n, err);
}

int cat_xmatch_schema(const struct cat_schema *left, const struct cat_schema *right, const char *suffix,
                      struct cat_schema **out, int **right_cols, int *n_right, struct cat_error *err)
{
	int *cols = cat_malloc((size_t)right->nfields * sizeof *cols), n = 0, rc;
	struct cat_schema *s = NULL;

	if (!cols)
		return cat_fail_mem(err, (size_t)right->nfields * sizeof *cols);
	for (int i = 0; i < right->nfields; i++)
		if (strcmp(right->fields[i].name, HEALPIX_COLUMN) != 0)
			cols[n++] = i;
	rc = cat_schema_new(left->nfields + n + 1, &s, err);
	if (rc == CAT_OK)
		rc = fill(s, left, right, cols, n, suffix ? suffix : DEFAULT_SUFFIX, err);
	if (rc != CAT_OK) {
		cat_schema_unref(s);
		cat_free(cols);
		return rc;
	}
	*out = s;
	*right_cols = cols;
	*n_right = n;
	return CAT_OK;
}
