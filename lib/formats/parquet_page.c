#include "formats/parquet_page.h"

#include <libdeflate.h>
#include <string.h>

#include "base/alloc.h"
#include "formats/rle_bp.h"

#define PAGE_MAX ((int64_t)1 << 30)
#define KEEP_BYTES ((size_t)16 << 20) /* larger scratch is not kept from one call to the next */

static void scratch_free(struct cat_pq_scratch *s)
{
	if (!s)
		return;
	cat_codec_fini(&s->codec);
	cat_buf_unref(s->page);
	cat_buf_unref(s->stored);
	cat_buf_unref(s->index);
	cat_text_fini(&s->raw);
	cat_free(s);
}

int cat_pq_scratch_take(struct cat_pq_idle *idle, struct cat_pq_scratch **out, struct cat_error *err)
{
	*out = NULL;
	for (int i = 0; i < CAT_PQ_IDLE && !*out; i++)
		*out = atomic_exchange(&idle->slots[i], NULL);
	if (!*out && !(*out = cat_calloc(1, sizeof **out)))
		return cat_fail_mem(err, sizeof **out);
	return CAT_OK;
}

void cat_pq_scratch_give(struct cat_pq_idle *idle, struct cat_pq_scratch *s)
{
	struct cat_buf **bufs[] = {&s->page, &s->stored, &s->index};

	for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++) {
		if (*bufs[i] && (*bufs[i])->capacity > KEEP_BYTES) {
			cat_buf_unref(*bufs[i]);
			*bufs[i] = NULL;
		}
	}
	if (s->raw.cap > KEEP_BYTES)
		cat_text_fini(&s->raw);
	for (int i = 0; i < CAT_PQ_IDLE; i++) {
		struct cat_pq_scratch *none = NULL;

		if (atomic_compare_exchange_strong(&idle->slots[i], &none, s))
			return;
	}
	scratch_free(s);
}

void cat_pq_idle_fini(struct cat_pq_idle *idle)
{
	for (int i = 0; i < CAT_PQ_IDLE; i++)
		scratch_free(atomic_load(&idle->slots[i]));
}

int cat_pq_page_next(struct cat_pq_pages *w, struct cat_pq_page *page, bool *found, struct cat_error *err)
{
	struct cat_pq_page_header *h = &page->h;
	size_t used;

	memset(page, 0, sizeof *page);
	*found = false;
	while (!*found && w->p < w->end) {
		if (!cat_pq_page_header(w->p, w->end, h, &used))
			return cat_fail(err, CAT_E_DATA, "corrupt page header");
		w->p += used;
		if (h->size > w->end - w->p)
			return cat_fail(err, CAT_E_DATA, "a page of %lld bytes where %lld are left",
			                (long long)h->size, (long long)(w->end - w->p));
		if (h->raw_size > PAGE_MAX)
			return cat_fail(err, CAT_E_UNSUPPORTED, "a page of %lld bytes", (long long)h->raw_size);
		page->body = w->p;
		w->p += h->size;
		*found = h->type == CAT_PQ_DATA || h->type == CAT_PQ_DATA_V2 || h->type == CAT_PQ_DICTIONARY;
	}
	if (*found && (!h->has_body_header || h->nvalues < 0 || h->nvalues > INT32_MAX))
		return cat_fail(err, CAT_E_DATA, "corrupt page header");
	return CAT_OK;
}

/* Where decompressed bytes go. */
struct place {
	struct cat_buf **into;
	size_t at;
};

/* FROM[0,n) to SIZE bytes at PLACE; stored bytes are taken where they lie. */
static int inflate(struct cat_pq_pages *w, int codec, struct cat_span from, int64_t size, struct place place,
                   struct cat_span *out, struct cat_error *err)
{
	uint8_t *to;

	out->p = from.p;
	out->n = (size_t)size;
	if (size == 0)
		return CAT_OK;
	if (codec == CAT_CODEC_NONE) {
		if (from.n != (size_t)size)
			return cat_fail(err, CAT_E_DATA, "an uncompressed page of %zu bytes says it has %lld",
			                from.n, (long long)size);
		return CAT_OK;
	}
	CAT_TRY(cat_buf_resize(place.into, place.at + (size_t)size, err));
	to = (*place.into)->data + place.at;
	out->p = to;
	return cat_codec_decompress(&w->scratch->codec, codec, from.p, from.n, to, (size_t)size, err);
}

/* Takes N bytes off the front of S. */
static bool cut(struct cat_span *s, uint64_t n, struct cat_span *out)
{
	if (n > s->n)
		return false;
	out->p = s->p;
	out->n = (size_t)n;
	s->p += n;
	s->n -= (size_t)n;
	return true;
}

/* Levels of a version 1 page: a length and runs, or bits most significant first without a length. */
static int cut_levels(struct cat_span *body, int encoding, int max, int64_t nvalues, struct cat_span *out,
                      struct cat_error *err)
{
	struct cat_span length;

	out->n = 0;
	if (max == 0)
		return CAT_OK;
	if (encoding == CAT_PQ_BIT_PACKED) {
		const uint64_t bits = (uint64_t)nvalues * (uint64_t)cat_bits_width((uint64_t)max);

		if (!cut(body, (bits + 7) / 8, out))
			return cat_fail(err, CAT_E_DATA, "levels are cut short");
		return CAT_OK;
	}
	if (encoding != CAT_PQ_RLE)
		return cat_fail(err, CAT_E_DATA, "unknown encoding %d of levels", encoding);
	if (!cut(body, 4, &length))
		return cat_fail(err, CAT_E_DATA, "levels are cut short");
	if (!cut(body,
	         (uint64_t)length.p[0] | (uint64_t)length.p[1] << 8 | (uint64_t)length.p[2] << 16 |
	                 (uint64_t)length.p[3] << 24,
	         out))
		return cat_fail(err, CAT_E_DATA, "levels are longer than their page");
	return CAT_OK;
}

static int open_v2(struct cat_pq_pages *w, struct cat_pq_page *page, struct place place, struct cat_error *err)
{
	const struct cat_pq_page_header *h = &page->h;
	struct cat_span body = {page->body, (size_t)h->size};
	int codec = w->codec;
	int64_t raw;

	if (h->rep_bytes < 0 || h->def_bytes < 0 || !cut(&body, (uint64_t)h->rep_bytes, &page->rep) ||
	    !cut(&body, (uint64_t)h->def_bytes, &page->def) || h->raw_size < h->rep_bytes + h->def_bytes)
		return cat_fail(err, CAT_E_DATA, "levels are longer than their page");
	raw = h->raw_size - h->rep_bytes - h->def_bytes;
	page->values = body;
	if (body.n == 0 || raw == 0) {
		page->values.n = 0;
		return CAT_OK;
	}
	/* parquet-cpp before Arrow 3.0 says "not compressed" of compressed pages: sizes tell. */
	if (!h->is_compressed && body.n == (size_t)raw)
		codec = CAT_CODEC_NONE;
	return inflate(w, codec, body, raw, place, &page->values, err);
}

int cat_pq_page_open(struct cat_pq_pages *w, struct cat_pq_page *page, struct cat_buf **into, size_t at,
                     struct cat_error *err)
{
	const struct cat_pq_page_header *h = &page->h;
	const struct cat_span body = {page->body, (size_t)h->size};
	const struct place place = {into, at};

	if (w->check_crc && h->has_crc && libdeflate_crc32(0, page->body, (size_t)h->size) != h->crc)
		return cat_fail(err, CAT_E_DATA, "a page's checksum is wrong");
	if (h->type == CAT_PQ_DATA_V2)
		return open_v2(w, page, place, err);
	CAT_TRY(inflate(w, w->codec, body, h->raw_size, place, &page->values, err));
	if (h->type == CAT_PQ_DATA) {
		CAT_TRY(cut_levels(&page->values, h->rep_encoding, w->leaf->max_rep, h->nvalues, &page->rep, err));
		CAT_TRY(cut_levels(&page->values, h->def_encoding, w->leaf->max_def, h->nvalues, &page->def, err));
	}
	return CAT_OK;
}
