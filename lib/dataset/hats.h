/* hats -- catalogues in the HATS layout, and collections of them: reading.
 *
 * Layer: dataset. Source: HATS 1.0 (IVOA note) and what hats-import and LSDB write.
 * A folder is a catalogue when it holds hats.properties, properties or collection.properties; of a collection
 * the primary catalogue is read. Columns Norder, Dir and Npix that old catalogues store are dropped.
 */
#ifndef CAT_DATASET_HATS_H
#define CAT_DATASET_HATS_H

#include <pthread.h>
#include <stdatomic.h>

#include "columnar/pump.h"
#include "storage/open.h"
#include "storage/release.h"

struct cat_hats_part {
	int order;
	int64_t npix;
};
/* Files by _metadata, seen from "dataset", in the order of their bytes. */
struct cat_hats_names {
	char **v;
	size_t n, cap;
};
struct cat_hats {
	atomic_int refs;
	char *root;  /* folder of the catalogue itself */
	char *above; /* folder of the collection it was found in; NULL when it stands alone */
	char *given; /* as the user named it */
	char release[CAT_RELEASE_NAME]; /* that was the latest there when it was opened; "": it has none */
	struct cat_kv properties;
	struct cat_kv collection; /* empty when it stands alone */
	struct cat_schema *schema;
	char *note; /* what was passed over in what tells the schema, and why; NULL: nothing */
	int64_t nrows; /* by its properties; -1: not said */
	int64_t bytes; /* by its properties; 0: not said */
	bool is_there; /* it described itself: what is missing now is its fault */
	int nparts;
	struct cat_hats_part *parts; /* in depth-first order */
	bool in_order; /* as they were listed */
	_Atomic(struct cat_opening *) first; /* of partition first_part: far away, sent for and not read yet */
	int first_part;
	bool folders;    /* partitions are folders of files */
	struct cat_hats_names names; /* ... where they cannot be listed; none before they are asked for */
	pthread_mutex_t names_lock;
	char *suffix;    /* of partitions that are files */
	int ra, dec;     /* columns, or -1 */
	int hpx;         /* column of the spatial index, or -1 */
	int hpx_order;   /* its order: 29 but in odd catalogues */
};

/* In the properties of what cat-get made of some partitions of a catalogue: how many it has, of how many. */
#define CAT_HATS_PART_KEY "catpipe_part"

/* Whether PATH is a folder here that describes itself as a catalogue. */
bool cat_hats_is(const char *path);
struct cat_hats *cat_hats_ref(struct cat_hats *h);
void cat_hats_free(struct cat_hats *h); /* gives back one reference; accepts NULL */

/* Cells [*LO, *HI) of order 29 that a partition covers. */
void cat_hats_range(const struct cat_hats_part *p, int64_t *lo, int64_t *hi);
/* Path of partition P; the caller frees it with cat_free. NULL when memory is out. */
char *cat_hats_leaf(const struct cat_hats *h, const struct cat_hats_part *p);

/* Which partitions are wanted: by cells of order 29. */
struct cat_hats_want {
	bool (*keep)(void *arg, int64_t lo, int64_t hi); /* NULL: all */
	void *arg;
	int begin, end; /* partitions [begin, end); end 0: to the last */
};
/* PATH or an address. CAT_E_NOINPUT when there is no catalogue. Far away: three requests at once (for a collection
 * two more behind them), then the schema; and with it the first partition of WANT, what will be read, unless that is
 * NULL. */
CAT_MUST_USE int cat_hats_open(const char *path, const struct cat_hats_want *want, struct cat_hats **out,
                               struct cat_error *err);
/* All rows of the wanted partitions in order; takes over H, also on failure. */
CAT_MUST_USE int cat_hats_feed(struct cat_hats *h, const struct cat_hats_want *want, struct cat_feed **out,
                               struct cat_error *err);

#endif
