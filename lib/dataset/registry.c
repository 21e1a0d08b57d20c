#include "dataset/registry.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/alloc.h"
#include "net/http.h"
#include "net/settings.h"
#include "storage/keep.h"
#include "storage/open.h"
#include "storage/release.h"

#define MAX_LIST ((size_t)64 << 20)
#define LISTS_MAX 64 /* of all kinds together */
#define LIST_KEPT_S ((int64_t)24 * 3600)
#define SPEED_KEPT_S ((int64_t)30 * 24 * 3600)
#define FAILED_KEPT_S 3600

static const char *paths = "";

/* Lists in the order that counts. */
static struct source {
	struct cat_namelist list;
	char *where; /* far away: its address */
	bool read;
	struct cat_error err; /* why it could not be */
} *sources[LISTS_MAX];
static int nsources;
static bool begun;

void cat_registry_configure(const char *lists)
{
	cat_registry_reset();
	paths = lists;
}

const char *cat_registry_own(void)
{
	static char own[PATH_MAX];
	const size_t n = strcspn(paths, ":");

	snprintf(own, sizeof own, "%.*s", (int)n, paths);
	return own;
}

void cat_registry_reset(void)
{
	for (int i = 0; i < nsources; i++) {
		cat_namelist_fini(&sources[i]->list);
		cat_free(sources[i]->where);
		cat_free(sources[i]);
	}
	nsources = 0;
	begun = false;
}

/* --- reading lists --- */

/* A further list at place AT. One that is there already is left where it is. */
static int insert(int at, const char *where, size_t n, struct cat_error *err)
{
	struct source *s;

	for (int i = 0; i < nsources; i++)
		if (strlen(sources[i]->where) == n && memcmp(sources[i]->where, where, n) == 0)
			return CAT_OK;
	if (nsources == LISTS_MAX)
		return cat_fail(err, CAT_E_CONFIG, "more than %d lists of tables", LISTS_MAX);
	s = cat_calloc(1, sizeof *s);
	if (s)
		s->where = cat_strndup(where, n);
	if (!s || !s->where) {
		cat_free(s);
		return cat_fail_mem(err, sizeof *s);
	}
	memmove(&sources[at + 1], &sources[at], (size_t)(nsources - at) * sizeof *sources);
	sources[at] = s;
	nsources++;
	return CAT_OK;
}

static int begin(struct cat_error *err)
{
	const char *at = paths;

	while (!begun && *at) {
		const size_t n = strcspn(at, ":");

		if (n)
			CAT_TRY(insert(nsources, at, n, err));
		at += n + (at[n] == ':');
	}
	begun = true;
	return CAT_OK;
}

static int fetch(const char *where, struct cat_buf **out, struct cat_error *err)
{
	char *name = cat_strdup(where);
	bool denied;
	int rc;

	if (!name)
		return cat_fail_mem(err, strlen(where));
	rc = cat_open_fetch(&name, 1, MAX_LIST, out, &denied, err);
	cat_free(name);
	if (rc == CAT_OK && !*out && cat_open_is_remote(where))
		return cat_fail(err, CAT_E_UNAVAIL, "there is no list of tables at %s", where);
	return rc;
}

/* From far away when what is kept is old or not there; one that cannot be had or read does not replace what is. */
static int read_remote(struct source *s, struct cat_error *err)
{
	struct cat_buf *kept, *b = NULL;
	int64_t age_s = 0;
	int rc = CAT_OK;

	cat_keep_get("lists", s->where, &kept, &age_s);
	if (!kept || (!cat_net_settings()->offline && age_s > LIST_KEPT_S))
		rc = fetch(s->where, &b, err);
	if (b) {
		rc = cat_namelist_parse((const char *)b->data, b->size, s->where, true, &s->list, err);
		if (rc == CAT_OK)
			cat_keep_put("lists", s->where, b->data, b->size);
		else
			cat_namelist_fini(&s->list);
	}
	if (kept && (!b || rc != CAT_OK))
		rc = cat_namelist_parse((const char *)kept->data, kept->size, s->where, true, &s->list, err);
	cat_buf_unref(b);
	cat_buf_unref(kept);
	return rc;
}

static int read_local(struct source *s, struct cat_error *err)
{
	struct cat_buf *b;
	int rc;

	CAT_TRY(fetch(s->where, &b, err));
	if (!b)
		return CAT_OK;
	rc = cat_namelist_parse((const char *)b->data, b->size, s->where, false, &s->list, err);
	cat_buf_unref(b);
	return rc;
}

/* List number I, with the lists that it names behind it. A file that is wrong is an error; what is far away may be
 * wrong or not be had without harm to the names that others have. */
static int read_list(int i, struct cat_error *err)
{
	struct source *s = sources[i];
	const bool remote = cat_open_is_remote(s->where);

	if (s->read)
		return CAT_OK;
	if (remote) {
		if (read_remote(s, &s->err) != CAT_OK) {
			cat_wrap(&s->err, "%s", s->where);
			cat_namelist_fini(&s->list);
		}
	} else if (read_local(s, err) != CAT_OK) {
		cat_wrap(err, "%s", s->where);
		cat_namelist_fini(&s->list);
		return (int)err->code;
	}
	s->read = true;
	/* Lists that came over the network do not lead to others. */
	for (int k = 0; !remote && k < s->list.nlists; k++)
		CAT_TRY(insert(i + 1 + k < nsources ? i + 1 + k : nsources, s->list.lists[k], strlen(s->list.lists[k]), err));
	return CAT_OK;
}

/* --- names --- */

bool cat_registry_is_name(const char *operand)
{
	struct stat st;

	return operand && strcmp(operand, "-") != 0 && !strchr(operand, '/') && !strchr(operand, ':') &&
	       stat(operand, &st) != 0;
}

int cat_registry_find(const char *name, const struct cat_named **out, struct cat_error *err)
{
	const struct cat_error *why = NULL;

	*out = NULL;
	if (!cat_named_valid(name))
		return CAT_OK;
	CAT_TRY(begin(err));
	for (int i = 0; i < nsources; i++) {
		CAT_TRY(read_list(i, err));
		*out = cat_namelist_get(&sources[i]->list, name);
		if (*out)
			return CAT_OK;
		if (!why && sources[i]->err.code != CAT_OK)
			why = &sources[i]->err;
	}
	if (why)
		*err = *why;
	return why ? (int)cat_wrap(err, "'%s' is in none of the other lists", name) : CAT_OK;
}

int cat_registry_each(int (*each)(void *arg, const struct cat_named *t, bool hidden, struct cat_error *err), void *arg,
                      struct cat_text *note, struct cat_error *err)
{
	CAT_TRY(begin(err));
	for (int i = 0; i < nsources; i++) {
		const struct cat_namelist *l = &sources[i]->list;

		CAT_TRY(read_list(i, err));
		if (sources[i]->err.code != CAT_OK && note)
			cat_text_addf(note, "%s: %s\n", sources[i]->where, sources[i]->err.cause);
		for (size_t k = 0; k < l->n; k++) {
			bool hidden = false;

			for (int j = 0; !hidden && j < i; j++)
				hidden = cat_namelist_get(&sources[j]->list, l->v[k].name) != NULL;
			CAT_TRY(each(arg, &l->v[k], hidden, err));
		}
	}
	return CAT_OK;
}

struct near {
	struct cat_nearest nearest;
	const char *holds; /* a name that holds what is looked for: gaia_dr3 for gaia */
};

static bool holds(const char *name, const char *part)
{
	const size_t n = strlen(part);
	char piece[128];

	if (n < 2 || n >= sizeof piece)
		return false;
	for (; strlen(name) >= n; name++) {
		memcpy(piece, name, n);
		piece[n] = '\0';
		if (cat_equal_nocase(piece, part))
			return true;
	}
	return false;
}

static int offer(void *arg, const struct cat_named *t, bool hidden, struct cat_error *err)
{
	struct near *n = arg;

	(void)hidden;
	(void)err;
	cat_nearest_offer(&n->nearest, t->name);
	if (!n->holds && holds(t->name, n->nearest.want))
		n->holds = t->name;
	return CAT_OK;
}

void cat_registry_nearest(const char *name, char *out, size_t size)
{
	struct near n = {.nearest = {.want = name}};
	struct cat_error unused;
	const char *best;

	(void)!cat_registry_each(offer, &n, NULL, &unused);
	best = n.nearest.name ? n.nearest.name : n.holds;
	snprintf(out, size, "%s%s", best ? "; nearest name: " : "", best ? best : "");
}

int cat_registry_unknown(const char *operand, struct cat_error *err)
{
	struct cat_nearest near = {.want = operand};
	char file[NAME_MAX + 1] = "", name[160];
	const struct dirent *e;
	DIR *d = opendir(".");

	while (d && (e = readdir(d)) != NULL) {
		cat_nearest_offer(&near, e->d_name);
		/* The entry's name goes with the entry. */
		if (near.name == e->d_name) {
			snprintf(file, sizeof file, "%s", e->d_name);
			near.name = file;
		}
	}
	if (d)
		closedir(d);
	cat_registry_nearest(operand, name, sizeof name);
	cat_fail(err, CAT_E_NOINPUT, "'%s' is neither a file nor a registered name%s%s%s", operand,
	         file[0] ? "; nearest file: " : "", file, name);
	return cat_hint(err, "cat-tables");
}

/* --- addresses --- */

void cat_addresses_fini(struct cat_addresses *a)
{
	for (int i = 0; i < a->n; i++)
		cat_free(a->v[i].url);
	cat_free(a->v);
	*a = (struct cat_addresses){0};
}

static int copy_addresses(const struct cat_named *t, struct cat_addresses *out, struct cat_error *err)
{
	const char *release = cat_kv_get(&t->facts, "release");

	out->v = cat_calloc((size_t)t->nurls, sizeof *out->v);
	if (!out->v)
		return cat_fail_mem(err, (size_t)t->nurls * sizeof *out->v);
	for (; out->n < t->nurls; out->n++) {
		struct cat_address *a = &out->v[out->n];

		a->ms = -1;
		a->url = release ? cat_release_folder(t->urls[out->n], release) : cat_strdup(t->urls[out->n]);
		if (!a->url)
			return cat_fail_mem(err, strlen(t->urls[out->n]));
	}
	return CAT_OK;
}

/* What measurements are kept under: they are of these addresses, whatever the name. */
static int speed_key(const struct cat_addresses *a, struct cat_text *key, struct cat_error *err)
{
	for (int i = 0; i < a->n; i++)
		cat_text_addf(key, "%s%s", i ? " " : "", a->v[i].url);
	return cat_text_check(key, err);
}

/* What is kept instead of milliseconds. */
#define FAILED (-1LL)
#define UNASKED (-2LL)

/* Lines "2026-11-24 120", in the order of the list. False: nothing that can be used. */
static bool recall(struct cat_addresses *a, const char *key)
{
	struct cat_buf *b;
	struct cat_text t = {.max = 1 << 16};
	int64_t age_s = 0;
	bool fine, failed = false;
	const char *at;

	cat_keep_get("addresses", key, &b, &age_s);
	if (!b)
		return false;
	cat_text_addn(&t, (const char *)b->data, b->size);
	cat_buf_unref(b);
	fine = !t.failed && t.s;
	at = t.s;
	for (int i = 0; fine && i < a->n; i++) {
		long long ms;

		fine = sscanf(at, "%11s %lld", a->v[i].date, &ms) == 2;
		a->v[i].ms = fine && ms >= 0 ? (int64_t)ms : -1;
		a->v[i].failed = fine && ms == FAILED;
		failed |= a->v[i].failed;
		at += strcspn(at, "\n");
		at += *at == '\n';
	}
	cat_text_fini(&t);
	/* One that failed gets another chance soon. */
	return fine && age_s <= (failed ? FAILED_KEPT_S : SPEED_KEPT_S);
}

static void remember(const struct cat_addresses *a, const char *key)
{
	struct cat_text t = {.max = 1 << 16};

	for (int i = 0; i < a->n; i++)
		cat_text_addf(&t, "%s %lld\n", a->v[i].date, a->v[i].failed ? FAILED : a->v[i].ms < 0 ? UNASKED : (long long)a->v[i].ms);
	if (!t.failed && t.s)
		cat_keep_put("addresses", key, t.s, t.len);
	cat_text_fini(&t);
}

static void today(char out[12])
{
	const time_t now = time(NULL);
	struct tm tm;

	if (!gmtime_r(&now, &tm) || strftime(out, 12, "%Y-%m-%d", &tm) == 0)
		out[0] = '\0';
}

/* Asks for a file that a catalogue has. Any answer tells how far away the server is; that it has no such file does
 * not tell against a table that is a file. */
static int ask(struct cat_call *c, const char *address, struct cat_error *err)
{
	char *name = cat_url_join(address, "hats.properties");
	struct cat_url url;
	int rc = name ? cat_url_parse(name, &url, err) : cat_fail_mem(err, strlen(address));

	cat_free(name);
	CAT_TRY(rc);
	rc = cat_call_for(c, "GET", &url, address, err);
	cat_url_fini(&url);
	CAT_TRY(rc);
	c->hasty = true;
	return cat_call_start(c, err);
}

static int measure_all(struct cat_addresses *a, struct cat_error *err)
{
	struct cat_call *calls = cat_calloc((size_t)a->n, sizeof *calls);
	bool *asked = cat_calloc((size_t)a->n, sizeof *asked);
	struct cat_error unused = {0};
	int rc = calls && asked ? CAT_OK : cat_fail_mem(err, (size_t)a->n * sizeof *calls);

	for (int i = 0; rc == CAT_OK && i < a->n; i++)
		if (cat_open_is_remote(a->v[i].url))
			asked[i] = ask(&calls[i], a->v[i].url, &unused) == CAT_OK;
	for (int i = 0; rc == CAT_OK && i < a->n; i++) {
		int got;

		today(a->v[i].date);
		if (!cat_open_is_remote(a->v[i].url)) {
			a->v[i].ms = 0;
			continue;
		}
		got = asked[i] ? cat_call_finish(&calls[i], &unused) : CAT_E_UNAVAIL;
		a->v[i].failed = got != CAT_OK && got != CAT_E_NOINPUT && got != CAT_E_DENIED;
		a->v[i].ms = a->v[i].failed ? -1 : calls[i].took_ms;
	}
	for (int i = 0; calls && i < a->n; i++)
		cat_call_fini(&calls[i]);
	cat_free(calls);
	cat_free(asked);
	return rc;
}

/* Folders and files here before what is far away; what failed last; else by time; else as the list has it. */
static int64_t rank(const struct cat_address *a)
{
	struct stat st;

	if (!cat_open_is_remote(a->url))
		return stat(a->url, &st) == 0 ? 0 : INT64_MAX;
	return a->failed ? INT64_MAX : a->ms < 0 ? INT64_MAX - 1 : a->ms + 1;
}

static void sort_addresses(struct cat_addresses *a)
{
	for (int i = 1; i < a->n; i++) {
		const struct cat_address x = a->v[i];
		int k = i;

		for (; k > 0 && rank(&a->v[k - 1]) > rank(&x); k--)
			a->v[k] = a->v[k - 1];
		a->v[k] = x;
	}
}

int cat_registry_addresses(const struct cat_named *t, bool measure, struct cat_addresses *out, struct cat_error *err)
{
	struct cat_text key = {.max = 1 << 16};
	int far = 0, rc;
	bool here = false;

	*out = (struct cat_addresses){0};
	if (t->nurls == 0) {
		const char *note = cat_kv_get(&t->facts, "note");

		return cat_fail(err, CAT_E_NOINPUT, "no list has an address of '%s'%s%s", t->name, note ? ": " : "", note ? note : "");
	}
	rc = copy_addresses(t, out, err);
	if (rc == CAT_OK)
		rc = speed_key(out, &key, err);
	for (int i = 0; rc == CAT_OK && i < out->n; i++) {
		far += cat_open_is_remote(out->v[i].url);
		here |= rank(&out->v[i]) == 0;
	}
	if (rc == CAT_OK && far > 1 && !recall(out, key.s) && measure && !here && !cat_net_settings()->offline) {
		rc = measure_all(out, err);
		if (rc == CAT_OK)
			remember(out, key.s);
	}
	cat_text_fini(&key);
	if (rc == CAT_OK)
		sort_addresses(out);
	return rc;
}

/* The first N of TRIED could not be had, the next one could: others come before them for a while. */
static void note_failures(const struct cat_named *t, const struct cat_addresses *tried, int n)
{
	struct cat_text key = {.max = 1 << 16};
	struct cat_addresses a = {0};
	struct cat_error unused;

	if (copy_addresses(t, &a, &unused) == CAT_OK && speed_key(&a, &key, &unused) == CAT_OK) {
		(void)recall(&a, key.s);
		for (int i = 0; i < a.n; i++) {
			bool failed = false;

			for (int k = 0; k < n; k++)
				failed |= strcmp(tried->v[k].url, a.v[i].url) == 0;
			if (failed || !a.v[i].date[0])
				today(a.v[i].date);
			a.v[i].failed |= failed;
		}
		remember(&a, key.s);
	}
	cat_text_fini(&key);
	cat_addresses_fini(&a);
}

/* Whether another address may do better. */
static bool elsewhere(int rc)
{
	return rc == CAT_E_NOINPUT || rc == CAT_E_UNAVAIL || rc == CAT_E_TEMP || rc == CAT_E_DENIED || rc == CAT_E_PROTOCOL;
}

/* Whether the same address may do better when it is asked more patiently. */
static bool later(int rc)
{
	return rc == CAT_E_UNAVAIL || rc == CAT_E_TEMP || rc == CAT_E_PROTOCOL;
}

/* A server that is down costs one attempt as long as there are others; only when none of them would is each asked as
 * often as one that is alone. */
static int open_any(const struct cat_named *t, struct cat_addresses *a,
                    int (*open)(void *arg, const char *address, const struct cat_named *t, struct cat_error *err),
                    void *arg, struct cat_error *err)
{
	int rc = CAT_OK;

	for (int patient = a->n == 1; patient < 2; patient++)
		for (int i = 0; i < a->n; i++) {
			if (patient && a->n > 1 && !a->v[i].later)
				continue;
			*err = (struct cat_error){0};
			cat_net_impatient(!patient);
			rc = open(arg, a->v[i].url, t, err);
			cat_net_impatient(false);
			if (rc == CAT_OK && i > 0 && !cat_net_settings()->offline)
				note_failures(t, a, i);
			if (!elsewhere(rc))
				return rc;
			a->v[i].later = later(rc);
		}
	return rc;
}

int cat_registry_open(const char *operand,
                      int (*open)(void *arg, const char *address, const struct cat_named *t, struct cat_error *err),
                      void *arg, struct cat_error *err)
{
	const struct cat_named *t = NULL;
	struct cat_addresses a = {0};
	int rc = CAT_E_NOINPUT;

	if (!cat_registry_is_name(operand))
		return open(arg, operand, NULL, err);
	CAT_TRY(cat_registry_find(operand, &t, err));
	if (!t)
		return cat_registry_unknown(operand, err);
	rc = cat_registry_addresses(t, true, &a, err);
	if (rc == CAT_OK)
		rc = open_any(t, &a, open, arg, err);
	cat_addresses_fini(&a);
	return rc == CAT_OK ? rc : cat_wrap(err, "%s", operand);
}
