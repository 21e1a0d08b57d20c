#include "storage/object.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/creds.h"
#include "net/http.h"
#include "net/settings.h"
#include "storage/cache.h"
#include "storage/local.h"

#define FIRST ((int64_t)64 << 10)      /* bytes of the first request */
#define SMALL ((size_t)8 << 20)        /* a whole object that is kept in memory */
#define NEAR ((int64_t)128 << 10)      /* bytes between two ranges that are rather read than asked for apart */
#define FAR ((int64_t)1 << 20)         /* ... and the most that is read to keep to FEW requests */
#define FEW 2
#define PIECE ((int64_t)8 << 20)       /* of a long range */
#define CHUNK ((size_t)4 << 20)        /* of reading in order */
#define AHEAD 4                        /* chunks under way */
#define CACHED ((int64_t)2 << 20)      /* the longest piece that is kept for the next time */

struct object {
	struct cat_reader base;
	struct cat_url url;
	char *name;
	char *etag;              /* of the version that is read; NULL: the server tells none */
	char *modified;
	struct cat_buf *kept;    /* what the first request brought, and where it stands */
	int64_t kept_begin;
	char *who;               /* asks; NULL: nothing is kept for the next time */
	struct cat_reader *whole; /* instead of everything below: a copy */
	int64_t pos;             /* where next stands */
	size_t chunk;            /* of the next request ahead */
	struct cat_ticket *ahead[AHEAD];
	size_t ahead_len[AHEAD];
	int nahead;
	int64_t ahead_end;       /* up to where chunks were asked for */
	struct cat_buf *rest;    /* of a chunk that was not given out whole */
};

/* --- ranges --- */

/* Bytes asked for in one go; its pieces write their parts of BUF. */
struct extent {
	int64_t begin, end;
	struct cat_buf *buf;
};
struct piece {
	struct cat_call call;
	struct extent *extent;
	int64_t begin, end;
	uint8_t *at;
	bool cached; /* it was had without asking */
};
struct object_ticket {
	struct cat_ticket base;
	size_t n;
	struct cat_range *ranges;
	struct extent **of; /* of each range; NULL: it was kept */
	struct extent *extents;
	size_t nextents;
	struct piece *pieces;
	size_t npieces;
};

static void ticket_free(struct object_ticket *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->npieces; i++)
		cat_call_fini(&t->pieces[i].call);
	for (size_t i = 0; i < t->nextents; i++)
		cat_buf_unref(t->extents[i].buf);
	cat_free(t->ranges);
	cat_free(t->of);
	cat_free(t->extents);
	cat_free(t->pieces);
	cat_free(t);
}

static bool is_kept(const struct object *o, const struct cat_range *r)
{
	return o->kept && r->off_bytes >= o->kept_begin &&
	       r->off_bytes + (int64_t)r->len <= o->kept_begin + (int64_t)o->kept->size;
}

static int by_begin(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;

	return x->begin < y->begin ? -1 : x->begin > y->begin;
}

/* Joins extent I and the one behind it. */
static void join(struct object_ticket *t, size_t i)
{
	if (t->extents[i + 1].end > t->extents[i].end)
		t->extents[i].end = t->extents[i + 1].end;
	memmove(&t->extents[i + 1], &t->extents[i + 2], (t->nextents - i - 2) * sizeof *t->extents);
	t->nextents--;
}

/* Sorted extents into as few requests as is cheaper than reading what lies between. */
static void coalesce(struct object_ticket *t)
{
	for (size_t i = 0; i + 1 < t->nextents;)
		if (t->extents[i + 1].begin - t->extents[i].end <= NEAR)
			join(t, i);
		else
			i++;
	while (t->nextents > FEW) {
		size_t best = 0;
		int64_t gap = INT64_MAX;

		for (size_t i = 0; i + 1 < t->nextents; i++)
			if (t->extents[i + 1].begin - t->extents[i].end < gap) {
				gap = t->extents[i + 1].begin - t->extents[i].end;
				best = i;
			}
		if (gap > FAR)
			break;
		join(t, best);
	}
}

static bool write_piece(void *arg, const void *data, size_t n)
{
	struct piece *p = arg;
	struct extent *e = p->extent;

	if (!data) {
		p->at = e->buf->data + (p->begin - e->begin);
		return true;
	}
	if ((int64_t)n > p->end - e->begin - (p->at - e->buf->data))
		return false;
	memcpy(p->at, data, n);
	p->at += n;
	return true;
}

/* False when the piece is not one to be kept. */
static bool piece_key(const struct object *o, const struct piece *p, struct cat_cache_key *key)
{
	return o->who && o->etag && strncmp(o->etag, "W/", 2) != 0 && p->end - p->begin <= CACHED &&
	       cat_cache_key(key, o->name, o->who, o->etag, p->begin, p->end);
}

static bool from_cache(const struct object *o, struct piece *p)
{
	struct cat_cache_key key;
	struct cat_buf *b = NULL;

	if (!piece_key(o, p, &key))
		return false;
	cat_cache_get(&key, &b);
	p->cached = b && (int64_t)b->size == p->end - p->begin;
	if (p->cached)
		memcpy(p->extent->buf->data + (p->begin - p->extent->begin), b->data, b->size);
	cat_buf_unref(b);
	return p->cached;
}

static int start_piece(struct object *o, struct piece *p, struct cat_error *err)
{
	if (from_cache(o, p))
		return CAT_OK;
	CAT_TRY(cat_call_for(&p->call, "GET", &o->url, o->name, err));
	p->call.range_begin = p->begin;
	p->call.range_end = p->end;
	p->call.max_reply = (size_t)(p->end - p->begin);
	p->call.sink = write_piece;
	p->call.sink_arg = p;
	p->at = p->extent->buf->data + (p->begin - p->extent->begin);
	/* A weak tag promises nothing of bytes; it is compared with what comes. */
	if (o->etag && strncmp(o->etag, "W/", 2) != 0) {
		p->call.if_match = cat_strdup(o->etag);
		if (!p->call.if_match)
			return cat_fail_mem(err, strlen(o->etag));
	}
	return cat_call_start(&p->call, err);
}

static int start_all(struct object *o, struct object_ticket *t, struct cat_error *err)
{
	size_t n = 0;

	for (size_t i = 0; i < t->nextents; i++)
		n += (size_t)((t->extents[i].end - t->extents[i].begin + PIECE - 1) / PIECE);
	t->pieces = cat_calloc(n ? n : 1, sizeof *t->pieces);
	if (!t->pieces)
		return cat_fail_mem(err, n * sizeof *t->pieces);
	for (size_t i = 0; i < t->nextents; i++) {
		struct extent *e = &t->extents[i];

		CAT_TRY(cat_buf_new((size_t)(e->end - e->begin), &e->buf, err));
		for (int64_t at = e->begin; at < e->end; at += PIECE) {
			struct piece *p = &t->pieces[t->npieces++];

			*p = (struct piece){.extent = e, .begin = at, .end = at + PIECE < e->end ? at + PIECE : e->end};
			CAT_TRY(start_piece(o, p, err));
		}
	}
	return CAT_OK;
}

static int check_range(const struct object *o, const struct cat_range *r, struct cat_error *err)
{
	if (r->off_bytes < 0 || r->off_bytes > o->base.size || (int64_t)r->len < 0 ||
	    (int64_t)r->len > o->base.size - r->off_bytes)
		return cat_fail(err, CAT_E_DATA, "%s: bytes %lld to %lld lie beyond the end at %lld", o->name,
		                (long long)r->off_bytes, (long long)r->off_bytes + (long long)r->len,
		                (long long)o->base.size);
	return CAT_OK;
}

/* What has to be asked for. */
static int plan(const struct object *o, struct object_ticket *t, const struct cat_range *ranges,
                struct cat_error *err)
{
	t->ranges = cat_calloc(t->n, sizeof *t->ranges);
	t->of = cat_calloc(t->n, sizeof(struct extent *));
	t->extents = cat_calloc(t->n, sizeof *t->extents);
	if (!t->ranges || !t->of || !t->extents)
		return cat_fail_mem(err, t->n * sizeof *t->extents);
	for (size_t i = 0; i < t->n; i++) {
		t->ranges[i] = ranges[i];
		CAT_TRY(check_range(o, &ranges[i], err));
		if (!is_kept(o, &ranges[i]) && ranges[i].len > 0)
			t->extents[t->nextents++] = (struct extent){ranges[i].off_bytes,
			                                            ranges[i].off_bytes + (int64_t)ranges[i].len, NULL};
	}
	qsort(t->extents, t->nextents, sizeof *t->extents, by_begin);
	coalesce(t);
	for (size_t i = 0; i < t->n; i++)
		for (size_t k = 0; k < t->nextents && !is_kept(o, &ranges[i]); k++)
			if (ranges[i].off_bytes >= t->extents[k].begin && ranges[i].off_bytes < t->extents[k].end)
				t->of[i] = &t->extents[k];
	return CAT_OK;
}

static void object_price(struct cat_reader *r, const struct cat_range *ranges, size_t n, struct cat_price *price)
{
	struct object *o = (struct object *)r;
	struct object_ticket *t = o->whole ? NULL : cat_calloc(1, sizeof *t);
	struct cat_error unused;

	if (!t)
		return;
	t->n = n;
	if (n && plan(o, t, ranges, &unused) == CAT_OK)
		for (size_t i = 0; i < t->nextents; i++) {
			const int64_t len = t->extents[i].end - t->extents[i].begin;

			price->requests += (len + PIECE - 1) / PIECE;
			price->bytes += len;
		}
	ticket_free(t);
}

static void object_drop(struct cat_ticket *t)
{
	ticket_free((struct object_ticket *)t);
}

static int object_submit(struct cat_reader *r, const struct cat_range *ranges, size_t n, struct cat_ticket **out,
                         struct cat_error *err)
{
	struct object *o = (struct object *)r;
	struct object_ticket *t;
	int rc;

	if (o->whole)
		return o->whole->ops->submit(o->whole, ranges, n, out, err);
	t = cat_calloc(1, sizeof *t);
	if (!t)
		return cat_fail_mem(err, sizeof *t);
	t->base.reader = r;
	t->n = n;
	rc = n ? plan(o, t, ranges, err) : CAT_OK;
	if (rc == CAT_OK && n)
		rc = start_all(o, t, err);
	if (rc != CAT_OK) {
		ticket_free(t);
		return rc;
	}
	*out = &t->base;
	return CAT_OK;
}

static bool same(const char *a, const char *b)
{
	return (!a && !b) || (a && b && strcmp(a, b) == 0);
}

static int finish_piece(struct object *o, struct piece *p, struct cat_error *err)
{
	const struct cat_reply *reply = &p->call.reply;
	struct cat_cache_key key;

	if (p->cached)
		return CAT_OK;
	CAT_TRY(cat_call_finish(&p->call, err));
	if (!same(reply->etag, o->etag) || (!o->etag && !same(reply->modified, o->modified)) ||
	    (reply->range_total >= 0 && reply->range_total != o->base.size))
		return cat_fail(err, CAT_E_DATA, "%s changed while it was read", o->name);
	if (p->at - p->extent->buf->data != p->end - p->extent->begin)
		return cat_fail(err, CAT_E_PROTOCOL, "%s: the reply is shorter than its range", o->name);
	if (piece_key(o, p, &key))
		cat_cache_put(&key, p->extent->buf->data + (p->begin - p->extent->begin), (size_t)(p->end - p->begin));
	return CAT_OK;
}

static int give(struct object *o, const struct object_ticket *t, size_t i, struct cat_buf **out, struct cat_error *err)
{
	const struct cat_range *r = &t->ranges[i];
	const struct extent *e = t->of[i];

	if (r->len == 0)
		return cat_buf_new(0, out, err);
	if (!e)
		return cat_buf_slice(o->kept, (size_t)(r->off_bytes - o->kept_begin), r->len, out, err);
	if (r->off_bytes == e->begin && (int64_t)r->len == e->end - e->begin) {
		*out = cat_buf_ref(e->buf);
		return CAT_OK;
	}
	return cat_buf_slice(e->buf, (size_t)(r->off_bytes - e->begin), r->len, out, err);
}

static int object_wait(struct cat_ticket *ticket, struct cat_buf **out, struct cat_error *err)
{
	struct object_ticket *t = (struct object_ticket *)ticket;
	struct object *o = (struct object *)ticket->reader;
	int rc = CAT_OK;
	size_t given = 0;

	/* The copy's. */
	if (ticket->reader->ops->wait != object_wait)
		return ticket->reader->ops->wait(ticket, out, err);
	for (size_t i = 0; rc == CAT_OK && i < t->npieces; i++)
		rc = finish_piece(o, &t->pieces[i], err);
	while (rc == CAT_OK && given < t->n) {
		rc = give(o, t, given, &out[given], err);
		given += rc == CAT_OK;
	}
	while (rc != CAT_OK && given > 0)
		cat_buf_unref(out[--given]);
	ticket_free(t);
	return rc;
}

/* --- in order --- */

/* Keeps chunks under way in front of what is read. */
static int ask_ahead(struct object *o, struct cat_error *err)
{
	const int64_t fit = cat_net_settings()->memory_bytes / (int64_t)CHUNK;
	/* One first, then more: who looks at the beginning only does not want the rest. */
	const int want = o->chunk < CHUNK || fit < 2 ? 1 : fit < AHEAD ? (int)fit : AHEAD;

	if (o->ahead_end < o->pos)
		o->ahead_end = o->pos;
	while (o->nahead < want && o->ahead_end < o->base.size) {
		const int64_t left = o->base.size - o->ahead_end;
		const struct cat_range r = {o->ahead_end, (int64_t)o->chunk < left ? o->chunk : (size_t)left};

		CAT_TRY(object_submit(&o->base, &r, 1, &o->ahead[o->nahead], err));
		o->ahead_len[o->nahead++] = r.len;
		o->ahead_end += (int64_t)r.len;
		o->chunk = o->chunk * 4 < CHUNK ? o->chunk * 4 : CHUNK;
	}
	return CAT_OK;
}

static int object_next(struct cat_reader *r, size_t max, struct cat_buf **out, struct cat_error *err)
{
	struct object *o = (struct object *)r;
	struct cat_buf *b;

	*out = NULL;
	if (o->whole)
		return o->whole->ops->next(o->whole, max, out, err);
	if (!o->rest) {
		struct cat_ticket *t;

		CAT_TRY(ask_ahead(o, err));
		if (o->nahead == 0)
			return CAT_OK;
		t = o->ahead[0];
		o->nahead--;
		memmove(o->ahead, o->ahead + 1, (size_t)o->nahead * sizeof *o->ahead);
		memmove(o->ahead_len, o->ahead_len + 1, (size_t)o->nahead * sizeof *o->ahead_len);
		CAT_TRY(object_wait(t, &o->rest, err));
		/* The next ones are on their way while this one is worked on. */
		CAT_TRY(ask_ahead(o, err));
	}
	if (max >= o->rest->size) {
		*out = o->rest;
		o->rest = NULL;
	} else {
		CAT_TRY(cat_buf_slice(o->rest, 0, max, out, err));
		if (cat_buf_slice(o->rest, max, o->rest->size - max, &b, err) != CAT_OK) {
			cat_buf_unref(*out);
			return (int)err->code;
		}
		cat_buf_unref(o->rest);
		o->rest = b;
	}
	o->pos += (int64_t)(*out)->size;
	return CAT_OK;
}

static int object_peek(struct cat_reader *r, size_t max, struct cat_buf **out, struct cat_error *err)
{
	struct object *o = (struct object *)r;
	int64_t left;

	if (o->whole)
		return o->whole->ops->peek(o->whole, max, out, err);
	left = o->base.size - o->pos;
	return cat_read_range(r, o->pos, (int64_t)max < left ? max : (size_t)left, out, err);
}

static void object_close(struct cat_reader *r)
{
	struct object *o = (struct object *)r;

	for (int i = 0; i < o->nahead; i++)
		object_drop(o->ahead[i]);
	cat_reader_close(o->whole);
	cat_buf_unref(o->kept);
	cat_buf_unref(o->rest);
	cat_url_fini(&o->url);
	cat_free(o->etag);
	cat_free(o->modified);
	cat_free(o->who);
	cat_free(o->name);
	cat_free(o);
}

static const struct cat_reader_ops object_ops = {.submit = object_submit,
                                                 .wait = object_wait,
                                                 .next = object_next,
                                                 .peek = object_peek,
                                                 .close = object_close,
                                                 .drop = object_drop,
                                                 .price = object_price};

/* --- a copy of what can only be had whole --- */

static bool write_copy(void *arg, const void *data, size_t n)
{
	const int fd = *(const int *)arg;
	struct cat_error err;

	if (!data)
		return ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0;
	return cat_write_all(fd, data, n, "a temporary file", &err) == CAT_OK;
}

static int copy_whole(struct object *o, struct cat_error *err)
{
	const struct cat_net_settings *set = cat_net_settings();
	struct cat_call call = {0};
	int fd, rc;

	CAT_TRY(cat_local_temp(set->temp_dir ? set->temp_dir : "/tmp", &fd, err));
	rc = cat_call_for(&call, "GET", &o->url, o->name, err);
	call.sink = write_copy;
	call.sink_arg = &fd;
	if (rc == CAT_OK)
		rc = cat_call_run(&call, err);
	cat_call_fini(&call);
	if (rc == CAT_OK && lseek(fd, 0, SEEK_SET) != 0)
		rc = cat_fail(err, CAT_E_IO, "%s: cannot rewind its copy", o->name);
	if (rc == CAT_OK)
		rc = cat_local_open_fd(fd, o->name, &o->whole, err);
	if (rc != CAT_OK) {
		close(fd);
		return rc;
	}
	o->base.size = o->whole->size;
	o->base.far = false;
	return CAT_OK;
}

/* --- opening --- */

struct cat_object_opening {
	struct object *object;
	struct cat_call first;
	enum cat_open_where where;
	struct cat_buf *known; /* what the first request brought last time, behind a struct first */
};

/* A first reply as it is kept; the ETag, with its zero, and the bytes follow. */
struct first {
	int64_t size, begin;
	uint32_t etag_len;
};

static bool first_key(const struct object *o, enum cat_open_where where, struct cat_cache_key *key)
{
	return o->who && cat_cache_key(key, o->name, o->who, where == CAT_OPEN_TAIL ? "last bytes" : "first bytes", 0, FIRST);
}

/* Who asks, as far as that decides what may be seen. What needs a token or has one in it is not kept. */
static void find_who(struct object *o)
{
	const struct cat_net_settings *set = cat_net_settings();
	struct cat_creds *c = NULL;
	struct cat_error unused = {0};

	if (!cat_cache_on() || o->url.query || (!o->url.is_s3 && set->bearer_file))
		return;
	if (o->url.is_s3 && !set->anonymous && cat_creds_get(&c, &unused) != CAT_OK)
		return;
	o->who = cat_strdup(c ? c->access_key : "-");
	cat_creds_unref(c);
}

/* The first request asks for what is not known yet. */
static int ask_if_new(struct cat_object_opening *p, enum cat_open_where where, struct cat_error *err)
{
	struct cat_cache_key key;
	struct first f;

	find_who(p->object);
	if (!first_key(p->object, where, &key))
		return CAT_OK;
	cat_cache_get(&key, &p->known);
	if (!p->known)
		return CAT_OK;
	memcpy(&f, p->known->data, p->known->size < sizeof f ? 0 : sizeof f);
	if (p->known->size < sizeof f || p->known->size - sizeof f < f.etag_len || f.etag_len == 0) {
		cat_buf_unref(p->known);
		p->known = NULL;
		return CAT_OK;
	}
	return cat_call_header(&p->first, err, "If-None-Match: %s", (const char *)p->known->data + sizeof f);
}

static void keep_first(const struct object *o, enum cat_open_where where)
{
	const size_t len = o->etag ? strlen(o->etag) + 1 : 0;
	const struct first f = {.size = o->base.size, .begin = o->kept_begin, .etag_len = (uint32_t)len};
	struct cat_error unused;
	struct cat_cache_key key;
	struct cat_buf *b;

	if (!o->kept || !len || strncmp(o->etag, "W/", 2) == 0 || !first_key(o, where, &key) ||
	    cat_buf_new(sizeof f + len + o->kept->size, &b, &unused) != CAT_OK)
		return;
	memcpy(b->data, &f, sizeof f);
	memcpy(b->data + sizeof f, o->etag, len);
	memcpy(b->data + sizeof f + len, o->kept->data, o->kept->size);
	cat_cache_put(&key, b->data, b->size);
	cat_buf_unref(b);
}

/* The object is as it was when KNOWN was kept. */
static int use_known(struct object *o, struct cat_buf *known, struct cat_error *err)
{
	struct first f;

	memcpy(&f, known->data, sizeof f);
	o->etag = cat_strdup((const char *)known->data + sizeof f);
	if (!o->etag)
		return cat_fail_mem(err, f.etag_len);
	o->base.size = f.size;
	o->kept_begin = f.begin;
	return cat_buf_slice(known, sizeof f + f.etag_len, known->size - sizeof f - f.etag_len, &o->kept, err);
}

int cat_object_begin(const char *name, enum cat_open_where where, struct cat_object_opening **out,
                     struct cat_error *err)
{
	struct cat_object_opening *p = cat_calloc(1, sizeof *p);
	struct object *o = cat_calloc(1, sizeof *o);
	int rc;

	if (!p || !o) {
		cat_free(p);
		cat_free(o);
		return cat_fail_mem(err, sizeof *o);
	}
	p->object = o;
	o->base = (struct cat_reader){.ops = &object_ops, .size = -1, .far = true};
	o->chunk = (size_t)256 << 10;
	o->name = cat_strdup(name);
	o->base.name = o->name;
	rc = o->name ? cat_url_parse(name, &o->url, err) : cat_fail_mem(err, strlen(name));
	if (rc == CAT_OK)
		rc = cat_call_for(&p->first, "GET", &o->url, o->name, err);
	if (rc == CAT_OK) {
		p->first.range_begin = where == CAT_OPEN_TAIL ? -FIRST : 0;
		p->first.range_end = where == CAT_OPEN_TAIL ? 0 : FIRST;
		p->first.max_reply = (size_t)FIRST;
		p->first.max_whole = SMALL;
		rc = ask_if_new(p, where, err);
	}
	if (rc == CAT_OK) {
		p->where = where;
		rc = cat_call_start(&p->first, err);
	}
	if (rc != CAT_OK) {
		cat_object_cancel(p);
		return rc;
	}
	*out = p;
	return CAT_OK;
}

static int keep_version(struct object *o, const struct cat_reply *r, struct cat_error *err)
{
	o->etag = r->etag ? cat_strdup(r->etag) : NULL;
	o->modified = r->modified ? cat_strdup(r->modified) : NULL;
	if ((r->etag && !o->etag) || (r->modified && !o->modified))
		return cat_fail_mem(err, 64);
	return CAT_OK;
}

/* C again, for the first bytes: not every server knows what the last ones are. */
static int ask_head(struct object *o, struct cat_call *c, struct cat_error *err)
{
	cat_call_fini(c);
	CAT_TRY(cat_call_for(c, "GET", &o->url, o->name, err));
	c->range_end = FIRST;
	c->max_reply = (size_t)FIRST;
	c->max_whole = SMALL;
	return cat_call_run(c, err);
}

/* From the first reply to a reader that can be used. */
static int settle(struct object *o, struct cat_call *c, struct cat_error *err)
{
	int rc = cat_call_finish(c, err);

	if (c->range_begin < 0 && c->reply.range_total != 0 && rc != CAT_E_DENIED &&
	    (c->reply.status == 416 || c->reply.status == 400 || c->reply.status == 501))
		rc = ask_head(o, c, err);
	/* Ranges of an empty object cannot be satisfied. */
	if (c->reply.status == 416 && c->reply.range_total <= 0) {
		err->code = CAT_OK;
		o->base.size = 0;
		return keep_version(o, &c->reply, err);
	}
	if (c->stopped && c->reply.takes_ranges && c->reply.length >= 0) {
		err->code = CAT_OK;
		o->base.size = c->reply.length;
		return keep_version(o, &c->reply, err);
	}
	if (c->stopped) {
		err->code = CAT_OK;
		return copy_whole(o, err);
	}
	CAT_TRY(rc);
	if (c->reply.status == 206 && c->reply.range_total < 0)
		return copy_whole(o, err);
	if (!c->into)
		CAT_TRY(cat_buf_new(0, &c->into, err));
	o->kept = cat_buf_ref(c->into);
	o->kept_begin = c->reply.status == 206 ? c->reply.range_begin : 0;
	o->base.size = c->reply.status == 206 ? c->reply.range_total : (int64_t)c->into->size;
	return keep_version(o, &c->reply, err);
}

int cat_object_finish(struct cat_object_opening *p, struct cat_reader **out, struct cat_error *err)
{
	int rc = settle(p->object, &p->first, err);

	if (p->known && p->first.reply.status == 304) {
		err->code = CAT_OK;
		rc = use_known(p->object, p->known, err);
	} else if (rc == CAT_OK && p->first.reply.status == 206) {
		keep_first(p->object, p->where);
	}
	if (rc == CAT_OK) {
		*out = &p->object->base;
		p->object = NULL;
	}
	cat_object_cancel(p);
	return rc;
}

void cat_object_cancel(struct cat_object_opening *p)
{
	if (!p)
		return;
	cat_call_fini(&p->first);
	cat_buf_unref(p->known);
	if (p->object)
		object_close(&p->object->base);
	cat_free(p);
}

const char *cat_object_version(const struct cat_reader *r)
{
	const struct object *o = (const struct object *)r;

	return r->ops != &object_ops ? NULL : o->etag ? o->etag : o->modified;
}

/* --- small whole objects --- */

static int fetch_begin(struct cat_call *c, const char *name, size_t max, struct cat_error *err)
{
	struct cat_url url;
	int rc;

	CAT_TRY(cat_url_parse(name, &url, err));
	rc = cat_call_for(c, "GET", &url, name, err);
	cat_url_fini(&url);
	CAT_TRY(rc);
	c->max_reply = max;
	return cat_call_start(c, err);
}

int cat_object_fetch(char *const *names, int n, size_t max, struct cat_buf **out, bool *denied, struct cat_error *err)
{
	struct cat_call *calls = cat_calloc((size_t)n, sizeof *calls);
	int rc = calls ? CAT_OK : cat_fail_mem(err, (size_t)n * sizeof *calls), begun = 0;

	for (; rc == CAT_OK && begun < n; begun++)
		rc = fetch_begin(&calls[begun], names[begun], max, err);
	for (int i = 0; rc == CAT_OK && i < n; i++) {
		rc = cat_call_finish(&calls[i], err);
		if (rc == CAT_E_NOINPUT || rc == CAT_E_DENIED) {
			*denied |= rc == CAT_E_DENIED;
			rc = CAT_OK;
			continue;
		}
		if (rc == CAT_OK && !calls[i].into)
			rc = cat_buf_new(0, &calls[i].into, err);
		if (rc == CAT_OK)
			out[i] = cat_buf_ref(calls[i].into);
	}
	for (int i = 0; i < begun; i++)
		cat_call_fini(&calls[i]);
	for (int i = 0; rc != CAT_OK && i < n; i++) {
		cat_buf_unref(out[i]);
		out[i] = NULL;
	}
	cat_free(calls);
	return rc;
}
