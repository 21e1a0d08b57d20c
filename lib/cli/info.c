#include "cli/info.h"

#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "dataset/coverage.h"
#include "dataset/hats.h"
#include "dataset/table.h"
#include "storage/create.h"
#include "storage/tree.h"

/* What is described: either a catalogue, or any other table through its feed. */
struct subject {
	char *name;
	struct cat_hats *hats;
	struct cat_feed *feed;
	const struct cat_schema *schema;
	int64_t nrows;
	int64_t bytes;    /* 0: not known */
	bool bytes_said;  /* by its properties; nobody looked */
	double square_deg;
	struct cat_hats_members members;
};

static int add_size(void *arg, const struct cat_tree_entry *e, struct cat_error *err)
{
	int64_t *sum = arg;

	(void)err;
	*sum += e->size > 0 ? e->size : 0;
	return CAT_OK;
}

/* Of all files of the catalogue; web servers do not tell which there are. */
static int measure(struct subject *s, struct cat_error *err)
{
	const int rc = cat_tree_each(s->hats->root, false, add_size, &s->bytes, err);

	if (rc == CAT_OK)
		return CAT_OK;
	if (rc != CAT_E_UNSUPPORTED && rc != CAT_E_DENIED && rc != CAT_E_NOINPUT)
		return rc;
	s->bytes = s->hats->bytes;
	s->bytes_said = true;
	return (int)(err->code = CAT_OK);
}

static int survey(struct subject *s, struct cat_error *err)
{
	struct cat_moc moc = {0};
	int rc = measure(s, err);

	if (rc == CAT_OK)
		rc = cat_hats_partitions_moc(s->hats, &moc, err);
	s->square_deg = cat_moc_fraction(&moc) * CAT_SKY_SQUARE_DEG;
	cat_moc_fini(&moc);
	return rc == CAT_OK ? cat_hats_members(s->hats, &s->members, err) : rc;
}

static int open_subject(const char *operand, const struct cat_input *in, const struct cat_resources *res,
                        struct subject *s, struct cat_error *err)
{
	const struct cat_open_options o = {.from = in->from, .temp_dir = res->temp_dir, .hdu = in->hdu,
	                                   .allow_no_eos = in->allow_no_eos,
	                                   .infer_full = strcmp(in->infer, "full") == 0, .ntypes = in->types.n,
	                                   .types = in->types.v};

	s->name = cat_strdup(operand ? operand : "standard input");
	if (!s->name)
		return cat_fail_mem(err, operand ? strlen(operand) : 0);
	cat_hide_secrets(s->name);
	CAT_TRY(cat_table_catalogue(operand, NULL, &s->hats, err));
	if (s->hats) {
		s->schema = s->hats->schema;
		s->nrows = s->hats->nrows;
		return survey(s, err);
	} else {
		CAT_TRY(cat_table_open(operand, &o, &s->feed, err));
		s->schema = s->feed->schema;
		s->nrows = s->feed->nrows;
		s->bytes = s->feed->bytes;
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

static struct cat_json *members_json(const struct cat_hats_members *m, bool margins)
{
	struct cat_json *list = cat_json_array();

	for (int i = 0; i < m->n; i++) {
		struct cat_json *one;

		if (m->at[i].is_margin != margins)
			continue;
		one = cat_json_object();
		cat_json_str(one, "folder", m->at[i].folder);
		if (margins && m->at[i].arcsec >= 0)
			cat_json_real(one, "arcsec", m->at[i].arcsec);
		else if (!margins)
			cat_json_str(one, "column", m->at[i].column);
		cat_json_put(list, NULL, one);
	}
	return list;
}

/* What cat-get, fetching a part, says of the indexes of the whole. */
static const char *left_out(const struct cat_hats *h)
{
	return cat_kv_get(&h->collection, "catpipe_indexes_left_out");
}

static struct cat_json *hats_json(const struct subject *s)
{
	const struct cat_hats *h = s->hats;
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
	cat_json_real(j, "square_degrees", s->square_deg);
	if (h->collection.n) {
		cat_json_put(j, "margins", members_json(&s->members, true));
		cat_json_put(j, "indexes", members_json(&s->members, false));
		if (left_out(h))
			cat_json_str(j, "indexes_left_out", left_out(h));
	}
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
	if (s->bytes > 0)
		cat_json_int(j, s->bytes_said ? "bytes_by_properties" : "bytes", s->bytes);
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
		cat_json_put(j, "catalogue", hats_json(s));
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

static void describe_hats(const struct subject *s, struct cat_text *out)
{
	const struct cat_hats *h = s->hats;
	int least, most;

	orders(h, &least, &most);
	cat_text_addf(out, "  HATS catalogue: %d partitions", h->nparts);
	if (h->nparts)
		cat_text_addf(out, " of order %d to %d", least, most);
	if (h->ra >= 0 && h->dec >= 0)
		cat_text_addf(out, "; positions: %s, %s", s->schema->fields[h->ra].name, s->schema->fields[h->dec].name);
	cat_text_addc(out, '\n');
	if (h->nparts)
		cat_text_addf(out, "  coverage: %.6g square degrees, by partitions\n", s->square_deg);
	for (int i = 0; i < s->members.n; i++) {
		const struct cat_hats_member *m = &s->members.at[i];

		if (m->is_margin && m->arcsec >= 0)
			cat_text_addf(out, "  margin: %s, %g arcsec\n", m->folder, m->arcsec);
		else if (m->is_margin)
			cat_text_addf(out, "  margin: %s, of unknown width\n", m->folder);
		else
			cat_text_addf(out, "  index: %s, of %s\n", m->folder, m->column);
	}
	if (left_out(h))
		cat_text_addf(out, "  indexes that this copy of a part is without: %s\n", left_out(h));
	cat_text_addf(out, "  properties:\n");
	for (int i = 0; i < h->properties.n; i++)
		cat_text_addf(out, "    %s=%s\n", h->properties.items[i].key, h->properties.items[i].value);
}

static int describe_text(const struct subject *s, struct cat_text *out, struct cat_error *err)
{
	const char *history = cat_kv_get(&s->schema->meta, "catpipe.history");

	cat_text_addf(out, "%s\n", s->name);
	if (s->nrows >= 0)
		cat_text_addf(out, "  rows: %lld\n", (long long)s->nrows);
	if (s->bytes > 0)
		cat_text_addf(out, "  bytes: %lld%s\n", (long long)s->bytes, s->bytes_said ? " by its properties" : "");
	if (s->hats)
		describe_hats(s, out);
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
	cat_hats_members_fini(&s.members);
	cat_hats_free(s.hats);
	cat_feed_close(s.feed);
	cat_free(s.name);
	return rc;
}

static int write_moc(const struct cat_moc *m, enum cat_moc_format format, const char *file, struct cat_error *err)
{
	struct cat_text t = {.max = (size_t)1 << 30};
	struct cat_writer *w = NULL;
	int rc = cat_moc_write(m, format, &t, err);

	if (rc == CAT_OK)
		rc = cat_text_check(&t, err);
	if (rc == CAT_OK)
		rc = cat_create(file, &w, err);
	if (rc == CAT_OK)
		rc = cat_write_bytes(w, t.s, t.len, err);
	if (rc == CAT_OK)
		rc = w->ops->commit(w, err);
	cat_writer_close(w);
	cat_text_fini(&t);
	return rc;
}

static int moc_format(const char *file, enum cat_moc_format *out, struct cat_error *err)
{
	static const struct {
		const char *suffix;
		enum cat_moc_format format;
	} known[] = {{".fits", CAT_MOC_FITS}, {".fit", CAT_MOC_FITS},  {".txt", CAT_MOC_ASCII},
	             {".moc", CAT_MOC_ASCII}, {".json", CAT_MOC_JSON}};
	const size_t n = strlen(file);

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		const size_t k = strlen(known[i].suffix);

		if (n > k && cat_equal_nocase(file + n - k, known[i].suffix)) {
			*out = known[i].format;
			return CAT_OK;
		}
	}
	return cat_fail(err, CAT_E_USAGE, "--moc writes .fits, .fit, .txt, .moc or .json; not '%s'", file);
}

int cat_info_moc(const char *operand, const char *file, struct cat_error *err)
{
	const struct cat_open_options open = {0};
	enum cat_moc_format format;
	struct cat_hats *h;
	struct cat_feed *feed;
	struct cat_moc moc = {0};
	int rc;

	CAT_TRY(moc_format(file, &format, err));
	CAT_TRY(cat_table_catalogue(operand, NULL, &h, err));
	if (!h) {
		/* What it is, if anything. */
		CAT_TRY(cat_table_open(operand, &open, &feed, err));
		cat_feed_close(feed);
		return cat_fail(err, CAT_E_USAGE, "%s is no catalogue: --moc tells what a catalogue covers", operand);
	}
	rc = cat_hats_coverage(h, &moc, err);
	if (rc == CAT_OK)
		rc = write_moc(&moc, format, file, err);
	cat_moc_fini(&moc);
	cat_hats_free(h);
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
