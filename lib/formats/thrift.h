/* thrift -- the Thrift compact protocol, as Parquet's footers and page headers use it.
 *
 * Layer: formats. The reader never allocates: byte strings are spans of the input. Failures stick (bad is
 * set, everything after reads as zero and every loop ends), so a caller parses freely and asks once.
 * Source: Apache Thrift, "Thrift Compact protocol encoding".
 * Thread rule: one cursor belongs to one thread.
 */
#ifndef CAT_FORMATS_THRIFT_H
#define CAT_FORMATS_THRIFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/* Bytes of somebody else's; p NULL: absent. */
struct cat_span {
	const uint8_t *p;
	size_t n;
};

enum cat_thrift_type {
	CAT_THRIFT_TRUE = 1,
	CAT_THRIFT_FALSE = 2,
	CAT_THRIFT_I8 = 3,
	CAT_THRIFT_I16 = 4,
	CAT_THRIFT_I32 = 5,
	CAT_THRIFT_I64 = 6,
	CAT_THRIFT_DOUBLE = 7,
	CAT_THRIFT_BINARY = 8,
	CAT_THRIFT_LIST = 9,
	CAT_THRIFT_SET = 10,
	CAT_THRIFT_MAP = 11,
	CAT_THRIFT_STRUCT = 12
};

struct cat_thrift {
	const uint8_t *p;
	const uint8_t *end;
	bool bad;
};
/* Zero-initialise before the first field of a struct. */
struct cat_thrift_field {
	int16_t id;
	uint8_t type;
};

/* The header of the next field; false at the end of the struct and after a failure. */
bool cat_thrift_next(struct cat_thrift *t, struct cat_thrift_field *f);
/* The value of a field or element of TYPE; any integer width is taken where an integer is wanted, another
 * type is a failure. */
int64_t cat_thrift_int(struct cat_thrift *t, uint8_t type);
bool cat_thrift_bool(struct cat_thrift *t, uint8_t type);
struct cat_span cat_thrift_binary(struct cat_thrift *t, uint8_t type);
/* Elements of a list and their type; never more than bytes are left. */
size_t cat_thrift_list(struct cat_thrift *t, uint8_t type, uint8_t *element);
/* A struct may be entered: fails for another type. Then read its fields with a new cat_thrift_field. */
bool cat_thrift_struct(struct cat_thrift *t, uint8_t type);
/* Passes over a value; nesting beyond 64 is a failure. */
void cat_thrift_skip(struct cat_thrift *t, uint8_t type);

/* Writing: fields in ascending order of id. Failures stick in the text. */
struct cat_thrift_out {
	struct cat_text *to;
	int16_t last;
};
/* TYPE is I16, I32 or I64. */
void cat_thrift_put_int(struct cat_thrift_out *o, int id, enum cat_thrift_type type, int64_t v);
void cat_thrift_put_i8(struct cat_thrift_out *o, int id, int8_t v);
void cat_thrift_put_bool(struct cat_thrift_out *o, int id, bool v);
void cat_thrift_put_binary(struct cat_thrift_out *o, int id, const void *p, size_t n);
void cat_thrift_put_list(struct cat_thrift_out *o, int id, enum cat_thrift_type element, size_t n);
/* A struct as a field, or with id 0 as an element of a list or on its own; what it returns goes to end. */
int16_t cat_thrift_begin(struct cat_thrift_out *o, int id);
void cat_thrift_end(struct cat_thrift_out *o, int16_t outer);
/* Elements of a list. */
void cat_thrift_item_int(struct cat_thrift_out *o, int64_t v);
void cat_thrift_item_binary(struct cat_thrift_out *o, const void *p, size_t n);
/* A field whose encoded value is already there. */
void cat_thrift_put_raw(struct cat_thrift_out *o, int id, uint8_t type, struct cat_span value);

#endif
