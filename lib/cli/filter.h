/* filter -- the common course of a program that passes rows from one table to one output.
 *
 * Layer: cli.
 */
#ifndef CAT_CLI_FILTER_H
#define CAT_CLI_FILTER_H

#include "cli/io.h"

/* What a program does to the rows between input and output; ARG is its own. NULL: nothing. Takes over *S and
 * replaces it, or fails (then *S is closed by the caller). */
typedef int (*cat_filter_step)(void *arg, struct cat_pool *pool, struct cat_source **s, struct cat_error *err);

/* Opens the operands, applies io->rows, the step, and writes io->output. PROGRAM NULL: no history entry.
 * EXTRA are further pairs of option and value for the history, ended by NULL; may be NULL. */
CAT_MUST_USE int cat_filter_run(const struct cat_io *io, const char *program, const char *const *extra,
                                cat_filter_step step, void *arg, char *const *operands, int n,
                                struct cat_error *err);
/* The last half: rows of S, which is closed, to io->output. ROWS is what the output still has to obey (its
 * limit), or NULL. */
CAT_MUST_USE int cat_filter_write(const struct cat_io *io, const struct cat_rows *rows, const char *program,
                                  const char *const *extra, struct cat_source *s, struct cat_pool *pool,
                                  struct cat_error *err);

#endif
