/* retrieve -- a catalogue, a part of one, a folder or a file from anywhere into a place here, seen when it is whole.
 *
 * Layer: exec. Files come byte for byte. What an interrupted copy had got is beside the place, in a hidden folder, with a
 * list of what is there of which version; the same call goes on with it.
 */
#ifndef CAT_EXEC_RETRIEVE_H
#define CAT_EXEC_RETRIEVE_H

#include "dataset/hats.h"
#include "storage/fetch.h"

/* One file that there is to get. */
struct cat_retrieve_file {
	const char *name; /* seen from the place; of a lone file its own */
	int64_t size;     /* -1: not told */
	bool perhaps;     /* it may not be there, which is no fault */
};

struct cat_retrieve_options {
	struct cat_fetch fetch; /* stop, begun and pieces are set here */
	const struct cat_hats_want *want; /* which partitions of a catalogue; NULL: all of what is there */
	const char *what;  /* the same in words, so that a copy is not gone on with as another's */
	bool overwrite;    /* a catalogue that is there */
	int jobs;
	int64_t memory_bytes;
	/* Told how much there is to get, as far as that is known, before it begins; may be NULL. */
	void (*begin)(void *arg, int64_t bytes);
	void *begin_arg;
	/* Not NULL: nothing is got and nothing made, only told, in the order of the names' bytes. */
	int (*plan)(void *arg, const struct cat_retrieve_file *f, struct cat_error *err);
	void *plan_arg;
};
struct cat_retrieve_result {
	int64_t files, kept_files; /* kept: from an earlier try */
	int64_t bytes, got_bytes;  /* of all files; that came now */
	int64_t unverified_files;  /* that came now from a store with no checksum of them */
	int64_t rows;              /* of a catalogue that came in part; else -1 */
	bool without_indexes;      /* a collection's, which did not come */
};
/* SOURCE to PLACE: a folder for folders; for a file its name, or the folder (which is there, or ends with a slash) that
 * it shall be in. */
CAT_MUST_USE int cat_retrieve(const char *source, const char *place, const struct cat_retrieve_options *o,
                              struct cat_retrieve_result *out, struct cat_error *err);

#endif
