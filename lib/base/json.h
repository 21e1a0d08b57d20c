/* json -- building JSON documents, and looking into them; a thin cover over libjansson.
 *
 * Layer: base. Values are owned by what they were put into. Building never fails half-way: failures stick
 * and cat_json_dump reports them.
 */
#ifndef CAT_BASE_JSON_H
#define CAT_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct cat_json; /* an object or an array */

struct cat_json *cat_json_object(void);
struct cat_json *cat_json_array(void);
/* KEY is NULL when J is an array. A NULL string or a non-finite number becomes null. */
void cat_json_str(struct cat_json *j, const char *key, const char *value);
void cat_json_int(struct cat_json *j, const char *key, int64_t value);
void cat_json_real(struct cat_json *j, const char *key, double value);
void cat_json_bool(struct cat_json *j, const char *key, bool value);
void cat_json_null(struct cat_json *j, const char *key);
/* Hands CHILD over to J. */
void cat_json_put(struct cat_json *j, const char *key, struct cat_json *child);
/* Frees J without a use of it; accepts NULL. */
void cat_json_free(struct cat_json *j);
/* Appends the text of J, indented, keys in the order they were set, and a newline; frees J. */
CAT_MUST_USE int cat_json_dump(struct cat_json *j, struct cat_text *out, struct cat_error *err);

/* The string that member KEY of the object in TEXT[0,N) is; the caller frees it. NULL: no object, no such string. */
char *cat_json_member(const char *text, size_t n, const char *key);

#endif
