/* tables -- the verbs of cat-tables: names of tables listed, described, changed, looked for.
 *
 * Layer: cli.
 */
#ifndef CAT_CLI_TABLES_H
#define CAT_CLI_TABLES_H

#include "cli/main.h"

struct cat_tables_settings {
	struct cat_resources res;
	const char *title, *release;
	bool json, pin, replace;
};

/* list (also without a word), add NAME ADDRESS..., rename NAME TO, remove NAME..., describe NAME..., search WORD...;
 * what there is to say goes to standard output. */
CAT_MUST_USE int cat_tables_run(const struct cat_tables_settings *s, char *const *words, int n, struct cat_error *err);

#endif
