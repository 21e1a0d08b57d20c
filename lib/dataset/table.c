#include "dataset/table.h"

#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "dataset/several.h"
#include "dataset/shard.h"
#include "formats/fits.h"
#include "formats/ipc.h"
#include "formats/parquet.h"
#include "net/url.h"
#include "storage/inflate.h"
#include "storage/local.h"
#include "storage/object.h"
#include "storage/open.h"

#define SNIFF ((size_t)64 << 10)

enum kind { PARQUET, ARROW_FILE, ARROW_STREAM, FITS, TEXT_CSV, TEXT_TSV, VOTABLE, ECSV, ARCHIVE, UNKNOWN };

struct suffix_kind {
	const char *end;
	enum kind kind;
};

static bool ends_with(const char *s, const char *end)
{
	const size_t n = strlen(s), k = strlen(end);

	return n >= k && cat_equal_nocase(s + n - k, end);
}

static bool starts(const struct cat_buf *b, const void *magic, size_t n)
{
	return b->size >= n && memcmp(b->data, magic, n) == 0;
}

/* What a server gives instead of a table: where to sign in, or what went wrong. */
static bool is_web_page(const char *s, size_t n)
{
	static const char *const begins[] = {"<!doctype html", "<html"};

	for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
		if (n >= strlen(begins[i]) && strncasecmp(s, begins[i], strlen(begins[i])) == 0)
			return true;
	return false;
}

/* What the first bytes say; text is told apart by the suffix. */
static enum kind by_magic(const struct cat_buf *head, const char *name)
{
	/* A file of such a name that is text, or too short for its magic, is broken. */
	static const char *const binary[] = {".parquet", ".parq", ".pq", ".arrow", ".feather", ".arrows", ".fits", ".fit"};
	const char *text = (const char *)head->data;
	size_t n = head->size, bad = 0;
	const size_t blank = strspn(text, " \t\r\n") < n ? strspn(text, " \t\r\n") : 0;

	if (starts(head, "PAR1", 4) || starts(head, "PARE", 4))
		return PARQUET;
	if (starts(head, "ARROW1", 6))
		return ARROW_FILE;
	/* A continuation marker, or the small little-endian length of streams older than Arrow 0.15. */
	if (starts(head, "\xff\xff\xff\xff", 4) ||
	    (n > 8 && head->data[2] == 0 && head->data[3] == 0 && (head->data[0] | head->data[1])))
		return ARROW_STREAM;
	if (starts(head, "SIMPLE  =", 9))
		return FITS;
	if (starts(head, "PK\3\4", 4) || starts(head, "BZh", 3) || starts(head, "\xfd""7zXZ", 5))
		return ARCHIVE;
	if (starts(head, "# %ECSV", 7))
		return ECSV;
	if (n - blank > 8 && (strncmp(text + blank, "<?xml", 5) == 0 || strncmp(text + blank, "<VOTABLE", 8) == 0))
		return VOTABLE;
	if (memchr(text, '\0', n) || is_web_page(text + blank, n - blank))
		return UNKNOWN;
	/* A character may be cut at the end of what was looked at. */
	if (!cat_utf8_valid(text, n, &bad) && (n < SNIFF || bad + 4 < n))
		return UNKNOWN;
	/* A header alone may lack its newline, in a file that says it is text; elsewhere it may be anything cut. */
	if (!memchr(text, '\n', n) && (n >= SNIFF || !(ends_with(name, ".csv") || ends_with(name, ".tsv"))))
		return UNKNOWN;
	for (size_t i = 0; i < sizeof binary / sizeof *binary; i++)
		if (ends_with(name, binary[i]))
			return UNKNOWN;
	return ends_with(name, ".tsv") || ends_with(name, ".tsv.gz") || ends_with(name, ".tsv.zst") ? TEXT_TSV
	                                                                                              : TEXT_CSV;
}

static enum kind by_name(const char *format)
{
	static const struct suffix_kind names[] = {{"parquet", PARQUET}, {"fits", FITS},        {"csv", TEXT_CSV},
	                                           {"tsv", TEXT_TSV},    {"arrow", ARROW_FILE}, {"arrows", ARROW_STREAM}};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i].end, format) == 0)
			return names[i].kind;
	return UNKNOWN;
}

/* --- types of text columns: name:type --- */

static int parse_types(const struct cat_open_options *o, struct cat_csv_forced **out, char **names,
                       struct cat_error *err)
{
	size_t bytes = 0;
	char *at;

	*out = NULL;
	*names = NULL;
	if (o->ntypes == 0)
		return CAT_OK;
	for (int i = 0; i < o->ntypes; i++)
		bytes += strlen(o->types[i]) + 1;
	*out = cat_calloc((size_t)o->ntypes, sizeof **out);
	*names = at = cat_malloc(bytes);
	if (!*out || !at)
		return cat_fail_mem(err, bytes);
	for (int i = 0; i < o->ntypes; i++) {
		char *colon;

		strcpy(at, o->types[i]);
		colon = strrchr(at, ':');
		if (!colon || colon == at || !cat_type_parse(colon + 1, &(*out)[i].type))
			return cat_fail(err, CAT_E_USAGE,
			                "--types takes NAME:TYPE with a type such as int64, float64, string; not '%s'",
			                o->types[i]);
		*colon = '\0';
		(*out)[i].name = at;
		at = colon + 1 + strlen(colon + 1) + 1;
	}
	return CAT_OK;
}

static int open_text(struct cat_reader *r, char delimiter, const struct cat_open_options *o, struct cat_feed **out,
                     struct cat_error *err)
{
	struct cat_csv_options csv = {.delimiter = delimiter, .full_infer = o->infer_full, .nforced = o->ntypes,
	                              .types = o->text_types, .block_bytes = (size_t)256 << 10};
	struct cat_csv_forced *forced = NULL;
	char *names = NULL;
	int rc;

	if (o->nshards > 1) {
		if (r->size < 0) {
			cat_reader_close(r);
			return cat_fail(err, CAT_E_USAGE, "--shard cannot cut compressed text or a pipe");
		}
		csv.range_begin = (int64_t)((double)r->size / (double)o->nshards * (double)o->shard);
		csv.range_end = o->shard + 1 == o->nshards
		                        ? r->size
		                        : (int64_t)((double)r->size / (double)o->nshards * (double)(o->shard + 1));
	}
	rc = parse_types(o, &forced, &names, err);
	csv.forced = forced;
	if (rc == CAT_OK)
		rc = cat_csv_feed(r, &csv, out, err);
	else
		cat_reader_close(r);
	cat_free(forced);
	cat_free(names);
	return rc;
}

/* --- one table --- */

static int open_kind(enum kind kind, struct cat_reader *r, const struct cat_open_options *o, struct cat_feed **out,
                     struct cat_error *err)
{
	const struct cat_ipc_options ipc = {.allow_no_eos = o->allow_no_eos};
	const struct cat_fits_options fits = {.hdu = o->hdu, .spool = cat_local_spool, .temp_dir = o->temp_dir};
	const char *refused = NULL;
	struct cat_feed *feed;

	switch (kind) {
	case PARQUET:
		CAT_TRY(cat_local_spool(r, o->temp_dir, &r, err));
		CAT_TRY(cat_parquet_feed(r, NULL, &feed, err));
		break;
	case ARROW_FILE:
	case ARROW_STREAM:
		CAT_TRY(cat_ipc_feed(r, &ipc, &feed, err));
		break;
	case TEXT_CSV:
	case TEXT_TSV:
		return open_text(r, kind == TEXT_TSV ? '\t' : ',', o, out, err);
	case FITS:
		CAT_TRY(cat_fits_feed(r, &fits, &feed, err));
		break;
	case VOTABLE:
		refused = "VOTable is not supported yet";
		break;
	case ECSV:
		refused = "ECSV is not supported yet";
		break;
	case ARCHIVE:
		refused = "archives (zip, bzip2, xz) are not supported";
		break;
	case UNKNOWN:
		cat_reader_close(r);
		return cat_fail(err, CAT_E_DATA, "neither a known format nor text");
	}
	if (refused) {
		cat_reader_close(r);
		return cat_fail(err, CAT_E_UNSUPPORTED, "%s", refused);
	}
	if (o->nshards <= 1) {
		*out = feed;
		return CAT_OK;
	}
	if (!feed->sharded) {
		cat_feed_close(feed);
		return cat_fail(err, CAT_E_USAGE, "--shard cannot cut a pipe or a stream");
	}
	return cat_shard_feed(feed, o->shard, o->nshards, out, err);
}

/* Far away, with Parquet's magic behind its last bytes, which came first: its first bytes need not be asked for. */
static bool ends_as_parquet(struct cat_reader *r)
{
	struct cat_error unused;
	struct cat_buf *b;
	bool yes;

	if (!r->far || r->size < 12 || !ends_with(r->name, ".parquet") ||
	    cat_read_range(r, r->size - 4, 4, &b, &unused) != CAT_OK)
		return false;
	yes = memcmp(b->data, "PAR1", 4) == 0;
	cat_buf_unref(b);
	return yes;
}

static int open_reader(struct cat_reader *r, const struct cat_open_options *o, struct cat_feed **out,
                       struct cat_error *err)
{
	struct cat_buf *head;
	enum kind kind;
	int rc;

	if (!o->from && ends_as_parquet(r))
		return open_kind(PARQUET, r, o, out, err);
	CAT_TRY(cat_reader_inflate(r, &r, err));
	rc = r->ops->peek(r, SNIFF, &head, err);
	if (rc != CAT_OK) {
		cat_reader_close(r);
		return rc;
	}
	if (head->size == 0) {
		cat_buf_unref(head);
		cat_reader_close(r);
		return cat_fail(err, CAT_E_DATA, "empty");
	}
	kind = o->from ? by_name(o->from) : by_magic(head, r->name);
	cat_buf_unref(head);
	return open_kind(kind, r, o, out, err);
}

/* Whether a name far away says that it is a file: asking whether it is a catalogue would be in vain. */
static bool says_file(const char *name)
{
	static const char *const ends[] = {".parquet", ".parq", ".pq", ".csv", ".tsv", ".gz", ".zst", ".fits", ".fit",
	                                   ".arrow", ".feather", ".arrows"};
	const size_t n = strcspn(name, "?");

	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		const size_t k = strlen(ends[i]);

		if (n > k && strncasecmp(name + n - k, ends[i], k) == 0)
			return true;
	}
	return false;
}

static int catalogue_at(const char *address, const struct cat_hats_want *want, struct cat_hats **out,
                        struct cat_error *err)
{
	struct stat st;
	int rc;

	*out = NULL;
	if (cat_open_is_remote(address) && says_file(address))
		return CAT_OK;
	if (!cat_open_is_remote(address) && (stat(address, &st) != 0 || !S_ISDIR(st.st_mode)))
		return CAT_OK;
	rc = cat_hats_open(address, want, out, err);
	/* An object may lie where no catalogue does. */
	if (rc == CAT_E_NOINPUT && cat_open_is_remote(address))
		rc = (int)(err->code = CAT_OK);
	return rc;
}

static int open_address(const char *address, struct cat_reader **out, struct cat_error *err)
{
	struct stat st;

	if (cat_open_is_remote(address))
		return cat_open(address, ends_with(address, ".parquet") ? CAT_OPEN_TAIL : CAT_OPEN_HEAD, out, err);
	if (cat_url_like(address) && stat(address, &st) != 0)
		return cat_fail(err, CAT_E_UNSUPPORTED, "addresses of this scheme are not supported: https, http, s3, gs, hf are");
	if (strncmp(address, "file:", 5) == 0 && stat(address, &st) != 0)
		address += 5;
	return cat_local_open(address, out, err);
}

/* --- the version that a name pins --- */

#define BUILT "hats_creation_date"

/* An ETag without its quotes and without the mark of weak ones. */
static const char *bare(const char *version, size_t *n)
{
	version += strncmp(version, "W/", 2) == 0 ? 2 : 0;
	*n = strlen(version);
	if (*n > 1 && version[0] == '"' && version[*n - 1] == '"') {
		version++;
		*n -= 2;
	}
	return version;
}

/* HAS: the version of what lies at ADDRESS, NULL when nothing tells it. */
static int check_version(const struct cat_named *t, const char *address, const char *has, struct cat_error *err)
{
	const char *wanted = t ? cat_kv_get(&t->facts, "version") : NULL;
	size_t n, nwanted;

	if (!wanted)
		return CAT_OK;
	if (!has)
		return cat_fail(err, CAT_E_UNSUPPORTED, "the list wants version '%s', but %s tells none", wanted, address);
	wanted = bare(wanted, &nwanted);
	has = bare(has, &n);
	if (n == nwanted && memcmp(has, wanted, n) == 0)
		return CAT_OK;
	cat_fail(err, CAT_E_DATA, "the list wants version '%.*s', but %s is version '%.*s'", (int)nwanted, wanted, address,
	         (int)n, has);
	return cat_hint(err, "cat-tables describe %s", t->name);
}

static int version_of(void *arg, const char *address, const struct cat_named *t, struct cat_error *err)
{
	struct cat_version *out = arg;
	struct cat_hats *h = NULL;
	struct cat_reader *r = NULL;
	const char *has;
	size_t n = 0;
	int rc = CAT_OK;

	(void)t;
	*out = (struct cat_version){.told = NULL};
	CAT_TRY(catalogue_at(address, NULL, &h, err));
	if (!h)
		CAT_TRY(open_address(address, &r, err));
	has = h ? cat_kv_get(&h->properties, BUILT) : cat_object_version(r);
	if (h)
		memcpy(out->release, h->release, sizeof out->release);
	if (has) {
		has = bare(has, &n);
		out->told = cat_strndup(has, n);
		rc = out->told ? CAT_OK : cat_fail_mem(err, n);
	} else if (!out->release[0]) {
		cat_fail(err, CAT_E_UNSUPPORTED, "%s tells no version", address);
		rc = h && cat_open_is_remote(address) ? cat_hint(err, "cat-upload --release NAME") : (int)err->code;
	}
	cat_hats_free(h);
	cat_reader_close(r);
	return rc;
}

int cat_table_version(const char *operand, struct cat_version *out, struct cat_error *err)
{
	return cat_registry_open(operand, version_of, out, err);
}

int cat_table_check(const struct cat_named *t, const char *address, struct cat_error *err)
{
	struct cat_version has;
	int rc;

	if (!t || !cat_kv_get(&t->facts, "version"))
		return CAT_OK;
	rc = version_of(&has, address, t, err);
	if (rc == CAT_OK)
		rc = check_version(t, address, has.told, err);
	cat_free(has.told);
	return rc;
}

/* --- by name --- */

struct catalogue_wanted {
	const struct cat_hats_want *want;
	struct cat_hats **out;
	bool none; /* at the address asked last */
};

static int catalogue_named(void *arg, const char *address, const struct cat_named *t, struct cat_error *err)
{
	struct catalogue_wanted *w = arg;

	CAT_TRY(catalogue_at(address, w->want, w->out, err));
	w->none = !*w->out;
	/* One may lie at the name's next address. */
	if (w->none)
		return t && cat_open_is_remote(address) && !says_file(address)
		               ? cat_fail(err, CAT_E_NOINPUT, "%s: no catalogue", address)
		               : CAT_OK;
	if (check_version(t, address, cat_kv_get(&(*w->out)->properties, BUILT), err) == CAT_OK)
		return CAT_OK;
	cat_hats_free(*w->out);
	*w->out = NULL;
	return (int)err->code;
}

int cat_table_catalogue(const char *operand, const struct cat_hats_want *want, struct cat_hats **out,
                        struct cat_error *err)
{
	struct catalogue_wanted w = {.want = want, .out = out};
	int rc;

	*out = NULL;
	if (!operand)
		return CAT_OK;
	rc = cat_registry_open(operand, catalogue_named, &w, err);
	return rc == CAT_E_NOINPUT && w.none ? (int)(err->code = CAT_OK) : rc;
}

static int open_catalogue(struct cat_hats *h, const struct cat_open_options *o, struct cat_feed **out,
                          struct cat_error *err)
{
	struct cat_feed *feed;

	CAT_TRY(cat_hats_feed(h, &o->want, &feed, err));
	if (o->nshards > 1)
		return cat_shard_feed(feed, o->shard, o->nshards, out, err);
	*out = feed;
	return CAT_OK;
}

struct table_wanted {
	const struct cat_open_options *o;
	struct cat_feed **out;
};

/* An operand that exists, or contains / or :, is a path or URL; anything else a registered name. */
static int table_named(void *arg, const char *address, const struct cat_named *t, struct cat_error *err)
{
	const struct table_wanted *w = arg;
	struct catalogue_wanted c = {.want = &w->o->want};
	struct cat_hats *h = NULL;
	struct cat_reader *r;
	int rc;

	c.out = &h;
	rc = catalogue_named(&c, address, t, err);
	if (rc == CAT_E_NOINPUT && c.none)
		rc = (int)(err->code = CAT_OK);
	CAT_TRY(rc);
	if (h)
		return open_catalogue(h, w->o, w->out, err);
	CAT_TRY(open_address(address, &r, err));
	if (check_version(t, address, cat_object_version(r), err) != CAT_OK) {
		cat_reader_close(r);
		return (int)err->code;
	}
	return open_reader(r, w->o, w->out, err);
}

int cat_table_open(const char *operand, const struct cat_open_options *o, struct cat_feed **out,
                   struct cat_error *err)
{
	const bool is_stdin = !operand || strcmp(operand, "-") == 0;
	const char *name = is_stdin ? "standard input" : operand;
	struct table_wanted w = {o, out};
	struct cat_reader *r;
	int rc;

	if (is_stdin) {
		rc = cat_local_open_fd(0, name, &r, err);
		if (rc == CAT_OK)
			rc = open_reader(r, o, out, err);
	} else {
		rc = cat_registry_open(operand, table_named, &w, err);
	}
	if (rc != CAT_OK && !strstr(err->cause, name) && !strstr(err->where, name))
		cat_wrap(err, "%s", name);
	return rc;
}

/* --- several tables --- */

struct operands {
	char *const *v;
	struct cat_open_options open;
	struct cat_csv_types types;
};

static int open_operand(void *arg, int i, struct cat_feed **out, const char **name, struct cat_error *err)
{
	const struct operands *o = arg;

	*name = o->v[i];
	return cat_table_open(o->v[i], &o->open, out, err);
}

/* Text inputs get the types that all of them need. *TYPES stays empty when none is text. */
static int common_types(char *const *operands, int n, const struct cat_open_options *o, struct cat_csv_types *types,
                        struct cat_error *err)
{
	bool first = true;
	int rc = CAT_OK;

	for (int i = 0; rc == CAT_OK && i < n; i++) {
		const struct cat_csv_types *seen;
		struct cat_feed *f;

		if (strcmp(operands[i], "-") == 0)
			return cat_fail(err, CAT_E_USAGE, "standard input cannot be one of several inputs");
		CAT_TRY(cat_table_open(operands[i], o, &f, err));
		seen = cat_csv_feed_types(f);
		if (seen)
			rc = first ? cat_csv_types_copy(types, seen, err) : cat_csv_types_merge(types, seen, err);
		first &= !seen;
		cat_feed_close(f);
		if (rc != CAT_OK)
			cat_wrap(err, "%s", operands[i]);
	}
	return rc;
}

static void free_operands(void *arg)
{
	struct operands *o = arg;

	cat_csv_types_fini(&o->types);
	cat_free(o);
}

/* Every later input must have the first one's columns. */
static int check_all(const struct operands *arg, int n, const struct cat_schema *schema, bool *sharded,
                     struct cat_error *err)
{
	int *map = cat_calloc((size_t)schema->nfields, sizeof *map), rc = CAT_OK;

	if (!map)
		return cat_fail_mem(err, (size_t)schema->nfields * sizeof *map);
	for (int i = 1; rc == CAT_OK && i < n; i++) {
		struct cat_feed *f;

		rc = cat_table_open(arg->v[i], &arg->open, &f, err);
		if (rc != CAT_OK)
			break;
		rc = cat_several_map(schema, f->schema, NULL, map, err);
		if (rc != CAT_OK)
			cat_wrap(err, "%s", arg->v[i]);
		*sharded &= f->sharded;
		cat_feed_close(f);
	}
	cat_free(map);
	return rc;
}

int cat_table_open_all(char *const *operands, int n, const struct cat_open_options *o, struct cat_feed **out,
                       struct cat_error *err)
{
	struct operands *arg;
	struct cat_feed *first = NULL, *all = NULL;
	struct cat_several sev = {.n = n, .open = open_operand, .free_arg = free_operands, .nrows = -1};
	int rc;

	if (n <= 1)
		return cat_table_open(n ? operands[0] : NULL, o, out, err);
	arg = cat_calloc(1, sizeof *arg);
	if (!arg)
		return cat_fail_mem(err, sizeof *arg);
	arg->v = operands;
	arg->open = *o;
	/* The parts of several inputs are cut from all of them together, below. */
	arg->open.nshards = 0;
	rc = common_types(operands, n, &arg->open, &arg->types, err);
	arg->open.text_types = arg->types.n ? &arg->types : NULL;
	if (rc == CAT_OK)
		rc = cat_table_open(operands[0], &arg->open, &first, err);
	if (rc == CAT_OK) {
		sev.arg = arg;
		sev.sharded = first->sharded;
		sev.far = first->far;
		rc = check_all(arg, n, first->schema, &sev.sharded, err);
	}
	if (rc == CAT_OK && o->nshards > 1 && !sev.sharded)
		rc = cat_fail(err, CAT_E_USAGE, "--shard cannot cut several inputs that are text or streams");
	if (rc == CAT_OK) {
		rc = cat_several_feed(first->schema, &sev, &all, err);
		arg = NULL;
	}
	if (arg)
		free_operands(arg);
	cat_feed_close(first);
	if (rc == CAT_OK && o->nshards > 1)
		return cat_shard_feed(all, o->shard, o->nshards, out, err);
	*out = all;
	return rc;
}
