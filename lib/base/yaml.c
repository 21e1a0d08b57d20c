#include "base/yaml.h"

#include <string.h>
#include <yaml.h>

#include "base/alloc.h"
#include "base/text.h"

#define MAX_DEPTH 32
#define MAX_KEYS 20000 /* of one map */

struct parse {
	yaml_parser_t yaml;
	const char *text;
	size_t n;
	/* libyaml counts characters; the byte of the last one asked for. */
	size_t chars, bytes;
	struct cat_yaml *open[MAX_DEPTH]; /* lists and maps that are not ended */
	struct cat_yaml **tail[MAX_DEPTH];
	int nkeys[MAX_DEPTH]; /* of the maps among them */
	int depth;
	struct cat_yaml *root;
	char *key; /* of the next member */
	int key_line;
	size_t key_begin, key_end;
};

void cat_yaml_free(struct cat_yaml *y)
{
	while (y) {
		struct cat_yaml *next = y->next;

		cat_yaml_free(y->child);
		cat_free(y->key);
		cat_free(y->text);
		cat_free(y);
		y = next;
	}
}

const struct cat_yaml *cat_yaml_get(const struct cat_yaml *y, const char *key)
{
	if (!y || y->kind != CAT_YAML_MAP)
		return NULL;
	for (y = y->child; y && strcmp(y->key, key) != 0; y = y->next)
		;
	return y;
}

static int refuse(const yaml_mark_t *at, struct cat_error *err, const char *why)
{
	return cat_fail(err, CAT_E_CONFIG, "line %zu: %s", at->line + 1, why);
}

/* Marks mostly ascend, so that counting goes on from the last one. */
static size_t byte_at(struct parse *p, const yaml_mark_t *at)
{
	if (at->index < p->chars)
		p->chars = p->bytes = 0;
	while (p->chars < at->index && p->bytes < p->n) {
		p->bytes++;
		while (p->bytes < p->n && ((unsigned char)p->text[p->bytes] & 0xc0) == 0x80)
			p->bytes++;
		p->chars++;
	}
	return p->bytes;
}

static char *copy_of(const yaml_event_t *e, struct cat_error *err)
{
	char *s = cat_strndup((const char *)e->data.scalar.value, e->data.scalar.length);

	if (!s)
		cat_fail_mem(err, e->data.scalar.length);
	return s;
}

static int take_key(struct parse *p, const yaml_event_t *e, struct cat_error *err)
{
	const struct cat_yaml *map = p->open[p->depth - 1];

	if (e->type != YAML_SCALAR_EVENT)
		return refuse(&e->start_mark, err, "a key must be a word");
	p->key = copy_of(e, err);
	if (!p->key)
		return (int)err->code;
	/* Each is looked for among those before it: a list that somebody else keeps must not take for ever. */
	if (p->nkeys[p->depth - 1]++ == MAX_KEYS)
		return refuse(&e->start_mark, err, "more than 20,000 keys");
	if (cat_yaml_get(map, p->key))
		return cat_fail(err, CAT_E_CONFIG, "line %zu: '%s' is there twice", e->start_mark.line + 1, p->key);
	p->key_line = (int)e->start_mark.line + 1;
	p->key_begin = byte_at(p, &e->start_mark);
	p->key_end = byte_at(p, &e->end_mark);
	return CAT_OK;
}

static bool says_nothing(const yaml_event_t *e)
{
	const char *s = (const char *)e->data.scalar.value;

	return e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!*s || strcmp(s, "~") == 0 || strcmp(s, "null") == 0);
}

static int take_node(struct parse *p, const yaml_event_t *e, struct cat_error *err)
{
	struct cat_yaml *y = cat_calloc(1, sizeof *y);

	if (!y)
		return cat_fail_mem(err, sizeof *y);
	if (p->depth > 0) {
		*p->tail[p->depth - 1] = y;
		p->tail[p->depth - 1] = &y->next;
	} else {
		p->root = y;
	}
	y->line = p->key ? p->key_line : (int)e->start_mark.line + 1;
	y->key = p->key;
	y->key_begin = p->key_begin;
	y->key_end = p->key_end;
	p->key = NULL;
	y->begin = byte_at(p, &e->start_mark);
	y->end = byte_at(p, &e->end_mark);
	if (e->type == YAML_SCALAR_EVENT) {
		y->kind = CAT_YAML_SCALAR;
		y->is_null = says_nothing(e);
		y->text = copy_of(e, err);
		if (!y->text)
			return (int)err->code;
		if (strlen(y->text) != e->data.scalar.length)
			return refuse(&e->start_mark, err, "a zero byte");
		return CAT_OK;
	}
	if (p->depth == MAX_DEPTH)
		return refuse(&e->start_mark, err, "too many levels");
	y->kind = e->type == YAML_MAPPING_START_EVENT ? CAT_YAML_MAP : CAT_YAML_LIST;
	y->flow = y->kind == CAT_YAML_MAP ? e->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE
	                                  : e->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
	p->open[p->depth] = y;
	p->nkeys[p->depth] = 0;
	p->tail[p->depth++] = &y->child;
	return CAT_OK;
}

static void take_end(struct parse *p, const yaml_event_t *e)
{
	struct cat_yaml *y = p->open[--p->depth];

	if (y->flow) {
		y->end = byte_at(p, &e->end_mark);
		return;
	}
	/* What is written in lines ends, for libyaml, where the next thing begins, past comments and all. */
	for (const struct cat_yaml *c = y->child; c; c = c->next)
		y->end = c->end > c->key_end ? c->end : c->key_end;
}

static bool has_anchor_or_tag(const yaml_event_t *e)
{
	if (e->type == YAML_SCALAR_EVENT)
		return e->data.scalar.anchor || e->data.scalar.tag;
	if (e->type == YAML_MAPPING_START_EVENT)
		return e->data.mapping_start.anchor || e->data.mapping_start.tag;
	return e->data.sequence_start.anchor || e->data.sequence_start.tag;
}

static int take(struct parse *p, const yaml_event_t *e, struct cat_error *err)
{
	switch (e->type) {
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		return CAT_OK;
	case YAML_DOCUMENT_START_EVENT:
		return p->root ? refuse(&e->start_mark, err, "a second document") : CAT_OK;
	case YAML_ALIAS_EVENT:
		return refuse(&e->start_mark, err, "aliases (*name) are not read here");
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		take_end(p, e);
		return CAT_OK;
	case YAML_SCALAR_EVENT:
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		break;
	}
	if (has_anchor_or_tag(e))
		return refuse(&e->start_mark, err, "anchors (&name) and tags (!name) are not read here");
	if (p->depth > 0 && p->open[p->depth - 1]->kind == CAT_YAML_MAP && !p->key)
		return take_key(p, e, err);
	return take_node(p, e, err);
}

static int broken(const yaml_parser_t *y, struct cat_error *err)
{
	if (y->error == YAML_MEMORY_ERROR)
		return cat_fail_mem(err, 0);
	return cat_fail(err, CAT_E_CONFIG, "line %zu: %s", y->problem_mark.line + 1, y->problem ? y->problem : "no YAML");
}

int cat_yaml_parse(const char *text, size_t n, struct cat_yaml **out, struct cat_error *err)
{
	struct parse p = {.text = text, .n = n};
	bool ended = false;
	size_t bad;
	int rc = CAT_OK;

	*out = NULL;
	/* A byte order mark would shift every place; other encodings too. */
	if (!cat_utf8_valid(text, n, &bad) || (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0))
		return cat_fail(err, CAT_E_CONFIG, "no UTF-8 text, or one with a byte order mark");
	if (!yaml_parser_initialize(&p.yaml))
		return cat_fail_mem(err, sizeof p);
	yaml_parser_set_encoding(&p.yaml, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&p.yaml, (const unsigned char *)text, n);
	while (rc == CAT_OK && !ended) {
		yaml_event_t e;

		if (!yaml_parser_parse(&p.yaml, &e)) {
			rc = broken(&p.yaml, err);
			break;
		}
		ended = e.type == YAML_STREAM_END_EVENT;
		rc = take(&p, &e, err);
		yaml_event_delete(&e);
	}
	yaml_parser_delete(&p.yaml);
	cat_free(p.key);
	if (rc != CAT_OK) {
		cat_yaml_free(p.root);
		return rc;
	}
	*out = p.root;
	return CAT_OK;
}
