/* main -- what every program does around its run function: start, parse, report, exit status.
 *
 * Layer: cli. The only place that reads argv and the environment and that ends the process.
 */
#ifndef CAT_CLI_MAIN_H
#define CAT_CLI_MAIN_H

#include "cli/network.h"
#include "cli/opt.h"

/* Resources and talk: the same options in every program. */
struct cat_resources {
	int64_t jobs;
	int64_t memory_bytes;
	const char *temp_dir;
	bool quiet;
	int verbose;
	const char *progress; /* auto, on, off */
	struct cat_network net;
};
extern const struct cat_opt cat_resource_opts[];
#define CAT_RESOURCE_DEFAULTS {.progress = "auto", .net = CAT_NETWORK_DEFAULTS}

/* Fills in -j, -m and -T from the environment (CATPIPE_JOBS, CATPIPE_MEMORY, CATPIPE_TEMP_DIR, TMPDIR), the
 * user's and the site's configuration, else from what the process may use: product.md 2.11. */
void cat_resources_prepare(struct cat_resources *r);
/* Where the value of a setting came from ("cgroup", "CATPIPE_JOBS", "~/.config/catpipe/config", ...); KEY is
 * jobs, memory, temp-dir, cache, tables, registry or sesame. VALUE receives it as text. */
const char *cat_setting(const char *key, char *value, size_t size);

/* A line on stderr, "program: ...", when -v was given. */
CAT_PRINTF(2, 3) void cat_note(const struct cat_resources *r, const char *fmt, ...);
/* A warning, unless -q. */
CAT_PRINTF(2, 3) void cat_warn(const struct cat_resources *r, const char *fmt, ...);
/* Standard output, checked: for programs that report. */
CAT_MUST_USE int cat_print(const struct cat_text *t, struct cat_error *err);

/* Runs the command and returns the exit status. */
int cat_main(const struct cat_cmd *cmd, int argc, char **argv);

#define CAT_MAIN(cmd)                                \
	int main(int argc, char **argv)              \
	{                                            \
		return cat_main(&(cmd), argc, argv); \
	}

#endif
