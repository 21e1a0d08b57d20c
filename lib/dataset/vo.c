#include "dataset/vo.h"

#include <string.h>

#include "net/ask.h"
#include "net/settings.h"
#include "net/url.h"
#include "storage/keep.h"

#define MAX_ANSWER ((size_t)32 << 20)
#define KEPT_S ((int64_t)24 * 3600)
#define CELLS 5

static const char *registry = CAT_VO_REGISTRY;

void cat_vo_configure(const char *url)
{
	registry = url;
}

/* --- the answer: a VOTable with its cells as text, in the order of the query's columns --- */

struct answer {
	int (*each)(void *arg, const struct cat_vo_service *s, struct cat_error *err);
	void *arg;
	struct cat_error *err;
	struct cat_text cells[CELLS], info;
	int cell; /* the next of the row */
	bool in_cell, in_info, in_table, binary, odd;
	int rc;
};

static void on_begin(void *arg, const char *name)
{
	struct answer *a = arg;

	a->in_info = strcmp(name, "INFO") == 0;
	a->in_table |= strcmp(name, "TABLEDATA") == 0;
	a->binary |= strcmp(name, "STREAM") == 0;
	if (strcmp(name, "TR") == 0) {
		for (int i = 0; i < CELLS; i++)
			a->cells[i].len = 0;
		a->cell = 0;
	} else if (strcmp(name, "TD") == 0) {
		a->odd |= a->cell == CELLS;
		a->in_cell = a->cell < CELLS;
	}
}

static void on_text(void *arg, const char *s, size_t n)
{
	struct answer *a = arg;

	if (a->in_cell)
		cat_text_addn(&a->cells[a->cell], s, n);
	else if (a->in_info && !a->info.failed)
		cat_text_addn(&a->info, s, n);
}

/* A cell's text, line breaks and all being one blank; "" when there was none. */
static const char *cell(struct cat_text *t)
{
	size_t k = 0;

	if (!t->s || t->len == 0)
		return "";
	for (size_t i = 0; i < t->len; i++) {
		const bool blank = (unsigned char)t->s[i] <= ' ';

		if (blank && (k == 0 || t->s[k - 1] == ' '))
			continue;
		t->s[k++] = blank ? ' ' : t->s[i];
	}
	while (k > 0 && t->s[k - 1] == ' ')
		k--;
	t->s[k] = '\0';
	t->len = k;
	return t->s;
}

static void on_end(void *arg, const char *name)
{
	struct answer *a = arg;

	a->in_info = false;
	if (strcmp(name, "TD") == 0) {
		a->cell += a->in_cell;
		a->in_cell = false;
	} else if (strcmp(name, "TR") == 0) {
		struct cat_vo_service s;

		a->odd |= a->cell != CELLS;
		s = (struct cat_vo_service){cell(&a->cells[0]), cell(&a->cells[1]), cell(&a->cells[2]), cell(&a->cells[3]),
		                            cell(&a->cells[4])};
		for (int i = 0; a->rc == CAT_OK && i < CELLS; i++)
			a->rc = cat_text_check(&a->cells[i], a->err);
		if (a->rc == CAT_OK && !a->odd && a->each)
			a->rc = a->each(a->arg, &s, a->err);
	}
}

int cat_vo_read(const struct cat_buf *doc,
                int (*each)(void *arg, const struct cat_vo_service *s, struct cat_error *err), void *arg,
                struct cat_error *err)
{
	struct answer a = {.each = each, .arg = arg, .err = err, .info = {.max = 300}};
	const struct cat_answer_events events = {on_begin, on_text, on_end, &a};
	int rc;

	for (int i = 0; i < CELLS; i++)
		a.cells[i].max = 1 << 16;
	rc = cat_answer_read(doc, "VOTABLE", &events, err);
	if (rc == CAT_OK)
		rc = a.rc;
	if (rc == CAT_OK && a.binary)
		rc = cat_fail(err, CAT_E_UNSUPPORTED, "the registry answers in binary though it was asked for text");
	else if (rc == CAT_OK && !a.in_table)
		rc = cat_fail(err, CAT_E_PROTOCOL, "the registry answers without a table: %.300s", cell(&a.info));
	else if (rc == CAT_OK && a.odd)
		rc = cat_fail(err, CAT_E_PROTOCOL, "the registry's table has other columns than were asked for");
	for (int i = 0; i < CELLS; i++)
		cat_text_fini(&a.cells[i]);
	cat_text_fini(&a.info);
	return rc;
}

/* --- the question --- */

static void add_word(struct cat_text *q, const char *word)
{
	cat_text_addc(q, '\'');
	for (; *word; word++) {
		if (*word == '\'')
			cat_text_addc(q, '\'');
		cat_text_addc(q, *word);
	}
	cat_text_addc(q, '\'');
}

static void add_query(struct cat_text *q, char *const *words, int n, int max)
{
	cat_text_addf(q, "SELECT TOP %d ivoid, short_name, res_title, standard_id, access_url FROM rr.resource "
	                 "NATURAL JOIN rr.capability NATURAL JOIN rr.interface WHERE intf_role = 'std' "
	                 "AND (standard_id LIKE 'ivo://ivoa.net/std/conesearch%%' OR standard_id LIKE 'ivo://ivoa.net/std/tap%%')",
	              max);
	for (int i = 0; i < n; i++) {
		cat_text_add(q, " AND (1 = ivo_hasword(res_title, ");
		add_word(q, words[i]);
		cat_text_add(q, ") OR 1 = ivo_hasword(res_description, ");
		add_word(q, words[i]);
		cat_text_add(q, "))");
	}
	cat_text_add(q, " ORDER BY ivoid, standard_id, access_url");
}

static int make_url(char *const *words, int n, int max, struct cat_text *url, struct cat_error *err)
{
	struct cat_text query = {.max = 1 << 14};
	int rc;

	add_query(&query, words, n, max);
	rc = cat_text_check(&query, err);
	cat_text_addf(url, "%s/sync?REQUEST=doQuery&LANG=ADQL&RESPONSEFORMAT=", registry);
	cat_url_encode(url, "application/x-votable+xml;serialization=TABLEDATA", 49, false);
	cat_text_addf(url, "&MAXREC=%d&QUERY=", max);
	if (rc == CAT_OK)
		cat_url_encode(url, query.s, query.len, false);
	cat_text_fini(&query);
	return rc == CAT_OK ? cat_text_check(url, err) : rc;
}

/* What is kept unless it is old; else what is asked for; else what is kept. */
static int answer_to(const char *url, struct cat_buf **out, struct cat_error *err)
{
	struct cat_buf *kept, *b = NULL;
	int64_t age_s = 0;
	int rc = CAT_OK;

	cat_keep_get("registry", url, &kept, &age_s);
	if (!kept || (age_s > KEPT_S && !cat_net_settings()->offline)) {
		rc = cat_ask(url, MAX_ANSWER, &b, err);
		if (rc == CAT_E_NOINPUT)
			rc = (int)(err->code = CAT_E_UNAVAIL);
	}
	if (rc == CAT_OK && b) {
		/* Only what can be read is worth keeping. */
		rc = cat_vo_read(b, NULL, NULL, err);
		if (rc == CAT_OK)
			cat_keep_put("registry", url, b->data, b->size);
	}
	if (rc == CAT_OK || kept)
		*out = cat_buf_ref(rc == CAT_OK && b ? b : kept);
	cat_buf_unref(b);
	cat_buf_unref(kept);
	if (!*out)
		return cat_wrap(err, "the registry of the Virtual Observatory");
	err->code = CAT_OK;
	return CAT_OK;
}

int cat_vo_search(char *const *words, int n, int max,
                  int (*each)(void *arg, const struct cat_vo_service *s, struct cat_error *err), void *arg,
                  struct cat_error *err)
{
	struct cat_text url = {.max = 1 << 15};
	struct cat_buf *answer = NULL;
	int rc = make_url(words, n, max, &url, err);

	if (rc == CAT_OK)
		rc = answer_to(url.s, &answer, err);
	if (rc == CAT_OK)
		rc = cat_vo_read(answer, each, arg, err);
	cat_buf_unref(answer);
	cat_text_fini(&url);
	return rc;
}
