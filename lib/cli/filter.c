#include "cli/filter.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/limits.h"

/* History: the regions, each with its option, then what the program adds. */
static int add_history(struct cat_schema *schema, const char *program, const struct cat_rows *r,
                       const char *const *extra, struct cat_error *err)
{
	const struct {
		const char *option;
		const struct cat_strings *list;
	} lists[] = {{"--cone", &r->cone}, {"--box", &r->box}, {"--polygon", &r->polygon}, {"--moc", &r->moc}};
	const char **args;
	char limit[32] = "";
	int n = 0, extras = 0, total = 8, rc;

	while (extra && extra[extras])
		extras += 2;
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		total += lists[i].list->n;
	args = cat_calloc((size_t)(2 * total + extras + 1), sizeof *args);
	if (!args)
		return cat_fail_mem(err, (size_t)total * sizeof *args);
	if (r->limit >= 0)
		snprintf(limit, sizeof limit, "%lld", (long long)r->limit);
	args[n++] = "-c", args[n++] = r->columns;
	args[n++] = "-w", args[n++] = r->where;
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		for (int k = 0; k < lists[i].list->n; k++)
			args[n++] = lists[i].option, args[n++] = lists[i].list->v[k];
	args[n++] = "--ra", args[n++] = r->ra;
	args[n++] = "--dec", args[n++] = r->dec;
	for (int i = 0; i < extras; i++)
		args[n++] = extra[i];
	args[n++] = "-n", args[n++] = limit[0] ? limit : NULL;
	rc = cat_history_add(schema, program, args, err);
	cat_free(args);
	return rc;
}

/* Rows from S to D, at most MAX of them (-1: all), then commit. */
static int pump(struct cat_source *s, struct cat_sink *d, int64_t max, int64_t *rows, struct cat_error *err)
{
	*rows = 0;
	while (max < 0 || *rows < max) {
		struct cat_batch *b, *part;

		CAT_TRY(s->ops->next(s, &b, err));
		if (!b)
			break;
		if (max >= 0 && b->nrows > max - *rows) {
			const int rc = cat_batch_slice(b, 0, max - *rows, &part, err);

			cat_batch_unref(b);
			CAT_TRY(rc);
			b = part;
		}
		*rows += b->nrows;
		CAT_TRY(d->ops->put(d, b, err));
	}
	return d->ops->commit(d, err);
}

int cat_filter_write(const struct cat_io *io, const struct cat_rows *rows, const char *program,
                     const char *const *extra, struct cat_source *s, struct cat_pool *pool, struct cat_error *err)
{
	struct cat_schema *schema = NULL;
	struct cat_sink *sink = NULL;
	int64_t max = -1, done = 0;
	int rc = cat_schema_project(s->schema, NULL, 0, &schema, err);

	if (rc == CAT_OK && program)
		rc = add_history(schema, program, &io->rows, extra, err);
	if (rc == CAT_OK)
		rc = cat_io_sink(&io->output, rows, &io->res, schema, pool, &sink, &max, err);
	if (rc == CAT_OK)
		rc = pump(s, sink, max, &done, err);
	if (rc == CAT_OK)
		cat_note(&io->res, "%lld rows written, peak memory %lld MiB", (long long)done,
		         (long long)(cat_peak_rss() >> 20));
	cat_sink_close(sink);
	cat_schema_unref(schema);
	cat_source_close(s);
	return rc;
}

int cat_filter_run(const struct cat_io *io, const char *program, const char *const *extra, cat_filter_step step,
                   void *arg, char *const *operands, int n, struct cat_error *err)
{
	struct cat_source *s = NULL;
	struct cat_pool *pool = NULL;
	int rc = cat_io_check(&io->output, err);

	if (rc == CAT_OK)
		rc = cat_pool_new((int)io->res.jobs, &pool, err);
	if (rc == CAT_OK)
		rc = cat_io_source(&io->input, &io->rows, &io->res, operands, n, pool, &s, err);
	if (rc == CAT_OK && step)
		rc = step(arg, pool, &s, err);
	if (rc == CAT_OK)
		rc = cat_filter_write(io, &io->rows, program, extra, s, pool, err);
	else
		cat_source_close(s);
	cat_pool_free(pool);
	return rc;
}
