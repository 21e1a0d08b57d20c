/* pump -- how rows move: sources and sinks of batches, and below them the two halves of every format.
 *
 * Layer: columnar. Formats implement feeds (bytes to batches) and encoders (batches to bytes) that know
 * nothing of threads: what is serial and what may run on any thread is said per function, and exec decides.
 * Programs see only sources and sinks.
 */
#ifndef CAT_COLUMNAR_PUMP_H
#define CAT_COLUMNAR_PUMP_H

#include "base/bytes.h"
#include "columnar/batch.h"

/* --- sources: pull --- */

struct cat_source;
struct cat_source_ops {
	/* CAT_OK with *OUT NULL: the end, for ever after. Otherwise the caller owns one reference to *OUT.
	 * After a failure only close may be called. */
	CAT_MUST_USE int (*next)(struct cat_source *, struct cat_batch **out, struct cat_error *);
	void (*close)(struct cat_source *);
};
struct cat_source {
	const struct cat_source_ops *ops;
	struct cat_schema *schema; /* of every batch; known when the source was made; owned by the source */
};
void cat_source_close(struct cat_source *s); /* accepts NULL */

/* Batches in memory, then the rest of INNER, as one source. Zero batches and no inner source are an empty
 * table of SCHEMA. Takes over the batches (the array stays the caller's) and INNER, also on failure. */
CAT_MUST_USE int cat_source_of(struct cat_schema *schema, struct cat_batch *const *batches, size_t n,
                               struct cat_source *inner, struct cat_source **out, struct cat_error *err);

/* --- sinks: push --- */

struct cat_sink;
struct cat_sink_ops {
	/* Takes over one reference to the batch, whether or not it succeeds. */
	CAT_MUST_USE int (*put)(struct cat_sink *, struct cat_batch *, struct cat_error *);
	/* Makes the output complete and visible: end marker, footer, rename. */
	CAT_MUST_USE int (*commit)(struct cat_sink *, struct cat_error *);
	/* Without a commit before it nothing that was put becomes visible. */
	void (*close)(struct cat_sink *);
};
struct cat_sink {
	const struct cat_sink_ops *ops;
};
void cat_sink_close(struct cat_sink *s); /* accepts NULL */
/* Everything from S into D, then commit. */
CAT_MUST_USE int cat_pump(struct cat_source *s, struct cat_sink *d, struct cat_error *err);

/* --- feeds: a table as a row of independent pieces of work --- */

/* One piece: a row group, a record batch, a block of lines. Its rows follow those of the piece before it. */
struct cat_work;
/* What is known of a column's values in one piece, from metadata alone. */
struct cat_range_stats {
	bool known;       /* min and max below are bounds of every non-null, non-NaN value */
	bool exact;       /* and are reached */
	bool is_text;     /* bounds are text, else numbers */
	bool is_int;      /* number bounds are in i64, else in f64 */
	int64_t min_i64, max_i64;
	double min_f64, max_f64;
	const char *min_text, *max_text; /* owned by the work */
	size_t min_len, max_len;
	int64_t nulls;    /* -1: unknown */
	bool may_be_nan;
};
/* Rows [begin, end) of a piece, counted from its first. */
struct cat_stretch {
	int64_t begin, end;
};
/* What is known of a column in parts of a piece, which follow one another. */
struct cat_part_stats {
	int64_t row_begin, row_end;
	struct cat_range_stats stats; /* text is owned by the list */
};
struct cat_part_list {
	int n; /* 0: nothing is known */
	struct cat_part_stats *parts;
	struct cat_buf *bytes;
};
void cat_part_list_fini(struct cat_part_list *l);
/* A value to look for: text, or a number that is an integer where that is exact. */
struct cat_constant {
	bool is_text, is_int;
	int64_t i64;
	double f64;
	const char *s;
	size_t len;
};
struct cat_work_ops {
	/* Decodes columns COLS[0..n) (indices into the feed's schema, ascending; never empty unless n is 0: then
	 * only the row count is wanted) of all its rows into one batch whose schema is the feed's projected to
	 * COLS. May be called several times with different columns. *OUT is NULL when their texts would take more than
	 * the work's max_text_bytes. Any thread, one at a time per work. */
	CAT_MUST_USE int (*decode)(struct cat_work *, const int *cols, int n, struct cat_batch **out,
	                           struct cat_error *);
	/* What is known of column COL without decoding; all zero when nothing is. May be NULL. Any thread. */
	void (*stats)(struct cat_work *, int col, struct cat_range_stats *out);
	void (*free)(struct cat_work *); /* any thread */
	/* The others may be NULL. Any thread, one at a time per work, before decode. */
	/* Bounds of column COL in parts of all the work's rows. May read metadata. */
	CAT_MUST_USE int (*parts)(struct cat_work *, int col, struct cat_part_list *out, struct cat_error *);
	/* Leaves the rows of N > 0 SPANS (ascending, disjoint, none empty) of those that the work came with: from now
	 * on these are its rows; nrows and bytes follow. Also again, for other rows, and then after decode too; what
	 * was fetched is forgotten. */
	CAT_MUST_USE int (*narrow)(struct cat_work *, const struct cat_stretch *spans, int n, struct cat_error *);
	/* Asks for what decode of COLS[0..n) (ascending) will need, in one request, if that is at most MAX_BYTES; decode
	 * waits for it. With PRICE given nothing is asked for: it receives what that would cost, or stays as it is when it is
	 * more than MAX_BYTES. */
	CAT_MUST_USE int (*fetch)(struct cat_work *, const int *cols, int n, int64_t max_bytes, struct cat_price *price,
	                          struct cat_error *);
	/* Of column COL, a struct or list of structs, only the children with USED set (one at least) will be looked
	 * at: the others may come as nulls. Before fetch. */
	CAT_MUST_USE int (*only)(struct cat_work *, int col, const bool *used, struct cat_error *);
	/* Whether surely no value of column COL is V. May read metadata; what cannot be read is not known. */
	bool (*lacks)(struct cat_work *, int col, const struct cat_constant *v);
	/* About what bytes columns COLS[0..n) of the rows that the work came with take decoded, by metadata alone:
	 * more where nothing is told of texts in a dictionary. */
	int64_t (*size)(const struct cat_work *, const int *cols, int n);
	/* The work keeps its first ROWS (1 <= ROWS < nrows) and *REST, a work of its own, receives the others; NULL:
	 * nobody wants them. As when it came: what was narrowed or fetched is forgotten. Also after decode. */
	CAT_MUST_USE int (*cut)(struct cat_work *, int64_t rows, struct cat_work **rest, struct cat_error *);
};
struct cat_work {
	const struct cat_work_ops *ops;
	int64_t nrows;    /* -1: not known before decoding */
	int64_t bytes;    /* compressed bytes of all its columns, for balancing shards; -1 unknown */
	int64_t max_text_bytes; /* set by who reads it, if it can be cut; 0: no bound */
	const char *where; /* "row group 3", for messages; NULL: nothing to say. Owned by the work */
};
struct cat_feed;
struct cat_feed_ops {
	/* The next piece in order; *OUT NULL at the end. Serial. The caller frees it. A work may outlive later
	 * calls but not the feed. */
	CAT_MUST_USE int (*next)(struct cat_feed *, struct cat_work **out, struct cat_error *);
	void (*close)(struct cat_feed *);
};
struct cat_feed {
	const struct cat_feed_ops *ops;
	struct cat_schema *schema; /* owned by the feed */
	int64_t nrows;             /* -1: unknown */
	bool sharded;              /* pieces exist before reading: shards cut between them */
	bool far;                  /* a piece takes long to come: fetch of many at a time */
	int64_t bytes;             /* about what all of it takes where it lies; 0: unknown */
	const char *note;          /* what was passed over when it was opened, and why; the feed's. NULL: nothing */
};
void cat_feed_close(struct cat_feed *f); /* accepts NULL */
void cat_work_free(struct cat_work *w);  /* accepts NULL */
/* A feed as a plain source of all columns, decoding in the caller's thread. Takes over FEED. For tests and
 * small inputs; exec/scan.h is the parallel one. */
CAT_MUST_USE int cat_feed_source(struct cat_feed *feed, struct cat_source **out, struct cat_error *err);

/* --- encoders: batches to bytes --- */

/* One piece on its way out: a row group, a record batch, a block of lines. */
struct cat_out;
struct cat_out_ops {
	/* batch -> bytes, the expensive part. Any thread. Buffers stay owned by the piece. */
	CAT_MUST_USE int (*encode)(struct cat_out *, struct cat_error *);
	void (*free)(struct cat_out *);
};
struct cat_out {
	const struct cat_out_ops *ops;
	struct cat_buf **bufs; /* filled by encode, to be appended in this order */
	size_t nbufs;
};
struct cat_encoder;
struct cat_encoder_ops {
	/* Takes over one reference to the batch. Serial. Call pull afterwards until it gives NULL. */
	CAT_MUST_USE int (*put)(struct cat_encoder *, struct cat_batch *, struct cat_error *);
	/* A piece that is ready to be encoded, or NULL: more rows are needed. With LAST set what is left is given
	 * out too. The cut points depend on the rows and options alone. Serial. */
	CAT_MUST_USE int (*pull)(struct cat_encoder *, bool last, struct cat_out **out, struct cat_error *);
	/* The piece's bytes are about to be appended at OFF_BYTES of the output. Serial, in order. */
	CAT_MUST_USE int (*placed)(struct cat_encoder *, struct cat_out *, int64_t off_bytes, struct cat_error *);
	/* Bytes that go in front of everything (may be empty) and behind it, given the size so far. */
	CAT_MUST_USE int (*head)(struct cat_encoder *, struct cat_buf **out, struct cat_error *);
	CAT_MUST_USE int (*tail)(struct cat_encoder *, int64_t size_bytes, struct cat_buf **out, struct cat_error *);
	/* Bytes that replace the head when all is known (FITS row counts); NULL member: no patch is needed. */
	CAT_MUST_USE int (*patch)(struct cat_encoder *, struct cat_buf **out, struct cat_error *);
	void (*close)(struct cat_encoder *);
};
struct cat_encoder {
	const struct cat_encoder_ops *ops;
};
void cat_encoder_close(struct cat_encoder *e); /* accepts NULL */
void cat_out_free(struct cat_out *o);          /* accepts NULL */
/* For encoders whose put keeps one batch until pull: *HELD becomes B, which is taken over also on failure; a
 * batch without rows leaves it NULL. CAT_E_BUG when it is still held or B has not SCHEMA's columns. */
CAT_MUST_USE int cat_encoder_hold(struct cat_batch **held, const struct cat_schema *schema, struct cat_batch *b,
                                  struct cat_error *err);

#endif
