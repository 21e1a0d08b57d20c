#include <inttypes.h>
#include <string.h>

#include "sky/healpix.h"
#include "sky/moc.h"

#define BLOCK 2880
#define CARD 80

/* --- reading --- */

/* What matters of one header. */
struct header {
	bool table; /* a binary table extension */
	int64_t bitpix, naxis, naxis1, naxis2, pcount, tfields;
	char tform[16], ordering[16], coordsys[16], dim[16];
	int64_t order;
	size_t size_bytes; /* of the header itself */
};

/* The string value at S (FITS 4.0, section 4.2.1), cut to fit. */
static void card_text(const char *s, const char *end, char *out, size_t size)
{
	size_t n = 0;

	while (s < end && *s == ' ')
		s++;
	if (s == end || *s != '\'')
		return;
	for (s++; s < end && *s != '\''; s++)
		if (n + 1 < size)
			out[n++] = *s;
	while (n && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
}

/* The integer value at S, or -1, which no field here may be. */
static int64_t card_int(const char *s, const char *end)
{
	const char *from;
	int64_t v;

	while (s < end && *s == ' ')
		s++;
	for (from = s; s < end && *s != ' ' && *s != '/'; s++)
		;
	return cat_parse_i64(from, (size_t)(s - from), &v) ? v : -1;
}

static void read_card(const char *card, struct header *h)
{
	const struct {
		const char *key;
		int64_t *number;
		char *text;
	} fields[] = {
		{"BITPIX  ", &h->bitpix, NULL},  {"NAXIS   ", &h->naxis, NULL},   {"NAXIS1  ", &h->naxis1, NULL},
		{"NAXIS2  ", &h->naxis2, NULL},  {"PCOUNT  ", &h->pcount, NULL},  {"TFIELDS ", &h->tfields, NULL},
		{"MOCORDER", &h->order, NULL},   {"MOCORD_S", &h->order, NULL},   {"TFORM1  ", NULL, h->tform},
		{"ORDERING", NULL, h->ordering}, {"COORDSYS", NULL, h->coordsys}, {"MOCDIM  ", NULL, h->dim},
	};

	if (memcmp(card + 8, "= ", 2) != 0)
		return;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		if (memcmp(card, fields[i].key, 8) != 0)
			continue;
		if (fields[i].number)
			*fields[i].number = card_int(card + 10, card + CARD);
		else
			card_text(card + 10, card + CARD, fields[i].text, sizeof h->tform);
	}
}

static int read_header(const uint8_t *data, size_t size, struct header *h, struct cat_error *err)
{
	memset(h, 0, sizeof *h);
	h->order = -1;
	h->table = size >= CARD && memcmp(data, "XTENSION= 'BINTABLE'", 20) == 0;
	for (size_t at = 0; at + CARD <= size; at += CARD) {
		const char *card = (const char *)data + at;

		if (memcmp(card, "END     ", 8) == 0) {
			h->size_bytes = (at / BLOCK + 1) * BLOCK;
			return CAT_OK;
		}
		read_card(card, h);
	}
	return cat_fail(err, CAT_E_DATA, "a FITS header without END");
}

/* Bytes of the data behind a header, without padding; false when they cannot be. */
static bool data_bytes(const struct header *h, size_t limit, size_t *out)
{
	const int64_t width = h->bitpix < 0 ? -h->bitpix / 8 : h->bitpix / 8;
	int64_t n;

	*out = 0;
	if (h->naxis == 0)
		return true;
	if (h->naxis < 1 || h->naxis > 2 || h->naxis1 < 0 || h->naxis2 < 0 || h->pcount < 0 || width < 1)
		return false;
	if (__builtin_mul_overflow(h->naxis1, h->naxis == 2 ? h->naxis2 : 1, &n) ||
	    __builtin_add_overflow(n, h->pcount, &n) || __builtin_mul_overflow(n, width, &n) || n < 0 ||
	    (uint64_t)n > limit)
		return false;
	*out = (size_t)n;
	return true;
}

/* Cell NUNIQ = 4^(order + 1) + cell: MOC 2.0, section 4.3.2. */
static int add_uniq(uint64_t uniq, struct cat_moc *out, struct cat_error *err)
{
	uint64_t order, cell;

	if (uniq < 4)
		return cat_fail(err, CAT_E_DATA, "%" PRIu64 " is not a cell", uniq);
	order = (uint64_t)(63 - __builtin_clzll(uniq)) / 2 - 1;
	cell = uniq - (UINT64_C(4) << 2 * order);
	return cat_moc_add_cell(out, order, cell, cell, err);
}

static uint64_t big_endian(const uint8_t *p, size_t width)
{
	uint64_t v = 0;

	for (size_t i = 0; i < width; i++)
		v = v << 8 | p[i];
	return v;
}

static int read_rows(const struct header *h, const uint8_t *data, struct cat_moc *out, struct cat_error *err)
{
	const bool range = strcmp(h->ordering, "RANGE") == 0;
	const size_t width = (size_t)h->naxis1;

	if (range && h->naxis2 % 2)
		return cat_fail(err, CAT_E_DATA, "an odd number of range bounds");
	for (int64_t i = 0; i < h->naxis2; i += range ? 2 : 1) {
		const uint64_t v = big_endian(data + (size_t)i * width, width);
		int rc;

		if (range) {
			const uint64_t end = big_endian(data + (size_t)(i + 1) * width, width);

			rc = v < end ? cat_moc_add_cell(out, CAT_HPX_ORDER_MAX, v, end - 1, err)
			             : cat_fail(err, CAT_E_DATA, "a range that ends before it begins");
		} else {
			rc = add_uniq(v, out, err);
		}
		if (rc != CAT_OK)
			return cat_wrap(err, "row %" PRId64, i + 1);
	}
	/* Bounds of ranges are at order 29 whatever the map's own order is; cells say theirs. */
	if (range || h->order > out->order)
		out->order = h->order > 0 ? (int)h->order : 0;
	return CAT_OK;
}

static int check_table(const struct header *h, struct cat_error *err)
{
	const bool range = strcmp(h->ordering, "RANGE") == 0, uniq = strcmp(h->ordering, "NUNIQ") == 0;
	const char *form = h->tform[0] == '1' ? h->tform + 1 : h->tform;
	const bool wide = strcmp(form, "K") == 0;

	if (h->dim[0] && strcmp(h->dim, "SPACE") != 0)
		return cat_fail(err, CAT_E_UNSUPPORTED, "a coverage map of %s", h->dim);
	if (h->coordsys[0] && strcmp(h->coordsys, "C") != 0)
		return cat_fail(err, CAT_E_UNSUPPORTED, "a coverage map in coordinates %s; C (ICRS) is read",
		                h->coordsys);
	if (!range && !uniq)
		return cat_fail(err, CAT_E_DATA, "not a coverage map: ORDERING is '%s'", h->ordering);
	if (!wide && (range || strcmp(form, "J") != 0))
		return cat_fail(err, CAT_E_UNSUPPORTED, "a coverage map with TFORM1 '%s'", h->tform);
	if (h->bitpix != 8 || h->naxis != 2 || h->tfields != 1 || h->naxis1 != (wide ? 8 : 4))
		return cat_fail(err, CAT_E_DATA, "not a coverage map: a table of one integer column is needed");
	if (h->order > CAT_HPX_ORDER_MAX)
		return cat_fail(err, CAT_E_DATA, "order %" PRId64 " in a coverage map; 29 is the finest",
		                h->order);
	return CAT_OK;
}

int cat_moc_read_fits(const uint8_t *data, size_t size, struct cat_moc *out, struct cat_error *err)
{
	size_t at = 0;

	for (int hdu = 0; at < size; hdu++) {
		struct header h;
		size_t bytes;

		CAT_TRY(read_header(data + at, size - at, &h, err));
		if (hdu > 0 && h.table)
			CAT_TRY(check_table(&h, err));
		/* The padding behind the last header may be missing: then so is the data. */
		if (h.size_bytes > size - at || !data_bytes(&h, size - at - h.size_bytes, &bytes))
			return cat_fail(err, CAT_E_DATA, "truncated, or a header that contradicts itself");
		at += h.size_bytes;
		if (hdu > 0 && h.table)
			return read_rows(&h, data + at, out, err);
		bytes = (bytes + BLOCK - 1) / BLOCK * BLOCK;
		at = bytes < size - at ? at + bytes : size;
	}
	return cat_fail(err, CAT_E_DATA, "not a coverage map: no binary table");
}

/* --- writing --- */

static void card(struct cat_text *out, const char *text)
{
	cat_text_addf(out, "%-80s", text);
}

static void card_number(struct cat_text *out, const char *key, int64_t value)
{
	cat_text_addf(out, "%-8s= %20" PRId64 "%50s", key, value, "");
}

static void pad(struct cat_text *out, size_t from, char c)
{
	while ((out->len - from) % BLOCK && !out->failed)
		cat_text_addc(out, c);
}

static void put_big_endian(struct cat_text *out, uint64_t v)
{
	char b[8];

	for (int i = 0; i < 8; i++)
		b[i] = (char)(v >> (56 - 8 * i));
	cat_text_addn(out, b, sizeof b);
}

static void count_cell(void *arg, int order, int64_t cell)
{
	(void)order;
	(void)cell;
	++*(int64_t *)arg;
}

static void put_uniq(void *arg, int order, int64_t cell)
{
	put_big_endian(arg, (UINT64_C(4) << 2 * order) + (uint64_t)cell);
}

int cat_moc_write_fits(const struct cat_moc *m, bool ranges, struct cat_text *out, struct cat_error *err)
{
	const size_t start = out->len;
	int64_t rows = 2 * m->n;

	if (!ranges) {
		rows = 0;
		CAT_TRY(cat_moc_each_cell(m, count_cell, &rows, err));
	}
	card(out, "SIMPLE  =                    T");
	card_number(out, "BITPIX", 8);
	card_number(out, "NAXIS", 0);
	card(out, "EXTEND  =                    T");
	card(out, "END");
	pad(out, start, ' ');
	card(out, "XTENSION= 'BINTABLE'");
	card_number(out, "BITPIX", 8);
	card_number(out, "NAXIS", 2);
	card_number(out, "NAXIS1", 8);
	card_number(out, "NAXIS2", rows);
	card_number(out, "PCOUNT", 0);
	card_number(out, "GCOUNT", 1);
	card_number(out, "TFIELDS", 1);
	card(out, "TFORM1  = '1K      '");
	card(out, ranges ? "TTYPE1  = 'RANGE   '" : "TTYPE1  = 'UNIQ    '");
	card(out, "PIXTYPE = 'HEALPIX '");
	card(out, ranges ? "ORDERING= 'RANGE   '" : "ORDERING= 'NUNIQ   '");
	card(out, "COORDSYS= 'C       '");
	card(out, "MOCVERS = '2.0     '");
	card(out, "MOCDIM  = 'SPACE   '");
	card_number(out, "MOCORD_S", m->order);
	if (!ranges)
		card_number(out, "MOCORDER", m->order);
	card(out, "END");
	pad(out, start, ' ');
	for (int64_t i = 0; ranges && i < m->n; i++) {
		put_big_endian(out, (uint64_t)m->at[i].lo);
		put_big_endian(out, (uint64_t)m->at[i].hi);
	}
	if (!ranges)
		CAT_TRY(cat_moc_each_cell(m, put_uniq, out, err));
	pad(out, start, '\0');
	return cat_text_check(out, err);
}
