#include "cli/upload.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "cli/prices.h"
#include "cli/progress.h"
#include "dataset/registry.h"
#include "dataset/table.h"
#include "exec/publish.h"
#include "storage/content.h"
#include "storage/create.h"
#include "storage/journal.h"
#include "storage/local.h"
#include "storage/open.h"
#include "storage/release.h"

#define AT(f) .off = offsetof(struct cat_storing, f)

const struct cat_opt cat_storing_opts[] = {
	{.name = "content-type", .type = CAT_OPT_STRING, AT(content_type), .arg = "TYPE", .help = "media type",
	 .rare = true},
	{.name = "storage-class", .type = CAT_OPT_STRING, AT(storage_class), .arg = "CLASS",
	 .help = "STANDARD, STANDARD_IA, GLACIER_IR, ...", .rare = true},
	{.name = "sse", .type = CAT_OPT_STRING, AT(sse), .arg = "HOW", .help = "encryption there: AES256, aws:kms",
	 .rare = true},
	{.name = "kms-key", .type = CAT_OPT_STRING, AT(kms_key), .arg = "ID", .help = "its key; implies aws:kms",
	 .rare = true},
	{.name = "acl", .type = CAT_OPT_STRING, AT(acl), .arg = "NAME", .help = "canned ACL: private, public-read, ...",
	 .rare = true},
	{.name = "tags", .type = CAT_OPT_STRING, AT(tags), .arg = "A=B&C=D", .help = "object tags", .rare = true},
	{0},
};

/* --- what it costs --- */

/* A GB (10^9) and month of the first 50 TB, and 1,000 requests that write or list, and that read. */
static const struct price {
	const char *class;
	double gb_month, thousand_writes, thousand_reads;
} prices[] = {
	{"STANDARD", 0.023, 0.005, CAT_PRICE_THOUSAND_READS},
	{"INTELLIGENT_TIERING", 0.023, 0.005, CAT_PRICE_THOUSAND_READS},
	{"STANDARD_IA", 0.0125, 0.01, 0.001},
	{"ONEZONE_IA", 0.01, 0.01, 0.001},
	{"GLACIER_IR", 0.004, 0.02, 0.01},
	{"GLACIER", 0.0036, 0.03, 0.0004},
	{"DEEP_ARCHIVE", 0.00099, 0.05, 0.0004},
};

struct cost {
	const char *class;
	int64_t writes, lists, reads; /* requests */
	int64_t stored_bytes;
	double requests_usd, month_usd;
};

static struct cost cost_of(const struct cat_publish *p, const struct cat_upload_settings *s)
{
	const struct price *price = &prices[0];
	struct cost c = {.lists = 1 + p->listed / 1000};

	for (size_t i = 0; s->storing.storage_class && i < sizeof prices / sizeof *prices; i++)
		if (strcmp(prices[i].class, s->storing.storage_class) == 0)
			price = &prices[i];
	for (size_t i = 0; i < p->n; i++) {
		const struct cat_publish_item *it = &p->items[i];
		const int64_t part = cat_content_part(it->size);

		if (it->fate != CAT_PUBLISH_DELETE)
			c.stored_bytes += it->size;
		if (it->fate != CAT_PUBLISH_SEND && it->fate != CAT_PUBLISH_REPLACE)
			continue;
		c.writes += it->size > cat_content_part(0) ? (it->size + part - 1) / part + 2 : 1;
		c.reads += !s->no_verify;
	}
	if (s->release) {
		c.lists++;
		c.writes += 4; /* the manifest, two that must be refused, and which is the latest */
		c.reads += 2;
	}
	c.class = price->class;
	c.requests_usd = ((double)(c.writes + c.lists) * price->thousand_writes + (double)c.reads * price->thousand_reads) / 1000;
	c.month_usd = (double)c.stored_bytes / 1e9 * price->gb_month;
	return c;
}

/* --- the plan and the report --- */

static const char *const fates[CAT_PUBLISH_FATES] = {"send", "replace", "same", "delete"};

static void put_json(struct cat_json *j, const char *key, int64_t files, int64_t bytes)
{
	struct cat_json *o = cat_json_object();

	cat_json_int(o, "files", files);
	cat_json_int(o, "bytes", bytes);
	cat_json_put(j, key, o);
}

static struct cat_json *cost_json(const struct cost *c)
{
	struct cat_json *j = cat_json_object();

	cat_json_str(j, "prices", "Amazon S3, us-east-1, " CAT_PRICES_OF);
	cat_json_str(j, "storage_class", c->class);
	cat_json_int(j, "requests_that_write", c->writes);
	cat_json_int(j, "requests_that_list", c->lists);
	cat_json_int(j, "requests_that_read", c->reads);
	cat_json_real(j, "requests_usd", c->requests_usd);
	cat_json_int(j, "stored_bytes", c->stored_bytes);
	cat_json_real(j, "month_usd", c->month_usd);
	return j;
}

static int as_json(const struct cat_publish *p, const struct cat_upload_settings *s, const char *previous,
                   struct cat_text *out, struct cat_error *err)
{
	struct cat_json *j = cat_json_object(), *files;

	cat_json_str(j, "target", p->target);
	for (int i = 0; i < CAT_PUBLISH_FATES; i++)
		put_json(j, fates[i], p->files[i], p->bytes[i]);
	if (s->release) {
		cat_json_str(j, "release", s->release);
		if (!s->plan)
			cat_json_str(j, "previous", *previous ? previous : NULL);
	}
	if (s->plan) {
		const struct cost c = cost_of(p, s);

		cat_json_put(j, "cost", cost_json(&c));
		files = cat_json_array();
		for (size_t i = 0; i < p->n; i++) {
			struct cat_json *f = cat_json_object();

			cat_json_str(f, "name", p->items[i].name);
			cat_json_str(f, "action", fates[p->items[i].fate]);
			cat_json_int(f, "bytes", p->items[i].size);
			cat_json_put(files, NULL, f);
		}
		cat_json_put(j, "objects", files);
	} else {
		cat_json_int(j, "sent_bytes", p->sent_bytes);
	}
	return cat_json_dump(j, out, err);
}

static void as_text(const struct cat_publish *p, const struct cat_upload_settings *s, struct cat_text *out)
{
	const struct cost c = cost_of(p, s);

	for (size_t i = 0; i < p->n; i++)
		if (p->items[i].fate != CAT_PUBLISH_SAME)
			cat_text_addf(out, "%-7s %15lld  %s\n", fates[p->items[i].fate], (long long)p->items[i].size,
			              p->items[i].name);
	cat_text_addf(out, "to %s: send %lld files, %lld bytes; replace %lld, %lld bytes; delete %lld; %lld are there already\n",
	              p->target, (long long)p->files[CAT_PUBLISH_SEND], (long long)p->bytes[CAT_PUBLISH_SEND],
	              (long long)p->files[CAT_PUBLISH_REPLACE], (long long)p->bytes[CAT_PUBLISH_REPLACE],
	              (long long)p->files[CAT_PUBLISH_DELETE], (long long)p->files[CAT_PUBLISH_SAME]);
	cat_text_addf(out, "requests: %lld that write, %lld that list, %lld that read\n", (long long)c.writes,
	              (long long)c.lists, (long long)c.reads);
	cat_text_addf(out, "at Amazon's prices of " CAT_PRICES_OF " (us-east-1, %s): $%.6f for the requests, "
	              "$%.6f a month for %lld bytes\n",
	              c.class, c.requests_usd, c.month_usd, (long long)c.stored_bytes);
}

static int report(const struct cat_publish *p, const struct cat_upload_settings *s, const char *previous,
                  struct cat_error *err)
{
	struct cat_text out = {.max = (size_t)1 << 30};
	int rc = CAT_OK;

	if (s->json)
		rc = as_json(p, s, previous, &out, err);
	else
		as_text(p, s, &out);
	if (rc == CAT_OK)
		rc = cat_print(&out, err);
	cat_text_fini(&out);
	return rc;
}

/* --- doing it --- */

static struct cat_s3_put how_of(const struct cat_upload_settings *s)
{
	return (struct cat_s3_put){.create = s->create, .replace_etag = s->if_match,
	                           .content_type = s->storing.content_type, .storage_class = s->storing.storage_class,
	                           .sse = s->storing.sse ? s->storing.sse : s->storing.kms_key ? "aws:kms" : NULL,
	                           .kms_key = s->storing.kms_key, .acl = s->storing.acl, .tags = s->storing.tags};
}

static int pump(struct cat_reader *r, struct cat_writer *w, struct cat_progress *progress, int64_t *bytes,
                struct cat_error *err)
{
	*bytes = 0;
	for (;;) {
		struct cat_buf *b;
		int rc;

		CAT_TRY(r->ops->next(r, (size_t)1 << 20, &b, err));
		if (!b)
			return w->ops->commit(w, err);
		rc = w->ops->append(w, &b, 1, err);
		*bytes += (int64_t)b->size;
		cat_progress_add(progress, (int64_t)b->size);
		cat_buf_unref(b);
		CAT_TRY(rc);
	}
}

static int check_size(const char *address, int64_t bytes, struct cat_error *err)
{
	struct cat_s3_info info = {0};
	struct cat_url url;
	int rc = cat_url_parse(address, &url, err);

	if (rc == CAT_OK)
		rc = cat_s3_head(&url, address, &info, err);
	cat_url_fini(&url);
	if (rc == CAT_OK && info.size != bytes)
		rc = cat_fail(err, CAT_E_PROTOCOL, "%s: the server has %lld bytes of it, not the %lld that were sent", address,
		              (long long)info.size, (long long)bytes);
	return rc;
}

/* Standard input to one object, in parts while it comes. */
static int stream(const struct cat_upload_settings *s, const char *address, struct cat_error *err)
{
	const struct cat_s3_put how = how_of(s);
	const int64_t fit = s->res.memory_bytes / cat_content_part(0) - 1;
	struct cat_progress progress;
	struct cat_reader *r = NULL;
	struct cat_writer *w = NULL;
	int64_t bytes = 0;
	int rc;

	if (s->release || s->if_match || s->remove)
		return cat_fail(err, CAT_E_USAGE, "standard input is one object: --release, --delete and --if-match go with files");
	cat_create_configure(&(struct cat_create_options){.content_type = how.content_type,
	                                                  .storage_class = how.storage_class,
	                                                  .sse = how.sse, .kms_key = how.kms_key, .acl = how.acl,
	                                                  .tags = how.tags});
	rc = cat_create_object(address, fit < 1 ? 1 : fit < 8 ? (int)fit : 8, s->create, &w, err);
	if (rc == CAT_OK && (address[strlen(address) - 1] == '/'))
		rc = cat_fail(err, CAT_E_USAGE, "%s: standard input needs the name of an object", address);
	if (rc == CAT_OK && s->plan) {
		struct cat_text t = {.max = 1 << 16};

		cat_text_addf(&t, "to %s: send standard input, as long as it is\n", address);
		rc = cat_print(&t, err);
		cat_text_fini(&t);
	} else if (rc == CAT_OK) {
		cat_progress_begin(&progress, &s->res, 0);
		rc = cat_local_open_fd(0, "standard input", &r, err);
		if (rc == CAT_OK)
			rc = pump(r, w, &progress, &bytes, err);
		if (rc == CAT_OK && !s->no_verify)
			rc = check_size(address, bytes, err);
		cat_progress_end(&progress);
	}
	cat_reader_close(r);
	cat_writer_close(w);
	return rc;
}

static void warn_live(const struct cat_publish *p, const struct cat_upload_settings *s)
{
	if (!s->release && p->live && p->files[CAT_PUBLISH_REPLACE] + p->files[CAT_PUBLISH_DELETE] > 0)
		cat_warn(&s->res,
		         "%s is a catalogue that may be read just now: readers may meet a mix of old and new until this is "
		         "done; --release NAME spares them that",
		         p->target);
}

/* What is there already is not touched: silence would be taken for consent. */
static void warn_kept(const struct cat_publish *p, const struct cat_upload_settings *s)
{
	const struct cat_s3_put how = how_of(s);
	const long long n = (long long)p->files[CAT_PUBLISH_SAME];

	if (n > 0 && (how.content_type || how.storage_class || how.sse || how.kms_key || how.acl || how.tags))
		cat_warn(&s->res, "%s: %lld object%s with the same content %s there already and %s as stored before", p->target, n,
		         n == 1 ? "" : "s", n == 1 ? "is" : "are", n == 1 ? "stays" : "stay");
}

static int send(const struct cat_upload_settings *s, struct cat_publish_options *o, char *const *sources, int n,
                const char *address, struct cat_publish **p, struct cat_error *err)
{
	struct cat_progress progress;
	int rc;

	CAT_TRY(cat_publish_plan(sources, n, address, o, p, err));
	if (s->plan)
		return report(*p, s, "", err);
	if (s->if_match && (*p)->n != 1)
		return cat_fail(err, CAT_E_USAGE, "--if-match goes with one file");
	warn_live(*p, s);
	warn_kept(*p, s);
	cat_progress_begin(&progress, &s->res, (*p)->bytes[CAT_PUBLISH_SEND] + (*p)->bytes[CAT_PUBLISH_REPLACE]);
	o->upload.progress = cat_progress_add;
	o->upload.progress_arg = &progress;
	rc = cat_publish_run(*p, o, err);
	cat_progress_end(&progress);
	if (rc == CAT_OK)
		cat_note(&s->res, "%s: %lld sent, %lld replaced, %lld there already, %lld deleted; %lld bytes sent", (*p)->target,
		         (long long)(*p)->files[CAT_PUBLISH_SEND], (long long)(*p)->files[CAT_PUBLISH_REPLACE],
		         (long long)(*p)->files[CAT_PUBLISH_SAME], (long long)(*p)->files[CAT_PUBLISH_DELETE],
		         (long long)(*p)->sent_bytes);
	return rc;
}

static int publish(const struct cat_upload_settings *s, struct cat_publish_options *o, char *const *sources, int n,
                   const char *address, struct cat_error *err)
{
	struct cat_publish *p = NULL;
	int rc = send(s, o, sources, n, address, &p, err);

	if (rc == CAT_OK && s->json && !s->plan)
		rc = report(p, s, "", err);
	cat_publish_free(p);
	return rc;
}

/* --- releases --- */

static int seal(const struct cat_publish *p, const struct cat_upload_settings *s, const char *folder,
                char previous[CAT_RELEASE_NAME], struct cat_error *err)
{
	struct cat_text manifest = {.max = (size_t)1 << 30};
	int rc;

	for (size_t i = 0; i < p->n; i++)
		cat_release_line(&manifest, p->items[i].name, p->items[i].size, p->items[i].etag ? p->items[i].etag : "");
	rc = cat_text_check(&manifest, err);
	if (rc == CAT_OK)
		rc = cat_release_seal(folder, s->release, &manifest, s->unsafe, err);
	if (rc == CAT_OK)
		rc = cat_release_move(folder, s->release, s->unsafe, previous, err);
	cat_text_fini(&manifest);
	return rc;
}

static int release_exists(const struct cat_upload_settings *s, const char *folder, struct cat_error *err)
{
	cat_fail(err, CAT_E_CREATE, "%s has a release '%s' already", folder, s->release);
	return cat_hint(err, "cat-upload --rollback %s %s", s->release, folder);
}

static int release(const struct cat_upload_settings *s, struct cat_publish_options *o, char *const *sources, int n,
                   const char *folder, struct cat_error *err)
{
	char *target = cat_release_folder(folder, s->release), note[64], previous[CAT_RELEASE_NAME] = "";
	struct cat_publish *p = NULL;
	struct cat_journal journal = {.fd = -1};
	bool whole = false;
	int rc = target ? CAT_OK : cat_fail_mem(err, strlen(folder));

	if (rc == CAT_OK && !o->blind)
		rc = cat_release_check_folder(folder, err);
	if (rc == CAT_OK && !o->blind)
		rc = cat_release_is_whole(folder, s->release, &whole, err);
	if (rc == CAT_OK && !s->plan)
		cat_journal_open(&journal, o->upload.journal_folder, target);
	/* A process that ended between the last two steps left a note that it is not done. */
	cat_journal_read(&journal, note, sizeof note);
	if (rc == CAT_OK && whole && strcmp(note, "release\n") != 0)
		rc = release_exists(s, folder, err);
	if (rc == CAT_OK)
		cat_journal_write(&journal, "release\n");
	if (rc == CAT_OK)
		rc = send(s, o, sources, n, target, &p, err);
	if (rc == CAT_OK && !s->plan)
		rc = seal(p, s, folder, previous, err);
	cat_journal_close(&journal, rc == CAT_OK || rc == CAT_E_CREATE);
	if (rc == CAT_OK && !s->plan)
		cat_note(&s->res, "%s: readers get %s, before %s", folder, s->release, *previous ? previous : "nothing");
	if (rc == CAT_OK && s->json && !s->plan)
		rc = report(p, s, previous, err);
	cat_publish_free(p);
	cat_free(target);
	return rc;
}

static int report_rollback(const struct cat_upload_settings *s, const char *folder, const char *previous,
                           struct cat_error *err)
{
	struct cat_text out = {.max = 1 << 16};
	int rc = CAT_OK;

	if (s->json) {
		struct cat_json *j = cat_json_object();

		cat_json_str(j, "target", folder);
		cat_json_str(j, "release", s->rollback);
		cat_json_str(j, "previous", *previous ? previous : NULL);
		rc = cat_json_dump(j, &out, err);
	} else {
		cat_text_addf(&out, "release %s is whole; readers of %s would get it instead of %s\n", s->rollback, folder,
		              *previous ? previous : "nothing");
	}
	if (rc == CAT_OK)
		rc = cat_print(&out, err);
	cat_text_fini(&out);
	return rc;
}

static int rollback(const struct cat_upload_settings *s, const char *folder, struct cat_error *err)
{
	char previous[CAT_RELEASE_NAME];

	CAT_TRY(cat_release_check_name(s->rollback, err));
	CAT_TRY(cat_release_verify(folder, s->rollback, err));
	if (s->plan)
		CAT_TRY(cat_release_latest(folder, previous, err));
	else
		CAT_TRY(cat_release_move(folder, s->rollback, s->unsafe, previous, err));
	if (!s->plan)
		cat_note(&s->res, "%s: readers get %s, before %s", folder, s->rollback, *previous ? previous : "nothing");
	return s->json || s->plan ? report_rollback(s, folder, previous, err) : CAT_OK;
}

/* --- the command line --- */

static int check(const struct cat_upload_settings *s, int argc, char **argv, struct cat_error *err)
{
	const char *address = argv[argc - 1];
	struct cat_url url;

	if (!cat_open_is_remote(address)) {
		cat_fail(err, CAT_E_USAGE, "'%s' is no address: cat-upload SRC... s3://BUCKET/PLACE", address);
		return cat_hint(err, "cat-upload --help");
	}
	CAT_TRY(cat_url_parse(address, &url, err));
	if (!url.is_s3)
		cat_fail(err, CAT_E_UNSUPPORTED, "%s: a web server is not written to; s3:// is", address);
	cat_url_fini(&url);
	CAT_TRY((int)err->code);
	if (s->rollback && (argc != 1 || s->release || s->remove))
		return cat_fail(err, CAT_E_USAGE, "--rollback NAME takes the address alone");
	if (!s->rollback && argc < 2)
		return cat_fail(err, CAT_E_USAGE, "what is to be sent? cat-upload SRC... s3://BUCKET/PLACE");
	if (s->release && (s->remove || s->create || s->if_match))
		return cat_fail(err, CAT_E_USAGE, "a release is new: --delete, --create and --if-match have no place in it");
	if (s->create && s->if_match)
		return cat_fail(err, CAT_E_USAGE, "--create and --if-match contradict each other");
	return s->release ? cat_release_check_name(s->release, err) : CAT_OK;
}

/* Names become what they stand for: a path, or an address, which is refused as one. The caller frees what is in OUT. */
static int find_sources(char *const *words, int n, char **out, struct cat_error *err)
{
	for (int i = 0; i < n; i++) {
		const struct cat_named *t = NULL;
		struct cat_addresses a = {0};
		int rc = CAT_OK;

		if (cat_registry_is_name(words[i]))
			CAT_TRY(cat_registry_find(words[i], &t, err));
		if (t)
			rc = cat_registry_addresses(t, false, &a, err);
		if (rc == CAT_OK && t)
			rc = cat_table_check(t, a.v[0].url, err);
		if (rc == CAT_OK && !(out[i] = cat_strdup(t ? a.v[0].url : words[i])))
			rc = cat_fail_mem(err, strlen(words[i]));
		cat_addresses_fini(&a);
		if (rc != CAT_OK)
			return cat_wrap(err, "%s", words[i]);
	}
	return CAT_OK;
}

static int send_found(const struct cat_upload_settings *s, struct cat_publish_options *o, char *const *sources, int n,
                      const char *address, struct cat_error *err)
{
	size_t len = strlen(address);
	char *folder;
	int rc;

	if (!s->release && !s->rollback)
		return publish(s, o, sources, n, address, err);
	while (len > 0 && address[len - 1] == '/')
		len--;
	folder = cat_strndup(address, len);
	if (!folder)
		return cat_fail_mem(err, len);
	rc = s->rollback ? rollback(s, folder, err) : release(s, o, sources, n, folder, err);
	cat_free(folder);
	return rc;
}

int cat_upload_command(const struct cat_upload_settings *s, int argc, char **argv, struct cat_error *err)
{
	static char journal[1100], cache[1024];
	struct cat_publish_options o = {.remove = s->remove, .release = s->release, .jobs = (int)s->res.jobs,
	                                .memory_bytes = s->res.memory_bytes, .blind = s->plan && s->res.net.offline};
	const char *address;
	char **sources;
	int rc;

	CAT_TRY(check(s, argc, argv, err));
	address = argv[argc - 1];
	/* What is under way there ends in good order, whoever reads our output. */
	signal(SIGPIPE, SIG_IGN);
	cat_setting("cache", cache, sizeof cache);
	snprintf(journal, sizeof journal, "%s/uploads", cache);
	o.upload = (struct cat_upload){.how = how_of(s), .unsafe = s->unsafe, .verify = !s->no_verify,
	                               .journal_folder = journal};
	if (argc == 2 && strcmp(argv[0], "-") == 0)
		return stream(s, address, err);
	for (int i = 0; i < argc - 1; i++)
		if (strcmp(argv[i], "-") == 0)
			return cat_fail(err, CAT_E_USAGE, "standard input goes alone: cat-upload - s3://BUCKET/NAME");
	sources = cat_calloc((size_t)argc, sizeof *sources);
	if (!sources)
		return cat_fail_mem(err, (size_t)argc * sizeof *sources);
	rc = find_sources(argv, argc - 1, sources, err);
	if (rc == CAT_OK)
		rc = send_found(s, &o, sources, argc - 1, address, err);
	for (int i = 0; i < argc - 1; i++)
		cat_free(sources[i]);
	cat_free(sources);
	return rc;
}
