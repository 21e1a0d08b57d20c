/* child -- other programs: the only place that starts one.
 *
 * Layer: base. Never through a shell: a word that holds blanks or quotes is one word.
 */
#ifndef CAT_BASE_CHILD_H
#define CAT_BASE_CHILD_H

#include "base/buf.h"

/* Runs ARGV (ended by NULL; found along PATH) with nothing to read and its messages on our stderr; *OUT is what it writes,
 * at most MAX bytes. CAT_E_CONFIG when it cannot be started, fails, writes more, or takes longer than TIMEOUT_MS. */
CAT_MUST_USE int cat_child_output(char *const *argv, size_t max, int timeout_ms, struct cat_buf **out,
                                  struct cat_error *err);
/* The words of LINE as a shell would take them apart ('...', "...", \), but nothing is expanded; the array ends with
 * NULL and is one block, to be freed with cat_free. CAT_E_CONFIG when a quote is not closed or there is no word. */
CAT_MUST_USE int cat_child_words(const char *line, char ***out, struct cat_error *err);

#endif
