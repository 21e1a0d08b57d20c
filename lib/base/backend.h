/* backend -- heavy libraries, opened when something first needs them.
 *
 * Layer: base. Linked plainly, libraries such as cairo or CFITSIO would slow the start of every program. So the
 * code that calls them is a shared object of ours, NAME.so, made of lib/FOLDER/backend_NAME.c, which exports one table
 * of functions, cat_backend_table. It stands in lib/catpipe beside the program's folder, or where it was
 * installed.
 */
#ifndef CAT_BASE_BACKEND_H
#define CAT_BASE_BACKEND_H

#include <stdbool.h>

#include "base/error.h"

/* Every table begins with this: objects of another version are not used. */
struct cat_backend {
	const char *version; /* CAT_VERSION */
};
/* In front of the definition of cat_backend_table. */
#define CAT_BACKEND_EXPORT __attribute__((visibility("default")))

/* REST ("lib/catpipe") beside the folder of the running program; false where the system does not tell. */
bool cat_beside_program(const char *rest, char *out, size_t size);
/* The table of NAME ("cairo"), good until the process ends. When the object or a library that it needs is not
 * there: CAT_E_CONFIG. Any thread. */
CAT_MUST_USE int cat_backend_open(const char *name, const void **table, struct cat_error *err);

#endif
