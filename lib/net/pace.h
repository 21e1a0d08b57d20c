/* pace -- how many requests an origin is asked at a time: fewer once it says that they are too many.
 *
 * Layer: net. Private to net. A refusal (429, 503) halves what is under way, once for all that were sent before it;
 * each 10 seconds of success add one again. Calls beyond that wait their turn, first come first served.
 * Thread rule: init aside, the caller holds LOCK; it is held while a call is begun, so that one that no longer waits
 * can be cancelled.
 */
#ifndef CAT_NET_PACE_H
#define CAT_NET_PACE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct cat_call;

struct cat_pace {
	pthread_mutex_t lock;
	int most;           /* at a time, however well it goes */
	int now;            /* as it goes */
	int running;
	unsigned epoch;     /* how often it was halved */
	int64_t changed_ms; /* when NOW was changed last */
	struct cat_call *first, *last; /* that wait */
};
void cat_pace_init(struct cat_pace *p, int most);
/* True: C begins now. False: it waits, and comes out of next. URGENT: it never waits. */
bool cat_pace_enter(struct cat_pace *p, struct cat_call *c, bool urgent);
/* C, which has begun, has ended with STATUS (0: no answer). */
void cat_pace_done(struct cat_pace *p, const struct cat_call *c, int status, int64_t now_ms);
/* The next call that begins now, or NULL. */
struct cat_call *cat_pace_next(struct cat_pace *p);
/* C waits no longer; false: it did not wait. */
bool cat_pace_leave(struct cat_pace *p, struct cat_call *c);

#endif
