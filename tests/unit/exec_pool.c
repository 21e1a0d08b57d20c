#include "unit.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "exec/pool.h"

struct job {
	int64_t number;
	int64_t square;
	int fail;
};
static atomic_int freed;

static int work(void *arg, struct cat_error *err)
{
	struct job *j = arg;
	const struct timespec pause = {.tv_nsec = (j->number * 7919 % 13) * 20000};

	nanosleep(&pause, NULL);
	if (j->fail)
		return cat_fail(err, CAT_E_DATA, "job %lld", (long long)j->number);
	j->square = j->number * j->number;
	return CAT_OK;
}

static void drop(void *arg)
{
	atomic_fetch_add(&freed, 1);
	cat_free(arg);
}

static struct job *job(int64_t number, int fail)
{
	struct job *j = cat_calloc(1, sizeof *j);

	j->number = number;
	j->fail = fail;
	return j;
}

/* Runs COUNT jobs, the FAILING one failing; returns how many came out before the failure. */
static int64_t run(int jobs, int window, int64_t count, int64_t failing)
{
	struct cat_error err = {0};
	struct cat_pool *p;
	struct cat_ordered *q;
	int64_t in = 0, out = 0;

	assert_cat_ok(cat_pool_new(jobs, &p, &err), err);
	assert_cat_ok(cat_ordered_new(p, window, work, drop, &q, &err), err);
	for (;;) {
		void *arg;
		struct job *j;

		while (in < count && !cat_ordered_full(q))
			cat_ordered_submit(q, job(in, in == failing)), in++;
		if (cat_ordered_take(q, &arg, &err) != CAT_OK) {
			assert_int_equal(err.code, CAT_E_DATA);
			assert_int_equal(out, failing);
			break;
		}
		j = arg;
		if (!j)
			break;
		assert_int_equal(j->number, out);
		assert_int_equal(j->square, out * out);
		out++;
		cat_free(j);
	}
	cat_ordered_free(q);
	cat_pool_free(p);
	return out;
}

static void order_is_kept(void **state)
{
	(void)state;
	for (int jobs = 1; jobs <= 4; jobs++)
		for (int window = 1; window <= 16; window *= 2)
			assert_int_equal(run(jobs, window, 100, -1), 100);
}

static void failures_surface_in_their_place(void **state)
{
	(void)state;
	for (int jobs = 1; jobs <= 4; jobs++)
		for (int64_t at = 0; at < 30; at += 7) {
			atomic_store(&freed, 0);
			assert_int_equal(run(jobs, 8, 30, at), at);
			assert_true(atomic_load(&freed) >= 1);
		}
}

static void queues_share_a_pool(void **state)
{
	struct cat_error err = {0};
	struct cat_pool *p;
	struct cat_ordered *a, *b;

	(void)state;
	assert_cat_ok(cat_pool_new(2, &p, &err), err);
	assert_cat_ok(cat_ordered_new(p, 4, work, drop, &a, &err), err);
	assert_cat_ok(cat_ordered_new(p, 4, work, drop, &b, &err), err);
	for (int i = 0; i < 50; i++) {
		void *x, *y;

		cat_ordered_submit(a, job(i, 0));
		cat_ordered_submit(b, job(i, 0));
		assert_cat_ok(cat_ordered_take(a, &x, &err), err);
		assert_cat_ok(cat_ordered_take(b, &y, &err), err);
		cat_free(x);
		cat_free(y);
	}
	cat_ordered_submit(a, job(1, 0));
	cat_ordered_free(a);
	cat_ordered_free(b);
	cat_pool_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {UNIT_TEST(order_is_kept), UNIT_TEST(failures_surface_in_their_place),
	                                   UNIT_TEST(queues_share_a_pool)};

	return cmocka_run_group_tests_name("exec_pool", tests, NULL, NULL);
}
