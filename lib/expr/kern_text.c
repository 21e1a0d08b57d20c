#include <string.h>

#include "columnar/builder.h"
#include "expr/func.h"
#include "expr/node.h"

static const struct cat_field text_field = {.type = {.id = CAT_T_UTF8}};

/* Bytes of the character that begins at S; at least one, at most N. */
static int32_t char_len(const char *s, int32_t n)
{
	const unsigned char c = (unsigned char)*s;
	const int32_t want = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	int32_t k = 1;

	while (k < want && k < n && ((unsigned char)s[k] & 0xc0) == 0x80)
		k++;
	return k;
}

static int64_t char_count(const char *s, int32_t n)
{
	int64_t chars = 0;

	for (int32_t i = 0; i < n; i++)
		chars += ((unsigned char)s[i] & 0xc0) != 0x80;
	return chars;
}

static char fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

int cat_kernel_case_text(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
			 struct cat_vec *out, struct cat_error *err)
{
	const char low = nd->func->code == CAT_F_UPPER ? 'a' : 'A', high = (char)(low + 25);
	const int32_t *o = cat_column_offsets(a[0].c);
	const size_t bytes = (size_t)(o[n] - o[0]);
	int32_t *off;

	(void)ev;
	CAT_TRY(cat_column_new(&text_field.type, n, 0, &out->c, err));
	CAT_TRY(cat_buf_new(((size_t)n + 1) * sizeof *off, &out->c->offsets, err));
	CAT_TRY(cat_buf_new(bytes, &out->c->data, err));
	off = (int32_t *)(void *)out->c->offsets->data;
	for (int64_t i = 0; i <= n; i++)
		off[i] = o[i] - o[0];
	for (size_t i = 0; i < bytes; i++) {
		const char c = (char)a[0].c->data->data[(size_t)o[0] + i];

		out->c->data->data[i] = (uint8_t)(c >= low && c <= high ? c ^ 0x20 : c);
	}
	return cat_vec_valid_and(a, 1, n, out->c, err);
}

int cat_kernel_length(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
		      struct cat_vec *out, struct cat_error *err)
{
	(void)ev, (void)nd;
	CAT_TRY(cat_vec_fixed(cat_cls_type(CAT_CLS_I64, CAT_UNIT_S), n, out, err));
	for (int64_t i = 0; i < n; i++) {
		int32_t len;
		const char *s = cat_column_text(a[0].c, i, &len);

		((int64_t *)(void *)out->c->data->data)[i] = char_count(s, len);
	}
	return cat_vec_valid_and(a, 1, n, out->c, err);
}

/* --- functions that build text: one row each --- */

typedef int row_function(const struct cat_node *nd, const struct cat_vec *a, int64_t i, struct cat_builder *b,
			 struct cat_error *err);

static int build_rows(const struct cat_node *nd, const struct cat_vec *a, int64_t n, bool skip_nulls,
		      row_function *row, struct cat_vec *out, struct cat_error *err)
{
	struct cat_builder b;
	int rc;

	CAT_TRY(cat_builder_init(&b, &text_field, err));
	rc = cat_builder_reserve(&b, n, err);
	for (int64_t i = 0; rc == CAT_OK && i < n; i++)
		rc = skip_nulls || cat_vec_all_valid(a, nd->nuse, i) ? row(nd, a, i, &b, err)
								     : cat_builder_null(&b, err);
	if (rc == CAT_OK)
		rc = cat_builder_finish(&b, &out->c, err);
	cat_builder_fini(&b);
	return rc;
}

/* Characters FROM (from 1) to before END; what lies outside the text is left out (SQL:2003 6.29). */
static int substring_row(const struct cat_node *nd, const struct cat_vec *a, int64_t i, struct cat_builder *b,
			 struct cat_error *err)
{
	int64_t from = CAT_AT(a[1], int64_t, i), end = INT64_MAX, at = 1;
	int32_t len, first, last;
	const char *s = cat_vec_text(&a[0], i, &len);

	if (nd->nuse > 2 && __builtin_add_overflow(from, CAT_AT(a[2], int64_t, i), &end))
		end = CAT_AT(a[2], int64_t, i) > 0 ? INT64_MAX : INT64_MIN;
	for (first = 0; first < len && at < from; at++)
		first += char_len(s + first, len - first);
	for (last = first; last < len && at < end; at++)
		last += char_len(s + last, len - last);
	return cat_builder_text(b, s + first, (size_t)(last - first), err);
}

int cat_kernel_substring(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
			 struct cat_vec *out, struct cat_error *err)
{
	(void)ev;
	return build_rows(nd, a, n, false, substring_row, out, err);
}

static int trim_row(const struct cat_node *nd, const struct cat_vec *a, int64_t i, struct cat_builder *b,
		    struct cat_error *err)
{
	int32_t len;
	const char *s = cat_vec_text(&a[0], i, &len);

	while (nd->func->code != CAT_F_LTRIM && len > 0 && s[len - 1] == ' ')
		len--;
	while (nd->func->code != CAT_F_RTRIM && len > 0 && *s == ' ') {
		s++;
		len--;
	}
	return cat_builder_text(b, s, (size_t)len, err);
}

int cat_kernel_trim(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
		    struct cat_vec *out, struct cat_error *err)
{
	(void)ev;
	return build_rows(nd, a, n, false, trim_row, out, err);
}

/* Adds to the row being built, which cat_builder_text began. */
static int more_text(struct cat_builder *b, const char *s, size_t n, struct cat_error *err)
{
	int32_t *end = (int32_t *)(void *)b->offsets->data + b->length;
	const size_t have = (size_t)*end;

	if (n > (size_t)INT32_MAX - have)
		return cat_fail(err, CAT_E_UNSUPPORTED, "more than 2 GiB of text in one column of one batch");
	CAT_TRY(cat_buf_resize(&b->data, have + n, err));
	if (n)
		memcpy(b->data->data + have, s, n);
	*end = (int32_t)(have + n);
	return CAT_OK;
}

static int replace_row(const struct cat_node *nd, const struct cat_vec *a, int64_t i, struct cat_builder *b,
		       struct cat_error *err)
{
	int32_t len, nold, nnew, from = 0;
	const char *s = cat_vec_text(&a[0], i, &len), *old = cat_vec_text(&a[1], i, &nold);
	const char *with = cat_vec_text(&a[2], i, &nnew);

	(void)nd;
	CAT_TRY(cat_builder_text(b, s, 0, err));
	for (int32_t k = 0; nold > 0 && k + nold <= len;) {
		if (memcmp(s + k, old, (size_t)nold) != 0) {
			k++;
			continue;
		}
		CAT_TRY(more_text(b, s + from, (size_t)(k - from), err));
		CAT_TRY(more_text(b, with, (size_t)nnew, err));
		from = k += nold;
	}
	return more_text(b, s + from, (size_t)(len - from), err);
}

int cat_kernel_replace(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
		       struct cat_vec *out, struct cat_error *err)
{
	(void)ev;
	return build_rows(nd, a, n, false, replace_row, out, err);
}

static int concat_row(const struct cat_node *nd, const struct cat_vec *a, int64_t i, struct cat_builder *b,
		      struct cat_error *err)
{
	CAT_TRY(cat_builder_text(b, "", 0, err));
	for (int k = 0; k < nd->nuse; k++) {
		int32_t n;
		const char *s;

		if (!cat_vec_valid(&a[k], i))
			continue;
		s = cat_vec_text(&a[k], i, &n);
		CAT_TRY(more_text(b, s, (size_t)n, err));
	}
	return CAT_OK;
}

int cat_kernel_concat(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
		      struct cat_vec *out, struct cat_error *err)
{
	(void)ev;
	return build_rows(nd, a, n, nd->op == CAT_OP_CALL, concat_row, out, err);
}

/* --- tests on text --- */

/* Which rows begin with the one text S, into zeroed BITS. */
static void starts_with(const struct cat_column *c, int64_t n, const char *s, int32_t len, uint8_t *bits)
{
	const int32_t *o = cat_column_offsets(c);
	const char *data = (const char *)c->data->data;
	struct cat_probe p;

	cat_probe_init(&p, s, len);
	for (int64_t i = 0; i < n; i++)
		bits[i >> 3] |= (uint8_t)((unsigned)cat_probe_starts(&p, data + o[i], o[i + 1] - o[i]) << (i & 7));
}

int cat_kernel_starts(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
		      struct cat_vec *out, struct cat_error *err)
{
	const bool at_end = nd->func->code == CAT_F_ENDS;

	(void)ev;
	CAT_TRY(cat_vec_fixed(cat_cls_type(CAT_CLS_BOOL, CAT_UNIT_S), n, out, err));
	for (int64_t i = 0; i < n; i++) {
		int32_t len, npart;
		const char *s = cat_vec_text(&a[0], i, &len), *part = cat_vec_text(&a[1], i, &npart);

		if (npart <= len && (npart == 0 || memcmp(at_end ? s + len - npart : s, part, (size_t)npart) == 0))
			cat_bit_set(out->c->data->data, i);
	}
	return cat_vec_valid_and(a, 2, n, out->c, err);
}

/* One element of a pattern at *P: '%', '_' or a byte to match. */
enum part { PART_MANY, PART_ONE, PART_BYTE };
static enum part next_part(const char *pat, size_t npat, size_t *p, int escape, char *byte)
{
	char c = pat[(*p)++];

	if (escape >= 0 && c == (char)escape && *p < npat)
		c = pat[(*p)++];
	else if (c == '%')
		return PART_MANY;
	else if (c == '_')
		return PART_ONE;
	*byte = c;
	return PART_BYTE;
}

/* Goes back to the last '%' only: what an earlier one could take more of, the last one can too. */
bool cat_like_match(const char *s, size_t n, const char *pat, size_t npat, int escape, bool nocase)
{
	size_t i = 0, p = 0, back_i = 0, back_p = 0;
	bool star = false;

	while (i < n || p < npat) {
		char byte = 0;
		size_t q = p;

		if (p < npat) {
			const enum part part = next_part(pat, npat, &q, escape, &byte);

			if (part == PART_MANY) {
				star = true;
				back_i = i;
				back_p = p = q;
				continue;
			}
			if (i < n && part == PART_ONE) {
				i += (size_t)char_len(s + i, (int32_t)(n - i));
				p = q;
				continue;
			}
			if (i < n && (s[i] == byte || (nocase && fold(s[i]) == fold(byte)))) {
				i++;
				p = q;
				continue;
			}
		}
		if (!star || back_i >= n)
			return false;
		back_i += (size_t)char_len(s + back_i, (int32_t)(n - back_i));
		i = back_i;
		p = back_p;
	}
	return true;
}

/* "text%" */
static bool is_prefix(const char *pat, int32_t len)
{
	if (len == 0 || pat[len - 1] != '%')
		return false;
	for (int32_t i = 0; i < len - 1; i++)
		if (pat[i] == '%' || pat[i] == '_')
			return false;
	return true;
}

int cat_kernel_like(struct cat_eval *ev, const struct cat_node *nd, struct cat_vec *a, int64_t n,
		    struct cat_vec *out, struct cat_error *err)
{
	const bool nocase = nd->op == CAT_OP_ILIKE;
	int escape = -1;

	(void)ev;
	CAT_TRY(cat_vec_fixed(cat_cls_type(CAT_CLS_BOOL, CAT_UNIT_S), n, out, err));
	if (nd->nuse == 3)
		escape = (unsigned char)*cat_vec_text(&a[2], 0, &(int32_t){0});
	if (a[1].one && !a[0].one && !nocase && !nd->negated && escape < 0) {
		int32_t len;
		const char *pat = cat_vec_text(&a[1], 0, &len);

		if (is_prefix(pat, len)) {
			starts_with(a[0].c, n, pat, len - 1, out->c->data->data);
			return cat_vec_valid_and(a, 2, n, out->c, err);
		}
	}
	for (int64_t i = 0; i < n; i++) {
		int32_t len, npat;
		const char *s = cat_vec_text(&a[0], i, &len), *pat = cat_vec_text(&a[1], i, &npat);

		if (cat_like_match(s, (size_t)len, pat, (size_t)npat, escape, nocase) != nd->negated)
			cat_bit_set(out->c->data->data, i);
	}
	return cat_vec_valid_and(a, 2, n, out->c, err);
}
