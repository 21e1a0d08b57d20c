#include "formats/csv_lines.h"

#include <string.h>

#include "base/alloc.h"

#define BLOCK ((size_t)1 << 20)
#define SAMPLE ((size_t)10 << 20)

/* --- whole lines, one block after the other --- */

struct lines {
	struct cat_reader *reader;
	char delimiter;
	bool ranged;        /* read by ranges; else in order */
	int64_t read_bytes; /* of the input so far */
	int64_t end;        /* no line that begins here or later; -1: all */
	struct cat_buf *hold;
	size_t at; /* hold's bytes from here on are still to be given out */
	bool eof;
	bool frozen; /* nothing more is read: this is a look ahead */
	struct cat_csv_origin origin; /* of hold's byte at */
};

static int more(struct lines *l, size_t max, struct cat_buf **out, struct cat_error *err)
{
	const int64_t left = l->reader->size - l->read_bytes;

	if (!l->ranged)
		return l->reader->ops->next(l->reader, max, out, err);
	*out = NULL;
	if (left <= 0)
		return CAT_OK;
	return cat_read_range(l->reader, l->read_bytes, (int64_t)max < left ? max : (size_t)left, out, err);
}

/* At least WANT bytes in hold, or all there are. */
static int fill(struct lines *l, size_t want, struct cat_error *err)
{
	size_t have = l->hold ? l->hold->size - l->at : 0;
	struct cat_buf *b = NULL;
	int rc;

	if (l->eof || l->frozen || have >= want)
		return CAT_OK;
	if (l->reader->size >= 0 && (int64_t)(want - have) > l->reader->size - l->read_bytes)
		want = have + (size_t)(l->reader->size > l->read_bytes ? l->reader->size - l->read_bytes : 0) + 1;
	rc = cat_buf_new(want, &b, err);
	if (rc == CAT_OK && have)
		memcpy(b->data, l->hold->data + l->at, have);
	while (rc == CAT_OK && have < want && !l->eof) {
		struct cat_buf *piece;

		rc = more(l, want - have, &piece, err);
		if (rc != CAT_OK)
			break;
		l->eof = !piece;
		if (piece) {
			memcpy(b->data + have, piece->data, piece->size);
			have += piece->size;
			l->read_bytes += (int64_t)piece->size;
			cat_buf_unref(piece);
		}
	}
	if (rc != CAT_OK) {
		cat_buf_unref(b);
		return rc;
	}
	/* The capacity stays as it was asked for; what lies behind the bytes is padding. */
	memset(b->data + have, 0, want - have < 64 ? want - have : 64);
	b->size = have;
	cat_buf_unref(l->hold);
	l->hold = b;
	l->at = 0;
	return CAT_OK;
}

static int broken_line(const struct lines *l, struct cat_error *err)
{
	return cat_fail(err, CAT_E_UNSUPPORTED,
	                "line breaks inside quotes near byte %lld: such a file cannot be cut into shards",
	                (long long)l->origin.off_bytes);
}

/* How many of the N bytes at P are lines that begin before the end of the range. Outside quotes a line ends at
 * the first line feed at END - 1 or later; 0: it is not among the N. */
static size_t cut_at_end(const struct lines *l, const char *p, size_t n)
{
	const int64_t last = l->end - 1 - l->origin.off_bytes;
	const char *feed;

	if (l->end < 0 || last >= (int64_t)n)
		return n;
	feed = memchr(p + last, '\n', n - (size_t)last);
	return feed ? (size_t)(feed - p) + 1 : 0;
}

/* Length of the next block in hold: whole lines, about WANT bytes; 0: more bytes are needed. */
static int cut(const struct lines *l, size_t want, size_t *len, struct cat_error *err)
{
	const char *p = (const char *)l->hold->data + l->at;
	const size_t have = l->hold->size - l->at, n = have < want ? have : want;
	size_t most = cut_at_end(l, p, n);
	bool broken = false;

	if (most == 0 && l->eof && n == have)
		most = n;
	if (most < n || !(l->eof && n == have)) {
		*len = cat_csv_last_line(p, most, l->delimiter, &broken);
		/* A range ends at a line feed that must end a line. */
		broken |= most && most < n && *len != most;
	} else {
		*len = n;
		if (l->end >= 0)
			cat_csv_last_line(p, n, l->delimiter, &broken);
	}
	return broken && l->end >= 0 ? broken_line(l, err) : CAT_OK;
}

/* The next block and where it stands; *OUT NULL at the end. */
static int lines_next(struct lines *l, size_t block, struct cat_buf **out, struct cat_csv_origin *origin,
                      struct cat_error *err)
{
	size_t want = block, len = 0;
	int rc;

	*out = NULL;
	if (l->end >= 0 && l->origin.off_bytes >= l->end)
		return CAT_OK;
	for (;; want *= 2) {
		CAT_TRY(fill(l, want, err));
		if (l->hold->size == l->at)
			return CAT_OK;
		CAT_TRY(cut(l, want, &len, err));
		if (len)
			break;
		if (l->frozen && want >= l->hold->size - l->at)
			return CAT_OK;
		if (want > CAT_CSV_MAX_LINE)
			return cat_fail(err, CAT_E_DATA, "a line of more than %d MiB (is a quote never closed?)",
			                CAT_CSV_MAX_LINE >> 20);
	}
	*origin = l->origin;
	rc = cat_buf_slice(l->hold, l->at, len, out, err);
	if (rc != CAT_OK)
		return rc;
	if (l->origin.line > 0)
		l->origin.line += cat_csv_count_lines((const char *)l->hold->data + l->at, len);
	l->origin.off_bytes += (int64_t)len;
	l->at += len;
	return CAT_OK;
}

/* From here on by ranges, from the first line that begins at OFF or later. */
static int lines_seek(struct lines *l, int64_t off, int64_t end, struct cat_error *err)
{
	const bool aligned = off == l->origin.off_bytes;
	const char *feed = NULL;

	cat_buf_unref(l->hold);
	l->hold = NULL;
	l->at = 0;
	l->eof = false;
	l->ranged = true;
	l->end = end;
	l->read_bytes = l->origin.off_bytes = aligned ? off : off - 1;
	if (aligned)
		return CAT_OK;
	l->origin.line = 0;
	for (size_t want = BLOCK; !feed; want *= 2) {
		CAT_TRY(fill(l, want, err));
		feed = memchr(l->hold->data, '\n', l->hold->size);
		if (!feed && (l->eof || want > CAT_CSV_MAX_LINE)) {
			/* No line begins in the rest. */
			l->at = l->hold->size;
			l->eof = true;
			return CAT_OK;
		}
	}
	l->at = (size_t)(feed - (const char *)l->hold->data) + 1;
	l->origin.off_bytes += (int64_t)l->at;
	return CAT_OK;
}

/* --- the feed --- */

struct csv_feed {
	struct cat_feed base;
	struct lines lines;
	struct cat_csv_types types;
	int64_t body; /* bytes in front of the first row */
	size_t block_bytes;
};

struct csv_work {
	struct cat_work base;
	const struct csv_feed *feed;
	struct cat_buf *text;
	struct cat_csv_origin origin;
};

static int work_decode(struct cat_work *work, const int *cols, int n, struct cat_batch **out,
                       struct cat_error *err)
{
	const struct csv_work *w = (const struct csv_work *)work;
	const struct csv_feed *f = w->feed;
	struct cat_schema *schema;
	struct cat_csv_rows rows;
	struct cat_batch *b = NULL;
	int rc = cat_csv_split((const char *)w->text->data, w->text->size, f->lines.delimiter, f->types.n, w->origin,
	                       &rows, err);

	if (rc != CAT_OK)
		return rc;
	/* Without columns COLS may be NULL, which the projection takes for all. */
	rc = cat_schema_project(f->base.schema, n ? cols : &(int){0}, n, &schema, err);
	if (rc == CAT_OK) {
		rc = cat_batch_new(schema, rows.nrows, &b, err);
		cat_schema_unref(schema);
	}
	for (int i = 0; rc == CAT_OK && i < n; i++)
		rc = cat_csv_decode(&rows, cols[i], &f->base.schema->fields[cols[i]], w->origin, &b->cols[i], err);
	cat_csv_rows_fini(&rows);
	if (rc != CAT_OK) {
		cat_batch_unref(b);
		return rc;
	}
	*out = b;
	return CAT_OK;
}

static void work_free(struct cat_work *work)
{
	struct csv_work *w = (struct csv_work *)work;

	cat_buf_unref(w->text);
	cat_free(w);
}

static const struct cat_work_ops work_ops = {.decode = work_decode, .free = work_free};

static int feed_next(struct cat_feed *feed, struct cat_work **out, struct cat_error *err)
{
	struct csv_feed *f = (struct csv_feed *)feed;
	struct cat_csv_origin origin;
	struct cat_buf *text;
	struct csv_work *w;

	*out = NULL;
	CAT_TRY(lines_next(&f->lines, f->block_bytes, &text, &origin, err));
	if (!text)
		return CAT_OK;
	w = cat_calloc(1, sizeof *w);
	if (!w) {
		cat_buf_unref(text);
		return cat_fail_mem(err, sizeof *w);
	}
	w->base.ops = &work_ops;
	w->base.nrows = -1;
	w->base.bytes = (int64_t)text->size;
	w->feed = f;
	w->text = text;
	w->origin = origin;
	*out = &w->base;
	return CAT_OK;
}

static void feed_close(struct cat_feed *feed)
{
	struct csv_feed *f = (struct csv_feed *)feed;

	cat_schema_unref(f->base.schema);
	cat_csv_types_fini(&f->types);
	cat_buf_unref(f->lines.hold);
	cat_reader_close(f->lines.reader);
	cat_free(f);
}

static const struct cat_feed_ops feed_ops = {feed_next, feed_close};

/* --- header and types --- */

/* Past a byte order mark, comments and empty lines; what is passed counts. */
static size_t skip_preamble(const char *s, size_t n, int64_t *line)
{
	size_t at = n >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

	while (at < n && (s[at] == '#' || s[at] == '\n' || s[at] == '\r')) {
		const char *feed = s[at] == '\r' && (at + 1 == n || s[at + 1] != '\n') ? NULL
		                                                                         : memchr(s + at, '\n', n - at);

		if (s[at] == '\r' && !feed)
			break;
		at = feed ? (size_t)(feed - s) + 1 : n;
		++*line;
	}
	return at;
}

static int add_name(struct cat_csv_types *t, size_t *cap, struct cat_csv_field x, struct cat_error *err)
{
	char *name;

	if (!x.quoted)
		x = cat_csv_trim(x);
	if (!cat_utf8_valid(x.s, x.n, NULL) || memchr(x.s, '\0', x.n))
		return cat_fail(err, CAT_E_DATA, "header: not valid UTF-8 text");
	if (memchr(x.s, '\r', x.n))
		return cat_fail(err, CAT_E_UNSUPPORTED, "lines that end in a carriage return alone");
	name = cat_malloc(x.n + 1);
	if (!name || cat_grow(&t->cols, cap, (size_t)t->n, sizeof *t->cols) != 0) {
		cat_free(name);
		return cat_fail_mem(err, x.n);
	}
	name[cat_csv_unquote(x, name)] = '\0';
	t->cols[t->n++] = (struct cat_csv_column){name, 0};
	return CAT_OK;
}

static int read_header(struct csv_feed *f, struct cat_error *err)
{
	struct lines *l = &f->lines;
	const char *s = (const char *)l->hold->data;
	const size_t n = l->hold->size;
	size_t at = skip_preamble(s, n, &l->origin.line), cap = 0;
	bool bad = false, broken = false, last = false;

	if (at == n)
		return cat_fail(err, CAT_E_DATA, n ? "no header line" : "empty input");
	while (!last) {
		const size_t end = cat_csv_field_end(s, n, at, l->delimiter, &bad, &broken);

		last = end == n || s[end] == '\n';
		if (bad || (end == n && !l->eof))
			return cat_fail(err, CAT_E_DATA, "header: %s", bad ? "a quote that is not closed or not at the end"
			                                                   : "a line of more than 10 MiB");
		CAT_TRY(add_name(&f->types, &cap, cat_csv_field_at(s + at, end - at, last), err));
		l->origin.line += cat_csv_count_lines(s + at, end - at);
		at = end + 1;
	}
	l->origin.line++;
	l->at = at < n ? at : n;
	f->body = l->origin.off_bytes = (int64_t)l->at;
	return CAT_OK;
}

/* FORCED: of which columns the types are given. */
static int look_at(struct csv_feed *f, const bool *forced, const struct cat_buf *text, struct cat_csv_origin o,
                   struct cat_error *err)
{
	struct cat_csv_rows rows;

	CAT_TRY(cat_csv_split((const char *)text->data, text->size, f->lines.delimiter, f->types.n, o, &rows, err));
	for (int c = 0; c < f->types.n; c++)
		for (int64_t r = 0; !forced[c] && r < rows.nrows; r++)
			f->types.cols[c].seen = cat_csv_look(cat_csv_field(&rows, r, c), f->types.cols[c].seen);
	cat_csv_rows_fini(&rows);
	return CAT_OK;
}

/* Looks at all that L gives; L is a copy, whose hold is not its own. */
static int infer(struct csv_feed *f, const bool *forced, struct lines l, struct cat_error *err)
{
	int rc = CAT_OK;

	cat_buf_ref(l.hold);
	while (rc == CAT_OK) {
		struct cat_csv_origin origin;
		struct cat_buf *text;

		rc = lines_next(&l, BLOCK, &text, &origin, err);
		if (rc != CAT_OK || !text)
			break;
		rc = look_at(f, forced, text, origin, err);
		cat_buf_unref(text);
	}
	cat_buf_unref(l.hold);
	return rc;
}

static int find_types(struct csv_feed *f, const struct cat_csv_options *o, struct cat_error *err)
{
	struct lines l = f->lines;
	bool *forced;
	int open = f->types.n, rc;

	if (o->types) {
		for (int i = 0; i < f->types.n; i++)
			for (int k = 0; k < o->types->n; k++)
				if (strcmp(f->types.cols[i].name, o->types->cols[k].name) == 0) {
					f->types.cols[i].seen = o->types->cols[k].seen;
					break;
				}
		return CAT_OK;
	}
	if (o->full_infer && l.reader->size < 0)
		return cat_fail(err, CAT_E_USAGE, "looking at the whole input for types needs a file, not a pipe");
	/* What is in hold was read in order; the rest is read by ranges, so that it can be read again. */
	l.frozen = !o->full_infer;
	l.ranged = o->full_infer;
	forced = cat_calloc((size_t)f->types.n, sizeof *forced);
	if (!forced)
		return cat_fail_mem(err, (size_t)f->types.n);
	for (int i = 0; i < f->types.n; i++) {
		for (int k = 0; !forced[i] && k < o->nforced; k++)
			forced[i] = strcmp(f->types.cols[i].name, o->forced[k].name) == 0;
		open -= forced[i];
	}
	rc = open ? infer(f, forced, l, err) : CAT_OK;
	cat_free(forced);
	return rc;
}

static int make_schema(struct csv_feed *f, const struct cat_csv_options *o, struct cat_error *err)
{
	struct cat_schema *s;

	CAT_TRY(cat_schema_new(f->types.n, &s, err));
	f->base.schema = s;
	for (int i = 0; i < f->types.n; i++)
		CAT_TRY(cat_field_init(&s->fields[i], f->types.cols[i].name, cat_csv_type(f->types.cols[i].seen), err));
	for (int i = 0; i < o->nforced; i++) {
		const enum cat_type_id id = o->forced[i].type;
		int col;

		CAT_TRY(cat_schema_need(s, o->forced[i].name, &col, err));
		if (id != CAT_T_BOOL && !cat_type_is_number(id) && id != CAT_T_UTF8 && id != CAT_T_DATE32)
			return cat_fail(err, CAT_E_USAGE, "column '%s': CSV cannot be read as this type", o->forced[i].name);
		s->fields[col].type.id = id;
	}
	return CAT_OK;
}

static int open_feed(struct csv_feed *f, const struct cat_csv_options *o, struct cat_error *err)
{
	struct lines *l = &f->lines;
	int64_t begin = o->range_begin;

	if (l->delimiter == '"' || l->delimiter == '\n' || l->delimiter == '\r')
		return cat_fail(err, CAT_E_USAGE, "a delimiter that CSV cannot have");
	CAT_TRY(fill(l, SAMPLE, err));
	CAT_TRY(read_header(f, err));
	CAT_TRY(find_types(f, o, err));
	CAT_TRY(make_schema(f, o, err));
	if (o->range_end == 0)
		return CAT_OK;
	if (l->reader->size < 0)
		return cat_fail(err, CAT_E_USAGE, "a part of an input needs a file, not a pipe");
	if (begin < f->body)
		begin = f->body;
	return lines_seek(l, begin, o->range_end, err);
}

int cat_csv_feed(struct cat_reader *r, const struct cat_csv_options *o, struct cat_feed **out,
                 struct cat_error *err)
{
	static const struct cat_csv_options defaults = {0};
	struct csv_feed *f = cat_calloc(1, sizeof *f);
	int rc;

	if (!f) {
		cat_reader_close(r);
		return cat_fail_mem(err, sizeof *f);
	}
	if (!o)
		o = &defaults;
	f->base.ops = &feed_ops;
	f->base.nrows = -1;
	f->block_bytes = o->block_bytes ? o->block_bytes : BLOCK;
	f->lines = (struct lines){.reader = r, .delimiter = o->delimiter ? o->delimiter : ',', .end = -1};
	f->lines.origin.line = 1;
	rc = open_feed(f, o, err);
	if (rc != CAT_OK) {
		feed_close(&f->base);
		return rc;
	}
	*out = &f->base;
	return CAT_OK;
}

const struct cat_csv_types *cat_csv_feed_types(const struct cat_feed *f)
{
	return f->ops == &feed_ops ? &((const struct csv_feed *)f)->types : NULL;
}

int64_t cat_csv_feed_body(const struct cat_feed *f)
{
	return ((const struct csv_feed *)f)->body;
}
