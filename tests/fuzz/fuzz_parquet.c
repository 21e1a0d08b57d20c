/* Any bytes as a Parquet file: rows or an error, never a crash, a hang or memory that the bytes do not justify. */
#include <stddef.h>
#include <stdint.h>

#include "formats/parquet_file.h"

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

/* Two stretches of a piece's rows, of every other child of its structs. */
static void read_stretches(const struct cat_schema *s, struct cat_work *w)
{
	const struct cat_stretch stretches[] = {{0, w->nrows / 4}, {w->nrows / 3, w->nrows / 2}};
	int cols[64], n = s->nfields < 64 ? s->nfields : 64;
	struct cat_part_list l;
	struct cat_batch *b;
	struct cat_error err;

	for (int c = 0; c < n; c++) {
		const struct cat_field *f = &s->fields[c];
		bool used[64] = {true, false, true, false, true};

		cols[c] = c;
		if (f->type.id == CAT_T_LIST)
			f = &f->children[0];
		if (f->type.id == CAT_T_STRUCT && f->nchildren > 0 && f->nchildren <= 64 &&
		    w->ops->only(w, c, used, &err) != CAT_OK)
			return;
		if (w->ops->parts(w, c, &l, &err) == CAT_OK)
			cat_part_list_fini(&l);
		for (int k = 0; k < 3; k++)
			(void)w->ops->lacks(w, c, &(struct cat_constant){.is_text = k == 0, .is_int = k == 1, .i64 = 5, .f64 = 5,
			                                                 .s = "five", .len = 4});
	}
	if (w->nrows < 4 || w->ops->narrow(w, stretches, 2, &err) != CAT_OK)
		return;
	if (w->ops->fetch(w, cols, n, 1 << 20, NULL, &err) == CAT_OK && w->ops->decode(w, cols, n, &b, &err) == CAT_OK)
		cat_batch_unref(b);
}

/* A piece cut in three; with little room for texts. */
static void read_parts(const struct cat_schema *s, struct cat_work *w)
{
	int cols[64], n = s->nfields < 64 ? s->nfields : 64;

	for (int c = 0; c < n; c++)
		cols[c] = c;
	for (int i = 0; w && i < 3; i++) {
		struct cat_work *rest = NULL;
		struct cat_batch *b;
		struct cat_error err;

		if (w->nrows > 2 && w->ops->cut(w, w->nrows / 3 + 1, i < 2 ? &rest : NULL, &err) != CAT_OK)
			break;
		w->max_text_bytes = 100;
		if (w->ops->decode(w, cols, n, &b, &err) == CAT_OK)
			cat_batch_unref(b);
		cat_work_free(w);
		w = rest;
	}
	cat_work_free(w);
}

static void read_pieces(struct cat_feed *f)
{
	struct cat_parquet_file *file = cat_parquet_feed_file(f);
	struct cat_work *w;
	struct cat_error err;

	for (int i = 0; i < 4 && f->ops->next(f, &w, &err) == CAT_OK && w; i++) {
		read_stretches(f->schema, w);
		/* Where the pages are must then be found out. */
		for (size_t k = 0; i % 2 == 0 && k < file->footer.nchunks; k++)
			file->footer.chunks[k].offset_index_len = 0;
		read_parts(f->schema, w);
	}
}

static void say(void *arg, enum cat_parquet_fault fault, const char *text)
{
	(void)arg;
	(void)fault;
	(void)text;
}

static int each(void *arg, struct cat_column *rows, int64_t row, struct cat_error *err)
{
	(void)arg;
	(void)rows;
	(void)row;
	(void)err;
	return CAT_OK;
}

static void read_metadata(const struct cat_parquet_file *f)
{
	const int ncols = cat_parquet_schema(f)->nfields;

	for (int g = 0; g < cat_parquet_ngroups(f) && g < 4; g++) {
		const int64_t rows = cat_parquet_group_rows(f, g);

		for (int l = 0; l < cat_parquet_nleaves(f) && l < 64; l++) {
			struct cat_parquet_chunk_stats st;
			struct cat_field field;
			struct cat_error err;

			cat_parquet_chunk(f, g, l, &st);
			if (cat_parquet_leaf(f, l, &field, &err) == CAT_OK)
				cat_field_fini(&field);
		}
		for (int c = 0; c < ncols && c < 64; c++) {
			struct cat_part_list l;
			struct cat_range_stats st;
			struct cat_batch *b;
			struct cat_error err;
			bool fine;

			cat_parquet_stats(f, g, c, &st);
			if (cat_parquet_page_stats(f, g, c, &l, &err) == CAT_OK)
				cat_part_list_fini(&l);
			if (cat_parquet_check_column(f,
			                             &(struct cat_pq_check){.group = g, .col = c, .say = say, .each = each,
			                                                    .max_bytes = c % 2 ? 200 : 1 << 20},
			                             &fine, &err) != CAT_OK)
				fine = false;
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
	if (cat_reader_memory(bytes, "input", &r, &err) == CAT_OK && cat_parquet_feed(r, NULL, &f, &err) == CAT_OK) {
		read_pieces(f);
		cat_feed_close(f);
	}
	cat_buf_unref(bytes);
	return 0;
}
