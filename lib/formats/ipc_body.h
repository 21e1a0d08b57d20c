/* ipc_body -- the buffers of one record batch, in order: found, decompressed, brought into this machine's
 * byte order and alignment.
 *
 * Layer: formats, private to ipc_*.c. Source: Arrow columnar format 1.5, "RecordBatch message" and "Compressed
 * record batches". Thread rule: one walk belongs to one thread.
 */
#ifndef CAT_FORMATS_IPC_BODY_H
#define CAT_FORMATS_IPC_BODY_H

#include "formats/ipc_wire.h"

/* A pre-order walk of a record batch's nodes and buffers. */
struct cat_ipc_walk {
	const struct cat_ipc_decode *in;
	struct cat_fb_vector nodes, buffers, variadic;
	size_t node, buffer, view; /* the next of each */
	int codec;                 /* -1: none */
	void *zstd, *lz4;          /* contexts, made when first needed */
};
CAT_MUST_USE int cat_ipc_walk_init(struct cat_ipc_walk *w, const struct cat_ipc_decode *in, struct cat_error *err);
void cat_ipc_walk_fini(struct cat_ipc_walk *w);
/* The next node's length and null count (-1: unknown), both possible. */
CAT_MUST_USE int cat_ipc_walk_node(struct cat_ipc_walk *w, int64_t *length, int64_t *nulls, struct cat_error *err);
/* The number of data buffers of the next view column. */
CAT_MUST_USE int cat_ipc_walk_views(struct cat_ipc_walk *w, int64_t *n, struct cat_error *err);
/* Place and size of the next buffer in the body, both inside it. */
CAT_MUST_USE int cat_ipc_walk_place(struct cat_ipc_walk *w, int64_t *off_bytes, int64_t *len,
                                    struct cat_error *err);
/* The next buffer, of at least MIN bytes; elements of WIDTH bytes are swapped where the input is big-endian
 * (1: never). NEED bytes are all that can be wanted of it; 0: not known. The caller owns *OUT. */
CAT_MUST_USE int cat_ipc_walk_buffer(struct cat_ipc_walk *w, size_t min, size_t need, int width,
                                     struct cat_buf **out, struct cat_error *err);
/* Reverses the bytes of N elements of WIDTH bytes. */
void cat_ipc_swap(uint8_t *p, size_t n, int width);
/* After the last column: nothing may be left over. */
CAT_MUST_USE int cat_ipc_walk_end(const struct cat_ipc_walk *w, struct cat_error *err);

#endif
