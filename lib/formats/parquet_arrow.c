/* ARROW:schema, the Arrow schema message in base64 that Arrow's writers leave in Parquet footers. */
#include <string.h>

#include "base/alloc.h"
#include "formats/ipc.h"
#include "formats/parquet_schema.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void put_base64(struct cat_text *out, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i += 3) {
		const size_t have = n - i < 3 ? n - i : 3;
		const uint32_t v = (uint32_t)p[i] << 16 | (have > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
		                   (have > 2 ? (uint32_t)p[i + 2] : 0);
		const char four[4] = {alphabet[v >> 18], alphabet[v >> 12 & 63],
		                      have > 1 ? alphabet[v >> 6 & 63] : '=', have > 2 ? alphabet[v & 63] : '='};

		cat_text_addn(out, four, sizeof four);
	}
}

/* False when it is not base64. OUT has room for three quarters of N. */
static bool get_base64(struct cat_span text, uint8_t *out, size_t *n)
{
	uint32_t v = 0;
	int bits = 0;

	*n = 0;
	while (text.n > 0 && text.p[text.n - 1] == '=')
		text.n--;
	for (size_t i = 0; i < text.n; i++) {
		const char *at = text.p[i] ? strchr(alphabet, text.p[i]) : NULL;

		if (!at)
			return false;
		v = v << 6 | (uint32_t)(at - alphabet);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[(*n)++] = (uint8_t)(v >> bits);
		}
	}
	return true;
}

int cat_pq_arrow_put(const struct cat_schema *s, struct cat_text *out, struct cat_error *err)
{
	struct cat_buf *b;

	CAT_TRY(cat_ipc_schema_encode(s, &b, err));
	put_base64(out, b->data, b->size);
	cat_buf_unref(b);
	return cat_text_check(out, err);
}

/* A is what the writer had, F what is stored. */
static int apply_field(const struct cat_field *a, struct cat_field *f, struct cat_pq_node *n,
                       struct cat_error *err)
{
	CAT_TRY(cat_kv_copy(&f->meta, &a->meta, err));
	if (f->type.id == CAT_T_TIMESTAMP && f->zone && a->type.id == CAT_T_TIMESTAMP && a->zone) {
		char *zone = cat_strdup(a->zone);

		if (!zone)
			return cat_fail_mem(err, strlen(a->zone));
		cat_free(f->zone);
		f->zone = zone;
	}
	if (f->type.id == CAT_T_I64 && a->type.id == CAT_T_DURATION)
		f->type = a->type;
	if (f->type.id == CAT_T_LIST && a->type.id == CAT_T_FIXED_LIST && a->type.width > 0)
		f->type = a->type;
	f->large = a->large && f->type.id == a->type.id;
	if (f->nchildren != a->nchildren)
		return CAT_OK;
	for (int i = 0; i < f->nchildren; i++)
		CAT_TRY(apply_field(&a->children[i], &f->children[i], &n->children[i], err));
	return CAT_OK;
}

static int apply_schema(const struct cat_schema *a, struct cat_pq_tree *t, struct cat_error *err)
{
	struct cat_schema *s = t->schema;

	for (int i = 0; i < s->nfields; i++)
		if (a->nfields != s->nfields || strcmp(a->fields[i].name, s->fields[i].name) != 0)
			return CAT_OK;
	for (int i = 0; i < s->nfields; i++)
		CAT_TRY(apply_field(&a->fields[i], &s->fields[i], &t->nodes[i], err));
	for (int i = 0; i < a->meta.n; i++)
		if (!cat_kv_get(&s->meta, a->meta.items[i].key))
			CAT_TRY(cat_kv_set(&s->meta, a->meta.items[i].key, a->meta.items[i].value, err));
	return CAT_OK;
}

int cat_pq_arrow_apply(struct cat_span text, struct cat_pq_tree *t, struct cat_error *err)
{
	struct cat_schema *a = NULL;
	uint8_t *bytes = cat_malloc(text.n);
	size_t n;
	int rc = CAT_OK;

	if (!bytes)
		return cat_fail_mem(err, text.n);
	if (get_base64(text, bytes, &n)) {
		rc = cat_ipc_schema_decode(bytes, n, &a, err);
		if (rc == CAT_OK)
			rc = apply_schema(a, t, err);
		else if (rc != CAT_E_SYSTEM)
			rc = CAT_OK; /* somebody's private schema: the stored one is enough */
		cat_schema_unref(a);
	}
	cat_free(bytes);
	return rc;
}

