/* colmeta -- what other tools say of columns in the metadata of a whole table, and when it still holds.
 *
 * Layer: formats. VOParquet (IVOA Note "Parquet in the VO" 1.0, section 2): the value of
 * IVOA.VOTable-Parquet.content is a VOTable without DATA whose Nth FIELD is the Nth column. HATS has more FIELDs in it,
 * "lc.mag" for a part of column lc. astropy: table_meta_yaml, YAML with a list of columns under "datatype".
 * Thread rule: pure functions, any thread.
 */
#ifndef CAT_FORMATS_COLMETA_H
#define CAT_FORMATS_COLMETA_H

#include "columnar/schema.h"

#define CAT_COLMETA_VERSION "IVOA.VOTable-Parquet.version"
#define CAT_COLMETA_CONTENT "IVOA.VOTable-Parquet.content"
#define CAT_COLMETA_ASTROPY "table_meta_yaml"

/* Gives the fields of S, which is not shared yet, unit, UCD, description and the like where they have none: of the
 * VOTable in S's metadata first, then of astropy's YAML. The VOTable's keys are taken out: writers make them anew. What
 * cannot be read changes nothing; then *NOTE, which the caller frees, says why, else it is NULL. */
CAT_MUST_USE int cat_colmeta_take(struct cat_schema *s, char **note, struct cat_error *err);
/* Takes out of the metadata of S, which is not shared yet, what would be wrong beside its columns: a VOTable, and
 * astropy's YAML unless it names just these columns and says of them what they say. */
CAT_MUST_USE int cat_colmeta_settle(struct cat_schema *s, struct cat_error *err);

#endif
