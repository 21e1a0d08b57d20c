#include "storage/open.h"

#include <string.h>

#include "base/alloc.h"
#include "net/url.h"
#include "storage/local.h"
#include "storage/object.h"

struct cat_opening {
	char *path; /* local */
	struct cat_object_opening *object;
};

bool cat_open_is_remote(const char *name)
{
	return cat_url_is(name);
}

int cat_open_begin(const char *name, enum cat_open_where where, struct cat_opening **out, struct cat_error *err)
{
	struct cat_opening *o = cat_calloc(1, sizeof *o);
	int rc = CAT_OK;

	if (!o)
		return cat_fail_mem(err, sizeof *o);
	if (cat_url_is(name)) {
		rc = cat_object_begin(name, where, &o->object, err);
	} else {
		o->path = cat_strdup(name);
		if (!o->path)
			rc = cat_fail_mem(err, strlen(name));
	}
	if (rc != CAT_OK) {
		cat_open_cancel(o);
		return rc;
	}
	*out = o;
	return CAT_OK;
}

int cat_open_finish(struct cat_opening *o, struct cat_reader **out, struct cat_error *err)
{
	int rc;

	if (o->object) {
		rc = cat_object_finish(o->object, out, err);
		o->object = NULL;
	} else {
		rc = cat_local_open(o->path, out, err);
	}
	cat_open_cancel(o);
	return rc;
}

void cat_open_cancel(struct cat_opening *o)
{
	if (!o)
		return;
	cat_object_cancel(o->object);
	cat_free(o->path);
	cat_free(o);
}

int cat_open(const char *name, enum cat_open_where where, struct cat_reader **out, struct cat_error *err)
{
	struct cat_opening *o;

	CAT_TRY(cat_open_begin(name, where, &o, err));
	return cat_open_finish(o, out, err);
}

static int fetch_local(const char *name, size_t max, struct cat_buf **out, bool *denied, struct cat_error *err)
{
	struct cat_reader *r;
	int rc = cat_local_open(name, &r, err);

	if (rc == CAT_E_NOINPUT) {
		err->code = CAT_OK;
		return CAT_OK;
	}
	*denied |= rc == CAT_E_DENIED;
	CAT_TRY(rc);
	rc = cat_read_all(r, max, out, err);
	cat_reader_close(r);
	return rc == CAT_OK ? rc : cat_wrap(err, "%s", name);
}

int cat_open_fetch(char *const *names, int n, size_t max, struct cat_buf **out, bool *denied, struct cat_error *err)
{
	size_t *each = cat_malloc(((size_t)n + 1) * sizeof *each);
	int rc;

	for (int i = 0; each && i < n; i++)
		each[i] = max;
	rc = each ? cat_open_fetch_each(names, each, n, out, denied, err) : cat_fail_mem(err, (size_t)n * sizeof *each);
	cat_free(each);
	return rc;
}

int cat_open_fetch_each(char *const *names, const size_t *max, int n, struct cat_buf **out, bool *denied,
                        struct cat_error *err)
{
	int rc = CAT_OK;

	*denied = false;
	memset(out, 0, (size_t)n * sizeof(struct cat_buf *));
	if (n > 0 && cat_url_is(names[0]))
		return cat_object_fetch(names, max, n, out, denied, err);
	for (int i = 0; rc == CAT_OK && i < n; i++)
		rc = fetch_local(names[i], max[i], &out[i], denied, err);
	for (int i = 0; rc != CAT_OK && i < n; i++) {
		cat_buf_unref(out[i]);
		out[i] = NULL;
	}
	return rc;
}
