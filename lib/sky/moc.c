#include "sky/moc.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "sky/healpix.h"

/* --- sets of ranges --- */

void cat_moc_fini(struct cat_moc *m)
{
	cat_free(m->at);
	memset(m, 0, sizeof *m);
}

int cat_moc_add(struct cat_moc *m, int64_t lo, int64_t hi, struct cat_error *err)
{
	size_t cap = (size_t)m->cap;

	if (lo >= hi)
		return CAT_OK;
	if (m->n && lo >= m->at[m->n - 1].lo && lo <= m->at[m->n - 1].hi) {
		if (hi > m->at[m->n - 1].hi)
			m->at[m->n - 1].hi = hi;
		return CAT_OK;
	}
	if (cat_grow(&m->at, &cap, (size_t)m->n, sizeof *m->at) != 0)
		return cat_fail_mem(err, 2 * cap * sizeof *m->at);
	m->cap = (int64_t)cap;
	m->at[m->n++] = (struct cat_cells){lo, hi};
	return CAT_OK;
}

static int by_start(const void *a, const void *b)
{
	const struct cat_cells *p = a, *q = b;

	return p->lo < q->lo ? -1 : p->lo > q->lo;
}

/* The order that the bounds of the ranges need. */
static int finest_order(const struct cat_moc *m)
{
	uint64_t bits = (uint64_t)CAT_HPX29_CELLS;

	for (int64_t i = 0; i < m->n; i++)
		bits |= (uint64_t)m->at[i].lo | (uint64_t)m->at[i].hi;
	return CAT_HPX_ORDER_MAX - __builtin_ctzll(bits) / 2;
}

void cat_moc_finish(struct cat_moc *m)
{
	int64_t n = 0;
	int order;

	if (m->n == 0)
		return;
	qsort(m->at, (size_t)m->n, sizeof *m->at, by_start);
	for (int64_t i = 1; i < m->n; i++) {
		if (m->at[i].lo > m->at[n].hi)
			m->at[++n] = m->at[i];
		else if (m->at[i].hi > m->at[n].hi)
			m->at[n].hi = m->at[i].hi;
	}
	m->n = n + 1;
	order = finest_order(m);
	if (order > m->order)
		m->order = order;
}

/* The first range that ends behind CELL, or m->n. */
static int64_t range_at(const struct cat_moc *m, int64_t cell)
{
	int64_t lo = 0, hi = m->n;

	while (lo < hi) {
		const int64_t mid = lo + (hi - lo) / 2;

		if (m->at[mid].hi <= cell)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool cat_moc_overlaps(const struct cat_moc *m, int64_t lo, int64_t hi)
{
	const int64_t i = range_at(m, lo);

	return lo < hi && i < m->n && m->at[i].lo < hi;
}

bool cat_moc_covers(const struct cat_moc *m, int64_t lo, int64_t hi)
{
	const int64_t i = range_at(m, lo);

	return lo < hi && i < m->n && m->at[i].lo <= lo && hi <= m->at[i].hi;
}

bool cat_moc_contains(const struct cat_moc *m, int64_t cell29)
{
	return cat_moc_covers(m, cell29, cell29 + 1);
}

int cat_moc_union(const struct cat_moc *a, const struct cat_moc *b, struct cat_moc *out, struct cat_error *err)
{
	int rc = CAT_OK;

	for (int64_t i = 0; rc == CAT_OK && i < a->n; i++)
		rc = cat_moc_add(out, a->at[i].lo, a->at[i].hi, err);
	for (int64_t i = 0; rc == CAT_OK && i < b->n; i++)
		rc = cat_moc_add(out, b->at[i].lo, b->at[i].hi, err);
	if (rc != CAT_OK) {
		cat_moc_fini(out);
		return rc;
	}
	cat_moc_finish(out);
	out->order = a->order > b->order ? a->order : b->order;
	return CAT_OK;
}

int cat_moc_intersect(const struct cat_moc *a, const struct cat_moc *b, struct cat_moc *out, struct cat_error *err)
{
	int64_t i = 0, j = 0;

	while (i < a->n && j < b->n) {
		const struct cat_cells *p = &a->at[i], *q = &b->at[j];
		const int rc = cat_moc_add(out, p->lo > q->lo ? p->lo : q->lo, p->hi < q->hi ? p->hi : q->hi, err);

		if (rc != CAT_OK) {
			cat_moc_fini(out);
			return rc;
		}
		if (p->hi < q->hi)
			i++;
		else
			j++;
	}
	out->order = a->order > b->order ? a->order : b->order;
	return CAT_OK;
}

double cat_moc_fraction(const struct cat_moc *m)
{
	int64_t cells = 0;

	for (int64_t i = 0; i < m->n; i++)
		cells += m->at[i].hi - m->at[i].lo;
	return (double)cells / (double)CAT_HPX29_CELLS;
}

int cat_moc_each_cell(const struct cat_moc *m, cat_moc_cell_fn fn, void *arg, struct cat_error *err)
{
	struct cat_moc rest = {0};
	int rc = CAT_OK;

	/* Each order takes the whole cells it finds and leaves the rest to the finer ones. */
	for (int64_t i = 0; rc == CAT_OK && i < m->n; i++)
		rc = cat_moc_add(&rest, m->at[i].lo, m->at[i].hi, err);
	for (int order = 0; rc == CAT_OK && order <= CAT_HPX_ORDER_MAX && rest.n; order++) {
		struct cat_moc finer = {0};
		const int64_t size = cat_hpx_first29(order, 1);

		for (int64_t i = 0; rc == CAT_OK && i < rest.n; i++) {
			const int64_t first = (rest.at[i].lo + size - 1) / size, last = rest.at[i].hi / size;

			if (first >= last) {
				rc = cat_moc_add(&finer, rest.at[i].lo, rest.at[i].hi, err);
				continue;
			}
			for (int64_t cell = first; cell < last; cell++)
				fn(arg, order, cell);
			rc = cat_moc_add(&finer, rest.at[i].lo, first * size, err);
			if (rc == CAT_OK)
				rc = cat_moc_add(&finer, last * size, rest.at[i].hi, err);
		}
		cat_moc_fini(&rest);
		rest = finer;
	}
	cat_moc_fini(&rest);
	return rc;
}

int cat_moc_add_cell(struct cat_moc *m, uint64_t order, uint64_t first, uint64_t last, struct cat_error *err)
{
	if (order > CAT_HPX_ORDER_MAX)
		return cat_fail(err, CAT_E_DATA, "order %" PRIu64 " in a coverage map; 29 is the finest", order);
	if (first > last || last >= (uint64_t)cat_hpx_cells((int)order))
		return cat_fail(err, CAT_E_DATA, "no cells %" PRIu64 "-%" PRIu64 " at order %" PRIu64, first, last,
		                order);
	if ((int)order > m->order)
		m->order = (int)order;
	return cat_moc_add(m, cat_hpx_first29((int)order, (int64_t)first),
	                   cat_hpx_first29((int)order, (int64_t)last + 1), err);
}

/* --- ASCII: "5/1,3-5 6/30", orders and cells --- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',';
}

/* Skips blanks, commas and comments to the end of their line; counts lines. */
static const char *next_word(const char *s, const char *end, int64_t *line)
{
	bool comment = false;

	for (; s < end && (comment || is_blank(*s) || *s == '#'); s++) {
		comment = *s != '\n' && (comment || *s == '#');
		*line += *s == '\n';
	}
	return s;
}

static size_t digits_at(const char *s, const char *end)
{
	const char *p = s;

	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return (size_t)(p - s);
}

static int read_ascii(const char *s, size_t size, struct cat_moc *out, struct cat_error *err)
{
	const char *end = s + size;
	uint64_t order = 0, first, last;
	bool ordered = false;
	int64_t line = 1;

	for (s = next_word(s, end, &line); s < end; s = next_word(s, end, &line)) {
		const size_t n = digits_at(s, end);

		if ((*s == 't' || *s == 's' || *s == 'f') && s + 1 < end && digits_at(s + 1, end))
			return cat_fail(err, CAT_E_UNSUPPORTED,
			                "line %" PRId64 ": a coverage map of time or frequency", line);
		if (!cat_parse_u64(s, n, &first))
			return cat_fail(err, CAT_E_DATA, "line %" PRId64 ": not a coverage map: '%.*s'", line,
			                (int)(end - s < 20 ? end - s : 20), s);
		s += n;
		last = first;
		if (s < end && *s == '/') {
			if (first > CAT_HPX_ORDER_MAX)
				return cat_fail(err, CAT_E_DATA,
				                "line %" PRId64 ": order %" PRIu64 "; 29 is the finest", line,
				                first);
			order = first;
			ordered = true;
			if ((int)order > out->order)
				out->order = (int)order;
			s++;
			continue;
		}
		if (s < end && *s == '-') {
			const size_t m = digits_at(s + 1, end);

			if (!cat_parse_u64(s + 1, m, &last))
				return cat_fail(err, CAT_E_DATA, "line %" PRId64 ": a range without its end",
				                line);
			s += 1 + m;
		}
		if (!ordered || (s < end && !is_blank(*s)))
			return cat_fail(err, CAT_E_DATA,
			                "line %" PRId64 ": not a coverage map: a cell is ORDER/CELL", line);
		if (cat_moc_add_cell(out, order, first, last, err) != CAT_OK)
			return cat_wrap(err, "line %" PRId64, line);
	}
	return CAT_OK;
}

/* --- JSON: {"5": [1, 3], "6": [30]} --- */

static int json_order(const char *key, json_t *cells, struct cat_moc *out, struct cat_error *err)
{
	uint64_t order;
	json_t *cell;
	size_t i;

	if (!cat_parse_u64(key, strlen(key), &order) || !json_is_array(cells))
		return cat_fail(err, CAT_E_DATA,
		                "not a coverage map: member '%.20s' is not an order with its cells", key);
	if (order > CAT_HPX_ORDER_MAX)
		return cat_fail(err, CAT_E_DATA, "order %" PRIu64 " in a coverage map; 29 is the finest", order);
	if ((int)order > out->order)
		out->order = (int)order;
	json_array_foreach(cells, i, cell) {
		const json_int_t v = json_is_integer(cell) ? json_integer_value(cell) : -1;

		if (v < 0)
			return cat_fail(err, CAT_E_DATA, "order %" PRIu64 ": cell %zu is not a number of a cell",
			                order, i);
		CAT_TRY(cat_moc_add_cell(out, order, (uint64_t)v, (uint64_t)v, err));
	}
	return CAT_OK;
}

static int read_json(const char *s, size_t size, struct cat_moc *out, struct cat_error *err)
{
	json_error_t why;
	json_t *root = json_loadb(s, size, JSON_REJECT_DUPLICATES, &why), *cells;
	const char *key;
	int rc = CAT_OK;

	if (!root)
		return cat_fail(err, CAT_E_DATA, "line %d: %s", why.line, why.text);
	if (!json_is_object(root))
		rc = cat_fail(err, CAT_E_DATA, "not a coverage map: no object of orders");
	json_object_foreach(root, key, cells) {
		if (rc == CAT_OK)
			rc = json_order(key, cells, out, err);
	}
	json_decref(root);
	return rc;
}

int cat_moc_read(const void *data, size_t size, struct cat_moc *out, struct cat_error *err)
{
	const char *s = data;
	size_t blank = 0;
	int rc;

	while (blank < size && is_blank(s[blank]))
		blank++;
	if (size >= 6 && memcmp(s, "SIMPLE", 6) == 0)
		rc = cat_moc_read_fits(data, size, out, err);
	else if (blank == size)
		rc = cat_fail(err, CAT_E_DATA, "empty: not a coverage map");
	else if (s[blank] == '{' || s[blank] == '[')
		rc = read_json(s, size, out, err);
	else
		rc = read_ascii(s, size, out, err);
	if (rc != CAT_OK) {
		cat_moc_fini(out);
		return rc;
	}
	cat_moc_finish(out);
	return CAT_OK;
}

/* --- writing --- */

struct cell_writer {
	struct cat_text *out;
	int order; /* whose cells are being written; -1: none yet */
	int64_t first, last;
};

static void end_run(struct cell_writer *w)
{
	if (w->order < 0)
		return;
	cat_text_addf(w->out, "%" PRId64, w->first);
	if (w->last > w->first)
		cat_text_addf(w->out, "-%" PRId64, w->last);
}

static void ascii_cell(void *arg, int order, int64_t cell)
{
	struct cell_writer *w = arg;

	if (order == w->order && cell == w->last + 1) {
		w->last = cell;
		return;
	}
	end_run(w);
	if (order == w->order)
		cat_text_addc(w->out, ' ');
	else
		cat_text_addf(w->out, "%s%d/", w->order < 0 ? "" : " ", order);
	w->order = order;
	w->first = w->last = cell;
}

static void json_cell(void *arg, int order, int64_t cell)
{
	struct cell_writer *w = arg;

	if (order == w->order)
		cat_text_addf(w->out, ",%" PRId64, cell);
	else
		cat_text_addf(w->out, "%s\"%d\":[%" PRId64, w->order < 0 ? "" : "],\n", order, cell);
	w->order = order;
}

int cat_moc_write(const struct cat_moc *m, enum cat_moc_format format, struct cat_text *out, struct cat_error *err)
{
	struct cell_writer w = {.out = out, .order = -1};
	const bool json = format == CAT_MOC_JSON;

	if (format == CAT_MOC_FITS || format == CAT_MOC_FITS_RANGE)
		return cat_moc_write_fits(m, format == CAT_MOC_FITS_RANGE, out, err);
	if (json)
		cat_text_addc(out, '{');
	CAT_TRY(cat_moc_each_cell(m, json ? json_cell : ascii_cell, &w, err));
	/* An order without cells says how fine the map could have been. */
	if (json) {
		if (w.order < m->order)
			cat_text_addf(out, "%s\"%d\":[", w.order < 0 ? "" : "],\n", m->order);
		cat_text_add(out, "]}\n");
	} else {
		end_run(&w);
		if (w.order < m->order)
			cat_text_addf(out, "%s%d/", w.order < 0 ? "" : " ", m->order);
		cat_text_addc(out, '\n');
	}
	return cat_text_check(out, err);
}
