/* sesame -- positions of objects by name, from the CDS name resolver.
 *
 * Layer: dataset. Source: Sesame at CDS Strasbourg (https://cds.unistra.fr/cgi-bin/Sesame), XML answers of its -oxp form.
 * A position that came once is kept for good. Thread rule: configure first; the rest from any thread.
 */
#ifndef CAT_DATASET_SESAME_H
#define CAT_DATASET_SESAME_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/text.h"

#define CAT_SESAME "https://cds.unistra.fr/cgi-bin/nph-sesame"

/* BASE (the caller's, for the life of the process): the service, CAT_SESAME or one that answers as it does. */
void cat_sesame_configure(const char *base);

/* Whether S[0,N) may be a name: it has a letter, and is neither a number nor a position in any of the ways people write
 * them. What is none is never sent. */
bool cat_sesame_is_name(const char *s, size_t n);
/* Degrees, ICRS. CAT_E_NOINPUT: Sesame knows no such object; CAT_E_UNAVAIL: it cannot be asked. */
CAT_MUST_USE int cat_sesame_find(const char *s, size_t n, double *ra_deg, double *dec_deg, struct cat_error *err);
/* TEXT of a cone, "M45,2deg" becoming "RA,DEC,2deg" in OUT; any other is appended as it is. The radius is looked at
 * before anything is asked. *NAMED: it was a name. */
CAT_MUST_USE int cat_sesame_cone(const char *text, struct cat_text *out, bool *named, struct cat_error *err);

/* The position in an answer: the first resolver's that has one. CAT_E_NOINPUT: none has; CAT_E_PROTOCOL: it is no such
 * answer. */
CAT_MUST_USE int cat_sesame_read(const struct cat_buf *answer, double *ra_deg, double *dec_deg, struct cat_error *err);

#endif
