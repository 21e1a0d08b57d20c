/* preview -- rows on a terminal: aligned, as many columns as fit, and a line that says what was left out.
 *
 * Layer: cli.
 */
#ifndef CAT_CLI_PREVIEW_H
#define CAT_CLI_PREVIEW_H

#include "columnar/pump.h"

/* A sink that keeps the first MAX rows and prints them to FD at commit, WIDTH characters wide. MORE rows
 * beyond them may be offered; one is enough to know that there are more. */
CAT_MUST_USE int cat_preview_open(struct cat_schema *schema, int fd, int width, int64_t max,
                                  struct cat_sink **out, struct cat_error *err);
/* Text of one value as the preview shows it (null is an empty string), at most CAP bytes, terminated. */
void cat_value_text(const struct cat_column *c, const struct cat_field *f, int64_t i, char *out, size_t cap);

#endif
