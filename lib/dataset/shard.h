/* shard -- one contiguous part of a feed, balanced by compressed bytes, cut between its pieces.
 *
 * Layer: dataset. Product.md 2.10: the N parts one after the other are the whole.
 */
#ifndef CAT_DATASET_SHARD_H
#define CAT_DATASET_SHARD_H

#include "columnar/pump.h"

/* Part K (from 0) of N of FEED, whose pieces must be known before reading (feed->sharded). Takes over FEED,
 * also on failure. */
CAT_MUST_USE int cat_shard_feed(struct cat_feed *feed, int64_t k, int64_t n, struct cat_feed **out,
                                struct cat_error *err);

#endif
