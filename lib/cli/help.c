/* What --help and --spec print: both come from the option table alone. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cli/opt.h"

/* The value that holds now, as text; empty when there is none to show. */
static void current(const struct cat_opt *o, const void *at, char *out, size_t size)
{
	out[0] = '\0';
	if (!at)
		return;
	if (o->type == CAT_OPT_INT && *(const int64_t *)at >= o->min && *(const int64_t *)at > 0)
		snprintf(out, size, "%lld", (long long)*(const int64_t *)at);
	else if (o->type == CAT_OPT_BYTES && *(const int64_t *)at > 0)
		snprintf(out, size, "%lldM", (long long)(*(const int64_t *)at >> 20));
	else if ((o->type == CAT_OPT_STRING || o->type == CAT_OPT_ENUM) && *(const char *const *)at)
		snprintf(out, size, "%s", *(const char *const *)at);
}

static void flag_text(const struct cat_opt *o, char *out, size_t size)
{
	snprintf(out, size, "%s--%s%s%s", o->letter ? (char[]){'-', o->letter, ',', ' ', '\0'} : "    ", o->name,
	         o->arg ? " " : "", o->arg ? o->arg : "");
}

struct help {
	struct cat_text *out;
	const char *settings;
	const char *heading;
	bool all;
};

static bool option_line(const struct cat_opt *o, size_t off, const char *heading, void *arg)
{
	struct help *h = arg;
	char flags[64], now[256], line[512];

	if (o->rare && !h->all)
		return true;
	if (h->all && heading && heading != h->heading) {
		cat_text_addf(h->out, "%s:\n", heading);
		h->heading = heading;
	}
	flag_text(o, flags, sizeof flags);
	current(o, h->settings ? h->settings + off : NULL, now, sizeof now);
	snprintf(line, sizeof line, "  %-25s %s%s%s%s", flags, o->help, now[0] || o->preset ? " [" : "",
	         now[0] ? now : o->preset ? o->preset : "", now[0] || o->preset ? "]" : "");
	cat_text_addf(h->out, "%.80s\n", line);
	return true;
}

void cat_help_text(const struct cat_cmd *cmd, const void *settings, bool all, struct cat_text *out)
{
	struct help h = {.out = out, .settings = settings, .all = all};
	const char *line = cmd->examples;

	cat_text_addf(out, "%s: %s\nUsage: %s [OPTION...] %s\nExamples:\n", cmd->name, cmd->brief, cmd->name,
	              cmd->operands);
	while (line && *line) {
		const size_t len = strcspn(line, "\n");

		cat_text_addf(out, "  %.*s\n", (int)len, line);
		line += len + (line[len] == '\n');
	}
	cat_text_add(out, "Options:\n");
	cat_opt_each(cmd->opts, 0, NULL, option_line, &h);
	cat_text_addf(out, "Next: %s%sman %s%s%s\n", all ? "" : cmd->name, all ? "" : " --help=all, ", cmd->name,
	              cmd->next ? ", " : "", cmd->next ? cmd->next : "");
}

static bool option_spec(const struct cat_opt *o, size_t off, const char *heading, void *arg)
{
	static const char *const types[] = {"flag", "count", "string", "int", "bytes", "real", "enum", "list"};
	struct cat_json *j = cat_json_object();

	(void)off;
	cat_json_str(j, "name", o->name);
	cat_json_str(j, "letter", o->letter ? (char[]){o->letter, '\0'} : NULL);
	cat_json_str(j, "type", types[o->type]);
	cat_json_str(j, "arg", o->arg);
	cat_json_str(j, "help", o->help);
	cat_json_str(j, "group", heading);
	cat_json_bool(j, "rare", o->rare);
	cat_json_str(j, "default", o->preset);
	if (o->choices) {
		struct cat_json *list = cat_json_array();

		for (int i = 0; o->choices[i]; i++)
			cat_json_str(list, NULL, o->choices[i]);
		cat_json_put(j, "choices", list);
	}
	cat_json_put(arg, NULL, j);
	return true;
}

int cat_help_spec(const struct cat_cmd *cmd, struct cat_text *out, struct cat_error *err)
{
	struct cat_json *j = cat_json_object(), *options = cat_json_array(), *statuses = cat_json_array(),
	                *examples = cat_json_array();
	const char *line = cmd->examples;
	const struct cat_status *s;

	cat_json_str(j, "name", cmd->name);
	cat_json_str(j, "version", CAT_VERSION);
	cat_json_str(j, "brief", cmd->brief);
	cat_json_str(j, "operands", cmd->operands);
	cat_opt_each(cmd->opts, 0, NULL, option_spec, options);
	cat_json_put(j, "options", options);
	for (size_t i = 0; (s = cat_status_row(i)) != NULL; i++) {
		static const char *const retry[] = {"never", "same", "elsewhere"};
		struct cat_json *row = cat_json_object();

		cat_json_int(row, "status", (int64_t)s->code);
		cat_json_str(row, "retry", retry[s->retry]);
		cat_json_str(row, "text", s->text);
		cat_json_put(statuses, NULL, row);
	}
	cat_json_put(j, "statuses", statuses);
	while (line && *line) {
		char one[512];
		const size_t len = strcspn(line, "\n");

		snprintf(one, sizeof one, "%.*s", (int)len, line);
		cat_json_str(examples, NULL, one);
		line += len + (line[len] == '\n');
	}
	cat_json_put(j, "examples", examples);
	cat_json_str(j, "next", cmd->next);
	return cat_json_dump(j, out, err);
}
