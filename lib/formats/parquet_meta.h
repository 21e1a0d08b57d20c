/* parquet_meta -- Parquet's Thrift structures as plain C: footer, page header, page indexes.
 *
 * Layer: formats, inside Parquet. Byte strings are spans of the buffer that was parsed. Lists grow with what
 * is really there, never with what a count declares.
 * Source: parquet-format, parquet.thrift (field numbers in the comments of parquet_meta.c).
 * Thread rule: immutable once parsed.
 */
#ifndef CAT_FORMATS_PARQUET_META_H
#define CAT_FORMATS_PARQUET_META_H

#include "base/buf.h"
#include "formats/thrift.h"

/* No file is larger; sums of two such numbers do not overflow. */
#define CAT_PQ_OFFSET_MAX (INT64_C(1) << 60)

/* One zeroed element of SIZE bytes more in the list *ARRAY of *N, or NULL when memory is out. */
void *cat_pq_grow(void *array, size_t *cap, size_t *n, size_t size);

enum cat_pq_type {
	CAT_PQ_BOOLEAN,
	CAT_PQ_INT32,
	CAT_PQ_INT64,
	CAT_PQ_INT96,
	CAT_PQ_FLOAT,
	CAT_PQ_DOUBLE,
	CAT_PQ_BYTES,
	CAT_PQ_FIXED
};
enum cat_pq_repetition { CAT_PQ_REQUIRED, CAT_PQ_OPTIONAL, CAT_PQ_REPEATED };
enum cat_pq_encoding {
	CAT_PQ_PLAIN = 0,
	CAT_PQ_PLAIN_DICTIONARY = 2,
	CAT_PQ_RLE = 3,
	CAT_PQ_BIT_PACKED = 4,
	CAT_PQ_DELTA_BINARY_PACKED = 5,
	CAT_PQ_DELTA_LENGTH = 6,
	CAT_PQ_DELTA_BYTES = 7,
	CAT_PQ_RLE_DICTIONARY = 8,
	CAT_PQ_BYTE_STREAM_SPLIT = 9,
	CAT_PQ_ALP = 10
};
enum cat_pq_page_type { CAT_PQ_DATA, CAT_PQ_INDEX, CAT_PQ_DICTIONARY, CAT_PQ_DATA_V2 };
/* The LogicalType union's field ids; older annotations are turned into these on the way in. */
enum cat_pq_logical_id {
	CAT_PQ_L_NONE,
	CAT_PQ_L_STRING = 1,
	CAT_PQ_L_MAP = 2,
	CAT_PQ_L_LIST = 3,
	CAT_PQ_L_ENUM = 4,
	CAT_PQ_L_DECIMAL = 5,
	CAT_PQ_L_DATE = 6,
	CAT_PQ_L_TIME = 7,
	CAT_PQ_L_TIMESTAMP = 8,
	CAT_PQ_L_INTEGER = 10,
	CAT_PQ_L_UNKNOWN = 11,
	CAT_PQ_L_JSON = 12,
	CAT_PQ_L_BSON = 13,
	CAT_PQ_L_UUID = 14,
	CAT_PQ_L_FLOAT16 = 15,
	CAT_PQ_L_LAST = 18
};
struct cat_pq_logical {
	int id;
	int unit; /* TIME, TIMESTAMP: 1 ms, 2 us, 3 ns */
	bool utc;
	int bits; /* INTEGER */
	bool is_signed;
	int scale, precision; /* DECIMAL */
};

struct cat_pq_element {
	int type; /* enum cat_pq_type, -1 for a group */
	int type_length;
	int repetition;
	struct cat_span name;
	int nchildren;
	struct cat_pq_logical logical;
};
struct cat_pq_stats {
	struct cat_span max_old, min_old, max, min;
	int64_t null_count; /* -1 unknown */
	bool max_exact, min_exact;
};
struct cat_pq_chunk {
	int type;
	int codec;
	int64_t nvalues;
	int64_t size; /* compressed, with headers */
	int64_t raw_size;
	int64_t text_bytes; /* of the values of a byte array, whatever they are encoded as; -1: not told */
	int64_t data_off, dict_off; /* dict_off 0: none told */
	int64_t offset_index_off, column_index_off;
	int64_t offset_index_len, column_index_len; /* 0: none */
	int64_t bloom_off, bloom_len; /* of the Bloom filter; 0: none, length not told */
	bool encrypted;
	struct cat_span path; /* of the file that has the bytes, seen from this one; n 0: this one */
	struct cat_pq_stats stats;
};
struct cat_pq_group {
	int64_t nrows;
	size_t chunk0; /* of the footer's chunks */
	size_t nchunks;
	int sort_leaf; /* the first one that the rows are said to be in order of, nulls last; -1: nothing is said */
	bool sort_down;
};
struct cat_pq_pair {
	struct cat_span key, value;
};
struct cat_pq_footer {
	struct cat_buf *bytes;
	int64_t nrows;
	bool encrypted;
	struct cat_span created_by; /* p NULL: absent */
	size_t nelements, cap_elements;
	struct cat_pq_element *elements;
	size_t ngroups, cap_groups;
	struct cat_pq_group *groups;
	size_t nchunks, cap_chunks;
	struct cat_pq_chunk *chunks;
	size_t npairs, cap_pairs;
	struct cat_pq_pair *pairs;
	size_t norders, cap_orders;
	uint8_t *orders; /* per leaf: field id of the ColumnOrder union, 0 unknown */
};
/* Parses BYTES, of which the footer keeps a reference. On failure nothing is left in F. */
CAT_MUST_USE int cat_pq_footer_parse(struct cat_buf *bytes, struct cat_pq_footer *f, struct cat_error *err);
void cat_pq_footer_fini(struct cat_pq_footer *f);

struct cat_pq_page_header {
	int type;
	int64_t raw_size, size;
	bool has_crc;
	uint32_t crc;
	int64_t nvalues;
	int encoding;
	int def_encoding, rep_encoding;
	int64_t nnulls, nrows; /* version 2 */
	int64_t def_bytes, rep_bytes;
	bool is_compressed;
	bool has_body_header; /* the part that belongs to the type was there */
};
/* Parses a page header at P; *USED is its length. False when malformed. */
CAT_MUST_USE bool cat_pq_page_header(const uint8_t *p, const uint8_t *end, struct cat_pq_page_header *h,
                                     size_t *used);

struct cat_pq_location {
	int64_t off, size, first_row;
};
/* The pages of a chunk; *OUT is the caller's (cat_free). Offsets ascend and rows ascend from 0, else
 * CAT_E_DATA. */
CAT_MUST_USE int cat_pq_offset_index(const struct cat_buf *b, struct cat_pq_location **out, size_t *n,
                                     struct cat_error *err);
struct cat_pq_bound {
	bool is_null; /* the page holds nulls only */
	struct cat_span min, max;
	int64_t nulls; /* -1 unknown */
};
/* The bounds of a chunk's pages, spans of B; *OUT is the caller's (cat_free). */
CAT_MUST_USE int cat_pq_column_index(const struct cat_buf *b, struct cat_pq_bound **out, size_t *n,
                                     struct cat_error *err);

#endif
