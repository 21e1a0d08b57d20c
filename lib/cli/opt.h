/* opt -- one table of options per program: parser, help, manual page and completions come from it.
 *
 * Layer: cli. A table is an array of rows ended by a row without a name and without a group. Groups are
 * shared by reference, so that one option means the same in every program and is written once.
 */
#ifndef CAT_CLI_OPT_H
#define CAT_CLI_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

enum cat_opt_type {
	CAT_OPT_FLAG,   /* bool, set to true */
	CAT_OPT_COUNT,  /* int, one more each time */
	CAT_OPT_STRING, /* const char * */
	CAT_OPT_INT,    /* int64_t, within min..max */
	CAT_OPT_BYTES,  /* int64_t, "256M" */
	CAT_OPT_REAL,   /* double */
	CAT_OPT_ENUM,   /* const char *, one of choices; aliases are resolved to the first word of "a=b" rows */
	CAT_OPT_LIST    /* struct cat_strings, may be given again */
};

struct cat_strings {
	int n;
	const char **v;
};

struct cat_opt {
	const char *name; /* long name, without dashes */
	char letter;      /* 0: none */
	enum cat_opt_type type;
	size_t off;       /* of the value, in the settings; of the group's struct for a group row */
	const char *arg;  /* placeholder of the value, "ROWS" */
	const char *help; /* one line, short enough for 80 columns with the rest */
	bool rare;        /* only in --help=all and the manual page */
	int64_t min, max; /* INT: bounds when max > min; BYTES: the least */
	const char *const *choices;  /* ENUM: ended by NULL; "1and2=inner" is an alias */
	const char *preset;          /* shown as default when the settings say nothing; may be NULL */
	const struct cat_opt *group; /* a shared table instead of an option; name is its heading, NULL: that around it */
};

struct cat_cmd {
	const char *name;
	const char *brief;    /* "pass on the first rows of a table" */
	const char *operands; /* "[INPUT...]", for the usage line */
	int min_operands, max_operands; /* max -1: any number */
	const struct cat_opt *opts;
	const char *examples; /* complete command lines, one per line, that work */
	const char *next;     /* the next thing to read, "man cat-write, man 7 catpipe" */
	/* SETTINGS is a copy of *defaults after parsing. */
	int (*run)(void *settings, int argc, char **argv, struct cat_error *err);
	const void *defaults;
	size_t settings_size;
	/* Fills in what depends on the machine and the environment; may be NULL. Called before parsing. */
	void (*prepare)(void *settings);
};

/* Parses ARGV[1..] into SETTINGS; operands are moved to the front of ARGV[1..], *NOPERANDS says how many.
 * --help, --help=all, --version and --spec are answered on stdout: then *DONE is set. */
CAT_MUST_USE int cat_opt_parse(const struct cat_cmd *cmd, void *settings, int argc, char **argv, int *noperands,
                               bool *done, struct cat_error *err);
/* Frees the lists in SETTINGS. */
void cat_opt_fini(const struct cat_cmd *cmd, void *settings);

/* Calls F on every option row, groups opened, until it gives false. HEADING is the group's name. */
void cat_opt_each(const struct cat_opt *opts, size_t off, const char *heading,
                  bool (*f)(const struct cat_opt *o, size_t off, const char *heading, void *arg), void *arg);

/* The text of --help (ALL: every option), and the JSON of --spec. */
void cat_help_text(const struct cat_cmd *cmd, const void *settings, bool all, struct cat_text *out);
CAT_MUST_USE int cat_help_spec(const struct cat_cmd *cmd, struct cat_text *out, struct cat_error *err);

#endif
