/* jsontext -- values as text: one value of a column as JSON, or as the bare text that CSV cells hold.
 *
 * Layer: formats, for csv and jsonl. Source: RFC 8259. Integers are digits whatever their size; floats are the
 * shortest text that reads back; NaN and infinities, which JSON lacks, are the strings "NaN", "inf", "-inf",
 * so that nothing is lost and NULL stays apart (DuckDB casts them back). Dates and times are ISO 8601 strings,
 * durations whole numbers of their unit, decimals numbers, binary base64 strings (RFC 4648 section 4), lists
 * arrays, structs objects, maps arrays of {"key", "value"} objects. Thread rule: pure functions, any thread.
 */
#ifndef CAT_FORMATS_JSONTEXT_H
#define CAT_FORMATS_JSONTEXT_H

#include "columnar/batch.h"

/* Row I of C, which F describes, appended as JSON; failures stick in OUT. */
void cat_jsontext(const struct cat_field *f, const struct cat_column *c, int64_t i, struct cat_text *out);
/* S as a JSON string with its quotes. */
void cat_jsontext_string(const char *s, size_t n, struct cat_text *out);
/* The same value without quotes or escapes, for the types that have a plain text: not lists, structs, maps. The
 * row is not NULL. */
void cat_plaintext(const struct cat_field *f, const struct cat_column *c, int64_t i, struct cat_text *out);

#endif
