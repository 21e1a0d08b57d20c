/* Arrow fields to the schema that is stored (parquet-format LogicalTypes.md). */
#include <string.h>

#include "base/alloc.h"
#include "formats/colmeta.h"
#include "formats/parquet_write.h"

#define TEXT_MAX ((size_t)1 << 40)
#define HEALPIX "_healpix_29"
#define PAGE_BYTES ((int64_t)128 << 10)

struct walk {
	struct cat_pq_wschema *w;
	const struct cat_parquet_write_options *o;
	struct cat_pq_wleaf at; /* path and levels so far */
};

/* --- types of leaves --- */

static void set_int(struct cat_pq_wleaf *l, enum cat_pq_type type, enum cat_pq_wconv conv, enum cat_pq_order order)
{
	l->type = type;
	l->width = type == CAT_PQ_INT32 ? 4 : 8;
	l->conv = conv;
	l->order = order;
	l->encoding = CAT_PQ_DELTA_BINARY_PACKED;
}

static void set_fixed(struct cat_pq_wleaf *l, int32_t width, enum cat_pq_wconv conv, enum cat_pq_order order)
{
	l->type = CAT_PQ_FIXED;
	l->type_length = width;
	l->width = width;
	l->conv = conv;
	l->order = order;
	l->by_dictionary = true;
}

static void leaf_type(const struct cat_type *t, struct cat_pq_wleaf *l)
{
	l->encoding = CAT_PQ_PLAIN;
	switch (t->id) {
	case CAT_T_BOOL:
		*l = (struct cat_pq_wleaf){.type = CAT_PQ_BOOLEAN, .conv = CAT_PQ_W_BITS, .order = CAT_PQ_O_BOOL};
		break;
	case CAT_T_I8:
		set_int(l, CAT_PQ_INT32, CAT_PQ_W_I8, CAT_PQ_O_I32);
		break;
	case CAT_T_U8:
		set_int(l, CAT_PQ_INT32, CAT_PQ_W_U8, CAT_PQ_O_U32);
		break;
	case CAT_T_I16:
		set_int(l, CAT_PQ_INT32, CAT_PQ_W_I16, CAT_PQ_O_I32);
		break;
	case CAT_T_U16:
		set_int(l, CAT_PQ_INT32, CAT_PQ_W_U16, CAT_PQ_O_U32);
		break;
	case CAT_T_I32:
	case CAT_T_DATE32:
		set_int(l, CAT_PQ_INT32, CAT_PQ_W_SAME, CAT_PQ_O_I32);
		break;
	case CAT_T_TIME32:
		set_int(l, CAT_PQ_INT32, t->unit == CAT_UNIT_S ? CAT_PQ_W_MILLI32 : CAT_PQ_W_SAME, CAT_PQ_O_I32);
		break;
	case CAT_T_U32:
		set_int(l, CAT_PQ_INT32, CAT_PQ_W_SAME, CAT_PQ_O_U32);
		break;
	case CAT_T_I64:
	case CAT_T_TIME64:
	case CAT_T_DURATION:
		set_int(l, CAT_PQ_INT64, CAT_PQ_W_SAME, CAT_PQ_O_I64);
		break;
	case CAT_T_TIMESTAMP:
		set_int(l, CAT_PQ_INT64, t->unit == CAT_UNIT_S ? CAT_PQ_W_MILLI64 : CAT_PQ_W_SAME, CAT_PQ_O_I64);
		break;
	case CAT_T_U64:
		set_int(l, CAT_PQ_INT64, CAT_PQ_W_SAME, CAT_PQ_O_U64);
		break;
	case CAT_T_DATE64:
		set_int(l, CAT_PQ_INT32, CAT_PQ_W_DAYS, CAT_PQ_O_I32);
		break;
	case CAT_T_F32:
		*l = (struct cat_pq_wleaf){.type = CAT_PQ_FLOAT, .width = 4, .order = CAT_PQ_O_F32,
		                           .encoding = CAT_PQ_BYTE_STREAM_SPLIT};
		break;
	case CAT_T_F64:
		*l = (struct cat_pq_wleaf){.type = CAT_PQ_DOUBLE, .width = 8, .order = CAT_PQ_O_F64,
		                           .encoding = CAT_PQ_BYTE_STREAM_SPLIT};
		break;
	case CAT_T_FIXED_BINARY:
		set_fixed(l, t->width, CAT_PQ_W_SAME, CAT_PQ_O_BYTES);
		break;
	case CAT_T_DECIMAL128:
		set_fixed(l, 16, CAT_PQ_W_DECIMAL, CAT_PQ_O_DECIMAL);
		break;
	case CAT_T_UTF8:
	case CAT_T_BINARY:
		*l = (struct cat_pq_wleaf){.type = CAT_PQ_BYTES, .conv = CAT_PQ_W_TEXT, .order = CAT_PQ_O_BYTES,
		                           .by_dictionary = true};
		break;
	case CAT_T_NULL:
	case CAT_T_LIST:
	case CAT_T_FIXED_LIST:
	case CAT_T_STRUCT:
	case CAT_T_MAP:
	case CAT_T_COUNT:
		*l = (struct cat_pq_wleaf){.type = CAT_PQ_INT32, .width = 4, .conv = CAT_PQ_W_NULL};
		break;
	}
}

/* --- annotations --- */

/* 10 logicalType: a union, whose member ID is begun; the two values go to end_logical. */
struct nesting {
	int16_t outer, inner;
};
static struct nesting begin_logical(struct cat_thrift_out *o, int id)
{
	const int16_t outer = cat_thrift_begin(o, 10);

	return (struct nesting){outer, cat_thrift_begin(o, id)};
}

static void end_logical(struct cat_thrift_out *o, struct nesting n)
{
	cat_thrift_end(o, n.inner);
	cat_thrift_end(o, n.outer);
}

static void put_empty_logical(struct cat_thrift_out *o, int id)
{
	end_logical(o, begin_logical(o, id));
}

static void put_int_type(struct cat_thrift_out *o, int bits, bool is_signed)
{
	struct nesting n;

	cat_thrift_put_int(o, 6, CAT_THRIFT_I32,
	                   (is_signed ? 15 : 11) + (bits == 8 ? 0 : bits == 16 ? 1 : bits == 32 ? 2 : 3));
	n = begin_logical(o, CAT_PQ_L_INTEGER);
	cat_thrift_put_i8(o, 1, (int8_t)bits);
	cat_thrift_put_bool(o, 2, is_signed);
	end_logical(o, n);
}

/* TIME and TIMESTAMP: the older annotation knows only ms and us of UTC, but is what older readers look for. */
static void put_time(struct cat_thrift_out *o, int id, enum cat_unit unit, bool utc)
{
	const int u = unit == CAT_UNIT_US ? 2 : unit == CAT_UNIT_NS ? 3 : 1;
	struct nesting n;
	int16_t unit_outer, empty;

	if (u < 3 && (utc || id == CAT_PQ_L_TIMESTAMP))
		cat_thrift_put_int(o, 6, CAT_THRIFT_I32, (id == CAT_PQ_L_TIME ? 6 : 8) + u);
	n = begin_logical(o, id);
	cat_thrift_put_bool(o, 1, utc);
	unit_outer = cat_thrift_begin(o, 2);
	empty = cat_thrift_begin(o, u);
	cat_thrift_end(o, empty);
	cat_thrift_end(o, unit_outer);
	end_logical(o, n);
}

static void put_decimal(struct cat_thrift_out *o, const struct cat_type *t)
{
	struct nesting n;

	cat_thrift_put_int(o, 6, CAT_THRIFT_I32, 5);
	cat_thrift_put_int(o, 7, CAT_THRIFT_I32, t->scale);
	cat_thrift_put_int(o, 8, CAT_THRIFT_I32, t->precision);
	n = begin_logical(o, CAT_PQ_L_DECIMAL);
	cat_thrift_put_int(o, 1, CAT_THRIFT_I32, t->scale);
	cat_thrift_put_int(o, 2, CAT_THRIFT_I32, t->precision);
	end_logical(o, n);
}

static bool is_uuid(const struct cat_field *f)
{
	const char *name = cat_kv_get(&f->meta, CAT_PQ_EXTENSION);

	return f->type.width == 16 && name && strcmp(name, CAT_PQ_UUID) == 0;
}

static void put_annotation(struct cat_thrift_out *o, const struct cat_field *f)
{
	switch ((int)f->type.id) {
	case CAT_T_I8:
	case CAT_T_I16:
		put_int_type(o, f->type.id == CAT_T_I8 ? 8 : 16, true);
		break;
	case CAT_T_U8:
	case CAT_T_U16:
	case CAT_T_U32:
	case CAT_T_U64:
		put_int_type(o, 8 * cat_type_bytes(&f->type), false);
		break;
	case CAT_T_UTF8:
		cat_thrift_put_int(o, 6, CAT_THRIFT_I32, 0);
		put_empty_logical(o, CAT_PQ_L_STRING);
		break;
	case CAT_T_DATE32:
	case CAT_T_DATE64:
		cat_thrift_put_int(o, 6, CAT_THRIFT_I32, 6);
		put_empty_logical(o, CAT_PQ_L_DATE);
		break;
	case CAT_T_TIME32:
	case CAT_T_TIME64:
		put_time(o, CAT_PQ_L_TIME, f->type.unit, false);
		break;
	case CAT_T_TIMESTAMP:
		put_time(o, CAT_PQ_L_TIMESTAMP, f->type.unit, f->zone != NULL);
		break;
	case CAT_T_DECIMAL128:
		put_decimal(o, &f->type);
		break;
	case CAT_T_FIXED_BINARY:
		if (is_uuid(f))
			put_empty_logical(o, CAT_PQ_L_UUID);
		break;
	case CAT_T_NULL:
		put_empty_logical(o, CAT_PQ_L_UNKNOWN);
		break;
	case CAT_T_LIST:
	case CAT_T_FIXED_LIST:
		cat_thrift_put_int(o, 6, CAT_THRIFT_I32, 3);
		put_empty_logical(o, CAT_PQ_L_LIST);
		break;
	case CAT_T_MAP:
		cat_thrift_put_int(o, 6, CAT_THRIFT_I32, 1);
		put_empty_logical(o, CAT_PQ_L_MAP);
		break;
	default:
		break;
	}
}

/* --- the tree --- */

/* SchemaElement: 1 type, 2 type_length, 3 repetition, 4 name, 5 num_children, then the annotation of F. */
static void put_element(struct walk *k, const struct cat_pq_wleaf *leaf, int repetition, const char *name,
                        int nchildren, const struct cat_field *f)
{
	struct cat_thrift_out o = {.to = &k->w->elements};
	const int16_t outer = cat_thrift_begin(&o, 0);

	if (leaf) {
		cat_thrift_put_int(&o, 1, CAT_THRIFT_I32, leaf->type);
		if (leaf->type == CAT_PQ_FIXED)
			cat_thrift_put_int(&o, 2, CAT_THRIFT_I32, leaf->type_length);
	}
	cat_thrift_put_int(&o, 3, CAT_THRIFT_I32, repetition);
	cat_thrift_put_binary(&o, 4, name, strlen(name));
	if (!leaf)
		cat_thrift_put_int(&o, 5, CAT_THRIFT_I32, nchildren);
	if (f)
		put_annotation(&o, f);
	cat_thrift_end(&o, outer);
	k->w->nelements++;
}

static int add_leaf(struct walk *k, const struct cat_field *f, const char *name, int repetition,
                    struct cat_error *err)
{
	struct cat_pq_wschema *w = k->w;
	struct cat_pq_wleaf *l;

	if (f->type.id == CAT_T_FIXED_BINARY && f->type.width <= 0)
		return cat_fail(err, CAT_E_UNSUPPORTED, "column %s: Parquet has no values of zero bytes", f->name);
	if (cat_grow(&w->leaves, &w->cap_leaves, w->nleaves, sizeof *l) != 0)
		return cat_fail_mem(err, sizeof *l);
	l = &w->leaves[w->nleaves++];
	memset(l, 0, sizeof *l);
	leaf_type(&f->type, l);
	l->codec = k->o->level < 0 ? CAT_CODEC_NONE : CAT_CODEC_ZSTD;
	l->page_bytes = k->o->page_bytes ? k->o->page_bytes : PAGE_BYTES;
	if (k->o->plain)
		l->encoding = CAT_PQ_PLAIN;
	else if (k->at.npath == 1 && l->type == CAT_PQ_INT64 && strcmp(f->name, HEALPIX) == 0)
		l->codec =
			CAT_CODEC_NONE; /* sorted and packed already: zstd takes ten times the time for nothing */
	l->max_def = k->at.max_def;
	l->max_rep = k->at.max_rep;
	l->npath = k->at.npath;
	memcpy(l->path, k->at.path, sizeof l->path);
	memcpy(l->child, k->at.child, sizeof l->child);
	put_element(k, l, repetition, name, 0, f);
	return CAT_OK;
}

/* Field F, child CHILD of the field before it on the path, stored as NAME. */
static int add_field(struct walk *k, const struct cat_field *f, int child, const char *name, bool required,
                     struct cat_error *err)
{
	const struct cat_pq_wleaf outer = k->at;
	const int repetition = required ? CAT_PQ_REQUIRED : CAT_PQ_OPTIONAL;
	const bool is_map = f->type.id == CAT_T_MAP;

	if (k->at.npath == CAT_PQ_DEPTH)
		return cat_fail(err, CAT_E_UNSUPPORTED, "columns nested more than %d deep", CAT_PQ_DEPTH);
	k->at.path[k->at.npath] = f;
	k->at.child[k->at.npath++] = child;
	k->at.max_def = (uint8_t)(k->at.max_def + !required);
	if (!cat_type_is_nested(f->type.id)) {
		CAT_TRY(add_leaf(k, f, name, repetition, err));
	} else if (f->nchildren == 0 || (is_map && f->children[0].nchildren != 2)) {
		return cat_fail(err, CAT_E_UNSUPPORTED, "column %s: Parquet has no groups without columns",
		                f->name);
	} else if (f->type.id == CAT_T_STRUCT) {
		put_element(k, NULL, repetition, name, f->nchildren, f);
		for (int i = 0; i < f->nchildren; i++)
			CAT_TRY(add_field(k, &f->children[i], i, f->children[i].name, false, err));
	} else {
		put_element(k, NULL, repetition, name, 1, f);
		k->at.max_def++;
		k->at.max_rep++;
		put_element(k, NULL, CAT_PQ_REPEATED, is_map ? "key_value" : "list", is_map ? 2 : 1, NULL);
		if (!is_map) {
			CAT_TRY(add_field(k, &f->children[0], 0, "element", false, err));
		} else {
			const struct cat_field *pair = &f->children[0];

			if (k->at.npath == CAT_PQ_DEPTH)
				return cat_fail(err, CAT_E_UNSUPPORTED, "columns nested more than %d deep",
				                CAT_PQ_DEPTH);
			k->at.path[k->at.npath] = pair;
			k->at.child[k->at.npath++] = 0;
			CAT_TRY(add_field(k, &pair->children[0], 0, "key", true, err));
			CAT_TRY(add_field(k, &pair->children[1], 1, "value", false, err));
		}
	}
	k->at = outer;
	return CAT_OK;
}

int cat_pq_wschema_init(struct cat_pq_wschema *w, const struct cat_schema *s,
                        const struct cat_parquet_write_options *o, struct cat_error *err)
{
	struct walk k = {.w = w, .o = o};
	int rc;

	memset(w, 0, sizeof *w);
	w->elements.max = TEXT_MAX;
	CAT_TRY(cat_schema_project(s, NULL, 0, &w->schema, err));
	rc = cat_colmeta_settle(w->schema, err);
	put_element(&k, NULL, CAT_PQ_REQUIRED, "schema", s->nfields, NULL);
	for (int i = 0; rc == CAT_OK && i < s->nfields; i++)
		rc = add_field(&k, &w->schema->fields[i], i, w->schema->fields[i].name, false, err);
	if (rc == CAT_OK)
		rc = cat_text_check(&w->elements, err);
	if (rc != CAT_OK)
		cat_pq_wschema_fini(w);
	return rc;
}

void cat_pq_wschema_fini(struct cat_pq_wschema *w)
{
	cat_schema_unref(w->schema);
	cat_text_fini(&w->elements);
	cat_free(w->leaves);
	memset(w, 0, sizeof *w);
}
