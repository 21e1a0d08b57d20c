/* network -- how programs reach the network: one group of options, the same in every program.
 *
 * Layer: cli.
 */
#ifndef CAT_CLI_NETWORK_H
#define CAT_CLI_NETWORK_H

#include "cli/opt.h"

struct cat_network {
	const char *endpoint, *region, *profile, *addressing, *ca_file, *bearer_file;
	bool no_sign, requester_pays, offline, no_checksums, yes;
	int64_t connections, tries, timeout_s;
	int64_t cache_bytes;
};
extern const struct cat_opt cat_network_opts[];
#define CAT_NETWORK_DEFAULTS {.addressing = "auto", .connections = 32, .tries = 8, .timeout_s = 20, \
	                      .cache_bytes = INT64_C(1) << 30}

/* Hands the settings to net. TEMP_DIR: for what can only be read whole; MEMORY_BYTES: the budget of the process. */
void cat_network_configure(const struct cat_network *n, const char *temp_dir, int64_t memory_bytes);
/* Asks whoever sits at the terminal before so many bytes are fetched, when they are many; CAT_E_NO when the answer is no.
 * Nobody sits there, or --yes was given: CAT_OK. */
CAT_MUST_USE int cat_network_ask(const struct cat_network *n, const char *name, int64_t bytes, struct cat_error *err);
/* "12 requests, 1 of them again, 345,678 bytes in, 0 out"; false when nothing was asked. */
bool cat_network_summary(char *out, size_t size);

#endif
