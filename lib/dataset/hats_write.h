/* hats_write -- a HATS catalogue on its way to the disk.
 *
 * Layer: dataset. Everything is written into a hidden folder beside the final one, which appears by one rename
 * at commit. Source: HATS 1.0 (IVOA note); the checklist that LSDB's reader sets.
 */
#ifndef CAT_DATASET_HATS_WRITE_H
#define CAT_DATASET_HATS_WRITE_H

#include "columnar/pump.h"
#include "dataset/hats.h"

struct cat_hats_write_options {
	bool overwrite;      /* a catalogue that is there is replaced */
	int64_t level;       /* zstd */
	const char *ra, *dec; /* names of the position columns */
	const char *created; /* "YYYY-MM-DDTHH:MMUTC", or NULL: no date */
};
struct cat_hats_writer;

/* SCHEMA is the leaves', _healpix_29 first. PATH must not exist, or be empty, or be a catalogue and overwrite
 * set: else CAT_E_CREATE. */
CAT_MUST_USE int cat_hats_writer_new(const char *path, struct cat_schema *schema,
                                     const struct cat_hats_write_options *o, struct cat_hats_writer **out,
                                     struct cat_error *err);
/* A leaf as an encoder and its file's writer, to be filled by the caller on any thread; the leaf's file is
 * complete when W is committed. */
CAT_MUST_USE int cat_hats_leaf_open(struct cat_hats_writer *h, const struct cat_hats_part *p,
                                    struct cat_encoder **e, struct cat_writer **w, struct cat_error *err);
/* Notes a complete leaf; in depth-first order, serial. E is the leaf's encoder after its tail. */
CAT_MUST_USE int cat_hats_leaf_done(struct cat_hats_writer *h, const struct cat_hats_part *p,
                                    struct cat_encoder *e, int64_t rows, int64_t bytes, struct cat_error *err);
/* Writes the metadata and makes the catalogue visible. */
CAT_MUST_USE int cat_hats_commit(struct cat_hats_writer *h, struct cat_error *err);
/* Without a commit before it everything is removed. Accepts NULL. */
void cat_hats_writer_free(struct cat_hats_writer *h);

#endif
