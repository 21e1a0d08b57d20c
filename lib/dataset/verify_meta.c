/* What the metadata of a whole catalogue say of its leaves: _metadata, and per_partition_statistics.parquet. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "dataset/hats_stats.h"
#include "dataset/verify_parts.h"
#include "net/url.h"
#include "storage/open.h"

#define STATS "per_partition_statistics.parquet"

/* --- _metadata --- */

static int by_path(const void *a, const void *b)
{
	const struct cat_meta_entry *x = a, *y = b;
	const size_t n = x->len < y->len ? x->len : y->len;
	const int order = n ? memcmp(x->path, y->path, n) : 0;

	return order ? order : x->len != y->len ? (x->len > y->len) - (x->len < y->len) : x->first - y->first;
}

/* Groups of one file stand together: an entry for each such run. */
static int add_entries(struct cat_meta_file *m, struct cat_error *err)
{
	size_t cap = 0;

	for (int g = 0; g < cat_parquet_ngroups(m->file); g++) {
		size_t len;
		const char *path = cat_parquet_group_path(m->file, g, &len);
		struct cat_meta_entry *last = m->n ? &m->entries[m->n - 1] : NULL;

		if (last && path && last->len == len && memcmp(last->path, path, len) == 0) {
			last->n++;
			continue;
		}
		if (cat_grow(&m->entries, &cap, m->n, sizeof *m->entries) != 0)
			return cat_fail_mem(err, cap * sizeof *m->entries);
		m->entries[m->n++] = (struct cat_meta_entry){.path = path ? path : "", .len = len, .first = g, .n = 1};
	}
	if (m->n)
		qsort(m->entries, m->n, sizeof *m->entries, by_path);
	return CAT_OK;
}

int cat_meta_open(const char *dataset, const char *name, struct cat_findings *found, struct cat_meta_file *out,
                  struct cat_error *err)
{
	const struct cat_parquet_options bare = {.bare = true};
	char *path = cat_url_join(dataset, name), where[64];
	int rc = path ? cat_open(path, CAT_OPEN_TAIL, &out->reader, err) : cat_fail_mem(err, strlen(dataset));

	cat_free(path);
	if (rc == CAT_OK)
		rc = cat_parquet_open(out->reader, &bare, &out->file, err);
	if (rc == CAT_OK)
		return add_entries(out, err);
	if (rc == CAT_E_DATA || rc == CAT_E_UNSUPPORTED) {
		snprintf(where, sizeof where, "dataset/%s", name);
		cat_found(found, CAT_FOUND_UNREADABLE, where, "%s", err->cause);
	}
	if (rc == CAT_E_DATA || rc == CAT_E_UNSUPPORTED || rc == CAT_E_NOINPUT)
		rc = (int)(err->code = CAT_OK);
	return rc;
}

void cat_meta_fini(struct cat_meta_file *m)
{
	cat_parquet_close(m->file);
	cat_reader_close(m->reader);
	cat_free(m->entries);
	memset(m, 0, sizeof *m);
}

struct cat_meta_entry *cat_meta_find(const struct cat_meta_file *m, const char *path)
{
	const size_t n = strlen(path);
	size_t lo = 0, hi = m->n;

	while (lo < hi) {
		const size_t mid = lo + (hi - lo) / 2;
		const struct cat_meta_entry *e = &m->entries[mid];
		const size_t k = n < e->len ? n : e->len;
		int order = k ? memcmp(path, e->path, k) : 0;

		order = order ? order : (n > e->len) - (n < e->len);
		if (order == 0)
			return &m->entries[mid];
		if (order > 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

void cat_meta_compare(const struct cat_meta_file *m, const char *path, const struct cat_parquet_file *f,
                      struct cat_findings *found)
{
	const char *const seen = strncmp(path, "dataset/", 8) == 0 ? path + 8 : path;
	const struct cat_meta_entry *e = cat_meta_find(m, seen);
	char why[200];

	if (!m->file)
		return;
	if (!e) {
		if (cat_parquet_ngroups(f))
			cat_found(found, CAT_FOUND_METADATA, path, "_metadata does not tell of it");
		return;
	}
	if (e->n != cat_parquet_ngroups(f)) {
		cat_found(found, CAT_FOUND_METADATA, path, "%d row groups; _metadata says %d", cat_parquet_ngroups(f), e->n);
		return;
	}
	for (int g = 0; g < e->n; g++)
		if (!cat_parquet_same_group(f, g, m->file, e->first + g, why, sizeof why))
			cat_found(found, CAT_FOUND_METADATA, path, "row group %d against _metadata: %s", g, why);
}

/* --- per_partition_statistics.parquet --- */

static int by_place(const void *a, const void *b)
{
	const struct cat_stats_entry *x = a, *y = b;

	if (x->part.order != y->part.order)
		return x->part.order - y->part.order;
	if (x->part.npix != y->part.npix)
		return x->part.npix < y->part.npix ? -1 : 1;
	return (x->row > y->row) - (x->row < y->row);
}

static int add_rows(struct cat_stats_file *s, struct cat_batch *b, int norder, int npix, struct cat_error *err)
{
	if (cat_grow(&s->batches, &s->cap_batches, s->nbatches, sizeof(struct cat_batch *)) != 0) {
		cat_batch_unref(b);
		return cat_fail_mem(err, sizeof(struct cat_batch *));
	}
	s->batches[s->nbatches++] = b;
	for (int64_t i = 0; i < b->nrows; i++) {
		const struct cat_hats_part p = {(int)cat_column_i64(b->cols[norder], i), cat_column_i64(b->cols[npix], i)};

		if (cat_grow(&s->entries, &s->cap, s->n, sizeof *s->entries) != 0)
			return cat_fail_mem(err, s->cap * sizeof *s->entries);
		s->entries[s->n] = (struct cat_stats_entry){p, b, i, (int64_t)s->n, false};
		s->n++;
	}
	return CAT_OK;
}

static int read_stats(struct cat_stats_file *s, struct cat_source *source, int64_t max_bytes,
                      struct cat_findings *found, struct cat_error *err)
{
	const int norder = cat_schema_find(source->schema, "Norder"), npix = cat_schema_find(source->schema, "Npix");
	int64_t bytes = 0;

	if (norder < 0 || npix < 0) {
		cat_found(found, CAT_FOUND_STATS_FILE, STATS, "no columns Norder and Npix");
		return CAT_OK;
	}
	for (;;) {
		struct cat_batch *b;

		CAT_TRY(source->ops->next(source, &b, err));
		if (!b)
			break;
		bytes += cat_batch_bytes(b);
		CAT_TRY(add_rows(s, b, norder, npix, err));
		if (bytes > max_bytes) {
			cat_found(found, CAT_FOUND_NOTE, STATS, "not checked: it takes more memory than -m allows");
			return CAT_OK;
		}
	}
	if (s->n)
		qsort(s->entries, s->n, sizeof *s->entries, by_place);
	s->schema = cat_schema_ref(source->schema);
	return CAT_OK;
}

int cat_stats_open(const char *root, int64_t max_bytes, struct cat_findings *found, struct cat_stats_file *out,
                   struct cat_error *err)
{
	char *path = cat_url_join(root, STATS);
	struct cat_source *source = NULL;
	struct cat_reader *r;
	struct cat_feed *feed;
	int rc = path ? cat_open(path, CAT_OPEN_TAIL, &r, err) : cat_fail_mem(err, strlen(root));

	cat_free(path);
	if (rc == CAT_OK)
		rc = cat_parquet_feed(r, NULL, &feed, err);
	if (rc == CAT_OK)
		rc = cat_feed_source(feed, &source, err);
	if (rc == CAT_OK)
		rc = read_stats(out, source, max_bytes, found, err);
	cat_source_close(source);
	if (!out->schema)
		cat_stats_fini(out);
	if (cat_is_fault(rc))
		cat_found(found, CAT_FOUND_UNREADABLE, STATS, "%s", err->cause);
	if (cat_is_fault(rc) || rc == CAT_E_NOINPUT)
		rc = (int)(err->code = CAT_OK);
	return rc;
}

void cat_stats_fini(struct cat_stats_file *s)
{
	for (size_t i = 0; i < s->nbatches; i++)
		cat_batch_unref(s->batches[i]);
	cat_free(s->batches);
	cat_free(s->entries);
	cat_schema_unref(s->schema);
	memset(s, 0, sizeof *s);
}

/* Rows of P: *N of them from the one returned on. */
static struct cat_stats_entry *rows_of(struct cat_stats_file *s, const struct cat_hats_part *p, int64_t *n)
{
	const struct cat_stats_entry want = {.part = *p, .row = -1};
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		const size_t mid = lo + (hi - lo) / 2;

		if (by_place(&s->entries[mid], &want) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (hi = lo; hi < s->n && s->entries[hi].part.order == p->order && s->entries[hi].part.npix == p->npix; hi++)
		s->entries[hi].used = true;
	*n = (int64_t)(hi - lo);
	return s->entries + lo;
}

static bool is_size(const char *name)
{
	const char *kind = strstr(name, "::");

	return kind && (strcmp(kind, "::disk_bytes") == 0 || strcmp(kind, "::memory_bytes") == 0);
}

/* Row G of what the leaf's footer says. Types differ where others have their own idea of a column's bounds; sizes differ
 * where leaves were written anew. */
static void compare_row(struct cat_stats_file *s, const struct cat_stats_entry *e, const struct cat_batch *is,
                        int64_t g, bool sizes, struct cat_findings *found)
{
	const char *first = NULL;
	int n = 0;

	for (int i = 3; i < is->schema->nfields; i++) {
		const struct cat_field *f = &is->schema->fields[i];
		const int col = cat_schema_find(s->schema, f->name);

		if (col < 0 || strcmp(s->schema->fields[col].name, f->name) != 0 ||
		    !cat_field_same_type(f, &s->schema->fields[col]) ||
		    cat_value_same(is->cols[i], g, e->batch->cols[col], e->at))
			continue;
		if (is_size(f->name) && !sizes) {
			s->old_sizes = true;
			continue;
		}
		first = first ? first : f->name;
		n++;
	}
	if (n)
		cat_found(found, CAT_FOUND_STATS_FILE, STATS, "row %lld (Norder=%d, Npix=%lld): %s is not the leaf's%s",
		          (long long)e->row, e->part.order, (long long)e->part.npix, first, n > 1 ? ", nor are others" : "");
}

int cat_stats_compare(struct cat_stats_file *s, const struct cat_hats_part *p, struct cat_schema *schema,
                      struct cat_buf *footer, bool sizes, struct cat_findings *found, struct cat_error *err)
{
	struct cat_hats_stats *stats;
	struct cat_batch *is;
	struct cat_stats_entry *rows;
	int64_t n;
	int rc;

	if (!s->schema)
		return CAT_OK;
	rows = rows_of(s, p, &n);
	if (!footer)
		return CAT_OK;
	rc = cat_hats_stats_new(schema, &stats, err);
	if (rc == CAT_OK) {
		rc = cat_hats_stats_add(stats, p, footer, err);
		if (rc == CAT_OK)
			rc = cat_hats_stats_take(stats, &is, err);
		cat_hats_stats_free(stats);
	}
	/* Columns that we would store otherwise than the leaf does. */
	if (rc == CAT_E_UNSUPPORTED || rc == CAT_E_BUG) {
		cat_found(found, CAT_FOUND_NOTE, STATS, "not checked: %s", err->cause);
		cat_stats_fini(s);
		return (int)(err->code = CAT_OK);
	}
	CAT_TRY(rc);
	if (n != is->nrows)
		cat_found(found, CAT_FOUND_STATS_FILE, STATS, "%lld rows of Norder=%d, Npix=%lld, which has %lld row groups",
		          (long long)n, p->order, (long long)p->npix, (long long)is->nrows);
	for (int64_t g = 0; g < is->nrows && n == is->nrows; g++)
		compare_row(s, &rows[g], is, g, sizes, found);
	cat_batch_unref(is);
	return CAT_OK;
}

void cat_stats_end(const struct cat_stats_file *s, struct cat_findings *found)
{
	if (s->old_sizes)
		cat_found(found, CAT_FOUND_NOTE, STATS, "its sizes are not those of the leaves, which were written anew");
	for (size_t i = 0; i < s->n; i++)
		if (!s->entries[i].used)
			cat_found(found, CAT_FOUND_STATS_FILE, STATS, "row %lld is of Norder=%d, Npix=%lld: there is no such leaf",
			          (long long)s->entries[i].row, s->entries[i].part.order, (long long)s->entries[i].part.npix);
}
