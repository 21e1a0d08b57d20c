/* fuzz_creds -- any bytes as files of settings, as a program's command line and as its answer. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/child.h"
#include "net/creds_sources.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void as_file(const char *text, size_t n)
{
	struct cat_aws_file f = {0};
	struct cat_error err;

	if (cat_aws_parse(&f, text, n, &err) == CAT_OK)
		for (size_t i = 0; i < f.n; i++) {
			/* Of a setting given twice the last one counts: what is found is there. */
			const char *v = cat_aws_get(&f, f.v[i].section, f.v[i].key);

			if (!cat_aws_has(&f, f.v[i].section) || strchr(f.v[i].value, '\n') || (v && !*v))
				abort();
		}
	cat_aws_fini(&f);
}

static void as_words(const char *line)
{
	struct cat_error err;
	size_t n = 0;
	char **v;

	if (cat_child_words(line, &v, &err) != CAT_OK)
		return;
	for (char **w = v; *w; w++)
		n += strlen(*w);
	if (n > strlen(line) || !v[0])
		abort();
	cat_free(v);
}

static void as_answer(const char *text, size_t n)
{
	struct cat_creds *c = NULL;
	struct cat_error err;

	if (cat_creds_json(text, n, "SessionToken", &c, &err) != CAT_OK)
		return;
	/* They go into header lines. */
	if (strpbrk(c->access_key, "\r\n") || (c->token && strpbrk(c->token, "\r\n")) || c->expires_s < 0)
		abort();
	cat_creds_unref(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = cat_strndup((const char *)data, size < 1 << 18 ? size : 1 << 18);

	if (!text)
		abort();
	as_file((const char *)data, size < 1 << 18 ? size : 1 << 18);
	as_words(text);
	as_answer((const char *)data, size);
	cat_free(text);
	return 0;
}
