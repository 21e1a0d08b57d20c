/* fits -- tables of FITS files: bytes to batches and back.
 *
 * Layer: formats. Source: FITS standard 4.0: sections 4 (headers), 7.2 (ASCII tables), 7.3 (binary tables),
 * 10.3 (tile-compressed tables); TUCDn, TUTYPn and TCOMMn as STIL and TOPCAT write them.
 * Read: L bool; X lists of bool; B I J K integers (unsigned, and int8 of B, by TZEROn; otherwise scaled columns
 * are float64); E D floats; C M lists of two; A text that ends at a NUL, without trailing blanks, blank is NULL;
 * bytes that are not UTF-8 are ISO 8859-1. rT is a fixed list, P and Q are lists, TDIMn cuts text and stays as
 * metadata `tdim` on numbers; 0T is a column of NULLs. TNULLn (kept as metadata `null_value`) and an L of 0 are
 * NULL; a float NaN stays NaN. ASCII tables: Iw int32 or (w > 9) int64, F E D float64, an empty number is 0.
 * Refused by name (CAT_E_UNSUPPORTED): scaled complex columns, variable arrays in compressed tables.
 * Written: one binary table. Text has the width of its longest value, dates and times are ISO 8601 text, fixed
 * lists are rT, lists P or Q, bits L. NULL is blank text, NaN, an L of 0, the empty list; of integers (TNULLn) the
 * metadata `null_value`, else the smallest value of a signed and the largest of an unsigned type: a column that has
 * both NULL and that value is CAT_E_DATA.
 * Refused by name: structs, maps, lists of lists or text, binary, decimals, text of more than 65,535 bytes.
 */
#ifndef CAT_FORMATS_FITS_H
#define CAT_FORMATS_FITS_H

#include "columnar/pump.h"

struct cat_fits_options {
	const char *hdu; /* EXTNAME without case, or a number (0 is the primary); NULL: the first table */
	/* Makes of a reader that gives bytes in order only one with ranges, taking it over: for variable arrays and
	 * compressed tables, whose bytes stand behind the rows. NULL: such a table is CAT_E_UNSUPPORTED. */
	int (*spool)(struct cat_reader *r, const char *temp_dir, struct cat_reader **out, struct cat_error *err);
	const char *temp_dir;
};
/* A table as a feed. Takes over R, also on failure. O may be NULL. Works are rows (about 1 MiB), or one tile of a
 * compressed table; where ranges can be had they read just those (feed->sharded), else the bytes in order. A file
 * that ends early is CAT_E_DATA, after the rows that are there. */
CAT_MUST_USE int cat_fits_feed(struct cat_reader *r, const struct cat_fits_options *o, struct cat_feed **out,
                               struct cat_error *err);

struct cat_fits_write_options {
	/* A temporary file: what was appended to *W can be read by ranges of *R. Needed for text and lists, whose
	 * place is known only when all rows are. */
	int (*scratch)(const char *temp_dir, struct cat_writer **w, struct cat_reader **r, struct cat_error *err);
	const char *temp_dir;
	/* Told at the end, in the sink's thread, of what the file cannot tell apart; may be NULL. */
	void (*note)(const void *arg, const char *text);
	const void *note_arg;
};
/* Holds a reference to S. The row count is patched into the head, so the writer must be able to. */
CAT_MUST_USE int cat_fits_encoder(struct cat_schema *s, const struct cat_fits_write_options *o,
                                  struct cat_encoder **out, struct cat_error *err);

#endif
