#include "synth/sky.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "columnar/builder.h"
#include "synth/observe.h"

#define BLOCK 8192 /* stars in a piece */

static const char *const kind_names[] = {"dwarf", "giant", "white dwarf"};
static const char *const population_names[] = {"young disc", "thin disc", "thick disc", "halo",
                                               "bulge",      "cluster",   "cloud"};

/* The columns, in order; AT is where a row has the value, in the type it has as a column (of text: a byte that
 * counts in NAMES). EPOCH says to name the epoch behind the description. */
struct column {
	const char *name;
	enum cat_type_id type;
	const char *unit, *ucd, *description;
	size_t at;
	const char *const *names;
	bool first, second, epoch, nulls;
};
#define AT(member) offsetof(struct cat_sky_row, member)
static const struct column columns[] = {
	{"id", CAT_T_I64, NULL, "meta.id;meta.main", "identifier", AT(id), NULL, true, true, false, false},
	{"ra", CAT_T_F64, "deg", "pos.eq.ra;meta.main", "right ascension, ICRS", AT(ra_deg), NULL, true, true, true,
	 false},
	{"dec", CAT_T_F64, "deg", "pos.eq.dec;meta.main", "declination, ICRS", AT(dec_deg), NULL, true, true, true,
	 false},
	{"pos_err", CAT_T_F32, "arcsec", "stat.error;pos.eq", "error of the place along each axis",
	 AT(pos_err_arcsec), NULL, false, true, false, false},
	{"parallax", CAT_T_F64, "mas", "pos.parallax.trig", "parallax, with an error of 0.02 mas", AT(parallax_mas),
	 NULL, true, false, false, false},
	{"pmra", CAT_T_F64, "mas/yr", "pos.pm;pos.eq.ra", "proper motion in right ascension, times cos(dec)",
	 AT(pmra_mas_yr), NULL, true, false, false, false},
	{"pmdec", CAT_T_F64, "mas/yr", "pos.pm;pos.eq.dec", "proper motion in declination", AT(pmdec_mas_yr), NULL, true,
	 false, false, false},
	{"radial_velocity", CAT_T_F32, "km/s", "spect.dopplerVeloc", "radial velocity", AT(rv_kms), NULL, true, false,
	 false, false},
	{"vmag", CAT_T_F32, "mag", "phot.mag;em.opt.V", "magnitude in V", AT(vmag), NULL, true, true, false, false},
	{"bmag", CAT_T_F32, "mag", "phot.mag;em.opt.B", "magnitude in B", AT(bmag), NULL, true, true, false, false},
	{"bv", CAT_T_F32, "mag", "phot.color;em.opt.B;em.opt.V", "B - V, reddened", AT(bv), NULL, true, true, false,
	 false},
	{"kind", CAT_T_UTF8, NULL, "src.class", "kind of star", AT(kind), kind_names, true, false, false, false},
	{"population", CAT_T_UTF8, NULL, "src.class", "population the star belongs to", AT(population),
	 population_names, true, false, false, false},
	{"true_id", CAT_T_I64, NULL, "meta.id.cross", "id of the star in the first survey; null: a false detection",
	 AT(true_id), NULL, false, true, false, true},
};
#define NCOLUMNS ((int)(sizeof columns / sizeof *columns))

struct sky {
	struct cat_feed base;
	struct cat_sky_options options;
	struct cat_galaxy *galaxy;
	const struct column *columns[NCOLUMNS];
	int64_t at;
};
struct block {
	struct cat_work base;
	const struct sky *sky;
	int64_t begin, end;
	struct cat_sky_row *rows; /* made at the first decode, kept for the next */
	int64_t nrows;
};

/* --- schema --- */

static int set_meta(struct cat_field *f, const struct column *c, double epoch_yr, struct cat_error *err)
{
	char text[128];

	if (c->epoch)
		snprintf(text, sizeof text, "%s, epoch %.6g", c->description, epoch_yr);
	else
		snprintf(text, sizeof text, "%s", c->description);
	if (c->unit)
		CAT_TRY(cat_kv_set(&f->meta, CAT_META_UNIT, c->unit, err));
	CAT_TRY(cat_kv_set(&f->meta, CAT_META_UCD, c->ucd, err));
	return cat_kv_set(&f->meta, CAT_META_DESCRIPTION, text, err);
}

static int make_schema(struct sky *sky, struct cat_error *err)
{
	int n = 0;

	for (int i = 0; i < NCOLUMNS; i++)
		if (sky->options.survey == CAT_SKY_SECOND ? columns[i].second : columns[i].first)
			sky->columns[n++] = &columns[i];
	CAT_TRY(cat_schema_new(n, &sky->base.schema, err));
	for (int i = 0; i < n; i++) {
		struct cat_field *f = &sky->base.schema->fields[i];

		CAT_TRY(cat_field_init(f, sky->columns[i]->name, sky->columns[i]->type, err));
		f->nullable = sky->columns[i]->nulls;
		CAT_TRY(set_meta(f, sky->columns[i], sky->options.epoch_yr, err));
	}
	return CAT_OK;
}

/* --- pieces --- */

static int make_rows(struct block *b, struct cat_error *err)
{
	const size_t room = (size_t)(b->end - b->begin) * (b->sky->options.survey == CAT_SKY_SECOND ? 2 : 1);

	if (b->rows)
		return CAT_OK;
	b->rows = cat_calloc(room, sizeof *b->rows);
	if (!b->rows)
		return cat_fail_mem(err, room * sizeof *b->rows);
	for (int64_t i = b->begin; i < b->end; i++)
		b->nrows += cat_sky_observe(b->sky->galaxy, &b->sky->options, i, b->rows + b->nrows);
	return CAT_OK;
}

static int make_column(const struct block *b, const struct cat_field *f, const struct column *c,
                       struct cat_column **out, struct cat_error *err)
{
	struct cat_builder build;
	int rc;

	CAT_TRY(cat_builder_init(&build, f, err));
	rc = cat_builder_reserve(&build, b->nrows, err);
	for (int64_t i = 0; rc == CAT_OK && i < b->nrows; i++) {
		const unsigned char *value = (const unsigned char *)&b->rows[i] + c->at;

		if (c->names)
			rc = cat_builder_text(&build, c->names[*value], strlen(c->names[*value]), err);
		else if (c->nulls && *(const int64_t *)(const void *)value < 0)
			rc = cat_builder_null(&build, err);
		else
			rc = cat_builder_fixed(&build, value, err);
	}
	if (rc == CAT_OK)
		rc = cat_builder_finish(&build, out, err);
	cat_builder_fini(&build);
	return rc;
}

static int decode(struct cat_work *w, const int *cols, int n, struct cat_batch **out, struct cat_error *err)
{
	struct block *b = (struct block *)w;
	struct cat_schema *schema;
	struct cat_batch *batch = NULL;
	int rc;

	CAT_TRY(make_rows(b, err));
	CAT_TRY(cat_schema_project(b->sky->base.schema, cols, n, &schema, err));
	rc = cat_batch_new(schema, b->nrows, &batch, err);
	for (int k = 0; rc == CAT_OK && k < n; k++)
		rc = make_column(b, &schema->fields[k], b->sky->columns[cols[k]], &batch->cols[k], err);
	cat_schema_unref(schema);
	if (rc != CAT_OK) {
		cat_batch_unref(batch);
		return rc;
	}
	*out = batch;
	return CAT_OK;
}

static void block_free(struct cat_work *w)
{
	struct block *b = (struct block *)w;

	cat_free(b->rows);
	cat_free(b);
}

static const struct cat_work_ops block_ops = {.decode = decode, .free = block_free};

/* --- the feed --- */

static int next(struct cat_feed *f, struct cat_work **out, struct cat_error *err)
{
	struct sky *sky = (struct sky *)f;
	struct block *b;

	*out = NULL;
	if (sky->at >= sky->options.end)
		return CAT_OK;
	b = cat_calloc(1, sizeof *b);
	if (!b)
		return cat_fail_mem(err, sizeof *b);
	b->base.ops = &block_ops;
	b->sky = sky;
	b->begin = sky->at;
	b->end = sky->options.end - sky->at < BLOCK ? sky->options.end : sky->at + BLOCK;
	b->base.nrows = sky->options.survey == CAT_SKY_SECOND ? -1 : b->end - b->begin;
	b->base.bytes = (b->end - b->begin) * (int64_t)sizeof *b->rows;
	sky->at = b->end;
	*out = &b->base;
	return CAT_OK;
}

static void close_sky(struct cat_feed *f)
{
	struct sky *sky = (struct sky *)f;

	cat_galaxy_free(sky->galaxy);
	cat_schema_unref(sky->base.schema);
	cat_free(sky);
}

static const struct cat_feed_ops sky_ops = {.next = next, .close = close_sky};

int cat_sky_feed(const struct cat_sky_options *o, struct cat_feed **out, struct cat_error *err)
{
	struct sky *sky = cat_calloc(1, sizeof *sky);
	int rc;

	if (!sky)
		return cat_fail_mem(err, sizeof *sky);
	sky->base.ops = &sky_ops;
	sky->base.nrows = o->survey == CAT_SKY_SECOND ? -1 : o->end - o->begin;
	sky->base.sharded = true;
	sky->options = *o;
	sky->at = o->begin;
	rc = cat_galaxy_new(o->depth_mag, o->seed, &sky->galaxy, err);
	if (rc == CAT_OK)
		rc = make_schema(sky, err);
	if (rc != CAT_OK) {
		close_sky(&sky->base);
		return rc;
	}
	*out = &sky->base;
	return CAT_OK;
}
