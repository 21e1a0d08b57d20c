#include "exec/keysort.h"

#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"

#define ROW_BITS 24
#define DIGIT 10
#define BUCKETS (1 << DIGIT)
#define PASSES 4 /* at most: a key's upper 40 bits and the row's number fill a word */
/* Bits of a key beyond those that number the rows: they leave few words alike. */
#define SPARE_BITS 9

/* Words that agree in all kept bits may still differ below: rare, so insertion mends them. */
static void mend_ties(const int64_t *keys, int64_t n, int32_t *order)
{
	for (int64_t i = 1; i < n; i++) {
		const int32_t row = order[i];
		const int64_t key = keys[row];
		int64_t k = i;

		for (; k > 0 && keys[order[k - 1]] > key; k--)
			order[k] = order[k - 1];
		order[k] = row;
	}
}

/* Many rows on one cell would make insertion quadratic: then a merge of the run of equal words. */
static void merge_range(const int64_t *keys, int32_t *order, int32_t *other, int64_t n)
{
	for (int64_t width = 1; width < n; width *= 2) {
		for (int64_t at = 0; at < n; at += 2 * width) {
			const int64_t mid = at + width < n ? at + width : n, end = at + 2 * width < n ? at + 2 * width : n;
			int64_t a = at, b = mid;

			for (int64_t k = at; k < end; k++)
				other[k] = a < mid && (b >= end || keys[order[a]] <= keys[order[b]]) ? order[a++] : order[b++];
		}
		memcpy(order, other, (size_t)n * sizeof *order);
	}
}

static int mend(const int64_t *keys, const uint64_t *words, int64_t n, int32_t *order, struct cat_error *err)
{
	for (int64_t from = 0, to; from < n; from = to) {
		for (to = from + 1; to < n && words[to] >> ROW_BITS == words[from] >> ROW_BITS; to++)
			;
		if (to - from > 32) {
			int32_t *other = cat_malloc((size_t)(to - from) * sizeof *other);

			if (!other)
				return cat_fail_mem(err, (size_t)(to - from) * sizeof *other);
			merge_range(keys, order + from, other, to - from);
			cat_free(other);
		} else if (to - from > 1) {
			mend_ties(keys, to - from, order + from);
		}
	}
	return CAT_OK;
}

int cat_keysort(const int64_t *keys, int64_t n, int32_t *order, struct cat_error *err)
{
	int64_t least = n ? keys[0] : 0, most = least;
	uint64_t *words, *other;
	uint32_t(*counts)[BUCKETS];
	int passes = 1, shift = 0, rc;

	while (passes < PASSES && n >> (DIGIT * passes - SPARE_BITS))
		passes++;
	for (int64_t i = 0; i < n; i++) {
		least = keys[i] < least ? keys[i] : least;
		most = keys[i] > most ? keys[i] : most;
	}
	while ((((uint64_t)most - (uint64_t)least) >> shift) >> (DIGIT * passes))
		shift++;
	words = cat_malloc((size_t)n * 2 * sizeof *words);
	counts = cat_calloc(PASSES, sizeof *counts);
	if (!words || !counts) {
		cat_free(words);
		cat_free(counts);
		return cat_fail_mem(err, (size_t)n * 2 * sizeof *words);
	}
	other = words + n;
	for (int64_t i = 0; i < n; i++) {
		const uint64_t prefix = ((uint64_t)keys[i] - (uint64_t)least) >> shift;

		words[i] = prefix << ROW_BITS | (uint64_t)i;
		for (int p = 0; p < passes; p++)
			counts[p][prefix >> (DIGIT * p) & (BUCKETS - 1)]++;
	}
	for (int p = 0; p < passes; p++) {
		const int at = ROW_BITS + DIGIT * p;
		uint32_t sum = 0;
		uint64_t *swap;
		bool one = false;

		for (int b = 0; b < BUCKETS; b++) {
			const uint32_t c = counts[p][b];

			one |= c == (uint32_t)n;
			counts[p][b] = sum;
			sum += c;
		}
		if (one)
			continue;
		for (int64_t i = 0; i < n; i++)
			other[counts[p][words[i] >> at & (BUCKETS - 1)]++] = words[i];
		swap = words, words = other, other = swap;
	}
	for (int64_t i = 0; i < n; i++)
		order[i] = (int32_t)(words[i] & ((1u << ROW_BITS) - 1));
	rc = shift ? mend(keys, words, n, order, err) : CAT_OK;
	cat_free(words < other ? words : other);
	cat_free(counts);
	return rc;
}
