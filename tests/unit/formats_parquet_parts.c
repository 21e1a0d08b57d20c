#include "unit.h"

#include <lz4.h>
#include <snappy-c.h>

#include "base/buf.h"
#include "formats/codec.h"
#include "formats/delta.h"
#include "formats/parquet_file.h"
#include "formats/rle_bp.h"
#include "formats/thrift.h"

static uint64_t next(uint64_t *x)
{
	*x ^= *x << 13, *x ^= *x >> 7, *x ^= *x << 17;
	return *x;
}

/* The bytes of T in a buffer, which is padded as decoders want it. */
static struct cat_buf *padded(struct cat_text *t)
{
	struct cat_buf *b;
	struct cat_error err;

	assert_cat_ok(cat_text_check(t, &err), err);
	assert_cat_ok(cat_buf_copy(t->s, t->len, &b, &err), err);
	cat_text_fini(t);
	return b;
}

static void thrift_structs_come_back(void **state)
{
	struct cat_text t = {.max = 1 << 16};
	struct cat_thrift_out o = {.to = &t};
	struct cat_thrift_field f = {0};
	struct cat_thrift in;
	const int16_t outer = cat_thrift_begin(&o, 0);
	int16_t inner;
	int64_t sum = 0;

	(void)state;
	cat_thrift_put_int(&o, 1, CAT_THRIFT_I32, -7);
	cat_thrift_put_bool(&o, 2, true);
	inner = cat_thrift_begin(&o, 30); /* too far for a short header */
	cat_thrift_put_int(&o, 1, CAT_THRIFT_I64, INT64_MIN);
	cat_thrift_end(&o, inner);
	cat_thrift_put_list(&o, 31, CAT_THRIFT_I64, 20);
	for (int i = 0; i < 20; i++)
		cat_thrift_item_int(&o, i);
	cat_thrift_put_binary(&o, 32, "abc", 3);
	cat_thrift_end(&o, outer);
	in = (struct cat_thrift){(const uint8_t *)t.s, (const uint8_t *)t.s + t.len, false};
	assert_true(cat_thrift_next(&in, &f) && f.id == 1 && cat_thrift_int(&in, f.type) == -7);
	assert_true(cat_thrift_next(&in, &f) && f.id == 2 && cat_thrift_bool(&in, f.type));
	assert_true(cat_thrift_next(&in, &f) && f.id == 30);
	cat_thrift_skip(&in, f.type);
	assert_true(cat_thrift_next(&in, &f) && f.id == 31);
	{
		uint8_t element;
		const size_t n = cat_thrift_list(&in, f.type, &element);

		assert_int_equal(n, 20);
		for (size_t i = 0; i < n; i++)
			sum += cat_thrift_int(&in, element);
		assert_int_equal(sum, 190);
	}
	assert_true(cat_thrift_next(&in, &f) && f.id == 32);
	assert_int_equal(cat_thrift_binary(&in, f.type).n, 3);
	assert_false(cat_thrift_next(&in, &f));
	assert_false(in.bad);
	for (size_t n = 0; n < t.len; n++) { /* cut anywhere it is an error */
		struct cat_thrift cut = {(const uint8_t *)t.s, (const uint8_t *)t.s + n, false};

		cat_thrift_skip(&cut, CAT_THRIFT_STRUCT);
		assert_true(cut.bad);
	}
	cat_text_fini(&t);
}

static void thrift_nesting_has_an_end(void **state)
{
	uint8_t deep[1000];
	struct cat_thrift in = {deep, deep + sizeof deep, false};

	(void)state;
	memset(deep, 0x1c, sizeof deep); /* a struct in a struct in a struct ... */
	cat_thrift_skip(&in, CAT_THRIFT_STRUCT);
	assert_true(in.bad);
	memset(deep, 0x19, sizeof deep); /* lists of lists */
	in = (struct cat_thrift){deep, deep + sizeof deep, false};
	cat_thrift_skip(&in, CAT_THRIFT_LIST);
	assert_true(in.bad);
}

/* N BITS from bit AT on are written as VALUES were. */
static void written_from_bits(const struct cat_buf *values, const uint8_t *bits, int64_t at, int64_t n)
{
	struct cat_text t = {.max = 1 << 20};

	cat_rle_put_bits(&t, bits, at, n);
	assert_int_equal(t.len, values->size);
	assert_memory_equal(t.s, values->data, t.len);
	cat_text_fini(&t);
}

static void runs_and_bits_come_back(void **state)
{
	uint64_t x = 42;

	(void)state;
	for (int width = 1; width <= 32; width++) {
		for (int64_t n = 1; n < 700; n = n * 3 + 1) {
			struct cat_text t = {.max = 1 << 20};
			uint32_t v[700], back[700], value = 0;
			struct cat_rle r;
			struct cat_buf *b;

			for (int64_t i = 0; i < n; i++) {
				if (next(&x) % 20 == 0 || i % 100 < 50)
					value = (uint32_t)(next(&x) & ((UINT64_C(1) << width) - 1));
				v[i] = value;
			}
			cat_rle_put(&t, v, n, width);
			b = padded(&t);
			cat_rle_init(&r, b->data, b->size, width);
			for (int64_t i = 0, k; i < n; i += k) { /* in pieces of odd sizes */
				k = 1 + (int64_t)(next(&x) % 40);
				k = k < n - i ? k : n - i;
				assert_true(cat_rle_u32(&r, back + i, k));
			}
			assert_memory_equal(v, back, (size_t)n * sizeof *v);
			if (width == 1) {
				uint8_t bits[100] = {0};
				int64_t ones, count = 0;

				cat_rle_init(&r, b->data, b->size, 1);
				assert_true(cat_rle_bits(&r, bits, 3, n, &ones));
				for (int64_t i = 0; i < n; i++) {
					count += v[i];
					assert_int_equal(bits[(i + 3) >> 3] >> ((i + 3) & 7) & 1, v[i]);
				}
				assert_int_equal(ones, count);
				assert_int_equal(cat_bits_count(bits, 3, n), count);
				written_from_bits(b, bits, 3, n);
			}
			cat_buf_unref(b);
		}
	}
}

static void malformed_runs_are_told(void **state)
{
	static const struct {
		uint8_t bytes[80];
		size_t n;
		int width;
	} bad[] = {{{0}, 0, 3}, {{0x00, 1}, 2, 3}, {{0x80}, 1, 3}, {{0x08}, 1, 3}, {{0x08, 0xff}, 2, 3},
	           {{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}, 7, 1}};
	uint32_t out[16];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct cat_rle r;

		cat_rle_init(&r, bad[i].bytes, bad[i].n, bad[i].width);
		assert_false(cat_rle_u32(&r, out, 4));
	}
}

static void deltas_come_back(void **state)
{
	uint64_t x = 7;

	(void)state;
	for (int kind = 0; kind < 6; kind++) {
		for (int64_t n = 0; n < 600; n = n * 2 + 1) {
			struct cat_text t = {.max = 1 << 20}, t32 = {.max = 1 << 20};
			int64_t v[600], back[600];
			int32_t w[600], back32[600];
			struct cat_buf *b;
			const uint8_t *p;

			for (int64_t i = 0; i < n; i++) {
				v[i] = kind == 0   ? i
				       : kind == 1 ? (int64_t)next(&x)
				       : kind == 2 ? (i & 1 ? INT64_MAX : INT64_MIN)
				       : kind == 3 ? 5
				       : kind == 4 ? (int64_t)(next(&x) >> (next(&x) % 64))
				                   : (int64_t)i * i * -1000003;
				w[i] = (int32_t)v[i];
			}
			cat_delta_put_i64(&t, v, n);
			b = padded(&t);
			p = b->data;
			assert_true(cat_delta_i64(&p, b->data + b->size, back, n));
			assert_ptr_equal(p, b->data + b->size);
			assert_true(n == 0 || memcmp(v, back, (size_t)n * 8) == 0);
			p = b->data;
			assert_false(cat_delta_i64(&p, b->data + b->size, back, n + 1));
			for (size_t cut = 0; n > 1 && cut < b->size && cut < 40; cut++) {
				p = b->data;
				if (cat_delta_i64(&p, b->data + cut, back,
				                  n)) /* only unused ends of miniblocks may lack */
					assert_memory_equal(v, back, (size_t)n * 8);
			}
			cat_buf_unref(b);
			cat_delta_put_i32(&t32, w, n);
			b = padded(&t32);
			p = b->data;
			assert_true(cat_delta_i32(&p, b->data + b->size, back32, n));
			assert_true(n == 0 || memcmp(w, back32, (size_t)n * 4) == 0);
			cat_buf_unref(b);
		}
	}
}

static void byte_streams_come_back(void **state)
{
	uint8_t flat[12 * 37], split[12 * 37], back[12 * 37];
	uint64_t x = 3;

	(void)state;
	for (size_t i = 0; i < sizeof flat; i++)
		flat[i] = (uint8_t)next(&x);
	for (int width = 1; width <= 12; width++) {
		cat_split_write(flat, split, 37, width);
		assert_int_equal(split[36], flat[36 * width]);
		cat_split_read(split, back, 37, width);
		assert_memory_equal(flat, back, (size_t)(37 * width));
	}
}

static void put_be(uint8_t *p, size_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void codecs_give_exactly_what_was_declared(void **state)
{
	char text[5000], packed[8000], out[5001];
	struct cat_codec c = {0};
	struct cat_error err = {0};
	size_t n, got = sizeof packed;

	(void)state;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)(i * i % 97);
	assert_cat_ok(cat_codec_zstd(&c, 1, text, sizeof text, packed, sizeof packed, &n, &err), err);
	assert_cat_ok(cat_codec_decompress(&c, CAT_CODEC_ZSTD, packed, n, out, sizeof text, &err), err);
	assert_memory_equal(text, out, sizeof text);
	assert_int_equal(cat_codec_decompress(&c, CAT_CODEC_ZSTD, packed, n, out, sizeof out, &err), CAT_E_DATA);
	assert_int_equal(cat_codec_decompress(&c, CAT_CODEC_ZSTD, packed, n - 1, out, sizeof text, &err),
	                 CAT_E_DATA);
	assert_int_equal(snappy_compress(text, sizeof text, packed, &got), SNAPPY_OK);
	assert_cat_ok(cat_codec_decompress(&c, CAT_CODEC_SNAPPY, packed, got, out, sizeof text, &err), err);
	assert_memory_equal(text, out, sizeof text);
	assert_int_equal(cat_codec_decompress(&c, CAT_CODEC_SNAPPY, packed, got, out, 4999, &err), CAT_E_DATA);
	n = (size_t)LZ4_compress_default(text, packed + 8, sizeof text, sizeof packed - 8);
	put_be((uint8_t *)packed, sizeof text);
	put_be((uint8_t *)packed + 4, n);
	assert_cat_ok(cat_codec_decompress(&c, CAT_CODEC_LZ4_RAW, packed + 8, n, out, sizeof text, &err), err);
	assert_cat_ok(cat_codec_decompress(&c, CAT_CODEC_LZ4, packed + 8, n, out, sizeof text, &err), err);
	memset(out, 0, sizeof out);
	assert_cat_ok(cat_codec_decompress(&c, CAT_CODEC_LZ4, packed, n + 8, out, sizeof text, &err), err);
	assert_memory_equal(text, out, sizeof text);
	assert_int_equal(cat_codec_decompress(&c, CAT_CODEC_LZO, packed, n, out, sizeof text, &err),
	                 CAT_E_UNSUPPORTED);
	assert_non_null(strstr(err.cause, "lzo"));
	assert_int_equal(cat_codec_decompress(&c, 99, packed, n, out, sizeof text, &err), CAT_E_UNSUPPORTED);
	cat_codec_fini(&c);
}

/* As other programs compute it. */
static void xxh64(void **state)
{
	static const struct {
		const char *text;
		uint64_t hash;
	} known[] = {{"", UINT64_C(0xef46db3751d8e999)},
	             {"a", UINT64_C(0xd24ec4f1a98c6e5b)},
	             {"abc", UINT64_C(0x44bc2cf5ad770999)},
	             {"Nobody inspects the spammish repetition", UINT64_C(0xfbcea83c8a378bf1)}};

	(void)state;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		assert_true(cat_pq_xxh64(known[i].text, strlen(known[i].text)) == known[i].hash);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT_TEST(thrift_structs_come_back),
		UNIT_TEST(thrift_nesting_has_an_end),
		UNIT_TEST(runs_and_bits_come_back),
		UNIT_TEST(malformed_runs_are_told),
		UNIT_TEST(deltas_come_back),
		UNIT_TEST(byte_streams_come_back),
		UNIT_TEST(codecs_give_exactly_what_was_declared),
		UNIT_TEST(xxh64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
