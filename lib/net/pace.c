#include "net/pace.h"

#include "net/origin.h"

#define MORE_AFTER_MS 10000

void cat_pace_init(struct cat_pace *p, int most)
{
	*p = (struct cat_pace){.most = most, .now = most};
	pthread_mutex_init(&p->lock, NULL);
}

static void begin(struct cat_pace *p, struct cat_call *c)
{
	p->running++;
	c->state->epoch = p->epoch;
}

bool cat_pace_enter(struct cat_pace *p, struct cat_call *c, bool urgent)
{
	if (urgent || (!p->first && p->running < p->now)) {
		begin(p, c);
		return true;
	}
	c->state->waits = true;
	c->state->behind = NULL;
	if (p->last)
		p->last->state->behind = c;
	else
		p->first = c;
	p->last = c;
	return false;
}

void cat_pace_done(struct cat_pace *p, const struct cat_call *c, int status, int64_t now_ms)
{
	if (status == 429 || status == 503) {
		/* Those that were under way together are refused together: that is one refusal. */
		if (c->state->epoch == p->epoch) {
			const int under_way = p->running < p->now ? p->running : p->now;

			p->now = under_way > 1 ? under_way / 2 : 1;
			p->epoch++;
		}
		p->changed_ms = now_ms;
	} else if (status >= 200 && status < 300 && p->now < p->most && now_ms - p->changed_ms >= MORE_AFTER_MS) {
		p->now++;
		p->changed_ms = now_ms;
	}
	p->running--;
}

struct cat_call *cat_pace_next(struct cat_pace *p)
{
	struct cat_call *c = p->running < p->now ? p->first : NULL;

	if (!c || !cat_pace_leave(p, c))
		return NULL;
	begin(p, c);
	return c;
}

bool cat_pace_leave(struct cat_pace *p, struct cat_call *c)
{
	struct cat_call *before = NULL;

	if (!c->state->waits)
		return false;
	for (struct cat_call *at = p->first; at != c; at = at->state->behind)
		before = at;
	if (before)
		before->state->behind = c->state->behind;
	else
		p->first = c->state->behind;
	if (p->last == c)
		p->last = before;
	c->state->waits = false;
	return true;
}
