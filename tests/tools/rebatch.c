/* rebatch [ROWS] -- an Arrow stream from stdin to stdout in batches of ROWS (1) rows; with --dribble, any bytes
 * one at a time. For the command-line tests: what a program gives may not depend on how its input is cut. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exec/write.h"
#include "formats/ipc.h"
#include "storage/local.h"

static int dribble(void)
{
	static char block[1 << 16];
	ssize_t n;

	while ((n = read(0, block, sizeof block)) > 0)
		for (ssize_t i = 0; i < n; i++)
			if (write(1, block + i, 1) != 1)
				return 1;
	return n < 0;
}

static int split(struct cat_source *s, struct cat_sink *d, int64_t rows, struct cat_error *err)
{
	for (;;) {
		struct cat_batch *b, *part;
		int rc = CAT_OK;

		CAT_TRY(s->ops->next(s, &b, err));
		if (!b)
			return d->ops->commit(d, err);
		for (int64_t i = 0; rc == CAT_OK && i < b->nrows; i += rows) {
			rc = cat_batch_slice(b, i, b->nrows - i < rows ? b->nrows - i : rows, &part, err);
			if (rc == CAT_OK)
				rc = d->ops->put(d, part, err);
		}
		cat_batch_unref(b);
		CAT_TRY(rc);
	}
}

static int rebatch(int64_t rows, struct cat_error *err)
{
	struct cat_reader *r;
	struct cat_writer *w;
	struct cat_feed *f;
	struct cat_source *s;
	struct cat_encoder *e = NULL;
	struct cat_sink *d = NULL;
	int rc;

	CAT_TRY(cat_local_open_fd(0, "standard input", &r, err));
	CAT_TRY(cat_ipc_feed(r, NULL, &f, err));
	CAT_TRY(cat_feed_source(f, &s, err));
	rc = cat_ipc_encoder(s->schema, CAT_IPC_STREAM, CAT_IPC_NONE, &e, err);
	if (rc == CAT_OK)
		rc = cat_local_create_fd(1, "standard output", &w, err);
	if (rc == CAT_OK)
		rc = cat_write_open(e, w, NULL, &d, err);
	if (rc == CAT_OK)
		rc = split(s, d, rows, err);
	cat_sink_close(d);
	cat_source_close(s);
	return rc;
}

int main(int argc, char **argv)
{
	const long long rows = argc > 1 ? atoll(argv[1]) : 1;
	struct cat_error err = {0};
	char text[sizeof err + 64];

	if (argc > 1 && strcmp(argv[1], "--dribble") == 0)
		return dribble();
	if (rows < 1)
		return 64;
	if (rebatch(rows, &err) != CAT_OK) {
		cat_error_text(&err, text, sizeof text);
		fprintf(stderr, "rebatch: %s\n", text);
	}
	return (int)err.code;
}
