/* fuzz_moc -- any bytes as a coverage map; what is read must survive being written in every form. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "sky/healpix.h"
#include "sky/moc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const struct cat_moc *a, const struct cat_moc *b)
{
	if (a->n != b->n || a->order != b->order)
		abort();
	for (int64_t i = 0; i < a->n; i++)
		if (a->at[i].lo != b->at[i].lo || a->at[i].hi != b->at[i].hi)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cat_moc m = {0};
	struct cat_error err;

	if (cat_moc_read(data, size, &m, &err) != CAT_OK)
		return 0;
	for (int64_t i = 0; i < m.n; i++)
		if (m.at[i].lo < 0 || m.at[i].lo >= m.at[i].hi || m.at[i].hi > CAT_HPX29_CELLS ||
		    (i && m.at[i].lo <= m.at[i - 1].hi))
			abort();
	for (int format = CAT_MOC_FITS; format <= CAT_MOC_JSON; format++) {
		struct cat_text out = {.max = 1 << 24};
		struct cat_moc back = {0};

		if (cat_moc_write(&m, (enum cat_moc_format)format, &out, &err) != CAT_OK ||
		    cat_moc_read(out.s, out.len, &back, &err) != CAT_OK)
			abort();
		same(&m, &back);
		cat_moc_fini(&back);
		cat_text_fini(&out);
	}
	cat_moc_fini(&m);
	return 0;
}
