/* ask -- a question to a web service whose answer says itself where it ends.
 *
 * Layer: net. Thread rule: any thread.
 */
#ifndef CAT_NET_ASK_H
#define CAT_NET_ASK_H

#include "base/buf.h"

/* The answer of at most MAX bytes to GET URL. Where the server tells neither its length nor its end, all that came: the
 * caller checks that it is whole, by its last element. Codes as of cat_call_finish. */
CAT_MUST_USE int cat_ask(const char *url, size_t max, struct cat_buf **out, struct cat_error *err);

/* Events of the elements of an answer in XML, names without prefix. TEXT may come in pieces. */
struct cat_answer_events {
	void (*begin)(void *arg, const char *name);
	void (*text)(void *arg, const char *s, size_t n);
	void (*end)(void *arg, const char *name);
	void *arg;
};
/* CAT_E_PROTOCOL when DOC is no whole XML document with the element ROOT outermost. */
CAT_MUST_USE int cat_answer_read(const struct cat_buf *doc, const char *root, const struct cat_answer_events *events,
                                 struct cat_error *err);

#endif
