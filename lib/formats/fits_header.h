/* fits_header -- header blocks, and the columns that they describe.
 *
 * Layer: formats, private to fits_*.c. Source: FITS standard 4.0, sections 4.1, 4.2, 4.4, 7.2.1, 7.3.1, 10.3.
 * Thread rule: a stream belongs to one thread, a table is read by any.
 */
#ifndef CAT_FORMATS_FITS_HEADER_H
#define CAT_FORMATS_FITS_HEADER_H

#include "base/bytes.h"
#include "columnar/schema.h"

#define CAT_FITS_BLOCK 2880
#define CAT_FITS_CARD 80

/* A place in a file that moves forward, by ranges where they can be had. */
struct cat_fits_stream {
	struct cat_reader *reader;
	int64_t pos;
};
/* Moves on by N bytes; the end of the file is not an error: *AT_END. */
CAT_MUST_USE int cat_fits_skip(struct cat_fits_stream *s, int64_t n, bool *at_end, struct cat_error *err);

enum cat_fits_codec { CAT_FITS_GZIP_1, CAT_FITS_GZIP_2, CAT_FITS_RICE_1, CAT_FITS_NOCOMPRESS };

struct cat_fits_column {
	char form;          /* L X B I J K A E D C M, of a variable array the form of its elements; ASCII: A I F */
	char array;         /* P, Q, or 0: not a variable array */
	int64_t repeat;     /* elements in a cell; X: bits; A: strings; 0: no bytes */
	int64_t width;      /* bytes of an element, of one string; 0: X */
	int64_t off_bytes;  /* in the row */
	int64_t bytes;      /* in the row */
	bool scaled;        /* value = raw x scale + zero */
	double scale, zero;
	uint64_t flip;      /* what turns raw bits into the unsigned (B: signed) number: the sign bit, or 0 */
	bool has_null;
	int64_t null;       /* raw */
	char null_text[32]; /* ASCII tables */
	int decimals;       /* ASCII tables: where the point is when there is none */
	char tile_array;    /* compressed tables: P or Q */
	int64_t tile_off_bytes;
	enum cat_fits_codec codec;
};
struct cat_fits_table {
	struct cat_schema *schema;
	struct cat_fits_column *cols; /* as many as the schema has fields */
	bool ascii;
	bool tiled;
	bool behind;          /* bytes behind the rows are needed: variable arrays, tiles */
	int64_t row_bytes;    /* as stored */
	int64_t stored_rows;  /* of a compressed table: tiles */
	int64_t nrows;
	int64_t tile_rows;
	int64_t heap_off;     /* from the first row */
	int64_t heap_bytes;
};
/* Reads headers up to that of the table HDU names (NULL: the first one) and leaves S at its first row.
 * *T is zeroed by the caller and freed with cat_fits_table_fini also on failure. */
CAT_MUST_USE int cat_fits_find(struct cat_fits_stream *s, const char *hdu, struct cat_fits_table *t,
                               struct cat_error *err);
void cat_fits_table_fini(struct cat_fits_table *t);

#endif
