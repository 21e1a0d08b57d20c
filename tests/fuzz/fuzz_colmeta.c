/* fuzz_colmeta -- any bytes as the VOTable and as the YAML in which other tools describe columns. Neither may be an error;
 * what was taken is written as a VOTable that says the same again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "formats/colmeta.h"
#include "formats/votable_fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void field(struct cat_field *f, const char *name, enum cat_type_id id)
{
	struct cat_error err;

	if (cat_field_init(f, name, id, &err) != CAT_OK)
		abort();
}

/* ra, dec, id and lc, a struct of mjd and mag. */
static struct cat_schema *columns(void)
{
	struct cat_schema *s;
	struct cat_error err;

	if (cat_schema_new(4, &s, &err) != CAT_OK)
		abort();
	field(&s->fields[0], "ra", CAT_T_F64);
	field(&s->fields[1], "dec", CAT_T_F64);
	field(&s->fields[2], "id", CAT_T_I64);
	field(&s->fields[3], "lc", CAT_T_STRUCT);
	if (cat_field_children(&s->fields[3], 2, &err) != CAT_OK)
		abort();
	field(&s->fields[3].children[0], "mjd", CAT_T_F64);
	field(&s->fields[3].children[1], "mag", CAT_T_F32);
	return s;
}

static void compare(const struct cat_schema *s, const char *votable, size_t len)
{
	struct cat_votable_field *fields;
	struct cat_error err;
	size_t n;

	if (cat_votable_read(votable, len, &fields, &n, &err) != CAT_OK || n != (size_t)s->nfields)
		abort();
	for (size_t i = 0; i < n; i++) {
		if (strcmp(fields[i].name, s->fields[i].name) != 0)
			abort();
		for (int k = 0; k < CAT_VOTABLE_WORDS; k++) {
			const char *a = fields[i].words[k], *b = cat_kv_get(&s->fields[i].meta, cat_votable_key(k));

			/* YAML may have control characters and runs of blanks, which XML has not. */
			if (cat_kv_get(&s->meta, CAT_COLMETA_ASTROPY) ? a && !b : strcmp(a ? a : "", b ? b : "") != 0)
				abort();
		}
	}
	cat_votable_free(fields, n);
}

static void take(const char *key, const uint8_t *data, size_t size)
{
	struct cat_schema *s = columns();
	struct cat_text t = {.max = 1 << 28};
	struct cat_error err;
	char *note;

	if (cat_kv_setn(&s->meta, key, strlen(key), (const char *)data, size, &err) != CAT_OK ||
	    cat_colmeta_take(s, &note, &err) != CAT_OK || cat_kv_get(&s->meta, CAT_COLMETA_CONTENT))
		abort();
	cat_votable_put(s, &t);
	if (t.failed)
		abort();
	compare(s, t.s, t.len);
	if (cat_colmeta_settle(s, &err) != CAT_OK)
		abort();
	cat_text_fini(&t);
	cat_free(note);
	cat_schema_unref(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	take(CAT_COLMETA_CONTENT, data, size);
	take(CAT_COLMETA_ASTROPY, data, size);
	return 0;
}
