/* Bloom filters of column chunks (parquet-format BloomFilter.md: split blocks, XXH64 of the plain value). They are only
 * read, and only where they are sound; what is odd about one is as if it were not there. */
#include <string.h>

#include "formats/parquet_file.h"

#define BLOCK 32
#define HEADER_MAX 64
#define BITS_MAX ((int64_t)4 << 20)

/* --- XXH64, seed 0 (xxHash specification 0.1.1) --- */

#define P1 UINT64_C(0x9E3779B185EBCA87)
#define P2 UINT64_C(0xC2B2AE3D27D4EB4F)
#define P3 UINT64_C(0x165667B19E3779F9)
#define P4 UINT64_C(0x85EBCA77C2B2AE63)
#define P5 UINT64_C(0x27D4EB2F165667C5)

static uint64_t rotate(uint64_t v, int n)
{
	return v << n | v >> (64 - n);
}

static uint64_t le64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static uint64_t mix(uint64_t lane, uint64_t v)
{
	return rotate(lane + v * P2, 31) * P1;
}

uint64_t cat_pq_xxh64(const void *data, size_t n)
{
	const uint8_t *p = data, *const end = p + n;
	uint64_t h = P5;

	if (n >= 32) {
		uint64_t lane[4] = {P1 + P2, P2, 0, 0 - P1};

		for (; end - p >= 32; p += 32)
			for (int i = 0; i < 4; i++)
				lane[i] = mix(lane[i], le64(p + (size_t)i * 8));
		h = rotate(lane[0], 1) + rotate(lane[1], 7) + rotate(lane[2], 12) + rotate(lane[3], 18);
		for (int i = 0; i < 4; i++)
			h = (h ^ mix(0, lane[i])) * P1 + P4;
	}
	h += n;
	for (; end - p >= 8; p += 8)
		h = rotate(h ^ mix(0, le64(p)), 27) * P1 + P4;
	if (end - p >= 4) {
		uint32_t v;

		memcpy(&v, p, sizeof v);
		h = rotate(h ^ v * P1, 23) * P2 + P3;
		p += 4;
	}
	for (; p < end; p++)
		h = rotate(h ^ *p * P5, 11) * P1;
	h = (h ^ h >> 33) * P2;
	h = (h ^ h >> 29) * P3;
	return h ^ h >> 32;
}

/* --- the filter --- */

/* Whether a union has its first member: the only algorithm, hash and compression there are. */
static bool is_first(struct cat_thrift *t, uint8_t type)
{
	struct cat_thrift_field f = {0};
	bool first = false;

	cat_thrift_struct(t, type);
	while (cat_thrift_next(t, &f)) {
		first |= f.id == 1;
		cat_thrift_skip(t, f.type);
	}
	return first;
}

/* BloomFilterHeader {1 numBytes, 2 algorithm, 3 hash, 4 compression}. *USED is its length. False: it is of no use. */
static bool read_header(const struct cat_buf *b, int64_t *bits, size_t *used)
{
	struct cat_thrift t = {b->data, b->data + b->size, false};
	struct cat_thrift_field f = {0};
	int known = 0;

	*bits = 0;
	while (cat_thrift_next(&t, &f)) {
		if (f.id == 1)
			*bits = cat_thrift_int(&t, f.type);
		else if (f.id >= 2 && f.id <= 4)
			known += is_first(&t, f.type);
		else
			cat_thrift_skip(&t, f.type);
	}
	*used = (size_t)(t.p - b->data);
	return !t.bad && known == 3 && *bits >= BLOCK && *bits <= BITS_MAX && *bits % BLOCK == 0;
}

/* The bits of C's filter, or NULL. A length that was told must be right. */
static struct cat_buf *read_bits(const struct cat_parquet_file *f, const struct cat_pq_chunk *c)
{
	const int64_t left = f->reader->size - c->bloom_off;
	struct cat_error unused;
	struct cat_buf *head, *out = NULL;
	int64_t bits, len = c->bloom_len > 0 ? c->bloom_len : HEADER_MAX;
	size_t used;

	if (c->bloom_off <= 0 || left <= 0)
		return NULL;
	len = len < left ? len : left;
	if (len > BITS_MAX + HEADER_MAX || cat_read_range(f->reader, c->bloom_off, (size_t)len, &head, &unused) != CAT_OK)
		return NULL;
	if (read_header(head, &bits, &used) && bits <= left - (int64_t)used &&
	    (c->bloom_len <= 0 || c->bloom_len == (int64_t)used + bits)) {
		const int rc = (int64_t)used + bits <= len
		                       ? cat_buf_slice(head, used, (size_t)bits, &out, &unused)
		                       : cat_read_range(f->reader, c->bloom_off + (int64_t)used, (size_t)bits, &out, &unused);

		if (rc != CAT_OK)
			out = NULL;
	}
	cat_buf_unref(head);
	return out;
}

static bool may_have(const struct cat_buf *bits, uint64_t hash)
{
	static const uint32_t salts[8] = {0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d,
	                                  0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31};
	const uint8_t *block = bits->data + ((hash >> 32) * (bits->size / BLOCK) >> 32) * BLOCK;

	for (int i = 0; i < 8; i++) {
		uint32_t word;

		memcpy(&word, block + (size_t)i * 4, sizeof word);
		if (!(word & UINT32_C(1) << ((uint32_t)hash * salts[i] >> 27)))
			return false;
	}
	return true;
}

/* --- values as they are stored --- */

/* Whether an integer of type ID can be V. */
static bool fits(enum cat_type_id id, int64_t v)
{
	switch ((int)id) {
	case CAT_T_I8:
		return v >= INT8_MIN && v <= INT8_MAX;
	case CAT_T_U8:
		return v >= 0 && v <= UINT8_MAX;
	case CAT_T_I16:
		return v >= INT16_MIN && v <= INT16_MAX;
	case CAT_T_U16:
		return v >= 0 && v <= UINT16_MAX;
	case CAT_T_I32:
		return v >= INT32_MIN && v <= INT32_MAX;
	case CAT_T_U32:
		return v >= 0 && v <= UINT32_MAX;
	case CAT_T_I64:
		return true;
	default:
		return false;
	}
}

/* The plain bytes of V as a value of leaf L, in ROOM or where V has them; n 0: it is not known how that would be
 * stored. Zeros have two signs. */
static struct cat_span stored(const struct cat_pq_leaf *l, const struct cat_constant *v, uint8_t room[8])
{
	struct cat_span s = {room, 0};

	if (v->is_text) {
		if (l->type == CAT_PQ_BYTES && l->out.id == CAT_T_UTF8)
			s = (struct cat_span){(const uint8_t *)v->s, v->len};
	} else if (v->is_int && (l->type == CAT_PQ_INT32 || l->type == CAT_PQ_INT64)) {
		if (fits(l->out.id, v->i64)) {
			memcpy(room, &v->i64, 8); /* little-endian: the low bytes come first */
			s.n = l->type == CAT_PQ_INT32 ? 4 : 8;
		}
	} else if (!v->is_int && v->f64 != 0 && l->type == CAT_PQ_DOUBLE) {
		memcpy(room, &v->f64, s.n = 8);
	} else if (!v->is_int && v->f64 != 0 && l->type == CAT_PQ_FLOAT && (double)(float)v->f64 == v->f64) {
		const float narrow = (float)v->f64;

		memcpy(room, &narrow, s.n = 4);
	}
	return s;
}

bool cat_pq_bloom_lacks(const struct cat_parquet_file *f, int group, struct cat_pq_bloom *b, int col,
                        const struct cat_constant *v)
{
	const struct cat_pq_node *n = &f->tree.nodes[col];
	struct cat_span bytes;
	uint8_t room[8];

	if (n->kind != CAT_PQ_NODE_LEAF || cat_pq_chunk_of(f, group, n->leaf)->bloom_off == 0)
		return false;
	bytes = stored(&f->tree.leaves[n->leaf], v, room);
	if (bytes.n == 0)
		return false;
	if (!b->loaded || b->leaf != n->leaf) {
		cat_pq_bloom_fini(b);
		b->bits = read_bits(f, cat_pq_chunk_of(f, group, n->leaf));
		b->leaf = n->leaf;
		b->loaded = true;
	}
	return b->bits && !may_have(b->bits, cat_pq_xxh64(bytes.p, bytes.n));
}

void cat_pq_bloom_fini(struct cat_pq_bloom *b)
{
	cat_buf_unref(b->bits);
	memset(b, 0, sizeof *b);
}
