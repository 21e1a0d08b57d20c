#include "cli/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli/main.h"
#include "dataset/registry.h"
#include "dataset/sesame.h"
#include "dataset/vo.h"
#include "net/settings.h"
#include "storage/cache.h"
#include "storage/keep.h"

static const char *const addressing_words[] = {"auto", "path", "virtual", NULL};

#define AT(f) .off = offsetof(struct cat_network, f)

const struct cat_opt cat_network_opts[] = {
	{.name = "endpoint", .type = CAT_OPT_STRING, AT(endpoint), .arg = "URL",
	 .help = "S3 server other than Amazon's", .rare = true},
	{.name = "region", .type = CAT_OPT_STRING, AT(region), .arg = "NAME", .help = "region of the bucket",
	 .rare = true},
	{.name = "profile", .type = CAT_OPT_STRING, AT(profile), .arg = "NAME", .help = "profile in ~/.aws/config",
	 .rare = true},
	{.name = "no-sign", .type = CAT_OPT_FLAG, AT(no_sign), .help = "anonymous: for public buckets", .rare = true},
	{.name = "requester-pays", .type = CAT_OPT_FLAG, AT(requester_pays), .help = "pay for what is read",
	 .rare = true},
	{.name = "addressing", .type = CAT_OPT_ENUM, AT(addressing), .arg = "HOW",
	 .help = "of buckets: auto, path, virtual", .choices = addressing_words, .rare = true},
	{.name = "bearer-file", .type = CAT_OPT_STRING, AT(bearer_file), .arg = "FILE",
	 .help = "holds the token for https://", .rare = true},
	{.name = "ca-file", .type = CAT_OPT_STRING, AT(ca_file), .arg = "FILE",
	 .help = "certificates to trust", .rare = true},
	{.name = "offline", .type = CAT_OPT_FLAG, AT(offline), .help = "ask nothing of the network", .rare = true},
	{.name = "cache", .type = CAT_OPT_BYTES, AT(cache_bytes), .arg = "SIZE",
	 .help = "keep what comes, on disk; 0: nothing", .rare = true},
	{.name = "no-checksums", .type = CAT_OPT_FLAG, AT(no_checksums),
	 .help = "for S3 servers that refuse them", .rare = true},
	{.name = "yes", .type = CAT_OPT_FLAG, AT(yes), .help = "do not ask before a large scan", .rare = true},
	{.name = "connections", .type = CAT_OPT_INT, AT(connections), .arg = "N", .help = "at a time to one host",
	 .min = 1, .max = 1024, .rare = true},
	{.name = "tries", .type = CAT_OPT_INT, AT(tries), .arg = "N", .help = "of one request", .min = 1, .max = 100,
	 .rare = true},
	{.name = "timeout", .type = CAT_OPT_INT, AT(timeout_s), .arg = "SECONDS", .help = "without a byte",
	 .min = 1, .max = 3600, .rare = true},
	{0},
};

static const char *environment(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

/* Ranges go into the folder of caches, at most a tenth of what is free there; what was asked of services beside them. */
static void configure_cache(int64_t max_bytes)
{
	static char dir[2048], kept[1024];
	char caches[1024];
	struct statvfs fs;

	cat_setting("cache", caches, sizeof caches);
	snprintf(dir, sizeof dir, "%s/ranges", caches);
	snprintf(kept, sizeof kept, "%s", caches);
	cat_keep_configure(max_bytes > 0 ? kept : NULL);
	/* The folder may be to be made yet: then what is free is seen next time. */
	if (statvfs(caches, &fs) == 0 && (int64_t)(fs.f_bavail / 10 * fs.f_frsize) < max_bytes)
		max_bytes = (int64_t)(fs.f_bavail / 10 * fs.f_frsize);
	cat_cache_configure(dir, max_bytes);
}

/* Where names are looked up: of tables, of services, of objects. */
static void configure_names(void)
{
	static char tables[4096], registry[1024], sesame[1024];

	cat_setting("tables", tables, sizeof tables);
	cat_registry_configure(tables);
	cat_setting("registry", registry, sizeof registry);
	cat_vo_configure(registry);
	cat_setting("sesame", sesame, sizeof sesame);
	cat_sesame_configure(sesame);
}

void cat_network_configure(const struct cat_network *n, const char *temp_dir, int64_t memory_bytes)
{
	const char *ca_file = n->ca_file ? n->ca_file : environment("AWS_CA_BUNDLE");
	const char *no_sign = environment("AWS_NO_SIGN_REQUEST");

	configure_cache(n->cache_bytes);
	configure_names();
	cat_net_configure(&(struct cat_net_settings){
		.endpoint = n->endpoint,
		.region = n->region,
		.profile = n->profile,
		.addressing = n->addressing,
		.ca_file = ca_file ? ca_file : environment("SSL_CERT_FILE"),
		.bearer_file = n->bearer_file,
		.temp_dir = temp_dir,
		.anonymous = n->no_sign || (no_sign && cat_equal_nocase(no_sign, "true")),
		.requester_pays = n->requester_pays,
		.offline = n->offline,
		.no_checksums = n->no_checksums,
		.connections = (int)n->connections,
		.tries = (int)n->tries,
		.stall_timeout_ms = (int)n->timeout_s * 1000,
		.memory_bytes = memory_bytes / 4,
	});
}

#define MANY_BYTES (INT64_C(10) << 30)
#define LINK_BYTES_PER_S 12.5e6  /* 100 Mbit/s */
#define DOLLARS_PER_GB 0.09      /* S3 to the internet, first 10 TB a month, 2026 */

int cat_network_ask(const struct cat_network *n, const char *name, int64_t bytes, struct cat_error *err)
{
	char line[400], answer[16] = "";
	ssize_t got;

	if (n->yes || bytes < MANY_BYTES || !isatty(0) || !isatty(2))
		return CAT_OK;
	snprintf(line, sizeof line, "%.100s: all of it, %.1f GB: %.0f minutes at 100 Mbit/s, $%.2f if it comes from S3. "
	         "--cone, -w or -n would take less. Go on? [y/N] ", name, (double)bytes / 1e9,
	         (double)bytes / LINK_BYTES_PER_S / 60, (double)bytes / 1e9 * DOLLARS_PER_GB);
	(void)!write(2, line, strlen(line));
	got = read(0, answer, sizeof answer - 1);
	if (got > 0 && (answer[0] == 'y' || answer[0] == 'Y'))
		return CAT_OK;
	return cat_fail(err, CAT_E_NO, "%s was not read", name);
}

bool cat_network_summary(char *out, size_t size)
{
	const struct cat_net_counts c = cat_net_counts();

	snprintf(out, size, "%lld requests, %lld of them again, %lld bytes in, %lld out", (long long)c.requests,
	         (long long)c.retries, (long long)c.bytes_in, (long long)c.bytes_out);
	return c.requests > 0;
}
