#include "dataset/shard.h"

#include "base/alloc.h"

struct shard_feed {
	struct cat_feed base;
	struct cat_feed *feed;
	struct cat_work **works; /* all pieces of the feed: metadata only */
	size_t nworks, cap;
	size_t at, end;
};

static int64_t weight(const struct cat_work *w)
{
	return w->bytes > 0 ? w->bytes : w->nrows > 0 ? w->nrows : 1;
}

static int collect(struct shard_feed *s, struct cat_error *err)
{
	for (;;) {
		struct cat_work *w;

		CAT_TRY(s->feed->ops->next(s->feed, &w, err));
		if (!w)
			return CAT_OK;
		if (cat_grow(&s->works, &s->cap, s->nworks, sizeof(struct cat_work *)) != 0) {
			cat_work_free(w);
			return cat_fail_mem(err, s->cap * sizeof(struct cat_work *));
		}
		s->works[s->nworks++] = w;
	}
}

/* A piece belongs to the part in which its middle byte falls: every piece to exactly one. */
static void cut(struct shard_feed *s, int64_t k, int64_t n)
{
	double total = 0, before = 0;

	for (size_t i = 0; i < s->nworks; i++)
		total += (double)weight(s->works[i]);
	s->at = s->nworks;
	s->end = s->nworks;
	s->base.nrows = 0;
	for (size_t i = 0; i < s->nworks; i++) {
		const double middle = before + (double)weight(s->works[i]) / 2;
		int64_t part = (int64_t)(middle / total * (double)n);

		part = part < n ? part : n - 1;
		if (part == k && s->at == s->nworks)
			s->at = i;
		if (part > k && s->end == s->nworks)
			s->end = i;
		if (part == k && s->base.nrows >= 0)
			s->base.nrows = s->works[i]->nrows < 0 ? -1 : s->base.nrows + s->works[i]->nrows;
		before += (double)weight(s->works[i]);
	}
	if (s->at > s->end)
		s->at = s->end;
}

static int shard_next(struct cat_feed *f, struct cat_work **out, struct cat_error *err)
{
	struct shard_feed *s = (struct shard_feed *)f;

	(void)err;
	*out = NULL;
	if (s->at < s->end) {
		*out = s->works[s->at];
		s->works[s->at++] = NULL;
	}
	return CAT_OK;
}

static void shard_close(struct cat_feed *f)
{
	struct shard_feed *s = (struct shard_feed *)f;

	for (size_t i = 0; i < s->nworks; i++)
		cat_work_free(s->works[i]);
	cat_free(s->works);
	cat_feed_close(s->feed);
	cat_free(s);
}

static const struct cat_feed_ops shard_ops = {shard_next, shard_close};

int cat_shard_feed(struct cat_feed *feed, int64_t k, int64_t n, struct cat_feed **out, struct cat_error *err)
{
	struct shard_feed *s = cat_calloc(1, sizeof *s);
	int rc;

	if (!s) {
		cat_feed_close(feed);
		return cat_fail_mem(err, sizeof *s);
	}
	s->base.ops = &shard_ops;
	s->base.schema = feed->schema;
	s->base.sharded = true;
	s->base.far = feed->far;
	s->base.bytes = feed->bytes / n;
	s->base.note = feed->note;
	s->feed = feed;
	rc = collect(s, err);
	if (rc != CAT_OK) {
		shard_close(&s->base);
		return rc;
	}
	cut(s, k, n);
	*out = &s->base;
	return CAT_OK;
}
