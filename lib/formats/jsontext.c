#include "formats/jsontext.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "formats/isotime.h"

__extension__ typedef __int128 i128;
__extension__ typedef unsigned __int128 u128;

static void add_base64(const uint8_t *p, size_t n, struct cat_text *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *to = cat_text_room(out, (n + 2) / 3 * 4);

	if (!to)
		return;
	for (size_t i = 0; i < n; i += 3) {
		const uint32_t v = (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) |
		                   (i + 2 < n ? p[i + 2] : 0);

		*to++ = digits[v >> 18];
		*to++ = digits[v >> 12 & 63];
		*to++ = i + 1 < n ? digits[v >> 6 & 63] : '=';
		*to++ = i + 2 < n ? digits[v & 63] : '=';
	}
	*to = '\0';
	out->len = (size_t)(to - out->s);
}

/* A 128-bit integer with SCALE digits behind the point. */
static void add_decimal(const uint8_t *p, int scale, struct cat_text *out)
{
	char back[200];
	int n = 0;
	i128 v;
	u128 rest;

	memcpy(&v, p, sizeof v);
	rest = v < 0 ? 0 - (u128)v : (u128)v;
	for (; rest || n <= (scale > 0 ? scale : 0); rest /= 10) {
		if (scale > 0 && n == scale)
			back[n++] = '.';
		if (n > 150)
			break;
		back[n++] = (char)('0' + (int)(rest % 10));
	}
	if (v < 0)
		cat_text_addc(out, '-');
	while (n > 0)
		cat_text_addc(out, back[--n]);
	for (; scale < 0 && v != 0; scale++)
		cat_text_addc(out, '0');
}

static void add_bytes_of(const struct cat_column *c, int64_t i, struct cat_text *out)
{
	int32_t n = c->type.width;
	const uint8_t *p = c->data->data;

	if (c->type.id == CAT_T_FIXED_BINARY)
		p += (c->offset + i) * n;
	else
		p = (const uint8_t *)cat_column_text(c, i, &n);
	add_base64(p, (size_t)n, out);
}

/* Numbers, dates and times: short, so that they are written where they shall stand. TO has room for CAT_ISO_MAX
 * bytes; returns the length. */
static size_t put_short(const struct cat_field *f, const struct cat_column *c, int64_t i, char *to)
{
	switch ((int)f->type.id) {
	case CAT_T_F32:
		return cat_format_f32(CAT_VALUES(c, float)[i], to);
	case CAT_T_F64:
		return cat_format_f64(CAT_VALUES(c, double)[i], to);
	case CAT_T_U64:
		return cat_format_u64(CAT_VALUES(c, uint64_t)[i], to);
	case CAT_T_DATE32:
		return cat_iso_date(cat_column_i64(c, i), to);
	case CAT_T_DATE64:
		return cat_iso_timestamp(cat_column_i64(c, i), CAT_UNIT_MS, false, to);
	case CAT_T_TIME32:
	case CAT_T_TIME64:
		return cat_iso_time(cat_column_i64(c, i), f->type.unit, to);
	case CAT_T_TIMESTAMP:
		return cat_iso_timestamp(cat_column_i64(c, i), f->type.unit, f->zone != NULL, to);
	default:
		return cat_format_i64(cat_column_i64(c, i), to);
	}
}

void cat_plaintext(const struct cat_field *f, const struct cat_column *c, int64_t i, struct cat_text *out)
{
	const char *s;
	int32_t n;
	char *to;

	switch ((int)f->type.id) {
	case CAT_T_NULL:
		return;
	case CAT_T_BOOL:
		cat_text_add(out, cat_column_bool(c, i) ? "true" : "false");
		return;
	case CAT_T_UTF8:
		s = cat_column_text(c, i, &n);
		cat_text_addn(out, s, (size_t)n);
		return;
	case CAT_T_BINARY:
	case CAT_T_FIXED_BINARY:
		add_bytes_of(c, i, out);
		return;
	case CAT_T_DECIMAL128:
		add_decimal(c->data->data + (c->offset + i) * 16, f->type.scale, out);
		return;
	default:
		to = cat_text_room(out, CAT_ISO_MAX);
		if (to)
			out->len += put_short(f, c, i, to);
		return;
	}
}

void cat_jsontext_string(const char *s, size_t n, struct cat_text *out)
{
	size_t from = 0;

	cat_text_addc(out, '"');
	for (size_t i = 0; i < n; i++) {
		const unsigned char ch = (unsigned char)s[i];

		if (ch >= 0x20 && ch != '"' && ch != '\\')
			continue;
		cat_text_addn(out, s + from, i - from);
		from = i + 1;
		if (ch == '"' || ch == '\\')
			cat_text_addf(out, "\\%c", ch);
		else if (ch == '\n')
			cat_text_add(out, "\\n");
		else if (ch == '\t')
			cat_text_add(out, "\\t");
		else if (ch == '\r')
			cat_text_add(out, "\\r");
		else
			cat_text_addf(out, "\\u%04x", ch);
	}
	cat_text_addn(out, s + from, n - from);
	cat_text_addc(out, '"');
}

static void add_list(const struct cat_field *f, const struct cat_column *c, int64_t i, struct cat_text *out)
{
	int64_t from = i * f->type.width, to = from + f->type.width;

	if (cat_type_is_list(f->type.id)) {
		from = cat_column_offsets(c)[i];
		to = cat_column_offsets(c)[i + 1];
	}
	cat_text_addc(out, '[');
	for (int64_t k = from; k < to; k++) {
		if (k > from)
			cat_text_addc(out, ',');
		cat_jsontext(&f->children[0], c->children[0], k, out);
	}
	cat_text_addc(out, ']');
}

static void add_struct(const struct cat_field *f, const struct cat_column *c, int64_t i, struct cat_text *out)
{
	for (int k = 0; k < f->nchildren; k++) {
		cat_text_addc(out, k ? ',' : '{');
		cat_jsontext_string(f->children[k].name, strlen(f->children[k].name), out);
		cat_text_addc(out, ':');
		cat_jsontext(&f->children[k], c->children[k], i, out);
	}
	cat_text_add(out, f->nchildren ? "}" : "{}");
}

/* Whether the plain text of row I is a JSON value as it stands. */
static bool is_bare(const struct cat_field *f, const struct cat_column *c, int64_t i)
{
	switch ((int)f->type.id) {
	case CAT_T_F32:
		return isfinite(CAT_VALUES(c, float)[i]);
	case CAT_T_F64:
		return isfinite(CAT_VALUES(c, double)[i]);
	case CAT_T_BOOL:
	case CAT_T_DURATION:
	case CAT_T_DECIMAL128:
		return true;
	default:
		return cat_type_is_int(f->type.id);
	}
}

void cat_jsontext(const struct cat_field *f, const struct cat_column *c, int64_t i, struct cat_text *out)
{
	if (!cat_column_valid(c, i)) {
		cat_text_add(out, "null");
	} else if (f->type.id == CAT_T_UTF8) {
		int32_t n;
		const char *s = cat_column_text(c, i, &n);

		cat_jsontext_string(s, (size_t)n, out);
	} else if (f->type.id == CAT_T_STRUCT) {
		add_struct(f, c, i, out);
	} else if (cat_type_is_nested(f->type.id)) {
		add_list(f, c, i, out);
	} else if (is_bare(f, c, i)) {
		cat_plaintext(f, c, i, out);
	} else {
		cat_text_addc(out, '"');
		cat_plaintext(f, c, i, out);
		cat_text_addc(out, '"');
	}
}
