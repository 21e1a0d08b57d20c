/* table -- opens whatever holds rows: a file of any format, a catalogue, a stream, several of them.
 *
 * Layer: dataset. Kind: magic bytes first, the suffix when they do not decide (product.md 2.3).
 */
#ifndef CAT_DATASET_TABLE_H
#define CAT_DATASET_TABLE_H

#include "columnar/pump.h"
#include "dataset/hats.h"
#include "dataset/registry.h"
#include "formats/csv.h"

struct cat_open_options {
	const char *from;      /* format forced by --from, or NULL */
	const char *temp_dir;  /* where what cannot be sought is spooled */
	const char *hdu;       /* FITS: which table, by name or number; NULL: the first */
	bool allow_no_eos;     /* Arrow streams without an end marker */
	bool infer_full;       /* text: types from the whole input */
	int ntypes;            /* text: "name:type" */
	const char *const *types;
	int64_t shard, nshards; /* this one of so many; 0 of 0: the whole */
	struct cat_hats_want want; /* partitions of a catalogue that are wanted */
	const struct cat_csv_types *text_types; /* text: what several inputs need in common; NULL: look */
};

/* OPERAND, here and below: a path, an address, or a name of dataset/registry.h.
 *
 * The catalogue that OPERAND is, here or far away; *OUT NULL when it is none. WANT as for cat_hats_open. A folder that
 * is no catalogue is CAT_E_NOINPUT. */
CAT_MUST_USE int cat_table_catalogue(const char *operand, const struct cat_hats_want *want, struct cat_hats **out,
                                     struct cat_error *err);
/* OPERAND NULL or "-" is standard input. */
CAT_MUST_USE int cat_table_open(const char *operand, const struct cat_open_options *o, struct cat_feed **out,
                                struct cat_error *err);
/* N operands read one after the other: the same names in any order, numbers of text files widened
 * losslessly over all of them; else CAT_E_DATA naming file and column. N 0 is standard input. */
CAT_MUST_USE int cat_table_open_all(char *const *operands, int n, const struct cat_open_options *o,
                                    struct cat_feed **out, struct cat_error *err);

/* What tells OPERAND from what will be there later: what a name can pin. */
struct cat_version {
	char release[CAT_RELEASE_NAME]; /* that its readers get now; "": it has no releases */
	char *told; /* when a catalogue was built (its property hats_creation_date), the ETag of a file far away; NULL: nothing
	             * tells it. The caller's */
};
/* CAT_E_UNSUPPORTED when there is neither. */
CAT_MUST_USE int cat_table_version(const char *operand, struct cat_version *out, struct cat_error *err);
/* CAT_E_DATA when T (may be NULL) pins another version than the one at ADDRESS: for those who do not open it here. */
CAT_MUST_USE int cat_table_check(const struct cat_named *t, const char *address, struct cat_error *err);

#endif
