#include "storage/create.h"

#include <string.h>

#include "base/alloc.h"
#include "net/s3.h"
#include "net/settings.h"
#include "net/url.h"
#include "storage/local.h"

#define PART ((size_t)8 << 20)
#define GROW_EVERY 1000 /* parts; then they double: 10,000 of them reach terabytes */

static struct cat_create_options options;

void cat_create_configure(const struct cat_create_options *o)
{
	options = *o;
}

struct object_writer {
	struct cat_writer base;
	struct cat_url url;
	char *name;
	struct cat_s3_put how;
	int width;
	struct cat_s3_upload *upload; /* once there is more than one part */
	struct cat_buf *part;         /* being filled */
	size_t part_size;
	int number;
};

static int send_part(struct object_writer *w, struct cat_error *err)
{
	int rc;

	if (!w->upload)
		CAT_TRY(cat_s3_upload_open(&w->url, w->name, &w->how, w->width, &w->upload, err));
	rc = cat_s3_upload_part(w->upload, ++w->number, w->part, err);
	cat_buf_unref(w->part);
	w->part = NULL;
	if (w->number % GROW_EVERY == 0)
		w->part_size *= 2;
	return rc;
}

static int object_append(struct cat_writer *writer, struct cat_buf *const *bufs, size_t n, struct cat_error *err)
{
	struct object_writer *w = (struct object_writer *)writer;

	for (size_t i = 0; i < n; i++)
		for (size_t at = 0; at < bufs[i]->size;) {
			size_t take = bufs[i]->size - at;

			if (!w->part) {
				CAT_TRY(cat_buf_new(w->part_size, &w->part, err));
				w->part->size = 0;
			}
			take = take < w->part_size - w->part->size ? take : w->part_size - w->part->size;
			memcpy(w->part->data + w->part->size, bufs[i]->data + at, take);
			w->part->size += take;
			at += take;
			if (w->part->size == w->part_size)
				CAT_TRY(send_part(w, err));
		}
	return CAT_OK;
}

static int object_patch(struct cat_writer *w, int64_t off_bytes, const void *data, size_t len, struct cat_error *err)
{
	(void)off_bytes;
	(void)data;
	(void)len;
	return cat_fail(err, CAT_E_BUG, "%s: an object cannot be written over", w->name);
}

static int object_commit(struct cat_writer *writer, struct cat_error *err)
{
	struct object_writer *w = (struct object_writer *)writer;

	if (!w->part && !w->upload)
		CAT_TRY(cat_buf_new(0, &w->part, err));
	if (!w->upload)
		return cat_s3_put(&w->url, w->name, w->part, &w->how, NULL, err);
	if (w->part)
		CAT_TRY(send_part(w, err));
	return cat_s3_upload_commit(w->upload, NULL, err);
}

static void object_close(struct cat_writer *writer)
{
	struct object_writer *w = (struct object_writer *)writer;

	cat_s3_upload_close(w->upload);
	cat_buf_unref(w->part);
	cat_url_fini(&w->url);
	cat_free(w->name);
	cat_free(w);
}

static const struct cat_writer_ops object_ops = {object_append, object_patch, object_commit, object_close};

int cat_create_object(const char *name, int parts, bool create, struct cat_writer **out, struct cat_error *err)
{
	struct object_writer *w = cat_calloc(1, sizeof *w);
	int rc;

	if (!w)
		return cat_fail_mem(err, sizeof *w);
	w->base = (struct cat_writer){.ops = &object_ops};
	w->width = parts;
	w->part_size = PART;
	w->how = (struct cat_s3_put){.create = create,
	                             .content_type = options.content_type,
	                             .storage_class = options.storage_class,
	                             .sse = options.sse,
	                             .kms_key = options.kms_key,
	                             .acl = options.acl,
	                             .tags = options.tags};
	w->name = cat_strdup(name);
	w->base.name = w->name;
	rc = w->name ? cat_url_parse(name, &w->url, err) : cat_fail_mem(err, strlen(name));
	if (rc == CAT_OK && !w->url.is_s3)
		rc = cat_fail(err, CAT_E_UNSUPPORTED, "%s: a web server is not written to; s3:// is", name);
	if (rc == CAT_OK && !w->url.key[0])
		rc = cat_fail(err, CAT_E_USAGE, "%s: a bucket, and no name in it", name);
	if (rc != CAT_OK) {
		object_close(&w->base);
		return rc;
	}
	*out = &w->base;
	return CAT_OK;
}

int cat_create(const char *name, struct cat_writer **out, struct cat_error *err)
{
	const int64_t fit = cat_net_settings()->memory_bytes / (int64_t)PART - 1;

	if (!cat_url_is(name))
		return cat_local_create(name, out, err);
	return cat_create_object(name, fit < 1 ? 1 : fit < 8 ? (int)fit : 8, false, out, err);
}

int cat_create_whole(const char *name, const void *data, size_t n, struct cat_error *err)
{
	struct cat_writer *w;
	struct cat_buf *b;
	int rc;

	CAT_TRY(cat_buf_copy(data, n, &b, err));
	rc = cat_create(name, &w, err);
	if (rc == CAT_OK) {
		rc = w->ops->append(w, &b, 1, err);
		if (rc == CAT_OK)
			rc = w->ops->commit(w, err);
		w->ops->close(w);
	}
	cat_buf_unref(b);
	return rc;
}
