#include "dataset/sesame.h"

#include <ctype.h>
#include <string.h>

#include "net/ask.h"
#include "net/url.h"
#include "sky/angle.h"
#include "storage/keep.h"

#define MAX_ANSWER ((size_t)1 << 20)
#define MAX_NAME 200

static const char *base = CAT_SESAME;

void cat_sesame_configure(const char *b)
{
	base = b;
}

static void trim(const char **s, size_t *n)
{
	while (*n > 0 && isspace((unsigned char)**s))
		++*s, --*n;
	while (*n > 0 && isspace((unsigned char)(*s)[*n - 1]))
		--*n;
}

bool cat_sesame_is_name(const char *s, size_t n)
{
	struct cat_error unused;
	double v;
	bool letter = false, other = false;

	trim(&s, &n);
	for (size_t i = 0; i < n; i++) {
		letter |= isalpha((unsigned char)s[i]) || (unsigned char)s[i] >= 0x80;
		/* Of "05h34m31.9s", "-12d30'", "05 34 31.9 +22 00 52"; an object's letters are mostly others, or capitals. */
		other |= !strchr("0123456789+-.: hmsd'\"", s[i]);
	}
	if (!letter || cat_parse_f64(s, n, &v) || cat_angle_ra(s, n, &v, &unused) == CAT_OK ||
	    cat_angle_dec(s, n, &v, &unused) == CAT_OK)
		return false;
	return other || isalpha((unsigned char)s[0]);
}

/* --- the answer --- */

struct answer {
	struct cat_text ra, dec;
	struct cat_text *into; /* the element that is open */
	bool in_resolver, found;
};

static void on_begin(void *arg, const char *name)
{
	struct answer *a = arg;

	if (a->found)
		return;
	if (strcmp(name, "Resolver") == 0) {
		a->in_resolver = true;
		a->ra.len = a->dec.len = 0;
	}
	a->into = !a->in_resolver                   ? NULL
	          : strcmp(name, "jradeg") == 0 ? &a->ra
	          : strcmp(name, "jdedeg") == 0 ? &a->dec
	                                        : NULL;
}

static void on_text(void *arg, const char *s, size_t n)
{
	const struct answer *a = arg;

	if (a->into)
		cat_text_addn(a->into, s, n);
}

static void on_end(void *arg, const char *name)
{
	struct answer *a = arg;

	a->into = NULL;
	if (strcmp(name, "Resolver") == 0) {
		a->in_resolver = false;
		a->found |= a->ra.len > 0 && a->dec.len > 0;
	}
}

/* A number of degrees and nothing else, with or without a plus. */
static bool degrees(const struct cat_text *t, double least, double most, double *out)
{
	const char *s = t->s;
	size_t n = t->len;

	trim(&s, &n);
	if (n > 1 && *s == '+')
		s++, n--;
	return cat_parse_f64(s, n, out) && *out >= least && *out <= most;
}

int cat_sesame_read(const struct cat_buf *doc, double *ra_deg, double *dec_deg, struct cat_error *err)
{
	struct answer a = {.ra = {.max = 64}, .dec = {.max = 64}};
	const struct cat_answer_events events = {on_begin, on_text, on_end, &a};
	int rc = cat_answer_read(doc, "Sesame", &events, err);

	if (rc == CAT_OK && !a.found)
		rc = cat_fail(err, CAT_E_NOINPUT, "Sesame knows no object of this name");
	else if (rc == CAT_OK && (a.ra.failed || a.dec.failed || !degrees(&a.ra, 0, 360, ra_deg) ||
	                          !degrees(&a.dec, -90, 90, dec_deg)))
		rc = cat_fail(err, CAT_E_PROTOCOL, "Sesame's answer has no position that can be read");
	cat_text_fini(&a.ra);
	cat_text_fini(&a.dec);
	return rc;
}

/* --- asking --- */

static bool recall(const char *name, double *ra_deg, double *dec_deg)
{
	struct cat_buf *b;
	const char *blank;
	int64_t age_s;
	bool fine = false;

	cat_keep_get("sesame", name, &b, &age_s);
	if (!b)
		return false;
	blank = memchr(b->data, ' ', b->size);
	if (blank) {
		const size_t n = (size_t)(blank - (const char *)b->data);

		fine = cat_parse_f64((const char *)b->data, n, ra_deg) && cat_parse_f64(blank + 1, b->size - n - 1, dec_deg);
	}
	cat_buf_unref(b);
	return fine && *ra_deg >= 0 && *ra_deg <= 360 && *dec_deg >= -90 && *dec_deg <= 90;
}

static void remember(const char *name, double ra_deg, double dec_deg)
{
	char line[2 * CAT_NUMBER_MAX + 1];
	size_t n = cat_format_f64(ra_deg, line);

	line[n++] = ' ';
	n += cat_format_f64(dec_deg, line + n);
	cat_keep_put("sesame", name, line, n);
}

static int ask(const char *name, double *ra_deg, double *dec_deg, struct cat_error *err)
{
	struct cat_text url = {.max = 1 << 12};
	struct cat_buf *answer = NULL;
	int rc;

	cat_text_addf(&url, "%s/-oxp/SNV?", base);
	cat_url_encode(&url, name, strlen(name), false);
	rc = cat_text_check(&url, err);
	if (rc == CAT_OK) {
		rc = cat_ask(url.s, MAX_ANSWER, &answer, err);
		/* It is the service that is not there, not the object. */
		if (rc == CAT_E_NOINPUT)
			rc = (int)(err->code = CAT_E_UNAVAIL);
	}
	if (rc == CAT_OK)
		rc = cat_sesame_read(answer, ra_deg, dec_deg, err);
	cat_buf_unref(answer);
	cat_text_fini(&url);
	return rc;
}

int cat_sesame_find(const char *s, size_t n, double *ra_deg, double *dec_deg, struct cat_error *err)
{
	char name[MAX_NAME + 1];
	size_t len = 0;

	trim(&s, &n);
	if (n > MAX_NAME)
		return cat_fail(err, CAT_E_USAGE, "too long for the name of an object");
	/* Blanks are one blank: the same object is asked for once. */
	for (size_t i = 0; i < n; i++)
		if (!isspace((unsigned char)s[i]) || !isspace((unsigned char)s[i + 1]))
			name[len++] = isspace((unsigned char)s[i]) ? ' ' : s[i];
	name[len] = '\0';
	if (recall(name, ra_deg, dec_deg))
		return CAT_OK;
	if (ask(name, ra_deg, dec_deg, err) != CAT_OK)
		return cat_wrap(err, "the object %s", name);
	remember(name, *ra_deg, *dec_deg);
	return CAT_OK;
}

int cat_sesame_cone(const char *text, struct cat_text *out, bool *named, struct cat_error *err)
{
	const char *comma = strchr(text, ',');
	const size_t n = comma ? (size_t)(comma - text) : 0;
	char number[CAT_NUMBER_MAX];
	double ra_deg, dec_deg, radius_deg;

	*named = comma && !strchr(comma + 1, ',') && cat_sesame_is_name(text, n);
	if (!*named) {
		cat_text_add(out, text);
		return cat_text_check(out, err);
	}
	if (cat_angle_radius(comma + 1, strlen(comma + 1), CAT_ANGLE_DEG, &radius_deg, err) != CAT_OK ||
	    cat_sesame_find(text, n, &ra_deg, &dec_deg, err) != CAT_OK)
		return cat_wrap(err, "--cone %.80s", text);
	cat_format_f64(ra_deg, number);
	cat_text_addf(out, "%s,", number);
	cat_format_f64(dec_deg, number);
	cat_text_addf(out, "%s%s", number, comma);
	return cat_text_check(out, err);
}
