#include "exec/pool.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "base/alloc.h"

enum state { WAITING, RUNNING, DONE };

struct slot {
	void *arg;
	enum state state;
	struct cat_error err;
};

struct cat_ordered {
	struct cat_pool *pool;
	struct cat_ordered *next; /* the pool's list of queues */
	int (*run)(void *, struct cat_error *);
	void (*free_arg)(void *);
	int window;
	/* Serial numbers; slot of serial s is s % window. head <= started <= tail. */
	uint64_t head, started, tail;
	struct slot *slots;
};

struct cat_pool {
	pthread_mutex_t lock;
	pthread_cond_t work; /* something was submitted, or the pool ends */
	pthread_cond_t done; /* some job ended */
	struct cat_ordered *queues;
	bool ending;
	int jobs;
	int nthreads;
	pthread_t threads[];
};

/* Starts the oldest waiting job of Q; the lock is held, let go while the job runs, held again. */
static void run_one(struct cat_pool *p, struct cat_ordered *q)
{
	struct slot *s = &q->slots[q->started++ % (uint64_t)q->window];

	s->state = RUNNING;
	pthread_mutex_unlock(&p->lock);
	s->err.code = CAT_OK;
	q->run(s->arg, &s->err);
	pthread_mutex_lock(&p->lock);
	s->state = DONE;
	pthread_cond_broadcast(&p->done);
}

static struct cat_ordered *with_work(struct cat_pool *p)
{
	struct cat_ordered *q = p->queues;

	/* Queues made later stand nearer to the output and come first in the list: finish before starting. */
	while (q && q->started == q->tail)
		q = q->next;
	return q;
}

static void *worker(void *arg)
{
	struct cat_pool *p = arg;

	pthread_mutex_lock(&p->lock);
	while (!p->ending) {
		struct cat_ordered *q = with_work(p);

		if (q)
			run_one(p, q);
		else
			pthread_cond_wait(&p->work, &p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

int cat_pool_new(int jobs, struct cat_pool **out, struct cat_error *err)
{
	struct cat_pool *p = cat_calloc(1, sizeof *p + (size_t)jobs * sizeof(pthread_t));
	sigset_t all, old;

	if (!p)
		return cat_fail_mem(err, sizeof *p);
	p->jobs = jobs;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	pthread_cond_init(&p->done, NULL);
	/* Signals are the first thread's business. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (p->nthreads < jobs - 1 && pthread_create(&p->threads[p->nthreads], NULL, worker, p) == 0)
		p->nthreads++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	*out = p;
	return CAT_OK;
}

int cat_pool_jobs(const struct cat_pool *p)
{
	return p->jobs;
}

void cat_pool_free(struct cat_pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->ending = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	for (int i = 0; i < p->nthreads; i++)
		pthread_join(p->threads[i], NULL);
	pthread_cond_destroy(&p->work);
	pthread_cond_destroy(&p->done);
	pthread_mutex_destroy(&p->lock);
	cat_free(p);
}

int cat_ordered_new(struct cat_pool *p, int window, int (*run)(void *, struct cat_error *), void (*free_arg)(void *),
                    struct cat_ordered **out, struct cat_error *err)
{
	struct cat_ordered *q = cat_calloc(1, sizeof *q);

	if (q)
		q->slots = cat_calloc((size_t)window, sizeof *q->slots);
	if (!q || !q->slots) {
		cat_free(q);
		return cat_fail_mem(err, (size_t)window * sizeof *q->slots);
	}
	q->pool = p;
	q->run = run;
	q->free_arg = free_arg;
	q->window = window;
	pthread_mutex_lock(&p->lock);
	q->next = p->queues;
	p->queues = q;
	pthread_mutex_unlock(&p->lock);
	*out = q;
	return CAT_OK;
}

bool cat_ordered_full(const struct cat_ordered *q)
{
	return q->tail - q->head == (uint64_t)q->window;
}

bool cat_ordered_empty(const struct cat_ordered *q)
{
	return q->tail == q->head;
}

void cat_ordered_submit(struct cat_ordered *q, void *arg)
{
	struct cat_pool *p = q->pool;
	struct slot *s = &q->slots[q->tail % (uint64_t)q->window];

	pthread_mutex_lock(&p->lock);
	s->arg = arg;
	s->state = WAITING;
	q->tail++;
	pthread_cond_signal(&p->work);
	pthread_mutex_unlock(&p->lock);
}

int cat_ordered_take(struct cat_ordered *q, void **arg, struct cat_error *err)
{
	struct cat_pool *p = q->pool;
	struct slot *s = &q->slots[q->head % (uint64_t)q->window];

	*arg = NULL;
	if (cat_ordered_empty(q))
		return CAT_OK;
	pthread_mutex_lock(&p->lock);
	while (s->state != DONE) {
		struct cat_ordered *other = NULL;

		if (s->state == WAITING)
			run_one(p, q);
		else if ((other = with_work(p)) != NULL)
			run_one(p, other);
		else
			pthread_cond_wait(&p->done, &p->lock);
	}
	q->head++;
	pthread_mutex_unlock(&p->lock);
	if (s->err.code != CAT_OK) {
		*err = s->err;
		q->free_arg(s->arg);
		return (int)err->code;
	}
	*arg = s->arg;
	return CAT_OK;
}

void cat_ordered_free(struct cat_ordered *q)
{
	struct cat_pool *p;
	struct cat_ordered **at;

	if (!q)
		return;
	p = q->pool;
	pthread_mutex_lock(&p->lock);
	/* What has not begun never will; what is running must end before its argument goes. */
	for (uint64_t s = q->started; s < q->tail; s++)
		q->slots[s % (uint64_t)q->window].state = DONE;
	q->started = q->tail;
	for (uint64_t s = q->head; s < q->tail; s++)
		while (q->slots[s % (uint64_t)q->window].state != DONE)
			pthread_cond_wait(&p->done, &p->lock);
	for (at = &p->queues; *at != q; at = &(*at)->next)
		;
	*at = q->next;
	pthread_mutex_unlock(&p->lock);
	for (uint64_t s = q->head; s < q->tail; s++)
		q->free_arg(q->slots[s % (uint64_t)q->window].arg);
	cat_free(q->slots);
	cat_free(q);
}
