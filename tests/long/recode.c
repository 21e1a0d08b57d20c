/* recode FROM TO IN OUT -- one format into another through the library, for checks by independent readers.
 * FROM: arrow, pipe (Arrow read in order) or csv; TO: stream, file, lz4, zstd, csv or jsonl. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec/write.h"
#include "formats/csv.h"
#include "formats/ipc.h"
#include "formats/jsonl.h"

static int make_encoder(const char *to, struct cat_schema *s, struct cat_encoder **out, struct cat_error *err)
{
	if (strcmp(to, "csv") == 0)
		return cat_csv_encoder(s, NULL, out, err);
	if (strcmp(to, "jsonl") == 0)
		return cat_jsonl_encoder(s, out, err);
	return cat_ipc_encoder(s, strcmp(to, "file") == 0 ? CAT_IPC_FILE : CAT_IPC_STREAM,
	                       strcmp(to, "lz4") == 0    ? CAT_IPC_LZ4
	                       : strcmp(to, "zstd") == 0 ? CAT_IPC_ZSTD
	                                                 : CAT_IPC_NONE,
	                       out, err);
}

static struct cat_buf *slurp(const char *path)
{
	struct cat_error err = {0};
	struct cat_buf *b = NULL;
	FILE *f = fopen(path, "rb");
	size_t n = 0;

	if (!f || fseek(f, 0, SEEK_END) != 0 || cat_buf_new((size_t)ftell(f), &b, &err) != CAT_OK) {
		perror(path);
		exit(1);
	}
	rewind(f);
	n = fread(b->data, 1, b->size, f);
	fclose(f);
	b->size = n;
	return b;
}

static int recode(const char *from, const char *to, struct cat_buf *in, struct cat_buf **out,
                  struct cat_error *err)
{
	struct cat_reader *r;
	struct cat_feed *feed;
	struct cat_source *source;
	struct cat_encoder *encoder;
	struct cat_writer *writer;
	struct cat_sink *sink;

	CAT_TRY(cat_reader_memory(in, "input", &r, err));
	if (strcmp(from, "pipe") == 0)
		r->size = -1;
	CAT_TRY(strcmp(from, "csv") == 0 ? cat_csv_feed(r, NULL, &feed, err) : cat_ipc_feed(r, NULL, &feed, err));
	CAT_TRY(cat_feed_source(feed, &source, err));
	CAT_TRY(make_encoder(to, source->schema, &encoder, err));
	CAT_TRY(cat_writer_memory(out, &writer, err));
	CAT_TRY(cat_write_open(encoder, writer, NULL, &sink, err));
	CAT_TRY(cat_pump(source, sink, err));
	cat_sink_close(sink);
	cat_source_close(source);
	return CAT_OK;
}

int main(int argc, char **argv)
{
	struct cat_error err = {0};
	struct cat_buf *in, *out = NULL;
	char text[2048];
	FILE *f;
	int rc;

	if (argc != 5)
		return 64;
	in = slurp(argv[3]);
	rc = recode(argv[1], argv[2], in, &out, &err);
	cat_buf_unref(in);
	if (rc != CAT_OK) {
		cat_error_text(&err, text, sizeof text);
		fprintf(stderr, "%s\n", text);
		return rc;
	}
	f = fopen(argv[4], "wb");
	if (!f || fwrite(out->data, 1, out->size, f) != out->size || fclose(f) != 0)
		return 74;
	cat_buf_unref(out);
	return 0;
}
