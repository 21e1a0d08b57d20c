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

/* --- digests of a file --- */

struct digesting {
	const struct cat_net_engine *engine;
	bool sha256;
	size_t width;       /* bytes of one digest */
	int64_t part_bytes; /* 0: the file is one */
	int64_t left;       /* of the part under way */
	void *part, *all;   /* ALL: of the parts' digests */
	int nparts;
};

static int end_part(struct digesting *d, uint8_t out[32], struct cat_error *err)
{
	d->engine->digest_end(d->part, out);
	d->part = NULL;
	d->nparts++;
	if (d->part_bytes) {
		d->engine->digest_add(d->all, out, d->width);
		d->left = d->part_bytes;
		d->part = d->engine->digest_begin(d->sha256);
		if (!d->part)
			return cat_fail_mem(err, 64);
	}
	return CAT_OK;
}

static int add_bytes(struct digesting *d, const uint8_t *data, size_t n, struct cat_error *err)
{
	uint8_t digest[32];

	while (n > 0) {
		const size_t take = d->part_bytes && (int64_t)n > d->left ? (size_t)d->left : n;

		d->engine->digest_add(d->part, data, take);
		data += take;
		n -= take;
		d->left -= (int64_t)take;
		if (d->part_bytes && d->left == 0)
			CAT_TRY(end_part(d, digest, err));
	}
	return CAT_OK;
}

static int digest_begin(struct digesting *d, struct cat_error *err)
{
	CAT_TRY(cat_net_engine(&d->engine, err));
	d->width = d->sha256 ? 32 : 16;
	d->left = d->part_bytes;
	d->part = d->engine->digest_begin(d->sha256);
	d->all = d->engine->digest_begin(d->sha256);
	return d->part && d->all ? CAT_OK : cat_fail_mem(err, 64);
}

static void digest_fini(struct digesting *d)
{
	uint8_t unused[32];

	if (d->part)
		d->engine->digest_end(d->part, unused);
	if (d->all)
		d->engine->digest_end(d->all, unused);
	d->part = d->all = NULL;
}

/* The digest of what was added, "...-N" when it is cut; hexadecimal MD5 or SHA-256 in base64. */
static int digest_end(struct digesting *d, char *text, size_t size, struct cat_error *err)
{
	uint8_t out[32];
	char digits[80];

	if (!d->part_bytes || d->left < d->part_bytes)
		CAT_TRY(end_part(d, out, err));
	if (d->part_bytes) {
		d->engine->digest_end(d->all, out);
		d->all = NULL;
	}
	if (d->sha256)
		cat_base64(out, 32, digits);
	else
		cat_hex(out, 16, digits);
	if (d->part_bytes)
		snprintf(text, size, "%s-%d", digits, d->nparts);
	else
		snprintf(text, size, "%s", digits);
	return CAT_OK;
}

/* The digest of the file at PATH. */
static int digest_file(const char *path, bool sha256, int64_t part_bytes, char *text, size_t size,
                       struct cat_error *err)
{
	struct digesting d = {.sha256 = sha256, .part_bytes = part_bytes};
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

int cat_content_check_new(const char *told, int64_t part_bytes, struct cat_content_check **out, struct cat_error *err)
{
	struct cat_content_check *c = cat_calloc(1, sizeof *c);
	int rc;

	if (!c)
		return cat_fail_mem(err, sizeof *c);
	snprintf(c->told, sizeof c->told, "%s", told);
	c->d.sha256 = true;
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
	c->d.engine->digest_add(c->d.all, sha256, 32);
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

/* Compares with the way in which the object was cut, or every one in which it may have been: only the first tells that
 * they differ. */
static int compare_digest(const char *path, int64_t size, bool sha256, const char *told, size_t n, int64_t cut,
                          int64_t part_bytes, enum cat_same *out, struct cat_error *err)
{
	const int64_t sizes[] = {part_bytes, 8 * MIB, 16 * MIB, 5 * MIB, 32 * MIB, 64 * MIB, 100 * MIB, 128 * MIB};
	const long nparts = parts_of(told, n);
	char text[128];

	*out = CAT_SAME_UNKNOWN;
	if (nparts == 0) {
		CAT_TRY(digest_file(path, sha256, 0, text, sizeof text, err));
		/* A SHA-256 is nothing else; an ETag may be. */
		*out = strlen(text) == n && memcmp(text, told, n) == 0 ? CAT_SAME_YES
		       : sha256                                         ? CAT_SAME_NO
		                                                        : CAT_SAME_UNKNOWN;
		return CAT_OK;
	}
	if (cut > 0 && nparts > 0 && (size + cut - 1) / cut == nparts) {
		CAT_TRY(digest_file(path, sha256, cut, text, sizeof text, err));
		*out = strlen(text) == n && memcmp(text, told, n) == 0 ? CAT_SAME_YES
		       : sha256                                         ? CAT_SAME_NO
		                                                        : CAT_SAME_UNKNOWN;
		return CAT_OK;
	}
	for (size_t i = 0; nparts > 0 && i < sizeof sizes / sizeof *sizes && *out != CAT_SAME_YES; i++) {
		if (sizes[i] <= 0 || (size + sizes[i] - 1) / sizes[i] != nparts || (i > 0 && sizes[i] == part_bytes))
			continue;
		CAT_TRY(digest_file(path, sha256, sizes[i], text, sizeof text, err));
		if (strlen(text) == n && memcmp(text, told, n) == 0)
			*out = CAT_SAME_YES;
	}
	return CAT_OK;
}

int cat_content_compare(const char *path, const struct cat_content *told, int64_t part_bytes, enum cat_same *out,
                        struct cat_error *err)
{
	const char *etag = told->etag ? told->etag : "", *sha256 = told->sha256 ? told->sha256 : "";
	struct cat_reader *r;
	int64_t size;
	size_t n;

	CAT_TRY(cat_local_open(path, &r, err));
	size = r->size;
	cat_reader_close(r);
	*out = CAT_SAME_NO;
	if (size != told->size)
		return CAT_OK;
	*out = CAT_SAME_UNKNOWN;
	if (*sha256)
		return compare_digest(path, size, true, sha256, strlen(sha256), told->part_bytes, part_bytes, out, err);
	if (*etag == '"')
		etag++;
	n = strcspn(etag, "\"");
	if (strspn(etag, "0123456789abcdef") == 32 && (n == 32 || etag[32] == '-'))
		return compare_digest(path, size, false, etag, n, told->part_bytes, part_bytes, out, err);
	return CAT_OK;
}
