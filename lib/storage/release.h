/* release -- versions of what lies at an address, and the one that readers get.
 *
 * Layer: storage. FOLDER/releases/NAME/... never changes once it is whole, and whole it is when
 * FOLDER/releases/NAME.manifest is there: a line "size etag name" for each of its objects. FOLDER/latest holds the
 * name of the release that readers get; it is changed by one conditional write.
 * Thread rule: any thread.
 */
#ifndef CAT_STORAGE_RELEASE_H
#define CAT_STORAGE_RELEASE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/text.h"

#define CAT_RELEASE_NAME 128 /* bytes of a name, with its terminator */

/* Letters, digits, . _ + -, a letter or digit first: CAT_E_USAGE otherwise. */
CAT_MUST_USE int cat_release_check_name(const char *name, struct cat_error *err);
/* FOLDER/releases/NAME; the caller frees it. NULL when memory is out. */
char *cat_release_folder(const char *folder, const char *name);
/* The name that a file `latest` holds; false when it is no such file. */
bool cat_release_of(const struct cat_buf *latest, char out[CAT_RELEASE_NAME]);

/* One line of a manifest; in the order of the names' bytes. */
void cat_release_line(struct cat_text *manifest, const char *name, int64_t size, const char *etag);
/* CAT_E_CREATE when FOLDER is a catalogue itself: readers would get that one, not its releases. */
CAT_MUST_USE int cat_release_check_folder(const char *folder, struct cat_error *err);
/* Whether the release is whole already. */
CAT_MUST_USE int cat_release_is_whole(const char *folder, const char *name, bool *out, struct cat_error *err);
/* Makes it whole: CAT_E_CREATE when anything else than what MANIFEST says is there, or it was made whole with something
 * else. UNSAFE: also where the server knows no conditional writes (else CAT_E_UNSUPPORTED). */
CAT_MUST_USE int cat_release_seal(const char *folder, const char *name, const struct cat_text *manifest, bool unsafe,
                                  struct cat_error *err);
/* CAT_OK when everything that its manifest names is there as it was; CAT_E_NOINPUT: no such release; CAT_E_DATA: it
 * has changed. */
CAT_MUST_USE int cat_release_verify(const char *folder, const char *name, struct cat_error *err);
/* The release that readers get now; "" when there is none. */
CAT_MUST_USE int cat_release_latest(const char *folder, char out[CAT_RELEASE_NAME], struct cat_error *err);
/* Makes readers get NAME. PREVIOUS receives what they got before. */
CAT_MUST_USE int cat_release_move(const char *folder, const char *name, bool unsafe, char previous[CAT_RELEASE_NAME],
                                  struct cat_error *err);

#endif
