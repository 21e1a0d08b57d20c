/* publish -- files and trees into an object store, so that readers never find a catalogue that is not whole.
 *
 * Layer: exec. What is there with the same content stays. Data are sent first, then what lists them, then what makes
 * a folder a catalogue, of a collection's members before the collection; what has gone is removed last.
 */
#ifndef CAT_EXEC_PUBLISH_H
#define CAT_EXEC_PUBLISH_H

#include "storage/upload.h"

enum cat_publish_fate { CAT_PUBLISH_SEND, CAT_PUBLISH_REPLACE, CAT_PUBLISH_SAME, CAT_PUBLISH_DELETE };
#define CAT_PUBLISH_FATES 4

struct cat_publish_item {
	char *path;  /* here; NULL: to be deleted */
	char *name;  /* seen from the target */
	int64_t size;
	int rank;    /* lower ones are sent first */
	enum cat_publish_fate fate;
	char *etag;  /* of what is there; after sending of what was sent; NULL: not known */
};
struct cat_publish {
	char *target; /* address of the folder that receives them */
	struct cat_publish_item *items; /* in the order of the names' bytes, those to be deleted at the end */
	size_t n;
	int64_t files[CAT_PUBLISH_FATES], bytes[CAT_PUBLISH_FATES];
	int64_t listed;   /* objects that are there */
	bool live;        /* a catalogue is there already */
	bool released;    /* there are releases, which a catalogue in their place would hide */
	int64_t sent_bytes; /* by run */
};
struct cat_publish_options {
	struct cat_upload upload;
	bool remove;   /* what the sources do not have */
	bool blind;    /* do not ask what is there: for a plan without network */
	const char *release; /* nothing is replaced, and it is an error that anything else is there; NULL: none */
	int jobs;
	int64_t memory_bytes;
};
/* SOURCES: files, and folders whose contents they stand for; into ADDRESS, the folder, or of one file (not a folder)
 * the object when its name does not end with a slash. */
CAT_MUST_USE int cat_publish_plan(char *const *sources, int n, const char *address,
                                  const struct cat_publish_options *o, struct cat_publish **out,
                                  struct cat_error *err);
/* Does it. After a failure the same plan made anew goes on from there. */
CAT_MUST_USE int cat_publish_run(struct cat_publish *p, const struct cat_publish_options *o, struct cat_error *err);
void cat_publish_free(struct cat_publish *p); /* accepts NULL */

#endif
