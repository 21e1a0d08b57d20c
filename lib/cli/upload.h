/* upload -- what cat-upload is asked to do: its plan as text or JSON, what it costs, and doing it.
 *
 * Layer: cli.
 */
#ifndef CAT_CLI_UPLOAD_H
#define CAT_CLI_UPLOAD_H

#include "cli/main.h"

/* How objects are stored: as S3 calls it; NULL: the bucket's defaults. */
struct cat_storing {
	const char *content_type, *storage_class, *sse, *kms_key, *acl, *tags;
};
extern const struct cat_opt cat_storing_opts[];

struct cat_upload_settings {
	struct cat_resources res;
	struct cat_storing storing;
	bool plan, json, remove, create, no_verify, unsafe;
	const char *if_match, *release, *rollback;
};
/* The operands are SRC... DST. */
CAT_MUST_USE int cat_upload_command(const struct cat_upload_settings *s, int argc, char **argv, struct cat_error *err);

#endif
