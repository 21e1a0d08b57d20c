#include "unit.h"

#include <stdio.h>
#include <unistd.h>

#include "storage/local.h"
#include "storage/scratch.h"

/* "Jello world" by way of a spool into FD, which cannot be patched. */
static int write_spooled(int fd, struct cat_error *err)
{
	struct cat_writer *w;
	int rc = cat_local_create_fd(fd, "test", &w, err);

	if (rc != CAT_OK) {
		close(fd);
		return rc;
	}
	CAT_TRY(cat_writer_spool(w, "/tmp", &w, err));
	rc = cat_write_bytes(w, "Hello", 5, err);
	if (rc == CAT_OK)
		rc = cat_write_bytes(w, " world", 6, err);
	if (rc == CAT_OK)
		rc = w->ops->patch(w, 0, "J", 1, err);
	if (rc == CAT_OK)
		rc = w->ops->commit(w, err);
	cat_writer_close(w);
	return rc;
}

static void spooled_bytes_come_at_commit(void **state)
{
	(void)state;
	for (int64_t n = 0;; n++) {
		struct cat_error err = {0};
		char back[32] = "";
		int fd, rc;

		assert_cat_ok(cat_local_temp("/tmp", &fd, &err), err);
		cat_alloc_fail_after(n);
		rc = write_spooled(dup(fd), &err);
		cat_alloc_fail_after(0);
		assert_true(pread(fd, back, sizeof back - 1, 0) >= 0);
		close(fd);
		if (rc == CAT_OK)
			assert_string_equal(back, "Jello world");
		else
			assert_int_equal(rc, CAT_E_SYSTEM);
		/* Nothing fails at 0 (never), nor when all allocations have been got. */
		if (rc == CAT_OK && n > 0)
			break;
	}
}

static void scratch_is_read_while_it_grows(void **state)
{
	const struct cat_range ranges[] = {{6, 5}, {0, 5}};
	struct cat_error err = {0};
	struct cat_ticket *ticket;
	struct cat_writer *w;
	struct cat_reader *r;
	struct cat_buf *b[2];

	(void)state;
	assert_cat_ok(cat_scratch_new("/tmp", &w, &r, &err), err);
	assert_cat_ok(cat_write_bytes(w, "Hello", 5, &err), err);
	assert_cat_ok(cat_read_range(r, 1, 4, &b[0], &err), err);
	assert_memory_equal(b[0]->data, "ello", 4);
	cat_buf_unref(b[0]);
	assert_cat_ok(cat_write_bytes(w, " world", 6, &err), err);
	cat_writer_close(w);
	assert_cat_ok(r->ops->submit(r, ranges, 2, &ticket, &err), err);
	assert_cat_ok(r->ops->wait(ticket, b, &err), err);
	assert_memory_equal(b[0]->data, "world", 5);
	assert_memory_equal(b[1]->data, "Hello", 5);
	cat_buf_unref(b[0]);
	cat_buf_unref(b[1]);
	assert_int_equal(cat_read_range(r, 9, 9, &b[0], &err), CAT_E_IO);
	cat_reader_close(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {UNIT_TEST(spooled_bytes_come_at_commit),
	                                   UNIT_TEST(scratch_is_read_while_it_grows)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
