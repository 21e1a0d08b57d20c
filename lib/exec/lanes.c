#include "exec/lanes.h"

#include "base/alloc.h"
#include "exec/pool.h"

struct job {
	struct cat_lanes *lanes;
	size_t i;
};

static int run_job(void *arg, struct cat_error *err)
{
	struct job *j = arg;
	struct cat_lanes *l = j->lanes;
	const int rc = l->run(l->arg, j->i, err);

	if (rc != CAT_OK && !atomic_exchange(&l->failed, true)) {
		l->err = *err;
		atomic_store(&l->stopping, true);
	}
	return rc;
}

static int submit(struct cat_lanes *l, struct cat_ordered *q, size_t i, struct cat_error *err)
{
	struct job *j = cat_malloc(sizeof *j);

	if (!j)
		return cat_fail_mem(err, sizeof *j);
	*j = (struct job){l, i};
	cat_ordered_submit(q, j);
	return CAT_OK;
}

static int run_all(struct cat_lanes *l, struct cat_ordered *q, size_t n, struct cat_error *err)
{
	for (size_t i = 0; i < n || !cat_ordered_empty(q);) {
		void *done = NULL;

		if (i < n && l->wanted && !l->wanted(l->arg, i)) {
			i++;
		} else if (i < n && !cat_ordered_full(q)) {
			CAT_TRY(submit(l, q, i++, err));
		} else {
			CAT_TRY(cat_ordered_take(q, &done, err));
			cat_free(done);
		}
	}
	return CAT_OK;
}

int cat_lanes_run(struct cat_lanes *l, int lanes, size_t n, struct cat_error *err)
{
	struct cat_pool *pool = NULL;
	struct cat_ordered *q = NULL;
	int rc = cat_pool_new(lanes, &pool, err);

	l->stop = &l->stopping;
	if (rc == CAT_OK)
		rc = cat_ordered_new(pool, 2 * lanes, run_job, cat_free, &q, err);
	if (rc == CAT_OK)
		rc = run_all(l, q, n, err);
	if (rc != CAT_OK && !atomic_exchange(&l->failed, true))
		l->err = *err;
	if (rc != CAT_OK)
		atomic_store(&l->stopping, true);
	cat_ordered_free(q);
	cat_pool_free(pool);
	/* Others were only stopped. */
	if (rc != CAT_OK) {
		*err = l->err;
		rc = (int)err->code;
	}
	return rc;
}
