/* flatbuf -- the part of FlatBuffers that Arrow's metadata needs: a checked reader and a small builder.
 *
 * Layer: formats. Source: FlatBuffers internals (flatbuffers.dev/internals): little-endian, tables with
 * vtables, vectors and strings behind forward offsets. No alignment is demanded on read.
 * Faults stick in both: read or build freely, then look at `bad` or `failed` once before using the result.
 * Thread rule: one reader or builder belongs to one thread; the bytes read may be shared.
 */
#ifndef CAT_FORMATS_FLATBUF_H
#define CAT_FORMATS_FLATBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* --- reading --- */

struct cat_fb {
	const uint8_t *p;
	size_t n;
	int tables;      /* entered so far: many offsets may lead to one table, so the work is capped */
	const char *bad; /* the first fault; NULL: none */
};
struct cat_fb_table {
	struct cat_fb *fb;
	size_t pos, vtable;
	size_t vtable_bytes, table_bytes;
};
struct cat_fb_vector {
	struct cat_fb *fb;
	size_t pos;   /* of the first element */
	size_t count; /* 0 when the vector is absent */
};

/* The root table of FB's bytes; false on a fault. */
bool cat_fb_root(struct cat_fb *fb, struct cat_fb_table *out);
/* A whole number of WIDTH bytes (1, 2, 4, 8), sign-extended; FALLBACK when absent. */
int64_t cat_fb_int(const struct cat_fb_table *t, int slot, int width, int64_t fallback);
bool cat_fb_bool(const struct cat_fb_table *t, int slot);
/* A table behind an offset; false when absent or faulty. */
bool cat_fb_sub(const struct cat_fb_table *t, int slot, struct cat_fb_table *out);
/* A vector of elements of SIZE bytes, all of them inside; false when absent (then it is empty) or faulty. */
bool cat_fb_vec(const struct cat_fb_table *t, int slot, size_t size, struct cat_fb_vector *out);
/* Element I of a vector of tables. */
bool cat_fb_vec_table(const struct cat_fb_vector *v, size_t i, struct cat_fb_table *out);
/* The int64 at byte OFF of element I of a vector whose elements have SIZE bytes. */
int64_t cat_fb_vec_i64(const struct cat_fb_vector *v, size_t i, size_t size, size_t off);
/* A string, not terminated; NULL when absent or faulty. */
const char *cat_fb_str(const struct cat_fb_table *t, int slot, size_t *n);

/* --- building, back to front --- */

#define CAT_FB_SLOTS 8
struct cat_fbw {
	uint8_t *buf;
	size_t cap;
	size_t len;    /* bytes written; they stand at the end of buf. Objects are named by len after writing */
	bool failed;   /* memory is out */
	size_t slots[CAT_FB_SLOTS]; /* of the table under construction */
	size_t table_from;
};

/* References to finished objects are size_t, 0 for none. */
void cat_fbw_fini(struct cat_fbw *w);
size_t cat_fbw_str(struct cat_fbw *w, const char *s, size_t n);
/* A vector of N references to finished objects. */
size_t cat_fbw_refs(struct cat_fbw *w, const size_t *refs, size_t n);
/* A vector of N structs of SIZE bytes, 8-byte aligned, given as they are laid out. */
size_t cat_fbw_structs(struct cat_fbw *w, const void *data, size_t n, size_t size);
/* A table: begin, add fields in any order, end. No other object may be written in between. */
void cat_fbw_begin(struct cat_fbw *w);
void cat_fbw_int(struct cat_fbw *w, int slot, int width, int64_t v);
void cat_fbw_ref(struct cat_fbw *w, int slot, size_t ref); /* absent references are left out */
size_t cat_fbw_end(struct cat_fbw *w);
/* Puts the root offset in front and pads to 8 bytes; the result is the last len bytes of buf. */
CAT_MUST_USE int cat_fbw_finish(struct cat_fbw *w, size_t root, const uint8_t **out, size_t *n,
                                struct cat_error *err);

#endif
