#include "net/ask.h"

#include <string.h>

#include "base/xml.h"
#include "net/http.h"

int cat_ask(const char *url, size_t max, struct cat_buf **out, struct cat_error *err)
{
	struct cat_call c;
	struct cat_url u;
	int rc;

	CAT_TRY(cat_url_parse(url, &u, err));
	rc = cat_call_for(&c, "GET", &u, url, err);
	cat_url_fini(&u);
	CAT_TRY(rc);
	c.max_reply = max;
	c.ends_itself = true;
	rc = cat_call_run(&c, err);
	if (rc == CAT_OK && c.into)
		*out = cat_buf_ref(c.into);
	else if (rc == CAT_OK)
		rc = cat_buf_new(0, out, err);
	cat_call_fini(&c);
	return rc;
}

struct reading {
	const struct cat_answer_events *to;
	const char *root;
	int depth;
	bool other; /* the outermost element is another one */
};

static void on_begin(void *arg, const char *name, const char *const *attributes)
{
	struct reading *r = arg;

	(void)attributes;
	if (r->depth++ == 0 && strcmp(name, r->root) != 0)
		r->other = true;
	r->to->begin(r->to->arg, name);
}

static void on_text(void *arg, const char *s, size_t n)
{
	const struct reading *r = arg;

	r->to->text(r->to->arg, s, n);
}

static void on_end(void *arg, const char *name)
{
	struct reading *r = arg;

	r->depth--;
	r->to->end(r->to->arg, name);
}

int cat_answer_read(const struct cat_buf *doc, const char *root, const struct cat_answer_events *events,
                    struct cat_error *err)
{
	struct reading r = {.to = events, .root = root};
	const struct cat_xml_events xml = {on_begin, on_text, on_end, &r};
	const int rc = cat_xml_parse((const char *)doc->data, doc->size, &xml, err);

	if (rc == CAT_E_DATA || (rc == CAT_OK && r.other))
		return cat_fail(err, CAT_E_PROTOCOL, "the answer is no whole XML document of the kind '%s'", root);
	return rc;
}
