#include "formats/fits_decode.h"

#include <string.h>

#include "base/alloc.h"
#include "base/simd.h"
#include "columnar/builder.h"

/* Of one piece of rows: text, and elements of lists, are addressed by 32 bits. */
#define PIECE_MAX INT64_C(0x7ffffff0)
/* Arrays whose span has more bytes between them than this are fetched one by one. */
#define SPAN_WASTE ((int64_t)1 << 20)

/* --- bytes to numbers: R values in each of N rows --- */

#define DEFINE_SWAP(name, type, get)                                                                     \
	CAT_CLONES static void name(type *restrict dst, const uint8_t *restrict src, int64_t stride, int64_t n, \
	                            int64_t r)                                                           \
	{                                                                                                \
		if (stride == r * (int64_t)sizeof(type)) {                                               \
			for (int64_t i = 0; i < n * r; i++)                                              \
				dst[i] = get(src + i * (int64_t)sizeof(type));                           \
		} else if (r == 1) {                                                                     \
			for (int64_t i = 0; i < n; i++)                                                  \
				dst[i] = get(src + i * stride);                                          \
		} else {                                                                                 \
			for (int64_t i = 0; i < n; i++)                                                  \
				for (int64_t k = 0; k < r; k++)                                          \
					dst[i * r + k] = get(src + i * stride + k * (int64_t)sizeof(type)); \
		}                                                                                        \
	}
#define GET8(p) (*(p))
DEFINE_SWAP(swap8, uint8_t, GET8)
DEFINE_SWAP(swap16, uint16_t, cat_fits_get16)
DEFINE_SWAP(swap32, uint32_t, cat_fits_get32)
DEFINE_SWAP(swap64, uint64_t, cat_fits_get64)

static void swap_any(void *dst, int64_t width, const uint8_t *src, int64_t stride, int64_t n, int64_t r)
{
	switch (width) {
	case 1:
		swap8(dst, src, stride, n, r);
		break;
	case 2:
		swap16(dst, src, stride, n, r);
		break;
	case 4:
		swap32(dst, src, stride, n, r);
		break;
	default:
		swap64(dst, src, stride, n, r);
		break;
	}
}

/* Raw integer I, as TNULL knows it. */
static int64_t raw_int(const void *values, char form, int64_t i)
{
	switch (form) {
	case 'B':
		return ((const uint8_t *)values)[i];
	case 'I':
		return ((const int16_t *)values)[i];
	case 'J':
		return ((const int32_t *)values)[i];
	default:
		return ((const int64_t *)values)[i];
	}
}

static int need_validity(struct cat_column *c, struct cat_error *err)
{
	if (c->validity)
		return CAT_OK;
	CAT_TRY(cat_buf_new((size_t)(c->length + 7) / 8, &c->validity, err));
	memset(c->validity->data, 0xff, c->validity->size);
	return CAT_OK;
}

static void set_null(struct cat_column *c, int64_t i)
{
	c->validity->data[i >> 3] = (uint8_t)(c->validity->data[i >> 3] & ~(1u << (i & 7)));
	c->null_count++;
}

static int mark_nulls(const struct cat_fits_column *c, struct cat_column *out, struct cat_error *err)
{
	for (int64_t i = 0; i < out->length; i++)
		if (raw_int(out->data->data, c->form, i) == c->null) {
			CAT_TRY(need_validity(out, err));
			set_null(out, i);
		}
	return CAT_OK;
}

static void flip(void *values, int64_t width, uint64_t bit, int64_t n)
{
	for (int64_t i = 0; width == 1 && i < n; i++)
		((uint8_t *)values)[i] = (uint8_t)(((uint8_t *)values)[i] ^ bit);
	for (int64_t i = 0; width == 2 && i < n; i++)
		((uint16_t *)values)[i] = (uint16_t)(((uint16_t *)values)[i] ^ bit);
	for (int64_t i = 0; width == 4 && i < n; i++)
		((uint32_t *)values)[i] ^= (uint32_t)bit;
	for (int64_t i = 0; width == 8 && i < n; i++)
		((uint64_t *)values)[i] ^= bit;
}

static int scale(const struct cat_fits_column *c, struct cat_column *col, struct cat_error *err)
{
	struct cat_buf *scaled;
	double *v;

	CAT_TRY(cat_buf_new((size_t)col->length * sizeof *v, &scaled, err));
	v = (double *)(void *)scaled->data;
	for (int64_t i = 0; i < col->length; i++) {
		const void *raw = col->data->data;
		const double x = c->form == 'E'   ? (double)((const float *)raw)[i]
		                 : c->form == 'D' ? ((const double *)raw)[i]
		                                  : (double)raw_int(raw, c->form, i);

		v[i] = x * c->scale + c->zero;
	}
	cat_buf_unref(col->data);
	col->data = scaled;
	return CAT_OK;
}

/* Numbers B I J K E D, R in a cell. */
static int decode_numbers(const struct cat_fits_column *c, int64_t width,
                          const struct cat_fits_cells *cells, int64_t r, struct cat_column *out,
                          struct cat_error *err)
{
	CAT_TRY(cat_buf_new((size_t)(out->length * width), &out->data, err));
	swap_any(out->data->data, width, cells->data, cells->stride, cells->nrows, r);
	if (c->has_null && strchr("BIJK", c->form))
		CAT_TRY(mark_nulls(c, out, err));
	if (c->flip)
		flip(out->data->data, width, c->flip, out->length);
	return c->scaled ? scale(c, out, err) : CAT_OK;
}

/* --- logicals and bits --- */

static int decode_logical(const struct cat_fits_cells *cells, int64_t r, struct cat_column *out,
                          struct cat_error *err)
{
	CAT_TRY(cat_buf_zeroed((size_t)(out->length + 7) / 8, &out->data, err));
	for (int64_t i = 0; i < cells->nrows; i++)
		for (int64_t k = 0; k < r; k++) {
			const uint8_t v = cells->data[i * cells->stride + k];

			if (v == 'T') {
				cat_bit_set(out->data->data, i * r + k);
			} else if (v != 'F') {
				CAT_TRY(need_validity(out, err));
				set_null(out, i * r + k);
			}
		}
	return CAT_OK;
}

static void copy_bits(uint8_t *dst, int64_t to, const uint8_t *src, int64_t n)
{
	for (int64_t k = 0; k < n; k++)
		if (src[k >> 3] >> (7 - (k & 7)) & 1)
			cat_bit_set(dst, to + k);
}

static int decode_bits(const struct cat_fits_cells *cells, int64_t r, struct cat_column *out, struct cat_error *err)
{
	CAT_TRY(cat_buf_zeroed((size_t)(out->length + 7) / 8, &out->data, err));
	for (int64_t i = 0; i < cells->nrows; i++)
		copy_bits(out->data->data, i * r, cells->data + i * cells->stride, r);
	return CAT_OK;
}

/* --- text --- */

size_t cat_fits_text_len(const uint8_t *s, size_t n)
{
	const uint8_t *nul = memchr(s, 0, n);

	n = nul ? (size_t)(nul - s) : n;
	while (n > 0 && s[n - 1] == ' ')
		n--;
	return n;
}

/* Appends one value at DST, which has room for twice its bytes; bytes that are no UTF-8 are ISO 8859-1. */
static size_t put_text(uint8_t *dst, const uint8_t *s, size_t n)
{
	uint8_t any = 0;
	size_t bad, at = 0;

	for (size_t i = 0; i < n; i++)
		any |= s[i];
	if (any < 0x80 || cat_utf8_valid(s, n, &bad)) {
		memcpy(dst, s, n);
		return n;
	}
	for (size_t i = 0; i < n; i++) {
		if (s[i] >= 0x80)
			dst[at++] = (uint8_t)(0xc0 | s[i] >> 6);
		dst[at++] = s[i] < 0x80 ? s[i] : (uint8_t)(0x80 | (s[i] & 0x3f));
	}
	return at;
}

static int decode_text(int64_t width, const struct cat_fits_cells *cells, int64_t r, struct cat_column *out,
                       struct cat_error *err)
{
	int32_t *offsets;
	size_t at = 0;

	if (width > 0 && out->length > PIECE_MAX / 2 / width)
		return cat_fail(err, CAT_E_UNSUPPORTED, "more than 1 GiB of text in one piece");
	CAT_TRY(cat_buf_new((size_t)(out->length + 1) * sizeof *offsets, &out->offsets, err));
	CAT_TRY(cat_buf_new((size_t)(out->length * width) * 2, &out->data, err));
	offsets = (int32_t *)(void *)out->offsets->data;
	offsets[0] = 0;
	for (int64_t i = 0; i < cells->nrows; i++)
		for (int64_t k = 0; k < r; k++) {
			const uint8_t *s = cells->data + i * cells->stride + k * width;
			const size_t n = cat_fits_text_len(s, (size_t)width);

			if (n == 0) {
				CAT_TRY(need_validity(out, err));
				set_null(out, i * r + k);
			}
			at += put_text(out->data->data + at, s, n);
			offsets[i * r + k + 1] = (int32_t)at;
		}
	out->data->size = at;
	return CAT_OK;
}

/* --- cells of fixed size --- */

/* A column of no buffers yet, its null count known to be 0 until nulls are found. */
static int new_column(const struct cat_type *type, int64_t length, int nchildren, struct cat_column **out,
                      struct cat_error *err)
{
	CAT_TRY(cat_column_new(type, length, nchildren, out, err));
	(*out)->null_count = 0;
	return CAT_OK;
}

/* R elements of each cell as one flat column of F's type; C and M are pairs. */
static int decode_flat(const struct cat_fits_column *c, const struct cat_field *f, const struct cat_fits_cells *cells,
                       int64_t r, struct cat_column **out, struct cat_error *err)
{
	const bool pair = c->form == 'C' || c->form == 'M';
	const struct cat_field *leaf = pair ? &f->children[0] : f;
	struct cat_column *col, *outer;
	int rc;

	r *= pair ? 2 : 1;
	if (r > 0 && cells->nrows > PIECE_MAX / r)
		return cat_fail(err, CAT_E_UNSUPPORTED, "more than 2^31 elements in one piece");
	CAT_TRY(new_column(&leaf->type, cells->nrows * r, 0, &col, err));
	if (c->form == 'L')
		rc = decode_logical(cells, r, col, err);
	else if (c->form == 'X')
		rc = decode_bits(cells, r, col, err);
	else if (c->form == 'A')
		rc = decode_text(c->width, cells, r, col, err);
	else
		rc = decode_numbers(c, pair ? c->width / 2 : c->width, cells, r, col, err);
	if (rc == CAT_OK && pair) {
		rc = new_column(&f->type, cells->nrows * r / 2, 1, &outer, err);
		if (rc == CAT_OK) {
			outer->children[0] = col;
			col = outer;
		}
	}
	if (rc != CAT_OK) {
		cat_column_unref(col);
		return rc;
	}
	*out = col;
	return CAT_OK;
}

/* --- variable arrays --- */

int cat_fits_descriptor(const uint8_t *p, char array, int64_t bits, int64_t heap_bytes, int64_t *count,
                        int64_t *off_bytes, struct cat_error *err)
{
	const bool wide = array == 'Q';

	*count = wide ? (int64_t)cat_fits_get64(p) : (int32_t)cat_fits_get32(p);
	*off_bytes = wide ? (int64_t)cat_fits_get64(p + 8) : (int64_t)cat_fits_get32(p + 4);
	/* Where an empty array lies does not matter. */
	if (*count == 0)
		*off_bytes = 0;
	if (*count < 0 || *count > PIECE_MAX || *off_bytes < 0 || *off_bytes > heap_bytes ||
	    (*count * bits + 7) / 8 > heap_bytes - *off_bytes)
		return cat_fail(err, CAT_E_DATA, "an array of %lld elements at byte %lld of the heap, which has %lld",
		                (long long)*count, (long long)*off_bytes, (long long)heap_bytes);
	return CAT_OK;
}

/* The arrays of one column in one piece: offsets and bytes, each array's bytes put behind the last one's. */
struct arrays {
	int64_t *counts; /* of each row; the array of offsets follows in the same block */
	int64_t *offs;
	int64_t elements, bytes;
	struct cat_buf *packed;
};

static int64_t array_bytes(int64_t count, int64_t bits)
{
	return (count * bits + 7) / 8;
}

static int read_descriptors(const struct cat_fits_column *c, const struct cat_fits_cells *cells, int64_t bits,
                            struct arrays *a, int64_t *lo, int64_t *hi, struct cat_error *err)
{
	*lo = INT64_MAX;
	*hi = 0;
	for (int64_t i = 0; i < cells->nrows; i++) {
		int64_t count = 0, off = 0, bytes;

		/* 0P: no descriptor at all. */
		if (c->bytes)
			CAT_TRY(cat_fits_descriptor(cells->data + i * cells->stride, c->array, bits, cells->heap_bytes,
			                            &count, &off, err));
		bytes = array_bytes(count, bits);
		a->counts[i] = count;
		a->offs[i] = off;
		a->elements += count;
		a->bytes += bytes;
		if (a->elements > PIECE_MAX || a->bytes > PIECE_MAX)
			return cat_fail(err, CAT_E_UNSUPPORTED, "more than 2 GiB of arrays in one piece");
		if (count == 0)
			continue;
		*lo = off < *lo ? off : *lo;
		*hi = off + bytes > *hi ? off + bytes : *hi;
	}
	return CAT_OK;
}

/* All arrays by one range, then put together. */
static int fetch_span(const struct cat_fits_cells *cells, int64_t bits, struct arrays *a, int64_t lo, int64_t hi,
                      struct cat_error *err)
{
	struct cat_buf *span;
	int64_t at = 0;

	CAT_TRY(cat_read_range(cells->heap, cells->heap_off + lo, (size_t)(hi - lo), &span, err));
	for (int64_t i = 0; i < cells->nrows; i++) {
		const int64_t n = array_bytes(a->counts[i], bits);

		if (n)
			memcpy(a->packed->data + at, span->data + (a->offs[i] - lo), (size_t)n);
		at += n;
	}
	cat_buf_unref(span);
	return CAT_OK;
}

static int fetch_each(const struct cat_fits_cells *cells, int64_t bits, struct arrays *a, struct cat_error *err)
{
	int64_t at = 0;

	for (int64_t i = 0; i < cells->nrows; i++) {
		const int64_t n = array_bytes(a->counts[i], bits);
		struct cat_buf *one;

		if (n == 0)
			continue;
		CAT_TRY(cat_read_range(cells->heap, cells->heap_off + a->offs[i], (size_t)n, &one, err));
		memcpy(a->packed->data + at, one->data, (size_t)n);
		cat_buf_unref(one);
		at += n;
	}
	return CAT_OK;
}

static int read_arrays(const struct cat_fits_column *c, const struct cat_fits_cells *cells, struct arrays *a,
                       struct cat_error *err)
{
	const int64_t bits = c->form == 'X' ? 1 : c->width * 8;
	int64_t lo, hi;

	a->counts = cat_malloc((size_t)cells->nrows * 2 * sizeof *a->counts);
	if (!a->counts)
		return cat_fail_mem(err, (size_t)cells->nrows * 2 * sizeof *a->counts);
	a->offs = a->counts + cells->nrows;
	CAT_TRY(read_descriptors(c, cells, bits, a, &lo, &hi, err));
	CAT_TRY(cat_buf_new((size_t)a->bytes, &a->packed, err));
	if (a->bytes == 0)
		return CAT_OK;
	return hi - lo <= 2 * a->bytes + SPAN_WASTE ? fetch_span(cells, bits, a, lo, hi, err)
	                                            : fetch_each(cells, bits, a, err);
}

/* Arrays of A are one text each. */
static int text_of_arrays(const struct cat_field *f, const struct arrays *a, int64_t nrows, struct cat_column **out,
                          struct cat_error *err)
{
	struct cat_column *col;
	const uint8_t *p = a->packed->data;
	int32_t *offsets;
	size_t at = 0;
	int rc;

	if (a->bytes > PIECE_MAX / 2)
		return cat_fail(err, CAT_E_UNSUPPORTED, "more than 1 GiB of text in one piece");
	CAT_TRY(new_column(&f->type, nrows, 0, &col, err));
	rc = cat_buf_new((size_t)(nrows + 1) * sizeof *offsets, &col->offsets, err);
	if (rc == CAT_OK)
		rc = cat_buf_new((size_t)a->bytes * 2, &col->data, err);
	if (rc == CAT_OK) {
		offsets = (int32_t *)(void *)col->offsets->data;
		offsets[0] = 0;
		for (int64_t i = 0; rc == CAT_OK && i < nrows; i++) {
			const size_t n = cat_fits_text_len(p, (size_t)a->counts[i]);

			if (n == 0 && (rc = need_validity(col, err)) == CAT_OK)
				set_null(col, i);
			at += put_text(col->data->data + at, p, n);
			offsets[i + 1] = (int32_t)at;
			p += a->counts[i];
		}
		col->data->size = at;
	}
	if (rc != CAT_OK) {
		cat_column_unref(col);
		return rc;
	}
	*out = col;
	return CAT_OK;
}

/* The elements of bit arrays, each of which begins at a byte of its own. */
static int bits_of_arrays(const struct cat_field *f, const struct arrays *a, int64_t nrows, struct cat_column **out,
                          struct cat_error *err)
{
	const uint8_t *p = a->packed->data;
	int64_t at = 0;
	int rc;

	CAT_TRY(new_column(&f->type, a->elements, 0, out, err));
	rc = cat_buf_zeroed((size_t)(a->elements + 7) / 8, &(*out)->data, err);
	for (int64_t i = 0; rc == CAT_OK && i < nrows; i++) {
		copy_bits((*out)->data->data, at, p, a->counts[i]);
		at += a->counts[i];
		p += array_bytes(a->counts[i], 1);
	}
	if (rc != CAT_OK)
		cat_column_unref(*out);
	return rc;
}

static int list_of_arrays(const struct cat_fits_column *c, const struct cat_field *f, const struct arrays *a,
                          int64_t nrows, struct cat_column **out, struct cat_error *err)
{
	const struct cat_fits_cells packed = {.data = a->packed->data, .stride = c->width, .nrows = a->elements};
	struct cat_column *list;
	int32_t *offsets;
	int rc;

	CAT_TRY(new_column(&f->type, nrows, 1, &list, err));
	rc = cat_buf_new((size_t)(nrows + 1) * sizeof *offsets, &list->offsets, err);
	if (rc == CAT_OK) {
		offsets = (int32_t *)(void *)list->offsets->data;
		offsets[0] = 0;
		for (int64_t i = 0; i < nrows; i++)
			offsets[i + 1] = offsets[i] + (int32_t)a->counts[i];
		rc = c->form == 'X' ? bits_of_arrays(&f->children[0], a, nrows, &list->children[0], err)
		                    : decode_flat(c, &f->children[0], &packed, 1, &list->children[0], err);
	}
	if (rc != CAT_OK) {
		cat_column_unref(list);
		return rc;
	}
	*out = list;
	return CAT_OK;
}

static int decode_arrays(const struct cat_fits_column *c, const struct cat_field *f,
                         const struct cat_fits_cells *cells, struct cat_column **out, struct cat_error *err)
{
	struct arrays a = {0};
	int rc = read_arrays(c, cells, &a, err);

	if (rc == CAT_OK)
		rc = c->form == 'A' ? text_of_arrays(f, &a, cells->nrows, out, err)
		                    : list_of_arrays(c, f, &a, cells->nrows, out, err);
	cat_free(a.counts);
	cat_buf_unref(a.packed);
	return rc;
}

int cat_fits_decode(const struct cat_fits_column *c, const struct cat_field *f, const struct cat_fits_cells *cells,
                    struct cat_column **out, struct cat_error *err)
{
	struct cat_column *outer;
	int rc;

	*out = NULL;
	if (c->array)
		return decode_arrays(c, f, cells, out, err);
	if (c->repeat == 0)
		return cat_column_nulls(f, cells->nrows, out, err);
	if (c->repeat == 1)
		return decode_flat(c, f, cells, 1, out, err);
	CAT_TRY(new_column(&f->type, cells->nrows, 1, &outer, err));
	rc = decode_flat(c, &f->children[0], cells, c->repeat, &outer->children[0], err);
	if (rc != CAT_OK) {
		cat_column_unref(outer);
		return rc;
	}
	*out = outer;
	return CAT_OK;
}
