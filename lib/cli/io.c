#include "cli/io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/json.h"
#include "cli/preview.h"
#include "dataset/sesame.h"
#include "dataset/table.h"
#include "exec/scan.h"
#include "exec/write.h"
#include "formats/csv.h"
#include "formats/fits.h"
#include "formats/ipc.h"
#include "formats/jsonl.h"
#include "formats/parquet.h"
#include "net/settings.h"
#include "storage/create.h"
#include "storage/inflate.h"
#include "storage/local.h"
#include "storage/open.h"
#include "storage/scratch.h"

static const char *const input_formats[] = {"parquet", "fits", "csv", "tsv", "arrow", "arrows", "hats", NULL};
static const char *const output_formats[] = {"parquet", "fits", "csv", "tsv", "arrow", "arrows", "jsonl", NULL};
static const char *const infer_words[] = {"head", "full", NULL};
static const char *const codecs[] = {"none", "lz4", "zstd", NULL};

#define AT(s, f) .off = offsetof(struct s, f)

const struct cat_opt cat_input_opts[] = {
	{.name = "from", .type = CAT_OPT_ENUM, AT(cat_input, from), .arg = "FORMAT", .help = "the input is FORMAT",
	 .choices = input_formats, .rare = true},
	{.name = "types", .type = CAT_OPT_LIST, AT(cat_input, types), .arg = "NAME:TYPE",
	 .help = "type of a text column", .rare = true},
	{.name = "infer", .type = CAT_OPT_ENUM, AT(cat_input, infer), .arg = "HOW",
	 .help = "types of text: head or full", .choices = infer_words, .rare = true},
	{.name = "hdu", .type = CAT_OPT_STRING, AT(cat_input, hdu), .arg = "NAME|N",
	 .help = "table of a FITS file", .rare = true},
	{.name = "allow-no-eos", .type = CAT_OPT_FLAG, AT(cat_input, allow_no_eos),
	 .help = "accept Arrow streams without end marker", .rare = true},
	{0},
};

const struct cat_opt cat_region_opts[] = {
	{.name = "cone", .type = CAT_OPT_LIST, AT(cat_rows, cone), .arg = "RA,DEC,R",
	 .help = "within R; NAME,R asks Sesame"},
	{.name = "box", .type = CAT_OPT_LIST, AT(cat_rows, box), .arg = "RA1,RA2,DEC1,DEC2",
	 .help = "eastward from RA1", .rare = true},
	{.name = "polygon", .type = CAT_OPT_LIST, AT(cat_rows, polygon), .arg = "RA,DEC,RA,...",
	 .help = "great-circle polygon", .rare = true},
	{.name = "moc", .type = CAT_OPT_LIST, AT(cat_rows, moc), .arg = "FILE",
	 .help = "coverage map: FITS, ASCII, JSON", .rare = true},
	{0},
};

const struct cat_opt cat_rows_opts[] = {
	{.name = "columns", .letter = 'c', .type = CAT_OPT_STRING, AT(cat_rows, columns), .arg = "LIST",
	 .help = "columns: names, *, expr AS x"},
	{.name = "where", .letter = 'w', .type = CAT_OPT_STRING, AT(cat_rows, where), .arg = "EXPR",
	 .help = "only rows for which EXPR is true"},
	{.name = "limit", .letter = 'n', .type = CAT_OPT_INT, AT(cat_rows, limit), .arg = "ROWS",
	 .help = "stop after ROWS rows", .min = 0, .max = INT64_MAX},
	{.name = NULL, .group = cat_region_opts},
	{.name = "ra", .type = CAT_OPT_STRING, AT(cat_rows, ra), .arg = "NAME", .help = "right ascension column",
	 .rare = true},
	{.name = "dec", .type = CAT_OPT_STRING, AT(cat_rows, dec), .arg = "NAME", .help = "declination column",
	 .rare = true},
	{.name = "shard", .type = CAT_OPT_STRING, AT(cat_rows, shard), .arg = "K/N",
	 .help = "part K (from 0) of N", .rare = true},
	{0},
};

const struct cat_opt cat_output_opts[] = {
	{.name = "output", .letter = 'o', .type = CAT_OPT_STRING, AT(cat_output, output), .arg = "FILE",
	 .help = "write FILE; its suffix says the format"},
	{.name = "format", .letter = 'f', .type = CAT_OPT_ENUM, AT(cat_output, format), .arg = "FORMAT",
	 .help = "write FORMAT", .choices = output_formats},
	{.name = "level", .type = CAT_OPT_INT, AT(cat_output, level), .arg = "N", .help = "zstd level of Parquet",
	 .min = 1, .max = 22, .rare = true},
	{.name = "codec", .type = CAT_OPT_ENUM, AT(cat_output, codec), .arg = "NAME",
	 .help = "compress Arrow: none, lz4, zstd", .choices = codecs, .rare = true},
	{.name = "plain", .type = CAT_OPT_FLAG, AT(cat_output, plain), .help = "Parquet for old readers",
	 .rare = true},
	{0},
};

const struct cat_opt cat_io_opts[] = {
	{.name = "Rows and columns", .group = cat_rows_opts, AT(cat_io, rows)},
	{.name = "Input", .group = cat_input_opts, AT(cat_io, input)},
	{.name = "Output", .group = cat_output_opts, AT(cat_io, output)},
	{.name = "Resources", .group = cat_resource_opts, AT(cat_io, res)},
	{0},
};

void cat_io_prepare(void *settings)
{
	cat_resources_prepare(&((struct cat_io *)settings)->res);
}

/* --- history --- */

#define HISTORY "catpipe.history"

/* One word of a command line that a shell would read back the same. */
static void quote(struct cat_text *out, const char *word)
{
	if (*word && strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_,.:/=+-") ==
	                     strlen(word)) {
		cat_text_add(out, word);
		return;
	}
	cat_text_addc(out, '\'');
	for (; *word; word++) {
		if (*word == '\'')
			cat_text_add(out, "'\\''");
		else
			cat_text_addc(out, *word == '\n' ? ' ' : *word);
	}
	cat_text_addc(out, '\'');
}

int cat_history_add(struct cat_schema *s, const char *program, const char *const *args, struct cat_error *err)
{
	const char *old = cat_kv_get(&s->meta, HISTORY);
	struct cat_text t = {.max = 1 << 24};
	int rc;

	if (old)
		cat_text_addf(&t, "%s\n", old);
	cat_text_addf(&t, "%s %s", program, CAT_VERSION);
	for (; args && args[0]; args += 2)
		if (args[1]) {
			cat_text_addf(&t, " %s ", args[0]);
			quote(&t, args[1]);
		}
	rc = cat_text_check(&t, err);
	if (rc == CAT_OK)
		rc = cat_kv_set(&s->meta, HISTORY, t.s, err);
	cat_text_fini(&t);
	return rc;
}

/* --- output --- */

struct suffix {
	const char *end;
	const char *format;
	const char *squeeze; /* gz, zst or NULL */
};
static const struct suffix suffixes[] = {
	{".parquet", "parquet", NULL}, {".parq", "parquet", NULL}, {".pq", "parquet", NULL},
	{".fits", "fits", NULL},       {".fit", "fits", NULL},     {".csv", "csv", NULL},
	{".csv.gz", "csv", "gz"},      {".csv.zst", "csv", "zst"}, {".tsv", "tsv", NULL},
	{".tsv.gz", "tsv", "gz"},      {".tsv.zst", "tsv", "zst"}, {".arrow", "arrow", NULL},
	{".feather", "arrow", NULL},   {".arrows", "arrows", NULL}, {".jsonl", "jsonl", NULL},
};

static bool to_stdout(const struct cat_output *o)
{
	return !o->output || strcmp(o->output, "-") == 0;
}

/* A device or FIFO is written as stdout is: its name says nothing. */
static bool is_special(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static const struct suffix *by_suffix(const char *path)
{
	const struct suffix *best = NULL;
	const size_t n = strlen(path);

	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
		const size_t k = strlen(suffixes[i].end);

		if (n > k && cat_equal_nocase(path + n - k, suffixes[i].end) && (!best || k > strlen(best->end)))
			best = &suffixes[i];
	}
	return best;
}

int cat_io_check(const struct cat_output *o, struct cat_error *err)
{
	const struct suffix *s = to_stdout(o) ? NULL : by_suffix(o->output);

	if (!to_stdout(o) && !o->format && !s && !is_special(o->output)) {
		cat_fail(err, CAT_E_USAGE, "%s: the suffix names no format: .parquet .parq .pq .fits .fit .csv .tsv "
		         "(also .gz .zst) .arrow .feather .arrows .jsonl", o->output);
		return cat_hint(err, "-f FORMAT");
	}
	return CAT_OK;
}

static void note_text(const void *arg, const char *text)
{
	cat_note(arg, "%s", text);
}

static int open_encoder(const struct cat_output *o, const char *format, const struct cat_resources *res,
                        struct cat_schema *schema, struct cat_encoder **out, struct cat_error *err)
{
	const enum cat_ipc_codec codec = strcmp(o->codec, "zstd") == 0  ? CAT_IPC_ZSTD
	                                 : strcmp(o->codec, "lz4") == 0 ? CAT_IPC_LZ4
	                                                                : CAT_IPC_NONE;
	const struct cat_csv_write_options text = {.delimiter = strcmp(format, "tsv") == 0 ? '\t' : ','};
	const struct cat_parquet_write_options parquet = {
		.level = (int)o->level, .plain = o->plain};
	const struct cat_fits_write_options fits = {
		.scratch = cat_scratch_new, .temp_dir = res->temp_dir, .note = note_text, .note_arg = res};

	if (strcmp(format, "fits") == 0)
		return cat_fits_encoder(schema, &fits, out, err);
	if (strcmp(format, "arrows") == 0)
		return cat_ipc_encoder(schema, CAT_IPC_STREAM, codec, out, err);
	if (strcmp(format, "arrow") == 0)
		return cat_ipc_encoder(schema, CAT_IPC_FILE, codec, out, err);
	if (strcmp(format, "csv") == 0 || strcmp(format, "tsv") == 0)
		return cat_csv_encoder(schema, &text, out, err);
	if (strcmp(format, "jsonl") == 0)
		return cat_jsonl_encoder(schema, out, err);
	return cat_parquet_encoder(schema, &parquet, out, err);
}

static int open_writer(const struct cat_output *o, struct cat_writer **out, struct cat_error *err)
{
	const struct suffix *s = to_stdout(o) ? NULL : by_suffix(o->output);
	struct cat_writer *w;

	if (to_stdout(o))
		return cat_local_create_fd(1, "standard output", out, err);
	CAT_TRY(cat_create(o->output, &w, err));
	if (s && s->squeeze)
		return cat_writer_deflate(w, strcmp(s->squeeze, "gz") == 0 ? CAT_DEFLATE_GZIP : CAT_DEFLATE_ZSTD, out,
		                          err);
	*out = w;
	return CAT_OK;
}

void cat_io_terminal(int *width, int *height)
{
	struct winsize w;
	const bool known = ioctl(1, TIOCGWINSZ, &w) == 0;

	*width = known && w.ws_col > 0 ? w.ws_col : 80;
	*height = known && w.ws_row > 0 ? w.ws_row : 24;
}

int cat_io_sink(const struct cat_output *o, const struct cat_rows *rows, const struct cat_resources *res,
                struct cat_schema *schema, struct cat_pool *pool, struct cat_sink **sink, int64_t *max_rows,
                struct cat_error *err)
{
	const struct suffix *s = to_stdout(o) ? NULL : by_suffix(o->output);
	const char *format = o->format ? o->format : s ? s->format : "arrows";
	struct cat_encoder *e;
	struct cat_writer *w;
	int rc, width, height;

	*max_rows = rows ? rows->limit : -1;
	if (to_stdout(o) && !o->format && isatty(1)) {
		const int64_t show = rows && rows->limit >= 0 ? rows->limit : 20;

		*max_rows = rows && rows->limit >= 0 ? rows->limit : show + 1;
		cat_io_terminal(&width, &height);
		return cat_preview_open(schema, 1, width, show, sink, err);
	}
	if (to_stdout(o) && o->format && isatty(1) && strcmp(format, "csv") != 0 && strcmp(format, "tsv") != 0 &&
	    strcmp(format, "jsonl") != 0)
		return cat_fail(err, CAT_E_USAGE, "%s is not for a terminal; -o FILE or a pipe takes it", format);
	CAT_TRY(open_encoder(o, format, res, schema, &e, err));
	rc = open_writer(o, &w, err);
	if (rc == CAT_OK && e->ops->patch)
		rc = cat_writer_spool(w, res->temp_dir, &w, err);
	if (rc != CAT_OK) {
		cat_encoder_close(e);
		return rc;
	}
	CAT_TRY(cat_write_open(e, w, pool, sink, err));
	cat_write_limit(*sink, res->memory_bytes);
	return CAT_OK;
}

/* --- input --- */

int cat_io_shard(const char *text, int64_t *k, int64_t *n, struct cat_error *err)
{
	const char *slash = text ? strchr(text, '/') : NULL;

	if (!text)
		return CAT_OK;
	if (!slash || !cat_parse_i64(text, (size_t)(slash - text), k) ||
	    !cat_parse_i64(slash + 1, strlen(slash + 1), n) || *n < 1 || *k < 0 || *k >= *n)
		return cat_fail(err, CAT_E_USAGE, "--shard takes K/N with K from 0 to N-1; not '%s'", text);
	return CAT_OK;
}

/* A coverage map's bytes: a file of the user's, not a table. */
static int add_moc(struct cat_region *region, const char *path, struct cat_error *err)
{
	struct cat_reader *r;
	struct cat_buf *b;
	int rc;

	CAT_TRY(cat_open(path, CAT_OPEN_HEAD, &r, err));
	rc = cat_read_all(r, (size_t)1 << 30, &b, err);
	cat_reader_close(r);
	CAT_TRY(rc);
	rc = cat_region_add_moc(region, b->data, b->size, err);
	cat_buf_unref(b);
	return rc == CAT_OK ? rc : cat_wrap(err, "%s", path);
}

/* RA,DEC,R, or NAME,R. */
static int add_cone(struct cat_region *region, const char *text, const struct cat_resources *res, struct cat_error *err)
{
	struct cat_text cone = {.max = 1 << 12};
	bool named;
	int rc = cat_sesame_cone(text, &cone, &named, err);

	if (rc == CAT_OK && named)
		cat_note(res, "%s is %s", text, cone.s);
	if (rc == CAT_OK)
		rc = cat_region_add_cone(region, cone.s ? cone.s : "", err);
	cat_text_fini(&cone);
	return rc;
}

static int add_regions(struct cat_region *region, const struct cat_rows *rows, const struct cat_resources *res,
                       struct cat_error *err)
{
	for (int i = 0; i < rows->cone.n; i++)
		CAT_TRY(add_cone(region, rows->cone.v[i], res, err));
	for (int i = 0; i < rows->box.n; i++)
		CAT_TRY(cat_region_add_box(region, rows->box.v[i], err));
	for (int i = 0; i < rows->polygon.n; i++)
		CAT_TRY(cat_region_add_polygon(region, rows->polygon.v[i], err));
	for (int i = 0; i < rows->moc.n; i++)
		CAT_TRY(add_moc(region, rows->moc.v[i], err));
	return CAT_OK;
}

int cat_io_region(const struct cat_rows *rows, const struct cat_resources *res, struct cat_scan_region **out,
                  struct cat_error *err)
{
	struct cat_region *region;

	*out = NULL;
	if (rows->cone.n + rows->box.n + rows->polygon.n + rows->moc.n == 0)
		return CAT_OK;
	CAT_TRY(cat_region_new(&region, err));
	if (add_regions(region, rows, res, err) != CAT_OK) {
		cat_region_free(region);
		return (int)err->code;
	}
	return cat_scan_region_new(region, out, err);
}

/* All but the region. */
static struct cat_scan_options scan_options(const struct cat_rows *rows, const struct cat_resources *res,
                                            const struct cat_consumer *consumer)
{
	struct cat_scan_options scan = {.limit = -1, .memory_bytes = res->memory_bytes, .consumer = consumer};

	if (rows) {
		scan.columns = rows->columns;
		scan.where = rows->where;
		scan.limit = rows->limit;
		scan.ra = rows->ra;
		scan.dec = rows->dec;
	}
	return scan;
}

int cat_io_source_of(struct cat_feed *feed, const struct cat_rows *rows, const struct cat_resources *res,
                     struct cat_pool *pool, struct cat_source **out, struct cat_error *err)
{
	struct cat_scan_options scan = scan_options(rows, res, NULL);
	const int rc = cat_io_region(rows, res, &scan.region, err);

	if (rc != CAT_OK) {
		cat_feed_close(feed);
		return rc;
	}
	return cat_scan_open(feed, &scan, pool, out, err);
}

int cat_io_source(const struct cat_input *in, const struct cat_rows *rows, const struct cat_resources *res,
                  char *const *operands, int n, struct cat_pool *pool, struct cat_source **out,
                  struct cat_error *err)
{
	return cat_io_source_for(in, rows, res, NULL, operands, n, pool, out, err);
}

/* --- what would be read --- */

static int explain_text(const struct cat_scan_costs *c, bool json, struct cat_text *out, struct cat_error *err)
{
	const struct cat_net_counts asked = cat_net_counts();
	struct cat_json *j;

	if (!json) {
		cat_text_addf(out, "row groups: %lld to read, of %lld looked at; %lld rows in their wanted pages\n",
		              (long long)c->pieces, (long long)c->seen, (long long)c->rows);
		cat_text_addf(out, "requests: %lld (%lld of them for metadata), %lld bytes\n",
		              (long long)(asked.requests + c->surely.requests), (long long)asked.requests,
		              (long long)(asked.bytes_in + c->surely.bytes));
		if (c->perhaps.requests)
			cat_text_addf(out, "and where rows survive the conditions up to: %lld requests, %lld bytes\n",
			              (long long)c->perhaps.requests, (long long)c->perhaps.bytes);
		return cat_text_check(out, err);
	}
	j = cat_json_object();
	cat_json_int(j, "row_groups_seen", c->seen);
	cat_json_int(j, "row_groups", c->pieces);
	cat_json_int(j, "rows", c->rows);
	cat_json_int(j, "metadata_requests", asked.requests);
	cat_json_int(j, "metadata_bytes", asked.bytes_in);
	cat_json_int(j, "requests", asked.requests + c->surely.requests);
	cat_json_int(j, "bytes", asked.bytes_in + c->surely.bytes);
	cat_json_int(j, "further_requests_at_most", c->perhaps.requests);
	cat_json_int(j, "further_bytes_at_most", c->perhaps.bytes);
	return cat_json_dump(j, out, err);
}

/* Opens what the operands name, and says how it is to be scanned. Takes care of the region on failure. */
static int open_operands(const struct cat_input *in, const struct cat_rows *rows, const struct cat_resources *res,
                         const struct cat_consumer *consumer, char *const *operands, int n,
                         struct cat_scan_options *scan, struct cat_feed **feed, struct cat_error *err)
{
	struct cat_open_options open = {
		.from = in->from,
		.temp_dir = res->temp_dir,
		.hdu = in->hdu,
		.allow_no_eos = in->allow_no_eos,
		.infer_full = strcmp(in->infer, "full") == 0,
		.ntypes = in->types.n,
		.types = in->types.v,
	};
	int rc;

	*scan = scan_options(rows, res, consumer);
	if (n == 0 && isatty(0))
		return cat_fail(err, CAT_E_USAGE, "no input: name a file, or pipe a table in");
	if (n <= 1)
		scan->name = n == 0 || strcmp(operands[0], "-") == 0 ? "standard input" : operands[0];
	if (rows) {
		CAT_TRY(cat_io_shard(rows->shard, &open.shard, &open.nshards, err));
		if (rows->shard && rows->limit >= 0)
			return cat_fail(err, CAT_E_USAGE, "-n and --shard do not go together");
		CAT_TRY(cat_io_region(rows, res, &scan->region, err));
		/* Partitions hold the catalogue's own positions, not others that the user names. */
		if (scan->region && !rows->ra && !rows->dec)
			open.want = (struct cat_hats_want){.keep = cat_scan_region_keep, .arg = scan->region};
	}
	rc = cat_table_open_all(operands, n, &open, feed, err);
	if (rc != CAT_OK)
		cat_scan_region_free(scan->region);
	else if ((*feed)->note)
		cat_note(res, "%s: %s", scan->name ? scan->name : operands[0], (*feed)->note);
	return rc;
}

int cat_io_source_for(const struct cat_input *in, const struct cat_rows *rows, const struct cat_resources *res,
                      const struct cat_consumer *consumer, char *const *operands, int n, struct cat_pool *pool,
                      struct cat_source **out, struct cat_error *err)
{
	struct cat_scan_options scan;
	struct cat_feed *feed;

	CAT_TRY(open_operands(in, rows, res, consumer, operands, n, &scan, &feed, err));
	if (feed->far && n > 0 && !scan.region && !scan.where && scan.limit < 0 &&
	    cat_network_ask(&res->net, operands[0], feed->bytes, err) != CAT_OK) {
		cat_feed_close(feed);
		return (int)err->code;
	}
	return cat_scan_open(feed, &scan, pool, out, err);
}

int cat_io_explain(const struct cat_io *io, bool json, char *const *operands, int n, struct cat_error *err)
{
	struct cat_text out = {.max = 1 << 20};
	struct cat_scan_options scan;
	struct cat_scan_costs costs;
	struct cat_pool *pool = NULL;
	struct cat_feed *feed;
	int rc = cat_pool_new(1, &pool, err);

	if (rc == CAT_OK)
		rc = open_operands(&io->input, &io->rows, &io->res, NULL, operands, n, &scan, &feed, err);
	if (rc == CAT_OK)
		rc = cat_scan_price(feed, &scan, pool, &costs, err);
	if (rc == CAT_OK)
		rc = explain_text(&costs, json, &out, err);
	if (rc == CAT_OK)
		rc = cat_print(&out, err);
	cat_text_fini(&out);
	cat_pool_free(pool);
	return rc;
}
