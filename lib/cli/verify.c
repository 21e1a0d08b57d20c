#include "cli/verify.h"

#include <string.h>

#include "base/json.h"
#include "exec/verify.h"

struct report {
	const struct cat_verify_settings *s;
	struct cat_json *subjects; /* --json */
	int64_t faults;
};

static struct cat_json *subject_json(const char *name, const char *kind, const struct cat_findings *found,
                                     const struct cat_verify_totals *t)
{
	struct cat_json *j = cat_json_object(), *counts = cat_json_object(), *list = cat_json_array();

	cat_json_str(j, "name", name);
	cat_json_str(j, "kind", kind);
	cat_json_bool(j, "fine", cat_findings_faults(found) == 0);
	cat_json_int(j, "leaves", t->leaves);
	cat_json_int(j, "rows", t->rows);
	cat_json_int(j, "bytes", t->bytes);
	for (int k = 0; k < CAT_FOUND_COUNT; k++)
		if (found->counts[k])
			cat_json_int(counts, cat_found_name((enum cat_found_kind)k), found->counts[k]);
	for (size_t i = 0; i < found->n; i++) {
		struct cat_json *one = cat_json_object();

		cat_json_str(one, "kind", cat_found_name(found->at[i].kind));
		cat_json_str(one, "where", found->at[i].where);
		cat_json_str(one, "text", found->at[i].text);
		cat_json_put(list, NULL, one);
	}
	cat_json_put(j, "counts", counts);
	cat_json_put(j, "findings", list);
	return j;
}

static void add_kind(struct cat_text *t, const struct cat_findings *found, enum cat_found_kind kind)
{
	int64_t shown = 0;

	for (size_t i = 0; i < found->n; i++) {
		const struct cat_finding *f = &found->at[i];

		if (f->kind != kind)
			continue;
		shown++;
		cat_text_addf(t, "  %s: %s%s%s\n", cat_found_name(kind), f->where, f->where[0] ? ": " : "", f->text);
	}
	if (shown < found->counts[kind])
		cat_text_addf(t, "  %s: %lld more\n", cat_found_name(kind), (long long)(found->counts[kind] - shown));
}

static int print_text(const struct report *r, const char *name, const char *kind, const struct cat_findings *found,
                      const struct cat_verify_totals *totals, struct cat_error *err)
{
	const int64_t faults = cat_findings_faults(found);
	struct cat_text t = {.max = (size_t)1 << 28};
	int rc;

	/* Of a collection itself there is something to say only when something is wrong. */
	if (strcmp(kind, "collection") == 0 && faults == 0)
		return CAT_OK;
	cat_text_addf(&t, "%s: %s", name, kind);
	if (strcmp(kind, "collection") != 0)
		cat_text_addf(&t, ", %lld file%s, %lld rows, %lld bytes, %s", (long long)totals->leaves,
		              totals->leaves == 1 ? "" : "s", (long long)totals->rows, (long long)totals->bytes, r->s->level);
	cat_text_add(&t, ": ");
	if (faults)
		cat_text_addf(&t, "%lld found\n", (long long)faults);
	else
		cat_text_add(&t, "fine\n");
	for (int k = 0; k < CAT_FOUND_COUNT; k++)
		add_kind(&t, found, (enum cat_found_kind)k);
	rc = cat_print(&t, err);
	cat_text_fini(&t);
	return rc;
}

static int done(void *arg, const char *name, const char *kind, const struct cat_findings *found,
                const struct cat_verify_totals *totals, struct cat_error *err)
{
	struct report *r = arg;

	r->faults += cat_findings_faults(found);
	if (!r->s->json)
		return print_text(r, name, kind, found, totals, err);
	cat_json_put(r->subjects, NULL, subject_json(name, kind, found, totals));
	return CAT_OK;
}

static int print_json(struct report *r, struct cat_error *err)
{
	struct cat_json *j = cat_json_object();
	struct cat_text t = {.max = (size_t)1 << 28};
	int rc;

	cat_json_str(j, "level", r->s->level);
	cat_json_bool(j, "fine", r->faults == 0);
	cat_json_int(j, "found", r->faults);
	cat_json_put(j, "subjects", r->subjects);
	rc = cat_json_dump(j, &t, err);
	if (rc == CAT_OK)
		rc = cat_print(&t, err);
	cat_text_fini(&t);
	return rc;
}

int cat_verify_report(const struct cat_verify_settings *s, const struct cat_resources *res, char *const *operands,
                      int n, struct cat_error *err)
{
	struct report r = {.s = s, .subjects = s->json ? cat_json_array() : NULL};
	const struct cat_verify_run run = {.full = strcmp(s->level, "full") == 0, .max_per_kind = s->findings,
	                                   .temp_dir = res->temp_dir, .memory_bytes = res->memory_bytes / 2,
	                                   .done = done, .arg = &r};
	struct cat_pool *pool = NULL;
	int rc = cat_pool_new((int)res->jobs, &pool, err);

	for (int i = 0; rc == CAT_OK && i < n; i++)
		rc = cat_verify(operands[i], &run, pool, err);
	if (rc == CAT_OK && s->json)
		rc = print_json(&r, err);
	else
		cat_json_free(r.subjects);
	cat_pool_free(pool);
	if (rc == CAT_OK && r.faults) {
		*err = (struct cat_error){.code = CAT_E_NO};
		return CAT_E_NO;
	}
	return rc;
}
