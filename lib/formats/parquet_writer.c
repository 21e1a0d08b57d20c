/* The encoder: batches in, row groups out, indexes and footer at the end. */
#include <string.h>

#include "base/alloc.h"
#include "columnar/kernels.h"
#include "formats/parquet_write.h"

#define TEXT_MAX ((size_t)1 << 40)

/* What some rows amount to, by their values alone. */
struct weight {
	int64_t rows, all, longer;
};
struct waiting {
	struct cat_batch *batch;
	struct weight weight;
};
struct encoder {
	struct cat_encoder base;
	struct cat_parquet_write_options o;
	struct cat_pq_wschema w;
	int sort; /* leaf, -1 none */
	struct cat_pq_idle idle;
	size_t nwaiting, cap_waiting; /* batches that are not in a piece yet */
	struct waiting *waiting;
	struct weight weight; /* of all of them */
	int64_t nrows;
	size_t ngroups, cap_groups;
	struct cat_pq_wgroup *groups;
	struct cat_buf *footer;
};
/* A row group on its way. */
struct piece {
	struct cat_out base;
	struct encoder *e;
	size_t nparts, cap_parts;
	struct cat_batch **parts;
	struct cat_pq_bytes bytes;
	struct cat_pq_wgroup group;
};

static void group_fini(const struct cat_pq_wschema *w, struct cat_pq_wgroup *g)
{
	for (size_t i = 0; g->chunks && i < w->nleaves; i++)
		cat_pq_wchunk_fini(&g->chunks[i]);
	cat_free(g->chunks);
	g->chunks = NULL;
}

/* --- pieces --- */

/* Column COL of all parts, which give theirs up. */
static int whole_column(struct piece *p, int col, struct cat_column **out, struct cat_error *err)
{
	struct cat_column **cols = cat_calloc(p->nparts, sizeof(struct cat_column *));
	int rc;

	if (!cols)
		return cat_fail_mem(err, p->nparts * sizeof *cols);
	for (size_t i = 0; i < p->nparts; i++)
		cols[i] = p->parts[i]->cols[col];
	rc = cat_concat(cols, (int)p->nparts, out, err);
	for (size_t i = 0; i < p->nparts; i++) {
		/* Unless somebody else has the batch. */
		if (atomic_load(&p->parts[i]->refs) == 1) {
			cat_column_unref(cols[i]);
			p->parts[i]->cols[col] = NULL;
		}
	}
	cat_free(cols);
	return rc;
}

static int encode_group(struct piece *p, struct cat_pq_scratch *scratch, struct cat_error *err)
{
	const struct cat_pq_wschema *w = &p->e->w;
	struct cat_column *c = NULL;
	int at = -1, rc = CAT_OK;

	for (size_t i = 0; rc == CAT_OK && i < w->nleaves; i++) {
		const struct cat_pq_wleaf *l = &w->leaves[i];

		if (l->child[0] != at) {
			at = l->child[0];
			cat_column_unref(c);
			c = NULL;
			rc = whole_column(p, at, &c, err);
		}
		if (rc == CAT_OK)
			rc = cat_pq_encode_leaf(l, c, p->e->o.level, scratch, &p->group.chunks[i], &p->bytes, err);
		if (rc != CAT_OK)
			cat_wrap(err, "column %s", l->path[0]->name);
	}
	cat_column_unref(c);
	p->base.bufs = p->bytes.buf;
	p->base.nbufs = p->bytes.n;
	return rc;
}

static int piece_encode(struct cat_out *out, struct cat_error *err)
{
	struct piece *p = (struct piece *)out;
	struct cat_pq_scratch *scratch;
	int rc;

	p->group.chunks = cat_calloc(p->e->w.nleaves, sizeof *p->group.chunks);
	if (!p->group.chunks)
		return cat_fail_mem(err, p->e->w.nleaves * sizeof *p->group.chunks);
	CAT_TRY(cat_pq_scratch_take(&p->e->idle, &scratch, err));
	rc = encode_group(p, scratch, err);
	cat_pq_scratch_give(&p->e->idle, scratch);
	return rc;
}

static void piece_free(struct cat_out *out)
{
	struct piece *p = (struct piece *)out;

	for (size_t i = 0; i < p->nparts; i++)
		cat_batch_unref(p->parts[i]);
	cat_free(p->parts);
	for (size_t i = 0; i < p->bytes.n; i++)
		cat_buf_unref(p->bytes.buf[i]);
	cat_free(p->bytes.buf);
	group_fini(&p->e->w, &p->group);
	cat_free(p);
}

static const struct cat_out_ops piece_ops = {piece_encode, piece_free};

/* --- rows in --- */

static void add_weight(struct weight *to, const struct weight *w, int sign)
{
	to->rows += sign * w->rows;
	to->all += sign * w->all;
	to->longer += sign * w->longer;
}

/* The first N rows of B. */
static struct weight weigh(const struct cat_batch *b, int64_t n)
{
	struct weight w = {.rows = n};

	for (int i = 0; i < b->ncols; i++) {
		const enum cat_type_id id = b->cols[i]->type.id;
		const int64_t bytes = cat_column_weight(b->cols[i], 0, n);

		w.all += bytes;
		w.longer += cat_type_is_text(id) || cat_type_is_nested(id) ? bytes : 0;
	}
	return w;
}

static bool is_full(const struct encoder *e, const struct weight *w)
{
	return w->rows >= e->o.row_group_rows || w->all >= CAT_PARQUET_GROUP_BYTES ||
	       w->longer >= CAT_PARQUET_LONGER_BYTES;
}

/* How many rows of B fill a row group that holds W already; B has enough. */
static int64_t fill_up(const struct encoder *e, const struct weight *w, const struct cat_batch *b)
{
	const int64_t left = e->o.row_group_rows - w->rows;
	int64_t few = 0, enough = b->nrows < left ? b->nrows : left;
	struct weight most = weigh(b, enough - 1);

	/* Mostly it is the rows that are enough. */
	add_weight(&most, w, 1);
	if (enough == left && !is_full(e, &most))
		return enough;
	while (enough - few > 1) {
		const int64_t mid = few + (enough - few) / 2;
		struct weight sum = weigh(b, mid);

		add_weight(&sum, w, 1);
		if (is_full(e, &sum))
			enough = mid;
		else
			few = mid;
	}
	return enough;
}

static int encoder_put(struct cat_encoder *encoder, struct cat_batch *b, struct cat_error *err)
{
	struct encoder *e = (struct encoder *)encoder;
	struct waiting *w;

	if (b->nrows == 0) {
		cat_batch_unref(b);
		return CAT_OK;
	}
	if (cat_grow(&e->waiting, &e->cap_waiting, e->nwaiting, sizeof *e->waiting) != 0) {
		cat_batch_unref(b);
		return cat_fail_mem(err, sizeof *e->waiting);
	}
	w = &e->waiting[e->nwaiting++];
	*w = (struct waiting){b, weigh(b, b->nrows)};
	add_weight(&e->weight, &w->weight, 1);
	return CAT_OK;
}

/* Cuts W after N rows; *PART receives the first of them. */
static int cut(struct waiting *w, int64_t n, struct waiting *part, struct cat_error *err)
{
	struct cat_batch *rest;
	int rc;

	CAT_TRY(cat_batch_slice(w->batch, 0, n, &part->batch, err));
	rc = cat_batch_slice(w->batch, n, w->batch->nrows - n, &rest, err);
	if (rc != CAT_OK) {
		cat_batch_unref(part->batch);
		return rc;
	}
	cat_batch_unref(w->batch);
	w->batch = rest;
	part->weight = weigh(part->batch, n);
	add_weight(&w->weight, &part->weight, -1);
	return CAT_OK;
}

/* Moves the rows of a row group, as far as there are as many, from the front of what waits into P. */
static int take_rows(struct encoder *e, struct piece *p, struct cat_error *err)
{
	struct weight sum = {0};
	size_t used = 0;
	int rc = CAT_OK;

	while (used < e->nwaiting && !is_full(e, &sum)) {
		struct waiting part = e->waiting[used];
		struct weight with = sum;

		if (cat_grow(&p->parts, &p->cap_parts, p->nparts, sizeof(struct cat_batch *)) != 0) {
			rc = cat_fail_mem(err, sizeof(struct cat_batch *));
			break;
		}
		add_weight(&with, &part.weight, 1);
		if (is_full(e, &with)) {
			const int64_t n = fill_up(e, &sum, part.batch);

			if (n < part.batch->nrows) {
				rc = cut(&e->waiting[used], n, &part, err);
				if (rc != CAT_OK)
					break;
				used--; /* the rest of it stays */
			}
		}
		used++;
		p->parts[p->nparts++] = part.batch;
		add_weight(&sum, &part.weight, 1);
		add_weight(&e->weight, &part.weight, -1);
	}
	p->group.nrows = sum.rows;
	e->nwaiting -= used;
	memmove(e->waiting, e->waiting + used, e->nwaiting * sizeof *e->waiting);
	return rc;
}

static int encoder_pull(struct cat_encoder *encoder, bool last, struct cat_out **out, struct cat_error *err)
{
	struct encoder *e = (struct encoder *)encoder;
	struct piece *p;
	int rc;

	*out = NULL;
	if (e->nwaiting == 0 || (!last && !is_full(e, &e->weight)))
		return CAT_OK;
	p = cat_calloc(1, sizeof *p);
	if (!p)
		return cat_fail_mem(err, sizeof *p);
	p->base.ops = &piece_ops;
	p->e = e;
	rc = take_rows(e, p, err);
	if (rc != CAT_OK) {
		piece_free(&p->base);
		return rc;
	}
	*out = &p->base;
	return CAT_OK;
}

static int encoder_placed(struct cat_encoder *encoder, struct cat_out *out, int64_t off_bytes,
                          struct cat_error *err)
{
	struct encoder *e = (struct encoder *)encoder;
	struct piece *p = (struct piece *)out;

	if (cat_grow(&e->groups, &e->cap_groups, e->ngroups, sizeof *e->groups) != 0)
		return cat_fail_mem(err, sizeof *e->groups);
	for (size_t i = 0; i < e->w.nleaves; i++) {
		p->group.chunks[i].off = off_bytes;
		off_bytes += p->group.chunks[i].size;
	}
	e->groups[e->ngroups++] = p->group;
	e->nrows += p->group.nrows;
	p->group.chunks = NULL;
	return CAT_OK;
}

/* --- both ends of the file --- */

static int encoder_head(struct cat_encoder *encoder, struct cat_buf **out, struct cat_error *err)
{
	(void)encoder;
	return cat_buf_copy("PAR1", 4, out, err);
}

/* OffsetIndex {1 list of PageLocation {1 offset, 2 compressed_page_size, 3 first_row_index}}. */
static void put_offset_index(const struct cat_pq_wchunk *c, struct cat_text *t)
{
	struct cat_thrift_out o = {.to = t};
	const int16_t outer = cat_thrift_begin(&o, 0);

	cat_thrift_put_list(&o, 1, CAT_THRIFT_STRUCT, c->npages);
	for (size_t i = 0; i < c->npages; i++) {
		const int16_t item = cat_thrift_begin(&o, 0);

		cat_thrift_put_int(&o, 1, CAT_THRIFT_I64, c->off + c->pages[i].off);
		cat_thrift_put_int(&o, 2, CAT_THRIFT_I32, c->pages[i].size);
		cat_thrift_put_int(&o, 3, CAT_THRIFT_I64, c->pages[i].first_row);
		cat_thrift_end(&o, item);
	}
	cat_thrift_end(&o, outer);
}

/* Column indexes, then offset indexes, as parquet-format PageIndex.md wants them, at SIZE_BYTES of the file. */
static void put_indexes(struct encoder *e, int64_t size_bytes, struct cat_text *t)
{
	for (size_t g = 0; g < e->ngroups; g++) {
		for (size_t i = 0; i < e->w.nleaves; i++) {
			struct cat_pq_wchunk *c = &e->groups[g].chunks[i];

			c->column_index_off = size_bytes + (int64_t)t->len;
			c->column_index_len = (int64_t)c->column_index.len;
			if (c->column_index.len)
				cat_text_addn(t, c->column_index.s, c->column_index.len);
		}
	}
	for (size_t g = 0; g < e->ngroups; g++) {
		for (size_t i = 0; i < e->w.nleaves; i++) {
			struct cat_pq_wchunk *c = &e->groups[g].chunks[i];

			c->offset_index_off = size_bytes + (int64_t)t->len;
			put_offset_index(c, t);
			c->offset_index_len = size_bytes + (int64_t)t->len - c->offset_index_off;
		}
	}
}

static int put_tail(struct encoder *e, int64_t size_bytes, struct cat_text *t, struct cat_text *groups,
                    struct cat_error *err)
{
	size_t at;

	put_indexes(e, size_bytes, t);
	for (size_t g = 0; g < e->ngroups; g++)
		cat_pq_group_put(&e->w, &e->groups[g], g, e->sort, groups);
	CAT_TRY(cat_text_check(groups, err));
	at = t->len;
	cat_pq_footer_put(&e->w, e->nrows, groups, e->ngroups, t);
	CAT_TRY(cat_text_check(t, err));
	if (t->len - at > UINT32_MAX)
		return cat_fail(err, CAT_E_UNSUPPORTED, "a Parquet footer of more than 4 GiB");
	CAT_TRY(cat_buf_copy(t->s + at, t->len - at, &e->footer, err));
	cat_pq_tail_put(t, t->len - at);
	return cat_text_check(t, err);
}

static int encoder_tail(struct cat_encoder *encoder, int64_t size_bytes, struct cat_buf **out,
                        struct cat_error *err)
{
	struct cat_text t = {.max = TEXT_MAX}, groups = {.max = TEXT_MAX};
	int rc = put_tail((struct encoder *)encoder, size_bytes, &t, &groups, err);

	if (rc == CAT_OK)
		rc = cat_buf_copy(t.s, t.len, out, err);
	cat_text_fini(&t);
	cat_text_fini(&groups);
	return rc;
}

static void encoder_close(struct cat_encoder *encoder)
{
	struct encoder *e = (struct encoder *)encoder;

	for (size_t i = 0; i < e->nwaiting; i++)
		cat_batch_unref(e->waiting[i].batch);
	cat_free(e->waiting);
	for (size_t g = 0; g < e->ngroups; g++)
		group_fini(&e->w, &e->groups[g]);
	cat_free(e->groups);
	cat_pq_idle_fini(&e->idle);
	cat_pq_wschema_fini(&e->w);
	cat_buf_unref(e->footer);
	cat_free(e);
}

static const struct cat_encoder_ops encoder_ops = {encoder_put,  encoder_pull, encoder_placed, encoder_head,
                                                   encoder_tail, NULL,         encoder_close};

static int find_sort_leaf(struct encoder *e, struct cat_error *err)
{
	e->sort = -1;
	for (size_t i = 0; e->o.sort_column && i < e->w.nleaves; i++)
		if (e->w.leaves[i].npath == 1 && strcmp(e->w.leaves[i].path[0]->name, e->o.sort_column) == 0)
			e->sort = (int)i;
	if (e->o.sort_column && e->sort < 0)
		return cat_fail(err, CAT_E_USAGE, "no plain column '%s' to be sorted by", e->o.sort_column);
	e->o.sort_column = NULL; /* the caller's text; not needed any more */
	return CAT_OK;
}

int cat_parquet_encoder(const struct cat_schema *schema, const struct cat_parquet_write_options *o,
                        struct cat_encoder **out, struct cat_error *err)
{
	struct encoder *e = cat_calloc(1, sizeof *e);
	int rc;

	if (!e)
		return cat_fail_mem(err, sizeof *e);
	if (o)
		e->o = *o;
	if (e->o.row_group_rows <= 0)
		e->o.row_group_rows = CAT_PARQUET_GROUP_ROWS;
	rc = cat_pq_wschema_init(&e->w, schema, &e->o, err);
	if (rc == CAT_OK)
		rc = find_sort_leaf(e, err);
	if (rc != CAT_OK) {
		encoder_close(&e->base);
		return rc;
	}
	e->base.ops = &encoder_ops;
	*out = &e->base;
	return CAT_OK;
}

struct cat_buf *cat_parquet_encoder_footer(const struct cat_encoder *e)
{
	return cat_buf_ref(((const struct encoder *)e)->footer);
}
