/* info -- tables described from their metadata, for people and as JSON.
 *
 * Layer: cli.
 */
#ifndef CAT_CLI_INFO_H
#define CAT_CLI_INFO_H

#include "cli/io.h"

/* Describes OPERAND (NULL: standard input), appended to OUT. */
CAT_MUST_USE int cat_info_table(const char *operand, const struct cat_input *in, const struct cat_resources *res,
                                bool json, struct cat_text *out, struct cat_error *err);
/* Writes which part of the sky the catalogue OPERAND covers to FILE, in the form its suffix names: by its map of counts,
 * or its partitions where it has none. */
CAT_MUST_USE int cat_info_moc(const char *operand, const char *file, struct cat_error *err);
/* Settings with their values and where they come from. */
CAT_MUST_USE int cat_info_settings(bool json, struct cat_text *out, struct cat_error *err);

#endif
