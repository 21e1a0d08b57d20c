/* get -- what cat-get is asked to do.
 *
 * Layer: cli.
 */
#ifndef CAT_CLI_GET_H
#define CAT_CLI_GET_H

#include "cli/io.h"

struct cat_get_settings {
	struct cat_resources res;
	struct cat_rows rows; /* of which the region only */
	bool overwrite, json, no_verify, plan;
};
/* The operands are SRC and DST. */
CAT_MUST_USE int cat_get_command(const struct cat_get_settings *s, const char *source, const char *place,
                                 struct cat_error *err);

#endif
