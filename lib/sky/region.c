#include "sky/region.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "sky/angle.h"
#include "sky/healpix.h"
#include "sky/polygon.h"
#include "sky/sphere.h"

/* A position this little beyond an edge belongs: the rounding of a separation (0.4 nanoarcsec). */
#define EDGE_DEG 1e-13
/* Slack for covers and bounds, which must hold the region whatever the rounding. */
#define SLACK_DEG 1e-9
#define POLYGON_MAX 100000
#define MANY 1024 /* rows handled at a time */

struct cone {
	double ra_deg, dec_deg, radius_deg;
};
struct box {
	double ra_deg[2]; /* in [0, 360); from the first eastward to the second */
	double dec_deg[2];
	bool whole; /* any ra */
};
struct cat_region {
	struct cone *cones;
	struct box *boxes;
	struct cat_polygon *polygons;
	struct cat_moc moc;
	size_t ncones, nboxes, npolygons;
	size_t cap_cones, cap_boxes, cap_polygons;
	bool has_moc;
};

int cat_region_new(struct cat_region **out, struct cat_error *err)
{
	*out = cat_calloc(1, sizeof **out);
	return *out ? CAT_OK : cat_fail_mem(err, sizeof **out);
}

void cat_region_free(struct cat_region *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->npolygons; i++)
		cat_polygon_fini(&r->polygons[i]);
	cat_free(r->cones);
	cat_free(r->boxes);
	cat_free(r->polygons);
	cat_moc_fini(&r->moc);
	cat_free(r);
}

bool cat_region_is_all(const struct cat_region *r)
{
	return !r->ncones && !r->nboxes && !r->npolygons && !r->has_moc;
}

/* --- reading options --- */

/* The part of TEXT up to the next comma; moves behind it, to NULL after the last. */
static const char *next_part(const char **text, size_t *n)
{
	const char *part = *text, *comma = strchr(part, ',');

	*n = comma ? (size_t)(comma - part) : strlen(part);
	*text = comma ? comma + 1 : NULL;
	return part;
}

static size_t count_parts(const char *text)
{
	size_t n = 1;

	for (; (text = strchr(text, ',')); text++)
		n++;
	return n;
}

/* Puts the option's whole text in front of what went wrong. */
static int in_option(struct cat_error *err, const char *option, const char *text)
{
	return cat_wrap(err, "--%s %.80s", option, text);
}

static int parse_cone(const char *text, struct cone *c, struct cat_error *err)
{
	const size_t parts = count_parts(text);
	const char *s;
	size_t n;

	if (parts == 2 && isalpha((unsigned char)text[strspn(text, " \t")]))
		return cat_fail(err, CAT_E_UNSUPPORTED, "a cone around a name is not for here; give RA,DEC,R");
	if (parts != 3)
		return cat_fail(err, CAT_E_USAGE, "a cone is RA,DEC,R");
	s = next_part(&text, &n);
	CAT_TRY(cat_angle_ra(s, n, &c->ra_deg, err));
	c->ra_deg = cat_sky_normal_ra(c->ra_deg);
	s = next_part(&text, &n);
	CAT_TRY(cat_angle_dec(s, n, &c->dec_deg, err));
	s = next_part(&text, &n);
	return cat_angle_radius(s, n, CAT_ANGLE_DEG, &c->radius_deg, err);
}

int cat_region_add_cone(struct cat_region *r, const char *text, struct cat_error *err)
{
	struct cone c;

	if (parse_cone(text, &c, err) != CAT_OK)
		return in_option(err, "cone", text);
	if (cat_grow(&r->cones, &r->cap_cones, r->ncones, sizeof c) != 0)
		return cat_fail_mem(err, sizeof c);
	r->cones[r->ncones++] = c;
	return CAT_OK;
}

static int parse_box(const char *text, struct box *b, struct cat_error *err)
{
	const char *s;
	size_t n;

	if (count_parts(text) != 4)
		return cat_fail(err, CAT_E_USAGE, "a box is RA1,RA2,DEC1,DEC2");
	for (int k = 0; k < 2; k++) {
		s = next_part(&text, &n);
		CAT_TRY(cat_angle_ra(s, n, &b->ra_deg[k], err));
	}
	for (int k = 0; k < 2; k++) {
		s = next_part(&text, &n);
		CAT_TRY(cat_angle_dec(s, n, &b->dec_deg[k], err));
	}
	if (b->dec_deg[0] > b->dec_deg[1])
		return cat_fail(err, CAT_E_USAGE, "DEC1 is above DEC2");
	b->whole = b->ra_deg[1] - b->ra_deg[0] >= 360;
	for (int k = 0; k < 2; k++)
		b->ra_deg[k] = cat_sky_normal_ra(b->ra_deg[k]);
	return CAT_OK;
}

int cat_region_add_box(struct cat_region *r, const char *text, struct cat_error *err)
{
	struct box b;

	if (parse_box(text, &b, err) != CAT_OK)
		return in_option(err, "box", text);
	if (cat_grow(&r->boxes, &r->cap_boxes, r->nboxes, sizeof b) != 0)
		return cat_fail_mem(err, sizeof b);
	r->boxes[r->nboxes++] = b;
	return CAT_OK;
}

static int parse_polygon(const char *text, double *ra, double *dec, size_t vertices, struct cat_polygon *p,
                         struct cat_error *err)
{
	for (size_t i = 0; i < vertices; i++) {
		const char *s;
		size_t n;

		s = next_part(&text, &n);
		CAT_TRY(cat_angle_ra(s, n, &ra[i], err));
		ra[i] = cat_sky_normal_ra(ra[i]);
		s = next_part(&text, &n);
		CAT_TRY(cat_angle_dec(s, n, &dec[i], err));
	}
	return cat_polygon_init(p, ra, dec, (int64_t)vertices, err);
}

int cat_region_add_polygon(struct cat_region *r, const char *text, struct cat_error *err)
{
	const size_t parts = count_parts(text), vertices = parts / 2;
	struct cat_polygon p;
	double *ra;
	int rc;

	if (parts % 2 || vertices < 3 || vertices > POLYGON_MAX) {
		cat_fail(err, CAT_E_USAGE, "a polygon is RA,DEC,RA,DEC,... of 3 to %d vertices", POLYGON_MAX);
		return in_option(err, "polygon", text);
	}
	ra = cat_malloc(2 * vertices * sizeof *ra);
	if (!ra)
		return cat_fail_mem(err, 2 * vertices * sizeof *ra);
	rc = parse_polygon(text, ra, ra + vertices, vertices, &p, err);
	cat_free(ra);
	if (rc != CAT_OK)
		return in_option(err, "polygon", text);
	if (cat_grow(&r->polygons, &r->cap_polygons, r->npolygons, sizeof p) != 0) {
		cat_polygon_fini(&p);
		return cat_fail_mem(err, sizeof p);
	}
	r->polygons[r->npolygons++] = p;
	return CAT_OK;
}

int cat_region_add_moc(struct cat_region *r, const void *data, size_t size, struct cat_error *err)
{
	struct cat_moc m = {0}, both = {0};
	int rc;

	CAT_TRY(cat_moc_read(data, size, &m, err));
	rc = cat_moc_union(&r->moc, &m, &both, err);
	cat_moc_fini(&m);
	CAT_TRY(rc);
	cat_moc_fini(&r->moc);
	r->moc = both;
	r->has_moc = true;
	return CAT_OK;
}

/* --- positions: each of these marks what belongs to one shape of valid positions with ra in [0, 360) --- */

static void mark_cone(const struct cone *c, const double *ra, const double *dec, int64_t n, uint8_t *in)
{
	const double r = c->radius_deg + EDGE_DEG;

	for (int64_t i = 0; i < n; i++)
		if (fabs(dec[i] - c->dec_deg) <= r)
			in[i] |= cat_sky_separation_deg(c->ra_deg, c->dec_deg, ra[i], dec[i]) <= r;
}

static bool box_has_ra(const struct box *b, double ra)
{
	if (b->whole)
		return true;
	if (b->ra_deg[0] <= b->ra_deg[1])
		return ra >= b->ra_deg[0] && ra <= b->ra_deg[1];
	return ra >= b->ra_deg[0] || ra <= b->ra_deg[1];
}

static void mark_box(const struct box *b, const double *ra, const double *dec, int64_t n, uint8_t *in)
{
	/* A pole has every ra. */
	for (int64_t i = 0; i < n; i++)
		in[i] |= dec[i] >= b->dec_deg[0] && dec[i] <= b->dec_deg[1] &&
		         (fabs(dec[i]) == 90 || box_has_ra(b, ra[i]));
}

static void mark_polygon(const struct cat_polygon *p, const double *ra, const double *dec, int64_t n, uint8_t *in)
{
	for (int64_t i = 0; i < n; i++)
		in[i] |= cat_polygon_contains(p, ra[i], dec[i]);
}

static void mark_moc(const struct cat_moc *m, const double *ra, const double *dec, int64_t n, uint8_t *in)
{
	int64_t cell[MANY];

	cat_hpx29_from_deg_n(ra, dec, n, cell);
	for (int64_t i = 0; i < n; i++)
		in[i] |= cat_moc_contains(m, cell[i]);
}

static void and_into(uint8_t *in, const uint8_t *kind, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		in[i] &= kind[i];
}

static void contains_some(const struct cat_region *r, const double *ra, const double *dec, int64_t n, uint8_t *in)
{
	uint8_t kind[MANY];

	if (r->ncones) {
		memset(kind, 0, sizeof kind);
		for (size_t k = 0; k < r->ncones; k++)
			mark_cone(&r->cones[k], ra, dec, n, kind);
		and_into(in, kind, n);
	}
	if (r->nboxes) {
		memset(kind, 0, sizeof kind);
		for (size_t k = 0; k < r->nboxes; k++)
			mark_box(&r->boxes[k], ra, dec, n, kind);
		and_into(in, kind, n);
	}
	if (r->npolygons) {
		memset(kind, 0, sizeof kind);
		for (size_t k = 0; k < r->npolygons; k++)
			mark_polygon(&r->polygons[k], ra, dec, n, kind);
		and_into(in, kind, n);
	}
	if (r->has_moc) {
		memset(kind, 0, sizeof kind);
		mark_moc(&r->moc, ra, dec, n, kind);
		and_into(in, kind, n);
	}
}

void cat_region_contains_n(const struct cat_region *r, const double *ra_deg, const double *dec_deg, int64_t n,
                           uint8_t *in)
{
	double ra[MANY], dec[MANY];

	for (int64_t at = 0; at < n; at += MANY) {
		const int64_t m = n - at < MANY ? n - at : MANY;

		for (int64_t i = 0; i < m; i++) {
			const bool valid = cat_sky_valid(ra_deg[at + i], dec_deg[at + i]);

			in[at + i] = valid;
			ra[i] = valid ? cat_sky_normal_ra(ra_deg[at + i]) : 0;
			dec[i] = valid ? dec_deg[at + i] : 0;
		}
		contains_some(r, ra, dec, m, in + at);
	}
}

/* --- cells --- */

enum part { OUTSIDE, PARTLY, WHOLLY };

/* One cell and what the tests below need of it. */
struct cell {
	int64_t lo, hi; /* order 29 */
	double ra_deg, dec_deg, radius_deg;
	double ra_bounds[2], dec_bounds[2];
};

static void cell_init(struct cell *c, int order, int64_t cell)
{
	c->lo = cat_hpx_first29(order, cell);
	c->hi = cat_hpx_first29(order, cell + 1);
	cat_hpx_center(order, cell, &c->ra_deg, &c->dec_deg);
	cat_hpx_bounds(order, cell, c->ra_bounds, c->dec_bounds);
	c->radius_deg = cat_hpx_radius_deg(order) + SLACK_DEG;
}

static enum part cone_part(const struct cone *s, const struct cell *c)
{
	const double d = cat_sky_separation_deg(s->ra_deg, s->dec_deg, c->ra_deg, c->dec_deg);

	if (d > s->radius_deg + c->radius_deg)
		return OUTSIDE;
	return d + c->radius_deg <= s->radius_deg || s->radius_deg == 180 ? WHOLLY : PARTLY;
}

/* Degrees eastward from one ra to another, in [0, 360). */
static double eastward(double from, double to)
{
	return cat_sky_normal_ra(to - from);
}

static enum part box_part(const struct box *s, const struct cell *c)
{
	const double width = eastward(s->ra_deg[0], s->ra_deg[1]), cell_width = c->ra_bounds[1] - c->ra_bounds[0];
	const double low = c->dec_bounds[0], high = c->dec_bounds[1];
	const bool pole =
		(high > 90 - SLACK_DEG && s->dec_deg[1] == 90) || (low < -90 + SLACK_DEG && s->dec_deg[0] == -90);

	if (high < s->dec_deg[0] - SLACK_DEG || low > s->dec_deg[1] + SLACK_DEG)
		return OUTSIDE;
	if (!s->whole && !pole && eastward(s->ra_deg[0] - SLACK_DEG, c->ra_bounds[0]) > width + 2 * SLACK_DEG &&
	    eastward(c->ra_bounds[0] - SLACK_DEG, s->ra_deg[0]) > cell_width + 2 * SLACK_DEG)
		return OUTSIDE;
	if (low < s->dec_deg[0] + SLACK_DEG || high > s->dec_deg[1] - SLACK_DEG)
		return PARTLY;
	return s->whole || eastward(s->ra_deg[0] + SLACK_DEG, c->ra_bounds[0]) + cell_width < width - 2 * SLACK_DEG
	               ? WHOLLY
	               : PARTLY;
}

static enum part polygon_part(const struct cat_polygon *s, const struct cell *c)
{
	double v[3];

	cat_sky_vector(c->ra_deg, c->dec_deg, v);
	if (cat_polygon_edge_distance_deg(s, v) <= c->radius_deg)
		return PARTLY;
	return cat_polygon_contains(s, c->ra_deg, c->dec_deg) ? WHOLLY : OUTSIDE;
}

static enum part moc_part(const struct cat_moc *s, const struct cell *c)
{
	return !cat_moc_overlaps(s, c->lo, c->hi) ? OUTSIDE : cat_moc_covers(s, c->lo, c->hi) ? WHOLLY : PARTLY;
}

/* Of shapes of one kind the fullest counts, of the kinds the emptiest. */
static enum part region_part(const struct cat_region *r, const struct cell *c)
{
	enum part all = WHOLLY, kind;

#define KIND(count, shapes, test)                                                    \
	if (count) {                                                                 \
		kind = OUTSIDE;                                                      \
		for (size_t k = 0; k < (count) && kind != WHOLLY; k++) {             \
			const enum part one = test(&(shapes)[k], c);                 \
			kind = one > kind ? one : kind;                              \
		}                                                                    \
		all = kind < all ? kind : all;                                       \
	}
	KIND(r->ncones, r->cones, cone_part)
	KIND(r->nboxes, r->boxes, box_part)
	KIND(r->npolygons, r->polygons, polygon_part)
	KIND(r->has_moc ? 1u : 0u, &r->moc, moc_part)
#undef KIND
	return all;
}

/* --- covers --- */

/* Adds the cells of ORDER in EDGE (NULL: all base cells) that are inside to COVER and appends those that are partly to
 * NEXT. */
static int sort_out(const struct cat_region *r, int order, const struct cat_cover *edge, struct cat_cover *cover,
                    struct cat_cover *next, struct cat_error *err)
{
	const int64_t size = cat_hpx_first29(order, 1), n = edge ? edge->n : 1;

	for (int64_t i = 0; i < n; i++) {
		const int64_t lo = edge ? edge->at[i].lo : 0, hi = edge ? edge->at[i].hi : CAT_HPX29_CELLS;

		for (int64_t at = lo; at < hi; at += size) {
			struct cell c;
			enum part part;

			cell_init(&c, order, at / size);
			part = region_part(r, &c);
			if (part != OUTSIDE)
				CAT_TRY(cat_cover_add(part == WHOLLY ? cover : next, c.lo, c.hi, part == WHOLLY, err));
		}
	}
	return CAT_OK;
}

int cat_region_cover(const struct cat_region *r, int order, int64_t max_cells, struct cat_cover *cover,
                     struct cat_error *err)
{
	struct cat_cover edge = {0};
	int rc = sort_out(r, 0, NULL, cover, &edge, err);

	for (int k = 1; rc == CAT_OK && k <= order && edge.n && edge.n <= max_cells; k++) {
		struct cat_cover next = {0};

		rc = sort_out(r, k, &edge, cover, &next, err);
		cat_cover_fini(&edge);
		edge = next;
	}
	for (int64_t i = 0; rc == CAT_OK && i < edge.n; i++)
		rc = cat_cover_add(cover, edge.at[i].lo, edge.at[i].hi, false, err);
	cat_cover_fini(&edge);
	if (rc != CAT_OK) {
		cat_cover_fini(cover);
		return rc;
	}
	cat_cover_finish(cover);
	return CAT_OK;
}

/* May the region have a position in those cells of [LO, HI) that lie in CELL of ORDER? Goes at most DEPTH orders
 * further than cells that lie wholly in the range. */
static bool cell_overlaps(const struct cat_region *r, int order, int64_t cell, int64_t lo, int64_t hi, int depth)
{
	struct cell c;
	enum part part;
	bool within;

	cell_init(&c, order, cell);
	within = lo <= c.lo && c.hi <= hi;
	if (c.hi <= lo || hi <= c.lo)
		return false;
	part = region_part(r, &c);
	if (part != PARTLY || order == CAT_HPX_ORDER_MAX || (within && depth == 0))
		return part != OUTSIDE;
	for (int64_t k = 0; k < 4; k++)
		if (cell_overlaps(r, order + 1, 4 * cell + k, lo, hi, within ? depth - 1 : depth))
			return true;
	return false;
}

bool cat_region_overlaps(const struct cat_region *r, int64_t lo, int64_t hi)
{
	for (int64_t cell = 0; cell < 12; cell++)
		if (cell_overlaps(r, 0, cell, lo, hi, 3))
			return true;
	return false;
}

/* --- bounds --- */

static const struct cat_region_box whole_sky = {.dec_deg = {-90, 90}, .ra_deg = {0, 360}};

static struct cat_region_box cap_bounds(double ra_deg, double dec_deg, double radius_deg)
{
	const double r = radius_deg + SLACK_DEG;
	struct cat_region_box b = whole_sky;

	b.dec_deg[0] = fmax(-90, dec_deg - r);
	b.dec_deg[1] = fmin(90, dec_deg + r);
	if (fabs(dec_deg) + r < 90 - SLACK_DEG) {
		const double half =
			asin(sin(r * CAT_DEG_RAD) / cos(dec_deg * CAT_DEG_RAD)) * CAT_RAD_DEG + SLACK_DEG;

		b.ra_bounded = true;
		b.ra_deg[0] = cat_sky_normal_ra(ra_deg - half);
		b.ra_deg[1] = b.ra_deg[0] + 2 * half;
	}
	return b;
}

static struct cat_region_box cone_bounds(const struct cone *c)
{
	return cap_bounds(c->ra_deg, c->dec_deg, c->radius_deg);
}

static struct cat_region_box polygon_bounds(const struct cat_polygon *p)
{
	return p->cap_radius_deg < 180 ? cap_bounds(p->cap_ra_deg, p->cap_dec_deg, p->cap_radius_deg) : whole_sky;
}

static struct cat_region_box box_bounds(const struct box *s)
{
	struct cat_region_box b = whole_sky;

	memcpy(b.dec_deg, s->dec_deg, sizeof b.dec_deg);
	if (!s->whole && s->dec_deg[0] > -90 && s->dec_deg[1] < 90) {
		b.ra_bounded = true;
		b.ra_deg[0] = s->ra_deg[0];
		b.ra_deg[1] = s->ra_deg[0] + eastward(s->ra_deg[0], s->ra_deg[1]);
	}
	return b;
}

/* The arc from B's start that holds both, as a width. */
static double joint_width(const struct cat_region_box *b, const struct cat_region_box *other)
{
	return fmax(b->ra_deg[1] - b->ra_deg[0],
	            eastward(b->ra_deg[0], other->ra_deg[0]) + other->ra_deg[1] - other->ra_deg[0]);
}

static void unite(struct cat_region_box *b, const struct cat_region_box *other)
{
	if (b->empty) {
		*b = *other;
		return;
	}
	b->dec_deg[0] = fmin(b->dec_deg[0], other->dec_deg[0]);
	b->dec_deg[1] = fmax(b->dec_deg[1], other->dec_deg[1]);
	if (b->ra_bounded && other->ra_bounded) {
		const double mine = joint_width(b, other), theirs = joint_width(other, b);

		if (theirs < mine)
			b->ra_deg[0] = other->ra_deg[0];
		b->ra_deg[1] = b->ra_deg[0] + fmin(mine, theirs);
		b->ra_bounded = fmin(mine, theirs) < 360;
	} else {
		b->ra_bounded = false;
	}
}

static bool arcs_meet(double lo, double width, double other_lo, double other_width)
{
	return eastward(lo - SLACK_DEG, other_lo) <= width + 2 * SLACK_DEG ||
	       eastward(other_lo - SLACK_DEG, lo) <= other_width + 2 * SLACK_DEG;
}

static void narrow(struct cat_region_box *b, const struct cat_region_box *other)
{
	const double width = b->ra_deg[1] - b->ra_deg[0], other_width = other->ra_deg[1] - other->ra_deg[0];

	b->dec_deg[0] = fmax(b->dec_deg[0], other->dec_deg[0]);
	b->dec_deg[1] = fmin(b->dec_deg[1], other->dec_deg[1]);
	b->empty = b->empty || other->empty || b->dec_deg[0] > b->dec_deg[1];
	if (b->ra_bounded && other->ra_bounded && !arcs_meet(b->ra_deg[0], width, other->ra_deg[0], other_width))
		b->empty = true;
	/* Two arcs may meet in two places: the shorter one holds both. */
	if (other->ra_bounded && (!b->ra_bounded || other_width < width)) {
		b->ra_bounded = true;
		memcpy(b->ra_deg, other->ra_deg, sizeof b->ra_deg);
	}
}

void cat_region_bounds(const struct cat_region *r, struct cat_region_box *out)
{
	*out = whole_sky;
#define KIND(count, shapes, bounds)                                                 \
	if (count) {                                                                \
		struct cat_region_box kind = {.empty = true};                       \
		for (size_t k = 0; k < (count); k++) {                              \
			const struct cat_region_box one = bounds(&(shapes)[k]);     \
			unite(&kind, &one);                                         \
		}                                                                   \
		narrow(out, &kind);                                                 \
	}
	KIND(r->ncones, r->cones, cone_bounds)
	KIND(r->nboxes, r->boxes, box_bounds)
	KIND(r->npolygons, r->polygons, polygon_bounds)
#undef KIND
	if (r->has_moc && r->moc.n == 0)
		out->empty = true;
}

bool cat_region_box_overlaps(const struct cat_region_box *b, double ra_min, double ra_max, double dec_min,
                             double dec_max)
{
	if (b->empty || dec_min > b->dec_deg[1] || dec_max < b->dec_deg[0])
		return false;
	if (!b->ra_bounded || !isfinite(ra_min) || !isfinite(ra_max) || ra_max - ra_min >= 360)
		return true;
	return arcs_meet(b->ra_deg[0], b->ra_deg[1] - b->ra_deg[0], cat_sky_normal_ra(ra_min), ra_max - ra_min);
}
