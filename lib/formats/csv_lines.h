/* csv_lines -- where lines and fields end in a block of CSV text, and what one field holds.
 *
 * Layer: formats, private to csv_*.c. Thread rule: pure functions, any thread.
 */
#ifndef CAT_FORMATS_CSV_LINES_H
#define CAT_FORMATS_CSV_LINES_H

#include <string.h>

#include "formats/csv.h"

/* Blocks are smaller than this, so that positions fit 32 bits. */
#define CAT_CSV_MAX_LINE (64 << 20)

/* End of the last whole line in S (one past its line feed), 0 when there is none. S begins at a line's
 * beginning. *QUOTED: a line break lies inside quotes. */
size_t cat_csv_last_line(const char *s, size_t n, char delimiter, bool *quoted);
/* Line feeds in S. */
int64_t cat_csv_count_lines(const char *s, size_t n);

/* Where a block stands in its input, for messages. */
struct cat_csv_origin {
	int64_t line; /* number of its first line; 0: not known */
	int64_t off_bytes;
};
/* "line 12: " or "line at byte 3456: " for the line that holds AT of the block S, into OUT. */
void cat_csv_place(const char *s, size_t at, struct cat_csv_origin o, char out[40]);

/* A block cut into rows of NCOLS fields. Field C of row R begins at begin[C x stride + R], and its separator is the
 * byte before where the next one begins: column NCOLS is the rows that follow, or would. */
struct cat_csv_rows {
	const char *s;
	int ncols;
	int64_t nrows, stride;
	uint32_t *begin;
};
static inline uint32_t cat_csv_begin(const struct cat_csv_rows *r, int64_t row, int col)
{
	return r->begin[col * r->stride + row];
}
/* S is whole lines; the last may lack its line feed. 64 bytes behind it can be read. Rows of another number of
 * fields, NUL bytes and misplaced quotes are CAT_E_DATA. The caller frees with cat_csv_rows_fini. */
CAT_MUST_USE int cat_csv_split(const char *s, size_t n, char delimiter, int ncols, struct cat_csv_origin o,
                               struct cat_csv_rows *out, struct cat_error *err);
void cat_csv_rows_fini(struct cat_csv_rows *r);
/* The separator (or N) that ends the field beginning at AT. *BAD is set when text follows a closing quote or
 * the quote is not closed, *BROKEN when a line break lies inside the quotes. */
size_t cat_csv_field_end(const char *s, size_t n, size_t at, char delimiter, bool *bad, bool *broken);

/* A field's content: without its quotes. */
struct cat_csv_field {
	const char *s;
	size_t n;
	bool quoted;
};
static inline struct cat_csv_field cat_csv_field_at(const char *s, size_t n, bool last)
{
	struct cat_csv_field f = {s, n, false};

	if (last && f.n && f.s[f.n - 1] == '\r')
		f.n--;
	if (__builtin_expect(f.n >= 2 && f.s[0] == '"', 0)) {
		f.quoted = true;
		f.s++;
		f.n -= 2;
	}
	return f;
}
static inline struct cat_csv_field cat_csv_field(const struct cat_csv_rows *r, int64_t row, int col)
{
	const uint32_t from = cat_csv_begin(r, row, col);

	return cat_csv_field_at(r->s + from, cat_csv_begin(r, row, col + 1) - 1 - from, col == r->ncols - 1);
}
/* Where column COL of rows ROW to ROW + N, at most 64, lies in r->s, quotes and all. Gives bit i set where that is
 * nothing. */
uint64_t cat_csv_fields(const struct cat_csv_rows *r, int64_t row, int n, int col, uint32_t *from, uint32_t *len);
/* Copies F's text to OUT (room for F.n), doubled quotes made single when it was quoted. Returns the length. */
size_t cat_csv_unquote(struct cat_csv_field f, char *out);
/* The field means NULL in a column that is not text (TEXT false), or in one that is. */
static inline bool cat_csv_is_null(struct cat_csv_field f, bool text)
{
	if (f.quoted && text)
		return false;
	return f.n == 0 || (f.n == 2 && f.s[0] == '\\' && f.s[1] == 'N') ||
	       (f.n == 4 && (memcmp(f.s, "null", 4) == 0 || memcmp(f.s, "NULL", 4) == 0));
}
/* "true" or "false" in any case. */
bool cat_csv_is_bool(const char *s, size_t n);
/* Without blanks around it. */
struct cat_csv_field cat_csv_trim(struct cat_csv_field f);
/* SEEN and what F adds to it. Once something is text it is not looked at again. */
unsigned cat_csv_look(struct cat_csv_field f, unsigned seen);

/* Column COL of the rows as a column of F's type. */
CAT_MUST_USE int cat_csv_decode(const struct cat_csv_rows *r, int col, const struct cat_field *f,
                                struct cat_csv_origin o, struct cat_column **out, struct cat_error *err);

#endif
