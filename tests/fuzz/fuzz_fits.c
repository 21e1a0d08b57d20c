/* Any bytes as a FITS file, with ranges and as a pipe: rows or an error, and what was read can be written again. */
#include "exec/write.h"
#include "formats/fits.h"
#include "fuzz.h"
#include "storage/local.h"
#include "storage/scratch.h"

static struct cat_feed *open_fits(const uint8_t *data, size_t size, bool pipe)
{
	const struct cat_fits_options o = {.spool = cat_local_spool, .temp_dir = "/tmp"};
	struct cat_error err = {0};
	struct cat_feed *f;

	return cat_fits_feed(fuzz_reader(data, size, pipe), &o, &f, &err) == CAT_OK ? f : NULL;
}

/* Rows into a FITS file in memory; what comes out is FITS again. */
static void write_again(struct cat_feed *f)
{
	const struct cat_fits_write_options o = {.scratch = cat_scratch_new, .temp_dir = "/tmp"};
	struct cat_error err = {0};
	struct cat_source *source;
	struct cat_encoder *e;
	struct cat_writer *w;
	struct cat_sink *sink;
	struct cat_buf *out = NULL;
	int rc;

	if (cat_feed_source(f, &source, &err) != CAT_OK)
		return;
	rc = cat_fits_encoder(source->schema, &o, &e, &err);
	if (rc == CAT_OK && cat_writer_memory(&out, &w, &err) != CAT_OK)
		abort();
	if (rc == CAT_OK && cat_write_open(e, w, NULL, &sink, &err) == CAT_OK) {
		rc = cat_pump(source, sink, &err);
		cat_sink_close(sink);
		if (rc == CAT_OK && !(f = open_fits(out->data, out->size, false)))
			abort();
		if (rc == CAT_OK)
			fuzz_drain(f);
	}
	cat_source_close(source);
	cat_buf_unref(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cat_feed *f;

	for (int pipe = 0; pipe < 2; pipe++)
		if ((f = open_fits(data, size, pipe)) != NULL)
			fuzz_drain(f);
	if ((f = open_fits(data, size, false)) != NULL)
		write_again(f);
	return 0;
}
