/* op_partition -- rows of any table into the leaves of a HATS catalogue.
 *
 * Layer: exec. Rows are ordered by their HEALPix cell of order 29 (external sort, bounded memory; rows of one
 * cell keep the order of the input); the sky is split top-down while a cell holds more rows, or its leaf takes more
 * bytes, than allowed.
 * The catalogue depends on rows and options alone, neither on memory nor on threads.
 */
#ifndef CAT_EXEC_OP_PARTITION_H
#define CAT_EXEC_OP_PARTITION_H

#include "columnar/pump.h"
#include "exec/pool.h"

struct cat_partition_options {
	int64_t rows, bytes;  /* per partition, at most; INT64_MAX: any number. One row, or one cell of order 29, may */
	                      /* take more bytes */
	int ra, dec;          /* columns of the source */
	bool drop_bad;        /* rows without a valid position are left out and counted; else CAT_E_DATA */
	struct cat_sink *bad; /* where such rows go; NULL: nowhere. Not committed, not closed here */
	const char *temp_dir;
	int64_t memory_bytes;
	bool overwrite;       /* a catalogue that is there is replaced */
	int nmargins;         /* with margins PATH is a collection: the catalogue and its margin caches */
	const double *margins_arcsec;
	int64_t level;        /* zstd */
	const char *ra_name, *dec_name;
	const char *created;  /* the date that is written; NULL: none */
};
struct cat_partition_result {
	int64_t rows, bad_rows, bytes;
	int nparts;
};
/* Reads all of SOURCE, which stays the caller's, and publishes the catalogue at PATH in one step. */
CAT_MUST_USE int cat_partition(struct cat_source *source, const char *path, const struct cat_partition_options *o,
                               struct cat_pool *pool, struct cat_partition_result *result, struct cat_error *err);

#endif
