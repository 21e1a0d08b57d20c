#include "dataset/position.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sky/angle.h"

/* Pairs that catalogues use for J2000 degrees, tried in this order. */
static const char *const usual_names[][2] = {
	{"ra", "dec"},          {"RA_ICRS", "DE_ICRS"}, {"_RAJ2000", "_DEJ2000"},
	{"RAJ2000", "DEJ2000"}, {"ra_deg", "dec_deg"},
};

/* Is WORD one of the words of a UCD (IVOA UCD1+ 1.4, section 3: separated by semicolons, in any case)? FIRST: it
 * must be the first. */
static bool ucd_has(const char *ucd, const char *word, bool first)
{
	const size_t n = strlen(word);

	for (const char *s = ucd; s; s = first ? NULL : strchr(s, ';')) {
		s += strspn(s, "; ");
		if (strncasecmp(s, word, n) == 0 && (s[n] == '\0' || s[n] == ';' || s[n] == ' '))
			return true;
	}
	return false;
}

/* The one column whose UCD is WORD;meta.main: -1 none, -2 several. */
static int by_ucd(const struct cat_schema *s, const char *word)
{
	int found = -1;

	for (int i = 0; i < s->nfields; i++) {
		const char *ucd = cat_kv_get(&s->fields[i].meta, CAT_META_UCD);

		if (ucd && ucd_has(ucd, word, true) && ucd_has(ucd, "meta.main", false))
			found = found == -1 ? i : -2;
	}
	return found;
}

static int check(const struct cat_field *f, struct cat_error *err)
{
	static const char *const other[] = {"rad", "radian", "radians", "h", "hour", "hours", "hourangle",
	                                    "arcmin", "arcsec", "mas"};
	const char *unit = cat_kv_get(&f->meta, CAT_META_UNIT);

	if (!cat_type_is_number(f->type.id) && f->type.id != CAT_T_UTF8)
		return cat_fail(err, CAT_E_USAGE, "column '%s' holds neither numbers nor text; positions are angles",
		                f->name);
	for (size_t i = 0; unit && i < sizeof other / sizeof *other; i++)
		if (strcasecmp(unit, other[i]) == 0)
			return cat_fail(err, CAT_E_UNSUPPORTED, "column '%s' is in %s; positions are in degrees",
			                f->name, unit);
	return CAT_OK;
}

static int find(const struct cat_schema *s, const char *ra_name, const char *dec_name, int *ra, int *dec,
                const char **how, struct cat_error *err)
{
	if (ra_name || dec_name) {
		if (!ra_name || !dec_name)
			return cat_fail(err, CAT_E_USAGE,
			                "the columns of ra and dec are named together or not at all");
		*how = "as named";
		CAT_TRY(cat_schema_need(s, ra_name, ra, err));
		return cat_schema_need(s, dec_name, dec, err);
	}
	*how = "by UCD";
	*ra = by_ucd(s, "pos.eq.ra");
	*dec = by_ucd(s, "pos.eq.dec");
	if (*ra == -2 || *dec == -2)
		return cat_fail(err, CAT_E_USAGE, "several columns have the UCD pos.eq.%s;meta.main; name them",
		                *ra == -2 ? "ra" : "dec");
	if (*ra >= 0 && *dec >= 0)
		return CAT_OK;
	*how = "by name";
	for (size_t i = 0; i < sizeof usual_names / sizeof *usual_names; i++) {
		*ra = cat_schema_find(s, usual_names[i][0]);
		*dec = cat_schema_find(s, usual_names[i][1]);
		if (*ra >= 0 && *dec >= 0)
			return CAT_OK;
	}
	return cat_fail(err, CAT_E_USAGE, "no columns of ra and dec are known; name them");
}

int cat_position_columns(const struct cat_schema *s, const char *ra_name, const char *dec_name, int *ra, int *dec,
                         char *which, size_t which_size, struct cat_error *err)
{
	const char *how = "";

	CAT_TRY(find(s, ra_name, dec_name, ra, dec, &how, err));
	CAT_TRY(check(&s->fields[*ra], err));
	CAT_TRY(check(&s->fields[*dec], err));
	snprintf(which, which_size, "%s, %s %s", s->fields[*ra].name, s->fields[*dec].name, how);
	return CAT_OK;
}

static void numbers(const struct cat_column *c, double *out)
{
	if (c->type.id == CAT_T_F64) {
		memcpy(out, CAT_VALUES(c, double), (size_t)c->length * sizeof *out);
	} else {
		for (int64_t i = 0; i < c->length; i++)
			out[i] = cat_column_f64(c, i);
	}
	if (cat_column_null_count(c) == 0)
		return;
	for (int64_t i = 0; i < c->length; i++)
		if (!cat_column_valid(c, i))
			out[i] = NAN;
}

static int angles(const struct cat_column *c, int (*parse)(const char *, size_t, double *, struct cat_error *),
                  double *out, struct cat_error *err)
{
	for (int64_t i = 0; i < c->length; i++) {
		int32_t n;
		const char *s;

		out[i] = NAN;
		if (!cat_column_valid(c, i))
			continue;
		s = cat_column_text(c, i, &n);
		if (n > 0 && parse(s, (size_t)n, &out[i], err) != CAT_OK) {
			err->code = CAT_E_DATA; /* a value of the table, not of the command line */
			return CAT_E_DATA;
		}
	}
	return CAT_OK;
}

int cat_position_values(const struct cat_batch *b, int ra, int dec, double *ra_deg, double *dec_deg,
                        struct cat_error *err)
{
	if (b->cols[ra]->type.id == CAT_T_UTF8)
		CAT_TRY(angles(b->cols[ra], cat_angle_ra, ra_deg, err));
	else
		numbers(b->cols[ra], ra_deg);
	if (b->cols[dec]->type.id == CAT_T_UTF8)
		return angles(b->cols[dec], cat_angle_dec, dec_deg, err);
	numbers(b->cols[dec], dec_deg);
	return CAT_OK;
}

int cat_position_mark(struct cat_schema *s, int ra, int dec, struct cat_error *err)
{
	if (cat_kv_get(&s->fields[ra].meta, CAT_META_UCD) || cat_kv_get(&s->fields[dec].meta, CAT_META_UCD))
		return CAT_OK;
	CAT_TRY(cat_kv_set(&s->fields[ra].meta, CAT_META_UCD, "pos.eq.ra;meta.main", err));
	return cat_kv_set(&s->fields[dec].meta, CAT_META_UCD, "pos.eq.dec;meta.main", err);
}
