/* cat-partition -- any table into a HATS catalogue. */
#include <stdlib.h>
#include <string.h>

#include "cli/filter.h"
#include "dataset/hats_write.h"
#include "dataset/position.h"
#include "exec/op_partition.h"
#include "sky/angle.h"

#define MAX_MARGINS 8

struct settings {
	struct cat_io io;
	int64_t rows, bytes; /* 0: not given */
	bool overwrite;
	const char *bad_coord;
	struct cat_strings margins;
};
static const struct settings defaults = {.io = CAT_IO_DEFAULTS};
#define ROWS 1000000

static const struct cat_opt opts[] = {
	{.name = "output", .letter = 'o', .type = CAT_OPT_STRING, .off = offsetof(struct settings, io.output.output),
	 .arg = "DIR", .help = "the catalogue to write"},
	{.name = "rows", .type = CAT_OPT_INT, .off = offsetof(struct settings, rows), .arg = "N",
	 .help = "rows per partition", .min = 1, .max = INT64_MAX, .preset = "1000000"},
	{.name = "bytes", .type = CAT_OPT_BYTES, .off = offsetof(struct settings, bytes), .arg = "SIZE",
	 .help = "or bytes per partition, on disk", .min = 1},
	{.name = "overwrite", .type = CAT_OPT_FLAG, .off = offsetof(struct settings, overwrite),
	 .help = "replace a catalogue that is there"},
	{.name = "margin", .type = CAT_OPT_LIST, .off = offsetof(struct settings, margins), .arg = "R",
	 .help = "a margin cache too (arcsec): DIR is a collection"},
	{.name = "bad-coord", .type = CAT_OPT_STRING, .off = offsetof(struct settings, bad_coord), .arg = "WHAT",
	 .help = "rows without position: drop or file:PATH"},
	{.name = "level", .type = CAT_OPT_INT, .off = offsetof(struct settings, io.output.level), .arg = "N",
	 .help = "zstd level", .min = 1, .max = 22, .rare = true},
	{.name = "Rows and columns", .group = cat_rows_opts, .off = offsetof(struct settings, io.rows)},
	{.name = "Input", .group = cat_input_opts, .off = offsetof(struct settings, io.input)},
	{.name = "Resources", .group = cat_resource_opts, .off = offsetof(struct settings, io.res)},
	{0},
};

static int parse_margins(const struct cat_strings *texts, double *arcsec, struct cat_error *err)
{
	if (texts->n > MAX_MARGINS)
		return cat_fail(err, CAT_E_USAGE, "at most %d margins", MAX_MARGINS);
	for (int i = 0; i < texts->n; i++) {
		CAT_TRY(cat_angle_radius_arcsec(texts->v[i], strlen(texts->v[i]), &arcsec[i], err));
		if (!(arcsec[i] > 0))
			return cat_fail(err, CAT_E_USAGE, "a margin must be wider than 0");
	}
	return CAT_OK;
}

static int open_bad(const struct settings *s, struct cat_schema *schema, struct cat_pool *pool,
                    struct cat_partition_options *o, struct cat_error *err)
{
	struct cat_output out = CAT_OUTPUT_DEFAULTS;
	int64_t max;

	o->drop_bad = s->bad_coord != NULL;
	if (!s->bad_coord || strcmp(s->bad_coord, "drop") == 0)
		return CAT_OK;
	if (strncmp(s->bad_coord, "file:", 5) != 0)
		return cat_fail(err, CAT_E_USAGE, "--bad-coord takes drop or file:PATH; not '%s'", s->bad_coord);
	out.output = s->bad_coord + 5;
	CAT_TRY(cat_io_check(&out, err));
	return cat_io_sink(&out, NULL, &s->io.res, schema, pool, &o->bad, &max, err);
}

static int partition(const struct settings *s, struct cat_source *source, struct cat_pool *pool,
                     struct cat_error *err)
{
	char date[CAT_HATS_DATE], which[256];
	struct cat_partition_result r;
	struct cat_partition_options o = {.rows = s->rows ? s->rows : s->bytes ? INT64_MAX : ROWS,
	                                  .bytes = s->bytes ? s->bytes : INT64_MAX, .temp_dir = s->io.res.temp_dir,
	                                  .memory_bytes = s->io.res.memory_bytes, .overwrite = s->overwrite,
	                                  .level = s->io.output.level, .created = cat_hats_date(getenv("SOURCE_DATE_EPOCH"), date),
	                                  .nmargins = s->margins.n};
	double margins[MAX_MARGINS];
	int rc = cat_position_columns(source->schema, s->io.rows.ra, s->io.rows.dec, &o.ra, &o.dec, which,
	                              sizeof which, err);

	if (rc == CAT_OK) {
		o.ra_name = source->schema->fields[o.ra].name;
		o.dec_name = source->schema->fields[o.dec].name;
		o.margins_arcsec = margins;
		cat_note(&s->io.res, "positions: %s", which);
		rc = parse_margins(&s->margins, margins, err);
	}
	if (rc == CAT_OK)
		rc = open_bad(s, source->schema, pool, &o, err);
	if (rc == CAT_OK)
		rc = cat_partition(source, s->io.output.output, &o, pool, &r, err);
	if (rc == CAT_OK && o.bad)
		rc = o.bad->ops->commit(o.bad, err);
	cat_sink_close(o.bad);
	if (rc == CAT_OK && r.bad_rows)
		cat_warn(&s->io.res, "%lld rows without a valid position left out", (long long)r.bad_rows);
	if (rc == CAT_OK)
		cat_note(&s->io.res, "%lld rows in %d partitions, %lld bytes", (long long)r.rows, r.nparts,
		         (long long)r.bytes);
	return rc;
}

static int run(void *settings, int argc, char **argv, struct cat_error *err)
{
	const struct settings *s = settings;
	struct cat_pool *pool = NULL;
	struct cat_source *source = NULL;
	int rc;

	if (!s->io.output.output) {
		cat_fail(err, CAT_E_USAGE, "-o DIR is missing: the catalogue to write");
		return cat_hint(err, "cat-partition --help");
	}
	rc = cat_pool_new((int)s->io.res.jobs, &pool, err);
	if (rc == CAT_OK)
		rc = cat_io_source(&s->io.input, &s->io.rows, &s->io.res, argv, argc, pool, &source, err);
	if (rc == CAT_OK)
		rc = partition(s, source, pool, err);
	cat_source_close(source);
	cat_pool_free(pool);
	return rc;
}

static const struct cat_cmd command = {
	.name = "cat-partition",
	.brief = "write a HATS catalogue, partitioned by place",
	.operands = "[INPUT...] -o DIR",
	.max_operands = -1,
	.opts = opts,
	.examples = "cat-partition stars.csv -o stars --rows 100000\n"
	            "cat-partition stars.csv -o with_margin --margin 10\n",
	.next = "cat-info, cat-xmatch(1)",
	.run = run,
	.defaults = &defaults,
	.settings_size = sizeof defaults,
	.prepare = cat_io_prepare,
};
CAT_MAIN(command)
