/* fuzz -- what fuzz targets share: bytes as a reader, and everything a feed gives read and looked at.
 *
 * A target passes when it ends: with rows or with an ordinary error, without a sanitizer's report.
 */
#ifndef CAT_TESTS_FUZZ_H
#define CAT_TESTS_FUZZ_H

#include <stdlib.h>

#include "columnar/pump.h"
#include "formats/jsonl.h"

/* Of a batch no more rows than this are written out as text. */
#define FUZZ_ROWS 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The caller owns the reader; aborts when memory is out. */
static inline struct cat_reader *fuzz_reader(const uint8_t *data, size_t size, bool pipe)
{
	struct cat_error err = {0};
	struct cat_reader *r;
	struct cat_buf *b;

	if (cat_buf_copy(data, size, &b, &err) != CAT_OK || cat_reader_memory(b, "fuzz", &r, &err) != CAT_OK)
		abort();
	cat_buf_unref(b);
	if (pipe)
		r->size = -1;
	return r;
}

/* Writes the first rows of B as text, which touches every value. */
static inline void fuzz_look(const struct cat_batch *b)
{
	struct cat_error err = {0};
	struct cat_encoder *e;
	struct cat_batch *part;
	struct cat_out *o = NULL;
	int rc;

	for (int i = 0; i < b->ncols; i++)
		if (b->cols[i]->length != b->nrows)
			abort();
	if (cat_batch_slice(b, 0, b->nrows < FUZZ_ROWS ? b->nrows : FUZZ_ROWS, &part, &err) != CAT_OK)
		return;
	if (cat_jsonl_encoder(b->schema, &e, &err) != CAT_OK) {
		cat_batch_unref(part);
		return;
	}
	rc = e->ops->put(e, part, &err);
	if (rc == CAT_OK)
		rc = e->ops->pull(e, true, &o, &err);
	if (rc == CAT_OK && o)
		rc = o->ops->encode(o, &err);
	(void)rc;
	cat_out_free(o);
	cat_encoder_close(e);
}

/* Reads all of F and closes it. */
static inline void fuzz_drain(struct cat_feed *f)
{
	struct cat_error err = {0};
	struct cat_source *s;
	struct cat_batch *b;

	if (cat_feed_source(f, &s, &err) != CAT_OK)
		return;
	while (s->ops->next(s, &b, &err) == CAT_OK && b) {
		fuzz_look(b);
		cat_batch_unref(b);
	}
	cat_source_close(s);
}

#endif
