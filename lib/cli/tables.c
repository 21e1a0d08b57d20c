#include "cli/tables.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/json.h"
#include "dataset/registry.h"
#include "dataset/table.h"
#include "dataset/vo.h"
#include "net/url.h"
#include "storage/release.h"

#define SEARCH_MAX 200

/* --- list --- */

static void facts_json(struct cat_json *j, const struct cat_named *t)
{
	struct cat_json *urls = cat_json_array();

	cat_json_str(j, "name", t->name);
	for (int i = 0; i < t->nurls; i++)
		cat_json_str(urls, NULL, t->urls[i]);
	cat_json_put(j, "urls", urls);
	for (int i = 0; i < t->facts.n; i++) {
		const char *key = t->facts.items[i].key, *value = t->facts.items[i].value;
		int64_t v;

		/* What else may look like a number is a word: releases are called 2026. */
		if ((strcmp(key, "rows") == 0 || strcmp(key, "columns") == 0 || strcmp(key, "partitions") == 0) &&
		    cat_parse_i64(value, strlen(value), &v))
			cat_json_int(j, key, v);
		else if (strcmp(key, "name") != 0 && strcmp(key, "list") != 0 && strcmp(key, "line") != 0)
			cat_json_str(j, key, value);
	}
	cat_json_str(j, "list", t->list->where);
	cat_json_int(j, "line", t->line);
}

static int list_json(void *arg, const struct cat_named *t, bool hidden, struct cat_error *err)
{
	(void)err;
	if (!hidden) {
		struct cat_json *j = cat_json_object();

		facts_json(j, t);
		cat_json_put(arg, NULL, j);
	}
	return CAT_OK;
}

/* The visible tables, for text: widths are known when all were seen. */
struct rows {
	const struct cat_named **v;
	size_t n, cap;
};

static int collect(void *arg, const struct cat_named *t, bool hidden, struct cat_error *err)
{
	struct rows *r = arg;

	if (hidden)
		return CAT_OK;
	if (cat_grow(&r->v, &r->cap, r->n, sizeof(const struct cat_named *)) != 0)
		return cat_fail_mem(err, sizeof(const struct cat_named *));
	r->v[r->n++] = t;
	return CAT_OK;
}

static const char *fact(const struct cat_named *t, const char *key)
{
	const char *v = cat_kv_get(&t->facts, key);

	return v ? v : "";
}

static void list_text(const struct rows *r, struct cat_text *out)
{
	int name = 0, rows = 0, size = 0;

	for (size_t i = 0; i < r->n; i++) {
		const int a = (int)strlen(r->v[i]->name), b = (int)strlen(fact(r->v[i], "rows")),
		          c = (int)strlen(fact(r->v[i], "size"));

		name = a > name ? a : name;
		rows = b > rows ? b : rows;
		size = c > size ? c : size;
	}
	for (size_t i = 0; i < r->n; i++) {
		cat_text_addf(out, "%-*s  %*s  %*s  %s", name, r->v[i]->name, rows, fact(r->v[i], "rows"), size,
		              fact(r->v[i], "size"), fact(r->v[i], "title"));
		while (out->len && out->s[out->len - 1] == ' ')
			out->s[--out->len] = '\0';
		cat_text_addc(out, '\n');
	}
}

/* What lists could not be had. */
static void warn_all(const struct cat_tables_settings *s, struct cat_text *note)
{
	char *at = note->s;

	while (at && *at) {
		const size_t n = strcspn(at, "\n");

		cat_warn(&s->res, "%.*s", (int)n, at);
		at += n + (at[n] == '\n');
	}
}

static int list(const struct cat_tables_settings *s, char *const *words, int n, struct cat_text *out,
                struct cat_error *err)
{
	struct cat_text note = {.max = 1 << 16};
	struct rows r = {0};
	struct cat_json *all = s->json ? cat_json_array() : NULL;
	int rc = s->json ? cat_registry_each(list_json, all, &note, err) : cat_registry_each(collect, &r, &note, err);

	(void)words;
	(void)n;
	if (rc == CAT_OK && !s->json)
		list_text(&r, out);
	if (s->json) {
		struct cat_error unused;
		const int dumped = cat_json_dump(all, out, rc == CAT_OK ? err : &unused);

		rc = rc == CAT_OK ? dumped : rc;
	}
	warn_all(s, &note);
	cat_text_fini(&note);
	cat_free(r.v);
	return rc;
}

/* --- describe --- */

static void addresses_text(const struct cat_addresses *a, struct cat_text *out)
{
	for (int i = 0; i < a->n; i++) {
		const struct cat_address *x = &a->v[i];

		cat_text_addf(out, "  %-10s  %s", i ? "" : a->n > 1 ? "addresses" : "address", x->url);
		if (x->failed)
			cat_text_addf(out, "  (no answer on %s)", x->date);
		else if (x->ms >= 0 && x->date[0])
			cat_text_addf(out, "  (%lld ms on %s)", (long long)x->ms, x->date);
		cat_text_addc(out, '\n');
	}
}

static struct cat_json *addresses_json(const struct cat_addresses *a)
{
	struct cat_json *all = cat_json_array();

	for (int i = 0; i < a->n; i++) {
		const struct cat_address *x = &a->v[i];
		struct cat_json *j = cat_json_object();

		cat_json_str(j, "url", x->url);
		if (x->ms >= 0 && x->date[0])
			cat_json_int(j, "ms", x->ms);
		if (x->date[0]) {
			cat_json_bool(j, "answered", !x->failed);
			cat_json_str(j, "measured", x->date);
		}
		cat_json_put(all, NULL, j);
	}
	return all;
}

static int describe_one(const char *name, struct cat_json *all, struct cat_text *out,
                        struct cat_error *err)
{
	struct cat_addresses a = {0};
	const struct cat_named *t;
	char near[160];
	int rc = CAT_OK;

	CAT_TRY(cat_registry_find(name, &t, err));
	if (!t) {
		cat_registry_nearest(name, near, sizeof near);
		return cat_fail(err, CAT_E_NOINPUT, "no list has a table '%s'%s", name, near);
	}
	/* The best first: the one that would be used. */
	if (t->nurls > 0)
		rc = cat_registry_addresses(t, true, &a, err);
	if (rc == CAT_OK && all) {
		struct cat_json *j = cat_json_object();

		facts_json(j, t);
		cat_json_put(j, "addresses", addresses_json(&a));
		cat_json_put(all, NULL, j);
	} else if (rc == CAT_OK) {
		cat_text_addf(out, "%s\n", t->name);
		for (int i = 0; i < t->facts.n; i++)
			cat_text_addf(out, "  %-10s  %s\n", t->facts.items[i].key, t->facts.items[i].value);
		addresses_text(&a, out);
		cat_text_addf(out, "  %-10s  %s, line %d\n", "list", t->list->where, t->line);
	}
	cat_addresses_fini(&a);
	return rc;
}

static int describe(const struct cat_tables_settings *s, char *const *words, int n, struct cat_text *out,
                    struct cat_error *err)
{
	struct cat_json *all = s->json ? cat_json_array() : NULL;
	struct cat_error unused;
	int rc = CAT_OK;

	for (int i = 0; rc == CAT_OK && i < n; i++)
		rc = describe_one(words[i], all, out, err);
	if (s->json) {
		const int dumped = cat_json_dump(all, out, rc == CAT_OK ? err : &unused);

		rc = rc == CAT_OK ? dumped : rc;
	}
	return rc;
}

/* --- changes --- */

static int check_name(const char *name, struct cat_error *err)
{
	if (cat_named_valid(name))
		return CAT_OK;
	return cat_fail(err, CAT_E_USAGE, "'%s' is no name: letters, digits and . _ + -, a letter or digit first", name);
}

/* A query that opens the address for whoever has it. */
static bool has_secret(const char *query)
{
	static const char *const names[] = {"signature", "token", "sig", "key", "password"};

	for (const char *at = query; *at; at += strcspn(at, "&") + (at[strcspn(at, "&")] == '&')) {
		const size_t n = strcspn(at, "=&");

		for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
			const size_t k = strlen(names[i]);

			if (n >= k && strncasecmp(at + n - k, names[i], k) == 0)
				return true;
		}
	}
	return false;
}

/* An address as it is; a path from the root. */
static int whole_address(const char *word, char **out, struct cat_error *err)
{
	char *real = NULL;

	if (cat_url_like(word) && !cat_url_is(word))
		return cat_fail(err, CAT_E_UNSUPPORTED, "%s: addresses of this scheme are not supported: https, http, s3, gs, hf are",
		                word);
	if (cat_url_is(word)) {
		struct cat_url url;

		CAT_TRY(cat_url_parse(word, &url, err)); /* no password goes into a list */
		if (url.query && has_secret(url.query)) {
			cat_url_fini(&url);
			return cat_fail(err, CAT_E_USAGE, "%s: an address with a signature or token in it: a list is no place "
			                "for it, and it ends", word);
		}
		cat_url_fini(&url);
	} else {
		real = realpath(word, NULL);
		if (!real)
			return cat_fail_sys(err, CAT_E_NOINPUT, errno, "%s", word);
	}
	*out = cat_strdup(real ? real : word);
	free(real);
	return *out ? CAT_OK : cat_fail_mem(err, strlen(word));
}

/* What is at the first address now, or below its release; a release stays what it is. */
static int pin(struct cat_named *t, const char *release, struct cat_error *err)
{
	char *at = release ? cat_release_folder(t->urls[0], release) : cat_strdup(t->urls[0]);
	struct cat_version version = {.told = NULL};
	int rc = at ? cat_table_version(at, &version, err) : cat_fail_mem(err, strlen(t->urls[0]));

	if (rc == CAT_E_UNSUPPORTED && release)
		rc = (int)(err->code = CAT_OK);
	if (rc == CAT_OK && version.release[0])
		rc = cat_kv_set(&t->facts, "release", version.release, err);
	if (rc == CAT_OK && version.told)
		rc = cat_kv_set(&t->facts, "version", version.told, err);
	cat_free(at);
	cat_free(version.told);
	return rc;
}

static int fill_in(const struct cat_tables_settings *s, char *const *words, int n, struct cat_named *t,
                   struct cat_error *err)
{
	t->urls = cat_calloc((size_t)n, sizeof *t->urls);
	if (!t->urls)
		return cat_fail_mem(err, (size_t)n * sizeof *t->urls);
	for (; t->nurls < n; t->nurls++)
		CAT_TRY(whole_address(words[t->nurls], &t->urls[t->nurls], err));
	if (s->title)
		CAT_TRY(cat_kv_set(&t->facts, "title", s->title, err));
	if (s->release)
		CAT_TRY(cat_release_check_name(s->release, err));
	if (s->release)
		CAT_TRY(cat_kv_set(&t->facts, "release", s->release, err));
	return s->pin ? pin(t, s->release, err) : CAT_OK;
}

static int add(const struct cat_tables_settings *s, char *const *words, int n, struct cat_text *out,
               struct cat_error *err)
{
	struct cat_named t = {.name = words[0]};
	int rc;

	(void)out;
	CAT_TRY(check_name(words[0], err));
	rc = fill_in(s, words + 1, n - 1, &t, err);
	if (rc == CAT_OK)
		rc = cat_registry_add(&t, s->replace, err);
	if (rc == CAT_OK)
		cat_note(&s->res, "%s is in %s", t.name, cat_registry_own());
	for (int i = 0; i < t.nurls; i++)
		cat_free(t.urls[i]);
	cat_free(t.urls);
	cat_kv_fini(&t.facts);
	return rc;
}

/* Says where a name is that the user's own list has not. */
static int not_own(int rc, const char *name, struct cat_error *err)
{
	const struct cat_named *t = NULL;
	struct cat_error unused;

	if (rc != CAT_E_NOINPUT || cat_registry_find(name, &t, &unused) != CAT_OK || !t)
		return rc;
	cat_fail(err, CAT_E_NOINPUT, "'%s' is in %s, not in your own list, %s", name, t->list->where, cat_registry_own());
	return cat_hint(err, "cat-tables add %s ADDRESS, which goes before it", name);
}

static int give_name(const struct cat_tables_settings *s, char *const *words, int n, struct cat_text *out,
                     struct cat_error *err)
{
	(void)s;
	(void)n;
	(void)out;
	CAT_TRY(check_name(words[1], err));
	return not_own(cat_registry_rename(words[0], words[1], err), words[0], err);
}

static int take_out(const struct cat_tables_settings *s, char *const *words, int n, struct cat_text *out,
                    struct cat_error *err)
{
	int rc = CAT_OK;

	(void)s;
	(void)out;
	for (int i = 0; rc == CAT_OK && i < n; i++)
		rc = not_own(cat_registry_remove(words[i], err), words[i], err);
	return rc;
}

/* --- search --- */

struct found {
	struct cat_json *all;
	struct cat_text *out;
	int n;
};

static const char *last_part(const char *standard)
{
	const char *slash = strrchr(standard, '/');

	return slash ? slash + 1 : standard;
}

static int show(void *arg, const struct cat_vo_service *s, struct cat_error *err)
{
	struct found *f = arg;

	(void)err;
	f->n++;
	if (f->all) {
		struct cat_json *j = cat_json_object();

		cat_json_str(j, "id", s->id);
		cat_json_str(j, "name", s->name);
		cat_json_str(j, "title", s->title);
		cat_json_str(j, "standard", s->kind);
		cat_json_str(j, "url", s->url);
		cat_json_put(f->all, NULL, j);
		return CAT_OK;
	}
	cat_text_addf(f->out, "%s%s%s\n  %s  %s\n  %s\n", s->name, *s->name ? ": " : "", s->title, last_part(s->kind), s->url,
	              s->id);
	return CAT_OK;
}

static int search(const struct cat_tables_settings *s, char *const *words, int n, struct cat_text *out,
                  struct cat_error *err)
{
	struct found f = {.all = s->json ? cat_json_array() : NULL, .out = out};
	struct cat_error unused;
	int rc = cat_vo_search(words, n, SEARCH_MAX, show, &f, err);

	if (s->json) {
		const int dumped = cat_json_dump(f.all, out, rc == CAT_OK ? err : &unused);

		rc = rc == CAT_OK ? dumped : rc;
	}
	if (rc == CAT_OK && f.n == SEARCH_MAX)
		cat_warn(&s->res, "the first %d; a further word makes them fewer", f.n);
	/* A question that was answered no. */
	if (rc == CAT_OK && f.n == 0 && !s->json)
		return cat_fail(err, CAT_E_NO, "the registry of the Virtual Observatory has no catalogue with these words");
	return rc;
}

/* --- all of them --- */

static const struct verb {
	const char *name, *usage;
	int least, most; /* words behind it; -1: any number */
	int (*run)(const struct cat_tables_settings *s, char *const *words, int n, struct cat_text *out,
	           struct cat_error *err);
} verbs[] = {
	{"list", "list", 0, 0, list},
	{"add", "add NAME ADDRESS...", 2, -1, add},
	{"rename", "rename NAME TO", 2, 2, give_name},
	{"remove", "remove NAME...", 1, -1, take_out},
	{"describe", "describe NAME...", 1, -1, describe},
	{"search", "search WORD...", 1, -1, search},
};

static const struct verb *verb_of(const char *word, struct cat_error *err)
{
	struct cat_nearest near = {.want = word};

	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		if (strcmp(verbs[i].name, word) == 0)
			return &verbs[i];
		cat_nearest_offer(&near, verbs[i].name);
	}
	cat_fail(err, CAT_E_USAGE, "no verb '%s'%s%s", word, near.name ? "; nearest: " : "", near.name ? near.name : "");
	cat_hint(err, "cat-tables --help");
	return NULL;
}

int cat_tables_run(const struct cat_tables_settings *s, char *const *words, int n, struct cat_error *err)
{
	const struct verb *v = n ? verb_of(words[0], err) : &verbs[0];
	struct cat_text out = {.max = (size_t)1 << 28};
	const int given = n ? n - 1 : 0;
	int rc;

	if (!v)
		return (int)err->code;
	if (given < v->least || (v->most >= 0 && given > v->most))
		return cat_fail(err, CAT_E_USAGE, "usage: cat-tables %s", v->usage);
	if (v->run != add && (s->title || s->release || s->pin || s->replace))
		return cat_fail(err, CAT_E_USAGE, "--title, --release, --pin and --replace go with add");
	rc = v->run(s, n ? words + 1 : words, given, &out, err);
	if (rc == CAT_OK)
		rc = cat_print(&out, err);
	cat_text_fini(&out);
	return rc;
}
