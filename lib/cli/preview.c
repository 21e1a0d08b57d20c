#include "cli/preview.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"

#define CELL 40 /* bytes of a cell at most */

/* --- values --- */

static void time_text(const struct cat_column *c, int64_t i, char *out, size_t cap)
{
	static const int64_t per_second[] = {1, 1000, 1000000, 1000000000};
	int64_t v = cat_column_i64(c, i), unit = per_second[c->type.unit];
	time_t seconds;
	struct tm tm;
	char date[32];

	if (c->type.id == CAT_T_DATE32)
		v *= 86400, unit = 1;
	else if (c->type.id == CAT_T_DATE64)
		unit = 1000;
	seconds = (time_t)(v / unit - (v % unit < 0));
	gmtime_r(&seconds, &tm);
	if (c->type.id == CAT_T_DATE32 || c->type.id == CAT_T_DATE64)
		strftime(out, cap, "%Y-%m-%d", &tm);
	else {
		strftime(date, sizeof date,
		         c->type.id == CAT_T_TIMESTAMP ? "%Y-%m-%dT%H:%M:%S" : "%H:%M:%S", &tm);
		snprintf(out, cap, "%s%s", date, "");
	}
}

static void list_text(const struct cat_column *c, const struct cat_field *f, int64_t i, char *out, size_t cap)
{
	int64_t from, to;
	size_t n = 0;

	if (c->type.id == CAT_T_FIXED_LIST) {
		from = i * c->type.width;
		to = from + c->type.width;
	} else {
		from = cat_column_offsets(c)[i];
		to = cat_column_offsets(c)[i + 1];
	}
	n += (size_t)snprintf(out, cap, "[");
	for (int64_t k = from; k < to && n + 12 < cap; k++) {
		char one[CELL];

		cat_value_text(c->children[0], &f->children[0], k, one, sizeof one);
		n += (size_t)snprintf(out + n, cap - n, "%s%s", k > from ? "," : "", one);
		if (n + 12 >= cap && k + 1 < to)
			n = (size_t)(cap > 12 ? cap - 12 : 0), n += (size_t)snprintf(out + n, cap - n, "...");
	}
	if (n + 1 < cap)
		snprintf(out + n, cap - n, "]");
}

static void struct_text(const struct cat_column *c, const struct cat_field *f, int64_t i, char *out, size_t cap)
{
	size_t n = (size_t)snprintf(out, cap, "{");

	for (int k = 0; k < c->nchildren && n + 4 < cap; k++) {
		char one[CELL];

		cat_value_text(c->children[k], &f->children[k], i, one, sizeof one);
		n += (size_t)snprintf(out + n, cap - n, "%s%s", k ? "," : "", one);
	}
	if (n + 1 < cap)
		snprintf(out + n, cap - n, "}");
}

void cat_value_text(const struct cat_column *c, const struct cat_field *f, int64_t i, char *out, size_t cap)
{
	char number[CAT_NUMBER_MAX];
	const char *s;
	int32_t n;

	out[0] = '\0';
	if (!cat_column_valid(c, i))
		return;
	switch ((int)c->type.id) {
	case CAT_T_BOOL:
		snprintf(out, cap, "%s", cat_column_bool(c, i) ? "true" : "false");
		break;
	case CAT_T_U64:
		cat_format_u64(CAT_VALUES(c, uint64_t)[i], number);
		snprintf(out, cap, "%s", number);
		break;
	case CAT_T_F32:
		cat_format_f32(CAT_VALUES(c, float)[i], number);
		snprintf(out, cap, "%s", number);
		break;
	case CAT_T_F64:
		cat_format_f64(CAT_VALUES(c, double)[i], number);
		snprintf(out, cap, "%s", number);
		break;
	case CAT_T_UTF8:
	case CAT_T_BINARY:
		s = cat_column_text(c, i, &n);
		snprintf(out, cap, "%.*s", (int)n, s);
		break;
	case CAT_T_DATE32:
	case CAT_T_DATE64:
	case CAT_T_TIME32:
	case CAT_T_TIME64:
	case CAT_T_TIMESTAMP:
		time_text(c, i, out, cap);
		break;
	case CAT_T_FIXED_BINARY:
	case CAT_T_DECIMAL128:
		snprintf(out, cap, "(%d bytes)", cat_type_bytes(&c->type));
		break;
	case CAT_T_LIST:
	case CAT_T_MAP:
	case CAT_T_FIXED_LIST:
		list_text(c, f, i, out, cap);
		break;
	case CAT_T_STRUCT:
		struct_text(c, f, i, out, cap);
		break;
	default:
		cat_format_i64(cat_column_i64(c, i), number);
		snprintf(out, cap, "%s", number);
	}
}

/* --- the sink --- */

struct preview {
	struct cat_sink base;
	struct cat_schema *schema;
	int fd;
	int width;
	int64_t max, rows;
	bool more;
	struct cat_text cells; /* row by row, CELL bytes each, zero-filled */
};

static int preview_put(struct cat_sink *sink, struct cat_batch *b, struct cat_error *err)
{
	struct preview *p = (struct preview *)sink;

	for (int64_t i = 0; i < b->nrows; i++) {
		if (p->rows == p->max) {
			p->more = true;
			break;
		}
		for (int k = 0; k < b->ncols; k++) {
			char *cell = cat_text_room(&p->cells, CELL);

			if (!cell)
				break;
			memset(cell, 0, CELL);
			cat_value_text(b->cols[k], &p->schema->fields[k], i, cell, CELL);
			for (char *c = cell; *c; c++)
				if ((unsigned char)*c < 0x20 || *c == 0x7f)
					*c = '?';
			p->cells.len += CELL;
		}
		p->rows++;
	}
	cat_batch_unref(b);
	return cat_text_check(&p->cells, err);
}

/* Characters, not bytes: names of stars are UTF-8. */
static int shown_width(const char *s)
{
	int n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

static void add_cell(struct cat_text *out, const char *s, int width, bool right)
{
	const int pad = width - shown_width(s);

	for (int i = 0; right && i < pad; i++)
		cat_text_addc(out, ' ');
	cat_text_add(out, s);
	for (int i = 0; !right && i < pad; i++)
		cat_text_addc(out, ' ');
}

static int preview_commit(struct cat_sink *sink, struct cat_error *err)
{
	struct preview *p = (struct preview *)sink;
	const int ncols = p->schema->nfields;
	struct cat_text out = {.max = 1 << 24};
	int *widths = cat_calloc((size_t)ncols, sizeof *widths);
	int fit = 0, used = 0, rc;

	if (!widths)
		return cat_fail_mem(err, (size_t)ncols * sizeof *widths);
	for (int k = 0; k < ncols; k++) {
		widths[k] = shown_width(p->schema->fields[k].name);
		for (int64_t i = 0; i < p->rows; i++) {
			const int w = shown_width(p->cells.s + (i * ncols + k) * CELL);

			widths[k] = w > widths[k] ? w : widths[k];
		}
	}
	while (fit < ncols && (fit == 0 || used + 2 + widths[fit] <= p->width))
		used += (fit ? 2 : 0) + widths[fit], fit++;
	for (int64_t i = -1; i < p->rows; i++) {
		for (int k = 0; k < fit; k++) {
			const enum cat_type_id id = p->schema->fields[k].type.id;

			if (k)
				cat_text_add(&out, "  ");
			add_cell(&out, i < 0 ? p->schema->fields[k].name : p->cells.s + (i * ncols + k) * CELL,
			         k + 1 == fit && !cat_type_is_number(id) ? 0 : widths[k], cat_type_is_number(id));
		}
		cat_text_addc(&out, '\n');
	}
	if (p->more || fit < ncols)
		cat_text_addf(&out, "... %s%s%s\n", p->more ? "more rows follow (-n sets how many are shown)" : "",
		              p->more && fit < ncols ? "; " : "", "");
	if (fit < ncols) {
		out.len--;
		cat_text_addf(&out, "columns left out: ");
		for (int k = fit; k < ncols; k++)
			cat_text_addf(&out, "%s%s", k > fit ? ", " : "", p->schema->fields[k].name);
		cat_text_addc(&out, '\n');
	} else if (!p->more) {
		cat_text_addf(&out, "%lld rows\n", (long long)p->rows);
	}
	rc = cat_text_check(&out, err);
	for (size_t at = 0; rc == CAT_OK && at < out.len;) {
		const ssize_t n = write(p->fd, out.s + at, out.len - at);

		if (n < 0)
			rc = cat_fail(err, CAT_E_IO, "cannot write to the terminal");
		else
			at += (size_t)n;
	}
	cat_text_fini(&out);
	cat_free(widths);
	return rc;
}

static void preview_close(struct cat_sink *sink)
{
	struct preview *p = (struct preview *)sink;

	cat_schema_unref(p->schema);
	cat_text_fini(&p->cells);
	cat_free(p);
}

static const struct cat_sink_ops preview_ops = {preview_put, preview_commit, preview_close};

int cat_preview_open(struct cat_schema *schema, int fd, int width, int64_t max, struct cat_sink **out,
                     struct cat_error *err)
{
	struct preview *p = cat_calloc(1, sizeof *p);

	if (!p)
		return cat_fail_mem(err, sizeof *p);
	p->base.ops = &preview_ops;
	p->schema = cat_schema_ref(schema);
	p->fd = fd;
	p->width = width;
	p->max = max;
	p->cells.max = (size_t)1 << 28;
	*out = &p->base;
	return CAT_OK;
}
