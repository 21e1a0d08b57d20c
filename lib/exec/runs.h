/* runs -- rows ordered by an int64 key, in memory while they fit and in sorted runs on disk beyond.
 *
 * Layer: exec. Put all rows, finish, then read any range of keys: the rows come sorted, rows of equal keys in
 * the order in which they were put. Counting rows of a range costs a few small reads, so ranges can be chosen
 * by their size. The files have no name; they go with the process.
 * Thread rule: put and finish by one thread; afterwards count and read from any thread.
 */
#ifndef CAT_EXEC_RUNS_H
#define CAT_EXEC_RUNS_H

#include "columnar/batch.h"

struct cat_runs;

/* Rows of SCHEMA (a reference is taken). MEMORY_BYTES is what may be held before spilling
 * under TEMP_DIR; when all rows were put, half of it. */
CAT_MUST_USE int cat_runs_new(struct cat_schema *schema, const char *temp_dir, int64_t memory_bytes,
                              struct cat_runs **out, struct cat_error *err);
void cat_runs_free(struct cat_runs *r); /* accepts NULL */
/* Takes over one reference to B, whether or not it succeeds; KEYS (one per row) are copied. */
CAT_MUST_USE int cat_runs_put(struct cat_runs *r, struct cat_batch *b, const int64_t *keys, struct cat_error *err);
CAT_MUST_USE int cat_runs_finish(struct cat_runs *r, struct cat_error *err);
int64_t cat_runs_rows(const struct cat_runs *r);
/* Mean bytes of a row in memory; at least 1. */
int64_t cat_runs_row_bytes(const struct cat_runs *r);
bool cat_runs_spilled(const struct cat_runs *r);
/* How many rows have keys in [lo, hi). */
CAT_MUST_USE int cat_runs_count(struct cat_runs *r, int64_t lo, int64_t hi, int64_t *n, struct cat_error *err);
/* The rows with keys in [lo, hi), sorted; *OUT has no rows when there are none. KEYS, when not NULL, receives
 * their keys (caller frees with cat_free). */
CAT_MUST_USE int cat_runs_read(struct cat_runs *r, int64_t lo, int64_t hi, struct cat_batch **out, int64_t **keys,
                               struct cat_error *err);
/* The same for ranges that are sorted and do not overlap; what is on disk is read once for all of them. BY, when not
 * negative, is a column of int64 without nulls that gives the order instead of the keys, and KEYS. */
struct cat_runs_range {
	int64_t lo, hi;
};
CAT_MUST_USE int cat_runs_read_ranges(struct cat_runs *r, const struct cat_runs_range *ranges, int64_t nranges, int by,
                                      struct cat_batch **out, int64_t **keys, struct cat_error *err);
/* An end HI2 in (lo, hi] such that [lo, hi2) holds at most MAX_ROWS and about MAX_BYTES, as large as binary search
 * finds it; when even one key has more rows than that, just that key. */
CAT_MUST_USE int cat_runs_split(struct cat_runs *r, int64_t lo, int64_t hi, int64_t max_rows, int64_t max_bytes,
                                int64_t *hi2, struct cat_error *err);

#endif
