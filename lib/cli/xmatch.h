/* xmatch -- the inputs of cat-xmatch: which way a match goes, by what its two tables are.
 *
 * Layer: cli.
 */
#ifndef CAT_CLI_XMATCH_H
#define CAT_CLI_XMATCH_H

#include "cli/io.h"
#include "exec/op_xmatch.h"

struct cat_xmatch_input {
	const struct cat_input *input;
	const struct cat_resources *res;
	const char *left, *right; /* operands; NULL: standard input */
	const char *shard;        /* of LEFT's output; NULL: all */
	const char *ra1, *dec1, *ra2, *dec2;
	const char *columns, *where; /* on the joined row; NULL: all */
};
/* Opens both tables and matches them: two catalogues, or a short LEFT against a catalogue, part by part; a RIGHT
 * that fits into memory by streaming LEFT past it; anything else after sorting by place on disk. Only columns that
 * COLUMNS and WHERE need are read; the rows that come have been selected by them. O's position columns are set
 * here. POOL outlives the source. */
CAT_MUST_USE int cat_xmatch_input_open(const struct cat_xmatch_input *in, struct cat_xmatch_options *o,
                                       struct cat_pool *pool, struct cat_source **out, struct cat_error *err);

#endif
