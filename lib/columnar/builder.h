/* builder -- one column, value by value.
 *
 * Layer: columnar. Thread rule: one builder belongs to one thread.
 */
#ifndef CAT_COLUMNAR_BUILDER_H
#define CAT_COLUMNAR_BUILDER_H

#include "columnar/batch.h"

struct cat_builder {
	struct cat_type type;
	int64_t length;
	int64_t null_count;
	int64_t capacity; /* rows there is room for in validity, data (fixed width) and offsets */
	int width;        /* bytes of a value, 0 for bits and text */
	struct cat_buf *validity; /* made at the first null */
	struct cat_buf *data;
	struct cat_buf *offsets;
	int nchildren;
	struct cat_builder *children;
};

CAT_MUST_USE int cat_builder_init(struct cat_builder *b, const struct cat_field *f, struct cat_error *err);
void cat_builder_fini(struct cat_builder *b);
/* Room for N more rows: the append functions below then cannot fail for want of row space. */
CAT_MUST_USE int cat_builder_reserve(struct cat_builder *b, int64_t n, struct cat_error *err);
CAT_MUST_USE int cat_builder_null(struct cat_builder *b, struct cat_error *err);
/* VALUE points at type-width bytes in the machine's order. */
CAT_MUST_USE int cat_builder_fixed(struct cat_builder *b, const void *value, struct cat_error *err);
/* N values side by side, none of them null. */
CAT_MUST_USE int cat_builder_fixed_n(struct cat_builder *b, const void *values, int64_t n, struct cat_error *err);
CAT_MUST_USE int cat_builder_bool(struct cat_builder *b, bool value, struct cat_error *err);
/* More than 2 GiB of text in one column is CAT_E_UNSUPPORTED. */
CAT_MUST_USE int cat_builder_text(struct cat_builder *b, const void *s, size_t n, struct cat_error *err);
/* Ends one row of a LIST or MAP: what was appended to the child since the last row is its content. */
CAT_MUST_USE int cat_builder_list_end(struct cat_builder *b, struct cat_error *err);
/* Ends one row of a STRUCT or FIXED_LIST: the children were appended by the caller. */
CAT_MUST_USE int cat_builder_group_end(struct cat_builder *b, struct cat_error *err);
/* The same of a row that is null. */
CAT_MUST_USE int cat_builder_group_null(struct cat_builder *b, struct cat_error *err);
/* Row I of C, any type, nested included; C has the builder's type. */
CAT_MUST_USE int cat_builder_row(struct cat_builder *b, const struct cat_column *c, int64_t i, struct cat_error *err);
/* Hands over the column and empties the builder for the next one. */
CAT_MUST_USE int cat_builder_finish(struct cat_builder *b, struct cat_column **out, struct cat_error *err);

#endif
