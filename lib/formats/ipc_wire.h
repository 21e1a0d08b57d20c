/* ipc_wire -- what the parts of the Arrow IPC reader and writer share.
 *
 * Layer: formats, private to ipc_*.c. Source: Arrow's Message.fbs, Schema.fbs and File.fbs (format 1.5); slot
 * numbers stand beside the calls that use them.
 */
#ifndef CAT_FORMATS_IPC_WIRE_H
#define CAT_FORMATS_IPC_WIRE_H

#include "columnar/batch.h"
#include "formats/flatbuf.h"
#include "formats/ipc.h"

#define CAT_IPC_MAX_DEPTH 64
#define CAT_IPC_MAX_METADATA (256 << 20)

/* MessageHeader of Message.fbs. */
enum cat_ipc_header {
	CAT_IPC_H_SCHEMA = 1,
	CAT_IPC_H_DICTIONARY = 2,
	CAT_IPC_H_BATCH = 3
};
/* Type of Schema.fbs. */
enum cat_ipc_type {
	CAT_IPC_T_NULL = 1,
	CAT_IPC_T_INT,
	CAT_IPC_T_FLOAT,
	CAT_IPC_T_BINARY,
	CAT_IPC_T_UTF8,
	CAT_IPC_T_BOOL,
	CAT_IPC_T_DECIMAL,
	CAT_IPC_T_DATE,
	CAT_IPC_T_TIME,
	CAT_IPC_T_TIMESTAMP,
	CAT_IPC_T_INTERVAL,
	CAT_IPC_T_LIST,
	CAT_IPC_T_STRUCT,
	CAT_IPC_T_UNION,
	CAT_IPC_T_FIXED_BINARY,
	CAT_IPC_T_FIXED_LIST,
	CAT_IPC_T_MAP,
	CAT_IPC_T_DURATION,
	CAT_IPC_T_LARGE_BINARY,
	CAT_IPC_T_LARGE_UTF8,
	CAT_IPC_T_LARGE_LIST,
	CAT_IPC_T_RUN_END,
	CAT_IPC_T_BINARY_VIEW,
	CAT_IPC_T_UTF8_VIEW,
	CAT_IPC_T_LIST_VIEW,
	CAT_IPC_T_LARGE_LIST_VIEW
};

/* How a field lies in the body; the field itself says what it becomes. */
enum cat_ipc_layout {
	CAT_IPC_L_NULL,
	CAT_IPC_L_FIXED, /* bits for BOOL */
	CAT_IPC_L_HALF,
	CAT_IPC_L_TEXT,
	CAT_IPC_L_LARGE_TEXT,
	CAT_IPC_L_VIEW,
	CAT_IPC_L_LIST,
	CAT_IPC_L_LARGE_LIST,
	CAT_IPC_L_GROUP /* struct, fixed-size list */
};
struct cat_ipc_node {
	const struct cat_field *field; /* owned by the schema */
	enum cat_ipc_layout layout;    /* of the values, when there is a dictionary */
	bool dictionary;
	int64_t dictionary_id;
	int index_bytes;
	bool index_signed;
	int nchildren;
	struct cat_ipc_node *children;
};
/* A schema as it came: the normalised one, and beside each field its layout. */
struct cat_ipc_plan {
	struct cat_schema *schema;
	struct cat_ipc_node *nodes;
	bool big_endian;
};
/* From a Schema table. The caller frees with cat_ipc_plan_fini. */
CAT_MUST_USE int cat_ipc_plan_init(const struct cat_fb_table *schema, struct cat_ipc_plan *out,
                                   struct cat_error *err);
void cat_ipc_plan_fini(struct cat_ipc_plan *p);
/* The node whose dictionary has this id; NULL when there is none. */
const struct cat_ipc_node *cat_ipc_plan_dictionary(const struct cat_ipc_plan *p, int64_t id);

struct cat_ipc_message {
	int64_t version; /* MetadataVersion: 3 is V4, 4 is V5 */
	int64_t type;    /* enum cat_ipc_header, or something newer */
	int64_t body_bytes;
	struct cat_fb fb;
	struct cat_fb_table header;
};
/* META stays referred to. */
CAT_MUST_USE int cat_ipc_message_parse(const uint8_t *meta, size_t size, struct cat_ipc_message *out,
                                       struct cat_error *err);
/* The row count of a record batch header. */
int64_t cat_ipc_batch_rows(const struct cat_fb_table *batch);

/* Dictionaries as they stand at one point of a stream; immutable once shared, any thread. */
struct cat_ipc_dicts {
	atomic_int refs;
	int n;
	struct cat_ipc_dict {
		int64_t id;
		struct cat_column *values;
	} items[];
};
struct cat_ipc_dicts *cat_ipc_dicts_ref(struct cat_ipc_dicts *d);
void cat_ipc_dicts_unref(struct cat_ipc_dicts *d); /* accepts NULL */

/* The parts of a message's body that were read, ascending. */
struct cat_ipc_body {
	int n;
	struct cat_ipc_piece {
		int64_t off_bytes;
		struct cat_buf *buf;
	} *pieces;
};
/* What is needed to decode: all borrowed. DICTS may be NULL. */
struct cat_ipc_decode {
	const struct cat_ipc_plan *plan;
	const struct cat_fb_table *batch; /* RecordBatch */
	int64_t body_bytes;
	const struct cat_ipc_body *body;
	const struct cat_ipc_dicts *dicts;
};
/* Columns COLS[0..n), ascending, as a batch under SCHEMA, the projection to COLS. */
CAT_MUST_USE int cat_ipc_decode_batch(const struct cat_ipc_decode *in, const int *cols, int n,
                                      struct cat_schema *schema, struct cat_batch **out, struct cat_error *err);
/* A dictionary batch's values (IN->batch is its record batch): NODE's values, its own dictionary aside. */
CAT_MUST_USE int cat_ipc_decode_values(const struct cat_ipc_decode *in, const struct cat_ipc_node *node,
                                       struct cat_column **out, struct cat_error *err);
/* Which bytes of the body the columns need: at most N ranges, ascending, into OUT. Returns how many in *NOUT. */
CAT_MUST_USE int cat_ipc_decode_ranges(const struct cat_ipc_decode *in, const int *cols, int n,
                                       struct cat_range *out, int *nout, struct cat_error *err);

/* The Schema table of S, built into W. */
size_t cat_ipc_schema_build(struct cat_fbw *w, const struct cat_schema *s);
/* A framed message around the finished header: marker, size, metadata, padded so that it ends at a multiple of
 * 64 when it begins FROM bytes after one. Ends W. */
CAT_MUST_USE int cat_ipc_message_build(struct cat_fbw *w, enum cat_ipc_header type, size_t header,
                                       int64_t body_bytes, size_t from, struct cat_buf **out,
                                       struct cat_error *err);

#endif
