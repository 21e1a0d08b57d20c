/* How many requests are under way: in turn, fewer after refusals, more again with time. */
#include "unit.h"

#include "net/origin.h"

#define N 40

static struct cat_call calls[N];
static struct cat_call_state states[N];

static void clean(void)
{
	memset(calls, 0, sizeof calls);
	memset(states, 0, sizeof states);
	for (int i = 0; i < N; i++)
		calls[i].state = &states[i];
}

/* Enters the first N calls; how many began. */
static int enter(struct cat_pace *p, int n)
{
	int begun = 0;

	for (int i = 0; i < n; i++)
		begun += cat_pace_enter(p, &calls[i], false);
	return begun;
}

static void in_turn(void **state)
{
	struct cat_pace p;

	(void)state;
	clean();
	cat_pace_init(&p, 3);
	assert_int_equal(enter(&p, 6), 3);
	assert_null(cat_pace_next(&p));
	assert_true(cat_pace_enter(&p, &calls[10], true)); /* urgent */
	cat_pace_done(&p, &calls[10], 204, 1);
	assert_true(cat_pace_leave(&p, &calls[4]));
	assert_false(cat_pace_leave(&p, &calls[4]));
	assert_false(cat_pace_leave(&p, &calls[0])); /* it has begun */
	cat_pace_done(&p, &calls[0], 200, 1);
	assert_ptr_equal(cat_pace_next(&p), &calls[3]);
	assert_null(cat_pace_next(&p));
	cat_pace_done(&p, &calls[1], 0, 1);
	cat_pace_done(&p, &calls[2], 404, 1);
	assert_ptr_equal(cat_pace_next(&p), &calls[5]);
	assert_null(cat_pace_next(&p));
	/* Nobody overtakes who waits. */
	assert_true(cat_pace_enter(&p, &calls[6], false));
	assert_false(cat_pace_enter(&p, &calls[7], false));
	assert_true(cat_pace_leave(&p, &calls[7]));
	assert_null(p.first);
	assert_null(p.last);
	pthread_mutex_destroy(&p.lock);
}

static void refused(void **state)
{
	struct cat_pace p;
	int64_t now = 1000;

	(void)state;
	clean();
	cat_pace_init(&p, 32);
	assert_int_equal(enter(&p, 40), 32);
	/* All that were under way together are one refusal. */
	for (int i = 0; i < 8; i++)
		cat_pace_done(&p, &calls[i], 503, now);
	assert_int_equal(p.now, 16);
	for (int i = 8; i < 32; i++)
		cat_pace_done(&p, &calls[i], 200, now);
	assert_int_equal(p.now, 16);
	for (int i = 32; i < 40; i++)
		assert_ptr_equal(cat_pace_next(&p), &calls[i]);
	/* Of those that are under way: eight, not sixteen. */
	cat_pace_done(&p, &calls[32], 429, now);
	assert_int_equal(p.now, 4);
	for (int i = 33; i < 40; i++)
		cat_pace_done(&p, &calls[i], 500, now);
	assert_int_equal(p.now, 4);
	/* One more for each ten seconds of success, up to what there was. */
	for (int i = 0; i < 100; i++, now += 2500) {
		assert_true(cat_pace_enter(&p, &calls[0], false));
		cat_pace_done(&p, &calls[0], 206, now + 2500);
		if (i < 100)
			assert_int_equal(p.now, 4 + (i + 1) / 4);
	}
	for (int i = 0; i < 40; i++, now += 10000) {
		assert_true(cat_pace_enter(&p, &calls[0], false));
		cat_pace_done(&p, &calls[0], 206, now + 10000);
	}
	assert_int_equal(p.now, 32);
	/* Never fewer than one. */
	for (int i = 0; i < 10; i++) {
		assert_true(cat_pace_enter(&p, &calls[0], false));
		cat_pace_done(&p, &calls[0], 503, now);
		assert_int_equal(p.now, 1);
	}
	assert_int_equal(p.running, 0);
	pthread_mutex_destroy(&p.lock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {UNIT_TEST(in_turn), UNIT_TEST(refused)};

	return cmocka_run_group_tests_name("net_pace", tests, NULL, NULL);
}
