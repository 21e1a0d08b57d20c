/* progress -- how far a transfer is: a line on standard error that changes.
 *
 * Layer: cli. Only on a terminal, unless --progress on; never with -q.
 * Thread rule: add from any thread.
 */
#ifndef CAT_CLI_PROGRESS_H
#define CAT_CLI_PROGRESS_H

#include <stdatomic.h>

#include "cli/main.h"

struct cat_progress {
	bool shown, terminal;
	int64_t total_bytes; /* 0: not known */
	_Atomic int64_t done_bytes;
	atomic_flag busy;    /* somebody is writing the line */
	_Atomic int64_t next_ms;
	int64_t last_ms, last_bytes;
	double rate;         /* bytes a second, smoothed */
};
void cat_progress_begin(struct cat_progress *p, const struct cat_resources *r, int64_t total_bytes);
/* P: the progress. So many bytes more are done. */
void cat_progress_add(void *p, int64_t bytes);
/* Takes the line away. */
void cat_progress_end(struct cat_progress *p);

/* "1.5 GiB". OUT holds 32 bytes. */
const char *cat_bytes_text(double bytes, char out[32]);

#endif
