/* bytes -- where formats get their bytes and leave them; implemented by storage, used by formats.
 *
 * Layer: base. A reader serves either ranges (submit, wait), when its size is known, or the bytes in order
 * (next), or both. Buffers given out belong to the caller (one reference).
 * Thread rule: submit and wait from any thread; next and peek from one thread at a time.
 */
#ifndef CAT_BASE_BYTES_H
#define CAT_BASE_BYTES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct cat_range {
	int64_t off_bytes;
	size_t len;
};
struct cat_price {
	int64_t requests;
	int64_t bytes;
};
struct cat_reader;
struct cat_ticket {
	struct cat_reader *reader;
};

struct cat_reader_ops {
	/* Asks for N ranges; returns at once. Storage coalesces and orders them. */
	CAT_MUST_USE int (*submit)(struct cat_reader *, const struct cat_range *, size_t n, struct cat_ticket **,
	                           struct cat_error *);
	/* One buffer per range, in the order asked for; past the end is CAT_E_DATA. Frees the ticket, also on
	 * failure (then no buffer is given). */
	CAT_MUST_USE int (*wait)(struct cat_ticket *, struct cat_buf **out, struct cat_error *);
	/* The next bytes in order, at most MAX and at least one; *OUT NULL at the end. */
	CAT_MUST_USE int (*next)(struct cat_reader *, size_t max, struct cat_buf **out, struct cat_error *);
	/* The first bytes from where next stands, up to MAX (less at the end), without consuming them. */
	CAT_MUST_USE int (*peek)(struct cat_reader *, size_t max, struct cat_buf **out, struct cat_error *);
	void (*close)(struct cat_reader *); /* cancels what is under way */
	/* Frees a ticket that nobody will wait for. NULL: it is a struct cat_range_ticket, or no more than that. */
	void (*drop)(struct cat_ticket *);
	/* Adds what submit of the ranges would cost. NULL: a request for each. */
	void (*price)(struct cat_reader *, const struct cat_range *, size_t n, struct cat_price *);
};
struct cat_reader {
	const struct cat_reader_ops *ops;
	int64_t size;     /* -1: a pipe; only next and peek */
	const char *name; /* for messages: the path or URL as the user gave it, or "standard input" */
	bool far;         /* an answer takes long: many are to be waited for at a time */
};

/* A ticket that just keeps the ranges, for readers whose wait does the reading. */
struct cat_range_ticket {
	struct cat_ticket base;
	size_t n;
	struct cat_range ranges[];
};
/* Their submit; *OUT is a struct cat_range_ticket, to be freed with cat_free by the reader's wait. */
CAT_MUST_USE int cat_ranges_submit(struct cat_reader *, const struct cat_range *, size_t n, struct cat_ticket **out,
                                   struct cat_error *);

/* One range, now. */
CAT_MUST_USE int cat_read_range(struct cat_reader *, int64_t off_bytes, size_t len, struct cat_buf **out,
                                struct cat_error *);
/* Exactly LEN bytes by next into DATA; an early end is CAT_E_DATA unless AT_END is given and not one byte
 * came: then *AT_END is set. */
CAT_MUST_USE int cat_read_exact(struct cat_reader *, void *data, size_t len, bool *at_end, struct cat_error *);
/* Everything that is left, at most MAX bytes (more is CAT_E_DATA). */
CAT_MUST_USE int cat_read_all(struct cat_reader *, size_t max, struct cat_buf **out, struct cat_error *);
/* Bytes in memory as a reader (holds a reference to B). For tests, fuzzing and small files. */
CAT_MUST_USE int cat_reader_memory(struct cat_buf *b, const char *name, struct cat_reader **out,
                                   struct cat_error *err);
void cat_reader_close(struct cat_reader *); /* accepts NULL */
void cat_ticket_drop(struct cat_ticket *);  /* accepts NULL */
void cat_reader_price(struct cat_reader *r, const struct cat_range *ranges, size_t n, struct cat_price *price);

struct cat_writer;
struct cat_writer_ops {
	/* Appends the bytes of N buffers in order; keeps no reference after it returns. */
	CAT_MUST_USE int (*append)(struct cat_writer *, struct cat_buf *const *, size_t n, struct cat_error *);
	/* Overwrites bytes that were appended; only where can_patch says so (files, not pipes or objects). */
	CAT_MUST_USE int (*patch)(struct cat_writer *, int64_t off_bytes, const void *, size_t len,
	                          struct cat_error *);
	/* Makes the output complete and visible, in one step. */
	CAT_MUST_USE int (*commit)(struct cat_writer *, struct cat_error *);
	/* Without a commit before it nothing becomes visible (a pipe excepted). */
	void (*close)(struct cat_writer *);
};
struct cat_writer {
	const struct cat_writer_ops *ops;
	const char *name;
	bool can_patch;
};
CAT_MUST_USE int cat_write_bytes(struct cat_writer *, const void *, size_t len, struct cat_error *);
/* A writer that keeps everything in memory; after commit *OUT holds the bytes. */
CAT_MUST_USE int cat_writer_memory(struct cat_buf **out, struct cat_writer **w, struct cat_error *err);
void cat_writer_close(struct cat_writer *); /* accepts NULL */

#endif
