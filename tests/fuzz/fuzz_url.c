/* fuzz_url -- any bytes as an address: what is taken can stand in a request, and says no more than it should. */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "net/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Visible ASCII only. */
static void check_wire(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || (unsigned char)*s >= 0x7f)
			abort();
}

static void check(const char *text)
{
	struct cat_error err;
	struct cat_url u;
	char *below;

	if (cat_url_parse(text, &u, &err) != CAT_OK) {
		if (u.host || u.path || u.bucket || u.key || u.query)
			abort();
		return;
	}
	if (!cat_url_is(text) || u.is_s3 != (u.bucket != NULL) || u.is_s3 == (u.host != NULL))
		abort();
	if (u.is_s3) {
		check_wire(u.bucket);
		if (!u.key || strchr(u.bucket, '/'))
			abort();
	} else {
		check_wire(u.host);
		check_wire(u.path);
		check_wire(u.query ? u.query : "");
		if (u.path[0] != '/' || strpbrk(u.host, "/?#@") || strpbrk(u.path, "?#") || (u.query && strchr(u.query, '#')))
			abort();
		if (cat_url_is_loopback(u.host) && strncmp(u.host, "127.", 4) != 0 && !strstr(u.host, "[::1]") &&
		    !strcasestr(u.host, "localhost"))
			abort();
	}
	cat_url_fini(&u);
	below = cat_url_join(text, "name");
	if (!below || !strstr(below, "name"))
		abort();
	cat_free(below);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cat_text t = {.max = 4 << 20};
	char *text = cat_strndup((const char *)data, size < 1 << 20 ? size : 1 << 20);

	if (!text)
		abort();
	check(text);
	cat_url_encode(&t, text, strlen(text), size & 1);
	if (!t.failed && t.s)
		check_wire(t.s);
	cat_text_fini(&t);
	cat_free(text);
	return 0;
}
