#include "formats/fits_card.h"

#include <string.h>

#include "formats/fits_header.h"

#define VALUE 10 /* where values begin */

static size_t trimmed(const char *s, size_t n)
{
	while (n > 0 && s[n - 1] == ' ')
		n--;
	return n;
}

/* A text value from the quote at P[AT] on, appended to the card's text. Returns where it ends. */
static size_t take_text(struct cat_fits_card *card, const char *p, size_t at)
{
	const size_t from = card->text.len;

	for (at++; at < CAT_FITS_CARD; at++) {
		if (p[at] == '\'' && (at + 1 == CAT_FITS_CARD || p[at + 1] != '\''))
			break;
		at += p[at] == '\'';
		cat_text_addc(&card->text, p[at]);
	}
	if (card->text.s) {
		card->text.len = from + trimmed(card->text.s + from, card->text.len - from);
		card->text.s[card->text.len] = '\0';
	}
	return at < CAT_FITS_CARD ? at + 1 : at;
}

static void take_comment(struct cat_fits_card *card, const char *p, size_t at)
{
	const char *slash = memchr(p + at, '/', CAT_FITS_CARD - at);

	card->comment = p;
	card->ncomment = 0;
	if (!slash)
		return;
	card->comment = slash + 1 + (slash + 1 < p + CAT_FITS_CARD && slash[1] == ' ');
	card->ncomment = trimmed(card->comment, (size_t)(p + CAT_FITS_CARD - card->comment));
}

/* Long text goes on in CONTINUE cards as long as it ends with &. */
static void take_continued(struct cat_fits_cards *c, struct cat_fits_card *card)
{
	while (card->text.len > 0 && card->text.s[card->text.len - 1] == '&' && c->at < c->n) {
		const char *p = c->s + c->at * CAT_FITS_CARD;
		size_t at = 8;

		while (at < CAT_FITS_CARD && p[at] == ' ')
			at++;
		if (memcmp(p, "CONTINUE", 8) != 0 || at == CAT_FITS_CARD || p[at] != '\'')
			return;
		card->text.s[--card->text.len] = '\0';
		take_comment(card, p, take_text(card, p, at));
		c->at++;
	}
}

bool cat_fits_card_next(struct cat_fits_cards *c, struct cat_fits_card *card)
{
	const char *p = c->s + c->at * CAT_FITS_CARD;
	size_t at = VALUE, n = trimmed(p, c->at < c->n ? 8 : 0);

	if (c->at >= c->n)
		return false;
	c->at++;
	memcpy(card->key, p, n);
	card->key[n] = '\0';
	card->is_text = false;
	card->text.len = 0;
	if (card->text.s)
		card->text.s[0] = '\0';
	card->raw[0] = '\0';
	take_comment(card, p, CAT_FITS_CARD);
	if (memcmp(p + 8, "= ", 2) != 0)
		return true;
	while (at < CAT_FITS_CARD && p[at] == ' ')
		at++;
	if (at < CAT_FITS_CARD && p[at] == '\'') {
		card->is_text = true;
		cat_text_addn(&card->text, "", 0);
		take_comment(card, p, take_text(card, p, at));
		take_continued(c, card);
		return true;
	}
	for (n = at; n < CAT_FITS_CARD && p[n] != '/'; n++)
		;
	take_comment(card, p, n);
	n = trimmed(p + at, n - at);
	memcpy(card->raw, p + at, n);
	card->raw[n] = '\0';
	return true;
}

bool cat_fits_number(const char *s, size_t n, double *out)
{
	char buf[80];

	if (n > 0 && *s == '+') {
		s++;
		n--;
	}
	if (n == 0 || n >= sizeof buf || *s == '+')
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!strchr("0123456789+-.eEdD", s[i]) || !s[i])
			return false;
		buf[i] = s[i] == 'D' || s[i] == 'd' ? 'E' : s[i];
	}
	return cat_parse_f64(buf, n, out);
}

bool cat_fits_card_f64(const struct cat_fits_card *card, double *out)
{
	return cat_fits_number(card->raw, strlen(card->raw), out);
}

bool cat_fits_card_i64(const struct cat_fits_card *card, int64_t *out)
{
	const char *s = card->raw + (card->raw[0] == '+');
	double d;

	if (cat_parse_i64(s, strlen(s), out))
		return true;
	/* Some write whole numbers with a point. */
	if (!cat_fits_card_f64(card, &d) || d < -9e15 || d > 9e15 || (double)(int64_t)d != d)
		return false;
	*out = (int64_t)d;
	return true;
}
