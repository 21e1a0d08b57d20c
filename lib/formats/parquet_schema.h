/* parquet_schema -- a Parquet schema as Arrow fields, and where each field finds its levels and leaves.
 *
 * Layer: formats, inside Parquet. Source: parquet-format LogicalTypes.md (types, lists, maps) and README.md
 * "Nested Encoding" (levels).
 * Thread rule: immutable once built.
 */
#ifndef CAT_FORMATS_PARQUET_SCHEMA_H
#define CAT_FORMATS_PARQUET_SCHEMA_H

#include "columnar/schema.h"
#include "formats/parquet.h"
#include "formats/parquet_meta.h"

/* Field metadata by which Arrow knows a UUID (Arrow columnar format, "Canonical Extension Types"). */
#define CAT_PQ_EXTENSION "ARROW:extension:name"
#define CAT_PQ_UUID "arrow.uuid"

/* How a stored value becomes the column's value. */
enum cat_pq_conv {
	CAT_PQ_SAME,       /* the same bytes */
	CAT_PQ_TEXT,       /* bytes of any length */
	CAT_PQ_BITS,       /* BOOLEAN */
	CAT_PQ_NARROW8,    /* INT32 to its low byte */
	CAT_PQ_NARROW16,
	CAT_PQ_DEC32,      /* INT32 to DECIMAL128 */
	CAT_PQ_DEC64,
	CAT_PQ_DEC_FIXED,  /* big-endian, fixed length, to DECIMAL128 */
	CAT_PQ_DEC_BYTES,  /* big-endian, any length, to DECIMAL128 */
	CAT_PQ_HALF,       /* 16-bit float to 32 bits */
	CAT_PQ_INT96_TIME, /* nanoseconds of day and Julian day to microseconds */
	CAT_PQ_ALL_NULL,   /* a column of the null type */
	CAT_PQ_REFUSED     /* readable only by name: decoding fails */
};
struct cat_pq_leaf {
	enum cat_pq_type type;
	int32_t type_length;
	uint8_t max_def, max_rep;
	enum cat_pq_conv conv;
	struct cat_type out; /* of the Arrow column */
	struct cat_pq_logical logical;
	struct cat_span name;
};
/* Runs beside a cat_field. A slot of a field exists at an entry of its leaves whose repetition level is at most
 * that of the list around it and whose definition level is at least that list's def_element. */
struct cat_pq_node {
	enum { CAT_PQ_NODE_LEAF, CAT_PQ_NODE_STRUCT, CAT_PQ_NODE_LIST } kind;
	uint8_t def_valid;   /* at least this: not null */
	uint8_t def_element; /* lists: at least this: there is an element */
	uint8_t rep;         /* lists: repetition level of the elements */
	int leaf, nleaves;   /* of the file's leaves */
	int nchildren;
	struct cat_pq_node *children;
};
struct cat_pq_tree {
	struct cat_schema *schema;
	struct cat_pq_node *nodes; /* beside schema->fields */
	int nleaves;
	size_t cap_leaves;
	struct cat_pq_leaf *leaves;
	char *note; /* what was passed over in the metadata, and why; NULL: nothing */
};

/* Builds T from the footer's schema and key-value metadata, ARROW:schema and what other tools say of columns included.
 * On failure nothing is left in T. */
CAT_MUST_USE int cat_pq_tree_build(const struct cat_pq_footer *f, const struct cat_parquet_options *o,
                                   struct cat_pq_tree *t, struct cat_error *err);
void cat_pq_tree_fini(struct cat_pq_tree *t);
/* Bytes of a stored value; 0 for BOOLEAN and byte arrays. */
int cat_pq_stored_bytes(const struct cat_pq_leaf *l);

/* The base64 text of ARROW:schema for S, appended. */
CAT_MUST_USE int cat_pq_arrow_put(const struct cat_schema *s, struct cat_text *out, struct cat_error *err);
/* Takes from the base64 text of an ARROW:schema what the stored types allow: units and other metadata, zones,
 * durations, fixed-size lists, names of types with 64-bit offsets. Malformed or foreign text changes nothing. */
CAT_MUST_USE int cat_pq_arrow_apply(struct cat_span text, struct cat_pq_tree *t, struct cat_error *err);

#endif
