/* parquet_decode -- a column chunk's pages to levels and values, and those to an Arrow column.
 *
 * Layer: formats, inside Parquet.
 * Thread rule: one decoding belongs to one thread.
 */
#ifndef CAT_FORMATS_PARQUET_DECODE_H
#define CAT_FORMATS_PARQUET_DECODE_H

#include "columnar/batch.h"
#include "formats/parquet_page.h"

/* Texts one after the other; offsets has one more than there are texts. */
struct cat_pq_text {
	struct cat_buf *offsets; /* int32 */
	struct cat_buf *bytes;
	int64_t n;
	size_t len;
	size_t max;  /* of len; 0: no bound but the offsets' */
	bool beyond; /* more than max was to come: these are not all */
};
/* What came out of a leaf's pages. */
struct cat_pq_data {
	const struct cat_pq_leaf *leaf;
	bool bare;         /* a plain top-level column: values stand at their rows, validity is final */
	int width;         /* bytes of a value in values; 0: text */
	int64_t first_row; /* of the group */
	int64_t nrows;
	int64_t nslots;    /* level entries */
	int64_t nvalues;   /* values; of a bare column one per slot */
	struct cat_stretch want; /* values of the page being read that anyone will look at: other texts may be empty */
	int64_t nulls;     /* of a bare column */
	struct cat_buf *values;
	struct cat_pq_text text;
	struct cat_buf *validity; /* of a bare column; NULL: no nulls */
	struct cat_buf *def, *rep; /* a byte each, of a column that is not bare */
	int64_t ndict;             /* -1: no dictionary yet */
	struct cat_buf *dict;
	struct cat_pq_text dict_text;
};
/* Where a leaf's pages are. */
struct cat_pq_input {
	int codec;
	bool check_crc;
	struct cat_span dict;  /* the dictionary page when it is not in front of the others */
	struct cat_span pages;
	int64_t first_row;     /* of the first page */
	int64_t nvalues;       /* of all pages: stop there; -1: as far as the bytes go */
	int64_t row_begin, row_end; /* rows wanted: pages outside may be passed over */
	size_t max_text_bytes;      /* 0: no bound */
};
/* Decodes into D, which cat_pq_data_fini frees whether or not this succeeds. With text.beyond set it is of no use: there
 * are more texts than allowed. */
CAT_MUST_USE int cat_pq_decode_leaf(const struct cat_pq_leaf *leaf, const struct cat_pq_input *in, bool bare,
                                    struct cat_pq_scratch *scratch, struct cat_pq_data *d, struct cat_error *err);
void cat_pq_data_fini(struct cat_pq_data *d);

/* parquet_values.c: N values of ENCODING behind those that are in D (or, DICT set, into its dictionary). */
CAT_MUST_USE int cat_pq_read_values(struct cat_pq_data *d, int encoding, struct cat_span v, int64_t n, bool dict,
                                    struct cat_pq_scratch *scratch, struct cat_error *err);

/* parquet_nested.c: the column of field F (node N) from its leaves D[0..], rows as decoded; zeroed ones (not all) were
 * left out and become nulls. Takes the buffers out of D. */
CAT_MUST_USE int cat_pq_assemble(const struct cat_field *f, const struct cat_pq_node *n, struct cat_pq_data *d,
                                 struct cat_column **out, struct cat_error *err);
/* In place: the K values or texts of D that stand together from slot AT on go to those of N slots whose bit in
 * VALIDITY (from bit AT on) is set; the others become zero or empty. */
CAT_MUST_USE int cat_pq_spread(struct cat_pq_data *d, const uint8_t *validity, int64_t at, int64_t n, int64_t k,
                               struct cat_error *err);

#endif
