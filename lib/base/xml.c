#include "base/xml.h"

#include <expat.h>
#include <string.h>

#include "base/alloc.h"

#define DEPTH_MAX 64
/* expat counts in int. */
#define PIECE ((size_t)1 << 20)

struct reading {
	XML_Parser parser;
	const struct cat_xml_events *events;
	int depth;
	const char *refused; /* why reading was stopped */
};

static void stop(struct reading *r, const char *why)
{
	r->refused = why;
	XML_StopParser(r->parser, XML_FALSE);
}

static const char *local(const char *name)
{
	const char *colon = strrchr(name, ':');

	return colon ? colon + 1 : name;
}

static void XMLCALL on_begin(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct reading *r = arg;

	if (++r->depth > DEPTH_MAX)
		stop(r, "elements nested too deep");
	else
		r->events->begin(r->events->arg, local(name), (const char *const *)attributes);
}

static void XMLCALL on_end(void *arg, const XML_Char *name)
{
	struct reading *r = arg;

	if (r->refused)
		return;
	r->depth--;
	r->events->end(r->events->arg, local(name));
}

static void XMLCALL on_text(void *arg, const XML_Char *s, int n)
{
	const struct reading *r = arg;

	r->events->text(r->events->arg, s, (size_t)n);
}

static void XMLCALL on_entity(void *arg, const XML_Char *name, int is_parameter, const XML_Char *value, int n,
                              const XML_Char *base, const XML_Char *system, const XML_Char *public_id,
                              const XML_Char *notation)
{
	(void)name, (void)is_parameter, (void)value, (void)n, (void)base, (void)system, (void)public_id, (void)notation;
	stop(arg, "entities are declared");
}

static void *grow(void *ptr, size_t size)
{
	return cat_realloc(ptr, size, 1);
}

int cat_xml_parse(const char *text, size_t n, const struct cat_xml_events *events, struct cat_error *err)
{
	const XML_Memory_Handling_Suite memory = {cat_malloc, grow, cat_free};
	struct reading r = {.parser = XML_ParserCreate_MM(NULL, &memory, NULL), .events = events};
	enum XML_Status status;
	int rc = CAT_OK;

	if (!r.parser)
		return cat_fail_mem(err, PIECE);
	XML_SetUserData(r.parser, &r);
	XML_SetElementHandler(r.parser, on_begin, on_end);
	XML_SetCharacterDataHandler(r.parser, on_text);
	XML_SetEntityDeclHandler(r.parser, on_entity);
	do {
		const size_t piece = n < PIECE ? n : PIECE;

		status = XML_Parse(r.parser, text, (int)piece, piece == n);
		text += piece;
		n -= piece;
	} while (status == XML_STATUS_OK && n > 0);
	if (status != XML_STATUS_OK && XML_GetErrorCode(r.parser) == XML_ERROR_NO_MEMORY)
		rc = cat_fail_mem(err, PIECE);
	else if (status != XML_STATUS_OK)
		rc = cat_fail(err, CAT_E_DATA, "XML, line %lu: %s", (unsigned long)XML_GetCurrentLineNumber(r.parser),
		              r.refused ? r.refused : XML_ErrorString(XML_GetErrorCode(r.parser)));
	XML_ParserFree(r.parser);
	return rc;
}
