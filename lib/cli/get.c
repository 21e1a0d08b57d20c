#include "cli/get.h"

#include <string.h>

#include "base/json.h"
#include "cli/prices.h"
#include "cli/progress.h"
#include "dataset/table.h"
#include "exec/retrieve.h"
#include "exec/scan.h"
#include "storage/cache.h"
#include "storage/open.h"

struct showing {
	struct cat_progress progress;
	const struct cat_resources *res;
};

static void begin(void *arg, int64_t bytes)
{
	struct showing *s = arg;

	cat_progress_begin(&s->progress, s->res, bytes);
}

static void add(void *arg, int64_t bytes)
{
	cat_progress_add(&((struct showing *)arg)->progress, bytes);
}

/* The region in words. */
static void words(const struct cat_rows *rows, struct cat_text *out)
{
	const struct {
		const char *name;
		const struct cat_strings *list;
	} lists[] = {{"cone", &rows->cone}, {"box", &rows->box}, {"polygon", &rows->polygon}, {"moc", &rows->moc}};

	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		for (int k = 0; k < lists[i].list->n; k++)
			cat_text_addf(out, " %s %s", lists[i].name, lists[i].list->v[k]);
}

static int report(const struct cat_retrieve_result *r, const char *source, const char *place, struct cat_error *err)
{
	struct cat_json *j = cat_json_object();
	struct cat_text out = {.max = 1 << 20};
	int rc;

	cat_json_str(j, "source", source);
	cat_json_str(j, "place", place);
	cat_json_int(j, "files", r->files);
	cat_json_int(j, "bytes", r->bytes);
	cat_json_int(j, "kept_files", r->kept_files);
	cat_json_int(j, "got_bytes", r->got_bytes);
	if (r->rows >= 0)
		cat_json_int(j, "rows", r->rows);
	rc = cat_json_dump(j, &out, err);
	if (rc == CAT_OK)
		rc = cat_print(&out, err);
	cat_text_fini(&out);
	return rc;
}

/* --- the plan --- */

struct plan {
	struct cat_text lines;
	struct cat_json *objects; /* NULL: as text */
	int64_t files, bytes, unknown, perhaps; /* UNKNOWN: of which the size is not told */
	int64_t reads; /* requests */
};

static int add_file(void *arg, const struct cat_retrieve_file *f, struct cat_error *err)
{
	struct plan *p = arg;
	const int64_t size = f->size > 0 ? f->size : 0;

	p->files++;
	p->bytes += size;
	p->unknown += f->size < 0;
	p->perhaps += f->perhaps;
	/* Its beginning, its pieces, its checksum. */
	p->reads += 2 + (size + CAT_FETCH_PIECE - 1) / CAT_FETCH_PIECE;
	if (p->objects) {
		struct cat_json *j = cat_json_object();

		cat_json_str(j, "name", f->name);
		if (f->size < 0)
			cat_json_null(j, "bytes");
		else
			cat_json_int(j, "bytes", f->size);
		cat_json_put(p->objects, NULL, j);
		return CAT_OK;
	}
	if (f->size < 0)
		cat_text_addf(&p->lines, "%15s  %s%s\n", "?", f->name, f->perhaps ? " (if it is there)" : "");
	else
		cat_text_addf(&p->lines, "%15lld  %s\n", (long long)f->size, f->name);
	return cat_text_check(&p->lines, err);
}

static int print_plan(struct plan *p, const char *source, const char *place, struct cat_error *err)
{
	const double requests = (double)p->reads * CAT_PRICE_THOUSAND_READS / 1000;
	const double out = (double)p->bytes / 1e9 * CAT_PRICE_GB_OUT;
	int rc = CAT_OK;

	if (p->objects) {
		struct cat_json *j = cat_json_object(), *cost = cat_json_object();

		cat_json_str(j, "source", source);
		cat_json_str(j, "place", place);
		cat_json_int(j, "files", p->files);
		cat_json_int(j, "bytes", p->bytes);
		cat_json_int(j, "files_of_unknown_size", p->unknown);
		cat_json_str(cost, "prices", "Amazon S3, us-east-1, " CAT_PRICES_OF);
		cat_json_int(cost, "requests_that_read", p->reads);
		cat_json_real(cost, "requests_usd", requests);
		cat_json_real(cost, "transfer_usd", out);
		cat_json_put(j, "cost", cost);
		cat_json_put(j, "objects", p->objects);
		p->objects = NULL;
		rc = cat_json_dump(j, &p->lines, err);
	} else {
		cat_text_addf(&p->lines, "to %s: %lld files, %lld bytes", place, (long long)p->files, (long long)p->bytes);
		if (p->unknown)
			cat_text_addf(&p->lines, " and those of %lld files whose sizes are not told", (long long)p->unknown);
		cat_text_addf(&p->lines, "\nrequests: %lld that read\n", (long long)p->reads);
		cat_text_addf(&p->lines,
		              "at Amazon's prices of " CAT_PRICES_OF " (us-east-1): $%.6f for the requests, $%.6f for what "
		              "leaves its network\n",
		              requests, out);
	}
	return rc == CAT_OK ? cat_print(&p->lines, err) : rc;
}

/* --- doing it --- */

struct getting {
	const char *place;
	const struct cat_retrieve_options *o;
	struct cat_retrieve_result *r;
};

static int get_from(void *arg, const char *address, const struct cat_named *t, struct cat_error *err)
{
	const struct getting *g = arg;

	CAT_TRY(cat_table_check(t, address, err));
	return cat_retrieve(address, g->place, g->o, g->r, err);
}

int cat_get_command(const struct cat_get_settings *s, const char *source, const char *place, struct cat_error *err)
{
	struct showing showing = {.res = &s->res};
	struct cat_scan_region *region = NULL;
	struct cat_text what = {.max = 1 << 20};
	struct cat_hats_want want = {.keep = cat_scan_region_keep};
	struct cat_retrieve_options o = {.fetch = {.verify = !s->no_verify, .progress = add, .progress_arg = &showing},
	                                 .overwrite = s->overwrite, .jobs = (int)s->res.jobs,
	                                 .memory_bytes = s->res.memory_bytes, .begin = begin, .begin_arg = &showing};
	struct plan plan = {.lines.max = (size_t)1 << 30};
	struct cat_retrieve_result r;
	int rc;

	if (!*place || cat_open_is_remote(place))
		return cat_fail(err, CAT_E_USAGE, "'%s': copies are made here; cat-upload sends them", place);
	/* What comes is kept where it shall be, not a second time beside it. */
	cat_cache_configure("", 0);
	CAT_TRY(cat_io_region(&s->rows, &s->res, &region, err));
	words(&s->rows, &what);
	rc = cat_text_check(&what, err);
	want.arg = region;
	o.want = region ? &want : NULL;
	o.what = what.s;
	if (s->plan) {
		o.plan = add_file;
		o.plan_arg = &plan;
		plan.objects = s->json ? cat_json_array() : NULL;
	}
	if (rc == CAT_OK)
		rc = cat_registry_open(source, get_from, &(struct getting){place, &o, &r}, err);
	if (showing.progress.shown)
		cat_progress_end(&showing.progress);
	if (rc == CAT_OK && r.without_indexes)
		cat_warn(&s->res, "%s: the collection's indexes point into all of it and do not come with a part", source);
	if (rc == CAT_OK && !s->plan && r.unverified_files > 0)
		cat_warn(&s->res, "%s: %lld of %lld files could not be verified: the store keeps no checksum of them that fits",
		         source, (long long)r.unverified_files, (long long)r.files);
	if (rc == CAT_OK && s->plan) {
		rc = print_plan(&plan, source, place, err);
	} else if (rc == CAT_OK) {
		cat_note(&s->res, "%s: %lld files, %lld bytes; %lld of the files were here, %lld bytes came", place,
		         (long long)r.files, (long long)r.bytes, (long long)r.kept_files, (long long)r.got_bytes);
	}
	if (rc == CAT_OK && s->json && !s->plan)
		rc = report(&r, source, place, err);
	cat_json_free(plan.objects);
	cat_text_fini(&plan.lines);
	cat_scan_region_free(region);
	cat_text_fini(&what);
	return rc;
}
