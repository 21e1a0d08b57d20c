/* verify -- what checks found, told to people and as JSON.
 *
 * Layer: cli.
 */
#ifndef CAT_CLI_VERIFY_H
#define CAT_CLI_VERIFY_H

#include "cli/main.h"

struct cat_verify_settings {
	const char *level; /* quick, full */
	int64_t findings;  /* of each kind in full */
	bool json;
};
/* Checks the N operands and prints the report. CAT_E_NO, without a message, when something was found. */
CAT_MUST_USE int cat_verify_report(const struct cat_verify_settings *s, const struct cat_resources *res,
                                   char *const *operands, int n, struct cat_error *err);

#endif
