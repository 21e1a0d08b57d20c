#include "formats/thrift.h"

#include "formats/varint.h"

#define DEPTH_MAX 64

static void fail(struct cat_thrift *t)
{
	t->bad = true;
	t->p = t->end;
}

static uint64_t varint(struct cat_thrift *t)
{
	uint64_t v;

	if (cat_varint_get(&t->p, t->end, &v))
		return v;
	fail(t);
	return 0;
}

static int64_t zigzag(struct cat_thrift *t)
{
	return cat_unzigzag(varint(t));
}

static size_t left(const struct cat_thrift *t)
{
	return (size_t)(t->end - t->p);
}

bool cat_thrift_next(struct cat_thrift *t, struct cat_thrift_field *f)
{
	uint8_t b;

	if (t->bad || t->p >= t->end) {
		fail(t);
		return false;
	}
	b = *t->p++;
	if (b == 0)
		return false;
	f->type = b & 0x0f;
	if (b >> 4)
		f->id = (int16_t)(f->id + (b >> 4));
	else
		f->id = (int16_t)zigzag(t);
	if (f->type == 0 || f->type > CAT_THRIFT_STRUCT)
		fail(t);
	return !t->bad;
}

int64_t cat_thrift_int(struct cat_thrift *t, uint8_t type)
{
	if (type == CAT_THRIFT_I8 && left(t) > 0)
		return (int8_t)*t->p++;
	if (type == CAT_THRIFT_I16 || type == CAT_THRIFT_I32 || type == CAT_THRIFT_I64)
		return zigzag(t);
	fail(t);
	return 0;
}

bool cat_thrift_bool(struct cat_thrift *t, uint8_t type)
{
	if (type != CAT_THRIFT_TRUE && type != CAT_THRIFT_FALSE)
		fail(t);
	return type == CAT_THRIFT_TRUE;
}

struct cat_span cat_thrift_binary(struct cat_thrift *t, uint8_t type)
{
	struct cat_span s = {0};
	uint64_t n;

	if (type != CAT_THRIFT_BINARY) {
		fail(t);
		return s;
	}
	n = varint(t);
	if (t->bad || n > left(t)) {
		fail(t);
		return s;
	}
	s.p = t->p;
	s.n = (size_t)n;
	t->p += n;
	return s;
}

size_t cat_thrift_list(struct cat_thrift *t, uint8_t type, uint8_t *element)
{
	uint64_t n;

	*element = 0;
	if ((type != CAT_THRIFT_LIST && type != CAT_THRIFT_SET) || left(t) == 0) {
		fail(t);
		return 0;
	}
	*element = *t->p & 0x0f;
	n = *t->p++ >> 4;
	if (n == 15)
		n = varint(t);
	if (n > left(t)) { /* an element is one byte at least */
		fail(t);
		return 0;
	}
	return (size_t)n;
}

bool cat_thrift_struct(struct cat_thrift *t, uint8_t type)
{
	if (type != CAT_THRIFT_STRUCT)
		fail(t);
	return !t->bad;
}

static void skip(struct cat_thrift *t, uint8_t type, int depth);

static void skip_map(struct cat_thrift *t, int depth)
{
	const uint64_t n = varint(t);
	uint8_t types;

	if (n == 0 || t->bad)
		return;
	if (n > left(t)) {
		fail(t);
		return;
	}
	types = *t->p++;
	for (uint64_t i = 0; i < n && !t->bad; i++) {
		skip(t, types >> 4, depth);
		skip(t, types & 0x0f, depth);
	}
}

static void skip_list(struct cat_thrift *t, uint8_t type, int depth)
{
	uint8_t element;
	const size_t n = cat_thrift_list(t, type, &element);

	for (size_t i = 0; i < n && !t->bad; i++) {
		if (element == CAT_THRIFT_TRUE || element == CAT_THRIFT_FALSE) {
			if (left(t) == 0)
				fail(t);
			else
				t->p++;
		} else {
			skip(t, element, depth);
		}
	}
}

static void skip(struct cat_thrift *t, uint8_t type, int depth)
{
	struct cat_thrift_field f = {0};

	if (depth > DEPTH_MAX) {
		fail(t);
		return;
	}
	switch (type) {
	case CAT_THRIFT_TRUE:
	case CAT_THRIFT_FALSE:
		break;
	case CAT_THRIFT_I8:
	case CAT_THRIFT_I16:
	case CAT_THRIFT_I32:
	case CAT_THRIFT_I64:
		cat_thrift_int(t, type);
		break;
	case CAT_THRIFT_DOUBLE:
		if (left(t) < 8)
			fail(t);
		else
			t->p += 8;
		break;
	case CAT_THRIFT_BINARY:
		cat_thrift_binary(t, type);
		break;
	case CAT_THRIFT_LIST:
	case CAT_THRIFT_SET:
		skip_list(t, type, depth + 1);
		break;
	case CAT_THRIFT_MAP:
		skip_map(t, depth + 1);
		break;
	case CAT_THRIFT_STRUCT:
		while (cat_thrift_next(t, &f))
			skip(t, f.type, depth + 1);
		break;
	default:
		fail(t);
	}
}

void cat_thrift_skip(struct cat_thrift *t, uint8_t type)
{
	skip(t, type, 0);
}

/* --- writing --- */

static void put_header(struct cat_thrift_out *o, int id, uint8_t type)
{
	const int delta = id - o->last;

	if (delta >= 1 && delta <= 15) {
		cat_text_addc(o->to, (char)(delta << 4 | type));
	} else {
		cat_text_addc(o->to, (char)type);
		cat_varint_put(o->to, cat_zigzag(id));
	}
	o->last = (int16_t)id;
}

void cat_thrift_put_int(struct cat_thrift_out *o, int id, enum cat_thrift_type type, int64_t v)
{
	put_header(o, id, (uint8_t)type);
	cat_varint_put(o->to, cat_zigzag(v));
}

void cat_thrift_put_i8(struct cat_thrift_out *o, int id, int8_t v)
{
	put_header(o, id, CAT_THRIFT_I8);
	cat_text_addc(o->to, (char)v);
}

void cat_thrift_put_bool(struct cat_thrift_out *o, int id, bool v)
{
	put_header(o, id, v ? CAT_THRIFT_TRUE : CAT_THRIFT_FALSE);
}

void cat_thrift_put_binary(struct cat_thrift_out *o, int id, const void *p, size_t n)
{
	put_header(o, id, CAT_THRIFT_BINARY);
	cat_thrift_item_binary(o, p, n);
}

void cat_thrift_put_list(struct cat_thrift_out *o, int id, enum cat_thrift_type element, size_t n)
{
	put_header(o, id, CAT_THRIFT_LIST);
	if (n < 15) {
		cat_text_addc(o->to, (char)(n << 4 | element));
	} else {
		cat_text_addc(o->to, (char)(0xf0 | element));
		cat_varint_put(o->to, n);
	}
}

int16_t cat_thrift_begin(struct cat_thrift_out *o, int id)
{
	int16_t outer;

	if (id)
		put_header(o, id, CAT_THRIFT_STRUCT);
	outer = o->last;
	o->last = 0;
	return outer;
}

void cat_thrift_end(struct cat_thrift_out *o, int16_t outer)
{
	cat_text_addc(o->to, 0);
	o->last = outer;
}

void cat_thrift_item_int(struct cat_thrift_out *o, int64_t v)
{
	cat_varint_put(o->to, cat_zigzag(v));
}

void cat_thrift_item_binary(struct cat_thrift_out *o, const void *p, size_t n)
{
	cat_varint_put(o->to, n);
	cat_text_addn(o->to, n ? p : "", n);
}

void cat_thrift_put_raw(struct cat_thrift_out *o, int id, uint8_t type, struct cat_span value)
{
	put_header(o, id, type);
	cat_text_addn(o->to, value.n ? (const char *)value.p : "", value.n);
}
