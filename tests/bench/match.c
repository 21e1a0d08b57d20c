/* match -- times the match of two lists of positions and prints how many pairs there are.
 *
 * match LEFT RIGHT RADIUS_ARCSEC [K|all|back|mutual [TILE]]: raw little-endian doubles, all ra then all dec, in
 * degrees.
 * Build: make build/libcatpipe.a && gcc -O2 -Ilib tests/bench/match.c build/libcatpipe.a -lm -o /tmp/match
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sky/match.h"

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double *load(const char *path, int64_t *n)
{
	FILE *f = fopen(path, "rb");
	double *p;
	long size;

	if (!f || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0) {
		perror(path);
		exit(74);
	}
	rewind(f);
	p = malloc((size_t)size);
	if (!p || fread(p, 1, (size_t)size, f) != (size_t)size) {
		perror(path);
		exit(74);
	}
	fclose(f);
	*n = size / 16;
	return p;
}

int main(int argc, char **argv)
{
	int64_t na, nb, pairs = 0, k, tile;
	double *a, *b, t0, t1, t2, sum = 0;
	struct cat_match_index *ix;
	struct cat_pairs p = {0};
	struct cat_error err;
	int back;

	if (argc < 4)
		return 64;
	a = load(argv[1], &na);
	b = load(argv[2], &nb);
	k = argc < 5 ? 1 : strcmp(argv[4], "all") == 0 ? CAT_MATCH_ALL : atoll(argv[4]);
	back = argc > 4 && (strcmp(argv[4], "back") == 0 || strcmp(argv[4], "mutual") == 0);
	tile = argc < 6 ? 1 << 20 : atoll(argv[5]);
	for (int round = 0; round < 5; round++) {
		pairs = 0;
		sum = 0;
		t0 = seconds();
		if (cat_match_index_new(b, b + nb, nb, atof(argv[3]) / 3600, &ix, &err) != CAT_OK)
			return err.code;
		t1 = seconds();
		if (back && cat_match_back(&(struct cat_positions){a, a + na, na}, &(struct cat_positions){b, b + nb, nb},
		                           atof(argv[3]) / 3600, strcmp(argv[4], "mutual") == 0, &p, &err) != CAT_OK)
			return err.code;
		pairs = back ? p.n : 0;
		for (int64_t at = 0; !back && at < na; at += tile) {
			if (cat_match_query(ix, a + at, a + na + at, na - at < tile ? na - at : tile, k, &p, &err) != CAT_OK)
				return err.code;
			pairs += p.n;
			for (int64_t i = 0; i < p.n; i++)
				sum += p.at[i].sep_deg;
		}
		t2 = seconds();
		printf("index %.3f s (%.1f ns/row, %zu bytes), query %.3f s (%.1f ns/row), %lld pairs, mean %.6f arcsec\n",
		       t1 - t0, (t1 - t0) / (double)nb * 1e9, cat_match_index_bytes(ix), t2 - t1,
		       (t2 - t1) / (double)na * 1e9, (long long)pairs, sum * 3600 / (double)(pairs ? pairs : 1));
		cat_match_index_free(ix);
	}
	cat_pairs_fini(&p);
	free(a);
	free(b);
	return 0;
}
