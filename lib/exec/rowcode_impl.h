/* rowcode_impl -- what rowcode.c, which writes rows, and rowcode_read.c share. Layer: exec. */
#ifndef CAT_EXEC_ROWCODE_IMPL_H
#define CAT_EXEC_ROWCODE_IMPL_H

#include <string.h>

#include "exec/rowcode.h"

/* A text that is not longer is copied as so many bytes: what follows it is written afterwards. */
#define CAT_ROWCODE_SHORT 16

enum cat_rowcode_kind {
	CAT_ROWCODE_NONE,  /* of a column that is all null nothing is stored */
	CAT_ROWCODE_FIXED, /* width bytes at AT */
	CAT_ROWCODE_BOOL,  /* a byte at AT */
	CAT_ROWCODE_TEXT,  /* its bytes; where they end, from the row's beginning on, at AT */
	CAT_ROWCODE_NESTED /* as a run of one value; its end at AT */
};
struct cat_rowcode_field {
	enum cat_rowcode_kind kind;
	int width;
	size_t at;
	int before; /* of a longer one: the longer field in front of it, -1: none */
	bool nulls; /* some row that was written has none of it */
};
struct cat_rowcode {
	struct cat_schema *schema;
	int nfields;
	struct cat_rowcode_field *fields;
	int *longer; /* the fields of any length */
	int nlonger;
	size_t valid_at, valid_bytes; /* a bit per column, set when there is a value */
	size_t head; /* bytes of what has a fixed place */
};

/* A run of values inside a nested one: a byte that says whether a bit for each tells of nulls, those bits, then the
 * values that are there: bits, bytes side by side, or each behind its length; of a group the runs of its children. */

/* Where longer field K of a row ends, and where it begins. */
static inline size_t cat_rowcode_end(const struct cat_rowcode *c, const uint8_t *row, int k)
{
	uint32_t end;

	memcpy(&end, row + c->fields[k].at, sizeof end);
	return end;
}
static inline size_t cat_rowcode_begin(const struct cat_rowcode *c, const uint8_t *row, int k)
{
	return c->fields[k].before < 0 ? c->head : cat_rowcode_end(c, row, c->fields[k].before);
}

#endif
