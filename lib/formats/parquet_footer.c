/* Footers: of files, and of the _metadata files that gather many (parquet.thrift, FileMetaData). */
#include <string.h>

#include "base/alloc.h"
#include "formats/colmeta.h"
#include "formats/parquet_write.h"
#include "formats/votable_fields.h"

#define TEXT_MAX ((size_t)1 << 40)
#define ARROW_KEY "ARROW:schema"

/* ColumnMetaData: 1 type, 2 encodings, 3 path_in_schema, 4 codec, 5 num_values, 6/7 sizes, 9 data_page_offset,
 * 11 dictionary_page_offset, 12 statistics, 16 size statistics: 1 bytes of texts. */
static void put_path(const struct cat_pq_wleaf *l, struct cat_thrift_out *o)
{
	const char *names[2 * CAT_PQ_DEPTH];
	size_t n = 0;

	for (int i = 0; i < l->npath; i++) {
		const struct cat_field *up = i ? l->path[i - 1] : NULL;

		if (up && up->type.id == CAT_T_MAP)
			names[n++] = "key_value";
		else if (up && (up->type.id == CAT_T_LIST || up->type.id == CAT_T_FIXED_LIST))
			names[n++] = "list", names[n++] = "element";
		else if (i >= 2 && l->path[i - 2]->type.id == CAT_T_MAP)
			names[n++] = l->child[i] ? "value" : "key";
		else
			names[n++] = l->path[i]->name;
	}
	cat_thrift_put_list(o, 3, CAT_THRIFT_BINARY, n);
	for (size_t i = 0; i < n; i++)
		cat_thrift_item_binary(o, names[i], strlen(names[i]));
}

static void put_column_meta(const struct cat_pq_wleaf *l, const struct cat_pq_wchunk *c, struct cat_thrift_out *o)
{
	const int16_t outer = cat_thrift_begin(o, 3);

	cat_thrift_put_int(o, 1, CAT_THRIFT_I32, l->type);
	cat_thrift_put_list(o, 2, CAT_THRIFT_I32, c->dict_size ? 3 : 2);
	cat_thrift_item_int(o, CAT_PQ_RLE);
	if (c->dict_size)
		cat_thrift_item_int(o, CAT_PQ_PLAIN);
	cat_thrift_item_int(o, c->dict_size ? CAT_PQ_RLE_DICTIONARY : l->encoding);
	put_path(l, o);
	cat_thrift_put_int(o, 4, CAT_THRIFT_I32, l->codec);
	cat_thrift_put_int(o, 5, CAT_THRIFT_I64, c->nvalues);
	cat_thrift_put_int(o, 6, CAT_THRIFT_I64, c->raw_size);
	cat_thrift_put_int(o, 7, CAT_THRIFT_I64, c->size);
	cat_thrift_put_int(o, 9, CAT_THRIFT_I64, c->off + c->dict_size);
	if (c->dict_size)
		cat_thrift_put_int(o, 11, CAT_THRIFT_I64, c->off);
	cat_pq_bounds_put(l, &c->bounds, c->nulls, o, 12);
	if (c->text_bytes >= 0) {
		const int16_t sizes = cat_thrift_begin(o, 16);

		cat_thrift_put_int(o, 1, CAT_THRIFT_I64, c->text_bytes);
		cat_thrift_end(o, sizes);
	}
	cat_thrift_end(o, outer);
}

/* ColumnChunk: 2 file_offset, 3 meta_data, 4/5 offset index, 6/7 column index. */
static void put_chunk(const struct cat_pq_wleaf *l, const struct cat_pq_wchunk *c, struct cat_thrift_out *o)
{
	const int16_t outer = cat_thrift_begin(o, 0);

	cat_thrift_put_int(o, 2, CAT_THRIFT_I64, 0);
	put_column_meta(l, c, o);
	cat_thrift_put_int(o, 4, CAT_THRIFT_I64, c->offset_index_off);
	cat_thrift_put_int(o, 5, CAT_THRIFT_I32, c->offset_index_len);
	if (c->column_index_len) {
		cat_thrift_put_int(o, 6, CAT_THRIFT_I64, c->column_index_off);
		cat_thrift_put_int(o, 7, CAT_THRIFT_I32, c->column_index_len);
	}
	cat_thrift_end(o, outer);
}

/* RowGroup: 1 columns, 2 total_byte_size, 3 num_rows, 4 sorting_columns, 5 file_offset, 6 compressed size,
 * 7 ordinal. */
void cat_pq_group_put(const struct cat_pq_wschema *w, const struct cat_pq_wgroup *g, size_t ordinal, int sort,
                      struct cat_text *out)
{
	struct cat_thrift_out o = {.to = out};
	const int16_t outer = cat_thrift_begin(&o, 0);
	int64_t raw = 0, size = 0;

	cat_thrift_put_list(&o, 1, CAT_THRIFT_STRUCT, w->nleaves);
	for (size_t i = 0; i < w->nleaves; i++) {
		put_chunk(&w->leaves[i], &g->chunks[i], &o);
		raw += g->chunks[i].raw_size;
		size += g->chunks[i].size;
	}
	cat_thrift_put_int(&o, 2, CAT_THRIFT_I64, raw);
	cat_thrift_put_int(&o, 3, CAT_THRIFT_I64, g->nrows);
	if (sort >= 0) {
		int16_t item;

		cat_thrift_put_list(&o, 4, CAT_THRIFT_STRUCT, 1);
		item = cat_thrift_begin(&o, 0);
		cat_thrift_put_int(&o, 1, CAT_THRIFT_I32, sort);
		cat_thrift_put_bool(&o, 2, false);
		cat_thrift_put_bool(&o, 3, false);
		cat_thrift_end(&o, item);
	}
	cat_thrift_put_int(&o, 5, CAT_THRIFT_I64, w->nleaves ? g->chunks[0].off : 0);
	cat_thrift_put_int(&o, 6, CAT_THRIFT_I64, size);
	if (ordinal <= INT16_MAX)
		cat_thrift_put_int(&o, 7, CAT_THRIFT_I16, (int64_t)ordinal);
	cat_thrift_end(&o, outer);
}

static void put_pair(struct cat_thrift_out *o, const char *key, const char *value, size_t n)
{
	const int16_t outer = cat_thrift_begin(o, 0);

	cat_thrift_put_binary(o, 1, key, strlen(key));
	cat_thrift_put_binary(o, 2, value, n);
	cat_thrift_end(o, outer);
}

/* The schema's metadata, behind it the Arrow schema and, where something is said of columns, the same as VOTable. */
static void put_pairs(const struct cat_pq_wschema *w, struct cat_thrift_out *o)
{
	const struct cat_kv *kv = &w->schema->meta;
	struct cat_text arrow = {.max = TEXT_MAX}, votable = {.max = TEXT_MAX};
	struct cat_error err;
	int n = 1;

	if (cat_votable_described(w->schema))
		cat_votable_put(w->schema, &votable);
	if (cat_pq_arrow_put(w->schema, &arrow, &err) != CAT_OK || votable.failed) {
		o->to->failed = true;
		cat_text_fini(&arrow);
		cat_text_fini(&votable);
		return;
	}
	for (int i = 0; i < kv->n; i++)
		n += strcmp(kv->items[i].key, ARROW_KEY) != 0;
	cat_thrift_put_list(o, 5, CAT_THRIFT_STRUCT, (size_t)n + (votable.len ? 2 : 0));
	for (int i = 0; i < kv->n; i++)
		if (strcmp(kv->items[i].key, ARROW_KEY) != 0)
			put_pair(o, kv->items[i].key, kv->items[i].value, strlen(kv->items[i].value));
	put_pair(o, ARROW_KEY, arrow.s, arrow.len);
	if (votable.len) {
		put_pair(o, CAT_COLMETA_VERSION, "1.0", 3);
		put_pair(o, CAT_COLMETA_CONTENT, votable.s, votable.len);
	}
	cat_text_fini(&arrow);
	cat_text_fini(&votable);
}

/* FileMetaData: 1 version, 2 schema, 3 num_rows, 4 row_groups, 5 key_value_metadata, 6 created_by,
 * 7 column_orders. */
void cat_pq_footer_put(const struct cat_pq_wschema *w, int64_t nrows, const struct cat_text *raw_groups, size_t n,
                       struct cat_text *out)
{
	static const char created_by[] = "catpipe version " CAT_VERSION;
	struct cat_thrift_out o = {.to = out};
	const int16_t outer = cat_thrift_begin(&o, 0);

	cat_thrift_put_int(&o, 1, CAT_THRIFT_I32, 2);
	cat_thrift_put_list(&o, 2, CAT_THRIFT_STRUCT, w->nelements);
	cat_text_addn(out, w->elements.s, w->elements.len);
	cat_thrift_put_int(&o, 3, CAT_THRIFT_I64, nrows);
	cat_thrift_put_list(&o, 4, CAT_THRIFT_STRUCT, n);
	if (raw_groups->len)
		cat_text_addn(out, raw_groups->s, raw_groups->len);
	put_pairs(w, &o);
	cat_thrift_put_binary(&o, 6, created_by, sizeof created_by - 1);
	cat_thrift_put_list(&o, 7, CAT_THRIFT_STRUCT, w->nleaves);
	for (size_t i = 0; i < w->nleaves; i++) {
		const int16_t order = cat_thrift_begin(&o, 0), type_order = cat_thrift_begin(&o, 1);

		cat_thrift_end(&o, type_order);
		cat_thrift_end(&o, order);
	}
	cat_thrift_end(&o, outer);
}

void cat_pq_tail_put(struct cat_text *t, size_t footer_len)
{
	const uint32_t n = (uint32_t)footer_len;
	const char len[4] = {(char)n, (char)(n >> 8), (char)(n >> 16), (char)(n >> 24)};

	cat_text_addn(t, len, sizeof len);
	cat_text_addn(t, "PAR1", 4);
}

/* --- many files' row groups in one footer --- */

struct cat_parquet_meta {
	struct cat_pq_wschema w;
	struct cat_buf *like; /* instead of w: a footer whose schema it has */
	size_t ncolumns;      /* stored; 0: not known yet */
	int64_t nrows;
	size_t ngroups;
	struct cat_text groups;
};

int cat_parquet_meta_new(const struct cat_schema *schema, struct cat_parquet_meta **out, struct cat_error *err)
{
	const struct cat_parquet_write_options o = {0};
	struct cat_parquet_meta *m = cat_calloc(1, sizeof *m);
	int rc;

	if (!m)
		return cat_fail_mem(err, sizeof *m);
	m->groups.max = TEXT_MAX;
	rc = cat_pq_wschema_init(&m->w, schema, &o, err);
	if (rc != CAT_OK) {
		cat_free(m);
		return rc;
	}
	m->ncolumns = m->w.nleaves;
	*out = m;
	return CAT_OK;
}

int cat_parquet_meta_like(const struct cat_buf *footer, struct cat_parquet_meta **out, struct cat_error *err)
{
	struct cat_parquet_meta *m = cat_calloc(1, sizeof *m);

	if (!m)
		return cat_fail_mem(err, sizeof *m);
	m->groups.max = TEXT_MAX;
	if (cat_buf_copy(footer->data, footer->size, &m->like, err) != CAT_OK) {
		cat_free(m);
		return (int)err->code;
	}
	*out = m;
	return CAT_OK;
}

/* A ColumnChunk with 1 file_path set; its other fields as they stand. */
static void copy_chunk(struct cat_thrift *t, const char *path, struct cat_text *to)
{
	struct cat_thrift_out o = {.to = to};
	struct cat_thrift_field f = {0};

	cat_thrift_put_binary(&o, 1, path, strlen(path));
	while (cat_thrift_next(t, &f)) {
		const uint8_t *from = t->p;

		cat_thrift_skip(t, f.type);
		if (f.id != 1)
			cat_thrift_put_raw(&o, f.id, f.type, (struct cat_span){from, (size_t)(t->p - from)});
	}
	cat_thrift_end(&o, 0);
}

/* A RowGroup: its columns rewritten, the rest as it stands but 7 ordinal, which counts within one file. */
static void copy_group(struct cat_thrift *t, const char *path, struct cat_text *to, size_t *ncolumns,
                       int64_t *nrows)
{
	struct cat_thrift_out o = {.to = to};
	struct cat_thrift_field f = {0};

	while (cat_thrift_next(t, &f)) {
		const uint8_t *from = t->p;
		uint8_t element;

		if (f.id == 1) {
			*ncolumns = cat_thrift_list(t, f.type, &element);
			cat_thrift_put_list(&o, 1, CAT_THRIFT_STRUCT, *ncolumns);
			for (size_t i = 0; i < *ncolumns && cat_thrift_struct(t, element); i++)
				copy_chunk(t, path, to);
			continue;
		}
		if (f.id == 3) {
			struct cat_thrift peek = *t;

			*nrows = cat_thrift_int(&peek, f.type);
		}
		cat_thrift_skip(t, f.type);
		if (f.id != 7)
			cat_thrift_put_raw(&o, f.id, f.type, (struct cat_span){from, (size_t)(t->p - from)});
	}
	cat_thrift_end(&o, 0);
}

static int append_groups(struct cat_parquet_meta *m, struct cat_thrift *t, uint8_t type, const char *path,
                         struct cat_error *err)
{
	uint8_t element;
	const size_t n = cat_thrift_list(t, type, &element);

	for (size_t i = 0; i < n && cat_thrift_struct(t, element); i++) {
		size_t ncolumns = 0;
		int64_t nrows = -1;

		copy_group(t, path, &m->groups, &ncolumns, &nrows);
		if (t->bad)
			break;
		if (m->ncolumns == 0)
			m->ncolumns = ncolumns;
		if (ncolumns != m->ncolumns)
			return cat_fail(err, CAT_E_DATA, "%s has %zu stored columns where the others have %zu",
			                path, ncolumns, m->ncolumns);
		if (nrows < 0 || __builtin_add_overflow(m->nrows, nrows, &m->nrows))
			return cat_fail(err, CAT_E_DATA, "%s: corrupt Parquet footer", path);
		m->ngroups++;
	}
	return CAT_OK;
}

int cat_parquet_meta_append(struct cat_parquet_meta *m, const struct cat_buf *footer, const char *path,
                            struct cat_error *err)
{
	struct cat_thrift t = {footer->data, footer->data + footer->size, false};
	struct cat_thrift_field f = {0};
	const size_t ngroups = m->ngroups, len = m->groups.len;
	const int64_t nrows = m->nrows;
	int rc = CAT_OK;

	while (rc == CAT_OK && cat_thrift_next(&t, &f)) {
		if (f.id == 4)
			rc = append_groups(m, &t, f.type, path, err);
		else
			cat_thrift_skip(&t, f.type);
	}
	if (rc == CAT_OK && t.bad)
		rc = cat_fail(err, CAT_E_DATA, "%s: corrupt Parquet footer", path);
	if (rc == CAT_OK)
		rc = cat_text_check(&m->groups, err);
	if (rc != CAT_OK) {
		m->ngroups = ngroups;
		m->groups.len = len;
		m->nrows = nrows;
	}
	return rc;
}

/* The model's fields, but for 3 num_rows and 4 row_groups. */
static void put_like(const struct cat_parquet_meta *m, struct cat_text *out)
{
	struct cat_thrift t = {m->like->data, m->like->data + m->like->size, false};
	struct cat_thrift_out o = {.to = out};
	struct cat_thrift_field f = {0};

	while (cat_thrift_next(&t, &f)) {
		const uint8_t *from = t.p;

		cat_thrift_skip(&t, f.type);
		if (f.id == 3) {
			cat_thrift_put_int(&o, 3, CAT_THRIFT_I64, m->nrows);
		} else if (f.id == 4) {
			cat_thrift_put_list(&o, 4, CAT_THRIFT_STRUCT, m->ngroups);
			if (m->groups.len)
				cat_text_addn(out, m->groups.s, m->groups.len);
		} else {
			cat_thrift_put_raw(&o, f.id, f.type, (struct cat_span){from, (size_t)(t.p - from)});
		}
	}
	cat_thrift_end(&o, 0);
}

int cat_parquet_meta_bytes(struct cat_parquet_meta *m, struct cat_buf **out, struct cat_error *err)
{
	struct cat_text t = {.max = TEXT_MAX};
	int rc;

	cat_text_addn(&t, "PAR1", 4);
	if (m->like)
		put_like(m, &t);
	else
		cat_pq_footer_put(&m->w, m->nrows, &m->groups, m->ngroups, &t);
	if (t.len > 4 && t.len - 4 > UINT32_MAX)
		rc = cat_fail(err, CAT_E_UNSUPPORTED, "a Parquet footer of more than 4 GiB");
	else
		rc = (cat_pq_tail_put(&t, t.len - 4), cat_text_check(&t, err));
	if (rc == CAT_OK)
		rc = cat_buf_copy(t.s, t.len, out, err);
	cat_text_fini(&t);
	return rc;
}

void cat_parquet_meta_free(struct cat_parquet_meta *m)
{
	if (!m)
		return;
	if (!m->like)
		cat_pq_wschema_fini(&m->w);
	cat_buf_unref(m->like);
	cat_text_fini(&m->groups);
	cat_free(m);
}
