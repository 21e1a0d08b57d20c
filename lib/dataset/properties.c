#include "dataset/properties.h"

#include <string.h>

struct cursor {
	const char *s;
	size_t n, at;
};

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\f';
}

static bool at_newline(const struct cursor *c)
{
	return c->at < c->n && (c->s[c->at] == '\n' || c->s[c->at] == '\r');
}

static void skip_blanks(struct cursor *c)
{
	while (c->at < c->n && blank(c->s[c->at]))
		c->at++;
}

static void skip_newline(struct cursor *c)
{
	if (c->at < c->n && c->s[c->at] == '\r')
		c->at++;
	if (c->at < c->n && c->s[c->at] == '\n')
		c->at++;
}

static void add_utf8(struct cat_text *out, unsigned v)
{
	if (v < 0x80) {
		cat_text_addc(out, (char)v);
	} else if (v < 0x800) {
		cat_text_addc(out, (char)(0xc0 | v >> 6));
		cat_text_addc(out, (char)(0x80 | (v & 0x3f)));
	} else {
		cat_text_addc(out, (char)(0xe0 | v >> 12));
		cat_text_addc(out, (char)(0x80 | (v >> 6 & 0x3f)));
		cat_text_addc(out, (char)(0x80 | (v & 0x3f)));
	}
}

/* What follows a backslash: a continued line, \uXXXX, \t \n \r \f, or the character itself. */
static void escape(struct cursor *c, struct cat_text *out)
{
	static const char from[] = "tnrf", to[] = "\t\n\r\f";
	const char *known;
	unsigned v = 0;

	if (c->at == c->n)
		return;
	if (at_newline(c)) {
		skip_newline(c);
		skip_blanks(c);
		return;
	}
	if (c->s[c->at] == 'u' && c->n - c->at >= 5) {
		int i = 1;

		for (; i <= 4; i++) {
			const char d = c->s[c->at + (size_t)i];
			const char *hex = "0123456789abcdef", *p = d ? strchr(hex, d | 0x20) : NULL;

			if (!p)
				break;
			v = v << 4 | (unsigned)(p - hex);
		}
		if (i == 5) {
			c->at += 5;
			add_utf8(out, v);
			return;
		}
	}
	known = strchr(from, c->s[c->at]);
	cat_text_addc(out, known && *known ? to[known - from] : c->s[c->at]);
	c->at++;
}

static void read_key(struct cursor *c, struct cat_text *key)
{
	while (c->at < c->n && !at_newline(c) && !blank(c->s[c->at]) && c->s[c->at] != '=' && c->s[c->at] != ':') {
		if (c->s[c->at] == '\\') {
			c->at++;
			escape(c, key);
		} else {
			cat_text_addc(key, c->s[c->at++]);
		}
	}
	skip_blanks(c);
	if (c->at < c->n && (c->s[c->at] == '=' || c->s[c->at] == ':'))
		c->at++;
	skip_blanks(c);
}

static void read_value(struct cursor *c, struct cat_text *value)
{
	while (c->at < c->n && !at_newline(c)) {
		if (c->s[c->at] == '\\') {
			c->at++;
			escape(c, value);
		} else {
			cat_text_addc(value, c->s[c->at++]);
		}
	}
	while (value->len > 0 && blank(value->s[value->len - 1]))
		value->s[--value->len] = '\0';
}

int cat_properties_parse(const char *text, size_t n, struct cat_kv *out, struct cat_error *err)
{
	struct cursor c = {text, n, 0};
	struct cat_text key = {.max = 1 << 16}, value = {.max = 1 << 20};
	int rc = CAT_OK;

	if (memchr(text, '\0', n))
		return cat_fail(err, CAT_E_DATA, "a properties file with a zero byte");
	while (rc == CAT_OK && c.at < n) {
		skip_blanks(&c);
		if (at_newline(&c)) {
			skip_newline(&c);
			continue;
		}
		if (c.at < n && (text[c.at] == '#' || text[c.at] == '!')) {
			while (c.at < n && !at_newline(&c))
				c.at++;
			continue;
		}
		key.len = value.len = 0;
		read_key(&c, &key);
		read_value(&c, &value);
		rc = cat_text_check(&key, err);
		if (rc == CAT_OK)
			rc = cat_text_check(&value, err);
		if (rc == CAT_OK && key.len)
			rc = cat_kv_setn(out, key.s, key.len, value.len ? value.s : "", value.len, err);
	}
	cat_text_fini(&key);
	cat_text_fini(&value);
	return rc;
}

void cat_properties_text(const char *header, const struct cat_kv *kv, struct cat_text *out)
{
	cat_text_addf(out, "%s\n", header);
	for (int i = 0; i < kv->n; i++) {
		cat_text_addf(out, "%s=", kv->items[i].key);
		for (const char *s = kv->items[i].value; *s; s++) {
			if (*s == '\\' || *s == '\n')
				cat_text_add(out, *s == '\n' ? "\\n" : "\\\\");
			else
				cat_text_addc(out, *s);
		}
		cat_text_addc(out, '\n');
	}
}

int cat_properties_int(const struct cat_kv *kv, const char *key, int64_t fallback, int64_t *out,
                       struct cat_error *err)
{
	const char *v = cat_kv_get(kv, key);

	*out = fallback;
	if (v && *v && !cat_parse_i64(v, strlen(v), out))
		return cat_fail(err, CAT_E_DATA, "property %s is no whole number: '%s'", key, v);
	return CAT_OK;
}
