#include "cli/opt.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

void cat_opt_each(const struct cat_opt *opts, size_t off, const char *heading,
                  bool (*f)(const struct cat_opt *, size_t, const char *, void *), void *arg)
{
	for (const struct cat_opt *o = opts; o->name || o->group; o++) {
		if (o->group)
			cat_opt_each(o->group, off + o->off, o->name ? o->name : heading, f, arg);
		else if (!f(o, off + o->off, heading, arg))
			return;
	}
}

/* --- looking up --- */

struct lookup {
	const char *name;
	size_t len;
	char letter;
	const struct cat_opt *found;
	size_t off;
	struct cat_nearest near;
};

static bool match(const struct cat_opt *o, size_t off, const char *heading, void *arg)
{
	struct lookup *l = arg;

	(void)heading;
	if (l->found)
		return false;
	if (l->letter ? o->letter == l->letter
	              : strlen(o->name) == l->len && memcmp(o->name, l->name, l->len) == 0) {
		l->found = o;
		l->off = off;
		return false;
	}
	if (l->near.want)
		cat_nearest_offer(&l->near, o->name);
	return true;
}

/* --- values --- */

static const char *shown(const struct cat_opt *o, char *out, size_t size)
{
	snprintf(out, size, "%s--%s", o->letter ? (char[]){'-', o->letter, ',', ' ', '\0'} : "", o->name);
	return out;
}

static int choose(const struct cat_opt *o, const char *value, const char **out, struct cat_error *err)
{
	struct cat_text list = {.max = 300};

	for (int i = 0; o->choices[i]; i++) {
		const char *alias = strchr(o->choices[i], '=');

		if (alias && strlen(value) == (size_t)(alias - o->choices[i]) &&
		    memcmp(value, o->choices[i], strlen(value)) == 0) {
			*out = alias + 1;
			return CAT_OK;
		}
		if (!alias && strcmp(value, o->choices[i]) == 0) {
			*out = o->choices[i];
			return CAT_OK;
		}
	}
	for (int i = 0; o->choices[i]; i++)
		if (!strchr(o->choices[i], '='))
			cat_text_addf(&list, "%s%s", i ? ", " : "", o->choices[i]);
	cat_fail(err, CAT_E_USAGE, "--%s takes %s; not '%s'", o->name, list.s ? list.s : "", value);
	cat_text_fini(&list);
	return CAT_E_USAGE;
}

static int store(const struct cat_opt *o, void *at, const char *value, struct cat_error *err)
{
	struct cat_strings *list = at;
	const char **grown;
	int64_t v = 0;
	char name[64];

	switch (o->type) {
	case CAT_OPT_FLAG:
		*(bool *)at = true;
		return CAT_OK;
	case CAT_OPT_COUNT:
		++*(int *)at;
		return CAT_OK;
	case CAT_OPT_STRING:
		*(const char **)at = value;
		return CAT_OK;
	case CAT_OPT_ENUM:
		return choose(o, value, at, err);
	case CAT_OPT_INT:
		if (!cat_parse_i64(value, strlen(value), &v) || (o->max > o->min && (v < o->min || v > o->max))) {
			if (o->max > o->min && o->max < INT32_MAX)
				return cat_fail(err, CAT_E_USAGE, "%s takes a whole number from %lld to %lld; not '%s'",
				                shown(o, name, sizeof name), (long long)o->min, (long long)o->max, value);
			return cat_fail(err, CAT_E_USAGE, "%s takes a whole number%s; not '%s'",
			                shown(o, name, sizeof name),
			                o->max > o->min ? (o->min > 0 ? " above 0" : " of 0 or more") : "", value);
		}
		*(int64_t *)at = v;
		return CAT_OK;
	case CAT_OPT_BYTES:
		if (!cat_parse_bytes(value, &v) || v < o->min)
			return cat_fail(err, CAT_E_USAGE, "%s takes bytes such as 256M or 2G; not '%s'",
			                shown(o, name, sizeof name), value);
		*(int64_t *)at = v;
		return CAT_OK;
	case CAT_OPT_REAL:
		if (!cat_parse_f64(value, strlen(value), at))
			return cat_fail(err, CAT_E_USAGE, "%s takes a number; not '%s'", shown(o, name, sizeof name),
			                value);
		return CAT_OK;
	case CAT_OPT_LIST:
		grown = cat_realloc(list->v, (size_t)list->n + 1, sizeof *grown);
		if (!grown)
			return cat_fail_mem(err, sizeof *grown);
		list->v = grown;
		list->v[list->n++] = value;
		return CAT_OK;
	}
	return cat_fail(err, CAT_E_BUG, "option type");
}

static bool takes_value(const struct cat_opt *o)
{
	return o->type != CAT_OPT_FLAG && o->type != CAT_OPT_COUNT;
}

/* --- parsing --- */

struct parse {
	const struct cat_cmd *cmd;
	char *settings;
	int argc;
	char **argv;
	int at; /* index of the word being read */
	bool done;
};

static int answer(struct parse *p, const char *what, struct cat_error *err)
{
	struct cat_text out = {.max = 1 << 20};
	int rc = CAT_OK;

	if (strcmp(what, "version") == 0)
		cat_text_addf(&out, "%s (catpipe) %s\n", p->cmd->name, CAT_VERSION);
	else if (strcmp(what, "spec") == 0)
		rc = cat_help_spec(p->cmd, &out, err);
	else
		cat_help_text(p->cmd, p->settings, strcmp(what, "help=all") == 0, &out);
	if (rc == CAT_OK)
		rc = cat_text_check(&out, err);
	if (rc == CAT_OK && (fwrite(out.s, 1, out.len, stdout) != out.len || fflush(stdout) != 0))
		rc = cat_fail(err, CAT_E_IO, "cannot write standard output");
	cat_text_fini(&out);
	p->done = true;
	return rc;
}

static int unknown(struct parse *p, const char *word, struct lookup *l, struct cat_error *err)
{
	cat_fail(err, CAT_E_USAGE, "no option %s%s%s", word, l->near.name ? "; nearest: --" : "",
	         l->near.name ? l->near.name : "");
	return cat_hint(err, "%s --help", p->cmd->name);
}

static int next_word(struct parse *p, const struct cat_opt *o, const char **value, struct cat_error *err)
{
	char name[64];

	if (p->at + 1 >= p->argc) {
		cat_fail(err, CAT_E_USAGE, "%s wants a value: %s", shown(o, name, sizeof name), o->arg ? o->arg : "VALUE");
		return cat_hint(err, "%s --help", p->cmd->name);
	}
	*value = p->argv[++p->at];
	return CAT_OK;
}

static int long_option(struct parse *p, struct cat_error *err)
{
	const char *word = p->argv[p->at] + 2, *equals = strchr(word, '=');
	struct lookup l = {.name = word, .len = equals ? (size_t)(equals - word) : strlen(word)};
	const char *value = equals ? equals + 1 : NULL;
	char plain[64];

	if (strcmp(word, "help") == 0 || strcmp(word, "help=all") == 0 || strcmp(word, "version") == 0 ||
	    strcmp(word, "spec") == 0)
		return answer(p, word, err);
	snprintf(plain, sizeof plain, "%.*s", (int)(l.len < 60 ? l.len : 60), word);
	l.near.want = plain;
	cat_opt_each(p->cmd->opts, 0, NULL, match, &l);
	if (!l.found)
		return unknown(p, p->argv[p->at], &l, err);
	if (!takes_value(l.found) && value)
		return cat_fail(err, CAT_E_USAGE, "--%s takes no value", l.found->name);
	if (takes_value(l.found) && !value)
		CAT_TRY(next_word(p, l.found, &value, err));
	return store(l.found, p->settings + l.off, value, err);
}

static int letters(struct parse *p, struct cat_error *err)
{
	for (const char *c = p->argv[p->at] + 1; *c; c++) {
		struct lookup l = {.letter = *c};
		const char *value = NULL;

		if (*c == 'h')
			return answer(p, "help", err);
		cat_opt_each(p->cmd->opts, 0, NULL, match, &l);
		if (!l.found)
			return unknown(p, (char[]){'-', *c, '\0'}, &l, err);
		if (!takes_value(l.found)) {
			CAT_TRY(store(l.found, p->settings + l.off, NULL, err));
			continue;
		}
		if (c[1])
			value = c + 1;
		else
			CAT_TRY(next_word(p, l.found, &value, err));
		return store(l.found, p->settings + l.off, value, err);
	}
	return CAT_OK;
}

int cat_opt_parse(const struct cat_cmd *cmd, void *settings, int argc, char **argv, int *noperands, bool *done,
                  struct cat_error *err)
{
	struct parse p = {.cmd = cmd, .settings = settings, .argc = argc, .argv = argv, .at = 1};
	bool options = true;

	*noperands = 0;
	for (; p.at < argc && !p.done; p.at++) {
		char *word = argv[p.at];

		if (options && strcmp(word, "--") == 0)
			options = false;
		else if (options && word[0] == '-' && word[1] == '-')
			CAT_TRY(long_option(&p, err));
		else if (options && word[0] == '-' && word[1])
			CAT_TRY(letters(&p, err));
		else
			argv[1 + (*noperands)++] = word;
	}
	*done = p.done;
	if (p.done)
		return CAT_OK;
	if (*noperands < cmd->min_operands || (cmd->max_operands >= 0 && *noperands > cmd->max_operands)) {
		cat_fail(err, CAT_E_USAGE, "%s: usage: %s [OPTION...] %s",
		         *noperands < cmd->min_operands ? "an operand is missing" : "too many operands", cmd->name,
		         cmd->operands);
		return cat_hint(err, "%s --help", cmd->name);
	}
	return CAT_OK;
}

static bool free_list(const struct cat_opt *o, size_t off, const char *heading, void *arg)
{
	(void)heading;
	if (o->type == CAT_OPT_LIST) {
		struct cat_strings *list = (struct cat_strings *)(void *)((char *)arg + off);

		cat_free(list->v);
		list->v = NULL;
		list->n = 0;
	}
	return true;
}

void cat_opt_fini(const struct cat_cmd *cmd, void *settings)
{
	cat_opt_each(cmd->opts, 0, NULL, free_list, settings);
}
