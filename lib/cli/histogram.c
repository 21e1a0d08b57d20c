#include "cli/histogram.h"

#include <stdio.h>
#include <string.h>

const struct cat_opt cat_axes_opts[] = {
	{.name = "x", .letter = 'x', .type = CAT_OPT_STRING, .off = offsetof(struct cat_axes, x), .arg = "EXPR",
	 .help = "along x"},
	{.name = "y", .letter = 'y', .type = CAT_OPT_STRING, .off = offsetof(struct cat_axes, y), .arg = "EXPR",
	 .help = "along y: counts in two dimensions"},
	{.name = "bins", .letter = 'b', .type = CAT_OPT_STRING, .off = offsetof(struct cat_axes, bins), .arg = "N[,M]",
	 .help = "about so many bins (exactly, with ranges)"},
	{.name = "xrange", .type = CAT_OPT_STRING, .off = offsetof(struct cat_axes, xrange), .arg = "MIN,MAX",
	 .help = "range of x"},
	{.name = "yrange", .type = CAT_OPT_STRING, .off = offsetof(struct cat_axes, yrange), .arg = "MIN,MAX",
	 .help = "range of y"},
	{0},
};

static int parse_range(const char *option, const char *text, struct cat_hist_axis *a, struct cat_error *err)
{
	const char *comma = text ? strchr(text, ',') : NULL;

	if (!text)
		return CAT_OK;
	a->given = true;
	if (!comma || !cat_parse_f64(text, (size_t)(comma - text), &a->min) ||
	    !cat_parse_f64(comma + 1, strlen(comma + 1), &a->max) || !(a->min < a->max))
		return cat_fail(err, CAT_E_USAGE, "%s takes MIN,MAX with MIN below MAX; not '%s'", option, text);
	return CAT_OK;
}

static int parse_bins(const char *text, struct cat_hist_axis *x, struct cat_hist_axis *y, struct cat_error *err)
{
	const char *comma = text ? strchr(text, ',') : NULL;
	int64_t nx, ny;

	if (!text)
		return CAT_OK;
	if (!cat_parse_i64(text, comma ? (size_t)(comma - text) : strlen(text), &nx) || nx < 1 || nx > 100000)
		return cat_fail(err, CAT_E_USAGE, "--bins takes N or N,M from 1 to 100000; not '%s'", text);
	ny = nx;
	if (comma && (!cat_parse_i64(comma + 1, strlen(comma + 1), &ny) || ny < 1 || ny > 100000))
		return cat_fail(err, CAT_E_USAGE, "--bins takes N or N,M from 1 to 100000; not '%s'", text);
	x->bins = (int)nx;
	y->bins = (int)ny;
	return CAT_OK;
}

const char *cat_axes_name(const char *expression, const char *fallback)
{
	static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

	return expression[strspn(expression, word)] == '\0' ? expression : fallback;
}

/* "parallax [mas]". */
static void set_label(const char *expression, const struct cat_field *f, char *out)
{
	const char *unit = cat_kv_get(&f->meta, CAT_META_UNIT);

	if (unit && *unit)
		snprintf(out, CAT_AXIS_LABEL, "%s [%s]", expression, unit);
	else
		snprintf(out, CAT_AXIS_LABEL, "%s", expression);
}

int cat_axes_collect(const struct cat_axes *a, int nx, int ny, bool exact, const struct cat_io *io,
                     char *const *operands, int n, struct cat_hist *out, char labels[2][CAT_AXIS_LABEL],
                     struct cat_error *err)
{
	struct cat_hist_axis x = {.bins = nx, .exact = exact}, y = {.bins = ny, .exact = exact};
	struct cat_rows rows = io->rows;
	struct cat_text list = {.max = 1 << 20};
	struct cat_pool *pool = NULL;
	struct cat_source *s = NULL;
	int rc;

	if (!a->x)
		return cat_fail(err, CAT_E_USAGE, "-x EXPR is missing");
	CAT_TRY(parse_bins(a->bins, &x, &y, err));
	CAT_TRY(parse_range("--xrange", a->xrange, &x, err));
	CAT_TRY(parse_range("--yrange", a->yrange, &y, err));
	cat_text_addf(&list, "%s AS x", a->x);
	if (a->y)
		cat_text_addf(&list, ", %s AS y", a->y);
	rows.columns = list.s;
	rc = cat_text_check(&list, err);
	if (rc == CAT_OK)
		rc = cat_pool_new((int)io->res.jobs, &pool, err);
	if (rc == CAT_OK)
		rc = cat_io_source(&io->input, &rows, &io->res, operands, n, pool, &s, err);
	if (rc == CAT_OK)
		set_label(a->x, &s->schema->fields[0], labels[0]);
	if (rc == CAT_OK && a->y)
		set_label(a->y, &s->schema->fields[1], labels[1]);
	if (rc == CAT_OK)
		rc = cat_hist_collect(s, &x, a->y ? &y : NULL, io->res.temp_dir, io->res.memory_bytes / 2, out, err);
	if (rc == CAT_OK && out->left_out)
		cat_note(&io->res, "%lld rows left out: null, NaN or outside of the range", (long long)out->left_out);
	cat_source_close(s);
	cat_pool_free(pool);
	cat_text_fini(&list);
	return rc;
}
