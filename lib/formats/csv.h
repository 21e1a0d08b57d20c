/* csv -- comma-separated text: lines to batches and back.
 *
 * Layer: formats. Source: RFC 4180, with `#` lines before the header, a UTF-8 byte order mark, LF or CR LF,
 * any one-byte delimiter.
 * Read: a header line, then one row per line. A field is quoted only when the quote is its first byte; quoted
 * fields may hold line breaks. Empty lines are skipped. The empty field, and null, NULL and \N without quotes,
 * are NULL; quoted ones are text in text columns and NULL elsewhere. Blanks around numbers are ignored; true
 * and false may be written in any case.
 * Written: quotes only where needed, NULL as the empty field (\N in a table of one column), the empty string
 * as "", floats as the shortest text that reads back. Lists, structs and maps are JSON text in the cell, dates
 * and times ISO 8601, decimals plain, binary is base64 (RFC 4648 section 4).
 */
#ifndef CAT_FORMATS_CSV_H
#define CAT_FORMATS_CSV_H

#include "columnar/pump.h"

/* What was seen in the columns of one or more inputs: the knowledge that types are chosen from. */
struct cat_csv_types {
	int n;
	struct cat_csv_column {
		char *name;
		unsigned seen; /* CAT_CSV_*, or'ed */
	} *cols;
};
#define CAT_CSV_INT 1u       /* an integer */
#define CAT_CSV_NEGATIVE 2u  /* one below 0 */
#define CAT_CSV_BEYOND_I64 4u
#define CAT_CSV_BEYOND_F64 8u /* an integer that float64 cannot hold exactly */
#define CAT_CSV_FLOAT 16u     /* a number with point or exponent, or an integer beyond uint64; NaN, inf */
#define CAT_CSV_BOOL 32u
#define CAT_CSV_TEXT 64u
/* int64, uint64, float64, bool or string; a column of nothing but NULL is string. */
enum cat_type_id cat_csv_type(unsigned seen);
CAT_MUST_USE int cat_csv_types_copy(struct cat_csv_types *dst, const struct cat_csv_types *src,
                                    struct cat_error *err);
/* Widens INTO by what FROM saw: the same names in any order. Integers beyond 2^53 do not go together with
 * floats, nor text with anything else: CAT_E_DATA naming the column. */
CAT_MUST_USE int cat_csv_types_merge(struct cat_csv_types *into, const struct cat_csv_types *from,
                                     struct cat_error *err);
void cat_csv_types_fini(struct cat_csv_types *t);

struct cat_csv_forced {
	const char *name;
	enum cat_type_id type; /* bool, any integer or float, string, date */
};
struct cat_csv_options {
	char delimiter;  /* 0: a comma */
	bool full_infer; /* look at the whole input for types, not its first 10 MiB; needs a known size */
	int nforced;
	const struct cat_csv_forced *forced; /* wins over what was seen; an unknown name is CAT_E_USAGE */
	const struct cat_csv_types *types;   /* use these instead of looking, by name; NULL: look */
	/* Only the rows whose line begins in bytes [begin, end) of an input of known size; end 0: all. Quoted
	 * line breaks in or at the range are CAT_E_UNSUPPORTED: where a line begins cannot be told there. */
	int64_t range_begin, range_end;
	size_t block_bytes; /* of lines per work; 0: 1 MiB */
};
/* Takes over R, also on failure. O may be NULL. Types come from the first 10 MiB; a later value that does not
 * fit is CAT_E_DATA with line, column and text. Works are blocks of whole lines. */
CAT_MUST_USE int cat_csv_feed(struct cat_reader *r, const struct cat_csv_options *o, struct cat_feed **out,
                              struct cat_error *err);
/* What a feed of cat_csv_feed saw when it was opened, owned by the feed; NULL for any other feed. */
const struct cat_csv_types *cat_csv_feed_types(const struct cat_feed *f);
/* Bytes in front of the first row: header, comments. Shards divide what follows. */
int64_t cat_csv_feed_body(const struct cat_feed *f);

struct cat_csv_write_options {
	char delimiter; /* 0: a comma */
};
/* Holds a reference to S. O may be NULL. */
CAT_MUST_USE int cat_csv_encoder(struct cat_schema *s, const struct cat_csv_write_options *o,
                                 struct cat_encoder **out, struct cat_error *err);

#endif
