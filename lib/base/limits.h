/* limits -- what this process may use: processors and memory, by affinity and control groups.
 *
 * Layer: base. The Linux-only calls stand here, with a POSIX answer beside each.
 */
#ifndef CAT_BASE_LIMITS_H
#define CAT_BASE_LIMITS_H

#include <stdint.h>

struct cat_limit {
	int64_t value;
	const char *from; /* "affinity", "cgroup", "machine" */
};
/* Processors: the smaller of the affinity mask and the cgroup quota (v1, v2), rounded up; at least 1. */
struct cat_limit cat_limit_cpus(void);
/* Bytes: the smaller of the cgroup's limit (v1, v2, any ancestor) and the machine's memory. */
struct cat_limit cat_limit_memory(void);
/* Peak resident bytes of this process so far. */
int64_t cat_peak_rss(void);

#endif
