/* properties -- Java properties files, the way HATS catalogues describe themselves.
 *
 * Layer: dataset. Source: java.util.Properties.load; HATS 1.0 (IVOA note), "Metadata".
 */
#ifndef CAT_DATASET_PROPERTIES_H
#define CAT_DATASET_PROPERTIES_H

#include "columnar/schema.h"

/* Key and value separated by =, : or blanks; # and ! comments; backslash escapes and continued lines. Later
 * keys win. */
CAT_MUST_USE int cat_properties_parse(const char *text, size_t n, struct cat_kv *out, struct cat_error *err);
/* "HEADER" line, then key=value lines in order. */
void cat_properties_text(const char *header, const struct cat_kv *kv, struct cat_text *out);
/* Whole numbers; FALLBACK when absent, CAT_E_DATA when it is no number. */
CAT_MUST_USE int cat_properties_int(const struct cat_kv *kv, const char *key, int64_t fallback, int64_t *out,
                                    struct cat_error *err);

#endif
