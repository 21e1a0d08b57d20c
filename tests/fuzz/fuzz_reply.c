/* fuzz_reply -- any bytes as the lines of a reply's head and as its documents: lists of objects, errors. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "net/reply.h"
#include "net/s3.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What goes out again in a header of ours. */
static void check_text(const char *s)
{
	for (; s && *s; s++)
		if ((unsigned char)*s < ' ' && *s != '\t')
			abort();
}

static void as_head(const uint8_t *data, size_t size)
{
	struct cat_reply r = {0};

	cat_reply_fini(&r);
	for (size_t at = 0; at < size;) {
		const uint8_t *end = memchr(data + at, '\n', size - at);
		const size_t n = end ? (size_t)(end - (data + at)) : size - at;

		cat_reply_line(&r, (const char *)data + at, n);
		at += n + 1;
		check_text(r.etag);
		check_text(r.location);
		check_text(r.region);
		if (r.range_begin >= 0 ? r.range_end <= r.range_begin || (r.range_total >= 0 && r.range_end > r.range_total)
		                       : r.range_end != -1)
			abort();
		if (r.length < -1 || r.range_total < -1 || r.retry_after_ms < -1 || r.date_s < 0 || r.status < 0)
			abort();
	}
	cat_reply_fini(&r);
}

static int look(void *arg, const struct cat_s3_entry *e, struct cat_error *err)
{
	(void)err;
	if (!e->key[0] || e->size < -1)
		abort();
	++*(size_t *)arg;
	return CAT_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cat_error err;
	struct cat_buf *b;
	size_t n = 0;

	as_head(data, size);
	if (cat_buf_copy(data, size, &b, &err) != CAT_OK)
		abort();
	if (cat_s3_read_page(b, look, &n, &err) == CAT_OK && n > size)
		abort();
	for (int i = 0; i < 2; i++)
		cat_free(cat_xml_find(b, i ? "Code" : "Key"));
	cat_buf_unref(b);
	return 0;
}
