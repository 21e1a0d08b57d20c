/* parquet_copy IN OUT [ROWS [plain]] -- reads a Parquet file and writes its rows again, through the library alone.
 * Ends with the error's status, and its words on standard error. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec/write.h"
#include "formats/parquet.h"

static int load(const char *path, struct cat_buf **out, struct cat_error *err)
{
	FILE *f = fopen(path, "rb");
	long size;
	int rc;

	if (!f || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0)
		return cat_fail(err, CAT_E_NOINPUT, "cannot read %s", path);
	rewind(f);
	rc = cat_buf_new((size_t)size, out, err);
	if (rc == CAT_OK && fread((*out)->data, 1, (size_t)size, f) != (size_t)size)
		rc = cat_fail(err, CAT_E_IO, "cannot read %s", path);
	fclose(f);
	return rc;
}

static int copy(struct cat_buf *in, const struct cat_parquet_write_options *o, struct cat_buf **out,
                struct cat_error *err)
{
	struct cat_encoder *encoder;
	struct cat_source *source;
	struct cat_writer *writer;
	struct cat_reader *reader;
	struct cat_sink *sink;
	struct cat_feed *feed;
	int rc;

	CAT_TRY(cat_reader_memory(in, "input", &reader, err));
	CAT_TRY(cat_parquet_feed(reader, NULL, &feed, err));
	CAT_TRY(cat_parquet_encoder(feed->schema, o, &encoder, err));
	CAT_TRY(cat_feed_source(feed, &source, err));
	CAT_TRY(cat_writer_memory(out, &writer, err));
	CAT_TRY(cat_write_open(encoder, writer, NULL, &sink, err));
	rc = cat_pump(source, sink, err);
	cat_source_close(source);
	cat_sink_close(sink);
	return rc;
}

int main(int argc, char **argv)
{
	struct cat_parquet_write_options o = {.row_group_rows = argc > 3 ? atoll(argv[3]) : 0,
	                                      .plain = argc > 4 && strcmp(argv[4], "plain") == 0};
	struct cat_buf *in = NULL, *out = NULL;
	struct cat_error err = {0};
	int rc = argc < 3 ? cat_fail(&err, CAT_E_USAGE, "parquet_copy IN OUT") : load(argv[1], &in, &err);
	FILE *f = NULL;

	if (rc == CAT_OK)
		rc = copy(in, &o, &out, &err);
	if (rc == CAT_OK && (!(f = fopen(argv[2], "wb")) || fwrite(out->data, 1, out->size, f) != out->size))
		rc = cat_fail(&err, CAT_E_IO, "cannot write %s", argv[2]);
	if (f)
		fclose(f);
	cat_buf_unref(in);
	cat_buf_unref(out);
	if (rc != CAT_OK)
		fprintf(stderr, "%s: %s\n", err.where, err.cause);
	return rc;
}
