#include "exec/scan.h"

#include <string.h>

#include "base/alloc.h"
#include "columnar/kernels.h"
#include "dataset/position.h"
#include "exec/scan_impl.h"

/* Pieces under way from far away: as many as hide a long round trip behind small ones. */
#define FAR_AHEAD 64
#define LEAST_PIECE ((int64_t)1 << 20)
#define COVER_ORDER 16
#define COVER_CELLS 256

/* --- regions --- */

int cat_scan_region_new(struct cat_region *region, struct cat_scan_region **out, struct cat_error *err)
{
	struct cat_scan_region *r = cat_calloc(1, sizeof *r);
	int rc;

	if (!r) {
		cat_region_free(region);
		return cat_fail_mem(err, sizeof *r);
	}
	r->region = region;
	rc = cat_region_cover(region, COVER_ORDER, COVER_CELLS, &r->cover, err);
	if (rc != CAT_OK) {
		cat_scan_region_free(r);
		return rc;
	}
	cat_region_bounds(region, &r->box);
	*out = r;
	return CAT_OK;
}

void cat_scan_region_free(struct cat_scan_region *r)
{
	if (!r)
		return;
	cat_region_free(r->region);
	cat_cover_fini(&r->cover);
	cat_free(r);
}

bool cat_scan_region_keep(void *arg, int64_t lo, int64_t hi)
{
	const struct cat_scan_region *r = arg;

	return cat_cover_overlaps(&r->cover, lo, hi);
}

/* --- the source --- */

/* Of the last piece before a limit only so many rows. */
static int first_rows(struct cat_scan *s, struct cat_work *w, struct cat_error *err)
{
	if (s->unplanned < 0 || w->nrows < 0)
		return CAT_OK;
	if (w->nrows > s->unplanned && w->ops->cut)
		CAT_TRY(w->ops->cut(w, s->unplanned, NULL, err));
	s->unplanned -= w->nrows < s->unplanned ? w->nrows : s->unplanned;
	return CAT_OK;
}

static int some_children(const struct cat_scan *s, struct cat_work *w, struct cat_error *err)
{
	for (int i = 0; w->ops->only && i < s->npartial; i++)
		CAT_TRY(w->ops->only(w, s->partial[i].col, s->partial[i].used, err));
	return CAT_OK;
}

/* Cuts P where it would take more memory than a piece may; rest->work NULL: it does not. */
static int cut_large(const struct cat_scan *s, struct cat_scan_part *p, struct cat_scan_part *rest, struct cat_error *err)
{
	struct cat_work *w = p->work;
	int64_t rows = w->nrows;

	*rest = *p;
	rest->work = NULL;
	w->max_text_bytes = 0;
	if (!s->piece_bytes || !w->ops->cut || w->nrows < 2)
		return CAT_OK;
	if (w->ops->size) {
		const int64_t bytes = w->ops->size(w, s->all_cols, s->nfirst + s->nthen), parts = bytes / s->piece_bytes + 1;

		rows = parts < rows ? (rows + parts - 1) / parts : 1;
	}
	if (s->fits && rows > s->fits)
		rows = s->fits;
	if (rows < w->nrows) {
		CAT_TRY(w->ops->cut(w, rows, &rest->work, err));
		p->more = true;
	}
	w->max_text_bytes = w->nrows > 1 ? s->piece_bytes : 0;
	return CAT_OK;
}

/* The next that may hold wanted rows, not larger than it should be; out->work NULL: there is none. */
static int next_part(struct cat_scan *s, struct cat_scan_part *out, struct cat_error *err)
{
	int rc;

	for (;;) {
		*out = s->rest;
		s->rest.work = NULL;
		if (!out->work) {
			CAT_TRY(s->feed->ops->next(s->feed, &out->work, err));
			if (!out->work)
				return CAT_OK;
			out->piece = ++s->piece;
			out->more = false;
		}
		if (!cat_scan_filter_never(&s->filter, out->work))
			break;
		cat_work_free(out->work);
	}
	rc = some_children(s, out->work, err);
	if (rc == CAT_OK)
		rc = cut_large(s, out, &s->rest, err);
	if (rc == CAT_OK)
		rc = first_rows(s, out->work, err);
	if (rc != CAT_OK && out->work->where)
		cat_wrap(err, "%s", out->work->where);
	if (rc != CAT_OK)
		cat_work_free(out->work);
	return rc;
}

/* Hands pieces to the pool as far ahead as memory allows. */
static int submit_ahead(struct cat_scan *s, struct cat_error *err)
{
	while (!s->ended && s->in_flight < s->ahead && !cat_ordered_full(s->queue)) {
		struct cat_scan_part p;
		struct cat_scan_job *j;
		bool none = false;
		int64_t nrows;
		int rc;

		if (s->unplanned == 0) {
			s->ended = true;
			return CAT_OK;
		}
		if (s->in_flight > 0 && cat_buf_live_bytes() > s->memory_bytes / 2)
			return CAT_OK;
		CAT_TRY(next_part(s, &p, err));
		if (!p.work) {
			s->ended = true;
			return CAT_OK;
		}
		nrows = p.work->nrows;
		rc = s->feed->far ? cat_scan_send_for(s, p.work, &none, err) : CAT_OK;
		if (rc != CAT_OK || none) {
			if (rc != CAT_OK && p.work->where)
				cat_wrap(err, "%s", p.work->where);
			cat_work_free(p.work);
			CAT_TRY(rc);
			continue;
		}
		j = cat_calloc(1, sizeof *j);
		if (!j) {
			cat_work_free(p.work);
			return cat_fail_mem(err, sizeof *j);
		}
		j->scan = s;
		j->part = p;
		j->nrows = nrows;
		cat_ordered_submit(s->queue, j);
		s->in_flight++;
	}
	return CAT_OK;
}

/* What J was to read turned out too large: it comes again in halves. */
static int halve(struct cat_scan *s, struct cat_scan_job *j, struct cat_error *err)
{
	struct cat_scan_part rest = j->part;

	s->fits = j->nrows / 2;
	CAT_TRY(j->part.work->ops->cut(j->part.work, s->fits, &rest.work, err));
	j->part.more = true;
	s->redo[s->nredo++] = rest;
	s->redo[s->nredo++] = j->part;
	j->part.work = NULL;
	return CAT_OK;
}

/* J was not too large: what comes may have shorter texts. Its rows, if any, become the current ones. */
static void give(struct cat_scan *s, struct cat_scan_job *j)
{
	if (s->fits)
		s->fits += s->fits / 8 + 1;
	if (!j->result || j->result->nrows == 0)
		return;
	s->current = j->result;
	j->result = NULL;
	s->pos = 0;
	s->current_piece = j->part.piece;
	s->more = j->part.more;
}

/* Of what comes again the next part, in this thread. */
static int redo(struct cat_scan *s, struct cat_error *err)
{
	struct cat_scan_job j = {.scan = s, .part = s->redo[--s->nredo]};
	struct cat_scan_part rest;
	int rc = cut_large(s, &j.part, &rest, err);

	if (rest.work)
		s->redo[s->nredo++] = rest;
	j.nrows = j.part.work->nrows;
	if (rc == CAT_OK)
		rc = cat_scan_job_run(&j, err);
	if (rc == CAT_OK && j.beyond)
		rc = halve(s, &j, err);
	else if (rc == CAT_OK)
		give(s, &j);
	cat_work_free(j.part.work);
	cat_batch_unref(j.result);
	return rc;
}

/* The next part's rows into s->current; NULL at the end. */
static int next_rows(struct cat_scan *s, struct cat_error *err)
{
	while (!s->current) {
		struct cat_scan_job *j;
		void *arg;
		int rc = CAT_OK;

		if (s->nredo) {
			CAT_TRY(redo(s, err));
			continue;
		}
		CAT_TRY(submit_ahead(s, err));
		CAT_TRY(cat_ordered_take(s->queue, &arg, err));
		j = arg;
		if (!j)
			return CAT_OK;
		s->in_flight--;
		/* A short look at the beginning must not read far ahead. */
		s->ahead = s->ahead * 2 < s->max_ahead ? s->ahead * 2 : s->max_ahead;
		if (j->beyond)
			rc = halve(s, j, err);
		else
			give(s, j);
		cat_scan_job_free(j);
		CAT_TRY(rc);
	}
	return CAT_OK;
}

/* N rows of the current ones, which then go on behind them. */
static int take_rows(struct cat_scan *s, int64_t n, struct cat_batch **out, struct cat_error *err)
{
	if (s->pos == 0 && n == s->current->nrows) {
		*out = s->current;
		s->current = NULL;
		return CAT_OK;
	}
	CAT_TRY(cat_batch_slice(s->current, s->pos, n, out, err));
	s->pos += n;
	if (s->pos == s->current->nrows) {
		cat_batch_unref(s->current);
		s->current = NULL;
	}
	return CAT_OK;
}

/* How many of the current rows may join a batch of BEGUN (NULL: none yet) that has room. */
static int64_t rows_that_join(const struct cat_scan *s, const struct cat_batch *begun)
{
	const int64_t have = begun ? begun->nrows : 0, there = s->current->nrows - s->pos;
	int64_t n = s->slice_rows - have;

	n = s->left >= 0 && s->left - have < n ? s->left - have : n;
	n = n < there ? n : there;
	if (s->slice_rows == INT64_MAX)
		return n;
	return cat_batch_fit(s->current, s->pos, n, CAT_BATCH_WEIGHT - (begun ? cat_batch_weight(begun, 0, have) : 0));
}

/* What was begun with the first of the current rows, if they are of the same piece. */
static int join_begun(struct cat_scan *s, struct cat_batch **out, struct cat_error *err)
{
	const int64_t n = s->current && s->begun_piece == s->current_piece ? rows_that_join(s, s->begun) : 0;
	struct cat_batch *parts[2] = {s->begun, NULL}, *both = NULL;
	int rc;

	if (n == 0) {
		*out = s->begun;
		s->begun = NULL;
		return CAT_OK;
	}
	rc = take_rows(s, n, &parts[1], err);
	if (rc == CAT_OK)
		rc = cat_concat_batches(parts, 2, &both, err);
	cat_batch_unref(parts[0]);
	cat_batch_unref(parts[1]);
	s->begun = NULL;
	*out = both;
	return rc;
}

/* Whether B, behind which no current rows are left, may have more in the next part of its piece. */
static bool goes_on(const struct cat_scan *s, const struct cat_batch *b)
{
	return !s->current && s->more && b->nrows < s->slice_rows && b->nrows != s->left &&
	       (s->slice_rows == INT64_MAX || cat_batch_weight(b, 0, b->nrows) <= CAT_BATCH_WEIGHT);
}

/* Batches end where pieces end, and where they have enough rows or bytes; not where parts of pieces do. */
static int next_batch(struct cat_scan *s, struct cat_batch **out, struct cat_error *err)
{
	*out = NULL;
	while (s->left != 0) {
		if (!s->current) {
			s->more = false;
			CAT_TRY(next_rows(s, err));
		}
		if (s->begun) {
			CAT_TRY(join_begun(s, out, err));
		} else if (s->current) {
			const int64_t n = rows_that_join(s, NULL);

			CAT_TRY(take_rows(s, n ? n : 1, out, err));
		}
		if (!*out || !goes_on(s, *out))
			break;
		s->begun = *out;
		s->begun_piece = s->current_piece;
		*out = NULL;
	}
	if (*out && s->left > 0)
		s->left -= (*out)->nrows;
	return CAT_OK;
}

static int scan_next(struct cat_source *source, struct cat_batch **out, struct cat_error *err)
{
	struct cat_scan *s = (struct cat_scan *)source;
	const int rc = next_batch(s, out, err);

	if (rc == CAT_OK || !s->name || strstr(err->cause, s->name) || strstr(err->where, s->name))
		return rc;
	return cat_wrap(err, "%s", s->name);
}

static void scan_close(struct cat_source *source)
{
	struct cat_scan *s = (struct cat_scan *)source;

	cat_ordered_free(s->queue);
	cat_work_free(s->rest.work);
	for (int i = 0; i < s->nredo; i++)
		cat_work_free(s->redo[i].work);
	cat_batch_unref(s->current);
	cat_batch_unref(s->begun);
	cat_select_free(s->select);
	cat_expr_free(s->where);
	cat_feed_close(s->feed);
	cat_scan_region_free(s->region);
	cat_schema_unref(s->base.schema);
	cat_free(s->first_cols);
	cat_free(s->then_cols);
	cat_free(s->all_cols);
	for (int i = 0; i < s->npartial; i++)
		cat_free(s->partial[i].used);
	cat_free(s->partial);
	cat_free(s->name);
	cat_free(s);
}

static const struct cat_source_ops scan_ops = {scan_next, scan_close};

/* What a consumer reads of a select list is not taken apart: then all of the list is computed. */
static int bind_consumer(struct cat_scan *s, const struct cat_consumer *consumer, bool *then, struct cat_error *err)
{
	bool *used;
	int rc;

	if (!s->select)
		return consumer->bind(consumer->arg, s->base.schema, then, err);
	used = cat_calloc((size_t)s->base.schema->nfields, sizeof *used);
	if (!used)
		return cat_fail_mem(err, (size_t)s->base.schema->nfields);
	rc = consumer->bind(consumer->arg, s->base.schema, used, err);
	cat_free(used);
	return rc;
}

/* Splits the columns that are used into those the filters need and the others. */
static int plan_columns(struct cat_scan *s, const struct cat_consumer *consumer, struct cat_error *err)
{
	const int n = s->feed->schema->nfields;
	bool *first = cat_calloc((size_t)n * 2, sizeof *first), *then = first + n;
	int rc = CAT_OK;

	s->first_cols = cat_calloc((size_t)n, sizeof *s->first_cols);
	s->then_cols = cat_calloc((size_t)n, sizeof *s->then_cols);
	s->all_cols = cat_calloc((size_t)n, sizeof *s->all_cols);
	if (!first || !s->first_cols || !s->then_cols || !s->all_cols) {
		cat_free(first);
		return cat_fail_mem(err, (size_t)n * sizeof *s->first_cols);
	}
	if (s->where)
		cat_expr_columns(s->where, first);
	if (s->region || (s->filter.cells && s->filter.hpx < 0))
		first[s->filter.ra] = first[s->filter.dec] = true;
	if (s->filter.cells && s->filter.hpx >= 0)
		first[s->filter.hpx] = true;
	if (s->select)
		cat_select_columns(s->select, then);
	for (int i = 0; !s->select && !consumer && i < n; i++)
		then[i] = true;
	if (consumer)
		rc = bind_consumer(s, consumer, then, err);
	for (int i = 0; i < n; i++) {
		if (first[i] || then[i])
			s->all_cols[s->nfirst + s->nthen] = i;
		if (first[i])
			s->first_cols[s->nfirst++] = i;
		else if (then[i])
			s->then_cols[s->nthen++] = i;
	}
	cat_free(first);
	return rc;
}

/* Structs and lists of structs among the columns, of which a select list or the consumer, and a condition, name single
 * children. */
static int plan_children(struct cat_scan *s, const struct cat_consumer *consumer, struct cat_error *err)
{
	const int ncols = s->nfirst + s->nthen;

	if ((!s->select && !(consumer && consumer->children)) || !ncols)
		return CAT_OK;
	s->partial = cat_calloc((size_t)ncols, sizeof *s->partial);
	if (!s->partial)
		return cat_fail_mem(err, (size_t)ncols * sizeof *s->partial);
	for (int i = 0; i < ncols; i++) {
		const int col = s->all_cols[i];
		const struct cat_field *f = &s->feed->schema->fields[col];
		bool *used;

		if (cat_type_is_list(f->type.id) && f->type.id != CAT_T_MAP)
			f = &f->children[0];
		if (f->type.id != CAT_T_STRUCT)
			continue;
		used = cat_calloc((size_t)f->nchildren, sizeof *used);
		if (!used)
			return cat_fail_mem(err, (size_t)f->nchildren);
		s->partial[s->npartial++] = (struct cat_scan_partial){col, used};
		if (s->select)
			cat_select_children(s->select, col, f->nchildren, used);
		else
			consumer->children(consumer->arg, col, f->nchildren, used);
		if (s->where)
			cat_expr_children(s->where, col, f->nchildren, used);
	}
	return CAT_OK;
}

static int plan(struct cat_scan *s, const struct cat_scan_options *o, struct cat_error *err)
{
	struct cat_schema *schema = s->feed->schema;
	const int jobs = cat_pool_jobs(s->pool);
	char which[256];

	if (o->where) {
		CAT_TRY(cat_expr_parse(o->where, &s->where, err));
		CAT_TRY(cat_expr_bind_where(s->where, schema, err));
	}
	if (o->columns) {
		CAT_TRY(cat_select_parse(o->columns, &s->select, err));
		CAT_TRY(cat_select_bind(s->select, schema, err));
	}
	if (s->region || s->filter.cells) {
		if (cat_position_columns(schema, o->ra, o->dec, &s->filter.ra, &s->filter.dec, which, sizeof which,
		                         err) != CAT_OK)
			return cat_hint(err, "--ra NAME --dec NAME");
		/* The index belongs to the table's own positions, not to others that the user names. */
		s->filter.hpx = o->ra || o->dec ? -1 : cat_schema_find(schema, "_healpix_29");
		if (s->filter.hpx >= 0 && schema->fields[s->filter.hpx].type.id != CAT_T_I64)
			s->filter.hpx = -1;
	}
	s->base.schema = cat_schema_ref(s->select ? cat_select_schema(s->select) : schema);
	CAT_TRY(plan_columns(s, o->consumer, err));
	CAT_TRY(plan_children(s, o->consumer, err));
	s->filter.where = s->where;
	s->filter.region = s->region;
	s->unplanned = s->nfirst || s->where ? -1 : o->limit;
	s->slice_rows = o->whole ? INT64_MAX : cat_batch_rows(s->base.schema);
	s->max_ahead = s->feed->far ? FAR_AHEAD : jobs == 1 ? 1 : 2 * jobs;
	/* Who wants it all does not mind what is read ahead. */
	s->ahead = s->feed->far && o->limit < 0 ? FAR_AHEAD / 4 : 1;
	return cat_ordered_new(s->pool, s->max_ahead, cat_scan_job_run, cat_scan_job_free, &s->queue, err);
}

int cat_scan_open(struct cat_feed *feed, const struct cat_scan_options *o, struct cat_pool *p, struct cat_source **out,
                  struct cat_error *err)
{
	struct cat_scan *s = cat_calloc(1, sizeof *s);
	int rc;

	if (!s) {
		cat_feed_close(feed);
		cat_scan_region_free(o->region);
		return cat_fail_mem(err, sizeof *s);
	}
	s->base.ops = &scan_ops;
	s->feed = feed;
	s->pool = p;
	s->region = o->region;
	s->filter.cells = o->cells;
	s->left = o->limit;
	s->memory_bytes = o->memory_bytes;
	if (o->memory_bytes > 0)
		s->piece_bytes = o->memory_bytes / 8 / cat_pool_jobs(p);
	if (s->piece_bytes && s->piece_bytes < LEAST_PIECE)
		s->piece_bytes = LEAST_PIECE;
	s->filter.ra = s->filter.dec = s->filter.hpx = -1;
	s->name = o->name ? cat_strdup(o->name) : NULL;
	rc = o->name && !s->name ? cat_fail_mem(err, strlen(o->name)) : plan(s, o, err);
	if (rc != CAT_OK) {
		scan_close(&s->base);
		return rc;
	}
	*out = &s->base;
	return CAT_OK;
}

/* --- what it would cost --- */

static void add_price(struct cat_scan_costs *c, const struct cat_price *p, bool maybe)
{
	struct cat_price *to = maybe ? &c->perhaps : &c->surely;

	to->requests += p->requests;
	to->bytes += p->bytes;
}

/* What reading P would ask for, by the rules of narrow and send_for; *LAST is the last piece of which something would be
 * read. */
static int price_part(const struct cat_scan *s, const struct cat_scan_part *p, int64_t *last, struct cat_scan_costs *c,
                      struct cat_error *err)
{
	struct cat_work *w = p->work;
	const bool filters = s->nfirst || s->where;
	const int64_t nrows = w->nrows;
	struct cat_price all = {0}, first = {0}, then = {0};
	bool none = false;

	if (filters)
		CAT_TRY(cat_scan_filter_narrow(&s->filter, w, s->feed->schema->nfields, &none, err));
	if (none)
		return CAT_OK;
	c->pieces += p->piece != *last;
	*last = p->piece;
	c->rows += w->nrows > 0 ? w->nrows : 0;
	if (!w->ops->fetch) {
		first = (struct cat_price){1, w->bytes > 0 ? w->bytes : 0};
		add_price(c, &first, false);
		return CAT_OK;
	}
	if (!filters || w->nrows < nrows || w->bytes <= cat_scan_fetch_bytes(s))
		CAT_TRY(w->ops->fetch(w, s->all_cols, s->nfirst + s->nthen, filters ? cat_scan_fetch_bytes(s) : INT64_MAX, &all, err));
	if (all.requests) {
		add_price(c, &all, false);
		return CAT_OK;
	}
	CAT_TRY(w->ops->fetch(w, s->first_cols, s->nfirst, INT64_MAX, &first, err));
	CAT_TRY(w->ops->fetch(w, s->then_cols, s->nthen, INT64_MAX, &then, err));
	add_price(c, &first, false);
	add_price(c, &then, true);
	return CAT_OK;
}

static int price_all(struct cat_scan *s, struct cat_scan_costs *c, struct cat_error *err)
{
	int64_t last = 0;

	while (s->unplanned != 0) {
		struct cat_scan_part p;
		int rc;

		CAT_TRY(next_part(s, &p, err));
		c->seen = s->piece;
		if (!p.work)
			break;
		rc = price_part(s, &p, &last, c, err);
		cat_work_free(p.work);
		CAT_TRY(rc);
	}
	return CAT_OK;
}

int cat_scan_price(struct cat_feed *feed, const struct cat_scan_options *o, struct cat_pool *p,
                   struct cat_scan_costs *out, struct cat_error *err)
{
	struct cat_source *source;
	int rc;

	*out = (struct cat_scan_costs){0};
	CAT_TRY(cat_scan_open(feed, o, p, &source, err));
	rc = price_all((struct cat_scan *)source, out, err);
	cat_source_close(source);
	return rc;
}
