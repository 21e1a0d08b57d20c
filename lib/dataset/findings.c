#include "dataset/findings.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

static const char *const names[] = {
#define X(name, text, meaning) text,
	CAT_FINDINGS(X)
#undef X
};

const char *cat_found_name(enum cat_found_kind kind)
{
	return names[kind];
}

/* Keeps WHERE and TEXT, which are taken over, unless there are enough of their kind. */
static void keep(struct cat_findings *f, enum cat_found_kind kind, char *where, char *text)
{
	if (where && text && f->counts[kind] < f->max_per_kind &&
	    cat_grow(&f->at, &f->cap, f->n, sizeof *f->at) == 0) {
		f->at[f->n++] = (struct cat_finding){kind, where, text};
		f->counts[kind]++;
		return;
	}
	f->failed |= f->counts[kind] < f->max_per_kind;
	f->counts[kind]++;
	cat_free(where);
	cat_free(text);
}

void cat_found(struct cat_findings *f, enum cat_found_kind kind, const char *where, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	if (f->counts[kind] >= f->max_per_kind) {
		f->counts[kind]++;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	keep(f, kind, cat_strdup(where), cat_strdup(text));
}

void cat_findings_move(struct cat_findings *to, struct cat_findings *from)
{
	int64_t moved[CAT_FOUND_COUNT] = {0};

	for (size_t i = 0; i < from->n; i++) {
		moved[from->at[i].kind]++;
		keep(to, from->at[i].kind, from->at[i].where, from->at[i].text);
	}
	for (int k = 0; k < CAT_FOUND_COUNT; k++)
		to->counts[k] += from->counts[k] - moved[k];
	to->failed |= from->failed;
	from->n = 0;
	memset(from->counts, 0, sizeof from->counts);
}

int64_t cat_findings_faults(const struct cat_findings *f)
{
	int64_t n = 0;

	for (int k = 0; k < CAT_FOUND_COUNT; k++)
		n += k == CAT_FOUND_NOTE ? 0 : f->counts[k];
	return n;
}

int cat_findings_check(const struct cat_findings *f, struct cat_error *err)
{
	return f->failed ? cat_fail_mem(err, sizeof *f->at) : CAT_OK;
}

void cat_findings_fini(struct cat_findings *f)
{
	for (size_t i = 0; i < f->n; i++) {
		cat_free(f->at[i].where);
		cat_free(f->at[i].text);
	}
	cat_free(f->at);
	memset(f, 0, sizeof *f);
}
