/* schema -- types, fields and schemas, with the metadata that astronomers keep on columns.
 *
 * Layer: columnar. The types are Arrow's (Arrow columnar format 1.5); on the way in readers normalise: views
 * and 64-bit strings and lists to 32-bit offsets, dictionaries to their values, half floats to 32 bits. That a column
 * had 64-bit offsets is kept beside its type: on the way out it has them again.
 * A schema is immutable once shared. Thread rule: ref and unref from any thread.
 */
#ifndef CAT_COLUMNAR_SCHEMA_H
#define CAT_COLUMNAR_SCHEMA_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

enum cat_type_id {
	CAT_T_NULL,
	CAT_T_BOOL,
	CAT_T_I8,
	CAT_T_U8,
	CAT_T_I16,
	CAT_T_U16,
	CAT_T_I32,
	CAT_T_U32,
	CAT_T_I64,
	CAT_T_U64,
	CAT_T_F32,
	CAT_T_F64,
	CAT_T_UTF8,
	CAT_T_BINARY,
	CAT_T_FIXED_BINARY, /* width bytes each */
	CAT_T_DATE32,       /* days since 1970-01-01 */
	CAT_T_DATE64,       /* milliseconds since 1970-01-01 */
	CAT_T_TIME32,       /* unit s or ms */
	CAT_T_TIME64,       /* unit us or ns */
	CAT_T_TIMESTAMP,    /* int64 in unit; zone in the field */
	CAT_T_DURATION,     /* int64 in unit */
	CAT_T_DECIMAL128,   /* 16 bytes little-endian, precision and scale */
	CAT_T_LIST,         /* one child, 32-bit offsets */
	CAT_T_FIXED_LIST,   /* one child, width elements each */
	CAT_T_STRUCT,       /* any number of children */
	CAT_T_MAP,          /* a list whose one child is a struct of key and value */
	CAT_T_COUNT
};
enum cat_unit { CAT_UNIT_S, CAT_UNIT_MS, CAT_UNIT_US, CAT_UNIT_NS };

struct cat_type {
	enum cat_type_id id;
	enum cat_unit unit;
	int32_t width;     /* bytes of FIXED_BINARY, elements of FIXED_LIST */
	int32_t precision; /* DECIMAL128 */
	int32_t scale;
};

/* Key-value metadata in the order it was set. */
struct cat_kv {
	int n;
	struct cat_kv_item {
		char *key;
		char *value;
	} *items;
};
/* Sets or replaces. VALUE NULL removes. */
CAT_MUST_USE int cat_kv_set(struct cat_kv *kv, const char *key, const char *value, struct cat_error *err);
CAT_MUST_USE int cat_kv_setn(struct cat_kv *kv, const char *key, size_t nkey, const char *value, size_t nvalue,
                             struct cat_error *err);
const char *cat_kv_get(const struct cat_kv *kv, const char *key); /* NULL when absent */
CAT_MUST_USE int cat_kv_copy(struct cat_kv *dst, const struct cat_kv *src, struct cat_error *err);
void cat_kv_fini(struct cat_kv *kv);

/* Keys of field metadata: formats.md 1.9. */
#define CAT_META_UNIT "unit"
#define CAT_META_UCD "ucd"
#define CAT_META_DESCRIPTION "description"
#define CAT_META_UTYPE "utype"
#define CAT_META_XTYPE "xtype"
#define CAT_META_NULL "null_value"

struct cat_field {
	char *name;
	struct cat_type type;
	bool nullable;
	bool large; /* UTF8, BINARY, LIST: by its Arrow name it has 64-bit offsets (here never) */
	char *zone; /* TIMESTAMP: time zone name, or NULL */
	struct cat_kv meta;
	int nchildren;
	struct cat_field *children;
};
/* In place; on failure the field is as if never initialised. */
CAT_MUST_USE int cat_field_init(struct cat_field *f, const char *name, enum cat_type_id id, struct cat_error *err);
CAT_MUST_USE int cat_field_copy(struct cat_field *dst, const struct cat_field *src, struct cat_error *err);
CAT_MUST_USE int cat_field_rename(struct cat_field *f, const char *name, struct cat_error *err);
/* Allocates N zeroed children, to be initialised by the caller. */
CAT_MUST_USE int cat_field_children(struct cat_field *f, int n, struct cat_error *err);
void cat_field_fini(struct cat_field *f);
/* Same type, all the way down, names of struct children included; metadata and nullability aside. */
bool cat_field_same_type(const struct cat_field *a, const struct cat_field *b);

struct cat_schema {
	atomic_int refs;
	int nfields;
	struct cat_field *fields;
	struct cat_kv meta;
};
/* NFIELDS zeroed fields, to be initialised by the caller before sharing. */
CAT_MUST_USE int cat_schema_new(int nfields, struct cat_schema **out, struct cat_error *err);
/* Metadata and the N fields of S named by COLS (NULL: all), copied. */
CAT_MUST_USE int cat_schema_project(const struct cat_schema *s, const int *cols, int n, struct cat_schema **out,
                                    struct cat_error *err);
struct cat_schema *cat_schema_ref(struct cat_schema *s);
void cat_schema_unref(struct cat_schema *s);
/* Index of a column: exact, else a unique match without case; -1 when there is none, -2 when several match. */
int cat_schema_find(const struct cat_schema *s, const char *name);
/* The same, but -1 and -2 become CAT_E_USAGE with the nearest name. */
CAT_MUST_USE int cat_schema_need(const struct cat_schema *s, const char *name, int *col, struct cat_error *err);

/* Bytes of one value of a fixed-width type; 0 for BOOL, NULL, text and nested types. */
int cat_type_bytes(const struct cat_type *t);
static inline bool cat_type_is_text(enum cat_type_id id)
{
	return id == CAT_T_UTF8 || id == CAT_T_BINARY;
}
static inline bool cat_type_is_nested(enum cat_type_id id)
{
	return id >= CAT_T_LIST && id <= CAT_T_MAP;
}
static inline bool cat_type_is_list(enum cat_type_id id)
{
	return id == CAT_T_LIST || id == CAT_T_MAP;
}
static inline bool cat_type_is_int(enum cat_type_id id)
{
	return id >= CAT_T_I8 && id <= CAT_T_U64;
}
static inline bool cat_type_is_number(enum cat_type_id id)
{
	return id >= CAT_T_I8 && id <= CAT_T_F64;
}
/* "int64", "float32", "string", "list<float64>", "timestamp[us, UTC]", ... appended. */
void cat_type_text(const struct cat_field *f, struct cat_text *out);
/* The reverse for the plain types that --types and CAST accept (int64, bigint, double, string, ...); false
 * when unknown. */
bool cat_type_parse(const char *name, enum cat_type_id *out);

#endif
