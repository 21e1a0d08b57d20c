#include "dataset/coverage.h"

#include <string.h>

#include "base/alloc.h"
#include "dataset/properties.h"
#include "dataset/verify_parts.h"
#include "net/url.h"
#include "storage/open.h"

int cat_hats_partitions_moc(const struct cat_hats *h, struct cat_moc *out, struct cat_error *err)
{
	for (int i = 0; i < h->nparts; i++) {
		int64_t lo, hi;

		cat_hats_range(&h->parts[i], &lo, &hi);
		CAT_TRY(cat_moc_add(out, lo, hi, err));
	}
	cat_moc_finish(out);
	return CAT_OK;
}

static int add_cells(struct cat_map *m, struct cat_moc *out, struct cat_error *err)
{
	const int shift = 2 * (29 - cat_map_order(m));
	int64_t cell, count, lo = 0, hi = 0;

	for (;;) {
		CAT_TRY(cat_map_next(m, &cell, &count, err));
		if (count && cell << shift == hi) {
			hi = (cell + 1) << shift;
			continue;
		}
		if (hi > lo)
			CAT_TRY(cat_moc_add(out, lo, hi, err));
		if (!count)
			break;
		lo = cell << shift;
		hi = (cell + 1) << shift;
	}
	cat_moc_finish(out);
	return CAT_OK;
}

int cat_hats_coverage(const struct cat_hats *h, struct cat_moc *out, struct cat_error *err)
{
	struct cat_findings found = {.max_per_kind = 1};
	struct cat_map *m;
	int rc = cat_map_open(h->root, "skymap.fits", &found, &m, err);

	cat_findings_fini(&found);
	CAT_TRY(rc);
	if (!m)
		return cat_hats_partitions_moc(h, out, err);
	rc = add_cells(m, out, err);
	cat_map_free(m);
	return rc;
}

/* --- members --- */

/* The next word of a list, and its length. */
static size_t next_word(const char **s)
{
	*s += strspn(*s, " ,;\t\n");
	return strcspn(*s, " ,;\t\n");
}

/* Margins are folders, indexes pairs of column and folder. */
static int add_members(const char *s, bool margins, struct cat_hats_members *out, struct cat_error *err)
{
	char *column = NULL;
	int rc = CAT_OK;

	for (int i = 0; rc == CAT_OK && s && *s; i++) {
		const size_t n = next_word(&s);
		char *word = n ? cat_strndup(s, n) : NULL;

		s += n;
		if (n == 0)
			break;
		if (!word || cat_grow(&out->at, &out->cap, (size_t)out->n, sizeof *out->at) != 0) {
			cat_free(word);
			rc = cat_fail_mem(err, n);
		} else if (!margins && i % 2 == 0) {
			column = word;
		} else {
			out->at[out->n++] = (struct cat_hats_member){margins, word, column, -1};
			column = NULL;
		}
	}
	cat_free(column);
	return rc;
}

static int read_width(const struct cat_buf *b, struct cat_hats_member *m, struct cat_error *err)
{
	struct cat_kv kv = {0};
	const char *text;
	int rc = cat_properties_parse((const char *)b->data, b->size, &kv, err);

	text = rc == CAT_OK ? cat_kv_get(&kv, "hats_margin_threshold") : NULL;
	if (text && !cat_parse_f64(text, strlen(text), &m->arcsec))
		m->arcsec = -1;
	cat_kv_fini(&kv);
	return rc == CAT_E_DATA ? (int)(err->code = CAT_OK) : rc;
}

static int read_widths(const struct cat_hats *h, struct cat_hats_members *out, struct cat_error *err)
{
	char **paths = cat_calloc((size_t)out->n, sizeof(char *));
	struct cat_buf **found = cat_calloc((size_t)out->n, sizeof(struct cat_buf *));
	bool denied;
	int n = 0, rc = paths && found ? CAT_OK : cat_fail_mem(err, (size_t)out->n * sizeof(char *));

	for (; rc == CAT_OK && n < out->n && out->at[n].is_margin; n++) {
		char *folder = cat_url_join(h->above, out->at[n].folder);

		paths[n] = folder ? cat_url_join(folder, "hats.properties") : NULL;
		cat_free(folder);
		if (!paths[n])
			rc = cat_fail_mem(err, strlen(h->above));
	}
	if (rc == CAT_OK && n)
		rc = cat_open_fetch(paths, n, (size_t)16 << 20, found, &denied, err);
	for (int i = 0; i < n; i++) {
		if (rc == CAT_OK && found[i])
			rc = read_width(found[i], &out->at[i], err);
		cat_buf_unref(found[i]);
		cat_free(paths[i]);
	}
	cat_free(paths);
	cat_free(found);
	return rc;
}

int cat_hats_members(const struct cat_hats *h, struct cat_hats_members *out, struct cat_error *err)
{
	CAT_TRY(add_members(cat_kv_get(&h->collection, "all_margins"), true, out, err));
	CAT_TRY(add_members(cat_kv_get(&h->collection, "all_indexes"), false, out, err));
	return out->n ? read_widths(h, out, err) : CAT_OK;
}

void cat_hats_members_fini(struct cat_hats_members *m)
{
	for (int i = 0; i < m->n; i++) {
		cat_free(m->at[i].folder);
		cat_free(m->at[i].column);
	}
	cat_free(m->at);
	memset(m, 0, sizeof *m);
}
