/* local -- files, devices, pipes: where local bytes live.
 *
 * Layer: storage. Regular files serve ranges by pread and are never mapped: a file that is cut while it is
 * read gives an error, not a signal. Every reader checks that the file it reads is still the one it opened.
 * Written files appear whole, by one rename, at commit; before that they have no name where the file system
 * has O_TMPFILE.
 */
#ifndef CAT_STORAGE_LOCAL_H
#define CAT_STORAGE_LOCAL_H

#include "base/bytes.h"

/* Opens PATH for reading. A folder is CAT_E_NOINPUT. A pipe or device gets size -1. */
CAT_MUST_USE int cat_local_open(const char *path, struct cat_reader **out, struct cat_error *err);
/* Standard input: with ranges when it is a regular file, else in order only. NAME is for messages. */
CAT_MUST_USE int cat_local_open_fd(int fd, const char *name, struct cat_reader **out, struct cat_error *err);
/* The rest of R, copied to an unnamed file under TEMP_DIR, as a reader with ranges; R is closed, also on
 * failure. A reader that already has ranges is passed through. */
CAT_MUST_USE int cat_local_spool(struct cat_reader *r, const char *temp_dir, struct cat_reader **out,
                                 struct cat_error *err);

/* A new file that replaces PATH at commit. A device or FIFO is written through at once. */
CAT_MUST_USE int cat_local_create(const char *path, struct cat_writer **out, struct cat_error *err);
/* A new file inside a folder that nobody sees yet: named at once, not synced; removed on close unless it was
 * committed. NAME is for messages. */
CAT_MUST_USE int cat_local_create_part(const char *path, const char *name, struct cat_writer **out,
                                       struct cat_error *err);
/* Makes what was written below FOLDER durable, renames it to PATH (in place of an empty or, with REPLACE, any
 * folder that is there) and makes that durable. What was replaced is removed. */
CAT_MUST_USE int cat_local_publish(const char *folder, const char *path, bool replace, struct cat_error *err);
/* Removes FOLDER and everything in it. */
void cat_local_remove_tree(const char *folder);
/* Writes through to FD as it comes. EPIPE ends the process by SIGPIPE as its default disposition says. */
CAT_MUST_USE int cat_local_create_fd(int fd, const char *name, struct cat_writer **out, struct cat_error *err);
/* PATH and the folders above it that are not there yet are made, for their owner only. False: errno says why. */
bool cat_local_make_folder(const char *path);
/* An unnamed temporary file under DIR: the open descriptor in *FD. */
CAT_MUST_USE int cat_local_temp(const char *dir, int *fd, struct cat_error *err);
/* The system may begin to write these bytes to the disk: a later fsync has less to do. */
void cat_local_write_behind(int fd, int64_t off_bytes, int64_t len);
/* Writes all of DATA at byte OFF; false: errno says why not. */
bool cat_local_write_at(int fd, const void *data, size_t len, int64_t off);
/* Writes all of DATA at the descriptor's position; errors name NAME. */
CAT_MUST_USE int cat_write_all(int fd, const void *data, size_t len, const char *name, struct cat_error *err);

#endif
