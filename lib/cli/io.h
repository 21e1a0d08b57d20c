/* io -- the inputs and outputs of a filter: shared option groups, and the opening of what they name.
 *
 * Layer: cli.
 */
#ifndef CAT_CLI_IO_H
#define CAT_CLI_IO_H

#include "cli/main.h"
#include "columnar/pump.h"
#include "exec/pool.h"

/* How operands are read. */
struct cat_input {
	const char *from;
	struct cat_strings types;
	const char *infer; /* head, full */
	const char *hdu;
	bool allow_no_eos;
};
extern const struct cat_opt cat_input_opts[];
#define CAT_INPUT_DEFAULTS {.infer = "head"}

/* Which rows and columns: in every program that reads one table. */
struct cat_rows {
	const char *columns;
	const char *where;
	int64_t limit; /* -1: all */
	const char *ra, *dec;
	struct cat_strings cone, box, polygon, moc;
	const char *shard;
};
extern const struct cat_opt cat_rows_opts[];
extern const struct cat_opt cat_region_opts[]; /* the regions among them, for whoever takes nothing else */
#define CAT_ROWS_DEFAULTS {.limit = -1}

/* Where rows go and in which format. */
struct cat_output {
	const char *output;
	const char *format;
	int64_t level;      /* zstd level of Parquet and of compressed Arrow */
	const char *codec;  /* bodies of Arrow output: none, lz4, zstd */
	bool plain;         /* Parquet that old readers take */
};
extern const struct cat_opt cat_output_opts[];
#define CAT_OUTPUT_DEFAULTS {.level = 1, .codec = "none"}

/* All of it: the settings of an ordinary filter. */
struct cat_io {
	struct cat_rows rows;
	struct cat_input input;
	struct cat_output output;
	struct cat_resources res;
};
extern const struct cat_opt cat_io_opts[];
#define CAT_IO_DEFAULTS                                                                       \
	{.rows = CAT_ROWS_DEFAULTS, .input = CAT_INPUT_DEFAULTS, .output = CAT_OUTPUT_DEFAULTS, \
	 .res = CAT_RESOURCE_DEFAULTS}
void cat_io_prepare(void *settings); /* a struct cat_io at the start of the settings */

/* A history entry, "cat-scan 0.1.0 -w 'r < 18'": product.md 2.12. Appended to the schema's catpipe.history.
 * ARGS are pairs of option and value, ended by NULL; pairs with a NULL value are left out. */
CAT_MUST_USE int cat_history_add(struct cat_schema *s, const char *program, const char *const *args,
                                 struct cat_error *err);

/* Opens the table the operands name and applies ROWS to it. The caller closes *OUT before *POOL is freed. */
CAT_MUST_USE int cat_io_source(const struct cat_input *in, const struct cat_rows *rows,
                               const struct cat_resources *res, char *const *operands, int n,
                               struct cat_pool *pool, struct cat_source **out, struct cat_error *err);
/* The same for a consumer that does not read all columns. */
struct cat_consumer;
CAT_MUST_USE int cat_io_source_for(const struct cat_input *in, const struct cat_rows *rows,
                                   const struct cat_resources *res, const struct cat_consumer *consumer,
                                   char *const *operands, int n, struct cat_pool *pool, struct cat_source **out,
                                   struct cat_error *err);
/* Prints what reading them would ask for, from metadata only; JSON or text. */
CAT_MUST_USE int cat_io_explain(const struct cat_io *io, bool json, char *const *operands, int n,
                                struct cat_error *err);
/* The same for a table that the program makes itself; rows->shard is its business. Takes over FEED, also on
 * failure. */
CAT_MUST_USE int cat_io_source_of(struct cat_feed *feed, const struct cat_rows *rows,
                                  const struct cat_resources *res, struct cat_pool *pool, struct cat_source **out,
                                  struct cat_error *err);
/* What --cone, --box, --polygon and --moc say; *OUT NULL: the whole sky. */
struct cat_scan_region;
CAT_MUST_USE int cat_io_region(const struct cat_rows *rows, const struct cat_resources *res,
                               struct cat_scan_region **out, struct cat_error *err);
/* K/N of --shard; TEXT NULL: nothing is set. */
CAT_MUST_USE int cat_io_shard(const char *text, int64_t *k, int64_t *n, struct cat_error *err);
/* A sink for rows of SCHEMA: the file of -o, or standard output as Arrow stream, as -f says, or as a preview
 * when it is a terminal. *MAX_ROWS receives how many rows are worth sending (-1: all). */
CAT_MUST_USE int cat_io_sink(const struct cat_output *out, const struct cat_rows *rows,
                             const struct cat_resources *res, struct cat_schema *schema, struct cat_pool *pool,
                             struct cat_sink **sink, int64_t *max_rows, struct cat_error *err);
/* Columns and lines of the terminal on standard output; 80 and 24 when it is none. */
void cat_io_terminal(int *width, int *height);
/* Checks -o and -f before any input is opened. */
CAT_MUST_USE int cat_io_check(const struct cat_output *out, struct cat_error *err);

#endif
