#include "cli/get.h"

#include <string.h>

#include "base/json.h"
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
	if (rc == CAT_OK)
		rc = cat_registry_open(source, get_from, &(struct getting){place, &o, &r}, err);
	if (showing.progress.shown)
		cat_progress_end(&showing.progress);
	if (rc == CAT_OK) {
		if (r.without_indexes)
			cat_warn(&s->res, "%s: the collection's indexes point into all of it and do not come with a part", source);
		cat_note(&s->res, "%s: %lld files, %lld bytes; %lld of the files were here, %lld bytes came", place,
		         (long long)r.files, (long long)r.bytes, (long long)r.kept_files, (long long)r.got_bytes);
	}
	if (rc == CAT_OK && s->json)
		rc = report(&r, source, place, err);
	cat_scan_region_free(region);
	cat_text_fini(&what);
	return rc;
}
