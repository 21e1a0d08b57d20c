/* Any bytes as a Parquet file: rows or an error, never a crash, a hang or memory that the bytes do not justify. */
#include <stddef.h>
#include <stdint.h>

#include "formats/parquet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_rows(struct cat_feed *f)
{
	struct cat_source *s;
	struct cat_error err;

	if (cat_feed_source(f, &s, &err) != CAT_OK)
		return;
	for (;;) {
		struct cat_batch *b;

		if (s->ops->next(s, &b, &err) != CAT_OK || !b)
			break;
		cat_batch_unref(b);
	}
	cat_source_close(s);
}

static void read_metadata(const struct cat_parquet_file *f)
{
	const int ncols = cat_parquet_schema(f)->nfields;

	for (int g = 0; g < cat_parquet_ngroups(f) && g < 4; g++) {
		const int64_t rows = cat_parquet_group_rows(f, g);

		for (int c = 0; c < ncols && c < 64; c++) {
			struct cat_part_list l;
			struct cat_range_stats st;
			struct cat_batch *b;
			struct cat_error err;

			cat_parquet_stats(f, g, c, &st);
			if (cat_parquet_page_stats(f, g, c, &l, &err) == CAT_OK)
				cat_part_list_fini(&l);
			if (cat_parquet_decode(f, g, &c, 1, rows / 3, rows / 2, &b, &err) == CAT_OK)
				cat_batch_unref(b);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cat_buf *bytes;
	struct cat_reader *r;
	struct cat_feed *f;
	struct cat_error err;

	if (cat_buf_copy(data, size, &bytes, &err) != CAT_OK)
		return 0;
	if (cat_reader_memory(bytes, "input", &r, &err) == CAT_OK &&
	    cat_parquet_feed(r, &(struct cat_parquet_options){.skip_crc = true}, &f, &err) == CAT_OK) {
		read_metadata(cat_parquet_feed_file(f));
		read_rows(f);
	}
	cat_buf_unref(bytes);
	return 0;
}
