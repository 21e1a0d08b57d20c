#include "base/crc.h"

#include <libdeflate.h>
#include <pthread.h>

/* Slicing by eight: a table for each of eight bytes that are taken at a time (Kounavis and Berry 2005). The shorter check
 * is the longer one with nothing in its upper half. */
struct tables {
	uint64_t of[8][256];
};
static struct tables castagnoli, nvme;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fill(struct tables *t, uint64_t reflected)
{
	for (int i = 0; i < 256; i++) {
		uint64_t v = (uint64_t)i;

		for (int bit = 0; bit < 8; bit++)
			v = (v >> 1) ^ (v & 1 ? reflected : 0);
		t->of[0][i] = v;
	}
	for (int k = 1; k < 8; k++)
		for (int i = 0; i < 256; i++)
			t->of[k][i] = (t->of[k - 1][i] >> 8) ^ t->of[0][t->of[k - 1][i] & 0xff];
}

static void fill_all(void)
{
	fill(&castagnoli, 0x82f63b78);
	fill(&nvme, UINT64_C(0x9a6c9329ac4bc9b5));
}

static uint64_t sliced(const struct tables *t, uint64_t crc, const uint8_t *p, size_t n)
{
	for (; n >= 8; p += 8, n -= 8) {
		for (int i = 0; i < 8; i++)
			crc ^= (uint64_t)p[i] << (8 * i);
		crc = t->of[7][crc & 0xff] ^ t->of[6][crc >> 8 & 0xff] ^ t->of[5][crc >> 16 & 0xff] ^ t->of[4][crc >> 24 & 0xff] ^
		      t->of[3][crc >> 32 & 0xff] ^ t->of[2][crc >> 40 & 0xff] ^ t->of[1][crc >> 48 & 0xff] ^ t->of[0][crc >> 56];
	}
	for (; n > 0; p++, n--)
		crc = (crc >> 8) ^ t->of[0][(crc ^ *p) & 0xff];
	return crc;
}

uint64_t cat_crc_add(enum cat_crc kind, uint64_t crc, const void *data, size_t n)
{
	const uint64_t ones = kind == CAT_CRC_64NVME ? UINT64_MAX : UINT32_MAX;

	if (kind == CAT_CRC_32)
		return n ? libdeflate_crc32((uint32_t)crc, data, n) : crc;
	pthread_once(&once, fill_all);
	return sliced(kind == CAT_CRC_64NVME ? &nvme : &castagnoli, crc ^ ones, data, n) ^ ones;
}

size_t cat_crc_bytes(enum cat_crc kind, uint64_t crc, uint8_t out[8])
{
	const size_t n = kind == CAT_CRC_64NVME ? 8 : 4;

	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(crc >> (8 * (n - 1 - i)));
	return n;
}
