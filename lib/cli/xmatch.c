#include "cli/xmatch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "columnar/kernels.h"
#include "dataset/hats.h"
#include "dataset/position.h"
#include "dataset/registry.h"
#include "dataset/table.h"
#include "exec/even.h"
#include "exec/op_select.h"
#include "exec/op_xmatch_tiled.h"
#include "exec/scan.h"
#include "storage/open.h"

/* A LEFT of so many rows is looked up in a catalogue part by part rather than streamed past all of it. */
#define SHORT_ROWS 262144
#define MINE "catpipe:mine"

/* One side: where it comes from, and which of its columns are needed. */
struct side {
	const char *name; /* LEFT or RIGHT, for messages */
	struct cat_hats *hats;
	struct cat_source *source;
	struct cat_schema *schema;
	int ra, dec;
	bool *used;
};
struct match {
	const struct cat_xmatch_input *in;
	struct cat_xmatch_options *o;
	struct cat_pool *pool;
	struct side left, right;
	struct cat_select *list;
	struct cat_expr *where;
	bool *given; /* columns of the joined row that LIST and WHERE name; NULL: all are wanted */
	int ngiven;
	bool mine; /* LEFT has a column that says which rows are the shard's own */
};

/* --- opening a side --- */

static void side_fini(struct side *s)
{
	cat_hats_free(s->hats);
	cat_source_close(s->source);
	cat_schema_unref(s->schema);
	cat_free(s->used);
	memset(s, 0, sizeof *s);
}

static int find_positions(const struct match *m, struct side *s, const char *ra, const char *dec,
                          struct cat_error *err)
{
	char which[256];

	if (cat_position_columns(s->schema, ra, dec, &s->ra, &s->dec, which, sizeof which, err) != CAT_OK) {
		cat_wrap(err, "%s", s->name);
		return cat_hint(err, "--ra%d NAME --dec%d NAME", s == &m->left ? 1 : 2, s == &m->left ? 1 : 2);
	}
	cat_note(m->in->res, "%s positions: %s", s->name, which);
	return CAT_OK;
}

static int take_used(void *arg, struct cat_schema *schema, bool *used, struct cat_error *err)
{
	const struct side *s = arg;

	(void)err;
	memcpy(used, s->used, (size_t)schema->nfields * sizeof *used);
	return CAT_OK;
}

/* The schema of an operand, and the catalogue when it is one. Standard input is opened for good: it cannot be
 * opened again once it is known which columns are needed. */
static int look_at(const struct match *m, struct side *s, const char *operand, const char *ra, const char *dec,
                   struct cat_error *err)
{
	const struct cat_rows all = CAT_ROWS_DEFAULTS;
	char *name = NULL;

	if (operand && !ra)
		CAT_TRY(cat_table_catalogue(operand, NULL, &s->hats, err));
	if (s->hats) {
		s->schema = cat_schema_ref(s->hats->schema);
	} else {
		name = operand ? cat_strdup(operand) : NULL;
		if (operand && !name)
			return cat_fail_mem(err, strlen(operand));
		if (cat_io_source(m->in->input, &all, m->in->res, &name, operand != NULL, m->pool, &s->source, err) !=
		    CAT_OK) {
			cat_free(name);
			return (int)err->code;
		}
		cat_free(name);
		s->schema = cat_schema_ref(s->source->schema);
	}
	s->used = cat_malloc((size_t)s->schema->nfields * sizeof *s->used);
	if (!s->used)
		return cat_fail_mem(err, (size_t)s->schema->nfields);
	memset(s->used, 1, (size_t)s->schema->nfields * sizeof *s->used);
	return find_positions(m, s, ra, dec, err);
}

/* What came from a pipe cannot be opened a second time. */
static bool can_reopen(const char *operand)
{
	struct stat st;

	if (!operand || strcmp(operand, "-") == 0)
		return false;
	return cat_open_is_remote(operand) || cat_registry_is_name(operand) ||
	       (stat(operand, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)));
}

/* The rows of a side, with the columns it uses; the shard of LEFT. */
static int open_source(const struct match *m, struct side *s, const char *operand, const char *shard,
                       struct cat_source **out, struct cat_error *err)
{
	const struct cat_rows rows = {.limit = -1, .shard = shard};
	const struct cat_consumer consumer = {.bind = take_used, .arg = s};
	char *name;
	int rc;

	if (s->source && !shard && !can_reopen(operand)) {
		*out = s->source;
		s->source = NULL;
		return CAT_OK;
	}
	cat_source_close(s->source);
	s->source = NULL;
	name = operand ? cat_strdup(operand) : NULL;
	if (operand && !name)
		return cat_fail_mem(err, strlen(operand));
	rc = cat_io_source_for(m->in->input, &rows, m->in->res, &consumer, &name, operand != NULL, m->pool, out, err);
	cat_free(name);
	return rc;
}

/* --- which columns are needed --- */

static int joined_schema(const struct match *m, struct cat_schema **out, int **right_cols, int *n_right,
                         struct cat_error *err)
{
	*right_cols = NULL;
	*n_right = 0;
	if (m->o->join == CAT_JOIN_ANTI)
		return cat_schema_project(m->left.schema, NULL, 0, out, err);
	return cat_xmatch_schema(m->left.schema, m->right.schema, m->o->suffix, out, right_cols, n_right, err);
}

static int bind_joined(struct match *m, struct cat_schema *joined, struct cat_error *err)
{
	if (m->list)
		CAT_TRY(cat_select_bind(m->list, joined, err));
	return m->where ? cat_expr_bind_where(m->where, joined, err) : CAT_OK;
}

/* Binds the select list and condition to the joined row and marks what they use on both sides. */
static int plan_columns(struct match *m, struct cat_error *err)
{
	struct cat_schema *joined = NULL;
	int *right_cols = NULL, n_right;
	bool *used = NULL;
	const int nleft = m->left.schema->nfields;
	int rc;

	if (m->in->columns)
		CAT_TRY(cat_select_parse(m->in->columns, &m->list, err));
	if (m->in->where)
		CAT_TRY(cat_expr_parse(m->in->where, &m->where, err));
	rc = joined_schema(m, &joined, &right_cols, &n_right, err);
	if (rc == CAT_OK)
		rc = bind_joined(m, joined, err);
	/* One more for the column that marks a shard's own rows. */
	if (rc == CAT_OK && !(used = cat_calloc((size_t)joined->nfields + 1, sizeof *used)))
		rc = cat_fail_mem(err, (size_t)joined->nfields);
	if (rc == CAT_OK && (m->list || m->o->join == CAT_JOIN_ANTI)) {
		if (m->list)
			cat_select_columns(m->list, used);
		if (m->where)
			cat_expr_columns(m->where, used);
		if (m->list)
			memcpy(m->left.used, used, (size_t)nleft * sizeof *used);
		memset(m->right.used, 0, (size_t)m->right.schema->nfields * sizeof *used);
		for (int i = 0; i < n_right; i++)
			m->right.used[right_cols[i]] = used[nleft + i];
		m->left.used[m->left.ra] = m->left.used[m->left.dec] = true;
		m->right.used[m->right.ra] = m->right.used[m->right.dec] = true;
	}
	if (rc == CAT_OK && m->list) {
		m->o->given = m->given = used;
		m->ngiven = joined->nfields;
	} else {
		cat_free(used);
	}
	cat_free(right_cols);
	cat_schema_unref(joined);
	return rc;
}

/* --- rows held back to see how many there are --- */

/* Reads up to MAX_BYTES and MAX_ROWS of *S; *ENDED says whether that was all. *S gives all rows as before. */
static int hold(struct cat_source **s, int64_t max_bytes, int64_t max_rows, bool *ended, struct cat_error *err)
{
	struct cat_schema *schema = cat_schema_ref((*s)->schema);
	struct cat_source *inner = *s;
	struct cat_batch **held = NULL;
	size_t n = 0, cap = 0;
	int64_t bytes = 0, rows = 0;
	int rc = CAT_OK;

	*ended = false;
	while (rc == CAT_OK && bytes < max_bytes && rows < max_rows) {
		struct cat_batch *b;

		rc = inner->ops->next(inner, &b, err);
		if (rc != CAT_OK)
			break;
		if (!b) {
			*ended = true;
			break;
		}
		bytes += cat_batch_bytes(b);
		rows += b->nrows;
		if (cat_grow(&held, &cap, n, sizeof(struct cat_batch *)) != 0) {
			cat_batch_unref(b);
			rc = cat_fail_mem(err, cap * sizeof(struct cat_batch *));
		} else {
			held[n++] = b;
		}
	}
	*s = NULL;
	if (rc == CAT_OK)
		rc = cat_source_of(schema, held, n, inner, s, err);
	else
		cat_source_close(inner);
	for (size_t i = 0; rc != CAT_OK && !*s && i < n; i++)
		cat_batch_unref(held[i]);
	cat_free(held);
	cat_schema_unref(schema);
	return rc;
}

/* --- shards for best2 and mutual: all of LEFT takes part, the shard's own rows are given out --- */

struct flagged {
	struct cat_source base;
	struct match *m;
	struct cat_source *now;
	int64_t at, k, n;
};

static int flagged_next(struct cat_source *s, struct cat_batch **out, struct cat_error *err)
{
	struct flagged *f = (struct flagged *)s;
	struct cat_batch *b = NULL, *with = NULL;
	struct cat_column *mine;
	char shard[64];
	int rc;

	*out = NULL;
	while (!b) {
		if (!f->now) {
			if (f->at == f->n)
				return CAT_OK;
			snprintf(shard, sizeof shard, "%lld/%lld", (long long)f->at++, (long long)f->n);
			CAT_TRY(open_source(f->m, &f->m->left, f->m->in->left, shard, &f->now, err));
		}
		CAT_TRY(f->now->ops->next(f->now, &b, err));
		if (!b) {
			cat_source_close(f->now);
			f->now = NULL;
		}
	}
	rc = cat_batch_new(s->schema, b->nrows, &with, err);
	if (rc == CAT_OK)
		rc = cat_column_new(&s->schema->fields[b->ncols].type, b->nrows, 0, &mine, err);
	if (rc == CAT_OK) {
		with->cols[b->ncols] = mine;
		rc = cat_buf_new((size_t)(b->nrows + 7) / 8, &mine->data, err);
	}
	if (rc == CAT_OK)
		memset(mine->data->data, f->at - 1 == f->k ? 0xff : 0, mine->data->size);
	for (int i = 0; rc == CAT_OK && i < b->ncols; i++)
		with->cols[i] = cat_column_ref(b->cols[i]);
	cat_batch_unref(b);
	if (rc != CAT_OK)
		cat_batch_unref(with);
	else
		*out = with;
	return rc;
}

static void flagged_close(struct cat_source *s)
{
	struct flagged *f = (struct flagged *)s;

	cat_source_close(f->now);
	cat_schema_unref(s->schema);
	cat_free(f);
}

static const struct cat_source_ops flagged_ops = {flagged_next, flagged_close};

static int open_flagged(struct match *m, struct cat_source **out, struct cat_error *err)
{
	const char *slash = strchr(m->in->shard, '/');
	const int n = m->left.schema->nfields;
	struct flagged *f = cat_calloc(1, sizeof *f);
	struct cat_schema *s;
	int rc;

	if (!f)
		return cat_fail_mem(err, sizeof *f);
	f->base.ops = &flagged_ops;
	f->m = m;
	rc = cat_schema_new(n + 1, &s, err);
	if (rc == CAT_OK) {
		f->base.schema = s;
		rc = cat_kv_copy(&s->meta, &m->left.schema->meta, err);
	}
	for (int i = 0; rc == CAT_OK && i < n; i++)
		rc = cat_field_copy(&s->fields[i], &m->left.schema->fields[i], err);
	if (rc == CAT_OK)
		rc = cat_field_init(&s->fields[n], MINE, CAT_T_BOOL, err);
	if (rc == CAT_OK && (!slash || !cat_parse_i64(m->in->shard, (size_t)(slash - m->in->shard), &f->k) ||
	                     !cat_parse_i64(slash + 1, strlen(slash + 1), &f->n) || f->n < 1 || f->k < 0 || f->k >= f->n))
		rc = cat_fail(err, CAT_E_USAGE, "--shard takes K/N with K from 0 to N-1; not '%s'", m->in->shard);
	if (rc != CAT_OK) {
		flagged_close(&f->base);
		return rc;
	}
	m->mine = true;
	if (m->given) {
		memmove(m->given + n + 1, m->given + n, (size_t)(m->ngiven - n) * sizeof *m->given);
		m->given[n] = true;
	}
	*out = &f->base;
	return CAT_OK;
}

/* --- choosing the way --- */

static int sorted_table(const struct match *m, struct side *s, struct cat_source *source, struct cat_skytable **out,
                        struct cat_error *err)
{
	const size_t n = (size_t)source->schema->nfields;
	bool *used = cat_malloc(n * sizeof *used);
	int rc;

	if (!used) {
		cat_source_close(source);
		return cat_fail_mem(err, n);
	}
	memset(used, 1, n * sizeof *used);
	memcpy(used, s->used, (size_t)s->schema->nfields * sizeof *used);
	rc = cat_skytable_sort(source, s->ra, s->dec, used, m->in->res->temp_dir, m->in->res->memory_bytes / 8, out, err);
	cat_source_close(source);
	cat_free(used);
	return rc;
}

static int catalogue_table(struct side *s, struct cat_skytable **out, struct cat_error *err)
{
	return cat_skytable_hats(cat_hats_ref(s->hats), s->used, out, err);
}

/* Part by part; a side whose source is NULL is a catalogue, read where it lies. Takes over the sources. */
static int by_parts(struct match *m, struct cat_source *left, struct cat_source *right, struct cat_source **out,
                    struct cat_error *err)
{
	struct cat_skytable *l = NULL, *r = NULL;
	int rc = left ? sorted_table(m, &m->left, left, &l, err) : catalogue_table(&m->left, &l, err);

	if (rc == CAT_OK)
		rc = right ? sorted_table(m, &m->right, right, &r, err) : catalogue_table(&m->right, &r, err);
	else
		cat_source_close(right);
	if (rc != CAT_OK) {
		cat_skytable_close(l);
		return rc;
	}
	cat_note(m->in->res, "matching part by part");
	return cat_xmatch_tiled(l, r, m->o, m->in->res->memory_bytes, m->in->res->temp_dir, m->pool, out, err);
}

static int in_memory(struct match *m, struct cat_source *left, struct cat_source *right, struct cat_source **out,
                     struct cat_error *err)
{
	m->o->ra1 = m->left.ra, m->o->dec1 = m->left.dec;
	m->o->ra2 = m->right.ra, m->o->dec2 = m->right.dec;
	cat_note(m->in->res, "matching with RIGHT in memory");
	return cat_xmatch_open(left, right, m->o, out, err);
}

static int choose(struct match *m, struct cat_source **out, struct cat_error *err)
{
	/* Set by tests, to rows: small tables go the way of large ones. */
	const char *tile_rows = getenv("CATPIPE_XMATCH_TILE_ROWS");
	const int64_t fits = tile_rows ? 0 : m->in->res->memory_bytes / 4;
	const bool needs_all = m->o->find == CAT_FIND_BEST2 || m->o->find == CAT_FIND_MUTUAL;
	struct cat_source *left = NULL, *right = NULL;
	bool left_ended, right_ended;
	int rc;

	if (tile_rows)
		m->o->tile_rows = strtoll(tile_rows, NULL, 10);
	if (m->left.hats && m->right.hats && !m->in->shard)
		return by_parts(m, NULL, NULL, out, err);
	if (m->in->shard && needs_all)
		CAT_TRY(open_flagged(m, &left, err));
	else
		CAT_TRY(open_source(m, &m->left, m->in->left, m->in->shard, &left, err));
	if (m->right.hats) {
		CAT_TRY(hold(&left, fits, SHORT_ROWS, &left_ended, err));
		if (left_ended)
			return by_parts(m, left, NULL, out, err);
	}
	rc = open_source(m, &m->right, m->in->right, NULL, &right, err);
	if (rc == CAT_OK)
		rc = hold(&right, fits, INT64_MAX, &right_ended, err);
	if (rc != CAT_OK) {
		cat_source_close(left);
		return rc;
	}
	left_ended = true;
	if (needs_all && right_ended && (rc = hold(&left, fits, INT64_MAX, &left_ended, err)) != CAT_OK) {
		cat_source_close(right);
		return rc;
	}
	if (right_ended && left_ended)
		return in_memory(m, left, right, out, err);
	/* A catalogue need not be sorted: it is read where it lies. */
	if (m->left.hats && !m->in->shard) {
		cat_source_close(left);
		left = NULL;
	}
	if (m->right.hats) {
		cat_source_close(right);
		right = NULL;
	}
	return by_parts(m, left, right, out, err);
}

/* --- the joined rows --- */

struct selected {
	struct cat_source base;
	struct match m; /* what the sources below still use */
	struct cat_source *inner;
	struct cat_source *chosen; /* INNER, or what the select list makes of it */
};

/* Without the rows of other shards, and without the column that marks them. */
static int only_mine(const struct cat_batch *b, int col, struct cat_schema *schema, struct cat_batch **out,
                     struct cat_error *err)
{
	int32_t *idx = cat_malloc((size_t)b->nrows * sizeof *idx);
	struct cat_batch *taken = NULL;
	int rc = idx ? CAT_OK : cat_fail_mem(err, (size_t)b->nrows * sizeof *idx);

	if (rc == CAT_OK)
		rc = cat_take_batch(b, idx, cat_mask_indices(b->cols[col], idx), &taken, err);
	cat_free(idx);
	if (rc == CAT_OK)
		rc = cat_batch_new(schema, taken->nrows, out, err);
	for (int i = 0; rc == CAT_OK && i < schema->nfields; i++)
		(*out)->cols[i] = cat_column_ref(taken->cols[i < col ? i : i + 1]);
	cat_batch_unref(taken);
	return rc;
}

static int selected_next(struct cat_source *source, struct cat_batch **out, struct cat_error *err)
{
	struct selected *s = (struct selected *)source;
	struct cat_batch *b, *kept;
	int rc;

	if (!s->m.mine)
		return s->chosen->ops->next(s->chosen, out, err);
	*out = NULL;
	for (;;) {
		struct cat_schema *joined = NULL;
		int *cols = NULL, n;

		CAT_TRY(s->inner->ops->next(s->inner, &b, err));
		if (!b)
			return CAT_OK;
		rc = joined_schema(&s->m, &joined, &cols, &n, err);
		cat_free(cols);
		if (rc == CAT_OK)
			rc = only_mine(b, s->m.left.schema->nfields, joined, &kept, err);
		cat_batch_unref(b);
		cat_schema_unref(joined);
		CAT_TRY(rc);
		rc = cat_select_batch(kept, s->m.list, s->m.where, out, err);
		cat_batch_unref(kept);
		if (rc != CAT_OK || *out)
			return rc;
	}
}

static void selected_close(struct cat_source *source)
{
	struct selected *s = (struct selected *)source;

	cat_source_close(s->chosen ? s->chosen : s->inner);
	cat_select_free(s->m.list);
	cat_expr_free(s->m.where);
	cat_free(s->m.given);
	side_fini(&s->m.left);
	side_fini(&s->m.right);
	cat_schema_unref(source->schema);
	cat_free(s);
}

static const struct cat_source_ops selected_ops = {selected_next, selected_close};

static int open_selected(struct selected *s, struct cat_error *err)
{
	struct match *m = &s->m;
	struct cat_source *matched, *inner;
	struct cat_schema *joined = NULL;
	int *cols = NULL, n, rc;

	CAT_TRY(look_at(m, &m->left, m->in->left, m->in->ra1, m->in->dec1, err));
	CAT_TRY(look_at(m, &m->right, m->in->right, m->in->ra2, m->in->dec2, err));
	CAT_TRY(plan_columns(m, err));
	CAT_TRY(choose(m, &matched, err));
	/* Each way of matching gives rows in pieces of its own. */
	CAT_TRY(cat_even_open(matched, &inner, err));
	s->inner = inner;
	/* Bound for good: the same columns as when they were planned, under the schema that the rows carry. */
	rc = joined_schema(m, &joined, &cols, &n, err);
	cat_free(cols);
	if (rc == CAT_OK)
		rc = bind_joined(m, m->mine ? joined : inner->schema, err);
	if (rc == CAT_OK)
		s->base.schema = cat_schema_ref(m->list ? cat_select_schema(m->list) : m->mine ? joined : inner->schema);
	cat_schema_unref(joined);
	CAT_TRY(rc);
	if (m->mine)
		return CAT_OK;
	if (!m->list && !m->where) {
		s->chosen = inner;
		return CAT_OK;
	}
	s->inner = NULL;
	return cat_select_open(inner, m->list, m->where, &s->chosen, err);
}

int cat_xmatch_input_open(const struct cat_xmatch_input *in, struct cat_xmatch_options *o, struct cat_pool *pool,
                          struct cat_source **out, struct cat_error *err)
{
	struct selected *s = cat_calloc(1, sizeof *s);
	int rc;

	if (!s)
		return cat_fail_mem(err, sizeof *s);
	s->base.ops = &selected_ops;
	s->m = (struct match){.in = in, .o = o, .pool = pool, .left = {.name = "LEFT"}, .right = {.name = "RIGHT"}};
	rc = open_selected(s, err);
	if (rc != CAT_OK) {
		selected_close(&s->base);
		return rc;
	}
	*out = &s->base;
	return CAT_OK;
}
