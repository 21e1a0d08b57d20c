#include "storage/keep.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "storage/create.h"
#include "storage/local.h"

#define MAX_BYTES ((size_t)64 << 20)

static const char *dir;

void cat_keep_configure(const char *d)
{
	dir = d;
}

/* FNV-1a: spreads names over files; the key inside tells apart what falls together. */
static uint64_t hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325U;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3U;
	return h;
}

static bool path_of(const char *kind, const char *key, char *out, size_t size)
{
	return dir && !strchr(key, '\n') &&
	       (size_t)snprintf(out, size, "%s/%s/%016llx", dir, kind, (unsigned long long)hash(key)) < size;
}

void cat_keep_get(const char *kind, const char *key, struct cat_buf **out, int64_t *age_s)
{
	const size_t nkey = strlen(key);
	struct cat_error unused;
	struct cat_reader *r;
	struct cat_buf *b;
	struct stat st;
	char path[4096];

	*out = NULL;
	if (!path_of(kind, key, path, sizeof path) || stat(path, &st) != 0 || st.st_uid != geteuid() ||
	    cat_local_open(path, &r, &unused) != CAT_OK)
		return;
	if (cat_read_all(r, MAX_BYTES, &b, &unused) == CAT_OK) {
		if (b->size > nkey && memcmp(b->data, key, nkey) == 0 && b->data[nkey] == '\n')
			(void)!cat_buf_slice(b, nkey + 1, b->size - nkey - 1, out, &unused);
		cat_buf_unref(b);
	}
	cat_reader_close(r);
	*age_s = (int64_t)(time(NULL) - st.st_mtime);
}

void cat_keep_put(const char *kind, const char *key, const void *data, size_t n)
{
	char path[4096], folder[4096];
	struct cat_text t = {.max = MAX_BYTES};
	struct cat_error unused;

	if (!path_of(kind, key, path, sizeof path) ||
	    (size_t)snprintf(folder, sizeof folder, "%s/%s", dir, kind) >= sizeof folder || !cat_local_make_folder(folder))
		return;
	cat_text_addf(&t, "%s\n", key);
	cat_text_addn(&t, data, n);
	if (!t.failed)
		(void)!cat_create_whole(path, t.s, t.len, &unused);
	cat_text_fini(&t);
}
