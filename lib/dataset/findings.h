/* findings -- what a check found wrong, by kind: so many of each in full, the others counted.
 *
 * Layer: dataset. Zero-initialise with max_per_kind set. Failures stick, as with cat_text: find freely, then ask
 * cat_findings_check once.
 * Thread rule: one list belongs to one thread at a time.
 */
#ifndef CAT_DATASET_FINDINGS_H
#define CAT_DATASET_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Kind, its name in reports, what it means in the manual page. Notes are no faults. */
#define CAT_FINDINGS(X)                                                                             \
	X(FILE_MISSING, "file-missing", "a file that the layout demands is not there")              \
	X(FILE_FOREIGN, "file-foreign", "a file inside dataset that belongs to no layout")           \
	X(LEAF_MISSING, "leaf-missing", "a partition without its file")                              \
	X(LEAF_FOREIGN, "leaf-foreign", "a file of a partition that the list of partitions lacks")   \
	X(UNREADABLE, "unreadable", "a file, row group or column that cannot be decoded")            \
	X(PAGE_CRC, "page-crc", "a page whose checksum is wrong")                                    \
	X(CHECKSUM, "checksum", "an object that is not what its ETag or SHA-256 says")               \
	X(PAGE_INDEX, "page-index", "a page index that is wrong about places or values")             \
	X(STATISTICS, "statistics", "least, greatest or nulls of a row group are not the data's")    \
	X(SCHEMA, "schema", "columns, types or metadata unlike those of _common_metadata")           \
	X(METADATA, "metadata", "_metadata differs from the leaves")                                 \
	X(STATS_FILE, "statistics-file", "per_partition_statistics.parquet differs from the leaves") \
	X(PROPERTIES, "properties", "a property that is missing or untrue")                          \
	X(PARTITIONS, "partition-info", "partition_info.csv is out of order")                        \
	X(ORDER, "order", "rows are not in the order that is promised")                              \
	X(HEALPIX, "healpix", "the spatial index is not that of the position")                       \
	X(POSITION, "position", "a row without a valid position")                                    \
	X(MEMBERSHIP, "membership", "a row in a partition that it does not belong to")               \
	X(MARGIN_MISSING, "margin-missing", "a row that a margin cache lacks")                       \
	X(MARGIN_EXTRA, "margin-extra", "a row of a margin cache that does not belong there")        \
	X(SKYMAP, "skymap", "a map whose counts are not those of the rows")                          \
	X(COLLECTION, "collection", "a collection that names what is not there")                     \
	X(NOTE, "note", "no fault: what could not be checked, or what others may stumble over")

enum cat_found_kind {
#define X(name, text, meaning) CAT_FOUND_##name,
	CAT_FINDINGS(X)
#undef X
	CAT_FOUND_COUNT
};
const char *cat_found_name(enum cat_found_kind kind);

struct cat_finding {
	enum cat_found_kind kind;
	char *where; /* a file seen from the catalogue; "" */
	char *text;
};
struct cat_findings {
	int64_t max_per_kind;
	struct cat_finding *at;
	size_t n, cap;
	int64_t counts[CAT_FOUND_COUNT];
	bool failed;
};
CAT_PRINTF(4, 5) void cat_found(struct cat_findings *f, enum cat_found_kind kind, const char *where,
                                const char *fmt, ...);
/* Moves what FROM has behind what is in TO; FROM is empty afterwards. */
void cat_findings_move(struct cat_findings *to, struct cat_findings *from);
/* All but notes. */
int64_t cat_findings_faults(const struct cat_findings *f);
CAT_MUST_USE int cat_findings_check(const struct cat_findings *f, struct cat_error *err);
void cat_findings_fini(struct cat_findings *f);

#endif
