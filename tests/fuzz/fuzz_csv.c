#include "fuzz.h"

#include "formats/csv.h"
#include "storage/inflate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cat_error err = {0};
	struct cat_reader *r;
	struct cat_feed *f;

	for (int i = 0; i < 4; i++) {
		const struct cat_csv_options o = {
			.block_bytes = i ? 16 : 0,
			.delimiter = i == 2 ? ';' : 0,
			.full_infer = i == 1,
			.range_begin = i == 3 ? (int64_t)size / 3 : 0,
			.range_end = i == 3 ? (int64_t)size * 2 / 3 : 0,
		};

		if (cat_reader_inflate(fuzz_reader(data, size, false), &r, &err) == CAT_OK &&
		    cat_csv_feed(r, &o, &f, &err) == CAT_OK)
			fuzz_drain(f);
	}
	return 0;
}
