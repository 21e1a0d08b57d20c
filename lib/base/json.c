#include "base/json.h"

#include <jansson.h>
#include <math.h>

#include "base/alloc.h"

/* struct cat_json is json_t; jansson's setters accept NULL and report it, so a failed allocation leaves a
 * hole that the root remembers by being NULL. */
#define J(p) ((json_t *)(void *)(p))

struct cat_json *cat_json_object(void)
{
	return (struct cat_json *)(void *)json_object();
}

struct cat_json *cat_json_array(void)
{
	return (struct cat_json *)(void *)json_array();
}

static void put(struct cat_json *j, const char *key, json_t *value)
{
	if (key)
		json_object_set_new(J(j), key, value);
	else
		json_array_append_new(J(j), value);
}

void cat_json_str(struct cat_json *j, const char *key, const char *value)
{
	put(j, key, value ? json_string(value) : json_null());
}

void cat_json_int(struct cat_json *j, const char *key, int64_t value)
{
	put(j, key, json_integer(value));
}

void cat_json_real(struct cat_json *j, const char *key, double value)
{
	put(j, key, isfinite(value) ? json_real(value) : json_null());
}

void cat_json_bool(struct cat_json *j, const char *key, bool value)
{
	put(j, key, json_boolean(value));
}

void cat_json_null(struct cat_json *j, const char *key)
{
	put(j, key, json_null());
}

void cat_json_put(struct cat_json *j, const char *key, struct cat_json *child)
{
	put(j, key, J(child));
}

static int append(const char *s, size_t n, void *out)
{
	cat_text_addn(out, s, n);
	return 0;
}

void cat_json_free(struct cat_json *j)
{
	json_decref(J(j));
}

int cat_json_dump(struct cat_json *j, struct cat_text *out, struct cat_error *err)
{
	const int bad = !j || json_dump_callback(J(j), append, out, JSON_INDENT(2)) != 0;

	json_decref(J(j));
	if (bad)
		return cat_fail(err, CAT_E_SYSTEM, "out of memory while writing JSON");
	cat_text_addc(out, '\n');
	return cat_text_check(out, err);
}

char *cat_json_member(const char *text, size_t n, const char *key)
{
	json_t *doc = json_loadb(text, n, 0, NULL);
	const char *value = json_string_value(json_object_get(doc, key));
	char *copy = value ? cat_strdup(value) : NULL;

	json_decref(doc);
	return copy;
}
