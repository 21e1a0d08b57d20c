/* The first request of an object, and what its reply makes of it; small objects that are had whole. */
#include "storage/object.h"

#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/creds.h"
#include "net/http.h"
#include "net/settings.h"
#include "storage/cache.h"
#include "storage/local.h"
#include "storage/object_impl.h"

#define FIRST ((int64_t)64 << 10)      /* bytes of the first request */
#define FIRST_CHUNK ((size_t)256 << 10) /* where it is read in order; later ones are longer */
#define SMALL ((size_t)8 << 20)        /* a whole object that is kept in memory */

/* --- a copy of what can only be had whole --- */

static bool write_copy(void *arg, const void *data, size_t n)
{
	const int fd = *(const int *)arg;
	struct cat_error err;

	if (!data)
		return ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0;
	return cat_write_all(fd, data, n, "a temporary file", &err) == CAT_OK;
}

static int copy_whole(struct cat_object *o, struct cat_error *err)
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
	struct cat_object *object;
	struct cat_call first;
	enum cat_open_where where;
	struct cat_buf *known; /* what the first request brought last time, behind a struct first */
};

/* A first reply as it is kept; the ETag, with its zero, and the bytes follow. */
struct first {
	int64_t size, begin;
	uint32_t etag_len;
};

static bool first_key(const struct cat_object *o, enum cat_open_where where, struct cat_cache_key *key)
{
	return o->who &&
	       cat_cache_key(key, o->name, o->who, where == CAT_OPEN_TAIL ? "last bytes" : "first bytes", 0, FIRST);
}

/* Who asks, as far as that decides what may be seen. What needs a token or has one in it is not kept. */
static void find_who(struct cat_object *o)
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

static void keep_first(const struct cat_object *o, enum cat_open_where where)
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
static int use_known(struct cat_object *o, struct cat_buf *known, struct cat_error *err)
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
	struct cat_object *o = cat_calloc(1, sizeof *o);
	int rc;

	if (!p || !o) {
		cat_free(p);
		cat_free(o);
		return cat_fail_mem(err, sizeof *o);
	}
	p->object = o;
	o->base = (struct cat_reader){.ops = &cat_object_ops, .size = -1, .far = true};
	o->chunk = FIRST_CHUNK;
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

static int keep_version(struct cat_object *o, const struct cat_reply *r, struct cat_error *err)
{
	o->etag = r->etag ? cat_strdup(r->etag) : NULL;
	o->modified = r->modified ? cat_strdup(r->modified) : NULL;
	if ((r->etag && !o->etag) || (r->modified && !o->modified))
		return cat_fail_mem(err, 64);
	return CAT_OK;
}

/* C again, for the first bytes: not every server knows what the last ones are. */
static int ask_head(struct cat_object *o, struct cat_call *c, struct cat_error *err)
{
	cat_call_fini(c);
	CAT_TRY(cat_call_for(c, "GET", &o->url, o->name, err));
	c->range_end = FIRST;
	c->max_reply = (size_t)FIRST;
	c->max_whole = SMALL;
	return cat_call_run(c, err);
}

/* From the first reply to a reader that can be used. */
static int settle(struct cat_object *o, struct cat_call *c, struct cat_error *err)
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
		cat_reader_close(&p->object->base);
	cat_free(p);
}

const char *cat_object_version(const struct cat_reader *r)
{
	const struct cat_object *o = (const struct cat_object *)r;

	return r->ops != &cat_object_ops ? NULL : o->etag ? o->etag : o->modified;
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

/* The keys are wrong, not what they may do: then nothing is known of what is there. */
static bool keys_refused(const struct cat_call *c)
{
	return c->code[0] && strcmp(c->code, "AccessDenied") != 0;
}

int cat_object_fetch(char *const *names, const size_t *max, int n, struct cat_buf **out, bool *denied,
                     struct cat_error *err)
{
	struct cat_call *calls = cat_calloc((size_t)n, sizeof *calls);
	int rc = calls ? CAT_OK : cat_fail_mem(err, (size_t)n * sizeof *calls), begun = 0;

	for (; rc == CAT_OK && begun < n; begun++)
		rc = fetch_begin(&calls[begun], names[begun], max[begun], err);
	for (int i = 0; rc == CAT_OK && i < n; i++) {
		rc = cat_call_finish(&calls[i], err);
		if (rc == CAT_E_NOINPUT || (rc == CAT_E_DENIED && !keys_refused(&calls[i]))) {
			*denied |= rc == CAT_E_DENIED;
			rc = CAT_OK;
			continue;
		}
		if (rc != CAT_OK && calls[i].too_long)
			rc = cat_fail(err, CAT_E_DATA, "%s: larger than the %zu bytes allowed here", names[i], max[i]);
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
