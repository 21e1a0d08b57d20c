#include "storage/checksum.h"

#include <string.h>

#include "net/engine.h"
#include "net/s3.h"
#include "net/sigv4.h"
#include "net/url.h"

static bool is_md5(const char *etag)
{
	return strlen(etag) == 34 && etag[0] == '"' && etag[33] == '"' &&
	       strspn(etag + 1, "0123456789abcdef") == 32;
}

int cat_checksum_check(const char *name, const struct cat_buf *whole, enum cat_checksum *out, struct cat_error *err)
{
	const struct cat_net_engine *e;
	struct cat_s3_info info = {0};
	struct cat_url url;
	uint8_t digest[32];
	char text[65];
	int rc;

	*out = CAT_CHECKSUM_NONE;
	if (!cat_url_is(name))
		return CAT_OK;
	CAT_TRY(cat_url_parse(name, &url, err));
	rc = url.is_s3 ? cat_s3_head(&url, name, &info, err) : CAT_OK;
	cat_url_fini(&url);
	CAT_TRY(rc);
	CAT_TRY(cat_net_engine(&e, err));
	if (info.sha256[0] && !strchr(info.sha256, '-')) {
		e->sha256(whole->data, whole->size, digest);
		cat_base64(digest, 32, text);
		*out = strcmp(text, info.sha256) == 0 ? CAT_CHECKSUM_RIGHT : CAT_CHECKSUM_WRONG;
	} else if (is_md5(info.etag)) {
		e->md5(whole->data, whole->size, digest);
		cat_hex(digest, 16, text);
		*out = strncmp(text, info.etag + 1, 32) == 0 ? CAT_CHECKSUM_RIGHT : CAT_CHECKSUM_WRONG;
	} else if (info.crc[0] && !strchr(info.crc, '-')) {
		const uint64_t crc = cat_crc_add(info.crc_kind, 0, whole->data, whole->size);

		cat_base64(digest, cat_crc_bytes(info.crc_kind, crc, digest), text);
		*out = strcmp(text, info.crc) == 0 ? CAT_CHECKSUM_RIGHT : CAT_CHECKSUM_WRONG;
	}
	return CAT_OK;
}
