/* aws_file -- ~/.aws/config and ~/.aws/credentials.
 *
 * Layer: net. Private to net. Source: "Configuration and credential file settings" of the AWS CLI.
 */
#ifndef CAT_NET_AWS_FILE_H
#define CAT_NET_AWS_FILE_H

#include "base/error.h"
#include "base/text.h"

/* Sections of settings; those of a nested block are called BLOCK.KEY. */
struct cat_aws_item {
	char *section, *key, *value;
};
struct cat_aws_file {
	struct cat_aws_item *v;
	size_t n, cap;
};
/* Adds what TEXT[0,N) says; of a setting given twice the last one counts. */
CAT_MUST_USE int cat_aws_parse(struct cat_aws_file *f, const char *text, size_t n, struct cat_error *err);
/* The same of the file at PATH; one that is not there says nothing. */
CAT_MUST_USE int cat_aws_read(struct cat_aws_file *f, const char *path, struct cat_error *err);
const char *cat_aws_get(const struct cat_aws_file *f, const char *section, const char *key); /* NULL: not there */
bool cat_aws_has(const struct cat_aws_file *f, const char *section);
void cat_aws_fini(struct cat_aws_file *f);

#endif
