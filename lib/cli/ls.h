/* ls -- what lies where: buckets, folders, files, and catalogues as one line each.
 *
 * Layer: cli.
 */
#ifndef CAT_CLI_LS_H
#define CAT_CLI_LS_H

#include "cli/main.h"

struct cat_ls_settings {
	bool details; /* -l */
	bool recursive;
	bool json;
	const char *link; /* for how long; NULL: no links */
};
/* Prints what the N operands are or hold; none: the folder here. */
CAT_MUST_USE int cat_ls(const struct cat_ls_settings *s, char *const *operands, int n, struct cat_error *err);

#endif
