#include "formats/csv_lines.h"

#include <stdio.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/alloc.h"
#include "base/simd.h"

/* Bit i of the result: byte i of the 64 at P is A or B. */
static inline uint64_t match64(const char *p, char a, char b)
{
	uint64_t mask = 0;
#ifdef __SSE2__
	const __m128i va = _mm_set1_epi8(a), vb = _mm_set1_epi8(b);

	for (int i = 0; i < 4; i++) {
		const __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));
		const __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(v, va), _mm_cmpeq_epi8(v, vb));

		mask |= (uint64_t)(unsigned)_mm_movemask_epi8(hit) << (16 * i);
	}
#else
	for (int i = 0; i < 64; i++)
		mask |= (uint64_t)(p[i] == a || p[i] == b) << i;
#endif
	return mask;
}

CAT_CLONES int64_t cat_csv_count_lines(const char *s, size_t n)
{
	int64_t lines = 0;
	size_t i = 0;

	for (; n - i >= 64; i += 64)
		lines += __builtin_popcountll(match64(s + i, '\n', '\n'));
	for (; i < n; i++)
		lines += s[i] == '\n';
	return lines;
}

void cat_csv_place(const char *s, size_t at, struct cat_csv_origin o, char out[40])
{
	if (o.line > 0) {
		snprintf(out, 40, "line %lld", (long long)(o.line + cat_csv_count_lines(s, at)));
	} else {
		while (at > 0 && s[at - 1] != '\n')
			at--;
		snprintf(out, 40, "line at byte %lld", (long long)(o.off_bytes + (int64_t)at));
	}
}

size_t cat_csv_field_end(const char *s, size_t n, size_t at, char delimiter, bool *bad, bool *broken)
{
	const size_t from = at;

	if (at < n && s[at] == '"') {
		const char *quote;

		do {
			quote = memchr(s + at + 1, '"', n - at - 1);
			if (!quote) {
				*bad = true;
				return n;
			}
			at = (size_t)(quote - s) + 1;
		} while (at < n && s[at] == '"');
		*broken |= memchr(s + from, '\n', at - from) != NULL;
		*bad |= at < n && s[at] != delimiter && s[at] != '\n' &&
		        (s[at] != '\r' || (at + 1 < n && s[at + 1] != '\n'));
	}
	while (at < n && s[at] != delimiter && s[at] != '\n')
		at++;
	return at;
}

/* Text with quotes, one separator or quote after the other. */
struct quotes {
	size_t start;  /* of the field */
	size_t closed; /* one past the quote that closed it; 0: none did */
	bool open;     /* inside quotes */
	bool broken;   /* a line break was */
	bool bad;      /* text follows a closing quote */
};

/* S[at] is a separator or a quote. Returns whether it ends the field. */
static inline bool meet(struct quotes *q, const char *s, size_t at)
{
	if (s[at] == '"') {
		if (q->open) {
			q->open = false;
			q->closed = at + 1;
		} else if (at == q->start || at == q->closed) {
			/* The field's first byte, or the second half of a doubled quote. Elsewhere it is text. */
			q->open = true;
		} else {
			q->bad |= q->closed != 0;
		}
		return false;
	}
	if (q->open) {
		q->broken |= s[at] == '\n';
		return false;
	}
	if (q->closed)
		q->bad |= q->closed != at && !(q->closed + 1 == at && s[at] == '\n' && s[q->closed] == '\r');
	q->start = at + 1;
	q->closed = 0;
	return true;
}

/* Bit i: byte i of S + AT, at most N in all, is a separator or a quote. */
static uint64_t special64(const char *s, size_t at, size_t n, char delimiter)
{
	char tail[64] = {0};

	if (n - at >= 64)
		return match64(s + at, delimiter, '\n') | match64(s + at, '"', '"');
	memcpy(tail, s + at, n - at);
	return (match64(tail, delimiter, '\n') | match64(tail, '"', '"')) & ((UINT64_C(1) << (n - at)) - 1);
}

size_t cat_csv_last_line(const char *s, size_t n, char delimiter, bool *quoted)
{
	struct quotes q = {0};
	size_t line = 0;

	if (!memchr(s, '"', n)) {
		while (n > 0 && s[n - 1] != '\n')
			n--;
		return n;
	}
	for (size_t i = 0; i < n; i += 64)
		for (uint64_t mask = special64(s, i, n, delimiter); mask; mask &= mask - 1) {
			const size_t at = i + (size_t)__builtin_ctzll(mask);

			if (meet(&q, s, at) && s[at] == '\n')
				line = at + 1;
		}
	*quoted |= q.broken;
	return line;
}

/* --- rows --- */

void cat_csv_rows_fini(struct cat_csv_rows *r)
{
	cat_free(r->begin);
	memset(r, 0, sizeof *r);
}

/* Where separators stand; the end of S counts as one when no line feed is there. */
struct marks {
	uint32_t *at;
	size_t n, cap;
};

static int marks_room(struct marks *m, size_t more, struct cat_error *err)
{
	uint32_t *at;
	size_t cap;

	if (m->n + more <= m->cap)
		return CAT_OK;
	cap = m->cap + m->cap / 2 + more;
	at = cat_realloc(m->at, cap, sizeof *at);
	if (!at)
		return cat_fail_mem(err, cap * sizeof *at);
	m->at = at;
	m->cap = cap;
	return CAT_OK;
}

/* Appends the places of MASK's bits, counted from AT on, to TO; eight are written at once, for how many there are
 * comes in no order that could be learnt. */
static inline uint32_t *put_marks(uint64_t mask, uint32_t at, uint32_t *to)
{
	const int n = __builtin_popcountll(mask);

	for (int i = 0; i < n; i += 8)
		for (int k = 0; k < 8; k++, mask &= mask - 1)
			to[i + k] = at + (uint32_t)__builtin_ctzll(mask | UINT64_C(1) << 63);
	return to + n;
}

/* Separators in the N x 64 bytes at S to TO, which has room for all and eight more; gives the end. */
CAT_CLONES static uint32_t *mark_blocks(const char *s, size_t n, uint32_t first, char delimiter, uint32_t *to)
{
	for (size_t i = 0; i < n; i++)
		to = put_marks(match64(s + 64 * i, delimiter, '\n'), first + 64 * (uint32_t)i, to);
	return to;
}

static int mark_plain(const char *s, size_t n, char delimiter, struct marks *m, struct cat_error *err)
{
	enum { BLOCKS = 16 };
	size_t i = 0;

	for (; n - i >= 64;) {
		const size_t blocks = (n - i) / 64 < BLOCKS ? (n - i) / 64 : BLOCKS;

		CAT_TRY(marks_room(m, 64 * BLOCKS + 80, err));
		m->n = (size_t)(mark_blocks(s + i, blocks, (uint32_t)i, delimiter, m->at + m->n) - m->at);
		i += 64 * blocks;
	}
	CAT_TRY(marks_room(m, 80, err));
	for (; i < n; i++)
		if (s[i] == delimiter || s[i] == '\n')
			m->at[m->n++] = (uint32_t)i;
	return CAT_OK;
}

static int mark_quoted(const char *s, size_t n, char delimiter, struct cat_csv_origin o, struct marks *m,
                       struct cat_error *err)
{
	struct quotes q = {0};
	size_t last = 0;

	for (size_t i = 0; i < n && !q.bad; i += 64) {
		CAT_TRY(marks_room(m, 65, err));
		for (uint64_t mask = special64(s, i, n, delimiter); mask && !q.bad; mask &= mask - 1) {
			const size_t at = i + (size_t)__builtin_ctzll(mask), start = q.start;

			if (meet(&q, s, at)) {
				m->at[m->n++] = (uint32_t)at;
				last = start;
			}
		}
	}
	/* The last field may end without a separator. */
	if (!q.bad && q.closed && q.closed < n)
		q.bad = q.closed + 1 != n || s[q.closed] != '\r';
	if (q.bad || q.open) {
		char place[40];

		cat_csv_place(s, q.open || q.start < n ? q.start : last, o, place);
		return cat_fail(err, CAT_E_DATA, "%s: %s", place,
		                q.open ? "a quote that is never closed" : "text after a closing quote");
	}
	return CAT_OK;
}

static int ragged(const char *s, size_t n, const struct marks *m, size_t first, size_t start,
                  struct cat_csv_origin o, int ncols, struct cat_error *err)
{
	size_t last = first;
	char place[40];

	while (last < m->n && m->at[last] < n && s[m->at[last]] != '\n')
		last++;
	cat_csv_place(s, start, o, place);
	return cat_fail(err, CAT_E_DATA, "%s: %zu field%s where the header has %d", place, last - first + 1,
	                last == first ? "" : "s", ncols);
}

/* Separators to rows; empty lines fall out. */
static int arrange(const char *s, size_t n, const struct marks *m, struct cat_csv_origin o, struct cat_csv_rows *out,
                   struct cat_error *err)
{
	const size_t last_col = (size_t)out->ncols - 1, stride = m->n / (size_t)out->ncols + 1;
	size_t start = 0, i = 0;
	uint32_t *to;

	out->stride = (int64_t)stride;
	out->begin = to = cat_malloc(stride * (last_col + 2) * sizeof *out->begin);
	if (!to)
		return cat_fail_mem(err, stride * (last_col + 2) * sizeof *out->begin);
	while (i < m->n) {
		const uint32_t *at = m->at + i;
		const size_t left = m->n - 1 - i, most = left < last_col ? left : last_col;
		size_t k = 0;

		for (; k < most && s[at[k]] != '\n'; k++)
			to[(k + 1) * stride] = at[k] + 1;
		if (k == 0 && (at[0] == n || s[at[0]] == '\n') &&
		    (at[0] == start || (at[0] == start + 1 && s[start] == '\r'))) {
			start = at[0] + 1;
			i++;
			continue;
		}
		if (k != last_col || (at[k] != n && s[at[k]] != '\n'))
			return ragged(s, n, m, i, start, o, out->ncols, err);
		to[0] = (uint32_t)start;
		start = at[k] + 1;
		to++[(k + 1) * stride] = (uint32_t)start;
		i += k + 1;
	}
	out->nrows = to - out->begin;
	return CAT_OK;
}

int cat_csv_split(const char *s, size_t n, char delimiter, int ncols, struct cat_csv_origin o,
                  struct cat_csv_rows *out, struct cat_error *err)
{
	const char *nul = memchr(s, '\0', n);
	struct marks m = {0};
	char place[40];
	int rc;

	*out = (struct cat_csv_rows){.s = s, .ncols = ncols};
	if (nul) {
		cat_csv_place(s, (size_t)(nul - s), o, place);
		return cat_fail(err, CAT_E_DATA, "%s: a NUL byte", place);
	}
	rc = marks_room(&m, n / 8 + 80, err);
	if (rc == CAT_OK)
		rc = memchr(s, '"', n) ? mark_quoted(s, n, delimiter, o, &m, err) : mark_plain(s, n, delimiter, &m, err);
	if (rc == CAT_OK && n && (m.n == 0 || m.at[m.n - 1] != n - 1 || s[n - 1] != '\n'))
		m.at[m.n++] = (uint32_t)n;
	if (rc == CAT_OK)
		rc = arrange(s, n, &m, o, out, err);
	cat_free(m.at);
	if (rc != CAT_OK)
		cat_csv_rows_fini(out);
	return rc;
}

/* --- fields --- */

uint64_t cat_csv_fields(const struct cat_csv_rows *r, int64_t row, int n, int col, uint32_t *from, uint32_t *len)
{
	const uint32_t *begin = r->begin + col * r->stride + row, *next = begin + r->stride;
	uint64_t empty = 0;

	for (int i = 0; i < n; i++) {
		from[i] = begin[i];
		len[i] = next[i] - 1 - begin[i];
	}
	for (int i = 0; col == r->ncols - 1 && i < n; i++)
		len[i] -= len[i] && r->s[from[i] + len[i] - 1] == '\r';
	for (int i = 0; i < n; i++)
		empty |= (uint64_t)(len[i] == 0) << i;
	return empty;
}

size_t cat_csv_unquote(struct cat_csv_field f, char *out)
{
	size_t n = 0;

	if (!f.quoted) {
		memcpy(out, f.s, f.n);
		return f.n;
	}
	for (size_t i = 0; i < f.n; i++) {
		out[n++] = f.s[i];
		if (f.s[i] == '"')
			i++;
	}
	return n;
}

struct cat_csv_field cat_csv_trim(struct cat_csv_field f)
{
	while (f.n && (*f.s == ' ' || *f.s == '\t'))
		f.s++, f.n--;
	while (f.n && (f.s[f.n - 1] == ' ' || f.s[f.n - 1] == '\t'))
		f.n--;
	return f;
}

bool cat_csv_is_bool(const char *s, size_t n)
{
	return (n == 4 && strncasecmp(s, "true", 4) == 0) || (n == 5 && strncasecmp(s, "false", 5) == 0);
}

unsigned cat_csv_look(struct cat_csv_field f, unsigned seen)
{
	const int64_t exact = INT64_C(1) << 53;
	int64_t i;
	uint64_t u;
	double d;

	if (seen & CAT_CSV_TEXT)
		return seen;
	f = cat_csv_trim(f);
	if (cat_csv_is_null(f, false))
		return seen;
	if ((seen & CAT_CSV_FLOAT) && cat_parse_f64_padded(f.s, f.n, &d))
		return seen;
	if (cat_parse_i64(f.s, f.n, &i))
		return seen | CAT_CSV_INT | (i < 0 ? CAT_CSV_NEGATIVE : 0) |
		       (i > exact || i < -exact ? CAT_CSV_BEYOND_F64 : 0);
	if (cat_parse_u64(f.s, f.n, &u))
		return seen | CAT_CSV_INT | CAT_CSV_BEYOND_I64 | CAT_CSV_BEYOND_F64;
	if (cat_parse_f64(f.s, f.n, &d))
		return seen | CAT_CSV_FLOAT;
	if (cat_csv_is_bool(f.s, f.n))
		return seen | CAT_CSV_BOOL;
	return seen | CAT_CSV_TEXT;
}
