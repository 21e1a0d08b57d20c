#include "base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

char *cat_text_room(struct cat_text *t, size_t n)
{
	if (t->failed)
		return NULL;
	if (n > t->max || t->len > t->max - n) {
		t->failed = true;
		return NULL;
	}
	if (t->len + n + 1 > t->cap) {
		size_t want = t->cap * 2 > t->len + n + 1 ? t->cap * 2 : t->len + n + 64;
		char *s = cat_realloc(t->s, want, 1);

		if (!s) {
			t->failed = true;
			return NULL;
		}
		t->s = s;
		t->cap = want;
	}
	return t->s + t->len;
}

void cat_text_addn(struct cat_text *t, const char *s, size_t n)
{
	char *room = cat_text_room(t, n);

	if (!room)
		return;
	memcpy(room, s, n);
	t->len += n;
	t->s[t->len] = '\0';
}

void cat_text_add(struct cat_text *t, const char *s)
{
	cat_text_addn(t, s, strlen(s));
}

void cat_text_addc(struct cat_text *t, char c)
{
	cat_text_addn(t, &c, 1);
}

void cat_text_addf(struct cat_text *t, const char *fmt, ...)
{
	va_list ap;
	char small[512];
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof small, fmt, ap);
	va_end(ap);
	if (n < 0) {
		t->failed = true;
	} else if ((size_t)n < sizeof small) {
		cat_text_addn(t, small, (size_t)n);
	} else {
		char *room = cat_text_room(t, (size_t)n);

		if (!room)
			return;
		va_start(ap, fmt);
		vsnprintf(room, (size_t)n + 1, fmt, ap);
		va_end(ap);
		t->len += (size_t)n;
	}
}

int cat_text_check(const struct cat_text *t, struct cat_error *err)
{
	if (t->failed)
		return cat_fail(err, CAT_E_SYSTEM, "text longer than %zu bytes, or out of memory", t->max);
	return CAT_OK;
}

void cat_text_fini(struct cat_text *t)
{
	cat_free(t->s);
	t->s = NULL;
	t->len = t->cap = 0;
}

bool cat_parse_bytes(const char *s, int64_t *out)
{
	static const char units[] = "kmgt";
	const size_t digits = strspn(s, "0123456789");
	const char *rest = s + digits, *unit;
	int64_t v;

	if (!cat_parse_i64(s, digits, &v))
		return false;
	if (*rest) {
		unit = strchr(units, tolower((unsigned char)*rest));
		if (!unit || !*unit)
			unit = NULL;
		if (unit) {
			rest++;
			for (int i = 0; i <= unit - units; i++)
				if (__builtin_mul_overflow(v, 1024, &v))
					return false;
			if (*rest == 'i' || *rest == 'I')
				rest++;
		}
		if (*rest == 'b' || *rest == 'B')
			rest++;
	}
	*out = v;
	return *rest == '\0';
}

bool cat_utf8_valid(const void *s, size_t n, size_t *bad)
{
	const uint8_t *p = s;
	size_t i = 0;

	while (i < n) {
		const uint8_t c = p[i];
		size_t more;
		uint32_t v;

		if (c < 0x80) {
			uint64_t word;

			while (n - i >= 8) {
				memcpy(&word, p + i, 8);
				if (word & UINT64_C(0x8080808080808080))
					break;
				i += 8;
			}
			while (i < n && p[i] < 0x80)
				i++;
			continue;
		}
		more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
		v = c & (0x3fu >> more);
		if (c < 0xc2 || c > 0xf4 || n - i <= more)
			goto invalid;
		for (size_t k = 1; k <= more; k++) {
			if ((p[i + k] & 0xc0) != 0x80)
				goto invalid;
			v = v << 6 | (p[i + k] & 0x3fu);
		}
		if ((more == 2 && (v < 0x800 || (v >= 0xd800 && v < 0xe000))) || (more == 3 && (v < 0x10000 || v > 0x10ffff)))
			goto invalid;
		i += more + 1;
	}
	return true;
invalid:
	if (bad)
		*bad = i;
	return false;
}

bool cat_equal_nocase(const char *a, const char *b)
{
	return strcasecmp(a, b) == 0;
}

int cat_name_distance(const char *a, const char *b)
{
	const size_t na = strlen(a), nb = strlen(b);
	int row[65];

	if (na > 64 || nb > 64)
		return 255;
	for (size_t j = 0; j <= nb; j++)
		row[j] = (int)j;
	for (size_t i = 1; i <= na; i++) {
		int corner = row[0];

		row[0] = (int)i;
		for (size_t j = 1; j <= nb; j++) {
			const int same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
			int best = corner + !same;

			corner = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[nb];
}

void cat_nearest_offer(struct cat_nearest *n, const char *candidate)
{
	const size_t want_len = strlen(n->want), len = strlen(candidate);
	int d = cat_name_distance(n->want, candidate);

	/* A name that begins or ends like the one asked for is what people mistype most. */
	if (len && want_len > 1 &&
	    (strncasecmp(n->want, candidate, len < want_len ? len : want_len) == 0) && d > 1)
		d = 1 + d / 8;
	if (d <= 1 + (int)(want_len < 32 ? want_len : 32) / 3 && (!n->name || d < n->distance)) {
		n->name = candidate;
		n->distance = d;
	}
}
