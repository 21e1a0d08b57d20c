#include "formats/parquet_decode.h"

#include <string.h>

#include "base/alloc.h"
#include "formats/rle_bp.h"

/* Levels of a page that has few nulls or none take no more than that, or than the nulls leave of its values. */
#define LEVEL_BYTES 64
/* Buffers of that size are not kept for less than half of what is in them. */
#define FIT_BYTES ((size_t)1 << 20)

struct decode {
	const struct cat_pq_input *in;
	struct cat_pq_pages pages;
	struct cat_pq_scratch *scratch;
	struct cat_pq_data *d;
};

static int value_width(const struct cat_pq_leaf *leaf)
{
	if (leaf->conv == CAT_PQ_BITS)
		return 1;
	return leaf->conv == CAT_PQ_TEXT ? 0 : cat_type_bytes(&leaf->out);
}

/* Levels of BIT_PACKED pages: most significant bit first. */
static void unpack_msb(struct cat_span s, int width, uint8_t *out, int64_t n)
{
	for (int64_t i = 0; i < n; i++) {
		unsigned v = 0;

		for (int64_t bit = i * width; bit < (i + 1) * width; bit++)
			v = v << 1 | ((unsigned)s.p[bit >> 3] >> (7 - (bit & 7)) & 1);
		out[i] = (uint8_t)v;
	}
}

/* N levels up to MAX to OUT. */
static int read_levels(const struct cat_pq_page_header *h, int encoding, struct cat_span s, int max, uint8_t *out,
                       struct cat_error *err)
{
	const int width = cat_bits_width((uint64_t)max);
	struct cat_rle rle;
	int top = 0;

	if (max == 0) {
		memset(out, 0, (size_t)h->nvalues);
		return CAT_OK;
	}
	if (h->type == CAT_PQ_DATA && encoding == CAT_PQ_BIT_PACKED) {
		unpack_msb(s, width, out, h->nvalues);
	} else {
		cat_rle_init(&rle, s.p, s.n, width);
		if (!cat_rle_u8(&rle, out, h->nvalues))
			return cat_fail(err, CAT_E_DATA, "malformed levels");
	}
	for (int64_t i = 0; i < h->nvalues; i++)
		top = out[i] > top ? out[i] : top;
	if (top > max)
		return cat_fail(err, CAT_E_DATA, "a level of %d where the schema allows %d", top, max);
	return CAT_OK;
}

/* A buffer of exactly SIZE bytes in use, zeroed where new. */
static int grow_zeroed(struct cat_buf **b, size_t size, struct cat_error *err)
{
	const size_t have = *b ? (*b)->size : 0;

	if (size <= have)
		return CAT_OK;
	CAT_TRY(cat_buf_resize(b, size, err));
	memset((*b)->data + have, 0, size - have);
	return CAT_OK;
}

/* Validity of a page of a bare column from bit nslots on; *VALID counts. */
static int bare_levels(struct decode *c, const struct cat_pq_page *page, int64_t *valid, struct cat_error *err)
{
	struct cat_pq_data *d = c->d;
	const int64_t n = page->h.nvalues, at = d->nslots;
	struct cat_rle rle;
	int rc = CAT_OK;

	*valid = n;
	if (d->leaf->max_def == 0 || n == 0)
		return CAT_OK;
	cat_rle_init(&rle, page->def.p, page->def.n, 1);
	if (page->h.type == CAT_PQ_DATA && page->h.def_encoding == CAT_PQ_BIT_PACKED) {
		uint8_t *bytes = cat_malloc((size_t)n);

		if (!bytes)
			return cat_fail_mem(err, (size_t)n);
		unpack_msb(page->def, 1, bytes, n);
		rc = grow_zeroed(&d->validity, (size_t)(at + n + 7) / 8, err);
		*valid = 0;
		for (int64_t i = 0; rc == CAT_OK && i < n; i++) {
			*valid += bytes[i];
			d->validity->data[(at + i) >> 3] |= (uint8_t)(bytes[i] << ((at + i) & 7));
		}
		cat_free(bytes);
	} else if (d->validity || !cat_rle_all(&rle, 1, n)) {
		const bool first = !d->validity;

		CAT_TRY(grow_zeroed(&d->validity, (size_t)(at + n + 7) / 8, err));
		if (first) {
			memset(d->validity->data, 0xff, (size_t)at / 8);
			for (int64_t i = at & ~(int64_t)7; i < at; i++)
				cat_bit_set(d->validity->data, i);
		}
		if (!cat_rle_bits(&rle, d->validity->data, at, n, valid))
			return cat_fail(err, CAT_E_DATA, "malformed levels");
	}
	d->nulls += n - *valid;
	return rc;
}

/* Which of the N values of a page that begins at slot AT and row ROW belong to the rows wanted. */
static struct cat_stretch wanted_values(const struct decode *c, int64_t at, int64_t row, int64_t slots, int64_t n)
{
	const struct cat_pq_data *d = c->d;
	struct cat_stretch w = {0, 0};

	if (d->bare && !d->validity) {
		w.begin = c->in->row_begin - row;
		w.end = c->in->row_end - row;
	} else if (d->bare) {
		for (int64_t i = 0; i < slots && row + i < c->in->row_end; i++) {
			const bool valid = cat_bit_get(d->validity->data, at + i);

			w.begin += valid && row + i < c->in->row_begin;
			w.end += valid;
		}
	} else {
		row--;
		for (int64_t i = at; i < at + slots; i++) {
			const bool valid = d->def->data[i] == d->leaf->max_def;

			row += d->rep->data[i] == 0;
			w.begin += valid && row < c->in->row_begin;
			w.end += valid && row < c->in->row_end;
		}
	}
	w.begin = w.begin > 0 ? w.begin : 0;
	w.end = w.end < n ? w.end : n;
	w.begin = w.begin < w.end ? w.begin : w.end;
	return w;
}

/* Levels of a page of any other column; *VALUES is how many values belong to them. */
static int nested_levels(struct decode *c, const struct cat_pq_page *page, int64_t *values, struct cat_error *err)
{
	struct cat_pq_data *d = c->d;
	const struct cat_pq_leaf *leaf = d->leaf;
	const struct cat_pq_page_header *h = &page->h;
	const size_t size = (size_t)(d->nslots + h->nvalues);
	int64_t rows = 0, full = 0;
	uint8_t *def, *rep;

	CAT_TRY(cat_buf_resize(&d->def, size, err));
	CAT_TRY(cat_buf_resize(&d->rep, size, err));
	def = d->def->data + d->nslots;
	rep = d->rep->data + d->nslots;
	CAT_TRY(read_levels(h, h->rep_encoding, page->rep, leaf->max_rep, rep, err));
	CAT_TRY(read_levels(h, h->def_encoding, page->def, leaf->max_def, def, err));
	for (int64_t i = 0; i < h->nvalues; i++) {
		rows += rep[i] == 0;
		full += def[i] == leaf->max_def;
	}
	if (d->nslots == 0 && h->nvalues > 0 && rep[0] != 0)
		return cat_fail(err, CAT_E_DATA, "the first row begins inside a list");
	d->nrows += rows;
	*values = full;
	return CAT_OK;
}

static int dictionary(struct decode *c, struct cat_pq_page *page, struct cat_error *err)
{
	struct cat_pq_data *d = c->d;

	if (d->ndict >= 0)
		return cat_fail(err, CAT_E_DATA, "two dictionaries in one column chunk");
	if (page->h.encoding != CAT_PQ_PLAIN && page->h.encoding != CAT_PQ_PLAIN_DICTIONARY)
		return cat_fail(err, CAT_E_DATA, "encoding %d is not known for a dictionary", page->h.encoding);
	CAT_TRY(cat_pq_page_open(&c->pages, page, &c->scratch->page, 0, err));
	CAT_TRY(cat_pq_read_values(d, CAT_PQ_PLAIN, page->values, page->h.nvalues, true, c->scratch, err));
	d->ndict = page->h.nvalues;
	return CAT_OK;
}

/* Runs of levels are the only memory that bytes read do not bound: so many values in so few are an attack. */
static int check_count(const struct decode *c, int64_t n, struct cat_error *err)
{
	const int64_t limit = (1 << 24) + (int64_t)c->in->pages.n * 8192;

	if (n > INT32_MAX - c->d->nslots || n > limit - c->d->nslots)
		return cat_fail(err, CAT_E_UNSUPPORTED, "%lld values in a column chunk of %zu bytes",
		                (long long)(n + c->d->nslots), c->in->pages.n);
	return CAT_OK;
}

/* Whether a page may be decompressed to where its values belong: they are stored as the column has them, and the
 * memory reserved takes the page's levels as well. */
static bool in_place(const struct cat_pq_data *d, const struct cat_pq_page_header *h)
{
	return d->leaf->conv == CAT_PQ_SAME && h->encoding == CAT_PQ_PLAIN && d->values && h->raw_size > 0 &&
	       (uint64_t)d->nvalues * (uint64_t)d->width + (uint64_t)h->raw_size <= d->values->capacity;
}

static int data_page(struct decode *c, struct cat_pq_page *page, struct cat_error *err)
{
	struct cat_pq_data *d = c->d;
	const int64_t n = page->h.nvalues, row = d->first_row + d->nrows;
	int64_t values, end;

	CAT_TRY(check_count(c, n, err));
	if (in_place(d, &page->h))
		CAT_TRY(cat_pq_page_open(&c->pages, page, &d->values, (size_t)(d->nvalues * d->width), err));
	else
		CAT_TRY(cat_pq_page_open(&c->pages, page, &c->scratch->page, 0, err));
	if (d->bare)
		CAT_TRY(bare_levels(c, page, &values, err));
	else
		CAT_TRY(nested_levels(c, page, &values, err));
	end = d->bare ? row + n : d->first_row + d->nrows;
	d->want = (struct cat_stretch){0, values};
	/* Only texts can be far longer than what they are stored as. */
	if (d->width == 0 && (row < c->in->row_begin || end > c->in->row_end))
		d->want = wanted_values(c, d->nslots, row, n, values);
	if (d->leaf->conv != CAT_PQ_ALL_NULL && values > 0)
		CAT_TRY(cat_pq_read_values(d, page->h.encoding, page->values, values, false, c->scratch, err));
	if (d->text.beyond)
		return CAT_OK;
	if (d->bare && d->leaf->conv != CAT_PQ_ALL_NULL && values < n)
		CAT_TRY(cat_pq_spread(d, d->validity->data, d->nslots, n, values, err));
	d->nslots += n;
	if (d->bare)
		d->nrows = d->nslots;
	return CAT_OK;
}

/* One allocation for all rows when the column is plain and the size is nothing that a lie could blow up. */
static int reserve(struct cat_pq_data *d, const struct cat_pq_input *in, struct cat_error *err)
{
	const int64_t rows = in->row_end - in->row_begin;

	if (!d->bare) {
		CAT_TRY(cat_buf_new(0, &d->def, err));
		return cat_buf_new(0, &d->rep, err);
	}
	if (d->width == 0 || rows <= 0 || rows > (1 << 24) / d->width)
		return CAT_OK;
	return cat_buf_new((size_t)rows * (size_t)d->width + (d->leaf->max_def ? LEVEL_BYTES : 0), &d->values, err);
}

/* The first entry of row ROW, counted from the first one decoded; *VALUES is how many values come before it. */
static int64_t find_row(const struct cat_pq_data *d, int64_t row, int64_t *values)
{
	int64_t i = 0;

	*values = 0;
	for (; i < d->nslots; i++) {
		if (d->rep->data[i] == 0 && row-- == 0)
			break;
		*values += d->def->data[i] == d->leaf->max_def;
	}
	return i;
}

/* The first SIZE bytes of *B without the room behind them, where that is much. */
static int fit(struct cat_buf **b, size_t size, struct cat_error *err)
{
	struct cat_buf *less;

	if ((*b)->capacity < FIT_BYTES || size > (*b)->capacity / 2)
		return CAT_OK;
	CAT_TRY(cat_buf_copy((*b)->data, size, &less, err));
	cat_buf_unref(*b);
	*b = less;
	return CAT_OK;
}

/* Leaves of one column come in pages of their own: each is cut to exactly the rows [BEGIN, END). */
static int trim(struct cat_pq_data *d, int64_t begin, int64_t end, struct cat_error *err)
{
	int64_t v0, v1;
	const int64_t e0 = find_row(d, begin - d->first_row, &v0), e1 = find_row(d, end - d->first_row, &v1);

	d->nslots = e1 - e0;
	memmove(d->def->data, d->def->data + e0, (size_t)d->nslots);
	memmove(d->rep->data, d->rep->data + e0, (size_t)d->nslots);
	d->first_row = begin;
	d->nrows = end - begin;
	CAT_TRY(fit(&d->def, (size_t)d->nslots, err));
	CAT_TRY(fit(&d->rep, (size_t)d->nslots, err));
	if (d->nvalues == 0)
		return CAT_OK;
	d->nvalues = v1 - v0;
	if (d->width) {
		memmove(d->values->data, d->values->data + v0 * d->width, (size_t)(d->nvalues * d->width));
		CAT_TRY(fit(&d->values, (size_t)(d->nvalues * d->width), err));
	} else {
		memmove(d->text.offsets->data, d->text.offsets->data + (size_t)v0 * sizeof(int32_t),
		        (size_t)(d->nvalues + 1) * sizeof(int32_t));
		d->text.n = d->nvalues;
	}
	return CAT_OK;
}

static int walk(struct decode *c, struct cat_error *err)
{
	struct cat_pq_data *d = c->d;
	const struct cat_pq_input *in = c->in;
	const bool flat = d->leaf->max_rep == 0;
	int64_t seen = 0, passed = in->first_row;
	struct cat_pq_page page;
	bool found;

	d->first_row = in->first_row;
	while (c->pages.p < c->pages.end && (in->nvalues < 0 || seen < in->nvalues)) {
		CAT_TRY(cat_pq_page_next(&c->pages, &page, &found, err));
		if (!found)
			break;
		if (page.h.type == CAT_PQ_DICTIONARY) {
			CAT_TRY(dictionary(c, &page, err));
			continue;
		}
		seen += page.h.nvalues;
		if (flat && passed + page.h.nvalues <= in->row_begin && d->nslots == 0) {
			passed += page.h.nvalues;
			d->first_row = passed;
			continue;
		}
		CAT_TRY(data_page(c, &page, err));
		if (d->text.beyond)
			return CAT_OK;
		passed += page.h.nvalues;
		if (flat && passed >= in->row_end)
			break;
	}
	if (d->first_row + d->nrows < in->row_end)
		return cat_fail(err, CAT_E_DATA, "the column chunk ends after %lld of %lld rows",
		                (long long)(d->first_row + d->nrows), (long long)in->row_end);
	if (!d->bare && (d->first_row < in->row_begin || d->first_row + d->nrows > in->row_end))
		return trim(d, in->row_begin, in->row_end, err);
	return CAT_OK;
}

int cat_pq_decode_leaf(const struct cat_pq_leaf *leaf, const struct cat_pq_input *in, bool bare,
                       struct cat_pq_scratch *scratch, struct cat_pq_data *d, struct cat_error *err)
{
	struct decode c = {.in = in, .scratch = scratch, .d = d};

	memset(d, 0, sizeof *d);
	d->leaf = leaf;
	d->bare = bare;
	d->width = value_width(leaf);
	d->ndict = -1;
	d->text.max = in->max_text_bytes;
	if (leaf->conv == CAT_PQ_REFUSED)
		return cat_fail(err, CAT_E_UNSUPPORTED, "decimals of more than 38 digits are not supported");
	CAT_TRY(reserve(d, in, err));
	c.pages = (struct cat_pq_pages){leaf, in->codec, in->check_crc, in->dict.p, NULL, scratch};
	if (in->dict.n) {
		struct cat_pq_page page;
		bool found;

		c.pages.end = in->dict.p + in->dict.n;
		CAT_TRY(cat_pq_page_next(&c.pages, &page, &found, err));
		if (found && page.h.type == CAT_PQ_DICTIONARY)
			CAT_TRY(dictionary(&c, &page, err));
	}
	c.pages.p = in->pages.p;
	c.pages.end = in->pages.p + in->pages.n;
	return walk(&c, err);
}

static void text_fini(struct cat_pq_text *t)
{
	cat_buf_unref(t->offsets);
	cat_buf_unref(t->bytes);
}

void cat_pq_data_fini(struct cat_pq_data *d)
{
	cat_buf_unref(d->values);
	text_fini(&d->text);
	cat_buf_unref(d->validity);
	cat_buf_unref(d->def);
	cat_buf_unref(d->rep);
	cat_buf_unref(d->dict);
	text_fini(&d->dict_text);
	memset(d, 0, sizeof *d);
}
