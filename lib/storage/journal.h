/* journal -- what a process wants the next one to know of something it could not finish.
 *
 * Layer: storage. One small file a thing, in a folder of the user's cache; nothing secret is kept in it. It is locked
 * by the process that works on the thing; a lock ends with its process.
 */
#ifndef CAT_STORAGE_JOURNAL_H
#define CAT_STORAGE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct cat_journal {
	int fd; /* -1: none is kept */
	char path[1200];
};
/* The note about ADDRESS in FOLDER (NULL: none), which is made when it is not there. Never fails: without a note
 * nothing is remembered, which is not worth a failure. Another process that holds it keeps it. */
void cat_journal_open(struct cat_journal *j, const char *folder, const char *address);
/* Its text, terminated; "" when there is none. */
void cat_journal_read(const struct cat_journal *j, char *text, size_t size);
void cat_journal_write(const struct cat_journal *j, const char *text);
/* FORGET: it is removed. */
void cat_journal_close(struct cat_journal *j, bool forget);

#endif
