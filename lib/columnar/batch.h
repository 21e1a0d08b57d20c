/* batch -- columns and batches of rows: immutable, shared by reference, sliced without copying.
 *
 * Layer: columnar. Layouts are Arrow's with 32-bit offsets. OFFSET counts elements (bits for BOOL and for
 * validity) and applies to this column's own buffers only: children of a STRUCT have the struct's length, the
 * child of a FIXED_LIST length x width, the child of a LIST is addressed by the values of its offsets.
 * Values under nulls are defined (zero or whatever was read) but mean nothing.
 * Thread rule: ref and unref from any thread; building belongs to one.
 */
#ifndef CAT_COLUMNAR_BATCH_H
#define CAT_COLUMNAR_BATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "columnar/schema.h"

struct cat_column {
	atomic_int refs;
	struct cat_type type;
	int64_t length;
	int64_t offset;
	int64_t null_count;       /* exact; -1: not counted */
	struct cat_buf *validity; /* bits, LSB first; NULL: no nulls (type NULL: all null) */
	struct cat_buf *offsets;  /* int32, length + offset + 1 of them: text, LIST, MAP */
	struct cat_buf *data;     /* values; bits for BOOL; bytes for text */
	int nchildren;
	struct cat_column **children;
};

/* An empty shell (buffers NULL) with room for NCHILDREN; the caller fills it before sharing. */
CAT_MUST_USE int cat_column_new(const struct cat_type *type, int64_t length, int nchildren, struct cat_column **out,
                                struct cat_error *err);
/* LENGTH nulls of F's type. */
CAT_MUST_USE int cat_column_nulls(const struct cat_field *f, int64_t length, struct cat_column **out,
                                  struct cat_error *err);
/* Rows [off, off+n) of C, sharing its buffers. */
CAT_MUST_USE int cat_column_slice(const struct cat_column *c, int64_t off, int64_t n, struct cat_column **out,
                                  struct cat_error *err);
struct cat_column *cat_column_ref(struct cat_column *c);
void cat_column_unref(struct cat_column *c); /* accepts NULL */
/* Counts when it must; const in meaning. */
int64_t cat_column_null_count(const struct cat_column *c);
/* Bytes its rows occupy, slices counted by their part. */
int64_t cat_column_bytes(const struct cat_column *c);

/* Bytes of the values of rows [off, off+n), by the values alone: the same however the rows were batched. */
int64_t cat_column_weight(const struct cat_column *c, int64_t off, int64_t n);

static inline bool cat_bit_get(const uint8_t *bits, int64_t i)
{
	return (bits[i >> 3] >> (i & 7)) & 1;
}
static inline void cat_bit_set(uint8_t *bits, int64_t i)
{
	bits[i >> 3] = (uint8_t)(bits[i >> 3] | (1u << (i & 7)));
}
/* CAT_BITS_WORD bits from bit AT on, more being undefined. Buffers are padded: it may lie at their end. */
#define CAT_BITS_WORD 56
static inline uint64_t cat_bits_word(const uint8_t *bits, int64_t at)
{
	uint64_t word;

	memcpy(&word, bits + (at >> 3), sizeof word);
	return word >> (at & 7);
}
static inline bool cat_column_valid(const struct cat_column *c, int64_t i)
{
	return c->validity ? cat_bit_get(c->validity->data, c->offset + i) : c->type.id != CAT_T_NULL;
}
/* Pointer to row 0's value of a fixed-width column. */
#define CAT_VALUES(c, ctype) ((const ctype *)(const void *)(c)->data->data + (c)->offset)
/* Pointer to row 0's offset: row i is [o[i], o[i+1]). */
static inline const int32_t *cat_column_offsets(const struct cat_column *c)
{
	return (const int32_t *)(const void *)c->offsets->data + c->offset;
}
static inline bool cat_column_bool(const struct cat_column *c, int64_t i)
{
	return cat_bit_get(c->data->data, c->offset + i);
}
/* Text of row i, not terminated. */
static inline const char *cat_column_text(const struct cat_column *c, int64_t i, int32_t *len)
{
	const int32_t *o = cat_column_offsets(c) + i;

	*len = o[1] - o[0];
	return (const char *)c->data->data + o[0];
}
/* Any number column's value as double (BOOL too); the caller has checked validity. */
double cat_column_f64(const struct cat_column *c, int64_t i);
/* Any integer-like column's value (BOOL, dates and times too); U64 wraps. */
int64_t cat_column_i64(const struct cat_column *c, int64_t i);

/* Inside of a program a column that nobody reads may be NULL; what is put into a sink has all of them. */
struct cat_batch {
	atomic_int refs;
	struct cat_schema *schema;
	int64_t nrows;
	int ncols;
	struct cat_column **cols;
};
/* Takes a reference to SCHEMA; columns are NULL until the caller fills all of them. */
CAT_MUST_USE int cat_batch_new(struct cat_schema *schema, int64_t nrows, struct cat_batch **out,
                               struct cat_error *err);
/* No rows, but all columns. */
CAT_MUST_USE int cat_batch_empty(struct cat_schema *schema, struct cat_batch **out, struct cat_error *err);
CAT_MUST_USE int cat_batch_slice(const struct cat_batch *b, int64_t off, int64_t n, struct cat_batch **out,
                                 struct cat_error *err);
/* The N columns COLS of B under SCHEMA, which describes just those. */
CAT_MUST_USE int cat_batch_project(const struct cat_batch *b, struct cat_schema *schema, const int *cols, int n,
                                   struct cat_batch **out, struct cat_error *err);
struct cat_batch *cat_batch_ref(struct cat_batch *b);
void cat_batch_unref(struct cat_batch *b); /* accepts NULL */
int64_t cat_batch_bytes(const struct cat_batch *b);
/* Rows per batch that keep a batch of S near 0.5 MiB; a power of two from 256 to 65,536. Depends on the
 * schema alone, so that outputs do not depend on memory or threads. */
int64_t cat_batch_rows(const struct cat_schema *s);
/* Bytes of the values of rows [OFF, OFF+N), by the values alone; of columns that are there. */
int64_t cat_batch_weight(const struct cat_batch *b, int64_t off, int64_t n);
/* What a batch weighs at most, unless a row weighs more alone: texts and lists may be far longer than cat_batch_rows
 * thinks. */
#define CAT_BATCH_WEIGHT (INT64_C(8) << 20)
/* How many of the N rows from OFF on weigh MOST_BYTES at most. */
int64_t cat_batch_fit(const struct cat_batch *b, int64_t off, int64_t n, int64_t most_bytes);

#endif
