#include "net/settings.h"

#include <stdatomic.h>

static struct cat_net_settings settings = {.connections = 32, .tries = 8, .stall_timeout_ms = 20000,
                                           .memory_bytes = INT64_C(256) << 20};
static atomic_bool impatient;
static atomic_llong requests, retries, bytes_in, bytes_out;

void cat_net_configure(const struct cat_net_settings *s)
{
	const struct cat_net_settings before = settings;

	settings = *s;
	if (settings.connections < 1)
		settings.connections = before.connections;
	if (settings.tries < 1)
		settings.tries = before.tries;
	if (settings.stall_timeout_ms < 1)
		settings.stall_timeout_ms = before.stall_timeout_ms;
	if (settings.memory_bytes < 1)
		settings.memory_bytes = before.memory_bytes;
}

const struct cat_net_settings *cat_net_settings(void)
{
	return &settings;
}

void cat_net_impatient(bool on)
{
	atomic_store(&impatient, on);
}

bool cat_net_is_impatient(void)
{
	return atomic_load(&impatient);
}

struct cat_net_counts cat_net_counts(void)
{
	return (struct cat_net_counts){atomic_load(&requests), atomic_load(&retries), atomic_load(&bytes_in),
	                               atomic_load(&bytes_out)};
}

void cat_net_count(int64_t n, int64_t again, int64_t in, int64_t out)
{
	atomic_fetch_add(&requests, n);
	atomic_fetch_add(&retries, again);
	atomic_fetch_add(&bytes_in, in);
	atomic_fetch_add(&bytes_out, out);
}
