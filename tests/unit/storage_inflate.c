#include "unit.h"

#include "feeds.h"
#include "storage/inflate.h"

#define TEXT_SIZE 300000

/* Text that compresses, but not to nothing. */
static struct cat_buf *make_text(void)
{
	struct cat_error err = {0};
	struct cat_buf *b;
	uint32_t x = 1;

	assert_cat_ok(cat_buf_new(TEXT_SIZE, &b, &err), err);
	for (size_t i = 0; i < b->size; i++) {
		x = x * 1664525 + 1013904223;
		b->data[i] = (uint8_t)("0123456789,.-\n"[(x >> 24) % 14]);
	}
	return b;
}

static int deflate(struct cat_buf *b, enum cat_deflate how, struct cat_buf **out, struct cat_error *err)
{
	struct cat_writer *inner, *w;
	int rc;

	CAT_TRY(cat_writer_memory(out, &inner, err));
	CAT_TRY(cat_writer_deflate(inner, how, &w, err));
	rc = b->size ? w->ops->append(w, &b, 1, err) : CAT_OK;
	if (rc == CAT_OK)
		rc = w->ops->commit(w, err);
	cat_writer_close(w);
	return rc;
}

/* Takes pieces of at most MAX bytes; small ones from a slow pipe. */
static int inflate_all(struct cat_buf *b, size_t max, struct cat_buf **out, struct cat_error *err)
{
	struct cat_reader *inner, *r;
	struct cat_buf *all = NULL, *piece;
	int rc;

	CAT_TRY(max < 2000 ? unit_dribble(b, &inner, err) : cat_reader_memory(b, "test", &inner, err));
	CAT_TRY(cat_reader_inflate(inner, &r, err));
	rc = cat_buf_new(0, &all, err);
	while (rc == CAT_OK) {
		rc = r->ops->next(r, max, &piece, err);
		if (rc != CAT_OK || !piece)
			break;
		rc = cat_buf_resize(&all, all->size + piece->size, err);
		if (rc == CAT_OK)
			memcpy(all->data + all->size - piece->size, piece->data, piece->size);
		cat_buf_unref(piece);
	}
	cat_reader_close(r);
	if (rc != CAT_OK) {
		cat_buf_unref(all);
		return rc;
	}
	*out = all;
	return CAT_OK;
}

static void assert_same(const struct cat_buf *a, const struct cat_buf *b)
{
	assert_int_equal(a->size, b->size);
	assert_memory_equal(a->data, b->data, a->size);
}

/* A, then B. */
static struct cat_buf *join(const struct cat_buf *a, const void *b, size_t n)
{
	struct cat_error err = {0};
	struct cat_buf *both;

	assert_cat_ok(cat_buf_new(a->size + n, &both, &err), err);
	memcpy(both->data, a->data, a->size);
	memcpy(both->data + a->size, b, n);
	return both;
}

static void round_trip(void **state)
{
	struct cat_buf *text = make_text();
	struct cat_error err = {0};

	(void)state;
	for (int how = 0; how < 2; how++) {
		struct cat_buf *packed, *again, *back, *twice, *double_text;

		assert_cat_ok(deflate(text, (enum cat_deflate)how, &packed, &err), err);
		assert_cat_ok(deflate(text, (enum cat_deflate)how, &again, &err), err);
		assert_true(packed->size < text->size * 2 / 3);
		assert_same(packed, again);
		assert_cat_ok(inflate_all(packed, how ? 1000 : 1 << 20, &back, &err), err);
		assert_same(text, back);
		cat_buf_unref(back);
		/* Members and frames one after the other are one text. */
		twice = join(packed, packed->data, packed->size);
		double_text = join(text, text->data, text->size);
		assert_cat_ok(inflate_all(twice, 1 << 20, &back, &err), err);
		assert_same(double_text, back);
		cat_buf_unref(twice);
		cat_buf_unref(double_text);
		cat_buf_unref(back);
		cat_buf_unref(packed);
		cat_buf_unref(again);
	}
	cat_buf_unref(text);
}

static void what_is_cut_or_followed_is_an_error(void **state)
{
	struct cat_buf *text = make_text();
	struct cat_error err = {0};

	(void)state;
	for (int how = 0; how < 2; how++) {
		struct cat_buf *packed, *cut, *more, *back;

		assert_cat_ok(deflate(text, (enum cat_deflate)how, &packed, &err), err);
		for (size_t n = 4; n < packed->size; n += n < 40 || n > packed->size - 20 ? 1 : 9973) {
			assert_cat_ok(cat_buf_slice(packed, 0, n, &cut, &err), err);
			assert_int_equal(inflate_all(cut, 1 << 20, &back, &err), CAT_E_DATA);
			cat_buf_unref(cut);
		}
		more = join(packed, "garbage", 7);
		assert_int_equal(inflate_all(more, 1 << 20, &back, &err), CAT_E_DATA);
		cat_buf_unref(more);
		cat_buf_unref(packed);
	}
	cat_buf_unref(text);
}

static void plain_bytes_pass_through(void **state)
{
	struct cat_error err = {0};
	struct cat_reader *inner, *r;
	struct cat_buf *b;

	(void)state;
	assert_cat_ok(cat_buf_copy("a,b\n", 4, &b, &err), err);
	assert_cat_ok(cat_reader_memory(b, "test", &inner, &err), err);
	assert_cat_ok(cat_reader_inflate(inner, &r, &err), err);
	assert_ptr_equal(r, inner);
	cat_reader_close(r);
	cat_buf_unref(b);
}

static void a_look_ahead_consumes_nothing(void **state)
{
	struct cat_buf *text = make_text(), *packed, *peeked, *piece;
	struct cat_error err = {0};
	struct cat_reader *inner, *r;

	(void)state;
	assert_cat_ok(deflate(text, CAT_DEFLATE_ZSTD, &packed, &err), err);
	assert_cat_ok(cat_reader_memory(packed, "test", &inner, &err), err);
	assert_cat_ok(cat_reader_inflate(inner, &r, &err), err);
	assert_cat_ok(r->ops->peek(r, 5, &peeked, &err), err);
	assert_memory_equal(peeked->data, text->data, 5);
	cat_buf_unref(peeked);
	assert_cat_ok(r->ops->peek(r, TEXT_SIZE * 2, &peeked, &err), err);
	assert_same(text, peeked);
	cat_buf_unref(peeked);
	assert_cat_ok(r->ops->next(r, 3, &piece, &err), err);
	assert_memory_equal(piece->data, text->data, 3);
	cat_buf_unref(piece);
	assert_int_equal(r->size, -1);
	cat_reader_close(r);
	cat_buf_unref(packed);
	cat_buf_unref(text);
}

static void nothing_compresses_to_something(void **state)
{
	struct cat_error err = {0};
	struct cat_buf *none, *packed, *back;

	(void)state;
	assert_cat_ok(cat_buf_new(0, &none, &err), err);
	for (int how = 0; how < 2; how++) {
		assert_cat_ok(deflate(none, (enum cat_deflate)how, &packed, &err), err);
		assert_true(packed->size > 8);
		assert_cat_ok(inflate_all(packed, 100, &back, &err), err);
		assert_int_equal(back->size, 0);
		cat_buf_unref(back);
		cat_buf_unref(packed);
	}
	cat_buf_unref(none);
}

static void memory_may_run_out_anywhere(void **state)
{
	struct cat_buf *text = make_text();
	struct cat_error err = {0};
	int rc = CAT_E_SYSTEM;

	(void)state;
	for (int64_t n = 1; rc != CAT_OK; n++) {
		struct cat_buf *packed = NULL, *back = NULL;

		cat_alloc_fail_after(n);
		rc = deflate(text, n & 1 ? CAT_DEFLATE_GZIP : CAT_DEFLATE_ZSTD, &packed, &err);
		if (rc == CAT_OK)
			rc = inflate_all(packed, 1 << 16, &back, &err);
		assert_int_equal(rc, cat_alloc_faulted() ? CAT_E_SYSTEM : CAT_OK);
		cat_alloc_fail_after(0);
		cat_buf_unref(packed);
		cat_buf_unref(back);
	}
	cat_buf_unref(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(round_trip),
		UNIT_TEST(what_is_cut_or_followed_is_an_error),
		UNIT_TEST(plain_bytes_pass_through),
		UNIT_TEST(a_look_ahead_consumes_nothing),
		UNIT_TEST(nothing_compresses_to_something),
		UNIT_TEST(memory_may_run_out_anywhere),
	};

	return cmocka_run_group_tests_name("storage_inflate", tests, NULL, NULL);
}
