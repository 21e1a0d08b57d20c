/* open -- a path or an address, whichever it is: what everybody above storage opens things by.
 *
 * Layer: storage.
 */
#ifndef CAT_STORAGE_OPEN_H
#define CAT_STORAGE_OPEN_H

#include "base/bytes.h"

/* Where reading will begin. */
enum cat_open_where { CAT_OPEN_HEAD, CAT_OPEN_TAIL };

/* Begins to open, without waiting for anything remote. */
struct cat_opening;
CAT_MUST_USE int cat_open_begin(const char *name, enum cat_open_where where, struct cat_opening **out,
                                struct cat_error *err);
/* Frees O, also on failure. */
CAT_MUST_USE int cat_open_finish(struct cat_opening *o, struct cat_reader **out, struct cat_error *err);
void cat_open_cancel(struct cat_opening *o); /* accepts NULL */
/* Both. */
CAT_MUST_USE int cat_open(const char *name, enum cat_open_where where, struct cat_reader **out,
                          struct cat_error *err);

/* N small whole files of at most MAX bytes each, all asked for at once; OUT[i] NULL: there is no such file. With
 * every one of them missing and *DENIED set, it may also be that they must not be read. */
CAT_MUST_USE int cat_open_fetch(char *const *names, int n, size_t max, struct cat_buf **out, bool *denied,
                                struct cat_error *err);
/* The same with a bound for each; one that is longer is CAT_E_DATA and not read beyond its bound. */
CAT_MUST_USE int cat_open_fetch_each(char *const *names, const size_t *max, int n, struct cat_buf **out, bool *denied,
                                     struct cat_error *err);
/* Whether NAME is an address rather than a path. */
bool cat_open_is_remote(const char *name);

#endif
