#include "formats/jsonl.h"

#include <string.h>

#include "formats/jsontext.h"
#include "formats/textout.h"

static void rows(const struct cat_textout *e, const struct cat_batch *b, struct cat_text *out)
{
	for (int64_t i = 0; i < b->nrows; i++) {
		for (int k = 0; k < b->ncols; k++) {
			const struct cat_field *f = &e->schema->fields[k];

			cat_text_addc(out, k ? ',' : '{');
			cat_jsontext_string(f->name, strlen(f->name), out);
			cat_text_addc(out, ':');
			cat_jsontext(f, b->cols[k], i, out);
		}
		cat_text_add(out, b->ncols ? "}\n" : "{}\n");
	}
}

static const struct cat_textout_ops jsonl_ops = {NULL, rows};

int cat_jsonl_encoder(struct cat_schema *s, struct cat_encoder **out, struct cat_error *err)
{
	return cat_textout_new(s, &jsonl_ops, ',', out, err);
}
