/* Page indexes: where a chunk's pages are, and the bounds of their values. */
#include "base/alloc.h"
#include "formats/parquet_meta.h"

/* PageLocation {1 offset, 2 compressed_page_size, 3 first_row_index}. */
static void location(struct cat_thrift *t, struct cat_pq_location *l)
{
	struct cat_thrift_field f = {0};

	l->off = l->size = l->first_row = -1;
	while (cat_thrift_next(t, &f)) {
		if (f.id == 1)
			l->off = cat_thrift_int(t, f.type);
		else if (f.id == 2)
			l->size = cat_thrift_int(t, f.type);
		else if (f.id == 3)
			l->first_row = cat_thrift_int(t, f.type);
		else
			cat_thrift_skip(t, f.type);
	}
	if (l->off < 0 || l->size < 0 || l->first_row < 0 || l->off > CAT_PQ_OFFSET_MAX || l->size > CAT_PQ_OFFSET_MAX)
		t->bad = true;
}

int cat_pq_offset_index(const struct cat_buf *b, struct cat_pq_location **out, size_t *n, struct cat_error *err)
{
	struct cat_thrift t = {b->data, b->data + b->size, false};
	struct cat_thrift_field f = {0};
	struct cat_pq_location *list = NULL, *l;
	size_t cap = 0, have = 0;

	while (cat_thrift_next(&t, &f)) {
		uint8_t element;
		size_t count;

		if (f.id != 1) {
			cat_thrift_skip(&t, f.type);
			continue;
		}
		count = cat_thrift_list(&t, f.type, &element);
		for (size_t i = 0; i < count && cat_thrift_struct(&t, element); i++) {
			l = cat_pq_grow(&list, &cap, &have, sizeof *l);
			if (!l) {
				cat_free(list);
				return cat_fail_mem(err, sizeof *l);
			}
			location(&t, l);
			if (have == 1 ? l->first_row != 0
			              : l->first_row < l[-1].first_row || l->off < l[-1].off + l[-1].size)
				t.bad = true;
		}
	}
	if (t.bad) {
		cat_free(list);
		return cat_fail(err, CAT_E_DATA, "corrupt offset index");
	}
	*out = list;
	*n = have;
	return CAT_OK;
}

/* ColumnIndex: 1 null_pages, 2 min_values, 3 max_values, 5 null_counts; lists of one length. */
static int bounds_list(struct cat_thrift *t, struct cat_thrift_field f, struct cat_pq_bound **list, size_t *cap,
                       size_t *have, struct cat_error *err)
{
	uint8_t element;
	const size_t n = cat_thrift_list(t, f.type, &element);

	if (f.id == 1) {
		for (size_t i = 0; i < n; i++) {
			struct cat_pq_bound *b = cat_pq_grow(list, cap, have, sizeof *b);

			if (!b)
				return cat_fail_mem(err, sizeof *b);
			b->nulls = -1;
			b->is_null = *t->p++ == CAT_THRIFT_TRUE;
		}
		return CAT_OK;
	}
	if (n != *have) {
		t->bad = true;
		t->p = t->end;
		return CAT_OK;
	}
	for (size_t i = 0; i < n; i++) {
		if (f.id == 2)
			(*list)[i].min = cat_thrift_binary(t, element);
		else if (f.id == 3)
			(*list)[i].max = cat_thrift_binary(t, element);
		else
			(*list)[i].nulls = cat_thrift_int(t, element);
	}
	return CAT_OK;
}

int cat_pq_column_index(const struct cat_buf *b, struct cat_pq_bound **out, size_t *n, struct cat_error *err)
{
	struct cat_thrift t = {b->data, b->data + b->size, false};
	struct cat_thrift_field f = {0};
	struct cat_pq_bound *list = NULL;
	size_t cap = 0, have = 0;
	int rc = CAT_OK;

	while (rc == CAT_OK && cat_thrift_next(&t, &f)) {
		if (f.id == 1 || f.id == 2 || f.id == 3 || f.id == 5)
			rc = bounds_list(&t, f, &list, &cap, &have, err);
		else
			cat_thrift_skip(&t, f.type);
	}
	if (rc == CAT_OK && t.bad)
		rc = cat_fail(err, CAT_E_DATA, "corrupt column index");
	if (rc != CAT_OK) {
		cat_free(list);
		return rc;
	}
	*out = list;
	*n = have;
	return CAT_OK;
}
