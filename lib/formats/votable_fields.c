#include "formats/votable_fields.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/xml.h"

#define DOCUMENT_MAX ((size_t)64 << 20)
/* Of one text: a description that is longer is cut. */
#define TEXT_MAX ((size_t)64 << 10)

/* As attribute of FIELD; NULL: an element. */
static const struct word {
	const char *key, *attribute;
} words[CAT_VOTABLE_WORDS] = {
	[CAT_VOTABLE_UNIT] = {CAT_META_UNIT, "unit"},
	[CAT_VOTABLE_UCD] = {CAT_META_UCD, "ucd"},
	[CAT_VOTABLE_DESCRIPTION] = {CAT_META_DESCRIPTION, NULL},
	[CAT_VOTABLE_UTYPE] = {CAT_META_UTYPE, "utype"},
	[CAT_VOTABLE_XTYPE] = {CAT_META_XTYPE, "xtype"},
};

const char *cat_votable_key(int word)
{
	return words[word].key;
}

/* --- writing --- */

/* What can stand in XML 1.0: text that is UTF-8, control characters and non-characters as blanks. */
static void put_text(struct cat_text *out, const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	for (; *p; p++) {
		if (*p == '&')
			cat_text_add(out, "&amp;");
		else if (*p == '<')
			cat_text_add(out, "&lt;");
		else if (*p == '>')
			cat_text_add(out, "&gt;");
		else if (*p == '"')
			cat_text_add(out, "&quot;");
		else if (*p == '\n' || *p == '\t' || *p == '\r')
			cat_text_addf(out, "&#%d;", *p); /* else an attribute has blanks there */
		else if (*p == 0xef && p[1] == 0xbf && (p[2] == 0xbe || p[2] == 0xbf))
			cat_text_addc(out, ' '), p += 2; /* U+FFFE, U+FFFF */
		else
			cat_text_addc(out, *p < ' ' ? ' ' : (char)*p);
	}
}

static void put_attribute(struct cat_text *out, const char *name, const char *value)
{
	cat_text_addf(out, " %s=\"", name);
	put_text(out, value);
	cat_text_addc(out, '"');
}

/* The VOTable type of one value; NULL when there is none. */
static const char *datatype(enum cat_type_id id)
{
	switch ((int)id) {
	case CAT_T_BOOL:
		return "boolean";
	case CAT_T_U8:
		return "unsignedByte";
	case CAT_T_I8:
	case CAT_T_I16:
		return "short";
	case CAT_T_U16:
	case CAT_T_I32:
		return "int";
	case CAT_T_U32:
	case CAT_T_I64:
		return "long";
	case CAT_T_F32:
		return "float";
	case CAT_T_F64:
		return "double";
	default:
		return NULL;
	}
}

/* Lists of lists: VOTable arrays, of which the last dimension alone may vary, are written innermost first. */
static void put_type(struct cat_text *out, const struct cat_field *f)
{
	char shape[128] = "", outer[sizeof shape], size[16];
	const char *type;
	bool odd = false;

	for (; f->type.id == CAT_T_LIST || f->type.id == CAT_T_FIXED_LIST; f = &f->children[0]) {
		if (f->type.id == CAT_T_FIXED_LIST)
			snprintf(size, sizeof size, "%d", f->type.width);
		else
			strcpy(size, "*");
		odd |= shape[0] && size[0] == '*';
		memcpy(outer, shape, sizeof outer);
		odd |= snprintf(shape, sizeof shape, "%s%s%s", size, outer[0] ? "x" : "", outer) >= (int)sizeof shape;
	}
	type = datatype(f->type.id);
	if (f->type.id == CAT_T_BINARY && !shape[0]) {
		type = "unsignedByte";
		strcpy(shape, "*");
	} else if (f->type.id == CAT_T_FIXED_BINARY && !shape[0]) {
		type = "unsignedByte";
		snprintf(shape, sizeof shape, "%d", f->type.width);
	}
	if (!type || odd) {
		type = "char";
		strcpy(shape, "*");
	}
	put_attribute(out, "datatype", type);
	if (shape[0])
		put_attribute(out, "arraysize", shape);
}

/* Metadata of streams may be any bytes. */
static const char *said(const struct cat_field *f, int word)
{
	const char *text = cat_kv_get(&f->meta, words[word].key);

	return text && text[0] && cat_utf8_valid(text, strlen(text), NULL) ? text : NULL;
}

bool cat_votable_described(const struct cat_schema *s)
{
	for (int i = 0; i < s->nfields; i++)
		for (int k = 0; k < CAT_VOTABLE_WORDS; k++)
			if (said(&s->fields[i], k))
				return true;
	return false;
}

static void put_field(struct cat_text *out, const struct cat_field *f)
{
	cat_text_add(out, "<FIELD");
	put_attribute(out, "name", f->name);
	put_type(out, f);
	for (int k = 0; k < CAT_VOTABLE_WORDS; k++)
		if (words[k].attribute && said(f, k))
			put_attribute(out, words[k].attribute, said(f, k));
	if (said(f, CAT_VOTABLE_DESCRIPTION)) {
		cat_text_add(out, ">\n<DESCRIPTION>");
		put_text(out, said(f, CAT_VOTABLE_DESCRIPTION));
		cat_text_add(out, "</DESCRIPTION>\n</FIELD>\n");
	} else {
		cat_text_add(out, "/>\n");
	}
}

void cat_votable_put(const struct cat_schema *s, struct cat_text *out)
{
	cat_text_add(out, "<VOTABLE version=\"1.4\" xmlns=\"http://www.ivoa.net/xml/VOTable/v1.3\">\n"
	                  "<RESOURCE>\n<TABLE>\n");
	for (int i = 0; i < s->nfields; i++)
		put_field(out, &s->fields[i]);
	cat_text_add(out, "</TABLE>\n</RESOURCE>\n</VOTABLE>\n");
}

/* --- reading --- */

struct reading {
	struct cat_votable_field *fields;
	size_t n, cap;
	int depth;
	int table, field; /* depths of the open elements; 0: none is */
	bool votable, ended; /* the outermost element; the first table */
	bool in_description;
	bool out_of_memory;
	struct cat_text text;
};

/* S[0,N) with every run of blanks as one and none at the ends; NULL when nothing is left. The caller frees it. */
static char *single_blanks(struct reading *r, const char *s, size_t n)
{
	char *copy, *to;

	if (n > TEXT_MAX)
		for (n = TEXT_MAX; n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80; n--)
			;
	to = copy = cat_malloc(n + 1);
	if (!copy) {
		r->out_of_memory = true;
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		const bool blank = s[i] == ' ' || s[i] == '\n' || s[i] == '\t' || s[i] == '\r';

		if (!blank)
			*to++ = s[i];
		else if (to > copy && to[-1] != ' ')
			*to++ = ' ';
	}
	if (to > copy && to[-1] == ' ')
		to--;
	*to = '\0';
	if (to == copy) {
		cat_free(copy);
		return NULL;
	}
	return copy;
}

static void begin_field(struct reading *r, const char *const *attributes)
{
	struct cat_votable_field *f;

	if (cat_grow(&r->fields, &r->cap, r->n, sizeof *r->fields) != 0) {
		r->out_of_memory = true;
		return;
	}
	f = &r->fields[r->n++];
	memset(f, 0, sizeof *f);
	for (; attributes[0]; attributes += 2) {
		if (strcmp(attributes[0], "name") == 0 && !f->name) {
			f->name = cat_strdup(attributes[1]);
			r->out_of_memory |= !f->name;
		}
		for (int k = 0; k < CAT_VOTABLE_WORDS; k++)
			if (words[k].attribute && strcmp(attributes[0], words[k].attribute) == 0 && !f->words[k])
				f->words[k] = single_blanks(r, attributes[1], strlen(attributes[1]));
	}
}

static void on_begin(void *arg, const char *name, const char *const *attributes)
{
	struct reading *r = arg;

	if (++r->depth == 1)
		r->votable = strcmp(name, "VOTABLE") == 0;
	if (!r->votable || r->ended || r->out_of_memory)
		return;
	if (!r->table && strcmp(name, "TABLE") == 0) {
		r->table = r->depth;
	} else if (r->table && r->depth == r->table + 1 && strcmp(name, "FIELD") == 0) {
		r->field = r->depth;
		begin_field(r, attributes);
	} else if (r->field && r->depth == r->field + 1 && strcmp(name, "DESCRIPTION") == 0) {
		r->in_description = true;
		r->text.len = 0;
	}
}

static void on_text(void *arg, const char *s, size_t n)
{
	struct reading *r = arg;

	/* One byte more than is kept, to find the end of its last character. */
	if (r->in_description && r->text.len <= TEXT_MAX)
		cat_text_addn(&r->text, s, n < TEXT_MAX + 1 - r->text.len ? n : TEXT_MAX + 1 - r->text.len);
}

static void on_end(void *arg, const char *name)
{
	struct reading *r = arg;

	(void)name;
	if (r->in_description && r->depth == r->field + 1) {
		char **to = &r->fields[r->n - 1].words[CAT_VOTABLE_DESCRIPTION];

		if (!*to && r->text.len)
			*to = single_blanks(r, r->text.s, r->text.len);
		r->in_description = false;
	}
	if (r->depth == r->field)
		r->field = 0;
	if (r->table && r->depth == r->table) {
		r->table = 0;
		r->ended = true;
	}
	r->depth--;
}

int cat_votable_read(const char *text, size_t n, struct cat_votable_field **out, size_t *nfields, struct cat_error *err)
{
	struct reading r = {.text = {.max = TEXT_MAX + 2}};
	const struct cat_xml_events events = {on_begin, on_text, on_end, &r};
	int rc;

	if (n > DOCUMENT_MAX)
		return cat_fail(err, CAT_E_UNSUPPORTED, "a VOTable header of more than 64 MiB");
	rc = cat_xml_parse(text, n, &events, err);
	if (rc == CAT_OK && (r.out_of_memory || r.text.failed))
		rc = cat_fail_mem(err, sizeof *r.fields);
	else if (rc == CAT_OK && !r.ended)
		rc = cat_fail(err, CAT_E_DATA, "no VOTable with a table");
	cat_text_fini(&r.text);
	if (rc != CAT_OK) {
		cat_votable_free(r.fields, r.n);
		return rc;
	}
	*out = r.fields;
	*nfields = r.n;
	return CAT_OK;
}

void cat_votable_free(struct cat_votable_field *fields, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		cat_free(fields[i].name);
		for (int k = 0; k < CAT_VOTABLE_WORDS; k++)
			cat_free(fields[i].words[k]);
	}
	cat_free(fields);
}
