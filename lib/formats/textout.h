/* textout -- what encoders of text formats have in common: each batch becomes one piece of text.
 *
 * Layer: formats, private to csv_write.c and jsonl.c.
 */
#ifndef CAT_FORMATS_TEXTOUT_H
#define CAT_FORMATS_TEXTOUT_H

#include "columnar/pump.h"

struct cat_textout;
struct cat_textout_ops {
	/* What stands in front of all rows; NULL: nothing. Failures stick in the text. */
	void (*head)(const struct cat_textout *, struct cat_text *);
	/* The rows of a batch. Any thread. Failures stick in the text. */
	void (*rows)(const struct cat_textout *, const struct cat_batch *, struct cat_text *);
};
struct cat_textout {
	struct cat_encoder base;
	const struct cat_textout_ops *ops;
	struct cat_schema *schema;
	char delimiter;
	struct cat_batch *next; /* put, not yet pulled */
};
CAT_MUST_USE int cat_textout_new(struct cat_schema *s, const struct cat_textout_ops *ops, char delimiter,
                                 struct cat_encoder **out, struct cat_error *err);

#endif
