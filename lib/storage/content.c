#include "storage/content.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "net/engine.h"
#include "net/sigv4.h"
#include "storage/local.h"

#define CHUNK ((size_t)1 << 20)
#define MIB ((int64_t)1 << 20)

int64_t cat_content_part(int64_t size)
{
	int64_t part = 8 * MIB;

	while (part * 9000 < size)
		part *= 2;
	return part;
}

/* --- digests --- */

/* A digest, or a CRC, being made. */
struct sum {
	void *digest;
	uint64_t crc;
};
struct digesting {
	const struct cat_net_engine *engine;
	bool sha256;
	enum cat_crc kind;  /* not NONE: a CRC instead */
	int64_t part_bytes; /* 0: the file is one */
	int64_t left;       /* of the part under way */
	struct sum part, all; /* ALL: of the parts' digests */
	int nparts;
};

static int sum_begin(const struct digesting *d, struct sum *s, struct cat_error *err)
{
	s->crc = 0;
	if (d->kind != CAT_CRC_NONE)
		return CAT_OK;
	s->digest = d->engine->digest_begin(d->sha256);
	return s->digest ? CAT_OK : cat_fail_mem(err, 64);
}

static void sum_add(const struct digesting *d, struct sum *s, const void *data, size_t n)
{
	if (d->kind != CAT_CRC_NONE)
		s->crc = cat_crc_add(d->kind, s->crc, data, n);
	else
		d->engine->digest_add(s->digest, data, n);
}

/* Gives its bytes, how many they are. */
static size_t sum_end(const struct digesting *d, struct sum *s, uint8_t out[32])
{
	if (d->kind != CAT_CRC_NONE)
		return cat_crc_bytes(d->kind, s->crc, out);
	d->engine->digest_end(s->digest, out);
	s->digest = NULL;
	return d->sha256 ? 32 : 16;
}

static int end_part(struct digesting *d, uint8_t out[32], size_t *width, struct cat_error *err)
{
	*width = sum_end(d, &d->part, out);
	d->nparts++;
	if (!d->part_bytes)
		return CAT_OK;
	sum_add(d, &d->all, out, *width);
	d->left = d->part_bytes;
	return sum_begin(d, &d->part, err);
}

static int add_bytes(struct digesting *d, const uint8_t *data, size_t n, struct cat_error *err)
{
	uint8_t digest[32];
	size_t width;

	while (n > 0) {
		const size_t take = d->part_bytes && (int64_t)n > d->left ? (size_t)d->left : n;

		sum_add(d, &d->part, data, take);
		data += take;
		n -= take;
		d->left -= (int64_t)take;
		if (d->part_bytes && d->left == 0)
			CAT_TRY(end_part(d, digest, &width, err));
	}
	return CAT_OK;
}

static int digest_begin(struct digesting *d, struct cat_error *err)
{
	CAT_TRY(cat_net_engine(&d->engine, err));
	d->left = d->part_bytes;
	CAT_TRY(sum_begin(d, &d->part, err));
	return sum_begin(d, &d->all, err);
}

static void digest_fini(struct digesting *d)
{
	uint8_t unused[32];

	if (d->part.digest)
		sum_end(d, &d->part, unused);
	if (d->all.digest)
		sum_end(d, &d->all, unused);
}

/* The digest of what was added, "...-N" when it is cut; hexadecimal MD5, others in base64. */
static int digest_end(struct digesting *d, char *text, size_t size, struct cat_error *err)
{
	uint8_t out[32];
	char digits[80];
	size_t width = 0;

	if (!d->part_bytes || d->left < d->part_bytes)
		CAT_TRY(end_part(d, out, &width, err));
	if (d->part_bytes)
		width = sum_end(d, &d->all, out);
	if (d->sha256 || d->kind != CAT_CRC_NONE)
		cat_base64(out, width, digits);
	else
		cat_hex(out, width, digits);
	if (d->part_bytes)
		snprintf(text, size, "%s-%d", digits, d->nparts);
	else
		snprintf(text, size, "%s", digits);
	return CAT_OK;
}

/* What a digest is compared with. */
struct told {
	const char *text;
	size_t n;
	bool sha256;
	enum cat_crc kind;
};

/* The digest of the file at PATH, of the kind of T. */
static int digest_file(const char *path, const struct told *t, int64_t part_bytes, char *text, size_t size,
                       struct cat_error *err)
{
	struct digesting d = {.sha256 = t->sha256, .kind = t->kind, .part_bytes = part_bytes};
	struct cat_reader *r = NULL;
	int rc = digest_begin(&d, err);

	if (rc == CAT_OK)
		rc = cat_local_open(path, &r, err);
	while (rc == CAT_OK) {
		struct cat_buf *b;

		rc = r->ops->next(r, CHUNK, &b, err);
		if (rc != CAT_OK || !b)
			break;
		rc = add_bytes(&d, b->data, b->size, err);
		cat_buf_unref(b);
	}
	if (rc == CAT_OK)
		rc = digest_end(&d, text, size, err);
	cat_reader_close(r);
	digest_fini(&d);
	return rc;
}

/* --- as bytes go by --- */

struct cat_content_check {
	struct digesting d;
	char told[96];
};

int cat_content_check_new(const char *told, enum cat_crc kind, int64_t part_bytes, struct cat_content_check **out,
                          struct cat_error *err)
{
	struct cat_content_check *c = cat_calloc(1, sizeof *c);
	int rc;

	if (!c)
		return cat_fail_mem(err, sizeof *c);
	snprintf(c->told, sizeof c->told, "%s", told);
	c->d.sha256 = kind == CAT_CRC_NONE;
	c->d.kind = kind;
	c->d.part_bytes = strchr(told, '-') ? part_bytes : 0;
	rc = digest_begin(&c->d, err);
	if (rc != CAT_OK) {
		cat_content_check_free(c);
		return rc;
	}
	*out = c;
	return CAT_OK;
}

int cat_content_check_add(struct cat_content_check *c, const void *data, size_t n, struct cat_error *err)
{
	return add_bytes(&c->d, data, n, err);
}

int64_t cat_content_check_cut(const struct cat_content_check *c)
{
	return c->d.part_bytes;
}

void cat_content_check_part(struct cat_content_check *c, const uint8_t sha256[32])
{
	sum_add(&c->d, &c->d.all, sha256, 32);
	c->d.nparts++;
}

int cat_content_check_end(struct cat_content_check *c, bool *same, struct cat_error *err)
{
	char text[96];
	const int rc = digest_end(&c->d, text, sizeof text, err);

	*same = rc == CAT_OK && strcmp(text, c->told) == 0;
	cat_content_check_free(c);
	return rc;
}

void cat_content_check_free(struct cat_content_check *c)
{
	if (c)
		digest_fini(&c->d);
	cat_free(c);
}

/* --- comparing --- */

/* N of "...-N"; 0: sent whole; -1: neither. */
static long parts_of(const char *digest, size_t n)
{
	const char *dash = memchr(digest, '-', n);
	char *end;
	long v;

	if (!dash)
		return 0;
	v = strtol(dash + 1, &end, 10);
	return v >= 1 && v <= 10000 && (size_t)(end - digest) == n ? v : -1;
}

/* An ETag may be no MD5; everything else is what it is called. */
static enum cat_same outcome(const char *text, const struct told *t)
{
	return strlen(text) == t->n && memcmp(text, t->text, t->n) == 0 ? CAT_SAME_YES
	       : t->sha256 || t->kind != CAT_CRC_NONE                     ? CAT_SAME_NO
	                                                                  : CAT_SAME_UNKNOWN;
}

/* Compares with the way in which the object was cut, or every one in which it may have been: only the first tells that
 * they differ. */
static int compare_digest(const char *path, int64_t size, const struct told *t, int64_t cut, int64_t part_bytes,
                          enum cat_same *out, struct cat_error *err)
{
	const int64_t sizes[] = {part_bytes, 8 * MIB, 16 * MIB, 5 * MIB, 32 * MIB, 64 * MIB, 100 * MIB, 128 * MIB};
	const long nparts = parts_of(t->text, t->n);
	char text[128];

	*out = CAT_SAME_UNKNOWN;
	if (nparts == 0 || (cut > 0 && nparts > 0 && (size + cut - 1) / cut == nparts)) {
		CAT_TRY(digest_file(path, t, nparts ? cut : 0, text, sizeof text, err));
		*out = outcome(text, t);
		return CAT_OK;
	}
	for (size_t i = 0; nparts > 0 && i < sizeof sizes / sizeof *sizes && *out != CAT_SAME_YES; i++) {
		if (sizes[i] <= 0 || (size + sizes[i] - 1) / sizes[i] != nparts || (i > 0 && sizes[i] == part_bytes))
			continue;
		CAT_TRY(digest_file(path, t, sizes[i], text, sizeof text, err));
		if (outcome(text, t) == CAT_SAME_YES)
			*out = CAT_SAME_YES;
	}
	return CAT_OK;
}

int cat_content_compare(const char *path, const struct cat_content *told, int64_t part_bytes, enum cat_same *out,
                        struct cat_error *err)
{
	const char *etag = told->etag ? told->etag : "";
	const bool sha256 = told->sha256 && *told->sha256, crc = !sha256 && told->crc && *told->crc;
	struct told t = {.text = sha256 ? told->sha256 : crc ? told->crc : etag, .sha256 = sha256,
	                 .kind = crc ? told->crc_kind : CAT_CRC_NONE};
	struct cat_reader *r;
	int64_t size;

	CAT_TRY(cat_local_open(path, &r, err));
	size = r->size;
	cat_reader_close(r);
	*out = CAT_SAME_NO;
	if (size != told->size)
		return CAT_OK;
	*out = CAT_SAME_UNKNOWN;
	t.n = strlen(t.text);
	if (!sha256 && !crc) {
		t.text += *t.text == '"';
		t.n = strcspn(t.text, "\"");
		if (strspn(t.text, "0123456789abcdef") != 32 || (t.n != 32 && t.text[32] != '-'))
			return CAT_OK;
	}
	return compare_digest(path, size, &t, told->part_bytes, part_bytes, out, err);
}
