#include "formats/fits_header.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "formats/fits_card.h"
#include "formats/fits_columns.h"

#define HEADER_MAX ((size_t)16 << 20)
#define MAX_AXES 999

enum kind { IMAGE, TABLE, ASCII, COMPRESSED_IMAGE, OTHER };

/* What the structural keywords of one HDU say. */
struct hdu {
	enum kind kind;
	int64_t bitpix, naxis, naxis1, naxis2, pcount, gcount, tfields;
	int64_t elements; /* of all axes; random groups: but the first */
	bool groups, ztable, huge;
	char name[72];
	int64_t data_bytes;
};

int cat_fits_skip(struct cat_fits_stream *s, int64_t n, bool *at_end, struct cat_error *err)
{
	*at_end = false;
	if (s->reader->size >= 0) {
		*at_end = n > s->reader->size - s->pos;
		s->pos = *at_end ? s->reader->size : s->pos + n;
		return CAT_OK;
	}
	while (n > 0) {
		struct cat_buf *b;

		CAT_TRY(s->reader->ops->next(s->reader, n < 1 << 20 ? (size_t)n : (size_t)1 << 20, &b, err));
		if (!b) {
			*at_end = true;
			return CAT_OK;
		}
		s->pos += (int64_t)b->size;
		n -= (int64_t)b->size;
		cat_buf_unref(b);
	}
	return CAT_OK;
}

/* One block to the end of B; *AT_END: the file ends, in front of the block or in it. */
static int add_block(struct cat_fits_stream *s, struct cat_buf **b, bool *at_end, struct cat_error *err)
{
	const size_t have = *b ? (*b)->size : 0;
	struct cat_buf *block;

	*at_end = false;
	if (s->reader->size >= 0 && s->reader->size - s->pos < CAT_FITS_BLOCK) {
		*at_end = true;
		return CAT_OK;
	}
	CAT_TRY(cat_buf_resize(b, have + CAT_FITS_BLOCK, err));
	if (s->reader->size < 0) {
		CAT_TRY(cat_read_exact(s->reader, (*b)->data + have, CAT_FITS_BLOCK, at_end, err));
	} else {
		CAT_TRY(cat_read_range(s->reader, s->pos, CAT_FITS_BLOCK, &block, err));
		memcpy((*b)->data + have, block->data, CAT_FITS_BLOCK);
		cat_buf_unref(block);
	}
	s->pos += CAT_FITS_BLOCK;
	return CAT_OK;
}

/* Whether the file ends in the first block of a header. */
static int check_rest(struct cat_fits_stream *s, struct cat_error *err)
{
	struct cat_buf *rest;
	bool is_header;

	if (s->reader->size < s->pos + 8)
		return CAT_OK;
	CAT_TRY(cat_read_range(s->reader, s->pos, 8, &rest, err));
	is_header = memcmp(rest->data, "XTENSION", 8) == 0;
	cat_buf_unref(rest);
	return is_header ? cat_fail(err, CAT_E_DATA, "truncated in the FITS header that begins at byte %lld",
	                            (long long)s->pos)
	                 : CAT_OK;
}

/* Where END stands among the cards of a block, or -1. */
static int find_end(const char *block)
{
	for (int i = 0; i < CAT_FITS_BLOCK / CAT_FITS_CARD; i++)
		if (memcmp(block + i * CAT_FITS_CARD, "END     ", 8) == 0)
			return i;
	return -1;
}

/* The cards of one header; *OUT NULL: no further HDU. What follows the last HDU need not be one. */
static int read_header(struct cat_fits_stream *s, struct cat_buf **out, size_t *ncards, struct cat_error *err)
{
	const int64_t begin = s->pos;
	struct cat_buf *b = NULL;
	size_t blocks = 0;
	bool at_end;
	int rc, end;

	*out = NULL;
	while ((rc = add_block(s, &b, &at_end, err)) == CAT_OK && !at_end) {
		const char *block = (const char *)b->data + blocks++ * CAT_FITS_BLOCK;

		if (blocks == 1 && memcmp(block, begin == 0 ? "SIMPLE  =" : "XTENSION=", 9) != 0) {
			cat_buf_unref(b);
			return begin ? CAT_OK : cat_fail(err, CAT_E_DATA, "not FITS: it does not begin with SIMPLE");
		}
		end = find_end(block);
		if (end >= 0) {
			*ncards = (blocks - 1) * (CAT_FITS_BLOCK / CAT_FITS_CARD) + (size_t)end;
			*out = b;
			return CAT_OK;
		}
		if (b->size >= HEADER_MAX) {
			cat_buf_unref(b);
			return cat_fail(err, CAT_E_UNSUPPORTED, "a FITS header of more than %zu bytes", HEADER_MAX);
		}
	}
	cat_buf_unref(b);
	if (rc == CAT_OK && (blocks > 0 || begin == 0))
		return cat_fail(err, CAT_E_DATA, "truncated in the FITS header that begins at byte %lld",
		                (long long)begin);
	return rc == CAT_OK ? check_rest(s, err) : rc;
}

static bool yes(const struct cat_fits_card *c)
{
	return strcmp(c->raw, "T") == 0;
}

static void take_axis(struct hdu *h, const struct cat_fits_card *c)
{
	const long axis = strtol(c->key + 5, NULL, 10);
	int64_t n;

	if (!cat_fits_card_i64(c, &n) || n < 0) {
		h->huge = true;
		return;
	}
	if (axis == 1)
		h->naxis1 = n;
	if (axis == 2)
		h->naxis2 = n;
	if (axis < 1 || axis > h->naxis || (axis == 1 && n == 0))
		return;
	h->huge |= __builtin_mul_overflow(h->elements, n, &h->elements);
}

static void take_structure(struct hdu *h, const struct cat_fits_card *c)
{
	static const struct {
		const char *key;
		size_t off;
	} numbers[] = {{"BITPIX", offsetof(struct hdu, bitpix)}, {"NAXIS", offsetof(struct hdu, naxis)},
	               {"PCOUNT", offsetof(struct hdu, pcount)}, {"GCOUNT", offsetof(struct hdu, gcount)},
	               {"TFIELDS", offsetof(struct hdu, tfields)}};

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (strcmp(c->key, numbers[i].key) == 0)
			h->huge |= !cat_fits_card_i64(c, (int64_t *)(void *)((char *)h + numbers[i].off));
	if (strncmp(c->key, "NAXIS", 5) == 0 && c->key[5])
		take_axis(h, c);
	else if (strcmp(c->key, "GROUPS") == 0)
		h->groups = yes(c);
	else if (strcmp(c->key, "ZIMAGE") == 0 && yes(c))
		h->kind = COMPRESSED_IMAGE;
	else if (strcmp(c->key, "ZTABLE") == 0)
		h->ztable = yes(c);
	else if (strcmp(c->key, "EXTNAME") == 0 && c->text.s)
		strncpy(h->name, c->text.s, sizeof h->name - 1);
	else if (strcmp(c->key, "XTENSION") == 0 && c->text.s)
		h->kind = strcmp(c->text.s, "BINTABLE") == 0 || strcmp(c->text.s, "A3DTABLE") == 0 ? TABLE
		          : strcmp(c->text.s, "TABLE") == 0                                        ? ASCII
		          : strcmp(c->text.s, "IMAGE") == 0                                        ? IMAGE
		                                                                                   : OTHER;
}

/* Section 4.4.1: what an HDU is, and how many bytes its data have. */
static int read_structure(struct cat_fits_cards cards, struct hdu *h, struct cat_error *err)
{
	struct cat_fits_card card = {.text.max = HEADER_MAX};
	bool zeroes = false;
	int64_t n;
	int rc;

	*h = (struct hdu){.gcount = 1, .elements = 1};
	while (cat_fits_card_next(&cards, &card)) {
		take_structure(h, &card);
		zeroes |= strncmp(card.key, "NAXIS", 5) == 0 && card.key[5] && strcmp(card.raw, "0") == 0;
	}
	rc = cat_text_check(&card.text, err);
	cat_text_fini(&card.text);
	CAT_TRY(rc);
	if (h->naxis < 0 || h->naxis > MAX_AXES || h->pcount < 0 || h->gcount < 0)
		h->huge = true;
	/* An axis of no length means no data, but for random groups, whose first is 0. */
	if (h->naxis == 0 || (zeroes && !h->groups))
		h->elements = 0;
	n = h->elements;
	h->huge |= __builtin_add_overflow(n, h->pcount, &n) || __builtin_mul_overflow(n, h->gcount, &n) ||
	           h->bitpix < -64 || h->bitpix > 64 ||
	           __builtin_mul_overflow(n, (h->bitpix < 0 ? -h->bitpix : h->bitpix) / 8, &n) || n > INT64_MAX / 2;
	if (h->huge)
		return cat_fail(err, CAT_E_DATA, "impossible BITPIX, NAXIS, PCOUNT or GCOUNT");
	h->data_bytes = n;
	return CAT_OK;
}

static int table_of(const struct hdu *h, struct cat_fits_cards cards, struct cat_fits_table *t, struct cat_error *err)
{
	int64_t rows_bytes;

	if (h->bitpix != 8 || h->naxis != 2 || h->gcount != 1)
		return cat_fail(err, CAT_E_DATA, "a table with BITPIX %lld, NAXIS %lld, GCOUNT %lld",
		                (long long)h->bitpix, (long long)h->naxis, (long long)h->gcount);
	if (h->tfields < 1 || h->tfields > 999)
		return cat_fail(err, CAT_E_DATA, "a table with TFIELDS %lld: 1 to 999 are possible", (long long)h->tfields);
	if (h->naxis1 == 0 && h->naxis2 > 0)
		return cat_fail(err, CAT_E_UNSUPPORTED, "a table whose rows have no bytes");
	t->row_bytes = h->naxis1;
	t->stored_rows = t->nrows = h->naxis2;
	t->ascii = h->kind == ASCII;
	t->tiled = h->ztable && h->kind == TABLE;
	if (__builtin_mul_overflow(h->naxis1, h->naxis2, &rows_bytes))
		return cat_fail(err, CAT_E_DATA, "impossible NAXIS1 and NAXIS2");
	t->heap_off = rows_bytes;
	t->heap_bytes = h->pcount;
	return cat_fits_columns(cards, (int)h->tfields, t, err);
}

static bool is_wanted(const char *hdu, int64_t number, int index, const struct hdu *h)
{
	if (!hdu)
		return h->kind == TABLE || h->kind == ASCII;
	return number >= 0 ? number == index : cat_equal_nocase(hdu, h->name);
}

static int not_found(const char *hdu, int count, const char *nearest, bool compressed, struct cat_error *err)
{
	if (hdu)
		return cat_fail(err, CAT_E_USAGE, "no HDU '%s' among the %d of the file%s%s", hdu, count,
		                nearest[0] ? "; nearest: " : "", nearest);
	return cat_fail(err, CAT_E_DATA, "no table in it: %d HDU%s, %s", count, count == 1 ? "" : "s",
	                compressed ? "images and compressed images" : "all images");
}

int cat_fits_find(struct cat_fits_stream *s, const char *hdu, struct cat_fits_table *t, struct cat_error *err)
{
	struct cat_nearest near = {.want = hdu ? hdu : ""};
	char best[72] = "";
	bool compressed = false, at_end = false;
	int64_t number = -1;
	int index = 0;

	if (hdu && !cat_parse_i64(hdu, strlen(hdu), &number))
		number = -1;
	for (; !at_end; index++) {
		struct cat_fits_cards cards = {0};
		struct cat_buf *b;
		struct hdu h;
		bool found;
		int rc;

		CAT_TRY(read_header(s, &b, &cards.n, err));
		if (!b)
			break;
		cards.s = (const char *)b->data;
		rc = read_structure(cards, &h, err);
		found = rc == CAT_OK && is_wanted(hdu, number, index, &h);
		if (found && h.kind != TABLE && h.kind != ASCII)
			rc = cat_fail(err, CAT_E_DATA, "it is no table but %s",
			              h.kind == OTHER ? "of a type unknown here" : "an image");
		else if (found)
			rc = table_of(&h, cards, t, err);
		cat_buf_unref(b);
		if (rc != CAT_OK)
			return cat_wrap(err, "HDU %d%s%s", index, h.name[0] ? " " : "", h.name);
		if (found)
			return CAT_OK;
		compressed |= h.kind == COMPRESSED_IMAGE;
		cat_nearest_offer(&near, h.name);
		if (near.name == h.name) {
			memcpy(best, h.name, sizeof best);
			near.name = best;
		}
		CAT_TRY(cat_fits_skip(s, h.data_bytes, &at_end, err));
		if (at_end)
			return cat_fail(err, CAT_E_DATA, "truncated in the data of HDU %d", index);
		CAT_TRY(cat_fits_skip(s, (CAT_FITS_BLOCK - h.data_bytes % CAT_FITS_BLOCK) % CAT_FITS_BLOCK, &at_end, err));
	}
	return not_found(hdu, index, best, compressed, err);
}

void cat_fits_table_fini(struct cat_fits_table *t)
{
	cat_schema_unref(t->schema);
	cat_free(t->cols);
	*t = (struct cat_fits_table){0};
}
