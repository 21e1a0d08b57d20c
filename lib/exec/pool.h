/* pool -- workers, and queues whose results come out in the order in which jobs went in.
 *
 * Layer: exec. One pool per process; any number of ordered queues on it, each used by one thread at a time
 * (the caller). A pool of one processor has no threads: jobs run when they are taken, same code path.
 * While it waits in take, the caller runs queued jobs itself.
 */
#ifndef CAT_EXEC_POOL_H
#define CAT_EXEC_POOL_H

#include <stdbool.h>

#include "base/error.h"

struct cat_pool;
struct cat_ordered;

/* JOBS >= 1: so many threads work, the caller's included. If a thread cannot be started, fewer do. */
CAT_MUST_USE int cat_pool_new(int jobs, struct cat_pool **out, struct cat_error *err);
void cat_pool_free(struct cat_pool *p); /* all queues were freed before; accepts NULL */
int cat_pool_jobs(const struct cat_pool *p);

/* RUN works on one job's argument, on any thread; FREE disposes of arguments that were never taken (failure,
 * early end). At most WINDOW jobs are in flight. */
CAT_MUST_USE int cat_ordered_new(struct cat_pool *p, int window, int (*run)(void *arg, struct cat_error *err),
                                 void (*free_arg)(void *arg), struct cat_ordered **out, struct cat_error *err);
/* No further submit before the next take. */
bool cat_ordered_full(const struct cat_ordered *q);
bool cat_ordered_empty(const struct cat_ordered *q);
/* Hands ARG over; the queue must not be full. */
void cat_ordered_submit(struct cat_ordered *q, void *arg);
/* The oldest job's argument when it is done; *ARG NULL when none is in flight. A job's failure surfaces here,
 * at its place in the order (its argument is then freed). */
CAT_MUST_USE int cat_ordered_take(struct cat_ordered *q, void **arg, struct cat_error *err);
/* Waits for jobs under way, frees what was not taken. Accepts NULL. */
void cat_ordered_free(struct cat_ordered *q);

#endif
