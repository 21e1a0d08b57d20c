/* parquet -- Parquet files: footer, row groups to batches, batches to row groups, dataset metadata files.
 *
 * Layer: formats. Reads every encoding and codec of parquet-format 2.x but those named in CAT_E_UNSUPPORTED
 * errors (ALP, LZO, encryption); writes the profile described at struct cat_parquet_write_options.
 * Source: github.com/apache/parquet-format.
 */
#ifndef CAT_FORMATS_PARQUET_H
#define CAT_FORMATS_PARQUET_H

#include "base/bytes.h"
#include "columnar/pump.h"

/* --- reading --- */

struct cat_parquet_options {
	bool binary_as_text; /* byte arrays without annotation are text (Impala, Hive, old Spark) */
	bool skip_crc;       /* do not check page checksums */
	bool bare;           /* of columns only what ARROW:schema says: formats/colmeta.h is not asked */
};
/* Immutable once opened; its functions may be called from any thread. */
struct cat_parquet_file;

/* Reads the footer of R, which stays the caller's and must outlive the file. O NULL: defaults. CAT_E_DATA when it
 * is no Parquet file, CAT_E_UNSUPPORTED when it is encrypted. */
CAT_MUST_USE int cat_parquet_open(struct cat_reader *r, const struct cat_parquet_options *o,
                                  struct cat_parquet_file **out, struct cat_error *err);
/* A file of which only the footer (Thrift bytes) is there: nothing can be decoded. */
CAT_MUST_USE int cat_parquet_open_footer(struct cat_buf *footer, struct cat_parquet_file **out, struct cat_error *err);
void cat_parquet_close(struct cat_parquet_file *f); /* accepts NULL */

/* Arrow types; metadata of the schema as the file has it, and of fields as ARROW:schema, a VOTable or astropy's YAML
 * in the footer tell, in this order. Owned by the file. */
struct cat_schema *cat_parquet_schema(const struct cat_parquet_file *f);
int cat_parquet_ngroups(const struct cat_parquet_file *f);
int64_t cat_parquet_nrows(const struct cat_parquet_file *f);
int64_t cat_parquet_group_rows(const struct cat_parquet_file *f, int group);
/* Compressed bytes of columns COLS[0..n) of a group (COLS NULL: all). */
int64_t cat_parquet_group_bytes(const struct cat_parquet_file *f, int group, const int *cols, int n);
/* What the writer said of itself; "" when nothing. */
const char *cat_parquet_created_by(const struct cat_parquet_file *f);
/* The file's footer as it stands in the file (Thrift bytes), one reference for the caller. */
struct cat_buf *cat_parquet_footer(const struct cat_parquet_file *f);
/* Bounds and nulls of column COL in GROUP as far as they can be trusted; text is owned by the file. All unknown
 * for nested columns. */
void cat_parquet_stats(const struct cat_parquet_file *f, int group, int col, struct cat_range_stats *out);

/* The leaves: plain columns, and the plain parts of nested ones. */
int cat_parquet_nleaves(const struct cat_parquet_file *f);
/* The leaf's Arrow type as a nullable field, which the caller finishes; its name is the path in the file
 * ("lc.mag.list.element"). */
CAT_MUST_USE int cat_parquet_leaf(const struct cat_parquet_file *f, int leaf, struct cat_field *out,
                                  struct cat_error *err);
struct cat_parquet_chunk_stats {
	struct cat_range_stats stats; /* text is owned by the file */
	int64_t entries;              /* values, nulls and empty lists */
	int64_t disk_bytes, memory_bytes;
};
void cat_parquet_chunk(const struct cat_parquet_file *f, int group, int leaf, struct cat_parquet_chunk_stats *out);

/* Rows [row_begin, row_end) of GROUP, columns COLS[0..n) (ascending). Reads only these columns' chunks, and of
 * chunks with an offset index only the pages that hold the rows, all in one request. */
CAT_MUST_USE int cat_parquet_decode(const struct cat_parquet_file *f, int group, const int *cols, int n,
                                    int64_t row_begin, int64_t row_end, struct cat_batch **out,
                                    struct cat_error *err);

/* Column COL's pages of GROUP, rows counted from the group's first; none when it has no usable page index. */
CAT_MUST_USE int cat_parquet_page_stats(const struct cat_parquet_file *f, int group, int col,
                                        struct cat_part_list *out, struct cat_error *err);

/* One work per row group; groups of more than 131,072 rows give several where an offset index is there. Their parts
 * are pages. Takes over R, also on failure. */
CAT_MUST_USE int cat_parquet_feed(struct cat_reader *r, const struct cat_parquet_options *o, struct cat_feed **out,
                                  struct cat_error *err);
/* The file behind a feed made by cat_parquet_feed. */
struct cat_parquet_file *cat_parquet_feed_file(struct cat_feed *f);

/* --- checking --- */

/* The path that GROUP says its rows lie at, seen from the file, not terminated; NULL: in the file itself. */
const char *cat_parquet_group_path(const struct cat_parquet_file *f, int group, size_t *len);
/* The column by which the rows of GROUP are said to ascend first; -1: nothing is said. */
int cat_parquet_sort_column(const struct cat_parquet_file *f, int group);
/* Whether two groups are said to have the same rows, places, sizes and statistics; else WHY names what differs. */
bool cat_parquet_same_group(const struct cat_parquet_file *a, int group_a, const struct cat_parquet_file *b,
                            int group_b, char *why, size_t size);
enum cat_parquet_fault { CAT_PARQUET_CRC, CAT_PARQUET_INDEX };
struct cat_pq_check {
	int group, col;
	/* Told of checksums that are wrong and of page indexes that do not tell where the pages are. */
	void (*say)(void *arg, enum cat_parquet_fault fault, const char *text);
	/* Given the rows from ROW on, one part after the other. */
	CAT_MUST_USE int (*each)(void *arg, struct cat_column *rows, int64_t row, struct cat_error *err);
	void *arg;
	int64_t max_bytes; /* of a part, decoded, unless a row has more alone */
};
/* All rows of a column, with every page looked at before. *CRC is false when a checksum is wrong: then no rows are
 * given. What cannot be decoded is CAT_E_DATA. For files opened with skip_crc. */
CAT_MUST_USE int cat_parquet_check_column(const struct cat_parquet_file *f, const struct cat_pq_check *c, bool *crc,
                                          struct cat_error *err);
/* Bytes in memory that this takes, about. */
int64_t cat_parquet_check_bytes(const struct cat_parquet_file *f, int group, int col, int64_t max_bytes);
/* The leaves of column COL: *FIRST of the file's, and how many. */
int cat_parquet_column_leaves(const struct cat_parquet_file *f, int col, int *first);

/* --- writing --- */

/* Rows of a row group at most. One whose values have so many bytes, or so many of them in texts and nested values, ends
 * however few its rows are: all of it is in memory at a time, and a column of texts twice. */
#define CAT_PARQUET_GROUP_ROWS 50000
#define CAT_PARQUET_GROUP_BYTES (INT64_C(32) << 20)
#define CAT_PARQUET_LONGER_BYTES (INT64_C(16) << 20)

/* Floats BYTE_STREAM_SPLIT, integers and times DELTA_BINARY_PACKED, texts by dictionary while that is small
 * (1 MiB and half of the values), else PLAIN; pages of 128 KiB, version 1, with CRC; ZSTD, but a column named
 * _healpix_29 is not compressed further; statistics, column index and offset index; ARROW:schema. Everything is
 * optional but what Parquet demands (keys of maps). Zero-initialised: defaults. */
struct cat_parquet_write_options {
	int64_t row_group_rows;  /* at most; 0: CAT_PARQUET_GROUP_ROWS */
	int level;               /* of zstd; 0: 1, negative: no compression */
	int64_t page_bytes;      /* of values as they are stored; 0: 128 KiB */
	bool plain;              /* numbers PLAIN, for old readers */
	const char *sort_column; /* the rows come ascending by it, nulls last; NULL: nothing is said */
};
/* Equal rows and options give equal bytes, however the rows were batched. Seconds become milliseconds, as Parquet
 * has none; DATE64 becomes DATE. CAT_E_UNSUPPORTED for groups without columns. */
CAT_MUST_USE int cat_parquet_encoder(const struct cat_schema *schema, const struct cat_parquet_write_options *o,
                                     struct cat_encoder **out, struct cat_error *err);
/* After tail: the footer that was written, one reference for the caller. */
struct cat_buf *cat_parquet_encoder_footer(const struct cat_encoder *e);

/* --- _metadata and _common_metadata --- */

/* Collects the row groups of many files of one schema; belongs to one thread. Keeps their bytes only. */
struct cat_parquet_meta;
/* SORT_COLUMN and the like are taken from the files; SCHEMA gives columns, types and metadata. */
CAT_MUST_USE int cat_parquet_meta_new(const struct cat_schema *schema, struct cat_parquet_meta **out,
                                      struct cat_error *err);
/* The same for files that others wrote: schema and key-value pairs are those of FOOTER, one of them, to the byte. */
CAT_MUST_USE int cat_parquet_meta_like(const struct cat_buf *footer, struct cat_parquet_meta **out,
                                       struct cat_error *err);
/* Appends the row groups of FOOTER, whose file lies at PATH ("Norder=1/Dir=0/Npix=44.parquet") seen from the
 * metadata file. CAT_E_DATA when the footer is corrupt or has other columns. */
CAT_MUST_USE int cat_parquet_meta_append(struct cat_parquet_meta *m, const struct cat_buf *footer,
                                         const char *path, struct cat_error *err);
/* A whole file: with nothing appended that is a _common_metadata. */
CAT_MUST_USE int cat_parquet_meta_bytes(struct cat_parquet_meta *m, struct cat_buf **out, struct cat_error *err);
void cat_parquet_meta_free(struct cat_parquet_meta *m); /* accepts NULL */

#endif
