/* The two headers of a FITS file with one table. */
#include <stdio.h>
#include <string.h>

#include "formats/fits_header.h"
#include "formats/fits_write.h"

#define HEAD_MAX ((size_t)32 << 20)
#define TEXT_ROOM 68 /* between the quotes of one card */

static void end_card(struct cat_text *t)
{
	while (t->len % CAT_FITS_CARD && !t->failed)
		cat_text_addc(t, ' ');
}

static void add_i64(struct cat_text *t, const char *key, int64_t v)
{
	cat_text_addf(t, "%-8s= %20lld", key, (long long)v);
	end_card(t);
}

static void add_word(struct cat_text *t, const char *key, const char *word)
{
	cat_text_addf(t, "%-8s= %20s", key, word);
	end_card(t);
}

/* Headers are ASCII. */
static void add_plain(struct cat_text *t, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		cat_text_addc(t, s[i] < 0x20 || s[i] > 0x7e ? '?' : s[i]);
}

/* Text of any length: what does not fit goes on in CONTINUE cards (section 4.2.1.2). */
static void add_text(struct cat_text *t, const char *key, const char *s)
{
	size_t used;

	cat_text_addf(t, "%-8s= '", key);
	for (;;) {
		used = 0;
		/* One place is kept for the & of a card that is continued, unless all fits. */
		while (*s) {
			const size_t need = *s == '\'' ? 2 : 1;
			const bool last = s[1] == '\0';

			if (used + need > TEXT_ROOM - (last ? 0 : 1))
				break;
			add_plain(t, s, 1);
			if (*s == '\'')
				cat_text_addc(t, '\'');
			used += need;
			s++;
		}
		if (!*s)
			break;
		cat_text_add(t, "&'");
		end_card(t);
		cat_text_add(t, "CONTINUE  '");
	}
	for (; used < 8; used++)
		cat_text_addc(t, ' ');
	cat_text_addc(t, '\'');
	end_card(t);
}

/* Blank cards up to FILL bytes, END, and the rest of its block. */
static void end_header(struct cat_text *t, size_t fill)
{
	while (t->len < fill && !t->failed)
		cat_text_addc(t, ' ');
	cat_text_add(t, "END");
	while (t->len % CAT_FITS_BLOCK && !t->failed)
		cat_text_addc(t, ' ');
}

/* TDIM of nested lists, the innermost first, and of lists of text. */
static void add_shape(struct cat_text *t, const char *key, const struct cat_fits_wcol *c)
{
	const char *known = cat_kv_get(&c->field->meta, "tdim");
	const struct cat_field *f = c->field;
	int64_t sizes[CAT_FITS_MAX_DEPTH];
	char shape[256];
	size_t at;

	if (c->depth == 0 || (c->depth == 1 && c->kind == CAT_FITS_NUMBER && !known) ||
	    (c->depth == 1 && c->kind == CAT_FITS_LOGICAL && !known))
		return;
	if (known && c->depth == 1 && c->form != 'A') {
		add_text(t, key, known);
		return;
	}
	for (int d = 0; d < c->depth; d++, f = &f->children[0])
		sizes[d] = f->type.width;
	at = c->form == 'A' ? (size_t)snprintf(shape, sizeof shape, "(%lld,", (long long)c->width)
	                    : (size_t)snprintf(shape, sizeof shape, "(");
	for (int d = c->depth; d > 0; d--)
		at += (size_t)snprintf(shape + at, sizeof shape - at, "%lld%s", (long long)sizes[d - 1], d > 1 ? "," : ")");
	add_text(t, key, shape);
}

static void add_form(struct cat_text *t, const char *key, const struct cat_fits_head *h,
                     const struct cat_fits_wcol *c)
{
	char form[64];

	if (c->list)
		snprintf(form, sizeof form, "1%c%c(%lld)", h->array, c->form, (long long)c->longest);
	else if (c->form == 'A')
		snprintf(form, sizeof form, "%lldA", (long long)(c->repeat * c->width));
	else if (c->repeat == 1)
		snprintf(form, sizeof form, "%c", c->form);
	else
		snprintf(form, sizeof form, "%lld%c", (long long)c->repeat, c->form);
	add_text(t, key, form);
}

/* Cards about values; with SIZE 0 all that may become necessary. */
static void add_values(struct cat_text *t, int i, const struct cat_fits_head *h, const struct cat_fits_wcol *c)
{
	static const char *const units[] = {"s", "ms", "us", "ns"};
	const char *display = cat_kv_get(&c->field->meta, "tdisp");
	const char *class = c->form == 'A' ? "A" : c->form == 'L' ? "L" : c->integer ? "IBOZ" : "FEGD";
	char key[16];

	if (c->flip) {
		snprintf(key, sizeof key, "TZERO%d", i);
		if (c->width == 1)
			add_i64(t, key, -128);
		else
			add_word(t, key, c->width == 2 ? "32768" : c->width == 4 ? "2147483648" : "9223372036854775808");
		snprintf(key, sizeof key, "TSCAL%d", i);
		add_i64(t, key, 1);
	}
	if (c->integer && (c->has_null || h->size == 0)) {
		const int spare = 64 - 8 * (int)c->width;

		snprintf(key, sizeof key, "TNULL%d", i);
		/* Raw bits are signed but for B. */
		add_i64(t, key, c->width == 1 ? (int64_t)c->null : (int64_t)(c->null << spare) >> spare);
	}
	if (c->leaf->type.id == CAT_T_DURATION && !cat_kv_get(&c->field->meta, CAT_META_UNIT)) {
		snprintf(key, sizeof key, "TUNIT%d", i);
		add_text(t, key, units[c->leaf->type.unit]);
	}
	if (display && strchr(class, display[0])) {
		snprintf(key, sizeof key, "TDISP%d", i);
		add_text(t, key, display);
	}
}

static void add_column(struct cat_text *t, int i, const struct cat_fits_head *h, const struct cat_fits_wcol *c)
{
	static const struct {
		const char *key, *meta;
	} words[] = {{"TUNIT", CAT_META_UNIT}, {"TUCD", CAT_META_UCD}, {"TUTYP", CAT_META_UTYPE},
	             {"TXTYP", CAT_META_XTYPE}, {"TCOMM", CAT_META_DESCRIPTION}};
	char key[16];

	snprintf(key, sizeof key, "TTYPE%d", i);
	add_text(t, key, c->field->name);
	snprintf(key, sizeof key, "TFORM%d", i);
	add_form(t, key, h, c);
	snprintf(key, sizeof key, "TDIM%d", i);
	add_shape(t, key, c);
	add_values(t, i, h, c);
	for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
		const char *value = cat_kv_get(&c->field->meta, words[k].meta);

		snprintf(key, sizeof key, "%s%d", words[k].key, i);
		if (value && *value)
			add_text(t, key, value);
	}
}

static void add_history(struct cat_text *t, const char *history)
{
	while (history && *history) {
		const size_t line = strcspn(history, "\n"), n = line < CAT_FITS_CARD - 8 ? line : CAT_FITS_CARD - 8;

		cat_text_add(t, "HISTORY ");
		add_plain(t, history, n);
		end_card(t);
		history += n + (n == line && history[n] == '\n');
	}
}

int cat_fits_head_new(const struct cat_fits_head *h, struct cat_buf **out, struct cat_error *err)
{
	struct cat_text t = {.max = HEAD_MAX};
	int64_t row_bytes = 0;
	int rc;

	add_word(&t, "SIMPLE", "T");
	add_i64(&t, "BITPIX", 8);
	add_i64(&t, "NAXIS", 0);
	add_word(&t, "EXTEND", "T");
	end_header(&t, 0);
	for (int i = 0; i < h->schema->nfields; i++)
		row_bytes += h->cols[i].list ? h->array == 'P' ? 8 : 16 : h->cols[i].repeat * h->cols[i].width;
	add_text(&t, "XTENSION", "BINTABLE");
	add_i64(&t, "BITPIX", 8);
	add_i64(&t, "NAXIS", 2);
	add_i64(&t, "NAXIS1", row_bytes);
	add_i64(&t, "NAXIS2", h->nrows);
	add_i64(&t, "PCOUNT", h->heap_bytes);
	add_i64(&t, "GCOUNT", 1);
	add_i64(&t, "TFIELDS", h->schema->nfields);
	for (int i = 0; i < h->schema->nfields; i++)
		add_column(&t, i + 1, h, &h->cols[i]);
	/* What checkers want to see beside CONTINUE. */
	if (t.s && strstr(t.s, "CONTINUE  '"))
		add_text(&t, "LONGSTRN", "OGIP 1.0");
	add_history(&t, cat_kv_get(&h->schema->meta, "catpipe.history"));
	end_header(&t, h->size ? h->size - CAT_FITS_BLOCK : 0);
	rc = cat_text_check(&t, err);
	if (rc == CAT_OK && h->size && t.len != h->size)
		rc = cat_fail(err, CAT_E_BUG, "a FITS header of %zu bytes where %zu were kept", t.len, h->size);
	if (rc == CAT_OK)
		rc = cat_buf_copy(t.s, t.len, out, err);
	cat_text_fini(&t);
	return rc;
}
