/* reply -- what is taken from replies: the lines of their heads, texts in their documents.
 *
 * Layer: net. Private to net. Nothing that a server sends is trusted: lines with control characters are passed over,
 * numbers that no reply can mean count as not said.
 * Thread rule: a reply belongs to one thread at a time.
 */
#ifndef CAT_NET_REPLY_H
#define CAT_NET_REPLY_H

#include "net/http.h"

/* Frees what R holds; it is a reply then that says nothing. */
void cat_reply_fini(struct cat_reply *r);
/* LINE[0,N) of a head, without its end. A status line begins a new head: what an earlier one said
 * ("100 Continue") is past. */
void cat_reply_line(struct cat_reply *r, const char *line, size_t n);
/* "2026-11-24T12:00:00Z", with or without fractions: seconds since 1970; 0 when it is none. */
int64_t cat_reply_time_s(const char *text);

#endif
