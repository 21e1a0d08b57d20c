/* verify_parts -- what the parts of a check share. Private to dataset.
 *
 * Layer: dataset.
 */
#ifndef CAT_DATASET_VERIFY_PARTS_H
#define CAT_DATASET_VERIFY_PARTS_H

#include "dataset/verify.h"
#include "formats/parquet.h"
#include "sky/cover.h"

/* --- verify_values.c: what values really are --- */

struct cat_extent {
	int64_t entries, values; /* all; those that are not null */
	enum { CAT_EXTENT_NONE, CAT_EXTENT_INT, CAT_EXTENT_REAL, CAT_EXTENT_TEXT } kind; /* NONE: nothing that has bounds */
	int64_t lo_i64, hi_i64;
	double lo_f64, hi_f64;
	const char *lo_text, *hi_text; /* the column's, or its own */
	size_t lo_len, hi_len;
	char *own_lo, *own_hi;
};
/* Copies what it has of a column that goes. */
CAT_MUST_USE int cat_extent_own(struct cat_extent *e, struct cat_error *err);
void cat_extent_fini(struct cat_extent *e);
/* Adds rows [BEGIN, END) of C, a column without children. */
void cat_extent_add(struct cat_extent *e, const struct cat_column *c, int64_t begin, int64_t end);
void cat_extent_join(struct cat_extent *e, const struct cat_extent *more);
/* The leaves of C, depth first, to E[0..]: their number must fit. Nulls and empty lists are left to the caller. */
int cat_extent_leaves(struct cat_extent *e, int n, const struct cat_column *c);
/* What S says that is not true of E; false when nothing is. */
bool cat_extent_differs(const struct cat_extent *e, const struct cat_range_stats *s, char *why, size_t size);
/* Value I of A is value J of B, both of one type; nulls are equal. */
bool cat_value_same(const struct cat_column *a, int64_t i, const struct cat_column *b, int64_t j);

/* --- verify_map.c: maps of counts --- */

struct cat_map;
/* A map of counts in FITS; *OUT NULL when NAME is not there. What is wrong with the file itself is a finding. */
CAT_MUST_USE int cat_map_open(const char *root, const char *name, struct cat_findings *found, struct cat_map **out,
                              struct cat_error *err);
int cat_map_order(const struct cat_map *m);
/* Of a map that is not compared: the next cell that has rows; *COUNT 0 at the end. */
CAT_MUST_USE int cat_map_next(struct cat_map *m, int64_t *cell, int64_t *count, struct cat_error *err);
/* So many rows lie in cells [LO, HI) of order 29, in ascending order; the same range may come again at once. N < 0: how
 * many is not known. */
CAT_MUST_USE int cat_map_rows(struct cat_map *m, int64_t lo, int64_t hi, int64_t n, struct cat_findings *found,
                              struct cat_error *err);
/* No more rows. */
CAT_MUST_USE int cat_map_end(struct cat_map *m, struct cat_findings *found, struct cat_error *err);
void cat_map_free(struct cat_map *m); /* accepts NULL */

/* --- verify_meta.c: _metadata and per_partition_statistics.parquet --- */

struct cat_meta_file {
	struct cat_reader *reader;
	struct cat_parquet_file *file;
	struct cat_meta_entry {
		const char *path; /* the file's */
		size_t len;
		int first, n; /* groups */
		bool used;
	} *entries; /* by path */
	size_t n;
};
/* *OUT all zero when it is not there; DATASET is the folder it lies in. */
CAT_MUST_USE int cat_meta_open(const char *dataset, const char *name, struct cat_findings *found,
                               struct cat_meta_file *out, struct cat_error *err);
void cat_meta_fini(struct cat_meta_file *m);
struct cat_meta_entry *cat_meta_find(const struct cat_meta_file *m, const char *path);
/* Holds the groups of F, which lies at PATH, against what M says. */
void cat_meta_compare(const struct cat_meta_file *m, const char *path, const struct cat_parquet_file *f,
                      struct cat_findings *found);

struct cat_stats_file {
	struct cat_schema *schema; /* NULL: there is none, or it is not looked at */
	struct cat_batch **batches;
	size_t nbatches, cap_batches;
	struct cat_stats_entry {
		struct cat_hats_part part;
		const struct cat_batch *batch;
		int64_t at, row; /* in the batch; in all */
		bool used;
	} *entries; /* by place, then by row: others order by name */
	size_t n, cap;
	bool old_sizes; /* sizes differ, which was not asked for */
};
/* Files that take more than MAX_BYTES in memory are noted and not looked at. */
CAT_MUST_USE int cat_stats_open(const char *root, int64_t max_bytes, struct cat_findings *found,
                                struct cat_stats_file *out, struct cat_error *err);
void cat_stats_fini(struct cat_stats_file *s);
/* Its rows of P are to be those of the leaf with FOOTER and SCHEMA; FOOTER NULL: nothing is known of the leaf.
 * SIZES: bytes too. */
CAT_MUST_USE int cat_stats_compare(struct cat_stats_file *s, const struct cat_hats_part *p, struct cat_schema *schema,
                                   struct cat_buf *footer, bool sizes, struct cat_findings *found,
                                   struct cat_error *err);
/* All leaves were there: rows that are left belong to none. */
void cat_stats_end(const struct cat_stats_file *s, struct cat_findings *found);

/* --- the check --- */

struct cat_verify_file {
	char *name; /* seen from the catalogue */
	int64_t size;
	bool used;
};
struct cat_verify_item {
	int part;   /* of v->parts; -1: of an index */
	char *name; /* seen from the catalogue; NULL: there is none, a margin without rows */
	bool alone; /* the partition's only file */
	bool missing; /* it should be there, and is not */
};
struct cat_verify {
	struct cat_verify_options o;
	struct cat_hats *hats, *primary;
	char *root;
	bool is_margin, is_index, is_ours;
	bool listed; /* files are known */
	double margin_deg;
	struct cat_findings found;
	struct cat_verify_file *files;
	size_t nfiles, cap_files;
	struct cat_hats_part *parts; /* in depth-first order */
	int nparts;
	size_t cap_parts;
	struct cat_verify_item *items;
	int nitems;
	size_t cap_items;
	struct cat_reader *common_reader;
	struct cat_parquet_file *common;
	struct cat_meta_file meta;
	struct cat_stats_file stats;
	struct cat_map **maps;
	size_t nmaps, cap_maps;
	int map_order; /* the finest; -1: none */
	struct cat_verify_totals totals;
	int64_t part_rows, max_rows; /* of the partition now being taken; of any */
	int last_part;
	int data_parts; /* with a file */
	double fraction;
	int deepest;
	double index_last; /* greatest of the indexed column so far */
	bool unreadable;   /* a leaf is */
};
struct cat_verify_leaf {
	struct cat_verify *v;
	const struct cat_verify_item *item;
	struct cat_findings found;
	struct cat_buf *footer;
	struct cat_schema *schema;
	int64_t rows, bytes;
	struct cat_verify_cell {
		int64_t cell, n;
	} *cells; /* rows per cell of map_order, ascending */
	size_t ncells, cap_cells;
	int64_t *margin; /* cells of a margin's rows */
	size_t nmargin, cap_margin;
	struct cat_rim rim;
	int64_t last; /* index of the row before */
	bool ordered; /* rows are promised to come by it */
	double index_first, index_last; /* bounds of the indexed column; NaN: not known */
	bool unreadable;   /* nothing is known of it */
	bool incomplete;   /* cells and margin lack rows */
};

/* verify_leaf.c: what differs between the schema of the file WHERE and the catalogue's. */
void cat_verify_schema(const struct cat_schema *is, const struct cat_schema *should, const char *where,
                       struct cat_findings *found);
/* Whether a failure tells of the file rather than of this machine. */
static inline bool cat_is_fault(int rc)
{
	return rc == CAT_E_DATA || rc == CAT_E_UNSUPPORTED;
}
/* verify_tree.c: which files there are, and which of them are leaves. */
CAT_MUST_USE int cat_verify_list(struct cat_verify *v, struct cat_error *err);
/* verify_properties.c */
void cat_verify_properties(struct cat_verify *v);
void cat_verify_facts(struct cat_verify *v); /* what totals make of properties */
/* verify_margin.c: whether l->margin is what the primary demands. */
CAT_MUST_USE int cat_verify_margin(struct cat_verify_leaf *l, struct cat_error *err);
/* verify_rows.c: columns of one row group (NULL: not there) from row BEFORE on. */
CAT_MUST_USE int cat_verify_rows(struct cat_verify_leaf *l, const struct cat_column *hpx, const struct cat_column *ra,
                                 const struct cat_column *dec, int64_t before, const char *where,
                                 struct cat_error *err);

#endif
