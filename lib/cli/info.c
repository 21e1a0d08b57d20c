#include "cli/info.h"

#include <string.h>

#include "base/json.h"
#include "dataset/hats.h"
#include "dataset/table.h"

/* What is described: either a catalogue, or any other table through its feed. */
struct subject {
	const char *name;
	struct cat_hats *hats;
	struct cat_feed *feed;
	const struct cat_schema *schema;
	int64_t nrows;
};

static int open_subject(const char *operand, const struct cat_input *in, const struct cat_resources *res,
                        struct subject *s, struct cat_error *err)
{
	const struct cat_open_options o = {.from = in->from, .temp_dir = res->temp_dir, .hdu = in->hdu,
	                                   .allow_no_eos = in->allow_no_eos,
	                                   .infer_full = strcmp(in->infer, "full") == 0, .ntypes = in->types.n,
	                                   .types = in->types.v};

	s->name = operand ? operand : "standard input";
	CAT_TRY(cat_table_catalogue(operand, NULL, &s->hats, err));
	if (s->hats) {
		s->schema = s->hats->schema;
		s->nrows = s->hats->nrows;
	} else {
		CAT_TRY(cat_table_open(operand, &o, &s->feed, err));
		s->schema = s->feed->schema;
		s->nrows = s->feed->nrows;
	}
	return CAT_OK;
}

static void orders(const struct cat_hats *h, int *least, int *most)
{
	*least = 29;
	*most = 0;
	for (int i = 0; i < h->nparts; i++) {
		*least = h->parts[i].order < *least ? h->parts[i].order : *least;
		*most = h->parts[i].order > *most ? h->parts[i].order : *most;
	}
}

/* --- JSON --- */

static struct cat_json *field_json(const struct cat_field *f)
{
	struct cat_json *j = cat_json_object();
	struct cat_text type = {.max = 1 << 20};

	cat_type_text(f, &type);
	cat_json_str(j, "name", f->name);
	cat_json_str(j, "type", type.s ? type.s : "");
	cat_json_bool(j, "nullable", f->nullable);
	for (int i = 0; i < f->meta.n; i++)
		cat_json_str(j, f->meta.items[i].key, f->meta.items[i].value);
	cat_text_fini(&type);
	return j;
}

static struct cat_json *hats_json(const struct cat_hats *h)
{
	struct cat_json *j = cat_json_object(), *properties = cat_json_object(), *parts = cat_json_array();

	for (int i = 0; i < h->properties.n; i++)
		cat_json_str(properties, h->properties.items[i].key, h->properties.items[i].value);
	for (int i = 0; i < h->nparts; i++) {
		struct cat_json *p = cat_json_array();

		cat_json_int(p, NULL, h->parts[i].order);
		cat_json_int(p, NULL, h->parts[i].npix);
		cat_json_put(parts, NULL, p);
	}
	cat_json_put(j, "properties", properties);
	cat_json_put(j, "partitions", parts);
	return j;
}

static int describe_json(const struct subject *s, struct cat_text *out, struct cat_error *err)
{
	struct cat_json *j = cat_json_object(), *columns = cat_json_array();

	cat_json_str(j, "name", s->name);
	if (s->nrows >= 0)
		cat_json_int(j, "rows", s->nrows);
	else
		cat_json_null(j, "rows");
	for (int i = 0; i < s->schema->nfields; i++)
		cat_json_put(columns, NULL, field_json(&s->schema->fields[i]));
	cat_json_put(j, "columns", columns);
	if (s->schema->meta.n) {
		struct cat_json *meta = cat_json_object();

		for (int i = 0; i < s->schema->meta.n; i++)
			cat_json_str(meta, s->schema->meta.items[i].key, s->schema->meta.items[i].value);
		cat_json_put(j, "metadata", meta);
	}
	if (s->hats)
		cat_json_put(j, "catalogue", hats_json(s->hats));
	return cat_json_dump(j, out, err);
}

/* --- text --- */

static void describe_columns(const struct cat_schema *s, struct cat_text *out)
{
	int name_width = 6, type_width = 4;
	struct cat_text type = {.max = 1 << 20};

	for (int i = 0; i < s->nfields; i++) {
		const int n = (int)strlen(s->fields[i].name);

		type.len = 0;
		cat_type_text(&s->fields[i], &type);
		name_width = n > name_width ? n : name_width;
		type_width = (int)type.len > type_width ? (int)type.len : type_width;
	}
	type_width = type_width < 40 ? type_width : 40;
	for (int i = 0; i < s->nfields; i++) {
		static const char *const keys[] = {CAT_META_UNIT, CAT_META_UCD, CAT_META_DESCRIPTION};
		const struct cat_field *f = &s->fields[i];

		type.len = 0;
		cat_type_text(f, &type);
		cat_text_addf(out, "  %-*s  %-*s", name_width, f->name, type_width, type.s ? type.s : "");
		for (size_t k = 0; k < 3; k++) {
			const char *v = cat_kv_get(&f->meta, keys[k]);

			if (v)
				cat_text_addf(out, "  %s", v);
		}
		while (out->len && out->s[out->len - 1] == ' ')
			out->s[--out->len] = '\0';
		cat_text_addc(out, '\n');
	}
	cat_text_fini(&type);
}

static int describe_text(const struct subject *s, struct cat_text *out, struct cat_error *err)
{
	const char *history = cat_kv_get(&s->schema->meta, "catpipe.history");
	int least, most;

	cat_text_addf(out, "%s\n", s->name);
	if (s->nrows >= 0)
		cat_text_addf(out, "  rows: %lld\n", (long long)s->nrows);
	if (s->hats) {
		orders(s->hats, &least, &most);
		cat_text_addf(out, "  HATS catalogue: %d partitions", s->hats->nparts);
		if (s->hats->nparts)
			cat_text_addf(out, " of order %d to %d", least, most);
		if (s->hats->ra >= 0 && s->hats->dec >= 0)
			cat_text_addf(out, "; positions: %s, %s", s->schema->fields[s->hats->ra].name,
			              s->schema->fields[s->hats->dec].name);
		cat_text_addc(out, '\n');
	}
	cat_text_addf(out, "  columns: %d\n", s->schema->nfields);
	describe_columns(s->schema, out);
	if (history)
		cat_text_addf(out, "  history:\n");
	while (history && *history) {
		const size_t n = strcspn(history, "\n");

		cat_text_addf(out, "    %.*s\n", (int)n, history);
		history += n + (history[n] == '\n');
	}
	return cat_text_check(out, err);
}

int cat_info_table(const char *operand, const struct cat_input *in, const struct cat_resources *res, bool json,
                   struct cat_text *out, struct cat_error *err)
{
	struct subject s = {0};
	int rc = open_subject(operand, in, res, &s, err);

	if (rc == CAT_OK)
		rc = json ? describe_json(&s, out, err) : describe_text(&s, out, err);
	cat_hats_free(s.hats);
	cat_feed_close(s.feed);
	return rc;
}

int cat_info_settings(bool json, struct cat_text *out, struct cat_error *err)
{
	static const char *const keys[] = {"jobs", "memory", "temp-dir", "cache", "tables", "registry", "sesame"};
	struct cat_json *all = json ? cat_json_object() : NULL;

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		char value[4096];
		const char *from = cat_setting(keys[i], value, sizeof value);

		if (json) {
			struct cat_json *one = cat_json_object();

			cat_json_str(one, "value", value);
			cat_json_str(one, "from", from);
			cat_json_put(all, keys[i], one);
		} else {
			cat_text_addf(out, "%-10s %s  (%s)\n", keys[i], value, from);
		}
	}
	return json ? cat_json_dump(all, out, err) : cat_text_check(out, err);
}
