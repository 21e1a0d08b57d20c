/* A column chunk: values, pages, statistics. */
#include <libdeflate.h>
#include <string.h>

#include "base/alloc.h"
#include "formats/delta.h"
#include "formats/parquet_write.h"
#include "formats/rle_bp.h"

#define ENTRY_BYTES 8 /* what a value without a size of its own counts for: bits and dictionary indices */
#define DICTIONARY_BYTES ((size_t)1 << 20)
#define OUT_BYTES ((size_t)1 << 20) /* of a buffer of pages, unless one page has more */
#define TEXT_MAX ((size_t)1 << 40)
#define EMPTY UINT32_MAX

struct encode {
	const struct cat_pq_wleaf *l;
	struct cat_pq_scratch *scratch;
	int level;
	struct cat_pq_entries e;
	const void *values;      /* e.nvalues stored values; texts as spans; booleans a byte each */
	struct cat_span *texts;  /* what values points at, when it is ours */
	int64_t ndict;           /* 0: no dictionary */
	uint32_t *first;         /* of each dictionary entry: which value it was */
	struct cat_text raw;     /* the page being built, before compression */
	struct cat_pq_wchunk *chunk;
	struct cat_pq_bytes *out;
	struct cat_buf **last; /* of OUT, where the next page goes if it has room; NULL: none of this leaf yet */
	size_t cap_stats, nstats;
	struct page_stats {
		struct cat_pq_bounds bounds;
		int64_t nulls, entries;
	} *stats;
};

/* --- stored values --- */

#define TO32(T)                                                                     \
	do {                                                                        \
		const T *v = CAT_VALUES(c, T);                                      \
		for (int64_t i = 0; i < n; i++)                                     \
			((int32_t *)to)[i] = (int32_t)v[rows ? rows[i] : i];        \
	} while (0)
#define MOVE(T)                                                                     \
	do {                                                                        \
		const T *v = CAT_VALUES(c, T);                                      \
		for (int64_t i = 0; i < n; i++)                                     \
			((T *)to)[i] = v[rows[i]];                                  \
	} while (0)

static void move_same(const struct cat_column *c, const int32_t *rows, int64_t n, int width, void *to)
{
	if (width == 4) {
		MOVE(uint32_t);
	} else if (width == 8) {
		MOVE(uint64_t);
	} else {
		for (int64_t i = 0; i < n; i++)
			memcpy((uint8_t *)to + i * width, c->data->data + (c->offset + rows[i]) * width,
			       (size_t)width);
	}
}

static int millis(const struct cat_column *c, const int32_t *rows, int64_t n, int width, void *to,
                  struct cat_error *err)
{
	for (int64_t i = 0; i < n; i++) {
		const int64_t row = rows ? rows[i] : i;
		int64_t v = cat_column_i64(c, row);

		if (__builtin_mul_overflow(v, 1000, &v) || (width == 4 && v != (int32_t)v))
			return cat_fail(err, CAT_E_UNSUPPORTED, "a time in seconds that milliseconds cannot hold");
		if (width == 4)
			((int32_t *)to)[i] = (int32_t)v;
		else
			((int64_t *)to)[i] = v;
	}
	return CAT_OK;
}

static void days(const struct cat_column *c, const int32_t *rows, int64_t n, int32_t *to)
{
	const int64_t *v = CAT_VALUES(c, int64_t);

	for (int64_t i = 0; i < n; i++) {
		const int64_t ms = v[rows ? rows[i] : i];

		to[i] = (int32_t)(ms / 86400000 - (ms % 86400000 < 0));
	}
}

static void decimals(const struct cat_column *c, const int32_t *rows, int64_t n, uint8_t *to)
{
	for (int64_t i = 0; i < n; i++, to += 16) {
		const uint8_t *from = c->data->data + (c->offset + (rows ? rows[i] : i)) * 16;

		for (int k = 0; k < 16; k++)
			to[k] = from[15 - k];
	}
}

static int texts(struct encode *k, struct cat_error *err)
{
	const struct cat_pq_entries *e = &k->e;

	k->texts = cat_malloc((size_t)e->nvalues * sizeof *k->texts);
	if (!k->texts)
		return cat_fail_mem(err, (size_t)e->nvalues * sizeof *k->texts);
	for (int64_t i = 0; i < e->nvalues; i++) {
		int32_t n;

		k->texts[i].p = (const uint8_t *)cat_column_text(e->column, e->rows ? e->rows[i] : i, &n);
		k->texts[i].n = (size_t)n;
	}
	k->values = k->texts;
	return CAT_OK;
}

static int store(struct encode *k, struct cat_error *err)
{
	const struct cat_pq_wleaf *l = k->l;
	const struct cat_column *c = k->e.column;
	const int32_t *rows = k->e.rows;
	const int64_t n = k->e.nvalues;
	void *to;

	if (n == 0)
		return CAT_OK;
	if (l->conv == CAT_PQ_W_TEXT)
		return texts(k, err);
	if (l->conv == CAT_PQ_W_SAME && !rows) {
		k->values = c->data->data + c->offset * l->width;
		return CAT_OK;
	}
	CAT_TRY(cat_buf_resize(&k->scratch->stored, (size_t)n * (size_t)(l->width ? l->width : 1), err));
	k->values = to = k->scratch->stored->data;
	switch (l->conv) {
	case CAT_PQ_W_SAME:
		move_same(c, rows, n, l->width, to);
		break;
	case CAT_PQ_W_BITS:
		for (int64_t i = 0; i < n; i++)
			((uint8_t *)to)[i] = cat_column_bool(c, rows ? rows[i] : i);
		break;
	case CAT_PQ_W_I8:
		TO32(int8_t);
		break;
	case CAT_PQ_W_U8:
		TO32(uint8_t);
		break;
	case CAT_PQ_W_I16:
		TO32(int16_t);
		break;
	case CAT_PQ_W_U16:
		TO32(uint16_t);
		break;
	case CAT_PQ_W_MILLI32:
	case CAT_PQ_W_MILLI64:
		return millis(c, rows, n, l->width, to, err);
	case CAT_PQ_W_DAYS:
		days(c, rows, n, to);
		break;
	case CAT_PQ_W_DECIMAL:
		decimals(c, rows, n, to);
		break;
	case CAT_PQ_W_TEXT:
	case CAT_PQ_W_NULL:
		break;
	}
	return CAT_OK;
}

/* --- dictionary --- */

static struct cat_span value_at(const struct encode *k, int64_t i)
{
	if (k->l->width)
		return (struct cat_span){(const uint8_t *)k->values + i * k->l->width, (size_t)k->l->width};
	return k->texts[i];
}

/* Values lie in buffers that may be read past the end. */
static uint32_t hash(struct cat_span s)
{
	uint64_t h = s.n * UINT64_C(0x9e3779b97f4a7c15), w;

	for (; s.n >= 8; s.p += 8, s.n -= 8) {
		memcpy(&w, s.p, 8);
		h = (h ^ w) * UINT64_C(0xff51afd7ed558ccd);
		h ^= h >> 32;
	}
	if (s.n) {
		memcpy(&w, s.p, 8);
		h = (h ^ (w & ((UINT64_C(1) << (8 * s.n)) - 1))) * UINT64_C(0xff51afd7ed558ccd);
		h ^= h >> 32;
	}
	return (uint32_t)(h ^ h >> 15);
}

/* Gives each value its index into the dictionary, whose entries are FIRST[0..) as value numbers; false when it
 * would be too large. TABLE has MASK + 1 slots, all EMPTY. */
static bool fill_dictionary(struct encode *k, uint32_t *table, uint32_t mask, uint32_t *first)
{
	uint32_t *index = (uint32_t *)(void *)k->scratch->index->data;
	size_t bytes = 0;

	for (int64_t i = 0; i < k->e.nvalues; i++) {
		const struct cat_span v = value_at(k, i);
		uint32_t at = hash(v) & mask;

		for (; table[at] != EMPTY; at = (at + 1) & mask) {
			const struct cat_span old = value_at(k, first[table[at]]);

			if (old.n == v.n && memcmp(old.p, v.p, v.n) == 0)
				break;
		}
		if (table[at] == EMPTY) {
			bytes += v.n + 4;
			if (bytes > DICTIONARY_BYTES || (k->ndict + 1) * 2 > k->e.nvalues)
				return false;
			first[k->ndict] = (uint32_t)i;
			table[at] = (uint32_t)k->ndict++;
		}
		index[i] = table[at];
	}
	return true;
}

static void put_plain(struct encode *k, int64_t from, int64_t n);

static int put_page(struct encode *k, int type, int encoding, int64_t entries, struct cat_error *err);

static int dictionary(struct encode *k, struct cat_error *err)
{
	const uint32_t size = (uint32_t)2
	                      << cat_bits_width((uint64_t)(k->e.nvalues < 1 << 18 ? k->e.nvalues : 1 << 18));
	uint32_t *table = cat_malloc((size_t)size * sizeof *table);
	int rc;

	k->first = cat_malloc(((size_t)k->e.nvalues / 2 + 1) * sizeof *k->first);
	rc = table && k->first ? cat_buf_resize(&k->scratch->index, (size_t)k->e.nvalues * sizeof *table, err)
	                       : cat_fail_mem(err, (size_t)k->e.nvalues * sizeof *table);
	if (rc == CAT_OK) {
		memset(table, 0xff, (size_t)size * sizeof *table);
		if (fill_dictionary(k, table, size - 1, k->first)) {
			for (int64_t i = 0; i < k->ndict; i++)
				put_plain(k, k->first[i], 1);
			rc = put_page(k, CAT_PQ_DICTIONARY, CAT_PQ_PLAIN, k->ndict, err);
			k->chunk->dict_size = k->chunk->size;
		} else {
			k->ndict = 0;
		}
	}
	cat_free(table);
	return rc;
}

/* --- pages --- */

static void put_plain(struct encode *k, int64_t from, int64_t n)
{
	const struct cat_pq_wleaf *l = k->l;

	if (l->width) {
		cat_text_addn(&k->raw, (const char *)k->values + from * l->width, (size_t)(n * l->width));
		return;
	}
	for (int64_t i = from; i < from + n; i++) {
		const uint32_t len = (uint32_t)k->texts[i].n;
		char *to = cat_text_room(&k->raw, 4 + (size_t)len);

		if (!to)
			return;
		memcpy(to, &len, 4);
		if (len)
			memcpy(to + 4, k->texts[i].p, len);
		k->raw.len += 4 + (size_t)len;
	}
}

static void put_bools(struct encode *k, int64_t from, int64_t n)
{
	const uint8_t *v = (const uint8_t *)k->values + from;

	for (int64_t i = 0; i < n; i += 8) {
		unsigned bits = 0;

		for (int64_t j = i; j < n && j < i + 8; j++)
			bits |= (unsigned)v[j] << (j - i);
		cat_text_addc(&k->raw, (char)bits);
	}
}

static void put_split(struct encode *k, int64_t from, int64_t n)
{
	const size_t bytes = (size_t)(n * k->l->width);
	char *to = cat_text_room(&k->raw, bytes);

	if (!to)
		return;
	cat_split_write((const uint8_t *)k->values + from * k->l->width, (uint8_t *)to, n, k->l->width);
	k->raw.len += bytes;
}

/* N values from FROM on; gives their encoding. */
static int put_values(struct encode *k, int64_t from, int64_t n)
{
	const struct cat_pq_wleaf *l = k->l;

	if (k->ndict) {
		const int width = k->ndict > 1 ? cat_bits_width((uint64_t)k->ndict - 1) : 1;

		cat_text_addc(&k->raw, (char)width);
		if (n)
			cat_rle_put(&k->raw, (const uint32_t *)(const void *)k->scratch->index->data + from, n,
			            width);
		return CAT_PQ_RLE_DICTIONARY;
	}
	if (n == 0) {
		if (l->encoding == CAT_PQ_DELTA_BINARY_PACKED)
			cat_delta_put_i64(&k->raw, NULL, 0); /* Arrow wants its header even of nothing */
		return (int)l->encoding;
	}
	if (l->conv == CAT_PQ_W_BITS)
		put_bools(k, from, n);
	else if (l->encoding == CAT_PQ_BYTE_STREAM_SPLIT)
		put_split(k, from, n);
	else if (l->encoding == CAT_PQ_DELTA_BINARY_PACKED && l->width == 4)
		cat_delta_put_i32(&k->raw, (const int32_t *)k->values + from, n);
	else if (l->encoding == CAT_PQ_DELTA_BINARY_PACKED)
		cat_delta_put_i64(&k->raw, (const int64_t *)k->values + from, n);
	else
		put_plain(k, from, n);
	return (int)l->encoding;
}

/* Levels of entries [from, from+n), behind their length: V, or what the bits of VALID from VALID_AT on say; without
 * either all are MAX. */
static void put_levels(struct encode *k, const uint32_t *v, const uint8_t *valid, int64_t from, int64_t n, int max)
{
	const int width = cat_bits_width((uint64_t)max);
	const size_t at = k->raw.len;
	uint32_t len;

	if (max == 0)
		return;
	cat_text_addn(&k->raw, "\0\0\0", 4);
	if (v)
		cat_rle_put(&k->raw, v + from, n, width);
	else if (valid)
		cat_rle_put_bits(&k->raw, valid, k->e.valid_at + from, n);
	else
		cat_rle_put_run(&k->raw, (uint32_t)max, n, width);
	if (k->raw.failed)
		return;
	len = (uint32_t)(k->raw.len - at - 4);
	memcpy(k->raw.s + at, &len, 4);
}

/* PageHeader: 1 type, 2 uncompressed size, 3 compressed size, 4 crc, 5 data, 7 dictionary. */
static void put_header(struct cat_text *to, int type, int encoding, size_t raw, size_t packed, uint32_t crc,
                       int64_t entries)
{
	struct cat_thrift_out o = {.to = to};
	const int16_t outer = cat_thrift_begin(&o, 0);
	int16_t inner;

	cat_thrift_put_int(&o, 1, CAT_THRIFT_I32, type);
	cat_thrift_put_int(&o, 2, CAT_THRIFT_I32, (int64_t)raw);
	cat_thrift_put_int(&o, 3, CAT_THRIFT_I32, (int64_t)packed);
	cat_thrift_put_int(&o, 4, CAT_THRIFT_I32, (int32_t)crc);
	inner = cat_thrift_begin(&o, type == CAT_PQ_DICTIONARY ? 7 : 5);
	cat_thrift_put_int(&o, 1, CAT_THRIFT_I32, entries);
	cat_thrift_put_int(&o, 2, CAT_THRIFT_I32, encoding);
	if (type == CAT_PQ_DATA) {
		cat_thrift_put_int(&o, 3, CAT_THRIFT_I32, CAT_PQ_RLE);
		cat_thrift_put_int(&o, 4, CAT_THRIFT_I32, CAT_PQ_RLE);
	}
	cat_thrift_end(&o, inner);
	cat_thrift_end(&o, outer);
}

/* N bytes behind what was written. What is long lies in several buffers: one that grows would be there twice. */
static int out_room(struct encode *k, size_t n, uint8_t **to, struct cat_error *err)
{
	struct cat_pq_bytes *out = k->out;
	const size_t at = k->last ? (*k->last)->size : 0;
	/* Values of one width hardly take more when they are compressed. */
	const size_t raw = k->ndict ? 0 : (size_t)k->e.nvalues * (size_t)k->l->width;
	const size_t most = raw < OUT_BYTES ? raw : OUT_BYTES;

	if (k->last && at + n <= OUT_BYTES) {
		CAT_TRY(cat_buf_resize(k->last, at + n, err));
		*to = (*k->last)->data + at;
		return CAT_OK;
	}
	if (cat_grow(&out->buf, &out->cap, out->n, sizeof(struct cat_buf *)) != 0)
		return cat_fail_mem(err, out->cap * sizeof(struct cat_buf *));
	CAT_TRY(cat_buf_new(n > most ? n : most, &out->buf[out->n], err));
	k->last = &out->buf[out->n++];
	(*k->last)->size = n;
	*to = (*k->last)->data;
	return CAT_OK;
}

/* Compresses what is in raw and appends it with its header to the chunk; empties raw. */
static int put_page(struct encode *k, int type, int encoding, int64_t entries, struct cat_error *err)
{
	struct cat_text header = {.max = 1 << 12};
	const uint8_t *body = (const uint8_t *)k->raw.s;
	size_t packed = k->raw.len;
	uint8_t *to = NULL;
	int rc;

	CAT_TRY(cat_text_check(&k->raw, err));
	if (k->raw.len > INT32_MAX)
		return cat_fail(err, CAT_E_UNSUPPORTED, "a page of more than 2 GiB");
	if (k->l->codec == CAT_CODEC_ZSTD) {
		const size_t bound = cat_codec_zstd_bound(k->raw.len);

		CAT_TRY(cat_buf_resize(&k->scratch->page, bound, err));
		CAT_TRY(cat_codec_zstd(&k->scratch->codec, k->level, k->raw.len ? k->raw.s : "", k->raw.len,
		                       k->scratch->page->data, bound, &packed, err));
		body = k->scratch->page->data;
	}
	put_header(&header, type, encoding, k->raw.len, packed, libdeflate_crc32(0, packed ? body : NULL, packed),
	           entries);
	rc = cat_text_check(&header, err);
	if (rc == CAT_OK)
		rc = out_room(k, header.len + packed, &to, err);
	if (rc == CAT_OK) {
		memcpy(to, header.s, header.len);
		if (packed)
			memcpy(to + header.len, body, packed);
		k->chunk->size += (int64_t)(header.len + packed);
		k->chunk->raw_size += (int64_t)(header.len + k->raw.len);
	}
	cat_text_fini(&header);
	k->raw.len = 0;
	return rc;
}

/* Bounds of N values from FROM on by the dictionary entries that occur among them. */
static int dictionary_bounds(struct encode *k, int64_t from, int64_t n, struct cat_pq_bounds *out,
                             struct cat_error *err)
{
	const uint32_t *index = (const uint32_t *)(const void *)k->scratch->index->data + from;
	uint8_t *seen = cat_calloc((size_t)k->ndict, 1);

	if (!seen)
		return cat_fail_mem(err, (size_t)k->ndict);
	for (int64_t i = 0; i < n; i++)
		seen[index[i]] = 1;
	for (int64_t i = 0; i < k->ndict; i++) {
		const struct cat_span v = value_at(k, k->first[i]);
		struct cat_pq_bounds one;

		if (!seen[i])
			continue;
		cat_pq_bounds_of(k->l, k->l->width ? (const void *)v.p : (const void *)&v, 1, &one);
		cat_pq_bounds_join(k->l, out, &one);
	}
	cat_free(seen);
	return CAT_OK;
}

/* A page's statistics, and its place for the offset index. */
static int note_page(struct encode *k, int64_t first_row, int64_t from, int64_t n, int64_t entries,
                     struct cat_error *err)
{
	struct cat_pq_wchunk *c = k->chunk;
	struct page_stats *s;

	if (cat_grow(&c->pages, &c->cap_pages, c->npages, sizeof *c->pages) != 0 ||
	    cat_grow(&k->stats, &k->cap_stats, k->nstats, sizeof *k->stats) != 0)
		return cat_fail_mem(err, sizeof *k->stats);
	c->pages[c->npages++] = (struct cat_pq_wpage){c->size, 0, first_row};
	s = &k->stats[k->nstats++];
	memset(s, 0, sizeof *s);
	s->entries = entries;
	s->nulls = entries - n;
	if (k->ndict)
		CAT_TRY(dictionary_bounds(k, from, n, &s->bounds, err));
	else if (k->texts && n)
		cat_pq_bounds_of(k->l, k->texts + from, n, &s->bounds);
	else if (n)
		cat_pq_bounds_of(k->l, (const uint8_t *)k->values + from * (k->l->width ? k->l->width : 1), n,
		                 &s->bounds);
	cat_pq_bounds_join(k->l, &c->bounds, &s->bounds);
	return CAT_OK;
}

/* How far a page goes that begins with entry I and value V: to the next row after it is full. */
static int64_t page_end(const struct encode *k, int64_t i, int64_t v, int64_t *values)
{
	const struct cat_pq_entries *e = &k->e;
	const int64_t each = k->ndict || k->l->conv == CAT_PQ_W_BITS || k->l->conv == CAT_PQ_W_NULL
	                             ? ENTRY_BYTES
	                             : k->l->width;
	int64_t bytes = 0, from = v;

	if (k->l->max_rep == 0 && each) { /* by rows, so that the pages of equally wide columns begin together */
		const int64_t full = each < k->l->page_bytes ? k->l->page_bytes / each : 1;
		const int64_t end = full < e->n - i ? i + full : e->n;

		*values = e->valid ? cat_bits_count(e->valid, e->valid_at + i, end - i) : end - i;
		for (; e->def && i < end; i++)
			*values -= e->def[i] != k->l->max_def;
		return end;
	}
	for (; i < e->n && !(bytes >= k->l->page_bytes && (!e->rep || e->rep[i] == 0)); i++) {
		const bool has_value = e->valid ? cat_bit_get(e->valid, e->valid_at + i)
		                                : !e->def || e->def[i] == k->l->max_def;

		if (has_value) {
			bytes += each ? each : 4 + (int64_t)k->texts[v].n;
			v++;
		} else {
			bytes++; /* levels only, yet a page of nulls must end */
		}
	}
	*values = v - from;
	return i;
}

static int pages(struct encode *k, struct cat_error *err)
{
	const struct cat_pq_entries *e = &k->e;
	int64_t i = 0, v = 0, row = 0;

	while (i < e->n) {
		int64_t n, rows = 0;
		const int64_t end = page_end(k, i, v, &n);
		int encoding;

		for (int64_t j = i; e->rep && j < end; j++)
			rows += e->rep[j] == 0;
		CAT_TRY(note_page(k, row, v, n, end - i, err));
		if (k->l->max_rep)
			put_levels(k, e->rep, NULL, i, end - i, k->l->max_rep);
		put_levels(k, e->def, e->valid, i, end - i, k->l->max_def);
		encoding = put_values(k, v, n);
		CAT_TRY(put_page(k, CAT_PQ_DATA, encoding, end - i, err));
		k->chunk->pages[k->chunk->npages - 1].size =
			k->chunk->size - k->chunk->pages[k->chunk->npages - 1].off;
		row += e->rep ? rows : end - i;
		i = end;
		v += n;
	}
	return CAT_OK;
}

static int column_index(struct encode *k, struct cat_error *err)
{
	struct cat_pq_bounds *b = cat_malloc(k->nstats * sizeof *b);
	int64_t *counts = cat_malloc(2 * k->nstats * sizeof *counts);
	int rc = CAT_OK;

	k->chunk->column_index.max = TEXT_MAX;
	if (!b || !counts) {
		rc = cat_fail_mem(err, k->nstats * sizeof *b);
	} else {
		for (size_t i = 0; i < k->nstats; i++) {
			b[i] = k->stats[i].bounds;
			counts[i] = k->stats[i].nulls;
			counts[k->nstats + i] = k->stats[i].entries;
		}
		cat_pq_column_index_put(k->l, b, counts, counts + k->nstats, k->nstats, &k->chunk->column_index);
		rc = cat_text_check(&k->chunk->column_index, err);
	}
	cat_free(b);
	cat_free(counts);
	return rc;
}

static int encode(struct encode *k, const struct cat_column *c, struct cat_error *err)
{
	CAT_TRY(cat_pq_entries_make(k->l, c, &k->e, err));
	k->chunk->nvalues = k->e.n;
	k->chunk->nulls = k->e.n - k->e.nvalues;
	CAT_TRY(store(k, err));
	k->chunk->text_bytes = k->l->conv == CAT_PQ_W_TEXT ? 0 : -1;
	for (int64_t i = 0; k->l->conv == CAT_PQ_W_TEXT && i < k->e.nvalues; i++)
		k->chunk->text_bytes += (int64_t)k->texts[i].n;
	if (k->l->by_dictionary && k->e.nvalues)
		CAT_TRY(dictionary(k, err));
	CAT_TRY(pages(k, err));
	return column_index(k, err);
}

int cat_pq_encode_leaf(const struct cat_pq_wleaf *l, const struct cat_column *c, int level,
                       struct cat_pq_scratch *scratch, struct cat_pq_wchunk *chunk, struct cat_pq_bytes *out,
                       struct cat_error *err)
{
	struct encode k = {.l = l, .scratch = scratch, .level = level ? level : 1, .raw = scratch->raw, .chunk = chunk,
	                   .out = out};
	int rc;

	memset(&scratch->raw, 0, sizeof scratch->raw);
	k.raw.max = TEXT_MAX;
	rc = encode(&k, c, err);

	cat_pq_entries_fini(&k.e);
	cat_free(k.texts);
	cat_free(k.first);
	cat_free(k.stats);
	k.raw.len = 0;
	k.raw.failed = false;
	scratch->raw = k.raw;
	return rc;
}

void cat_pq_wchunk_fini(struct cat_pq_wchunk *c)
{
	cat_free(c->pages);
	cat_text_fini(&c->column_index);
	memset(c, 0, sizeof *c);
}
