#include "columnar/schema.h"

#include <string.h>

#include "base/alloc.h"

int cat_kv_setn(struct cat_kv *kv, const char *key, size_t nkey, const char *value, size_t nvalue,
                struct cat_error *err)
{
	struct cat_kv_item *items;
	char *k = NULL, *v = NULL;
	int i = 0;

	while (i < kv->n && !(strlen(kv->items[i].key) == nkey && memcmp(kv->items[i].key, key, nkey) == 0))
		i++;
	if (!value) {
		if (i < kv->n) {
			cat_free(kv->items[i].key);
			cat_free(kv->items[i].value);
			memmove(kv->items + i, kv->items + i + 1, (size_t)(kv->n - i - 1) * sizeof *kv->items);
			kv->n--;
		}
		return CAT_OK;
	}
	v = cat_strndup(value, nvalue);
	if (!v)
		return cat_fail_mem(err, nvalue);
	if (i < kv->n) {
		cat_free(kv->items[i].value);
		kv->items[i].value = v;
		return CAT_OK;
	}
	k = cat_strndup(key, nkey);
	items = k ? cat_realloc(kv->items, (size_t)kv->n + 1, sizeof *items) : NULL;
	if (!items) {
		cat_free(k);
		cat_free(v);
		return cat_fail_mem(err, nkey);
	}
	kv->items = items;
	items[kv->n].key = k;
	items[kv->n].value = v;
	kv->n++;
	return CAT_OK;
}

int cat_kv_set(struct cat_kv *kv, const char *key, const char *value, struct cat_error *err)
{
	return cat_kv_setn(kv, key, strlen(key), value, value ? strlen(value) : 0, err);
}

const char *cat_kv_get(const struct cat_kv *kv, const char *key)
{
	for (int i = 0; i < kv->n; i++)
		if (strcmp(kv->items[i].key, key) == 0)
			return kv->items[i].value;
	return NULL;
}

int cat_kv_copy(struct cat_kv *dst, const struct cat_kv *src, struct cat_error *err)
{
	for (int i = 0; i < src->n; i++)
		CAT_TRY(cat_kv_set(dst, src->items[i].key, src->items[i].value, err));
	return CAT_OK;
}

void cat_kv_fini(struct cat_kv *kv)
{
	for (int i = 0; i < kv->n; i++) {
		cat_free(kv->items[i].key);
		cat_free(kv->items[i].value);
	}
	cat_free(kv->items);
	memset(kv, 0, sizeof *kv);
}

int cat_field_init(struct cat_field *f, const char *name, enum cat_type_id id, struct cat_error *err)
{
	memset(f, 0, sizeof *f);
	f->name = cat_strdup(name);
	if (!f->name)
		return cat_fail_mem(err, strlen(name));
	f->type.id = id;
	f->nullable = true;
	return CAT_OK;
}

int cat_field_children(struct cat_field *f, int n, struct cat_error *err)
{
	f->children = cat_calloc((size_t)n, sizeof *f->children);
	if (!f->children)
		return cat_fail_mem(err, (size_t)n * sizeof *f->children);
	f->nchildren = n;
	return CAT_OK;
}

int cat_field_copy(struct cat_field *dst, const struct cat_field *src, struct cat_error *err)
{
	int rc = cat_field_init(dst, src->name, src->type.id, err);

	if (rc != CAT_OK)
		return rc;
	dst->type = src->type;
	dst->nullable = src->nullable;
	dst->large = src->large;
	if (src->zone && !(dst->zone = cat_strdup(src->zone)))
		rc = cat_fail_mem(err, strlen(src->zone));
	if (rc == CAT_OK)
		rc = cat_kv_copy(&dst->meta, &src->meta, err);
	if (rc == CAT_OK && src->nchildren)
		rc = cat_field_children(dst, src->nchildren, err);
	for (int i = 0; rc == CAT_OK && i < src->nchildren; i++)
		rc = cat_field_copy(&dst->children[i], &src->children[i], err);
	if (rc != CAT_OK)
		cat_field_fini(dst);
	return rc;
}

int cat_field_rename(struct cat_field *f, const char *name, struct cat_error *err)
{
	char *copy = cat_strdup(name);

	if (!copy)
		return cat_fail_mem(err, strlen(name));
	cat_free(f->name);
	f->name = copy;
	return CAT_OK;
}

void cat_field_fini(struct cat_field *f)
{
	cat_free(f->name);
	cat_free(f->zone);
	cat_kv_fini(&f->meta);
	for (int i = 0; i < f->nchildren; i++)
		cat_field_fini(&f->children[i]);
	cat_free(f->children);
	memset(f, 0, sizeof *f);
}

bool cat_field_same_type(const struct cat_field *a, const struct cat_field *b)
{
	if (a->type.id != b->type.id || a->type.unit != b->type.unit || a->type.width != b->type.width ||
	    a->type.precision != b->type.precision || a->type.scale != b->type.scale ||
	    a->nchildren != b->nchildren || (a->zone == NULL) != (b->zone == NULL) ||
	    (a->zone && strcmp(a->zone, b->zone) != 0))
		return false;
	for (int i = 0; i < a->nchildren; i++)
		if (!cat_field_same_type(&a->children[i], &b->children[i]) ||
		    (a->type.id == CAT_T_STRUCT && strcmp(a->children[i].name, b->children[i].name) != 0))
			return false;
	return true;
}

int cat_schema_new(int nfields, struct cat_schema **out, struct cat_error *err)
{
	struct cat_schema *s = cat_calloc(1, sizeof *s);

	if (s)
		s->fields = cat_calloc((size_t)nfields, sizeof *s->fields);
	if (!s || !s->fields) {
		cat_free(s);
		return cat_fail_mem(err, (size_t)nfields * sizeof *s->fields);
	}
	atomic_init(&s->refs, 1);
	s->nfields = nfields;
	*out = s;
	return CAT_OK;
}

int cat_schema_project(const struct cat_schema *s, const int *cols, int n, struct cat_schema **out,
                       struct cat_error *err)
{
	struct cat_schema *p;
	int rc;

	if (!cols)
		n = s->nfields;
	CAT_TRY(cat_schema_new(n, &p, err));
	rc = cat_kv_copy(&p->meta, &s->meta, err);
	for (int i = 0; rc == CAT_OK && i < n; i++)
		rc = cat_field_copy(&p->fields[i], &s->fields[cols ? cols[i] : i], err);
	if (rc != CAT_OK) {
		cat_schema_unref(p);
		return rc;
	}
	*out = p;
	return CAT_OK;
}

struct cat_schema *cat_schema_ref(struct cat_schema *s)
{
	if (s)
		atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void cat_schema_unref(struct cat_schema *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (int i = 0; i < s->nfields; i++)
		cat_field_fini(&s->fields[i]);
	cat_free(s->fields);
	cat_kv_fini(&s->meta);
	cat_free(s);
}

int cat_schema_find(const struct cat_schema *s, const char *name)
{
	int found = -1;

	for (int i = 0; i < s->nfields; i++)
		if (strcmp(s->fields[i].name, name) == 0)
			return i;
	for (int i = 0; i < s->nfields; i++)
		if (cat_equal_nocase(s->fields[i].name, name))
			found = found == -1 ? i : -2;
	return found;
}

int cat_schema_need(const struct cat_schema *s, const char *name, int *col, struct cat_error *err)
{
	struct cat_nearest near = {.want = name};

	*col = cat_schema_find(s, name);
	if (*col >= 0)
		return CAT_OK;
	if (*col == -2)
		return cat_fail(err, CAT_E_USAGE, "column '%s' is ambiguous: several names differ only in case", name);
	for (int i = 0; i < s->nfields; i++)
		cat_nearest_offer(&near, s->fields[i].name);
	return cat_fail(err, CAT_E_USAGE, "no column '%s'%s%s", name, near.name ? "; nearest: " : "",
	                near.name ? near.name : "");
}

static const struct {
	const char *name;
	int bytes;
} types[CAT_T_COUNT] = {
	[CAT_T_NULL] = {"null", 0},
	[CAT_T_BOOL] = {"bool", 0},
	[CAT_T_I8] = {"int8", 1},
	[CAT_T_U8] = {"uint8", 1},
	[CAT_T_I16] = {"int16", 2},
	[CAT_T_U16] = {"uint16", 2},
	[CAT_T_I32] = {"int32", 4},
	[CAT_T_U32] = {"uint32", 4},
	[CAT_T_I64] = {"int64", 8},
	[CAT_T_U64] = {"uint64", 8},
	[CAT_T_F32] = {"float32", 4},
	[CAT_T_F64] = {"float64", 8},
	[CAT_T_UTF8] = {"string", 0},
	[CAT_T_BINARY] = {"binary", 0},
	[CAT_T_FIXED_BINARY] = {"binary", 0},
	[CAT_T_DATE32] = {"date", 4},
	[CAT_T_DATE64] = {"date64", 8},
	[CAT_T_TIME32] = {"time32", 4},
	[CAT_T_TIME64] = {"time64", 8},
	[CAT_T_TIMESTAMP] = {"timestamp", 8},
	[CAT_T_DURATION] = {"duration", 8},
	[CAT_T_DECIMAL128] = {"decimal", 16},
	[CAT_T_LIST] = {"list", 0},
	[CAT_T_FIXED_LIST] = {"list", 0},
	[CAT_T_STRUCT] = {"struct", 0},
	[CAT_T_MAP] = {"map", 0},
};

int cat_type_bytes(const struct cat_type *t)
{
	return t->id == CAT_T_FIXED_BINARY ? t->width : types[t->id].bytes;
}

void cat_type_text(const struct cat_field *f, struct cat_text *out)
{
	static const char *const units[] = {"s", "ms", "us", "ns"};
	const struct cat_type *t = &f->type;

	cat_text_add(out, types[t->id].name);
	switch ((int)t->id) {
	case CAT_T_FIXED_BINARY:
		cat_text_addf(out, "[%d]", (int)t->width);
		break;
	case CAT_T_TIME32:
	case CAT_T_TIME64:
	case CAT_T_DURATION:
	case CAT_T_TIMESTAMP:
		cat_text_addf(out, "[%s%s%s]", units[t->unit], f->zone ? ", " : "", f->zone ? f->zone : "");
		break;
	case CAT_T_DECIMAL128:
		cat_text_addf(out, "(%d, %d)", (int)t->precision, (int)t->scale);
		break;
	case CAT_T_LIST:
	case CAT_T_FIXED_LIST:
	case CAT_T_STRUCT:
	case CAT_T_MAP:
		cat_text_add(out, "<");
		for (int i = 0; i < f->nchildren; i++) {
			if (t->id == CAT_T_STRUCT)
				cat_text_addf(out, "%s%s: ", i ? ", " : "", f->children[i].name);
			cat_type_text(&f->children[i], out);
		}
		cat_text_add(out, ">");
		if (t->id == CAT_T_FIXED_LIST)
			cat_text_addf(out, "[%d]", (int)t->width);
		break;
	default:
		break;
	}
}

bool cat_type_parse(const char *name, enum cat_type_id *out)
{
	static const struct {
		const char *name;
		enum cat_type_id id;
	} alias[] = {
		{"boolean", CAT_T_BOOL},   {"tinyint", CAT_T_I8},    {"byte", CAT_T_I8},       {"smallint", CAT_T_I16},
		{"short", CAT_T_I16},      {"int", CAT_T_I32},       {"integer", CAT_T_I32},   {"bigint", CAT_T_I64},
		{"long", CAT_T_I64},       {"float", CAT_T_F32},     {"real", CAT_T_F32},      {"double", CAT_T_F64},
		{"text", CAT_T_UTF8},      {"varchar", CAT_T_UTF8},  {"char", CAT_T_UTF8},     {"str", CAT_T_UTF8},
		{"utinyint", CAT_T_U8},    {"usmallint", CAT_T_U16}, {"uinteger", CAT_T_U32},  {"ubigint", CAT_T_U64},
	};

	for (size_t i = 0; i < sizeof alias / sizeof *alias; i++)
		if (cat_equal_nocase(name, alias[i].name)) {
			*out = alias[i].id;
			return true;
		}
	for (int i = CAT_T_BOOL; i <= CAT_T_DATE32; i++)
		if (i != CAT_T_FIXED_BINARY && cat_equal_nocase(name, types[i].name)) {
			*out = (enum cat_type_id)i;
			return true;
		}
	return false;
}
