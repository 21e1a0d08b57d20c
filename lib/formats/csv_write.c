#include "formats/csv.h"

#include <string.h>

#include "formats/jsontext.h"
#include "formats/textout.h"

/* Text that would not read back as it is: a delimiter, quote or line break in it, blanks or a comment sign at
 * its edges, or what stands for NULL. */
static bool needs_quotes(const char *s, size_t n, char delimiter)
{
	if (n == 0 || *s == ' ' || *s == '\t' || *s == '#' || s[n - 1] == ' ' || s[n - 1] == '\t')
		return true;
	if ((n == 2 && memcmp(s, "\\N", 2) == 0) || (n == 4 && (memcmp(s, "null", 4) == 0 || memcmp(s, "NULL", 4) == 0)))
		return true;
	for (size_t i = 0; i < n; i++)
		if (s[i] == delimiter || s[i] == '"' || s[i] == '\n' || s[i] == '\r')
			return true;
	return false;
}

static void add_quoted(const char *s, size_t n, struct cat_text *out)
{
	cat_text_addc(out, '"');
	for (size_t from = 0; from < n;) {
		const char *quote = memchr(s + from, '"', n - from);
		const size_t to = quote ? (size_t)(quote - s) + 1 : n;

		cat_text_addn(out, s + from, to - from);
		if (quote)
			cat_text_addc(out, '"');
		from = to;
	}
	cat_text_addc(out, '"');
}

static void add_text(const char *s, size_t n, char delimiter, struct cat_text *out)
{
	if (needs_quotes(s, n, delimiter))
		add_quoted(s, n, out);
	else
		cat_text_addn(out, s, n);
}

static void add_cell(const struct cat_field *f, const struct cat_column *c, int64_t i, char delimiter,
                     struct cat_text *scratch, struct cat_text *out)
{
	if (f->type.id == CAT_T_UTF8) {
		int32_t n;
		const char *s = cat_column_text(c, i, &n);

		add_text(s, (size_t)n, delimiter, out);
	} else if (cat_type_is_nested(f->type.id) || f->type.id == CAT_T_BINARY || f->type.id == CAT_T_FIXED_BINARY) {
		scratch->len = 0;
		if (cat_type_is_nested(f->type.id))
			cat_jsontext(f, c, i, scratch);
		else
			cat_plaintext(f, c, i, scratch);
		out->failed |= scratch->failed;
		add_text(scratch->s ? scratch->s : "", scratch->len, delimiter, out);
	} else {
		cat_plaintext(f, c, i, out);
	}
}

static void rows(const struct cat_textout *e, const struct cat_batch *b, struct cat_text *out)
{
	struct cat_text scratch = {.max = out->max};

	for (int64_t i = 0; i < b->nrows; i++) {
		for (int k = 0; k < b->ncols; k++) {
			if (k)
				cat_text_addc(out, e->delimiter);
			if (cat_column_valid(b->cols[k], i))
				add_cell(&e->schema->fields[k], b->cols[k], i, e->delimiter, &scratch, out);
			else if (b->ncols == 1)
				cat_text_add(out, "\\N");
		}
		cat_text_addc(out, '\n');
	}
	cat_text_fini(&scratch);
}

static void head(const struct cat_textout *e, struct cat_text *out)
{
	for (int k = 0; k < e->schema->nfields; k++) {
		if (k)
			cat_text_addc(out, e->delimiter);
		add_text(e->schema->fields[k].name, strlen(e->schema->fields[k].name), e->delimiter, out);
	}
	cat_text_addc(out, '\n');
}

static const struct cat_textout_ops csv_ops = {head, rows};

int cat_csv_encoder(struct cat_schema *s, const struct cat_csv_write_options *o, struct cat_encoder **out,
                    struct cat_error *err)
{
	return cat_textout_new(s, &csv_ops, o && o->delimiter ? o->delimiter : ',', out, err);
}
