/* jsonl -- batches to JSON lines: one object per row.
 *
 * Layer: formats. How values are written: jsontext.h. A column that is NULL is there with null.
 */
#ifndef CAT_FORMATS_JSONL_H
#define CAT_FORMATS_JSONL_H

#include "columnar/pump.h"

/* Holds a reference to S. */
CAT_MUST_USE int cat_jsonl_encoder(struct cat_schema *s, struct cat_encoder **out, struct cat_error *err);

#endif
