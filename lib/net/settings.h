/* settings -- how this process reaches the network, set once before the first URL is opened.
 *
 * Layer: net. Thread rule: configure before any thread but the first begins; everything else from any thread.
 */
#ifndef CAT_NET_SETTINGS_H
#define CAT_NET_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

/* Strings are the caller's and live as long as the process. NULL or zero: the default. */
struct cat_net_settings {
	const char *endpoint;    /* "http://127.0.0.1:7480": of S3, instead of Amazon's */
	const char *region;
	const char *profile;     /* in ~/.aws/config and ~/.aws/credentials */
	const char *addressing;  /* "path", "virtual" or "auto" */
	const char *ca_file;     /* certificates to trust instead of the system's */
	const char *bearer_file; /* holds the token for https:// */
	const char *temp_dir;    /* where objects go that can only be read whole */
	bool anonymous;          /* requests are not signed */
	bool requester_pays;
	bool offline;            /* nothing is asked of the network */
	bool no_checksums;       /* for servers that refuse x-amz-checksum-* */
	int connections;         /* to one host at a time */
	int tries;               /* of one request, the first included */
	int stall_timeout_ms;    /* without a byte */
	int64_t memory_bytes;    /* for what is on its way, in and out; 0: 256 MiB */
};
void cat_net_configure(const struct cat_net_settings *s);
const struct cat_net_settings *cat_net_settings(void);
/* While ON a server that has not answered anything yet is asked once and not waited for long: there are others that
 * have the same. Any thread. */
void cat_net_impatient(bool on);
bool cat_net_is_impatient(void);

/* What this process has asked for so far. */
struct cat_net_counts {
	int64_t requests; /* tries included */
	int64_t retries;
	int64_t bytes_in; /* bodies */
	int64_t bytes_out;
};
struct cat_net_counts cat_net_counts(void);
void cat_net_count(int64_t requests, int64_t retries, int64_t bytes_in, int64_t bytes_out);

#endif
