#include "net/aws_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/alloc.h"

#define MAX_FILE ((size_t)4 << 20)

static size_t trim(const char **s, size_t n)
{
	while (n > 0 && strchr(" \t\r", (*s)[0])) {
		(*s)++;
		n--;
	}
	while (n > 0 && strchr(" \t\r", (*s)[n - 1]))
		n--;
	return n;
}

/* Without a comment behind the value: " # ..." or " ; ...". */
static size_t without_comment(const char *s, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if ((s[i] == '#' || s[i] == ';') && (s[i - 1] == ' ' || s[i - 1] == '\t'))
			return i;
	return n;
}

static int add(struct cat_aws_file *f, const char *section, const char *block, const char *key, size_t nkey,
               const char *value, size_t nvalue, struct cat_error *err)
{
	struct cat_text name = {.max = 1 << 16};
	struct cat_aws_item *item;

	if (cat_grow(&f->v, &f->cap, f->n, sizeof *f->v) != 0)
		return cat_fail_mem(err, f->cap * sizeof *f->v);
	if (block)
		cat_text_addf(&name, "%s.", block);
	cat_text_addn(&name, key, nkey);
	item = &f->v[f->n++];
	item->section = cat_strdup(section);
	item->key = name.failed ? NULL : name.s;
	item->value = cat_strndup(value, nvalue);
	return item->section && item->key && item->value ? CAT_OK : cat_fail_mem(err, nkey + nvalue);
}

struct place {
	char *section, *block; /* where the lines stand */
};

static int take_line(struct cat_aws_file *f, struct place *p, const char *line, size_t n, struct cat_error *err)
{
	const bool indented = n > 0 && (line[0] == ' ' || line[0] == '\t');
	const char *key = line, *equals;
	size_t nkey = trim(&key, n), nvalue;
	const char *value;

	if (nkey == 0 || key[0] == '#' || key[0] == ';')
		return CAT_OK;
	if (key[0] == '[') {
		const char *end = memchr(key, ']', nkey), *name = key + 1;
		const size_t nname = end ? trim(&name, (size_t)(end - name)) : 0;

		cat_free(p->section);
		cat_free(p->block);
		p->block = NULL;
		p->section = cat_strndup(name, nname);
		return p->section ? CAT_OK : cat_fail_mem(err, nname);
	}
	equals = memchr(key, '=', nkey);
	if (!equals || !p->section)
		return CAT_OK;
	value = equals + 1;
	nvalue = (size_t)(key + nkey - value);
	nkey = trim(&key, (size_t)(equals - key));
	nvalue = trim(&value, without_comment(value, nvalue));
	if (!indented) {
		cat_free(p->block);
		/* "s3 =" alone opens a block of indented lines. */
		p->block = nvalue == 0 ? cat_strndup(key, nkey) : NULL;
	}
	return add(f, p->section, indented ? p->block : NULL, key, nkey, value, nvalue, err);
}

int cat_aws_parse(struct cat_aws_file *f, const char *text, size_t n, struct cat_error *err)
{
	struct place p = {NULL, NULL};
	int rc = memchr(text, '\0', n) ? cat_fail(err, CAT_E_CONFIG, "a zero byte in it") : CAT_OK;

	for (size_t at = 0; rc == CAT_OK && at < n;) {
		const char *end = memchr(text + at, '\n', n - at);
		const size_t len = end ? (size_t)(end - (text + at)) : n - at;

		rc = take_line(f, &p, text + at, len, err);
		at += len + 1;
	}
	cat_free(p.section);
	cat_free(p.block);
	return rc;
}

int cat_aws_read(struct cat_aws_file *f, const char *path, struct cat_error *err)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct cat_text t = {.max = MAX_FILE};
	int rc = CAT_OK;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? CAT_OK : cat_fail_sys(err, CAT_E_CONFIG, errno, "%s", path);
	/* /dev/null and pipes serve as well as files do. */
	for (;;) {
		char *room = cat_text_room(&t, 4096);
		const ssize_t k = room ? read(fd, room, 4096) : 0;

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			rc = cat_fail_sys(err, CAT_E_CONFIG, errno, "%s", path);
		if (k <= 0)
			break;
		t.len += (size_t)k;
	}
	close(fd);
	if (rc == CAT_OK && t.failed)
		rc = cat_fail(err, CAT_E_CONFIG, "%s is no file of settings", path);
	if (rc == CAT_OK && t.len > 0 && cat_aws_parse(f, t.s, t.len, err) != CAT_OK)
		rc = cat_wrap(err, "%s", path);
	if (t.s)
		memset(t.s, 0, t.len);
	cat_text_fini(&t);
	return rc;
}

const char *cat_aws_get(const struct cat_aws_file *f, const char *section, const char *key)
{
	for (size_t i = f->n; i > 0; i--)
		if (strcmp(f->v[i - 1].section, section) == 0 && strcasecmp(f->v[i - 1].key, key) == 0)
			return f->v[i - 1].value[0] ? f->v[i - 1].value : NULL;
	return NULL;
}

bool cat_aws_has(const struct cat_aws_file *f, const char *section)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->v[i].section, section) == 0)
			return true;
	return false;
}

void cat_aws_fini(struct cat_aws_file *f)
{
	for (size_t i = 0; i < f->n; i++) {
		if (f->v[i].value)
			memset(f->v[i].value, 0, strlen(f->v[i].value));
		cat_free(f->v[i].section);
		cat_free(f->v[i].key);
		cat_free(f->v[i].value);
	}
	cat_free(f->v);
	*f = (struct cat_aws_file){0};
}
