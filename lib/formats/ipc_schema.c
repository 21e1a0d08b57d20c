#include "formats/ipc_wire.h"

#include <string.h>

#include "base/alloc.h"

/* Keys in one list: setting them looks at all that are there. */
#define MAX_KEYS 10000
#define MAX_ZONE 128
#define MAX_FIELDS 1000000

/* --- reading --- */

static int corrupt(const struct cat_fb *fb, struct cat_error *err)
{
	return cat_fail(err, CAT_E_DATA, "%s", fb->bad ? fb->bad : "schema lacks a required part");
}

static bool has_key(const struct cat_kv *kv, const char *key, size_t n)
{
	for (int i = 0; i < kv->n; i++)
		if (strlen(kv->items[i].key) == n && memcmp(kv->items[i].key, key, n) == 0)
			return true;
	return false;
}

/* Of equal keys the first counts. */
static int read_keys(const struct cat_fb_table *t, int slot, struct cat_kv *kv, struct cat_error *err)
{
	struct cat_fb_vector v;

	if (!cat_fb_vec(t, slot, 4, &v))
		return CAT_OK;
	if (v.count > MAX_KEYS)
		return cat_fail(err, CAT_E_UNSUPPORTED, "more than %d metadata keys in one place", MAX_KEYS);
	for (size_t i = 0; i < v.count; i++) {
		struct cat_fb_table pair;
		const char *key, *value;
		size_t nkey, nvalue;

		if (!cat_fb_vec_table(&v, i, &pair))
			return corrupt(v.fb, err);
		key = cat_fb_str(&pair, 0, &nkey);
		value = cat_fb_str(&pair, 1, &nvalue);
		if (!key)
			key = "";
		if (!has_key(kv, key, nkey))
			CAT_TRY(cat_kv_setn(kv, key, nkey, value ? value : "", nvalue, err));
	}
	return CAT_OK;
}

static int refuse(const struct cat_field *f, const char *what, struct cat_error *err)
{
	return cat_fail(err, CAT_E_UNSUPPORTED, "column '%s': %s is not supported", f->name, what);
}

static int bad_type(const struct cat_field *f, const char *what, struct cat_error *err)
{
	return cat_fail(err, CAT_E_DATA, "column '%s': %s", f->name, what);
}

static int read_int(const struct cat_fb_table *t, struct cat_field *f, struct cat_error *err)
{
	const int64_t bits = cat_fb_int(t, 0, 4, 0);
	const bool is_signed = cat_fb_bool(t, 1);

	switch (bits) {
	case 8:
		f->type.id = is_signed ? CAT_T_I8 : CAT_T_U8;
		break;
	case 16:
		f->type.id = is_signed ? CAT_T_I16 : CAT_T_U16;
		break;
	case 32:
		f->type.id = is_signed ? CAT_T_I32 : CAT_T_U32;
		break;
	case 64:
		f->type.id = is_signed ? CAT_T_I64 : CAT_T_U64;
		break;
	default:
		return bad_type(f, "an integer of a width other than 8, 16, 32 or 64 bits", err);
	}
	return CAT_OK;
}

static int read_float(const struct cat_fb_table *t, struct cat_field *f, struct cat_ipc_node *node,
                      struct cat_error *err)
{
	const int64_t precision = cat_fb_int(t, 0, 2, 0);

	if (precision < 0 || precision > 2)
		return bad_type(f, "a float of unknown precision", err);
	f->type.id = precision == 2 ? CAT_T_F64 : CAT_T_F32;
	if (precision == 0)
		node->layout = CAT_IPC_L_HALF;
	return CAT_OK;
}

static int read_decimal(const struct cat_fb_table *t, struct cat_field *f, struct cat_error *err)
{
	const int64_t bits = cat_fb_int(t, 2, 4, 128);

	if (bits == 32 || bits == 64 || bits == 256)
		return refuse(f, bits == 32 ? "Decimal32" : bits == 64 ? "Decimal64" : "Decimal256", err);
	f->type.id = CAT_T_DECIMAL128;
	f->type.precision = (int32_t)cat_fb_int(t, 0, 4, 0);
	f->type.scale = (int32_t)cat_fb_int(t, 1, 4, 0);
	if (bits != 128 || f->type.precision < 1 || f->type.precision > 38 || f->type.scale < -38 ||
	    f->type.scale > 38)
		return bad_type(f, "a decimal of impossible width, precision or scale", err);
	return CAT_OK;
}

static int read_unit(const struct cat_fb_table *t, int64_t fallback, struct cat_field *f, struct cat_error *err)
{
	const int64_t unit = cat_fb_int(t, 0, 2, fallback);

	if (unit < CAT_UNIT_S || unit > CAT_UNIT_NS)
		return bad_type(f, "an unknown time unit", err);
	f->type.unit = (enum cat_unit)unit;
	return CAT_OK;
}

static int read_time(const struct cat_fb_table *t, struct cat_field *f, struct cat_error *err)
{
	const int64_t bits = cat_fb_int(t, 1, 4, 32);

	CAT_TRY(read_unit(t, CAT_UNIT_MS, f, err));
	f->type.id = bits == 64 ? CAT_T_TIME64 : CAT_T_TIME32;
	if ((bits != 32 && bits != 64) || (bits == 64) != (f->type.unit >= CAT_UNIT_US))
		return bad_type(f, "a time of day whose width and unit do not fit", err);
	return CAT_OK;
}

static int read_timestamp(const struct cat_fb_table *t, struct cat_field *f, struct cat_error *err)
{
	size_t n;
	const char *zone = cat_fb_str(t, 1, &n);

	CAT_TRY(read_unit(t, CAT_UNIT_S, f, err));
	f->type.id = CAT_T_TIMESTAMP;
	if (n > MAX_ZONE)
		return bad_type(f, "a time zone name of more than 128 bytes", err);
	if (n && !(f->zone = cat_strndup(zone, n)))
		return cat_fail_mem(err, n);
	return CAT_OK;
}

static int read_width(const struct cat_fb_table *t, enum cat_type_id id, struct cat_field *f,
                      struct cat_error *err)
{
	f->type.id = id;
	f->type.width = (int32_t)cat_fb_int(t, 0, 4, 0);
	if (f->type.width < 0)
		return bad_type(f, "a negative width", err);
	return CAT_OK;
}

/* Types that need no reading: their number says all. */
static const struct plain {
	enum cat_type_id id;
	enum cat_ipc_layout layout;
	const char *refused;
} plain_types[CAT_IPC_T_LARGE_LIST_VIEW + 1] = {
	[CAT_IPC_T_NULL] = {CAT_T_NULL, CAT_IPC_L_NULL, NULL},
	[CAT_IPC_T_BINARY] = {CAT_T_BINARY, CAT_IPC_L_TEXT, NULL},
	[CAT_IPC_T_UTF8] = {CAT_T_UTF8, CAT_IPC_L_TEXT, NULL},
	[CAT_IPC_T_BOOL] = {CAT_T_BOOL, CAT_IPC_L_FIXED, NULL},
	[CAT_IPC_T_LIST] = {CAT_T_LIST, CAT_IPC_L_LIST, NULL},
	[CAT_IPC_T_STRUCT] = {CAT_T_STRUCT, CAT_IPC_L_GROUP, NULL},
	[CAT_IPC_T_MAP] = {CAT_T_MAP, CAT_IPC_L_LIST, NULL},
	[CAT_IPC_T_LARGE_BINARY] = {CAT_T_BINARY, CAT_IPC_L_LARGE_TEXT, NULL},
	[CAT_IPC_T_LARGE_UTF8] = {CAT_T_UTF8, CAT_IPC_L_LARGE_TEXT, NULL},
	[CAT_IPC_T_LARGE_LIST] = {CAT_T_LIST, CAT_IPC_L_LARGE_LIST, NULL},
	[CAT_IPC_T_BINARY_VIEW] = {CAT_T_BINARY, CAT_IPC_L_VIEW, NULL},
	[CAT_IPC_T_UTF8_VIEW] = {CAT_T_UTF8, CAT_IPC_L_VIEW, NULL},
	[CAT_IPC_T_INTERVAL] = {CAT_T_NULL, CAT_IPC_L_NULL, "Interval"},
	[CAT_IPC_T_UNION] = {CAT_T_NULL, CAT_IPC_L_NULL, "Union"},
	[CAT_IPC_T_RUN_END] = {CAT_T_NULL, CAT_IPC_L_NULL, "RunEndEncoded"},
	[CAT_IPC_T_LIST_VIEW] = {CAT_T_NULL, CAT_IPC_L_NULL, "ListView"},
	[CAT_IPC_T_LARGE_LIST_VIEW] = {CAT_T_NULL, CAT_IPC_L_NULL, "LargeListView"},
};

static int read_type(int64_t type, const struct cat_fb_table *t, struct cat_field *f, struct cat_ipc_node *node,
                     struct cat_error *err)
{
	node->layout = CAT_IPC_L_FIXED;
	switch (type) {
	case CAT_IPC_T_INT:
		return read_int(t, f, err);
	case CAT_IPC_T_FLOAT:
		return read_float(t, f, node, err);
	case CAT_IPC_T_DECIMAL:
		return read_decimal(t, f, err);
	case CAT_IPC_T_DATE:
		f->type.id = cat_fb_int(t, 0, 2, 1) == 0 ? CAT_T_DATE32 : CAT_T_DATE64;
		return CAT_OK;
	case CAT_IPC_T_TIME:
		return read_time(t, f, err);
	case CAT_IPC_T_TIMESTAMP:
		return read_timestamp(t, f, err);
	case CAT_IPC_T_DURATION:
		f->type.id = CAT_T_DURATION;
		return read_unit(t, CAT_UNIT_MS, f, err);
	case CAT_IPC_T_FIXED_BINARY:
		return read_width(t, CAT_T_FIXED_BINARY, f, err);
	case CAT_IPC_T_FIXED_LIST:
		node->layout = CAT_IPC_L_GROUP;
		return read_width(t, CAT_T_FIXED_LIST, f, err);
	default:
		if (type < 1 || type > CAT_IPC_T_LARGE_LIST_VIEW)
			return refuse(f, "a type newer than this program", err);
		if (plain_types[type].refused)
			return refuse(f, plain_types[type].refused, err);
		f->type.id = plain_types[type].id;
		node->layout = plain_types[type].layout;
		f->large = node->layout == CAT_IPC_L_LARGE_TEXT || node->layout == CAT_IPC_L_LARGE_LIST;
		return CAT_OK;
	}
}

static int read_dictionary(const struct cat_fb_table *t, const struct cat_field *f, struct cat_ipc_node *node,
                           struct cat_error *err)
{
	struct cat_fb_table encoding, index;

	if (!cat_fb_sub(t, 4, &encoding))
		return CAT_OK;
	node->dictionary = true;
	node->dictionary_id = cat_fb_int(&encoding, 0, 8, 0);
	node->index_bytes = 4;
	node->index_signed = true;
	if (cat_fb_sub(&encoding, 1, &index)) {
		const int64_t bits = cat_fb_int(&index, 0, 4, 0);

		if (bits != 8 && bits != 16 && bits != 32 && bits != 64)
			return bad_type(f, "a dictionary index of impossible width", err);
		node->index_bytes = (int)bits / 8;
		node->index_signed = cat_fb_bool(&index, 1);
	}
	return CAT_OK;
}

static int check_children(const struct cat_field *f, struct cat_error *err)
{
	const bool one = f->type.id == CAT_T_LIST || f->type.id == CAT_T_FIXED_LIST || f->type.id == CAT_T_MAP;

	if (f->type.id == CAT_T_STRUCT)
		return CAT_OK;
	if (f->nchildren != one)
		return bad_type(f, "the number of child fields does not fit the type", err);
	if (f->type.id == CAT_T_MAP && (f->children[0].type.id != CAT_T_STRUCT || f->children[0].nchildren != 2))
		return bad_type(f, "a map whose child is not a struct of key and value", err);
	return CAT_OK;
}

/* FIELD and NODE are zeroed; whatever they hold is freed by the caller, also on failure. */
static int read_field(const struct cat_fb_table *t, int depth, struct cat_field *f, struct cat_ipc_node *node,
                      struct cat_error *err)
{
	struct cat_fb_table type = *t;
	struct cat_fb_vector children;
	const int64_t type_id = cat_fb_int(t, 2, 1, 0) & 0xff;
	const char *name;
	size_t n;

	if (depth > CAT_IPC_MAX_DEPTH)
		return cat_fail(err, CAT_E_DATA, "schema nested more than %d deep", CAT_IPC_MAX_DEPTH);
	name = cat_fb_str(t, 0, &n);
	if (!cat_utf8_valid(name ? name : "", n, NULL))
		return cat_fail(err, CAT_E_DATA, "a column name is not valid UTF-8");
	f->name = cat_strndup(name ? name : "", n);
	if (!f->name)
		return cat_fail_mem(err, n);
	node->field = f;
	f->nullable = cat_fb_bool(t, 1);
	if (!cat_fb_sub(t, 3, &type))
		return t->fb->bad ? corrupt(t->fb, err) : bad_type(f, "a field without a type", err);
	CAT_TRY(read_type(type_id, &type, f, node, err));
	CAT_TRY(read_dictionary(t, f, node, err));
	CAT_TRY(read_keys(t, 6, &f->meta, err));
	if (cat_fb_vec(t, 5, 4, &children) && children.count) {
		if (children.count > MAX_FIELDS)
			return refuse(f, "more than a million child fields", err);
		CAT_TRY(cat_field_children(f, (int)children.count, err));
		node->children = cat_calloc(children.count, sizeof *node->children);
		if (!node->children)
			return cat_fail_mem(err, children.count * sizeof *node->children);
		node->nchildren = (int)children.count;
	}
	for (int i = 0; i < f->nchildren; i++) {
		struct cat_fb_table child;

		if (!cat_fb_vec_table(&children, (size_t)i, &child))
			return corrupt(t->fb, err);
		CAT_TRY(read_field(&child, depth + 1, &f->children[i], &node->children[i], err));
	}
	return t->fb->bad ? corrupt(t->fb, err) : check_children(f, err);
}

static void node_fini(struct cat_ipc_node *node)
{
	for (int i = 0; i < node->nchildren; i++)
		node_fini(&node->children[i]);
	cat_free(node->children);
}

void cat_ipc_plan_fini(struct cat_ipc_plan *p)
{
	for (int i = 0; p->nodes && i < p->schema->nfields; i++)
		node_fini(&p->nodes[i]);
	cat_free(p->nodes);
	cat_schema_unref(p->schema);
	memset(p, 0, sizeof *p);
}

static int read_schema(const struct cat_fb_table *t, const struct cat_fb_vector *fields, struct cat_ipc_plan *out,
                       struct cat_error *err)
{
	out->big_endian = cat_fb_int(t, 0, 2, 0) != 0;
	CAT_TRY(read_keys(t, 2, &out->schema->meta, err));
	for (size_t i = 0; i < fields->count; i++) {
		struct cat_fb_table field;

		if (!cat_fb_vec_table(fields, i, &field))
			return corrupt(t->fb, err);
		CAT_TRY(read_field(&field, 1, &out->schema->fields[i], &out->nodes[i], err));
	}
	return t->fb->bad ? corrupt(t->fb, err) : CAT_OK;
}

int cat_ipc_plan_init(const struct cat_fb_table *schema, struct cat_ipc_plan *out, struct cat_error *err)
{
	struct cat_fb_vector fields;
	int rc;

	memset(out, 0, sizeof *out);
	cat_fb_vec(schema, 1, 4, &fields);
	if (fields.count > MAX_FIELDS)
		return cat_fail(err, CAT_E_UNSUPPORTED, "more than %d columns", MAX_FIELDS);
	CAT_TRY(cat_schema_new((int)fields.count, &out->schema, err));
	out->nodes = cat_calloc(fields.count, sizeof *out->nodes);
	rc = out->nodes ? read_schema(schema, &fields, out, err) : cat_fail_mem(err, fields.count * sizeof *out->nodes);
	if (rc != CAT_OK)
		cat_ipc_plan_fini(out);
	return rc;
}

static const struct cat_ipc_node *find_dictionary(const struct cat_ipc_node *nodes, int n, int64_t id)
{
	const struct cat_ipc_node *found = NULL;

	for (int i = 0; !found && i < n; i++)
		found = nodes[i].dictionary && nodes[i].dictionary_id == id
		                ? &nodes[i]
		                : find_dictionary(nodes[i].children, nodes[i].nchildren, id);
	return found;
}

const struct cat_ipc_node *cat_ipc_plan_dictionary(const struct cat_ipc_plan *p, int64_t id)
{
	return find_dictionary(p->nodes, p->schema->nfields, id);
}

int cat_ipc_message_parse(const uint8_t *meta, size_t size, struct cat_ipc_message *out, struct cat_error *err)
{
	struct cat_fb_table message;

	memset(out, 0, sizeof *out);
	out->fb.p = meta;
	out->fb.n = size;
	if (!cat_fb_root(&out->fb, &message))
		return corrupt(&out->fb, err);
	out->version = cat_fb_int(&message, 0, 2, 0);
	out->type = cat_fb_int(&message, 1, 1, 0);
	out->body_bytes = cat_fb_int(&message, 3, 8, 0);
	if (out->version != 3 && out->version != 4)
		return cat_fail(err, CAT_E_UNSUPPORTED, "Arrow metadata version V%lld is not supported",
		                (long long)out->version + 1);
	if (!cat_fb_sub(&message, 2, &out->header) || out->fb.bad)
		return cat_fail(err, CAT_E_DATA, "%s", out->fb.bad ? out->fb.bad : "a message without a header");
	if (out->body_bytes < 0)
		return cat_fail(err, CAT_E_DATA, "a message body of negative length");
	return CAT_OK;
}

int cat_ipc_schema_decode(const void *data, size_t size, struct cat_schema **out, struct cat_error *err)
{
	const uint8_t *p = data;
	struct cat_ipc_message m;
	struct cat_ipc_plan plan;
	uint32_t word[2] = {0, 0};
	size_t skip = 4;

	memcpy(word, p, size < 8 ? size : 8);
	if (word[0] == UINT32_MAX)
		skip = 8;
	if (size < skip || word[skip / 4 - 1] > size - skip)
		return cat_fail(err, CAT_E_DATA, "truncated schema message");
	CAT_TRY(cat_ipc_message_parse(p + skip, word[skip / 4 - 1], &m, err));
	if (m.type != CAT_IPC_H_SCHEMA)
		return cat_fail(err, CAT_E_DATA, "not a schema message");
	CAT_TRY(cat_ipc_plan_init(&m.header, &plan, err));
	*out = cat_schema_ref(plan.schema);
	cat_ipc_plan_fini(&plan);
	return CAT_OK;
}

/* --- writing --- */

static size_t build_keys(struct cat_fbw *w, const struct cat_kv *kv)
{
	size_t *refs, vector;

	if (kv->n == 0)
		return 0;
	refs = cat_malloc((size_t)kv->n * sizeof *refs);
	if (!refs) {
		w->failed = true;
		return 0;
	}
	for (int i = 0; i < kv->n; i++) {
		const size_t key = cat_fbw_str(w, kv->items[i].key, strlen(kv->items[i].key));
		const size_t value = cat_fbw_str(w, kv->items[i].value, strlen(kv->items[i].value));

		cat_fbw_begin(w);
		cat_fbw_ref(w, 0, key);
		cat_fbw_ref(w, 1, value);
		refs[i] = cat_fbw_end(w);
	}
	vector = cat_fbw_refs(w, refs, (size_t)kv->n);
	cat_free(refs);
	return vector;
}

/* How each type is written: its number, and up to two whole-number fields of its table. */
static size_t build_type(struct cat_fbw *w, const struct cat_field *f, enum cat_ipc_type *number)
{
	static const enum cat_ipc_type numbers[CAT_T_COUNT] = {
		[CAT_T_NULL] = CAT_IPC_T_NULL,           [CAT_T_BOOL] = CAT_IPC_T_BOOL,
		[CAT_T_I8] = CAT_IPC_T_INT,              [CAT_T_U8] = CAT_IPC_T_INT,
		[CAT_T_I16] = CAT_IPC_T_INT,             [CAT_T_U16] = CAT_IPC_T_INT,
		[CAT_T_I32] = CAT_IPC_T_INT,             [CAT_T_U32] = CAT_IPC_T_INT,
		[CAT_T_I64] = CAT_IPC_T_INT,             [CAT_T_U64] = CAT_IPC_T_INT,
		[CAT_T_F32] = CAT_IPC_T_FLOAT,           [CAT_T_F64] = CAT_IPC_T_FLOAT,
		[CAT_T_UTF8] = CAT_IPC_T_UTF8,           [CAT_T_BINARY] = CAT_IPC_T_BINARY,
		[CAT_T_FIXED_BINARY] = CAT_IPC_T_FIXED_BINARY, [CAT_T_DATE32] = CAT_IPC_T_DATE,
		[CAT_T_DATE64] = CAT_IPC_T_DATE,         [CAT_T_TIME32] = CAT_IPC_T_TIME,
		[CAT_T_TIME64] = CAT_IPC_T_TIME,         [CAT_T_TIMESTAMP] = CAT_IPC_T_TIMESTAMP,
		[CAT_T_DURATION] = CAT_IPC_T_DURATION,   [CAT_T_DECIMAL128] = CAT_IPC_T_DECIMAL,
		[CAT_T_LIST] = CAT_IPC_T_LIST,           [CAT_T_FIXED_LIST] = CAT_IPC_T_FIXED_LIST,
		[CAT_T_STRUCT] = CAT_IPC_T_STRUCT,       [CAT_T_MAP] = CAT_IPC_T_MAP,
	};
	const size_t zone = f->zone ? cat_fbw_str(w, f->zone, strlen(f->zone)) : 0;

	*number = !f->large                     ? numbers[f->type.id]
	          : f->type.id == CAT_T_UTF8   ? CAT_IPC_T_LARGE_UTF8
	          : f->type.id == CAT_T_BINARY ? CAT_IPC_T_LARGE_BINARY
	                                       : CAT_IPC_T_LARGE_LIST;
	cat_fbw_begin(w);
	switch ((int)*number) {
	case CAT_IPC_T_INT:
		cat_fbw_int(w, 0, 4, 8 * cat_type_bytes(&f->type));
		cat_fbw_int(w, 1, 1, (f->type.id - CAT_T_I8) % 2 == 0);
		break;
	case CAT_IPC_T_FLOAT:
		cat_fbw_int(w, 0, 2, f->type.id == CAT_T_F64 ? 2 : 1);
		break;
	case CAT_IPC_T_FIXED_BINARY:
	case CAT_IPC_T_FIXED_LIST:
		cat_fbw_int(w, 0, 4, f->type.width);
		break;
	case CAT_IPC_T_DATE:
		cat_fbw_int(w, 0, 2, f->type.id == CAT_T_DATE64);
		break;
	case CAT_IPC_T_TIME:
		cat_fbw_int(w, 1, 4, 8 * cat_type_bytes(&f->type));
		cat_fbw_int(w, 0, 2, f->type.unit);
		break;
	case CAT_IPC_T_TIMESTAMP:
		cat_fbw_ref(w, 1, zone);
		cat_fbw_int(w, 0, 2, f->type.unit);
		break;
	case CAT_IPC_T_DURATION:
		cat_fbw_int(w, 0, 2, f->type.unit);
		break;
	case CAT_IPC_T_DECIMAL:
		cat_fbw_int(w, 2, 4, 128);
		cat_fbw_int(w, 1, 4, f->type.scale);
		cat_fbw_int(w, 0, 4, f->type.precision);
		break;
	default:
		break;
	}
	return cat_fbw_end(w);
}

static size_t build_fields(struct cat_fbw *w, const struct cat_field *fields, int n);

static size_t build_field(struct cat_fbw *w, const struct cat_field *f)
{
	enum cat_ipc_type number;
	const size_t name = cat_fbw_str(w, f->name, strlen(f->name));
	const size_t children = build_fields(w, f->children, f->nchildren);
	const size_t meta = build_keys(w, &f->meta);
	const size_t type = build_type(w, f, &number);

	cat_fbw_begin(w);
	cat_fbw_ref(w, 6, meta);
	cat_fbw_ref(w, 5, children);
	cat_fbw_ref(w, 3, type);
	cat_fbw_ref(w, 0, name);
	cat_fbw_int(w, 2, 1, number);
	cat_fbw_int(w, 1, 1, f->nullable);
	return cat_fbw_end(w);
}

static size_t build_fields(struct cat_fbw *w, const struct cat_field *fields, int n)
{
	size_t *refs = cat_malloc((size_t)n * sizeof *refs), vector;

	if (!refs) {
		w->failed = true;
		return 0;
	}
	for (int i = 0; i < n; i++)
		refs[i] = build_field(w, &fields[i]);
	vector = cat_fbw_refs(w, refs, (size_t)n);
	cat_free(refs);
	return vector;
}

size_t cat_ipc_schema_build(struct cat_fbw *w, const struct cat_schema *s)
{
	const size_t fields = build_fields(w, s->fields, s->nfields);
	const size_t meta = build_keys(w, &s->meta);

	cat_fbw_begin(w);
	cat_fbw_ref(w, 2, meta);
	cat_fbw_ref(w, 1, fields);
	cat_fbw_int(w, 0, 2, 0);
	return cat_fbw_end(w);
}

int cat_ipc_message_build(struct cat_fbw *w, enum cat_ipc_header type, size_t header, int64_t body_bytes,
                          size_t from, struct cat_buf **out, struct cat_error *err)
{
	const uint8_t *meta;
	size_t n, total, message;
	uint32_t word[2] = {UINT32_MAX, 0};
	int rc;

	cat_fbw_begin(w);
	cat_fbw_int(w, 3, 8, body_bytes);
	cat_fbw_ref(w, 2, header);
	cat_fbw_int(w, 0, 2, 4);
	cat_fbw_int(w, 1, 1, type);
	message = cat_fbw_end(w);
	rc = cat_fbw_finish(w, message, &meta, &n, err);
	if (rc == CAT_OK) {
		total = ((from + 8 + n + 63) & ~(size_t)63) - from;
		word[1] = (uint32_t)(total - 8);
		rc = cat_buf_zeroed(total, out, err);
	}
	if (rc == CAT_OK) {
		memcpy((*out)->data, word, 8);
		memcpy((*out)->data + 8, meta, n);
	}
	cat_fbw_fini(w);
	return rc;
}

int cat_ipc_schema_encode(const struct cat_schema *s, struct cat_buf **out, struct cat_error *err)
{
	struct cat_fbw w = {0};
	const size_t header = cat_ipc_schema_build(&w, s);

	return cat_ipc_message_build(&w, CAT_IPC_H_SCHEMA, header, 0, 0, out, err);
}
