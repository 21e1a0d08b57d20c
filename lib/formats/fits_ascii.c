/* Cells of ASCII tables (FITS standard 4.0, section 7.2). */
#include <math.h>
#include <string.h>

#include "columnar/builder.h"
#include "formats/fits_card.h"
#include "formats/fits_decode.h"

static bool is_null(const struct cat_fits_column *c, const char *s, size_t n)
{
	return c->has_null && n == strlen(c->null_text) && memcmp(s, c->null_text, n) == 0;
}

static bool parse_int(const char *s, size_t n, int64_t *out)
{
	const bool plus = n > 1 && *s == '+' && s[1] != '-';

	return cat_parse_i64(s + plus, n - plus, out);
}

/* A number without a point has it DECIMALS digits before the end of its digits (section 7.2.5). */
static bool parse_real(const char *s, size_t n, int decimals, double *out)
{
	bool point = false;

	for (size_t i = 0; i < n; i++)
		point |= s[i] == '.' || s[i] == 'E' || s[i] == 'D' || s[i] == 'e' || s[i] == 'd';
	if (!cat_fits_number(s, n, out))
		return false;
	if (!point && decimals)
		*out /= pow(10, decimals);
	return true;
}

static int put_number(const struct cat_fits_column *c, const char *s, size_t n, struct cat_builder *b,
                      struct cat_error *err)
{
	double real = 0;
	int64_t whole = 0;

	if (n > 0 && !(c->form == 'I' ? parse_int(s, n, &whole) : parse_real(s, n, c->decimals, &real)))
		return cat_fail(err, CAT_E_DATA, "'%.*s' is no number", n < 80 ? (int)n : 80, s);
	if (c->scaled)
		real = (c->form == 'I' ? (double)whole : real) * c->scale + c->zero;
	if (b->type.id == CAT_T_I32) {
		const int32_t small = (int32_t)whole;

		return cat_builder_fixed(b, &small, err);
	}
	return b->type.id == CAT_T_I64 ? cat_builder_fixed(b, &whole, err) : cat_builder_fixed(b, &real, err);
}

static int put_cell(const struct cat_fits_column *c, const char *s, struct cat_builder *b, struct cat_error *err)
{
	size_t n = cat_fits_text_len((const uint8_t *)s, (size_t)c->bytes), bad;

	if (c->form == 'A') {
		if (n == 0 || is_null(c, s, n))
			return cat_builder_null(b, err);
		if (!cat_utf8_valid(s, n, &bad))
			return cat_fail(err, CAT_E_DATA, "bytes that are no text");
		return cat_builder_text(b, s, n, err);
	}
	while (n > 0 && *s == ' ') {
		s++;
		n--;
	}
	return is_null(c, s, n) ? cat_builder_null(b, err) : put_number(c, s, n, b, err);
}

int cat_fits_decode_ascii(const struct cat_fits_column *c, const struct cat_field *f,
                          const struct cat_fits_cells *cells, struct cat_column **out, struct cat_error *err)
{
	struct cat_builder b;
	int rc;

	CAT_TRY(cat_builder_init(&b, f, err));
	rc = cat_builder_reserve(&b, cells->nrows, err);
	for (int64_t i = 0; rc == CAT_OK && i < cells->nrows; i++) {
		rc = put_cell(c, (const char *)cells->data + i * cells->stride, &b, err);
		if (rc != CAT_OK)
			cat_wrap(err, "row %lld of them", (long long)i + 1);
	}
	if (rc == CAT_OK)
		rc = cat_builder_finish(&b, out, err);
	cat_builder_fini(&b);
	return rc;
}
