/* parquet_page -- the pages of a column chunk, one after the other: checked, decompressed, cut into levels and
 * values.
 *
 * Layer: formats, inside Parquet. Source: parquet-format README.md "Data Pages", parquet.thrift.
 * Thread rule: one walk belongs to one thread.
 */
#ifndef CAT_FORMATS_PARQUET_PAGE_H
#define CAT_FORMATS_PARQUET_PAGE_H

#include <stdatomic.h>

#include "formats/codec.h"
#include "formats/parquet_schema.h"

/* What a thread keeps from page to page and from column to column. Zero-initialised is valid. */
struct cat_pq_scratch {
	struct cat_codec codec;
	struct cat_buf *page;    /* decompressed bytes */
	struct cat_buf *stored;  /* values before they are converted; lengths of texts */
	struct cat_buf *index;   /* indices into the dictionary; lengths of prefixes */
	struct cat_text raw;     /* room for a page before compression */
};
/* Scratch that no thread uses at the moment. Zero-initialised is valid; take and give from any thread. */
#define CAT_PQ_IDLE 16
struct cat_pq_idle {
	_Atomic(struct cat_pq_scratch *) slots[CAT_PQ_IDLE];
};
CAT_MUST_USE int cat_pq_scratch_take(struct cat_pq_idle *idle, struct cat_pq_scratch **out, struct cat_error *err);
void cat_pq_scratch_give(struct cat_pq_idle *idle, struct cat_pq_scratch *s);
void cat_pq_idle_fini(struct cat_pq_idle *idle);

struct cat_pq_pages {
	const struct cat_pq_leaf *leaf;
	int codec;
	bool check_crc;
	const uint8_t *p, *end; /* what is left of the chunk */
	struct cat_pq_scratch *scratch;
};
struct cat_pq_page {
	struct cat_pq_page_header h;
	const uint8_t *body; /* as stored, h.size bytes */
	struct cat_span rep, def; /* levels; in BIT_PACKED pages without their encoding's frame */
	struct cat_span values;
};
/* Goes to the next data or dictionary page; index pages and unknown ones are passed over. Needs p < end; *FOUND
 * is false when nothing but others came. */
CAT_MUST_USE int cat_pq_page_next(struct cat_pq_pages *w, struct cat_pq_page *page, bool *found,
                                  struct cat_error *err);
/* Checks the page's CRC, decompresses it and fills rep, def and values; they live until the next page. What is
 * decompressed goes to *INTO from byte AT on, which is usually the scratch page from its beginning; pages that are
 * stored as they are stay where they lie. */
CAT_MUST_USE int cat_pq_page_open(struct cat_pq_pages *w, struct cat_pq_page *page, struct cat_buf **into, size_t at,
                                  struct cat_error *err);

#endif
