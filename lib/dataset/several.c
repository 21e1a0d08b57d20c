#include "dataset/several.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* A table that is being read; works keep it open until the last of them is gone. */
struct part {
	atomic_int refs;
	struct cat_feed *feed;
	const char *name;
	int *map;
};
struct several_feed {
	struct cat_feed base;
	struct cat_several sev;
	int at;
	struct part *part;
};
struct several_work {
	struct cat_work base;
	struct cat_work *inner;
	struct part *part;
	struct cat_schema *schema;
};

static void part_unref(struct part *p)
{
	if (!p || atomic_fetch_sub(&p->refs, 1) != 1)
		return;
	cat_feed_close(p->feed);
	cat_free(p->map);
	cat_free(p);
}

static bool listed(const char *const *list, const char *name)
{
	for (; list && *list; list++)
		if (strcmp(*list, name) == 0)
			return true;
	return false;
}

int cat_several_map(const struct cat_schema *a, const struct cat_schema *b, const char *const *extra, int *map,
                    struct cat_error *err)
{
	struct cat_text ta = {.max = 200}, tb = {.max = 200};

	for (int i = 0; i < a->nfields; i++) {
		/* Mostly the columns stand where they stand in the first. */
		map[i] = i < b->nfields && strcmp(a->fields[i].name, b->fields[i].name) == 0 ? i : -1;
		for (int k = 0; map[i] < 0 && k < b->nfields; k++)
			if (strcmp(a->fields[i].name, b->fields[k].name) == 0)
				map[i] = k;
		if (map[i] < 0)
			return cat_fail(err, CAT_E_DATA, "column '%s' is missing", a->fields[i].name);
		if (!cat_field_same_type(&a->fields[i], &b->fields[map[i]])) {
			cat_type_text(&a->fields[i], &ta);
			cat_type_text(&b->fields[map[i]], &tb);
			cat_fail(err, CAT_E_DATA, "column '%s' is %s, but %s in the first input", a->fields[i].name,
			         tb.s ? tb.s : "?", ta.s ? ta.s : "?");
			cat_text_fini(&ta);
			cat_text_fini(&tb);
			return CAT_E_DATA;
		}
	}
	for (int k = 0; k < b->nfields; k++) {
		bool seen = k < a->nfields && map[k] == k;

		for (int i = 0; !seen && i < a->nfields; i++)
			seen = map[i] == k;
		if (!seen && !listed(extra, b->fields[k].name))
			return cat_fail(err, CAT_E_DATA, "column '%s' is not in the first input", b->fields[k].name);
	}
	return CAT_OK;
}

/* --- works --- */

/* Names the table in a failure. */
static int said(const struct several_work *w, int rc, struct cat_error *err)
{
	if (rc != CAT_OK && w->part->name)
		cat_wrap(err, "%s%s%s", w->part->name, w->inner->where ? ": " : "", w->inner->where ? w->inner->where : "");
	return rc;
}

/* Columns COLS as the inner table has them, ascending. */
static void inner_columns(const struct several_work *w, const int *cols, int n, int *inner)
{
	for (int i = 0; i < n; i++) {
		const int v = w->part->map[cols[i]];
		int k = i;

		for (; k > 0 && inner[k - 1] > v; k--)
			inner[k] = inner[k - 1];
		inner[k] = v;
	}
}

static int several_decode(struct cat_work *work, const int *cols, int n, struct cat_batch **out,
                          struct cat_error *err)
{
	struct several_work *w = (struct several_work *)work;
	int *inner = cat_malloc((size_t)n * 2 * sizeof *inner), *place = inner + n;
	struct cat_schema *schema = NULL;
	struct cat_batch *b = NULL, *mine = NULL;
	int rc = CAT_OK;

	if (!inner)
		return cat_fail_mem(err, (size_t)n * 2 * sizeof *inner);
	inner_columns(w, cols, n, inner);
	for (int i = 0; i < n; i++) {
		place[i] = 0;
		while (inner[place[i]] != w->part->map[cols[i]])
			place[i]++;
	}
	w->inner->max_text_bytes = work->max_text_bytes;
	rc = w->inner->ops->decode(w->inner, inner, n, &b, err);
	if (b)
		rc = cat_schema_project(w->schema, cols, n, &schema, err);
	if (b && rc == CAT_OK)
		rc = cat_batch_new(schema, b->nrows, &mine, err);
	for (int i = 0; mine && i < n; i++)
		mine->cols[i] = cat_column_ref(b->cols[place[i]]);
	cat_batch_unref(b);
	cat_schema_unref(schema);
	cat_free(inner);
	*out = mine;
	return said(w, rc, err);
}

static void several_stats(struct cat_work *work, int col, struct cat_range_stats *out)
{
	struct several_work *w = (struct several_work *)work;

	memset(out, 0, sizeof *out);
	if (w->inner->ops->stats)
		w->inner->ops->stats(w->inner, w->part->map[col], out);
}

static void several_work_free(struct cat_work *work)
{
	struct several_work *w = (struct several_work *)work;

	cat_work_free(w->inner);
	part_unref(w->part);
	cat_schema_unref(w->schema);
	cat_free(w);
}

static int several_parts(struct cat_work *work, int col, struct cat_part_list *out, struct cat_error *err)
{
	struct several_work *w = (struct several_work *)work;

	memset(out, 0, sizeof *out);
	if (!w->inner->ops->parts)
		return CAT_OK;
	return said(w, w->inner->ops->parts(w->inner, w->part->map[col], out, err), err);
}

static int several_narrow(struct cat_work *work, const struct cat_stretch *spans, int n, struct cat_error *err)
{
	struct several_work *w = (struct several_work *)work;
	const int rc = w->inner->ops->narrow(w->inner, spans, n, err);

	work->nrows = w->inner->nrows;
	work->bytes = w->inner->bytes;
	return rc;
}

static int several_fetch(struct cat_work *work, const int *cols, int n, int64_t max_bytes, struct cat_price *price,
                         struct cat_error *err)
{
	struct several_work *w = (struct several_work *)work;
	int *inner;
	int rc;

	if (!w->inner->ops->fetch)
		return CAT_OK;
	inner = cat_malloc((size_t)n * sizeof *inner);
	if (!inner)
		return cat_fail_mem(err, (size_t)n * sizeof *inner);
	inner_columns(w, cols, n, inner);
	rc = w->inner->ops->fetch(w->inner, inner, n, max_bytes, price, err);
	cat_free(inner);
	return said(w, rc, err);
}

static int several_only(struct cat_work *work, int col, const bool *used, struct cat_error *err)
{
	struct several_work *w = (struct several_work *)work;

	return w->inner->ops->only ? w->inner->ops->only(w->inner, w->part->map[col], used, err) : CAT_OK;
}

static bool several_lacks(struct cat_work *work, int col, const struct cat_constant *v)
{
	struct several_work *w = (struct several_work *)work;

	return w->inner->ops->lacks && w->inner->ops->lacks(w->inner, w->part->map[col], v);
}

static int64_t several_size(const struct cat_work *work, const int *cols, int n)
{
	const struct several_work *w = (const struct several_work *)work;
	int64_t bytes = 0;

	for (int i = 0; w->inner->ops->size && i < n; i++)
		bytes += w->inner->ops->size(w->inner, &w->part->map[cols[i]], 1);
	return bytes;
}

static int several_cut(struct cat_work *work, int64_t rows, struct cat_work **rest, struct cat_error *err);

static const struct cat_work_ops several_work_ops = {several_decode, several_stats, several_work_free, several_parts,
                                                     several_narrow, several_fetch, several_only, several_lacks,
                                                     several_size, several_cut};
/* Over pieces that are all or nothing. */
static const struct cat_work_ops several_whole_ops = {
	.decode = several_decode, .stats = several_stats, .free = several_work_free, .fetch = several_fetch,
	.only = several_only, .lacks = several_lacks, .size = several_size};

/* INNER, which is taken over also on failure, as a piece of PART. */
static int wrap_work(struct part *part, struct cat_schema *schema, struct cat_work *inner, struct cat_work **out,
                     struct cat_error *err)
{
	struct several_work *w = cat_calloc(1, sizeof *w);

	if (!w) {
		cat_work_free(inner);
		return cat_fail_mem(err, sizeof *w);
	}
	w->base.ops = inner->ops->narrow ? &several_work_ops : &several_whole_ops;
	w->base.nrows = inner->nrows;
	w->base.bytes = inner->bytes;
	w->inner = inner;
	w->part = part;
	atomic_fetch_add(&part->refs, 1);
	w->schema = cat_schema_ref(schema);
	*out = &w->base;
	return CAT_OK;
}

static int several_cut(struct cat_work *work, int64_t rows, struct cat_work **rest, struct cat_error *err)
{
	struct several_work *w = (struct several_work *)work;
	struct cat_work *inner;

	CAT_TRY(said(w, w->inner->ops->cut(w->inner, rows, rest ? &inner : NULL, err), err));
	work->nrows = w->inner->nrows;
	work->bytes = w->inner->bytes;
	return rest ? wrap_work(w->part, w->schema, inner, rest, err) : CAT_OK;
}

/* --- feed --- */

static int open_part(struct several_feed *s, struct cat_error *err)
{
	struct part *p = cat_calloc(1, sizeof *p);
	int rc;

	if (p)
		p->map = cat_calloc((size_t)s->base.schema->nfields, sizeof *p->map);
	if (!p || !p->map) {
		cat_free(p);
		return cat_fail_mem(err, sizeof *p);
	}
	atomic_init(&p->refs, 1);
	rc = s->sev.open(s->sev.arg, s->at, &p->feed, &p->name, err);
	if (rc == CAT_OK && p->feed) {
		rc = cat_several_map(s->base.schema, p->feed->schema, s->sev.extra, p->map, err);
		if (rc != CAT_OK && p->name)
			cat_wrap(err, "%s", p->name);
	}
	if (rc == CAT_OK)
		s->at++;
	if (rc != CAT_OK || !p->feed) {
		part_unref(p);
		return rc;
	}
	s->part = p;
	return CAT_OK;
}

static int several_next(struct cat_feed *f, struct cat_work **out, struct cat_error *err)
{
	struct several_feed *s = (struct several_feed *)f;
	struct cat_work *inner = NULL;

	*out = NULL;
	while (!inner) {
		if (!s->part) {
			if (s->at == s->sev.n)
				return CAT_OK;
			CAT_TRY(open_part(s, err));
			continue;
		}
		if (s->part->feed->ops->next(s->part->feed, &inner, err) != CAT_OK) {
			if (s->part->name)
				cat_wrap(err, "%s", s->part->name);
			return (int)err->code;
		}
		if (!inner) {
			part_unref(s->part);
			s->part = NULL;
		}
	}
	return wrap_work(s->part, s->base.schema, inner, out, err);
}

static void several_close(struct cat_feed *f)
{
	struct several_feed *s = (struct several_feed *)f;

	part_unref(s->part);
	if (s->sev.free_arg)
		s->sev.free_arg(s->sev.arg);
	cat_schema_unref(s->base.schema);
	cat_free(s);
}

static const struct cat_feed_ops several_ops = {several_next, several_close};

int cat_several_feed(struct cat_schema *schema, const struct cat_several *sev, struct cat_feed **out,
                     struct cat_error *err)
{
	struct several_feed *s = cat_calloc(1, sizeof *s);

	if (!s) {
		if (sev->free_arg)
			sev->free_arg(sev->arg);
		return cat_fail_mem(err, sizeof *s);
	}
	s->base.ops = &several_ops;
	s->base.schema = cat_schema_ref(schema);
	s->base.nrows = sev->nrows;
	s->base.sharded = sev->sharded;
	s->base.far = sev->far;
	s->base.bytes = sev->bytes;
	s->base.note = sev->note;
	s->sev = *sev;
	*out = &s->base;
	return CAT_OK;
}
