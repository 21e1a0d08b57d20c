/* gather -- rows out of several batches in any order, each copied once.
 *
 * Layer: columnar. Thread rule: a stack belongs to one thread while it grows; afterwards any may gather from it.
 */
#ifndef CAT_COLUMNAR_GATHER_H
#define CAT_COLUMNAR_GATHER_H

#include "columnar/batch.h"

/* Row ROW of batch PART; PART -1: a row of nulls. */
struct cat_place {
	int32_t part, row;
};

/* Rows AT[0..n) of NPARTS columns of one type; places may repeat. More than 2 GiB of text or 2^31 list elements is
 * CAT_E_UNSUPPORTED. NPARTS >= 1. Of a single one: cat_take. */
CAT_MUST_USE int cat_gather(const struct cat_column *const *parts, size_t nparts, const struct cat_place *at,
                            int64_t n, struct cat_column **out, struct cat_error *err);
/* Of all columns that are there, under SCHEMA, which is that of the batches. */
CAT_MUST_USE int cat_gather_batches(struct cat_batch *const *parts, size_t nparts, struct cat_schema *schema,
                                    const struct cat_place *at, int64_t n, struct cat_batch **out,
                                    struct cat_error *err);

/* Batches one after the other as one list of rows. Zero-initialise. */
struct cat_stack {
	struct cat_batch **batch;
	int64_t *first; /* row number of each batch's first row */
	size_t n, cap, cap_first;
	int64_t nrows;
	int32_t *near; /* the batch of every 1024th row */
	size_t cap_near;
};
/* Takes over one reference to B, whether or not it succeeds. */
CAT_MUST_USE int cat_stack_add(struct cat_stack *s, struct cat_batch *b, struct cat_error *err);
/* Without rows again; its room stays. */
void cat_stack_clear(struct cat_stack *s);
void cat_stack_fini(struct cat_stack *s);
/* Where row ROW (in [0, nrows)) is. */
static inline struct cat_place cat_stack_place(const struct cat_stack *s, int64_t row)
{
	size_t b = (size_t)s->near[row >> 10];

	while (b + 1 < s->n && s->first[b + 1] <= row)
		b++;
	return (struct cat_place){(int32_t)b, (int32_t)(row - s->first[b])};
}

#endif
