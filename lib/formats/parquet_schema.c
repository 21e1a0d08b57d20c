#include "formats/parquet_schema.h"

#include <string.h>

#include "base/alloc.h"
#include "formats/colmeta.h"

#define DEPTH_MAX 32

struct build {
	const struct cat_pq_footer *f;
	const struct cat_parquet_options *o;
	struct cat_pq_tree *t;
	size_t at; /* the next element */
};
/* Levels that hold around an element. */
struct levels {
	int def, rep, depth;
};

int cat_pq_stored_bytes(const struct cat_pq_leaf *l)
{
	static const int bytes[] = {[CAT_PQ_INT32] = 4, [CAT_PQ_INT64] = 8, [CAT_PQ_INT96] = 12,
	                            [CAT_PQ_FLOAT] = 4, [CAT_PQ_DOUBLE] = 8, [CAT_PQ_FIXED] = 0};

	return l->type == CAT_PQ_FIXED                          ? l->type_length
	       : (size_t)l->type < sizeof bytes / sizeof *bytes ? bytes[l->type]
	                                                        : 0;
}

static enum cat_unit unit_of(const struct cat_pq_logical *l)
{
	return l->unit == 1 ? CAT_UNIT_MS : l->unit == 2 ? CAT_UNIT_US : CAT_UNIT_NS;
}

static enum cat_type_id int_of(const struct cat_pq_logical *l, enum cat_type_id other)
{
	switch (l->bits) {
	case 8:
		return l->is_signed ? CAT_T_I8 : CAT_T_U8;
	case 16:
		return l->is_signed ? CAT_T_I16 : CAT_T_U16;
	case 32:
		return l->is_signed ? CAT_T_I32 : CAT_T_U32;
	case 64:
		return l->is_signed ? CAT_T_I64 : CAT_T_U64;
	default:
		return other;
	}
}

static void set_decimal(struct cat_pq_leaf *l, enum cat_pq_conv conv)
{
	l->out = (struct cat_type){
		.id = CAT_T_DECIMAL128, .precision = l->logical.precision, .scale = l->logical.scale};
	l->conv = conv;
	if (l->logical.precision > 38 || (l->type == CAT_PQ_FIXED && l->type_length > 16)) {
		l->out = (struct cat_type){.id = CAT_T_BINARY};
		l->conv = CAT_PQ_REFUSED;
	}
}

static void type_int32(struct cat_pq_leaf *l)
{
	l->out.id = CAT_T_I32;
	switch (l->logical.id) {
	case CAT_PQ_L_INTEGER:
		if (l->logical.bits > 32)
			break;
		l->out.id = int_of(&l->logical, CAT_T_I32);
		l->conv = l->logical.bits == 8    ? CAT_PQ_NARROW8
		          : l->logical.bits == 16 ? CAT_PQ_NARROW16
		                                  : CAT_PQ_SAME;
		break;
	case CAT_PQ_L_DECIMAL:
		set_decimal(l, CAT_PQ_DEC32);
		break;
	case CAT_PQ_L_DATE:
		l->out.id = CAT_T_DATE32;
		break;
	case CAT_PQ_L_TIME:
		if (l->logical.unit == 1)
			l->out = (struct cat_type){.id = CAT_T_TIME32, .unit = CAT_UNIT_MS};
		break;
	default:
		break;
	}
}

static void type_int64(struct cat_pq_leaf *l)
{
	l->out.id = CAT_T_I64;
	switch (l->logical.id) {
	case CAT_PQ_L_INTEGER:
		if (l->logical.bits == 64)
			l->out.id = int_of(&l->logical, CAT_T_I64);
		break;
	case CAT_PQ_L_DECIMAL:
		set_decimal(l, CAT_PQ_DEC64);
		break;
	case CAT_PQ_L_TIME:
		if (l->logical.unit != 1)
			l->out = (struct cat_type){.id = CAT_T_TIME64, .unit = unit_of(&l->logical)};
		break;
	case CAT_PQ_L_TIMESTAMP:
		l->out = (struct cat_type){.id = CAT_T_TIMESTAMP, .unit = unit_of(&l->logical)};
		break;
	default:
		break;
	}
}

static void type_bytes(struct cat_pq_leaf *l, bool binary_as_text)
{
	l->conv = CAT_PQ_TEXT;
	switch (l->logical.id) {
	case CAT_PQ_L_STRING:
	case CAT_PQ_L_ENUM:
	case CAT_PQ_L_JSON:
		l->out.id = CAT_T_UTF8;
		break;
	case CAT_PQ_L_DECIMAL:
		set_decimal(l, CAT_PQ_DEC_BYTES);
		break;
	default:
		l->out.id = binary_as_text && l->logical.id == CAT_PQ_L_NONE ? CAT_T_UTF8 : CAT_T_BINARY;
	}
}

static void type_fixed(struct cat_pq_leaf *l)
{
	l->out = (struct cat_type){.id = CAT_T_FIXED_BINARY, .width = l->type_length};
	if (l->logical.id == CAT_PQ_L_DECIMAL) {
		set_decimal(l, CAT_PQ_DEC_FIXED);
	} else if (l->logical.id == CAT_PQ_L_FLOAT16 && l->type_length == 2) {
		l->out = (struct cat_type){.id = CAT_T_F32};
		l->conv = CAT_PQ_HALF;
	}
}

/* Fills out and conv from type and logical. */
static int leaf_type(struct cat_pq_leaf *l, bool binary_as_text, struct cat_error *err)
{
	l->conv = CAT_PQ_SAME;
	if (l->logical.id == CAT_PQ_L_UNKNOWN) {
		l->out.id = CAT_T_NULL;
		l->conv = CAT_PQ_ALL_NULL;
		return CAT_OK;
	}
	switch (l->type) {
	case CAT_PQ_BOOLEAN:
		l->out.id = CAT_T_BOOL;
		l->conv = CAT_PQ_BITS;
		break;
	case CAT_PQ_INT32:
		type_int32(l);
		break;
	case CAT_PQ_INT64:
		type_int64(l);
		break;
	case CAT_PQ_INT96:
		l->out = (struct cat_type){.id = CAT_T_TIMESTAMP, .unit = CAT_UNIT_US};
		l->conv = CAT_PQ_INT96_TIME;
		break;
	case CAT_PQ_FLOAT:
		l->out.id = CAT_T_F32;
		break;
	case CAT_PQ_DOUBLE:
		l->out.id = CAT_T_F64;
		break;
	case CAT_PQ_BYTES:
		type_bytes(l, binary_as_text);
		break;
	case CAT_PQ_FIXED:
		if (l->type_length <= 0 || l->type_length > 1 << 24)
			return cat_fail(err, CAT_E_DATA, "fixed-length column of %d bytes", (int)l->type_length);
		type_fixed(l);
		break;
	default:
		return cat_fail(err, CAT_E_DATA, "unknown physical type %d", (int)l->type);
	}
	return CAT_OK;
}

static int set_name(struct cat_field *f, struct cat_span name, struct cat_error *err)
{
	char *copy;

	if (!cat_utf8_valid(name.p, name.n, NULL) || memchr(name.p, 0, name.n))
		return cat_fail(err, CAT_E_DATA, "a column's name is not text");
	copy = cat_strndup((const char *)name.p, name.n);
	if (!copy)
		return cat_fail_mem(err, name.n);
	cat_free(f->name);
	f->name = copy;
	return CAT_OK;
}

static int build_leaf(struct build *b, const struct cat_pq_element *e, struct levels at, struct cat_field *f,
                      struct cat_pq_node *n, struct cat_error *err)
{
	struct cat_pq_tree *t = b->t;
	struct cat_pq_leaf *l;

	if (cat_grow(&t->leaves, &t->cap_leaves, (size_t)t->nleaves, sizeof *l) != 0)
		return cat_fail_mem(err, sizeof *l);
	l = &t->leaves[t->nleaves];
	memset(l, 0, sizeof *l);
	l->type = (enum cat_pq_type)e->type;
	l->type_length = e->type_length;
	l->logical = e->logical;
	l->max_def = (uint8_t)at.def;
	l->max_rep = (uint8_t)at.rep;
	l->name = e->name;
	CAT_TRY(leaf_type(l, b->o->binary_as_text, err));
	f->type = l->out;
	if (l->out.id == CAT_T_TIMESTAMP && l->type == CAT_PQ_INT64 && l->logical.utc &&
	    !(f->zone = cat_strdup("UTC")))
		return cat_fail_mem(err, 4);
	if (l->logical.id == CAT_PQ_L_UUID && l->out.id == CAT_T_FIXED_BINARY && l->out.width == 16)
		CAT_TRY(cat_kv_set(&f->meta, CAT_PQ_EXTENSION, CAT_PQ_UUID, err));
	n->kind = CAT_PQ_NODE_LEAF;
	n->leaf = t->nleaves++;
	n->nleaves = 1;
	return CAT_OK;
}

static int children(struct cat_field *f, struct cat_pq_node *n, int count, struct cat_error *err)
{
	CAT_TRY(cat_field_children(f, count, err));
	n->children = cat_calloc((size_t)count, sizeof *n->children);
	if (!n->children)
		return cat_fail_mem(err, (size_t)count * sizeof *n->children);
	n->nchildren = count;
	return CAT_OK;
}

static int build(struct build *b, struct levels at, struct cat_field *f, struct cat_pq_node *n,
                 struct cat_error *err);
static int build_body(struct build *b, const struct cat_pq_element *e, struct levels at, struct cat_field *f,
                      struct cat_pq_node *n, struct cat_error *err);

/* The element at b->at, or NULL when the schema ends early. */
static const struct cat_pq_element *peek(const struct build *b)
{
	return b->at < b->f->nelements ? &b->f->elements[b->at] : NULL;
}

static bool is_group(const struct cat_pq_element *e)
{
	return e->type < 0;
}

static int build_struct(struct build *b, const struct cat_pq_element *e, struct levels at, struct cat_field *f,
                        struct cat_pq_node *n, struct cat_error *err)
{
	if (e->nchildren < 0 || (size_t)e->nchildren > b->f->nelements - b->at)
		return cat_fail(err, CAT_E_DATA, "the schema ends inside a group");
	f->type.id = CAT_T_STRUCT;
	n->kind = CAT_PQ_NODE_STRUCT;
	n->leaf = b->t->nleaves;
	CAT_TRY(children(f, n, e->nchildren, err));
	for (int i = 0; i < e->nchildren; i++)
		CAT_TRY(build(b, at, &f->children[i], &n->children[i], err));
	n->nleaves = b->t->nleaves - n->leaf;
	return CAT_OK;
}

/* Whether R, the repeated child of a LIST, is itself the element (the older forms). */
static bool is_element(const struct build *b, const struct cat_pq_element *list, const struct cat_pq_element *r)
{
	static const char tuple[] = "_tuple";
	const size_t tail = sizeof tuple - 1;

	if (!is_group(r) || r->nchildren != 1)
		return true;
	if (b->at + 1 < b->f->nelements && b->f->elements[b->at + 1].repetition == CAT_PQ_REPEATED)
		return true;
	return (r->name.n == 5 && memcmp(r->name.p, "array", 5) == 0) ||
	       (r->name.n == list->name.n + tail && memcmp(r->name.p, list->name.p, list->name.n) == 0 &&
	        memcmp(r->name.p + list->name.n, tuple, tail) == 0);
}

/* B stands at the repeated child. */
static int build_list(struct build *b, const struct cat_pq_element *e, struct levels at, struct cat_field *f,
                      struct cat_pq_node *n, struct cat_error *err)
{
	const struct cat_pq_element *r = peek(b);
	const struct levels in = {at.def + 1, at.rep + 1, at.depth + 1};

	f->type.id = CAT_T_LIST;
	n->kind = CAT_PQ_NODE_LIST;
	n->leaf = b->t->nleaves;
	n->def_element = (uint8_t)in.def;
	n->rep = (uint8_t)in.rep;
	CAT_TRY(children(f, n, 1, err));
	if (is_element(b, e, r)) {
		b->at++;
		CAT_TRY(set_name(&f->children[0], r->name, err));
		n->children[0].def_valid = (uint8_t)in.def;
		CAT_TRY(build_body(b, r, in, &f->children[0], &n->children[0], err));
	} else {
		b->at++;
		CAT_TRY(build(b, in, &f->children[0], &n->children[0], err));
	}
	n->nleaves = b->t->nleaves - n->leaf;
	if (n->nleaves == 0)
		return cat_fail(err, CAT_E_UNSUPPORTED, "a list of empty groups");
	return CAT_OK;
}

/* B stands at the repeated group of key and value. */
static int build_map(struct build *b, struct levels at, struct cat_field *f, struct cat_pq_node *n,
                     struct cat_error *err)
{
	const struct cat_pq_element *r = peek(b);
	const struct levels in = {at.def + 1, at.rep + 1, at.depth + 1};

	f->type.id = r->nchildren == 2 ? CAT_T_MAP : CAT_T_LIST;
	n->kind = CAT_PQ_NODE_LIST;
	n->leaf = b->t->nleaves;
	n->def_element = (uint8_t)in.def;
	n->rep = (uint8_t)in.rep;
	CAT_TRY(children(f, n, 1, err));
	b->at++;
	CAT_TRY(set_name(&f->children[0], r->name, err));
	n->children[0].def_valid = (uint8_t)in.def;
	CAT_TRY(build_struct(b, r, in, &f->children[0], &n->children[0], err));
	n->nleaves = b->t->nleaves - n->leaf;
	if (n->nleaves == 0)
		return cat_fail(err, CAT_E_UNSUPPORTED, "a map of empty groups");
	return CAT_OK;
}

/* An element whose own repetition is already in AT. */
static int build_body(struct build *b, const struct cat_pq_element *e, struct levels at, struct cat_field *f,
                      struct cat_pq_node *n, struct cat_error *err)
{
	const struct cat_pq_element *r = peek(b);
	const bool one_repeated = is_group(e) && e->nchildren == 1 && r && r->repetition == CAT_PQ_REPEATED;

	if (at.depth > DEPTH_MAX)
		return cat_fail(err, CAT_E_UNSUPPORTED, "columns nested more than %d deep", DEPTH_MAX);
	if (!is_group(e))
		return build_leaf(b, e, at, f, n, err);
	if (one_repeated && e->logical.id == CAT_PQ_L_LIST)
		return build_list(b, e, at, f, n, err);
	if (one_repeated && e->logical.id == CAT_PQ_L_MAP && is_group(r))
		return build_map(b, at, f, n, err);
	at.depth++;
	return build_struct(b, e, at, f, n, err);
}

/* The next element and everything below it. */
static int build(struct build *b, struct levels at, struct cat_field *f, struct cat_pq_node *n,
                 struct cat_error *err)
{
	const struct cat_pq_element *e = peek(b);

	if (!e)
		return cat_fail(err, CAT_E_DATA, "the schema ends inside a group");
	b->at++;
	CAT_TRY(set_name(f, e->name, err));
	if (e->repetition == CAT_PQ_REPEATED) {
		/* Without an annotation: a list that is never null of elements that are never null. */
		f->type.id = CAT_T_LIST;
		n->kind = CAT_PQ_NODE_LIST;
		n->leaf = b->t->nleaves;
		n->def_valid = (uint8_t)at.def;
		n->def_element = (uint8_t)++at.def;
		n->rep = (uint8_t)++at.rep;
		at.depth++;
		CAT_TRY(children(f, n, 1, err));
		CAT_TRY(set_name(&f->children[0], e->name, err));
		n->children[0].def_valid = (uint8_t)at.def;
		CAT_TRY(build_body(b, e, at, &f->children[0], &n->children[0], err));
		n->nleaves = b->t->nleaves - n->leaf;
		return n->nleaves ? CAT_OK : cat_fail(err, CAT_E_UNSUPPORTED, "a list of empty groups");
	}
	f->nullable = e->repetition == CAT_PQ_OPTIONAL;
	at.def += f->nullable;
	n->def_valid = (uint8_t)at.def;
	return build_body(b, e, at, f, n, err);
}

/* Footer metadata that is text; the first of equal keys wins. */
static int take_pairs(const struct cat_pq_footer *f, struct cat_pq_tree *t, struct cat_error *err)
{
	for (size_t i = 0; i < f->npairs; i++) {
		const struct cat_pq_pair *p = &f->pairs[i];
		bool earlier = false;

		if (p->key.n == 12 && memcmp(p->key.p, "ARROW:schema", 12) == 0)
			continue;
		for (size_t k = 0; k < i && !earlier; k++)
			earlier = f->pairs[k].key.n == p->key.n &&
			          memcmp(f->pairs[k].key.p, p->key.p, p->key.n) == 0;
		if (!earlier && p->value.p)
			CAT_TRY(cat_kv_setn(&t->schema->meta, (const char *)p->key.p, p->key.n,
			                    (const char *)p->value.p, p->value.n, err));
	}
	return CAT_OK;
}

static int build_tree(struct build *b, struct cat_error *err)
{
	const struct cat_pq_footer *f = b->f;
	struct cat_pq_tree *t = b->t;
	const int n = f->nelements ? f->elements[0].nchildren : -1;

	if (n < 0 || (size_t)n >= f->nelements + (n == 0))
		return cat_fail(err, CAT_E_DATA, "corrupt Parquet schema");
	CAT_TRY(cat_schema_new(n, &t->schema, err));
	t->nodes = cat_calloc((size_t)n, sizeof *t->nodes);
	if (!t->nodes)
		return cat_fail_mem(err, (size_t)n * sizeof *t->nodes);
	b->at = 1;
	for (int i = 0; i < n; i++) {
		int rc = build(b, (struct levels){0}, &t->schema->fields[i], &t->nodes[i], err);

		if (rc != CAT_OK && t->schema->fields[i].name)
			cat_wrap(err, "column %s", t->schema->fields[i].name);
		CAT_TRY(rc);
	}
	if (b->at != f->nelements)
		return cat_fail(err, CAT_E_DATA, "corrupt Parquet schema: elements that belong to no group");
	CAT_TRY(take_pairs(f, t, err));
	for (size_t i = 0; i < f->npairs; i++)
		if (f->pairs[i].key.n == 12 && memcmp(f->pairs[i].key.p, "ARROW:schema", 12) == 0) {
			CAT_TRY(cat_pq_arrow_apply(f->pairs[i].value, t, err));
			break;
		}
	return b->o->bare ? CAT_OK : cat_colmeta_take(t->schema, &t->note, err);
}

int cat_pq_tree_build(const struct cat_pq_footer *f, const struct cat_parquet_options *o, struct cat_pq_tree *t,
                      struct cat_error *err)
{
	struct build b = {f, o, t, 0};
	int rc;

	memset(t, 0, sizeof *t);
	rc = build_tree(&b, err);
	if (rc != CAT_OK)
		cat_pq_tree_fini(t);
	return rc;
}

static void node_fini(struct cat_pq_node *n)
{
	for (int i = 0; i < n->nchildren; i++)
		node_fini(&n->children[i]);
	cat_free(n->children);
}

void cat_pq_tree_fini(struct cat_pq_tree *t)
{
	for (int i = 0; t->nodes && t->schema && i < t->schema->nfields; i++)
		node_fini(&t->nodes[i]);
	cat_free(t->nodes);
	cat_free(t->leaves);
	cat_free(t->note);
	cat_schema_unref(t->schema);
	memset(t, 0, sizeof *t);
}
