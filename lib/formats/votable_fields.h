/* votable_fields -- columns as the FIELD elements of a VOTable and back: name, type, unit, UCD, description.
 *
 * Layer: formats. Source: IVOA VOTable 1.4, sections 2.1 (data types), 2.2 (arrays) and 4.1 (FIELD). Types are written
 * only: whoever reads a header beside data of another format has the types from there.
 * Thread rule: pure functions, any thread.
 */
#ifndef CAT_FORMATS_VOTABLE_FIELDS_H
#define CAT_FORMATS_VOTABLE_FIELDS_H

#include "columnar/schema.h"

/* What a FIELD can say of a column: keys of field metadata. */
enum cat_votable_word {
	CAT_VOTABLE_UNIT,
	CAT_VOTABLE_UCD,
	CAT_VOTABLE_DESCRIPTION,
	CAT_VOTABLE_UTYPE,
	CAT_VOTABLE_XTYPE,
	CAT_VOTABLE_WORDS
};
const char *cat_votable_key(int word);

/* Whether any column (not: part of a nested one) has any of them. */
bool cat_votable_described(const struct cat_schema *s);
/* Appends a VOTable document whose one table has S's columns as FIELDs, in order, and no DATA. Columns of types that
 * VOTable has not are texts. Failures stick in OUT. */
void cat_votable_put(const struct cat_schema *s, struct cat_text *out);

/* A FIELD as it was read; texts NULL where it says nothing, blanks in them single ones. */
struct cat_votable_field {
	char *name;
	char *words[CAT_VOTABLE_WORDS];
};
/* The FIELDs of the first TABLE of the document TEXT[0,N), in order: *NFIELDS of them in *OUT, which the caller frees
 * with cat_votable_free. CAT_E_DATA when it is no VOTable, CAT_E_UNSUPPORTED when it is longer than 64 MiB. */
CAT_MUST_USE int cat_votable_read(const char *text, size_t n, struct cat_votable_field **out, size_t *nfields,
                                  struct cat_error *err);
void cat_votable_free(struct cat_votable_field *fields, size_t n); /* accepts NULL */

#endif
