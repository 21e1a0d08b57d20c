/* Cells of columns as FITS has them. */
#include <string.h>

#include "base/simd.h"
#include "formats/fits_write.h"
#include "formats/isotime.h"

/* --- what a column becomes --- */

static const struct number {
	enum cat_type_id type;
	char form;
	signed char width;
	bool integer;
	uint64_t flip;
	uint64_t null; /* raw: the smallest of signed, the largest of unsigned, NaN */
} numbers[] = {
	{CAT_T_I8, 'B', 1, true, 0x80, 0},
	{CAT_T_U8, 'B', 1, true, 0, 0xff},
	{CAT_T_I16, 'I', 2, true, 0, 0x8000},
	{CAT_T_U16, 'I', 2, true, 0x8000, 0x7fff},
	{CAT_T_I32, 'J', 4, true, 0, 0x80000000},
	{CAT_T_U32, 'J', 4, true, 0x80000000, 0x7fffffff},
	{CAT_T_I64, 'K', 8, true, 0, UINT64_C(1) << 63},
	{CAT_T_U64, 'K', 8, true, UINT64_C(1) << 63, INT64_MAX},
	{CAT_T_DURATION, 'K', 8, true, 0, UINT64_C(1) << 63},
	{CAT_T_F32, 'E', 4, false, 0, 0x7fc00000},
	{CAT_T_F64, 'D', 8, false, 0, UINT64_C(0x7ff8) << 48},
};

static size_t time_text(const struct cat_field *f, const struct cat_column *c, int64_t i, char *out)
{
	const int64_t v = cat_column_i64(c, i);

	switch ((int)f->type.id) {
	case CAT_T_DATE32:
		return cat_iso_date(v, out);
	case CAT_T_DATE64:
		return cat_iso_timestamp(v, CAT_UNIT_MS, false, out);
	case CAT_T_TIMESTAMP:
		return cat_iso_timestamp(v, f->type.unit, f->zone != NULL, out);
	default:
		return cat_iso_time(v, f->type.unit, out);
	}
}

static int64_t time_width(const struct cat_field *f)
{
	static const int64_t digits[] = {0, 4, 7, 10};
	const int64_t sub = digits[f->type.id == CAT_T_DATE64 ? CAT_UNIT_MS : f->type.unit];

	switch ((int)f->type.id) {
	case CAT_T_DATE32:
		return 10;
	case CAT_T_TIME32:
	case CAT_T_TIME64:
		return 8 + sub;
	default:
		return 19 + sub + (f->zone != NULL);
	}
}

/* The value that the table's source had for NULL, if the type has it. */
static void choose_null(struct cat_fits_wcol *c)
{
	const char *text = cat_kv_get(&c->field->meta, CAT_META_NULL);
	const uint64_t mask = UINT64_MAX >> (64 - 8 * c->width);
	const bool is_signed = c->width == 1 ? c->flip != 0 : c->flip == 0;
	int64_t v;

	if (!text || !cat_parse_i64(text, strlen(text), &v))
		return;
	if (c->width < 8 && (is_signed ? v < -(int64_t)(mask / 2) - 1 || v > (int64_t)(mask / 2)
	                               : v < 0 || v > (int64_t)mask))
		return;
	c->null = ((uint64_t)v ^ c->flip) & mask;
}

static int plan_leaf(const struct cat_field *f, struct cat_fits_wcol *c, struct cat_error *err)
{
	struct cat_text type = {.max = 4096};

	c->leaf = f;
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (numbers[i].type == f->type.id) {
			c->kind = CAT_FITS_NUMBER;
			c->form = numbers[i].form;
			c->width = numbers[i].width;
			c->flip = numbers[i].flip;
			c->null = numbers[i].null;
			c->integer = numbers[i].integer;
			if (c->integer)
				choose_null(c);
			return CAT_OK;
		}
	c->width = 1;
	switch ((int)f->type.id) {
	case CAT_T_BOOL:
		c->kind = CAT_FITS_LOGICAL;
		c->form = 'L';
		return CAT_OK;
	case CAT_T_NULL:
	case CAT_T_UTF8:
		c->kind = CAT_FITS_TEXT;
		c->form = 'A';
		break;
	case CAT_T_DATE32:
	case CAT_T_DATE64:
	case CAT_T_TIME32:
	case CAT_T_TIME64:
	case CAT_T_TIMESTAMP:
		c->kind = CAT_FITS_TIME;
		c->form = 'A';
		c->width = time_width(f);
		break;
	default:
		c->form = 0;
	}
	if (c->form && (!c->list || c->kind != CAT_FITS_TEXT))
		return CAT_OK;
	cat_type_text(c->field, &type);
	cat_fail(err, CAT_E_UNSUPPORTED, "column %s: %s cannot be written to FITS", c->field->name,
	         type.s ? type.s : "this type");
	cat_text_fini(&type);
	return (int)err->code;
}

int cat_fits_plan(const struct cat_field *f, struct cat_fits_wcol *c, struct cat_error *err)
{
	const struct cat_field *at = f;

	*c = (struct cat_fits_wcol){.field = f, .repeat = 1};
	if (f->type.id == CAT_T_LIST) {
		c->list = true;
		return plan_leaf(&f->children[0], c, err);
	}
	for (; at->type.id == CAT_T_FIXED_LIST; at = &at->children[0]) {
		if (++c->depth > CAT_FITS_MAX_DEPTH || at->type.width < 0 ||
		    __builtin_mul_overflow(c->repeat, at->type.width, &c->repeat) || c->repeat > INT32_MAX)
			return cat_fail(err, CAT_E_UNSUPPORTED, "column %s: lists too large for FITS", f->name);
	}
	return plan_leaf(at, c, err);
}

/* --- numbers --- */

/* R values of each of N cells; whether the value TWIN, which stands for NULL, was among them. */
#define DEFINE_PUT(name, type, swap)                                                                            \
	CAT_CLONES static bool name(uint8_t *restrict dst, int64_t stride, const type *restrict src, int64_t n, \
	                            int64_t r, type bit, type twin)                                             \
	{                                                                                                       \
		unsigned hit = 0;                                                                               \
                                                                                                                \
		for (int64_t i = 0; i < n; i++)                                                                 \
			for (int64_t k = 0; k < r; k++) {                                                       \
				const type raw = (type)(src[i * r + k] ^ bit), v = swap(raw);                   \
                                                                                                                \
				hit |= raw == twin;                                                             \
				memcpy(dst + i * stride + k * (int64_t)sizeof v, &v, sizeof v);                 \
			}                                                                                       \
		return hit != 0;                                                                                \
	}
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BIG16(v) __builtin_bswap16(v)
#define BIG32(v) __builtin_bswap32(v)
#define BIG64(v) __builtin_bswap64(v)
#else
#define BIG16(v) (v)
#define BIG32(v) (v)
#define BIG64(v) (v)
#endif
#define BIG8(v) (v)
DEFINE_PUT(put8, uint8_t, BIG8)
DEFINE_PUT(put16, uint16_t, BIG16)
DEFINE_PUT(put32, uint32_t, BIG32)
DEFINE_PUT(put64, uint64_t, BIG64)

/* Elements [FIRST, FIRST + n x r) of LEAF to N cells. */
struct target {
	uint8_t *dst;
	int64_t stride;
	int64_t first, n, r;
	int64_t width;
};

static bool put_numbers(const struct cat_fits_wcol *c, const struct cat_column *leaf, const struct target *t)
{
	const int64_t at = leaf->offset + t->first;
	const void *v = leaf->data->data + at * c->width;

	switch (c->width) {
	case 1:
		return put8(t->dst, t->stride, v, t->n, t->r, (uint8_t)c->flip, (uint8_t)c->null);
	case 2:
		return put16(t->dst, t->stride, v, t->n, t->r, (uint16_t)c->flip, (uint16_t)c->null);
	case 4:
		return put32(t->dst, t->stride, v, t->n, t->r, (uint32_t)c->flip, (uint32_t)c->null);
	default:
		return put64(t->dst, t->stride, v, t->n, t->r, c->flip, c->null);
	}
}

static void put_null(const struct cat_fits_wcol *c, int64_t width, uint8_t *dst)
{
	if (c->kind == CAT_FITS_NUMBER)
		for (int64_t i = 0; i < width; i++)
			dst[i] = (uint8_t)(c->null >> 8 * (width - 1 - i));
	else
		memset(dst, c->kind == CAT_FITS_LOGICAL ? 0 : ' ', (size_t)width);
}

/* --- text --- */

static int put_text(const struct cat_fits_wcol *c, const struct cat_column *leaf, int64_t i, int64_t width,
                    uint8_t *dst, struct cat_fits_seen *seen, struct cat_error *err)
{
	char buf[CAT_ISO_MAX];
	const char *s = buf;
	uint8_t any = 0;
	int32_t n;

	if (c->kind == CAT_FITS_TIME)
		n = (int32_t)time_text(c->leaf, leaf, i, buf);
	else
		s = cat_column_text(leaf, i, &n);
	if (n > width)
		return cat_fail(err, CAT_E_DATA, "column %s: %.*s: a year that does not fit", c->field->name, (int)n, s);
	if (n && memchr(s, 0, (size_t)n))
		return cat_fail(err, CAT_E_DATA, "column %s: text with a NUL byte, which ends text in FITS", c->field->name);
	for (int32_t k = 0; k < n; k++)
		any |= (uint8_t)s[k];
	seen->foreign |= any >= 0x80;
	seen->empty |= n == 0;
	memcpy(dst, s, (size_t)n);
	memset(dst + n, ' ', (size_t)(width - n));
	return CAT_OK;
}

int64_t cat_fits_text_width(const struct cat_fits_wcol *c, const struct cat_column *col)
{
	int64_t longest = 1;

	for (int d = 0; d < c->depth; d++)
		col = col->children[0];
	for (int64_t i = 0; i < col->length && col->type.id == CAT_T_UTF8; i++) {
		int32_t n;

		if (!cat_column_valid(col, i))
			continue;
		cat_column_text(col, i, &n);
		longest = n > longest ? n : longest;
	}
	return longest;
}

/* --- cells --- */

static int put_elements(const struct cat_fits_wcol *c, const struct cat_column *leaf, const struct target *t,
                        struct cat_fits_seen *seen, struct cat_error *err)
{
	const bool nulls = leaf->validity || leaf->type.id == CAT_T_NULL;

	if (c->kind == CAT_FITS_NUMBER && t->n * t->r > 0) {
		const bool twin = put_numbers(c, leaf, t);

		/* Values under NULL may look like NULL. */
		seen->twin |= twin && !nulls;
	}
	if (c->kind == CAT_FITS_NUMBER && !nulls)
		return CAT_OK;
	for (int64_t i = 0; i < t->n; i++)
		for (int64_t k = 0; k < t->r; k++) {
			const int64_t at = t->first + i * t->r + k;
			uint8_t *dst = t->dst + i * t->stride + k * t->width;

			if (!cat_column_valid(leaf, at)) {
				put_null(c, t->width, dst);
				seen->null = true;
			} else if (c->kind == CAT_FITS_LOGICAL) {
				*dst = cat_column_bool(leaf, at) ? 'T' : 'F';
			} else if (c->kind != CAT_FITS_NUMBER) {
				CAT_TRY(put_text(c, leaf, at, t->width, dst, seen, err));
			} else if (c->integer) {
				uint64_t raw = 0;

				for (int64_t b = 0; b < t->width; b++)
					raw = raw << 8 | dst[b];
				seen->twin |= raw == c->null;
			}
		}
	return CAT_OK;
}

int cat_fits_put_cells(const struct cat_fits_wcol *c, int64_t width, const struct cat_column *col, uint8_t *dst,
                       int64_t stride, struct cat_fits_seen *seen, struct cat_error *err)
{
	const struct target t = {.dst = dst, .stride = stride, .n = col->length, .r = c->repeat, .width = width};
	const struct cat_column *leaf = col;
	int64_t of_each = c->repeat;

	for (int d = 0; d < c->depth; d++)
		leaf = leaf->children[0];
	CAT_TRY(put_elements(c, leaf, &t, seen, err));
	/* Lists that are NULL as a whole. */
	for (int d = 0; d < c->depth; d++, col = col->children[0]) {
		const int64_t lists = col->length / (t.n ? t.n : 1);

		if (!col->validity)
			continue;
		of_each = lists ? c->repeat / lists : 0;
		for (int64_t i = 0; i < col->length; i++)
			if (!cat_column_valid(col, i)) {
				uint8_t *cell = dst + i / lists * stride + i % lists * of_each * width;

				for (int64_t k = 0; k < of_each; k++)
					put_null(c, width, cell + k * width);
				seen->null = true;
			}
	}
	return CAT_OK;
}

int cat_fits_put_list(const struct cat_fits_wcol *c, const struct cat_column *col, int64_t first, int64_t n,
                      uint8_t *dst, struct cat_fits_seen *seen, struct cat_error *err)
{
	const struct target t = {.dst = dst, .first = first, .n = 1, .r = n, .width = c->width};

	return put_elements(c, col->children[0], &t, seen, err);
}
