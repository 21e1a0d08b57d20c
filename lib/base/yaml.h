/* yaml -- YAML documents as trees that know where in the text they stand; a thin cover over libyaml.
 *
 * Layer: base. Of YAML what people write into lists and settings: maps, lists and scalars, one document. Anchors,
 * aliases, tags, keys that are no scalars, a key twice in one map and more than 32 levels are refused. A scalar is
 * its text: what is a number or a date is its reader's business.
 * Thread rule: pure functions, any thread.
 */
#ifndef CAT_BASE_YAML_H
#define CAT_BASE_YAML_H

#include <stdbool.h>

#include "base/error.h"

enum cat_yaml_kind { CAT_YAML_SCALAR, CAT_YAML_LIST, CAT_YAML_MAP };

struct cat_yaml {
	enum cat_yaml_kind kind;
	char *key;   /* of a map's member, else NULL */
	char *text;  /* of a scalar */
	bool is_null; /* a scalar that says nothing: empty, ~ or null, without quotes */
	bool flow;    /* a list or map in brackets or braces */
	int line;     /* from 1; of the key where there is one */
	size_t key_begin, key_end; /* bytes of the text: the key as it is written, quotes included */
	size_t begin, end;         /* the value; END is behind its last scalar, bracket or brace, before any comment */
	struct cat_yaml *child, *next; /* first child; next child of the same parent */
};

/* The document in TEXT[0,N), which must be UTF-8; *OUT NULL when there is nothing but comments. CAT_E_CONFIG with the
 * line when it is refused. */
CAT_MUST_USE int cat_yaml_parse(const char *text, size_t n, struct cat_yaml **out, struct cat_error *err);
void cat_yaml_free(struct cat_yaml *y); /* accepts NULL */
/* Member KEY of a map; NULL when Y is none, or NULL, or has no such member. */
const struct cat_yaml *cat_yaml_get(const struct cat_yaml *y, const char *key);

#endif
