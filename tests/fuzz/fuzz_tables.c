/* fuzz_tables -- any bytes as a list of tables. A tree must keep its places in the text; an edit that is made must do
 * just that, which the list read back tells; adding and removing again must give the same bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/yaml.h"
#include "dataset/namelist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_places(const struct cat_yaml *y, size_t begin, size_t size)
{
	for (; y; y = y->next) {
		if (y->begin < begin || y->begin > size || y->end < y->begin || y->end > size)
			abort();
		if (y->key && (y->key_begin < begin || y->key_end < y->key_begin || y->key_end > y->begin))
			abort();
		check_places(y->child, y->begin, size);
	}
}

/* Takes the first table out, gives it another name; adds one and takes it out again. */
static void edit(const char *text, size_t size, const struct cat_namelist *l)
{
	char url[] = "https://example.org/a b#c", *urls[] = {url}, name[] = "fuzz-added", other[] = "fuzz-other";
	const struct cat_named t = {.name = name, .urls = urls, .nurls = 1};
	struct cat_text one = {.max = 1 << 24}, two = {.max = 1 << 24};
	struct cat_error err;

	if (l->n > 0) {
		(void)!cat_namelist_remove(text, size, l->v[0].name, &one, &err);
		one.len = 0;
		(void)!cat_namelist_rename(text, size, l->v[0].name, other, &one, &err);
		one.len = 0;
	}
	if (cat_namelist_add(text, size, &t, &one, &err) == CAT_OK) {
		if (cat_namelist_remove(one.s, one.len, name, &two, &err) != CAT_OK)
			abort();
		/* But for a newline at the end, and the line that says "tables:". */
		if (two.len < size || (l->n > 0 && two.len > size + 1))
			abort();
	}
	cat_text_fini(&one);
	cat_text_fini(&two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct cat_namelist l;
	struct cat_error err;
	struct cat_yaml *y;

	if (size > 1 << 16)
		return 0;
	if (cat_yaml_parse(text, size, &y, &err) == CAT_OK) {
		check_places(y, 0, size);
		cat_yaml_free(y);
	}
	if (cat_namelist_parse(text, size, "/somewhere/tables.yaml", false, &l, &err) == CAT_OK)
		edit(text, size, &l);
	cat_namelist_fini(&l);
	if (cat_namelist_parse(text, size, "https://example.org/tables.yaml", true, &l, &err) == CAT_OK)
		for (size_t i = 0; i < l.n; i++)
			for (int k = 0; k < l.v[i].nurls; k++)
				if (!strstr(l.v[i].urls[k], "://"))
					abort();
	cat_namelist_fini(&l);
	return 0;
}
