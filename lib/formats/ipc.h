/* ipc -- Arrow IPC streams and files: batches to bytes and back.
 *
 * Layer: formats. Source: Arrow columnar format 1.5, "Serialization and Interprocess Communication".
 * Read: metadata V4 and V5, both byte orders, streams and files, compressed bodies, dictionaries (decoded to
 * values), views (made plain text), 64-bit offsets (32 bits inside, written as 64 again), half floats (widened to
 * float32). What other tools say of columns (colmeta.h) is taken.
 * Refused by name (CAT_E_UNSUPPORTED): Union, Interval, RunEndEncoded, ListView, Decimal 32/64/256, tensors,
 * Feather 1, text of more than 2 GiB in one column of one batch.
 * Written: V5, little-endian, every buffer at a multiple of 64 bytes of the output, no dictionaries. Equal
 * rows give equal bytes: slices are rebased, values under nulls are zero.
 */
#ifndef CAT_FORMATS_IPC_H
#define CAT_FORMATS_IPC_H

#include "columnar/pump.h"

struct cat_ipc_options {
	bool allow_no_eos; /* a stream may end without the end marker, between two messages */
};
/* A stream or a file as a feed; the first bytes say which. Takes over R, also on failure. O may be NULL.
 * A stream's works hold one record batch each and know their row count. A file whose size is known gives
 * works that read just the buffers of the columns asked for (feed->sharded); on a pipe a file is read in
 * order, which needs the schema message in front. */
CAT_MUST_USE int cat_ipc_feed(struct cat_reader *r, const struct cat_ipc_options *o, struct cat_feed **out,
                              struct cat_error *err);

enum cat_ipc_form { CAT_IPC_STREAM, CAT_IPC_FILE };
enum cat_ipc_codec { CAT_IPC_NONE, CAT_IPC_LZ4, CAT_IPC_ZSTD };
/* One record batch message per batch that has rows, the end marker in the tail. Holds a reference to S. */
CAT_MUST_USE int cat_ipc_encoder(struct cat_schema *s, enum cat_ipc_form form, enum cat_ipc_codec codec,
                                 struct cat_encoder **out, struct cat_error *err);

/* S as a framed schema message, whose base64 is Parquet's ARROW:schema. The caller owns *OUT. */
CAT_MUST_USE int cat_ipc_schema_encode(const struct cat_schema *s, struct cat_buf **out, struct cat_error *err);
/* The reverse; types are normalised as they are for batches. The caller owns *OUT. */
CAT_MUST_USE int cat_ipc_schema_decode(const void *data, size_t size, struct cat_schema **out,
                                       struct cat_error *err);

#endif
