/* unit -- what every unit test includes: cmocka, and leak counting around each test.
 *
 * Build with SAN=address,undefined: live allocations are counted, a test that leaks fails.
 */
#ifndef CAT_TESTS_UNIT_H
#define CAT_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"

static int64_t unit_live_before;

static int unit_before(void **state)
{
	(void)state;
	unit_live_before = cat_alloc_live();
	return 0;
}

static int unit_after(void **state)
{
	(void)state;
	if (cat_alloc_live() != unit_live_before) {
		print_error("%lld blocks leaked\n", (long long)(cat_alloc_live() - unit_live_before));
		return -1;
	}
	return 0;
}

#define UNIT_TEST(f) cmocka_unit_test_setup_teardown(f, unit_before, unit_after)
/* Fails with the error's own words. */
#define assert_cat_ok(call, err)                                                               \
	do {                                                                                   \
		if ((call) != CAT_OK)                                                          \
			fail_msg("%s: %s: %s", #call, (err).where, (err).cause);               \
	} while (0)
/* After a run with cat_alloc_fail_after, which ended with RC: false when an allocation failed and the run said so,
 * true when none did, all having been tried. */
static inline bool unit_all_tried(int rc)
{
	if (cat_alloc_faulted()) {
		assert_int_equal(rc, CAT_E_SYSTEM);
		return false;
	}
	cat_alloc_fail_after(0);
	assert_int_equal(rc, CAT_OK);
	return true;
}
/* Root of the shared test data, or NULL: then skip(). */
static inline const char *unit_data(void)
{
	const char *data = getenv("CATPIPE_DATA");

	return data && access(data, R_OK) == 0 ? data : NULL;
}

#endif
