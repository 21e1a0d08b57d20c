/* hats_write -- the files of a HATS catalogue.
 *
 * Layer: dataset. Writes into a folder that hats_place.h makes visible. Source: HATS 1.0 (IVOA note); the
 * checklist that LSDB's reader sets.
 */
#ifndef CAT_DATASET_HATS_WRITE_H
#define CAT_DATASET_HATS_WRITE_H

#include "columnar/pump.h"
#include "dataset/hats.h"

#define CAT_HATS_DATE 32
/* EPOCH, decimal seconds since 1970, as HATS writes a date, into OUT, which is returned; NULL when EPOCH is NULL or
 * no such date exists. */
const char *cat_hats_date(const char *epoch, char out[CAT_HATS_DATE]);

/* What it points at must outlive the writer. */
struct cat_hats_write_options {
	int64_t level;        /* zstd */
	const char *ra, *dec; /* names of the position columns */
	const char *created;  /* "YYYY-MM-DDTHH:MMUTC", or NULL: no date */
	const char *primary;  /* a margin cache: the folder of the catalogue it belongs to, seen from beside it */
	double margin_arcsec; /* of a margin cache */
};
struct cat_hats_writer;

/* SCHEMA is the leaves', _healpix_29 first. FOLDER is made when it is not there; SHOWN is its final path, for
 * messages. */
CAT_MUST_USE int cat_hats_writer_new(const char *folder, const char *name, const char *shown,
                                     struct cat_schema *schema, const struct cat_hats_write_options *o,
                                     struct cat_hats_writer **out, struct cat_error *err);
/* A leaf as an encoder and its file's writer, to be filled by the caller on any thread; the leaf's file is
 * complete when W is committed. */
CAT_MUST_USE int cat_hats_leaf_open(struct cat_hats_writer *h, const struct cat_hats_part *p,
                                    struct cat_encoder **e, struct cat_writer **w, struct cat_error *err);
/* A leaf that was opened and not committed will not be there: nor will its folder, when that is empty. Serial, when no
 * other leaf is open. */
void cat_hats_leaf_dropped(struct cat_hats_writer *h, const struct cat_hats_part *p);
/* Notes a complete leaf; in depth-first order, serial. E is the leaf's encoder after its tail. */
CAT_MUST_USE int cat_hats_leaf_done(struct cat_hats_writer *h, const struct cat_hats_part *p,
                                    struct cat_encoder *e, int64_t rows, int64_t bytes, struct cat_error *err);
/* The encoder and file of per_partition_statistics.parquet; the caller makes a sink of them and gives that to
 * cat_hats_stats_to before the first leaf is done. */
CAT_MUST_USE int cat_hats_stats_open(struct cat_hats_writer *h, struct cat_encoder **e, struct cat_writer **w,
                                     struct cat_error *err);
void cat_hats_stats_to(struct cat_hats_writer *h, struct cat_sink *sink); /* takes over SINK */
/* There is to be a map: ROWS per cell of ORDER, nested. */
void cat_hats_skymap(struct cat_hats_writer *h, const int64_t *rows, int order);
/* Writes the metadata: all but publishing. */
CAT_MUST_USE int cat_hats_writer_finish(struct cat_hats_writer *h, struct cat_error *err);
int64_t cat_hats_writer_bytes(const struct cat_hats_writer *h); /* of its leaves */
void cat_hats_writer_free(struct cat_hats_writer *h);           /* accepts NULL */

#endif
