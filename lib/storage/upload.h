/* upload -- one file to one object: sent whole or in parts, taken up where an earlier process left it, verified.
 *
 * Layer: storage. Of an object in parts a note is kept (journal.h) while it is under way; a later call with the same
 * file sends only the parts that the server does not have.
 * Thread rule: any number of files at once, each by one thread.
 */
#ifndef CAT_STORAGE_UPLOAD_H
#define CAT_STORAGE_UPLOAD_H

#include <stdatomic.h>

#include "net/s3.h"

/* What all files of a run have in common. */
struct cat_upload {
	struct cat_s3_put how;
	bool unsafe;               /* "create" may be left out where the server knows no conditions */
	bool verify;               /* ask after what was sent */
	const char *journal_folder; /* NULL: nothing can be taken up again */
	const atomic_bool *stop;   /* leave what is under way to be taken up again: CAT_E_TEMP */
	void (*progress)(void *arg, int64_t bytes); /* so many more are there; any thread; may be NULL */
	void *progress_arg;
};
struct cat_upload_result {
	int64_t sent_bytes; /* without what the server had already */
	char etag[256];     /* as the server gives it */
};

/* PATH, a regular file, to the object at URL (ADDRESS for messages); at most PARTS parts are held in memory. With
 * how.create CAT_E_CREATE when there is an object already. */
CAT_MUST_USE int cat_upload_file(const struct cat_upload *u, const char *path, const struct cat_url *url,
                                 const char *address, int parts, struct cat_upload_result *out,
                                 struct cat_error *err);

#endif
