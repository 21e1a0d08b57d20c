/* namelist -- tables.yaml: names of tables, where they lie, what is known of them; and edits of its text.
 *
 * Layer: dataset. The file, all of it optional:
 *	lists: [https://example.org/tables.yaml]   # further lists, read after this one
 *	tables:
 *	  gaia:
 *	    urls: [s3://bucket/gaia, https://example.org/gaia]   # the same table behind each; or url: ONE
 *	    release: "2026-11"     # of cat-upload: what lies below releases/2026-11 there
 *	    version: "..."         # nothing else is read: see cat_named.version
 *	    title: ...             # and whatever else is to be told, one line each
 *	  short: s3://bucket/short # only the address
 * Edits change the lines that are theirs and leave every other byte as it was.
 * Thread rule: pure functions, any thread.
 */
#ifndef CAT_DATASET_NAMELIST_H
#define CAT_DATASET_NAMELIST_H

#include "base/text.h"
#include "columnar/schema.h"

struct cat_named {
	char *name;
	char **urls; /* none: it is known, but where it lies is not public */
	int nurls;
	/* What is told of it, in the order of the file: title, rows, ... */
	struct cat_kv facts;
	int line; /* of the list */
	const struct cat_namelist *list;
};

struct cat_namelist {
	char *where; /* path or address of the list */
	struct cat_named *v;
	size_t n;
	char **lists;
	int nlists;
};

/* Letters, digits, . _ + -, a letter or digit first, at most 100 bytes: what no path with a slash and no address is. */
bool cat_named_valid(const char *name);
/* The tables in TEXT[0,N), which came from WHERE. Relative paths are seen from its folder; a list that came over the
 * network (REMOTE) may name addresses only. CAT_E_CONFIG with the line when it is wrong. OUT is to be freed in any case. */
CAT_MUST_USE int cat_namelist_parse(const char *text, size_t n, const char *where, bool remote,
                                    struct cat_namelist *out, struct cat_error *err);
void cat_namelist_fini(struct cat_namelist *l);
/* NAME in any case of letters, exactly written first; NULL: not in it, or several are like it. */
const struct cat_named *cat_namelist_get(const struct cat_namelist *l, const char *name);

/* The text after the edit, appended to OUT. CAT_E_CONFIG when the file is written in a way that cannot be edited by
 * lines (in braces); then nothing is to be done with OUT. */
CAT_MUST_USE int cat_namelist_add(const char *text, size_t n, const struct cat_named *t, struct cat_text *out,
                                  struct cat_error *err);
/* CAT_E_NOINPUT: NAME (as it is written) is not in it. */
CAT_MUST_USE int cat_namelist_rename(const char *text, size_t n, const char *name, const char *to,
                                     struct cat_text *out, struct cat_error *err);
CAT_MUST_USE int cat_namelist_remove(const char *text, size_t n, const char *name, struct cat_text *out,
                                     struct cat_error *err);

#endif
