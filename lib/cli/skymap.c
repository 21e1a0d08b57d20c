#include "cli/skymap.h"

#include "base/alloc.h"
#include "dataset/position.h"
#include "exec/scan.h"
#include "sky/healpix.h"
#include "sky/sphere.h"

#define COARSE 4 /* cells of 3.7 degrees: about a character of the map */
#define FINE 6   /* of 0.9 degrees, counted always; made coarser for what is shown */

static int64_t coarse_cell(double ra_deg, double dec_deg)
{
	return cat_hpx_from_deg(COARSE, ra_deg, dec_deg);
}

static int64_t middle_cell(double ra_deg, double dec_deg)
{
	return cat_hpx_from_deg(COARSE + 1, ra_deg, dec_deg);
}

static int64_t fine_cell(double ra_deg, double dec_deg)
{
	return cat_hpx_from_deg(FINE, ra_deg, dec_deg);
}

static int count_batch(const struct cat_batch *b, int ra_col, int dec_col, struct cat_skymap *m, struct cat_error *err)
{
	double *ra = cat_malloc((size_t)b->nrows * 2 * sizeof *ra), *dec = ra + b->nrows;
	const int rc = ra ? cat_position_values(b, ra_col, dec_col, ra, dec, err)
	                  : cat_fail_mem(err, (size_t)b->nrows * 2 * sizeof *ra);

	for (int64_t i = 0; rc == CAT_OK && i < b->nrows; i++) {
		const int64_t c = fine_cell(ra[i], dec[i]);

		if (c < 0)
			continue;
		if (m->rows < CAT_SKYMAP_POINTS) {
			m->points[2 * m->rows] = cat_sky_normal_ra(ra[i]);
			m->points[2 * m->rows + 1] = dec[i];
		}
		m->counts[c]++;
		m->rows++;
	}
	cat_free(ra);
	return rc;
}

/* The columns of the positions: all that is read. */
struct positions {
	const struct cat_rows *rows;
	int ra, dec;
};

static int bind(void *arg, struct cat_schema *schema, bool *used, struct cat_error *err)
{
	struct positions *p = arg;
	char which[256];

	CAT_TRY(cat_position_columns(schema, p->rows->ra, p->rows->dec, &p->ra, &p->dec, which, sizeof which, err));
	used[p->ra] = used[p->dec] = true;
	return CAT_OK;
}

static int count_all(struct cat_source *s, const struct positions *p, struct cat_skymap *m, struct cat_error *err)
{
	for (;;) {
		struct cat_batch *b;
		int rc;

		CAT_TRY(s->ops->next(s, &b, err));
		if (!b)
			return CAT_OK;
		rc = count_batch(b, p->ra, p->dec, m, err);
		cat_batch_unref(b);
		CAT_TRY(rc);
	}
}

/* Four cells of the nested scheme are one of the order below. */
static void make_coarser(struct cat_skymap *m, int from, int to)
{
	for (int order = from; order > to; order--)
		for (int64_t c = 0; c < cat_hpx_cells(order - 1); c++) {
			const int64_t *four = m->counts + 4 * c;

			m->counts[c] = four[0] + four[1] + four[2] + four[3];
		}
}

static int collect(const struct cat_io *io, char *const *operands, int n, struct cat_skymap *m, struct cat_error *err)
{
	struct cat_pool *pool = NULL;
	struct cat_source *s = NULL;
	struct positions p = {.rows = &io->rows};
	int rc = cat_pool_new((int)io->res.jobs, &pool, err);

	if (rc == CAT_OK)
		rc = cat_io_source_for(&io->input, &io->rows, &io->res, &(struct cat_consumer){.bind = bind, .arg = &p},
		                       operands, n, pool, &s, err);
	if (rc == CAT_OK)
		rc = count_all(s, &p, m, err);
	cat_source_close(s);
	cat_pool_free(pool);
	return rc;
}

int cat_skymap_collect(const struct cat_io *io, bool fine, char *const *operands, int n, struct cat_skymap *out,
                       struct cat_picture *p, struct cat_error *err)
{
	const size_t ncells = (size_t)cat_hpx_cells(FINE);
	int rc, order;

	*out = (struct cat_skymap){
		.counts = cat_calloc(ncells, sizeof *out->counts),
		.points = cat_malloc(2 * CAT_SKYMAP_POINTS * sizeof *out->points),
	};
	rc = out->counts && out->points ? collect(io, operands, n, out, err)
	                                : cat_fail_mem(err, ncells * sizeof *out->counts);
	if (rc != CAT_OK) {
		cat_skymap_fini(out);
		return rc;
	}
	/* Ten rows to a cell and more, so that they are no salt and pepper. */
	order = FINE;
	while (order > COARSE && (!fine || out->rows < 10 * cat_hpx_cells(order)))
		order--;
	make_coarser(out, FINE, order);
	p->kind = CAT_PICTURE_SKY;
	p->counts = out->counts;
	p->cell = order == FINE ? fine_cell : order == COARSE ? coarse_cell : middle_cell;
	p->rows = out->rows;
	if (fine && out->rows <= CAT_SKYMAP_POINTS) {
		p->points = out->points;
		p->npoints = out->rows;
	}
	return CAT_OK;
}

void cat_skymap_fini(struct cat_skymap *m)
{
	cat_free(m->counts);
	cat_free(m->points);
	*m = (struct cat_skymap){0};
}
