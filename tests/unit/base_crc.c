#include "unit.h"

#include <string.h>

#include "base/crc.h"

static void published_vectors(void **state)
{
	/* RFC 3720, appendix B.4: an iSCSI SCSI read command. */
	static const uint8_t command[48] = {0x01, 0xc0, [16] = 0x14, [22] = 0x04, [27] = 0x14, [31] = 0x18, [32] = 0x28,
	                                    [40] = 0x02};
	static const char digits[] = "123456789";
	uint8_t b[32];

	(void)state;
	memset(b, 0, sizeof b);
	assert_int_equal(cat_crc_add(CAT_CRC_32C, 0, b, 32), 0x8a9136aa);
	memset(b, 0xff, sizeof b);
	assert_int_equal(cat_crc_add(CAT_CRC_32C, 0, b, 32), 0x62a8ab43);
	for (int i = 0; i < 32; i++)
		b[i] = (uint8_t)i;
	assert_int_equal(cat_crc_add(CAT_CRC_32C, 0, b, 32), 0x46dd794e);
	for (int i = 0; i < 32; i++)
		b[i] = (uint8_t)(31 - i);
	assert_int_equal(cat_crc_add(CAT_CRC_32C, 0, b, 32), 0x113fdb5c);
	assert_int_equal(cat_crc_add(CAT_CRC_32C, 0, command, 48), 0xd9963a56);
	/* The check values of the catalogue of parametrised CRC algorithms. */
	assert_int_equal(cat_crc_add(CAT_CRC_32, 0, digits, 9), 0xcbf43926);
	assert_int_equal(cat_crc_add(CAT_CRC_32C, 0, digits, 9), 0xe3069283);
	assert_true(cat_crc_add(CAT_CRC_64NVME, 0, digits, 9) == UINT64_C(0xae8b14860a799888));
}

/* Bit by bit. */
static uint64_t slow(uint64_t reflected, uint64_t ones, const uint8_t *p, size_t n)
{
	uint64_t v = ones;

	for (size_t i = 0; i < n; i++) {
		v ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			v = (v >> 1) ^ (v & 1 ? reflected : 0);
	}
	return v ^ ones;
}

static void any_length_and_cut(void **state)
{
	static const struct {
		enum cat_crc kind;
		uint64_t reflected, ones;
	} kinds[] = {{CAT_CRC_32, 0xedb88320, UINT32_MAX}, {CAT_CRC_32C, 0x82f63b78, UINT32_MAX},
	             {CAT_CRC_64NVME, UINT64_C(0x9a6c9329ac4bc9b5), UINT64_MAX}};
	uint8_t b[100];

	(void)state;
	for (size_t i = 0; i < sizeof b; i++)
		b[i] = (uint8_t)(i * 151 + 7);
	for (size_t k = 0; k < 3; k++)
		for (size_t n = 0; n <= sizeof b; n++) {
			const uint64_t right = slow(kinds[k].reflected, kinds[k].ones, b, n);

			for (size_t cut = 0; cut <= n; cut += 3)
				assert_true(cat_crc_add(kinds[k].kind, cat_crc_add(kinds[k].kind, 0, b, cut), b + cut, n - cut) == right);
		}
}

static void bytes_in_order(void **state)
{
	uint8_t b[8];

	(void)state;
	assert_int_equal(cat_crc_bytes(CAT_CRC_32, 0x01020304, b), 4);
	assert_memory_equal(b, "\1\2\3\4", 4);
	assert_int_equal(cat_crc_bytes(CAT_CRC_64NVME, UINT64_C(0x0102030405060708), b), 8);
	assert_memory_equal(b, "\1\2\3\4\5\6\7\10", 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {UNIT_TEST(published_vectors), UNIT_TEST(any_length_and_cut),
	                                   UNIT_TEST(bytes_in_order)};

	return cmocka_run_group_tests_name("base_crc", tests, NULL, NULL);
}
