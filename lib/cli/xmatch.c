#include "cli/xmatch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "columnar/kernels.h"
#include "columnar/position.h"
#include "dataset/hats.h"
#include "exec/op_select.h"
#include "exec/op_xmatch_tiled.h"
#include "exec/scan.h"

/* A LEFT of so many rows is looked up in a catalogue part by part rather than streamed past all of it. */
#define SHORT_ROWS 262144
#define MINE "catpipe:mine"

/* One side: where it comes from, and which of its columns are needed. */
struct side {
	const char *name; /* LEFT or RIGHT, for messages */
	struct cat_hats *hats;
	struct cat_source *source;
	struct cat_schema *schema;
	int ra, dec;
	bool *used;
};
struct match {
	const struct cat_xmatch_input *in;
	struct cat_xmatch_options *o;
	struct cat_pool *pool;
	struct side left, right;
	struct cat_select *list;
	struct cat_expr *where;
	bool mine; /* LEFT has a column that says which rows are the shard's own */
};

/* --- opening a side --- */

static void side_fini(struct side *s)
{
	cat_hats_free(s->hats);
	cat_source_close(s->source);
	cat_schema_unref(s->schema);
	cat_free(s->used);
	memset(s, 0, sizeof *s);
}

static int find_positions(const struct match *m, struct side *s, const char *ra, const char *dec,
                          struct cat_error *err)
{
	char which[256];

	if (cat_position_columns(s->schema, ra, dec, &s->ra, &s->dec, which, sizeof which, err) != CAT_OK) {
		cat_wrap(err, "%s", s->name);
		return cat_hint(err, "--ra%d NAME --dec%d NAME", s == &m->left ? 1 : 2, s == &m->left ? 1 : 2);
	}
	cat_note(m->in->res, "%s positions: %s", s->name, which);
	return CAT_OK;
}

static int take_used(void *arg, struct cat_schema *schema, bool *used, struct cat_error *err)
{
	const struct side *s = arg;

	(void)err;
	memcpy(used, s->used, (size_t)schema->nfields * sizeof *used);
	return CAT_OK;
}

/* The schema of an operand, and the catalogue when it is one. Standard input is opened for good: it cannot be
 * opened again once it is known which columns are needed. */
static int look_at(const struct match *m, struct side *s, const char *operand, const char *ra, const char *dec,
                   struct cat_error *err)
{
	const struct cat_rows all = CAT_ROWS_DEFAULTS;
	char *name = NULL;

	if (operand && !ra && cat_hats_is(operand)) {
		CAT_TRY(cat_hats_open(operand, &s->hats, err));
		s->schema = cat_schema_ref(s->hats->schema);
	} else {
		name = operand ? cat_strdup(operand) : NULL;
		if (operand && !name)
			return cat_fail_mem(err, strlen(operand));
		if (cat_io_source(m->in->input, &all, m->in->res, &name, operand != NULL, m->pool, &s->source, err) !=
		    CAT_OK) {
			cat_free(name);
			return (int)err->code;
		}
		cat_free(name);
		s->schema = cat_schema_ref(s->source->schema);
	}
	s->used = cat_malloc((size_t)s->schema->nfields * sizeof *s->used);
	if (!s->used)
		return cat_fail_mem(err, (size_t)s->schema->nfields);
	memset(s->used, 1, (size_t)s->schema->nfields * sizeof *s->used);
	return find_positions(m, s, ra, dec, err);
}
