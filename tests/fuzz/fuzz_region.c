/* fuzz_region -- any text as a cone, a box and a polygon; a region that is taken must hold in its cover. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sky/healpix.h"
#include "sky/region.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A few positions all over, and corners. */
static void check(const struct cat_region *r)
{
	static const double dec[] = {-90, -41.8, -20, 0, 1e-9, 30, 41.9, 60, 89.99, 90};
	struct cat_cover c = {0};
	struct cat_region_box box;
	struct cat_error err;

	if (cat_region_cover(r, 4, 64, &c, &err) != CAT_OK)
		abort();
	cat_region_bounds(r, &box);
	for (size_t i = 0; i < 10 * sizeof dec / sizeof *dec; i++) {
		const double ra = 36.001 * (double)(i / 10), d = dec[i % 10];
		const int64_t cell = cat_hpx_from_deg(29, ra, d);
		uint8_t in;

		cat_region_contains_n(r, &ra, &d, 1, &in);
		if (in && (!cat_cover_overlaps(&c, cell, cell + 1) || !cat_region_overlaps(r, cell, cell + 1) ||
		           !cat_region_box_overlaps(&box, ra, ra, d, d)))
			abort();
	}
	cat_cover_fini(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int (*const add[])(struct cat_region *, const char *, struct cat_error *) = {
		cat_region_add_cone, cat_region_add_box, cat_region_add_polygon};
	char *text = malloc(size + 1);

	if (!text || size > 4096) {
		free(text);
		return 0;
	}
	memcpy(text, data, size);
	text[size] = '\0';
	for (size_t k = 0; k < sizeof add / sizeof *add; k++) {
		struct cat_region *r;
		struct cat_error err;

		if (cat_region_new(&r, &err) != CAT_OK)
			abort();
		if (add[k](r, text, &err) == CAT_OK)
			check(r);
		else if (!cat_region_is_all(r))
			abort();
		cat_region_free(r);
	}
	free(text);
	return 0;
}
