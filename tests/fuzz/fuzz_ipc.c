#include "fuzz.h"

#include "formats/ipc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct cat_ipc_options o = {.allow_no_eos = true};
	struct cat_error err = {0};
	struct cat_schema *s;
	struct cat_feed *f;

	for (int pipe = 0; pipe < 2; pipe++)
		if (cat_ipc_feed(fuzz_reader(data, size, pipe), &o, &f, &err) == CAT_OK)
			fuzz_drain(f);
	if (cat_ipc_schema_decode(data, size, &s, &err) == CAT_OK)
		cat_schema_unref(s);
	return 0;
}
