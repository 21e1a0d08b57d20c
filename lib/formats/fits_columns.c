#include "formats/fits_columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define MAX_TEXT 70 /* of what is kept per column before it is understood */
#define COMMENT_MAX 72

/* What the cards say of one column, before it is understood. */
struct said {
	char form[MAX_TEXT + 2], zform[MAX_TEXT + 2], dim[MAX_TEXT + 2];
	char codec[16];
	char null_text[32];
	char comment[COMMENT_MAX]; /* of the TTYPE card */
	int64_t start;             /* TBCOL */
	int64_t null;
	bool has_null;
	double scale, zero;
};

static const struct {
	const char *key;
	const char *meta;
} metas[] = {{"TUNIT", CAT_META_UNIT},   {"TUCD", CAT_META_UCD}, {"TCOMM", CAT_META_DESCRIPTION},
             {"TUTYP", CAT_META_UTYPE},  {"TXTYP", CAT_META_XTYPE}, {"TDISP", "tdisp"}};

/* "TFORM12" is KEY for column 11; false when it is not KEY or there is no such column. */
static bool indexed(const char *name, const char *key, int n, int *col)
{
	const size_t k = strlen(key);
	int64_t i;

	if (strncmp(name, key, k) != 0 || name[k] == '0' || !cat_parse_i64(name + k, strlen(name + k), &i) || i < 1 ||
	    i > n)
		return false;
	*col = (int)i - 1;
	return true;
}

static void keep(char *dst, size_t size, const struct cat_text *t)
{
	snprintf(dst, size, "%s", t->s ? t->s : "");
}

/* Names and descriptions, which go into the field. */
static int take_words(const struct cat_fits_card *c, int n, struct cat_field *fields, struct said *said,
                      struct cat_error *err)
{
	const char *text = c->text.s ? c->text.s : "";
	size_t bad;
	int k;

	/* Words in another encoding than the schema's. */
	if (!c->is_text || !cat_utf8_valid(text, strlen(text), &bad))
		return CAT_OK;
	if (indexed(c->key, "TTYPE", n, &k)) {
		/* CFITSIO's own comments say nothing. */
		if (c->ncomment && (c->ncomment < 5 || memcmp(c->comment, "label", 5) != 0) &&
		    cat_utf8_valid(c->comment, c->ncomment, &bad))
			snprintf(said[k].comment, sizeof said[k].comment, "%.*s", (int)c->ncomment, c->comment);
		return *text ? cat_field_rename(&fields[k], text, err) : CAT_OK;
	}
	for (size_t i = 0; i < sizeof metas / sizeof *metas; i++)
		if (indexed(c->key, metas[i].key, n, &k))
			return *text ? cat_kv_set(&fields[k].meta, metas[i].meta, text, err) : CAT_OK;
	return CAT_OK;
}

static int take_card(const struct cat_fits_card *c, int n, struct cat_field *fields, struct said *said,
                     struct cat_error *err)
{
	int k;

	if (indexed(c->key, "TFORM", n, &k))
		keep(said[k].form, sizeof said[k].form, &c->text);
	else if (indexed(c->key, "ZFORM", n, &k))
		keep(said[k].zform, sizeof said[k].zform, &c->text);
	else if (indexed(c->key, "ZCTYP", n, &k))
		keep(said[k].codec, sizeof said[k].codec, &c->text);
	else if (indexed(c->key, "TDIM", n, &k))
		keep(said[k].dim, sizeof said[k].dim, &c->text);
	else if (indexed(c->key, "TSCAL", n, &k) && !cat_fits_card_f64(c, &said[k].scale))
		return cat_fail(err, CAT_E_DATA, "%s is no number", c->key);
	else if (indexed(c->key, "TZERO", n, &k) && !cat_fits_card_f64(c, &said[k].zero))
		return cat_fail(err, CAT_E_DATA, "%s is no number", c->key);
	else if (indexed(c->key, "TBCOL", n, &k) && !cat_fits_card_i64(c, &said[k].start))
		return cat_fail(err, CAT_E_DATA, "%s is no number", c->key);
	else if (indexed(c->key, "TNULL", n, &k) && c->is_text)
		keep(said[k].null_text, sizeof said[k].null_text, &c->text);
	else if (indexed(c->key, "TNULL", n, &k))
		said[k].has_null = cat_fits_card_i64(c, &said[k].null);
	return take_words(c, n, fields, said, err);
}

/* --- forms --- */

static const struct form {
	char letter;
	signed char width;
	enum cat_type_id type;
} forms[] = {{'L', 1, CAT_T_BOOL}, {'X', 0, CAT_T_BOOL}, {'B', 1, CAT_T_U8},  {'I', 2, CAT_T_I16},
             {'J', 4, CAT_T_I32},  {'K', 8, CAT_T_I64},  {'A', 1, CAT_T_UTF8}, {'E', 4, CAT_T_F32},
             {'D', 8, CAT_T_F64},  {'C', 8, CAT_T_F32},  {'M', 16, CAT_T_F64}};

static const struct form *find_form(char letter)
{
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
		if (forms[i].letter == letter)
			return &forms[i];
	return NULL;
}

/* A count at *P, moved behind it; NONE when there is none. -1: too large. */
static int64_t take_count(const char **p, int64_t none)
{
	int64_t n = 0;

	if (**p < '0' || **p > '9')
		return none;
	for (; **p >= '0' && **p <= '9'; (*p)++) {
		if (n > INT64_C(1) << 50)
			return -1;
		n = n * 10 + (**p - '0');
	}
	return n;
}

/* Strings of one cell: rAw, or TDIM (w,n,...). */
static void cut_text(struct cat_fits_column *c, int64_t repeat, int64_t width, const char *dim)
{
	const char *p = dim + (*dim == '(');
	int64_t n = 1;

	if (*dim == '(') {
		width = take_count(&p, 0);
		while (*p == ',') {
			const int64_t k = (p++, take_count(&p, 0));

			if (k <= 0 || k > repeat)
				return;
			n *= k;
			if (n > repeat)
				return;
		}
	} else if (width > 0) {
		n = repeat / width;
	}
	/* A shape that does not go into the cell is not believed. */
	if (width < 1 || width > repeat || n < 1 || n > repeat / width || (n == 1 && width != repeat))
		return;
	c->width = width;
	c->repeat = n;
}

/* Section 7.3.1: rT, rPT(max). */
static int parse_form(const char *form, const char *dim, struct cat_fits_column *c, struct cat_error *err)
{
	const char *p = form;
	int64_t repeat = take_count(&p, 1);
	const struct form *f;

	if (*p == 'P' || *p == 'Q') {
		c->array = *p;
		c->bytes = repeat * (*p == 'P' ? 8 : 16);
		if (repeat > 1)
			return cat_fail(err, CAT_E_DATA, "TFORM '%s': no more than one array in a cell", form);
		p++;
	}
	f = find_form(*p);
	if (!f || repeat < 0)
		return cat_fail(err, CAT_E_DATA, "TFORM '%s' is none of a binary table", form);
	c->form = f->letter;
	c->width = f->width;
	c->repeat = repeat;
	if (c->array)
		return CAT_OK;
	c->bytes = c->form == 'X' ? (repeat + 7) / 8 : repeat * f->width;
	if (c->form == 'A') {
		p++;
		c->width = repeat;
		c->repeat = repeat > 0;
		cut_text(c, repeat, take_count(&p, 0), dim);
	}
	return repeat > INT32_MAX ? cat_fail(err, CAT_E_UNSUPPORTED, "cells of %lld elements", (long long)repeat) : CAT_OK;
}

/* Section 7.2.1: Aw, Iw, Fw.d, Ew.d, Dw.d. */
static int parse_ascii_form(const struct said *said, struct cat_fits_column *c, struct cat_error *err)
{
	const char *p = said->form + 1;
	const int64_t width = said->form[0] ? take_count(&p, 0) : 0;
	int64_t decimals = 0;

	if (*p == '.') {
		p++;
		decimals = take_count(&p, 0);
	}
	if (!strchr("AIFED", said->form[0]) || width < 1 || width > INT32_MAX || decimals < 0 || decimals > 300)
		return cat_fail(err, CAT_E_DATA, "TFORM '%s' is none of an ASCII table", said->form);
	c->form = said->form[0] == 'E' || said->form[0] == 'D' ? 'F' : said->form[0];
	c->repeat = 1;
	c->width = c->bytes = width;
	c->decimals = (int)decimals;
	c->off_bytes = said->start - 1;
	memcpy(c->null_text, said->null_text, sizeof c->null_text);
	c->has_null = said->null_text[0] != '\0';
	return CAT_OK;
}

/* --- types --- */

/* Integers whose zero is the middle of the unsigned range, and no other scaling, are integers. */
static int parse_scale(const struct said *said, struct cat_fits_column *c, struct cat_error *err)
{
	const bool integer = strchr("BIJK", c->form) != NULL;
	const int bits = (int)c->width * 8;

	if (strchr("LXA", c->form) || (said->scale == 1 && said->zero == 0))
		return CAT_OK;
	if (c->form == 'C' || c->form == 'M')
		return cat_fail(err, CAT_E_UNSUPPORTED, "complex numbers with TSCAL or TZERO");
	if (integer && said->scale == 1 &&
	    said->zero == (c->form == 'B' ? -128.0 : (double)(UINT64_C(1) << (bits - 1)))) {
		c->flip = UINT64_C(1) << (bits - 1);
		return CAT_OK;
	}
	c->scaled = true;
	c->scale = said->scale;
	c->zero = said->zero;
	return CAT_OK;
}

static enum cat_type_id element_type(const struct cat_fits_table *t, const struct cat_fits_column *c)
{
	if (c->scaled)
		return CAT_T_F64;
	if (t->ascii)
		return c->form == 'A' ? CAT_T_UTF8 : c->form == 'F' ? CAT_T_F64 : c->width > 9 ? CAT_T_I64 : CAT_T_I32;
	switch (c->flip ? c->form : 0) {
	case 'B':
		return CAT_T_I8;
	case 'I':
		return CAT_T_U16;
	case 'J':
		return CAT_T_U32;
	case 'K':
		return CAT_T_U64;
	default:
		return find_form(c->form)->type;
	}
}

/* Makes F a list of what it is: WIDTH elements each, or (0) any number. */
static int wrap_list(struct cat_field *f, int64_t width, struct cat_error *err)
{
	struct cat_field item;

	CAT_TRY(cat_field_init(&item, "item", f->type.id, err));
	item.nchildren = f->nchildren;
	item.children = f->children;
	item.type = f->type;
	f->nchildren = 0;
	f->children = NULL;
	f->type = (struct cat_type){.id = width ? CAT_T_FIXED_LIST : CAT_T_LIST, .width = (int32_t)width};
	if (cat_field_children(f, 1, err) != CAT_OK) {
		cat_field_fini(&item);
		return (int)err->code;
	}
	f->children[0] = item;
	return CAT_OK;
}

/* The number that stands for NULL in a column of integers, so that a writer can choose the same; modulo
 * 2^64. */
static int keep_null(const struct cat_fits_column *c, struct cat_field *f, struct cat_error *err)
{
	const uint64_t bias = c->form == 'B' ? UINT64_MAX - 127 : c->flip;
	char text[CAT_NUMBER_MAX];

	if (!c->has_null || c->scaled || !strchr("BIJK", c->form))
		return CAT_OK;
	if (c->flip)
		cat_format_i64((int64_t)((uint64_t)c->null + bias), text);
	else
		cat_format_i64(c->null, text);
	return cat_kv_set(&f->meta, CAT_META_NULL, text, err);
}

static int make_field(const struct cat_fits_table *t, const struct cat_fits_column *c, const struct said *said,
                      struct cat_field *f, struct cat_error *err)
{
	f->nullable = true;
	f->type = (struct cat_type){.id = c->repeat == 0 && !c->array ? CAT_T_NULL : element_type(t, c)};
	if (c->form == 'A' && c->repeat == 0)
		f->type.id = CAT_T_UTF8;
	if (said->comment[0] && !cat_kv_get(&f->meta, CAT_META_DESCRIPTION))
		CAT_TRY(cat_kv_set(&f->meta, CAT_META_DESCRIPTION, said->comment, err));
	if (said->dim[0] && c->form != 'A' && c->repeat > 1)
		CAT_TRY(cat_kv_set(&f->meta, "tdim", said->dim, err));
	if (!t->ascii)
		CAT_TRY(keep_null(c, f, err));
	if (c->repeat == 0 && !c->array)
		return CAT_OK;
	if (c->form == 'C' || c->form == 'M')
		CAT_TRY(wrap_list(f, 2, err));
	if (c->array && c->form != 'A')
		return wrap_list(f, 0, err);
	return c->repeat > 1 ? wrap_list(f, c->repeat, err) : CAT_OK;
}

static int make_codec(const struct said *said, struct cat_fits_column *c, struct cat_error *err)
{
	static const char *const names[] = {"GZIP_1", "GZIP_2", "RICE_1", "NOCOMPRESS"};

	for (int i = 0; i < 4; i++)
		if (strcmp(said->codec, names[i]) == 0) {
			c->codec = (enum cat_fits_codec)i;
			if (i == CAT_FITS_RICE_1 && !strchr("BIJ", c->form))
				return cat_fail(err, CAT_E_DATA, "RICE_1 of a column that is not of integers");
			if (i == CAT_FITS_GZIP_2 && (c->form == 'C' || c->form == 'M'))
				return cat_fail(err, CAT_E_UNSUPPORTED, "GZIP_2 of complex numbers");
			return c->array ? cat_fail(err, CAT_E_UNSUPPORTED, "variable arrays in a compressed table")
			                : CAT_OK;
		}
	return cat_fail(err, CAT_E_UNSUPPORTED, "compression '%s'", said->codec);
}

static int make_column(struct cat_fits_table *t, struct said *said, struct cat_fits_column *c, struct cat_field *f,
                       struct cat_error *err)
{
	c->has_null = said->has_null;
	c->null = said->null;
	if (t->ascii) {
		CAT_TRY(parse_ascii_form(said, c, err));
	} else {
		CAT_TRY(parse_form(t->tiled ? said->zform : said->form, said->dim, c, err));
	}
	if (t->tiled) {
		struct cat_fits_column stored = {0};

		CAT_TRY(parse_form(said->form, "", &stored, err));
		if (!stored.array || stored.form != 'B' || stored.repeat != 1)
			return cat_fail(err, CAT_E_DATA, "TFORM '%s' of a compressed table", said->form);
		c->tile_array = stored.array;
		CAT_TRY(make_codec(said, c, err));
	}
	CAT_TRY(parse_scale(said, c, err));
	return make_field(t, c, said, f, err);
}

/* --- the table --- */

/* Columns stand side by side; those of ASCII tables where they say. */
static int place(struct cat_fits_table *t, const char *const *names, struct cat_error *err)
{
	int64_t at = 0, tile_at = 0;

	for (int i = 0; i < t->schema->nfields; i++) {
		struct cat_fits_column *c = &t->cols[i];

		if (t->ascii) {
			if (c->off_bytes < 0 || c->off_bytes > t->row_bytes || c->bytes > t->row_bytes - c->off_bytes)
				return cat_fail(err, CAT_E_DATA, "column %s lies outside the row", names[i]);
			continue;
		}
		c->off_bytes = at;
		c->tile_off_bytes = tile_at;
		at += c->bytes;
		tile_at += c->tile_array == 'P' ? 8 : 16;
		if (at > INT64_MAX / 4)
			return cat_fail(err, CAT_E_DATA, "impossible widths of columns");
	}
	if (!t->ascii && (t->tiled ? tile_at : at) != t->row_bytes)
		return cat_fail(err, CAT_E_DATA, "the columns have %lld bytes, NAXIS1 says %lld",
		                (long long)(t->tiled ? tile_at : at), (long long)t->row_bytes);
	return CAT_OK;
}

static bool is_taken(const struct cat_schema *s, int before, const char *name)
{
	for (int i = 0; i < before; i++)
		if (strcmp(s->fields[i].name, name) == 0)
			return true;
	return false;
}

/* A name that comes again gets _2, _3, ... */
static int make_names(struct cat_schema *s, struct cat_error *err)
{
	for (int i = 0; i < s->nfields; i++) {
		struct cat_field *f = &s->fields[i];
		char name[256];

		if (!is_taken(s, i, f->name))
			continue;
		for (int k = 2; k == 2 || is_taken(s, i, name); k++)
			snprintf(name, sizeof name, "%.240s_%d", f->name, k);
		CAT_TRY(cat_field_rename(f, name, err));
	}
	return CAT_OK;
}

struct extra {
	int64_t theap, ztilelen, znaxis2;
};

static int take_all(struct cat_fits_cards cards, int n, struct cat_fits_table *t, struct said *said,
                    struct extra *extra, struct cat_error *err)
{
	struct cat_fits_card c = {.text.max = (size_t)16 << 20};
	int rc = CAT_OK;

	while (rc == CAT_OK && cat_fits_card_next(&cards, &c)) {
		if (strcmp(c.key, "THEAP") == 0)
			(void)cat_fits_card_i64(&c, &extra->theap);
		else if (strcmp(c.key, "ZTILELEN") == 0)
			(void)cat_fits_card_i64(&c, &extra->ztilelen);
		else if (strcmp(c.key, "ZNAXIS2") == 0)
			(void)cat_fits_card_i64(&c, &extra->znaxis2);
		else
			rc = take_card(&c, n, t->schema->fields, said, err);
	}
	if (rc == CAT_OK)
		rc = cat_text_check(&c.text, err);
	cat_text_fini(&c.text);
	return rc;
}

static int place_heap(struct cat_fits_table *t, const struct extra *extra, struct cat_error *err)
{
	const int64_t end = t->heap_off + t->heap_bytes;

	if (extra->theap >= 0) {
		if (extra->theap < t->heap_off || extra->theap > end)
			return cat_fail(err, CAT_E_DATA, "THEAP %lld lies outside the heap", (long long)extra->theap);
		t->heap_bytes = end - extra->theap;
		t->heap_off = extra->theap;
	}
	t->behind = t->tiled;
	for (int i = 0; i < t->schema->nfields; i++)
		t->behind |= t->cols[i].array != 0;
	if (!t->tiled)
		return CAT_OK;
	t->nrows = extra->znaxis2;
	t->tile_rows = extra->ztilelen;
	if (t->nrows < 0 || t->tile_rows < 1 || t->tile_rows > INT32_MAX ||
	    t->stored_rows != t->nrows / t->tile_rows + (t->nrows % t->tile_rows > 0))
		return cat_fail(err, CAT_E_DATA, "ZNAXIS2 %lld, ZTILELEN %lld and NAXIS2 %lld contradict each other",
		                (long long)t->nrows, (long long)t->tile_rows, (long long)t->stored_rows);
	return CAT_OK;
}

static int understand(struct cat_fits_cards cards, int n, struct cat_fits_table *t, struct said *said,
                      const char **names, struct cat_error *err)
{
	struct extra extra = {.theap = -1, .znaxis2 = -1};

	for (int i = 0; i < n; i++) {
		char name[16];

		snprintf(name, sizeof name, "col%d", i + 1);
		CAT_TRY(cat_field_init(&t->schema->fields[i], name, CAT_T_NULL, err));
		said[i].scale = 1;
	}
	CAT_TRY(take_all(cards, n, t, said, &extra, err));
	CAT_TRY(make_names(t->schema, err));
	for (int i = 0; i < n; i++) {
		names[i] = t->schema->fields[i].name;
		if (make_column(t, &said[i], &t->cols[i], &t->schema->fields[i], err) != CAT_OK)
			return cat_wrap(err, "column %s", names[i]);
	}
	CAT_TRY(place(t, names, err));
	return place_heap(t, &extra, err);
}

int cat_fits_columns(struct cat_fits_cards cards, int n, struct cat_fits_table *t, struct cat_error *err)
{
	struct said *said = cat_calloc((size_t)n, sizeof *said);
	const char **names = cat_calloc((size_t)n, sizeof *names);
	int rc = CAT_OK;

	t->cols = cat_calloc((size_t)n, sizeof *t->cols);
	if (!said || !names || !t->cols)
		rc = cat_fail_mem(err, (size_t)n * sizeof *said);
	if (rc == CAT_OK)
		rc = cat_schema_new(n, &t->schema, err);
	if (rc == CAT_OK)
		rc = understand(cards, n, t, said, names, err);
	cat_free(said);
	cat_free(names);
	return rc;
}
