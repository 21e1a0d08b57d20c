#include "cli/picture.h"

#include <string.h>

#include "cli/main.h"
#include "draw/chart.h"
#include "storage/create.h"
#include "storage/local.h"

static const char *const formats[] = {"png", "svg", "pdf", NULL};

#define AT(f) .off = offsetof(struct cat_picture_output, f)

const struct cat_opt cat_picture_opts[] = {
	{.name = "output", .letter = 'o', .type = CAT_OPT_STRING, AT(output), .arg = "FILE",
	 .help = "draw FILE.png, .svg or .pdf"},
	{.name = "title", .type = CAT_OPT_STRING, AT(title), .arg = "TEXT", .help = "above the picture"},
	{.name = "size", .type = CAT_OPT_STRING, AT(size), .arg = "WxH", .help = "pixels of a file",
	 .preset = "1000x700, a sky 1200x680"},
	{.name = "format", .letter = 'f', .type = CAT_OPT_ENUM, AT(format), .arg = "FORMAT",
	 .help = "png, svg or pdf, on standard output too", .choices = formats, .rare = true},
	{0},
};

static int parse_size(const char *text, struct cat_picture_target *t, struct cat_error *err)
{
	const char *x = text ? strchr(text, 'x') : NULL;
	int64_t width, height;

	if (!text)
		return CAT_OK;
	if (!x || !cat_parse_i64(text, (size_t)(x - text), &width) || !cat_parse_i64(x + 1, strlen(x + 1), &height) ||
	    width < 200 || height < 150 || width > 10000 || height > 10000)
		return cat_fail(err, CAT_E_USAGE, "--size takes WxH from 200x150 to 10000x10000; not '%s'", text);
	t->width = (int)width;
	t->height = (int)height;
	return CAT_OK;
}

int cat_picture_target(const struct cat_picture_output *o, int width, int height, struct cat_picture_target *t,
                       struct cat_error *err)
{
	const char *named = o->format ? o->format : o->output;

	*t = (struct cat_picture_target){.path = o->output, .format = named ? cat_chart_format(named) : -1,
	                                 .width = width, .height = height};
	if (o->output && strcmp(o->output, "-") == 0)
		t->path = NULL;
	if (t->path && t->format < 0) {
		cat_fail(err, CAT_E_USAGE, "%s: the suffix names no format of a picture: .png .svg .pdf", t->path);
		return cat_hint(err, "-f FORMAT");
	}
	return parse_size(o->size, t, err);
}

static int write_file(const struct cat_picture_target *t, const struct cat_picture *p, struct cat_error *err)
{
	struct cat_writer *w;
	int rc;

	if (t->path)
		CAT_TRY(cat_create(t->path, &w, err));
	else
		CAT_TRY(cat_local_create_fd(1, "standard output", &w, err));
	rc = cat_chart_write(p, (enum cat_canvas_format)t->format, t->width, t->height, w, err);
	if (rc == CAT_OK)
		rc = w->ops->commit(w, err);
	cat_writer_close(w);
	return rc;
}

int cat_picture_write(const struct cat_picture_target *t, const struct cat_term *term, const struct cat_picture *p,
                      struct cat_error *err)
{
	struct cat_text out = {.max = 1 << 24};
	int rc;

	if (t->format >= 0)
		return write_file(t, p, err);
	cat_term_picture(term, p, &out);
	rc = cat_print(&out, err);
	cat_text_fini(&out);
	return rc;
}
