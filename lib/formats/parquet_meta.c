#include "formats/parquet_meta.h"

#include <string.h>

#include "base/alloc.h"

void *cat_pq_grow(void *array, size_t *cap, size_t *n, size_t size)
{
	uint8_t *base;

	if (cat_grow(array, cap, *n, size) != 0)
		return NULL;
	memcpy(&base, array, sizeof base);
	memset(base + *n * size, 0, size);
	return base + (*n)++ * size;
}

/* --- schema --- */

/* TimeUnit {1 millis, 2 micros, 3 nanos}, each an empty struct. */
static int time_unit(struct cat_thrift *t, uint8_t type)
{
	struct cat_thrift_field f = {0};
	int unit = 0;

	cat_thrift_struct(t, type);
	while (cat_thrift_next(t, &f)) {
		unit = f.id;
		cat_thrift_skip(t, f.type);
	}
	return unit;
}

static void logical_body(struct cat_thrift *t, struct cat_pq_logical *l)
{
	struct cat_thrift_field f = {0};

	while (cat_thrift_next(t, &f)) {
		if (l->id == CAT_PQ_L_DECIMAL && f.id == 1)
			l->scale = (int)cat_thrift_int(t, f.type);
		else if (l->id == CAT_PQ_L_DECIMAL && f.id == 2)
			l->precision = (int)cat_thrift_int(t, f.type);
		else if ((l->id == CAT_PQ_L_TIME || l->id == CAT_PQ_L_TIMESTAMP) && f.id == 1)
			l->utc = cat_thrift_bool(t, f.type);
		else if ((l->id == CAT_PQ_L_TIME || l->id == CAT_PQ_L_TIMESTAMP) && f.id == 2)
			l->unit = time_unit(t, f.type);
		else if (l->id == CAT_PQ_L_INTEGER && f.id == 1)
			l->bits = (int)cat_thrift_int(t, f.type);
		else if (l->id == CAT_PQ_L_INTEGER && f.id == 2)
			l->is_signed = cat_thrift_bool(t, f.type);
		else
			cat_thrift_skip(t, f.type);
	}
}

static void logical(struct cat_thrift *t, uint8_t type, struct cat_pq_logical *l)
{
	struct cat_thrift_field f = {0};

	cat_thrift_struct(t, type);
	while (cat_thrift_next(t, &f)) {
		l->id = f.id;
		if (cat_thrift_struct(t, f.type))
			logical_body(t, l);
	}
	if ((l->id == CAT_PQ_L_TIME || l->id == CAT_PQ_L_TIMESTAMP) && (l->unit < 1 || l->unit > 3))
		l->id = CAT_PQ_L_LAST + 1; /* a unit from the future */
}

/* What an older annotation means; SCALE and PRECISION stand beside it. */
static struct cat_pq_logical from_converted(int converted, int scale, int precision)
{
	struct cat_pq_logical l = {0};

	switch (converted) {
	case 0:
		l.id = CAT_PQ_L_STRING;
		break;
	case 1:
	case 2:
		l.id = CAT_PQ_L_MAP;
		break;
	case 3:
		l.id = CAT_PQ_L_LIST;
		break;
	case 4:
		l.id = CAT_PQ_L_ENUM;
		break;
	case 5:
		l.id = CAT_PQ_L_DECIMAL;
		l.scale = scale;
		l.precision = precision;
		break;
	case 6:
		l.id = CAT_PQ_L_DATE;
		break;
	case 7:
	case 8:
		l = (struct cat_pq_logical){.id = CAT_PQ_L_TIME, .unit = converted - 6, .utc = true};
		break;
	case 9:
	case 10:
		l = (struct cat_pq_logical){.id = CAT_PQ_L_TIMESTAMP, .unit = converted - 8, .utc = true};
		break;
	case 19:
		l.id = CAT_PQ_L_JSON;
		break;
	case 20:
		l.id = CAT_PQ_L_BSON;
		break;
	default:
		if (converted >= 11 && converted <= 18) {
			l.id = CAT_PQ_L_INTEGER;
			l.bits = 8 << ((converted - 11) & 3);
			l.is_signed = converted >= 15;
		}
	}
	return l;
}

/* SchemaElement: 1 type, 2 type_length, 3 repetition, 4 name, 5 num_children, 6 converted_type, 7 scale,
 * 8 precision, 9 field_id, 10 logicalType. */
static void schema_element(struct cat_thrift *t, struct cat_pq_element *e)
{
	struct cat_thrift_field f = {0};
	int converted = -1, scale = 0, precision = 0;

	e->type = -1;
	while (cat_thrift_next(t, &f)) {
		switch (f.id) {
		case 1:
			e->type = (int)cat_thrift_int(t, f.type);
			break;
		case 2:
			e->type_length = (int)cat_thrift_int(t, f.type);
			break;
		case 3:
			e->repetition = (int)cat_thrift_int(t, f.type);
			break;
		case 4:
			e->name = cat_thrift_binary(t, f.type);
			break;
		case 5:
			e->nchildren = (int)cat_thrift_int(t, f.type);
			break;
		case 6:
			converted = (int)cat_thrift_int(t, f.type);
			break;
		case 7:
			scale = (int)cat_thrift_int(t, f.type);
			break;
		case 8:
			precision = (int)cat_thrift_int(t, f.type);
			break;
		case 10:
			logical(t, f.type, &e->logical);
			break;
		default:
			cat_thrift_skip(t, f.type);
		}
	}
	if (e->logical.id == CAT_PQ_L_NONE || e->logical.id > CAT_PQ_L_LAST)
		e->logical = from_converted(converted, scale, precision);
	if (!e->name.p)
		t->bad = true;
}

/* --- row groups --- */

/* Statistics: 1 max, 2 min, 3 null_count, 5 max_value, 6 min_value, 7 is_max_value_exact,
 * 8 is_min_value_exact. */
static void statistics(struct cat_thrift *t, uint8_t type, struct cat_pq_stats *s)
{
	struct cat_thrift_field f = {0};

	cat_thrift_struct(t, type);
	s->max_exact = s->min_exact = true;
	while (cat_thrift_next(t, &f)) {
		switch (f.id) {
		case 1:
			s->max_old = cat_thrift_binary(t, f.type);
			break;
		case 2:
			s->min_old = cat_thrift_binary(t, f.type);
			break;
		case 3:
			s->null_count = cat_thrift_int(t, f.type);
			break;
		case 5:
			s->max = cat_thrift_binary(t, f.type);
			break;
		case 6:
			s->min = cat_thrift_binary(t, f.type);
			break;
		case 7:
			s->max_exact = cat_thrift_bool(t, f.type);
			break;
		case 8:
			s->min_exact = cat_thrift_bool(t, f.type);
			break;
		default:
			cat_thrift_skip(t, f.type);
		}
	}
}

/* Of a field that nobody needs: Dremio has a list of its own as field 14. 0 when it is no number. */
static int64_t number(struct cat_thrift *t, uint8_t type)
{
	if (type >= CAT_THRIFT_I8 && type <= CAT_THRIFT_I64)
		return cat_thrift_int(t, type);
	cat_thrift_skip(t, type);
	return 0;
}

/* SizeStatistics: 1 unencoded_byte_array_data_bytes. */
static int64_t text_bytes(struct cat_thrift *t, uint8_t type)
{
	struct cat_thrift_field f = {0};
	int64_t bytes = -1;

	if (type != CAT_THRIFT_STRUCT) {
		cat_thrift_skip(t, type);
		return bytes;
	}
	while (cat_thrift_next(t, &f)) {
		if (f.id == 1)
			bytes = number(t, f.type);
		else
			cat_thrift_skip(t, f.type);
	}
	return bytes;
}

/* ColumnMetaData: 1 type, 4 codec, 5 num_values, 6 total_uncompressed_size, 7 total_compressed_size,
 * 9 data_page_offset, 11 dictionary_page_offset, 12 statistics, 14/15 Bloom filter, 16 size statistics. */
static void column_meta(struct cat_thrift *t, uint8_t type, struct cat_pq_chunk *c)
{
	struct cat_thrift_field f = {0};
	unsigned seen = 0;

	cat_thrift_struct(t, type);
	while (cat_thrift_next(t, &f)) {
		if (f.id > 0 && f.id < 16)
			seen |= 1u << f.id;
		switch (f.id) {
		case 1:
			c->type = (int)cat_thrift_int(t, f.type);
			break;
		case 4:
			c->codec = (int)cat_thrift_int(t, f.type);
			break;
		case 5:
			c->nvalues = cat_thrift_int(t, f.type);
			break;
		case 6:
			c->raw_size = cat_thrift_int(t, f.type);
			break;
		case 7:
			c->size = cat_thrift_int(t, f.type);
			break;
		case 9:
			c->data_off = cat_thrift_int(t, f.type);
			break;
		case 11:
			c->dict_off = cat_thrift_int(t, f.type);
			break;
		case 12:
			statistics(t, f.type, &c->stats);
			break;
		case 14:
			c->bloom_off = number(t, f.type);
			break;
		case 15:
			c->bloom_len = number(t, f.type);
			break;
		case 16:
			c->text_bytes = text_bytes(t, f.type);
			break;
		default:
			cat_thrift_skip(t, f.type);
		}
	}
	if ((~seen & (1u << 1 | 1u << 4 | 1u << 5 | 1u << 7 | 1u << 9)) || c->nvalues < 0 || c->size < 0 ||
	    c->size > CAT_PQ_OFFSET_MAX || c->data_off < 0 || c->data_off > CAT_PQ_OFFSET_MAX)
		t->bad = true;
}

/* ColumnChunk: 1 file_path, 3 meta_data, 4/5 offset index, 6/7 column index, 8/9 encryption. */
static void column_chunk(struct cat_thrift *t, struct cat_pq_chunk *c)
{
	struct cat_thrift_field f = {0};
	bool has_meta = false;

	c->stats.null_count = -1;
	c->text_bytes = -1;
	while (cat_thrift_next(t, &f)) {
		switch (f.id) {
		case 1:
			c->path = cat_thrift_binary(t, f.type);
			break;
		case 3:
			column_meta(t, f.type, c);
			has_meta = true;
			break;
		case 4:
			c->offset_index_off = cat_thrift_int(t, f.type);
			break;
		case 5:
			c->offset_index_len = cat_thrift_int(t, f.type);
			break;
		case 6:
			c->column_index_off = cat_thrift_int(t, f.type);
			break;
		case 7:
			c->column_index_len = cat_thrift_int(t, f.type);
			break;
		case 8:
		case 9:
			c->encrypted = true;
			cat_thrift_skip(t, f.type);
			break;
		default:
			cat_thrift_skip(t, f.type);
		}
	}
	if (!has_meta && !c->encrypted)
		t->bad = true;
}

/* A list of SortingColumn {1 column_idx, 2 descending, 3 nulls_first}, of which the first one is kept. */
static void sorting(struct cat_thrift *t, uint8_t type, struct cat_pq_group *g)
{
	uint8_t element;
	const size_t n = cat_thrift_list(t, type, &element);

	for (size_t i = 0; i < n && cat_thrift_struct(t, element); i++) {
		struct cat_thrift_field f = {0};
		int64_t leaf = -1;
		bool down = false;

		while (cat_thrift_next(t, &f)) {
			if (f.id == 1)
				leaf = cat_thrift_int(t, f.type);
			else if (f.id == 2)
				down = cat_thrift_bool(t, f.type);
			else
				cat_thrift_skip(t, f.type);
		}
		if (i == 0 && leaf >= 0 && leaf <= INT32_MAX) {
			g->sort_leaf = (int)leaf;
			g->sort_down = down;
		}
	}
}

/* RowGroup: 1 columns, 3 num_rows, 4 sorting_columns. */
static int row_group(struct cat_thrift *t, struct cat_pq_footer *file, struct cat_error *err)
{
	struct cat_pq_group *g = cat_pq_grow(&file->groups, &file->cap_groups, &file->ngroups, sizeof *g);
	struct cat_thrift_field f = {0};
	bool has_rows = false;

	if (!g)
		return cat_fail_mem(err, sizeof *g);
	g->chunk0 = file->nchunks;
	g->sort_leaf = -1;
	while (cat_thrift_next(t, &f)) {
		if (f.id == 1) {
			uint8_t element;
			const size_t n = cat_thrift_list(t, f.type, &element);

			for (size_t i = 0; i < n && cat_thrift_struct(t, element); i++) {
				struct cat_pq_chunk *c =
					cat_pq_grow(&file->chunks, &file->cap_chunks, &file->nchunks, sizeof *c);

				if (!c)
					return cat_fail_mem(err, sizeof *c);
				column_chunk(t, c);
			}
		} else if (f.id == 3) {
			g->nrows = cat_thrift_int(t, f.type);
			has_rows = true;
		} else if (f.id == 4) {
			sorting(t, f.type, g);
		} else {
			cat_thrift_skip(t, f.type);
		}
	}
	g->nchunks = file->nchunks - g->chunk0;
	if (!has_rows || g->nrows < 0)
		t->bad = true;
	return CAT_OK;
}

/* --- the file --- */

static void key_value(struct cat_thrift *t, struct cat_pq_pair *p)
{
	struct cat_thrift_field f = {0};

	while (cat_thrift_next(t, &f)) {
		if (f.id == 1)
			p->key = cat_thrift_binary(t, f.type);
		else if (f.id == 2)
			p->value = cat_thrift_binary(t, f.type);
		else
			cat_thrift_skip(t, f.type);
	}
	if (!p->key.p)
		t->bad = true;
}

static uint8_t column_order(struct cat_thrift *t)
{
	struct cat_thrift_field f = {0};
	uint8_t order = 0;

	while (cat_thrift_next(t, &f)) {
		order = f.id > 0 && f.id < 256 ? (uint8_t)f.id : 0;
		cat_thrift_skip(t, f.type);
	}
	return order;
}

/* One list of structs of the footer: 2 schema, 4 row_groups, 5 key_value_metadata, 7 column_orders. */
static int footer_list(struct cat_thrift *t, struct cat_thrift_field f, struct cat_pq_footer *file,
                       struct cat_error *err)
{
	uint8_t element;
	const size_t n = cat_thrift_list(t, f.type, &element);

	for (size_t i = 0; i < n && cat_thrift_struct(t, element); i++) {
		void *item = NULL;

		if (f.id == 4) {
			CAT_TRY(row_group(t, file, err));
			continue;
		}
		if (f.id == 2)
			item = cat_pq_grow(&file->elements, &file->cap_elements, &file->nelements,
			            sizeof *file->elements);
		else if (f.id == 5)
			item = cat_pq_grow(&file->pairs, &file->cap_pairs, &file->npairs, sizeof *file->pairs);
		else
			item = cat_pq_grow(&file->orders, &file->cap_orders, &file->norders, sizeof *file->orders);
		if (!item)
			return cat_fail_mem(err, sizeof *file->elements);
		if (f.id == 2)
			schema_element(t, item);
		else if (f.id == 5)
			key_value(t, item);
		else
			*(uint8_t *)item = column_order(t);
	}
	return CAT_OK;
}

/* FileMetaData: 1 version, 2 schema, 3 num_rows, 4 row_groups, 5 key_value_metadata, 6 created_by,
 * 7 column_orders, 8/9 encryption. */
static int footer_fields(struct cat_thrift *t, struct cat_pq_footer *file, struct cat_error *err)
{
	struct cat_thrift_field f = {0};

	while (cat_thrift_next(t, &f)) {
		switch (f.id) {
		case 2:
		case 4:
		case 5:
		case 7:
			CAT_TRY(footer_list(t, f, file, err));
			break;
		case 3:
			file->nrows = cat_thrift_int(t, f.type);
			break;
		case 6:
			file->created_by = cat_thrift_binary(t, f.type);
			break;
		case 8:
		case 9:
			file->encrypted = true;
			cat_thrift_skip(t, f.type);
			break;
		default:
			cat_thrift_skip(t, f.type);
		}
	}
	if (t->bad)
		return cat_fail(err, CAT_E_DATA, "corrupt Parquet footer");
	return CAT_OK;
}

int cat_pq_footer_parse(struct cat_buf *bytes, struct cat_pq_footer *f, struct cat_error *err)
{
	struct cat_thrift t = {bytes->data, bytes->data + bytes->size, false};
	int rc;

	memset(f, 0, sizeof *f);
	f->bytes = cat_buf_ref(bytes);
	rc = footer_fields(&t, f, err);
	if (rc != CAT_OK)
		cat_pq_footer_fini(f);
	return rc;
}

void cat_pq_footer_fini(struct cat_pq_footer *f)
{
	cat_free(f->elements);
	cat_free(f->groups);
	cat_free(f->chunks);
	cat_free(f->pairs);
	cat_free(f->orders);
	cat_buf_unref(f->bytes);
	memset(f, 0, sizeof *f);
}

/* --- page headers --- */

/* DataPageHeader {1 num_values, 2 encoding, 3 definition levels', 4 repetition levels'};
 * DictionaryPageHeader {1 num_values, 2 encoding}. */
static void page_v1(struct cat_thrift *t, uint8_t type, struct cat_pq_page_header *h)
{
	struct cat_thrift_field f = {0};

	h->has_body_header = cat_thrift_struct(t, type);
	while (cat_thrift_next(t, &f)) {
		if (f.id == 1)
			h->nvalues = cat_thrift_int(t, f.type);
		else if (f.id == 2)
			h->encoding = (int)cat_thrift_int(t, f.type);
		else if (f.id == 3 && h->type == CAT_PQ_DATA)
			h->def_encoding = (int)cat_thrift_int(t, f.type);
		else if (f.id == 4 && h->type == CAT_PQ_DATA)
			h->rep_encoding = (int)cat_thrift_int(t, f.type);
		else
			cat_thrift_skip(t, f.type);
	}
}

/* DataPageHeaderV2 {1 num_values, 2 num_nulls, 3 num_rows, 4 encoding, 5 definition levels' bytes,
 * 6 repetition levels' bytes, 7 is_compressed}. */
static void page_v2(struct cat_thrift *t, uint8_t type, struct cat_pq_page_header *h)
{
	struct cat_thrift_field f = {0};

	h->has_body_header = cat_thrift_struct(t, type);
	while (cat_thrift_next(t, &f)) {
		switch (f.id) {
		case 1:
			h->nvalues = cat_thrift_int(t, f.type);
			break;
		case 2:
			h->nnulls = cat_thrift_int(t, f.type);
			break;
		case 3:
			h->nrows = cat_thrift_int(t, f.type);
			break;
		case 4:
			h->encoding = (int)cat_thrift_int(t, f.type);
			break;
		case 5:
			h->def_bytes = cat_thrift_int(t, f.type);
			break;
		case 6:
			h->rep_bytes = cat_thrift_int(t, f.type);
			break;
		case 7:
			h->is_compressed = cat_thrift_bool(t, f.type);
			break;
		default:
			cat_thrift_skip(t, f.type);
		}
	}
}

/* PageHeader: 1 type, 2 uncompressed size, 3 compressed size, 4 crc, 5 data, 7 dictionary, 8 data version 2. */
bool cat_pq_page_header(const uint8_t *p, const uint8_t *end, struct cat_pq_page_header *h, size_t *used)
{
	struct cat_thrift t = {p, end, false};
	struct cat_thrift_field f = {0};

	memset(h, 0, sizeof *h);
	h->type = -1;
	h->nvalues = h->raw_size = h->size = -1;
	h->encoding = -1;
	h->is_compressed = true;
	h->def_encoding = h->rep_encoding = CAT_PQ_RLE;
	while (cat_thrift_next(&t, &f)) {
		switch (f.id) {
		case 1:
			h->type = (int)cat_thrift_int(&t, f.type);
			break;
		case 2:
			h->raw_size = cat_thrift_int(&t, f.type);
			break;
		case 3:
			h->size = cat_thrift_int(&t, f.type);
			break;
		case 4:
			h->crc = (uint32_t)cat_thrift_int(&t, f.type);
			h->has_crc = true;
			break;
		case 5:
		case 7:
			page_v1(&t, f.type, h);
			break;
		case 8:
			page_v2(&t, f.type, h);
			break;
		default:
			cat_thrift_skip(&t, f.type);
		}
	}
	*used = (size_t)(t.p - p);
	return !t.bad && h->size >= 0 && h->raw_size >= 0;
}
