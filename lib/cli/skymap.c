#include "cli/skymap.h"

#include "base/alloc.h"
#include "columnar/position.h"
#include "exec/scan.h"
#include "sky/healpix.h"

#define ORDER 4 /* cells of 3.7 degrees: about a character of the map */
#define NCELLS (12 << 2 * ORDER)

static int64_t cell(double ra_deg, double dec_deg)
{
	return cat_hpx_from_deg(ORDER, ra_deg, dec_deg);
}

static int count_batch(const struct cat_batch *b, int ra_col, int dec_col, double *counts, int64_t *rows,
                       struct cat_error *err)
{
	double *ra = cat_malloc((size_t)b->nrows * 2 * sizeof *ra), *dec = ra + b->nrows;

	if (!ra)
		return cat_fail_mem(err, (size_t)b->nrows * 2 * sizeof *ra);
	cat_position_values(b, ra_col, dec_col, ra, dec);
	for (int64_t i = 0; i < b->nrows; i++) {
		const int64_t c = cell(ra[i], dec[i]);

		if (c >= 0)
			counts[c]++, ++*rows;
	}
	cat_free(ra);
	return CAT_OK;
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

static int count_all(struct cat_source *s, const struct positions *p, double *counts, int64_t *n,
                     struct cat_error *err)
{
	for (;;) {
		struct cat_batch *b;
		int rc;

		CAT_TRY(s->ops->next(s, &b, err));
		if (!b)
			return CAT_OK;
		rc = count_batch(b, p->ra, p->dec, counts, n, err);
		cat_batch_unref(b);
		CAT_TRY(rc);
	}
}

int cat_skymap_draw(const struct cat_io *io, const struct cat_term *term, char *const *operands, int n,
                    struct cat_text *out, struct cat_error *err)
{
	double *counts = cat_calloc(NCELLS, sizeof *counts);
	struct cat_pool *pool = NULL;
	struct cat_source *s = NULL;
	struct positions p = {.rows = &io->rows};
	int64_t rows = 0;
	int rc = counts ? cat_pool_new((int)io->res.jobs, &pool, err) : cat_fail_mem(err, NCELLS * sizeof *counts);

	if (rc == CAT_OK)
		rc = cat_io_source_for(&io->input, &io->rows, &io->res, &(struct cat_consumer){bind, &p}, operands, n, pool,
		                       &s, err);
	if (rc == CAT_OK)
		rc = count_all(s, &p, counts, &rows, err);
	if (rc == CAT_OK) {
		cat_term_sky(term, counts, cell, out);
		cat_text_addf(out, "%lld rows; ra 0 in the middle, growing to the left\n", (long long)rows);
		rc = cat_text_check(out, err);
	}
	cat_source_close(s);
	cat_pool_free(pool);
	cat_free(counts);
	return rc;
}
