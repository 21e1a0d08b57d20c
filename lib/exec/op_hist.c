#include "exec/op_hist.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "storage/local.h"

/* Values waiting for their range: pairs when there are two axes. */
struct values {
	double *v;
	size_t n, cap, max;
	int fd;           /* of what was spilled, -1: nothing */
	int64_t on_disk;  /* values */
	const char *temp_dir;
};

#define CHUNK 65536

static int spill(struct values *s, struct cat_error *err)
{
	if (s->fd < 0)
		CAT_TRY(cat_local_temp(s->temp_dir, &s->fd, err));
	CAT_TRY(cat_write_all(s->fd, s->v, s->n * sizeof *s->v, s->temp_dir, err));
	s->on_disk += (int64_t)s->n;
	s->n = 0;
	return CAT_OK;
}

static int keep(struct values *s, double v, struct cat_error *err)
{
	if (s->n == s->max)
		CAT_TRY(spill(s, err));
	if (cat_grow(&s->v, &s->cap, s->n, sizeof *s->v) != 0)
		return cat_fail_mem(err, s->cap * sizeof *s->v);
	s->v[s->n++] = v;
	return CAT_OK;
}

struct collect {
	struct cat_hist *h;
	struct values values;
	int axes;
	double lo[2], hi[2]; /* of the values seen */
};

/* The axis' bin of V; -1 outside. */
static int bin_of(const struct cat_hist_axis *a, double v)
{
	int b;

	if (v < a->min || v > a->max)
		return -1;
	b = (int)((v - a->min) / (a->max - a->min) * a->bins);
	return b < a->bins ? b : a->bins - 1;
}

static void keep_point(struct cat_hist *h, const double *v)
{
	if (h->points && h->rows == CAT_HIST_POINTS) {
		cat_free(h->points);
		h->points = NULL;
	}
	if (h->points)
		memcpy(h->points + 2 * h->rows, v, 2 * sizeof *v);
}

static void count(struct collect *c, const double *v)
{
	const int x = bin_of(&c->h->x, v[0]), y = c->axes == 2 ? bin_of(&c->h->y, v[1]) : 0;

	if (x < 0 || y < 0) {
		c->h->left_out++;
	} else {
		keep_point(c->h, v);
		c->h->counts[(int64_t)y * c->h->x.bins + x]++;
		c->h->rows++;
	}
}

static int add_batch(struct collect *c, const struct cat_batch *b, bool now, struct cat_error *err)
{
	for (int64_t i = 0; i < b->nrows; i++) {
		double v[2] = {0, 0};
		bool ok = true;

		for (int k = 0; k < c->axes; k++) {
			ok = ok && cat_column_valid(b->cols[k], i);
			v[k] = ok ? cat_column_f64(b->cols[k], i) : NAN;
			ok = ok && isfinite(v[k]);
		}
		if (!ok) {
			c->h->left_out++;
			continue;
		}
		if (now) {
			count(c, v);
			continue;
		}
		for (int k = 0; k < c->axes; k++) {
			c->lo[k] = fmin(c->lo[k], v[k]);
			c->hi[k] = fmax(c->hi[k], v[k]);
			CAT_TRY(keep(&c->values, v[k], err));
		}
	}
	return CAT_OK;
}

/* 1, 2 or 5 times a power of ten, so that bins begin at numbers that people read. */
static void round_axis(struct cat_hist_axis *a, double lo, double hi)
{
	double raw, power, m, step;

	if (!(hi >= lo))
		lo = 0, hi = 1;
	if (hi == lo)
		hi = lo + (lo == 0 ? 1 : fabs(lo)), lo = 2 * lo - hi;
	a->min = lo;
	a->max = hi;
	if (a->exact)
		return;
	raw = (hi - lo) / a->bins;
	power = pow(10, floor(log10(raw)));
	m = raw / power;
	step = power * (m <= 1 ? 1 : m <= 2 ? 2 : m <= 5 ? 5 : 10);
	a->min = floor(lo / step) * step;
	a->bins = (int)ceil((hi - a->min) / step);
	a->bins = a->bins < 1 ? 1 : a->bins;
	a->max = a->min + a->bins * step;
}

static int alloc_counts(struct cat_hist *h, struct cat_error *err)
{
	const size_t n = (size_t)h->x.bins * (size_t)(h->y.bins ? h->y.bins : 1);

	h->counts = cat_calloc(n, sizeof *h->counts);
	if (!h->counts)
		return cat_fail_mem(err, n * sizeof *h->counts);
	if (h->y.bins && !(h->points = cat_malloc(2 * CAT_HIST_POINTS * sizeof *h->points)))
		return cat_fail_mem(err, 2 * CAT_HIST_POINTS * sizeof *h->points);
	return CAT_OK;
}

static int replay(struct collect *c, struct cat_error *err)
{
	struct values *s = &c->values;
	double *chunk;
	int rc = CAT_OK;

	for (size_t i = 0; i < s->n; i += (size_t)c->axes)
		count(c, s->v + i);
	if (s->on_disk == 0)
		return CAT_OK;
	chunk = cat_malloc(CHUNK * sizeof *chunk);
	if (!chunk)
		return cat_fail_mem(err, CHUNK * sizeof *chunk);
	for (int64_t at = 0; rc == CAT_OK && at < s->on_disk; at += CHUNK) {
		const int64_t n = s->on_disk - at < CHUNK ? s->on_disk - at : CHUNK;

		/* max is even, so pairs are never torn. */
		if (pread(s->fd, chunk, (size_t)n * sizeof *chunk, (off_t)(at * (int64_t)sizeof *chunk)) !=
		    (ssize_t)((size_t)n * sizeof *chunk))
			rc = cat_fail_sys(err, CAT_E_IO, errno, "cannot read back from %s", s->temp_dir);
		for (int64_t i = 0; rc == CAT_OK && i < n; i += c->axes)
			count(c, chunk + i);
	}
	cat_free(chunk);
	return rc;
}

static int collect_all(struct collect *c, struct cat_source *source, struct cat_error *err)
{
	const bool now = c->h->x.given && (c->axes == 1 || c->h->y.given);

	if (now)
		CAT_TRY(alloc_counts(c->h, err));
	for (;;) {
		struct cat_batch *b;
		int rc;

		CAT_TRY(source->ops->next(source, &b, err));
		if (!b)
			break;
		rc = add_batch(c, b, now, err);
		cat_batch_unref(b);
		CAT_TRY(rc);
	}
	if (now)
		return CAT_OK;
	if (!c->h->x.given)
		round_axis(&c->h->x, c->lo[0], c->hi[0]);
	if (c->axes == 2 && !c->h->y.given)
		round_axis(&c->h->y, c->lo[1], c->hi[1]);
	CAT_TRY(alloc_counts(c->h, err));
	return replay(c, err);
}

int cat_hist_collect(struct cat_source *source, const struct cat_hist_axis *x, const struct cat_hist_axis *y,
                     const char *temp_dir, int64_t memory_bytes, struct cat_hist *out, struct cat_error *err)
{
	struct collect c = {.h = out, .axes = y ? 2 : 1, .lo = {INFINITY, INFINITY}, .hi = {-INFINITY, -INFINITY}};
	int rc = CAT_OK;

	memset(out, 0, sizeof *out);
	out->x = *x;
	if (y)
		out->y = *y;
	c.values.fd = -1;
	c.values.temp_dir = temp_dir;
	/* Growing by doubling holds one and a half times what is there. */
	c.values.max = (size_t)(memory_bytes / 4 / (int64_t)sizeof(double)) & ~(size_t)1;
	if (c.values.max < CHUNK)
		c.values.max = CHUNK;
	for (int k = 0; rc == CAT_OK && k < c.axes; k++) {
		const struct cat_field *f = &source->schema->fields[k];

		if (!cat_type_is_number(f->type.id) && f->type.id != CAT_T_BOOL)
			rc = cat_fail(err, CAT_E_USAGE, "'%s' is no number", f->name);
	}
	if (rc == CAT_OK)
		rc = collect_all(&c, source, err);
	cat_free(c.values.v);
	if (c.values.fd >= 0)
		close(c.values.fd);
	if (rc != CAT_OK)
		cat_hist_fini(out);
	return rc;
}

void cat_hist_fini(struct cat_hist *h)
{
	cat_free(h->counts);
	cat_free(h->points);
	h->counts = NULL;
	h->points = NULL;
}

/* --- as rows --- */

static int name_field(struct cat_field *f, const char *stem, const char *end, enum cat_type_id id,
                      struct cat_error *err)
{
	char name[256];

	snprintf(name, sizeof name, "%s%s", stem, end);
	return cat_field_init(f, name, id, err);
}

static int rows_schema(const char *x, const char *y, struct cat_schema **out, struct cat_error *err)
{
	const int axes = y ? 2 : 1;
	struct cat_schema *s;
	int rc;

	CAT_TRY(cat_schema_new(2 * axes + 1, &s, err));
	rc = name_field(&s->fields[0], x, "_min", CAT_T_F64, err);
	if (rc == CAT_OK)
		rc = name_field(&s->fields[1], x, "_max", CAT_T_F64, err);
	if (rc == CAT_OK && y)
		rc = name_field(&s->fields[2], y, "_min", CAT_T_F64, err);
	if (rc == CAT_OK && y)
		rc = name_field(&s->fields[3], y, "_max", CAT_T_F64, err);
	if (rc == CAT_OK)
		rc = name_field(&s->fields[2 * axes], "count", "", CAT_T_I64, err);
	if (rc != CAT_OK) {
		cat_schema_unref(s);
		return rc;
	}
	*out = s;
	return CAT_OK;
}

static double edge(const struct cat_hist_axis *a, int i)
{
	return i == a->bins ? a->max : a->min + (a->max - a->min) * i / a->bins;
}

int cat_hist_rows(const struct cat_hist *h, const char *xname, const char *yname, struct cat_batch **out,
                  struct cat_error *err)
{
	const int ny = h->y.bins ? h->y.bins : 1, axes = h->y.bins ? 2 : 1;
	const int64_t n = (int64_t)h->x.bins * ny;
	struct cat_schema *s;
	struct cat_batch *b = NULL;
	int rc;

	CAT_TRY(rows_schema(xname, axes == 2 ? yname : NULL, &s, err));
	rc = cat_batch_new(s, n, &b, err);
	for (int k = 0; rc == CAT_OK && k < s->nfields; k++) {
		rc = cat_column_new(&s->fields[k].type, n, 0, &b->cols[k], err);
		if (rc == CAT_OK)
			rc = cat_buf_new((size_t)n * 8, &b->cols[k]->data, err);
		for (int64_t i = 0; rc == CAT_OK && i < n; i++) {
			const struct cat_hist_axis *a = k < 2 ? &h->x : &h->y;
			const int bin = (int)(k < 2 ? i % h->x.bins : i / h->x.bins);

			if (k == 2 * axes)
				((int64_t *)(void *)b->cols[k]->data->data)[i] = h->counts[i];
			else
				((double *)(void *)b->cols[k]->data->data)[i] = edge(a, bin + k % 2);
		}
	}
	cat_schema_unref(s);
	if (rc != CAT_OK) {
		cat_batch_unref(b);
		return rc;
	}
	*out = b;
	return CAT_OK;
}
