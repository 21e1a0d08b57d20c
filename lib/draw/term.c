#include "draw/term.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "draw/projection.h"

/* From nothing to most. */
static const char *const shades[] = {" ", "·", "░", "▒", "▓", "█"};
static const char *const ascii_shades[] = {" ", ".", ":", "+", "#", "@"};
#define NSHADES 6
#define LEFT 8 /* characters in front of the picture, for the numbers of y */

static const char *shade(const struct cat_term *t, int level)
{
	return (t->ascii ? ascii_shades : shades)[level];
}

/* No blanks at the end of a line. */
static void trim(struct cat_text *out)
{
	while (out->len && out->s[out->len - 1] == ' ')
		out->len--;
}

static void repeat(struct cat_text *out, const char *s, int n)
{
	for (int i = 0; i < n; i++)
		cat_text_add(out, s);
}

/* --- bars --- */

static void bar(const struct cat_term *t, double part, int width, struct cat_text *out)
{
	static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
	const int n = (int)(part * width * 8 + 0.5);

	if (t->ascii) {
		repeat(out, "#", n / 8);
		return;
	}
	repeat(out, "█", n / 8);
	cat_text_add(out, eighths[n % 8]);
}

static void draw_bars(const struct cat_term *t, const struct cat_picture *p, struct cat_text *out)
{
	const struct cat_axis *x = &p->x;
	const int64_t *counts = p->counts;
	const int n = p->nx;
	const double step = (x->max - x->min) / n;
	int64_t most = 1;
	char number[CAT_NUMBER_MAX], lo[32];
	int count_width, label_width = 0;

	for (int i = 0; i < n; i++) {
		const int w = (cat_axis_number(x->min + i * step, step, lo, sizeof lo), (int)strlen(lo));

		most = counts[i] > most ? counts[i] : most;
		label_width = w > label_width ? w : label_width;
	}
	count_width = (int)cat_format_i64(most, number);
	cat_text_addf(out, "%s\n", x->label);
	for (int i = 0; i < n; i++) {
		cat_axis_number(x->min + i * step, step, lo, sizeof lo);
		cat_text_addf(out, "%*s %*lld ", label_width, lo, count_width, (long long)counts[i]);
		bar(t, (double)counts[i] / (double)most, t->width - label_width - count_width - 3, out);
		trim(out);
		cat_text_addc(out, '\n');
	}
}

/* --- densities --- */

void cat_term_grid(const struct cat_term *t, int *nx, int *ny)
{
	*nx = t->width - LEFT - 2;
	*ny = t->height;
}

static int by_count(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Levels by rank among the cells that hold something, so that sparse outskirts and dense middles both show. */
static void thresholds(const int64_t *counts, int n, int64_t at[NSHADES - 1])
{
	int64_t *sorted = cat_malloc((size_t)n * sizeof *sorted);
	int k = 0;

	for (int i = 0; i < NSHADES - 1; i++)
		at[i] = 1;
	if (!sorted)
		return;
	for (int i = 0; i < n; i++)
		if (counts[i] > 0)
			sorted[k++] = counts[i];
	qsort(sorted, (size_t)k, sizeof *sorted, by_count);
	for (int i = 1; k && i < NSHADES - 1; i++)
		at[i] = sorted[k * i / (NSHADES - 1)] > at[i - 1] ? sorted[k * i / (NSHADES - 1)] : at[i - 1] + 1;
	cat_free(sorted);
}

/* What the shades mean: "· 1  ░ 2-5  ▒ 6-20" and so on; levels that no count can have are left out. */
static void legend(const struct cat_term *t, const int64_t at[NSHADES - 1], struct cat_text *out)
{
	cat_text_add(out, "rows per cell:");
	for (int i = 1; i < NSHADES; i++) {
		const long long lo = at[i - 1], hi = i < NSHADES - 1 ? at[i] - 1 : -1;

		cat_text_addf(out, "  %s %lld", shade(t, i), lo);
		if (hi > lo)
			cat_text_addf(out, "-%lld", hi);
		else if (hi < 0)
			cat_text_add(out, " and more");
	}
	cat_text_addc(out, '\n');
}

static int level_of(int64_t count, const int64_t at[NSHADES - 1])
{
	int level = 0;

	while (level < NSHADES - 1 && count >= at[level])
		level++;
	return level;
}

static void x_axis(const struct cat_axis *x, int nx, const char *corner, const char *line, const char *tick,
                   struct cat_text *out)
{
	char numbers[512], number[32];
	double first, step;
	size_t end = (size_t)(LEFT + nx + 8);
	const int n = cat_axis_ticks(x->min, x->max, 6, &first, &step);

	memset(numbers, ' ', sizeof numbers);
	repeat(out, " ", LEFT);
	cat_text_add(out, corner);
	for (int c = 0; c < nx; c++) {
		const char *mark = line;

		for (int i = 0; i < n; i++) {
			double part = (first + i * step - x->min) / (x->max - x->min);
			int at, len, from;

			part = x->flip ? 1 - part : part;
			at = (int)(part * (nx - 1) + 0.5);
			if (at != c)
				continue;
			mark = tick;
			cat_axis_number(first + i * step, step, number, sizeof number);
			len = (int)strlen(number);
			from = LEFT + 1 + at - len / 2;
			if (from + len < (int)sizeof numbers)
				memcpy(numbers + from, number, (size_t)len);
		}
		cat_text_add(out, mark);
	}
	while (end > 0 && numbers[end - 1] == ' ')
		end--;
	cat_text_addc(out, '\n');
	cat_text_addn(out, numbers, end);
	cat_text_addf(out, "\n%*s%s\n", LEFT + 1 + (nx - (int)strlen(x->label)) / 2, "", x->label);
}

static void draw_density(const struct cat_term *t, const struct cat_picture *p, struct cat_text *out)
{
	const struct cat_axis *x = &p->x, *y = &p->y;
	const int64_t *counts = p->counts;
	const int nx = p->nx, ny = p->ny;
	int64_t at[NSHADES - 1];
	double first, step;
	const int n = cat_axis_ticks(y->min, y->max, ny / 3 > 1 ? ny / 3 : 1, &first, &step);

	thresholds(counts, nx * ny, at);
	cat_text_addf(out, "%s\n", y->label);
	for (int line = 0; line < ny; line++) {
		const int row = y->flip ? line : ny - 1 - line;
		const double lo = y->min + (y->max - y->min) * row / ny, hi = y->min + (y->max - y->min) * (row + 1) / ny;
		char number[32] = "";

		for (int i = 0; i < n; i++) {
			const double v = first + i * step;

			if (v >= lo && (v < hi || (row == ny - 1 && v <= hi)))
				cat_axis_number(v, step, number, sizeof number);
		}
		cat_text_addf(out, "%*s %s", LEFT - 1, number, t->ascii ? "|" : number[0] ? "┤" : "│");
		for (int c = 0; c < nx; c++)
			cat_text_add(out, shade(t, level_of(counts[row * nx + (x->flip ? nx - 1 - c : c)], at)));
		trim(out);
		cat_text_addc(out, '\n');
	}
	x_axis(x, nx, t->ascii ? "+" : "└", t->ascii ? "-" : "─", t->ascii ? "+" : "┬", out);
	legend(t, at, out);
}

/* --- sky --- */

static void draw_sky(const struct cat_term *t, const struct cat_picture *p, struct cat_text *out)
{
	const int nx = t->width - 2, ny = t->height;
	int64_t *shown = cat_malloc((size_t)(nx * ny) * sizeof *shown), at[NSHADES - 1];

	if (!shown) {
		out->failed = true;
		return;
	}
	for (int i = 0; i < nx * ny; i++) {
		double ra, dec;

		shown[i] = cat_hammer_inverse(2 * (i % nx + 0.5) / nx - 1, 1 - 2 * (i / nx + 0.5) / ny, &ra, &dec)
		                   ? p->counts[p->cell(ra, dec)]
		                   : -1;
	}
	thresholds(shown, nx * ny, at);
	for (int row = 0; row < ny; row++) {
		cat_text_addc(out, ' ');
		for (int c = 0; c < nx; c++) {
			const int64_t v = shown[row * nx + c];
			const int level = level_of(v, at);

			/* A blank cell of the sky must not look like the paper around it. */
			cat_text_add(out, v < 0 ? " " : level == 0 ? (t->ascii ? "," : "˙") : shade(t, level));
		}
		trim(out);
		cat_text_addc(out, '\n');
	}
	cat_text_add(out, "ra 0 in the middle, growing to the left\n");
	legend(t, at, out);
	cat_free(shown);
}

void cat_term_picture(const struct cat_term *t, const struct cat_picture *p, struct cat_text *out)
{
	if (p->title && *p->title)
		cat_text_addf(out, "%s\n", p->title);
	switch (p->kind) {
	case CAT_PICTURE_BARS:
		draw_bars(t, p, out);
		break;
	case CAT_PICTURE_DENSITY:
		draw_density(t, p, out);
		break;
	case CAT_PICTURE_SKY:
		draw_sky(t, p, out);
		break;
	}
	cat_text_addf(out, "%lld row%s\n", (long long)p->rows, p->rows == 1 ? "" : "s");
}
