#include "storage/object.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "net/engine.h"
#include "net/http.h"
#include "net/settings.h"
#include "storage/cache.h"
#include "storage/local.h"
#include "storage/object_impl.h"

#define NEAR ((int64_t)128 << 10)      /* bytes between two ranges that are rather read than asked for apart */
#define FAR ((int64_t)1 << 20)         /* ... and the most that is read to keep to FEW requests */
#define FEW 2
#define PIECE ((int64_t)8 << 20)       /* of a long range */
#define CHUNK ((size_t)4 << 20)        /* of reading in order */
#define GATHER ((size_t)128 << 10)     /* bytes that are written to a file at once, while they are in a cache */
#define CACHED ((int64_t)2 << 20)      /* the longest piece that is kept for the next time */

/* --- ranges --- */

/* Bytes asked for in one go; its pieces write their parts of BUF. */
struct extent {
	int64_t begin, end;
	struct cat_buf *buf; /* NULL: they are not kept */
};
struct piece {
	struct cat_call call;
	struct extent *extent;
	int64_t begin, end;
	int64_t at;  /* up to where it has come */
	int64_t passed; /* ... and up to where it was passed on to INTO */
	uint8_t *gathered; /* what is between them, when the extent has no buffer */
	bool cached; /* it was had without asking */
	struct cat_object_into *into; /* NULL: nothing but its buffer */
	void *digest; /* of what came, when into wants it */
	int sys;     /* why it cannot be written */
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
	struct cat_object_into *into;
};

static void ticket_free(struct object_ticket *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->npieces; i++) {
		const struct cat_net_engine *e;
		struct cat_error unused;
		uint8_t digest[32];

		cat_call_fini(&t->pieces[i].call);
		cat_free(t->pieces[i].gathered);
		if (t->pieces[i].digest && cat_net_engine(&e, &unused) == CAT_OK)
			e->digest_end(t->pieces[i].digest, digest);
	}
	for (size_t i = 0; i < t->nextents; i++)
		cat_buf_unref(t->extents[i].buf);
	cat_free(t->ranges);
	cat_free(t->of);
	cat_free(t->extents);
	cat_free(t->pieces);
	cat_free(t);
}

static bool is_kept(const struct cat_object *o, const struct cat_range *r)
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

static uint8_t *place_of(const struct piece *p, int64_t at)
{
	return p->extent->buf->data + (at - p->extent->begin);
}

/* What came of it before does not count. */
static bool begin_piece(struct piece *p)
{
	const struct cat_net_engine *e;
	struct cat_error unused;
	uint8_t digest[32];

	p->at = p->passed = p->begin;
	if (!p->into)
		return true;
	if (!p->extent->buf && !p->gathered && !(p->gathered = cat_malloc(GATHER)))
		return false;
	if (!p->into->digest)
		return true;
	if (cat_net_engine(&e, &unused) != CAT_OK)
		return false;
	if (p->digest)
		e->digest_end(p->digest, digest);
	p->digest = e->digest_begin(true);
	return p->digest != NULL;
}

static bool pass_on(struct piece *p)
{
	const uint8_t *data = p->gathered ? p->gathered : place_of(p, p->passed);
	const size_t n = (size_t)(p->at - p->passed);
	const struct cat_net_engine *e;
	struct cat_error unused;

	if (!cat_local_write_at(p->into->fd, data, n, p->passed)) {
		p->sys = errno;
		return false;
	}
	if (p->digest && cat_net_engine(&e, &unused) == CAT_OK)
		e->digest_add(p->digest, data, n);
	p->passed = p->at;
	return true;
}

static bool write_piece(void *arg, const void *data, size_t n)
{
	struct piece *p = arg;
	const uint8_t *from = data;

	if (!data)
		return begin_piece(p);
	if ((int64_t)n > p->end - p->at)
		return false;
	while (n > 0) {
		const size_t have = (size_t)(p->at - p->passed), take = p->into && n > GATHER - have ? GATHER - have : n;

		memcpy(p->gathered ? p->gathered + have : place_of(p, p->at), from, take);
		p->at += (int64_t)take;
		from += take;
		n -= take;
		if (p->into && (have + take == GATHER || p->at == p->end) && !pass_on(p))
			return false;
	}
	return true;
}

/* False when the piece is not one to be kept. */
static bool piece_key(const struct cat_object *o, const struct piece *p, struct cat_cache_key *key)
{
	return o->who && o->etag && strncmp(o->etag, "W/", 2) != 0 && p->end - p->begin <= CACHED &&
	       cat_cache_key(key, o->name, o->who, o->etag, p->begin, p->end);
}

static bool from_cache(const struct cat_object *o, struct piece *p)
{
	struct cat_cache_key key;
	struct cat_buf *b = NULL;

	if (!piece_key(o, p, &key))
		return false;
	cat_cache_get(&key, &b);
	p->cached = b && (int64_t)b->size == p->end - p->begin;
	if (p->cached)
		memcpy(place_of(p, p->begin), b->data, b->size);
	cat_buf_unref(b);
	return p->cached;
}

static int start_piece(struct cat_object *o, struct piece *p, struct cat_error *err)
{
	if (!p->into && from_cache(o, p))
		return CAT_OK;
	if (!begin_piece(p))
		return cat_fail_mem(err, 64);
	CAT_TRY(cat_call_for(&p->call, "GET", &o->url, o->name, err));
	p->call.range_begin = p->begin;
	p->call.range_end = p->end;
	p->call.max_reply = (size_t)(p->end - p->begin);
	p->call.sink = write_piece;
	p->call.sink_arg = p;
	/* A weak tag promises nothing of bytes; it is compared with what comes. */
	if (o->etag && strncmp(o->etag, "W/", 2) != 0) {
		p->call.if_match = cat_strdup(o->etag);
		if (!p->call.if_match)
			return cat_fail_mem(err, strlen(o->etag));
	}
	return cat_call_start(&p->call, err);
}

static int start_all(struct cat_object *o, struct object_ticket *t, struct cat_error *err)
{
	/* A digest is one of all of it. */
	const int64_t most = t->into ? INT64_MAX / 2 : PIECE;
	size_t n = 0;

	for (size_t i = 0; i < t->nextents; i++)
		n += (size_t)((t->extents[i].end - t->extents[i].begin + most - 1) / most);
	t->pieces = cat_calloc(n ? n : 1, sizeof *t->pieces);
	if (!t->pieces)
		return cat_fail_mem(err, n * sizeof *t->pieces);
	for (size_t i = 0; i < t->nextents; i++) {
		struct extent *e = &t->extents[i];

		if (!t->into || t->into->keep)
			CAT_TRY(cat_buf_new((size_t)(e->end - e->begin), &e->buf, err));
		for (int64_t at = e->begin; at < e->end; at += most) {
			struct piece *p = &t->pieces[t->npieces++];

			*p = (struct piece){.extent = e, .begin = at, .end = at + most < e->end ? at + most : e->end,
			                    .into = t->into};
			CAT_TRY(start_piece(o, p, err));
		}
	}
	return CAT_OK;
}

static int check_range(const struct cat_object *o, const struct cat_range *r, struct cat_error *err)
{
	if (r->off_bytes < 0 || r->off_bytes > o->base.size || (int64_t)r->len < 0 ||
	    (int64_t)r->len > o->base.size - r->off_bytes)
		return cat_fail(err, CAT_E_DATA, "%s: bytes %lld to %lld lie beyond the end at %lld", o->name,
		                (long long)r->off_bytes, (long long)r->off_bytes + (long long)r->len,
		                (long long)o->base.size);
	return CAT_OK;
}

/* What has to be asked for. */
static int plan(const struct cat_object *o, struct object_ticket *t, const struct cat_range *ranges,
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
	struct cat_object *o = (struct cat_object *)r;
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

static int submit(struct cat_object *o, const struct cat_range *ranges, size_t n, struct cat_object_into *into,
                  struct object_ticket **out, struct cat_error *err)
{
	struct object_ticket *t = cat_calloc(1, sizeof *t);
	int rc;

	if (!t)
		return cat_fail_mem(err, sizeof *t);
	t->base.reader = &o->base;
	t->n = n;
	t->into = into;
	rc = n ? plan(o, t, ranges, err) : CAT_OK;
	if (rc == CAT_OK && n)
		rc = start_all(o, t, err);
	if (rc != CAT_OK) {
		ticket_free(t);
		return rc;
	}
	*out = t;
	return CAT_OK;
}

static int object_submit(struct cat_reader *r, const struct cat_range *ranges, size_t n, struct cat_ticket **out,
                         struct cat_error *err)
{
	struct cat_object *o = (struct cat_object *)r;
	struct object_ticket *t;

	if (o->whole)
		return o->whole->ops->submit(o->whole, ranges, n, out, err);
	CAT_TRY(submit(o, ranges, n, NULL, &t, err));
	*out = &t->base;
	return CAT_OK;
}

int cat_object_submit_into(struct cat_reader *r, const struct cat_range *range, struct cat_object_into *into,
                           struct cat_ticket **out, struct cat_error *err)
{
	struct cat_object *o = (struct cat_object *)r;
	struct object_ticket *t;

	into->direct = false;
	if (r->ops != &cat_object_ops || o->whole)
		return r->ops->submit(r, range, 1, out, err);
	CAT_TRY(submit(o, range, 1, into, &t, err));
	into->direct = t->npieces > 0;
	*out = &t->base;
	return CAT_OK;
}

static bool same(const char *a, const char *b)
{
	return (!a && !b) || (a && b && strcmp(a, b) == 0);
}

static int finish_piece(struct cat_object *o, struct piece *p, struct cat_error *err)
{
	const struct cat_reply *reply = &p->call.reply;
	struct cat_cache_key key;

	if (p->cached)
		return CAT_OK;
	if (cat_call_finish(&p->call, err) != CAT_OK)
		return p->sys ? cat_fail_sys(err, CAT_E_IO, p->sys, "%s: what came cannot be written", o->name)
		              : (int)err->code;
	if (!same(reply->etag, o->etag) || (!o->etag && !same(reply->modified, o->modified)) ||
	    (reply->range_total >= 0 && reply->range_total != o->base.size))
		return cat_fail(err, CAT_E_DATA, "%s changed while it was read", o->name);
	if (p->at != p->end)
		return cat_fail(err, CAT_E_PROTOCOL, "%s: the reply is shorter than its range", o->name);
	if (p->digest) {
		const struct cat_net_engine *e;

		CAT_TRY(cat_net_engine(&e, err));
		e->digest_end(p->digest, p->into->sha256);
		p->digest = NULL;
	}
	if (!p->into && piece_key(o, p, &key))
		cat_cache_put(&key, place_of(p, p->begin), (size_t)(p->end - p->begin));
	return CAT_OK;
}

static int give(struct cat_object *o, const struct object_ticket *t, size_t i, struct cat_buf **out,
                struct cat_error *err)
{
	const struct cat_range *r = &t->ranges[i];
	const struct extent *e = t->of[i];

	if (r->len == 0)
		return cat_buf_new(0, out, err);
	if (!e)
		return cat_buf_slice(o->kept, (size_t)(r->off_bytes - o->kept_begin), r->len, out, err);
	if (r->off_bytes == e->begin && (int64_t)r->len == e->end - e->begin) {
		*out = cat_buf_ref(e->buf); /* NULL where they are not kept */
		return CAT_OK;
	}
	return cat_buf_slice(e->buf, (size_t)(r->off_bytes - e->begin), r->len, out, err);
}

static int object_wait(struct cat_ticket *ticket, struct cat_buf **out, struct cat_error *err)
{
	struct object_ticket *t = (struct object_ticket *)ticket;
	struct cat_object *o = (struct cat_object *)ticket->reader;
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
static int ask_ahead(struct cat_object *o, struct cat_error *err)
{
	const int64_t fit = cat_net_settings()->memory_bytes / (int64_t)CHUNK;
	/* One first, then more: who looks at the beginning only does not want the rest. */
	const int want = o->chunk < CHUNK || fit < 2 ? 1 : fit < CAT_OBJECT_AHEAD ? (int)fit : CAT_OBJECT_AHEAD;

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
	struct cat_object *o = (struct cat_object *)r;
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
	struct cat_object *o = (struct cat_object *)r;
	int64_t left;

	if (o->whole)
		return o->whole->ops->peek(o->whole, max, out, err);
	left = o->base.size - o->pos;
	return cat_read_range(r, o->pos, (int64_t)max < left ? max : (size_t)left, out, err);
}

static void object_close(struct cat_reader *r)
{
	struct cat_object *o = (struct cat_object *)r;

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

const struct cat_reader_ops cat_object_ops = {.submit = object_submit,
                                              .wait = object_wait,
                                              .next = object_next,
                                              .peek = object_peek,
                                              .close = object_close,
                                              .drop = object_drop,
                                              .price = object_price};
