/* vo -- services of catalogues in the Virtual Observatory's registry.
 *
 * Layer: dataset. Source: IVOA RegTAP 1.1 (tables rr.resource, rr.capability, rr.interface; function ivo_hasword) by the
 * synchronous queries of TAP 1.1. Answers are kept for a day, and used when they are older if none can be had.
 * Thread rule: configure first; the rest from any thread.
 */
#ifndef CAT_DATASET_VO_H
#define CAT_DATASET_VO_H

#include "base/buf.h"
#include "base/text.h"

#define CAT_VO_REGISTRY "http://reg.g-vo.org/tap"

/* URL (the caller's, for the life of the process): a TAP service with the registry's tables. */
void cat_vo_configure(const char *url);

struct cat_vo_service {
	const char *id;     /* ivo://cds.vizier/i/355 */
	const char *name;   /* short; may be empty */
	const char *title;
	const char *kind;   /* the standard it follows: ivo://ivoa.net/std/conesearch */
	const char *url;
};
/* Calls EACH on services of catalogues (cone searches, TAP) whose title or description has all N words, at most MAX of
 * them, until it fails. */
CAT_MUST_USE int cat_vo_search(char *const *words, int n, int max,
                               int (*each)(void *arg, const struct cat_vo_service *s, struct cat_error *err), void *arg,
                               struct cat_error *err);
/* The same for an answer that came. */
CAT_MUST_USE int cat_vo_read(const struct cat_buf *answer,
                             int (*each)(void *arg, const struct cat_vo_service *s, struct cat_error *err), void *arg,
                             struct cat_error *err);

#endif
