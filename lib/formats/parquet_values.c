/* Encoded values to stored values to column values. */
#include <string.h>

#include "base/alloc.h"
#include "formats/delta.h"
#include "formats/parquet_decode.h"
#include "formats/rle_bp.h"

#define COLUMN_MAX ((int64_t)8 << 30)

static int malformed(struct cat_error *err, const char *what)
{
	return cat_fail(err, CAT_E_DATA, "malformed %s values", what);
}

/* Room in a buffer that is used from the front. */
static int room(struct cat_buf **b, int64_t n, int width, struct cat_error *err)
{
	size_t size;

	if (n < 0 || __builtin_mul_overflow((size_t)n, (size_t)width, &size))
		return cat_fail_mem(err, SIZE_MAX);
	if (!*b || size > (*b)->size)
		return cat_buf_resize(b, size, err);
	return CAT_OK;
}

/* --- conversions --- */

/* LEN big-endian bytes of a two's complement number to 16 little-endian ones. */
static bool decimal(const uint8_t *p, int64_t len, uint8_t *out)
{
	const int sign = len > 0 && (p[0] & 0x80) ? 0xff : 0;

	for (; len > 16; p++, len--)
		if (p[0] != sign || ((p[1] ^ sign) & 0x80))
			return false;
	memset(out, sign, 16);
	for (int64_t i = 0; i < len; i++)
		out[i] = p[len - 1 - i];
	return true;
}

static float half(const uint8_t *p)
{
	const uint32_t h = (uint32_t)p[0] | (uint32_t)p[1] << 8, sign = (h & 0x8000) << 16;
	uint32_t exponent = h >> 10 & 31, mantissa = h & 0x3ff, bits;
	float f;

	if (exponent == 31) {
		bits = sign | 0x7f800000 | mantissa << 13;
	} else if (exponent) {
		bits = sign | (exponent + 112) << 23 | mantissa << 13;
	} else {
		f = (float)mantissa * 0x1p-24f;
		return sign ? -f : f;
	}
	memcpy(&f, &bits, sizeof f);
	return f;
}

/* INT96: nanoseconds of the day and the Julian day, to microseconds since 1970. Spark writes its far dates with
 * arithmetic that wraps around in 64 bits, so that is how they come back. */
static int64_t int96(const uint8_t *p)
{
	int64_t ns;
	int32_t day;

	memcpy(&ns, p, 8);
	memcpy(&day, p + 8, 4);
	ns = ns / 1000 - (ns % 1000 < 0);
	return (int64_t)((uint64_t)((int64_t)day - 2440588) * UINT64_C(86400000000) + (uint64_t)ns);
}

#define EACH(n, size, ...)                                                  \
	for (int64_t i = 0; i < (n); i++, from += (size)) {                 \
		__VA_ARGS__;                                                \
	}

/* N stored values at FROM to the column's form. Where that is the stored form, both may overlap. */
static int convert(const struct cat_pq_leaf *leaf, const uint8_t *from, int64_t n, uint8_t *to,
                   struct cat_error *err)
{
	const int stored = cat_pq_stored_bytes(leaf);

	switch (leaf->conv) {
	case CAT_PQ_NARROW8:
		EACH(n, 4, to[i] = from[0]);
		break;
	case CAT_PQ_NARROW16:
		EACH(n, 4, memcpy(to + 2 * i, from, 2));
		break;
	case CAT_PQ_DEC32:
	case CAT_PQ_DEC64:
		EACH(n, stored, memcpy(to + 16 * i, from, (size_t)stored);
		     memset(to + 16 * i + stored, from[stored - 1] & 0x80 ? 0xff : 0, 16 - (size_t)stored));
		break;
	case CAT_PQ_DEC_FIXED:
		EACH(n, stored, if (!decimal(from, stored, to + 16 * i)) return malformed(err, "decimal"));
		break;
	case CAT_PQ_HALF:
		EACH(n, 2, const float f = half(from); memcpy(to + 4 * i, &f, 4));
		break;
	case CAT_PQ_INT96_TIME:
		EACH(n, 12, const int64_t us = int96(from); memcpy(to + 8 * i, &us, 8));
		break;
	case CAT_PQ_SAME:
	case CAT_PQ_TEXT:
	case CAT_PQ_BITS:
	case CAT_PQ_DEC_BYTES:
	case CAT_PQ_ALL_NULL:
	case CAT_PQ_REFUSED:
		if (to != from)
			memmove(to, from, (size_t)(n * stored));
		break;
	}
	return CAT_OK;
}

/* --- texts --- */

/* For N texts of BYTES more; t->beyond is set when there is to be none. */
static int text_room(struct cat_pq_text *t, int64_t n, size_t bytes, struct cat_error *err)
{
	const bool first = !t->offsets;

	t->beyond = t->max && (t->len > t->max || bytes > t->max - t->len);
	if (t->beyond)
		return CAT_OK;
	if (bytes > (size_t)INT32_MAX - t->len)
		return cat_fail(err, CAT_E_UNSUPPORTED, "more than 2 GiB of text in one column of one row group");
	CAT_TRY(room(&t->offsets, t->n + n + 1, sizeof(int32_t), err));
	if (first)
		memset(t->offsets->data, 0, sizeof(int32_t));
	return room(&t->bytes, (int64_t)(t->len + bytes), 1, err);
}

static int32_t *text_ends(struct cat_pq_text *t)
{
	return (int32_t *)(void *)t->offsets->data + t->n + 1;
}

/* Passes over N texts at the front of V; false when there are fewer. */
static bool pass_texts(struct cat_span *v, int64_t n)
{
	for (int64_t i = 0; i < n; i++) {
		uint32_t k;

		if (v->n < 4)
			return false;
		memcpy(&k, v->p, 4);
		if (k > v->n - 4)
			return false;
		v->p += 4 + (size_t)k;
		v->n -= 4 + (size_t)k;
	}
	return true;
}

static void set_ends(int32_t *ends, int64_t from, int64_t to, size_t len)
{
	for (int64_t i = from; i < to; i++)
		ends[i] = (int32_t)len;
}

/* Of N texts those in WANT; the others stay empty. */
static int plain_text(struct cat_pq_text *t, struct cat_span v, int64_t n, struct cat_stretch want,
                      struct cat_error *err)
{
	const uint8_t *p, *end;
	uint8_t *to;
	int32_t *ends;
	size_t len = t->len;

	if ((uint64_t)n * 4 > v.n || !pass_texts(&v, want.begin))
		return malformed(err, "plain");
	p = v.p;
	end = v.p + v.n;
	if (want.end < n) {
		if (!pass_texts(&v, want.end - want.begin))
			return malformed(err, "plain");
		end = v.p;
	}
	if ((end - p) / 4 < want.end - want.begin)
		return malformed(err, "plain");
	CAT_TRY(text_room(t, n, (size_t)(end - p - (want.end - want.begin) * 4), err));
	if (t->beyond)
		return CAT_OK;
	to = t->bytes->data;
	ends = text_ends(t);
	set_ends(ends, 0, want.begin, len);
	for (int64_t i = want.begin; i < want.end; i++) {
		uint32_t k;

		if (end - p < 4)
			return malformed(err, "plain");
		memcpy(&k, p, 4);
		p += 4;
		if (k > (size_t)(end - p) || k > t->bytes->size - len)
			return malformed(err, "plain");
		if (k <= 16 && t->bytes->size - len >= 16)
			memcpy(to + len, p, 16); /* both sides are padded; what is too much is written over */
		else
			memcpy(to + len, p, k);
		len += k;
		p += k;
		ends[i] = (int32_t)len;
	}
	set_ends(ends, want.end, n, len);
	t->len = len;
	t->n += n;
	return CAT_OK;
}

static int delta_length_text(struct cat_pq_text *t, struct cat_span v, int64_t n, struct cat_stretch want,
                             struct cat_pq_scratch *scratch, struct cat_error *err)
{
	const uint8_t *p = v.p, *end = v.p + v.n;
	const int32_t *lengths;
	int64_t sum = 0, before = 0, wanted = 0;
	int32_t *ends;

	CAT_TRY(room(&scratch->stored, n, sizeof(int32_t), err));
	lengths = (const int32_t *)(const void *)scratch->stored->data;
	if (!cat_delta_i32(&p, end, (int32_t *)(void *)scratch->stored->data, n))
		return malformed(err, "DELTA_LENGTH_BYTE_ARRAY");
	for (int64_t i = 0; i < n; i++) {
		if (lengths[i] < 0)
			return malformed(err, "DELTA_LENGTH_BYTE_ARRAY");
		sum += lengths[i];
		before += i < want.begin ? lengths[i] : 0;
		wanted += i >= want.begin && i < want.end ? lengths[i] : 0;
	}
	if (sum > end - p)
		return malformed(err, "DELTA_LENGTH_BYTE_ARRAY");
	CAT_TRY(text_room(t, n, (size_t)wanted, err));
	if (t->beyond)
		return CAT_OK;
	if (wanted)
		memcpy(t->bytes->data + t->len, p + before, (size_t)wanted);
	ends = text_ends(t);
	set_ends(ends, 0, want.begin, t->len);
	for (int64_t i = want.begin; i < want.end; i++)
		ends[i] = (int32_t)(t->len += (size_t)lengths[i]);
	set_ends(ends, want.end, n, t->len);
	t->n += n;
	return CAT_OK;
}

static int delta_text(struct cat_pq_text *t, struct cat_span v, int64_t n, struct cat_pq_scratch *scratch,
                      struct cat_error *err)
{
	const uint8_t *p = v.p, *end = v.p + v.n;
	int32_t *prefix, *suffix, *ends, before = 0;
	uint8_t *to;
	int64_t sum = 0, suffixes = 0;

	CAT_TRY(room(&scratch->stored, n, sizeof(int32_t), err));
	CAT_TRY(room(&scratch->index, n, sizeof(int32_t), err));
	suffix = (int32_t *)(void *)scratch->stored->data;
	prefix = (int32_t *)(void *)scratch->index->data;
	if (!cat_delta_i32(&p, end, prefix, n) || !cat_delta_i32(&p, end, suffix, n))
		return malformed(err, "DELTA_BYTE_ARRAY");
	for (int64_t i = 0; i < n; i++) {
		if (prefix[i] < 0 || suffix[i] < 0 || prefix[i] > before)
			return malformed(err, "DELTA_BYTE_ARRAY");
		if (__builtin_add_overflow(prefix[i], suffix[i], &before))
			return malformed(err, "DELTA_BYTE_ARRAY");
		sum += before;
		suffixes += suffix[i];
	}
	if (suffixes > end - p)
		return malformed(err, "DELTA_BYTE_ARRAY");
	if (sum > 1 << 30)
		return cat_fail(err, CAT_E_UNSUPPORTED, "a page of %lld bytes of text", (long long)sum);
	CAT_TRY(text_room(t, n, (size_t)sum, err));
	if (t->beyond)
		return CAT_OK;
	to = t->bytes->data + t->len;
	ends = text_ends(t);
	for (int64_t i = 0, last = 0; i < n; i++) {
		if (prefix[i])
			memmove(to, to - last, (size_t)prefix[i]);
		if (suffix[i])
			memcpy(to + prefix[i], p, (size_t)suffix[i]);
		p += suffix[i];
		last = prefix[i] + suffix[i];
		to += last;
		ends[i] = (int32_t)(t->len += (size_t)last);
	}
	t->n += n;
	return CAT_OK;
}

static int dictionary_text(struct cat_pq_data *d, struct cat_pq_text *t, const uint32_t *index, int64_t n,
                           struct cat_error *err)
{
	const int32_t *o = d->ndict ? (const int32_t *)(const void *)d->dict_text.offsets->data : NULL;
	const uint8_t *from = d->ndict ? d->dict_text.bytes->data : NULL;
	const struct cat_stretch want = d->want;
	uint64_t sum = 0;
	int32_t *ends;
	uint8_t *to;

	for (int64_t i = want.begin; i < want.end; i++)
		sum += (uint64_t)(o[index[i] + 1] - o[index[i]]);
	if (sum > INT32_MAX && !t->max)
		return cat_fail(err, CAT_E_UNSUPPORTED, "more than 2 GiB of text in one column of one row group");
	/* 16 more, so that short texts may be copied by the word. */
	CAT_TRY(text_room(t, n, (size_t)sum + (sum < INT32_MAX - 16 - t->len ? 16 : 0), err));
	if (t->beyond)
		return CAT_OK;
	ends = text_ends(t);
	to = t->bytes->data + t->len;
	set_ends(ends, 0, want.begin, t->len);
	for (int64_t i = want.begin; i < want.end; i++) {
		const uint8_t *p = from + o[index[i]];
		const size_t k = (size_t)(o[index[i] + 1] - o[index[i]]);

		if (k <= 16)
			memcpy(to, p, 16);
		else
			memcpy(to, p, k);
		to += k;
		ends[i] = (int32_t)(t->len += k);
	}
	set_ends(ends, want.end, n, t->len);
	t->n += n;
	return CAT_OK;
}

/* The texts from the FROM-th on are UTF-8, each for itself. */
static int check_utf8(const struct cat_pq_text *t, int64_t from, struct cat_error *err)
{
	const int32_t *o;
	const uint8_t *p;

	if (t->n == from)
		return CAT_OK;
	o = (const int32_t *)(const void *)t->offsets->data;
	p = t->bytes->data;
	if (!cat_utf8_valid(p + o[from], (size_t)(o[t->n] - o[from]), NULL))
		return cat_fail(err, CAT_E_DATA, "text that is not UTF-8");
	for (int64_t i = from; i < t->n; i++)
		if (o[i + 1] > o[i] && (p[o[i]] & 0xc0) == 0x80)
			return cat_fail(err, CAT_E_DATA, "text that is not UTF-8");
	return CAT_OK;
}

static int read_text(struct cat_pq_text *t, int encoding, struct cat_span v, int64_t n, struct cat_stretch want,
                     struct cat_pq_scratch *scratch, struct cat_error *err)
{
	switch (encoding) {
	case CAT_PQ_PLAIN:
		return plain_text(t, v, n, want, err);
	case CAT_PQ_DELTA_LENGTH:
		return delta_length_text(t, v, n, want, scratch, err);
	case CAT_PQ_DELTA_BYTES:
		return delta_text(t, v, n, scratch, err);
	default:
		return cat_fail(err, encoding == CAT_PQ_ALP ? CAT_E_UNSUPPORTED : CAT_E_DATA,
		                "encoding %d is not known for byte arrays", encoding);
	}
}

/* --- values of one size --- */

/* Texts of DELTA_BYTE_ARRAY that all have WIDTH bytes; they end in scratch->stored. */
static int fixed_from_text(struct cat_span v, int64_t n, int width, struct cat_pq_scratch *scratch,
                           struct cat_error *err)
{
	struct cat_pq_text t = {0};
	int rc = delta_text(&t, v, n, scratch, err);

	if (rc == CAT_OK && t.len != (size_t)n * (size_t)width)
		rc = malformed(err, "DELTA_BYTE_ARRAY");
	for (int64_t i = 0; rc == CAT_OK && i < n; i++)
		if (((const int32_t *)(const void *)t.offsets->data)[i + 1] != (i + 1) * width)
			rc = malformed(err, "DELTA_BYTE_ARRAY");
	if (rc == CAT_OK)
		rc = room(&scratch->stored, n, width, err);
	if (rc == CAT_OK)
		memcpy(scratch->stored->data, t.bytes->data, t.len);
	cat_buf_unref(t.offsets);
	cat_buf_unref(t.bytes);
	return rc;
}

/* N booleans, a byte each. */
static int read_bools(int encoding, struct cat_span v, int64_t n, uint8_t *to, struct cat_error *err)
{
	struct cat_rle rle;
	uint32_t len;

	if (encoding == CAT_PQ_PLAIN) {
		for (int64_t i = 0; i < n; i++)
			to[i] = cat_bit_get(v.p, i);
		return CAT_OK;
	}
	if (encoding != CAT_PQ_RLE)
		return cat_fail(err, CAT_E_DATA, "encoding %d is not known for booleans", encoding);
	if (v.n < 4)
		return malformed(err, "boolean");
	memcpy(&len, v.p, 4);
	if (len > v.n - 4)
		return malformed(err, "boolean");
	cat_rle_init(&rle, v.p + 4, len, 1);
	return cat_rle_u8(&rle, to, n) ? CAT_OK : malformed(err, "boolean");
}

/* DELTA_BINARY_PACKED to N stored values at TO. */
static bool read_delta(enum cat_pq_type type, struct cat_span v, int64_t n, uint8_t *to)
{
	const uint8_t *p = v.p;

	if (type == CAT_PQ_INT32)
		return cat_delta_i32(&p, v.p + v.n, (int32_t *)(void *)to, n);
	return type == CAT_PQ_INT64 && cat_delta_i64(&p, v.p + v.n, (int64_t *)(void *)to, n);
}

static int read_fixed(const struct cat_pq_leaf *leaf, int encoding, struct cat_span v, int64_t n, uint8_t *to,
                      struct cat_pq_scratch *scratch, struct cat_error *err)
{
	const int width = cat_pq_stored_bytes(leaf);
	uint8_t *stored = to;

	if (encoding == CAT_PQ_PLAIN)
		return convert(leaf, v.p, n, to, err);
	if (encoding == CAT_PQ_DELTA_BYTES && leaf->type == CAT_PQ_FIXED) {
		CAT_TRY(fixed_from_text(v, n, width, scratch, err));
		return convert(leaf, scratch->stored->data, n, to, err);
	}
	if (leaf->conv != CAT_PQ_SAME) {
		CAT_TRY(room(&scratch->stored, n, width, err));
		stored = scratch->stored->data;
	}
	if (encoding == CAT_PQ_DELTA_BINARY_PACKED) {
		if (!read_delta(leaf->type, v, n, stored))
			return malformed(err, "DELTA_BINARY_PACKED");
	} else if (encoding == CAT_PQ_BYTE_STREAM_SPLIT && leaf->type != CAT_PQ_INT96) {
		if (v.n != (size_t)n * (size_t)width)
			return malformed(err, "BYTE_STREAM_SPLIT");
		cat_split_read(v.p, stored, n, width);
	} else {
		return cat_fail(err, encoding == CAT_PQ_ALP ? CAT_E_UNSUPPORTED : CAT_E_DATA,
		                "encoding %d%s is not known for this type", encoding,
		                encoding == CAT_PQ_ALP ? " (ALP)" : "");
	}
	return stored == to ? CAT_OK : convert(leaf, stored, n, to, err);
}

#define GATHER(T)                                                                   \
	for (int64_t i = 0; i < n; i++)                                             \
	((T *)(void *)to)[i] = ((const T *)(const void *)dict)[index[i]]

static void gather(const uint8_t *dict, int width, const uint32_t *index, int64_t n, uint8_t *to)
{
	switch (width) {
	case 1:
		GATHER(uint8_t);
		break;
	case 2:
		GATHER(uint16_t);
		break;
	case 4:
		GATHER(uint32_t);
		break;
	case 8:
		GATHER(uint64_t);
		break;
	default:
		for (int64_t i = 0; i < n; i++)
			memcpy(to + i * width, dict + (int64_t)index[i] * width, (size_t)width);
	}
}

/* --- what the decoder calls --- */

/* Indices of N values, each below the dictionary's size, in scratch->index. */
static int read_indices(struct cat_pq_data *d, struct cat_span v, int64_t n, struct cat_pq_scratch *scratch,
                        struct cat_error *err)
{
	struct cat_rle rle;
	uint32_t *index, max = 0;

	if (d->ndict < 0)
		return cat_fail(err, CAT_E_DATA, "a dictionary-encoded page without a dictionary");
	if (v.n == 0 || v.p[0] > 32)
		return malformed(err, "dictionary");
	CAT_TRY(room(&scratch->index, n, sizeof *index, err));
	index = (uint32_t *)(void *)scratch->index->data;
	cat_rle_init(&rle, v.p + 1, v.n - 1, v.p[0]);
	if (!cat_rle_u32(&rle, index, n))
		return malformed(err, "dictionary");
	for (int64_t i = 0; i < n; i++)
		max = index[i] > max ? index[i] : max;
	if (max >= (uint64_t)d->ndict)
		return cat_fail(err, CAT_E_DATA, "index %u into a dictionary of %lld values", max,
		                (long long)d->ndict);
	return CAT_OK;
}

/* Byte arrays that become decimals. */
static int decimals_from_text(int encoding, struct cat_span v, int64_t n, uint8_t *to,
                              struct cat_pq_scratch *scratch, struct cat_error *err)
{
	struct cat_pq_text t = {0};
	int rc = read_text(&t, encoding, v, n, (struct cat_stretch){0, n}, scratch, err);

	for (int64_t i = 0; rc == CAT_OK && i < n; i++) {
		const int32_t *o = (const int32_t *)(const void *)t.offsets->data + i;

		if (!decimal(t.bytes->data + o[0], o[1] - o[0], to + 16 * i))
			rc = malformed(err, "decimal");
	}
	cat_buf_unref(t.offsets);
	cat_buf_unref(t.bytes);
	return rc;
}

static int read_sized(const struct cat_pq_leaf *leaf, int encoding, struct cat_span v, int64_t n, uint8_t *to,
                      struct cat_pq_scratch *scratch, struct cat_error *err)
{
	if (leaf->conv == CAT_PQ_BITS)
		return read_bools(encoding, v, n, to, err);
	if (leaf->conv == CAT_PQ_DEC_BYTES)
		return decimals_from_text(encoding, v, n, to, scratch, err);
	return read_fixed(leaf, encoding, v, n, to, scratch, err);
}

/* Before memory is asked for: values that are stored as they are must all be there, and no column is endless. */
static int check_room(const struct cat_pq_data *d, int encoding, struct cat_span v, int64_t n, int64_t at,
                      struct cat_error *err)
{
	const uint64_t stored = (uint64_t)cat_pq_stored_bytes(d->leaf);

	if (encoding == CAT_PQ_PLAIN && (uint64_t)n > (stored ? v.n / stored : v.n * 8))
		return malformed(err, "plain");
	if (at + n > COLUMN_MAX / d->width)
		return cat_fail(err, CAT_E_UNSUPPORTED, "more than 8 GiB in one column of one row group");
	return CAT_OK;
}

int cat_pq_read_values(struct cat_pq_data *d, int encoding, struct cat_span v, int64_t n, bool dict,
                       struct cat_pq_scratch *scratch, struct cat_error *err)
{
	const bool indexed = encoding == CAT_PQ_RLE_DICTIONARY || encoding == CAT_PQ_PLAIN_DICTIONARY;
	struct cat_pq_text *t = dict ? &d->dict_text : &d->text;
	struct cat_buf **b = dict ? &d->dict : &d->values;
	const int64_t at = dict ? 0 : d->nvalues;

	if (d->width == 0) {
		const int64_t from = t->n;

		if (!indexed) {
			CAT_TRY(read_text(t, encoding, v, n, dict ? (struct cat_stretch){0, n} : d->want, scratch, err));
			if (d->leaf->out.id == CAT_T_UTF8)
				CAT_TRY(check_utf8(t, from, err));
		} else if (n) {
			CAT_TRY(read_indices(d, v, n, scratch, err));
			CAT_TRY(dictionary_text(d, t, (const uint32_t *)(const void *)scratch->index->data, n,
			                        err));
		}
	} else {
		CAT_TRY(check_room(d, encoding, v, n, at, err));
		CAT_TRY(room(b, at + n, d->width, err));
		if (!indexed) {
			CAT_TRY(read_sized(d->leaf, encoding, v, n, (*b)->data + at * d->width, scratch, err));
		} else if (n) {
			CAT_TRY(read_indices(d, v, n, scratch, err));
			gather(d->dict->data, d->width, (const uint32_t *)(const void *)scratch->index->data, n,
			       (*b)->data + at * d->width);
		}
	}
	if (!dict)
		d->nvalues += n;
	return CAT_OK;
}
