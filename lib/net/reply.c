#include "net/reply.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/alloc.h"
#include "base/xml.h"

#define MAX_LINE 16384                  /* addresses that are signed are long */
#define MAX_BYTES (INT64_MAX / 4)       /* sums of positions stay in range */
#define MAX_RETRY_AFTER_S (INT64_C(1) << 30)

/* --- the head --- */

void cat_reply_fini(struct cat_reply *r)
{
	cat_free(r->etag);
	cat_free(r->modified);
	cat_free(r->location);
	cat_free(r->region);
	cat_free(r->upload_checksum);
	cat_free(r->crc);
	cat_free(r->archived);
	*r = (struct cat_reply){.length = -1, .range_begin = -1, .range_end = -1, .range_total = -1,
	                        .retry_after_ms = -1};
}

/* "Name: value": the value, or NULL. */
static const char *value_of(const char *line, const char *name)
{
	const size_t n = strlen(name);

	if (strncasecmp(line, name, n) != 0 || line[n] != ':')
		return NULL;
	return line + n + 1 + strspn(line + n + 1, " \t");
}

static int64_t number_at(const char *s)
{
	int64_t v;

	return cat_parse_i64(s, strspn(s, "0123456789"), &v) && v <= MAX_BYTES ? v : -1;
}

static int64_t seconds_of(struct tm *tm)
{
	return tm->tm_mday >= 1 && tm->tm_mday <= 31 && tm->tm_mon >= 0 && tm->tm_mon <= 11 && tm->tm_year >= 70 ? (int64_t)timegm(tm)
	                                                                                                          : 0;
}

static int64_t http_date_s(const char *s)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm = {0};
	char month[4];
	const char *at;

	if (sscanf(s, "%*3s, %2d %3s %4d %2d:%2d:%2d", &tm.tm_mday, month, &tm.tm_year, &tm.tm_hour, &tm.tm_min,
	           &tm.tm_sec) != 6)
		return 0;
	at = strstr(months, month);
	tm.tm_mon = at && strlen(month) == 3 ? (int)(at - months) / 3 : -1;
	tm.tm_year -= 1900;
	return seconds_of(&tm);
}

int64_t cat_reply_time_s(const char *text)
{
	struct tm tm = {0};

	if (!text || sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
	                    &tm.tm_sec) != 6)
		return 0;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	return seconds_of(&tm);
}

/* "bytes 0-9/100", "bytes * / 100" without the blanks. */
static void content_range(struct cat_reply *r, const char *v)
{
	const char *slash = strchr(v, '/'), *dash = strchr(v, '-');

	r->range_begin = r->range_end = r->range_total = -1;
	if (strncasecmp(v, "bytes", 5) != 0 || !slash)
		return;
	v += 5 + strspn(v + 5, " =");
	r->range_total = slash[1] == '*' ? -1 : number_at(slash + 1);
	if (*v == '*' || !dash || dash > slash)
		return;
	r->range_begin = number_at(v);
	r->range_end = number_at(dash + 1) + 1;
	/* Nothing, or what lies beyond the end, is no range. */
	if (r->range_begin < 0 || r->range_end <= r->range_begin || (r->range_total >= 0 && r->range_end > r->range_total))
		r->range_begin = r->range_end = -1;
}

static int64_t retry_after_ms(const char *v)
{
	int64_t s = number_at(v);

	if (s < 0) {
		s = http_date_s(v);
		if (s == 0)
			return -1;
		s -= (int64_t)time(NULL);
	}
	return s < 0 ? 0 : s > MAX_RETRY_AFTER_S ? MAX_RETRY_AFTER_S * 1000 : s * 1000;
}

static void keep(char **to, const char *v)
{
	cat_free(*to);
	*to = cat_strdup(v);
}

/* One of several kinds may be told; a longer one says more. */
static void keep_crc(struct cat_reply *r, enum cat_crc kind, const char *v)
{
	if (kind < r->crc_kind)
		return;
	keep(&r->crc, v);
	r->crc_kind = r->crc ? kind : CAT_CRC_NONE;
}

static void header_line(struct cat_reply *r, const char *line)
{
	const char *v;

	if ((v = value_of(line, "content-length")) != NULL)
		r->length = number_at(v);
	else if ((v = value_of(line, "content-range")) != NULL)
		content_range(r, v);
	else if ((v = value_of(line, "transfer-encoding")) != NULL)
		r->chunked = strncasecmp(v, "chunked", 7) == 0;
	else if ((v = value_of(line, "accept-ranges")) != NULL)
		r->takes_ranges = strncasecmp(v, "bytes", 5) == 0;
	else if ((v = value_of(line, "content-encoding")) != NULL)
		r->encoded = *v && strcasecmp(v, "identity") != 0 && strcasecmp(v, "aws-chunked") != 0;
	else if ((v = value_of(line, "etag")) != NULL)
		keep(&r->etag, v);
	else if ((v = value_of(line, "last-modified")) != NULL)
		keep(&r->modified, v);
	else if ((v = value_of(line, "location")) != NULL)
		keep(&r->location, v);
	else if ((v = value_of(line, "x-amz-bucket-region")) != NULL)
		keep(&r->region, v);
	else if ((v = value_of(line, "x-amz-checksum-sha256")) != NULL)
		keep(&r->upload_checksum, v);
	else if ((v = value_of(line, "x-amz-checksum-crc32")) != NULL)
		keep_crc(r, CAT_CRC_32, v);
	else if ((v = value_of(line, "x-amz-checksum-crc32c")) != NULL)
		keep_crc(r, CAT_CRC_32C, v);
	else if ((v = value_of(line, "x-amz-checksum-crc64nvme")) != NULL)
		keep_crc(r, CAT_CRC_64NVME, v);
	else if ((v = value_of(line, "x-amz-checksum-type")) != NULL) {
		r->crc_composite = strcasecmp(v, "COMPOSITE") == 0;
		r->crc_full = strcasecmp(v, "FULL_OBJECT") == 0;
	} else if ((v = value_of(line, "x-amz-storage-class")) != NULL)
		keep(&r->archived, v);
	else if ((v = value_of(line, "date")) != NULL)
		r->date_s = http_date_s(v);
	else if ((v = value_of(line, "retry-after")) != NULL)
		r->retry_after_ms = retry_after_ms(v);
}

void cat_reply_line(struct cat_reply *r, const char *line, size_t n)
{
	char text[MAX_LINE];

	if (n >= sizeof text)
		return;
	/* What a line says may go out again in a header of ours. */
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)line[i] < ' ' && line[i] != '\t')
			return;
	memcpy(text, line, n);
	while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t'))
		n--;
	text[n] = '\0';
	if (strncmp(text, "HTTP/", 5) == 0) {
		const char *blank = strchr(text, ' ');
		const int64_t status = blank ? number_at(blank + 1) : 0;

		cat_reply_fini(r);
		r->status = status >= 100 && status <= 999 ? (int)status : 0;
		return;
	}
	header_line(r, text);
}

/* --- documents --- */

struct find {
	const char *name;
	struct cat_text text;
	int depth; /* inside the element */
	bool found;
};

static void find_begin(void *arg, const char *name, const char *const *attributes)
{
	struct find *f = arg;

	(void)attributes;
	if (f->depth > 0)
		f->depth++;
	else if (!f->found && strcmp(name, f->name) == 0)
		f->depth = 1;
}

static void find_text(void *arg, const char *s, size_t n)
{
	struct find *f = arg;

	if (f->depth == 1)
		cat_text_addn(&f->text, s, n);
}

static void find_end(void *arg, const char *name)
{
	struct find *f = arg;

	(void)name;
	if (f->depth > 0 && --f->depth == 0)
		f->found = true;
}

char *cat_xml_find(const struct cat_buf *doc, const char *name)
{
	struct find f = {.name = name, .text = {.max = 1 << 16}};
	const struct cat_xml_events events = {find_begin, find_text, find_end, &f};
	struct cat_error err;

	if (!doc || cat_xml_parse((const char *)doc->data, doc->size, &events, &err) != CAT_OK || !f.found ||
	    f.text.failed) {
		cat_text_fini(&f.text);
		return NULL;
	}
	return f.text.s ? f.text.s : cat_strdup("");
}
