/* creds_sources -- where keys come from. Private to net.
 *
 * Layer: net. Each source gives *OUT NULL and CAT_OK when it is not set up here; the caller asks the next one then.
 */
#ifndef CAT_NET_CREDS_SOURCES_H
#define CAT_NET_CREDS_SOURCES_H

#include "net/aws_file.h"
#include "net/creds.h"

const char *cat_creds_env(const char *name); /* NULL when not set or empty */

/* TOKEN may be NULL. One reference for the caller. */
CAT_MUST_USE int cat_creds_new(const char *access_key, const char *secret_key, const char *token, int64_t expires_s,
                               struct cat_creds **out, struct cat_error *err);
/* The same of what an answer says, each NULL when it does not; all are freed. EXPIRES: "2026-11-24T12:00:00Z". */
CAT_MUST_USE int cat_creds_of_answer(char *access_key, char *secret_key, char *token, char *expires,
                                     struct cat_creds **out, struct cat_error *err);
/* Both files of settings, sections of the configuration file under "config NAME". */
CAT_MUST_USE int cat_creds_files(struct cat_aws_file *f, struct cat_error *err);
/* Settings of PROFILE: those of the credentials file before those of the configuration file. */
const char *cat_creds_profile_get(const struct cat_aws_file *f, const char *profile, const char *key);

CAT_MUST_USE int cat_creds_from_profile(const struct cat_aws_file *f, const char *profile, struct cat_creds **out,
                                        struct cat_error *err);
CAT_MUST_USE int cat_creds_from_environment(struct cat_creds **out, struct cat_error *err);
/* TOKEN_FILE holds an identity's token, with which ROLE is taken on. */
CAT_MUST_USE int cat_creds_web_identity(const char *token_file, const char *role, const char *session,
                                        const char *region, struct cat_creds **out, struct cat_error *err);
/* ROLE taken on by who holds BASE. */
CAT_MUST_USE int cat_creds_assume(struct cat_creds *base, const char *role, const char *session,
                                  const char *external_id, const char *region, struct cat_creds **out,
                                  struct cat_error *err);
/* Of the container or pod this runs in. */
CAT_MUST_USE int cat_creds_container(struct cat_creds **out, struct cat_error *err);
/* Of the machine this runs on: EC2's instance metadata, version 2. */
CAT_MUST_USE int cat_creds_instance(struct cat_creds **out, struct cat_error *err);
/* The keys in a JSON document of services and of credential_process. */
CAT_MUST_USE int cat_creds_json(const char *text, size_t n, const char *token_member, struct cat_creds **out,
                                struct cat_error *err);

#endif
