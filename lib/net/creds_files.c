/* Keys from ~/.aws: static ones, those of a program, those of a role. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/child.h"
#include "base/json.h"
#include "net/creds_sources.h"

#define MAX_CHAIN 8 /* roles taken on from roles */
#define PROCESS_TIMEOUT_MS 60000

/* Moves the items of FROM to the end of TO, their sections behind PREFIX. */
static int append(struct cat_aws_file *to, struct cat_aws_file *from, const char *prefix, struct cat_error *err)
{
	for (size_t i = 0; i < from->n; i++) {
		struct cat_text section = {.max = 1 << 16};
		/* "[profile name]" in the one is "[name]" in the other. */
		const char *name = from->v[i].section;
		size_t n;

		if (strncmp(name, "profile ", 8) == 0)
			name += 8 + strspn(name + 8, " \t");
		/* [profile "with blanks"] */
		n = strlen(name);
		if (n >= 2 && (name[0] == '"' || name[0] == '\'') && name[n - 1] == name[0]) {
			name++;
			n -= 2;
		}
		cat_text_addf(&section, "%s%.*s", prefix, (int)n, name);
		CAT_TRY(cat_text_check(&section, err));
		cat_free(from->v[i].section);
		from->v[i].section = section.s;
		if (cat_grow(&to->v, &to->cap, to->n, sizeof *to->v) != 0)
			return cat_fail_mem(err, to->cap * sizeof *to->v);
		to->v[to->n++] = from->v[i];
		from->v[i] = (struct cat_aws_item){NULL, NULL, NULL};
	}
	return CAT_OK;
}

static int read_one(struct cat_aws_file *f, const char *variable, const char *name, const char *prefix,
                    struct cat_error *err)
{
	const char *given = cat_creds_env(variable), *home = cat_creds_env("HOME");
	struct cat_aws_file one = {0};
	char path[1024];
	int rc;

	if (!given && !home)
		return CAT_OK;
	if ((size_t)snprintf(path, sizeof path, "%s%s%s", given ? given : home, given ? "" : "/.aws/", given ? "" : name) >=
	    sizeof path)
		return cat_fail(err, CAT_E_CONFIG, "the name of ~/.aws/%s is too long", name);
	rc = cat_aws_read(&one, path, err);
	if (rc == CAT_OK)
		rc = append(f, &one, prefix, err);
	cat_aws_fini(&one);
	return rc;
}

int cat_creds_files(struct cat_aws_file *f, struct cat_error *err)
{
	CAT_TRY(read_one(f, "AWS_CONFIG_FILE", "config", "config ", err));
	return read_one(f, "AWS_SHARED_CREDENTIALS_FILE", "credentials", "credentials ", err);
}

static const char *const files[] = {"credentials", "config"};

/* Of one of the files. */
static const char *file_get(const struct cat_aws_file *f, int file, const char *profile, const char *key)
{
	struct cat_text section = {.max = 1 << 16};
	const char *v;

	cat_text_addf(&section, "%s %s", files[file], profile);
	v = section.s ? cat_aws_get(f, section.s, key) : NULL;
	cat_text_fini(&section);
	return v;
}

const char *cat_creds_profile_get(const struct cat_aws_file *f, const char *profile, const char *key)
{
	const char *v = file_get(f, 0, profile, key);

	return v ? v : file_get(f, 1, profile, key);
}

int cat_creds_json(const char *text, size_t n, const char *token_member, struct cat_creds **out,
                   struct cat_error *err)
{
	char *key = cat_json_member(text, n, "AccessKeyId"), *secret = cat_json_member(text, n, "SecretAccessKey");
	char *token = cat_json_member(text, n, token_member), *expires = cat_json_member(text, n, "Expiration");

	return cat_creds_of_answer(key, secret, token, expires, out, err);
}

static int from_process(const char *line, struct cat_creds **out, struct cat_error *err)
{
	struct cat_buf *answer = NULL;
	char **words;
	int rc;

	CAT_TRY(cat_child_words(line, &words, err));
	rc = cat_child_output(words, 1 << 20, PROCESS_TIMEOUT_MS, &answer, err);
	cat_free(words);
	if (rc == CAT_OK)
		rc = cat_creds_json((const char *)answer->data, answer->size, "SessionToken", out, err);
	if (answer)
		memset(answer->data, 0, answer->size);
	cat_buf_unref(answer);
	return rc == CAT_OK ? rc : cat_wrap(err, "credential_process");
}

/* Keys that a profile names itself. */
static int own_keys(const struct cat_aws_file *f, const char *profile, struct cat_creds **out, struct cat_error *err)
{
	const char *process = cat_creds_profile_get(f, profile, "credential_process");

	/* Each file by itself: a token of the one does not belong to the keys of the other. */
	for (int i = 0; i < 2; i++) {
		const char *key = file_get(f, i, profile, "aws_access_key_id");
		const char *secret = file_get(f, i, profile, "aws_secret_access_key");

		if (key && secret)
			return cat_creds_new(key, secret, file_get(f, i, profile, "aws_session_token"), 0, out, err);
	}
	return process ? from_process(process, out, err) : CAT_OK;
}

static int from_source(const char *source, struct cat_creds **out, struct cat_error *err)
{
	if (strcmp(source, "Environment") == 0)
		return cat_creds_from_environment(out, err);
	if (strcmp(source, "EcsContainer") == 0)
		return cat_creds_container(out, err);
	if (strcmp(source, "Ec2InstanceMetadata") == 0)
		return cat_creds_instance(out, err);
	return cat_fail(err, CAT_E_CONFIG, "credential_source '%s' is not known", source);
}

/* Ways to sign in that ask a person, in a browser or for a number: Amazon's own tool has to do that. */
static int refuse(const char *profile, const char *how, struct cat_error *err)
{
	cat_fail(err, CAT_E_UNSUPPORTED, "profile '%s' signs in by %s, which catpipe does not", profile, how);
	return cat_hint(err, "eval \"$(aws configure export-credentials --profile '%s' --format env)\"", profile);
}

static int follow(const struct cat_aws_file *f, const char *profile, int depth, struct cat_creds **out,
                  struct cat_error *err)
{
	const char *role = cat_creds_profile_get(f, profile, "role_arn");
	const char *from = cat_creds_profile_get(f, profile, "source_profile");
	const char *source = cat_creds_profile_get(f, profile, "credential_source");
	const char *token_file = cat_creds_profile_get(f, profile, "web_identity_token_file");
	const char *session = cat_creds_profile_get(f, profile, "role_session_name");
	const char *region = cat_creds_profile_get(f, profile, "region");
	struct cat_creds *base = NULL;
	int rc;

	if (depth == MAX_CHAIN)
		return cat_fail(err, CAT_E_CONFIG, "source_profile leads in circles");
	if (!role) {
		CAT_TRY(own_keys(f, profile, out, err));
		if (!*out && (cat_creds_profile_get(f, profile, "sso_session") ||
		              cat_creds_profile_get(f, profile, "sso_start_url")))
			return refuse(profile, "SSO", err);
		return !*out && cat_creds_profile_get(f, profile, "login_session") ? refuse(profile, "aws login", err) : CAT_OK;
	}
	if (cat_creds_profile_get(f, profile, "mfa_serial"))
		return refuse(profile, "MFA", err);
	region = region ? region : cat_creds_region();
	if (token_file)
		return cat_creds_web_identity(token_file, role, session, region, out, err);
	if (from && strcmp(from, profile) == 0)
		rc = own_keys(f, profile, &base, err);
	else if (from)
		rc = follow(f, from, depth + 1, &base, err);
	else if (source)
		rc = from_source(source, &base, err);
	else
		rc = own_keys(f, profile, &base, err);
	if (rc == CAT_OK && !base)
		rc = cat_fail(err, CAT_E_CONFIG, "no keys to take on its role with");
	if (rc == CAT_OK)
		rc = cat_creds_assume(base, role, session, cat_creds_profile_get(f, profile, "external_id"), region, out, err);
	cat_creds_unref(base);
	return rc;
}

int cat_creds_from_profile(const struct cat_aws_file *f, const char *profile, struct cat_creds **out,
                           struct cat_error *err)
{
	*out = NULL;
	if (follow(f, profile, 0, out, err) != CAT_OK)
		return cat_wrap(err, "profile '%s'", profile);
	return CAT_OK;
}
