/* registry -- names of tables: the lists that are read, what a name stands for, the addresses it is had from.
 *
 * Layer: dataset. Lists are read when a name is first asked for, in order; of two tables with one name the first counts.
 * Lists that a list names by URL are read after it, and kept for a day; when they cannot be had, for as long as need be.
 * Of several addresses the one that answers first is used; that is measured once and kept for a month.
 * Thread rule: one thread at a time.
 */
#ifndef CAT_DATASET_REGISTRY_H
#define CAT_DATASET_REGISTRY_H

#include "dataset/namelist.h"

/* Paths of lists, separated by colons; those that do not exist are empty. The first is the user's own. The caller's, for
 * the life of the process. */
void cat_registry_configure(const char *lists);
/* Forgets what was read. */
void cat_registry_reset(void);

/* Whether OPERAND can only be a name: it holds no slash and no colon, and no such file exists. */
bool cat_registry_is_name(const char *operand);
/* *OUT NULL: no list has NAME. Good until reset. When NAME is in no list, but one of them could not be had, that is the
 * error. */
CAT_MUST_USE int cat_registry_find(const char *name, const struct cat_named **out, struct cat_error *err);
/* Calls EACH on every table, HIDDEN when an earlier list has its name; until it fails. What could not be had is passed
 * over and told in NOTE (may be NULL), a line each. */
CAT_MUST_USE int cat_registry_each(int (*each)(void *arg, const struct cat_named *t, bool hidden, struct cat_error *err),
                                   void *arg, struct cat_text *note, struct cat_error *err);
/* "", or "; nearest name: gaia_dr3". */
void cat_registry_nearest(const char *name, char *out, size_t size);
/* What OPERAND, which is neither a file nor a name, comes to: CAT_E_NOINPUT. */
int cat_registry_unknown(const char *operand, struct cat_error *err);

/* The path of the user's own list, which edits change; "" when there is none. Good until the next call. */
const char *cat_registry_own(void);
/* Edits of that list: under a lock (CAT_E_TEMP when another process holds it for 10 seconds), written whole or not at all,
 * everything else in it left as it was. What was read of it before is forgotten.
 * Add: CAT_E_CREATE when it has the name, unless REPLACE. */
CAT_MUST_USE int cat_registry_add(const struct cat_named *t, bool replace, struct cat_error *err);
/* CAT_E_NOINPUT: it has no NAME; CAT_E_CREATE: it has TO. */
CAT_MUST_USE int cat_registry_rename(const char *name, const char *to, struct cat_error *err);
CAT_MUST_USE int cat_registry_remove(const char *name, struct cat_error *err);

/* An address of a table, and what is known of it. */
struct cat_address {
	char *url;      /* the release's, when the name says one */
	int64_t ms;     /* until it answered; -1: not measured, or not far away */
	bool failed;    /* it did not, last time */
	char date[12];  /* of that, "2026-11-24"; "" */
	bool later;     /* it could not be had now, and may be */
};
struct cat_addresses {
	struct cat_address *v; /* the best first */
	int n;
};
/* MEASURE: where that was not done yet and more than one is far away. CAT_E_NOINPUT when it has none. OUT is to be freed
 * in any case. */
CAT_MUST_USE int cat_registry_addresses(const struct cat_named *t, bool measure, struct cat_addresses *out,
                                        struct cat_error *err);
void cat_addresses_fini(struct cat_addresses *a);
/* Calls OPEN on OPERAND itself, or, when it is a name, on its addresses, the best first, until one can be had; T is the
 * name's table, else NULL. Gives what the last OPEN gave, the name in front of its error. */
CAT_MUST_USE int cat_registry_open(const char *operand,
                                   int (*open)(void *arg, const char *address, const struct cat_named *t,
                                               struct cat_error *err),
                                   void *arg, struct cat_error *err);

#endif
