/* fits_write -- what the columns of a table are in FITS, their cells and cards.
 *
 * Layer: formats, private to fits_*.c. Source: FITS standard 4.0, sections 4, 7.3.
 */
#ifndef CAT_FORMATS_FITS_WRITE_H
#define CAT_FORMATS_FITS_WRITE_H

#include "columnar/batch.h"

#define CAT_FITS_MAX_TEXT 65535
#define CAT_FITS_MAX_DEPTH 8

enum cat_fits_kind { CAT_FITS_NUMBER, CAT_FITS_LOGICAL, CAT_FITS_TEXT, CAT_FITS_TIME };

/* How one column is written. */
struct cat_fits_wcol {
	const struct cat_field *field;
	const struct cat_field *leaf; /* of its elements */
	enum cat_fits_kind kind;
	char form;
	bool list;          /* a variable array */
	int depth;          /* fixed lists in each other */
	int64_t repeat;     /* elements of all of them */
	int64_t width;      /* bytes of an element; text: the longest value so far, at least 1 */
	uint64_t flip;      /* the sign bit of unsigned numbers (of int8: the other way round) */
	uint64_t null;      /* raw bits of NULL */
	bool integer;
	/* What has been seen in the rows so far. */
	bool has_null, has_twin, has_empty, has_foreign;
	int64_t longest;    /* list */
};
/* Where cells of a piece are put, and what was seen in them. */
struct cat_fits_seen {
	bool null;    /* NULL in numbers or text, lists that are NULL */
	bool twin;    /* a value that looks like NULL */
	bool empty;   /* text */
	bool foreign; /* text beyond ASCII */
};

/* How F is written; CAT_E_UNSUPPORTED naming it when it cannot be. */
CAT_MUST_USE int cat_fits_plan(const struct cat_field *f, struct cat_fits_wcol *c, struct cat_error *err);
/* Whether its width is known only when all rows are. */
static inline bool cat_fits_open_width(const struct cat_fits_wcol *c)
{
	return c->kind == CAT_FITS_TEXT;
}
/* Bytes of the longest text of rows; at least 1. */
int64_t cat_fits_text_width(const struct cat_fits_wcol *c, const struct cat_column *col);
/* Bytes of one cell in a block of rows whose texts have WIDTH bytes. */
static inline int64_t cat_fits_cell_bytes(const struct cat_fits_wcol *c, int64_t width)
{
	return c->list ? 16 : c->repeat * width;
}
/* All cells of COL, the i-th at DST + i x STRIDE. Lists are descriptors (count and heap offset, int64 each, in the
 * machine's order) that the caller has put there. */
CAT_MUST_USE int cat_fits_put_cells(const struct cat_fits_wcol *c, int64_t width, const struct cat_column *col,
                                    uint8_t *dst, int64_t stride, struct cat_fits_seen *seen, struct cat_error *err);
/* The N elements of a list column from child FIRST on, to DST. */
CAT_MUST_USE int cat_fits_put_list(const struct cat_fits_wcol *c, const struct cat_column *col, int64_t first,
                                   int64_t n, uint8_t *dst, struct cat_fits_seen *seen, struct cat_error *err);

/* Both headers. SIZE 0: as large as it can become; else blank cards fill it up to SIZE bytes. */
struct cat_fits_head {
	const struct cat_schema *schema;
	const struct cat_fits_wcol *cols;
	int64_t nrows;
	int64_t heap_bytes;
	char array; /* P or Q */
	size_t size;
};
CAT_MUST_USE int cat_fits_head_new(const struct cat_fits_head *h, struct cat_buf **out, struct cat_error *err);

#endif
