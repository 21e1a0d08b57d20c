/* several -- several tables read one after the other as one.
 *
 * Layer: dataset. Product.md 2.3: the same names in any order; what differs is CAT_E_DATA naming file and
 * column.
 */
#ifndef CAT_DATASET_SEVERAL_H
#define CAT_DATASET_SEVERAL_H

#include "columnar/pump.h"

struct cat_several {
	int n;
	/* Opens table I; called in order, once each, when its turn comes. *NAME is for messages and lives as
	 * long as *OUT. *OUT NULL: this table has nothing that is wanted. */
	CAT_MUST_USE int (*open)(void *arg, int i, struct cat_feed **out, const char **name, struct cat_error *err);
	void (*free_arg)(void *arg);
	void *arg;
	/* Columns that a table may have beyond the schema's, ended by NULL; NULL: none. */
	const char *const *extra;
	int64_t nrows; /* in all, or -1 */
	bool sharded;  /* of every table */
	bool far;      /* of any */
	int64_t bytes; /* of all; 0: unknown */
	const char *note; /* as of a feed; lives as long as ARG */
};
/* The tables under SCHEMA (a reference is taken), the columns of each brought into its order. SEV is copied;
 * its argument is freed with the feed, also on failure. */
CAT_MUST_USE int cat_several_feed(struct cat_schema *schema, const struct cat_several *sev, struct cat_feed **out,
                                  struct cat_error *err);
/* Whether table B has the columns of A by name and type, and no others but EXTRA's; CAT_E_DATA naming the
 * first column that differs. MAP[i] receives where A's column i stands in B. */
CAT_MUST_USE int cat_several_map(const struct cat_schema *a, const struct cat_schema *b, const char *const *extra,
                                 int *map, struct cat_error *err);

#endif
