/* parquet_write -- the parts of the Parquet writer: the stored schema, column chunks, the footer.
 *
 * Layer: formats, inside Parquet.
 */
#ifndef CAT_FORMATS_PARQUET_WRITE_H
#define CAT_FORMATS_PARQUET_WRITE_H

#include "columnar/batch.h"
#include "formats/parquet.h"
#include "formats/parquet_page.h"

#define CAT_PQ_DEPTH 32
#define CAT_PQ_BOUND 64 /* longer texts are cut in statistics */

/* How a column's value becomes a stored one. */
enum cat_pq_wconv {
	CAT_PQ_W_SAME,
	CAT_PQ_W_BITS,
	CAT_PQ_W_TEXT,
	CAT_PQ_W_I8,
	CAT_PQ_W_U8,
	CAT_PQ_W_I16,
	CAT_PQ_W_U16,
	CAT_PQ_W_MILLI32, /* seconds to milliseconds */
	CAT_PQ_W_MILLI64,
	CAT_PQ_W_DAYS,    /* milliseconds to days */
	CAT_PQ_W_DECIMAL, /* to 16 big-endian bytes */
	CAT_PQ_W_NULL
};
/* Order of the stored values in statistics. */
enum cat_pq_order {
	CAT_PQ_O_NONE,
	CAT_PQ_O_BOOL,
	CAT_PQ_O_I32,
	CAT_PQ_O_U32,
	CAT_PQ_O_I64,
	CAT_PQ_O_U64,
	CAT_PQ_O_F32,
	CAT_PQ_O_F64,
	CAT_PQ_O_BYTES,  /* unsigned, byte by byte */
	CAT_PQ_O_DECIMAL /* big-endian two's complement of 16 bytes */
};
struct cat_pq_wleaf {
	enum cat_pq_type type;
	int32_t type_length;
	int width; /* bytes of a stored value, 0 for texts and booleans */
	enum cat_pq_wconv conv;
	enum cat_pq_order order;
	enum cat_pq_encoding encoding; /* of values that are not in a dictionary */
	bool by_dictionary;
	int codec;
	int64_t page_bytes;
	uint8_t max_def, max_rep;
	int npath;
	const struct cat_field *path[CAT_PQ_DEPTH]; /* from the column down to the leaf */
	int child[CAT_PQ_DEPTH]; /* path[i] is child[i] of path[i - 1], or of the schema */
};
/* The schema as it is stored. Keeps a reference to the schema. */
struct cat_pq_wschema {
	struct cat_schema *schema;
	struct cat_text elements; /* SchemaElement structs, one after the other */
	size_t nelements;
	size_t nleaves, cap_leaves;
	struct cat_pq_wleaf *leaves;
};
CAT_MUST_USE int cat_pq_wschema_init(struct cat_pq_wschema *w, const struct cat_schema *s,
                                     const struct cat_parquet_write_options *o, struct cat_error *err);
void cat_pq_wschema_fini(struct cat_pq_wschema *w);

struct cat_pq_bounds {
	bool known;
	bool lost; /* there are values that no bound could be given for */
	bool min_exact, max_exact;
	size_t nmin, nmax;
	uint8_t min[CAT_PQ_BOUND], max[CAT_PQ_BOUND];
};
struct cat_pq_wpage {
	int64_t off; /* from the chunk's begin */
	int64_t size;
	int64_t first_row;
};
/* A column chunk that was encoded; offsets count from its own begin. */
struct cat_pq_wchunk {
	int64_t nvalues; /* nulls included */
	int64_t nulls;   /* level entries without a value */
	int64_t size, raw_size;
	int64_t text_bytes; /* of the values of a byte array; -1: it is none */
	int64_t dict_size; /* bytes of the dictionary page, 0: none */
	int64_t off;       /* in the file, once placed */
	struct cat_pq_bounds bounds;
	size_t npages, cap_pages;
	struct cat_pq_wpage *pages;
	struct cat_text column_index; /* empty: none */
	int64_t column_index_off, column_index_len, offset_index_off, offset_index_len;
};
void cat_pq_wchunk_fini(struct cat_pq_wchunk *c);

/* A leaf's level entries and which rows of its column hold their values. */
struct cat_pq_entries {
	int64_t n;
	uint32_t *def, *rep;  /* NULL: VALID says it, else all at max_def; all 0 */
	const uint8_t *valid; /* of a column that is no part of another: bits of which entries have values, the */
	int64_t valid_at;     /* column's own, from this bit on; NULL: DEF says it, or all have */
	int64_t nvalues;
	int32_t *rows; /* of column; NULL: all of its rows */
	const struct cat_column *column;
	struct cat_column *own; /* the same where it is no part of the caller's; NULL: it is */
};
/* parquet_levels.c: takes column C of leaf L apart. cat_pq_entries_fini frees. */
CAT_MUST_USE int cat_pq_entries_make(const struct cat_pq_wleaf *l, const struct cat_column *c,
                                     struct cat_pq_entries *e, struct cat_error *err);
void cat_pq_entries_fini(struct cat_pq_entries *e);

/* parquet_bounds.c: least and greatest of N stored values (texts as spans); NaNs do not count. */
void cat_pq_bounds_of(const struct cat_pq_wleaf *l, const void *values, int64_t n, struct cat_pq_bounds *out);
/* Widens A by B. */
void cat_pq_bounds_join(const struct cat_pq_wleaf *l, struct cat_pq_bounds *a, const struct cat_pq_bounds *b);
/* Statistics struct as field ID of O. */
void cat_pq_bounds_put(const struct cat_pq_wleaf *l, const struct cat_pq_bounds *b, int64_t nulls,
                       struct cat_thrift_out *o, int id);
/* ColumnIndex of pages whose bounds and nulls these are; ROWS of each is how many entries it has. Nothing is
 * appended when a page has values but no bounds. */
void cat_pq_column_index_put(const struct cat_pq_wleaf *l, const struct cat_pq_bounds *pages, const int64_t *nulls,
                             const int64_t *entries, size_t n, struct cat_text *out);

/* Buffers one behind the other. */
struct cat_pq_bytes {
	struct cat_buf **buf;
	size_t n, cap;
};
/* parquet_encode.c: the bytes of leaf L of column C, appended to OUT, and what the footer says of them. CHUNK
 * must be zeroed and is freed by cat_pq_wchunk_fini whether or not this succeeds. LEVEL as in the options. */
CAT_MUST_USE int cat_pq_encode_leaf(const struct cat_pq_wleaf *l, const struct cat_column *c, int level,
                                    struct cat_pq_scratch *scratch, struct cat_pq_wchunk *chunk,
                                    struct cat_pq_bytes *out, struct cat_error *err);

/* parquet_footer.c */
struct cat_pq_wgroup {
	int64_t nrows;
	struct cat_pq_wchunk *chunks; /* one per leaf */
};
/* The Thrift bytes of a footer: GROUPS as they stand, or N serialised ones in RAW. */
void cat_pq_footer_put(const struct cat_pq_wschema *w, int64_t nrows, const struct cat_text *raw_groups, size_t n,
                       struct cat_text *out);
/* A RowGroup struct; SORT is the leaf that rows are sorted by, -1 none. */
void cat_pq_group_put(const struct cat_pq_wschema *w, const struct cat_pq_wgroup *g, size_t ordinal, int sort,
                      struct cat_text *out);
/* Behind the Thrift bytes in T: their length and the magic. */
void cat_pq_tail_put(struct cat_text *t, size_t footer_len);

#endif
