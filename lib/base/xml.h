/* xml -- XML documents as a row of events; a thin cover over expat.
 *
 * Layer: base. For documents from anywhere: one that declares entities (they could blow up, or name other files) or
 * nests more than 64 deep is refused, and nothing outside of the document is ever opened.
 * Thread rule: pure functions, any thread.
 */
#ifndef CAT_BASE_XML_H
#define CAT_BASE_XML_H

#include "base/error.h"

/* Names are without prefix. All texts are UTF-8 and good during the call only. */
struct cat_xml_events {
	/* ATTRIBUTES: name, value, name, value, ..., NULL; their names as they stand. */
	void (*begin)(void *arg, const char *name, const char *const *attributes);
	void (*text)(void *arg, const char *s, size_t n); /* may come in pieces */
	void (*end)(void *arg, const char *name);
	void *arg;
};
/* The document in TEXT[0,N). CAT_E_DATA with the line when it is not well-formed or is refused; events may have come
 * before that. */
CAT_MUST_USE int cat_xml_parse(const char *text, size_t n, const struct cat_xml_events *events, struct cat_error *err);

#endif
