#include "exec/verify.h"

#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "dataset/table.h"
#include "net/url.h"

/* Memory for row groups that are being looked at. */
struct budget {
	pthread_mutex_t lock;
	pthread_cond_t given;
	int64_t left, all;
};
struct check {
	const struct cat_verify_run *run;
	struct cat_pool *pool;
	struct cat_verify_options options;
	struct budget budget;
	struct cat_hats *primary; /* of the collection, for its margins */
};

/* Whoever needs more than there is waits until nobody else has any. */
static void reserve(void *arg, int64_t bytes)
{
	struct budget *b = arg;

	pthread_mutex_lock(&b->lock);
	while (bytes > b->left && b->left < b->all)
		pthread_cond_wait(&b->given, &b->lock);
	b->left -= bytes < b->all ? bytes : b->all;
	pthread_mutex_unlock(&b->lock);
}

static void release(void *arg, int64_t bytes)
{
	struct budget *b = arg;

	pthread_mutex_lock(&b->lock);
	b->left += bytes < b->all ? bytes : b->all;
	pthread_cond_broadcast(&b->given);
	pthread_mutex_unlock(&b->lock);
}

static int run_leaf(void *arg, struct cat_error *err)
{
	return cat_verify_leaf_run(arg, err);
}

static void free_leaf(void *arg)
{
	cat_verify_leaf_free(arg);
}

static int check_leaves(struct check *c, struct cat_verify *v, struct cat_error *err)
{
	const int n = cat_verify_nleaves(v);
	struct cat_ordered *q;
	int rc = CAT_OK;

	CAT_TRY(cat_ordered_new(c->pool, 2 * cat_pool_jobs(c->pool), run_leaf, free_leaf, &q, err));
	for (int next = 0, taken = 0; rc == CAT_OK && taken < n;) {
		void *leaf;

		while (rc == CAT_OK && next < n && !cat_ordered_full(q)) {
			struct cat_verify_leaf *l;

			rc = cat_verify_leaf_new(v, next, &l, err);
			if (rc == CAT_OK) {
				cat_ordered_submit(q, l);
				next++;
			}
		}
		if (rc == CAT_OK)
			rc = cat_ordered_take(q, &leaf, err);
		if (rc == CAT_OK)
			rc = cat_verify_take(v, leaf, err);
		taken++;
		if (rc == CAT_OK && cat_verify_enough(v, n - taken))
			break;
	}
	cat_ordered_free(q);
	return rc;
}

/* FOUND may hold what is known of it already. */
static int check_catalogue(struct check *c, const char *path, struct cat_hats *primary, struct cat_findings *found,
                           struct cat_error *err)
{
	struct cat_verify_totals totals = {0};
	struct cat_verify *v;
	const char *kind;
	int rc;

	CAT_TRY(cat_verify_open(path, primary, &c->options, &v, err));
	kind = cat_kv_get(&cat_verify_hats(v)->properties, "dataproduct_type");
	rc = check_leaves(c, v, err);
	if (rc == CAT_OK)
		rc = cat_verify_finish(v, found, &totals, err);
	if (rc == CAT_OK)
		rc = c->run->done(c->run->arg, cat_verify_hats(v)->root, kind ? kind : "catalogue", found, &totals, err);
	cat_verify_free(v);
	return rc;
}

static int check_member(void *arg, const char *folder, struct cat_error *err)
{
	struct check *c = arg;
	struct cat_findings found = {.max_per_kind = c->options.max_per_kind};
	const int rc = check_catalogue(c, folder, c->primary, &found, err);

	cat_findings_fini(&found);
	return rc;
}

/* The folder beside ROOT that a margin cache names, wherever it was when that was written. *OUT stays NULL when there is
 * none. */
static int open_primary(const struct cat_hats *margin, struct cat_hats **out, struct cat_error *err)
{
	const char *url = cat_kv_get(&margin->properties, "hats_primary_table_url"), *name, *slash;
	char *beside, *path;
	size_t n;
	int rc;

	*out = NULL;
	if (!url || !*url)
		return CAT_OK;
	n = strlen(url);
	while (n > 1 && url[n - 1] == '/')
		n--;
	for (name = url + n; name > url && name[-1] != '/'; name--)
		;
	slash = strrchr(margin->root, '/');
	beside = cat_strndup(margin->root, slash ? (size_t)(slash - margin->root) : 0);
	path = cat_strndup(name, (size_t)(url + n - name));
	if (beside && path && slash) {
		char *joined = cat_url_join(beside, path);

		cat_free(path);
		path = joined;
	}
	rc = beside && path ? cat_hats_open(path, NULL, out, err) : cat_fail_mem(err, n);
	cat_free(beside);
	cat_free(path);
	if (rc == CAT_E_NOINPUT || rc == CAT_E_DATA || rc == CAT_E_UNSUPPORTED || rc == CAT_E_DENIED)
		rc = (int)(err->code = CAT_OK);
	return rc;
}

/* A collection's own findings are counted with its catalogue. */
static int check_dataset(struct check *c, struct cat_hats *h, struct cat_error *err)
{
	const char *type = cat_kv_get(&h->properties, "dataproduct_type");
	const bool collection = h->collection.n > 0;
	struct cat_findings found = {.max_per_kind = c->options.max_per_kind};
	struct cat_hats *primary = NULL;
	int rc = CAT_OK;

	if (!collection && type && strcmp(type, "margin") == 0)
		rc = open_primary(h, &primary, err);
	if (rc == CAT_OK)
		rc = check_catalogue(c, h->root, primary, &found, err);
	cat_hats_free(primary);
	cat_findings_fini(&found);
	if (rc == CAT_OK && collection) {
		const struct cat_verify_totals none = {0};

		found.max_per_kind = c->options.max_per_kind;
		c->primary = h;
		rc = cat_verify_collection(h, &found, check_member, c, err);
		if (rc == CAT_OK)
			rc = c->run->done(c->run->arg, h->given, "collection", &found, &none, err);
		cat_findings_fini(&found);
	}
	return rc;
}

static int check_file(struct check *c, const char *path, struct cat_error *err)
{
	struct cat_findings found = {.max_per_kind = c->options.max_per_kind};
	struct cat_verify_totals totals = {0};
	int rc = cat_verify_file(path, &c->options, &found, &totals, err);

	if (rc == CAT_OK)
		rc = cat_findings_check(&found, err);
	if (rc == CAT_OK)
		rc = c->run->done(c->run->arg, path, "file", &found, &totals, err);
	cat_findings_fini(&found);
	return rc;
}

int cat_verify(const char *path, const struct cat_verify_run *run, struct cat_pool *pool, struct cat_error *err)
{
	struct check c = {.run = run, .pool = pool,
	                  .budget = {.lock = PTHREAD_MUTEX_INITIALIZER, .given = PTHREAD_COND_INITIALIZER,
	                             .left = run->memory_bytes, .all = run->memory_bytes}};
	struct cat_hats *h;
	int rc;

	c.options = (struct cat_verify_options){.full = run->full, .max_per_kind = run->max_per_kind,
	                                        .temp_dir = run->temp_dir, .whole_bytes = run->memory_bytes / 4,
	                                        .part_bytes = run->memory_bytes / 8,
	                                        .reserve = reserve, .release = release, .arg = &c.budget};
	CAT_TRY(cat_table_catalogue(path, NULL, &h, err));
	if (!h)
		return check_file(&c, path, err);
	rc = check_dataset(&c, h, err);
	cat_hats_free(h);
	return rc;
}
